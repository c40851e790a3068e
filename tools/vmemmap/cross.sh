#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# cross.sh [KERNEL=<kernel>] [BASE=<series>] - do our files, and those of the stock kernel
# that call them, compile on architectures that nothing here boots; and do ours define all
# that mm/sparse-vmemmap.c of the stock kernel defines?
#
# Without BASE or LINUX, on every series.

# shellcheck source=tools/vmemmap/lib.sh
. "$(dirname "$0")/lib.sh"

stock_object=mm/stock-vmemmap.o

# has <option>: is it set in the kernel at hand?
has() { grep -qx "CONFIG_$1=[ym]" .config; }

our_objects() {
	local file

	for file in "$top"/mm/*.c; do
		[[ $file == */vmemmap_depopulate.c ]] && ! has MEMORY_HOTPLUG || echo "mm/$(basename "$file" .c).o"
	done
	! has TEST_VMEMMAP || echo lib/test_vmemmap.o
	! has SPARSEMEM_VMEMMAP_KUNIT_TEST || (cd "$top" && printf '%s\n' mm/tests/*.c | sed 's/c$/o/')
}

# Those of the stock kernel that call ours
callers() {
	echo mm/mm_init.o mm/sparse.o
	! has MEMORY_HOTPLUG || echo mm/memory_hotplug.o
	! has ZONE_DEVICE || echo mm/memremap.o
	! has HUGETLB_PAGE_OPTIMIZE_VMEMMAP || echo mm/hugetlb_vmemmap.o
	! has PPC_RADIX_MMU || echo arch/powerpc/mm/book3s64/radix_pgtable.o
	case $1 in
	riscv64-*) echo arch/riscv/mm/init.o arch/riscv/mm/vmemmap.o ;;
	powerpc64*) echo arch/powerpc/mm/init_64.o ;;
	s390-*) echo arch/s390/mm/vmem.o ;;
	loongarch64-*) echo arch/loongarch/mm/init.o arch/loongarch/mm/vmemmap.o ;;
	sparc64-*) echo arch/sparc/mm/init_64.o ;;
	esac
}

# Compile mm/sparse-vmemmap.c of the stock kernel as ours was.
compile_stock() {
	local command

	command=$(sed -n 's/^savedcmd_[^ ]* := //p' mm/.sparse-vmemmap.o.cmd | sed 's/ ;.*//')
	eval "$(sed "s,sparse-vmemmap\.o,${stock_object#mm/},g; s,[^ ]*mm/sparse-vmemmap\.c,$1/mm/sparse-vmemmap.c,g" <<<"$command")"
}

globals() { nm -g --defined-only "$@" | awk 'NF == 3 { print $3 }' | sort -u; }

# cross <series>/<kernel>
cross() {
	local series=${1%/*} kernel=${1#*/} log said missing base ours

	set -- BASE="$series" KERNEL="$kernel"
	log=$build/log/$series
	base=$(call base "$1") && cd "$(call kernel "$@" prepare)" || return
	mapfile -t ours < <(our_objects)
	rm -f "${ours[@]}"	# what the compiler said once it does not say again
	# shellcheck disable=SC2046 # a list of names
	call kernel "$@" W=1 "${ours[@]}" $(callers "$kernel") >/dev/null || return
	said=$(grep -E "(mm/(tests/)?(sparse-)?vmemmap|lib/test_vmemmap|linux/vmemmap)[^ ]*: |mm/init\.c:.*unused" "$log/build-$kernel.log") || true
	compile_stock "$base" >"$log/cross.log" 2>&1 ||
		fail "mm/sparse-vmemmap.c of the stock kernel does not compile: $(why cross)"
	missing=$(comm -23 <(globals "$stock_object") <(globals "${ours[@]}") | xargs)
	[ -z "$said" ] || say "$said"
	[ -z "$missing" ] || say "the stock kernel's mm/sparse-vmemmap.c defines what ours does not: $missing"
	[ -z "$said$missing" ]
}

all=$(names kernel_table links cross | xargs -n1 | grep -vE '^(x86_64|arm64)-' | xargs)
KERNEL=${KERNEL:-$all}
one_of KERNEL "$all"
# shellcheck disable=SC2046 # words
need $(parts_for "$KERNEL" kernel)

[ -z "$LINUX" ] && [[ " ${words[*]-} " != *" BASE="* ]] || series=$BASE
tests=()
for BASE in $series; do
	for kernel in $KERNEL; do
		tests+=("$BASE/$kernel")
	done
done
try_each cross "${tests[@]}"
