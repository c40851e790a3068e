// SPDX-License-Identifier: GPL-2.0
/*
 * vmemmap_counters_kunit.c - nr_memmap_pages and nr_memmap_boot_pages
 *
 * They are read where users read them, in /proc/vmstat.
 */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mount.h>

#include "vmemmap_add_cases.h"

static ssize_t read_file(struct file *file, char *text, size_t size)
{
	ssize_t len = 0, got;
	loff_t pos = 0;

	do {
		got = kernel_read(file, text + len, size - 1 - len, &pos);
		if (got > 0)
			len += got;
	} while (got > 0);
	text[len] = '\0';
	return got ? got : len;
}

struct counters {
	long hotplug;
	long boot;
};

static long value_of(struct kunit *test, const char *text, const char *name)
{
	const char *line = strstr(text, name);
	int nr_values;
	long value;

	KUNIT_ASSERT_NOT_NULL(test, line);
	nr_values = sscanf(line + strlen(name), " %ld", &value);
	KUNIT_ASSERT_EQ(test, 1, nr_values);
	return value;
}

static struct counters read_counters(struct kunit *test)
{
	struct file_system_type *type = get_fs_type("proc");
	const size_t size = SZ_16K;
	struct counters counters;
	struct vfsmount *proc;
	struct file *file;
	ssize_t len;
	char *text;

	if (!type)
		kunit_skip(test, "this kernel has no /proc");
	text = kunit_kmalloc(test, size, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, text);
	proc = kern_mount(type);
	put_filesystem(type);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, proc);
	file = file_open_root_mnt(proc, "vmstat", O_RDONLY, 0);
	len = IS_ERR(file) ? PTR_ERR(file) : read_file(file, text, size);
	if (!IS_ERR(file))
		__fput_sync(file);
	kern_unmount(proc);
	KUNIT_ASSERT_GT(test, len, 0);

	counters.hotplug = value_of(test, text, "\nnr_memmap_pages");
	counters.boot = value_of(test, text, "\nnr_memmap_boot_pages");
	kunit_kfree(test, text);
	return counters;
}

/* So many more pages are counted as were @before. */
static void expect_counted(struct kunit *test, const struct counters *before, long nr)
{
	const struct counters now = read_counters(test);

	KUNIT_EXPECT_EQ(test, before->hotplug + nr, now.hotplug);
	KUNIT_EXPECT_EQ(test, before->boot, now.boot);
}

/* Memory from the device counts as well. */
static long expected_cost(const struct vmemmap_add_case *row)
{
	const long nr = vmemmap_nr_pages(row->nr_pages);

	return row->is_compound ? nr / 8 * VMEMMAP_RESERVE_NR : nr;
}

static void a_memory_map_is_counted_until_it_is_removed(struct kunit *test)
{
	const struct vmemmap_add_case *row = test->param_value;
	struct vmemmap_addition *add = vmemmap_addition_of(test, row);
	const struct counters before = read_counters(test);

	vmemmap_kunit_add(test, add);
	expect_counted(test, &before, expected_cost(row));
	vmemmap_kunit_remove(test, add);
	expect_counted(test, &before, 0);
}

/* The allocation that fails is the first one, then the last. */
static void an_add_that_fails_counts_nothing(struct kunit *test)
{
	const struct vmemmap_add_case *row = test->param_value;
	struct vmemmap_addition *add = vmemmap_addition_of(test, row);
	const struct counters before = read_counters(test);
	const unsigned long nr = vmemmap_kunit_nr_allocations(test, add);
	const unsigned long fails[] = { 0, nr - 1 };
	struct vmemmap_kunit *vk = test->priv;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(fails); i++) {
		vk->nr_asked = 0;
		vk->fail_from = fails[i];
		vmemmap_kunit_assert_no_memory(test, vmemmap_kunit_try_add(test, add));
		expect_counted(test, &before, 0);
	}
}

static void a_refusal_counts_nothing(struct kunit *test)
{
	struct vmemmap_addition *add = vmemmap_kunit_add_new(test, 0, PAGES_PER_SECTION);
	const struct counters before = read_counters(test);

	KUNIT_EXPECT_EQ(test, -EEXIST, vmemmap_kunit_try_add(test, add));
	expect_counted(test, &before, 0);

	vmemmap_kunit_remove(test, add);
	vmemmap_kunit_announce_warning(test);
	vmemmap_kunit_remove(test, add);
	expect_counted(test, &before, -vmemmap_nr_pages(PAGES_PER_SECTION));
}

static struct kunit_case vmemmap_counters_cases[] = {
	KUNIT_CASE_PARAM(a_memory_map_is_counted_until_it_is_removed, vmemmap_add_gen_params),
	KUNIT_CASE_PARAM(an_add_that_fails_counts_nothing, vmemmap_add_gen_params),
	KUNIT_CASE(a_refusal_counts_nothing),
	{}
};

VMEMMAP_KUNIT_SUITE(counters, vmemmap_kunit_init, vmemmap_counters_cases);
