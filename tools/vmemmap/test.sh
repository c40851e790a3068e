#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# test.sh [all|debug] - the tests, one part after the other, whatever comes of each. The
# last line gives the counts of all; a part that breaks is one failure at least
#
# Without "all", what needs a kernel of its own and adds least is left out; so is
# most of the second series. "debug" tests on kernels that watch themselves, and on
# these alone. MINUTES: what would not be done by then is not begun, and counts as
# skipped; kernels are built in the order of what they tell.

# shellcheck source=tools/vmemmap/lib.sh
. "$(dirname "$0")/lib.sh"

passed_on=() linux=()	# words that each part on a kernel takes
for word in "${words[@]}"; do
	[[ $word != @(LINUX|ACCEL)=* ]] || passed_on+=("$word")
	[[ $word != LINUX=* ]] || linux+=("$word")
done
which=${1:-default} passed=0 failed=0 skipped=0
one_of which "default all debug"
parts=() minutes=0	# to be done
broken=() late=() first=	# what failed; what was not begun; the first to repeat
declare -A kernels=()	# that are needed
slowest=$((1 + 8 / $(nproc)))	# minutes that a kernel takes the first time

# plan <minutes> <kernel> <name> <goal> <word>...: a goal that ends with a line
# "# Totals: ..."; kernel: the file that is made first, or "-"
plan() {
	minutes=$((minutes + $1))
	parts+=("$(printf '%q ' "$@")")
	if [ "$2" != - ] && [ -z "${kernels[$2]-}" ]; then
		kernels[$2]=yes
		[ -e "$2" ] || minutes=$((minutes + slowest))
	fi
}

# image <series> <kernel>
image() { echo "$build/$(if [ -n "$LINUX" ]; then echo "$id"; else echo "$1"; fi)/$2/image"; }

# plan_series <series> <goal>...: what these goals run
plan_series() {
	local name

	for name in ${KERNEL:-$(names kernel_table "${@:2}")}; do
		plan 1 "$(image "$1" "$name")" "$1-kunit-$name" kunit BASE="$1" KERNEL="$name" "${passed_on[@]}"
	done
	for name in ${SCENARIO:-$(names scenario_table "${@:2}")}; do
		plan 1 "$(image "$1" "$(kernel_of "$name")")" "$1-run-$name" run BASE="$1" SCENARIO="$name" "${passed_on[@]}"
	done
}

# plan_stock <series>: what the stock kernel is known to die of, and what is to be shown of
# it.
plan_stock() {
	local name

	for name in $(scenario_table | sed -n 's/ .*STOCK=1$//p'); do
		[[ " ${SCENARIO:-$name} " == *" $name "* ]] || continue
		plan 1 "$(image "$1" "stock/$(kernel_of "$name")")" "$1-stock-$name" run BASE="$1" SCENARIO="$name" STOCK=1 \
			"${passed_on[@]}"
	done
}

# plan_all <series>
plan_all() {
	plan_series "$1" test-both test test-newest test-all
	plan_stock "$1"
	plan 30 - "$1-patches" patches-build BASE="$1" "${linux[@]}"
	plan 20 - "$1-patched-kunit" kunit BASE="$1" KERNEL=x86_64 PATCHES=all "${passed_on[@]}"
	plan 10 - "$1-compare" compare BASE="$1" "${passed_on[@]}"
	plan 60 - "$1-links" links BASE="$1" "${linux[@]}"
	plan 30 - "$1-laid" laid-all BASE="$1" "${linux[@]}"
}

# part <minutes> <kernel> <name> <goal> <word>...
part() {
	local takes=$1 image=$2 name=$3 out=$log/test-$3.log start=$SECONDS rc=0 word count
	local -A n=([pass]=0 [fail]=0 [skip]=0 [error]=0)
	local ktap=() is_new='' minutes

	shift 3
	if [ "$image" != - ] && [ ! -e "$image" ]; then
		is_new=yes takes=$((takes + slowest))
	fi
	if [ -n "$MINUTES" ] && [ $((SECONDS / 60 + takes)) -ge "$MINUTES" ]; then
		late+=("$name") skipped=$((skipped + 1))
		echo "$name: 0 passed, 0 failed, 1 skipped: it would not be done in time"
		return
	fi
	[ "$1" != run ] || ktap=(KTAP=1)
	say "$name:"
	env -u MAKEFLAGS make -s --no-print-directory -C "$top" "$@" "${ktap[@]}" >"$out" </dev/null || rc=$?
	for word in $(grep '^# Totals:' "$out" | tail -n 1); do
		count=${word#*:}
		[[ $count != [0-9]* ]] || n[${word%:*}]=$count
	done

	n[fail]=$((n[fail] + n[error]))
	if [ "${n[fail]}" = 0 ] && { [ $rc != 0 ] || [ "${n[pass]}" = 0 ]; }; then
		n[fail]=1
	fi
	if [ "${n[fail]}" != 0 ]; then
		grep -B 8 '^ *not ok' "$out" | tail -n 60 >&2 || true
		say "$name: all that it said is in $out"
		broken+=("$name")
		first=${first:-$(printf ' %q' make "$@")}
	fi
	passed=$((passed + n[pass])) failed=$((failed + n[fail])) skipped=$((skipped + n[skip]))
	echo "$name: ${n[pass]} passed, ${n[fail]} failed, ${n[skip]} skipped, $(clock $((SECONDS - start)))"
	minutes=$(((SECONDS - start + 59) / 60))
	[ -z "$is_new" ] || [ $minutes -le $slowest ] || slowest=$minutes
}

# shellcheck disable=SC2086 # words
one_of KERNEL "none $(names kernel_table $for_kunit)"
one_of SCENARIO "none $(names scenario_table)"
newest=${series##* }
asked=("$BASE")	# the series, all if none was named
if [ -z "$LINUX" ] && [[ " ${words[*]-} " != *" BASE="* ]]; then
	read -ra asked <<<"$series"
fi

[ "$which" = debug ] || {
	plan 1 - overlay overlay-test
	plan 1 - unit unit
	plan 1 - words words
	plan 1 - show-test show-test
}
case $which in
debug)
	plan_series "$BASE" test-debug ;;
all)
	plan 2 - unit-sizes unit VARIANTS='page56 page72 page88 page96'
	for name in "${asked[@]}"; do
		plan_all "$name"
	done
	plan 1 - pages pages ;;
*)
	plan 3 - "$BASE-laid" laid BASE="$BASE" "${linux[@]}"
	plan 2 - "$BASE-patches" patches-test BASE="$BASE" "${linux[@]}"
	[ ${#asked[@]} = 1 ] || plan 2 - "$newest-patches" patches-test BASE="$newest"
	plan_series "$BASE" test-both
	[ ${#asked[@]} = 1 ] || plan_series "$newest" test-both
	plan_series "$BASE" test
	[ -n "$LINUX" ] || [ "${asked[-1]}" != "$newest" ] || plan_series "$newest" test-newest ;;
esac

{ mkdir -p "$log" && [ -w "$log" ]; } 2>/dev/null || fail "cannot write to $build"
# All that any part needs, before the first.
# shellcheck disable=SC2046 # words
need $([ "$which" != all ] || echo debian pages) unit docs show python {kernel,qemu}-{x86_64,arm64,riscv64} guest || {
	echo "0 passed, 1 failed, 0 skipped"
	exit 1
}
say "${#parts[@]} parts on ${#kernels[@]} kernels: about $minutes minutes; less if ccache knows the kernels"
for name in "${parts[@]}"; do
	eval "part $name"	# as plan() has quoted it
done

echo "all: $(clock $SECONDS)"
[ ${#late[@]} = 0 ] || echo "not begun, for MINUTES=$MINUTES: ${late[*]}"
[ ${#broken[@]} = 0 ] || printf '%s\n' "failed: ${broken[*]}" "repeat the first:$first"
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ] && [ $passed != 0 ]
