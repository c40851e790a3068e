# SPDX-License-Identifier: GPL-2.0
"""What must hold of a memory map. Each check returns what is wrong, in words."""

from collections import Counter

from backing import Row, Vmemmap
from memmap import Geometry, State, merge, ranges, size
from scenarios import HvoFacts, Scenario, Step

# Pages. What a guest uses without a known purpose wanders by some 20 pages from
# sample to sample, and by some 30 when a block device comes or goes, whose tags
# no counter knows. The median of the samples stays within this bound; an eighth
# of a 2 MiB block does not.
WANDER = 64
# Tables of the few processes of a guest wander by one or two.
TABLES_WANDER = 4


def blocks_online(state: State) -> int:
    return sum(block_state == "online" for _, block_state in state.blocks.values())


def figures(state: State, step: Step, scenario: Scenario) -> list[str]:
    """The facts of the scenario."""
    leaves = dict(Counter(leaf.level for leaf in state.leaves(scenario.geometry)))
    pte_tables = sum(level == "pte" for level, _ in state.tables())
    online = blocks_online(state)
    pairs = {
        "memory blocks online": (online, step.facts.online),
        "read-only leaves": (sum((span.end - span.start) // scenario.geometry.leaf[span.level]
                                 for span in state.spans if span.is_read_only),
                             step.facts.read_only),
        "nr_memmap_pages": (state.counts["nr_memmap_pages"],
                            step.facts.memmap_pages + scenario.page_ext * step.facts.online),
        "nr_memmap_boot_pages": (state.counts["nr_memmap_boot_pages"], scenario.memmap_boot_pages),
    }
    if step.facts.leaves:
        pairs["leaves"] = leaves, step.facts.leaves
        pairs["PTE tables"] = pte_tables, step.facts.pte_tables
    elif not pte_tables:
        pairs["PTE tables"] = pte_tables, "some"
    return [f"{name}: {found}, not {wanted}"
            for name, (found, wanted) in pairs.items() if found != wanted]


def hvo(state: State, facts: HvoFacts, vmemmap: Vmemmap, page_ext: int) -> list[str]:
    """The facts that hold while HugeTLB remaps parts of the vmemmap."""
    wrong = []
    online = blocks_online(state)
    pages = sum(state.counts.values()) - page_ext * online
    if online != facts.online:
        wrong.append(f"memory blocks online: {online}, not {facts.online}")
    if pages != facts.memmap_pages:
        wrong.append(f"the memory map takes {pages} pages, not {facts.memmap_pages}")
    boot_pages = state.counts["nr_memmap_boot_pages"]
    if facts.boot_pages not in (None, boot_pages):
        wrong.append(f"nr_memmap_boot_pages: {boot_pages}, not {facts.boot_pages}")
    if facts.split and not any(
            leaf.level == "pte" and facts.split.start <= vmemmap.described(leaf).start < facts.split.end
            for leaf in state.leaves(vmemmap.geometry)):
        wrong.append(f"no leaf of {ranges([facts.split])} has been split")
    return wrong


def attributes(state: State, geometry: Geometry) -> list[str]:
    """Which leaves are read-only is a figure."""
    return [f"{span.level} leaves at {span.start:#x} are '{span.attributes}'"
            for span in state.spans
            if span.attributes and span.writable.attributes != geometry.attributes.get(span.level)]


def described(state: State, step: Step, vmemmap: Vmemmap) -> list[str]:
    """Memory that is present has struct pages, and nothing else has."""
    found = merge(vmemmap.described(leaf) for leaf in state.leaves(vmemmap.geometry))
    wanted = merge([*state.blocks, *step.facts.devices])
    if found == wanted:
        return []
    return [f"struct pages describe {ranges(found)}, not {ranges(wanted)}"]


def namespace(state: State, step: Step) -> list[str]:
    found = [(space["mode"], space.get("map")) for space in state.namespaces]
    wanted = [step.namespace] * step.namespaces if step.namespace else []
    return [] if found == wanted else [f"ndctl lists {found}, not {wanted}"]


def backing(rows: list[Row], step: Step) -> list[str]:
    """Each new range has what it should have, on its own node."""
    return [f"{ranges([row.described])} is backed by {', '.join(row.backing)}"
            for row in rows if tuple(row.backing) != step.backing
            ] + [
            f"{ranges([row.described])} of node {row.node} lies on {sorted(row.ram_nodes)}, "
            f"{size(row.off_node)} of it off node"
            for row in rows if row.ram_nodes - {row.node}]


def memmap_pages(state: State, scenario: Scenario) -> int:
    return sum(state.counts.values()) - scenario.page_ext * blocks_online(state)


def cost(rows: list[Row], before: State | None, now: State, scenario: Scenario,
         known_tails: int) -> list[str]:
    """The kernel's counters and the free pages agree with what is behind the leaves."""
    if not rows:
        return []
    wrong = []
    page = scenario.geometry.page
    blocks = sum(row.block_bytes for row in rows) // page - known_tails
    rise = memmap_pages(now, scenario) - (memmap_pages(before, scenario) if before else 0)
    if blocks != rise:
        wrong.append(f"{blocks} pages are behind the new leaves, but the counters rose by {rise}")
    if before:
        ram = sum(row.ram_bytes for row in rows) // page
        used = now.used - before.used
        if abs(used - ram) > WANDER:
            wrong.append(f"{ram} pages of RAM are behind the new leaves, but {used} more are in use")
    return wrong


def stalls(before: State, now: State) -> list[str]:
    """Nobody had to reclaim or compact before he got memory."""
    return [f"{name} rose by {now.stalls[name] - value}"
            for name, value in before.stalls.items() if now.stalls[name] != value]


def restored(before: State, now: State, kept: int) -> list[str]:
    """Everything is as before, up to the noise of each figure, but for pages that must be kept."""
    wrong = [f"{name} is {now.counts[name]}, was {value}"
             for name, value in before.counts.items()
             if now.counts[name] != value + kept * (name == "nr_memmap_pages")]
    if now.spans != before.spans:
        wrong.append("the page tables differ")
    if abs(now.table_pages - before.table_pages) > TABLES_WANDER:
        wrong.append(f"{now.table_pages} page tables are in use, were {before.table_pages}")
    if abs(now.used - before.used) > WANDER:
        wrong.append(f"{now.used - before.used:+d} pages are in use")
    return wrong
