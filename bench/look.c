/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Benchmark: many walks at once, cursors and holes, against what one does with gw_walk alone. */
#include "bench.h"
#include <gracewalk/gracewalk.h>
#include <gracewalk/urcu.h>
#include <stdio.h>
#include <stdlib.h>
#include <urcu/urcu-memb.h>

/* Every page of a range is mapped, none by a larger leaf. */
enum { WALKS = 1 << 20, MOST = 64 };
#define BASE 0x7f0000000000ull
#define PAGE (1ull << GW_PAGE_LG2)

static struct gw_env *env;
static struct gw_pt *pt;
static uint64_t *address; /* WALKS of them */
static volatile uint64_t sink;

/* One measurement. */
struct work {
	uint64_t pages; /* mapped */
	unsigned n;     /* addresses a call */
};

/* ---- Random addresses. Each loop looks at what its pages map to, as a caller would. ---- */

static uint64_t sum_of(const struct gw_leaf *leaf, unsigned n)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < n; i++)
		sum += leaf[i].out;
	return sum;
}

static void many(void *ctx)
{
	const struct work *work = ctx;
	struct gw_leaf leaf[MOST];
	uint64_t sum = 0;

	env->read_lock(env);
	for (unsigned i = 0; i < WALKS; i += work->n) {
		gw_walk_many(pt, &address[i], work->n, leaf);
		sum += sum_of(leaf, work->n);
	}
	env->read_unlock(env);
	sink = sum;
}

/* The answers are kept as gw_walk_many keeps them. */
static void single(void *ctx)
{
	const struct work *work = ctx;
	struct gw_leaf leaf[MOST];
	uint64_t sum = 0;

	env->read_lock(env);
	for (unsigned i = 0; i < WALKS; i += work->n) {
		for (unsigned k = 0; k < work->n; k++)
			gw_walk(pt, address[i + k], &leaf[k]);
		sum += sum_of(leaf, work->n);
	}
	env->read_unlock(env);
	sink = sum;
}

/* Each address needs the answer before it: nothing overlaps. What pages map to has its highest bit
 * clear, but neither the processor nor the compiler knows. */
static void dependent(void *ctx)
{
	uint64_t sum = 0, bit = 0, out = 0;

	(void)ctx;
	env->read_lock(env);
	for (unsigned i = 0; i < WALKS; i++) {
		gw_translate(pt, address[i + bit], &out);
		sum += out;
		__asm__("" : "+r"(out));
		bit = out >> 63;
	}
	env->read_unlock(env);
	sink = sum;
}

/* ---- Neighbours: every page in order ---- */

static void by_cursor(void *ctx)
{
	const struct work *work = ctx;
	struct gw_cursor c;
	struct gw_leaf leaf;
	uint64_t sum = 0;

	env->read_lock(env);
	bench_check(!gw_cursor_start(&c, pt, BASE, work->pages * PAGE), "gw_cursor_start");
	while (gw_cursor_next(&c, &leaf) == GW_FOUND_LEAF)
		sum += leaf.out;
	env->read_unlock(env);
	sink = sum;
}

static void by_walks(void *ctx)
{
	const struct work *work = ctx;
	uint64_t sum = 0, end = BASE + work->pages * PAGE;
	struct gw_leaf leaf;

	env->read_lock(env);
	for (uint64_t va = BASE; va < end && gw_walk(pt, va, &leaf); va += leaf.bytes)
		sum += leaf.out;
	env->read_unlock(env);
	sink = sum;
}

/* ---- Holes: the first is behind all pages ---- */

static void by_find_hole(void *ctx)
{
	const struct work *work = ctx;
	uint64_t hole;

	bench_check(!gw_find_hole(pt, BASE, (work->pages + 1) * PAGE, PAGE, PAGE, &hole) &&
			    hole == BASE + work->pages * PAGE,
		    "gw_find_hole");
}

static void hole_by_cursor(void *ctx)
{
	const struct work *work = ctx;
	struct gw_cursor c;
	struct gw_leaf leaf;

	env->read_lock(env);
	bench_check(!gw_cursor_start(&c, pt, BASE, (work->pages + 1) * PAGE), "gw_cursor_start");
	while (gw_cursor_next(&c, &leaf) == GW_FOUND_LEAF)
		;
	env->read_unlock(env);
	bench_check(leaf.va == BASE + work->pages * PAGE, "another hole");
}

/* ---- The tables ---- */

static void map(uint64_t pages)
{
	struct gw_opts opts = {.env = env};
	/* What pages map to is not aligned to a larger leaf; a value is the same for all of one. */
	uint64_t bytes = GW_FMT_ONE_VALUE ? PAGE : pages * PAGE;

	bench_check(!gw_create(&opts, &pt), "gw_create");
	for (uint64_t at = 0; at < pages * PAGE; at += bytes)
		bench_check(!gw_map(pt, BASE + at, bytes, at + PAGE, GW_FMT_ATTRS_MUST), "gw_map");
}

static void choose(uint64_t pages)
{
	uint64_t seed = 1;

	for (unsigned i = 0; i < WALKS; i++)
		address[i] = BASE + bench_random(&seed) % pages * PAGE;
}

static void check_answers(void)
{
	struct gw_leaf one, leaf[MOST];

	for (unsigned i = 0; i < WALKS; i += MOST) {
		bench_check(gw_walk_many(pt, &address[i], MOST, leaf) == MOST, "not mapped");
		for (unsigned k = 0; k < MOST; k++) {
			bench_check(gw_walk(pt, address[i + k], &one), "not mapped");
			bench_check(one.va == leaf[k].va && one.out == leaf[k].out &&
					    one.bytes == PAGE && leaf[k].bytes == PAGE,
				    "another answer");
		}
	}
}

static void compare(const char *what, const char *how, struct bench_work ours,
		    struct bench_work base)
{
	char name[64];

	snprintf(name, sizeof(name), "%s: %s, %s", gw_ops.name, what, how);
	bench_pair(name, ours, base);
}

static void measure(const char *what, uint64_t pages)
{
	static const unsigned sizes[] = {1, 4, 16, 32, 64};
	struct work work = {.pages = pages};
	char how[32];

	map(pages);
	choose(pages);
	check_answers();
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		work.n = sizes[i];
		snprintf(how, sizeof(how), "%u, independent", work.n);
		compare(what, how, (struct bench_work){many, &work, WALKS},
			(struct bench_work){single, &work, WALKS});
	}
	work.n = 32;
	compare(what, "32, dependent", (struct bench_work){many, &work, WALKS},
		(struct bench_work){dependent, &work, WALKS});
	compare(what, "cursor", (struct bench_work){by_cursor, &work, pages},
		(struct bench_work){by_walks, &work, pages});
	compare(what, "hole behind all, cursor", (struct bench_work){by_find_hole, &work, pages},
		(struct bench_work){hole_by_cursor, &work, pages});
	gw_destroy(pt);
	gw_urcu_drain(env);
}

int main(int argc, char **argv)
{
	int err = bench_begin("many walks at once, cursors, holes", argc, argv);

	if (err)
		return err;
	urcu_memb_register_thread();
	env = gw_urcu_create(&urcu_memb_flavor);
	/* One more than there are: see dependent(). */
	address = calloc(WALKS + 1, sizeof(*address));
	bench_check(env && address, "no memory");
	printf("  %-46s%12s%12s\n", "nanoseconds a page", "ours", "against");
	measure("1 Ki pages", 1 << 10);
	measure("1 Mi pages", 1 << 20);
	measure("64 Mi pages", 1 << 26);
	free(address);
	gw_urcu_destroy(env);
	urcu_memb_unregister_thread();
	return bench_end();
}
