/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Benchmark: leaves split and collapsed again, one at a time and many, with deposits and without.
 */
#include "bench.h"
#define GW_FORMAT x86_64
#include <gracewalk/gracewalk.h>
#include <gracewalk/urcu.h>
#include <stdlib.h>
#include <urcu/urcu-memb.h>

enum { LEAVES = 512, ENTRIES = 512, TURNS = 4096 };
#define BASE 0x7f0000000000ull
#define ATTR (GW_READ | GW_WRITE)

struct work {
	struct gw_pt *pt;
	unsigned leaves; /* split, and then collapsed by one call */
	uint32_t flags;
};

static void ours_run(void *ctx)
{
	const struct work *work = ctx;
	uint64_t span = gw_span(1);

	for (unsigned done = 0; done < TURNS; done += work->leaves) {
		for (unsigned i = 0; i < work->leaves; i++)
			bench_check(!gw_split(work->pt, BASE + i * span), "gw_split");
		bench_check(gw_collapse(work->pt, BASE, work->leaves * span, work->flags) ==
				    work->leaves,
			    "gw_collapse");
	}
}

/* The same by hand: no lock, no grace period, and tables that stay for ever. */
struct by_hand {
	gw_entry entry[LEAVES], *table[LEAVES];
	unsigned leaves;
};

static void by_hand_split(struct by_hand *hand, unsigned n)
{
	uint64_t e = gw_load_relaxed(&hand->entry[n]), out = gw_fmt_out(e, 1);

	for (unsigned i = 0; i < ENTRIES; i++)
		gw_store_relaxed(&hand->table[n][i], gw_fmt_leaf(out + i * gw_span(0), ATTR, 0));
	gw_store_release(&hand->entry[n], gw_fmt_table((uintptr_t)hand->table[n], 1));
}

static void by_hand_collapse(struct by_hand *hand, unsigned n)
{
	gw_entry *table = hand->table[n];
	uint64_t first = gw_load_relaxed(&table[0]), differ = 0;

	for (unsigned i = 0; i < ENTRIES; i++)
		differ |= gw_load_relaxed(&table[i]) ^ (first + i * gw_span(0));
	bench_check(!differ, "a table by hand");
	gw_exchange_acq_rel(&hand->entry[n], gw_fmt_leaf(gw_fmt_out(first, 0), ATTR, 1));
}

static void by_hand_run(void *ctx)
{
	struct by_hand *hand = ctx;

	for (unsigned done = 0; done < TURNS; done += hand->leaves) {
		for (unsigned i = 0; i < hand->leaves; i++)
			by_hand_split(hand, i);
		for (unsigned i = 0; i < hand->leaves; i++)
			by_hand_collapse(hand, i);
	}
}

static void round_trip(struct gw_env *env, struct by_hand *hand, const char *name, unsigned leaves,
		       uint32_t flags)
{
	const struct gw_opts opts = {.env = env};
	struct work work = {.leaves = leaves, .flags = flags};

	bench_check(!gw_create(&opts, &work.pt), "gw_create");
	/* Out of step with BASE, so that the whole is no larger leaf. */
	bench_check(!gw_map(work.pt, BASE, leaves * gw_span(1), gw_span(1), ATTR | flags),
		    "gw_map");
	hand->leaves = leaves;
	bench_pair(name, (struct bench_work){ours_run, &work, TURNS},
		   (struct bench_work){by_hand_run, hand, TURNS});
	gw_destroy(work.pt);
	gw_urcu_drain(env);
}

int main(int argc, char **argv)
{
	static struct by_hand hand;
	struct gw_env *env;
	int err = bench_begin("split and collapse: nanoseconds a leaf, there and back", argc, argv);

	if (err)
		return err;
	urcu_memb_register_thread();
	env = gw_urcu_create(&urcu_memb_flavor);
	bench_check(env, "gw_urcu_create");
	for (unsigned i = 0; i < LEAVES; i++) {
		hand.table[i] = aligned_alloc(4096, 4096);
		bench_check(hand.table[i], "no memory");
		gw_store_relaxed(&hand.entry[i], gw_fmt_leaf((i + 1) * gw_span(1), ATTR, 1));
	}
	round_trip(env, &hand, "one leaf at a time", 1, 0);
	round_trip(env, &hand, "512 leaves, one call collapses", LEAVES, 0);
	round_trip(env, &hand, "one leaf, deposited: a grace period each", 1, GW_DEPOSIT);
	round_trip(env, &hand, "512 leaves, deposited", LEAVES, GW_DEPOSIT);
	gw_urcu_destroy(env);
	urcu_memb_unregister_thread();
	for (unsigned i = 0; i < LEAVES; i++)
		free(hand.table[i]);
	return bench_end();
}
