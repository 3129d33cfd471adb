/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Benchmark: gw_harvest against reading the same tables in a plain loop. */
#include "bench.h"
#include <gracewalk/gracewalk.h>
#include <gracewalk/urcu.h>
#include <stdio.h>
#include <stdlib.h>
#include <urcu/urcu-memb.h>

/* 1 GiB, to where no larger leaf fits. */
enum { PAGE = 1 << GW_PAGE_LG2, TABLE = 1 << 9 };
#define BASE (1ull << 38)
#define BYTES (1ull << 30)
#define PAGES (BYTES / PAGE)

static struct gw_env *env;
static struct gw_pt *pt;
static gw_entry *tables[PAGES / TABLE];
static uint64_t found_bytes, found_runs;
static volatile uint64_t sink;

static void on_found(void *ctx, const struct gw_leaf *run)
{
	(void)ctx;
	found_runs++;
	found_bytes += run->bytes;
}

static void harvest(void *ctx)
{
	(void)ctx;
	found_bytes = found_runs = 0;
	bench_check(!gw_harvest(pt, BASE, BYTES, GW_ACCESSED | GW_DIRTY, on_found, NULL),
		    "gw_harvest");
}

static void harvest_a_page(void *ctx)
{
	for (uint64_t va = BASE; va < BASE + BYTES; va += 64 * PAGE)
		bench_check(!gw_harvest(pt, va, PAGE, GW_ACCESSED | GW_DIRTY, on_found, ctx),
			    "gw_harvest");
}

/* The limit: nobody can find out without reading the entries. */
static void read_all(void *ctx)
{
	uint64_t any = 0;

	(void)ctx;
	for (uint64_t t = 0; t < PAGES / TABLE; t++) {
		const uint64_t *entries = (const uint64_t *)(uintptr_t)tables[t];

		for (unsigned i = 0; i < TABLE; i++)
			any |= entries[i];
	}
	sink = any;
}

/* What an MMU does: one page in `*ctx` was accessed. */
static void access_one_in(void *ctx)
{
	uint64_t one_in = *(uint64_t *)ctx;

	for (uint64_t page = 0; one_in && page < PAGES; page += one_in) {
		gw_entry *entry = &tables[page / TABLE][page % TABLE];

		gw_store_relaxed(entry, gw_fmt_recorded(gw_load_relaxed(entry), GW_ACCESSED, 0));
	}
}

static void access_and_harvest(void *ctx)
{
	access_one_in(ctx);
	harvest(ctx);
}

static void make(void)
{
	struct gw_opts opts = {.env = env};

	bench_check(!gw_create(&opts, &pt), "gw_create");
	bench_check(!gw_map(pt, BASE, BYTES, PAGE, GW_READ | GW_WRITE), "gw_map");
	for (uint64_t t = 0; t < PAGES / TABLE; t++) {
		tables[t] = (gw_entry *)(uintptr_t)gw_pte_map(pt, BASE + t * TABLE * PAGE);
		bench_check(tables[t], "gw_pte_map");
		gw_pte_unmap(pt);
	}
}

static void check(uint64_t one_in)
{
	uint64_t pages = one_in ? (PAGES + one_in - 1) / one_in : 0;

	access_and_harvest(&one_in);
	bench_check(found_bytes == pages * PAGE, "another number of pages");
	harvest(NULL);
	bench_check(found_bytes == 0, "found again");
}

static void measure(const char *name, uint64_t one_in)
{
	check(one_in);
	bench_one_with(name, access_one_in, (struct bench_work){harvest, &one_in, PAGES});
}

int main(int argc, char **argv)
{
	int err = bench_begin("gw_harvest against reading the tables", argc, argv);

	if (err)
		return err;
	urcu_memb_register_thread();
	env = gw_urcu_create(&urcu_memb_flavor);
	bench_check(env, "no memory");
	make();
	printf("%s, %llu pages of 4 KiB, 512 in a table; nanoseconds a page\n", gw_ops.name,
	       (unsigned long long)PAGES);
	printf("  %-46s%12s%12s\n", "", "gw_harvest", "reading");
	check(0);
	bench_pair("nothing accessed", (struct bench_work){harvest, NULL, PAGES},
		   (struct bench_work){read_all, NULL, PAGES});
	measure("one page in 100 accessed", 100);
	measure("all accessed", 1);
	bench_one("nothing accessed, calls of one page",
		  (struct bench_work){harvest_a_page, NULL, PAGES / 64});
	gw_destroy(pt);
	gw_urcu_destroy(env);
	urcu_memb_unregister_thread();
	return bench_end();
}
