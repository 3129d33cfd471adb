/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Leaves larger than a page: collapse, split, replace, deposits; compiled once a format. */
#include "bench.h"

/* Levels that can have leaves, from 1 up: the first, or 0 after the last. */
static unsigned next_level(const struct fixture *x, unsigned level)
{
	while (++level <= x->max_level)
		if (gw_fmt_leaf_level(level))
			return level;
	return 0;
}

/* What a test maps an address to so that neighbours can share a leaf. */
static uint64_t even(uint64_t va)
{
	return GW_FMT_ONE_VALUE ? OUT : TO(va);
}

static void map_even(struct fixture *x, uint64_t va, uint64_t bytes)
{
	assert_int_equal(fix_map(x, va, bytes, even(va), WRITABLE), 0);
}

static void map_with(struct fixture *x, uint64_t va, uint64_t bytes, uint32_t flags)
{
	assert_int_equal(fix_map(x, va, bytes, TO(va), WRITABLE | flags), 0);
}

/* A table of the next level down where the leaf at 0 was. */
static void split_ok(struct fixture *x, uint64_t va)
{
	unsigned level = level_at(x, va);

	assert_int_equal(fix_split(x, va), 0);
	assert_int_equal(level_at(x, va), level - 1);
}

static uint64_t used(struct fixture *x)
{
	struct gw_pt_stats stats;

	gw_stats(x->pt, &stats);
	return stats.table_bytes;
}

/* ---- Split and collapse ---- */

static void there_and_back(struct fixture *x)
{
	for (unsigned level = next_level(x, 0); level; level = next_level(x, level)) {
		uint64_t before;

		map_ok(x, S(level), S(level));
		before = used(x);
		assert_int_equal(level_at(x, S(level)), level);
		split_ok(x, 2 * S(level) - 1);
		assert_int_equal(fix_split(x, 0), -ENOENT);
		fix_verify(x);
		assert_int_equal(fix_collapse(x, S(level), S(level), 0), 1);
		assert_int_equal(level_at(x, S(level)), level);
		assert_int_equal(used(x), before);
		unmap_ok(x, S(level), S(level));
	}
	map_ok(x, 0, PAGE);
	assert_int_equal(fix_split(x, 0), -ENOENT);
}

static void test_split_and_collapse_undo_one_another(void **state)
{
	(void)state;
	each_policy(there_and_back);
}

/* Pages, mapped one by one, turn into the largest leaf there is room to build. */
static void from_pages(struct fixture *x)
{
	unsigned top = next_level(x, 1);
	uint64_t pages = S(1) / PAGE, tables = 1;

	if (top == 2 && gw_fmt_index_bits(0) + gw_fmt_index_bits(1) <= 18)
		tables += S(2) / S(1);
	else
		top = next_level(x, 0);
	for (uint64_t va = 0; va < S(top); va += S(1)) {
		map_even(x, va + PAGE, S(1) - PAGE);
		map_even(x, va, PAGE);
		assert_int_equal(level_at(x, va), 0);
	}
	assert_true(pages > 1);
	assert_int_equal(fix_collapse(x, 0, S(top), 0), top == 2 ? tables : 1);
	assert_int_equal(level_at(x, 0), top);
	fix_assert_exact(x);
}

static void test_collapse_goes_up_as_far_as_it_can(void **state)
{
	(void)state;
	with_policy(GW_POLICY_LAZY, from_pages);
}

/* A table of pages from 0 to S(1), of which one is not as the others. */
static void odd_one(struct fixture *x, uint64_t va, uint64_t out, uint32_t attr)
{
	assert_true(fix_set(x, va, true, out, attr));
	assert_int_equal(fix_collapse(x, 0, S(1), 0), 0);
	assert_int_equal(x->invalidates, 0);
	assert_true(fix_set(x, va, true, even(va), WRITABLE));
}

static void not_uniform(struct fixture *x)
{
	uint64_t last = S(1) - PAGE;

	if (next_level(x, 0) != 1)
		return;
	map_even(x, 0, S(1));
	split_ok(x, 0);
	odd_one(x, 0, OUT + 9 * PAGE, WRITABLE);
	odd_one(x, last, OUT + 9 * PAGE, WRITABLE);
	if (WRITABLE != PLAIN) {
		odd_one(x, 0, even(0), PLAIN);
		odd_one(x, last, even(last), PLAIN);
	}
	unmap_ok(x, last, PAGE);
	assert_int_equal(fix_collapse(x, 0, S(1), 0), 0);
	map_even(x, last, PAGE);
	assert_int_equal(fix_collapse(x, PAGE, S(1) - PAGE, 0), 0); /* not all of its span */
	assert_int_equal(fix_collapse(x, 0, S(1) - PAGE, 0), 0);
	assert_int_equal(fix_collapse(x, 0, S(1), 0), 1);
	if (gw_fmt_aligned(OUT + PAGE, 1))
		return;
	assert_int_equal(fix_map(x, S(1), S(1), OUT + PAGE, PLAIN), 0);
	assert_int_equal(fix_collapse(x, 0, 2 * S(1), 0), 0);
}

static void test_collapse_leaves_what_no_leaf_could_map(void **state)
{
	(void)state;
	each_policy(not_uniform);
}

/* The MMU marks a page of the table that is being replaced, after it was looked at. */
static void mark_late(struct fixture *x, const struct gw_range *range)
{
	static gw_entry *entry;

	if (!range) {
		unsigned level;

		entry = fix_entry(x, 0, &level);
		assert_int_equal(level, 0);
		return;
	}
	assert_true(range->tables);
	gw_store_relaxed(entry, gw_fmt_recorded(gw_load_relaxed(entry), GW_ACCESSED | GW_DIRTY, 0));
}

static void late_bits(struct fixture *x)
{
	struct gw_leaf leaf;
	uint32_t attr;

	if (!(GW_FMT_ATTRS & GW_DIRTY) || !GW_FMT_HW_UPDATES)
		return;
	map_ok(x, 0, S(1));
	split_ok(x, 0);
	mark_late(x, NULL);
	x->during = mark_late;
	assert_int_equal(gw_collapse(x->pt, 0, S(1), 0), 1);
	x->during = NULL;
	assert_true(gw_walk(x->pt, 0, &leaf));
	assert_int_equal(leaf.bytes, S(1));
	attr = leaf.attr;
	assert_int_equal(attr, WRITABLE | GW_ACCESSED | GW_DIRTY);
	fix_record(x, 0, 0); /* tell the model */
}

static void test_what_the_mmu_records_until_the_invalidation_is_kept(void **state)
{
	(void)state;
	with_policy(GW_POLICY_LAZY, late_bits);
}

/* What a walker finds while the MMU is told: the page, or nothing where the format breaks. */
static void look(struct fixture *x, const struct gw_range *range)
{
	uint64_t out = 0;
	bool found = gw_translate(x->pt, gw_fmt_canonical(S(1) + PAGE), &out);

	(void)range;
	assert_int_equal(found, !GW_FMT_BREAK_BEFORE_MAKE);
	assert_true(!found || out == gw_fmt_advance(TO(S(1)), PAGE));
}

static void seen(struct fixture *x)
{
	if (next_level(x, 0) != 1)
		return;
	map_ok(x, S(1), S(1));
	x->during = look;
	split_ok(x, S(1));
	assert_int_equal(fix_collapse(x, S(1), S(1), 0), 1);
	x->during = NULL;
}

static void test_pages_stay_or_are_absent_where_the_format_breaks(void **state)
{
	(void)state;
	with_policy(GW_POLICY_LAZY, seen);
}

/* Where an MMU may not know the pages of a table and a leaf in its place at once, nothing is there
 * while it is told to forget. */
static void look_for_nothing(struct fixture *x, const struct gw_range *range)
{
	struct gw_leaf leaf;

	(void)range;
	assert_false(gw_walk(x->pt, 0, &leaf));
}

static void replaced(struct fixture *x)
{
	for (unsigned level = next_level(x, 0); level; level = next_level(x, level)) {
		map_ok(x, 0, S(level));
		split_ok(x, 0);
		x->during = look_for_nothing;
		assert_int_equal(fix_replace(x, 0, S(level), TO(0), PLAIN), 0);
		x->during = NULL;
		unmap_ok(x, 0, S(level));
	}
}

static void test_nothing_is_there_while_a_table_is_replaced(void **state)
{
	(void)state;
	if (GW_FMT_HW_UPDATES || GW_FMT_BREAK_BEFORE_MAKE)
		each_policy(replaced);
}

static void wrong_calls(struct fixture *x)
{
	uint64_t none = END ? gw_fmt_canonical(HALF) == HALF ? END : HALF : 0;

	assert_int_equal(gw_collapse(x->pt, 0, 0, 0), -EINVAL);
	assert_int_equal(gw_collapse(x->pt, PAGE / 2, PAGE, 0), -EINVAL);
	assert_int_equal(gw_collapse(x->pt, 0, S(1), GW_DEPOSIT << 1), -EINVAL);
	assert_int_equal(gw_replace(x->pt, 0, 3 * PAGE, OUT, WRITABLE), -EINVAL);
	assert_int_equal(gw_replace(x->pt, PAGE, S(1), OUT, WRITABLE), -EINVAL);
	assert_int_equal(gw_replace(x->pt, 0, 0, OUT, WRITABLE), -EINVAL);
	if (!gw_fmt_aligned(OUT + PAGE, 1))
		assert_int_equal(gw_replace(x->pt, 0, S(1), OUT + PAGE, WRITABLE), -EINVAL);
	if (!none)
		return;
	assert_int_equal(gw_collapse(x->pt, none, PAGE, 0), -ERANGE);
	assert_int_equal(gw_split(x->pt, none), -ERANGE);
	assert_int_equal(gw_replace(x->pt, none, PAGE, OUT, WRITABLE), -ERANGE);
}

static void test_wrong_calls_are_refused(void **state)
{
	(void)state;
	with_policy(GW_POLICY_LAZY, wrong_calls);
}

/* ---- Deposits ---- */

static void never_fails(struct fixture *x)
{
	for (unsigned level = next_level(x, 0); level; level = next_level(x, level)) {
		uint64_t va = S(level), part = S(level - 1);

		map_ok(x, va, va);
		no_memory(x, true);
		assert_int_equal(fix_split(x, va), -ENOMEM);
		assert_int_equal(fix_unmap(x, va, part), -ENOMEM);
		assert_int_equal(fix_protect(x, va + part, part, PLAIN), -ENOMEM);
		assert_int_equal(level_at(x, va), level);
		no_memory(x, false);
		unmap_ok(x, va, va);

		map_with(x, va, va, GW_DEPOSIT);
		no_memory(x, true);
		split_ok(x, va);
		no_memory(x, false);
		assert_int_equal(fix_collapse(x, va, va, GW_DEPOSIT), 1);
		no_memory(x, true);
		unmap_ok(x, va + part, part);
		assert_int_equal(level_at(x, va), level - 1);
		no_memory(x, false);
		unmap_ok(x, va, va);
		assert_int_equal(fix_replace(x, va, va, TO(va), WRITABLE | GW_DEPOSIT), 0);
		no_memory(x, true);
		assert_int_equal(fix_protect(x, va + part, part, PLAIN), 0);
		no_memory(x, false);
		unmap_ok(x, va, va);
	}
}

static void test_a_leaf_with_a_deposit_can_be_split_without_memory(void **state)
{
	(void)state;
	for (unsigned policy = 0; policy < POLICIES; policy++)
		with_small_blocks((enum gw_policy)policy, never_fails);
}

/* Whatever way a leaf goes, its deposit goes with it. */
static void given_back(struct fixture *x)
{
	for (unsigned level = next_level(x, 0); level; level = next_level(x, level)) {
		uint64_t part = S(level - 1), before = used(x);

		map_with(x, 0, 2 * S(level), GW_DEPOSIT);
		unmap_ok(x, 0, S(level));
		unmap_ok(x, S(level), S(level)); /* alone */
		map_with(x, 0, 2 * S(level), GW_DEPOSIT);
		unmap_ok(x, 0, 3 * S(level));
		map_with(x, 0, 2 * S(level), GW_DEPOSIT);
		unmap_ok(x, part, S(level)); /* split, and the rest */
		unmap_ok(x, 0, part);
		unmap_ok(x, S(level) + part, S(level) - part);
		map_with(x, 0, S(level), GW_DEPOSIT);
		assert_int_equal(fix_replace(x, 0, S(level), OUT, WRITABLE), 0);
		assert_int_equal(x->deposits.n, 0);
		assert_int_equal(fix_replace(x, 0, part, OUT, WRITABLE), 0);
		unmap_ok(x, 0, S(level));
		if (level < FIX_TOP) { /* with the table above */
			map_with(x, 0, 2 * S(level), GW_DEPOSIT);
			unmap_ok(x, 0, S(level + 1));
		}
		map_with(x, 0, 2 * S(level) + part, GW_DEPOSIT); /* with smaller ones behind */
		unmap_ok(x, 0, 2 * S(level) + part);
		fix_reclaim(x, 0, UINT64_MAX);
		fix_assert_exact(x);
		assert_int_equal(used(x), before);
	}
	map_with(x, 0, 4 * S(next_level(x, 0)), GW_DEPOSIT); /* for the end */
}

static void test_deposits_are_given_back(void **state)
{
	(void)state;
	each_policy(given_back);
	with_small_blocks(GW_POLICY_LAZY, given_back);
}

/* gw_check is what other tests lean on: a deposit whose leaf is elsewhere. */
static void check_sees(struct fixture *x)
{
	for (unsigned level = next_level(x, 0); level; level = next_level(x, level)) {
		unsigned at;
		gw_entry *entry;
		uint64_t e;

		map_with(x, 0, S(level), GW_DEPOSIT);
		entry = fix_entry(x, 0, &at);
		assert_int_equal(at, level);
		e = gw_load_relaxed(entry);
		gw_store_relaxed(entry, gw_fmt_empty(level));
		gw_store_relaxed(entry + 1, e);
		assert_int_equal(gw_check(x->pt), -EIO);
		gw_store_relaxed(entry + 1, gw_fmt_empty(level));
		gw_store_relaxed(entry, e);
		assert_int_equal(gw_check(x->pt), 0);
		unmap_ok(x, 0, S(level));
		fix_reclaim(x, 0, UINT64_MAX);
	}
}

static void test_check_sees_a_deposit_without_its_leaf(void **state)
{
	(void)state;
	each_policy(check_sees);
}

/* A map that fails gives back the deposits that it made. */
static void failed_map(struct fixture *x)
{
	unsigned level = next_level(x, 0);
	uint64_t before;

	map_ok(x, 8 * S(level), PAGE);
	fix_assert_exact(x);
	before = used(x);
	assert_int_equal(fix_map(x, 0, 9 * S(level), TO(0), WRITABLE | GW_DEPOSIT), -EEXIST);
	fix_assert_exact(x);
	assert_int_equal(used(x), before);
	x->relaxed = true;
	for (uint64_t n = 1;; n++) {
		int err;

		fake_fail(x->f, n);
		err = fix_map(x, 0, 4 * S(level), TO(0), WRITABLE | GW_DEPOSIT);
		fake_fail(x->f, 0);
		if (!err)
			break;
		fix_assert_exact(x);
		assert_int_equal(used(x), before);
	}
	x->relaxed = false;
	assert_true(x->deposits.n > 0);
}

static void test_a_failed_map_leaves_no_deposit(void **state)
{
	(void)state;
	with_small_blocks(GW_POLICY_EAGER, failed_map);
}

/* The table that is to be a deposit reads as it did until its grace period is over: looked at from
 * the invalidation, the last thing before it. */
static void deposit_waits(struct fixture *x)
{
	unsigned level, n = x->f->synchronizes;
	const gw_entry *table;
	uint64_t first, second;

	if (next_level(x, 0) != 1)
		return;
	map_ok(x, 0, 2 * S(1));
	split_ok(x, 0);
	table = fix_entry(x, 0, &level);
	first = gw_load_relaxed((gw_entry *)(uintptr_t)&table[0]);
	second = gw_load_relaxed((gw_entry *)(uintptr_t)&table[1]);
	assert_int_equal(fix_collapse(x, 0, S(1), 0), 1);
	assert_int_equal(x->f->synchronizes, n);
	assert_int_equal(gw_load_relaxed((gw_entry *)(uintptr_t)&table[0]), first);
	assert_int_equal(gw_load_relaxed((gw_entry *)(uintptr_t)&table[1]), second);
	split_ok(x, 0);
	assert_int_equal(fix_collapse(x, 0, S(1), GW_DEPOSIT), 1);
	assert_int_equal(x->f->synchronizes, n + 1);
	assert_int_equal(x->deposits.n, 1);
}

static void test_a_table_is_deposited_after_its_grace_period(void **state)
{
	(void)state;
	with_policy(GW_POLICY_LAZY, deposit_waits);
}

/* ---- Replace ---- */

/* Whatever is there: nothing, a leaf, a part of a larger one, a table with holes. */
static void replace_anything(struct fixture *x)
{
	uint32_t attr = PLAIN;

	for (unsigned level = next_level(x, 0); level; level = next_level(x, level)) {
		uint64_t va = S(level), part = S(level - 1),
			 other = OUT ^ (GW_FMT_ONE_VALUE ? 1 : va);

		assert_int_equal(fix_replace(x, va, va, TO(va), attr), 0);
		assert_int_equal(x->invalidates, 0);
		assert_int_equal(fix_replace(x, va, va, other, attr), 0);
		assert_int_equal(x->invalidates, 1);
		assert_int_equal(level_at(x, va), level);
		assert_int_equal(fix_replace(x, va + part, part, OUT, attr), 0);
		/* An MMU forgets the larger leaf first. */
		assert_int_equal(x->invalidates,
				 1 + (GW_FMT_HW_UPDATES || GW_FMT_BREAK_BEFORE_MAKE));
		assert_int_equal(level_at(x, va), level - 1);
		unmap_ok(x, va, part);
		assert_int_equal(fix_replace(x, va, va, other, attr), 0);
		assert_int_equal(level_at(x, va), level);
		assert_true(x->last.tables);
		fix_verify(x);
		unmap_ok(x, va, va);
	}
	assert_int_equal(fix_replace(x, 0, PAGE, OUT, attr), 0);
	assert_int_equal(fix_replace(x, 0, PAGE, OUT + PAGE, attr), 0);
	unmap_ok(x, 0, PAGE);
	fix_reclaim(x, 0, UINT64_MAX);
	fix_assert_exact(x);
}

static void test_replace_takes_whatever_is_there(void **state)
{
	(void)state;
	each_policy(replace_anything);
}

/* ---- The largest leaf ---- */

static void capped(uint64_t max_leaf)
{
	struct gw_opts opts = {.max_leaf = max_leaf};
	uint64_t bytes = S(2);
	struct fixture x;

	if (gw_fmt_index_bits(0) + gw_fmt_index_bits(1) > 18)
		bytes = S(1);
	fix_start(&x, &opts);
	map_ok(&x, 0, bytes);
	assert_true(S(level_at(&x, 0)) <= max_leaf);
	assert_int_equal(fix_collapse(&x, 0, bytes, 0), 0);
	if (max_leaf < bytes)
		assert_int_equal(gw_replace(x.pt, 0, bytes, TO(0), WRITABLE), -EINVAL);
	fix_end(&x);
}

static void test_no_leaf_is_larger_than_the_options_say(void **state)
{
	struct gw_opts opts = {.max_leaf = PAGE - 1};
	struct fake_env f;
	struct gw_pt *pt;

	(void)state;
	capped(PAGE);
	capped(S(1) - 1);
	capped(S(1));
	fake_env_init(&f);
	opts.env = &f.env;
	assert_int_equal(gw_create(&opts, &pt), -EINVAL);
	fake_env_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_split_and_collapse_undo_one_another),
		cmocka_unit_test(test_collapse_goes_up_as_far_as_it_can),
		cmocka_unit_test(test_collapse_leaves_what_no_leaf_could_map),
		cmocka_unit_test(test_what_the_mmu_records_until_the_invalidation_is_kept),
		cmocka_unit_test(test_pages_stay_or_are_absent_where_the_format_breaks),
		cmocka_unit_test(test_nothing_is_there_while_a_table_is_replaced),
		cmocka_unit_test(test_wrong_calls_are_refused),
		cmocka_unit_test(test_a_leaf_with_a_deposit_can_be_split_without_memory),
		cmocka_unit_test(test_deposits_are_given_back),
		cmocka_unit_test(test_check_sees_a_deposit_without_its_leaf),
		cmocka_unit_test(test_a_failed_map_leaves_no_deposit),
		cmocka_unit_test(test_a_table_is_deposited_after_its_grace_period),
		cmocka_unit_test(test_replace_takes_whatever_is_there),
		cmocka_unit_test(test_no_leaf_is_larger_than_the_options_say),
	};

	return cmocka_run_group_tests_name("huge " GW_FMT_NAME, tests, NULL, NULL);
}
