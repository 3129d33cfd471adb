/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Benchmark: gw_walk in a read-side section against a walk by hand of the same tables. */
#include "bench.h"
#include <gracewalk/gracewalk.h>
#include <gracewalk/urcu.h>
#include <stdio.h>
#include <stdlib.h>
#include <urcu/urcu-memb.h>

/* One page in each STRIDE, at a random place. Each page maps to where the next one of a random
 * cycle lies, so that a dependent walk finds its way in the answers. */
enum { MANY = 1 << 20, FEW = 1 << 10, STRIDE = 4 };
#define BASE 0x7f0000000000ull

static struct gw_env *env;
static struct gw_pt *pt;
static uint64_t *order; /* addresses in the order of the cycle */
static volatile uint64_t sink;

/* Of the loops that are timed nothing is left to the compiler's taste. */
#define INLINE static inline __attribute__((always_inline, unused))

/* ---- Walks by hand: what one writes for one format, unprotected, with tables where their physical
 * addresses say and no check of the address. With `leaves` they take larger leaves as gw_walk does;
 * without, they are wrong where one is: no walk can do less. ---- */

static inline uint64_t raw_index(uint64_t va, unsigned shift, unsigned bits)
{
	return va >> shift & ((1u << bits) - 1);
}

INLINE uint64_t raw_leaf(uint64_t e, uint64_t va, unsigned shift)
{
	uint64_t inside = (1ull << shift) - 1;

	return (e & ~inside) | (va & inside);
}

INLINE bool raw_x86_64(const uint64_t *root, uint64_t va, uint64_t *out, bool leaves)
{
	const uint64_t address = 0x000ffffffffff000ull;
	uint64_t e = root[raw_index(va, 39, 9)];

#pragma GCC unroll 8
	for (int shift = 30; shift >= 12; shift -= 9) {
		if (!(e & 1))
			return false;
		if (leaves && (e & 0x80)) {
			*out = raw_leaf(e & address, va, (unsigned)shift + 9);
			return true;
		}
		e = ((const uint64_t *)(e & address))[raw_index(va, (unsigned)shift, 9)];
	}
	*out = (e & address) | (va & 0xfff);
	return e & 1;
}

INLINE bool raw_s390x(const uint64_t *root, uint64_t va, uint64_t *out, bool leaves)
{
	uint64_t e = root[raw_index(va, 42, 11)];

#pragma GCC unroll 8
	for (int shift = 31; shift >= 20; shift -= 11) {
		if (e & 0x20)
			return false;
		if (leaves && (e & 0x400)) {
			*out = raw_leaf(e, va, (unsigned)shift + 11);
			return true;
		}
		e = ((const uint64_t *)(e & ~0xfffull))[raw_index(va, (unsigned)shift, 11)];
	}
	if (e & 0x20)
		return false;
	if (leaves && (e & 0x400)) {
		*out = raw_leaf(e, va, 20);
		return true;
	}
	e = ((const uint64_t *)(e & ~0x7ffull))[raw_index(va, 12, 8)];
	*out = (e & ~0xfffull) | (va & 0xfff);
	return !(e & 0x400);
}

INLINE bool raw_index64(const uint64_t *root, uint64_t va, uint64_t *out, bool leaves)
{
	uint64_t e = root[raw_index(va, 42, 6)];

#pragma GCC unroll 8
	for (int shift = 36; shift >= 12; shift -= 6) {
		if (!e)
			return false;
		if (leaves && (e & 1)) {
			*out = e >> 1;
			return true;
		}
		e = ((const uint64_t *)e)[raw_index(va, (unsigned)shift, 6)];
	}
	*out = e >> 1;
	return e;
}

#define RAW GW_EXPAND_RAW(GW_FORMAT)
#define GW_EXPAND_RAW(format) GW_PASTE_RAW(format)
#define GW_PASTE_RAW(format) raw_##format

INLINE bool raw_walk(const struct gw_pt *p, uint64_t va, uint64_t *out)
{
	return RAW((const uint64_t *)(uintptr_t)p->root, va, out, true);
}

INLINE bool raw_page_walk(const struct gw_pt *p, uint64_t va, uint64_t *out)
{
	return RAW((const uint64_t *)(uintptr_t)p->root, va, out, false);
}

INLINE bool our_walk(const struct gw_pt *p, uint64_t va, uint64_t *out)
{
	return gw_translate(p, va, out);
}

/* ---- Loops: the next address from an array, or from the answer ---- */

typedef bool walk_fn(const struct gw_pt *p, uint64_t va, uint64_t *out);

INLINE uint64_t independent(walk_fn *walk, uint64_t count)
{
	const struct gw_pt copy = *pt, *p = &copy;
	const uint64_t *va = order;
	uint64_t sum = 0, out;

	for (uint64_t i = 0; i < MANY; i++)
		if (walk(p, va[i & (count - 1)], &out))
			sum += out;
	return sum;
}

INLINE uint64_t dependent(walk_fn *walk)
{
	const struct gw_pt copy = *pt, *p = &copy;
	uint64_t va = order[0], out;

	for (uint64_t i = 0; i < MANY && walk(p, va, &out); i++)
		va = BASE + out;
	return va;
}

static void ours_independent(void *ctx)
{
	env->read_lock(env);
	sink = independent(our_walk, *(uint64_t *)ctx);
	env->read_unlock(env);
}

static void raw_independent(void *ctx)
{
	sink = independent(raw_walk, *(uint64_t *)ctx);
}

static void raw_page_independent(void *ctx)
{
	sink = independent(raw_page_walk, *(uint64_t *)ctx);
}

static void ours_dependent(void *ctx)
{
	(void)ctx;
	env->read_lock(env);
	sink = dependent(our_walk);
	env->read_unlock(env);
}

static void raw_dependent(void *ctx)
{
	(void)ctx;
	sink = dependent(raw_walk);
}

static void raw_page_dependent(void *ctx)
{
	(void)ctx;
	sink = dependent(raw_page_walk);
}

/* ---- The tables ---- */

/* A random order of `count` pages, and a page table in which each maps to the next. */
static void make(uint64_t count)
{
	struct gw_opts opts = {.env = env};
	uint64_t seed = 1;

	bench_check(!gw_create(&opts, &pt), "gw_create");
	for (uint64_t i = 0; i < count; i++) {
		uint64_t other = bench_random(&seed) % (i + 1);

		order[i] = order[other];
		order[other] = BASE + ((i * STRIDE + bench_random(&seed) % STRIDE) << GW_PAGE_LG2);
	}
	for (uint64_t i = 0; i < count; i++)
		bench_check(!gw_map(pt, order[i], 1 << GW_PAGE_LG2, order[(i + 1) % count] - BASE,
				    GW_FMT_ATTRS_MUST),
			    "gw_map");
}

static void check_answers(uint64_t count)
{
	for (uint64_t i = 0; i < count; i++) {
		uint64_t want = order[(i + 1) % count] - BASE, ours = 0, raw = 0;

		bench_check(our_walk(pt, order[i], &ours), "not mapped");
		bench_check(raw_walk(pt, order[i], &raw), "not mapped, by hand");
		bench_check(ours == want && raw == want, "another answer");
	}
}

static void compare(const char *where, const char *how, void (*ours)(void *), void (*raw)(void *),
		    uint64_t *count)
{
	char name[64];

	snprintf(name, sizeof(name), "%s: %s, %s", gw_ops.name, where, how);
	bench_pair(name, (struct bench_work){ours, count, MANY},
		   (struct bench_work){raw, count, MANY});
}

static void measure(uint64_t count, const char *what)
{
	struct gw_pt_stats stats;

	make(count);
	check_answers(count);
	gw_stats(pt, &stats);
	printf("%s, %llu pages, one in %d; %llu bytes of tables\n", gw_ops.name,
	       (unsigned long long)count, STRIDE, (unsigned long long)stats.table_bytes);
	compare(what, "independent", ours_independent, raw_independent, &count);
	compare(what, "independent, pages only", ours_independent, raw_page_independent, &count);
	compare(what, "dependent", ours_dependent, raw_dependent, &count);
	compare(what, "dependent, pages only", ours_dependent, raw_page_dependent, &count);
	gw_destroy(pt);
	gw_urcu_drain(env);
}

int main(int argc, char **argv)
{
	int err = bench_begin("gw_walk against a walk by hand", argc, argv);

	if (err)
		return err;
	urcu_memb_register_thread();
	env = gw_urcu_create(&urcu_memb_flavor);
	order = malloc(MANY * sizeof(*order));
	bench_check(env && order, "no memory");
	printf("  %-46s%12s%12s\n", "nanoseconds a walk", "gw_walk", "by hand");
	measure(FEW, "cached");
	measure(MANY, "1 Mi pages");
	free(order);
	gw_urcu_destroy(env);
	urcu_memb_unregister_thread();
	return bench_end();
}
