/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Workload: lookups of random pages. Every answer is part of a sum, or of the way to the next. */
#include "work.h"
#include <stdio.h>

enum { UPDATE_PAGES = 16 };

/* One structure in one kind of lookup. */
struct seat {
	struct ground *ground;
	unsigned subject;
	struct peer_run run; /* the next to do */
	bool updater;
};

/* Return: the nanoseconds it took. */
static double look_up(struct seat *seat)
{
	const struct peer *peer = seat->ground->subject[seat->subject].peer;
	struct peer_run *run = &seat->run;
	double start = bench_now_ns(), ns;
	uint64_t answer = peer->lookups(seat->ground->map[seat->subject], run);

	ns = bench_now_ns() - start;
	bench_check(answer == ground_answer(run), peer->name);
	run->start = (run->start + run->n) & (run->count - 1);
	return ns;
}

static void calibrate(struct seat *seat)
{
	seat->run.n = 16 * PEER_SECTION;
	look_up(seat);
	for (unsigned i = 0; i < 2; i++) {
		uint64_t n = work_scale(seat->run.n, look_up(seat), PEER_SECTION);

		seat->run.n = (n + PEER_SECTION - 1) / PEER_SECTION * PEER_SECTION;
	}
}

static void turn(void *ctx, double value[BENCH_METRICS])
{
	struct seat *seat = ctx;
	uint64_t n = seat->run.n, updated;
	double start, ns;

	if (!seat->updater) {
		value[0] = look_up(seat) / (double)n;
		return;
	}
	updater_start(seat->ground, seat->subject, UPDATE_PAGES, NULL);
	start = bench_now_ns();
	value[0] = look_up(seat) / (double)n;
	updated = updater_stop();
	ns = bench_now_ns() - start;
	value[1] = updated ? ns / (double)updated : 0;
}

static void measure(struct ground *ground, bool dependent, bool each, bool updater)
{
	static const struct bench_metric metrics[] = {
		{"lookup", "ns"}, {"the updater's page, mapped and unmapped", "ns"}};
	struct bench_row rows[SUBJECTS_MAX];
	struct seat seats[SUBJECTS_MAX];
	char title[128];

	for (unsigned i = 0; i < ground->subjects; i++) {
		seats[i] = (struct seat){ground, i, ground->run, updater};
		seats[i].run.dependent = dependent;
		seats[i].run.each = each;
		rows[i] = (struct bench_row){ground->subject[i].name, ground->subject[i].skipped,
					     turn, &seats[i]};
		if (!rows[i].skipped)
			calibrate(&seats[i]);
	}
	snprintf(title, sizeof(title), "lookups among %llu pages, %s, %s%s",
		 (unsigned long long)ground->run.count, dependent ? "dependent" : "independent",
		 each ? "a section each" : "in a section held",
		 updater ? ", an updater beside" : "");
	bench_rows(title, metrics, updater ? 2 : 1, rows, ground->subjects, 1, BENCH_ROUNDS);
}

void work_lookup(uint64_t pages)
{
	struct ground *ground = ground_make(pages);

	for (unsigned i = 0; i < 8; i++)
		measure(ground, i & 1, i & 2, i & 4);
	ground_free(ground);
}
