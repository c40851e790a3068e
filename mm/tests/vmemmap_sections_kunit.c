// SPDX-License-Identifier: GPL-2.0
/*
 * vmemmap_sections_kunit.c - sections and parts of them that come and go
 */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mount.h>

#include "vmemmap_kunit.h"
#include <linux/vmemmap.h>
#include "vmemmap_sections_cases.h"

KUNIT_ARRAY_PARAM_DESC(refusals, vmemmap_refusals, name);

/* The smallest piece of a section that shares no vmemmap page with another. */
#define PART_PAGES	MAX(PFNS_PER_VMEMMAP_PAGE, PAGES_PER_SUBSECTION)

/* ---- Counters ---- */

static struct vfsmount *proc_mount;

static int mount_proc(struct kunit_suite *suite)
{
	struct file_system_type *type = get_fs_type("proc");

	if (!type)
		return 0;
	proc_mount = kern_mount(type);
	put_filesystem(type);
	return PTR_ERR_OR_ZERO(proc_mount);
}

static void unmount_proc(struct kunit_suite *suite)
{
	kern_unmount(proc_mount);
	proc_mount = NULL;
}

static ssize_t read_file(struct file *file, char *text, size_t size)
{
	ssize_t len = 0, got;
	loff_t pos = 0;

	do {
		got = kernel_read(file, text + len, size - 1 - len, &pos);
		if (got > 0)
			len += got;
	} while (got > 0);
	text[len] = '\0';
	return got ? got : len;
}

/* The value of a line "<name> <value>" in /proc/vmstat; there need be no /proc. */
static long read_vmstat(struct kunit *test, const char *name)
{
	const size_t size = SZ_16K;
	char *text, *line;
	struct file *file;
	long value = 0;
	int nr_values;

	if (!proc_mount)
		return 0;
	text = kunit_kmalloc(test, size, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, text);
	file = file_open_root_mnt(proc_mount, "vmstat", O_RDONLY, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, file);
	KUNIT_EXPECT_GT(test, read_file(file, text, size), 0);
	__fput_sync(file);

	line = strstr(text, name);
	KUNIT_ASSERT_NOT_NULL(test, line);
	nr_values = sscanf(line + strlen(name), " %ld", &value);
	KUNIT_EXPECT_EQ(test, 1, nr_values);
	kunit_kfree(test, text);
	return value;
}

/* ---- What shall be the same again ---- */

struct section_state {
	unsigned long section_mem_map;
	bool has_usage;
	DECLARE_BITMAP(live, SUBSECTIONS_PER_SECTION);
	unsigned long nr_mapped;
	long nr_memmap_pages;
	long nr_memmap_boot_pages;
};

static struct section_state section_of(unsigned long pfn)
{
	struct mem_section *ms = __pfn_to_section(pfn);
	const unsigned long start =
		(unsigned long)pfn_to_page(SECTION_ALIGN_DOWN(pfn));
	struct section_state state = {
		.nr_mapped = vmemmap_kunit_nr_mapped(start, start +
			PAGES_PER_SECTION * sizeof(struct page)),
	};

	if (!ms)
		return state;
	state.section_mem_map = ms->section_mem_map;
	state.has_usage = ms->usage;
	if (ms->usage)
		bitmap_copy(state.live, ms->usage->subsection_map,
			    SUBSECTIONS_PER_SECTION);
	return state;
}

static struct section_state state_of(struct kunit *test, unsigned long pfn)
{
	struct section_state state = section_of(pfn);

	state.nr_memmap_pages = read_vmstat(test, "nr_memmap_pages");
	state.nr_memmap_boot_pages = read_vmstat(test, "nr_memmap_boot_pages");
	return state;
}

/* But for the counters, which take long to read */
static void expect_same_section(struct kunit *test, unsigned long pfn,
				const struct section_state *before)
{
	const struct section_state now = section_of(pfn);

	KUNIT_EXPECT_EQ(test, before->section_mem_map, now.section_mem_map);
	KUNIT_EXPECT_EQ(test, before->has_usage, now.has_usage);
	KUNIT_EXPECT_TRUE(test, bitmap_equal(before->live, now.live,
					     SUBSECTIONS_PER_SECTION));
	KUNIT_EXPECT_EQ(test, before->nr_mapped, now.nr_mapped);
}

static void expect_same_state(struct kunit *test, unsigned long pfn,
			      const struct section_state *before)
{
	const struct section_state now = state_of(test, pfn);

	expect_same_section(test, pfn, before);
	KUNIT_EXPECT_EQ(test, before->nr_memmap_pages, now.nr_memmap_pages);
	KUNIT_EXPECT_EQ(test, before->nr_memmap_boot_pages,
			now.nr_memmap_boot_pages);
}

/* ---- Adding and removing ---- */

struct addition {
	unsigned long pfn;
	unsigned long nr_pages;
	struct vmem_altmap *altmap;
	struct dev_pagemap *pgmap;
};

/* @first counts from the begin of the window. */
static struct addition *new_addition(struct kunit *test, unsigned long first,
				     unsigned long nr_pages)
{
	struct vmemmap_kunit *vk = test->priv;
	struct addition *add = kunit_kzalloc(test, sizeof(*add), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, add);
	add->pfn = vk->pfn + first;
	add->nr_pages = nr_pages;
	return add;
}

static int try_add(const struct addition *add)
{
	int err;

	mem_hotplug_begin();
	err = sparse_add_section(VMEMMAP_KUNIT_NID, add->pfn, add->nr_pages,
				 add->altmap, add->pgmap);
	mem_hotplug_done();
	return err;
}

static void remove(void *data)
{
	const struct addition *add = data;

	mem_hotplug_begin();
	sparse_remove_section(add->pfn, add->nr_pages, add->altmap,
			      add->pgmap);
	mem_hotplug_done();
}

static void add_section(struct kunit *test, struct addition *add)
{
	KUNIT_ASSERT_EQ(test, 0, try_add(add));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, remove, add));
}

static void remove_section(struct kunit *test, struct addition *add)
{
	kunit_release_action(test, remove, add);
}

static struct addition *add_new(struct kunit *test, unsigned long first,
				unsigned long nr_pages)
{
	struct addition *add = new_addition(test, first, nr_pages);

	add_section(test, add);
	return add;
}

static unsigned long memmap_start(const struct addition *add)
{
	return (unsigned long)pfn_to_page(add->pfn);
}

static unsigned long memmap_end(const struct addition *add)
{
	return memmap_start(add) + add->nr_pages * sizeof(struct page);
}

static void write_memmap(const struct addition *add)
{
	vmemmap_kunit_write(memmap_start(add), memmap_end(add));
}

static void expect_memmap_written(struct kunit *test,
				  const struct addition *add)
{
	vmemmap_kunit_expect_written(test, memmap_start(add), memmap_end(add));
}

static bool is_live(const struct addition *add)
{
	struct mem_section *ms = __pfn_to_section(add->pfn);
	unsigned long pfn;

	if (!valid_section(ms) || !ms->usage)
		return false;
	for (pfn = add->pfn; pfn < add->pfn + add->nr_pages;
	     pfn += PAGES_PER_SUBSECTION)
		if (!test_bit(subsection_map_index(pfn),
			      ms->usage->subsection_map))
			return false;
	return true;
}

/* A device in compound pages of @nr_pages from the begin of the window. */
static struct dev_pagemap *new_device(struct kunit *test,
				      unsigned long nr_pages)
{
	struct vmemmap_kunit *vk = test->priv;
	struct dev_pagemap *pgmap = kunit_kzalloc(test, sizeof(*pgmap),
						  GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, pgmap);
	pgmap->vmemmap_shift = ilog2(nr_pages);
	pgmap->nr_range = 1;
	pgmap->range.start = PFN_PHYS(vk->pfn);
	pgmap->range.end = PFN_PHYS(vk->pfn + vk->nr_pages) - 1;
	if (!vmemmap_can_optimize(NULL, pgmap))
		kunit_skip(test, "this architecture shares no tails");
	return pgmap;
}

/* ---- Ways to add ---- */

struct add_case {
	const char *name;
	unsigned long first;
	unsigned long nr_pages;
	bool is_small;		/* no block larger than a page can be had */
	bool has_altmap;
	bool is_compound;	/* 8 vmemmap pages each */
	bool is_boot;		/* no section is brought to life */
};

static const struct add_case add_cases[] = {
	{ .name = "a section",
	  .nr_pages = PAGES_PER_SECTION },
	{ .name = "a section by base pages",
	  .nr_pages = PAGES_PER_SECTION, .is_small = true },
	{ .name = "a section with memory from its device",
	  .nr_pages = PAGES_PER_SECTION, .has_altmap = true },
	{ .name = "a section of compound pages",
	  .nr_pages = PAGES_PER_SECTION, .is_compound = true },
	{ .name = "the first part of a section",
	  .nr_pages = PART_PAGES },
	{ .name = "the last part of a section",
	  .first = PAGES_PER_SECTION - PART_PAGES, .nr_pages = PART_PAGES },
	{ .name = "a part with memory from its device",
	  .first = PART_PAGES, .nr_pages = PART_PAGES, .has_altmap = true },
	{ .name = "a compound page",
	  .first = 8 * PFNS_PER_VMEMMAP_PAGE,
	  .nr_pages = 8 * PFNS_PER_VMEMMAP_PAGE, .is_compound = true },
};

KUNIT_ARRAY_PARAM_DESC(add_cases, add_cases, name);

static struct addition *addition_of(struct kunit *test,
				    const struct add_case *row)
{
	struct addition *add = new_addition(test, row->first, row->nr_pages);
	struct vmemmap_kunit *vk = test->priv;

	if (row->is_small)
		vk->max_size = PAGE_SIZE;
	if (row->is_compound)
		add->pgmap = new_device(test, 8 * PFNS_PER_VMEMMAP_PAGE);
	if (row->has_altmap)
		add->altmap = vmemmap_kunit_altmap(test, 0,
						   vmemmap_nr_pages(row->nr_pages));
	return add;
}

static long expected_cost(const struct add_case *row)
{
	const long nr = row->nr_pages * sizeof(struct page) / PAGE_SIZE;

	return row->is_compound ? nr / 8 * VMEMMAP_RESERVE_NR : nr;
}

static void add_brings_the_memory_map_to_life(struct kunit *test)
{
	const struct add_case *row = test->param_value;
	struct addition *add = addition_of(test, row);
	const struct section_state before = state_of(test, add->pfn);
	struct vmemmap_kunit *vk = test->priv;
	struct section_state now;

	add_section(test, add);
	now = state_of(test, add->pfn);
	KUNIT_EXPECT_TRUE(test, is_live(add));
	KUNIT_EXPECT_FALSE(test, online_section(__pfn_to_section(add->pfn)));
	KUNIT_EXPECT_EQ(test, bitmap_weight(now.live, SUBSECTIONS_PER_SECTION),
			row->nr_pages / PAGES_PER_SUBSECTION);
	KUNIT_EXPECT_EQ(test, now.nr_mapped - before.nr_mapped,
			vmemmap_nr_pages(row->nr_pages));
	KUNIT_EXPECT_EQ(test, 0, vk->nr_strangers);
	if (row->is_compound)
		return;
	write_memmap(add);
	expect_memmap_written(test, add);
}

static void add_counts_what_the_memory_map_takes(struct kunit *test)
{
	const struct add_case *row = test->param_value;
	struct addition *add = addition_of(test, row);
	const long before = read_vmstat(test, "nr_memmap_pages");

	if (!proc_mount)
		kunit_skip(test, "no /proc to read the counter from");
	add_section(test, add);
	KUNIT_EXPECT_EQ(test, read_vmstat(test, "nr_memmap_pages") - before,
			expected_cost(row));
}

static void add_then_remove_restores_everything(struct kunit *test)
{
	struct addition *add = addition_of(test, test->param_value);
	const struct section_state before = state_of(test, add->pfn);

	KUNIT_EXPECT_FALSE(test, before.has_usage);
	add_section(test, add);
	remove_section(test, add);
	expect_same_state(test, add->pfn, &before);
	vmemmap_kunit_expect_all_came_back(test);
	if (add->altmap)
		KUNIT_EXPECT_EQ(test, 0, add->altmap->alloc);
}

/* A page of the memory map is the device's if nobody else can come to need it. */
static void expect_device_backs(struct kunit *test, const struct addition *add,
				unsigned long addr)
{
	const struct vmem_altmap *altmap = add->altmap;
	const unsigned long pfn = vmemmap_kunit_leaf(addr).pfn;
	const bool is_inside = memmap_start(add) <= addr &&
			       addr + PAGE_SIZE <= memmap_end(add);
	const bool is_device = altmap->base_pfn <= pfn &&
			       pfn < altmap->base_pfn + altmap->free;

	KUNIT_EXPECT_NE(test, 0, vmemmap_kunit_leaf(addr).size);
	KUNIT_EXPECT_EQ(test, is_inside, is_device);
}

/*
 * W13: the first and the last page are shared with neighbours if pages are
 * larger than 4K and @first is no multiple of PART_PAGES.
 */
static void device_backs_a_part(struct kunit *test, unsigned long first,
				unsigned long nr_pages)
{
	struct addition *add = new_addition(test, first, nr_pages);
	const unsigned long start = PAGE_ALIGN(memmap_start(add));
	const unsigned long end = PAGE_ALIGN_DOWN(memmap_end(add));
	const unsigned long nr_inside = start < end ? PHYS_PFN(end - start) : 0;
	unsigned long addr;

	add->altmap = vmemmap_kunit_altmap(test, 0, vmemmap_nr_pages(nr_pages));
	add_section(test, add);
	for (addr = PAGE_ALIGN_DOWN(memmap_start(add)); addr < memmap_end(add);
	     addr += PAGE_SIZE)
		expect_device_backs(test, add, addr);
	KUNIT_EXPECT_EQ(test, nr_inside, add->altmap->alloc);

	remove_section(test, add);
	KUNIT_EXPECT_EQ(test, 0, add->altmap->alloc);
	KUNIT_EXPECT_EQ(test, 0, add->altmap->align);
	vmemmap_kunit_expect_all_came_back(test);
}

static void a_device_backs_the_leaves_inside_a_part(struct kunit *test)
{
	device_backs_a_part(test, 0, PAGES_PER_SUBSECTION);
	device_backs_a_part(test, PART_PAGES, 3 * PART_PAGES);
	device_backs_a_part(test, PAGES_PER_SUBSECTION, 3 * PART_PAGES);
}

/* ---- Each allocation fails, one after the other ---- */

static const struct add_case failure_cases[] = {
	{ .name = "as at boot",
	  .nr_pages = PAGES_PER_SECTION, .is_boot = true },
	{ .name = "a section",
	  .nr_pages = PAGES_PER_SECTION },
	{ .name = "a section by base pages",
	  .nr_pages = PAGES_PER_SECTION, .is_small = true },
	{ .name = "sections",
	  .nr_pages = 3 * PAGES_PER_SECTION },
	{ .name = "subsections",
	  .first = PAGES_PER_SUBSECTION, .nr_pages = 3 * PAGES_PER_SUBSECTION },
	{ .name = "a section with memory from its device",
	  .nr_pages = PAGES_PER_SECTION, .has_altmap = true },
	{ .name = "subsections with memory from their device",
	  .first = PAGES_PER_SUBSECTION, .nr_pages = 3 * PAGES_PER_SUBSECTION,
	  .has_altmap = true },
	{ .name = "a section of compound pages",
	  .nr_pages = PAGES_PER_SECTION, .is_compound = true },
};

KUNIT_ARRAY_PARAM_DESC(failure_cases, failure_cases, name);

/* An addition that fails again and again, and what it shall leave behind. */
struct sweep {
	const struct addition *add;
	bool is_boot;
	struct section_state first;
	struct section_state last;
	unsigned long nr_points;
};

static unsigned long next_section(unsigned long pfn, unsigned long end_pfn)
{
	return min(SECTION_ALIGN_DOWN(pfn) + PAGES_PER_SECTION, end_pfn);
}

/* The part of an addition that lies in the section of @pfn */
static struct addition part_of(const struct addition *add, unsigned long pfn)
{
	struct addition part = *add;

	part.pfn = pfn;
	part.nr_pages = next_section(pfn, add->pfn + add->nr_pages) - pfn;
	return part;
}

static void remove_parts(const struct addition *add, unsigned long end_pfn)
{
	unsigned long pfn;

	for (pfn = add->pfn; pfn < end_pfn; pfn = next_section(pfn, end_pfn)) {
		const struct addition part = part_of(add, pfn);

		remove((void *)&part);
	}
}

static int add_parts(const struct addition *add)
{
	const unsigned long end_pfn = add->pfn + add->nr_pages;
	unsigned long pfn;
	int err;

	for (pfn = add->pfn; pfn < end_pfn; pfn = next_section(pfn, end_pfn)) {
		const struct addition part = part_of(add, pfn);

		err = try_add(&part);
		if (!err)
			continue;
		remove_parts(add, pfn);
		return err;
	}
	return 0;
}

/*
 * Who asks at boot undoes nothing; here it does, to be able to try again. That
 * memblock gives nothing is for the user-space harness.
 */
static int populate(const struct addition *add)
{
	struct page *map;

	mem_hotplug_begin();
	map = __populate_section_memmap(add->pfn, add->nr_pages,
					VMEMMAP_KUNIT_NID, NULL, NULL);
	mem_hotplug_done();
	if (map)
		return 0;
	vmemmap_kunit_free(memmap_start(add), memmap_end(add), NULL);
	return -ENOMEM;
}

static int bring(const struct sweep *sweep)
{
	return sweep->is_boot ? populate(sweep->add) : add_parts(sweep->add);
}

static void take_away(const struct sweep *sweep)
{
	const struct addition *add = sweep->add;

	if (sweep->is_boot)
		vmemmap_kunit_free(memmap_start(add), memmap_end(add), NULL);
	else
		remove_parts(add, add->pfn + add->nr_pages);
}

static void expect_as_before(struct kunit *test, const struct sweep *sweep)
{
	const struct addition *add = sweep->add;

	expect_same_section(test, add->pfn, &sweep->first);
	expect_same_section(test, add->pfn + add->nr_pages - 1, &sweep->last);
	vmemmap_kunit_expect_all_came_back(test);
	if (!add->altmap)
		return;
	KUNIT_EXPECT_EQ(test, 0, add->altmap->alloc);
	KUNIT_EXPECT_EQ(test, 0, add->altmap->align);
}

/* Allocation @n fails; false if there are not so many. */
static bool fail_once(struct kunit *test, const struct sweep *sweep,
		      unsigned long n, bool and_later)
{
	struct vmemmap_kunit *vk = test->priv;
	bool has_failed;
	int err;

	vk->nr_asked = 0;
	vk->fail_from = n;
	vk->fail_once = !and_later;
	err = bring(sweep);
	has_failed = vk->nr_asked > n;
	vk->fail_from = ULONG_MAX;
	if (err) {
		KUNIT_ASSERT_EQ(test, -ENOMEM, err);
		KUNIT_ASSERT_TRUE(test, has_failed);
		expect_as_before(test, sweep);
		KUNIT_ASSERT_EQ(test, 0, bring(sweep));
	}
	take_away(sweep);
	expect_as_before(test, sweep);
	return has_failed;
}

static void fail_in_turn(struct kunit *test, void *data)
{
	struct sweep *sweep = data;
	unsigned long n = 0;

	while (fail_once(test, sweep, n, false) |
	       fail_once(test, sweep, n, true))
		n++;
	sweep->nr_points = n;
}

/*
 * W40: alone, and together with all later ones. After each failure the sections
 * are as before, and the next try succeeds; after all of them the memory of the
 * kernel and the counters are.
 */
static void an_add_survives_any_failure(struct kunit *test)
{
	const struct add_case *row = test->param_value;
	struct addition *add = addition_of(test, row);
	const unsigned long last_pfn = add->pfn + add->nr_pages - 1;
	struct sweep sweep = {
		.add = add,
		.is_boot = row->is_boot,
		.first = state_of(test, add->pfn),
		.last = state_of(test, last_pfn),
	};

	vmemmap_kunit_expect_nothing_left(test, fail_in_turn, &sweep);
	expect_same_state(test, add->pfn, &sweep.first);
	expect_same_state(test, last_pfn, &sweep.last);
	kunit_info(test, "%lu allocation points", sweep.nr_points);
	KUNIT_EXPECT_GT(test, sweep.nr_points, 0);
}

/* In the place of vmemmap_flush(). */
static void counting_flush(unsigned long start, unsigned long end,
			   bool has_tables)
{
	struct vmemmap_kunit *vk = kunit_get_current_test()->priv;

	vk->nr_flushes++;
	vk->flush_start = start;
	vk->flush_end = end;
	vmemmap_flush_tables(start, end);
}

/* One for leaves and tables together, whatever the leaves. */
static void remove_takes_one_flush(struct kunit *test)
{
	struct addition *add = addition_of(test, test->param_value);
	struct vmemmap_kunit *vk = test->priv;

	add_section(test, add);
	kunit_activate_static_stub(test, vmemmap_flush, counting_flush);
	remove_section(test, add);
	kunit_deactivate_static_stub(test, vmemmap_flush);

	KUNIT_EXPECT_EQ(test, 1, vk->nr_flushes);
	KUNIT_EXPECT_LE(test, vk->flush_start, memmap_start(add));
	KUNIT_EXPECT_GE(test, vk->flush_end, memmap_end(add));
}

/* ---- Again and again ---- */

static const struct add_case cycle_cases[] = {
	{ .name = "a section",
	  .nr_pages = PAGES_PER_SECTION },
	{ .name = "a subsection",
	  .first = PAGES_PER_SUBSECTION, .nr_pages = PAGES_PER_SUBSECTION },
	{ .name = "a section of compound pages",
	  .nr_pages = PAGES_PER_SECTION, .is_compound = true },
	{ .name = "a section with memory from its device",
	  .nr_pages = PAGES_PER_SECTION, .has_altmap = true },
	{ .name = "a subsection with memory from its device",
	  .first = PAGES_PER_SUBSECTION, .nr_pages = PAGES_PER_SUBSECTION,
	  .has_altmap = true },
};

KUNIT_ARRAY_PARAM_DESC(cycle_cases, cycle_cases, name);

static void add_and_remove(struct kunit *test, void *add)
{
	unsigned int i;

	for (i = 0; i < VMEMMAP_KUNIT_CYCLES; i++) {
		KUNIT_ASSERT_EQ(test, 0, try_add(add));
		remove(add);
	}
}

static void cycles_leave_nothing_behind(struct kunit *test)
{
	struct addition *add = addition_of(test, test->param_value);
	const struct section_state before = state_of(test, add->pfn);
	struct vmemmap_kunit *vk = test->priv;

	vk->is_unrecorded = true;
	vmemmap_kunit_expect_nothing_left(test, add_and_remove, add);
	expect_same_state(test, add->pfn, &before);
	if (add->altmap) {
		KUNIT_EXPECT_EQ(test, 0, add->altmap->alloc);
		KUNIT_EXPECT_EQ(test, 0, add->altmap->align);
	}
}

static void an_altmap_too_small_is_left_as_before(struct kunit *test)
{
	struct addition *add = new_addition(test, 0, PAGES_PER_SECTION);
	const struct section_state before = state_of(test, add->pfn);
	const unsigned long too_few = vmemmap_nr_pages(PAGES_PER_SECTION) - 3;

	add->altmap = vmemmap_kunit_altmap(test, 0, too_few);
	add->altmap->align = 3;
	KUNIT_EXPECT_EQ(test, -ENOMEM, try_add(add));
	KUNIT_EXPECT_EQ(test, 0, add->altmap->alloc);
	KUNIT_EXPECT_EQ(test, 3, add->altmap->align);
	expect_same_state(test, add->pfn, &before);
}

/* ---- What is refused ---- */

static void add_twice_is_refused(struct kunit *test)
{
	struct addition *add = add_new(test, PART_PAGES, PART_PAGES);
	struct addition *more = new_addition(test, 0, 2 * PART_PAGES);
	struct addition *all = new_addition(test, 0, PAGES_PER_SECTION);
	struct section_state before;

	write_memmap(add);
	before = state_of(test, add->pfn);
	KUNIT_EXPECT_EQ(test, -EEXIST, try_add(add));
	KUNIT_EXPECT_EQ(test, -EEXIST, try_add(more));
	KUNIT_EXPECT_EQ(test, -EEXIST, try_add(all));
	expect_same_state(test, add->pfn, &before);
	expect_memmap_written(test, add);
}

static struct addition *prepare_refusal(struct kunit *test,
					const struct vmemmap_refusal *row)
{
	struct addition *add = new_addition(test, row->first, row->nr_pages);

	if (row->has_leaf_above)
		kunit_skip(test, "others have tables there");
	if (row->place == VMEMMAP_LAST_SECTION_END)
		add->pfn = section_nr_to_pfn(NR_MEM_SECTIONS) + row->first;
	if (row->place == VMEMMAP_PFN_0)
		add->pfn = row->first;
	if (row->nr_live)
		add_new(test, row->live_first, row->nr_live);
	if (row->altmap_lacks)
		add->altmap = vmemmap_kunit_altmap(test, 0,
						   vmemmap_nr_pages(row->nr_pages) -
						   row->altmap_lacks);
	if (row->nr_compound)
		add->pgmap = new_device(test, row->nr_compound);
	return add;
}

static void what_cannot_be_added_is_refused(struct kunit *test)
{
	const struct vmemmap_refusal *row = test->param_value;
	struct addition *add = prepare_refusal(test, row);
	struct vmemmap_kunit *vk = test->priv;
	const unsigned long pfn = row->place == VMEMMAP_SECTION ? add->pfn :
								  vk->pfn;
	const struct section_state before = state_of(test, pfn);

	KUNIT_EXPECT_EQ(test, row->err, try_add(add));
	expect_same_state(test, pfn, &before);
	if (add->altmap)
		KUNIT_EXPECT_EQ(test, 0, add->altmap->alloc);
}

static void remove_twice_is_refused(struct kunit *test)
{
	struct addition *first = add_new(test, 0, PART_PAGES);
	struct addition *second = add_new(test, PART_PAGES, PART_PAGES);
	struct section_state before;

	vmemmap_kunit_announce_warning(test);
	remove_section(test, first);
	before = state_of(test, first->pfn);
	remove(first);
	expect_same_state(test, first->pfn, &before);
	KUNIT_EXPECT_TRUE(test, is_live(second));

	remove_section(test, second);
	before = state_of(test, first->pfn);
	remove(second);
	expect_same_state(test, first->pfn, &before);
}

/* ---- Neighbours ---- */

static void parts_come_and_go_without_their_neighbours(struct kunit *test)
{
	struct addition *first = add_new(test, 0, PART_PAGES);
	struct addition *second = add_new(test, PART_PAGES, PART_PAGES);
	struct addition *third = add_new(test, 2 * PART_PAGES, PART_PAGES);

	write_memmap(first);
	write_memmap(third);
	remove_section(test, second);
	KUNIT_EXPECT_TRUE(test, is_live(first));
	KUNIT_EXPECT_FALSE(test, is_live(second));
	KUNIT_EXPECT_TRUE(test, is_live(third));

	add_section(test, second);
	write_memmap(second);
	expect_memmap_written(test, first);
	expect_memmap_written(test, third);

	remove_section(test, third);
	remove_section(test, first);
	expect_memmap_written(test, second);
	KUNIT_EXPECT_TRUE(test, is_live(second));
}

static void sections_come_and_go_without_their_neighbours(struct kunit *test)
{
	struct addition *first = add_new(test, 0, PAGES_PER_SECTION);
	struct addition *second = add_new(test, PAGES_PER_SECTION,
					    PAGES_PER_SECTION);

	write_memmap(first);
	write_memmap(second);
	remove_section(test, first);
	KUNIT_EXPECT_FALSE(test, is_live(first));
	expect_memmap_written(test, second);
	KUNIT_EXPECT_TRUE(test, is_live(second));
}

/* ---- A compound page of two sections ---- */

static void add_compound_sections(struct kunit *test, struct addition *half[2])
{
	struct dev_pagemap *pgmap = new_device(test, 2 * PAGES_PER_SECTION);
	int i;

	for (i = 0; i < 2; i++) {
		half[i] = new_addition(test, i * PAGES_PER_SECTION,
				       PAGES_PER_SECTION);
		half[i]->pgmap = pgmap;
		add_section(test, half[i]);
	}
}

static void expect_tail_everywhere(struct kunit *test, unsigned long start,
				   unsigned long end, unsigned long tail_pfn)
{
	unsigned long addr;

	for (addr = start; addr < end; addr += PAGE_SIZE)
		KUNIT_EXPECT_EQ(test, tail_pfn, vmemmap_kunit_leaf(addr).pfn);
}

static void a_later_section_shows_the_tail_of_its_head(struct kunit *test)
{
	struct addition *half[2];
	unsigned long tail_pfn, tails;

	add_compound_sections(test, half);
	tails = memmap_start(half[0]) + VMEMMAP_RESERVE_NR * PAGE_SIZE;
	tail_pfn = vmemmap_kunit_leaf(tails - PAGE_SIZE).pfn;
	KUNIT_EXPECT_NE(test, tail_pfn,
			vmemmap_kunit_leaf(memmap_start(half[0])).pfn);
	expect_tail_everywhere(test, tails, memmap_end(half[0]), tail_pfn);
	expect_tail_everywhere(test, memmap_start(half[1]),
			       memmap_end(half[1]), tail_pfn);
}

static void a_tail_outlives_its_head(struct kunit *test)
{
	struct addition *half[2];
	unsigned long tail;

	add_compound_sections(test, half);
	tail = memmap_start(half[1]);
	vmemmap_kunit_write(tail, tail + PAGE_SIZE);
	remove_section(test, half[0]);
	KUNIT_EXPECT_TRUE(test, is_live(half[1]));
	vmemmap_kunit_expect_written(test, tail, tail + PAGE_SIZE);
}

/* ---- Several sections, as mm/memory_hotplug.c adds them ---- */

#define NR_SECTIONS	3

struct range_case {
	const char *name;
	unsigned long first;
	unsigned long nr_pages;
	unsigned long nr_compound;	/* 0: not in compound pages */
};

static const struct range_case range_cases[] = {
	{ .name = "sections",
	  .nr_pages = NR_SECTIONS * PAGES_PER_SECTION },
	{ .name = "a part, a section and a part",
	  .first = PAGES_PER_SECTION - PART_PAGES,
	  .nr_pages = PART_PAGES + PAGES_PER_SECTION + PART_PAGES },
	{ .name = "sections, two to a compound page",
	  .nr_pages = NR_SECTIONS * PAGES_PER_SECTION,
	  .nr_compound = 2 * PAGES_PER_SECTION },
};

KUNIT_ARRAY_PARAM_DESC(range_cases, range_cases, name);

static int try_add_range(const struct addition *add)
{
	struct mhp_params params = {
		.pgprot = PAGE_KERNEL,
		.pgmap = add->pgmap,
	};
	int err;

	mem_hotplug_begin();
	err = __add_pages(VMEMMAP_KUNIT_NID, add->pfn, add->nr_pages, &params);
	mem_hotplug_done();
	return err;
}

static void remove_range(const struct addition *add)
{
	mem_hotplug_begin();
	__remove_pages(add->pfn, add->nr_pages, NULL, add->pgmap);
	mem_hotplug_done();
}

/* Of the first sections of the window. */
static void read_states(struct kunit *test, struct section_state *states)
{
	const struct vmemmap_kunit *vk = test->priv;
	int i;

	for (i = 0; i < NR_SECTIONS; i++)
		states[i] = state_of(test, vk->pfn + i * PAGES_PER_SECTION);
}

static void expect_same_states(struct kunit *test,
			       const struct section_state *before)
{
	const struct vmemmap_kunit *vk = test->priv;
	int i;

	for (i = 0; i < NR_SECTIONS; i++)
		expect_same_state(test, vk->pfn + i * PAGES_PER_SECTION,
				  &before[i]);
}

/* W9: whichever allocation fails, of whichever section. */
static void a_range_comes_as_a_whole_or_not_at_all(struct kunit *test)
{
	const struct range_case *row = test->param_value;
	struct addition *add = new_addition(test, row->first, row->nr_pages);
	struct section_state before[NR_SECTIONS];
	struct vmemmap_kunit *vk = test->priv;
	unsigned long n;
	int err;

	if (row->nr_compound)
		add->pgmap = new_device(test, row->nr_compound);
	read_states(test, before);
	for (n = 0; ; n++) {
		vk->nr_asked = 0;
		vk->fail_from = n;
		err = try_add_range(add);
		if (!err)
			break;
		vmemmap_kunit_assert_no_memory(test, err);
		expect_same_states(test, before);
		vmemmap_kunit_expect_all_came_back(test);
	}
	kunit_info(test, "%lu allocations failed in turn", n);
	KUNIT_EXPECT_GE(test, n, NR_SECTIONS);
	remove_range(add);
	expect_same_states(test, before);
}

static void a_section_of_others_is_not_taken_back(struct kunit *test)
{
	struct addition *others = add_new(test, PAGES_PER_SECTION, PART_PAGES);
	struct addition *add = new_addition(test, 0,
					    NR_SECTIONS * PAGES_PER_SECTION);
	struct section_state before[NR_SECTIONS];

	write_memmap(others);
	read_states(test, before);
	KUNIT_ASSERT_EQ(test, -EEXIST, try_add_range(add));
	expect_same_states(test, before);
	expect_memmap_written(test, others);

	remove_section(test, others);
	KUNIT_ASSERT_EQ(test, 0, try_add_range(add));
	remove_range(add);
}

/* W26: 1024 blocks and tables are gathered before a flush. */
static void a_range_goes_after_one_flush(struct kunit *test)
{
	const struct range_case *row = test->param_value;
	struct addition *add = new_addition(test, row->first, row->nr_pages);
	struct vmemmap_kunit *vk = test->priv;
	unsigned long most = 1;

	if (row->nr_compound)
		add->pgmap = new_device(test, row->nr_compound);
	KUNIT_ASSERT_EQ(test, 0, try_add_range(add));
	if (vmemmap_kunit_leaf(memmap_start(add)).size == PAGE_SIZE)
		most += vmemmap_nr_pages(row->nr_pages) / 1024;
	kunit_activate_static_stub(test, vmemmap_flush, counting_flush);
	remove_range(add);
	kunit_deactivate_static_stub(test, vmemmap_flush);

	KUNIT_EXPECT_GE(test, vk->nr_flushes, 1);
	KUNIT_EXPECT_LE(test, vk->nr_flushes, most);
}

/* ---- Poison, flags, early sections ---- */

static bool has_poisoning(void)
{
	unsigned long probe = 0;

	page_init_poison((struct page *)&probe, sizeof(probe));
	return probe;
}

/* All words of the memory map are @word. */
static void expect_memmap_is(struct kunit *test, const struct addition *add,
			     unsigned long word)
{
	const unsigned long *p = (unsigned long *)memmap_start(add);
	const unsigned long *end = (unsigned long *)memmap_end(add);

	while (p < end && *p == word)
		p++;
	KUNIT_EXPECT_PTR_EQ(test, p, end);
}

static void new_struct_pages_are_poisoned(struct kunit *test)
{
	struct addition *add = add_new(test, PART_PAGES, PART_PAGES);

	if (!has_poisoning())
		kunit_skip(test, "no poisoning");
	expect_memmap_is(test, add, PAGE_POISON_PATTERN);
}

/* Such as a device that is not switched on yet: do not poison struct pages. */
static void make_inaccessible(struct kunit *test, struct vmem_altmap *altmap)
{
#ifdef VMEMMAP_ALTMAP_INACCESSIBLE
	altmap->inaccessible = true;
#else
	kunit_skip(test, "no device is inaccessible to this kernel");
#endif
}

static void an_inaccessible_memory_map_is_not_touched(struct kunit *test)
{
	struct addition *add = new_addition(test, 0, PAGES_PER_SECTION);

	if (!has_poisoning())
		kunit_skip(test, "no poisoning");
	add->altmap = vmemmap_kunit_altmap(test, 0,
					   vmemmap_nr_pages(PAGES_PER_SECTION));
	make_inaccessible(test, add->altmap);
	add_section(test, add);
	expect_memmap_is(test, add, VMEMMAP_KUNIT_RAW);
}

/*
 * Nobody may look at uninitialised struct pages because their section is online
 * for a moment: the lock is held all the while.
 */
static void sections_go_online_and_offline(struct kunit *test)
{
	struct addition *first = add_new(test, 0, PART_PAGES);
	struct addition *second = add_new(test, PAGES_PER_SECTION,
					    PART_PAGES);
	struct mem_section *ms[] = {
		__pfn_to_section(first->pfn), __pfn_to_section(second->pfn),
	};
	const unsigned long end = second->pfn + PAGES_PER_SECTION;
	bool online[2][3];
	int i;

	mem_hotplug_begin();
	online_mem_sections(first->pfn, end);
	for (i = 0; i < 2; i++)
		online[i][0] = online_section(ms[i]);
	offline_mem_sections(second->pfn, end);
	for (i = 0; i < 2; i++)
		online[i][1] = online_section(ms[i]);
	offline_mem_sections(first->pfn, end);
	for (i = 0; i < 2; i++)
		online[i][2] = online_section(ms[i]);
	mem_hotplug_done();

	KUNIT_EXPECT_TRUE(test, online[0][0] && online[1][0]);
	KUNIT_EXPECT_TRUE(test, online[0][1] && !online[1][1]);
	KUNIT_EXPECT_FALSE(test, online[0][2] || online[1][2]);
	KUNIT_EXPECT_TRUE(test, is_live(first) && is_live(second));
}

/* A subsection that was not there at boot, in a section that was; or 0. */
static unsigned long find_early_hole(void)
{
	unsigned long nr, bit;

	for (nr = 0; nr <= __highest_present_section_nr; nr++) {
		struct mem_section *ms = __nr_to_section(nr);

		if (!early_section(ms) || !valid_section(ms))
			continue;
		bit = find_first_zero_bit(ms->usage->subsection_map,
					  SUBSECTIONS_PER_SECTION);
		if (bit < SUBSECTIONS_PER_SECTION)
			return section_nr_to_pfn(nr) +
			       bit * PAGES_PER_SUBSECTION;
	}
	return 0;
}

/* Its struct pages are there already and must not be poisoned. */
static void an_early_section_needs_no_memory_for_its_parts(struct kunit *test)
{
	struct vmem_altmap no_poison = {};
	struct vmemmap_kunit *vk = test->priv;
	struct addition add = {
		.pfn = find_early_hole(),
		.nr_pages = PAGES_PER_SUBSECTION,
		.altmap = &no_poison,
	};
	struct section_state before;

	if (!add.pfn)
		kunit_skip(test, "no early section has a hole");
	make_inaccessible(test, &no_poison);
	before = state_of(test, add.pfn);
	KUNIT_ASSERT_EQ(test, 0, try_add(&add));
	KUNIT_EXPECT_TRUE(test, is_live(&add));
	KUNIT_EXPECT_EQ(test, -EEXIST, try_add(&add));
	remove(&add);
	expect_same_state(test, add.pfn, &before);
	KUNIT_EXPECT_EQ(test, 0, vk->nr_asked);
	KUNIT_EXPECT_EQ(test, 0, no_poison.alloc);
}

static struct kunit_case vmemmap_sections_cases[] = {
	KUNIT_CASE_PARAM(add_brings_the_memory_map_to_life,
			 add_cases_gen_params),
	KUNIT_CASE_PARAM(add_counts_what_the_memory_map_takes,
			 add_cases_gen_params),
	KUNIT_CASE_PARAM(add_then_remove_restores_everything,
			 add_cases_gen_params),
	KUNIT_CASE_PARAM(an_add_survives_any_failure, failure_cases_gen_params),
	KUNIT_CASE(a_device_backs_the_leaves_inside_a_part),
	KUNIT_CASE_PARAM(remove_takes_one_flush, add_cases_gen_params),
	KUNIT_CASE_PARAM(cycles_leave_nothing_behind, cycle_cases_gen_params),
	KUNIT_CASE(an_altmap_too_small_is_left_as_before),
	KUNIT_CASE(add_twice_is_refused),
	KUNIT_CASE_PARAM(what_cannot_be_added_is_refused, refusals_gen_params),
	KUNIT_CASE(remove_twice_is_refused),
	KUNIT_CASE(parts_come_and_go_without_their_neighbours),
	KUNIT_CASE(sections_come_and_go_without_their_neighbours),
	KUNIT_CASE(a_later_section_shows_the_tail_of_its_head),
	KUNIT_CASE(a_tail_outlives_its_head),
	KUNIT_CASE_PARAM(a_range_comes_as_a_whole_or_not_at_all,
			 range_cases_gen_params),
	KUNIT_CASE(a_section_of_others_is_not_taken_back),
	KUNIT_CASE_PARAM(a_range_goes_after_one_flush, range_cases_gen_params),
	KUNIT_CASE(new_struct_pages_are_poisoned),
	KUNIT_CASE(an_inaccessible_memory_map_is_not_touched),
	KUNIT_CASE(sections_go_online_and_offline),
	KUNIT_CASE(an_early_section_needs_no_memory_for_its_parts),
	{}
};

static struct kunit_suite vmemmap_sections_suite = {
	.name = "vmemmap_sections",
	.suite_init = mount_proc,
	.suite_exit = unmount_proc,
	.init = vmemmap_kunit_init,
	.test_cases = vmemmap_sections_cases,
};

kunit_test_suite(vmemmap_sections_suite);
