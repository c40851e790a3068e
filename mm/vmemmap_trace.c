// SPDX-License-Identifier: GPL-2.0
/*
 * vmemmap_trace.c - the tracepoints themselves
 *
 * On their own, since on most architectures "vmemmap" is a macro, and would stand
 * in the names of their headers and groups as what it expands to.
 */
#include "vmemmap_base.h"
#include "vmemmap.h"

#undef vmemmap

#define CREATE_TRACE_POINTS
#include <trace/events/vmemmap.h>
