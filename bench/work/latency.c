/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Workload: what single lookups take, each in a section of its own, alone and while another thread
 * unmaps whole tables without a pause; and what that thread's unmaps take, each. One row is the
 * clock alone: the machine's own noise. */
#include "work.h"
#include <stdlib.h>

/* Lookups are a turn's; unmaps are collected over all turns, in each of which there are at least so
 * many, if they take no longer than that. */
enum {
	SAMPLES = 1 << 18,
	STORM_PAGES = 512,
	UNMAPS = 1000,
	UNMAPS_NS = 300000000,
	UNMAPS_MAX = 1 << 20,
	WARM_UPS = 1
};

struct seat {
	struct ground *ground;
	unsigned subject;
	const struct peer *peer;
	struct peer_run run;
	struct updater_log unmaps;
	unsigned turns;
};

static uint32_t *ticks;

/* ---- The clock alone ---- */

PEER_INLINE bool find_nothing(void *map, uint64_t va, uint64_t *out)
{
	(void)map;
	(void)va;
	(void)out;
	return false;
}

static uint64_t look_up_nothing(void *map, const struct peer_run *run)
{
	return peer_lookups(map, run, find_nothing, peer_no_section, peer_no_section);
}

static const struct peer clock_alone = {.name = "the clock alone", .lookups = look_up_nothing};

/* ---- Samples ---- */

static double share(double part)
{
	return work_quantile(ticks, SAMPLES, part);
}

static void sample(struct seat *seat)
{
	struct ground *g = seat->ground;
	struct peer_run *run = &seat->run;
	uint64_t answer = seat->peer->lookups(g->map[seat->subject], run);

	bench_check(seat->peer == &clock_alone || answer == ground_answer(run), seat->peer->name);
	run->start = (run->start + run->n) & (run->count - 1);
}

/* For the clock alone the storm is on the structure that its seat names. */
static void turn(void *ctx, double value[BENCH_METRICS])
{
	struct seat *seat = ctx;
	double quiet;

	sample(seat);
	value[0] = share(0.5);
	value[1] = quiet = share(0.9999);
	updater_start(seat->ground, seat->subject, STORM_PAGES, NULL);
	sample(seat);
	updater_stop();
	value[2] = share(0.5);
	value[3] = share(0.9999);
	value[4] = share(1);
	value[5] = value[3] / quiet;
}

/* Lookups go on meanwhile. What the warm-up took is forgotten. */
static void collect(void *ctx, double value[BENCH_METRICS])
{
	struct seat *seat = ctx;
	double end = bench_now_ns() + UNMAPS_NS;
	uint64_t first = seat->unmaps.n;

	(void)value;
	updater_start(seat->ground, seat->subject, STORM_PAGES, &seat->unmaps);
	do
		sample(seat);
	while (atomic_load_explicit(&seat->unmaps.n, memory_order_relaxed) < first + UNMAPS &&
	       bench_now_ns() < end);
	updater_stop();
	if (seat->turns++ < WARM_UPS)
		seat->unmaps.n = 0;
}

static void tell_unmaps(void *ctx, double value[BENCH_METRICS])
{
	struct updater_log *unmaps = &((struct seat *)ctx)->unmaps;
	size_t n = unmaps->n;

	value[0] = work_quantile(unmaps->ticks, n, 0.5);
	value[1] = work_quantile(unmaps->ticks, n, 0.99);
	value[2] = work_quantile(unmaps->ticks, n, 0.9999);
	value[3] = work_quantile(unmaps->ticks, n, 1);
	value[4] = (double)n;
}

static void measure_unmaps(struct bench_row *rows, unsigned n)
{
	static const struct bench_metric metrics[] = {{"half of all calls within", "ns"},
						      {"99 % within", "ns"},
						      {"99.99 % within", "ns"},
						      {"the longest", "ns"},
						      {"calls", "number"}};

	for (unsigned i = 0; i < n; i++) {
		struct updater_log *unmaps = &((struct seat *)rows[i].ctx)->unmaps;

		rows[i].turn = collect;
		unmaps->room = UNMAPS_MAX;
		unmaps->ticks = malloc(UNMAPS_MAX * sizeof(*ticks));
		bench_check(unmaps->ticks, "no memory");
	}
	bench_turns(rows, n, WARM_UPS + BENCH_ROUNDS);
	for (unsigned i = 0; i < n; i++)
		rows[i].turn = tell_unmaps;
	bench_rows("unmaps of 512 pages beside lookups", metrics, 5, rows, n, 0, 1);
	for (unsigned i = 0; i < n; i++)
		free(((struct seat *)rows[i].ctx)->unmaps.ticks);
}

void work_latency(uint64_t pages)
{
	static const struct bench_metric metrics[] = {{"quiet, half of all lookups within", "ns"},
						      {"quiet, 99.99 % within", "ns"},
						      {"storm of unmaps, half within", "ns"},
						      {"storm of unmaps, 99.99 % within", "ns"},
						      {"storm of unmaps, the longest", "ns"},
						      {"99.99 %, storm to quiet", "ratio"}};
	struct ground *ground = ground_make(pages);
	struct bench_row rows[SUBJECTS_MAX + 1];
	struct seat seats[SUBJECTS_MAX + 1];

	ticks = malloc(SAMPLES * sizeof(*ticks));
	bench_check(ticks, "no memory");
	for (unsigned i = 0; i <= ground->subjects; i++) {
		bool alone = i == ground->subjects;
		unsigned subject = alone ? 0 : i;

		seats[i] = (struct seat){.ground = ground,
					 .subject = subject,
					 .peer = ground->subject[subject].peer,
					 .run = ground->run};
		if (alone)
			seats[i].peer = &clock_alone;
		seats[i].run.n = SAMPLES;
		seats[i].run.ticks = ticks;
		rows[i] = (struct bench_row){alone ? clock_alone.name : ground->subject[i].name,
					     ground->subject[subject].skipped, turn, &seats[i]};
	}
	bench_rows("single lookups", metrics, 6, rows, ground->subjects + 1, WARM_UPS,
		   BENCH_ROUNDS);
	measure_unmaps(rows, ground->subjects);
	free(ticks);
	ground_free(ground);
}
