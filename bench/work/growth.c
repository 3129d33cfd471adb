/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Workload: the same lookups among ever more pages; for Gracewalk and the base. Each size in a
 * process of its own, so that none inherits what the one before has left.
 *
 * The pages are a cycle without an array: each maps to where the one lies that is a golden section
 * of all further on. So steps that follow one another are far apart, and close ones are revisited
 * only when about all others have been. */
#include "work.h"
#include <stdio.h>
#include <stdlib.h>

enum { INDEPENDENT = 0, DEPENDENT, FILL, BYTES, METRICS };
enum { PLACES = 1 << 22, FILLS = 16, FILL_PAGES = 1 << 20 };

struct size {
	uint64_t pages;
	unsigned n;
	struct subject subject[SUBJECTS_MAX];
};

struct told {
	bool fits[SUBJECTS_MAX];
	double value[SUBJECTS_MAX][BENCH_ROUNDS][METRICS];
};

/* ---- In the child ---- */

static uint64_t next_page(uint64_t page, uint64_t pages, uint64_t steps)
{
	uint64_t stride = (uint64_t)((double)pages * 0.6180339887498949) | 1;

	return (page + steps * stride) & (pages - 1);
}

static double fill(const struct peer *peer, void *map, uint64_t pages)
{
	double start = bench_now_ns();

	for (uint64_t i = 0; i < pages; i++)
		peer->map(map, work_base() + (i << PEER_PAGE_LG2), 1,
			  next_page(i, pages, 1) << PEER_PAGE_LG2);
	return bench_now_ns() - start;
}

/* Small ones more than once, for the sake of the clock. */
static void *fill_some(const struct subject *s, uint64_t pages, double *ns)
{
	const struct peer_opts opts = {
		.base = work_base(), .pages = pages, .mapped = pages, .tables = s->tables};
	uint64_t times = pages > FILL_PAGES ? 1 : FILL_PAGES / pages;
	void *map = NULL;
	double sum = 0;

	times = times > FILLS ? FILLS : times;
	for (uint64_t i = 0; i < times; i++) {
		if (map)
			s->peer->destroy(map);
		map = s->peer->create(&opts);
		sum += fill(s->peer, map, pages);
	}
	peer_settle(s->peer);
	*ns = sum / (double)(times * pages);
	return map;
}

static uint32_t *random_places(uint64_t count, uint64_t pages)
{
	uint32_t *place = malloc(count * sizeof(*place));
	uint64_t seed = 4;

	bench_check(place, "no memory");
	for (uint64_t i = 0; i < count; i++)
		place[i] = (uint32_t)(bench_random(&seed) & (pages - 1));
	return place;
}

static uint64_t answer_of(const struct peer_run *run, uint64_t pages)
{
	uint64_t mask = run->count - 1, sum = 0;

	if (run->dependent)
		return next_page(run->order[run->start & mask], pages, run->n) << PEER_PAGE_LG2;
	for (uint64_t i = run->start; i < run->start + run->n; i++)
		sum += next_page(run->order[i & mask], pages, 1);
	return sum << PEER_PAGE_LG2;
}

static double look_up(const struct peer *peer, void *map, struct peer_run *run, uint64_t pages)
{
	double start = bench_now_ns(), ns;
	uint64_t answer = peer->lookups(map, run);

	ns = bench_now_ns() - start;
	bench_check(answer == answer_of(run, pages), peer->name);
	run->start = (run->start + run->n) & (run->count - 1);
	return ns;
}

static void calibrate(const struct peer *peer, void *map, struct peer_run *run, uint64_t pages)
{
	run->n = 16 * PEER_SECTION;
	look_up(peer, map, run, pages);
	for (unsigned i = 0; i < 2; i++) {
		uint64_t n = work_scale(run->n, look_up(peer, map, run, pages), PEER_SECTION);

		run->n = (n + PEER_SECTION - 1) / PEER_SECTION * PEER_SECTION;
	}
}

/* A round that does not count comes first: calibrate. */
static void work(const void *ctx, void *result)
{
	const struct size *size = ctx;
	const uint64_t pages = size->pages, count = pages < PLACES ? pages : PLACES;
	const struct peer_run run = {
		.base = work_base(), .order = random_places(count, pages), .count = count};
	struct peer_run runs[SUBJECTS_MAX][2];
	struct told *told = result;
	void *map[SUBJECTS_MAX];
	double ns;

	for (unsigned i = 0; i < size->n; i++) {
		const struct peer *peer = size->subject[i].peer;

		told->fits[i] = peer->bytes_a_page * pages < work_memory_available() / 10 * 9;
		if (!told->fits[i])
			continue;
		map[i] = fill_some(&size->subject[i], pages, &ns);
		for (unsigned k = 0; k < 2; k++) {
			runs[i][k] = run;
			runs[i][k].dependent = k == DEPENDENT;
			calibrate(peer, map[i], &runs[i][k], pages);
		}
		for (unsigned r = 0; r < BENCH_ROUNDS; r++) {
			told->value[i][r][FILL] = ns;
			told->value[i][r][BYTES] = (double)peer->bytes(map[i]) / (double)pages;
		}
	}
	for (unsigned r = 0; r < BENCH_ROUNDS; r++)
		for (unsigned i = 0; i < size->n; i++)
			for (unsigned k = 0; told->fits[i] && k < 2; k++)
				told->value[i][r][k] =
					look_up(size->subject[i].peer, map[i], &runs[i][k], pages) /
					(double)runs[i][k].n;
}

/* ---- In the parent ---- */

/* Hands on what the process told, round after round. */
struct seat {
	const double (*value)[METRICS];
	unsigned round;
};

static void turn(void *ctx, double value[BENCH_METRICS])
{
	struct seat *seat = ctx;

	for (unsigned m = 0; m < METRICS; m++)
		value[m] = seat->value[seat->round][m];
	seat->round++;
}

static void measure(uint64_t pages)
{
	static const struct bench_metric metrics[METRICS] = {
		[INDEPENDENT] = {"independent lookup, in a section held", "ns"},
		[DEPENDENT] = {"dependent lookup, in a section held", "ns"},
		[FILL] = {"a page mapped, one after the other", "ns"},
		[BYTES] = {"memory a page, by its own account", "bytes"}};
	struct size size = {.pages = pages};
	struct bench_row rows[SUBJECTS_MAX];
	struct seat seats[SUBJECTS_MAX];
	struct told told = {0};
	char title[64];
	bool done;

	size.n = subjects(size.subject, WHO_GROWS);
	done = process_run(NULL, work, &size, &told, sizeof(told));
	for (unsigned i = 0; i < size.n; i++) {
		seats[i] = (struct seat){.value = told.value[i]};
		rows[i] = (struct bench_row){size.subject[i].name,
					     !done          ? "its process was killed"
					     : told.fits[i] ? NULL
							    : "not enough memory",
					     turn, &seats[i]};
	}
	snprintf(title, sizeof(title), "growth, %llu pages", (unsigned long long)pages);
	bench_rows(title, metrics, METRICS, rows, size.n, 0, BENCH_ROUNDS);
}

void work_growth(uint64_t most)
{
	for (uint64_t pages = 1 << 10; pages <= most; pages *= 4)
		measure(pages);
}
