#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# system.sh <scenario> [options to run.py] - build the kernel that a scenario needs,
# boot it, and do to it what the scenario says

# shellcheck source=tools/vmemmap/lib.sh
. "$(dirname "$0")/lib.sh"

SCENARIO=${1:?"which scenario? One of: $scenarios $debug_scenarios"}
one_of SCENARIO "$scenarios $debug_scenarios"
arch=${SCENARIO%%-*}
case $SCENARIO in
x86_64-hvo-1g) kernel=x86_64-release ;;
x86_64-page80-self) kernel=x86_64-page80 ;;
x86_64-kasan|x86_64-lockdep) kernel=$SCENARIO ;;
x86_64-faults) kernel=x86_64-lockdep ;;
x86_64*) kernel=x86_64 ;;
arm64-*) kernel=${SCENARIO%-self} ;;
esac
[ "$arch" = "$(uname -m)" ] || ACCEL=tcg	# KVM runs its own architecture alone

"$tools/packages.sh" "kernel-$arch" "qemu-$arch" guest
objects=$("$tools/kernel.sh" "$kernel")
busybox=$("$tools/busybox.sh" "$arch")
exec "$tools/run.py" --scenario "$SCENARIO" --series "$(series_of "${objects%/*}/src")" --objects "$objects" --busybox "$busybox" \
	--image "$build/guest/$SCENARIO.cpio" --log "$log/system-$SCENARIO.log" --accel "$ACCEL" "${@:2}"
