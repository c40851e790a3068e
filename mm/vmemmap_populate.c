// SPDX-License-Identifier: GPL-2.0
/*
 * vmemmap_populate.c - fill a range of the vmemmap
 *
 * Owns the way in: what a slot holds already, and what it is filled with. Knows
 * addresses, and of compound pages what struct vmemmap_fill says; must not know
 * sections or devices. What a slot needs lives on the stack of the function that
 * fills it.
 *
 *	for each slot; descend five levels once for a table of them:
 *	  the slot is a leaf			keep it
 *	  huge wanted, slot empty		one block, one PMD
 *	  else					fill the PTEs of the slot flat
 *
 * See mm/vmemmap.h for the terms and for the locking rule.
 */
#include "vmemmap_base.h"
#include "vmemmap.h"
#include <linux/vmemmap.h>
#include <trace/events/sparse_vmemmap.h>

/* ---- PTEs ---- */

/* Set a PTE that was @old, which is empty or leads to zeros. */
static __always_inline void
fill_pte(pte_t *pte, unsigned long addr, pte_t old, pte_t new)
{
	if (!IS_ENABLED(CONFIG_SPARSEMEM_VMEMMAP_STAND_IN) || pte_none(old))
		set_pte_at(&init_mm, addr, pte, new);
	else
		vmemmap_end_zeros(addr, pte, new);
}

/*
 * Map fill->shared by those of the PTEs for [addr, next) that are empty. Returns
 * -EEXIST at the first that maps another page: its struct pages are not those of
 * a tail, and nobody initialises them. Where the tail page is that of the zone, all
 * struct pages but its own are initialised, so that another page stays.
 */
static int __meminit fill_shared(pte_t *pte, unsigned long addr,
				 unsigned long next,
				 const struct vmemmap_fill *fill)
{
	const unsigned long pfn = page_to_pfn(fill->shared);
	const unsigned long start = addr;
	pte_t shared = pfn_pte(pfn, PAGE_KERNEL);
	unsigned long nr_filled = 0;

	if (fill->zone_tail)
		shared = pte_wrprotect(shared);

	for (; addr < next; addr += PAGE_SIZE, pte++) {
		const pte_t old = ptep_get(pte);

		if (vmemmap_pte_none(old)) {
			fill_pte(pte, addr, old, shared);
			nr_filled++;
		} else if (!fill->zone_tail && pte_pfn(old) != pfn) {
			break;
		}
	}

	if (nr_filled) {
		/*
		 * The page has no struct page yet at boot, so it cannot be counted
		 * and is never freed; nor is that of a zone.
		 */
		if (!fill->zone_tail && vmemmap_has_slab())
			page_ref_add(fill->shared, nr_filled);
		trace_vmemmap_populate(start, addr, fill, PAGE_SIZE,
				       nr_filled * PAGE_SIZE);
	}
	return addr < next ? -EEXIST : 0;
}

/* Map a block of its own by each of the PTEs for [addr, next) that is empty. */
static int __meminit fill_own(pte_t *pte, unsigned long addr,
			      unsigned long next,
			      const struct vmemmap_fill *fill,
			      struct vmemmap_batch *batch)
{
	const unsigned long start = addr;
	unsigned long nr_filled = 0;
	void *block;

	for (; addr < next; addr += PAGE_SIZE, pte++) {
		const pte_t old = ptep_get(pte);

		if (!vmemmap_pte_none(old))
			continue;

		block = vmemmap_alloc_batch_page(batch);
		if (!block)
			break;
		fill_pte(pte, addr, old,
			 pfn_pte(PHYS_PFN(__pa(block)), PAGE_KERNEL));
		nr_filled++;
	}

	if (nr_filled)
		trace_vmemmap_populate(start, addr, fill, PAGE_SIZE,
				       nr_filled * PAGE_SIZE);
	return addr < next ? -ENOMEM : 0;
}

/*
 * Fill a slot's share of compound pages: the first VMEMMAP_RESERVE_NR vmemmap
 * pages of each get a block of their own, the others map the tail page of the zone or
 * the last of these.
 */
static int __meminit fill_compound(pte_t *pte, unsigned long addr,
				   unsigned long next,
				   const struct vmemmap_fill *fill,
				   struct vmemmap_batch *batch)
{
	const unsigned long own_size = VMEMMAP_RESERVE_NR * PAGE_SIZE;
	struct vmemmap_fill tails = {
		.nid = fill->nid,
		.shared = fill->zone_tail,
		.zone_tail = fill->zone_tail,
	};
	unsigned long own_end, end;
	int err;

	/* One turn per compound page: its own part, then its shared part. */
	for (; addr < next; addr = end) {
		const unsigned long head =
			addr - (addr - fill->first) % fill->compound_size;

		own_end = clamp(head + own_size, addr, next);
		end = min(head + fill->compound_size, next);

		err = fill_own(pte, addr, own_end, fill, batch);
		if (err)
			return err;
		pte += PHYS_PFN(own_end - addr);
		if (own_end == end)
			continue;

		if (!fill->zone_tail)
			tails.shared = addr < own_end ?
				pte_page(ptep_get(pte - 1)) :
				vmemmap_lookup_page(head + own_size - PAGE_SIZE);
		if (!tails.shared)
			return -EINVAL;
		err = fill_shared(pte, own_end, end, &tails);
		if (err)
			return err;
		pte += PHYS_PFN(end - own_end);
	}
	return 0;
}

/* Upper bound on the base pages that filling [addr, next) allocates. */
static unsigned long __meminit max_own_pages(unsigned long addr,
					     unsigned long next,
					     const struct vmemmap_fill *fill)
{
	const unsigned long per_compound = PHYS_PFN(fill->compound_size);

	if (!per_compound)
		return PHYS_PFN(next - addr);
	return vmemmap_nr_own_pages(PHYS_PFN(next - fill->first), per_compound) -
	       vmemmap_nr_own_pages(PHYS_PFN(addr - fill->first), per_compound);
}

/* Fill the empty ones of the PTEs for [addr, next), all in one table. */
static int __meminit fill_ptes(pte_t *pte, unsigned long addr,
			       unsigned long next,
			       const struct vmemmap_fill *fill)
{
	struct vmemmap_batch batch;
	int err;

	if (fill->shared)
		return fill_shared(pte, addr, next, fill);

	vmemmap_open_batch(&batch, fill->nid, fill->altmap,
			   max_own_pages(addr, next, fill));
	if (fill->compound_size)
		err = fill_compound(pte, addr, next, fill, &batch);
	else
		err = fill_own(pte, addr, next, fill, &batch);
	vmemmap_close_batch(&batch);
	return err;
}

/* ---- Slots ---- */

/* Returns true if the empty slot is a leaf now; otherwise nothing has changed. */
static bool __meminit fill_pmd(pmd_t *pmd, unsigned long addr,
			       unsigned long next,
			       const struct vmemmap_fill *fill)
{
	void *block = vmemmap_alloc_huge(fill->nid, fill->altmap);

	if (!block) {
		trace_vmemmap_alloc_failed(addr, next, fill, PMD_SIZE, PMD_SIZE);
		return false;
	}

	vmemmap_set_pmd(pmd, block, fill->nid, addr, next);
	if (vmemmap_pmd_none(pmdp_get(pmd))) {
		vmemmap_put_block(PHYS_PFN(__pa(block)), PMD_ORDER, 1,
				  fill->altmap);
		return false;
	}
	trace_vmemmap_populate(addr, next, fill, PMD_SIZE, PMD_SIZE);
	return true;
}

/*
 * Does a node use enough of a slot? At boot, several calls fill it where the node has
 * gaps.
 */
static noinline bool __meminit is_used_enough(unsigned long addr,
					      unsigned long next, int nid)
{
	const unsigned long slot = ALIGN_DOWN(addr, PMD_SIZE);
	const unsigned long enough = PMD_SIZE / 4;

	return next - addr >= enough ||
	       sparse_boot_size(slot, slot + PMD_SIZE, nid) >= enough;
}

/*
 * A device may back a leaf only if no neighbour can come to use it. RAM may, as
 * long as at most three quarters of the leaf go to waste: a section's memory map
 * takes up a quarter or more of each slot on x86 with an 80-byte struct page. At
 * boot, all that the node has in the slot counts.
 */
static bool __meminit is_huge_wanted(unsigned long addr, unsigned long next,
				     const struct vmemmap_fill *fill)
{
	if (!fill->huge || next - addr == PMD_SIZE)
		return fill->huge;
	return !fill->altmap && is_used_enough(addr, next, fill->nid);
}

/* Not inline, so that leaves save no registers for it. */
static noinline int __meminit fill_table(pmd_t *pmd, unsigned long addr,
					 unsigned long next,
					 const struct vmemmap_fill *fill)
{
	if (!vmemmap_populate_slot(pmd, fill->nid))
		return -ENOMEM;
	return fill_ptes(pte_offset_kernel(pmd, addr), addr, next, fill);
}

/* Fill [addr, next), which lies in the slot @pmd. */
static int __meminit fill_slot(pmd_t *pmd, unsigned long addr,
			       unsigned long next,
			       const struct vmemmap_fill *fill)
{
	const pmd_t old = pmdp_get(pmd);

	if (vmemmap_pmd_none(old)) {
		if (is_huge_wanted(addr, next, fill) &&
		    fill_pmd(pmd, addr, next, fill))
			return 0;
	} else if (pmd_leaf(old)) {
		/* A leaf shares nothing. */
		if (fill->shared || (fill->compound_size && !fill->zone_tail))
			return -EEXIST;
		vmemmap_check_pmd(pmd, fill->nid, addr, next);
		return 0;
	}

	return fill_table(pmd, addr, next, fill);
}

/* ---- Ranges ---- */

/*
 * Build the tables down to the slot of @addr: the only way down that builds tables.
 * Returns the slot; -ENOMEM if a table cannot be allocated, -EEXIST if a leaf is in the
 * way. The tables that were built stay.
 */
static noinline pmd_t * __meminit descend(unsigned long addr, int node)
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

	return pmd_offset(pud, addr);
}

/* Returns @err, which ended the filling at [addr, next). */
static int __meminit report_failed(int err, unsigned long addr,
				   unsigned long next,
				   const struct vmemmap_fill *fill)
{
	if (err == -ENOMEM)
		trace_vmemmap_alloc_failed(addr, next, fill, PAGE_SIZE, PAGE_SIZE);
	return err;
}

/*
 * Fill whole pages, slot by slot. After an error, what lies before it is filled. No vmemmap
 * reaches the last slot of all addresses.
 */
static int __meminit fill_pages(unsigned long addr, unsigned long end,
				const struct vmemmap_fill *fill)
{
	pmd_t *pmd = NULL;
	unsigned long next;
	int err;

	for (; addr < end; addr = next, pmd++) {
		next = min(ALIGN(addr + 1, PMD_SIZE), end);
		if (!pmd || IS_ALIGNED(addr, PUD_SIZE))
			pmd = vmemmap_find_slot(addr);
		if (!pmd) {
			pmd = descend(addr, fill->nid);
			if (IS_ERR(pmd))
				return report_failed(PTR_ERR(pmd), addr, next,
						     fill);
		}
		err = fill_slot(pmd, addr, next, fill);
		if (err)
			return report_failed(err, addr, next, fill);
	}
	return 0;
}

/* The four kinds of filling exclude each other. */
static bool __meminit is_valid_fill(const struct vmemmap_fill *fill)
{
	if (fill->compound_size)
		return !fill->huge && !fill->altmap && !fill->shared;
	if (fill->zone_tail)
		return false;
	return !fill->shared || (!fill->huge && !fill->altmap);
}

/*
 * Fill a range whose first or last page describes a neighbour too. A device backs
 * no such page:
 *
 *	struct pages	   start				end
 *	pages		| RAM | device | device | ... | device | RAM |
 */
static noinline int __meminit
fill_beside_neighbours(unsigned long start, unsigned long end,
		       const struct vmemmap_fill *fill)
{
	const unsigned long page_start = PAGE_ALIGN_DOWN(start);
	const unsigned long page_end = PAGE_ALIGN(end);
	struct vmemmap_fill ram = *fill;
	int err = 0;

	if (end > page_end)
		return -EINVAL;
	/* Where subsections share a page, the first of them has mapped it. */
	if (page_end - page_start == PAGE_SIZE && vmemmap_lookup_page(page_start))
		return 0;
	if (!fill->altmap)
		return fill_pages(page_start, page_end, fill);

	ram.altmap = NULL;
	start = min(PAGE_ALIGN(start), page_end);
	end = max(PAGE_ALIGN_DOWN(end), start);

	if (page_start < start)
		err = fill_pages(page_start, start, &ram);
	if (!err && start < end)
		err = fill_pages(start, end, fill);
	if (!err && end < page_end)
		err = fill_pages(end, page_end, &ram);
	return err;
}

int __meminit vmemmap_fill_range(unsigned long start, unsigned long end,
				 const struct vmemmap_fill *fill)
{
	if (IS_ENABLED(CONFIG_DEBUG_VM) && WARN_ON_ONCE(!is_valid_fill(fill)))
		return -EINVAL;
	if (start > end)
		return -EINVAL;
	if (PAGE_ALIGNED(start | end))
		return fill_pages(start, end, fill);
	return fill_beside_neighbours(start, end, fill);
}

#ifdef VMEMMAP_PUBLIC_LEVELS
/* Map one page below @pmd, which has a table; NULL if none can be allocated. */
pte_t * __meminit vmemmap_pte_populate(pmd_t *pmd, unsigned long addr,
				       int node, struct vmem_altmap *altmap,
				       struct page *reuse)
{
	const struct vmemmap_fill fill = { .nid = node, .altmap = altmap,
					   .shared = reuse };
	pte_t *pte = pte_offset_kernel(pmd, addr);

	return fill_ptes(pte, addr, addr + PAGE_SIZE, &fill) ? NULL : pte;
}
#endif

/* ---- For the vmemmap_populate() of an architecture ---- */

/**
 * vmemmap_populate_basepages() - map a range of the vmemmap by base pages
 * @start: first address
 * @end: end of the range
 * @node: node that the memory should come from
 * @altmap: allocate blocks from this device; NULL: from RAM
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
 * vmemmap_populate_hugepages() - map a range of the vmemmap by PMD leaves, and by
 *	base pages where no huge block can be allocated
 * @start: first address
 * @end: end of the range
 * @node: node that the memory should come from
 * @altmap: allocate blocks from this device; NULL: from RAM
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
