/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The environment for user space: its memory, and heaps on it. */
#include "fake_env.h"
#include <gracewalk/heap.h>
#include <gracewalk/urcu.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <urcu.h>

static struct gw_env *env_create(void)
{
	struct gw_env *env;

	rcu_register_thread();
	env = gw_urcu_create(&rcu_flavor);
	assert_non_null(env);
	return env;
}

static void env_destroy(struct gw_env *env)
{
	gw_urcu_destroy(env);
	rcu_unregister_thread();
}

/* Two blocks of half a page: giving back the first took the second one's memory with it, since
 * madvise() rounds its length up to whole pages. */
static void test_blocks_smaller_than_a_page_keep_their_neighbours(void **state)
{
	struct gw_env *env = env_create();
	struct gw_heap_opts opts = {.env = env, .tables_per_block = 1};
	struct gw_heap *heap;
	unsigned char *a, *b;

	(void)state;
	opts.table_bytes = (size_t)sysconf(_SC_PAGESIZE) / 2;
	assert_int_equal(gw_heap_create(&opts, &heap), 0);
	a = gw_heap_alloc(heap);
	b = gw_heap_alloc(heap);
	memset(a, 1, opts.table_bytes);
	memset(b, 2, opts.table_bytes);
	gw_heap_free(heap, a);
	for (size_t i = 0; i < opts.table_bytes; i++)
		assert_int_equal(b[i], 2);
	gw_heap_free(heap, b);
	gw_heap_put(heap);
	env_destroy(env);
}

static unsigned long mappings(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	unsigned long pages = 0;

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%lu", &pages), 1);
	fclose(f);
	return pages;
}

/* A length that is not whole pages left the last page of each reservation mapped for ever. */
static void test_reservations_that_are_not_whole_pages_go_back_whole(void **state)
{
	struct gw_env *env = env_create();
	unsigned long before;

	(void)state;
	for (unsigned warm = 0; warm < 2; warm++) {
		before = mappings();
		for (unsigned i = 0; i < 1000; i++) {
			void *p = env->reserve(env, 4096 - 8, 64);

			assert_non_null(p);
			env->unreserve(env, p, 4096 - 8);
		}
	}
	assert_true(mappings() < before + 100);
	env_destroy(env);
}

static void test_reserved_space_is_aligned_and_zero(void **state)
{
	struct gw_env *env = env_create();

	(void)state;
	for (size_t align = 8; align <= 1 << 22; align *= 8) {
		unsigned char *p = env->reserve(env, 3 * align, align);

		assert_non_null(p);
		assert_int_equal((uintptr_t)p % align, 0);
		assert_int_equal(p[0] | p[3 * align - 1], 0);
		p[0] = p[3 * align - 1] = 1;
		assert_int_equal(env->commit(env, p, align), 0);
		env->decommit(env, p, align);
		env->unreserve(env, p, 3 * align);
	}
	env_destroy(env);
}

static unsigned calls;

static void test_no_more_is_reserved_than_there_is(void **state)
{
	struct gw_env *env = env_create();

	(void)state;
	assert_null(env->reserve(env, SIZE_MAX - (1 << 20), 4096));
	env_destroy(env);
}

static void count_call(struct gw_head *head)
{
	(void)head;
	calls++;
}

static void test_drain_runs_what_was_deferred(void **state)
{
	struct gw_env *env = env_create();
	struct gw_head head[3];
	uint64_t before = gw_urcu_grace_periods(env);

	(void)state;
	calls = 0;
	for (unsigned i = 0; i < 3; i++)
		env->defer(env, &head[i], count_call);
	gw_urcu_drain(env);
	assert_int_equal(calls, 3);
	assert_true(gw_urcu_grace_periods(env) > before);
	before = gw_urcu_grace_periods(env);
	env->synchronize(env);
	assert_int_equal(gw_urcu_grace_periods(env), before + 1);
	env_destroy(env);
}

/* A call that queues itself twice again: liburcu's barrier waits for the first of these alone. */
static struct gw_env *chained_env;

static void chain(struct gw_head *head)
{
	usleep(1000);
	if (++calls < 3)
		chained_env->defer(chained_env, head, chain);
}

static void test_drain_runs_what_calls_defer(void **state)
{
	struct gw_head head;

	(void)state;
	chained_env = env_create();
	calls = 0;
	chained_env->defer(chained_env, &head, chain);
	gw_urcu_drain(chained_env);
	assert_int_equal(calls, 3);
	env_destroy(chained_env);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_blocks_smaller_than_a_page_keep_their_neighbours),
		cmocka_unit_test(test_reservations_that_are_not_whole_pages_go_back_whole),
		cmocka_unit_test(test_reserved_space_is_aligned_and_zero),
		cmocka_unit_test(test_no_more_is_reserved_than_there_is),
		cmocka_unit_test(test_drain_runs_what_was_deferred),
		cmocka_unit_test(test_drain_runs_what_calls_defer),
	};

	return cmocka_run_group_tests_name("urcu", tests, NULL, NULL);
}
