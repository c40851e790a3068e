#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Plug, use and unplug memory, in ranges of the physical address space that nothing uses.
#
# lib/test_vmemmap.c does the work: each range gets a memory map, each struct page is
# written to and read, the range is removed, and all pages must come back. Then a block
# of movable memory, if there is one, goes offline and online. What this machine cannot do
# is skipped.

# shellcheck source=/dev/null
. "$(dirname "$0")/../kselftest/ktap_helpers.sh"

parameters=/sys/module/test_vmemmap/parameters
blocks=/sys/devices/system/memory

skip_all() {
	ktap_print_header
	ktap_skip_all "$*"
	exit "$KSFT_SKIP"
}

# <parameter>=<value>...: those that are not named have their defaults.
plug() {
	for word in shift=0 altmap=0 seed=0 threads=1 ranges=8 repeat=1 "$@"; do
		echo "${word#*=}" >"$parameters/${word%%=*}" || return
	done
	echo 1 >"$parameters/run"
}

# A module cannot call what is not exported.
plug_by() {
	what=$1
	shift
	if [ "$1" != way=device ] && grep -q '^test_vmemmap ' /proc/modules 2>/dev/null; then
		ktap_print_msg "test_vmemmap is a module, which cannot do this"
		ktap_test_skip "$what"
	else
		ktap_test_result "$what" plug "$@"
	fi
}

# A block that is online and whose memory can be moved elsewhere.
movable_block() {
	for block in "$blocks"/memory[0-9]*; do
		if grep -q online "$block/state" && grep -q Movable "$block/valid_zones"; then
			echo "$block" && return
		fi
	done 2>/dev/null
	return 1
}

offline_and_online() {
	zone=$(sed 's/ .*//' "$1/valid_zones")
	echo offline >"$1/state" || return
	echo "online_$(echo "$zone" | sed 's/Movable/movable/; s/[A-Z].*/kernel/')" >"$1/state"
}

[ "$(id -u)" = 0 ] || skip_all "must be root"
[ -d $parameters ] || modprobe -q test_vmemmap 2>/dev/null
[ -d $parameters ] || skip_all "this kernel has no lib/test_vmemmap.c: set CONFIG_TEST_VMEMMAP"

ktap_print_header
ktap_set_plan 7
plug_by "memory of a device" way=device
plug_by "memory of a device in compound pages" way=device shift=9
plug_by "memory of a device in random order by two threads" way=device seed=1 threads=2
plug_by "sections" way=section
plug_by "sections that hold their own memory map" way=section altmap=1
plug_by "memory maps for compound pages" way=memmap shift=9
if block=$(movable_block); then
	ktap_test_result "a block goes offline and online" offline_and_online "$block"
else
	ktap_print_msg "no block is online and movable"
	ktap_test_skip "a block goes offline and online"
fi
ktap_finished
