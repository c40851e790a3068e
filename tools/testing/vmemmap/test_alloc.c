// SPDX-License-Identifier: GPL-2.0
/* test_alloc.c - blocks of RAM: memblock, buddy allocator */
#include "soft.h"

/* ---- RAM ---- */

/* Where a page is that is asked for on @node. */
static int nid_of_page(int node)
{
	return ram_nid(block_pfn(vmemmap_alloc_block(PAGE_SIZE, node)));
}

static unsigned long alloc_aligned_block(unsigned int order, enum page_state state)
{
	const int nid = order % NR_NODES;
	const unsigned long pfn = block_pfn(vmemmap_alloc_block(PAGE_SIZE << order, nid));

	EXPECT_EQ(ram_page(pfn)->state, state);
	EXPECT_EQ(ram_nid(pfn), nid);
	EXPECT(IS_ALIGNED(pfn, BIT(order)));
	return pfn;
}

TEST(a_block_from_the_buddy_allocator_is_not_compound, BARE)
{
	for (unsigned int order = 0; order <= geo.max_order && geo.ram_pages >> order >= 2;
	     order++) {
		unsigned long pfn;

		machine.knobs.needs_reclaim[order % NR_NODES] = order == geo.max_order;
		pfn = alloc_aligned_block(order, PAGE_BLOCK);
		EXPECT_EQ(ram_page(pfn)->order, order);
		EXPECT_EQ(ram_page(pfn)->refs, 1);
		vmemmap_put_block(pfn, order, 1, NULL);
	}
	EXPECT_EQ(machine.nr_used_pages, 0);
	expect_messages(0);
	block_pfn(vmemmap_alloc_block(PAGE_SIZE, NUMA_NO_NODE));
}

TEST(an_early_block_comes_from_memblock, EARLY)
{
	for (unsigned int order = 0; order < 4; order++) {
		const unsigned long pfn = alloc_aligned_block(order, PAGE_BOOT);

		for (unsigned long i = 0; i < BIT(order); i++)
			EXPECT_EQ(ram_page(pfn + i)->state, PAGE_BOOT);
		EXPECT(pfn >= PHYS_PFN(soft_dma_end()));
		vmemmap_put_block(pfn, order, 1, NULL);
	}
	EXPECT_EQ(machine.nr_used_pages, 0);
	block_pfn(vmemmap_alloc_block(PAGE_SIZE, NUMA_NO_NODE));
}

TEST(a_page_is_reclaimed_on_its_node_before_another_is_asked, BARE)
{
	EXPECT_EQ(nid_of_page(1), 1);
	EXPECT_EQ(machine.seen.nr_reclaims, 0);
	machine.knobs.needs_reclaim[1] = true;
	EXPECT_EQ(nid_of_page(1), 1);
	EXPECT_EQ(machine.seen.nr_reclaims, 1);
	exhaust_order(1, 0);
	EXPECT_EQ(nid_of_page(1), 0);
	EXPECT_EQ(machine.seen.nr_reclaims, 3);
	/* not again, until the add is over, but for another node */
	EXPECT_EQ(nid_of_page(1), 0);
	machine.knobs.needs_reclaim[0] = true;
	EXPECT_EQ(nid_of_page(0), 0);
	EXPECT_EQ(machine.seen.nr_reclaims, 5);
	vmemmap_populate_print_last();
	EXPECT_EQ(nid_of_page(1), 0);
	EXPECT_EQ(machine.seen.nr_reclaims, 7);
	machine.knobs.nr_listed = 1;
	EXPECT_EQ(nid_of_page(1), 0);
	EXPECT_EQ(machine.seen.nr_reports, 0);
}

TEST(what_a_node_without_memory_needs_comes_from_another_without_reclaim, BARE)
{
	exhaust_order(1, 0);
	machine.knobs.is_memoryless[1] = true;
	EXPECT_EQ(nid_of_page(1), 0);
	EXPECT(vmemmap_alloc_pages(1, 1));
	EXPECT_EQ(machine.seen.nr_reclaims, 0);
}

TEST(the_only_node_that_has_memory_is_asked_once_with_reclaim, BARE)
{
	machine.knobs.is_memoryless[0] = true;
	machine.knobs.needs_reclaim[1] = true;
	EXPECT_EQ(nid_of_page(1), 1);
	EXPECT_EQ(machine.seen.nr_reclaims, 1);
	exhaust_order(1, 0);
	EXPECT_EQ(nid_of_page(1), 0);
	EXPECT_EQ(machine.seen.nr_reclaims, 2);
}

/* Base pages of the node are better than either. */
TEST(a_huge_block_is_neither_reclaimed_nor_taken_from_another_node, BARE)
{
	SKIP_UNLESS(PMD_ORDER <= (int)geo.max_order && geo.ram_pages >> PMD_ORDER >= 4,
		    "no huge blocks");
	EXPECT_EQ(ram_nid(block_pfn(vmemmap_alloc_huge(1, NULL))), 1);
	machine.knobs.needs_reclaim[1] = true;
	EXPECT(!vmemmap_alloc_huge(1, NULL));
	machine.knobs.needs_reclaim[1] = false;
	exhaust_order(1, PMD_ORDER);
	EXPECT(!vmemmap_alloc_huge(1, NULL));
	EXPECT_EQ(machine.seen.nr_reclaims, 0);
	EXPECT_EQ(machine.seen.nr_reports, 0);
}

/* Some architectures ask for large blocks and can do with nothing less. */
TEST(a_large_block_is_reclaimed_if_it_must_be, BARE)
{
	machine.knobs.needs_reclaim[0] = true;
	machine.knobs.needs_reclaim[1] = true;
	block_pfn(vmemmap_alloc_block(2 * PAGE_SIZE, 1));
	EXPECT_EQ(machine.seen.nr_reclaims, 1);
}

/* By the page allocator itself, without __GFP_NOWARN. */
TEST(only_a_page_that_fails_is_reported, BARE)
{
	EXPECT(!vmemmap_alloc_block(PAGE_SIZE << (geo.max_order + 1), 0));
	EXPECT(!vmemmap_alloc_block_buf(PAGE_SIZE << (geo.max_order + 1), 0, NULL));
	EXPECT_EQ(machine.seen.nr_attempts, 0);
	fail_allocation(1, true);
	EXPECT(!vmemmap_alloc_block(2 * PAGE_SIZE, 0));
	EXPECT_EQ(machine.seen.nr_attempts, 1);
	EXPECT_EQ(machine.seen.nr_reports, 0);
	EXPECT(!vmemmap_alloc_block(PAGE_SIZE, 0));
	EXPECT_EQ(machine.seen.nr_reports, 1);
	expect_messages(0);
}

TEST(an_early_block_leaves_memory_for_dma_as_long_as_it_can, EARLY)
{
	const unsigned long dma_end = PHYS_PFN(soft_dma_end());

	exhaust_memblock(0, dma_end + 1);
	EXPECT_EQ(block_pfn(vmemmap_alloc_block(PAGE_SIZE, 0)), dma_end);
	/* rather from another node */
	EXPECT_EQ(nid_of_page(0), 1);
	exhaust_memblock(1, 0);
	EXPECT(block_pfn(vmemmap_alloc_block(PAGE_SIZE, 0)) < dma_end);
	exhaust_memblock(0, 0);
	EXPECT(!vmemmap_alloc_block(PAGE_SIZE, 0));
}

TEST(at_boot_the_buffer_of_sparse_init_is_used_up_first, EARLY)
{
	unsigned long first, second, last;
	int i;

	sparse_buffer_init(4 * PAGE_SIZE, 1);
	machine.seen.nr_attempts = 0;
	first = block_pfn(vmemmap_alloc_block_buf(PAGE_SIZE, 1, NULL));
	second = block_pfn(vmemmap_alloc_block_buf(2 * PAGE_SIZE, 1, NULL));
	EXPECT_EQ(second, first + 2);
	EXPECT_EQ(machine.seen.nr_attempts, 0);

	last = block_pfn(vmemmap_alloc_block_buf(PAGE_SIZE, 1, NULL));
	EXPECT_EQ(machine.seen.nr_attempts, 1);
	/* the page skipped for alignment is free again */
	EXPECT(last < first || last == first + 1 || last > first + 3);
	sparse_buffer_fini();
	for (i = 2; i < 4; i++)
		EXPECT_EQ(ram_page(first + i)->state, PAGE_BOOT);
}

/* As from the buffer. */
TEST(at_boot_the_boot_buffer_is_used_up_first, EARLY)
{
	unsigned long first;

	vmemmap_open_boot_buffer(5 * PAGE_SIZE, 1);
	first = block_pfn(vmemmap_alloc_block_buf(PAGE_SIZE, 1, NULL));
	EXPECT_EQ(machine.nr_used_pages, 5);
	EXPECT_EQ(ram_nid(first), 1);
	/* the page skipped for alignment is freed, and in the end all that is left */
	EXPECT(IS_ALIGNED(block_pfn(vmemmap_alloc_block_buf(2 * PAGE_SIZE, 1, NULL)), 2));
	EXPECT_EQ(machine.nr_used_pages, 5 - !(first & 1));
	EXPECT_EQ(machine.seen.nr_attempts, 1);
	vmemmap_alloc_block_buf(4 * PAGE_SIZE, 1, NULL);
	EXPECT_EQ(machine.seen.nr_attempts, 2);
	vmemmap_close_boot_buffer();
	EXPECT_EQ(machine.nr_used_pages, 1 + 2 + 4);
	vmemmap_alloc_block_buf(PAGE_SIZE, 1, NULL);
	EXPECT_EQ(machine.seen.nr_attempts, 3);

	/* to the last page */
	vmemmap_open_boot_buffer(2 * PAGE_SIZE, 1);
	vmemmap_alloc_block_buf(PAGE_SIZE, 1, NULL);
	vmemmap_alloc_block_buf(PAGE_SIZE, 1, NULL);
	EXPECT_EQ(machine.seen.nr_attempts, 4);
	vmemmap_close_boot_buffer();
}

TEST(huge_blocks_fit_into_the_boot_buffer, EARLY)
{
	SKIP_UNLESS(geo.ram_pages >= 8 * PHYS_PFN(PMD_SIZE), "too little RAM");
	for (int nr = 1; nr <= 2; nr++) {
		machine_early();
		/* free memory does not start or end on a PMD block */
		vmemmap_alloc_block(PAGE_SIZE, 1);
		machine.seen.nr_attempts = 0;
		vmemmap_open_boot_buffer(nr * PMD_SIZE, 1);
		for (int i = 0; i < nr; i++)
			EXPECT(vmemmap_alloc_block_buf(PMD_SIZE, 1, NULL));
		EXPECT_EQ(machine.seen.nr_attempts, 1);
		vmemmap_close_boot_buffer();
	}
	/* behind a base page too */
	vmemmap_open_boot_buffer(3 * PMD_SIZE, 1);
	vmemmap_alloc_block_buf(PAGE_SIZE, 1, NULL);
	EXPECT(IS_ALIGNED(block_pfn(vmemmap_alloc_huge(1, NULL)), PHYS_PFN(PMD_SIZE)));
	vmemmap_close_boot_buffer();
}

TEST(no_boot_buffer_is_allocated_while_that_of_sparse_init_lasts, EARLY)
{
	sparse_buffer_init(2 * PAGE_SIZE, 1);
	machine.seen.nr_attempts = 0;
	vmemmap_open_boot_buffer(2 * PAGE_SIZE, 1);
	vmemmap_alloc_block_buf(PAGE_SIZE, 1, NULL);
	vmemmap_alloc_block_buf(PAGE_SIZE, 1, NULL);
	vmemmap_close_boot_buffer();
	EXPECT_EQ(machine.seen.nr_attempts, 0);
	/* nor is it looked for afterwards */
	vmemmap_alloc_block_buf(PAGE_SIZE, 1, NULL);
	EXPECT_EQ(machine.seen.nr_attempts, 1);
	EXPECT_EQ(machine.nr_used_pages, 3);
	sparse_buffer_fini();
}

TEST(the_boot_buffer_lies_on_its_node, EARLY)
{
	exhaust_memblock(1, 0);
	vmemmap_open_boot_buffer(PMD_SIZE, 1);
	EXPECT_EQ(ram_nid(block_pfn(vmemmap_alloc_block_buf(PAGE_SIZE, 1, NULL))), 0);
	EXPECT_EQ(machine.nr_used_pages, 1);
	vmemmap_close_boot_buffer();
	EXPECT_EQ(machine.nr_used_pages, 1);
}

/* ---- Base pages of a slot, in rows ---- */

static void take_pages(struct vmemmap_batch *batch, unsigned long nr)
{
	while (nr--)
		EXPECT_EQ(ram_page(block_pfn(vmemmap_alloc_batch_page(batch)))->refs, 1);
}

TEST(a_row_comes_from_another_node_only_if_its_own_has_no_memory, BARE)
{
	exhaust_order(1, 0);
	EXPECT(!vmemmap_alloc_pages(1, 1));
	machine.knobs.is_memoryless[1] = true;
	EXPECT_EQ(ram_nid(page_to_pfn(vmemmap_alloc_pages(1, 1))), 0);
	EXPECT(vmemmap_alloc_pages(1, NUMA_NO_NODE));
}

TEST(a_batch_allocates_the_largest_rows_that_are_wanted, BARE)
{
	struct vmemmap_batch batch;

	vmemmap_open_batch(&batch, 1, NULL, 7);
	EXPECT_EQ(machine.nr_used_pages, 0);
	take_pages(&batch, 1);
	EXPECT_EQ(machine.nr_used_pages, 4);
	take_pages(&batch, 5);
	EXPECT_EQ(machine.nr_used_pages, 6);
	EXPECT_EQ(machine.seen.nr_rows, 2);
	/* the seventh is allocated alone, and so is one that was not announced */
	take_pages(&batch, 2);
	EXPECT_EQ(machine.nr_used_pages, 8);
	EXPECT_EQ(machine.seen.nr_rows, 2);
	vmemmap_close_batch(&batch);
	EXPECT_EQ(machine.nr_used_pages, 8);
}

TEST(a_batch_gives_back_the_pages_at_hand, BARE)
{
	struct vmemmap_batch batch;

	vmemmap_open_batch(&batch, 1, NULL, 4);
	take_pages(&batch, 1);
	EXPECT_EQ(machine.nr_used_pages, 4);
	vmemmap_close_batch(&batch);
	EXPECT_EQ(machine.nr_used_pages, 1);
	vmemmap_open_batch(&batch, 1, NULL, 4);
	vmemmap_close_batch(&batch);
	EXPECT_EQ(machine.nr_used_pages, 1);
}

/* Rows of 4, 2, 2: the first is refused. */
TEST(a_batch_halves_a_row_that_cannot_be_allocated, BARE)
{
	struct vmemmap_batch batch;

	vmemmap_open_batch(&batch, 1, NULL, 4);
	fail_allocation(1, false);
	take_pages(&batch, 4);
	vmemmap_close_batch(&batch);
	EXPECT_EQ(machine.seen.nr_attempts, 3);
	EXPECT_EQ(machine.seen.nr_rows, 2);
	EXPECT_EQ(machine.nr_used_pages, 4);
	EXPECT_EQ(machine.seen.nr_reports, 0);
}

TEST(a_batch_without_rows_goes_page_by_page, BARE)
{
	struct vmemmap_batch batch;

	machine.knobs.is_fragmented = true;
	vmemmap_open_batch(&batch, 1, NULL, 4);
	take_pages(&batch, 3);
	EXPECT_EQ(machine.seen.nr_rows, 0);
	/* two orders were tried once each */
	EXPECT_EQ(machine.seen.nr_attempts, 2 + 3);
	fail_allocation(1, true);
	EXPECT(!vmemmap_alloc_batch_page(&batch));
	vmemmap_close_batch(&batch);
	EXPECT_EQ(machine.nr_used_pages, 3);
	EXPECT_EQ(machine.seen.nr_reports, 1);
}

TEST(a_row_is_no_larger_than_the_buddy_allocator_has, BARE)
{
	const unsigned long nr = BIT(geo.max_order) + 2;
	struct vmemmap_batch batch;

	SKIP_UNLESS(nr <= geo.ram_pages, "too little RAM");
	vmemmap_open_batch(&batch, 1, NULL, nr);
	take_pages(&batch, nr);
	EXPECT_EQ(machine.seen.nr_rows, 2);
	vmemmap_close_batch(&batch);
	EXPECT_EQ(machine.nr_used_pages, nr);
}

TEST(a_batch_at_boot_has_no_rows, EARLY)
{
	struct vmemmap_batch batch;

	vmemmap_open_batch(&batch, 1, NULL, 8);
	EXPECT_EQ(ram_page(block_pfn(vmemmap_alloc_batch_page(&batch)))->state, PAGE_BOOT);
	vmemmap_close_batch(&batch);
	EXPECT_EQ(machine.nr_used_pages, 1);
}

/* ---- Nodes ---- */

/* Messages that vmemmap_verify() prints about a leaf for @pfn. */
static void expect_verify_messages(unsigned long pfn, int node, unsigned long nr)
{
	pte_t pte = pfn_pte(pfn, PAGE_KERNEL);

	vmemmap_verify(&pte, node, soft_vmemmap, soft_vmemmap + PAGE_SIZE);
	if (nr)
		EXPECT(has_message("[%#lx-%#lx) of node %d lies on node %d", soft_vmemmap,
				   soft_vmemmap + PAGE_SIZE, node, ram_nid(pfn)));
	expect_messages(nr);
}

/* But not about memory or a range of no node, or if the other node is as near. */
TEST(warns_about_memory_on_another_node, EARLY)
{
	for (int has_slab = 0; has_slab < 2; has_slab++) {
		machine_early();
		machine.has_slab = has_slab;
		for (int i = 0; i < NR_NODES * NR_NODES; i++)
			expect_verify_messages(ram_start_pfn(i % NR_NODES), i / NR_NODES,
					       i % NR_NODES != i / NR_NODES);
		expect_verify_messages(1UL << 22, 1, 0);
		expect_verify_messages(ram_start_pfn(1), NUMA_NO_NODE, 0);
		machine.knobs.far_distance = LOCAL_DISTANCE;
		expect_verify_messages(ram_start_pfn(0), 1, 0);
		machine.knobs.far_distance = LOCAL_DISTANCE + 1;
		expect_verify_messages(ram_start_pfn(0), 1, 1);
	}
}

TEST(says_nothing_about_a_node_that_has_no_memory_to_give, BARE)
{
	expect_verify_messages(ram_start_pfn(0), 1, 1);
	machine.knobs.is_memoryless[1] = true;
	expect_verify_messages(ram_start_pfn(0), 1, 0);
	exhaust_order(1, 0);
	block_pfn(vmemmap_alloc_block(PAGE_SIZE, 1));
	machine.knobs.needs_reclaim[0] = true;
	block_pfn(vmemmap_alloc_block(PAGE_SIZE, 1));
	EXPECT_EQ(machine.seen.nr_reclaims, 1);
	vmemmap_populate_print_last();
	expect_messages(0);
}

TEST(all_that_an_add_gets_from_another_node_is_reported_in_one_line, BARE)
{
	block_pfn(vmemmap_alloc_block(PAGE_SIZE, 1));
	exhaust_order(1, 0);
	block_pfn(vmemmap_alloc_block(PAGE_SIZE, 1));
	block_pfn(vmemmap_alloc_block(2 * PAGE_SIZE, 1));
	vmemmap_populate_print_last();
	/* node 0, see nodemask_pr_args() */
	EXPECT(has_message("%lu KiB of the memory map of node 1 lie on node 0x1bl",
			   3 * PAGE_SIZE / SZ_1K));
	expect_messages(1);

	vmemmap_populate_print_last();
	machine.knobs.far_distance = LOCAL_DISTANCE;
	block_pfn(vmemmap_alloc_block(PAGE_SIZE, 1));
	vmemmap_populate_print_last();
	expect_messages(0);
}

TEST(a_part_of_a_vmemmap_page_counts_as_a_page, BARE)
{
	EXPECT_EQ(vmemmap_nr_pages(0), 0);
	EXPECT_EQ(vmemmap_nr_pages(1), 1);
	for (unsigned long nr = 1; nr < 40; nr++) {
		const unsigned long end = vaddr(nr * 37);

		EXPECT_EQ(vmemmap_nr_pages(nr * 37), (PAGE_ALIGN(end) - soft_vmemmap) / PAGE_SIZE);
	}
}
