// SPDX-License-Identifier: GPL-2.0
/*
 * tables.c - page tables in soft memory, and the walker that reads them
 *
 * The code under test writes by the first half, which refuses whatever hardware
 * or the kernel would not survive. The second half reads the tables
 * as hardware does, by level numbers alone, and shares nothing with the
 * accessors of vmemmap_base.h but the encoding of an entry:
 *
 *	| pfn << page_shift | ... | level | readonly | kernel | leaf | present |
 *
 * An entry names its level, so that a table linked at the wrong level is noticed.
 */
#include <stdlib.h>

#include "soft.h"

/* The start of the top table; the largest spans 57 bits. */
#define VMEMMAP_BASE	0xfe00000000000000UL

struct soft_level soft_level[NR_SOFT_LEVELS];
struct mm_struct init_mm;
unsigned long soft_vmemmap;

/* hooks.c, where it is linked in, says otherwise. */
const bool __weak has_own_hooks;
const bool __weak has_zone_tails;

/* ---- Written by the code under test ---- */

unsigned long __weak soft_empty_entry(enum soft_level_nr level)
{
	return 0;
}

static unsigned long flags_of(int level, bool is_leaf)
{
	return ENTRY_PRESENT | ENTRY_KERNEL | ENTRY_LEVEL(level) | (is_leaf ? ENTRY_LEAF : 0);
}

void *soft_next_table(unsigned long entry, enum soft_level_nr level)
{
	if ((entry & ~PAGE_MASK) != flags_of(level, false))
		FAIL("descends through entry %#lx of level %d, which is no table", entry, level);
	return __va(entry & PAGE_MASK);
}

/* Two levels of tables; and where the boot message can be, after which it starts. */
bool can_be_read_as_zeros(void)
{
#ifdef CONFIG_SPARSEMEM_VMEMMAP_STAND_IN
	return top_level() >= SOFT_PUD && !geo.gap_sections;
#else
	return false;
#endif
}

#ifdef CONFIG_SPARSEMEM_VMEMMAP_STAND_IN
bool vmemmap_may_stand_in(void)
{
	return !machine.knobs.no_stand_in;
}
#endif

int make_stand_ins(void)
{
#ifdef CONFIG_SPARSEMEM_VMEMMAP_STAND_IN
	return soft_core_initcall() ?: soft_postcore_initcall();
#else
	return 0;
#endif
}

/* The entry that is read as zeros at that level, 0: none */
static unsigned long stand_in(int level)
{
#ifdef CONFIG_SPARSEMEM_VMEMMAP_STAND_IN
	if (level == SOFT_PTE)
		return vmemmap_stand_in.pte.val;
	if (level == SOFT_PMD)
		return vmemmap_stand_in.pmd.val;
	if (level == SOFT_PUD)
		return vmemmap_stand_in.pud.val;
#endif
	return 0;
}

static void set_entry(unsigned long *entry, unsigned long val, int level)
{
	if (!is_empty_entry(*entry, level))
		FAIL("entry %#lx of level %d overwritten with %#lx", *entry, level, val);
	machine.has_stale_zeros |= *entry && *entry == stand_in(level);
	*entry = val;
}

/* Does nothing to an entry of a folded level, as in the kernel. */
void soft_set_table(void *entry, void *table, enum soft_level_nr level)
{
	const struct soft_level *below = &soft_level[level - 1];
	const unsigned long *entries = table;
	const struct soft_page *page = ram_page(PHYS_PFN(__pa(table)));

	if (!soft_level[level].is_real)
		return;
	EXPECT(PAGE_ALIGNED(table));
	EXPECT(page && (page->state == PAGE_BOOT ||
			(page->state == PAGE_BLOCK && page->is_constructed)));
	for (unsigned long i = 0; i < PAGE_SIZE / sizeof(*entries); i++)
		EXPECT(i < below->nr_entries && *(unsigned long *)entry ?
		       is_empty_entry(entries[i], level - 1) :
		       entries[i] == (i < below->nr_entries ? below->empty : 0));
	set_entry(entry, __pa(table) | flags_of(level, false), level);
	machine.nr_tables++;
}

void soft_sync_top_level(unsigned long addr, enum soft_level_nr level)
{
	EXPECT(addr >= soft_vmemmap);
	if ((int)level == top_level())
		machine.seen.nr_syncs++;
}

/* From @addr on; further out, the index of the top table would wrap around. */
unsigned long bytes_in_reach(unsigned long addr)
{
	const unsigned long size = level_size(top_level()) << geo.bits[top_level()];

	return addr - VMEMMAP_BASE < size ? size - (addr - VMEMMAP_BASE) : 0;
}

void soft_expect_in_reach(unsigned long addr)
{
	if (!bytes_in_reach(addr))
		FAIL("looks for %#lx, which no table maps", addr);
	machine.seen.nr_descents++;
}

static void set_pte_of(unsigned long addr, pte_t *pte, pte_t val)
{
	const struct leaf leaf = walk(addr);

	EXPECT(PAGE_ALIGNED(addr));
	EXPECT_EQ(leaf.level, SOFT_PTE);
	EXPECT((unsigned long *)pte == leaf.entry);
	EXPECT_EQ(val.val & ~PAGE_MASK & ~ENTRY_READONLY, flags_of(SOFT_PTE, true));
	if (val.val & ENTRY_READONLY)
		expect_initialised_tails(pte_pfn(val));
	set_entry(&pte->val, val.val, SOFT_PTE);
}

/* It does not break before it makes. */
void set_pte_at(struct mm_struct *mm, unsigned long addr, pte_t *pte, pte_t val)
{
	EXPECT(mm == &init_mm);
	EXPECT(!pte->val || pte->val != stand_in(SOFT_PTE));
	set_pte_of(addr, pte, val);
}

void ptep_set_wrprotect(struct mm_struct *mm, unsigned long addr, pte_t *pte)
{
	const struct leaf leaf = walk(addr);

	EXPECT(mm == &init_mm);
	EXPECT(leaf.is_mapped);
	EXPECT((unsigned long *)pte == leaf.entry);
	pte->val |= ENTRY_READONLY;
}

int pmd_set_huge(pmd_t *pmd, phys_addr_t phys, pgprot_t prot)
{
	EXPECT(IS_ALIGNED(phys, PMD_SIZE));
	EXPECT_EQ(prot.val, PAGE_KERNEL.val);
	if (machine.knobs.refuse_pmds)
		return 0;
	set_entry(&pmd->val, phys | flags_of(SOFT_PMD, true), SOFT_PMD);
	return 1;
}

void flush_cache_vmap(unsigned long start, unsigned long end)
{
	EXPECT(!has_own_hooks);
	machine.seen.nr_flushes++;
	machine.seen.flushed = (struct range){ start, end };
}

unsigned long soft_way[NR_SOFT_LEVELS];
unsigned long soft_sync_mask;

/* Called with the entry for @addr, which is not empty. */
void soft_clear(void *entry, enum soft_level_nr level, unsigned long addr)
{
	const unsigned long size = level_size(level);
	const unsigned long start = ALIGN_DOWN(addr, size), end = start + size;
	struct vmemmap_cleared *cleared;
	unsigned long *val = entry;

	if (!soft_level[level].is_real)
		return;
	EXPECT(*val != soft_level[level].empty);
	EXPECT(walk(addr).path[level] == val);
	EXPECT(!(soft_sync_mask & BIT(level)));
	cleared = *val & ENTRY_LEAF ? &machine.unflushed_leaves : &machine.unflushed_tables;
	*val = soft_level[level].empty;
	if (!cleared->end)
		*cleared = (struct vmemmap_cleared){ start, end, size };
	cleared->start = min(cleared->start, start);
	cleared->end = max(cleared->end, end);
	cleared->stride = min(cleared->stride, size);
}

/* What another entry takes the place of is as good as cleared. */
void soft_replace(void *entry, unsigned long val, enum soft_level_nr level)
{
	if (!is_empty_entry(*(unsigned long *)entry, level))
		soft_clear(entry, level, soft_way[level]);
	*(unsigned long *)entry = val;
}

void vmemmap_start_zeros(unsigned long addr, pte_t *pte, pte_t zeros)
{
	soft_clear(pte, SOFT_PTE, addr);
	*pte = zeros;
}

void vmemmap_end_zeros(unsigned long addr, pte_t *pte, pte_t new)
{
	EXPECT(pte->val && pte->val == stand_in(SOFT_PTE));
	set_pte_of(addr, pte, new);
}

/* Covers all that was cleared, or it is as good as none; nothing before the vmemmap. */
static void flush_cleared(struct vmemmap_cleared *cleared, unsigned long start,
			  unsigned long end, unsigned long stride)
{
	EXPECT(start < end);
	EXPECT(start >= ALIGN_DOWN(soft_vmemmap, PMD_SIZE));
	EXPECT(is_power_of_2(stride) && IS_ALIGNED(start | end, stride));
	if (start <= cleared->start && end >= cleared->end && stride <= cleared->stride)
		cleared->end = 0;
}

void soft_flush_leaves(unsigned long start, unsigned long end, unsigned long stride)
{
	machine.seen.nr_tlb_flushes++;
	machine.seen.tlb_flushed = (struct range){ start, end };
	machine.seen.tlb_stride = stride;
	flush_cleared(&machine.unflushed_leaves, start, end, stride);
}

/* As on arm64, leaves stay cached. */
void soft_flush_tables(unsigned long start, unsigned long end, unsigned long stride)
{
	machine.seen.tables_flushed = (struct vmemmap_cleared){ start, end, stride };
	flush_cleared(&machine.unflushed_tables, start, end, stride);
}

void flush_tlb_kernel_range(unsigned long start, unsigned long end)
{
	soft_flush_leaves(start, end, PAGE_SIZE);
}

void flush_tlb_all(void)
{
	machine.seen.nr_tlb_flushes++;
	machine.seen.tlb_flushed = (struct range){ 0, ULONG_MAX };
	machine.unflushed_leaves.end = 0;
	machine.unflushed_tables.end = 0;
	machine.has_stale_zeros = false;
}

/* ---- Geometry ---- */

/* As hardware knows it: the bytes below an entry of each level, as ilog2. */
static unsigned int level_shifts[NR_SOFT_LEVELS];
static unsigned long empty_entries[NR_SOFT_LEVELS];
static int top;

int top_level(void)
{
	return top;
}

unsigned long level_size(int level)
{
	return BIT(level_shifts[level]);
}

static void init_hardware(void)
{
	unsigned int shift = geo.page_shift;

	for (int level = 0; level < NR_SOFT_LEVELS && geo.bits[level]; level++) {
		top = level;
		level_shifts[level] = shift;
		empty_entries[level] = soft_empty_entry(level);
		shift += geo.bits[level];
	}
}

/* A folded level looks like the top one, of which it is another name. */
static void init_level(int level)
{
	const int real = min(level, top);
	struct soft_level *soft = &soft_level[level];

	soft->shift = geo.page_shift;
	for (int i = 0; i < real; i++)
		soft->shift += geo.bits[i];
	soft->nr_entries = BIT(geo.bits[real]);
	soft->is_real = level == real;
	soft->empty = soft_empty_entry(level);
}

/*
 * The vmemmap starts at the second entry of the top table, so that code which
 * always uses index 0 is noticed.
 */
void use_geometry(const struct geometry *geometry)
{
	if (geo.page_shift)
		memory_reset();
	geo = *geometry;
	geo.nr_early_sections = DIV_ROUND_UP(geo.ram_pages, PAGES_PER_SECTION);
	geo.nr_node_sections = geo.nr_early_sections +
			       (geo.gap_sections ? geo.gap_sections + 1 : 0);
	init_hardware();
	for (int level = 0; level < NR_SOFT_LEVELS; level++)
		init_level(level);
	soft_vmemmap = VMEMMAP_BASE + level_size(top);
	EXPECT(top >= SOFT_PMD);
	EXPECT(bytes_in_reach(vaddr(section_nr_to_pfn(NR_MEM_SECTIONS)) - 1));
}

void tables_reset(void)
{
	const unsigned long nr = BIT(geo.bits[top]);
	unsigned long *root = malloc(nr * sizeof(*root));

	for (unsigned long i = 0; i < nr; i++)
		root[i] = soft_empty_entry(top);
	free(init_mm.pgd);
	init_mm.pgd = (struct soft_pgd *)root;
}

/* ---- Read as hardware does ---- */

bool is_empty_entry(unsigned long entry, int level)
{
	return entry == empty_entries[level] || (entry && entry == stand_in(level));
}

unsigned long *entry_table(unsigned long entry, int level)
{
	EXPECT_EQ(entry & ~PAGE_MASK, flags_of(level, false));
	return (unsigned long *)(soft_direct_map + (entry & PAGE_MASK));
}

static unsigned long entry_index(unsigned long addr, int level)
{
	return addr >> level_shifts[level] & (BIT(geo.bits[level]) - 1);
}

struct leaf walk(unsigned long addr)
{
	unsigned long *table = (unsigned long *)init_mm.pgd;
	struct leaf leaf = { 0 };

	for (leaf.level = top_level(); ; leaf.level--) {
		leaf.entry = &table[entry_index(addr, leaf.level)];
		leaf.path[leaf.level] = leaf.entry;
		if (is_empty_entry(*leaf.entry, leaf.level))
			break;
		if (*leaf.entry & ENTRY_LEAF) {
			EXPECT_EQ(*leaf.entry & ~PAGE_MASK & ~ENTRY_READONLY,
				  flags_of(leaf.level, true));
			leaf.is_mapped = true;
			leaf.pfn = *leaf.entry >> geo.page_shift;
			break;
		}
		table = entry_table(*leaf.entry, leaf.level);
		if (!leaf.level)
			FAIL("PTE %#lx of %#lx is a table", *leaf.entry, addr);
	}
	leaf.start = ALIGN_DOWN(addr, level_size(leaf.level));
	leaf.end = leaf.start + level_size(leaf.level);
	return leaf;
}

/* What whoever comes late reads there */
bool is_read_as_zeros(unsigned long addr)
{
	unsigned long *table = (unsigned long *)init_mm.pgd;

	for (int level = top_level(); ; level--) {
		const unsigned long entry = table[entry_index(addr, level)];

		if (!entry)
			return false;
		if (entry & ENTRY_LEAF)
			return level == SOFT_PTE && entry & ENTRY_READONLY &&
			       entry >> geo.page_shift == SOFT_ZERO_PFN;
		table = entry_table(entry, level);
	}
}

/* The page frame behind an address; ULONG_MAX: none. */
unsigned long mapped_pfn(unsigned long addr)
{
	const struct leaf leaf = walk(addr);

	if (!leaf.is_mapped)
		return ULONG_MAX;
	return leaf.pfn + ((addr - leaf.start) >> geo.page_shift);
}

/* Make the empty entry of @level where the walk to @addr ends a leaf. */
void plant_leaf(unsigned long addr, int level, unsigned long pfn)
{
	struct leaf leaf = walk(addr);

	EXPECT_EQ(leaf.level, level);
	EXPECT(!leaf.is_mapped);
	*leaf.entry = pfn << geo.page_shift | flags_of(level, true);
}

/* @table maps the pages that the leaf has mapped. */
void split_leaf(const struct leaf *leaf, void *table)
{
	unsigned long *entries = memset(table, 0, PAGE_SIZE);

	EXPECT(leaf->is_mapped && leaf->level == SOFT_PMD);
	for (unsigned long i = 0; i < BIT(geo.bits[SOFT_PTE]); i++)
		entries[i] = (leaf->pfn + i) << geo.page_shift | flags_of(SOFT_PTE, true);
	vmemmap_construct_table(table);
	ram_page(PHYS_PFN(__pa(table)))->is_of_leaf = true;
	*leaf->entry = __pa(table) | flags_of(SOFT_PMD, false);
	machine.nr_tables++;
}

bool is_in_split_slot(const struct leaf *leaf)
{
	const unsigned long *slot = walk(leaf->start).path[SOFT_PMD];

	return leaf->level == SOFT_PTE && ram_page(*slot >> geo.page_shift)->is_of_leaf;
}

/* Map another page by a PTE that is present. */
void remap_page(unsigned long addr, unsigned long pfn, bool is_readonly)
{
	const struct leaf leaf = walk(addr);

	EXPECT(leaf.is_mapped && leaf.level == SOFT_PTE);
	*leaf.entry = pfn << geo.page_shift | flags_of(SOFT_PTE, true) |
		      (is_readonly ? ENTRY_READONLY : 0);
}

/* Clear that PTE. */
void unmap_page(unsigned long addr)
{
	const struct leaf leaf = walk(addr);

	EXPECT(leaf.is_mapped && leaf.level == SOFT_PTE);
	*leaf.entry = soft_empty_entry(SOFT_PTE);
}

static void visit_table(unsigned long *table, int level, unsigned long start,
			void (*on_leaf)(const struct leaf *leaf),
			void (*on_table)(unsigned long pfn, int level))
{
	const unsigned long size = level_size(level);

	for (unsigned long i = 0; i < BIT(geo.bits[level]); i++, start += size) {
		if (is_empty_entry(table[i], level))
			continue;
		if (table[i] & ENTRY_LEAF) {
			on_leaf(&(struct leaf){
				.level = level, .entry = &table[i],
				.start = start, .end = start + size,
				.is_mapped = true, .pfn = table[i] >> geo.page_shift,
			});
			continue;
		}
		if (on_table)
			on_table(table[i] >> geo.page_shift, level);
		visit_table(entry_table(table[i], level), level - 1, start, on_leaf, on_table);
	}
}

void for_each_leaf(void (*on_leaf)(const struct leaf *leaf),
		   void (*on_table)(unsigned long pfn, int level))
{
	visit_table((unsigned long *)init_mm.pgd, top_level(), VMEMMAP_BASE, on_leaf, on_table);
}

/* Tables of @lowest_level and up, without the top one, that a range needs. */
unsigned long nr_tables_for(unsigned long start, unsigned long end, int lowest_level)
{
	unsigned long nr = 0;

	for (int level = lowest_level; level < top_level(); level++)
		nr += (end - 1) / level_size(level + 1) - start / level_size(level + 1) + 1;
	return nr;
}
