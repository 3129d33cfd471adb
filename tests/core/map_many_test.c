/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * gw_map_many: scattered pieces, all of them or none; compiled once a format. */
#include "bench.h"

/* Pages that do not continue one another, over several tables. */
static struct gw_piece *scattered(size_t n)
{
	struct gw_piece *piece = test_malloc(n * sizeof(*piece));

	for (size_t i = 0; i < n; i++)
		piece[i] = (struct gw_piece){OUT + (n - i) * 2 * PAGE, PAGE};
	return piece;
}

static void pages(struct fixture *x)
{
	const size_t n = 2 * S(1) / PAGE + 3;
	struct gw_piece *piece = scattered(n);

	assert_int_equal(fix_map_many(x, S(1) - PAGE, piece, n, WRITABLE), 0);
	fix_verify(x);
	unmap_ok(x, S(1) + PAGE, 2 * PAGE);
	assert_int_equal(fix_map_many(x, S(1) + PAGE, piece, 2, PLAIN), 0); /* tables are there */
	fix_verify(x);
	test_free(piece);
}

static void test_scattered_pages(void **state)
{
	(void)state;
	each_policy(pages);
}

/* Larger leaves in one piece, or in several that continue one another; and beside them pieces that
 * do not, or that are not aligned. */
static void larger_leaves(struct fixture *x)
{
	const struct gw_piece piece[] = {
		{OUT, S(1) - PAGE}, {OUT + S(1) - PAGE, PAGE},     {OUT + 4 * S(1), S(1)},
		{OUT + PAGE, PAGE}, {OUT + 8 * S(1) + PAGE, S(1)}, {OUT + S(2), S(1) - PAGE},
		{OUT + S(1), S(1)},
	};
	unsigned large = gw_fmt_leaf_level(1);

	assert_int_equal(fix_map_many(x, S(2), piece, LENGTH(piece), WRITABLE), 0);
	fix_verify(x);
	assert_int_equal(level_at(x, S(2)), large && !GW_FMT_ONE_VALUE);
	assert_int_equal(level_at(x, S(2) + S(1)), large);
	assert_int_equal(level_at(x, S(2) + 2 * S(1)), 0);
	assert_int_equal(level_at(x, S(2) + 3 * S(1)), 0);
	assert_int_equal(level_at(x, S(2) + 4 * S(1)), large);
}

static void test_larger_leaves_in_pieces(void **state)
{
	(void)state;
	with_policy(GW_POLICY_LAZY, larger_leaves);
}

/* Runs that are longer than what is built at a time. */
static void long_runs(struct fixture *x)
{
	const struct gw_piece piece[] = {{OUT, S(2)}, {OUT + S(2), 2 * S(2) + S(1)}, {OUT, PAGE}};

	assert_int_equal(fix_map_many(x, HALF, piece, LENGTH(piece), WRITABLE), 0);
	fix_verify(x);
	if (gw_fmt_leaf_level(2))
		assert_int_equal(level_at(x, HALF + 2 * S(2)), 2);
	unmap_ok(x, HALF, 4 * S(2));
	map_ok(x, HALF, 2 * S(2));
	fix_verify(x);
}

static void test_long_runs(void **state)
{
	(void)state;
	each_policy(long_runs);
}

static int map_many(struct fixture *x, uint64_t va, const struct gw_piece *piece, size_t n)
{
	int err = gw_map_many(x->pt, va, piece, n, PLAIN);

	fix_verify(x);
	return err;
}

static void errors(struct fixture *x)
{
	const struct gw_piece good = {OUT, PAGE};
	const struct gw_piece bad[] = {{OUT, 0},
				       {OUT, PAGE / 2},
				       {OUT + PAGE / 2, PAGE},
				       {UINT64_MAX - (PAGE - 1), 2 * PAGE}};

	assert_int_equal(map_many(x, 0, &good, 0), -EINVAL);
	assert_int_equal(map_many(x, 1, &good, 1), -EINVAL);
	for (unsigned i = 0; i < LENGTH(bad); i++) {
		const struct gw_piece piece[] = {good, bad[i], good};
		int want = i < 3 ? -EINVAL : -ERANGE;

		if (i != 2 || !GW_FMT_ONE_VALUE) /* any value is aligned */
			assert_int_equal(map_many(x, 0, piece, LENGTH(piece)), want);
	}
}

static void ranges(struct fixture *x)
{
	const struct gw_piece page[] = {{OUT, PAGE}, {OUT + 4 * PAGE, PAGE}};
	const struct gw_piece all[] = {{0, HALF}, {0, HALF}, {0, PAGE}};
	const struct gw_piece wraps[] = {{0, 1ull << 63}, {0, 1ull << 63}, {0, PAGE}};

	assert_int_equal(map_many(x, gw_fmt_canonical(END - PAGE), page, 2), -ERANGE);
	if (gw_fmt_canonical(HALF) != HALF)
		assert_int_equal(map_many(x, HALF - PAGE, page, 2), -ERANGE);
	assert_int_equal(map_many(x, 0, all, 3), -ERANGE);
	assert_int_equal(map_many(x, 0, wraps, 3), -ERANGE);
	assert_int_equal(gw_map_many(x->pt, 0, page, 2, 1u << 31), -EOPNOTSUPP);
	assert_int_equal(fix_map_many(x, END - 2 * PAGE, page, 2, PLAIN), 0);
	fix_verify(x);
}

static void test_errors(void **state)
{
	(void)state;
	each_policy(errors);
	each_policy(ranges);
}

/* What is in the way of one piece is in the way of all. */
static void in_the_way(struct fixture *x)
{
	const struct gw_piece piece[] = {
		{OUT, PAGE}, {OUT + 8 * PAGE, 2 * PAGE}, {OUT + 2 * PAGE, S(1)}, {OUT, PAGE}};
	const uint64_t places[] = {0, PAGE, 2 * PAGE, 3 * PAGE, S(1) + 2 * PAGE, S(1) + 3 * PAGE};

	for (unsigned i = 0; i < LENGTH(places); i++) {
		uint64_t at = places[i];

		assert_int_equal(fix_map(x, S(1) + at, PAGE, OUT, PLAIN), 0);
		assert_int_equal(fix_map_many(x, S(1), piece, LENGTH(piece), WRITABLE), -EEXIST);
		fix_verify(x);
		unmap_ok(x, S(1) + at, PAGE);
	}
	assert_int_equal(fix_map_many(x, S(1), piece, LENGTH(piece), WRITABLE), 0);
	fix_verify(x);
}

static void test_all_or_nothing(void **state)
{
	(void)state;
	each_policy(in_the_way);
}

/* Another updater unmaps a part of a call that is under way, and maps it to something of its own:
 * that stays when the call fails, also where it begins with what was there. */
static struct fixture *under_test;
static struct gw_piece theirs;
static void (*real_read_unlock)(struct gw_env *env);

static void read_unlock(struct gw_env *env)
{
	struct fixture *x = under_test;
	struct gw_leaf leaf;

	real_read_unlock(env);
	if (!x || x->f->nesting || !gw_walk(x->pt, S(2), &leaf))
		return;
	under_test = NULL;
	extents_append(&x->awaiting, (struct extent){S(2), PAGE, OUT, PLAIN, 0});
	extents_append(&x->awaiting,
		       (struct extent){S(2) + PAGE, S(1) - PAGE, OUT + S(2) + PAGE, PLAIN, 0});
	assert_int_equal(gw_unmap(x->pt, S(2), S(1)), 0);
	assert_int_equal(fix_map(x, S(2), theirs.bytes, theirs.out, PLAIN), 0);
}

static void takes_back_its_own(struct fixture *x)
{
	const struct gw_piece piece[] = {{OUT, PAGE}, {OUT + S(2) + PAGE, S(1)}};

	assert_int_equal(fix_map(x, S(2) + S(1), PAGE, OUT, PLAIN), 0);
	x->relaxed = true;
	under_test = x;
	real_read_unlock = x->f->env.read_unlock;
	x->f->env.read_unlock = read_unlock;
	assert_int_equal(gw_map_many(x->pt, S(2), piece, LENGTH(piece), PLAIN), -EEXIST);
	assert_null(under_test);
	x->f->env.read_unlock = real_read_unlock;
	fix_verify(x);
}

static void test_a_failed_call_takes_back_its_own(void **state)
{
	const struct gw_piece of_another[] = {
		{OUT, S(1)}, {OUT + S(2), S(1)}, {OUT + PAGE, S(1)}, {OUT + 2 * PAGE, PAGE}};

	(void)state;
	for (unsigned i = 0; i < LENGTH(of_another); i++) {
		theirs = of_another[i];
		with_policy(GW_POLICY_LAZY, takes_back_its_own);
		with_policy(GW_POLICY_EAGER, takes_back_its_own);
	}
}

/* Return: whether an allocation failed. */
static bool fail_one(enum gw_policy policy, uint64_t n)
{
	const struct gw_piece piece[] = {{OUT, PAGE},
					 {OUT + S(2), S(1) + PAGE},
					 {OUT + S(2) + S(1) + PAGE, S(1)},
					 {OUT + PAGE, S(1)}};
	struct gw_opts opts = {.policy = policy};
	struct fixture x;
	bool failed;

	fix_start_heaps(&x, &opts, 1); /* so that each table asks for memory */
	x.relaxed = true;
	fake_fail(x.f, n);
	failed = fix_map_many(&x, S(2) - 2 * PAGE, piece, LENGTH(piece), WRITABLE) == -ENOMEM;
	assert_int_equal(failed, x.f->failures > 0);
	fake_fail(x.f, 0);
	if (policy != GW_POLICY_MANUAL)
		fix_assert_exact(&x);
	fix_end(&x);
	return failed;
}

static void test_without_memory_nothing_is_mapped(void **state)
{
	(void)state;
	for (unsigned policy = 0; policy < POLICIES; policy++) {
		uint64_t n = 1;

		while (fail_one((enum gw_policy)policy, n))
			n++;
		assert_true(n > FIX_TOP);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scattered_pages),
		cmocka_unit_test(test_larger_leaves_in_pieces),
		cmocka_unit_test(test_long_runs),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_all_or_nothing),
		cmocka_unit_test(test_a_failed_call_takes_back_its_own),
		cmocka_unit_test(test_without_memory_nothing_is_mapped),
	};

	return cmocka_run_group_tests_name("map_many " GW_FMT_NAME, tests, NULL, NULL);
}
