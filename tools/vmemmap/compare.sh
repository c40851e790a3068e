#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# compare.sh <scenario>... - are the page tables of the vmemmap, after each step of
# a scenario, those that the stock kernel makes of the same steps?

# shellcheck source=tools/vmemmap/lib.sh
. "$(dirname "$0")/lib.sh"

pass=0 fail=0
for SCENARIO; do
	ours=$log/maps-$SCENARIO stock=$log/maps-$SCENARIO-stock
	rm -f "$ours" "$stock"
	# Whether stock does right is not asked here.
	STOCK=1 "$tools/system.sh" "$SCENARIO" --maps "$stock" >"$stock.log" || true
	"$tools/system.sh" "$SCENARIO" --maps "$ours" >"$ours.log" || true
	if [ -s "$stock" ] && diff -u "$stock" "$ours" >&2; then
		echo "ok $SCENARIO as stock, $(grep -c '^after' "$stock") states"
		pass=$((pass + 1))
	else
		echo "not ok $SCENARIO is not as stock"
		fail=$((fail + 1))
	fi
done
echo "# Totals: pass:$pass fail:$fail skip:0 error:0"
[ $fail = 0 ]
