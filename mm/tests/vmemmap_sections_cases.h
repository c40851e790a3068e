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

/**
 * struct vmemmap_refusal - a row
 * @name: what is wrong
 * @err: the error
 * @place: where @first counts from
 * @first: first page frame
 * @nr_pages: length of the range
 * @live_first: first page frame of a range that was added before
 * @nr_live: length of that
 * @altmap_lacks: an altmap has so many pages too few for the memory map; 0:
 *	there is none
 * @nr_compound: length of the compound pages that it is used in; 0: none
 * @has_leaf_above: a leaf above the PMD level is in the way of the memory map
 */
struct vmemmap_refusal {
	const char *name;
	int err;
	enum vmemmap_place place;
	unsigned long first;
	unsigned long nr_pages;
	unsigned long live_first;
	unsigned long nr_live;
	unsigned long altmap_lacks;
	unsigned long nr_compound;
	bool has_leaf_above;
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
