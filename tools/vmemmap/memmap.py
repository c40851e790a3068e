# SPDX-License-Identifier: GPL-2.0
"""What a guest's memory map looks like at one moment, from what it reported.

The page tables are seen in two ways: the kernel's own dump has the leaves, QEMU's walk
of the same tables finds the physical address behind each.
"""

import json
import re
import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from machine import Failure

KIB = 1 << 10
MIB = 1 << 20
GIB = 1 << 30
TIB = 1 << 40

LEVELS = ("pgd", "p4d", "pud", "pmd", "pte")

# So much of the vmemmap is looked at; what is beyond belongs to nobody here.
AREA = TIB


@dataclass(frozen=True)
class Geometry:
    """Sizes of an architecture as it is configured."""
    page: int
    struct_page: int
    leaf: dict[str, int]		# bytes mapped by a leaf, by level
    table: dict[str, int]		# bytes mapped by a whole table, by level
    attributes: dict[str, str]		# as the dump prints them, by level

    def memmap(self, length: int) -> int:
        """Bytes of the struct pages of so much memory."""
        return length // self.page * self.struct_page


# How riscv64 ends its attributes
RISCV_READ_ONLY = ". . R V"
RISCV_WRITABLE = ". W R V"


class Span(NamedTuple):
    """A line of the dump: leaves of one level, or a hole if no attributes."""
    start: int
    end: int
    level: str
    attributes: str

    @property
    def is_read_only(self) -> bool:
        return "ro" in self.attributes.split() or self.attributes.endswith(RISCV_READ_ONLY)

    @property
    def writable(self) -> "Span":
        if not self.is_read_only:
            return self
        return self._replace(attributes=self.attributes.replace("ro", "RW", 1).replace(
            RISCV_READ_ONLY, RISCV_WRITABLE))


class Leaf(NamedTuple):
    address: int
    level: str


class Range(NamedTuple):
    """Physical addresses, half-open."""
    start: int
    end: int


def merge(ranges: Iterable[Range]) -> list[Range]:
    merged: list[Range] = []
    for item in sorted(ranges):
        if merged and item.start <= merged[-1].end:
            merged[-1] = Range(merged[-1].start, max(merged[-1].end, item.end))
        else:
            merged.append(item)
    return merged


def ranges(items: Iterable[Range]) -> str:
    return ", ".join(f"{item.start:#x}-{item.end:#x}" for item in items) or "nothing"


def size(number: int) -> str:
    for unit, name in ((GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")):
        if number >= unit and number % (unit // 4) == 0:
            return f"{number / unit:.15g} {name}"
    return f"{number / KIB:g} KiB" if number else "0"


SPAN = re.compile(r"(0x\w+)-(0x\w+)\s+(?:0x\w+\s+)?\d+[KMGTPE](.*)")


def parse_span(line: str) -> Span:
    """A line of the dump: range, perhaps where it lies, size, then attributes and level in
    any order."""
    found = SPAN.match(line)
    if not found:
        raise Failure(f"the dump of the page tables has a line '{line}'")
    words = found[3].split()
    level = next((word.lower() for word in words if word.lower() in LEVELS), "")
    attributes = " ".join(word for word in words if word.lower() not in LEVELS)
    return Span(int(found[1], 16), int(found[2], 16), level, attributes)


def joined(spans: Iterable[Span]) -> list[Span]:
    """Spans that differ in nothing but their place become one."""
    result: list[Span] = []
    for span in spans:
        if result and result[-1] == span._replace(start=result[-1].start, end=span.start):
            span = span._replace(start=result.pop().start)
        result.append(span)
    return result


def without_zeros(spans: list[Span], level: str, leaf: int) -> list[Span]:
    """What is mapped to zeros is as good as empty, if leaves of that level map the rest."""
    return joined(
        Span(span.start, span.end, level, "")
        if span.is_read_only and span.start % leaf == 0 and span.end % leaf == 0 else span
        for span in spans)


def clip(spans: list[Span]) -> list[Span]:
    limit = spans[0].start + AREA if spans else 0
    return [span._replace(end=min(span.end, limit)) for span in spans if span.start < limit]


@dataclass
class State:
    """All that the guest reported of one moment."""
    spans: list[Span]
    counts: dict[str, int]
    stalls: dict[str, int]	# how often those who wanted memory had to look for it
    blocks: dict[Range, tuple[int, str]]	# to node and state
    devices: list[Range]
    namespaces: list[dict]
    used: int			# pages without a known use, median of the samples
    table_pages: int		# nr_page_table_pages; run.py takes off those of vmalloc
    vmalloc_tables: set[int]	# numbers of last-level tables that vmalloc space has
    reach: dict[str, int]	# of a table, by level

    def leaves(self, geometry: Geometry) -> list[Leaf]:
        return [Leaf(address, span.level) for span in self.spans if span.attributes
                for address in range(span.start, span.end, geometry.leaf[span.level])]

    def tables(self) -> set[tuple[str, int]]:
        return tables(self.spans, self.reach)

    def node_of(self, address: int) -> int | None:
        for block, (node, _) in self.blocks.items():
            if block.start <= address < block.end:
                return node
        return None


def table_reach(spans: list[Span], geometry: Geometry) -> dict[str, int]:
    """Bytes that a table maps, for the levels that the machine has."""
    five_levels = any(span.level == "p4d" for span in spans)
    return {level: reach for level, reach in geometry.table.items()
            if level != "p4d" or five_levels}


def tables(spans: Iterable[Span], reach: dict[str, int]) -> set[tuple[str, int]]:
    """The tables that must exist for the dump to look so, a page each.

    The dump has a hole at the level whose entry is empty, so a table without
    entries counts too. The top-level table serves all of the kernel and does not count.
    """
    return {(level, number)
            for span in spans
            for level, length in reach.items() if LEVELS.index(level) <= LEVELS.index(span.level)
            for number in range(span.start // length, (span.end - 1) // length + 1)}


def used_pages(sample: str, page: int) -> int:
    managed, free, percpu, known_kib = map(int, sample.split())
    return managed - free - percpu - known_kib * KIB // page


def parse_state(lines: list[str], geometry: Geometry) -> State:
    reported: dict[str, list[str]] = {}
    for line in lines:
        key, _, words = line.partition(" ")
        reported.setdefault(key, []).append(words)
    for key in ("dump", "count", "stall", "sample", "tables", "vmalloc", "block_size", "block"):
        if key not in reported:
            raise Failure(f"the guest reports no '{key}'; is its kernel configured for this?")

    block_size = int(reported["block_size"][0], 16)
    blocks = {}
    for number, node, state in map(str.split, reported["block"]):
        start = int(number) * block_size
        blocks[Range(start, start + block_size)] = (int(node), state)

    devices = [Range(int(start, 16), int(end, 16) + 1) for start, end in
               (line.split()[0].split("-") for line in reported.get("iomem", []))]
    vmalloc = [Range(*(int(end, 16) for end in area.split("-")))
               for area in reported["vmalloc"]]
    reach = geometry.table["pte"]
    spans = clip([parse_span(line) for line in reported["dump"]])
    samples = reported["sample"]
    return State(
        spans=spans,
        reach=table_reach(spans, geometry),
        counts={name: int(value) for name, value in map(str.split, reported["count"])},
        stalls={name: int(value) for name, value in map(str.split, reported["stall"])},
        blocks=blocks,
        devices=devices,
        namespaces=json.loads("".join(reported.get("ndctl", [])) or "[]"),
        used=int(statistics.median(used_pages(sample, geometry.page) for sample in samples)),
        table_pages=int(reported["tables"][0]),
        # A larger area may be mapped by larger leaves, or for a part alone.
        vmalloc_tables={number for area in vmalloc if area.end - area.start < reach
                        for number in (area.start // reach, (area.end - 1) // reach)})
