/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The ground of lookups: one random cycle through all pages, in every structure. */
#include "work.h"
#include <stdio.h>
#include <stdlib.h>

/* Most seconds that filling one structure may take. */
enum { FILL_SECONDS = 45, CHECKED = 1 << 20 };

static uint64_t page_bytes(uint64_t page)
{
	return page << PEER_PAGE_LG2;
}

/* ---- The cycle ---- */

static uint32_t *random_order(uint64_t count)
{
	uint32_t *order = malloc(count * sizeof(*order));
	uint64_t seed = 1;

	bench_check(order, "no memory");
	for (uint64_t i = 0; i < count; i++) {
		uint64_t other = bench_random(&seed) % (i + 1);

		order[i] = order[other];
		order[other] = (uint32_t)i;
	}
	return order;
}

/* What each page maps to. */
static uint32_t *successors(const uint32_t *order, uint64_t count)
{
	uint32_t *next = malloc(count * sizeof(*next));

	bench_check(next, "no memory");
	for (uint64_t i = 0; i < count; i++)
		next[order[i]] = order[(i + 1) & (count - 1)];
	return next;
}

uint64_t ground_answer(const struct peer_run *run)
{
	uint64_t sum = 0, mask = run->count - 1;

	if (run->dependent)
		return page_bytes(run->order[(run->start + run->n) & mask]);
	for (uint64_t i = run->start + 1; i <= run->start + run->n; i++)
		sum += run->order[i & mask];
	return page_bytes(sum);
}

/* ---- Filling ---- */

uint64_t work_memory_available(void)
{
	FILE *f = fopen("/proc/meminfo", "re");
	unsigned long long kilobytes = 0;
	char line[128];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "MemAvailable: %llu", &kilobytes) == 1)
			break;
	if (f)
		fclose(f);
	return kilobytes << 10;
}

/* Return: whether there was time for all. */
static bool fill(const struct peer *peer, void *map, const struct peer_run *run,
		 const uint32_t *next)
{
	double end = bench_now_ns() + FILL_SECONDS * 1e9;

	for (uint64_t i = 0; i < run->count; i++) {
		peer->map(map, run->base + page_bytes(i), 1, page_bytes(next[i]));
		if (i % 4096 == 0 && bench_now_ns() > end)
			return false;
	}
	return true;
}

static void check(const struct peer *peer, void *map, const struct peer_run *run)
{
	uint64_t n = run->count < CHECKED ? run->count : CHECKED, out;

	for (uint64_t i = 0; i < n; i++) {
		bench_check(peer->find(map, peer_va(run, i), &out), peer->name);
		bench_check(out == page_bytes(run->order[(i + 1) & (run->count - 1)]), peer->name);
	}
	bench_check(!peer->find(map, run->base + page_bytes(run->count), &out), peer->name);
}

static void destroy(const struct peer *peer, void *map)
{
	peer->destroy(map);
	peer_settle(peer);
}

static void *make(struct subject *s, const struct peer_run *run, const uint32_t *next)
{
	const struct peer_opts opts = {
		.base = run->base,
		.pages = run->count + GROUND_SPARE,
		.mapped = run->count + GROUND_SPARE,
		.tables = s->tables,
	};
	void *map;

	if (s->peer->bytes_a_page * run->count > work_memory_available() / 10 * 9) {
		s->skipped = "not enough memory";
		return NULL;
	}
	map = s->peer->create(&opts);
	if (!fill(s->peer, map, run, next)) {
		s->skipped = "takes too long to fill";
		destroy(s->peer, map);
		return NULL;
	}
	peer_settle(s->peer);
	check(s->peer, map, run);
	return map;
}

struct ground *ground_make(uint64_t count)
{
	struct ground *g = calloc(1, sizeof(*g));
	uint32_t *order = random_order(count), *next = successors(order, count);

	bench_check(g, "no memory");
	g->run = (struct peer_run){.base = work_base(), .order = order, .count = count};
	g->subjects = subjects(g->subject, WHO_LOOKS_UP);
	for (unsigned i = 0; i < g->subjects; i++)
		if (!g->subject[i].skipped)
			g->map[i] = make(&g->subject[i], &g->run, next);
	free(next);
	return g;
}

void ground_free(struct ground *g)
{
	for (unsigned i = 0; i < g->subjects; i++)
		if (g->map[i])
			destroy(g->subject[i].peer, g->map[i]);
	free((void *)g->run.order);
	free(g);
}
