#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# bench.sh [KERNEL=<kernel>] [options to bench.py] - the cost of the memory map, with the
# stock kernel and with this back end: build both, boot both, let both do the same work,
# count instructions

# shellcheck source=tools/vmemmap/lib.sh
. "$(dirname "$0")/lib.sh"

KERNEL=${KERNEL:-$(names kernel_table bench)}
one_of KERNEL "$(names kernel_table bench)"
# shellcheck disable=SC2046 # words
need guest unit $(parts_for "$KERNEL" kernel qemu)
each KERNEL x86_64-bench

arch=${KERNEL%%-*} out=$build/bench/$id-$KERNEL
stock=$(call kernel STOCK=1)
ours=$(call kernel)
busybox=$(call busybox "$arch")
mkdir -p "$out"
gcc -std=gnu11 -O2 -Wall -Wextra -shared -fPIC -o "$out/count.so" "$tools/count.c"
exec "$tools/bench.py" --kernel "$KERNEL" --series "$(series_of "${ours%/*}/src")" --stock "$stock" --ours "$ours" \
	--plugin "$out/count.so" --busybox "$busybox" --out "$out" "$@"
