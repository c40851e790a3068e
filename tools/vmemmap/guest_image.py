# SPDX-License-Identifier: GPL-2.0
"""The guest's file system, as usr/gen_init_cpio of the kernel makes it: the same bytes
for the same input, and no need for root."""

import re
import shutil
import subprocess
from pathlib import Path

from machine import Failure

TOOLS = Path(__file__).resolve().parent
INIT = TOOLS / "guest.sh"
SELFTEST = Path(__file__).resolve().parents[1] / "testing/selftests/vmemmap/vmemmap.sh"
SHOW = INIT.with_name("show")
KTAP_HELPERS = "tools/testing/selftests/kselftest/ktap_helpers.sh"	# of the kernel
DIRECTORIES = ("bin", "dev", "kselftest", "lib", "lib64", "proc", "selftest", "show", "sys", "tmp")


def find_tool(name: str) -> Path:
    path = shutil.which(name)
    if not path:
        raise Failure(f"no {name} on this machine; install the package that has it")
    return Path(path)


def compile_program(name: str, cross: str, directory: Path) -> Path:
    """One of ours, for the guest."""
    program = directory / name
    directory.mkdir(parents=True, exist_ok=True)
    made = subprocess.run([find_tool(f"{cross}gcc"), "-O2", "-Wall", "-Werror", "-static",
                           "-o", program, TOOLS / f"{name}.c"],
                          check=False, capture_output=True, text=True)
    if made.returncode:
        raise Failure(f"{name}.c does not compile: {made.stderr.strip()}")
    return program


def libraries(program: Path) -> list[Path]:
    """The shared libraries that a program of this machine needs."""
    ldd = subprocess.run(["ldd", program], capture_output=True, text=True, check=False)
    return [Path(path) for path in re.findall(r"/\S+(?= \()", ldd.stdout)]


def contents(source: Path, tools: dict[str, Path], show: Path | None) -> dict[str, Path]:
    """Where each file of the guest comes from."""
    files = {"init": INIT, "selftest/vmemmap.sh": SELFTEST,
             "kselftest/ktap_helpers.sh": source / KTAP_HELPERS}
    for name, program in tools.items():
        files[f"bin/{name}"] = program
        for library in libraries(program):
            # The loader's path is compiled into the programs; the rest is
            # found by LD_LIBRARY_PATH.
            where = "lib64" if library.name.startswith("ld-") else "lib"
            files[f"{where}/{library.name}"] = library
    if show:
        files["show/vmlinux"] = show
        files |= {f"show/{path.name}": path for path in (SHOW, *SHOW.parent.glob("*.py"))}
    return files


def write_image(image: Path, objects: Path, tools: dict[str, Path],
                show: Path | None = None) -> None:
    """The kernel whose objects these are comes with the program that writes it. With its
    debug info comes tools/vmemmap/show."""
    files = contents(objects.parent / "src", tools, show)
    members = [*(f"dir /{name} 755 0 0" for name in DIRECTORIES),
               "nod /dev/console 600 0 0 c 5 1",
               *(f"file /{name} {path} 755 0 0" for name, path in sorted(files.items()))]
    image.parent.mkdir(parents=True, exist_ok=True)
    unfinished = image.with_suffix(".tmp")
    with unfinished.open("wb") as output:
        made = subprocess.run([objects / "usr/gen_init_cpio", "-t", "0", "-"], check=False,
                              input="\n".join(members).encode(), stdout=output,
                              stderr=subprocess.PIPE)
    if made.returncode:
        unfinished.unlink()
        raise Failure(f"cannot write {image}: {made.stderr.decode().strip()}")
    unfinished.rename(image)
