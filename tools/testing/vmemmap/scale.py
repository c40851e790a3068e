#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Instructions that a leaf costs, in machines of 64 GiB to 1 PiB.

The harness plays the machine; callgrind counts what the files of mm/ execute while
the last 64 GiB get their memory map and lose it.
"""

import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

LEAVES = 512			# of 64 GiB, one for each section
SIZES = [64 << shift for shift in range(0, 15, 2)]	# GiB
FLAT = 1.05			# the largest against the smallest, at most


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


def measure(program: Path, source: Path, size: int) -> tuple[float, float]:
    """Of a machine of so many GiB: to populate a leaf, and to free one."""
    with TemporaryDirectory() as where:
        subprocess.run(["valgrind", "--tool=callgrind", "--instr-atstart=no",
                        f"--callgrind-out-file={where}/out", program, str(size)],
                       check=True, stderr=subprocess.DEVNULL)
        costs = {}
        for path in Path(where).iterdir():
            text = path.read_text()
            if found := re.search(r"^desc: Trigger: Client Request: (\w+)", text, re.M):
                costs[found[1]] = own_cost(text, source) / LEAVES
    return costs["populate"], costs["free"]


def name_of(size: int) -> str:
    return f"{size >> 20} PiB" if size >> 20 else f"{size >> 10} TiB" if size >> 10 else f"{size} GiB"


def main() -> int:
    program, source = Path(sys.argv[1]), Path(sys.argv[2])
    print(f"{'machine':>8} {'populate':>10} {'free':>10}   instructions for a leaf")
    costs = []
    for size in SIZES:
        costs.append(measure(program, source, size))
        print(f"{name_of(size):>8} {costs[-1][0]:10.1f} {costs[-1][1]:10.1f}", flush=True)
    ratios = [last / first for first, last in zip(costs[0], costs[-1])]
    print(f"{'ratio':>8} {ratios[0]:10.3f} {ratios[1]:10.3f}   at most {FLAT}")
    return 0 if max(ratios) <= FLAT else 1


if __name__ == "__main__":
    sys.exit(main())
