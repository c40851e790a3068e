// SPDX-License-Identifier: GPL-2.0
/*
 * test_sweep.c - fail the first allocation, the second, and so on
 *
 * For each way in and each geometry, until nothing fails any more: alone, and
 * together with all later ones; on tiny tables once more, where memory has no
 * large blocks. After each failure the machine is as before, and the next try succeeds.
 */
#include <stdlib.h>

#include "soft.h"
#include <linux/vmemmap.h>

/* A place in the middle, where a device is aligned to any slot. */
static unsigned long place(void)
{
	return section_nr_to_pfn(16);
}

/* ---- Ways in ---- */

/* A way in, and out again. */
struct way {
	void (*prepare)(void);	/* before each try; NULL: nothing to do */
	int (*add)(void);	/* all or nothing */
	void (*remove)(void);	/* all that was added */
};

/* The RAM that is added by add_piece(). */
static struct range piece;

static void use_piece(unsigned long first, unsigned long nr_pages)
{
	piece = (struct range){ place() + first, place() + first + nr_pages };
}

static int add_piece(void)
{
	return add_ram(piece.start, piece.end - piece.start);
}

static void remove_piece(void)
{
	remove_ram(piece.start, piece.end - piece.start);
}

static void remove_at_boot(void)
{
	vmemmap_free(vaddr(place()), vaddr(place() + PAGES_PER_SECTION), NULL);
}

/* Boot undoes nothing; here it must, so that the next try starts afresh. */
static int add_at_boot(void)
{
	if (__populate_section_memmap(place(), PAGES_PER_SECTION, 0, NULL, NULL))
		return 0;
	remove_at_boot();
	return -ENOMEM;
}

static bool is_slot_aligned(unsigned long pfn)
{
	return IS_ALIGNED(vaddr(pfn), geo.arch == ARCH_BASE ? PAGE_SIZE : PMD_SIZE);
}

static void need_slots_of_its_own(void)
{
	SKIP_UNLESS(is_slot_aligned(place()) && is_slot_aligned(place() + 4 * PAGES_PER_SECTION) &&
		    PAGE_ALIGNED(PAGES_PER_SECTION * sizeof(struct page)),
		    "the device shares a leaf");
}

static void prepare_altmap(void)
{
	struct device *dev = &devices[0];

	init_device(dev, section_nid(16), place(), 4 * PAGES_PER_SECTION);
	give_altmap(dev, 1, dev->nr_pages / 2);
}

/* It starts and ends anywhere in a page, and in two sections. */
static void prepare_altmap_of_part(void)
{
	struct device *dev = &devices[0];

	init_device(dev, section_nid(16), place() + PAGES_PER_SUBSECTION, PAGES_PER_SECTION);
	give_altmap(dev, 1, dev->nr_pages - 1);
}

/* Real sections have a few large ones: each has pages of its own, all alike. */
static void prepare_compound(void)
{
	const unsigned long least = geo.is_tiny ? 0 : PAGES_PER_SECTION / 2;
	struct device *dev = &devices[0];

	init_device(dev, section_nid(16), place(), 4 * PAGES_PER_SECTION);
	while (pgmap_vmemmap_nr(&dev->pgmap) * sizeof(struct page) < 8 * PAGE_SIZE ||
	       pgmap_vmemmap_nr(&dev->pgmap) < least)
		dev->pgmap.vmemmap_shift++;
}

/* ---- HugeTLB pages ---- */

/* One of 8 vmemmap pages, or of all of a section. */
static unsigned long pages_of_hugetlb(void)
{
	return min(PAGES_PER_SECTION, 8 * PAGE_SIZE / sizeof(struct page));
}

static void remove_section_of_hugetlb(void)
{
	EXPECT_EQ(is_optimised(0) ? restore_huge_page(0) : 0, 0);
	remove_piece();
}

/* HugeTLB undoes its own work when memory runs out; the section is removed. */
static int add_section_of_hugetlb(void)
{
	int err = add_piece();

	if (err)
		return err;
	err = optimise_huge_page(0, place(), pages_of_hugetlb());
	if (!err) {
		check_machine();
		err = restore_huge_page(0);
	}
	if (err) {
		machine.knobs.fail_at = 0;
		remove_section_of_hugetlb();
	}
	return err;
}

static int add_it(void)
{
	return add_device(&devices[0]);
}

static void remove_it(void)
{
	remove_device(&devices[0]);
}

/* ---- The sweep ---- */

static void prepare(const struct way *way)
{
	memset(devices, 0, sizeof(devices));
	if (way->prepare)
		way->prepare();
}

/* A machine that has booted is known to the oracle. */
static void check(void)
{
	if (machine.has_slab)
		check_machine();
}

static unsigned long nr_used_pages_before;

static void expect_as_before(void)
{
	expect_machine_as_before();
	EXPECT_EQ(machine.nr_used_pages, nr_used_pages_before);
}

/* One failure; the number of them, 0 if the way in needs less than @n. */
static unsigned long fail_once(const struct way *way, unsigned long n, bool and_later)
{
	unsigned long nr_failures;
	int err;

	prepare(way);
	fail_allocation(n, and_later);
	err = way->add();
	nr_failures = machine.seen.nr_failures;
	fail_allocation(0, false);
	if (err) {
		EXPECT_EQ(err, -ENOMEM);
		EXPECT(nr_failures);
		expect_as_before();
		EXPECT_EQ(way->add(), 0);
	}
	check();
	way->remove();
	expect_as_before();
	return nr_failures;
}

/* The allocations of a try that succeeds; the array of sections stays for all. */
static unsigned long count_points(const struct way *way)
{
	unsigned long nr_points = 0;

	for (int i = 0; i < 2; i++) {
		prepare(way);
		fail_allocation(0, false);
		EXPECT_EQ(way->add(), 0);
		nr_points = machine.seen.nr_attempts;
		way->remove();
	}
	return nr_points;
}

static void sweep(const struct way *way)
{
	/* without large blocks, real tables are full of entries that are alike */
	for (int i = 0; i < 1 + geo.is_tiny; i++) {
		unsigned long n = 1, nr_points;

		machine.knobs.is_fragmented = i;
		nr_points = count_points(way);
		note_points(nr_points);
		remember_machine();
		nr_used_pages_before = machine.nr_used_pages;
		while (fail_once(way, n, false) + fail_once(way, n, true))
			n++;
		EXPECT_EQ(n, nr_points + 1);
	}
}

TEST(a_memory_map_from_boot_survives_any_failure, EARLY)
{
	sweep(&(struct way){ .add = add_at_boot, .remove = remove_at_boot });
}

TEST(an_added_section_survives_any_failure, BOOT)
{
	use_piece(0, PAGES_PER_SECTION);
	sweep(&(struct way){ .add = add_piece, .remove = remove_piece });
}

TEST(several_added_sections_survive_any_failure, BOOT)
{
	const unsigned long nr_pages = (geo.is_tiny ? 3 : 2) * PAGES_PER_SECTION;

	SKIP_UNLESS(8 * vmemmap_nr_pages(nr_pages) < 3 * (long)geo.ram_pages,
		    "RAM is too small for the same rows in each try");
	use_piece(0, nr_pages);
	sweep(&(struct way){ .add = add_piece, .remove = remove_piece });
}

TEST(added_subsections_survive_any_failure, BOOT)
{
	use_piece(PAGES_PER_SUBSECTION, 2 * PAGES_PER_SUBSECTION);
	sweep(&(struct way){ .add = add_piece, .remove = remove_piece });
}

TEST(a_device_with_an_altmap_survives_any_failure, BOOT)
{
	need_slots_of_its_own();
	sweep(&(struct way){ prepare_altmap, add_it, remove_it });
}

TEST(a_part_of_a_section_with_an_altmap_survives_any_failure, BOOT)
{
	SKIP_UNLESS(geo.arch != ARCH_HUGE, "a leaf of RAM may map the part");
	sweep(&(struct way){ prepare_altmap_of_part, add_it, remove_it });
}

TEST(a_device_of_compound_pages_survives_any_failure, BOOT)
{
	SKIP_UNLESS_DEDUPLICATED();
	need_slots_of_its_own();
	sweep(&(struct way){ prepare_compound, add_it, remove_it });
}

/* The leaves of the section have been split, and its pages lie apart. */
TEST(a_section_of_hugetlb_pages_survives_any_failure, BOOT)
{
	SKIP_UNLESS(is_slot_aligned(place()) && is_slot_aligned(place() + PAGES_PER_SECTION),
		    "the section shares a leaf");
	SKIP_UNLESS(can_be_huge_page(place(), pages_of_hugetlb()),
		    "no HugeTLB page fills vmemmap pages");
	use_piece(0, PAGES_PER_SECTION);
	sweep(&(struct way){ .add = add_section_of_hugetlb, .remove = remove_section_of_hugetlb });
}

/* From no page at all to as many as are needed. */
TEST(an_altmap_of_any_size_fails_or_is_enough, BOOT, .where = TINY)
{
	struct device *dev = &devices[0];
	unsigned long size = 0;
	int err;

	need_slots_of_its_own();
	remember_machine();
	do {
		prepare_altmap();
		give_altmap(dev, 0, size++);
		err = add_device(dev);
		EXPECT_EQ(dev->altmap.alloc, err ? 0 : size - 1);
		if (err)
			expect_machine_as_before();
		check_machine();
	} while (err);
	remove_device(dev);
	expect_machine_as_before();
}
