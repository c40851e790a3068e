// SPDX-License-Identifier: GPL-2.0
/*
 * vmemmap_alloc_kunit.c - blocks of RAM
 *
 * After boot only; the user-space harness tests blocks from memblock.
 */
#include <kunit/test.h>

#include "../vmemmap_base.h"
#include "../vmemmap.h"

struct size_case {
	const char *name;
	unsigned int nr_pages;	/* 0: as many as a PMD leaf maps */
};

static const struct size_case size_cases[] = {
	{ "a page", 1 },
	{ "two pages", 2 },
	{ "eight pages", 8 },
	{ "a PMD leaf", 0 },
};

KUNIT_ARRAY_PARAM_DESC(sizes, size_cases, name);

/* PMD_SIZE is a variable on some architectures. */
static unsigned long size_of_row(const struct size_case *row)
{
	return row->nr_pages ? row->nr_pages * PAGE_SIZE : PMD_SIZE;
}

static void *alloc_or_skip(struct kunit *test, unsigned long size, int nid)
{
	void *block = vmemmap_alloc_block(size, nid);

	if (!block && size > PAGE_SIZE)
		kunit_skip(test, "no %#lx bytes are free in one piece", size);
	KUNIT_ASSERT_NOT_NULL(test, block);
	return block;
}

/*
 * Code that splits a block later relies on its form. The reference taken here
 * keeps the page from being allocated by others once the block is put.
 */
static void a_block_is_aligned_not_compound_and_freed_by_one_put(struct kunit *test)
{
	const unsigned long size = size_of_row(test->param_value);
	void *block = alloc_or_skip(test, size, NUMA_NO_NODE);
	struct page *page = virt_to_page(block);

	KUNIT_EXPECT_TRUE(test, IS_ALIGNED((unsigned long)block, size));
	KUNIT_EXPECT_FALSE(test, PageCompound(page));
	KUNIT_EXPECT_EQ(test, 1, page_count(page));
	if (size > PAGE_SIZE)
		KUNIT_EXPECT_EQ(test, 0, page_count(page + 1));

	get_page(page);
	vmemmap_put_block(page_to_pfn(page), get_order(size), 1, NULL);
	KUNIT_EXPECT_EQ(test, 1, page_count(page));
	put_page(page);
}

static void a_block_comes_from_its_node(struct kunit *test)
{
	int nid;

	if (num_node_state(N_MEMORY) < 2)
		kunit_skip(test, "only one node has memory");

	for_each_node_state(nid, N_MEMORY) {
		void *block = alloc_or_skip(test, PAGE_SIZE, nid);

		KUNIT_EXPECT_EQ(test, nid, page_to_nid(virt_to_page(block)));
		free_page((unsigned long)block);
	}
}

static void a_block_beyond_the_largest_order_is_null(struct kunit *test)
{
	const unsigned long size = PAGE_SIZE << (MAX_PAGE_ORDER + 1);

	KUNIT_EXPECT_NULL(test, vmemmap_alloc_block(size, NUMA_NO_NODE));
	KUNIT_EXPECT_NULL(test, vmemmap_alloc_block_buf(size, NUMA_NO_NODE,
							NULL));
}

static void a_block_without_an_altmap_is_ram(struct kunit *test)
{
	void *block = vmemmap_alloc_block_buf(PAGE_SIZE, NUMA_NO_NODE, NULL);

	KUNIT_ASSERT_NOT_NULL(test, block);
	KUNIT_EXPECT_TRUE(test, virt_addr_valid(block));
	KUNIT_EXPECT_EQ(test, 1, page_count(virt_to_page(block)));
	free_page((unsigned long)block);
}

static struct kunit_case vmemmap_alloc_cases[] = {
	KUNIT_CASE_PARAM(a_block_is_aligned_not_compound_and_freed_by_one_put,
			 sizes_gen_params),
	KUNIT_CASE(a_block_comes_from_its_node),
	KUNIT_CASE(a_block_beyond_the_largest_order_is_null),
	KUNIT_CASE(a_block_without_an_altmap_is_ram),
	{}
};

static struct kunit_suite vmemmap_alloc_suite = {
	.name = "vmemmap_alloc",
	.test_cases = vmemmap_alloc_cases,
};

kunit_test_suite(vmemmap_alloc_suite);
