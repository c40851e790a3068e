# SPDX-License-Identifier: GPL-2.0
"""Memory maps as pictures: a strip of physical memory, each range in the style of what backs
its struct pages. Style is colour, pattern and letter, so that none of them is needed."""

from collections.abc import Iterable
from html import escape
from typing import NamedTuple

from backing import Row, Vmemmap
from memmap import Geometry, Leaf, Range, State, ranges, size
from report import leaf_counts


class Kind(NamedTuple):
    name: str
    letter: str
    light: str
    dark: str
    angle: int | None			# of its lines; None: it has none


# By what of a row's backing comes last
KINDS = {kind.name: kind for kind in (
    Kind("memblock", "M", "#d3e5f8", "#1d4468", None),
    Kind("buddy", "B", "#fbe3b8", "#644611", 45),
    Kind("altmap", "A", "#cfecca", "#1f5629", 135),
    Kind("shared tails", "S", "#ecd6f2", "#592a66", 90),
    Kind("HugeTLB", "H", "#f8d0d3", "#70252c", 0),
    Kind("RAM", "R", "#e3e3e3", "#404040", None))}

# Of PMD leaves, of both, of base pages: how much of its height a range fills
HEIGHTS = {"huge": 1.0, "mixed": 0.75, "base": 0.5}

PAPER, INK, FAINT = ("#ffffff", "#16181c"), ("#16181c", "#f1f1f1"), ("#595f69", "#a9b0bb")


class Segment(NamedTuple):
    where: Range
    kind: Kind
    leaves: str				# a key of HEIGHTS
    text: str				# all that is known of it


def describe(row: Row, geometry: Geometry) -> str:
    counts = " + ".join(f"{count} x {size(length)}"
                        for length, count in leaf_counts(row, geometry).items())
    more = f", {size(row.saved)} saved" if row.saved else ""
    more += f", {size(row.off_node)} off node" if row.off_node else ""
    return (f"{ranges([row.described])}, {size(row.described.end - row.described.start)} on node "
            f"{row.node}, {row.what}: {', '.join(row.backing)}, leaves {counts}, "
            f"RAM spent {size(row.ram_bytes)}{more}")


def leaf_class(levels: set[str]) -> str:
    return "base" if levels == {"pte"} else "mixed" if "pte" in levels else "huge"


def segment(row: Row, geometry: Geometry) -> Segment:
    return Segment(row.described, KINDS[row.backing[-1]],
                   leaf_class({leaf.level for leaf in row.leaves}), describe(row, geometry))


def hugetlb_segments(state: State, vmemmap: Vmemmap) -> list[Segment]:
    """Where HugeTLB remaps what it wants; its own leaves are read-only."""
    page = vmemmap.geometry.page
    shared = {Leaf(address, span.level) for span in state.spans if span.is_read_only
              for address in range(span.start, span.end, page)}
    found: list[tuple[Range, int | None, set[str], int]] = []
    for leaf in state.leaves(vmemmap.geometry):
        where = vmemmap.described(leaf)
        node, saved = state.node_of(where.start), page * (leaf in shared)
        if found and (found[-1][0].end, found[-1][1]) == (where.start, node) and (
                leaf.level in found[-1][2]):
            before, _, levels, sum_saved = found.pop()
            where, saved = Range(before.start, where.end), sum_saved + saved
        found.append((where, node, {leaf.level}, saved))
    return [Segment(where, KINDS["HugeTLB" if saved else "RAM"], leaf_class(levels),
                    f"{ranges([where])}, {size(where.end - where.start)} on node {node}, "
                    f"{'base pages' if levels == {'pte'} else 'PMD leaves'}, {size(saved)} saved")
            for where, node, levels, saved in found]


def pieces(segments: Iterable[Segment]) -> list[Range]:
    """The memory that any of them describes, cut wherever one starts or ends."""
    segments = list(segments)
    cuts = sorted({cut for item in segments for cut in item.where})
    return [Range(start, end) for start, end in zip(cuts, cuts[1:])
            if any(item.where.start <= start and end <= item.where.end for item in segments)]


# ---- One moment, as SVG ----

WIDTH, MARGIN, STRIP, LINE = 760, 16, 56, 18
HOLE, NARROWEST = 10, 26


def place(parts: list[Range]) -> dict[int, tuple[float, float]]:
    """Left and right edge of each, by its start; a hole takes little room."""
    holes = sum(before.end != after.start for before, after in zip(parts, parts[1:]))
    room = WIDTH - 2 * MARGIN - HOLE * holes - NARROWEST * len(parts)
    total = sum(part.end - part.start for part in parts)
    edges = {}
    left = float(MARGIN)
    for number, part in enumerate(parts):
        if number and parts[number - 1].end != part.start:
            left += HOLE
        right = left + NARROWEST + room * (part.end - part.start) / total
        edges[part.start] = left, right
        left = right
    return edges


def svg_style() -> str:
    def rules(shade: int) -> str:
        fills = "".join(f".{kind.letter}{{fill:{kind[2 + shade]}}}" for kind in KINDS.values())
        return (f".paper{{fill:{PAPER[shade]}}}text{{fill:{INK[shade]}}}"
                f".edge{{stroke:{INK[shade]};fill:none}}.lines{{stroke:{FAINT[shade]}}}{fills}")
    return (f"<style>text{{font:13px sans-serif}}{rules(0)}"
            f"@media(prefers-color-scheme:dark){{{rules(1)}}}</style>")


def svg_patterns() -> str:
    return "<defs>" + "".join(
        f'<pattern id="lines{kind.letter}" width="7" height="7" patternUnits="userSpaceOnUse" '
        f'patternTransform="rotate({kind.angle})"><path d="M0 0V7" class="lines"/></pattern>'
        for kind in KINDS.values() if kind.angle is not None) + "</defs>"


def svg_segment(item: Segment, edges: tuple[float, float], number: int) -> str:
    left, right = edges
    height = STRIP * HEIGHTS[item.leaves]
    box = (f'x="{left:.1f}" y="{MARGIN + STRIP - height:.1f}" width="{right - left:.1f}" '
           f'height="{height:.1f}"')
    kind = item.kind
    lines = f'<rect {box} fill="url(#lines{kind.letter})"/>' if kind.angle is not None else ""
    middle, base = (left + right) / 2, MARGIN + STRIP - 9
    return (f'<g><title>{escape(item.text)}</title><rect {box} class="{kind.letter}"/>{lines}'
            f'<rect {box} class="edge"/><rect x="{middle - 9:.1f}" y="{base - 13}" width="18" '
            f'height="17" class="{kind.letter}"/><text x="{middle:.1f}" y="{base}" '
            f'text-anchor="middle">{number}</text></g>')


def wrap(text: str, length: int) -> list[str]:
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + len(word) >= length:
            lines.append("")
        lines[-1] += (" " if lines[-1] else "") + word
    return lines


def svg(title: str, segments: list[Segment], notes: list[str]) -> str:
    """A strip, and a text for each range below it."""
    edges = place(pieces(segments))
    lines = []
    for number, item in enumerate(segments, 1):
        lines += wrap(f"{number}  {item.text}", 98)
    lines += ["", *(line for note in notes for line in wrap(note, 98))]
    height = MARGIN + STRIP + MARGIN + LINE * len(lines) + MARGIN
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
             f'width="{WIDTH}" height="{height}" role="img" aria-label="{escape(title)}">',
             f"<title>{escape(title)}</title>", svg_style(), svg_patterns(),
             f'<rect width="{WIDTH}" height="{height}" class="paper"/>']
    for number, item in enumerate(segments, 1):
        right = max(edge for start, (_, edge) in edges.items()
                    if item.where.start <= start < item.where.end)
        parts.append(svg_segment(item, (edges[item.where.start][0], right), number))
    for number, line in enumerate(lines):
        parts.append(f'<text x="{MARGIN}" y="{MARGIN + STRIP + MARGIN + LINE * number + 13}">'
                     f"{escape(line)}</text>")
    return "\n".join((*parts, "</svg>"))
