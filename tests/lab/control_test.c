/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Negative controls: each broken scheme is caught, each time, by the invariant that it names; and
 * the same work on the sound ones is clean. */
#include "fixture.h"
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGES = 1024, CHILD_SECONDS = 20 };

/* ---- One scenario for each invariant that a scheme of the lab breaks ---- */

/* All tables of a page are deferred in one grace period. */
static void defer_all_at_once(struct fixture *x)
{
	fix_take(x, x->combo.tables);
	fix_enter(x, 0);
	fix_give_from(x, 0, FIX_DEFER);
	fix_leave(x, 0);
}

/* One table of a page is deferred, and nothing after it. */
static void defer_alone(struct fixture *x)
{
	fix_take(x, x->combo.tables);
	fix_give_from(x, 1, FIX_FREE);
	table_free_defer(x->mm, x->table[0]);
}

/* A page that is not cut to its end loses its mm after a deferral. */
static void end_a_cut_page(struct fixture *x)
{
	fix_take(x, x->combo.tables > 1 ? x->combo.tables - 1 : 1);
	fix_give_from(x, 0, FIX_DEFER);
	fix_end_mm(x);
}

static void call_nothing(struct gw_head *head)
{
	(void)head;
}

/* A grace period runs for table 0, held up by one reader, when a second reader enters and table 1
 * is deferred; then the first leaves. liburcu's grace periods wait for readers that come in their
 * first moments too: `nap` lets these pass. Some schemes queue nothing for table 0 yet: the call of
 * the test's own makes the grace period run.
 * Return: whether the grace period ended with the second reader still inside. */
static bool defer_late(struct fixture *x, unsigned nap)
{
	static struct gw_head head;
	uint64_t batches;

	lab_barrier(x->lab);
	fix_enter(x, 0);
	caller_hold(true);
	batches = caller_begun();
	table_free_defer(x->mm, x->table[0]);
	lab_env(x->lab)->defer(lab_env(x->lab), &head, call_nothing);
	caller_hold(false);
	caller_wait_begun(batches);
	usleep(nap * 1000);
	fix_enter(x, 1);
	table_free_defer(x->mm, x->table[1]);
	fix_leave(x, 0);
	return caller_wait_ended(batches, 50 * nap);
}

/* What the grace period released is given out: it must not be table 1. Then table 1 is the last
 * that holds its page. */
static void reuse_what_came_late(struct fixture *x)
{
	unsigned nap = 1, n = x->combo.tables > 2 ? x->combo.tables : 2;

	for (fix_take(x, n); !defer_late(x, nap); fix_take(x, n)) {
		fix_leave(x, 1);
		fix_give_from(x, 2, FIX_FREE);
		x->n = 0;
		nap *= 2;
		assert_true(nap <= 64);
	}
	fix_take(x, 2);
	fix_give_from(x, 2, FIX_FREE);
	fix_leave(x, 1);
}

static void (*const scenarios[LAB_INVARIANTS])(struct fixture *x) = {
	[LAB_QUEUED_TWICE] = defer_all_at_once,
	[LAB_LOST_TABLE] = defer_alone,
	[LAB_DIRTY_PAGE] = end_a_cut_page,
	[LAB_EARLY_REUSE] = reuse_what_came_late,
};

/* ---- Broken schemes, each in a process of its own: it may crash next ---- */

static int verdict_fd = -1; /* in a child: where the verdict goes */
static unsigned caught;

static void tell_verdict(const struct lab_breach *breach)
{
	unsigned char verdict = (unsigned char)breach->invariant;

	_exit(write(verdict_fd, &verdict, 1) == 1 ? 0 : 1);
}

static void play(const struct combo *combo, enum lab_invariant scenario)
{
	static struct fixture x;

	x = (struct fixture){.combo = *combo, .max = PAGES, .mms = 1, .on_breach = tell_verdict};
	alarm(CHILD_SECONDS);
	caller_register();
	fix_start(&x);
	scenarios[scenario](&x);
	fix_stop(&x);
	tell_verdict(&(struct lab_breach){0});
}

static enum lab_invariant verdict_of(const struct combo *combo, enum lab_invariant scenario)
{
	unsigned char verdict = 0;
	int fd[2];
	pid_t child;

	assert_int_equal(pipe(fd), 0);
	fflush(NULL);
	child = fork();
	assert_true(child >= 0);
	if (!child) {
		verdict_fd = fd[1];
		play(combo, scenario);
	}
	close(fd[1]);
	if (read(fd[0], &verdict, 1) != 1)
		verdict = LAB_INVARIANTS; /* it crashed or got stuck */
	close(fd[0]);
	waitpid(child, NULL, 0);
	return verdict;
}

static void catch_one(const struct combo *combo)
{
	enum lab_invariant breaks = combo_breaks(combo), verdict;
	char text[120];

	if (!breaks)
		return;
	combo_print(combo, text);
	assert_non_null(scenarios[breaks]);
	verdict = verdict_of(combo, breaks);
	if (verdict != breaks)
		fail_msg("%s: %s was not caught: verdict %d", text, lab_invariant_name(breaks),
			 (int)verdict);
	caught++;
}

static void test_each_broken_scheme_is_caught(void **state)
{
	(void)state;
	combo_each(catch_one);
	print_message("%u controls caught\n", caught);
	/* Two sizes of page; four schemes with faults, at 4, 5, 5, 4 and 4 numbers of tables. */
	assert_int_equal(caught, 2 * (4 + 5 + 5 + 4 + 4));
}

/* A child that failed an assertion must not go on as if it were the parent. */
static int leave_if_child(void **state)
{
	if (verdict_fd >= 0)
		_exit(1);
	return fix_tell_where(state);
}

/* ---- The same on sound schemes ---- */

static void play_clean(struct fixture *x)
{
	for (unsigned i = 0; i < LAB_INVARIANTS; i++) {
		if (!scenarios[i])
			continue;
		scenarios[i](x);
		if (x->mm)
			fix_end_mm(x);
		assert_int_equal(lab_settle(x->lab), 0);
		x->n = 0;
		x->mm = mm_alloc(x->lab);
		assert_non_null(x->mm);
	}
}

static void test_sound_schemes_pass_every_scenario(void **state)
{
	(void)state;
	fix_each(PAGES, 1, play_clean);
}

/* ---- The check by itself: what it sees, and what it must not see ---- */

static void free_twice(struct fixture *x)
{
	table_free(x->mm, x->table[0]);
	table_free(x->mm, x->table[0]);
	table_free(x->mm, x->table[1]);
}

static void free_under_a_reader(struct fixture *x)
{
	fix_enter(x, 0);
	for (unsigned i = 0; i < x->n; i++)
		table_unlinked(x->mm, x->table[i]);
	fix_give_from(x, 0, FIX_FREE);
}

static void link_under_a_reader(struct fixture *x)
{
	fix_enter(x, 0);
	table_unlinked(x->mm, x->table[0]);
	table_linked(x->mm, x->table[0]);
	fix_give_from(x, 0, FIX_FREE);
}

static void link_with_interrupts_off(struct fixture *x)
{
	reader_tell(&x->reader[0], x->lab, READER_IRQ_OFF);
	table_unlinked(x->mm, x->table[0]);
	table_linked(x->mm, x->table[0]);
	reader_tell(&x->reader[0], x->lab, READER_IRQ_ON);
	fix_give_from(x, 0, FIX_FREE);
}

static void link_after_the_reader(struct fixture *x)
{
	fix_enter(x, 0);
	table_unlinked(x->mm, x->table[0]);
	fix_leave(x, 0);
	fix_enter(x, 0);
	table_linked(x->mm, x->table[0]);
	fix_give_from(x, 0, FIX_FREE);
}

static void link_under_a_later_reader(struct fixture *x)
{
	table_unlinked(x->mm, x->table[0]);
	fix_enter(x, 0);
	table_linked(x->mm, x->table[0]);
	fix_give_from(x, 0, FIX_FREE);
}

/* The second word does not count: the grace period may have begun with the first. */
static void say_unlinked_again_under_a_reader(struct fixture *x)
{
	table_unlinked(x->mm, x->table[0]);
	fix_enter(x, 0);
	table_unlinked(x->mm, x->table[0]);
	table_linked(x->mm, x->table[0]);
	fix_give_from(x, 0, FIX_FREE);
}

static void remove_without_a_grace_period(struct fixture *x)
{
	fix_enter(x, 0);
	fix_give_from(x, 0, FIX_REMOVE);
	for (unsigned i = 0; i < x->n; i++)
		table_removed(x->mm, x->table[i]);
}

static void keep_one(struct fixture *x)
{
	fix_give_from(x, 1, FIX_FREE);
}

static void give_all_back(struct fixture *x)
{
	fix_give_from(x, 0, FIX_FREE);
}

static void test_the_check_sees_what_is_wrong_and_only_that(void **state)
{
	static const struct {
		void (*act)(struct fixture *x);
		enum lab_invariant want;
	} cases[] = {
		{free_twice, LAB_TWO_OWNERS},
		{free_under_a_reader, LAB_EARLY_REUSE},
		{link_under_a_reader, LAB_EARLY_REUSE},
		{link_with_interrupts_off, LAB_EARLY_REUSE},
		{link_after_the_reader, 0},
		{link_under_a_later_reader, 0},
		{say_unlinked_again_under_a_reader, 0},
		{remove_without_a_grace_period, LAB_EARLY_REUSE},
		{keep_one, LAB_LOST_TABLE},
		{give_all_back, 0},
	};
	static struct fixture x;
	unsigned switches;
	char why[160];

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		x = (struct fixture){
			.combo = {.page_bytes = 4096, .tables = 4}, .max = 8, .mms = 1};
		lab_scheme_parse("last-table-out", &x.combo.scheme, &switches, why);
		fix_start(&x);
		fix_take(&x, 4);
		cases[i].act(&x);
		assert_int_equal(fix_stop(&x), cases[i].want);
	}
}

static unsigned told;

static void count_breach(const struct lab_breach *breach)
{
	told += breach->invariant == LAB_FOREIGN_ENTRY && !strcmp(breach->text, "entry 7");
}

static void test_the_first_breach_is_told_once_and_kept(void **state)
{
	static struct fixture x;

	(void)state;
	x = (struct fixture){.combo = {.scheme = lab_scheme_at(0), .page_bytes = 4096, .tables = 1},
			     .max = 8,
			     .mms = 1,
			     .on_breach = count_breach};
	fix_start(&x);
	assert_false(lab_broken(x.lab));
	assert_int_equal(lab_breach(x.lab).invariant, 0);
	lab_break(x.lab, LAB_FOREIGN_ENTRY, "entry %d", 7);
	lab_break(x.lab, LAB_TWO_OWNERS, "another");
	assert_int_equal(told, 1);
	assert_true(lab_broken(x.lab));
	assert_int_equal(lab_breach(x.lab).more, 1);
	assert_string_equal(lab_breach(x.lab).text, "entry 7");
	assert_true(lab_settle(x.lab) < 0);
	assert_int_equal(fix_stop(&x), LAB_FOREIGN_ENTRY);
}

static void test_each_invariant_has_a_name_and_a_sentence(void **state)
{
	(void)state;
	for (int i = 1; i < LAB_INVARIANTS; i++) {
		assert_true(strlen(lab_invariant_name((enum lab_invariant)i)) > 4);
		assert_true(strlen(lab_invariant_text((enum lab_invariant)i)) > 20);
	}
}

int main(void)
{
	/* The controls first: once there are threads, no more forks. */
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_each_broken_scheme_is_caught, leave_if_child),
		cmocka_unit_test_teardown(test_sound_schemes_pass_every_scenario, leave_if_child),
		cmocka_unit_test(test_the_check_sees_what_is_wrong_and_only_that),
		cmocka_unit_test(test_the_first_breach_is_told_once_and_kept),
		cmocka_unit_test(test_each_invariant_has_a_name_and_a_sentence),
	};
	int failed;

	failed = cmocka_run_group_tests_name("lab control", tests, NULL, NULL);
	caller_stop();
	return failed;
}
