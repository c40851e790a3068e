// SPDX-License-Identifier: GPL-2.0
/*
 * hold <node> <pages> [<device> <MiB>] - use up the memory of a node, but for so many pages,
 * until killed: so much of it for the page cache of a block device, the rest for a process.
 * What is free, and what could be reclaimed, is in pieces: all blocks of 512 pages are used
 * up, and then pages are given back, 16 of each 32
 *
 * "held" is said when that is done.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MPOL_BIND	2
#define HUGE_ORDER	9
#define STEP		64		/* pages between looks at what is free */
#define PIECE	16
#define ROOM		(64UL << 30)	/* addresses; more than any node has */

static unsigned long page;		/* bytes */

/* Blocks in zone DMA are kept from those who can do without. */
static unsigned long nr_free(int node, unsigned long *nr_huge)
{
	unsigned long nr, sum = 0;
	char line[512], zone[32], *next;
	int n, order, length;
	FILE *file = fopen("/proc/buddyinfo", "r");

	*nr_huge = 0;
	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "Node %d, zone %31s%n", &n, zone, &length) != 2 ||
		    n != node || !strcmp(zone, "DMA"))
			continue;
		for (next = line + length, order = 0;
		     sscanf(next, "%lu%n", &nr, &length) == 1; next += length, order++) {
			sum += nr << order;
			if (order >= HUGE_ORDER)
				*nr_huge += nr;
		}
	}
	if (file)
		fclose(file);
	return sum;
}

/* Pages that a process maps are not dropped, but may be reclaimed. */
static const char *read_device(const char *name, unsigned long length, int node)
{
	const int fd = open(name, O_RDONLY);

	return mmap(NULL, length, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, node * length) ==
	       MAP_FAILED ? "no such device" : NULL;
}

static const char *hold(int node, unsigned long left, const char *device, unsigned long cache)
{
	char *memory = mmap(NULL, ROOM, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
			    -1, 0);
	unsigned long i, step, free, nr = 0, nr_huge;

	if (memory == MAP_FAILED)
		return "no addresses";
	while ((free = nr_free(node, &nr_huge)) > left || nr_huge) {
		step = free > left + 2 * STEP ? (free - left) / 2 : STEP;
		if (mmap(memory + page * nr, page * step, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE | MAP_FIXED, -1, 0) == MAP_FAILED)
			return "the node is not used up";
		nr += step;
	}
	left += cache / page;
	for (i = 0; free < left; i += 2 * PIECE, free += PIECE)
		if (i + PIECE > nr || munmap(memory + page * i, page * PIECE))
			return "too few pages can be given back";
	return cache ? read_device(device, cache, node) : NULL;
}

int main(int argc, char **argv)
{
	const int node = argc > 2 ? atoi(argv[1]) : 0;
	const unsigned long nodes = 1UL << node;
	const char *wrong = argc > 2 ? NULL : "too few words";

	page = sysconf(_SC_PAGESIZE);
	if (!wrong && syscall(SYS_set_mempolicy, MPOL_BIND, &nodes, 8 * sizeof(nodes)))
		wrong = "no such node";
	if (!wrong)
		wrong = hold(node, strtoul(argv[2], NULL, 0), argv[3],
			     argc > 4 ? strtoul(argv[4], NULL, 0) << 20 : 0);
	puts(wrong ? wrong : "held");
	fflush(stdout);
	if (!wrong)
		pause();
	return !!wrong;
}
