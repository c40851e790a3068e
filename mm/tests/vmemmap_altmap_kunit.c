// SPDX-License-Identifier: GPL-2.0
/*
 * vmemmap_altmap_kunit.c - blocks of a device
 *
 * The blocks are not looked into, so that the device need not exist.
 */
#include "vmemmap_kunit.h"

/*
 * The rows: an altmap, a block that is allocated or freed, and the altmap after. All
 * counts are pages, so that the rows hold for every page size; a block counts from
 * base_pfn, which is VMEMMAP_ALTMAP_BASE_PFN.
 */
#define VMEMMAP_ALTMAP_BASE_PFN	0x40000UL
#define MANY			BIT(40)
#define NONE			(~0UL)

struct vmemmap_altmap_case {
	const char *name;
	unsigned long reserve, free, align, alloc;
	unsigned long nr_pages;	/* of the block */
	unsigned long block;	/* where it is, or NONE */
	unsigned long align_after, alloc_after;
};

static const struct vmemmap_altmap_case vmemmap_altmap_cases[] = {
	{ "the first page lies behind the reserve",		 5, 10, 0,  0,    1,    5, 0,  1 },
	{ "the second page follows the first",			 5, 10, 0,  1,    1,    6, 0,  2 },
	{ "a block is aligned to its size",			 5, 16, 0,  0,    8,    8, 3,  8 },
	{ "an aligned start needs no padding",			 8,  8, 0,  0,    8,    8, 0,  8 },
	{ "padding adds up",					 0, 32, 3,  6,    4,   12, 6, 10 },
	{ "an odd length is aligned to the power of two in it",	 1, 31, 0,  0,   12,    4, 3, 12 },
	{ "padding is forgotten when nothing is allocated",	 0,  8, 5,  0,    8,    0, 0,  8 },
	{ "the last page can be allocated",			 2,  8, 0,  7,    1,    9, 0,  8 },
	{ "the last page can be allocated behind padding",	 0, 12, 1,  7,    4,    8, 1, 11 },
	{ "nothing is left",					 2,  8, 0,  8,    1, NONE, 0,  8 },
	{ "nothing is left behind padding",			 0,  8, 4,  4,    1, NONE, 4,  4 },
	{ "one page too few",					 0, 15, 0,  0,   16, NONE, 0,  0 },
	{ "one page too few because of padding",		 1, 16, 0,  0,   16, NONE, 0,  0 },
	{ "padding alone goes beyond the end",			 0, 20, 0, 17,   16, NONE, 0, 17 },
	{ "a block larger than any altmap",			 0, 16, 0,  1, MANY, NONE, 0,  1 },
	{ "no pages at all",					 0, 16, 0,  1,    0, NONE, 0,  1 },
	{ "an altmap that has shrunk below what is allocated",	 0,  5, 3,  6,    1, NONE, 3,  6 },
	{ "an altmap that has shrunk below its padding",	 0,  8, 3,  6,    1, NONE, 3,  6 },
	{ "an altmap without pages",				16,  0, 0,  0,    1, NONE, 0,  0 },
};

/* What is refused changes nothing. */
struct vmemmap_altmap_put_case {
	const char *name;
	unsigned long reserve, free, align, alloc;
	unsigned long block;
	unsigned int order;
	unsigned long align_after, alloc_after;
};

static const struct vmemmap_altmap_put_case vmemmap_altmap_put_cases[] = {
	{ "the last block steps back",				 5, 10, 1, 4, 8, 1, 1, 2 },
	{ "any other block leaves a hole",			 5, 10, 0, 3, 6, 0, 1, 2 },
	{ "the first block leaves a hole",			 4, 10, 1, 5, 4, 2, 5, 1 },
	{ "holes are forgotten when the only block steps back",	 2,  8, 5, 1, 7, 0, 0, 0 },
	{ "holes are forgotten when nothing is allocated",	 2,  8, 5, 1, 4, 0, 0, 0 },
	{ "all of it",						 8,  8, 0, 8, 8, 3, 0, 0 },
	{ "nothing is allocated",				 2,  8, 4, 0, 2, 0, 4, 0 },
	{ "more than is allocated",				 0,  8, 2, 3, 0, 2, 2, 3 },
	{ "the last block once more",				 1,  8, 0, 3, 4, 0, 0, 3 },
	{ "across the end of the last block",			 0,  8, 0, 3, 2, 1, 0, 3 },
	{ "across the end of the window",			 0,  6, 0, 6, 4, 2, 0, 6 },
	{ "across the start of the window",			 2,  6, 0, 6, 0, 2, 0, 6 },
	{ "around the window",					 2,  4, 0, 4, 0, 3, 0, 4 },
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
	return vmemmap_alloc_block_buf(PFN_PHYS(nr_pages), NUMA_NO_NODE, altmap);
}

static void altmap_allocates_as_the_row_says(struct kunit *test)
{
	const struct vmemmap_altmap_case *row = test->param_value;
	struct vmem_altmap altmap = altmap_at(row->reserve, row->free, row->align, row->alloc);
	void *expected = NULL;

	if (row->block != NONE)
		expected = __va(PFN_PHYS(VMEMMAP_ALTMAP_BASE_PFN + row->block));

	KUNIT_EXPECT_PTR_EQ(test, expected, altmap_alloc(&altmap, row->nr_pages));
	KUNIT_EXPECT_EQ(test, row->align_after, altmap.align);
	KUNIT_EXPECT_EQ(test, row->alloc_after, altmap.alloc);
}

static void altmap_frees_as_the_row_says(struct kunit *test)
{
	const struct vmemmap_altmap_put_case *row = test->param_value;
	struct vmem_altmap altmap = altmap_at(row->reserve, row->free, row->align, row->alloc);

	if (row->alloc_after == row->alloc)
		vmemmap_kunit_announce_warning(test);
	KUNIT_EXPECT_TRUE(test, vmemmap_put_altmap_block(&altmap, altmap.base_pfn + row->block,
							 row->order));
	KUNIT_EXPECT_EQ(test, row->align_after, altmap.align);
	KUNIT_EXPECT_EQ(test, row->alloc_after, altmap.alloc);
}

static void altmap_leaves_what_is_not_its_own(struct kunit *test)
{
	struct vmem_altmap altmap = altmap_of(4);

	KUNIT_EXPECT_NOT_NULL(test, altmap_alloc(&altmap, 4));
	KUNIT_EXPECT_FALSE(test, vmemmap_put_altmap_block(&altmap, altmap.base_pfn - 1, 0));
	KUNIT_EXPECT_FALSE(test, vmemmap_put_altmap_block(&altmap, altmap.base_pfn + 4, 2));
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
		KUNIT_EXPECT_NULL(test, vmemmap_alloc_block_buf(sizes[i], NUMA_NO_NODE, &altmap));
	KUNIT_EXPECT_EQ(test, 0, altmap.alloc);
	KUNIT_EXPECT_EQ(test, 0, altmap.align);
}

static void altmap_fails_when_exhausted_until_a_block_is_freed(struct kunit *test)
{
	struct vmem_altmap altmap = altmap_of(3);
	struct vmemmap_kunit *vk = test->priv;
	void *last = NULL;
	int i;

	for (i = 0; i < 3; i++)
		last = altmap_alloc(&altmap, 1);
	KUNIT_ASSERT_NOT_NULL(test, last);
	/* not even from RAM */
	KUNIT_EXPECT_NULL(test, altmap_alloc(&altmap, 1));
	KUNIT_EXPECT_EQ(test, 0, vk->nr_asked);

	vmem_altmap_free(&altmap, 1);
	KUNIT_EXPECT_PTR_EQ(test, last, altmap_alloc(&altmap, 1));
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

/* Each block in turn is freed, and allocated for another address. */
static void altmap_reuses_blocks_freed_in_any_order(struct kunit *test)
{
	struct vmem_altmap *memory = vmemmap_kunit_altmap(test, 0, 8);
	struct vmemmap_kunit *vk = test->priv;
	struct vmem_altmap altmap = altmap_of_window(vk, memory);
	const unsigned long end = vk->slot + 8 * PAGE_SIZE;
	unsigned long addr, pfn;

	vmemmap_kunit_map(test, vk->slot, end, .altmap = &altmap);
	for (addr = vk->slot; addr < end; addr += PAGE_SIZE) {
		pfn = vmemmap_kunit_leaf(addr).pfn;
		vmemmap_kunit_free(addr, addr + PAGE_SIZE, &altmap);
		vmemmap_kunit_map(test, end, end + PAGE_SIZE, .altmap = &altmap);
		KUNIT_EXPECT_EQ(test, pfn, vmemmap_kunit_leaf(end).pfn);
		KUNIT_EXPECT_EQ(test, 8, altmap.alloc);
		KUNIT_EXPECT_EQ(test, -ENOMEM,
				vmemmap_kunit_try_map(addr, addr + PAGE_SIZE, .altmap = &altmap));
		vmemmap_kunit_free(end, end + PAGE_SIZE, &altmap);
		vmemmap_kunit_map(test, addr, addr + PAGE_SIZE, .altmap = &altmap);
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

	vmemmap_kunit_map(test, slot, next, .huge = true, .altmap = &altmap);
	vmemmap_kunit_map(test, next, next + PAGE_SIZE, .altmap = &altmap);
	KUNIT_EXPECT_EQ(test, PMD_SIZE, vmemmap_kunit_leaf(slot).size);
	vmemmap_kunit_free(slot, next, &altmap);

	vmemmap_kunit_map(test, slot, next, .altmap = &altmap);
	KUNIT_EXPECT_EQ(test, memory->base_pfn, vmemmap_kunit_leaf(slot).pfn);
	KUNIT_EXPECT_EQ(test, PAGE_SIZE, vmemmap_kunit_leaf(slot).size);
	KUNIT_EXPECT_EQ(test, nr + 1, altmap.alloc);
	vmemmap_kunit_free(slot, next, &altmap);

	vmemmap_kunit_map(test, slot, next, .huge = true, .altmap = &altmap);
	KUNIT_EXPECT_EQ(test, PMD_SIZE, vmemmap_kunit_leaf(slot).size);
	vmemmap_kunit_free(slot, next + PAGE_SIZE, &altmap);
	KUNIT_EXPECT_EQ(test, 0, altmap.alloc);
}

static void altmap_never_reuses_a_block_that_is_not_mapped(struct kunit *test)
{
	struct vmem_altmap *memory = vmemmap_kunit_altmap(test, 0, 2);
	struct vmemmap_kunit *vk = test->priv;
	struct vmem_altmap altmap = altmap_of_window(vk, memory);

	vmemmap_kunit_map(test, vk->slot, vk->slot + PAGE_SIZE, .altmap = &altmap);
	KUNIT_EXPECT_NOT_NULL(test, vmemmap_alloc_block_buf(PAGE_SIZE, NUMA_NO_NODE, &altmap));
	vmemmap_kunit_free(vk->slot, vk->slot + PAGE_SIZE, &altmap);
	KUNIT_EXPECT_EQ(test, 1, altmap.alloc);
	KUNIT_EXPECT_NULL(test, vmemmap_alloc_block_buf(PAGE_SIZE, 0, &altmap));
	KUNIT_EXPECT_EQ(test, 1, altmap.alloc);
	KUNIT_EXPECT_EQ(test, 1, altmap.align);
}

static struct kunit_case vmemmap_altmap_kunit_cases[] = {
	KUNIT_CASE_PARAM(altmap_allocates_as_the_row_says, altmap_rows_gen_params),
	KUNIT_CASE_PARAM(altmap_frees_as_the_row_says, altmap_put_rows_gen_params),
	KUNIT_CASE(altmap_leaves_what_is_not_its_own),
	KUNIT_CASE(a_foreign_block_is_refused),
	KUNIT_CASE(altmap_refuses_a_part_of_a_page),
	KUNIT_CASE(altmap_fails_when_exhausted_until_a_block_is_freed),
	KUNIT_CASE(altmap_reuses_blocks_freed_in_any_order),
	KUNIT_CASE(altmap_reuses_a_leaf_for_pages_and_back),
	KUNIT_CASE(altmap_never_reuses_a_block_that_is_not_mapped),
	{}
};

VMEMMAP_KUNIT_SUITE(altmap, vmemmap_kunit_init, vmemmap_altmap_kunit_cases);
