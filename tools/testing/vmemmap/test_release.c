// SPDX-License-Identifier: GPL-2.0
/*
 * test_release.c - base pages in a row are freed as few blocks, and which are not
 *
 * That what is freed lies in aligned blocks of pages without a reference, none of
 * them a table or bad memory, is asserted in each free of every test case, see
 * vmemmap_free_frozen_pages().
 */
#include "soft.h"
#include <linux/vmemmap.h>

/* As many blocks as a row of such a length and place needs, and no more. */
static unsigned long nr_blocks(unsigned long pfn, unsigned long end_pfn)
{
	unsigned long nr = 0, next;

	for (; pfn < end_pfn; pfn = next, nr++) {
		unsigned long size = 1;

		while (size < BIT(MAX_PAGE_ORDER) && !(pfn & size) && pfn + 2 * size <= end_pfn)
			size *= 2;
		next = pfn + size;
	}
	return nr;
}

/* A table of PTEs whose pages lie in a row, as far as rows go. */
static unsigned long fill_slot_in_a_row(unsigned long nr_pages)
{
	const unsigned long start = slot_addr(1);

	EXPECT_EQ(fill(start, start + nr_pages * PAGE_SIZE), 0);
	machine.seen.nr_row_frees = 0;
	return start;
}

static void free_pages_at(unsigned long start, unsigned long nr_pages)
{
	vmemmap_free(start, start + nr_pages * PAGE_SIZE, NULL);
}

/* The longest row that the page allocator gives, and a subsection spans. */
static unsigned long row_size(void)
{
	return min(min(BIT(MAX_PAGE_ORDER), PAGES_PER_SUBSECTION), PTRS_PER_PTE);
}

/*
 * Any part of a row is cut into aligned blocks, or into pages where each has been
 * recorded; and the rest of it stays.
 */
TEST(a_part_of_a_row_is_freed_by_few_calls, BARE)
{
	const unsigned long nr = min(row_size(), 16UL);

	for (unsigned long i = 0; i < nr; i++) {
		for (unsigned long j = i + 1; j <= nr; j++) {
			const unsigned long start = fill_slot_in_a_row(nr);
			const unsigned long pfn = walk(start).pfn;

			machine.knobs.has_page_records = i & 1;
			free_pages_at(start + i * PAGE_SIZE, j - i);
			EXPECT_EQ(machine.seen.nr_row_frees, machine.knobs.has_page_records ?
				  j - i : nr_blocks(pfn + i, pfn + j));
			free_pages_at(start, nr);
			EXPECT_EQ(machine.nr_used_pages, 0);
		}
	}
	machine.knobs.has_page_records = false;
	free_pages_at(fill_slot_in_a_row(row_size()), row_size());
	EXPECT_EQ(machine.seen.nr_row_frees, 1);
	expect_traces_cancel_out();
}

/*
 * A page that is held is freed with the last reference, and bad memory alone, as the
 * page allocator keeps only single pages from being used; the others in rows.
 */
TEST(a_page_that_is_held_or_bad_leaves_its_row, BARE)
{
	const unsigned long nr = min(row_size(), 16UL);

	for (unsigned long i = 0; i < 2 * nr; i++) {
		const unsigned long start = fill_slot_in_a_row(nr);
		const unsigned long pfn = walk(start).pfn, other = pfn + i / 2;
		const bool is_held = i & 1;

		ram_page(other)->refs += is_held;
		ram_page(other)->is_bad = !is_held;
		free_pages_at(start, nr);
		EXPECT_EQ(machine.seen.nr_row_frees,
			  nr_blocks(pfn, other) + nr_blocks(other + 1, pfn + nr));
		EXPECT_EQ(machine.nr_used_pages, is_held);
		if (is_held)
			__free_pages(pfn_to_page(other), 0);
		ram_page(other)->is_bad = false;
		EXPECT_EQ(machine.nr_used_pages, 0);
	}
}

/* Page frames in descending order are no row. */
TEST(pages_in_disorder_are_freed_alone, BARE)
{
	const unsigned long start = fill_slot_in_a_row(2), pfn = walk(start).pfn;

	remap_page(start, pfn + 1, false);
	remap_page(start + PAGE_SIZE, pfn, false);
	free_pages_at(start, 2);
	EXPECT_EQ(machine.seen.nr_row_frees, 2);
	EXPECT_EQ(machine.nr_used_pages, 0);
}

/* Step by step, as removal does it. */
TEST(frozen_pages_are_out_of_reach_until_they_are_freed, BARE)
{
	const unsigned long pfn = page_to_pfn(vmemmap_alloc_pages(1, 0));

	page_ref_add(pfn_to_page(pfn + 1), 1);
	EXPECT(vmemmap_freeze_page(pfn, 1));
	EXPECT(!vmemmap_freeze_page(pfn, 1));
	EXPECT(!vmemmap_freeze_next_page(pfn + 1, 1));
	EXPECT(vmemmap_freeze_next_page(pfn + 1, 2));
	EXPECT_EQ(machine.nr_used_pages, 2);
	vmemmap_put_row(pfn, 2);
	EXPECT_EQ(machine.nr_used_pages, 0);
}

/* Two subsections may have been added by two calls, and one may be gone. */
TEST(a_row_ends_with_a_subsection, BARE)
{
	const unsigned long nr = PAGES_PER_SUBSECTION, start = slot_addr(1);
	const unsigned int order = ilog2(2 * nr);
	unsigned long pfn;

	SKIP_UNLESS(order <= MAX_PAGE_ORDER && 2 * nr <= geo.ram_pages / 2 &&
		    PTRS_PER_PTE >= 2, "no block is as large as two subsections");
	fill_slot_in_a_row(2);
	vmemmap_put_block(walk(start).pfn, 0, 1, NULL);
	vmemmap_put_block(walk(start + PAGE_SIZE).pfn, 0, 1, NULL);
	pfn = page_to_pfn(vmemmap_alloc_pages(order, 0));
	remap_page(start, pfn + nr - 1, false);
	remap_page(start + PAGE_SIZE, pfn + nr, false);
	machine.seen.nr_row_frees = 0;
	free_pages_at(start, 2);
	EXPECT_EQ(machine.seen.nr_row_frees, 2);
}

/* A device's pages are no RAM, even right behind some in a row. */
TEST(pages_of_a_device_are_in_no_row, BARE)
{
	const unsigned long start = slot_addr(1);
	const unsigned long nr = min(row_size(), 4UL);
	struct vmem_altmap altmap;
	unsigned long pfn;

	fill_slot_in_a_row(nr);
	pfn = walk(start).pfn;
	set_altmap(&altmap, pfn + nr / 2, 0, nr / 2);
	altmap.alloc = nr / 2;
	vmemmap_free(start, start + nr * PAGE_SIZE, &altmap);
	EXPECT_EQ(altmap.alloc, 0);
	EXPECT_EQ(machine.nr_used_pages, nr / 2);
}

/* The shared tail of each compound page is as much in the row as its head. */
TEST(pages_of_compound_pages_are_freed_in_a_row, BOOT)
{
	struct device *dev = &devices[0];
	unsigned long pfn, nr;

	init_device(dev, 0, section_nr_to_pfn(first_hot_section() + 1), PAGES_PER_SECTION);
	dev->pgmap.vmemmap_shift = PFN_SECTION_SHIFT;
	SKIP_UNLESS(vmemmap_can_optimize(NULL, &dev->pgmap), "too small for shared tails");
	EXPECT_EQ(add_device(dev), 0);
	pfn = walk(vaddr(dev->pfn)).pfn;
	nr = has_zone_tails || (walk(vaddr(dev->pfn) + PAGE_SIZE).pfn == pfn + 1 &&
				pfn % 2 == 0) ? 1 : 2;
	machine.seen.nr_row_frees = 0;
	remove_device(dev);
	EXPECT_EQ(machine.seen.nr_row_frees, nr);
	check_machine();
}

/* ---- What is flushed ---- */

/* From a device, whose blocks are as large as they have to be. */
static void fill_from_device(unsigned long start, unsigned long end, bool huge)
{
	EXPECT_EQ(fill(start, end, .huge = huge, .altmap = &devices[0].altmap), 0);
}

/* No table is freed. Returns the stride of the flush. */
static unsigned long free_leaves(unsigned long start, unsigned long end)
{
	vmemmap_depopulate(start, end, &devices[0].altmap, end, 0);
	EXPECT_EQ(machine.seen.tlb_flushed.start, start);
	EXPECT_EQ(machine.seen.tlb_flushed.end, end);
	return machine.seen.tlb_stride;
}

TEST(leaves_are_flushed_by_the_smallest_of_them, BARE)
{
	const unsigned long huge = has_own_hooks ? PMD_SIZE : PAGE_SIZE;
	const unsigned long start = slot_addr(1), middle = slot_addr(2);
	const unsigned long end = slot_addr(3);

	set_altmap(&devices[0].altmap, 1UL << 20, 0, 8UL << PMD_ORDER);
	fill_from_device(start, end, true);
	EXPECT_EQ(free_leaves(start, end), huge);
	fill_from_device(start, middle, true);
	fill_from_device(middle, middle + PAGE_SIZE, false);
	EXPECT_EQ(free_leaves(start, middle + PAGE_SIZE), PAGE_SIZE);
	fill_from_device(start, middle, true);
	EXPECT_EQ(free_leaves(start, middle), huge);
}

/* A page of the slot is flushed, and the table for the whole of it. */
TEST(a_table_is_flushed_for_what_it_mapped, BARE)
{
	const unsigned long start = slot_addr(1), addr = start + PAGE_SIZE;

	EXPECT_EQ(fill(addr, addr + PAGE_SIZE), 0);
	/* the table of PTEs alone is freed */
	vmemmap_depopulate(addr, addr + PAGE_SIZE, NULL, start, slot_addr(2));
	EXPECT_EQ(machine.seen.nr_tlb_flushes, 1);
	if (!has_own_hooks) {
		EXPECT_EQ(machine.seen.tlb_flushed.end, ULONG_MAX);
		return;
	}
	EXPECT_EQ(machine.seen.tlb_flushed.start, addr);
	EXPECT_EQ(machine.seen.tlb_flushed.end, addr + PAGE_SIZE);
	EXPECT_EQ(machine.seen.tables_flushed.start, start);
	EXPECT_EQ(machine.seen.tables_flushed.end, slot_addr(2));
	EXPECT_EQ(machine.seen.tables_flushed.stride, PMD_SIZE);
}
