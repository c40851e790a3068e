/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vmemmap_kunit_sections.h - add page frames of a window, and remove them
 *
 * For the suites about sections and ranges. All page frames that are
 * still live when a case ends, whether it passed or not, are removed then, so
 * that no case fails because of another.
 */
#ifndef _MM_TESTS_VMEMMAP_KUNIT_SECTIONS_H
#define _MM_TESTS_VMEMMAP_KUNIT_SECTIONS_H

#include "vmemmap_kunit.h"

/* The fewest whole subsections whose struct pages fill whole vmemmap pages. */
#define VMEMMAP_KUNIT_PART	MAX(PFNS_PER_VMEMMAP_PAGE, PAGES_PER_SUBSECTION)

/* An addition touches so many sections at most. */
#define VMEMMAP_KUNIT_SECTIONS	3

struct vmemmap_addition;

/* A way in and the way out that belongs to it. */
struct vmemmap_kunit_way {
	int (*add)(const struct vmemmap_addition *add);
	void (*remove)(const struct vmemmap_addition *add);
};

/* By sparse_add_section() and sparse_remove_section(). */
extern const struct vmemmap_kunit_way vmemmap_kunit_by_section;

/* Page frames to add. The devices may be NULL. */
struct vmemmap_addition {
	const struct vmemmap_kunit_way *way;
	unsigned long pfn;
	unsigned long nr_pages;
	struct vmem_altmap *altmap;	/* provides the memory map */
	struct dev_pagemap *pgmap;	/* owns the page frames */
};

/* The bookkeeping of a section, and how many pages of its memory map are mapped. */
struct vmemmap_section_state {
	unsigned long section_mem_map;
	bool has_usage;
	DECLARE_BITMAP(live, SUBSECTIONS_PER_SECTION);
	unsigned long nr_mapped;
};

/* That of all sections that an addition touches. */
struct vmemmap_state {
	unsigned int nr_sections;
	struct vmemmap_section_state sections[VMEMMAP_KUNIT_SECTIONS];
};

static inline unsigned long memmap_start(const struct vmemmap_addition *add)
{
	return (unsigned long)pfn_to_page(add->pfn);
}

static inline unsigned long memmap_end(const struct vmemmap_addition *add)
{
	return memmap_start(add) + add->nr_pages * sizeof(struct page);
}

struct vmemmap_addition *vmemmap_kunit_addition(struct kunit *test, unsigned long first,
						unsigned long nr_pages);
struct dev_pagemap *vmemmap_kunit_device(struct kunit *test, unsigned long nr_pages);

int vmemmap_kunit_try_add(struct kunit *test, struct vmemmap_addition *add);
void vmemmap_kunit_add(struct kunit *test, struct vmemmap_addition *add);
struct vmemmap_addition *vmemmap_kunit_add_new(struct kunit *test, unsigned long first,
					       unsigned long nr_pages);
void vmemmap_kunit_remove(struct kunit *test, struct vmemmap_addition *add);
unsigned int vmemmap_kunit_count_flushes(struct kunit *test, struct vmemmap_addition *add);
bool vmemmap_kunit_is_live(const struct vmemmap_addition *add);

void vmemmap_kunit_write_memmap(const struct vmemmap_addition *add);
void vmemmap_kunit_expect_memmap(struct kunit *test, const struct vmemmap_addition *add);

struct vmemmap_state vmemmap_kunit_state(const struct vmemmap_addition *add);
void vmemmap_kunit_expect_state(struct kunit *test, const struct vmemmap_addition *add,
				const struct vmemmap_state *before);
void vmemmap_kunit_expect_nothing_taken(struct kunit *test, const struct vmem_altmap *altmap);
unsigned long vmemmap_kunit_nr_allocations(struct kunit *test, struct vmemmap_addition *add);
unsigned long vmemmap_kunit_fail_in_turn(struct kunit *test, struct vmemmap_addition *add);

#endif /* _MM_TESTS_VMEMMAP_KUNIT_SECTIONS_H */
