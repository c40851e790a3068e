// SPDX-License-Identifier: GPL-2.0
/*
 * test_sweep.c - fail the first allocation, the second, and so on
 *
 * For each way in and each geometry, until nothing fails any more: alone, and
 * together with all later ones. After each failure the machine is as before,
 * and the next try succeeds.
 */
#include <stdlib.h>

#include "soft.h"

/* A place in the middle, where a device is aligned to any slot. */
static unsigned long place(void)
{
	return section_nr_to_pfn(16);
}

static int add_section(void)
{
	return add_ram(place(), PAGES_PER_SECTION);
}

static void remove_section(void)
{
	remove_ram(place(), PAGES_PER_SECTION);
}

static int add_sections(void)
{
	return add_ram(place(), 3 * PAGES_PER_SECTION);
}

static void remove_sections(void)
{
	remove_ram(place(), 3 * PAGES_PER_SECTION);
}

static int add_subsections(void)
{
	return add_ram(place() + PAGES_PER_SUBSECTION, 2 * PAGES_PER_SUBSECTION);
}

static void remove_subsections(void)
{
	remove_ram(place() + PAGES_PER_SUBSECTION, 2 * PAGES_PER_SUBSECTION);
}

static bool is_slot_aligned(unsigned long pfn)
{
	return IS_ALIGNED(vaddr(pfn), geo.arch == ARCH_BASE ? PAGE_SIZE : PMD_SIZE);
}

static bool has_room_for_device(void)
{
	return is_slot_aligned(place()) &&
	       is_slot_aligned(place() + 4 * PAGES_PER_SECTION) &&
	       PAGE_ALIGNED(PAGES_PER_SECTION * sizeof(struct page));
}

static struct device *new_device(void)
{
	struct device *dev = &devices[0];

	init_device(dev, section_nid(16), place(), 4 * PAGES_PER_SECTION);
	return dev;
}

static int add_altmap(void)
{
	struct device *dev = new_device();

	give_altmap(dev, 1, dev->nr_pages / 2);
	return add_device(dev);
}

static int add_compound(void)
{
	struct device *dev = new_device();

	while (pgmap_vmemmap_nr(&dev->pgmap) * sizeof(struct page) < 8 * PAGE_SIZE)
		dev->pgmap.vmemmap_shift++;
	return add_device(dev);
}

static void remove_it(void)
{
	remove_device(&devices[0]);
}

struct way {
	const char *name;
	int (*add)(void);
	void (*remove)(void);
	bool is_device;
};

/* One failure; the number of them, 0 if the way in needs less than @n. */
static unsigned long fail_once(const struct way *way, unsigned long n,
			       bool and_later)
{
	char *before = machine_text();
	unsigned long nr_failures;
	int err;

	fail_allocation(n, and_later);
	err = way->add();
	nr_failures = machine.nr_failures;
	fail_allocation(0, false);
	if (err) {
		EXPECT_EQ(err, -ENOMEM);
		EXPECT(nr_failures);
		memset(devices, 0, sizeof(devices));
		expect_machine(before);
		check_machine();
		EXPECT_EQ(way->add(), 0);
	}
	check_machine();
	way->remove();
	memset(devices, 0, sizeof(devices));
	expect_machine(before);
	free(before);
	return nr_failures;
}

static void sweep(const struct way *way)
{
	unsigned long fewest = ULONG_MAX, most = 0;

	for_each_geometry(g) {
		unsigned long n = 1, nr_points;

		machine_boot(g);
		if (way->is_device && !has_room_for_device())
			continue;
		/* the array of sections stays, so it is had before */
		EXPECT_EQ(way->add(), 0);
		way->remove();
		fail_allocation(0, false);
		EXPECT_EQ(way->add(), 0);
		nr_points = machine.nr_attempts;
		way->remove();
		memset(devices, 0, sizeof(devices));
		fewest = min(fewest, nr_points);
		most = nr_points > most ? nr_points : most;

		/* real tables have many entries that are alike: some of them */
		while (fail_once(way, n, false) + fail_once(way, n, true))
			n += g->is_tiny || n < 6 ? 1 : 1 + nr_points / 4;
	}
	test_note("%s: %lu to %lu allocation points", way->name, fewest, most);
}

static void an_added_section_survives_any_failure(void)
{
	sweep(&(struct way){ "section", add_section, remove_section, false });
}

static void several_added_sections_survive_any_failure(void)
{
	sweep(&(struct way){ "sections", add_sections, remove_sections, false });
}

static void added_subsections_survive_any_failure(void)
{
	sweep(&(struct way){ "subsections", add_subsections, remove_subsections, false });
}

static void a_device_with_an_altmap_survives_any_failure(void)
{
	sweep(&(struct way){ "altmap", add_altmap, remove_it, true });
}

static void a_device_of_compound_pages_survives_any_failure(void)
{
	sweep(&(struct way){ "compound pages", add_compound, remove_it, true });
}

/* From no page at all to as many as it takes. */
static void an_altmap_of_any_size_fails_or_is_enough(void)
{
	for_each_tiny_geometry(g) {
		struct device *dev;
		unsigned long size;
		char *before;
		int err;

		machine_boot(g);
		if (!has_room_for_device())
			continue;
		before = machine_text();
		size = 0;
		do {
			dev = new_device();
			give_altmap(dev, 0, size++);
			err = add_device(dev);
			EXPECT_EQ(dev->altmap.alloc, err ? 0 : size - 1);
			if (err)
				memset(devices, 0, sizeof(devices));
			check_machine();
		} while (err);
		remove_device(dev);
		memset(devices, 0, sizeof(devices));
		expect_machine(before);
		free(before);
	}
}

const struct test_case sweep_cases[] = {
	TEST_CASE(an_added_section_survives_any_failure),
	TEST_CASE(several_added_sections_survive_any_failure),
	TEST_CASE(added_subsections_survive_any_failure),
	TEST_CASE(a_device_with_an_altmap_survives_any_failure),
	TEST_CASE(a_device_of_compound_pages_survives_any_failure),
	TEST_CASE(an_altmap_of_any_size_fails_or_is_enough),
	{ NULL, NULL },
};
