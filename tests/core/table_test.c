/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The page table, function by function and promise by promise; compiled once a format. */
#include "fixture.h"
#include <stdlib.h>
#include <string.h>

#define S(level) gw_span(level)
#define HALF (1ull << (GW_VA_BITS - 1))
#define END (HALF << 1)
/* Somewhere that every format can map to, aligned to every leaf. */
#define OUT (1ull << (GW_OUT_BITS - 2))
#define LAST_TABLE (8u << gw_fmt_index_bits(0)) /* bytes of a table of level 0 */
#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static const enum gw_policy policies[] = {GW_POLICY_LAZY, GW_POLICY_EAGER, GW_POLICY_MANUAL};

static void each_policy(void (*test)(struct fixture *x))
{
	for (unsigned i = 0; i < LENGTH(policies); i++) {
		struct gw_opts opts = {.policy = policies[i]};
		struct fixture x;

		fix_start(&x, &opts);
		test(&x);
		fix_end(&x);
	}
}

static void with_policy(enum gw_policy policy, void (*test)(struct fixture *x))
{
	struct gw_opts opts = {.policy = policy};
	struct fixture x;

	fix_start(&x, &opts);
	test(&x);
	fix_end(&x);
}

static void map_ok(struct fixture *x, uint64_t va, uint64_t bytes)
{
	assert_int_equal(fix_map(x, va, bytes, OUT + va, WRITABLE), 0);
}

static void unmap_ok(struct fixture *x, uint64_t va, uint64_t bytes)
{
	assert_int_equal(fix_unmap(x, va, bytes), 0);
}

static uint64_t defers(struct fixture *x)
{
	struct gw_pt_stats stats;
	uint64_t n = 0;

	gw_stats(x->pt, &stats);
	for (unsigned i = 0; i < stats.heaps; i++)
		n += stats.heap[i].defers;
	return n;
}

/* The level of the leaf that maps va. */
static unsigned level_at(struct fixture *x, uint64_t va)
{
	unsigned level;
	gw_entry *entry = fix_entry(x, va, &level);

	assert_true(gw_fmt_is_leaf(gw_load_relaxed(entry), level));
	return level;
}

/* ---- Life ---- */

static void an_empty_page_table(struct fixture *x)
{
	struct gw_leaf leaf = {0};

	assert_int_equal(fix_tables(x), 0);
	assert_false(gw_walk(x->pt, 0, &leaf));
}

static void test_an_empty_page_table_comes_and_goes(void **state)
{
	(void)state;
	each_policy(an_empty_page_table);
}

static void test_create_refuses_what_it_cannot_use(void **state)
{
	struct gw_opts good = {0}, bad;
	struct gw_heap_opts heap_opts;
	struct gw_pt *pt = NULL;
	struct gw_heap *heap;
	struct fake_env f, other;

	(void)state;
	fake_env_init(&f);
	fake_env_init(&other);
	good.env = &f.env;
	bad = good;
	bad.env = NULL;
	assert_int_equal(gw_create(&bad, &pt), -EINVAL);
	bad = good;
	bad.policy = (enum gw_policy)(GW_POLICY_MANUAL + 1);
	assert_int_equal(gw_create(&bad, &pt), -EINVAL);
	assert_int_equal(gw_heap_defaults(GW_FMT_HEAPS, &heap_opts), -EINVAL);
	assert_int_equal(gw_heap_defaults(0, &heap_opts), 0);
	heap_opts.env = &other.env;
	assert_int_equal(gw_heap_create(&heap_opts, &heap), 0);
	bad = good;
	bad.heap[0] = heap;
	assert_int_equal(gw_create(&bad, &pt), -EINVAL);
	gw_heap_put(heap);
	heap_opts.env = &f.env;
	heap_opts.empty++;
	assert_int_equal(gw_heap_create(&heap_opts, &heap), 0);
	bad.heap[0] = heap;
	assert_int_equal(gw_create(&bad, &pt), -EINVAL);
	gw_heap_put(heap);
	assert_null(pt);
	fake_env_done(&f);
	fake_env_done(&other);
}

static void test_create_without_memory_leaves_nothing(void **state)
{
	unsigned n = 0, failures = 1;

	(void)state;
	while (failures) {
		struct gw_opts opts = {0};
		struct gw_pt *pt = NULL;
		struct fake_env f;
		int err;

		fake_env_init(&f);
		opts.env = &f.env;
		fake_fail(&f, ++n);
		err = gw_create(&opts, &pt);
		failures = (unsigned)f.failures;
		assert_int_equal(err, failures ? -ENOMEM : 0);
		if (!err)
			gw_destroy(pt);
		fake_drain(&f);
		fake_env_done(&f);
	}
	assert_int_equal(n, 1 + 3 * GW_FMT_HEAPS + 1 + 1); /* itself, the heaps, the root's block */
}

static void destroy_with_all_in_flight(struct fixture *x)
{
	map_ok(x, 0, S(1) + 3 * PAGE);
	map_ok(x, HALF, S(2));
	unmap_ok(x, PAGE, S(1));
	unmap_ok(x, HALF, PAGE);
	fake_gp_begin(x->f);
	map_ok(x, HALF, PAGE);
	unmap_ok(x, HALF, PAGE);
	unmap_ok(x, 0, PAGE);
}

static void test_destroyed_comes_last_whatever_is_in_flight(void **state)
{
	(void)state;
	each_policy(destroy_with_all_in_flight);
}

/* Walkers see all of it until a grace period after gw_destroy. */
static void test_destroy_leaves_tables_to_walkers_for_a_grace_period(void **state)
{
	struct fixture x;
	struct gw_pt copy;
	struct fake_env *f;
	uint64_t out;

	(void)state;
	fix_start(&x, NULL);
	map_ok(&x, 0, 3 * PAGE);
	f = x.f;
	copy = *x.pt;
	x.call_began = fake_now(f);
	for (size_t i = 0; i < x.model.n; i++)
		extents_append(&x.awaiting, x.model.at[i]);
	gw_destroy(x.pt);
	fake_gp_begin(f);
	assert_true(gw_translate(&copy, 2 * PAGE, &out));
	assert_int_equal(out, gw_fmt_advance(OUT, 2 * PAGE));
	assert_int_equal(x.released, 0);
	fake_gp_end(f);
	assert_int_equal(x.released, 3 * PAGE);
	assert_true(x.destroyed);
	extents_free(&x.model);
	extents_free(&x.awaiting);
	fake_env_done(f);
	free(f);
}

/* ---- Ranges of any size and alignment ---- */

static void cut_and_check(struct fixture *x, uint64_t va, uint64_t bytes, unsigned pattern)
{
	uint64_t third = bytes / 3 & ~(uint64_t)(PAGE - 1);

	if (pattern == 1) {
		unmap_ok(x, va, PAGE);
		fix_verify(x);
	} else if (pattern == 2 && third) {
		unmap_ok(x, va + third, third);
		fix_verify(x);
		assert_int_equal(fix_protect(x, va, bytes, PLAIN), 0);
		fix_verify(x);
	}
	unmap_ok(x, va, bytes);
	fix_reclaim(x, 0, UINT64_MAX);
	fix_assert_exact(x);
	assert_int_equal(fix_tables(x), 0);
}

static void ranges_at(struct fixture *x, uint64_t base)
{
	const uint64_t bytes[] = {PAGE, 2 * PAGE, S(1) - PAGE, S(1), S(1) + PAGE, 2 * S(1),
				  S(2) - PAGE, S(2), S(2) + 2 * PAGE};
	const uint64_t offsets[] = {0, PAGE, S(1) - PAGE, S(1), S(2) - PAGE};

	for (unsigned o = 0; o < LENGTH(offsets); o++)
		for (unsigned b = 0; b < LENGTH(bytes); b++)
			for (unsigned pattern = 0; pattern < 3; pattern++) {
				map_ok(x, base + offsets[o], bytes[b]);
				fix_verify(x);
				cut_and_check(x, base + offsets[o], bytes[b], pattern);
			}
}

static void ranges(struct fixture *x)
{
	ranges_at(x, 0);
	ranges_at(x, HALF);
}

static void test_ranges_of_any_size_and_alignment(void **state)
{
	(void)state;
	each_policy(ranges);
}

static void last_page(struct fixture *x)
{
	map_ok(x, END - S(1) - PAGE, S(1) + PAGE);
	fix_verify(x);
	assert_int_equal(fix_protect(x, END - PAGE, PAGE, PLAIN), 0);
	unmap_ok(x, END - PAGE, PAGE);
	fix_verify(x);
	map_ok(x, END - PAGE, PAGE);
	unmap_ok(x, END - S(1), S(1));
	fix_verify(x);
}

static void test_the_last_page_of_the_address_space(void **state)
{
	(void)state;
	each_policy(last_page);
}

static void unmap_of_holes(struct fixture *x)
{
	for (unsigned i = 0; i < 5; i++)
		map_ok(x, i * 3 * PAGE, PAGE);
	unmap_ok(x, HALF, S(2));
	assert_int_equal(x->invalidates, 0);
	unmap_ok(x, PAGE, 2 * PAGE);
	assert_int_equal(x->invalidates, 0);
	unmap_ok(x, PAGE, 10 * PAGE);
	fix_verify(x);
	assert_int_equal(fix_protect(x, 0, S(2), PLAIN), 0);
	fix_verify(x);
	assert_int_equal(fix_protect(x, HALF, S(2), PLAIN), 0);
	assert_int_equal(x->invalidates, 0);
}

static void test_holes_do_not_matter(void **state)
{
	(void)state;
	each_policy(unmap_of_holes);
}

/* The largest leaf that fits at each place, by the plainest rule. */
static unsigned expected_level(uint64_t va, uint64_t left, uint64_t out)
{
	unsigned level = fix_leaf_level();

	while (va & (S(level) - 1) || left < S(level) || !gw_fmt_aligned(out, level))
		level--;
	return level;
}

static void assert_largest_leaves(struct fixture *x, uint64_t va, uint64_t bytes, uint64_t out)
{
	assert_int_equal(fix_map(x, va, bytes, out, WRITABLE), 0);
	for (uint64_t done = 0; done < bytes;) {
		unsigned level = expected_level(va + done, bytes - done, gw_fmt_advance(out, done));

		assert_int_equal(level_at(x, va + done), level);
		done += S(level);
	}
	unmap_ok(x, va, bytes);
	if (x->policy == GW_POLICY_MANUAL)
		fix_reclaim(x, 0, UINT64_MAX); /* an empty table in the way would stay there */
}

static void largest_leaves(struct fixture *x)
{
	for (unsigned level = 0; level <= fix_leaf_level(); level++) {
		assert_largest_leaves(x, 0, S(level), OUT);
		assert_largest_leaves(x, HALF, 2 * S(level), OUT);
		if (!level)
			continue;
		assert_largest_leaves(x, S(level) - PAGE, S(level) + 2 * PAGE, OUT - PAGE);
		assert_largest_leaves(x, S(level) - S(level - 1), S(level) + S(level - 1),
				      OUT - S(level - 1));
		assert_largest_leaves(x, S(level), S(1) * 2, OUT + PAGE);
		assert_largest_leaves(x, S(level), S(level), OUT + S(level - 1));
	}
}

static void test_the_largest_leaves_that_fit(void **state)
{
	(void)state;
	each_policy(largest_leaves);
}

/* Leaves above the level of the tables that are grafted at a time: 1 GiB of index64 was mapped as 64 leaves
 * of 16 MiB, for what was grafted ended where an entry of that level does. */
static void largest_leaves_beside_others(struct fixture *x)
{
	map_ok(x, 0, PAGE);
	for (unsigned level = 1; level <= fix_leaf_level(); level++)
		assert_largest_leaves(x, S(level), S(level), OUT);
}

static void test_a_leaf_may_be_larger_than_what_is_grafted_at_a_time(void **state)
{
	(void)state;
	each_policy(largest_leaves_beside_others);
}

/* An empty table in the place of a large leaf makes way for it. */
static void large_leaf_over_empty_table(struct fixture *x)
{
	for (unsigned level = 1; level <= fix_leaf_level(); level++) {
		map_ok(x, 0, PAGE);
		unmap_ok(x, 0, PAGE);
		map_ok(x, 0, S(level));
		fix_verify(x);
		assert_int_equal(level_at(x, 0), x->policy == GW_POLICY_MANUAL ? 0 : level);
		unmap_ok(x, 0, S(level));
		fix_reclaim(x, 0, S(FIX_TOP));
	}
}

static void test_an_empty_table_makes_way_for_a_large_leaf(void **state)
{
	(void)state;
	with_policy(GW_POLICY_LAZY, large_leaf_over_empty_table);
	with_policy(GW_POLICY_EAGER, large_leaf_over_empty_table);
}

/* ---- EEXIST ---- */

static void refused_map(struct fixture *x, uint64_t va, uint64_t bytes)
{
	uint64_t released, tables;

	fix_assert_exact(x);
	released = x->released;
	tables = fix_tables(x);
	assert_int_equal(fix_map(x, va, bytes, OUT + va, WRITABLE), -EEXIST);
	fix_verify(x);
	fix_assert_exact(x);
	assert_int_equal(fix_tables(x), tables);
	assert_int_equal(x->released, released);
}

static void exists(struct fixture *x)
{
	for (unsigned level = 0; level <= fix_leaf_level() && level < 3; level++) {
		uint64_t at = 4 * S(2);

		map_ok(x, at, S(level));
		refused_map(x, at, S(level));
		refused_map(x, at, PAGE);
		refused_map(x, at + S(level) - PAGE, PAGE);
		refused_map(x, at - PAGE, 2 * PAGE);
		refused_map(x, at - S(1) - PAGE, S(1) + 2 * PAGE);
		refused_map(x, at - S(2), S(2) + S(level));
		refused_map(x, at + S(level) - PAGE, S(1));
		refused_map(x, at - 2 * S(2) - S(1), 3 * S(2) + S(1));
		assert_int_equal(fix_map(x, at - PAGE, PAGE, OUT, PLAIN), 0);
		unmap_ok(x, at - PAGE, S(level) + PAGE);
		fix_reclaim(x, 0, UINT64_MAX);
	}
}

static void test_eexist_leaves_it_as_it_was(void **state)
{
	(void)state;
	with_policy(GW_POLICY_LAZY, exists);
	with_policy(GW_POLICY_EAGER, exists);
}

/* A policy is when to unlink; with this one a failed map may leave empty tables, and nothing else. */
static void exists_manual(struct fixture *x)
{
	map_ok(x, 4 * S(2), PAGE);
	assert_int_equal(fix_map(x, 3 * S(2) + PAGE, S(2) + PAGE, OUT + PAGE, WRITABLE), -EEXIST);
	fix_verify(x);
	fix_reclaim(x, 0, UINT64_MAX);
	fix_assert_exact(x);
}

static void test_eexist_with_the_manual_policy(void **state)
{
	(void)state;
	with_policy(GW_POLICY_MANUAL, exists_manual);
}

/* What was mapped for a moment is invalidated and waits, but is not the caller's to release. */
static void taken_back(struct fixture *x)
{
	map_ok(x, S(1), PAGE);
	assert_int_equal(fix_map(x, 0, S(1) + PAGE, OUT, WRITABLE), -EEXIST);
	assert_int_equal(x->invalidates, 1);
	assert_int_equal(x->last.va, 0);
	assert_true(x->last.bytes >= S(1));
	fake_drain(x->f);
	assert_int_equal(x->released, 0);
}

static void test_what_a_failed_map_took_back_is_not_released(void **state)
{
	(void)state;
	each_policy(taken_back);
}

/* ---- Splitting ---- */

static void split_with(struct fixture *x, int (*op)(struct fixture *x, uint64_t va, uint64_t bytes))
{
	for (unsigned level = 1; level <= fix_leaf_level() && level < 4; level++) {
		const struct {
			uint64_t va, bytes;
		} cuts[] = {
			{0, PAGE}, {S(level) - PAGE, PAGE}, {PAGE, S(level) - 2 * PAGE},
			{PAGE, PAGE}, {0, S(level - 1)}, {S(level - 1), S(level - 1)},
			{S(level - 1) + PAGE, S(level) - S(level - 1) - PAGE},
		};

		for (unsigned i = 0; i < LENGTH(cuts); i++) {
			map_ok(x, S(level), S(level));
			assert_int_equal(level_at(x, S(level)), level);
			assert_int_equal(op(x, S(level) + cuts[i].va, cuts[i].bytes), 0);
			fix_verify(x);
			unmap_ok(x, S(level), S(level));
			fix_reclaim(x, 0, UINT64_MAX);
			fix_assert_exact(x);
		}
	}
}

static int protect_plain(struct fixture *x, uint64_t va, uint64_t bytes)
{
	return fix_protect(x, va, bytes, PLAIN);
}

static void split(struct fixture *x)
{
	split_with(x, fix_unmap);
	split_with(x, protect_plain);
}

static void test_split_at_both_ends(void **state)
{
	(void)state;
	each_policy(split);
}

/* Two leaves, a range across the end of both: only the ends are split. */
static void split_only_ends(struct fixture *x)
{
	map_ok(x, 0, 3 * S(1));
	assert_int_equal(fix_protect(x, S(1) - PAGE, S(1) + 2 * PAGE, PLAIN), 0);
	fix_verify(x);
	assert_int_equal(level_at(x, 0), 0);
	assert_int_equal(level_at(x, S(1)), 1);
	assert_int_equal(level_at(x, 2 * S(1)), 0);
	assert_int_equal(fix_tables(x), x->tables[0] + FIX_TOP - 1);
	assert_int_equal(x->tables[0], 2);
}

static void test_leaves_inside_the_range_are_not_split(void **state)
{
	(void)state;
	each_policy(split_only_ends);
}

static void hardware_bits(struct fixture *x)
{
	const uint32_t kept = GW_FMT_ATTRS & (GW_ACCESSED | GW_DIRTY);
	struct gw_leaf leaf = {0};
	unsigned level;
	gw_entry *entry;

	map_ok(x, 0, S(1));
	entry = fix_entry(x, 0, &level);
	gw_fetch_or_acq_rel(entry, gw_fmt_hw_bits(level));
	x->model.at[0].attr |= kept;
	assert_int_equal(fix_protect(x, 0, PAGE, PLAIN), 0);
	fix_verify(x);
	assert_true(gw_walk(x->pt, 0, &leaf));
	assert_int_equal(leaf.attr & kept, kept);
	assert_true(gw_walk(x->pt, S(1) - PAGE, &leaf));
	assert_int_equal(leaf.attr & kept, kept);
	/* The release tells them too. */
	unmap_ok(x, 0, S(1));
	fake_drain(x->f);
	assert_int_equal(x->released, S(1));
}

static void test_accessed_and_dirty_outlive_protect_and_split(void **state)
{
	(void)state;
	each_policy(hardware_bits);
}

/* ---- Accessors ---- */

static void accessors(struct fixture *x)
{
	uint64_t page = gw_fmt_canonical(HALF + 5 * PAGE);
	struct gw_pte pte;
	const gw_entry *entry;

	assert_null(gw_pte_map(x->pt, page));
	assert_false(gw_pte_map_lock(x->pt, page, &pte));
	assert_int_equal(x->f->nesting, 0);
	map_ok(x, HALF + 5 * PAGE, 2 * PAGE);
	entry = gw_pte_map(x->pt, page);
	assert_non_null(entry);
	assert_int_equal(x->f->nesting, 1);
	assert_int_equal(gw_load_relaxed((gw_entry *)(uintptr_t)entry),
			 gw_fmt_leaf(OUT + HALF + 5 * PAGE, WRITABLE, 0));
	assert_int_equal(gw_load_relaxed((gw_entry *)(uintptr_t)entry + 2), gw_fmt_empty(0));
	gw_pte_unmap(x->pt);
	assert_int_equal(x->f->nesting, 0);
	assert_true(fix_set(x, HALF + 5 * PAGE, false, 0, 0));
	assert_true(fix_set(x, HALF + 7 * PAGE, true, OUT, PLAIN));
	fix_verify(x);
	assert_true(fix_set(x, HALF + 7 * PAGE, true, OUT + PAGE, WRITABLE));
	fix_verify(x);
	unmap_ok(x, HALF, S(1));
	if (GW_VA_BITS < 64 && gw_fmt_canonical(END) != END)
		assert_null(gw_pte_map(x->pt, END));
}

static void test_accessors(void **state)
{
	(void)state;
	each_policy(accessors);
}

static void accessors_and_large_leaves(struct fixture *x)
{
	struct gw_pte pte;

	map_ok(x, 0, S(1));
	assert_null(gw_pte_map(x->pt, PAGE));
	assert_false(gw_pte_map_lock(x->pt, PAGE, &pte));
	assert_int_equal(x->f->nesting, 0);
	unmap_ok(x, 0, PAGE);
	assert_true(fix_set(x, 0, true, OUT, WRITABLE));
	fix_verify(x);
}

static void test_accessors_fail_on_large_leaves(void **state)
{
	(void)state;
	each_policy(accessors_and_large_leaves);
}

/* A caller's own read-side section may be open around the accessors: they never wait. */
static void emptied_by_accessor(struct fixture *x)
{
	map_ok(x, 0, PAGE);
	x->f->env.read_lock(&x->f->env);
	{
		struct gw_pte pte;

		assert_true(gw_pte_map_lock(x->pt, 0, &pte));
		gw_pte_set(x->pt, &pte, gw_fmt_empty(0));
		gw_pte_unlock(x->pt, &pte);
	}
	x->f->env.read_unlock(&x->f->env);
	extents_cut(&x->model, 0, PAGE, NULL);
	assert_int_equal(x->f->synchronizes, 0);
	if (x->policy == GW_POLICY_EAGER)
		assert_int_equal(fix_tables(x), 0);
	if (x->policy == GW_POLICY_MANUAL) {
		assert_int_equal(fix_tables(x), FIX_TOP);
		fix_reclaim(x, 0, UINT64_MAX);
	}
	fix_assert_exact(x);
}

static void test_a_table_emptied_by_an_accessor_is_retired(void **state)
{
	(void)state;
	each_policy(emptied_by_accessor);
}

static void test_accessors_never_wait_even_past_the_limit(void **state)
{
	struct gw_opts opts = {.deferred_limit = 1};

	(void)state;
	for (unsigned i = 0; i < LENGTH(policies); i++) {
		struct fixture x;

		opts.policy = policies[i];
		fix_start(&x, &opts);
		emptied_by_accessor(&x);
		fix_end(&x);
	}
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

/* Grace periods that find the page mapped unlink nothing, and later ones still find the empty table. */
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

/* The low bits of an address that is none were taken for the address: a range behind the end retired tables at
 * the start, and one from within the hole missed those above it. */
static void reclaim_is_clipped(struct fixture *x)
{
	const uint64_t above = gw_fmt_canonical(HALF);

	map_ok(x, 0, PAGE);
	map_ok(x, HALF, PAGE);
	unmap_ok(x, 0, PAGE);
	unmap_ok(x, HALF, PAGE);
	gw_reclaim(x->pt, 0, 0);
	gw_reclaim(x->pt, 1ull << 63, S(FIX_TOP));
	gw_reclaim(x->pt, above == HALF ? END : HALF, S(FIX_TOP));
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
	const unsigned order[] = {2, 0, 3, 1};

	for (unsigned i = 0; i < 4; i++)
		map_ok(x, i * S(level), PAGE);
	for (unsigned i = 0; i < 4; i++) {
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

static void test_callbacks_may_be_absent(void **state)
{
	struct fake_env f;

	(void)state;
	for (unsigned i = 0; i < LENGTH(policies); i++) {
		struct gw_opts opts = {.env = &f.env, .policy = policies[i]};
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

/* ---- Limits, shared heaps, figures ---- */

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
	for (unsigned i = 0; i < LENGTH(policies); i++) {
		struct fixture x;

		opts.policy = policies[i];
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

static void test_two_page_tables_on_one_heap(void **state)
{
	struct fake_env f;

	(void)state;
	for (unsigned i = 0; i < LENGTH(policies); i++) {
		struct gw_opts opts = {.policy = policies[i]};
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
	uint64_t bytes = 0;

	map_ok(x, 0, PAGE);
	map_ok(x, S(1), PAGE);
	fix_verify(x);
	for (unsigned level = 0; level < GW_LEVELS; level++)
		bytes += x->tables[level] * ((uint64_t)8 << gw_fmt_index_bits(level));
	gw_stats(x->pt, &stats);
	assert_int_equal(stats.heaps, GW_FMT_HEAPS);
	assert_int_equal(stats.table_bytes, bytes);
	assert_int_equal(stats.table_bytes_peak, bytes);
	assert_int_equal(stats.waiting_bytes, 0);
	assert_int_equal(stats.idle, 0);
	assert_int_equal(stats.block_bytes, x->f->commit_bytes);
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
}

static void test_check_sees_a_wrong_count(void **state)
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
		cmocka_unit_test(test_an_empty_page_table_comes_and_goes),
		cmocka_unit_test(test_create_refuses_what_it_cannot_use),
		cmocka_unit_test(test_create_without_memory_leaves_nothing),
		cmocka_unit_test(test_destroyed_comes_last_whatever_is_in_flight),
		cmocka_unit_test(test_destroy_leaves_tables_to_walkers_for_a_grace_period),
		cmocka_unit_test(test_ranges_of_any_size_and_alignment),
		cmocka_unit_test(test_the_last_page_of_the_address_space),
		cmocka_unit_test(test_holes_do_not_matter),
		cmocka_unit_test(test_the_largest_leaves_that_fit),
		cmocka_unit_test(test_a_leaf_may_be_larger_than_what_is_grafted_at_a_time),
		cmocka_unit_test(test_an_empty_table_makes_way_for_a_large_leaf),
		cmocka_unit_test(test_eexist_leaves_it_as_it_was),
		cmocka_unit_test(test_eexist_with_the_manual_policy),
		cmocka_unit_test(test_what_a_failed_map_took_back_is_not_released),
		cmocka_unit_test(test_split_at_both_ends),
		cmocka_unit_test(test_leaves_inside_the_range_are_not_split),
		cmocka_unit_test(test_accessed_and_dirty_outlive_protect_and_split),
		cmocka_unit_test(test_accessors),
		cmocka_unit_test(test_accessors_fail_on_large_leaves),
		cmocka_unit_test(test_a_table_emptied_by_an_accessor_is_retired),
		cmocka_unit_test(test_accessors_never_wait_even_past_the_limit),
		cmocka_unit_test(test_lazy_a_table_goes_at_most_once_a_grace_period),
		cmocka_unit_test(test_lazy_a_table_that_was_refilled_stays),
		cmocka_unit_test(test_lazy_whole_tables_go_at_once),
		cmocka_unit_test(test_eager_empty_tables_go_at_once),
		cmocka_unit_test(test_manual_tables_go_by_gw_reclaim_alone),
		cmocka_unit_test(test_reclaim_leaves_what_is_mapped),
		cmocka_unit_test(test_reclaim_cuts_off_what_is_outside_the_address_space),
		cmocka_unit_test(test_reclaim_is_exact_at_every_level),
		cmocka_unit_test(test_unmap_invalidate_grace_period_release),
		cmocka_unit_test(test_many_runs_with_and_without_memory),
		cmocka_unit_test(test_callbacks_may_be_absent),
		cmocka_unit_test(test_what_waits_is_bounded_by_deferred_limit),
		cmocka_unit_test(test_what_is_idle_is_bounded_by_deferred_limit),
		cmocka_unit_test(test_two_page_tables_on_one_heap),
		cmocka_unit_test(test_a_given_heap_lives_as_long_as_its_page_tables),
		cmocka_unit_test(test_tables_placed_in_the_callers_memory),
		cmocka_unit_test(test_figures),
		cmocka_unit_test(test_check_sees_a_wrong_count),
		cmocka_unit_test(test_ops_are_the_same_functions),
	};

	return cmocka_run_group_tests_name("table " GW_FMT_NAME, tests, NULL, NULL);
}
