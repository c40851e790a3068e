// SPDX-License-Identifier: GPL-2.0
/*
 * vmemmap_depopulate: what goes, what stays, and in which order
 */
#include "vmemmap_kunit.h"
#include <linux/vmemmap.h>

/* ---- Order ---- */

/* The range that is being unmapped, and what has happened to it. */
static struct {
	unsigned long start;
	unsigned long end;
	unsigned int nr_flushes;
	bool has_tables;
	unsigned int nr_released;
} watched;

/* In the place of vmemmap_flush(). */
static void watched_flush(unsigned long start, unsigned long end,
			  bool has_tables)
{
	watched.nr_flushes++;
	watched.has_tables = has_tables;
	vmemmap_flush_tables(start, end);
}

/* W7: a page that is given away can no longer be reached. */
static void watched_put_block(unsigned long pfn, unsigned int order,
			      unsigned int nr_refs, struct vmem_altmap *altmap)
{
	struct kunit *test = kunit_get_current_test();

	KUNIT_EXPECT_EQ(test, 0, vmemmap_kunit_nr_mapped(watched.start,
							 watched.end));
	KUNIT_EXPECT_EQ(test, 1, watched.nr_flushes);
	watched.nr_released++;

	kunit_deactivate_static_stub(test, vmemmap_put_block);
	vmemmap_put_block(pfn, order, nr_refs, altmap);
	kunit_activate_static_stub(test, vmemmap_put_block, watched_put_block);
}

static void free_watched(struct kunit *test, unsigned long start,
			 unsigned long end)
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

	KUNIT_EXPECT_EQ(test, 1, watched.nr_flushes);
	KUNIT_EXPECT_EQ(test, 0, vmemmap_kunit_nr_mapped(start, end));
}

static void pages_and_their_table_go_after_one_flush(struct kunit *test)
{
	const struct vmemmap_fill fill = { .nid = VMEMMAP_KUNIT_NID };
	struct vmemmap_kunit *vk = test->priv;
	const unsigned long end = vk->slot + 8 * PAGE_SIZE;

	KUNIT_ASSERT_EQ(test, 0, vmemmap_kunit_fill(vk->slot, end, &fill));
	free_watched(test, vk->slot, end);
	KUNIT_EXPECT_TRUE(test, watched.has_tables);
	KUNIT_EXPECT_GE(test, watched.nr_released, 9);
}

static void a_huge_leaf_goes_after_one_flush(struct kunit *test)
{
	const struct vmemmap_fill fill = {
		.nid = VMEMMAP_KUNIT_NID,
		.huge = true,
	};
	struct vmemmap_kunit *vk = test->priv;
	const unsigned long end = vk->slot + PMD_SIZE;

	KUNIT_ASSERT_EQ(test, 0, vmemmap_kunit_fill(vk->slot, end, &fill));
	if (vmemmap_kunit_leaf(vk->slot).size != PMD_SIZE) {
		vmemmap_kunit_free(vk->slot, end, NULL);
		kunit_skip(test, "no block of the size of a PMD leaf");
	}
	free_watched(test, vk->slot, end);
	KUNIT_EXPECT_GE(test, watched.nr_released, 1);
}

static void a_range_filled_in_part_goes(struct kunit *test)
{
	const struct vmemmap_fill fill = { .nid = VMEMMAP_KUNIT_NID };
	struct vmemmap_kunit *vk = test->priv;

	KUNIT_ASSERT_EQ(test, 0,
			vmemmap_kunit_fill(vk->slot + PAGE_SIZE,
					   vk->slot + 2 * PAGE_SIZE, &fill));
	free_watched(test, vk->slot, vk->slot + PMD_SIZE);
}

/* Contents that some CPU has seen at an address. */
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

static unsigned int nr_cpus_that_see(unsigned long addr, unsigned long word)
{
	struct sight sight = { .addr = addr, .word = word };

	on_each_cpu(look, &sight, 1);
	return atomic_read(&sight.nr);
}

/*
 * No CPU goes on using what the flush has to drop. The page that was there is
 * held, so that another one comes in its place.
 */
static void no_cpu_sees_what_was_there_before(struct kunit *test)
{
	const struct vmemmap_fill fill = { .nid = VMEMMAP_KUNIT_NID };
	struct vmemmap_kunit *vk = test->priv;
	const unsigned long addr = vk->slot, end = addr + PAGE_SIZE;
	int i;

	for (i = 0; i < 8; i++) {
		KUNIT_ASSERT_EQ(test, 0, vmemmap_kunit_fill(addr, end, &fill));
		KUNIT_EXPECT_EQ(test, num_online_cpus(),
				nr_cpus_that_see(addr, VMEMMAP_KUNIT_RAW));
		WRITE_ONCE(*(unsigned long *)addr, i);
		KUNIT_EXPECT_EQ(test, num_online_cpus(),
				nr_cpus_that_see(addr, i));
		vmemmap_kunit_free(addr, end, NULL);
	}
}

/* ---- Neighbours ---- */

static int add(unsigned long pfn, unsigned long nr_pages)
{
	int err;

	mem_hotplug_begin();
	err = sparse_add_section(VMEMMAP_KUNIT_NID, pfn, nr_pages, NULL, NULL);
	mem_hotplug_done();
	return err;
}

static void remove(unsigned long pfn, unsigned long nr_pages)
{
	mem_hotplug_begin();
	sparse_remove_section(pfn, nr_pages, NULL, NULL);
	mem_hotplug_done();
}

static unsigned long memmap_of(unsigned long pfn)
{
	return (unsigned long)pfn_to_page(pfn);
}

static void write_memmap(unsigned long pfn, unsigned long nr_pages)
{
	vmemmap_kunit_write(memmap_of(pfn), memmap_of(pfn + nr_pages));
}

static void expect_written(struct kunit *test, unsigned long pfn,
			   unsigned long nr_pages)
{
	vmemmap_kunit_expect_written(test, memmap_of(pfn),
				     memmap_of(pfn + nr_pages));
}

/* Two ranges, in page frames from the begin of the window */
struct neighbours_case {
	const char *name;
	unsigned long first[2];
	unsigned long nr_pages;
};

/* The smallest number of subsections whose struct pages fill whole pages */
#define PART_PAGES	MAX(PFNS_PER_VMEMMAP_PAGE, PAGES_PER_SUBSECTION)

static const struct neighbours_case neighbours_cases[] = {
	{ "subsections, in one page if that is larger than 4K",
	  { 0, PAGES_PER_SUBSECTION }, PAGES_PER_SUBSECTION },
	{ "parts that meet in the middle of a page if that is larger than 4K",
	  { PAGES_PER_SUBSECTION, PAGES_PER_SUBSECTION + PART_PAGES },
	  PART_PAGES },
	{ "sections, in one leaf if struct page has 80 bytes",
	  { 0, PAGES_PER_SECTION }, PAGES_PER_SECTION },
	{ "later sections, if the others happen to meet between two leaves",
	  { PAGES_PER_SECTION, 2 * PAGES_PER_SECTION }, PAGES_PER_SECTION },
};

KUNIT_ARRAY_PARAM_DESC(neighbours, neighbours_cases, name);

/* These struct pages are mapped, with the leaves at their ends, and no others. */
static void expect_mapped_alone(struct kunit *test, unsigned long pfn,
				unsigned long nr_pages)
{
	struct vmemmap_kunit *vk = test->priv;
	const unsigned long window = memmap_of(vk->pfn);
	unsigned long start = memmap_of(pfn);
	unsigned long end = memmap_of(pfn + nr_pages);

	KUNIT_ASSERT_NE(test, 0, vmemmap_kunit_leaf(start).size);
	KUNIT_ASSERT_NE(test, 0, vmemmap_kunit_leaf(end - 1).size);
	start = ALIGN_DOWN(start, vmemmap_kunit_leaf(start).size);
	end = ALIGN(end, vmemmap_kunit_leaf(end - 1).size);
	KUNIT_EXPECT_EQ(test, PHYS_PFN(end - start),
			vmemmap_kunit_nr_mapped(min(window, start),
						memmap_of(vk->pfn +
							  vk->nr_pages)));
}

static void say_what_is_shared(struct kunit *test, unsigned long border)
{
	const unsigned long size = vmemmap_kunit_leaf(border).size;

	if (!IS_ALIGNED(border, size))
		kunit_info(test, "they share a leaf of %#lx bytes", size);
}

/* @other goes, comes back, and goes for ever after @pfn. */
static void go_and_come_back(struct kunit *test, unsigned long pfn,
			     unsigned long other, unsigned long nr)
{
	KUNIT_ASSERT_EQ(test, 0, add(pfn, nr));
	KUNIT_ASSERT_EQ(test, 0, add(other, nr));
	say_what_is_shared(test, memmap_of(max(pfn, other)));
	write_memmap(pfn, nr);
	write_memmap(other, nr);
	remove(other, nr);
	expect_mapped_alone(test, pfn, nr);
	expect_written(test, pfn, nr);

	KUNIT_ASSERT_EQ(test, 0, add(other, nr));
	write_memmap(other, nr);
	expect_written(test, pfn, nr);
	remove(pfn, nr);
	expect_mapped_alone(test, other, nr);
	expect_written(test, other, nr);
	remove(other, nr);
	vmemmap_kunit_expect_all_came_back(test);
}

/* W1, W2: what two ranges share stays until both have gone, and no longer. */
static void neighbours_go_without_each_other(struct kunit *test)
{
	const struct neighbours_case *row = test->param_value;
	struct vmemmap_kunit *vk = test->priv;
	const unsigned long pfns[] = {
		vk->pfn + row->first[0], vk->pfn + row->first[1],
	};

	go_and_come_back(test, pfns[0], pfns[1], row->nr_pages);
	go_and_come_back(test, pfns[1], pfns[0], row->nr_pages);
}

/* W14: a part of what a leaf maps goes and comes, and the rest is not touched. */
static void a_part_of_a_section_goes_and_comes_back(struct kunit *test)
{
	const unsigned long nr = PAGES_PER_SUBSECTION;
	struct vmemmap_kunit *vk = test->priv;

	KUNIT_ASSERT_EQ(test, 0, add(vk->pfn, PAGES_PER_SECTION));
	write_memmap(vk->pfn + nr, PAGES_PER_SECTION - nr);
	remove(vk->pfn, nr);
	expect_written(test, vk->pfn + nr, PAGES_PER_SECTION - nr);
	KUNIT_ASSERT_EQ(test, 0, add(vk->pfn, nr));
	expect_written(test, vk->pfn + nr, PAGES_PER_SECTION - nr);
	write_memmap(vk->pfn, nr);
	remove(vk->pfn, PAGES_PER_SECTION);
	vmemmap_kunit_expect_all_came_back(test);

	KUNIT_ASSERT_EQ(test, 0, add(vk->pfn, PAGES_PER_SECTION));
	remove(vk->pfn, nr);
	remove(vk->pfn + nr, PAGES_PER_SECTION - nr);
	vmemmap_kunit_expect_all_came_back(test);
}

/* ---- What HugeTLB leaves behind ---- */

static void split_and_remove(struct kunit *test, void *data)
{
	struct vmemmap_kunit *vk = test->priv;
	const unsigned long start = memmap_of(vk->pfn);
	unsigned int i;

	KUNIT_ASSERT_EQ(test, 0, add(vk->pfn, PAGES_PER_SECTION));
	vmemmap_kunit_split_leaf(test, start);
	for (i = 1; i < 8; i++)
		vmemmap_kunit_replace_page(test, start + i * PAGE_SIZE);
	remove(vk->pfn, PAGES_PER_SECTION);
	KUNIT_EXPECT_EQ(test, 0, vmemmap_kunit_leaf(start).size);
}

/*
 * The table comes from the kernel, and is counted, the pages are those of the
 * block and others.
 */
static void a_leaf_that_hugetlb_has_split_goes(struct kunit *test)
{
	struct vmemmap_kunit *vk = test->priv;
	unsigned long size;

	KUNIT_ASSERT_EQ(test, 0, add(vk->pfn, PAGES_PER_SECTION));
	size = vmemmap_kunit_leaf(memmap_of(vk->pfn)).size;
	remove(vk->pfn, PAGES_PER_SECTION);
	vmemmap_kunit_expect_all_came_back(test);
	if (size != PMD_SIZE || !is_power_of_2(sizeof(struct page)))
		kunit_skip(test, "no leaf that HugeTLB could split");

	vk->is_unrecorded = true;
	vmemmap_kunit_expect_nothing_left(test, split_and_remove, NULL);
}

/* ---- Where blocks go ---- */

static void a_device_gets_its_blocks_back(struct kunit *test)
{
	struct vmem_altmap *altmap = vmemmap_kunit_altmap(test, 1, 16);
	void *first, *second;

	mem_hotplug_begin();
	first = vmemmap_alloc_block_buf(4 * PAGE_SIZE, NUMA_NO_NODE, altmap);
	second = vmemmap_alloc_block_buf(8 * PAGE_SIZE, NUMA_NO_NODE, altmap);
	if (second) {
		vmemmap_put_block(PHYS_PFN(__pa(second)), 3, 1, altmap);
		KUNIT_EXPECT_EQ(test, 4, altmap->alloc);
		vmemmap_put_block(PHYS_PFN(__pa(first)), 2, 1, altmap);
		KUNIT_EXPECT_EQ(test, 0, altmap->alloc);
	}
	mem_hotplug_done();
	KUNIT_EXPECT_NOT_NULL(test, second);
}

/* ---- The memory map from boot ---- */

struct boot_leaf_case {
	const char *name;
	unsigned long size;
	unsigned int nr_users;	/* that the bootmem bookkeeping knows */
};

static const struct boot_leaf_case boot_leaf_cases[] = {
	{ .name = "a page", .size = PAGE_SIZE },
	{ .name = "a huge leaf", .size = PMD_SIZE },
#ifdef CONFIG_HAVE_BOOTMEM_INFO_NODE
	{ .name = "a page in the books", .size = PAGE_SIZE, .nr_users = 1 },
	{ .name = "a huge leaf in the books", .size = PMD_SIZE, .nr_users = 1 },
	{ .name = "a page in use by others", .size = PAGE_SIZE, .nr_users = 2 },
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

/* Make these pages look as if memblock had given them. */
static void reserve_pages(struct page *page, unsigned long nr,
			  unsigned int nr_users)
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
	const struct vmemmap_fill fill = {
		.nid = VMEMMAP_KUNIT_NID,
		.huge = true,
		.altmap = &altmap,
	};
	struct vmemmap_kunit *vk = test->priv;

	KUNIT_ASSERT_EQ(test, 0, vmemmap_kunit_fill(vk->slot, vk->slot + size,
						    &fill));
	KUNIT_ASSERT_EQ(test, size, vmemmap_kunit_leaf(vk->slot).size);
}

static void map_and_free_boot_leaf(struct kunit *test, void *data)
{
	const struct boot_leaf_case *row = data;
	void *memory = alloc_pages_exact(row->size, GFP_KERNEL | __GFP_NOWARN);
	struct vmemmap_kunit *vk = test->priv;
	unsigned int i;

	if (!memory)
		kunit_skip(test, "no %#lx bytes in one piece", row->size);
	reserve_pages(virt_to_page(memory), PHYS_PFN(row->size), row->nr_users);
	map_boot_leaf(test, memory, row->size);
	vmemmap_kunit_free(vk->slot, vk->slot + row->size, NULL);
	vmemmap_kunit_expect_all_came_back(test);

	for (i = 1; i < row->nr_users; i++) {
		KUNIT_ASSERT_TRUE(test, PageReserved(virt_to_page(memory)));
		vmemmap_put_boot_page(virt_to_page(memory));
	}
}

/* W22 */
static void a_leaf_from_boot_goes_when_its_last_user_does(struct kunit *test)
{
	vmemmap_kunit_expect_nothing_left(test, map_and_free_boot_leaf,
					  (void *)test->param_value);
}

/* ---- Bounds ---- */

/* W20 */
static void a_range_outside_the_vmemmap_is_refused(struct kunit *test)
{
	int err;

	mem_hotplug_begin();
	err = vmemmap_populate(PAGE_SIZE, 2 * PAGE_SIZE, VMEMMAP_KUNIT_NID,
			       NULL);
	mem_hotplug_done();
	KUNIT_EXPECT_EQ(test, -ERANGE, err);
}

static struct kunit_case vmemmap_depopulate_cases[] = {
	KUNIT_CASE(pages_and_their_table_go_after_one_flush),
	KUNIT_CASE(a_huge_leaf_goes_after_one_flush),
	KUNIT_CASE(a_range_filled_in_part_goes),
	KUNIT_CASE(no_cpu_sees_what_was_there_before),
	KUNIT_CASE_PARAM(neighbours_go_without_each_other,
			 neighbours_gen_params),
	KUNIT_CASE(a_part_of_a_section_goes_and_comes_back),
	KUNIT_CASE(a_leaf_that_hugetlb_has_split_goes),
	KUNIT_CASE(a_device_gets_its_blocks_back),
	KUNIT_CASE_PARAM(a_leaf_from_boot_goes_when_its_last_user_does,
			 boot_leaves_gen_params),
	KUNIT_CASE(a_range_outside_the_vmemmap_is_refused),
	{}
};

static struct kunit_suite vmemmap_depopulate_suite = {
	.name = "vmemmap_depopulate",
	.init = vmemmap_kunit_init,
	.test_cases = vmemmap_depopulate_cases,
};

kunit_test_suite(vmemmap_depopulate_suite);
