// SPDX-License-Identifier: GPL-2.0
/* test_populate.c - the engine: tables, base pages, huge leaves, hooks */
#include <stdlib.h>

#include "soft.h"

static unsigned long ptes_per_slot(void)
{
	return PMD_SIZE / PAGE_SIZE;
}

static unsigned long nr_leaves_found, nr_tables_found;
static unsigned long leaves_start, leaves_end;
static int expected_level;

static void see_leaf(const struct leaf *leaf)
{
	EXPECT_EQ(leaf->level, expected_level);
	EXPECT(leaf->start >= leaves_start && leaf->end <= leaves_end);
	nr_leaves_found++;
}

static void see_table(unsigned long pfn, int level)
{
	EXPECT_EQ(ram_nid(pfn), 1);
	nr_tables_found++;
}

/*
 * Exactly [start, end) is mapped, by leaves of @level and as few tables as possible,
 * all on node 1.
 */
static void expect_leaves(unsigned long start, unsigned long end, int level)
{
	leaves_start = start;
	leaves_end = end;
	expected_level = level;
	nr_leaves_found = 0;
	nr_tables_found = 0;
	for_each_leaf(see_leaf, see_table);
	EXPECT_EQ(nr_leaves_found, (end - start) / level_size(level));
	EXPECT_EQ(nr_tables_found, nr_tables_for(start, end, level));
}

/* ---- Base pages ---- */

static void check_base_range(unsigned long start, unsigned long end)
{
	const unsigned long first = PAGE_ALIGN_DOWN(start), last = PAGE_ALIGN(end);

	EXPECT_EQ(fill(start, end), 0);
	expect_leaves(first, last, SOFT_PTE);
	EXPECT_EQ(machine.nr_used_pages, nr_leaves_found + nr_tables_found);
	for (unsigned long addr = first; addr < last; addr += PAGE_SIZE) {
		EXPECT_EQ(ram_nid(mapped_pfn(addr)), 1);
		EXPECT_EQ(ram_page(mapped_pfn(addr))->nr_own++, 0);
	}
	vmemmap_free(start, end, NULL);
	EXPECT_EQ(machine.nr_used_pages, 0);
}

TEST(fill_maps_each_page_of_a_range_and_no_other, BARE)
{
	const unsigned long nr_ptes = BIT(geo.bits[0]);
	const unsigned long nr[] = { 1, 2, nr_ptes - 1, nr_ptes,
				     nr_ptes + 1, 2 * nr_ptes + 1 };

	for (size_t i = 0; i < ARRAY_SIZE(nr); i++) {
		if (nr[i] > geo.ram_pages / 2)
			continue;
		check_base_range(page_addr(0), page_addr(nr[i]));
		check_base_range(page_addr(1), page_addr(1 + nr[i]));
		check_base_range(page_addr(nr_ptes - 1), page_addr(nr_ptes - 1 + nr[i]));
	}
	expect_messages(0);
}

TEST(an_invalid_range_is_refused, BARE)
{
	EXPECT_EQ(fill(page_addr(3), page_addr(3) - 1), -EINVAL);
	EXPECT_EQ(fill(page_addr(3), 0), -EINVAL);
	EXPECT_EQ(fill(page_addr(3), -PAGE_SIZE + 1), -EINVAL);
	EXPECT_EQ(machine.seen.nr_attempts, 0);
}

/* What has been allocated so far, all of it from node 0, is reported once. */
static void expect_report_of_distant(void)
{
	expect_messages(0);
	vmemmap_populate_print_last();
	EXPECT(has_message("%lu KiB of the memory map of node 1 lie on node 0x1bl",
			   machine.nr_used_pages * PAGE_SIZE / SZ_1K));
	expect_messages(1);
}

TEST(at_boot_what_lies_on_another_node_is_reported, EARLY)
{
	exhaust_memblock(1, 0);
	EXPECT_EQ(fill(slot_addr(1) - 2 * PAGE_SIZE, slot_addr(1) + 2 * PAGE_SIZE), 0);
	expect_report_of_distant();

	/* but not once more when it is mapped already */
	EXPECT_EQ(fill(slot_addr(1) - 2 * PAGE_SIZE, slot_addr(1)), 0);
	vmemmap_populate_print_last();
	expect_messages(0);
}

TEST(at_boot_a_range_that_cannot_be_filled_is_traced, EARLY)
{
	EXPECT_EQ(fill(page_addr(0) + 8, page_addr(2) - 8), 0);

	/* the tables exist; two pages, then no more */
	fail_allocation(2, true);
	EXPECT_EQ(fill(page_addr(1) + 8, page_addr(4) - 8), -ENOMEM);
	EXPECT_EQ(machine.seen.nr_traced_failures, 1);
	EXPECT_EQ(machine.seen.failed_size, PAGE_SIZE);
}

/* ---- Tables ---- */

TEST(the_pages_of_a_slot_come_in_rows, BARE)
{
	const unsigned long nr = min(ptes_per_slot(), geo.ram_pages / 2);

	EXPECT_EQ(fill(slot_addr(1), slot_addr(1) + nr * PAGE_SIZE), 0);
	EXPECT(machine.seen.nr_rows >= nr >> geo.max_order);
	EXPECT(machine.seen.nr_rows <= (nr >> geo.max_order) + geo.max_order);
}

TEST(tables_come_from_the_node_of_the_range, EARLY)
{
	const struct vmemmap_fill fill = { .nid = 0 };

	for (int has_slab = 0; has_slab < 2; has_slab++) {
		machine_early();
		machine.has_slab = has_slab;
		EXPECT_EQ(vmemmap_fill_range(page_addr(0), page_addr(1), &fill), 0);
		EXPECT_EQ(nr_free_pages(1), geo.ram_pages);
		EXPECT_EQ(machine.nr_used_pages, 1 + nr_tables_for(page_addr(0), page_addr(1), 0));
	}
}

TEST(at_boot_tables_do_not_come_from_the_buffer, EARLY)
{
	sparse_buffer_init(ptes_per_slot() * PAGE_SIZE, 1);
	machine.seen.nr_attempts = 0;
	machine.seen.nr_exhausted = 0;
	EXPECT_EQ(fill(page_addr(0), page_addr(1)), 0);
	if (machine.seen.nr_attempts != nr_tables_for(page_addr(0), page_addr(1), 0))
		EXPECT(geo.ram_pages < ptes_per_slot());
}

TEST(new_entries_of_the_top_table_reach_all_processes, BARE, .where = TINY)
{
	const int top = top_level();
	const bool is_synced = top >= SOFT_P4D;

	EXPECT_EQ(fill(page_addr(0), page_addr(1)), 0);
	EXPECT_EQ(machine.seen.nr_syncs, is_synced);
	EXPECT_EQ(fill(page_addr(1), page_addr(2)), 0);
	EXPECT_EQ(machine.seen.nr_syncs, is_synced);
	EXPECT_EQ(fill(soft_vmemmap + level_size(top), soft_vmemmap + level_size(top) + 1), 0);
	EXPECT_EQ(machine.seen.nr_syncs, 2 * is_synced);
}

TEST(new_tables_are_filled_by_the_architecture, BARE)
{
	unsigned long nr_tables = 0;

	for (int level = SOFT_PTE; level <= SOFT_PUD; level++)
		nr_tables += level < top_level();
	EXPECT_EQ(fill(page_addr(0), page_addr(1)), 0);
	EXPECT_EQ(machine.seen.nr_init_tables, has_own_hooks ? nr_tables : 0);
}

TEST(the_default_of_the_table_hooks_is_to_do_nothing, BARE, .where = ONCE)
{
	unsigned long table[512] = { 0 }, zero[512] = { 0 };

	SKIP_UNLESS(!has_own_hooks, "the architecture has hooks of its own");
	kernel_pte_init(table);
	pmd_init(table);
	pud_init(table);
	EXPECT(!memcmp(table, zero, sizeof(table)));
}

/* ---- Huge leaves ---- */

static bool can_be_huge(void)
{
	return PMD_ORDER <= (int)MAX_PAGE_ORDER && geo.ram_pages >> PMD_ORDER >= 4;
}

static void need_huge_blocks(void)
{
	SKIP_UNLESS(can_be_huge(), "no blocks as large as a leaf");
}

TEST(fill_huge_makes_a_leaf_of_each_slot, BARE)
{
	need_huge_blocks();
	EXPECT_EQ(fill(slot_addr(1), slot_addr(4), .huge = true), 0);
	expect_leaves(slot_addr(1), slot_addr(4), SOFT_PMD);
	EXPECT_EQ(machine.nr_used_pages, 3 * ptes_per_slot() + nr_tables_found);
	for (int i = 1; i < 4; i++) {
		const struct leaf leaf = walk(slot_addr(i));

		EXPECT_EQ(ram_nid(leaf.pfn), 1);
		EXPECT_EQ(ram_page(leaf.pfn)->order, PMD_ORDER);
		EXPECT_EQ(ram_page(leaf.pfn)->refs, 1);
		EXPECT_EQ(ram_page(leaf.pfn)->nr_own++, 0);
	}
	EXPECT_EQ(machine.seen.nr_set_pmds, has_own_hooks ? 3 : 0);
	EXPECT_EQ(machine.seen.nr_check_pmds, 0);
	expect_messages(0);
	vmemmap_free(slot_addr(1), slot_addr(4), NULL);
	EXPECT_EQ(machine.nr_used_pages, 0);
}

TEST(one_way_down_serves_all_slots_of_a_table, BARE)
{
	struct page *page = pfn_to_page(block_pfn(vmemmap_alloc_block(PAGE_SIZE, 0)));

	SKIP_UNLESS(ALIGN_DOWN(slot_addr(0), PUD_SIZE) == ALIGN_DOWN(slot_addr(2), PUD_SIZE),
		    "no slots that share a table");
	EXPECT_EQ(fill(slot_addr(0), slot_addr(3), .shared = page), 0);
	machine.seen.nr_descents = 0;
	EXPECT_EQ(fill(slot_addr(0), slot_addr(3), .shared = page), 0);
	EXPECT_EQ(machine.seen.nr_descents, 1);
}

/* A quarter of it, from anywhere in the slot, is enough. */
TEST(fill_huge_covers_slots_that_are_used_enough, BARE)
{
	need_huge_blocks();
	EXPECT_EQ(fill(slot_addr(2) - PMD_SIZE / 4, slot_addr(2) + PMD_SIZE / 4, .huge = true), 0);
	expect_leaves(slot_addr(1), slot_addr(3), SOFT_PMD);
}

TEST(fill_huge_wastes_no_block_on_a_few_pages, BARE)
{
	const unsigned long end = slot_addr(1) + PMD_SIZE / 4 - PAGE_SIZE;

	SKIP_UNLESS(PMD_SIZE / 4 > PAGE_SIZE, "a page is a quarter of a leaf");
	EXPECT_EQ(fill(slot_addr(1), end, .huge = true), 0);
	expect_leaves(slot_addr(1), end, SOFT_PTE);
	EXPECT_EQ(mapped_pfn(end), ULONG_MAX);
}

TEST(at_boot_a_huge_leaf_comes_from_the_buffer, EARLY)
{
	unsigned long pfn;

	SKIP_UNLESS(geo.ram_pages >> PMD_ORDER >= 4, "too little RAM");
	sparse_buffer_init(2 * PMD_SIZE, 1);
	machine.seen.nr_attempts = 0;
	EXPECT_EQ(fill(slot_addr(0), slot_addr(2), .huge = true), 0);
	expect_leaves(slot_addr(0), slot_addr(2), SOFT_PMD);
	EXPECT_EQ(machine.seen.nr_attempts, nr_tables_found);
	pfn = mapped_pfn(slot_addr(0));
	EXPECT_EQ(mapped_pfn(slot_addr(1)), pfn + ptes_per_slot());
}

TEST(a_huge_leaf_on_another_node_is_reported, EARLY)
{
	need_huge_blocks();
	exhaust_memblock(1, 0);
	EXPECT_EQ(fill(slot_addr(1), slot_addr(2), .huge = true), 0);
	EXPECT_EQ(walk(slot_addr(1)).level, SOFT_PMD);
	expect_report_of_distant();

	/* and when a neighbour uses it, by the architecture's own hook */
	EXPECT_EQ(fill(slot_addr(1), slot_addr(2), .huge = true), 0);
	expect_messages(has_own_hooks);
}

TEST(without_a_huge_block_a_slot_gets_base_pages, BARE)
{
	SKIP_UNLESS(3 * ptes_per_slot() <= geo.ram_pages, "too little RAM");
	if (can_be_huge())
		fail_allocation(1 + nr_tables_for(slot_addr(1), slot_addr(2), SOFT_PMD), false);
	EXPECT_EQ(fill(slot_addr(1), slot_addr(2), .huge = true), 0);
	EXPECT_EQ(machine.seen.nr_failures, can_be_huge());
	EXPECT_EQ(ram_page(mapped_pfn(slot_addr(1)))->order, 0);
	EXPECT_EQ(machine.seen.nr_traced_failures, 1);
	EXPECT_EQ(machine.seen.failed_size, PMD_SIZE);
	expect_leaves(slot_addr(1), slot_addr(2), SOFT_PTE);
	expect_messages(0);
	fail_allocation(0, false);
	vmemmap_free(slot_addr(1), slot_addr(2), NULL);
	EXPECT_EQ(machine.nr_used_pages, 0);
	expect_traces_cancel_out();
}

/* ---- Altmap ---- */

/* And the slot is not taken for a leaf; a device's pages are allocated one by one. */
TEST(a_refused_leaf_gives_its_block_back, BARE)
{
	const int first = can_be_huge() ? 0 : 1;
	struct vmem_altmap altmap;

	set_altmap(&altmap, 1UL << 20, 0, ptes_per_slot());
	machine.knobs.refuse_pmds = true;
	for (int slot = first; slot < 2; slot++) {
		EXPECT_EQ(fill(slot_addr(slot), slot_addr(slot + 1), .huge = true,
			       .altmap = slot ? &altmap : NULL), 0);
		expect_leaves(slot_addr(first), slot_addr(slot + 1), SOFT_PTE);
		EXPECT_EQ(machine.nr_used_pages, !first * ptes_per_slot() + nr_tables_found);
#ifdef CONFIG_DEBUG_VM
		expect_warnings(1);
#else
		expect_warnings(has_own_hooks);
#endif
		expect_messages(0);
	}
	EXPECT_EQ(mapped_pfn(slot_addr(1)), altmap.base_pfn);
	EXPECT_EQ(altmap.alloc, ptes_per_slot());
	EXPECT_EQ(altmap.align, 0);
}

/* A page that a neighbour could come to share is RAM, and is freed as RAM. */
TEST(an_altmap_backs_whole_pages_of_the_range_only, BARE)
{
	const unsigned long start = page_addr(1) - 8, end = page_addr(3) + 8;
	struct vmem_altmap altmap;

	set_altmap(&altmap, 1UL << 20, 0, 4);
	EXPECT_EQ(fill(start, end, .altmap = &altmap), 0);
	EXPECT_EQ(altmap.alloc, 2);
	EXPECT_EQ(mapped_pfn(page_addr(1)), altmap.base_pfn);
	EXPECT_EQ(mapped_pfn(page_addr(2)), altmap.base_pfn + 1);
	EXPECT(ram_page(mapped_pfn(page_addr(0))));
	EXPECT(ram_page(mapped_pfn(page_addr(3))));
	vmemmap_free(start, end, &altmap);
	EXPECT_EQ(altmap.alloc, 0);
	EXPECT_EQ(machine.nr_used_pages, 0);

	/* no whole page at all */
	EXPECT_EQ(fill(page_addr(0) + 8, page_addr(1) - 8, .altmap = &altmap), 0);
	EXPECT_EQ(altmap.alloc, 0);
	EXPECT(ram_page(mapped_pfn(page_addr(0))));
}

/* ---- In the way ---- */

/* Build nothing but the entry of @level at @addr, and make it a leaf. */
static void plant_at_level(unsigned long addr, int level)
{
	struct leaf leaf;

	EXPECT_EQ(fill(addr, addr + 1), 0);
	leaf = walk(addr);
	*leaf.path[level] = soft_empty_entry(level);
	plant_leaf(addr, level, 0);
}

/* Neither populating nor depopulating descends through a leaf. */
TEST(a_leaf_above_the_pmd_level_is_refused, BARE)
{
	for (int level = SOFT_PUD; level <= top_level(); level++) {
		unsigned long nr_used;

		machine_bare();
		plant_at_level(page_addr(0), level);
		nr_used = machine.nr_used_pages;
		EXPECT_EQ(fill(page_addr(0), page_addr(1)), -EEXIST);
		EXPECT_EQ(fill(page_addr(0), page_addr(1), .huge = true), -EEXIST);
		EXPECT_EQ(machine.nr_used_pages, nr_used);
		EXPECT_EQ(machine.seen.nr_traced_failures, 0);
		EXPECT(!vmemmap_lookup_page(page_addr(0)));
		EXPECT_EQ(walk(page_addr(0)).level, level);
		vmemmap_free(page_addr(0), page_addr(1), NULL);
		EXPECT_EQ(machine.nr_used_pages, nr_used);
		EXPECT(walk(page_addr(0)).is_mapped);
	}
}

TEST(a_range_is_filled_up_to_a_leaf_in_the_way, BARE, .where = TINY)
{
	unsigned long edge;

	SKIP_UNLESS(top_level() >= SOFT_PUD, "no PUD level");
	edge = soft_vmemmap + level_size(SOFT_PUD);
	plant_at_level(edge, SOFT_PUD);
	EXPECT_EQ(fill(edge - 2 * PAGE_SIZE, edge + PAGE_SIZE), -EEXIST);
	EXPECT(mapped_pfn(edge - 2 * PAGE_SIZE) != ULONG_MAX);
	EXPECT(mapped_pfn(edge - PAGE_SIZE) != ULONG_MAX);
}

/* The tables above that level exist. */
TEST(lookup_stops_at_an_empty_entry_of_any_level, BARE)
{
	for (int level = SOFT_PMD; level <= top_level(); level++) {
		machine_bare();
		EXPECT_EQ(fill(page_addr(0), page_addr(1)), 0);
		*walk(page_addr(0)).path[level] = soft_empty_entry(level);
		EXPECT(!vmemmap_lookup_page(page_addr(0)));
	}
}

/* ---- Hooks and functions that the architectures call ---- */

TEST(check_pmd_distinguishes_leaves_from_tables, BARE)
{
	pmd_t *pmd;

	EXPECT_EQ(fill(page_addr(0), page_addr(1)), 0);
	pmd = (pmd_t *)walk(page_addr(0)).path[SOFT_PMD];
	if (!has_own_hooks)
		EXPECT_EQ(vmemmap_check_pmd(pmd, 1, page_addr(0), page_addr(1)), 0);
	expect_messages(0);
	plant_at_level(page_addr(0), SOFT_PMD);
	EXPECT_EQ(vmemmap_check_pmd(pmd, 0, page_addr(0), page_addr(1)), 1);
	expect_messages(0);
	EXPECT_EQ(vmemmap_check_pmd(pmd, 1, page_addr(0), page_addr(1)), 1);
	expect_messages(has_own_hooks);
}
