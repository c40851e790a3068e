// SPDX-License-Identifier: GPL-2.0
/*
 * sparse-vmemmap.c - blocks and page tables for the vmemmap
 *
 * Owns where a block comes from and where it goes back to: memblock at boot, the
 * buddy allocator later, or the memory of a device (struct vmem_altmap). Owns the
 * page tables from the top down to a slot, and the weak functions that an
 * architecture may override. Must not know what a slot is filled with, or what a
 * section is.
 *
 * See mm/vmemmap.h for the terms and for the locking rule.
 */
#define pr_fmt(fmt) "vmemmap: " fmt

#include "vmemmap_base.h"
#include "vmemmap.h"
#include <linux/vmemmap.h>

#define CREATE_TRACE_POINTS
#include <trace/events/sparse_vmemmap.h>

/* ---- Blocks of RAM ---- */

/*
 * The order of asking the buddy allocator. Memory is added when memory is short, so
 * what can do with less neither reclaims nor compacts:
 *
 *	a huge leaf	the node		without reclaim; then base pages
 *	base pages	the node		without reclaim, as large rows, then alone
 *			the node		with reclaim, one by one
 *			others, nearest first	with reclaim, one by one
 *			any			what was free on the lists of CPUs
 *
 * None of it calls the OOM killer, and only reclaim uses the reserves. For a node that
 * has no memory for the kernel, and for NUMA_NO_NODE, the nearest nodes are asked at
 * once. The cpuset of the caller counts, its memory policy does not.
 */
static inline bool __meminit has_memory(int node)
{
	return node != NUMA_NO_NODE && node_state(node, N_NORMAL_MEMORY);
}

static inline struct page * __meminit alloc_quickly(unsigned int order, int node)
{
	gfp_t gfp = (GFP_KERNEL & ~__GFP_RECLAIM) | __GFP_NOMEMALLOC |
		    __GFP_NOWARN;

	if (order > MAX_PAGE_ORDER)
		return NULL;
	if (nr_online_nodes > 1 && has_memory(node))
		gfp |= __GFP_THISNODE;
	return alloc_pages_node(node, gfp, order);
}

/* Is @nid more distant than what @node could have given? */
static bool __meminit is_distant(int nid, int node)
{
	if (nr_online_nodes == 1 || nid == NUMA_NO_NODE || node == NUMA_NO_NODE)
		return false;
	if (vmemmap_has_slab() && !has_memory(node))
		return false;
	return node_distance(nid, node) > LOCAL_DISTANCE;
}

/*
 * What an add, or the memory map of a node at boot, has got from more distant nodes so
 * far; mem_hotplug_lock guards it.
 */
static struct {
	unsigned long nr_pages;
	int nid;			/* that they were meant for */
	nodemask_t nodes;		/* where they lie */
} distant;

static void __meminit note_distant(int nid, unsigned long size, int node)
{
	if (!is_distant(nid, node))
		return;
	distant.nr_pages += PHYS_PFN(size);
	distant.nid = node;
	node_set(nid, distant.nodes);
}

/**
 * vmemmap_populate_print_last() - end an add: report what lies on more distant nodes
 *
 * One line for all that was allocated since the last call, tables included. Nothing
 * is reported for a node that has no memory for the kernel. See also
 * vmemmap_flush_zeros().
 *
 * Context: at the end of __add_pages() and of sparse_init(); see mm/vmemmap.h.
 */
void __meminit vmemmap_populate_print_last(void)
{
	vmemmap_flush_zeros();
	if (!distant.nr_pages)
		return;
	pr_warn_ratelimited("%lu KiB of the memory map of node %d lie on node %*pbl\n",
			    distant.nr_pages * (PAGE_SIZE / SZ_1K), distant.nid,
			    nodemask_pr_args(&distant.nodes));
	distant.nr_pages = 0;
	nodes_clear(distant.nodes);
}

/*
 * As alloc_quickly(), but with reclaim. A failure is reported for a single page only,
 * since a larger block gives way to pages. Reclaim that did not help takes long: once
 * the add has got a page from a more distant node, it is not tried for this node again.
 * Nor does it take back what is free on the lists of CPUs, up to an eighth of a zone.
 */
static struct page * __meminit alloc_patiently(unsigned int order, int node)
{
	const gfp_t gfp = GFP_KERNEL | __GFP_RETRY_MAYFAIL;
	struct page *page = NULL;

	if (order > MAX_PAGE_ORDER)
		return NULL;
	if (!order && has_memory(node) && num_node_state(N_NORMAL_MEMORY) > 1 &&
	    !(distant.nr_pages && distant.nid == node))
		page = alloc_pages_node(node, gfp | __GFP_THISNODE | __GFP_NOWARN, 0);
	if (!page)
		page = alloc_pages_node(node, gfp | __GFP_NOWARN, order);
	if (!page && !order) {
		drain_all_pages(NULL);
		page = alloc_pages_node(node, gfp, 0);
	}
	if (page)
		note_distant(page_to_nid(page), PAGE_SIZE << order, node);
	return page;
}

/* A block of the buddy allocator: not compound, one reference. */
static void * __meminit alloc_buddy(unsigned int order, int node)
{
	struct page *page = alloc_quickly(order, node) ?:
			    alloc_patiently(order, node);

	return page ? page_address(page) : NULL;
}

/*
 * Memory of memblock for the memory map, poisoned with CONFIG_DEBUG_VM and not
 * cleared. kmemleak neither scans nor reports it. Memory below MAX_DMA_ADDRESS is
 * left to those who need it.
 */
static void * __ref alloc_memblock(unsigned long size, unsigned long align,
				   int node, bool exact_node)
{
	return vmemmap_memblock_alloc(size, align, __pa(MAX_DMA_ADDRESS), node,
				      exact_node);
}

/* One block, from another node if need be. */
static void * __ref alloc_lone_memblock(unsigned long size, int node)
{
	void *block = alloc_memblock(size, size, node, false);

	if (block)
		note_distant(early_pfn_to_nid(PHYS_PFN(__pa(block))), size, node);
	return block;
}

/**
 * vmemmap_alloc_block() - allocate a block of RAM
 * @size: in bytes, a power of two, at least a page; the block is aligned to it
 * @node: preferred node, or NUMA_NO_NODE
 *
 * The block is not cleared.
 *
 * Context: boot (memblock) or later (buddy allocator, may sleep).
 * Return: the address in the direct map; NULL if there is no such block, which
 * the page allocator reports if a single page was asked for.
 */
void * __meminit vmemmap_alloc_block(unsigned long size, int node)
{
	KUNIT_STATIC_STUB_REDIRECT(vmemmap_alloc_block, size, node);

	if (vmemmap_has_slab())
		return alloc_buddy(get_order(size), node);
	return alloc_lone_memblock(size, node);
}

/*
 * The boot buffer: memory for the blocks that boot asks for next, so that a few
 * searches of memblock serve a whole range. It is searched for lazily, when a
 * block is asked for that neither sparse_init()'s own buffer nor what is left of
 * this one has.
 */
static struct {
	unsigned long size;		/* in bytes, yet to be searched for */
	unsigned long max_piece;	/* no larger piece can be allocated */
	int nid;
	unsigned long start;		/* what is left: [start, end) */
	unsigned long end;
} boot_buffer __meminitdata;

/*
 * For a piece that mirrored memory cannot hold, memblock takes other memory. Block
 * by block, the memory map is mirrored as far as there is room.
 */
void __ref vmemmap_open_boot_buffer(unsigned long size, int nid)
{
	boot_buffer.size = memblock_has_mirror() ? 0 : size;
	boot_buffer.max_piece = boot_buffer.size;
	boot_buffer.nid = nid;
}

/* Give what lies before @next back to memblock. */
static void __ref boot_buffer_trim(unsigned long next)
{
	if (next > boot_buffer.start)
		memblock_free((void *)boot_buffer.start, next - boot_buffer.start);
	boot_buffer.start = next;
}

/*
 * Search for as large a piece as may be asked for, halved until there is one, down
 * to what a PMD leaf needs. It is aligned for the block that is asked for first.
 */
static void __meminit boot_buffer_fill(unsigned long align)
{
	unsigned long size = min(boot_buffer.size, boot_buffer.max_piece);
	void *piece;

	boot_buffer_trim(boot_buffer.end);
	do {
		piece = alloc_memblock(size, align, boot_buffer.nid, true);
		if (piece)
			break;
		size = ALIGN_DOWN(size / 2, PMD_SIZE);
	} while (size);

	boot_buffer.start = (unsigned long)piece;
	boot_buffer.end = boot_buffer.start + size;
	boot_buffer.size = size ? boot_buffer.size - size : 0;
	boot_buffer.max_piece = size;
}

void __meminit vmemmap_close_boot_buffer(void)
{
	boot_buffer.size = 0;
	boot_buffer_trim(boot_buffer.end);
}

/* Does the piece start with a block of @size? Never after boot. */
static bool __meminit boot_buffer_has(unsigned long size)
{
	return boot_buffer.start + size <= boot_buffer.end &&
	       IS_ALIGNED(boot_buffer.start, size);
}

static void * __meminit boot_buffer_take(unsigned long size)
{
	void *block = (void *)boot_buffer.start;

	boot_buffer.start += size;
	return block;
}

/*
 * A block that the piece does not start with: go on in the piece, or search for
 * another one, or for the block alone.
 */
static void * __meminit alloc_boot_buffer(unsigned long size, int node)
{
	const unsigned long block = ALIGN(boot_buffer.start, size);

	if (block + size <= boot_buffer.end)
		boot_buffer_trim(block);
	else if (size <= boot_buffer.size)
		boot_buffer_fill(size);
	return boot_buffer_has(size) ? boot_buffer_take(size) :
				       alloc_lone_memblock(size, node);
}

/* sparse_init()'s own buffer comes first. */
static void * __meminit alloc_boot_block(unsigned long size, int node)
{
	return sparse_buffer_alloc(size) ?: alloc_boot_buffer(size, node);
}

/* ---- Tables ---- */

#ifdef VMEMMAP_DEFINES_TABLE_INIT
/* An architecture whose empty entries are not zero overrides these. */
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

static void * __meminit alloc_table(int node)
{
	void *table = vmemmap_alloc_block(PAGE_SIZE, node);

	if (!table)
		return NULL;

	memset(table, 0, PAGE_SIZE);
	/* A table from boot has no struct page yet to be constructed. */
	if (vmemmap_has_slab())
		vmemmap_construct_table(table);
	return table;
}

pgd_t * __meminit vmemmap_pgd_populate(unsigned long addr, int node)
{
	pgd_t *pgd = pgd_offset_k(addr);
	void *table;

	if (!pgd_none(pgdp_get(pgd)))
		return pgd;

	table = alloc_table(node);
	if (!table)
		return NULL;
	pgd_populate_kernel(addr, pgd, table);
	return pgd;
}

p4d_t * __meminit vmemmap_p4d_populate(pgd_t *pgd, unsigned long addr,
				       int node)
{
	p4d_t *p4d = p4d_offset(pgd, addr);
	void *table;

	if (!p4d_none(p4dp_get(p4d)))
		return p4d;

	table = alloc_table(node);
	if (!table)
		return NULL;
	pud_init(table);
	p4d_populate_kernel(addr, p4d, table);
	return p4d;
}

pud_t * __meminit vmemmap_pud_populate(p4d_t *p4d, unsigned long addr,
				       int node)
{
	pud_t *pud = pud_offset(p4d, addr);
	pud_t old = pudp_get(pud);
	void *table;

	if (!vmemmap_pud_none(old))
		return pud;

	table = alloc_table(node);
	if (!table)
		return NULL;
	pmd_init(table);
	/* What led to zeros still does where it is not filled. */
	if (!pud_none(old))
		copy_page(table, pmd_offset(&old, ALIGN_DOWN(addr, PUD_SIZE)));
	pud_populate(&init_mm, pud, table);
	return pud;
}

bool __meminit vmemmap_populate_slot(pmd_t *pmd, int node)
{
	const pmd_t old = pmdp_get(pmd);
	void *table;

	if (!vmemmap_pmd_none(old))
		return true;

	table = alloc_table(node);
	if (!table)
		return false;
	kernel_pte_init(table);
	/* What led to zeros still does where it is not filled. */
	if (!pmd_none(old))
		copy_page(table, (void *)pmd_page_vaddr(old));
	pmd_populate_kernel(&init_mm, pmd, table);
	return true;
}

pmd_t * __meminit vmemmap_pmd_populate(pud_t *pud, unsigned long addr,
				       int node)
{
	pmd_t *pmd = pmd_offset(pud, addr);

	return vmemmap_populate_slot(pmd, node) ? pmd : NULL;
}

/* ---- What is mapped ---- */

pmd_t *vmemmap_find_slot(unsigned long addr)
{
	pgd_t *pgd = pgd_offset_k(addr);
	pgd_t pgd_entry = pgdp_get(pgd);
	p4d_t *p4d;
	p4d_t p4d_entry;
	pud_t *pud;
	pud_t pud_entry;

	if (pgd_none(pgd_entry) || pgd_leaf(pgd_entry))
		return NULL;
	p4d = p4d_offset(pgd, addr);
	p4d_entry = p4dp_get(p4d);
	if (p4d_none(p4d_entry) || p4d_leaf(p4d_entry))
		return NULL;
	pud = pud_offset(p4d, addr);
	pud_entry = pudp_get(pud);
	if (vmemmap_pud_none(pud_entry) || pud_leaf(pud_entry))
		return NULL;
	return pmd_offset(pud, addr);
}

/* ---- Stand-ins ----
 *
 * Compaction, /proc/kpageflags and others look at the struct page of a page frame that
 * they have checked some time ago, and hold nothing that keeps its memory. So what they
 * look at must never be unmapped: the entry of a leaf or a table that is freed points to
 * a table that maps zeros, read-only. They see a page that is neither free nor in use.
 *
 *	PUD | table of PMDs, shared by all | table of PTEs, shared by all | page of zeros
 *
 * There is none for a table of PUDs, which stays, nor for the tail page of a zone, which only
 * devices map: nobody looks at their page frames unasked. The TLB may know the zeros when the
 * entry is used again: it is flushed before anybody writes there.
 */

#ifdef CONFIG_SPARSEMEM_VMEMMAP_STAND_IN
struct vmemmap_stand_in vmemmap_stand_in __ro_after_init;

static int __init make_stand_ins(void)
{
	struct vmemmap_stand_in zeros = {
		.pte = pfn_pte(page_to_pfn(ZERO_PAGE(0)), PAGE_KERNEL_RO),
	};
	unsigned int i;
	pmd_t *pmds;
	pte_t *ptes;

	if (!vmemmap_may_stand_in())
		return 0;
	ptes = alloc_table(NUMA_NO_NODE);
	if (!ptes)
		return -ENOMEM;
	pmds = alloc_table(NUMA_NO_NODE);
	if (!pmds) {
		vmemmap_put_block(PHYS_PFN(__pa(ptes)), 0, 1, NULL);
		return -ENOMEM;
	}
	pmd_populate_kernel(&init_mm, &zeros.pmd, ptes);
	pud_populate(&init_mm, &zeros.pud, pmds);
	for (i = 0; i < PTRS_PER_PTE; i++)
		set_pte(&ptes[i], zeros.pte);
	for (i = 0; i < PTRS_PER_PMD; i++)
		set_pmd(&pmds[i], zeros.pmd);
	vmemmap_stand_in = zeros;
	return 0;
}
postcore_initcall(make_stand_ins);

void __meminit vmemmap_flush_zeros(void)
{
	if (!pmd_none(vmemmap_stand_in.pmd))
		flush_tlb_all();
}
#endif

/* The PTE that maps an address; NULL if none does. */
static pte_t *find_pte(unsigned long addr)
{
	pmd_t *pmd = vmemmap_find_slot(addr);
	pte_t *pte;

	if (!pmd || vmemmap_pmd_none(pmdp_get(pmd)) || pmd_leaf(pmdp_get(pmd)))
		return NULL;
	pte = pte_offset_kernel(pmd, addr);
	return vmemmap_pte_none(ptep_get(pte)) ? NULL : pte;
}

struct page *vmemmap_lookup_page(unsigned long addr)
{
	pte_t *pte = find_pte(addr);

	return pte ? pte_page(ptep_get(pte)) : NULL;
}

/* The PTEs of [addr, next), which lie in one table, that map something, in bytes. */
static unsigned long __init nr_base_bytes(pte_t *pte, unsigned long addr,
					  unsigned long next)
{
	unsigned long nr_bytes = 0;

	for (; addr < next; addr += PAGE_SIZE, pte++)
		if (!vmemmap_pte_none(ptep_get(pte)))
			nr_bytes += PAGE_SIZE;
	return nr_bytes;
}

void __init vmemmap_count_mapped(unsigned long start, unsigned long end,
				 struct vmemmap_mapped *mapped)
{
	unsigned long addr, next;

	for (addr = start; addr < end; addr = next) {
		pmd_t *pmd = vmemmap_find_slot(addr);

		next = vmemmap_span_end(addr, end, PMD_SIZE);
		if (!pmd || vmemmap_pmd_none(pmdp_get(pmd)))
			continue;
		if (pmd_leaf(pmdp_get(pmd)))
			mapped->huge += next - addr;
		else
			mapped->base += nr_base_bytes(pte_offset_kernel(pmd, addr),
						      addr, next);
	}
}

void vmemmap_wrprotect_range(unsigned long start, unsigned long end)
{
	unsigned long addr;

	for (addr = start; addr < end; addr += PAGE_SIZE) {
		pte_t *pte = find_pte(addr);

		VM_WARN_ON_ONCE(!pte);
		if (pte)
			ptep_set_wrprotect(&init_mm, addr, pte);
	}
}

/* Nobody can write to a tail page that many compound pages share. */
static bool is_shared(pte_t pte)
{
	return !vmemmap_pte_none(pte) && !pte_write(pte);
}

unsigned long vmemmap_nr_shared(unsigned long addr, unsigned long end)
{
	unsigned long next, nr = 0;

	for (; addr < end; addr = next) {
		pmd_t *pmd = vmemmap_find_slot(addr);
		pte_t *pte;

		next = vmemmap_span_end(addr, end, PMD_SIZE);
		if (!pmd || vmemmap_pmd_none(pmdp_get(pmd)) || pmd_leaf(pmdp_get(pmd)))
			continue;
		pte = pte_offset_kernel(pmd, addr);
		for (; addr < next; addr += PAGE_SIZE, pte++)
			nr += is_shared(ptep_get(pte));
	}
	return nr;
}

unsigned long vmemmap_run_end(unsigned long addr, unsigned long end,
			      bool shared)
{
	unsigned long next;

	for (; addr < end; addr = next) {
		pmd_t *pmd = vmemmap_find_slot(addr);
		pte_t *pte;

		next = vmemmap_span_end(addr, end, PMD_SIZE);
		if (!pmd || vmemmap_pmd_none(pmdp_get(pmd)) || pmd_leaf(pmdp_get(pmd))) {
			if (shared)
				return addr;
			continue;
		}
		pte = pte_offset_kernel(pmd, addr);
		for (; addr < next; addr = PAGE_ALIGN(addr + 1), pte++)
			if (is_shared(ptep_get(pte)) != shared)
				return addr;
	}
	return end;
}

/* ---- Blocks of a device ----
 *
 * An altmap has two counters and no room for more, since callers copy the struct,
 * and the memory of a device may be out of reach. Blocks are cut in ascending
 * order from the window of the altmap, each aligned to the largest power of two
 * that divides its length:
 *
 *	base	  + reserve				 + reserve + free
 *	| driver  | block | hole | block | padding | block |	  | unused
 *		   <------------ alloc + align -----------> next
 *
 * Blocks that come back in another order than they were cut leave holes. When the
 * end of the window is reached, the page tables of the device's memory map tell
 * holes from blocks. They are walked once for all base pages of a slot.
 */

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

/* The padding counts only while something is allocated. */
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

/* Note the block of a leaf as in use. Returns the pages of it in the window. */
static unsigned long __meminit mark_leaf(const struct vmem_altmap *altmap,
					 unsigned long *used, unsigned long pfn,
					 unsigned long nr_pfns)
{
	if (!vmemmap_is_altmap_pfn(altmap, pfn))
		return 0;
	bitmap_set(used, pfn - altmap_start(altmap), nr_pfns);
	return nr_pfns;
}

/* The same for the leaves of [addr, next), which lies in one slot. */
static unsigned long __meminit mark_slot(const struct vmem_altmap *altmap,
					 unsigned long *used,
					 unsigned long addr, unsigned long next)
{
	pmd_t *pmd = vmemmap_find_slot(addr);
	unsigned long nr = 0;
	pte_t *pte;

	if (!pmd || vmemmap_pmd_none(pmdp_get(pmd)))
		return 0;
	if (pmd_leaf(pmdp_get(pmd)))
		return mark_leaf(altmap, used, pmd_pfn(pmdp_get(pmd)),
				 1UL << PMD_ORDER);

	pte = pte_offset_kernel(pmd, addr);
	for (; addr < next; addr += PAGE_SIZE, pte++)
		if (!vmemmap_pte_none(ptep_get(pte)))
			nr += mark_leaf(altmap, used, pte_pfn(ptep_get(pte)), 1);
	return nr;
}

/* The same for all leaves of the device's memory map. */
static unsigned long __meminit mark_leaves(const struct vmem_altmap *altmap,
					   unsigned long *used)
{
	unsigned long addr = (unsigned long)pfn_to_page(altmap->base_pfn);
	unsigned long end = (unsigned long)pfn_to_page(altmap->end_pfn + 1);
	unsigned long next, nr = 0;

	for (; addr < end; addr = next) {
		next = vmemmap_span_end(addr, end, PMD_SIZE);
		nr += mark_slot(altmap, used, addr, next);
		cond_resched();
	}
	return nr;
}

/*
 * Which pages of the window are in use: a bit for each. NULL if blocks are allocated
 * that no leaf maps (yet, or any more), since their place is unknown.
 */
static unsigned long * __meminit altmap_used(const struct vmem_altmap *altmap)
{
	unsigned long *used = kvcalloc(BITS_TO_LONGS(altmap->free),
				       sizeof(*used), GFP_KERNEL);

	if (used && mark_leaves(altmap, used) != altmap->alloc) {
		kvfree(used);
		return NULL;
	}
	return used;
}

/*
 * The lowest hole for a block of @nr_pfns; the end of the window if there is none. Not
 * inline, so that other blocks save no registers for it.
 */
static noinline unsigned long __meminit
altmap_find_hole(const struct vmem_altmap *altmap, unsigned long nr_pfns,
		 struct vmemmap_holes *holes)
{
	const unsigned long start = altmap_start(altmap);
	const unsigned long align_mask = (nr_pfns & -nr_pfns) - 1;
	unsigned long at;

	if (!holes->used)
		holes->used = altmap_used(altmap);
	if (!holes->used)
		return altmap_end(altmap);

	at = bitmap_find_next_zero_area_off(holes->used, altmap->free,
					    holes->next, nr_pfns, align_mask,
					    start & align_mask);
	if (at >= altmap->free)
		return altmap_end(altmap);
	bitmap_set(holes->used, at, nr_pfns);
	holes->next = at + nr_pfns;
	return start + at;
}

static void __meminit forget_holes(struct vmemmap_holes *holes)
{
	/* Mostly there is nothing to free. */
	if (!holes->used)
		return;
	kvfree(holes->used);
}

/*
 * Take a block; @next is the end of the last one then. Returns its address in the direct
 * map, which need not be present.
 */
static inline void * __meminit altmap_cut(struct vmem_altmap *altmap,
					  unsigned long pfn,
					  unsigned long nr_pfns,
					  unsigned long next)
{
	altmap->alloc += nr_pfns;
	altmap->align = next - altmap_start(altmap) - altmap->alloc;
	return __va(PFN_PHYS(pfn));
}

/* NULL if @size is no multiple of a page, or if there is no room. */
static void * __meminit alloc_altmap_block(struct vmem_altmap *altmap,
					   unsigned long size,
					   struct vmemmap_holes *holes)
{
	const unsigned long nr_pfns = PHYS_PFN(size);
	unsigned long pfn;

	if (!nr_pfns || !PAGE_ALIGNED(size) ||
	    altmap->alloc + nr_pfns > altmap->free)
		return NULL;

	pfn = block_align(altmap_next(altmap), nr_pfns);
	if (pfn + nr_pfns <= altmap_end(altmap))
		return altmap_cut(altmap, pfn, nr_pfns, pfn + nr_pfns);
	pfn = altmap_find_hole(altmap, nr_pfns, holes);
	if (pfn == altmap_end(altmap))
		return NULL;
	/* The hole may reach beyond the last block. */
	return altmap_cut(altmap, pfn, nr_pfns,
			  max(altmap_next(altmap), pfn + nr_pfns));
}

/* Not inline, so that a block of RAM needs no memory for what is known of holes. */
static noinline void * __meminit
alloc_lone_altmap_block(struct vmem_altmap *altmap, unsigned long size)
{
	struct vmemmap_holes holes = {};
	void *block = alloc_altmap_block(altmap, size, &holes);

	forget_holes(&holes);
	return block;
}

/*
 * Blocks come back in any order, and in parts. A block that the device cannot
 * have allocated is refused with a warning: it crosses a border of the window,
 * lies behind the last block, or is more than what is allocated. Returns false
 * if it lies outside the window, so that it is somebody else's.
 */
VISIBLE_IF_KUNIT bool vmemmap_put_altmap_block(struct vmem_altmap *altmap,
					       unsigned long pfn,
					       unsigned int order)
{
	const unsigned long nr_pfns = 1UL << order;
	const unsigned long start = altmap_start(altmap);
	const unsigned long next = altmap_next(altmap);

	if (pfn + nr_pfns <= start || pfn >= altmap_end(altmap))
		return false;
	if (WARN_ONCE(pfn < start || pfn + nr_pfns > next ||
		      nr_pfns > altmap->alloc,
		      "vmemmap: cannot free pfn %#lx, order %u: the device did not allocate it\n",
		      pfn, order))
		return true;

	vmem_altmap_free(altmap, nr_pfns);
	if (!altmap->alloc)
		altmap->align = 0;
	else if (pfn + nr_pfns < next)
		altmap->align += nr_pfns;
	return true;
}

/* ---- Blocks from anywhere ---- */

/**
 * vmemmap_alloc_block_buf() - allocate a block from RAM or from a device
 * @size: in bytes; see vmemmap_alloc_block(). An altmap also allocates multiples
 *	of a page that are no power of two
 * @node: preferred node; ignored with an altmap
 * @altmap: the device, and nothing else, to allocate from; NULL: RAM, at boot
 *	from the buffers first
 *
 * Context: see vmemmap_alloc_block().
 * Return: the address in the direct map; NULL if there is no such block. After
 * a failure everything is as before.
 */
void * __meminit vmemmap_alloc_block_buf(unsigned long size, int node,
					 struct vmem_altmap *altmap)
{
	if (altmap)
		return alloc_lone_altmap_block(altmap, size);
	if (vmemmap_has_slab())
		return vmemmap_alloc_block(size, node);
	return alloc_boot_block(size, node);
}

void * __meminit vmemmap_alloc_huge(int node, struct vmem_altmap *altmap)
{
	const unsigned long nr_pfns = PHYS_PFN(PMD_SIZE);
	unsigned long pfn;
	struct page *page;

	if (altmap) {
		pfn = block_align(altmap_next(altmap), nr_pfns);
		if (pfn + nr_pfns > altmap_end(altmap))
			return alloc_lone_altmap_block(altmap, PMD_SIZE);
		return altmap_cut(altmap, pfn, nr_pfns, pfn + nr_pfns);
	}

	KUNIT_STATIC_STUB_REDIRECT(vmemmap_alloc_block, PMD_SIZE, node);

	if (!vmemmap_has_slab())
		return boot_buffer_has(PMD_SIZE) ?
			boot_buffer_take(PMD_SIZE) : alloc_boot_block(PMD_SIZE, node);
	page = alloc_quickly(PMD_ORDER, node);
	return page ? page_address(page) : NULL;
}

/* ---- Base pages of a slot ---- */

/* 2^order base pages in a row, each with one reference. */
VISIBLE_IF_KUNIT struct page * __meminit
vmemmap_alloc_pages(unsigned int order, int node)
{
	struct page *page;

	KUNIT_STATIC_STUB_REDIRECT(vmemmap_alloc_pages, order, node);

	page = alloc_quickly(order, node);
	if (page)
		split_page(page, order);
	return page;
}

/* Largest row first, then halves. Without any row, pages are allocated alone. */
static void __meminit refill_batch(struct vmemmap_batch *batch)
{
	struct page *page;
	unsigned int order;

	order = min_t(unsigned int, batch->max_order, ilog2(batch->nr_wanted));
	for (; order; order--) {
		page = vmemmap_alloc_pages(order, batch->nid);
		if (!page)
			continue;
		batch->pfn = page_to_pfn(page);
		batch->nr = 1UL << order;
		batch->nr_wanted -= batch->nr;
		batch->max_order = order;
		return;
	}
	batch->nr_wanted = 0;
}

void __meminit vmemmap_open_batch(struct vmemmap_batch *batch, int nid,
				  struct vmem_altmap *altmap,
				  unsigned long nr_wanted)
{
	*batch = (struct vmemmap_batch) {
		.nid = nid,
		.altmap = altmap,
		.max_order = MAX_PAGE_ORDER,
		.nr_wanted = vmemmap_has_slab() ? nr_wanted : 0,
	};
}

void * __meminit vmemmap_alloc_batch_page(struct vmemmap_batch *batch)
{
	if (batch->altmap)
		return alloc_altmap_block(batch->altmap, PAGE_SIZE, &batch->holes);
	if (!batch->nr && batch->nr_wanted)
		refill_batch(batch);
	if (!batch->nr)
		return vmemmap_alloc_block_buf(PAGE_SIZE, batch->nid, NULL);
	batch->nr--;
	return __va(PFN_PHYS(batch->pfn++));
}

void __meminit vmemmap_close_batch(struct vmemmap_batch *batch)
{
	forget_holes(&batch->holes);
	for (; batch->nr; batch->nr--)
		vmemmap_free_pages(pfn_to_page(batch->pfn++), 0);
}

/* ---- Where a block goes back to ---- */

/* Memory of another device is not RAM, and may not even have a struct page. */
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
	if (!vmemmap_has_slab())
		memblock_free(__va(PFN_PHYS(pfn)), PAGE_SIZE << order);
	else if (!WARN_ONCE(!is_ram(pfn),
			    "vmemmap: cannot free pfn %#lx, order %u: it is not RAM\n",
			    pfn, order))
		put_ram_block(pfn, order, nr_refs);
}

/* ---- Base pages that are freed in a row ----
 *
 * The page allocator takes pages back in blocks of a power of two, no matter how
 * they were allocated, if they are as those of a block that was never split:
 *
 *	nobody holds a reference, nor can get one: page_ref_freeze()
 *	no page is from boot, bad memory, or of a type, such as a table
 *	all lie in one zone, and in one subsection, so that each has a struct page
 *	nothing is recorded of each page by itself: page_owner and memory allocation
 *	profiling count the pages of a block by the record of its first page
 *
 * Besides, no memory map is charged to a memory cgroup. What else the allocator does
 * on the way, such as checking, poisoning or unmapping pages, it does for each page
 * of a block.
 */

static bool freeze_page(struct page *page, unsigned int nr_refs)
{
	return !PageReserved(page) && !PageHWPoison(page) &&
	       !page_has_type(page) && page_ref_freeze(page, nr_refs);
}

bool vmemmap_freeze_page(unsigned long pfn, unsigned int nr_refs)
{
	return vmemmap_has_slab() && is_ram(pfn) &&
	       freeze_page(pfn_to_page(pfn), nr_refs);
}

bool vmemmap_freeze_next_page(unsigned long pfn, unsigned int nr_refs)
{
	struct page *page = pfn_to_page(pfn);

	return !IS_ALIGNED(pfn, PAGES_PER_SUBSECTION) &&
	       page_zone_id(page) == page_zone_id(page - 1) &&
	       !vmemmap_has_page_records() && freeze_page(page, nr_refs);
}

void vmemmap_put_row(unsigned long pfn, unsigned long nr_pages)
{
	unsigned int order;

	KUNIT_STATIC_STUB_REDIRECT(vmemmap_put_row, pfn, nr_pages);

	for (; nr_pages; pfn += 1UL << order, nr_pages -= 1UL << order) {
		order = min_t(unsigned int, ilog2(nr_pages), MAX_PAGE_ORDER);
		while (!IS_ALIGNED(pfn, 1UL << order))
			order--;
		vmemmap_free_frozen_pages(pfn_to_page(pfn), order);
	}
}

/* ---- Hooks of an architecture, and what the defaults of them use ---- */

/* NUMA_NO_NODE if it is not known, as for the memory of a device. */
static int __meminit pfn_to_nid_if_known(unsigned long pfn)
{
	struct page *page;

	if (!vmemmap_has_slab())
		return early_pfn_to_nid(pfn);

	page = pfn_to_online_page(pfn);
	return page ? page_to_nid(page) : NUMA_NO_NODE;
}

/**
 * vmemmap_verify() - warn if a leaf is backed by memory of a more distant node
 * @pte: the leaf, of any level
 * @node: node whose page frames are described
 * @start: first address of the range that the leaf stands for
 * @end: end of that range
 *
 * Says nothing if the other node is just as near, or if @node has no memory for the
 * kernel.
 *
 * Context: see vmemmap_alloc_block(); does not sleep.
 */
void __meminit vmemmap_verify(pte_t *pte, int node, unsigned long start,
			      unsigned long end)
{
	const int nid = pfn_to_nid_if_known(pte_pfn(ptep_get(pte)));

	if (is_distant(nid, node))
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
 * Weak: an architecture that needs other attributes has its own. A slot that is
 * still empty afterwards means that the architecture refuses a leaf there.
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
 * vmemmap_check_pmd() - a slot that is a leaf is about to be used for more
 * @pmd: the slot
 * @node: node whose page frames are described
 * @addr: first address in the slot to be used
 * @next: end of what is to be used in the slot
 *
 * Weak: an architecture that records what is in use in a leaf has its own. This
 * back end calls it for leaves alone and ignores the answer, since some
 * architectures answer 1 for a table as well.
 *
 * Context: as for vmemmap_fill_range().
 * Return: 0 if the slot is a table, else it is a leaf.
 */
int __weak __meminit vmemmap_check_pmd(pmd_t *pmd, int node,
				       unsigned long addr, unsigned long next)
{
	return pmd_leaf(pmdp_get(pmd));
}

void __weak vmemmap_flush_leaves(unsigned long start, unsigned long end,
				 unsigned long stride)
{
	flush_tlb_kernel_range(start, end);
}

bool __weak vmemmap_flush_tables(unsigned long start, unsigned long end,
				 unsigned long stride)
{
	flush_tlb_all();
	return true;
}

unsigned int __weak vmemmap_copied_levels(void)
{
	return ARCH_PAGE_TABLE_SYNC_MASK;
}
