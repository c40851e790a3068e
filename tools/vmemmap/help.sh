#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# help.sh - what make can do here, with the kernels and scenarios that there are

# shellcheck source=tools/vmemmap/lib.sh
. "$(dirname "$0")/lib.sh"

# Each name and what is special about it, from a table whose column <n> begins that.
rows() { cut -d' ' -f"1,$1-" | awk '{ name = $1; $1 = ""; printf "             %-19s%s\n", name, $0 }'; }

cat <<END
vmemmap $(own_version)

make run     boot Linux on this memory map, plug, use and unplug memory; report what
             backs the struct pages, and that every page came back
make test    unit, kunit and scenarios on x86_64 and arm64, kunit on riscv64; more
make test-all
             everything on every series: more kernels, make links, make compare
make test-debug
             KUnit and scenarios on kernels that watch themselves (KASAN; KCSAN; lockdep,
             kmemleak and more), and each allocation of an add failing
make unit    the back end in user space, against page tables of all shapes
make coverage
             the lines and branches that make unit reaches, and why not the rest
make mutants change one thing in mm/ after the other: does make unit notice?
make fuzz    let libFuzzer look for operations that go wrong
make kunit   the KUnit suites in a kernel under QEMU
make links   does a vmlinux with the defaults of an architecture, drivers aside, link,
             with and without memory hotplug
make cross   do our files compile on the architectures that nothing here boots, on every
             series, and define all that mm/sparse-vmemmap.c of the stock kernel does
make compare the page tables of the vmemmap beside those of the stock kernel
make bench   instructions, flushes and pages that the memory map costs, beside
             the stock kernel: a table, and under build/bench/ where they go
make bench-scale
             is a leaf as cheap in a machine of 1 PiB as in one of 64 GiB
make show-test
             does tools/vmemmap/show say what is in a made-up kernel?
make pages   are the pages that make run and make bench write (build/<series>/*.html,
             build/bench/*/ratios.html) right in a browser, wide and narrow, light and dark
make patches patches of all this for a kernel tree, for git am, patch -p1 and quilt,
             under build/patches/; SIGNOFF=1 signs them off
make patches-test
             do they apply, and make what is laid?
make patches-build
             the same, and does the kernel build after each of them?
make overlay-test
             does laying our files over a tree, or undoing that, lose anything?
make words   do all goals take the words that they should, and no others
make laid    does a kernel tree with our files do what its developers expect: make -C
             tools/testing/vmemmap, kselftest, htmldocs; make laid-all: kunit.py, too
make check   the lints
make clean   remove build/

BASE=6.12    the kernel series to lay our files over (from Debian): ${series// /, }
LINUX=<dir>  lay them over a copy of this kernel tree instead
KERNEL=<kernel>
             for make kunit and make test, or several:
$(kernel_table | grep ' test' | rows 3)
             for make bench: $(names kernel_table bench)
SCENARIO=<scenario>
             for make run and make test, or several:
$(if command -v python3 >/dev/null; then scenario_table | rows 4; fi)
CONFIG="FTRACE=y ..."
             options for the kernel of make run and make kunit
STOCK=1      let make run boot the stock kernel
KTAP=1       a result line for each step of make run, for programs
ACCEL=kvm    let QEMU use KVM (default: tcg)
FILTER=<pattern>
             these cases only: FILTER='page64.*huge*' for make unit,
             FILTER='vmemmap_altmap.*' for make kunit
SEED=<n>     repeat the random operations of make unit
VARIANTS='page56 hooks'
             struct pages of these sizes (32 to 96 bytes) for make unit, and an
             architecture with hooks of its own
V=1          show each operation of make unit, or all that the kernel of make kunit says
MM=<dir>     test the mm/ of another tree by make unit
SECONDS=<n>  how long make fuzz looks (default: 600)
MINUTES=<n>  leave out of make test, as skipped, what would not be done by then
N=<n> FUNCTIONS="<function> ..."
             for make mutants: how many (default: 150; 0: all), and of which functions
PATCHES=all  let make kunit test the tree that the patches make
INSTALL=no   install no packages; name what is missing
FORCE=1      try a LINUX of another series all the same

Kernel sources and the compiler cache stay in $cache.
END
