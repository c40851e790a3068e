// SPDX-License-Identifier: GPL-2.0
/*
 * vmemmap_dedup.c - share the vmemmap pages of tails
 *
 * Owns which vmemmap pages of a compound page have a block of their own and which
 * page the others map. The struct pages of the tails of a compound page are all
 * alike, so where device memory is used in compound pages only, the first
 * VMEMMAP_RESERVE_NR vmemmap pages of each get a block, and all later ones map the
 * last of these:
 *
 *	compound page's struct pages	| head | tail | tail | tail | ...
 *	memory behind them		|  A   |  B   |  B   |  B   | ...
 *
 * Must not know how tables are walked.
 *
 * See mm/vmemmap.h for the terms and for the locking rule.
 */
#include "vmemmap_base.h"
#include "vmemmap.h"

/*
 * The first page frame of the device's range in which @pfn lies; ULONG_MAX if
 * there is none. While memremap_pages() adds ranges, nr_range counts those that
 * are in place, and the next one is being added.
 */
static unsigned long __meminit pgmap_range_start(struct dev_pagemap *pgmap,
						 unsigned long pfn)
{
	const phys_addr_t phys = PFN_PHYS(pfn);
	int i;

	for (i = 0; i <= pgmap->nr_range; i++) {
		const struct range *range = &pgmap->ranges[i];

		if (range->start <= phys && phys <= range->end)
			return PHYS_PFN(range->start);
	}
	return ULONG_MAX;
}

unsigned long __meminit vmemmap_compound_nr_pages(unsigned long pfn,
						  unsigned long nr_pages,
						  struct dev_pagemap *pgmap)
{
	const unsigned long first_pfn = pgmap_range_start(pgmap, pfn);
	/* Of those who share a page, the first has allocated it. */
	const unsigned long start = vmemmap_nr_pages(pfn - first_pfn);
	const unsigned long end = vmemmap_nr_pages(pfn - first_pfn + nr_pages);
	const unsigned long per_compound =
		vmemmap_nr_pages(pgmap_vmemmap_nr(pgmap));

	if (first_pfn == ULONG_MAX)
		return 0;
	return vmemmap_nr_own_pages(end, per_compound) -
	       vmemmap_nr_own_pages(start, per_compound);
}

bool __meminit vmemmap_is_misaligned(unsigned long pfn,
				     struct dev_pagemap *pgmap)
{
	const unsigned long first_pfn = pgmap_range_start(pgmap, pfn);

	return first_pfn != ULONG_MAX &&
	       !IS_ALIGNED(first_pfn, pgmap_vmemmap_nr(pgmap));
}

#ifndef vmemmap_populate_compound_pages

/*
 * Does @addr lie in the shared part of a compound page whose tail page is not
 * mapped?
 */
static bool __meminit lacks_tail(unsigned long addr,
				 const struct vmemmap_fill *fill)
{
	const unsigned long head =
		addr - (addr - fill->first) % fill->compound_size;
	const unsigned long own_end = head + VMEMMAP_RESERVE_NR * PAGE_SIZE;

	return addr >= own_end && !vmemmap_lookup_page(own_end - PAGE_SIZE);
}

int __meminit vmemmap_populate_compound_pages(unsigned long start_pfn,
					      unsigned long start,
					      unsigned long end, int node,
					      struct dev_pagemap *pgmap)
{
	const unsigned long first_pfn = pgmap_range_start(pgmap, start_pfn);
	const struct vmemmap_fill fill = {
		.nid = node,
		.compound_size = pgmap_vmemmap_nr(pgmap) * sizeof(struct page),
		.first = start - (start_pfn - first_pfn) * sizeof(struct page),
	};

	if (first_pfn == ULONG_MAX || !PAGE_ALIGNED(fill.first) ||
	    lacks_tail(start, &fill))
		return -EINVAL;
	return vmemmap_fill_range(start, end, &fill);
}

#endif /* vmemmap_populate_compound_pages */

#ifdef VMEMMAP_POPULATE_HVO

/*
 * The page that the tails of all compound pages of an order in a zone map. HugeTLB
 * initialises its content later, when there are struct pages.
 */
static struct page * __init zone_tail_page(struct zone *zone,
					   unsigned int order)
{
	struct page **tail =
		&zone->vmemmap_tails[order - VMEMMAP_TAIL_MIN_ORDER];
	void *block;

	if (!*tail) {
		block = vmemmap_alloc_block(PAGE_SIZE, zone_to_nid(zone));
		if (!block)
			return NULL;
		memset(block, 0, PAGE_SIZE);
		*tail = virt_to_page(block);
	}
	return *tail;
}

/**
 * vmemmap_populate_hvo() - map the struct pages of a HugeTLB page from boot
 * @start: address of its first struct page
 * @end: end of its struct pages
 * @order: its size is 2^order pages
 * @zone: where it lies
 * @headsize: the bytes at the start that have memory of their own; what follows
 *	maps the tail page of the zone
 *
 * Context: boot.
 * Return: 0; -ENOMEM if no tail page can be allocated; otherwise as
 * vmemmap_fill_range(). After an error the range is filled in part.
 */
int __init vmemmap_populate_hvo(unsigned long start, unsigned long end,
				unsigned int order, struct zone *zone,
				unsigned long headsize)
{
	struct vmemmap_fill fill = { .nid = zone_to_nid(zone) };
	int err;

	err = vmemmap_fill_range(start, start + headsize, &fill);
	if (err)
		return err;

	fill.shared = zone_tail_page(zone, order);
	if (!fill.shared)
		return -ENOMEM;
	return vmemmap_fill_range(start + headsize, end, &fill);
}

/**
 * vmemmap_wrprotect_hvo() - make the shared tails of a HugeTLB page read-only
 * @start: address of its first struct page
 * @end: end of its struct pages
 * @node: where it lies; ignored
 * @headsize: as it was for vmemmap_populate_hvo()
 *
 * The caller flushes the TLB.
 *
 * Context: boot, when the struct pages have been initialised.
 */
void vmemmap_wrprotect_hvo(unsigned long start, unsigned long end, int node,
			   unsigned long headsize)
{
	vmemmap_wrprotect_range(start + headsize, end);
}

#ifdef CONFIG_SPARSEMEM_VMEMMAP_PREINIT
/* The memory map of a node's HugeTLB pages comes before that of the others. */
void __init sparse_vmemmap_init_nid_early(int nid)
{
	hugetlb_vmemmap_init_early(nid);
}
#endif

#ifdef VMEMMAP_POPULATE_HVO_LATE
/* The zones of the node are known now, and what lies in them. */
void __init sparse_vmemmap_init_nid_late(int nid)
{
	hugetlb_vmemmap_init_late(nid);
}
#endif

#endif /* VMEMMAP_POPULATE_HVO */
