// SPDX-License-Identifier: GPL-2.0
/*
 * ktap.c - run one test case of this variant, and tell how it went
 *
 * The first failure ends a case. Diagnostics are KTAP comments; they say on
 * which geometry it happened and, where operations were drawn at random, what
 * they were.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include "soft.h"
#include "variant.h"

#define MAX_OPERATIONS 4096

static const struct test_case * const case_lists[] = {
	alloc_cases, altmap_cases, populate_cases, depopulate_cases, dedup_cases, section_cases,
	sweep_cases, random_cases,
};

static jmp_buf end_of_case;
static char *operations[MAX_OPERATIONS];
static unsigned int nr_operations;

static const struct test_case *find_case(unsigned int nr)
{
	for (size_t i = 0; i < ARRAY_SIZE(case_lists); i++)
		for (const struct test_case *test = case_lists[i]; test->name; test++)
			if (!nr--)
				return test;
	return NULL;
}

static const char *case_name(unsigned int nr)
{
	const struct test_case *test = find_case(nr);

	return test ? test->name : NULL;
}

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
	longjmp(end_of_case, 1);
}

static bool run_case(unsigned int nr)
{
	forget_operations();
	machine.nr_warnings = 0;
	geo.name = NULL;
	if (setjmp(end_of_case))
		return false;
	find_case(nr)->run();
	expect_warnings(0);
	return true;
}

static bool run_bytes(const unsigned char *bytes, size_t nr_bytes)
{
	struct entropy entropy = { .bytes = bytes, .nr_bytes = nr_bytes };

	machine.nr_warnings = 0;
	if (setjmp(end_of_case))
		return false;
	run_chosen_operations(&entropy);
	return true;
}

const struct variant VARIANT = {
	.name = VARIANT_NAME,
	.case_name = case_name,
	.run_case = run_case,
	.run_bytes = run_bytes,
	.report = report,
};
