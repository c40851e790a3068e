// SPDX-License-Identifier: GPL-2.0
/*
 * main.c - run the test cases of all variants, in KTAP
 *
 *	unit [-e] [-l] [-v] [-s <seed>] [<glob>]
 *
 * The glob selects cases by "<variant>.<case>" or by "<case>"; "!(*<glob>)"
 * takes the others. The seed of the random cases is printed; the same seed gives the
 * same operations. With -e the first failure is the end.
 *
 * Each variant runs in a process of its own, all at the same time. What they
 * print comes in the order of the variants.
 */
#include <err.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "variant.h"

#define TIME_LIMIT	60	/* for a case, in seconds of a CPU */
#define MAX_VARIANTS	16
#define PIPE_SIZE	(1 << 20)	/* of the output that may wait for its turn */

unsigned long first_seed;
bool is_verbose;

static bool ends_at_failure;
static volatile bool *is_over;		/* for all variants */

static const struct variant *current_variant;
static const char *current_case;
static unsigned int nr_run, nr_passed, nr_failed, nr_skipped;

static bool is_selected(const struct variant *variant, const char *name, const char *glob)
{
	char full_name[256];

	snprintf(full_name, sizeof(full_name), "%s.%s", variant->name, name);
	return !glob || !fnmatch(glob, full_name, FNM_EXTMATCH) ||
	       !fnmatch(glob, name, FNM_EXTMATCH);
}

static void limit_time(unsigned int seconds)
{
	const struct itimerval limit = { .it_value.tv_sec = seconds };

	setitimer(ITIMER_PROF, &limit, NULL);
}

static void run_case(const struct variant *variant, unsigned int nr)
{
	enum result result;

	if (*is_over)
		exit(1);
	current_variant = variant;
	current_case = variant->case_name(nr);
	limit_time(TIME_LIMIT);
	result = variant->run_case(nr);
	limit_time(0);

	nr_failed += result == FAILED;
	printf("%sok %u %s.%s%s%s\n", result == FAILED ? "not " : "", ++nr_run, variant->name,
	       current_case, result == SKIPPED ? " # SKIP " : "",
	       result == SKIPPED ? variant->why_skipped : "");
	if (result == FAILED && ends_at_failure)
		*is_over = true;
}

static void print_case(const struct variant *variant, unsigned int nr)
{
	printf("%s.%s\n", variant->name, variant->case_name(nr));
}

/* Do something with each selected case of a variant; the number of them. */
static unsigned int for_each_case(const struct variant *variant, const char *glob,
				  void (*visit)(const struct variant *variant, unsigned int nr))
{
	unsigned int nr_cases = 0;
	const char *name;

	for (unsigned int nr = 0; (name = variant->case_name(nr)); nr++) {
		if (!is_selected(variant, name, glob))
			continue;
		nr_cases++;
		if (visit)
			visit(variant, nr);
	}
	return nr_cases;
}

/* The soft machine has memory of its own, and the oracle watches for leaks. */
const char *__asan_default_options(void)
{
	return "abort_on_error=1:detect_leaks=0";
}

const char *__ubsan_default_options(void)
{
	return "abort_on_error=1:print_stacktrace=1";
}

/* A sanitizer has reported, or the case hangs: say in which one that was. */
static void on_end(int signal)
{
	if (ends_at_failure)
		*is_over = true;
	current_variant->report();
	printf("not ok %u %s.%s\n", ++nr_run, current_variant->name, current_case);
	printf("Bail out! %s\n", signal == SIGPROF ?
	       "It took more than a minute" : "A sanitizer stopped it, see its report");
	_exit(1);
}

/* ---- A process for each variant ---- */

static void run_variant(const struct variant *variant, const char *glob)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGABRT, on_end);
	signal(SIGPROF, on_end);
	for_each_case(variant, glob, run_case);
	exit(nr_failed ? 1 : 0);
}

/* Start it, and return where to read what it prints. */
static FILE *start_variant(const struct variant *variant, const char *glob)
{
	int ends[2];
	pid_t pid;

	if (pipe(ends))
		err(2, "pipe");
	fcntl(ends[1], F_SETPIPE_SZ, PIPE_SIZE);
	pid = fork();
	if (pid < 0)
		err(2, "fork");
	if (!pid) {
		dup2(ends[1], STDOUT_FILENO);
		run_variant(variant, glob);
	}
	close(ends[1]);
	return fdopen(ends[0], "r");
}

static void show_output(FILE *output)
{
	char *line = NULL;
	unsigned int nr;
	size_t size = 0;

	while (getline(&line, &size, output) > 0) {
		fputs(line, stdout);
		nr_failed += sscanf(line, "not ok %u", &nr) == 1;
		if (sscanf(line, "ok %u", &nr) == 1)
			*(strstr(line, " # SKIP ") ? &nr_skipped : &nr_passed) += 1;
	}
	free(line);
}

/* True if all has passed. The cases are numbered through. */
static bool run_variants(const char *glob)
{
	FILE *outputs[MAX_VARIANTS];
	bool is_good = true;
	int status;

	is_over = mmap(NULL, sizeof(*is_over), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (is_over == MAP_FAILED)
		err(2, "mmap");
	for (size_t i = 0; i < NR_VARIANTS; i++) {
		outputs[i] = start_variant(variants[i], glob);
		nr_run += for_each_case(variants[i], glob, NULL);
	}
	for (size_t i = 0; i < NR_VARIANTS; i++)
		show_output(outputs[i]);
	while (wait(&status) > 0)
		is_good &= !status;
	printf("# Totals: pass:%u fail:%u skip:%u error:0\n", nr_passed, nr_failed, nr_skipped);
	return is_good;
}

static void usage(void)
{
	errx(2, "usage: [-e] [-l] [-v] [-s <seed>] [<glob>]");
}

int main(int argc, char **argv)
{
	unsigned int nr_cases = 0;
	bool is_list = false;
	const char *glob;
	char *end;
	int option;

	first_seed = time(NULL) % 1000000;
	while ((option = getopt(argc, argv, "elvs:")) != -1) {
		switch (option) {
		case 'e':
			ends_at_failure = true;
			break;
		case 'v':
			is_verbose = true;
			break;
		case 'l':
			is_list = true;
			break;
		case 's':
			first_seed = strtoul(optarg, &end, 0);
			if (!*optarg || *end)
				errx(2, "the seed '%s' is no number", optarg);
			break;
		default:
			usage();
		}
	}
	if (argc - optind > 1)
		usage();
	glob = argc > optind && *argv[optind] ? argv[optind] : NULL;

	setlinebuf(stdout);
	for (size_t i = 0; i < NR_VARIANTS; i++)
		nr_cases += for_each_case(variants[i], glob, is_list ? print_case : NULL);
	if (!nr_cases)
		errx(2, "no test case matches '%s'; %s -l lists them", glob, argv[0]);
	if (is_list)
		return 0;

	printf("KTAP version 1\n1..%u\n# seed %lu\n", nr_cases, first_seed);
	return run_variants(glob) ? 0 : 1;
}
