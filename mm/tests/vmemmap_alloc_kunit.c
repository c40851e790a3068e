// SPDX-License-Identifier: GPL-2.0
/*
 * vmemmap_alloc_kunit.c - blocks of RAM
 *
 * After boot only; memblock's part is tested by the user-space harness.
 */
#include <kunit/test.h>

#include "../vmemmap_base.h"
#include "../vmemmap.h"

struct size_case {
	const char *name;
	unsigned long size;
};

static const struct size_case size_cases[] = {
	{ "a page", PAGE_SIZE },
	{ "two pages", 2 * PAGE_SIZE },
	{ "eight pages", 8 * PAGE_SIZE },
	{ "a PMD leaf", PMD_SIZE },
};

KUNIT_ARRAY_PARAM_DESC(size_cases, size_cases, name);

static void *alloc_or_skip(struct kunit *test, unsigned long size, int nid)
{
	void *block = vmemmap_alloc_block(size, nid);

	if (!block && size > PAGE_SIZE)
		kunit_skip(test, "no %#lx bytes in one piece", size);
	KUNIT_ASSERT_NOT_NULL(test, block);
	return block;
}

static void alloc_block_is_aligned_to_its_size(struct kunit *test)
{
	const struct size_case *row = test->param_value;
	void *block = alloc_or_skip(test, row->size, NUMA_NO_NODE);

	KUNIT_EXPECT_TRUE(test, IS_ALIGNED((unsigned long)block, row->size));
	free_pages((unsigned long)block, get_order(row->size));
}

/* What splits a block later relies on this. */
static void alloc_block_is_not_compound_and_has_one_reference(struct kunit *test)
{
	const struct size_case *row = test->param_value;
	void *block = alloc_or_skip(test, row->size, NUMA_NO_NODE);
	struct page *page = virt_to_page(block);

	KUNIT_EXPECT_FALSE(test, PageCompound(page));
	KUNIT_EXPECT_EQ(test, 1, page_count(page));
	if (row->size > PAGE_SIZE)
		KUNIT_EXPECT_EQ(test, 0, page_count(page + 1));
	free_pages((unsigned long)block, get_order(row->size));
}

static void alloc_prefers_node(struct kunit *test)
{
	int nid;

	if (num_node_state(N_MEMORY) < 2)
		kunit_skip(test, "one node only");

	for_each_node_state(nid, N_MEMORY) {
		void *block = alloc_or_skip(test, PAGE_SIZE, nid);

		KUNIT_EXPECT_EQ(test, nid, page_to_nid(virt_to_page(block)));
		free_page((unsigned long)block);
	}
}

static void alloc_block_beyond_the_largest_order_is_null(struct kunit *test)
{
	const unsigned long size = PAGE_SIZE << (MAX_PAGE_ORDER + 1);

	KUNIT_EXPECT_NULL(test, vmemmap_alloc_block(size, NUMA_NO_NODE));
	KUNIT_EXPECT_NULL(test, vmemmap_alloc_block_buf(size, NUMA_NO_NODE,
							NULL));
}

static void alloc_block_buf_without_altmap_gives_ram(struct kunit *test)
{
	void *block = vmemmap_alloc_block_buf(PAGE_SIZE, NUMA_NO_NODE, NULL);

	KUNIT_ASSERT_NOT_NULL(test, block);
	KUNIT_EXPECT_TRUE(test, virt_addr_valid(block));
	KUNIT_EXPECT_EQ(test, 1, page_count(virt_to_page(block)));
	free_page((unsigned long)block);
}

/* With a reference of our own nobody else can get the page meanwhile. */
static void free_block_gives_ram_back(struct kunit *test)
{
	const struct size_case *row = test->param_value;
	void *block = alloc_or_skip(test, row->size, NUMA_NO_NODE);
	struct page *page = virt_to_page(block);

	get_page(page);
	vmemmap_put_block(PHYS_PFN(__pa(block)), get_order(row->size), 1, NULL);
	KUNIT_EXPECT_EQ(test, 1, page_count(page));
	put_page(page);
}

static struct kunit_case vmemmap_alloc_cases[] = {
	KUNIT_CASE_PARAM(alloc_block_is_aligned_to_its_size,
			 size_cases_gen_params),
	KUNIT_CASE_PARAM(alloc_block_is_not_compound_and_has_one_reference,
			 size_cases_gen_params),
	KUNIT_CASE(alloc_prefers_node),
	KUNIT_CASE(alloc_block_beyond_the_largest_order_is_null),
	KUNIT_CASE(alloc_block_buf_without_altmap_gives_ram),
	KUNIT_CASE_PARAM(free_block_gives_ram_back, size_cases_gen_params),
	{}
};

static struct kunit_suite vmemmap_alloc_suite = {
	.name = "vmemmap_alloc",
	.test_cases = vmemmap_alloc_cases,
};

kunit_test_suite(vmemmap_alloc_suite);
