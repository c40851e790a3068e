// SPDX-License-Identifier: GPL-2.0
/*
 * hooks.c - an architecture that overrides every weak hook
 *
 * Linked into one variant only. An empty entry of a PTE, PMD or PUD table is
 * not zero here, as on an architecture whose hardware follows empty entries to
 * a table that always exists. Tails find their head by a mask, so that devices share
 * the tail pages of a zone.
 */
#include "soft.h"
#include <linux/vmemmap.h>

const bool has_own_hooks = true;
const bool has_zone_tails = true;

unsigned long soft_empty_entry(enum soft_level_nr level)
{
	return level > SOFT_PUD ? 0 : ENTRY_EMPTY | ENTRY_LEVEL(level);
}

static void init_table(void *addr, enum soft_level_nr level)
{
	unsigned long *table = addr;

	for (unsigned long i = 0; i < PAGE_SIZE / sizeof(*table); i++)
		EXPECT_EQ(table[i], 0);
	for (unsigned long i = 0; i < soft_level[level].nr_entries; i++)
		table[i] = soft_empty_entry(level);
	machine.seen.nr_init_tables++;
}

void kernel_pte_init(void *addr)
{
	init_table(addr, SOFT_PTE);
}

void pmd_init(void *addr)
{
	init_table(addr, SOFT_PMD);
}

void pud_init(void *addr)
{
	init_table(addr, SOFT_PUD);
}

void vmemmap_flush_leaves(unsigned long start, unsigned long end, unsigned long stride)
{
	soft_flush_leaves(start, end, stride);
}

bool vmemmap_flush_tables(unsigned long start, unsigned long end, unsigned long stride)
{
	soft_flush_tables(start, end, stride);
	return false;
}

/* Which levels are copied is for this hook alone to answer. */
unsigned int vmemmap_copied_levels(void)
{
	return soft_sync_mask;
}

void vmemmap_flush_populated(unsigned long start, unsigned long end)
{
	machine.seen.nr_flushes++;
	machine.seen.flushed = (struct range){ start, end };
}

/* The range that a hook gets must lie in the slot. */
static void expect_in_slot(pmd_t *pmd, unsigned long addr, unsigned long next)
{
	EXPECT((unsigned long *)pmd == walk(addr).path[SOFT_PMD]);
	EXPECT(addr < next);
	EXPECT(next <= ALIGN_DOWN(addr, PMD_SIZE) + PMD_SIZE);
}

void vmemmap_set_pmd(pmd_t *pmd, void *p, int node, unsigned long addr, unsigned long next)
{
	EXPECT(0 <= node && node < NR_NODES);
	expect_in_slot(pmd, addr, next);
	machine.seen.nr_set_pmds++;
	if (!pmd_set_huge(pmd, __pa(p), PAGE_KERNEL))
		soft_warn("pmd_set_huge() refused");
}

int vmemmap_check_pmd(pmd_t *pmd, int node, unsigned long addr, unsigned long next)
{
	EXPECT(node < NR_NODES);
	EXPECT(pmd_leaf(pmdp_get(pmd)));
	expect_in_slot(pmd, addr, next);
	machine.seen.nr_check_pmds++;
	vmemmap_verify((pte_t *)pmd, node, addr, next);
	return 1;
}
