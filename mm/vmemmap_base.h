/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vmemmap_base.h - the kernel that this memory map back end stands on
 *
 * Every kernel header that the mm/ files of the back end need is included
 * here, and every difference between the kernel series they serve is settled
 * here. A feature is tested before a version, and no other file may test a
 * version. The user-space harness brings its own file under the same guard.
 */
#ifndef _MM_VMEMMAP_BASE_H
#define _MM_VMEMMAP_BASE_H

#include <linux/align.h>
#include <linux/alloc_tag.h>
#include <linux/bitmap.h>
#include <linux/debugfs.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/init.h>
#include <linux/log2.h>
#include <linux/memblock.h>
#include <linux/memory_hotplug.h>
#include <linux/memremap.h>
#include <linux/mm.h>
#include <linux/minmax.h>
#include <linux/mmzone.h>
#include <linux/nodemask.h>
#include <linux/page-flags.h>
#include <linux/page_owner.h>
#include <linux/page_ref.h>
#include <linux/pgalloc.h>
#include <linux/printk.h>
#include <linux/ratelimit.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/swap.h>
#include <linux/topology.h>
#include <linux/vmstat.h>
#include <linux/xarray.h>
#include <kunit/static_stub.h>
#include <kunit/visibility.h>
#include <asm/dma.h>
#include <asm/tlbflush.h>

#include "internal.h"
#include "slab.h"

/*
 * Architectures with a vmemmap_populate() of their own that cannot be repeated for
 * a range: it would map the range a second time, or lose what it had allocated.
 */
#define VMEMMAP_POPULATE_ONCE	(IS_ENABLED(CONFIG_PPC64) || IS_ENABLED(CONFIG_S390))

/* Architectures without flush_tlb_all(). None of them frees by this back end. */
#if defined(CONFIG_PPC64) || defined(CONFIG_SPARC64)
#define flush_tlb_all()	flush_tlb_kernel_range(0, ULONG_MAX)
#endif

/*
 * What differs between the series, row by row. A row is decided by what the
 * preprocessor sees of it, where there is anything to see; otherwise by
 * VMEMMAP_TAIL_MIN_ORDER, which came with it or after it.
 */

/* The headers that took over parts of internal.h */
#if __has_include("mm_init.h")
#include "mm_init.h"
#endif
#if __has_include("page_alloc.h")
#include "page_alloc.h"
#endif

/* sparse_init() initialises the map of subsections, and that by one call. */
#if __has_include("sparse.h")
#include "sparse.h"
#define VMEMMAP_INIT_ALL_SUBSECTIONS
#endif

/*
 * Zones have tail pages to share: this back end populates the memory map of HugeTLB
 * pages from boot optimised. Until sparse_init() was called after the zones were
 * known, that had to wait for them.
 */
#if defined(VMEMMAP_TAIL_MIN_ORDER) && \
	defined(CONFIG_HUGETLB_PAGE_OPTIMIZE_VMEMMAP)
#include "hugetlb_vmemmap.h"
#define VMEMMAP_POPULATE_HVO
#if defined(CONFIG_SPARSEMEM_VMEMMAP_PREINIT) && !__has_include("sparse.h")
#define VMEMMAP_POPULATE_HVO_LATE
#endif
#endif

/* Declared with or without HugeTLB's optimisation */
#ifdef VMEMMAP_TAIL_MIN_ORDER
#define VMEMMAP_DECLARES_WRPROTECT_HVO
#endif

/*
 * Tails find their head by their own address, so that those of an order are alike in a
 * zone: VMEMMAP_RESERVE_NR says so. HugeTLB's optimisation has it so, and VMEMMAP_MASK
 * where there is none.
 */
#if defined(VMEMMAP_POPULATE_HVO) || defined(CONFIG_VMEMMAP_MASK)
#define VMEMMAP_ZONE_TAILS
#endif

#if defined(VMEMMAP_ZONE_TAILS) && defined(CONFIG_ZONE_DEVICE)
#define VMEMMAP_DEVICE_TAILS

static inline bool vmemmap_has_zone_tails(void)
{
	return VMEMMAP_RESERVE_NR == 1;
}

/* As memmap_init_zone_device() initialises the struct page of a tail. */
static inline void vmemmap_init_device_tail(struct page *tail,
					    unsigned int order, int nid)
{
	__init_single_page(tail, 0, ZONE_DEVICE, nid);
	__SetPageReserved(tail);
	tail->zone_device_data = NULL;
	prep_compound_tail(tail, NULL, order);
	set_page_count(tail, 0);
}
#else
static inline bool vmemmap_has_zone_tails(void)
{
	return false;
}
#endif

/* Without a buffer of sparse_init(), there is the boot buffer. */
#ifdef VMEMMAP_TAIL_MIN_ORDER
static inline void *sparse_buffer_alloc(unsigned long size)
{
	return NULL;
}
#endif

/* memmap_alloc() hides the memory from kmemleak, or this back end has to. */
#ifdef VMEMMAP_TAIL_MIN_ORDER
static __always_inline void *
vmemmap_memblock_alloc(phys_addr_t size, phys_addr_t align, phys_addr_t min_addr,
		       int nid, bool exact_nid)
{
	return memmap_alloc(size, align, min_addr, nid, exact_nid);
}
#else
static __always_inline void *
vmemmap_memblock_alloc(phys_addr_t size, phys_addr_t align, phys_addr_t min_addr,
		       int nid, bool exact_nid)
{
	void *block = exact_nid ?
		memblock_alloc_exact_nid_raw(size, align, min_addr,
					     MEMBLOCK_ALLOC_NOLEAKTRACE, nid) :
		memblock_alloc_try_nid_raw(size, align, min_addr,
					   MEMBLOCK_ALLOC_NOLEAKTRACE, nid);

	if (block)
		page_init_poison(block, size);
	return block;
}
#endif

/* The memory of a device may be out of reach until it goes online. */
#ifndef VMEMMAP_TAIL_MIN_ORDER
#define VMEMMAP_ALTMAP_INACCESSIBLE

static inline bool is_altmap_accessible(const struct vmem_altmap *altmap)
{
	return !altmap->inaccessible;
}
#else
static inline bool is_altmap_accessible(const struct vmem_altmap *altmap)
{
	return true;
}
#endif

/* This back end defines the weak functions that fill the empty entries of a table. */
#ifndef kernel_pte_init
#define VMEMMAP_DEFINES_TABLE_INIT
#endif

/* This back end defines vmemmap_pte_populate() of linux/mm.h. */
#ifndef VMEMMAP_TAIL_MIN_ORDER
#define VMEMMAP_PUBLIC_LEVELS
#endif

/* Tables of the kernel have a constructor, and count in NR_PAGETABLE. */
#ifdef VMEMMAP_TAIL_MIN_ORDER
static inline void vmemmap_construct_table(void *table)
{
	__pagetable_ctor(virt_to_ptdesc(table));
	ptdesc_set_kernel(virt_to_ptdesc(table));
}

/*
 * Tables include those that HugeTLB made when it split a leaf. An IOMMU may walk
 * them: pagetable_free() knows when they can be freed.
 */
static inline void vmemmap_free_pages(struct page *page, unsigned int order)
{
	if (PageTable(page))
		pagetable_dtor_free(page_ptdesc(page));
	else
		__free_pages(page, order);
}
#else
static inline void vmemmap_construct_table(void *table)
{
}

static inline void vmemmap_free_pages(struct page *page, unsigned int order)
{
	__free_pages(page, order);
}
#endif

/* Free pages without a reference. */
static inline void vmemmap_free_frozen_pages(struct page *page,
					     unsigned int order)
{
#ifdef VMEMMAP_TAIL_MIN_ORDER
	free_frozen_pages(page, order);
#else
	free_unref_page(page, order);
#endif
}

/*
 * Free a page that memblock allocated. Bootmem info holds a reference to it for each
 * section that a leaf describes, and for each slot that a table maps; all of them
 * end here. The page is freed with the last one, so they are counted first.
 */
#ifdef CONFIG_HAVE_BOOTMEM_INFO_NODE
#include <linux/bootmem_info.h>

static inline void vmemmap_put_boot_page(struct page *page)
{
#ifdef VMEMMAP_TAIL_MIN_ORDER
	const unsigned long type = bootmem_type(page);
#else
	const unsigned long type = PagePrivate(page) ? page->index : 0;
#endif
	int nr_users = page_ref_count(page) - 1;

	if (type != SECTION_INFO && type != MIX_SECTION_INFO) {
		free_reserved_page(page);
		return;
	}
	while (nr_users--)
		put_page_bootmem(page);
}
#else
static inline void vmemmap_put_boot_page(struct page *page)
{
	free_reserved_page(page);
}
#endif

/* ---- All series ---- */

/* slab_is_available(), without a call for each slot that is filled */
static inline bool vmemmap_has_slab(void)
{
	return slab_state >= UP;
}

/*
 * The pages that the kernel can still allocate or reclaim, if no zone is to fall below its
 * high watermark. That is boosted by up to one and a half of itself, by default, when
 * unmovable pages take over a block of others (watermark_boost_factor in
 * Documentation/admin-guide/sysctl/vm.rst). MemAvailable of /proc/meminfo is no such
 * figure: it counts memory that is only for what can be moved, and no boost.
 */
static inline long vmemmap_nr_available(void)
{
	const enum zone_type last = gfp_zone(GFP_KERNEL);
	long free = 0, low = 0, cache, high;
	struct zone *zone;

	cache = global_node_page_state_pages(NR_SLAB_RECLAIMABLE_B) +
		global_node_page_state(NR_KERNEL_MISC_RECLAIMABLE);
	for_each_populated_zone(zone) {
		if (zone_idx(zone) > last)
			continue;
		high = zone->_watermark[WMARK_HIGH];
		free += max(0L, (long)zone_page_state(zone, NR_FREE_PAGES) -
			    (high + high * 3 / 2) - zone->lowmem_reserve[last]);
		low += low_wmark_pages(zone);
		cache += zone_page_state(zone, NR_ZONE_ACTIVE_FILE) +
			 zone_page_state(zone, NR_ZONE_INACTIVE_FILE);
	}
	/* As much of it as a watermark is in use all the time. */
	return free + max(0L, cache - low) + get_nr_swap_pages();
}

/* Is anything recorded of each page by itself when it is allocated? */
static inline bool vmemmap_has_page_records(void)
{
#ifdef CONFIG_PAGE_OWNER
	if (static_branch_unlikely(&page_owner_inited))
		return true;
#endif
	return mem_alloc_profiling_enabled();
}

#endif /* _MM_VMEMMAP_BASE_H */
