/* SPDX-License-Identifier: GPL-2.0 */
/*
 * As much of KUnit as the suites in mm/tests/ need that are compiled for the
 * harness too. ktap.c runs their cases, on each geometry and for each row; the
 * first failure ends a case, so that an expectation is an assertion.
 */
#ifndef _KUNIT_TEST_H
#define _KUNIT_TEST_H

#include <stdlib.h>

#include "soft.h"

#define KUNIT_PARAM_DESC_SIZE	128

struct kunit {
	void *priv;
	const void *param_value;
};

struct kunit_case {
	const char *name;
	void (*run_case)(struct kunit *test);
	const void *(*generate_params)(const void *previous, char *desc);
};

struct kunit_suite {
	const char *name;
	int (*init)(struct kunit *test);
	struct kunit_case *test_cases;
};

#define KUNIT_CASE(function)		{ .name = #function, .run_case = function }
#define KUNIT_CASE_PARAM(function, rows) \
	{ .name = #function, .run_case = function, .generate_params = rows }

#define KUNIT_ARRAY_PARAM_DESC(rows, array, desc_member)		\
static const void *rows##_gen_params(const void *previous, char *desc)	\
{									\
	const typeof((array)[0]) *row = previous ?			\
		(const typeof((array)[0]) *)previous + 1 : (array);	\
									\
	if (row == (array) + ARRAY_SIZE(array))				\
		return NULL;						\
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s", row->desc_member);	\
	return row;							\
}

/* In ktap.c; kunit.c runs the cases. */
void add_suite(const struct kunit_suite *suite);
void run_kunit_case(const struct kunit_suite *suite, const struct kunit_case *test,
		    const void *row);

#define kunit_test_suite(suite)						\
__attribute__((constructor)) static void add_##suite(void)		\
{									\
	add_suite(&suite);						\
}
#define kunit_test_init_section_suite(suite)	kunit_test_suite(suite)

#define kunit_skip(test, fmt, args...)	((void)(test), test_skip(fmt, ##args))
#define kunit_info(test, fmt, args...) do {				\
	(void)(test);							\
	if (is_verbose)							\
		test_note(fmt, ##args);					\
} while (0)
#define kunit_kzalloc(test, size, gfp)	((void)(test), calloc(1, size))

#define KUNIT_COMPARE(test, a, op, b) do {				\
	const long __x = (long)(a), __y = (long)(b);			\
	(void)(test);							\
	if (!(__x op __y))						\
		FAIL("expected %s %s %s, have %ld (%#lx) and %ld (%#lx)", \
		     #a, #op, #b, __x, __x, __y, __y);			\
} while (0)

#define KUNIT_EXPECT_EQ(test, a, b)	KUNIT_COMPARE(test, a, ==, b)
#define KUNIT_EXPECT_NE(test, a, b)	KUNIT_COMPARE(test, a, !=, b)
#define KUNIT_EXPECT_GE(test, a, b)	KUNIT_COMPARE(test, a, >=, b)
#define KUNIT_EXPECT_GT(test, a, b)	KUNIT_COMPARE(test, a, >, b)
#define KUNIT_EXPECT_LE(test, a, b)	KUNIT_COMPARE(test, a, <=, b)
#define KUNIT_EXPECT_EQ_MSG(test, a, b, fmt, args...) do {		\
	if ((long)(a) != (long)(b))					\
		test_note(fmt, ##args);					\
	KUNIT_COMPARE(test, a, ==, b);					\
} while (0)
#define KUNIT_EXPECT_PTR_EQ		KUNIT_EXPECT_EQ
#define KUNIT_EXPECT_PTR_NE		KUNIT_EXPECT_NE
#define KUNIT_EXPECT_TRUE(test, a)	KUNIT_COMPARE(test, !!(a), ==, true)
#define KUNIT_EXPECT_FALSE(test, a)	KUNIT_COMPARE(test, !!(a), ==, false)
#define KUNIT_EXPECT_NULL(test, a)	KUNIT_COMPARE(test, a, ==, NULL)
#define KUNIT_EXPECT_NOT_NULL(test, a)	KUNIT_COMPARE(test, a, !=, NULL)
#define KUNIT_ASSERT_EQ			KUNIT_EXPECT_EQ
#define KUNIT_ASSERT_NE			KUNIT_EXPECT_NE
#define KUNIT_ASSERT_GT			KUNIT_EXPECT_GT
#define KUNIT_ASSERT_TRUE		KUNIT_EXPECT_TRUE
#define KUNIT_ASSERT_NOT_NULL		KUNIT_EXPECT_NOT_NULL

#endif /* _KUNIT_TEST_H */
