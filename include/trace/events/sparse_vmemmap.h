/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where the memory of the memory map comes from and where it goes back to. The
 * sums are exact: for each backing, the bytes populated less the bytes depopulated
 * are those that are mapped.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM sparse_vmemmap

#if !defined(_TRACE_SPARSE_VMEMMAP_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_SPARSE_VMEMMAP_H

#include <linux/tracepoint.h>

#ifndef _TRACE_SPARSE_VMEMMAP_BACKING
#define _TRACE_SPARSE_VMEMMAP_BACKING
/*
 * What backs a leaf. A shared tail page is RAM for the entry that it was allocated
 * for, and a shared tail for each further entry. Histogram triggers print the
 * number: 0 ram, 1 altmap, 2 shared-tail.
 */
enum vmemmap_source {
	VMEMMAP_RAM,
	VMEMMAP_ALTMAP,
	VMEMMAP_SHARED_TAIL,
	VMEMMAP_NR_SOURCES,
};

struct vmemmap_fill;
#endif

TRACE_DEFINE_ENUM(VMEMMAP_RAM);
TRACE_DEFINE_ENUM(VMEMMAP_ALTMAP);
TRACE_DEFINE_ENUM(VMEMMAP_SHARED_TAIL);

#define show_vmemmap_backing(backing)					\
	__print_symbolic(backing,					\
			 { VMEMMAP_RAM,		"ram" },		\
			 { VMEMMAP_ALTMAP,	"altmap" },		\
			 { VMEMMAP_SHARED_TAIL,	"shared-tail" })

DECLARE_EVENT_CLASS(vmemmap_fill,
	TP_PROTO(unsigned long start, unsigned long end,
		 const struct vmemmap_fill *fill, unsigned long leaf_size,
		 unsigned long bytes),
	TP_ARGS(start, end, fill, leaf_size, bytes),

	TP_STRUCT__entry(
		__field(unsigned long, start)
		__field(unsigned long, end)
		__field(int, nid)
		__field(enum vmemmap_source, backing)
		__field(unsigned long, leaf_size)
		__field(unsigned long, bytes)
	),

	TP_fast_assign(
		__entry->start = start;
		__entry->end = end;
		__entry->nid = fill->nid;
		__entry->backing = fill->shared ? VMEMMAP_SHARED_TAIL :
				   fill->altmap ? VMEMMAP_ALTMAP : VMEMMAP_RAM;
		__entry->leaf_size = leaf_size;
		__entry->bytes = bytes;
	),

	TP_printk("start=%#lx end=%#lx nid=%d backing=%s leaf_size=%lu bytes=%lu",
		  __entry->start, __entry->end, __entry->nid,
		  show_vmemmap_backing(__entry->backing), __entry->leaf_size,
		  __entry->bytes)
);

/* Leaves of one size, @bytes in all, now map parts of [start, end), in one slot. */
DEFINE_EVENT(vmemmap_fill, vmemmap_populate,
	TP_PROTO(unsigned long start, unsigned long end,
		 const struct vmemmap_fill *fill, unsigned long leaf_size,
		 unsigned long bytes),
	TP_ARGS(start, end, fill, leaf_size, bytes));

/*
 * A block for a leaf of that size, or a table, could not be allocated. After a
 * huge leaf, base pages follow.
 */
DEFINE_EVENT(vmemmap_fill, vmemmap_alloc_failed,
	TP_PROTO(unsigned long start, unsigned long end,
		 const struct vmemmap_fill *fill, unsigned long leaf_size,
		 unsigned long bytes),
	TP_ARGS(start, end, fill, leaf_size, bytes));

/* Leaves of one size, @bytes in all, no longer map parts of [start, end). */
TRACE_EVENT(vmemmap_depopulate,
	TP_PROTO(unsigned long start, unsigned long end,
		 enum vmemmap_source backing, unsigned long leaf_size,
		 unsigned long bytes),
	TP_ARGS(start, end, backing, leaf_size, bytes),

	TP_STRUCT__entry(
		__field(unsigned long, start)
		__field(unsigned long, end)
		__field(enum vmemmap_source, backing)
		__field(unsigned long, leaf_size)
		__field(unsigned long, bytes)
	),

	TP_fast_assign(
		__entry->start = start;
		__entry->end = end;
		__entry->backing = backing;
		__entry->leaf_size = leaf_size;
		__entry->bytes = bytes;
	),

	TP_printk("start=%#lx end=%#lx backing=%s leaf_size=%lu bytes=%lu",
		  __entry->start, __entry->end,
		  show_vmemmap_backing(__entry->backing), __entry->leaf_size,
		  __entry->bytes)
);

/* The table that mapped [start, end) is empty and will be freed: a page of RAM. */
TRACE_EVENT(vmemmap_prune,
	TP_PROTO(unsigned long start, unsigned long end),
	TP_ARGS(start, end),

	TP_STRUCT__entry(
		__field(unsigned long, start)
		__field(unsigned long, end)
	),

	TP_fast_assign(
		__entry->start = start;
		__entry->end = end;
	),

	TP_printk("start=%#lx end=%#lx", __entry->start, __entry->end)
);

#endif /* _TRACE_SPARSE_VMEMMAP_H */

#include <trace/define_trace.h>
