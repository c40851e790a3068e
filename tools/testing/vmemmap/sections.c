// SPDX-License-Identifier: GPL-2.0
/*
 * sections.c - the array of sections, how a machine boots, and devices
 *
 * Plays mm/sparse.c, mm/memory_hotplug.c and mm/memremap.c: boot gives each
 * section that has RAM a whole memory map; memory is added section by section.
 * add_range() undoes its work as __add_pages() does in a laid tree.
 */
#include <stdlib.h>

#include "soft.h"

struct mem_section **mem_section;
struct device devices[NR_DEVICES];

void memmap_pages_add(long nr)
{
	machine.memmap_pages += nr;
}

void memmap_boot_pages_add(long nr)
{
	machine.memmap_boot_pages += nr;
}

unsigned long vaddr(unsigned long pfn)
{
	return (unsigned long)pfn_to_page(pfn);
}

/* The whole range would fault if it were not mapped. */
void page_init_poison(struct page *page, size_t size)
{
	const unsigned long start = (unsigned long)page;
	struct leaf leaf;

	EXPECT(size);
	for (unsigned long addr = start; addr < start + size; addr = leaf.end) {
		leaf = walk(addr);
		if (!leaf.is_mapped)
			FAIL("struct pages at %#lx are poisoned but not mapped", addr);
	}
	machine.seen.poisoned = page;
	machine.seen.nr_poisoned = size / sizeof(*page);
}

/* ---- Sections ---- */

size_t mem_section_usage_size(void)
{
	const size_t pageblock_flags = sizeof(long);

	return sizeof(struct mem_section_usage) + pageblock_flags +
	       BITS_TO_LONGS(SUBSECTIONS_PER_SECTION) * sizeof(long);
}

static void *boot_object(size_t size, int nid)
{
	void *object;

	EXPECT(size <= PAGE_SIZE);
	object = memblock_alloc(PAGE_SIZE, PAGE_SIZE, 0, nid, NR_NODES);
	return object ? memset(object, 0, PAGE_SIZE) : NULL;
}

int sparse_index_init(unsigned long section_nr, int nid)
{
	const unsigned long size = SECTIONS_PER_ROOT * sizeof(struct mem_section);
	struct mem_section **root;

	EXPECT(section_nr < NR_MEM_SECTIONS);
	EXPECT(nid >= 0 && nid < NR_NODES);
	root = &mem_section[section_nr / SECTIONS_PER_ROOT];
	if (*root)
		return 0;
	*root = machine.has_slab ? kzalloc(size, GFP_KERNEL) :
				   boot_object(size, nid);
	return *root ? 0 : -ENOMEM;
}

void sections_reset(void)
{
	free(mem_section);
	mem_section = calloc(NR_SECTION_ROOTS, sizeof(*mem_section));
	memset(devices, 0, sizeof(devices));
}

/* Of each node: those that RAM lies in; all from the first to the last. */
unsigned long nr_early_sections(void)
{
	return DIV_ROUND_UP(geo.ram_pages, PAGES_PER_SECTION);
}

unsigned long nr_node_sections(void)
{
	return nr_early_sections() + (geo.gap_sections ? geo.gap_sections + 1 : 0);
}

unsigned long first_hot_section(void)
{
	return NR_NODES * nr_node_sections();
}

/* The first page frame of the section @nr behind those from boot. */
unsigned long hot_pfn(unsigned long nr)
{
	return section_nr_to_pfn(first_hot_section() + nr);
}

bool is_boot_section(unsigned long nr)
{
	const unsigned long at = nr % nr_node_sections();

	return nr < first_hot_section() &&
	       (at < nr_early_sections() || at == nr_node_sections() - 1);
}

/* Sections to be added alternate between the nodes, four at a time. */
int section_nid(unsigned long section_nr)
{
	if (section_nr < first_hot_section())
		return section_nr / nr_node_sections();
	return section_nr / 4 % NR_NODES;
}

/* ---- Boot ---- */

static bool boot_section(unsigned long nr, int nid, char *usage)
{
	struct page *map = __populate_section_memmap(section_nr_to_pfn(nr), PAGES_PER_SECTION,
						     nid, NULL, NULL);

	if (!map)
		return false;
	memmap_boot_pages_add(DIV_ROUND_UP(PAGES_PER_SECTION * sizeof(struct page), PAGE_SIZE));
	sparse_init_one_section(__nr_to_section(nr), nr, map, (struct mem_section_usage *)usage,
				SECTION_IS_EARLY);
	return true;
}

/*
 * All sections of a node get their memory map; where memory ends, that section
 * and all later ones are left out.
 */
void boot_node(int nid)
{
	const unsigned long first = pfn_to_section_nr(ram_start_pfn(nid));
	const unsigned long nr_sections = nr_node_sections();
	const unsigned long map_size = PAGES_PER_SECTION * sizeof(struct page);
	char *usage;

	for (unsigned long i = 0; i < nr_sections; i++) {
		EXPECT_EQ(sparse_index_init(first + i, nid), 0);
		if (is_boot_section(first + i))
			__nr_to_section(first + i)->section_mem_map =
				SECTION_MARKED_PRESENT | SECTION_IS_ONLINE;
	}
	usage = boot_object(nr_sections * mem_section_usage_size(), nid);
	if (!machine.knobs.has_no_buffer)
		sparse_buffer_init(nr_sections * ALIGN(map_size, PMD_SIZE), nid);
	for (unsigned long i = 0; i < nr_sections; i++) {
		if (!is_boot_section(first + i))
			continue;
		if (usage && boot_section(first + i, nid, usage + i * mem_section_usage_size()))
			continue;
		__nr_to_section(first + i)->section_mem_map = 0;
		usage = NULL;
	}
	sparse_buffer_fini();
}

void machine_end_of_boot(void)
{
#ifdef VMEMMAP_INIT_ALL_SUBSECTIONS
	sparse_init_subsection_map();
#else
	for_each_boot_region(region)
		sparse_init_subsection_map(region->pfn, region->end_pfn - region->pfn);
#endif
	machine.has_slab = true;
}

/* Another machine boots: the code under test must forget this one. */
void clear_boot_data(void)
{
	extern char __start_meminitdata[], __stop_meminitdata[];

	memset(__start_meminitdata, 0, __stop_meminitdata - __start_meminitdata);
}

void machine_early(void)
{
	clear_boot_data();
	memory_reset();
	sections_reset();
	tables_reset();
	hugetlb_reset();
	oracle_reset();
}

void machine_bare(void)
{
	machine_early();
	machine.has_slab = true;
}

void machine_boot(void)
{
	machine_early();
	for (int nid = 0; nid < NR_NODES; nid++)
		boot_node(nid);
	for_each_boot_region(region)
		oracle_add(region->pfn, region->end_pfn - region->pfn, BOOT_RAM);
	machine_end_of_boot();
	check_machine();
}

void build_machine(enum machine_state state)
{
	static void (* const build[])(void) = { machine_early, machine_bare, machine_boot };

	build[state]();
}

/* ---- Ranges and devices ---- */

static unsigned long chunk_end(unsigned long pfn, unsigned long end_pfn)
{
	return min(end_pfn, SECTION_ALIGN_DOWN(pfn) + PAGES_PER_SECTION);
}

void remove_range(unsigned long pfn, unsigned long nr_pages,
		  struct vmem_altmap *altmap, struct dev_pagemap *pgmap)
{
	const unsigned long end_pfn = pfn + nr_pages;
	unsigned long next;

	vmemmap_gather_begin(altmap);
	for (; pfn < end_pfn; pfn = next) {
		next = chunk_end(pfn, end_pfn);
		sparse_remove_section(pfn, next - pfn, altmap, pgmap);
	}
	vmemmap_gather_end();
}

int add_range(int nid, unsigned long pfn, unsigned long nr_pages,
	      struct vmem_altmap *altmap, struct dev_pagemap *pgmap)
{
	const unsigned long start_pfn = pfn, end_pfn = pfn + nr_pages;
	unsigned long next;
	int err;

	err = vmemmap_check_memory(nid, pfn, nr_pages, altmap, pgmap);
	if (err)
		return err;
	for (; pfn < end_pfn; pfn = next) {
		next = chunk_end(pfn, end_pfn);
		err = sparse_add_section(nid == NUMA_NO_NODE ?
					 section_nid(pfn_to_section_nr(pfn)) : nid,
					 pfn, next - pfn, altmap, pgmap);
		if (err) {
			remove_range(start_pfn, pfn - start_pfn, altmap, pgmap);
			break;
		}
	}
	vmemmap_populate_print_last();
	return err;
}

int add_ram(unsigned long pfn, unsigned long nr_pages)
{
	int err = add_range(NUMA_NO_NODE, pfn, nr_pages, NULL, NULL);

	if (!err)
		oracle_add(pfn, nr_pages, HOT_RAM);
	return err;
}

void remove_ram(unsigned long pfn, unsigned long nr_pages)
{
	remove_range(pfn, nr_pages, NULL, NULL);
	oracle_remove(pfn, nr_pages);
}

void init_device(struct device *dev, int nid, unsigned long pfn,
		 unsigned long nr_pages)
{
	memset(dev, 0, sizeof(*dev));
	dev->nid = nid;
	dev->pfn = pfn;
	dev->nr_pages = nr_pages;
	dev->pgmap.ranges[0].start = PFN_PHYS(pfn);
	dev->pgmap.ranges[0].end = PFN_PHYS(pfn + nr_pages) - 1;
}

static void set_altmap_of_range(struct vmem_altmap *altmap, unsigned long base_pfn,
				unsigned long nr_pages, unsigned long reserve,
				unsigned long free)
{
	const struct vmem_altmap value = {
		.base_pfn = base_pfn,
		.end_pfn = base_pfn + nr_pages - 1,
		.reserve = reserve,
		.free = free,
	};

	memcpy(altmap, &value, sizeof(value));
}

void set_altmap(struct vmem_altmap *altmap, unsigned long base_pfn,
		unsigned long reserve, unsigned long free)
{
	set_altmap_of_range(altmap, base_pfn, 0, reserve, free);
}

void give_altmap(struct device *dev, unsigned long reserve, unsigned long free)
{
	set_altmap_of_range(&dev->altmap, dev->pfn, dev->nr_pages, reserve, free);
	dev->has_altmap = true;
}

/* A range counts in nr_range once it is in place. */
int add_device(struct device *dev)
{
	int err = add_range(dev->nid, dev->pfn, dev->nr_pages,
			    dev->has_altmap ? &dev->altmap : NULL, &dev->pgmap);

	if (err)
		return err;
	dev->pgmap.nr_range = 1;
	oracle_add(dev->pfn, dev->nr_pages, FIRST_DEVICE + (dev - devices));
	return 0;
}

void remove_device(struct device *dev)
{
	remove_range(dev->pfn, dev->nr_pages,
		     dev->has_altmap ? &dev->altmap : NULL, &dev->pgmap);
	oracle_remove(dev->pfn, dev->nr_pages);
	dev->nr_pages = 0;
}
