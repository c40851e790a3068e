# SPDX-License-Identifier: GPL-2.0
"""The memory map as the debug info of a kernel shows it, running or in a dump (drgn).

No lock of the kernel is taken. What changes meanwhile may be seen in part, and what
cannot be read is noted in unread.
"""

import bisect
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from drgn import Architecture, FaultError, ObjectAbsentError, Object, Program, TypeKind
from drgn.helpers.linux.xarray import xa_for_each

from backing import ADDED, BOOT, DEVICE, Place, View, Vmemmap
from machine import Failure
from memmap import LEVELS, Geometry, Leaf, Range

PGMAP_ALTMAP_VALID = 1 << 0

NOWHERE = Range(0, 0)
KERNEL_MAP = 0xffffffff80000000		# of x86

# A function of this back end that the stock kernel has not
OWN_FUNCTION = "vmemmap_fill_range"


class Entry(NamedTuple):
    """What the entry of a page table says."""
    physical: int
    is_leaf: bool
    is_writable: bool


@dataclass(frozen=True)
class Device:
    name: str
    where: Range
    window: Range			# that holds memory map; empty if there is none
    compound: int			# bytes of its compound pages; 0: it has none


@dataclass(frozen=True)
class Block:
    """A memory block."""
    where: Range
    node: int
    window: Range


@dataclass(frozen=True)
class Pool:
    """HugeTLB pages of one size."""
    size: int
    count: dict[int, int]		# by node


@dataclass
class Tables:
    """How an architecture translates addresses."""
    page: int
    shifts: dict[str, int]		# of what an entry maps, from the top, by level

    def entry(self, level: str, value: int) -> Entry | None:
        raise NotImplementedError

    def index(self, level: str, address: int) -> int:
        return address >> self.shifts[level] & self.page // 8 - 1

    def geometry(self, struct_page: int) -> Geometry:
        names = list(self.shifts)
        return Geometry(
            page=self.page, struct_page=struct_page, attributes={},
            leaf={level: 1 << shift for level, shift in self.shifts.items()},
            table={below: 1 << self.shifts[above] for above, below in zip(names, names[1:])})


class X86(Tables):
    def __init__(self, info: dict[str, str]):
        five = info.get("NUMBER(pgtable_l5_enabled)") == "1"
        levels = LEVELS if five else ("pgd", "pud", "pmd", "pte")
        super().__init__(4096, {level: 12 + 9 * (len(levels) - 1 - number)
                                for number, level in enumerate(levels)})
        self.mask = (1 << 52) - 4096 & ~int(info.get("NUMBER(sme_mask)", "0"))

    def entry(self, level: str, value: int) -> Entry | None:
        if not value & 1:
            return None
        is_leaf = level == "pte" or bool(value & 1 << 7)
        return Entry(value & self.mask & -(1 << self.shifts[level] if is_leaf else 4096),
                     is_leaf, bool(value & 2))


class Arm64(Tables):
    def __init__(self, info: dict[str, str]):
        page = int(info["PAGESIZE"])
        shift = page.bit_length() - 1
        va_bits = 64 - int(info["NUMBER(TCR_EL1_T1SZ)"], 16)
        count = -((shift - va_bits) // (shift - 3))
        levels = {2: ("pgd", "pte"), 3: ("pgd", "pmd", "pte"), 4: ("pgd", "pud", "pmd", "pte"),
                  5: LEVELS}[count]
        super().__init__(page, {level: shift + (shift - 3) * (count - 1 - number)
                                for number, level in enumerate(levels)})
        # The top table has no entries for the bits that an address lacks.
        self.top_bits = (int(info["NUMBER(VA_BITS)"]) if page == 64 << 10 else va_bits)

    def index(self, level: str, address: int) -> int:
        return super().index(level, address & (1 << self.top_bits) - 1)

    def entry(self, level: str, value: int) -> Entry | None:
        if not value & 1:
            return None
        is_leaf = level == "pte" or not value & 2
        physical = value & (1 << 48) - self.page
        if self.page == 64 << 10:
            physical |= (value >> 12 & 0xf) << 48
        return Entry(physical & -(1 << self.shifts[level] if is_leaf else self.page),
                     is_leaf, not value & 1 << 7)


@dataclass
class Mapped:
    block: int
    is_writable: bool


def tables_of(program: Program, info: dict[str, str]) -> Tables:
    architecture = program.platform.arch
    if architecture == Architecture.X86_64:
        return X86(info)
    if architecture == Architecture.AARCH64:
        return Arm64(info)
    raise Failure(f"nothing is known of page tables of {architecture.name}; known: x86_64, arm64")


def note_info(dump: Path) -> dict[str, str]:
    """What the kernel says of itself in a note of a dump."""
    with dump.open("rb") as file:
        start = file.read(1 << 20)
    text = start[start.find(b"OSRELEASE="):].split(b"\0", 1)[0].decode(errors="replace")
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def translate_by_tables(program: Program, dump: Path) -> None:
    """A dump of QEMU's has physical memory only, and old versions of drgn do not find the
    first table then: read the kernel's addresses by its page tables."""
    info = note_info(dump)
    tables = tables_of(program, info)
    root = int(info["SYMBOL(swapper_pg_dir)"], 16)
    if isinstance(tables, X86):
        root += int(info["NUMBER(phys_base)"]) - KERNEL_MAP
    else:
        root -= int(info["NUMBER(kimage_voffset)"], 16)
    known: dict[int, tuple[int, ...]] = {}

    def values(table: int) -> tuple[int, ...]:
        if table not in known:
            known[table] = struct.unpack(f"<{tables.page // 8}Q",
                                         program.read(table, tables.page, True))
        return known[table]

    def physical_of(address: int) -> int:
        table = root
        for level, shift in tables.shifts.items():
            entry = tables.entry(level, values(table)[tables.index(level, address)])
            if not entry:
                raise FaultError("not mapped", address)
            if entry.is_leaf:
                return entry.physical + address % (1 << shift)
            table = entry.physical
        raise FaultError("not mapped", address)

    def read(address: int, count: int, offset: int, _: bool) -> bytes:
        del offset
        data = b""
        while len(data) < count:
            here = address + len(data)
            length = min(count - len(data), tables.page - here % tables.page)
            data += program.read(physical_of(here), length, True)
        return data

    program.add_memory_segment(1 << 63, 1 << 63, read)


@dataclass
class Kernel(View):
    """All that is read of a kernel."""
    program: Program
    unread: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        text = self.program.read(self.program["vmcoreinfo_data"].value_(),
                                 self.program["vmcoreinfo_size"].value_()).decode()
        self.info = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
        self.tables = tables_of(self.program, self.info)
        self.page = self.tables.page
        self.early = 1 << self.program.constant("SECTION_IS_EARLY_BIT").value_()
        self.section = 1 << int(self.info["NUMBER(SECTION_SIZE_BITS)"])
        self.struct_page = self.program.type("struct page").size
        geometry = self.tables.geometry(self.struct_page)
        self.reach = geometry.table
        self.sections, base = self.read_sections()
        self.vmemmap = Vmemmap(base, 0, geometry)
        self.blocks = sorted(self.read_blocks(), key=lambda block: block.where)
        self.resources = list(self.read_resources(self.program["iomem_resource"].child))
        self.devices = sorted(self.read_devices(), key=lambda device: device.where)
        self.windows = sorted(item.window for item in (*self.blocks, *self.devices)
                              if item.window.start < item.window.end)
        self.mapped = self.read_leaves()
        nodes = self.optional("node_data")
        # The node is the topmost part of a page's flags.
        self.node_shift = 64 - (len(nodes) - 1).bit_length() if nodes is not None else 64
        self.flags = self.program.type("struct page").member("flags").offset
        self.reserved = 1 << self.program.constant("PG_reserved").value_()

    # ---- facts ----

    @property
    def release(self) -> str:
        return self.info["OSRELEASE"]

    def is_own(self) -> bool:
        """Is this back end in it?"""
        try:
            self.program.symbol(OWN_FUNCTION)
        except LookupError:
            return False
        return True

    def optional(self, name: str) -> Object | None:
        """A variable that the kernel may not have."""
        try:
            return self.program[name]
        except (KeyError, ObjectAbsentError):
            return None

    def read_sections(self) -> tuple[dict[int, int], int]:
        """The flags of each section that has struct pages, and where those of page 0 are."""
        roots = self.optional("mem_section")
        if roots is None:
            raise Failure(f"Linux {self.release} has no SPARSEMEM_VMEMMAP")
        length = int(self.info["SIZE(mem_section)"])
        offset = int(self.info["OFFSET(mem_section.section_mem_map)"])
        count = int(self.info["LENGTH(mem_section)"])
        if roots.type_.kind == TypeKind.POINTER:
            per_root = self.page // length
            bases = struct.unpack(f"<{count}Q", self.program.read(roots.value_(), 8 * count))
        else:
            per_root = roots.type_.type.length
            bases = tuple(roots.address_ + root * per_root * length for root in range(count))
        flag_bits = self.program.constant("SECTION_MAP_LAST_BIT").value_()
        has_map = 1 << self.program.constant("SECTION_HAS_MEM_MAP_BIT").value_()
        sections = {}
        vmemmap = 0
        for root, base in enumerate(bases):
            data = self.program.read(base, per_root * length) if base else b""
            for number in range(len(data) // length):
                value, = struct.unpack_from("<Q", data, number * length + offset)
                if value & has_map:
                    sections[root * per_root + number] = value & (1 << flag_bits) - 1
                    vmemmap = value >> flag_bits << flag_bits
        if not sections:
            raise Failure("no section of memory has struct pages; is this dump complete?")
        return sections, vmemmap

    def read_blocks(self) -> Iterator[Block]:
        array = self.optional("memory_blocks")
        if array is None:
            return
        per_block = self.program["sections_per_block"].value_()
        for _, entry in xa_for_each(array.address_of_()):
            block = Object(self.program, "struct memory_block *", entry.value_())
            start = block.start_section_nr.value_() * self.section
            yield Block(Range(start, start + per_block * self.section), block.nid.value_(),
                        self.window(block.altmap) if block.altmap else NOWHERE)

    def window(self, altmap: Object) -> Range:
        start = altmap.base_pfn.value_()
        return Range(start * self.page,
                     (start + altmap.reserve.value_() + altmap.free.value_()) * self.page)

    def read_resources(self, resource: Object) -> Iterator[tuple[Range, str]]:
        """The names of physical memory, the outer ones first."""
        while resource:
            yield (Range(resource.start.value_(), resource.end.value_() + 1),
                   resource.name.string_().decode() if resource.name else "")
            yield from self.read_resources(resource.child)
            resource = resource.sibling

    def read_devices(self) -> Iterator[Device]:
        array = self.optional("pgmap_array")
        entries = xa_for_each(array.address_of_()) if array is not None else ()
        for address in {entry.value_() for _, entry in entries}:
            pgmap = Object(self.program, "struct dev_pagemap *", address)
            window = (self.window(pgmap.altmap) if pgmap.flags & PGMAP_ALTMAP_VALID
                      else NOWHERE)
            shift = pgmap.vmemmap_shift.value_()
            for number in range(pgmap.nr_range.value_()):
                where = Range(pgmap.ranges[number].start.value_(),
                              pgmap.ranges[number].end.value_() + 1)
                names = [name for held, name in self.resources
                         if held.start <= where.start and where.end <= held.end]
                yield Device(names[-1] if names else hex(where.start), where, window,
                             self.page << shift if shift else 0)

    def pools(self) -> list[Pool]:
        states = self.optional("hstates")
        if states is None:
            return []
        count = self.program["hugetlb_max_hstate"].value_()
        return [Pool(self.page << state.order.value_(),
                     {node: pages.value_() for node, pages in enumerate(state.nr_huge_pages_node)
                      if pages.value_()})
                for state in (states[number] for number in range(count))]

    # ---- page tables ----

    def read_leaves(self) -> dict[Leaf, Mapped]:
        per_section = self.section // self.page * self.struct_page
        start = self.vmemmap.address + min(self.sections) * per_section
        end = self.vmemmap.address + (max(self.sections) + 1) * per_section
        root = self.program["init_mm"].pgd.value_()
        return dict(self.walk("pgd", root, start // self.page * self.page, end, physical=False))

    def walk(self, level: str, table: int, start: int, end: int,
             physical: bool = True) -> Iterator[tuple[Leaf, Mapped]]:
        reach = self.vmemmap.geometry.leaf[level]
        try:
            values = struct.unpack(f"<{self.page // 8}Q",
                                   self.program.read(table, self.page, physical))
        except FaultError:
            self.unread.append(f"the {level} table at {table:#x}, of {start:#x}-{end:#x}")
            return
        address = start // reach * reach
        while address < end:
            entry = self.tables.entry(level, values[self.tables.index(level, address)])
            if entry and entry.is_leaf:
                yield Leaf(address, level), Mapped(entry.physical, entry.is_writable)
            elif entry:
                yield from self.walk(self.below(level), entry.physical, max(start, address),
                                     min(end, address + reach))
            address += reach

    def below(self, level: str) -> str:
        names = list(self.tables.shifts)
        return names[names.index(level) + 1]

    def read_page_flags(self, physical: int) -> int | None:
        """Of a page; None if its struct page cannot be read."""
        address = self.vmemmap.address + physical // self.page * self.struct_page + self.flags
        for level, length in self.vmemmap.geometry.leaf.items():
            mapped = self.mapped.get(Leaf(address // length * length, level))
            if mapped:
                try:
                    return self.program.read_u64(mapped.block + address % length, True)
                except FaultError:
                    break
        self.unread.append(f"the struct page of {physical:#x}")
        return None

    def device_of(self, leaf: Leaf) -> Device | None:
        """Whose memory it describes."""
        start = self.vmemmap.described(leaf).start
        number = bisect.bisect(self.devices, start, key=lambda device: device.where.start) - 1
        return (self.devices[number] if number >= 0 and start < self.devices[number].where.end
                else None)

    def own_pages(self) -> int:
        """The vmemmap pages that each compound page of a device has of its own, with this
        back end or the stock one."""
        try:
            has_tails = self.program.type("struct zone").has_member("vmemmap_tails")
        except LookupError:
            has_tails = False
        has_tails = has_tails or self.optional("vmemmap_tails") is not None
        is_power_of_two = self.struct_page & self.struct_page - 1 == 0
        return 1 if self.is_own() and has_tails and is_power_of_two else 2

    # ---- what make_rows() asks for ----

    def place(self, leaf: Leaf) -> Place:
        described = self.vmemmap.described(leaf)
        device = self.device_of(leaf)
        if device:
            return Place(f"{DEVICE} {device.name}", self.node_of_device(device))
        number = described.start // self.section
        while number not in self.sections and (number + 1) * self.section < described.end:
            number += 1
        physical = max(described.start, number * self.section)
        return Place(BOOT if self.sections.get(number, 0) & self.early else ADDED,
                     self.node_of(physical))

    def node_of_device(self, device: Device) -> int | None:
        """The struct pages of its window may not be initialised; and those that lie in it
        cannot be read by /proc/kcore, but there is a zone."""
        last = device.where.end // self.page - 1
        nodes = self.optional("node_data")
        for nid in range(len(nodes) if nodes is not None else 0):
            if nodes[nid]:
                zone = nodes[nid].node_zones[self.program.constant("ZONE_DEVICE")]
                start = zone.zone_start_pfn.value_()
                if start <= last < start + zone.spanned_pages.value_():
                    return nid
        return self.node_of(last * self.page)

    def node_of(self, physical: int) -> int | None:
        """Memory blocks have it, as the struct pages of memory that is offline have none."""
        number = bisect.bisect(self.blocks, physical, key=lambda block: block.where.start) - 1
        if number >= 0 and physical < self.blocks[number].where.end and self.blocks[number].node >= 0:
            return self.blocks[number].node
        flags = self.read_page_flags(physical)
        return None if flags is None else flags >> self.node_shift

    def find_block(self, leaf: Leaf) -> int:
        return self.mapped[leaf].block

    def altmap_blocks(self, behind: dict[Leaf, int]) -> set[int]:
        own = set()
        for block in behind.values():
            number = bisect.bisect(self.windows, block, key=lambda window: window.start) - 1
            if number >= 0 and block < self.windows[number].end:
                own.add(block)
        return own

    def reserved_blocks(self, blocks: dict[int, int]) -> set[int]:
        """All pages of a block are alike."""
        return {block for block in blocks if (self.read_page_flags(block) or 0) & self.reserved}

    def is_remapped(self, leaf: Leaf) -> bool:
        """Nobody else but devices has leaves that are read-only."""
        return not self.mapped[leaf].is_writable and not self.device_of(leaf)
