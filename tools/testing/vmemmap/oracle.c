// SPDX-License-Identifier: GPL-2.0
/*
 * oracle.c - what the machine must look like
 *
 * The oracle knows the owner of each subsection, and nothing else. It derives
 * which addresses must be mapped, the memory behind them, the pages in use and
 * the counters:
 *
 *	each struct page of a live subsection is mapped, and no leaf maps none
 *	each page of RAM in use is a table, behind leaves, or an object, and its
 *		reference count is the number of leaves that map it
 *	the bytes and the tables that were traced add up to the same, by source
 *	a device that brought an altmap pays from it, within its window
 *	tails of a compound page all map the second page, or that of their zone and
 *		order, read-only; those of a HugeTLB page one of its node; every other
 *		leaf has a block of its own, aligned to its size, from the right node
 */
#include <stdlib.h>
#include <sanitizer/asan_interface.h>

#include "soft.h"

#define MAX_SUBSECTIONS	16384
#define MAX_PFNS	BIT(22)

static unsigned char owner[MAX_SUBSECTIONS];	/* of each subsection */
static bool is_early[MAX_SUBSECTIONS];		/* each section */
static bool is_altmap_page_used[MAX_PFNS];
static long memmap_pages, memmap_boot_pages;
static unsigned long nr_altmap_pages[NR_DEVICES];
static long mapped[2][VMEMMAP_NR_SOURCES];	/* bytes */
static long nr_tables;
/* PTEs that map the shared page of HugeTLB; those where a page from boot was before */
static long nr_hugetlb_tails, nr_not_from_boot;

/* ---- The owner of each subsection ---- */

static unsigned long subsection_nr(unsigned long pfn)
{
	return pfn / PAGES_PER_SUBSECTION;
}

void oracle_reset(void)
{
	EXPECT(NR_MEM_SECTIONS * SUBSECTIONS_PER_SECTION <= MAX_SUBSECTIONS);
	EXPECT(section_nr_to_pfn(NR_MEM_SECTIONS) <= MAX_PFNS);
	memset(owner, NOBODY, sizeof(owner));
	memset(is_early, 0, sizeof(is_early));
	memmap_pages = 0;
	memmap_boot_pages = 0;
}

int oracle_owner(unsigned long pfn)
{
	return owner[subsection_nr(pfn)];
}

static struct device *device_of(unsigned long pfn)
{
	const int nr = oracle_owner(pfn) - FIRST_DEVICE;

	return nr < 0 ? NULL : &devices[nr];
}

bool is_live_range(unsigned long pfn, unsigned long nr_pages)
{
	const unsigned long first = subsection_nr(pfn);

	return !memchr(&owner[first], NOBODY, subsection_nr(pfn + nr_pages - 1) - first + 1);
}

/* The first has no owner, and each is like the one before. */
bool is_dead_range(unsigned long pfn, unsigned long nr_pages)
{
	const unsigned long first = subsection_nr(pfn);

	return owner[first] == NOBODY &&
	       !memcmp(&owner[first], &owner[first + 1], subsection_nr(pfn + nr_pages - 1) - first);
}

bool is_needed(unsigned long pfn)
{
	return oracle_owner(pfn) != NOBODY || is_early[pfn_to_section_nr(pfn)];
}

static bool is_deduplicated(const struct device *dev)
{
	return vmemmap_can_optimize(dev->has_altmap ? &dev->altmap : NULL, &dev->pgmap);
}

/* The place of a vmemmap page among those of its compound page. */
static unsigned long place_in_compound(const struct device *dev, unsigned long addr)
{
	const unsigned long size = pgmap_vmemmap_nr(&dev->pgmap) *
				   sizeof(struct page);

	return (addr - vaddr(dev->pfn)) % size >> PAGE_SHIFT;
}

/* Does its compound page lie wholly in the device, and on a multiple of its size? */
static bool is_in_whole_compound(const struct device *dev, unsigned long addr)
{
	const unsigned long nr_pages = pgmap_vmemmap_nr(&dev->pgmap);
	const unsigned long pfn = (addr - soft_vmemmap) / sizeof(struct page);
	const unsigned long head = pfn - (pfn - dev->pfn) % nr_pages;

	return IS_ALIGNED(dev->pfn, nr_pages) && head + nr_pages <= dev->pfn + dev->nr_pages;
}

static bool is_read_only(unsigned long addr)
{
	return *walk(addr).entry & ENTRY_READONLY;
}

/* ---- Counters: of a device as it is mapped ---- */

static long cost_of(unsigned long pfn, unsigned long nr_pages)
{
	const unsigned long end = vaddr(pfn + nr_pages);
	const struct device *dev = device_of(pfn);
	long cost = 0;

	if (!dev || !is_deduplicated(dev))
		return DIV_ROUND_UP(nr_pages * sizeof(struct page), PAGE_SIZE);
	/* Of those who share a page, the first pays. */
	for (unsigned long addr = PAGE_ALIGN(vaddr(pfn)); addr < end; addr += PAGE_SIZE)
		cost += has_zone_tails ? !is_read_only(addr) :
			place_in_compound(dev, addr) < VMEMMAP_RESERVE_NR;
	return cost;
}

/* Each section that a range touches: its part of the range is [pfn, next). */
#define for_each_part(pfn, next, end_pfn)					\
	for (unsigned long next; pfn < (end_pfn) &&				\
	     (next = min(end_pfn, SECTION_ALIGN_DOWN(pfn) + PAGES_PER_SECTION)); pfn = next)

static void count_section(unsigned long pfn, unsigned long nr_pages, int sign)
{
	const unsigned long nr = pfn_to_section_nr(pfn);
	const unsigned long start = section_nr_to_pfn(nr);

	if (!is_early[nr]) {
		memmap_pages += sign * cost_of(pfn, nr_pages);
	} else if (is_dead_range(start, PAGES_PER_SECTION)) {
		is_early[nr] = false;
		memmap_boot_pages -= cost_of(start, PAGES_PER_SECTION);
	}
}

void oracle_add(unsigned long pfn, unsigned long nr_pages, int who)
{
	const unsigned long end = pfn + nr_pages;

	for_each_part(pfn, next, end) {
		const unsigned long nr = pfn_to_section_nr(pfn);

		memset(&owner[subsection_nr(pfn)], who,
		       subsection_nr(next - 1) - subsection_nr(pfn) + 1);
		if (who == BOOT_RAM) {
			is_early[nr] = true;
			memmap_boot_pages += cost_of(section_nr_to_pfn(nr), PAGES_PER_SECTION);
		} else {
			count_section(pfn, next - pfn, 1);
		}
	}
}

void oracle_remove(unsigned long pfn, unsigned long nr_pages)
{
	const unsigned long end = pfn + nr_pages;

	for_each_part(pfn, next, end) {
		const unsigned long nr = pfn_to_section_nr(pfn);

		if (!is_early[nr])
			count_section(pfn, next - pfn, -1);
		memset(&owner[subsection_nr(pfn)], NOBODY, subsection_nr(next - pfn));
		if (is_early[nr])
			count_section(pfn, next - pfn, -1);
	}
}

/* ---- Sections ---- */

/* All sections that are no more have this one. */
static bool is_stand_in_usage(const struct mem_section_usage *usage)
{
#ifdef CONFIG_SPARSEMEM_VMEMMAP_STAND_IN
	return usage && usage == sparse_stand_in_usage;
#else
	return false;
#endif
}

static void check_usage(const struct mem_section *ms, unsigned long start)
{
	for (unsigned long i = 0; i < SUBSECTIONS_PER_SECTION; i++) {
		const unsigned long pfn = start + i * PAGES_PER_SUBSECTION;

		if (test_bit(i, ms->usage->subsection_map) != (oracle_owner(pfn) != NOBODY))
			FAIL("subsection of pfn %#lx has the wrong state", pfn);
	}
}

/* Returns true if the section has a usage map from slab. */
static bool check_section(unsigned long nr)
{
	const struct mem_section *ms = __nr_to_section(nr);
	const unsigned long start = section_nr_to_pfn(nr);
	unsigned long map;

	if (is_dead_range(start, PAGES_PER_SECTION)) {
		EXPECT(!ms || !ms->section_mem_map);
		if (ms && ms->usage) {
			EXPECT(is_stand_in_usage(ms->usage) ||
			       PageReserved(virt_to_page(ms->usage)));
			check_usage(ms, start);
		}
		return false;
	}
	EXPECT(ms && ms->usage && !is_stand_in_usage(ms->usage));
	map = SECTION_MARKED_PRESENT | SECTION_HAS_MEM_MAP | soft_vmemmap |
	      (is_early[nr] ? SECTION_IS_EARLY : 0);
	EXPECT_EQ(ms->section_mem_map & ~SECTION_IS_ONLINE, map);
	check_usage(ms, start);
	if (PageReserved(virt_to_page(ms->usage)))
		return false;
	/* as large as it must be */
	EXPECT(__asan_address_is_poisoned((char *)ms->usage + mem_section_usage_size()));
	return true;
}

/* Arrays of sections. */
static unsigned long nr_roots(bool is_from_boot)
{
	unsigned long nr = 0;

	for (unsigned long i = 0; i < NR_SECTION_ROOTS; i++)
		nr += mem_section[i] && is_from_boot == PageReserved(virt_to_page(mem_section[i]));
	return nr;
}

/* ---- Leaves ---- */

/* A page of a leaf that was split may be from the node of any of the leaf. */
static bool has_right_node(const struct leaf *leaf, int nid)
{
	const unsigned long size = is_in_split_slot(leaf) ? PMD_SIZE : leaf->end - leaf->start;
	const unsigned long start = ALIGN_DOWN(leaf->start, size);
	unsigned long pfn = ALIGN_DOWN((start - soft_vmemmap) / sizeof(struct page),
				       PAGES_PER_SUBSECTION);

	for (; vaddr(pfn) < start + size; pfn += PAGES_PER_SUBSECTION) {
		const struct device *dev = device_of(pfn);

		if (nid == section_nid(pfn_to_section_nr(pfn)) || (dev && nid == dev->nid))
			return true;
	}
	return false;
}

/* The leaf's first subsection that is needed; a leaf must have one. */
static unsigned long first_needed_pfn(const struct leaf *leaf)
{
	unsigned long pfn;

	EXPECT(leaf->start >= ALIGN_DOWN(soft_vmemmap, leaf->end - leaf->start));
	pfn = leaf->start < soft_vmemmap ? 0 : (leaf->start - soft_vmemmap) / sizeof(struct page);
	pfn = ALIGN_DOWN(pfn, PAGES_PER_SUBSECTION);
	for (; vaddr(pfn) < leaf->end &&
	       pfn_to_section_nr(pfn) < NR_MEM_SECTIONS;
	     pfn += PAGES_PER_SUBSECTION)
		if (is_needed(pfn))
			return pfn;
	FAIL("[%#lx-%#lx) is mapped, but not needed", leaf->start, leaf->end);
}

static void check_own_ram(const struct leaf *leaf)
{
	const unsigned long nr_pages = (leaf->end - leaf->start) >> PAGE_SHIFT;
	struct soft_page *page;

	for (unsigned long i = 0; i < nr_pages; i++) {
		page = ram_page(leaf->pfn + i);
		if (!page || page->state == PAGE_FREE || page->nr_own++)
			FAIL("%#lx maps pfn %#lx, which is not its own",
			     leaf->start, leaf->pfn + i);
	}
	page = ram_page(leaf->pfn);
	EXPECT(page->state != PAGE_REST);
	if (page->state == PAGE_BLOCK)
		EXPECT_EQ(BIT(page->order), nr_pages);
	EXPECT(has_right_node(leaf, page->nid));
	if (!machine.seen.nr_fallbacks)
		EXPECT_EQ(page->nid, ram_nid(leaf->pfn));
}

static void check_altmap_block(const struct leaf *leaf, struct device *dev)
{
	const struct vmem_altmap *altmap = &dev->altmap;
	const unsigned long nr_pages = (leaf->end - leaf->start) >> PAGE_SHIFT;
	const unsigned long first = leaf->pfn - altmap->base_pfn - altmap->reserve;

	EXPECT(dev->has_altmap);
	if (first >= altmap->free || nr_pages > altmap->free - first)
		FAIL("pfn %#lx behind %#lx is not in the altmap", leaf->pfn, leaf->start);
	for (unsigned long i = 0; i < nr_pages; i++) {
		bool *is_used = &is_altmap_page_used[leaf->pfn + i];

		if (*is_used)
			FAIL("pfn %#lx of the altmap is used twice", leaf->pfn + i);
		*is_used = true;
	}
	nr_altmap_pages[dev - devices] += nr_pages;
}

/* A leaf that is only in part for the section, or the device, is RAM. */
static bool uses_altmap(const struct leaf *leaf, const struct device *dev, unsigned long pfn)
{
	unsigned long start = SECTION_ALIGN_DOWN(pfn);
	unsigned long end = start + PAGES_PER_SECTION;

	if (!dev || !dev->has_altmap)
		return false;
	start = max(start, dev->pfn);
	end = min(end, dev->pfn + dev->nr_pages);
	return vaddr(start) <= leaf->start && leaf->end <= vaddr(end);
}

/* The node is that of the first section that the page describes. */
static void check_zone_tail(const struct leaf *leaf, const struct device *dev)
{
	const unsigned long pfn = (leaf->start - soft_vmemmap) / sizeof(struct page);
	const int nid = dev->nid == NUMA_NO_NODE ? section_nid(pfn_to_section_nr(pfn)) : dev->nid;
	const struct page *tail = *device_tail(dev->pgmap.vmemmap_shift, nid);

	EXPECT_EQ(leaf->level, SOFT_PTE);
	EXPECT(tail);
	EXPECT_EQ(leaf->pfn, page_to_pfn(tail));
}

/* Only what a neighbour has mapped before is not shared. */
static bool is_zone_tail(const struct leaf *leaf, const struct device *dev)
{
	const bool is_shared = has_zone_tails && dev && is_deduplicated(dev) &&
			       place_in_compound(dev, leaf->start) &&
			       is_in_whole_compound(dev, leaf->start);

	if (!is_shared || leaf->level == SOFT_PMD || is_in_split_slot(leaf))
		return is_shared && *leaf->entry & ENTRY_READONLY;
	return true;
}

static void check_leaf(const struct leaf *leaf)
{
	const unsigned long pfn = first_needed_pfn(leaf);
	const struct page *shared = shared_tail_at(leaf->start);
	long *bytes = mapped[leaf->level == SOFT_PMD];
	struct device *dev = device_of(pfn);

	EXPECT(leaf->level <= SOFT_PMD);
	nr_not_from_boot += is_early[pfn_to_section_nr(pfn)] && leaf->level == SOFT_PTE &&
			    ram_page(leaf->pfn)->state != PAGE_BOOT;
	EXPECT_EQ(!!(*leaf->entry & ENTRY_READONLY), shared || is_zone_tail(leaf, dev));
	EXPECT(IS_ALIGNED(PFN_PHYS(leaf->pfn), leaf->end - leaf->start));
	if (shared) {
		EXPECT_EQ(leaf->level, SOFT_PTE);
		EXPECT_EQ(leaf->pfn, page_to_pfn(shared));
		nr_hugetlb_tails++;
		bytes[VMEMMAP_SHARED_TAIL] += PAGE_SIZE;
	} else if (is_zone_tail(leaf, dev)) {
		check_zone_tail(leaf, dev);
		bytes[VMEMMAP_SHARED_TAIL] += PAGE_SIZE;
	} else if (uses_altmap(leaf, dev, pfn)) {
		check_altmap_block(leaf, dev);
		bytes[VMEMMAP_ALTMAP] += leaf->end - leaf->start;
	} else if (!has_zone_tails && dev && is_deduplicated(dev) &&
		   place_in_compound(dev, leaf->start) >= VMEMMAP_RESERVE_NR) {
		const unsigned long place = place_in_compound(dev, leaf->start);
		const unsigned long tail = leaf->start - (place << PAGE_SHIFT) +
					   (VMEMMAP_RESERVE_NR - 1) * PAGE_SIZE;

		EXPECT_EQ(leaf->level, SOFT_PTE);
		EXPECT_EQ(leaf->pfn, mapped_pfn(tail));
		ram_page(leaf->pfn)->nr_shared++;
		bytes[VMEMMAP_SHARED_TAIL] += leaf->end - leaf->start;
	} else {
		check_own_ram(leaf);
		bytes[VMEMMAP_RAM] += leaf->end - leaf->start;
	}
}

static void check_table(unsigned long pfn, int level)
{
	struct soft_page *page = ram_page(pfn);

	if (!page || page->state == PAGE_FREE || page->is_table)
		FAIL("table %#lx of level %d is not its own", pfn, level);
	page->is_table = true;
	nr_tables++;
}

static void check_is_mapped(unsigned long pfn)
{
	const unsigned long end = vaddr(pfn + PAGES_PER_SUBSECTION);
	unsigned long addr;
	struct leaf leaf;

	for (addr = vaddr(pfn); addr < end; addr = leaf.end) {
		leaf = walk(addr);
		if (!leaf.is_mapped)
			FAIL("struct page at %#lx of live pfn %#lx is not mapped", addr, pfn);
	}
}

/* ---- Pages ---- */

/* The tables that are read as zeros */
static void check_stand_ins(void)
{
#ifdef CONFIG_SPARSEMEM_VMEMMAP_STAND_IN
	if (!vmemmap_stand_in.pmd.val)
		return;
	check_table(vmemmap_stand_in.pmd.val >> geo.page_shift, SOFT_PMD);
	check_table(vmemmap_stand_in.pud.val >> geo.page_shift, SOFT_PUD);
#endif
}

/* Beside the maps of sections, there is one for those that are no more. */
static bool has_stand_in_usage(void)
{
#ifdef CONFIG_SPARSEMEM_VMEMMAP_STAND_IN
	return sparse_stand_in_usage;
#else
	return false;
#endif
}

static unsigned long nr_slab_objects, nr_boot_objects;

/* The tail pages of the zones for devices */
static unsigned long tail_pfns[NR_NODES * BITS_PER_LONG];
static unsigned int nr_tail_pfns;

static void find_device_tails(void)
{
	nr_tail_pfns = 0;
	for (int nid = 0; nid < NR_NODES; nid++)
		for (int order = VMEMMAP_TAIL_MIN_ORDER; order < BITS_PER_LONG; order++)
			if (*device_tail(order, nid))
				tail_pfns[nr_tail_pfns++] = page_to_pfn(*device_tail(order, nid));
}

unsigned long nr_device_tails(void)
{
	find_device_tails();
	return nr_tail_pfns;
}

static bool is_device_tail(unsigned long pfn)
{
	for (unsigned int i = 0; i < nr_tail_pfns; i++)
		if (tail_pfns[i] == pfn)
			return true;
	return false;
}

/* Is it accounted for? Pages of no leaf and no table are to be objects. */
static void check_page(struct soft_page *page, unsigned long pfn)
{
	const unsigned int nr_users = page->nr_own + page->is_table +
				      is_shared_tail(pfn) + is_device_tail(pfn);

	if (page->state == PAGE_REST) {
		EXPECT(!page->is_table && !page->nr_shared);
		return;
	}
	EXPECT(nr_users <= 1);
	if (page->is_slab) {
		EXPECT(!nr_users);
		nr_slab_objects++;
	} else if (page->state == PAGE_BOOT) {
		nr_boot_objects += !nr_users;
	} else {
		if (!nr_users)
			FAIL("pfn %#lx is allocated, but nothing refers to it", pfn);
		EXPECT_EQ(page->refs, 1 + page->nr_shared);
		EXPECT(!page->is_table || !page->order);
	}
}

static void forget_page(struct soft_page *page, unsigned long pfn)
{
	page->nr_own = 0;
	page->nr_shared = 0;
	page->is_table = false;
}

static void for_each_ram_page(void (*visit)(struct soft_page *page, unsigned long pfn))
{
	for (int nid = 0; nid < NR_NODES; nid++) {
		const unsigned long start = ram_start_pfn(nid);
		struct soft_page *page = ram_page(start);

		for (unsigned long i = 0; i < geo.ram_pages; i++)
			if (page[i].state != PAGE_FREE)
				visit(&page[i], start + i);
	}
}

static void forget_altmaps(void)
{
	memset(nr_altmap_pages, 0, sizeof(nr_altmap_pages));
	for (int i = 0; i < NR_DEVICES; i++)
		memset(&is_altmap_page_used[devices[i].pfn], 0, devices[i].nr_pages);
}

/* For a machine that has booted. */
void check_machine(void)
{
	const unsigned long nr_pages = section_nr_to_pfn(NR_MEM_SECTIONS);
	unsigned long nr_usages = 0;

	for (unsigned long nr = 0; nr < NR_MEM_SECTIONS; nr++)
		nr_usages += check_section(nr);
	for (unsigned long pfn = 0; pfn < nr_pages; pfn += PAGES_PER_SUBSECTION)
		if (is_needed(pfn))
			check_is_mapped(pfn);

	forget_altmaps();
	for_each_ram_page(forget_page);
	memset(mapped, 0, sizeof(mapped));
	nr_tables = nr_hugetlb_tails = nr_not_from_boot = 0;
	for_each_leaf(check_leaf, check_table);
	check_stand_ins();
	for (int i = 0; i < VMEMMAP_NR_SOURCES; i++) {
		EXPECT_EQ(machine.traced[false][i], mapped[false][i]);
		EXPECT_EQ(machine.traced[true][i], mapped[true][i]);
	}
	EXPECT_EQ(machine.nr_tables, nr_tables);
	nr_slab_objects = 0;
	nr_boot_objects = 0;
	find_device_tails();
	for_each_ram_page(check_page);
	EXPECT_EQ(nr_slab_objects, nr_roots(false) + nr_usages + has_stand_in_usage());
	EXPECT(!machine.has_stale_zeros);
	/* beside the arrays, the usage maps of each node */
	EXPECT_EQ(nr_boot_objects, nr_roots(true) + NR_NODES);
	for (int i = 0; i < NR_DEVICES; i++)
		EXPECT_EQ(devices[i].altmap.alloc, nr_altmap_pages[i]);

	EXPECT_EQ(machine.memmap_pages + machine.memmap_boot_pages,
		  memmap_pages + memmap_boot_pages + nr_tail_pfns - nr_hugetlb_tails);
	/* else a page from boot may describe memory that was added later */
	if (IS_ALIGNED(vaddr(PAGES_PER_SECTION), geo.arch == ARCH_BASE ? PAGE_SIZE : PMD_SIZE))
		EXPECT_EQ(machine.memmap_boot_pages, memmap_boot_pages - nr_not_from_boot);
	if (machine.knobs.check)
		machine.knobs.check();
	expect_warnings(0);
}

/* ---- The machine as text ---- */

static FILE *text;

static void write_leaf(const struct leaf *leaf)
{
	fprintf(text, "[%#lx-%#lx) level %d pfn %#lx\n", leaf->start, leaf->end,
		leaf->level, leaf->pfn);
}

/* A table of PUDs that leads to zeros, or what is above it */
static bool may_stay_empty(int level)
{
#ifdef CONFIG_SPARSEMEM_VMEMMAP_STAND_IN
	return level > SOFT_PUD && vmemmap_stand_in.pud.val;
#else
	return false;
#endif
}

static void write_table(unsigned long pfn, int level)
{
	if (may_stay_empty(level))
		ram_page(pfn)->is_kept = true;
	else
		fprintf(text, "table of level %d pfn %#lx\n", level, pfn);
}

static void write_section(unsigned long nr)
{
	const struct mem_section *ms = __nr_to_section(nr);

	if (!ms || (!ms->section_mem_map && (!ms->usage || is_stand_in_usage(ms->usage))))
		return;
	fprintf(text, "section %lu map %#lx usage %p", nr, ms->section_mem_map, (void *)ms->usage);
	for (unsigned long i = 0; ms->usage && i < SUBSECTIONS_PER_SECTION; i++)
		fputc('0' + test_bit(i, ms->usage->subsection_map), text);
	fputc('\n', text);
}

static void write_page(struct soft_page *page, unsigned long pfn)
{
	if (page->state == PAGE_BLOCK && !page->is_slab && !page->is_kept && !is_device_tail(pfn))
		fprintf(text, "pfn %#lx order %d refs %d\n", pfn, page->order, page->refs);
	page->is_kept = false;
}

/* Arrays of sections, tails of zones, tables that are kept: these may stay after a failed add. */
static char *machine_text(void)
{
	char *buffer = NULL;
	size_t size;

	find_device_tails();
	text = open_memstream(&buffer, &size);
	fprintf(text, "memory map pages %ld, from boot %ld\n",
		machine.memmap_pages - nr_tail_pfns, machine.memmap_boot_pages);
	for (int i = 0; i < NR_DEVICES; i++)
		fprintf(text, "altmap %d alloc %lu align %lu\n", i,
			devices[i].altmap.alloc, devices[i].altmap.align);
	for (unsigned long nr = 0; nr < NR_MEM_SECTIONS; nr++)
		write_section(nr);
	for_each_leaf(write_leaf, write_table);
	for_each_ram_page(write_page);
	fclose(text);
	return buffer;
}

static char *text_before;

void remember_machine(void)
{
	free(text_before);
	text_before = machine_text();
}

void expect_machine_as_before(void)
{
	const char *before = text_before;
	char *now = machine_text();
	size_t same = 0, line = 0;

	for (; before[same] && before[same] == now[same]; same++)
		if (before[same] == '\n')
			line = same + 1;
	if (before[same] || now[same])
		FAIL("the machine is not as before: '%.*s' was '%.*s'",
		     (int)strcspn(now + line, "\n"), now + line,
		     (int)strcspn(before + line, "\n"), before + line);
	free(now);
}
