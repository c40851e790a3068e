/* SPDX-License-Identifier: GPL-2.0 */
/*
 * soft.h - the soft machine under the memory map back end, and how to test on it
 *
 * The harness compiles the real mm/sparse-vmemmap.c and its siblings for user
 * space and runs them on a machine made of software; the head of each file says what
 * part of it is there.
 *
 * The size of a page, the index bits of each level (2 to 5 levels) and the
 * size of sections are run-time data, so that one program covers them all.
 * sizeof(struct page) is not: everything is compiled for each size, and main.c
 * runs the variants side by side. Tiny tables of 4 or 8 entries make a
 * few pages reach every path of a five-level table.
 *
 * Rules that the machine enforces; a breach ends the test case:
 *
 *	memory is touched only while it is allocated (ASan); nothing but tables
 *	and slab objects is touched at all
 *	a block is freed once, with its order, to the allocator that gave it
 *	an entry is filled once, with an aligned block or an empty table, and
 *	no walk descends through a leaf, or leaves the range that tables can map
 *	a struct page of RAM has a reference count; one of a device has none
 *	poisoned struct pages are mapped
 *	warnings that the test case did not announce are failures
 *
 * A test case is a TEST() with the machine and the geometries that it wants; it drives
 * that machine, and EXPECT()s. Its name is a sentence.
 *
 * A fuzzer feeds bytes instead of a seed: see fuzz.c and struct entropy.
 */
#ifndef _SOFT_H
#define _SOFT_H

#include "vmemmap_base.h"
#include "vmemmap.h"
#include <linux/vmemmap.h>
#include <trace/events/sparse_vmemmap.h>

#define NR_NODES		2
#define NR_DEVICES		4
#define NR_HUGE_PAGES		8
#define MAX_TAIL_PAGES		64

/* Page frames that the struct pages in a vmemmap page describe. */
#define PFNS_PER_PAGE		(PAGE_SIZE / sizeof(struct page))

/* ---- Test cases (ktap.c) ---- */

/* The state of the machine that a test case gets. */
enum machine_state {
	EARLY,			/* before the buddy allocator is up */
	BARE,			/* nothing is mapped */
	BOOT,			/* it has booted and is known to the oracle */
};

/* The geometries that a test case runs on. */
enum where { EVERYWHERE, TINY, REAL, ONCE };

struct kunit_suite;
struct kunit_case;

/* Of the harness, or a case of a KUnit suite. */
struct test_case {
	const char *name;
	void (*run)(void);
	enum machine_state state;
	enum where where;
	const struct kunit_suite *suite;
	const struct kunit_case *kunit;
};

void add_case(struct test_case test);

/* TEST(a_sentence, BARE) { ... }, TEST(a_sentence, BOOT, .where = TINY) { ... } */
#define TEST(function, machine, args...)				\
static void function(void);						\
__attribute__((constructor)) static void add_##function(void)		\
{									\
	add_case((struct test_case){ .name = #function, .run = function, \
				     .state = machine, args });		\
}									\
static void function(void)

extern bool is_verbose;
extern unsigned long first_seed;

void test_fail(const char *file, int line, const char *fmt, ...)
	__printf(3, 4) __attribute__((noreturn));
void test_skip(const char *fmt, ...) __printf(1, 2) __attribute__((noreturn));
void test_note(const char *fmt, ...) __printf(1, 2);
void note_points(unsigned long nr_points);
void note_operation(const char *fmt, ...) __printf(1, 2);
void forget_operations(void);

/* Not on this geometry; a case that runs on none is a SKIP. */
#define SKIP_UNLESS(cond, fmt, args...) do {				\
	if (!(cond))							\
		test_skip(fmt, ##args);					\
} while (0)

/* Otherwise no compound page fills whole vmemmap pages, and no tail is shared. */
#define SKIP_UNLESS_DEDUPLICATED() \
	SKIP_UNLESS(is_power_of_2(sizeof(struct page)), "struct page has %zu bytes", \
		    sizeof(struct page))

#define FAIL(fmt, args...) test_fail(__FILE__, __LINE__, fmt, ##args)

#define EXPECT(cond) do {						\
	if (!(cond))							\
		FAIL("expected %s", #cond);				\
} while (0)

#define EXPECT_EQ(a, b) do {						\
	const long __x = (long)(a), __y = (long)(b);			\
	if (__x != __y)							\
		FAIL("expected %s == %s, have %ld (%#lx), not %ld (%#lx)", \
		     #a, #b, __x, __x, __y, __y);			\
} while (0)

/* ---- The machine ---- */

/* The state of the whole machine. */
struct machine {
	bool has_slab;			/* the buddy allocator has replaced memblock */
	long memmap_pages;		/* the counter of memory map pages added after boot */
	long memmap_boot_pages;		/* the counter of those from boot */
	unsigned long nr_used_pages;	/* pages of RAM in use */
	long nr_objects;		/* objects of kvcalloc() that have not been freed */
	/* Leaves, and entries that pointed to tables, cleared since their last TLB flush. */
	struct vmemmap_cleared unflushed_leaves;
	struct vmemmap_cleared unflushed_tables;
	bool has_stale_zeros;		/* an entry that was read as zeros is in use, unflushed */
	/*
	 * For base pages and for huge leaves, by backing: the bytes that were traced as
	 * populated, less those traced as depopulated. Tables likewise.
	 */
	long traced[2][VMEMMAP_NR_SOURCES];
	long nr_tables;

	/* For test cases to set. */
	struct {
		unsigned long fail_at;		/* fail this allocation, counted from 1; 0: none */
		bool fail_from;			/* all later ones fail as well */
		/* For each block that is asked for, if not NULL: must it not be allocated? */
		bool (*is_refused)(unsigned long size);
		void (*note_allocation)(int nid, bool refused);
		/* The architecture's own vmemmap_free(); NULL: it uses that of mm/. */
		void (*free)(unsigned long start, unsigned long end, struct vmem_altmap *altmap);
		bool is_fragmented;		/* no free block is larger than a page */
		bool has_page_records;		/* page_owner is on */
		bool is_memoryless[NR_NODES];	/* the node has no memory of its own */
		bool needs_reclaim[NR_NODES];	/* all its memory is in use, and reclaimable */
		long nr_available;		/* vmemmap_nr_available() */
		long nr_listed;			/* of all nodes, until drain_all_pages() */
		long nr_swap_pages;		/* free */
		bool is_untraced;		/* tracing is off */
		bool refuse_pmds;		/* pmd_set_huge() refuses */
		bool no_stand_in;		/* entries must be empty in between */
		bool is_mirrored;		/* every other PMD_SIZE of RAM is mirrored */
		bool is_populated_once;		/* no address may be populated once more */
		bool has_no_buffer;		/* sparse_init() allocates no buffer */
		int far_distance;		/* between the two nodes */
		/* Before the tail page of a zone is published, if not NULL. */
		void (*race)(struct page **slot);
		void (*check)(void);		/* what check_machine() calls besides */
	} knobs;

	/* Counts and events since the machine was built, for test cases to check. */
	struct {
		unsigned long nr_warnings;	/* not fetched by the test case yet */
		unsigned long nr_messages;	/* likewise */
		char messages[2048];		/* their text, as far as there is room */
		unsigned long nr_attempts;	/* allocations since fail_allocation() */
		unsigned long nr_failures;	/* those of them that were made to fail */
		unsigned long nr_reports;	/* that the buddy allocator reports as failed */
		unsigned long nr_reclaims;	/* that may reclaim */
		unsigned long nr_exhausted;	/* that failed for want of memory */
		unsigned long nr_fallbacks;	/* that another node served */
		unsigned long nr_descents;	/* ways down from the top table */
		unsigned long nr_rows;		/* blocks that were split into base pages */
		unsigned long nr_row_frees;	/* blocks without a reference that were freed */
		unsigned long nr_syncs;		/* new entries copied to all processes */
		/* Calls of the architecture's own hooks */
		unsigned long nr_init_tables;
		unsigned long nr_set_pmds;
		unsigned long nr_check_pmds;
		/* Flushes of the cache and of the TLB, and what the last one flushed */
		unsigned long nr_flushes;
		struct range flushed;
		unsigned long nr_tlb_flushes;	/* of leaves, or of everything */
		struct range tlb_flushed;
		unsigned long tlb_stride;
		struct vmemmap_cleared tables_flushed;
		struct page *poisoned;		/* the struct pages poisoned last; NULL: none */
		unsigned long nr_poisoned;
		/* Ranges of the last vmemmap_populate() and vmemmap_free() */
		struct range populated;
		struct range freed;
		unsigned long nr_traced;	/* tracepoints about leaves */
		unsigned long nr_traced_failures;
		unsigned long failed_size;	/* of the leaf that the last failure was about */
		unsigned long nr_hotplug_locks;	/* of get_online_mems() */
	} seen;
};

extern struct machine machine;
extern const struct geometry geometries[];

void use_geometry(const struct geometry *geometry);

/* A new machine of the geometry that is in use; see enum machine_state. */
void build_machine(enum machine_state state);
void machine_early(void);
void machine_bare(void);
void machine_boot(void);
void machine_end_of_boot(void);
void clear_boot_data(void);

#define for_each_boot_region(region)					\
	for (const struct soft_region *region = soft_regions;		\
	     region < soft_regions + NR_SOFT_REGIONS; region++)

/*
 * Fetch the warnings or messages that a test case has provoked; any other number
 * than @nr is a failure. has_message() searches those not fetched yet.
 */
void expect_warnings(unsigned long nr);
void expect_messages(unsigned long nr);
bool has_message(const char *fmt, ...) __printf(1, 2);
void fail_allocation(unsigned long nr, bool and_later);

/* ---- Memory ---- */

/* Free; from memblock; the first page of a buddy block; a later one. */
enum page_state { PAGE_FREE, PAGE_BOOT, PAGE_BLOCK, PAGE_REST };

/* The state of a page of RAM. */
struct soft_page {
	unsigned char state;	/* enum page_state */
	bool is_slab;		/* holds an object of kzalloc() */
	bool is_poisoned;	/* memory for struct pages from boot, poisoned */
	unsigned char order;	/* of the buddy block */
	signed char nid;	/* node that was asked for it */
	int refs;		/* reference count */
	unsigned int nr_own;	/* leaves found that own it (oracle) */
	unsigned int nr_shared;	/* leaves found that map it beside its owner (oracle) */
	bool is_table;		/* found to be a table (oracle) */
	bool is_kept;		/* and may stay when it is empty (oracle) */
	bool is_constructed;	/* noted as a table with the kernel */
	bool is_bad;		/* hardware has reported it */
	bool is_of_leaf;	/* a table that took the place of a leaf */
};

void memory_reset(void);
unsigned long ram_start_pfn(int nid);
struct soft_page *ram_page(unsigned long pfn);
int ram_nid(unsigned long pfn);
unsigned long block_pfn(const void *block);
bool is_mirrored(unsigned long pfn, unsigned long nr_pages);
unsigned long nr_free_pages(int nid);
void exhaust_order(int nid, unsigned int order);
void exhaust_memblock(int nid, unsigned long nr_pages_left);
void *memblock_alloc(phys_addr_t size, phys_addr_t align, phys_addr_t min_addr,
		     int node, int nr_nodes);
void free_boot_pages(unsigned long pfn, unsigned long nr_pages);
void split_block(unsigned long pfn, unsigned int order);
void sparse_buffer_init(unsigned long size, int nid);
void sparse_buffer_fini(void);

/* ---- Tables ---- */

/* Where the walk to an address ended. */
struct leaf {
	int level;			/* of the last entry */
	unsigned long *entry;
	unsigned long start, end;	/* the addresses that it stands for */
	bool is_mapped;			/* it is a leaf */
	unsigned long pfn;		/* first page frame of its block */
	unsigned long *path[NR_SOFT_LEVELS];	/* all entries on the way, by level */
};

/* The value of an empty entry, as kernel_pte_init() and its like write it; 0 by default. */
unsigned long soft_empty_entry(enum soft_level_nr level);

void tables_reset(void);
void soft_flush_leaves(unsigned long start, unsigned long end, unsigned long stride);
void soft_flush_tables(unsigned long start, unsigned long end, unsigned long stride);
struct leaf walk(unsigned long addr);
int top_level(void);
unsigned long bytes_in_reach(unsigned long addr);
unsigned long level_size(int level);
bool is_empty_entry(unsigned long entry, int level);
bool can_be_read_as_zeros(void);
int make_stand_ins(void);
bool is_read_as_zeros(unsigned long addr);
unsigned long *entry_table(unsigned long entry, int level);
void plant_leaf(unsigned long addr, int level, unsigned long pfn);
void split_leaf(const struct leaf *leaf, void *table);
void remap_page(unsigned long addr, unsigned long pfn, bool is_readonly);
void unmap_page(unsigned long addr);
bool is_in_split_slot(const struct leaf *leaf);
unsigned long mapped_pfn(unsigned long addr);
unsigned long nr_tables_for(unsigned long start, unsigned long end, int lowest_level);

/* The address of a slot, and of a page, well inside of the vmemmap. */
static inline unsigned long slot_addr(unsigned long nr)
{
	return soft_vmemmap + PMD_SIZE + nr * PMD_SIZE;
}

static inline unsigned long page_addr(unsigned long nr)
{
	return slot_addr(0) + nr * PAGE_SIZE;
}

/* Map a range by base pages of node 1, unless members of struct vmemmap_fill say else. */
#define fill(start, end, what...) \
	vmemmap_fill_range(start, end, &(const struct vmemmap_fill){ .nid = 1, ##what })

/**
 * for_each_leaf() - visit all leaves and tables
 * @visit_leaf: called for each leaf in ascending order
 * @visit_table: called for each table but the top one; NULL: nothing
 */
void for_each_leaf(void (*visit_leaf)(const struct leaf *leaf),
		   void (*visit_table)(unsigned long pfn, int level));

/* ---- Sections and devices ---- */

/* A range of device memory that is added and removed as a whole. */
struct device {
	unsigned long pfn;		/* first page frame */
	unsigned long nr_pages;		/* 0: the device is not in use */
	int nid;
	bool has_altmap;
	struct vmem_altmap altmap;	/* the window for its memory map, if it has one */
	struct dev_pagemap pgmap;	/* its compound pages */
};

extern struct device devices[NR_DEVICES];

void sections_reset(void);
bool is_boot_section(unsigned long section_nr);
unsigned long first_hot_section(void);
unsigned long hot_pfn(unsigned long nr);
int section_nid(unsigned long section_nr);
void boot_node(int nid);
unsigned long vaddr(unsigned long pfn);

/*
 * As the callers in mm/: in chunks of sections; all or nothing. NUMA_NO_NODE:
 * each section belongs to its own node.
 */
int add_range(int nid, unsigned long pfn, unsigned long nr_pages,
	      struct vmem_altmap *altmap, struct dev_pagemap *pgmap);
void remove_range(unsigned long pfn, unsigned long nr_pages,
		  struct vmem_altmap *altmap, struct dev_pagemap *pgmap);

/* The same for RAM; they also tell the oracle. */
int add_ram(unsigned long pfn, unsigned long nr_pages);
void remove_ram(unsigned long pfn, unsigned long nr_pages);

void init_device(struct device *dev, int nid, unsigned long pfn, unsigned long nr_pages);

/* An altmap without a device to describe; and that of a device. */
void set_altmap(struct vmem_altmap *altmap, unsigned long base_pfn,
		unsigned long reserve, unsigned long free);
void give_altmap(struct device *dev, unsigned long reserve, unsigned long free);
int add_device(struct device *dev);
void remove_device(struct device *dev);

/* ---- Tail pages that devices share: of a zone and an order ---- */

#define TAIL_WORD(order, nid)	(0x7a11UL << 32 | (unsigned long)(order) << 8 | (nid))

void expect_initialised_tails(unsigned long pfn);
struct page **device_tail(unsigned int order, int nid);
unsigned long nr_device_tails(void);

/* ---- HugeTLB pages: numbered, for RAM that is live ---- */

void hugetlb_reset(void);
bool can_be_huge_page(unsigned long pfn, unsigned long nr_pages);
bool can_optimise(unsigned long pfn, unsigned long nr_pages);
int optimise_huge_page(int nr, unsigned long pfn, unsigned long nr_pages);
int restore_huge_page(int nr);
bool is_optimised(int nr);
int find_huge_page(unsigned long pfn, unsigned long nr_pages);
struct page *shared_tail_at(unsigned long addr);
bool is_shared_tail(unsigned long pfn);

/* ---- Oracle ---- */

/* The owner of a subsection. */
enum { NOBODY, BOOT_RAM, HOT_RAM, FIRST_DEVICE };

void oracle_reset(void);
void oracle_add(unsigned long pfn, unsigned long nr_pages, int owner);
void oracle_remove(unsigned long pfn, unsigned long nr_pages);
int oracle_owner(unsigned long pfn);
bool is_needed(unsigned long pfn);
bool is_live_range(unsigned long pfn, unsigned long nr_pages);
bool is_dead_range(unsigned long pfn, unsigned long nr_pages);
void check_machine(void);

/* Keep all that must be as before after a failure, and compare. */
void remember_machine(void);
void expect_machine_as_before(void);

/* Populating and depopulating were traced with the same sums (trace.c). */
void expect_traces_cancel_out(void);

/* ---- debugfs: its one file (sections.c) ---- */

int read_debugfs(char *text, size_t size);

/* ---- Random decisions ---- */

/* A seed, or the bytes that a fuzzer made up. */
struct entropy {
	unsigned long state;		/* the generator's state */
	const unsigned char *bytes;	/* the fuzzer's bytes, NULL for none */
	size_t nr_bytes;		/* how many are left; then all that is chosen is 0 */
};

/* From the seed of the command line, another one for each geometry. */
struct entropy seeded_entropy(void);
unsigned long choose(struct entropy *entropy, unsigned long nr_choices);
void run_operations(struct entropy *entropy, unsigned int nr_operations);
void run_chosen_operations(struct entropy *entropy);

#endif /* _SOFT_H */
