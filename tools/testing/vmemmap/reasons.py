# SPDX-License-Identifier: GPL-2.0
"""
reasons.py - what a tool found and cannot be otherwise, and why

Each finding is a line, keyed by function and source text so that it does not rot
when lines move. Its reason follows, indented by a tab:

	is_live: if (!ms) -> if (ms)
		Why that is so.
"""


def read_reasons(path):
    """The reason for each finding."""
    reasons = {}
    finding = None
    with open(path, encoding="utf-8") as file:
        for line in file:
            if line.startswith("\t"):
                reasons[finding] = f"{reasons[finding]} {line.strip()}".strip()
            elif line.strip() and not line.startswith("#"):
                finding = line.strip()
                reasons[finding] = ""
    return reasons
