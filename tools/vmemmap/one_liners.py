# SPDX-License-Identifier: GPL-2.0
"""The commands for a live machine in Documentation/mm/vmemmap.rst: run in a guest, with the
output that stands below each."""

import re
from collections import Counter
from pathlib import Path

from backing import has_own
from machine import Failure, Machine

DOCUMENT = Path(__file__).resolve().parents[2] / "Documentation/mm/vmemmap.rst"
SECTION = "On a live machine"


def commands() -> list[tuple[str, list[str]]]:
    """Each command of the blocks of the section that have no highlighting, and its output. A
    backslash continues a line."""
    text = DOCUMENT.read_text(encoding="utf-8")
    section = re.split(r"\n[^\n]+\n=+\n", text[text.index(f"\n{SECTION}\n="):], maxsplit=2)[1]
    found: list[tuple[str, list[str]]] = []
    for block in re.findall(r"\.\. code-block:: none\n\n((?: +[^\n]*\n|\n)+)", section):
        for line in filter(None, map(str.strip, re.sub(r"\\\n *", "", block).splitlines())):
            if line.startswith("# "):
                found.append((line[2:], []))
            elif line != "...":
                found[-1][1].append(line)
    return found


def shape(line: str) -> str:
    """All of a line but its figures and spaces."""
    return re.sub(r"0x[0-9a-f]+|[\d.]+", "0", re.sub(r"\s+", " ", line.strip()))


def run_one_liners(machine: Machine) -> None:
    """The stock kernel has no such tracepoints."""
    if not has_own(machine):
        return
    found = commands()
    if not found:
        raise Failure(f"{DOCUMENT} has no commands in '{SECTION}'")
    for command, output in found:
        printed = Counter(shape(line.removeprefix("printed "))
                          for line in machine.guest(f"meanwhile {command}"))
        missing = Counter(map(shape, output)) - printed
        if missing or not output:
            raise Failure(f"'{command}' does not print '{next(iter(missing), 'anything')}', but "
                          f"{' | '.join(printed) or 'nothing'}")
    machine.note(f"{len(found)} commands of {DOCUMENT.name} print what it says")
