// SPDX-License-Identifier: GPL-2.0
/*
 * sparse-vmemmap.c - the tables that map memory behind the vmemmap
 *
 * Owns the page tables on the way in: what a slot holds and what it is filled
 * with. Knows addresses, and of compound pages what struct vmemmap_fill says; must
 * not know where blocks come from, or sections, or devices.
 *
 *	for each slot of [start, end):		descend once, five levels
 *		leaf there			keep it
 *		huge wanted, slot empty		one block, one PMD
 *		else				fill the PTEs of the slot flat
 *
 * Locking: single-threaded boot, or mem_hotplug_lock held for writing. No
 * page-table lock is taken: nobody else changes entries of the vmemmap that
 * are empty.
 */
#define pr_fmt(fmt) "vmemmap: " fmt

#include "vmemmap_base.h"
#include "vmemmap.h"

/* ---- Tables ---- */

#ifdef VMEMMAP_DEFINES_TABLE_INIT
/*
 * Where an empty entry is not zero, the architecture fills new tables.
 */
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

static void * __meminit vmemmap_alloc_table(int node)
{
	void *table = vmemmap_alloc_block(PAGE_SIZE, node);

	if (!table)
		return NULL;

	memset(table, 0, PAGE_SIZE);
	/* At boot there is no struct page yet to note it in. */
	if (slab_is_available())
		vmemmap_construct_table(table);
	return table;
}

/*
 * vmemmap_<level>_populate(): the entry of that level for @addr, with a table
 * of the next level below it. An entry that is not empty is returned as it is,
 * be it a table or a leaf. NULL if the table cannot be had.
 */
pgd_t * __meminit vmemmap_pgd_populate(unsigned long addr,
						     int node)
{
	pgd_t *pgd = pgd_offset_k(addr);
	void *table;

	if (!pgd_none(pgdp_get(pgd)))
		return pgd;

	table = vmemmap_alloc_table(node);
	if (!table)
		return NULL;
	pgd_populate_kernel(addr, pgd, table);
	return pgd;
}

p4d_t * __meminit vmemmap_p4d_populate(pgd_t *pgd,
						     unsigned long addr,
						     int node)
{
	p4d_t *p4d = p4d_offset(pgd, addr);
	void *table;

	if (!p4d_none(p4dp_get(p4d)))
		return p4d;

	table = vmemmap_alloc_table(node);
	if (!table)
		return NULL;
	pud_init(table);
	p4d_populate_kernel(addr, p4d, table);
	return p4d;
}

pud_t * __meminit vmemmap_pud_populate(p4d_t *p4d,
						     unsigned long addr,
						     int node)
{
	pud_t *pud = pud_offset(p4d, addr);
	void *table;

	if (!pud_none(pudp_get(pud)))
		return pud;

	table = vmemmap_alloc_table(node);
	if (!table)
		return NULL;
	pmd_init(table);
	pud_populate(&init_mm, pud, table);
	return pud;
}

pmd_t * __meminit vmemmap_pmd_populate(pud_t *pud,
						     unsigned long addr,
						     int node)
{
	pmd_t *pmd = pmd_offset(pud, addr);
	void *table;

	if (!pmd_none(pmdp_get(pmd)))
		return pmd;

	table = vmemmap_alloc_table(node);
	if (!table)
		return NULL;
	kernel_pte_init(table);
	pmd_populate_kernel(&init_mm, pmd, table);
	return pmd;
}

pud_t * __meminit vmemmap_descend(unsigned long addr, int node)
{
	pgd_t *pgd;
	p4d_t *p4d;
	pud_t *pud;

	pgd = vmemmap_pgd_populate(addr, node);
	if (!pgd)
		return ERR_PTR(-ENOMEM);
	if (pgd_leaf(pgdp_get(pgd)))
		return ERR_PTR(-EEXIST);

	p4d = vmemmap_p4d_populate(pgd, addr, node);
	if (!p4d)
		return ERR_PTR(-ENOMEM);
	if (p4d_leaf(p4dp_get(p4d)))
		return ERR_PTR(-EEXIST);

	pud = vmemmap_pud_populate(p4d, addr, node);
	if (!pud)
		return ERR_PTR(-ENOMEM);
	if (pud_leaf(pudp_get(pud)))
		return ERR_PTR(-EEXIST);

	return pud;
}

pmd_t *vmemmap_find_slot(unsigned long addr)
{
	pgd_t *pgd = pgd_offset_k(addr);
	p4d_t *p4d;
	pud_t *pud;

	if (pgd_none(pgdp_get(pgd)) || pgd_leaf(pgdp_get(pgd)))
		return NULL;
	p4d = p4d_offset(pgd, addr);
	if (p4d_none(p4dp_get(p4d)) || p4d_leaf(p4dp_get(p4d)))
		return NULL;
	pud = pud_offset(p4d, addr);
	if (pud_none(pudp_get(pud)) || pud_leaf(pudp_get(pud)))
		return NULL;
	return pmd_offset(pud, addr);
}

/* The PTE for an address, if something is mapped there by one. */
static pte_t *vmemmap_find_pte(unsigned long addr)
{
	pmd_t *pmd = vmemmap_find_slot(addr);
	pte_t *pte;

	if (!pmd || pmd_none(pmdp_get(pmd)) || pmd_leaf(pmdp_get(pmd)))
		return NULL;
	pte = pte_offset_kernel(pmd, addr);
	return pte_none(ptep_get(pte)) ? NULL : pte;
}

struct page *vmemmap_lookup_page(unsigned long addr)
{
	pte_t *pte = vmemmap_find_pte(addr);

	return pte ? pte_page(ptep_get(pte)) : NULL;
}

/* ---- Leaves ---- */

/* NUMA_NO_NODE if it is not known, as for the memory of a device. */
static int __meminit vmemmap_pfn_to_nid(unsigned long pfn)
{
	struct page *page;

	if (!slab_is_available())
		return early_pfn_to_nid(pfn);

	page = pfn_to_online_page(pfn);
	return page ? page_to_nid(page) : NUMA_NO_NODE;
}

/**
 * vmemmap_verify() - tell if a leaf is backed by memory of another node
 * @pte: the leaf, of any level
 * @node: node whose page frames are described
 * @start: first address of the range that the leaf stands for
 * @end: end of that range
 *
 * Memory that is as near as the node's own is no reason to complain.
 *
 * Context: see vmemmap_alloc_block(); does not sleep.
 */
void __meminit vmemmap_verify(pte_t *pte, int node, unsigned long start,
			      unsigned long end)
{
	const int nid = vmemmap_pfn_to_nid(pte_pfn(ptep_get(pte)));

	if (nid == NUMA_NO_NODE || node == NUMA_NO_NODE)
		return;
	if (node_distance(nid, node) > LOCAL_DISTANCE)
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
 * Weak: an architecture with other attributes supplies its own. A slot that is
 * still empty afterwards says that it refused.
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
 * vmemmap_check_pmd() - a slot that is in use by others shall be used for more
 * @pmd: the slot, which is not empty
 * @node: node whose page frames are described
 * @addr: first address in the slot to be used
 * @next: end of what is to be used in the slot
 *
 * Weak: an architecture that keeps book of what is in use in a leaf supplies
 * its own.
 *
 * Context: as for vmemmap_fill_range().
 * Return: 0 if the slot is a table and must be filled, else it is a leaf.
 */
int __weak __meminit vmemmap_check_pmd(pmd_t *pmd, int node,
				       unsigned long addr, unsigned long next)
{
	return pmd_leaf(pmdp_get(pmd));
}

void vmemmap_wrprotect_range(unsigned long start, unsigned long end)
{
	unsigned long addr;

	for (addr = start; addr < end; addr += PAGE_SIZE) {
		pte_t *pte = vmemmap_find_pte(addr);

		VM_WARN_ON_ONCE(!pte);
		if (pte)
			ptep_set_wrprotect(&init_mm, addr, pte);
	}
}
