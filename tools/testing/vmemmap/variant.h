/* SPDX-License-Identifier: GPL-2.0 */
/*
 * variant.h - all test cases, compiled for one size of struct page
 *
 * Known to main.c and fuzz.c, which know nothing else of the harness. Each variant is
 * one relocatable object whose only global symbol is its struct variant.
 */
#ifndef _VARIANT_H
#define _VARIANT_H

#include <stdbool.h>
#include <stddef.h>

/**
 * struct variant - what main.c runs
 * @name: the first part of the name of each of its cases
 * @case_name: name of a case; NULL: there is no such case
 * @run_case: run it; true: passed
 * @run_bytes: run the operations that bytes choose; true: passed
 * @report: tell where the case is that runs now
 */
struct variant {
	const char *name;
	const char *(*case_name)(unsigned int nr);
	bool (*run_case)(unsigned int nr);
	bool (*run_bytes)(const unsigned char *bytes, size_t nr_bytes);
	void (*report)(void);
};

/* Set by main.c from the command line. */
extern unsigned long first_seed;
extern bool is_verbose;

#endif /* _VARIANT_H */
