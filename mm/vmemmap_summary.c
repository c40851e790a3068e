// SPDX-License-Identifier: GPL-2.0
/*
 * vmemmap_summary.c - how much memory the memory map takes, by node and backing
 *
 * Owns the file vmemmap/summary in debugfs: a walk over the leaves of all sections,
 * added up. Changes nothing.
 *
 * Memory hotplug is locked out while a section is walked, so no table is freed.
 * HugeTLB is not: it may split a leaf, whose table then stays, and replace PTEs. Each
 * entry is read once, and a block that is freed meanwhile has a struct page all the
 * same, so the worst is a sum that was true for no moment.
 */
#include "vmemmap_base.h"
#include "vmemmap.h"

/* What the pages of a block are. An altmap's may have no struct page to look at. */
static enum vmemmap_backed_by backing_of(unsigned long pfn)
{
	const struct page *page = pfn_to_online_page(pfn);

	if (!page || PageVmemmapSelfHosted(page))
		return VMEMMAP_BY_DEVICE;
	return PageReserved(page) ? VMEMMAP_BY_MEMBLOCK : VMEMMAP_BY_BUDDY;
}

static struct vmemmap_mapped *sum_of(struct vmemmap_summary *summary,
				     unsigned long pfn,
				     enum vmemmap_backed_by backing)
{
	if (backing == VMEMMAP_BY_DEVICE)
		return &summary->device;
	return &summary->node[page_to_nid(pfn_to_page(pfn))][backing];
}

/*
 * Has another leaf been counted for this page? Several PTEs in a row map one tail page.
 * Where they may not write, other compound pages may map it, too. If their turn comes
 * while there is no memory to remember it, it is not counted.
 */
static bool is_counted(struct vmemmap_summary *summary, pte_t pte)
{
	const unsigned long pfn = pte_pfn(pte);

	if (pfn == summary->last_pfn)
		return true;
	summary->last_pfn = pfn;
	return !pte_write(pte) && xa_store(&summary->tails, pfn, summary, GFP_KERNEL);
}

static void sum_pte(struct vmemmap_summary *summary, pte_t pte)
{
	const unsigned long pfn = pte_pfn(pte);
	const enum vmemmap_backed_by backing =
		is_counted(summary, pte) ? VMEMMAP_SHARED : backing_of(pfn);

	sum_of(summary, pfn, backing)->base += PAGE_SIZE;
}

/* Returns the end of what has been added up: a leaf, or a slot without any. */
static unsigned long sum_leaf(struct vmemmap_summary *summary,
			      unsigned long addr)
{
	const unsigned long slot_end = ALIGN_DOWN(addr, PMD_SIZE) + PMD_SIZE;
	pmd_t *slot = vmemmap_find_slot(addr);
	pmd_t pmd;
	pte_t pte;

	if (!slot)
		return slot_end;
	pmd = pmdp_get(slot);
	if (vmemmap_pmd_none(pmd))
		return slot_end;
	if (pmd_leaf(pmd)) {
		sum_of(summary, pmd_pfn(pmd), backing_of(pmd_pfn(pmd)))->huge += PMD_SIZE;
		return slot_end;
	}
	pte = ptep_get(pte_offset_kernel(slot, addr));
	if (!vmemmap_pte_none(pte))
		sum_pte(summary, pte);
	return addr + PAGE_SIZE;
}

struct vmemmap_summary *vmemmap_open_summary(void)
{
	struct vmemmap_summary *summary =
		kvcalloc(1, sizeof(*summary), GFP_KERNEL);

	if (!summary)
		return NULL;
	summary->last_pfn = -1UL;
	xa_init(&summary->tails);
	return summary;
}

void vmemmap_close_summary(struct vmemmap_summary *summary)
{
	xa_destroy(&summary->tails);
	kvfree(summary);
}

void vmemmap_sum_range(unsigned long start, unsigned long end,
		       struct vmemmap_summary *summary)
{
	unsigned long addr = max(PAGE_ALIGN_DOWN(start), summary->end);

	while (addr < end)
		addr = sum_leaf(summary, addr);
	summary->end = max(addr, summary->end);
}

static void sum_section(struct vmemmap_summary *summary, unsigned long nr)
{
	const unsigned long start =
		(unsigned long)pfn_to_page(section_nr_to_pfn(nr));

	vmemmap_sum_range(start, start + PAGES_PER_SECTION * sizeof(struct page),
			  summary);
}

static void sum_all(struct vmemmap_summary *summary)
{
	unsigned long nr = -1;

	do {
		get_online_mems();
		nr = next_present_section_nr(nr);
		if (nr != -1UL && valid_section_nr(nr))
			sum_section(summary, nr);
		put_online_mems();
		cond_resched();
	} while (nr != -1UL);
}

static void print_row(struct seq_file *file, int nid, const char *backing,
		      const struct vmemmap_mapped *sum)
{
	if (sum->base || sum->huge)
		seq_printf(file, "%4d  %-12s %14lu %14lu\n", nid, backing,
			   sum->huge / SZ_1K, sum->base / SZ_1K);
}

static int summary_show(struct seq_file *file, void *unused)
{
	static const char * const names[] = {
		[VMEMMAP_BY_MEMBLOCK] = "memblock",
		[VMEMMAP_BY_BUDDY] = "buddy",
		[VMEMMAP_SHARED] = "shared",
	};
	struct vmemmap_summary *summary;
	int nid, i;

	summary = vmemmap_open_summary();
	if (!summary)
		return -ENOMEM;
	sum_all(summary);
	seq_puts(file, "node  backing      PMD leaves/KiB base pages/KiB\n");
	for (nid = 0; nid < MAX_NUMNODES; nid++)
		for (i = 0; i < VMEMMAP_BY_DEVICE; i++)
			print_row(file, nid, names[i], &summary->node[nid][i]);
	print_row(file, NUMA_NO_NODE, "altmap", &summary->device);
	vmemmap_close_summary(summary);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(summary);

static int __init create_summary(void)
{
	debugfs_create_file("summary", 0400, debugfs_create_dir("vmemmap", NULL),
			    NULL, &summary_fops);
	return 0;
}
late_initcall(create_summary);
