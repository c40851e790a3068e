// SPDX-License-Identifier: GPL-2.0
/*
 * sparse_boot.c - the memory map of sections, and which of them boot finds
 *
 * Owns how the memory map of a section is had: at boot together with those that
 * follow, later alone. Knows ranges of page frames; must not know page tables.
 *
 * Locking: single-threaded boot, or mem_hotplug_lock held for writing.
 */
#define pr_fmt(fmt) "vmemmap: " fmt

#include "vmemmap_base.h"
#include "vmemmap.h"

/*
 * Sections that a call at boot has mapped beside its own; nobody has asked yet.
 * Until the end of boot only: what nobody asks for then may go with a neighbour.
 */
static struct {
	unsigned long pfn;
	unsigned long end_pfn;
} ahead __meminitdata;

void __init vmemmap_init_subsections(unsigned long pfn, unsigned long nr_pages)
{
	const unsigned long end_pfn = pfn + nr_pages;
	unsigned long next;
	unsigned int first;

	ahead.end_pfn = 0;
	for (; pfn < end_pfn; pfn = next) {
		struct mem_section *ms = __pfn_to_section(pfn);

		next = section_chunk_end(pfn, end_pfn);
		if (!ms || !ms->usage)
			continue;
		if (next - pfn == PAGES_PER_SECTION) {
			bitmap_fill(ms->usage->subsection_map,
				    SUBSECTIONS_PER_SECTION);
			continue;
		}
		first = subsection_map_index(pfn);
		bitmap_set(ms->usage->subsection_map, first,
			   subsection_map_index(next - 1) - first + 1);
	}
}

#ifdef VMEMMAP_INIT_ALL_SUBSECTIONS
void __init sparse_init_subsection_map(void)
{
	unsigned long pfn, end_pfn;
	int i;

	for_each_mem_pfn_range(i, MAX_NUMNODES, &pfn, &end_pfn, NULL)
		vmemmap_init_subsections(pfn, end_pfn - pfn);
}
#endif

void __meminit warn_not_populated(unsigned long pfn, unsigned long nr_pages,
				  int nid, const struct vmem_altmap *altmap,
				  int err)
{
	pr_warn_ratelimited("pfn [%#lx-%#lx) of node %d cannot be populated%s (%d)\n",
			    pfn, pfn + nr_pages, nid,
			    altmap ? " from their device" : "", err);
}

int __meminit populate_memmap(unsigned long pfn, unsigned long nr_pages, int nid,
			      struct vmem_altmap *altmap,
			      struct dev_pagemap *pgmap)
{
	const unsigned long start = (unsigned long)pfn_to_page(pfn);
	const unsigned long end = start + nr_pages * sizeof(struct page);
	int err;

	if (vmemmap_can_optimize(altmap, pgmap))
		err = vmemmap_populate_compound_pages(pfn, start, end, nid,
						      pgmap);
	else
		err = vmemmap_populate(start, end, nid, altmap);
	if (!err)
		flush_cache_vmap(start, end);
	return err;
}

/* The end of the sections from @pfn on that memory of the node lies in, without a gap. */
static unsigned long __meminit boot_run_end(unsigned long pfn, int nid)
{
	unsigned long run_end = pfn, start_pfn, end_pfn;
	int i;

	for_each_mem_pfn_range(i, nid, &start_pfn, &end_pfn, NULL)
		if (start_pfn <= run_end && run_end < end_pfn)
			run_end = ALIGN(end_pfn, PAGES_PER_SECTION);
	return run_end;
}

/*
 * Boot asks for one section after the other. Those that follow are mapped at
 * once; if that is too much, what has been mapped of them waits.
 */
static int __meminit populate_ahead(unsigned long pfn, unsigned long nr_pages,
				    int nid)
{
	const unsigned long next_pfn = pfn + nr_pages;
	const unsigned long end_pfn = boot_run_end(next_pfn, nid);
	int err;

	vmemmap_set_aside(PAGE_SIZE * nr_memmap_pages(end_pfn - pfn), nid);
	err = populate_memmap(pfn, end_pfn - pfn, nid, NULL, NULL);
	vmemmap_put_aside();
	if (err)
		return populate_memmap(pfn, nr_pages, nid, NULL, NULL);
	ahead.pfn = next_pfn;
	ahead.end_pfn = end_pfn;
	return 0;
}

/* Not inline: a call at boot that has been answered already saves no registers. */
static noinline struct page * __meminit
populate_section(unsigned long pfn, unsigned long nr_pages, int nid,
		 struct vmem_altmap *altmap, struct dev_pagemap *pgmap)
{
	int err = -EINVAL;

	if (is_section_chunk(pfn, nr_pages))
		err = slab_is_available() ?
		      populate_memmap(pfn, nr_pages, nid, altmap, pgmap) :
		      populate_ahead(pfn, nr_pages, nid);
	if (!err)
		return pfn_to_page(pfn);

	warn_not_populated(pfn, nr_pages, nid, altmap, err);
	return NULL;
}

/**
 * __populate_section_memmap() - map the struct pages of some page frames
 * @pfn: first page frame
 * @nr_pages: length of the range: whole subsections of one section
 * @nid: node of the page frames
 * @altmap: take memory for it from this device; NULL: from RAM
 * @pgmap: the device that the page frames belong to, or NULL
 *
 * Context: boot, or mem_hotplug_lock held for writing; may sleep in the latter
 * case.
 * Return: the first struct page; NULL if the range is not as said above or cannot
 * be mapped, which is reported. It may then be mapped in part.
 */
struct page * __meminit __populate_section_memmap(unsigned long pfn,
						  unsigned long nr_pages,
						  int nid,
						  struct vmem_altmap *altmap,
						  struct dev_pagemap *pgmap)
{
	if (pfn == ahead.pfn && pfn < ahead.end_pfn) {
		ahead.pfn += nr_pages;
		return pfn_to_page(pfn);
	}
	return populate_section(pfn, nr_pages, nid, altmap, pgmap);
}
