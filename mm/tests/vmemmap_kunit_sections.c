// SPDX-License-Identifier: GPL-2.0
/*
 * vmemmap_kunit_sections.c - see vmemmap_kunit_sections.h
 */
#include "vmemmap_kunit_sections.h"
#include <linux/vmemmap.h>

/* ---- Adding and removing ---- */

static int add_section(const struct vmemmap_addition *add)
{
	const int err = sparse_add_section(VMEMMAP_KUNIT_NID, add->pfn, add->nr_pages,
					   add->altmap, add->pgmap);

	vmemmap_populate_print_last();
	return err;
}

static void remove_section(const struct vmemmap_addition *add)
{
	sparse_remove_section(add->pfn, add->nr_pages, add->altmap, add->pgmap);
}

const struct vmemmap_kunit_way vmemmap_kunit_by_section = {
	.add = add_section,
	.remove = remove_section,
};

/* @first counts from the start of the window. */
struct vmemmap_addition *vmemmap_kunit_addition(struct kunit *test,
						unsigned long first,
						unsigned long nr_pages)
{
	struct vmemmap_kunit *vk = test->priv;
	struct vmemmap_addition *add = kunit_kzalloc(test, sizeof(*add), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, add);
	add->way = &vmemmap_kunit_by_section;
	add->pfn = vk->pfn + first;
	add->nr_pages = nr_pages;
	return add;
}

/* The window in compound pages of @nr_pages, from its start. */
struct dev_pagemap *vmemmap_kunit_device(struct kunit *test, unsigned long nr_pages)
{
	struct vmemmap_kunit *vk = test->priv;
	struct dev_pagemap *pgmap = kunit_kzalloc(test, sizeof(*pgmap), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, pgmap);
	pgmap->vmemmap_shift = ilog2(nr_pages);
	pgmap->nr_range = 1;
	pgmap->range.start = PFN_PHYS(vk->pfn);
	pgmap->range.end = PFN_PHYS(vk->pfn + vk->nr_pages) - 1;
	if (!vmemmap_can_optimize(NULL, pgmap))
		kunit_skip(test, "this architecture shares no tail pages");
	vmemmap_kunit_make_tail(test, pgmap->vmemmap_shift);
	return pgmap;
}

bool vmemmap_kunit_is_live(const struct vmemmap_addition *add)
{
	unsigned long pfn = add->pfn;
	struct mem_section *ms;

	if (pfn_to_section_nr(pfn) >= NR_MEM_SECTIONS)
		return false;
	ms = __pfn_to_section(pfn);
	if (!valid_section(ms) || !ms->usage)
		return false;
	while (pfn < add->pfn + add->nr_pages &&
	       test_bit(subsection_map_index(pfn), ms->usage->subsection_map))
		pfn += PAGES_PER_SUBSECTION;
	return pfn >= add->pfn + add->nr_pages;
}

/* The part of an addition that lies in the section of @pfn. */
static struct vmemmap_addition part_of(const struct vmemmap_addition *add, unsigned long pfn)
{
	const unsigned long end = add->pfn + add->nr_pages;
	struct vmemmap_addition part = *add;

	part.pfn = pfn;
	part.nr_pages = min(end, SECTION_ALIGN_DOWN(pfn) + PAGES_PER_SECTION) - pfn;
	return part;
}

static void remove_live_parts(void *data)
{
	const struct vmemmap_addition *add = data;
	struct vmemmap_addition part;
	unsigned long pfn;

	mem_hotplug_begin();
	for (pfn = add->pfn; pfn < add->pfn + add->nr_pages; pfn += part.nr_pages) {
		part = part_of(add, pfn);
		if (vmemmap_kunit_is_live(&part))
			remove_section(&part);
	}
	mem_hotplug_done();
}

int vmemmap_kunit_try_add(struct kunit *test, struct vmemmap_addition *add)
{
	int err = kunit_add_action(test, remove_live_parts, add);

	KUNIT_ASSERT_EQ(test, 0, err);
	mem_hotplug_begin();
	err = add->way->add(add);
	mem_hotplug_done();
	if (err)
		kunit_remove_action(test, remove_live_parts, add);
	return err;
}

void vmemmap_kunit_add(struct kunit *test, struct vmemmap_addition *add)
{
	KUNIT_ASSERT_EQ(test, 0, vmemmap_kunit_try_add(test, add));
}

struct vmemmap_addition *vmemmap_kunit_add_new(struct kunit *test,
					       unsigned long first,
					       unsigned long nr_pages)
{
	struct vmemmap_addition *add = vmemmap_kunit_addition(test, first, nr_pages);

	vmemmap_kunit_add(test, add);
	return add;
}

void vmemmap_kunit_remove(struct kunit *test, struct vmemmap_addition *add)
{
	kunit_remove_action(test, remove_live_parts, add);
	mem_hotplug_begin();
	add->way->remove(add);
	mem_hotplug_done();
}

/* In the place of vmemmap_flush(). */
static void counting_flush(const struct vmemmap_cleared *leaves,
			   const struct vmemmap_cleared *tables)
{
	struct vmemmap_kunit *vk = kunit_get_current_test()->priv;

	vk->nr_flushes++;
	vk->flush_start = leaves->start;
	vk->flush_end = leaves->end;
	flush_tlb_all();
}

/* Remove an addition. Returns how many flushes that took. */
unsigned int vmemmap_kunit_count_flushes(struct kunit *test, struct vmemmap_addition *add)
{
	struct vmemmap_kunit *vk = test->priv;

	vk->nr_flushes = 0;
	kunit_activate_static_stub(test, vmemmap_flush, counting_flush);
	vmemmap_kunit_remove(test, add);
	kunit_deactivate_static_stub(test, vmemmap_flush);
	return vk->nr_flushes;
}

void vmemmap_kunit_write_memmap(const struct vmemmap_addition *add)
{
	vmemmap_kunit_write(memmap_start(add), memmap_end(add));
}

void vmemmap_kunit_expect_memmap(struct kunit *test, const struct vmemmap_addition *add)
{
	vmemmap_kunit_expect_written(test, memmap_start(add), memmap_end(add));
}

/* ---- State that must be restored ---- */

static struct vmemmap_section_state section_state(unsigned long pfn)
{
	const unsigned long start = (unsigned long)pfn_to_page(pfn);
	struct mem_section *ms = __pfn_to_section(pfn);
	struct vmemmap_section_state state = {
		.nr_mapped = vmemmap_kunit_nr_mapped(start, start +
			PAGES_PER_SECTION * sizeof(struct page)),
	};

	if (!ms)
		return state;
	state.section_mem_map = ms->section_mem_map;
	state.has_usage = ms->usage && ms->usage != sparse_stand_in_usage;
	if (ms->usage)
		bitmap_copy(state.live, ms->usage->subsection_map, SUBSECTIONS_PER_SECTION);
	return state;
}

struct vmemmap_state vmemmap_kunit_state(const struct vmemmap_addition *add)
{
	unsigned long pfn = SECTION_ALIGN_DOWN(add->pfn);
	struct vmemmap_state state = {};

	while (pfn < add->pfn + add->nr_pages && state.nr_sections < VMEMMAP_KUNIT_SECTIONS) {
		state.sections[state.nr_sections++] = section_state(pfn);
		pfn += PAGES_PER_SECTION;
	}
	return state;
}

void vmemmap_kunit_expect_state(struct kunit *test,
				const struct vmemmap_addition *add,
				const struct vmemmap_state *before)
{
	const struct vmemmap_state state = vmemmap_kunit_state(add);
	unsigned int i;

	for (i = 0; i < state.nr_sections; i++) {
		const struct vmemmap_section_state *was = &before->sections[i];
		const struct vmemmap_section_state *is = &state.sections[i];

		KUNIT_EXPECT_EQ(test, was->section_mem_map, is->section_mem_map);
		KUNIT_EXPECT_EQ(test, was->has_usage, is->has_usage);
		KUNIT_EXPECT_TRUE(test, bitmap_equal(was->live, is->live, SUBSECTIONS_PER_SECTION));
		KUNIT_EXPECT_EQ(test, was->nr_mapped, is->nr_mapped);
	}
}

void vmemmap_kunit_expect_nothing_taken(struct kunit *test, const struct vmem_altmap *altmap)
{
	if (!altmap)
		return;
	KUNIT_EXPECT_EQ(test, 0, altmap->alloc);
	KUNIT_EXPECT_EQ(test, 0, altmap->align);
}

/* ---- Each allocation fails, one after the other ---- */

/* How many allocations an addition takes; skip the case if there are none. */
unsigned long vmemmap_kunit_nr_allocations(struct kunit *test, struct vmemmap_addition *add)
{
	struct vmemmap_kunit *vk = test->priv;

	vk->nr_asked = 0;
	vmemmap_kunit_add(test, add);
	vmemmap_kunit_remove(test, add);
	vmemmap_kunit_expect_all_came_back(test);
	if (vk->nr_asked)
		return vk->nr_asked;
	KUNIT_ASSERT_NOT_NULL(test, add->altmap);
	kunit_skip(test, "this memory map needs no RAM, not even for tables");
}

/* An addition that fails again and again, and what each failure must restore. */
struct sweep {
	struct vmemmap_addition *add;
	struct vmemmap_state before;
	unsigned long nr_points;
};

static void expect_restored(struct kunit *test, const struct sweep *sweep)
{
	vmemmap_kunit_expect_state(test, sweep->add, &sweep->before);
	vmemmap_kunit_expect_all_came_back(test);
	vmemmap_kunit_expect_nothing_taken(test, sweep->add->altmap);
}

/* Allocation @n fails; false if there are fewer. */
static bool fail_once(struct kunit *test, const struct sweep *sweep,
		      unsigned long n, bool and_later)
{
	struct vmemmap_kunit *vk = test->priv;
	bool has_failed;
	int err;

	vk->nr_asked = 0;
	vk->fail_from = n;
	vk->fail_once = !and_later;
	err = vmemmap_kunit_try_add(test, sweep->add);
	has_failed = vk->nr_asked > n;
	vk->fail_from = ULONG_MAX;
	if (err) {
		KUNIT_ASSERT_EQ(test, -ENOMEM, err);
		KUNIT_ASSERT_TRUE(test, has_failed);
		expect_restored(test, sweep);
		vmemmap_kunit_add(test, sweep->add);
	}
	vmemmap_kunit_remove(test, sweep->add);
	expect_restored(test, sweep);
	return has_failed;
}

static void fail_in_turn(struct kunit *test, void *data)
{
	struct sweep *sweep = data;
	unsigned long n = 0;

	while (fail_once(test, sweep, n, false) + fail_once(test, sweep, n, true))
		n++;
	sweep->nr_points = n;
}

/*
 * Each allocation of an addition fails, alone and together with all later ones.
 * After each failure the sections are as before and the next try succeeds; in
 * the end, the kernel has as much memory as before. Returns how many allocations
 * failed.
 */
unsigned long vmemmap_kunit_fail_in_turn(struct kunit *test, struct vmemmap_addition *add)
{
	struct sweep sweep = {
		.add = add,
		.before = vmemmap_kunit_state(add),
	};

	vmemmap_kunit_expect_nothing_left(test, fail_in_turn, &sweep);
	kunit_info(test, "%lu allocations failed in turn", sweep.nr_points);
	return sweep.nr_points;
}
