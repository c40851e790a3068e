# SPDX-License-Identifier: GPL-2.0
"""A guest under QEMU: its console, the port it answers on, its QMP monitor, its end.

The console is for the kernel: a serial line loses what a busy host does not take
in time. The guest's init answers by a virtio port, which loses nothing.
One thread: pump() is the only place that waits, for all of them alike.
Nothing here knows what a memory map is.
"""

import contextlib
import json
import re
import selectors
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from complaints import COMPLAINTS

T = TypeVar("T")

# printk's time stamp
STAMP = re.compile(r"^\[ *\d+\.\d+\] ")

# How the guest ends its answer
RESULT = re.compile(r"(not )?ok \d")

# Seconds between signs of life while something takes long
NOTE_EVERY = 10

# Seconds that a program of the guest may still run after it has answered
PROGRAM_LIMIT = 10


class Failure(Exception):
    """Why a run failed, in one line."""


class LineSocket:
    """Our end of a socket pair that speaks in lines."""

    def __init__(self) -> None:
        self._ours, self.theirs = socket.socketpair()
        self._partial = b""

    def fileno(self) -> int:
        return self._ours.fileno()

    def send(self, line: str) -> None:
        # receive() reports the end.
        with contextlib.suppress(ConnectionError):
            self._ours.sendall(line.encode() + b"\n")

    def receive(self) -> list[str] | None:
        """The lines that have come, of which there may be none yet; None at the end."""
        data = b""
        with contextlib.suppress(ConnectionError):
            data = self._ours.recv(65536)
        *lines, self._partial = (self._partial + data).split(b"\n")
        if not data:
            return None
        return [line.decode(errors="replace").rstrip("\r") for line in lines]


class Machine:
    def __init__(self, command: list[str], log: Path, run_limit: float, step_limit: float,
                 note: Callable[[str], None]):
        self.note = note
        self.deadline = time.monotonic() + run_limit
        self.step_limit = step_limit
        self.lines: list[str] = []		# of the console
        self._reported: list[str] = []		# by the guest, since it was asked
        self.problem: str | None = None
        self._messages: list[dict[str, Any]] = []

        log.parent.mkdir(parents=True, exist_ok=True)
        self._log = log.open("w", encoding="utf-8", buffering=1)
        self._start(command)

    # ---- life ----

    def _start(self, command: list[str]) -> None:
        console, self._port, self._qmp = LineSocket(), LineSocket(), LineSocket()
        fds = [end.theirs.fileno() for end in (console, self._port, self._qmp)]
        # Whatever becomes of us, the guest does not outlive us. In a session
        # of its own it does not see the terminal's ^C before we do.
        self._process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *command,
             "-display", "none", "-nodefaults", "-no-reboot",
             "-chardev", f"socket,id=console,fd={fds[0]}", "-serial", "chardev:console",
             "-chardev", f"socket,id=port,fd={fds[1]}", "-device", "virtio-serial-pci",
             "-device", "virtserialport,chardev=port",
             "-chardev", f"socket,id=qmp,fd={fds[2]}", "-mon", "chardev=qmp,mode=control"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            pass_fds=fds, start_new_session=True)
        self._selector = selectors.DefaultSelector()
        for end, take in ((console, self._take_line), (self._port, self._take_reported),
                          (self._qmp, self._take_message)):
            end.theirs.close()
            self._selector.register(end, selectors.EVENT_READ, take)

    def __enter__(self) -> "Machine":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def greet(self) -> None:
        self.wait(lambda: self._find_message(lambda m: "QMP" in m), "QEMU's monitor")
        self.qmp("qmp_capabilities")

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        self._log.close()

    # ---- waiting ----

    def _take_line(self, line: str) -> None:
        self._log.write(line + "\n")
        line = STAMP.sub("", line)
        self.lines.append(line)
        if COMPLAINTS.search(line) and not self.problem:
            self.problem = line

    def _take_reported(self, line: str) -> None:
        self._log.write(f"guest: {line}\n")
        self._reported.append(line)

    def _take_message(self, line: str) -> None:
        self._messages.append(json.loads(line))

    def pump(self, seconds: float) -> None:
        """Take in what came; wait for it a little if nothing did."""
        if not self._selector.get_map():
            raise Failure(self._last_words())
        for key, _ in self._selector.select(seconds):
            lines = key.fileobj.receive()
            if lines is None:
                self._selector.unregister(key.fileobj)
            for line in lines or []:
                key.data(line)

    def _last_words(self) -> str:
        self._process.wait()
        said = self._process.stderr.read().decode(errors="replace").strip()
        said = said.splitlines()[-1] if said else f"exit status {self._process.returncode}"
        return self.problem or f"QEMU ended by itself: {said}"

    def wait(self, find: Callable[[], T | None], what: str) -> T:
        """Until find() finds something; a problem on the console ends it too."""
        start = time.monotonic()
        end = min(start + self.step_limit, self.deadline)
        noted = start
        while (found := find()) is None:
            self.check()
            now = time.monotonic()
            if now >= end:
                raise Failure(f"time limit reached after {now - start:.0f} s of waiting for {what}")
            if now - noted >= NOTE_EVERY:
                self.note(f"{now - start:.0f} s of waiting for {what}")
                noted = now
            self.pump(0.05)
        return found

    def check(self) -> None:
        if self.problem:
            self._drain()
            raise Failure(self.problem)

    def _drain(self) -> None:
        """The lines after the first one of a problem belong into the log."""
        end = time.monotonic() + 1
        while time.monotonic() < end and self._selector.get_map():
            self.pump(0.2)

    # ---- QMP ----

    def _find_message(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any] | None:
        for message in self._messages:
            if wanted(message):
                self._messages.remove(message)
                return message
        return None

    def qmp(self, command: str, **arguments: Any) -> Any:
        self._qmp.send(json.dumps({"execute": command, "arguments": arguments}))
        reply = self.wait(lambda: self._find_message(lambda m: "return" in m or "error" in m),
                          f"QEMU to do {command}")
        if "error" in reply:
            raise Failure(f"QEMU refuses {command}: {reply['error']['desc']}")
        return reply["return"]

    def event(self, wanted: Callable[[dict[str, Any]], bool], what: str) -> dict[str, Any]:
        """The next event that is wanted."""
        return self.wait(lambda: self._find_message(lambda m: "event" in m and wanted(m)), what)

    def monitor(self, line: str) -> str:
        return self.qmp("human-monitor-command", **{"command-line": line})

    def dump(self, file: Path) -> None:
        """Write all of its memory."""
        self.qmp("dump-guest-memory", paging=False, protocol=f"file:{file}")

    def translate(self, address: int) -> int | None:
        """Physical address of a kernel address, by a walk of the page tables.

        The monitor walks them as the CPU would, so this is no kernel's claim. While the
        CPU runs a program it may have no access to the kernel's addresses, as on arm64, and
        while it runs firmware any address may stand for itself, as on riscv64; so it is
        asked again, until the program waits for the next request.
        """
        end = time.monotonic() + PROGRAM_LIMIT
        while True:
            found = re.match(r"gpa: (0x[0-9a-f]+)", self.monitor(f"gva2gpa {address:#x}"))
            if found and int(found[1], 16) != address:
                return int(found[1], 16)
            if time.monotonic() > end:
                return None
            self.pump(0.05)

    # ---- guest ----

    def boot(self) -> None:
        self.greet()
        self.wait(lambda: True if self._reported else None, "the guest to boot")

    def crash(self) -> None:
        """Have the guest's kernel panic."""
        self._port.send("crash")
        end = time.monotonic() + self.step_limit
        while not any("end Kernel panic" in line for line in self.lines):
            if time.monotonic() > end:
                raise Failure("the guest does not panic")
            self.pump(0.05)
        self.problem = None

    def guest(self, request: str) -> list[str]:
        """Have the guest do something; what it saw, a line each."""
        self._reported.clear()
        self._port.send(request)
        self.wait(lambda: True if self._reported and RESULT.match(self._reported[-1]) else None,
                  f"the guest to do '{request}'")
        *reported, result = self._reported
        if result.startswith("not ok"):
            raise Failure(f"the guest cannot do '{request}': {result.partition(' # ')[2]}")
        return reported
