/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * What every sound scheme of the lab does, at every size; and what each promises of reuse. */
#include "fixture.h"
#include "page.h"
#include <string.h>
#include <unistd.h>

enum { PAGES = 1024, PAUSE_US = 500 };

/* ---- Ways to give tables back ---- */

static void all_removed(struct fixture *x, struct mm *mm)
{
	struct gw_env *env = lab_env(x->lab);

	env->synchronize(env);
	for (unsigned i = 0; i < x->n; i++)
		table_removed(mm, x->table[i]);
}

/* The marks are there of all that was not freed at once. */
static void expect_deferred(const struct fixture *x, enum fix_way way)
{
	for (unsigned i = 0; i < x->n; i += way == FIX_MIXED ? 2 : 1)
		fix_expect(x, i, i + 1);
}

/* Pages that are held while the deferred of x->n tables, which fill their pages, wait. */
static uint64_t pages_waiting(const struct fixture *x, enum fix_way way)
{
	return x->in_page == 1 && way == FIX_MIXED ? (x->n + 1) / 2 : fix_pages_for(x, x->n);
}

/* Long enough for a grace period that does not wait, and for what it would release. */
static void let_time_pass(void)
{
	usleep(PAUSE_US);
}

/* ---- Tables ---- */

static void check_places(const struct fixture *x)
{
	static unsigned char seen[PAGES * LAB_TABLES_PER_PAGE_MAX];

	memset(seen, 0, sizeof(seen));
	for (unsigned i = 0; i < x->n; i++) {
		size_t offset = (size_t)((unsigned char *)x->table[i] - x->lab->arena);

		assert_true(offset < (size_t)PAGES * x->combo.page_bytes);
		assert_int_equal((uintptr_t)x->table[i] % x->bytes, 0);
		assert_int_equal(seen[offset / x->bytes]++, 0);
	}
}

/* fix_take looks for the zeroes. */
static void tables_are_zero_and_apart(struct fixture *x)
{
	unsigned n = 2 * x->combo.tables + 1;

	assert_int_equal(x->bytes, x->combo.page_bytes / x->combo.tables);
	for (unsigned round = 0; round < 4; round++) {
		x->n = 0;
		fix_take(x, n);
		check_places(x);
		fix_expect(x, 0, n);
		fix_give_from(x, 0, round % 2 ? FIX_DEFER : FIX_FREE);
		lab_barrier(x->lab);
	}
}

static void test_tables_lie_apart_in_the_arena_and_read_as_zeroes(void **state)
{
	(void)state;
	/* Two sizes of page; 1, 2, 4, 16 and 256 tables for the six words that are sound for all, 1
	 * for the three that are sound for that alone, 1 and 2 for halves. */
	assert_int_equal(fix_each(PAGES, 1, tables_are_zero_and_apart), 2 * (6 * 5 + 3 + 2));
}

/* ---- A page comes back ---- */

static void free_a_page(struct fixture *x)
{
	fix_take(x, x->combo.tables);
	assert_int_equal(fix_pages(x), fix_pages_for(x, x->n));
	for (unsigned i = 0; i < x->n; i++) {
		fix_expect(x, i, x->n);
		fix_give(x, i, FIX_FREE);
	}
	assert_int_equal(fix_pages(x), 0);
	assert_int_equal(fix_calls(x), 0);
}

static void test_an_ordinary_free_gives_the_page_back_at_once(void **state)
{
	(void)state;
	fix_each(PAGES, 1, free_a_page);
}

static void defer_under_a_reader(struct fixture *x)
{
	for (enum fix_way way = FIX_DEFER; way <= FIX_MIXED; way++) {
		x->n = 0;
		fix_take(x, x->combo.tables);
		fix_enter(x, 0);
		fix_give_from(x, 0, way);
		let_time_pass();
		assert_int_equal(fix_pages(x), pages_waiting(x, way));
		expect_deferred(x, way);
		fix_leave(x, 0);
		lab_barrier(x->lab);
		assert_int_equal(fix_pages(x), 0);
	}
}

static void test_deferred_tables_stay_until_the_reader_has_left(void **state)
{
	(void)state;
	fix_each(PAGES, 1, defer_under_a_reader);
}

/* The last one is freed the ordinary way, which must not overtake the others. */
static void free_after_deferrals(struct fixture *x)
{
	unsigned last = x->combo.tables - 1;

	fix_take(x, x->combo.tables);
	fix_enter(x, 0);
	for (unsigned i = 0; i < last; i++)
		fix_give(x, i, FIX_DEFER);
	fix_give(x, last, FIX_FREE);
	fix_expect(x, 0, last);
	fix_leave(x, 0);
	lab_barrier(x->lab);
	assert_int_equal(fix_pages(x), 0);
}

static void test_an_ordinary_free_does_not_overtake_deferrals(void **state)
{
	(void)state;
	fix_each(PAGES, 1, free_after_deferrals);
}

static void defer_one_by_one(struct fixture *x)
{
	for (enum fix_way way = FIX_DEFER; way <= FIX_MIXED; way++) {
		x->n = 0;
		fix_take(x, x->combo.tables);
		for (unsigned i = 0; i < x->n; i++) {
			fix_expect(x, i, x->n);
			fix_give(x, i, way);
			lab_barrier(x->lab);
		}
		assert_int_equal(fix_pages(x), 0);
	}
}

static void test_deferrals_one_by_one_give_the_page_back(void **state)
{
	(void)state;
	fix_each(PAGES, 1, defer_one_by_one);
}

/* This thread is registered with liburcu, and a walker as others are. It asserts nothing inside: a
 * failure would leave the section open. */
static void defer_inside_a_section(struct fixture *x)
{
	struct lab_walker *self = lab_walker_add(x->lab);
	uint64_t pages;
	bool same = true;

	fix_take(x, x->combo.tables);
	lab_rcu_read_lock(self);
	fix_give_from(x, 0, FIX_DEFER);
	let_time_pass();
	for (unsigned i = 0; i < x->n; i++)
		same &= fix_filled(x->table[i], x->bytes, fix_mark(i));
	pages = fix_pages(x);
	lab_rcu_read_unlock(self);
	lab_walker_remove(self);
	assert_true(same);
	assert_int_equal(pages, pages_waiting(x, FIX_DEFER));
	lab_barrier(x->lab);
	assert_int_equal(fix_pages(x), 0);
}

static void test_deferral_from_inside_a_section(void **state)
{
	(void)state;
	fix_each(PAGES, 1, defer_inside_a_section);
}

/* ---- The mm's end ---- */

static void end_with_deferrals(struct fixture *x)
{
	fix_take(x, 2 * x->combo.tables + 1);
	fix_enter(x, 0);
	fix_give_from(x, 0, FIX_DEFER);
	fix_end_mm(x);
	let_time_pass();
	assert_int_equal(fix_pages(x), fix_pages_for(x, x->n));
	fix_expect(x, 0, x->n);
	fix_leave(x, 0);
	lab_barrier(x->lab);
	assert_int_equal(fix_pages(x), 0);
}

static void test_an_mm_ends_with_deferrals_in_flight(void **state)
{
	(void)state;
	fix_each(PAGES, 1, end_with_deferrals);
}

static void end_after(struct fixture *x, unsigned n, enum fix_way way)
{
	x->n = 0;
	fix_take(x, n);
	fix_give_from(x, 0, way);
	fix_end_mm(x);
	lab_barrier(x->lab);
	assert_int_equal(fix_pages(x), 0);
	x->mm = mm_alloc(x->lab);
	assert_non_null(x->mm);
}

static void end_with_half_cut_pages(struct fixture *x)
{
	const unsigned n[] = {1, x->combo.tables / 2, x->combo.tables - 1, x->combo.tables + 1};

	for (unsigned i = 0; i < 4; i++)
		for (enum fix_way way = FIX_FREE; way <= FIX_MIXED; way++)
			end_after(x, n[i], way);
}

static void test_an_mm_ends_with_pages_that_are_not_cut_to_their_end(void **state)
{
	(void)state;
	fix_each(PAGES, 1, end_with_half_cut_pages);
}

/* ---- Batches ---- */

static void remove_tables(struct fixture *x)
{
	fix_take(x, x->combo.tables);
	fix_enter(x, 0);
	fix_give_from(x, 0, FIX_REMOVE);
	fix_expect(x, 0, x->n);
	assert_int_equal(fix_pages(x), fix_pages_for(x, x->n));
	fix_leave(x, 0);
	all_removed(x, x->mm);
	assert_int_equal(fix_pages(x), 0);
	assert_int_equal(fix_calls(x), 0);
}

static void test_a_batch_gives_tables_back_after_its_grace_period(void **state)
{
	(void)state;
	fix_each(PAGES, 1, remove_tables);
}

static void remove_beyond_the_end(struct fixture *x)
{
	struct mm *mm = x->mm;

	fix_take(x, x->combo.tables + 1);
	mmgrab(mm);
	fix_give_from(x, 0, FIX_REMOVE);
	fix_end_mm(x);
	fix_expect(x, 0, x->n);
	all_removed(x, mm);
	mmdrop(mm);
	lab_barrier(x->lab);
	assert_int_equal(fix_pages(x), 0);
}

static void test_a_batch_ends_after_its_mm(void **state)
{
	(void)state;
	fix_each(PAGES, 1, remove_beyond_the_end);
}

/* Tables 0, 3, 6 are removed, 1, 4, 7 deferred, 2, 5, 8 freed. */
static void mix_all_ways(struct fixture *x)
{
	static const enum fix_way ways[] = {FIX_REMOVE, FIX_DEFER, FIX_FREE};
	struct gw_env *env = lab_env(x->lab);

	fix_take(x, 2 * x->combo.tables);
	for (unsigned i = 0; i < x->n; i++)
		fix_give(x, i, ways[i % 3]);
	env->synchronize(env);
	for (unsigned i = 0; i < x->n; i += 3)
		table_removed(x->mm, x->table[i]);
	lab_barrier(x->lab);
	assert_int_equal(fix_pages(x), 0);
}

static void test_removals_deferrals_and_frees_of_one_page(void **state)
{
	(void)state;
	fix_each(PAGES, 1, mix_all_ways);
}

/* ---- Several mms ---- */

enum { MMS = 3 };

static void check_pages_apart(const struct fixture *x)
{
	for (unsigned i = 0; i < x->n; i++)
		for (unsigned j = i % MMS ? 0 : 1; j < x->n; j += MMS)
			assert_false(i % MMS != j % MMS &&
				     fix_same_page(x, x->table[i], x->table[j]));
}

static void mms_side_by_side(struct fixture *x)
{
	struct mm *mm[MMS] = {x->mm, mm_alloc(x->lab), mm_alloc(x->lab)};
	unsigned each = x->combo.tables + x->combo.tables / 2;

	if (each * MMS > FIX_TABLES)
		each = FIX_TABLES / MMS;
	for (unsigned i = 0; i < each * MMS; i++) {
		x->mm = mm[i % MMS];
		fix_take(x, 1);
	}
	check_pages_apart(x);
	for (unsigned gone = 0; gone < MMS; gone++) {
		x->mm = mm[gone];
		for (unsigned i = gone; i < x->n; i += MMS)
			fix_give(x, i, i / MMS % 3 ? FIX_DEFER : FIX_FREE);
		fix_end_mm(x);
		lab_barrier(x->lab);
		for (unsigned i = 0; i < x->n; i++)
			if (i % MMS > gone)
				fix_expect(x, i, i + 1);
		assert_int_equal(fix_pages(x), (MMS - 1 - gone) * fix_pages_for(x, each));
	}
}

static void test_mms_share_no_page_and_end_one_by_one(void **state)
{
	(void)state;
	fix_each(PAGES, MMS, mms_side_by_side);
}

/* ---- Out of memory ---- */

static void run_out(struct fixture *x)
{
	unsigned room = 2 * x->in_page;

	for (unsigned round = 0; round < 4; round++) {
		x->n = 0;
		fix_take(x, room);
		assert_null(table_alloc(x->mm));
		assert_null(table_alloc(x->mm));
		assert_int_equal(fix_pages(x), 2);
		fix_expect(x, 0, room);
		fix_give_from(x, 0, (enum fix_way)(round % 3));
		lab_barrier(x->lab);
		assert_int_equal(fix_pages(x), 0);
	}
}

static void test_no_memory_is_null_and_breaks_nothing(void **state)
{
	(void)state;
	fix_each(2, 1, run_out);
}

/* ---- What each scheme promises ---- */

enum reuse {
	BY_PAGE,  /* only with its page */
	BY_HALF,  /* at once, unless the page is marked by a deferral */
	BY_TABLE, /* each by itself */
};

enum calls {
	ONE_A_TABLE,
	ONE_A_PAGE,
	ONE_IN_FLIGHT, /* a page; one more for those that came late */
};

static const struct promise {
	const char *scheme;
	enum reuse reuse;
	enum calls calls;
} promises[] = {
	{"head-per-page", BY_PAGE, ONE_A_TABLE},   {"head-per-table", BY_PAGE, ONE_A_TABLE},
	{"side-struct", BY_TABLE, ONE_IN_FLIGHT},  {"biased-refcount", BY_PAGE, ONE_IN_FLIGHT},
	{"last-table-out", BY_PAGE, ONE_A_PAGE},   {"halves", BY_HALF, ONE_A_PAGE},
	{"three-states", BY_TABLE, ONE_IN_FLIGHT},
};

static const struct promise *promise_of(const struct fixture *x)
{
	unsigned i = 0;

	while (strcmp(promises[i].scheme, x->combo.scheme->name))
		assert_true(++i < sizeof(promises) / sizeof(promises[0]));
	return &promises[i];
}

static void count_calls(struct fixture *x)
{
	enum calls calls = promise_of(x)->calls;
	unsigned n;

	fix_take(x, x->in_page);
	fix_enter(x, 0);
	fix_give_from(x, 0, FIX_DEFER);
	n = calls == ONE_A_TABLE ? x->in_page : 1;
	assert_int_equal(fix_calls(x), n);
	fix_leave(x, 0);
	lab_barrier(x->lab);
	n += calls == ONE_IN_FLIGHT && x->in_page > 1;
	assert_true(fix_calls(x) <= n);
	assert_int_equal(fix_pages(x), 0);
}

static void test_each_scheme_queues_as_many_calls_as_it_says(void **state)
{
	(void)state;
	fix_each(PAGES, 1, count_calls);
}

/* A lone deferral by a page's neighbours: no call for it, where the last one out makes the call. */
static void count_a_lone_call(struct fixture *x)
{
	unsigned last = x->in_page - 1;
	uint64_t n = promise_of(x)->calls != ONE_A_PAGE || !last;

	fix_take(x, x->in_page);
	fix_give(x, 0, FIX_DEFER);
	lab_barrier(x->lab);
	assert_int_equal(fix_calls(x), n);
	for (unsigned i = 1; i <= last; i++)
		fix_give(x, i, FIX_FREE);
	assert_int_equal(fix_calls(x), 1);
}

static void test_a_lone_deferral_queues_one_call(void **state)
{
	(void)state;
	fix_each(PAGES, 1, count_a_lone_call);
}

static void expect_page_untouched(const struct fixture *x, unsigned from)
{
	for (unsigned i = from; i < x->n; i++)
		assert_false(fix_same_page(x, x->table[i], x->table[0]));
}

/* Half of a page is freed, in either way, and its grace period over: none of it is given out. */
static void fragments_wait_for_their_page(struct fixture *x)
{
	unsigned n = x->in_page, half = n / 2;

	if (promise_of(x)->reuse != BY_PAGE || n == 1)
		return;
	for (enum fix_way way = FIX_FREE; way <= FIX_MIXED; way++) {
		x->n = 0;
		fix_take(x, n);
		for (unsigned i = 0; i < half; i++)
			fix_give(x, i, way);
		lab_barrier(x->lab);
		fix_take(x, n);
		expect_page_untouched(x, n);
		fix_expect(x, half, x->n);
		assert_int_equal(fix_pages(x), 2);
		for (unsigned i = half; i < x->n; i++)
			fix_give(x, i, way);
		lab_barrier(x->lab);
		assert_int_equal(fix_pages(x), 0);
	}
}

static void test_fragments_are_given_out_once_in_the_life_of_their_page(void **state)
{
	(void)state;
	fix_each(PAGES, 1, fragments_wait_for_their_page);
}

/* Each table of a full page in turn is given back, and given out again at once or after its grace
 * period; its neighbours notice nothing. */
static void tables_come_again(struct fixture *x)
{
	unsigned n = x->in_page;

	if (promise_of(x)->reuse != BY_TABLE || n == 1)
		return;
	fix_take(x, n);
	for (unsigned i = 0; i < n; i++) {
		void *table = x->table[i];

		fix_give(x, i, i % 2 ? FIX_FREE : FIX_DEFER);
		lab_barrier(x->lab);
		fix_expect(x, 0, i);
		fix_expect(x, i + 1, n);
		x->n = i;
		fix_take(x, 1);
		assert_ptr_equal(x->table[i], table);
		assert_int_equal(fix_pages(x), 1);
		x->n = n;
	}
	fix_give_from(x, 0, FIX_FREE);
}

static void test_tables_come_again_while_their_neighbours_are_in_use(void **state)
{
	(void)state;
	fix_each(PAGES, 1, tables_come_again);
}

/* While its grace period runs a deferred table is not given out. */
static void tables_wait(struct fixture *x)
{
	unsigned n = x->in_page;

	fix_take(x, n);
	fix_enter(x, 0);
	fix_give(x, 0, FIX_DEFER);
	fix_take(x, n);
	for (unsigned i = n; i < x->n; i++)
		assert_ptr_not_equal(x->table[i], x->table[0]);
	fix_expect(x, 0, x->n);
	for (unsigned i = 1; i < x->n; i++)
		fix_give(x, i, FIX_FREE);
	fix_expect(x, 0, 1);
	fix_leave(x, 0);
	lab_barrier(x->lab);
	assert_int_equal(fix_pages(x), 0);
}

static void test_a_waiting_table_is_not_given_out(void **state)
{
	(void)state;
	fix_each(PAGES, 1, tables_wait);
}

static bool has_halves(const struct fixture *x)
{
	return promise_of(x)->reuse == BY_HALF && x->in_page == 2;
}

/* Takes one table and says whether it is table `i`; x->n stays. */
static bool comes_again(struct fixture *x, unsigned i)
{
	void *table = x->table[i];

	x->n = i;
	fix_take(x, 1);
	x->n = 2;
	return x->table[i] == table;
}

static void a_freed_half_comes_again(struct fixture *x)
{
	if (!has_halves(x))
		return;
	fix_take(x, 2);
	for (unsigned i = 0; i < 4; i++) {
		fix_give(x, i % 2, FIX_FREE);
		assert_true(comes_again(x, i % 2));
		fix_expect(x, 0, 2);
	}
	fix_give_from(x, 0, FIX_FREE);
	assert_int_equal(fix_pages(x), 0);
}

/* One half is deferred: its page is marked, and gives out neither half until it went back. */
static void a_marked_page_gives_out_nothing(struct fixture *x)
{
	if (!has_halves(x))
		return;
	for (unsigned i = 0; i < 2; i++) {
		x->n = 0;
		fix_take(x, 2);
		fix_give(x, i, FIX_DEFER);
		lab_barrier(x->lab);
		fix_take(x, 4);
		expect_page_untouched(x, 2);
		assert_int_equal(fix_pages(x), 3);
		caller_hold(true);
		for (unsigned j = 0; j < x->n; j++)
			if (j != i)
				fix_give(x, j, FIX_FREE);
		assert_int_equal(fix_pages(x), 1);
		caller_hold(false);
		lab_barrier(x->lab);
		assert_int_equal(fix_pages(x), 0);
	}
}

/* A half that a batch has removed is pending: it is not given out before the batch is done, and
 * its sibling is, as before. */
static void a_pending_half_waits(struct fixture *x)
{
	struct gw_env *env = lab_env(x->lab);
	void *pending;

	if (!has_halves(x))
		return;
	fix_take(x, 2);
	pending = x->table[0];
	fix_give(x, 0, FIX_REMOVE);
	assert_false(comes_again(x, 0));
	table_free(x->mm, x->table[0]);
	x->table[0] = pending;
	env->synchronize(env);
	table_removed(x->mm, pending);
	assert_true(comes_again(x, 0));
	fix_give_from(x, 0, FIX_FREE);
	assert_int_equal(fix_pages(x), 0);
}

static void test_a_half_that_was_freed_comes_again(void **state)
{
	(void)state;
	fix_each(PAGES, 1, a_freed_half_comes_again);
}

static void test_a_page_with_a_deferred_half_gives_out_nothing(void **state)
{
	(void)state;
	fix_each(PAGES, 1, a_marked_page_gives_out_nothing);
}

static void test_a_half_in_a_batch_waits_for_it(void **state)
{
	(void)state;
	fix_each(PAGES, 1, a_pending_half_waits);
}

#define TEST(f) cmocka_unit_test_teardown(f, fix_tell_where)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_tables_lie_apart_in_the_arena_and_read_as_zeroes),
		TEST(test_an_ordinary_free_gives_the_page_back_at_once),
		TEST(test_deferred_tables_stay_until_the_reader_has_left),
		TEST(test_an_ordinary_free_does_not_overtake_deferrals),
		TEST(test_deferrals_one_by_one_give_the_page_back),
		TEST(test_deferral_from_inside_a_section),
		TEST(test_an_mm_ends_with_deferrals_in_flight),
		TEST(test_an_mm_ends_with_pages_that_are_not_cut_to_their_end),
		TEST(test_a_batch_gives_tables_back_after_its_grace_period),
		TEST(test_a_batch_ends_after_its_mm),
		TEST(test_removals_deferrals_and_frees_of_one_page),
		TEST(test_mms_share_no_page_and_end_one_by_one),
		TEST(test_no_memory_is_null_and_breaks_nothing),
		TEST(test_each_scheme_queues_as_many_calls_as_it_says),
		TEST(test_a_lone_deferral_queues_one_call),
		TEST(test_fragments_are_given_out_once_in_the_life_of_their_page),
		TEST(test_tables_come_again_while_their_neighbours_are_in_use),
		TEST(test_a_waiting_table_is_not_given_out),
		TEST(test_a_half_that_was_freed_comes_again),
		TEST(test_a_page_with_a_deferred_half_gives_out_nothing),
		TEST(test_a_half_in_a_batch_waits_for_it),
	};
	int failed;

	caller_register();
	failed = cmocka_run_group_tests_name("lab scheme", tests, NULL, NULL);
	caller_stop();
	caller_unregister();
	return failed;
}
