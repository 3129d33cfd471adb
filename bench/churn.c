/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Benchmark: updates against tables that are never freed; deferral; making and destroying. */
#include "bench.h"
#define GW_FORMAT x86_64
#include <gracewalk/gracewalk.h>
#include <gracewalk/urcu.h>
#include <stdio.h>
#include <stdlib.h>
#include <urcu/urcu-memb.h>

/* Ranges are aligned to a table of 512 pages, what they map to is not: all leaves are pages. */
enum { PAGE = 4096, TURN_PAGES = 1 << 18, TABLES = 4096, PAGE_TABLES = 256 };
#define BASE 0x7f0000000000ull
#define OUT 0x123456789000ull
#define ATTR (GW_READ | GW_WRITE)

static struct gw_env *env;

/* ---- Ours ---- */

struct ours {
	struct gw_pt *pt;
	uint64_t pages;
};

/* Maps and unmaps the range until so many pages went in and out. */
static void ours_run(void *ctx)
{
	const struct ours *ours = ctx;

	for (uint64_t done = 0; done < TURN_PAGES; done += ours->pages) {
		bench_check(!gw_map(ours->pt, BASE, ours->pages * PAGE, OUT, ATTR), "gw_map");
		bench_check(!gw_unmap(ours->pt, BASE, ours->pages * PAGE), "gw_unmap");
	}
}

/* ---- The same by hand: no lock, no count, no larger leaves, and tables that stay for ever ---- */

struct raw {
	uint64_t *root;
	uint64_t pages, bytes;
};

static uint64_t *raw_table(struct raw *raw)
{
	uint64_t *table = aligned_alloc(PAGE, PAGE);

	bench_check(table, "no memory");
	for (unsigned i = 0; i < PAGE / sizeof(*table); i++)
		table[i] = 0;
	raw->bytes += PAGE;
	return table;
}

/* The last-level table of an address; built if need be. */
static uint64_t *raw_find(struct raw *raw, uint64_t va)
{
	uint64_t *table = raw->root;

	for (unsigned level = 3; level > 0; level--) {
		uint64_t *entry = &table[gw_index(va, level)];

		if (!*entry)
			*entry = (uint64_t)(uintptr_t)raw_table(raw) | X86_P | X86_RW | X86_US;
		table = (uint64_t *)(uintptr_t)(*entry & X86_ADDRESS);
	}
	return table;
}

static void raw_set(struct raw *raw, uint64_t leaf, uint64_t step)
{
	uint64_t va = BASE, end = BASE + raw->pages * PAGE;

	while (va < end) {
		volatile uint64_t *table = raw_find(raw, va);
		unsigned i = gw_index(va, 0);

		for (; i < 512 && va < end; i++, va += PAGE, leaf += step)
			table[i] = leaf;
	}
}

static void raw_run(void *ctx)
{
	struct raw *raw = ctx;

	for (uint64_t done = 0; done < TURN_PAGES; done += raw->pages) {
		raw_set(raw, gw_fmt_leaf(OUT, ATTR, 0), PAGE);
		raw_set(raw, 0, 0);
	}
}

static void raw_free(uint64_t *table, unsigned level)
{
	for (unsigned i = 0; level > 0 && i < 512; i++)
		if (table[i])
			raw_free((uint64_t *)(uintptr_t)(table[i] & X86_ADDRESS), level - 1);
	free(table);
}

/* ---- Ranges, policies ---- */

static void range(uint64_t pages, enum gw_policy policy, const char *how)
{
	struct gw_opts opts = {.env = env, .policy = policy};
	struct ours ours = {.pages = pages};
	struct raw raw = {.pages = pages};
	struct gw_pt_stats stats;
	char name[64];

	raw.root = raw_table(&raw);
	bench_check(!gw_create(&opts, &ours.pt), "gw_create");
	snprintf(name, sizeof(name), "%llu pages, %s", (unsigned long long)pages, how);
	bench_pair(name, (struct bench_work){ours_run, &ours, TURN_PAGES},
		   (struct bench_work){raw_run, &raw, TURN_PAGES});
	gw_urcu_drain(env);
	gw_stats(ours.pt, &stats);
	bench_figure("  bytes of tables in use afterwards", stats.table_bytes, "bytes");
	bench_figure("  bytes of blocks held for them", stats.block_bytes, "bytes");
	bench_figure("  bytes by hand", raw.bytes, "bytes");
	gw_destroy(ours.pt);
	raw_free(raw.root, 3);
	gw_urcu_drain(env);
}

static void ranges(void)
{
	static const uint64_t pages[] = {1, 512, TURN_PAGES};

	printf("  %-46s%12s%12s\n", "map and unmap, nanoseconds a page", "gracewalk", "by hand");
	for (unsigned i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
		range(pages[i], GW_POLICY_MANUAL, "tables stay");
		range(pages[i], GW_POLICY_LAZY, "lazy");
		range(pages[i], GW_POLICY_EAGER, "tables come and go");
	}
}

/* ---- Deferral ---- */

struct deferral {
	struct gw_heap *heap;
	void *table[TABLES];
};

static void give_out(struct deferral *d)
{
	for (unsigned i = 0; i < TABLES; i++)
		bench_check((d->table[i] = gw_heap_alloc(d->heap)), "gw_heap_alloc");
}

static void alloc_free(void *ctx)
{
	struct deferral *d = ctx;

	give_out(d);
	for (unsigned i = 0; i < TABLES; i++)
		gw_heap_free(d->heap, d->table[i]);
}

static void alloc_defer(void *ctx)
{
	struct deferral *d = ctx;

	give_out(d);
	for (unsigned i = 0; i < TABLES; i++)
		gw_heap_defer(d->heap, d->table[i]);
	gw_urcu_drain(env);
}

/* Only the deferring itself; what comes before and after is not part of it. */
static void defer_each(void *ctx)
{
	struct deferral *d = ctx;

	for (unsigned i = 0; i < TABLES; i++)
		gw_heap_defer(d->heap, d->table[i]);
}

static void defer_together(void *ctx)
{
	struct deferral *d = ctx;
	struct gw_retire retire = {.heap = d->heap};

	for (unsigned i = 0; i < TABLES; i++)
		gw_retire_add(&retire, d->table[i]);
	gw_retire_flush(&retire);
}

static void refill(void *ctx)
{
	gw_urcu_drain(env);
	give_out(ctx);
}

static void deferrals(void)
{
	struct deferral *d = calloc(1, sizeof(*d));
	struct gw_heap_stats stats;
	struct gw_heap_opts opts;

	bench_check(d && !gw_heap_defaults(0, &opts), "no memory");
	opts.env = env;
	bench_check(!gw_heap_create(&opts, &d->heap), "gw_heap_create");
	printf("\n  nanoseconds a table, %d tables of %zu bytes\n", TABLES, opts.table_bytes);
	bench_one_with("gw_heap_defer", refill, (struct bench_work){defer_each, d, TABLES});
	bench_one_with("gw_retire_add, gw_retire_flush", refill,
		       (struct bench_work){defer_together, d, TABLES});
	gw_urcu_drain(env);
	gw_heap_stats(d->heap, &stats);
	bench_figure("  tables a callback", stats.defers / stats.callbacks, "tables");
	bench_figure("  blocks held afterwards", stats.blocks, "blocks");
	bench_one("alloc and free", (struct bench_work){alloc_free, d, TABLES});
	bench_one("alloc and defer, with the grace period",
		  (struct bench_work){alloc_defer, d, TABLES});
	gw_heap_put(d->heap);
	free(d);
}

/* ---- Page tables that come and go ---- */

static void create_destroy(void *ctx)
{
	struct gw_opts opts = {.env = env, .heap = {ctx}};
	struct gw_pt *pt;

	for (unsigned i = 0; i < PAGE_TABLES; i++) {
		bench_check(!gw_create(&opts, &pt), "gw_create");
		bench_check(!gw_map(pt, BASE, PAGE, OUT, ATTR), "gw_map");
		gw_destroy(pt);
	}
}

static void drain(void *ctx)
{
	(void)ctx;
	gw_urcu_drain(env);
}

static void lives(void)
{
	struct gw_heap_opts opts;
	struct gw_heap *heap;

	printf("\n  nanoseconds a page table of one page: made, filled, destroyed\n");
	bench_check(!gw_heap_defaults(0, &opts), "gw_heap_defaults");
	opts.env = env;
	bench_check(!gw_heap_create(&opts, &heap), "gw_heap_create");
	bench_one_with("heap of its own", drain,
		       (struct bench_work){create_destroy, NULL, PAGE_TABLES});
	bench_one_with("shared heap", drain,
		       (struct bench_work){create_destroy, heap, PAGE_TABLES});
	gw_heap_put(heap);
}

int main(int argc, char **argv)
{
	int err = bench_begin("updates, deferral, creation; x86-64", argc, argv);

	if (err)
		return err;
	urcu_memb_register_thread();
	env = gw_urcu_create(&urcu_memb_flavor);
	bench_check(env, "no memory");
	ranges();
	deferrals();
	lives();
	gw_urcu_destroy(env);
	urcu_memb_unregister_thread();
	return bench_end();
}
