#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# show_test.sh - does tools/vmemmap/show say what is in a made-up kernel?

# shellcheck source=tools/vmemmap/lib.sh
. "$(dirname "$0")/lib.sh"

need show
exec "$tools/show_test.py"
