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
	unsigned int nr_released;
} watched;

/* In the place of vmemmap_flush(). */
static void watched_flush(unsigned long start, unsigned long end,
			  bool has_tables)
{
	watched.nr_flushes++;
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

/* W1, W2: with 16K and 64K pages, both lie in one page of the vmemmap. */
static void subsections_go_without_their_neighbours(struct kunit *test)
{
	const unsigned long nr = PAGES_PER_SUBSECTION;
	struct vmemmap_kunit *vk = test->priv;
	const unsigned long pfns[] = { vk->pfn + nr, vk->pfn + 2 * nr };
	int first;

	for (first = 0; first < 2; first++) {
		KUNIT_ASSERT_EQ(test, 0, add(pfns[0], nr));
		KUNIT_ASSERT_EQ(test, 0, add(pfns[1], nr));
		write_memmap(pfns[!first], nr);
		remove(pfns[first], nr);
		expect_written(test, pfns[!first], nr);
		remove(pfns[!first], nr);
		vmemmap_kunit_expect_all_came_back(test);
	}
}

/* With an 80-byte struct page, sections share leaves. */
static void sections_go_without_their_neighbours(struct kunit *test)
{
	const unsigned long nr = PAGES_PER_SECTION;
	struct vmemmap_kunit *vk = test->priv;
	const unsigned long pfns[] = { vk->pfn, vk->pfn + nr };
	int first;

	for (first = 0; first < 2; first++) {
		KUNIT_ASSERT_EQ(test, 0, add(pfns[0], nr));
		KUNIT_ASSERT_EQ(test, 0, add(pfns[1], nr));
		write_memmap(pfns[!first], nr);
		remove(pfns[first], nr);
		expect_written(test, pfns[!first], nr);
		KUNIT_ASSERT_EQ(test, 0, add(pfns[first], nr));
		write_memmap(pfns[first], nr);
		remove(pfns[!first], nr);
		expect_written(test, pfns[first], nr);
		remove(pfns[first], nr);
		vmemmap_kunit_expect_all_came_back(test);
	}
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
	KUNIT_CASE(subsections_go_without_their_neighbours),
	KUNIT_CASE(sections_go_without_their_neighbours),
	KUNIT_CASE(a_part_of_a_section_goes_and_comes_back),
	KUNIT_CASE(a_range_outside_the_vmemmap_is_refused),
	{}
};

static struct kunit_suite vmemmap_depopulate_suite = {
	.name = "vmemmap_depopulate",
	.init = vmemmap_kunit_init,
	.test_cases = vmemmap_depopulate_cases,
};

kunit_test_suite(vmemmap_depopulate_suite);
