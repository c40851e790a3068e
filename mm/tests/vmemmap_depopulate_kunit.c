// SPDX-License-Identifier: GPL-2.0
/*
 * vmemmap_depopulate_kunit.c - which memory is freed, and in which order
 */
#include "vmemmap_kunit_sections.h"
#include <linux/vmemmap.h>

/* ---- Order ---- */

/* The range that is being unmapped, and the calls that it has caused. */
static struct {
	unsigned long start;
	unsigned long end;
	unsigned int nr_flushes;
	bool has_tables;
	unsigned int nr_released;
} watched;

/* In the place of vmemmap_flush(). */
static void watched_flush(const struct vmemmap_cleared *leaves,
			  const struct vmemmap_cleared *tables)
{
	watched.nr_flushes++;
	watched.has_tables = tables->end;
	flush_tlb_all();
}

/* A page must be out of reach of every CPU before it is freed. */
static void watched_put_block(unsigned long pfn, unsigned int order,
			      unsigned int nr_refs, struct vmem_altmap *altmap)
{
	struct kunit *test = kunit_get_current_test();

	KUNIT_EXPECT_EQ(test, 0, vmemmap_kunit_nr_mapped(watched.start, watched.end));
	KUNIT_EXPECT_EQ(test, 1, watched.nr_flushes);
	watched.nr_released++;

	kunit_deactivate_static_stub(test, vmemmap_put_block);
	vmemmap_put_block(pfn, order, nr_refs, altmap);
	kunit_activate_static_stub(test, vmemmap_put_block, watched_put_block);
}

static void free_watched(struct kunit *test, unsigned long start, unsigned long end)
{
	watched.start = start;
	watched.end = end;
	watched.nr_flushes = 0;
	watched.nr_released = 0;
	kunit_activate_static_stub(test, vmemmap_flush, watched_flush);
	kunit_activate_static_stub(test, vmemmap_put_block, watched_put_block);
	vmemmap_kunit_free(start, end, NULL);
	kunit_deactivate_static_stub(test, vmemmap_put_block);
	kunit_deactivate_static_stub(test, vmemmap_flush);
}

/* Counts are vmemmap pages; the whole slot is freed. */
struct order_case {
	const char *name;
	unsigned int first;
	unsigned int nr_pages;
	bool huge;		/* the whole slot, by a PMD leaf */
};

static const struct order_case order_cases[] = {
	{ .name = "pages and their table", .nr_pages = 8 },
	{ .name = "a page between holes", .first = 1, .nr_pages = 1 },
	{ .name = "a huge leaf", .huge = true },
};

KUNIT_ARRAY_PARAM_DESC(order, order_cases, name);

static void memory_is_freed_after_one_flush(struct kunit *test)
{
	const struct order_case *row = test->param_value;
	struct vmemmap_kunit *vk = test->priv;
	const unsigned long start = vk->slot + row->first * PAGE_SIZE;
	const unsigned long end = row->huge ? vk->slot + PMD_SIZE :
					      start + row->nr_pages * PAGE_SIZE;

	vmemmap_kunit_map(test, start, end, .huge = row->huge);
	if (row->huge && vmemmap_kunit_leaf(start).size != PMD_SIZE)
		kunit_skip(test, "no free block is as large as a PMD leaf");

	free_watched(test, vk->slot, vk->slot + PMD_SIZE);
	KUNIT_EXPECT_EQ(test, 1, watched.nr_flushes);
	KUNIT_EXPECT_EQ(test, 0, vmemmap_kunit_nr_mapped(start, end));
	if (row->huge) {
		KUNIT_EXPECT_GE(test, watched.nr_released, 1);
	} else {
		KUNIT_EXPECT_TRUE(test, watched.has_tables);
		KUNIT_EXPECT_GT(test, watched.nr_released, row->nr_pages);
	}
}

/* Contents of an address, and how many CPUs read them there. */
struct sight {
	unsigned long addr;
	unsigned long word;
	atomic_t nr;
};

static void look(void *data)
{
	struct sight *sight = data;

	if (vmemmap_kunit_read(sight->addr) == sight->word)
		atomic_inc(&sight->nr);
}

static unsigned int nr_cpus_that_read(unsigned long addr, unsigned long word)
{
	struct sight sight = { .addr = addr, .word = word };

	on_each_cpu(look, &sight, 1);
	return atomic_read(&sight.nr);
}

/*
 * No CPU keeps a translation that the flush must drop. The page that was mapped is
 * held by a reference, so that the next one is another page.
 */
static void no_cpu_reads_the_page_that_was_mapped_before(struct kunit *test)
{
	struct vmemmap_kunit *vk = test->priv;
	const unsigned long addr = vk->slot, end = addr + PAGE_SIZE;
	/* arm64 clears a page that takes the place of zeros. */
	const bool may_be_clear = IS_ENABLED(CONFIG_SPARSEMEM_VMEMMAP_STAND_IN) &&
				  IS_ENABLED(CONFIG_VMEMMAP_BREAK_BEFORE_MAKE);
	int i;

	for (i = 1; i <= 8; i++) {
		unsigned long fresh = VMEMMAP_KUNIT_RAW;

		vmemmap_kunit_map(test, addr, end);
		if (may_be_clear && !READ_ONCE(*(unsigned long *)addr))
			fresh = 0;
		KUNIT_EXPECT_EQ(test, num_online_cpus(), nr_cpus_that_read(addr, fresh));
		WRITE_ONCE(*(unsigned long *)addr, i);
		KUNIT_EXPECT_EQ(test, num_online_cpus(), nr_cpus_that_read(addr, i));
		vmemmap_kunit_free(addr, end, NULL);
	}
}

/* ---- Rows ---- */

#define NOBODY	(-1)	/* holds a page */

/* Pages of one slot */
struct row_case {
	const char *name;
	unsigned int nr_pages;
	unsigned int nr_rows;	/* in which they are freed */
	int held;		/* the page that is held meanwhile, if any */
	unsigned int nr_before;	/* the first ones, which are freed before */
	unsigned int nr_behind;	/* the last ones, which are freed before */
};

static const struct row_case row_cases[] = {
	{ "all of it", 8, 1, NOBODY },
	{ "a page in the middle is held", 8, 2, 4 },
	{ "the first page is held", 8, 1, 0 },
	{ "the last page is held", 8, 1, 7 },
	{ "the first page is missing", 8, 1, NOBODY, .nr_before = 1 },
	{ "the last page is missing", 8, 1, NOBODY, .nr_behind = 1 },
	{ "a single page", 1, 1, NOBODY },
};

KUNIT_ARRAY_PARAM_DESC(rows, row_cases, name);

static struct {
	unsigned int nr_rows;
	unsigned long nr_pages;
} freed;

/* In the place of vmemmap_put_row(), with the same effect. */
static void counted_put_row(unsigned long pfn, unsigned long nr_pages)
{
	struct kunit *test = kunit_get_current_test();

	freed.nr_rows++;
	freed.nr_pages += nr_pages;
	kunit_deactivate_static_stub(test, vmemmap_put_row);
	vmemmap_put_row(pfn, nr_pages);
	kunit_activate_static_stub(test, vmemmap_put_row, counted_put_row);
}

static void free_counted(struct kunit *test, unsigned long start, unsigned long end)
{
	freed.nr_rows = 0;
	freed.nr_pages = 0;
	kunit_activate_static_stub(test, vmemmap_put_row, counted_put_row);
	vmemmap_kunit_free(start, end, NULL);
	kunit_deactivate_static_stub(test, vmemmap_put_row);
}

/* Map the pages, and skip the case if the page allocator has none in a row. */
static void map_row(struct kunit *test, unsigned int nr_pages)
{
	struct vmemmap_kunit *vk = test->priv;
	const unsigned long end = vk->slot + nr_pages * PAGE_SIZE;
	unsigned long pfn;

	vmemmap_kunit_map(test, vk->slot, end);
	pfn = vmemmap_kunit_leaf(vk->slot).pfn;
	if (vmemmap_kunit_leaf(end - PAGE_SIZE).pfn != pfn + nr_pages - 1 ||
	    !IS_ALIGNED(pfn, nr_pages))
		kunit_skip(test, "no %u pages are free in a row", nr_pages);
}

static void map_and_free_row(struct kunit *test, void *data)
{
	const struct row_case *row = data;
	struct vmemmap_kunit *vk = test->priv;
	const unsigned long start = vk->slot + row->nr_before * PAGE_SIZE;
	const unsigned long end = vk->slot + (row->nr_pages - row->nr_behind) * PAGE_SIZE;
	const unsigned int nr_free = PHYS_PFN(end - start) - (row->held >= 0);
	struct page *held = NULL;

	map_row(test, row->nr_pages);
	vmemmap_kunit_free(vk->slot, start, NULL);
	vmemmap_kunit_free(end, vk->slot + row->nr_pages * PAGE_SIZE, NULL);
	if (row->held >= 0) {
		held = vmemmap_lookup_page(vk->slot + row->held * PAGE_SIZE);
		get_page(held);
	}

	free_counted(test, start, end);
	KUNIT_EXPECT_EQ(test, nr_free, freed.nr_pages);
	KUNIT_EXPECT_EQ(test, vmemmap_has_page_records() ? nr_free : row->nr_rows, freed.nr_rows);
	if (held) {
		KUNIT_EXPECT_EQ(test, 1, page_count(held));
		put_page(held);
	}
}

/*
 * They go back to the page allocator as one block where it need not know them one by
 * one; a page that somebody holds is freed by its holder.
 */
static void pages_in_a_row_are_freed_together(struct kunit *test)
{
	struct vmemmap_kunit *vk = test->priv;

	vk->is_unrecorded = true;
	vmemmap_kunit_expect_nothing_left(test, map_and_free_row, (void *)test->param_value);
}

/* ---- Neighbours ---- */

/* Two ranges, in page frames from the start of the window */
struct neighbours_case {
	const char *name;
	unsigned long first[2];
	unsigned long nr_pages;
};

static const struct neighbours_case neighbours_cases[] = {
	{ "subsections, in one page if that is larger than 4K",
	  { 0, PAGES_PER_SUBSECTION }, PAGES_PER_SUBSECTION },
	{ "parts that meet within a page if that is larger than 4K",
	  { PAGES_PER_SUBSECTION, PAGES_PER_SUBSECTION + VMEMMAP_KUNIT_PART },
	  VMEMMAP_KUNIT_PART },
	{ "sections, in one leaf if struct page has 80 bytes",
	  { 0, PAGES_PER_SECTION }, PAGES_PER_SECTION },
	{ "later sections, if the others happen to meet between two leaves",
	  { PAGES_PER_SECTION, 2 * PAGES_PER_SECTION }, PAGES_PER_SECTION },
};

KUNIT_ARRAY_PARAM_DESC(neighbours, neighbours_cases, name);

/* Its struct pages are mapped, with the leaves at their ends, and no others. */
static void expect_mapped_alone(struct kunit *test, const struct vmemmap_addition *add)
{
	struct vmemmap_kunit *vk = test->priv;
	const unsigned long window = (unsigned long)pfn_to_page(vk->pfn);
	const unsigned long window_end = window + vk->nr_pages * sizeof(struct page);
	unsigned long start = memmap_start(add);
	unsigned long end = memmap_end(add);

	KUNIT_ASSERT_NE(test, 0, vmemmap_kunit_leaf(start).size);
	KUNIT_ASSERT_NE(test, 0, vmemmap_kunit_leaf(end - 1).size);
	start = ALIGN_DOWN(start, vmemmap_kunit_leaf(start).size);
	end = ALIGN(end, vmemmap_kunit_leaf(end - 1).size);
	KUNIT_EXPECT_EQ(test, PHYS_PFN(end - start),
			vmemmap_kunit_nr_mapped(min(window, start), window_end));
}

static void log_shared_leaf(struct kunit *test, unsigned long border)
{
	const unsigned long size = vmemmap_kunit_leaf(border).size;

	if (!IS_ALIGNED(border, size))
		kunit_info(test, "they share a leaf of %#lx bytes", size);
}

/* @other is removed and added, and removed once more after @add. */
static void remove_one_by_one(struct kunit *test, struct vmemmap_addition *add,
			      struct vmemmap_addition *other)
{
	vmemmap_kunit_add(test, add);
	vmemmap_kunit_add(test, other);
	log_shared_leaf(test, max(memmap_start(add), memmap_start(other)));
	vmemmap_kunit_write_memmap(add);
	vmemmap_kunit_write_memmap(other);
	vmemmap_kunit_remove(test, other);
	expect_mapped_alone(test, add);
	vmemmap_kunit_expect_memmap(test, add);

	vmemmap_kunit_add(test, other);
	vmemmap_kunit_write_memmap(other);
	vmemmap_kunit_expect_memmap(test, add);
	vmemmap_kunit_remove(test, add);
	expect_mapped_alone(test, other);
	vmemmap_kunit_expect_memmap(test, other);
	vmemmap_kunit_remove(test, other);
	vmemmap_kunit_expect_all_came_back(test);
}

/*
 * A page or leaf that two ranges share is mapped until both have been removed,
 * and no longer.
 */
static void shared_leaves_are_freed_with_their_last_user(struct kunit *test)
{
	const struct neighbours_case *row = test->param_value;
	struct vmemmap_addition *first, *second;

	first = vmemmap_kunit_addition(test, row->first[0], row->nr_pages);
	second = vmemmap_kunit_addition(test, row->first[1], row->nr_pages);
	remove_one_by_one(test, first, second);
	remove_one_by_one(test, second, first);
}

/*
 * A part of what a leaf maps is removed and added again. The leaf stays, and is
 * not taken for a table, so that the other struct pages keep their contents.
 */
static void a_part_of_a_leaf_is_removed_and_added_again(struct kunit *test)
{
	const unsigned long nr = PAGES_PER_SUBSECTION;
	struct vmemmap_addition *all, *part, *rest;

	all = vmemmap_kunit_add_new(test, 0, PAGES_PER_SECTION);
	part = vmemmap_kunit_addition(test, 0, nr);
	rest = vmemmap_kunit_addition(test, nr, PAGES_PER_SECTION - nr);
	vmemmap_kunit_write_memmap(rest);
	vmemmap_kunit_remove(test, part);
	vmemmap_kunit_expect_memmap(test, rest);
	vmemmap_kunit_add(test, part);
	vmemmap_kunit_expect_memmap(test, rest);
	vmemmap_kunit_write_memmap(part);
	vmemmap_kunit_remove(test, all);
	vmemmap_kunit_expect_all_came_back(test);

	vmemmap_kunit_add(test, all);
	vmemmap_kunit_remove(test, part);
	vmemmap_kunit_remove(test, rest);
	vmemmap_kunit_expect_all_came_back(test);
}

/* ---- HugeTLB ---- */

static void split_and_remove(struct kunit *test, void *data)
{
	struct vmemmap_addition *add = data;
	const unsigned long start = memmap_start(add);
	unsigned int i;

	vmemmap_kunit_add(test, add);
	vmemmap_kunit_split_leaf(test, start);
	for (i = 1; i < 8; i++)
		vmemmap_kunit_replace_page(test, start + i * PAGE_SIZE);
	vmemmap_kunit_remove(test, add);
	KUNIT_EXPECT_EQ(test, 0, vmemmap_kunit_leaf(start).size);
}

/*
 * HugeTLB allocates the table, which is counted, and replaces some pages of the
 * block by others.
 */
static void a_leaf_that_hugetlb_has_split_is_freed(struct kunit *test)
{
	struct vmemmap_addition *add = vmemmap_kunit_add_new(test, 0, PAGES_PER_SECTION);
	struct vmemmap_kunit *vk = test->priv;
	const unsigned long size = vmemmap_kunit_leaf(memmap_start(add)).size;

	vmemmap_kunit_remove(test, add);
	vmemmap_kunit_expect_all_came_back(test);
	if (size != PMD_SIZE || !is_power_of_2(sizeof(struct page)))
		kunit_skip(test, "a section has no leaf that HugeTLB would split");

	vk->is_unrecorded = true;
	vmemmap_kunit_expect_nothing_left(test, split_and_remove, add);
}

/* ---- The memory map from boot ---- */

struct boot_leaf_case {
	const char *name;
	bool huge;
	unsigned int nr_users;	/* that the bootmem bookkeeping counts */
};

static const struct boot_leaf_case boot_leaf_cases[] = {
	{ .name = "a page" },
	{ .name = "a huge leaf", .huge = true },
#ifdef CONFIG_HAVE_BOOTMEM_INFO_NODE
	{ .name = "a page in the books", .nr_users = 1 },
	{ .name = "a huge leaf in the books", .huge = true, .nr_users = 1 },
	{ .name = "a page of two sections", .nr_users = 2 },
	{ .name = "a huge leaf of two sections", .huge = true, .nr_users = 2 },
#endif
};

KUNIT_ARRAY_PARAM_DESC(boot_leaves, boot_leaf_cases, name);

#ifdef CONFIG_HAVE_BOOTMEM_INFO_NODE
static void get_boot_page(struct page *page)
{
	get_page_bootmem(0, page, SECTION_INFO);
}
#else
static void get_boot_page(struct page *page)
{
}
#endif

/* Make these pages look as if memblock had allocated them. */
static void reserve_pages(struct page *page, unsigned long nr, unsigned int nr_users)
{
	unsigned int i;

	for (; nr; nr--, page++) {
		SetPageReserved(page);
		adjust_managed_page_count(page, -1);
		for (i = 0; i < nr_users; i++)
			get_boot_page(page);
	}
}

/* Map them as one leaf, by way of an altmap, which holds no references. */
static void map_boot_leaf(struct kunit *test, void *memory, unsigned long size)
{
	struct vmem_altmap altmap = {
		.base_pfn = PHYS_PFN(__pa(memory)),
		.free = PHYS_PFN(size),
	};
	struct vmemmap_kunit *vk = test->priv;

	vmemmap_kunit_map(test, vk->slot, vk->slot + size, .huge = true, .altmap = &altmap);
	KUNIT_ASSERT_EQ(test, size, vmemmap_kunit_leaf(vk->slot).size);
}

static void map_and_free_boot_leaf(struct kunit *test, void *data)
{
	const struct boot_leaf_case *row = data;
	const unsigned long size = row->huge ? PMD_SIZE : PAGE_SIZE;
	void *memory = alloc_pages_exact(size, GFP_KERNEL | __GFP_NOWARN);
	struct vmemmap_kunit *vk = test->priv;

	if (!memory)
		kunit_skip(test, "no %#lx bytes are free in one piece", size);
	reserve_pages(virt_to_page(memory), PHYS_PFN(size), row->nr_users);
	map_boot_leaf(test, memory, size);
	vmemmap_kunit_free(vk->slot, vk->slot + size, NULL);
	vmemmap_kunit_expect_all_came_back(test);
}

static void a_leaf_from_boot_is_freed_whoever_it_describes(struct kunit *test)
{
	vmemmap_kunit_expect_nothing_left(test, map_and_free_boot_leaf, (void *)test->param_value);
}

/* It is not just warned about and then mapped. */
static void a_range_outside_the_vmemmap_is_refused(struct kunit *test)
{
	int err;

	mem_hotplug_begin();
	err = vmemmap_populate(PAGE_SIZE, 2 * PAGE_SIZE, VMEMMAP_KUNIT_NID, NULL);
	mem_hotplug_done();
	KUNIT_EXPECT_EQ(test, -ERANGE, err);
}

static struct kunit_case vmemmap_depopulate_cases[] = {
	KUNIT_CASE_PARAM(memory_is_freed_after_one_flush, order_gen_params),
	KUNIT_CASE(no_cpu_reads_the_page_that_was_mapped_before),
	KUNIT_CASE_PARAM(pages_in_a_row_are_freed_together, rows_gen_params),
	KUNIT_CASE_PARAM(shared_leaves_are_freed_with_their_last_user, neighbours_gen_params),
	KUNIT_CASE(a_part_of_a_leaf_is_removed_and_added_again),
	KUNIT_CASE(a_leaf_that_hugetlb_has_split_is_freed),
	KUNIT_CASE_PARAM(a_leaf_from_boot_is_freed_whoever_it_describes, boot_leaves_gen_params),
	KUNIT_CASE(a_range_outside_the_vmemmap_is_refused),
	{}
};

VMEMMAP_KUNIT_SUITE(depopulate, vmemmap_kunit_init, vmemmap_depopulate_cases);
