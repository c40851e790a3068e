// SPDX-License-Identifier: GPL-2.0
/*
 * scale.c - does a leaf cost the same in a small and in a huge machine?
 *
 * Gives machines of 64 GiB to 1 PiB a memory map, in PMD leaves on device memory,
 * and frees it; callgrind watches while that happens to the last 64 GiB.
 * Or, if asked for "holes", gives a device of that size a memory map in its own pages,
 * which start in the middle of a PMD block: only the pages before the first leaf are
 * left for the last section, and callgrind watches how they are found.
 * scale.py runs this and reads the files of callgrind. No sanitizers, no oracle, and
 * the instructions of the soft machine itself are not counted.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <valgrind/callgrind.h>

#include "soft.h"
#include <linux/vmemmap.h>

#define WATCHED_SIZE	(64UL << 30)

/* An x86_64 with 53 bits of physical addresses. */
static const struct geometry geometry = {
	.name = "x86_64, 5 levels", .page_shift = 12, .bits = { 9, 9, 9, 9, 9 },
	.section_shift = 27, .subsection_shift = 21, .sections_shift = 26,
	.max_order = 10, .arch = ARCH_SECTION, .ram_pages = MAX_RAM_PAGES / 2,
};

unsigned long first_seed;
bool is_verbose;

/* No oracle, and no HugeTLB pages. */
void oracle_reset(void)
{
}

void oracle_add(unsigned long pfn, unsigned long nr_pages, int owner)
{
}

void oracle_remove(unsigned long pfn, unsigned long nr_pages)
{
}

int oracle_owner(unsigned long pfn)
{
	return NOBODY;
}

void check_machine(void)
{
}

void hugetlb_reset(void)
{
}

void test_fail(const char *file, int line, const char *fmt, ...)
{
	va_list args;

	fprintf(stderr, "%s:%d: ", file, line);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

void test_note(const char *fmt, ...)
{
}

/* All that lies before is there, which is what makes the machine large. */
static void populate(unsigned long start_pfn, unsigned long end_pfn, struct vmem_altmap *altmap)
{
	for (unsigned long pfn = start_pfn; pfn < end_pfn; pfn += PAGES_PER_SECTION)
		EXPECT(__populate_section_memmap(pfn, PAGES_PER_SECTION, 0, altmap, NULL));
}

static void depopulate(unsigned long start_pfn, unsigned long end_pfn, struct vmem_altmap *altmap)
{
	for (unsigned long pfn = start_pfn; pfn < end_pfn; pfn += PAGES_PER_SECTION)
		vmemmap_free(vaddr(pfn), vaddr(pfn + PAGES_PER_SECTION), altmap);
}

static void watch(const char *what, void (*work)(unsigned long, unsigned long, struct vmem_altmap *),
		  unsigned long start_pfn, unsigned long end_pfn, struct vmem_altmap *altmap)
{
	CALLGRIND_START_INSTRUMENTATION;
	work(start_pfn, end_pfn, altmap);
	CALLGRIND_STOP_INSTRUMENTATION;
	CALLGRIND_DUMP_STATS_AT(what);
}

static void watch_leaves(unsigned long nr_pages)
{
	const unsigned long first_pfn = nr_pages - PHYS_PFN(WATCHED_SIZE);
	struct vmem_altmap altmap;

	/* The memory of the device lies behind all that is described. */
	set_altmap(&altmap, nr_pages, 0, vmemmap_nr_pages(nr_pages));
	populate(0, first_pfn, &altmap);
	watch("populate", populate, first_pfn, nr_pages, &altmap);
	watch("free", depopulate, first_pfn, nr_pages, &altmap);
	depopulate(0, first_pfn, &altmap);
	EXPECT_EQ(altmap.alloc, 0);
}

static void watch_holes(unsigned long nr_pages)
{
	const unsigned long last_pfn = nr_pages - PAGES_PER_SECTION;
	struct device *dev = &devices[0];

	init_device(dev, 0, 0, nr_pages);
	give_altmap(dev, MAX_RAM_PAGES + 1, vmemmap_nr_pages(nr_pages));
	populate(0, last_pfn, &dev->altmap);
	watch("holes", populate, last_pfn, nr_pages, &dev->altmap);
	EXPECT_EQ(walk(vaddr(last_pfn)).level, SOFT_PTE);
	EXPECT_EQ(dev->altmap.alloc, dev->altmap.free);
	depopulate(0, nr_pages, &dev->altmap);
	EXPECT_EQ(dev->altmap.alloc, 0);
}

int main(int argc, char **argv)
{
	const unsigned long size = argc > 1 ? strtoul(argv[1], NULL, 0) << 30 : WATCHED_SIZE;

	use_geometry(&geometry);
	machine_bare();
	machine.knobs.is_untraced = true;
	if (argc > 2)
		watch_holes(PHYS_PFN(size));
	else
		watch_leaves(PHYS_PFN(size));
	EXPECT_EQ(machine.nr_used_pages, 0);
	return 0;
}
