// SPDX-License-Identifier: GPL-2.0
/* test_sections.c - sections and subsections: boot, add, remove */
#include <stdlib.h>

#include "soft.h"
#include "tests/vmemmap_sections_cases.h"

static unsigned long nr_leaves[NR_SOFT_LEVELS];

static void count_leaf(const struct leaf *leaf)
{
	nr_leaves[leaf->level]++;
}

static void count_leaves(void)
{
	memset(nr_leaves, 0, sizeof(nr_leaves));
	for_each_leaf(count_leaf, NULL);
}

/* So do those of the whole vmemmap, counted at once. */
static void expect_boot_message_adds_up(void)
{
	const unsigned long size = NR_MEM_SECTIONS * PAGES_PER_SECTION * sizeof(struct page);
	unsigned long huge = 0, base = 0, huge_size, base_size, node_huge, node_base;
	struct vmemmap_mapped mapped = {};
	const char *line = machine.seen.messages;

	expect_messages(machine.seen.nr_messages);
	count_leaves();
	EXPECT_EQ(soft_core_initcall(), 0);
	for (; (line = strstr(line, "version " VMEMMAP_VERSION ", node ")); line++) {
		const int nr = sscanf(strstr(line, "leaves of "),
				      "leaves of %lu KiB: %lu KiB, by base pages of %lu KiB: %lu KiB",
				      &huge_size, &node_huge, &base_size, &node_base);

		EXPECT_EQ(nr, 4);
		EXPECT_EQ(huge_size, PMD_SIZE / 1024);
		EXPECT_EQ(base_size, PAGE_SIZE / 1024);
		huge += node_huge;
		base += node_base;
	}
	expect_messages(machine.seen.nr_messages);
	EXPECT_EQ(huge, nr_leaves[SOFT_PMD] * PMD_SIZE / 1024);
	EXPECT_EQ(base, nr_leaves[SOFT_PTE] * PAGE_SIZE / 1024);
	vmemmap_count_mapped(soft_vmemmap, soft_vmemmap + size, &mapped);
	EXPECT_EQ(mapped.huge / 1024, huge);
	EXPECT_EQ(mapped.base / 1024, base);
}

/*
 * The figures of both nodes add up to what the walker finds: when all is mapped, with
 * a leaf, then a slot and then a table missing, and with a section that has no memory map.
 */
TEST(the_boot_message_adds_up, BOOT)
{
	const unsigned long nr = first_hot_section();
	struct leaf leaf;

	SKIP_UNLESS(IS_ALIGNED(PAGES_PER_SECTION * sizeof(struct page),
			       geo.arch == ARCH_BASE ? PAGE_SIZE : PMD_SIZE),
		    "sections share a leaf");
	expect_boot_message_adds_up();

	EXPECT_EQ(sparse_index_init(nr, 0), 0);
	__section_mark_present(__nr_to_section(nr), nr);
	clear_boot_data();
	leaf = walk(soft_vmemmap + PAGES_PER_SECTION * sizeof(struct page) - 1);
	*leaf.entry = soft_empty_entry(leaf.level);
	expect_boot_message_adds_up();

	clear_boot_data();
	*leaf.path[SOFT_PMD] = soft_empty_entry(SOFT_PMD);
	expect_boot_message_adds_up();

	clear_boot_data();
	*leaf.path[top_level()] = soft_empty_entry(top_level());
	expect_boot_message_adds_up();
}

static struct mem_section *hot_section(unsigned long nr)
{
	return __nr_to_section(first_hot_section() + nr);
}

static int add_part(unsigned long pfn, unsigned long nr_pages)
{
	return sparse_add_section(section_nid(pfn_to_section_nr(pfn)), pfn, nr_pages, NULL, NULL);
}

static void remove_part(unsigned long pfn, unsigned long nr_pages)
{
	sparse_remove_section(pfn, nr_pages, NULL, NULL);
}

/* ---- The numbers of real architectures ---- */

/* How the memory map of one more section is mapped; leaves if struct page has 64 bytes. */
struct fact {
	const char *name;
	unsigned long nr_pages;		/* page frames of a section */
	unsigned long nr_ptes;
	unsigned long nr_pmds;
};

static const struct fact facts[] = {
	{ "x86_64, 4 levels",		32768, 0, 1 },
	{ "x86_64, 5 levels",		32768, 0, 1 },
	{ "arm64 4k",			32768, 0, 1 },
	{ "arm64 16k",			8192, 32, 0 },
	{ "arm64 64k",			8192, 8, 0 },
	{ "riscv64, Sv39",		32768, 0, 1 },
	{ "riscv64, Sv48",		32768, 0, 1 },
	{ "riscv64, Sv57",		32768, 0, 1 },
	{ "loongarch64 16k, 2 levels",	32768, 128, 0 },
	/* too little of a leaf */
	{ "loongarch64 16k, 3 levels",	32768, 128, 0 },
	{ "sparc64 8k",			131072, 0, 1 },
	{ "leaves of 1 MiB as on s390",	32768, 0, 2 },
	/* a leaf would cover 128 sections */
	{ "powerpc64 64k",		256, 1, 0 },
};

static const struct fact *find_fact(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(facts); i++)
		if (!strcmp(facts[i].name, geo.name))
			return &facts[i];
	FAIL("no facts about %s", geo.name);
}

TEST(a_section_takes_what_its_architecture_says, BOOT, .where = REAL)
{
	const struct fact *fact = find_fact();
	const long cost = DIV_ROUND_UP(fact->nr_pages * sizeof(struct page), PAGE_SIZE);
	unsigned long nr_ptes, nr_pmds;

	count_leaves();
	nr_ptes = nr_leaves[SOFT_PTE];
	nr_pmds = nr_leaves[SOFT_PMD];

	EXPECT_EQ(add_ram(hot_pfn(0), PAGES_PER_SECTION), 0);
	EXPECT_EQ(machine.memmap_pages, cost);
	EXPECT_EQ(machine.memmap_boot_pages,
		  NR_NODES * (geo.nr_early_sections + !!geo.gap_sections) * cost);
	check_machine();
	if (sizeof(struct page) != 64)
		return;
	count_leaves();
	EXPECT_EQ(nr_leaves[SOFT_PTE] - nr_ptes, fact->nr_ptes);
	EXPECT_EQ(nr_leaves[SOFT_PMD] - nr_pmds, fact->nr_pmds);
}

/* ---- Boot ---- */

TEST(boot_maps_whole_sections, BOOT)
{
	for (unsigned long nr = 0; nr < first_hot_section(); nr++) {
		EXPECT_EQ(early_section(__nr_to_section(nr)), is_boot_section(nr));
		EXPECT_EQ(valid_section_nr(nr), is_boot_section(nr));
	}
	EXPECT_EQ(machine.memmap_pages, 0);
}

#ifndef VMEMMAP_INIT_ALL_SUBSECTIONS
TEST(boot_marks_the_subsections_of_any_range, EARLY, .where = TINY)
{
	const unsigned long step = PAGES_PER_SUBSECTION / 2;

	for (unsigned long i = 0; i < 12; i++) {
		const unsigned long starts[] = { i * step, i * step + 1 };

		for (unsigned long nr = 0; nr < 3 * PAGES_PER_SECTION; nr += 1 + 3 * step) {
			const unsigned long pfn = starts[nr & 1];
			struct mem_section *ms;

			machine_early();
			boot_node(0);
			sparse_init_subsection_map(pfn, nr);
			for (unsigned long at = 0; at < geo.nr_early_sections *
			     PAGES_PER_SECTION; at += PAGES_PER_SUBSECTION) {
				const bool is_touched = nr && at < pfn + nr &&
					at + PAGES_PER_SUBSECTION > pfn;

				ms = __pfn_to_section(at);
				EXPECT_EQ(test_bit(subsection_map_index(at),
						   ms->usage->subsection_map), is_touched);
			}
		}
	}
}

#endif

/* The last section of node 1 is absent; so is its usage map. */
TEST(boot_skips_sections_without_a_memory_map, EARLY, .where = TINY)
{
	struct mem_section *last;

	boot_node(0);
	EXPECT_EQ(sparse_index_init(first_hot_section() - 1, 1), 0);
	last = __nr_to_section(first_hot_section() - 1);
	machine_end_of_boot();
	EXPECT(!last->usage);
#ifndef VMEMMAP_INIT_ALL_SUBSECTIONS
	/* nor need they have an array */
	sparse_init_subsection_map(section_nr_to_pfn(NR_MEM_SECTIONS - 1), 1);
	EXPECT(!__nr_to_section(NR_MEM_SECTIONS - 1));
#endif
	EXPECT(!bitmap_empty(__nr_to_section(0)->usage->subsection_map, SUBSECTIONS_PER_SECTION));
}

static void expect_boot_populates(unsigned long nr, unsigned long end)
{
	const unsigned long nr_flushes = machine.seen.nr_flushes;

	EXPECT(__populate_section_memmap(section_nr_to_pfn(nr), PAGES_PER_SECTION, 0, NULL,
					 NULL) == pfn_to_page(section_nr_to_pfn(nr)));
	EXPECT_EQ(machine.seen.nr_flushes, nr_flushes + (nr < end));
	if (nr == end)
		return;
	EXPECT_EQ(machine.seen.flushed.start, vaddr(section_nr_to_pfn(nr)));
	EXPECT_EQ(machine.seen.flushed.end, vaddr(section_nr_to_pfn(end)));
}

/* Two with less than a section between them, another node, one that ends with a page. */
static void use_odd_regions(void)
{
	const struct soft_region regions[] = {
		{ section_nr_to_pfn(1), section_nr_to_pfn(3) - 2, 0 },
		{ section_nr_to_pfn(3) - 1, section_nr_to_pfn(4), 0 },
		{ section_nr_to_pfn(4), section_nr_to_pfn(5), 1 },
		{ section_nr_to_pfn(5), section_nr_to_pfn(6) + 1, 0 },
	};

	memcpy(soft_regions, regions, sizeof(soft_regions));
}

TEST(boot_maps_a_run_of_sections_by_one_call, EARLY, .where = TINY)
{
	for (int i = 0; i < 2; i++) {
		machine_early();
		machine.knobs.has_no_buffer = i;
		use_odd_regions();
		expect_boot_populates(1, 4);
		expect_boot_populates(2, 2);
		expect_boot_populates(3, 3);
		expect_boot_populates(5, 7);
		expect_boot_populates(6, 6);
		/* has been asked for already; and another after that */
		expect_boot_populates(1, 4);
		expect_boot_populates(5, 7);
		EXPECT(!__populate_section_memmap(section_nr_to_pfn(NR_MEM_SECTIONS),
						  PAGES_PER_SECTION, 0, NULL, NULL));
		expect_messages(1);
		/* once boot is over, the rest of the run counts no more */
		machine.has_slab = true;
		soft_core_initcall();
		expect_boot_populates(6, 7);
	}
}

/* Pages that boot had mapped for them before memory ran out are used, and freed. */
static void add_and_remove_absent_sections(unsigned long nr)
{
	boot_node(1);
	oracle_add(0, min(geo.ram_pages, section_nr_to_pfn(nr)), BOOT_RAM);
	oracle_add(ram_start_pfn(1), geo.ram_pages, BOOT_RAM);
	machine_end_of_boot();
	for (; nr < geo.nr_early_sections; nr++) {
		EXPECT_EQ(add_part(section_nr_to_pfn(nr), PAGES_PER_SECTION), 0);
		remove_part(section_nr_to_pfn(nr), PAGES_PER_SECTION);
	}
	check_machine();
}

TEST(boot_leaves_out_sections_without_memory, EARLY)
{
	unsigned long n = 1, nr_failures;

	SKIP_UNLESS(!geo.gap_sections, "RAM has a gap");
	do {
		unsigned long nr_present = 0;

		machine_early();
		machine.knobs.has_no_buffer = n & 1;
		EXPECT_EQ(sparse_index_init(0, 0), 0);
		for (unsigned long nr = 0; nr < geo.nr_early_sections; nr++)
			EXPECT_EQ(sparse_index_init(nr, 0), 0);
		fail_allocation(++n / 2, true);
		boot_node(0);
		nr_failures = machine.seen.nr_failures;
		fail_allocation(0, false);
		for (unsigned long nr = 0; nr < geo.nr_early_sections; nr++)
			nr_present += valid_section_nr(nr);
		EXPECT(nr_failures || nr_present == geo.nr_early_sections);
		EXPECT_EQ(machine.memmap_boot_pages, (long)nr_present *
			  vmemmap_nr_pages(PAGES_PER_SECTION));
		expect_warnings(0);
		if (n > 3)	/* below, the usage map is missing too */
			add_and_remove_absent_sections(nr_present);
	} while (nr_failures && n < 200);
}

/* ---- Add ---- */

TEST(an_added_section_is_present_but_offline, BOOT)
{
	struct mem_section *ms;

	EXPECT(!valid_section(hot_section(0)));
	EXPECT_EQ(add_ram(hot_pfn(0), PAGES_PER_SECTION), 0);
	ms = hot_section(0);
	EXPECT_EQ(ms->section_mem_map, soft_vmemmap | SECTION_MARKED_PRESENT | SECTION_HAS_MEM_MAP);
	EXPECT(machine.seen.poisoned == pfn_to_page(hot_pfn(0)));
	EXPECT_EQ(machine.seen.nr_poisoned, PAGES_PER_SECTION);
	EXPECT_EQ(machine.memmap_pages, vmemmap_nr_pages(PAGES_PER_SECTION));
	check_machine();
	vmemmap_uninit_poison(hot_pfn(0), 1);
	EXPECT(!IS_ENABLED(CONFIG_DEBUG_VM) || machine.seen.nr_poisoned == 1);
	remove_ram(hot_pfn(0), PAGES_PER_SECTION);
	EXPECT_EQ(machine.seen.freed.start, vaddr(hot_pfn(0)));
	EXPECT_EQ(machine.seen.freed.end, vaddr(hot_pfn(1)));
	check_machine();
}

TEST(a_live_subsection_cannot_be_added_again, BOOT)
{
	const unsigned long sub = PAGES_PER_SUBSECTION;
	const unsigned long pfn = hot_pfn(0) + 2 * sub;

	EXPECT_EQ(add_ram(pfn, 2 * sub), 0);
	EXPECT(machine.seen.poisoned == pfn_to_page(pfn));
	EXPECT_EQ(machine.seen.nr_poisoned, 2 * sub);
	remember_machine();
	EXPECT_EQ(add_part(pfn, 2 * sub), -EEXIST);
	EXPECT_EQ(add_part(pfn, sub), -EEXIST);
	EXPECT_EQ(add_part(pfn + sub, 2 * sub), -EEXIST);
	EXPECT_EQ(add_part(pfn - sub, 2 * sub), -EEXIST);
	EXPECT_EQ(add_part(hot_pfn(0), PAGES_PER_SECTION), -EEXIST);
	/* of an early section, too */
	EXPECT_EQ(add_part(0, sub), -EEXIST);
	EXPECT_EQ(add_part(0, PAGES_PER_SECTION), -EEXIST);
	expect_machine_as_before();
	check_machine();
}

/* Build nothing for the section but an entry of the highest level, a leaf. */
static void plant_leaf_above(unsigned long pfn)
{
	const int level = top_level();
	struct leaf leaf;

	EXPECT(__populate_section_memmap(pfn, PAGES_PER_SECTION, 0, NULL, NULL));
	leaf = walk(vaddr(pfn));
	*leaf.path[level] = soft_empty_entry(level);
	plant_leaf(vaddr(pfn), level, 0);
}

/* The state that a row starts from; false if this machine cannot have it. */
static bool prepare_refusal(const struct vmemmap_refusal *row, unsigned long section)
{
	const unsigned long nr_live = vmemmap_count_pages(row->nr_live);
	struct device *dev = &devices[0];

	EXPECT_EQ(sparse_index_init(pfn_to_section_nr(section), 0), 0);
	init_device(dev, 0, section, 2 * PAGES_PER_SECTION);
	if (nr_live)
		EXPECT_EQ(add_part(section + vmemmap_count_pages(row->live_first), nr_live), 0);
	if (row->altmap_lacks)
		give_altmap(dev, 1, vmemmap_nr_pages(vmemmap_count_pages(row->nr_pages)) -
				    row->altmap_lacks);
	if (row->compound_sections)
		dev->pgmap.vmemmap_shift = ilog2(row->compound_sections * PAGES_PER_SECTION);
	if (row->has_leaf_above && top_level() >= SOFT_PUD)
		plant_leaf_above(section);
	/* the tail page of a zone is always present */
	return (!row->compound_sections ||
		(!has_zone_tails && vmemmap_can_optimize(NULL, &dev->pgmap))) &&
	       (!row->has_leaf_above || top_level() >= SOFT_PUD) &&
	       (!row->altmap_lacks || geo.page_shift == 12);
}

/* A range that no section can have is not removed or populated either. */
static void expect_invalid(unsigned long pfn, unsigned long nr_pages)
{
	sparse_remove_section(pfn, nr_pages, NULL, NULL);
	expect_warnings(1);
	EXPECT(!__populate_section_memmap(pfn, nr_pages, 0, NULL, NULL));
	EXPECT(has_message("(%d)", -EINVAL));
	expect_messages(1);
}

static void expect_refused_as(const struct vmemmap_refusal *row)
{
	const unsigned long section = section_nr_to_pfn(16);
	const unsigned long places[] = {
		[VMEMMAP_SECTION] = section,
		[VMEMMAP_LAST_SECTION_END] = section_nr_to_pfn(NR_MEM_SECTIONS),
		[VMEMMAP_PFN_0] = 0,
	};
	const unsigned long pfn = places[row->place] + vmemmap_count_pages(row->first);
	const unsigned long nr_pages = vmemmap_count_pages(row->nr_pages);
	struct device *dev = &devices[0];

	if (!prepare_refusal(row, section))
		return;
	remember_machine();
	EXPECT_EQ(sparse_add_section(1, pfn, nr_pages, row->altmap_lacks ? &dev->altmap : NULL,
				     &dev->pgmap), row->err);
	EXPECT(has_message("pfn [%#lx-%#lx) of node 1 cannot be populated%s (%d)", pfn,
			   pfn + nr_pages,
			   row->altmap_lacks ? " from their device" : "", row->err));
	expect_messages(1);
	if (row->err == -EINVAL && !row->compound_sections)
		expect_invalid(pfn, nr_pages);
	expect_machine_as_before();
}

TEST(adds_are_refused_as_the_row_says, BARE)
{
	for (size_t i = 0; i < ARRAY_SIZE(vmemmap_refusals); i++) {
		machine_bare();
		note_operation("row: %s", vmemmap_refusals[i].name);
		expect_refused_as(&vmemmap_refusals[i]);
		forget_operations();
	}
}

TEST(an_add_without_memory_changes_nothing, BOOT)
{
	/* far enough for an array of sections of its own */
	const unsigned long pfn = section_nr_to_pfn(NR_MEM_SECTIONS - 1);

	for (unsigned long n = 1; n <= 2; n++) {
		remember_machine();
		fail_allocation(n, true);
		machine.seen.nr_messages = 0;
		EXPECT_EQ(add_part(pfn, PAGES_PER_SECTION), -ENOMEM);
		expect_messages(1);
		EXPECT_EQ(machine.seen.nr_failures, 1);
		fail_allocation(0, false);
		expect_machine_as_before();
		check_machine();
		machine_boot();
	}
	EXPECT_EQ(add_ram(pfn, PAGES_PER_SECTION), 0);
	check_machine();
}

/* The pages that a range needs: its struct pages, and a table for each slot of them. */
static long nr_needed(unsigned long nr_pages)
{
	const long nr = vmemmap_nr_pages(nr_pages);

	return nr + nr / PTRS_PER_PTE;
}

TEST(an_add_that_would_take_all_memory_is_refused_at_once, BOOT)
{
	const long nr = nr_needed(2 * PAGES_PER_SECTION);
	struct vmem_altmap altmap;

	machine.knobs.nr_available = nr - 1;
	machine.seen.nr_messages = 0;
	fail_allocation(1, true);
	EXPECT_EQ(add_range(1, hot_pfn(0), 2 * PAGES_PER_SECTION, NULL, NULL), -ENOMEM);
	EXPECT(has_message("pfn [%#lx-%#lx) of node 1 cannot be added: its struct pages need %lu KiB, %lu KiB are available",
			   hot_pfn(0), hot_pfn(2), nr * (PAGE_SIZE / SZ_1K),
			   (nr - 1) * (PAGE_SIZE / SZ_1K)));
	expect_messages(1);
	EXPECT_EQ(machine.seen.nr_attempts, 0);
	fail_allocation(0, false);
	/* a device holds its memory map; the lists of CPUs, and swap, have room */
	set_altmap(&altmap, hot_pfn(0), 0, 1);
	EXPECT_EQ(vmemmap_check_memory(1, hot_pfn(0), 2 * PAGES_PER_SECTION, &altmap, NULL), 0);
	machine.knobs.nr_listed = 1;
	EXPECT_EQ(vmemmap_check_memory(1, hot_pfn(0), 2 * PAGES_PER_SECTION, NULL, NULL), 0);
	machine.knobs.nr_available--;
	machine.knobs.nr_swap_pages = 1;
	EXPECT_EQ(add_ram(hot_pfn(0), 2 * PAGES_PER_SECTION), 0);
}

TEST(an_inaccessible_memory_map_is_not_touched, BOOT)
{
	struct device *dev = &devices[0];

	SKIP_UNLESS(geo.arch == ARCH_BASE && PAGE_ALIGNED(PAGES_PER_SECTION * sizeof(struct page)),
		    "sections share leaves");
	for (int is_accessible = 0; is_accessible < 2; is_accessible++) {
		init_device(dev, 0, section_nr_to_pfn(16), PAGES_PER_SECTION);
		give_altmap(dev, 0, PAGES_PER_SECTION);
		dev->altmap.inaccessible = !is_accessible;
		EXPECT_EQ(add_device(dev), 0);
		EXPECT(machine.seen.poisoned == (is_accessible ? pfn_to_page(dev->pfn) : NULL));
		remove_device(dev);
	}
}

/*
 * A device's first section leaves padding in the altmap; the second uses it up, page
 * by page, and fails for want of one more.
 */
TEST(after_a_failed_add_the_altmap_is_as_before, BOOT)
{
	const unsigned long block = BIT(PMD_ORDER);
	struct device *dev = &devices[0];

	SKIP_UNLESS(geo.arch != ARCH_BASE && PMD_SIZE / sizeof(struct page) == PAGES_PER_SECTION,
		    "a section is not one leaf");
	init_device(dev, 0, section_nr_to_pfn(16), 2 * PAGES_PER_SECTION);
	give_altmap(dev, 1, 2 * block - 1);
	EXPECT_EQ(sparse_add_section(0, dev->pfn, PAGES_PER_SECTION, &dev->altmap, NULL), 0);
	EXPECT_EQ(dev->altmap.alloc, block);
	EXPECT_EQ(dev->altmap.align, block - 1);
	EXPECT_EQ(sparse_add_section(0, dev->pfn + PAGES_PER_SECTION, PAGES_PER_SECTION,
				     &dev->altmap, NULL), -ENOMEM);
	EXPECT_EQ(dev->altmap.alloc, block);
	EXPECT_EQ(dev->altmap.align, block - 1);
	sparse_remove_section(dev->pfn, PAGES_PER_SECTION, &dev->altmap, NULL);
	EXPECT_EQ(dev->altmap.alloc, 0);
	check_machine();

	/* padding of the add that failed is forgotten as well */
	give_altmap(dev, 1, 3 * block - 1);
	EXPECT(vmemmap_alloc_block_buf(PAGE_SIZE, 0, &dev->altmap));
	fail_allocation(1, true);
	machine.knobs.refuse_pmds = true;
	EXPECT_EQ(sparse_add_section(0, dev->pfn, PAGES_PER_SECTION, &dev->altmap, NULL), -ENOMEM);
	machine.seen.nr_warnings = 0;
	EXPECT_EQ(dev->altmap.alloc, 1);
	EXPECT_EQ(dev->altmap.align, 0);
}

/* ---- A memory block that holds its own memory map ---- */

/*
 * The window that mm/memory_hotplug.c gives a block at its start, where pageblocks are
 * as large as a leaf and may be wasted, or no larger than needed; 0: it refuses.
 */
static unsigned long window_pages(unsigned long nr_pages, bool may_waste)
{
	const unsigned long size = nr_pages * sizeof(struct page);
	const unsigned long nr = ALIGN(size, may_waste ? PMD_SIZE : PAGE_SIZE) >> PAGE_SHIFT;

	return PAGE_ALIGNED(size) && nr < nr_pages ? nr : 0;
}

static void switch_neighbours(unsigned long pfn, unsigned long end_pfn, unsigned int which,
			      bool is_add)
{
	const unsigned long pfns[] = { pfn - PAGES_PER_SECTION, end_pfn };

	for (int i = 0; i < 2; i++)
		if (which & BIT(i) && is_add)
			EXPECT_EQ(add_ram(pfns[i], PAGES_PER_SECTION), 0);
		else if (which & BIT(i))
			remove_ram(pfns[i], PAGES_PER_SECTION);
}

/* Neighbours: @which are added before the block, and @first removed before it. */
static void check_self_hosted(unsigned long pfn, unsigned long nr_pages, unsigned long window,
			      unsigned int which, unsigned int first)
{
	const unsigned long end_pfn = pfn + nr_pages;
	struct device *dev = &devices[0];

	remember_machine();
	switch_neighbours(pfn, end_pfn, which, true);
	init_device(dev, 0, pfn, nr_pages);
	give_altmap(dev, 0, window);
	EXPECT_EQ(add_device(dev), 0);
	check_machine();
	/* no base page is shared */
	if (geo.arch == ARCH_BASE && PAGE_ALIGNED(PAGES_PER_SECTION * sizeof(struct page)))
		EXPECT_EQ(dev->altmap.alloc, vmemmap_nr_pages(nr_pages));

	switch_neighbours(pfn, end_pfn, which & first, false);
	check_machine();
	remove_device(dev);
	check_machine();
	switch_neighbours(pfn, end_pfn, which & ~first, false);
	EXPECT_EQ(dev->altmap.alloc, 0);
	EXPECT_EQ(dev->altmap.align, 0);
	expect_machine_as_before();
}

/* Blocks are aligned to their size, so they start anywhere in a leaf. */
static void check_self_hosted_anywhere(unsigned long nr_sections, unsigned long window)
{
	const unsigned long nr_pages = nr_sections * PAGES_PER_SECTION;
	const unsigned long first = ALIGN(first_hot_section() + 1, nr_sections);

	machine_boot();
	for (unsigned long i = 0; window && i < 4; i++) {
		const unsigned long pfn = section_nr_to_pfn(first) + i * nr_pages;

		check_self_hosted(pfn, nr_pages, window, 0, 0);
		check_self_hosted(pfn, nr_pages, window, 3, 1);
		check_self_hosted(pfn, nr_pages, window, 3, 2);
	}
}

TEST(a_memory_block_holds_its_own_memory_map, BOOT)
{
	SKIP_UNLESS(window_pages(4 * PAGES_PER_SECTION, false), "its memory map shares a page");
	for (unsigned long nr = 1; nr <= 4; nr *= 2)
		for (int may_waste = 0; may_waste < 2; may_waste++)
			check_self_hosted_anywhere(nr, window_pages(nr * PAGES_PER_SECTION,
								       may_waste));
}

/* ---- Populate by sections ---- */

/* And for no range that could not be. */
TEST(the_cache_is_flushed_for_what_was_mapped, BARE)
{
	const unsigned long pfn = hot_pfn(0), end_pfn = pfn + 2 * PAGES_PER_SUBSECTION;
	struct vmem_altmap altmap;

	fail_allocation(1, true);
	EXPECT(!__populate_section_memmap(pfn, end_pfn - pfn, 0, NULL, NULL));
	EXPECT(has_message("pfn [%#lx-%#lx) of node 0 cannot be populated (%d)",
			   pfn, end_pfn, -ENOMEM));
	expect_messages(1);
	EXPECT_EQ(machine.seen.nr_flushes, 0);
	fail_allocation(0, false);
	EXPECT(__populate_section_memmap(pfn, end_pfn - pfn, 0, NULL, NULL) == pfn_to_page(pfn));
	EXPECT_EQ(machine.seen.nr_flushes, 1);
	EXPECT_EQ(machine.seen.flushed.start, vaddr(pfn));
	EXPECT_EQ(machine.seen.flushed.end, vaddr(end_pfn));

	set_altmap(&altmap, pfn, 0, 0);
	if (PAGE_ALIGNED(vaddr(pfn) | vaddr(end_pfn))) {
		vmemmap_free(vaddr(pfn), vaddr(end_pfn), NULL);
		EXPECT(!__populate_section_memmap(pfn, end_pfn - pfn, 0, &altmap, NULL));
		EXPECT(has_message("cannot be populated from their device (%d)", -ENOMEM));
		expect_messages(1);
	}
}

/* ---- Remove ---- */

TEST(removing_what_is_absent_is_refused, BOOT)
{
	const unsigned long sub = PAGES_PER_SUBSECTION;
	const unsigned long last = section_nr_to_pfn(NR_MEM_SECTIONS - 1);

	EXPECT_EQ(add_ram(hot_pfn(0), 2 * sub), 0);
	EXPECT_EQ(add_ram(hot_pfn(1), sub), 0);
	remove_ram(hot_pfn(1), sub);
	remember_machine();

	/* removed, in part removed, in part never added, no such array */
	remove_part(hot_pfn(1), sub);
	expect_warnings(1);
	remove_part(hot_pfn(0) + sub, 2 * sub);
	expect_warnings(1);
	remove_part(hot_pfn(0), PAGES_PER_SECTION);
	expect_warnings(1);
	remove_part(hot_pfn(0) + 2 * sub, sub);
	expect_warnings(1);
	remove_part(last, PAGES_PER_SECTION);
	expect_warnings(1);
	expect_machine_as_before();
	check_machine();
}

/* ---- Early sections ---- */

TEST(parts_of_an_early_section_leave_its_memory_map_alone, BOOT)
{
	const unsigned long sub = PAGES_PER_SUBSECTION;
	const unsigned long hole = ram_start_pfn(0) + geo.ram_pages;
	const long cost = machine.memmap_boot_pages;

	remember_machine();
	machine.seen.nr_attempts = 0;
	machine.seen.nr_flushes = 0;
	remove_ram(0, sub);
	check_machine();
	EXPECT_EQ(add_ram(0, sub), 0);
	EXPECT(machine.seen.poisoned == pfn_to_page(0));
	expect_machine_as_before();

	/* a hole that boot left in it is filled */
	if (hole < SECTION_ALIGN_DOWN(hole - 1) + PAGES_PER_SECTION) {
		EXPECT_EQ(add_ram(hole, sub), 0);
		check_machine();
		remove_ram(hole, sub);
	}
	EXPECT_EQ(machine.seen.nr_attempts, 0);
	EXPECT_EQ(machine.seen.nr_flushes, 0);
	EXPECT_EQ(machine.memmap_boot_pages, cost);
	expect_machine_as_before();
	check_machine();
}

/* Its usage map, from boot, is kept and used again. */
TEST(an_early_section_is_freed_as_a_whole_and_added_as_any_other, BOOT)
{
	const unsigned long live = min(geo.ram_pages, PAGES_PER_SECTION);
	const long cost = vmemmap_nr_pages(PAGES_PER_SECTION);
	const struct mem_section_usage *usage = __nr_to_section(0)->usage;
	const long boot_pages = machine.memmap_boot_pages;

	remove_ram(0, PAGES_PER_SUBSECTION);
	EXPECT(early_section(__nr_to_section(0)));
	EXPECT_EQ(machine.memmap_boot_pages, boot_pages);
	remove_ram(PAGES_PER_SUBSECTION, live - PAGES_PER_SUBSECTION);
	EXPECT_EQ(machine.memmap_boot_pages, boot_pages - cost);
	EXPECT_EQ(__nr_to_section(0)->section_mem_map, 0);
	EXPECT(__nr_to_section(0)->usage == usage);
	check_machine();

	EXPECT_EQ(add_ram(0, PAGES_PER_SECTION), 0);
	EXPECT(__nr_to_section(0)->usage == usage);
	EXPECT(!early_section(__nr_to_section(0)));
	EXPECT_EQ(machine.memmap_pages, cost);
	check_machine();
	remove_ram(0, PAGES_PER_SECTION);
	EXPECT_EQ(machine.memmap_pages, 0);
	EXPECT_EQ(machine.memmap_boot_pages, boot_pages - cost);
	check_machine();
}

/* None of its subsections was noted at boot. */
TEST(adding_a_whole_early_section_allocates_nothing, EARLY)
{
	long cost;

	boot_node(0);
	machine.has_slab = true;
	cost = machine.memmap_boot_pages;
	machine.seen.nr_attempts = 0;
	EXPECT_EQ(add_part(0, PAGES_PER_SECTION), 0);
	EXPECT_EQ(machine.seen.nr_attempts, 0);
	EXPECT_EQ(machine.memmap_pages, 0);
	remove_part(0, PAGES_PER_SECTION);
	EXPECT_EQ(machine.memmap_pages, 0);
	EXPECT_EQ(machine.memmap_boot_pages, cost - vmemmap_nr_pages(PAGES_PER_SECTION));
}

/* ---- Online and offline ---- */

static bool is_online(unsigned long nr)
{
	return hot_section(nr)->section_mem_map & SECTION_IS_ONLINE;
}

TEST(sections_go_online_and_offline, BOOT)
{
	unsigned long map;

	EXPECT_EQ(add_ram(hot_pfn(0), 4 * PAGES_PER_SECTION), 0);
	map = hot_section(1)->section_mem_map;

	online_mem_sections(hot_pfn(1), hot_pfn(3));
	EXPECT(!is_online(0) && is_online(1) && is_online(2) && !is_online(3));
	EXPECT_EQ(hot_section(1)->section_mem_map, map | SECTION_IS_ONLINE);
	check_machine();
	offline_mem_sections(hot_pfn(2), hot_pfn(3));
	EXPECT(!is_online(0) && is_online(1) && !is_online(2) && !is_online(3));
	offline_mem_sections(hot_pfn(0), hot_pfn(4));
	EXPECT_EQ(hot_section(1)->section_mem_map, map);

	/* the sections that a range touches */
	online_mem_sections(hot_pfn(1) - 1, hot_pfn(2) + 1);
	EXPECT(is_online(0) && is_online(1) && is_online(2) && !is_online(3));
	offline_mem_sections(hot_pfn(0) + PAGES_PER_SUBSECTION, hot_pfn(1));
	EXPECT(!is_online(0) && is_online(1));
	online_mem_sections(hot_pfn(3), hot_pfn(3));
	EXPECT(!is_online(3));

	remove_ram(hot_pfn(0), 4 * PAGES_PER_SECTION);
	EXPECT_EQ(hot_section(1)->section_mem_map, 0);
	check_machine();
}

TEST(absent_sections_do_not_go_online, BOOT)
{
	EXPECT_EQ(add_ram(hot_pfn(0), PAGES_PER_SECTION), 0);
	EXPECT_EQ(add_ram(hot_pfn(3), PAGES_PER_SECTION), 0);
	EXPECT_EQ(add_ram(hot_pfn(1), PAGES_PER_SECTION), 0);
	remove_ram(hot_pfn(1), PAGES_PER_SECTION);

	online_mem_sections(hot_pfn(0), hot_pfn(4));
	expect_warnings(2);
	EXPECT(is_online(0) && is_online(3));
	EXPECT(!is_online(1));
	offline_mem_sections(hot_pfn(0), hot_pfn(4));
	expect_warnings(2);
	EXPECT(!is_online(0) && !is_online(3));
	check_machine();
}
