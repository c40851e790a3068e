// SPDX-License-Identifier: GPL-2.0
/*
 * main.c - run the test cases of all variants, in KTAP
 *
 *	unit [-e] [-l] [-v] [-s <seed>] [<glob>]
 *
 * The glob selects cases by "<variant>.<case>" or by "<case>"; "!(*<glob>)"
 * takes the others. The seed of the random cases is printed; the same seed gives the
 * same operations. With -e the first failure is the end.
 */
#include <fnmatch.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "variant.h"

extern const struct variant variant_page32, variant_page64, variant_page80,
			    variant_hooks;

static const struct variant * const variants[] = {
	&variant_page32, &variant_page64, &variant_page80, &variant_hooks,
};

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

static void run_case(const struct variant *variant, unsigned int nr)
{
	bool is_passed;

	current_variant = variant;
	current_case = variant->case_name(nr);
	alarm(60);
	is_passed = variant->run_case(nr);
	alarm(0);

	nr_run++;
	nr_failed += !is_passed;
	printf("%sok %u %s.%s\n", is_passed ? "" : "not ", nr_run, variant->name,
	       current_case);
	fflush(stdout);
	if (!is_passed && ends_at_failure)
		exit(1);
}

static void print_case(const struct variant *variant, unsigned int nr)
{
	printf("%s.%s\n", variant->name, variant->case_name(nr));
}

/* Do something with each selected case; the number of them. */
static unsigned int for_each_case(const char *glob,
				  void (*visit)(const struct variant *variant,
						unsigned int nr))
{
	unsigned int nr_cases = 0;

	for (size_t i = 0; i < sizeof(variants) / sizeof(variants[0]); i++) {
		const char *name;

		for (unsigned int nr = 0; (name = variants[i]->case_name(nr)); nr++) {
			if (!is_selected(variants[i], name, glob))
				continue;
			nr_cases++;
			if (visit)
				visit(variants[i], nr);
		}
	}
	return nr_cases;
}

static void print_totals(void)
{
	printf("# Totals: pass:%u fail:%u skip:0 error:0\n",
	       nr_run - nr_failed, nr_failed);
	fflush(stdout);
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
	nr_failed++;
	printf("not ok %u %s.%s\n", ++nr_run, current_variant->name, current_case);
	printf("Bail out! %s\n", signal == SIGALRM ?
	       "It took more than a minute" : "A sanitizer stopped it, see its report");
	print_totals();
	_exit(1);
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

	nr_cases = for_each_case(glob, is_list ? print_case : NULL);
	if (!nr_cases) {
		fprintf(stderr, "unit: no test case matches '%s'; -l lists them\n",
			glob);
		return 2;
	}
	if (is_list)
		return 0;

	signal(SIGABRT, on_end);
	signal(SIGALRM, on_end);
	printf("KTAP version 1\n1..%u\n# seed %lu\n", nr_cases, first_seed);
	for_each_case(glob, run_case);
	print_totals();
	return nr_failed ? 1 : 0;
}
