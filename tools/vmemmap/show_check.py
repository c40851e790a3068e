# SPDX-License-Identifier: GPL-2.0
"""Do tools/vmemmap/show and vmemmap/summary in debugfs say what QEMU's walk of the page
tables finds?"""

import json
import subprocess
from collections import Counter
from pathlib import Path

from backing import Row
from guest_image import SHOW
from machine import Failure, Machine
from memmap import KIB, Geometry, Range, ranges
from report import node_sums, record


def by_dump(machine: Machine, objects: Path, rows: list[Row], geometry: Geometry) -> list[str]:
    dump = objects / "dump"
    try:
        machine.dump(dump)
        shown = subprocess.run([SHOW, "--json", "--vmlinux", objects / "vmlinux", dump],
                               capture_output=True, text=True, check=False)
    finally:
        dump.unlink(missing_ok=True)
    if shown.returncode:
        raise Failure(f"tools/vmemmap/show: {(shown.stderr.splitlines() or ['no reason'])[-1]}")
    return differences(json.loads(shown.stdout), rows, geometry)


def by_live(machine: Machine, _: Path, rows: list[Row], geometry: Geometry) -> list[str]:
    reported = machine.guest("show")
    return differences(json.loads("".join(line.removeprefix("show ") for line in reported)),
                       rows, geometry)


def plain(row: dict) -> dict:
    """As JSON has it, without the name of a device, which QEMU does not know."""
    row = json.loads(json.dumps(row))
    return row | {"since": row["since"].split()[0]}


def differences(shown: dict, rows: list[Row], geometry: Geometry) -> list[str]:
    wrong = [f"show cannot read {what}" for what in shown["unread"]]
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
    """As the summary has it: blocks by the node and kind of each, and no tables. Here, no
    range has blocks of several kinds."""
    sums: Sums = Counter()
    for row in rows:
        kind = row.backing[0]
        where = "-1" if kind == "altmap" else str(row.node)
        sums[where, kind] += row.block_bytes // KIB
        sums[str(row.node), "shared"] += row.saved // KIB
    return +sums


def by_summary(machine: Machine, _: Path, rows: list[Row], __: Geometry) -> list[str]:
    """There is none in the stock kernel."""
    try:
        lines = machine.guest("summary")
    except Failure:
        return []
    found: Sums = Counter()
    for __, node, kind, *lengths in (line.split() for line in lines[1:]):
        found[node, kind] += sum(map(int, lengths))
    wanted = summed_up(rows)
    return [f"the summary has {found[key]} KiB of {key[1]} for node {key[0]}, QEMU finds "
            f"{wanted[key]}" for key in sorted(found | wanted) if found[key] != wanted[key]]


CHECKS = {"dump": by_dump, "live": by_live, "summary": by_summary}
