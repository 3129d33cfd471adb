/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Comparing schemes on made-up traces, where every page can be counted by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "compare_run.h"

/* A page of 64 KiB holds 16 tables of 4 KiB, and a table maps 2 MiB. */
enum { PAGE = 65536, PER_PAGE = 16, TABLE = PAGE / PER_PAGE, SMALL = 4096, MS = 1000000 };
enum { TABLES = 4 * PER_PAGE, LATER = TABLES - TABLES / PER_PAGE };

#define SPAN (2ull << 20)
#define BASE (1ull << 32)
#define LONG (60000ull * MS) /* any grace period is over by then */

static char word[] = "made-up";
static char *words[] = {word};

/* ---- Making traces ---- */

struct made {
	struct trace_writer *writer;
	uint64_t time;
};

static void add(struct made *made, struct trace_event event)
{
	event.time = made->time;
	assert_int_equal(trace_writer_add(made->writer, &event), 0);
}

static void begin(struct made *made)
{
	const struct trace_meta meta = {
		.argv = words,
		.argc = 1,
		.kernel = (char *)(uintptr_t) "6.18.0",
		.machine = (char *)(uintptr_t) "x86_64",
		.thp = (char *)(uintptr_t) "never",
		.page_size = SMALL,
		.address_bits = 47,
	};

	*made = (struct made){.time = MS};
	assert_int_equal(trace_writer_create(&meta, &made->writer), 0);
	add(made, (struct trace_event){.kind = TRACE_EXEC});
	add(made, (struct trace_event){.kind = TRACE_MMAP,
				       .addr = BASE,
				       .len = 2 * TABLES * SPAN,
				       .prot = PROT_READ | PROT_WRITE,
				       .flags = MAP_PRIVATE | MAP_ANONYMOUS});
}

/* One page in each of n tables from the first-th on. */
static void touch(struct made *made, unsigned first, unsigned n)
{
	for (unsigned i = first; i < first + n; i++)
		add(made, (struct trace_event){.kind = TRACE_FAULT, .addr = BASE + i * SPAN});
}

/* Of the first tables all but each 16th loses what it maps: `len` from its begin on. */
static void discard(struct made *made, uint64_t len)
{
	for (unsigned i = 0; i < TABLES; i++)
		if (i % PER_PAGE)
			add(made, (struct trace_event){.kind = TRACE_MADVISE,
						       .addr = BASE + i * SPAN,
						       .len = len,
						       .flags = MADV_DONTNEED});
}

static struct trace *end(struct made *made, bool exits)
{
	struct trace_error error;
	struct trace *trace;
	unsigned char *bytes;
	size_t size;

	if (exits)
		add(made, (struct trace_event){.kind = TRACE_EXIT});
	assert_int_equal(trace_writer_pack(made->writer, &bytes, &size), 0);
	trace_writer_destroy(made->writer);
	assert_int_equal(trace_open_memory(bytes, size, &trace, &error), 0);
	free(bytes);
	return trace;
}

/* 64 tables; all but one a page go; after `pause` ns as many others come. */
static struct trace *come_and_go(uint64_t discarded, uint64_t pause)
{
	struct made made;

	begin(&made);
	touch(&made, 0, TABLES);
	made.time += MS;
	discard(&made, discarded);
	made.time += pause;
	touch(&made, TABLES, LATER);
	made.time += MS;
	return end(&made, true);
}

/* ---- Comparing ---- */

struct compared {
	struct compare_options options;
	struct compare_outcome outcome;
	struct trace *trace;
};

static void ask_for(struct compared *compared, const char *scheme, enum lab_unmap unmap)
{
	struct compare_options *o = &compared->options;
	struct compare_entry *entry = &o->entry[o->n++];
	char why[160];

	assert_int_equal(lab_scheme_parse(scheme, &entry->scheme, &entry->switches, why), 0);
	entry->unmap = unmap;
	snprintf(entry->name, sizeof(entry->name), "%s", scheme);
}

static void open_with(struct compared *compared, struct trace *trace, const char *scheme)
{
	*compared = (struct compared){
		.trace = trace,
		.options = {.page_bytes = PAGE, .leaf_bytes = SMALL, .tables_per_page = PER_PAGE},
	};
	if (scheme)
		ask_for(compared, scheme, LAB_UNMAP_SINGLE);
}

static void run(struct compared *compared)
{
	char why[300];

	assert_int_equal(compare_run(&compared->options, compared->trace, &compared->outcome, why),
			 0);
}

static void finish(struct compared *compared)
{
	compare_close(&compared->options, &compared->outcome);
	trace_close(compared->trace);
}

/* What holds for every sound scheme. */
static void check_sound(const struct compared *compared, unsigned i)
{
	const struct compare_result *result = &compared->outcome.result[i];
	const struct lab_counters *all = &result->end;
	const struct pace_curve *curve = &result->memory.curve;
	uint64_t released = (all->frees + all->defers + all->removes) * TABLE;

	assert_string_equal(result->failure, "");
	assert_int_equal(all->pages, 0);
	assert_int_equal(all->tables, 0);
	assert_int_equal(all->waiting, 0);
	assert_int_equal(all->batches, 0);
	assert_int_equal(all->reuse.count, all->defers + all->removes);
	assert_true(result->memory.waiting_peak <= released);
	assert_true(curve->n > 0 && curve->n <= 4 * PACE_POINTS);
	for (size_t k = 0; k < curve->n; k++)
		assert_true(curve->point[k].level.held <= result->memory.held_peak);
}

/* ---- Tests ---- */

static void pages_are_pinned_or_reused(void **state)
{
	static const struct {
		const char *scheme;
		unsigned pages_peak;
	} expected[] = {
		{"head-per-page:own-page", TABLES},
		{"head-per-table", 8},
		{"side-struct:queue-test,full-period", 4},
		{"biased-refcount", 8},
		{"last-table-out", 8},
		{"three-states", 4},
	};
	struct compared compared;

	(void)state;
	open_with(&compared, come_and_go(SPAN, LONG), NULL);
	for (unsigned i = 0; i < 6; i++)
		ask_for(&compared, expected[i].scheme, LAB_UNMAP_SINGLE);
	run(&compared);
	assert_int_equal(compared.outcome.operations, TABLES + LATER + LATER + 1);
	for (unsigned i = 0; i < 6; i++) {
		const struct lab_counters *all = &compared.outcome.result[i].end;

		check_sound(&compared, i);
		assert_int_equal(all->allocs, TABLES + LATER);
		assert_int_equal(all->defers, TABLES + LATER);
		assert_int_equal(all->pages_peak, expected[i].pages_peak);
		assert_int_equal(compared.outcome.result[i].memory.held_peak,
				 expected[i].pages_peak * PAGE);
	}
	finish(&compared);
}

static void a_page_of_its_own_wastes_the_rest(void **state)
{
	struct compared compared;
	struct made made;
	struct pace_result *memory;

	(void)state;
	begin(&made);
	touch(&made, 0, TABLES);
	made.time += 1000000 * (uint64_t)MS;
	open_with(&compared, end(&made, true), "head-per-page:own-page");
	run(&compared);
	check_sound(&compared, 0);
	memory = &compared.outcome.result[0].memory;
	assert_int_equal(memory->wasted_peak, TABLES * (PAGE - TABLE));
	assert_true(memory->held_mean > 0.99 * TABLES * PAGE);
	assert_float_equal(memory->wasted_mean / memory->held_mean, 1 - 1.0 / PER_PAGE, 1e-6);
	finish(&compared);
}

/* The kernel frees no table for a page that was discarded alone. */
static void linux_keeps_what_is_empty(void **state)
{
	struct compared compared;

	(void)state;
	open_with(&compared, come_and_go(SMALL, MS), "three-states");
	compared.options.linux_rules = true;
	run(&compared);
	check_sound(&compared, 0);
	assert_int_equal(compared.outcome.result[0].end.allocs, TABLES + LATER);
	assert_int_equal(compared.outcome.result[0].end.pages_peak, 8);
	finish(&compared);
	open_with(&compared, come_and_go(SPAN, LONG), "three-states");
	compared.options.linux_rules = true;
	run(&compared);
	assert_int_equal(compared.outcome.result[0].end.pages_peak, 4);
	finish(&compared);
}

/* An hour in which nothing waits passes at once, and counts as an hour. */
static void an_hour_is_skipped_and_counted(void **state)
{
	struct compared compared;
	struct pace_result *memory;

	(void)state;
	open_with(&compared, come_and_go(SPAN, 3600000 * (uint64_t)MS), "last-table-out");
	run(&compared);
	check_sound(&compared, 0);
	memory = &compared.outcome.result[0].memory;
	assert_true(memory->seconds >= 3600);
	assert_true(memory->skipped > 3500);
	assert_true(memory->held_mean > 3.9 * PAGE && memory->held_mean < 4.1 * PAGE);
	assert_true(memory->wasted_mean > 0.99 * LATER * TABLE);
	assert_true(compared.outcome.result[0].end.reuse.worst >= 3600000 * (uint64_t)MS);
	finish(&compared);
}

static void batches_and_rendezvous(void **state)
{
	struct compared compared;

	(void)state;
	open_with(&compared, come_and_go(SPAN, LONG), NULL);
	ask_for(&compared, "three-states", LAB_UNMAP_BATCH);
	ask_for(&compared, "last-table-out", LAB_UNMAP_BATCH);
	ask_for(&compared, "three-states", LAB_UNMAP_IPI);
	compared.options.walkers = compared.options.rounds = 1;
	run(&compared);
	for (unsigned i = 0; i < 3; i++) {
		const struct lab_counters *all = &compared.outcome.result[i].end;

		check_sound(&compared, i);
		assert_int_equal(all->removes, TABLES + LATER);
		assert_int_equal(all->defers, 0);
		assert_int_equal(all->syncs, i == 2 ? TABLES + LATER : 0);
		/* One for each call of the program, and one for the exit. */
		assert_int_equal(all->calls, i == 2 ? 0 : LATER + 1);
		assert_true(compared.outcome.result[i].rounds[0].passes > 0);
		assert_true(compared.outcome.result[i].rounds[0].walks > 0);
	}
	finish(&compared);
}

static void the_kernels_samples_are_kept(void **state)
{
	struct compared compared;
	struct made made;

	(void)state;
	begin(&made);
	touch(&made, 0, 1);
	made.time += MS;
	add(&made, (struct trace_event){.kind = TRACE_SAMPLE, .value = 12});
	made.time += MS;
	open_with(&compared, end(&made, false), "three-states"); /* cut short: no exit */
	run(&compared);
	check_sound(&compared, 0);
	assert_int_equal(compared.outcome.kernel.n, 1);
	assert_int_equal(compared.outcome.kernel.point[0].level.held, 12 * 1024);
	finish(&compared);
}

/* The sketch of 2023 as it was: a single table freed in a page is never queued. */
static void a_lost_page_is_a_failure(void **state)
{
	struct compared compared;
	struct made made;

	(void)state;
	begin(&made);
	touch(&made, 0, 1);
	open_with(&compared, end(&made, true), "side-struct");
	run(&compared);
	assert_non_null(strstr(compared.outcome.result[0].failure, "still held"));
	assert_non_null(strstr(compared.outcome.result[0].failure, "side-struct"));
	finish(&compared);
}

struct column {
	uint64_t tables, present;
};

static struct column column_of(const struct map *map, unsigned moment)
{
	struct column column = {0};

	for (unsigned row = 0; row < map->rows; row++) {
		column.tables += map->cell[row][moment].tables;
		column.present += map->cell[row][moment].present;
	}
	return column;
}

/* A third of the time each: all tables, few, others. Under the kernel's rules a table that is left
 * empty stays. */
static void the_map_has_every_table(void **state)
{
	struct compared compared;
	const struct map *map = &compared.outcome.map;

	(void)state;
	for (unsigned linux_rules = 0; linux_rules < 2; linux_rules++) {
		open_with(&compared, come_and_go(SMALL, MS), "three-states");
		compared.options.map = true;
		compared.options.linux_rules = linux_rules;
		run(&compared);
		assert_int_equal(map->span, SPAN);
		assert_int_equal(map->entries, 512);
		assert_int_equal(map->rows, (TABLES + LATER) / 2);
		for (unsigned row = 0; row < map->rows; row++) {
			assert_int_equal(map->row[row].first, BASE + 2 * row * SPAN);
			assert_int_equal(map->row[row].gap, !row);
		}
		for (unsigned moment = 0; moment < MAP_MOMENTS; moment++) {
			unsigned third = moment / (MAP_MOMENTS / 3);
			struct column column = column_of(map, moment);
			unsigned present = third == 1 ? TABLES - LATER : TABLES;

			assert_int_equal(column.present, present);
			assert_int_equal(column.tables,
					 linux_rules ? TABLES + (third == 2) * LATER : present);
		}
		finish(&compared);
	}
}

static void gaps_part_rows(void **state)
{
	const uint64_t far = 1ull << 40;
	struct compared compared;
	struct made made;

	(void)state;
	begin(&made);
	add(&made, (struct trace_event){.kind = TRACE_MMAP,
					.addr = far,
					.len = 200 * 2 * far / 4,
					.prot = PROT_READ | PROT_WRITE,
					.flags = MAP_PRIVATE | MAP_ANONYMOUS});
	touch(&made, 0, 3);
	for (unsigned i = 0; i < 200; i++)
		add(&made, (struct trace_event){.kind = TRACE_FAULT, .addr = far + i * far / 4});
	made.time += MS;
	open_with(&compared, end(&made, true), "three-states");
	compared.options.map = true;
	run(&compared);
	assert_true(compared.outcome.map.rows <= MAP_ROWS);
	assert_int_equal(compared.outcome.map.row[0].first, BASE);
	assert_true(compared.outcome.map.row[0].gap);
	assert_int_equal(column_of(&compared.outcome.map, MAP_MOMENTS - 1).tables, 203);
	finish(&compared);
}

static void a_curve_stays_thin(void **state)
{
	struct pace_curve curve;
	uint64_t peak = 0, waiting = 0;

	(void)state;
	assert_int_equal(pace_curve_open(&curve, 1, PACE_POINTS), 0);
	for (unsigned i = 0; i < 100000; i++) {
		const struct pace_point point = {.seconds = i / 100000.0,
						 .level.held = i == 54321 ? 100 : i % 7,
						 .waiting = i == 12346 ? 50 : 0};

		pace_curve_add(&curve, &point);
	}
	assert_true(curve.n >= PACE_POINTS && curve.n <= 2 * PACE_POINTS);
	assert_int_equal(curve.point[curve.n - 1].level.held, 99999 % 7);
	for (size_t i = 0; i < curve.n; i++) {
		peak = curve.point[i].level.held > peak ? curve.point[i].level.held : peak;
		waiting += curve.point[i].waiting;
	}
	assert_int_equal(peak, 100);
	assert_int_equal(waiting, 50);
	pace_curve_close(&curve);
}

/* What waited until a slot's end is not told of what comes after it. */
static void a_curve_ends_as_it_is(void **state)
{
	static const struct {
		uint64_t held, waiting;
	} points[] = {{5, 0}, {5, 3}, {5, 0}, {6, 4}, {7, 0}, {7, 0}};
	struct pace_curve curve;

	(void)state;
	assert_int_equal(pace_curve_open(&curve, 100, 1), 0);
	for (unsigned i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
		const struct pace_point point = {
			.seconds = i, .level.held = points[i].held, .waiting = points[i].waiting};

		pace_curve_add(&curve, &point);
		assert_int_equal(curve.point[curve.n - 1].waiting, points[i].waiting);
		assert_int_equal(curve.point[curve.n - 1].level.held, points[i].held);
	}
	assert_int_equal(curve.n, 2);
	assert_int_equal(curve.point[0].waiting, 4);
	assert_int_equal(curve.point[0].level.held, 7);
	pace_curve_close(&curve);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pages_are_pinned_or_reused),
		cmocka_unit_test(a_page_of_its_own_wastes_the_rest),
		cmocka_unit_test(linux_keeps_what_is_empty),
		cmocka_unit_test(an_hour_is_skipped_and_counted),
		cmocka_unit_test(batches_and_rendezvous),
		cmocka_unit_test(the_kernels_samples_are_kept),
		cmocka_unit_test(a_lost_page_is_a_failure),
		cmocka_unit_test(the_map_has_every_table),
		cmocka_unit_test(gaps_part_rows),
		cmocka_unit_test(a_curve_stays_thin),
		cmocka_unit_test(a_curve_ends_as_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
