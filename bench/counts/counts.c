/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Counts what updates and walks do to memory, instead of timing it: counts are the same on any
 * machine, and say what two processors would contend for that there are no processors for.
 *
 * Two threads' operations on pages of their own, A's and B's, are made in turns by one thread. A
 * line of memory that both write between two grace periods is one that they share.
 *
 *   far    A and B are in different entries of the root
 *   near   in neighbouring stretches of addresses, of 2 MiB or as much as one of them maps
 *
 * Behind each stretch a page stays mapped, so that tables above the last have something to hold. */
#include "bench.h"
#include "env.h"
#include "hooks.h"
#include "lines.h"
#include "table/table.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- What a place in memory is ---- */

enum object { HEAP, BLOCK, PAGE_TABLE, OBJECTS };
enum { LINE = 64 };

/* A field goes up to the next of its object. */
static const struct field {
	enum object object;
	size_t offset;
	const char *name; /* and in which line of its object it begins */
} fields[] = {
	{HEAP, offsetof(struct gw_heap, refs), "heap, line %zu: refs"},
	{HEAP, offsetof(struct gw_heap, defers), "heap, line %zu: defers"},
	{HEAP, offsetof(struct gw_heap, waiting_peak), "heap, line %zu: waiting_peak"},
	{HEAP, offsetof(struct gw_heap, released), "heap, line %zu: released"},
	{HEAP, offsetof(struct gw_heap, callbacks), "heap, line %zu: callbacks"},
	{HEAP, offsetof(struct gw_heap, head), "heap, line %zu: head"},
	{HEAP, offsetof(struct gw_heap, queued), "heap, line %zu: queued"},
	{HEAP, offsetof(struct gw_heap, taken), "heap, line %zu: taken"},
	{HEAP, offsetof(struct gw_heap, lock), "heap, line %zu: lock"},
	{HEAP, offsetof(struct gw_heap, list), "heap, line %zu: list, spares"},
	{HEAP, offsetof(struct gw_heap, stats), "heap, line %zu: figures"},
	{BLOCK, offsetof(struct block, announced), "block, line %zu: announced"},
	{BLOCK, offsetof(struct block, pending), "block, line %zu: pending"},
	{BLOCK, offsetof(struct block, current_words), "block, line %zu: current"},
	{BLOCK, offsetof(struct block, number), "block, line %zu: number, next_queued"},
	{BLOCK, offsetof(struct block, free), "block, line %zu: free set"},
	{PAGE_TABLE, offsetof(struct page_table, refs), "page table, line %zu: refs"},
	{PAGE_TABLE, offsetof(struct page_table, idle), "page table, line %zu: idle"},
	{PAGE_TABLE, offsetof(struct page_table, batch_bytes), "page table, line %zu: batch_bytes"},
	{PAGE_TABLE, offsetof(struct page_table, sweeping), "page table, line %zu: sweeping"},
};
enum {
	KNOWN = sizeof(fields) / sizeof(fields[0]),
	/* Then, for each level, a table's entries and its descriptor; and what a heap keeps. */
	ENTRIES = KNOWN,
	DESCS = ENTRIES + GW_LEVELS,
	CLEAN = DESCS + GW_LEVELS,
	FREE_TABLE,
	FIELDS,
	ELSEWHERE = FIELDS /* the stack */
};
_Static_assert((int)FIELDS <= (int)FIELDS_MAX, "lines.h tells so many fields apart");

static const char *field_name(unsigned field)
{
	static char name[FIELDS][64];
	const size_t size = sizeof(name[field]);

	if (field == CLEAN)
		return "block: a table's clean mark";
	if (field == FREE_TABLE)
		return "a free table: list node, filling";
	if (field < KNOWN)
		snprintf(name[field], size, fields[field].name, fields[field].offset / LINE);
	else if (field < DESCS)
		snprintf(name[field], size, "level %u: entries", field - ENTRIES);
	else
		snprintf(name[field], size, "level %u: descriptors", field - DESCS);
	return name[field];
}

static struct page_table *page_table;

static unsigned known_field(enum object object, size_t offset)
{
	unsigned found = ELSEWHERE;

	for (unsigned i = 0; i < KNOWN; i++)
		if (fields[i].object == object && fields[i].offset <= offset)
			found = i;
	return found;
}

static unsigned field_in_block(const struct gw_heap *heap, uintptr_t offset)
{
	const struct block *block = block_at(heap, (uint32_t)(offset / heap->stride));
	size_t in = offset % heap->stride, first = offsetof(struct block, descs);
	size_t i = (in - first) / sizeof(struct desc);

	if (in < first)
		return known_field(BLOCK, in);
	if (i >= heap->tables_per_block)
		return CLEAN;
	return DESCS + ((const struct desc *)(const void *)block->descs)[i].level;
}

/* The entries of a table are written by atomic operations; by others while nobody has it. */
static unsigned field_in_table(const struct gw_heap *heap, uintptr_t at, int atomic)
{
	const struct desc *desc = desc_of_table(heap, (const void *)at, sizeof(*desc));

	return atomic ? ENTRIES + desc->level : FREE_TABLE;
}

static unsigned field_at(uintptr_t at, int atomic)
{
	const struct gw_heap *heap = page_table->heap[0];
	uintptr_t in_heap = at - (uintptr_t)heap, in_page_table = at - (uintptr_t)page_table;
	uintptr_t in_records = at - (uintptr_t)heap->blocks, in_tables = at - (uintptr_t)heap->base;

	if (in_tables < (uintptr_t)heap->nblocks << heap->block_lg2)
		return field_in_table(heap, at, atomic);
	if (in_records < heap->nblocks * heap->stride)
		return field_in_block(heap, in_records);
	if (in_heap < sizeof(*heap))
		return known_field(HEAP, in_heap);
	if (in_page_table < sizeof(*page_table))
		return known_field(PAGE_TABLE, in_page_table);
	return ELSEWHERE;
}

/* ---- Counting ---- */

struct counts {
	uint64_t operations, rmws, heap_locks, table_locks, lines, entry_loads;
	struct env_asked asked;
};

/* What is being counted; NULL: nothing. */
static struct counts *counting;
static enum who who;
static enum part part;

/* A lock is taken by one read-modify-write when nobody else wants it. */
static bool is_heap_lock(uintptr_t at)
{
	return at == (uintptr_t)&page_table->heap[0]->lock;
}

static bool is_table_lock(uintptr_t at, unsigned field)
{
	const struct gw_heap *heap = page_table->heap[0];
	size_t in = (at - (uintptr_t)heap->blocks) % heap->stride - offsetof(struct block, descs);

	return field >= DESCS && field < CLEAN &&
	       in % sizeof(struct desc) == offsetof(struct desc, lock);
}

void count_access(const volatile void *p, size_t bytes, enum access what, int atomic)
{
	uintptr_t at = (uintptr_t)p;
	unsigned field = counting ? field_at(at, atomic) : ELSEWHERE;

	(void)bytes;
	if (field == ELSEWHERE)
		return;
	if (what == ACCESS_LOAD) {
		counting->entry_loads += field >= ENTRIES && field < DESCS;
		return;
	}
	if (what == ACCESS_RMW) {
		counting->rmws++;
		counting->heap_locks += is_heap_lock(at);
		counting->table_locks += is_table_lock(at, field);
	}
	counting->lines += lines_write(at, field, who, part);
}

static void begin(struct counts *counts)
{
	counting = counts;
	counts->operations++;
	lines_next_operation();
	env_asked = (struct env_asked){0};
}

static void end(void)
{
	struct env_asked *sum = &counting->asked;

	sum->sections += env_asked.sections;
	sum->deferred += env_asked.deferred;
	sum->waited += env_asked.waited;
	sum->memory += env_asked.memory;
	counting = NULL;
}

/* ---- The operations ---- */

static const uint64_t sizes[] = {1, 16, 512, 1 << 18};
static const struct {
	enum gw_policy policy;
	const char *name;
} policies[] = {
	{GW_POLICY_MANUAL, "tables stay"}, {GW_POLICY_LAZY, "lazy"}, {GW_POLICY_EAGER, "eager"}};
enum { SIZES = 4, POLICIES = 3, FAR = 0, NEAR, DISTANCES };

/* All that was counted of one size under one policy. */
struct result {
	struct counts parts[PARTS], callbacks, walk;
	uint64_t shared[DISTANCES][PARTS][FIELDS_MAX];
};

enum { OUT = 0x40000000, WARM_UPS = 4, WINDOWS = 16 };

/* A grace period is over when A and B have mapped and unmapped so often: their tables then stay
 * below the limit past which updaters wait. */
static unsigned turns_of(uint64_t pages)
{
	return pages > 512 ? 1 : 16;
}

static uint64_t stretch(uint64_t pages)
{
	return (pages > 512 ? pages : 512) << GW_PAGE_LG2;
}

static uint64_t place(enum who whose, unsigned distance, uint64_t pages)
{
	const uint64_t a = 1ull << 44, far = 1ull << 45;

	return whose == WHO_A ? a : a + (distance == FAR ? far : stretch(pages));
}

static void map(uint64_t va, uint64_t pages)
{
	bench_check(!gw_map(&page_table->pt, va, pages << GW_PAGE_LG2, OUT,
			    GW_FMT_ATTRS & (GW_READ | GW_WRITE)),
		    "map");
}

static void unmap(uint64_t va, uint64_t pages)
{
	bench_check(!gw_unmap(&page_table->pt, va, pages << GW_PAGE_LG2), "unmap");
}

/* A walk that writes nothing is none that shares a line. */
static void walk(uint64_t va, bool mapped, struct counts *counts)
{
	struct gw_leaf leaf;
	bool found;

	begin(counts);
	found = gw_ops.walk(&page_table->pt, va, &leaf);
	end();
	bench_check(found == mapped && (!found || leaf.bytes == 1 << GW_PAGE_LG2), "walk");
}

static void operate(enum part what, unsigned distance, uint64_t pages, struct result *r)
{
	part = what;
	for (who = WHO_A; who < WHOS; who++) {
		uint64_t va = place(who, distance, pages);

		begin(&r->parts[part]);
		if (part == PART_MAP)
			map(va, pages);
		else
			unmap(va, pages);
		end();
		walk(va, part == PART_MAP, &r->walk);
		walk(va + ((pages - 1) << GW_PAGE_LG2), part == PART_MAP, &r->walk);
	}
}

/* From one grace period to the next, and its callbacks. */
static void window(unsigned distance, uint64_t pages, struct result *r)
{
	lines_forget();
	for (unsigned i = 0; i < turns_of(pages); i++) {
		operate(PART_MAP, distance, pages, r);
		operate(PART_UNMAP, distance, pages, r);
	}
	lines_shared(r->shared[distance]);
	lines_forget();
	begin(&r->callbacks);
	grace_period();
	end();
}

static void open_page_table(enum gw_policy policy, unsigned distance, uint64_t pages)
{
	const struct gw_opts opts = {
		.env = counted_env(), .policy = policy, .max_leaf = 1 << GW_PAGE_LG2};
	struct gw_pt *pt;

	bench_check(!gw_create(&opts, &pt), "create");
	page_table = page_table_of(pt);
	for (enum who whose = WHO_A; whose < WHOS; whose++)
		map(place(whose, distance, pages) + 2 * stretch(pages), 1);
}

static void measure(enum gw_policy policy, uint64_t pages, struct result *r)
{
	*r = (struct result){0};
	for (unsigned distance = 0; distance < DISTANCES; distance++) {
		static struct result forgotten;

		open_page_table(policy, distance, pages);
		for (unsigned i = 0; i < WARM_UPS; i++)
			window(distance, pages, &forgotten);
		for (unsigned i = 0; i < WINDOWS; i++)
			window(distance, pages, r);
		gw_destroy(&page_table->pt);
		while (grace_period())
			continue;
	}
}

/* ---- What is told ---- */

static double each(uint64_t n, uint64_t of)
{
	return (double)n / (double)of;
}

static uint64_t sum(const uint64_t writes[FIELDS_MAX])
{
	uint64_t all = 0;

	for (unsigned f = 0; f < FIELDS_MAX; f++)
		all += writes[f];
	return all;
}

enum {
	RMWS,
	TABLE_LOCKS,
	HEAP_LOCKS,
	LINES,
	SHARED_FAR,
	SHARED_NEAR,
	DEFERRED,
	WAITED,
	MEMORY,
	COLUMNS
};
static const char *const columns[COLUMNS] = {"atomic RMW", "table locks", "heap locks",
					     "lines",      "shared, far", "shared, near",
					     "deferred",   "waited",      "memory"};

/* `of`: what the counts are divided by. */
static void fill_row(double *value, const struct counts *c, uint64_t of)
{
	value[RMWS] = each(c->rmws, of);
	value[TABLE_LOCKS] = each(c->table_locks, of);
	value[HEAP_LOCKS] = each(c->heap_locks, of);
	value[LINES] = each(c->lines, of);
	value[SHARED_FAR] = value[SHARED_NEAR] = NAN;
	value[DEFERRED] = each(c->asked.deferred, of);
	value[WAITED] = each(c->asked.waited, of);
	value[MEMORY] = each(c->asked.memory, of);
}

/* A line for what A and B do, each, and one for the callbacks that follow from both. */
static void tell_policy(const char *policy, const struct result results[SIZES])
{
	static const char *const verb[PARTS] = {"map", "unmap"};
	enum { ROWS = SIZES * (PARTS + 1) };
	static char name[ROWS][64];
	const char *names[ROWS];
	double value[ROWS][COLUMNS];
	unsigned row = 0;
	char title[64];

	for (unsigned i = 0; i < SIZES; i++) {
		const struct result *r = &results[i];

		for (unsigned k = 0; k < PARTS; k++, row++) {
			const struct counts *c = &r->parts[k];

			snprintf(name[row], sizeof(name[row]), "%s of %llu", verb[k],
				 (unsigned long long)sizes[i]);
			fill_row(value[row], c, c->operations);
			/* Half of the operations were at each distance. */
			value[row][SHARED_FAR] = each(2 * sum(r->shared[FAR][k]), c->operations);
			value[row][SHARED_NEAR] = each(2 * sum(r->shared[NEAR][k]), c->operations);
		}
		snprintf(name[row], sizeof(name[row]), "callbacks, for a map and unmap of %llu",
			 (unsigned long long)sizes[i]);
		fill_row(value[row++], &r->callbacks, r->parts[0].operations);
	}
	for (unsigned i = 0; i < ROWS; i++)
		names[i] = name[i];
	snprintf(title, sizeof(title), "counts, %s", policy);
	bench_table(title, columns, COLUMNS, names, ROWS, value[0]);
}

/* Writes of a map and an unmap to lines that both write, by field. */
static void tell_shared(const char *title, unsigned distance,
			const struct result results[POLICIES][SIZES])
{
	static const struct {
		unsigned policy, size;
		const char *name;
	} chosen[] = {{0, 0, "stay, 1"},   {1, 0, "lazy, 1"},   {2, 0, "eager, 1"},
		      {0, 2, "stay, 512"}, {1, 2, "lazy, 512"}, {1, 3, "lazy, 256 Ki"}};
	enum { CHOSEN = sizeof(chosen) / sizeof(chosen[0]) };
	const char *heads[CHOSEN], *names[FIELDS];
	double value[FIELDS][CHOSEN];
	unsigned rows = 0;

	for (unsigned f = 0; f < FIELDS; f++) {
		double all = 0;

		for (unsigned c = 0; c < CHOSEN; c++) {
			const struct result *r = &results[chosen[c].policy][chosen[c].size];
			uint64_t writes = r->shared[distance][PART_MAP][f] +
					  r->shared[distance][PART_UNMAP][f];

			heads[c] = chosen[c].name;
			value[rows][c] = each(2 * writes, r->parts[0].operations);
			all += value[rows][c];
		}
		names[rows] = field_name(f);
		rows += all > 0;
	}
	bench_table(title, heads, CHOSEN, names, rows, value[0]);
}

static void tell_walk(const struct counts *walk)
{
	static const char *const heads[] = {"loads of entries", "atomic RMW", "lines written"};
	static const char *const name[] = {"walk"};
	const double value[] = {each(walk->entry_loads, walk->operations),
				each(walk->rmws, walk->operations),
				each(walk->lines, walk->operations)};

	bench_table("counts, walks", heads, 3, name, 1, value);
}

int main(int argc, char **argv)
{
	static struct result results[POLICIES][SIZES];
	int status = bench_begin("what the core does to memory, counted", argc, argv);

	if (status)
		return status;
	for (unsigned i = 0; i < POLICIES; i++) {
		for (unsigned k = 0; k < SIZES; k++)
			measure(policies[i].policy, sizes[k], &results[i][k]);
		tell_policy(policies[i].name, results[i]);
	}
	tell_shared("writes to shared lines, far", FAR, results);
	tell_shared("writes to shared lines, near", NEAR, results);
	tell_walk(&results[0][0].walk);
	return bench_end();
}
