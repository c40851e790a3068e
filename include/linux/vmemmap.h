/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the memory map back end offers to an architecture beyond linux/mm.h.
 * Documentation/mm/vmemmap.rst has the table of hooks.
 */
#ifndef _LINUX_VMEMMAP_H
#define _LINUX_VMEMMAP_H

#include <linux/pgtable.h>
#include <linux/types.h>

struct dev_pagemap;
struct page;
struct vmem_altmap;

/**
 * vmemmap_depopulate() - unmap a range of the vmemmap and give its memory back
 * @start: first byte
 * @end: end of the range
 * @altmap: device that its memory may have been allocated from, or NULL. A page
 *	that lies in the window of the altmap is freed there, any other to RAM
 * @floor: tables that map anything below are kept
 * @ceiling: tables that map anything at or above are kept; 0: no such limit
 *
 * The body of an architecture's vmemmap_free(). The page frames described by
 * the range are no longer in use. What one leaf maps at the ends of the range
 * stays as long as a live subsection has struct pages in it. The range may be
 * mapped in part.
 *
 * Entries are cleared, then the TLB is flushed, then memory is released, before
 * this function returns, or before the matching vmemmap_gather_end() if one is
 * open. Tables that have become empty are freed the same way, except those below
 * an entry of one of the vmemmap_copied_levels(), and tables of PUDs where removed
 * memory is read as zeros.
 *
 * Context: mem_hotplug_lock held for writing, interrupts enabled. Allocates
 * nothing, cannot fail.
 */
void vmemmap_depopulate(unsigned long start, unsigned long end,
			struct vmem_altmap *altmap, unsigned long floor,
			unsigned long ceiling);

#if defined(CONFIG_MEMORY_HOTPLUG) && defined(CONFIG_SPARSEMEM_VMEMMAP)
/**
 * vmemmap_gather_begin() - remove several ranges with as few flushes as possible
 * @altmap: device that their memory may have been allocated from, or NULL
 *
 * Memory that is unmapped from now on is released in vmemmap_gather_end(), or
 * before, when much has been gathered or when the device is another one. Pairs may
 * nest.
 *
 * Context: mem_hotplug_lock held for writing from here to the end, interrupts
 * enabled.
 */
void vmemmap_gather_begin(struct vmem_altmap *altmap);

/**
 * vmemmap_gather_end() - flush, then release what has been gathered
 *
 * Does so at the end of the outermost pair, if anything has been unmapped since
 * the last flush.
 *
 * Context: see vmemmap_gather_begin().
 */
void vmemmap_gather_end(void);

/**
 * vmemmap_check_memory() - is there memory for the struct pages of a range?
 * @nid: node of the page frames
 * @pfn: first page frame
 * @nr_pages: length of the range
 * @altmap: the memory map will be allocated from this device; NULL: from RAM
 * @pgmap: the device that the page frames belong to, or NULL
 *
 * Counts what is free above the high watermarks, what reclaim can free, and free swap.
 * An altmap needs memory for page tables alone, which is not counted.
 *
 * Context: see vmemmap_depopulate().
 * Return: 0; -ENOMEM if the range would take more than that, which is reported.
 */
int vmemmap_check_memory(int nid, unsigned long pfn, unsigned long nr_pages,
			 struct vmem_altmap *altmap, struct dev_pagemap *pgmap);
#else
static inline void vmemmap_gather_begin(struct vmem_altmap *altmap)
{
}

static inline void vmemmap_gather_end(void)
{
}

static inline int vmemmap_check_memory(int nid, unsigned long pfn,
				       unsigned long nr_pages,
				       struct vmem_altmap *altmap,
				       struct dev_pagemap *pgmap)
{
	return 0;
}
#endif

/**
 * vmemmap_flush_leaves() - flush a range in which leaves were cleared
 * @start: first byte
 * @end: end of the range
 * @stride: a power of two that divides @start, @end, and the place and size of each
 *	leaf: one flush of an address for every @stride bytes is enough
 *
 * Weak; the default is flush_tlb_kernel_range().
 *
 * Context: see vmemmap_depopulate().
 */
void vmemmap_flush_leaves(unsigned long start, unsigned long end,
			  unsigned long stride);

/**
 * vmemmap_flush_tables() - flush a range in which tables were unlinked
 * @start: first byte
 * @end: end of the range
 * @stride: the same as for leaves, of what each table mapped
 *
 * Weak; the default is flush_tlb_all(), since flush_tlb_kernel_range() may keep what
 * a CPU has cached of the levels above the leaves.
 *
 * Context: see vmemmap_depopulate().
 * Return: true if all leaves have been flushed as well, wherever they were; false
 * if vmemmap_flush_leaves() must do that.
 */
bool vmemmap_flush_tables(unsigned long start, unsigned long end,
			  unsigned long stride);

/**
 * vmemmap_copied_levels() - the levels whose entries other page tables copy
 *
 * Weak; the default is ARCH_PAGE_TABLE_SYNC_MASK. A table below such an entry
 * is never freed. An architecture that copies entries without a bit in that
 * mask supplies its own function.
 *
 * Context: see vmemmap_depopulate().
 * Return: a mask of PGTBL_<level>_MODIFIED.
 */
unsigned int vmemmap_copied_levels(void);

#ifdef CONFIG_SPARSEMEM_VMEMMAP_STAND_IN
/**
 * vmemmap_may_stand_in() - may a leaf become a table by one write, and vice versa?
 *
 * An architecture that has SPARSEMEM_VMEMMAP_STAND_IN supplies it.
 *
 * Context: boot.
 * Return: false if this machine must see an empty entry in between.
 */
bool vmemmap_may_stand_in(void);
#endif

/* Without stand-ins, nothing calls these. */
#if defined(CONFIG_VMEMMAP_BREAK_BEFORE_MAKE) || !defined(CONFIG_SPARSEMEM_VMEMMAP_STAND_IN)
/**
 * vmemmap_start_zeros() - let an address that is in use be read as zeros
 * @addr: address in the vmemmap, on a page
 * @pte: its entry, which maps a page that nobody needs any more; the page may be
 *	overwritten
 * @zeros: the new entry
 *
 * An architecture supplies this and vmemmap_end_zeros(), and says so by
 * VMEMMAP_BREAK_BEFORE_MAKE, where one write to an entry is not enough.
 *
 * Context: mem_hotplug_lock held for writing; may flush the TLB.
 */
void vmemmap_start_zeros(unsigned long addr, pte_t *pte, pte_t zeros);

/**
 * vmemmap_end_zeros() - use an address that is read as zeros
 * @addr: address in the vmemmap, on a page
 * @pte: its entry
 * @new: the new entry. A page that it maps writable is nobody else's, and may be
 *	overwritten
 *
 * The caller flushes the TLB afterwards.
 *
 * Context: mem_hotplug_lock held for writing; may flush the TLB.
 */
void vmemmap_end_zeros(unsigned long addr, pte_t *pte, pte_t new);
#else
static inline void vmemmap_start_zeros(unsigned long addr, pte_t *pte, pte_t zeros)
{
	set_pte(pte, zeros);
}

static inline void vmemmap_end_zeros(unsigned long addr, pte_t *pte, pte_t new)
{
	set_pte(pte, new);
}
#endif

/**
 * vmemmap_flush_populated() - let every CPU see new entries of the vmemmap
 * @start: first byte
 * @end: end of the range
 *
 * The default is flush_cache_vmap(). An architecture supplies its own where that
 * function does not serve the vmemmap, and says so by VMEMMAP_FLUSH_POPULATED.
 *
 * Context: boot, or mem_hotplug_lock held for writing.
 */
void vmemmap_flush_populated(unsigned long start, unsigned long end);

/**
 * vmemmap_own_end() - the end of the struct pages that are not shared
 * @pfn: a page frame
 * @end_pfn: end of the range to search
 *
 * Tails of compound pages of a device may map a page that all of the zone share, which
 * was initialised before it was mapped, and which is read-only.
 *
 * Context: the memory map of the range stays; does not sleep.
 * Return: the first page frame from @pfn on whose struct page is in such a page;
 * @end_pfn if there is none.
 */
unsigned long vmemmap_own_end(unsigned long pfn, unsigned long end_pfn);

/**
 * vmemmap_shared_end() - the end of the struct pages that are shared
 * @pfn: a page frame
 * @end_pfn: end of the range to search
 *
 * Context: see vmemmap_own_end().
 * Return: the first page frame from @pfn on whose struct page is in no such page;
 * @end_pfn if there is none.
 */
unsigned long vmemmap_shared_end(unsigned long pfn, unsigned long end_pfn);

/* The page frames of [start, end_pfn) whose struct pages are not shared. */
#define for_each_own_pfn(pfn, start, end_pfn)				\
	for (pfn = (start); pfn < (end_pfn);				\
	     pfn = vmemmap_shared_end(pfn, end_pfn))			\
		for (unsigned long __own_end = vmemmap_own_end(pfn, end_pfn); \
		     pfn < __own_end; pfn++)

/**
 * vmemmap_uninit_poison() - poison the struct pages of a range that is removed
 * @pfn: first page frame
 * @nr_pages: length of the range, whose struct pages are still initialised
 *
 * With CONFIG_DEBUG_VM; see page_init_poison(). Those that are shared are spared.
 *
 * Context: see vmemmap_own_end().
 */
#if defined(CONFIG_DEBUG_VM) && defined(CONFIG_SPARSEMEM_VMEMMAP)
void vmemmap_uninit_poison(unsigned long pfn, unsigned long nr_pages);
#else
#define vmemmap_uninit_poison(pfn, nr_pages) \
	page_init_poison(pfn_to_page(pfn), sizeof(struct page) * (nr_pages))
#endif

#endif /* _LINUX_VMEMMAP_H */
