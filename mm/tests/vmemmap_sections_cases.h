/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vmemmap_sections_cases.h - ranges that cannot be added to a section, and why
 *
 * For the KUnit suite and for the user-space harness. A row is refused with its error
 * and one line, and changes nothing.
 */

/* So many page frames. */
struct vmemmap_count {
	long sections;
	long subsections;
	long pages;
};

static inline unsigned long vmemmap_count_pages(struct vmemmap_count nr)
{
	return nr.sections * PAGES_PER_SECTION + nr.subsections * PAGES_PER_SUBSECTION + nr.pages;
}

/* What a row's @first counts from. */
enum vmemmap_place {
	VMEMMAP_SECTION,		/* one without a memory map */
	VMEMMAP_LAST_SECTION_END,
	VMEMMAP_PFN_0,
};

struct vmemmap_refusal {
	const char *name;
	int err;
	struct vmemmap_count nr_pages;
	struct vmemmap_count first;
	/* a range of the section that was added before */
	struct vmemmap_count nr_live;
	struct vmemmap_count live_first;
	enum vmemmap_place place;
	unsigned long altmap_lacks;	/* pages; 0: there is no altmap */
	unsigned long compound_sections;	/* in each compound page; 0: there is none */
	bool has_leaf_above;	/* one above the PMD level is in the way */
};

static const struct vmemmap_refusal vmemmap_refusals[] = {
	{ "nothing", -EINVAL },
	{ "the start is within a subsection", -EINVAL, { 0, 1 }, .first = { 0, 0, 1 } },
	{ "the end is within a subsection", -EINVAL, { 0, 1, 1 } },
	{ "a piece of a subsection", -EINVAL, { 0, 0, 1 }, .first = { 0, 0, 1 } },
	{ "more than a section", -EINVAL, { 1, 1 } },
	{ "over the end of a section", -EINVAL, { 0, 2 }, .first = { 1, -1 } },
	{ "as many pages as a number can count", -EINVAL, { 0, -1 } },
	{ "a subsection beyond the last section", -EINVAL, { 0, 1 },
	  .place = VMEMMAP_LAST_SECTION_END },
	{ "a section beyond the last", -EINVAL, { 1 }, .place = VMEMMAP_LAST_SECTION_END },
	{ "the end is more than a number can count", -EINVAL, { 0, 1 }, .first = { 0, -1 },
	  .place = VMEMMAP_PFN_0 },
	{ "live already", -EEXIST, { 1 }, .nr_live = { 1 } },
	{ "the start is live already", -EEXIST, { 0, 2 }, .nr_live = { 0, 1 } },
	{ "the end is live already", -EEXIST, { 0, 2 }, .nr_live = { 0, 1 },
	  .live_first = { 0, 1 } },
	{ "the middle of a section is live already", -EEXIST, { 1 }, .nr_live = { 0, 1 },
	  .live_first = { 0, 1 } },
	{ "an altmap that does not cover its range", -ENOMEM, { 1 }, .altmap_lacks = 1 },
	{ "the tails of a compound page whose head is absent", -EINVAL, { 1 }, .first = { 1 },
	  .compound_sections = 2 },
	{ "a leaf where a table is needed", -EEXIST, { 1 }, .has_leaf_above = true },
};
