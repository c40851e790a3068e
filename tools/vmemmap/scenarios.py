#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What is done to a guest, and what its memory map must look like then.

A scenario is data: a kernel, a machine, its geometry and a list of steps. The figures
in it are facts, read off a guest that ran the stock kernel of the same series.
Run as a program, this prints a line for each scenario: its name, the goal that runs
it, its kernel, and what is special about it.
"""

import re
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from pathlib import Path
from struct import unpack

from machine import Failure, Machine
from memmap import GIB, KIB, LEVELS, MIB, TIB, Geometry, Range, size
from one_liners import run_one_liners

Action = Callable[[Machine], object]


@dataclass(frozen=True)
class Facts:
    """What the memory map must look like."""
    leaves: dict[str, int]		# by level; none: some are PTEs, and nobody knows how many
    memmap_pages: int			# nr_memmap_pages
    online: int				# memory blocks
    pte_tables: int = 0
    read_only: int = 0			# leaves
    devices: tuple[Range, ...] = ()	# described, and no memory blocks


@dataclass(frozen=True)
class HvoFacts:
    """The same where HugeTLB remaps what it wants: nobody knows which leaves."""
    memmap_pages: int			# nr_memmap_pages and nr_memmap_boot_pages
    online: int
    devices: tuple[Range, ...] = ()
    split: Range | None = None		# its leaves have become PTEs, some at least
    boot_pages: int | None = None	# nr_memmap_boot_pages alone, where it is known


@dataclass(frozen=True)
class Step:
    title: str
    actions: tuple[Action, ...]
    facts: Facts | HvoFacts
    backing: tuple[str, ...] = ()	# of what was not described before
    restores: str = ""			# the step whose state it must have again
    namespace: tuple[str, str] | None = None	# mode and map, as ndctl calls them
    namespaces: int = 1			# so many, all alike
    needs: tuple[str, ...] = ()	# the series for this and what follows; (): all
    zone_tail: Facts | HvoFacts | None = None	# the facts if devices share the tail page of
					# their zone, made here
    known_tails: int = 0		# tail pages behind its leaves that were made before
    has_figure: bool = False		# show draws what it finds
    no_stalls: bool = False		# nobody reclaims or compacts meanwhile
    is_crash: bool = False		# of the kernel; its dump shows what was before


@dataclass(frozen=True)
class Scenario:
    name: str
    kernel: str				# as kernel.sh calls it
    goal: str				# of make, that runs it; test-both: test, on two series
    about: str
    qemu: tuple[str, ...]
    append: str				# to the kernel's command line
    tools: tuple[str, ...]		# of Debian, for the guest, beside busybox
    geometry: Geometry
    memmap_boot_pages: int		# nr_memmap_boot_pages
    steps: tuple[Step, ...]
    patience: int = 1			# how much longer than others it may take
    reads_zeros: bool = False		# what was removed is mapped to zeros
    page_ext: int = 0			# counted as memory map too, for a memory block online
    show: tuple[str, ...] = ()		# the ways of show_check.Show, compared after each step
    show_limits: dict[str, float] = field(default_factory=dict)	# in seconds, by verb
    on_stock: bool = False		# the stock kernel is shown as well
    programs: tuple[str, ...] = ()	# of ours, compiled for the guest
    ram: Range | None = None		# so much of the machine's RAM the device tree describes,
    pmem: tuple[Range, ...] = ()	# and so much of it as persistent memory
    stock: str = ""			# how the stock kernel is known to fail, a regular expression
    stock_append: str = ""		# to its command line

    def with_zone_tail(self) -> "Scenario":
        """The same where devices share the tail page of their zone, which is never freed."""
        steps: list[Step] = []
        made = 0
        for step in self.steps:
            facts = step.zone_tail or step.facts
            shared = ("shared tails",) if step.zone_tail and step.backing else ()
            known = made if step.zone_tail else 0
            made = made or int(step.zone_tail is not None)
            steps.append(replace(step, facts=replace(facts, memmap_pages=facts.memmap_pages + made),
                                 known_tails=known,
                                 backing=tuple(dict.fromkeys(step.backing + shared))))
        return replace(self, steps=tuple(steps))


# Series in which this back end has devices share the tail page of their zone
ZONE_TAILS = ("7.2", "7.3")
# Series in which arm64-64k has pageblocks that a block's memory map fills
SMALL_PAGEBLOCKS = ("7.2", "7.3")


# ---- Actions ----

def guest(request: str) -> Action:
    return lambda machine: machine.guest(request)


# ACPI's word to the firmware on what came of a hotplug event
OST_PLUG = 1
OST_EJECT = 3
OST_SUCCESS = 0
OST_EJECT_IN_PROGRESS = 0x84


def is_ost(message: dict, source: int) -> bool:
    return message["event"] == "ACPI_DEVICE_OST" and message["data"]["info"]["source"] == source


def ost_status(message: dict) -> int:
    return message["data"]["info"]["status"]


def offer_dimm(machine: Machine, name: str, node: int, where: Range) -> int:
    """The ACPI status that the guest answers with. Memory of the host is used as it is touched."""
    machine.qmp("object-add", id=f"{name}-ram", size=where.end - where.start,
                **{"qom-type": "memory-backend-ram", "reserve": False})
    machine.qmp("device_add", driver="pc-dimm", id=name, memdev=f"{name}-ram",
                node=node, addr=where.start)
    return ost_status(machine.event(lambda message: is_ost(message, OST_PLUG),
                                    "the guest to take the DIMM"))


def plug_dimm(name: str, node: int, where: Range) -> Action:
    def action(machine: Machine) -> None:
        status = offer_dimm(machine, name, node, where)
        if status != OST_SUCCESS:
            raise Failure(f"the guest refuses the DIMM, ACPI status {status}")
    return action


def is_refused(machine: Machine, where: Range, page: int = 4 * KIB) -> bool:
    line = re.compile(rf"pfn \[{where.start // page:#x}-.*cannot be added: its struct pages need")
    return any(map(line.search, machine.lines))


def plug_dimm_too_large(name: str, node: int, where: Range) -> Action:
    """ACPI says nothing of it: the device is taken, its memory is not."""
    def action(machine: Machine) -> None:
        offer_dimm(machine, name, node, where)
        machine.wait(lambda: is_refused(machine, where) or None, "the guest to refuse the DIMM")
    return action


def unplug_dimm(name: str) -> Action:
    def is_kept(message: dict) -> bool:
        return (is_ost(message, OST_EJECT)
                and ost_status(message) not in (OST_SUCCESS, OST_EJECT_IN_PROGRESS))

    def is_gone(message: dict) -> bool:
        return message["event"] == "DEVICE_DELETED" and message["data"].get("device") == name

    def action(machine: Machine) -> None:
        machine.qmp("device_del", id=name)
        answer = machine.event(lambda message: is_gone(message) or is_kept(message),
                               "the guest to give the DIMM back")
        if is_kept(answer):
            raise Failure(f"the guest keeps the DIMM, ACPI status {ost_status(answer)}")
        machine.qmp("object-del", id=f"{name}-ram")
        # Until then the guest takes the next DIMM in the slot for this one.
        machine.event(lambda message: is_ost(message, OST_EJECT)
                      and ost_status(message) == OST_SUCCESS, "the guest to be done with the DIMM")
    return action


# ---- x86_64: a DIMM comes and goes, and persistent memory is used meanwhile ----

# On a busy host the first ticks come too late for those who count them, and CPUs that
# compare their clocks may wait for each other for ever.
X86_CONSOLE = "console=ttyS0 no_timer_check tsc=reliable"

X86_64 = Geometry(
    page=4 * KIB, struct_page=64,
    leaf={"pmd": 2 * MIB, "pte": 4 * KIB},
    table={"p4d": 256 * TIB, "pud": 512 * GIB, "pmd": GIB, "pte": 2 * MIB},
    attributes={"pmd": "RW PSE GLB NX", "pte": "RW GLB NX"})

# Two nodes of four 128 MiB blocks each, and a device of either kind.
PMEM = Range(4 * GIB, 5 * GIB)
DIMM = Range(6 * GIB, 7 * GIB)
DIMM_BLOCKS = "48 55"

# The label area is cut from the NVDIMM's end. ndctl wants what is left to be
# aligned to 16 MiB.
X86_QEMU = (
    "qemu-system-x86_64", "-M", "q35,nvdimm=on", "-smp", "2,sockets=2",
    "-m", "1G,slots=2,maxmem=64G",
    "-object", "memory-backend-ram,id=ram0,size=512M", "-numa", "node,nodeid=0,memdev=ram0,cpus=0",
    "-object", "memory-backend-ram,id=ram1,size=512M", "-numa", "node,nodeid=1,memdev=ram1,cpus=1",
    "-object", "memory-backend-ram,id=pmem,size=1040M",
    "-device", f"nvdimm,memdev=pmem,id=nvdimm0,label-size=16M,node=0,addr={PMEM.start:#x}")

AT_BOOT = Facts({"pmd": 8}, memmap_pages=0, online=8)
DIMM_OFFLINE = Facts({"pmd": 16}, memmap_pages=4096, online=8)
DIMM_ONLINE = replace(DIMM_OFFLINE, online=16)
WITH_ALTMAP = Facts({"pmd": 24}, memmap_pages=8192, online=16, devices=(PMEM,))
# 512 compound pages of 2 MiB, with two pages of their own each
WITH_DEDUP = Facts({"pmd": 16, "pte": 4096}, memmap_pages=5120, online=16, pte_tables=8,
                   devices=(PMEM,))
# The same with one page each; the tail page of the zone is mapped read-only
WITH_ZONE_TAIL = replace(WITH_DEDUP, memmap_pages=4096 + 512, read_only=512 * (8 - 1))

DISABLE = guest("daxctl disable-device all")
DESTROY = guest("ndctl destroy-namespace -f all")


# Parts of the persistent memory need labels.
LABELS = tuple(guest(f"ndctl {words} all") for words in
               ("disable-region", "init-labels -f", "enable-region"))


def create(mode: str, source: str, length: str = "") -> Action:
    return guest(f"ndctl create-namespace -m {mode} --map={source} -a 2M" +
                 (f" -s {length}" if length else ""))


def namespace(mode: str, source: str, facts: Facts, backing: tuple[str, ...], *down: Action,
              zone_tail: Facts | None = None) -> tuple[Step, Step]:
    title = f"{mode} map={source}"
    return (Step(title, (create(mode, source),), facts, backing, namespace=(mode, source),
                 zone_tail=zone_tail),
            Step(f"{title} taken down", down, DIMM_ONLINE, restores="DIMM online"))


X86_STEPS = (
    # An NVDIMM comes up as a block device; that goes first.
    Step("boot", (Machine.boot, guest("blocks 8"), DESTROY), AT_BOOT, ("memblock",)),
    Step("DIMM plugged", (plug_dimm("dimm0", 1, DIMM), guest("blocks 16")),
         DIMM_OFFLINE, ("buddy",)),
    Step("DIMM online", (guest(f"set online_movable {DIMM_BLOCKS}"),), DIMM_ONLINE),
    *namespace("devdax", "dev", WITH_ALTMAP, ("altmap",), DISABLE, DESTROY),
    *namespace("devdax", "mem", WITH_DEDUP, ("buddy", "shared tails"), DISABLE, DESTROY,
               zone_tail=WITH_ZONE_TAIL),
    *namespace("fsdax", "dev", WITH_ALTMAP, ("altmap",), DESTROY),
    # A leak of a few pages hides in one round, not in twenty.
    Step("devdax map=mem 20 times", (create("devdax", "mem"), guest("rebind 20"), DESTROY),
         DIMM_ONLINE, restores="DIMM online"),
    Step("DIMM offline", (guest(f"set offline {DIMM_BLOCKS}"),),
         DIMM_OFFLINE, restores="DIMM plugged"),
    Step("DIMM unplugged", (unplug_dimm("dimm0"), guest("blocks 8")), AT_BOOT, restores="boot"),
)


DIMM_ROUND = (*X86_STEPS[1].actions, *X86_STEPS[2].actions, guest(f"set offline {DIMM_BLOCKS}"),
              *X86_STEPS[-1].actions)


def x86(name: str, kernel: str, goal: str, about: str, cpu: str = "max", append: str = "",
        steps: tuple[Step, ...] = X86_STEPS, **special) -> Scenario:
    return Scenario(name, kernel, goal, about, (*X86_QEMU, "-cpu", cpu), f"{X86_CONSOLE} nokaslr {append}",
                    ("ndctl", "daxctl"), X86_64, 4096, steps, **special)


# ---- x86_64: kernels that watch themselves ----

# 88 bytes for each page frame: its owners, who has allocated it, and how page tables map it
PAGE_EXT = 704

# The tables that map the DIMM's shadow are kept for the next one.
KASAN_BOOT = replace(X86_STEPS[0], actions=X86_STEPS[0].actions + DIMM_ROUND)

NO_LEAK = Step("no leak found", (guest("leaks"),), AT_BOOT, restores="boot")


def reported_tries(lines: list[str]) -> list[list[str]]:
    """How each ended, then the counters."""
    return [line.split()[1:] for line in lines if line.startswith("try ")]


def judge_tries(machine: Machine, what: str, first: list[str], tries: list[list[str]]) -> None:
    """A try that fails leaves the counters as they were; the last try succeeds."""
    failed = sum(status != "0" for status, *_ in tries)
    for number, (status, *counts) in enumerate(tries, 1):
        if counts != first[1:]:
            raise Failure(f"{what}: after try {number} (status {status}) the counters are "
                          f"{counts}, were {first[1:]}")
    if not failed or tries[-1][0] != "0":
        raise Failure(f"{what}: {failed} of {len(tries)} tries failed, the last one: "
                      f"{tries[-1][0]}")
    machine.note(f"{what}: {len(tries) - 1} allocations, {failed} of them matter")


def fail_each(driver: str) -> Action:
    """Bind it again and again, each time with the next allocation of this back end failing."""
    def action(machine: Machine) -> None:
        first, *tries = reported_tries(machine.guest(f"fail_each {driver}"))
        judge_tries(machine, driver, first, tries)
    return action


def fail_each_dimm(machine: Machine) -> None:
    """Plug it again and again likewise; a worker of the kernel's adds it then."""
    first, = reported_tries(machine.guest("try -"))
    tries = []
    left = 0
    while left == 0:
        number = len(tries) + 1
        machine.guest(f"fail_worker {number}")
        plug_dimm("dimm0", 1, DIMM)(machine)
        left = int(machine.guest("worker_failed")[0].split()[1])
        result, = reported_tries(machine.guest("try 1"))
        unplug_dimm("dimm0")(machine)
        if result[1] != first[1]:	# it was added
            result, = reported_tries(machine.guest("try 0"))
        if left == number:		# the worker came after the others were reported
            left = 0
        else:
            tries.append(result)
    judge_tries(machine, "DIMM", first, tries)


def failing(title: str, *actions: Action, zone_tail: Facts | None = None) -> Step:
    return Step(f"{title}, failing", actions, AT_BOOT, restores="boot", zone_tail=zone_tail)


FAULTS_STEPS = (
    X86_STEPS[0],
    # In one section, page by page; then whole devices, of several sections
    failing("devdax map=mem", *LABELS, create("devdax", "mem", "64M"),
            fail_each("nd/drivers/dax_pmem"), DESTROY, zone_tail=AT_BOOT),
    failing("devdax map=dev", create("devdax", "dev"), fail_each("nd/drivers/dax_pmem"), DESTROY),
    failing("kmem", create("devdax", "mem"), guest("to_kmem"), fail_each("dax/drivers/kmem"),
            DESTROY),
    failing("DIMM", fail_each_dimm),
    NO_LEAK,
)


# ---- x86_64: a device in compound pages is used in all ways that lead to its struct pages ----

STRESS_VMEMMAP = 0xffffea0000000000	# with four levels, and without KASLR
STRESS_ANSWERS = Path(__file__).with_name("use_dax.answers")
ANSWERS_OF = ("7.3",)			# 6.12 gives other answers; 7.2 was not asked
COMPOUND = 512				# pages in a compound page
# The first tails have fields of their compound page's, such as a list.
FIRST_TAILS = 3


def struct_pages(machine: Machine, where: Range) -> list[bytes]:
    """Each, as the CPU reads it."""
    length = X86_64.struct_page
    with tempfile.NamedTemporaryFile() as file:
        # QEMU takes a signed number.
        machine.qmp("memsave", val=STRESS_VMEMMAP - (1 << 64) + where.start // X86_64.page * length,
                    size=(where.end - where.start) // X86_64.page * length, filename=file.name)
        found = file.read()
    return [found[start:start + length] for start in range(0, len(found), length)]


def seen_by_qemu(machine: Machine) -> list[str]:
    """The flags of the heads, and the words of the tails. A tail may hold its head's address."""
    first = STRESS_VMEMMAP + PMEM.start // X86_64.page * X86_64.struct_page
    heads, tails = Counter(), Counter()
    for number, page in enumerate(struct_pages(machine, PMEM)):
        words = unpack("<8Q", page)
        head = first + number // COMPOUND * COMPOUND * X86_64.struct_page
        if number % COMPOUND == 0:
            heads[f"{words[0]:#x}"] += 1
        elif number % COMPOUND >= FIRST_TAILS:
            tails[" ".join("head+1" if word == head + 1 else f"{word:#x}" for word in words)] += 1
    return [f"{what} {words}, {count} of them" for what, found in (("head", heads), ("tail", tails))
            for words, count in sorted(found.items())]


def ask(machine: Machine) -> None:
    """The device is used; all answers are those of the stock kernel."""
    first, end = (address // X86_64.page for address in PMEM)
    found = [line.removeprefix("answer ") for line in machine.guest(f"ask dax0.0 {first} {end - first}")]
    found += seen_by_qemu(machine)
    wanted = STRESS_ANSWERS.read_text(encoding="utf-8").splitlines()
    for number, (line, other) in enumerate(zip_longest(found, wanted, fillvalue="nothing"), 1):
        if line != other:
            raise Failure(f"{STRESS_ANSWERS.name}:{number}: the answer is '{line}', not '{other}'")
    machine.note(f"{len(found)} answers, as in {STRESS_ANSWERS.name}")


def unchanged(where: Range, *actions: Action) -> Action:
    """Not a byte of these struct pages changes meanwhile."""
    def action(machine: Machine) -> None:
        before = struct_pages(machine, where)
        for each in actions:
            each(machine)
        after = struct_pages(machine, where)
        changed = [number for number, page in enumerate(before) if page != after[number]]
        if changed:
            raise Failure(f"{len(changed)} struct pages have changed, the first that of "
                          f"{where.start + changed[0] * X86_64.page:#x}")
        machine.note(f"{len(before)} struct pages have not changed")
    return action


STRESS_TWO = Range(PMEM.start, PMEM.start + GIB // 2), Range(PMEM.start + GIB // 2, PMEM.end)
# Half of the device; the other half is unbound.
STRESS_ONE = replace(WITH_DEDUP, leaves={"pmd": 16, "pte": 2048}, memmap_pages=4096 + 512,
                     pte_tables=4, devices=STRESS_TWO[:1])
STRESS_ONE_TAIL = replace(STRESS_ONE, memmap_pages=4096 + 256, read_only=256 * (8 - 1))
OTHER = "dax0.1"


def in_use(title: str, *actions: Action, **special) -> Step:
    """All of the device, or both halves"""
    return Step(title, actions, WITH_DEDUP, namespace=("devdax", "mem"), zone_tail=WITH_ZONE_TAIL,
                **special)


STRESS_STEPS = (
    replace(X86_STEPS[0], actions=(*X86_STEPS[0].actions, guest("fill_disk"))),
    # /proc/kpageflags ends with the last page frame of RAM, which the DIMM has.
    *X86_STEPS[1:3],
    in_use("devdax", create("devdax", "mem"), backing=("buddy", "shared tails")),
    Step("devdax 1000 times", (*50 * (guest("rebind 20"),), DISABLE, DESTROY), DIMM_ONLINE,
         restores="DIMM online"),
    in_use("two devices", *LABELS, *2 * (create("devdax", "mem", "512M"),),
           backing=("buddy", "shared tails"), namespaces=2),
    in_use("one of them 20 times", unchanged(STRESS_TWO[0], guest(f"rebind 20 {OTHER}")),
           namespaces=2, restores="two devices"),
    Step("the other alone", (unchanged(STRESS_TWO[0], guest(f"daxctl disable-device {OTHER}")),),
         STRESS_ONE, namespace=("devdax", "mem"), namespaces=2, zone_tail=STRESS_ONE_TAIL),
    Step("no devices", (DISABLE, DESTROY), DIMM_ONLINE, restores="DIMM online"),
    in_use("devdax used", create("devdax", "mem"), ask, backing=("buddy", "shared tails"),
           needs=ANSWERS_OF),
    # What was poisoned is forgotten.
    in_use("devdax bound anew and used", guest("rebind 1"), ask),
    Step("devdax taken down", (DISABLE, DESTROY), DIMM_ONLINE, restores="DIMM online"),
)


# ---- The kernel's own test ----

def selftest(machine: Machine) -> None:
    """Memory is plugged and removed by lib/test_vmemmap.c, which judges by itself."""
    said = [line.removeprefix("selftest ") for line in machine.guest("selftest")]
    results = [line for line in said if line.startswith("ok ")]
    passed = [line for line in results if "# SKIP" not in line]
    if not passed:
        raise Failure("the selftest skips everything")
    machine.note(f"selftest: {len(passed)} passed, {len(results) - len(passed)} skipped")


# ---- x86_64: HugeTLB takes vmemmap pages away and brings them back ----

# One page of its own remains of the vmemmap of a huge page (HVO).
SAVED_2M = 8 - 1
SAVED_1G = 4096 - 1

# Enough memory for whole GiBs on both nodes that nothing else lies in
HVO_DIMM = Range(16 * GIB, 17 * GIB)
HVO_DIMM_BLOCKS = "128 135"
HVO_BOOT = HvoFacts(memmap_pages=49152, online=96)
HVO_DIMM_OFFLINE = replace(HVO_BOOT, memmap_pages=49152 + 4096)
HVO_DIMM_ONLINE = replace(HVO_DIMM_OFFLINE, online=104)

HVO_QEMU = (
    "qemu-system-x86_64", "-M", "q35", "-cpu", "max", "-smp", "2,sockets=2",
    "-m", "12G,slots=1,maxmem=32G",
    "-object", "memory-backend-ram,id=ram0,size=8G", "-numa", "node,nodeid=0,memdev=ram0,cpus=0",
    "-object", "memory-backend-ram,id=ram1,size=4G", "-numa", "node,nodeid=1,memdev=ram1,cpus=1")

# mm/hugetlb_vmemmap.c of 6.12 restores wrong contents, a bug of the stock kernel: the
# steps after the growth need another series.
RESTORES_RIGHT = ("7.2", "7.3")


def saves(facts: HvoFacts, pages: int, split: Range | None = None) -> HvoFacts:
    return replace(facts, memmap_pages=facts.memmap_pages - pages, split=split)


def pool(count: int, node: int = 0) -> Action:
    return guest(f"hugepages devices/system/node/node{node} 2048 {count}")


def optimize(yes: bool) -> Action:
    return guest(f"optimize {yes:d}")


def dimm_round() -> tuple[Action, ...]:
    return (plug_dimm("dimm0", 1, HVO_DIMM), guest("blocks 104"),
            guest(f"set online_movable {HVO_DIMM_BLOCKS}"), pool(256, node=1), pool(0, node=1),
            guest(f"set offline {HVO_DIMM_BLOCKS}"), unplug_dimm("dimm0"), guest("blocks 96"))


HVO_STEPS = (
    Step("boot", (Machine.boot, guest("blocks 96")), HVO_BOOT),
    Step("256 huge pages", (pool(256),), saves(HVO_BOOT, 256 * SAVED_2M)),
    Step("64 more, not optimised", (optimize(False), pool(320)), saves(HVO_BOOT, 256 * SAVED_2M)),
    Step("64 more, optimised", (optimize(True), pool(384)), saves(HVO_BOOT, 320 * SAVED_2M)),
    Step("no huge pages", (pool(0),), HVO_BOOT, needs=RESTORES_RIGHT),
    Step("DIMM plugged", (plug_dimm("dimm0", 1, HVO_DIMM), guest("blocks 104")), HVO_DIMM_OFFLINE),
    Step("DIMM online", (guest(f"set online_movable {HVO_DIMM_BLOCKS}"),), HVO_DIMM_ONLINE),
    Step("256 huge pages in the DIMM", (pool(256, node=1),),
         saves(HVO_DIMM_ONLINE, 256 * SAVED_2M, split=HVO_DIMM)),
    Step("none again", (pool(0, node=1),), replace(HVO_DIMM_ONLINE, split=HVO_DIMM)),
    Step("DIMM unplugged", (guest(f"set offline {HVO_DIMM_BLOCKS}"), unplug_dimm("dimm0"),
                            guest("blocks 96")), HVO_BOOT, restores="no huge pages"),
    # Each round splits four leaves. The tables of the split ones must be freed with the DIMM.
    Step("the same 20 times", 20 * dimm_round(), HVO_BOOT, restores="no huge pages"),
)


def gigantic(count: int) -> Action:
    return guest(f"hugepages kernel/mm 1048576 {count}")


HVO_1G_STEPS = (
    Step("boot with 2 pages of 1 GiB", (Machine.boot, guest("blocks 96")),
         saves(HVO_BOOT, 2 * SAVED_1G)),
    Step("none of them", (gigantic(0),), HVO_BOOT, needs=RESTORES_RIGHT),
    Step("a page of 1 GiB", (gigantic(1),), saves(HVO_BOOT, SAVED_1G)),
    Step("none again", (gigantic(0),), HVO_BOOT),
)


def hvo(name: str, kernel: str, goal: str, about: str, append: str,
        steps: tuple[Step, ...]) -> Scenario:
    return Scenario(name, kernel, goal, about, HVO_QEMU,
                    f"{X86_CONSOLE} nokaslr hugetlb_free_vmemmap=on {append}",
                    (), X86_64, HVO_BOOT.memmap_pages, steps)


# ---- x86_64: more memory is plugged than its memory map has room for ----

SHORT_BOOT = Facts({"pmd": 16}, memmap_pages=0, online=16)
SHORT_TOO_LARGE = Range(4 * GIB, 124 * GIB)	# 1920 MiB of struct pages, in 2 GiB of RAM
SHORT_DIMM = Range(128 * GIB, 129 * GIB)
SHORT_SLOTS = 16


def plug_until_refused(slots: int, node: int, first: int, length: int, blocks: int,
                       block: int = 128 * MIB, page: int = 4 * KIB) -> Action:
    """The DIMMs stay offline, beside so many memory blocks. Then all are unplugged."""
    def action(machine: Machine) -> None:
        for taken in range(slots):
            where = Range(first + taken * length, first + (taken + 1) * length)
            offer_dimm(machine, f"many{taken}", node, where)
            try:
                machine.guest(f"blocks {blocks + length // block * (taken + 1)}")
            except Failure:
                machine.check()
                break
        machine.note(f"{taken} DIMMs of {size(length)} are taken")
        if not taken or not is_refused(machine, where, page):
            raise Failure(f"the guest takes {taken} DIMMs of {size(length)} and refuses none")
        # The one that was refused is still a device.
        for n in range(taken + 1):
            unplug_dimm(f"many{n}")(machine)
    return action


SHORT_STEPS = (
    Step("boot", (Machine.boot, guest("blocks 16")), SHORT_BOOT, ("memblock",)),
    Step("DIMM of 120 GiB refused", (plug_dimm_too_large("dimm0", 0, SHORT_TOO_LARGE),
                                     guest("blocks 16")), SHORT_BOOT, restores="boot"),
    Step("DIMM of 1 GiB plugged", (plug_dimm("dimm1", 0, SHORT_DIMM), guest("blocks 24")),
         replace(SHORT_BOOT, leaves={"pmd": 24}, memmap_pages=4096), ("buddy",)),
    Step("DIMM of 1 GiB unplugged", (unplug_dimm("dimm1"), guest("blocks 16")), SHORT_BOOT,
         restores="boot"),
    # Each has 256 MiB of struct pages.
    Step("DIMMs of 16 GiB until one is refused",
         (plug_until_refused(SHORT_SLOTS - 2, 0, 256 * GIB, 16 * GIB, 16), guest("blocks 16")),
         SHORT_BOOT, restores="boot"),
)


# ---- Memory is added when memory is short ----

@dataclass(frozen=True)
class Pressure:
    """A guest with 2 GiB, of which 3 % are left, and a DIMM for its last node."""
    nodes: int
    block: int
    geometry: Geometry
    boot: Facts
    plugged: Facts			# while memory is short
    plugged_later: Facts
    dimm: Range
    many: int				# as long are those that are plugged until one is refused
    slots: int				# for them
    leave: int				# by lib/test_vmemmap.c
    cache: str = ""			# a device, and how much of it goes to the page cache


def rounds(case: Pressure, restores: str) -> Step:
    page = case.geometry.page
    return Step(f"100 times 4 sections, {size(case.leave)} left",
                (guest(f"stress way=section ranges=4 repeat=100 leave={case.leave // page}"),),
                case.boot, restores=restores)


def pressure_steps(case: Pressure) -> tuple[Step, ...]:
    page, at_boot, last = case.geometry.page, guest(f"blocks {case.boot.online}"), case.nodes - 1
    blocks = case.boot.online + (case.dimm.end - case.dimm.start) // case.block
    plug = plug_dimm("dimm0", last, case.dimm), guest(f"blocks {blocks}")
    unplug = unplug_dimm("dimm0"), at_boot
    left = 2 * GIB // case.nodes * 3 // 100 // page

    def when_full(*nodes: int) -> tuple[Step, ...]:
        """All that is left is in pieces."""
        full = f"node {', '.join(map(str, nodes))} full"
        return (
            Step(full, (guest(f"hold {nodes[0]} {left} {case.cache}"),), case.boot),
            Step(f"{full}: DIMM plugged", plug, case.plugged, ("buddy",), no_stalls=True),
            Step(f"{full}: DIMM unplugged", unplug, case.boot, restores=full))

    steps = [step for first in range(last, -1, -1)
             for step in when_full(*range(first, case.nodes))]
    return (
        Step("boot", (Machine.boot, at_boot), case.boot, ("memblock",)), *steps,
        Step(f"DIMMs of {size(case.many)} until one is refused",
             (plug_until_refused(case.slots, last, case.dimm.start, case.many, case.boot.online,
                                 case.block, page), at_boot), case.boot,
             restores=steps[-1].restores),
        Step("memory is free again", (guest("let_go"),), case.boot),
        rounds(case, "memory is free again"),
        Step("DIMM plugged", plug, case.plugged_later, ("buddy",), no_stalls=True),
        Step("DIMM unplugged", unplug, case.boot, restores="memory is free again"))


PRESSURE_ABOUT = "memory is added when memory is short"
# It warns of each huge block that it cannot have. That is not what it dies of.
PRESSURE_ON_STOCK = {"stock": "Out of memory|refuses none", "stock_append": "loglevel=4"}
PRESSURE_BOOT = Facts({"pmd": 16}, memmap_pages=0, online=16)
PRESSURE_HUGE = replace(PRESSURE_BOOT, leaves={"pmd": 24}, memmap_pages=4096)
PRESSURE = Pressure(2, 128 * MIB, X86_64, PRESSURE_BOOT, replace(PRESSURE_HUGE, leaves={}),
                    PRESSURE_HUGE, DIMM, 128 * MIB, 100, 32 * MIB, "/dev/pmem0 32")
X86_PRESSURE = Scenario(
    "x86_64-pressure", "x86_64", "test", PRESSURE_ABOUT,
    # Without these, the kernel clears a page by 512 stores and not by 4096.
    ("qemu-system-x86_64", "-M", "q35,nvdimm=on", "-cpu", "max,erms=off,fsrm=off", "-smp", "2,sockets=2",
     "-m", "2G,slots=102,maxmem=64G",
     "-object", "memory-backend-ram,id=ram0,size=1G", "-numa", "node,nodeid=0,memdev=ram0,cpus=0",
     "-object", "memory-backend-ram,id=ram1,size=1G", "-numa", "node,nodeid=1,memdev=ram1,cpus=1",
     "-object", "memory-backend-ram,id=pmem,size=272M",
     "-device", f"nvdimm,memdev=pmem,id=nvdimm0,label-size=16M,node=0,addr={PMEM.start:#x}"),
    f"{X86_CONSOLE} nokaslr transparent_hugepage=never", (), X86_64, 8192,
    pressure_steps(PRESSURE),
    programs=("hold",), patience=2, **PRESSURE_ON_STOCK)


def watched_pressure(kernel: str, about: str, **special) -> Scenario:
    """The rounds alone, on a kernel that watches itself."""
    return replace(X86_PRESSURE, name=f"{kernel}-pressure", kernel=kernel, goal="test-debug",
                   about=f"{PRESSURE_ABOUT}, {about}", append=f"{X86_PRESSURE.append} no5lvl",
                   steps=(X86_PRESSURE.steps[0], rounds(PRESSURE, "boot")), programs=(),
                   patience=8, stock="", stock_append="", **special)


# ---- A small guest grows ----

def with_memory(boot: Facts, geometry: Geometry, block: int, length: int) -> Facts:
    """The same with so much memory more, all of it online, in blocks of that size."""
    level = min(geometry.leaf, key=LEVELS.index)
    memmap = geometry.memmap(length)
    return replace(boot, leaves={level: boot.leaves[level] + memmap // geometry.leaf[level]},
                   memmap_pages=memmap // geometry.page, online=boot.online + length // block)


@dataclass(frozen=True)
class Small:
    """A guest of 256 MiB with 64 MiB left, in pieces. What it gets goes online."""
    kernel: str
    goal: str
    qemu: tuple[str, ...]
    append: str
    block: int				# a memory block
    geometry: Geometry
    boot: Facts

    def at_boot(self) -> Action:
        return guest(f"blocks {self.boot.online}")

    def dimm(self, title: str, name: str, length: int, backing: str, restores: str,
             **special) -> tuple[Step, Step]:
        facts = with_memory(self.boot, self.geometry, self.block, length)
        return (
            Step(f"{title}DIMM of {size(length)} plugged",
                 (plug_dimm(name, 0, Range(4 * GIB, 4 * GIB + length)), guest(f"blocks {facts.online}")),
                 facts, (backing,), **special),
            Step(f"{title}DIMM of {size(length)} unplugged", (unplug_dimm(name), self.at_boot()), self.boot,
                 restores=restores))

    def many(self, length: int, slots: int) -> Step:
        return Step(f"DIMMs of {size(length)} until one is refused",
                    (plug_until_refused(slots, 0, 4 * GIB, length, self.boot.online, self.block,
                                        self.geometry.page), self.at_boot()),
                    self.boot, restores="64 MiB left")

    def scenario(self, name: str, about: str, mode: str, *steps: Step, **special) -> Scenario:
        return Scenario(
            f"{self.kernel}-{name}", self.kernel, self.goal, about,
            (*self.qemu, "-smp", "2", "-m", "256M,slots=14,maxmem=192G"),
            f"{self.append} nokaslr transparent_hugepage=never memhp_default_state=online_movable "
            f"memory_hotplug.memmap_on_memory={mode}", (), self.geometry,
            self.geometry.memmap(self.boot.online * self.block) // self.geometry.page,
            (Step("boot", (Machine.boot, self.at_boot()), self.boot, ("memblock",)),
             Step("64 MiB left", (guest(f"hold 0 {64 * MIB // self.geometry.page}"),), self.boot),
             *steps), programs=("hold",), **special)

    def grows(self, *steps: Step, **special) -> Scenario:
        return self.scenario("pressure-small", "a guest with 64 MiB left grows by what fits", "0", *steps,
                             **special, **PRESSURE_ON_STOCK)

    def grows_self_hosted(self, needs: tuple[str, ...] = ()) -> Scenario:
        return self.scenario(
            "pressure-self", "the same by 8 GiB that hold their own memory map", "1",
            *self.dimm("", "dimm0", 8 * GIB, "altmap", "64 MiB left", no_stalls=True, needs=needs),
            Step("1 MiB left beyond the reserves", (guest("hold 0 reserves"),), self.boot),
            *self.dimm("1 MiB left: ", "dimm1", GIB, "altmap", "1 MiB left beyond the reserves"))


X86_SMALL = Small("x86_64", "test", ("qemu-system-x86_64", "-M", "q35", "-cpu", "max,erms=off,fsrm=off"),
                  X86_CONSOLE, 128 * MIB, X86_64, Facts({"pmd": 2}, memmap_pages=0, online=2))
# Nobody finds what is on these lists, and there is nothing to reclaim.
SMALL_LISTS = Step("2 sections, 10 MiB left on the lists of CPUs",
                   (guest("let_go"), guest("lists 8"),
                    *2 * (guest("stress way=section ranges=2 leave=2560"),)),
                   X86_SMALL.boot, restores="boot")


# ---- arm64: a virtio-mem device grows and shrinks ----

# By page size, a memory block and the geometry. Only with 4K pages does a section
# fill a PMD leaf.
ARM64 = {
    "4k": (128 * MIB, Geometry(
        page=4 * KIB, struct_page=64, leaf={"pmd": 2 * MIB, "pte": 4 * KIB},
        table={"p4d": 256 * TIB, "pud": 512 * GIB, "pmd": GIB, "pte": 2 * MIB},
        attributes={"pmd": "RW NX AF BLK UXN MEM/NORMAL", "pte": "RW NX AF UXN MEM/NORMAL"})),
    "16k": (128 * MIB, Geometry(
        page=16 * KIB, struct_page=64, leaf={"pte": 16 * KIB},
        table={"pud": 128 * TIB, "pmd": 64 * GIB, "pte": 32 * MIB},
        attributes={"pte": "RW NX AF UXN MEM/NORMAL"})),
    "64k": (512 * MIB, Geometry(
        page=64 * KIB, struct_page=64, leaf={"pte": 64 * KIB},
        table={"pmd": 4 * TIB, "pte": 512 * MIB},
        attributes={"pte": "RW NX SHD AF UXN MEM/NORMAL"})),
}
VIRTIO_MEM = 4 * GIB


def resize(length: int) -> Action:
    """Ask for a size and wait until the guest has come to it."""
    where = {"path": "/machine/peripheral/vmem0"}

    def action(machine: Machine) -> None:
        machine.qmp("qom-set", **where, property="requested-size", value=length)
        machine.wait(lambda: machine.qmp("qom-get", **where, property="size") == length or None,
                     f"the guest to use {size(length)} of the device")
    return action


def arm64(name: str, goal: str, pages: str, rounds: int = 160) -> Scenario:
    block, geometry = ARM64[pages]
    level = min(geometry.leaf, key=LEVELS.index)
    # A page leaked for each block must add up to more than the noise.
    rounds = rounds * block // (2 * GIB)

    def facts(length: int) -> Facts:
        return Facts({level: geometry.memmap(GIB + length) // geometry.leaf[level]},
                     memmap_pages=geometry.memmap(length) // geometry.page,
                     online=(GIB + length) // block, pte_tables=int(level == "pte"))

    def become(length: int) -> tuple[Action, Action]:
        return resize(length), guest(f"blocks {(GIB + length) // block}")

    def step(length: int, **expected) -> Step:
        return Step(f"virtio-mem {size(length)}", become(length), facts(length), **expected)

    qemu = ("qemu-system-aarch64", "-M", "virt", "-cpu", "max", "-smp", "2", "-m", "1G,maxmem=8G",
            "-object", "memory-backend-ram,id=vmem0-ram,size=2G",
            "-device", f"virtio-mem-pci,id=vmem0,memdev=vmem0-ram,requested-size=0"
                       f",block-size={block},memaddr={VIRTIO_MEM}")
    steps = (Step("boot", (Machine.boot,), facts(0), ("memblock",)),
             step(GIB, backing=("buddy",)),
             step(512 * MIB),
             step(2 * GIB, backing=("buddy",)),
             step(0, restores="boot"))
    if rounds:
        steps += (
             Step(f"virtio-mem 2 GiB {rounds} times", rounds * (become(2 * GIB) + become(0)),
                  facts(0), restores="boot"),
             # Where its compound pages of 512 pages fill a vmemmap page, they share tails.
             Step("selftest", (selftest,), facts(0), zone_tail=None if pages == "64k" else facts(0),
                  restores="boot"))
    return Scenario(name, name, goal, f"a virtio-mem device, {pages.upper()} pages", qemu,
                    "console=ttyAMA0 nokaslr memhp_default_state=online_movable",
                    (), geometry, geometry.memmap(GIB) // geometry.page, steps)


# ---- arm64: memory is added when memory is short ----

# On arm64, ACPI is for those who boot by UEFI, which has 64 MiB below RAM.
ARM64_UEFI = "qemu-system-aarch64", "-M", "virt", "-bios", "/usr/share/qemu-efi-aarch64/QEMU_EFI.fd"
ARM64_PRESSURE_BOOT = Facts({"pte": 40}, memmap_pages=0, online=5, pte_tables=1)
ARM64_PRESSURE_DIMM = replace(ARM64_PRESSURE_BOOT, leaves={"pte": 40 + 256}, memmap_pages=256)
ARM64_PRESSURE = Scenario(
    "arm64-64k-pressure", "arm64-64k", "test-all", PRESSURE_ABOUT,
    # Of two nodes, none would have the firmware's memory, so that the kernel takes all for one.
    (*ARM64_UEFI, "-cpu", "max", "-smp", "2", "-m", "2G,slots=16,maxmem=160G"),
    "console=ttyAMA0 nokaslr transparent_hugepage=never", (), ARM64["64k"][1], 40,
    pressure_steps(Pressure(1, *ARM64["64k"], ARM64_PRESSURE_BOOT, ARM64_PRESSURE_DIMM,
                            ARM64_PRESSURE_DIMM, Range(4 * GIB, 20 * GIB), 8 * GIB, 14, 32 * MIB)),
    programs=("hold",), patience=2, **PRESSURE_ON_STOCK)

ARM64_SMALL = Small("arm64-64k", "test-all", (*ARM64_UEFI, "-cpu", "max"), "console=ttyAMA0", *ARM64["64k"],
                    Facts({"pte": 16}, memmap_pages=0, online=2, pte_tables=1))


# ---- A virtio-mem device shrinks while others look at its page frames ----

LATE_SIZES = (2 * GIB, 512 * MIB, 1536 * MIB, 0)


def ask_for(length: int) -> Action:
    """Do not wait until the guest has come to that size."""
    def action(machine: Machine) -> None:
        machine.qmp("qom-set", path="/machine/peripheral/vmem0", property="requested-size",
                    value=length)
        time.sleep(1)
    return action


@dataclass(frozen=True)
class Late:
    """A guest of 1 GiB, with a kernel that lets removed memory be read as zeros."""
    kernel: str
    qemu: tuple[str, ...]
    console: str
    block: int				# a memory block
    geometry: Geometry
    boot: Facts
    granule: int			# of the device
    in_use: int				# by a program, again and again; the rest must have room elsewhere

    def grown(self, length: int) -> Facts:
        return with_memory(self.boot, self.geometry, self.block, length)

    def scenario(self, name: str, goal: str, rounds: int, **special) -> Scenario:
        def become(length: int) -> tuple[Action, Action]:
            return resize(length), guest(f"blocks {self.grown(length).online}")

        return Scenario(
            name, self.kernel, goal, "memory is removed while compaction and others look at it",
            (*self.qemu, "-cpu", "max", "-smp", "3", "-m", "1G,maxmem=8G",
             "-object", "memory-backend-ram,id=vmem0-ram,size=2G",
             "-device", "virtio-mem-pci,id=vmem0,memdev=vmem0-ram,requested-size=0"
                        f",block-size={self.granule},memaddr={VIRTIO_MEM}"),
            f"{self.console} nokaslr memhp_default_state=online_movable", (), self.geometry,
            self.grown(GIB).memmap_pages, (
                Step("boot", (Machine.boot, guest(f"blocks {self.boot.online}")), self.boot, ("memblock",)),
                Step("virtio-mem 2 GiB", become(2 * GIB), self.grown(2 * GIB), ("buddy",)),
                Step("virtio-mem 0", become(0), self.boot, restores="boot"),
                Step(f"{rounds} times up and down, looked at",
                     (guest(f"look {self.in_use // MIB}"), *rounds * tuple(map(ask_for, LATE_SIZES)),
                      resize(0), guest("look_away"), guest(f"blocks {self.boot.online}")),
                     self.boot, restores="boot")),
            patience=6, reads_zeros=True, **special)


X86_LATE = Late("x86_64-release", ("qemu-system-x86_64", "-M", "q35"), X86_CONSOLE, 128 * MIB, X86_64,
                Facts({"pmd": 8}, memmap_pages=0, online=8), 2 * MIB, 700 * MIB)
ARM64_LATE = Late("arm64-64k-release", ("qemu-system-aarch64", "-M", "virt"), "console=ttyAMA0",
                  *ARM64["64k"], Facts({"pte": 16}, memmap_pages=0, online=2, pte_tables=1),
                  512 * MIB, 200 * MIB)


# ---- arm64: a device in compound pages ----

# QEMU describes all that it has as RAM, so the kernel must not use more than 1 GiB.
ARM64_RAM = Range(GIB, 2 * GIB)
ARM64_PMEM = Range(2 * GIB, 3 * GIB)


def arm64_dax(pages: str) -> Scenario:
    block, geometry = ARM64[pages]
    level = min(geometry.leaf, key=LEVELS.index)
    compound = geometry.page * geometry.page // 8	# what a PMD leaf maps

    nr_pages = geometry.memmap(GIB) // geometry.page
    nr_compounds = GIB // compound
    boot = Facts({level: geometry.memmap(GIB) // geometry.leaf[level]}, memmap_pages=0,
                 online=GIB // block, pte_tables=int(level == "pte"))
    # Only 7.2 and later share tails here.
    in_use = replace(boot, leaves={level: 2 * boot.leaves[level]}, memmap_pages=nr_pages,
                     devices=(ARM64_PMEM,))
    ptes = Counter(boot.leaves) + Counter(pte=nr_pages)
    shared = replace(in_use, leaves=dict(ptes), memmap_pages=nr_compounds,
                     pte_tables=max(1, geometry.memmap(GIB) // geometry.table["pte"]),
                     read_only=nr_pages - nr_compounds)
    bind, unbind = guest("bind dax0.0 dax_pmem"), guest("unbind dax0.0")
    steps = (
        Step("boot", (Machine.boot, guest("unbind namespace0.0")), boot, ("memblock",)),
        Step("devdax", (guest(f"claim 0 dax ram {compound}"), bind), in_use, ("buddy",),
             zone_tail=shared),
        Step("devdax written", (guest(f"write dax0.0 3 {max(32, compound // MIB)}"),), in_use, zone_tail=shared),
        Step("devdax taken down", (unbind,), boot, restores="boot"),
        Step("devdax 20 times", (bind, guest("rebind 20"), unbind), boot, restores="boot"))
    return Scenario(f"arm64-{pages}-dax", f"arm64-{pages}", "test-all",
                    f"a device in pages of {size(compound)}, {pages.upper()} pages",
                    ("qemu-system-aarch64", "-M", "virt", "-cpu", "max", "-smp", "2", "-m", "2G"),
                    "console=ttyAMA0 nokaslr mem=1G", (), geometry, nr_pages, steps,
                    programs=("use_dax",), ram=ARM64_RAM, pmem=(ARM64_PMEM,), on_stock=True)


# ---- riscv64: two devices in one section, one of which is removed ----

RISCV64 = Geometry(
    page=4 * KIB, struct_page=64,
    leaf={"pmd": 2 * MIB, "pte": 4 * KIB},
    table={"pud": 512 * GIB, "pmd": GIB, "pte": 2 * MIB},
    attributes={"pmd": ". .. .. D A G . . W R V", "pte": ". .. .. D A G . . W R V"})
RISCV64_RAM = Range(2 * GIB, 3 * GIB)

# Three sections of two devices each
RISCV64_PMEM = tuple(Range(start, start + 64 * MIB) for start in
                     range(3 * GIB, 3 * GIB + 6 * 64 * MIB, 64 * MIB))
RISCV64_BOOT = Facts({"pmd": 8}, memmap_pages=0, online=8)


def cycles(what: str, words: str) -> Step:
    """lib/test_vmemmap.c adds and removes a range."""
    return Step(f"200 times {what}", (guest(f"stress ranges=1 repeat=200 {words}"),),
                RISCV64_BOOT, restores="boot")


# What backs a device's struct pages, and how many pages those of 64 MiB take
RAW = "raw", ("buddy",), 256
FSDAX_MEM = "ram", ("buddy",), 256
# 32 compound pages of 2 MiB, with two pages of their own each
DEVDAX_MEM = "ram", ("buddy", "shared tails"), 64
MAP_DEV = "pmem", ("altmap",), 256
MAPS = {"raw": "raw", "ram": "map=mem", "pmem": "map=dev"}


def pair(section: int, first: tuple, second: tuple) -> tuple[Step, ...]:
    """A device of fsdax and one of device-dax."""
    (mode, fs_backing, fs_pages), (dax_mode, dax_backing, dax_pages) = first, second
    fs_range, dax_range = RISCV64_PMEM[2 * section:2 * section + 2]
    fsdax = f"{'namespace' if mode == 'raw' else 'pfn'}{2 * section}.0"
    devdax = f"dax{2 * section + 1}.0"
    claim = () if mode == "raw" else (guest(f"claim {2 * section} pfn {mode}"),)
    fs_title, dax_title = f"fsdax {MAPS[mode]}", f"devdax {MAPS[dax_mode]}"
    both_title = f"{fs_title}, {dax_title}"

    def facts(pages: int, *devices: Range) -> Facts:
        return Facts({"pmd": 8, "pte": 256 * len(devices)}, pages, 8, 1, devices=devices)

    def tails(pages: int, *devices: Range) -> dict[str, Facts]:
        """A page less for each compound page, if there are any."""
        nr = 32 if (dax_mode, dax_backing, dax_pages) == DEVDAX_MEM else 0
        shared = replace(facts(pages - nr, *devices), read_only=7 * nr)
        return {"zone_tail": shared} if nr else {}

    both = facts(fs_pages + dax_pages, fs_range, dax_range)
    both_tails = tails(fs_pages + dax_pages, fs_range, dax_range)
    return (
        Step(f"{section + 1}: {fs_title}", (*claim, guest(f"bind {fsdax} nd_pmem")),
             facts(fs_pages, fs_range), fs_backing),
        Step(f"{section + 1}: {both_title}",
             (guest(f"claim {2 * section + 1} dax {dax_mode}"), guest(f"bind {devdax} dax_pmem"),
              guest(f"write {devdax} 1")), both, dax_backing, **both_tails),
        Step(f"{section + 1}: fsdax 20 times, devdax written",
             (guest(f"rebind_beside {fsdax} nd_pmem 20 {devdax}"),), both,
             restores=f"{section + 1}: {both_title}", **both_tails),
        Step(f"{section + 1}: {dax_title} alone",
             (guest(f"unbind {fsdax}"), guest(f"write {devdax} 1")), facts(dax_pages, dax_range),
             **tails(dax_pages, dax_range)),
        Step(f"{section + 1}: none", (guest(f"unbind {devdax}"),), RISCV64_BOOT, restores="boot"))


RISCV64_PAIR = Scenario(
    "riscv64-pair", "riscv64", "test-all", "two devices in one section, one is removed",
    ("qemu-system-riscv64", "-M", "virt", "-smp", "2", "-m", "2G"), "console=ttyS0",
    (), RISCV64, 4096,
    (Step("boot", (Machine.boot, *(guest(f"unbind namespace{n}.0") for n in range(6))),
          RISCV64_BOOT, ("memblock",)),
     *pair(0, RAW, DEVDAX_MEM), *pair(1, MAP_DEV, DEVDAX_MEM), *pair(2, FSDAX_MEM, MAP_DEV),
     *(cycles(what, f"way={way} {words}")
       for way in ("section", "device") for what, words in (
           (f"a section, {way}", "pages=32768 shift=0"),
           (f"a subsection, {way}", "pages=512 shift=0"),
           (f"2 MiB pages, {way}", "pages=32768 shift=9"))),
     Step("selftest", (selftest,), RISCV64_BOOT, restores="boot")),
    programs=("use_dax",), ram=RISCV64_RAM, pmem=RISCV64_PMEM,
    stock="Unable to handle kernel paging request")


# ---- A DIMM holds its own memory map ----

def fill(length: int) -> Action:
    """Use the movable zone up: it takes what is written to, before other zones do."""
    def action(machine: Machine) -> None:
        reported, = machine.guest(f"fill {length // MIB}")
        free, managed = map(int, reported.split()[1:])
        if free > managed // 8:
            raise Failure(f"{free} of {managed} movable pages are still free")
    return action


@dataclass(frozen=True)
class SelfHosted:
    """What differs between machines: the memory map at boot and with the DIMM."""
    block: int				# a memory block; the DIMM has two
    geometry: Geometry
    mode: str				# memory_hotplug.memmap_on_memory
    boot: dict[str, int]		# leaves
    dimm: dict[str, int]
    pte_tables: tuple[int, int]
    firmware: int = 0			# blocks that have memory of the firmware only
    needs: tuple[str, ...] = ()


def self_hosted(name: str, kernel: str, goal: str, case: SelfHosted, append: str,
                *qemu: str) -> Scenario:
    ram, length = 2 * GIB, 2 * case.block
    where = Range(4 * GIB, 4 * GIB + length)
    blocks = f"{where.start // case.block} {where.end // case.block - 1}"

    def memmap_pages(described: int) -> int:
        return case.geometry.memmap(described) // case.geometry.page

    at_boot = ram + case.firmware * case.block
    unplugged = Facts(case.boot, 0, at_boot // case.block, case.pte_tables[0])
    plugged = replace(unplugged, leaves=case.dimm, memmap_pages=memmap_pages(length),
                      pte_tables=case.pte_tables[1])
    in_use = replace(plugged, online=plugged.online + 2)

    plug = plug_dimm("dimm0", 0, where), guest(f"blocks {in_use.online}")
    online = guest(f"set online_movable {blocks}")
    offline = guest(f"set offline {blocks}")
    unplug = unplug_dimm("dimm0"), guest(f"blocks {unplugged.online}")
    steps = (
        Step("boot", (Machine.boot, guest(f"blocks {unplugged.online}")), unplugged, ("memblock",)),
        Step("DIMM plugged", plug, plugged, ("altmap",), needs=case.needs),
        Step("DIMM online", (online,), in_use),
        Step("DIMM full", (fill(length),), in_use),
        Step("DIMM empty, but for 64 MiB", (guest("drain"), guest("fill 64")), in_use),
        # These move.
        Step("DIMM offline", (offline, guest("drain")), plugged, restores="DIMM plugged"),
        Step("DIMM unplugged", unplug, unplugged, restores="boot"),
        Step("the same 5 times", 5 * (*plug, online, offline, *unplug), unplugged,
             restores="boot"),
    )
    return Scenario(name, kernel, goal, "a DIMM that holds its own memory map",
                    (*qemu, "-cpu", "max", "-smp", "2", "-m", f"{ram // MIB}M,slots=1,maxmem=8G"),
                    # a huge page of 64K pages is half a DIMM, and taken from elsewhere
                    f"nokaslr {append} transparent_hugepage=never "
                    f"memory_hotplug.memmap_on_memory={case.mode}", (),
                    case.geometry, memmap_pages(at_boot), steps)


def x86_self_hosted(name: str, kernel: str, goal: str, case: SelfHosted) -> Scenario:
    return self_hosted(name, kernel, goal, case, X86_CONSOLE, "qemu-system-x86_64", "-M", "q35")


def arm64_self_hosted(name: str, kernel: str, goal: str, case: SelfHosted) -> Scenario:
    return self_hosted(name, kernel, goal, case, "console=ttyAMA0", *ARM64_UEFI)


# ---- tools/vmemmap/show and the summary, compared with QEMU's walk ----

SHOW_ABOUT = "tools/vmemmap/show says the same as QEMU"
ALL_WAYS = ("dump", "live", "summary")


def with_debian(step: Step) -> Step:
    return replace(step, actions=(*step.actions, guest("debian")))


def for_show(step: Step) -> Step:
    """With a Debian to run show in; where there are compound pages, with what else it has."""
    if step.title == "boot":
        return with_debian(step)
    if step.title == "devdax map=mem":
        return replace(step, actions=(*step.actions, run_one_liners), has_figure=True)
    return step


WITH_DEVICE = Facts({"pmd": 16}, memmap_pages=4096, online=8, devices=(PMEM,))
SHOW_STEPS = (
    *(for_show(step) for step in X86_STEPS if "times" not in step.title),
    Step("fsdax map=dev alone", (create("fsdax", "dev"),), WITH_DEVICE, ("altmap",),
         namespace=("fsdax", "dev")),
    Step("panic", (Machine.crash,), WITH_DEVICE, is_crash=True))

# HugeTLB pages, a DIMM and a device, each of which may share tails, in less memory than
# the scenario that is about HugeTLB: dumps have all of it.
SHOW_HVO_QEMU = (
    "qemu-system-x86_64", "-M", "q35,nvdimm=on", "-cpu", "max", "-smp", "2,sockets=2",
    "-m", "2G,slots=2,maxmem=32G",
    "-object", "memory-backend-ram,id=ram0,size=1G", "-numa", "node,nodeid=0,memdev=ram0,cpus=0",
    "-object", "memory-backend-ram,id=ram1,size=1G", "-numa", "node,nodeid=1,memdev=ram1,cpus=1",
    "-object", "memory-backend-ram,id=pmem,size=1040M",
    "-device", f"nvdimm,memdev=pmem,id=nvdimm0,label-size=16M,node=0,addr={PMEM.start:#x}")
SHOW_HVO_BOOT = HvoFacts(memmap_pages=8192, online=16)
SHOW_HVO_POOL = saves(SHOW_HVO_BOOT, 64 * SAVED_2M)
SHOW_HVO_DIMM = replace(SHOW_HVO_POOL, memmap_pages=SHOW_HVO_POOL.memmap_pages + 4096, online=24)
SHOW_HVO_DEVICE = replace(saves(SHOW_HVO_DIMM, 64 * SAVED_2M), devices=(PMEM,))

# What HugeTLB frees it takes off one counter, what it allocates it adds to the other.
SHOW_HVO_BOOT_PAGES = 8192 - 64 * (SAVED_2M + 1)

SHOW_HVO_PLUG = (plug_dimm("dimm0", 1, DIMM), guest("blocks 24"),
                 guest(f"set online_movable {DIMM_BLOCKS}"))
SHOW_HVO_UNPLUG = (guest(f"set offline {DIMM_BLOCKS}"), unplug_dimm("dimm0"), guest("blocks 16"))

SHOW_HVO_STEPS = (
    with_debian(Step("boot", (Machine.boot, guest("blocks 16"), DESTROY), SHOW_HVO_BOOT)),
    Step("64 huge pages", (pool(64),), replace(SHOW_HVO_POOL, boot_pages=SHOW_HVO_BOOT_PAGES)),
    Step("DIMM online", SHOW_HVO_PLUG, SHOW_HVO_DIMM),
    Step("64 huge pages in the DIMM", (pool(64, node=1),),
         saves(SHOW_HVO_DIMM, 64 * SAVED_2M, split=DIMM)),
    Step("devdax map=mem", (create("devdax", "mem"),), saves(SHOW_HVO_DEVICE, -1024),
         zone_tail=saves(SHOW_HVO_DEVICE, -512)),
    Step("devdax map=mem taken down", (DISABLE, DESTROY),
         saves(SHOW_HVO_DIMM, 64 * SAVED_2M, split=DIMM)),
    Step("no huge pages in the DIMM", (pool(0, node=1),), replace(SHOW_HVO_DIMM, split=DIMM),
         needs=RESTORES_RIGHT),
    Step("DIMM unplugged", SHOW_HVO_UNPLUG, SHOW_HVO_POOL),
    Step("no huge pages", (pool(0),), replace(SHOW_HVO_BOOT, boot_pages=SHOW_HVO_BOOT_PAGES)),
)

# Of a machine with so much memory, show and the summary take so long at most.
LARGE = 256 * GIB
LARGE_LIMITS = {"show": 20, "summary": 1}
LARGE_QEMU = ("qemu-system-x86_64", "-M", "q35,memory-backend=ram", "-cpu", "max", "-smp", "2",
              "-m", f"{LARGE // MIB}M",
              # This machine need not have what the guest never touches.
              "-object", f"memory-backend-ram,id=ram,size={LARGE},reserve=off")


# ---- The summary is read while all else goes on ----

def read_beside(reads: int, *actions: Action) -> Action:
    """Read it so often, at least, beside this, which is done again until then."""
    def action(machine: Machine) -> None:
        done = 0
        while done < reads:
            machine.guest("read_on")
            for each in actions:
                each(machine)
            nr = int(machine.guest("reads")[0].split()[1])
            if nr <= 0:		# less than none: it could not be read
                raise Failure(f"the summary was read {nr} times")
            done += nr
        machine.note(f"{done} reads of the summary")
    return action


READ_STEPS = (
    Step("boot", (Machine.boot, guest("blocks 16"), DESTROY), SHOW_HVO_BOOT),
    Step("reads beside a DIMM and a device",
         (read_beside(1000, *3 * (*SHOW_HVO_PLUG, *SHOW_HVO_UNPLUG, create("devdax", "mem"),
                                  guest("rebind 5"), DISABLE, DESTROY)),),
         SHOW_HVO_BOOT, zone_tail=SHOW_HVO_BOOT),
    Step("reads beside HugeTLB pages that come",
         (read_beside(100, *map(pool, range(1, 65))),), SHOW_HVO_POOL),
    Step("reads beside HugeTLB pages that come and go",
         (read_beside(1000, *20 * (pool(0), pool(64))),), SHOW_HVO_POOL, needs=RESTORES_RIGHT),
)


def reads(kernel: str, about: str, **special) -> Scenario:
    return Scenario(f"{kernel}-summary", kernel, "test-debug",
                    f"the summary is read while all else goes on, {about}", SHOW_HVO_QEMU,
                    f"{X86_CONSOLE} nokaslr no5lvl rcupdate.rcu_cpu_stall_timeout=120 "
                    "hugetlb_free_vmemmap=on", ("ndctl", "daxctl"), X86_64,
                    SHOW_HVO_BOOT.memmap_pages, READ_STEPS, patience=8, **special)



SCENARIOS = {scenario.name: scenario for scenario in (
    x86("x86_64", "x86_64", "test-both", "a DIMM and persistent memory, two nodes",
        steps=(*X86_STEPS, Step("selftest", (selftest,), AT_BOOT, restores="boot"))),
    x86("x86_64-no5lvl", "x86_64", "test", "four levels of page tables", append="no5lvl"),
    x86("x86_64-no1g", "x86_64", "test-all", "no leaves of 1 GiB", cpu="max,pdpe1gb=off"),
    # To dump the shadow of five levels takes minutes. On a busy host, ACPI alone takes
    # as long as RCU waits for others.
    x86("x86_64-kasan", "x86_64-kasan", "test-debug", "watched by KASAN",
        append="no5lvl rcupdate.rcu_cpu_stall_timeout=120",
        steps=(KASAN_BOOT, *X86_STEPS[1:]), patience=8),
    x86("x86_64-lockdep", "x86_64-lockdep", "test-debug", "watched by lockdep, kmemleak and more",
        steps=(*X86_STEPS, NO_LEAK), patience=8, page_ext=PAGE_EXT),
    # The kernel does not survive when a table of the direct map cannot be allocated.
    x86("x86_64-faults", "x86_64-lockdep", "test-debug", "each allocation of an add fails",
        append="debug_pagealloc=off", steps=FAULTS_STEPS, patience=8,
        page_ext=PAGE_EXT),
    Scenario("x86_64-short", "x86_64", "test", "DIMMs whose memory map does not fit into RAM",
             ("qemu-system-x86_64", "-M", "q35", "-cpu", "max,phys-bits=46", "-smp", "2",
              "-m", f"2G,slots={SHORT_SLOTS},maxmem=512G"), f"{X86_CONSOLE} nokaslr", (), X86_64,
             8192, SHORT_STEPS, stock="Kernel panic|to refuse the DIMM",
             stock_append="loglevel=4"),
    X86_PRESSURE,
    ARM64_PRESSURE,
    X86_SMALL.grows(X86_SMALL.many(GIB, 8), SMALL_LISTS),
    X86_SMALL.grows_self_hosted(),
    ARM64_SMALL.grows(
        *ARM64_SMALL.dimm("", "dimm0", 8 * GIB, "buddy", "64 MiB left", no_stalls=True),
        ARM64_SMALL.many(8 * GIB, 12)),
    ARM64_SMALL.grows_self_hosted(needs=SMALL_PAGEBLOCKS),
    x86("x86_64-show", "x86_64-show", "test-all", SHOW_ABOUT, show=ALL_WAYS, patience=4,
        steps=SHOW_STEPS, on_stock=True),
    Scenario("x86_64-hvo-show", "x86_64-show", "test-all", "the same with HugeTLB pages",
             SHOW_HVO_QEMU, f"{X86_CONSOLE} nokaslr hugetlb_free_vmemmap=on", ("ndctl", "daxctl"),
             X86_64, SHOW_HVO_BOOT.memmap_pages, SHOW_HVO_STEPS, patience=4, show=ALL_WAYS,
             on_stock=True),
    Scenario("x86_64-256g-show", "x86_64-show", "test-all", "the same with 256 GiB, in time",
             LARGE_QEMU, f"{X86_CONSOLE} nokaslr", (), X86_64, X86_64.memmap(LARGE) // X86_64.page, (
                 with_debian(Step("boot", (Machine.boot,),
                                  Facts({"pmd": LARGE // (128 * MIB)}, memmap_pages=0, online=128),
                                  ("memblock",))),),
             patience=4, show=("live", "summary"), show_limits=LARGE_LIMITS),
    x86("x86_64-dax-stress", "x86_64-stress", "test-all", "a device in pages of 2 MiB, used in all ways",
        append="no5lvl", steps=STRESS_STEPS, programs=("use_dax",), on_stock=True, patience=4),
    reads("x86_64-kasan", "watched by KASAN"),
    reads("x86_64-lockdep", "watched by lockdep", page_ext=PAGE_EXT),
    reads("x86_64-kcsan", "watched by KCSAN"),
    watched_pressure("x86_64-kasan", "watched by KASAN"),
    watched_pressure("x86_64-lockdep", "watched by lockdep", page_ext=PAGE_EXT),
    hvo("x86_64-hvo", "x86_64", "test-both", "HugeTLB pages of 2 MiB", "", HVO_STEPS),
    hvo("x86_64-hvo-1g", "x86_64-release", "test-all", "HugeTLB pages of 1 GiB",
        "hugepagesz=1G hugepages=2", HVO_1G_STEPS),
    arm64("arm64-4k", "test", "4k"),
    arm64("arm64-16k", "test-all", "16k"),
    arm64("arm64-64k", "test", "64k"),
    replace(arm64("arm64-64k-show", "test-all", "64k", rounds=0), about=SHOW_ABOUT,
            show=("dump", "summary"), on_stock=True),
    *map(arm64_dax, ARM64),
    X86_LATE.scenario("x86_64-late", "test-all", 20, stock="BUG: "),
    replace(X86_LATE.scenario("x86_64-late-long", "by-name", 150),
            about="the same for ten minutes"),
    ARM64_LATE.scenario("arm64-64k-late", "test-all", 20, stock="Unable to handle kernel"),
    replace(ARM64_LATE.scenario("arm64-64k-late-long", "by-name", 150),
            about="the same for ten minutes"),
    RISCV64_PAIR,
    x86_self_hosted("x86_64-self", "x86_64", "test", SelfHosted(
        128 * MIB, X86_64, "1", {"pmd": 16}, {"pmd": 18}, (0, 0))),
    # A block has a leaf and a quarter, of which only a whole one can come from it.
    x86_self_hosted("x86_64-page80-self", "x86_64-page80", "test-all", SelfHosted(
        128 * MIB, replace(X86_64, struct_page=80), "force",
        {"pmd": 20}, {"pmd": 21, "pte": 128 + 640}, (0, 2))),
    # A pageblock is 32 MiB; all of it holds the memory map of its block.
    arm64_self_hosted("arm64-16k-self", "arm64-16k", "test-all", SelfHosted(
        *ARM64["16k"], "force", {"pte": 544}, {"pte": 608}, (1, 1), firmware=1)),
    arm64_self_hosted("arm64-64k-self", "arm64-64k", "test-all", SelfHosted(
        *ARM64["64k"], "1", {"pte": 40}, {"pte": 56}, (1, 1), firmware=1, needs=SMALL_PAGEBLOCKS)),
)}

if __name__ == "__main__":
    for entry in SCENARIOS.values():
        print(entry.name, entry.goal, entry.kernel, entry.about +
              ("; the stock kernel fails: STOCK=1" if entry.stock else
               "; on the stock kernel, too: STOCK=1" if entry.on_stock else ""))
