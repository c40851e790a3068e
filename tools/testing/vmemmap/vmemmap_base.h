/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vmemmap_base.h - the kernel that the memory map back end believes in when it
 * runs in the user-space harness
 *
 * Carries the guard of mm/vmemmap_base.h, which is empty if this file
 * is included first (-include). The .c files of mm/ are compiled as they are.
 *
 * The stand-ins for the kernel are sorted by honesty:
 *
 *   1. nothing		annotations
 *   2. same shape	constants that have become run-time geometry, bitmaps,
 *			sections, entries and folded levels: they compute the
 *			same as the kernel does
 *   3. other ways	memory, warnings, struct page, poisoning, RCU: these keep
 *			book of their use and stop the test case if a rule is
 *			broken (soft.h lists the rules)
 */
#ifndef _MM_VMEMMAP_BASE_H
#define _MM_VMEMMAP_BASE_H

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* ---- 1. Nothing ---- */

#define __init
#define __meminit
#define __meminitdata		__attribute__((section("meminitdata")))
#define __initdata		__meminitdata
#define __ro_after_init		__meminitdata
#define __ref
#define __refdata
#define __weak			__attribute__((weak))
#define noinline		__attribute__((noinline))
#define __printf(fmt, args)	__attribute__((format(printf, fmt, args)))

#define CONFIG_MEMORY_HOTPLUG	1
#define CONFIG_SPARSEMEM_VMEMMAP	1
#define VMEMMAP_DEFINES_TABLE_INIT
#define VMEMMAP_PUBLIC_LEVELS
#define VMEMMAP_POPULATE_HVO
#define VMEMMAP_DECLARES_WRPROTECT_HVO
#define VMEMMAP_ZONE_TAILS
#define VMEMMAP_DEVICE_TAILS
#define VMEMMAP_POPULATE_ONCE	soft_is_populated_once()

#define IS_ENABLED(option)	1
#define VISIBLE_IF_KUNIT
#define KUNIT_STATIC_STUB_REDIRECT(function, args...) do { } while (0)
#define cond_resched()		((void)0)
#define mem_hotplug_begin()	do { } while (0)
#define mem_hotplug_done()	do { } while (0)

typedef unsigned int gfp_t;

#define __GFP_RECLAIM		0x1u
#define __GFP_RETRY_MAYFAIL	0x2u
#define __GFP_NOWARN		0x4u
#define __GFP_THISNODE		0x8u
#define __GFP_NOMEMALLOC	0x20u
#define GFP_KERNEL		(0x10u | __GFP_RECLAIM)

/* ---- 2. Same shape: arithmetic ---- */

typedef uint64_t phys_addr_t;

#define BIT(nr)			(1UL << (nr))
#define BITS_PER_LONG		64
#define GENMASK(high, low)	(~0UL << (low) & ~0UL >> (BITS_PER_LONG - 1 - (high)))
#define BITS_TO_LONGS(nr)	DIV_ROUND_UP(nr, BITS_PER_LONG)
#define DIV_ROUND_UP(n, d)	(((n) + (d) - 1) / (d))
#define ALIGN_DOWN(x, a)	((x) & ~((typeof(x))(a) - 1))
#define ALIGN(x, a)		ALIGN_DOWN((x) + (typeof(x))(a) - 1, a)
#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))
#define IS_ALIGNED(x, a)	(((x) & ((typeof(x))(a) - 1)) == 0)
#define is_power_of_2(n)	((n) && !((n) & ((n) - 1)))

#define READ_ONCE(x)		(*(const volatile typeof(x) *)&(x))
#define WRITE_ONCE(x, val)	(*(volatile typeof(x) *)&(x) = (val))

/* One thread runs here; a test case may let another be faster. */
#define cmpxchg(slot, old, new) ({					\
	typeof(slot) __slot = (slot);					\
	typeof(*__slot) __was;						\
									\
	soft_race(__slot);						\
	__was = *__slot;						\
	if (__was == (old))						\
		*__slot = (new);					\
	__was;								\
})

#define min(a, b) ({							\
	typeof(a) __a = (a);						\
	typeof(b) __b = (b);						\
	(void)(&__a == &__b);						\
	__a < __b ? __a : __b;						\
})

#define max(a, b) ({							\
	typeof(a) __a = (a);						\
	typeof(b) __b = (b);						\
	(void)(&__a == &__b);						\
	__a > __b ? __a : __b;						\
})

#define min_t(type, a, b)	min((type)(a), (type)(b))
#define clamp(val, low, high)	min(max(val, low), high)
#define ilog2(n)		(BITS_PER_LONG - 1 - __builtin_clzl(n))

#define MAX_ERRNO		4095
#define IS_ERR(ptr)		((unsigned long)(ptr) >= (unsigned long)-MAX_ERRNO)
#define PTR_ERR(ptr)		((long)(ptr))
#define PTR_ERR_OR_ZERO(ptr)	(IS_ERR(ptr) ? (int)PTR_ERR(ptr) : 0)
#define ERR_PTR(err)		((void *)(long)(err))

/* ---- 2. Same shape: geometry, run-time data here ---- */

enum soft_level_nr { SOFT_PTE, SOFT_PMD, SOFT_PUD, SOFT_P4D, SOFT_PGD, NR_SOFT_LEVELS };

/* How the vmemmap_populate() of the modelled architecture maps a range. */
enum soft_arch {
	ARCH_BASE,		/* base pages always */
	ARCH_SECTION,		/* PMD leaves for a whole section or more */
	ARCH_HUGE,		/* PMD leaves always */
};

/* Everything about an architecture that changes arithmetic. */
struct geometry {
	const char *name;		/* for messages */
	unsigned int page_shift;	/* ilog2 of the size of a page */
	/* index bits of each level, PTEs first; 0: no such level */
	unsigned int bits[NR_SOFT_LEVELS];
	unsigned int section_shift;	/* ilog2 of the bytes of RAM in a section */
	unsigned int subsection_shift;	/* ilog2 of the bytes of RAM in a subsection */
	unsigned int sections_shift;	/* ilog2 of the number of sections that can exist */
	unsigned int max_order;		/* largest order of the buddy allocator */
	enum soft_arch arch;		/* how vmemmap_populate() behaves */
	unsigned long ram_pages;	/* pages of RAM of each of the two nodes */
	/* sections without RAM behind these, and one with RAM; 0: neither */
	unsigned int gap_sections;
	/* few entries reach deep paths; false: a real architecture's numbers */
	bool is_tiny;
	/* Of each node, derived: those that RAM lies in; all from the first to the last */
	unsigned long nr_early_sections, nr_node_sections;
};

/* One level, derived from the geometry. */
struct soft_level {
	unsigned int shift;
	unsigned long nr_entries;
	bool is_real;		/* false: folded into the level below */
	unsigned long empty;	/* an entry that holds nothing */
};

extern struct geometry geo;
extern struct soft_level soft_level[NR_SOFT_LEVELS];

#undef PAGE_SIZE
#define PAGE_SHIFT		geo.page_shift
#define PAGE_SIZE		BIT(PAGE_SHIFT)
#define PAGE_MASK		(~(PAGE_SIZE - 1))
#define PAGE_ALIGN(addr)	ALIGN(addr, PAGE_SIZE)
#define PAGE_ALIGN_DOWN(addr)	ALIGN_DOWN(addr, PAGE_SIZE)
#define PAGE_ALIGNED(addr)	IS_ALIGNED((unsigned long)(addr), PAGE_SIZE)
#define PHYS_PFN(x)		((unsigned long)((x) >> PAGE_SHIFT))
#define PFN_PHYS(x)		((phys_addr_t)(x) << PAGE_SHIFT)
#define MAX_PAGE_ORDER		geo.max_order

#define PMD_SHIFT		soft_level[SOFT_PMD].shift
#define PMD_SIZE		BIT(PMD_SHIFT)
#define PMD_MASK		(~(PMD_SIZE - 1))
#define PMD_ORDER		((int)(PMD_SHIFT - PAGE_SHIFT))
#define PUD_SIZE		BIT(soft_level[SOFT_PUD].shift)
#define P4D_SIZE		BIT(soft_level[SOFT_P4D].shift)
#define PGDIR_SIZE		BIT(soft_level[SOFT_PGD].shift)
#define PTRS_PER_PTE		soft_level[SOFT_PTE].nr_entries
#define PTRS_PER_PMD		soft_level[SOFT_PMD].nr_entries
#define PTRS_PER_PUD		soft_level[SOFT_PUD].nr_entries
#define PTRS_PER_P4D		soft_level[SOFT_P4D].nr_entries

#define SECTION_SIZE_BITS	geo.section_shift
#define SECTIONS_SHIFT		geo.sections_shift
#define SUBSECTION_SHIFT	geo.subsection_shift
#define PFN_SECTION_SHIFT	(SECTION_SIZE_BITS - PAGE_SHIFT)
#define NR_MEM_SECTIONS		BIT(SECTIONS_SHIFT)
#define PAGES_PER_SECTION	BIT(PFN_SECTION_SHIFT)
#define PAGE_SECTION_MASK	(~(PAGES_PER_SECTION - 1))
#define PAGES_PER_SUBSECTION	BIT(SUBSECTION_SHIFT - PAGE_SHIFT)
#define SUBSECTIONS_PER_SECTION	BIT(SECTION_SIZE_BITS - SUBSECTION_SHIFT)
#define SECTION_ALIGN_DOWN(pfn)	((pfn) & PAGE_SECTION_MASK)
#define pfn_to_section_nr(pfn)	((pfn) >> PFN_SECTION_SHIFT)
#define section_nr_to_pfn(nr)	((unsigned long)(nr) << PFN_SECTION_SHIFT)

static inline unsigned int get_order(unsigned long size)
{
	return size <= PAGE_SIZE ? 0 : ilog2((size - 1) >> PAGE_SHIFT) + 1;
}

/* ---- 2. Same shape: bitmaps; on the stack they have their true length ---- */

#define DECLARE_BITMAP(name, nr)	unsigned long name[BITS_TO_LONGS(nr)]

#define test_bit(nr, map)	((map)[(nr) / BITS_PER_LONG] >> (nr) % BITS_PER_LONG & 1)
#define bitmap_zero(map, nr)	memset(map, 0, BITS_TO_LONGS(nr) * sizeof(*(map)))
#define bitmap_fill(map, nr)	bitmap_set(map, 0, nr)

static inline void bitmap_set(unsigned long *map, unsigned int start, int nr)
{
	int step;

	for (; nr > 0; nr -= step, start += step) {
		step = start % BITS_PER_LONG || nr < BITS_PER_LONG ? 1 : BITS_PER_LONG;
		map[start / BITS_PER_LONG] |= step == 1 ? BIT(start % BITS_PER_LONG) : ~0UL;
	}
}

#define SOFT_BITMAP_OP(name, word)					\
static inline void name(unsigned long *dst, const unsigned long *a,	\
			const unsigned long *b, unsigned long nr)	\
{									\
	for (unsigned long i = 0; i < BITS_TO_LONGS(nr); i++)		\
		dst[i] = word;						\
}

SOFT_BITMAP_OP(bitmap_or, a[i] | b[i])
SOFT_BITMAP_OP(bitmap_andnot, a[i] & ~b[i])

/* True if the first @nr bits of all words together are 0. */
#define SOFT_BITMAP_TEST(name, word)					\
static inline bool name(const unsigned long *a, const unsigned long *b,	\
			unsigned long nr)				\
{									\
	unsigned long i, bits = 0;					\
									\
	for (i = 0; i < nr / BITS_PER_LONG; i++)			\
		bits |= word;						\
	if (nr % BITS_PER_LONG)						\
		bits |= (word) & (BIT(nr % BITS_PER_LONG) - 1);		\
	return !bits;							\
}

SOFT_BITMAP_TEST(bitmap_equal, a[i] ^ b[i])
SOFT_BITMAP_TEST(bitmap_subset, a[i] & ~b[i])
SOFT_BITMAP_TEST(soft_are_disjoint, a[i] & b[i])
#define bitmap_intersects(a, b, nr)	(!soft_are_disjoint(a, b, nr))
#define bitmap_empty(map, nr)		soft_are_disjoint(map, map, nr)

unsigned long bitmap_find_next_zero_area_off(unsigned long *map, unsigned long size,
					     unsigned long start, unsigned int nr,
					     unsigned long align_mask, unsigned long align_offset);

/* ---- 3. Other ways: warnings are counted, each time ---- */

void soft_warn(const char *fmt, ...) __printf(1, 2);
void soft_message(const char *fmt, ...) __printf(1, 2);

#define WARN_ONCE(cond, fmt, args...) ({				\
	const bool __is_bad = (cond);					\
	if (__is_bad)							\
		soft_warn(fmt, ##args);					\
	__is_bad;							\
})
#define WARN_ON_ONCE(cond)	WARN_ONCE(cond, "%s", #cond)

/* As in the kernel, nothing is evaluated without CONFIG_DEBUG_VM. */
#ifdef CONFIG_DEBUG_VM
#define VM_WARN_ON_ONCE(cond)	((void)WARN_ON_ONCE(cond))
#else
#define VM_WARN_ON_ONCE(cond)	((void)sizeof((long)(cond)))
#endif

#define pr_warn_ratelimited(fmt, args...) soft_message(pr_fmt(fmt), ##args)
#define pr_info(fmt, args...) soft_message(pr_fmt(fmt), ##args)

/* One file in debugfs, for a test case to read. */
struct seq_file {
	char *text;
	size_t size, length;
};
void seq_printf(struct seq_file *file, const char *fmt, ...) __printf(2, 3);
#define seq_puts(file, string)	seq_printf(file, "%s", string)
#define DEFINE_SHOW_ATTRIBUTE(name)	static int (*name##_fops)(struct seq_file *, void *) = name##_show
#define debugfs_create_dir(name, parent) 0
#define debugfs_create_file(name, mode, parent, data, fops) \
	((void)(parent), soft_show_debugfs = *(fops))
extern int (*soft_show_debugfs)(struct seq_file *file, void *data);
#define late_initcall(function) int soft_late_initcall(void) { return function(); }
int soft_late_initcall(void);

/* An array with few entries; only whether there is one matters. */
struct xarray {
	unsigned long index[16];
	unsigned int nr;
};

#define xa_init(xa)	((void)((xa)->nr = 0))
#define xa_destroy(xa)	((void)((xa)->nr = 0))
void *xa_store(struct xarray *xa, unsigned long index, void *entry, gfp_t gfp);

/* Memory hotplug is locked out. */
void get_online_mems(void);
void put_online_mems(void);

/* For a test case to call. */
#define core_initcall(function) int soft_core_initcall(void) { return function(); }
int soft_core_initcall(void);
#define postcore_initcall(function) int soft_postcore_initcall(void) { return function(); }
int soft_postcore_initcall(void);

bool soft_is_traced(void);
bool soft_is_populated_once(void);

/* ---- 3. Other ways: a struct page is a place in the vmemmap, never touched ---- */

struct page {
	unsigned long words[STRUCT_PAGE_SIZE / sizeof(unsigned long)];
};

extern unsigned long soft_vmemmap;

#define pfn_to_page(pfn) \
	((struct page *)(soft_vmemmap + (unsigned long)(pfn) * sizeof(struct page)))
#define page_to_pfn(ptr) \
	(((unsigned long)(ptr) - soft_vmemmap) / sizeof(struct page))

bool PageReserved(const struct page *page);
bool PageHWPoison(const struct page *page);
bool page_has_type(const struct page *page);
int page_zone_id(const struct page *page);
bool page_ref_freeze(struct page *page, int nr);
int page_to_nid(const struct page *page);
int page_ref_count(const struct page *page);
#define page_count(page)	page_ref_count(page)
void page_ref_add(struct page *page, int nr);
void page_ref_sub(struct page *page, int nr);
void page_init_poison(struct page *page, size_t size);
/* Of what was poisoned last */
#define PagePoisoned(page) \
	((page) >= machine.seen.poisoned && \
	 (page) - machine.seen.poisoned < (long)machine.seen.nr_poisoned)
struct page *pfn_to_online_page(unsigned long pfn);
#define PageVmemmapSelfHosted(page)	((void)(page), false)
bool pfn_valid(unsigned long pfn);
bool is_zone_device_page(const struct page *page);
int early_pfn_to_nid(unsigned long pfn);

/* ---- 3. Other ways: memory ---- */

extern char *soft_direct_map;

#define __va(phys)		((void *)(soft_direct_map + (phys)))
#define __pa(virt)		((phys_addr_t)((char *)(virt) - soft_direct_map))
#define page_address(ptr)	__va(PFN_PHYS(page_to_pfn(ptr)))
#define virt_to_page(virt)	pfn_to_page(PHYS_PFN(__pa(virt)))

#define NUMA_NO_NODE		(-1)
#define MAX_NUMNODES		2
#define nr_online_nodes		2
#define SZ_1K			1024UL
#define N_NORMAL_MEMORY	0
#define LOCAL_DISTANCE		10
#define MAX_DMA_ADDRESS		__va(soft_dma_end())

/* RAM that memblock knows; a region without pages does not count. */
struct soft_region {
	unsigned long pfn, end_pfn;
	int nid;
};

#define NR_SOFT_REGIONS		4
extern struct soft_region soft_regions[NR_SOFT_REGIONS];

#define for_each_mem_pfn_range(i, node, p_start, p_end, p_nid)		\
	for ((i) = 0; (i) < NR_SOFT_REGIONS; (i)++)			\
		if (*(p_start) = soft_regions[i].pfn,			\
		    *(p_end) = soft_regions[i].end_pfn,			\
		    soft_is_of_node(&soft_regions[i], node))

static inline bool soft_is_of_node(const struct soft_region *region, int node)
{
	return region->end_pfn && (node == MAX_NUMNODES || region->nid == node);
}

phys_addr_t soft_dma_end(void);
int node_distance(int a, int b);

typedef struct { unsigned long bits; } nodemask_t;

#define node_set(node, mask)	((void)((mask).bits |= 1UL << (node)))
#define nodes_clear(mask)	((void)((mask).bits = 0))
/* For "%*pbl", which prints "0x2bl" here, where the kernel prints "1". */
#define nodemask_pr_args(mask)	0, (void *)(mask)->bits
bool vmemmap_has_slab(void);
void *kzalloc(size_t size, gfp_t gfp);
void *kvcalloc(size_t nr, size_t size, gfp_t gfp);
void kvfree(void *object);
void soft_kfree(void *object);
struct page *alloc_pages_node(int node, gfp_t gfp, unsigned int order);
long vmemmap_nr_available(void);
void split_page(struct page *page, unsigned int order);
bool node_state(int node, int state);
int num_node_state(int state);
void drain_all_pages(void *zone);
void __free_pages(struct page *page, unsigned int order);
#define __free_page(page)	__free_pages(page, 0)
void vmemmap_construct_table(void *table);
void vmemmap_free_pages(struct page *page, unsigned int order);
void vmemmap_free_frozen_pages(struct page *page, unsigned int order);
bool vmemmap_has_page_records(void);
void vmemmap_put_boot_page(struct page *page);
void *vmemmap_memblock_alloc(phys_addr_t size, phys_addr_t align,
			     phys_addr_t min_addr, int node, bool exact_node);
bool memblock_has_mirror(void);
void memblock_free(void *block, size_t size);
void *sparse_buffer_alloc(unsigned long size);

/* No reader holds a usage map here, so that the grace period is over at once. */
struct rcu_head {
	void *unused;
};

#define kfree_rcu(object, member) \
	((void)&(object)->member, soft_kfree(object))

/* ---- 2. Same shape: entries; only the encoding is our own ---- */

#define ENTRY_PRESENT		BIT(0)
#define ENTRY_LEAF		BIT(1)
#define ENTRY_KERNEL		BIT(2)
#define ENTRY_READONLY		BIT(3)
#define ENTRY_LEVEL(level)	(((unsigned long)(level) + 1) << 4)
#define ENTRY_EMPTY		BIT(7)

typedef struct { unsigned long val; } pgprot_t;

#define PAGE_KERNEL		((pgprot_t){ ENTRY_KERNEL })
#define PAGE_KERNEL_RO		((pgprot_t){ ENTRY_KERNEL | ENTRY_READONLY })
#define SOFT_ZERO_PFN		BIT(32)
#define ZERO_PAGE(addr)		((void)(addr), pfn_to_page(SOFT_ZERO_PFN))

struct mm_struct {
	struct soft_pgd *pgd;
};

extern struct mm_struct init_mm;

void *soft_next_table(unsigned long entry, enum soft_level_nr level);
void soft_set_table(void *entry, void *table, enum soft_level_nr level);
void soft_sync_top_level(unsigned long addr, enum soft_level_nr level);
void soft_expect_in_reach(unsigned long addr);

static inline unsigned long soft_index(unsigned long addr, enum soft_level_nr level)
{
	return addr >> soft_level[level].shift & (soft_level[level].nr_entries - 1);
}

/*
 * For each level: its type, <level>p_get(), <level>_none(), <level>_leaf(). An
 * entry of a folded level is never empty and never a leaf, as it is only
 * another name for the entry below.
 */
#define SOFT_ENTRY(name, level)						\
typedef struct soft_##name { unsigned long val; } name##_t;		\
									\
static inline name##_t name##p_get(name##_t *entry)			\
{									\
	return *entry;							\
}									\
									\
static inline bool name##_none(name##_t entry)				\
{									\
	return soft_level[level].is_real &&				\
	       entry.val == soft_level[level].empty;			\
}									\
									\
static inline bool name##_same(name##_t a, name##_t b)			\
{									\
	return soft_level[level].is_real && a.val == b.val;		\
}									\
									\
static inline bool name##_leaf(name##_t entry)				\
{									\
	return soft_level[level].is_real && entry.val & ENTRY_LEAF;	\
}

SOFT_ENTRY(pte, SOFT_PTE)
SOFT_ENTRY(pmd, SOFT_PMD)
SOFT_ENTRY(pud, SOFT_PUD)
SOFT_ENTRY(p4d, SOFT_P4D)
SOFT_ENTRY(pgd, SOFT_PGD)

/* For which address an entry of each level was looked up last. */
extern unsigned long soft_way[NR_SOFT_LEVELS];

/* The way down: pgd_offset_k(), and <level>_offset() from the level above. */
#define SOFT_DESCENT(function, name, level, upper, upper_level)		\
static inline name##_t *function(upper##_t *entry, unsigned long addr)	\
{									\
	soft_way[level] = addr;						\
	if (!soft_level[upper_level].is_real)				\
		return (name##_t *)entry;				\
	return (name##_t *)soft_next_table(entry->val, upper_level) +	\
	       soft_index(addr, level);					\
}

SOFT_DESCENT(pte_offset_kernel, pte, SOFT_PTE, pmd, SOFT_PMD)
SOFT_DESCENT(pmd_offset, pmd, SOFT_PMD, pud, SOFT_PUD)
SOFT_DESCENT(pud_offset, pud, SOFT_PUD, p4d, SOFT_P4D)
SOFT_DESCENT(p4d_offset, p4d, SOFT_P4D, pgd, SOFT_PGD)

static inline pgd_t *pgd_offset_k(unsigned long addr)
{
	soft_expect_in_reach(addr);
	soft_way[SOFT_PGD] = addr;
	return init_mm.pgd + soft_index(addr, SOFT_PGD);
}

#define pmd_populate_kernel(mm, pmd, table) \
	((void)(mm), soft_set_table(pmd, table, SOFT_PMD))
#define pud_populate(mm, pud, table) \
	((void)(mm), soft_set_table(pud, table, SOFT_PUD))
#define p4d_populate_kernel(addr, p4d, table) \
	(soft_set_table(p4d, table, SOFT_P4D), soft_sync_top_level(addr, SOFT_P4D))
#define pgd_populate_kernel(addr, pgd, table) \
	(soft_set_table(pgd, table, SOFT_PGD), soft_sync_top_level(addr, SOFT_PGD))

#define pfn_pte(pfn, prot) \
	((pte_t){ (pfn) << PAGE_SHIFT | (prot).val | ENTRY_PRESENT | ENTRY_LEAF | \
		  ENTRY_LEVEL(SOFT_PTE) })
#define __pmd(val)		((pmd_t){ val })
#define __pud(val)		((pud_t){ val })
#define pte_wrprotect(pte)	((pte_t){ (pte).val | ENTRY_READONLY })
#define pte_write(pte)		(!((pte).val & ENTRY_READONLY))
#define pte_pfn(pte)		((pte).val >> PAGE_SHIFT)
#define pmd_pfn(pmd)		((pmd).val >> PAGE_SHIFT)
#define pte_page(pte)		pfn_to_page(pte_pfn(pte))
#define pmd_page_vaddr(pmd)	((unsigned long)soft_next_table((pmd).val, SOFT_PMD))
#define copy_page(to, from)	memcpy(to, from, PAGE_SIZE)

void set_pte_at(struct mm_struct *mm, unsigned long addr, pte_t *pte, pte_t val);
void ptep_set_wrprotect(struct mm_struct *mm, unsigned long addr, pte_t *pte);
int pmd_set_huge(pmd_t *pmd, phys_addr_t phys, pgprot_t prot);
void flush_cache_vmap(unsigned long start, unsigned long end);

/* The way out: an entry that was cleared counts until a flush covers it. */
void soft_clear(void *entry, enum soft_level_nr level, unsigned long addr);
void soft_replace(void *entry, unsigned long val, enum soft_level_nr level);
void flush_tlb_kernel_range(unsigned long start, unsigned long end);
void flush_tlb_all(void);

#define pte_clear(mm, addr, pte)	((void)(mm), soft_clear(pte, SOFT_PTE, addr))
#define set_pte(pte, entry)		(*(pte) = (entry))
#define set_pmd(pmd, entry)		soft_replace(pmd, (entry).val, SOFT_PMD)
#define set_pud(pud, entry)		soft_replace(pud, (entry).val, SOFT_PUD)
#define pmd_clear(pmd)			soft_clear(pmd, SOFT_PMD, soft_way[SOFT_PMD])
#define pud_clear(pud)			soft_clear(pud, SOFT_PUD, soft_way[SOFT_PUD])
#define p4d_clear(p4d)			soft_clear(p4d, SOFT_P4D, soft_way[SOFT_P4D])
#define pgd_clear(pgd)			soft_clear(pgd, SOFT_PGD, soft_way[SOFT_PGD])
#define mm_pmd_folded(mm)		((void)(mm), !soft_level[SOFT_PUD].is_real)
#define mm_pud_folded(mm)		((void)(mm), !soft_level[SOFT_P4D].is_real)
#define mm_p4d_folded(mm)		((void)(mm), !soft_level[SOFT_PGD].is_real)

#define PGTBL_PGD_MODIFIED		BIT(SOFT_PGD)
#define PGTBL_P4D_MODIFIED		BIT(SOFT_P4D)
#define PGTBL_PUD_MODIFIED		BIT(SOFT_PUD)
#define PGTBL_PMD_MODIFIED		BIT(SOFT_PMD)

/* Is this the architecture that supplies all hooks by itself? */
extern const bool has_own_hooks;

/* Levels of which other page tables have copies of the entries. */
extern unsigned long soft_sync_mask;

static inline unsigned int soft_arch_sync_mask(void)
{
	return has_own_hooks ? 0 : soft_sync_mask;
}

#define ARCH_PAGE_TABLE_SYNC_MASK	soft_arch_sync_mask()

/* ---- 2. Same shape: sections ---- */

struct mem_section_usage {
	struct rcu_head rcu;
	unsigned long subsection_map[];	/* then pageblock_flags */
};

struct mem_section {
	unsigned long section_mem_map;
	struct mem_section_usage *usage;
};

#define SECTION_MARKED_PRESENT	BIT(0)
#define SECTION_HAS_MEM_MAP	BIT(1)
#define SECTION_IS_ONLINE	BIT(2)
#define SECTION_IS_EARLY	BIT(3)
#define SECTION_MAP_MASK	(~(BIT(5) - 1))

#define SECTIONS_PER_ROOT	4UL
#define NR_SECTION_ROOTS	DIV_ROUND_UP(NR_MEM_SECTIONS, SECTIONS_PER_ROOT)

extern struct mem_section **mem_section;

size_t mem_section_usage_size(void);
int sparse_index_init(unsigned long section_nr, int nid);

static inline struct mem_section *__nr_to_section(unsigned long nr)
{
	const unsigned long root = nr / SECTIONS_PER_ROOT;

	if (root >= NR_SECTION_ROOTS || !mem_section[root])
		return NULL;
	return &mem_section[root][nr % SECTIONS_PER_ROOT];
}

static inline bool soft_has_flag(const struct mem_section *ms, unsigned long flag)
{
	return ms && ms->section_mem_map & flag;
}

#define valid_section(ms)	soft_has_flag(ms, SECTION_HAS_MEM_MAP)
#define early_section(ms)	soft_has_flag(ms, SECTION_IS_EARLY)
#define valid_section_nr(nr)	valid_section(__nr_to_section(nr))
#define __pfn_to_section(pfn)	__nr_to_section(pfn_to_section_nr(pfn))
#define __section_mark_present(ms, nr) \
	((void)(nr), (ms)->section_mem_map |= SECTION_MARKED_PRESENT)
#define subsection_map_index(pfn) \
	((int)(((pfn) & ~PAGE_SECTION_MASK) / PAGES_PER_SUBSECTION))

static inline unsigned long next_present_section_nr(unsigned long nr)
{
	while (++nr < NR_MEM_SECTIONS)
		if (soft_has_flag(__nr_to_section(nr), SECTION_MARKED_PRESENT))
			return nr;
	return -1UL;
}

static inline void sparse_init_one_section(struct mem_section *ms, unsigned long nr,
					   struct page *map, struct mem_section_usage *usage,
					   unsigned long flags)
{
	const unsigned long coded = (unsigned long)map - section_nr_to_pfn(nr) * sizeof(*map);

	ms->section_mem_map = (ms->section_mem_map & ~SECTION_MAP_MASK) | coded |
			      flags | SECTION_HAS_MEM_MAP;
	ms->usage = usage;
}

void memmap_pages_add(long nr);
void memmap_boot_pages_add(long nr);

/* ---- 2. Same shape: devices ---- */

struct range {
	uint64_t start;
	uint64_t end;
};

struct vmem_altmap {
	unsigned long base_pfn;
	unsigned long end_pfn;
	unsigned long reserve;
	unsigned long free;
	unsigned long align;
	unsigned long alloc;
	bool inaccessible;
};

#define is_altmap_accessible(altmap)	(!(altmap)->inaccessible)

struct dev_pagemap {
	unsigned long vmemmap_shift;
	int nr_range;
	union {
		struct range range;
		struct range ranges[2];
	};
};

/* Do tails find their head by a mask? Then one page is shared by all tails of a zone. */
extern const bool has_zone_tails;

#define VMEMMAP_RESERVE_NR	(has_zone_tails ? 1 : 2)
#define vmemmap_has_zone_tails()	has_zone_tails

/* ---- 2. Same shape: zones, which own shared tails ---- */

#define VMEMMAP_TAIL_MIN_ORDER	ilog2(2 * PAGE_SIZE / sizeof(struct page))

struct zone {
	int node;
	struct page *vmemmap_tails[BITS_PER_LONG];
};

#define zone_to_nid(zone)	((zone)->node)
#define zone_set_nid(zone, nid)	((zone)->node = (nid))

#define ZONE_DEVICE		0

struct pglist_data {
	struct zone node_zones[1];
};

extern struct pglist_data soft_nodes[MAX_NUMNODES];

#define NODE_DATA(nid)		(&soft_nodes[nid])

void soft_race(struct page **slot);
void vmemmap_init_device_tail(struct page *tail, unsigned int order, int nid);

#define pgmap_vmemmap_nr(pgmap)	BIT((pgmap)->vmemmap_shift)

void vmem_altmap_free(struct vmem_altmap *altmap, unsigned long nr_pfns);

static inline bool vmemmap_can_optimize(const struct vmem_altmap *altmap,
					const struct dev_pagemap *pgmap)
{
	if (altmap || !pgmap || !is_power_of_2(sizeof(struct page)))
		return false;
	return pgmap_vmemmap_nr(pgmap) * sizeof(struct page) >> PAGE_SHIFT >
	       VMEMMAP_RESERVE_NR;
}

/* ---- The interface of the back end for the rest of the kernel (linux/mm.h and others) ---- */

void *vmemmap_alloc_block(unsigned long size, int node);
void *vmemmap_alloc_block_buf(unsigned long size, int node, struct vmem_altmap *altmap);
void vmemmap_populate_print_last(void);
void vmemmap_verify(pte_t *pte, int node, unsigned long start, unsigned long end);
void kernel_pte_init(void *addr);
void pmd_init(void *addr);
void pud_init(void *addr);
pte_t *vmemmap_pte_populate(pmd_t *pmd, unsigned long addr, int node,
			    struct vmem_altmap *altmap, struct page *reuse);
void vmemmap_set_pmd(pmd_t *pmd, void *p, int node, unsigned long addr, unsigned long next);
int vmemmap_check_pmd(pmd_t *pmd, int node, unsigned long addr, unsigned long next);
int vmemmap_populate_basepages(unsigned long start, unsigned long end, int node,
			       struct vmem_altmap *altmap);
int vmemmap_populate_hugepages(unsigned long start, unsigned long end, int node,
			       struct vmem_altmap *altmap);
struct page *__populate_section_memmap(unsigned long pfn, unsigned long nr_pages, int nid,
				       struct vmem_altmap *altmap, struct dev_pagemap *pgmap);
int vmemmap_populate_hvo(unsigned long start, unsigned long end, unsigned int order,
			 struct zone *zone, unsigned long headsize);
void vmemmap_wrprotect_hvo(unsigned long start, unsigned long end, int node,
			   unsigned long headsize);
#ifdef VMEMMAP_INIT_ALL_SUBSECTIONS
void sparse_init_subsection_map(void);
#else
void sparse_init_subsection_map(unsigned long pfn, unsigned long nr_pages);
#endif
void online_mem_sections(unsigned long start_pfn, unsigned long end_pfn);
void offline_mem_sections(unsigned long start_pfn, unsigned long end_pfn);
int sparse_add_section(int nid, unsigned long pfn, unsigned long nr_pages,
		       struct vmem_altmap *altmap, struct dev_pagemap *pgmap);
void sparse_remove_section(unsigned long pfn, unsigned long nr_pages, struct vmem_altmap *altmap,
			   struct dev_pagemap *pgmap);

/* The interface of the architecture for the back end. */
int vmemmap_populate(unsigned long start, unsigned long end, int node, struct vmem_altmap *altmap);
void vmemmap_free(unsigned long start, unsigned long end, struct vmem_altmap *altmap);

#endif /* _MM_VMEMMAP_BASE_H */
