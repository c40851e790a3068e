// SPDX-License-Identifier: GPL-2.0
/*
 * sections.c - the array of sections, how a machine boots, and devices
 *
 * Plays mm/sparse.c, mm/memory_hotplug.c, mm/memremap.c and mm/mm_init.c: boot gives
 * each section that has RAM a whole memory map; memory is added section by section.
 * add_range() undoes its work as __add_pages() does in a laid tree, and the struct
 * pages of a device are initialised and poisoned as there.
 */
#include <stdarg.h>
#include <stdio.h>
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

/* The whole range would fault if it were not mapped, or read-only. */
void page_init_poison(struct page *page, size_t size)
{
	const unsigned long start = (unsigned long)page;
	struct leaf leaf;

	EXPECT(size);
#ifdef CONFIG_DEBUG_VM
	EXPECT(!machine.has_stale_zeros);
#endif
	for (unsigned long addr = start; addr < start + size; addr = leaf.end) {
		leaf = walk(addr);
		if (!leaf.is_mapped)
			FAIL("struct pages at %#lx are poisoned but not mapped", addr);
		if (*leaf.entry & ENTRY_READONLY)
			FAIL("struct pages at %#lx are poisoned but shared", addr);
	}
	machine.seen.poisoned = page;
	machine.seen.nr_poisoned = size / sizeof(*page);
}

/* ---- Tail pages of the zones of devices ---- */

struct pglist_data soft_nodes[MAX_NUMNODES];

/* A struct page of RAM is not memory here; that of a tail is, in its block. */
void vmemmap_init_device_tail(struct page *tail, unsigned int order, int nid)
{
	EXPECT((int)order >= VMEMMAP_TAIL_MIN_ORDER);
	tail->words[0] = TAIL_WORD(order, nid);
}

void expect_initialised_tails(unsigned long pfn)
{
	const struct page *tail = __va(PFN_PHYS(pfn));
	const struct page *end = tail + PAGE_SIZE / sizeof(*tail);
	const unsigned long word = tail->words[0];

	EXPECT(ram_page(pfn) && ram_page(pfn)->state == PAGE_BLOCK);
	for (; tail < end; tail++)
		EXPECT_EQ(tail->words[0], word);
	for (int nid = 0; nid < NR_NODES; nid++)
		for (int order = VMEMMAP_TAIL_MIN_ORDER; order < BITS_PER_LONG; order++)
			if (word == TAIL_WORD(order, nid))
				return;
	FAIL("pfn %#lx is mapped as a tail before it is initialised", pfn);
}

struct page **device_tail(unsigned int order, int nid)
{
	return &soft_nodes[nid].node_zones[ZONE_DEVICE].vmemmap_tails[order - VMEMMAP_TAIL_MIN_ORDER];
}

/* Whoever fills the slot first wins. */
void soft_race(struct page **slot)
{
	if (machine.knobs.race)
		machine.knobs.race(slot);
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
	memset(soft_nodes, 0, sizeof(soft_nodes));
	for (int nid = 0; nid < NR_NODES; nid++)
		soft_nodes[nid].node_zones[ZONE_DEVICE].node = nid;
}

unsigned long first_hot_section(void)
{
	return NR_NODES * geo.nr_node_sections;
}

/* The first page frame of the section @nr behind those from boot. */
unsigned long hot_pfn(unsigned long nr)
{
	return section_nr_to_pfn(first_hot_section() + nr);
}

bool is_boot_section(unsigned long nr)
{
	const unsigned long at = nr % geo.nr_node_sections;

	return nr < first_hot_section() &&
	       (at < geo.nr_early_sections || at == geo.nr_node_sections - 1);
}

/* Sections to be added alternate between the nodes, four at a time. */
int section_nid(unsigned long section_nr)
{
	if (section_nr < first_hot_section())
		return section_nr / geo.nr_node_sections;
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
	const unsigned long nr_sections = geo.nr_node_sections;
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

static unsigned long nr_initialised;

void init_device(struct device *dev, int nid, unsigned long pfn, unsigned long nr_pages)
{
	memset(dev, 0, sizeof(*dev));
	dev->nid = nid;
	dev->pfn = pfn;
	dev->nr_pages = nr_pages;
	dev->pgmap.ranges[0].start = PFN_PHYS(pfn);
	dev->pgmap.ranges[0].end = PFN_PHYS(pfn + nr_pages) - 1;
}

void set_altmap(struct vmem_altmap *altmap, unsigned long base_pfn,
		unsigned long reserve, unsigned long free)
{
	*altmap = (struct vmem_altmap){
		.base_pfn = base_pfn, .end_pfn = base_pfn - 1, .reserve = reserve, .free = free,
	};
}

void give_altmap(struct device *dev, unsigned long reserve, unsigned long free)
{
	set_altmap(&dev->altmap, dev->pfn, reserve, free);
	dev->altmap.end_pfn += dev->nr_pages;
	dev->has_altmap = true;
}

static void init_struct_page(unsigned long pfn)
{
	const struct leaf leaf = walk(vaddr(pfn));

	EXPECT(leaf.is_mapped && !(*leaf.entry & ENTRY_READONLY));
	nr_initialised++;
}

/* Those that are not shared, and no others: of each vmemmap page the first one counts. */
static unsigned long nr_to_initialise(const struct device *dev)
{
	const unsigned long end = vaddr(dev->pfn + dev->nr_pages);
	unsigned long nr_bytes = 0, addr, next;

	for (addr = vaddr(dev->pfn); addr < end; addr = next) {
		const struct leaf leaf = walk(addr);

		next = min(leaf.end, end);
		if (!(*leaf.entry & ENTRY_READONLY))
			nr_bytes += next - addr;
	}
	return nr_bytes / sizeof(struct page);
}

/* As memmap_init_zone_device() and memmap_init_compound() in a laid tree. */
static void init_struct_pages(const struct device *dev)
{
	const unsigned long end_pfn = dev->pfn + dev->nr_pages;
	unsigned long head, pfn, end;

	nr_initialised = 0;
	for (head = dev->pfn; head < end_pfn; head += pgmap_vmemmap_nr(&dev->pgmap)) {
		end = min(head + pgmap_vmemmap_nr(&dev->pgmap), end_pfn);
		init_struct_page(head);
		for_each_own_pfn(pfn, head + 1, end)
			init_struct_page(pfn);
	}
	EXPECT_EQ(nr_initialised, nr_to_initialise(dev));
}

/* A range counts in nr_range once it is in place. */
int add_device(struct device *dev)
{
	int err = add_range(dev->nid, dev->pfn, dev->nr_pages,
			    dev->has_altmap ? &dev->altmap : NULL, &dev->pgmap);

	if (err)
		return err;
	dev->pgmap.nr_range = 1;
	if (has_zone_tails)
		init_struct_pages(dev);
	oracle_add(dev->pfn, dev->nr_pages, FIRST_DEVICE + (dev - devices));
	return 0;
}

/* The oracle counts what is mapped. */
void remove_device(struct device *dev)
{
	if (has_zone_tails)
		vmemmap_uninit_poison(dev->pfn, dev->nr_pages);
	oracle_remove(dev->pfn, dev->nr_pages);
	remove_range(dev->pfn, dev->nr_pages, dev->has_altmap ? &dev->altmap : NULL, &dev->pgmap);
	dev->nr_pages = 0;
}

/* ---- debugfs ---- */

int (*soft_show_debugfs)(struct seq_file *file, void *data);
static bool is_hotplug_locked;

void get_online_mems(void)
{
	EXPECT(!is_hotplug_locked);
	is_hotplug_locked = true;
	machine.seen.nr_hotplug_locks++;
}

void put_online_mems(void)
{
	EXPECT(is_hotplug_locked);
	is_hotplug_locked = false;
}

void seq_printf(struct seq_file *file, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	file->length += vsnprintf(file->text + file->length, file->size - file->length, fmt, args);
	va_end(args);
	EXPECT(file->length < file->size);
}

int read_debugfs(char *text, size_t size)
{
	struct seq_file file = { .text = text, .size = size };
	int err;

	EXPECT_EQ(soft_late_initcall(), 0);
	err = soft_show_debugfs(&file, NULL);
	EXPECT(!is_hotplug_locked);
	return err;
}
