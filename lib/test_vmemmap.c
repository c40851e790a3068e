// SPDX-License-Identifier: GPL-2.0
/*
 * test_vmemmap.c - stress and benchmark the memory map back end
 *
 * Reserves an unused piece of the physical address space, cuts it into ranges,
 * and adds a memory map to each of them and removes it in one of these ways:
 *
 *	device	 memremap_pages(), memunmap_pages(): memory private to a device
 *	section	 sparse_add_section(), sparse_remove_section()
 *	memmap	 __populate_section_memmap(), vmemmap_free()
 *	loop	 a known number of instructions, to check a counter of instructions;
 *		 on x86_64 and arm64
 *
 * "section" and "memmap" exist only if this is built in: the functions that they
 * call are not exported. Every back end can be tested, since all that is measured
 * and checked holds for any of them. The report is KTAP; programs read its lines
 * "# measured" and "# error".
 *
 *	cd /sys/module/test_vmemmap/parameters
 *	echo memmap >way; echo 9 >shift; echo 1 >run; dmesg
 *
 * With leave=<pages>, it adds when memory is short: all of the node but so many pages is
 * held meanwhile, and what is left is in pieces, so that base pages are all there is.
 */
#define pr_fmt(fmt) fmt

#include <linux/completion.h>
#include <linux/ioport.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/memory_hotplug.h>
#include <linux/memremap.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/overflow.h>
#include <linux/prandom.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/timex.h>
#include <linux/vmstat.h>

static char *way = "device";
module_param(way, charp, 0644);
MODULE_PARM_DESC(way, "device, section, memmap or loop (default: device)");

static unsigned long pages = PAGES_PER_SECTION;
module_param(pages, ulong, 0644);
MODULE_PARM_DESC(pages, "page frames in a range (default: a section)");

static unsigned int ranges = 8;
module_param(ranges, uint, 0644);
MODULE_PARM_DESC(ranges, "ranges for each thread (default: 8)");

static unsigned int shift;
module_param(shift, uint, 0644);
MODULE_PARM_DESC(shift, "order of the compound pages of the device (default: 0)");

static bool altmap;
module_param(altmap, bool, 0644);
MODULE_PARM_DESC(altmap, "place the memory map in memory of the device (default: no)");

static unsigned int seed;
module_param(seed, uint, 0644);
MODULE_PARM_DESC(seed, "add and remove in random order (default: 0, ascending)");

static unsigned int threads = 1;
module_param(threads, uint, 0644);
MODULE_PARM_DESC(threads, "threads that run at the same time (default: 1)");

static unsigned int repeat = 1;
module_param(repeat, uint, 0644);
MODULE_PARM_DESC(repeat, "rounds of adding and removing all ranges (default: 1)");

static unsigned long leave;
module_param(leave, ulong, 0644);
MODULE_PARM_DESC(leave, "pages of the node that are left free, in pieces, while it runs (default: 0, all)");

/* Pages that the rest of the kernel may allocate or free during a test. */
#define WANDER 64

/* Of this many pages that are held for leave, one after the other, half are given back. */
#define PIECE 16

struct test_range {
	unsigned long pfn, end_pfn;
	unsigned long added_pfn;	/* [pfn, added_pfn) has a memory map */
	struct dev_pagemap pgmap;
};

struct test_way {
	const char *name;
	int (*add)(struct test_range *range);
	void (*remove)(struct test_range *range);
	bool is_locked;		/* the caller must take mem_hotplug_lock */
	bool is_writable;	/* the kernel does not use the struct pages */
};

struct test_thread {
	const struct test_way *way;
	unsigned int nr;
	struct test_range *ranges;
	unsigned int *order;
	struct rnd_state rnd;
	struct completion done;
	int err;		/* the first one */
	unsigned long nr_wrong;	/* struct pages with wrong contents */
};

/* ---- device ---- */

/* The first member is folio_free or page_free. No such page is ever allocated. */
static void never_freed(void)
{
}

static vm_fault_t never_migrated(struct vm_fault *vmf)
{
	return VM_FAULT_SIGBUS;
}

static const struct dev_pagemap_ops test_ops = {
	(void *)never_freed,
	.migrate_to_ram = never_migrated,
};

static int device_add(struct test_range *range)
{
	void *addr;

	range->pgmap.nr_range = 1;
	addr = memremap_pages(&range->pgmap, first_memory_node);
	if (IS_ERR(addr))
		return PTR_ERR(addr);
	range->added_pfn = range->end_pfn;
	return 0;
}

static void device_remove(struct test_range *range)
{
	memunmap_pages(&range->pgmap);
}

/* ---- section, memmap ---- */

#ifndef MODULE
static unsigned long chunk_end(unsigned long pfn, unsigned long end_pfn)
{
	return min(ALIGN(pfn + 1, PAGES_PER_SECTION), end_pfn);
}

/* As in memremap_pages(), the range counts once it has been added. */
static int section_add(struct test_range *range)
{
	unsigned long pfn, next;
	int err = 0;

	range->pgmap.nr_range = 0;
	for (pfn = range->pfn; pfn < range->end_pfn; pfn = next) {
		next = chunk_end(pfn, range->end_pfn);
		err = sparse_add_section(first_memory_node, pfn, next - pfn,
					 pgmap_altmap(&range->pgmap),
					 &range->pgmap);
		if (err)
			break;
		range->added_pfn = next;
	}
	range->pgmap.nr_range = 1;
	return err;
}

static void section_remove(struct test_range *range)
{
	unsigned long pfn, next;

	for (pfn = range->pfn; pfn < range->added_pfn; pfn = next) {
		next = chunk_end(pfn, range->added_pfn);
		sparse_remove_section(pfn, next - pfn,
				      pgmap_altmap(&range->pgmap),
				      &range->pgmap);
	}
}

static int memmap_add(struct test_range *range)
{
	unsigned long pfn, next;

	range->pgmap.nr_range = 0;
	for (pfn = range->pfn; pfn < range->end_pfn; pfn = next) {
		next = chunk_end(pfn, range->end_pfn);
		if (!__populate_section_memmap(pfn, next - pfn,
					       first_memory_node,
					       pgmap_altmap(&range->pgmap),
					       &range->pgmap))
			return -ENOMEM;
		range->added_pfn = next;
	}
	range->pgmap.nr_range = 1;
	return 0;
}

static void memmap_remove(struct test_range *range)
{
	unsigned long pfn, next;

	for (pfn = range->pfn; pfn < range->added_pfn; pfn = next) {
		next = chunk_end(pfn, range->added_pfn);
		vmemmap_free((unsigned long)pfn_to_page(pfn),
			     (unsigned long)pfn_to_page(next),
			     pgmap_altmap(&range->pgmap));
	}
}

static void lock_hotplug(void)
{
	mem_hotplug_begin();
}

static void unlock_hotplug(void)
{
	mem_hotplug_done();
}
#else
static void lock_hotplug(void)
{
}

static void unlock_hotplug(void)
{
}
#endif

/* ---- loop ---- */

#define LOOP_ROUNDS 1000

/* Two instructions a round. */
#if defined(CONFIG_X86_64)
#define LOOP "1: decq %0; jnz 1b"
#elif defined(CONFIG_ARM64)
#define LOOP "1: subs %0, %0, #1; b.ne 1b"
#endif

#ifdef LOOP
static noinline void test_vmemmap_loop(void)
{
	unsigned long left = LOOP_ROUNDS;

	asm volatile(LOOP : "+r" (left) : : "cc");
}

static int loop_add(struct test_range *range)
{
	test_vmemmap_loop();
	range->added_pfn = range->end_pfn;
	return 0;
}

static void loop_remove(struct test_range *range)
{
}
#endif

static const struct test_way ways[] = {
	{ "device", device_add, device_remove },
#ifdef LOOP
	{ "loop", loop_add, loop_remove },
#endif
#ifndef MODULE
	{ "section", section_add, section_remove, true, true },
	{ "memmap", memmap_add, memmap_remove, true, true },
#endif
};

/* ---- Costs ---- */

struct test_cost {
	u64 ns;
	u64 cycles;
	long used;		/* pages that are neither free nor in a per-CPU list */
	long tables;		/* pages counted in NR_PAGETABLE */
};

#ifndef MODULE
static long nr_used_pages(void)
{
	struct zone *zone;
	long nr = 0;
	int cpu;

	for_each_populated_zone(zone) {
		nr += zone_managed_pages(zone);
		nr -= zone_page_state_snapshot(zone, NR_FREE_PAGES);
		for_each_online_cpu(cpu)
			nr -= per_cpu_ptr(zone->per_cpu_pageset, cpu)->count;
	}
	return nr;
}
#else
static long nr_used_pages(void)
{
	struct sysinfo info;

	si_meminfo(&info);
	return info.totalram - info.freeram;
}
#endif

static void start_cost(struct test_cost *cost)
{
	cost->used = nr_used_pages();
	cost->tables = global_node_page_state(NR_PAGETABLE);
	cost->ns = ktime_get_ns();
	cost->cycles = get_cycles();
}

static void end_cost(struct test_cost *cost)
{
	cost->cycles = get_cycles() - cost->cycles;
	cost->ns = ktime_get_ns() - cost->ns;
	cost->used = nr_used_pages() - cost->used;
	cost->tables = global_node_page_state(NR_PAGETABLE) - cost->tables;
}

/*
 * The measured work and nothing else: a counter of instructions counts from the
 * first one of these functions to their return. They are called directly, since a
 * retpoline would hide the caller.
 */
noinline int test_vmemmap_add(struct test_thread *thread);
noinline int test_vmemmap_remove(struct test_thread *thread);

noinline int test_vmemmap_add(struct test_thread *thread)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < ranges && !err; i++)
		err = thread->way->add(&thread->ranges[thread->order[i]]);
	return err;
}

noinline int test_vmemmap_remove(struct test_thread *thread)
{
	unsigned int i;

	for (i = 0; i < ranges; i++) {
		struct test_range *range = &thread->ranges[thread->order[i]];

		if (range->added_pfn > range->pfn)
			thread->way->remove(range);
		range->added_pfn = range->pfn;
	}
	return 0;
}

static void measure_work(struct test_thread *thread, bool is_add)
{
	struct test_cost cost;
	int err;

	if (thread->way->is_locked)
		lock_hotplug();
	/*
	 * Start just after a tick of the clock, so that the next one comes after most
	 * work. Where memory is short, nobody gets the time to free some.
	 */
	if (!leave)
		schedule_timeout_uninterruptible(1);
	start_cost(&cost);
	err = is_add ? test_vmemmap_add(thread) : test_vmemmap_remove(thread);
	end_cost(&cost);
	if (thread->way->is_locked)
		unlock_hotplug();
	pr_info("# measured what=%s way=%s shift=%u altmap=%d pages=%lu ranges=%u seed=%u thread=%u ns=%llu cycles=%llu used=%ld tables=%ld\n",
		is_add ? "add" : "remove", thread->way->name, shift, altmap, pages, ranges, seed,
		thread->nr, cost.ns, cost.cycles, cost.used, cost.tables);
	thread->err = thread->err ?: err;
}

/* ---- Contents of the struct pages ---- */

/*
 * Where the memory of the struct page at @addr is mapped first. The later vmemmap
 * pages of a compound page all map the last of its own, or the read-only tail page of
 * the zone; then it is 0:
 *
 *	own | own | same | same | ...		VMEMMAP_RESERVE_NR = 2
 *	own | tail | tail | tail | ...		VMEMMAP_RESERVE_NR = 1
 */
static unsigned long home_of(struct test_range *range, unsigned long addr)
{
	const unsigned long size = sizeof(struct page) << shift;
	const unsigned long start = (unsigned long)pfn_to_page(range->pfn);
	const unsigned long own = start + rounddown(addr - start, size) +
				  VMEMMAP_RESERVE_NR * PAGE_SIZE;

	if (!vmemmap_can_optimize(pgmap_altmap(&range->pgmap), &range->pgmap))
		return addr;
	if (addr < own)
		return addr;
	return VMEMMAP_RESERVE_NR == 1 ? 0 : own - PAGE_SIZE + offset_in_page(addr);
}

/* Write to each struct page that has memory of its own the address of it. */
static void write_marks(struct test_range *range)
{
	unsigned long pfn;

	for (pfn = range->pfn; pfn < range->added_pfn; pfn++) {
		unsigned long *mark = (unsigned long *)pfn_to_page(pfn);

		if (home_of(range, (unsigned long)mark) == (unsigned long)mark)
			*mark = (unsigned long)mark;
	}
}

static unsigned long nr_wrong_marks(struct test_range *range)
{
	unsigned long pfn, home, nr = 0;

	for (pfn = range->pfn; pfn < range->added_pfn; pfn++) {
		unsigned long *mark = (unsigned long *)pfn_to_page(pfn);

		home = home_of(range, (unsigned long)mark);
		nr += home && READ_ONCE(*mark) != home;
	}
	return nr;
}

static void check_marks(struct test_thread *thread)
{
	unsigned int i;

	for (i = 0; i < ranges; i++)
		write_marks(&thread->ranges[i]);
	for (i = 0; i < ranges; i++)
		thread->nr_wrong += nr_wrong_marks(&thread->ranges[i]);
}

/* ---- Pressure ---- */

struct test_hold {
	struct list_head pages;
	unsigned long nr;
};

/*
 * Take all of the node that can be had without reclaim, and give back as much as is to
 * be left: no huge block is among it. The node is the one that adds.
 */
static void hold_pages(struct test_hold *hold)
{
	const gfp_t gfp = (GFP_KERNEL & ~__GFP_RECLAIM) | __GFP_THISNODE |
			  __GFP_NOMEMALLOC | __GFP_NOWARN;
	struct page *page, *next;
	unsigned long nr_left = 0;
	unsigned long i = 0;

	INIT_LIST_HEAD(&hold->pages);
	hold->nr = 0;
	while (leave && (page = alloc_pages_node(first_memory_node, gfp, 0))) {
		list_add_tail(&page->lru, &hold->pages);
		hold->nr++;
		cond_resched();
	}
	list_for_each_entry_safe(page, next, &hold->pages, lru) {
		if (nr_left == leave)
			break;
		if (i++ % (2 * PIECE) >= PIECE)
			continue;
		list_del(&page->lru);
		__free_page(page);
		nr_left++;
	}
	hold->nr -= nr_left;
	if (leave)
		pr_info("# held=%lu left=%lu\n", hold->nr, nr_left);
}

static void free_held_pages(struct test_hold *hold)
{
	struct page *page, *next;

	list_for_each_entry_safe(page, next, &hold->pages, lru)
		__free_page(page);
}

/* ---- Threads ---- */

static void shuffle(struct test_thread *thread)
{
	unsigned int i, other;

	if (!seed)
		return;
	for (i = ranges - 1; i; i--) {
		other = prandom_u32_state(&thread->rnd) % (i + 1);
		swap(thread->order[i], thread->order[other]);
	}
}

static int run_thread(void *data)
{
	struct test_thread *thread = data;
	unsigned int i;

	for (i = 0; i < repeat && !thread->err; i++) {
		shuffle(thread);
		measure_work(thread, true);
		if (thread->way->is_writable)
			check_marks(thread);
		shuffle(thread);
		measure_work(thread, false);
		cond_resched();
	}
	complete(&thread->done);
	return 0;
}

/* A single thread is the caller's own, so that little else runs beside it. */
static void run_threads(struct test_thread *all)
{
	unsigned int i;

	if (threads == 1) {
		run_thread(all);
		return;
	}
	for (i = 0; i < threads; i++)
		if (IS_ERR(kthread_run(run_thread, &all[i], "vmemmap/%u", i)))
			run_thread(&all[i]);
	for (i = 0; i < threads; i++)
		wait_for_completion(&all[i].done);
}

/* ---- Preparation ---- */

/* The memory of the "device" is RAM, so that it can hold a memory map. */
static int init_altmap(struct test_range *range)
{
	const unsigned long size = PAGE_ALIGN(pages * sizeof(struct page));
	const unsigned int order = get_order(size);
	struct page *page = alloc_pages(GFP_KERNEL | __GFP_NOWARN, order);

	if (!page)
		return -ENOMEM;
	range->pgmap.altmap.base_pfn = page_to_pfn(page);
	range->pgmap.altmap.free = 1UL << order;
	range->pgmap.flags = PGMAP_ALTMAP_VALID;
	return 0;
}

static int init_range(struct test_range *range, unsigned long pfn)
{
	range->pfn = pfn;
	range->added_pfn = pfn;
	range->end_pfn = pfn + pages;
	range->pgmap.type = MEMORY_DEVICE_PRIVATE;
	range->pgmap.ops = &test_ops;
	range->pgmap.owner = range;
	range->pgmap.vmemmap_shift = shift;
	range->pgmap.range.start = PFN_PHYS(pfn);
	range->pgmap.range.end = PFN_PHYS(pfn + pages) - 1;
	return altmap ? init_altmap(range) : 0;
}

static int make_thread(struct test_thread *thread, unsigned int nr,
		       const struct test_way *test_way, unsigned long pfn)
{
	unsigned int i;
	int err = 0;

	thread->way = test_way;
	thread->nr = nr;
	prandom_seed_state(&thread->rnd, seed + nr);
	init_completion(&thread->done);
	thread->ranges = kvcalloc(ranges, sizeof(*thread->ranges), GFP_KERNEL);
	thread->order = kvcalloc(ranges, sizeof(*thread->order), GFP_KERNEL);
	if (!thread->ranges || !thread->order)
		return -ENOMEM;

	for (i = 0; i < ranges && !err; i++) {
		thread->order[i] = i;
		err = init_range(&thread->ranges[i], pfn + i * pages);
	}
	return err;
}

static void free_thread(struct test_thread *thread)
{
	unsigned int i;

	for (i = 0; thread->ranges && i < ranges; i++) {
		struct vmem_altmap *host = &thread->ranges[i].pgmap.altmap;

		if (host->base_pfn)
			__free_pages(pfn_to_page(host->base_pfn),
				     ilog2(host->free));
	}
	kvfree(thread->ranges);
	kvfree(thread->order);
}

/* ---- The test ---- */

static unsigned int ktap_nr;

static bool ktap(bool is_ok, const char *what)
{
	pr_info("%s %u %s\n", is_ok ? "ok" : "not ok", ++ktap_nr, what);
	return is_ok;
}

static int report(struct test_thread *all, long nr_lost)
{
	unsigned long nr_wrong = 0;
	unsigned int i;
	bool is_ok;
	int err = 0;

	for (i = 0; i < threads; i++) {
		err = err ?: all[i].err;
		nr_wrong += all[i].nr_wrong;
	}
	pr_info("# error=%d wrong=%lu lost=%ld\n", err, nr_wrong, nr_lost);
	is_ok = ktap(!err, "each range gets a memory map");
	is_ok &= ktap(!nr_wrong, "each struct page has memory of its own");
	is_ok &= ktap(abs(nr_lost) <= WANDER, "all pages are freed");
	return is_ok ? 0 : -EIO;
}

static const struct test_way *find_way(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ways); i++)
		if (sysfs_streq(ways[i].name, way))
			return &ways[i];
	return NULL;
}

/*
 * The page frames of all ranges, and what it takes to align the first of them to
 * a compound page. 0: no address space is as large.
 */
static unsigned long nr_page_frames(void)
{
	unsigned long nr;

	if (check_mul_overflow(pages, (unsigned long)ranges, &nr) ||
	    check_mul_overflow(nr, (unsigned long)threads, &nr) ||
	    check_add_overflow(nr, BIT(shift), &nr) ||
	    nr >= BIT(MAX_PHYSMEM_BITS - PAGE_SHIFT))
		return 0;
	return nr;
}

/* The fault of the parameters, or NULL. */
static const char *refusal(void)
{
	const struct test_way *test_way = find_way();

	if (!test_way)
		return "this kernel has no such way";
	if (!pages || !ranges || !threads || !repeat)
		return "pages, ranges, threads and repeat must not be 0";
	if (!IS_ALIGNED(pages, PAGES_PER_SUBSECTION))
		return "pages must be a multiple of a subsection";
	if (!IS_ALIGNED(pages, PAGES_PER_SECTION) && !IS_ALIGNED(PAGES_PER_SECTION, pages))
		return "pages must be a multiple of a section, or a power of two within one";
	if (shift >= BITS_PER_LONG || !IS_ALIGNED(pages, 1UL << shift))
		return "pages must be a multiple of a compound page of order shift";
	if (!nr_page_frames())
		return "pages, ranges and threads are more than fit the physical address space";
	if (altmap && test_way->add == device_add)
		return "way=device takes no altmap: memory private to a device holds no memory map";
	return NULL;
}

static int refuse(int err, const char *why)
{
	pr_info("KTAP version 1\n1..1\n");
	pr_info("# error=%d: %s\n", err, why);
	ktap_nr = 0;
	ktap(false, "the parameters make sense");
	return err;
}

static int run_test(void)
{
	struct test_thread *all;
	struct test_hold hold;
	struct resource *space;
	unsigned long pfn;
	unsigned int i;
	long nr_used;
	int err = 0;

	if (refusal())
		return refuse(-EINVAL, refusal());
	space = request_free_mem_region(&iomem_resource, PFN_PHYS(nr_page_frames()),
					"test_vmemmap");
	if (IS_ERR(space))
		return refuse(PTR_ERR(space),
			      "no unused part of the physical address space is as large as all ranges");

	pfn = ALIGN(PHYS_PFN(space->start), max(BIT(shift), PAGES_PER_SECTION));

	all = kcalloc(threads, sizeof(*all), GFP_KERNEL);
	if (!all)
		err = -ENOMEM;
	for (i = 0; i < threads && !err; i++)
		err = make_thread(&all[i], i, find_way(),
				  pfn + i * ranges * pages);
	if (!err) {
		pr_info("KTAP version 1\n1..3\n");
		ktap_nr = 0;
		/* Page tables and stacks of tasks that have ended are freed later. */
		rcu_barrier();
		hold_pages(&hold);
		nr_used = nr_used_pages();
		run_threads(all);
		nr_used -= nr_used_pages();
		free_held_pages(&hold);
		err = report(all, -nr_used);
	}

	for (i = 0; all && i < threads; i++)
		free_thread(&all[i]);
	kfree(all);
	release_mem_region(space->start, resource_size(space));
	return err;
}

/* ---- Start ---- */

static DEFINE_MUTEX(run_lock);
static bool is_ready, is_wanted;

/* A run that the command line asks for must wait until memory can be allocated. */
static int run_set(const char *value, const struct kernel_param *param)
{
	int err = param_set_bool(value, param);

	if (err || !is_wanted || !is_ready)
		return err;
	guard(mutex)(&run_lock);
	is_wanted = false;
	return run_test();
}

static const struct kernel_param_ops run_ops = {
	.set = run_set,
	.get = param_get_bool,
};
module_param_cb(run, &run_ops, &is_wanted, 0644);
MODULE_PARM_DESC(run, "write 1 to start");

static int __init test_vmemmap_init(void)
{
	is_ready = true;
	if (!is_wanted)
		return 0;
	is_wanted = false;
	return run_test();
}
late_initcall(test_vmemmap_init);

static void __exit test_vmemmap_exit(void)
{
}
module_exit(test_vmemmap_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("stress and benchmark the memory map back end");
