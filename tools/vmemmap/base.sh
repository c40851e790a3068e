#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# base.sh [id] - print where the stock tree is that our files go over; fetch it
# if need be. With "id": print a name for it that can be part of a path
#
# LINUX=<dir> names a tree; else BASE=<series> is taken from Debian, once, into
# the user's cache. Neither is written to ever after.

# shellcheck source=tools/vmemmap/lib.sh
. "$(dirname "$0")/lib.sh"

LINUX=${LINUX:-}
package=linux-source-$BASE
tree=$cache/base-$BASE

# apt would fetch as the user _apt, who has no business in a home directory. It
# checks what it has fetched against its keys all the same.
download() {
	cd "$cache/download" && apt-get -o APT::Sandbox::User="$(id -un)" download "$package"
}

unpack() {
	local debs=("$cache/download/$package"_*.deb)

	rm -rf "$tree.part" && mkdir "$tree.part" &&
		dpkg-deb --fsys-tarfile "${debs[-1]}" |
		tar -xO "./usr/src/$package.tar.xz" |
		tar -xJ -C "$tree.part" --strip-components=1
}

fetch() {
	mkdir -p "$cache/download" || fail "cannot write to $cache"
	apt_step "fetching $package" download download ||
		fail "cannot fetch $package: $(why download); mend that and call again," \
			"or name a tree of your own with LINUX=<dir>"
	step "unpacking $package" unpack unpack || {
		rm -rf "$tree.part"
		fail "cannot unpack $package into $cache: $(why unpack)"
	}
	mv "$tree.part" "$tree"
	rm -f "$cache/download/$package"_*.deb
}

if [ "${1-}" = id ]; then
	# Two trees with the same name must not share their objects.
	[ -z "$LINUX" ] || BASE=$(basename "$LINUX")-$(realpath "$LINUX" | cksum | cut -d' ' -f1)
	echo "$BASE"
elif [ -n "$LINUX" ]; then
	"$tools/overlay.sh" check "$LINUX"
	[ ! -e "$LINUX/.vmemmap" ] ||
		fail "LINUX=$LINUX is laid already; first: tools/vmemmap/overlay.sh undo $LINUX"
	[ ! -e "$LINUX/.config" ] ||
		fail "LINUX=$LINUX has been built in; first: make -C $LINUX mrproper"
	realpath "$LINUX"
else
	if [ ! -d "$tree" ]; then
		lock "$cache"
		[ -d "$tree" ] || fetch
	fi
	echo "$tree"
fi
