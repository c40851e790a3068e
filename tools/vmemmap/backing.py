# SPDX-License-Identifier: GPL-2.0
"""What backs the struct pages of a range: the rows of the table.

Nothing is taken on trust. Each leaf is followed to its physical address. That
lies in the memory of a device, or in the very memory block that it describes,
which nobody else can have given out then (altmap); or in other RAM, where a page
that the boot-time allocator gave out is still marked reserved (memblock), and any
other came from the buddy allocator. A block behind several leaves is a shared tail.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from machine import Failure, Machine
from memmap import Geometry, Leaf, Range, Span, State, merge, tables


@dataclass(frozen=True)
class Vmemmap:
    """The struct page at @address describes the page frame at @physical."""
    address: int
    physical: int
    geometry: Geometry

    @staticmethod
    def find(boot: State, geometry: Geometry) -> "Vmemmap":
        """At boot the lowest memory block has the lowest leaf."""
        return Vmemmap(boot.leaves(geometry)[0].address, min(boot.blocks).start, geometry)

    def physical_of(self, address: int) -> int:
        geometry = self.geometry
        return self.physical + (address - self.address) * geometry.page // geometry.struct_page

    def described(self, leaf: Leaf) -> Range:
        return Range(self.physical_of(leaf.address),
                     self.physical_of(leaf.address + self.geometry.leaf[leaf.level]))


@dataclass
class Row:
    what: str
    described: Range
    node: int | None			# of the memory described
    leaves: list[Leaf]
    tables: int				# that this range was the first to need
    backing: list[str]
    block_bytes: int			# of all blocks behind it, RAM and device
    ram_bytes: int			# RAM spent: blocks and tables
    ram_nodes: set[int | None]


def node_of(state: State, described: Range) -> int | None:
    """Memory blocks report it for RAM, ndctl for a device."""
    node = state.node_of(described.start)
    if node is None and state.namespaces:
        return state.namespaces[0].get("numa_node")
    return node


Group = tuple[int | None, list[Leaf]]		# node, and leaves of memory in one piece


def group(state: State, vmemmap: Vmemmap, leaves: list[Leaf]) -> list[Group]:
    """Split where the node changes or something lies between."""
    groups: list[Group] = []
    end = None
    for leaf in leaves:
        described = vmemmap.described(leaf)
        node = node_of(state, described)
        if groups and groups[-1][0] == node and described.start == end:
            groups[-1][1].append(leaf)
        else:
            groups.append((node, [leaf]))
        end = described.end
    return groups


def find_blocks(machine: Machine, leaves: list[Leaf]) -> dict[Leaf, int]:
    """Physical address of the block behind each of these leaves."""
    behind = {}
    for leaf in leaves:
        physical = machine.translate(leaf.address)
        if physical is None:
            raise Failure(f"the dump has a leaf at {leaf.address:#x}, the CPU finds none")
        behind[leaf] = physical
    return behind


def reserved_pages(machine: Machine, page: int, blocks: dict[int, int]) -> int:
    """How many pages of these blocks of RAM are reserved."""
    runs = [f"{run.start // page}+{(run.end - run.start) // page}" for run in
            merge(Range(start, start + length) for start, length in blocks.items())]
    reported = machine.guest("reserved " + " ".join(runs))
    return sum(int(line.split()[-1]) for line in reported)


def altmap_blocks(vmemmap: Vmemmap, state: State, behind: dict[Leaf, int]) -> set[int]:
    """The blocks that lie on a device, or in the memory block that they describe."""
    return {physical for leaf, physical in behind.items()
            for host in (*state.devices, *state.blocks)
            if host.start <= physical < host.end
            and (host in state.devices
                 or host.start <= vmemmap.described(leaf).start < host.end)}


def backing(machine: Machine, page: int, leaves: list[Leaf], blocks: dict[int, int],
            own: set[int]) -> tuple[list[str], dict[int, int]]:
    """The allocators of the blocks, and the blocks that are RAM of others."""
    ram = {start: length for start, length in blocks.items() if start not in own}
    reserved = reserved_pages(machine, page, ram)
    kinds = {"altmap": len(ram) < len(blocks),
             "memblock": reserved > 0,
             "buddy": reserved < sum(ram.values()) // page,
             "shared tails": len(blocks) < len(leaves)}
    return [kind for kind, is_there in kinds.items() if is_there], ram


def leaf_tables(state: State, geometry: Geometry, leaves: Iterable[Leaf]) -> set[tuple[str, int]]:
    return tables((Span(leaf.address, leaf.address + geometry.leaf[leaf.level], leaf.level, "")
                   for leaf in leaves), state.reach)


def new_rows(machine: Machine, vmemmap: Vmemmap, what: str,
             before: State | None, now: State) -> list[Row]:
    """A row for each range that has got struct pages since."""
    geometry = vmemmap.geometry
    old = set(before.leaves(geometry)) if before else set()
    known_tables = leaf_tables(now, geometry, old)
    rows = []
    fresh = [leaf for leaf in now.leaves(geometry) if leaf not in old]
    for node, leaves in group(now, vmemmap, fresh):
        behind = find_blocks(machine, leaves)
        blocks = {physical: geometry.leaf[leaf.level] for leaf, physical in behind.items()}
        own = altmap_blocks(vmemmap, now, behind) if before else set()
        kinds, ram = backing(machine, geometry.page, leaves, blocks, own)
        needed = leaf_tables(now, geometry, leaves) - known_tables
        known_tables |= needed
        rows.append(Row(
            what=what, node=node, leaves=leaves, backing=kinds, tables=len(needed),
            described=Range(vmemmap.described(leaves[0]).start, vmemmap.described(leaves[-1]).end),
            block_bytes=sum(blocks.values()),
            ram_bytes=sum(ram.values()) + len(needed) * geometry.page,
            ram_nodes={now.node_of(start) for start in ram}))
    return rows
