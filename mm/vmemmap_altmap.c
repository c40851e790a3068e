// SPDX-License-Identifier: GPL-2.0
/*
 * vmemmap_altmap.c - blocks that a device brings for its own memory map
 *
 * Owns the counts in struct vmem_altmap, and nothing else: callers copy that
 * struct, and the memory of a device may be out of reach. Blocks are cut in
 * ascending order from what the device sets aside, each aligned to the largest
 * power of two that divides its length:
 *
 *	base	  + reserve				 + reserve + free
 *	| driver  | block | hole | block | padding | block |	  |  the rest
 *		   <------------ alloc + align -----------> next
 *
 * Holes are left by blocks that did not come back in the opposite order. What
 * tells them from blocks is the page tables of the device's memory map: they
 * are looked through once nothing is left behind "next". Knows how leaves are
 * found; must not know RAM, or why somebody needs a block.
 *
 * Locking: mem_hotplug_lock held for writing.
 */
#include "vmemmap_base.h"
#include "vmemmap.h"

static unsigned long altmap_start(const struct vmem_altmap *altmap)
{
	return altmap->base_pfn + altmap->reserve;
}

static unsigned long altmap_end(const struct vmem_altmap *altmap)
{
	return altmap_start(altmap) + altmap->free;
}

bool is_altmap_pfn(const struct vmem_altmap *altmap, unsigned long pfn)
{
	return altmap_start(altmap) <= pfn && pfn < altmap_end(altmap);
}

/* Once nothing is allocated, what has been left out means nothing. */
static unsigned long altmap_next(const struct vmem_altmap *altmap)
{
	const unsigned long used = altmap->alloc + altmap->align;

	return altmap_start(altmap) + (altmap->alloc ? used : 0);
}

static unsigned long __meminit block_align(unsigned long pfn,
					   unsigned long nr_pfns)
{
	return ALIGN(pfn, nr_pfns & -nr_pfns);
}

/* ---- Holes ---- */

/* Where a block of @nr_pfns may lie, as far as leaves have been looked at. */
struct altmap_hole {
	const struct vmem_altmap *altmap;
	unsigned long nr_pfns;
	unsigned long pfn;
	unsigned long nr_mapped;	/* pages of the altmap seen behind leaves */
};

static void __meminit hole_avoid(struct altmap_hole *hole, unsigned long pfn,
				 unsigned long nr_pfns)
{
	if (!is_altmap_pfn(hole->altmap, pfn))
		return;
	hole->nr_mapped += nr_pfns;
	if (pfn < hole->pfn + hole->nr_pfns && hole->pfn < pfn + nr_pfns)
		hole->pfn = block_align(pfn + nr_pfns, hole->nr_pfns);
}

/* The leaves of [addr, next), which lies in one slot */
static void __meminit hole_avoid_slot(struct altmap_hole *hole,
				      unsigned long addr, unsigned long next)
{
	pmd_t *pmd = vmemmap_find_slot(addr);
	pte_t *pte;

	if (!pmd || pmd_none(pmdp_get(pmd)))
		return;
	if (pmd_leaf(pmdp_get(pmd))) {
		hole_avoid(hole, pmd_pfn(pmdp_get(pmd)), 1UL << PMD_ORDER);
		return;
	}
	pte = pte_offset_kernel(pmd, addr);
	for (; addr < next; addr += PAGE_SIZE, pte++)
		if (!pte_none(ptep_get(pte)))
			hole_avoid(hole, pte_pfn(ptep_get(pte)), 1);
}

/* A page that is the device's only in part is RAM, whether it is seen or not. */
static void __meminit hole_avoid_leaves(struct altmap_hole *hole)
{
	const struct vmem_altmap *altmap = hole->altmap;
	unsigned long addr, next, end;

	addr = (unsigned long)pfn_to_page(altmap->base_pfn);
	end = (unsigned long)pfn_to_page(altmap->end_pfn + 1);
	for (; addr < end; addr = next) {
		next = vmemmap_slot_end(addr, end);
		hole_avoid_slot(hole, addr, next);
	}
}

/*
 * The lowest place for a block of @nr_pfns that no leaf has, which may be too
 * high. The end if there are blocks that no leaf shows (yet, or any more), so that
 * nobody can tell where they are.
 */
static unsigned long __meminit altmap_find_hole(const struct vmem_altmap *altmap,
						unsigned long nr_pfns)
{
	struct altmap_hole hole = {
		.altmap = altmap,
		.nr_pfns = nr_pfns,
		.pfn = block_align(altmap_start(altmap), nr_pfns),
	};
	unsigned long last;

	/* Leaves come in any order: those passed may be in the way of a later place. */
	do {
		last = hole.pfn;
		hole.nr_mapped = 0;
		hole_avoid_leaves(&hole);
	} while (hole.pfn != last);

	return hole.nr_mapped == altmap->alloc ? hole.pfn : altmap_end(altmap);
}

/* ---- Blocks ---- */

void * __meminit vmemmap_alloc_altmap_block(struct vmem_altmap *altmap,
					    unsigned long size)
{
	const unsigned long nr_pfns = PHYS_PFN(size);
	unsigned long next = altmap_next(altmap);
	unsigned long pfn;

	if (!nr_pfns || !PAGE_ALIGNED(size) ||
	    altmap->alloc + nr_pfns > altmap->free)
		return NULL;

	pfn = block_align(next, nr_pfns);
	if (pfn + nr_pfns > altmap_end(altmap))
		pfn = altmap_find_hole(altmap, nr_pfns);
	if (pfn + nr_pfns > altmap_end(altmap))
		return NULL;

	next = max(next, pfn + nr_pfns);
	altmap->alloc += nr_pfns;
	altmap->align = next - altmap_start(altmap) - altmap->alloc;
	return __va(PFN_PHYS(pfn));
}

bool vmemmap_put_altmap_block(struct vmem_altmap *altmap, unsigned long pfn,
			      unsigned int order)
{
	const unsigned long nr_pfns = 1UL << order;
	const unsigned long start = altmap_start(altmap);
	const unsigned long next = altmap_next(altmap);

	if (pfn + nr_pfns <= start || pfn >= altmap_end(altmap))
		return false;
	if (WARN_ONCE(pfn < start || pfn + nr_pfns > next ||
		      nr_pfns > altmap->alloc,
		      "vmemmap: pfn %#lx, order %u: the device has not given it\n",
		      pfn, order))
		return true;

	vmem_altmap_free(altmap, nr_pfns);
	if (!altmap->alloc)
		altmap->align = 0;
	else if (pfn + nr_pfns < next)
		altmap->align += nr_pfns;
	return true;
}
