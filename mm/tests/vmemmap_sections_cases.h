/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vmemmap_sections_cases.h - ranges that cannot be added to a section, and why
 *
 * For the KUnit suite and for the user-space harness. All counts are page
 * frames. A row is refused with its error and one line, and changes nothing.
 */

/* What a row's @first counts from. */
enum vmemmap_place {
	VMEMMAP_SECTION,		/* one without a memory map */
	VMEMMAP_LAST_SECTION_END,
	VMEMMAP_PFN_0,
};

struct vmemmap_refusal {
	const char *name;
	int err;
	enum vmemmap_place place;
	unsigned long first;
	unsigned long nr_pages;
	/* a range of the section that was added before */
	unsigned long live_first;
	unsigned long nr_live;
	unsigned long altmap_lacks;	/* pages; 0: there is no altmap */
	unsigned long nr_compound;	/* 0: not in compound pages */
	bool has_leaf_above;	/* one above the PMD level is in the way */
};

static const struct vmemmap_refusal vmemmap_refusals[] = {
	{ .name = "nothing",
	  .err = -EINVAL },
	{ .name = "the start is within a subsection",
	  .err = -EINVAL, .first = 1, .nr_pages = PAGES_PER_SUBSECTION },
	{ .name = "the end is within a subsection",
	  .err = -EINVAL, .nr_pages = PAGES_PER_SUBSECTION + 1 },
	{ .name = "a piece of a subsection",
	  .err = -EINVAL, .first = 1, .nr_pages = 1 },
	{ .name = "more than a section",
	  .err = -EINVAL, .nr_pages = PAGES_PER_SECTION + PAGES_PER_SUBSECTION },
	{ .name = "over the end of a section",
	  .err = -EINVAL, .first = PAGES_PER_SECTION - PAGES_PER_SUBSECTION,
	  .nr_pages = 2 * PAGES_PER_SUBSECTION },
	{ .name = "as many pages as a number can count",
	  .err = -EINVAL, .nr_pages = -PAGES_PER_SUBSECTION },
	{ .name = "a subsection beyond the last section",
	  .err = -EINVAL, .place = VMEMMAP_LAST_SECTION_END,
	  .nr_pages = PAGES_PER_SUBSECTION },
	{ .name = "a section beyond the last",
	  .err = -EINVAL, .place = VMEMMAP_LAST_SECTION_END,
	  .nr_pages = PAGES_PER_SECTION },
	{ .name = "the end is more than a number can count",
	  .err = -EINVAL, .place = VMEMMAP_PFN_0,
	  .first = -PAGES_PER_SUBSECTION, .nr_pages = PAGES_PER_SUBSECTION },
	{ .name = "live already",
	  .err = -EEXIST, .nr_pages = PAGES_PER_SECTION,
	  .nr_live = PAGES_PER_SECTION },
	{ .name = "the start is live already",
	  .err = -EEXIST, .nr_pages = 2 * PAGES_PER_SUBSECTION,
	  .nr_live = PAGES_PER_SUBSECTION },
	{ .name = "the end is live already",
	  .err = -EEXIST, .nr_pages = 2 * PAGES_PER_SUBSECTION,
	  .live_first = PAGES_PER_SUBSECTION, .nr_live = PAGES_PER_SUBSECTION },
	{ .name = "the middle of a section is live already",
	  .err = -EEXIST, .nr_pages = PAGES_PER_SECTION,
	  .live_first = PAGES_PER_SUBSECTION, .nr_live = PAGES_PER_SUBSECTION },
	{ .name = "an altmap that does not cover its range",
	  .err = -ENOMEM, .nr_pages = PAGES_PER_SECTION, .altmap_lacks = 1 },
	{ .name = "the tails of a compound page whose head is absent",
	  .err = -EINVAL, .first = PAGES_PER_SECTION,
	  .nr_pages = PAGES_PER_SECTION, .nr_compound = 2 * PAGES_PER_SECTION },
	{ .name = "a leaf where a table is needed",
	  .err = -EEXIST, .nr_pages = PAGES_PER_SECTION, .has_leaf_above = true },
};
