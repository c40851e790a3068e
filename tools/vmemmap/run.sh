#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# run.sh [SCENARIO=<scenario>] [STOCK=1] [options to run.py] - build the kernel that a
# scenario needs, boot it, and do to it what the scenario says

# shellcheck source=tools/vmemmap/lib.sh
. "$(dirname "$0")/lib.sh"

[ -n "$SCENARIO" ] || [ "$(host_arch)" != arm64 ] || SCENARIO=arm64-4k
SCENARIO=${SCENARIO:-x86_64}
one_of SCENARIO "$(names scenario_table)"
# shellcheck disable=SC2046 # words
need guest $(parts_for "$SCENARIO" kernel qemu)
each SCENARIO x86_64
[[ $SCENARIO != *-show ]] || need show

arch=${SCENARIO%%-*}
objects=$(call kernel KERNEL="$(kernel_of "$SCENARIO")")
busybox=$(call busybox "$arch")
if [[ $SCENARIO == x86_64*-show ]]; then
	set -- --debian "$(call debian)" "$@"
fi
exec "$tools/run.py" --scenario "$SCENARIO" --series "$(series_of "${objects%/*}/src")" \
	--objects "$objects" --busybox "$busybox" --image "$build/guest/$SCENARIO.cpio" \
	--page "$build/$id/$SCENARIO.html" --log "$log/run-$SCENARIO.log" --accel "$(accel_for "$arch")" \
	--cross "$(cross_prefix "$arch")" ${STOCK:+--stock} ${KTAP:+--ktap} "$@"
