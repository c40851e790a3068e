/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vmemmap_kunit.h - helpers of the test suites of the memory map back end
 *
 * A case works on a window: a part of the vmemmap whose page frames are not in
 * use. Each block and each table that the code under test allocates from RAM is
 * written down and held by one more reference. When the case is over, passed
 * or not, its window is unmapped, and every one of them must have been freed.
 */
#ifndef _MM_TESTS_VMEMMAP_KUNIT_H
#define _MM_TESTS_VMEMMAP_KUNIT_H

#include <kunit/test.h>

#include "../vmemmap_base.h"
#include "../vmemmap.h"

#define PFNS_PER_VMEMMAP_PAGE	(PAGE_SIZE / sizeof(struct page))

/* A window has so many slots, and at least so many sections. */
#define VMEMMAP_KUNIT_SLOTS	4UL

/* How often a case adds and removes that looks for leaks. */
#ifndef VMEMMAP_KUNIT_CYCLES
#define VMEMMAP_KUNIT_CYCLES	1000
#endif

/* The pattern in each word of memory that has just been allocated. */
#define VMEMMAP_KUNIT_RAW	0x5a5a5a5a5a5a5a5aUL

/* All memory is asked for on this node, which need not be online. */
#define VMEMMAP_KUNIT_NID	(MAX_NUMNODES > 1 ? 1 : 0)

/* The window of a case, in test->priv, and what the case does with memory. */
struct vmemmap_kunit {
	unsigned long pfn;	/* the first page frame, and of a section */
	unsigned long nr_pages;
	unsigned long slot;	/* the first slot that lies wholly in it */
	/* calls of the allocator: all, those that got a block, for other nodes */
	unsigned long nr_asked;
	unsigned long nr_given;
	unsigned long nr_strangers;
	unsigned long fail_from; /* refuse this call, counted from 0, and later ones */
	bool fail_once;		/* no later ones */
	unsigned long max_size;	/* refuse all larger blocks */
	bool is_unrecorded;	/* neither record nor hold the memory allocated */
	/* for cases that count flushes: their number, and the last one */
	unsigned int nr_flushes;
	unsigned long flush_start;
	unsigned long flush_end;
};

/* How an address is mapped; size 0 means that it is not. */
struct vmemmap_leaf {
	unsigned long size;
	unsigned long pfn;
};

/* A suite, by the list of its cases and by what each of them starts with. */
#define VMEMMAP_KUNIT_SUITE(name_, start, list)				\
static struct kunit_suite name_##_suite = {				\
	.name = "vmemmap_" #name_,					\
	.init = start,							\
	.test_cases = list,						\
};									\
kunit_test_suite(name_##_suite)

int vmemmap_kunit_init(struct kunit *test);
unsigned long vmemmap_kunit_reserve(struct kunit *test, unsigned long size);
struct vmem_altmap *vmemmap_kunit_altmap(struct kunit *test, unsigned long reserve,
					 unsigned long free);

void vmemmap_kunit_announce_warning(struct kunit *test);
void vmemmap_kunit_need_huge_block(struct kunit *test);
unsigned long vmemmap_kunit_nr_in_use(struct kunit *test);
void vmemmap_kunit_expect_all_came_back(struct kunit *test);
void vmemmap_kunit_expect_nothing_left(struct kunit *test,
				       void (*act)(struct kunit *test, void *data), void *data);

int vmemmap_kunit_fill(unsigned long start, unsigned long end, const struct vmemmap_fill *fill);

/* Map a range by base pages of RAM, unless members of struct vmemmap_fill say else. */
#define vmemmap_kunit_try_map(start, end, what...)			\
	vmemmap_kunit_fill(start, end, &(const struct vmemmap_fill){	\
			   .nid = VMEMMAP_KUNIT_NID, ##what })
#define vmemmap_kunit_map(test, start, end, what...)			\
	KUNIT_ASSERT_EQ(test, 0, vmemmap_kunit_try_map(start, end, ##what))

void vmemmap_kunit_free(unsigned long start, unsigned long end, struct vmem_altmap *altmap);

void vmemmap_kunit_make_tail(struct kunit *test, unsigned int order);
struct page *vmemmap_kunit_tail(struct kunit *test, unsigned int order);
void vmemmap_kunit_expect_tail(struct kunit *test, unsigned long addr,
			       unsigned long head, unsigned int order);

struct vmemmap_leaf vmemmap_kunit_leaf(unsigned long addr);
void vmemmap_kunit_split_leaf(struct kunit *test, unsigned long addr);
void vmemmap_kunit_replace_page(struct kunit *test, unsigned long addr);
unsigned long vmemmap_kunit_read(unsigned long addr);
void vmemmap_kunit_write_word(unsigned long addr, unsigned long val);
void vmemmap_kunit_zero(unsigned long start, unsigned long end);
bool vmemmap_kunit_is_zero(unsigned long start, unsigned long end);

/* ---- For the kernel and the user-space harness alike ---- */

/* The next call, that is. */
static inline bool vmemmap_kunit_is_refused(const struct vmemmap_kunit *vk, unsigned long size)
{
	const unsigned long nr = vk->nr_asked;

	if (size > vk->max_size)
		return true;
	return vk->fail_once ? nr == vk->fail_from : nr >= vk->fail_from;
}

/* The only reason to fail is that an allocation was refused. */
static inline void vmemmap_kunit_assert_no_memory(struct kunit *test, int err)
{
	struct vmemmap_kunit *vk = test->priv;

	KUNIT_ASSERT_EQ(test, -ENOMEM, err);
	KUNIT_ASSERT_GT(test, vk->nr_asked, vk->fail_from);
}

static inline unsigned long vmemmap_kunit_nr_mapped(unsigned long start, unsigned long end)
{
	unsigned long addr, nr = 0;

	for (addr = start; addr < end; addr += PAGE_SIZE)
		nr += !!vmemmap_kunit_leaf(addr).size;
	return nr;
}

/* The last word of the part of [addr, end) that lies in the page of @addr. */
static inline unsigned long vmemmap_kunit_last_word(unsigned long addr, unsigned long end)
{
	return min(PAGE_ALIGN_DOWN(addr) + PAGE_SIZE, end) - sizeof(long);
}

/* Does it map the tail page of a zone, which is read-only? */
static inline bool vmemmap_kunit_is_shared(unsigned long addr)
{
	return vmemmap_run_end(addr, addr + 1, true) > addr;
}

/*
 * Each page of the range, and each part of one, gets contents of its own, in its
 * first and its last word; nothing outside the range is touched, and no page that is
 * shared.
 */
static inline void vmemmap_kunit_write(unsigned long start, unsigned long end)
{
	unsigned long addr;

	for (addr = start; addr < end; addr = PAGE_ALIGN(addr + 1)) {
		if (vmemmap_kunit_is_shared(addr))
			continue;
		vmemmap_kunit_write_word(addr, addr);
		vmemmap_kunit_write_word(vmemmap_kunit_last_word(addr, end), ~addr);
	}
}

static inline void vmemmap_kunit_expect_written(struct kunit *test, unsigned long start,
						unsigned long end)
{
	unsigned long addr, last;

	for (addr = start; addr < end; addr = PAGE_ALIGN(addr + 1)) {
		last = vmemmap_kunit_last_word(addr, end);
		/* Reading an address that is not mapped would end the run. */
		KUNIT_ASSERT_NE(test, 0, vmemmap_kunit_leaf(addr).size);
		if (vmemmap_kunit_is_shared(addr))
			continue;
		KUNIT_EXPECT_EQ(test, addr, vmemmap_kunit_read(addr));
		KUNIT_EXPECT_EQ(test, ~addr, vmemmap_kunit_read(last));
	}
}

#endif /* _MM_TESTS_VMEMMAP_KUNIT_H */
