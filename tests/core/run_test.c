/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Runs: where gw_map makes them, and what becomes of one when a part of it changes. For formats
 * that have runs. */
#include "bench.h"
#include "look.h"

enum { HINT = GW_CONTIGUOUS, USED = GW_FMT_ATTRS & (GW_ACCESSED | GW_DIRTY) };

/* Of a level: a run's bytes; where there is room for some of them; and what that maps to, where
 * runs fit and nothing larger. */
#define RUN(level) (S(level) << gw_fmt_run_lg2(level))
#define AT(level) (3 * RUN(level))
#define OUT_OF(level, va) (TO(va) + RUN(level))

static void each_level(void (*test)(struct fixture *x, unsigned level))
{
	for (unsigned policy = 0; policy < POLICIES; policy++)
		for (unsigned level = 0; level < GW_LEVELS; level++) {
			struct gw_opts opts = {.policy = (enum gw_policy)policy};
			struct fixture x;

			if (!gw_fmt_run_lg2(level))
				continue;
			fix_start(&x, &opts);
			test(&x, level);
			fix_end(&x);
		}
}

/* And what was mapped leaves no table behind, whatever the policy. */
static void unmap_all(struct fixture *x, uint64_t va, uint64_t bytes)
{
	unmap_ok(x, va, bytes);
	fix_reclaim(x, 0, UINT64_MAX);
	fix_assert_exact(x);
}

static struct gw_leaf leaf_of(struct fixture *x, uint64_t va)
{
	struct gw_leaf leaf;

	assert_true(gw_walk(x->pt, gw_fmt_canonical(va), &leaf));
	return leaf;
}

static bool is_run(struct fixture *x, uint64_t va)
{
	return leaf_of(x, va).attr & HINT;
}

static void map_hinted(struct fixture *x, unsigned level, uint64_t va, uint64_t bytes)
{
	assert_int_equal(fix_map(x, va, bytes, OUT_OF(level, va), WRITABLE | HINT), 0);
	fix_verify(x);
}

/* One run at AT, which is one leaf from wherever it is looked at. */
static void one_leaf(struct fixture *x, unsigned level)
{
	uint64_t va = AT(level);

	map_hinted(x, level, va, RUN(level));
	for (uint64_t i = 0; i < RUN(level); i += S(level)) {
		struct gw_leaf leaf = leaf_of(x, va + i);
		uint64_t out;

		assert_int_equal(leaf.va, va);
		assert_int_equal(leaf.bytes, RUN(level));
		assert_int_equal(leaf.out, OUT_OF(level, va));
		assert_int_equal(leaf.attr, WRITABLE | HINT);
		assert_true(gw_translate(x->pt, va + i + 5, &out));
		assert_int_equal(out, OUT_OF(level, va + i + 5));
	}
	unmap_ok(x, va, RUN(level));
	assert_int_equal(x->invalidates, 1);
	fake_drain(x->f);
	assert_int_equal(x->released, RUN(level));
}

static void test_a_run_is_one_leaf_to_walks(void **state)
{
	(void)state;
	each_level(one_leaf);
}

/* Runs are where addresses on both sides are aligned, and the range goes on; in a table that is
 * there, and in one that is made. */
static void where_they_fit(struct fixture *x, unsigned level)
{
	uint64_t va = AT(level), run = RUN(level), end = va + run;

	for (unsigned there = 0; there < 2; there++) {
		if (there) /* an entry of the same table */
			map_ok(x, va - S(level), S(level));
		map_hinted(x, level, va + S(level), run);
		assert_false(is_run(x, va + S(level)) || is_run(x, end));
		unmap_all(x, va + S(level), run);
		map_hinted(x, level, va, run - PAGE);
		assert_false(is_run(x, va));
		unmap_all(x, va, run - PAGE);
		assert_int_equal(fix_map(x, va, run, OUT_OF(level, va) + S(level), WRITABLE | HINT),
				 0);
		assert_false(is_run(x, va));
		unmap_all(x, va, run);
		assert_int_equal(fix_map(x, va, run, OUT_OF(level, va), WRITABLE), 0);
		assert_false(is_run(x, va));
		unmap_all(x, va, run);
		map_hinted(x, level, va, run);
		assert_true(is_run(x, va));
		unmap_all(x, va, run);
	}
}

static void test_runs_where_they_fit(void **state)
{
	(void)state;
	each_level(where_they_fit);
}

/* Without the hint nothing of the kind is made; a level that has none takes no notice. */
static void largest_first(struct fixture *x, unsigned level)
{
	uint64_t va = S(level + 1);

	if (!gw_fmt_leaf_level(level + 1) || gw_fmt_run_lg2(level + 1))
		return;
	assert_int_equal(fix_map(x, va, va, TO(va), WRITABLE | HINT), 0);
	assert_int_equal(level_at(x, va), level + 1);
	assert_false(is_run(x, va));
}

static void test_larger_leaves_come_before_runs(void **state)
{
	(void)state;
	each_level(largest_first);
}

/* Something in the last entry of a run: nothing is written before that is seen. */
static void in_the_way(struct fixture *x, unsigned level)
{
	uint64_t va = AT(level), run = RUN(level);

	map_ok(x, va + run - S(level), PAGE);
	assert_int_equal(fix_map(x, va, run, OUT_OF(level, va), WRITABLE | HINT), -EEXIST);
	fix_verify(x);
	unmap_all(x, va + run - S(level), PAGE);
	map_hinted(x, level, va, run);
	assert_int_equal(fix_map(x, va + run - S(level), S(level), 0, WRITABLE | HINT), -EEXIST);
	fix_verify(x);
	assert_true(is_run(x, va));
}

static void test_what_is_in_the_way_of_a_run(void **state)
{
	(void)state;
	each_level(in_the_way);
}

/* ---- A part of a run ---- */

static struct {
	uint64_t va, bytes;
	unsigned absent, seen;
} watched;

/* While a run is split with break-before-make, none of it is there. */
static void watch(struct fixture *x, const struct gw_range *range)
{
	struct gw_leaf leaf;

	watched.seen++;
	if (range->va > watched.va || range->va + range->bytes < watched.va + watched.bytes)
		return;
	for (uint64_t va = watched.va; va < watched.va + watched.bytes; va += PAGE)
		if (gw_walk(x->pt, va, &leaf))
			return;
	watched.absent++;
}

/* Three runs; a range within the middle one changes. The other two stay, and what was recorded in
 * any entry of the middle one is told of every page that is left of it. */
static void change_part(struct fixture *x, unsigned level, uint64_t va, uint64_t bytes,
			int (*op)(struct fixture *x, uint64_t va, uint64_t bytes))
{
	uint64_t run = RUN(level), first = AT(level), mid = first + run;
	bool breaks = GW_FMT_BREAK_BEFORE_MAKE,
	     small = va & (S(level) - 1) || bytes & (S(level) - 1);

	map_hinted(x, level, first, 3 * run);
	for (unsigned i = 0; i < 3; i++)
		assert_true(is_run(x, first + i * run));
	fix_record(x, mid, USED);
	watched.va = mid;
	watched.bytes = run;
	watched.absent = watched.seen = 0;
	x->during = watch;
	assert_int_equal(op(x, mid + va, bytes), 0);
	x->during = NULL;
	fix_verify(x);
	assert_int_equal(watched.absent, breaks);
	/* And once for each larger leaf that is split, and for the change. */
	assert_true(breaks ? watched.seen >= 2 && watched.seen <= 2 + 4 : watched.seen == 1);
	assert_true(!breaks || small || watched.seen == 2);
	assert_true(is_run(x, first) && is_run(x, first + 2 * run));
	for (uint64_t i = 0; i < run; i += S(level)) {
		struct gw_leaf leaf;

		if (!gw_walk(x->pt, mid + i, &leaf))
			continue;
		assert_int_equal(leaf.attr & (HINT | USED), USED);
	}
	unmap_all(x, first, 3 * run);
}

static void change_parts(struct fixture *x, unsigned level,
			 int (*op)(struct fixture *x, uint64_t va, uint64_t bytes))
{
	uint64_t run = RUN(level), one = S(level);

	change_part(x, level, 0, one, op);
	change_part(x, level, run - one, one, op);
	change_part(x, level, one, run - one, op);
	change_part(x, level, 0, run - one, op);
	if (run > 2 * one) {
		change_part(x, level, one, one, op);
		change_part(x, level, one, run - 2 * one, op);
	}
	change_part(x, level, 0, PAGE, op);
	change_part(x, level, run - PAGE, PAGE, op);
}

static int protect_plain(struct fixture *x, uint64_t va, uint64_t bytes)
{
	return fix_protect(x, va, bytes, PLAIN);
}

static int protect_hinted(struct fixture *x, uint64_t va, uint64_t bytes)
{
	return fix_protect(x, va, bytes, PLAIN | HINT);
}

static void unmap_part(struct fixture *x, unsigned level)
{
	change_parts(x, level, fix_unmap);
}

static void protect_part(struct fixture *x, unsigned level)
{
	change_parts(x, level, protect_plain);
	change_parts(x, level, protect_hinted);
}

static void test_unmap_of_a_part(void **state)
{
	(void)state;
	each_level(unmap_part);
}

/* Without a release callback pages are emptied by another way, which ends where a run begins. */
static void test_unmap_of_a_part_that_nobody_is_told_of(void **state)
{
	uint64_t run = RUN(0), va = AT(0);
	struct fake_env f;
	struct fixture x;

	(void)state;
	if (!gw_fmt_run_lg2(0))
		return;
	fake_env_init(&f);
	fix_start_untold_on(&x, &f, NULL);
	map_hinted(&x, 0, va, run);
	assert_int_equal(fix_map(&x, va - S(0), S(0), OUT_OF(0, va - S(0)), PLAIN), 0);
	assert_int_equal(fix_unmap(&x, va - S(0), S(0) + run / 2), 0);
	fix_verify(&x);
	fix_end(&x);
	fake_env_done(&f);
}

static void test_protect_of_a_part(void **state)
{
	(void)state;
	each_level(protect_part);
}

/* A range across three runs, with ends in the middle of the outer ones. */
static void across(struct fixture *x, unsigned level)
{
	uint64_t run = RUN(level), va = AT(level);

	map_hinted(x, level, va, 3 * run);
	assert_int_equal(fix_protect(x, va + run / 2, 2 * run, PLAIN | HINT), 0);
	fix_verify(x);
	assert_true(!is_run(x, va) && is_run(x, va + run) && !is_run(x, va + 2 * run));
	assert_int_equal(leaf_of(x, va + run).attr, PLAIN | HINT);
	unmap_ok(x, va + run / 2, 2 * run);
	fix_verify(x);
}

static void test_a_range_across_runs(void **state)
{
	(void)state;
	each_level(across);
}

/* ---- A whole run ---- */

/* What may change in place does; else all of it is absent together. */
static void protect_whole(struct fixture *x, unsigned level, uint32_t from, uint32_t to)
{
	uint64_t va = AT(level), run = RUN(level);
	bool breaks =
		gw_fmt_must_break(gw_fmt_leaf(TO(va), from, level), gw_fmt_leaf(TO(va), to, level));

	assert_int_equal(fix_map(x, va, 2 * run, OUT_OF(level, va), from), 0);
	fix_record(x, va, USED);
	watched.va = va;
	watched.bytes = run;
	watched.absent = watched.seen = 0;
	x->during = watch;
	assert_int_equal(fix_protect(x, va, run, to), 0);
	x->during = NULL;
	assert_int_equal(watched.absent, breaks);
	assert_int_equal(watched.seen, 1);
	fix_verify(x);
	assert_int_equal(is_run(x, va), !!(to & HINT));
	assert_true(is_run(x, va + run));
	assert_int_equal(fix_protect(x, va, run, to), 0);
	assert_int_equal(x->invalidates, 0);
	unmap_all(x, va, 2 * run);
}

static void protect_wholes(struct fixture *x, unsigned level)
{
	const uint32_t others = GW_FMT_ATTRS & ~(GW_FMT_ATTRS_MUST | HINT | GW_ACCESSED | GW_DIRTY);

	for (unsigned bit = 0; bit < 32; bit++) {
		uint32_t attr = others & 1u << bit;

		if (!attr)
			continue;
		protect_whole(x, level, PLAIN | HINT, PLAIN | HINT | attr);
		protect_whole(x, level, PLAIN | HINT | attr, PLAIN | HINT);
		protect_whole(x, level, PLAIN | HINT, PLAIN | attr);
	}
	protect_whole(x, level, PLAIN | HINT, PLAIN);
}

static void test_protect_of_a_whole_run(void **state)
{
	(void)state;
	each_level(protect_wholes);
}

/* gw_protect makes no runs. */
static void none_made(struct fixture *x, unsigned level)
{
	assert_int_equal(fix_map(x, AT(level), RUN(level), OUT_OF(level, 0), WRITABLE), 0);
	assert_int_equal(fix_protect(x, AT(level), RUN(level), WRITABLE | HINT), 0);
	assert_int_equal(x->invalidates, 0);
	fix_verify(x);
	assert_false(is_run(x, AT(level)));
}

static void test_protect_makes_no_runs(void **state)
{
	(void)state;
	each_level(none_made);
}

/* ---- The accessor ---- */

static void set_in_a_run(struct fixture *x, unsigned level)
{
	uint64_t va = AT(0), run = RUN(0);

	if (level)
		return;
	for (unsigned leaf = 0; leaf < 2; leaf++) {
		map_hinted(x, level, va, 2 * run);
		fix_record(x, va, USED);
		assert_true(fix_set(x, va + PAGE, leaf, 0, PLAIN));
		fix_verify(x);
		assert_false(is_run(x, va));
		assert_true(is_run(x, va + run));
		assert_int_equal(leaf_of(x, va).attr & USED, USED);
		unmap_ok(x, va, 2 * run);
	}
}

static void test_an_entry_set_in_a_run_splits_it(void **state)
{
	(void)state;
	each_level(set_in_a_run);
}

/* ---- The other operations ---- */

/* As each_level, with blocks of one table, so that each asks for memory. */
static void each_level_small_blocks(void (*test)(struct fixture *x, unsigned level))
{
	for (unsigned level = 0; level < GW_LEVELS; level++) {
		struct gw_opts opts = {0};
		struct fixture x;

		if (!gw_fmt_run_lg2(level))
			continue;
		fix_start_heaps(&x, &opts, 1);
		test(&x, level);
		fix_end(&x);
	}
}

/* One step makes leaves of the entries, the next one a table of one of those. */
static void split_one(struct fixture *x, unsigned level)
{
	uint64_t va = AT(level), run = RUN(level);

	map_hinted(x, level, va, 2 * run);
	fix_record(x, va, USED);
	no_memory(x, true);
	assert_int_equal(fix_split(x, va + run - PAGE), 0);
	no_memory(x, false);
	fix_verify(x);
	assert_true(!is_run(x, va) && is_run(x, va + run));
	for (uint64_t i = 0; i < run; i += S(level)) {
		assert_int_equal(leaf_of(x, va + i).bytes, S(level));
		assert_int_equal(leaf_of(x, va + i).attr & USED, USED);
	}
	assert_int_equal(fix_split(x, va), level ? 0 : -ENOENT);
	fix_verify(x);
}

static void test_split_of_a_run_takes_no_memory(void **state)
{
	(void)state;
	each_level_small_blocks(split_one);
}

static uint64_t used_bytes(struct fixture *x)
{
	struct gw_pt_stats stats;

	gw_stats(x->pt, &stats);
	return stats.table_bytes;
}

/* Each entry of a run has a deposit, which goes with it; a map that fails half way leaves none. */
static void deposits(struct fixture *x, unsigned level)
{
	uint64_t va = AT(level), run = RUN(level), before;

	if (!level)
		return;
	map_ok(x, va - S(level), PAGE); /* the table is there */
	before = used_bytes(x);
	x->relaxed = true;
	for (uint64_t n = 1;; n++) {
		int err;

		fake_fail(x->f, n);
		err = fix_map(x, va, run, OUT_OF(level, va), WRITABLE | HINT | GW_DEPOSIT);
		fake_fail(x->f, 0);
		if (!err)
			break;
		fix_assert_exact(x);
		assert_int_equal(used_bytes(x), before);
	}
	x->relaxed = false;
	assert_true(is_run(x, va));
	assert_int_equal(x->deposits.n, 1u << gw_fmt_run_lg2(level));
	no_memory(x, true);
	assert_int_equal(fix_protect(x, va + PAGE, run - 2 * PAGE, PLAIN), level > 1 ? -ENOMEM : 0);
	no_memory(x, false);
	fix_verify(x);
	unmap_all(x, va, run);
	assert_int_equal(used_bytes(x), before);
	assert_int_equal(fix_map(x, va, run, OUT_OF(level, va), WRITABLE | HINT | GW_DEPOSIT), 0);
	assert_true(is_run(x, va));
	unmap_all(x, va, run);
	assert_int_equal(used_bytes(x), before);
}

static void test_each_entry_of_a_run_has_its_deposit(void **state)
{
	(void)state;
	each_level_small_blocks(deposits);
}

/* Maps a table of that level, at twice its span, in two halves with runs. Return: false: no leaf
 * could stand for it, or a half is no more than a run. */
static bool map_halves(struct fixture *x, unsigned level)
{
	uint64_t bytes = S(level + 1), half = bytes / 2, va = 2 * bytes;

	if (level + 1 > x->max_level || !gw_fmt_leaf_level(level + 1) || 2 * RUN(level) > half)
		return false;
	for (unsigned part = 0; part < 2; part++)
		assert_int_equal(
			fix_map(x, va + part * half, half, TO(va + part * half), WRITABLE | HINT),
			0);
	return true;
}

/* Runs and single entries of one table, side by side, turn into one larger leaf. */
static void collapse_runs(struct fixture *x, unsigned level)
{
	uint64_t bytes = S(level + 1), half = bytes / 2, va = 2 * bytes, run = RUN(level);

	if (!map_halves(x, level))
		return;
	fix_record(x, va + half, USED);
	assert_int_equal(fix_split(x, va + run), 0);
	fix_verify(x);
	assert_true(is_run(x, va) && is_run(x, va + half) && !is_run(x, va + run));
	assert_int_equal(fix_collapse(x, va, bytes, 0), 1);
	fix_verify(x);
	assert_int_equal(level_at(x, va), level + 1);
	assert_int_equal(leaf_of(x, va).attr, WRITABLE | USED);
}

static void test_collapse_of_runs(void **state)
{
	(void)state;
	each_level(collapse_runs);
}

/* A run that is not where the larger leaf would have it is no part of one. */
static void collapse_elsewhere(struct fixture *x, unsigned level)
{
	uint64_t bytes = S(level + 1), va = 2 * bytes, run = RUN(level);

	if (!map_halves(x, level))
		return;
	unmap_ok(x, va + run, run);
	assert_int_equal(fix_map(x, va + run, run, TO(va), WRITABLE | HINT), 0);
	assert_true(is_run(x, va + run));
	assert_int_equal(fix_collapse(x, va, bytes, 0), 0);
	fix_verify(x);
}

static void test_collapse_looks_at_where_a_run_maps_to(void **state)
{
	(void)state;
	each_level(collapse_elsewhere);
}

/* One entry is replaced: the rest of the run maps what it did. No run is made. */
static void replace_one(struct fixture *x, unsigned level)
{
	uint64_t va = AT(level), run = RUN(level), one = S(level), other = OUT_OF(level, va + run);

	for (uint64_t i = 0; i < run; i += run - one) {
		map_hinted(x, level, va, 2 * run);
		fix_record(x, va, USED);
		assert_int_equal(fix_replace(x, va + i, one, other, PLAIN | HINT), 0);
		/* An MMU forgets the run first. */
		assert_int_equal(x->invalidates,
				 1 + (GW_FMT_HW_UPDATES || GW_FMT_BREAK_BEFORE_MAKE));
		fix_verify(x);
		assert_true(!is_run(x, va) && !is_run(x, va + run - one) && is_run(x, va + run));
		assert_int_equal(leaf_of(x, va + i).attr, PLAIN);
		assert_int_equal(leaf_of(x, va + run - one - i).attr, WRITABLE | USED);
		unmap_all(x, va, 2 * run);
	}
	assert_int_equal(fix_replace(x, va, one, other, PLAIN | HINT), 0); /* where nothing is */
	assert_int_equal(leaf_of(x, va).attr, PLAIN);
	unmap_all(x, va, one);
	if (run < S(level + 1))
		assert_int_equal(gw_replace(x->pt, va, run, other, PLAIN | HINT), -EINVAL);
	if (level + 1 > x->max_level || !gw_fmt_leaf_level(level + 1))
		return;
	map_hinted(x, level, va, run);
	va &= ~(S(level + 1) - 1);
	assert_int_equal(fix_replace(x, va, S(level + 1), TO(va), PLAIN | HINT), 0);
	assert_int_equal(level_at(x, va), level + 1);
	fix_verify(x);
}

static void test_replace_of_one_entry(void **state)
{
	(void)state;
	each_level(replace_one);
}

/* Four runs, of which two were used, by one entry each: a run is taken as a whole, and stays one,
 * wherever the range begins and ends in it. */
static void harvest_runs(struct fixture *x, unsigned level)
{
	const uint32_t takes[] = {GW_FMT_ATTRS & GW_ACCESSED, GW_FMT_ATTRS & GW_DIRTY, USED,
				  GW_FMT_ATTRS & GW_WRITE};
	uint64_t run = RUN(level), va = AT(level), mid = va + 2 * run;

	for (unsigned i = 0; i < LENGTH(takes); i++) {
		if (!takes[i])
			continue;
		map_hinted(x, level, va, 4 * run);
		fix_record(x, va, USED);
		fix_record(x, mid, USED);
		assert_int_equal(fix_harvest(x, mid + run / 2, PAGE, takes[i]), 0);
		fix_verify(x);
		assert_int_equal(leaf_of(x, mid + run - PAGE).attr,
				 ((WRITABLE | USED) & ~takes[i]) | HINT);
		assert_int_equal(fix_harvest(x, va + run - PAGE, run + 2 * PAGE, takes[i]), 0);
		assert_int_equal(fix_harvest(x, va, 4 * run, takes[i]), 0);
		fix_verify(x);
		assert_int_equal(fix_harvest(x, va, 4 * run, takes[i]), 0);
		assert_int_equal(x->invalidates, 0);
		for (uint64_t at = va; at < va + 4 * run; at += S(level))
			assert_true(is_run(x, at) && !(leaf_of(x, at).attr & takes[i]));
		unmap_all(x, va, 4 * run);
	}
}

static void test_harvest_takes_a_run_as_one(void **state)
{
	(void)state;
	each_level(harvest_runs);
}

/* Recorded where it was meant, for a handler of faults; told of the whole. */
static void touch_one(struct fixture *x, unsigned level)
{
	uint64_t va = AT(level), run = RUN(level), at = va + S(level);

	map_hinted(x, level, va, run);
	assert_true(fix_touch(x, at, GW_ACCESSED | GW_DIRTY));
	fix_verify(x);
	assert_int_equal(leaf_of(x, at).attr, WRITABLE | HINT | USED);
	assert_int_equal(leaf_of(x, va).attr, WRITABLE | HINT);
	/* Added by gw_protect, it is in every entry: no other will fault. */
	assert_int_equal(fix_protect(x, va, run, WRITABLE | HINT | USED), 0);
	for (uint64_t i = 0; i < run; i += S(level))
		assert_int_equal(leaf_of(x, va + i).attr, WRITABLE | HINT | USED);
}

static void test_touch_of_one_entry(void **state)
{
	(void)state;
	each_level(touch_one);
}

static void looks(struct fixture *x, unsigned level)
{
	uint64_t run = RUN(level), va = AT(level), many[LOOK_MANY];

	map_hinted(x, level, va, 2 * run);
	map_hinted(x, level, va + 3 * run, run);
	look_along(x, va - PAGE, 4 * run + 2 * PAGE, 0);
	look_along(x, va + run / 2, 3 * run, 1);
	look_along(x, va + run / 2 + PAGE, PAGE, 0);
	for (unsigned i = 0; i < LOOK_MANY; i++)
		many[i] = va + i * (4 * run / LOOK_MANY);
	look_at_many(x, many, LOOK_MANY);
	assert_int_equal(look_for_hole(x, va, 4 * run, run, PAGE), 0);
	assert_int_equal(look_for_hole(x, va + PAGE, 2 * run - PAGE, PAGE, PAGE), -ENOSPC);
}

static void test_cursors_and_others_tell_of_runs(void **state)
{
	(void)state;
	each_level(looks);
}

/* ---- Another updater ---- */

/* Maps a run while a call is under way, when that opens its section number `calls`. */
static struct {
	void (*lock)(struct gw_env *env);
	unsigned calls, level;
	struct gw_pt *pt;
} late;

static void lock_late(struct gw_env *env)
{
	uint64_t va = AT(late.level);

	if (late.calls && !--late.calls)
		assert_int_equal(gw_map(late.pt, va, RUN(late.level), OUT_OF(late.level, va),
					WRITABLE | HINT),
				 0);
	late.lock(env);
}

/* The run lies across the end, or the start, of a range whose ends were split before it came: only
 * what is in the range changes. */
static void late_run(unsigned level, unsigned calls, bool unmap, bool at_end)
{
	uint64_t half = RUN(level) / 2, va = AT(level), bytes = half + S(0);
	uint64_t from = at_end ? va - S(0) : va + half;
	struct gw_opts opts = {0};
	struct gw_leaf leaf;
	struct fake_env f;

	fake_env_init(&f);
	opts.env = &f.env;
	late.lock = f.env.read_lock;
	f.env.read_lock = lock_late;
	late.level = level;
	late.calls = 0;
	assert_int_equal(gw_create(&opts, &late.pt), 0);
	late.calls = calls;
	assert_int_equal(unmap ? gw_unmap(late.pt, from, bytes)
			       : gw_protect(late.pt, from, bytes, PLAIN | HINT),
			 0);
	assert_int_equal(late.calls, 0);
	for (uint64_t page = va; page < va + RUN(level); page += PAGE) {
		bool in = page - from < bytes;

		assert_int_equal(gw_walk(late.pt, page, &leaf), !(in && unmap));
		if (!(in && unmap))
			assert_int_equal(leaf.attr, in ? PLAIN : WRITABLE);
	}
	assert_int_equal(gw_check(late.pt), 0);
	gw_destroy(late.pt);
	fake_drain(&f);
	fake_env_done(&f);
}

/* Sections: one for each end that is split, then the first look at what is there. An unmap within
 * one table of pages begins with the look. */
static void test_a_run_that_comes_after_the_ends_were_split(void **state)
{
	(void)state;
	for (unsigned level = 0; level < GW_LEVELS; level++)
		for (unsigned how = 0; gw_fmt_run_lg2(level) && how < 12; how++) {
			bool unmap = how & 1;
			unsigned sections = unmap && !level ? 1 : 3;

			if (how / 4 < sections)
				late_run(level, 1 + how / 4, unmap, how & 2);
		}
}

/* gw_check is what other tests lean on: an entry that does not say what its run says. */
static void check_sees(struct fixture *x, unsigned level)
{
	unsigned at;
	gw_entry *entry;
	uint64_t e;

	map_hinted(x, level, AT(level), RUN(level));
	entry = fix_entry(x, AT(level), &at);
	assert_int_equal(at, level);
	e = gw_load_relaxed(entry + 1);
	gw_store_relaxed(entry + 1, gw_fmt_leaf(0, WRITABLE, level));
	assert_int_equal(gw_check(x->pt), -EIO);
	gw_store_relaxed(entry + 1, e);
	assert_int_equal(gw_check(x->pt), 0);
	unmap_all(x, AT(level), RUN(level));
}

static void test_check_sees_an_entry_unlike_its_run(void **state)
{
	(void)state;
	each_level(check_sees);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_run_is_one_leaf_to_walks),
		cmocka_unit_test(test_runs_where_they_fit),
		cmocka_unit_test(test_larger_leaves_come_before_runs),
		cmocka_unit_test(test_what_is_in_the_way_of_a_run),
		cmocka_unit_test(test_unmap_of_a_part),
		cmocka_unit_test(test_unmap_of_a_part_that_nobody_is_told_of),
		cmocka_unit_test(test_protect_of_a_part),
		cmocka_unit_test(test_a_range_across_runs),
		cmocka_unit_test(test_protect_of_a_whole_run),
		cmocka_unit_test(test_protect_makes_no_runs),
		cmocka_unit_test(test_an_entry_set_in_a_run_splits_it),
		cmocka_unit_test(test_split_of_a_run_takes_no_memory),
		cmocka_unit_test(test_each_entry_of_a_run_has_its_deposit),
		cmocka_unit_test(test_collapse_of_runs),
		cmocka_unit_test(test_collapse_looks_at_where_a_run_maps_to),
		cmocka_unit_test(test_replace_of_one_entry),
		cmocka_unit_test(test_harvest_takes_a_run_as_one),
		cmocka_unit_test(test_touch_of_one_entry),
		cmocka_unit_test(test_cursors_and_others_tell_of_runs),
		cmocka_unit_test(test_a_run_that_comes_after_the_ends_were_split),
		cmocka_unit_test(test_check_sees_an_entry_unlike_its_run),
	};

	return cmocka_run_group_tests_name("run " GW_FMT_NAME, tests, NULL, NULL);
}
