// SPDX-License-Identifier: GPL-2.0
/*
 * vmemmap_ranges_kunit.c - several sections, as mm/memory_hotplug.c adds them
 */
#include "vmemmap_kunit_sections.h"

struct range_case {
	const char *name;
	unsigned long first;
	unsigned long nr_pages;
	unsigned long nr_compound;	/* 0: not in compound pages */
};

static const struct range_case range_cases[] = {
	{ "sections", 0, VMEMMAP_KUNIT_SECTIONS * PAGES_PER_SECTION },
	{ "a part, a section and a part", PAGES_PER_SECTION - VMEMMAP_KUNIT_PART,
	  PAGES_PER_SECTION + 2 * VMEMMAP_KUNIT_PART },
	{ "sections, two to a compound page", 0, VMEMMAP_KUNIT_SECTIONS * PAGES_PER_SECTION,
	  .nr_compound = 2 * PAGES_PER_SECTION },
};

KUNIT_ARRAY_PARAM_DESC(ranges, range_cases, name);

static int try_range(const struct vmemmap_addition *add)
{
	struct mhp_params params = {
		.pgprot = PAGE_KERNEL,
		.pgmap = add->pgmap,
	};

	return __add_pages(VMEMMAP_KUNIT_NID, add->pfn, add->nr_pages, &params);
}

static void remove_range(const struct vmemmap_addition *add)
{
	__remove_pages(add->pfn, add->nr_pages, NULL, add->pgmap);
}

static const struct vmemmap_kunit_way by_range = {
	.add = try_range,
	.remove = remove_range,
};

static struct vmemmap_addition *range_of(struct kunit *test, const struct range_case *row)
{
	struct vmemmap_addition *add = vmemmap_kunit_addition(test, row->first, row->nr_pages);

	add->way = &by_range;
	if (row->nr_compound)
		add->pgmap = vmemmap_kunit_device(test, row->nr_compound);
	return add;
}

/* Whichever allocation fails, of whichever section: none of them stays behind. */
static void a_range_is_added_as_a_whole_or_not_at_all(struct kunit *test)
{
	struct vmemmap_addition *add = range_of(test, test->param_value);

	KUNIT_EXPECT_GE(test, vmemmap_kunit_fail_in_turn(test, add), VMEMMAP_KUNIT_SECTIONS);
}

static void a_foreign_section_in_the_range_is_kept(struct kunit *test)
{
	struct vmemmap_addition *add = range_of(test, &range_cases[0]);
	struct vmemmap_addition *foreign =
		vmemmap_kunit_add_new(test, PAGES_PER_SECTION, VMEMMAP_KUNIT_PART);
	struct vmemmap_state before;

	vmemmap_kunit_write_memmap(foreign);
	before = vmemmap_kunit_state(add);
	KUNIT_ASSERT_EQ(test, -EEXIST, vmemmap_kunit_try_add(test, add));
	vmemmap_kunit_expect_state(test, add, &before);
	vmemmap_kunit_expect_memmap(test, foreign);

	vmemmap_kunit_remove(test, foreign);
	vmemmap_kunit_add(test, add);
}

/* Up to 1024 blocks and tables are gathered before a flush. */
static void a_range_is_removed_by_one_flush(struct kunit *test)
{
	struct vmemmap_addition *add = range_of(test, test->param_value);
	unsigned int most = 1, nr;

	vmemmap_kunit_add(test, add);
	if (vmemmap_kunit_leaf(memmap_start(add)).size == PAGE_SIZE)
		most += vmemmap_nr_pages(add->nr_pages) / 1024;
	nr = vmemmap_kunit_count_flushes(test, add);
	KUNIT_EXPECT_GE(test, nr, 1);
	KUNIT_EXPECT_LE(test, nr, most);
}

/* ---- A compound page of two sections ---- */

static void add_halves(struct kunit *test, struct vmemmap_addition *half[2])
{
	struct dev_pagemap *pgmap = vmemmap_kunit_device(test, 2 * PAGES_PER_SECTION);
	int i;

	for (i = 0; i < 2; i++) {
		half[i] = vmemmap_kunit_addition(test, i * PAGES_PER_SECTION, PAGES_PER_SECTION);
		half[i]->pgmap = pgmap;
		vmemmap_kunit_add(test, half[i]);
	}
}

static void the_tail_outlives_the_first_half(struct kunit *test)
{
	struct vmemmap_addition *half[2];
	unsigned long tail;

	add_halves(test, half);
	tail = memmap_start(half[1]);
	KUNIT_EXPECT_EQ(test, vmemmap_kunit_leaf(tail - PAGE_SIZE).pfn,
			vmemmap_kunit_leaf(tail).pfn);
	vmemmap_kunit_write(tail, tail + PAGE_SIZE);
	vmemmap_kunit_remove(test, half[0]);
	KUNIT_EXPECT_TRUE(test, vmemmap_kunit_is_live(half[1]));
	vmemmap_kunit_expect_written(test, tail, tail + PAGE_SIZE);
}

static struct kunit_case vmemmap_ranges_cases[] = {
	KUNIT_CASE_PARAM(a_range_is_added_as_a_whole_or_not_at_all, ranges_gen_params),
	KUNIT_CASE(a_foreign_section_in_the_range_is_kept),
	KUNIT_CASE_PARAM(a_range_is_removed_by_one_flush, ranges_gen_params),
	KUNIT_CASE(the_tail_outlives_the_first_half),
	{}
};

VMEMMAP_KUNIT_SUITE(ranges, vmemmap_kunit_init, vmemmap_ranges_cases);
