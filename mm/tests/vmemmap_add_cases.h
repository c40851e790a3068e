/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vmemmap_add_cases.h - ways to add page frames to one section
 *
 * All counts are page frames.
 */
#ifndef _MM_TESTS_VMEMMAP_ADD_CASES_H
#define _MM_TESTS_VMEMMAP_ADD_CASES_H

#include "vmemmap_kunit_sections.h"

struct vmemmap_add_case {
	const char *name;
	unsigned long first;	/* counted from the start of the window */
	unsigned long nr_pages;
	bool is_small;		/* every block larger than a page is refused */
	bool has_altmap;	/* the device provides its memory map */
	bool is_compound;	/* of VMEMMAP_KUNIT_COMPOUND_PAGES */
};

/* The struct pages of such a compound page fill 8 vmemmap pages. */
#define VMEMMAP_KUNIT_COMPOUND_PAGES	(8 * PFNS_PER_VMEMMAP_PAGE)

static const struct vmemmap_add_case vmemmap_add_cases[] = {
	{ "a section", 0, PAGES_PER_SECTION },
	{ "a section in base pages", 0, PAGES_PER_SECTION, .is_small = true },
	{ "a section with memory from its device", 0, PAGES_PER_SECTION, .has_altmap = true },
	{ "a section of compound pages", 0, PAGES_PER_SECTION, .is_compound = true },
	{ "a subsection", PAGES_PER_SUBSECTION, PAGES_PER_SUBSECTION },
	{ "subsections with memory from their device", PAGES_PER_SUBSECTION,
	  3 * PAGES_PER_SUBSECTION, .has_altmap = true },
	{ "the last part of a section", PAGES_PER_SECTION - VMEMMAP_KUNIT_PART,
	  VMEMMAP_KUNIT_PART },
	{ "a compound page", VMEMMAP_KUNIT_COMPOUND_PAGES, VMEMMAP_KUNIT_COMPOUND_PAGES,
	  .is_compound = true },
};

KUNIT_ARRAY_PARAM_DESC(vmemmap_add, vmemmap_add_cases, name);

static struct vmemmap_addition *
vmemmap_addition_of(struct kunit *test, const struct vmemmap_add_case *row)
{
	struct vmemmap_addition *add = vmemmap_kunit_addition(test, row->first, row->nr_pages);
	struct vmemmap_kunit *vk = test->priv;

	if (row->is_small)
		vk->max_size = PAGE_SIZE;
	if (row->is_compound)
		add->pgmap = vmemmap_kunit_device(test, VMEMMAP_KUNIT_COMPOUND_PAGES);
	if (row->has_altmap)
		add->altmap = vmemmap_kunit_altmap(test, 0, vmemmap_nr_pages(row->nr_pages));
	return add;
}

#endif /* _MM_TESTS_VMEMMAP_ADD_CASES_H */
