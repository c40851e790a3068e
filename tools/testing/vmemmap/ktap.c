// SPDX-License-Identifier: GPL-2.0
/*
 * ktap.c - run one test case of this variant on its geometries, and report
 *
 * The first failure ends a case. Diagnostics are KTAP comments; they name the
 * geometry and, where operations were drawn at random, list these.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include "soft.h"
#include "variant.h"
#include <kunit/test.h>

#define MAX_OPERATIONS 4096
#define MAX_CASES 512

/* The name is NULL behind the last case. */
static struct test_case cases[MAX_CASES + 1];
static unsigned int nr_cases;

static jmp_buf end_of_run;
static char *operations[MAX_OPERATIONS];
static unsigned int nr_operations;
static char why_skipped[128];
static unsigned long fewest_points, most_points;

/* Constructors call these, of each file with cases. */
void add_case(struct test_case test)
{
	if (nr_cases == MAX_CASES)
		abort();
	cases[nr_cases++] = test;
}

void add_suite(const struct kunit_suite *suite)
{
	for (const struct kunit_case *kunit = suite->test_cases; kunit->name; kunit++)
		add_case((struct test_case){ .name = kunit->name, .state = BARE,
					     .suite = suite, .kunit = kunit });
}

static const char *case_name(unsigned int nr)
{
	return cases[nr].name;
}

/* ---- What a case reports ---- */

void forget_operations(void)
{
	while (nr_operations)
		free(operations[--nr_operations]);
}

void note_operation(const char *fmt, ...)
{
	va_list args;

	if (nr_operations == MAX_OPERATIONS)
		return;
	va_start(args, fmt);
	if (vasprintf(&operations[nr_operations], fmt, args) >= 0)
		nr_operations++;
	va_end(args);
	if (is_verbose)
		printf("# %s\n", operations[nr_operations - 1]);
}

void test_note(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	printf("# ");
	vprintf(fmt, args);
	printf("\n");
	va_end(args);
}

/* A case that makes each of so many allocations fail. */
void note_points(unsigned long nr_points)
{
	fewest_points = min(fewest_points, nr_points);
	most_points = max(most_points, nr_points);
}

static void report(void)
{
	if (geo.name)
		test_note("geometry %s, seed %lu", geo.name, first_seed);
	for (unsigned int i = 0; i < nr_operations; i++)
		test_note("operation %u: %s", i, operations[i]);
}

void test_fail(const char *file, int line, const char *fmt, ...)
{
	va_list args;

	printf("# %s:%d: ", file, line);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf("\n");
	report();
	longjmp(end_of_run, FAILED);
}

void test_skip(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(why_skipped, sizeof(why_skipped), fmt, args);
	va_end(args);
	if (is_verbose)
		test_note("not on %s: %s", geo.name, why_skipped);
	longjmp(end_of_run, SKIPPED);
}

/* ---- Running ---- */

static bool is_wanted(const struct geometry *g, enum where where)
{
	return where == EVERYWHERE || (where == TINY && g->is_tiny) ||
	       (where == REAL && !g->is_tiny) || (where == ONCE && g == geometries);
}

static enum result run_once(const struct test_case *test, const struct geometry *g, const void *row)
{
	const int how = setjmp(end_of_run);

	if (how)
		return how;
	use_geometry(g);
	build_machine(test->state);
	if (test->kunit)
		run_kunit_case(test->suite, test->kunit, row);
	else
		test->run();
	expect_warnings(0);
	return PASSED;
}

/* One that was skipped says nothing about the others. */
static enum result both(enum result a, enum result b)
{
	return a == FAILED || b == SKIPPED ? a : b;
}

/* Once, or for each row. */
static enum result run_on(const struct test_case *test, const struct geometry *g)
{
	const bool has_rows = test->kunit && test->kunit->generate_params;
	enum result result = SKIPPED;
	char desc[KUNIT_PARAM_DESC_SIZE];
	const void *row = NULL;

	do {
		forget_operations();
		if (has_rows) {
			row = test->kunit->generate_params(row, desc);
			if (!row)
				break;
			note_operation("row: %s", desc);
		}
		result = both(result, run_once(test, g, row));
	} while (row && result != FAILED);
	return result;
}

/* Passed if it was not skipped on all of its geometries. */
static enum result run_case(unsigned int nr)
{
	const struct test_case *test = &cases[nr];
	enum result result = SKIPPED;

	fewest_points = ULONG_MAX;
	most_points = 0;
	for (const struct geometry *g = geometries; g->name && result != FAILED; g++)
		if (is_wanted(g, test->where))
			result = both(result, run_on(test, g));
	if (most_points)
		test_note("%s: %lu to %lu allocation points", test->name, fewest_points,
			  most_points);
	machine.seen.nr_warnings = 0;
	return result;
}

static bool run_bytes(const unsigned char *bytes, size_t nr_bytes)
{
	struct entropy entropy = { .bytes = bytes, .nr_bytes = nr_bytes };

	machine.seen.nr_warnings = 0;
	if (setjmp(end_of_run))
		return false;
	run_chosen_operations(&entropy);
	return true;
}

/* In a section of their own, the variants form an array in the order of linking. */
static const struct variant variant = { VARIANT_NAME, case_name, run_case, run_bytes, report,
					why_skipped };
const struct variant * const VARIANT __attribute__((section("variants"))) = &variant;
