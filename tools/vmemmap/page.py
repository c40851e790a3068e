# SPDX-License-Identifier: GPL-2.0
"""Results as one page of HTML that needs nothing else: no network, no library, no script."""

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from typing import NamedTuple

from memmap import Range, ranges, size
from picture import FAINT, HEIGHTS, INK, KINDS, PAPER, Segment, pieces

# A letter fits into this share of a strip, however narrow the page is.
LETTER_SHARE = 0.06

STYLE = """
body{font:15px/1.45 sans-serif;max-width:70em;margin:0 auto;padding:1em;
 background:var(--paper);color:var(--ink);overflow-wrap:anywhere}
h1{font-size:1.5em;line-height:1.2}h2{font-size:1.15em;margin-top:2em}
.row{display:grid;grid-template-columns:minmax(15em,32%) 1fr;gap:.2em 1em;align-items:end;margin:.45em 0}
.strip,.parts{display:grid;align-items:end}.strip{height:2.4em;border-bottom:2px solid var(--ink)}
.strip i,.key i{font-style:normal;box-sizing:border-box;border:1px solid var(--ink);min-width:0;
 display:flex;align-items:center;justify-content:center;line-height:1}
.strip b,.key b{font-weight:normal;background:var(--fill);padding:0 .15em}
.faint{color:var(--faint)}.wrong{font-weight:bold;text-decoration:underline}
.key{display:flex;flex-wrap:wrap;gap:.4em 1.4em;padding:0;list-style:none}
.key li{display:flex;gap:.5em}.key i{width:2.2em;height:1.5em}
.chart{display:grid;grid-template-columns:6em 1fr;gap:0 .6em}
.chart svg{width:100%;height:170px;overflow:visible}.chart .parts{margin-top:.5em}
.scale{display:flex;flex-direction:column;justify-content:space-between;text-align:right;
 height:170px;line-height:1}
.spent,.saved{stroke:var(--ink);stroke-width:2}.saved{stroke-dasharray:5 4}
.rule{stroke:var(--faint);stroke-width:1;opacity:.5}.dot{fill:var(--ink)}
.open{fill:var(--paper);stroke:var(--ink);stroke-width:2}
.bar{position:relative;height:1.6em;border-left:2px solid var(--ink)}
.bar i{position:absolute;left:0;top:.35em;bottom:.35em;box-sizing:border-box;
 border:1px solid var(--ink)}
.mark{position:absolute;top:0;bottom:0;border-left:2px solid var(--ink)}
.stock{border-left:1px solid var(--faint)}.floor{border-left-style:dotted;border-left-width:3px}
.key .mark{position:static;height:1.5em;width:0}
@media(max-width:700px){.row{grid-template-columns:1fr}}
"""


def colours(shade: int) -> str:
    fills = "".join(f".k{kind.letter}{{--fill:{kind[2 + shade]}}}" for kind in KINDS.values())
    return (f":root{{--paper:{PAPER[shade]};--ink:{INK[shade]};--faint:{FAINT[shade]}}}{fills}")


def patterns() -> str:
    return "".join(
        f".k{kind.letter}{{background:" + ("var(--fill)" if kind.angle is None else
        f"repeating-linear-gradient({kind.angle}deg,var(--faint) 0 1px,var(--fill) 1px 7px)")
        + "}" for kind in KINDS.values())


def document(title: str, body: Iterable[str]) -> str:
    return "\n".join((
        '<!DOCTYPE html>', '<html lang="en">', '<head>', '<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width">',
        '<link rel="icon" href="data:,">', f"<title>{escape(title)}</title>",
        f"<style>:root{{color-scheme:light dark}}{colours(0)}"
        f"@media(prefers-color-scheme:dark){{{colours(1)}}}{STYLE}{patterns()}</style>",
        '</head>', '<body>', f"<h1>{escape(title)}</h1>", *body, '</body>', '</html>', ''))


@dataclass
class Moment:
    """A step, and the memory map after it."""
    title: str
    verdict: str
    is_wrong: bool
    segments: list[Segment]
    spent: int				# bytes of RAM
    saved: int


# ---- strips ----

def template(parts: list[Range]) -> str:
    """The columns of a strip: memory by its length, and a narrow gap for each hole."""
    total = sum(part.end - part.start for part in parts)
    columns = []
    for number, part in enumerate(parts):
        if number and parts[number - 1].end != part.start:
            columns.append("8px")
        columns.append(f"minmax(3px,{max(0.1, 100 * (part.end - part.start) / total):.2f}fr)")
    return "grid-template-columns:" + " ".join(columns)


def column(parts: list[Range], address: int) -> int:
    """The number of the grid line where a part starts or ends."""
    line = 1
    for number, part in enumerate(parts):
        if number and parts[number - 1].end != part.start:
            line += 1
        if address == part.start:
            return line
        line += 1
        if address == part.end:
            return line
    raise ValueError(address)


def end_column(parts: list[Range], end: int) -> int:
    return column(parts, next(part.start for part in parts if part.end == end)) + 1


def strip(moment: Moment, parts: list[Range]) -> str:
    total = sum(part.end - part.start for part in parts)
    boxes = []
    for item in moment.segments:
        where, kind = item.where, item.kind
        letter = (f"<b>{kind.letter}</b>" if where.end - where.start >= LETTER_SHARE * total
                  and len(parts) <= 1 / LETTER_SHARE else "")
        boxes.append(f'<i class="k{kind.letter}" title="{escape(item.text)}" style="grid-row:1;'
                     f'grid-column:{column(parts, where.start)}/{end_column(parts, where.end)};'
                     f'height:{HEIGHTS[item.leaves]:.0%}">{letter}</i>')
    label = "; ".join(item.text for item in moment.segments) or "no struct pages"
    return (f'<div class="strip" role="img" aria-label="{escape(label)}" '
            f'style="{template(parts)}">{"".join(boxes)}</div>')


def strips(moments: list[Moment]) -> list[str]:
    parts = pieces(item for moment in moments for item in moment.segments)
    return [f'<div class="row"><div>{number}. {escape(moment.title)} '
            f'<span class="{"wrong" if moment.is_wrong else "faint"}">{escape(moment.verdict)}'
            f"</span></div>{strip(moment, parts)}</div>"
            for number, moment in enumerate(moments, 1)]


def legend(moments: list[Moment]) -> list[str]:
    kinds = {item.kind.name: item.kind for moment in moments for item in moment.segments}
    shapes = {item.leaves for moment in moments for item in moment.segments}
    words = {"huge": "full height: PMD leaves", "mixed": "three quarters: some leaves split",
             "base": "half height: base pages"}
    return (['<ul class="key">']
            + [f'<li><i class="k{kind.letter}"><b>{kind.letter}</b></i>{escape(name)}</li>'
               for name, kind in kinds.items()]
            + [f"<li>{words[shape]}</li>" for shape in HEIGHTS if shape in shapes] + ["</ul>"])


# ---- lines ----

def line(name: str, values: list[int], highest: int, mark: str) -> list[str]:
    points = [(100 * (number + 0.5) / len(values), 100 - 100 * value / highest)
              for number, value in enumerate(values)]
    drawn = [f'<line class="{name}" x1="{x1:.2f}%" y1="{y1:.2f}%" x2="{x2:.2f}%" y2="{y2:.2f}%"/>'
             for (x1, y1), (x2, y2) in zip(points, points[1:])]
    for number, ((x, y), value) in enumerate(zip(points, values), 1):
        drawn.append(f'<circle class="{mark}" cx="{x:.2f}%" cy="{y:.2f}%" r="4.5">'
                     f"<title>step {number}: {size(value)} {name}</title></circle>")
    return drawn


def chart(moments: list[Moment]) -> list[str]:
    spent, saved = [moment.spent for moment in moments], [moment.saved for moment in moments]
    highest = max(*spent, *saved, 1)
    label = "; ".join(f"step {number}, {moment.title}: {size(moment.spent)} spent, "
                      f"{size(moment.saved)} saved" for number, moment in enumerate(moments, 1))
    rules = [f'<line class="rule" x1="0" x2="100%" y1="{y}%" y2="{y}%"/>' for y in (0, 50, 100)]
    return ['<div class="chart">',
            '<div class="scale" aria-hidden="true">'
            + "".join(f"<span>{size(value)}</span>" for value in (highest, highest // 2, 0))
            + "</div>", f'<svg role="img" aria-label="{escape(label)}">', *rules,
            *line("spent", spent, highest, "dot"), *line("saved", saved, highest, "open"),
            "</svg>", '<span></span><div class="parts faint" aria-hidden="true" '
            f'style="grid-template-columns:repeat({len(moments)},1fr);text-align:center">'
            + "".join(f"<span>{number}</span>" for number in range(1, len(moments) + 1)),
            "</div></div>", '<p class="faint">By step. Full line, full dots: RAM spent on struct '
            "pages, page tables included. Broken line, open dots: saved, since several leaves "
            "map one block.</p>"]


def numbers(moments: list[Moment]) -> list[str]:
    items = []
    for number, moment in enumerate(moments, 1):
        items.append(f"<h3>{number}. {escape(moment.title)}</h3><p>{size(moment.spent)} of RAM "
                     f"spent, {size(moment.saved)} saved.</p><ul>"
                     + "".join(f"<li>{escape(item.text)}</li>" for item in moment.segments)
                     + "</ul>")
    return ["<details><summary>The same in words</summary>", *items, "</details>"]


# ---- bars ----

class Bar(NamedTuple):
    """A ratio to the stock kernel, and what it may be."""
    title: str
    text: str
    ratio: float
    limit: float | None
    floor: float | None
    is_wrong: bool


LONGEST = 1.3			# a longer bar ends there, its number says by how much


def bar(item: Bar) -> str:
    def at(ratio: float) -> str:
        return f"{100 * min(ratio, LONGEST) / LONGEST:.2f}%"

    marks = [("mark stock", 1.0), ("mark", item.limit), ("mark floor", item.floor)]
    kind = KINDS["buddy" if item.is_wrong else "memblock"].letter
    drawn = "".join(f'<span class="{name}" style="left:{at(value)}"></span>'
                    for name, value in marks if value is not None and value <= LONGEST)
    return (f'<div class="row"><div>{escape(item.title)} <span class="'
            f'{"wrong" if item.is_wrong else "faint"}">{escape(item.text)}</span></div>'
            f'<div class="bar" role="img" title="{escape(item.text)}" '
            f'aria-label="{escape(item.title)}: {escape(item.text)}">'
            f'<i class="k{kind}" style="width:{at(item.ratio)}"></i>{drawn}</div></div>')


def bars_page(title: str, result: str, items: list[Bar]) -> str:
    key = ['<ul class="key"><li><span class="mark stock"></span>the stock kernel</li>',
           '<li><span class="mark"></span>at most</li>',
           '<li><span class="mark floor"></span>what any back end has to pay</li></ul>']
    return document(title, [f"<p>{escape(result)}</p>", *key, *map(bar, items)])


# ---- pages ----

def run_page(title: str, result: str, moments: list[Moment]) -> str:
    if not moments:
        return document(title, [f"<p>{escape(result)}</p>"])
    described = pieces(item for moment in moments for item in moment.segments)
    return document(title, [
        f"<p>{escape(result)}</p>", "<h2>RAM</h2>", *chart(moments),
        "<h2>What backs the struct pages of which memory</h2>",
        f'<p class="faint">Physical memory, {ranges(described[:1]).split("-")[0]} to '
        f"{described[-1].end:#x}; holes take no room. A row for each step.</p>",
        *legend(moments), *strips(moments), *numbers(moments)])
