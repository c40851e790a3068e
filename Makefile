# SPDX-License-Identifier: GPL-2.0
# The ways in. Nothing here is ever part of a kernel tree.

tools := tools/vmemmap
kernels := $(or $(KERNEL),x86_64 arm64-4k)

.PHONY: help run test test-all test-debug unit coverage mutants fuzz kunit links compare \
	bench bench-scale check clean

help:
	@echo 'make run     boot Linux on our memory map, plug, use and unplug memory; show'
	@echo '             what backs the struct pages, and that all of it came back'
	@echo 'make test    unit, kunit and the scenarios of make run, on x86_64 and arm64'
	@echo 'make test-all'
	@echo '             everything on every series: more kernels, make links, make compare'
	@echo 'make test-debug'
	@echo '             KUnit and the scenario on kernels that watch themselves (KASAN;'
	@echo '             lockdep, kmemleak and more), and each allocation of an add failing'
	@echo 'make unit    the back end in user space, against page tables of all shapes'
	@echo 'make coverage'
	@echo '             the lines and branches that make unit reaches, and why not the rest'
	@echo 'make mutants does make unit notice when one thing in mm/ is wrong, and another'
	@echo 'make fuzz SECONDS=600'
	@echo '             let libFuzzer look for operations that go wrong'
	@echo 'make kunit   the KUnit suites in a kernel under QEMU'
	@echo 'make links   does a vmlinux with all defaults of its architecture link, with and'
	@echo '             without memory hotplug'
	@echo 'make compare the page tables of the vmemmap beside those of the stock kernel'
	@echo 'make bench   instructions, flushes and pages that the memory map costs, beside'
	@echo '             the stock kernel: a table, and under build/bench/ where they go'
	@echo 'make bench-scale'
	@echo '             is a leaf as cheap in a machine of 1 PiB as in one of 64 GiB'
	@echo 'make check   the lints'
	@echo 'make clean   remove build/; the stock tree and the compiler cache stay in'
	@echo '             the cache directory of the user'
	@echo
	@echo 'BASE=6.12    the kernel series to lay our files over (from Debian): 6.12, 7.3'
	@echo 'LINUX=<dir>  lay them over a copy of this kernel tree instead'
	@echo 'KERNEL=<kernel>'
	@echo '             for make kunit and make test: x86_64, x86_64-page80 (80-byte struct'
	@echo '             pages), x86_64-release (no DEBUG_VM, an IOMMU), arm64-4k, arm64-16k,'
	@echo '             arm64-64k (page size), x86_64-kasan, x86_64-lockdep (slow); or several'
	@echo '             for make bench: x86_64-bench, arm64-64k-bench (default: both)'
	@echo 'SCENARIO=<scenario>'
	@echo '             for make run and make test: x86_64, x86_64-no5lvl, x86_64-no1g,'
	@echo '             x86_64-hvo, x86_64-hvo-1g (HugeTLB), x86_64-kasan, x86_64-lockdep,'
	@echo '             x86_64-faults, arm64-4k, arm64-16k, arm64-64k,'
	@echo '             x86_64-self, x86_64-page80-self, arm64-16k-self, arm64-64k-self (a DIMM'
	@echo '             holds its own memory map); or several'
	@echo 'ACCEL=kvm    let QEMU use KVM (default: tcg)'
	@echo 'SEED=<n>     repeat the random operations of make unit'
	@echo 'FORCE=1      try a LINUX of another series all the same'

run:
	@for scenario in $(or $(SCENARIO),x86_64); do \
		$(tools)/run.sh $$scenario $(if $(KTAP),--ktap) || exit; \
	done

test:
	@$(tools)/test.sh

test-all:
	@$(tools)/test.sh all

test-debug:
	@$(tools)/test.sh debug

unit:
	@$(tools)/packages.sh unit
	@$(MAKE) --no-print-directory -C tools/testing/vmemmap

coverage:
	@$(tools)/packages.sh unit python
	@tools/testing/vmemmap/coverage.py

mutants:
	@$(tools)/packages.sh unit python
	@$(MAKE) --no-print-directory -C tools/testing/vmemmap build
	@tools/testing/vmemmap/mutants.py

fuzz:
	@$(tools)/packages.sh fuzz
	@$(MAKE) --no-print-directory -C tools/testing/vmemmap fuzz

kunit:
	@status=0; for kernel in $(kernels); do \
		$(tools)/kunit.sh $$kernel || status=1; \
	done; exit $$status

links:
	@$(tools)/links.sh

compare:
	@$(tools)/compare.sh $(or $(SCENARIO),x86_64 x86_64-hvo)

bench:
	@status=0; for kernel in $(or $(KERNEL),x86_64-bench arm64-64k-bench); do \
		$(tools)/bench.sh $$kernel || status=1; \
	done; exit $$status

bench-scale:
	@$(tools)/packages.sh scale
	@$(MAKE) --no-print-directory -C tools/testing/vmemmap scale

check:
	@$(tools)/check.sh

clean:
	rm -rf build
