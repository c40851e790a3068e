# SPDX-License-Identifier: GPL-2.0
"""What backs the struct pages of a range: the rows of the table.

A view is what somebody sees of a machine at one moment: QEMU of its guest (GuestView),
or the debug info of a kernel (show_kernel.py). All views are put into rows alike.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import NamedTuple

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


# What this back end says at boot, and no other does
OWN_MESSAGE = "vmemmap: version "


def has_own(machine: Machine) -> bool:
    """Is this back end in its kernel?"""
    return any(OWN_MESSAGE in line for line in machine.lines)


# What a range of memory may be, for those who see one moment only
BOOT, ADDED, DEVICE = "boot", "hot-added", "device"


class Place(NamedTuple):
    """What a range of memory is, and its node."""
    what: str
    node: int | None


class View:
    """What make_rows() asks for."""
    vmemmap: Vmemmap
    reach: dict[str, int]		# of a table, by level

    def place(self, leaf: Leaf) -> Place:
        """Of the memory that it describes."""
        raise NotImplementedError

    def node_of(self, physical: int) -> int | None:
        raise NotImplementedError

    def find_block(self, leaf: Leaf) -> int:
        """Physical address of the block behind a leaf."""
        raise NotImplementedError

    def altmap_blocks(self, behind: dict[Leaf, int]) -> set[int]:
        """The blocks that are memory of a device."""
        raise NotImplementedError

    def reserved_blocks(self, blocks: dict[int, int]) -> set[int]:
        """Those of these blocks of RAM that the boot-time allocator gave out."""
        raise NotImplementedError

    def is_remapped(self, leaf: Leaf) -> bool:
        """Does HugeTLB map a page here that is another's too?"""
        del leaf
        return False


@dataclass
class Row:
    what: str
    described: Range
    node: int | None			# of the memory described
    leaves: list[Leaf]
    tables: int				# that this range was the first to need
    backing: list[str]
    blocks: Counter[tuple[int | None, str]]	# bytes by node and allocator; altmap: no node
    shared: Counter[int | None]		# bytes mapped to blocks that other leaves pay for, by their node
    ram: Counter[int | None]		# spent by node: blocks and tables; tables on the row's node

    @property
    def ram_bytes(self) -> int:
        return self.ram.total()

    @property
    def ram_nodes(self) -> set[int | None]:
        return set(self.ram)

    @property
    def block_bytes(self) -> int:
        return self.blocks.total()

    @property
    def saved(self) -> int:
        return self.shared.total()

    @property
    def mapped_bytes(self) -> int:
        return self.block_bytes + self.saved

    @property
    def off_node(self) -> int:
        return self.ram_bytes - self.ram[self.node]


def group(view: View, leaves: Iterable[Leaf]) -> list[tuple[Place, list[Leaf]]]:
    """Split where the place changes or something lies between."""
    groups: list[tuple[Place, list[Leaf]]] = []
    end = None
    for leaf in leaves:
        described = view.vmemmap.described(leaf)
        place = view.place(leaf)
        if groups and groups[-1][0] == place and described.start == end:
            groups[-1][1].append(leaf)
        else:
            groups.append((place, [leaf]))
        end = described.end
    return groups


def by_allocator(view: View, behind: dict[Leaf, int],
                 blocks: dict[int, int]) -> Counter[tuple[int | None, str]]:
    """The bytes of blocks by node and allocator."""
    altmap = view.altmap_blocks(behind)
    ram = {block: length for block, length in blocks.items() if block not in altmap}
    reserved = view.reserved_blocks(ram)
    sums: Counter[tuple[int | None, str]] = Counter()
    for block, length in blocks.items():
        if block in ram:
            sums[view.node_of(block), "memblock" if block in reserved else "buddy"] += length
        else:
            sums[None, "altmap"] += length
    return sums


def backing(view: View, behind: dict[Leaf, int], allocators: set[str]) -> list[str]:
    """The allocators of the blocks, and who shares them."""
    own = [block for leaf, block in behind.items() if not view.is_remapped(leaf)]
    kinds = {**{kind: kind in allocators for kind in ("altmap", "memblock", "buddy")},
             "shared tails": len(set(own)) < len(own),
             "HugeTLB": len(own) < len(behind)}
    return [kind for kind, is_there in kinds.items() if is_there]


def leaf_tables(reach: dict[str, int], geometry: Geometry,
                leaves: Iterable[Leaf]) -> set[tuple[str, int]]:
    return tables((Span(leaf.address, leaf.address + geometry.leaf[leaf.level], leaf.level, "")
                   for leaf in leaves), reach)


def make_rows(view: View, leaves: Iterable[Leaf], known: Collection[Leaf] = ()) -> list[Row]:
    """A row for each range. A table or block that several need is the first one's, or that
    of the leaves known before."""
    geometry = view.vmemmap.geometry
    known_tables = leaf_tables(view.reach, geometry, known)
    known_blocks: set[int] = set()
    rows = []
    for place, members in group(view, leaves):
        behind = {leaf: view.find_block(leaf) for leaf in members}
        new: dict[int, int] = {}
        shared: Counter[int | None] = Counter()
        for leaf, block in behind.items():
            if block in known_blocks:
                shared[view.node_of(block)] += geometry.leaf[leaf.level]
            else:
                known_blocks.add(block)
                new[block] = geometry.leaf[leaf.level]
        blocks = by_allocator(view, behind, new)
        needed = leaf_tables(view.reach, geometry, members) - known_tables
        known_tables |= needed
        spent: Counter[int | None] = Counter()
        for (node, kind), length in blocks.items():
            if kind != "altmap":
                spent[node] += length
        if needed:
            spent[place.node] += len(needed) * geometry.page
        rows.append(Row(
            what=place.what, node=place.node, leaves=members, tables=len(needed), ram=spent,
            backing=backing(view, behind, {kind for _, kind in blocks}),
            described=Range(view.vmemmap.described(members[0]).start,
                            view.vmemmap.described(members[-1]).end),
            blocks=blocks, shared=shared))
    return rows


class GuestView(View):
    """As QEMU sees a guest. Nothing is taken on trust.

    Each leaf is followed to its physical address. That lies in the memory of a device, or
    in the very memory block that it describes, which nobody else can have given out then
    (altmap); or in other RAM, where a page that the boot-time allocator gave out is still
    marked reserved (memblock), and any other came from the buddy allocator. A block behind
    several leaves is a shared tail.
    """

    def __init__(self, machine: Machine, vmemmap: Vmemmap, state: State,
                 what_is: Callable[[Leaf], str], boot: Collection[Leaf]):
        self.machine = machine
        self.vmemmap = vmemmap
        self.state = state
        self.reach = state.reach
        self.what_is = what_is
        self.boot = boot		# leaves that memblock backs wherever they lie
        self.read_only = {Leaf(address, span.level) for span in state.spans if span.is_read_only
                          for address in range(span.start, span.end,
                                               vmemmap.geometry.leaf[span.level])}

    def place(self, leaf: Leaf) -> Place:
        """Memory blocks report their node for RAM, ndctl for a device; or there is but one."""
        node = self.state.node_of(self.vmemmap.described(leaf).start)
        nodes = {node for node, _ in self.state.blocks.values()}
        if node is None and self.state.namespaces:
            node = self.state.namespaces[0].get("numa_node")
        elif node is None and len(nodes) == 1:
            node = nodes.pop()
        return Place(self.what_is(leaf), node)

    def node_of(self, physical: int) -> int | None:
        return self.state.node_of(physical)

    def find_block(self, leaf: Leaf) -> int:
        physical = self.machine.translate(leaf.address)
        if physical is None:
            raise Failure(f"the dump has a leaf at {leaf.address:#x}, the CPU finds none")
        return physical

    def altmap_blocks(self, behind: dict[Leaf, int]) -> set[int]:
        """The blocks that lie on a device, or in the memory block that they describe."""
        return {physical for leaf, physical in behind.items() if leaf not in self.boot
                for host in (*self.state.devices, *self.state.blocks)
                if host.start <= physical < host.end
                and (host in self.state.devices
                     or host.start <= self.vmemmap.described(leaf).start < host.end)}

    def reserved_blocks(self, blocks: dict[int, int]) -> set[int]:
        page = self.vmemmap.geometry.page
        # To look at some pages between them takes less time than to start once more.
        runs = [f"{run.start // page}+{(run.end - run.start) // page}" for run in
                merge(Range(start, start + length + 32 * page) for start, length in blocks.items())]
        lines = self.machine.guest("reserved " + " ".join(runs)) if runs else []
        found = [tuple(map(int, line.split()[1:])) for line in lines]
        reserved = merge(Range(first * page, (last + 1) * page) for first, last in found)
        return {block for block in blocks if is_in(reserved, block)}

    def is_remapped(self, leaf: Leaf) -> bool:
        """Nobody else but devices has leaves that are read-only."""
        return leaf in self.read_only and not is_in(
            self.state.devices, self.vmemmap.described(leaf).start)


def new_rows(machine: Machine, vmemmap: Vmemmap, what: str,
             before: State | None, now: State) -> list[Row]:
    """A row for each range that has got struct pages since."""
    leaves = now.leaves(vmemmap.geometry)
    old = set(before.leaves(vmemmap.geometry)) if before else set()
    view = GuestView(machine, vmemmap, now, lambda _: what, old if before else set(leaves))
    return make_rows(view, (leaf for leaf in leaves if leaf not in old), old)


def all_rows(machine: Machine, vmemmap: Vmemmap, boot: State, now: State,
             what_is: Callable[[Leaf], str]) -> list[Row]:
    """A row for each range that has struct pages."""
    leaves = now.leaves(vmemmap.geometry)
    early = {leaf for leaf in leaves if is_in(boot.blocks, vmemmap.described(leaf).start)}
    return make_rows(GuestView(machine, vmemmap, now, what_is, early), leaves)


def is_in(places: Iterable[Range], physical: int) -> bool:
    return any(place.start <= physical < place.end for place in places)


def momentary(vmemmap: Vmemmap, boot: State, now: State) -> Callable[[Leaf], str]:
    """What the memory that a leaf describes is, without its history."""
    def what_is(leaf: Leaf) -> str:
        physical = vmemmap.described(leaf).start
        return (BOOT if is_in(boot.blocks, physical) else
                DEVICE if is_in(now.devices, physical) else ADDED)
    return what_is
