// SPDX-License-Identifier: GPL-2.0
/*
 * vmemmap_depopulate.c - the way out: unmap, flush, release
 *
 * Owns the order in which memory of the vmemmap comes back, and the answer to
 * who still uses it. Knows tables and units; must not know how they are built.
 *
 *	struct pages of	|   section A   |   section B   |
 *	units		|  1  |  2  |  3  |  4  |  5  |
 *
 * Unit 3 is given back when neither A nor B has a live subsection whose struct
 * pages lie in it; the subsection bitmaps are the only source of that.
 *
 * Locking: mem_hotplug_lock held for writing; it guards the gathered pieces.
 */
#define pr_fmt(fmt) "vmemmap: " fmt

#include "vmemmap_base.h"
#include "vmemmap.h"
#include <linux/vmemmap.h>
#include <trace/events/vmemmap.h>

#ifdef CONFIG_MEMORY_HOTPLUG

/* ---- Gather: clear, flush, release, in this order ---- */

/* A block or a table that is no longer mapped; it may have been so often. */
struct vmemmap_piece {
	unsigned long pfn;
	unsigned int nr_refs;
	unsigned int order;
};

/* More than a section has pieces: an 80-byte struct page makes 640. */
#define VMEMMAP_NR_PIECES 1024
static struct vmemmap_piece pieces[VMEMMAP_NR_PIECES];

/*
 * All that was cleared since the last flush lies in [start, end); pieces[] has
 * its memory. The entries are cleared by those who add to it.
 */
struct vmemmap_gather {
	unsigned long start;
	unsigned long end;
	unsigned int nr_pieces;
	unsigned int nr_tables;
	struct vmem_altmap *altmap;
};

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

static void gather_finish(struct vmemmap_gather *gather)
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

/*
 * What is added from now on was mapped somewhere in [start, end). Where that is
 * flushed half-way, the next flush covers it again.
 */
static void gather_from(struct vmemmap_gather *gather, unsigned long start,
			unsigned long end)
{
	if (gather->nr_pieces) {
		start = min(gather->start, start);
		end = max(gather->end, end);
	}
	gather->start = start;
	gather->end = end;
}

/* An entry that mapped @pfn is clear. */
static void gather_add(struct vmemmap_gather *gather, unsigned long pfn,
		       unsigned int order)
{
	struct vmemmap_piece *piece = &pieces[gather->nr_pieces];

	if (gather->nr_pieces && piece[-1].pfn == pfn) {
		piece[-1].nr_refs++;
		return;
	}

	piece->pfn = pfn;
	piece->nr_refs = 1;
	piece->order = order;
	if (++gather->nr_pieces == VMEMMAP_NR_PIECES)
		gather_finish(gather);
}

/* The entry that pointed to @table, for [start, end), is clear. */
static void gather_add_table(struct vmemmap_gather *gather, unsigned long start,
			     unsigned long end, void *table)
{
	trace_vmemmap_prune(start, end);
	gather->nr_tables++;
	gather_from(gather, start, end);
	gather_add(gather, PHYS_PFN(__pa(table)), 0);
}

/* ---- Units ---- */

/*
 * Does anybody use the unit [unit, unit + size) after [start, end) has gone?
 * The struct pages at its ends may lie in it in part only.
 */
static bool is_unit_in_use(unsigned long unit, unsigned long size,
			   unsigned long start, unsigned long end)
{
	const unsigned long base = (unsigned long)pfn_to_page(0);
	unsigned long pfn, end_pfn;

	if (start <= unit && unit + size <= end)
		return false;

	pfn = (unit - base) / sizeof(struct page);
	end_pfn = DIV_ROUND_UP(unit + size - base, sizeof(struct page));
	return has_live_subsection(pfn, end_pfn);
}

static void unmap_pmd(struct vmemmap_gather *gather, pmd_t *pmd,
		      unsigned long addr, unsigned long start,
		      unsigned long end)
{
	const unsigned long unit = ALIGN_DOWN(addr, PMD_SIZE);
	const unsigned long pfn = pmd_pfn(pmdp_get(pmd));

	if (is_unit_in_use(unit, PMD_SIZE, start, end))
		return;
	pmd_clear(pmd);
	gather_from(gather, unit, unit + PMD_SIZE);
	gather_add(gather, pfn, PMD_ORDER);
}

static void unmap_ptes(struct vmemmap_gather *gather, pte_t *pte,
		       unsigned long addr, unsigned long next)
{
	gather_from(gather, addr, next);
	for (; addr < next; addr += PAGE_SIZE, pte++) {
		const pte_t old = ptep_get(pte);

		if (pte_none(old))
			continue;
		pte_clear(&init_mm, addr, pte);
		gather_add(gather, pte_pfn(old), 0);
	}
}

/* ---- Tables ---- */

/*
 * What has just become empty most likely has a neighbour that has not: the
 * entries are looked at from @entry on, the nearer ones first.
 */
#define is_table_empty(level, table, entry, nr_entries) ({		\
	typeof(entry) __table = (table);				\
	const unsigned int __at = (entry) - __table;			\
	const unsigned int __nr = (nr_entries);				\
	unsigned int __i = 0;						\
									\
	while (__i < __nr &&						\
	       level##_none(level##p_get(__table + (__at ^ __i))))	\
		__i++;							\
	__i == __nr;							\
})

/* Where tables may be taken away */
struct vmemmap_bounds {
	unsigned long floor;
	unsigned long ceiling;
};

/* May what an entry of a level points to go, as far as other tables matter? */
static bool is_prunable(const struct vmemmap_bounds *bounds,
			unsigned long start, unsigned long size,
			unsigned int level)
{
	if (ARCH_PAGE_TABLE_SYNC_MASK & level)
		return false;		/* page tables have copies of it */
	return bounds->floor <= start && start + size - 1 <= bounds->ceiling - 1;
}

/*
 * prune_<level>(): take away the tables below an entry that map @addr, from
 * the bottom up, as far as they are empty. Where a level is folded, the entry
 * above is no entry of its own.
 */
static void prune_pmd(struct vmemmap_gather *gather, pmd_t *pmd,
		      unsigned long addr, const struct vmemmap_bounds *bounds)
{
	const unsigned long start = ALIGN_DOWN(addr, PMD_SIZE);
	pte_t *table;

	if (pmd_none(pmdp_get(pmd)) || pmd_leaf(pmdp_get(pmd)))
		return;

	table = pte_offset_kernel(pmd, start);
	if (!is_prunable(bounds, start, PMD_SIZE, PGTBL_PMD_MODIFIED) ||
	    !is_table_empty(pte, table, pte_offset_kernel(pmd, addr),
			    PTRS_PER_PTE))
		return;
	pmd_clear(pmd);
	gather_add_table(gather, start, start + PMD_SIZE, table);
}

static void prune_pud(struct vmemmap_gather *gather, pud_t *pud,
		      unsigned long addr, const struct vmemmap_bounds *bounds)
{
	const unsigned long start = ALIGN_DOWN(addr, PUD_SIZE);
	pmd_t *pmd, *table;

	if (pud_none(pudp_get(pud)) || pud_leaf(pudp_get(pud)))
		return;

	pmd = pmd_offset(pud, addr);
	prune_pmd(gather, pmd, addr, bounds);
	table = pmd_offset(pud, start);
	if (mm_pmd_folded(&init_mm) ||
	    !is_prunable(bounds, start, PUD_SIZE, PGTBL_PUD_MODIFIED) ||
	    !is_table_empty(pmd, table, pmd, PTRS_PER_PMD))
		return;
	pud_clear(pud);
	gather_add_table(gather, start, start + PUD_SIZE, table);
}

static void prune_p4d(struct vmemmap_gather *gather, p4d_t *p4d,
		      unsigned long addr, const struct vmemmap_bounds *bounds)
{
	const unsigned long start = ALIGN_DOWN(addr, P4D_SIZE);
	pud_t *pud, *table;

	if (p4d_none(p4dp_get(p4d)) || p4d_leaf(p4dp_get(p4d)))
		return;

	pud = pud_offset(p4d, addr);
	prune_pud(gather, pud, addr, bounds);
	table = pud_offset(p4d, start);
	if (mm_pud_folded(&init_mm) ||
	    !is_prunable(bounds, start, P4D_SIZE, PGTBL_P4D_MODIFIED) ||
	    !is_table_empty(pud, table, pud, PTRS_PER_PUD))
		return;
	p4d_clear(p4d);
	gather_add_table(gather, start, start + P4D_SIZE, table);
}

static void prune_pgd(struct vmemmap_gather *gather, pgd_t *pgd,
		      unsigned long addr, const struct vmemmap_bounds *bounds)
{
	const unsigned long start = ALIGN_DOWN(addr, PGDIR_SIZE);
	p4d_t *p4d, *table;

	if (pgd_none(pgdp_get(pgd)) || pgd_leaf(pgdp_get(pgd)))
		return;

	p4d = p4d_offset(pgd, addr);
	prune_p4d(gather, p4d, addr, bounds);
	table = p4d_offset(pgd, start);
	if (mm_p4d_folded(&init_mm) ||
	    !is_prunable(bounds, start, PGDIR_SIZE, PGTBL_PGD_MODIFIED) ||
	    !is_table_empty(p4d, table, p4d, PTRS_PER_P4D))
		return;
	set_pgd(pgd, __pgd(0));
	gather_add_table(gather, start, start + PGDIR_SIZE, table);
}

/* The leaves of [addr, next), which lies in one slot; its PTEs are nobody else's. */
static void unmap_slot(struct vmemmap_gather *gather, unsigned long addr,
		       unsigned long next, unsigned long start,
		       unsigned long end)
{
	pmd_t *pmd = vmemmap_find_slot(addr);

	if (!pmd || pmd_none(pmdp_get(pmd)))
		return;
	if (pmd_leaf(pmdp_get(pmd)))
		unmap_pmd(gather, pmd, addr, start, end);
	else
		unmap_ptes(gather, pte_offset_kernel(pmd, addr), addr, next);
}

void vmemmap_depopulate(unsigned long start, unsigned long end,
			struct vmem_altmap *altmap, unsigned long floor,
			unsigned long ceiling)
{
	const struct vmemmap_bounds bounds = {
		.floor = floor,
		.ceiling = ceiling,
	};
	struct vmemmap_gather gather = { .altmap = altmap };
	unsigned long addr = PAGE_ALIGN_DOWN(start);
	unsigned long last = PAGE_ALIGN(end);
	unsigned long next;

	/* Others can have a part of the first and the last page only. */
	if (is_unit_in_use(addr, PAGE_SIZE, start, end))
		addr += PAGE_SIZE;
	if (addr < last &&
	    is_unit_in_use(last - PAGE_SIZE, PAGE_SIZE, start, end))
		last -= PAGE_SIZE;

	/* What is mapped of [start, addr) is in use by others. */
	for (; addr < last; addr = next) {
		next = vmemmap_slot_end(addr, last);
		unmap_slot(&gather, addr, next, start, end);
		prune_pgd(&gather, pgd_offset_k(addr), addr, &bounds);
	}
	gather_finish(&gather);
}

#endif /* CONFIG_MEMORY_HOTPLUG */
