// SPDX-License-Identifier: GPL-2.0
/*
 * The memory map of x86-64: which leaves the CPU has, and where the vmemmap is.
 *
 * p4d_populate_kernel() and pgd_populate_kernel() copy a new entry of the top
 * level to all page tables, so nothing is left to be synchronised here, however
 * many processes there are.
 */
#include <linux/cpufeature.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/vmemmap.h>

static inline unsigned long vmemmap_end(void)
{
	return VMEMMAP_START +
	       (sizeof(struct page) << (MAX_PHYSMEM_BITS - PAGE_SHIFT));
}

static inline bool is_vmemmap_range(unsigned long start, unsigned long end)
{
	return start >= VMEMMAP_START && start <= end && end <= vmemmap_end();
}

int __meminit vmemmap_populate(unsigned long start, unsigned long end, int node,
			       struct vmem_altmap *altmap)
{
	const unsigned long section = PAGES_PER_SECTION * sizeof(struct page);

	if (!is_vmemmap_range(start, end))
		return -ERANGE;
	if (end - start < section || !boot_cpu_has(X86_FEATURE_PSE))
		return vmemmap_populate_basepages(start, end, node, altmap);
	return vmemmap_populate_hugepages(start, end, node, altmap);
}

void __meminit vmemmap_set_pmd(pmd_t *pmd, void *p, int node,
			       unsigned long addr, unsigned long next)
{
	set_pmd(pmd, pfn_pmd(PHYS_PFN(__pa(p)), PAGE_KERNEL_LARGE));
}

#ifdef CONFIG_SPARSEMEM_VMEMMAP_STAND_IN
/*
 * A leaf of 2 MiB becomes a table of zeros by one write. Until the flush, the CPU may use
 * either (Intel SDM 4.10.2.3). Where the TLB must not know an address by pages of two
 * sizes (AMD family 10h, erratum 383), that is out of the question.
 */
bool __init vmemmap_may_stand_in(void)
{
	return boot_cpu_data.x86_vendor != X86_VENDOR_AMD ||
	       boot_cpu_data.x86 != 0x10;
}
#endif

#ifdef CONFIG_MEMORY_HOTPLUG
void vmemmap_free(unsigned long start, unsigned long end,
		  struct vmem_altmap *altmap)
{
	if (WARN_ON_ONCE(!is_vmemmap_range(start, end)))
		return;
	vmemmap_depopulate(start, end, altmap, VMEMMAP_START, vmemmap_end());
}
#endif
