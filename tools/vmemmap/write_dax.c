// SPDX-License-Identifier: GPL-2.0
/*
 * write_dax <device> [rounds [MiB]] - write to the first 32 MiB, or so many, of a device of
 * device-dax and read them back, through a new mapping in each round; without a number,
 * until killed. Compound pages are mapped as a whole
 *
 * A page that a process maps for the first time has its struct page written by the kernel.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#define STEP	(4096 / sizeof(unsigned long))
#define WORDS	(length / sizeof(unsigned long))

static unsigned long length = 32UL << 20;

static const char *round_trip(int fd, unsigned long number)
{
	unsigned long *words, i;
	const char *wrong = NULL;

	words = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (words == MAP_FAILED)
		return "mmap() fails";
	for (i = 0; i < WORDS; i += STEP)
		words[i] = number + i;
	for (i = 0; i < WORDS; i += STEP)
		if (words[i] != number + i)
			wrong = "what is read is not what was written";
	munmap(words, length);
	return wrong;
}

int main(int argc, char **argv)
{
	const unsigned long rounds = argc > 2 ? strtoul(argv[2], NULL, 0) : ~0UL;
	const int fd = argc > 1 ? open(argv[1], O_RDWR) : -1;
	const char *wrong = fd < 0 ? "no such device" : NULL;
	unsigned long i;

	if (argc > 3)
		length = strtoul(argv[3], NULL, 0) << 20;
	for (i = 0; i < rounds && !wrong; i++)
		wrong = round_trip(fd, i);
	if (wrong)
		fprintf(stderr, "write_dax: %s\n", wrong);
	return !!wrong;
}
