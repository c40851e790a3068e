// SPDX-License-Identifier: GPL-2.0
/*
 * test_depopulate.c - what goes, what stays, in which order, at what cost
 *
 * That nothing is released before the flush that follows its clearing is
 * asserted in each release of every test case, see expect_unreachable().
 */
#include <stdlib.h>
#include "soft.h"
#include <linux/vmemmap.h>

static unsigned long hot_pfn(unsigned long nr)
{
	return section_nr_to_pfn(first_hot_section() + nr);
}

static unsigned long nr_used_pages(void)
{
	return 2 * geo.ram_pages - nr_free_pages(0) - nr_free_pages(1);
}

static unsigned long slot_addr(unsigned long nr)
{
	return ALIGN(soft_vmemmap, PMD_SIZE) + nr * PMD_SIZE;
}

static int fill_base(unsigned long start, unsigned long end)
{
	const struct vmemmap_fill fill = { .nid = 0 };

	return vmemmap_fill_range(start, end, &fill);
}

/* W1, W2: both orders, for all neighbours in two sections, whatever they share. */
static void neighbours_go_in_any_order(void)
{
	for_each_tiny_geometry(g) {
		const unsigned long step = (machine_boot(g), PAGES_PER_SUBSECTION);
		const unsigned long nr = 2 * SUBSECTIONS_PER_SECTION;
		const unsigned long pfn = hot_pfn(1);
		char *before = machine_text();

		for (unsigned long i = 0; i < nr; i++)
			for (unsigned long j = i + 1; j < nr; j++)
				for (unsigned long k = j + 1; k <= nr; k++) {
					EXPECT_EQ(add_ram(pfn + i * step, (j - i) * step), 0);
					EXPECT_EQ(add_ram(pfn + j * step, (k - j) * step), 0);
					remove_ram(pfn + i * step, (j - i) * step);
					check_machine();
					EXPECT_EQ(add_ram(pfn + i * step, (j - i) * step), 0);
					remove_ram(pfn + j * step, (k - j) * step);
					check_machine();
					remove_ram(pfn + i * step, (j - i) * step);
					expect_machine(before);
				}
		free(before);
	}
}

/* An 80-byte struct page makes sections share leaves; W14: and come again. */
static void sections_that_share_leaves_go_in_any_order(void)
{
	for_each_geometry(g) {
		unsigned long pfns[2];
		char *before;

		machine_boot(g);
		pfns[0] = hot_pfn(0);
		pfns[1] = hot_pfn(1);
		before = machine_text();
		for (int first = 0; first < 2; first++) {
			EXPECT_EQ(add_ram(pfns[0], PAGES_PER_SECTION), 0);
			EXPECT_EQ(add_ram(pfns[1], PAGES_PER_SECTION), 0);
			remove_ram(pfns[first], PAGES_PER_SECTION);
			check_machine();
			EXPECT_EQ(add_ram(pfns[first], PAGES_PER_SECTION), 0);
			check_machine();
			remove_ram(pfns[!first], PAGES_PER_SECTION);
			remove_ram(pfns[first], PAGES_PER_SECTION);
			expect_machine(before);
		}
		free(before);
	}
}

/* Whatever the leaves: pages, huge ones, shared tails; with the tables. */
static void a_removed_section_costs_one_flush(void)
{
	for_each_geometry(g) {
		struct device *dev = &devices[0];

		machine_boot(g);
		init_device(dev, 0, hot_pfn(1), PAGES_PER_SECTION);
		for (unsigned int order = 0; order <= PFN_SECTION_SHIFT;
		     order += PFN_SECTION_SHIFT) {
			dev->pgmap.vmemmap_shift = order;
			EXPECT_EQ(add_range(0, dev->pfn, dev->nr_pages, NULL, &dev->pgmap), 0);
			machine.nr_tlb_flushes = 0;
			remove_range(dev->pfn, dev->nr_pages, NULL, &dev->pgmap);
			EXPECT(machine.nr_tlb_flushes <= 1);
		}
	}
}

/* Tables stay whose entries others have, or that map something else too. */
static void tables_stay_where_they_must(void)
{
	for_each_geometry(g) {
		const unsigned long start = slot_addr(1), end = start + PAGE_SIZE;
		unsigned long nr_tables;

		machine_bare(g);
		EXPECT_EQ(fill_base(start, end), 0);
		nr_tables = nr_used_pages() - 1;

		vmemmap_depopulate(start, end, NULL, start + 1, 0);
		EXPECT_EQ(nr_used_pages(), nr_tables);
		vmemmap_depopulate(start, end, NULL, 0, slot_addr(2) - 1);
		EXPECT_EQ(nr_used_pages(), nr_tables);
		soft_sync_mask = PGTBL_PMD_MODIFIED | PGTBL_PUD_MODIFIED |
				 PGTBL_P4D_MODIFIED | PGTBL_PGD_MODIFIED;
		vmemmap_depopulate(start, end, NULL, 0, 0);
		EXPECT_EQ(nr_used_pages(), nr_tables);
		soft_sync_mask = 0;
		vmemmap_depopulate(start, end, NULL, 0, 0);
		EXPECT_EQ(nr_used_pages(), 0);
	}
}

/* W17: the oldest block goes, the next one must not be given to two. */
static void what_an_altmap_gave_is_not_given_again_while_others_are_out(void)
{
	for_each_geometry(g) {
		const struct vmemmap_fill fill = { .nid = 0, .altmap = &devices[0].altmap };
		const unsigned long a = slot_addr(1), b = a + PAGE_SIZE, c = b + PAGE_SIZE;
		unsigned long pfn;

		machine_bare(g);
		set_altmap(fill.altmap, 1UL << 20, 0, 4);
		EXPECT_EQ(vmemmap_fill_range(a, c, &fill), 0);
		pfn = fill.altmap->base_pfn;
		vmemmap_free(a, b, fill.altmap);
		EXPECT_EQ(fill.altmap->alloc, 1);
		EXPECT_EQ(vmemmap_fill_range(a, b, &fill), 0);
		EXPECT_EQ(walk(a).pfn, pfn + 2);
		EXPECT_EQ(walk(b).pfn, pfn + 1);
		vmemmap_free(a, c, fill.altmap);
		EXPECT_EQ(fill.altmap->alloc, 0);
		EXPECT_EQ(fill.altmap->align, 0);
		EXPECT_EQ(nr_used_pages(), 0);
	}
}

static void a_subsection_is_live_from_add_to_remove(void)
{
	for_each_geometry(g) {
		const unsigned long pfn = (machine_boot(g), hot_pfn(1));
		const unsigned long next = pfn + PAGES_PER_SUBSECTION;

		EXPECT(!has_live_subsection(pfn, pfn + 2 * PAGES_PER_SECTION));
		EXPECT(has_live_subsection(0, 1));
		EXPECT_EQ(add_ram(pfn, PAGES_PER_SUBSECTION), 0);
		EXPECT(has_live_subsection(pfn - 1, pfn + 1));
		EXPECT(has_live_subsection(next - 1, next + 1));
		EXPECT(!has_live_subsection(pfn - 1, pfn));
		EXPECT(!has_live_subsection(next, next + 1));
		remove_ram(pfn, PAGES_PER_SUBSECTION);
		EXPECT(!has_live_subsection(pfn - 1, next + 1));
	}
}

static void a_slot_ends_where_the_next_begins(void)
{
	for_each_geometry(g) {
		const unsigned long addr = slot_addr(1), next = slot_addr(2);

		EXPECT_EQ(vmemmap_slot_end(addr, next + 1), next);
		EXPECT_EQ(vmemmap_slot_end(next - 1, next + 1), next);
		EXPECT_EQ(vmemmap_slot_end(addr, next - 1), next - 1);
		EXPECT_EQ(vmemmap_slot_end(-PMD_SIZE, -1UL), -1UL);
	}
}

/* More pieces than are gathered at a time. */
static void a_range_of_any_length_goes(void)
{
	for_each_geometry(g) {
		const unsigned long nr = min(3000UL, geo.ram_pages / 2);
		const unsigned long start = slot_addr(1) + PAGE_SIZE;

		machine_bare(g);
		if (start + nr * PAGE_SIZE > vaddr(section_nr_to_pfn(NR_MEM_SECTIONS)))
			continue;
		EXPECT_EQ(fill_base(start, start + nr * PAGE_SIZE), 0);
		machine.nr_tlb_flushes = 0;
		vmemmap_free(start, start + nr * PAGE_SIZE, NULL);
		EXPECT_EQ(nr_used_pages(), 0);
		EXPECT(machine.nr_tlb_flushes <= 1 + nr / 512);
	}
}

const struct test_case depopulate_cases[] = {
	TEST_CASE(neighbours_go_in_any_order),
	TEST_CASE(sections_that_share_leaves_go_in_any_order),
	TEST_CASE(a_removed_section_costs_one_flush),
	TEST_CASE(tables_stay_where_they_must),
	TEST_CASE(what_an_altmap_gave_is_not_given_again_while_others_are_out),
	TEST_CASE(a_subsection_is_live_from_add_to_remove),
	TEST_CASE(a_slot_ends_where_the_next_begins),
	TEST_CASE(a_range_of_any_length_goes),
	{ NULL, NULL },
};
