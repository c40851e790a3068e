// SPDX-License-Identifier: GPL-2.0
/*
 * vmemmap_populate.c - fill a range of the vmemmap
 *
 * Owns the way in: what a slot holds and what it is filled with. Knows addresses,
 * and of compound pages what struct vmemmap_fill says; must not know sections or
 * devices.
 */
#include "vmemmap_base.h"
#include "vmemmap.h"
#include <trace/events/sparse_vmemmap.h>

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
