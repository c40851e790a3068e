// SPDX-License-Identifier: GPL-2.0
/* test_summary.c - how much memory the memory map takes, by node and backing */
#include <stdio.h>
#include <stdlib.h>

#include "soft.h"

#define MAX_PFNS	BIT(22)

static char text[4096];			/* of the file */
static struct vmemmap_summary expected;
static unsigned char is_seen[MAX_PFNS / 8];

/* A page is paid for by the first leaf that maps it. */
static bool is_shared(unsigned long pfn)
{
	const bool seen = is_seen[pfn / 8] & BIT(pfn % 8);

	is_seen[pfn / 8] |= BIT(pfn % 8);
	return seen;
}

static void expect_leaf(const struct leaf *leaf)
{
	const struct soft_page *page = ram_page(leaf->pfn);
	struct vmemmap_mapped *sum = &expected.device;
	enum vmemmap_backed_by backing = VMEMMAP_BY_BUDDY;

	if (page && page->state == PAGE_BOOT)
		backing = VMEMMAP_BY_MEMBLOCK;
	if (is_shared(leaf->pfn))
		backing = VMEMMAP_SHARED;
	if (page)
		sum = &expected.node[ram_nid(leaf->pfn)][backing];
	*(leaf->level == SOFT_PMD ? &sum->huge : &sum->base) += leaf->end - leaf->start;
}

static void expect_row(const char *at, int nid, const char *name, const struct vmemmap_mapped *sum)
{
	char row[64], figures[64];

	snprintf(figures, sizeof(figures), " %lu %lu", sum->huge / 1024, sum->base / 1024);
	for (; *at; at = strchr(at, '\n') + 1) {
		unsigned long huge, base;
		int node;

		if (sscanf(at, "%d %63s %lu %lu", &node, row, &huge, &base) == 4 &&
		    node == nid && !strcmp(row, name)) {
			EXPECT_EQ(huge, sum->huge / 1024);
			EXPECT_EQ(base, sum->base / 1024);
			return;
		}
	}
	if (sum->huge || sum->base)
		FAIL("no row for %s of node %d:%s", name, nid, figures);
}

/* What the file shows is what the walker finds. */
static void expect_summary(void)
{
	memset(&expected, 0, sizeof(expected));
	memset(is_seen, 0, sizeof(is_seen));
	for_each_leaf(expect_leaf, NULL);
	EXPECT_EQ(read_debugfs(text, sizeof(text)), 0);
	for (int nid = 0; nid < NR_NODES; nid++) {
		expect_row(text, nid, "memblock", &expected.node[nid][VMEMMAP_BY_MEMBLOCK]);
		expect_row(text, nid, "buddy", &expected.node[nid][VMEMMAP_BY_BUDDY]);
		expect_row(text, nid, "shared", &expected.node[nid][VMEMMAP_SHARED]);
	}
	expect_row(text, NUMA_NO_NODE, "altmap", &expected.device);
}

TEST(a_summary_is_what_the_walker_finds, BOOT)
{
	struct entropy entropy = seeded_entropy();

	machine.knobs.check = expect_summary;
	run_operations(&entropy, 40);
}

TEST(the_first_page_frame_is_counted_as_any_other, BARE, .where = TINY)
{
	struct page *first = alloc_pages_node(0, GFP_KERNEL | __GFP_RETRY_MAYFAIL, 0);
	const struct vmemmap_fill fill = { .shared = first, .nid = 0 };
	const unsigned long end = soft_vmemmap + PAGE_SIZE;
	struct vmemmap_summary *sum = vmemmap_open_summary();

	EXPECT_EQ(page_to_pfn(first), 0);
	EXPECT_EQ(vmemmap_fill_range(soft_vmemmap, end, &fill), 0);
	vmemmap_sum_range(soft_vmemmap, end, sum);
	EXPECT_EQ(sum->node[0][VMEMMAP_BY_BUDDY].base, PAGE_SIZE);
	vmemmap_close_summary(sum);
	vmemmap_free(soft_vmemmap, end, NULL);
	vmemmap_put_block(0, 0, 1, NULL);
}

/* A section, or the search for the next one, at a time. */
TEST(hotplug_is_locked_out_for_a_section_at_most, BOOT, .where = TINY)
{
	unsigned long nr_sections = 0, nr;

	for (nr = next_present_section_nr(-1); nr != -1UL; nr = next_present_section_nr(nr))
		nr_sections++;
	machine.seen.nr_hotplug_locks = 0;
	EXPECT_EQ(read_debugfs(text, sizeof(text)), 0);
	EXPECT_EQ(machine.seen.nr_hotplug_locks, nr_sections + 1);
}

TEST(a_summary_without_memory_fails, BOOT, .where = ONCE)
{
	fail_allocation(1, false);
	EXPECT_EQ(read_debugfs(text, sizeof(text)), -ENOMEM);
}
