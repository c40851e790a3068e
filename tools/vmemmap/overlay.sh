#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# overlay.sh lay|undo|check <tree> - our files over a kernel tree
#
#	lay	lay our files over the tree; again: touch only what has changed
#	undo	bring back what was there
#	check	say why our files cannot be laid, if so
#
# Each path is written down before it is touched, and a file of stock's is kept
# aside before another takes its place, so that a call that was interrupted can
# be completed or undone by the next. No file is written to in its place: the
# tree may share its files with another by hard links.

# shellcheck source=tools/vmemmap/lib.sh
. "$(dirname "$0")/lib.sh"

replaced="mm/sparse-vmemmap.c"	# the one file of ours that stock has too

own_files() {
	local dirs

	cd "$top"
	# shellcheck disable=SC2086 # a list of names
	dirs=$(ls -d ${PARTS:-Documentation arch include lib mm tools/testing} 2>/dev/null)
	# shellcheck disable=SC2086 # a list of names
	find $dirs -type f ! -name '*.o' ! -name '*.pyc' ! -name '*~' ! -name Makefile.vmemmap
}

# The files of the tree that we edit: those that a file of ours is merged into, and
# those that our rules change.
edited_files() {
	local file

	cd "$top"
	echo Kconfig
	for file in ${PARTS:-arch/*/mm lib mm}; do
		[ ! -e "$file/Makefile.vmemmap" ] || echo "$file/Makefile"
	done
	[ -z "${PARTS:-}" ] || return 0
	[ ! -e MAINTAINERS ] || echo MAINTAINERS
	echo Documentation/mm/index.rst
	printf '%s\n' "${patched[@]}"
}

# append <file of ours> <file>: all but the line with the license.
append() {
	sed 1d "$1" >>"$2"
}

# The pages that we bring stand beside the page about deduplication.
index_pages() {
	local pages

	pages=$(cd "$top/Documentation/mm" && printf '   %s\n' vmemmap*.rst | sed 's/\.rst$//' | sort)
	sed -i "/^   vmemmap_dedup\$/i\\${pages//$'\n'/\\$'\n'}" "$1"
	grep -qxF "${pages%%$'\n'*}" "$1" || fail "Documentation/mm/index.rst has no vmemmap_dedup to put our pages beside"
}

# The people whom the tree names for mm/sparse-vmemmap.c, or for mm/.
people() {
	local file

	for file in mm/sparse-vmemmap.c mm/; do
		awk -v RS= -v FS='\n' -v file="F:\t$file" '
			$0 "\n" ~ "\n" file "\n" { for (i = 1; i <= NF; i++) if ($i ~ /^[MR]:/) print $i }' "$1" |
			grep . && break
	done
}

# Our entry, with these people, behind the entry whose title is the next before its
# title; few files of that kind are sorted throughout.
insert_maintainers() {
	local entry

	entry=$(sed 1q "$top/MAINTAINERS" && people "$1" && sed 1d "$top/MAINTAINERS")
	ENTRY=$entry awk '
		BEGIN { entry = ENVIRON["ENTRY"]; title = substr(entry, 1, index(entry, "\n") - 1) }
		/^[A-Z]:\t/ && last !~ /^[A-Z]:\t/ {	# last is a title
			if (NR != FNR && behind == best) {
				print entry "\n"
				behind = ""
			} else if (NR != FNR)
				behind = last
			else if (last > best && last < title)
				best = last
		}
		NR != FNR && FNR > 1 { print last }
		{ last = $0 }
		END { print last }' "$1" "$1" >"$1.out"
	cat "$1.out" >"$1" && rm "$1.out"
}

# merge <path> <file>: put what we bring for a file of stock's into it.
merge() {
	case $1 in
	Kconfig) append "$top/Kconfig" "$2" ;;
	*/Makefile) append "$top/$1.vmemmap" "$2" ;;
	MAINTAINERS) insert_maintainers "$2" ;;
	*/index.rst) index_pages "$2" ;;
	esac
}

# The semantic patches for a file of stock's; each says what it "// edits:", and
# which series it is "// only:" for, if not for all.
rules_for() {
	local rules

	grep -lxF "// edits: $1" "$tools"/*.cocci | while read -r rules; do
		! grep -q '^// only: ' "$rules" || grep -qxF "// only: $(series_of "$tree")" "$rules" || continue
		echo "$rules"
	done
}

# apply_rules <rules> <path> <file>: change the file, which is stock's of that path.
# spatch returns 0 even if nothing matches, so look: the rules have changed it, it
# has as many new lines as they add, and no name that is "// gone:" is left.
apply_rules() {
	local in=$state/in.c out=$state/out.c adds added gone

	command -v spatch >/dev/null || fail "spatch is missing. Run: sudo apt-get install coccinelle"
	cp "$3" "$in"
	spatch --very-quiet --no-includes --no-show-diff --sp-file "$1" "$in" -o "$out" >/dev/null 2>&1 ||
		fail "$1 does not work on $2"
	added=$(diff "$in" "$out" | grep -c '^>' || true)
	adds=$(grep -c '^+' "$1" || true)
	gone=$(sed -n 's,^// gone:,,p' "$1" | xargs -n1 | paste -sd'|')
	if cmp -s "$in" "$out" || [ "$added" != "$adds" ] ||
		{ [ -n "$gone" ] && grep -qwE "$gone" "$out"; }; then
		fail "$1 does not fit $2; take a tree of series $series"
	fi
	cat "$out" >"$3"
	rm "$in" "$out"
}

# render <path> <output>: the file as it shall be in the laid tree.
render() {
	local stock=$state/stock/$1 rules

	if [ ! -e "$stock" ] || [ "$1" = "$replaced" ]; then
		cp --preserve=mode "$top/$1" "$2"
		return
	fi
	cp --preserve=mode "$stock" "$2"
	[[ $1 != *.c ]] || for rules in $(rules_for "$1"); do
		apply_rules "$rules" "$1" "$2"
	done
	merge "$1" "$2"
}

is_laid() { grep -qsxF "$1" "$state/laid"; }
stock_of() { if [ -e "$state/stock/$1" ]; then echo "$state/stock/$1"; else echo "$tree/$1"; fi; }

# A file changes its time with its content, so that make sees it, back and forth.
lay_file() {
	if ! is_laid "$1"; then
		mkdir -p "$(dirname "$state/stock/$1")" "$(dirname "$tree/$1")"
		[ ! -e "$tree/$1" ] || ln -f "$tree/$1" "$state/stock/$1"
		echo "$1" >>"$state/laid"
	fi
	render "$1" "$state/new"
	cmp -s "$state/new" "$tree/$1" || mv -f "$state/new" "$tree/$1"
}

undo_file() {
	if [ -e "$state/stock/$1" ]; then
		cp --preserve=mode "$state/stock/$1" "$state/new"
		mv -f "$state/new" "$tree/$1"
	else
		rm -f "$tree/$1"
		(cd "$tree" && rmdir -p "$(dirname "$1")" 2>/dev/null) || true
	fi
}

check() {
	local file found

	for file in Makefile Kbuild Kconfig mm/Makefile; do
		[ -f "$tree/$file" ] || fail "$tree is no kernel source tree: it has no $file"
	done
	found=$(series_of "$tree")
	if [[ " $series " != *" $found "* ]]; then
		[ "${FORCE:-}" = 1 ] ||
			fail "$tree is Linux $found, our files are for $series; FORCE=1 tries it all the same"
		say "warning: $tree is Linux $found, our files are for $series"
	fi
	for file in $(own_files); do
		[ ! -e "$tree/$file" ] || [ "$file" = "$replaced" ] || is_laid "$file" ||
			fail "$tree has a $file that was not laid by this tool; take a clean tree"
	done
	grep -qsw sparse_add_section "$(stock_of "$replaced")" ||
		fail "$tree/$replaced does not define sparse_add_section; take a clean tree of series $series"
}

lay() {
	local file files

	check
	files=$(own_files && edited_files)
	mkdir -p "$state/stock"
	touch "$state/laid"
	for file in $files; do
		lay_file "$file"
	done
	while read -r file; do	# what was ours and is no longer
		grep -qxF "$file" <<<"$files" || undo_file "$file"
	done <"$state/laid"
	echo "$files" >"$state/new"
	mv "$state/new" "$state/laid"
}

undo() {
	local file

	[ -d "$state" ] || fail "nothing of ours is laid over $tree"
	if [ -e "$state/laid" ]; then
		while read -r file; do
			undo_file "$file"
		done <"$state/laid"
		rm "$state/laid"	# from here on, nothing is ours
	fi
	rm -rf "$state"
}

case ${1-} in
check|lay|undo)
	[ -d "${2-}" ] || fail "there is no directory '${2-}'"
	tree=$(realpath "$2") state=$tree/.vmemmap
	"$1" ;;
*) fail "usage: overlay.sh lay|undo|check <tree>" ;;
esac
