// SPDX-License-Identifier: GPL-2.0
/*
 * test_random.c - random operations, and the oracle after each
 *
 * Memory and devices are added and removed, sections go online and offline,
 * HugeTLB pages are optimised and restored, allocations fail, and absent memory is
 * removed. The answer of each operation is known in advance, and the machine is
 * checked after it. A failure prints the seed and the operations. A fuzzer may
 * choose the operations by bytes.
 */
#include <stdlib.h>

#include "soft.h"

#define MAX_PIECES	4096

/*
 * RAM that was added in one piece and has not been removed since. Where part
 * of a vmemmap page is counted as a page, a range must be removed as it was
 * added, or the counters drift.
 */
struct piece {
	unsigned long pfn;
	unsigned long nr_pages;
};

static struct piece pieces[MAX_PIECES];
static unsigned int nr_pieces;

struct entropy seeded_entropy(void)
{
	unsigned long state = first_seed;

	for (const char *at = geo.name; *at; at++)
		state = 31 * state + *at;
	return (struct entropy){ .state = state };
}

unsigned long choose(struct entropy *entropy, unsigned long nr_choices)
{
	unsigned long bits = 0;

	if (entropy->bytes) {
		for (unsigned long most = 1; most < nr_choices && entropy->nr_bytes;
		     most <<= 8, entropy->nr_bytes--)
			bits = bits << 8 | *entropy->bytes++;
		return bits % nr_choices;
	}
	entropy->state += 0x9e3779b97f4a7c15UL;
	bits = entropy->state;
	bits = (bits ^ bits >> 30) * 0xbf58476d1ce4e5b9UL;
	bits = (bits ^ bits >> 27) * 0x94d049bb133111ebUL;
	return (bits ^ bits >> 31) % nr_choices;
}

static unsigned long nr_subsections(void)
{
	return NR_MEM_SECTIONS * SUBSECTIONS_PER_SECTION;
}

static unsigned long subsection_pfn(unsigned long nr)
{
	return nr * PAGES_PER_SUBSECTION;
}

static bool is_subsection_whole_pages(void)
{
	return PAGE_ALIGNED(PAGES_PER_SUBSECTION * sizeof(struct page));
}

static void keep_piece(unsigned long pfn, unsigned long nr_pages)
{
	if (!nr_pages)
		return;
	EXPECT(nr_pieces < MAX_PIECES);
	pieces[nr_pieces++] = (struct piece){ pfn, nr_pages };
}

/* Pieces never cross the end of a section, since memory is added section by section. */
static void keep_pieces(unsigned long pfn, unsigned long nr_pages)
{
	const unsigned long end = pfn + nr_pages;
	unsigned long next;

	for (; pfn < end; pfn = next) {
		next = min(end, SECTION_ALIGN_DOWN(pfn) + PAGES_PER_SECTION);
		keep_piece(pfn, next - pfn);
	}
}

/* ---- Operations ---- */

/* -ENOMEM only if an allocation was made to fail, or memory has run out. */
static void expect_add(int err, int expected, unsigned long nr_exhausted)
{
	if (err == -ENOMEM)
		EXPECT(machine.seen.nr_failures || machine.seen.nr_exhausted > nr_exhausted);
	else
		EXPECT_EQ(err, expected);
}

static void op_add_ram(struct entropy *entropy)
{
	const unsigned long first = choose(entropy, nr_subsections());
	const unsigned long most = min(nr_subsections() - first, 2 * SUBSECTIONS_PER_SECTION);
	const unsigned long pfn = subsection_pfn(first);
	const unsigned long nr_exhausted = machine.seen.nr_exhausted;
	unsigned long nr_pages = subsection_pfn(1 + choose(entropy, most));
	int err, expected;

	/* whole sections, too, as they may get huge leaves */
	if (!choose(entropy, 3) && IS_ALIGNED(pfn, PAGES_PER_SECTION))
		nr_pages = PAGES_PER_SECTION;
	expected = is_dead_range(pfn, nr_pages) ? 0 : -EEXIST;
	remember_machine();
	note_operation("add RAM %#lx+%#lx", pfn, nr_pages);
	err = add_ram(pfn, nr_pages);
	expect_add(err, expected, nr_exhausted);
	fail_allocation(0, false);
	if (err)
		expect_machine_as_before();
	else
		keep_pieces(pfn, nr_pages);
}

/* Memory is removed only when no HugeTLB page is left in it. */
static bool dissolve(unsigned long pfn, unsigned long nr_pages)
{
	int nr;

	while ((nr = find_huge_page(pfn, nr_pages)) >= 0)
		if (restore_huge_page(nr))
			return false;
	return true;
}

static void op_remove_ram(struct entropy *entropy)
{
	unsigned long first = 0, nr, end;
	struct piece piece;
	unsigned int i;

	if (!nr_pieces)
		return;
	i = choose(entropy, nr_pieces);
	piece = pieces[i];
	nr = end = piece.nr_pages / PAGES_PER_SUBSECTION;
	if (is_subsection_whole_pages() && choose(entropy, 2)) {
		first = choose(entropy, end);
		nr = 1 + choose(entropy, end - first);
	}
	note_operation("remove RAM %#lx+%#lx", piece.pfn + subsection_pfn(first),
		       subsection_pfn(nr));
	if (!dissolve(piece.pfn + subsection_pfn(first), subsection_pfn(nr)))
		return;
	pieces[i] = pieces[--nr_pieces];
	keep_piece(piece.pfn, subsection_pfn(first));
	keep_piece(piece.pfn + subsection_pfn(first + nr), subsection_pfn(end - first - nr));
	remove_ram(piece.pfn + subsection_pfn(first), subsection_pfn(nr));
}

/* Can it share no leaf with a neighbour? */
static bool is_apart(unsigned long pfn, unsigned long nr_pages)
{
	const unsigned long size = geo.arch == ARCH_BASE ? PAGE_SIZE : PMD_SIZE;

	return IS_ALIGNED(vaddr(pfn) | vaddr(pfn + nr_pages), size);
}

/* As large as the start of the device allows. */
static void choose_compound(struct entropy *entropy, struct device *dev)
{
	const unsigned long want = (4UL << choose(entropy, 4)) * PAGE_SIZE;

	if (!PAGE_ALIGNED(PAGES_PER_SECTION * sizeof(struct page)))
		return;
	while (pgmap_vmemmap_nr(&dev->pgmap) * sizeof(struct page) < want &&
	       IS_ALIGNED(dev->pfn, 2 * pgmap_vmemmap_nr(&dev->pgmap)))
		dev->pgmap.vmemmap_shift++;
}

static void choose_altmap(struct entropy *entropy, struct device *dev)
{
	const unsigned long need = DIV_ROUND_UP(dev->nr_pages * sizeof(struct page), PAGE_SIZE);
	const unsigned long reserve = choose(entropy, 8);
	const unsigned long free = need + choose(entropy, 2 * BIT(PMD_ORDER)) - choose(entropy, 2);

	if (reserve + free <= dev->nr_pages)
		give_altmap(dev, reserve, free);
}

static bool choose_device(struct entropy *entropy, struct device *dev)
{
	const unsigned long first = choose(entropy, nr_subsections());
	const unsigned long most = min(nr_subsections() - first, 5 * SUBSECTIONS_PER_SECTION);
	const unsigned long pfn = choose(entropy, 2) ? subsection_pfn(first) :
				  SECTION_ALIGN_DOWN(subsection_pfn(first));
	unsigned long nr_pages = subsection_pfn(1 + choose(entropy, most));

	if (nr_pages > PAGES_PER_SECTION && choose(entropy, 2))
		nr_pages = SECTION_ALIGN_DOWN(nr_pages);
	/* not in place of early sections, whose memory map is present already */
	if (pfn < section_nr_to_pfn(first_hot_section()) || !is_dead_range(pfn, nr_pages))
		return false;
	init_device(dev, NUMA_NO_NODE, pfn, nr_pages);
	if (!has_zone_tails && !is_apart(pfn, nr_pages))
		return true;
	switch (choose(entropy, 3)) {
	case 0:
		choose_compound(entropy, dev);
		break;
	case 1:
		if (!is_apart(pfn, nr_pages))
			break;
		choose_altmap(entropy, dev);
		break;
	}
	return true;
}

static void op_add_device(struct entropy *entropy)
{
	struct device *dev = &devices[choose(entropy, NR_DEVICES)];
	const unsigned long nr_exhausted = machine.seen.nr_exhausted;
	int err;

	if (dev->nr_pages || !choose_device(entropy, dev)) {
		fail_allocation(0, false);
		return;
	}
	note_operation("add device %ld %#lx+%#lx, order %lu, altmap %#lx+%#lx",
		       (long)(dev - devices), dev->pfn, dev->nr_pages,
		       dev->pgmap.vmemmap_shift, dev->altmap.reserve, dev->altmap.free);
	remember_machine();
	err = add_device(dev);
	if (!dev->has_altmap)
		expect_add(err, 0, nr_exhausted);
	else
		EXPECT(!err || err == -ENOMEM);
	fail_allocation(0, false);
	if (err) {
		dev->nr_pages = 0;
		dev->altmap.align = 0;
		expect_machine_as_before();
	}
}

static void op_remove_device(struct entropy *entropy)
{
	struct device *dev = &devices[choose(entropy, NR_DEVICES)];

	if (!dev->nr_pages)
		return;
	note_operation("remove device %ld", (long)(dev - devices));
	remove_device(dev);
	EXPECT_EQ(dev->altmap.alloc, 0);
	dev->altmap.align = 0;
}

static void op_switch_sections(struct entropy *entropy)
{
	const unsigned long first = choose(entropy, NR_MEM_SECTIONS);
	const unsigned long end = first + choose(entropy, NR_MEM_SECTIONS - first);
	unsigned long nr_absent = 0;

	for (unsigned long nr = first; nr < end; nr++)
		nr_absent += !valid_section_nr(nr);
	if (choose(entropy, 2))
		online_mem_sections(section_nr_to_pfn(first), section_nr_to_pfn(end));
	else
		offline_mem_sections(section_nr_to_pfn(first), section_nr_to_pfn(end));
	expect_warnings(nr_absent);
}

static void op_remove_what_is_not_there(struct entropy *entropy)
{
	const unsigned long pfn = subsection_pfn(choose(entropy, nr_subsections()));

	if (is_live_range(pfn, PAGES_PER_SUBSECTION))
		return;
	note_operation("remove absent %#lx", pfn);
	remember_machine();
	sparse_remove_section(pfn, PAGES_PER_SUBSECTION, NULL, NULL);
	expect_warnings(1);
	expect_machine_as_before();
}

static bool is_ram(unsigned long pfn, unsigned long nr_pages)
{
	const unsigned long end = pfn + nr_pages;

	if (end > section_nr_to_pfn(NR_MEM_SECTIONS))
		return false;
	for (; pfn < end; pfn += PAGES_PER_SUBSECTION)
		if (oracle_owner(pfn) != BOOT_RAM && oracle_owner(pfn) != HOT_RAM)
			return false;
	return true;
}

/* Of two vmemmap pages, or four, and so on, but of a subsection at least. */
static void op_optimise(struct entropy *entropy)
{
	const unsigned long nr_exhausted = machine.seen.nr_exhausted;
	const int nr = choose(entropy, NR_HUGE_PAGES);
	const unsigned long nr_pages =
		max((2UL << choose(entropy, 5)) * PFNS_PER_PAGE, PAGES_PER_SUBSECTION);
	const struct piece *piece;
	unsigned long pfn;

	if (is_optimised(nr) || !nr_pieces)
		return;
	piece = &pieces[choose(entropy, nr_pieces)];
	pfn = piece->pfn + choose(entropy, piece->nr_pages);
	pfn = ALIGN_DOWN(pfn, nr_pages);
	if (!can_optimise(pfn, nr_pages) || !is_ram(pfn, nr_pages) ||
	    find_huge_page(pfn, nr_pages) >= 0)
		return;
	note_operation("optimise HugeTLB page %d at %#lx+%#lx", nr, pfn, nr_pages);
	expect_add(optimise_huge_page(nr, pfn, nr_pages), 0, nr_exhausted);
}

static void op_restore(struct entropy *entropy)
{
	const unsigned long nr_exhausted = machine.seen.nr_exhausted;
	const int nr = choose(entropy, NR_HUGE_PAGES);

	if (!is_optimised(nr))
		return;
	note_operation("restore HugeTLB page %d", nr);
	expect_add(restore_huge_page(nr), 0, nr_exhausted);
}

static void op_fail_an_allocation(struct entropy *entropy)
{
	fail_allocation(1 + choose(entropy, 12), choose(entropy, 2));
	note_operation("next: fail allocation %lu%s", machine.knobs.fail_at,
		       machine.knobs.fail_from ? " and later ones" : "");
}

static void run_operation(struct entropy *entropy)
{
	static void (* const ops[])(struct entropy *entropy) = {
		op_add_ram, op_add_ram, op_add_ram,
		op_remove_ram, op_remove_ram, op_remove_ram,
		op_add_device, op_add_device, op_remove_device,
		op_switch_sections, op_remove_what_is_not_there,
		op_optimise, op_optimise, op_restore,
	};

	if (!choose(entropy, 4))
		op_fail_an_allocation(entropy);
	ops[choose(entropy, ARRAY_SIZE(ops))](entropy);
	fail_allocation(0, false);
	check_machine();
}

/* Restoring the HugeTLB pages needs memory, which earlier removals have freed. */
static void remove_piece(const struct piece *piece)
{
	EXPECT(dissolve(piece->pfn, piece->nr_pages));
	remove_ram(piece->pfn, piece->nr_pages);
}

static void remove_everything(void)
{
	for (int i = 0; i < NR_DEVICES; i++)
		if (devices[i].nr_pages)
			remove_device(&devices[i]);
	while (nr_pieces) {
		nr_pieces--;
		remove_piece(&pieces[nr_pieces]);
	}
	check_machine();
	EXPECT_EQ(machine.memmap_pages + machine.memmap_boot_pages, nr_device_tails());
}

/* On a machine that has just booted. */
void run_operations(struct entropy *entropy, unsigned int nr_operations)
{
	nr_pieces = 0;
	for_each_boot_region(region)
		keep_pieces(region->pfn, region->end_pfn - region->pfn);
	while (nr_operations-- && (!entropy->bytes || entropy->nr_bytes))
		run_operation(entropy);
	note_operation("remove everything");
	remove_everything();
	forget_operations();
}

/* Bytes choose the geometry, too. */
void run_chosen_operations(struct entropy *entropy)
{
	unsigned long nr_geometries = 0;

	while (geometries[nr_geometries].name)
		nr_geometries++;
	use_geometry(&geometries[choose(entropy, nr_geometries)]);
	machine_boot();
	run_operations(entropy, 1000);
}

TEST(random_operations_agree_with_the_oracle_on_tiny_tables, BOOT, .where = TINY)
{
	struct entropy entropy = seeded_entropy();

	run_operations(&entropy, 300);
}

TEST(random_operations_agree_with_the_oracle_on_real_tables, BOOT, .where = REAL)
{
	struct entropy entropy = seeded_entropy();

	run_operations(&entropy, 30);
}

/* ---- The corpus of the fuzzer ---- */

/* A line is an input: two hexadecimal digits for each byte. */
static void run_input(const char *line, int number)
{
	unsigned char bytes[4096];
	struct entropy entropy = { .bytes = bytes + 1 };
	size_t nr = 0;

	while (nr < sizeof(bytes) && sscanf(line + 2 * nr, "%2hhx", &bytes[nr]) == 1)
		nr++;
	note_operation("input %d", number);
	EXPECT(nr >= 2 && nr < sizeof(bytes));
	entropy.nr_bytes = nr - 1;
	run_chosen_operations(&entropy);
}

/* Whatever variant an input was found with. */
TEST(operations_of_the_corpus_agree_with_the_oracle, BARE, .where = ONCE)
{
	FILE *file = fopen(CORPUS, "r");
	char *line = NULL;
	size_t size = 0;
	int nr = 0;

	EXPECT(file);
	while (getline(&line, &size, file) > 0)
		run_input(line, ++nr);
	EXPECT(nr > 0);
	free(line);
	fclose(file);
}
