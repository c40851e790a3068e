// SPDX-License-Identifier: GPL-2.0
/*
 * vmemmap_gather.c - what was unmapped: flush, then release
 *
 * Owns the order in which memory of the vmemmap comes back: whoever walks the
 * tables clears entries and gathers what they mapped; nothing of it is released
 * before one flush of all that was cleared. Knows pages; must not know entries.
 *
 * Locking: mem_hotplug_lock held for writing; it guards the pieces.
 */
#include "vmemmap_base.h"
#include "vmemmap.h"
#include <linux/vmemmap.h>
#include <trace/events/vmemmap.h>

#ifdef CONFIG_MEMORY_HOTPLUG

/* A block or a table that is no longer mapped; it may have been so often. */
struct vmemmap_piece {
	unsigned long pfn;
	unsigned int nr_refs;
	unsigned int order;
};

/* More than a section has pieces: an 80-byte struct page makes 640. */
#define VMEMMAP_NR_PIECES 1024
static struct vmemmap_piece pieces[VMEMMAP_NR_PIECES];

void __weak vmemmap_flush_tables(unsigned long start, unsigned long end)
{
	flush_tlb_kernel_range(start, end);
}

void vmemmap_flush(unsigned long start, unsigned long end, bool has_tables)
{
	KUNIT_STATIC_STUB_REDIRECT(vmemmap_flush, start, end, has_tables);

	if (has_tables)
		vmemmap_flush_tables(start, end);
	else
		flush_tlb_kernel_range(start, end);
}

/* For those who trace: what leaves of one size mapped, in bytes. */
struct vmemmap_bytes {
	unsigned long of[VMEMMAP_NR_BACKINGS];
};

/* Is it a tail that is shown by more entries than those that have gone? */
static bool is_still_shown(const struct vmemmap_piece *piece)
{
	struct page *page = pfn_to_page(piece->pfn);

	return slab_is_available() && !PageReserved(page) &&
	       page_ref_count(page) != (int)piece->nr_refs;
}

/* Whoever lets go of a tail last gives the RAM back. */
static void count_piece(struct vmemmap_bytes *bytes,
			const struct vmemmap_piece *piece,
			const struct vmem_altmap *altmap)
{
	const unsigned long size = PAGE_SIZE << piece->order;

	if (altmap && is_altmap_pfn(altmap, piece->pfn)) {
		bytes->of[VMEMMAP_ALTMAP] += size;
		return;
	}
	bytes->of[VMEMMAP_SHARED_TAIL] += (piece->nr_refs - 1) * size;
	bytes->of[is_still_shown(piece) ? VMEMMAP_SHARED_TAIL :
					  VMEMMAP_RAM] += size;
}

static void trace_bytes(const struct vmemmap_gather *gather,
			const struct vmemmap_bytes *bytes,
			unsigned long leaf_size)
{
	enum vmemmap_backing backing;

	for (backing = VMEMMAP_RAM; backing < VMEMMAP_NR_BACKINGS; backing++)
		if (bytes->of[backing])
			trace_vmemmap_depopulate(gather->start, gather->end,
						 backing, leaf_size,
						 bytes->of[backing]);
}

void vmemmap_gather_finish(struct vmemmap_gather *gather)
{
	const bool is_traced = trace_vmemmap_depopulate_enabled();
	struct vmemmap_bytes base = {}, huge = {};
	unsigned int i;

	if (!gather->nr_pieces)
		return;

	vmemmap_flush(gather->start, gather->end, gather->nr_tables);
	for (i = 0; i < gather->nr_pieces; i++) {
		if (is_traced)
			count_piece(pieces[i].order ? &huge : &base, &pieces[i],
				    gather->altmap);
		vmemmap_put_block(pieces[i].pfn, pieces[i].order,
				  pieces[i].nr_refs, gather->altmap);
	}

	if (is_traced) {
		base.of[VMEMMAP_RAM] -= gather->nr_tables * PAGE_SIZE;
		trace_bytes(gather, &base, PAGE_SIZE);
		trace_bytes(gather, &huge, PMD_SIZE);
	}
	gather->nr_pieces = 0;
	gather->nr_tables = 0;
}

void vmemmap_gather_range(struct vmemmap_gather *gather, unsigned long start,
			  unsigned long end)
{
	if (gather->nr_pieces) {
		start = min(gather->start, start);
		end = max(gather->end, end);
	}
	gather->start = start;
	gather->end = end;
}

void vmemmap_gather_block(struct vmemmap_gather *gather, unsigned long pfn,
			  unsigned int order, unsigned int nr_refs)
{
	struct vmemmap_piece *piece = &pieces[gather->nr_pieces];

	piece->pfn = pfn;
	piece->nr_refs = nr_refs;
	piece->order = order;
	if (++gather->nr_pieces == VMEMMAP_NR_PIECES)
		vmemmap_gather_finish(gather);
}

void vmemmap_gather_table(struct vmemmap_gather *gather, unsigned long start,
			  unsigned long end, void *table)
{
	trace_vmemmap_prune(start, end);
	gather->nr_tables++;
	vmemmap_gather_range(gather, start, end);
	vmemmap_gather_block(gather, PHYS_PFN(__pa(table)), 0, 1);
}

#endif /* CONFIG_MEMORY_HOTPLUG */
