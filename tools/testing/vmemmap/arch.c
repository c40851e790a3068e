// SPDX-License-Identifier: GPL-2.0
/*
 * arch.c - what an architecture supplies: how to populate, how to free
 *
 * vmemmap_populate() chooses leaf sizes as the modelled architectures do.
 */
#include "soft.h"
#include <linux/vmemmap.h>

bool soft_is_populated_once(void)
{
	return machine.knobs.is_populated_once;
}

int vmemmap_populate(unsigned long start, unsigned long end, int node, struct vmem_altmap *altmap)
{
	const bool is_section = end - start >= PAGES_PER_SECTION * sizeof(struct page);

	if (machine.knobs.is_populated_once)
		EXPECT(start >= machine.seen.populated.end);
	machine.seen.populated = (struct range){ start, end };

	if (geo.arch == ARCH_HUGE || (geo.arch == ARCH_SECTION && is_section))
		return vmemmap_populate_hugepages(start, end, node, altmap);
	return vmemmap_populate_basepages(start, end, node, altmap);
}

/* Where mm/ does not define what an empty table looks like, others do. */
#ifndef VMEMMAP_DEFINES_TABLE_INIT
void __weak kernel_pte_init(void *addr)
{
}

void __weak pmd_init(void *addr)
{
}

void __weak pud_init(void *addr)
{
}
#endif

void vmemmap_free(unsigned long start, unsigned long end, struct vmem_altmap *altmap)
{
	const unsigned long size = level_size(top_level());

	EXPECT(start < end);
	machine.seen.freed = (struct range){ start, end };
	if (machine.knobs.free) {
		machine.knobs.free(start, end, altmap);
		return;
	}
	vmemmap_depopulate(start, end, altmap, soft_vmemmap - size,
			   soft_vmemmap - size + (size << geo.bits[top_level()]));
}
