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
#include <trace/events/vmemmap.h>

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
VMEMMAP_LEVEL pgd_t * __meminit vmemmap_pgd_populate(unsigned long addr,
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

VMEMMAP_LEVEL p4d_t * __meminit vmemmap_p4d_populate(pgd_t *pgd,
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

VMEMMAP_LEVEL pud_t * __meminit vmemmap_pud_populate(p4d_t *p4d,
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

VMEMMAP_LEVEL pmd_t * __meminit vmemmap_pmd_populate(pud_t *pud,
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

/*
 * The PUD entry of @addr, with a table of PMDs below it and all tables above
 * it; or -ENOMEM, -EEXIST. This is the only way down that builds tables.
 */
static pud_t * __meminit vmemmap_descend(unsigned long addr, int node)
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

/* True if the empty slot is a leaf now; else nothing has changed. */
static bool __meminit vmemmap_fill_pmd(pmd_t *pmd, unsigned long addr,
				       unsigned long next,
				       const struct vmemmap_fill *fill)
{
	void *block = vmemmap_alloc_block_buf(PMD_SIZE, fill->nid, fill->altmap);

	if (!block) {
		trace_vmemmap_alloc_failed(addr, next, fill, PMD_SIZE, PMD_SIZE);
		return false;
	}

	vmemmap_set_pmd(pmd, block, fill->nid, addr, next);
	if (pmd_none(pmdp_get(pmd))) {
		vmemmap_put_block(PHYS_PFN(__pa(block)), PMD_ORDER, 1,
				  fill->altmap);
		return false;
	}
	trace_vmemmap_populate(addr, next, fill, PMD_SIZE, PMD_SIZE);
	return true;
}

/* Show fill->shared in those of the PTEs for [addr, next) that are empty. */
static void __meminit vmemmap_fill_shared(pte_t *pte, unsigned long addr,
					  unsigned long next,
					  const struct vmemmap_fill *fill)
{
	const pte_t shared = pfn_pte(page_to_pfn(fill->shared), PAGE_KERNEL);
	const unsigned long start = addr;
	unsigned long nr_filled = 0;

	for (; addr < next; addr += PAGE_SIZE, pte++) {
		if (!pte_none(ptep_get(pte)))
			continue;
		set_pte_at(&init_mm, addr, pte, shared);
		nr_filled++;
	}
	if (!nr_filled)
		return;

	/* At boot there is no struct page yet to count in: it stays for ever. */
	if (slab_is_available())
		page_ref_add(fill->shared, nr_filled);
	trace_vmemmap_populate(start, next, fill, PAGE_SIZE,
			       nr_filled * PAGE_SIZE);
}

/* Give those of the PTEs for [addr, next) that are empty a block each. */
static int __meminit vmemmap_fill_own(pte_t *pte, unsigned long addr,
				      unsigned long next,
				      const struct vmemmap_fill *fill)
{
	const unsigned long start = addr;
	unsigned long nr_filled = 0;
	void *block;

	for (; addr < next; addr += PAGE_SIZE, pte++) {
		if (!pte_none(ptep_get(pte)))
			continue;

		block = vmemmap_alloc_block_buf(PAGE_SIZE, fill->nid,
						fill->altmap);
		if (!block)
			break;
		set_pte_at(&init_mm, addr, pte,
			   pfn_pte(PHYS_PFN(__pa(block)), PAGE_KERNEL));
		nr_filled++;
	}

	if (nr_filled)
		trace_vmemmap_populate(start, addr, fill, PAGE_SIZE,
				       nr_filled * PAGE_SIZE);
	return addr < next ? -ENOMEM : 0;
}

/*
 * The same for compound pages: their first pages have memory of their own, all later
 * ones show the last of these.
 */
static int __meminit vmemmap_fill_compound(pte_t *pte, unsigned long addr,
					   unsigned long next,
					   const struct vmemmap_fill *fill)
{
	const unsigned long own_size = VMEMMAP_RESERVE_NR * PAGE_SIZE;
	struct vmemmap_fill tails = { .nid = fill->nid };
	unsigned long head, end;
	int err;

	for (; addr < next; pte += PHYS_PFN(end - addr), addr = end) {
		head = addr - (addr - fill->first) % fill->compound_size;
		if (addr < head + own_size) {
			end = min(head + own_size, next);
			err = vmemmap_fill_own(pte, addr, end, fill);
			if (err)
				return err;
			tails.shared = pte_page(ptep_get(pte + PHYS_PFN(end - addr) - 1));
			continue;
		}

		end = min(head + fill->compound_size, next);
		if (!tails.shared)
			tails.shared = vmemmap_lookup_page(head + own_size - PAGE_SIZE);
		if (!tails.shared)
			return -EINVAL;
		vmemmap_fill_shared(pte, addr, end, &tails);
	}
	return 0;
}

/* How many pages that takes at most. */
static unsigned long __meminit nr_own_ptes(unsigned long addr, unsigned long next,
					   const struct vmemmap_fill *fill)
{
	const unsigned long per_compound = PHYS_PFN(fill->compound_size);

	if (!per_compound)
		return fill->shared ? 0 : PHYS_PFN(next - addr);
	return nr_own_pages(PHYS_PFN(next - fill->first), per_compound) -
	       nr_own_pages(PHYS_PFN(addr - fill->first), per_compound);
}

/* Fill what is empty of the PTEs for [addr, next), all in one table. */
static int __meminit vmemmap_fill_ptes(pte_t *pte, unsigned long addr,
				       unsigned long next,
				       const struct vmemmap_fill *fill)
{
	int err = 0;

	vmemmap_expect_pages(nr_own_ptes(addr, next, fill));
	if (fill->compound_size)
		err = vmemmap_fill_compound(pte, addr, next, fill);
	else if (!fill->shared)
		err = vmemmap_fill_own(pte, addr, next, fill);
	else
		vmemmap_fill_shared(pte, addr, next, fill);
	vmemmap_expect_pages(0);
	return err;
}

/*
 * A device may back a leaf only if nobody else can come to use it. RAM may, as
 * long as not more than three quarters of the leaf can go to waste; a section's
 * memory map takes up that much of each slot on x86 with an 80-byte struct page.
 */
static bool __meminit is_huge_wanted(unsigned long addr, unsigned long next,
				     const struct vmemmap_fill *fill)
{
	const unsigned long size = next - addr;

	return fill->huge && (size == PMD_SIZE ||
			      (!fill->altmap && size >= PMD_SIZE / 4));
}

/* Fill [addr, next), which lies in the slot @pmd below @pud. */
static int __meminit vmemmap_fill_slot(pud_t *pud, pmd_t *pmd,
				       unsigned long addr, unsigned long next,
				       const struct vmemmap_fill *fill)
{
	if (pmd_none(pmdp_get(pmd))) {
		if (is_huge_wanted(addr, next, fill) &&
		    vmemmap_fill_pmd(pmd, addr, next, fill))
			return 0;
	} else if (pmd_leaf(pmdp_get(pmd))) {
		vmemmap_check_pmd(pmd, fill->nid, addr, next);
		return 0;
	}

	pmd = vmemmap_pmd_populate(pud, addr, fill->nid);
	if (!pmd)
		return -ENOMEM;
	return vmemmap_fill_ptes(pte_offset_kernel(pmd, addr), addr, next, fill);
}

/*
 * The memory of a node is given before that of others: the last leaf of
 * [start, end) tells. It lies in the slot @pmd.
 */
static void __meminit vmemmap_verify_last(pmd_t *pmd, unsigned long start,
					  unsigned long end, int node)
{
	pte_t *leaf = (pte_t *)pmd;

	if (!pmd_leaf(pmdp_get(pmd)))
		leaf = pte_offset_kernel(pmd, end - PAGE_SIZE);
	vmemmap_verify(leaf, node, start, end);
}

/* Fill whole pages. */
static int __meminit vmemmap_fill_pages(unsigned long start, unsigned long end,
					const struct vmemmap_fill *fill)
{
	unsigned long addr, next;
	pmd_t *pmd = NULL;
	pud_t *pud;
	int err = 0;

	/* [start, addr) is mapped; the slot before lies at @pmd */
	for (addr = start; addr < end; addr = next) {
		next = vmemmap_slot_end(addr, end);
		if (pmd && !IS_ALIGNED(addr, PUD_SIZE)) {
			pmd++;
		} else {
			pud = vmemmap_descend(addr, fill->nid);
			err = PTR_ERR_OR_ZERO(pud);
			if (err)
				break;
			pmd = pmd_offset(pud, addr);
		}
		err = vmemmap_fill_slot(pud, pmd, addr, next, fill);
		if (err)
			break;
	}

	if (err == -ENOMEM)
		trace_vmemmap_alloc_failed(addr, next, fill, PAGE_SIZE, PAGE_SIZE);
	if (!err && pmd)
		vmemmap_verify_last(pmd, start, end, fill->nid);
	return err;
}

int __meminit vmemmap_fill_range(unsigned long start, unsigned long end,
				 const struct vmemmap_fill *fill)
{
	const unsigned long first = PAGE_ALIGN_DOWN(start);
	const unsigned long last = PAGE_ALIGN(end);
	struct vmemmap_fill ram = *fill;
	int err;

	if (start > end || end > last)
		return -EINVAL;
	/* Where subsections share a page, the first of them has mapped it. */
	if (last - first == PAGE_SIZE && vmemmap_lookup_page(first))
		return 0;
	if (!fill->altmap)
		return vmemmap_fill_pages(first, last, fill);

	/*
	 * A device backs no page at the ends that describes a neighbour too:
	 *
	 *	struct pages	   start				end
	 *	pages		| RAM | device | device | ... | device | RAM |
	 */
	ram.altmap = NULL;
	start = min(PAGE_ALIGN(start), last);
	end = max(PAGE_ALIGN_DOWN(end), start);

	err = vmemmap_fill_pages(first, start, &ram);
	if (!err)
		err = vmemmap_fill_pages(start, end, fill);
	if (!err)
		err = vmemmap_fill_pages(end, last, &ram);
	return err;
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

#ifdef VMEMMAP_PUBLIC_LEVELS
/* Map one page below @pmd, which has a table; NULL if no block can be had. */
pte_t * __meminit vmemmap_pte_populate(pmd_t *pmd, unsigned long addr,
				       int node, struct vmem_altmap *altmap,
				       struct page *reuse)
{
	const struct vmemmap_fill fill = { .nid = node, .altmap = altmap,
					   .shared = reuse };
	pte_t *pte = pte_offset_kernel(pmd, addr);

	return vmemmap_fill_ptes(pte, addr, addr + PAGE_SIZE, &fill) ? NULL :
								      pte;
}
#endif

/**
 * vmemmap_populate_basepages() - map a range of the vmemmap by base pages
 * @start: first address
 * @end: end of the range
 * @node: node that the memory shall come from
 * @altmap: take blocks from this device; NULL: from RAM
 *
 * For the vmemmap_populate() of an architecture.
 *
 * Context: see vmemmap_fill_range().
 * Return: see vmemmap_fill_range().
 */
int __meminit vmemmap_populate_basepages(unsigned long start,
					 unsigned long end, int node,
					 struct vmem_altmap *altmap)
{
	const struct vmemmap_fill fill = { .nid = node, .altmap = altmap };

	return vmemmap_fill_range(start, end, &fill);
}

/**
 * vmemmap_populate_hugepages() - the same by PMD leaves, where they can be had
 * @start: first address
 * @end: end of the range
 * @node: node that the memory shall come from
 * @altmap: take blocks from this device; NULL: from RAM
 *
 * Context: see vmemmap_fill_range().
 * Return: see vmemmap_fill_range().
 */
int __meminit vmemmap_populate_hugepages(unsigned long start,
					 unsigned long end, int node,
					 struct vmem_altmap *altmap)
{
	const struct vmemmap_fill fill = {
		.nid = node,
		.huge = true,
		.altmap = altmap,
	};

	return vmemmap_fill_range(start, end, &fill);
}
