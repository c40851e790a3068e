#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# run.sh <scenario> [options to run.py] - build the kernel that a scenario needs,
# boot it, and do to it what the scenario says

# shellcheck source=tools/vmemmap/lib.sh
. "$(dirname "$0")/lib.sh"

SCENARIO=${1:-none} arch=${SCENARIO%%-*}
one_of SCENARIO "$(scenario_table | cut -d' ' -f1 | xargs)"
kernel=$(scenario_table | awk -v name="$SCENARIO" '$1 == name { print $3 }')
[ "$arch" = "$(uname -m)" ] || ACCEL=tcg	# KVM runs its own architecture alone

"$tools/packages.sh" "kernel-$arch" "qemu-$arch" guest
objects=$("$tools/kernel.sh" "$kernel")
busybox=$("$tools/busybox.sh" "$arch")
exec "$tools/run.py" --scenario "$SCENARIO" --series "$(series_of "${objects%/*}/src")" \
	--objects "$objects" --busybox "$busybox" --image "$build/guest/$SCENARIO.cpio" \
	--log "$log/run-$SCENARIO.log" --accel "$ACCEL" "${@:2}"
