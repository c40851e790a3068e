# SPDX-License-Identifier: GPL-2.0
"""What the memory map costs, measured: a kernel is booted under QEMU's TCG, with one
CPU, and lib/test_vmemmap.c does the work. A plugin (count.c) counts instructions by
function, so nothing depends on how fast this machine is or on what else it does.
"""

import argparse
import subprocess
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from machine import Failure, Machine
from memmap import GIB, KIB, MIB

RUN_LIMIT = 1800	# seconds
STEP_LIMIT = 900
PASSES = 10		# over each work
SETTLING = 4		# of them; they find the page allocator in any state
LOOP_INSTRUCTIONS = 2 * 1000	# of test_vmemmap_loop(), its frame not included
LOOP_FRAME = 8			# at most

ADD, REMOVE = "test_vmemmap_add", "test_vmemmap_remove"
RESCHEDULE = "__cond_resched"	# where a kernel that is not preempted may turn to others

KINDS = {"2 MiB pages": 9, "RAM": 0, "altmap": 0}	# of memory, by the order of its pages
PLUGGED = (1, 16)					# GiB

@dataclass(frozen=True)
class Geometry:
    """Of the kernel that is measured."""
    page: int
    section: int		# bytes of memory that a section describes
    qemu: tuple[str, ...]
    boot: tuple[int, ...]	# sizes of memory, in bytes
    huge: bool			# PMD leaves are used
    dedup: bool
    cpus: tuple[str, ...] = ("max",)	# models; the first one boots as well

    def pages(self, size: int) -> int:
        return size // self.page

    def leaves(self, size: int) -> int:
        """PTEs for the struct pages of so much memory, if there are PTEs."""
        return max(1, self.pages(size) * 64 // self.page)


GEOMETRIES = {
    # Without "erms" the kernel clears a page by 512 stores and not by 4096.
    "x86_64-bench": Geometry(4 * KIB, 128 * MIB, (
        "qemu-system-x86_64", "-M", "q35", "-icount", "shift=0"),
        (4 * GIB, 64 * GIB, 256 * GIB), huge=True, dedup=True,
        cpus=("max,la57=off,erms=off,fsrm=off,phys-bits=46",)),
    # With an instruction of 1 ns, QEMU 7.2 lets nobody who sleeps wake up there.
    # One CPU that flushes ranges by one TLBI, and one that cannot.
    "arm64-4k-bench": Geometry(4 * KIB, 128 * MIB, (
        "qemu-system-aarch64", "-M", "virt", "-icount", "shift=1"),
        (4 * GIB, 64 * GIB, 200 * GIB), huge=True, dedup=False, cpus=("max", "cortex-a72")),
    "arm64-64k-bench": Geometry(64 * KIB, 512 * MIB, (
        "qemu-system-aarch64", "-M", "virt", "-icount", "shift=1"),
        (4 * GIB, 64 * GIB, 200 * GIB), huge=False, dedup=False),
}


@dataclass
class Window:
    """All that happened during one call of a function."""
    instructions: int
    own: Counter		# instructions by function
    calls: Counter		# by function
    reported: dict[str, str] = field(default_factory=dict)	# by the guest

    def called(self, names: tuple[str, ...]) -> int:
        return sum(self.calls[name] for name in names)

    def outside(self, names: set[str]) -> int:
        """Instructions of all other functions."""
        return self.instructions - sum(self.own[name] for name in names)


def parse_window(line: str) -> tuple[str, Window]:
    name, instructions, *functions = line.split()
    window = Window(int(instructions), Counter(), Counter())
    for function in functions:
        function, _, counts = function.partition("=")
        own, _, calls = counts.partition("/")
        window.own[function] += int(own)
        window.calls[function] += int(calls)
    return name, window


# ---- Guests ----

def write_symbols(objects: Path, path: Path, watched: tuple[str, ...]) -> None:
    """One name for each address; one that is watched, if any."""
    names: dict[int, str] = {}
    for line in (objects / "System.map").read_text().splitlines():
        address, kind, name = line.split()
        if kind in "tTwW" and int(address, 16) >> 63 and (
                name in watched or names.get(int(address, 16)) not in watched):
            names[int(address, 16)] = name
    missing = [name for name in watched if name not in names.values()]
    if missing:
        raise Failure(f"{objects}/System.map has no {', '.join(missing)}")
    path.write_text("".join(f"{address:x} {name}\n" for address, name in sorted(names.items())))


class Side:
    """One of the two kernels, on one model of a CPU."""

    def __init__(self, name: str, args: argparse.Namespace, cpu: str):
        self.name = name
        self.cpu = cpu
        self.args = args
        self.geometry = GEOMETRIES[args.kernel]
        self.objects: Path = getattr(args, name)
        self.counts = args.out / f"{name}.counts"
        self.symbols = args.out / f"{name}.symbols"

    def command(self, memory: int, watched: tuple[str, ...], initrd: bool) -> list[str]:
        write_symbols(self.objects, self.symbols, watched)
        self.counts.unlink(missing_ok=True)
        plugin = ",".join([str(self.args.plugin), f"symbols={self.symbols}", f"out={self.counts}",
                           *(f"watch={name}" for name in watched), f"stop={RESCHEDULE}"])
        return [*self.geometry.qemu, "-cpu", self.cpu, "-smp", "1", "-m", f"{memory // MIB}M",
                # This machine need not have what the guest never touches.
                "-object", f"memory-backend-ram,id=ram,size={memory},reserve=off",
                "-machine", "memory-backend=ram", "-accel", "tcg", "-plugin", plugin, "-kernel", str(self.objects / "image"),
                *(["-initrd", str(self.args.image)] if initrd else []),
                # Only warnings and worse go to the console; a thread that prints would count.
                # The stock kernel warns of the first huge block that it cannot have.
                "-append", "panic=-1 nokaslr transparent_hugepage=never "
                f"loglevel={4 if self.name == 'stock' else 5}"]

    def windows(self) -> list[tuple[str, Window]]:
        return [parse_window(line) for line in self.counts.read_text().splitlines()]

    def boot(self, memory: int) -> Window:
        """sparse_init() of a machine with so much memory, most of which it never touches."""
        command = self.command(memory, ("sparse_init",), initrd=False)
        command += ["-display", "none", "-nodefaults"]
        with subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *command],
                              stderr=subprocess.PIPE, text=True) as process:
            try:
                end = time.monotonic() + STEP_LIMIT
                while not (self.counts.exists() and self.counts.read_text().endswith("\n")):
                    if process.poll() is not None:
                        raise Failure(f"QEMU ended by itself: {process.stderr.read().strip()}")
                    if time.monotonic() > end:
                        raise Failure("the guest does not get as far as sparse_init()")
                    time.sleep(0.2)
            finally:
                process.kill()
        return self.windows()[0][1]


@dataclass(frozen=True)
class Work:
    """A run of lib/test_vmemmap.c."""
    way: str
    size: int			# of a range, in bytes
    ranges: int
    shift: int = 0
    altmap: bool = False
    processes: int = 10
    leave: int = 0		# bytes that are free meanwhile, in pieces; 0: all

    @property
    def total(self) -> int:
        return self.size * self.ranges

    def request(self, geometry: Geometry) -> str:
        return (f"bench way={self.way} pages={geometry.pages(self.size)} ranges={self.ranges} "
                f"shift={self.shift} altmap={int(self.altmap)} leave={geometry.pages(self.leave)} "
                f"repeat={PASSES}")


def verdict(said: list[str]) -> None:
    """The guest's own opinion of its work."""
    wrong = [line for line in said if line.startswith("not ok")]
    if wrong or sum(line.startswith("ok ") for line in said) != 3:
        raise Failure("; ".join(wrong + [line for line in said if line.startswith("# error")])
                      or "the guest did not finish its work")


def median(work: Work, windows: list[Window]) -> Window:
    """Of those that no interrupt has interrupted, if there is any. When memory is short,
    only a pass in which the kernel gives up early takes so little time."""
    if not work.leave:
        windows = [window for window in windows if not window.calls["irq_exit_rcu"]] or windows
    return sorted(windows, key=lambda window: window.instructions)[len(windows) // 2]


def do_works(side: Side, works: list[Work]) -> dict[Work, dict[str, Window]]:
    """All of the list. When memory is short, it matters what has been done before."""
    groups = [[work for work in works if not work.leave], [work for work in works if work.leave]]
    return {work: halves for group in groups if group
            for work, halves in do_in_guest(side, group).items()}


def do_in_guest(side: Side, works: list[Work]) -> dict[Work, dict[str, Window]]:
    """Each work of the list, in one guest: the median of its passes, when it has settled."""
    reported: list[dict[str, str]] = []
    command = side.command(2 * GIB, (ADD, REMOVE), initrd=True)
    log = side.args.out / f"{side.name}{'-short' if works[0].leave else ''}.log"
    with Machine(command, log, RUN_LIMIT, STEP_LIMIT, lambda text: None) as machine:
        machine.boot()
        started = 0
        for work in works:
            if work.processes > started:
                machine.guest(f"processes {work.processes - started}")
                started = work.processes
            said = [line.removeprefix("bench ") for line in
                    machine.guest(work.request(side.geometry))]
            verdict(said)
            reported += [dict(word.split("=") for word in line.split()[2:])
                     for line in said if line.startswith("# measured")]
        machine.check()

    windows = [window for _, window in side.windows()]
    halves = 2 * PASSES		# of a work, one after the other
    if len(windows) != len(reported) or len(reported) != halves * len(works):
        raise Failure(f"{len(windows)} calls counted, {len(reported)} reported, {halves * len(works)} wanted")
    for window, facts in zip(windows, reported):
        window.reported = facts
    counted = {work: windows[i * halves + 2 * SETTLING:(i + 1) * halves]
               for i, work in enumerate(works)}
    return {work: {"add": median(work, passes[::2]), "remove": median(work, passes[1::2])}
            for work, passes in counted.items()}


def check_loop(window: Window, calls: int) -> None:
    """The plugin must count a loop of known length right."""
    counted = window.own["test_vmemmap_loop"] / calls
    if not LOOP_INSTRUCTIONS <= counted <= LOOP_INSTRUCTIONS + LOOP_FRAME:
        raise Failure(f"a loop of {LOOP_INSTRUCTIONS} instructions is counted as {counted}")


# ---- What is measured ----

Results = dict[Work, dict[str, Window]]


def plugged(kind: str, size: int, geometry: Geometry, processes: int = 10) -> Work:
    """So much memory by __add_pages(); what holds its own memory map does so block by block."""
    if kind == "altmap":
        return Work("section", geometry.section, size // geometry.section, altmap=True,
                    processes=processes)
    return Work("section", size, 1, shift=KINDS[kind], processes=processes)


def works_for(geometry: Geometry) -> dict[str, Work]:
    section = geometry.section
    kinds = [kind for kind, shift in KINDS.items() if geometry.dedup or not shift]
    works = {
        "loop": Work("loop", section, 8),
        "RAM": Work("memmap", section, 64),
        "altmap": Work("memmap", section, 64, altmap=True),
        "section-part": Work("section", 2 * MIB, section // (2 * MIB)),
    }
    if geometry.huge:		# else subsections share pages, and sections know how
        works["part"] = Work("memmap", 2 * MIB, section // (2 * MIB))
    if geometry.dedup:
        works |= {
            "2 MiB pages": Work("memmap", section, 64, shift=9),
            "1 GiB pages": Work("memmap", GIB, 8, shift=18),
            "device-2M": Work("device", 16 * GIB, 1, shift=9),
            "device-1G": Work("device", 16 * GIB, 1, shift=18),
        }
    else:
        works["device"] = Work("device", 16 * GIB, 1)
    works |= {f"{size} GiB, {kind}": plugged(kind, size * GIB, geometry)
              for size in PLUGGED for kind in kinds}
    works |= {f"many, {kind}": plugged(kind, PLUGGED[-1] * GIB, geometry, processes=2000)
              for kind in kinds}
    return works | {"short": Work("section", section, 1, leave=64 * MIB)}
