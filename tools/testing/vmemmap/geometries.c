// SPDX-License-Identifier: GPL-2.0
/*
 * geometries.c - the architectures that every test case is run on
 *
 * Real ones have the page, table, section and subsection sizes of their
 * namesakes. Tiny ones have tables of 4 or 8 entries, sections of 8
 * subsections, and everything that can happen between the size of a page, a
 * subsection, a section and a PMD leaf: with struct pages of 64 bytes, a
 * subsection's fill one vmemmap page on "4k", half of one on "16k", an eighth
 * on "64k"; other struct pages shift them against each other.
 */
#include "soft.h"

#define SHIFT_2M	21
#define SHIFT_16M	24
#define SHIFT_128M	27
#define SHIFT_512M	29
#define SHIFT_1G	30

#define REAL	.subsection_shift = SHIFT_2M, .sections_shift = 5
/* 4K pages, sections of 128 MiB */
#define REAL_4K	.page_shift = 12, .section_shift = SHIFT_128M, .max_order = 10, \
		.ram_pages = 8192, REAL
#define TINY_SIZES(page, section, subsection) \
		.page_shift = page, .section_shift = section, \
		.subsection_shift = subsection, .sections_shift = 5, \
		.max_order = 10, .ram_pages = 896, .is_tiny = true
#define TINY_4K	TINY_SIZES(12, 21, 18)
#define TINY_16K TINY_SIZES(14, 24, 21)
#define TINY_64K TINY_SIZES(16, 26, 23)

const struct geometry geometries[] = {
	{ .name = "tiny 4k, 2 levels", .bits = { 2, 8 },
	  .arch = ARCH_BASE, TINY_4K },
	{ .name = "tiny 4k, 2 levels, huge", .bits = { 3, 8 },
	  .arch = ARCH_SECTION, TINY_4K },
	{ .name = "tiny 4k, 3 levels, huge", .bits = { 2, 2, 6 },
	  .arch = ARCH_HUGE, TINY_4K },
	{ .name = "tiny 4k, 4 levels, x86", .bits = { 3, 2, 2, 4 },
	  .arch = ARCH_SECTION, TINY_4K },
	{ .name = "tiny 4k, 5 levels, x86", .bits = { 2, 2, 2, 2, 2 },
	  .arch = ARCH_SECTION, TINY_4K },
	{ .name = "tiny 4k, 5 levels of 8, huge sections", .bits = { 3, 3, 3, 3, 3 },
	  .arch = ARCH_SECTION, TINY_4K },
	{ .name = "tiny 4k, 4 levels, a gap in RAM", .bits = { 4, 2, 2, 4 },
	  .arch = ARCH_SECTION, TINY_4K, .gap_sections = 1 },
	{ .name = "tiny 4k, PMD larger than the buddy allocator's blocks",
	  .bits = { 3, 3, 6 }, .arch = ARCH_SECTION, .page_shift = 12,
	  .section_shift = 21, .subsection_shift = 18, .sections_shift = 5,
	  .max_order = 2, .ram_pages = 896, .is_tiny = true },
	{ .name = "tiny 16k, 3 levels", .bits = { 3, 3, 5 },
	  .arch = ARCH_BASE, TINY_16K },
	{ .name = "tiny 16k, 4 levels, huge", .bits = { 2, 2, 2, 4 },
	  .arch = ARCH_HUGE, TINY_16K },
	{ .name = "tiny 64k, 3 levels", .bits = { 2, 2, 6 },
	  .arch = ARCH_BASE, TINY_64K },
	{ .name = "tiny 64k, 5 levels, x86", .bits = { 2, 2, 2, 2, 2 },
	  .arch = ARCH_SECTION, TINY_64K },

	{ .name = "x86_64, 4 levels", .bits = { 9, 9, 9, 9 },
	  .arch = ARCH_SECTION, REAL_4K },
	{ .name = "x86_64, 5 levels", .bits = { 9, 9, 9, 9, 9 },
	  .arch = ARCH_SECTION, REAL_4K },
	{ .name = "arm64 4k", .bits = { 9, 9, 9, 9 },
	  .arch = ARCH_SECTION, REAL_4K },
	{ .name = "arm64 16k", .page_shift = 14, .bits = { 11, 11, 11 },
	  .section_shift = SHIFT_128M, .max_order = 11, .arch = ARCH_BASE,
	  .ram_pages = 2048, REAL },
	{ .name = "arm64 64k", .page_shift = 16, .bits = { 13, 13 },
	  .section_shift = SHIFT_512M, .max_order = 13, .arch = ARCH_BASE,
	  .ram_pages = 1024, REAL },
	{ .name = "riscv64, Sv39", .bits = { 9, 9, 9 },
	  .arch = ARCH_HUGE, REAL_4K },
	{ .name = "riscv64, Sv48", .bits = { 9, 9, 9, 9 },
	  .arch = ARCH_HUGE, REAL_4K },
	{ .name = "riscv64, Sv57", .bits = { 9, 9, 9, 9, 9 },
	  .arch = ARCH_HUGE, REAL_4K },
	{ .name = "loongarch64 16k, 2 levels", .page_shift = 14, .bits = { 11, 11 },
	  .section_shift = SHIFT_512M, .max_order = 10, .arch = ARCH_BASE,
	  .ram_pages = 2048, REAL },
	{ .name = "loongarch64 16k, 3 levels", .page_shift = 14, .bits = { 11, 11, 11 },
	  .section_shift = SHIFT_512M, .max_order = 11, .arch = ARCH_HUGE,
	  .ram_pages = 8192, .gap_sections = 3, REAL },
	{ .name = "sparc64 8k", .page_shift = 13, .bits = { 10, 10, 10, 10 },
	  .section_shift = SHIFT_1G, .max_order = 10, .arch = ARCH_HUGE,
	  .ram_pages = 8192, REAL },
	{ .name = "leaves of 1 MiB as on s390", .page_shift = 12, .bits = { 8, 9, 9, 9 },
	  .section_shift = SHIFT_128M, .max_order = 8, .arch = ARCH_SECTION,
	  .ram_pages = 8192, REAL },
	{ .name = "powerpc64 64k", .page_shift = 16, .bits = { 5, 9, 9, 13 },
	  .section_shift = SHIFT_16M, .max_order = 8, .arch = ARCH_SECTION,
	  .ram_pages = 1024, REAL },
	{ .name = NULL },
};
