// SPDX-License-Identifier: GPL-2.0
/*
 * vmemmap_dedup_kunit.c - the memory map of device memory in compound pages
 *
 * The functions are called directly, so that the cases run on architectures
 * too that never share tails. All positions are vmemmap pages, counted from the
 * start of the window.
 */
#include "vmemmap_kunit.h"
#include <linux/vmemmap.h>

/*
 * The rows: a range of device memory, and how many pages its memory map allocates if
 * the device uses compound pages only. All counts are pages of the vmemmap, from the
 * start of the device, so that the rows hold for every page size.
 */
struct vmemmap_dedup_case {
	const char *name;
	unsigned long per_compound;	/* filled by one compound page */
	unsigned long first;		/* start of the range */
	unsigned long nr;		/* length of the range */
	unsigned long nr_own[2];	/* if each has two pages of its own, or one */
};

static const struct vmemmap_dedup_case vmemmap_dedup_cases[] = {
	{ "one compound page",			8,    0,   8,   { 2, 1 } },
	{ "two compound pages",			8,    0,   16,  { 4, 2 } },
	{ "small compound pages",		4,    0,   16,  { 8, 4 } },
	{ "the smallest compound pages",	2,    0,   8,   { 8, 4 } },
	{ "a head alone",			8,    0,   1,   { 1, 1 } },
	{ "the page behind the head",		8,    1,   1,   { 1, 0 } },
	{ "shared tails alone",			8,    2,   6,   { 0, 0 } },
	{ "one shared tail",			8,    7,   1,   { 0, 0 } },
	{ "the head behind some tails",		8,    4,   5,   { 1, 1 } },
	{ "the next compound's head and tails",	8,    4,   8,   { 2, 1 } },
	{ "all but the first head",		8,    1,   11,  { 3, 1 } },
	{ "a later compound page",		8,    24,  8,   { 2, 1 } },
	{ "many compound pages",		8,    0,   512, { 128, 64 } },
	{ "the start of a huge compound page",	1024, 0,   512, { 2, 1 } },
	{ "the end of a huge compound page",	1024, 512, 512, { 0, 0 } },
	{ "over the end of a huge one",		512,  256, 512, { 2, 1 } },
};

KUNIT_ARRAY_PARAM_DESC(dedup_rows, vmemmap_dedup_cases, name);

static unsigned long pfn_at(const struct vmemmap_kunit *vk, unsigned long pos)
{
	return vk->pfn + pos * PFNS_PER_VMEMMAP_PAGE;
}

static unsigned long addr_at(const struct vmemmap_kunit *vk, unsigned long pos)
{
	return (unsigned long)pfn_to_page(pfn_at(vk, pos));
}

static struct range pfn_range(unsigned long pfn, unsigned long end_pfn)
{
	return (struct range) {
		.start = PFN_PHYS(pfn),
		.end = PFN_PHYS(end_pfn) - 1,
	};
}

/*
 * A device from @pos to behind the window. There is room for a second range,
 * which is looked at while it is being added.
 */
static struct dev_pagemap *new_device_without_tail(struct kunit *test, unsigned long pos,
						   unsigned long per_compound)
{
	struct vmemmap_kunit *vk = test->priv;
	struct dev_pagemap *pgmap = kunit_kzalloc(test, sizeof(*pgmap) + sizeof(struct range),
						  GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, pgmap);
	pgmap->vmemmap_shift = ilog2(per_compound * PFNS_PER_VMEMMAP_PAGE);
	pgmap->nr_range = 1;
	pgmap->ranges[0] = pfn_range(pfn_at(vk, pos), pfn_at(vk, pos + 2048) + vk->nr_pages);
	return pgmap;
}

/* The same, with the tail page of its zone made in advance. */
static struct dev_pagemap *new_device(struct kunit *test, unsigned long pos,
				      unsigned long per_compound)
{
	struct dev_pagemap *pgmap = new_device_without_tail(test, pos, per_compound);

	vmemmap_kunit_make_tail(test, pgmap->vmemmap_shift);
	return pgmap;
}

static int populate_pfns(struct dev_pagemap *pgmap, unsigned long pfn, unsigned long end_pfn)
{
	int err;

	mem_hotplug_begin();
	err = vmemmap_populate_compound_pages(pfn, (unsigned long)pfn_to_page(pfn),
					      (unsigned long)pfn_to_page(end_pfn),
					      VMEMMAP_KUNIT_NID, pgmap);
	mem_hotplug_done();
	return err;
}

static int populate(struct kunit *test, struct dev_pagemap *pgmap,
		    unsigned long first, unsigned long nr)
{
	return populate_pfns(pgmap, pfn_at(test->priv, first), pfn_at(test->priv, first + nr));
}

/* The position whose page must be mapped at @pos. */
static unsigned long mapped_at(unsigned long origin, unsigned long per_compound, unsigned long pos)
{
	const unsigned long index = (pos - origin) % per_compound;

	return pos - index + min(index, VMEMMAP_RESERVE_NR - 1UL);
}

/*
 * Write to each page that has a block of its own, then read everywhere: no other
 * position maps it, and the tails map the right one.
 */
static void expect_layout(struct kunit *test, unsigned long origin,
			  unsigned long per_compound, unsigned long end)
{
	const unsigned int order = ilog2(per_compound * PFNS_PER_VMEMMAP_PAGE);
	unsigned long pos, shown, addr;

	for (pos = origin; pos < end; pos++) {
		addr = addr_at(test->priv, pos);
		KUNIT_ASSERT_EQ(test, PAGE_SIZE, vmemmap_kunit_leaf(addr).size);
		if (pos == mapped_at(origin, per_compound, pos))
			vmemmap_kunit_write_word(addr, pos);
	}
	for (pos = origin; pos < end; pos++) {
		addr = addr_at(test->priv, pos);
		shown = mapped_at(origin, per_compound, pos);
		if (vmemmap_has_zone_tails() && pos != shown)
			vmemmap_kunit_expect_tail(test, addr, addr_at(test->priv, shown), order);
		else
			KUNIT_EXPECT_EQ(test, shown, vmemmap_kunit_read(addr));
	}
}

static unsigned long nr_own_pages(const struct vmemmap_kunit *vk, unsigned long first,
				  unsigned long nr, struct dev_pagemap *pgmap)
{
	return vmemmap_compound_nr_pages(pfn_at(vk, first), nr * PFNS_PER_VMEMMAP_PAGE, pgmap);
}

static long count_own_pages(const struct vmemmap_kunit *vk, unsigned long first, unsigned long nr)
{
	return vmemmap_count_own_pages(pfn_at(vk, first), nr * PFNS_PER_VMEMMAP_PAGE);
}

static void need_zone_tails(struct kunit *test)
{
	if (!vmemmap_has_zone_tails())
		kunit_skip(test, "tails hold the address of their head");
}

static void need_no_zone_tails(struct kunit *test)
{
	if (vmemmap_has_zone_tails())
		kunit_skip(test, "tails map the tail page of the zone");
}

/* Else compound pages share nothing. */
static void need_aligned(struct kunit *test, unsigned long per_compound)
{
	struct vmemmap_kunit *vk = test->priv;

	if (vmemmap_has_zone_tails() && !IS_ALIGNED(vk->pfn, per_compound * PFNS_PER_VMEMMAP_PAGE))
		kunit_skip(test, "the window is not aligned to a compound page");
}

/* The pages before the range are populated first. */
static void populate_compound_pages_shares_tails(struct kunit *test)
{
	const struct vmemmap_dedup_case *row = test->param_value;
	struct dev_pagemap *pgmap = new_device(test, 0, row->per_compound);
	const unsigned long end = row->first + row->nr;
	struct vmemmap_kunit *vk = test->priv;

	need_aligned(test, row->per_compound);
	KUNIT_EXPECT_EQ(test, row->nr_own[vmemmap_has_zone_tails()],
			nr_own_pages(vk, row->first, row->nr, pgmap));
	if (end * PFNS_PER_VMEMMAP_PAGE >= vk->nr_pages)
		kunit_skip(test, "the window has no %lu pages", end);
	KUNIT_ASSERT_EQ(test, 0, populate(test, pgmap, 0, row->first));
	KUNIT_ASSERT_EQ(test, 0, populate(test, pgmap, row->first, row->nr));
	expect_layout(test, 0, row->per_compound, end);
	KUNIT_EXPECT_EQ(test, 0, vmemmap_kunit_leaf(addr_at(vk, end)).size);
	KUNIT_EXPECT_EQ(test, 0, vk->nr_strangers);
}

/* As section by section, cut anywhere, even within a vmemmap page. */
static void a_range_may_be_populated_in_two_parts(struct kunit *test)
{
	const unsigned long half = PFNS_PER_VMEMMAP_PAGE / 2;
	struct dev_pagemap *pgmap = new_device(test, 0, 4);
	struct vmemmap_kunit *vk = test->priv;
	unsigned long cut, pfn, nr_in_use = 0;

	for (cut = 1; cut < 2 * 12; cut++) {
		pfn = vk->pfn + cut * half;
		KUNIT_ASSERT_EQ(test, 0, populate_pfns(pgmap, vk->pfn, pfn));
		KUNIT_ASSERT_EQ(test, 0, populate_pfns(pgmap, pfn, pfn_at(vk, 12)));
		expect_layout(test, 0, 4, 12);
		/* tables and own pages, whatever the cut */
		nr_in_use = nr_in_use ?: vmemmap_kunit_nr_in_use(test);
		KUNIT_EXPECT_EQ(test, nr_in_use, vmemmap_kunit_nr_in_use(test));
		if (IS_ALIGNED(cut, 2))
			KUNIT_EXPECT_EQ(test, 3 * VMEMMAP_RESERVE_NR,
					nr_own_pages(vk, 0, cut / 2, pgmap) +
					nr_own_pages(vk, cut / 2, 12 - cut / 2, pgmap));
		vmemmap_kunit_free(addr_at(vk, 0), addr_at(vk, 12), NULL);
		vmemmap_kunit_expect_all_came_back(test);
	}
}

static void populate_compound_pages_may_be_repeated(struct kunit *test)
{
	struct dev_pagemap *pgmap = new_device(test, 0, 8);
	struct vmemmap_kunit *vk = test->priv;

	KUNIT_ASSERT_EQ(test, 0, populate(test, pgmap, 0, 12));
	vk->fail_from = 0;
	KUNIT_EXPECT_EQ(test, 0, populate(test, pgmap, 0, 12));
	expect_layout(test, 0, 8, 12);
}

/* As while memremap_pages() adds it. */
static void a_range_that_is_being_added_counts(struct kunit *test)
{
	struct dev_pagemap *pgmap = new_device(test, 0, 8);

	pgmap->nr_range = 0;
	KUNIT_ASSERT_EQ(test, 0, populate(test, pgmap, 0, 16));
	expect_layout(test, 0, 8, 16);
	KUNIT_EXPECT_EQ(test, 2 * VMEMMAP_RESERVE_NR, nr_own_pages(test->priv, 0, 16, pgmap));
}

static void compound_pages_count_from_the_start_of_their_range(struct kunit *test)
{
	struct dev_pagemap *pgmap = new_device(test, 0, 8);
	struct vmemmap_kunit *vk = test->priv;

	need_no_zone_tails(test);
	/* the second range is being added */
	pgmap->nr_range = 1;
	pgmap->ranges[0] = pfn_range(pfn_at(vk, 0), pfn_at(vk, 4));
	pgmap->ranges[1] = pfn_range(pfn_at(vk, 5), pfn_at(vk, 64));

	KUNIT_ASSERT_EQ(test, 0, populate(test, pgmap, 0, 4));
	KUNIT_ASSERT_EQ(test, 0, populate(test, pgmap, 5, 16));
	expect_layout(test, 0, 8, 4);
	expect_layout(test, 5, 8, 5 + 16);
	KUNIT_EXPECT_EQ(test, 4, nr_own_pages(vk, 5, 16, pgmap));
}

/* Whichever of its allocations fails, the caller can complete it later. */
static void populate_compound_pages_without_memory_fails(struct kunit *test)
{
	struct dev_pagemap *pgmap = new_device(test, 0, 8);
	struct vmemmap_kunit *vk = test->priv;
	unsigned long n;
	int err;

	for (n = 0; ; n++) {
		vk->nr_asked = 0;
		vk->fail_from = n;
		err = populate(test, pgmap, 0, 24);
		if (!err)
			break;
		vmemmap_kunit_assert_no_memory(test, err);
		vk->fail_from = ULONG_MAX;
		KUNIT_ASSERT_EQ(test, 0, populate(test, pgmap, 0, 24));
		expect_layout(test, 0, 8, 24);
		vmemmap_kunit_free(addr_at(vk, 0), addr_at(vk, 24), NULL);
	}
	kunit_info(test, "%lu allocations failed in turn", n);
	/* a table of PTEs, a row of four pages and one of two, at least */
	KUNIT_EXPECT_GE(test, n, 3);
}

static void populate_and_free(struct kunit *test, void *pgmap)
{
	struct vmemmap_kunit *vk = test->priv;
	unsigned int i;

	for (i = 0; i < VMEMMAP_KUNIT_CYCLES; i++) {
		KUNIT_ASSERT_EQ(test, 0, populate(test, pgmap, 0, 24));
		vmemmap_kunit_free(addr_at(vk, 0), addr_at(vk, 24), NULL);
	}
}

static void cycles_of_compound_pages_leave_nothing_behind(struct kunit *test)
{
	struct dev_pagemap *pgmap = new_device(test, 0, 8);
	struct vmemmap_kunit *vk = test->priv;

	vk->is_unrecorded = true;
	vmemmap_kunit_expect_nothing_left(test, populate_and_free, pgmap);
}

static void a_missing_tail_is_refused(struct kunit *test)
{
	struct dev_pagemap *pgmap = new_device(test, 0, 8);
	struct vmemmap_kunit *vk = test->priv;

	need_no_zone_tails(test);
	KUNIT_EXPECT_EQ(test, -EINVAL, populate(test, pgmap, 4, 4));
	/* with a head, but no tail */
	KUNIT_ASSERT_EQ(test, 0, populate(test, pgmap, 0, 1));
	KUNIT_EXPECT_EQ(test, -EINVAL, populate(test, pgmap, 4, 4));
	KUNIT_EXPECT_EQ(test, 0, vmemmap_kunit_nr_mapped(addr_at(vk, 1), addr_at(vk, 8)));
}

/* The compound page covers two slots; a huge leaf maps the first of them. */
static void a_tail_in_a_huge_leaf_is_refused(struct kunit *test)
{
	struct vmemmap_kunit *vk = test->priv;
	const unsigned long nr = PMD_SIZE / PAGE_SIZE;
	const unsigned long pos = (vk->slot - addr_at(vk, 0)) / PAGE_SIZE;
	struct vmem_altmap *altmap = vmemmap_kunit_altmap(test, 0, nr);
	struct dev_pagemap *pgmap = new_device(test, pos, 2 * nr);

	need_no_zone_tails(test);
	vmemmap_kunit_map(test, vk->slot, vk->slot + PMD_SIZE, .huge = true, .altmap = altmap);
	KUNIT_EXPECT_EQ(test, -EINVAL, populate(test, pgmap, pos + nr, 1));
	KUNIT_EXPECT_EQ(test, -EINVAL, populate(test, pgmap, pos + VMEMMAP_RESERVE_NR, 1));
	KUNIT_EXPECT_EQ(test, 0, vmemmap_kunit_leaf(vk->slot + PMD_SIZE).size);
}

static void page_frames_of_no_range_are_refused(struct kunit *test)
{
	struct dev_pagemap *pgmap = new_device(test, 8, 8);
	struct vmemmap_kunit *vk = test->priv;

	pgmap->range.end = PFN_PHYS(pfn_at(vk, 24)) - 1;
	KUNIT_EXPECT_EQ(test, -EINVAL, populate(test, pgmap, 7, 1));
	KUNIT_EXPECT_EQ(test, -EINVAL, populate(test, pgmap, 24, 1));
	KUNIT_EXPECT_EQ(test, 0, populate(test, pgmap, 8, 1));
	KUNIT_EXPECT_EQ(test, 0, vmemmap_compound_nr_pages(pfn_at(vk, 8) - 1, 1, pgmap));
	KUNIT_EXPECT_EQ(test, 0, vmemmap_compound_nr_pages(pfn_at(vk, 24), 1, pgmap));
	KUNIT_EXPECT_EQ(test, 1,
			vmemmap_compound_nr_pages(pfn_at(vk, 16), PFNS_PER_VMEMMAP_PAGE, pgmap));
}

static void compounds_within_a_vmemmap_page_are_refused(struct kunit *test)
{
	struct dev_pagemap *pgmap = new_device(test, 0, 8);
	struct vmemmap_kunit *vk = test->priv;

	pgmap->range.start += PAGE_SIZE;
	KUNIT_EXPECT_EQ(test, -EINVAL, populate(test, pgmap, 1, 8));
	KUNIT_EXPECT_EQ(test, 0, vk->nr_asked);
}

/* ---- The tail page of a zone ---- */

static void expect_own(struct kunit *test, unsigned long first, unsigned long end)
{
	unsigned long pos;

	for (pos = first; pos < end; pos++)
		vmemmap_kunit_write_word(addr_at(test->priv, pos), pos);
	for (pos = first; pos < end; pos++)
		KUNIT_EXPECT_EQ(test, pos, vmemmap_kunit_read(addr_at(test->priv, pos)));
}

/* Whoever comes first makes it; without memory, nothing is mapped. */
static void devices_of_an_order_share_one_tail(struct kunit *test)
{
	struct vmemmap_kunit *vk = test->priv;
	struct dev_pagemap *a, *b;
	struct page *tail;

	need_zone_tails(test);
	a = new_device_without_tail(test, 0, 8);
	b = new_device_without_tail(test, 64, 8);
	KUNIT_EXPECT_NULL(test, vmemmap_kunit_tail(test, a->vmemmap_shift));
	vk->fail_from = 0;
	KUNIT_EXPECT_EQ(test, -ENOMEM, populate(test, a, 0, 16));
	KUNIT_EXPECT_NULL(test, vmemmap_kunit_tail(test, a->vmemmap_shift));
	KUNIT_EXPECT_EQ(test, 0, vmemmap_kunit_nr_mapped(addr_at(vk, 0), addr_at(vk, 16)));
	vk->fail_from = ULONG_MAX;

	KUNIT_ASSERT_EQ(test, 0, populate(test, a, 0, 16));
	tail = vmemmap_kunit_tail(test, a->vmemmap_shift);
	KUNIT_ASSERT_EQ(test, 0, populate(test, b, 64, 16));
	KUNIT_EXPECT_PTR_EQ(test, tail, vmemmap_kunit_tail(test, b->vmemmap_shift));
	expect_layout(test, 0, 8, 16);
	expect_layout(test, 64, 8, 80);

	vmemmap_kunit_free(addr_at(vk, 0), addr_at(vk, 16), NULL);
	expect_layout(test, 64, 8, 80);
}

static void each_order_has_a_tail_of_its_own(struct kunit *test)
{
	struct dev_pagemap *a, *b;

	need_zone_tails(test);
	a = new_device(test, 0, 8);
	b = new_device(test, 64, 16);
	KUNIT_EXPECT_PTR_NE(test, vmemmap_kunit_tail(test, a->vmemmap_shift),
			    vmemmap_kunit_tail(test, b->vmemmap_shift));
	KUNIT_ASSERT_EQ(test, 0, populate(test, a, 0, 16));
	KUNIT_ASSERT_EQ(test, 0, populate(test, b, 64, 32));
	expect_layout(test, 0, 8, 16);
	expect_layout(test, 64, 16, 96);
}

/* A neighbour may have struct pages in its last vmemmap page. */
static void a_compound_page_that_is_cut_short_shares_nothing(struct kunit *test)
{
	struct vmemmap_kunit *vk = test->priv;
	struct dev_pagemap *pgmap;

	need_zone_tails(test);
	pgmap = new_device(test, 0, 8);
	pgmap->range.end = PFN_PHYS(pfn_at(vk, 20)) - 1;
	KUNIT_ASSERT_EQ(test, 0, populate(test, pgmap, 0, 18));
	KUNIT_ASSERT_EQ(test, 0, populate(test, pgmap, 18, 2));
	expect_layout(test, 0, 8, 16);
	expect_own(test, 16, 20);
	KUNIT_EXPECT_EQ(test, 2 + 4, nr_own_pages(vk, 0, 20, pgmap));
	KUNIT_EXPECT_EQ(test, 2 + 4, count_own_pages(vk, 0, 20));
	KUNIT_EXPECT_EQ(test, 0, vmemmap_count_own_pages(pfn_at(vk, 0) + 1, 1));
}

static void a_compound_page_that_is_not_aligned_shares_nothing(struct kunit *test)
{
	struct dev_pagemap *pgmap;

	need_zone_tails(test);
	pgmap = new_device(test, 4, 8);
	KUNIT_ASSERT_EQ(test, 0, populate(test, pgmap, 4, 16));
	expect_own(test, 4, 20);
	KUNIT_EXPECT_EQ(test, 16, nr_own_pages(test->priv, 4, 16, pgmap));
	KUNIT_EXPECT_EQ(test, 16, count_own_pages(test->priv, 4, 16));
}

/* The struct pages in it are initialised, as any that are not shared. */
static void a_page_that_is_mapped_already_is_kept(struct kunit *test)
{
	struct vmemmap_kunit *vk = test->priv;
	struct dev_pagemap *pgmap;

	need_zone_tails(test);
	pgmap = new_device(test, 0, 8);
	vmemmap_kunit_map(test, addr_at(vk, 6), addr_at(vk, 10));
	expect_own(test, 6, 10);
	KUNIT_ASSERT_EQ(test, 0, populate(test, pgmap, 0, 16));
	expect_layout(test, 0, 8, 6);
	expect_own(test, 6, 10);
	KUNIT_EXPECT_EQ(test, 1 + 4, count_own_pages(vk, 0, 16));
	KUNIT_EXPECT_EQ(test, pfn_at(vk, 6), vmemmap_shared_end(pfn_at(vk, 1), pfn_at(vk, 16)));
	KUNIT_EXPECT_EQ(test, pfn_at(vk, 10), vmemmap_own_end(pfn_at(vk, 6), pfn_at(vk, 16)));
	KUNIT_EXPECT_EQ(test, pfn_at(vk, 16), vmemmap_shared_end(pfn_at(vk, 10), pfn_at(vk, 16)));
}

static void a_leaf_that_is_mapped_already_is_kept(struct kunit *test)
{
	struct vmemmap_kunit *vk = test->priv;
	const unsigned long nr = PMD_SIZE / PAGE_SIZE;
	const unsigned long pos = (vk->slot - addr_at(vk, 0)) / PAGE_SIZE;
	struct vmem_altmap *altmap = vmemmap_kunit_altmap(test, 0, nr);
	struct dev_pagemap *pgmap;

	need_zone_tails(test);
	pgmap = new_device(test, ALIGN_DOWN(pos, 8), 8);
	vmemmap_kunit_map(test, vk->slot, vk->slot + PMD_SIZE, .huge = true, .altmap = altmap);
	KUNIT_ASSERT_EQ(test, 0, populate(test, pgmap, pos, nr));
	KUNIT_EXPECT_EQ(test, PMD_SIZE, vmemmap_kunit_leaf(vk->slot).size);
	KUNIT_EXPECT_EQ(test, nr, count_own_pages(vk, pos, nr));
	KUNIT_EXPECT_EQ(test, vk->slot, vmemmap_run_end(vk->slot, vk->slot + PMD_SIZE, true));
	KUNIT_EXPECT_EQ(test, vk->slot + PMD_SIZE,
			vmemmap_run_end(vk->slot, vk->slot + PMD_SIZE, false));
}

/* As mm_init.c visits the struct pages that it initialises. */
static void struct_pages_that_are_shared_are_not_visited(struct kunit *test)
{
	unsigned long pfn, end_pfn, nr = 0;
	struct dev_pagemap *pgmap;

	need_zone_tails(test);
	pgmap = new_device(test, 0, 8);
	KUNIT_ASSERT_EQ(test, 0, populate(test, pgmap, 0, 16));
	end_pfn = pfn_at(test->priv, 16);
	for_each_own_pfn(pfn, pfn_at(test->priv, 0) + 1, end_pfn)
		nr++;
	KUNIT_EXPECT_EQ(test, end_pfn, pfn);
	KUNIT_EXPECT_EQ(test, 2 * PFNS_PER_VMEMMAP_PAGE - 1, nr);
}

#ifdef CONFIG_DEBUG_VM
static void struct_pages_that_are_shared_are_not_poisoned(struct kunit *test)
{
	struct vmemmap_kunit *vk = test->priv;
	struct dev_pagemap *pgmap;

	need_zone_tails(test);
	pgmap = new_device(test, 0, 8);
	KUNIT_ASSERT_EQ(test, 0, populate(test, pgmap, 0, 16));
	vmemmap_init_poison(pfn_to_page(pfn_at(vk, 0)), addr_at(vk, 16) - addr_at(vk, 0));
	KUNIT_EXPECT_TRUE(test, PagePoisoned(pfn_to_page(pfn_at(vk, 8))));
	KUNIT_EXPECT_TRUE(test, PagePoisoned(pfn_to_page(pfn_at(vk, 9) - 1)));
	KUNIT_EXPECT_FALSE(test, PagePoisoned(pfn_to_page(pfn_at(vk, 9))));
	expect_layout(test, 0, 8, 16);
}
#endif

/* Compound pages must start on a vmemmap page. */
static int vmemmap_dedup_init(struct kunit *test)
{
	if (!is_power_of_2(sizeof(struct page)))
		kunit_skip(test, "struct page has %zu bytes", sizeof(struct page));
	return vmemmap_kunit_init(test);
}

static struct kunit_case vmemmap_dedup_kunit_cases[] = {
	KUNIT_CASE_PARAM(populate_compound_pages_shares_tails, dedup_rows_gen_params),
	KUNIT_CASE(a_range_may_be_populated_in_two_parts),
	KUNIT_CASE(populate_compound_pages_may_be_repeated),
	KUNIT_CASE(a_range_that_is_being_added_counts),
	KUNIT_CASE(compound_pages_count_from_the_start_of_their_range),
	KUNIT_CASE(populate_compound_pages_without_memory_fails),
	KUNIT_CASE(cycles_of_compound_pages_leave_nothing_behind),
	KUNIT_CASE(a_missing_tail_is_refused),
	KUNIT_CASE(a_tail_in_a_huge_leaf_is_refused),
	KUNIT_CASE(page_frames_of_no_range_are_refused),
	KUNIT_CASE(compounds_within_a_vmemmap_page_are_refused),
	KUNIT_CASE(devices_of_an_order_share_one_tail),
	KUNIT_CASE(each_order_has_a_tail_of_its_own),
	KUNIT_CASE(a_compound_page_that_is_cut_short_shares_nothing),
	KUNIT_CASE(a_compound_page_that_is_not_aligned_shares_nothing),
	KUNIT_CASE(a_page_that_is_mapped_already_is_kept),
	KUNIT_CASE(a_leaf_that_is_mapped_already_is_kept),
	KUNIT_CASE(struct_pages_that_are_shared_are_not_visited),
#ifdef CONFIG_DEBUG_VM
	KUNIT_CASE(struct_pages_that_are_shared_are_not_poisoned),
#endif
	{}
};

VMEMMAP_KUNIT_SUITE(dedup, vmemmap_dedup_init, vmemmap_dedup_kunit_cases);

#ifdef VMEMMAP_POPULATE_HVO

/* ---- HugeTLB pages from boot, before __init functions are freed ---- */

#define HVO_PAGES	8UL
#define HVO_ORDER	ilog2(HVO_PAGES * PFNS_PER_VMEMMAP_PAGE)

static void expect_shared_tails(struct kunit *test, const struct page *tail)
{
	struct vmemmap_kunit *vk = test->priv;
	unsigned long i;

	KUNIT_EXPECT_NE(test, page_to_pfn(tail), vmemmap_kunit_leaf(addr_at(vk, 0)).pfn);
	for (i = 1; i < HVO_PAGES; i++)
		KUNIT_EXPECT_EQ(test, page_to_pfn(tail), vmemmap_kunit_leaf(addr_at(vk, i)).pfn);
}

/* All of it is freed, and so is the zone's page. */
static void free_hvo(struct kunit *test, struct page **tail)
{
	struct vmemmap_kunit *vk = test->priv;

	vmemmap_kunit_free(addr_at(vk, 0), addr_at(vk, HVO_PAGES), NULL);
	if (*tail) {
		memmap_pages_add(-1);
		__free_page(*tail);
	}
	*tail = NULL;
	KUNIT_EXPECT_EQ(test, 0, vmemmap_kunit_nr_mapped(addr_at(vk, 0), addr_at(vk, HVO_PAGES)));
	vmemmap_kunit_expect_all_came_back(test);
}

static bool __init fail_hvo_once(struct kunit *test, struct zone *zone,
				 unsigned long n, bool and_later)
{
	struct page **tail = &zone->vmemmap_tails[HVO_ORDER - VMEMMAP_TAIL_MIN_ORDER];
	struct vmemmap_kunit *vk = test->priv;
	int err;

	vk->nr_asked = 0;
	vk->fail_from = n;
	vk->fail_once = !and_later;
	mem_hotplug_begin();
	err = vmemmap_populate_hvo(addr_at(vk, 0), addr_at(vk, HVO_PAGES), HVO_ORDER, zone,
				   PAGE_SIZE);
	mem_hotplug_done();
	KUNIT_EXPECT_EQ(test, vk->nr_asked > n ? -ENOMEM : 0, err);
	if (!err)
		expect_shared_tails(test, *tail);
	free_hvo(test, tail);
	return err;
}

/* Boot undoes nothing; here it must, so that the next try starts afresh. */
static void __init fail_hvo_in_turn(struct kunit *test, void *zone)
{
	unsigned long n = 0;

	while (fail_hvo_once(test, zone, n, false) + fail_hvo_once(test, zone, n, true))
		n++;
	kunit_info(test, "%lu allocation points", n);
	KUNIT_EXPECT_GT(test, n, 1);
}

static void __init hugetlb_pages_from_boot_survive_any_failure(struct kunit *test)
{
	struct zone *zone = kunit_kzalloc(test, sizeof(*zone), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, zone);
	zone_set_nid(zone, VMEMMAP_KUNIT_NID);
	vmemmap_kunit_expect_nothing_left(test, fail_hvo_in_turn, zone);
}

static struct kunit_case __refdata vmemmap_hvo_cases[] = {
	KUNIT_CASE(hugetlb_pages_from_boot_survive_any_failure),
	{}
};

static struct kunit_suite vmemmap_hvo_suite = {
	.name = "vmemmap_hvo",
	.init = vmemmap_dedup_init,
	.test_cases = vmemmap_hvo_cases,
};

kunit_test_init_section_suite(vmemmap_hvo_suite);

#endif /* VMEMMAP_POPULATE_HVO */
