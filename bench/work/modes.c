/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Workload: threads that map, look up and unmap pieces: two, and locally also one to THREADS_MAX.
 *
 *   local     each in a region of its own
 *   pipeline  one maps and looks up; the other looks up and unmaps
 *   global    each maps every other piece of one region, looks up all pieces, unmaps its own
 */
#include "work.h"
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>

enum {
	THREADS = 2,
	THREADS_MAX = 8,
	PIECE = 16,
	PIECES = 1 << 12,
	REGION = PIECE * PIECES,
	IN_STEP = 64,
	RING = 64
};

enum mode { LOCAL, PIPELINE, GLOBAL };

/* One mode on one structure. */
struct seat {
	const struct subject *subject;
	void *map;
	enum mode mode;
	unsigned threads;               /* THREADS but where local */
	uint64_t rounds;                /* through a region, each thread's */
	_Atomic uint64_t mapped, taken; /* pieces, by the two ends of the pipeline */
	_Atomic uint64_t arrived;       /* at barriers, of both */
};

struct worker {
	struct seat *seat;
	unsigned number;
};

static uint64_t piece_va(unsigned region, uint64_t piece)
{
	return work_base() +
	       ((region * (uint64_t)REGION + piece % PIECES * PIECE) << PEER_PAGE_LG2);
}

static void map_piece(struct seat *s, uint64_t va)
{
	s->subject->peer->map(s->map, va, PIECE, va - work_base());
}

static void unmap_piece(struct seat *s, uint64_t va)
{
	s->subject->peer->unmap(s->map, va, PIECE);
}

static void look_up_piece(struct seat *s, uint64_t va)
{
	const struct peer *peer = s->subject->peer;

	for (uint64_t i = 0; i < PIECE; i++) {
		uint64_t at = i << PEER_PAGE_LG2, out = 0;
		bool found = peer->find(s->map, va + at, &out);

		bench_check(found && out == va - work_base() + (peer->one_value ? 0 : at),
			    peer->name);
	}
}

static void local(struct seat *s, unsigned number)
{
	for (uint64_t i = 0; i < s->rounds * PIECES; i++) {
		uint64_t va = piece_va(number, i);

		map_piece(s, va);
		look_up_piece(s, va);
		unmap_piece(s, va);
	}
}

static void wait_for(_Atomic uint64_t *count, uint64_t least)
{
	for (unsigned i = 1; atomic_load_explicit(count, memory_order_acquire) < least; i++)
		if (i % 1024 == 0)
			sched_yield();
}

static void pipeline(struct seat *s, unsigned number)
{
	for (uint64_t i = 0; i < s->rounds * PIECES; i++) {
		uint64_t va = piece_va(0, i);

		if (number == 0) {
			wait_for(&s->taken, i < RING ? 0 : i - RING + 1);
			map_piece(s, va);
			look_up_piece(s, va);
			atomic_store_explicit(&s->mapped, i + 1, memory_order_release);
		} else {
			wait_for(&s->mapped, i + 1);
			look_up_piece(s, va);
			unmap_piece(s, va);
			atomic_store_explicit(&s->taken, i + 1, memory_order_release);
		}
	}
}

static void meet(struct seat *s, uint64_t *meetings)
{
	*meetings += THREADS;
	atomic_fetch_add_explicit(&s->arrived, 1, memory_order_acq_rel);
	wait_for(&s->arrived, *meetings);
}

static void global(struct seat *s, unsigned number)
{
	uint64_t meetings = 0;

	for (uint64_t i = 0; i < s->rounds * PIECES; i += IN_STEP) {
		for (uint64_t k = number; k < IN_STEP; k += THREADS)
			map_piece(s, piece_va(0, i + k));
		meet(s, &meetings);
		for (uint64_t k = 0; k < IN_STEP; k++)
			look_up_piece(s, piece_va(0, i + k));
		meet(s, &meetings);
		for (uint64_t k = number; k < IN_STEP; k += THREADS)
			unmap_piece(s, piece_va(0, i + k));
		meet(s, &meetings);
	}
}

static void *work(void *arg)
{
	static void (*const modes[])(struct seat *, unsigned) = {local, pipeline, global};
	const struct worker *w = arg;

	work_register();
	modes[w->seat->mode](w->seat, w->number);
	work_unregister();
	return NULL;
}

static double run(struct seat *s)
{
	struct worker worker[THREADS_MAX];
	pthread_t thread[THREADS_MAX];
	double start = bench_now_ns();

	s->mapped = s->taken = s->arrived = 0;
	for (unsigned i = 0; i < s->threads; i++) {
		worker[i] = (struct worker){s, i};
		bench_check(!pthread_create(&thread[i], NULL, work, &worker[i]), "pthread_create");
	}
	for (unsigned i = 0; i < s->threads; i++)
		pthread_join(thread[i], NULL);
	return bench_now_ns() - start;
}

static void turn(void *ctx, double value[BENCH_METRICS])
{
	struct seat *s = ctx;
	/* Locally each thread maps all; else each does half. */
	double pages = (double)(s->rounds * REGION) * (s->mode == LOCAL ? s->threads : 1);

	value[0] = run(s) / pages;
	peer_settle(s->subject->peer);
}

/* The regions are mapped once before: structures whose tables stay, and are built by one thread
 * only, then have them all. */
static void open_seat(struct seat *s, const struct subject *subject, enum mode mode,
		      unsigned threads)
{
	const struct peer_opts opts = {.base = work_base(),
				       .pages = threads * REGION,
				       .mapped = threads * REGION,
				       .tables = subject->tables};

	*s = (struct seat){.subject = subject, .mode = mode, .threads = threads, .rounds = 1};
	s->map = subject->peer->create(&opts);
	for (unsigned region = 0; region < threads; region++)
		for (unsigned i = 0; i < PIECES; i++) {
			map_piece(s, piece_va(region, i));
			unmap_piece(s, piece_va(region, i));
		}
	s->rounds = work_scale(1, run(s), 1);
}

static void measure(const char *title, enum mode mode, unsigned threads)
{
	static const struct bench_metric metric = {"a page through all it takes", "ns"};
	struct subject list[SUBJECTS_MAX];
	struct bench_row rows[SUBJECTS_MAX];
	struct seat seats[SUBJECTS_MAX];
	unsigned n = subjects(list, WHO_UPDATES);

	for (unsigned i = 0; i < n; i++) {
		rows[i] = (struct bench_row){list[i].name, list[i].skipped, turn, &seats[i]};
		if (!list[i].skipped)
			open_seat(&seats[i], &list[i], mode, threads);
	}
	bench_rows(title, &metric, 1, rows, n, 1, BENCH_ROUNDS);
	for (unsigned i = 0; i < n; i++)
		if (!list[i].skipped) {
			list[i].peer->destroy(seats[i].map);
			peer_settle(list[i].peer);
		}
}

void work_modes(void)
{
	measure("two threads, local", LOCAL, THREADS);
	measure("two threads, pipeline", PIPELINE, THREADS);
	measure("two threads, global", GLOBAL, THREADS);
}

void work_threads(void)
{
	for (unsigned threads = 1; threads <= THREADS_MAX; threads *= 2) {
		char title[64];

		snprintf(title, sizeof(title), "growth, threads, local: %u", threads);
		measure(title, LOCAL, threads);
	}
}
