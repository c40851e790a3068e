// SPDX-License-Identifier: GPL-2.0
/*
 * vmemmap_depopulate.c - unmap a range of the vmemmap and free its memory
 *
 * Owns the way out: which units are still in use, the walk that clears entries,
 * and the order clear, flush, release. Must not know how a range is filled.
 *
 *	struct pages of	|   section A   |   section B   |
 *	units		|  1  |  2  |  3  |  4  |  5  |
 *
 * Unit 3 is freed when neither A nor B has a live subsection whose struct pages
 * lie in it; the subsection bitmaps are the only source of that.
 *
 * See mm/vmemmap.h for the terms and for the locking rule.
 */
#include "vmemmap_base.h"
#include "vmemmap.h"
#include <linux/vmemmap.h>
#include <trace/events/sparse_vmemmap.h>

/* ---- Gather, flush, release ----
 *
 * The walk clears entries and gathers what they mapped. Nothing of it is released
 * before one flush of all that was cleared.
 */

/*
 * A block or a table that @nr_refs entries mapped, all of which are clear. Or a row
 * of base pages of RAM: then @nr_refs is 0, as nobody holds any of them.
 */
struct vmemmap_piece {
	unsigned long pfn;
	unsigned int nr_pages;
	unsigned int nr_refs;
};

/* More pieces than a section has, even if somebody holds each page: at most 640. */
#define VMEMMAP_NR_PIECES 1024

/*
 * A fixed array, so that removal allocates nothing; mem_hotplug_lock guards it.
 * @leaves and @tables are what was cleared. @nr_tables of the pieces are tables.
 * @nr_shared entries mapped a page of a row that another entry mapped as well, or the
 * tail page of a zone, which is no piece.
 * @altmap is the device that blocks may have been allocated from, or NULL.
 * @nr_begins counts the calls of vmemmap_gather_begin() without an end yet.
 */
static struct vmemmap_gather {
	struct vmemmap_cleared leaves;
	struct vmemmap_cleared tables;
	unsigned int nr_pieces;
	unsigned int nr_tables;
	unsigned int nr_shared;
	unsigned int nr_begins;
	struct vmem_altmap *altmap;
	struct vmemmap_piece pieces[VMEMMAP_NR_PIECES];
} gather;

/* One flush of all CPUs, if one is enough for the architecture. */
VISIBLE_IF_KUNIT void vmemmap_flush(const struct vmemmap_cleared *leaves,
				    const struct vmemmap_cleared *tables)
{
	KUNIT_STATIC_STUB_REDIRECT(vmemmap_flush, leaves, tables);

	if (tables->end &&
	    vmemmap_flush_tables(tables->start, tables->end, tables->stride))
		return;
	if (leaves->end)
		vmemmap_flush_leaves(leaves->start, leaves->end, leaves->stride);
}

/* For tracing: bytes that leaves of one size mapped, by source. */
struct vmemmap_bytes {
	unsigned long of[VMEMMAP_NR_SOURCES];
};

/* Do other entries than those that were cleared map this tail page? */
static bool is_still_mapped(const struct vmemmap_piece *piece)
{
	struct page *page = pfn_to_page(piece->pfn);

	return vmemmap_has_slab() && !PageReserved(page) &&
	       page_ref_count(page) != (int)piece->nr_refs;
}

static bool is_of_altmap(unsigned long pfn)
{
	return gather.altmap && vmemmap_is_altmap_pfn(gather.altmap, pfn);
}

/* The last entry that maps a tail page counts as RAM, the others as shared. */
static void count_piece(struct vmemmap_bytes *bytes,
			const struct vmemmap_piece *piece)
{
	const unsigned long size = piece->nr_pages * PAGE_SIZE;

	if (!piece->nr_refs) {
		bytes->of[VMEMMAP_RAM] += size;
		return;
	}
	if (is_of_altmap(piece->pfn)) {
		bytes->of[VMEMMAP_ALTMAP] += size;
		return;
	}
	bytes->of[VMEMMAP_SHARED_TAIL] += (piece->nr_refs - 1) * size;
	bytes->of[is_still_mapped(piece) ? VMEMMAP_SHARED_TAIL :
					   VMEMMAP_RAM] += size;
}

static void trace_bytes(const struct vmemmap_bytes *bytes,
			unsigned long leaf_size)
{
	enum vmemmap_source source;

	for (source = VMEMMAP_RAM; source < VMEMMAP_NR_SOURCES; source++)
		if (bytes->of[source])
			trace_vmemmap_depopulate(gather.leaves.start,
						 gather.leaves.end, source,
						 leaf_size, bytes->of[source]);
}

static void release_piece(const struct vmemmap_piece *piece)
{
	if (piece->nr_refs)
		vmemmap_put_block(piece->pfn, ilog2(piece->nr_pages),
				  piece->nr_refs, gather.altmap);
	else
		vmemmap_put_row(piece->pfn, piece->nr_pages);
}

static bool is_nothing_gathered(void)
{
	return !gather.nr_pieces && !gather.nr_shared;
}

/* Flush, then release. */
static void gather_finish(void)
{
	const bool is_traced = trace_vmemmap_depopulate_enabled();
	struct vmemmap_bytes base = {}, huge = {};
	const struct vmemmap_piece *piece = gather.pieces;
	const struct vmemmap_piece *end = piece + gather.nr_pieces;

	if (is_nothing_gathered())
		return;

	vmemmap_flush(&gather.leaves, &gather.tables);
	for (; piece < end; piece++) {
		if (is_traced)
			count_piece(piece->nr_refs && piece->nr_pages > 1 ?
				    &huge : &base, piece);
		release_piece(piece);
		if ((end - piece) % 16 == 0)
			cond_resched();
	}

	if (is_traced) {
		base.of[VMEMMAP_RAM] -= gather.nr_tables * PAGE_SIZE;
		base.of[VMEMMAP_SHARED_TAIL] += gather.nr_shared * PAGE_SIZE;
		trace_bytes(&base, PAGE_SIZE);
		trace_bytes(&huge, PMD_SIZE);
	}
	gather.nr_pieces = 0;
	gather.nr_tables = 0;
	gather.nr_shared = 0;
	gather.tables.end = 0;
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

static void extend_cleared(struct vmemmap_cleared *cleared,
			   unsigned long start, unsigned long end,
			   unsigned long stride)
{
	if (cleared->end) {
		start = min(cleared->start, start);
		end = max(cleared->end, end);
		stride = min(cleared->stride, stride);
	}
	cleared->start = start;
	cleared->end = end;
	cleared->stride = stride;
}

/*
 * The pieces gathered next were mapped in [start, end), by leaves of @size bytes.
 * When the array is full half-way, the next flush covers the range a second time.
 */
static void gather_leaves(unsigned long start, unsigned long end,
			  unsigned long size)
{
	if (is_nothing_gathered())
		gather.leaves.end = 0;
	extend_cleared(&gather.leaves, start, end, size);
}

static void gather_piece(unsigned long pfn, unsigned int nr_pages,
			 unsigned int nr_refs)
{
	struct vmemmap_piece *piece = &gather.pieces[gather.nr_pieces];

	piece->pfn = pfn;
	piece->nr_pages = nr_pages;
	piece->nr_refs = nr_refs;
	if (++gather.nr_pieces == VMEMMAP_NR_PIECES)
		gather_finish();
}

/* Make the page part of the row that was gathered last, if it follows that. */
static bool join_last_row(unsigned long pfn, unsigned int nr_refs)
{
	struct vmemmap_piece *row;

	if (!gather.nr_pieces)
		return false;
	row = &gather.pieces[gather.nr_pieces - 1];
	if (row->nr_refs || row->pfn + row->nr_pages != pfn ||
	    !vmemmap_freeze_next_page(pfn, nr_refs))
		return false;
	row->nr_pages++;
	gather.nr_shared += nr_refs - 1;
	return true;
}

/*
 * A base page that @nr_refs entries mapped. It becomes part of a row unless it is
 * a device's, from boot, mapped by others as well, or held for a moment.
 */
static void gather_page(unsigned long pfn, unsigned int nr_refs)
{
	const bool is_altmap = is_of_altmap(pfn);

	if (!is_altmap && join_last_row(pfn, nr_refs))
		return;
	if (!is_altmap && vmemmap_freeze_page(pfn, nr_refs)) {
		gather.nr_shared += nr_refs - 1;
		nr_refs = 0;
	}
	gather_piece(pfn, 1, nr_refs);
}

/* The table mapped [start, end), and the entry that pointed to it is clear. */
static void gather_table(unsigned long start, unsigned long end, void *table)
{
	trace_vmemmap_prune(start, end);
	if (is_nothing_gathered())
		gather.leaves.end = 0;
	extend_cleared(&gather.tables, start, end, end - start);
	gather.nr_tables++;
	gather_piece(PHYS_PFN(__pa(table)), 1, 1);
}

/* ---- Units ---- */

/*
 * Is the unit [unit, unit + size) in use by others than [start, end), which is
 * being removed? The struct pages at the ends of the unit may lie in it in part.
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
	return sparse_has_live_subsection(pfn, end_pfn);
}

static void unmap_pmd(pmd_t *pmd, unsigned long addr, unsigned long start,
		      unsigned long end)
{
	const unsigned long unit = ALIGN_DOWN(addr, PMD_SIZE);
	const unsigned long pfn = pmd_pfn(pmdp_get(pmd));

	if (is_unit_in_use(unit, PMD_SIZE, start, end))
		return;
	vmemmap_clear_pmd(pmd);
	gather_leaves(unit, unit + PMD_SIZE, PMD_SIZE);
	gather_piece(pfn, 1U << PMD_ORDER, 1);
}

static void unmap_ptes(pte_t *pte, unsigned long addr, unsigned long next)
{
	unsigned int nr_refs = 0;
	pte_t last;

	gather_leaves(addr, next, PAGE_SIZE);
	/* The @nr_refs entries before this one were like @last: one piece. */
	for (; addr < next; addr += PAGE_SIZE, pte++) {
		const pte_t old = ptep_get(pte);

		if (vmemmap_pte_none(old))
			continue;
		if (vmemmap_has_zone_tails() && !pte_write(old)) {
			pte_clear(&init_mm, addr, pte);
			gather.nr_shared++;
			continue;
		}
		vmemmap_clear_pte(addr, pte);
		if (nr_refs && !pte_same(old, last)) {
			gather_page(pte_pfn(last), nr_refs);
			nr_refs = 0;
		}
		last = old;
		nr_refs++;
	}
	if (nr_refs)
		gather_page(pte_pfn(last), nr_refs);
}

/* ---- Tables ---- */

/*
 * Are the entries of [from, to), of one level, all empty, which @level##_none() tells? A
 * table may have thousands, and arm64's ptep_get() looks for more in each: whether it is one
 * of several that are contiguous.
 */
#define are_entries_empty(level, from, to) ({				\
	typeof(from) __entry = (from), __to = (to);			\
									\
	while (__entry < __to && level##_none(READ_ONCE(*__entry)))	\
		__entry++;						\
	__entry >= __to;						\
})

/*
 * Is every entry of a table empty? @entry has just become empty. If any other is
 * not, it most likely lies close by, so look there before looking at all of them.
 */
#define is_table_empty(level, table, entry, nr_entries) ({		\
	typeof(entry) __first = (table), __end = __first + (nr_entries); \
	typeof(entry) __at = (entry);					\
									\
	are_entries_empty(level, __at, min(__at + 16, __end)) &&	\
	are_entries_empty(level, max(__at - 16, __first), __at) &&	\
	are_entries_empty(level, __first, __end);			\
})

/*
 * Tables that map anything outside of [floor, ceiling) are kept, and those below an
 * entry of the copied levels.
 */
struct vmemmap_bounds {
	unsigned long floor;
	unsigned long ceiling;
	unsigned int copied_levels;
};

/* May the table below an entry be freed? */
static bool is_prunable(const struct vmemmap_bounds *bounds,
			unsigned long start, unsigned long size,
			unsigned int level)
{
	if (bounds->copied_levels & level)
		return false;
	return bounds->floor <= start && start + size - 1 <= bounds->ceiling - 1;
}

/*
 * prune_<level>(): free the empty tables below an entry, from the bottom up, on
 * the path to [addr, next), whose PTEs are clear. Where a level is folded, the
 * entry above it is not an entry of its own.
 */
static void prune_pmd(pmd_t *pmd, unsigned long addr, unsigned long next,
		      const struct vmemmap_bounds *bounds)
{
	const unsigned long start = ALIGN_DOWN(addr, PMD_SIZE);
	pte_t *table;

	if (vmemmap_pmd_none(pmdp_get(pmd)) || pmd_leaf(pmdp_get(pmd)))
		return;

	table = pte_offset_kernel(pmd, start);
	if (!is_prunable(bounds, start, PMD_SIZE, PGTBL_PMD_MODIFIED))
		return;
	if (next - addr < PMD_SIZE &&
	    !is_table_empty(vmemmap_pte, table, pte_offset_kernel(pmd, addr),
			    PTRS_PER_PTE))
		return;
	vmemmap_clear_pmd(pmd);
	gather_table(start, start + PMD_SIZE, table);
}

static void prune_pud(pud_t *pud, unsigned long addr, unsigned long next,
		      const struct vmemmap_bounds *bounds)
{
	const unsigned long start = ALIGN_DOWN(addr, PUD_SIZE);
	pmd_t *pmd, *table;

	if (vmemmap_pud_none(pudp_get(pud)) || pud_leaf(pudp_get(pud)))
		return;

	pmd = pmd_offset(pud, addr);
	prune_pmd(pmd, addr, next, bounds);
	table = pmd_offset(pud, start);
	if (mm_pmd_folded(&init_mm) ||
	    !is_prunable(bounds, start, PUD_SIZE, PGTBL_PUD_MODIFIED) ||
	    !is_table_empty(vmemmap_pmd, table, pmd, PTRS_PER_PMD))
		return;
	vmemmap_clear_pud(pud);
	gather_table(start, start + PUD_SIZE, table);
}

static void prune_p4d(p4d_t *p4d, unsigned long addr, unsigned long next,
		      const struct vmemmap_bounds *bounds)
{
	const unsigned long start = ALIGN_DOWN(addr, P4D_SIZE);
	pud_t *pud, *table;

	if (p4d_none(p4dp_get(p4d)) || p4d_leaf(p4dp_get(p4d)))
		return;

	pud = pud_offset(p4d, addr);
	prune_pud(pud, addr, next, bounds);
	table = pud_offset(p4d, start);
	/* A PUD that leads to zeros is in use: nothing stands in for its table. */
	if (mm_pud_folded(&init_mm) ||
	    !is_prunable(bounds, start, P4D_SIZE, PGTBL_P4D_MODIFIED) ||
	    !is_table_empty(pud, table, pud, PTRS_PER_PUD))
		return;
	p4d_clear(p4d);
	gather_table(start, start + P4D_SIZE, table);
}

static void prune_pgd(pgd_t *pgd, unsigned long addr, unsigned long next,
		      const struct vmemmap_bounds *bounds)
{
	const unsigned long start = ALIGN_DOWN(addr, PGDIR_SIZE);
	p4d_t *p4d, *table;

	if (pgd_none(pgdp_get(pgd)) || pgd_leaf(pgdp_get(pgd)))
		return;

	p4d = p4d_offset(pgd, addr);
	prune_p4d(p4d, addr, next, bounds);
	table = p4d_offset(pgd, start);
	if (mm_p4d_folded(&init_mm) ||
	    !is_prunable(bounds, start, PGDIR_SIZE, PGTBL_PGD_MODIFIED) ||
	    !is_table_empty(p4d, table, p4d, PTRS_PER_P4D))
		return;
	pgd_clear(pgd);
	gather_table(start, start + PGDIR_SIZE, table);
}

/* Unmap the leaves of [addr, next), which lies in one slot; nobody else uses its PTEs. */
static void unmap_slot(unsigned long addr, unsigned long next,
		       unsigned long start, unsigned long end)
{
	pmd_t *pmd = vmemmap_find_slot(addr);

	if (!pmd || vmemmap_pmd_none(pmdp_get(pmd)))
		return;
	if (pmd_leaf(pmdp_get(pmd)))
		unmap_pmd(pmd, addr, start, end);
	else
		unmap_ptes(pte_offset_kernel(pmd, addr), addr, next);
}

void vmemmap_depopulate(unsigned long start, unsigned long end,
			struct vmem_altmap *altmap, unsigned long floor,
			unsigned long ceiling)
{
	const struct vmemmap_bounds bounds = {
		.floor = floor,
		.ceiling = ceiling,
		.copied_levels = vmemmap_copied_levels(),
	};
	unsigned long addr = PAGE_ALIGN_DOWN(start);
	unsigned long page_end = PAGE_ALIGN(end);
	unsigned long next;

	/* Only the first and the last page can describe a neighbour as well. */
	if (is_unit_in_use(addr, PAGE_SIZE, start, end))
		addr += PAGE_SIZE;
	if (addr < page_end &&
	    is_unit_in_use(page_end - PAGE_SIZE, PAGE_SIZE, start, end))
		page_end -= PAGE_SIZE;

	/* Before @addr, only what others use is still mapped. */
	vmemmap_gather_begin(altmap);
	for (; addr < page_end; addr = next) {
		next = vmemmap_span_end(addr, page_end, PMD_SIZE);
		unmap_slot(addr, next, start, end);
		prune_pgd(pgd_offset_k(addr), addr, next, &bounds);
	}
	vmemmap_gather_end();
}
