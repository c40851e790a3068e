// SPDX-License-Identifier: GPL-2.0
/*
 * fuzz.c - libFuzzer chooses the operations of test_random.c
 *
 * The first byte of an input chooses the variant, the second the geometry, all
 * others the operations. corpus.txt keeps the inputs that reach new code, a line for
 * each; make unit runs each of them on every variant. Such a line is what
 * "od -An -v -tx1 <file> | tr -d ' \n'" prints.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "variant.h"

unsigned long first_seed;
bool is_verbose;

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t nr_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t nr_bytes)
{
	const struct variant *variant;

	if (nr_bytes < 2)
		return 0;
	variant = variants[bytes[0] % NR_VARIANTS];
	if (variant->run_bytes(bytes + 1, nr_bytes - 1))
		return 0;
	fflush(stdout);
	abort();
}

/* The machine is kept from one input to the next. */
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}
