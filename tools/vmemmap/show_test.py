#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""tools/vmemmap/show on a made-up kernel, without a guest: what it says of each range.

The kernel is a memory image with page tables, and the types that debug info would have.
"""

import struct
import sys

sys.dont_write_bytecode = True

from drgn import (Architecture, FindObjectFlags, Object, Platform, PlatformFlags, Program,
                  TypeKind, TypeMember)

from backing import make_rows
from memmap import GIB, KIB, MIB, size
from report import record
from show_kernel import Kernel

SECTION = 128 * MIB
DIRECT_MAP = 0xffff888000000000
VMEMMAP = 0xffffea0000000000
RESERVED, EARLY, HAS_MAP, FLAG_BITS = 12, 3, 1, 6
PAGE, STRUCT_PAGE = 4 * KIB, 64
HEAP = 32 * MIB				# of what the kernel itself needs


class Image:
    """Physical memory, by page, and what allocates from it."""

    def __init__(self) -> None:
        self.pages: dict[int, bytearray] = {}
        self.next = HEAP

    def read(self, address: int, count: int, *_: object) -> bytes:
        data = bytearray()
        while count:
            page, offset = address // PAGE, address % PAGE
            length = min(count, PAGE - offset)
            data += self.pages.get(page, bytes(PAGE))[offset:offset + length]
            address, count = address + length, count - length
        return bytes(data)

    def write(self, address: int, data: bytes) -> int:
        for number, byte in enumerate(data, address):
            self.pages.setdefault(number // PAGE, bytearray(PAGE))[number % PAGE] = byte
        return address

    def words(self, address: int, *values: int) -> int:
        return self.write(address, struct.pack(f"<{len(values)}Q", *values))

    def put(self, *values: int) -> int:
        """A new object; its virtual address."""
        address = self.next
        self.next += -(-len(values) * 8 // PAGE) * PAGE
        return DIRECT_MAP + self.words(address, *values)


class Machine:
    """x86_64 with four levels, and what show looks for in it."""

    def __init__(self) -> None:
        self.image = Image()
        self.root = self.image.put(*[0] * 512) - DIRECT_MAP
        self.sections: dict[int, int] = {}
        self.blocks: list[int] = []
        self.devices: list[int] = []
        self.resources: list[tuple[int, int, str]] = []

    def map(self, address: int, block: int, is_huge: bool, flags: int = 3) -> None:
        table = self.root
        for shift in (39, 30) if is_huge else (39, 30, 21):
            entry = table + 8 * (address >> shift & 511)
            below, = struct.unpack("<Q", self.image.read(entry, 8))
            if not below:
                below = self.image.put(*[0] * 512) - DIRECT_MAP | 3
                self.image.words(entry, below)
            table = below & -PAGE & (1 << 52) - 1
        shift = 21 if is_huge else 12
        self.image.words(table + 8 * (address >> shift & 511),
                         block | flags | (1 << 7 if is_huge else 0))

    def page_flags(self, physical: int, flags: int) -> None:
        """Of a page whose struct page is mapped."""
        address = VMEMMAP + physical // PAGE * STRUCT_PAGE
        table = self.root
        for shift in 39, 30, 21, 12:
            entry, = struct.unpack("<Q", self.image.read(table + 8 * (address >> shift & 511), 8))
            table = entry & -PAGE & (1 << 52) - 1
            if shift == 12 or entry & 1 << 7:
                break
        self.image.words(table + address % (1 << shift), flags)

    def section(self, start: int, nid: int, is_early: bool, has_block: bool = True) -> int:
        """Where its struct pages are."""
        self.sections[start // SECTION] = 1 | 1 << HAS_MAP | is_early << EARLY
        if has_block:
            self.blocks.append(self.image.put(start // SECTION, nid, 0))
        return VMEMMAP + start // PAGE * STRUCT_PAGE

    def device(self, start: int, name: str, altmap: tuple[int, int]) -> None:
        self.devices.append(self.image.put(
            start // PAGE, 0, altmap[1] // PAGE, altmap[1] > 0, 0, 1, start, start + SECTION - 1))
        self.resources.append((start, start + SECTION, name))

    def xarray(self, entries: list[int]) -> int:
        """A node of entries, which have no index of their own here."""
        return self.image.put(0, *entries, *[0] * (64 - len(entries))) | 2

    def program(self) -> Program:
        image = self.image
        program = Program(Platform(Architecture.X86_64, PlatformFlags.IS_64_BIT
                                   | PlatformFlags.IS_LITTLE_ENDIAN))
        program.add_memory_segment(0, 64 * GIB, image.read, True)
        program.add_memory_segment(DIRECT_MAP, 64 * GIB, lambda address, count, offset, physical:
                                   image.read(offset, count))
        long = program.int_type("unsigned long", 8, False)
        char = program.int_type("char", 1, True)
        void = program.pointer_type(program.void_type())
        types: dict[str, object] = {}

        def structure(name: str, **members: object) -> object:
            offset, found = 0, []
            for member, kind in members.items():
                found.append(TypeMember(kind, member, offset * 8))
                offset += kind.length * kind.type.size if kind.kind == TypeKind.ARRAY else 8
            types[name] = program.struct_type(name, offset, found)
            return types[name]

        altmap = structure("vmem_altmap", base_pfn=long, reserve=long, free=long)
        extent = structure("range", start=long, end=long)
        structure("page", flags=long, rest=program.array_type(long, STRUCT_PAGE // 8 - 1))
        structure("mem_section", section_mem_map=long, usage=long)
        structure("memory_block", start_section_nr=long, nid=long,
                  altmap=program.pointer_type(altmap))
        types["dev_pagemap"] = program.struct_type("dev_pagemap", 64, [
            TypeMember(altmap, "altmap", 0), TypeMember(long, "flags", 192),
            TypeMember(long, "vmemmap_shift", 256), TypeMember(long, "nr_range", 320),
            TypeMember(program.array_type(extent, 1), "ranges", 384)])
        xarray = structure("xarray", xa_head=void)
        types["xa_node"] = program.struct_type("xa_node", 8 * 65, [
            TypeMember(char, "shift", 0), TypeMember(program.array_type(void, 64), "slots", 64)])
        resource = program.struct_type("resource", 40, [
            TypeMember(long, "start", 0), TypeMember(long, "end", 64),
            TypeMember(program.pointer_type(char), "name", 128),
            TypeMember(lambda: program.pointer_type(resource), "sibling", 192),
            TypeMember(lambda: program.pointer_type(resource), "child", 256)])
        mm = structure("mm_struct", pgd=program.pointer_type(long))

        roots = []
        per_root = PAGE // 16
        for root in range(max(self.sections) // per_root + 1):
            maps = []
            for number in range(root * per_root, (root + 1) * per_root):
                flags = self.sections.get(number)
                maps += [VMEMMAP | flags if flags else 0, 0]
            roots.append(image.put(*maps))
        sibling = 0
        for start, end, name in reversed(self.resources):
            text = image.put(*struct.unpack("<2Q", name.encode().ljust(16, b"\0")))
            sibling = image.put(start, end - 1, text, sibling, 0)
        info = "\n".join((
            "OSRELEASE=7.3.0-test", "PAGESIZE=4096", "NUMBER(SECTION_SIZE_BITS)=27",
            "SIZE(mem_section)=16", "OFFSET(mem_section.section_mem_map)=0",
            f"LENGTH(mem_section)={len(roots)}", "")).encode()

        def at(kind: object, *values: int) -> Object:
            return Object(program, kind, address=image.put(*values))

        objects = {
            "vmcoreinfo_data": Object(program, program.pointer_type(char), image.put(
                *struct.unpack(f"<{-(-len(info) // 8)}Q", info.ljust(-(-len(info) // 8) * 8)))),
            "vmcoreinfo_size": Object(program, long, len(info)),
            "mem_section": Object(program, program.pointer_type(program.pointer_type(
                types["mem_section"])), image.put(*roots)),
            "init_mm": at(mm, DIRECT_MAP + self.root),
            "memory_blocks": at(xarray, self.xarray(self.blocks)),
            "pgmap_array": at(xarray, self.xarray(self.devices)),
            "sections_per_block": Object(program, long, 1),
            "iomem_resource": at(resource, 0, 64 * GIB, 0, 0, sibling),
            "node_data": at(program.array_type(void, 4), *[0] * 4),
            **{name: Object(program, long, value) for name, value in (
                ("SECTION_MAP_LAST_BIT", FLAG_BITS), ("SECTION_HAS_MEM_MAP_BIT", HAS_MAP),
                ("SECTION_IS_EARLY_BIT", EARLY), ("PG_reserved", RESERVED))}}

        def find_type(kind: TypeKind, name: str, _: str | None) -> object:
            return types.get(name) if kind == TypeKind.STRUCT else None

        def find_object(_: Program, name: str, flags: FindObjectFlags, __: str | None) -> object:
            del flags
            return objects.get(name)

        program.add_type_finder(find_type)
        program.add_object_finder(find_object)
        return program


def on_node(nid: int) -> int:
    return nid << 62			# two bits for four nodes


def machine() -> Machine:
    made = Machine()
    # From boot, by PMD leaves of memblock: two sections of node 0
    for number in 0, 1:
        made.map(made.section(number * SECTION, 0, True), (number + 1) * 2 * MIB, True)
    for block in 2 * MIB, 4 * MIB:
        made.page_flags(block, 1 << RESERVED)
    # Added to node 1: base pages of the buddy allocator of node 0, of which HugeTLB
    # has remapped the last seven
    added = made.section(4 * SECTION, 1, False)
    for page in range(512):
        shared = page > 504
        made.map(added + page * PAGE, 8 * MIB + min(page, 504) * PAGE, False, 1 if shared else 3)
    # A device with an altmap, and one that shares tails
    device = made.section(32 * SECTION, 1, False, has_block=False)
    made.device(32 * SECTION, "dax0.0", (0, 4 * MIB))
    made.map(device, 32 * SECTION + 2 * MIB, True)
    made.page_flags(33 * SECTION - PAGE, on_node(1))
    device = made.section(40 * SECTION, 1, False, has_block=False)
    made.device(40 * SECTION, "dax1.0", (0, 0))
    for page in range(512):
        made.map(device + page * PAGE, 16 * MIB + (page // 8 * 2 + min(page % 8, 1)) * PAGE, False)
    made.page_flags(41 * SECTION - PAGE, on_node(1))
    # Two that share the tail page of their zone, which nobody may write to
    for number in 48, 56:
        device = made.section(number * SECTION, 1, False, has_block=False)
        made.device(number * SECTION, f"dax{number}.0", (0, 0))
        for page in range(512):
            made.map(device + page * PAGE,
                     20 * MIB if page % 8 else number * MIB // 2 + page * PAGE, False,
                     1 if page % 8 else 3)
        made.page_flags((number + 1) * SECTION - PAGE, on_node(1))
    return made


WANTED = [
    {"since": "boot", "end": 2 * SECTION, "backing": ["memblock"], "leaves": {2 * MIB: 2},
     "tables": 2, "ram": 4 * MIB + 2 * PAGE, "saved": 0, "node": 0, "off_node": 0},
    {"since": "hot-added", "end": 5 * SECTION, "backing": ["buddy", "HugeTLB"],
     "leaves": {PAGE: 512}, "tables": 1, "ram": 505 * PAGE + PAGE, "saved": 7 * PAGE, "node": 1,
     "off_node": 505 * PAGE},
    {"since": "device dax0.0", "end": 33 * SECTION, "backing": ["altmap"],
     "leaves": {2 * MIB: 1}, "tables": 0, "ram": 0, "saved": 0, "node": 1, "off_node": 0},
    {"since": "device dax1.0", "end": 41 * SECTION, "backing": ["buddy", "shared tails"],
     "leaves": {PAGE: 512}, "tables": 1, "ram": 128 * PAGE + PAGE, "saved": 384 * PAGE,
     "node": 1, "off_node": 128 * PAGE},
    {"since": "device dax48.0", "end": 49 * SECTION, "backing": ["buddy", "shared tails"],
     "leaves": {PAGE: 512}, "tables": 1, "ram": 65 * PAGE + PAGE, "saved": 447 * PAGE,
     "node": 1, "off_node": 65 * PAGE},
    {"since": "device dax56.0", "end": 57 * SECTION, "backing": ["buddy", "shared tails"],
     "leaves": {PAGE: 512}, "tables": 1, "ram": 64 * PAGE + PAGE, "saved": 448 * PAGE,
     "node": 1, "off_node": 64 * PAGE}]

# Lengths as they are printed, none of which is rounded
SIZES = {0: "0", 512: "0.5 KiB", 8204 * KIB: "8204 KiB", GIB + 256 * MIB: "1.25 GiB",
         4 * GIB + 16 * KIB: "4194320 KiB"}


def main() -> int:
    kernel = Kernel(machine().program())
    rows = [record(row, kernel.vmemmap.geometry) for row in make_rows(kernel, kernel.mapped)]
    wrong = [f"not read: {what}" for what in kernel.unread]
    wrong += [f"{length} bytes are printed as {size(length)}, not {words}"
              for length, words in SIZES.items() if size(length) != words]
    if len(rows) != len(WANTED):
        wrong.append(f"{len(rows)} rows, not {len(WANTED)}")
    for row, wanted in zip(rows, WANTED):
        wrong += [f"{wanted['since']}: {key} is {row[key]}, not {wanted[key]}"
                  for key in wanted if row[key] != wanted[key]]
    print("KTAP version 1\n1..1")
    for why in wrong:
        print(f"# {why}")
    print(f"{'not ok' if wrong else 'ok'} 1 show says what is in a made-up kernel")
    print(f"# Totals: pass:{not wrong:d} fail:{bool(wrong):d} skip:0 error:0")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
