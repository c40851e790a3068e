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

/*
 * All that was cleared lies in [start, end). @nr_tables of the pieces are tables;
 * @altmap is the device that blocks may have been allocated from, or NULL. So
 * many begins have no end yet.
 */
static struct {
	unsigned long start;
	unsigned long end;
	unsigned int nr_pieces;
	unsigned int nr_tables;
	unsigned int nr_begins;
	struct vmem_altmap *altmap;
	struct vmemmap_piece pieces[VMEMMAP_NR_PIECES];
} gather;

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
			const struct vmemmap_piece *piece)
{
	const unsigned long size = PAGE_SIZE << piece->order;

	if (gather.altmap && is_altmap_pfn(gather.altmap, piece->pfn)) {
		bytes->of[VMEMMAP_ALTMAP] += size;
		return;
	}
	bytes->of[VMEMMAP_SHARED_TAIL] += (piece->nr_refs - 1) * size;
	bytes->of[is_still_shown(piece) ? VMEMMAP_SHARED_TAIL :
					  VMEMMAP_RAM] += size;
}

static void trace_bytes(const struct vmemmap_bytes *bytes,
			unsigned long leaf_size)
{
	enum vmemmap_backing backing;

	for (backing = VMEMMAP_RAM; backing < VMEMMAP_NR_BACKINGS; backing++)
		if (bytes->of[backing])
			trace_vmemmap_depopulate(gather.start, gather.end,
						 backing, leaf_size,
						 bytes->of[backing]);
}

static void gather_finish(void)
{
	const bool is_traced = trace_vmemmap_depopulate_enabled();
	struct vmemmap_bytes base = {}, huge = {};
	const struct vmemmap_piece *piece = gather.pieces;
	const struct vmemmap_piece *last = piece + gather.nr_pieces;

	if (!gather.nr_pieces)
		return;

	vmemmap_flush(gather.start, gather.end, gather.nr_tables);
	for (; piece < last; piece++) {
		if (is_traced)
			count_piece(piece->order ? &huge : &base, piece);
		vmemmap_put_block(piece->pfn, piece->order, piece->nr_refs,
				  gather.altmap);
	}

	if (is_traced) {
		base.of[VMEMMAP_RAM] -= gather.nr_tables * PAGE_SIZE;
		trace_bytes(&base, PAGE_SIZE);
		trace_bytes(&huge, PMD_SIZE);
	}
	gather.nr_pieces = 0;
	gather.nr_tables = 0;
}

void vmemmap_gather_begin(struct vmem_altmap *altmap)
{
	if (gather.altmap != altmap)
		gather_finish();
	gather.altmap = altmap;
	gather.nr_begins++;
}

void vmemmap_gather_end(void)
{
	if (!--gather.nr_begins)
		gather_finish();
}

void vmemmap_gather_range(unsigned long start, unsigned long end)
{
	if (gather.nr_pieces) {
		start = min(gather.start, start);
		end = max(gather.end, end);
	}
	gather.start = start;
	gather.end = end;
}

void vmemmap_gather_block(unsigned long pfn, unsigned int order,
			  unsigned int nr_refs)
{
	struct vmemmap_piece *piece = &gather.pieces[gather.nr_pieces];

	piece->pfn = pfn;
	piece->nr_refs = nr_refs;
	piece->order = order;
	if (++gather.nr_pieces == VMEMMAP_NR_PIECES)
		gather_finish();
}

void vmemmap_gather_table(unsigned long start, unsigned long end, void *table)
{
	trace_vmemmap_prune(start, end);
	gather.nr_tables++;
	vmemmap_gather_range(start, end);
	vmemmap_gather_block(PHYS_PFN(__pa(table)), 0, 1);
}

#endif /* CONFIG_MEMORY_HOTPLUG */
