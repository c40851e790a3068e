// SPDX-License-Identifier: GPL-2.0
/*
 * test_faults.c - what some architecture, some size of a struct page or some
 * machine needs, and most do not
 *
 * Each case guards a rule that x86_64 and arm64 with 64-byte struct pages never
 * depend on.
 */
#include "soft.h"

static unsigned long nr_splits;

/* ---- Where there is a leaf, compound pages cannot share their tails ---- */

TEST(what_is_shared_is_refused_where_a_leaf_is, BARE)
{
	const unsigned long addr = slot_addr(1), size = 4 * PAGE_SIZE;
	const struct vmemmap_fill compound = { .nid = 1, .compound_size = size, .first = addr };
	struct vmemmap_fill shared = { .nid = 1 };
	struct page *page;

	SKIP_UNLESS(!has_zone_tails, "compound pages share no page of their own");
	SKIP_UNLESS(PMD_SIZE >= size, "a slot is smaller than the vmemmap of a compound page");
	page = virt_to_page(vmemmap_alloc_block(PAGE_SIZE, 1));
	shared.shared = page;
	EXPECT_EQ(fill(slot_addr(0), slot_addr(0) + PAGE_SIZE), 0);
	plant_leaf(addr, SOFT_PMD, 0);
	EXPECT_EQ(vmemmap_fill_range(addr, addr + size, &compound), -EEXIST);
	EXPECT_EQ(vmemmap_fill_range(addr, addr + size, &shared), -EEXIST);
	EXPECT_EQ(page_ref_count(page), 1);
	EXPECT_EQ(fill(addr, addr + size), 0);
}

/* The pages of a leaf that was split are nobody's tail. */
TEST(what_is_shared_is_refused_where_another_page_is, BARE)
{
	const unsigned long addr = slot_addr(1), size = 4 * PAGE_SIZE;
	const struct vmemmap_fill compound = { .nid = 1, .compound_size = size, .first = addr };
	struct page *tail;

	SKIP_UNLESS(!has_zone_tails, "compound pages share no page of their own");
	SKIP_UNLESS(PMD_SIZE >= size, "a slot is smaller than the vmemmap of a compound page");
	EXPECT_EQ(fill(addr + 3 * PAGE_SIZE, addr + size), 0);
	EXPECT_EQ(vmemmap_fill_range(addr, addr + size, &compound), -EEXIST);
	tail = vmemmap_lookup_page(addr + PAGE_SIZE);
	EXPECT_EQ(page_ref_count(tail), 2);
	vmemmap_free(addr, addr + size, NULL);
	expect_traces_cancel_out();

	/* without a tail page, nothing is shared */
	EXPECT_EQ(vmemmap_fill_range(addr + 2 * PAGE_SIZE, addr + size, &compound), -EINVAL);
	EXPECT(!vmemmap_lookup_page(addr + 2 * PAGE_SIZE));

	/* its own tail is kept */
	EXPECT_EQ(vmemmap_fill_range(addr, addr + size, &compound), 0);
	EXPECT_EQ(vmemmap_fill_range(addr, addr + size, &compound), 0);
}

/* The first half of a section is RAM, mapped by a leaf; the second is a device. */
TEST(compound_pages_share_nothing_beside_a_leaf, BOOT)
{
	const unsigned long pfn = section_nr_to_pfn(first_hot_section() + 1);
	const unsigned long nr_pages = PAGES_PER_SECTION / 2;
	struct device *dev = &devices[0];

	SKIP_UNLESS_DEDUPLICATED();
	SKIP_UNLESS(nr_pages % (4 * PFNS_PER_PAGE) == 0, "there are no such compound pages");
	EXPECT_EQ(add_ram(pfn, nr_pages), 0);
	SKIP_UNLESS(walk(vaddr(pfn + nr_pages)).is_mapped, "the device has slots of its own");

	init_device(dev, section_nid(pfn_to_section_nr(pfn)), pfn + nr_pages, nr_pages);
	dev->pgmap.vmemmap_shift = ilog2(4 * PFNS_PER_PAGE);
	expect_messages(machine.seen.nr_messages);
	remember_machine();
	if (!has_zone_tails) {
		EXPECT_EQ(add_device(dev), -EEXIST);
		EXPECT(has_message("cannot be populated"));
		expect_messages(1);
		expect_machine_as_before();
		dev->pgmap.vmemmap_shift = 0;
	}
	EXPECT_EQ(add_device(dev), 0);
	check_machine();
}

/* @b goes while a leaf maps both, then HugeTLB splits the leaf for @a, which goes. */
static void split_between(unsigned long a, unsigned long b, unsigned long nr_pages)
{
	const unsigned long nr_huge = 4 * PFNS_PER_PAGE;

	if (add_ram(a, nr_pages))
		FAIL("no memory");
	EXPECT_EQ(add_ram(b, nr_pages), 0);
	if (walk(vaddr(a)).start == walk(vaddr(b)).start &&
	    can_be_huge_page(a, nr_huge) && nr_huge <= nr_pages) {
		remove_ram(b, nr_pages);
		EXPECT_EQ(optimise_huge_page(0, a, nr_huge), 0);
		EXPECT_EQ(restore_huge_page(0), 0);
		remove_ram(a, nr_pages);
		nr_splits++;
	} else {
		remove_ram(a, nr_pages);
		remove_ram(b, nr_pages);
	}
	check_machine();
}

/* Sections, and halves of a section, as far as two of them share a leaf. */
TEST(a_leaf_that_is_split_keeps_nothing_of_those_who_went_before, BOOT)
{
	const unsigned long pfn = section_nr_to_pfn(ALIGN(first_hot_section(), 4));
	const unsigned long half = PAGES_PER_SECTION / 2;

	nr_splits = 0;
	split_between(pfn, pfn + PAGES_PER_SECTION, PAGES_PER_SECTION);
	split_between(pfn + PAGES_PER_SECTION, pfn, PAGES_PER_SECTION);
	split_between(pfn, pfn + half, half);
	split_between(pfn + half, pfn, half);
	SKIP_UNLESS(nr_splits, "no two ranges share a leaf that HugeTLB can split");
}

/* A compound page that takes many sections, whose struct pages may share a page. */
TEST(a_compound_page_costs_its_own_pages_whatever_a_section_takes, BOOT)
{
	const unsigned long pfn = section_nr_to_pfn(NR_MEM_SECTIONS / 2);
	const unsigned long nr_pages = PAGES_PER_SECTION * NR_MEM_SECTIONS / 2;
	struct device *dev = &devices[0];
	unsigned long nr_own = 0, i;

	SKIP_UNLESS_DEDUPLICATED();
	SKIP_UNLESS(geo.arch == ARCH_BASE || IS_ALIGNED(vaddr(pfn), PMD_SIZE),
		    "the device shares a slot");
	init_device(dev, section_nid(pfn_to_section_nr(pfn)), pfn, nr_pages);
	dev->pgmap.vmemmap_shift = ilog2(nr_pages);
	SKIP_UNLESS(vmemmap_can_optimize(NULL, &dev->pgmap), "the compound page is too small");
	EXPECT_EQ(add_device(dev), 0);
	for (i = 0; i < nr_pages; i += PAGES_PER_SUBSECTION)
		nr_own += vmemmap_compound_nr_pages(pfn + i, PAGES_PER_SUBSECTION, &dev->pgmap);
	EXPECT_EQ(nr_own, VMEMMAP_RESERVE_NR);
	EXPECT_EQ(machine.memmap_pages, VMEMMAP_RESERVE_NR + nr_device_tails());
	check_machine();
	remove_device(dev);
	check_machine();
}

/* ---- What boot allocates ---- */

static unsigned long nr_boot_leaves;

static void expect_poisoned(const struct leaf *leaf)
{
	for (unsigned long addr = leaf->start; addr < leaf->end; addr += PAGE_SIZE) {
		EXPECT_EQ(ram_page(mapped_pfn(addr))->state, PAGE_BOOT);
		EXPECT(ram_page(mapped_pfn(addr))->is_poisoned);
	}
	nr_boot_leaves++;
}

TEST(boot_poisons_the_memory_map, EARLY)
{
	for (int i = 0; i < 2; i++) {
		machine_early();
		machine.knobs.has_no_buffer = i;
		boot_node(0);
		nr_boot_leaves = 0;
		for_each_leaf(expect_poisoned, NULL);
		EXPECT(nr_boot_leaves);
	}
}

static void need_slots_of_ram(unsigned long nr)
{
	SKIP_UNLESS(geo.ram_pages >> PMD_ORDER >= nr, "too little RAM");
}

static unsigned long alloc_boot_block(unsigned long size)
{
	return block_pfn(vmemmap_alloc_block_buf(size, 1, NULL));
}

/* The pages [from, end) of the node are not free. */
static void occupy(int nid, unsigned long from, unsigned long end)
{
	for (; from < end; from++)
		ram_page(ram_start_pfn(nid) + from)->state = PAGE_BOOT;
}

/* A piece that is larger than what is mirrored would not be. */
TEST(boot_keeps_the_memory_map_in_mirrored_memory, EARLY)
{
	const unsigned long nr_pages = 1UL << PMD_ORDER;

	need_slots_of_ram(8);
	machine.knobs.is_mirrored = true;
	vmemmap_open_boot_buffer(3 * PMD_SIZE, 1);
	for (int i = 0; i < 3; i++)
		EXPECT(is_mirrored(alloc_boot_block(PMD_SIZE), nr_pages));
	vmemmap_close_boot_buffer();
	EXPECT_EQ(machine.nr_used_pages, 3 * nr_pages);
}

/* Free are a page, and two and one PMD_SIZE apart from each other. */
TEST(a_boot_buffer_comes_in_pieces_if_need_be, EARLY)
{
	const unsigned long nr_pages = 1UL << PMD_ORDER;
	unsigned long pfn;

	need_slots_of_ram(8);
	exhaust_memblock(1, 5 * nr_pages);
	occupy(1, 1, nr_pages);
	occupy(1, 3 * nr_pages, 4 * nr_pages);
	vmemmap_open_boot_buffer(4 * PMD_SIZE, 1);
	pfn = alloc_boot_block(PMD_SIZE);
	EXPECT_EQ(pfn, ram_start_pfn(1) + nr_pages);
	EXPECT_EQ(machine.seen.nr_attempts, 2);
	EXPECT_EQ(alloc_boot_block(PMD_SIZE), pfn + nr_pages);
	EXPECT_EQ(machine.seen.nr_attempts, 2);
	/* no other two, but one */
	EXPECT_EQ(alloc_boot_block(PMD_SIZE), pfn + 3 * nr_pages);
	EXPECT_EQ(machine.seen.nr_attempts, 4);
	/* in the end, what another node has, and no search of a piece any more */
	EXPECT_EQ(ram_nid(alloc_boot_block(PMD_SIZE)), 0);
	EXPECT_EQ(machine.seen.nr_attempts, 6);
	EXPECT_EQ(alloc_boot_block(PAGE_SIZE), ram_start_pfn(1));
	EXPECT_EQ(machine.seen.nr_attempts, 7);
	vmemmap_close_boot_buffer();
}

/* What a piece has left is free when the next one is searched for. */
TEST(a_piece_of_the_boot_buffer_gives_its_rest_back, EARLY)
{
	const unsigned long nr_pages = 1UL << PMD_ORDER;

	need_slots_of_ram(8);
	SKIP_UNLESS(PMD_SIZE > 2 * PAGE_SIZE, "a leaf is too small");
	exhaust_memblock(1, 5 * nr_pages);
	occupy(1, 2 * nr_pages, 3 * nr_pages);
	vmemmap_open_boot_buffer(4 * PMD_SIZE, 1);
	alloc_boot_block(PMD_SIZE);
	alloc_boot_block(PAGE_SIZE);
	alloc_boot_block(PMD_SIZE);
	EXPECT_EQ(ram_page(ram_start_pfn(1) + 5 * nr_pages - 1)->state, PAGE_FREE);
	vmemmap_close_boot_buffer();
	EXPECT_EQ(machine.nr_used_pages, 2 * nr_pages + 1);
}

/* Where there are no leaves, a PMD_SIZE and a page are free, but not aligned. */
TEST(a_boot_buffer_of_base_pages_needs_no_alignment, EARLY)
{
	const unsigned long nr_pages = 1UL << PMD_ORDER;

	need_slots_of_ram(4);
	exhaust_memblock(1, nr_pages + 2);
	occupy(1, 0, 1);
	vmemmap_open_boot_buffer(PMD_SIZE + PAGE_SIZE, 1);
	EXPECT_EQ(alloc_boot_block(PAGE_SIZE), ram_start_pfn(1) + 1);
	EXPECT_EQ(alloc_boot_block(PAGE_SIZE), ram_start_pfn(1) + 2);
	EXPECT_EQ(machine.seen.nr_attempts, 1);
	vmemmap_close_boot_buffer();
}

/* A leaf of 256 KiB is the memory map of eight sections, as on loongarch with 16K pages. */
static const struct geometry eight_sections = {
	.name = "tiny 4k, 3 levels, a leaf for eight sections", .bits = { 6, 3, 3 },
	.arch = ARCH_HUGE, .page_shift = 12, .section_shift = 21, .subsection_shift = 18,
	.sections_shift = 5, .max_order = 10, .ram_pages = 896, .is_tiny = true,
};

/* RAM of node 0 in these sections: [0, 1), and [first, end) behind a gap. */
static void machine_with_gap(unsigned long first, unsigned long end)
{
	machine_early();
	soft_regions[0] = (struct soft_region){ 0, 1, 0 };
	soft_regions[1] = (struct soft_region){ section_nr_to_pfn(first),
						section_nr_to_pfn(end), 0 };
}

static struct page *populate_section(unsigned long nr)
{
	return __populate_section_memmap(section_nr_to_pfn(nr), PAGES_PER_SECTION, 0, NULL, NULL);
}

TEST(a_slot_that_a_node_fills_across_a_gap_gets_a_leaf, EARLY, .where = ONCE)
{
	const unsigned long size = PAGES_PER_SECTION * sizeof(struct page);
	unsigned long quarter, pfn;

	use_geometry(&eight_sections);
	quarter = DIV_ROUND_UP(PMD_SIZE / 4, size);
	SKIP_UNLESS(quarter >= 2, "a section fills a quarter of a slot");

	/* the last of a quarter */
	machine_with_gap(2, quarter + 1);
	EXPECT(populate_section(0));
	EXPECT_EQ(walk(soft_vmemmap).level, SOFT_PMD);
	pfn = mapped_pfn(vaddr(section_nr_to_pfn(2)));
	EXPECT(populate_section(2));
	EXPECT_EQ(mapped_pfn(vaddr(section_nr_to_pfn(2))), pfn);

	/* one too few; one that another slot needs; two parts of one section */
	machine_with_gap(2, quarter);
	EXPECT(populate_section(0));
	EXPECT_EQ(walk(soft_vmemmap).level, SOFT_PTE);
	machine_with_gap(DIV_ROUND_UP(PMD_SIZE, size), DIV_ROUND_UP(PMD_SIZE, size) + quarter);
	EXPECT(populate_section(0));
	EXPECT_EQ(walk(soft_vmemmap).level, SOFT_PTE);
	machine_with_gap(0, quarter - 1);
	soft_regions[1].pfn++;
	EXPECT(populate_section(0));
	EXPECT_EQ(walk(soft_vmemmap).level, SOFT_PTE);

	/* after boot, nobody knows what will come */
	machine_with_gap(2, quarter + 1);
	machine.has_slab = true;
	EXPECT_EQ(sparse_boot_size(soft_vmemmap, soft_vmemmap + PMD_SIZE, 0), 0);
}

/* HugeTLB has seen to the second section, and nobody asks for it. */
TEST(a_run_goes_on_behind_a_section_that_nobody_asks_for, EARLY)
{
	memset(soft_regions, 0, sizeof(soft_regions));
	soft_regions[0] = (struct soft_region){ 0, 4 * PAGES_PER_SECTION, 0 };
	EXPECT(populate_section(0));
	EXPECT_EQ(machine.seen.nr_flushes, 1);
	EXPECT(populate_section(2));
	EXPECT(populate_section(3));
	EXPECT_EQ(machine.seen.nr_flushes, 1);
	/* behind it, and before what has been asked for */
	EXPECT(populate_section(4));
	EXPECT_EQ(machine.seen.nr_flushes, 2);
}

/* Fail each allocation in turn, for good. */
TEST(where_it_cannot_be_repeated_boot_populates_each_section_once, EARLY)
{
	unsigned long nr, nr_failed, n = 0;

	do {
		machine_early();
		machine.knobs.is_populated_once = true;
		soft_regions[0] = (struct soft_region){ 0, 3 * PAGES_PER_SECTION, 0 };
		fail_allocation(++n, true);
		for (nr = nr_failed = 0; nr < 3; nr++)
			nr_failed += !populate_section(nr);
		expect_messages(nr_failed);
	} while (nr_failed);
	EXPECT(n > 1);
}

/* Its first compound page has page frames that are not its own. */
TEST(a_device_that_starts_within_a_compound_page_is_refused, BOOT)
{
	const unsigned long nr_pages = PAGES_PER_SECTION * NR_MEM_SECTIONS / 4;
	const unsigned long pfn = section_nr_to_pfn(NR_MEM_SECTIONS / 2);
	struct device *dev = &devices[0];

	SKIP_UNLESS_DEDUPLICATED();
	init_device(dev, 0, pfn + nr_pages / 2, nr_pages);
	dev->pgmap.vmemmap_shift = ilog2(nr_pages);
	SKIP_UNLESS(vmemmap_can_optimize(NULL, &dev->pgmap) &&
		    PAGE_ALIGNED(vaddr(dev->pfn)), "the compound page is too small");
	EXPECT(vmemmap_is_misaligned(dev->pfn, &dev->pgmap));
	expect_messages(machine.seen.nr_messages);
	remember_machine();
	EXPECT_EQ(add_device(dev), -EINVAL);
	EXPECT(has_message("pfn [%#lx-%#lx) of node 0 cannot be populated unless their device starts",
			   dev->pfn, dev->pfn + PAGES_PER_SECTION));
	expect_messages(1);
	expect_machine_as_before();

	/* in pages of half the size, it starts with one */
	dev->pgmap.vmemmap_shift--;
	EXPECT_EQ(add_device(dev), 0);
}
