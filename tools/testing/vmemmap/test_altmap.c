// SPDX-License-Identifier: GPL-2.0
/* test_altmap.c - blocks that a device brings, and that they come back */
#include "soft.h"
#include "tests/vmemmap_altmap_cases.h"

/* ---- Counts ---- */

static void *alloc_pages_of(struct vmem_altmap *altmap, unsigned long nr_pages)
{
	return vmemmap_alloc_block_buf(nr_pages << PAGE_SHIFT, 0, altmap);
}

static void check_altmap_row(const struct vmemmap_altmap_case *row)
{
	struct vmem_altmap altmap;
	void *block;

	note_operation("row: %s", row->name);
	set_altmap(&altmap, VMEMMAP_ALTMAP_BASE_PFN, row->reserve, row->free);
	altmap.align = row->align;
	altmap.alloc = row->alloc;
	block = alloc_pages_of(&altmap, row->nr_pages);
	if (row->block == VMEMMAP_NO_BLOCK)
		EXPECT(!block);
	else
		EXPECT_EQ(block_pfn(block), VMEMMAP_ALTMAP_BASE_PFN + row->block);
	EXPECT_EQ(altmap.align, row->align_after);
	EXPECT_EQ(altmap.alloc, row->alloc_after);
	forget_operations();
}

static void altmap_answers_as_the_row_says(void)
{
	for_each_geometry(g) {
		machine_bare(g);
		for (size_t i = 0; i < ARRAY_SIZE(vmemmap_altmap_cases); i++)
			check_altmap_row(&vmemmap_altmap_cases[i]);
		EXPECT_EQ(machine.nr_attempts, 0);
	}
}

/*
 * Every small window and every pair of sizes, against the rule itself: the
 * lowest place behind the last block that is a multiple of the power of two
 * in the size.
 */
static void check_altmap_window(unsigned long base, unsigned long reserve,
				unsigned long free)
{
	for (unsigned long sizes = 0; sizes < 100; sizes++) {
		const unsigned long nr[] = { sizes % 10, sizes / 10, sizes % 7 };
		unsigned long next = base + reserve, nr_pages = 0;
		struct vmem_altmap altmap;

		set_altmap(&altmap, base, reserve, free);
		for (size_t i = 0; i < ARRAY_SIZE(nr); i++) {
			void *block = alloc_pages_of(&altmap, nr[i]);
			unsigned long pfn = next;

			while (nr[i] && pfn & ((nr[i] & -nr[i]) - 1))
				pfn++;
			if (!nr[i] || pfn + nr[i] > base + reserve + free) {
				EXPECT(!block);
				continue;
			}
			EXPECT_EQ(block_pfn(block), pfn);
			next = pfn + nr[i];
			nr_pages += nr[i];
			EXPECT_EQ(altmap.alloc, nr_pages);
			EXPECT_EQ(altmap.alloc + altmap.align, next - base - reserve);
		}
	}
}

static void altmap_blocks_lie_inside_the_window_and_apart(void)
{
	machine_bare(geometries);
	for (unsigned long base = 64; base < 72; base++)
		for (unsigned long reserve = 0; reserve < 4; reserve++)
			for (unsigned long free = 0; free < 20; free++)
				check_altmap_window(base, reserve, free);
}

static void altmap_refuses_a_part_of_a_page(void)
{
	for_each_geometry(g) {
		struct vmem_altmap altmap;

		machine_bare(g);
		set_altmap(&altmap, 64, 0, 16);
		EXPECT(!vmemmap_alloc_block_buf(PAGE_SIZE / 2, 0, &altmap));
		EXPECT(!vmemmap_alloc_block_buf(PAGE_SIZE + 1, 0, &altmap));
		EXPECT(!vmemmap_alloc_block_buf(0, 0, &altmap));
		EXPECT_EQ(altmap.alloc, 0);
		EXPECT_EQ(altmap.align, 0);
		set_altmap(&altmap, 0, 0, 16);
		EXPECT(!vmemmap_alloc_block_buf(0, 0, &altmap));
	}
}

/* Its driver may have taken pages back. */
static void an_altmap_that_has_shrunk_gives_nothing(void)
{
	for_each_geometry(g) {
		struct vmem_altmap altmap;

		machine_bare(g);
		for (unsigned long free = 0; free < 9; free++) {
			set_altmap(&altmap, 64, 0, free);
			altmap.alloc = 6;
			altmap.align = 3;
			EXPECT(!alloc_pages_of(&altmap, 1));
		}
	}
}

static void altmap_never_falls_back_to_ram(void)
{
	for_each_geometry(g) {
		struct vmem_altmap altmap;

		machine_early(g);
		sparse_buffer_init(4 * PAGE_SIZE, 0);
		machine.nr_attempts = 0;
		set_altmap(&altmap, 64, 0, 1);
		EXPECT_EQ(block_pfn(alloc_pages_of(&altmap, 1)), 64);
		EXPECT(!alloc_pages_of(&altmap, 1));

		machine_bare(g);
		EXPECT(!alloc_pages_of(&altmap, 1));
		EXPECT_EQ(machine.nr_attempts, 0);
	}
}

static void a_freed_altmap_block_can_be_had_again(void)
{
	for_each_geometry(g) {
		struct vmem_altmap altmap;
		void *block, *last;

		machine_bare(g);
		set_altmap(&altmap, 64, 0, 4);
		alloc_pages_of(&altmap, 2);
		block = alloc_pages_of(&altmap, 2);
		EXPECT(!alloc_pages_of(&altmap, 1));
		vmemmap_put_block(PHYS_PFN(__pa(block)), 1, 1, &altmap);
		EXPECT_EQ(altmap.alloc, 2);
		last = alloc_pages_of(&altmap, 2);
		EXPECT(last == block);
	}
}

/* W18: it is told by its page frame, on either side of what the device has. */
static void a_block_of_ram_goes_to_ram_whatever_the_altmap(void)
{
	for_each_geometry(g) {
		for (int i = 0; i < 2; i++) {
			struct vmem_altmap altmap;
			unsigned long pfn;

			machine_bare(g);
			pfn = block_pfn(vmemmap_alloc_block(PAGE_SIZE, 1));
			set_altmap(&altmap, i ? pfn + 1 : pfn - 4, 0, 4);
			alloc_pages_of(&altmap, 1);
			vmemmap_put_block(pfn, 0, 1, &altmap);
			EXPECT_EQ(altmap.alloc, 1);
			EXPECT_EQ(machine.nr_used_pages, 0);
		}
	}
}

const struct test_case altmap_cases[] = {
	TEST_CASE(altmap_answers_as_the_row_says),
	TEST_CASE(altmap_blocks_lie_inside_the_window_and_apart),
	TEST_CASE(altmap_refuses_a_part_of_a_page),
	TEST_CASE(an_altmap_that_has_shrunk_gives_nothing),
	TEST_CASE(altmap_never_falls_back_to_ram),
	TEST_CASE(a_freed_altmap_block_can_be_had_again),
	TEST_CASE(a_block_of_ram_goes_to_ram_whatever_the_altmap),
	{ NULL, NULL },
};
