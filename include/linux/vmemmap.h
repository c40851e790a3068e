/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the memory map back end offers to an architecture beyond linux/mm.h.
 * Documentation/mm/vmemmap.rst has the table of hooks.
 */
#ifndef _LINUX_VMEMMAP_H
#define _LINUX_VMEMMAP_H

struct vmem_altmap;

/**
 * vmemmap_depopulate() - unmap a range of the vmemmap and give its memory back
 * @start: first byte
 * @end: end of the range
 * @altmap: device that may have given memory for it, or NULL. A page that lies
 *	within what the altmap sets aside goes back to it, any other to RAM
 * @floor: tables that map anything below are kept
 * @ceiling: tables that map anything at or above are kept; 0: no such limit
 *
 * The body of an architecture's vmemmap_free(). The page frames described by
 * the range are no longer in use. What one leaf maps at the ends of the range
 * stays as long as a live subsection has struct pages in it. The range may be
 * mapped in part.
 *
 * Entries are cleared, then the TLB is flushed, then memory is released, before
 * this returns or vmemmap_gather_end() does, if that is to come. The tables
 * that have become empty go the same way, but for those below a level of
 * ARCH_PAGE_TABLE_SYNC_MASK, whose entries other page tables have copies of. An
 * architecture that copies entries without saying so there must choose its
 * floor and ceiling accordingly.
 *
 * Context: mem_hotplug_lock held for writing, interrupts enabled. Allocates
 * nothing, cannot fail.
 */
void vmemmap_depopulate(unsigned long start, unsigned long end,
			struct vmem_altmap *altmap, unsigned long floor,
			unsigned long ceiling);

#if defined(CONFIG_MEMORY_HOTPLUG) && defined(CONFIG_SPARSEMEM_VMEMMAP)
/**
 * vmemmap_gather_begin() - what is unmapped from now on may go after one flush
 * @altmap: the device that may have given memory for it, or NULL
 *
 * For whoever removes several ranges, one after the other: their memory may be
 * released as late as in vmemmap_gather_end(), or when much has been gathered,
 * or when the device is another. Pairs may nest.
 *
 * Context: mem_hotplug_lock held for writing from here to the end, interrupts
 * enabled.
 */
void vmemmap_gather_begin(struct vmem_altmap *altmap);

/**
 * vmemmap_gather_end() - the end of it
 *
 * At the end of the outermost pair, the TLB is flushed, if anything has been
 * unmapped since the last time, and memory is released.
 *
 * Context: see vmemmap_gather_begin().
 */
void vmemmap_gather_end(void);
#else
static inline void vmemmap_gather_begin(struct vmem_altmap *altmap)
{
}

static inline void vmemmap_gather_end(void)
{
}
#endif

/**
 * vmemmap_flush_tables() - flush a range in which tables were unlinked
 * @start: first byte
 * @end: end of the range
 *
 * Weak; the default is flush_tlb_kernel_range(). An architecture in which that
 * keeps what is cached of the levels above the leaves supplies its own, which
 * flushes the leaves too.
 *
 * Context: see vmemmap_depopulate().
 */
void vmemmap_flush_tables(unsigned long start, unsigned long end);

#endif /* _LINUX_VMEMMAP_H */
