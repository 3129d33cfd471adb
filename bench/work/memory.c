/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Workloads that measure memory: each structure in a process of its own, by what the kernel says
 * that the process holds. */
#include "work.h"

enum { ROUNDS = 3, SMALL = 256, PLACES = 1 << 18, CYCLE_STEP = 512 };

struct seat {
	const struct subject *subject;
	bool shared;
	process_work *work;
};

/* ---- In the child ---- */

/* One page in each 2 MiB of 512 GiB. */
struct place {
	uint64_t va, out;
};

static struct place place(unsigned i)
{
	uint64_t offset = (uint64_t)i * CYCLE_STEP << PEER_PAGE_LG2;

	return (struct place){work_base() + offset, offset};
}

static void map_place(const struct peer *peer, void *map, unsigned i)
{
	peer->map(map, place(i).va, 1, place(i).out);
}

static void check_place(const struct peer *peer, void *map, unsigned i, bool mapped)
{
	uint64_t out = 0;

	bench_check(peer->find(map, place(i).va, &out) == mapped &&
			    (!mapped || out == place(i).out),
		    peer->name);
}

/* One after the other is mapped and unmapped; then all are mapped, and all unmapped. */
static void cycle(const void *ctx, void *result)
{
	const struct seat *seat = ctx;
	double *value = result;
	const struct peer *peer = seat->subject->peer;
	const struct peer_opts opts = {
		.base = work_base(), .pages = (uint64_t)PLACES * CYCLE_STEP, .mapped = PLACES};
	double before = process_held(peer), top = process_bytes("VmRSS:"), start;
	void *map = peer->create(&opts);

	start = bench_now_ns();
	for (unsigned i = 0; i < PLACES; i++) {
		map_place(peer, map, i);
		if (i % 64 == 0)
			check_place(peer, map, i, true);
		peer->unmap(map, place(i).va, 1);
	}
	value[0] = (bench_now_ns() - start) / PLACES;
	value[1] = (process_bytes("VmHWM:") - top) / 1024;
	value[2] = (process_held(peer) - before) / 1024;
	for (unsigned i = 0; i < PLACES; i++)
		map_place(peer, map, i);
	value[3] = (process_held(peer) - before) / 1024;
	for (unsigned i = 0; i < PLACES; i++) {
		check_place(peer, map, i, true);
		peer->unmap(map, place(i).va, 1);
		check_place(peer, map, i, false);
	}
	value[4] = (process_held(peer) - before) / 1024;
	value[5] = peer->bytes ? (double)peer->bytes(map) / 1024 : 0;
}

static void small(const void *ctx, void *result)
{
	const struct seat *seat = ctx;
	double *value = result;
	const struct peer *peer = seat->subject->peer;
	const struct peer_opts opts = {
		.base = work_base(), .pages = 1, .mapped = 1, .shared = seat->shared};
	double before = process_held(peer);

	for (unsigned i = 0; i < SMALL; i++)
		peer->map(peer->create(&opts), opts.base, 1, PEER_PAGE);
	value[0] = (process_held(peer) - before) / SMALL;
}

/* ---- In the parent ---- */

static void turn(void *ctx, double value[BENCH_METRICS])
{
	const struct seat *seat = ctx;

	bench_check(process_run(seat->subject->peer, seat->work, seat, value,
				sizeof(*value) * BENCH_METRICS),
		    seat->subject->name);
}

static void measure(const char *title, struct seat seat, const struct bench_metric *metric,
		    unsigned metrics)
{
	struct subject list[SUBJECTS_MAX];
	struct bench_row rows[SUBJECTS_MAX];
	struct seat seats[SUBJECTS_MAX];
	unsigned n = subjects(list, WHO_UPDATES);

	for (unsigned i = 0; i < n; i++) {
		seats[i] = seat;
		seats[i].subject = &list[i];
		rows[i] = (struct bench_row){list[i].name, list[i].skipped, turn, &seats[i]};
	}
	bench_rows(title, metric, metrics, rows, n, 0, ROUNDS);
}

void work_memory(void)
{
	static const struct bench_metric of_cycle[] = {
		{"one after the other mapped and unmapped", "ns"},
		{"one after the other: held at most", "KiB"},
		{"one after the other: held afterwards", "KiB"},
		{"held when all are mapped", "KiB"},
		{"held when all have been unmapped", "KiB"},
		{"that, by its own account (0: keeps none)", "KiB"}};
	static const struct bench_metric of_small[] = {{"a map of one page", "bytes"}};

	measure("one page in each 2 MiB of 512 GiB", (struct seat){.work = cycle}, of_cycle, 6);
	measure("256 small maps, nothing shared", (struct seat){.work = small}, of_small, 1);
	measure("256 small maps, heaps shared where there are heaps",
		(struct seat){.work = small, .shared = true}, of_small, 1);
}
