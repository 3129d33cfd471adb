/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Workload: what single lookups take, each in a section of its own, alone and while another thread
 * unmaps whole tables without a pause. One row is the clock alone: the machine's own noise. */
#include "work.h"
#include <stdlib.h>

enum { SAMPLES = 1 << 18, STORM_PAGES = 512 };

struct seat {
	struct ground *ground;
	unsigned subject;
	const struct peer *peer;
	struct peer_run run;
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

/* The k-th smallest of them, by Hoare's selection; moves them about. */
static uint32_t select_tick(uint32_t k)
{
	uint32_t low = 0, high = SAMPLES - 1;

	while (low < high) {
		uint32_t pivot = ticks[low + (high - low) / 2], i = low, j = high;

		for (;; i++, j--) {
			uint32_t t;

			while (ticks[i] < pivot)
				i++;
			while (ticks[j] > pivot)
				j--;
			if (i >= j)
				break;
			t = ticks[i];
			ticks[i] = ticks[j];
			ticks[j] = t;
		}
		if (k <= j)
			high = j;
		else
			low = j + 1;
	}
	return ticks[low];
}

static double share(double part)
{
	return select_tick((uint32_t)(part * (SAMPLES - 1))) / work_ticks_per_ns();
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
	updater_start(seat->ground, seat->subject, STORM_PAGES);
	sample(seat);
	updater_stop();
	value[2] = share(0.5);
	value[3] = share(0.9999);
	value[4] = share(1);
	value[5] = value[3] / quiet;
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

		seats[i] =
			(struct seat){ground, subject, ground->subject[subject].peer, ground->run};
		if (alone)
			seats[i].peer = &clock_alone;
		seats[i].run.n = SAMPLES;
		seats[i].run.ticks = ticks;
		rows[i] = (struct bench_row){alone ? clock_alone.name : ground->subject[i].name,
					     ground->subject[subject].skipped, turn, &seats[i]};
	}
	bench_rows("single lookups", metrics, 6, rows, ground->subjects + 1, 1, BENCH_ROUNDS);
	free(ticks);
	ground_free(ground);
}
