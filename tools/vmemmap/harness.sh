#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# harness.sh unit|coverage|mutants|fuzz|scale - what tools/testing/vmemmap does in user space

# shellcheck source=tools/vmemmap/lib.sh
. "$(dirname "$0")/lib.sh"

harness=$top/tools/testing/vmemmap
if [ -n "$MM" ]; then
	[ -e "$MM/sparse-vmemmap.c" ] || fail "MM=$MM has no sparse-vmemmap.c; name the mm/ of a tree with this back end"
	words+=("MM=$(realpath "$MM")")
fi

# The words of this call are all that it takes from others.
hmake() { env -u MAKEFLAGS -u O -u MM -u SEED -u FILTER -u V -u VARIANTS make --no-print-directory -C "$harness" -j"$(nproc)" "${words[@]}" "$@"; }

# What failed in a run of the test cases, and how to repeat the first of it.
summary() {
	local first seed

	first=$(sed -n 's/^not ok [0-9]* \([^ ]*\).*/\1/p' "$1" | head -n 1)
	[ -n "$first" ] || return 0
	seed=$(sed -n 's/^# seed //p' "$1")
	say "failed: $(grep -c '^not ok' "$1") cases: $(sed -n 's/^not ok [0-9]* \([^ ]*\).*/\1/p' "$1" | head -n 20 | xargs)"
	say "repeat the first: $(again unit SEED="$seed" FILTER="$first" ${MM:+MM="$MM"})"
}

case ${1-} in
unit)
	need unit
	lock "$build/unit"
	mkdir -p "$log"
	hmake run "${@:2}" | tee "$log/unit.log" || {
		summary "$log/unit.log"
		exit 1
	} ;;
coverage)
	need unit python
	lock "$build/coverage"
	"$harness/coverage.py" ;;
mutants)
	need unit python
	lock "$build/mutants"
	# shellcheck disable=SC2086 # a list of names
	"$harness/mutants.py" -n "${N:-150}" ${FUNCTIONS:-} ;;
fuzz)
	need fuzz
	lock "$build/fuzz"
	hmake fuzz "${@:2}" ;;
scale)
	need scale
	lock "$build/unit"
	hmake scale "${@:2}" ;;
*) fail "usage: harness.sh unit|coverage|mutants|fuzz|scale" ;;
esac
