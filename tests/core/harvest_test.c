/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * gw_harvest and gw_touch: what is taken, what is told, what is recorded. */
#include "bench.h"

enum {
	TAKEABLE = GW_ACCESSED | GW_DIRTY | GW_WRITE,
	CAN_TAKE = GW_FMT_ATTRS & ~GW_FMT_ATTRS_MUST & TAKEABLE,
	RECORDS = GW_FMT_ATTRS & (GW_ACCESSED | GW_DIRTY),
};

static void ignore(void *ctx, const struct gw_leaf *run)
{
	(void)ctx;
	(void)run;
}

static void refusals(struct fixture *x)
{
	const uint64_t hole = gw_fmt_canonical(HALF - PAGE);

	assert_int_equal(gw_harvest(x->pt, 0, PAGE, 0, ignore, NULL), -EINVAL);
	assert_int_equal(gw_harvest(x->pt, 0, PAGE, GW_ACCESSED | GW_READ, ignore, NULL), -EINVAL);
	for (uint32_t take = 1; take <= TAKEABLE; take++) {
		bool known = !(take & ~(uint32_t)TAKEABLE), can = !(take & ~(uint32_t)CAN_TAKE);

		assert_int_equal(gw_harvest(x->pt, 0, PAGE, take, ignore, NULL),
				 !known ? -EINVAL
				 : can  ? 0
					: -EOPNOTSUPP);
		if (!can)
			continue;
		assert_int_equal(gw_harvest(x->pt, 0, 0, take, ignore, NULL), -EINVAL);
		assert_int_equal(gw_harvest(x->pt, 1, PAGE, take, ignore, NULL), -EINVAL);
		assert_int_equal(gw_harvest(x->pt, 0, PAGE + 1, take, ignore, NULL), -EINVAL);
		if (END)
			assert_int_equal(gw_harvest(x->pt, END, PAGE, take, ignore, NULL), -ERANGE);
		if (gw_fmt_canonical(HALF) != HALF)
			assert_int_equal(gw_harvest(x->pt, hole, 2 * PAGE, take, ignore, NULL),
					 -ERANGE);
	}
	assert_int_equal(x->invalidates, 0);
}

static void test_what_cannot_be_taken_is_refused(void **state)
{
	(void)state;
	each_policy(refusals);
}

/* ---- Every set of attributes, every set to take ---- */

/* Each subset of a mask, the empty one last. */
#define EACH_SUBSET(set, mask) \
	for (uint32_t set = (mask), more = 1; more; more = set, set = (set - 1) & (mask))

static void every_set(struct fixture *x)
{
	const uint32_t others = GW_FMT_ATTRS & (GW_USER | GW_EXEC | GW_GLOBAL | GW_SOFT0);

	EACH_SUBSET(attr, CAN_TAKE)
	{
		for (unsigned level = 0; level <= fix_leaf_level() && level < 3; level++)
			assert_int_equal(
				fix_map(x, 2 * level * S(2), S(level), OUT,
					GW_FMT_ATTRS_MUST | attr | (level % 2 ? others : 0)),
				0);
		for (uint32_t take = 1; take <= CAN_TAKE; take++) {
			if (take & ~(uint32_t)CAN_TAKE)
				continue;
			assert_int_equal(fix_protect(x, 0, 6 * S(2), GW_FMT_ATTRS_MUST | attr), 0);
			assert_int_equal(fix_harvest(x, 0, 6 * S(2), take), 0);
			fix_verify(x);
			assert_int_equal(fix_harvest(x, 0, 6 * S(2), take), 0);
			assert_int_equal(x->invalidates, 0);
		}
		unmap_ok(x, 0, 6 * S(2));
		fix_reclaim(x, 0, UINT64_MAX);
	}
}

static void test_every_set_of_attributes(void **state)
{
	(void)state;
	each_policy(every_set);
}

/* ---- Ranges ---- */

/* Recorded where an MMU does; else what can be taken is the right to write. */
static void use(struct fixture *x, uint64_t va)
{
	if (RECORDS)
		fix_record(x, va, RECORDS);
	else if (CAN_TAKE)
		assert_int_equal(fix_protect(x, va, level_at(x, va) ? S(1) : PAGE, WRITABLE), 0);
}

static int harvest(struct fixture *x, uint64_t va, uint64_t bytes)
{
	int err = fix_harvest(x, va, bytes, RECORDS ? RECORDS : CAN_TAKE);

	fix_verify(x);
	return err;
}

/* Whatever is told at once, and wherever tables end: more runs than there is room for, runs of one
 * page and of many, holes. */
static void scattered(struct fixture *x)
{
	const unsigned pages = 1u << gw_fmt_index_bits(0);
	const unsigned every[] = {1, 2, 3, 7, 8, 9, 100};

	if (!CAN_TAKE)
		return;
	assert_int_equal(fix_map(x, 0, 3 * S(1), OUT + PAGE, PLAIN), 0);
	unmap_ok(x, S(1) / 2, PAGE);
	unmap_ok(x, S(1) + S(1) / 4, S(1) / 2);
	for (unsigned i = 0; i < LENGTH(every); i++) {
		for (unsigned page = i; page < 3 * pages;
		     page += every[i] * (pages > 1024 ? 37 : 1)) {
			unsigned level;

			if (gw_fmt_is_leaf(gw_load_relaxed(fix_entry(x, page * PAGE, &level)), 0))
				use(x, page * PAGE);
		}
		assert_int_equal(harvest(x, 5 * PAGE, 3 * S(1) - 9 * PAGE), 0);
		assert_int_equal(harvest(x, 0, 3 * S(1)), 0);
		assert_int_equal(harvest(x, 0, 3 * S(1)), 0);
		assert_int_equal(x->invalidates, 0);
	}
}

static void test_pages_here_and_there(void **state)
{
	(void)state;
	with_policy(GW_POLICY_LAZY, scattered);
}

/* One run over pages of several tables and a larger leaf between them. */
static void one_run(struct fixture *x)
{
	if (!CAN_TAKE)
		return;
	assert_int_equal(fix_map(x, S(1) - PAGE, S(1) + 2 * PAGE, OUT - PAGE, WRITABLE | RECORDS),
			 0);
	assert_int_equal(level_at(x, S(1)), 1);
	assert_int_equal(harvest(x, 0, 4 * S(1)), 0);
	assert_int_equal(x->hull.bytes, S(1) + 2 * PAGE);
}

static void test_a_run_may_go_on_in_the_next_table(void **state)
{
	(void)state;
	each_policy(one_run);
}

/* A leaf across an end is told whole, and stays whole. */
static void across(struct fixture *x)
{
	const struct {
		uint64_t va, bytes;
	} parts[] = {{0, PAGE}, {PAGE, PAGE}, {S(1) - PAGE, PAGE}, {S(1) - PAGE, 2 * PAGE}};

	if (!CAN_TAKE)
		return;
	map_ok(x, 0, 3 * S(1));
	for (unsigned i = 0; i < LENGTH(parts); i++) {
		for (uint64_t va = 0; va < 3 * S(1); va += S(1))
			use(x, va);
		assert_int_equal(harvest(x, parts[i].va, parts[i].bytes), 0);
		assert_int_equal(x->hull.va, 0);
		assert_int_equal(level_at(x, 0), 1);
		assert_int_equal(harvest(x, S(1) + PAGE, S(1)), 0);
	}
	assert_int_equal(fix_tables(x), FIX_TOP - 1);
}

static void test_leaves_across_an_end_are_told_whole(void **state)
{
	(void)state;
	each_policy(across);
}

static void edges(struct fixture *x)
{
	if (!CAN_TAKE)
		return;
	map_ok(x, END - PAGE, PAGE);
	map_ok(x, 0, PAGE);
	use(x, END - PAGE);
	use(x, 0);
	assert_int_equal(harvest(x, HALF, HALF), 0);
	assert_int_equal(harvest(x, 0, HALF), 0);
	assert_int_equal(x->last.bytes, PAGE);
}

static void test_both_ends_of_the_address_space(void **state)
{
	(void)state;
	each_policy(edges);
}

/* ---- In found ---- */

struct visit {
	struct fixture *x;
	unsigned runs;
	bool translated;
};

static void unmap_in_found(void *ctx, const struct gw_leaf *run)
{
	struct visit *visit = ctx;
	uint64_t out;

	visit->runs++;
	visit->translated = gw_translate(visit->x->pt, run->va, &out) && out == run->out;
	unmap_ok(visit->x, gw_low(run->va), run->bytes);
}

static void calls_from_found(struct fixture *x)
{
	struct visit visit = {.x = x};

	if (!CAN_TAKE)
		return;
	assert_int_equal(fix_map(x, 0, PAGE, OUT, WRITABLE | RECORDS), 0);
	x->model.at[0].attr &= ~(uint32_t)CAN_TAKE;
	assert_int_equal(gw_harvest(x->pt, 0, S(1), CAN_TAKE, unmap_in_found, &visit), 0);
	assert_int_equal(visit.runs, 1);
	assert_true(visit.translated);
	fix_assert_exact(x);
	assert_int_equal(x->released, PAGE);
}

static void test_found_may_walk_and_update(void **state)
{
	(void)state;
	with_policy(GW_POLICY_EAGER, calls_from_found);
}

/* ---- An MMU at work meanwhile ---- */

/* What is written while the MMU is made to forget is in the entry, for the next call: or, where the
 * entry was broken, could not be written. */
static void write_meanwhile(struct fixture *x, const struct gw_range *range)
{
	unsigned level;
	gw_entry *entry = fix_entry(x, gw_low(range->va), &level);
	uint64_t e = gw_load_relaxed(entry);

	if (gw_fmt_is_leaf(e, level))
		gw_store_relaxed(entry, gw_fmt_recorded(e, RECORDS, level));
}

static void written_meanwhile(struct fixture *x)
{
	if (!RECORDS)
		return;
	assert_int_equal(fix_map(x, 0, PAGE, OUT, WRITABLE | RECORDS), 0);
	x->during = write_meanwhile;
	assert_int_equal(fix_harvest(x, 0, PAGE, RECORDS), 0);
	x->during = NULL;
	x->model.at[0].attr |= RECORDS;
	assert_int_equal(harvest(x, 0, PAGE), 0); /* told again */
}

static void test_what_is_written_meanwhile_is_told_next(void **state)
{
	(void)state;
	each_policy(written_meanwhile);
}

/* ---- gw_touch ---- */

static void touches(struct fixture *x)
{
	const uint32_t sets[] = {GW_ACCESSED, GW_ACCESSED | GW_DIRTY};

	if (END)
		assert_false(gw_touch(x->pt, END, GW_ACCESSED));
	for (unsigned level = 0; level <= fix_leaf_level() && level < 3; level++)
		for (unsigned i = 0; i < LENGTH(sets); i++) {
			assert_false(fix_touch(x, S(level), sets[i]));
			assert_int_equal(fix_map(x, S(level), S(level), OUT, PLAIN), 0);
			assert_int_equal(fix_touch(x, S(level), sets[i]), i == 0);
			assert_int_equal(fix_protect(x, S(level), S(level), WRITABLE), 0);
			assert_int_equal(fix_touch(x, 2 * S(level) - PAGE, sets[i]),
					 i == 0 || WRITABLE != PLAIN);
			fix_verify(x);
			/* Nothing left to record is no failure. */
			assert_int_equal(fix_touch(x, 2 * S(level) - 1, sets[i]),
					 i == 0 || WRITABLE != PLAIN);
			fix_verify(x);
			if (RECORDS)
				assert_int_equal(harvest(x, S(level), PAGE), 0);
			unmap_ok(x, S(level), S(level));
			fix_reclaim(x, 0, UINT64_MAX);
		}
	assert_int_equal(x->f->nesting, 0);
}

static void test_touch_records_what_the_leaf_allows(void **state)
{
	(void)state;
	each_policy(touches);
}

/* Told by the release, if nobody harvests. */
static void touched_then_unmapped(struct fixture *x)
{
	map_ok(x, 0, S(1));
	assert_true(fix_touch(x, PAGE, GW_ACCESSED));
	assert_int_equal(fix_touch(x, PAGE, GW_ACCESSED | GW_DIRTY), WRITABLE != PLAIN);
	unmap_ok(x, 0, S(1));
	fake_drain(x->f);
	assert_int_equal(x->released, S(1));
}

static void test_release_tells_what_was_touched(void **state)
{
	(void)state;
	each_policy(touched_then_unmapped);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_cannot_be_taken_is_refused),
		cmocka_unit_test(test_every_set_of_attributes),
		cmocka_unit_test(test_pages_here_and_there),
		cmocka_unit_test(test_a_run_may_go_on_in_the_next_table),
		cmocka_unit_test(test_leaves_across_an_end_are_told_whole),
		cmocka_unit_test(test_both_ends_of_the_address_space),
		cmocka_unit_test(test_found_may_walk_and_update),
		cmocka_unit_test(test_what_is_written_meanwhile_is_told_next),
		cmocka_unit_test(test_touch_records_what_the_leaf_allows),
		cmocka_unit_test(test_release_tells_what_was_touched),
	};

	return cmocka_run_group_tests_name("harvest " GW_FMT_NAME, tests, NULL, NULL);
}
