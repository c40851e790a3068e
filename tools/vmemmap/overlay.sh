#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# overlay.sh - this back end over a kernel tree
#
#	lay <tree>		lay our files over the tree; once laid: update them
#	undo <tree>		bring back what was there
#	check <tree>		report what would keep lay from its work; write nothing
#	diff <tree>		print what was changed in the tree after it was laid
#	take <tree>		bring these changes into this clone
#
# diff and take work in a tree that has the patches of make patches by git am, too.
#
# FORCE=1 overwrites what was changed after it was laid, and lays over a series
# that our files are not for. PARTS=lib lays only what works with any back end.
#
# The F: lines of MAINTAINERS name our files. A file of the stock kernel is replaced,
# or merged: it gets lines of ours, or semantic patches change it.
#
# <tree>/.vmemmap keeps up to three versions of a file:
#
#	stock	the one that was there before, if any
#	laid	the one that was put there
#	next	the one that a call is putting there; it becomes the one laid
#
# A file of the tree that is none of these was changed by somebody else. All files
# are rendered before the first one is moved; the next call completes or undoes one
# that was interrupted. No file is written to in place, since the tree may share its
# files with another one by hard links.

# shellcheck source=tools/vmemmap/lib.sh
. "$(dirname "$0")/lib.sh"

replaced=mm/sparse-vmemmap.c
declare -A sum			# of each version of a file
declare -A verdict stock_of	# of each file that is laid, see judge()
changed=()

# ---- Our files ----

# files_in <dir>: its files with a name of ours, but what git ignores. Without git, that
# is what our .gitignore names.
files_in() (
	[ -e "$top/MAINTAINERS" ] || return 0
	mapfile -t patterns < <(sed -n 's/^F:\t//p' "$top/MAINTAINERS")
	mapfile -t names < <(awk '/^\*/ { print "!\n-name\n" $0 }' "$top/.gitignore")
	cd "$1"
	{
		{ [ -e .git ] && git -c core.quotePath=off ls-files -co --exclude-standard -- "${patterns[@]}" 2>/dev/null; } ||
			for pattern in "${patterns[@]}"; do
				compgen -G "$pattern" || true
			done | while read -r file; do
				[ ! -e "$file" ] || find "$file" -type f "${names[@]}"
			done
	} | sort -u | while read -r file; do
		[ ! -f "$file" ] || echo "$file"
	done
)

# Those of this clone that go into the tree. It may lack an architecture.
own_files() {
	local file

	if [ -n "$PARTS" ]; then
		echo lib/test_vmemmap.c
		return
	fi
	files_in "$top" | while read -r file; do
		[[ $file != arch/* ]] || [ -e "$tree/${file%/*}/Makefile" ] || continue
		echo "$file"
	done
}

# The files of the stock kernel that ours are merged into ...
all_merged_files() (
	cd "$top"
	if [ -n "$PARTS" ]; then
		printf '%s\n' Kconfig lib/Makefile
		return
	fi
	for file in Kconfig MAINTAINERS {mm,lib,arch/*/mm}/Makefile.vmemmap; do
		[ ! -e "$file" ] || echo "${file%.vmemmap}"
	done
	for file in "${patched[@]}"; do
		[ -z "$(rules_for "$file")" ] || echo "$file"
	done
	[ "$(own_files | grep -c '^Documentation/mm/')" = 0 ] || echo Documentation/mm/index.rst
)

# ... but those that a tree may lack.
merged_files() {
	all_merged_files | while read -r file; do
		[[ $file != @(arch|Documentation)/* && $file != MAINTAINERS ]] || [ -e "$tree/$file" ] || continue
		echo "$file"
	done
}

# ---- Merging: each function changes <file>, which is a copy of a stock file ----

# The semantic patches for a file; each says what it "// edits:", and which series it
# is "// only:" for, if not for all.
rules_for() {
	local rules

	grep -lxF "// edits: $1" "$tools"/*.cocci | while read -r rules; do
		! grep -q '^// only: ' "$rules" || grep -qxF "// only: $(series_of "$tree")" "$rules" || continue
		echo "$rules"
	done
}

# apply_rules <rules> <path> <file>. spatch returns 0 even if nothing matches, so look:
# the rules have changed the file, it has as many new lines as they add, and no name
# that is "// gone:" is left. The names are relative, since spatch hands them to a
# shell; a HOME of its own keeps the user's .cocciconfig out.
apply_rules() {
	local adds added gone

	cp "$1" "$work/rules.cocci" && cp "$3" "$work/in.c"
	(cd "$work" && HOME=$work spatch --very-quiet --no-includes --no-show-diff \
		--sp-file rules.cocci in.c -o out.c) >"$work/log" 2>&1 ||
		fail "$(basename "$1") does not work on $2: $(tail -n 1 "$work/log")"
	added=$(diff "$work/in.c" "$work/out.c" | grep -c '^>' || true)
	adds=$(grep -c '^+' "$1" || true)
	gone=$(sed -n 's,^// gone:,,p' "$1" | xargs -n1 | paste -sd'|')
	if cmp -s "$work/in.c" "$work/out.c" || [ "$added" != "$adds" ] ||
		{ [ -n "$gone" ] && grep -qwE "$gone" "$work/out.c"; }; then
		fail "$(basename "$1") does not fit $tree/$2; take a tree of series $series"
	fi
	cat "$work/out.c" >"$3"
}

# apply_all_rules <path> <file>. Most of the time of lay is spent here, so what has been
# made of the same file by the same rules is kept.
apply_all_rules() {
	local list rules key

	mapfile -t list < <(rules_for "$1")
	key=$(cat "$2" "${list[@]}" | sha256sum | cut -c 1-64)
	if [ -e "$state/patched/$key" ]; then
		cat "$state/patched/$key" >"$2"
	else
		for rules in "${list[@]}"; do
			apply_rules "$rules" "$1" "$2"
		done
	fi
	mkdir -p "$work/patched"
	cp "$2" "$work/patched/$key"
}

# append <file of ours> <file>: all but the line with the license.
append() {
	[ -z "$(tail -c 1 "$2")" ] || echo >>"$2"
	sed 1d "$1" >>"$2"
}

# Our pages stand beside the one about deduplication.
index_pages() {
	local pages

	pages=$(own_files | sed -n 's,^Documentation/mm/\(.*\)\.rst$,   \1,p' | sort)
	grep -qx ' *vmemmap_dedup' "$1" ||
		fail "$tree/Documentation/mm/index.rst has no vmemmap_dedup to put our pages beside"
	sed -i "/^ *vmemmap_dedup\$/i\\${pages//$'\n'/\\$'\n'}" "$1"
}

# The people whom a MAINTAINERS names for the replaced file, or for its directory.
people() {
	local file

	for file in "$replaced" "${replaced%/*}/"; do
		awk -v RS= -v FS='\n' -v file="F:\t$file" '
			index($0 "\n", "\n" file "\n") { for (i = 1; i <= NF; i++) if ($i ~ /^[MR]:/) print $i }' "$1" |
			grep . && break
	done
}

# Our entry, with these people, behind the one whose title comes next before its own;
# few files of that kind are sorted throughout.
insert_entry() {
	local entry

	entry=$(sed 1q "$top/MAINTAINERS" && people "$1" && sed 1d "$top/MAINTAINERS")
	ENTRY=$entry awk '
		BEGIN { entry = ENVIRON["ENTRY"]; title = substr(entry, 1, index(entry, "\n") - 1) }
		{ is_title = /^[A-Z]:\t/ && last !~ /^[A-Z]:\t/ }	# that is, the last line is
		NR == FNR { if (is_title && last > best && last < title) best = last }
		NR != FNR && is_title { if (passed) print entry "\n"; passed = last == best }
		NR != FNR && FNR > 1 { print last }
		{ last = $0 }
		END { print last; if (passed) print "\n" entry }' "$1" "$1" >"$work/entries"
	cat "$work/entries" >"$1"
}

# render <path> <stock file> <output>: the file as it must be in the laid tree.
render() {
	mkdir -p "$(dirname "$3")"
	if [ -z "$2" ] || [ "$1" = "$replaced" ]; then
		cp --preserve=mode "$top/$1" "$3"
		return
	fi
	cp --preserve=mode "$2" "$3"
	case $1 in
	Kconfig) append "$top/Kconfig" "$3" ;;
	*/Makefile) append "$top/$1.vmemmap" "$3" ;;
	MAINTAINERS) insert_entry "$3" ;;
	*/index.rst) index_pages "$3" ;;
	*) apply_all_rules "$1" "$3" ;;
	esac
}

# ---- What is there ----

# The versions of a file are named <file>.kept, so that nothing takes them for sources,
# and make distclean does not take them for backups.
files_kept() {
	local version

	for version; do
		[ ! -d "$state/$version" ] || (cd "$state/$version" && find . -type f)
	done | sed 's,^\./,,; s,\.kept$,,' | sort -u
}
is_laid() { [ -d "$state/laid" ] || [ -d "$state/next" ]; }

# add_up <version> <dir> <suffix of its files>: the checksum of each file that is laid.
add_up() {
	local value file

	[ -d "$2" ] || return 0
	while read -r value file; do
		sum[$1:${file%"$3"}]=$value
	done < <(cd "$2" && files_kept laid next | sed "s/\$/$3/" | xargs -rd '\n' sha256sum 2>/dev/null)
}

# is <version> <version> <path>: both are there and the same.
is() { [ -n "${sum[$1:$3]-}" ] && [ "${sum[$1:$3]}" = "${sum[$2:$3]-}" ]; }

distance() { diff "$1" "$2" | grep -c '^[<>]' || true; }

blob() { git -C "$tree" hash-object --no-filters "$1" 2>/dev/null; }
committed() { git -C "$tree" rev-parse -q --verify "HEAD:./$1" 2>/dev/null; }
is_committed() { [ "$(committed "$1" || echo none)" = "$(blob "$2")" ]; }

# is_stock <path> <file>: another version of the stock file is nearer to it than to the
# one laid, and it is committed or has no line of ours; or as near, if it is both: where
# our edit replaces a line, a version without that line is as far from both.
is_stock() {
	local stock=$state/stock/$1.kept laid=$state/laid/$1.kept nearer

	[ -e "$2" ] && [ -e "$stock" ] && [ -e "$laid" ] || return
	nearer=$(($(distance "$2" "$laid") - $(distance "$2" "$stock")))
	[ $nearer -ge 0 ] || return
	[ $nearer != 0 ] || is_committed "$1" "$2" || return
	[ "$1" = "$replaced" ] || { [ $nearer != 0 ] && is_committed "$1" "$2"; } ||
		! grep -vxFf "$stock" "$laid" | grep -qxFf - "$2"
}

# The stock file is the one that was kept; but a newer one that has been committed since
# is, if the one kept was a committed one, too.
find_stock() {
	local file kept head newer=$work/stock

	while read -r file; do
		stock_of[$file]=$state/stock/$file.kept
	done < <(comm -12 <(files_kept stock) <(files_kept laid next))
	[ -e "$tree/.git" ] || return 0
	for file in "${!stock_of[@]}"; do
		kept=$(blob "${stock_of[$file]}") || continue
		head=$(committed "$file") || continue
		if [ "$head" = "$kept" ] || ! git -C "$tree" cat-file -e "$kept"; then
			continue
		fi
		mkdir -p "$newer/$(dirname "$file")"
		cp --preserve=mode "${stock_of[$file]}" "$newer/$file"
		git -C "$tree" cat-file blob "$head" >"$newer/$file"
		! is_stock "$file" "$newer/$file" || stock_of[$file]=$newer/$file
	done 2>/dev/null
}

# judge <path>: is the file as laid, as stock, or changed? Stock may have moved on, by an
# update of the tree or by another branch.
judge() {
	local file=$tree/$1

	verdict[$1]=changed
	if is tree laid "$1" || is tree next "$1"; then
		verdict[$1]=laid
	elif [ "${sum[tree:$1]-}" = "${sum[stock:$1]-}" ]; then
		verdict[$1]=stock
	elif is_stock "$1" "$file"; then
		verdict[$1]=stock stock_of[$1]=$file
	elif [ -n "${stock_of[$1]-}" ] && (render "$1" "${stock_of[$1]}" "$work/judged") 2>/dev/null &&
		cmp -s "$file" "$work/judged"; then
		verdict[$1]=laid
	fi
}

judge_all() {
	local version file

	sum=() verdict=() stock_of=() changed=()
	add_up tree "$tree" ''
	for version in stock laid next; do
		add_up $version "$state/$version" .kept
	done
	find_stock
	while read -r file; do
		judge "$file"
		[ "${verdict[$file]}" != changed ] || changed+=("$file")
	done < <(files_kept laid next)
}

# Nothing that somebody has written is overwritten, unless he says so.
refuse_changed() {
	local more=$((${#changed[@]} - 1)) what

	[ $more -ge 0 ] && [ "$FORCE" != 1 ] || return 0
	what="${changed[0]} was changed after it was laid"
	[ $more = 0 ] || what="${changed[0]} and $more more were changed after they were laid"
	fail "$what; overlay.sh diff $tree shows it, FORCE=1 overwrites it"
}

check_tree() {
	local file found

	for file in Makefile Kbuild Kconfig mm/Makefile; do
		[ -f "$tree/$file" ] || fail "$tree is no kernel source tree: it has no $file"
	done
	found=$(series_of "$tree")
	if [[ " $series " != *" $found "* ]]; then
		[ "$FORCE" = 1 ] ||
			fail "$tree is Linux $found, our files are for $series; FORCE=1 tries it all the same"
		say "warning: $tree is Linux $found, our files are for $series"
	fi
	command -v spatch >/dev/null || fail "spatch is missing; install the package coccinelle"
	check_kept
}

check_kept() {
	is_laid || ! grep -qs '"vmemmap_base.h"' "$tree/$replaced" ||
		fail "$tree was laid, but its .vmemmap is gone (git clean -x?); take a clean tree;" \
			"in git: git -C $tree stash -u, which keeps what is in this one"
}

# What will be laid, rendered under $work/next; and the stock files, under $work/stock.
plan() {
	local file stock

	while read -r file; do
		[ -n "${verdict[$file]-}" ] || [ "$file" = "$replaced" ] || [ ! -e "$tree/$file" ] ||
			fail "$tree has a $file that was not laid by this tool; take a clean tree"
	done < <(own_files)
	while read -r file; do
		[ -n "${verdict[$file]-}" ] || stock_of[$file]=$tree/$file
		stock=${stock_of[$file]-}
		[ -f "$stock" ] || fail "$tree is no whole kernel source tree: it has no $file"
		[ "$file" != "$replaced" ] || grep -qw sparse_add_section "$stock" ||
			fail "$stock does not define sparse_add_section; take a clean tree of series $series"
	done < <(merged_files; own_files | grep -xF "$replaced")
	own_files | copy_versions "$top" "$work/next" 's/$/.kept/'
	while read -r file; do
		render "$file" "${stock_of[$file]}" "$work/next/$file.kept"
	done < <(merged_files)
}

# ---- Moves ----

# copy_versions <from> <to> <s/name/another/>: copy the files that stdin lists. They get
# a new time, so that make sees what is moved, on the way in and on the way out.
copy_versions() {
	mkdir -p "$2"
	tar -C "$1" -cf - --no-recursion --transform "$3" -T - | tar -C "$2" --no-same-owner -xmf -
}

# put <version of a file> <path>
put() {
	local dir=$tree/${2%/*}

	[ -d "$dir" ] || [ "$dir" = "$tree/$2" ] || mkdir -p "$dir"
	mv -f "$1" "$tree/$2"
}

# put_back <path>...: the stock file, or nothing.
put_back() {
	local file remove=()

	for file; do
		[ "${verdict[$file]}" != stock ] || continue
		if [ -n "${stock_of[$file]-}" ]; then
			cp --preserve=mode "${stock_of[$file]}" "$state/part"
			put "$state/part" "$file"
		else
			remove+=("$file")
		fi
	done
	[ ${#remove[@]} != 0 ] || return 0
	cd "$tree"
	rm -f "${remove[@]}"
	printf '%s\n' "${remove[@]%/*}" | sort -ur | xargs -d '\n' rmdir -p 2>/dev/null || true
}

# Move what is next into the tree, and what is no longer ours out of it.
finish() {
	local file files remove

	mapfile -t files < <(files_kept next)
	mapfile -t remove < <(comm -13 <(files_kept next) <(files_kept laid))
	put_back "${remove[@]}"
	for file in "${!files[@]}"; do
		! is next tree "${files[$file]}" || unset "files[$file]"
	done
	rm -rf "$state/move"
	printf '%s\n' "${files[@]/%/.kept}" | sed '/^$/d' | copy_versions "$state/next" "$state/move" 's/\.kept$//'
	for file in "${files[@]}"; do
		put "$state/move/$file" "$file"
	done
	rm -rf "$state/laid" "$state/move"
	mv "$state/next" "$state/laid"
}

# A version is complete before it has its name.
put_version() {
	[ -d "$work/$1" ] || return 0
	rm -rf "$state/$1.part"
	cp -r --preserve=mode "$work/$1" "$state/$1.part"
	rm -rf "${state:?}/$1"
	mv "$state/$1.part" "$state/$1"
}

commit() {
	local file stock

	is_laid || rm -rf "$state"
	mkdir -p "$state"
	echo '*' >"$state/.gitignore"
	for file in "${!stock_of[@]}"; do
		stock=$state/stock/$file.kept
		[ "${stock_of[$file]}" != "$stock" ] || continue
		mkdir -p "$(dirname "$stock")"
		cp -p "${stock_of[$file]}" "$state/part"
		mv -f "$state/part" "$stock"
		stock_of[$file]=$stock
	done
	put_version patched
	put_version next
	add_up next "$state/next" .kept
	add_up tree "$tree" ''
	finish
}

enter() {
	tree=$(realpath "$1") state=$tree/.vmemmap
	work=$(mktemp -d 2>/dev/null || mktemp -dp /tmp)
	trap 'rm -rf "$work"' EXIT
	exec 8<"$tree"
	flock -n 8 || {
		say "waiting for another call that works in $tree"
		flock 8
	}
}

# How many files are laid, with and without a stock file.
count() {
	local file

	added=0 edited=0
	while read -r file; do
		if [ -e "$state/stock/$file.kept" ]; then
			edited=$((edited + 1))
		else
			added=$((added + 1))
		fi
	done < <(files_kept laid next)
}

# ---- Changes that were made in the tree ----

# The files there that are ours by name, but were not laid.
new_files() { comm -13 <(files_kept laid next) <(files_in "$tree" | grep -vxF "$replaced"); }

# The version that a changed file is compared with.
version_of() {
	if [ -e "$state/next/$1.kept" ]; then
		echo "$state/next/$1.kept"
	else
		echo "$state/laid/$1.kept"
	fi
}

# The file of this clone that a laid file comes from.
source_of() {
	if [ -e "$state/stock/$1.kept" ] && [[ $1 == */Makefile ]]; then
		echo "$1.vmemmap"
	else
		echo "$1"
	fi
}

# ours_in <path> <version>: what of a file belongs into this clone. Returns 1 if that
# cannot be said.
ours_in() {
	local stock=$state/stock/$1.kept size

	if [ ! -e "$stock" ] || [ "$1" = "$replaced" ]; then
		cat "$2"
	elif [[ $1 == Kconfig || $1 == */Makefile ]]; then
		size=$(stat -c %s "$stock")
		cmp -sn "$size" "$stock" "$2" && sed 1q "$top/$(source_of "$1")" && tail -c +$((size + 1)) "$2"
	else
		return 1
	fi
}

# merge <path>: what was changed in the tree and what was changed here, in $work/taken.
merge() {
	local ours

	ours=$top/$(source_of "$1")
	if ! ours_in "$1" "$(version_of "$1")" >"$work/laid" || ! ours_in "$1" "$tree/$1" >"$work/theirs"; then
		by_hand+=("$1")
		return
	fi
	mkdir -p "$(dirname "$work/taken/$1")"
	cp --preserve=mode "$tree/$1" "$work/taken/$1"
	diff3 -m "$ours" "$work/laid" "$work/theirs" >"$work/taken/$1" ||
		fail "$(source_of "$1") was changed here as well, in the same lines; overlay.sh diff $tree shows what was changed there"
}

# ---- A tree that has the patches ----

# The commit that git am made of the last one; nothing if there is none.
last_patch() { git -C "$tree" log -1 --format=%H --grep="^$(sed 1q "$tools/patches/documentation.txt")\$" 2>/dev/null || true; }

# changed_since <commit>: the files of the patches that were changed or added.
changed_since() {
	{
		git -C "$tree" -c core.quotePath=off diff --name-only "$1"
		git -C "$tree" -c core.quotePath=off ls-files -o --exclude-standard
	} | sort | comm -12 - <({ files_in "$tree"; own_files; merged_files; } | sort -u)
}

diff_patched() {
	local commit=$1 file

	changed_since "$commit" | while read -r file; do
		if git -C "$tree" cat-file -e "$commit:$file" 2>/dev/null; then
			git -C "$tree" diff "$commit" -- "$file"
		else
			diff -u --label /dev/null --label "b/$file" /dev/null "$tree/$file" || true
		fi
	done
}

# merge_patched <commit> <path>: as merge(). What was taken before is as it is here.
merge_patched() {
	if [ ! -e "$tree/$2" ] || merged_files | grep -xF "$2" >/dev/null; then
		by_hand+=("$2")
		return
	fi
	mkdir -p "$(dirname "$work/taken/$2")"
	cp --preserve=mode "$tree/$2" "$work/taken/$2"
	git -C "$tree" show "$1:$2" >"$work/patched" 2>/dev/null || return 0
	git merge-file -p "$top/$2" "$work/patched" "$tree/$2" >"$work/taken/$2" 2>/dev/null ||
		fail "$2 was changed here as well, in the same lines; overlay.sh diff $tree shows what was changed there"
	! cmp -s "$work/taken/$2" "$top/$2" || rm "$work/taken/$2"
}

gather_patched() {
	local file

	while read -r file; do
		merge_patched "$1" "$file"
	done < <(changed_since "$1")
}

# ---- Words ----

check() {
	check_tree
	judge_all
	refuse_changed
	plan
}

lay() {
	check_tree
	[ -w "$tree" ] || fail "cannot write to $tree"
	if [ -e "$state/next" ]; then
		judge_all
		refuse_changed
		finish
	fi
	check
	commit
	count
	echo "laid: $added files added, $edited edited; undo with $(printf '%q undo %q' "$0" "$tree")"
}

undo() {
	local file

	check_kept
	[ -e "$state" ] || fail "nothing of ours is laid over $tree"
	judge_all
	refuse_changed
	count
	put_back "${!verdict[@]}"
	for file in laid next; do	# from here on, nothing is ours
		[ ! -e "$state/$file" ] || mv "$state/$file" "$state/$file.old"
	done
	rm -rf "$state"
	echo "undone: $added files removed, $edited brought back"
}

diff_tree() {
	local commit file

	if ! is_laid; then
		commit=$(last_patch)
		[ -n "$commit" ] || fail "nothing of ours is laid over $tree"
		diff_patched "$commit"
		return
	fi
	judge_all
	for file in "${changed[@]}"; do
		diff -uN --label "a/$file" --label "b/$file" "$(version_of "$file")" "$tree/$file" || true
	done
	while read -r file; do
		diff -u --label /dev/null --label "b/$file" /dev/null "$tree/$file" || true
	done < <(new_files)
}

gather_laid() {
	local file

	judge_all
	for file in "${changed[@]}"; do
		if [ -e "$tree/$file" ]; then
			merge "$file"
		else
			by_hand+=("$file")
		fi
	done
	while read -r file; do
		mkdir -p "$(dirname "$work/taken/$file")"
		cp --preserve=mode "$tree/$file" "$work/taken/$file"
	done < <(new_files)
}

take() {
	local commit='' file by_hand=()

	mkdir -p "$work/taken"
	if is_laid; then
		gather_laid
	else
		commit=$(last_patch)
		[ -n "$commit" ] || fail "nothing of ours is laid over $tree"
		gather_patched "$commit"
	fi
	while read -r file; do
		mkdir -p "$(dirname "$top/$(source_of "$file")")"
		cp --preserve=mode "$work/taken/$file" "$top/$(source_of "$file")"
		echo "taken: $(source_of "$file")"
		[ -z "$commit" ] || continue
		mkdir -p "$(dirname "$(version_of "$file")")"
		cp --preserve=mode "$tree/$file" "$(version_of "$file")"
	done < <(cd "$work/taken" && find . -type f | sed 's,^\./,,' | sort)
	[ ${#by_hand[@]} = 0 ] ||
		fail "not taken, do it by hand: ${by_hand[*]}; overlay.sh diff $tree shows what was changed"
}

word=${1-} PARTS=${PARTS-}
one_of PARTS "none lib"
case $word-$# in
lay-2|undo-2|check-2|diff-2|take-2)
	[ -d "$2" ] || fail "there is no directory '$2'"
	enter "$2"
	"${word/#diff/diff_tree}" ;;
-h-1|--help-1) sed -n '3,/PARTS/s/^# \{0,1\}//p' "$0" ;;
*) fail "usage: overlay.sh lay|undo|check|diff|take <tree>; overlay.sh --help says more" ;;
esac
