#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What a healthy kernel never says.

complaints.py <console log of KUnit>: print what the kernel complains of. A case that
provokes a warning logs "a WARNING is expected" before.
"""

import re
import sys

# "Call trace" covers what prints one without being named here. A page that cannot be
# migrated at once is tried again.
COMPLAINTS = re.compile(
    r"WARNING: |BUG: |kernel BUG at|Oops|Kernel panic|Call [Tt]race:"
    r"|general protection fault|Unable to handle kernel|Internal error:"
    r"|Bad page|page dumped because: (?!migration failure)|Altmap not fully unmapped"
    r"|page allocation failure|Out of memory|rcu: INFO:|INFO: trying to register"
    r"|soft lockup|hard LOCKUP|blocked for more than|list_(add|del) corruption"
    r"|refcount_t: |KASAN: |UBSAN: |pagealloc: .*(corruption|error)"
    r"|kmemleak: .*(suspected|disabled)")

# What an expected warning may say.
WARNING = re.compile(r"WARNING: |Call [Tt]race:")


class Listener:
    """Tells complaints from expected warnings, which a line announces and another ends."""

    def __init__(self, announced: str, over: str):
        self._announced = re.compile(announced)
        self._over = re.compile(over)
        self._is_expected = False

    def is_complaint(self, line: str) -> bool:
        if self._announced.search(line):
            self._is_expected = True
        what = COMPLAINTS.search(line)
        is_excused = self._is_expected and WARNING.match(what[0]) if what else False
        if self._over.search(line):
            self._is_expected = False
        return bool(what) and not is_excused


def main() -> int:
    listener = Listener("a WARNING is expected", r"(^|[] ])(not )?ok \d+ ")
    with open(sys.argv[1], encoding="utf-8", errors="replace") as console:
        for line in console:
            if listener.is_complaint(line):
                print(line, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
