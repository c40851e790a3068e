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
 * print is shown in the order of the variants, when all have ended.
 */
#include <fnmatch.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "variant.h"

extern const struct variant variant_page32, variant_page64, variant_page80,
			    variant_hooks;

#define NR_VARIANTS	4
#define TIME_LIMIT	60	/* for a case, in seconds of a CPU */

static const struct variant * const variants[NR_VARIANTS] = {
	&variant_page32, &variant_page64, &variant_page80, &variant_hooks,
};

/* Each runs a variant. */
static struct {
	pid_t pid;
	FILE *output;
} processes[NR_VARIANTS];

unsigned long first_seed;
bool is_verbose;

static bool ends_at_failure;

static const struct variant *current_variant;
static const char *current_case;
static unsigned int nr_run, nr_failed;

static bool is_selected(const struct variant *variant, const char *name,
			const char *glob)
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
	bool is_passed;

	current_variant = variant;
	current_case = variant->case_name(nr);
	limit_time(TIME_LIMIT);
	is_passed = variant->run_case(nr);
	limit_time(0);

	nr_run++;
	nr_failed += !is_passed;
	printf("%sok %u %s.%s\n", is_passed ? "" : "not ", nr_run, variant->name,
	       current_case);
	if (!is_passed && ends_at_failure)
		exit(1);
}

static void print_case(const struct variant *variant, unsigned int nr)
{
	printf("%s.%s\n", variant->name, variant->case_name(nr));
}

/* Do something with each selected case of a variant; the number of them. */
static unsigned int for_each_case(const struct variant *variant, const char *glob,
				  void (*visit)(const struct variant *variant,
						unsigned int nr))
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

static unsigned int for_each_variant(const char *glob,
				     void (*visit)(const struct variant *variant,
						   unsigned int nr))
{
	unsigned int nr_cases = 0;

	for (int i = 0; i < NR_VARIANTS; i++)
		nr_cases += for_each_case(variants[i], glob, visit);
	return nr_cases;
}

/* What was tested leaks into a machine of its own, which the oracle watches. */
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
	current_variant->report();
	printf("not ok %u %s.%s\n", ++nr_run, current_variant->name, current_case);
	printf("Bail out! %s\n", signal == SIGPROF ?
	       "It took more than a minute" : "A sanitizer stopped it, see its report");
	_exit(1);
}

/* ---- A process for each variant ---- */

static void run_variant(int i, const char *glob)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(fileno(processes[i].output), STDOUT_FILENO);
	setlinebuf(stdout);
	signal(SIGABRT, on_end);
	signal(SIGPROF, on_end);
	for_each_case(variants[i], glob, run_case);
	exit(nr_failed ? 1 : 0);
}

/* The cases are numbered through. */
static void start_variants(const char *glob)
{
	fflush(stdout);
	for (int i = 0; i < NR_VARIANTS; i++) {
		FILE *output = tmpfile();
		const pid_t pid = output ? fork() : -1;

		processes[i].output = output;
		processes[i].pid = pid;
		if (!pid)
			run_variant(i, glob);
		if (pid < 0) {
			perror("unit");
			exit(2);
		}
		nr_run += for_each_case(variants[i], glob, NULL);
	}
}

static int index_of(pid_t pid)
{
	int i = 0;

	while (processes[i].pid != pid)
		i++;
	return i;
}

static void stop_variants(void)
{
	for (int i = 0; i < NR_VARIANTS; i++)
		if (processes[i].pid)
			kill(processes[i].pid, SIGKILL);
}

/* True if all of them went to their end and nothing failed. */
static bool await_variants(void)
{
	bool is_good = true;
	int status;
	pid_t pid;

	while ((pid = wait(&status)) > 0) {
		processes[index_of(pid)].pid = 0;
		is_good &= !status;
		if (status && ends_at_failure)
			stop_variants();
	}
	return is_good;
}

static void show_output(FILE *output)
{
	char *line = NULL;
	size_t size = 0;

	rewind(output);
	while (getline(&line, &size, output) > 0) {
		fputs(line, stdout);
		nr_run += !strncmp(line, "ok ", 3) || !strncmp(line, "not ok ", 7);
		nr_failed += !strncmp(line, "not ok ", 7);
	}
	free(line);
}

/* True if all has passed. */
static bool run_variants(const char *glob)
{
	bool is_good;

	start_variants(glob);
	is_good = await_variants();
	nr_run = 0;
	for (int i = 0; i < NR_VARIANTS; i++)
		show_output(processes[i].output);
	printf("# Totals: pass:%u fail:%u skip:0 error:0\n",
	       nr_run - nr_failed, nr_failed);
	return is_good;
}

static void usage(void)
{
	fputs("usage: unit [-e] [-l] [-v] [-s <seed>] [<glob>]\n", stderr);
	exit(2);
}

int main(int argc, char **argv)
{
	unsigned int nr_cases;
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
				usage();
			break;
		default:
			usage();
		}
	}
	if (argc - optind > 1)
		usage();
	glob = argc > optind && *argv[optind] ? argv[optind] : NULL;

	nr_cases = for_each_variant(glob, is_list ? print_case : NULL);
	if (!nr_cases) {
		fprintf(stderr, "unit: no test case matches '%s'; -l lists them\n",
			glob);
		return 2;
	}
	if (is_list)
		return 0;

	printf("KTAP version 1\n1..%u\n# seed %lu\n", nr_cases, first_seed);
	return run_variants(glob) ? 0 : 1;
}
