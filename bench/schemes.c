/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Benchmark: what each freeing scheme takes of an updater, and of the callbacks' thread, a table.
 *
 * Each round gives out so many tables, then takes all back, in order or shuffled, then waits for
 * the callbacks. An updater's part is the time of its thread on a processor; the callbacks' part is
 * what the whole process took beyond that.
 */
#include "bench.h"
#include "gather.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <urcu/urcu-memb.h>

enum { TABLES = 8192, WAYS = 9 };

struct way {
	const char *scheme;
	enum lab_unmap unmap;
};

static const struct way ways[WAYS] = {
	{"head-per-page:own-page", LAB_UNMAP_SINGLE},
	{"head-per-table", LAB_UNMAP_SINGLE},
	{"side-struct:queue-test,full-period", LAB_UNMAP_SINGLE},
	{"biased-refcount", LAB_UNMAP_SINGLE},
	{"last-table-out", LAB_UNMAP_SINGLE},
	{"halves", LAB_UNMAP_SINGLE},
	{"three-states", LAB_UNMAP_SINGLE},
	{"last-table-out", LAB_UNMAP_BATCH},
	{"three-states", LAB_UNMAP_BATCH},
};

/* What one way took in each round, a table. */
struct taken {
	double alloc[BENCH_ROUNDS], free[BENCH_ROUNDS], callbacks[BENCH_ROUNDS];
	double calls[BENCH_ROUNDS];
};

static double cpu_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void shuffle(void **tables)
{
	static uint64_t state = 1;

	for (unsigned i = TABLES - 1; i; i--) {
		unsigned j = (unsigned)(bench_random(&state) % (i + 1));
		void *table = tables[i];

		tables[i] = tables[j];
		tables[j] = table;
	}
}

static void free_all(struct mm *mm, enum lab_unmap unmap, void **tables)
{
	struct mmu_gather tlb;

	tlb_gather_mmu(&tlb, mm, unmap);
	for (unsigned i = 0; i < TABLES; i++)
		tlb_remove_table(&tlb, tables[i]);
	tlb_finish_mmu(&tlb);
}

static void turn(struct mm *mm, const struct way *way, bool shuffled, int round,
		 struct taken *taken)
{
	static void *tables[TABLES];
	struct lab *lab = mm_lab(mm);
	double start = cpu_ns(CLOCK_THREAD_CPUTIME_ID), others, allocated, freed;
	struct lab_counters before, after;

	for (unsigned i = 0; i < TABLES; i++) {
		tables[i] = table_alloc(mm);
		bench_check(tables[i], "out of memory");
	}
	allocated = cpu_ns(CLOCK_THREAD_CPUTIME_ID);
	if (shuffled)
		shuffle(tables);
	lab_counters(lab, &before);
	others = cpu_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu_ns(CLOCK_THREAD_CPUTIME_ID);
	freed = cpu_ns(CLOCK_THREAD_CPUTIME_ID);
	free_all(mm, way->unmap, tables);
	freed = cpu_ns(CLOCK_THREAD_CPUTIME_ID) - freed;
	lab_barrier(lab);
	others = cpu_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu_ns(CLOCK_THREAD_CPUTIME_ID) - others;
	lab_counters(lab, &after);
	if (round < 0)
		return;
	taken->alloc[round] = (allocated - start) / TABLES;
	taken->free[round] = freed / TABLES;
	taken->callbacks[round] = others / TABLES;
	taken->calls[round] = (double)(after.calls - before.calls) / TABLES;
}

static void tell(const struct way *way, size_t page, unsigned tables, bool shuffled,
		 const struct taken *taken)
{
	const double *values[] = {taken->alloc, taken->free, taken->callbacks, taken->calls};
	const char *what[] = {"give out", "take back", "callbacks' processor time", "callbacks"};

	for (unsigned i = 0; i < 4; i++) {
		char name[120];

		snprintf(name, sizeof(name), "%zuK/%u%s %s%s: %s", page >> 10, tables,
			 shuffled ? " shuffled" : "", way->scheme,
			 way->unmap == LAB_UNMAP_BATCH ? "/batch" : "", what[i]);
		bench_values(name, values[i], i == 3 ? "a table" : "ns a table");
	}
}

/* An address space under that scheme; NULL: it cannot do so many tables a page. */
static struct mm *open_mm(const struct way *way, size_t page, unsigned tables)
{
	struct lab_options options = {
		.flavour = &urcu_memb_flavor, .page_bytes = page, .tables_per_page = tables};
	struct lab *lab;
	struct mm *mm;
	char why[160];

	bench_check(!lab_scheme_parse(way->scheme, &options.scheme, &options.switches, why), why);
	if (tables > options.scheme->tables_max)
		return NULL;
	bench_check(!lab_create(&options, &lab, why), why);
	mm = mm_alloc(lab);
	bench_check(mm, "out of memory");
	return mm;
}

static void close_mm(struct mm *mm)
{
	struct lab *lab = mm_lab(mm);

	mmput(mm);
	bench_check(!lab_settle(lab), lab_breach(lab).text);
	lab_destroy(lab);
}

static void compare(size_t page, unsigned tables, bool shuffled)
{
	static struct taken taken[WAYS];
	struct mm *mms[WAYS];

	for (unsigned i = 0; i < WAYS; i++)
		mms[i] = open_mm(&ways[i], page, tables);
	for (int round = -1; round < BENCH_ROUNDS; round++)
		for (unsigned i = 0; i < WAYS; i++)
			if (mms[i])
				turn(mms[i], &ways[i], shuffled, round, &taken[i]);
	printf("\n%zu KiB pages, %u tables each, %s\n", page >> 10, tables,
	       shuffled ? "shuffled" : "in order");
	for (unsigned i = 0; i < WAYS; i++) {
		if (!mms[i])
			continue;
		tell(&ways[i], page, tables, shuffled, &taken[i]);
		close_mm(mms[i]);
	}
}

/* ---- Walkers: what each way to hold on to a table takes ---- */

enum { SPANS = 4096, WALKS = 1 << 16 };

struct walks {
	struct lab *lab;
	struct pgtable *pgtable;
	struct lab_walker *walker;
	enum lab_walk walk;
};

/* Nanoseconds a walk. */
static double walk_all(const struct walks *walks)
{
	uint64_t state = 1, span = pgtable_span(walks->pgtable), found = 0;
	double start = cpu_ns(CLOCK_THREAD_CPUTIME_ID);

	for (unsigned i = 0; i < WALKS; i++)
		found += pgtable_present(walks->pgtable, walks->walker, walks->walk,
					 bench_random(&state) % SPANS * span);
	bench_check(found == WALKS, "a page was not found");
	return (cpu_ns(CLOCK_THREAD_CPUTIME_ID) - start) / WALKS;
}

static void open_walks(struct walks *walks)
{
	struct lab_options lab_options = {
		.flavour = &urcu_memb_flavor, .page_bytes = 4096, .tables_per_page = 2};
	struct pgtable_options options = {
		.top = 1ull << 40, .leaf_bytes = 4096, .counted = walks->walk == LAB_WALK_COUNTED};
	char why[160];

	bench_check(
		!lab_scheme_parse("three-states", &lab_options.scheme, &lab_options.switches, why),
		why);
	bench_check(!lab_create(&lab_options, &options.lab, why), why);
	bench_check(!pgtable_create(&options, &walks->pgtable), "out of memory");
	walks->lab = options.lab;
	walks->walker = lab_walker_add(options.lab);
	for (uint64_t i = 0; i < SPANS; i++)
		bench_check(!pgtable_map(walks->pgtable, i * pgtable_span(walks->pgtable), 4096),
			    "out of memory");
}

static void close_walks(struct walks *walks)
{
	lab_walker_remove(walks->walker);
	pgtable_destroy(walks->pgtable);
	lab_destroy(walks->lab);
}

static void compare_walkers(void)
{
	static const char *const names[] = {
		[LAB_WALK_RCU] = "walk: pte_offset_map, in an RCU section",
		[LAB_WALK_IRQ] = "walk: fast GUP, interrupts off, re-check",
		[LAB_WALK_COUNTED] = "walk: pte_try_get, counted",
	};
	enum { KINDS = sizeof(names) / sizeof(names[0]) };
	double ns[KINDS][BENCH_ROUNDS];
	struct walks walks[KINDS] = {0};

	printf("\nwalks of %u tables at random, no updater\n", SPANS);
	for (unsigned kind = 0; kind < KINDS; kind++) {
		walks[kind].walk = (enum lab_walk)kind;
		open_walks(&walks[kind]);
		walk_all(&walks[kind]);
	}
	for (unsigned round = 0; round < BENCH_ROUNDS; round++)
		for (unsigned kind = 0; kind < KINDS; kind++)
			ns[kind][round] = walk_all(&walks[kind]);
	for (unsigned kind = 0; kind < KINDS; kind++) {
		bench_values(names[kind], ns[kind], "ns");
		close_walks(&walks[kind]);
	}
}

int main(int argc, char **argv)
{
	int status = bench_begin("freeing schemes, a table", argc, argv);

	if (status)
		return status;
	urcu_memb_register_thread();
	compare(4096, 1, false);
	compare(4096, 2, false);
	compare(65536, 16, false);
	compare(65536, 256, false);
	compare(65536, 256, true);
	compare_walkers();
	urcu_memb_unregister_thread();
	return bench_end();
}
