// SPDX-License-Identifier: GPL-2.0
/*
 * count.c - a plugin for QEMU's TCG: instructions of a guest, by function
 *
 *	-plugin count.so,symbols=<file>,watch=<function>,watch=...,stop=<function>,out=<file>
 *
 * The symbols are lines "<address in hexadecimal> <name>", ascending. Each call of
 * a function that is watched gives a line: its name, all instructions from its
 * first one to its return, interrupts included; then, for each function that ran
 * meanwhile, "<name>=<instructions of its own>/<times entered>". On arm64, so do the
 * flushes of all CPUs by what they drop: "tlbi-leaf=0/<times>", "tlbi-table", "tlbi-all".
 * "longest=0/<instructions>" is the longest way without a call of the one to stop at.
 *
 * Blocks of translated code are counted whole when they begin; only one that
 * faults half-way is counted for more than it did. One CPU, no threads. A repeated
 * string instruction counts as often as it repeats.
 *
 * QEMU's packages bring no header for plugins; what is used of its interface
 * stands below.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct qemu_plugin_tb;
struct qemu_plugin_insn;
typedef uint64_t qemu_plugin_id_t;

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id,
		void (*cb)(qemu_plugin_id_t id, struct qemu_plugin_tb *tb));
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb,
		void (*cb)(unsigned int cpu, void *data), int flags, void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t i);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);

int qemu_plugin_version = 1;
int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv);

#define MAX_DEPTH 8

/* What a TLBI of arm64 drops on all CPUs; the last one: it is no such instruction. */
enum kind { LEAF, TABLE, ALL, NR_KINDS };

static const char *const kind_names[NR_KINDS] = { "leaf", "table", "all" };

struct symbol {
	uint64_t start;
	char *name;
	bool is_watched;
	bool is_stop;
};

struct block {
	uint64_t start, end;
	uint64_t nr_insns, nr_flushes[NR_KINDS];
	size_t symbol;
	bool is_entry;
};

struct count {
	uint64_t insns, calls;
};

/* A call that is watched and has not returned. */
struct call {
	size_t symbol;
	uint64_t return_to;
	uint64_t insns, flushes[NR_KINDS];
	uint64_t since_stop, longest;
	struct count *counts;		/* by symbol */
};

static struct symbol *symbols;
static size_t nr_symbols;
static struct call calls[MAX_DEPTH];
static unsigned int depth;
static const struct block *last_block;
static FILE *out;

static size_t find_symbol(uint64_t address)
{
	size_t low = 0, high = nr_symbols;

	/* symbols[low] does not lie above, symbols[high] does */
	while (high - low > 1) {
		const size_t middle = (low + high) / 2;

		if (symbols[middle].start <= address)
			low = middle;
		else
			high = middle;
	}
	return low;
}

static void begin_call(const struct block *block)
{
	struct call *call = &calls[depth];

	if (depth == MAX_DEPTH || !last_block)
		return;
	depth++;
	call->symbol = block->symbol;
	call->return_to = last_block->end;
	call->insns = call->since_stop = call->longest = 0;
	memset(call->flushes, 0, sizeof(call->flushes));
	memset(call->counts, 0, nr_symbols * sizeof(*call->counts));
}

static void end_call(void)
{
	const struct call *call = &calls[--depth];

	fprintf(out, "%s %" PRIu64, symbols[call->symbol].name, call->insns);
	for (size_t i = 0; i < nr_symbols; i++)
		if (call->counts[i].insns)
			fprintf(out, " %s=%" PRIu64 "/%" PRIu64, symbols[i].name,
				call->counts[i].insns, call->counts[i].calls);
	for (enum kind kind = 0; kind < NR_KINDS; kind++)
		if (call->flushes[kind])
			fprintf(out, " tlbi-%s=0/%" PRIu64, kind_names[kind],
				call->flushes[kind]);
	fprintf(out, " longest=0/%" PRIu64, call->longest);
	fputc('\n', out);
	if (!depth)
		fflush(out);
}

static void run_block(unsigned int cpu, void *data)
{
	const struct block *block = data;

	(void)cpu;
	if (depth && block->start == calls[depth - 1].return_to)
		end_call();
	if (block->is_entry && symbols[block->symbol].is_watched)
		begin_call(block);
	for (unsigned int i = 0; i < depth; i++) {
		struct count *count = &calls[i].counts[block->symbol];

		calls[i].insns += block->nr_insns;
		if (block->is_entry && symbols[block->symbol].is_stop)
			calls[i].since_stop = 0;
		calls[i].since_stop += block->nr_insns;
		if (calls[i].longest < calls[i].since_stop)
			calls[i].longest = calls[i].since_stop;
		for (enum kind kind = 0; kind < NR_KINDS; kind++)
			calls[i].flushes[kind] += block->nr_flushes[kind];
		count->insns += block->nr_insns;
		count->calls += block->is_entry;
	}
	last_block = block;
}

/*
 * TLBI is SYS, op1 = 0, CRn = 8; those for the inner or outer shareable domain have
 * CRm = 3 or 1, or 2 or 5 for ranges. op2 is odd where there is an address, with bit 2
 * if only the last level of a walk is dropped (Arm ARM, "TLB maintenance instructions").
 */
static enum kind kind_of(const struct qemu_plugin_insn *insn)
{
	uint32_t code, crm, op2;

	if (qemu_plugin_insn_size(insn) != sizeof(code))
		return NR_KINDS;
	memcpy(&code, qemu_plugin_insn_data(insn), sizeof(code));
	if ((code & 0xfffff000) != 0xd5088000)
		return NR_KINDS;
	crm = code >> 8 & 0xf;
	op2 = code >> 5 & 0x7;
	if (crm != 1 && crm != 2 && crm != 3 && crm != 5)
		return NR_KINDS;
	if (!(op2 & 1))
		return ALL;
	return op2 & 4 ? LEAF : TABLE;
}

static void translate(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	struct block *block = calloc(1, sizeof(*block));
	const struct qemu_plugin_insn *insn;
	enum kind kind;

	(void)id;
	if (!block)
		abort();
	block->nr_insns = qemu_plugin_tb_n_insns(tb);
	for (size_t i = 0; i < block->nr_insns; i++) {
		kind = kind_of(qemu_plugin_tb_get_insn(tb, i));
		if (kind != NR_KINDS)
			block->nr_flushes[kind]++;
	}
	insn = qemu_plugin_tb_get_insn(tb, 0);
	block->start = qemu_plugin_insn_vaddr(insn);
	insn = qemu_plugin_tb_get_insn(tb, block->nr_insns - 1);
	block->end = qemu_plugin_insn_vaddr(insn) + qemu_plugin_insn_size(insn);
	block->symbol = find_symbol(block->start);
	block->is_entry = symbols[block->symbol].start == block->start;
	qemu_plugin_register_vcpu_tb_exec_cb(tb, run_block, 0, block);
}

static bool read_symbols(const char *path)
{
	FILE *file = fopen(path, "r");
	char name[256];
	uint64_t start;

	while (file && fscanf(file, "%" SCNx64 " %255s", &start, name) == 2) {
		symbols = realloc(symbols, (nr_symbols + 1) * sizeof(*symbols));
		if (!symbols)
			abort();
		symbols[nr_symbols++] = (struct symbol){ start, strdup(name), false, false };
	}
	if (file)
		fclose(file);
	return nr_symbols;
}

static void mark(const char *name, bool is_stop)
{
	for (size_t i = 0; i < nr_symbols; i++)
		if (!strcmp(symbols[i].name, name))
			*(is_stop ? &symbols[i].is_stop : &symbols[i].is_watched) = true;
}

int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv)
{
	(void)info;
	for (int i = 0; i < argc; i++) {
		if (!strncmp(argv[i], "symbols=", 8) && !read_symbols(argv[i] + 8))
			return 1;
		if (!strncmp(argv[i], "watch=", 6))
			mark(argv[i] + 6, false);
		if (!strncmp(argv[i], "stop=", 5))
			mark(argv[i] + 5, true);
		if (!strncmp(argv[i], "out=", 4))
			out = fopen(argv[i] + 4, "w");
	}
	if (!out || !nr_symbols)
		return 1;
	for (unsigned int i = 0; i < MAX_DEPTH; i++) {
		calls[i].counts = calloc(nr_symbols, sizeof(*calls[i].counts));
		if (!calls[i].counts)
			abort();
	}
	qemu_plugin_register_vcpu_tb_trans_cb(id, translate);
	return 0;
}
