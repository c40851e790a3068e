#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# kunit.sh [KERNEL=<kernel>] [FILTER=<suite>.<case>] [V=1] - run the KUnit suites under
# kunit.py and QEMU
#
# The last line gives the counts. A complaint of the kernel counts as a failure,
# unless the case that it falls into has logged "a WARNING is expected" before.

# shellcheck source=tools/vmemmap/lib.sh
. "$(dirname "$0")/lib.sh"

KERNEL=${KERNEL:-x86_64 arm64-4k} FILTER=${FILTER:-}
# shellcheck disable=SC2086 # words
one_of KERNEL "$(names kernel_table $for_kunit)"
# shellcheck disable=SC2046 # words
need $(parts_for "$KERNEL" kernel qemu)
each KERNEL x86_64

arch=${KERNEL%%-*} name=kunit-$KERNEL
objects=$(call kernel)
src=${objects%/*}/src
console=$log/$name-console.log

declare -A qemu=(
	[x86_64]="qemu-system-x86_64 -bios qboot.rom"
	[arm64]="qemu-system-aarch64 -machine virt -cpu max"
	[riscv64]="qemu-system-riscv64 -machine virt"
)
# On a busy host the first ticks come too late for those who count them.
declare -A append=([x86_64]="console=ttyS0 no_timer_check tsc=reliable" [arm64]="console=ttyAMA0"
	[riscv64]="console=ttyS0")

# A kernel that serves page tables of several depths is booted with each, and one that
# keeps records of each page also without them and with others; a comma is a space.
declare -A more=([riscv64]="no5lvl no4lvl"
	[x86_64-lockdep]="page_owner=off page_owner=off,sysctl.vm.mem_profiling=1")

# The last section of 1000 MiB has a hole, which a case of vmemmap_sections needs.
#
# kunit.py would configure and build by itself, and some of them take KVM without
# being asked: boot here, and let it read what the kernel says.
boot() {
	# shellcheck disable=SC2086 # a list of words
	timeout 900 ${qemu[$arch]} -kernel "$objects/image" -nodefaults -nographic -no-reboot -serial stdio -m 1000 \
		-smp 2 -accel "$(accel_for "$arch")" -append "${append[$arch]} $1 kunit.enable=1 \
		kunit_shutdown=reboot ${FILTER:+kunit.filter_glob=$FILTER}" >"$console.part" || true
	cat "$console.part" >>"$console"
	PYTHONDONTWRITEBYTECODE=1 "$src/tools/testing/kunit/kunit.py" parse "$console.part"
}

run() {
	local words status=0

	: >"$console"
	for words in "" ${more[$KERNEL]-${more[$arch]-}}; do
		boot "${words//,/ }" || status=$?
	done
	rm "$console.part"
	return $status
}

count() {
	sed -n "s/.*Ran [0-9]* tests:.* $1: \([0-9]*\).*/\1/p" "$log/$name.log" | awk '{ n += $1 } END { print n + 0 }'
}

# What KUnit reported, without time stamps and carriage returns.
ktap() { sed 's/\r$//; s/^\[[^]]*\] //' "$console"; }

# The first case that failed, as a filter.
first_failed() {
	ktap | awk '/^    # Subtest: / { suite = $3 }
		     /^    not ok / { print suite "." $4; exit }'
}

# Cases that FILTER selects may all be skipped; else something must have passed.
nothing_ran() { [ "$pass" = 0 ] && { [ -z "$FILTER" ] || [ "$skip" = 0 ]; }; }

# The rows and cases that were skipped, and why.
skipped() {
	ktap | awk '/^    # Subtest: / { suite = $3 }
		     /^        # Subtest: / { name = $3 }
		     / ok [0-9]+ .* # SKIP ./ {
			is_row = /^        /
			sub(/^ *ok [0-9]+ /, "")
			sub(/ # SKIP /, ": ")
			print "skipped: " suite "." (is_row ? name ", " : "") $0
		     }'
}

rc=0
step "running KUnit on $KERNEL" "$name" run || rc=$?

"$tools/complaints.py" "$console" >"$log/$name-complaints.log"
pass=$(count passed) skip=$(count skipped)
fail=$(($(count failed) + $(count crashed) + $(count errors)))
[ ! -s "$log/$name-complaints.log" ] || fail=$((fail + 1))
# kunit.py fails when all cases are skipped.
[ "$pass" != 0 ] || [ "$skip" = 0 ] || rc=0
if [ $fail = 0 ] && { [ $rc != 0 ] || nothing_ran; }; then
	fail=1
fi

[ -z "${V:-}" ] || cat "$console"
skipped
if [ $fail != 0 ]; then
	grep -vE '\[PASSED\]|=== ' "$log/$name.log" >&2
	cat "$log/$name-complaints.log" >&2
	[ -z "$FILTER" ] || ! nothing_ran || say "does any case match FILTER='$FILTER'? Say <suite>.<case>"
	say "KUnit on $KERNEL: all of it is in $log/$name.log, the kernel's console in $console"
	case=$(first_failed)
	[ -z "$case" ] || say "repeat the first: $(again kunit KERNEL="$KERNEL" FILTER="$case")"
fi
echo "# Totals: pass:$pass fail:$fail skip:$skip error:0"
[ $fail = 0 ]
