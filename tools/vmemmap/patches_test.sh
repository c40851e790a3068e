#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# patches_test.sh [build] - do the patches for a series do what they should? With "build":
# does the kernel build after each of them?

# shellcheck source=tools/vmemmap/lib.sh
. "$(dirname "$0")/lib.sh"

which=${1-}
need patches patches-test
base=$(call base)
patches=$(call patches)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export GIT_{AUTHOR,COMMITTER}_NAME=tester GIT_{AUTHOR,COMMITTER}_EMAIL=tester@example.org
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
all_series=$series
mapfile -t names <"$patches/series"

harness_types=ASSIGN_IN_IF,AVOID_EXTERNS,COMPLEX_MACRO,CONSTANT_COMPARISON,EMBEDDED_FUNCTION_NAME
harness_types+=,FLEXIBLE_ARRAY,IS_ENABLED_CONFIG,LINE_SPACING,LONG_LINE,MACRO_ARG_UNUSED,MACRO_WITH_FLOW_CONTROL
harness_types+=,NEW_TYPEDEFS,OPEN_BRACE,PREFER_DEFINED_ATTRIBUTE_MACRO,QUOTED_WHITESPACE_BEFORE_NEWLINE
harness_types+=,SPACING,VOLATILE

# The stock files that the patches change, and what the kernel's own checks need.
stock() {
	rm -rf "$1" && mkdir "$1"
	{
		sed -n 's,^--- a/,,p' "$patches"/0*.patch
		printf '%s\n' Makefile Kbuild Kconfig scripts/{checkpatch.pl,spelling.txt,const_structs.checkpatch,get_maintainer.pl}
	} | sort -u | (cd "$base" && xargs cp --parents -t "$1")
}

# The laid tree, which the patches have to make, but for what is resolved.
laid() {
	stock "$work/laid"
	call overlay lay "$work/laid" >/dev/null
	rm -r "$work/laid/.vmemmap"
}

files() { (cd "$1" && find . -path ./.git -prune -o -path ./.pc -prune -o -path ./patches -prune -o -type f -printf '%P %m\n' | sort); }

# Both have the same files of the same modes. The contents differ where lines of the laid
# one were for another series, and nowhere have lines been added.
is_laid() {
	local file

	diff <(files "$work/laid") <(files "$1") >&2 || return
	(cd "$1" && find . -path ./.git -prune -o -path ./.pc -prune -o -path ./patches -prune -o -type f -printf '%P\n') |
		while read -r file; do
			! diff "$work/laid/$file" "$1/$file" | grep '^>' >&2 || exit
		done
}

by_git_am() {
	stock "$work/am"
	git -C "$work/am" init -q && git -C "$work/am" add -A && git -C "$work/am" commit -qm stock
	git -C "$work/am" am -q "$patches"/*.patch >&2 && is_laid "$work/am"
}

by_patch() {
	local name

	stock "$work/patch"
	for name in "${names[@]}"; do
		patch -s -d "$work/patch" -p1 --no-backup-if-mismatch <"$patches/$name" >&2 || return
	done
	is_laid "$work/patch"
}

by_quilt() {
	stock "$work/quilt"
	cp -r "$patches" "$work/quilt/patches"
	(cd "$work/quilt" && QUILT_PATCHES=patches quilt --quiltrc=- push -aq >"$work/log" 2>&1) ||
		{ cat "$work/log" >&2 && return 1; }
	is_laid "$work/quilt"
}

# All ways lead to the same tree.
same_trees() {
	diff -r -x .git -x .pc -x patches "$work/am" "$work/patch" >&2 && diff -r -x .git -x .pc -x patches "$work/am" "$work/quilt" >&2
}

# What is resolved for one series has no word of the others left in its code.
one_series() {
	local other

	for other in $all_series; do
		[ "$other" = "$(series_of "$base")" ] || ! grep -rnwF "$other" "$work/am"/{mm,arch,include,lib} >&2 || return
	done
	! grep -rnE "$(awk '!/^#/ { print "ifn?def " $1 "$" }' "$tools/patches/macros" | paste -sd'|')" "$work/am"/{mm,arch,include,lib} >&2
}

# The harness has macros, types and attributes of the kernel in user space, which checkpatch
# wants to be used and not defined; it takes rows of tables for code.
checkpatch() {
	local name ignore

	stock "$work/check"
	cd "$work/check" || return
	for name in "${names[@]}"; do
		ignore=NONE
		! grep -q '^+++ b/include/linux/vmemmap\.h' "$patches/$name" || ignore=COMPLEX_MACRO	# a loop in a loop
		! grep -q '^+++ b/tools/testing/vmemmap/' "$patches/$name" || ignore=$harness_types
		scripts/checkpatch.pl --no-tree --terse --no-summary --no-signoff --show-types \
			--ignore "$ignore" "$patches/$name" 2>/dev/null
		patch -s -p1 <"$patches/$name"
	done >"$work/checked" || true
	cat "$work/checked" >&2
	[ ! -s "$work/checked" ]
}

# Each file that is added goes to the people whom the series itself names for the one that
# is replaced.
maintainers() {
	local file wanted

	ask() { scripts/get_maintainer.pl --no-tree --no-git --no-git-fallback --no-rolestats --no-l -f "$1" | sort; }
	cd "$base" && wanted=$(ask mm/sparse-vmemmap.c) && [ -n "$wanted" ] || return
	cd "$work/am" || return
	sed -n '/^--- \/dev\/null/{n; s,^+++ b/,,p}' "$patches"/0*.patch | while read -r file; do
		[ -z "$(comm -23 <(echo "$wanted") <(ask "$file"))" ] || {
			echo "$file goes to: $(ask "$file" | paste -sd,)" >&2
			exit 1
		}
	done
}

# The harness fits to what is resolved for this series.
harness() { env -u MAKEFLAGS make -s VARIANTS=page64 -C "$work/am/tools/testing/vmemmap" >"$work/log" 2>&1 || { tail "$work/log" >&2 && return 1; }; }

# overlay.sh take brings back what was changed in a patched tree, committed or not, once.
taken_back() {
	local clone=$work/clone

	copy_clone "$clone"
	for file in mm/vmemmap_populate.c mm/vmemmap_base.h Kconfig; do
		echo '/* mine */' >>"$work/am/$file"
		[[ $file != *populate.c ]] || git -C "$work/am" commit -qam mine
	done
	for _ in once again; do
		! "$clone/tools/vmemmap/overlay.sh" take "$work/am" >"$work/log" 2>&1 || return
		grep -qx 'error: not taken, do it by hand: Kconfig;.*' "$work/log" || { cat "$work/log" >&2 && return 1; }
	done
	diff <(diff -r -x .git -x build "$top" "$clone" | grep '^>') <(printf '> /* mine */\n%.0s' 1 2) >&2
}

# The kernel builds after the first <n> patches.
builds() { call kernel KERNEL=x86_64 PATCHES="$1" >/dev/null; }

patches_case() { "$(cut -d/ -f2 <<<"$1")" "$(cut -d/ -f3 <<<"$1")"; }

one_of which "none build"
laid
cases=("$id"/{by_git_am,by_patch,by_quilt,same_trees,one_series,checkpatch,maintainers,harness,taken_back})
[ "$which" != build ] || for name in "${!names[@]}"; do
	cases+=("$id/builds/$((name + 1))")
done
try_each patches_case "${cases[@]}"
