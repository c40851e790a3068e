// SPDX-License-Identifier: GPL-2.0
/*
 * vmemmap_altmap_kunit.c - blocks that a device brings with it
 *
 * The blocks are not looked into, so that the device need not exist.
 */
#include <kunit/static_stub.h>
#include <kunit/test.h>

#include "../vmemmap_base.h"
#include "../vmemmap.h"
#include "vmemmap_altmap_cases.h"

KUNIT_ARRAY_PARAM_DESC(altmap_rows, vmemmap_altmap_cases, name);

/* A device with @free pages for its memory map, none of them taken. */
static struct vmem_altmap altmap_of(unsigned long free)
{
	return (struct vmem_altmap) {
		.base_pfn = VMEMMAP_ALTMAP_BASE_PFN,
		.free = free,
	};
}

static void *altmap_alloc(struct vmem_altmap *altmap, unsigned long nr_pages)
{
	return vmemmap_alloc_block_buf(PFN_PHYS(nr_pages), NUMA_NO_NODE,
				       altmap);
}

static void altmap_answers_as_the_row_says(struct kunit *test)
{
	const struct vmemmap_altmap_case *row = test->param_value;
	struct vmem_altmap altmap = {
		.base_pfn = VMEMMAP_ALTMAP_BASE_PFN,
		.reserve = row->reserve,
		.free = row->free,
		.align = row->align,
		.alloc = row->alloc,
	};
	void *expected = NULL;

	if (row->block != VMEMMAP_NO_BLOCK)
		expected = __va(PFN_PHYS(VMEMMAP_ALTMAP_BASE_PFN + row->block));

	KUNIT_EXPECT_PTR_EQ(test, expected,
			    altmap_alloc(&altmap, row->nr_pages));
	KUNIT_EXPECT_EQ(test, row->align_after, altmap.align);
	KUNIT_EXPECT_EQ(test, row->alloc_after, altmap.alloc);
}

static void altmap_refuses_a_part_of_a_page(struct kunit *test)
{
	struct vmem_altmap altmap = altmap_of(16);

	KUNIT_EXPECT_NULL(test, vmemmap_alloc_block_buf(PAGE_SIZE + 8,
							NUMA_NO_NODE,
							&altmap));
	KUNIT_EXPECT_EQ(test, 0, altmap.alloc);
}

/* Whatever is asked for, until there is nothing left. */
static void altmap_blocks_lie_inside_the_window_and_apart(struct kunit *test)
{
	struct vmem_altmap altmap = {
		.base_pfn = VMEMMAP_ALTMAP_BASE_PFN,
		.reserve = 3,
		.free = 500,
	};
	const unsigned long start = altmap.base_pfn + altmap.reserve;
	const unsigned long end = start + altmap.free;
	unsigned long pfn, order = 0, next = start;
	void *block;

	while ((block = altmap_alloc(&altmap, 1UL << order))) {
		pfn = PHYS_PFN(__pa(block));
		KUNIT_EXPECT_GE(test, pfn, next);
		KUNIT_EXPECT_TRUE(test, IS_ALIGNED(pfn, 1UL << order));
		next = pfn + (1UL << order);
		KUNIT_EXPECT_LE(test, next, end);
		order = (order + 3) % 5;
	}
	KUNIT_EXPECT_LT(test, end - next, 16);
	KUNIT_EXPECT_EQ(test, next - start, altmap.alloc + altmap.align);
}

static void altmap_fails_when_exhausted_until_a_block_is_freed(struct kunit *test)
{
	struct vmem_altmap altmap = altmap_of(3);
	void *last = NULL;
	int i;

	for (i = 0; i < 3; i++)
		last = altmap_alloc(&altmap, 1);
	KUNIT_ASSERT_NOT_NULL(test, last);
	KUNIT_EXPECT_NULL(test, altmap_alloc(&altmap, 1));

	vmem_altmap_free(&altmap, 1);
	KUNIT_EXPECT_PTR_EQ(test, last, altmap_alloc(&altmap, 1));
}

static void *no_ram(unsigned long size, int nid)
{
	KUNIT_FAIL(kunit_get_current_test(), "RAM was asked for");
	return NULL;
}

static void altmap_never_falls_back_to_ram(struct kunit *test)
{
	struct vmem_altmap altmap = altmap_of(1);

	kunit_activate_static_stub(test, vmemmap_alloc_block, no_ram);
	KUNIT_EXPECT_NOT_NULL(test, altmap_alloc(&altmap, 1));
	KUNIT_EXPECT_NULL(test, altmap_alloc(&altmap, 1));
}

static struct kunit_case vmemmap_altmap_kunit_cases[] = {
	KUNIT_CASE_PARAM(altmap_answers_as_the_row_says,
			 altmap_rows_gen_params),
	KUNIT_CASE(altmap_refuses_a_part_of_a_page),
	KUNIT_CASE(altmap_blocks_lie_inside_the_window_and_apart),
	KUNIT_CASE(altmap_fails_when_exhausted_until_a_block_is_freed),
	KUNIT_CASE(altmap_never_falls_back_to_ram),
	{}
};

static struct kunit_suite vmemmap_altmap_suite = {
	.name = "vmemmap_altmap",
	.test_cases = vmemmap_altmap_kunit_cases,
};

kunit_test_suite(vmemmap_altmap_suite);
