// SPDX-License-Identifier: GPL-2.0
/*
 * kunit.c - the kernel that the KUnit suites of mm/tests/ run on here
 *
 * Supplies vmemmap_kunit.h: a window is the part of the soft vmemmap behind all
 * RAM, and a knob of the machine refuses memory instead of a static stub. Huge
 * blocks and the memory of a device cannot be touched, so that words written to the
 * vmemmap are kept in a table, by physical address.
 */
#include <kunit/test.h>

#include "tests/vmemmap_kunit.h"

/* Behind all RAM, and a multiple of the largest PMD block. */
#define DEVICE_PFN	(1UL << 20)
#define NR_WORDS	(1UL << 16)
#define LEAST_PAGES	1024	/* of a window, if the vmemmap is as large */

static struct vmemmap_kunit window;
static struct vmem_altmap device;
static unsigned long nr_used_pages_before;
static bool is_warning_announced;

static struct word {
	phys_addr_t phys;
	unsigned long val;
	unsigned int run;		/* of the case that has written it */
} words[NR_WORDS];
static unsigned int run;

/* ---- Memory ---- */

static bool is_refused(unsigned long size)
{
	return vmemmap_kunit_is_refused(&window, size);
}

static void note_allocation(int nid, bool refused)
{
	window.nr_asked++;
	window.nr_strangers += nid != VMEMMAP_KUNIT_NID;
	window.nr_given += !refused;
}

/* The tail pages of the zone stay. */
unsigned long vmemmap_kunit_nr_in_use(struct kunit *test)
{
	return machine.nr_used_pages - nr_used_pages_before - nr_device_tails();
}

void vmemmap_kunit_expect_all_came_back(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, 0, vmemmap_kunit_nr_in_use(test));
	window.nr_given = 0;
}

void vmemmap_kunit_expect_nothing_left(struct kunit *test,
				       void (*act)(struct kunit *test, void *data),
				       void *data)
{
	const unsigned long before = machine.nr_used_pages;

	act(test, data);
	KUNIT_EXPECT_EQ(test, before, machine.nr_used_pages);
}

void vmemmap_kunit_announce_warning(struct kunit *test)
{
	is_warning_announced = true;
}

void vmemmap_kunit_need_huge_block(struct kunit *test)
{
	SKIP_UNLESS(PMD_ORDER <= (int)MAX_PAGE_ORDER && geo.ram_pages >> PMD_ORDER >= 4,
		    "no blocks as large as a leaf");
}

/* ---- Tables ---- */

int vmemmap_kunit_fill(unsigned long start, unsigned long end, const struct vmemmap_fill *fill)
{
	return vmemmap_fill_range(start, end, fill);
}

void vmemmap_kunit_free(unsigned long start, unsigned long end, struct vmem_altmap *altmap)
{
	vmemmap_free(start, end, altmap);
}

struct vmemmap_leaf vmemmap_kunit_leaf(unsigned long addr)
{
	const struct leaf leaf = walk(addr);

	if (!leaf.is_mapped)
		return (struct vmemmap_leaf){};
	return (struct vmemmap_leaf){ leaf.end - leaf.start, mapped_pfn(addr) };
}

/* ---- The tail pages of the zone of devices ---- */

struct page *vmemmap_kunit_tail(struct kunit *test, unsigned int order)
{
	return *device_tail(order, VMEMMAP_KUNIT_NID);
}

/* The call neither counts nor fails, whatever the case does. */
void vmemmap_kunit_make_tail(struct kunit *test, unsigned int order)
{
	const struct vmemmap_kunit before = window;
	struct page **tail, *pages;

	if (!has_zone_tails || (int)order < VMEMMAP_TAIL_MIN_ORDER)
		return;
	tail = device_tail(order, VMEMMAP_KUNIT_NID);
	if (*tail)
		return;
	*tail = alloc_pages_node(VMEMMAP_KUNIT_NID, GFP_KERNEL | __GFP_RETRY_MAYFAIL, 0);
	window = before;
	pages = page_address(*tail);
	for (unsigned long i = 0; i < PFNS_PER_VMEMMAP_PAGE; i++)
		vmemmap_init_device_tail(pages + i, order, VMEMMAP_KUNIT_NID);
	memmap_pages_add(1);
}

void vmemmap_kunit_expect_tail(struct kunit *test, unsigned long addr,
			       unsigned long head, unsigned int order)
{
	const struct leaf leaf = walk(addr);

	EXPECT(*leaf.entry & ENTRY_READONLY);
	EXPECT_EQ(leaf.pfn, page_to_pfn(vmemmap_kunit_tail(test, order)));
	EXPECT_EQ(*(unsigned long *)__va(PFN_PHYS(leaf.pfn)), TAIL_WORD(order, VMEMMAP_KUNIT_NID));
}

/* ---- Contents ---- */

static struct word *find_word(unsigned long addr)
{
	const phys_addr_t phys = PFN_PHYS(mapped_pfn(addr)) + (addr & ~PAGE_MASK);
	unsigned long at = (phys >> 3 ^ phys >> PAGE_SHIFT) % NR_WORDS;

	EXPECT(walk(addr).is_mapped);
	while (words[at].run == run && words[at].phys != phys)
		at = (at + 1) % NR_WORDS;
	if (words[at].run != run)
		words[at] = (struct word){ phys, VMEMMAP_KUNIT_RAW, run };
	return &words[at];
}

unsigned long vmemmap_kunit_read(unsigned long addr)
{
	return find_word(addr)->val;
}

void vmemmap_kunit_write_word(unsigned long addr, unsigned long val)
{
	EXPECT(!(*walk(addr).entry & ENTRY_READONLY));
	find_word(addr)->val = val;
}

void vmemmap_kunit_zero(unsigned long start, unsigned long end)
{
	for (unsigned long addr = start; addr < end; addr += PAGE_SIZE)
		vmemmap_kunit_write_word(addr, 0);
}

bool vmemmap_kunit_is_zero(unsigned long start, unsigned long end)
{
	for (unsigned long addr = start; addr < end; addr += PAGE_SIZE)
		if (vmemmap_kunit_read(addr))
			return false;
	return true;
}

/* ---- Windows ---- */

int vmemmap_kunit_init(struct kunit *test)
{
	const unsigned long pfn = ALIGN(hot_pfn(0), max(2 * PAGES_PER_SECTION,
							16 * PFNS_PER_VMEMMAP_PAGE));
	const unsigned long slot = ALIGN(vaddr(pfn), PMD_SIZE);
	const unsigned long size = max(slot + VMEMMAP_KUNIT_SLOTS * PMD_SIZE - vaddr(pfn),
				       LEAST_PAGES * PAGE_SIZE);

	window = (struct vmemmap_kunit){
		.pfn = pfn,
		.nr_pages = min(size, bytes_in_reach(vaddr(pfn))) / sizeof(struct page),
		.slot = slot,
		.fail_from = ULONG_MAX,
		.max_size = ULONG_MAX,
	};
	test->priv = &window;
	machine.knobs.is_refused = is_refused;
	machine.knobs.note_allocation = note_allocation;
	nr_used_pages_before = machine.nr_used_pages;
	is_warning_announced = false;
	run++;
	return 0;
}

struct vmem_altmap *vmemmap_kunit_altmap(struct kunit *test,
					 unsigned long reserve,
					 unsigned long free)
{
	SKIP_UNLESS(get_order(PFN_PHYS(reserve + free)) <= MAX_PAGE_ORDER,
		    "no %#lx pages in one piece", reserve + free);
	set_altmap(&device, DEVICE_PFN, reserve, free);
	return &device;
}

/* The pages of the device must not be freed as RAM. */
static void unmap_device(void)
{
	const unsigned long end = window.slot + VMEMMAP_KUNIT_SLOTS * PMD_SIZE;
	struct leaf leaf;

	for (unsigned long addr = window.slot; addr < end; addr = leaf.end) {
		leaf = walk(addr);
		if (leaf.is_mapped && !ram_page(leaf.pfn))
			*leaf.entry = soft_empty_entry(leaf.level);
	}
}

static void close_window(struct kunit *test)
{
	unmap_device();
	vmemmap_free(vaddr(window.pfn), vaddr(window.pfn + window.nr_pages), NULL);
	vmemmap_kunit_expect_all_came_back(test);
	if (!is_warning_announced)
		return;
	EXPECT(machine.seen.nr_warnings);
	machine.seen.nr_warnings = 0;
}

void run_kunit_case(const struct kunit_suite *suite, const struct kunit_case *test, const void *row)
{
	struct kunit kunit = { .param_value = row };

	EXPECT_EQ(suite->init(&kunit), 0);
	test->run_case(&kunit);
	close_window(&kunit);
}
