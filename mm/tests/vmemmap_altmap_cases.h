/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vmemmap_altmap_cases.h - what an altmap answers when it is asked for a block,
 * or when one comes back
 *
 * For the KUnit suite and for the user-space harness. All counts are pages, so
 * that the rows hold for every page size. base_pfn is VMEMMAP_ALTMAP_BASE_PFN.
 */
#define VMEMMAP_ALTMAP_BASE_PFN	0x40000UL
#define VMEMMAP_NO_BLOCK	(~0UL)

struct vmemmap_altmap_case {
	const char *name;
	/* the altmap before */
	unsigned long reserve;
	unsigned long free;
	unsigned long align;
	unsigned long alloc;
	/* what is asked for */
	unsigned long nr_pages;
	/* the answer, counted from base_pfn; and the altmap after */
	unsigned long block;
	unsigned long align_after;
	unsigned long alloc_after;
};

static const struct vmemmap_altmap_case vmemmap_altmap_cases[] = {
	{
		.name = "the first page lies behind the reserve",
		.reserve = 5, .free = 10, .nr_pages = 1,
		.block = 5, .alloc_after = 1,
	}, {
		.name = "the second page follows the first",
		.reserve = 5, .free = 10, .alloc = 1, .nr_pages = 1,
		.block = 6, .alloc_after = 2,
	}, {
		.name = "a block is aligned to its size",
		.reserve = 5, .free = 16, .nr_pages = 8,
		.block = 8, .align_after = 3, .alloc_after = 8,
	}, {
		.name = "an aligned start needs no padding",
		.reserve = 8, .free = 8, .nr_pages = 8,
		.block = 8, .alloc_after = 8,
	}, {
		.name = "padding adds up",
		.free = 32, .align = 3, .alloc = 6, .nr_pages = 4,
		.block = 12, .align_after = 6, .alloc_after = 10,
	}, {
		.name = "an odd length is aligned to the power of two in it",
		.reserve = 1, .free = 31, .nr_pages = 12,
		.block = 4, .align_after = 3, .alloc_after = 12,
	}, {
		.name = "padding is forgotten when nothing is allocated",
		.free = 8, .align = 5, .nr_pages = 8,
		.block = 0, .alloc_after = 8,
	}, {
		.name = "the last page can be had",
		.reserve = 2, .free = 8, .alloc = 7, .nr_pages = 1,
		.block = 9, .alloc_after = 8,
	}, {
		.name = "the last page can be had behind padding",
		.free = 12, .align = 1, .alloc = 7, .nr_pages = 4,
		.block = 8, .align_after = 1, .alloc_after = 11,
	}, {
		.name = "nothing is left",
		.reserve = 2, .free = 8, .alloc = 8, .nr_pages = 1,
		.block = VMEMMAP_NO_BLOCK, .alloc_after = 8,
	}, {
		.name = "nothing is left behind padding",
		.free = 8, .align = 4, .alloc = 4, .nr_pages = 1,
		.block = VMEMMAP_NO_BLOCK, .align_after = 4, .alloc_after = 4,
	}, {
		.name = "one page too few",
		.free = 15, .nr_pages = 16,
		.block = VMEMMAP_NO_BLOCK,
	}, {
		.name = "one page too few because of padding",
		.reserve = 1, .free = 16, .nr_pages = 16,
		.block = VMEMMAP_NO_BLOCK,
	}, {
		.name = "padding alone goes beyond the end",
		.free = 20, .alloc = 17, .nr_pages = 16,
		.block = VMEMMAP_NO_BLOCK, .alloc_after = 17,
	}, {
		.name = "a block larger than any altmap",
		.free = 16, .alloc = 1, .nr_pages = 1UL << 40,
		.block = VMEMMAP_NO_BLOCK, .alloc_after = 1,
	}, {
		.name = "no pages at all",
		.free = 16, .alloc = 1, .nr_pages = 0,
		.block = VMEMMAP_NO_BLOCK, .alloc_after = 1,
	}, {
		.name = "an altmap without pages",
		.reserve = 16, .nr_pages = 1,
		.block = VMEMMAP_NO_BLOCK,
	},
};

struct vmemmap_altmap_put_case {
	const char *name;
	/* the altmap before */
	unsigned long reserve;
	unsigned long free;
	unsigned long align;
	unsigned long alloc;
	/* what comes back, counted from base_pfn; if it is refused, nothing changes */
	unsigned long block;
	unsigned int order;
	bool is_refused;
	/* the altmap after */
	unsigned long align_after;
	unsigned long alloc_after;
};

static const struct vmemmap_altmap_put_case vmemmap_altmap_put_cases[] = {
	{
		.name = "the last block steps back",
		.reserve = 5, .free = 10, .align = 1, .alloc = 4,
		.block = 8, .order = 1, .align_after = 1, .alloc_after = 2,
	}, {
		.name = "any other block leaves a hole",
		.reserve = 5, .free = 10, .alloc = 3,
		.block = 6, .align_after = 1, .alloc_after = 2,
	}, {
		.name = "the first block leaves a hole",
		.reserve = 4, .free = 10, .align = 1, .alloc = 5,
		.block = 4, .order = 2, .align_after = 5, .alloc_after = 1,
	}, {
		.name = "holes are forgotten when the last one of all steps back",
		.reserve = 2, .free = 8, .align = 5, .alloc = 1,
		.block = 7,
	}, {
		.name = "holes are forgotten when nothing is allocated",
		.reserve = 2, .free = 8, .align = 5, .alloc = 1,
		.block = 4,
	}, {
		.name = "all of it",
		.reserve = 8, .free = 8, .alloc = 8,
		.block = 8, .order = 3,
	}, {
		.name = "nothing is out",
		.reserve = 2, .free = 8, .align = 4,
		.block = 2, .is_refused = true, .align_after = 4,
	}, {
		.name = "more than is out",
		.free = 8, .align = 2, .alloc = 3,
		.block = 0, .order = 2, .is_refused = true,
		.align_after = 2, .alloc_after = 3,
	}, {
		.name = "the last block once more",
		.reserve = 1, .free = 8, .alloc = 3,
		.block = 4, .is_refused = true, .alloc_after = 3,
	}, {
		.name = "across the end of the last block",
		.free = 8, .alloc = 3,
		.block = 2, .order = 1, .is_refused = true, .alloc_after = 3,
	}, {
		.name = "across the end of what is set aside",
		.free = 6, .alloc = 6,
		.block = 4, .order = 2, .is_refused = true, .alloc_after = 6,
	}, {
		.name = "across the begin of what is set aside",
		.reserve = 2, .free = 6, .alloc = 6,
		.block = 0, .order = 2, .is_refused = true, .alloc_after = 6,
	}, {
		.name = "around what is set aside",
		.reserve = 2, .free = 4, .alloc = 4,
		.block = 0, .order = 3, .is_refused = true, .alloc_after = 4,
	},
};
