/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * When empty tables go, and how what was unmapped is retired: guarantees H and I; compiled once a
 * format. */
#include "bench.h"

static uint64_t defers(struct fixture *x)
{
	struct gw_pt_stats stats;
	uint64_t n = 0;

	gw_stats(x->pt, &stats);
	for (unsigned i = 0; i < stats.heaps; i++)
		n += stats.heap[i].defers;
	return n;
}

/* ---- When empty tables go: guarantee I ---- */

/* A page that comes and goes, with no grace period in between: its table stays. */
static void lazy_loop(struct fixture *x)
{
	for (unsigned i = 0; i < 100; i++) {
		map_ok(x, 0, PAGE);
		unmap_ok(x, 0, PAGE);
	}
	assert_int_equal(defers(x), 0);
	assert_int_equal(x->f->defers - 100, 1); /* batches of leaves, and one sweep */
	fake_gp(x->f);
	assert_int_equal(defers(x), FIX_TOP);
	fix_assert_exact(x);
	assert_int_equal(fix_tables(x), 0);
}

static void test_lazy_a_table_goes_at_most_once_a_grace_period(void **state)
{
	(void)state;
	with_policy(GW_POLICY_LAZY, lazy_loop);
}

/* Grace periods that find the page mapped unlink nothing, and later ones still find the empty
 * table. */
static void lazy_refilled(struct fixture *x)
{
	for (unsigned i = 0; i < 10; i++) {
		map_ok(x, 0, PAGE);
		unmap_ok(x, 0, PAGE);
		map_ok(x, 0, PAGE);
		fake_gp(x->f);
		assert_int_equal(defers(x), 0);
		fix_verify(x);
		unmap_ok(x, 0, PAGE);
	}
	assert_int_equal(defers(x), 0);
	fix_assert_exact(x);
	assert_int_equal(fix_tables(x), 0);
}

static void test_lazy_a_table_that_was_refilled_stays(void **state)
{
	(void)state;
	with_policy(GW_POLICY_LAZY, lazy_refilled);
}

/* At once where one call unmaps all that the table could hold. */
static void lazy_whole(struct fixture *x)
{
	assert_int_equal(fix_map(x, S(1), S(1), OUT + PAGE, WRITABLE), 0);
	if (!gw_fmt_aligned(OUT + PAGE, 1))
		assert_int_equal(level_at(x, S(1)), 0);
	unmap_ok(x, S(1), PAGE);
	unmap_ok(x, S(1), S(1));
	assert_int_equal(x->tables[0], 0);
	fix_verify(x);
	assert_int_equal(x->tables[0], 0);
}

static void test_lazy_whole_tables_go_at_once(void **state)
{
	(void)state;
	with_policy(GW_POLICY_LAZY, lazy_whole);
}

/* Idle tables that go with a larger unmap are no longer counted, and the sweep finds nothing. */
static void idle_below(struct fixture *x)
{
	struct gw_pt_stats stats;

	map_ok(x, 0, PAGE);
	map_ok(x, S(1), PAGE);
	unmap_ok(x, 0, PAGE);
	unmap_ok(x, S(1), PAGE);
	gw_stats(x->pt, &stats);
	assert_int_equal(stats.idle, 2);
	unmap_ok(x, 0, S(2));
	gw_stats(x->pt, &stats);
	/* The table above, which has turned empty; no root is idle. */
	assert_int_equal(stats.idle, FIX_TOP > 2);
	fix_assert_exact(x);
	gw_stats(x->pt, &stats);
	assert_int_equal(stats.idle, 0);
}

static void test_lazy_idle_tables_may_go_with_a_larger_range(void **state)
{
	(void)state;
	with_policy(GW_POLICY_LAZY, idle_below);
}

/* What one sweep unlinks is told as one range; across a hole of the addresses, as everything. */
static void swept_range(struct fixture *x)
{
	map_ok(x, S(1), PAGE);
	map_ok(x, HALF - PAGE, PAGE);
	unmap_ok(x, S(1), PAGE);
	unmap_ok(x, HALF - PAGE, PAGE);
	fix_assert_exact(x);
	assert_int_equal(x->sweeps, 1);
	assert_true(x->swept.va <= S(1) && x->swept.va + x->swept.bytes >= HALF);
	assert_true(x->swept.bytes <= HALF);
	map_ok(x, HALF - PAGE, PAGE);
	map_ok(x, HALF, PAGE);
	unmap_ok(x, HALF - PAGE, PAGE);
	unmap_ok(x, HALF, PAGE);
	fix_assert_exact(x);
	assert_int_equal(x->sweeps, 2);
	if (gw_fmt_canonical(HALF) != HALF)
		assert_int_equal(x->swept.bytes, UINT64_MAX);
}

static void test_a_sweep_tells_one_range(void **state)
{
	(void)state;
	with_policy(GW_POLICY_LAZY, swept_range);
}

static void eager(struct fixture *x)
{
	map_ok(x, 0, 2 * PAGE);
	map_ok(x, S(2), PAGE);
	unmap_ok(x, 0, PAGE);
	assert_int_equal(fix_tables(x), FIX_TOP + 2);
	unmap_ok(x, PAGE, PAGE);
	assert_int_equal(fix_tables(x), FIX_TOP);
	unmap_ok(x, S(2), PAGE);
	assert_int_equal(fix_tables(x), 0);
}

static void test_eager_empty_tables_go_at_once(void **state)
{
	(void)state;
	with_policy(GW_POLICY_EAGER, eager);
}

static void manual(struct fixture *x)
{
	map_ok(x, 0, PAGE);
	map_ok(x, S(1), PAGE);
	map_ok(x, HALF, PAGE);
	unmap_ok(x, 0, S(2));
	unmap_ok(x, HALF, S(1));
	fake_drain(x->f);
	assert_int_equal(fix_tables(x), 2 * FIX_TOP + 1);
	assert_int_equal(defers(x), 0);
	fix_reclaim(x, 0, S(1) - PAGE); /* not all of the table's span */
	fix_reclaim(x, PAGE, 2 * S(1) - 2 * PAGE);
	assert_int_equal(fix_tables(x), 2 * FIX_TOP + 1);
	fix_reclaim(x, S(1), S(1));
	assert_int_equal(x->invalidates, 1);
	assert_int_equal(x->last.va, S(1));
	assert_int_equal(x->last.bytes, S(1));
	assert_int_equal(fix_tables(x), 2 * FIX_TOP);
	fix_reclaim(x, 0, HALF);
	assert_int_equal(fix_tables(x), FIX_TOP);
	fix_reclaim(x, HALF, HALF);
	assert_int_equal(fix_tables(x), 0);
}

static void test_manual_tables_go_by_gw_reclaim_alone(void **state)
{
	(void)state;
	with_policy(GW_POLICY_MANUAL, manual);
}

static void reclaim_leaves_what_is_mapped(struct fixture *x)
{
	map_ok(x, PAGE, PAGE);
	map_ok(x, HALF, S(1));
	fix_reclaim(x, 0, UINT64_MAX);
	assert_int_equal(x->invalidates, 0);
	fix_verify(x);
	unmap_ok(x, PAGE, PAGE);
	fix_reclaim(x, 0, UINT64_MAX);
	fix_assert_exact(x);
	unmap_ok(x, HALF, S(1));
}

static void test_reclaim_leaves_what_is_mapped(void **state)
{
	(void)state;
	each_policy(reclaim_leaves_what_is_mapped);
}

/* The low bits of an address that is none were taken for the address: a range behind the end
 * retired tables at the start, and one from within the hole missed those above it. */
static void reclaim_is_clipped(struct fixture *x)
{
	const uint64_t above = gw_fmt_canonical(HALF);

	map_ok(x, 0, PAGE);
	map_ok(x, HALF, PAGE);
	unmap_ok(x, 0, PAGE);
	unmap_ok(x, HALF, PAGE);
	gw_reclaim(x->pt, 0, 0);
	if (END) {
		gw_reclaim(x->pt, 1ull << 63, S(FIX_TOP));
		gw_reclaim(x->pt, above == HALF ? END : HALF, S(FIX_TOP));
	}
	assert_int_equal(fix_tables(x), 2 * FIX_TOP);
	if (above != HALF) {
		gw_reclaim(x->pt, 0, above); /* the lower half, and the hole */
		assert_int_equal(fix_tables(x), FIX_TOP);
		gw_reclaim(x->pt, above - 3 * PAGE, UINT64_MAX);
	} else {
		gw_reclaim(x->pt, 0, UINT64_MAX);
	}
	assert_int_equal(fix_tables(x), 0);
}

static void test_reclaim_cuts_off_what_is_outside_the_address_space(void **state)
{
	(void)state;
	with_policy(GW_POLICY_MANUAL, reclaim_is_clipped);
}

/* One page at each multiple of a level's span, taken away one by one, in another order. */
static void exact_at(struct fixture *x, unsigned level)
{
	const unsigned order[] = {2, 0, 3, 1}, entries = 1u << gw_fmt_index_bits(level);

	for (unsigned i = 0; i < 4 && i < entries; i++)
		map_ok(x, i * S(level), PAGE);
	for (unsigned i = 0; i < 4; i++) {
		if (order[i] >= entries)
			continue;
		unmap_ok(x, order[i] * S(level), PAGE);
		if (x->policy == GW_POLICY_MANUAL)
			fix_reclaim(x, 0, UINT64_MAX);
		fix_assert_exact(x);
	}
	assert_int_equal(fix_tables(x), 0);
}

static void exact(struct fixture *x)
{
	for (unsigned level = 0; level < GW_LEVELS; level++)
		exact_at(x, level);
}

static void test_reclaim_is_exact_at_every_level(void **state)
{
	(void)state;
	each_policy(exact);
}

/* ---- Guarantee H, in its order ---- */

static void order_of_retiring(struct fixture *x)
{
	map_ok(x, 0, S(1) + PAGE);
	unmap_ok(x, 0, PAGE);
	assert_int_equal(x->invalidates, 1 + GW_FMT_BREAK_BEFORE_MAKE);
	assert_int_equal(x->last.va, 0);
	assert_int_equal(x->last.bytes, PAGE);
	assert_false(x->last.tables);
	assert_int_equal(x->released, 0);
	fake_gp_begin(x->f);
	unmap_ok(x, PAGE, S(1));
	fake_gp_end(x->f);
	assert_int_equal(x->released, PAGE);
	fake_gp(x->f);
	assert_int_equal(x->released, S(1) + PAGE);
	assert_int_equal(x->awaiting.n, 0);
	fake_drain(x->f);
	assert_int_equal(x->released, S(1) + PAGE);
}

static void test_unmap_invalidate_grace_period_release(void **state)
{
	(void)state;
	each_policy(order_of_retiring);
}

/* The first grace period that may serve a call begins when that defers something: by then the MMU
 * has forgotten it. */
static void (*real_defer)(struct gw_env *env, struct gw_head *head,
			  void (*fn)(struct gw_head *head));
static struct fake_env *deferring;

static void defer_and_begin(struct gw_env *env, struct gw_head *head,
			    void (*fn)(struct gw_head *head))
{
	real_defer(env, head, fn);
	if (!deferring->gp_running)
		fake_gp_begin(deferring);
}

static void early_grace_period(struct fixture *x)
{
	real_defer = x->f->env.defer;
	deferring = x->f;
	map_ok(x, 0, 2 * S(1) + PAGE);
	x->f->env.defer = defer_and_begin;
	unmap_ok(x, S(1), S(1) + PAGE);
	x->f->env.defer = real_defer;
	fake_drain(x->f);
	assert_int_equal(x->released, S(1) + PAGE);
}

static void test_what_is_deferred_is_invalidated(void **state)
{
	(void)state;
	each_policy(early_grace_period);
}

/* Leaves of a table that goes as a whole are told as they are when the MMU has forgotten them. */
static gw_entry *recorded;
static uint64_t recorded_late;

static void record_late(struct fixture *x, const struct gw_range *range)
{
	(void)x;
	(void)range;
	gw_store_relaxed(recorded, recorded_late);
}

static void late_bits(struct fixture *x)
{
	uint64_t before;
	unsigned level;

	if (!(GW_FMT_ATTRS & GW_DIRTY) || !GW_FMT_HW_UPDATES)
		return;
	map_ok(x, 0, PAGE);
	map_ok(x, 2 * PAGE, PAGE);
	recorded = fix_entry(x, 0, &level);
	before = gw_load_relaxed(recorded);
	fix_record(x, 0, GW_ACCESSED | GW_DIRTY); /* so the model knows */
	recorded_late = gw_load_relaxed(recorded);
	gw_store_relaxed(recorded, before);
	x->during = record_late;
	unmap_ok(x, 0, S(1));
	x->during = NULL;
	fake_gp(x->f);
	assert_int_equal(x->released, 2 * PAGE);
}

static void test_what_the_mmu_records_until_the_invalidation_is_told(void **state)
{
	(void)state;
	with_policy(GW_POLICY_LAZY, late_bits);
	with_policy(GW_POLICY_EAGER, late_bits);
}

/* More runs than a batch has room for; with and without memory for batches. */
static void many_runs(struct fixture *x)
{
	enum { RUNS = 300 };

	for (unsigned i = 0; i < RUNS && (i + 1ull) * 2 * PAGE <= HALF; i++)
		map_ok(x, i * 2 * PAGE, PAGE);
	fix_verify(x);
	unmap_ok(x, 0, HALF);
	fake_drain(x->f);
	assert_int_equal(x->awaiting.n, 0);
	for (unsigned i = 0; i < RUNS && (i + 1ull) * 2 * PAGE <= HALF; i++)
		map_ok(x, i * 2 * PAGE, PAGE);
	x->relaxed = true;
	fake_fail_all(x->f, true);
	unmap_ok(x, 0, HALF);
	assert_int_equal(x->awaiting.n, 0); /* it had to wait itself */
	assert_true(x->f->synchronizes > 0);
	fake_fail_all(x->f, false);
	fake_drain(x->f);
}

static void test_many_runs_with_and_without_memory(void **state)
{
	(void)state;
	each_policy(many_runs);
}

/* A few leaves, on their own or in a table that goes as a whole: no updater waits for those. */
static void few_runs(struct fixture *x)
{
	map_ok(x, 0, PAGE);
	map_ok(x, 2 * PAGE, PAGE);
	map_ok(x, S(1), PAGE);
	unmap_ok(x, 0, PAGE);
	unmap_ok(x, S(1), S(1));
	unmap_ok(x, 0, 3 * S(1));
	assert_int_equal(x->f->synchronizes, 0);
	assert_int_equal(x->released, 0);
}

static void test_few_leaves_are_deferred_and_not_waited_for(void **state)
{
	(void)state;
	each_policy(few_runs);
}

static void test_callbacks_may_be_absent(void **state)
{
	struct fake_env f;

	(void)state;
	for (unsigned policy = 0; policy < POLICIES; policy++) {
		struct gw_opts opts = {.env = &f.env, .policy = (enum gw_policy)policy};
		struct gw_pt *pt;

		fake_env_init(&f);
		assert_int_equal(gw_create(&opts, &pt), 0);
		assert_int_equal(gw_map(pt, 0, S(2) + PAGE, OUT, WRITABLE), 0);
		assert_int_equal(gw_unmap(pt, PAGE, S(1)), 0);
		fake_gp(&f);
		assert_int_equal(gw_check(pt), 0);
		gw_destroy(pt);
		fake_drain(&f);
		fake_env_done(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lazy_a_table_goes_at_most_once_a_grace_period),
		cmocka_unit_test(test_lazy_a_table_that_was_refilled_stays),
		cmocka_unit_test(test_lazy_whole_tables_go_at_once),
		cmocka_unit_test(test_lazy_idle_tables_may_go_with_a_larger_range),
		cmocka_unit_test(test_a_sweep_tells_one_range),
		cmocka_unit_test(test_eager_empty_tables_go_at_once),
		cmocka_unit_test(test_manual_tables_go_by_gw_reclaim_alone),
		cmocka_unit_test(test_reclaim_leaves_what_is_mapped),
		cmocka_unit_test(test_reclaim_cuts_off_what_is_outside_the_address_space),
		cmocka_unit_test(test_reclaim_is_exact_at_every_level),
		cmocka_unit_test(test_unmap_invalidate_grace_period_release),
		cmocka_unit_test(test_what_is_deferred_is_invalidated),
		cmocka_unit_test(test_what_the_mmu_records_until_the_invalidation_is_told),
		cmocka_unit_test(test_many_runs_with_and_without_memory),
		cmocka_unit_test(test_few_leaves_are_deferred_and_not_waited_for),
		cmocka_unit_test(test_callbacks_may_be_absent),
	};

	return cmocka_run_group_tests_name("retire " GW_FMT_NAME, tests, NULL, NULL);
}
