// SPDX-License-Identifier: GPL-2.0
/*
 * vmemmap_populate_kunit.c - page tables of the vmemmap, and the blocks behind
 * them
 */
#include "vmemmap_kunit.h"

static void expect_leaves(struct kunit *test, unsigned long start,
			  unsigned long end, unsigned long size)
{
	unsigned long addr;

	for (addr = start; addr < end; addr += PAGE_SIZE)
		KUNIT_EXPECT_EQ_MSG(test, size, vmemmap_kunit_leaf(addr).size,
				    "page %lu of %lu",
				    (addr - start) / PAGE_SIZE,
				    (end - start) / PAGE_SIZE);
}

static void expect_unmapped(struct kunit *test, unsigned long start, unsigned long end)
{
	KUNIT_EXPECT_EQ(test, 0, vmemmap_kunit_nr_mapped(start, end));
}

static void expect_contents(struct kunit *test, unsigned long start, unsigned long end)
{
	vmemmap_kunit_write(start, end);
	vmemmap_kunit_expect_written(test, start, end);
}

/* By a function that architectures call. */
static void populate(struct kunit *test,
		     int (*way)(unsigned long start, unsigned long end, int node,
				struct vmem_altmap *altmap),
		     unsigned long start, unsigned long end, struct vmem_altmap *altmap)
{
	int err;

	mem_hotplug_begin();
	err = way(start, end, VMEMMAP_KUNIT_NID, altmap);
	mem_hotplug_done();
	KUNIT_ASSERT_EQ(test, 0, err);
}

/* ---- Base pages ---- */

/* Of two slots, by memory of its node. */
static void populate_maps_every_page(struct kunit *test)
{
	struct vmemmap_kunit *vk = test->priv;
	const unsigned long start = vk->slot + PMD_SIZE - 3 * PAGE_SIZE;
	const unsigned long end = vk->slot + PMD_SIZE + 5 * PAGE_SIZE;

	vmemmap_kunit_map(test, start, start);
	KUNIT_EXPECT_EQ(test, 0, vk->nr_asked);
	vmemmap_kunit_map(test, start, end);
	KUNIT_EXPECT_GE(test, vk->nr_asked, 2);
	KUNIT_EXPECT_EQ(test, 0, vk->nr_strangers);
	expect_leaves(test, start, end, PAGE_SIZE);
	expect_unmapped(test, vk->slot, start);
	expect_unmapped(test, end, vk->slot + 2 * PMD_SIZE);
	expect_contents(test, start, end);
}

static void populate_crosses_whole_slots(struct kunit *test)
{
	struct vmemmap_kunit *vk = test->priv;
	const unsigned long start = vk->slot + PMD_SIZE - PAGE_SIZE;
	const unsigned long end = vk->slot + 2 * PMD_SIZE + PAGE_SIZE;
	struct page *page;

	/* One page of RAM is enough to fill a slot of any size. */
	vmemmap_kunit_map(test, start, start + PAGE_SIZE);
	page = vmemmap_lookup_page(start);
	KUNIT_ASSERT_NOT_NULL(test, page);
	vmemmap_kunit_map(test, start, end, .shared = page);
	expect_leaves(test, start, end, PAGE_SIZE);
	expect_unmapped(test, end, end + PAGE_SIZE);
}

static void populate_rounds_outwards_to_pages(struct kunit *test)
{
	struct vmemmap_kunit *vk = test->priv;
	const unsigned long page = vk->slot + PAGE_SIZE;
	const struct {
		unsigned long start, end, nr_pages;
	} ranges[] = {
		{ page + PAGE_SIZE - 8, page + PAGE_SIZE + 8, 2 },
		{ page + PAGE_SIZE / 2, page + 2 * PAGE_SIZE + 8, 3 },
		{ page + 8, page + 16, 1 },
		{ page, page + PAGE_SIZE + 1, 2 },
	};
	unsigned long end;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ranges); i++) {
		end = page + ranges[i].nr_pages * PAGE_SIZE;
		vmemmap_kunit_map(test, ranges[i].start, ranges[i].end);
		expect_leaves(test, page, end, PAGE_SIZE);
		expect_unmapped(test, page - PAGE_SIZE, page);
		expect_unmapped(test, end, end + PAGE_SIZE);
		vmemmap_kunit_free(page, end, NULL);
	}
}

static void a_fill_that_contradicts_itself_is_refused(struct kunit *test)
{
	struct vmem_altmap *altmap = vmemmap_kunit_altmap(test, 0, 4);
	struct page *page = pfn_to_page(0);
	const struct vmemmap_fill fills[] = {
		{ .huge = true, .shared = page },
		{ .altmap = altmap, .shared = page },
		{ .compound_size = 4 * PAGE_SIZE, .huge = true },
		{ .compound_size = 4 * PAGE_SIZE, .altmap = altmap },
		{ .compound_size = 4 * PAGE_SIZE, .shared = page },
		{ .zone_tail = page },
	};
	struct vmemmap_kunit *vk = test->priv;
	unsigned int i;

	if (!IS_ENABLED(CONFIG_DEBUG_VM))
		kunit_skip(test, "only CONFIG_DEBUG_VM looks at it");
	vmemmap_kunit_announce_warning(test);
	for (i = 0; i < ARRAY_SIZE(fills); i++)
		KUNIT_EXPECT_EQ(test, -EINVAL,
				vmemmap_kunit_fill(vk->slot, vk->slot + PMD_SIZE, &fills[i]));
	KUNIT_EXPECT_EQ(test, 0, vk->nr_asked);
	KUNIT_EXPECT_EQ(test, 0, altmap->alloc);
}

static void populate_skips_present_entries(struct kunit *test)
{
	struct vmemmap_kunit *vk = test->priv;
	unsigned long nr_before;
	const unsigned long start = vk->slot, end = start + 4 * PAGE_SIZE;
	const unsigned long there = start + 2 * PAGE_SIZE;

	vmemmap_kunit_map(test, there, there + PAGE_SIZE);
	vmemmap_kunit_write(there, there + PAGE_SIZE);
	nr_before = vmemmap_kunit_nr_in_use(test);

	vmemmap_kunit_map(test, start, end);
	KUNIT_EXPECT_EQ(test, nr_before + 3, vmemmap_kunit_nr_in_use(test));
	vmemmap_kunit_expect_written(test, there, there + PAGE_SIZE);
	expect_leaves(test, start, end, PAGE_SIZE);
	expect_contents(test, start, end);
}

static void populate_basepages_maps_base_pages(struct kunit *test)
{
	struct vmem_altmap *altmap = vmemmap_kunit_altmap(test, 0, 2);
	struct vmemmap_kunit *vk = test->priv;
	const unsigned long middle = vk->slot + 2 * PAGE_SIZE;
	const unsigned long end = middle + 2 * PAGE_SIZE;

	populate(test, vmemmap_populate_basepages, vk->slot, middle, NULL);
	populate(test, vmemmap_populate_basepages, middle, end, altmap);
	expect_leaves(test, vk->slot, end, PAGE_SIZE);
	expect_contents(test, vk->slot, end);
	KUNIT_EXPECT_EQ(test, 2, altmap->alloc);
	KUNIT_EXPECT_EQ(test, altmap->base_pfn, vmemmap_kunit_leaf(middle).pfn);
	KUNIT_EXPECT_EQ(test, 0, vk->nr_strangers);
}

/*
 * Whichever of its allocations fails: the pages filled stay, the caller can fill
 * the rest later, and all is freed.
 */
static void populate_without_memory_can_be_completed_later(struct kunit *test)
{
	struct vmemmap_kunit *vk = test->priv;
	const unsigned long start = vk->slot + PMD_SIZE - 2 * PAGE_SIZE;
	const unsigned long end = start + 4 * PAGE_SIZE;
	unsigned long n;
	int err;

	for (n = 0; ; n++) {
		vk->nr_asked = 0;
		vk->fail_from = n;
		err = vmemmap_kunit_try_map(start, end);
		if (!err)
			break;
		vmemmap_kunit_assert_no_memory(test, err);
		vk->fail_from = ULONG_MAX;
		expect_unmapped(test, end - PAGE_SIZE, end);
		vmemmap_kunit_map(test, start, end);
		expect_contents(test, start, end);
		vmemmap_kunit_free(start, end, NULL);
		expect_unmapped(test, start, end);
	}
	kunit_info(test, "%lu allocations failed in turn", n);
	/* for each of two slots a table of PTEs and a row of pages, at least */
	KUNIT_EXPECT_GE(test, n, 4);
}

/* ---- Huge ---- */

static void fill_leaf(struct kunit *test, unsigned long slot)
{
	vmemmap_kunit_need_huge_block(test);
	vmemmap_kunit_map(test, slot, slot + PMD_SIZE, .huge = true);
	KUNIT_ASSERT_EQ(test, PMD_SIZE, vmemmap_kunit_leaf(slot).size);
}

static void populate_huge_uses_one_leaf(struct kunit *test)
{
	struct vmemmap_kunit *vk = test->priv;
	const unsigned long end = vk->slot + PMD_SIZE;

	vmemmap_kunit_need_huge_block(test);
	populate(test, vmemmap_populate_hugepages, vk->slot, end, NULL);
	expect_leaves(test, vk->slot, end, PMD_SIZE);
	expect_unmapped(test, end, end + PAGE_SIZE);
	expect_contents(test, vk->slot, end);
	KUNIT_EXPECT_EQ(test, 0, vk->nr_strangers);
}

/* Zeroes would look like empty entries if the block were taken for a table. */
static void populate_keeps_a_leaf(struct kunit *test)
{
	struct vmemmap_kunit *vk = test->priv;
	const unsigned long end = vk->slot + PMD_SIZE;

	fill_leaf(test, vk->slot);
	KUNIT_EXPECT_NULL(test, vmemmap_lookup_page(vk->slot));
	vmemmap_kunit_zero(vk->slot, end);
	vk->nr_asked = 0;

	vmemmap_kunit_map(test, vk->slot, end, .huge = true);
	vmemmap_kunit_map(test, vk->slot, end);
	KUNIT_EXPECT_EQ(test, 0, vk->nr_asked);
	expect_leaves(test, vk->slot, end, PMD_SIZE);
	KUNIT_EXPECT_TRUE(test, vmemmap_kunit_is_zero(vk->slot, end));
}

static void huge_keeps_a_table_of_ptes(struct kunit *test)
{
	struct vmemmap_kunit *vk = test->priv;
	const unsigned long start = vk->slot, end = start + 3 * PAGE_SIZE;
	const unsigned long there = start + PAGE_SIZE;

	vmemmap_kunit_map(test, there, there + PAGE_SIZE);
	vmemmap_kunit_write(there, there + PAGE_SIZE);
	vmemmap_kunit_map(test, start, end, .huge = true);
	expect_leaves(test, start, end, PAGE_SIZE);
	vmemmap_kunit_expect_written(test, there, there + PAGE_SIZE);
	expect_contents(test, start, end);
}

static void huge_falls_back_to_base_pages_without_memory(struct kunit *test)
{
	struct vmemmap_kunit *vk = test->priv;
	const unsigned long start = vk->slot + PMD_SIZE - 2 * PAGE_SIZE;
	const unsigned long end = start + 4 * PAGE_SIZE;

	vk->fail_from = 0;
	KUNIT_EXPECT_EQ(test, -ENOMEM, vmemmap_kunit_try_map(start, end, .huge = true));
	expect_unmapped(test, start, end);
	vk->fail_from = ULONG_MAX;
	vk->max_size = PAGE_SIZE;
	vmemmap_kunit_map(test, start, end, .huge = true);
	expect_leaves(test, start, end, PAGE_SIZE);
	expect_unmapped(test, end, end + PAGE_SIZE);
	expect_contents(test, start, end);
}

/* ---- Device memory ---- */

static void free_slot(struct kunit *test, struct vmem_altmap *altmap)
{
	struct vmemmap_kunit *vk = test->priv;

	vmemmap_kunit_free(vk->slot, vk->slot + PMD_SIZE, altmap);
	expect_unmapped(test, vk->slot, vk->slot + PMD_SIZE);
	KUNIT_EXPECT_EQ(test, 0, altmap->alloc);
}

static void altmap_backs_a_huge_leaf(struct kunit *test)
{
	const unsigned long nr_pages = PMD_SIZE / PAGE_SIZE;
	struct vmemmap_kunit *vk = test->priv;
	struct vmem_altmap *altmap = vmemmap_kunit_altmap(test, 0, nr_pages);
	const unsigned long end = vk->slot + PMD_SIZE;

	populate(test, vmemmap_populate_hugepages, vk->slot, end, altmap);
	expect_leaves(test, vk->slot, end, PMD_SIZE);
	KUNIT_EXPECT_EQ(test, altmap->base_pfn, vmemmap_kunit_leaf(vk->slot).pfn);
	KUNIT_EXPECT_EQ(test, nr_pages, altmap->alloc);
	expect_contents(test, vk->slot, end);

	free_slot(test, altmap);
}

/* An aligned huge block does not fit, but its pages do. */
static void altmap_without_a_huge_block_gives_base_pages(struct kunit *test)
{
	const unsigned long nr_pages = PMD_SIZE / PAGE_SIZE;
	struct vmemmap_kunit *vk = test->priv;
	struct vmem_altmap *altmap = vmemmap_kunit_altmap(test, 1, nr_pages);
	const unsigned long end = vk->slot + PMD_SIZE;

	vmemmap_kunit_map(test, vk->slot, end, .huge = true, .altmap = altmap);
	expect_leaves(test, vk->slot, end, PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, nr_pages, altmap->alloc);

	free_slot(test, altmap);
}

static void altmap_completes_a_table_of_ptes(struct kunit *test)
{
	struct vmemmap_kunit *vk = test->priv;
	struct vmem_altmap *altmap = vmemmap_kunit_altmap(test, 0, 2);

	vmemmap_kunit_map(test, vk->slot, vk->slot + PAGE_SIZE);
	vmemmap_kunit_map(test, vk->slot, vk->slot + 2 * PAGE_SIZE, .huge = true, .altmap = altmap);
	KUNIT_EXPECT_EQ(test, 1, altmap->alloc);

	/* each block is freed to its own allocator */
	free_slot(test, altmap);
}

static void altmap_backs_base_pages_but_no_tables(struct kunit *test)
{
	struct vmemmap_kunit *vk = test->priv;
	struct vmem_altmap *altmap = vmemmap_kunit_altmap(test, 1, 3);
	const unsigned long end = vk->slot + 3 * PAGE_SIZE;
	unsigned long i;

	vmemmap_kunit_map(test, vk->slot, end, .altmap = altmap);
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, altmap->base_pfn + altmap->reserve + i,
				vmemmap_kunit_leaf(vk->slot + i * PAGE_SIZE).pfn);
	KUNIT_EXPECT_EQ(test, 3, altmap->alloc);
	KUNIT_EXPECT_GE(test, vk->nr_given, 1);
	expect_contents(test, vk->slot, end);

	KUNIT_EXPECT_EQ(test, -ENOMEM,
			vmemmap_kunit_try_map(end, end + PAGE_SIZE, .altmap = altmap));
	KUNIT_EXPECT_EQ(test, 3, altmap->alloc);
	expect_unmapped(test, end, end + PAGE_SIZE);
}

/* ---- A page mapped many times ---- */

static struct page *own_page(struct kunit *test, unsigned long addr)
{
	struct page *page;

	KUNIT_EXPECT_NULL(test, vmemmap_lookup_page(addr));
	vmemmap_kunit_map(test, addr, addr + PAGE_SIZE);
	page = vmemmap_lookup_page(addr);
	KUNIT_ASSERT_NOT_NULL(test, page);
	return page;
}

static void fill_shared_maps_one_page_at_every_address(struct kunit *test)
{
	struct vmemmap_kunit *vk = test->priv;
	const unsigned long start = vk->slot + PMD_SIZE - 2 * PAGE_SIZE;
	const unsigned long end = start + 5 * PAGE_SIZE;
	struct page *page = own_page(test, start);
	unsigned long addr;

	vmemmap_kunit_map(test, start + PAGE_SIZE, end, .shared = page);
	expect_leaves(test, start, end, PAGE_SIZE);
	for (addr = start; addr < end; addr += PAGE_SIZE) {
		vmemmap_kunit_write_word(start, addr);
		KUNIT_EXPECT_EQ(test, addr, vmemmap_kunit_read(addr));
	}
}

/* One of the addresses is mapped already. */
static void fill_shared_takes_a_reference_per_entry(struct kunit *test)
{
	struct vmemmap_kunit *vk = test->priv;
	const unsigned long start = vk->slot, end = start + 5 * PAGE_SIZE;
	struct page *page = own_page(test, start);
	const int before = page_count(page);

	vmemmap_kunit_map(test, start + 2 * PAGE_SIZE, start + 3 * PAGE_SIZE, .shared = page);
	vmemmap_kunit_map(test, start + PAGE_SIZE, end, .shared = page);
	KUNIT_EXPECT_EQ(test, before + 4, page_count(page));
	vmemmap_kunit_free(start + PAGE_SIZE, end, NULL);
	KUNIT_EXPECT_EQ(test, before, page_count(page));

	/* without a table, none */
	vk->fail_from = 0;
	KUNIT_EXPECT_EQ(test, -ENOMEM, vmemmap_kunit_try_map(start + PMD_SIZE, start + 2 * PMD_SIZE,
							     .shared = page));
	KUNIT_EXPECT_EQ(test, before, page_count(page));
}

/* ---- Looking up ---- */

static void lookup_page_finds_what_a_pte_maps(struct kunit *test)
{
	struct vmemmap_kunit *vk = test->priv;
	const unsigned long addr = vk->slot + PAGE_SIZE;
	struct page *page;

	KUNIT_EXPECT_NULL(test, vmemmap_lookup_page(addr));
	vmemmap_kunit_map(test, addr, addr + PAGE_SIZE);
	page = vmemmap_lookup_page(addr);
	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_EXPECT_EQ(test, vmemmap_kunit_leaf(addr).pfn, page_to_pfn(page));
	KUNIT_EXPECT_PTR_EQ(test, page, vmemmap_lookup_page(addr + 8));
	/* with the upper tables, and with all tables */
	KUNIT_EXPECT_NULL(test, vmemmap_lookup_page(vk->slot + PMD_SIZE));
	KUNIT_EXPECT_NULL(test, vmemmap_lookup_page(vk->slot));
}

/* ---- Level by level ---- */

#ifdef VMEMMAP_PUBLIC_LEVELS
/* The slot of @addr, built by the public functions; NULL without memory. */
static pmd_t *build_levels(unsigned long addr)
{
	pgd_t *pgd = vmemmap_pgd_populate(addr, VMEMMAP_KUNIT_NID);
	p4d_t *p4d;
	pud_t *pud;

	p4d = pgd ? vmemmap_p4d_populate(pgd, addr, VMEMMAP_KUNIT_NID) : NULL;
	pud = p4d ? vmemmap_pud_populate(p4d, addr, VMEMMAP_KUNIT_NID) : NULL;
	return pud ? vmemmap_pmd_populate(pud, addr, VMEMMAP_KUNIT_NID) : NULL;
}

static pte_t *build_pte(unsigned long addr, struct vmem_altmap *altmap, struct page *shared)
{
	pte_t *pte = NULL;
	pmd_t *pmd;

	mem_hotplug_begin();
	pmd = build_levels(addr);
	if (pmd)
		pte = vmemmap_pte_populate(pmd, addr, VMEMMAP_KUNIT_NID, altmap, shared);
	mem_hotplug_done();
	return pte;
}

static void levels_lead_down_to_a_page(struct kunit *test)
{
	struct vmemmap_kunit *vk = test->priv;
	const unsigned long end = vk->slot + PAGE_SIZE;
	pte_t *pte = build_pte(vk->slot, NULL, NULL);

	KUNIT_ASSERT_NOT_NULL(test, pte);
	expect_leaves(test, vk->slot, end, PAGE_SIZE);
	expect_unmapped(test, end, end + PAGE_SIZE);
	expect_contents(test, vk->slot, end);
	KUNIT_EXPECT_TRUE(test, vmemmap_populate_slot(vmemmap_find_slot(vk->slot), 0));
	KUNIT_EXPECT_EQ(test, 0, vk->nr_strangers);
	KUNIT_EXPECT_PTR_EQ(test, pte, build_pte(vk->slot, NULL, NULL));
}

static void levels_map_a_page_that_is_given(struct kunit *test)
{
	struct vmem_altmap *altmap = vmemmap_kunit_altmap(test, 0, 1);
	struct vmemmap_kunit *vk = test->priv;
	struct page *page = own_page(test, vk->slot);
	const int before = page_count(page);

	KUNIT_ASSERT_NOT_NULL(test, build_pte(vk->slot + PMD_SIZE, NULL, page));
	KUNIT_EXPECT_PTR_EQ(test, page, vmemmap_lookup_page(vk->slot + PMD_SIZE));
	KUNIT_EXPECT_EQ(test, before + 1, page_count(page));

	KUNIT_ASSERT_NOT_NULL(test, build_pte(vk->slot + PAGE_SIZE, altmap, NULL));
	KUNIT_EXPECT_EQ(test, altmap->base_pfn, vmemmap_kunit_leaf(vk->slot + PAGE_SIZE).pfn);
}

static void a_level_without_memory_is_null(struct kunit *test)
{
	struct vmemmap_kunit *vk = test->priv;
	unsigned long n;

	for (n = 0; ; n++) {
		vk->nr_asked = 0;
		vk->fail_from = n;
		if (build_pte(vk->slot, NULL, NULL))
			break;
		vmemmap_kunit_assert_no_memory(test, -ENOMEM);
		expect_unmapped(test, vk->slot, vk->slot + PAGE_SIZE);
		vmemmap_kunit_free(vk->slot, vk->slot + PAGE_SIZE, NULL);
	}
	/* a table of PTEs and a page, at least */
	KUNIT_EXPECT_GE(test, n, 2);
}
#endif

static struct kunit_case vmemmap_populate_cases[] = {
	KUNIT_CASE(populate_maps_every_page),
	KUNIT_CASE(populate_crosses_whole_slots),
	KUNIT_CASE(populate_rounds_outwards_to_pages),
	KUNIT_CASE(a_fill_that_contradicts_itself_is_refused),
	KUNIT_CASE(populate_skips_present_entries),
	KUNIT_CASE(populate_basepages_maps_base_pages),
	KUNIT_CASE(populate_without_memory_can_be_completed_later),
	KUNIT_CASE(populate_huge_uses_one_leaf),
	KUNIT_CASE(populate_keeps_a_leaf),
	KUNIT_CASE(huge_keeps_a_table_of_ptes),
	KUNIT_CASE(huge_falls_back_to_base_pages_without_memory),
	KUNIT_CASE(altmap_backs_a_huge_leaf),
	KUNIT_CASE(altmap_without_a_huge_block_gives_base_pages),
	KUNIT_CASE(altmap_completes_a_table_of_ptes),
	KUNIT_CASE(altmap_backs_base_pages_but_no_tables),
	KUNIT_CASE(fill_shared_maps_one_page_at_every_address),
	KUNIT_CASE(fill_shared_takes_a_reference_per_entry),
	KUNIT_CASE(lookup_page_finds_what_a_pte_maps),
#ifdef VMEMMAP_PUBLIC_LEVELS
	KUNIT_CASE(levels_lead_down_to_a_page),
	KUNIT_CASE(levels_map_a_page_that_is_given),
	KUNIT_CASE(a_level_without_memory_is_null),
#endif
	{}
};

VMEMMAP_KUNIT_SUITE(populate, vmemmap_kunit_init, vmemmap_populate_cases);
