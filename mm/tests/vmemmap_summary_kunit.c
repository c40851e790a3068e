// SPDX-License-Identifier: GPL-2.0
/*
 * vmemmap_summary_kunit.c - how much memory the memory map takes
 *
 * The sums of an addition are those of a walk over its leaves, page by page.
 */
#include "vmemmap_add_cases.h"

/* What an addition takes, on all nodes. */
struct sums {
	unsigned long huge;
	unsigned long base;
	unsigned long shared;
};

static struct sums sums_by_summary(struct kunit *test, const struct vmemmap_addition *add)
{
	struct vmemmap_summary *summary = vmemmap_open_summary();
	struct sums sums;
	int nid;

	KUNIT_ASSERT_NOT_NULL(test, summary);
	vmemmap_sum_range(memmap_start(add), memmap_end(add), summary);
	KUNIT_EXPECT_GE(test, summary->end, memmap_end(add));

	sums = (struct sums){ summary->device.huge, summary->device.base };
	for (nid = 0; nid < MAX_NUMNODES; nid++) {
		const struct vmemmap_mapped *node = summary->node[nid];

		sums.huge += node[VMEMMAP_BY_BUDDY].huge;
		sums.base += node[VMEMMAP_BY_BUDDY].base;
		sums.shared += node[VMEMMAP_SHARED].base;
		/* After boot, nothing comes from memblock. */
		KUNIT_EXPECT_EQ(test, 0, node[VMEMMAP_BY_MEMBLOCK].base);
		KUNIT_EXPECT_EQ(test, 0, node[VMEMMAP_BY_MEMBLOCK].huge);
	}
	vmemmap_close_summary(summary);
	return sums;
}

static struct sums sums_by_walk(const struct vmemmap_addition *add)
{
	unsigned long addr = PAGE_ALIGN_DOWN(memmap_start(add));
	unsigned long last = -1, tail = -1;
	struct sums sums = {};

	while (addr < memmap_end(add)) {
		const struct vmemmap_leaf leaf = vmemmap_kunit_leaf(addr);

		if (leaf.size > PAGE_SIZE)
			sums.huge += leaf.size;
		else if (leaf.size && (leaf.pfn == last || leaf.pfn == tail))
			sums.shared += PAGE_SIZE;
		else if (leaf.size)
			sums.base += PAGE_SIZE;
		last = leaf.pfn;
		if (leaf.size == PAGE_SIZE && vmemmap_kunit_is_shared(addr))
			tail = leaf.pfn;
		addr = leaf.size ? ALIGN_DOWN(addr, leaf.size) + leaf.size : addr + PAGE_SIZE;
	}
	return sums;
}

static void a_memory_map_is_summed_up_leaf_by_leaf(struct kunit *test)
{
	const struct vmemmap_add_case *row = test->param_value;
	struct vmemmap_addition *add = vmemmap_addition_of(test, row);
	struct sums sums, walked;

	vmemmap_kunit_add(test, add);
	sums = sums_by_summary(test, add);
	walked = sums_by_walk(add);
	KUNIT_EXPECT_EQ(test, walked.huge, sums.huge);
	KUNIT_EXPECT_EQ(test, walked.base, sums.base);
	KUNIT_EXPECT_EQ(test, walked.shared, sums.shared);
	KUNIT_EXPECT_EQ(test, row->is_compound, sums.shared > 0);
	KUNIT_EXPECT_GE(test, sums.huge + sums.base + sums.shared,
			row->nr_pages * sizeof(struct page));

	vmemmap_kunit_remove(test, add);
	sums = sums_by_summary(test, add);
	KUNIT_EXPECT_EQ(test, 0, sums.huge + sums.base + sums.shared);
}

/* Neighbours that share a leaf pay for it once. */
static void a_leaf_of_two_ranges_is_summed_up_once(struct kunit *test)
{
	const unsigned long half = VMEMMAP_KUNIT_PART / 2 * sizeof(struct page);
	struct vmemmap_addition *add = vmemmap_kunit_add_new(test, 0, VMEMMAP_KUNIT_PART);
	struct vmemmap_summary *summary = vmemmap_open_summary();
	const struct sums all = sums_by_summary(test, add);
	unsigned long sum = 0;
	int nid;

	KUNIT_ASSERT_NOT_NULL(test, summary);
	vmemmap_sum_range(memmap_start(add), memmap_start(add) + half, summary);
	vmemmap_sum_range(memmap_start(add) + half, memmap_end(add), summary);
	for (nid = 0; nid < MAX_NUMNODES; nid++)
		sum += summary->node[nid][VMEMMAP_BY_BUDDY].base +
		       summary->node[nid][VMEMMAP_BY_BUDDY].huge;
	KUNIT_EXPECT_EQ(test, all.base + all.huge, sum);
	vmemmap_close_summary(summary);
	vmemmap_kunit_remove(test, add);
}

static struct kunit_case summary_kunit_cases[] = {
	KUNIT_CASE_PARAM(a_memory_map_is_summed_up_leaf_by_leaf, vmemmap_add_gen_params),
	KUNIT_CASE(a_leaf_of_two_ranges_is_summed_up_once),
	{}
};

VMEMMAP_KUNIT_SUITE(summary, vmemmap_kunit_init, summary_kunit_cases);
