// SPDX-License-Identifier: GPL-2.0
/*
 * trace.c - sums up what the tracepoints report
 */
#include "soft.h"

bool soft_is_traced(void)
{
	return !machine.knobs.is_untraced;
}

void expect_traces_cancel_out(void)
{
	for (int i = 0; i < VMEMMAP_NR_SOURCES; i++) {
		EXPECT_EQ(machine.traced[false][i], 0);
		EXPECT_EQ(machine.traced[true][i], 0);
	}
	EXPECT_EQ(machine.nr_tables, 0);
}

static enum vmemmap_source backing_of(const struct vmemmap_fill *fill)
{
	if (fill->shared)
		return VMEMMAP_SHARED_TAIL;
	return fill->altmap ? VMEMMAP_ALTMAP : VMEMMAP_RAM;
}

static bool is_wholly_mapped(unsigned long start, unsigned long end)
{
	for (; start < end; start += PAGE_SIZE)
		if (!walk(start).is_mapped)
			return false;
	return true;
}

static void check_range(unsigned long start, unsigned long end, unsigned long leaf_size,
			unsigned long bytes)
{
	EXPECT(start < end);
	EXPECT(leaf_size == PAGE_SIZE || leaf_size == PMD_SIZE);
	EXPECT(bytes && IS_ALIGNED(bytes, leaf_size));
}

void soft_trace_vmemmap_populate(unsigned long start, unsigned long end,
				 const struct vmemmap_fill *fill,
				 unsigned long leaf_size, unsigned long bytes)
{
	check_range(start, end, leaf_size, bytes);
	EXPECT(is_wholly_mapped(start, end));
	machine.traced[leaf_size == PMD_SIZE][backing_of(fill)] += bytes;
	machine.seen.nr_traced++;
}

void soft_trace_vmemmap_depopulate(unsigned long start, unsigned long end,
				   enum vmemmap_source backing,
				   unsigned long leaf_size, unsigned long bytes)
{
	check_range(start, end, leaf_size, bytes);
	machine.traced[leaf_size == PMD_SIZE][backing] -= bytes;
	machine.seen.nr_traced++;
}

void soft_trace_vmemmap_alloc_failed(unsigned long start, unsigned long end,
				     const struct vmemmap_fill *fill,
				     unsigned long leaf_size, unsigned long bytes)
{
	check_range(start, end, leaf_size, bytes);
	EXPECT(!is_wholly_mapped(start, end));
	machine.seen.nr_traced_failures++;
	machine.seen.failed_size = leaf_size;
}

void soft_trace_vmemmap_prune(unsigned long start, unsigned long end)
{
	EXPECT(!walk(start).is_mapped && walk(start).end >= end);
	machine.nr_tables--;
}
