#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# compare.sh <scenario>... - are the page tables of the vmemmap, after each step of
# a scenario, those that the stock kernel makes of the same steps?

# shellcheck source=tools/vmemmap/lib.sh
. "$(dirname "$0")/lib.sh"

# Whether stock does right is not asked here.
is_as_stock() {
	local ours=$log/maps-$1 stock=$log/maps-$1-stock

	rm -f "$ours" "$stock"
	STOCK=1 "$tools/run.sh" "$1" --maps "$stock" >"$stock.log" || true
	"$tools/run.sh" "$1" --maps "$ours" >"$ours.log" || true
	[ -s "$stock" ] && diff -u "$stock" "$ours" >&2
}

try_each is_as_stock "$@"
