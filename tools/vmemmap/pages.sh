#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# pages.sh - look at the pages that make run and make bench have written, in a browser

# shellcheck source=tools/vmemmap/lib.sh
. "$(dirname "$0")/lib.sh"

need pages
mapfile -t pages < <(find "$build" -maxdepth 3 \( -path "$build/*/*.html" -o -name ratios.html \) \
	! -path '*/documents/*' 2>/dev/null | sort)
[ ${#pages[@]} != 0 ] || fail "$build has no pages; make run and make bench write some"
exec "$tools/page_check.py" "${pages[@]}"
