#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Instructions that a leaf costs, in machines of 64 GiB to 1 PiB.

The harness plays the machine; callgrind counts what the files of mm/ execute while
the last 64 GiB get their memory map and lose it; and while the last section of a
device of 1 to 64 TiB gets its memory map from the holes of the device.
"""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

GIB_PER_SECTION = 1 / 8
LEAVES = 512			# of 64 GiB, one for each section
SIZES = [64 << shift for shift in range(0, 15, 2)]	# GiB
FLAT = 1.05			# the largest against the smallest, at most
DEVICES = [1024 << shift for shift in range(0, 7, 2)]	# GiB
LINEAR = 1.10			# the same, for each leaf of the device


def own_cost(text: str, source: Path) -> int:
    """Instructions of the lines that come from a directory, calls not included."""
    files: dict[str, str] = {}
    here, total, is_call = "", 0, False
    for line in text.splitlines():
        if found := re.match(r"(?:fl|fi|fe)=\((\d+)\)(?: (.*))?", line):
            here = files.setdefault(found[1], found[2] or "")
        elif found := re.match(r"(?:cfi|cfl)=\((\d+)\) (.*)", line):
            files.setdefault(found[1], found[2])
        elif line.startswith("calls="):
            is_call = True
        elif re.match(r"[+\-*\d]", line):
            if not is_call and Path(here).parent == source:
                total += int(line.split()[1])
            is_call = False
    return total


def measure(program: Path, source: Path, *args: str) -> dict[str, int]:
    """Of what the program watches, by name."""
    with TemporaryDirectory() as where:
        subprocess.run(["valgrind", "--tool=callgrind", "--instr-atstart=no",
                        f"--callgrind-out-file={where}/out", program, *args],
                       check=True, stderr=subprocess.DEVNULL)
        costs = {}
        for path in Path(where).iterdir():
            text = path.read_text()
            if found := re.search(r"^desc: Trigger: Client Request: (\w+)", text, re.M):
                costs[found[1]] = own_cost(text, source)
    return costs


def name_of(size: int) -> str:
    return f"{size >> 20} PiB" if size >> 20 else f"{size >> 10} TiB" if size >> 10 else f"{size} GiB"


def print_row(name: str, costs: list[float], rest: str = "") -> None:
    print(f"{name:>8}" + "".join(f"{cost:11.{3 if rest else 1}f}" for cost in costs) + rest, flush=True)


def scale(title: str, names: list[str], sizes: list[int], most: float,
          costs_of: Callable[[int], list[float]]) -> bool:
    """A table of costs by size; are they the same for the largest as for the smallest?"""
    print(f"{title:>8}" + "".join(f"{name:>11}" for name in names))
    costs = []
    for size in sizes:
        costs.append(costs_of(size))
        print_row(name_of(size), costs[-1])
    ratios = [last / first for first, last in zip(costs[0], costs[-1])]
    print_row("ratio", ratios, f"   at most {most:.2f}")
    return max(ratios) <= most


def main() -> int:
    program, source = Path(sys.argv[1]), Path(sys.argv[2])

    def of_a_leaf(size: int) -> list[float]:
        costs = measure(program, source, str(size))
        return [costs["populate"] / LEAVES, costs["free"] / LEAVES]

    def of_holes(size: int) -> list[float]:
        return [measure(program, source, str(size), "holes")["holes"] * GIB_PER_SECTION / size]

    print("Instructions for a leaf")
    is_flat = scale("machine", ["populate", "free"], SIZES, FLAT, of_a_leaf)
    print("\nInstructions for the last section, for each leaf of the device")
    is_linear = scale("device", ["holes"], DEVICES, LINEAR, of_holes)
    return 0 if is_flat and is_linear else 1


if __name__ == "__main__":
    sys.exit(main())
