# SPDX-License-Identifier: GPL-2.0
"""Do tools/vmemmap/show and vmemmap/summary in debugfs say what QEMU's walk of the page
tables finds?"""

import json
import re
import subprocess
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from backing import Row, has_own
from guest_image import SHOW
from machine import Failure, Machine
from memmap import KIB, Geometry, Range, ranges
from report import node_sums, record

DOCUMENTS = Path(__file__).resolve().parents[2] / "Documentation/mm"

# What a figure says that is different for each kernel
RELEASE = re.compile(r"Linux [^ ,]+")


@dataclass
class Show:
    """What a guest, or its dump, shows."""
    machine: Machine
    objects: Path
    geometry: Geometry
    limits: dict[str, float]		# seconds of the guest's, by verb
    series: str
    drawing: Path | None		# where to write what it draws

    def run_on_dump(self, form: str) -> str:
        dump = self.objects / "dump"
        try:
            self.machine.dump(dump)
            shown = subprocess.run([SHOW, form, "--vmlinux", self.objects / "vmlinux", dump],
                                   capture_output=True, text=True, check=False)
        finally:
            dump.unlink(missing_ok=True)
        if shown.returncode:
            raise Failure(f"tools/vmemmap/show: {(shown.stderr.splitlines() or ['no reason'])[-1]}")
        return shown.stdout

    def reported(self, verb: str) -> tuple[list[str], list[str]]:
        """What the guest shows, and whether that took too long."""
        lines = self.machine.guest(verb)
        took, = (float(line.split()[1]) for line in lines if line.startswith("took "))
        limit = self.limits.get(verb)
        if limit:
            self.machine.note(f"{verb} took {took} s of the guest's time, limit {limit} s")
        return ([line.removeprefix(f"{verb} ") for line in lines if line.startswith(f"{verb} ")],
                [f"it took {took} s, not {limit} s at most"] if limit and took > limit else [])

    def dump(self, rows: list[Row]) -> list[str]:
        return differences(json.loads(self.run_on_dump("--json")), rows, self)

    def live(self, rows: list[Row]) -> list[str]:
        lines, late = self.reported("show")
        return late + differences(json.loads("".join(lines)), rows, self)

    def summary(self, rows: list[Row]) -> list[str]:
        """There is none in the stock kernel."""
        if not has_own(self.machine):
            return []
        lines, late = self.reported("summary")
        found: Sums = Counter()
        for _, node, kind, *lengths in (["", *line.split()] for line in lines[1:]):
            found[node, kind] += sum(map(int, lengths))
        wanted = summed_up(rows)
        return late + [f"{found[key]} KiB of {key[1]} for node {key[0]}, QEMU finds {wanted[key]}"
                       for key in sorted(found | wanted) if found[key] != wanted[key]]

    def figure(self) -> list[str]:
        """Is the figure of the document, if it has one of this series, what show draws?"""
        if not self.drawing:
            return []
        self.drawing.write_text(self.run_on_dump("--svg"))
        figure = DOCUMENTS / f"vmemmap-show-{self.series}.svg"
        drawn, known = (RELEASE.sub("", path.read_text()) if path.exists() else ""
                        for path in (self.drawing, figure))
        if known in ("", drawn):
            return []
        return [f"{figure} is not what show draws; if {self.drawing} is right, copy it there"]


def plain(row: dict) -> dict:
    """As JSON has it, without the name of a device, which QEMU does not know."""
    row = json.loads(json.dumps(row))
    return row | {"since": row["since"].split()[0]}


def differences(shown: dict, rows: list[Row], show: Show) -> list[str]:
    geometry = show.geometry
    wrong = [f"show cannot read {what}" for what in shown["unread"]]
    if shown["own"] != has_own(show.machine):
        wrong.append("show takes one back end for the other")
    wanted = {row["start"]: row for row in (plain(record(row, geometry)) for row in rows)}
    found = {row["start"]: row for row in map(plain, shown["rows"])}
    for start in sorted(wanted | found):
        row, other = wanted.get(start), found.get(start)
        if row is None or other is None:
            where = row or other
            wrong.append(f"show {'lacks' if other is None else 'invents'} "
                         + ranges([Range(where["start"], where["end"])]))
        else:
            wrong += [f"show says {key} {other[key]} of {start:#x}, QEMU finds {row[key]}"
                      for key in row if row[key] != other[key]]
    if not wrong and shown["nodes"] != node_sums(rows):
        wrong.append(f"show's sums are {shown['nodes']}, QEMU's {node_sums(rows)}")
    return wrong


Sums = Counter[tuple[str, str]]		# KiB by node and backing


def summed_up(rows: list[Row]) -> Sums:
    """As the summary has it: what is mapped, by the node and kind of the block, and no tables."""
    sums: Sums = Counter()
    for row in rows:
        for (node, kind), length in row.blocks.items():
            sums["-1" if kind == "altmap" else str(node), kind] += length // KIB
        for node, length in row.shared.items():
            sums[str(node), "shared"] += length // KIB
    return +sums
