#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# test.sh [all] - the tests, one part after the other, whatever comes of each. The
# last line gives the counts of all; a part that breaks is one failure at least
#
# Without "all", those that need a kernel of their own and add least are left out.

# shellcheck source=tools/vmemmap/lib.sh
. "$(dirname "$0")/lib.sh"

which=${1:-default} passed=0 failed=0 skipped=0

# part <name> <arguments to make>: a goal that ends with a line "# Totals: ..."
part() {
	local name=$1 out=$log/test-$1.log start=$SECONDS rc=0 word count
	local -A n=([pass]=0 [fail]=0 [skip]=0 [error]=0)

	shift
	say "$name:"
	make -s --no-print-directory -C "$top" "$@" KTAP=1 >"$out" </dev/null || rc=$?
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
	fi
	passed=$((passed + n[pass])) failed=$((failed + n[fail])) skipped=$((skipped + n[skip]))
	echo "$name: ${n[pass]} passed, ${n[fail]} failed, ${n[skip]} skipped, $(clock $((SECONDS - start)))"
}

of_this_run() {
	if [ "$which" = all ]; then echo "$1"; else echo "${1/arm64-16k/}"; fi
}

mkdir -p "$log" || fail "cannot write to $build"
# All at once; what cannot be had is for its part to complain of.
"$tools/packages.sh" unit {kernel,qemu}-{x86_64,arm64} guest || true
part unit unit
for name in ${KERNEL:-$(of_this_run "$kernels")}; do
	part "kunit-$name" kunit KERNEL="$name"
done
for name in ${SCENARIO:-$(of_this_run "$scenarios")}; do
	part "system-$name" run SCENARIO="$name"
done
[ "$which" != all ] || part links links

echo "all: $(clock $SECONDS)"
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
