// SPDX-License-Identifier: GPL-2.0
/*
 * vmemmap_altmap_kunit.c - blocks of a device
 *
 * The blocks are not looked into, so that the device need not exist.
 */
#include "vmemmap_kunit.h"

/*
 * The rows: a window, a block that is allocated or freed, and the window after. All
 * counts are pages, so that the rows hold for every page size. base_pfn is
 * VMEMMAP_ALTMAP_BASE_PFN.
 */
#define VMEMMAP_ALTMAP_BASE_PFN	0x40000UL
#define VMEMMAP_NO_BLOCK	(~0UL)

struct vmemmap_altmap_case {
	const char *name;
	/* the altmap before */
	unsigned long reserve;
	unsigned long free;
	unsigned long align;
	unsigned long alloc;
	/* the size allocated */
	unsigned long nr_pages;
	/* the answer, counted from base_pfn; and the altmap after */
	unsigned long block;
	unsigned long align_after;
	unsigned long alloc_after;
};

static const struct vmemmap_altmap_case vmemmap_altmap_cases[] = {
	{
		.name = "the first page lies behind the reserve",
		.reserve = 5, .free = 10, .nr_pages = 1,
		.block = 5, .alloc_after = 1,
	}, {
		.name = "the second page follows the first",
		.reserve = 5, .free = 10, .alloc = 1, .nr_pages = 1,
		.block = 6, .alloc_after = 2,
	}, {
		.name = "a block is aligned to its size",
		.reserve = 5, .free = 16, .nr_pages = 8,
		.block = 8, .align_after = 3, .alloc_after = 8,
	}, {
		.name = "an aligned start needs no padding",
		.reserve = 8, .free = 8, .nr_pages = 8,
		.block = 8, .alloc_after = 8,
	}, {
		.name = "padding adds up",
		.free = 32, .align = 3, .alloc = 6, .nr_pages = 4,
		.block = 12, .align_after = 6, .alloc_after = 10,
	}, {
		.name = "an odd length is aligned to the power of two in it",
		.reserve = 1, .free = 31, .nr_pages = 12,
		.block = 4, .align_after = 3, .alloc_after = 12,
	}, {
		.name = "padding is forgotten when nothing is allocated",
		.free = 8, .align = 5, .nr_pages = 8,
		.block = 0, .alloc_after = 8,
	}, {
		.name = "the last page can be allocated",
		.reserve = 2, .free = 8, .alloc = 7, .nr_pages = 1,
		.block = 9, .alloc_after = 8,
	}, {
		.name = "the last page can be allocated behind padding",
		.free = 12, .align = 1, .alloc = 7, .nr_pages = 4,
		.block = 8, .align_after = 1, .alloc_after = 11,
	}, {
		.name = "nothing is left",
		.reserve = 2, .free = 8, .alloc = 8, .nr_pages = 1,
		.block = VMEMMAP_NO_BLOCK, .alloc_after = 8,
	}, {
		.name = "nothing is left behind padding",
		.free = 8, .align = 4, .alloc = 4, .nr_pages = 1,
		.block = VMEMMAP_NO_BLOCK, .align_after = 4, .alloc_after = 4,
	}, {
		.name = "one page too few",
		.free = 15, .nr_pages = 16,
		.block = VMEMMAP_NO_BLOCK,
	}, {
		.name = "one page too few because of padding",
		.reserve = 1, .free = 16, .nr_pages = 16,
		.block = VMEMMAP_NO_BLOCK,
	}, {
		.name = "padding alone goes beyond the end",
		.free = 20, .alloc = 17, .nr_pages = 16,
		.block = VMEMMAP_NO_BLOCK, .alloc_after = 17,
	}, {
		.name = "a block larger than any altmap",
		.free = 16, .alloc = 1, .nr_pages = 1UL << 40,
		.block = VMEMMAP_NO_BLOCK, .alloc_after = 1,
	}, {
		.name = "no pages at all",
		.free = 16, .alloc = 1, .nr_pages = 0,
		.block = VMEMMAP_NO_BLOCK, .alloc_after = 1,
	}, {
		.name = "an altmap that has shrunk below what is allocated",
		.free = 5, .align = 3, .alloc = 6, .nr_pages = 1,
		.block = VMEMMAP_NO_BLOCK, .align_after = 3, .alloc_after = 6,
	}, {
		.name = "an altmap that has shrunk below its padding",
		.free = 8, .align = 3, .alloc = 6, .nr_pages = 1,
		.block = VMEMMAP_NO_BLOCK, .align_after = 3, .alloc_after = 6,
	}, {
		.name = "an altmap without pages",
		.reserve = 16, .nr_pages = 1,
		.block = VMEMMAP_NO_BLOCK,
	},
};

struct vmemmap_altmap_put_case {
	const char *name;
	/* the altmap before */
	unsigned long reserve;
	unsigned long free;
	unsigned long align;
	unsigned long alloc;
	/* the block freed, counted from base_pfn; if it is refused, nothing changes */
	unsigned long block;
	unsigned int order;
	bool is_refused;
	/* the altmap after */
	unsigned long align_after;
	unsigned long alloc_after;
};

static const struct vmemmap_altmap_put_case vmemmap_altmap_put_cases[] = {
	{
		.name = "the last block steps back",
		.reserve = 5, .free = 10, .align = 1, .alloc = 4,
		.block = 8, .order = 1, .align_after = 1, .alloc_after = 2,
	}, {
		.name = "any other block leaves a hole",
		.reserve = 5, .free = 10, .alloc = 3,
		.block = 6, .align_after = 1, .alloc_after = 2,
	}, {
		.name = "the first block leaves a hole",
		.reserve = 4, .free = 10, .align = 1, .alloc = 5,
		.block = 4, .order = 2, .align_after = 5, .alloc_after = 1,
	}, {
		.name = "holes are forgotten when the last one of all steps back",
		.reserve = 2, .free = 8, .align = 5, .alloc = 1,
		.block = 7,
	}, {
		.name = "holes are forgotten when nothing is allocated",
		.reserve = 2, .free = 8, .align = 5, .alloc = 1,
		.block = 4,
	}, {
		.name = "all of it",
		.reserve = 8, .free = 8, .alloc = 8,
		.block = 8, .order = 3,
	}, {
		.name = "nothing is allocated",
		.reserve = 2, .free = 8, .align = 4,
		.block = 2, .is_refused = true, .align_after = 4,
	}, {
		.name = "more than is allocated",
		.free = 8, .align = 2, .alloc = 3,
		.block = 0, .order = 2, .is_refused = true,
		.align_after = 2, .alloc_after = 3,
	}, {
		.name = "the last block once more",
		.reserve = 1, .free = 8, .alloc = 3,
		.block = 4, .is_refused = true, .alloc_after = 3,
	}, {
		.name = "across the end of the last block",
		.free = 8, .alloc = 3,
		.block = 2, .order = 1, .is_refused = true, .alloc_after = 3,
	}, {
		.name = "across the end of the window",
		.free = 6, .alloc = 6,
		.block = 4, .order = 2, .is_refused = true, .alloc_after = 6,
	}, {
		.name = "across the start of the window",
		.reserve = 2, .free = 6, .alloc = 6,
		.block = 0, .order = 2, .is_refused = true, .alloc_after = 6,
	}, {
		.name = "around the window",
		.reserve = 2, .free = 4, .alloc = 4,
		.block = 0, .order = 3, .is_refused = true, .alloc_after = 4,
	},
};

KUNIT_ARRAY_PARAM_DESC(altmap_rows, vmemmap_altmap_cases, name);
KUNIT_ARRAY_PARAM_DESC(altmap_put_rows, vmemmap_altmap_put_cases, name);

/* A device after some of its blocks were allocated and freed; all in pages. */
static struct vmem_altmap altmap_at(unsigned long reserve, unsigned long free,
				    unsigned long align, unsigned long alloc)
{
	return (struct vmem_altmap) {
		.base_pfn = VMEMMAP_ALTMAP_BASE_PFN,
		.reserve = reserve,
		.free = free,
		.align = align,
		.alloc = alloc,
	};
}

/* One with a window of @free pages, none of them allocated. */
static struct vmem_altmap altmap_of(unsigned long free)
{
	return altmap_at(0, free, 0, 0);
}

static void *altmap_alloc(struct vmem_altmap *altmap, unsigned long nr_pages)
{
	return vmemmap_alloc_block_buf(PFN_PHYS(nr_pages), NUMA_NO_NODE,
				       altmap);
}

static void altmap_allocates_as_the_row_says(struct kunit *test)
{
	const struct vmemmap_altmap_case *row = test->param_value;
	struct vmem_altmap altmap = altmap_at(row->reserve, row->free,
					      row->align, row->alloc);
	void *expected = NULL;

	if (row->block != VMEMMAP_NO_BLOCK)
		expected = __va(PFN_PHYS(VMEMMAP_ALTMAP_BASE_PFN + row->block));

	KUNIT_EXPECT_PTR_EQ(test, expected,
			    altmap_alloc(&altmap, row->nr_pages));
	KUNIT_EXPECT_EQ(test, row->align_after, altmap.align);
	KUNIT_EXPECT_EQ(test, row->alloc_after, altmap.alloc);
}

static void altmap_frees_as_the_row_says(struct kunit *test)
{
	const struct vmemmap_altmap_put_case *row = test->param_value;
	struct vmem_altmap altmap = altmap_at(row->reserve, row->free,
					      row->align, row->alloc);

	if (row->is_refused)
		vmemmap_kunit_announce_warning(test);
	KUNIT_EXPECT_TRUE(test, vmemmap_put_altmap_block(&altmap,
							 altmap.base_pfn + row->block,
							 row->order));
	KUNIT_EXPECT_EQ(test, row->align_after, altmap.align);
	KUNIT_EXPECT_EQ(test, row->alloc_after, altmap.alloc);
}

static void altmap_leaves_what_is_not_its_own(struct kunit *test)
{
	struct vmem_altmap altmap = altmap_of(4);

	KUNIT_EXPECT_NOT_NULL(test, altmap_alloc(&altmap, 4));
	KUNIT_EXPECT_FALSE(test, vmemmap_put_altmap_block(&altmap,
							  altmap.base_pfn - 1, 0));
	KUNIT_EXPECT_FALSE(test, vmemmap_put_altmap_block(&altmap,
							  altmap.base_pfn + 4, 2));
	KUNIT_EXPECT_EQ(test, 4, altmap.alloc);
}

/* The page frames of the window have no struct pages. */
static void a_foreign_block_is_refused(struct kunit *test)
{
	struct vmem_altmap altmap = altmap_of(4);
	struct vmemmap_kunit *vk = test->priv;

	altmap.base_pfn = vk->pfn + 4;
	KUNIT_EXPECT_NOT_NULL(test, altmap_alloc(&altmap, 4));
	vmemmap_kunit_announce_warning(test);
	vmemmap_put_block(vk->pfn, 0, 1, NULL);
	vmemmap_put_block(vk->pfn, 0, 1, &altmap);
	KUNIT_EXPECT_EQ(test, 4, altmap.alloc);
}

static void altmap_refuses_a_part_of_a_page(struct kunit *test)
{
	const unsigned long sizes[] = { 0, PAGE_SIZE / 2, PAGE_SIZE + 8 };
	struct vmem_altmap altmap = altmap_of(16);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		KUNIT_EXPECT_NULL(test, vmemmap_alloc_block_buf(sizes[i],
								NUMA_NO_NODE,
								&altmap));
	KUNIT_EXPECT_EQ(test, 0, altmap.alloc);
	KUNIT_EXPECT_EQ(test, 0, altmap.align);
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

static void altmap_never_falls_back_to_ram(struct kunit *test)
{
	struct vmem_altmap altmap = altmap_of(1);
	struct vmemmap_kunit *vk = test->priv;

	KUNIT_EXPECT_NOT_NULL(test, altmap_alloc(&altmap, 1));
	KUNIT_EXPECT_NULL(test, altmap_alloc(&altmap, 1));
	KUNIT_EXPECT_EQ(test, 0, vk->nr_asked);
}

/* ---- Holes ---- */

/* As if @memory lay in the window of the case, and so described itself. */
static struct vmem_altmap altmap_of_window(const struct vmemmap_kunit *vk,
					   const struct vmem_altmap *memory)
{
	return (struct vmem_altmap) {
		.base_pfn = vk->pfn,
		.end_pfn = vk->pfn + vk->nr_pages - 1,
		.reserve = memory->base_pfn + memory->reserve - vk->pfn,
		.free = memory->free,
	};
}

static int fill(unsigned long start, unsigned long end, bool huge,
		struct vmem_altmap *altmap)
{
	const struct vmemmap_fill what = {
		.nid = VMEMMAP_KUNIT_NID,
		.huge = huge,
		.altmap = altmap,
	};

	return vmemmap_kunit_fill(start, end, &what);
}

/* Each block in turn is freed, and allocated for another address. */
static void altmap_reuses_blocks_freed_in_any_order(struct kunit *test)
{
	struct vmem_altmap *memory = vmemmap_kunit_altmap(test, 0, 8);
	struct vmemmap_kunit *vk = test->priv;
	struct vmem_altmap altmap = altmap_of_window(vk, memory);
	const unsigned long end = vk->slot + 8 * PAGE_SIZE;
	unsigned long addr, pfn;

	KUNIT_ASSERT_EQ(test, 0, fill(vk->slot, end, false, &altmap));
	for (addr = vk->slot; addr < end; addr += PAGE_SIZE) {
		pfn = vmemmap_kunit_leaf(addr).pfn;
		vmemmap_kunit_free(addr, addr + PAGE_SIZE, &altmap);
		KUNIT_ASSERT_EQ(test, 0, fill(end, end + PAGE_SIZE, false,
					      &altmap));
		KUNIT_EXPECT_EQ(test, pfn, vmemmap_kunit_leaf(end).pfn);
		KUNIT_EXPECT_EQ(test, 8, altmap.alloc);
		KUNIT_EXPECT_EQ(test, -ENOMEM, fill(addr, addr + PAGE_SIZE,
						    false, &altmap));
		vmemmap_kunit_free(end, end + PAGE_SIZE, &altmap);
		KUNIT_ASSERT_EQ(test, 0, fill(addr, addr + PAGE_SIZE, false,
					      &altmap));
	}
	vmemmap_kunit_free(vk->slot, end, &altmap);
	KUNIT_EXPECT_EQ(test, 0, altmap.alloc);
	KUNIT_EXPECT_EQ(test, 0, altmap.align);
}

/* A huge leaf and base pages use the same place in turn. */
static void altmap_reuses_a_leaf_for_pages_and_back(struct kunit *test)
{
	const unsigned long nr = 1UL << PMD_ORDER;
	struct vmem_altmap *memory = vmemmap_kunit_altmap(test, 0, nr + 1);
	struct vmemmap_kunit *vk = test->priv;
	struct vmem_altmap altmap = altmap_of_window(vk, memory);
	const unsigned long slot = vk->slot, next = slot + PMD_SIZE;

	KUNIT_ASSERT_EQ(test, 0, fill(slot, next, true, &altmap));
	KUNIT_ASSERT_EQ(test, 0, fill(next, next + PAGE_SIZE, false, &altmap));
	KUNIT_EXPECT_EQ(test, PMD_SIZE, vmemmap_kunit_leaf(slot).size);
	vmemmap_kunit_free(slot, next, &altmap);

	KUNIT_ASSERT_EQ(test, 0, fill(slot, next, false, &altmap));
	KUNIT_EXPECT_EQ(test, memory->base_pfn, vmemmap_kunit_leaf(slot).pfn);
	KUNIT_EXPECT_EQ(test, PAGE_SIZE, vmemmap_kunit_leaf(slot).size);
	KUNIT_EXPECT_EQ(test, nr + 1, altmap.alloc);
	vmemmap_kunit_free(slot, next, &altmap);

	KUNIT_ASSERT_EQ(test, 0, fill(slot, next, true, &altmap));
	KUNIT_EXPECT_EQ(test, PMD_SIZE, vmemmap_kunit_leaf(slot).size);
	vmemmap_kunit_free(slot, next + PAGE_SIZE, &altmap);
	KUNIT_EXPECT_EQ(test, 0, altmap.alloc);
}

static void altmap_never_reuses_a_block_that_is_not_mapped(struct kunit *test)
{
	struct vmem_altmap *memory = vmemmap_kunit_altmap(test, 0, 2);
	struct vmemmap_kunit *vk = test->priv;
	struct vmem_altmap altmap = altmap_of_window(vk, memory);

	KUNIT_ASSERT_EQ(test, 0, fill(vk->slot, vk->slot + PAGE_SIZE, false,
				      &altmap));
	KUNIT_EXPECT_NOT_NULL(test, vmemmap_alloc_block_buf(PAGE_SIZE,
							    NUMA_NO_NODE,
							    &altmap));
	vmemmap_kunit_free(vk->slot, vk->slot + PAGE_SIZE, &altmap);
	KUNIT_EXPECT_EQ(test, 1, altmap.alloc);
	KUNIT_EXPECT_NULL(test, vmemmap_alloc_block_buf(PAGE_SIZE, 0, &altmap));
	KUNIT_EXPECT_EQ(test, 1, altmap.alloc);
	KUNIT_EXPECT_EQ(test, 1, altmap.align);
}

static struct kunit_case vmemmap_altmap_kunit_cases[] = {
	KUNIT_CASE_PARAM(altmap_allocates_as_the_row_says,
			 altmap_rows_gen_params),
	KUNIT_CASE_PARAM(altmap_frees_as_the_row_says,
			 altmap_put_rows_gen_params),
	KUNIT_CASE(altmap_leaves_what_is_not_its_own),
	KUNIT_CASE(a_foreign_block_is_refused),
	KUNIT_CASE(altmap_refuses_a_part_of_a_page),
	KUNIT_CASE(altmap_fails_when_exhausted_until_a_block_is_freed),
	KUNIT_CASE(altmap_never_falls_back_to_ram),
	KUNIT_CASE(altmap_reuses_blocks_freed_in_any_order),
	KUNIT_CASE(altmap_reuses_a_leaf_for_pages_and_back),
	KUNIT_CASE(altmap_never_reuses_a_block_that_is_not_mapped),
	{}
};

static struct kunit_suite vmemmap_altmap_suite = {
	.name = "vmemmap_altmap",
	.init = vmemmap_kunit_init,
	.test_cases = vmemmap_altmap_kunit_cases,
};

kunit_test_suite(vmemmap_altmap_suite);
