#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# links.sh - does a vmlinux link that has what calls the memory map by the defaults of an
# architecture, with and without memory hotplug, and does the compiler say nothing of our
# files?

# shellcheck source=tools/vmemmap/lib.sh
. "$(dirname "$0")/lib.sh"

# Compile our files anew: what the compiler said once it does not say again.
links() {
	local src ours

	src=$(call tree)
	cd "$top"
	mapfile -t ours < <(find mm arch -name '*.c' && printf '%s\n' "${patched[@]}")
	(cd "${src%/src}/$1" 2>/dev/null && rm -f "${ours[@]/%.c/.o}")
	call kernel KERNEL="$1" vmlinux >/dev/null &&
		! grep -E "($(IFS='|' && echo "${ours[*]}")|mm/vmemmap.*\.h)(:[0-9]+)+: " "$log/build-$1.log" >&2
}

KERNEL=${KERNEL:-$(names kernel_table links)}
one_of KERNEL "$(names kernel_table links)"
# shellcheck disable=SC2046 # words
need $(parts_for "$KERNEL" kernel)
# shellcheck disable=SC2086 # a list of names
try_each links $KERNEL
