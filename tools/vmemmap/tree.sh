#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# tree.sh - lay our files over a copy of the base under build/; print where it is
#
# Two other trees are copies of their own. With STOCK=1, only lib/ is laid, to compare. With
# PATCHES=<n>, the first n patches of make patches are applied; with PATCHES=all, all of them.

# shellcheck source=tools/vmemmap/lib.sh
. "$(dirname "$0")/lib.sh"

# copy_tree <option of cp> <from> <to>: all but its history.
copy_tree() {
	rm -rf "$3" && mkdir "$3" &&
		find "$2" -mindepth 1 -maxdepth 1 ! -name .git -exec cp -a "$1" -t "$3" {} +
}

is_built() {
	local generated=("$1"/arch/*/include/generated)

	[ -e "$1/.config" ] || [ -e "$1/include/config" ] || [ -e "$1/include/generated" ] || [ -e "${generated[0]}" ]
}

# Remove what was built, from the copy only. It may share its files with the base, so none
# is written to.
clean() {
	local arch

	! is_built "$1" || for arch in x86_64 arm64; do
		env -u MAKEFLAGS make -s -C "$1" ARCH=$arch mrproper || return
	done
}

# Hard links, or real copies if the base is on another file system.
copy_base() {
	{ copy_tree -l "$@" || copy_tree --reflink=auto "$@"; } && clean "$2"
}

# Those that are to be applied, and those that have been; patch writes to no file in place.
apply() {
	local wanted=$build/$id/wanted applied=$tree.applied name

	(cd "$patches" && head -n "${PATCHES/all/-0}" series | xargs sha256sum) >"$wanted"
	tail -n +$(($(wc -l <"$applied") + 1)) "$wanted" | while read -r _ name; do
		patch -s -p1 -d "$tree" <"$patches/$name" >&2 || {
			rm "$applied"
			fail "$patches/$name does not apply to $base"
		}
	done
	mv "$wanted" "$applied"
}

# Can the patches that are applied stay?
is_patched() {
	[ -e "$tree.applied" ] && cmp -sn "$(stat -c %s "$tree.applied")" "$tree.applied" \
		<(cd "$patches" && head -n "${PATCHES/all/-0}" series | xargs sha256sum)
}

base=$(call base)
tree=$build/$id${STOCK:+/stock}/src
[ -z "${PATCHES-}" ] || { patches=$(call patches) tree=$build/$id/patched/src; }
lock "${tree%/src}"
if [ ! -e "$tree" ] || [ -f "$tree/.vmemmap/laid" ] ||
	{ [ -n "${PATCHES-}" ] && ! is_patched; } || [ -n "$(find "$base" -name .git -prune -o -newer "$tree.time" -print -quit)" ]; then
	rm -rf "$tree" "$tree.part" "$tree.applied"
	touch "$tree.time"
	step "copying the base" copy copy_base "$base" "$tree.part" || {
		rm -rf "$tree.part"
		fail "cannot copy $base to $build: $(why copy)"
	}
	mv "$tree.part" "$tree"
fi
if [ -n "${PATCHES-}" ]; then
	touch "$tree.applied"
	apply
else
	call overlay lay "$tree" ${STOCK:+PARTS=lib} >&2
fi
echo "$tree"
