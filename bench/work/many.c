/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Workload: ever more small maps used in turn, each with 512 pages; what can be shared is. */
#include "work.h"
#include <stdio.h>
#include <stdlib.h>

enum { MOST = 1000, PAGES = 512, START = 1024 };

struct seat {
	const struct subject *subject;
	void **map;
	unsigned maps;
	uint64_t seed, lookups, updates;
};

static uint64_t page_at(uint64_t page)
{
	return page << PEER_PAGE_LG2;
}

static double look_up(struct seat *s)
{
	const struct peer *peer = s->subject->peer;
	double start = bench_now_ns(), ns;
	bool right = true;

	for (uint64_t i = 0; i < s->lookups; i++) {
		uint64_t at = page_at(bench_random(&s->seed) % PAGES), out = 0;

		right &= peer->find(s->map[i % s->maps], work_base() + at, &out) && out == at;
	}
	ns = bench_now_ns() - start;
	bench_check(right, peer->name);
	return ns;
}

static double update(struct seat *s)
{
	const struct peer *peer = s->subject->peer;
	double start = bench_now_ns();

	for (uint64_t i = 0; i < s->updates; i++) {
		uint64_t at = page_at(bench_random(&s->seed) % PAGES);

		peer->unmap(s->map[i % s->maps], work_base() + at, 1);
		peer->map(s->map[i % s->maps], work_base() + at, 1, at);
	}
	return bench_now_ns() - start;
}

static void turn(void *ctx, double value[BENCH_METRICS])
{
	struct seat *s = ctx;

	value[0] = look_up(s) / (double)s->lookups;
	value[1] = update(s) / (double)s->updates;
	peer_settle(s->subject->peer);
}

static void open_seat(struct seat *s, const struct subject *subject, unsigned maps)
{
	const struct peer_opts opts = {.base = work_base(),
				       .pages = PAGES,
				       .mapped = PAGES,
				       .tables = subject->tables,
				       .shared = true};

	*s = (struct seat){.subject = subject, .maps = maps, .seed = 5};
	s->lookups = s->updates = START;
	s->map = malloc(maps * sizeof(*s->map));
	bench_check(s->map, "no memory");
	for (unsigned i = 0; i < maps; i++) {
		s->map[i] = subject->peer->create(&opts);
		for (uint64_t page = 0; page < PAGES; page++)
			subject->peer->map(s->map[i], work_base() + page_at(page), 1,
					   page_at(page));
	}
	for (unsigned i = 0; i < 2; i++) {
		s->lookups = work_scale(s->lookups, look_up(s), START);
		s->updates = work_scale(s->updates, update(s), START);
	}
}

static void close_seat(struct seat *s)
{
	for (unsigned i = 0; i < s->maps; i++)
		s->subject->peer->destroy(s->map[i]);
	peer_settle(s->subject->peer);
	free(s->map);
}

static void measure(unsigned maps)
{
	static const struct bench_metric metrics[] = {{"lookup, a section each", "ns"},
						      {"a page unmapped and mapped again", "ns"}};
	struct subject list[SUBJECTS_MAX];
	struct bench_row rows[SUBJECTS_MAX];
	struct seat seats[SUBJECTS_MAX];
	unsigned n = subjects(list, WHO_GROWS);
	char title[64];

	for (unsigned i = 0; i < n; i++) {
		open_seat(&seats[i], &list[i], maps);
		rows[i] = (struct bench_row){list[i].name, NULL, turn, &seats[i]};
	}
	snprintf(title, sizeof(title), "growth, maps used in turn: %u", maps);
	bench_rows(title, metrics, 2, rows, n, 1, BENCH_ROUNDS);
	for (unsigned i = 0; i < n; i++)
		close_seat(&seats[i]);
}

void work_many(void)
{
	for (unsigned maps = 1; maps <= MOST; maps *= 10)
		measure(maps);
}
