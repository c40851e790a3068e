# SPDX-License-Identifier: GPL-2.0
"""The device tree of QEMU's virt machine with persistent memory, for which QEMU has no
option on every architecture: what it has as RAM is described in parts."""

import subprocess
from pathlib import Path

from machine import Failure
from memmap import Range


def cells(where: Range) -> list[str]:
    """Address and size, two cells of 32 bits each."""
    return [f"{cell:x}" for number in (where.start, where.end - where.start)
            for cell in divmod(number, 1 << 32)]


def run(*command: str | Path) -> None:
    made = subprocess.run(command, check=False, capture_output=True, text=True)
    if made.returncode:
        raise Failure(f"{command[0]} fails: {made.stderr.strip()}")


def write_device_tree(tree: Path, qemu: tuple[str, ...], ram: Range, pmem: tuple[Range, ...]) -> None:
    tree.parent.mkdir(parents=True, exist_ok=True)
    run(*qemu, "-machine", f"dumpdtb={tree}")
    run("fdtput", "-t", "x", tree, f"/memory@{ram.start:x}", "reg", *cells(ram))
    for where in reversed(pmem):	# a new node is the first one
        node = f"/pmem@{where.start:x}"
        run("fdtput", "-c", tree, node)
        run("fdtput", "-t", "s", tree, node, "compatible", "pmem-region")
        run("fdtput", "-t", "x", tree, node, "reg", *cells(where))
