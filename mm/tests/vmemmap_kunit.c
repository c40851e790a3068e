// SPDX-License-Identifier: GPL-2.0
/*
 * vmemmap_kunit.c - see vmemmap_kunit.h
 */
#include <linux/delay.h>
#include <linux/ioport.h>
#include <linux/printk.h>
#include <linux/uaccess.h>
#include <linux/vmemmap.h>
#include <linux/xarray.h>
#include <kunit/static_stub.h>

#include "vmemmap_kunit.h"

/* test->priv, with the pages allocated, which only this file knows. */
struct recording {
	struct vmemmap_kunit vk;
	struct xarray blocks;
#ifdef VMEMMAP_DEVICE_TAILS
	struct page *tails[NR_VMEMMAP_TAILS];	/* of a zone that no other test knows */
#endif
};

static struct xarray *blocks_of(struct vmemmap_kunit *vk)
{
	return &container_of(vk, struct recording, vk)->blocks;
}

/* The node that the real allocator is asked for; counts the call. */
static int count_call(struct vmemmap_kunit *vk, int nid)
{
	vk->nr_asked++;
	if (nid != VMEMMAP_KUNIT_NID)
		vk->nr_strangers++;
	else if (node_online(nid))
		return nid;
	return NUMA_NO_NODE;
}

/* Record a page, hold a reference, and fill it with a pattern. */
static void record_page(struct kunit *test, struct page *page)
{
	struct vmemmap_kunit *vk = test->priv;

	KUNIT_EXPECT_FALSE(test, PageCompound(page));
	KUNIT_EXPECT_EQ(test, 1, page_count(page));
	memset(page_address(page), VMEMMAP_KUNIT_RAW & 0xff, PAGE_SIZE);
	get_page(page);
	KUNIT_EXPECT_EQ(test, 0, xa_err(xa_store(blocks_of(vk), vk->nr_given++, page, GFP_KERNEL)));
}

/*
 * Stand-ins that call the real functions: a task without a test gets past the
 * stub.
 */
static void *recording_alloc_block(unsigned long size, int nid)
{
	struct kunit *test = kunit_get_current_test();
	struct vmemmap_kunit *vk = test->priv;
	const bool refused = vmemmap_kunit_is_refused(vk, size);
	const int real_nid = count_call(vk, nid);
	void *block;

	if (refused)
		return NULL;

	current->kunit_test = NULL;
	block = vmemmap_alloc_block(size, real_nid);
	current->kunit_test = test;
	if (!block || vk->is_unrecorded)
		return block;

	/* Code that splits a block later relies on its form. */
	KUNIT_EXPECT_TRUE(test, IS_ALIGNED((unsigned long)block, size));
	if (size > PAGE_SIZE)
		KUNIT_EXPECT_EQ(test, 0, page_count(virt_to_page(block) + 1));
	memset(block, VMEMMAP_KUNIT_RAW & 0xff, size);
	record_page(test, virt_to_page(block));
	return block;
}

/* A row is one call, of base pages. */
static struct page *recording_alloc_pages(unsigned int order, int nid)
{
	struct kunit *test = kunit_get_current_test();
	struct vmemmap_kunit *vk = test->priv;
	const bool refused = vmemmap_kunit_is_refused(vk, PAGE_SIZE);
	const int real_nid = count_call(vk, nid);
	struct page *page;
	unsigned int i;

	if (refused)
		return NULL;

	current->kunit_test = NULL;
	page = vmemmap_alloc_pages(order, real_nid);
	current->kunit_test = test;
	if (!page || vk->is_unrecorded)
		return page;

	for (i = 0; i < 1U << order; i++)
		record_page(test, page + i);
	return page;
}

/* Without the memory for it, too many base pages would take its place. */
void vmemmap_kunit_need_huge_block(struct kunit *test)
{
	struct page *page = alloc_pages(GFP_KERNEL | __GFP_NOWARN, PMD_ORDER);

	if (!page)
		kunit_skip(test, "no %#lx bytes in one piece", PMD_SIZE);
	__free_pages(page, PMD_ORDER);
}

/* The number of blocks and tables that were allocated and not freed. */
unsigned long vmemmap_kunit_nr_in_use(struct kunit *test)
{
	struct vmemmap_kunit *vk = test->priv;
	unsigned long i, nr = 0;
	struct page *page;

	xa_for_each(blocks_of(vk), i, page)
		nr += page_count(page) > 1;
	return nr;
}

/* The references to a page, once ours is the last, or after a second or two. */
static int await_last_reference(const struct page *page)
{
	int i;

	for (i = 0; i < 1000 && page_count(page) > 1; i++)
		usleep_range(1000, 2000);
	return page_count(page);
}

/*
 * The case is about to warn. A warning overtakes the printer, which starts
 * its line anew; kunit.py would read that line twice. So let it finish first.
 */
void vmemmap_kunit_announce_warning(struct kunit *test)
{
	kunit_info(test, "a WARNING is expected");
	pr_flush(1000, true);
}

/*
 * All that was allocated so far has been freed; forget it. Where an IOMMU
 * may walk the tables of the kernel, they are freed by a worker.
 */
void vmemmap_kunit_expect_all_came_back(struct kunit *test)
{
	struct vmemmap_kunit *vk = test->priv;
	unsigned long i;
	struct page *page;

	xa_for_each(blocks_of(vk), i, page) {
		KUNIT_EXPECT_EQ_MSG(test, 1, await_last_reference(page),
				    "block or table %lu of %lu", i,
				    vk->nr_given);
		put_page(page);
	}
	xa_destroy(blocks_of(vk));
	vk->nr_given = 0;
}

/* ---- The tail pages of a zone ---- */

#ifdef VMEMMAP_DEVICE_TAILS
static struct page **tails_of(struct kunit *test)
{
	struct vmemmap_kunit *vk = test->priv;

	return container_of(vk, struct recording, vk)->tails;
}

static struct page **tail_slot(struct kunit *test, unsigned int order)
{
	return &tails_of(test)[order - VMEMMAP_TAIL_MIN_ORDER];
}

/* Instead of what vmemmap_device_tail() returns. */
static struct page **device_tail(unsigned int order, int nid)
{
	return tail_slot(kunit_get_current_test(), order);
}

static void use_tails(struct kunit *test)
{
	kunit_activate_static_stub(test, vmemmap_device_tail, device_tail);
}

/* It is neither recorded nor refused, whatever the case does. */
void vmemmap_kunit_make_tail(struct kunit *test, unsigned int order)
{
	struct page *page, *tail, **slot;
	unsigned int i;

	if (!vmemmap_has_zone_tails() || order < VMEMMAP_TAIL_MIN_ORDER)
		return;
	slot = tail_slot(test, order);
	if (*slot)
		return;
	page = alloc_page(GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, page);
	tail = page_address(page);
	for (i = 0; i < PFNS_PER_VMEMMAP_PAGE; i++)
		vmemmap_init_device_tail(tail + i, order, VMEMMAP_KUNIT_NID);
	memmap_pages_add(1);
	*slot = page;
}

struct page *vmemmap_kunit_tail(struct kunit *test, unsigned int order)
{
	return *tail_slot(test, order);
}

static void free_tails(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < NR_VMEMMAP_TAILS; i++) {
		struct page *tail = tails_of(test)[i];

		if (!tail)
			continue;
		memmap_pages_add(-1);
		__free_page(tail);
	}
}
#else
static void use_tails(struct kunit *test)
{
}

void vmemmap_kunit_make_tail(struct kunit *test, unsigned int order)
{
}

struct page *vmemmap_kunit_tail(struct kunit *test, unsigned int order)
{
	return NULL;
}

static void free_tails(struct kunit *test)
{
}
#endif

/* As a write to a struct page would, if any code were to write to a tail. */
static int try_to_write(unsigned long addr)
{
	unsigned long word = READ_ONCE(*(unsigned long *)addr);

	return copy_to_kernel_nofault((void *)addr, &word, sizeof(word));
}

static void expect_tail_page(struct kunit *test, struct page *page, struct page *head)
{
	KUNIT_EXPECT_TRUE(test, PageTail(page));
	KUNIT_EXPECT_TRUE(test, PageReserved(page));
	KUNIT_EXPECT_TRUE(test, is_zone_device_page(page));
	KUNIT_EXPECT_EQ(test, VMEMMAP_KUNIT_NID, page_to_nid(page));
	KUNIT_EXPECT_EQ(test, 0, page_ref_count(page));
	KUNIT_EXPECT_PTR_EQ(test, head, compound_head(page));
}

/* Each struct page at @addr is that of a tail, and nobody can write to it. */
void vmemmap_kunit_expect_tail(struct kunit *test, unsigned long addr,
			       unsigned long head, unsigned int order)
{
	const struct page *tail = vmemmap_kunit_tail(test, order);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, tail);
	KUNIT_ASSERT_EQ(test, page_to_pfn(tail), vmemmap_kunit_leaf(addr).pfn);
	KUNIT_EXPECT_EQ(test, -EFAULT, try_to_write(addr));
	for (i = 0; i < PFNS_PER_VMEMMAP_PAGE; i++)
		expect_tail_page(test, (struct page *)addr + i, (struct page *)head);
}

static void expect_all_came_back(void *test)
{
	free_tails(test);
	vmemmap_kunit_expect_all_came_back(test);
}

/* ---- Figures of the whole kernel ---- */

/* The memory of the whole kernel, in pages. */
struct figures {
	long nr_free;		/* with the free objects of slabs */
	long nr_managed;
	long nr_tables;
};

/* With the differences that the CPUs have not added yet. */
static long node_pages(enum node_stat_item item)
{
	struct pglist_data *pgdat;
	long nr = 0;
	int cpu;

	for_each_online_pgdat(pgdat) {
		nr += atomic_long_read(&pgdat->vm_stat[item]);
		for_each_online_cpu(cpu)
			nr += per_cpu_ptr(pgdat->per_cpu_nodestats, cpu)->vm_node_stat_diff[item];
	}
	return nr;
}

static struct figures read_figures(void)
{
	struct figures figures = {
		.nr_managed = totalram_pages(),
		.nr_tables = node_pages(NR_PAGETABLE),
	};
	struct zone *zone;

	kvfree_rcu_barrier();
	rcu_barrier();
	drain_all_pages(NULL);
	for_each_populated_zone(zone)
		figures.nr_free += zone_page_state_snapshot(zone, NR_FREE_PAGES);
	figures.nr_free += node_pages(NR_SLAB_RECLAIMABLE_B) + node_pages(NR_SLAB_UNRECLAIMABLE_B);
	return figures;
}

/* Read them until they are @expected, or for a second. */
static struct figures await_figures(const struct figures *expected)
{
	struct figures now = read_figures();
	int i;

	for (i = 0; i < 20 && memcmp(expected, &now, sizeof(now)); i++) {
		msleep(50);
		now = read_figures();
	}
	return now;
}

/*
 * After @act, the kernel has as much memory as before, to the page. The rest of
 * it is idle, but may start a worker or fill a cache of RCU's just then, and
 * keep that. So try again if there is a difference: a leak of @act shows up
 * each time.
 */
void vmemmap_kunit_expect_nothing_left(struct kunit *test,
				       void (*act)(struct kunit *test, void *data), void *data)
{
	struct figures before, now;
	int i = 0;

	do {
		before = read_figures();
		act(test, data);
		now = await_figures(&before);
	} while (memcmp(&before, &now, sizeof(now)) && ++i < 5);

	KUNIT_EXPECT_EQ(test, before.nr_free, now.nr_free);
	KUNIT_EXPECT_EQ(test, before.nr_managed, now.nr_managed);
	KUNIT_EXPECT_EQ(test, before.nr_tables, now.nr_tables);
}

/* ---- Tables and contents ---- */

int vmemmap_kunit_fill(unsigned long start, unsigned long end, const struct vmemmap_fill *fill)
{
	int err;

	mem_hotplug_begin();
	err = vmemmap_fill_range(start, end, fill);
	vmemmap_flush_zeros();
	mem_hotplug_done();
	return err;
}

void vmemmap_kunit_free(unsigned long start, unsigned long end, struct vmem_altmap *altmap)
{
	mem_hotplug_begin();
	vmemmap_free(start, end, altmap);
	mem_hotplug_done();
}

static pud_t *find_pud(unsigned long addr)
{
	pgd_t *pgd = pgd_offset_k(addr);
	p4d_t *p4d;

	if (pgd_none(*pgd))
		return NULL;
	p4d = p4d_offset(pgd, addr);
	return p4d_none(*p4d) ? NULL : pud_offset(p4d, addr);
}

static pmd_t *find_pmd(unsigned long addr)
{
	pud_t *pud = find_pud(addr);

	if (!pud || vmemmap_pud_none(*pud))
		return NULL;
	return pmd_offset(pud, addr);
}

struct vmemmap_leaf vmemmap_kunit_leaf(unsigned long addr)
{
	struct vmemmap_leaf leaf = {};
	pmd_t *pmd = find_pmd(addr);
	pte_t *pte;

	if (!pmd || vmemmap_pmd_none(*pmd))
		return leaf;
	if (pmd_leaf(*pmd)) {
		leaf.size = PMD_SIZE;
		leaf.pfn = pmd_pfn(*pmd) + PHYS_PFN(addr & ~PMD_MASK);
		return leaf;
	}

	pte = pte_offset_kernel(pmd, addr);
	if (!vmemmap_pte_none(ptep_get(pte))) {
		leaf.size = PAGE_SIZE;
		leaf.pfn = pte_pfn(ptep_get(pte));
	}
	return leaf;
}

/*
 * As hugetlb_vmemmap.c does: a table allocated by the kernel replaces the PMD leaf,
 * and each page of the block becomes a block of its own.
 */
void vmemmap_kunit_split_leaf(struct kunit *test, unsigned long addr)
{
	const unsigned long start = ALIGN_DOWN(addr, PMD_SIZE);
	pte_t *table = pte_alloc_one_kernel(&init_mm);
	pmd_t *pmd = find_pmd(addr);
	unsigned long pfn, i;

	KUNIT_ASSERT_NOT_NULL(test, table);
	KUNIT_ASSERT_TRUE(test, pmd_leaf(*pmd));
	pfn = pmd_pfn(*pmd);
	for (i = 0; i < PTRS_PER_PTE; i++)
		set_pte_at(&init_mm, start + i * PAGE_SIZE, table + i,
			   pfn_pte(pfn + i, PAGE_KERNEL));
	split_page(pfn_to_page(pfn), PMD_ORDER);

	pmd_clear(pmd);
	flush_tlb_kernel_range(start, start + PMD_SIZE);
	pmd_populate_kernel(&init_mm, pmd, table);
}

/* Where a PTE maps a page, free that and map another. */
void vmemmap_kunit_replace_page(struct kunit *test, unsigned long addr)
{
	struct page *page = alloc_page(GFP_KERNEL);
	pte_t *pte = pte_offset_kernel(find_pmd(addr), addr);
	struct page *old = pte_page(ptep_get(pte));

	KUNIT_ASSERT_NOT_NULL(test, page);
	pte_clear(&init_mm, addr, pte);
	flush_tlb_kernel_range(addr, addr + PAGE_SIZE);
	__free_page(old);
	set_pte_at(&init_mm, addr, pte, pfn_pte(page_to_pfn(page), PAGE_KERNEL));
}

unsigned long vmemmap_kunit_read(unsigned long addr)
{
	return READ_ONCE(*(unsigned long *)addr);
}

void vmemmap_kunit_write_word(unsigned long addr, unsigned long val)
{
	WRITE_ONCE(*(unsigned long *)addr, val);
}

void vmemmap_kunit_zero(unsigned long start, unsigned long end)
{
	memset((void *)start, 0, end - start);
}

bool vmemmap_kunit_is_zero(unsigned long start, unsigned long end)
{
	return !memchr_inv((void *)start, 0, end - start);
}

/* ---- Windows ---- */

struct window {
	struct resource region;
	unsigned long start;
	unsigned long end;
};

static void release_window(void *data)
{
	struct window *window = data;

	release_resource(&window->region);
}

static void unmap_window(void *data)
{
	struct window *window = data;

	vmemmap_kunit_free(window->start, window->end, NULL);
}

/*
 * Some architectures never free the upper tables. Have them built before the case
 * counts.
 */
static void make_upper_tables(struct kunit *test, struct window *window)
{
	const struct vmemmap_fill fill = { .nid = NUMA_NO_NODE };
	const unsigned long last = window->end - PAGE_SIZE;

	current->kunit_test = NULL;
	vmemmap_kunit_fill(window->start, window->start + PAGE_SIZE, &fill);
	vmemmap_kunit_fill(last, window->end, &fill);
	vmemmap_kunit_free(window->start, window->end, NULL);
	current->kunit_test = test;
}

/* Their arrays must come from a node that is online. */
static void make_section_arrays(struct kunit *test, unsigned long pfn, unsigned long end_pfn)
{
	int err = 0;

	mem_hotplug_begin();
	for (; pfn < end_pfn && !err; pfn += PAGES_PER_SECTION)
		err = sparse_index_init(pfn_to_section_nr(pfn), first_online_node);
	mem_hotplug_done();
	KUNIT_ASSERT_EQ(test, 0, err);
}

/* What can be plugged, as far as there are addresses and the vmemmap describes them. */
static struct range describable_range(void)
{
	struct range range = mhp_get_pluggable_range(true);

	range.end = min_t(u64, range.end, iomem_resource.end);
#ifdef VMEMMAP_END
	range.end = min_t(u64, range.end, PFN_PHYS(page_to_pfn((struct page *)VMEMMAP_END)) - 1);
#endif
	return range;
}

/*
 * Whole sections in the upper half of that: there, no table is shared with the memory
 * map of RAM.
 */
static void reserve_region(struct kunit *test, struct window *window, unsigned long nr_pages)
{
	const struct range range = describable_range();

	window->region.name = "vmemmap-kunit";
	window->region.flags = IORESOURCE_MEM;
	if (allocate_resource(&iomem_resource, &window->region,
			      PFN_PHYS(nr_pages),
			      range.start + (range.end - range.start) / 2,
			      range.end, PFN_PHYS(PAGES_PER_SECTION), NULL, NULL))
		kunit_skip(test, "no %#lx page frames are free", nr_pages);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, release_window, window));
}

/*
 * @size bytes of the vmemmap, from the first page frame of a section on, which is that
 * of a pair of sections, for page frames that are not in use. Returns that page frame.
 */
unsigned long vmemmap_kunit_reserve(struct kunit *test, unsigned long size)
{
	const unsigned long nr_pages = round_up(size / sizeof(struct page), PAGES_PER_SECTION);
	struct window *window = kunit_kzalloc(test, sizeof(*window), GFP_KERNEL);
	unsigned long pfn;

	KUNIT_ASSERT_NOT_NULL(test, window);
	reserve_region(test, window, nr_pages + PAGES_PER_SECTION);
	pfn = ALIGN(PHYS_PFN(window->region.start), 2 * PAGES_PER_SECTION);
	window->start = (unsigned long)pfn_to_page(pfn);
	window->end = window->start + nr_pages * sizeof(struct page);
	KUNIT_ASSERT_LE(test, pfn_to_section_nr(pfn + nr_pages), NR_MEM_SECTIONS);
	KUNIT_ASSERT_EQ(test, 0, vmemmap_kunit_nr_mapped(window->start, window->end));

	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, unmap_window, window));
	make_upper_tables(test, window);
	make_section_arrays(test, pfn, pfn + nr_pages);
	return pfn;
}

/* The init of a suite whose cases work on a window. */
int vmemmap_kunit_init(struct kunit *test)
{
	const unsigned long section = PAGES_PER_SECTION * sizeof(struct page);
	const unsigned long size = VMEMMAP_KUNIT_SLOTS * max(PMD_SIZE, section) + PMD_SIZE;
	struct recording *recording = kunit_kzalloc(test, sizeof(*recording), GFP_KERNEL);
	struct vmemmap_kunit *vk;
	int err;

	if (!recording)
		return -ENOMEM;
	vk = &recording->vk;
	vk->fail_from = ULONG_MAX;
	vk->max_size = ULONG_MAX;
	xa_init(blocks_of(vk));
	test->priv = vk;
	err = kunit_add_action_or_reset(test, expect_all_came_back, test);
	if (err)
		return err;

	vk->pfn = vmemmap_kunit_reserve(test, size);
	vk->nr_pages = size / sizeof(struct page);
	vk->slot = ALIGN((unsigned long)pfn_to_page(vk->pfn), PMD_SIZE);
	kunit_activate_static_stub(test, vmemmap_alloc_block, recording_alloc_block);
	kunit_activate_static_stub(test, vmemmap_alloc_pages, recording_alloc_pages);
	use_tails(test);
	return 0;
}

/* ---- A device that brings memory for its memory map ---- */

struct device_memory {
	struct kunit *test;
	struct vmem_altmap altmap;
};

static void clear_leaf(unsigned long addr)
{
	pmd_t *pmd = find_pmd(addr);

	if (pmd_leaf(*pmd))
		pmd_clear(pmd);
	else
		pte_clear(&init_mm, addr, pte_offset_kernel(pmd, addr));
}

/*
 * Some architectures free base pages to the buddy allocator, since they assume that
 * a device never backs any. So unmap all pages of the device first.
 */
static void unmap_device(void *data)
{
	struct device_memory *device = data;
	const struct vmemmap_kunit *vk = device->test->priv;
	const unsigned long start = vk->slot;
	const unsigned long end = start + VMEMMAP_KUNIT_SLOTS * PMD_SIZE;
	unsigned long addr;

	for (addr = start; addr < end; addr += PAGE_SIZE) {
		struct vmemmap_leaf leaf = vmemmap_kunit_leaf(addr);

		if (leaf.size && vmemmap_is_altmap_pfn(&device->altmap, leaf.pfn))
			clear_leaf(addr);
	}
	flush_tlb_kernel_range(start, end);
}

/*
 * Each page is held by one more reference. A page that has lost it was freed as
 * RAM, and is left alone.
 */
static void put_device_page(struct kunit *test, struct page *page)
{
	KUNIT_EXPECT_EQ_MSG(test, 2, page_count(page), "a page of the device went to RAM");
	if (page_count(page) != 2)
		return;
	put_page(page);
	__free_page(page);
}

static void free_device(void *data)
{
	struct device_memory *device = data;
	const struct vmem_altmap *altmap = &device->altmap;
	const unsigned long end_pfn = altmap->base_pfn + altmap->reserve + altmap->free;
	unsigned long pfn;

	unmap_device(device);
	for (pfn = altmap->base_pfn; pfn < end_pfn; pfn++)
		put_device_page(device->test, pfn_to_page(pfn));
}

/*
 * The memory of the device is RAM that is not used otherwise, aligned to the power
 * of two that it fits into.
 */
struct vmem_altmap *vmemmap_kunit_altmap(struct kunit *test, unsigned long reserve,
					 unsigned long free)
{
	struct device_memory *device = kunit_kmalloc(test, sizeof(*device), GFP_KERNEL);
	unsigned long i;
	void *memory;

	KUNIT_ASSERT_NOT_NULL(test, device);
	memory = alloc_pages_exact(PFN_PHYS(reserve + free), GFP_KERNEL | __GFP_NOWARN);
	if (!memory)
		kunit_skip(test, "no %#lx pages in one piece", reserve + free);
	memset(memory, VMEMMAP_KUNIT_RAW & 0xff, PFN_PHYS(reserve + free));
	for (i = 0; i < reserve + free; i++)
		get_page(virt_to_page(memory) + i);

	memcpy(device, &(struct device_memory) {
		.test = test,
		.altmap = {
			.base_pfn = PHYS_PFN(__pa(memory)),
			.reserve = reserve,
			.free = free,
		},
	}, sizeof(*device));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, free_device, device));
	return &device->altmap;
}
