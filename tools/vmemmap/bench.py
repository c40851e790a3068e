#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The cost of the memory map, with the stock kernel and this back end side by side.

Both kernels do the same (bench_measure.py). A table goes to stdout, with what any back
end has to pay; a picture, and where the instructions go, lie beside it.
"""

import argparse
import csv
import io
import json
import math
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from bench_measure import (
    GEOMETRIES, KINDS, PLUGGED, RESCHEDULE, Geometry, Results, Side, Window, Work, check_loop, do_works, works_for)
from guest_image import find_tool, write_image
from machine import Failure
from memmap import GIB, KIB, MIB
from page import LONGEST, Bar, bars_page
from scenarios import ZONE_TAILS

SIDES = ("stock", "ours")

# The objects of this back end
BACK_END = ("mm/sparse-vmemmap.o", "mm/vmemmap_*.o", "arch/*/mm/vmemmap*.o")

# Functions that stand for one flush of all CPUs, or one call of the page allocator.
TLBI = {"leaf": "by leaf", "table": "by table", "all": "of everything"}	# on arm64
FLUSHES = ("flush_tlb_all", "flush_tlb_kernel_range", *(f"tlbi-{kind}" for kind in TLBI))
ALLOCATIONS = ("get_page_from_freelist", "alloc_pages_bulk_noprof")

# Works that add and remove a whole device, and what it is.
DEVICES = {"device-2M": "16 GiB in 2 MiB pages", "device-1G": "16 GiB in 1 GiB pages", "device": "16 GiB"}

SHORT = "memory in pieces"
LONGEST_WAY = f"add a section, {SHORT}: longest way without a reschedule"

# What the ratio of a row may be at most, where that is less than 1.
LIMITS = {
    "x86_64-bench": {
        "populate, 2 MiB pages": 0.15,
        "free, 2 MiB pages": 0.35,
        "populate, 1 GiB pages": 0.35,
        "free, 1 GiB pages": 0.35,
        "populate a subsection": 0.60,
        "free a subsection": 0.40,
        "populate, altmap": 0.45,
        "populate and free, altmap": 0.70,
        "populate, RAM": 0.60,
        f"add a section, {SHORT}": 0.50,
        LONGEST_WAY: 0.50,
        "hot-add 16 GiB, 2 MiB pages": 0.15,
        "hot-remove 16 GiB, 2 MiB pages": 0.35,
    },
    "arm64-4k-bench": {f"add a section, {SHORT}": 0.50, LONGEST_WAY: 0.50},
    "arm64-64k-bench": {
        "populate and free, altmap": 0.70,
        "populate, RAM": 0.40,
        f"add a section, {SHORT}": 0.50,
        LONGEST_WAY: 0.50,
        "hot-add 16 GiB, RAM": 0.45,
    },
}
# The same where the series matters: devices share the tail page of their zone, and boot
# with most memory.
SERIES_LIMITS = {("x86_64-bench", "7.3"): {"memremap_pages, 16 GiB in 2 MiB pages": 0.45}}
BOOT_LIMITS = {(kernel, series): limit for kernel in ("x86_64-bench", "arm64-64k-bench")
               for series, limit in (("6.12", 0.60), ("7.3", 0.15))}


def back_end(objects: Path) -> set[str]:
    """The functions of this back end."""
    files = [path for pattern in BACK_END for path in objects.glob(pattern)]
    lines = subprocess.run(["nm", "--defined-only", "--format=posix", *files],
                           capture_output=True, text=True, check=True).stdout.splitlines()
    symbols = [line.split() for line in lines]
    return {symbol[0] for symbol in symbols if len(symbol) > 1 and symbol[1] in "tTwW"}


# ---- The table ----

@dataclass
class Row:
    title: str
    unit: str
    stock: float
    ours: float
    limit: float = 1.0			# of the ratio
    most: float | None = None		# of ours by itself
    floor: float | None = None		# of any back end

    @property
    def ratio(self) -> float:
        return self.ours / self.stock if self.stock else float("nan") if self.ours else 1.0

    @property
    def verdict(self) -> str:
        """Empty if the limit is kept, otherwise with the ratio that no back end goes below."""
        if self.ratio <= self.limit + 0.005 if self.most is None else self.ours <= self.most:
            return ""
        return f"MISSED, floor {self.floor / self.stock:.2f}" if self.floor and self.stock else "MISSED"


class Table:
    def __init__(self, results: dict[str, Results], ours: set[str], limits: dict[str, float]):
        self.results = results
        self.ours = ours			# functions
        self.limits = limits			# by title
        self.rows: list[Row] = []

    def add(self, title: str, unit: str, value: Callable[[Results], float], **more: float | None) -> None:
        self.rows.append(Row(title, unit, *(value(self.results[side]) for side in SIDES),
                             limit=self.limits.get(title, 1.0), **more))

    def cost(self, title: str, work: Work, what: str, unit: str, divisor: float) -> None:
        """Instructions of one or both halves of a work; the floor is what is not the back end's."""
        halves = ("add", "remove") if what == "both" else (what,)
        self.add(title, f"instructions/{unit}",
                 lambda results: sum(results[work][half].instructions for half in halves) / divisor,
                 floor=sum(self.results["ours"][work][half].outside(self.ours)
                           for half in halves) / divisor)


def fill_table(table: Table, works: dict[str, Work], geometry: Geometry, series: str) -> None:
    leaves = {name: work.ranges * (geometry.leaves(work.size)) for name, work in works.items()}
    sections = {name: work.total / geometry.section for name, work in works.items()}
    one = "PMD" if geometry.huge else "section"

    def pair(add: str, remove: str, name: str) -> None:
        if name in works:
            table.cost(add, works[name], "add", "section", sections[name])
            table.cost(remove, works[name], "remove", "section", sections[name])

    for name in "2 MiB pages", "1 GiB pages":
        if name in works:
            table.cost(f"populate, {name}", works[name], "add", "PTE", leaves[name])
            table.cost(f"free, {name}", works[name], "remove", "PTE", leaves[name])
    if "part" in works:
        table.cost("populate a subsection", works["part"], "add", "PTE", leaves["part"])
        table.cost("free a subsection", works["part"], "remove", "PTE", leaves["part"])
    table.cost("populate, altmap", works["altmap"], "add", one, sections["altmap"])
    table.cost("free, altmap", works["altmap"], "remove", one, sections["altmap"])
    table.cost("populate and free, altmap", works["altmap"], "both", one, sections["altmap"])
    table.cost("populate, RAM", works["RAM"], "add", one, sections["RAM"])
    table.cost("free, RAM", works["RAM"], "remove", one, sections["RAM"])

    pair(f"add a section, {SHORT}", f"remove a section, {SHORT}", "short")
    # A kernel that can be preempted anywhere has no such calls.
    if "short" in works and any(results[works["short"]]["add"].calls[RESCHEDULE]
                                for results in table.results.values()):
        table.add(LONGEST_WAY, "instructions",
                  lambda results: results[works["short"]]["add"].calls["longest"])
    pair("add a section, in subsections", "remove a section, in subsections", "section-part")
    for kind in KINDS:
        for size in PLUGGED:
            pair(f"hot-add {size} GiB, {kind}", f"hot-remove {size} GiB, {kind}", f"{size} GiB, {kind}")
    for name, what in DEVICES.items():
        pair(f"memremap_pages, {what}", f"memunmap_pages, {what}", name)
    process_rows(table, works)
    count_rows(table, works, geometry, series)


def process_rows(table: Table, works: dict[str, Work]) -> None:
    """How much more it takes when many page tables have to be kept alike."""
    for kind in KINDS:
        if f"many, {kind}" not in works:
            continue
        many, few = works[f"many, {kind}"], works[f"{PLUGGED[-1]} GiB, {kind}"]
        for half in "add", "remove":
            table.add(f"hot-{half} {PLUGGED[-1]} GiB, {kind}: 2000 processes / 10", "",
                      lambda results, h=half, m=many, f=few:
                      results[m][h].instructions / results[f][h].instructions, most=1.05, floor=1)


def used(halves: dict[str, Window]) -> int:
    """Pages of RAM that a work takes."""
    return int(halves["add"].reported["used"])


def tlbi_rows(table: Table, title: str, work: Work, sections: float) -> None:
    """What the flushes drop, where the instruction says so."""
    for kind, name in TLBI.items():
        if any(results[work]["remove"].calls[f"tlbi-{each}"]
               for results in table.results.values() for each in TLBI):
            table.add(f"TLBI {name} {title}", "TLBI/section",
                      lambda results, k=kind: results[work]["remove"].calls[f"tlbi-{k}"] / sections)


def own_pages(side: str, geometry: Geometry, series: str) -> int:
    """The vmemmap pages that the compound pages of a section own, of 2 MiB each."""
    each = 1 if side == "ours" and series in ZONE_TAILS else 2
    return each * geometry.section // (2 * MIB)


def count_rows(table: Table, works: dict[str, Work], geometry: Geometry, series: str) -> None:
    """Figures that are exact. The floors: a flush for each range; a call of the page allocator
    for a huge block, a table, or the base pages of a slot; these pages."""
    section = geometry.leaves(geometry.section)
    # Calls, pages of blocks, tables
    blocks = {"2 MiB pages": (2, own_pages("ours", geometry, series), 1),
              "RAM": (1, 512 if geometry.huge else section, 0), "altmap": (0, 0, 0)}
    for what, (allocations, pages, tables) in blocks.items():
        if what not in works:
            continue
        work, sections = works[what], works[what].total / geometry.section
        table.add(f"flushes to free, {what}", "broadcasts/section",
                  lambda results, w=work, n=sections: results[w]["remove"].called(FLUSHES) / n,
                  floor=1)
        tlbi_rows(table, f"to free, {what}", work, sections)
        table.add(f"page allocator to populate, {what}", "calls/section",
                  lambda results, w=work, n=sections: results[w]["add"].called(ALLOCATIONS) / n,
                  floor=allocations)
        table.add(f"RAM, {what}", "KiB/section",
                  lambda results, w=work, n=sections: used(results[w]) * geometry.page / KIB / n,
                  floor=(pages + tables) * geometry.page / KIB)
        beside = {side: own_pages(side, geometry, series) if what == "2 MiB pages" else pages
                  for side in SIDES}
        table.rows.append(Row(f"page tables, {what}", "pages/section",
                              *(used(table.results[side][work]) / sections - beside[side]
                                for side in SIDES), floor=tables))
    for name, what in DEVICES.items():
        if name in works:
            work, sections = works[name], works[name].total / geometry.section
            table.add(f"flushes to remove {what}", "broadcasts/section",
                      lambda results, w=work, n=sections: results[w]["remove"].called(FLUSHES) / n,
                      most=0.01 if geometry.dedup else None, floor=1 / sections)
            tlbi_rows(table, f"to remove {what}", work, sections)


def boot_rows(table: Table, sides: list[Side], note: Callable[[str], None]) -> None:
    geometry = sides[0].geometry
    for size in geometry.boot:
        note(f"booting with {size // GIB} GiB")
        windows = [side.boot(size) for side in sides]
        values = [window.instructions * geometry.section / size for window in windows]
        of_most = (sides[0].args.kernel, sides[0].args.series) if size == geometry.boot[-1] else None
        limit = BOOT_LIMITS.get(of_most, 1.0)
        table.rows.append(Row(f"boot with {size // GIB} GiB: sparse_init", "instructions/section",
                              *values, limit=limit,
                              floor=windows[1].outside(table.ours) * geometry.section / size))


# ---- Output ----

def figure(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.2f}" if value < 100 and value != int(value) else f"{value:.0f}"


def cells(row: Row) -> tuple[str, ...]:
    return (row.title, row.unit, figure(row.stock), figure(row.ours), f"{row.ratio:.2f}",
            f"{row.limit:.2f}" if row.most is None else f"ours {row.most}",
            figure(row.floor), row.verdict)


HEADER = ("work", "unit", "stock", "ours", "ratio", "at most", "floor", "")


def text_table(rows: list[Row]) -> str:
    lines = [HEADER, *map(cells, rows)]
    widths = [max(map(len, column)) for column in zip(*lines)]
    return "\n".join("  ".join(cell.ljust(width) if i < 2 or i == 7 else cell.rjust(width)
                               for i, (cell, width) in enumerate(zip(line, widths))).rstrip()
                     for line in lines) + "\n"


def csv_table(rows: list[Row]) -> str:
    """For the document: the unit stands below the work, so that a page is wide enough."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("work", "stock", "ours", "ratio", "at most", "floor"))
    for row in rows:
        title, unit, stock, ours, ratio, most, floor, verdict = cells(row)
        writer.writerow((f"{title} ({unit})" if unit else title, stock, ours,
                         f"{ratio} {verdict}".strip(), most, floor))
    return text.getvalue()


def bar(row: Row) -> Bar:
    """Where stock has to pay nothing, nothing can be a part of it."""
    text = f"{row.ratio:.2f}" + (f" {row.verdict}" if row.verdict else "")
    floor = row.floor / row.stock if row.floor is not None and row.stock else None
    return Bar(row.title, f"{text}: {figure(row.ours)} {row.unit}, stock {figure(row.stock)}",
               LONGEST if math.isnan(row.ratio) else row.ratio, row.limit if row.most is None else None, floor, bool(row.verdict))


def profile(window: Window, divisor: float, top: int = 12) -> str:
    return "".join(f"    {own / divisor:10.1f} {window.calls[name] / divisor:8.2f} calls  {name}\n"
                   for name, own in window.own.most_common(top) if own / divisor >= 0.05)


def profiles(results: dict[str, Results], works: dict[str, Work], geometry: Geometry) -> str:
    text = ["Where the instructions go, for each section; how often each function was entered\n"]
    for name, work in works.items():
        for half in "add", "remove":
            for side in SIDES:
                window = results[side][work][half]
                sections = work.total / geometry.section
                text.append(f"{half} {name}, {side}: {window.instructions / sections:.0f}\n"
                            + profile(window, sections))
    return "\n".join(text)


def differences(path: Path, rows: list[Row]) -> str:
    """How far the figures of the last run are from these."""
    new = {row.title: [row.stock, row.ours] for row in rows}
    old = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps(new, indent=1) + "\n")
    if not old:
        return ""
    most = max((abs(a / b - 1), title) for title, pair in new.items() if title in old
               for a, b in zip(pair, old[title]) if b)
    return f"Beside the run before: at most {100 * most[0]:.2f} % of difference ({most[1]}).\n"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kernel", choices=GEOMETRIES, required=True)
    parser.add_argument("--series", required=True, help="what kernel that is, such as 6.12")
    parser.add_argument("--stock", type=Path, required=True, help="objects of the stock kernel")
    parser.add_argument("--ours", type=Path, required=True, help="objects of the kernel with this back end")
    parser.add_argument("--plugin", type=Path, required=True, help="count.c as a shared object")
    parser.add_argument("--busybox", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="directory for all that comes out")
    parser.add_argument("--only", nargs="*", help="do these works alone, and no boot; no table")
    return parser.parse_args()


def drive(args: argparse.Namespace) -> int:
    def note(text: str) -> None:
        print(f"{time.monotonic() - start:6.0f} s  {text}", file=sys.stderr, flush=True)

    start = time.monotonic()
    args.out.mkdir(parents=True, exist_ok=True)
    args.image = args.out / "guest.cpio"
    write_image(args.image, args.ours, {"busybox": args.busybox})
    geometry = GEOMETRIES[args.kernel]
    find_tool(geometry.qemu[0])
    works = works_for(geometry)
    if args.only:
        works = {name: work for name, work in works.items() if name in args.only}

    rows: list[Row] = []
    for cpu in geometry.cpus:
        suffix = f", {cpu}" if len(geometry.cpus) > 1 else ""
        sides = [Side(name, args, cpu) for name in SIDES]
        results: dict[str, Results] = {}
        for side in sides:
            note(f"measuring {side.name}{suffix}")
            results[side.name] = do_works(side, list(works.values()))
            if "loop" in works:
                check_loop(results[side.name][works["loop"]]["add"], works["loop"].ranges)
        (args.out / f"profile{suffix.replace(', ', '-')}.txt").write_text(profiles(results, works, geometry))
        if args.only:
            continue

        limits = LIMITS[args.kernel] | SERIES_LIMITS.get((args.kernel, args.series), {})
        table = Table(results, back_end(args.ours), limits)
        fill_table(table, works, geometry, args.series)
        if cpu == geometry.cpus[0]:
            boot_rows(table, sides, note)
        rows += [replace(row, title=row.title + suffix) for row in table.rows]
    if args.only:
        return 0

    qemu = subprocess.run([geometry.qemu[0], "--version"], capture_output=True, text=True,
                          check=True).stdout.splitlines()[0]
    text = (text_table(rows)
            + f"\nLinux {args.series}, {args.kernel}; {qemu}, {platform.machine()};"
            f" {time.monotonic() - start:.0f} s\n"
            + differences(args.out / "rows.json", rows))
    (args.out / "table.txt").write_text(text)
    (args.out / "table.csv").write_text(csv_table(rows))
    (args.out / "ratios.html").write_text(bars_page(
        f"Cost of the memory map on Linux {args.series}, {args.kernel}",
        "This back end over the stock kernel; less is better.", list(map(bar, rows))))
    print(text, end="")
    return 0


def main() -> int:
    try:
        return drive(arguments())
    except KeyboardInterrupt:
        why = "interrupted"
    except (Failure, OSError) as error:
        why = str(error)
    print(f"error: {why}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
