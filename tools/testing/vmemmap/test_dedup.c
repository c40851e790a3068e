// SPDX-License-Identifier: GPL-2.0
/* test_dedup.c - compound pages: heads, tails, and shared tails */
#include "soft.h"

/* A device of four sections, aligned to anything that a slot may be. */
static struct device *new_device(unsigned long per_compound)
{
	struct device *dev = &devices[0];

	init_device(dev, 1, section_nr_to_pfn(16), 4 * PAGES_PER_SECTION);
	dev->pgmap.vmemmap_shift = ilog2(per_compound * PFNS_PER_PAGE);
	return dev;
}

/* Where compound pages of 8 vmemmap pages are aligned. */
static unsigned long first_pfn(void)
{
	return ALIGN(hot_pfn(0), 8 * PFNS_PER_PAGE);
}

/* Address of the device's vmemmap page @nr. */
static unsigned long addr_at(unsigned long nr)
{
	return vaddr(first_pfn()) + nr * PAGE_SIZE;
}

static struct dev_pagemap make_pgmap(unsigned long per_compound)
{
	SKIP_UNLESS_DEDUPLICATED();
	return (struct dev_pagemap){
		.vmemmap_shift = ilog2(per_compound * PFNS_PER_PAGE),
		.ranges[0] = {
			.start = PFN_PHYS(first_pfn()),
			.end = PFN_PHYS(first_pfn() + 8192 * PFNS_PER_PAGE) - 1,
		},
	};
}

/* Populate the vmemmap pages [first, end) of the device. */
static int populate(unsigned long first, unsigned long end, struct dev_pagemap *pgmap)
{
	return vmemmap_populate_compound_pages(first_pfn() + first * PFNS_PER_PAGE, addr_at(first),
					       addr_at(end), 1, pgmap);
}

static void free_all(unsigned long nr)
{
	vmemmap_free(addr_at(0), addr_at(nr), NULL);
	EXPECT_EQ(machine.nr_used_pages, nr_device_tails());
}

/* H: own page, .: shared tail. H H . . | H H . . | H H, or H . . . | H . . . | H . */
TEST(the_first_pages_of_each_compound_page_are_its_own, BARE, .where = ONCE)
{
	const unsigned long nr_own[][11] = {
		{ 0, 1, 2, 2, 2, 3, 4, 4, 4, 5, 6 },
		{ 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3 },
	};

	for (unsigned long nr = 0; nr < ARRAY_SIZE(nr_own[0]); nr++)
		EXPECT_EQ(vmemmap_nr_own_pages(nr, 4), nr_own[has_zone_tails][nr]);
}

/* ---- The tail page of a zone ---- */

static struct page *faster;

static void make_tail_first(struct page **slot)
{
	struct page *tails;

	machine.knobs.race = NULL;
	faster = alloc_pages_node(1, GFP_KERNEL | __GFP_RETRY_MAYFAIL, 0);
	tails = page_address(faster);
	for (unsigned long i = 0; i < PFNS_PER_PAGE; i++)
		vmemmap_init_device_tail(tails + i, ilog2(4 * PFNS_PER_PAGE), 1);
	*slot = faster;
}

/* The page of whoever is slower is freed, and not counted. */
TEST(the_faster_of_two_makes_the_tail, BARE, .where = TINY)
{
	struct dev_pagemap pgmap = make_pgmap(4);

	SKIP_UNLESS(has_zone_tails, "tails hold the address of their head");
	machine.knobs.race = make_tail_first;
	EXPECT_EQ(populate(0, 12, &pgmap), 0);
	for (unsigned long i = 0; i < 12; i++)
		EXPECT_EQ(mapped_pfn(addr_at(i)) == page_to_pfn(faster), !!(i % 4));
	EXPECT_EQ(machine.memmap_pages, 0);
	EXPECT_EQ(machine.nr_used_pages, 3 + 1 + nr_tables_for(addr_at(0), addr_at(12), 0));
	free_all(12);
}

/* Else a CPU could still find the tail where another page is mapped later. */
TEST(tails_are_flushed_although_nothing_is_freed, BARE, .where = TINY)
{
	struct dev_pagemap pgmap = make_pgmap(4);
	unsigned long nr_used, nr_flushes;

	SKIP_UNLESS(has_zone_tails, "tails hold the address of their head");
	EXPECT_EQ(populate(0, 4, &pgmap), 0);
	nr_used = machine.nr_used_pages;
	nr_flushes = machine.seen.nr_tlb_flushes;
	vmemmap_free(addr_at(1), addr_at(4), NULL);
	EXPECT_EQ(machine.seen.nr_tlb_flushes, nr_flushes + 1);
	EXPECT_EQ(machine.unflushed_leaves.end, 0);
	EXPECT_EQ(machine.nr_used_pages, nr_used);
	EXPECT_EQ(mapped_pfn(addr_at(1)), ULONG_MAX);

	/* nothing is cleared, nothing is flushed */
	vmemmap_free(addr_at(1), addr_at(4), NULL);
	EXPECT_EQ(machine.seen.nr_tlb_flushes, nr_flushes + 1);
	free_all(4);
}

/* ---- HugeTLB pages from boot ---- */

/* A zone of node 1, without a tail page for any order. */
static struct zone zone;

static void init_zone(void)
{
	SKIP_UNLESS_DEDUPLICATED();
	zone = (struct zone){ .node = 1 };
}

/* The HugeTLB page of the @nr vmemmap pages from @first on. */
static int populate_hvo(unsigned long first, unsigned long nr)
{
	return vmemmap_populate_hvo(addr_at(first), addr_at(first + nr),
				    ilog2(nr * PFNS_PER_PAGE), &zone, PAGE_SIZE);
}

static void expect_hvo(unsigned long first, unsigned long nr)
{
	const unsigned long order = ilog2(nr * PFNS_PER_PAGE);
	const struct page *tail = zone.vmemmap_tails[order - VMEMMAP_TAIL_MIN_ORDER];

	EXPECT(tail);
	EXPECT_EQ(ram_nid(page_to_pfn(tail)), 1);
	EXPECT_EQ(ram_nid(mapped_pfn(addr_at(first))), 1);
	EXPECT(mapped_pfn(addr_at(first)) != page_to_pfn(tail));
	for (unsigned long i = 1; i < nr; i++)
		EXPECT_EQ(mapped_pfn(addr_at(first + i)), page_to_pfn(tail));
}

TEST(hugetlb_pages_of_an_order_share_one_tail, EARLY)
{
	unsigned long nr_free;

	init_zone();
	nr_free = nr_free_pages(1);
	EXPECT_EQ(populate_hvo(0, 4), 0);
	EXPECT_EQ(populate_hvo(4, 4), 0);
	EXPECT_EQ(populate_hvo(8, 8), 0);
	expect_hvo(0, 4);
	expect_hvo(4, 4);
	expect_hvo(8, 8);
	EXPECT(mapped_pfn(addr_at(0)) != mapped_pfn(addr_at(4)));
	EXPECT(mapped_pfn(addr_at(1)) != mapped_pfn(addr_at(9)));
	EXPECT_EQ(nr_free - nr_free_pages(1), 3 + 2 +
		  nr_tables_for(addr_at(0), addr_at(16), SOFT_PTE));
}

TEST(shared_tails_of_hugetlb_pages_are_made_read_only, EARLY)
{
	init_zone();
	EXPECT_EQ(populate_hvo(0, 4), 0);
	EXPECT_EQ(populate_hvo(4, 4), 0);
	vmemmap_wrprotect_hvo(addr_at(0), addr_at(4), 1, PAGE_SIZE);
	for (unsigned long i = 0; i < 8; i++)
		EXPECT_EQ(*walk(addr_at(i)).entry & ENTRY_READONLY,
			  i % 4 && i < 4 ? ENTRY_READONLY : 0);
	expect_hvo(0, 4);
}

static void expect_vm_warning(void)
{
#ifdef CONFIG_DEBUG_VM
	expect_warnings(1);
#endif
}

TEST(only_ptes_are_made_read_only, EARLY, .where = TINY)
{
	const unsigned long slot = ALIGN(addr_at(0), PMD_SIZE);

	vmemmap_wrprotect_range(slot, slot + PAGE_SIZE);
	expect_vm_warning();

	EXPECT_EQ(fill(slot, slot + PMD_SIZE, .huge = true), 0);
	SKIP_UNLESS(walk(slot).level == SOFT_PMD, "no block so large");
	vmemmap_wrprotect_range(slot, slot + PAGE_SIZE);
	expect_vm_warning();
	EXPECT(!(*walk(slot).entry & ENTRY_READONLY));
}

/* ---- With sections ---- */

/* The vmemmap pages of a section whose struct pages fill whole ones. */
static unsigned long pages_per_section(void)
{
	const unsigned long size = PAGES_PER_SECTION * sizeof(struct page);

	SKIP_UNLESS_DEDUPLICATED();
	SKIP_UNLESS(PAGE_ALIGNED(size), "sections share vmemmap pages");
	return size >> PAGE_SHIFT;
}

TEST(compound_pages_may_span_sections, BOOT)
{
	const unsigned long nr = pages_per_section();
	struct device *dev = new_device(4);

	SKIP_UNLESS(IS_ALIGNED(vaddr(dev->pfn), PMD_SIZE), "the device shares a slot");
	remember_machine();
	for (unsigned long per = max(nr / 2, 4UL); per <= 4 * nr; per *= 2) {
		dev = new_device(per);
		EXPECT_EQ(add_device(dev), 0);
		check_machine();
		EXPECT_EQ(machine.memmap_pages,
			  4 * nr / per * VMEMMAP_RESERVE_NR + nr_device_tails());
		remove_device(dev);
		check_machine();
		expect_machine_as_before();
	}
}

/* In one section if its struct pages fill enough pages; each comes and goes alone. */
TEST(devices_share_a_tail_and_outlive_each_other, BOOT)
{
	const unsigned long nr_pages = 4 * PFNS_PER_PAGE;
	struct device *a = new_device(4), *b = &devices[1];

	SKIP_UNLESS_DEDUPLICATED();
	SKIP_UNLESS(nr_pages >= PAGES_PER_SUBSECTION, "compound pages are parts of a subsection");
	init_device(a, 1, section_nr_to_pfn(16), 3 * nr_pages);
	init_device(b, 1, a->pfn + 4 * nr_pages, 2 * nr_pages);
	a->pgmap.vmemmap_shift = ilog2(nr_pages);
	b->pgmap.vmemmap_shift = ilog2(nr_pages);
	SKIP_UNLESS(b->pfn + b->nr_pages <= section_nr_to_pfn(NR_MEM_SECTIONS), "too large");
	EXPECT_EQ(add_device(a), 0);
	check_machine();
	EXPECT_EQ(add_device(b), 0);
	check_machine();
	if (has_zone_tails)
		EXPECT_EQ(mapped_pfn(vaddr(a->pfn) + PAGE_SIZE),
			  mapped_pfn(vaddr(b->pfn) + PAGE_SIZE));
	/* four vmemmap pages for each of five compound pages */
	EXPECT_EQ(vmemmap_nr_shared(vaddr(a->pfn), vaddr(b->pfn + b->nr_pages)),
		  has_zone_tails ? 5 * (4 - 1) : 0);
	remove_device(a);
	check_machine();
	EXPECT_EQ(machine.memmap_pages, 2 * VMEMMAP_RESERVE_NR + nr_device_tails());
	init_device(a, 1, section_nr_to_pfn(16), 3 * nr_pages);
	a->pgmap.vmemmap_shift = ilog2(nr_pages);
	EXPECT_EQ(add_device(a), 0);
	remove_device(b);
	check_machine();
	remove_device(a);
	check_machine();
}

static void expect_cost(struct device *dev, unsigned long nr_pages)
{
	EXPECT_EQ(add_device(dev), 0);
	check_machine();
	EXPECT_EQ(machine.memmap_pages, nr_pages);
	EXPECT_EQ(dev->altmap.alloc, dev->has_altmap ? nr_pages : 0);
	remove_device(dev);
	check_machine();
}

TEST(with_an_altmap_no_tail_is_shared, BOOT)
{
	const unsigned long nr = pages_per_section();
	struct device *dev = new_device(4);

	SKIP_UNLESS(IS_ALIGNED(vaddr(dev->pfn) | vaddr(dev->pfn + dev->nr_pages), PMD_SIZE),
		    "the device shares a slot");
	give_altmap(dev, 0, 4 * nr);
	expect_cost(dev, 4 * nr);
}

TEST(small_compound_pages_share_nothing, BOOT)
{
	expect_cost(new_device(VMEMMAP_RESERVE_NR), 4 * pages_per_section());
}

TEST(a_struct_page_of_no_power_of_two_is_not_deduplicated, BOOT)
{
	SKIP_UNLESS(!is_power_of_2(sizeof(struct page)), "struct page has %zu bytes",
		    sizeof(struct page));
	expect_cost(new_device(4), 4 * vmemmap_nr_pages(PAGES_PER_SECTION));
}
