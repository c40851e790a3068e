#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Boot a kernel, do to it what a scenario says, and report where its memory map lies.

After each step the guest's page tables and counters are compared with what the
scenario says they must be; after each removal, with what they were before.
"""

import argparse
import re
import signal
import sys
from collections import Counter
from pathlib import Path

import checks
from backing import Row, Vmemmap, all_rows, momentary, new_rows
from device_tree import write_device_tree
from guest_image import compile_program, find_tool, write_image
from machine import Failure, Machine
from memmap import Leaf, State, joined, parse_state, tables, without_zeros
from page import Moment, run_page
from picture import hugetlb_segments, segment
from report import LAST_LINES, Ktap, Text
from scenarios import SCENARIOS, ZONE_TAILS, HvoFacts, Scenario, Step
from show_check import Show

RUN_LIMIT = 300		# seconds, times the patience that the scenario asks for
STEP_LIMIT = 60

# The kernel serves KUnit too. /proc/vmallocinfo must show addresses.
APPEND = "kunit.enable=0 panic=-1 no_hash_pointers"

# The series whose nr_page_table_pages has the kernel's own tables, too: pte_alloc_one_kernel()
# constructs them. Those of vmalloc stay, while it goes on to addresses that it has not used.
KERNEL_TABLES = ("7.2", "7.3")


class Run:
    """A guest on its way through a scenario."""

    def __init__(self, machine: Machine, scenario: Scenario, show: Show, kernel_tables: bool,
                 known: str = ""):
        self.show = show
        self.machine = machine
        self.known = known		# how the stock kernel fails
        self.scenario = scenario
        self.facts = {step.title: step.facts for step in scenario.steps}
        self.kernel_tables = kernel_tables	# nr_page_table_pages has them
        self.vmalloc_tables: set[int] = set()	# they stay, whatever has been mapped by them
        self.states: dict[str, State] = {}
        self.since: dict[Leaf, str] = {}	# the step that brought it
        self.moments: list[Moment] = []
        self.rows: list[Row] = []
        self.all_rows: list[Row] = []	# of this moment
        self.failed = False
        self.broken = False		# nothing more can be asked of the guest

    def step(self, step: Step) -> tuple[list[str], str]:
        """Go a step; what is wrong then, and what is worth a note."""
        try:
            for action in step.actions:
                action(self.machine)
            if step.is_crash:	# nothing has changed, and nobody answers
                wrong, note = self.shown(step, ("dump",)), ""
            else:
                state = self.state()
                wrong, note = self.judge(step, state)
                self.picture(step, state, "; ".join(wrong))
            self.machine.check()
        except Failure as failure:
            self.broken = True
            wrong, note = [str(failure)], ""
        if self.known:
            wrong, note = self.judge_stock(step, wrong)
        self.failed = self.failed or bool(wrong)
        return wrong, note

    def judge_stock(self, step: Step, wrong: list[str]) -> tuple[list[str], str]:
        """It must fail as it is known to; until then it may differ."""
        if self.broken and re.search(self.known, wrong[0]):
            return [], f"the stock kernel fails, as is known: {wrong[0]}"
        if self.broken or step is not self.scenario.steps[-1]:
            return wrong if self.broken else [], f"the stock kernel: {'; '.join(wrong) or 'ok'}"
        return [f"the stock kernel survives, but is known to say: {self.known}"], ""

    def state(self) -> State:
        """The guest's. What is mapped to zeros is as good as empty."""
        state = parse_state(self.machine.guest("state"), self.scenario.geometry)
        if self.scenario.reads_zeros:
            level, leaf = max(self.scenario.geometry.leaf.items(), key=lambda item: item[1])
            state.spans = without_zeros(state.spans, level, leaf)
        if self.kernel_tables:
            self.vmalloc_tables |= state.vmalloc_tables
            state.table_pages -= len(self.vmalloc_tables)
        return state

    def judge(self, step: Step, state: State) -> tuple[list[str], str]:
        before = list(self.states.values())[-1] if self.states else None
        self.states[step.title] = state
        boot = next(iter(self.states.values()))
        vmemmap = Vmemmap.find(boot, self.scenario.geometry)
        wrong = checks.described(state, step, vmemmap)
        if isinstance(step.facts, HvoFacts):
            wrong += checks.hvo(state, step.facts, vmemmap, self.scenario.page_ext)
        else:
            rows = new_rows(self.machine, vmemmap, step.title, before, state)
            self.rows += rows
            wrong += [*checks.figures(state, step, self.scenario),
                      *checks.attributes(state, self.scenario.geometry),
                      *checks.namespace(state, step),
                      *checks.backing(rows, step),
                      *checks.cost(rows, before, state, self.scenario, step.known_tails)]
        if step.no_stalls:
            wrong += checks.stalls(before, state)
        if self.scenario.show:
            self.all_rows = all_rows(self.machine, vmemmap, boot, state,
                                     momentary(vmemmap, boot, state))
            wrong += self.shown(step, self.scenario.show)
        if not step.restores:
            return wrong, ""
        earlier = self.states[step.restores]
        kept = step.facts.memmap_pages - self.facts[step.restores].memmap_pages
        wrong += [f"not as after '{step.restores}': {why}"
                  for why in checks.restored(earlier, state, kept)]
        return wrong, (f"every page came back: as after '{step.restores}', "
                       f"{state.used - earlier.used:+d} pages in use "
                       f"(noise: up to {checks.WANDER})")


    def picture(self, step: Step, state: State, wrong: str) -> None:
        boot = next(iter(self.states.values()))
        geometry = self.scenario.geometry
        vmemmap = Vmemmap.find(boot, geometry)
        now = state.leaves(geometry)
        self.since = {leaf: self.since.get(leaf, step.title) for leaf in now}
        mapped = sum(geometry.leaf[leaf.level] for leaf in now)
        if isinstance(step.facts, HvoFacts):
            segments = hugetlb_segments(state, vmemmap)
            pages = sum(state.counts.values())
            spent, saved = ((pages + len(state.tables())) * geometry.page,
                            mapped - pages * geometry.page)
        else:
            rows = all_rows(self.machine, vmemmap, boot, state, self.since.__getitem__)
            segments = [segment(row, geometry) for row in rows]
            spent, saved = sum(row.ram_bytes for row in rows), sum(row.saved for row in rows)
        self.moments.append(Moment(step.title, wrong and f"FAILED: {wrong}" or "ok", bool(wrong),
                                   segments, spent, saved))

    def shown(self, step: Step, ways: tuple[str, ...]) -> list[str]:
        """What is shown wrongly, each way of Show."""
        wrong = [f"{how}: {why}" for how in ways for why in getattr(self.show, how)(self.all_rows)]
        return wrong + (self.show.figure() if step.has_figure else [])


def remapped_sums(state: State, remapped: set[tuple[str, int]]) -> list[str]:
    """How much is mapped how. Where HugeTLB finds its pages is chance, and so is how many
    slots are split; but each is one in which it has remapped pages, now or before."""
    remapped |= tables((span for span in state.spans if span.is_read_only), state.reach)
    sums = Counter()
    for span in state.spans:
        sums[span.attributes.replace("PSE ", "") or f"no {span.level}"] += span.end - span.start
    needless = [table for table in state.tables() - remapped if table[0] == "pte"]
    return [*(f"{what}: {length:#x}" for what, length in sorted(sums.items())),
            f"slots split for nothing: {len(needless)}"]


def map_text(step: Step, state: State, remapped: set[tuple[str, int]]) -> str:
    """What is mapped how. Which tails are read-only differs from the stock kernel."""
    if isinstance(step.facts, HvoFacts):
        lines = remapped_sums(state, remapped)
    else:
        lines = [f"{span.start:#x}-{span.end:#x} {span.level} {span.attributes}"
                 for span in joined(span.writable for span in state.spans)]
    return "\n".join([f"after '{step.title}':", *lines, ""])


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--objects", type=Path, required=True, help="of the kernel to boot")
    parser.add_argument("--image", type=Path, required=True, help="where to write the initramfs")
    parser.add_argument("--log", type=Path, required=True, help="where to write what was said")
    parser.add_argument("--series", required=True, help="what kernel that is, such as 6.12")
    parser.add_argument("--stock", action="store_true", help="it is a stock kernel")
    parser.add_argument("--scenario", choices=SCENARIOS, default="x86_64")
    parser.add_argument("--busybox", type=Path, help="for a guest of another architecture")
    parser.add_argument("--cross", default="", help="prefix of the compiler for the guest")
    parser.add_argument("--maps", type=Path, help="where to write the page tables of each step")
    parser.add_argument("--debian", type=Path, help="a root file system, for tools/vmemmap/show")
    parser.add_argument("--page", type=Path, help="where to write pictures of each step")
    parser.add_argument("--accel", choices=("tcg", "kvm"), default="tcg")
    parser.add_argument("--ktap", action="store_true", help="a result line for each step, no table")
    return parser.parse_args()


def drive(args: argparse.Namespace) -> int:
    scenario = SCENARIOS[args.scenario]
    if args.series in ZONE_TAILS and not args.stock:
        scenario = scenario.with_zone_tail()
    kernel = args.objects / "image"
    if not kernel.is_file():
        raise Failure(f"no kernel image {kernel}; build it by kernel.sh")
    find_tool(scenario.qemu[0])
    tools = {name: find_tool(name) for name in scenario.tools}
    tools |= {name: compile_program(name, args.cross, args.image.parent / scenario.name)
              for name in scenario.programs}
    write_image(args.image, args.objects, tools | {"busybox": args.busybox or find_tool("busybox")},
                args.objects / "vmlinux" if "live" in scenario.show else None)
    # By this note, who reads a dump finds the kernel in it.
    show = ["-device", "vmcoreinfo"] if scenario.show else []
    if args.debian:
        show += ["-drive", f"file={args.debian},format=raw,if=virtio,readonly=on"]
    command = [*scenario.qemu, *show, "-accel", args.accel, "-kernel", str(kernel),
               "-initrd", str(args.image), "-append",
               f"{scenario.append} {scenario.stock_append if args.stock else ''} {APPEND}"]
    if scenario.pmem:
        tree = args.image.with_suffix(".dtb")
        write_device_tree(tree, scenario.qemu, scenario.ram, scenario.pmem)
        command += ["-dtb", str(tree)]

    report = (Ktap if args.ktap else Text)(scenario, args.log)
    with Machine(command, args.log, scenario.patience * RUN_LIMIT,
                 scenario.patience * STEP_LIMIT, report.note) as machine:
        show = Show(machine, args.objects, scenario.geometry, scenario.show_limits, args.series,
                    args.page.with_suffix(".svg") if args.page and not args.stock else None)
        run = Run(machine, scenario, show, args.series in KERNEL_TABLES,
                  scenario.stock if args.stock else "")
        missing = ""
        for number, step in enumerate(scenario.steps, 1):
            if step.needs and args.series not in step.needs:
                missing = f"for Linux {' and '.join(step.needs)} alone"
            if run.broken or missing:
                report.skip(number, step, missing or "not reached")
            else:
                report.step(number, step, *run.step(step))
        if args.maps:
            remapped: set[tuple[str, int]] = set()
            args.maps.write_text("".join(map_text(step, run.states[step.title], remapped)
                                         for step in scenario.steps if step.title in run.states))
        if args.page:
            args.page.write_text(run_page(
                f"Memory map of {scenario.name} on Linux {args.series}",
                f"{scenario.about}. {'FAILED' if run.failed else 'Passed'}.", run.moments))
            report.note(f"pictures: {args.page}")
        report.finish(run.rows, machine.lines[-LAST_LINES:] if run.broken else [])
    return 1 if run.failed else 0


def main() -> int:
    for number in signal.SIGINT, signal.SIGTERM:
        signal.signal(number, signal.default_int_handler)
    try:
        return drive(arguments())
    except KeyboardInterrupt:
        why, status = "interrupted; the guest is stopped", 130
    except (Failure, OSError) as error:
        why, status = str(error), 2
    print(f"error: {why}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
