/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vmemmap_dedup_cases.h - how many pages the memory map of a range of device
 * memory takes, if the device uses compound pages only
 *
 * For the KUnit suite and for the user-space harness. All counts are pages of
 * the vmemmap, from where the device begins, so that the rows hold for every
 * page size.
 */
struct vmemmap_dedup_case {
	const char *name;
	unsigned long per_compound;	/* filled by one compound page */
	unsigned long first;		/* where the range begins */
	unsigned long nr;		/* length of the range */
	unsigned long nr_own;		/* those of it that are no shown tails */
};

static const struct vmemmap_dedup_case vmemmap_dedup_cases[] = {
	{ "one compound page",			8,    0,   8,   2 },
	{ "two compound pages",			8,    0,   16,  4 },
	{ "the smallest compound that shares",	4,    0,   16,  8 },
	{ "a compound with nothing to share",	2,    0,   8,   8 },
	{ "a head alone",			8,    0,   1,   1 },
	{ "a tail with memory of its own",	8,    1,   1,   1 },
	{ "shown tails alone",			8,    2,   6,   0 },
	{ "one shown tail",			8,    7,   1,   0 },
	{ "the head behind some tails",		8,    4,   5,   1 },
	{ "the next compound's head and tails",	8,    4,   8,   2 },
	{ "all but the first head",		8,    1,   11,  3 },
	{ "a later compound page",		8,    24,  8,   2 },
	{ "many compound pages",		8,    0,   512, 128 },
	{ "the begin of a huge compound page",	1024, 0,   512, 2 },
	{ "the end of a huge compound page",	1024, 512, 512, 0 },
	{ "over the end of a huge one",		512,  256, 512, 2 },
};
