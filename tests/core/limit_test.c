/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Limits on what waits, heaps that are shared or placed, figures; compiled once a format. */
#include "bench.h"
#include <stdlib.h>
#include <string.h>

static uint64_t waiting_bytes(struct fixture *x)
{
	struct gw_pt_stats stats;

	gw_stats(x->pt, &stats);
	return stats.waiting_bytes;
}

/* No grace period comes by itself: the updater makes its own. */
static void bounded(struct fixture *x, uint64_t limit)
{
	uint64_t most = 0;

	x->relaxed = true;
	for (unsigned i = 0; i < 400; i++) {
		uint64_t va = i % 4 * S(1);

		assert_int_equal(fix_map(x, va, 2 * PAGE, OUT + PAGE, WRITABLE), 0);
		unmap_ok(x, va, 2 * PAGE);
		if (x->policy == GW_POLICY_MANUAL)
			fix_reclaim(x, va, S(1));
		if (waiting_bytes(x) > most)
			most = waiting_bytes(x);
	}
	assert_true(most <= limit);
	/* The lazy policy keeps the four tables, and has nothing to wait for. */
	assert_true(x->policy == GW_POLICY_LAZY || x->f->synchronizes > 0);
	fix_verify(x);
}

static void test_what_waits_is_bounded_by_deferred_limit(void **state)
{
	struct gw_opts opts = {.deferred_limit = 16 * LAST_TABLE};

	(void)state;
	for (unsigned policy = 0; policy < POLICIES; policy++) {
		struct fixture x;

		opts.policy = (enum gw_policy)policy;
		fix_start(&x, &opts);
		bounded(&x, opts.deferred_limit);
		fix_end(&x);
	}
}

/* Idle tables are bounded likewise: here each page has a table of its own, and none comes back. */
static void test_what_is_idle_is_bounded_by_deferred_limit(void **state)
{
	struct gw_opts opts = {.policy = GW_POLICY_LAZY, .deferred_limit = 8 * LAST_TABLE};
	struct gw_pt_stats stats;
	struct fixture x;

	(void)state;
	fix_start(&x, &opts);
	x.relaxed = true;
	for (unsigned i = 0; i < 60; i++)
		map_ok(&x, i * S(1), PAGE);
	for (unsigned i = 0; i < 60; i++) {
		unmap_ok(&x, i * S(1), PAGE);
		gw_stats(x.pt, &stats);
		assert_true(stats.idle * LAST_TABLE <= opts.deferred_limit);
	}
	fix_end(&x);
}

/* Records of leaves that wait count like tables: here no table goes. */
static void test_records_of_leaves_are_bounded_by_deferred_limit(void **state)
{
	enum { RUNS = 20, RECORDS = 4096 };
	struct gw_opts opts = {.policy = GW_POLICY_MANUAL, .deferred_limit = 4 * RECORDS};
	struct fixture x;
	size_t before = 0, most = 0;

	(void)state;
	fix_start(&x, &opts);
	x.relaxed = true;
	x.f->sync_runs_calls = true;
	for (unsigned i = 0; i < 40; i++) {
		for (unsigned j = 0; j < RUNS; j++)
			map_ok(&x, j * 2 * PAGE, PAGE);
		before = before ? before : x.f->alloc_bytes;
		unmap_ok(&x, 0, 2 * RUNS * PAGE);
		if (x.f->alloc_bytes > most)
			most = x.f->alloc_bytes;
	}
	assert_true(most > before);
	assert_true(most <= before + opts.deferred_limit + 2 * RECORDS);
	fix_end(&x);
}

/* What one gw_collapse unlinks is bounded too: it waits in between, and not at its end alone. */
static void test_a_collapse_waits_in_between(void **state)
{
	struct gw_opts opts = {.deferred_limit = 8 * LAST_TABLE};
	struct fixture x;

	(void)state;
	if (!gw_fmt_leaf_level(1))
		return;
	fix_start(&x, &opts);
	x.relaxed = true;
	map_ok(&x, 0, 60 * S(1));
	for (unsigned i = 0; i < 60; i++)
		while (level_at(&x, i * S(1)))
			assert_int_equal(fix_split(&x, i * S(1)), 0);
	assert_true(fix_collapse(&x, 0, 60 * S(1), 0) >= 60);
	assert_true(x.f->synchronizes >= 2);
	fix_end(&x);
}

/* Each makes three tables idle, and the limit is four: what the sweeps find waiting decides which
 * of them wait too. */
static void test_sweeps_leave_tables_idle_while_too_many_wait(void **state)
{
	struct gw_opts opts = {.policy = GW_POLICY_LAZY, .deferred_limit = 4 * LAST_TABLE};
	struct fixture x[4];
	struct fake_env f;
	size_t waiting = 0;

	(void)state;
	fake_env_init(&f);
	for (unsigned h = 0; h < GW_FMT_HEAPS; h++)
		opts.heap[h] = fix_heap(&f, h, 16);
	for (unsigned i = 0; i < 4; i++) {
		fix_start_on(&x[i], &f, &opts);
		for (unsigned k = 0; k < 4; k++)
			map_ok(&x[i], k * S(1), PAGE);
		for (unsigned k = 1; k < 4; k++)
			unmap_ok(&x[i], k * S(1), PAGE);
	}
	fake_gp(&f);
	for (unsigned h = 0; h < GW_FMT_HEAPS; h++)
		waiting += gw_heap_waiting_bytes(opts.heap[h]);
	assert_in_range(waiting, 1, 2 * opts.deferred_limit);
	fake_drain(&f);
	for (unsigned i = 0; i < 4; i++)
		fix_assert_exact(&x[i]);
	for (unsigned i = 0; i < 4; i++)
		fix_end(&x[i]);
	for (unsigned h = 0; h < GW_FMT_HEAPS; h++)
		gw_heap_put(opts.heap[h]);
	fake_env_done(&f);
}

/* ---- A walker that stays in its section ---- */

/* All that one call can add: tables of every level, and a record of leaves. */
static uint64_t most_of_a_call(void)
{
	uint64_t bytes = 4096;

	for (unsigned level = 0; level < GW_LEVELS; level++)
		bytes += 8ull << gw_fmt_index_bits(level);
	return bytes;
}

enum { STAYS = 16 }; /* so many tables' worth is where two pages are mapped and stay */

/* A table of two pages is built, and unlinked. */
static int come_and_go(struct fixture *x, unsigned round)
{
	uint64_t va = round % 4 * S(1);
	int err = fix_map(x, va, 2 * PAGE, OUT + PAGE, WRITABLE);

	if (!err)
		err = fix_unmap(x, va, S(1));
	if (!err && x->policy == GW_POLICY_MANUAL)
		fix_reclaim(x, va, S(1));
	return err;
}

/* What would add to what waits is refused; what does not goes on. */
static void while_it_stays(struct fixture *x)
{
	const uint64_t here = STAYS * S(1);
	const struct gw_piece piece[] = {{OUT, PAGE}, {OUT + 8 * PAGE, PAGE}};
	const uint64_t waiting = waiting_bytes(x), defers = x->f->defers;
	const unsigned asked = x->asked;
	const size_t bytes = x->f->alloc_bytes;

	assert_int_equal(fix_map(x, HALF, PAGE, OUT, WRITABLE), -EBUSY);
	assert_int_equal(fix_map_many(x, HALF, piece, LENGTH(piece), WRITABLE), -EBUSY);
	assert_int_equal(fix_map(x, here - PAGE, 2 * PAGE, OUT, WRITABLE), -EBUSY);
	assert_int_equal(fix_unmap(x, here, S(1)), -EBUSY);
	assert_int_equal(fix_replace(x, here, PAGE, OUT, WRITABLE), -EBUSY);
	assert_int_equal(fix_remap(x, here, PAGE, HALF), -EBUSY);
	assert_int_equal(fix_collapse(x, here, S(1), 0), -EBUSY);
	assert_int_equal(x->asked, asked + 7);
	assert_int_equal(fix_protect(x, here, PAGE, PLAIN), 0);
	assert_int_equal(fix_map(x, here + 2 * PAGE, PAGE, OUT, WRITABLE), 0);
	assert_int_equal(fix_unmap(x, here + 2 * PAGE, PAGE), x->untold ? 0 : -EBUSY);
	if (!x->untold)
		assert_true(fix_set(x, here + 2 * PAGE, false, 0, 0));
	assert_int_equal(x->asked, asked + 7 + !x->untold);
	assert_int_equal(waiting_bytes(x), waiting);
	assert_int_equal(x->f->alloc_bytes, bytes);
	assert_int_equal(x->f->defers, defers);
	assert_int_equal(x->released, 0);
	fix_verify(x);
}

static void walker_stays(struct fixture *x, uint64_t limit)
{
	int err = 0;

	x->relaxed = true; /* of invalidations */
	map_ok(x, STAYS * S(1), 2 * PAGE);
	x->hurried = x->f->stalled = true;
	for (unsigned i = 0; !err; i++) {
		assert_true(i < 1000);
		err = come_and_go(x, i);
	}
	assert_int_equal(err, -EBUSY);
	assert_true(waiting_bytes(x) + x->f->alloc_bytes > limit);
	assert_true(waiting_bytes(x) <= limit + most_of_a_call());
	for (unsigned i = 0; i < 3; i++)
		while_it_stays(x);
	x->f->stalled = false; /* it leaves */
	fake_drain(x->f);
	assert_int_equal(waiting_bytes(x), 0);
	if (!x->untold)
		assert_true(x->released > 0);
	x->asked = 0;
	assert_int_equal(come_and_go(x, 0), 0);
	assert_int_equal(x->asked, 0);
	x->hurried = false;
}

static void test_a_walker_that_stays_costs_no_more_than_the_limit(void **state)
{
	struct gw_opts opts = {.deferred_limit = most_of_a_call() + 16 * LAST_TABLE,
			       .over_limit = fix_over_limit};

	(void)state;
	for (unsigned policy = 0; policy < POLICIES; policy++)
		for (unsigned untold = 0; untold < 2; untold++) {
			struct fake_env f;
			struct fixture x;

			opts.policy = (enum gw_policy)policy;
			fake_env_init(&f);
			(untold ? fix_start_untold_on : fix_start_on)(&x, &f, &opts);
			walker_stays(&x, opts.deferred_limit);
			fix_end(&x);
			fake_env_done(&f);
		}
}

/* Tables that have turned idle are swept past the limit too, and then that is enough. */
static void test_what_is_idle_is_bounded_while_a_walker_stays(void **state)
{
	struct gw_opts opts = {.deferred_limit = 8 * LAST_TABLE, .over_limit = fix_over_limit};
	struct gw_pt_stats stats;
	struct fixture x;
	int err = 0;

	(void)state;
	fix_start(&x, &opts);
	x.relaxed = true;
	for (unsigned i = 0; i < 60; i++)
		map_ok(&x, i * S(1), PAGE);
	x.hurried = x.f->stalled = true;
	for (unsigned i = 0; i < 60 && !err; i++) {
		err = fix_unmap(&x, i * S(1), PAGE);
		gw_stats(x.pt, &stats);
		assert_true(stats.idle * LAST_TABLE <= opts.deferred_limit);
		assert_true(stats.waiting_bytes <= 2 * opts.deferred_limit + most_of_a_call());
	}
	assert_int_equal(err, -EBUSY);
	fix_verify(&x);
	x.hurried = x.f->stalled = false;
	fake_drain(x.f);
	fix_end(&x);
}

/* Who says that updaters are to wait is asked, and they do. */
static void test_updaters_wait_if_told_to(void **state)
{
	struct gw_opts opts = {.deferred_limit = 16 * LAST_TABLE, .over_limit = fix_over_limit};

	(void)state;
	for (unsigned policy = 0; policy < POLICIES; policy++) {
		struct fixture x;

		opts.policy = (enum gw_policy)policy;
		fix_start(&x, &opts);
		bounded(&x, opts.deferred_limit);
		assert_int_equal(x.asked > 0, x.f->synchronizes > 0);
		fix_end(&x);
	}
}

static bool wait_for_walker(void *ctx, size_t waiting)
{
	struct fixture *x = ctx;

	(void)waiting;
	x->asked++;
	fake_drain(x->f);
	return false;
}

/* The callback waits by itself, and the walker leaves in time: no call fails. */
static void test_over_limit_may_wait_itself(void **state)
{
	struct gw_opts opts = {.policy = GW_POLICY_EAGER,
			       .deferred_limit = 16 * LAST_TABLE,
			       .over_limit = wait_for_walker};
	struct fixture x;

	(void)state;
	fix_start(&x, &opts);
	x.relaxed = x.f->sync_runs_calls = true;
	for (unsigned i = 0; i < 200; i++)
		assert_int_equal(come_and_go(&x, i), 0);
	assert_true(x.asked > 1);
	assert_int_equal(x.f->synchronizes, 0);
	fix_end(&x);
}

static void test_two_page_tables_on_one_heap(void **state)
{
	struct fake_env f;

	(void)state;
	for (unsigned policy = 0; policy < POLICIES; policy++) {
		struct gw_opts opts = {.policy = (enum gw_policy)policy};
		struct fixture a, b;

		fake_env_init(&f);
		for (unsigned h = 0; h < GW_FMT_HEAPS; h++)
			opts.heap[h] = fix_heap(&f, h, 16);
		fix_start_on(&a, &f, &opts);
		fix_start_on(&b, &f, &opts);
		for (unsigned k = 0; k < 8; k++) {
			map_ok(&a, k * S(1), PAGE);
			map_ok(&b, HALF + k * S(1), 3 * PAGE);
			fix_verify(&a);
			fix_verify(&b);
		}
		unmap_ok(&a, 0, 4 * S(1));
		unmap_ok(&b, HALF, 5 * S(1));
		fake_gp(&f);
		fix_end(&b);
		fix_verify(&a);
		map_ok(&a, HALF, S(2));
		fix_end(&a);
		for (unsigned h = 0; h < GW_FMT_HEAPS; h++) {
			struct gw_heap_stats stats;

			gw_heap_stats(opts.heap[h], &stats);
			assert_int_equal(stats.blocks, 0);
			gw_heap_put(opts.heap[h]);
		}
		fake_env_done(&f);
	}
}

/* One is destroyed with tables of both on their way in the same blocks, and torn down while the
 * other goes on, before, in and after each grace period. */
static void destroyed_beside(struct fixture *a, struct fixture *b)
{
	for (unsigned k = 0; k < 8; k++) {
		map_ok(a, k * S(1), PAGE);
		map_ok(b, k * S(1), 3 * PAGE);
	}
	for (unsigned k = 0; k < 8; k += 2) {
		unmap_ok(a, k * S(1), S(1));
		unmap_ok(b, k * S(1), S(1));
	}
	fake_gp_begin(a->f);
	unmap_ok(a, S(1), S(1));
	unmap_ok(b, S(1), PAGE);
	fix_destroy(b);
	fake_gp_end(a->f);
	for (unsigned round = 0; round < 4; round++) {
		map_ok(a, HALF + round * S(1), PAGE);
		fake_gp_begin(a->f);
		fix_verify(a);
		map_ok(a, HALF + (round + 8) * S(1), 2 * PAGE);
		unmap_ok(a, HALF + round * S(1), S(1));
		fake_gp_end(a->f);
		fix_verify(a);
	}
	assert_true(b->destroyed);
	fix_end(b);
	fix_verify(a);
}

static void test_a_page_table_is_destroyed_beside_one_in_the_same_blocks(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2 * POLICIES; i++) {
		struct gw_opts opts = {.policy = (enum gw_policy)(i / 2)};
		struct fixture a, b;
		struct fake_env f;

		fake_env_init(&f);
		f.last_first = i % 2;
		for (unsigned h = 0; h < GW_FMT_HEAPS; h++)
			opts.heap[h] = fix_heap(&f, h, 16);
		fix_start_on(&a, &f, &opts);
		fix_start_on(&b, &f, &opts);
		destroyed_beside(&a, &b);
		fix_end(&a);
		for (unsigned h = 0; h < GW_FMT_HEAPS; h++) {
			struct gw_heap_stats stats;

			gw_heap_stats(opts.heap[h], &stats);
			assert_int_equal(stats.used, 0);
			assert_int_equal(stats.blocks, 0);
			gw_heap_put(opts.heap[h]);
		}
		fake_env_done(&f);
	}
}

/* The shared heaps are the caller's: they may go before the page tables, which hold references. */
static void test_a_given_heap_lives_as_long_as_its_page_tables(void **state)
{
	struct gw_opts opts = {0};
	struct fake_env f;
	struct fixture x;

	(void)state;
	fake_env_init(&f);
	for (unsigned h = 0; h < GW_FMT_HEAPS; h++)
		opts.heap[h] = fix_heap(&f, h, 1);
	fix_start_on(&x, &f, &opts);
	for (unsigned h = 0; h < GW_FMT_HEAPS; h++)
		gw_heap_put(opts.heap[h]);
	memset(x.heap, 0, sizeof(x.heap));
	map_ok(&x, 0, S(2) + PAGE);
	unmap_ok(&x, 0, PAGE);
	fix_end(&x);
	fake_env_done(&f);
}

/* Without callbacks nothing is gathered in gw_destroy, but a shared heap wants its tables back all
 * the same. */
static void test_a_shared_heap_gets_its_tables_back_without_callbacks(void **state)
{
	struct gw_opts opts = {0};
	struct fake_env f;
	struct gw_pt *pt;

	(void)state;
	fake_env_init(&f);
	opts.env = &f.env;
	for (unsigned h = 0; h < GW_FMT_HEAPS; h++)
		opts.heap[h] = fix_heap(&f, h, 4);
	assert_int_equal(gw_create(&opts, &pt), 0);
	assert_int_equal(gw_map(pt, PAGE, S(2), OUT + PAGE, WRITABLE), 0);
	gw_destroy(pt);
	fake_drain(&f);
	for (unsigned h = 0; h < GW_FMT_HEAPS; h++) {
		struct gw_heap_stats stats;

		gw_heap_stats(opts.heap[h], &stats);
		assert_int_equal(stats.used, 0);
		gw_heap_put(opts.heap[h]);
	}
	fake_env_done(&f);
}

/* A deferred call of the test's, that builds a page table from the tables of one that was
 * destroyed. */
struct heir {
	struct gw_head head;
	struct fake_env *f;
	struct gw_opts opts;
	struct fixture x;
};

static void inherit(struct gw_head *head)
{
	struct heir *heir = (struct heir *)head; /* its first member */

	heir->f->in_call = false; /* what it unmaps, it invalidates itself */
	fix_start_on(&heir->x, heir->f, &heir->opts);
	map_ok(&heir->x, 0, PAGE);
	unmap_ok(&heir->x, 0, PAGE);
	heir->f->in_call = true;
}

/* The calls of one grace period come in any order. When the teardown came before a sweep that was
 * queued earlier, the sweep found the root's descriptor alive again, in the next page table on the
 * heap, took that for its own, and unlinked its tables with the wrong page table's callbacks and
 * accounts. */
static void test_a_sweep_after_the_teardown_leaves_the_next_page_table_alone(void **state)
{
	struct gw_pt_stats stats;
	struct heir heir = {0};
	struct fake_env f;
	struct fixture x;

	(void)state;
	fake_env_init(&f);
	heir.f = &f;
	for (unsigned h = 0; h < GW_FMT_HEAPS; h++)
		heir.opts.heap[h] = fix_heap(&f, h, 16);
	fix_start_on(&x, &f, &heir.opts);
	map_ok(&x, 0, PAGE);
	unmap_ok(&x, 0, PAGE);
	f.env.defer(&f.env, &heir.head, inherit);
	f.last_first = true;
	fix_end(&x);
	assert_int_equal(x.sweeps, 0);
	assert_int_equal(heir.x.sweeps, 1);
	gw_stats(heir.x.pt, &stats);
	assert_int_equal(stats.idle, 0);
	assert_int_equal(fix_tables(&heir.x), 0);
	fix_end(&heir.x);
	for (unsigned h = 0; h < GW_FMT_HEAPS; h++)
		gw_heap_put(heir.opts.heap[h]);
	fake_env_done(&f);
}

/* Tables in memory of the caller's, which stands for other addresses: entries hold those. */
static void test_tables_placed_in_the_callers_memory(void **state)
{
	enum { BYTES = 1 << 20, PHYS = 1 << 24 };
	unsigned char *memory = aligned_alloc(BYTES, GW_FMT_HEAPS * BYTES);
	struct gw_opts opts = {0};
	struct fixture x;
	struct fake_env f;
	uint64_t root;

	(void)state;
	assert_non_null(memory);
	fake_env_init(&f);
	for (unsigned h = 0; h < GW_FMT_HEAPS; h++) {
		struct gw_heap_opts heap_opts;

		gw_heap_defaults(h, &heap_opts);
		heap_opts.env = &f.env;
		heap_opts.base = memory + h * BYTES;
		heap_opts.phys = PHYS + h * BYTES;
		heap_opts.max_bytes = BYTES;
		assert_int_equal(gw_heap_create(&heap_opts, &opts.heap[h]), 0);
	}
	fix_start_on(&x, &f, &opts);
	map_ok(&x, PAGE, S(1));
	fix_verify(&x);
	root = gw_load_relaxed((gw_entry *)(uintptr_t)x.pt->root);
	assert_true(gw_fmt_is_table(root, FIX_TOP));
	assert_true(gw_fmt_table_address(root, FIX_TOP) >= PHYS);
	assert_true(gw_fmt_table_address(root, FIX_TOP) < PHYS + GW_FMT_HEAPS * BYTES);
	fix_end(&x);
	for (unsigned h = 0; h < GW_FMT_HEAPS; h++)
		gw_heap_put(opts.heap[h]);
	fake_env_done(&f);
	free(memory);
}

static void figures(struct fixture *x)
{
	struct gw_pt_stats stats;
	uint64_t bytes = 0, record_bytes = 0;

	map_ok(x, 0, PAGE);
	map_ok(x, S(1), PAGE);
	fix_verify(x);
	for (unsigned level = 0; level < GW_LEVELS; level++) {
		struct gw_heap_opts heap; /* a root may use only the start of its table */

		assert_int_equal(gw_heap_defaults(gw_fmt_heap(level), &heap), 0);
		bytes += x->tables[level] * heap.table_bytes;
	}
	gw_stats(x->pt, &stats);
	assert_int_equal(stats.heaps, GW_FMT_HEAPS);
	assert_int_equal(stats.table_bytes, bytes);
	assert_int_equal(stats.table_bytes_peak, bytes);
	assert_int_equal(stats.waiting_bytes, 0);
	assert_int_equal(stats.idle, 0);
	for (unsigned i = 0; i < stats.heaps; i++)
		record_bytes += stats.heap[i].records * stats.heap[i].record_bytes;
	assert_int_equal(stats.block_bytes + record_bytes, x->f->commit_bytes);
	unmap_ok(x, 0, PAGE);
	gw_stats(x->pt, &stats);
	assert_int_equal(stats.idle, x->policy == GW_POLICY_LAZY);
	fix_reclaim(x, 0, UINT64_MAX);
	gw_stats(x->pt, &stats);
	assert_int_equal(stats.idle, 0);
	assert_int_equal(stats.table_bytes, bytes - LAST_TABLE);
	assert_int_equal(stats.waiting_bytes, LAST_TABLE);
	fake_drain(x->f);
	gw_stats(x->pt, &stats);
	assert_int_equal(stats.waiting_bytes, 0);
	assert_int_equal(stats.table_bytes_peak, bytes);
}

static void test_figures(void **state)
{
	(void)state;
	each_policy(figures);
}

/* gw_check is what other tests lean on: it does see what is wrong. */
static void check_sees(struct fixture *x)
{
	unsigned level;
	gw_entry *entry;
	uint64_t e;

	map_ok(x, 0, PAGE);
	entry = fix_entry(x, 0, &level);
	e = gw_load_relaxed(entry);
	gw_store_relaxed(entry, gw_fmt_empty(0));
	assert_int_equal(gw_check(x->pt), -EIO);
	gw_store_relaxed(entry, e);
	gw_store_relaxed(entry + 1, e);
	assert_int_equal(gw_check(x->pt), -EIO);
	gw_store_relaxed(entry + 1, gw_fmt_empty(0));
	assert_int_equal(gw_check(x->pt), 0);
	gw_store_relaxed(entry, gw_fmt_empty(0) ^ 0x1000); /* neither a leaf nor empty */
	assert_int_equal(gw_check(x->pt), -EIO);
	gw_store_relaxed(entry, e);
	/* A table that hangs where another belongs. */
	entry = (gw_entry *)(uintptr_t)x->pt->root;
	e = gw_load_relaxed(entry);
	gw_store_relaxed(entry, gw_fmt_empty(FIX_TOP));
	gw_store_relaxed(entry + 1, e);
	assert_int_equal(gw_check(x->pt), -EIO);
	gw_store_relaxed(entry + 1, gw_fmt_empty(FIX_TOP));
	gw_store_relaxed(entry, e);
	assert_int_equal(gw_check(x->pt), 0);
}

static void test_check_sees_wrong_counts_and_places(void **state)
{
	(void)state;
	each_policy(check_sees);
}

static void ops(struct fixture *x)
{
	struct gw_leaf leaf = {0};
	struct gw_pt_stats stats;

	assert_string_equal(gw_ops.name, GW_FMT_NAME);
	assert_int_equal(gw_ops.levels, GW_LEVELS);
	assert_int_equal(gw_ops.page_lg2, GW_PAGE_LG2);
	assert_int_equal(gw_ops.va_bits, GW_VA_BITS);
	assert_int_equal(gw_ops.attrs, GW_FMT_ATTRS);
	assert_int_equal(gw_ops.attrs_must, GW_FMT_ATTRS_MUST);
	assert_int_equal(gw_ops.map(x->pt, 0, PAGE, OUT, WRITABLE), 0);
	assert_true(gw_ops.walk(x->pt, 0, &leaf));
	assert_int_equal(leaf.out, OUT);
	assert_int_equal(gw_ops.protect(x->pt, 0, PAGE, PLAIN), 0);
	assert_int_equal(gw_ops.check(x->pt), 0);
	gw_ops.stats(x->pt, &stats);
	assert_int_equal(stats.heaps, GW_FMT_HEAPS);
	extents_append(&x->awaiting, (struct extent){0, PAGE, OUT, PLAIN, 0});
	x->call_began = fake_now(x->f);
	assert_int_equal(gw_ops.unmap(x->pt, 0, PAGE), 0);
	gw_ops.reclaim(x->pt, 0, UINT64_MAX);
	assert_false(gw_ops.walk(x->pt, 0, &leaf));
}

static void test_ops_are_the_same_functions(void **state)
{
	(void)state;
	each_policy(ops);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_waits_is_bounded_by_deferred_limit),
		cmocka_unit_test(test_what_is_idle_is_bounded_by_deferred_limit),
		cmocka_unit_test(test_records_of_leaves_are_bounded_by_deferred_limit),
		cmocka_unit_test(test_a_collapse_waits_in_between),
		cmocka_unit_test(test_sweeps_leave_tables_idle_while_too_many_wait),
		cmocka_unit_test(test_a_walker_that_stays_costs_no_more_than_the_limit),
		cmocka_unit_test(test_what_is_idle_is_bounded_while_a_walker_stays),
		cmocka_unit_test(test_updaters_wait_if_told_to),
		cmocka_unit_test(test_over_limit_may_wait_itself),
		cmocka_unit_test(test_two_page_tables_on_one_heap),
		cmocka_unit_test(test_a_page_table_is_destroyed_beside_one_in_the_same_blocks),
		cmocka_unit_test(test_a_given_heap_lives_as_long_as_its_page_tables),
		cmocka_unit_test(test_a_shared_heap_gets_its_tables_back_without_callbacks),
		cmocka_unit_test(test_a_sweep_after_the_teardown_leaves_the_next_page_table_alone),
		cmocka_unit_test(test_tables_placed_in_the_callers_memory),
		cmocka_unit_test(test_figures),
		cmocka_unit_test(test_check_sees_wrong_counts_and_places),
		cmocka_unit_test(test_ops_are_the_same_functions),
	};

	return cmocka_run_group_tests_name("limit " GW_FMT_NAME, tests, NULL, NULL);
}
