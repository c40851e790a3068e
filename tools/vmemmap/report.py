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


def table(rows: list[Row], geometry: Geometry) -> str:
    lines = [("range", "since", "describes", "backed by", "leaves", "tables",
              "RAM spent", "node")]
    for row in rows:
        counts = Counter(geometry.leaf[leaf.level] for leaf in row.leaves)
        elsewhere = row.ram_nodes - {row.node}
        lines.append((
            ranges([row.described]), row.what, size(row.described.end - row.described.start),
            ", ".join(row.backing),
            " + ".join(f"{count} x {size(length)}" for length, count in sorted(counts.items())),
            str(row.tables), size(row.ram_bytes),
            f"{row.node}" + (f", RAM of {sorted(elsewhere)}" if elsewhere else "")))
    widths = [max(map(len, column)) for column in zip(*lines)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip()
                     for line in lines)


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
