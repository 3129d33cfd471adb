/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Page tables for a range of addresses alone; compiled once a format that has them. */
#include "bench.h"

/* A place that is aligned to tables of every level but the root's. */
#define PLACE gw_span(FIX_TOP)

static uint64_t table_span(unsigned level)
{
	return gw_span(level) << gw_fmt_index_bits(level);
}

static void start(struct fixture *x, uint64_t va, uint64_t bytes)
{
	const struct gw_opts opts = {.policy = GW_POLICY_EAGER, .va = va, .bytes = bytes};

	fix_start(x, &opts);
}

static void test_there_are_as_many_levels_as_the_range_needs(void **state)
{
	(void)state;
	for (unsigned level = 0; level < FIX_TOP; level++) {
		uint64_t span = table_span(level);
		struct fixture x;

		start(&x, PLACE, span);
		assert_int_equal(gw_top(x.pt), level);
		map_ok(&x, PLACE, PAGE);
		map_ok(&x, PLACE + span - PAGE, PAGE);
		assert_int_equal(fix_tables(&x), 2 * level);
		unmap_ok(&x, PLACE, span);
		fake_drain(x.f);
		assert_int_equal(fix_tables(&x), 0);
		fix_end(&x);

		start(&x, PLACE, PAGE);
		assert_int_equal(gw_top(x.pt), 0);
		fix_end(&x);
		start(&x, PLACE + PAGE, span); /* into the next table */
		assert_int_equal(gw_top(x.pt), level + 1);
		map_ok(&x, PLACE + PAGE, span);
		fix_verify(&x);
		fix_end(&x);
	}
}

static void assert_outside(struct fixture *x, uint64_t va, uint64_t bytes)
{
	const struct gw_piece pieces[] = {{OUT, bytes - PAGE}, {OUT, PAGE}};
	uint64_t hole;
	struct gw_cursor c;

	assert_int_equal(gw_map(x->pt, va, bytes, OUT, GW_FMT_ATTRS_MUST), -ERANGE);
	assert_int_equal(gw_unmap(x->pt, va, bytes), -ERANGE);
	assert_int_equal(gw_protect(x->pt, va, bytes, GW_FMT_ATTRS_MUST), -ERANGE);
	assert_int_equal(gw_collapse(x->pt, va, bytes, 0), -ERANGE);
	assert_int_equal(gw_replace(x->pt, va, bytes, OUT, GW_FMT_ATTRS_MUST), -ERANGE);
	if (GW_FMT_ATTRS & GW_WRITE)
		assert_int_equal(gw_harvest(x->pt, va, bytes, GW_WRITE, NULL, NULL), -ERANGE);
	assert_int_equal(gw_remap(x->pt, va, bytes, PLACE), -ERANGE);
	assert_int_equal(gw_remap(x->pt, PLACE, bytes, va), -ERANGE);
	assert_int_equal(gw_cursor_start(&c, x->pt, va, bytes), -ERANGE);
	assert_int_equal(gw_find_hole(x->pt, va, bytes, PAGE, PAGE, &hole), -ERANGE);
	if (bytes > PAGE)
		assert_int_equal(gw_map_many(x->pt, va, pieces, 2, GW_FMT_ATTRS_MUST), -ERANGE);
}

static void assert_nothing_at(struct fixture *x, uint64_t va)
{
	struct gw_leaf leaf;
	struct gw_pte pte;
	uint64_t out;

	assert_false(gw_walk(x->pt, va, &leaf));
	assert_false(gw_translate(x->pt, va, &out));
	assert_int_equal(gw_walk_many(x->pt, &va, 1, &leaf), 0);
	assert_int_equal(leaf.bytes, 0);
	assert_null(gw_pte_map(x->pt, va));
	assert_false(gw_pte_map_lock(x->pt, va, &pte));
	assert_false(gw_touch(x->pt, va, 0));
	assert_int_equal(gw_split(x->pt, va), -ERANGE);
}

/* Each entry of its tables is mapped, so that who finds one with the address of another is told
 * that something is there. */
static void test_nothing_is_outside(void **state)
{
	(void)state;
	for (unsigned level = 0; level < FIX_TOP; level++) {
		uint64_t span = table_span(level);
		struct fixture x;

		start(&x, PLACE, span);
		map_ok(&x, PLACE, span);
		assert_outside(&x, PLACE - PAGE, PAGE);
		assert_outside(&x, PLACE - PAGE, 2 * PAGE);
		assert_outside(&x, PLACE + span - PAGE, 2 * PAGE);
		assert_outside(&x, PLACE + span, PAGE);
		assert_outside(&x, 0, PAGE);
		assert_nothing_at(&x, PLACE - 1);
		assert_nothing_at(&x, PLACE + span);
		assert_nothing_at(&x, PLACE ^ HALF);
		assert_nothing_at(&x, UINT64_MAX);
		gw_reclaim(x.pt, 0, PLACE);
		fix_verify(&x);
		fix_end(&x);
	}
}

static void test_a_range_can_be_less_than_its_tables(void **state)
{
	const uint64_t first = PLACE + 2 * PAGE, bytes = gw_span(1) + PAGE;
	struct gw_leaf leaf;
	struct gw_cursor c;
	struct fixture x;

	(void)state;
	start(&x, first, bytes);
	assert_outside(&x, first - PAGE, PAGE);
	assert_outside(&x, first + bytes, PAGE);
	map_ok(&x, first, bytes);
	assert_int_equal(gw_cursor_start(&c, x.pt, first, bytes), 0);
	for (uint64_t va = first; va < first + bytes; va += leaf.bytes) {
		assert_int_equal(gw_cursor_next(&c, &leaf), GW_FOUND_LEAF);
		assert_int_equal(leaf.va, va);
	}
	gw_cursor_pause(&c);
	assert_int_equal(gw_cursor_next(&c, &leaf), GW_FOUND_END);
	unmap_ok(&x, first, bytes);
	fix_end(&x);
}

static void test_ranges_that_are_none_are_refused(void **state)
{
	const uint64_t bad[][2] = {{PAGE, 0},   {0, PAGE - 1},  {1, PAGE}, {END - PAGE, 2 * PAGE},
				   {END, PAGE}, {0, END + PAGE}};
	struct fake_env f;
	struct gw_pt *pt = NULL;

	(void)state;
	fake_env_init(&f);
	for (unsigned i = 0; i < LENGTH(bad); i++) {
		const struct gw_opts opts = {.env = &f.env, .va = bad[i][0], .bytes = bad[i][1]};

		assert_int_equal(gw_create(&opts, &pt), -EINVAL);
	}
	assert_null(pt);
	fake_env_done(&f);
}

static void test_all_of_it_is_the_range_of_who_asks_for_none(void **state)
{
	struct fixture x, y;

	(void)state;
	start(&x, 0, 0);
	start(&y, 0, END);
	assert_int_equal(gw_top(x.pt), FIX_TOP);
	assert_int_equal(gw_top(y.pt), FIX_TOP);
	map_ok(&x, END - PAGE, PAGE);
	map_ok(&y, END - PAGE, PAGE);
	fix_end(&x);
	fix_end(&y);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_there_are_as_many_levels_as_the_range_needs),
		cmocka_unit_test(test_nothing_is_outside),
		cmocka_unit_test(test_a_range_can_be_less_than_its_tables),
		cmocka_unit_test(test_ranges_that_are_none_are_refused),
		cmocka_unit_test(test_all_of_it_is_the_range_of_who_asks_for_none),
	};

	return cmocka_run_group_tests_name("range " GW_FMT_NAME, tests, NULL, NULL);
}
