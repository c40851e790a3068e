#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# base.sh - print where the stock tree is that our files go over; fetch it if need be
#
# LINUX=<dir> names a tree; else BASE=<series> is taken from Debian, once, into
# the user's cache. Neither is written to ever after.

# shellcheck source=tools/vmemmap/lib.sh
. "$(dirname "$0")/lib.sh"

package=linux-source-$BASE
tree=$cache/base-$BASE
got=$cache/download

# The suites that have a series which that of this machine may not have.
declare -A suites=([7.2]="sid trixie-backports" [7.3]="trixie-backports sid")

# apt would fetch as the user _apt, who has no business in a home directory. It
# checks what it has fetched against its keys all the same.
download() {
	cd "$got" && apt-get -o APT::Sandbox::User="$(id -un)" download "$package"
}

# The same from those suites.
download_from_suites() {
	rm -rf "$got/apt" && cd "$got" &&
		suites_apt "$got/apt" "${suites[$BASE]}" update &&
		suites_apt "$got/apt" "${suites[$BASE]}" download "$package"
}

unpack() {
	local debs=("$got/$package"_*.deb)

	rm -rf "$tree.part" && mkdir "$tree.part" &&
		dpkg-deb --fsys-tarfile "${debs[-1]}" |
		tar -xO "./usr/src/$package.tar.xz" |
		tar -xJ -C "$tree.part" --strip-components=1
}

fetch() {
	local download=download

	[ -z "${suites[$BASE]-}" ] || download=download_from_suites
	mkdir -p "$got" || fail "cannot write to $cache"
	apt_step "fetching $package" download "$download" || {
		! grep -q '^E: Unable to locate package' "$log/download.log" ||
			fail "Debian has no $package any more; name a tree of your own with LINUX=<dir>"
		fail "cannot fetch $package: $(why download); mend that and call again," \
			"or name a tree of your own with LINUX=<dir>"
	}
	step "unpacking $package" unpack unpack || {
		rm -rf "$tree.part"
		fail "cannot unpack $package into $cache: $(why unpack)"
	}
	mv "$tree.part" "$tree"
	rm -rf "$got"
}

if [ -n "$LINUX" ]; then
	call overlay check "$LINUX" >&2
	[ ! -e "$LINUX/.vmemmap" ] ||
		fail "LINUX=$LINUX is laid already; first: tools/vmemmap/overlay.sh undo $LINUX"
	realpath "$LINUX"
else
	if [ ! -d "$tree" ]; then
		command -v apt-get >/dev/null ||
			fail "Linux $BASE is fetched by apt-get, and this machine has none; name a tree of your own with LINUX=<dir>"
		lock "$cache"
		[ -d "$tree" ] || fetch
	fi
	echo "$tree"
fi
