/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The page table: its life, ranges, leaves, splits and accessors; compiled once a format. */
#include "bench.h"
#include <stdlib.h>

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
	bad = good;
	bad.bytes = GW_FMT_RANGES ? PAGE - 1 : PAGE;
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
	assert_int_equal(n, 1 + 3 * GW_FMT_HEAPS + 2 + 1); /* itself, heaps, root and record */
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
	fake_drain(f); /* the heap goes when its spare blocks have */
	fake_env_done(f);
	free(f);
}

static void ignore_leaf(void *ctx, const struct gw_leaf *leaf)
{
	(void)ctx;
	(void)leaf;
}

/* All tables of the blocks that a heap holds are taken: those that were used are clean, and so are
 * those that never were where memory starts out empty. */
static void take_clean(struct gw_heap *heap, const struct gw_heap_opts *opts)
{
	struct gw_heap_stats stats;
	unsigned n = 0;

	gw_heap_stats(heap, &stats);
	assert_int_equal(stats.used + stats.waiting, 0);
	for (uint64_t i = 0; i < stats.free; i++) {
		bool clean;
		const uint64_t *table = gw_heap_alloc_unfilled(heap, &clean);

		assert_non_null(table);
		n += clean;
		for (size_t j = 0; clean && j < opts->table_bytes / 8; j++)
			assert_int_equal(table[j], opts->empty);
	}
	assert_int_equal(n, opts->empty ? stats.used_peak : stats.free);
}

static void test_destroyed_tables_need_not_be_filled(void **state)
{
	struct gw_heap_opts heap[GW_FMT_HEAPS];
	struct gw_opts opts = {.release = ignore_leaf};
	struct fake_env f;
	struct gw_pt *pt;

	(void)state;
	fake_env_init(&f);
	opts.env = &f.env;
	for (unsigned i = 0; i < GW_FMT_HEAPS; i++) {
		gw_heap_defaults(i, &heap[i]);
		heap[i].env = &f.env;
		assert_int_equal(gw_heap_create(&heap[i], &opts.heap[i]), 0);
	}
	assert_int_equal(gw_create(&opts, &pt), 0);
	assert_int_equal(gw_map(pt, S(1) - PAGE, PAGE, OUT, WRITABLE), 0);
	gw_destroy(pt);
	fake_gp(&f);
	for (unsigned i = 0; i < GW_FMT_HEAPS; i++) {
		take_clean(opts.heap[i], &heap[i]);
		gw_heap_put(opts.heap[i]);
	}
	fake_drain(&f);
	fake_env_done(&f);
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
	const uint64_t bytes[] = {PAGE,     2 * PAGE,    S(1) - PAGE, S(1),           S(1) + PAGE,
				  2 * S(1), S(2) - PAGE, S(2),        S(2) + 2 * PAGE};
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

/* Leaves above the level of the tables that are grafted at a time: such a one was mapped as many of
 * the next level, for what was grafted ended where an entry of that level does. */
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

/* With the manual policy it stays in the way; leaves are smaller there, and only there. */
static void small_leaves_over_empty_table(struct fixture *x)
{
	map_ok(x, S(1), PAGE);
	unmap_ok(x, S(1), PAGE);
	map_ok(x, 0, 4 * S(1));
	assert_int_equal(level_at(x, 0), 1);
	assert_int_equal(level_at(x, S(1)), 0);
	assert_int_equal(level_at(x, 2 * S(1) - PAGE), 0);
	assert_int_equal(level_at(x, 2 * S(1)), 1);
	fix_verify(x);
}

static void test_manual_leaves_are_smaller_over_an_empty_table_alone(void **state)
{
	(void)state;
	with_policy(GW_POLICY_MANUAL, small_leaves_over_empty_table);
}

/* ---- EEXIST ---- */

static void refused_map(struct fixture *x, uint64_t va, uint64_t bytes)
{
	uint64_t released, tables;

	fix_assert_exact(x);
	released = x->released;
	tables = fix_tables(x);
	assert_int_equal(fix_map(x, va, bytes, TO(va), WRITABLE), -EEXIST);
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

/* A policy is when to unlink: with this one a failed map may leave empty tables, nothing else. */
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
			{0, PAGE},
			{S(level) - PAGE, PAGE},
			{PAGE, S(level) - 2 * PAGE},
			{PAGE, PAGE},
			{0, S(level - 1)},
			{S(level - 1), S(level - 1)},
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

	map_ok(x, 0, S(1));
	fix_record(x, 0, kept);
	assert_int_equal(x->model.at[0].attr, WRITABLE | kept);
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

/* ---- Changes that an entry cannot take in place ---- */

/* Pages in one table, if it has as many: more than are broken at a time. The one before them is
 * their neighbour. */
static unsigned changed_pages(void)
{
	unsigned most = (1u << gw_fmt_index_bits(0)) - 1;

	return most < 40 ? most : 40;
}

static bool is_there(struct fixture *x, uint64_t va)
{
	struct gw_leaf leaf;

	return gw_walk(x->pt, va, &leaf);
}

/* Nobody finds the old leaf or the new one while the old is invalidated. */
static void absent_meanwhile(struct fixture *x, const struct gw_range *range)
{
	assert_true(is_there(x, 0));
	assert_true(range->va >= PAGE);
	for (uint64_t va = range->va; va < range->va + range->bytes; va += PAGE)
		assert_false(is_there(x, va));
}

static void present_meanwhile(struct fixture *x, const struct gw_range *range)
{
	(void)range;
	for (unsigned page = 0; page <= changed_pages(); page++)
		assert_true(is_there(x, page * PAGE));
}

static void change_attr(struct fixture *x, uint32_t from, uint32_t to)
{
	bool breaks = gw_fmt_must_break(gw_fmt_leaf(0, from, 0), gw_fmt_leaf(0, to, 0));
	uint64_t bytes = changed_pages() * PAGE;

	assert_int_equal(fix_map(x, 0, PAGE + bytes, OUT + PAGE, from), 0);
	fix_record(x, 2 * PAGE, GW_ACCESSED | GW_DIRTY);
	x->during = breaks ? absent_meanwhile : present_meanwhile;
	assert_int_equal(fix_protect(x, PAGE, bytes, to), 0);
	x->during = NULL;
	assert_int_equal(x->invalidates, breaks && changed_pages() > 32 ? 2 : 1);
	fix_verify(x);
	unmap_ok(x, 0, PAGE + bytes);
}

static void changes_that_break(struct fixture *x)
{
	for (unsigned bit = 0; bit < 32; bit++) {
		uint32_t attr = GW_FMT_ATTRS & ~GW_FMT_ATTRS_MUST & 1u << bit &
				~(GW_ACCESSED | GW_DIRTY | GW_CONTIGUOUS);

		if (!attr)
			continue;
		change_attr(x, PLAIN, PLAIN | attr);
		change_attr(x, PLAIN | attr, PLAIN);
	}
}

static void test_an_entry_that_cannot_change_in_place_is_absent_meanwhile(void **state)
{
	(void)state;
	each_policy(changes_that_break);
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
			 gw_fmt_leaf(TO(HALF + 5 * PAGE), WRITABLE, 0));
	assert_int_equal(gw_load_relaxed((gw_entry *)(uintptr_t)entry + 2), gw_fmt_empty(0));
	gw_pte_unmap(x->pt);
	assert_int_equal(x->f->nesting, 0);
	assert_true(fix_set(x, HALF + 5 * PAGE, false, 0, 0));
	assert_true(fix_set(x, HALF + 7 * PAGE, true, OUT, PLAIN));
	fix_verify(x);
	assert_true(fix_set(x, HALF + 7 * PAGE, true, OUT + PAGE, WRITABLE));
	fix_verify(x);
	unmap_ok(x, HALF, S(1));
	if (END)
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
	for (unsigned policy = 0; policy < POLICIES; policy++) {
		struct fixture x;

		opts.policy = (enum gw_policy)policy;
		fix_start(&x, &opts);
		emptied_by_accessor(&x);
		fix_end(&x);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_empty_page_table_comes_and_goes),
		cmocka_unit_test(test_create_refuses_what_it_cannot_use),
		cmocka_unit_test(test_create_without_memory_leaves_nothing),
		cmocka_unit_test(test_destroyed_comes_last_whatever_is_in_flight),
		cmocka_unit_test(test_destroy_leaves_tables_to_walkers_for_a_grace_period),
		cmocka_unit_test(test_destroyed_tables_need_not_be_filled),
		cmocka_unit_test(test_ranges_of_any_size_and_alignment),
		cmocka_unit_test(test_the_last_page_of_the_address_space),
		cmocka_unit_test(test_holes_do_not_matter),
		cmocka_unit_test(test_the_largest_leaves_that_fit),
		cmocka_unit_test(test_a_leaf_may_be_larger_than_what_is_grafted_at_a_time),
		cmocka_unit_test(test_an_empty_table_makes_way_for_a_large_leaf),
		cmocka_unit_test(test_manual_leaves_are_smaller_over_an_empty_table_alone),
		cmocka_unit_test(test_eexist_leaves_it_as_it_was),
		cmocka_unit_test(test_eexist_with_the_manual_policy),
		cmocka_unit_test(test_what_a_failed_map_took_back_is_not_released),
		cmocka_unit_test(test_split_at_both_ends),
		cmocka_unit_test(test_leaves_inside_the_range_are_not_split),
		cmocka_unit_test(test_accessed_and_dirty_outlive_protect_and_split),
		cmocka_unit_test(test_an_entry_that_cannot_change_in_place_is_absent_meanwhile),
		cmocka_unit_test(test_accessors),
		cmocka_unit_test(test_accessors_fail_on_large_leaves),
		cmocka_unit_test(test_a_table_emptied_by_an_accessor_is_retired),
		cmocka_unit_test(test_accessors_never_wait_even_past_the_limit),
	};

	return cmocka_run_group_tests_name("table " GW_FMT_NAME, tests, NULL, NULL);
}
