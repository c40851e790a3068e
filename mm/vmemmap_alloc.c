// SPDX-License-Identifier: GPL-2.0
/*
 * vmemmap_alloc.c - memory for the vmemmap
 *
 * Owns who is asked for a block or a table, and who gets it back: memblock at
 * boot, the buddy allocator later, the altmap of a device. Knows pages and the
 * state they were allocated in; must not know what is mapped where.
 */
#include "vmemmap_base.h"
#include "vmemmap.h"

/*
 * @order pages from the buddy allocator: not compound, one reference. Only
 * where there is nothing smaller to fall back to is a failure worth a report.
 */
static void * __meminit vmemmap_alloc_buddy(unsigned int order, int node)
{
	const gfp_t quiet = order ? __GFP_NOWARN : 0;
	struct page *page;

	if (order > MAX_PAGE_ORDER)
		return NULL;
	page = alloc_pages_node(node, GFP_KERNEL | __GFP_RETRY_MAYFAIL | quiet,
				order);
	return page ? page_address(page) : NULL;
}

/*
 * Raw memory, aligned to its size. kmemleak shall neither scan nor report the
 * memory map, and memory below MAX_DMA_ADDRESS is left to those who need it.
 */
static void * __ref vmemmap_alloc_early(unsigned long size, int node)
{
	return memblock_alloc_try_nid_raw(size, size, __pa(MAX_DMA_ADDRESS),
					  MEMBLOCK_ALLOC_NOLEAKTRACE, node);
}

/**
 * vmemmap_alloc_block() - allocate a block of RAM
 * @size: in bytes, a power of two, at least a page; the block is aligned to it
 * @node: preferred node, or NUMA_NO_NODE
 *
 * The block is not cleared.
 *
 * Context: boot (memblock) or later (buddy allocator); may sleep in the
 * latter case.
 * Return: the address in the direct map; NULL if there is no such memory. It is
 * reported if not even a page can be had later.
 */
void * __meminit vmemmap_alloc_block(unsigned long size, int node)
{
	KUNIT_STATIC_STUB_REDIRECT(vmemmap_alloc_block, size, node);

	if (slab_is_available())
		return vmemmap_alloc_buddy(get_order(size), node);
	return vmemmap_alloc_early(size, node);
}

/* For the blocks that boot asks for next; @size is yet to be searched for. */
static struct {
	unsigned long size;
	int nid;
	void *start;
	void *end;
} aside __meminitdata;

void __meminit vmemmap_set_aside(unsigned long size, int nid)
{
	aside.size = size;
	aside.nid = nid;
}

static void __ref search_aside(void)
{
	const unsigned long size = aside.size;
	const unsigned long align = size < PMD_SIZE ? PAGE_SIZE : PMD_SIZE;

	aside.start = memblock_alloc_exact_nid_raw(size, align,
						   __pa(MAX_DMA_ADDRESS),
						   MEMBLOCK_ALLOC_NOLEAKTRACE,
						   aside.nid);
	aside.end = aside.start ? aside.start + size : NULL;
	aside.size = 0;
}

/* Give back what lies before @next. */
static void __ref put_aside(void *next)
{
	memblock_free(aside.start, next - aside.start);
	aside.start = next;
}

void __meminit vmemmap_put_aside(void)
{
	aside.size = 0;
	if (aside.end > aside.start)
		put_aside(aside.end);
}

static void * __meminit alloc_aside(unsigned long size)
{
	void *block;

	if (aside.size)
		search_aside();
	block = PTR_ALIGN(aside.start, size);
	if (aside.start == aside.end || block + size > aside.end)
		return NULL;
	if (block > aside.start)
		put_aside(block);
	aside.start += size;
	return block;
}

/* Pages from the buddy allocator that are blocks soon; mem_hotplug_lock guards them. */
#define VMEMMAP_NR_SPARE	512
static struct {
	struct page *pages[VMEMMAP_NR_SPARE];
	unsigned int next;
	unsigned int nr;
	unsigned long nr_expected;
} spare;

unsigned int __meminit vmemmap_alloc_pages(struct page **pages, unsigned int nr,
					   int node)
{
	const gfp_t gfp = GFP_KERNEL | __GFP_RETRY_MAYFAIL | __GFP_NOWARN;

	KUNIT_STATIC_STUB_REDIRECT(vmemmap_alloc_pages, pages, nr, node);

	return alloc_pages_bulk_node(gfp, node, nr, pages);
}

static struct page * __meminit next_spare(void)
{
	struct page *page = spare.pages[spare.next];

	spare.pages[spare.next++] = NULL;
	return page;
}

/* One of the pages that are expected, if there can be several by one call. */
static void * __meminit alloc_spare(int node)
{
	const unsigned long nr = spare.nr_expected--;

	if (spare.next == spare.nr) {
		spare.next = 0;
		spare.nr = nr == 1 ? 0 :
			   vmemmap_alloc_pages(spare.pages,
					       min(nr, ARRAY_SIZE(spare.pages)),
					       node);
	}
	return spare.next < spare.nr ? page_address(next_spare()) : NULL;
}

void __meminit vmemmap_expect_pages(unsigned long nr)
{
	while (spare.next < spare.nr)
		vmemmap_free_pages(next_spare(), 0);
	spare.nr_expected = slab_is_available() ? nr : 0;
}

/**
 * vmemmap_alloc_block_buf() - allocate a block from where the caller says
 * @size: in bytes; see vmemmap_alloc_block(). An altmap also gives multiples
 *	of a page that are no power of two
 * @node: preferred node; means nothing to an altmap
 * @altmap: take it from this device and from nowhere else; NULL: from RAM,
 *	first from what was set aside for the node's memory map at boot
 *
 * Context: see vmemmap_alloc_block().
 * Return: the address in the direct map; NULL if there is no such memory. A
 * failed try changes nothing.
 */
void * __meminit vmemmap_alloc_block_buf(unsigned long size, int node,
					 struct vmem_altmap *altmap)
{
	void *block;

	if (altmap)
		return vmemmap_alloc_altmap_block(altmap, size);
	block = size == PAGE_SIZE && spare.nr_expected ?
		alloc_spare(node) : sparse_buffer_alloc(size);
	return block ?: alloc_aside(size) ?: vmemmap_alloc_block(size, node);
}

/* A page of another device is none; it may have no struct page at all. */
static bool is_ram(unsigned long pfn)
{
	return pfn_valid(pfn) && !is_zone_device_page(pfn_to_page(pfn));
}

static void put_ram_block(unsigned long pfn, unsigned int order,
			  unsigned int nr_refs)
{
	struct page *page = pfn_to_page(pfn);
	unsigned long i;

	if (PageReserved(page)) {
		for (i = 0; i < 1UL << order; i++)
			vmemmap_put_boot_page(pfn_to_page(pfn + i));
	} else {
		page_ref_sub(page, nr_refs - 1);
		vmemmap_free_pages(page, order);
	}
}

void __ref vmemmap_put_block(unsigned long pfn, unsigned int order,
			     unsigned int nr_refs, struct vmem_altmap *altmap)
{
	KUNIT_STATIC_STUB_REDIRECT(vmemmap_put_block, pfn, order, nr_refs,
				   altmap);

	if (altmap && vmemmap_put_altmap_block(altmap, pfn, order))
		return;
	if (!slab_is_available())
		memblock_free(__va(PFN_PHYS(pfn)), PAGE_SIZE << order);
	else if (!WARN_ONCE(!is_ram(pfn),
			    "vmemmap: pfn %#lx, order %u: no RAM to be freed\n",
			    pfn, order))
		put_ram_block(pfn, order, nr_refs);
}
