// SPDX-License-Identifier: GPL-2.0
/* test_alloc.c - where blocks come from: memblock, buddy allocator, altmap */
#include <stdlib.h>

#include "soft.h"
#include "tests/vmemmap_altmap_cases.h"

static unsigned long block_pfn(const void *block)
{
	EXPECT(block);
	EXPECT(PAGE_ALIGNED(block));
	return PHYS_PFN(__pa(block));
}

/* ---- RAM ---- */

static void a_block_from_the_buddy_allocator_is_not_compound(void)
{
	for_each_geometry(g) {
		machine_bare(g);
		for (unsigned int order = 0; order <= g->max_order; order++) {
			const int nid = order % NR_NODES;
			unsigned long pfn;

			if (geo.ram_pages >> order < 2)
				break;
			pfn = block_pfn(vmemmap_alloc_block(PAGE_SIZE << order, nid));
			EXPECT_EQ(ram_page(pfn)->state, PAGE_BLOCK);
			EXPECT_EQ(ram_page(pfn)->order, order);
			EXPECT_EQ(ram_page(pfn)->refs, 1);
			EXPECT_EQ(ram_nid(pfn), nid);
			EXPECT(IS_ALIGNED(pfn, BIT(order)));
			vmemmap_put_block(pfn, order, 1, NULL);
		}
		EXPECT_EQ(nr_free_pages(0) + nr_free_pages(1), 2 * geo.ram_pages);
		expect_messages(0);
	}
}

static void a_block_without_a_node_may_come_from_anywhere(void)
{
	for_each_geometry(g) {
		machine_bare(g);
		block_pfn(vmemmap_alloc_block(PAGE_SIZE, NUMA_NO_NODE));
		machine_early(g);
		block_pfn(vmemmap_alloc_block(PAGE_SIZE, NUMA_NO_NODE));
	}
}

static void a_block_comes_from_another_node_if_it_must(void)
{
	for_each_geometry(g) {
		machine_bare(g);
		exhaust_order(1, 0);
		EXPECT_EQ(ram_nid(block_pfn(vmemmap_alloc_block(PAGE_SIZE, 1))), 0);
	}
}

static void a_block_beyond_the_largest_order_is_refused_quietly(void)
{
	for_each_geometry(g) {
		const unsigned int order = g->max_order + 1;

		machine_bare(g);
		EXPECT(!vmemmap_alloc_block(PAGE_SIZE << order, 0));
		EXPECT_EQ(machine.nr_attempts, 0);
		expect_messages(0);
	}
}

static void a_large_block_that_cannot_be_had_is_no_news(void)
{
	const unsigned long nr_before = nr_warn_alloc;

	for_each_geometry(g) {
		machine_bare(g);
		fail_allocation(1, true);
		EXPECT(!vmemmap_alloc_block(2 * PAGE_SIZE, 0));
		EXPECT_EQ(machine.nr_attempts, 1);
		expect_messages(0);
	}
	EXPECT_EQ(nr_warn_alloc, nr_before);
}

/* The allocator itself says so, if it is not told to be quiet. */
static void a_page_that_cannot_be_had_is_reported(void)
{
	for_each_geometry(g) {
		const unsigned long nr_before = nr_warn_alloc;

		machine_bare(g);
		fail_allocation(1, true);
		EXPECT(!vmemmap_alloc_block(PAGE_SIZE, 0));
		EXPECT_EQ(nr_warn_alloc, nr_before + 1);
	}
}

static void an_early_block_comes_from_memblock(void)
{
	for_each_geometry(g) {
		const unsigned long dma_end = PHYS_PFN(soft_dma_end());

		machine_early(g);
		for (unsigned int order = 0; order < 4; order++) {
			const int nid = order % NR_NODES;
			const unsigned long pfn =
				block_pfn(vmemmap_alloc_block(PAGE_SIZE << order, nid));

			for (unsigned long i = 0; i < BIT(order); i++)
				EXPECT_EQ(ram_page(pfn + i)->state, PAGE_BOOT);
			EXPECT_EQ(ram_nid(pfn), nid);
			EXPECT(IS_ALIGNED(pfn, BIT(order)));
			EXPECT(pfn >= dma_end);
			vmemmap_put_block(pfn, order, 1, NULL);
		}
		EXPECT_EQ(nr_free_pages(0) + nr_free_pages(1), 2 * geo.ram_pages);
	}
}

static void an_early_block_leaves_memory_for_dma_as_long_as_it_can(void)
{
	for_each_geometry(g) {
		const unsigned long dma_end = PHYS_PFN(soft_dma_end());

		machine_early(g);
		exhaust_memblock(0, dma_end + 1);
		EXPECT_EQ(block_pfn(vmemmap_alloc_block(PAGE_SIZE, 0)), dma_end);
		/* rather from another node */
		EXPECT_EQ(ram_nid(block_pfn(vmemmap_alloc_block(PAGE_SIZE, 0))), 1);
		exhaust_memblock(1, 0);
		EXPECT(block_pfn(vmemmap_alloc_block(PAGE_SIZE, 0)) < dma_end);
	}
}

static void an_early_block_that_cannot_be_had_is_none(void)
{
	for_each_geometry(g) {
		machine_early(g);
		exhaust_memblock(0, 0);
		exhaust_memblock(1, 0);
		EXPECT(!vmemmap_alloc_block(PAGE_SIZE, 0));
	}
}

static void at_boot_the_buffer_of_the_node_is_used_up_first(void)
{
	for_each_geometry(g) {
		unsigned long first, second, last;
		int i;

		machine_early(g);
		sparse_buffer_init(4 * PAGE_SIZE, 1);
		machine.nr_attempts = 0;
		first = block_pfn(vmemmap_alloc_block_buf(PAGE_SIZE, 1, NULL));
		second = block_pfn(vmemmap_alloc_block_buf(2 * PAGE_SIZE, 1, NULL));
		EXPECT_EQ(second, first + 2);
		EXPECT_EQ(machine.nr_attempts, 0);

		last = block_pfn(vmemmap_alloc_block_buf(PAGE_SIZE, 1, NULL));
		EXPECT_EQ(machine.nr_attempts, 1);
		/* the page that alignment has left out is free again */
		EXPECT(last < first || last == first + 1 || last > first + 3);
		sparse_buffer_fini();
		for (i = 2; i < 4; i++)
			EXPECT_EQ(ram_page(first + i)->state, PAGE_BOOT);
	}
}

/* ---- Altmap ---- */

static void *alloc_pages_of(struct vmem_altmap *altmap, unsigned long nr_pages)
{
	return vmemmap_alloc_block_buf(nr_pages << PAGE_SHIFT, 0, altmap);
}

static void check_altmap_row(const struct vmemmap_altmap_case *row)
{
	struct vmem_altmap altmap;
	void *block;

	note_operation("row: %s", row->name);
	set_altmap(&altmap, VMEMMAP_ALTMAP_BASE_PFN, row->reserve, row->free);
	altmap.align = row->align;
	altmap.alloc = row->alloc;
	block = alloc_pages_of(&altmap, row->nr_pages);
	if (row->block == VMEMMAP_NO_BLOCK)
		EXPECT(!block);
	else
		EXPECT_EQ(block_pfn(block), VMEMMAP_ALTMAP_BASE_PFN + row->block);
	EXPECT_EQ(altmap.align, row->align_after);
	EXPECT_EQ(altmap.alloc, row->alloc_after);
	forget_operations();
}

static void altmap_answers_as_the_row_says(void)
{
	for_each_geometry(g) {
		machine_bare(g);
		for (size_t i = 0; i < ARRAY_SIZE(vmemmap_altmap_cases); i++)
			check_altmap_row(&vmemmap_altmap_cases[i]);
		EXPECT_EQ(machine.nr_attempts, 0);
	}
}

/*
 * Every small window and every pair of sizes, against the rule itself: the
 * lowest place behind the last block that is a multiple of the power of two
 * in the size.
 */
static void check_altmap_window(unsigned long base, unsigned long reserve,
				unsigned long free)
{
	for (unsigned long sizes = 0; sizes < 100; sizes++) {
		const unsigned long nr[] = { sizes % 10, sizes / 10, sizes % 7 };
		unsigned long next = base + reserve, nr_pages = 0;
		struct vmem_altmap altmap;

		set_altmap(&altmap, base, reserve, free);
		for (size_t i = 0; i < ARRAY_SIZE(nr); i++) {
			void *block = alloc_pages_of(&altmap, nr[i]);
			unsigned long pfn = next;

			while (nr[i] && pfn & ((nr[i] & -nr[i]) - 1))
				pfn++;
			if (!nr[i] || pfn + nr[i] > base + reserve + free) {
				EXPECT(!block);
				continue;
			}
			EXPECT_EQ(block_pfn(block), pfn);
			next = pfn + nr[i];
			nr_pages += nr[i];
			EXPECT_EQ(altmap.alloc, nr_pages);
			EXPECT_EQ(altmap.alloc + altmap.align, next - base - reserve);
		}
	}
}

static void altmap_blocks_lie_inside_the_window_and_apart(void)
{
	machine_bare(geometries);
	for (unsigned long base = 64; base < 72; base++)
		for (unsigned long reserve = 0; reserve < 4; reserve++)
			for (unsigned long free = 0; free < 20; free++)
				check_altmap_window(base, reserve, free);
}

static void altmap_refuses_a_part_of_a_page(void)
{
	for_each_geometry(g) {
		struct vmem_altmap altmap;

		machine_bare(g);
		set_altmap(&altmap, 64, 0, 16);
		EXPECT(!vmemmap_alloc_block_buf(PAGE_SIZE / 2, 0, &altmap));
		EXPECT(!vmemmap_alloc_block_buf(PAGE_SIZE + 1, 0, &altmap));
		EXPECT(!vmemmap_alloc_block_buf(0, 0, &altmap));
		EXPECT_EQ(altmap.alloc, 0);
		EXPECT_EQ(altmap.align, 0);
		set_altmap(&altmap, 0, 0, 16);
		EXPECT(!vmemmap_alloc_block_buf(0, 0, &altmap));
	}
}

/* Its driver may have taken pages back. */
static void an_altmap_that_has_shrunk_gives_nothing(void)
{
	for_each_geometry(g) {
		struct vmem_altmap altmap;

		machine_bare(g);
		for (unsigned long free = 0; free < 9; free++) {
			set_altmap(&altmap, 64, 0, free);
			altmap.alloc = 6;
			altmap.align = 3;
			EXPECT(!alloc_pages_of(&altmap, 1));
		}
	}
}

static void altmap_never_falls_back_to_ram(void)
{
	for_each_geometry(g) {
		struct vmem_altmap altmap;

		machine_early(g);
		sparse_buffer_init(4 * PAGE_SIZE, 0);
		machine.nr_attempts = 0;
		set_altmap(&altmap, 64, 0, 1);
		EXPECT_EQ(block_pfn(alloc_pages_of(&altmap, 1)), 64);
		EXPECT(!alloc_pages_of(&altmap, 1));

		machine_bare(g);
		EXPECT(!alloc_pages_of(&altmap, 1));
		EXPECT_EQ(machine.nr_attempts, 0);
	}
}

static void a_freed_altmap_block_can_be_had_again(void)
{
	for_each_geometry(g) {
		struct vmem_altmap altmap;
		void *block, *last;

		machine_bare(g);
		set_altmap(&altmap, 64, 0, 4);
		alloc_pages_of(&altmap, 2);
		block = alloc_pages_of(&altmap, 2);
		EXPECT(!alloc_pages_of(&altmap, 1));
		vmemmap_put_block(PHYS_PFN(__pa(block)), 1, 1, &altmap);
		EXPECT_EQ(altmap.alloc, 2);
		last = alloc_pages_of(&altmap, 2);
		EXPECT(last == block);
	}
}

/* W18: it is told by its page frame, on either side of what the device has. */
static void a_block_of_ram_goes_to_ram_whatever_the_altmap(void)
{
	for_each_geometry(g) {
		for (int i = 0; i < 2; i++) {
			struct vmem_altmap altmap;
			unsigned long pfn;

			machine_bare(g);
			pfn = block_pfn(vmemmap_alloc_block(PAGE_SIZE, 1));
			set_altmap(&altmap, i ? pfn + 1 : pfn - 4, 0, 4);
			alloc_pages_of(&altmap, 1);
			vmemmap_put_block(pfn, 0, 1, &altmap);
			EXPECT_EQ(altmap.alloc, 1);
			EXPECT_EQ(machine.nr_used_pages, 0);
		}
	}
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

static void memory_on_another_node_is_told(void)
{
	for_each_geometry(g) {
		for (int has_slab = 0; has_slab < 2; has_slab++) {
			machine_early(g);
			machine.has_slab = has_slab;
			expect_verify_messages(ram_start_pfn(0), 0, 0);
			expect_verify_messages(ram_start_pfn(1), 1, 0);
			expect_verify_messages(ram_start_pfn(0), 1, 1);
			expect_verify_messages(ram_start_pfn(1), 0, 1);
		}
	}
}

static void memory_as_near_as_the_nodes_own_is_no_news(void)
{
	for_each_geometry(g) {
		machine_bare(g);
		machine.far_distance = LOCAL_DISTANCE;
		expect_verify_messages(ram_start_pfn(0), 1, 0);
		machine.far_distance = LOCAL_DISTANCE + 1;
		expect_verify_messages(ram_start_pfn(0), 1, 1);
	}
}

static void memory_of_an_unknown_node_is_no_news(void)
{
	for_each_geometry(g) {
		const unsigned long device_pfn = 1UL << 22;

		for (int has_slab = 0; has_slab < 2; has_slab++) {
			machine_early(g);
			machine.has_slab = has_slab;
			expect_verify_messages(device_pfn, 1, 0);
			expect_verify_messages(ram_start_pfn(1), NUMA_NO_NODE, 0);
		}
	}
}

/* ---- Sizes ---- */

static void a_part_of_a_vmemmap_page_counts_as_a_page(void)
{
	for_each_geometry(g) {
		machine_bare(g);
		EXPECT_EQ(nr_memmap_pages(0), 0);
		EXPECT_EQ(nr_memmap_pages(1), 1);
		for (unsigned long nr = 1; nr < 40; nr++) {
			const unsigned long end = vaddr(nr * 37);

			EXPECT_EQ(nr_memmap_pages(nr * 37),
				  (PAGE_ALIGN(end) - soft_vmemmap) / PAGE_SIZE);
		}
	}
}

const struct test_case alloc_cases[] = {
	TEST_CASE(a_large_block_that_cannot_be_had_is_no_news),
	TEST_CASE(a_page_that_cannot_be_had_is_reported),
	TEST_CASE(a_block_from_the_buddy_allocator_is_not_compound),
	TEST_CASE(a_block_without_a_node_may_come_from_anywhere),
	TEST_CASE(a_block_comes_from_another_node_if_it_must),
	TEST_CASE(a_block_beyond_the_largest_order_is_refused_quietly),
	TEST_CASE(an_early_block_comes_from_memblock),
	TEST_CASE(an_early_block_leaves_memory_for_dma_as_long_as_it_can),
	TEST_CASE(an_early_block_that_cannot_be_had_is_none),
	TEST_CASE(at_boot_the_buffer_of_the_node_is_used_up_first),
	TEST_CASE(altmap_answers_as_the_row_says),
	TEST_CASE(altmap_blocks_lie_inside_the_window_and_apart),
	TEST_CASE(altmap_refuses_a_part_of_a_page),
	TEST_CASE(an_altmap_that_has_shrunk_gives_nothing),
	TEST_CASE(altmap_never_falls_back_to_ram),
	TEST_CASE(a_freed_altmap_block_can_be_had_again),
	TEST_CASE(a_block_of_ram_goes_to_ram_whatever_the_altmap),
	TEST_CASE(memory_on_another_node_is_told),
	TEST_CASE(memory_as_near_as_the_nodes_own_is_no_news),
	TEST_CASE(memory_of_an_unknown_node_is_no_news),
	TEST_CASE(a_part_of_a_vmemmap_page_counts_as_a_page),
	{ NULL, NULL },
};
