// SPDX-License-Identifier: GPL-2.0
/*
 * sparse-vmemmap.c - the tables that map memory behind the vmemmap
 *
 * Owns the page tables on the way in: what a slot holds and what it is filled
 * with. Knows addresses, and of compound pages what struct vmemmap_fill says; must
 * not know where blocks come from, or sections, or devices.
 *
 *	for each slot of [start, end):		descend once, five levels
 *		leaf there			keep it
 *		huge wanted, slot empty		one block, one PMD
 *		else				fill the PTEs of the slot flat
 *
 * Locking: single-threaded boot, or mem_hotplug_lock held for writing. No
 * page-table lock is taken: nobody else changes entries of the vmemmap that
 * are empty.
 */
#define pr_fmt(fmt) "vmemmap: " fmt

#include "vmemmap_base.h"
#include "vmemmap.h"

#define CREATE_TRACE_POINTS
#include <trace/events/sparse_vmemmap.h>

/* ---- Blocks of RAM ---- */

/*
 * @order pages from the buddy allocator: not compound, one reference. Only
 * where there is nothing smaller to fall back to is a failure worth a report.
 */
static void * __meminit vmemmap_alloc_buddy(unsigned int order, int node)
{
	const gfp_t quiet = order ? __GFP_NOWARN : 0;
	struct page *page;

	if (order > MAX_PAGE_ORDER)
		return NULL;
	page = alloc_pages_node(node, GFP_KERNEL | __GFP_RETRY_MAYFAIL | quiet,
				order);
	return page ? page_address(page) : NULL;
}

/*
 * Raw memory, aligned to its size. kmemleak shall neither scan nor report the
 * memory map, and memory below MAX_DMA_ADDRESS is left to those who need it.
 */
static void * __ref vmemmap_alloc_early(unsigned long size, int node)
{
	return memblock_alloc_try_nid_raw(size, size, __pa(MAX_DMA_ADDRESS),
					  MEMBLOCK_ALLOC_NOLEAKTRACE, node);
}

/**
 * vmemmap_alloc_block() - allocate a block of RAM
 * @size: in bytes, a power of two, at least a page; the block is aligned to it
 * @node: preferred node, or NUMA_NO_NODE
 *
 * The block is not cleared.
 *
 * Context: boot (memblock) or later (buddy allocator); may sleep in the
 * latter case.
 * Return: the address in the direct map; NULL if there is no such memory. It is
 * reported if not even a page can be had later.
 */
void * __meminit vmemmap_alloc_block(unsigned long size, int node)
{
	KUNIT_STATIC_STUB_REDIRECT(vmemmap_alloc_block, size, node);

	if (slab_is_available())
		return vmemmap_alloc_buddy(get_order(size), node);
	return vmemmap_alloc_early(size, node);
}

/* For the blocks that boot asks for next; @size is yet to be searched for. */
static struct {
	unsigned long size;
	int nid;
	void *start;
	void *end;
} aside __meminitdata;

void __meminit vmemmap_set_aside(unsigned long size, int nid)
{
	aside.size = size;
	aside.nid = nid;
}

static void __ref search_aside(void)
{
	const unsigned long size = aside.size;
	const unsigned long align = size < PMD_SIZE ? PAGE_SIZE : PMD_SIZE;

	aside.start = memblock_alloc_exact_nid_raw(size, align,
						   __pa(MAX_DMA_ADDRESS),
						   MEMBLOCK_ALLOC_NOLEAKTRACE,
						   aside.nid);
	aside.end = aside.start ? aside.start + size : NULL;
	aside.size = 0;
}

/* Give back what lies before @next. */
static void __ref put_aside(void *next)
{
	memblock_free(aside.start, next - aside.start);
	aside.start = next;
}

void __meminit vmemmap_put_aside(void)
{
	aside.size = 0;
	if (aside.end > aside.start)
		put_aside(aside.end);
}

static void * __meminit alloc_aside(unsigned long size)
{
	void *block;

	if (aside.size)
		search_aside();
	block = PTR_ALIGN(aside.start, size);
	if (aside.start == aside.end || block + size > aside.end)
		return NULL;
	if (block > aside.start)
		put_aside(block);
	aside.start += size;
	return block;
}

/* Pages from the buddy allocator that are blocks soon; mem_hotplug_lock guards them. */
#define VMEMMAP_NR_SPARE	512
static struct {
	struct page *pages[VMEMMAP_NR_SPARE];
	unsigned int next;
	unsigned int nr;
	unsigned long nr_expected;
} spare;

unsigned int __meminit vmemmap_alloc_pages(struct page **pages, unsigned int nr,
					   int node)
{
	const gfp_t gfp = GFP_KERNEL | __GFP_RETRY_MAYFAIL | __GFP_NOWARN;

	KUNIT_STATIC_STUB_REDIRECT(vmemmap_alloc_pages, pages, nr, node);

	return alloc_pages_bulk_node(gfp, node, nr, pages);
}

static struct page * __meminit next_spare(void)
{
	struct page *page = spare.pages[spare.next];

	spare.pages[spare.next++] = NULL;
	return page;
}

/* One of the pages that are expected, if there can be several by one call. */
static void * __meminit alloc_spare(int node)
{
	const unsigned long nr = spare.nr_expected--;

	if (spare.next == spare.nr) {
		spare.next = 0;
		spare.nr = nr == 1 ? 0 :
			   vmemmap_alloc_pages(spare.pages,
					       min(nr, ARRAY_SIZE(spare.pages)),
					       node);
	}
	return spare.next < spare.nr ? page_address(next_spare()) : NULL;
}

void __meminit vmemmap_expect_pages(unsigned long nr)
{
	while (spare.next < spare.nr)
		vmemmap_free_pages(next_spare(), 0);
	spare.nr_expected = slab_is_available() ? nr : 0;
}

/**
 * vmemmap_alloc_block_buf() - allocate a block from where the caller says
 * @size: in bytes; see vmemmap_alloc_block(). An altmap also gives multiples
 *	of a page that are no power of two
 * @node: preferred node; means nothing to an altmap
 * @altmap: take it from this device and from nowhere else; NULL: from RAM,
 *	first from what was set aside for the node's memory map at boot
 *
 * Context: see vmemmap_alloc_block().
 * Return: the address in the direct map; NULL if there is no such memory. A
 * failed try changes nothing.
 */
void * __meminit vmemmap_alloc_block_buf(unsigned long size, int node,
					 struct vmem_altmap *altmap)
{
	void *block;

	if (altmap)
		return vmemmap_alloc_altmap_block(altmap, size);
	block = size == PAGE_SIZE && spare.nr_expected ?
		alloc_spare(node) : sparse_buffer_alloc(size);
	return block ?: alloc_aside(size) ?: vmemmap_alloc_block(size, node);
}

/* A page of another device is none; it may have no struct page at all. */
static bool is_ram(unsigned long pfn)
{
	return pfn_valid(pfn) && !is_zone_device_page(pfn_to_page(pfn));
}

static void put_ram_block(unsigned long pfn, unsigned int order,
			  unsigned int nr_refs)
{
	struct page *page = pfn_to_page(pfn);
	unsigned long i;

	if (PageReserved(page)) {
		for (i = 0; i < 1UL << order; i++)
			vmemmap_put_boot_page(pfn_to_page(pfn + i));
	} else {
		page_ref_sub(page, nr_refs - 1);
		vmemmap_free_pages(page, order);
	}
}

void __ref vmemmap_put_block(unsigned long pfn, unsigned int order,
			     unsigned int nr_refs, struct vmem_altmap *altmap)
{
	KUNIT_STATIC_STUB_REDIRECT(vmemmap_put_block, pfn, order, nr_refs,
				   altmap);

	if (altmap && vmemmap_put_altmap_block(altmap, pfn, order))
		return;
	if (!slab_is_available())
		memblock_free(__va(PFN_PHYS(pfn)), PAGE_SIZE << order);
	else if (!WARN_ONCE(!is_ram(pfn),
			    "vmemmap: pfn %#lx, order %u: no RAM to be freed\n",
			    pfn, order))
		put_ram_block(pfn, order, nr_refs);
}

/* ---- Tables ---- */

#ifdef VMEMMAP_DEFINES_TABLE_INIT
/*
 * Where an empty entry is not zero, the architecture fills new tables.
 */
void __weak __meminit kernel_pte_init(void *addr)
{
}

void __weak __meminit pmd_init(void *addr)
{
}

void __weak __meminit pud_init(void *addr)
{
}
#endif

static void * __meminit vmemmap_alloc_table(int node)
{
	void *table = vmemmap_alloc_block(PAGE_SIZE, node);

	if (!table)
		return NULL;

	memset(table, 0, PAGE_SIZE);
	/* At boot there is no struct page yet to note it in. */
	if (slab_is_available())
		vmemmap_construct_table(table);
	return table;
}

/*
 * vmemmap_<level>_populate(): the entry of that level for @addr, with a table
 * of the next level below it. An entry that is not empty is returned as it is,
 * be it a table or a leaf. NULL if the table cannot be had.
 */
pgd_t * __meminit vmemmap_pgd_populate(unsigned long addr,
						     int node)
{
	pgd_t *pgd = pgd_offset_k(addr);
	void *table;

	if (!pgd_none(pgdp_get(pgd)))
		return pgd;

	table = vmemmap_alloc_table(node);
	if (!table)
		return NULL;
	pgd_populate_kernel(addr, pgd, table);
	return pgd;
}

p4d_t * __meminit vmemmap_p4d_populate(pgd_t *pgd,
						     unsigned long addr,
						     int node)
{
	p4d_t *p4d = p4d_offset(pgd, addr);
	void *table;

	if (!p4d_none(p4dp_get(p4d)))
		return p4d;

	table = vmemmap_alloc_table(node);
	if (!table)
		return NULL;
	pud_init(table);
	p4d_populate_kernel(addr, p4d, table);
	return p4d;
}

pud_t * __meminit vmemmap_pud_populate(p4d_t *p4d,
						     unsigned long addr,
						     int node)
{
	pud_t *pud = pud_offset(p4d, addr);
	void *table;

	if (!pud_none(pudp_get(pud)))
		return pud;

	table = vmemmap_alloc_table(node);
	if (!table)
		return NULL;
	pmd_init(table);
	pud_populate(&init_mm, pud, table);
	return pud;
}

pmd_t * __meminit vmemmap_pmd_populate(pud_t *pud,
						     unsigned long addr,
						     int node)
{
	pmd_t *pmd = pmd_offset(pud, addr);
	void *table;

	if (!pmd_none(pmdp_get(pmd)))
		return pmd;

	table = vmemmap_alloc_table(node);
	if (!table)
		return NULL;
	kernel_pte_init(table);
	pmd_populate_kernel(&init_mm, pmd, table);
	return pmd;
}

pud_t * __meminit vmemmap_descend(unsigned long addr, int node)
{
	pgd_t *pgd;
	p4d_t *p4d;
	pud_t *pud;

	pgd = vmemmap_pgd_populate(addr, node);
	if (!pgd)
		return ERR_PTR(-ENOMEM);
	if (pgd_leaf(pgdp_get(pgd)))
		return ERR_PTR(-EEXIST);

	p4d = vmemmap_p4d_populate(pgd, addr, node);
	if (!p4d)
		return ERR_PTR(-ENOMEM);
	if (p4d_leaf(p4dp_get(p4d)))
		return ERR_PTR(-EEXIST);

	pud = vmemmap_pud_populate(p4d, addr, node);
	if (!pud)
		return ERR_PTR(-ENOMEM);
	if (pud_leaf(pudp_get(pud)))
		return ERR_PTR(-EEXIST);

	return pud;
}

pmd_t *vmemmap_find_slot(unsigned long addr)
{
	pgd_t *pgd = pgd_offset_k(addr);
	p4d_t *p4d;
	pud_t *pud;

	if (pgd_none(pgdp_get(pgd)) || pgd_leaf(pgdp_get(pgd)))
		return NULL;
	p4d = p4d_offset(pgd, addr);
	if (p4d_none(p4dp_get(p4d)) || p4d_leaf(p4dp_get(p4d)))
		return NULL;
	pud = pud_offset(p4d, addr);
	if (pud_none(pudp_get(pud)) || pud_leaf(pudp_get(pud)))
		return NULL;
	return pmd_offset(pud, addr);
}

/* The PTE for an address, if something is mapped there by one. */
static pte_t *vmemmap_find_pte(unsigned long addr)
{
	pmd_t *pmd = vmemmap_find_slot(addr);
	pte_t *pte;

	if (!pmd || pmd_none(pmdp_get(pmd)) || pmd_leaf(pmdp_get(pmd)))
		return NULL;
	pte = pte_offset_kernel(pmd, addr);
	return pte_none(ptep_get(pte)) ? NULL : pte;
}

struct page *vmemmap_lookup_page(unsigned long addr)
{
	pte_t *pte = vmemmap_find_pte(addr);

	return pte ? pte_page(ptep_get(pte)) : NULL;
}

/* ---- Blocks of a device ---- */

static unsigned long altmap_start(const struct vmem_altmap *altmap)
{
	return altmap->base_pfn + altmap->reserve;
}

static unsigned long altmap_end(const struct vmem_altmap *altmap)
{
	return altmap_start(altmap) + altmap->free;
}

bool vmemmap_is_altmap_pfn(const struct vmem_altmap *altmap, unsigned long pfn)
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
	if (!vmemmap_is_altmap_pfn(hole->altmap, pfn))
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

/* ---- Leaves ---- */

/* NUMA_NO_NODE if it is not known, as for the memory of a device. */
static int __meminit vmemmap_pfn_to_nid(unsigned long pfn)
{
	struct page *page;

	if (!slab_is_available())
		return early_pfn_to_nid(pfn);

	page = pfn_to_online_page(pfn);
	return page ? page_to_nid(page) : NUMA_NO_NODE;
}

/**
 * vmemmap_verify() - tell if a leaf is backed by memory of another node
 * @pte: the leaf, of any level
 * @node: node whose page frames are described
 * @start: first address of the range that the leaf stands for
 * @end: end of that range
 *
 * Memory that is as near as the node's own is no reason to complain.
 *
 * Context: see vmemmap_alloc_block(); does not sleep.
 */
void __meminit vmemmap_verify(pte_t *pte, int node, unsigned long start,
			      unsigned long end)
{
	const int nid = vmemmap_pfn_to_nid(pte_pfn(ptep_get(pte)));

	if (nid == NUMA_NO_NODE || node == NUMA_NO_NODE)
		return;
	if (node_distance(nid, node) > LOCAL_DISTANCE)
		pr_warn_ratelimited("[%#lx-%#lx) of node %d lies on node %d\n",
				    start, end, node, nid);
}

/**
 * vmemmap_set_pmd() - make an empty slot a leaf
 * @pmd: the slot
 * @p: the block, PMD_SIZE bytes, address in the direct map
 * @node: node whose page frames are described
 * @addr: first address in the slot that is in use
 * @next: end of what is in use in the slot
 *
 * Weak: an architecture with other attributes supplies its own. A slot that is
 * still empty afterwards says that it refused.
 *
 * Context: as for vmemmap_fill_range().
 */
void __weak __meminit vmemmap_set_pmd(pmd_t *pmd, void *p, int node,
				      unsigned long addr, unsigned long next)
{
	const bool is_set = pmd_set_huge(pmd, __pa(p), PAGE_KERNEL);

	VM_WARN_ON_ONCE(!is_set);
}

/**
 * vmemmap_check_pmd() - a slot that is in use by others shall be used for more
 * @pmd: the slot, which is not empty
 * @node: node whose page frames are described
 * @addr: first address in the slot to be used
 * @next: end of what is to be used in the slot
 *
 * Weak: an architecture that keeps book of what is in use in a leaf supplies
 * its own.
 *
 * Context: as for vmemmap_fill_range().
 * Return: 0 if the slot is a table and must be filled, else it is a leaf.
 */
int __weak __meminit vmemmap_check_pmd(pmd_t *pmd, int node,
				       unsigned long addr, unsigned long next)
{
	return pmd_leaf(pmdp_get(pmd));
}

void vmemmap_wrprotect_range(unsigned long start, unsigned long end)
{
	unsigned long addr;

	for (addr = start; addr < end; addr += PAGE_SIZE) {
		pte_t *pte = vmemmap_find_pte(addr);

		VM_WARN_ON_ONCE(!pte);
		if (pte)
			ptep_set_wrprotect(&init_mm, addr, pte);
	}
}
