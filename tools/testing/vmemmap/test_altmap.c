// SPDX-License-Identifier: GPL-2.0
/* test_altmap.c - blocks of a device: allocating, freeing, searching for holes */
#include "soft.h"

/* Behind all RAM, and a multiple of the largest PMD block. */
#define FIRST_BLOCK	(1UL << 20)

/* ---- Counts ---- */

static void *alloc_pages_of(struct vmem_altmap *altmap, unsigned long nr_pages)
{
	return vmemmap_alloc_block_buf(nr_pages << PAGE_SHIFT, 0, altmap);
}

/*
 * Every small window and every pair of sizes, against the rule itself: the
 * lowest place behind the last block that is a multiple of the power of two
 * in the size.
 */
static void check_altmap_window(unsigned long base, unsigned long reserve, unsigned long free)
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

TEST(any_window_gives_the_lowest_aligned_block, BARE, .where = ONCE)
{
	for (unsigned long base = 64; base < 72; base++)
		for (unsigned long reserve = 0; reserve < 4; reserve++)
			for (unsigned long free = 0; free < 20; free++)
				check_altmap_window(base, reserve, free);
}

/* It must be freed neither to this device nor to RAM. */
TEST(a_block_of_another_device_is_refused, BOOT)
{
	const unsigned long nowhere = 1UL << 22;
	struct device *dev = &devices[0];
	struct vmem_altmap altmap;

	init_device(dev, 0, hot_pfn(0), PAGES_PER_SECTION);
	EXPECT_EQ(add_device(dev), 0);
	set_altmap(&altmap, 1UL << 20, 0, 4);
	alloc_pages_of(&altmap, 4);
	for (unsigned int i = 0; i < 4; i++) {
		const unsigned long pfn = i & 1 ? nowhere : dev->pfn;

		vmemmap_put_block(pfn, 0, 1, i & 2 ? &altmap : NULL);
		EXPECT(has_message("pfn %#lx, order 0: it is not RAM", pfn));
		expect_warnings(1);
		check_machine();
	}
	EXPECT_EQ(altmap.alloc, 4);
	EXPECT_EQ(altmap.align, 0);
}

/* ---- Holes ---- */

#define NR_SLOTS	4

/*
 * The device that the slots describe, which may be more page frames than sections
 * can have. Its window starts at a multiple of a PMD block.
 */
static struct vmem_altmap *wide_altmap(unsigned long nr_pages)
{
	const unsigned long nr = (slot_addr(NR_SLOTS) - soft_vmemmap) / sizeof(struct page);
	struct device *dev = &devices[0];

	init_device(dev, 0, 0, nr + 1);
	give_altmap(dev, FIRST_BLOCK, nr_pages);
	return &dev->altmap;
}

static void free_page_nr(unsigned long nr, struct vmem_altmap *altmap)
{
	vmemmap_free(page_addr(nr), page_addr(nr + 1), altmap);
}

/* In descending order, each pass over the leaves finds one more in the way. */
TEST(leaves_in_any_order_are_avoided, BARE)
{
	struct vmem_altmap *altmap = wide_altmap(5);

	for (unsigned long nr = 5; nr--; )
		EXPECT_EQ(fill(page_addr(nr), page_addr(nr + 1), .altmap = altmap), 0);
	free_page_nr(1, altmap);
	EXPECT_EQ(fill(page_addr(5), page_addr(6), .altmap = altmap), 0);
	EXPECT_EQ(mapped_pfn(page_addr(5)), FIRST_BLOCK + 3);
	EXPECT_EQ(altmap->alloc, 5);
}

/*
 *	slots		| leaf A | pages ... | leaf C |
 *	altmap		| A      | pages ... | C      |
 *
 * A page is allocated where A was, and a leaf where pages were, at the other of the
 * aligned places.
 */
TEST(leaves_and_pages_take_the_holes_of_each_other, BARE, .where = TINY)
{
	struct vmem_altmap *altmap = wide_altmap(3 * BIT(PMD_ORDER));
	const unsigned long nr = BIT(PMD_ORDER);

	EXPECT_EQ(fill(slot_addr(0), slot_addr(1), .huge = true, .altmap = altmap), 0);
	EXPECT_EQ(fill(slot_addr(1), slot_addr(2), .altmap = altmap), 0);
	EXPECT_EQ(fill(slot_addr(2), slot_addr(3), .huge = true, .altmap = altmap), 0);
	vmemmap_free(slot_addr(0), slot_addr(2), altmap);
	EXPECT_EQ(altmap->alloc, nr);

	EXPECT_EQ(fill(slot_addr(1), slot_addr(1) + PAGE_SIZE, .altmap = altmap), 0);
	EXPECT_EQ(mapped_pfn(slot_addr(1)), FIRST_BLOCK);
	EXPECT_EQ(fill(slot_addr(0), slot_addr(1), .huge = true, .altmap = altmap), 0);
	EXPECT_EQ(walk(slot_addr(0)).level, SOFT_PMD);
	EXPECT_EQ(walk(slot_addr(0)).pfn, FIRST_BLOCK + nr);
	EXPECT_EQ(altmap->alloc, 2 * nr + 1);

	/* no place for another leaf, but for all of its pages but one */
	EXPECT_EQ(fill(slot_addr(3), slot_addr(4), .huge = true, .altmap = altmap), -ENOMEM);
	EXPECT_EQ(walk(slot_addr(3)).level, SOFT_PTE);
	EXPECT_EQ(mapped_pfn(slot_addr(4) - 2 * PAGE_SIZE), FIRST_BLOCK + nr - 1);
	EXPECT_EQ(altmap->alloc, 3 * nr);
	EXPECT_EQ(altmap->align, 0);
}

/* Freeing the last block steps back over that block only, not over the hole before it. */
TEST(a_hole_may_reach_beyond_the_last_block, BARE)
{
	const unsigned long nr = BIT(PMD_ORDER);
	struct vmem_altmap *altmap = wide_altmap(2 * nr);

	EXPECT_EQ(fill(slot_addr(0), slot_addr(1), .huge = true, .altmap = altmap), 0);
	EXPECT_EQ(fill(slot_addr(1), slot_addr(1) + 2 * PAGE_SIZE, .altmap = altmap), 0);
	vmemmap_free(slot_addr(1), slot_addr(1) + PAGE_SIZE, altmap);
	vmemmap_free(slot_addr(1), slot_addr(1) + 2 * PAGE_SIZE, altmap);
	EXPECT_EQ(altmap->align, 1);
	EXPECT_EQ(fill(slot_addr(1), slot_addr(2), .huge = true, .altmap = altmap), 0);
	EXPECT_EQ(walk(slot_addr(1)).pfn, FIRST_BLOCK + nr);
	EXPECT_EQ(altmap->alloc, 2 * nr);
	EXPECT_EQ(altmap->align, 0);
}

/* A search costs nothing while there is room behind the last block, or none at all. */
TEST(holes_are_searched_for_only_if_there_are_any, BARE)
{
	struct vmem_altmap *altmap = wide_altmap(3);

	EXPECT_EQ(fill(page_addr(0), page_addr(2), .altmap = altmap), 0);
	free_page_nr(0, altmap);
	soft_way[SOFT_PGD] = 0;
	EXPECT_EQ(block_pfn(alloc_pages_of(altmap, 1)), FIRST_BLOCK + 2);
	EXPECT(!alloc_pages_of(altmap, 2));
	EXPECT_EQ(soft_way[SOFT_PGD], 0);
	EXPECT(!alloc_pages_of(altmap, 1));
	EXPECT(soft_way[SOFT_PGD]);
}

/*
 * Every second page of a slot is a hole; one walk over the leaves finds all of them,
 * in ascending order.
 */
TEST(the_holes_for_a_slot_are_found_by_one_walk, BARE)
{
	const unsigned long nr = min(PTRS_PER_PTE, 64UL);
	struct vmem_altmap *altmap = wide_altmap(nr);

	EXPECT_EQ(fill(slot_addr(0), slot_addr(0) + nr * PAGE_SIZE, .altmap = altmap), 0);
	for (unsigned long i = 0; i < nr; i += 2)
		free_page_nr(i, altmap);
	machine.seen.nr_descents = 0;
	EXPECT_EQ(fill(slot_addr(1), slot_addr(1) + nr / 2 * PAGE_SIZE, .altmap = altmap), 0);
	EXPECT(machine.seen.nr_descents <= 2 * NR_SLOTS + 4);
	for (unsigned long i = 0; i < nr / 2; i++)
		EXPECT_EQ(mapped_pfn(slot_addr(1) + i * PAGE_SIZE), FIRST_BLOCK + 2 * i);
	EXPECT_EQ(altmap->alloc, nr);
}

/* Without memory to find them, a device has no holes. */
TEST(a_search_for_holes_may_fail, BARE)
{
	struct vmem_altmap *altmap = wide_altmap(2);

	EXPECT_EQ(fill(page_addr(0), page_addr(2), .altmap = altmap), 0);
	free_page_nr(0, altmap);
	fail_allocation(1, false);
	EXPECT(!vmemmap_alloc_block_buf(PAGE_SIZE, 0, altmap));
	EXPECT_EQ(altmap->alloc, 1);
	EXPECT_EQ(altmap->align, 1);
	EXPECT_EQ(block_pfn(vmemmap_alloc_block_buf(PAGE_SIZE, 0, altmap)), FIRST_BLOCK);
}

/* RAM, as at the ends of a range, and pages beside the window. */
TEST(leaves_outside_the_window_are_not_counted, BARE)
{
	struct vmem_altmap *altmap = wide_altmap(2);

	EXPECT_EQ(fill(page_addr(0), page_addr(3)), 0);
	EXPECT_EQ(fill(page_addr(3), page_addr(5), .altmap = altmap), 0);
	plant_leaf(page_addr(5), SOFT_PTE, FIRST_BLOCK - 1);
	plant_leaf(page_addr(6), SOFT_PTE, FIRST_BLOCK + 2);
	free_page_nr(3, altmap);
	EXPECT_EQ(fill(page_addr(3), page_addr(4), .altmap = altmap), 0);
	EXPECT_EQ(mapped_pfn(page_addr(3)), FIRST_BLOCK);
}

/* ---- Any order ---- */

/* The fewest subsections whose struct pages fill whole pages. */
static unsigned long step_pages(void)
{
	unsigned long nr = PAGES_PER_SUBSECTION;

	while (!PAGE_ALIGNED(nr * sizeof(struct page)))
		nr *= 2;
	return nr;
}

/*
 * A device of two sections whose window is just as large as its memory map, behind
 * @reserve pages.
 */
static void make_tight_device(struct device *dev, unsigned long reserve)
{
	const unsigned long nr_pages = 2 * PAGES_PER_SECTION;
	const unsigned long nr = vmemmap_nr_pages(nr_pages);

	SKIP_UNLESS(step_pages() <= PAGES_PER_SECTION, "sections share vmemmap pages");
	init_device(dev, section_nid(first_hot_section() + 1),
		    hot_pfn(0) + PAGES_PER_SECTION, nr_pages);
	give_altmap(dev, reserve, nr);
}

/* Add a part of one section if none of it is live, remove it if all of it is. */
static void toggle_part(struct entropy *entropy, struct device *dev)
{
	const unsigned long step = step_pages(), nr_steps = PAGES_PER_SECTION / step;
	const unsigned long first = choose(entropy, nr_steps);
	const unsigned long nr = 1 + choose(entropy, nr_steps - first);
	const unsigned long pfn = dev->pfn + choose(entropy, 2) * PAGES_PER_SECTION + first * step;

	if (is_dead_range(pfn, nr * step)) {
		note_operation("add %#lx+%#lx", pfn, nr * step);
		EXPECT_EQ(add_range(dev->nid, pfn, nr * step, &dev->altmap, NULL), 0);
		oracle_add(pfn, nr * step, FIRST_DEVICE);
	} else if (is_live_range(pfn, nr * step)) {
		note_operation("remove %#lx+%#lx", pfn, nr * step);
		remove_range(pfn, nr * step, &dev->altmap, NULL);
		oracle_remove(pfn, nr * step);
	}
	check_machine();
}

/*
 * Whatever is left is added, one by one, until the device has no page left; unless
 * a leaf from boot maps its struct pages already.
 */
static void add_the_rest(struct device *dev)
{
	const unsigned long step = step_pages(), end = dev->pfn + dev->nr_pages;

	for (unsigned long pfn = dev->pfn; pfn < end; pfn += step) {
		if (is_live_range(pfn, step))
			continue;
		note_operation("add %#lx+%#lx", pfn, step);
		EXPECT_EQ(add_range(dev->nid, pfn, step, &dev->altmap, NULL), 0);
		oracle_add(pfn, step, FIRST_DEVICE);
	}
	check_machine();
	if (!ram_page(mapped_pfn(vaddr(dev->pfn))))
		EXPECT_EQ(dev->altmap.alloc, dev->altmap.free);
}

/* Parts are added and removed in any order, and there is always room for the rest. */
TEST(a_device_with_no_page_to_spare_serves_any_order, BOOT)
{
	struct entropy entropy = seeded_entropy();

	for (unsigned long reserve = 0; reserve < 2; reserve++) {
		struct device *dev = &devices[0];
		unsigned int nr_operations = geo.is_tiny ? 200 : 30;

		make_tight_device(dev, reserve);
		while (nr_operations--)
			toggle_part(&entropy, dev);
		add_the_rest(dev);
		remove_device(dev);
		EXPECT_EQ(dev->altmap.alloc, 0);
		EXPECT_EQ(dev->altmap.align, 0);
		check_machine();
		forget_operations();
	}
}
