// SPDX-License-Identifier: GPL-2.0
/*
 * test_depopulate.c - which leaves and tables are freed, when, and at what cost
 *
 * Most cases are about vmemmap pages and leaves that are shared. Struct pages of
 * subsections A and B can share one, and so can those of sections:
 *
 *	pfns		|     A     |     B     |     C     |
 *	struct pages	|  of A  |  of B  |  of C  |
 *	vmemmap		|  page or leaf  |  page or leaf  |
 *			          ^ needed until A and B are both removed
 *
 * Each release of every test case asserts that a flush has covered all entries that
 * were cleared before, see expect_unreachable().
 */
#include <stdlib.h>
#include "soft.h"
#include <linux/vmemmap.h>

/* In both orders, for all neighbours in two sections, whatever they share. */
TEST(neighbours_are_removed_in_any_order, BOOT, .where = TINY)
{
	const unsigned long step = PAGES_PER_SUBSECTION;
	const unsigned long nr = 2 * SUBSECTIONS_PER_SECTION;
	const unsigned long pfn = hot_pfn(1);
	remember_machine();

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
				expect_machine_as_before();
			}
}

/* ---- Every range of subsections of two sections, real page sizes ---- */

#define MAX_WINDOW_PAGES 4096

/*
 * The struct pages of the two sections, rounded outwards to leaves; and the page
 * that each address was mapped to at the last check.
 */
static struct {
	unsigned long pfn, start, end;
	unsigned long nr_others;	/* pages of RAM not for these sections */
	unsigned long pfns[MAX_WINDOW_PAGES];	/* ULONG_MAX: not mapped */
} window;

/* It is mapped if any of its subsections is live, and by the same memory as before. */
static void check_unit(unsigned long start, unsigned long end, const struct leaf *leaf)
{
	const unsigned long first = (start - soft_vmemmap) / sizeof(struct page);
	const unsigned long last = (end - 1 - soft_vmemmap) / sizeof(struct page);
	unsigned long *before = &window.pfns[(start - window.start) >> PAGE_SHIFT];
	unsigned long pfn = leaf->is_mapped ? leaf->pfn : ULONG_MAX;

	if (leaf->is_mapped == is_dead_range(first, last - first + 1))
		FAIL("[%#lx-%#lx) is %smapped", start, end, leaf->is_mapped ? "" : "not ");
	if (leaf->is_mapped)
		EXPECT(ram_page(pfn)->state == PAGE_BLOCK && ram_page(pfn)->refs == 1);
	for (; start < end; start += PAGE_SIZE, pfn += leaf->is_mapped, before++) {
		if (leaf->is_mapped && *before != ULONG_MAX)
			EXPECT_EQ(*before, pfn);
		*before = pfn;
	}
}

/* Check the part of a slot, and count the pages of RAM for it, tables as well. */
static unsigned long check_slot(unsigned long start, unsigned long end)
{
	struct leaf leaf = walk(start);
	unsigned long nr_pages = 0;

	if (leaf.level != SOFT_PTE) {
		check_unit(start, end, &leaf);
		return leaf.is_mapped ? (end - start) >> PAGE_SHIFT : 0;
	}
	for (; start < end; start += PAGE_SIZE, leaf.entry++) {
		leaf.is_mapped = !is_empty_entry(*leaf.entry, SOFT_PTE);
		leaf.pfn = *leaf.entry >> PAGE_SHIFT;
		check_unit(start, start + PAGE_SIZE, &leaf);
		nr_pages += leaf.is_mapped;
	}
	/* where a slot is larger than a section, those from boot have the table */
	EXPECT(nr_pages || geo.arch == ARCH_BASE);
	return nr_pages + 1;
}

static void check_window(void)
{
	unsigned long nr_pages = window.nr_others, next;

	for (unsigned long addr = window.start; addr < window.end; addr = next) {
		next = vmemmap_span_end(addr, window.end, PMD_SIZE);
		nr_pages += check_slot(addr, next);
	}
	for (int i = 0; i < 2; i++)
		nr_pages += !!__pfn_to_section(window.pfn + i * PAGES_PER_SECTION)->usage;
	EXPECT_EQ(machine.nr_used_pages, nr_pages);
}

static void open_window(void)
{
	const unsigned long unit = geo.arch == ARCH_BASE ? PAGE_SIZE : PMD_SIZE;

	window.pfn = hot_pfn(1);
	window.start = ALIGN_DOWN(vaddr(window.pfn), unit);
	window.end = ALIGN(vaddr(window.pfn + 2 * PAGES_PER_SECTION), unit);
	EXPECT((window.end - window.start) >> PAGE_SHIFT <= MAX_WINDOW_PAGES);
	memset(window.pfns, 0xff, sizeof(window.pfns));
	/* have the tables built that they share with others */
	EXPECT_EQ(add_ram(window.pfn, 2 * PAGES_PER_SECTION), 0);
	remove_ram(window.pfn, 2 * PAGES_PER_SECTION);
	window.nr_others = machine.nr_used_pages - (geo.arch == ARCH_BASE);
	check_window();
}

static void toggle(unsigned long pfn, unsigned long nr_pages)
{
	if (is_dead_range(pfn, nr_pages))
		EXPECT_EQ(add_ram(pfn, nr_pages), 0);
	else
		remove_ram(pfn, nr_pages);
	check_window();
}

/*
 * One of @step ranges: with an odd @step that is still each start, each length,
 * and each position of the two ends in a page.
 */
static void toggle_ranges(unsigned int step)
{
	const unsigned long size = PAGES_PER_SUBSECTION;
	const unsigned long nr = 2 * SUBSECTIONS_PER_SECTION;

	for (unsigned long i = 0; i < nr; i++) {
		for (unsigned long j = i + 1; j <= nr; j++) {
			if ((i + 2 * j) % step)
				continue;
			toggle(window.pfn + i * size, (j - i) * size);
			toggle(window.pfn + i * size, (j - i) * size);
		}
		check_machine();
	}
}

/*
 * The sections are otherwise empty, or otherwise full. Two sections have 8256
 * ranges, or 131328 with 64K pages: test all of them for a struct page of 64 bytes,
 * and for 16K pages with any; one in five for the rest.
 */
TEST(every_range_of_two_sections_is_added_and_removed, EARLY, .where = REAL)
{
	const bool is_real = sizeof(struct page) == 64;
	const unsigned int step = is_real || geo.page_shift == 14 ? 1 : 5;
	struct geometry small = geo;

	SKIP_UNLESS(!has_own_hooks, "hooks make no difference");
	SKIP_UNLESS(!strncmp(geo.name, "arm64", 5), "no page size of its own");
	/* little memory stays in the caches of the host */
	if (geo.arch == ARCH_BASE)
		small.ram_pages = 128;
	use_geometry(&small);
	machine_boot();
	open_window();
	toggle_ranges(step);
	toggle(window.pfn, 2 * PAGES_PER_SECTION);
	toggle_ranges(step);
}

static void expect_one_flush(struct device *dev, struct vmem_altmap *altmap)
{
	EXPECT_EQ(add_range(0, dev->pfn, dev->nr_pages, altmap, &dev->pgmap), 0);
	machine.seen.nr_tlb_flushes = 0;
	remove_range(dev->pfn, dev->nr_pages, altmap, &dev->pgmap);
	EXPECT_EQ(machine.seen.nr_tlb_flushes, 1);
}

/*
 * Whatever its leaves: huge, pages, shared tails, of a device; with the tables. As far
 * as the gathered pieces have room, and so for two sections of a tiny machine as well.
 */
TEST(sections_are_removed_by_one_flush, BOOT)
{
	const unsigned long size = PAGES_PER_SECTION * sizeof(struct page);
	const unsigned long most = geo.is_tiny ? 2 : 1;
	unsigned long nr = DIV_ROUND_UP(2 * PAGE_SIZE, size);
	struct device *dev = &devices[0];

	SKIP_UNLESS(nr <= most, "sections share vmemmap pages");
	for (; nr <= most; nr++) {
		machine_boot();
		init_device(dev, 0, hot_pfn(1), nr * PAGES_PER_SECTION);
		set_altmap(&dev->altmap, dev->pfn, 0, PAGES_PER_SECTION);
		SKIP_UNLESS(vmemmap_nr_pages(dev->nr_pages) < 1024 ||
			    ALIGN(vaddr(dev->pfn), PMD_SIZE) + PMD_SIZE <=
			    vaddr(dev->pfn + dev->nr_pages),
			    "too many pages to gather at a time, and no whole slot");
		expect_one_flush(dev, NULL);
		expect_one_flush(dev, &dev->altmap);
		SKIP_UNLESS(vmemmap_nr_pages(dev->nr_pages) < 1024,
			    "too many pages to gather at a time");
		machine.knobs.refuse_pmds = true;
		expect_one_flush(dev, NULL);
		expect_one_flush(dev, &dev->altmap);
		dev->pgmap.vmemmap_shift = PFN_SECTION_SHIFT;
		expect_one_flush(dev, NULL);
		machine.seen.nr_warnings = 0;
		check_machine();
	}
}

/* Pages, leaves and tables are missing, at each level. */
TEST(a_range_with_holes_is_freed, BARE)
{
	/* real tables span too many slots to visit each */
	const int last_level = geo.is_tiny ? top_level() : SOFT_PMD;
	unsigned long addr = slot_addr(0);

	EXPECT_EQ(fill(addr + PAGE_SIZE, addr + 2 * PAGE_SIZE), 0);
	EXPECT_EQ(fill(slot_addr(1) - PAGE_SIZE, slot_addr(1)), 0);
	if (geo.arch != ARCH_BASE)
		EXPECT_EQ(fill(slot_addr(2), slot_addr(3), .huge = true), 0);
	for (int level = SOFT_PMD; level <= last_level; level++) {
		addr = slot_addr(0) + 2 * level_size(level) + PMD_SIZE - PAGE_SIZE;
		EXPECT_EQ(fill(addr, addr + PAGE_SIZE), 0);
	}
	vmemmap_free(slot_addr(0), addr + PAGE_SIZE, NULL);
	EXPECT_EQ(machine.nr_used_pages, 0);
	/* nothing is mapped at all */
	vmemmap_free(slot_addr(0), addr + PAGE_SIZE, NULL);
	EXPECT_EQ(machine.nr_used_pages, 0);
}

/* Also the part of it that boot did not note has struct pages. */
TEST(an_early_section_keeps_what_it_shares, BOOT)
{
	remember_machine();
	EXPECT_EQ(add_ram(hot_pfn(0), PAGES_PER_SUBSECTION), 0);
	remove_ram(hot_pfn(0), PAGES_PER_SUBSECTION);
	expect_machine_as_before();
	EXPECT_EQ(add_ram(hot_pfn(0), PAGES_PER_SECTION), 0);
	remove_ram(hot_pfn(0), PAGES_PER_SECTION);
	expect_machine_as_before();
	check_machine();
}

/* Memory from boot is freed as such, even if a hot-added section used it last. */
TEST(memory_from_boot_is_freed_with_its_last_user, BOOT)
{
	const unsigned long pfn = hot_pfn(-1);

	EXPECT_EQ(add_ram(hot_pfn(0), PAGES_PER_SECTION), 0);
	remove_ram(pfn, geo.gap_sections ? PAGES_PER_SECTION :
		   min(PAGES_PER_SECTION, ram_start_pfn(1) + geo.ram_pages - pfn));
	check_machine();
	remove_ram(hot_pfn(0), PAGES_PER_SECTION);
	check_machine();
}

/*
 * Tables stay whose entries others have, or that map something else too. Of one
 * page's tables, those below an entry that others have go.
 */
TEST(tables_outside_floor_and_ceiling_are_kept, BARE)
{
	const unsigned long start = slot_addr(1), end = start + PAGE_SIZE;
	unsigned long nr_tables;

	EXPECT_EQ(fill(start, end), 0);
	nr_tables = machine.nr_used_pages - 1;

	vmemmap_depopulate(start, end, NULL, start + 1, 0);
	EXPECT_EQ(machine.nr_used_pages, nr_tables);
	vmemmap_depopulate(start, end, NULL, 0, slot_addr(2) - 1);
	EXPECT_EQ(machine.nr_used_pages, nr_tables);
	for (int level = SOFT_PMD; level < NR_SOFT_LEVELS; level++) {
		EXPECT_EQ(fill(start, end), 0);
		soft_sync_mask = BIT(level);
		vmemmap_depopulate(start, end, NULL, 0, 0);
		EXPECT_EQ(machine.nr_used_pages, level > top_level() ? 0 :
			  nr_tables - (level - SOFT_PMD));
		soft_sync_mask = 0;
		vmemmap_depopulate(start, end, NULL, 0, 0);
		EXPECT_EQ(machine.nr_used_pages, 0);
	}
}

TEST(a_subsection_is_live_from_add_to_remove, BOOT)
{
	const unsigned long pfn = hot_pfn(1);
	const unsigned long next = pfn + PAGES_PER_SUBSECTION;
	const unsigned long last = section_nr_to_pfn(NR_MEM_SECTIONS - SECTIONS_PER_ROOT);

	EXPECT(!sparse_has_live_subsection(pfn, pfn + 2 * PAGES_PER_SECTION));
	EXPECT(sparse_has_live_subsection(0, 1));
	EXPECT_EQ(add_ram(pfn, PAGES_PER_SUBSECTION), 0);
	EXPECT(sparse_has_live_subsection(pfn - 1, pfn + 1));
	EXPECT(sparse_has_live_subsection(next - 1, next + 1));
	EXPECT(!sparse_has_live_subsection(pfn - 1, pfn));
	EXPECT(!sparse_has_live_subsection(next, next + 1));
	remove_ram(pfn, PAGES_PER_SUBSECTION);
	EXPECT(!sparse_has_live_subsection(pfn - 1, next + 1));

	/* the sections before it need not have an array */
	EXPECT_EQ(add_ram(last, PAGES_PER_SUBSECTION), 0);
	EXPECT(!__pfn_to_section(last - 1));
	EXPECT(sparse_has_live_subsection(last - 1, last + 1));
	EXPECT(!sparse_has_live_subsection(last - 1, last));
}

TEST(a_slot_ends_where_the_next_starts, BARE)
{
	const unsigned long addr = slot_addr(1), next = slot_addr(2);

	EXPECT_EQ(vmemmap_span_end(addr, next + 1, PMD_SIZE), next);
	EXPECT_EQ(vmemmap_span_end(next - 1, next + 1, PMD_SIZE), next);
	EXPECT_EQ(vmemmap_span_end(addr, next - 1, PMD_SIZE), next - 1);
	EXPECT_EQ(vmemmap_span_end(-PMD_SIZE, -1UL, PMD_SIZE), -1UL);
}

/*
 * More pieces than are gathered at a time; the last one that fits is a page, or the
 * table of the pages before it.
 */
TEST(a_range_of_any_length_is_freed, BARE)
{
	const unsigned long lengths[] = { 1022, 1023, 1024, 1025, 3000 };
	const unsigned long start = slot_addr(1);

	machine.knobs.has_page_records = true;	/* each page is a piece */
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		const unsigned long nr = min(lengths[i], geo.ram_pages / 2);

		SKIP_UNLESS(start + nr * PAGE_SIZE <= vaddr(section_nr_to_pfn(NR_MEM_SECTIONS)),
			    "the vmemmap is too small");
		EXPECT_EQ(fill(start, start + nr * PAGE_SIZE), 0);
		machine.seen.nr_tlb_flushes = 0;
		vmemmap_free(start, start + nr * PAGE_SIZE, NULL);
		EXPECT_EQ(machine.nr_used_pages, 0);
		EXPECT(machine.seen.nr_tlb_flushes <= 1 + nr / 512);
		expect_traces_cancel_out();
	}
}

TEST(nested_removals_are_released_after_one_flush, BARE)
{
	const unsigned long start = slot_addr(1), end = slot_addr(3);
	unsigned long nr_used;

	EXPECT_EQ(fill(start, start + PAGE_SIZE), 0);
	EXPECT_EQ(fill(end - PAGE_SIZE, end), 0);
	nr_used = machine.nr_used_pages;
	machine.seen.nr_tlb_flushes = 0;

	vmemmap_gather_begin(NULL);
	vmemmap_free(end - PAGE_SIZE, end, NULL);
	vmemmap_gather_begin(NULL);
	vmemmap_free(start, start + PAGE_SIZE, NULL);
	vmemmap_gather_end();
	EXPECT_EQ(machine.nr_used_pages, nr_used);
	EXPECT_EQ(machine.seen.nr_tlb_flushes, 0);

	vmemmap_gather_end();
	EXPECT_EQ(machine.nr_used_pages, 0);
	EXPECT_EQ(machine.seen.nr_tlb_flushes, 1);
	EXPECT(machine.seen.tlb_flushed.start <= start);
	EXPECT(machine.seen.tlb_flushed.end >= end);

	vmemmap_gather_begin(NULL);
	vmemmap_gather_end();
	EXPECT_EQ(machine.seen.nr_tlb_flushes, 1);
}

/* A device is asked for its own blocks only. */
TEST(memory_of_one_device_is_released_before_that_of_another, BARE)
{
	struct vmem_altmap altmap;

	set_altmap(&altmap, 1UL << 20, 0, 1);
	EXPECT_EQ(fill(slot_addr(1), slot_addr(1) + PAGE_SIZE), 0);
	machine.seen.nr_tlb_flushes = 0;

	vmemmap_gather_begin(NULL);
	vmemmap_free(slot_addr(1), slot_addr(1) + PAGE_SIZE, NULL);
	EXPECT_EQ(machine.seen.nr_tlb_flushes, 0);
	vmemmap_gather_begin(&altmap);
	EXPECT_EQ(machine.nr_used_pages, 0);
	EXPECT_EQ(machine.seen.nr_tlb_flushes, 1);
	vmemmap_gather_end();
	vmemmap_gather_end();
	EXPECT_EQ(machine.seen.nr_tlb_flushes, 1);
}

TEST(nothing_is_traced_when_tracing_is_off, BOOT)
{
	const unsigned long nr_traced = machine.seen.nr_traced;

	machine.knobs.is_untraced = true;
	EXPECT_EQ(add_ram(hot_pfn(1), PAGES_PER_SECTION), 0);
	remove_ram(hot_pfn(1), PAGES_PER_SECTION);
	EXPECT_EQ(machine.seen.nr_traced, nr_traced);
}

/* ---- An architecture that frees without vmemmap_depopulate() ---- */

static bool is_leaf_needed(const struct leaf *leaf)
{
	const unsigned long start = max(leaf->start, soft_vmemmap) - soft_vmemmap;
	const unsigned long last = leaf->end - 1 - soft_vmemmap;

	return sparse_has_live_subsection(start / sizeof(struct page),
					  last / sizeof(struct page) + 1);
}

/* Nothing is traced there: the sums are put right here. */
static void free_leaf(const struct leaf *leaf, struct vmem_altmap *altmap)
{
	const struct soft_page *page = ram_page(leaf->pfn);
	const bool is_zone_tail = *leaf->entry & ENTRY_READONLY;
	const bool is_huge = leaf->level == SOFT_PMD;
	const int source = !page ? VMEMMAP_ALTMAP : is_zone_tail || page->refs > 1 ?
			   VMEMMAP_SHARED_TAIL : VMEMMAP_RAM;

	machine.traced[is_huge][source] -= leaf->end - leaf->start;
	*leaf->entry = soft_empty_entry(leaf->level);
	if (!is_zone_tail)
		vmemmap_put_block(leaf->pfn, is_huge ? PMD_ORDER : 0, 1, altmap);
}

static bool is_table_empty(const unsigned long *table, int level)
{
	for (unsigned long i = 0; i < BIT(geo.bits[level]); i++)
		if (!is_empty_entry(table[i], level))
			return false;
	return true;
}

static void free_tables(unsigned long addr)
{
	for (int level = SOFT_PMD; level <= top_level(); level++) {
		unsigned long *entry = walk(addr).path[level], pfn;

		if (!entry || is_empty_entry(*entry, level) || *entry & ENTRY_LEAF)
			continue;
		if (!is_table_empty(entry_table(*entry, level), level - 1))
			return;
		pfn = *entry >> PAGE_SHIFT;
		*entry = soft_empty_entry(level);
		vmemmap_put_block(pfn, 0, 1, NULL);
		machine.nr_tables--;
	}
}

static void free_by_own_means(unsigned long start, unsigned long end, struct vmem_altmap *altmap)
{
	struct leaf leaf;

	for (unsigned long addr = start; addr < end; addr = leaf.end) {
		leaf = walk(addr);
		if (leaf.is_mapped && !is_leaf_needed(&leaf))
			free_leaf(&leaf, altmap);
		free_tables(addr);
	}
}

TEST(sections_do_without_vmemmap_depopulate, BOOT)
{
	const unsigned long sub = PAGES_PER_SUBSECTION, size = PAGES_PER_SECTION;
	struct device *dev = &devices[0];
	unsigned long n = 0;

	machine.knobs.free = free_by_own_means;
	EXPECT_EQ(add_ram(hot_pfn(0) + sub, 2 * sub), 0);
	EXPECT_EQ(add_ram(hot_pfn(1), size), 0);
	remove_ram(hot_pfn(0) + sub, 2 * sub);
	check_machine();
	remove_ram(hot_pfn(1), size);
	check_machine();

	/* an add that fails is undone by it, too */
	remember_machine();
	for (int err = -ENOMEM; err; ) {
		fail_allocation(++n, true);
		err = add_ram(hot_pfn(0), 2 * size);
		fail_allocation(0, false);
		if (err)
			expect_machine_as_before();
	}
	remove_ram(hot_pfn(0), 2 * size);
	expect_machine_as_before();

	init_device(dev, 0, section_nr_to_pfn(16), 4 * size);
	dev->pgmap.vmemmap_shift = PFN_SECTION_SHIFT;
	EXPECT_EQ(add_device(dev), 0);
	remove_device(dev);
	check_machine();
	remove_ram(0, min(size, geo.ram_pages));
	check_machine();
}

/* ---- Whoever comes late ---- */

static void expect_zeros(unsigned long pfn, unsigned long nr_pages)
{
	unsigned long addr = PAGE_ALIGN(vaddr(pfn));

	machine.seen.nr_warnings = 0;	/* of leaves that were refused */
	check_machine();
	for (; addr + PAGE_SIZE <= vaddr(pfn + nr_pages); addr += PAGE_SIZE)
		EXPECT(walk(addr).is_mapped || is_read_as_zeros(addr));
	for (; nr_pages; nr_pages -= PAGES_PER_SECTION, pfn += PAGES_PER_SECTION)
		EXPECT(__pfn_to_section(pfn)->usage);
}

TEST(what_was_removed_is_read_as_zeros, BOOT)
{
	const unsigned long pfn = hot_pfn(1), nr_pages = (geo.is_tiny ? 17 : 2) * PAGES_PER_SECTION;
	struct entropy entropy = seeded_entropy();

	SKIP_UNLESS(can_be_read_as_zeros(), "no architecture that reads zeros");
	EXPECT_EQ(make_stand_ins(), 0);
	expect_messages(machine.seen.nr_messages);
	for (int i = 0; i < 2; i++) {
		machine.knobs.refuse_pmds = i;
		EXPECT_EQ(add_range(0, pfn, nr_pages, NULL, NULL), 0);
		EXPECT(!machine.has_stale_zeros);
		remove_range(pfn, nr_pages, NULL, NULL);
		expect_zeros(pfn, nr_pages);
		/* Those around a section that is in use again still are. */
		EXPECT_EQ(add_ram(pfn, PAGES_PER_SECTION), 0);
		expect_zeros(pfn, nr_pages);
		remove_ram(pfn, PAGES_PER_SECTION);
	}
	machine.seen.nr_warnings = 0;
	machine.knobs.refuse_pmds = false;
	run_operations(&entropy, 30);
}

TEST(where_entries_must_be_empty_nothing_is_read_as_zeros, BOOT, .where = TINY)
{
	pmd_t *pmd;

	SKIP_UNLESS(can_be_read_as_zeros(), "no architecture that reads zeros");
	machine.knobs.no_stand_in = true;
	EXPECT_EQ(make_stand_ins(), 0);
	expect_messages(machine.seen.nr_messages);
	EXPECT_EQ(add_range(0, hot_pfn(8), 8 * PAGES_PER_SECTION, NULL, NULL), 0);
	remove_range(hot_pfn(8), 8 * PAGES_PER_SECTION, NULL, NULL);
	check_machine();
	pmd = vmemmap_find_slot(ALIGN(vaddr(hot_pfn(8)), PMD_SIZE));
	EXPECT(!pmd || pmd_none(*pmd));
}

TEST(without_memory_nothing_is_read_as_zeros, BOOT, .where = TINY)
{
	SKIP_UNLESS(can_be_read_as_zeros(), "no architecture that reads zeros");
	for (int nr = 1; nr <= 3; nr++) {
		machine_boot();
		fail_allocation(nr, false);
		EXPECT_EQ(make_stand_ins(), -ENOMEM);
		EXPECT_EQ(add_range(0, hot_pfn(1), PAGES_PER_SECTION, NULL, NULL), 0);
		remove_range(hot_pfn(1), PAGES_PER_SECTION, NULL, NULL);
		check_machine();
		expect_messages(machine.seen.nr_messages);
	}
}
