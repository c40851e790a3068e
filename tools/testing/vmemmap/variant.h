/* SPDX-License-Identifier: GPL-2.0 */
/*
 * variant.h - all test cases, compiled for one size of struct page
 *
 * Known to main.c and fuzz.c, which know nothing else of the harness. Each variant is
 * one relocatable object whose only global symbol is a pointer to its struct variant.
 */
#ifndef _VARIANT_H
#define _VARIANT_H

#include <stdbool.h>
#include <stddef.h>

/* Not 0, which is what setjmp() returns at first. */
enum result { PASSED = 1, FAILED, SKIPPED };

/**
 * struct variant - the test cases of a variant
 * @name: the first part of the name of each of its cases
 * @case_name: name of a case; NULL behind the last
 * @run_case: run it
 * @run_bytes: run the operations that bytes choose; true: passed
 * @report: print where the running case is
 * @why_skipped: the reason, after a case was skipped
 */
struct variant {
	const char *name;
	const char *(*case_name)(unsigned int nr);
	enum result (*run_case)(unsigned int nr);
	bool (*run_bytes)(const unsigned char *bytes, size_t nr_bytes);
	void (*report)(void);
	const char *why_skipped;
};

/* All variants that are linked in, in this order. */
extern const struct variant * const __start_variants[], * const __stop_variants[];

#define NR_VARIANTS	((size_t)(__stop_variants - __start_variants))
#define variants	__start_variants

/* Set by main.c from the command line. */
extern unsigned long first_seed;
extern bool is_verbose;

#endif /* _VARIANT_H */
