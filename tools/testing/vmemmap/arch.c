// SPDX-License-Identifier: GPL-2.0
/*
 * arch.c - what an architecture supplies: how to populate, how to free
 *
 * vmemmap_populate() chooses leaf sizes as the modelled architectures do.
 * vmemmap_free() is a plain stand-in: leaf by leaf, it frees what no live
 * subsection needs any more, and the tables that become empty.
 */
#include "soft.h"

int vmemmap_populate(unsigned long start, unsigned long end, int node,
		     struct vmem_altmap *altmap)
{
	const bool is_section = end - start >=
				PAGES_PER_SECTION * sizeof(struct page);

	switch (geo.arch) {
	case ARCH_HUGE:
		return vmemmap_populate_hugepages(start, end, node, altmap);
	case ARCH_SECTION:
		if (is_section)
			return vmemmap_populate_hugepages(start, end, node, altmap);
		return vmemmap_populate_basepages(start, end, node, altmap);
	case ARCH_X86:
		if (is_section)
			return vmemmap_populate_hugepages(start, end, node, altmap);
		return vmemmap_populate_basepages(start, end, node, NULL);
	default:
		return vmemmap_populate_basepages(start, end, node, altmap);
	}
}

/* As the bitmaps tell, not the oracle. */
static bool is_live(unsigned long pfn)
{
	const struct mem_section *ms = __pfn_to_section(pfn);

	if (!ms)
		return false;
	if (early_section(ms) && valid_section(ms))
		return true;
	return ms->usage && test_bit(subsection_map_index(pfn),
				     ms->usage->subsection_map);
}

static bool is_needed(const struct leaf *leaf)
{
	const unsigned long start = leaf->start - soft_vmemmap;
	const unsigned long end = leaf->end - soft_vmemmap;
	unsigned long pfn = ALIGN_DOWN(start / sizeof(struct page),
				       PAGES_PER_SUBSECTION);

	for (; pfn * sizeof(struct page) < end; pfn += PAGES_PER_SUBSECTION)
		if (is_live(pfn))
			return true;
	return false;
}

static void release(unsigned long pfn, unsigned int order,
		    struct vmem_altmap *altmap)
{
	const struct soft_page *page = ram_page(pfn);

	if (altmap && pfn >= altmap->base_pfn + altmap->reserve &&
	    pfn < altmap->base_pfn + altmap->reserve + altmap->free)
		vmem_altmap_free(altmap, BIT(order));
	else if (page && page->state == PAGE_BOOT)
		free_boot_pages(pfn, BIT(order));
	else
		free_pages((unsigned long)__va(PFN_PHYS(pfn)), order);
}

static bool is_empty_table(const unsigned long *table, int level)
{
	for (unsigned long i = 0; i < BIT(geo.bits[level]); i++)
		if (!is_empty_entry(table[i], level))
			return false;
	return true;
}

/* Free the tables on the way to an entry that are empty. */
static void prune(const struct leaf *leaf)
{
	for (int level = leaf->level + 1; level <= top_level(); level++) {
		const unsigned long entry = *leaf->path[level];

		if (!is_empty_table(entry_table(entry, level), level - 1))
			return;
		*leaf->path[level] = soft_empty_entry(level);
		release(entry >> geo.page_shift, 0, NULL);
	}
}

void vmemmap_free(unsigned long start, unsigned long end,
		  struct vmem_altmap *altmap)
{
	unsigned long addr;
	struct leaf leaf;

	EXPECT(start < end);
	machine.freed = (struct range){ start, end };
	end = PAGE_ALIGN(end);
	for (addr = PAGE_ALIGN_DOWN(start); addr < end; addr = leaf.end) {
		leaf = walk(addr);
		if (leaf.is_mapped && !is_needed(&leaf)) {
			*leaf.entry = soft_empty_entry(leaf.level);
			release(leaf.pfn, leaf.level ? PMD_ORDER : 0, altmap);
		}
		/* once for each table of PTEs */
		if (leaf.level || leaf.end >= end || IS_ALIGNED(leaf.end, PMD_SIZE))
			prune(&leaf);
	}
}
