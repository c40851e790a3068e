/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vmemmap.h - what the files of the memory map back end promise each other
 *
 * The struct pages of all page frames form one virtual array, the vmemmap.
 * The back end finds memory for the parts of that array that are in use and
 * maps it there. This header includes nothing: a file that includes
 * vmemmap_base.h first has all that is named here.
 *
 * Words, each with one meaning:
 *
 *   block       the memory behind one leaf: from memblock at boot, from the
 *               buddy allocator later, or from the device itself (altmap)
 *   leaf        an entry that maps a block: a PTE, or a PMD ("huge")
 *   table       a page of entries of one level
 *   slot        the span of one PMD entry; it holds nothing, a leaf, or a
 *               table of PTEs
 *   unit        what one leaf maps; the smallest piece that can be given back
 *   head, tail  of the vmemmap pages of one compound page: the first ones have
 *               memory of their own, all later ones show the same tail page
 *   section     the granule of the physical address space (SECTION_SIZE_BITS)
 *   subsection  the granule of hot-add and hot-remove (2 MiB); each section
 *               has a bitmap of its live ones
 *
 * What a slot may hold, and what populating does with it:
 *
 *   nothing           takes a leaf if one is wanted and can be had, else a
 *                     table of PTEs
 *   table of PTEs     the PTEs that are empty are filled, the others are kept
 *   leaf              is kept: the whole slot is mapped already
 *
 * A leaf above the PMD level is nothing that this code makes. It is refused
 * where a table is needed, never descended into.
 *
 * Ranges are half-open, [start, end). Addresses are virtual addresses in the
 * vmemmap, in bytes; pfns count pages.
 */
#ifndef _MM_VMEMMAP_H
#define _MM_VMEMMAP_H

/**
 * struct vmemmap_fill - what to put behind a range of the vmemmap
 * @nid: node that the memory shall come from; tables come from it too
 * @huge: use a PMD leaf for each empty slot, as far as blocks can be had
 * @altmap: take blocks from this device; NULL means from RAM. Tables always
 *	come from RAM
 * @shared: show this page at every address and take a reference for each, but
 *	none at boot, where it is to stay for ever; NULL means a block of its own
 *	for each leaf. Never together with @huge
 * @compound_size: bytes of the struct pages of each compound page; 0 means that
 *	there are none. The first VMEMMAP_RESERVE_NR pages of each have a block of
 *	their own, all later ones show the last of these. Never together with
 *	@huge, @altmap or @shared
 * @first: where the struct pages of such a compound page begin, on a page, at or
 *	before the range
 */
struct vmemmap_fill {
	int nid;
	bool huge;
	struct vmem_altmap *altmap;
	struct page *shared;
	unsigned long compound_size;
	unsigned long first;
};

/* The vmemmap pages that the struct pages of @nr_pages page frames fill. */
static inline long nr_memmap_pages(unsigned long nr_pages)
{
	return DIV_ROUND_UP(nr_pages * sizeof(struct page), PAGE_SIZE);
}

/*
 * Those of the first @nr_vmemmap_pages of a range of compound pages that are no
 * shown tails.
 */
static inline unsigned long nr_own_pages(unsigned long nr_vmemmap_pages,
					 unsigned long per_compound)
{
	const unsigned long reserve = VMEMMAP_RESERVE_NR;

	return nr_vmemmap_pages / per_compound * reserve +
	       min(nr_vmemmap_pages % per_compound, reserve);
}

/*
 * Where the part of [addr, end) ends that lies in the slot of @addr. Unlike
 * pmd_addr_end(), it knows slots where the PMD level is folded.
 */
static inline unsigned long vmemmap_slot_end(unsigned long addr,
					     unsigned long end)
{
	const unsigned long boundary = ALIGN_DOWN(addr, PMD_SIZE) + PMD_SIZE;

	return boundary - 1 < end - 1 ? boundary : end;
}

/**
 * vmemmap_fill_range() - map every page of a range of the vmemmap
 * @start: first byte; rounded down to a page, since struct pages of two
 *	subsections may lie in one page
 * @end: end of the range; rounded up to a page
 * @fill: what to map
 *
 * What is mapped already stays as it is. A huge block that cannot be had is
 * replaced by base pages. The altmap backs only leaves that lie wholly inside
 * the range; those at its ends come from RAM, since they may come to describe
 * a neighbour, which outlives the device.
 *
 * Context: single-threaded boot, or mem_hotplug_lock held for writing; may
 * sleep in the latter case.
 * Return: 0; -ENOMEM if a block or a table cannot be had; -EEXIST if a leaf
 * above the PMD level is in the way; -EINVAL if the tail to be shown is not mapped
 * by a PTE, or if the range ends before it begins or in the last page of all. After
 * an error the range is filled in part, or not at all; the caller undoes that with
 * vmemmap_free(), which accepts holes.
 */
int vmemmap_fill_range(unsigned long start, unsigned long end,
		       const struct vmemmap_fill *fill);

/**
 * vmemmap_pgd_populate(), vmemmap_p4d_populate(), vmemmap_pud_populate(),
 * vmemmap_pmd_populate() - the entry of that level for an address, with a
 *	table of the next level below it
 *
 * An entry that is not empty is returned as it is, be it a table or a leaf.
 *
 * Return: the entry; NULL if no table can be allocated.
 */
pgd_t *vmemmap_pgd_populate(unsigned long addr, int node);
p4d_t *vmemmap_p4d_populate(pgd_t *pgd, unsigned long addr, int node);
pud_t *vmemmap_pud_populate(p4d_t *p4d, unsigned long addr, int node);
pmd_t *vmemmap_pmd_populate(pud_t *pud, unsigned long addr, int node);

/**
 * vmemmap_descend() - build the tables down to the PMD entries of an address
 * @addr: address in the vmemmap
 * @node: node that tables come from
 *
 * The only way down that builds tables.
 *
 * Context: as for vmemmap_fill_range().
 * Return: the PUD entry, with a table of PMDs below it; ERR_PTR(-ENOMEM) if a
 * table cannot be allocated; ERR_PTR(-EEXIST) if a leaf is in the way.
 */
pud_t *vmemmap_descend(unsigned long addr, int node);

/**
 * vmemmap_lookup_page() - which page does a PTE of the vmemmap map?
 * @addr: address in the vmemmap
 *
 * Context: as for vmemmap_fill_range(); does not sleep.
 * Return: the page; NULL if nothing or a leaf above the PTE level is there.
 */
struct page *vmemmap_lookup_page(unsigned long addr);

/**
 * vmemmap_wrprotect_range() - let nobody write to a range of the vmemmap
 * @start: first byte, on a page
 * @end: end of the range
 *
 * All of it must be mapped by PTEs; what is not is passed over with a warning.
 * The caller flushes the TLB.
 *
 * Context: as for vmemmap_fill_range(); does not sleep.
 */
void vmemmap_wrprotect_range(unsigned long start, unsigned long end);

/**
 * vmemmap_find_slot() - the PMD entry for an address
 * @addr: address in the vmemmap
 *
 * Builds nothing.
 *
 * Context: as for vmemmap_fill_range(); does not sleep.
 * Return: the entry; NULL if the tables do not reach down to it.
 */
pmd_t *vmemmap_find_slot(unsigned long addr);

/**
 * vmemmap_is_altmap_pfn() - is a page one of those set aside for the memory map?
 * @altmap: the device that sets them aside
 * @pfn: the page
 *
 * Context: any.
 * Return: true if the altmap may have given it.
 */
bool vmemmap_is_altmap_pfn(const struct vmem_altmap *altmap, unsigned long pfn);

/**
 * vmemmap_put_block() - give back a block or a table that is not mapped
 * @pfn: its first page frame, which tells where it goes: to the altmap that
 *	has set it aside, to memblock or the buddy allocator
 * @order: its size is 2^order pages
 * @nr_refs: how often it was mapped; only a block of order 0 is mapped more
 *	than once
 * @altmap: the device that it may have been allocated from, or NULL
 *
 * What is neither RAM nor taken from @altmap is refused with a warning, and
 * nothing is changed.
 *
 * Context: as for vmemmap_fill_range(); does not sleep.
 */
void vmemmap_put_block(unsigned long pfn, unsigned int order,
		       unsigned int nr_refs, struct vmem_altmap *altmap);

/**
 * vmemmap_alloc_pages() - allocate several pages of RAM by one call
 * @pages: where to put them; NULL so far
 * @nr: how many, at least two
 * @node: preferred node, or NUMA_NO_NODE
 *
 * Context: mem_hotplug_lock held for writing; may sleep.
 * Return: how many there are now, which can be less, or none.
 */
unsigned int vmemmap_alloc_pages(struct page **pages, unsigned int nr, int node);

/**
 * vmemmap_expect_pages() - tell how many base pages will be asked for
 * @nr: that many at most, of one node; 0: no more, give back what is left over
 *
 * vmemmap_alloc_block_buf() may then get them by one call, once it is asked for the first.
 *
 * Context: as for vmemmap_fill_range().
 */
void vmemmap_expect_pages(unsigned long nr);

/**
 * vmemmap_set_aside() - set memory aside for the blocks of a range
 * @size: in bytes, a multiple of a page
 * @nid: node that it must lie on, else there is none
 *
 * One search for all of them, where each would take one of its own, and none as
 * long as sparse_init() has set aside enough. vmemmap_alloc_block_buf() takes
 * from there until vmemmap_put_aside().
 *
 * Context: boot.
 */
void vmemmap_set_aside(unsigned long size, int nid);

/**
 * vmemmap_put_aside() - give back what is left of memory set aside
 *
 * Context: boot.
 */
void vmemmap_put_aside(void);

/**
 * vmemmap_alloc_altmap_block() - take a block from a device
 * @altmap: the device. @base_pfn to @end_pfn, the last one, is what its memory
 *	map describes
 * @size: in bytes, a multiple of a page; the block is aligned to the largest
 *	power of two that divides it
 *
 * As long as there is room behind the last block, this is arithmetic. Then all
 * leaves of the device's memory map are looked at, for a place that is free
 * again, at least twice. Nothing is found while a block is out that no leaf
 * maps: whoever gets a block maps it or puts it before the next.
 *
 * Context: mem_hotplug_lock held for writing; does not sleep. Device memory is
 * not touched.
 * Return: the address in the direct map, which need not be there; NULL if there
 * is no such block. A failed try changes nothing.
 */
void *vmemmap_alloc_altmap_block(struct vmem_altmap *altmap,
				 unsigned long size);

/**
 * vmemmap_put_altmap_block() - give a block back to the device that it is from
 * @altmap: the device
 * @pfn: first page frame of the block
 * @order: its size is 2^order pages
 *
 * Blocks come back in any order, and in parts. One that the device cannot have
 * given, since it lies in part outside of what is set aside, behind the last
 * block, or is more than what is out, is refused with a warning, and nothing is
 * changed.
 *
 * Context: as for vmemmap_alloc_altmap_block().
 * Return: false if nothing of the block is what the device sets aside; else the
 * block has come back, or was refused.
 */
bool vmemmap_put_altmap_block(struct vmem_altmap *altmap, unsigned long pfn,
			      unsigned int order);

/**
 * vmemmap_gather_range() - say where the next blocks were mapped
 * @start: first address
 * @end: end of the range
 *
 * Where a range is flushed half-way, the next flush covers it again.
 *
 * Context: between vmemmap_gather_begin() and vmemmap_gather_end(); does not
 * sleep.
 */
void vmemmap_gather_range(unsigned long start, unsigned long end);

/**
 * vmemmap_gather_block() - release a block after the next flush
 * @pfn: first page frame of the block
 * @order: its size is 2^order pages
 * @nr_refs: so many entries that mapped it, one after the other, are clear
 *
 * Flushes at once when there is no room for more.
 *
 * Context: as for vmemmap_gather_end().
 */
void vmemmap_gather_block(unsigned long pfn, unsigned int order,
			  unsigned int nr_refs);

/**
 * vmemmap_gather_table() - release a table after the next flush
 * @start: first address that the table maps
 * @end: end of what it maps
 * @table: the table; the entry that pointed to it is clear
 *
 * Context: as for vmemmap_gather_end().
 */
void vmemmap_gather_table(unsigned long start, unsigned long end, void *table);

/**
 * vmemmap_flush() - make sure that no CPU uses what was mapped in a range
 * @start: first byte
 * @end: end of the range
 * @has_tables: tables were unlinked too, not only leaves
 *
 * Context: mem_hotplug_lock held for writing, interrupts enabled.
 */
void vmemmap_flush(unsigned long start, unsigned long end, bool has_tables);

/* Where the part of [pfn, end_pfn) ends that lies in the section of @pfn. */
static inline unsigned long section_chunk_end(unsigned long pfn,
					      unsigned long end_pfn)
{
	return min(end_pfn, SECTION_ALIGN_DOWN(pfn) + PAGES_PER_SECTION);
}

/* Whole subsections of one section that can exist. */
static inline bool is_section_chunk(unsigned long pfn, unsigned long nr_pages)
{
	return nr_pages && IS_ALIGNED(pfn | nr_pages, PAGES_PER_SUBSECTION) &&
	       pfn_to_section_nr(pfn) < NR_MEM_SECTIONS &&
	       nr_pages <= PAGES_PER_SECTION - (pfn & ~PAGE_SECTION_MASK);
}

/**
 * populate_memmap() - map the struct pages of some page frames
 * @pfn: first page frame
 * @nr_pages: length of the range
 * @nid: node of the page frames
 * @altmap: take blocks from this device; NULL: from RAM
 * @pgmap: the device that the page frames belong to, or NULL
 *
 * Context: see vmemmap_fill_range().
 * Return: 0; -EINVAL, -ENOMEM, -EEXIST or -ERANGE, with the range mapped in part.
 */
int populate_memmap(unsigned long pfn, unsigned long nr_pages, int nid,
		    struct vmem_altmap *altmap, struct dev_pagemap *pgmap);

/**
 * warn_not_populated() - the only line about a memory map that cannot be had
 * @pfn: first page frame
 * @nr_pages: length of the range
 * @nid: node of the page frames
 * @altmap: the device that was to give memory for it; NULL: RAM
 * @err: why
 *
 * Context: any.
 */
void warn_not_populated(unsigned long pfn, unsigned long nr_pages, int nid,
			const struct vmem_altmap *altmap, int err);

/**
 * vmemmap_init_subsections() - note which subsections are present at boot
 * @pfn: first page frame, of any alignment
 * @nr_pages: length of the range
 *
 * Sections whose memory map could not be had are passed over.
 *
 * Context: boot, after the sections' memory maps are there.
 */
void vmemmap_init_subsections(unsigned long pfn, unsigned long nr_pages);

/**
 * sparse_has_live_subsection() - does anybody need the struct pages of a range?
 * @pfn: first page frame, of any alignment
 * @end_pfn: end of the range
 *
 * Early sections are live as a whole, as long as any of them is.
 *
 * Context: mem_hotplug_lock held; does not sleep.
 * Return: true if a subsection that the range touches is live.
 */
bool sparse_has_live_subsection(unsigned long pfn, unsigned long end_pfn);

/**
 * vmemmap_compound_nr_pages() - how many pages vmemmap_populate_compound_pages()
 *	allocates for a range
 * @pfn: first page frame described
 * @nr_pages: length of the range
 * @pgmap: the device; see vmemmap_populate_compound_pages()
 *
 * mm/mm_init.c:compound_nr_pages() knows this layout too: it initialises the
 * struct pages in these pages and no others.
 *
 * Context: any.
 * Return: the number of pages; 0 if @pgmap has no such range.
 */
unsigned long vmemmap_compound_nr_pages(unsigned long pfn,
					unsigned long nr_pages,
					struct dev_pagemap *pgmap);

#ifndef vmemmap_populate_compound_pages
/**
 * vmemmap_populate_compound_pages() - map the struct pages of device memory
 *	that is used in compound pages only
 * @start_pfn: first page frame described
 * @start: address of its struct page
 * @end: end of the range of struct pages
 * @node: node that the memory shall come from
 * @pgmap: the device; @start_pfn lies in one of its ranges that are in place, or
 *	in the next one, and the compound pages are counted from its start
 *
 * Each compound page gets VMEMMAP_RESERVE_NR vmemmap pages of its own; all
 * later ones show the last of these. The range may begin or end within a
 * compound page, if what lies before has been populated.
 *
 * Context: mem_hotplug_lock held for writing; may sleep.
 * Return: 0; -ENOMEM as vmemmap_fill_range(); -EINVAL if @pgmap has no such
 * range, the compound pages do not begin on a vmemmap page, or the tail of a
 * compound page that begins before @start is not mapped by a PTE. After an
 * error the range is filled in part.
 */
int vmemmap_populate_compound_pages(unsigned long start_pfn,
				    unsigned long start, unsigned long end,
				    int node, struct dev_pagemap *pgmap);
#endif

#endif /* _MM_VMEMMAP_H */
