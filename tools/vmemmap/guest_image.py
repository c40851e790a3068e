# SPDX-License-Identifier: GPL-2.0
"""The guest's file system: a cpio archive, the same bytes for the same input.

It is written here rather than by cpio(1), which would need root for
/dev/console and put times and inode numbers of this machine into it.
"""

import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

from machine import Failure

DIRECTORIES = ("bin", "dev", "lib", "lib64", "proc", "sys", "tmp")


def find_tool(name: str) -> Path:
    path = shutil.which(name)
    if not path:
        raise Failure(f"no {name} on this machine; install the Debian package that has it")
    return Path(path)


def libraries(program: Path) -> list[Path]:
    """The shared libraries that a program of this machine needs."""
    ldd = subprocess.run(["ldd", program], capture_output=True, text=True, check=False)
    return [Path(path) for path in re.findall(r"/\S+(?= \()", ldd.stdout)]


def contents(init: Path, tools: dict[str, Path]) -> dict[str, Path]:
    """Where each file of the guest comes from."""
    files = {"init": init}
    for name, program in tools.items():
        files[f"bin/{name}"] = program
        for library in libraries(program):
            # The loader's path is compiled into the programs; the rest is
            # found by LD_LIBRARY_PATH.
            where = "lib64" if library.name.startswith("ld-") else "lib"
            files[f"{where}/{library.name}"] = library
    return files


def entry(number: int, name: str, mode: int, data: bytes = b"", device: int = 0) -> bytes:
    """One member in the "newc" format; its fields are in hexadecimal."""
    fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0,
              os.major(device), os.minor(device), len(name) + 1, 0)
    header = "070701" + "".join(f"{field:08x}" for field in fields) + name + "\0"
    return pad(header.encode()) + pad(data)


def pad(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def write_image(image: Path, init: Path, tools: dict[str, Path]) -> None:
    members = [(name, stat.S_IFDIR | 0o755, b"", 0) for name in DIRECTORIES]
    members.append(("dev/console", stat.S_IFCHR | 0o600, b"", os.makedev(5, 1)))
    members += [(name, stat.S_IFREG | 0o755, path.read_bytes(), 0)
                for name, path in sorted(contents(init, tools).items())]
    members.append(("TRAILER!!!", 0, b"", 0))

    unfinished = image.with_suffix(".tmp")
    try:
        image.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_bytes(b"".join(entry(number, *member)
                                        for number, member in enumerate(members)))
        unfinished.rename(image)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise Failure(f"cannot write {image}: {error.strerror}") from error
