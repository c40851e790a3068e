# SPDX-License-Identifier: GPL-2.0
# The ways in. Nothing here is ever part of a kernel tree.

tools := tools/vmemmap
arches := $(or $(ARCH),x86_64 arm64)

.PHONY: help run test unit kunit check clean

help:
	@echo 'make run     boot Linux on our memory map, plug, use and unplug memory; show'
	@echo '             what backs the struct pages, and that all of it came back'
	@echo 'make test    all tests: unit, kunit on x86_64 and arm64, the system scenario'
	@echo 'make unit    the back end in user space, against page tables of all shapes'
	@echo 'make kunit   the KUnit suites in a kernel under QEMU'
	@echo 'make check   the lints'
	@echo 'make clean   remove build/; the stock tree and the compiler cache stay in'
	@echo '             the cache directory of the user'
	@echo
	@echo 'BASE=6.12    the kernel series to lay our files over (from Debian)'
	@echo 'LINUX=<dir>  lay them over a copy of this kernel tree instead'
	@echo 'ARCH=<arch>  x86_64 or arm64: make kunit on this one alone'
	@echo 'ACCEL=kvm    let QEMU use KVM (default: tcg)'
	@echo 'SEED=<n>     repeat the random operations of make unit'
	@echo 'FORCE=1      try a LINUX of another series all the same'

run:
	$(if $(filter-out x86_64,$(ARCH)),$(error make run knows ARCH=x86_64 alone))
	@$(tools)/packages.sh kernel-x86_64 qemu-x86_64 guest
	@objects=$$($(tools)/kernel.sh x86_64) && \
		$(tools)/run.py --kernel $$objects/arch/x86/boot/bzImage --build build \
			--accel $(or $(ACCEL),tcg) $(if $(KTAP),--ktap)

test:
	@$(tools)/test.sh

unit:
	@$(tools)/packages.sh unit
	@$(MAKE) --no-print-directory -C tools/testing/vmemmap

kunit:
	@$(tools)/packages.sh $(arches:%=kernel-%) $(arches:%=qemu-%)
	@$(tools)/overlay.sh copy >/dev/null
	@status=0; for arch in $(arches); do \
		$(tools)/kunit.sh $$arch || status=1; \
	done; exit $$status

check:
	@$(tools)/check.sh

clean:
	rm -rf build
