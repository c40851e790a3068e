// SPDX-License-Identifier: GPL-2.0
/*
 * The memory map of arm64: which leaves go with each granule, where the vmemmap
 * is, and how the walk caches are flushed.
 */
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/vmemmap.h>
#include <asm/tlbflush.h>

/* arm64_memblock_init() lets the struct page of page frame 0 be as far from it. */
#ifdef CONFIG_VMEMMAP_MASK
static_assert(IS_ALIGNED(VMEMMAP_START, MAX_FOLIO_NR_PAGES * sizeof(struct page)));
#endif

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

void __meminit vmemmap_set_pmd(pmd_t *pmd, void *p, int node,
			       unsigned long addr, unsigned long next)
{
	const phys_addr_t block = __lm_to_phys((unsigned long)p);

	set_pmd(pmd, pfn_pmd(PHYS_PFN(block), mk_pmd_sect_prot(PAGE_KERNEL)));
}

#ifdef CONFIG_SPARSEMEM_VMEMMAP_STAND_IN
bool __init vmemmap_may_stand_in(void)
{
	return true;
}

/*
 * CONFIG_VMEMMAP_BREAK_BEFORE_MAKE: an entry may come to map another page without being
 * empty in between if neither of them can be written to and both have the same contents
 * (Arm ARM, "Using break-before-make when updating translation table entries"). So a page
 * becomes read-only, and zero, before it gives way to zeros, and is that when it takes
 * their place. A leaf cannot become a table so, nor a table a leaf: with 4K pages, there
 * is no such option.
 */
void vmemmap_start_zeros(unsigned long addr, pte_t *pte, pte_t zeros)
{
	ptep_set_wrprotect(&init_mm, addr, pte);
	flush_tlb_kernel_range(addr, addr + PAGE_SIZE);
	clear_page(__va(PFN_PHYS(pte_pfn(ptep_get(pte)))));
	smp_wmb();	/* clear before either may be read */
	set_pte(pte, zeros);
}

void vmemmap_end_zeros(unsigned long addr, pte_t *pte, pte_t new)
{
	/* The tail page of a zone, which is for devices, must not be cleared. */
	if (pte_write(new)) {
		clear_page(__va(PFN_PHYS(pte_pfn(new))));
		smp_wmb();	/* clear before either may be read */
		set_pte(pte, pte_wrprotect(new));
	} else {
		pte_clear(&init_mm, addr, pte);
	}
	flush_tlb_kernel_range(addr, addr + PAGE_SIZE);
	set_pte(pte, new);
}
#endif

#ifdef CONFIG_MEMORY_HOTPLUG
void vmemmap_free(unsigned long start, unsigned long end,
		  struct vmem_altmap *altmap)
{
	if (WARN_ON_ONCE(!is_vmemmap_range(start, end)))
		return;
	vmemmap_depopulate(start, end, altmap, VMEMMAP_START, VMEMMAP_END);
}

/* More than so many TLBI cost more than to start with an empty TLB. */
static bool is_worth_a_flush_of_all(unsigned long size, unsigned long stride)
{
	return size / stride > PTRS_PER_PTE;
}

/*
 * One TLBI VAALE1IS for each leaf. Base pages are flushed in ranges, none of them as
 * large as those for which flush_tlb_kernel_range() may drop everything.
 */
void vmemmap_flush_leaves(unsigned long start, unsigned long end,
			  unsigned long stride)
{
	const bool is_base = stride == PAGE_SIZE;
	const unsigned long step = is_base ? PMD_SIZE / 2 : stride;
	unsigned long addr;

	if (is_worth_a_flush_of_all(end - start, stride)) {
		flush_tlb_all();
		return;
	}
	for (addr = start; addr < end; addr += step)
		flush_tlb_kernel_range(addr, is_base ? min(addr + step, end) :
						       addr + PAGE_SIZE);
}

/*
 * VAALE1IS drops the last level of a walk only; VAAE1IS for any address that a
 * table mapped drops the entry that pointed to it (Arm ARM, "TLB maintenance
 * instructions").
 */
bool vmemmap_flush_tables(unsigned long start, unsigned long end,
			  unsigned long stride)
{
	unsigned long addr;

	if (is_worth_a_flush_of_all(end - start, stride)) {
		flush_tlb_all();
		return true;
	}
	for (addr = start; addr < end; addr += stride)
		__flush_tlb_kernel_pgtable(addr);
	return false;
}
#endif
