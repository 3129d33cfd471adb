/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Cursors, many walks at once, and looking for holes; compiled once a format. */
#include "bench.h"
#include "look.h"

/* ---- Ranges ---- */

static void refused(struct fixture *x, uint64_t va, uint64_t bytes, int err)
{
	uint64_t hole = 1;
	struct gw_cursor c;
	struct gw_leaf leaf;

	assert_int_equal(gw_cursor_start(&c, x->pt, va, bytes), err);
	assert_int_equal(gw_cursor_next(&c, &leaf), GW_FOUND_END);
	assert_int_equal(gw_find_hole(x->pt, va, bytes, PAGE, PAGE, &hole), err);
	assert_int_equal(hole, 1);
}

static void ranges(struct fixture *x)
{
	map_ok(x, 0, 4 * PAGE);
	refused(x, 0, 0, -EINVAL);
	refused(x, 1, PAGE, -EINVAL);
	refused(x, 0, PAGE + 1, -EINVAL);
	refused(x, gw_fmt_canonical(HALF), -PAGE, -ERANGE);
	refused(x, -PAGE, 2 * PAGE, -ERANGE);
	if (gw_fmt_canonical(HALF) != HALF)
		refused(x, HALF - PAGE, 2 * PAGE, -ERANGE);
	if (END)
		refused(x, END, PAGE, -ERANGE);
	if (END && gw_fmt_canonical(HALF) == HALF)
		refused(x, END - PAGE, 2 * PAGE, -ERANGE);
}

static void test_ranges_that_are_none_are_refused(void **state)
{
	(void)state;
	each_policy(ranges);
}

static void bad_sizes(struct fixture *x)
{
	const uint64_t bad[][2] = {{0, PAGE},        {PAGE, 0},        {PAGE - 1, PAGE},
				   {PAGE, 3 * PAGE}, {PAGE, PAGE / 2}, {PAGE, PAGE + 1}};
	uint64_t hole = 1;

	for (unsigned i = 0; i < LENGTH(bad); i++)
		assert_int_equal(gw_find_hole(x->pt, 0, HALF, bad[i][0], bad[i][1], &hole),
				 -EINVAL);
	assert_int_equal(hole, 1);
}

static void test_sizes_and_alignments_that_are_none_are_refused(void **state)
{
	(void)state;
	each_policy(bad_sizes);
}

/* ---- The cursor ---- */

/* Whole halves, short ranges, and each start and end near where something begins or ends. */
static void look_everywhere(struct fixture *x)
{
	for (unsigned pause = 0; pause < 3; pause++) {
		look_along(x, 0, HALF, pause);
		look_along(x, HALF, HALF, pause);
		look_along(x, HALF - PAGE, PAGE, pause);
		look_along(x, END - PAGE, PAGE, pause);
	}
	for (size_t i = 0; i < x->model.n; i++)
		for (uint64_t k = 0; k < 3; k++) {
			const struct extent *e = &x->model.at[i];
			uint64_t va = e->va + (e->va != HALF) * (k - 1) * PAGE;

			look_along(x, gw_low(va), PAGE, 0);
			look_along(x, e->va, e->bytes, 0);
			if (e->va > S(2) && extent_last(e) < HALF - S(2))
				look_along(x, va - k * S(1), e->bytes + S(2), 1);
			if (e->bytes > 2 * PAGE) /* leaves lie across both ends */
				look_along(x, e->va + PAGE, e->bytes - 2 * PAGE, 1);
		}
}

/* Leaves of each size, holes of each size, empty tables. */
static void scenery(struct fixture *x)
{
	map_ok(x, 0, PAGE);
	map_ok(x, 2 * PAGE, S(1) + PAGE);
	map_ok(x, 2 * S(2), S(1));
	assert_int_equal(fix_map(x, 3 * S(2), S(1), OUT + PAGE, PLAIN), 0); /* a full table */
	for (unsigned level = 0; level <= fix_leaf_level(); level++)
		map_ok(x, HALF + 2 * S(level), S(level));
	map_ok(x, HALF - PAGE, PAGE);
	map_ok(x, END - S(1) - PAGE, S(1) + PAGE);
	map_ok(x, S(2) - PAGE, 2 * PAGE);
	unmap_ok(x, S(2) - PAGE, 2 * PAGE);
}

static void along(struct fixture *x)
{
	look_everywhere(x);
	scenery(x);
	look_everywhere(x);
	fake_drain(x->f);
	fix_reclaim(x, 0, UINT64_MAX);
	look_everywhere(x);
}

static void test_a_cursor_tells_every_leaf_and_hole(void **state)
{
	(void)state;
	each_policy(along);
}

static void assert_next(struct gw_cursor *c, enum gw_found found, uint64_t va, uint64_t bytes)
{
	struct gw_leaf leaf;

	assert_int_equal(gw_cursor_next(c, &leaf), found);
	assert_int_equal(leaf.va, va);
	assert_int_equal(leaf.bytes, bytes);
}

/* Tables that are remembered read as they did when they were unlinked; a pause forgets them. */
static void tables_are_remembered(struct fixture *x)
{
	struct gw_cursor c;

	map_ok(x, 0, PAGE);
	map_ok(x, PAGE, PAGE);
	map_ok(x, 2 * S(2), PAGE);
	assert_int_equal(gw_cursor_start(&c, x->pt, 0, HALF), 0);
	assert_next(&c, GW_FOUND_LEAF, 0, PAGE);
	unmap_ok(x, 0, S(2)); /* the tables whole, but with the manual policy */
	if (x->policy == GW_POLICY_MANUAL)
		assert_next(&c, GW_FOUND_HOLE, PAGE, 2 * S(2) - PAGE);
	else
		assert_next(&c, GW_FOUND_LEAF, PAGE, PAGE);
	gw_cursor_pause(&c);
	fake_drain(x->f); /* now what is remembered would be poison */
	if (x->policy != GW_POLICY_MANUAL)
		assert_next(&c, GW_FOUND_HOLE, 2 * PAGE, 2 * S(2) - 2 * PAGE);
	assert_next(&c, GW_FOUND_LEAF, gw_fmt_canonical(2 * S(2)), PAGE);
}

static void test_a_cursor_remembers_tables_until_it_is_paused(void **state)
{
	(void)state;
	for (unsigned policy = 0; policy < POLICIES; policy++) {
		struct gw_opts opts = {.policy = (enum gw_policy)policy};
		struct fixture x;

		fix_start_heaps(&x, &opts, 0);
		tables_are_remembered(&x);
		fix_end(&x);
	}
}

/* A hole and what is behind it are two reports: what was mapped in between is told. */
static void changes_ahead(struct fixture *x)
{
	struct gw_cursor c;

	map_ok(x, 0, PAGE);
	map_ok(x, 3 * PAGE, PAGE);
	assert_int_equal(gw_cursor_start(&c, x->pt, 0, S(1)), 0);
	assert_next(&c, GW_FOUND_LEAF, 0, PAGE);
	assert_next(&c, GW_FOUND_HOLE, PAGE, 2 * PAGE);
	assert_true(fix_set(x, 3 * PAGE, false, 0, 0));
	assert_next(&c, GW_FOUND_HOLE, 3 * PAGE, S(1) - 3 * PAGE);
	assert_next(&c, GW_FOUND_END, 0, 0);
}

/* Where a larger leaf came since, it is told whole, though a part of it was told before. */
static void larger_leaf_since(struct fixture *x)
{
	struct gw_cursor c;

	map_ok(x, 0, PAGE);
	assert_int_equal(gw_cursor_start(&c, x->pt, 0, 2 * S(1)), 0);
	assert_next(&c, GW_FOUND_LEAF, 0, PAGE);
	gw_cursor_pause(&c);
	unmap_ok(x, 0, PAGE);
	fake_drain(x->f);
	fix_reclaim(x, 0, UINT64_MAX);
	map_ok(x, 0, S(1));
	assert_next(&c, GW_FOUND_LEAF, 0, S(1));
	assert_next(&c, GW_FOUND_HOLE, S(1), S(1));
	assert_next(&c, GW_FOUND_END, 0, 0);
}

static void test_a_cursor_among_changes(void **state)
{
	(void)state;
	each_policy(changes_ahead);
	each_policy(larger_leaf_since);
}

/* ---- Many walks ---- */

static void many(struct fixture *x)
{
	const uint64_t bases[] = {0,    PAGE,        S(1),       S(2) - PAGE, 2 * S(2),   3 * S(2),
				  HALF, HALF - PAGE, END - PAGE, END - S(1),  HALF + S(1)};
	uint64_t va[LOOK_MANY];

	scenery(x);
	for (unsigned n = 0; n <= LOOK_MANY; n++) {
		for (unsigned i = 0; i < n; i++) {
			uint64_t low = gw_low(bases[(i + n) % LENGTH(bases)] + i / 7 * PAGE);

			/* Some are not canonical, in most formats. */
			va[i] = gw_fmt_canonical(low) ^ (uint64_t)(i % 5 == 3) << 63;
		}
		look_at_many(x, va, n);
	}
}

static void test_many_walks_at_once_are_as_many_walks(void **state)
{
	(void)state;
	each_policy(many);
}

/* ---- Holes ---- */

static void holes(struct fixture *x)
{
	const uint64_t sizes[] = {PAGE, 3 * PAGE, S(1) - PAGE, S(1), S(1) + PAGE, S(2), HALF / 2};
	const uint64_t aligns[] = {PAGE, 2 * PAGE, S(1), S(2), HALF / 2, HALF, 1ull << 63};

	for (unsigned s = 0; s < LENGTH(sizes); s++)
		for (unsigned a = 0; a < LENGTH(aligns); a++) {
			look_for_hole(x, 0, HALF, sizes[s], aligns[a]);
			look_for_hole(x, PAGE, HALF - PAGE, sizes[s], aligns[a]);
			look_for_hole(x, HALF, HALF, sizes[s], aligns[a]);
			look_for_hole(x, 3 * S(2), S(2), sizes[s], aligns[a]);
			look_for_hole(x, S(1) + PAGE, S(2), sizes[s], aligns[a]);
			look_for_hole(x, END - S(2), S(2), sizes[s], aligns[a]);
		}
}

static void in_scenery(struct fixture *x)
{
	fake_fail_all(x->f, true); /* looking takes no memory */
	holes(x);
	fake_fail_all(x->f, false);
	scenery(x);
	fake_fail_all(x->f, true);
	holes(x);
	fake_fail_all(x->f, false);
}

static void test_the_first_hole_is_found(void **state)
{
	(void)state;
	each_policy(in_scenery);
}

/* No entry of a table is empty, but one of the tables below has room. */
static void room_below(struct fixture *x)
{
	map_ok(x, 0, S(1));
	map_ok(x, S(1), S(2) - S(1));
	assert_int_equal(look_for_hole(x, 0, S(2), PAGE, PAGE), -ENOSPC);
	unmap_ok(x, S(2) - PAGE, PAGE);
	assert_int_equal(look_for_hole(x, 0, S(2), PAGE, PAGE), 0);
}

static void test_a_hole_below_a_table_without_room(void **state)
{
	(void)state;
	each_policy(room_below);
}

/* As an allocator of addresses does. Return: whether there was room. */
static bool take_hole(struct fixture *x, uint64_t va, uint64_t bytes, uint64_t size)
{
	uint64_t hole;

	if (look_for_hole(x, va, bytes, size, size))
		return false;
	assert_int_equal(gw_find_hole(x->pt, va, bytes, size, size, &hole), 0);
	assert_int_equal(fix_map(x, gw_low(hole), size, OUT + PAGE, PLAIN), 0);
	return true;
}

/* One of each size, which leaves gaps, and then the largest that fit until there is no room. */
static void until_full(struct fixture *x)
{
	const uint64_t sizes[] = {PAGE, 2 * PAGE, S(1) / 2, S(1)};
	const uint64_t bytes = 4 * S(1), va = HALF - bytes;

	for (unsigned i = 0; i < LENGTH(sizes); i++)
		assert_true(take_hole(x, va, bytes, sizes[i]));
	for (unsigned i = LENGTH(sizes); i--;)
		while (take_hole(x, va, bytes, sizes[i]))
			;
	for (uint64_t at = va; at < HALF; at += PAGE)
		assert_true(gw_walk(x->pt, at, &(struct gw_leaf){0}));
	look_along(x, va, bytes, 0);
}

static void test_holes_are_filled_one_by_one(void **state)
{
	(void)state;
	each_policy(until_full);
}

/* ---- Through struct gw_format ---- */

static void by_format(struct fixture *x)
{
	const uint64_t va[] = {0, PAGE, gw_fmt_canonical(HALF)};
	struct gw_leaf leaf[LENGTH(va)];
	struct gw_cursor c;
	uint64_t hole;

	map_ok(x, 0, PAGE);
	assert_int_equal(gw_ops.walk_many(x->pt, va, LENGTH(va), leaf), 1);
	assert_int_equal(leaf[0].bytes, PAGE);
	assert_int_equal(leaf[1].bytes, 0);
	assert_int_equal(gw_ops.cursor_start(&c, x->pt, 0, 2 * PAGE), 0);
	assert_int_equal(gw_ops.cursor_next(&c, leaf), GW_FOUND_LEAF);
	gw_cursor_pause(&c);
	assert_int_equal(gw_ops.cursor_next(&c, leaf), GW_FOUND_HOLE);
	assert_int_equal(gw_ops.cursor_next(&c, leaf), GW_FOUND_END);
	assert_int_equal(gw_ops.find_hole(x->pt, 0, HALF, PAGE, PAGE, &hole), 0);
	assert_int_equal(hole, PAGE);
}

static void test_the_same_through_struct_gw_format(void **state)
{
	(void)state;
	each_policy(by_format);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ranges_that_are_none_are_refused),
		cmocka_unit_test(test_sizes_and_alignments_that_are_none_are_refused),
		cmocka_unit_test(test_a_cursor_tells_every_leaf_and_hole),
		cmocka_unit_test(test_a_cursor_remembers_tables_until_it_is_paused),
		cmocka_unit_test(test_a_cursor_among_changes),
		cmocka_unit_test(test_many_walks_at_once_are_as_many_walks),
		cmocka_unit_test(test_the_first_hole_is_found),
		cmocka_unit_test(test_a_hole_below_a_table_without_room),
		cmocka_unit_test(test_holes_are_filled_one_by_one),
		cmocka_unit_test(test_the_same_through_struct_gw_format),
	};

	return cmocka_run_group_tests_name("look " GW_FMT_NAME, tests, NULL, NULL);
}
