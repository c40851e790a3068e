#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# bench.sh <kernel> [options to bench.py] - what the memory map costs on stock and on
# ours: build both, boot both, let both do the same work, count instructions

# shellcheck source=tools/vmemmap/lib.sh
. "$(dirname "$0")/lib.sh"

KERNEL=${1:-none}
one_of KERNEL "$(names kernel_table bench)"
arch=${KERNEL%%-*} out=$build/bench/$BASE-$KERNEL

"$tools/packages.sh" "kernel-$arch" "qemu-$arch" guest unit
stock=$(STOCK=1 "$tools/kernel.sh" "$KERNEL")
ours=$("$tools/kernel.sh" "$KERNEL")
busybox=$("$tools/busybox.sh" "$arch")
mkdir -p "$out"
gcc -std=gnu11 -O2 -Wall -Wextra -shared -fPIC -o "$out/count.so" "$tools/count.c"
exec "$tools/bench.py" --kernel "$KERNEL" --series "$(series_of "${ours%/*}/src")" --stock "$stock" --ours "$ours" \
	--plugin "$out/count.so" --busybox "$busybox" --out "$out" "${@:2}"
