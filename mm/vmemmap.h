/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vmemmap.h - what the files of the memory map back end offer each other
 *
 * The struct pages of all page frames form one virtual array, the vmemmap. The
 * back end allocates memory for the parts of that array that are in use and maps
 * it there. This header includes nothing: include vmemmap_base.h first.
 *
 *	vmemmap_summary.c	what debugfs shows of the leaves of all sections
 *	vmemmap_section.c	sections: add, remove, count
 *	vmemmap_dedup.c		compound pages: which vmemmap page is shared
 *	vmemmap_populate.c	the way in: fill ranges, slots, PTEs
 *	vmemmap_depopulate.c	the way out: unmap, flush, release
 *	sparse-vmemmap.c	blocks and page tables
 *
 * A file calls those below it; the ways in and out also ask vmemmap_section.c what
 * is in use. The way out never calls the way in.
 *
 * Terms:
 *
 *   block	 the memory behind one leaf: from memblock at boot, from the buddy
 *		 allocator later, or from a device (altmap)
 *   leaf	 an entry that maps a block: a PTE, or a PMD ("huge")
 *   table	 a page of entries of one level
 *   slot	 the span of one PMD entry: empty, a leaf, or a table of PTEs
 *   unit	 what one leaf maps; the smallest piece that can be freed
 *   head, tail	 of the vmemmap pages of one compound page, the first ones have a
 *		 block each (the head's), and all later ones map one tail page: one
 *		 of the compound page, or the only one of the zone for that order
 *   section	 the granule of the physical address space (SECTION_SIZE_BITS)
 *   subsection	 the granule of memory hotplug (2 MiB); each section has a bitmap
 *		 of its live subsections
 *   early	 a section that was present at boot; its memory map is always whole
 *   run	 the sections of a node that boot maps by one call
 *   boot buffer memory that boot allocates in advance for the blocks of a run
 *   window	 the pages of a device that its altmap reserves for blocks
 *   hole	 pages of the window that were allocated once and are free
 *   batch	 base pages allocated in a row for the PTEs of one slot
 *   stand-in	 a read-only table that an empty entry points to, in the place of what
 *		 was freed, so that zeros are read there; all such entries share it
 *
 * Locking: everything here runs in the single thread of boot, or with
 * mem_hotplug_lock held for writing, and then it may sleep. "Context:" of a
 * function says what differs. No page-table lock is taken, since only this code
 * fills empty entries of the vmemmap. HugeTLB replaces PTEs and leaves that are
 * present under init_mm.page_table_lock, in sections that are in use.
 *
 * Ranges are half-open, [start, end). Addresses are virtual addresses in the
 * vmemmap, in bytes; pfns count pages.
 */
#ifndef _MM_VMEMMAP_H
#define _MM_VMEMMAP_H

/* Of this back end: in the boot message, in patches and in make help. */
#define VMEMMAP_VERSION "1.0"

/* ---- Arithmetic ---- */

/* The number of vmemmap pages that the struct pages of @nr_pages fill. */
static inline long vmemmap_nr_pages(unsigned long nr_pages)
{
	return DIV_ROUND_UP(nr_pages * sizeof(struct page), PAGE_SIZE);
}

/*
 * Of the first @nr_vmemmap_pages of a range of compound pages, the number of those
 * that have a block of their own.
 */
static inline unsigned long
vmemmap_nr_own_pages(unsigned long nr_vmemmap_pages, unsigned long per_compound)
{
	const unsigned long reserve = VMEMMAP_RESERVE_NR;

	return nr_vmemmap_pages / per_compound * reserve +
	       min(nr_vmemmap_pages % per_compound, reserve);
}

/*
 * The end of the part of [addr, end) that lies in the same span of @size bytes as
 * @addr. Unlike pmd_addr_end(), it is right where a level is folded.
 */
static inline unsigned long vmemmap_span_end(unsigned long addr,
					     unsigned long end,
					     unsigned long size)
{
	const unsigned long boundary = ALIGN_DOWN(addr, size) + size;

	return boundary - 1 < end - 1 ? boundary : end;
}

/* ---- sparse-vmemmap.c: stand-ins ---- */

#ifdef CONFIG_SPARSEMEM_VMEMMAP_STAND_IN
/* The entry of each level that takes the place of one that is freed; 0: nothing does. */
extern struct vmemmap_stand_in {
	pte_t pte;
	pmd_t pmd;
	pud_t pud;
} vmemmap_stand_in;

/* vmemmap_section.c: the usage map of all sections that are no more, or NULL */
extern struct mem_section_usage *sparse_stand_in_usage;

/**
 * vmemmap_flush_zeros() - flush the TLB, which may know zeros where memory was added
 *
 * Between vmemmap_fill_range() and the first write to the struct pages; once for an
 * add of many sections.
 */
void vmemmap_flush_zeros(void);

/* Is an entry empty, or does it lead to zeros, which is as good? */
static inline bool vmemmap_pte_none(pte_t pte)
{
	return pte_none(pte) || pte_same(pte, vmemmap_stand_in.pte);
}

static inline bool vmemmap_pmd_none(pmd_t pmd)
{
	return pmd_none(pmd) || pmd_same(pmd, vmemmap_stand_in.pmd);
}

static inline bool vmemmap_pud_none(pud_t pud)
{
	return pud_none(pud) || pud_same(pud, vmemmap_stand_in.pud);
}

/* Unlink what an entry points to. */
#define vmemmap_clear_pte(addr, entry) \
	vmemmap_start_zeros(addr, entry, vmemmap_stand_in.pte)
#define vmemmap_clear_pmd(entry) set_pmd(entry, vmemmap_stand_in.pmd)
#define vmemmap_clear_pud(entry) set_pud(entry, vmemmap_stand_in.pud)
#else
#define sparse_stand_in_usage	((struct mem_section_usage *)NULL)
#define vmemmap_flush_zeros()	do { } while (0)
#define vmemmap_pte_none(pte)	pte_none(pte)
#define vmemmap_pmd_none(pmd)	pmd_none(pmd)
#define vmemmap_pud_none(pud)	pud_none(pud)
#define vmemmap_clear_pte(addr, entry) pte_clear(&init_mm, addr, entry)
#define vmemmap_clear_pmd(entry) pmd_clear(entry)
#define vmemmap_clear_pud(entry) pud_clear(entry)
#endif

/* ---- sparse-vmemmap.c: tables ---- */

/*
 * The entry of a level for an address, with a table of the next level below it. An
 * entry that is not empty is returned as it is, be it a table or a leaf. NULL if no
 * table can be allocated.
 */
pgd_t *vmemmap_pgd_populate(unsigned long addr, int node);
p4d_t *vmemmap_p4d_populate(pgd_t *pgd, unsigned long addr, int node);
pud_t *vmemmap_pud_populate(p4d_t *p4d, unsigned long addr, int node);
pmd_t *vmemmap_pmd_populate(pud_t *pud, unsigned long addr, int node);

/* A table for a slot that is empty. Returns false if none can be allocated. */
bool vmemmap_populate_slot(pmd_t *pmd, int node);

/**
 * vmemmap_find_slot() - the PMD entry of an address
 * @addr: address in the vmemmap
 *
 * Context: does not sleep.
 * Return: the entry; NULL if the tables do not reach down to it.
 */
pmd_t *vmemmap_find_slot(unsigned long addr);

/**
 * vmemmap_lookup_page() - the page that a PTE of the vmemmap maps
 * @addr: address in the vmemmap
 *
 * Context: does not sleep.
 * Return: the page; NULL if no PTE maps the address.
 */
struct page *vmemmap_lookup_page(unsigned long addr);

/**
 * struct vmemmap_mapped - how much of a range is mapped, by size of leaf
 * @base: bytes mapped by PTEs
 * @huge: bytes mapped by PMD leaves
 */
struct vmemmap_mapped {
	unsigned long base;
	unsigned long huge;
};

/**
 * vmemmap_count_mapped() - add up what leaves map in a range
 * @start: first byte, on a page
 * @end: end of the range
 * @mapped: is increased
 *
 * Context: boot, after sparse_init(); does not sleep.
 */
void vmemmap_count_mapped(unsigned long start, unsigned long end,
			  struct vmemmap_mapped *mapped);

/**
 * vmemmap_wrprotect_range() - make a range of the vmemmap read-only
 * @start: first byte, on a page
 * @end: end of the range
 *
 * All of it must be mapped by PTEs; an address that is not is skipped with a
 * warning. The caller flushes the TLB.
 *
 * Context: does not sleep.
 */
void vmemmap_wrprotect_range(unsigned long start, unsigned long end);

/**
 * vmemmap_nr_shared() - how many pages of a range are shared
 * @addr: address in the vmemmap, on a page
 * @end: end of the range
 *
 * Context: does not sleep.
 * Return: the number of pages that a read-only PTE maps.
 */
unsigned long vmemmap_nr_shared(unsigned long addr, unsigned long end);

/**
 * vmemmap_run_end() - the end of pages that are shared, or of those that are not
 * @addr: address in the vmemmap
 * @end: end of the range to search
 * @shared: search for the end of those that are shared: mapped by a PTE that is
 *	read-only
 *
 * Context: does not sleep.
 * Return: the first address from @addr on that is not as @shared says; @end if there
 * is none.
 */
unsigned long vmemmap_run_end(unsigned long addr, unsigned long end, bool shared);

/* ---- sparse-vmemmap.c: blocks ---- */

/**
 * vmemmap_is_altmap_pfn() - does a page lie in the window of an altmap?
 * @altmap: the device
 * @pfn: the page
 *
 * Context: any.
 * Return: true if the altmap may have allocated it.
 */
bool vmemmap_is_altmap_pfn(const struct vmem_altmap *altmap, unsigned long pfn);

/**
 * vmemmap_alloc_huge() - allocate a block for a PMD leaf, if that is easy
 * @node: node that it should come from, or NUMA_NO_NODE
 * @altmap: device that it must come from; NULL: RAM
 *
 * Unlike vmemmap_alloc_block_buf(), it neither reclaims memory nor takes that of
 * another node, since base pages of the node are better.
 *
 * Return: its address in the direct map; NULL if there is none.
 */
void *vmemmap_alloc_huge(int node, struct vmem_altmap *altmap);

/**
 * vmemmap_put_block() - free a block or a table that is not mapped
 * @pfn: its first page frame, which decides where it goes: to the altmap whose
 *	window it lies in, to memblock or to the buddy allocator
 * @order: its size is 2^order pages
 * @nr_refs: the number of entries that mapped it; more than one only for order 0
 * @altmap: the device that it may have been allocated from, or NULL
 *
 * A block that is neither RAM nor allocated from @altmap is refused with a
 * warning, and nothing changes.
 *
 * Context: does not sleep.
 */
void vmemmap_put_block(unsigned long pfn, unsigned int order,
		       unsigned int nr_refs, struct vmem_altmap *altmap);

/**
 * vmemmap_freeze_page() - take the last references to a base page of RAM
 * @pfn: the page; not of an altmap in use
 * @nr_refs: the number of entries that mapped it, all of which are clear
 *
 * From then on nobody else can get a reference, and vmemmap_put_row() frees it.
 *
 * Context: does not sleep.
 * Return: true; false if the page is not RAM, is from boot, bad, a table, or if
 * anybody else holds it. Then nothing has changed, and it is vmemmap_put_block()'s.
 */
bool vmemmap_freeze_page(unsigned long pfn, unsigned int nr_refs);

/**
 * vmemmap_freeze_next_page() - the same for the page behind one that is frozen
 * @pfn: the page; not of an altmap in use
 * @nr_refs: the number of entries that mapped it, all of which are clear
 *
 * Context: does not sleep.
 * Return: true if both may lie in one block of the page allocator, so that they are
 * in a row; otherwise false, and nothing has changed.
 */
bool vmemmap_freeze_next_page(unsigned long pfn, unsigned int nr_refs);

/**
 * vmemmap_put_row() - free base pages in a row by few calls
 * @pfn: the first of them
 * @nr_pages: their number. All are frozen, and each is in a row with the next
 *
 * Context: does not sleep.
 */
void vmemmap_put_row(unsigned long pfn, unsigned long nr_pages);

/**
 * vmemmap_open_boot_buffer() - announce how much memory boot will ask for
 * @size: in bytes, a multiple of a page
 * @nid: node that it must lie on, otherwise there is no buffer
 *
 * One memblock search for the whole range instead of one per block, or a few where
 * there is no piece so large, and none while sparse_init()'s own buffer lasts.
 * vmemmap_alloc_block_buf() allocates from it until vmemmap_close_boot_buffer().
 * There is no buffer on a machine with mirrored memory.
 *
 * Context: boot.
 */
void vmemmap_open_boot_buffer(unsigned long size, int nid);

/**
 * vmemmap_close_boot_buffer() - give what is left of the buffer back
 *
 * Context: boot.
 */
void vmemmap_close_boot_buffer(void);

/**
 * struct vmemmap_holes - the window of an altmap whose end has been reached
 * @used: a bit for each page in use; NULL: unknown so far
 * @next: no hole before this page is left
 */
struct vmemmap_holes {
	unsigned long *used;
	unsigned long next;
};

/**
 * struct vmemmap_batch - base pages for the PTEs of one slot
 * @nid: node that they should come from, or NUMA_NO_NODE
 * @altmap: device that all of them come from; NULL: RAM
 * @holes: what is known of the device
 * @max_order: the largest row worth asking for
 * @nr_wanted: pages that may be needed beyond those at hand
 * @pfn: the next page at hand
 * @nr: the number of pages at hand
 *
 * Lives on the stack of the function that fills the slot. Pages of RAM come in rows
 * of a power of two, as large as is wanted and can be allocated, so that the memory
 * map of a section lies together and costs few calls of the page allocator. Each page
 * must be mapped before the next one is allocated, since a device has no other record
 * of it.
 */
struct vmemmap_batch {
	int nid;
	struct vmem_altmap *altmap;
	struct vmemmap_holes holes;
	unsigned int max_order;
	unsigned long nr_wanted;
	unsigned long pfn;
	unsigned long nr;
};

/**
 * vmemmap_open_batch() - start a batch; allocates nothing
 * @batch: the batch
 * @nid: node that the pages should come from, or NUMA_NO_NODE
 * @altmap: device that all of them must come from; NULL: RAM
 * @nr_wanted: upper bound on the number of pages
 *
 * At boot, and beyond @nr_wanted, pages are allocated one by one.
 */
void vmemmap_open_batch(struct vmemmap_batch *batch, int nid,
			struct vmem_altmap *altmap, unsigned long nr_wanted);

/**
 * vmemmap_alloc_batch_page() - allocate the next page
 * @batch: the batch
 *
 * Return: its address in the direct map; NULL if there is none: the device has none
 * left, or not even another node has one, which the page allocator reports.
 */
void *vmemmap_alloc_batch_page(struct vmemmap_batch *batch);

/**
 * vmemmap_close_batch() - free the pages at hand
 * @batch: the batch
 */
void vmemmap_close_batch(struct vmemmap_batch *batch);

/* ---- vmemmap_populate.c ---- */

/**
 * struct vmemmap_fill - what to map in a range of the vmemmap
 * @altmap: allocate blocks from this device; NULL means from RAM. Tables always
 *	come from RAM
 * @shared: map this page at every address, with a reference per PTE; none at
 *	boot, where it is never freed. NULL means a block for each leaf
 * @compound_size: bytes of the struct pages of each compound page; 0 means that
 *	there are none. The first VMEMMAP_RESERVE_NR pages of each get a block of
 *	their own, all later ones map the last of these or @zone_tail
 * @first: address of the first struct page of such a compound page, on a page, at
 *	or before the range
 * @zone_tail: with @compound_size: map this page, which outlives the range,
 *	read-only and without a reference; keep what is mapped already. NULL: there
 *	is none
 * @nid: node that blocks and tables should come from
 * @huge: make each empty slot a PMD leaf, as far as blocks can be allocated
 *
 * @shared and @compound_size each exclude all the others; with CONFIG_DEBUG_VM, any
 * other combination is refused with a warning and -EINVAL.
 */
struct vmemmap_fill {
	struct vmem_altmap *altmap;
	struct page *shared;
	unsigned long compound_size;
	unsigned long first;
	struct page *zone_tail;
	int nid;
	bool huge;
};

/**
 * vmemmap_fill_range() - map every page of a range of the vmemmap
 * @start: first byte; rounded down to a page, since struct pages of two
 *	subsections may lie in one page
 * @end: end of the range; rounded up to a page
 * @fill: what to map
 *
 * An empty slot becomes a leaf if one is wanted and can be allocated, otherwise a
 * table of PTEs. In a table of PTEs, those that are empty are filled and the others
 * are kept. A slot that is a leaf is kept: all of it is mapped already. Where a page
 * is to be shared that is not @zone_tail, a leaf or another page is refused: its
 * struct pages would stay uninitialised, since those of tails are initialised once
 * for all.
 *
 * An altmap backs only leaves that lie wholly inside the range; those at its ends
 * come from RAM, since they may come to describe a neighbour, which outlives the
 * device.
 *
 * Return: 0; -ENOMEM if a block or a table cannot be allocated; -EEXIST if a leaf
 * above the PMD level is in the way, or if a leaf or another page is mapped where a
 * page is to be shared; -EINVAL if the tail page to be shared is not mapped by a
 * PTE, if the range ends before it starts or in the last page of the address
 * space, or if @fill contradicts itself. After an error the range is filled in
 * part, or not at all; the caller undoes that with vmemmap_free(), which accepts
 * holes.
 */
int vmemmap_fill_range(unsigned long start, unsigned long end,
		       const struct vmemmap_fill *fill);

/* ---- vmemmap_section.c ---- */

/**
 * sparse_boot_size() - how much of a part of the vmemmap does a node use at boot?
 * @start: first address
 * @end: end of the part
 * @nid: the node
 *
 * Return: the bytes that describe sections of the node, known to boot already or
 * not; 0 after boot.
 */
unsigned long sparse_boot_size(unsigned long start, unsigned long end, int nid);

/**
 * sparse_has_live_subsection() - are the struct pages of a range needed?
 * @pfn: first page frame, of any alignment
 * @end_pfn: end of the range
 *
 * An early section is live as a whole, as long as any part of it is.
 *
 * Context: does not sleep.
 * Return: true if a subsection that the range touches is live.
 */
bool sparse_has_live_subsection(unsigned long pfn, unsigned long end_pfn);

/* ---- vmemmap_depopulate.c ---- */

/**
 * struct vmemmap_cleared - entries of one kind, cleared since the last flush
 * @start: first address that any of them mapped
 * @end: end of the last one; 0: none has been cleared
 * @stride: what the smallest of them mapped, in bytes
 */
struct vmemmap_cleared {
	unsigned long start;
	unsigned long end;
	unsigned long stride;
};

/* ---- vmemmap_dedup.c ---- */

/**
 * vmemmap_compound_nr_pages() - how many pages vmemmap_populate_compound_pages()
 *	allocates for a range
 * @pfn: first page frame described
 * @nr_pages: length of the range
 * @pgmap: the device; see vmemmap_populate_compound_pages()
 *
 * It may be more where the tail page of the zone is shared and a neighbour has mapped
 * part of the range before; see vmemmap_count_own_pages().
 *
 * mm/mm_init.c initialises the struct pages in these pages and no others.
 *
 * Context: any.
 * Return: the number of pages; 0 if @pgmap has no such range.
 */
unsigned long vmemmap_compound_nr_pages(unsigned long pfn,
					unsigned long nr_pages,
					struct dev_pagemap *pgmap);

/**
 * vmemmap_count_own_pages() - how many pages a range has that are not shared
 * @pfn: first page frame described
 * @nr_pages: length of the range, as it is mapped now
 *
 * Context: see vmemmap_run_end().
 * Return: the number of pages, mapped or not, that do not map the tail page of a zone.
 */
long vmemmap_count_own_pages(unsigned long pfn, unsigned long nr_pages);

/**
 * vmemmap_is_misaligned() - does a device start on no multiple of its page size?
 * @pfn: page frame in one of its ranges
 * @pgmap: the device
 *
 * The first compound page of such a range includes page frames that are not the
 * device's, and a process could map them.
 *
 * Context: any.
 */
bool vmemmap_is_misaligned(unsigned long pfn, struct dev_pagemap *pgmap);

/**
 * vmemmap_init_poison() - poison the struct pages of a device that are not shared
 * @page: the first of them
 * @size: in bytes
 *
 * With CONFIG_DEBUG_VM; see page_init_poison().
 *
 * Context: see vmemmap_run_end().
 */
void vmemmap_init_poison(struct page *page, size_t size);

#ifndef vmemmap_populate_compound_pages
/**
 * vmemmap_populate_compound_pages() - map the struct pages of device memory
 *	that is used in compound pages only
 * @start_pfn: first page frame described
 * @start: address of its struct page
 * @end: end of the range of struct pages
 * @node: node that the memory should come from
 * @pgmap: the device; @start_pfn lies in one of its ranges that are in place, or
 *	in the next one, and the compound pages are counted from its start
 *
 * Each compound page gets VMEMMAP_RESERVE_NR vmemmap pages of its own; all
 * later ones map the last of these, and the range may start or end within a compound
 * page, if what lies before has been populated.
 *
 * If VMEMMAP_RESERVE_NR is 1, they map the tail page of the zone instead, as far as
 * the compound page starts on a multiple of its size and lies wholly in the range of
 * @pgmap, and nothing else is mapped there. The range may start and end anywhere.
 *
 * Return: 0; -ENOMEM or -EEXIST as vmemmap_fill_range(); -EINVAL if @pgmap has no
 * such range, the compound pages do not start on a vmemmap page, or the tail page of
 * a compound page that starts before @start is not mapped by a PTE. After an error
 * the range is filled in part.
 */
int vmemmap_populate_compound_pages(unsigned long start_pfn,
				    unsigned long start, unsigned long end,
				    int node, struct dev_pagemap *pgmap);
#endif

/* ---- vmemmap_summary.c ---- */

/* What is behind a leaf. Shared: a page that another leaf has been counted for. */
enum vmemmap_backed_by {
	VMEMMAP_BY_MEMBLOCK,
	VMEMMAP_BY_BUDDY,
	VMEMMAP_SHARED,
	VMEMMAP_BY_DEVICE,
};

/**
 * struct vmemmap_summary - how much is mapped, by backing and node
 * @node: by the node of the block, for all but devices
 * @device: behind it is memory of a device, or of the memory block that is described
 * @end: all before this address has been added up
 * @last_pfn: what the last PTE maps; -1UL: there has been none
 * @tails: the read-only pages that a leaf has been counted for
 */
struct vmemmap_summary {
	struct vmemmap_mapped node[MAX_NUMNODES][VMEMMAP_BY_DEVICE];
	struct vmemmap_mapped device;
	unsigned long end;
	unsigned long last_pfn;
	struct xarray tails;
};

/**
 * vmemmap_open_summary() - start a summary
 *
 * Context: may sleep.
 * Return: an empty one; NULL if there is no memory for it.
 */
struct vmemmap_summary *vmemmap_open_summary(void);

/**
 * vmemmap_close_summary() - free a summary
 * @summary: from vmemmap_open_summary()
 *
 * Context: does not sleep.
 */
void vmemmap_close_summary(struct vmemmap_summary *summary);

/**
 * vmemmap_sum_range() - add the leaves of a range to a summary
 * @start: first byte
 * @end: end of the range; ranges ascend
 * @summary: is added to. A leaf is added once, and as a whole
 *
 * Context: mem_hotplug_lock is held for reading; may sleep.
 */
void vmemmap_sum_range(unsigned long start, unsigned long end,
		       struct vmemmap_summary *summary);

/* ---- What tests replace or look into ---- */

#if IS_ENABLED(CONFIG_KUNIT)
struct page **vmemmap_device_tail(unsigned int order, int nid);
struct page *vmemmap_alloc_pages(unsigned int order, int node);
bool vmemmap_put_altmap_block(struct vmem_altmap *altmap, unsigned long pfn,
			      unsigned int order);
void vmemmap_flush(const struct vmemmap_cleared *leaves,
		   const struct vmemmap_cleared *tables);
#endif

#endif /* _MM_VMEMMAP_H */
