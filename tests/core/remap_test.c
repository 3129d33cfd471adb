/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * gw_remap: what moves as a whole, what is split, what anybody sees meanwhile; compiled once a
 * format. */
#include "bench.h"

/* The page table under test, and what its environment does at the moments that matter. */
static struct fixture *under_test;
static void (*real_synchronize)(struct gw_env *env);
static void (*real_read_unlock)(struct gw_env *env);
static void (*on_synchronize)(void);
static unsigned unlocks_left;

static void synchronize(struct gw_env *env)
{
	if (on_synchronize)
		on_synchronize();
	real_synchronize(env);
}

/* A grace period with all deferred calls at the end of one section: the n-th from now. */
static void read_unlock(struct gw_env *env)
{
	struct fake_env *f = under_test->f;

	real_read_unlock(env);
	if (f->nesting || f->in_call || !unlocks_left || --unlocks_left)
		return;
	fake_gp(f);
}

static void hook(struct fixture *x)
{
	under_test = x;
	real_synchronize = x->f->env.synchronize;
	real_read_unlock = x->f->env.read_unlock;
	on_synchronize = NULL;
	unlocks_left = 0;
	x->f->env.synchronize = synchronize;
	x->f->env.read_unlock = read_unlock;
}

/* Pages that are no larger leaf together, every other one a hole. */
static void map_pages(struct fixture *x, uint64_t va, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(
			fix_map(x, va + 2ull * i * PAGE, PAGE, OUT + (3 * i + 1) * PAGE, WRITABLE),
			0);
}

static void remap_ok(struct fixture *x, uint64_t from, uint64_t bytes, uint64_t to)
{
	assert_int_equal(fix_remap(x, from, bytes, to), 0);
	fix_verify(x);
}

static gw_entry *entry_at(struct fixture *x, uint64_t va)
{
	unsigned level;

	return fix_entry(x, va, &level);
}

/* ---- What moves, and how ---- */

/* The same entry, at the same place in memory, under another address. */
static void whole_tables(struct fixture *x)
{
	for (unsigned level = 1; level <= FIX_TOP; level++) {
		uint64_t syncs = x->f->synchronizes;
		gw_entry *entry;

		map_pages(x, 0, 2);
		map_pages(x, S(level) - PAGE, 1);
		entry = entry_at(x, 2 * PAGE);
		remap_ok(x, 0, S(level), S(level));
		assert_ptr_equal(entry_at(x, S(level) + 2 * PAGE), entry);
		assert_int_equal(x->f->synchronizes - syncs, 1);
		assert_true(x->last.tables);
		/* Its new parents know it: it can be emptied, and found by a sweep. */
		unmap_ok(x, S(level), PAGE);
		unmap_ok(x, S(level) + 2 * PAGE, PAGE);
		fix_verify(x);
		remap_ok(x, S(level), S(level), 0);
		unmap_ok(x, 0, S(level));
		if (x->policy == GW_POLICY_MANUAL)
			fix_reclaim(x, 0, UINT64_MAX);
		fix_assert_exact(x);
		assert_int_equal(fix_tables(x), 0);
	}
}

static void test_whole_tables_are_moved_at_every_level(void **state)
{
	(void)state;
	each_policy(whole_tables);
}

/* Neighbours in the tables at both ends of both ranges stay where they are. */
static void between_neighbours(struct fixture *x)
{
	uint64_t to = HALF + S(2);

	map_pages(x, 0, 1);
	map_ok(x, S(1) - PAGE, S(1) + 2 * PAGE);
	map_pages(x, 3 * S(1), 1);
	map_pages(x, to, 1);
	map_pages(x, to + 3 * S(1), 1);
	remap_ok(x, PAGE, 3 * S(1) - PAGE, to + PAGE);
	assert_int_equal(fix_remap(x, 0, PAGE, to), -EEXIST);
	remap_ok(x, to, 3 * S(1) + PAGE, S(2));
	remap_ok(x, 0, 4 * S(1), HALF); /* a page at each end */
	fix_assert_exact(x);
}

static void test_neighbours_stay(void **state)
{
	(void)state;
	with_policy(GW_POLICY_LAZY, between_neighbours);
	with_policy(GW_POLICY_EAGER, between_neighbours);
}

/* Pages and no table: no grace period is waited for. */
static void leaves_alone(struct fixture *x)
{
	map_pages(x, PAGE, 1);
	map_ok(x, S(1), S(1));
	if (level_at(x, S(1)) != 1)
		return;
	remap_ok(x, PAGE, S(1) - PAGE, HALF + PAGE);
	remap_ok(x, S(1), S(1), HALF + S(1));
	assert_int_equal(level_at(x, HALF + S(1)), 1);
	assert_false(x->last.tables && x->policy != GW_POLICY_EAGER);
	assert_int_equal(x->f->synchronizes, 0);
	remap_ok(x, HALF, S(2), 0);
}

static void test_leaves_alone_wait_for_nobody(void **state)
{
	(void)state;
	each_policy(leaves_alone);
}

/* A leaf takes its deposit along, and can be split at its new place when there is no memory. */
static void deposits(struct fixture *x)
{
	for (unsigned level = 1; level <= fix_leaf_level(); level++) {
		uint64_t va = S(level), to = HALF + S(level);

		if (!gw_fmt_leaf_level(level))
			continue;
		assert_int_equal(fix_map(x, va, va, TO(va), WRITABLE | GW_DEPOSIT), 0);
		remap_ok(x, va, va, to);
		assert_int_equal(level_at(x, to), level);
		no_memory(x, true);
		assert_int_equal(fix_split(x, to), 0);
		no_memory(x, false);
		unmap_ok(x, to, va);
	}
}

static void test_deposits_move_along(void **state)
{
	(void)state;
	with_small_blocks(GW_POLICY_LAZY, deposits);
	with_small_blocks(GW_POLICY_MANUAL, deposits);
}

/* A distance of pages: every larger leaf is split, and only those that move. */
static void any_distance(struct fixture *x)
{
	map_ok(x, S(2), S(2));
	map_pages(x, 2 * S(2) + PAGE, 1);
	remap_ok(x, S(2) + S(1) - PAGE, S(1) + 3 * PAGE, HALF);
	assert_int_equal(level_at(x, HALF + 2 * PAGE), 0);
	remap_ok(x, HALF + PAGE, S(1), HALF + S(1) + 3 * PAGE);
	remap_ok(x, 2 * S(2) - PAGE, 3 * PAGE, HALF + S(2) - 2 * PAGE);
	remap_ok(x, HALF + S(2) - 2 * PAGE, 3 * PAGE, END - 3 * PAGE);
}

static void test_any_distance(void **state)
{
	(void)state;
	each_policy(any_distance);
}

/* Leaves that are too large for the distance are split as far as they must be. */
static void split_once(struct fixture *x)
{
	map_ok(x, S(2), S(2));
	map_pages(x, 2 * S(2), 2);
	remap_ok(x, S(2), S(2) + S(1), HALF + S(1));
	if (gw_fmt_leaf_level(1))
		assert_int_equal(level_at(x, HALF + S(1)), 1);
	remap_ok(x, HALF, 2 * S(2), S(2));
	fix_assert_exact(x);
}

static void test_large_leaves_are_split_as_far_as_they_must(void **state)
{
	(void)state;
	with_policy(GW_POLICY_LAZY, split_once);
	with_policy(GW_POLICY_EAGER, split_once);
}

static void nothing(struct fixture *x)
{
	map_pages(x, 0, 1);
	remap_ok(x, S(1), S(1), HALF);
	remap_ok(x, PAGE, S(1), HALF);
	assert_int_equal(x->invalidates, 0);
	assert_int_equal(x->f->synchronizes, 0);
}

static void test_a_hole_moves_for_nothing(void **state)
{
	(void)state;
	each_policy(nothing);
}

static int remap(struct fixture *x, uint64_t from, uint64_t bytes, uint64_t to)
{
	int err = gw_remap(x->pt, from, bytes, to);

	fix_verify(x);
	return err;
}

static void errors(struct fixture *x)
{
	map_ok(x, S(1), 2 * S(1));
	assert_int_equal(remap(x, S(1), 0, 0), -EINVAL);
	assert_int_equal(remap(x, S(1), PAGE / 2, 0), -EINVAL);
	assert_int_equal(remap(x, S(1) + 1, PAGE, 0), -EINVAL);
	assert_int_equal(remap(x, S(1), PAGE, PAGE / 2), -EINVAL);
	assert_int_equal(remap(x, S(1), PAGE, S(1)), -EINVAL);
	assert_int_equal(remap(x, S(1), S(1), 2 * S(1) - PAGE), -EINVAL);
	assert_int_equal(remap(x, 2 * S(1) - PAGE, S(1), S(1)), -EINVAL);
	assert_int_equal(remap(x, S(1), S(1), gw_fmt_canonical(END - PAGE)), -ERANGE);
	assert_int_equal(remap(x, gw_fmt_canonical(END - PAGE), 2 * PAGE, 0), -ERANGE);
	if (gw_fmt_canonical(HALF) != HALF)
		assert_int_equal(remap(x, 0, 2 * PAGE, HALF - PAGE), -ERANGE);
	assert_int_equal(remap(x, S(1), S(1), 2 * S(1)), -EEXIST);
	assert_int_equal(remap(x, 0, S(1), 2 * S(1)), -EEXIST);
	assert_int_equal(remap(x, 3 * S(1), 2 * PAGE, S(1) - PAGE), -EEXIST);
	assert_int_equal(remap(x, 0, S(1), 3 * S(1) - PAGE), -EEXIST);
}

static void test_errors_move_nothing(void **state)
{
	(void)state;
	each_policy(errors);
}

/* Empty tables that are kept on purpose move along, and stay where they are not in the way. */
static void kept(struct fixture *x)
{
	map_pages(x, 0, 1);
	map_pages(x, S(1), 1);
	unmap_ok(x, S(1), PAGE);
	map_pages(x, HALF, 1);
	unmap_ok(x, HALF, PAGE);
	remap_ok(x, 0, 2 * S(1), HALF);
	assert_int_equal(x->tables[0], 2);
	assert_int_equal(x->empty_tables, 2); /* the other is the one above, where they were */
	assert_int_equal(level_at(x, HALF), 0);
}

static void test_manual_tables_are_kept(void **state)
{
	(void)state;
	with_policy(GW_POLICY_MANUAL, kept);
}

/* ---- What anybody sees meanwhile ---- */

enum { SEEN_PAGES = 4 };
static uint64_t seen_from, seen_to;
static unsigned looks;

static void at_neither_place(void)
{
	struct gw_leaf leaf;

	for (unsigned i = 0; i < SEEN_PAGES; i++) {
		uint64_t offset = 2ull * i * PAGE;

		assert_false(gw_walk(under_test->pt, gw_fmt_canonical(seen_from + offset), &leaf));
		assert_false(gw_walk(under_test->pt, gw_fmt_canonical(seen_to + offset), &leaf));
	}
	looks++;
}

static void in_invalidate(struct fixture *x, const struct gw_range *range)
{
	(void)x;
	(void)range;
	at_neither_place();
}

static void never_at_both(struct fixture *x)
{
	hook(x);
	map_pages(x, 0, SEEN_PAGES);
	for (unsigned whole = 0; whole < 2; whole++) {
		seen_from = 0;
		seen_to = HALF + (whole ? 0 : PAGE);
		x->during = in_invalidate;
		on_synchronize = at_neither_place;
		looks = 0;
		remap_ok(x, 0, 3 * S(1), seen_to);
		assert_int_equal(looks, 1 + whole);
		x->during = NULL;
		on_synchronize = NULL;
		remap_ok(x, seen_to, 3 * S(1), 0);
	}
}

static void test_a_page_is_never_at_both_places(void **state)
{
	(void)state;
	with_policy(GW_POLICY_EAGER, never_at_both);
}

/* What the MMU records until it has forgotten the old place is there at the new one. */
static gw_entry *recorded;

static void record(struct fixture *x, const struct gw_range *range)
{
	(void)x;
	(void)range;
	gw_store_relaxed(recorded,
			 gw_fmt_recorded(gw_load_relaxed(recorded), GW_ACCESSED | GW_DIRTY, 0));
}

static void hardware_bits(struct fixture *x)
{
	map_pages(x, 0, 2);
	fix_record(x, 0, GW_ACCESSED);
	remap_ok(x, 0, PAGE, HALF);
	remap_ok(x, HALF, PAGE, 0);
	recorded = entry_at(x, 0);
	x->during = record;
	assert_int_equal(gw_remap(x->pt, 0, S(1), gw_fmt_canonical(HALF)), 0);
	x->during = NULL;
	assert_int_equal(gw_fmt_attr(gw_load_relaxed(entry_at(x, HALF)), 0),
			 WRITABLE | (GW_FMT_ATTRS & (GW_ACCESSED | GW_DIRTY)));
	assert_int_equal(gw_remap(x->pt, gw_fmt_canonical(HALF), S(1), 0), 0);
	fix_record(x, 0, GW_ACCESSED | GW_DIRTY);
	fix_verify(x);
}

static void test_what_hardware_records_moves_along(void **state)
{
	(void)state;
	each_policy(hardware_bits);
}

/* A walker that has reached a table by its old address, and is in there until somebody waits for
 * it. */
static gw_entry *walker_at;
static uint64_t walker_saw;

static void walker_looks(void)
{
	if (walker_at)
		assert_int_equal(gw_load_relaxed(walker_at), walker_saw);
}

static void walker_ends(void)
{
	walker_looks();
	walker_at = NULL;
}

static void walker_inside(struct fixture *x)
{
	hook(x);
	for (unsigned level = 1; level <= FIX_TOP; level++) {
		map_pages(x, 0, 2);
		walker_at = entry_at(x, 2 * PAGE);
		walker_saw = gw_load_relaxed(walker_at);
		on_synchronize = walker_ends;
		remap_ok(x, 0, S(level), S(level));
		/* Were it still in there, it would see this where it never was. */
		unmap_ok(x, S(level) + 2 * PAGE, PAGE);
		assert_int_equal(fix_map(x, S(level) + 2 * PAGE, PAGE, OUT, PLAIN), 0);
		walker_looks();
		assert_null(walker_at);
		on_synchronize = NULL;
		unmap_ok(x, S(level), S(level));
	}
}

static void test_a_walker_inside_a_moved_table_sees_what_was_there(void **state)
{
	(void)state;
	each_policy(walker_inside);
}

/* ---- Sweeps ---- */

/* Tables that a sweep will find empty: in what moves, in what stays, and in the way. */
static void leave_idle(struct fixture *x)
{
	for (unsigned i = 0; i < 4; i++) {
		map_pages(x, i * S(1) + PAGE, 1);
		map_pages(x, S(2) + i * S(1), 1);
		map_pages(x, HALF + i * S(1), 1);
	}
	map_pages(x, HALF - PAGE, 1);
	for (unsigned i = 0; i < 4; i++) {
		unmap_ok(x, HALF + i * S(1), PAGE);
		unmap_ok(x, S(2) + i * S(1), PAGE);
		if (i != 1) /* of these some are empty, and one is in use again */
			unmap_ok(x, i * S(1) + PAGE, PAGE);
		if (i == 2)
			map_pages(x, i * S(1) + PAGE, 1);
	}
	unmap_ok(x, S(1) * 3 - 2 * PAGE, PAGE);
}

static uint64_t idle(struct fixture *x)
{
	struct gw_pt_stats stats;

	gw_stats(x->pt, &stats);
	return stats.idle;
}

static void sweep_at_each_moment(struct fixture *x)
{
	const uint64_t to[] = {HALF, HALF + S(1), HALF + PAGE};

	hook(x);
	for (unsigned i = 0; i < LENGTH(to); i++) {
		bool happened = true;

		for (unsigned n = 1; happened; n++) {
			leave_idle(x);
			unlocks_left = n;
			remap_ok(x, 0, 2 * S(2), to[i]);
			happened = !unlocks_left;
			unlocks_left = 0;
			fix_assert_exact(x);
			unmap_ok(x, 0, HALF);
			unmap_ok(x, HALF, END - HALF);
			fix_assert_exact(x);
			assert_int_equal(fix_tables(x), 0);
			assert_int_equal(idle(x), 0);
			assert_true(happened || n > 5);
		}
	}
}

static void test_a_sweep_at_each_moment(void **state)
{
	(void)state;
	with_policy(GW_POLICY_LAZY, sweep_at_each_moment);
}

/* Everything that is deferred runs while the move waits: empty tables next to the moved ones, and
 * the one that was to take the ends of the range, are gone then. */
static void sweep_in_the_grace_period(struct fixture *x)
{
	x->f->sync_runs_calls = true;
	for (unsigned i = 0; i < 2; i++) {
		leave_idle(x);
		remap_ok(x, PAGE, 2 * S(2) - PAGE, HALF + PAGE);
		fix_assert_exact(x);
		remap_ok(x, HALF + PAGE, 2 * S(2) - PAGE, PAGE);
		unmap_ok(x, 0, HALF);
		fix_assert_exact(x);
		assert_int_equal(fix_tables(x), 0);
	}
}

static void test_a_sweep_in_the_grace_period(void **state)
{
	(void)state;
	with_policy(GW_POLICY_LAZY, sweep_in_the_grace_period);
}

/* A sweep can leave a table that another sweep is about to unlink. Here one appears. */
static void leave_empty_table(void)
{
	struct extent page = {seen_to + S(1) - PAGE, PAGE, OUT, PLAIN, 0};
	uint64_t va = gw_fmt_canonical(page.va);

	assert_int_equal(gw_map(under_test->pt, va, PAGE, OUT, PLAIN), 0);
	extents_append(&under_test->awaiting, page);
	assert_int_equal(gw_unmap(under_test->pt, va, PAGE), 0);
	looks++;
}

static void leave_empty_table_once(struct fixture *x, const struct gw_range *range)
{
	(void)range;
	x->during = NULL;
	leave_empty_table();
}

static void empty_in_the_way(struct fixture *x)
{
	hook(x);
	x->relaxed = true;
	seen_to = HALF;
	looks = 0;
	map_pages(x, 0, 2);
	map_ok(x, S(1), S(1));
	on_synchronize = leave_empty_table; /* where a table goes */
	remap_ok(x, 0, S(2), HALF);
	on_synchronize = NULL;
	seen_to = S(1);
	x->during = leave_empty_table_once; /* where a larger leaf goes */
	remap_ok(x, HALF + S(1), S(1), S(1));
	assert_int_equal(looks, 2);
}

static void test_an_empty_table_in_the_way_goes(void **state)
{
	(void)state;
	with_policy(GW_POLICY_LAZY, empty_in_the_way);
	with_policy(GW_POLICY_MANUAL, empty_in_the_way);
}

/* ---- Limits, faults ---- */

static void test_one_grace_period_is_enough(void **state)
{
	struct gw_opts opts = {.policy = GW_POLICY_EAGER, .deferred_limit = 1};
	struct fixture x;

	(void)state;
	fix_start(&x, &opts);
	map_pages(&x, 0, 1);
	map_pages(&x, S(1) - PAGE, 1);
	assert_int_equal(x.f->synchronizes, 0);
	/* The parents of the table turn empty, and pass the limit. */
	remap_ok(&x, 0, S(1), HALF);
	assert_int_equal(x.f->synchronizes, 1);
	x.relaxed = true;
	fix_end(&x);
}

/* Return: whether an allocation failed. */
static bool fail_one(enum gw_policy policy, uint64_t to, uint64_t n, bool all)
{
	struct gw_opts opts = {.policy = policy};
	struct fixture x;
	bool failed;

	fix_start_heaps(&x, &opts, 1); /* so that each table asks for memory */
	map_pages(&x, S(1), 2);
	map_ok(&x, S(2) - PAGE, 2 * S(1));
	map_pages(&x, to + 4 * S(1), 1);
	x.relaxed = true;
	fake_fail(x.f, n);
	x.f->fail_all = all;
	fix_remap(&x, S(2) - S(1), 4 * S(1) - PAGE, to);
	fix_verify(&x);
	failed = x.f->failures > 0;
	fake_fail(x.f, 0);
	if (policy != GW_POLICY_MANUAL)
		fix_assert_exact(&x);
	if (extents_overlap(&x.model, S(2), PAGE))
		remap_ok(&x, S(2) - S(1), 4 * S(1) - PAGE, to);
	else
		assert_false(failed);
	fix_end(&x);
	return failed;
}

static void test_without_memory_nothing_moves(void **state)
{
	const uint64_t to[] = {HALF, HALF + S(1), HALF + 2 * PAGE};

	(void)state;
	for (unsigned policy = 0; policy < POLICIES; policy++)
		for (unsigned i = 0; i < LENGTH(to); i++)
			for (unsigned all = 0; all < 2; all++) {
				uint64_t n = 1;

				while (fail_one((enum gw_policy)policy, to[i], n, all))
					n++;
				assert_true(n > FIX_TOP);
			}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole_tables_are_moved_at_every_level),
		cmocka_unit_test(test_neighbours_stay),
		cmocka_unit_test(test_leaves_alone_wait_for_nobody),
		cmocka_unit_test(test_deposits_move_along),
		cmocka_unit_test(test_any_distance),
		cmocka_unit_test(test_large_leaves_are_split_as_far_as_they_must),
		cmocka_unit_test(test_a_hole_moves_for_nothing),
		cmocka_unit_test(test_manual_tables_are_kept),
		cmocka_unit_test(test_errors_move_nothing),
		cmocka_unit_test(test_a_page_is_never_at_both_places),
		cmocka_unit_test(test_what_hardware_records_moves_along),
		cmocka_unit_test(test_a_walker_inside_a_moved_table_sees_what_was_there),
		cmocka_unit_test(test_a_sweep_at_each_moment),
		cmocka_unit_test(test_a_sweep_in_the_grace_period),
		cmocka_unit_test(test_an_empty_table_in_the_way_goes),
		cmocka_unit_test(test_one_grace_period_is_enough),
		cmocka_unit_test(test_without_memory_nothing_moves),
	};

	return cmocka_run_group_tests_name("remap " GW_FMT_NAME, tests, NULL, NULL);
}
