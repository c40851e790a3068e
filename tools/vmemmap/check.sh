#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# check.sh - the lints, a line each; findings are printed and kept

# shellcheck source=tools/vmemmap/lib.sh
. "$(dirname "$0")/lib.sh"

need check kernel-x86_64 kernel-arm64
src=$(call tree)
failed=0
cd "$top"

# The files that go into a kernel; the harness is none.
mapfile -t sources < <(find mm arch include lib -name '*.[ch]' 2>/dev/null)
mapfile -t objects < <(printf '%s\n' "${sources[@]}" | sed -n 's/\.c$/.o/p')
mapfile -t scripts < <(find .ci/run tools -name '*.sh' -o -path .ci/run)

# lint <name> <command...>: ok is what says nothing, whatever its status.
lint() {
	local name=$1 out=$log/check-$1.log
	shift

	("$@") >"$out" 2>&1 </dev/null || true
	if [ -s "$out" ]; then
		cat "$out" >&2
		echo "$name: failed"
		failed=1
	else
		echo "$name: ok"
	fi
}

# Trace headers are no C.
checkpatch() {
	local file

	cd "$src"
	for file in "${sources[@]}"; do
		case $file in
		include/trace/*) set -- --ignore OPEN_ENDED_LINE,PARENTHESIS_ALIGNMENT ;;
		include/linux/vmemmap.h) set -- --ignore COMPLEX_MACRO,MACRO_ARG_REUSE ;;	# a loop in a loop
		mm/vmemmap_base.h) set -- --ignore CAMELCASE ;;	# __SetPageReserved()
		mm/vmemmap_depopulate.c) set -- --ignore MACRO_ARG_REUSE ;;	# the name of a level
		*) set -- ;;
		esac
		scripts/checkpatch.pl --strict --terse --no-summary "$@" -f "$file"
	done
}

# Compile our files anew: what the compiler said once it does not say again. Without
# memory hotplug, only those that boot needs. sparse does not know __has_include(), whose
# headers a series has together; and it finds two types in the kernel's own pgd_clear().
compile() {
	local arch=${1%%[_-]*} said=$log/build-$1.log has=0 ours files
	local known='mm/vmemmap_depopulate\.c.*(incompatible types in conditional expression|    (void|int)$)'

	objects+=("${patched[@]/%.c/.o}") files="^(mm|lib|arch/$arch)/"
	[[ $1 != *-nohotplug ]] || files="^(mm/(sparse-vmemmap|vmemmap_(dedup|populate|section))|arch/$arch/mm/vmemmap[^/]*)\.o$"
	mapfile -t objects < <(printf '%s\n' "${objects[@]}" | grep -E "$files")
	(cd "${src%/src}/$1" 2>/dev/null && rm -f "${objects[@]}")
	[ ! -e "$src/mm/mm_init.h" ] || has=1
	call kernel KERNEL="$1" W=1 C=2 CF="'-D__has_include(header)=$has'" "${objects[@]}" >"$log/check.tmp" 2>&1 || {
		cat "$log/check.tmp"
		return
	}
	ours=$(IFS='|' && echo "${sources[*]}|${patched[*]}")
	grep -E "($ours)(:[0-9]+)+: " "$said" | grep -vE "$known"
}

# The rules of the kernel that can report, those in OCaml aside; each says with
# which options it runs.
coccicheck() {
	local rules options

	cd "$src"
	for rules in $(grep -l '^virtual report' scripts/coccinelle/*/*.cocci | xargs grep -L ocaml); do
		options=$(sed -n 's,^// Options: ,,p' "$rules")
		# shellcheck disable=SC2086 # a list of options
		spatch -D report --very-quiet $options --cocci-file "$rules" "${objects[@]/%.o/.c}"
	done 2>&1 | grep -v 'be a metavariable'
}

kernel_doc() { cd "$src" && scripts/kernel-doc -none "${sources[@]}"; }

version_macros() {
	grep -nwE 'LINUX_VERSION_CODE|KERNEL_VERSION' "${sources[@]}" | grep -v '^mm/vmemmap_base.h:'
}

bugs() { grep -nE '\b(VM_)?BUG(_ON)?(_[A-Z]+)*\(' "${sources[@]}"; }

# may_include <regex of headers> <file>...: what these include besides.
may_include() {
	grep -nHE '^#\s*include' "${@:2}" | grep -vE "include ($1)\$"
}

arrows() {
	local arch=(arch/*/mm/*.c)

	may_include 'nothing' mm/vmemmap.h
	may_include '<.*>|"(internal|slab|sparse|mm_init|page_alloc|hugetlb_vmemmap)\.h"' mm/vmemmap_base.h
	may_include '"vmemmap(_base)?\.h"|<(trace/events/sparse_vmemmap|linux/vmemmap)\.h>' mm/*.c
	[ ! -e "${arch[0]}" ] || may_include '<.*>' "${arch[@]}"
}

# The functions that our files promise each other.
untested() {
	local name

	sed -nE 's/^[a-z][a-z ]*[ *]([a-z_0-9]+)\(.*/\1/p' mm/vmemmap.h | while read -r name; do
		grep -qE "\b$name\(" mm/tests/*.c tools/testing/vmemmap/test_*.c ||
			echo "mm/vmemmap.h: no test names $name()"
	done
}

# Sphinx on our two pages. What other pages of the kernel warn about is not ours.
documents() {
	local out=$build/documents said=$log/check-sphinx.log

	rm -rf "$out"	# what Sphinx warned about once it does not say again
	make -C "$src" O="$out" htmldocs SPHINXDIRS=mm >"$said" 2>&1 </dev/null || tail -n 3 "$said"
	grep -E '(mm/vmemmap(-[a-z]+)?(\.rst)?:|(mm|linux)/(sparse-)?vmemmap(_[a-z]+)?\.[ch]:)' "$said"
	for page in Documentation/mm/vmemmap*.rst; do
		[ -e "$out/$page" ] || [ -n "$(find "$out" -name "$(basename "${page%.rst}").html")" ] ||
			echo "$page: Sphinx made no page of it"
	done
}

# Functions, files and test cases that the documents name must exist.
document_names() {
	local pages=(README.md Documentation/mm/vmemmap*.rst) names=$log/check.names name

	grep -ohE '\b[a-zA-Z_][a-zA-Z0-9_]*\(\)|\b[a-z0-9]+(_[a-z0-9]+){3,}\b' "${pages[@]}" |
		tr -d '()' | grep -v '^_' | sort -u >"$names"
	grep -rohwFf "$names" --include='*.[chS]' --include='*.sh' --include='*.py' --include='*.cocci' \
		"$src"/{mm,arch/x86,arch/arm64,arch/riscv,include,kernel,lib,drivers/base,tools/testing/vmemmap} tools |
		sort -u | comm -23 "$names" - | sed 's/$/: the documents name it, but it does not exist/'
	# shellcheck disable=SC2016 # backquotes of the documents
	grep -ohE '(``|`)[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)+(``|`)' "${pages[@]}" | tr -d '`' | sort -u |
		while read -r name; do
			[ -e "$name" ] || [ -e "$src/$name" ] || [ -e "$src/include/$name" ] || [[ $name == build/* ]] ||
				[[ $name == events/* ]] || echo "$name: the documents name this file, but it does not exist"
		done
}

# Other architectures: compiled, not booted.
cross() { call cross >"$log/check.tmp" 2>&1 || cat "$log/check.tmp"; }

lint checkpatch checkpatch
for kernel in x86_64 arm64-4k x86_64-nohotplug; do
	lint "compile-$kernel" compile $kernel
done
lint cross cross
lint coccicheck coccicheck
lint kernel-doc kernel_doc
lint documents documents
lint document-names document_names
lint shellcheck shellcheck -x -e SC2187 "${scripts[@]}"
lint version-macros version_macros
lint include-arrows arrows
lint no-bug bugs
lint tests-name-all untested
[ $failed = 0 ]
