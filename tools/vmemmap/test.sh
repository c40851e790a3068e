#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# test.sh [all|debug] - the tests, one part after the other, whatever comes of each. The
# last line gives the counts of all; a part that breaks is one failure at least
#
# Without "all", what needs a kernel of its own and adds least is left out; so is
# most of the second series. "debug" tests on kernels that watch themselves, and on
# these alone.

bases=${BASE:-}	# asked for
LINUX=${LINUX:-}

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

# base <series> <goal>...: what these goals run
base() {
	local name

	for name in ${KERNEL:-$(names kernel_table "${@:2}")}; do
		part "$1-kunit-$name" kunit BASE="$1" KERNEL="$name"
	done
	for name in ${SCENARIO:-$(names scenario_table "${@:2}")}; do
		part "$1-run-$name" run BASE="$1" SCENARIO="$name"
	done
}

# all_of <series>
all_of() {
	base "$1" test-both test test-all
	part "$1-compare" compare BASE="$1"
	part "$1-links" links BASE="$1"
}

mkdir -p "$log" || fail "cannot write to $build"
# All at once; what cannot be had is for its part to complain of.
"$tools/packages.sh" unit {kernel,qemu}-{x86_64,arm64} guest || true
[ "$which" = debug ] || part unit unit
case $which in
debug)
	base "$BASE" test-debug ;;
all)
	all_of "$BASE"
	[ -n "$bases$LINUX" ] || all_of 7.3 ;;
*)
	base "$BASE" test-both test
	[ -n "$bases$LINUX" ] || base 7.3 test-both ;;
esac

echo "all: $(clock $SECONDS)"
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
