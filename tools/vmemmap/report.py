# SPDX-License-Identifier: GPL-2.0
"""What a run prints, for people or for programs."""

import time
from collections import Counter
from pathlib import Path

from backing import Row
from memmap import Geometry, ranges, size
from scenarios import Scenario, Step

LAST_LINES = 20
TITLE_WIDTH = 26


def columns(lines: list[tuple[str, ...]]) -> str:
    widths = [max(map(len, column)) for column in zip(*lines)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip()
                     for line in lines)


def leaf_counts(row: Row, geometry: Geometry) -> dict[int, int]:
    """By size."""
    return dict(sorted(Counter(geometry.leaf[leaf.level] for leaf in row.leaves).items()))


def table(rows: list[Row], geometry: Geometry) -> str:
    lines = [("range", "since", "describes", "backed by", "leaves", "tables",
              "RAM spent", "saved", "node")]
    for row in rows:
        lines.append((
            ranges([row.described]), row.what, size(row.described.end - row.described.start),
            ", ".join(row.backing),
            " + ".join(f"{count} x {size(length)}"
                       for length, count in leaf_counts(row, geometry).items()),
            str(row.tables), size(row.ram_bytes), size(row.saved),
            f"{row.node}" + (f", {size(row.off_node)} off node" if row.off_node else "")))
    return columns(lines)


def record(row: Row, geometry: Geometry) -> dict:
    """A row for programs; all lengths are in bytes."""
    return {"start": row.described.start, "end": row.described.end, "since": row.what,
            "backing": row.backing, "leaves": leaf_counts(row, geometry), "tables": row.tables,
            "ram": row.ram_bytes, "saved": row.saved, "node": row.node,
            "off_node": row.off_node}


def node_sums(rows: list[Row]) -> list[dict]:
    """By node: what is described there, the RAM spent there, and by whom else."""
    nodes = sorted({row.node for row in rows} | {node for row in rows for node in row.ram},
                   key=lambda node: -1 if node is None else node)
    return [{"node": node,
             "described": sum(row.described.end - row.described.start
                              for row in rows if row.node == node),
             "ram": sum(row.ram[node] for row in rows),
             "saved": sum(row.saved for row in rows if row.node == node),
             "for_others": sum(row.ram[node] for row in rows if row.node != node)}
            for node in nodes]


def sums_table(rows: list[Row]) -> str:
    sums = node_sums(rows)
    keys = ("described", "ram", "saved", "for_others")
    lines = [("node", "describes", "RAM spent", "saved", "for other nodes")]
    lines += [(str(entry["node"]), *(size(entry[key]) for key in keys)) for entry in sums]
    lines.append(("all", *(size(sum(entry[key] for entry in sums)) for key in keys)))
    return columns(lines)


class Text:
    """For people: a line for each step, the table, the result."""

    def __init__(self, scenario: Scenario, log: Path):
        self.geometry = scenario.geometry
        self.log = log
        self.start = time.monotonic()
        self.failures: list[str] = []
        print(f"scenario {scenario.name}, console log {log}", flush=True)

    def note(self, what: str) -> None:
        print(f"{time.monotonic() - self.start:6.1f} s  {what}", flush=True)

    def step(self, _: int, step: Step, wrong: list[str], note: str) -> None:
        self.failures += [f"{step.title}: {why}" for why in wrong]
        verdict = "FAILED: " + "; ".join(wrong) if wrong else note or "ok"
        self.note(f"{step.title:{TITLE_WIDTH}}  {verdict}")

    def skip(self, _: int, step: Step, why: str) -> None:
        self.note(f"{step.title:{TITLE_WIDTH}}  {why}")

    def finish(self, rows: list[Row], last_lines: list[str]) -> None:
        if rows:
            print("\n" + table(rows, self.geometry))
        if last_lines:
            print(f"\nThe last lines of {self.log}:")
        for line in last_lines:
            print("  " + line)
        more = f", and {len(self.failures) - 1} more" if len(self.failures) > 1 else ""
        print("\nRESULT: " + (f"fail ({self.failures[0]}{more})" if self.failures else "pass"))


class Ktap:
    """For programs: a result line for each step."""

    def __init__(self, scenario: Scenario, log: Path):
        self.counts = {"pass": 0, "fail": 0, "skip": 0}
        print(f"KTAP version 1\n# console log {log}\n1..{len(scenario.steps)}", flush=True)

    def note(self, what: str) -> None:
        print(f"# {what}", flush=True)

    def step(self, number: int, step: Step, wrong: list[str], _: str) -> None:
        self.counts["fail" if wrong else "pass"] += 1
        print(f"not ok {number} {step.title} # {'; '.join(wrong)}" if wrong
              else f"ok {number} {step.title}", flush=True)

    def skip(self, number: int, step: Step, why: str) -> None:
        self.counts["skip"] += 1
        print(f"ok {number} {step.title} # SKIP {why}", flush=True)

    def finish(self, _: list[Row], last_lines: list[str]) -> None:
        for line in last_lines:
            self.note(line)
        totals = " ".join(f"{name}:{count}" for name, count in self.counts.items())
        print(f"# Totals: {totals} error:0")
