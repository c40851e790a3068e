// SPDX-License-Identifier: GPL-2.0
/*
 * vmemmap_section.c - sections and their memory map
 *
 * Owns how the memory map of a section comes into being, at boot together with the
 * sections that follow; and, after boot, the bitmaps of live subsections, the usage
 * map of a section that was added, the counters of memory map pages, and the only
 * undo of an add that failed. Knows ranges of page frames; must not know page
 * tables.
 *
 *	activate			deactivate
 *	  subsections live		  subsections dead
 *	  pages counted			  section invalid, if that was the last
 *	  memory map populated		  pages counted, memory map freed
 *
 * The memory map of an early section is always whole: it is never populated or
 * freed in part.
 *
 * See mm/vmemmap.h for the terms and for the locking rule. Readers such as
 * pfn_valid() hold rcu_read_lock_sched() only.
 */
#define pr_fmt(fmt) "vmemmap: " fmt

#include "vmemmap_base.h"
#include "vmemmap.h"
#include <linux/vmemmap.h>

/* Is it a range of whole subsections of one section that can exist? */
static inline bool is_section_chunk(unsigned long pfn, unsigned long nr_pages)
{
	const unsigned long nr_behind = ~pfn & ~PAGE_SECTION_MASK;

	/* Of no pages, one less is more than any section has. */
	return IS_ALIGNED(pfn | nr_pages, PAGES_PER_SUBSECTION) &&
	       pfn_to_section_nr(pfn) < NR_MEM_SECTIONS &&
	       nr_pages - 1 <= nr_behind;
}

/* ---- Live subsections at boot ---- */

/* The section behind @ms; only the first of a root is looked up. */
static struct mem_section * __init next_section(struct mem_section *ms,
						unsigned long nr)
{
	return ms && nr % SECTIONS_PER_ROOT ? ms + 1 : __nr_to_section(nr);
}

/* [pfn, end_pfn) lies in the section. */
static void __init mark_part(struct mem_section *ms, unsigned long pfn,
			     unsigned long end_pfn)
{
	const unsigned int first = subsection_map_index(pfn);

	bitmap_set(ms->usage->subsection_map, first,
		   subsection_map_index(end_pfn - 1) - first + 1);
}

/* Sections without a memory map are skipped. */
static void __init mark_subsections(unsigned long pfn, unsigned long end_pfn)
{
	const unsigned long first = pfn_to_section_nr(pfn);
	const unsigned long last = pfn_to_section_nr(end_pfn - 1);
	struct mem_section *ms = NULL;
	unsigned long nr;

	for (nr = first; nr <= last; nr++) {
		ms = next_section(ms, nr);
		if (!ms || !ms->usage)
			continue;
		if (first < nr && nr < last)
			bitmap_fill(ms->usage->subsection_map,
				    SUBSECTIONS_PER_SECTION);
		else
			mark_part(ms, max(pfn, section_nr_to_pfn(nr)),
				  min(end_pfn, section_nr_to_pfn(nr + 1)));
	}
}

/*
 * Records the subsections that are present at boot, after the sections have got
 * their memory maps.
 */
#ifdef VMEMMAP_INIT_ALL_SUBSECTIONS
void __init sparse_init_subsection_map(void)
{
	unsigned long pfn, end_pfn;
	int i;

	for_each_mem_pfn_range(i, MAX_NUMNODES, &pfn, &end_pfn, NULL)
		mark_subsections(pfn, end_pfn);
}
#else
void __init sparse_init_subsection_map(unsigned long pfn, unsigned long nr_pages)
{
	if (nr_pages)
		mark_subsections(pfn, pfn + nr_pages);
}
#endif

/* ---- The memory map of sections ---- */

/*
 * The only line about a memory map that cannot be populated. Not inline, so that one that
 * can saves no registers for it.
 */
static noinline void __meminit
warn_not_populated(unsigned long pfn, unsigned long nr_pages, int nid,
		   const struct vmem_altmap *altmap, struct dev_pagemap *pgmap,
		   int err)
{
	const char *how = "";

	if (altmap)
		how = " from their device";
	else if (err == -EINVAL && pgmap && vmemmap_is_misaligned(pfn, pgmap))
		how = " unless their device starts on a multiple of its page size";
	pr_warn_ratelimited("pfn [%#lx-%#lx) of node %d cannot be populated%s (%d)\n",
			    pfn, pfn + nr_pages, nid, how, err);
}

/* Not inline, so that other memory maps do without its registers. */
static noinline int __meminit
populate_compound_memmap(unsigned long pfn, unsigned long start,
			 unsigned long end, int nid, struct dev_pagemap *pgmap)
{
	if (vmemmap_is_misaligned(pfn, pgmap))
		return -EINVAL;
	return vmemmap_populate_compound_pages(pfn, start, end, nid, pgmap);
}

static inline void __meminit flush_populated(unsigned long start,
					     unsigned long end)
{
#ifdef CONFIG_VMEMMAP_FLUSH_POPULATED
	vmemmap_flush_populated(start, end);
#else
	flush_cache_vmap(start, end);
#endif
}

/* After an error, the range is mapped in part. */
static inline int __meminit
populate_memmap(unsigned long pfn, unsigned long nr_pages, int nid,
		struct vmem_altmap *altmap, struct dev_pagemap *pgmap)
{
	const unsigned long start = (unsigned long)pfn_to_page(pfn);
	const unsigned long end = start + nr_pages * sizeof(struct page);
	int err;

	if (!altmap && vmemmap_can_optimize(NULL, pgmap))
		err = populate_compound_memmap(pfn, start, end, nid, pgmap);
	else
		err = vmemmap_populate(start, end, nid, altmap);
	if (!err)
		flush_populated(start, end);
	return err;
}

/*
 * The sections that were mapped by the same call as the last one. sparse_init() passes
 * over those that HugeTLB has given a memory map.
 */
static struct {
	unsigned long pfn;
	unsigned long end_pfn;
} boot_run __initdata;

/*
 * The end of the sections of the node that follow @pfn without a gap. It ends before
 * a section whose memory map HugeTLB populates later.
 */
static unsigned long __init boot_run_end(unsigned long pfn, int nid)
{
	unsigned long run_end = pfn, start_pfn, end_pfn;
	int i;

	for_each_mem_pfn_range(i, nid, &start_pfn, &end_pfn, NULL)
		if (start_pfn <= run_end && run_end < end_pfn)
			run_end = ALIGN(end_pfn, PAGES_PER_SECTION);
#ifdef VMEMMAP_POPULATE_HVO_LATE
	for (; pfn < run_end; pfn += PAGES_PER_SECTION)
		if (preinited_vmemmap_section(__pfn_to_section(pfn)))
			return pfn;
#endif
	return run_end;
}

unsigned long __meminit sparse_boot_size(unsigned long start,
					 unsigned long end, int nid)
{
	unsigned long size = 0, first, last, pfn, end_pfn;
	int i;

	if (vmemmap_has_slab())
		return 0;
	/* Ranges ascend, and several of them may lie in one section. */
	for_each_mem_pfn_range(i, nid, &pfn, &end_pfn, NULL) {
		end_pfn = ALIGN(end_pfn, PAGES_PER_SECTION);
		first = (unsigned long)pfn_to_page(SECTION_ALIGN_DOWN(pfn));
		last = (unsigned long)pfn_to_page(end_pfn);
		start = max(start, first);
		last = min(end, last);
		if (start < last) {
			size += last - start;
			start = last;
		}
	}
	return size;
}

/*
 * Boot maps the sections that follow a section by the same call, so that they have
 * their memory map when they are asked for. Not inline, so that those save no registers.
 */
static noinline struct page * __init
populate_boot_run(unsigned long pfn, unsigned long nr_pages, int nid)
{
	const unsigned long start = (unsigned long)pfn_to_page(pfn);
	const unsigned long next_pfn = pfn + nr_pages;
	unsigned long end_pfn = next_pfn;
	int err;

	if (!is_section_chunk(pfn, nr_pages)) {
		warn_not_populated(pfn, nr_pages, nid, NULL, NULL, -EINVAL);
		return NULL;
	}
	if (!VMEMMAP_POPULATE_ONCE)
		end_pfn = boot_run_end(next_pfn, nid);
	vmemmap_open_boot_buffer(PAGE_SIZE * vmemmap_nr_pages(end_pfn - pfn), nid);
	err = vmemmap_populate(start, (unsigned long)pfn_to_page(end_pfn), nid, NULL);
	vmemmap_close_boot_buffer();

	/* What a run has mapped before it failed is kept for the calls to come. */
	if (err && end_pfn > next_pfn) {
		end_pfn = next_pfn;
		err = vmemmap_populate(start, (unsigned long)pfn_to_page(end_pfn), nid,
				       NULL);
	}
	if (err) {
		warn_not_populated(pfn, nr_pages, nid, NULL, NULL, err);
		return NULL;
	}
	flush_populated(start, (unsigned long)pfn_to_page(end_pfn));
	boot_run.pfn = next_pfn;
	boot_run.end_pfn = end_pfn;
	return pfn_to_page(pfn);
}

/* Not inline: what it uses is freed after boot. */
static noinline struct page * __ref
populate_at_boot(unsigned long pfn, unsigned long nr_pages, int nid)
{
	if (pfn < boot_run.end_pfn && boot_run.pfn <= pfn)
		return pfn_to_page(pfn);
	return populate_boot_run(pfn, nr_pages, nid);
}

/* Not inline, so that boot saves no registers. */
static noinline struct page * __meminit
populate_section(unsigned long pfn, unsigned long nr_pages, int nid,
		 struct vmem_altmap *altmap, struct dev_pagemap *pgmap)
{
	struct page *map = pfn_to_page(pfn);
	int err = -EINVAL;

	if (is_section_chunk(pfn, nr_pages))
		err = populate_memmap(pfn, nr_pages, nid, altmap, pgmap);
	if (err) {
		warn_not_populated(pfn, nr_pages, nid, altmap, pgmap, err);
		return NULL;
	}
	return map;
}

/**
 * __populate_section_memmap() - map the struct pages of some page frames
 * @pfn: first page frame
 * @nr_pages: length of the range: whole subsections of one section
 * @nid: node of the page frames
 * @altmap: allocate memory for it from this device; NULL: from RAM
 * @pgmap: the device that the page frames belong to, or NULL
 *
 * Context: see mm/vmemmap.h.
 * Return: the first struct page; NULL if the range is not as required above or
 * cannot be mapped, which is reported. It may then be mapped in part.
 */
struct page * __meminit __populate_section_memmap(unsigned long pfn,
						  unsigned long nr_pages,
						  int nid,
						  struct vmem_altmap *altmap,
						  struct dev_pagemap *pgmap)
{
	if (!vmemmap_has_slab())
		return populate_at_boot(pfn, nr_pages, nid);
	return populate_section(pfn, nr_pages, nid, altmap, pgmap);
}

/* ---- What boot has mapped ---- */

/* One line a node: which back end this is, and by leaves of which size it maps how much. */
static void __init report_boot_memmap(void)
{
	static struct vmemmap_mapped mapped[MAX_NUMNODES] __initdata;
	unsigned long nr, start;
	int nid;

	for (nr = next_present_section_nr(-1); nr != -1UL;
	     nr = next_present_section_nr(nr)) {
		struct page *map = pfn_to_page(section_nr_to_pfn(nr));

		if (!valid_section_nr(nr))
			continue;
		start = PAGE_ALIGN_DOWN((unsigned long)map);
		vmemmap_count_mapped(start, start + PAGE_SIZE *
				     vmemmap_nr_pages(PAGES_PER_SECTION),
				     &mapped[page_to_nid(map)]);
	}

	for (nid = 0; nid < MAX_NUMNODES; nid++)
		if (mapped[nid].base || mapped[nid].huge)
			pr_info("version %s, node %d: struct pages mapped by leaves of %lu KiB: %lu KiB, by base pages of %lu KiB: %lu KiB\n",
				VMEMMAP_VERSION, nid, PMD_SIZE / SZ_1K,
				mapped[nid].huge / SZ_1K, PAGE_SIZE / SZ_1K,
				mapped[nid].base / SZ_1K);
}

#ifdef CONFIG_SPARSEMEM_VMEMMAP_STAND_IN
/*
 * The usage map of all sections that are no more: nothing in it is live. Whoever comes
 * late may read and write its pageblock flags, which mean nothing.
 */
struct mem_section_usage *sparse_stand_in_usage __ro_after_init;

static int __init make_stand_in_usage(void)
{
	sparse_stand_in_usage = kzalloc(mem_section_usage_size(), GFP_KERNEL);
	return sparse_stand_in_usage ? 0 : -ENOMEM;
}
#else
#define make_stand_in_usage()	0
#endif

static int __init end_boot(void)
{
	report_boot_memmap();
	return make_stand_in_usage();
}
core_initcall(end_boot);

/* ---- Sections that are added and removed ---- */

#ifdef CONFIG_MEMORY_HOTPLUG

/* The end of the part of [pfn, end_pfn) that lies in the section of @pfn. */
static unsigned long section_chunk_end(unsigned long pfn, unsigned long end_pfn)
{
	return min(end_pfn, SECTION_ALIGN_DOWN(pfn) + PAGES_PER_SECTION);
}

/* The subsections of one section that [pfn, end_pfn) touches. */
static void __meminit subsection_mask(unsigned long *mask, unsigned long pfn,
				      unsigned long end_pfn)
{
	const int first = subsection_map_index(pfn);
	const int last = subsection_map_index(end_pfn - 1);

	if (SUBSECTIONS_PER_SECTION == BITS_PER_LONG) {
		*mask = GENMASK(last, first);
		return;
	}
	bitmap_zero(mask, SUBSECTIONS_PER_SECTION);
	bitmap_set(mask, first, last - first + 1);
}

bool sparse_has_live_subsection(unsigned long pfn, unsigned long end_pfn)
{
	DECLARE_BITMAP(mask, SUBSECTIONS_PER_SECTION);
	unsigned long next;

	for (; pfn < end_pfn; pfn = next) {
		struct mem_section *ms = __pfn_to_section(pfn);

		next = section_chunk_end(pfn, end_pfn);
		if (!ms)
			continue;
		if (early_section(ms) && valid_section(ms))
			return true;
		subsection_mask(mask, pfn, next);
		if (ms->usage && bitmap_intersects(ms->usage->subsection_map,
						   mask,
						   SUBSECTIONS_PER_SECTION))
			return true;
	}
	return false;
}

/* @online: SECTION_IS_ONLINE or 0. */
static void mark_sections(unsigned long pfn, unsigned long end_pfn,
			  unsigned long online)
{
	for (; pfn < end_pfn; pfn = section_chunk_end(pfn, end_pfn)) {
		struct mem_section *ms = __pfn_to_section(pfn);
		unsigned long map;

		if (WARN_ON_ONCE(!valid_section(ms)))
			continue;
		map = ms->section_mem_map & ~SECTION_IS_ONLINE;
		ms->section_mem_map = map | online;
	}
}

/**
 * online_mem_sections() - mark sections as online
 * @start_pfn: first page frame
 * @end_pfn: end of the range
 *
 * Sections without a memory map are skipped with a warning.
 *
 * Context: does not sleep.
 */
void online_mem_sections(unsigned long start_pfn, unsigned long end_pfn)
{
	mark_sections(start_pfn, end_pfn, SECTION_IS_ONLINE);
}

/**
 * offline_mem_sections() - mark sections as offline
 * @start_pfn: first page frame
 * @end_pfn: end of the range
 *
 * Sections without a memory map are skipped with a warning.
 *
 * Context: does not sleep, cannot fail.
 */
void offline_mem_sections(unsigned long start_pfn, unsigned long end_pfn)
{
	mark_sections(start_pfn, end_pfn, 0);
}

/* The pages that a memory map takes, whether they are RAM or a device's. */
static long __meminit memmap_cost(unsigned long pfn, unsigned long nr_pages,
				  struct vmem_altmap *altmap,
				  struct dev_pagemap *pgmap)
{
	if (vmemmap_can_optimize(altmap, pgmap))
		return vmemmap_compound_nr_pages(pfn, nr_pages, pgmap);
	return vmemmap_nr_pages(nr_pages);
}

/* The pages by which the counters rise: a neighbour may have mapped some of them. */
static long nr_memmap_pages(unsigned long pfn, unsigned long nr_pages,
			    struct vmem_altmap *altmap,
			    struct dev_pagemap *pgmap)
{
	if (vmemmap_has_zone_tails() && vmemmap_can_optimize(altmap, pgmap))
		return vmemmap_count_own_pages(pfn, nr_pages);
	return memmap_cost(pfn, nr_pages, altmap, pgmap);
}

/*
 * Base pages need a table for each slot. What is free on the lists of CPUs, up to an eighth
 * of a zone, is not known to be.
 */
int __meminit vmemmap_check_memory(int nid, unsigned long pfn,
				   unsigned long nr_pages,
				   struct vmem_altmap *altmap,
				   struct dev_pagemap *pgmap)
{
	long available = vmemmap_nr_available(), wanted = 0;

	if (!altmap)
		wanted = memmap_cost(pfn, nr_pages, NULL, pgmap) +
			 vmemmap_nr_pages(nr_pages) / PTRS_PER_PTE;
	if (wanted > available) {
		drain_all_pages(NULL);
		available = vmemmap_nr_available();
	}
	if (wanted <= available)
		return 0;

	pr_warn_ratelimited("pfn [%#lx-%#lx) of node %d cannot be added: its struct pages need %lu KiB, %lu KiB are available\n",
			    pfn, pfn + nr_pages, nid, wanted * (PAGE_SIZE / SZ_1K),
			    available * (PAGE_SIZE / SZ_1K));
	return -ENOMEM;
}

/*
 * Does a PTE map a page of struct pages that nothing needs? A range that was removed
 * while its end lay in a leaf of a neighbour leaves such pages behind, if HugeTLB then
 * splits the leaf.
 */
static bool is_left_behind(unsigned long addr)
{
	const unsigned long start = addr - (unsigned long)pfn_to_page(0);
	const unsigned long end = start + PAGE_SIZE;

	return vmemmap_lookup_page(addr) &&
	       !sparse_has_live_subsection(start / sizeof(struct page),
					   DIV_ROUND_UP(end, sizeof(struct page)));
}

/*
 * The pages of an early section, which nothing needs any more, that HugeTLB has allocated
 * in the place of pages from boot: it has moved them from one counter to the other.
 */
static long nr_moved_pages(unsigned long pfn)
{
	unsigned long addr = (unsigned long)pfn_to_page(pfn);
	const unsigned long end = addr + PAGES_PER_SECTION * sizeof(struct page);
	long nr = 0;

	for (; addr < end; addr += PAGE_SIZE)
		nr += is_left_behind(addr) &&
		      !PageReserved(vmemmap_lookup_page(addr));
	return nr;
}

/* Pages that were left behind lie beside the range, in the same slots. */
static void free_memmap(unsigned long pfn, unsigned long nr_pages,
			struct vmem_altmap *altmap)
{
	unsigned long start = (unsigned long)pfn_to_page(pfn);
	unsigned long end = start + nr_pages * sizeof(struct page);
	unsigned long page;

	for (page = PAGE_ALIGN_DOWN(start); !IS_ALIGNED(page, PMD_SIZE) &&
	     is_left_behind(page - PAGE_SIZE); page -= PAGE_SIZE)
		start = page - PAGE_SIZE;
	for (page = PAGE_ALIGN(end); !IS_ALIGNED(page, PMD_SIZE) &&
	     is_left_behind(page); page += PAGE_SIZE)
		end = page + PAGE_SIZE;
	vmemmap_free(start, end, altmap);
}

/*
 * The section has lost its last subsection: make it invalid for pfn_valid(), then
 * free its usage map once nobody can be reading it. Usage maps from boot lie
 * together in reserved pages and are kept for the next add.
 */
static void section_invalidate(struct mem_section *ms)
{
	struct mem_section_usage *usage = ms->usage;

	ms->section_mem_map &= ~SECTION_HAS_MEM_MAP;
	if (PageReserved(virt_to_page(usage)))
		return;
	WRITE_ONCE(ms->usage, sparse_stand_in_usage);
	kfree_rcu(usage, rcu);
}

/*
 * Undo section_activate(), whether it succeeded or failed half-way. All of
 * [pfn, pfn + nr_pages) is live. Cannot fail.
 */
static void section_deactivate(unsigned long pfn, unsigned long nr_pages,
			       struct vmem_altmap *altmap,
			       struct dev_pagemap *pgmap)
{
	struct mem_section *ms = __pfn_to_section(pfn);
	unsigned long *live = ms->usage->subsection_map;
	const bool is_early = early_section(ms);
	DECLARE_BITMAP(mask, SUBSECTIONS_PER_SECTION);
	bool is_last;
	long nr_moved;

	subsection_mask(mask, pfn, pfn + nr_pages);
	is_last = bitmap_equal(live, mask, SUBSECTIONS_PER_SECTION);
	bitmap_andnot(live, live, mask, SUBSECTIONS_PER_SECTION);
	if (is_last)
		section_invalidate(ms);

	if (!is_early) {
		memmap_pages_add(-nr_memmap_pages(pfn, nr_pages, altmap, pgmap));
		free_memmap(pfn, nr_pages, altmap);
	} else if (is_last) {
		pfn = SECTION_ALIGN_DOWN(pfn);
		nr_moved = nr_moved_pages(pfn);
		memmap_pages_add(-nr_moved);
		memmap_boot_pages_add(nr_moved -
				      vmemmap_nr_pages(PAGES_PER_SECTION));
		free_memmap(pfn, PAGES_PER_SECTION, NULL);
	}

	if (is_last)
		ms->section_mem_map = 0;
}

/* Make [pfn, pfn + nr_pages) live; after an error everything is as before. */
static int __meminit section_activate(int nid, unsigned long pfn,
				      unsigned long nr_pages,
				      struct vmem_altmap *altmap,
				      struct dev_pagemap *pgmap)
{
	const unsigned long align = altmap ? altmap->align : 0;
	struct mem_section *ms = __pfn_to_section(pfn);
	DECLARE_BITMAP(mask, SUBSECTIONS_PER_SECTION);
	unsigned long *live;
	int err;

	if (!ms->usage || ms->usage == sparse_stand_in_usage) {
		struct mem_section_usage *usage =
			kzalloc(mem_section_usage_size(), GFP_KERNEL);

		if (!usage)
			return -ENOMEM;
		ms->usage = usage;
	}

	live = ms->usage->subsection_map;
	subsection_mask(mask, pfn, pfn + nr_pages);
	if (bitmap_intersects(live, mask, SUBSECTIONS_PER_SECTION))
		return -EEXIST;
	bitmap_or(live, live, mask, SUBSECTIONS_PER_SECTION);

	/* The memory map of an early section is whole. */
	if (early_section(ms))
		return 0;

	err = populate_memmap(pfn, nr_pages, nid, altmap, pgmap);
	memmap_pages_add(nr_memmap_pages(pfn, nr_pages, altmap, pgmap));
	if (!err)
		return 0;

	section_deactivate(pfn, nr_pages, altmap, pgmap);
	if (altmap)
		altmap->align = align;
	return err;
}

/**
 * sparse_add_section() - add page frames to a section, with a memory map
 * @nid: node of the page frames
 * @start_pfn: first page frame
 * @nr_pages: length of the range: whole subsections of one section
 * @altmap: allocate the memory map from this device; NULL: from RAM
 * @pgmap: the device that the page frames belong to, or NULL
 *
 * The section is left offline. The new struct pages are not initialised.
 *
 * Context: may sleep.
 * Return: 0; -EINVAL if the range is not as required above, or does not fit the
 * compound pages of @pgmap; -EEXIST if any of its subsections is live, or if a leaf
 * is where a table must be; -ENOMEM; -ERANGE if the range exceeds the vmemmap. An
 * error is reported, and everything is as before, except that an empty array of
 * struct mem_section, and a table of PUDs where removed memory is read as zeros, may stay
 * for the next try.
 */
int __meminit sparse_add_section(int nid, unsigned long start_pfn,
				 unsigned long nr_pages,
				 struct vmem_altmap *altmap,
				 struct dev_pagemap *pgmap)
{
	const unsigned long section_nr = pfn_to_section_nr(start_pfn);
	struct mem_section *ms;
	int err = -EINVAL;

	if (is_section_chunk(start_pfn, nr_pages))
		err = sparse_index_init(section_nr, nid);
	if (!err)
		err = section_activate(nid, start_pfn, nr_pages, altmap, pgmap);
	if (err) {
		warn_not_populated(start_pfn, nr_pages, nid, altmap, pgmap, err);
		return err;
	}

#ifdef CONFIG_DEBUG_VM
	/* What follows writes, before the add ends. */
	vmemmap_flush_zeros();
#endif
	/* Make uses of an uninitialised struct page visible, if it can be written. */
	if (vmemmap_has_zone_tails() && vmemmap_can_optimize(altmap, pgmap))
		vmemmap_init_poison(pfn_to_page(start_pfn),
				    sizeof(struct page) * nr_pages);
	else if (!altmap || is_altmap_accessible(altmap))
		page_init_poison(pfn_to_page(start_pfn),
				 sizeof(struct page) * nr_pages);

	ms = __nr_to_section(section_nr);
	__section_mark_present(ms, section_nr);
	sparse_init_one_section(ms, section_nr,
				pfn_to_page(section_nr_to_pfn(section_nr)),
				ms->usage, 0);
	return 0;
}

/* Is every subsection of the range live? */
static bool is_live(unsigned long pfn, unsigned long nr_pages)
{
	DECLARE_BITMAP(mask, SUBSECTIONS_PER_SECTION);
	struct mem_section *ms;

	if (!is_section_chunk(pfn, nr_pages))
		return false;
	ms = __pfn_to_section(pfn);
	if (!valid_section(ms))
		return false;
	subsection_mask(mask, pfn, pfn + nr_pages);
	return bitmap_subset(mask, ms->usage->subsection_map,
			     SUBSECTIONS_PER_SECTION);
}

/**
 * sparse_remove_section() - remove page frames from a section, and their memory
 *	map where nobody else needs it
 * @pfn: first page frame
 * @nr_pages: length of the range: whole subsections of one section
 * @altmap: the device that the memory map was allocated from; NULL: RAM
 * @pgmap: the device that the page frames belong to, or NULL
 *
 * A range that is not wholly live is refused with a warning, and nothing changes.
 *
 * Context: may sleep. Cannot fail.
 */
void sparse_remove_section(unsigned long pfn, unsigned long nr_pages,
			   struct vmem_altmap *altmap,
			   struct dev_pagemap *pgmap)
{
	if (WARN_ONCE(!is_live(pfn, nr_pages),
		      "vmemmap: pfn [%#lx-%#lx) cannot be removed: it was not added\n",
		      pfn, pfn + nr_pages))
		return;
	section_deactivate(pfn, nr_pages, altmap, pgmap);
}

#endif /* CONFIG_MEMORY_HOTPLUG */
