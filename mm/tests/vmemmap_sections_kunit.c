// SPDX-License-Identifier: GPL-2.0
/*
 * vmemmap_sections_kunit.c - add page frames to one section, and remove them
 *
 * See vmemmap_depopulate_kunit.c for neighbours, vmemmap_ranges_kunit.c for
 * several sections and the user-space harness for counters, poison and bad removals.
 */
#include "vmemmap_add_cases.h"
#include "vmemmap_sections_cases.h"

KUNIT_ARRAY_PARAM_DESC(refusals, vmemmap_refusals, name);

/* ---- Ways to add ---- */

static void an_added_range_is_live_mapped_and_offline(struct kunit *test)
{
	const struct vmemmap_add_case *row = test->param_value;
	struct vmemmap_addition *add = vmemmap_addition_of(test, row);
	struct vmemmap_kunit *vk = test->priv;
	struct vmemmap_section_state now;

	vmemmap_kunit_add(test, add);
	now = vmemmap_kunit_state(add).sections[0];
	KUNIT_EXPECT_TRUE(test, vmemmap_kunit_is_live(add));
	KUNIT_EXPECT_FALSE(test, online_section(__pfn_to_section(add->pfn)));
	KUNIT_EXPECT_EQ(test, bitmap_weight(now.live, SUBSECTIONS_PER_SECTION),
			row->nr_pages / PAGES_PER_SUBSECTION);
	KUNIT_EXPECT_EQ(test, now.nr_mapped, vmemmap_nr_pages(row->nr_pages));
	KUNIT_EXPECT_EQ(test, 0, vk->nr_strangers);
	if (row->is_compound)
		return;
	vmemmap_kunit_write_memmap(add);
	vmemmap_kunit_expect_memmap(test, add);
}

/* One flush for leaves and tables together. */
static void add_then_remove_restores_everything(struct kunit *test)
{
	const struct vmemmap_add_case *row = test->param_value;
	struct vmemmap_addition *add = vmemmap_addition_of(test, row);
	const struct vmemmap_state before = vmemmap_kunit_state(add);
	struct vmemmap_kunit *vk = test->priv;

	KUNIT_EXPECT_FALSE(test, before.sections[0].has_usage);
	vmemmap_kunit_add(test, add);
	KUNIT_EXPECT_EQ(test, 1, vmemmap_kunit_count_flushes(test, add));
	KUNIT_EXPECT_LE(test, vk->flush_start, memmap_start(add));
	KUNIT_EXPECT_GE(test, vk->flush_end, memmap_end(add));

	vmemmap_kunit_expect_state(test, add, &before);
	vmemmap_kunit_expect_all_came_back(test);
	vmemmap_kunit_expect_nothing_taken(test, add->altmap);
}

static void an_add_survives_any_failure(struct kunit *test)
{
	const struct vmemmap_add_case *row = test->param_value;
	struct vmemmap_addition *add = vmemmap_addition_of(test, row);
	const unsigned long nr = vmemmap_kunit_nr_allocations(test, add);

	KUNIT_EXPECT_GE(test, vmemmap_kunit_fail_in_turn(test, add), nr);
}

static void add_and_remove(struct kunit *test, void *add)
{
	unsigned int i;

	for (i = 0; i < VMEMMAP_KUNIT_CYCLES; i++) {
		vmemmap_kunit_add(test, add);
		vmemmap_kunit_remove(test, add);
	}
}

static void cycles_leave_nothing_behind(struct kunit *test)
{
	const struct vmemmap_add_case *row = test->param_value;
	struct vmemmap_addition *add = vmemmap_addition_of(test, row);
	const struct vmemmap_state before = vmemmap_kunit_state(add);
	struct vmemmap_kunit *vk = test->priv;

	vk->is_unrecorded = true;
	vmemmap_kunit_expect_nothing_left(test, add_and_remove, add);
	vmemmap_kunit_expect_state(test, add, &before);
	vmemmap_kunit_expect_nothing_taken(test, add->altmap);
}

/* ---- Memory from the device ---- */

struct device_case {
	const char *name;
	unsigned long first;
	unsigned long nr_pages;
};

static const struct device_case device_cases[] = {
	{ "a subsection", 0, PAGES_PER_SUBSECTION },
	{ "whole vmemmap pages",
	  VMEMMAP_KUNIT_PART, 3 * VMEMMAP_KUNIT_PART },
	{ "parts of vmemmap pages at both ends if pages are larger than 4K",
	  PAGES_PER_SUBSECTION, 3 * VMEMMAP_KUNIT_PART },
};

KUNIT_ARRAY_PARAM_DESC(device, device_cases, name);

/*
 * A device that is a part of a section backs its own memory map: all vmemmap
 * pages but the first and the last if it shares these with a neighbour, which
 * may outlive it.
 */
static void a_device_backs_the_vmemmap_pages_inside_its_range(struct kunit *test)
{
	const struct device_case *row = test->param_value;
	struct vmemmap_addition *add = vmemmap_kunit_addition(test, row->first, row->nr_pages);
	unsigned long addr, nr_inside = 0;

	add->altmap = vmemmap_kunit_altmap(test, 0, vmemmap_nr_pages(row->nr_pages));
	vmemmap_kunit_add(test, add);
	for (addr = PAGE_ALIGN_DOWN(memmap_start(add)); addr < memmap_end(add); addr += PAGE_SIZE) {
		const struct vmemmap_leaf leaf = vmemmap_kunit_leaf(addr);
		const bool is_inside = memmap_start(add) <= addr &&
				       addr + PAGE_SIZE <= memmap_end(add);

		KUNIT_EXPECT_NE(test, 0, leaf.size);
		KUNIT_EXPECT_EQ(test, is_inside, vmemmap_is_altmap_pfn(add->altmap, leaf.pfn));
		nr_inside += is_inside;
	}
	KUNIT_EXPECT_EQ(test, nr_inside, add->altmap->alloc);

	vmemmap_kunit_remove(test, add);
	vmemmap_kunit_expect_nothing_taken(test, add->altmap);
	vmemmap_kunit_expect_all_came_back(test);
}

/* ---- Refusals ---- */

/* The altmap has skipped a page for alignment before. */
static struct vmemmap_addition *prepare_refusal(struct kunit *test,
						const struct vmemmap_refusal *row)
{
	const unsigned long first = vmemmap_count_pages(row->first);
	struct vmemmap_addition *add =
		vmemmap_kunit_addition(test, first, vmemmap_count_pages(row->nr_pages));

	if (row->has_leaf_above)
		kunit_skip(test, "others have tables at this level");
	if (row->place == VMEMMAP_LAST_SECTION_END)
		add->pfn = section_nr_to_pfn(NR_MEM_SECTIONS) + first;
	if (row->place == VMEMMAP_PFN_0)
		add->pfn = first;
	if (row->altmap_lacks) {
		add->altmap = vmemmap_kunit_altmap(test, 0, vmemmap_nr_pages(add->nr_pages) -
						   row->altmap_lacks);
		add->altmap->align = 1;
	}
	if (row->compound_sections && vmemmap_has_zone_tails())
		kunit_skip(test, "the tail page of a zone is always present");
	if (row->compound_sections)
		add->pgmap = vmemmap_kunit_device(test, row->compound_sections * PAGES_PER_SECTION);
	return add;
}

static void invalid_additions_are_refused(struct kunit *test)
{
	const struct vmemmap_refusal *row = test->param_value;
	struct vmemmap_addition *add = prepare_refusal(test, row);
	struct vmemmap_addition *live, *window;
	struct vmemmap_state before;

	live = vmemmap_kunit_addition(test, vmemmap_count_pages(row->live_first),
				      vmemmap_count_pages(row->nr_live));
	if (live->nr_pages)
		vmemmap_kunit_add(test, live);
	vmemmap_kunit_write_memmap(live);
	window = vmemmap_kunit_addition(test, 0, 2 * PAGES_PER_SECTION);
	before = vmemmap_kunit_state(window);

	KUNIT_EXPECT_EQ(test, row->err, vmemmap_kunit_try_add(test, add));
	vmemmap_kunit_expect_state(test, window, &before);
	vmemmap_kunit_expect_memmap(test, live);
	if (add->altmap) {
		KUNIT_EXPECT_EQ(test, 0, add->altmap->alloc);
		KUNIT_EXPECT_EQ(test, 1, add->altmap->align);
	}
}

/* ---- Early sections ---- */

/* Such a memory map is not poisoned. */
static void make_inaccessible(struct kunit *test, struct vmem_altmap *altmap)
{
#ifdef VMEMMAP_ALTMAP_INACCESSIBLE
	altmap->inaccessible = true;
#else
	kunit_skip(test, "this kernel knows no inaccessible devices");
#endif
}

/* A subsection that was absent at boot, in a section that was present; or 0. */
static unsigned long find_early_hole(void)
{
	unsigned long nr, bit;

	for (nr = 0; nr <= __highest_present_section_nr; nr++) {
		struct mem_section *ms = __nr_to_section(nr);

		if (!early_section(ms) || !valid_section(ms))
			continue;
		bit = find_first_zero_bit(ms->usage->subsection_map, SUBSECTIONS_PER_SECTION);
		if (bit < SUBSECTIONS_PER_SECTION)
			return section_nr_to_pfn(nr) + bit * PAGES_PER_SUBSECTION;
	}
	return 0;
}

/* Its struct pages are mapped already and must not be poisoned. */
static void a_part_of_an_early_section_needs_no_memory(struct kunit *test)
{
	struct vmemmap_addition *add = vmemmap_kunit_addition(test, 0, PAGES_PER_SUBSECTION);
	struct vmemmap_kunit *vk = test->priv;
	struct vmemmap_state before;

	add->pfn = find_early_hole();
	if (!add->pfn)
		kunit_skip(test, "no early section has a hole");
	add->altmap = kunit_kzalloc(test, sizeof(*add->altmap), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, add->altmap);
	make_inaccessible(test, add->altmap);
	before = vmemmap_kunit_state(add);
	vmemmap_kunit_add(test, add);
	KUNIT_EXPECT_TRUE(test, vmemmap_kunit_is_live(add));
	KUNIT_EXPECT_EQ(test, -EEXIST, vmemmap_kunit_try_add(test, add));
	vmemmap_kunit_remove(test, add);
	vmemmap_kunit_expect_state(test, add, &before);
	KUNIT_EXPECT_EQ(test, 0, vk->nr_asked);
	vmemmap_kunit_expect_nothing_taken(test, add->altmap);
}

/* They cannot write, and what they have read does not stay in the TLB. */
static void who_comes_late_reads_zeros(struct kunit *test)
{
	struct vmemmap_addition *add = vmemmap_kunit_addition(test, 0, PAGES_PER_SECTION);
	void *memmap = (void *)PAGE_ALIGN(memmap_start(add));
	unsigned long word;

	if (!IS_ENABLED(CONFIG_SPARSEMEM_VMEMMAP_STAND_IN))
		kunit_skip(test, "CONFIG_SPARSEMEM_VMEMMAP_STAND_IN is not set");
	vmemmap_kunit_add(test, add);
	vmemmap_kunit_write_memmap(add);
	vmemmap_kunit_remove(test, add);

	KUNIT_EXPECT_EQ(test, 0, copy_from_kernel_nofault(&word, memmap, sizeof(word)));
	KUNIT_EXPECT_EQ(test, 0, word);
	KUNIT_EXPECT_EQ(test, -EFAULT, copy_to_kernel_nofault(memmap, &word, sizeof(word)));

	vmemmap_kunit_add(test, add);
	vmemmap_kunit_write_memmap(add);
	vmemmap_kunit_expect_memmap(test, add);
}

static struct kunit_case vmemmap_sections_cases[] = {
	KUNIT_CASE_PARAM(an_added_range_is_live_mapped_and_offline, vmemmap_add_gen_params),
	KUNIT_CASE_PARAM(add_then_remove_restores_everything, vmemmap_add_gen_params),
	KUNIT_CASE_PARAM(an_add_survives_any_failure, vmemmap_add_gen_params),
	KUNIT_CASE_PARAM(cycles_leave_nothing_behind, vmemmap_add_gen_params),
	KUNIT_CASE_PARAM(a_device_backs_the_vmemmap_pages_inside_its_range, device_gen_params),
	KUNIT_CASE_PARAM(invalid_additions_are_refused, refusals_gen_params),
	KUNIT_CASE(a_part_of_an_early_section_needs_no_memory),
	KUNIT_CASE(who_comes_late_reads_zeros),
	{}
};

VMEMMAP_KUNIT_SUITE(sections, vmemmap_kunit_init, vmemmap_sections_cases);
