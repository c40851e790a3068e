// SPDX-License-Identifier: GPL-2.0
/*
 * vmemmap_trace_kunit.c - the reports of the tracepoints
 *
 * A probe on each tracepoint sums up the reports about the window. The harness
 * compares such sums with page tables of all shapes; here they are the kernel's.
 */
#include <linux/vmemmap.h>
#include <trace/events/sparse_vmemmap.h>

#include "vmemmap_kunit.h"

struct traced {
	unsigned long start, end;		/* of the window */
	long bytes[VMEMMAP_NR_SOURCES];	/* populated less depopulated */
	unsigned long huge;			/* populated by huge leaves */
	unsigned int nr_populated;
	unsigned int nr_failed;
	unsigned int nr_pruned;
};

/* The range of a flush may reach beyond the window: a table maps more. */
static bool is_in_window(const struct traced *traced, unsigned long start, unsigned long end)
{
	return start < traced->end && traced->start < end;
}

static void on_populate(void *data, unsigned long start, unsigned long end,
			const struct vmemmap_fill *fill,
			unsigned long leaf_size, unsigned long bytes)
{
	struct traced *traced = data;

	if (!is_in_window(traced, start, end))
		return;
	traced->nr_populated++;
	traced->huge += leaf_size == PMD_SIZE ? bytes : 0;
	traced->bytes[fill->shared ? VMEMMAP_SHARED_TAIL :
		      fill->altmap ? VMEMMAP_ALTMAP : VMEMMAP_RAM] += bytes;
}

static void on_depopulate(void *data, unsigned long start, unsigned long end,
			  enum vmemmap_source backing, unsigned long leaf_size,
			  unsigned long bytes)
{
	struct traced *traced = data;

	if (is_in_window(traced, start, end))
		traced->bytes[backing] -= bytes;
}

static void on_failed(void *data, unsigned long start, unsigned long end,
		      const struct vmemmap_fill *fill, unsigned long leaf_size,
		      unsigned long bytes)
{
	struct traced *traced = data;

	traced->nr_failed += is_in_window(traced, start, end);
}

static void on_prune(void *data, unsigned long start, unsigned long end)
{
	struct traced *traced = data;

	traced->nr_pruned += is_in_window(traced, start, end);
}

static void stop_tracing(void *traced)
{
	unregister_trace_vmemmap_populate(on_populate, traced);
	unregister_trace_vmemmap_depopulate(on_depopulate, traced);
	unregister_trace_vmemmap_alloc_failed(on_failed, traced);
	unregister_trace_vmemmap_prune(on_prune, traced);
	tracepoint_synchronize_unregister();
}

/*
 * Start all sums at 0. The cases hold no references of their own to the pages:
 * the back end would take them for those of more entries that map a tail.
 */
static struct traced *start_tracing(struct kunit *test)
{
	struct vmemmap_kunit *vk = test->priv;
	struct traced *traced;

	if (!IS_ENABLED(CONFIG_TRACEPOINTS))
		kunit_skip(test, "this kernel has no tracepoints");

	vk->is_unrecorded = true;
	traced = kunit_kzalloc(test, sizeof(*traced), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, traced);
	traced->start = ALIGN_DOWN((unsigned long)pfn_to_page(vk->pfn), PMD_SIZE);
	traced->end = (unsigned long)pfn_to_page(vk->pfn + vk->nr_pages);

	KUNIT_ASSERT_EQ(test, 0, kunit_add_action(test, stop_tracing, traced));
	KUNIT_ASSERT_EQ(test, 0, register_trace_vmemmap_populate(on_populate, traced));
	KUNIT_ASSERT_EQ(test, 0, register_trace_vmemmap_depopulate(on_depopulate, traced));
	KUNIT_ASSERT_EQ(test, 0, register_trace_vmemmap_alloc_failed(on_failed, traced));
	KUNIT_ASSERT_EQ(test, 0, register_trace_vmemmap_prune(on_prune, traced));
	return traced;
}

static void expect_bytes(struct kunit *test, const struct traced *traced,
			 enum vmemmap_source backing, long bytes)
{
	int i;

	for (i = 0; i < VMEMMAP_NR_SOURCES; i++)
		KUNIT_EXPECT_EQ_MSG(test, i == backing ? bytes : 0,
				    traced->bytes[i], "backing %d", i);
}

static void expect_nothing(struct kunit *test, const struct traced *traced)
{
	expect_bytes(test, traced, VMEMMAP_RAM, 0);
}

static void base_pages_are_traced(struct kunit *test)
{
	struct vmemmap_kunit *vk = test->priv;
	const unsigned long end = vk->slot + 3 * PAGE_SIZE;
	struct traced *traced = start_tracing(test);

	vmemmap_kunit_map(test, vk->slot, end);
	expect_bytes(test, traced, VMEMMAP_RAM, 3 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, 1, traced->nr_populated);
	KUNIT_EXPECT_EQ(test, 0, traced->huge);

	vmemmap_kunit_free(vk->slot, end, NULL);
	expect_nothing(test, traced);
	KUNIT_EXPECT_GE(test, traced->nr_pruned, 1);
	KUNIT_EXPECT_EQ(test, 0, traced->nr_failed);
}

/* The entry that the tail was allocated for is unmapped first. */
static void shared_tails_are_traced(struct kunit *test)
{
	struct vmemmap_kunit *vk = test->priv;
	const unsigned long tail = vk->slot + PAGE_SIZE;
	const unsigned long end = vk->slot + 6 * PAGE_SIZE;
	struct traced *traced = start_tracing(test);

	vmemmap_kunit_map(test, vk->slot, tail);
	vmemmap_kunit_map(test, tail, end, .shared = vmemmap_lookup_page(vk->slot));
	KUNIT_EXPECT_EQ(test, PAGE_SIZE, traced->bytes[VMEMMAP_RAM]);
	KUNIT_EXPECT_EQ(test, 5 * PAGE_SIZE, traced->bytes[VMEMMAP_SHARED_TAIL]);

	vmemmap_kunit_free(vk->slot, tail + PAGE_SIZE, NULL);
	KUNIT_EXPECT_EQ(test, PAGE_SIZE, traced->bytes[VMEMMAP_RAM]);
	KUNIT_EXPECT_EQ(test, 3 * PAGE_SIZE, traced->bytes[VMEMMAP_SHARED_TAIL]);
	vmemmap_kunit_free(tail + PAGE_SIZE, end, NULL);
	expect_nothing(test, traced);
}

/* So is a huge leaf that cannot be allocated, although base pages follow. */
static void failures_are_traced(struct kunit *test)
{
	struct vmemmap_kunit *vk = test->priv;
	const unsigned long end = vk->slot + PMD_SIZE / 4;
	struct traced *traced = start_tracing(test);

	vk->max_size = PAGE_SIZE;
	vmemmap_kunit_map(test, vk->slot, end, .huge = true);
	KUNIT_EXPECT_EQ(test, 1, traced->nr_failed);
	KUNIT_EXPECT_EQ(test, 0, traced->huge);
	expect_bytes(test, traced, VMEMMAP_RAM, PMD_SIZE / 4);

	vk->fail_from = vk->nr_asked;
	vmemmap_kunit_assert_no_memory(test,
				       vmemmap_kunit_try_map(vk->slot + PMD_SIZE,
							     vk->slot + PMD_SIZE + 1,
							     .huge = true));
	KUNIT_EXPECT_EQ(test, 2, traced->nr_failed);
	vmemmap_kunit_free(vk->slot, end, NULL);
	expect_nothing(test, traced);
}

static struct kunit_case vmemmap_trace_cases[] = {
	KUNIT_CASE(base_pages_are_traced),
	KUNIT_CASE(shared_tails_are_traced),
	KUNIT_CASE(failures_are_traced),
	{}
};

VMEMMAP_KUNIT_SUITE(trace, vmemmap_kunit_init, vmemmap_trace_cases);
