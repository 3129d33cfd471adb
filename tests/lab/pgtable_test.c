/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The lab's address space: what updaters do, what walkers may see, and the traps of the record. */
#include "pgtable.h"
#include "gather.h"
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>
#include <urcu/flavor.h>
/* cmocka wants the four above it */
#include <cmocka.h>

extern const struct rcu_flavor_struct urcu_memb_flavor;

enum { PAGE = 4096, TABLES = 4 };

/* A lab of three states with one address space, and the test's own thread as a walker. */
struct space {
	struct lab *lab;
	struct pgtable *pgtable;
	struct lab_walker *walker;
	uint64_t span;
};

static struct space space_open(const char *scheme, struct pgtable_options options)
{
	struct lab_options lab_options = {
		.flavour = &urcu_memb_flavor,
		.page_bytes = PAGE,
		.tables_per_page = TABLES,
		.watch = LAB_CHECK,
	};
	struct space space;
	char why[160];

	assert_return_code(
		lab_scheme_parse(scheme, &lab_options.scheme, &lab_options.switches, why), 0);
	assert_return_code(lab_create(&lab_options, &space.lab, why), 0);
	options.lab = space.lab;
	options.top = options.top ? options.top : 1ull << 40;
	options.leaf_bytes = options.leaf_bytes ? options.leaf_bytes : PAGE;
	assert_return_code(pgtable_create(&options, &space.pgtable), 0);
	space.walker = lab_walker_add(space.lab);
	space.span = pgtable_span(space.pgtable);
	return space;
}

/* Return: the invariant that was broken at any time. */
static enum lab_invariant space_close(struct space *space)
{
	enum lab_invariant broken;

	pgtable_destroy(space->pgtable);
	lab_walker_remove(space->walker);
	lab_settle(space->lab);
	broken = lab_breach(space->lab).invariant;
	lab_destroy(space->lab);
	return broken;
}

static bool present(const struct space *space, uint64_t addr)
{
	bool rcu = pgtable_present(space->pgtable, space->walker, LAB_WALK_RCU, addr);

	assert_int_equal(rcu, pgtable_present(space->pgtable, space->walker, LAB_WALK_IRQ, addr));
	return rcu;
}

static uint64_t tables(const struct space *space)
{
	struct lab_counters counters;

	lab_counters(space->lab, &counters);
	return counters.tables;
}

/* ---- Updaters ---- */

static void maps_and_unmaps(void **state)
{
	struct space s = space_open("three-states", (struct pgtable_options){0});

	(void)state;
	assert_int_equal(s.span, PAGE / TABLES / 8 * PAGE);
	assert_return_code(pgtable_map(s.pgtable, s.span - PAGE, 2 * PAGE), 0);
	assert_int_equal(tables(&s), 2);
	assert_true(present(&s, s.span - PAGE) && present(&s, s.span));
	assert_false(present(&s, s.span - 2 * PAGE) || present(&s, s.span + PAGE));
	pgtable_unmap(s.pgtable, 0, s.span);
	assert_int_equal(tables(&s), 1);
	assert_false(present(&s, s.span - PAGE));
	assert_true(present(&s, s.span));
	pgtable_unmap(s.pgtable, 0, 1ull << 40);
	assert_int_equal(tables(&s), 0);
	assert_int_equal(space_close(&s), 0);
}

static void a_large_page_is_present_while_a_part_of_it_is(void **state)
{
	struct space s = space_open("three-states", (struct pgtable_options){.leaf_bytes = 65536});

	(void)state;
	pgtable_map(s.pgtable, 65536 + 3 * PAGE, 2 * PAGE);
	assert_true(present(&s, 65536));
	assert_false(present(&s, 0));
	pgtable_unmap(s.pgtable, 65536 + 3 * PAGE, PAGE);
	assert_true(present(&s, 65536));
	pgtable_unmap(s.pgtable, 65536 + 4 * PAGE, PAGE);
	assert_false(present(&s, 65536));
	assert_int_equal(tables(&s), 0);
	assert_int_equal(space_close(&s), 0);
}

static void moves_what_is_present(void **state)
{
	struct space s = space_open("last-table-out", (struct pgtable_options){0});
	uint64_t to = 8 * s.span + 5 * PAGE;

	(void)state;
	pgtable_map(s.pgtable, 3 * PAGE, PAGE);
	pgtable_map(s.pgtable, s.span + PAGE, PAGE);
	assert_return_code(pgtable_move(s.pgtable, 0, to, 2 * s.span), 0);
	assert_true(present(&s, to + 3 * PAGE) && present(&s, to + s.span + PAGE));
	assert_false(present(&s, 3 * PAGE) || present(&s, to));
	assert_int_equal(tables(&s), 2);
	assert_int_equal(space_close(&s), 0);
}

static void keeps_empty_tables_until_reclaim(void **state)
{
	struct space s = space_open("three-states", (struct pgtable_options){.keep_empty = true});

	(void)state;
	assert_return_code(pgtable_reserve(s.pgtable, 10 * s.span, PAGE), 0);
	pgtable_map(s.pgtable, 0, 3 * s.span);
	pgtable_unmap(s.pgtable, 0, 2 * s.span);
	assert_int_equal(tables(&s), 4);
	pgtable_reclaim(s.pgtable, PAGE, 3 * s.span); /* the first table is in it in part only */
	assert_int_equal(tables(&s), 3);
	pgtable_reclaim(s.pgtable, 0, 11 * s.span);
	assert_int_equal(tables(&s), 1);
	assert_true(present(&s, 2 * s.span));
	assert_int_equal(space_close(&s), 0);
}

static void collapses_and_splits(void **state)
{
	struct space s = space_open("three-states", (struct pgtable_options){0});

	(void)state;
	assert_int_equal(pgtable_collapse(s.pgtable, s.span), -ENOENT);
	assert_int_equal(pgtable_split(s.pgtable, s.span), -ENOENT);
	pgtable_map(s.pgtable, s.span, PAGE);
	assert_return_code(pgtable_collapse(s.pgtable, s.span), 0);
	assert_false(present(&s, s.span)); /* no table: these walkers treat it as gone */
	assert_return_code(pgtable_split(s.pgtable, s.span), 0);
	assert_true(present(&s, s.span) && present(&s, 2 * s.span - PAGE));
	pgtable_collapse(s.pgtable, s.span);
	pgtable_unmap(s.pgtable, s.span + PAGE, PAGE); /* splits */
	assert_true(present(&s, s.span));
	assert_false(present(&s, s.span + PAGE));
	pgtable_collapse(s.pgtable, s.span);
	pgtable_unmap(s.pgtable, s.span, s.span); /* the deposit goes as well */
	assert_int_equal(tables(&s), 0);
	assert_int_equal(space_close(&s), 0);
}

static void refuses_bad_options(void **state)
{
	struct pgtable_options bad[] = {
		{.top = 1ull << 48, .leaf_bytes = PAGE},
		{.top = 1, .leaf_bytes = 2048},
		{.top = 1, .leaf_bytes = 12288},
		{.leaf_bytes = PAGE},
	};
	struct pgtable *pgtable;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(pgtable_create(&bad[i], &pgtable), -EINVAL);
}

/* ---- Walkers ---- */

static void a_retracted_table_reads_as_it_was(void **state)
{
	struct space s = space_open("three-states", (struct pgtable_options){0});
	pte_t *ptep;

	(void)state;
	pgtable_map(s.pgtable, 0, s.span);
	ptep = pte_offset_map(s.pgtable, s.walker, PAGE);
	pgtable_retract(s.pgtable, 0);
	pgtable_map(s.pgtable, 7 * s.span, s.span); /* wants a table: not this one */
	assert_true(*ptep && pte_fits(s.pgtable, PAGE, *ptep));
	assert_null(pte_offset_map(s.pgtable, s.walker, PAGE));
	pte_unmap(s.walker);
	assert_int_equal(space_close(&s), 0);
}

static void gup_notices_what_changed(void **state)
{
	struct space s = space_open("three-states", (struct pgtable_options){0});
	struct gup gup;

	(void)state;
	pgtable_map(s.pgtable, 0, 2 * PAGE);
	lab_irq_disable(s.walker);
	assert_true(gup_walk(s.pgtable, PAGE, &gup));
	assert_true(gup_recheck(s.pgtable, PAGE, &gup));
	pgtable_unmap(s.pgtable, PAGE, PAGE);
	assert_false(gup_recheck(s.pgtable, PAGE, &gup));
	assert_true(gup_walk(s.pgtable, 0, &gup));
	pgtable_retract(s.pgtable, 0);
	assert_false(gup_recheck(s.pgtable, 0, &gup));
	lab_irq_enable(s.walker);
	assert_int_equal(space_close(&s), 0);
}

static void a_counted_table_outlives_its_entries_while_held(void **state)
{
	struct space s = space_open("three-states", (struct pgtable_options){.counted = true});
	pte_t *ptep;

	(void)state;
	assert_null(pte_try_get(s.pgtable, s.walker, 0));
	pgtable_map(s.pgtable, 0, PAGE);
	ptep = pte_try_get(s.pgtable, s.walker, 0);
	pgtable_unmap(s.pgtable, 0, PAGE);
	assert_int_equal(tables(&s), 1);
	assert_int_equal(*ptep, 0);
	pte_put(s.pgtable, 0, ptep); /* the last: frees */
	assert_int_equal(tables(&s), 0);
	assert_null(pte_try_get(s.pgtable, s.walker, 0));
	assert_int_equal(space_close(&s), 0);
}

enum { VISITED = 2000 };

/* A walker that holds the first tables, and then leaves one after the other. */
struct visit {
	struct space *space;
	pte_t *ptep[VISITED];
	_Atomic int step; /* 0: coming, 1: there, 2: shall leave, 3: may go home */
};

static void *visit(void *arg)
{
	struct visit *visit = arg;
	const struct space *s = visit->space;
	struct lab_walker *walker;

	urcu_memb_flavor.register_thread();
	walker = lab_walker_add(s->lab);
	for (unsigned i = 0; i < VISITED; i++)
		visit->ptep[i] = pte_try_get(s->pgtable, walker, i * s->span);
	gw_store_release(&visit->step, 1);
	while (gw_load_acquire(&visit->step) == 1)
		usleep(100);
	for (unsigned i = 0; i < VISITED; i++) {
		if (gw_load_relaxed(visit->ptep[i] + 1))
			fail_msg("an entry that was unmapped is not empty");
		pte_put(s->pgtable, i * s->span, visit->ptep[i]);
	}
	while (gw_load_relaxed(&visit->step) == 2)
		usleep(100); /* no section meanwhile, which would order what came before it */
	lab_walker_remove(walker);
	urcu_memb_flavor.unregister_thread();
	return NULL;
}

/* The walker is the tables' last user, and may have one unlinked by somebody else before it gets to
 * that itself: who has to have seen all that the walker did there. ThreadSanitizer tells. */
static void who_unlinks_has_seen_the_last_user_leave(void **state)
{
	struct space s =
		space_open("head-per-page:own-page", (struct pgtable_options){.counted = true});
	struct visit visit_all = {.space = &s};
	pthread_t thread;

	(void)state;
	assert_return_code(pgtable_map(s.pgtable, 0, VISITED * s.span), 0);
	assert_int_equal(pthread_create(&thread, NULL, visit, &visit_all), 0);
	while (gw_load_acquire(&visit_all.step) == 0)
		usleep(100);
	pgtable_unmap(s.pgtable, 0, VISITED * s.span);
	assert_int_equal(tables(&s), VISITED);
	gw_store_release(&visit_all.step, 2);
	for (unsigned left = VISITED; left--;)
		while (tables(&s) > left)
			pgtable_reclaim(s.pgtable, (VISITED - 1 - left) * s.span, s.span);
	assert_int_equal(lab_settle(s.lab), 0);
	gw_store_relaxed(&visit_all.step, 3);
	pthread_join(thread, NULL);
	assert_int_equal(space_close(&s), 0);
}

/* ---- Tables of an unmap ---- */

/* A walker that stands in a table of the address space until it is told to leave. */
struct stand {
	struct space *space;
	_Atomic int step; /* 0: coming, 1: inside, 2: shall leave */
};

static void *stand_irq(void *arg)
{
	struct stand *stand = arg;
	struct lab_walker *walker;

	urcu_memb_flavor.register_thread();
	walker = lab_walker_add(stand->space->lab);
	lab_irq_disable(walker);
	stand->step = 1;
	while (stand->step == 1)
		usleep(100);
	lab_irq_enable(walker);
	lab_walker_remove(walker);
	urcu_memb_flavor.unregister_thread();
	return NULL;
}

static void *unmap_all(void *arg)
{
	struct stand *stand = arg;

	urcu_memb_flavor.register_thread();
	pgtable_unmap(stand->space->pgtable, 0, stand->space->span);
	stand->step = 3;
	urcu_memb_flavor.unregister_thread();
	return NULL;
}

static void the_rendezvous_waits_for_interrupts_to_be_on(void **state)
{
	struct space s =
		space_open("three-states", (struct pgtable_options){.unmap = LAB_UNMAP_IPI});
	struct stand walker = {.space = &s}, updater = {.space = &s};
	pthread_t threads[2];

	(void)state;
	pgtable_map(s.pgtable, 0, PAGE);
	pthread_create(&threads[0], NULL, stand_irq, &walker);
	while (walker.step != 1)
		usleep(100);
	pthread_create(&threads[1], NULL, unmap_all, &updater);
	usleep(20000);
	assert_int_equal(updater.step, 0);
	walker.step = 2;
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	assert_int_equal(updater.step, 3);
	assert_int_equal(space_close(&s), 0);
}

/* The hole of "semi RCU": a walker in an RCU section with its interrupts on is not waited for. */
static void the_rendezvous_does_not_wait_for_rcu_walkers(void **state)
{
	struct space s =
		space_open("three-states", (struct pgtable_options){.unmap = LAB_UNMAP_IPI});

	(void)state;
	pgtable_map(s.pgtable, 0, PAGE);
	assert_non_null(pte_offset_map(s.pgtable, s.walker, 0));
	pgtable_unmap(s.pgtable, 0, PAGE);
	for (unsigned i = 1; i <= TABLES; i++)
		pgtable_map(s.pgtable, i * s.span, PAGE);
	pte_unmap(s.walker);
	assert_int_equal(space_close(&s), LAB_EARLY_REUSE);
}

static void a_batch_waits_for_rcu_walkers(void **state)
{
	struct space s =
		space_open("three-states", (struct pgtable_options){.unmap = LAB_UNMAP_BATCH});
	const unsigned n = 1200; /* more than two batches take */
	struct lab_counters before, after;

	(void)state;
	for (unsigned i = 0; i < n; i++)
		pgtable_map(s.pgtable, i * s.span, PAGE);
	assert_non_null(pte_offset_map(s.pgtable, s.walker, 0));
	lab_counters(s.lab, &before);
	pgtable_unmap(s.pgtable, 0, n * s.span);
	lab_counters(s.lab, &after);
	assert_int_equal(after.batches, 3);
	assert_int_equal(after.calls - before.calls, 3);
	assert_int_equal(after.pages, n / TABLES);
	pte_unmap(s.walker);
	lab_barrier(s.lab);
	lab_counters(s.lab, &after);
	assert_int_equal(after.pages + after.batches, 0);
	assert_int_equal(space_close(&s), 0);
}

/* ---- The trap of deposit and withdraw ---- */

/* Collapse, then split, while a walker stands in the old table. */
static enum lab_invariant split_within_a_grace_period(enum lab_deposit deposit)
{
	struct space s = space_open("three-states", (struct pgtable_options){.deposit = deposit});

	pgtable_map(s.pgtable, 0, s.span);
	assert_non_null(pte_offset_map(s.pgtable, s.walker, 0));
	assert_return_code(pgtable_collapse(s.pgtable, 0), 0);
	assert_return_code(pgtable_split(s.pgtable, 0), 0);
	pte_unmap(s.walker);
	return space_close(&s);
}

static void a_deposited_table_was_under_no_walker(void **state)
{
	(void)state;
	assert_int_equal(split_within_a_grace_period(LAB_DEPOSIT_FRESH), 0);
}

static void depositing_the_unlinked_table_is_caught(void **state)
{
	(void)state;
	assert_int_equal(split_within_a_grace_period(LAB_DEPOSIT_UNLINKED), LAB_EARLY_REUSE);
}

static int register_thread(void **state)
{
	(void)state;
	urcu_memb_flavor.register_thread();
	return 0;
}

static int unregister_thread(void **state)
{
	(void)state;
	urcu_memb_flavor.unregister_thread();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(maps_and_unmaps),
		cmocka_unit_test(a_large_page_is_present_while_a_part_of_it_is),
		cmocka_unit_test(moves_what_is_present),
		cmocka_unit_test(keeps_empty_tables_until_reclaim),
		cmocka_unit_test(collapses_and_splits),
		cmocka_unit_test(refuses_bad_options),
		cmocka_unit_test(a_retracted_table_reads_as_it_was),
		cmocka_unit_test(gup_notices_what_changed),
		cmocka_unit_test(a_counted_table_outlives_its_entries_while_held),
		cmocka_unit_test(who_unlinks_has_seen_the_last_user_leave),
		cmocka_unit_test(the_rendezvous_waits_for_interrupts_to_be_on),
		cmocka_unit_test(the_rendezvous_does_not_wait_for_rcu_walkers),
		cmocka_unit_test(a_batch_waits_for_rcu_walkers),
		cmocka_unit_test(a_deposited_table_was_under_no_walker),
		cmocka_unit_test(depositing_the_unlinked_table_is_caught),
	};

	return cmocka_run_group_tests(tests, register_thread, unregister_thread);
}
