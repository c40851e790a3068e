#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# overlay_test.sh - does overlay.sh lose anything?
#
# Each case gets a small git tree, made of those files of a base that the overlay
# touches, and a clone of this repository. What is in the tree before and after is
# compared by checksums and by git status. FILTER=<pattern> selects cases.

# shellcheck source=tools/vmemmap/lib.sh
. "$(dirname "$0")/lib.sh"

bases="${series%% *} ${series##* }"	# the oldest and the newest
[[ " ${words[*]-} " != *" BASE="* ]] || bases=$BASE
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
export GIT_{AUTHOR,COMMITTER}_NAME=tester GIT_{AUTHOR,COMMITTER}_EMAIL=tester@example.org
script=${OVERLAY:-$tools/overlay.sh}	# another script, to see a case fail

# ---- Trees ----

# A semantic patch takes most of the time, and does the same to the same file.
cache_spatch() {
	mkdir "$all/bin" "$all/spatch"
	cat >"$all/bin/spatch" <<-END
		#!/bin/bash
		out=$all/spatch/\$(cat rules.cocci in.c | sha256sum | cut -c 1-64)
		[ -e "\$out" ] || { "$(command -v spatch)" "\$@" && cp out.c "\$out"; } || exit
		cp "\$out" out.c
	END
	chmod +x "$all/bin/spatch"
	[ "$script" != "$tools/overlay.sh" ] || PATH=$all/bin:$PATH
}

git_tree() {
	git -C "$1" init -q -b master && git -C "$1" add -Af . && git -C "$1" commit -qm "$2"
}

make_clone() {
	copy_clone "$all/clone"
	cp "$script" "$all/clone/tools/vmemmap/overlay.sh"
	git_tree "$all/clone" ours
}

make_stock() {
	local base

	base=$("$tools/base.sh" BASE="$1")
	mkdir "$all/$1"
	{ stock_files && printf '%s\n' Makefile Kbuild .mailmap .get_maintainer.ignore scripts/get_maintainer.pl; } |
		(cd "$base" && xargs cp --parents -t "$all/$1")
	printf '%s\n' '.*' '*.o' '!.gitignore' '!.kunitconfig' >"$all/$1/.gitignore"
	git_tree "$all/$1" "stock $1"
	cp -a "$all/$1" "$all/$1-laid"
	"$all/clone/tools/vmemmap/overlay.sh" lay "$all/$1-laid" >/dev/null
}

# ---- What the cases say ----

overlay() { "$clone/tools/vmemmap/overlay.sh" "$@" >"$dir/out" 2>"$dir/err"; }
must() { "$@" || fail "'$*' failed: $(cat "$dir/err" 2>/dev/null)"; }

# Every file, but for what the overlay and git keep.
sums() { (cd "${1:-$tree}" && find . -path ./.git -prune -o -path ./.vmemmap -prune -o -type f -print0 | sort -z | xargs -0 sha256sum); }
is_same() { diff <(echo "$1") <(sums "${2:-$tree}") >&2 || fail "${3:-the tree is not what it was}"; }
is_clean() { [ -z "$(git -C "$tree" status --porcelain)" ] || fail "git status: $(git -C "$tree" status --porcelain | head -3)"; }
undo_is_clean() {
	must overlay undo "$tree"
	is_clean
	[ ! -e "$tree/.vmemmap" ] || fail ".vmemmap is still there"
}

# refused <message> <arguments of overlay.sh>...: by one line, and nothing has been touched.
refused() {
	local message=$1 before after

	shift
	before=$(sums) after=$(find "$tree/.vmemmap" 2>/dev/null | sort)
	! overlay "$@" || fail "'overlay.sh $*' is not refused"
	[ "$(wc -l <"$dir/err")" = 1 ] || fail "not one line: $(cat "$dir/err")"
	grep -q "^error: .*$message" "$dir/err" || fail "'$message' is not in: $(cat "$dir/err")"
	is_same "$before"
	[ "$after" = "$(find "$tree/.vmemmap" 2>/dev/null | sort)" ] || fail ".vmemmap was touched"
}

# What check says, lay does.
refused_by_check_and_lay() {
	refused "$1" check "$tree"
	refused "$1" lay "$tree"
}

laid() { rm -rf "$tree" && cp -a "$all/$base-laid" "$tree"; }

# ---- Cases ----

lay_and_undo() {
	must overlay lay "$tree"
	[[ $(cat "$dir/out") =~ ^"laid: "[0-9]*" files added, "[0-9]*" edited; undo with "[^$'\n']*$ ]] ||
		fail "lay says: $(cat "$dir/out")"
	! git -C "$tree" status --porcelain --ignored | grep -v '^??\|^ M\|\.vmemmap/$' >&2 ||
		fail "git sees more than new and changed files"
	undo_is_clean
	grep -q '^undone: ' "$dir/out" || fail "undo says nothing"
}

times_follow_content() {
	times() { (cd "$tree" && find . -path ./.git -prune -o -path ./.vmemmap -prune -o -type f -printf '%p %T@\n' | sort); }
	local before after

	before=$(times)
	must overlay lay "$tree"
	[ "$(comm -23 <(echo "$before") <(times) | cut -d' ' -f1)" = \
		"$(git -C "$tree" status --porcelain | sed -n 's,^ M ,./,p' | sort)" ] || fail "lay: other times have changed"
	after=$(times)
	must overlay lay "$tree"
	[ "$after" = "$(times)" ] || fail "a second lay touches files"
	must overlay undo "$tree"
	diff <(comm -23 <(echo "$before") <(echo "$after")) <(comm -23 <(echo "$before") <(times)) >&2 ||
		fail "undo: other times have changed"
}

hard_links_are_not_written_through() {
	local before

	before=$(sums "$all/$base")
	rm -rf "$tree" && cp -al "$all/$base" "$tree"
	must overlay lay "$tree"
	echo more >>"$tree/mm/vmemmap.h"
	must overlay take "$tree"
	must overlay lay "$tree"
	must overlay undo "$tree"
	is_same "$before" "$all/$base" "the base was written to"
	is_same "$before"
}

a_change_stops_lay_and_undo() {
	local file

	for file in mm/vmemmap_dedup.c mm/sparse-vmemmap.c mm/memory_hotplug.c MAINTAINERS; do
		laid
		echo '/* mine */' >>"$tree/$file"
		refused_by_check_and_lay "$file was changed after it was laid; overlay.sh diff .*FORCE=1"
		refused "$file was changed after it was laid; overlay.sh diff .*FORCE=1" undo "$tree"
	done
	echo '/* mine */' >>"$tree/mm/vmemmap.h"
	refused_by_check_and_lay "and 1 more were changed"
}

a_line_of_ours_that_was_removed_stops() {
	laid
	sed -i '/vmemmap_gather_begin/d' "$tree/mm/memory_hotplug.c"
	refused_by_check_and_lay "mm/memory_hotplug.c was changed"
	refused "mm/memory_hotplug.c was changed" undo "$tree"
	laid
	sed -i 's/^obj.*vmemmap.*/& my.o/' "$tree/arch/x86/mm/Makefile"
	refused "arch/x86/mm/Makefile was changed" undo "$tree"
	laid
	rm "$tree/mm/Makefile"
	refused "mm/Makefile" lay "$tree"
	refused "mm/Makefile was changed" undo "$tree"
}

force_overwrites() {
	laid
	echo '/* mine */' | tee -a "$tree/mm/vmemmap.h" >>"$tree/mm/memory_hotplug.c"
	must overlay lay "$tree" FORCE=1
	is_same "$(sums "$all/$base-laid")"
	echo '/* mine */' | tee -a "$tree/mm/vmemmap.h" >>"$tree/mm/memory_hotplug.c"
	FORCE=1 must overlay undo "$tree"
	is_clean
}

changes_from_before_stay() {
	local before

	sed -i '1a/* mine */' "$tree/mm/memory_hotplug.c" "$tree/arch/x86/mm/init_64.c"
	echo '# mine' >>"$tree/mm/Makefile"
	before=$(sums)
	must overlay lay "$tree"
	[ "$(grep -l mine "$tree"/{mm/memory_hotplug.c,mm/Makefile,arch/x86/mm/init_64.c} | wc -l)" = 3 ] || fail "a change is lost in the laid tree"
	must overlay lay "$tree"
	must overlay undo "$tree"
	is_same "$before"
}

# What git stash, git pull and git stash pop do.
the_tree_moves_on_while_laid() {
	laid
	git -C "$tree" stash -q
	sed -i '1a/* newer */' "$tree"/{mm/memory_hotplug,mm/sparse-vmemmap,arch/x86/mm/init_64}.c
	sed -i '1a# newer' "$tree/Kconfig" "$tree/mm/Makefile"
	git -C "$tree" commit -qam newer
	git -C "$tree" diff 'stash@{0}^' 'stash@{0}' -- . ':!mm/sparse-vmemmap.c' | git -C "$tree" apply
	cp "$all/$base-laid/mm/sparse-vmemmap.c" "$tree/mm"
	[ "${1-}" = undo ] || {
		must overlay lay "$tree"
		[ "$(grep -l newer "$tree"/mm/{Makefile,memory_hotplug.c} | wc -l)" = 2 ] || fail "the newer stock file is lost"
	}
	undo_is_clean
}
the_tree_moves_on_and_undo() { the_tree_moves_on_while_laid undo; }

on_another_branch() {
	laid
	git -C "$tree" checkout -qb laid
	git -C "$tree" add -A
	git -C "$tree" commit -qm laid
	git -C "$tree" checkout -q master
	sed -i '1a/* newer */' "$tree"/{mm/memory_hotplug,mm/sparse-vmemmap,arch/x86/mm/init_64}.c
	echo '# newer' >>"$tree/mm/Makefile"
	git -C "$tree" commit -qam newer
	[ "${1-}" = undo ] || {
		must overlay lay "$tree"
		[ "$(grep -l newer "$tree"/mm/{Makefile,memory_hotplug.c} | wc -l)" = 2 ] || fail "the newer stock file is lost"
	}
	undo_is_clean
}
undo_on_another_branch() { on_another_branch undo; }

on_the_branch_of_another_series() {
	local other before

	other=$(xargs -n1 <<<"$bases" | grep -vxF "$base" | tail -n 1)
	laid
	git -C "$tree" fetch -q "$all/$other" master
	git -C "$tree" stash -q
	git -C "$tree" checkout -q FETCH_HEAD
	before=$(sums "$all/$other")
	must overlay lay "$tree"
	is_same "$(sums "$all/$other-laid")"
	undo_is_clean
	is_same "$before"
}

git_clean_has_taken_the_state() {
	laid
	git -C "$tree" clean -qfdx
	refused_by_check_and_lay "was laid, but its .vmemmap is gone.*stash -u"
	refused "was laid, but its .vmemmap is gone.*stash -u" undo "$tree"
	laid
	rm -r "$tree/.vmemmap"
	refused_by_check_and_lay "was laid, but its .vmemmap is gone.*stash -u"
	git -C "$tree" stash -qu
	must overlay lay "$tree"
	undo_is_clean
}

without_coccinelle() {
	local name

	mkdir "$dir/bin"
	for name in bash awk basename cat cksum cmp comm cp cut diff dirname find flock git grep head ln mkdir mktemp mv paste realpath rm rmdir sed sha256sum sort stat tail tar touch wc xargs; do
		ln -s "$(command -v $name)" "$dir/bin/"
	done
	PATH=$dir/bin refused_by_check_and_lay "spatch is missing; install the package coccinelle"
	laid
	PATH=$dir/bin undo_is_clean
}

rules_that_do_not_fit() {
	sed -i 's/vmemmap_use_new_sub_pmd/another_name/' "$tree/arch/x86/mm/init_64.c"
	git -C "$tree" commit -qam "another name"
	refused_by_check_and_lay "remove-stock-x86.cocci does not fit"
	cp -a "$all/$base/arch" "$tree"
	sed -i 's/vmemmap_dedup/another_page/' "$tree/Documentation/mm/index.rst"
	refused_by_check_and_lay "index.rst has no vmemmap_dedup"
}

not_a_tree() {
	rm "$tree/Kconfig"
	refused_by_check_and_lay "is no kernel source tree: it has no Kconfig"
	cp -a "$all/$base/Kconfig" "$tree"
	rm "$tree/mm/memory_hotplug.c"
	refused_by_check_and_lay "it has no mm/memory_hotplug.c"
}

another_series() {
	sed -i '1,4s/^PATCHLEVEL = .*/PATCHLEVEL = 6/; 1,4s/^VERSION = .*/VERSION = 6/' "$tree/Makefile"
	git -C "$tree" commit -qam 6.6
	refused_by_check_and_lay "is Linux 6.6, our files are for $series; FORCE=1"
	FORCE=1 must overlay lay "$tree"
	undo_is_clean
}

a_file_that_is_there_already() {
	echo mine >"$tree/mm/vmemmap_dedup.c"
	refused_by_check_and_lay "has a mm/vmemmap_dedup.c that was not laid"
}

strange_paths() {
	local name="a b'c\"d\$HOME;e(f)\\g"

	mkdir "$dir/$name"
	mv "$tree" "$clone" "$dir/$name"
	tree=$dir/$name/tree clone=$dir/$name/clone
	must overlay lay "$tree"
	is_same "$(sums "$all/$base-laid")"
	echo more >>"$tree/mm/vmemmap.h"
	must overlay diff "$tree"
	must overlay take "$tree"
	undo_is_clean
}

without_home() {
	(unset HOME && must overlay lay "$tree") || exit
	(HOME=/nonexistent TMPDIR=/nonexistent && export TMPDIR && must overlay lay "$tree") || exit
	undo_is_clean
}

a_stray_environment() {
	KERNEL=/boot/vmlinuz BASE=nope SCENARIO=nope ACCEL=nope LINUX=nope PARTS=nope must overlay lay "$tree"
	is_same "$(sums "$all/$base-laid")"
}

a_sparse_checkout() {
	git -C "$tree" update-index -q --refresh
	git -C "$tree" sparse-checkout set --no-cone '/*' '!/arch/arm64' '!/Documentation'
	must overlay lay "$tree"
	[ ! -e "$tree/arch/arm64" ] || fail "arch/arm64 is laid"
	undo_is_clean
}

junk_is_not_laid() {
	touch "$clone"/mm/{vmemmap_dedup.c.orig,.vmemmap.c.swp,scratch.c,vmemmap.h.rej,vmemmap_dedup.o} \
		"$clone"/tools/testing/vmemmap/{main.c~,main.c.orig,.main.c.swp}
	[ "${1-}" = git ] || rm -rf "$clone/.git"
	must overlay lay "$tree"
	is_same "$(sums "$all/$base-laid")"
}
junk_of_git_is_not_laid() { junk_is_not_laid git; }

every_file_is_laid() {
	local ours

	ours=$(cd "$clone" && git ls-files Documentation arch include lib mm tools/testing | grep -v 'Makefile\.vmemmap$')
	laid
	(cd "$tree" && while read -r file; do
		cmp -s "$file" "$clone/$file" || fail "$file is not laid; is there an F: line in MAINTAINERS?"
	done <<<"$ours") || exit
	! (cd "$tree" && git status --porcelain) | grep 'Makefile\.vmemmap\|\.kept' || fail "too much is laid"
}

merged_files() {
	local pages before

	before=$(cd "$tree" && scripts/get_maintainer.pl --no-tree --no-git --no-git-fallback --no-rolestats -f mm/sparse-vmemmap.c)
	laid
	git -C "$tree" add -A
	cd "$tree"
	for file in mm/sparse-vmemmap.c mm/vmemmap.h mm/tests/vmemmap/.kunitconfig arch/x86/mm/vmemmap_64.c tools/testing/vmemmap/main.c; do
		diff <(echo "$before") <(scripts/get_maintainer.pl --no-tree --no-git --no-git-fallback --no-rolestats -f $file |
			grep -Fx -e "$before") >&2 || fail "$file has other people than mm/sparse-vmemmap.c had"
	done
	grep -E '^[A-Z0-9].*' MAINTAINERS | grep -v '^[A-Z]:' | grep -B1 -A1 '^SPARSEMEM VMEMMAP' | sort -c ||
		fail "MAINTAINERS is not in order"
	pages=$(grep '^   vmemmap' Documentation/mm/index.rst | xargs)
	[ "$pages" = "$(cd Documentation/mm && printf '%s\n' vmemmap*.rst | sed 's/\.rst$//' | sort | xargs) vmemmap_dedup" ] ||
		fail "index.rst has $pages"
	grep -q '^config TEST_VMEMMAP' Kconfig || fail "Kconfig has no option of ours"
}

sources_are_not_found_twice() {
	laid
	[ -z "$(find "$tree/.vmemmap" -name '*.[chS]')" ] ||
		fail "tags finds files of .vmemmap"
	[ -z "$(find "$tree/.vmemmap" -type f -name '*.orig' -o -name '*.rej' -o -name '*~' -o -name '*.bak' -o -name '#*#' -o -name '*%')" ] ||
		fail "make distclean removes files of .vmemmap"
}

two_at_once() {
	local pids=() pid n

	for n in 1 2 3; do
		"$clone/tools/vmemmap/overlay.sh" lay "$tree" >/dev/null 2>"$dir/err$n" &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid" || fail "a call fails: $(cat "$dir"/err?)"
	done
	is_same "$(sums "$all/$base-laid")"
	undo_is_clean
}

# killed_at <n> <arguments of overlay.sh>...: by the n-th file that it moves or removes.
killed_at() {
	local n=$1 name

	shift
	rm -rf "$dir/kill" && mkdir "$dir/kill" && echo "$n" >"$dir/kill/n"
	for name in mv rm; do
		# shellcheck disable=SC2016 # the script expands them
		printf '#!/bin/sh\nread n <"%s"\n[ $n -gt 0 ] || kill -9 $PPID\necho $((n - 1)) >"%s"\nexec %s "$@"\n' \
			"$dir/kill/n" "$dir/kill/n" "$(command -v $name)" >"$dir/kill/$name"
		chmod +x "$dir/kill/$name"
	done
	! (PATH=$dir/kill:$PATH && overlay "$@") 2>/dev/null || fail "was not killed"
}

killed_in_the_middle() {
	local n

	for n in 0 2 10 20 60 95; do
		rm -rf "$tree" && cp -a "$all/$base" "$tree"
		killed_at $n lay "$tree"
		if [ $n = 10 ] || [ $n = 60 ]; then
			must overlay lay "$tree"
			is_same "$(sums "$all/$base-laid")"
		fi
		[ ! -e "$tree/.vmemmap" ] || must overlay undo "$tree"
		is_clean
	done
	for n in 0 1 2 10 13; do
		laid
		killed_at $n undo "$tree"
		[ $n = 10 ] || must overlay undo "$tree"
		must overlay lay "$tree"
		is_same "$(sums "$all/$base-laid")"
		undo_is_clean
	done
}

# What ours was and is not any more goes; a kill in the middle of that, too.
the_clone_moves_on() {
	local n

	for n in never 1 3; do
		rm -rf "$clone" && cp -a "$all/clone" "$clone"
		laid
		rm "$clone/mm/vmemmap.h" "$clone/tools/vmemmap/undo-add-pages.cocci" "$clone/lib/Makefile.vmemmap"
		echo new >"$clone/mm/vmemmap_new.c"
		echo more >>"$clone/mm/vmemmap_dedup.c"
		[ $n = never ] || killed_at $n lay "$tree"
		must overlay lay "$tree"
		[ ! -e "$tree/mm/vmemmap.h" ] || fail "a file that is no longer ours is still laid"
		cmp "$tree/mm/vmemmap_new.c" "$clone/mm/vmemmap_new.c" >&2 || fail "a new file is not laid"
		cmp "$tree/mm/vmemmap_dedup.c" "$clone/mm/vmemmap_dedup.c" >&2 || fail "a change is not laid"
		cmp "$tree/lib/Makefile" "$all/$base/lib/Makefile" >&2 || fail "lib/Makefile is not what it was"
		undo_is_clean
	done
}

diff_shows_changes() {
	laid
	must overlay diff "$tree"
	[ ! -s "$dir/out" ] || fail "there is nothing to show"
	sed -i '1a/* mine */' "$tree/mm/memory_hotplug.c" "$tree/mm/vmemmap.h"
	echo new >"$tree/mm/vmemmap_new.c"
	must overlay diff "$tree"
	[ "$(grep -c '^+[^+]' "$dir/out")" = 3 ] || fail "diff shows $(cat "$dir/out")"
	git -C "$tree" apply -R "$dir/out" || fail "git apply does not take it"
	is_same "$(sums "$all/$base-laid")"
}

take_brings_changes_back() {
	local file before

	laid
	before=$(sums "$clone")
	must overlay take "$tree"
	is_same "$before" "$clone" "there is nothing to take"
	for file in mm/vmemmap.h mm/Makefile Kconfig arch/x86/mm/vmemmap_64.c; do
		echo '# mine' >>"$tree/$file"
	done
	printf '#!/bin/sh\n' >"$tree/tools/testing/vmemmap/new.sh" && chmod +x "$tree/tools/testing/vmemmap/new.sh"
	before=$(sums)
	must overlay take "$tree"
	[ "$(git -C "$clone" status --porcelain | cut -c 4- | xargs)" = \
		"Kconfig arch/x86/mm/vmemmap_64.c mm/Makefile.vmemmap mm/vmemmap.h tools/testing/vmemmap/new.sh" ] ||
		fail "taken: $(git -C "$clone" status --porcelain)"
	! git -C "$clone" diff | grep '^[-+][^-+]' | grep -vx '+# mine' >&2 || fail "more is taken"
	[ -x "$clone/tools/testing/vmemmap/new.sh" ] || fail "the mode is not taken"
	must overlay lay "$tree"
	is_same "$before"
	undo_is_clean
}

take_merges() {
	local before

	laid
	sed -i '1a/* theirs */' "$tree/mm/vmemmap_dedup.c" "$tree/mm/memory_hotplug.c"
	echo '/* ours */' >>"$clone/mm/vmemmap_dedup.c"
	before=$(sums)
	! overlay take "$tree" || fail "rules cannot be taken"
	grep -qx "error: .*mm/memory_hotplug.c.*by hand.*\|error: .*by hand: mm/memory_hotplug.c.*" "$dir/err" || fail "$(cat "$dir/err")"
	[ "$(grep -cE 'theirs|ours' "$clone/mm/vmemmap_dedup.c")" = 2 ] || fail "it is not merged"
	is_same "$before"
	echo '/* theirs as well */' >>"$tree/mm/vmemmap_dedup.c"
	before=$(sums "$clone")
	refused "mm/vmemmap_dedup.c was changed here as well" take "$tree"
	is_same "$before" "$clone"
}

lay_for_any_back_end() {
	laid
	must overlay lay "$tree" PARTS=lib
	[ "$(git -C "$tree" status --porcelain | cut -c 4- | xargs)" = "Kconfig lib/Makefile lib/test_vmemmap.c" ] ||
		fail "laid: $(git -C "$tree" status --porcelain)"
	must overlay lay "$tree"
	is_same "$(sums "$all/$base-laid")"
	must overlay lay "$tree" PARTS=lib
	undo_is_clean
}

words() {
	must overlay --help
	grep -q 'undo <tree>' "$dir/out" || fail "no help"
	must overlay -h
	refused usage
	refused usage lay
	refused usage lay "$tree" "$tree"
	refused "PARTS=nope is not known" lay "$tree" PARTS=nope
	refused usage nosuch "$tree"
	refused "there is no directory" lay "$dir/nosuch"
	refused "nothing of ours is laid" undo "$tree"
	refused "nothing of ours is laid" diff "$tree"
	refused "nothing of ours is laid" take "$tree"
	must overlay check "$tree"
	is_clean
	[ ! -e "$tree/.vmemmap" ] || fail "check writes"
}

cases="lay_and_undo times_follow_content hard_links_are_not_written_through a_change_stops_lay_and_undo
	a_line_of_ours_that_was_removed_stops force_overwrites changes_from_before_stay
	the_tree_moves_on_while_laid the_tree_moves_on_and_undo on_another_branch undo_on_another_branch
	on_the_branch_of_another_series git_clean_has_taken_the_state without_coccinelle rules_that_do_not_fit
	not_a_tree another_series a_file_that_is_there_already strange_paths without_home a_stray_environment
	a_sparse_checkout junk_is_not_laid junk_of_git_is_not_laid every_file_is_laid merged_files
	sources_are_not_found_twice two_at_once killed_in_the_middle the_clone_moves_on diff_shows_changes
	take_brings_changes_back take_merges lay_for_any_back_end words"

# overlay_case <series>/<case>
overlay_case() {
	base=${1%%/*} dir=$all/case-$base
	tree=$dir/tree clone=$dir/clone
	rm -rf "$dir" && mkdir "$dir"
	cp -a "$all/$base" "$tree"
	cp -a "$all/clone" "$clone"
	"${1#*/}"
}

# Those of a series.
all_cases() {
	local name list=()

	for name in $cases; do
		[ "$bases" != "$1" ] || [ "$name" != on_the_branch_of_another_series ] || continue
		# shellcheck disable=SC2053 # a pattern
		[[ $1/$name != ${FILTER:-*} ]] || list+=("$1/$name")
	done
	try_each overlay_case "${list[@]}"
}

all=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$all"' EXIT
need overlay
cache_spatch
make_clone
for base in $bases; do
	make_stock "$base"
done
for base in $bases; do	# beside each other
	all_cases "$base" | tee "$all/said-$base" | sed '/^#/d' &
done
wait
passed=$(cat "$all"/said-* | grep -c '^ok ' || true)
failed=$(cat "$all"/said-* | grep -c '^not ok ' || true)
echo "# Totals: pass:$passed fail:$failed skip:0 error:0"
# Both have come to their end.
[ "$(cat "$all"/said-* | grep -c '^# Totals: .* fail:0 ')" = "$(wc -w <<<"$bases")" ]
