#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# debian.sh - print where a Debian root file system for guests is, with what shows and traces
# a memory map: drgn, trace-cmd, bpftrace. Fetched once, into the user's cache

# shellcheck source=tools/vmemmap/lib.sh
. "$(dirname "$0")/lib.sh"

suite=trixie
packages=base-files,bpftrace,coreutils,dash,python3-drgn,sed,trace-cmd
image=$cache/debian-$suite-$(cksum <<<"$packages" | cut -d' ' -f1).squashfs

# Only unpacked: nothing in it is installed, or runs here.
fetch() {
	mmdebstrap --variant=extract --include="$packages" "$suite" - |
		tar2sqfs --quiet --force --compressor zstd --comp-extra level=3 "$image.part"
}

if [ ! -e "$image" ]; then
	need debian
	lock "$cache"
	[ -e "$image" ] || {
		step "fetching a Debian for guests" debian fetch ||
			fail "cannot make a Debian root file system: $(why debian) (all of it: $log/debian.log)"
		mv "$image.part" "$image"
	}
fi
echo "$image"
