// SPDX-License-Identifier: GPL-2.0
/*
 * vmemmap_trace_kunit.c - tests of include/trace/events/sparse_vmemmap.h
 *
 * A probe on each tracepoint sums up what it is told. The harness compares such
 * sums with page tables of all shapes; here they are the kernel's own.
 */
#include <linux/vmemmap.h>
#include <trace/events/sparse_vmemmap.h>

#include "vmemmap_kunit.h"

/* What the probes were told, of what happened in the window. */
struct told {
	unsigned long start, end;
	long bytes[VMEMMAP_NR_SOURCES];	/* populated less depopulated */
	unsigned long huge;			/* in huge leaves, ever */
	unsigned int nr_populated;
	unsigned int nr_failed;
	unsigned int nr_pruned;
};

/* What is told of a flush reaches as far as the highest table that went. */
static bool is_ours(const struct told *told, unsigned long start,
		    unsigned long end)
{
	return start < told->end && told->start < end;
}

static void on_populate(void *data, unsigned long start, unsigned long end,
			const struct vmemmap_fill *fill,
			unsigned long leaf_size, unsigned long bytes)
{
	struct told *told = data;

	if (!is_ours(told, start, end))
		return;
	told->nr_populated++;
	told->huge += leaf_size == PMD_SIZE ? bytes : 0;
	told->bytes[fill->shared ? VMEMMAP_SHARED_TAIL :
		    fill->altmap ? VMEMMAP_ALTMAP : VMEMMAP_RAM] += bytes;
}

static void on_depopulate(void *data, unsigned long start, unsigned long end,
			  enum vmemmap_source backing, unsigned long leaf_size,
			  unsigned long bytes)
{
	struct told *told = data;

	if (is_ours(told, start, end))
		told->bytes[backing] -= bytes;
}

static void on_failed(void *data, unsigned long start, unsigned long end,
		      const struct vmemmap_fill *fill, unsigned long leaf_size,
		      unsigned long bytes)
{
	struct told *told = data;

	told->nr_failed += is_ours(told, start, end);
}

static void on_prune(void *data, unsigned long start, unsigned long end)
{
	struct told *told = data;

	told->nr_pruned += is_ours(told, start, end);
}

static void unregister(void *told)
{
	unregister_trace_vmemmap_populate(on_populate, told);
	unregister_trace_vmemmap_depopulate(on_depopulate, told);
	unregister_trace_vmemmap_alloc_failed(on_failed, told);
	unregister_trace_vmemmap_prune(on_prune, told);
	tracepoint_synchronize_unregister();
}

/*
 * The sums from now on, of the whole window. Nothing is held by a reference more:
 * it would look like a tail that others show.
 */
static struct told *listen(struct kunit *test)
{
	struct vmemmap_kunit *vk = test->priv;
	struct told *told;

	if (!IS_ENABLED(CONFIG_TRACEPOINTS))
		kunit_skip(test, "this kernel has no tracepoints");

	vk->is_unrecorded = true;
	told = kunit_kzalloc(test, sizeof(*told), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, told);
	told->start = ALIGN_DOWN((unsigned long)pfn_to_page(vk->pfn), PMD_SIZE);
	told->end = (unsigned long)pfn_to_page(vk->pfn + vk->nr_pages);

	KUNIT_ASSERT_EQ(test, 0, register_trace_vmemmap_populate(on_populate, told));
	KUNIT_ASSERT_EQ(test, 0, register_trace_vmemmap_depopulate(on_depopulate, told));
	KUNIT_ASSERT_EQ(test, 0, register_trace_vmemmap_alloc_failed(on_failed, told));
	KUNIT_ASSERT_EQ(test, 0, register_trace_vmemmap_prune(on_prune, told));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, unregister, told));
	return told;
}

static void expect_bytes(struct kunit *test, const struct told *told,
			 enum vmemmap_source backing, long bytes)
{
	int i;

	for (i = 0; i < VMEMMAP_NR_SOURCES; i++)
		KUNIT_EXPECT_EQ_MSG(test, i == backing ? bytes : 0,
				    told->bytes[i], "backing %d", i);
}

static void expect_nothing(struct kunit *test, const struct told *told)
{
	expect_bytes(test, told, VMEMMAP_RAM, 0);
}

static void base_pages_are_told_on_both_ways(struct kunit *test)
{
	const struct vmemmap_fill fill = { .nid = VMEMMAP_KUNIT_NID };
	struct vmemmap_kunit *vk = test->priv;
	const unsigned long end = vk->slot + 3 * PAGE_SIZE;
	struct told *told = listen(test);

	KUNIT_ASSERT_EQ(test, 0, vmemmap_kunit_fill(vk->slot, end, &fill));
	expect_bytes(test, told, VMEMMAP_RAM, 3 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, 1, told->nr_populated);
	KUNIT_EXPECT_EQ(test, 0, told->huge);

	vmemmap_kunit_free(vk->slot, end, NULL);
	expect_nothing(test, told);
	KUNIT_EXPECT_GE(test, told->nr_pruned, 1);
	KUNIT_EXPECT_EQ(test, 0, told->nr_failed);
}

static void an_altmap_is_told_on_both_ways(struct kunit *test)
{
	struct vmem_altmap *altmap = vmemmap_kunit_altmap(test, 0, 8);
	const struct vmemmap_fill fill = {
		.nid = VMEMMAP_KUNIT_NID,
		.altmap = altmap,
	};
	struct vmemmap_kunit *vk = test->priv;
	const unsigned long end = vk->slot + 3 * PAGE_SIZE;
	struct told *told = listen(test);

	KUNIT_ASSERT_EQ(test, 0, vmemmap_kunit_fill(vk->slot, end, &fill));
	KUNIT_EXPECT_TRUE(test, vmemmap_is_altmap_pfn(altmap, vmemmap_kunit_leaf(vk->slot).pfn));
	KUNIT_EXPECT_FALSE(test, vmemmap_is_altmap_pfn(altmap, altmap->base_pfn + 8));
	expect_bytes(test, told, VMEMMAP_ALTMAP, 3 * PAGE_SIZE);

	vmemmap_kunit_free(vk->slot, end, altmap);
	expect_nothing(test, told);
}

/* Whichever goes last, the page or what shows it. */
static void a_shared_tail_is_told_on_both_ways(struct kunit *test)
{
	struct vmemmap_fill fill = { .nid = VMEMMAP_KUNIT_NID };
	struct vmemmap_kunit *vk = test->priv;
	const unsigned long tail = vk->slot + PAGE_SIZE;
	const unsigned long end = vk->slot + 6 * PAGE_SIZE;
	struct told *told = listen(test);

	KUNIT_ASSERT_EQ(test, 0, vmemmap_kunit_fill(vk->slot, tail, &fill));
	fill.shared = vmemmap_lookup_page(vk->slot);
	KUNIT_ASSERT_EQ(test, 0, vmemmap_kunit_fill(tail, end, &fill));
	KUNIT_EXPECT_EQ(test, PAGE_SIZE, told->bytes[VMEMMAP_RAM]);
	KUNIT_EXPECT_EQ(test, 5 * PAGE_SIZE, told->bytes[VMEMMAP_SHARED_TAIL]);

	vmemmap_kunit_free(vk->slot, tail + PAGE_SIZE, NULL);
	KUNIT_EXPECT_EQ(test, PAGE_SIZE, told->bytes[VMEMMAP_RAM]);
	KUNIT_EXPECT_EQ(test, 3 * PAGE_SIZE, told->bytes[VMEMMAP_SHARED_TAIL]);
	vmemmap_kunit_free(tail + PAGE_SIZE, end, NULL);
	expect_nothing(test, told);
}

/* A huge leaf that cannot be had is a failure too, and base pages follow. */
static void failures_are_told(struct kunit *test)
{
	const struct vmemmap_fill fill = {
		.nid = VMEMMAP_KUNIT_NID,
		.huge = true,
	};
	struct vmemmap_kunit *vk = test->priv;
	const unsigned long end = vk->slot + PMD_SIZE / 4;
	struct told *told = listen(test);

	vk->max_size = PAGE_SIZE;
	KUNIT_ASSERT_EQ(test, 0, vmemmap_kunit_fill(vk->slot, end, &fill));
	KUNIT_EXPECT_EQ(test, 1, told->nr_failed);
	KUNIT_EXPECT_EQ(test, 0, told->huge);
	expect_bytes(test, told, VMEMMAP_RAM, PMD_SIZE / 4);

	vk->fail_from = vk->nr_asked;
	vmemmap_kunit_assert_no_memory(test,
				       vmemmap_kunit_fill(vk->slot + PMD_SIZE,
							  vk->slot + PMD_SIZE + 1,
							  &fill));
	KUNIT_EXPECT_EQ(test, 2, told->nr_failed);
	vmemmap_kunit_free(vk->slot, end, NULL);
	expect_nothing(test, told);
}

static struct kunit_case vmemmap_trace_cases[] = {
	KUNIT_CASE(base_pages_are_told_on_both_ways),
	KUNIT_CASE(an_altmap_is_told_on_both_ways),
	KUNIT_CASE(a_shared_tail_is_told_on_both_ways),
	KUNIT_CASE(failures_are_told),
	{}
};

static struct kunit_suite vmemmap_trace_suite = {
	.name = "vmemmap_trace",
	.init = vmemmap_kunit_init,
	.test_cases = vmemmap_trace_cases,
};

kunit_test_suite(vmemmap_trace_suite);
