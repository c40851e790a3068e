#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# compare.sh [SCENARIO=<scenarios>] - are the page tables of the vmemmap, after each step of
# a scenario, those that the stock kernel makes of the same steps?

# shellcheck source=tools/vmemmap/lib.sh
. "$(dirname "$0")/lib.sh"

# Whether stock does right is not asked here.
is_as_stock() {
	local ours=$log/maps-$1 stock=$log/maps-$1-stock

	rm -f "$ours" "$stock"
	call run SCENARIO="$1" STOCK=1 --maps "$stock" >"$stock.log" || true
	call run SCENARIO="$1" --maps "$ours" >"$ours.log" || true
	[ -s "$stock" ] && diff -u "$stock" "$ours" >&2
}

SCENARIO=${SCENARIO:-x86_64 x86_64-hvo}
one_of SCENARIO "$(names scenario_table)"
# shellcheck disable=SC2046 # words
need guest $(parts_for "$SCENARIO" kernel qemu)
# shellcheck disable=SC2086 # a list of names
try_each is_as_stock $SCENARIO
