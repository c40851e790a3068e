#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""
coverage.py - which branches of mm/ the test cases take

What all variants take together counts: struct pages of each size, and an
architecture with hooks of its own. Where a line has another number of branches
in one of them, as with CONFIG_DEBUG_VM, it stands for itself. The reasons for
what is never taken are in coverage.txt.
"""
import collections
import glob
import json
import os
import subprocess
import sys

from reasons import read_reasons

HERE = os.path.dirname(os.path.realpath(__file__))
TOP = os.path.realpath(os.path.join(HERE, "../../.."))
BUILD = os.path.join(TOP, "build/coverage")
LEAST_BRANCHES = 95


def run_tests():
    for name in glob.glob(f"{BUILD}/*/*.gcda"):
        os.unlink(name)
    subprocess.run(["make", "-s", f"-j{os.cpu_count()}", "-C", HERE, "build", "COVERAGE=1",
                    f"O={BUILD}", "CFLAGS=-O0 -g1"], env=os.environ | {"CCACHE_DISABLE": "1"},
                   stdout=subprocess.DEVNULL, check=True)
    result = subprocess.run([f"{BUILD}/unit", "-s", "7"], stdout=subprocess.PIPE, text=True,
                            check=False)
    if result.returncode:
        sys.exit(f"error: the test cases fail\n{result.stdout}")


def counts():
    """How often each line was reached and each branch taken, of what lies in mm/."""
    lines, branches = collections.Counter(), collections.Counter()
    objects = glob.glob(f"{BUILD}/*/*.gcda")
    out = subprocess.run(["gcov", "--json-format", "--branch-probabilities", "--stdout", *objects],
                         stdout=subprocess.PIPE, text=True, check=True).stdout
    for document in out.splitlines():
        for file in json.loads(document)["files"]:
            path = os.path.relpath(file["file"], TOP)
            if os.path.dirname(path) != "mm":
                continue
            for line in file["lines"]:
                place = path, line["line_number"], line.get("function_name", "")
                lines[place] += line["count"]
                for nr, branch in enumerate(line["branches"]):
                    branches[(*place, len(line["branches"]), nr)] += branch["count"]
    return lines, branches


def table_row(name, lines, branches):
    cells = [name]
    for counter in (lines, branches):
        taken = sum(count > 0 for count in counter)
        cells.append(f"{taken:5} of {len(counter):4} {100 * taken / max(len(counter), 1):6.1f} %")
    print("{:28} {:>24} {:>24}".format(*cells))


def print_table(lines, branches):
    print(f"{'':28} {'lines':>24} {'branches':>24}")
    for path in sorted({place[0] for place in lines}):
        table_row(path, *([count for place, count in counter.items() if place[0] == path]
                          for counter in (lines, branches)))
    table_row("all", lines.values(), branches.values())


def print_gaps(lines, branches):
    """What was never reached or taken; True if each has a reason, and no other."""
    reasons = read_reasons(os.path.join(HERE, "coverage.txt"))
    gaps = collections.defaultdict(int)
    for place, count in lines.items():
        if not count:
            gaps[place] += 0
    for place, count in branches.items():
        if not count:
            gaps[place[:3]] += 1
    found = set()
    for (path, number, function), nr_branches in sorted(gaps.items()):
        with open(os.path.join(TOP, path), encoding="utf-8") as file:
            text = file.read().splitlines()[number - 1].strip()
        found.add(f"{function}: {text}")
        what = f"{nr_branches} never taken" if nr_branches else "never reached"
        print(f"{path}:{number}: {function}: {text} ({what})\n"
              f"\t{reasons.get(f'{function}: {text}') or 'NO REASON GIVEN'}")
    for finding in reasons.keys() - found:
        print(f"coverage.txt: this is reached, or gone: {finding}")
    return all(reasons.get(finding) for finding in found) and reasons.keys() <= found


def main():
    run_tests()
    lines, branches = counts()
    is_good = print_gaps(lines, branches)
    print_table(lines, branches)
    nr_taken = sum(count > 0 for count in branches.values())
    sys.exit(not is_good or 100 * nr_taken < LEAST_BRANCHES * len(branches))


if __name__ == "__main__":
    main()
