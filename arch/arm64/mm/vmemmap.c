// SPDX-License-Identifier: GPL-2.0
/*
 * The memory map of arm64: which leaves go with each granule, where the vmemmap
 * is, and how the walk caches are flushed.
 */
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/vmemmap.h>
#include <asm/tlbflush.h>

static bool is_vmemmap_range(unsigned long start, unsigned long end)
{
	return start >= VMEMMAP_START && start <= end && end <= VMEMMAP_END;
}

/* With 16K and 64K pages, a PMD leaf describes far more than a section. */
int __meminit vmemmap_populate(unsigned long start, unsigned long end, int node,
			       struct vmem_altmap *altmap)
{
	const unsigned long section = PAGES_PER_SECTION * sizeof(struct page);

	if (!is_vmemmap_range(start, end))
		return -ERANGE;
	if (!IS_ENABLED(CONFIG_ARM64_4K_PAGES) || end - start < section)
		return vmemmap_populate_basepages(start, end, node, altmap);
	return vmemmap_populate_hugepages(start, end, node, altmap);
}

#ifdef CONFIG_MEMORY_HOTPLUG
void vmemmap_free(unsigned long start, unsigned long end,
		  struct vmem_altmap *altmap)
{
	if (WARN_ON_ONCE(!is_vmemmap_range(start, end)))
		return;
	vmemmap_depopulate(start, end, altmap, VMEMMAP_START, VMEMMAP_END);
}

/*
 * flush_tlb_kernel_range() uses TLBI VAALE1IS, which drops the last level of a
 * walk only (Arm ARM, "TLB maintenance instructions"). An emptied table is
 * rare enough to drop everything.
 */
void vmemmap_flush_tables(unsigned long start, unsigned long end)
{
	flush_tlb_all();
}
#endif
