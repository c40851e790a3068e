// SPDX-License-Identifier: GPL-2.0
/*
 * memory.c - RAM of two nodes, and its allocators: memblock, buddy, slab
 *
 * Physical memory is one reserved range of addresses, so that __va() and
 * __pa() are additions. A page can be touched while it is allocated as a single
 * page, by ASan's leave; larger blocks and device memory are only numbers.
 *
 *	pfn 0			a multiple of sections
 *	| node 0 | hole		| node 1 | hole		| sections to be added ...
 *	 <ram_pages>		 <ram_pages>
 *
 * With a gap, boot finds another section of RAM behind it, all of which is in use:
 *
 *	| node 0 | hole | gap	| section | node 1 ...
 *		 <gap_sections>
 */
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sanitizer/asan_interface.h>

#include "soft.h"

#ifndef DIRECT_MAP_SIZE
#define DIRECT_MAP_SIZE	(64UL << 30)
#endif
#ifndef MAX_PHYSMEM
#define MAX_PHYSMEM	DIRECT_MAP_SIZE	/* no other mapping lies there */
#endif
#define CHUNK_SIZE	(64UL << 10)	/* made accessible together */
#ifndef MAX_RAM_PAGES
#define MAX_RAM_PAGES	16384
#endif
#define JUNK		0xa5
#define JUNK_WORD	0xa5a5a5a5a5a5a5a5UL
#define JUNK_STEP	1024

struct geometry geo;
struct machine machine;
char *soft_direct_map;

static struct soft_page ram[MAX_RAM_PAGES];	/* of node 0, then of node 1 */
static bool is_open_chunk[DIRECT_MAP_SIZE / CHUNK_SIZE];
static unsigned long next_fit[NR_NODES];
struct soft_region soft_regions[NR_SOFT_REGIONS];
static char *buffer, *buffer_end;	/* of sparse_buffer_alloc() */

/* ---- Warnings and messages ---- */

static void keep_message(const char *kind, const char *fmt, va_list args)
{
	const size_t length = strlen(machine.seen.messages);

	vsnprintf(machine.seen.messages + length, sizeof(machine.seen.messages) - length, fmt,
		  args);
	if (is_verbose)
		test_note("%s: %s", kind, machine.seen.messages + length);
}

void soft_warn(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	keep_message("WARNING", fmt, args);
	va_end(args);
	machine.seen.nr_warnings++;
}

void soft_message(const char *fmt, ...)
{
	const size_t length = strlen(fmt);
	va_list args;

	if (!length || fmt[length - 1] != '\n')
		FAIL("message '%s' does not end its line", fmt);
	va_start(args, fmt);
	keep_message("message", fmt, args);
	va_end(args);
	machine.seen.nr_messages++;
}

static void fetch(const char *what, unsigned long *nr, unsigned long expected)
{
	if (*nr != expected)
		FAIL("expected %lu %s, have %lu: %s", expected, what, *nr, machine.seen.messages);
	*nr = 0;
	machine.seen.messages[0] = 0;
}

void expect_warnings(unsigned long nr)
{
	fetch("warnings", &machine.seen.nr_warnings, nr);
}

void expect_messages(unsigned long nr)
{
	fetch("messages", &machine.seen.nr_messages, nr);
}

bool has_message(const char *fmt, ...)
{
	char text[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	return strstr(machine.seen.messages, text);
}

/* ---- Pages ---- */

unsigned long ram_start_pfn(int nid)
{
	return nid * section_nr_to_pfn(geo.nr_node_sections);
}

int ram_nid(unsigned long pfn)
{
	for (int nid = 0; nid < NR_NODES; nid++)
		if (pfn - ram_start_pfn(nid) < geo.ram_pages)
			return nid;
	return NUMA_NO_NODE;
}

struct soft_page *ram_page(unsigned long pfn)
{
	const int nid = ram_nid(pfn);

	if (nid == NUMA_NO_NODE)
		return NULL;
	return &ram[nid * geo.ram_pages + pfn - ram_start_pfn(nid)];
}

unsigned long block_pfn(const void *block)
{
	EXPECT(block);
	EXPECT(PAGE_ALIGNED(block));
	return PHYS_PFN(__pa(block));
}

static char *page_memory(unsigned long pfn)
{
	return soft_direct_map + PFN_PHYS(pfn);
}

static bool *chunk_of(unsigned long pfn)
{
	return &is_open_chunk[PFN_PHYS(pfn) / CHUNK_SIZE];
}

/* RAM that is free holds junk. */
static void open_page(unsigned long pfn)
{
	char *chunk = page_memory(pfn) - PFN_PHYS(pfn) % CHUNK_SIZE;

	if (!*chunk_of(pfn)) {
		*chunk_of(pfn) = true;
		if (mprotect(chunk, CHUNK_SIZE, PROT_READ | PROT_WRITE))
			FAIL("mprotect: %m");
		memset(chunk, JUNK, CHUNK_SIZE);
		ASAN_POISON_MEMORY_REGION(chunk, CHUNK_SIZE);
	}
	ASAN_UNPOISON_MEMORY_REGION(page_memory(pfn), PAGE_SIZE);
}

/* A page is written from its first word on: only what is not junk is cleaned. */
static void close_page(unsigned long pfn)
{
	char *memory = page_memory(pfn), *end = memory + PAGE_SIZE;

	if (!*chunk_of(pfn))
		return;
	ASAN_UNPOISON_MEMORY_REGION(memory, PAGE_SIZE);
	for (char *at = memory; at < end && *(unsigned long *)at != JUNK_WORD; at += JUNK_STEP)
		memset(at, JUNK, JUNK_STEP);
	ASAN_POISON_MEMORY_REGION(memory, PAGE_SIZE);
}

static void take(unsigned long pfn, unsigned int nr_pages, int nid, enum page_state state)
{
	struct soft_page *page = ram_page(pfn);

	for (unsigned int i = 0; i < nr_pages; i++)
		page[i] = (struct soft_page){ .state = state, .nid = nid };
	machine.nr_used_pages += nr_pages;
	if (nr_pages == 1)
		open_page(pfn);
}

static void give_back(unsigned long pfn, unsigned int nr_pages)
{
	memset(ram_page(pfn), 0, nr_pages * sizeof(*ram));
	machine.nr_used_pages -= nr_pages;
	if (nr_pages == 1)
		close_page(pfn);
}

static bool is_free(unsigned long pfn, unsigned long nr_pages)
{
	const struct soft_page *page = ram_page(pfn);

	for (unsigned long i = 0; i < nr_pages; i++)
		if (page[i].state != PAGE_FREE)
			return false;
	return true;
}

unsigned long nr_free_pages(int nid)
{
	unsigned long nr = 0;

	for (unsigned long i = 0; i < geo.ram_pages; i++)
		nr += ram[nid * geo.ram_pages + i].state == PAGE_FREE;
	return nr;
}

static void reserve_addresses(void)
{
	char *memory = mmap(NULL, 2 * DIRECT_MAP_SIZE, PROT_NONE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (memory == MAP_FAILED)
		FAIL("no addresses for the direct map: %m");
	soft_direct_map = (char *)ALIGN((unsigned long)memory, DIRECT_MAP_SIZE);
}

/* All RAM is free; before the geometry changes, and for each new machine. */
void memory_reset(void)
{
	expect_warnings(0);
	EXPECT_EQ(machine.nr_objects, 0);
	if (!soft_direct_map)
		reserve_addresses();
	EXPECT(NR_NODES * geo.ram_pages <= MAX_RAM_PAGES);
	EXPECT(section_nr_to_pfn(NR_MEM_SECTIONS) << PAGE_SHIFT <= MAX_PHYSMEM);
	memset(soft_regions, 0, sizeof(soft_regions));
	for (int nid = 0; nid < NR_NODES; nid++) {
		const unsigned long start = ram_start_pfn(nid), end = ram_start_pfn(nid + 1);

		for (unsigned long i = 0; i < geo.ram_pages; i++)
			if (ram_page(start + i)->state != PAGE_FREE)
				give_back(start + i, 1);
		soft_regions[nid] = (struct soft_region){ start, start + geo.ram_pages, nid };
		if (geo.gap_sections)
			soft_regions[NR_NODES + nid] =
				(struct soft_region){ end - PAGES_PER_SECTION, end, nid };
	}
	memset(next_fit, 0, sizeof(next_fit));
	buffer = NULL;
	buffer_end = NULL;
	vmemmap_populate_print_last();	/* what the last case has left to report */
	machine = (struct machine){
		.knobs.far_distance = 2 * LOCAL_DISTANCE,
		.knobs.nr_available = LONG_MAX / 2,
	};
}

void fail_allocation(unsigned long nr, bool and_later)
{
	machine.seen.nr_attempts = 0;
	machine.seen.nr_failures = 0;
	machine.knobs.fail_at = nr;
	machine.knobs.fail_from = and_later;
}

static bool is_refused(unsigned long size)
{
	return machine.knobs.is_refused && machine.knobs.is_refused(size);
}

static bool note_allocation(int nid, bool refused)
{
	if (machine.knobs.note_allocation)
		machine.knobs.note_allocation(nid, refused);
	return refused;
}

static bool must_fail(void)
{
	machine.seen.nr_attempts++;
	if (!machine.knobs.fail_at || machine.seen.nr_attempts < machine.knobs.fail_at)
		return false;
	if (machine.seen.nr_attempts > machine.knobs.fail_at && !machine.knobs.fail_from)
		return false;
	machine.seen.nr_failures++;
	return true;
}

/* ---- The buddy allocator: any aligned block, never the one just freed ---- */

static bool find_block(int nid, unsigned int order, unsigned long *pfn)
{
	const unsigned long nr_pages = BIT(order);
	const unsigned long nr_blocks = geo.ram_pages >> order;

	for (unsigned long i = 0; i < nr_blocks; i++) {
		const unsigned long block = ((next_fit[nid] >> order) + i) % nr_blocks;

		*pfn = ram_start_pfn(nid) + block * nr_pages;
		if (is_free(*pfn, nr_pages)) {
			next_fit[nid] = (block + 1) * nr_pages % geo.ram_pages;
			return true;
		}
	}
	return false;
}

static bool find_free_block(int nid, gfp_t gfp, unsigned int order, unsigned long *pfn)
{
	if (machine.knobs.nr_listed ||
	    (machine.knobs.needs_reclaim[nid] && !(gfp & __GFP_RECLAIM)))
		return false;
	return find_block(nid, order, pfn);
}

static struct page *take_block(int nid, unsigned int order, unsigned long pfn)
{
	take(pfn, BIT(order), nid, PAGE_REST);
	ram_page(pfn)->state = PAGE_BLOCK;
	ram_page(pfn)->order = order;
	ram_page(pfn)->refs = 1;
	return pfn_to_page(pfn);
}

/*
 * Back ends ask without reclaim first; if there is no block, they may ask with reclaim,
 * for a single page at first on its node alone. All of that is one request, and fails as
 * a whole. A row, and what may give way to one, is a request of base pages, unless it is
 * as large as a PMD leaf.
 */
static bool is_request_refused(int node, gfp_t gfp, unsigned int order)
{
	const unsigned long size = (int)order == PMD_ORDER ? PMD_SIZE : PAGE_SIZE;
	static bool is_open, refused;

	if (gfp & __GFP_RECLAIM)
		EXPECT_EQ(gfp & ~(order ? 0 : __GFP_THISNODE | __GFP_NOWARN),
			  GFP_KERNEL | __GFP_RETRY_MAYFAIL | (order ? __GFP_NOWARN : 0));
	else
		EXPECT_EQ(gfp & ~__GFP_THISNODE,
			  (GFP_KERNEL & ~__GFP_RECLAIM) | __GFP_NOMEMALLOC | __GFP_NOWARN);
	if (!is_open || !(gfp & __GFP_RECLAIM))
		refused = note_allocation(node, is_refused(size)) || must_fail();
	is_open = !(gfp & __GFP_RECLAIM) || (!order && gfp & __GFP_NOWARN);
	return refused;
}

struct page *alloc_pages_node(int node, gfp_t gfp, unsigned int order)
{
	const int nid = node == NUMA_NO_NODE ? 0 : node;
	unsigned long pfn;

	EXPECT(machine.has_slab);
	EXPECT(nid >= 0 && nid < NR_NODES);
	EXPECT(order <= MAX_PAGE_ORDER);
	if (is_request_refused(node, gfp, order)) {
		machine.seen.nr_reports += !(gfp & __GFP_NOWARN);
		return NULL;
	}
	if (order && machine.knobs.is_fragmented)
		return NULL;
	machine.seen.nr_reclaims += !!(gfp & __GFP_RECLAIM);
	if (!find_free_block(nid, gfp, order, &pfn)) {
		if (gfp & __GFP_THISNODE)
			return NULL;
		if (!find_free_block(!nid, gfp, order, &pfn)) {
			machine.seen.nr_reports += !(gfp & __GFP_NOWARN);
			machine.seen.nr_exhausted++;
			return NULL;
		}
		machine.seen.nr_fallbacks++;
	}
	return take_block(nid, order, pfn);
}

void drain_all_pages(void *zone)
{
	machine.knobs.nr_available += machine.knobs.nr_listed;
	machine.knobs.nr_listed = 0;
}

long vmemmap_nr_available(void)
{
	return machine.knobs.nr_available + machine.knobs.nr_swap_pages;
}

void split_page(struct page *page, unsigned int order)
{
	machine.seen.nr_rows++;
	split_block(page_to_pfn(page), order);
}

bool node_state(int node, int state)
{
	EXPECT(node >= 0 && node < NR_NODES);
	return !machine.knobs.is_memoryless[node];
}

int num_node_state(int state)
{
	int nr = 0;

	for (int node = 0; node < NR_NODES; node++)
		nr += node_state(node, state);
	return nr;
}

/* Memory is released only when no CPU can reach it. */
static void expect_flushed(const struct vmemmap_cleared *cleared)
{
	if (cleared->end)
		FAIL("[%#lx-%#lx) is not flushed when memory of it is released",
		     cleared->start, cleared->end);
}

static void expect_unreachable(void)
{
	expect_flushed(&machine.unflushed_leaves);
	expect_flushed(&machine.unflushed_tables);
}

void __free_pages(struct page *ptr, unsigned int order)
{
	const unsigned long pfn = page_to_pfn(ptr);
	struct soft_page *page = ram_page(pfn);

	if (!page || page->state != PAGE_BLOCK || page->order != order)
		FAIL("pfn %#lx is no block of order %u to be freed", pfn, order);
	EXPECT(machine.has_slab);
	EXPECT(page->refs == 1 || !order);
	EXPECT(!page->is_constructed);
	expect_unreachable();
	if (!--page->refs)
		give_back(pfn, BIT(order));
}

/* One block again, as before it was split: aligned, and of one node. */
void vmemmap_free_frozen_pages(struct page *page, unsigned int order)
{
	const unsigned long pfn = page_to_pfn(page);

	EXPECT(machine.has_slab);
	EXPECT(order <= MAX_PAGE_ORDER && IS_ALIGNED(pfn, BIT(order)));
	EXPECT(!order || !machine.knobs.has_page_records);
	expect_unreachable();
	machine.seen.nr_row_frees++;
	for (unsigned long i = 0; i < BIT(order); i++) {
		const struct soft_page *soft = ram_page(pfn + i);

		if (!soft || soft->state != PAGE_BLOCK || soft->order || soft->refs)
			FAIL("pfn %#lx is no page without a reference", pfn + i);
		EXPECT(!soft->is_slab && !soft->is_constructed && !soft->is_bad);
		EXPECT_EQ(ram_nid(pfn + i), ram_nid(pfn));
		give_back(pfn + i, 1);
	}
}

bool vmemmap_has_page_records(void)
{
	return machine.knobs.has_page_records;
}

void vmemmap_construct_table(void *table)
{
	struct soft_page *page = ram_page(PHYS_PFN(__pa(table)));

	EXPECT(machine.has_slab);
	EXPECT(page && page->state == PAGE_BLOCK && !page->order);
	EXPECT(!page->is_constructed);
	page->is_constructed = true;
}

void vmemmap_free_pages(struct page *page, unsigned int order)
{
	struct soft_page *soft = ram_page(page_to_pfn(page));

	if (soft)
		soft->is_constructed = false;
	__free_pages(page, order);
}

/* Each page becomes a block of its own; those from boot are that already. */
void split_block(unsigned long pfn, unsigned int order)
{
	struct soft_page *page = ram_page(pfn);

	EXPECT(page->state == PAGE_BOOT ||
	       (page->state == PAGE_BLOCK && page->order == order && page->refs == 1));
	for (unsigned long i = 0; page->state == PAGE_BLOCK && i < BIT(order); i++) {
		page[i].state = PAGE_BLOCK;
		page[i].order = 0;
		page[i].refs = 1;
	}
}

/* Leave no free block of @order or larger on the node, but smaller ones. */
void exhaust_order(int nid, unsigned int order)
{
	unsigned long pfn;

	while (find_block(nid, order, &pfn)) {
		ram_page(pfn)->state = PAGE_BLOCK;
		ram_page(pfn)->refs = 1;
	}
}

/* ---- memblock: from the top down, at or above @min_addr if it can be ---- */

/* Does a range lie in one piece of mirrored memory? */
bool is_mirrored(unsigned long pfn, unsigned long nr_pages)
{
	const unsigned long nr = pfn >> PMD_ORDER;

	return nr % 2 && nr == (pfn + nr_pages - 1) >> PMD_ORDER;
}

bool memblock_has_mirror(void)
{
	return machine.knobs.is_mirrored;
}

static bool find_boot_range(int nid, unsigned long nr_pages, unsigned long align,
			    unsigned long min_pfn, bool mirrored, unsigned long *found)
{
	const unsigned long start = ram_start_pfn(nid);
	unsigned long pfn;

	if (nr_pages > geo.ram_pages)
		return false;
	pfn = ALIGN_DOWN(start + geo.ram_pages - nr_pages, align);
	for (; pfn >= start && pfn >= min_pfn && pfn < start + geo.ram_pages; pfn -= align) {
		if (is_free(pfn, nr_pages) && (!mirrored || is_mirrored(pfn, nr_pages))) {
			*found = pfn;
			return true;
		}
	}
	return false;
}

void *memblock_alloc(phys_addr_t size, phys_addr_t align, phys_addr_t min_addr,
		     int node, int nr_nodes)
{
	const unsigned long nr_pages = PHYS_PFN(size), step = PHYS_PFN(align);
	const int nid = node == NUMA_NO_NODE ? 0 : node;
	const unsigned long min_pfns[] = { PHYS_PFN(min_addr), 0 };
	unsigned long pfn;

	EXPECT(!machine.has_slab);
	EXPECT(size && PAGE_ALIGNED(size) && PAGE_ALIGNED(align));
	if (must_fail() || (size > PAGE_SIZE && machine.knobs.is_fragmented))
		return NULL;
	/* Mirrored memory first, if there is any that is large enough. */
	for (int i = 0; i < 4; i++) {
		const bool mirrored = !(i % 2);

		if (mirrored && !machine.knobs.is_mirrored)
			continue;
		for (int j = 0; j < nr_nodes; j++) {
			if (!find_boot_range(nid ^ j, nr_pages, step, min_pfns[i / 2],
					     mirrored, &pfn))
				continue;
			machine.seen.nr_fallbacks += j;
			take(pfn, nr_pages, nid, PAGE_BOOT);
			return page_memory(pfn);
		}
	}
	machine.seen.nr_exhausted++;
	return NULL;
}

/* Memory for struct pages is poisoned. */
void *vmemmap_memblock_alloc(phys_addr_t size, phys_addr_t align,
			     phys_addr_t min_addr, int node, bool exact_node)
{
	char *block = memblock_alloc(size, align, min_addr, node, exact_node ? 1 : NR_NODES);

	for (unsigned long i = 0; block && i < PHYS_PFN(size); i++)
		ram_page(PHYS_PFN(__pa(block)) + i)->is_poisoned = true;
	return block;
}

void free_boot_pages(unsigned long pfn, unsigned long nr_pages)
{
	for (unsigned long i = 0; i < nr_pages; i++) {
		if (!ram_page(pfn + i) || ram_page(pfn + i)->state != PAGE_BOOT)
			FAIL("pfn %#lx is not from boot", pfn + i);
		give_back(pfn + i, 1);
	}
}

void vmemmap_put_boot_page(struct page *page)
{
	expect_unreachable();
	free_boot_pages(page_to_pfn(page), 1);
}

void vmem_altmap_free(struct vmem_altmap *altmap, unsigned long nr_pfns)
{
	expect_unreachable();
	EXPECT(altmap->alloc >= nr_pfns);
	altmap->alloc -= nr_pfns;
}

void memblock_free(void *block, size_t size)
{
	EXPECT(!machine.has_slab);
	EXPECT(size && PAGE_ALIGNED(block) && PAGE_ALIGNED(size));
	free_boot_pages(PHYS_PFN(__pa(block)), PHYS_PFN(size));
}

/* Leave only the lowest pages of the node. */
void exhaust_memblock(int nid, unsigned long nr_pages_left)
{
	for (unsigned long i = nr_pages_left; i < geo.ram_pages; i++)
		ram_page(ram_start_pfn(nid) + i)->state = PAGE_BOOT;
}

/* The lowest eighth of node 0 is for devices that cannot reach further. */
phys_addr_t soft_dma_end(void)
{
	return PFN_PHYS(geo.ram_pages / 8);
}

void sparse_buffer_init(unsigned long size, int nid)
{
	buffer = vmemmap_memblock_alloc(size, PMD_SIZE, soft_dma_end(), nid, false);
	buffer_end = buffer ? buffer + size : NULL;
}

void sparse_buffer_fini(void)
{
	if (buffer && buffer < buffer_end)
		memblock_free(buffer, buffer_end - buffer);
	buffer = NULL;
	buffer_end = NULL;
}

void *sparse_buffer_alloc(unsigned long size)
{
	char *block = (char *)ALIGN((unsigned long)buffer, size);

	if (!buffer || size > (unsigned long)(buffer_end - block))
		return NULL;
	if (block > buffer_end)
		return NULL;
	if (block > buffer)
		memblock_free(buffer, block - buffer);
	buffer = block + size;
	return block;
}

bool vmemmap_has_slab(void)
{
	return machine.has_slab;
}

/* ---- Slab: an object is the start of a page, the rest is out of bounds ---- */

void *kzalloc(size_t size, gfp_t gfp)
{
	unsigned long pfn;
	char *object;

	EXPECT(machine.has_slab);
	EXPECT_EQ(gfp, GFP_KERNEL);
	EXPECT(size <= PAGE_SIZE);
	if (must_fail())
		return NULL;
	if (!find_block(0, 0, &pfn) && !find_block(1, 0, &pfn)) {
		machine.seen.nr_exhausted++;
		return NULL;
	}
	take(pfn, 1, 0, PAGE_BLOCK);
	ram_page(pfn)->is_slab = true;
	ram_page(pfn)->refs = 1;
	object = page_memory(pfn);
	ASAN_POISON_MEMORY_REGION(object + size, PAGE_SIZE - size);
	return memset(object, 0, size);
}

/* From outside of the machine; none may be left when the next one is built. */
void *kvcalloc(size_t nr, size_t size, gfp_t gfp)
{
	EXPECT(machine.has_slab);
	EXPECT_EQ(gfp, GFP_KERNEL);
	if (must_fail())
		return NULL;
	machine.nr_objects++;
	return calloc(nr, size);
}

void kvfree(void *object)
{
	machine.nr_objects--;
	free(object);
}

void *xa_store(struct xarray *xa, unsigned long index, void *entry, gfp_t gfp)
{
	for (unsigned int i = 0; i < xa->nr; i++)
		if (xa->index[i] == index)
			return entry;
	EXPECT(xa->nr < ARRAY_SIZE(xa->index));
	xa->index[xa->nr++] = index;
	return NULL;
}

unsigned long bitmap_find_next_zero_area_off(unsigned long *map, unsigned long size,
					     unsigned long start, unsigned int nr,
					     unsigned long align_mask, unsigned long align_offset)
{
	unsigned long at, i;

	for (at = start; ; at += i + 1) {
		at = ALIGN(at + align_offset, align_mask + 1) - align_offset;
		if (at + nr > size)
			return at + nr;
		for (i = 0; i < nr && !test_bit(at + i, map); i++)
			;
		if (i == nr)
			return at;
	}
}

void soft_kfree(void *object)
{
	const unsigned long pfn = PHYS_PFN(__pa(object));
	struct soft_page *page = ram_page(pfn);

	if (!page || !page->is_slab || !PAGE_ALIGNED(object))
		FAIL("%p is no object to be freed", object);
	give_back(pfn, 1);
}

/* ---- struct page ---- */

static struct soft_page *soft_page_of(const struct page *page)
{
	const unsigned long pfn = page_to_pfn(page);
	struct soft_page *soft = ram_page(pfn);

	if (pfn_to_page(pfn) != page || !soft)
		FAIL("%p is no struct page of RAM", (const void *)page);
	return soft;
}

bool PageReserved(const struct page *page)
{
	return soft_page_of(page)->state == PAGE_BOOT;
}

bool PageHWPoison(const struct page *page)
{
	return soft_page_of(page)->is_bad;
}

bool page_has_type(const struct page *page)
{
	return soft_page_of(page)->is_constructed;
}

int page_zone_id(const struct page *page)
{
	return page_to_nid(page);
}

bool page_ref_freeze(struct page *page, int nr)
{
	struct soft_page *soft = soft_page_of(page);

	EXPECT(soft->state == PAGE_BLOCK && !soft->order && nr > 0);
	if (soft->refs != nr)
		return false;
	soft->refs = 0;
	return true;
}

int page_to_nid(const struct page *page)
{
	soft_page_of(page);
	return ram_nid(page_to_pfn(page));
}

int page_ref_count(const struct page *page)
{
	const struct soft_page *soft = soft_page_of(page);

	EXPECT(soft->state == PAGE_BLOCK);
	return soft->refs;
}

void page_ref_add(struct page *page, int nr)
{
	struct soft_page *soft = soft_page_of(page);

	EXPECT(soft->state == PAGE_BLOCK && !soft->order && !soft->is_slab);
	EXPECT(nr >= 0);
	soft->refs += nr;
}

void page_ref_sub(struct page *page, int nr)
{
	struct soft_page *soft = soft_page_of(page);

	EXPECT(soft->state == PAGE_BLOCK && (!soft->order || !nr));
	EXPECT(nr >= 0 && (long)soft->refs > nr);
	soft->refs -= nr;
}

static bool is_live(unsigned long pfn)
{
	return pfn_to_section_nr(pfn) < NR_MEM_SECTIONS && oracle_owner(pfn) != NOBODY;
}

bool pfn_valid(unsigned long pfn)
{
	return ram_page(pfn) || is_live(pfn);
}

bool is_zone_device_page(const struct page *page)
{
	return is_live(page_to_pfn(page)) && oracle_owner(page_to_pfn(page)) >= FIRST_DEVICE;
}

struct page *pfn_to_online_page(unsigned long pfn)
{
	EXPECT(machine.has_slab);
	return ram_page(pfn) ? pfn_to_page(pfn) : NULL;
}

int early_pfn_to_nid(unsigned long pfn)
{
	EXPECT(!machine.has_slab);
	return ram_nid(pfn);
}

int node_distance(int a, int b)
{
	EXPECT(a >= 0 && a < NR_NODES && b >= 0 && b < NR_NODES);
	return a == b ? LOCAL_DISTANCE : machine.knobs.far_distance;
}
