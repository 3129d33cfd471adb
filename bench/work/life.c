/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Workload: a small map is made, one page mapped, and the map destroyed. */
#include "work.h"

struct seat {
	const struct subject *subject;
	bool shared;
	uint64_t times;
};

static double live(const struct seat *seat)
{
	const struct peer *peer = seat->subject->peer;
	const struct peer_opts opts = {
		.base = work_base(), .pages = 1, .mapped = 1, .shared = seat->shared};
	double start = bench_now_ns();

	for (uint64_t i = 0; i < seat->times; i++) {
		void *map = peer->create(&opts);

		peer->map(map, work_base(), 1, PEER_PAGE);
		peer->destroy(map);
	}
	return bench_now_ns() - start;
}

static void turn(void *ctx, double value[BENCH_METRICS])
{
	const struct seat *seat = ctx;
	double times = (double)seat->times, cpu = work_cpu_ns();

	value[0] = live(seat) / times;
	peer_settle(seat->subject->peer);
	value[1] = (work_cpu_ns() - cpu) / times;
}

static void measure(const char *title, bool shared)
{
	static const struct bench_metric metrics[] = {
		{"a map of one page, the caller's time", "ns"},
		{"a map of one page, all processor time", "ns"}};
	struct subject list[SUBJECTS_MAX];
	struct bench_row rows[SUBJECTS_MAX];
	struct seat seats[SUBJECTS_MAX];
	unsigned n = subjects(list, WHO_UPDATES);

	for (unsigned i = 0; i < n; i++) {
		seats[i] = (struct seat){&list[i], shared, 16};
		rows[i] = (struct bench_row){list[i].name, list[i].skipped, turn, &seats[i]};
		if (!list[i].skipped)
			seats[i].times = work_scale(16, live(&seats[i]), 16);
	}
	bench_rows(title, metrics, 2, rows, n, 1, BENCH_ROUNDS);
}

void work_life(void)
{
	measure("create and destroy, nothing shared", false);
	measure("create and destroy, heaps shared where there are heaps", true);
}
