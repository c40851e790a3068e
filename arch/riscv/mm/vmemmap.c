// SPDX-License-Identifier: GPL-2.0
/*
 * The memory map of riscv64: where the vmemmap is, which of its page tables all
 * processes share, and what the CPUs must be told about changed entries.
 *
 * Every mm has a copy of the top-level entries that boot allocated tables for.
 * Nothing updates the copies later, so these tables stay.
 */
#include <linux/cacheflush.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/vmemmap.h>

static bool is_vmemmap_range(unsigned long start, unsigned long end)
{
	return start >= VMEMMAP_START && start <= end && end <= VMEMMAP_END;
}

int __meminit vmemmap_populate(unsigned long start, unsigned long end, int node,
			       struct vmem_altmap *altmap)
{
	const unsigned long section = PAGES_PER_SECTION * sizeof(struct page);

	if (!is_vmemmap_range(start, end))
		return -ERANGE;
	if (end - start < section)
		return vmemmap_populate_basepages(start, end, node, altmap);
	return vmemmap_populate_hugepages(start, end, node, altmap);
}

/*
 * A CPU may keep in mind that an address was not mapped. Not every series of
 * Linux counts the vmemmap among the ranges for which flush_cache_vmap() arms
 * the trap handler against that; the vmalloc area is one in all of them. Called because
 * of CONFIG_VMEMMAP_FLUSH_POPULATED.
 */
void __meminit vmemmap_flush_populated(unsigned long start, unsigned long end)
{
	flush_cache_vmap(VMALLOC_START, VMALLOC_END);
}

#ifdef CONFIG_MEMORY_HOTPLUG
void vmemmap_free(unsigned long start, unsigned long end,
		  struct vmem_altmap *altmap)
{
	if (WARN_ON_ONCE(!is_vmemmap_range(start, end)))
		return;
	vmemmap_depopulate(start, end, altmap, VMEMMAP_START, VMEMMAP_END);
}

/* The level that is the top one depends on what the CPU and the user chose. */
unsigned int vmemmap_copied_levels(void)
{
	if (pgtable_l5_enabled)
		return PGTBL_PGD_MODIFIED;
	return pgtable_l4_enabled ? PGTBL_P4D_MODIFIED : PGTBL_PUD_MODIFIED;
}
#endif
