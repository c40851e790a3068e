// SPDX-License-Identifier: GPL-2.0
/*
 * use_dax <device> write [rounds [MiB]] - write to the first 32 MiB, or so many, of a device
 * of device-dax and read them back, through a new mapping in each round; without a number,
 * until killed. Compound pages are mapped as a whole
 * use_dax <device> ask <disk> <first page frame> <page frames> - use the first 64 MiB of a
 * device, in compound pages of 2 MiB, in all ways that lead to their struct pages, and print
 * what the kernel answers; of /proc/kpageflags and kpagecount, for all these page frames
 *
 * A page that a process maps for the first time has its struct page written by the kernel.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* Older headers lack them. */
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif
#ifndef MADV_SOFT_OFFLINE
#define MADV_SOFT_OFFLINE 101
#endif

#define STEP	(4096 / sizeof(unsigned long))
#define WORDS	(length / sizeof(unsigned long))
#define MIB	(1UL << 20)

static unsigned long length = 32 * MIB;

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

static const char *write_to(int fd, int argc, char **argv)
{
	const unsigned long rounds = argc > 0 ? strtoul(argv[0], NULL, 0) : ~0UL;
	const char *wrong = NULL;
	unsigned long i;

	if (argc > 1)
		length = strtoul(argv[1], NULL, 0) * MIB;
	for (i = 0; i < rounds && !wrong; i++)
		wrong = round_trip(fd, i);
	return wrong;
}

/* ---- What the kernel says of the pages ---- */

static char *map;			/* of the device */
static unsigned long first_pfn, nr_pfns;	/* what is asked for */

static uint64_t *read_words(const char *path, unsigned long first, unsigned long nr)
{
	uint64_t *words = malloc(nr * sizeof(*words));
	const int fd = open(path, O_RDONLY);
	size_t done = 0;
	ssize_t n;

	while (words && done < nr * sizeof(*words)) {
		n = pread(fd, (char *)words + done, nr * sizeof(*words) - done,
			  first * sizeof(*words) + done);
		if (n <= 0)
			break;
		done += n;
	}
	if (!words || done < nr * sizeof(*words)) {
		fprintf(stderr, "use_dax: %s: %zu bytes from %lu\n", path, done, first);
		exit(1);
	}
	close(fd);
	return words;
}

static int compare_words(const void *left, const void *right)
{
	const uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return (a > b) - (a < b);
}

/* Each value, and how often it is there */
static void say_values(const char *name, uint64_t *words, unsigned long nr)
{
	unsigned long i, start = 0;

	qsort(words, nr, sizeof(*words), compare_words);
	printf("%s", name);
	for (i = 1; i <= nr; i++) {
		if (i < nr && words[i] == words[start])
			continue;
		printf(" %#lx*%lu", (unsigned long)words[start], i - start);
		start = i;
	}
	free(words);
}

/* The flags of each entry, as Documentation/admin-guide/mm/pagemap.rst has them */
static void say_pagemap(void)
{
	uint64_t *words = read_words("/proc/self/pagemap", (uintptr_t)map >> 12, length >> 12);
	unsigned long i, strays = 0, start = 0;
	const uint64_t frame = (1ULL << 55) - 1;

	for (i = 0; i < length >> 12; i++) {
		if (words[i] & frame) {
			start = start ?: (words[i] & frame) - i;
			strays += (words[i] & frame) - i != start;
		}
		words[i] >>= 55;
	}
	say_values("pagemap", words, length >> 12);
	printf(", %lu out of order\n", strays);
}

/* The sums of these lines over all mappings of the device */
static void say_smaps(void)
{
	static const char * const names[] = { "Rss", "Pss", "Shared_Clean", "Shared_Dirty",
		"Private_Clean", "Private_Dirty", "FilePmdMapped", "Locked" };
	unsigned long sums[sizeof(names) / sizeof(*names)] = { 0 }, start, kib;
	FILE *file = fopen("/proc/self/smaps", "r");
	char line[512], name[64];
	int is_ours = 0;
	size_t i;

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%63[A-Za-z_]: %lu kB", name, &kib) == 2) {
			for (i = 0; is_ours && i < sizeof(names) / sizeof(*names); i++)
				sums[i] += strcmp(name, names[i]) ? 0 : kib;
		} else if (sscanf(line, "%lx-", &start) == 1) {
			is_ours = start >= (uintptr_t)map && start < (uintptr_t)map + length;
		}
	}
	if (file)
		fclose(file);
	printf("smaps");
	for (i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (sums[i])
			printf(" %s=%lu", names[i], sums[i]);
	printf("\n");
}

static unsigned long corrupted_before;

static unsigned long hardware_corrupted(void)
{
	FILE *file = fopen("/proc/meminfo", "r");
	unsigned long kib = 0;
	char line[128];

	while (file && fgets(line, sizeof(line), file))
		sscanf(line, "HardwareCorrupted: %lu", &kib);
	if (file)
		fclose(file);
	return kib;
}

static void look(const char *when)
{
	printf("%s, %lu KiB corrupted:\n", when, hardware_corrupted() - corrupted_before);
	say_values("kpageflags", read_words("/proc/kpageflags", first_pfn, nr_pfns), nr_pfns);
	say_values(", kpagecount", read_words("/proc/kpagecount", first_pfn, nr_pfns), nr_pfns);
	printf("\n");
	say_pagemap();
	say_smaps();
}

/* ---- What is done to them ---- */

static sigjmp_buf touched;
static volatile sig_atomic_t is_touching;
static struct { int code, lsb; long offset; } signals[8];
static volatile sig_atomic_t nr_signals;

static void on_sigbus(int number, siginfo_t *info, void *context)
{
	if (nr_signals < 8) {
		signals[nr_signals].code = info->si_code;
		signals[nr_signals].lsb = info->si_addr_lsb;
		signals[nr_signals].offset = (char *)info->si_addr - map;
		nr_signals++;
	}
	if (is_touching)
		siglongjmp(touched, 1);
}

/* What a call returned, then the signals that came since the last one was said */
static void say(long result, const char *format, ...)
{
	const int error = errno;
	va_list arguments;
	int i;

	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	if (result < 0)
		printf(": %s", strerrorname_np(error));
	else
		printf(": %ld", result);
	for (i = 0; i < nr_signals; i++)
		printf(", SIGBUS code %d lsb %d at %#lx", signals[i].code, signals[i].lsb,
		       signals[i].offset);
	nr_signals = 0;
	printf("\n");
}

static unsigned long word_at(unsigned long offset)
{
	return offset ^ 0x5aa5f00f12345678;
}

static void write_words(unsigned long start, unsigned long end)
{
	for (; start < end; start += 4096)
		*(unsigned long *)(map + start) = word_at(start);
}

static unsigned long wrong_words(unsigned long start, unsigned long end)
{
	unsigned long wrong = 0;

	for (; start < end; start += 4096)
		wrong += *(volatile unsigned long *)(map + start) != word_at(start);
	return wrong;
}

static void touch(unsigned long offset)
{
	volatile long value = -1;

	is_touching = 1;
	errno = EFAULT;
	if (!sigsetjmp(touched, 1))
		value = *(volatile unsigned long *)(map + offset) == word_at(offset);
	is_touching = 0;
	say(value, "touch %#lx", offset);
}

/* A child maps them as well; it is looked at while it lives, and when it is gone. */
static void share(unsigned long start, unsigned long end)
{
	int done[2], go_on[2];
	char byte = 0;
	pid_t child;

	if (pipe(done) || pipe(go_on))
		exit(1);
	fflush(stdout);
	child = fork();
	if (!child) {
		close(go_on[1]);
		byte = wrong_words(start, end) != 0;
		write_words(start, end);
		if (write(done[1], &byte, 1) == 1)
			byte |= read(go_on[0], &byte, 1) != 0;
		_exit(byte);
	}
	close(done[1]);
	say(read(done[0], &byte, 1), "a child writes");
	look("a child maps a part, too");
	close(go_on[0]);
	close(go_on[1]);
	close(done[0]);
	waitpid(child, (int *)&done, 0);
	say(done[0], "the child ends");
	look("the child is gone");
}

/* Across the borders of compound pages, to what was never touched, and back */
static void direct(const char *path, int device)
{
	const int disk = open(path, O_RDWR | O_DIRECT);
	char *read_only = mmap(NULL, 4 * MIB, PROT_READ, MAP_SHARED, device, 0);

	say(disk < 0 ? disk : 0, "open the disk");
	say(pwrite(disk, map + MIB, 4 * MIB, 0), "write 4 MiB to it");
	say(pread(disk, map + 33 * MIB, 4 * MIB, 0), "read them into what was not touched");
	say(memcmp(map + MIB, map + 33 * MIB, 4 * MIB), "compare them");
	say(pread(disk, map + 35 * MIB - 512, 1024, 4096), "read across a page's end");
	say(memcmp(map + MIB + 4096, map + 35 * MIB - 512, 1024), "compare it");
	say(pwrite(disk, read_only + MIB, 2 * MIB, 0), "write from a read-only mapping");
	say(pread(disk, read_only + MIB, 2 * MIB, 0), "read into it");
	say(munmap(read_only, 4 * MIB), "unmap it");
	say(close(disk), "close the disk");
	write_words(33 * MIB, 37 * MIB);
	look("O_DIRECT");
}

#define ADVICE(name)	{ #name, MADV_ ## name }

static void punch(int device)
{
	static const struct { const char *name; int advice; } ways[] = {
		ADVICE(DONTNEED), ADVICE(REMOVE), ADVICE(FREE), ADVICE(COLD), ADVICE(PAGEOUT),
		ADVICE(WILLNEED), ADVICE(POPULATE_READ), ADVICE(POPULATE_WRITE), ADVICE(COLLAPSE),
		ADVICE(NOHUGEPAGE), ADVICE(HUGEPAGE), ADVICE(SOFT_OFFLINE),
		ADVICE(WIPEONFORK), ADVICE(DONTFORK), ADVICE(DOFORK), ADVICE(DONTDUMP),
	};
	unsigned char *resident = malloc(length >> 12);
	unsigned long i, n = 0;

	for (i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		say(madvise(map + 2 * MIB, 4 * MIB, ways[i].advice), "madvise %s", ways[i].name);
		if (ways[i].advice == MADV_DONTNEED)
			look("4 MiB are not needed");
	}
	say(madvise(map + 9 * MIB, MIB, MADV_DONTNEED), "madvise DONTNEED, half a compound page");
	look("and 1 MiB");
	say(wrong_words(0, 32 * MIB), "words that changed");
	say(fallocate(device, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4 * MIB, 2 * MIB),
	    "punch a hole");
	say(mlock(map + 4 * MIB, 4 * MIB), "mlock");
	say(munlock(map + 4 * MIB, 4 * MIB), "munlock");
	say(msync(map, length, MS_SYNC), "msync");
	say(mincore(map, length, resident), "mincore");
	for (i = 0; resident && i < length >> 12; i++)
		n += resident[i] & 1;
	say(n, "pages in core");
	free(resident);
	say(mprotect(map + 3 * MIB, MIB, PROT_READ), "mprotect half a compound page");
	say(munmap(map + 3 * MIB, MIB), "munmap half a compound page");
	say(mprotect(map + 4 * MIB, 2 * MIB, PROT_READ), "mprotect a compound page");
	say(mprotect(map + 4 * MIB, 2 * MIB, PROT_READ | PROT_WRITE), "mprotect it again");
	look("punched");
}

static void tell_debugfs(const char *file, unsigned long pfn, const char *what)
{
	char path[64], text[32];
	int fd;

	snprintf(path, sizeof(path), "/sys/kernel/debug/hwpoison/%s", file);
	fd = open(path, O_WRONLY);
	snprintf(text, sizeof(text), "%lu", pfn);
	say(fd < 0 ? -1 : write(fd, text, strlen(text)) > 0 ? 0 : -1, "%s %s", file, what);
	close(fd);
}

/* By the address of a tail that is mapped, by the page frame of one that is and one that is not */
static void poison(const char *path)
{
	uint64_t *entry = read_words("/proc/self/pagemap", (uintptr_t)map >> 12, 1);
	const unsigned long pfn = *entry & ((1UL << 55) - 1);
	const struct sigaction action = { .sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO };
	const int disk = open(path, O_RDWR | O_DIRECT);

	free(entry);
	sigaction(SIGBUS, &action, NULL);
	say(madvise(map + 13 * MIB + 4096, 4096, MADV_HWPOISON), "poison a tail");
	look("a tail is poisoned");
	touch(13 * MIB + 4096);
	touch(12 * MIB);
	say(madvise(map + 13 * MIB + 4096, 4096, MADV_HWPOISON), "poison it again");
	say(pwrite(disk, map + 13 * MIB, MIB, 0), "write it to the disk");
	tell_debugfs("corrupt-pfn", pfn + (16 * MIB >> 12), "of a head");
	touch(16 * MIB);
	tell_debugfs("corrupt-pfn", pfn + (19 * MIB >> 12) + 5, "of a tail");
	touch(19 * MIB);
	tell_debugfs("corrupt-pfn", pfn + (51 * MIB >> 12) + 7, "of a tail that is not mapped");
	tell_debugfs("corrupt-pfn", first_pfn, "before the device's data");
	tell_debugfs("corrupt-pfn", first_pfn + nr_pfns, "after the device");
	tell_debugfs("unpoison-pfn", pfn + (16 * MIB >> 12), "of the head");
	tell_debugfs("unpoison-pfn", pfn + (51 * MIB >> 12) + 7, "of the tail that is not mapped");
	close(disk);
	look("poisoned");
}

static const char *ask(int fd, int argc, char **argv)
{
	if (argc != 3)
		return "a disk, a page frame and a number are missing";
	length = 64 * MIB;
	first_pfn = strtoul(argv[1], NULL, 0);
	nr_pfns = strtoul(argv[2], NULL, 0);
	corrupted_before = hardware_corrupted();

	map = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return "mmap() fails";
	look("mapped");
	write_words(0, 32 * MIB);
	look("half of it is written");
	share(8 * MIB, 16 * MIB);
	say(wrong_words(0, 32 * MIB), "words that changed");
	direct(argv[0], fd);
	punch(fd);
	poison(argv[0]);
	say(munmap(map, length), "unmap");
	look("unmapped");
	return NULL;
}

int main(int argc, char **argv)
{
	const int fd = argc > 2 ? open(argv[1], O_RDWR) : -1;
	const char *wrong = fd < 0 ? "no such device" : "neither write nor ask";

	if (fd >= 0 && !strcmp(argv[2], "write"))
		wrong = write_to(fd, argc - 3, argv + 3);
	else if (fd >= 0 && !strcmp(argv[2], "ask"))
		wrong = ask(fd, argc - 3, argv + 3);
	if (wrong)
		fprintf(stderr, "use_dax: %s\n", wrong);
	return !!wrong;
}
