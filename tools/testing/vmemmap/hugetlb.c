// SPDX-License-Identifier: GPL-2.0
/*
 * hugetlb.c - HugeTLB pages, which free memory of the vmemmap and restore it
 *
 * Plays mm/hugetlb_vmemmap.c: it splits leaves into PTEs, and maps one page of
 * the node instead of all vmemmap pages of a HugeTLB page but the first, read-only
 * and without a reference for each. To restore, it allocates new pages. A table
 * that replaced a leaf stays.
 */
#include "soft.h"

/* The vmemmap of each optimised HugeTLB page; end 0: not in use. */
static struct range optimised[NR_HUGE_PAGES];
static struct page *tails[NR_NODES];

void hugetlb_reset(void)
{
	memset(optimised, 0, sizeof(optimised));
	memset(tails, 0, sizeof(tails));
}

static int nid_at(unsigned long addr)
{
	return section_nid(pfn_to_section_nr((addr - soft_vmemmap) / sizeof(struct page)));
}

static struct page *alloc_page_at(unsigned long addr)
{
	return alloc_pages_node(nid_at(addr), GFP_KERNEL | __GFP_RETRY_MAYFAIL, 0);
}

static struct page *tail_for(const struct range *huge)
{
	struct page **tail = &tails[nid_at(huge->start)];

	if (!*tail)
		*tail = alloc_page_at(huge->start);
	return *tail;
}

bool is_shared_tail(unsigned long pfn)
{
	for (int nid = 0; nid < NR_NODES; nid++)
		if (tails[nid] && page_to_pfn(tails[nid]) == pfn)
			return true;
	return false;
}

bool is_optimised(int nr)
{
	return optimised[nr].end;
}

/* The shared page that must be mapped at an address; NULL: a page of its own. */
struct page *shared_tail_at(unsigned long addr)
{
	for (int i = 0; i < NR_HUGE_PAGES; i++)
		if (optimised[i].start + PAGE_SIZE <= addr && addr < optimised[i].end)
			return tails[nid_at(optimised[i].start)];
	return NULL;
}

/* One that has part of the vmemmap of a range; -1: none. */
int find_huge_page(unsigned long pfn, unsigned long nr_pages)
{
	for (int i = 0; i < NR_HUGE_PAGES; i++)
		if (optimised[i].start < vaddr(pfn + nr_pages) && vaddr(pfn) < optimised[i].end)
			return i;
	return -1;
}

/* HugeTLB has no tracepoint: account for what it remaps. Its leaves are RAM. */
static void trace_tails(long nr_shared)
{
	machine.traced[false][VMEMMAP_RAM] -= nr_shared * (long)PAGE_SIZE;
	machine.traced[false][VMEMMAP_SHARED_TAIL] += nr_shared * (long)PAGE_SIZE;
}

/* It is taken off the counter that has it. */
static void put_page_of(unsigned long pfn)
{
	if (PageReserved(pfn_to_page(pfn))) {
		memmap_boot_pages_add(-1);
		vmemmap_put_boot_page(pfn_to_page(pfn));
	} else {
		memmap_pages_add(-1);
		__free_pages(pfn_to_page(pfn), 0);
	}
}

/* No leaf of the range is larger than a page any more. */
static int split_leaves(const struct range *huge)
{
	unsigned long addr, next;

	for (addr = huge->start; addr < huge->end; addr = next) {
		const struct leaf leaf = walk(addr);
		struct page *table;

		next = vmemmap_span_end(addr, huge->end, PMD_SIZE);
		if (leaf.level == SOFT_PTE)
			continue;
		table = alloc_page_at(addr);
		if (!table)
			return -ENOMEM;
		split_block(leaf.pfn, PMD_ORDER);
		split_leaf(&leaf, page_address(table));
		machine.traced[true][VMEMMAP_RAM] -= PMD_SIZE;
		machine.traced[false][VMEMMAP_RAM] += PMD_SIZE;
	}
	return 0;
}

/* Without memory, leaves may have been split, but nothing is shared. */
int optimise_huge_page(int nr, unsigned long pfn, unsigned long nr_pages)
{
	const struct range huge = { vaddr(pfn), vaddr(pfn + nr_pages) };
	const struct page *tail = tail_for(&huge);

	if (!tail || split_leaves(&huge))
		return -ENOMEM;
	for (unsigned long addr = huge.start + PAGE_SIZE; addr < huge.end; addr += PAGE_SIZE) {
		const unsigned long old_pfn = mapped_pfn(addr);

		remap_page(addr, page_to_pfn(tail), true);
		put_page_of(old_pfn);
		trace_tails(1);
	}
	optimised[nr] = huge;
	return 0;
}

/* Without memory, nothing changes. */
int restore_huge_page(int nr)
{
	const struct range huge = optimised[nr];
	const unsigned long nr_tails = ((huge.end - huge.start) >> PAGE_SHIFT) - 1;
	const unsigned long first = huge.start + PAGE_SIZE;
	struct page *pages[MAX_TAIL_PAGES];
	unsigned long i;

	for (i = 0; i < nr_tails; i++) {
		pages[i] = alloc_page_at(first + i * PAGE_SIZE);
		if (pages[i])
			continue;
		while (i--)
			__free_pages(pages[i], 0);
		return -ENOMEM;
	}
	for (i = 0; i < nr_tails; i++)
		remap_page(first + i * PAGE_SIZE, page_to_pfn(pages[i]), false);
	memmap_pages_add(nr_tails);
	trace_tails(-nr_tails);
	optimised[nr] = (struct range){ 0, 0 };
	return 0;
}

/* HugeTLB pages lie in memory blocks: all that their leaves map is in use. */
static bool are_leaves_needed(unsigned long start, unsigned long end)
{
	unsigned long pfn;

	if (geo.arch != ARCH_BASE) {
		start = ALIGN_DOWN(start, PMD_SIZE);
		end = ALIGN(end, PMD_SIZE);
	}
	if (start < soft_vmemmap || end > vaddr(section_nr_to_pfn(NR_MEM_SECTIONS)))
		return false;
	pfn = (start - soft_vmemmap) / sizeof(struct page);
	for (; vaddr(pfn) < end; pfn += PAGES_PER_SUBSECTION)
		if (!is_needed(pfn))
			return false;
	return true;
}

/* A struct page of no power of two has no whole number of them in a page. */
bool can_be_huge_page(unsigned long pfn, unsigned long nr_pages)
{
	const unsigned long size = nr_pages * sizeof(struct page);

	return is_power_of_2(sizeof(struct page)) && PAGE_ALIGNED(vaddr(pfn) | size) &&
	       size >= 2 * PAGE_SIZE && size >> PAGE_SHIFT <= MAX_TAIL_PAGES;
}

bool can_optimise(unsigned long pfn, unsigned long nr_pages)
{
	return can_be_huge_page(pfn, nr_pages) &&
	       are_leaves_needed(vaddr(pfn), vaddr(pfn + nr_pages));
}
