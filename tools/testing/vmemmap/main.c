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
 * print comes in the order of the variants, line by line; the failures are
 * listed once more at the end.
 */
#include <fnmatch.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "variant.h"

#define TIME_LIMIT	60	/* for a case, in seconds of a CPU */
#define MAX_VARIANTS	16

/* Each runs a variant. */
static struct process {
	pid_t pid;
	FILE *output;
	off_t nr_shared;		/* bytes of the output */
} processes[MAX_VARIANTS];

unsigned long first_seed;
bool is_verbose;

static bool ends_at_failure;

static const struct variant *current_variant;
static const char *current_case;
static unsigned int nr_run, nr_passed, nr_failed, nr_skipped;
static char *failures;

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
	enum result result;

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

	for (size_t i = 0; i < NR_VARIANTS; i++)
		nr_cases += for_each_case(variants[i], glob, visit);
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
	current_variant->report();
	printf("not ok %u %s.%s\n", ++nr_run, current_variant->name, current_case);
	printf("Bail out! %s\n", signal == SIGPROF ?
	       "It took more than a minute" : "A sanitizer stopped it, see its report");
	_exit(1);
}

/* ---- A process for each variant ---- */

static void run_variant(size_t i, const char *glob)
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
	for (size_t i = 0; i < NR_VARIANTS; i++) {
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

/* ---- Their output ---- */

static void keep_failure(const char *name, size_t length)
{
	char *list;

	if (asprintf(&list, "%s# repeat: make unit SEED=%lu FILTER=%.*s\n",
		     failures ? failures : "", first_seed, (int)length, name) < 0)
		return;
	free(failures);
	failures = list;
}

static void show_line(const char *line, size_t length)
{
	unsigned int nr;
	int at = 0;

	fwrite(line, 1, length, stdout);
	if (sscanf(line, "not ok %u %n", &nr, &at) == 1 && at) {
		nr_failed++;
		keep_failure(line + at, length - 1 - at);
	} else if (sscanf(line, "ok %u", &nr) == 1) {
		nr_passed++;
		nr_skipped += !!memmem(line, length, " # SKIP ", 8);
	}
}

/* The lines that have been completed since the last call. */
static void show_output(struct process *process)
{
	static char text[65536];
	char *line, *end;
	ssize_t nr;

	while ((nr = pread(fileno(process->output), text, sizeof(text) - 1,
			   process->nr_shared)) > 0) {
		text[nr] = '\0';
		for (line = text; (end = strchr(line, '\n')); line = end + 1)
			show_line(line, end + 1 - line);
		if (line == text)
			return;
		process->nr_shared += line - text;
	}
	fflush(stdout);
}

static void stop_variants(void)
{
	for (size_t i = 0; i < NR_VARIANTS; i++)
		if (processes[i].pid)
			kill(processes[i].pid, SIGKILL);
}

/* Note which processes have ended; true if all that have were good. */
static bool reap_variants(void)
{
	bool is_good = true;
	int status;

	for (size_t i = 0; i < NR_VARIANTS; i++) {
		if (!processes[i].pid || waitpid(processes[i].pid, &status, WNOHANG) <= 0)
			continue;
		processes[i].pid = 0;
		is_good &= !status;
	}
	if (!is_good && ends_at_failure)
		stop_variants();
	return is_good;
}

/* True if all has passed. */
static bool run_variants(const char *glob)
{
	bool is_good = true;

	start_variants(glob);
	for (size_t i = 0; i < NR_VARIANTS; i++) {
		while (processes[i].pid) {
			show_output(&processes[i]);
			usleep(50000);
			is_good &= reap_variants();
		}
		show_output(&processes[i]);
	}
	printf("# Totals: pass:%u fail:%u skip:%u error:0\n%s", nr_passed - nr_skipped,
	       nr_failed, nr_skipped, failures ? failures : "");
	return is_good;
}

static void die(const char *fmt, ...)
{
	va_list args;

	fputs("error: ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	exit(2);
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
				die("the seed '%s' is no number\n", optarg);
			break;
		default:
			usage();
		}
	}
	if (argc - optind > 1)
		usage();
	glob = argc > optind && *argv[optind] ? argv[optind] : NULL;

	nr_cases = for_each_variant(glob, is_list ? print_case : NULL);
	if (!nr_cases)
		die("no test case matches '%s'; %s -l lists them\n", glob, argv[0]);
	if (is_list)
		return 0;

	printf("KTAP version 1\n1..%u\n# seed %lu\n", nr_cases, first_seed);
	return run_variants(glob) ? 0 : 1;
}
