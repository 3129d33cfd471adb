/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Benchmark: gw_remap against gw_unmap and gw_map of the same; gw_map_many against as many calls of
 * gw_map. `--pages N` moves fewer. */
#include "bench.h"
#define GW_FORMAT x86_64
#include <gracewalk/gracewalk.h>
#include <gracewalk/urcu.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <urcu/urcu-memb.h>

enum { PAGE = 4096, PAGES = 1 << 18 };
#define HERE 0x100000000000ull
#define OUT 0x123456789000ull /* not aligned to larger leaves */
#define ATTR (GW_READ | GW_WRITE)

static struct gw_env *env;
static uint64_t most = PAGES;

/* ---- From one place to another and back ---- */

struct trip {
	struct gw_pt *pt;
	uint64_t bytes, at, other;
};

static void turn(struct trip *trip)
{
	uint64_t at = trip->at;

	trip->at = trip->other;
	trip->other = at;
}

static void by_remap(void *ctx)
{
	struct trip *trip = ctx;

	bench_check(!gw_remap(trip->pt, trip->at, trip->bytes, trip->other), "gw_remap");
	turn(trip);
}

static void by_map(void *ctx)
{
	struct trip *trip = ctx;

	bench_check(!gw_unmap(trip->pt, trip->at, trip->bytes), "gw_unmap");
	bench_check(!gw_map(trip->pt, trip->other, trip->bytes, OUT, ATTR), "gw_map");
	turn(trip);
}

static void start(struct trip *trip, uint64_t bytes, uint64_t distance)
{
	struct gw_opts opts = {.env = env};

	*trip = (struct trip){.bytes = bytes, .at = HERE, .other = HERE + distance};
	bench_check(!gw_create(&opts, &trip->pt), "gw_create");
	bench_check(!gw_map(trip->pt, trip->at, bytes, OUT, ATTR), "gw_map");
}

static void there_and_back(uint64_t pages, uint64_t distance, const char *how)
{
	struct trip ours, base;
	char name[64];

	start(&ours, pages * PAGE, distance);
	start(&base, pages * PAGE, distance);
	snprintf(name, sizeof(name), "move %llu pages by %s", (unsigned long long)pages, how);
	bench_pair(name, (struct bench_work){by_remap, &ours, pages},
		   (struct bench_work){by_map, &base, pages});
	gw_destroy(ours.pt);
	gw_destroy(base.pt);
	gw_urcu_drain(env);
}

/* ---- Scattered pages ---- */

struct list {
	struct gw_pt *pt;
	struct gw_piece *piece;
	uint64_t n, turns;
};

static void by_list(void *ctx)
{
	struct list *list = ctx;

	for (uint64_t turn = 0; turn < list->turns; turn++) {
		bench_check(!gw_map_many(list->pt, HERE, list->piece, list->n, ATTR),
			    "gw_map_many");
		bench_check(!gw_unmap(list->pt, HERE, list->n * PAGE), "gw_unmap");
	}
}

static void one_by_one(void *ctx)
{
	struct list *list = ctx;

	for (uint64_t turn = 0; turn < list->turns; turn++) {
		for (uint64_t i = 0; i < list->n; i++)
			bench_check(
				!gw_map(list->pt, HERE + i * PAGE, PAGE, list->piece[i].out, ATTR),
				"gw_map");
		bench_check(!gw_unmap(list->pt, HERE, list->n * PAGE), "gw_unmap");
	}
}

static void in_one(void *ctx)
{
	struct list *list = ctx;

	for (uint64_t turn = 0; turn < list->turns; turn++) {
		bench_check(!gw_map(list->pt, HERE, list->n * PAGE, OUT, ATTR), "gw_map");
		bench_check(!gw_unmap(list->pt, HERE, list->n * PAGE), "gw_unmap");
	}
}

static void scattered(uint64_t pages)
{
	struct list list = {.n = pages, .turns = most / pages};
	struct gw_opts opts = {.env = env};
	uint64_t seed = 1;
	char name[64];

	list.piece = malloc(pages * sizeof(*list.piece));
	bench_check(list.piece && !gw_create(&opts, &list.pt), "no memory");
	for (uint64_t i = 0; i < pages; i++)
		list.piece[i] = (struct gw_piece){bench_random(&seed) % (1 << 24) * PAGE, PAGE};
	snprintf(name, sizeof(name), "%llu pages: gw_map_many, gw_map each",
		 (unsigned long long)pages);
	bench_pair(name, (struct bench_work){by_list, &list, pages * list.turns},
		   (struct bench_work){one_by_one, &list, pages * list.turns});
	snprintf(name, sizeof(name), "%llu pages: gw_map_many, one gw_map",
		 (unsigned long long)pages);
	bench_pair(name, (struct bench_work){by_list, &list, pages * list.turns},
		   (struct bench_work){in_one, &list, pages * list.turns});
	gw_destroy(list.pt);
	gw_urcu_drain(env);
	free(list.piece);
}

int main(int argc, char **argv)
{
	int err;

	if (argc > 2 && !strcmp(argv[1], "--pages")) {
		most = strtoull(argv[2], NULL, 0);
		argv[2] = argv[0];
		argc -= 2;
		argv += 2;
	}
	if (most < 512)
		return 2;
	err = bench_begin("gw_remap and gw_map_many against gw_map and gw_unmap", argc, argv);
	if (err)
		return err;
	urcu_memb_register_thread();
	env = gw_urcu_create(&urcu_memb_flavor);
	bench_check(env, "no memory");
	printf("  %-46s%12s%12s\n", "nanoseconds a page", "gw_remap", "unmap, map");
	there_and_back(most, 1ull << 40, "whole tables, 1 TiB");
	there_and_back(most, (1ull << 40) + (1 << 21), "whole tables, 1 TiB + 2 MiB");
	there_and_back(most, (1ull << 40) + PAGE, "pages, 1 TiB + 4 KiB");
	there_and_back(1, 1ull << 40, "pages");
	printf("  %-46s%12s%12s\n", "nanoseconds a page, with its gw_unmap", "many", "gw_map");
	scattered(1);
	scattered(512);
	scattered(most);
	gw_urcu_destroy(env);
	urcu_memb_unregister_thread();
	return bench_end();
}
