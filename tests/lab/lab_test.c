/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The lab itself: figures, the measure, its grace periods and interrupts, what it refuses. */
#include "fixture.h"
#include <errno.h>
#include <gracewalk/urcu.h>
#include <string.h>
#include <unistd.h>

enum { PAGES = 64, PAUSE_US = 500 };

/* ---- Figures ---- */

static void check_figures(struct fixture *x)
{
	struct lab_counters c;

	fix_take(x, 3);
	fix_give(x, 0, FIX_FREE);
	fix_give(x, 1, FIX_DEFER);
	fix_give(x, 2, FIX_REMOVE);
	lab_counters(x->lab, &c);
	assert_int_equal(c.allocs, 3);
	assert_int_equal(c.frees, 1);
	assert_int_equal(c.defers, 1);
	assert_int_equal(c.removes, 1);
	assert_int_equal(c.tables, 0);
	assert_int_equal(c.page_bytes, x->combo.page_bytes);
	assert_int_equal(c.table_bytes, x->bytes);
	assert_true(c.side_bytes >= 16);
	lab_env(x->lab)->synchronize(lab_env(x->lab));
	table_removed(x->mm, x->table[2]);
	fix_end_mm(x);
	lab_barrier(x->lab);
	lab_counters(x->lab, &c);
	assert_int_equal(c.pages, 0);
	assert_in_range(c.pages_peak, 1, c.pages_taken);
	assert_true(c.grace_periods > 0);
}

static void test_figures_add_up(void **state)
{
	(void)state;
	fix_each(PAGES, 1, check_figures);
}

/* Tables 1 to 3 keep the page: what waits turns into what is wasted, or free. Two were reused
 * before. */
static void measure_one(struct fixture *x)
{
	struct lab_counters c;

	fix_take(x, 4);
	fix_enter(x, 0);
	fix_give(x, 0, FIX_DEFER);
	usleep(PAUSE_US);
	lab_counters(x->lab, &c);
	assert_int_equal(c.waiting, 1);
	fix_leave(x, 0);
	lab_barrier(x->lab);
	lab_counters(x->lab, &c);
	assert_int_equal(c.waiting, 0);
	assert_int_equal(c.reuse.count, 2);
	for (unsigned i = 1; i < 4; i++)
		fix_give(x, i, FIX_FREE);
	lab_barrier(x->lab);
	lab_counters(x->lab, &c);
	assert_int_equal(c.reuse.count, 3);
	assert_true(c.reuse.worst >= PAUSE_US * 1000);
}

/* Tables 0 and 1 come back by a batch ahead of the measure's own grace periods. */
static void measure_a_batch(struct fixture *x)
{
	struct lab_counters c;

	fix_take(x, 4);
	caller_hold(true);
	for (unsigned i = 0; i < 4; i++)
		fix_give(x, i, i < 2 ? FIX_REMOVE : FIX_FREE);
	lab_env(x->lab)->synchronize(lab_env(x->lab));
	for (unsigned i = 0; i < 2; i++)
		table_removed(x->mm, x->table[i]);
	lab_counters(x->lab, &c);
	caller_hold(false);
	assert_int_equal(c.pages, 0);
	assert_int_equal(c.waiting, 0);
	assert_int_equal(c.reuse.count, 2);
}

static void measure_both(struct fixture *x)
{
	struct lab_counters c;

	measure_a_batch(x);
	lab_barrier(x->lab);
	lab_counters(x->lab, &c);
	assert_int_equal(c.waiting, 0);
	x->n = 0;
	measure_one(x);
}

static void test_the_measure_tells_waiting_from_wasted(void **state)
{
	static const char *const words[] = {"head-per-table", "biased-refcount",
					    "last-table-out", "side-struct:queue-test,full-period",
					    "three-states",   NULL};

	(void)state;
	fix_on(words,
	       (struct fixture){.combo = {.page_bytes = 4096, .tables = 4},
				.max = 8,
				.mms = 1,
				.watch = LAB_MEASURE},
	       measure_both);
}

/* ---- Grace periods ---- */

extern const struct rcu_flavor_struct urcu_memb_flavor;

static void defer_all_and_end(struct fixture *x)
{
	fix_take(x, 2 * x->combo.tables + 1);
	fix_enter(x, 0);
	fix_give_from(x, 0, FIX_DEFER);
	fix_end_mm(x);
	fix_expect(x, 0, x->n);
	fix_leave(x, 0);
	lab_barrier(x->lab);
	assert_int_equal(fix_pages(x), 0);
}

/* All else runs with deferred calls of the test's own. */
static void test_liburcus_own_deferred_calls(void **state)
{
	static const char *const words[] = {"head-per-page:own-page",
					    "head-per-table",
					    "side-struct:queue-test,full-period",
					    "biased-refcount",
					    "last-table-out",
					    "halves",
					    "three-states",
					    NULL};

	(void)state;
	fix_on(words,
	       (struct fixture){.combo = {.page_bytes = 4096, .tables = 2},
				.max = 64,
				.mms = 1,
				.flavour = &urcu_memb_flavor},
	       defer_all_and_end);
}

static struct {
	const struct rcu_flavor_struct *fast;
	struct gw_env *env;
	struct gw_head first, second;
	sem_t queueing;
	_Atomic bool inside, ran;
} slow;

/* A call that is made by a call is long in the making, and long itself. */
static void slow_call(struct rcu_head *head, void (*fn)(struct rcu_head *head))
{
	if (slow.inside) {
		sem_post(&slow.queueing);
		usleep(10 * PAUSE_US);
	}
	slow.fast->update_call_rcu(head, fn);
}

static void second_call(struct gw_head *head)
{
	(void)head;
	usleep(10 * PAUSE_US);
	slow.ran = true;
}

static void first_call(struct gw_head *head)
{
	(void)head;
	slow.inside = true;
	slow.env->defer(slow.env, &slow.second, second_call);
	slow.inside = false;
}

/* A call was counted, then queued: a drain that began in between saw the count, did not wait for
 * the call, and saw the same count again. Pages came back after lab_barrier. */
static void test_a_drain_waits_for_a_call_that_is_just_being_queued(void **state)
{
	struct rcu_flavor_struct flavour = *caller_flavour();

	(void)state;
	slow.fast = caller_flavour();
	flavour.update_call_rcu = slow_call;
	slow.env = gw_urcu_create(&flavour);
	assert_non_null(slow.env);
	assert_int_equal(sem_init(&slow.queueing, 0, 0), 0);
	slow.env->defer(slow.env, &slow.first, first_call);
	while (sem_wait(&slow.queueing))
		;
	gw_urcu_drain(slow.env);
	assert_true(slow.ran);
	gw_urcu_destroy(slow.env);
	sem_destroy(&slow.queueing);
}

/* ---- What is refused ---- */

static const struct lab_scheme *scheme_named(const char *name)
{
	const struct lab_scheme *scheme;
	unsigned switches;
	char why[160];

	assert_int_equal(lab_scheme_parse(name, &scheme, &switches, why), 0);
	return scheme;
}

static void test_options_that_cannot_be_are_refused_with_a_sentence(void **state)
{
	static const struct {
		const char *scheme;
		size_t page_bytes;
		unsigned tables;
		uint64_t max_bytes;
		unsigned mms;
		const char *why;
	} cases[] = {
		{"three-states", 2048, 1, 0, 1, "2048 bytes"},
		{"three-states", 12288, 1, 0, 1, "12288 bytes"},
		{"three-states", 131072, 1, 0, 1, "131072 bytes"},
		{"three-states", 0, 1, 0, 1, "0 bytes"},
		{"three-states", 4096, 0, 0, 1, "not 0"},
		{"three-states", 4096, 3, 0, 1, "not 3"},
		{"three-states", 4096, 512, 0, 1, "not 512"},
		{"halves", 4096, 4, 0, 1, "at most 2"},
		{"last-table-out", 65536, 16, 65535, 1, "a page each"},
		{"last-table-out", 65536, 16, 65536, 2, "a page each"},
		{"last-table-out", 4096, 16, 0, 65, "64 mms"},
		{"last-table-out", 4096, 16, 1ull << 44, 1, "16 TiB"},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct lab_options options = {
			.scheme = scheme_named(cases[i].scheme),
			.flavour = caller_flavour(),
			.page_bytes = cases[i].page_bytes,
			.tables_per_page = cases[i].tables,
			.max_bytes = cases[i].max_bytes,
			.mms_max = cases[i].mms,
		};
		struct lab *lab;
		char why[160] = "";

		assert_int_equal(lab_create(&options, &lab, why), -EINVAL);
		assert_non_null(strstr(why, cases[i].why));
	}
}

static void test_schemes_are_found_by_name(void **state)
{
	static const struct {
		const char *word, *name;
		unsigned switches;
	} cases[] = {
		{"head-per-page", "head-per-page", 0},
		{"head-per-page:own-page", "head-per-page", 1},
		{"side-struct:queue-test", "side-struct", 1},
		{"side-struct:full-period", "side-struct", 2},
		{"side-struct:full-period,queue-test", "side-struct", 3},
		{"side-struct:queue-test,queue-test", "side-struct", 1},
		{"last-table-out:keep-mark", "last-table-out", 1},
		{"halves", "halves", 0},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct lab_scheme *scheme;
		unsigned switches = 99;
		char why[160];

		assert_int_equal(lab_scheme_parse(cases[i].word, &scheme, &switches, why), 0);
		assert_string_equal(scheme->name, cases[i].name);
		assert_int_equal(switches, cases[i].switches);
	}
	for (unsigned i = 0; lab_scheme_at(i); i++)
		assert_ptr_equal(scheme_named(lab_scheme_at(i)->name), lab_scheme_at(i));
}

static void test_words_that_name_no_scheme_are_refused(void **state)
{
	static const struct {
		const char *word, *why;
	} cases[] = {
		{"", "no scheme \"\""},
		{"half", "no scheme \"half\""},
		{"halves2", "no scheme \"halves2\""},
		{"Halves", "no scheme \"Halves\""},
		{":own-page", "no scheme \"\""},
		{"halves:", "no switch \"\""},
		{"halves:own-page", "halves has no switch \"own-page\""},
		{"side-struct:queue", "no switch \"queue\""},
		{"side-struct:queue-test,", "no switch \"\""},
		{"side-struct:,queue-test", "no switch \"\""},
		{"side-struct:queue-test;x", "no switch \"queue-test;x\""},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct lab_scheme *scheme;
		unsigned switches;
		char why[160] = "";

		assert_int_equal(lab_scheme_parse(cases[i].word, &scheme, &switches, why), -EINVAL);
		assert_non_null(strstr(why, cases[i].why));
	}
}

/* ---- Interrupts ---- */

static void *rendezvous(void *lab)
{
	lab_ipi_sync(lab);
	return lab;
}

/* Reader 0 is in an RCU section all the time. */
static void meet(struct fixture *x)
{
	pthread_t thread;

	fix_enter(x, 0);
	lab_ipi_sync(x->lab);
	reader_tell(&x->reader[1], x->lab, READER_IRQ_OFF);
	assert_int_equal(pthread_create(&thread, NULL, rendezvous, x->lab), 0);
	usleep(40 * PAUSE_US);
	assert_int_equal(pthread_tryjoin_np(thread, NULL), EBUSY);
	reader_tell(&x->reader[1], x->lab, READER_IRQ_ON);
	assert_int_equal(pthread_join(thread, NULL), 0);
}

static void test_a_rendezvous_waits_for_interrupts_and_not_for_rcu(void **state)
{
	static const char *const words[] = {"halves", NULL};

	(void)state;
	fix_on(words,
	       (struct fixture){.combo = {.page_bytes = 4096, .tables = 2}, .max = 8, .mms = 1},
	       meet);
}

#define TEST(f) cmocka_unit_test_teardown(f, fix_tell_where)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_figures_add_up),
		TEST(test_the_measure_tells_waiting_from_wasted),
		TEST(test_liburcus_own_deferred_calls),
		TEST(test_a_drain_waits_for_a_call_that_is_just_being_queued),
		TEST(test_options_that_cannot_be_are_refused_with_a_sentence),
		TEST(test_schemes_are_found_by_name),
		TEST(test_words_that_name_no_scheme_are_refused),
		TEST(test_a_rendezvous_waits_for_interrupts_and_not_for_rcu),
	};
	int failed;

	caller_register();
	failed = cmocka_run_group_tests_name("lab", tests, NULL, NULL);
	caller_stop();
	caller_unregister();
	return failed;
}
