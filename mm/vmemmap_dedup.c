// SPDX-License-Identifier: GPL-2.0
/*
 * vmemmap_dedup.c - share the vmemmap pages of tails
 *
 * Owns which vmemmap pages of a compound page have a block of their own and which
 * page the others map. The struct pages of the tails of a compound page are all
 * alike. If they hold the address of the head, then where device memory is used in
 * compound pages only, the first two vmemmap pages of each get a block, and all later
 * ones map the second:
 *
 *	compound page's struct pages	| head | tail | tail | tail | ...
 *	memory behind them		|  A   |  B   |  B   |  B   | ...
 *
 * If tails find their head by their own address, those of all compound pages of an
 * order are alike in a zone. Then the first vmemmap page of each gets a block, and all
 * later ones of all devices map the tail page T of the zone, read-only:
 *
 *	two compound pages	| head | tail | ... | tail | head | tail | ...
 *	memory behind them	|  A   |  T   | ... |  T   |  B   |  T   | ...
 *
 * A compound page that is not wholly in the device's range, or that does not start on a
 * multiple of its size, shares nothing, since a neighbour may have struct pages in its
 * last vmemmap page, and tails cannot find a head that is not aligned.
 *
 * Must not know how tables are walked.
 *
 * See mm/vmemmap.h for the terms and for the locking rule.
 */
#include "vmemmap_base.h"
#include "vmemmap.h"
#include <linux/vmemmap.h>

/*
 * The device's range in which @pfn lies; NULL if there is none. While
 * memremap_pages() adds ranges, nr_range counts those that are in place, and the next
 * one is being added.
 */
static const struct range * __meminit find_range(const struct dev_pagemap *pgmap,
						 unsigned long pfn)
{
	const phys_addr_t phys = PFN_PHYS(pfn);
	int i;

	for (i = 0; i <= pgmap->nr_range; i++) {
		const struct range *range = &pgmap->ranges[i];

		if (range->start <= phys && phys <= range->end)
			return range;
	}
	return NULL;
}

unsigned long vmemmap_own_end(unsigned long pfn, unsigned long end_pfn)
{
	return page_to_pfn((struct page *)
			   vmemmap_run_end((unsigned long)pfn_to_page(pfn),
					   (unsigned long)pfn_to_page(end_pfn),
					   false));
}

unsigned long vmemmap_shared_end(unsigned long pfn, unsigned long end_pfn)
{
	return page_to_pfn((struct page *)
			   vmemmap_run_end((unsigned long)pfn_to_page(pfn),
					   (unsigned long)pfn_to_page(end_pfn),
					   true));
}

long vmemmap_count_own_pages(unsigned long pfn, unsigned long nr_pages)
{
	const unsigned long start = (unsigned long)pfn_to_page(pfn);
	const unsigned long end = start + nr_pages * sizeof(struct page);
	/* Of those who share a page, the first has allocated it. */
	const unsigned long addr = PAGE_ALIGN(start);

	if (addr >= end)
		return 0;
	return DIV_ROUND_UP(end - addr, PAGE_SIZE) - vmemmap_nr_shared(addr, end);
}

static bool __meminit is_misaligned(const struct range *range,
				    struct dev_pagemap *pgmap)
{
	return !IS_ALIGNED(PHYS_PFN(range->start), pgmap_vmemmap_nr(pgmap));
}

/* The end of those page frames of a range whose compound pages share tails. */
static unsigned long __meminit sharing_end(const struct range *range,
					   struct dev_pagemap *pgmap)
{
	const unsigned long end_pfn = PHYS_PFN(range->end + 1);

	if (!vmemmap_has_zone_tails())
		return end_pfn;
	if (is_misaligned(range, pgmap))
		return 0;
	return ALIGN_DOWN(end_pfn, pgmap_vmemmap_nr(pgmap));
}

unsigned long __meminit vmemmap_compound_nr_pages(unsigned long pfn,
						  unsigned long nr_pages,
						  struct dev_pagemap *pgmap)
{
	const struct range *range = find_range(pgmap, pfn);
	const unsigned long per_compound =
		vmemmap_nr_pages(pgmap_vmemmap_nr(pgmap));
	unsigned long first_pfn, sharing, start, next, end;

	if (!range)
		return 0;
	/* Of those who share a page, the first has allocated it. */
	first_pfn = PHYS_PFN(range->start);
	sharing = clamp(sharing_end(range, pgmap), pfn, pfn + nr_pages);
	start = vmemmap_nr_pages(pfn - first_pfn);
	next = vmemmap_nr_pages(sharing - first_pfn);
	end = vmemmap_nr_pages(pfn + nr_pages - first_pfn);
	return vmemmap_nr_own_pages(next, per_compound) -
	       vmemmap_nr_own_pages(start, per_compound) + end - next;
}

bool __meminit vmemmap_is_misaligned(unsigned long pfn,
				     struct dev_pagemap *pgmap)
{
	const struct range *range = find_range(pgmap, pfn);

	return range && is_misaligned(range, pgmap);
}

void vmemmap_init_poison(struct page *page, size_t size)
{
	const unsigned long end = (unsigned long)page + size;
	unsigned long addr, next;

	if (!IS_ENABLED(CONFIG_DEBUG_VM))
		return;
	/* Each turn ends where the next page that is not shared starts. */
	addr = vmemmap_run_end((unsigned long)page, end, true);
	for (; addr < end; addr = vmemmap_run_end(next, end, true)) {
		next = vmemmap_run_end(addr, end, false);
		page_init_poison((struct page *)addr, next - addr);
	}
}

#ifdef CONFIG_DEBUG_VM
void vmemmap_uninit_poison(unsigned long pfn, unsigned long nr_pages)
{
	struct page *page = pfn_to_page(pfn);
	const size_t size = nr_pages * sizeof(*page);

	if (is_zone_device_page(page))
		vmemmap_init_poison(page, size);
	else
		page_init_poison(page, size);
}
#endif

/* ---- The tail page of a zone ---- */

#ifdef VMEMMAP_ZONE_TAILS

#ifdef VMEMMAP_POPULATE_HVO
/* Where a zone keeps the tail page for an order. */
static struct page ** __meminit zone_tail(struct zone *zone, unsigned int order)
{
	return &zone->vmemmap_tails[order - VMEMMAP_TAIL_MIN_ORDER];
}
#else
/* Zones have no place for them, and only those of devices share tails. */
static struct page *vmemmap_tails[MAX_NUMNODES][NR_VMEMMAP_TAILS];

static struct page ** __meminit zone_tail(struct zone *zone, unsigned int order)
{
	return &vmemmap_tails[zone_to_nid(zone)][order - VMEMMAP_TAIL_MIN_ORDER];
}
#endif

/* It becomes the zone's, unless somebody else was faster. */
static struct page * __meminit publish_tail(struct page **slot,
					    struct page *tail)
{
	struct page *other = cmpxchg(slot, NULL, tail);

	if (other) {
		vmemmap_put_block(page_to_pfn(tail), 0, 1, NULL);
		return other;
	}
	/* As the stock kernel does, nobody counts those of boot. */
	if (vmemmap_has_slab())
		memmap_pages_add(1);
	return tail;
}

/*
 * The page that the tails of all compound pages of an order in a zone map, which is
 * kept in @slot. It is made once and never freed. @init initialises its struct pages
 * before anybody can see them. Returns NULL if no page can be allocated.
 */
static struct page * __meminit
zone_tail_page(struct page **slot, unsigned int order, int nid,
	       void (*init)(void *block, unsigned int order, int nid))
{
	struct page *tail = READ_ONCE(*slot);
	void *block;

	if (tail)
		return tail;
	block = vmemmap_alloc_block(PAGE_SIZE, nid);
	if (!block)
		return NULL;
	init(block, order, nid);
	return publish_tail(slot, virt_to_page(block));
}

#endif /* VMEMMAP_ZONE_TAILS */

#ifdef VMEMMAP_DEVICE_TAILS

/* Where the tail page of the zone of the memory of devices is kept. */
VISIBLE_IF_KUNIT struct page ** __meminit
vmemmap_device_tail(unsigned int order, int nid)
{
	KUNIT_STATIC_STUB_REDIRECT(vmemmap_device_tail, order, nid);

	return zone_tail(&NODE_DATA(nid)->node_zones[ZONE_DEVICE], order);
}

static void __meminit init_device_tails(void *block, unsigned int order, int nid)
{
	struct page *tail = block, *end = block + PAGE_SIZE;

	for (; tail < end; tail++)
		vmemmap_init_device_tail(tail, order, nid);
}

static struct page * __meminit device_tail_page(int nid, unsigned int order)
{
	return zone_tail_page(vmemmap_device_tail(order, nid), order, nid,
			      init_device_tails);
}

#elif !defined(vmemmap_populate_compound_pages)

static struct page * __meminit device_tail_page(int nid, unsigned int order)
{
	return NULL;
}

#endif /* VMEMMAP_DEVICE_TAILS */

/* ---- Device memory in compound pages ---- */

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

/* Those before @next share the tail page of the zone, the others nothing. */
static int __meminit populate_zone_tails(unsigned long start,
					 unsigned long next, unsigned long end,
					 struct vmemmap_fill *fill,
					 unsigned int order)
{
	const struct vmemmap_fill own = { .nid = fill->nid };
	int err = 0;

	if (start < next) {
		fill->zone_tail = device_tail_page(fill->nid, order);
		err = fill->zone_tail ? vmemmap_fill_range(start, next, fill) :
					-ENOMEM;
	}
	if (!err && next < end)
		err = vmemmap_fill_range(next, end, &own);
	return err;
}

int __meminit vmemmap_populate_compound_pages(unsigned long start_pfn,
					      unsigned long start,
					      unsigned long end, int node,
					      struct dev_pagemap *pgmap)
{
	const struct range *range = find_range(pgmap, start_pfn);
	struct vmemmap_fill fill = {
		.nid = node,
		.compound_size = pgmap_vmemmap_nr(pgmap) * sizeof(struct page),
	};

	unsigned long next;

	if (!range)
		return -EINVAL;
	fill.first = (unsigned long)pfn_to_page(PHYS_PFN(range->start));
	if (!PAGE_ALIGNED(fill.first))
		return -EINVAL;
	if (vmemmap_has_zone_tails()) {
		next = (unsigned long)pfn_to_page(sharing_end(range, pgmap));
		return populate_zone_tails(start, clamp(next, start, end), end,
					   &fill, pgmap->vmemmap_shift);
	}
	if (lacks_tail(start, &fill))
		return -EINVAL;
	return vmemmap_fill_range(start, end, &fill);
}

#endif /* vmemmap_populate_compound_pages */

/* ---- HugeTLB pages from boot ---- */

#ifdef VMEMMAP_POPULATE_HVO

/* HugeTLB initialises the struct pages later, once those of boot are. */
static void __init clear_tails(void *block, unsigned int order, int nid)
{
	memset(block, 0, PAGE_SIZE);
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

	fill.shared = zone_tail_page(zone_tail(zone, order), order,
				     zone_to_nid(zone), clear_tails);
	if (!fill.shared)
		return -ENOMEM;
	return vmemmap_fill_range(start + headsize, end, &fill);
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

#ifdef VMEMMAP_DECLARES_WRPROTECT_HVO
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
#endif
