/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vmemmap_sections_cases.h - ranges that cannot be added to a section
 *
 * For the KUnit suite and for the user-space harness. All counts are page
 * frames; @first counts from the begin of a section.
 */
struct vmemmap_bad_range {
	const char *name;
	unsigned long first;
	unsigned long nr_pages;
};

static const struct vmemmap_bad_range vmemmap_bad_ranges[] = {
	{ "nothing",
	  0, 0 },
	{ "the begin is within a subsection",
	  1, PAGES_PER_SUBSECTION },
	{ "the end is within a subsection",
	  0, PAGES_PER_SUBSECTION + 1 },
	{ "a piece of a subsection",
	  PAGES_PER_SUBSECTION / 2, PAGES_PER_SUBSECTION / 2 },
	{ "more than a section",
	  0, PAGES_PER_SECTION + PAGES_PER_SUBSECTION },
	{ "over the end of a section",
	  PAGES_PER_SECTION - PAGES_PER_SUBSECTION, 2 * PAGES_PER_SUBSECTION },
	{ "as many pages as a number can count",
	  0, -PAGES_PER_SUBSECTION },
};
