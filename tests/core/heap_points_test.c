/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The eight points that a helper for deferred frees must keep, one by one. */
#include "heap/block.h"
#include "heap_bench.h"
#include <gracewalk/errno.h>
#include <stdlib.h>
#include <string.h>

/* The heap's lock is held the while: a deferral that wanted it would wait for ever. */
static void point_1(struct bench *b)
{
	void **t = take_blocks(b, 3);
	uint64_t takes;

	fake_fail_all(&b->f, true);
	takes = b->f.takes;
	gw_lock_take(&b->heap->lock, &b->f.env);
	for (unsigned i = 0; i < 3 * b->n; i++)
		gw_heap_defer(b->heap, t[i]);
	gw_lock_drop(&b->heap->lock);
	assert_tables(b, 0, 3 * b->n, 3);
	fake_drain(&b->f);
	assert_int_equal(b->f.takes, takes);
	assert_tables(b, 0, 0, 0);
	fake_fail_all(&b->f, false);
	free(t);
}

static void point_1_the_deferring_path_allocates_nothing_and_cannot_fail(void **state)
{
	(void)state;
	each_shape(point_1);
}

/* Table a is deferred before the grace period begins, z after: in the first block's first and last
 * word. */
static void point_2(struct bench *b)
{
	void **t = take_blocks(b, 1), *a = t[0], *z = t[b->n - 1], *got;

	if (b->n > 1) {
		gw_heap_defer(b->heap, a);
		fake_gp_begin(&b->f);
		gw_heap_defer(b->heap, z);
		fake_gp_end(&b->f);
		assert_tables(b, b->n - 2, 1, 1);
		assert_true(is_written(b, z, b->n - 1));
		got = gw_heap_alloc(b->heap);
		assert_ptr_equal(got, a);
		got = gw_heap_alloc(b->heap);
		assert_ptr_not_equal(got, z);
		gw_heap_free(b->heap, got);
		fake_gp(&b->f);
		assert_tables(b, b->n - 1, 0, 1);
	}
	gw_heap_defer(b->heap, a);
	assert_true(is_written(b, a, 0) || filled_with(b, a, EMPTY));
	fake_gp(&b->f);
	for (unsigned i = 1; i + 1 < b->n; i++)
		gw_heap_free(b->heap, t[i]);
	assert_tables(b, 0, 0, 0);
	free(t);
}

static void point_2_reuse_only_after_a_grace_period_that_began_after_unlink(void **state)
{
	(void)state;
	each_shape(point_2);
}

/* Deferred while the head is queued, but its grace period has not begun: still current and next are
 * kept apart, for the head recorded what it covers when it was queued. */
static void point_2_between_queue_and_begin(struct bench *b)
{
	void **t = take_blocks(b, 1);

	gw_heap_defer(b->heap, t[0]);
	for (unsigned i = 1; i < b->n; i++)
		gw_heap_defer(b->heap, t[i]);
	fake_gp(&b->f);
	for (unsigned i = 1; i < b->n; i++)
		assert_true(is_written(b, t[i], i));
	assert_tables(b, 0, b->n - 1, b->n > 1);
	fake_drain(&b->f);
	assert_tables(b, 0, 0, 0);
	free(t);
}

static void point_2_only_what_was_recorded_is_released(void **state)
{
	(void)state;
	each_shape(point_2_between_queue_and_begin);
}

/* All that can happen to neighbours happens, while every other table waits. */
static void point_3(struct bench *b)
{
	void **t = take_blocks(b, 2);
	unsigned char *copy = malloc(2 * b->n * b->table_bytes);

	assert_non_null(copy);
	for (unsigned i = 0; i < 2 * b->n; i += 2) {
		memcpy(copy + i * b->table_bytes, t[i], b->table_bytes);
		gw_heap_defer(b->heap, t[i]);
	}
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 1; i < 2 * b->n; i += 2)
			gw_heap_free(b->heap, t[i]);
		for (unsigned i = 1; i < 2 * b->n; i += 2)
			t[i] = gw_heap_alloc(b->heap);
		assert_tables(b, b->n, b->n, 2);
	}
	fake_gp_begin(&b->f);
	for (unsigned i = 0; i < 2 * b->n; i += 2)
		assert_memory_equal(copy + i * b->table_bytes, t[i], b->table_bytes);
	fake_gp_end(&b->f);
	fake_drain(&b->f);
	for (unsigned i = 1; i < 2 * b->n; i += 2)
		gw_heap_free(b->heap, t[i]);
	assert_tables(b, 0, 0, 0);
	free(copy);
	free(t);
}

static void point_3_a_waiting_table_reads_as_it_did_when_unlinked(void **state)
{
	(void)state;
	each_shape(point_3);
}

static void write_desc(void *desc, uint64_t tag)
{
	for (unsigned i = 0; i < DESC_BYTES / 8; i++)
		((uint64_t *)desc)[i] = ~tag * 77 + i;
}

static bool desc_is_written(const void *desc, uint64_t tag)
{
	for (unsigned i = 0; i < DESC_BYTES / 8; i++)
		if (((const uint64_t *)desc)[i] != ~tag * 77 + i)
			return false;
	return true;
}

/* The descriptor is where the lock lives: each table's own, unchanged until the table is free. */
static void point_4(struct bench *b)
{
	void **t = take_blocks(b, 2);

	for (unsigned i = 0; i < 2 * b->n; i++) {
		assert_int_equal((uintptr_t)gw_heap_desc(b->heap, t[i]) % 8, 0);
		write_desc(gw_heap_desc(b->heap, t[i]), i);
	}
	for (unsigned i = 0; i < b->n; i++)
		gw_heap_defer(b->heap, t[i]);
	for (unsigned i = b->n; i + 1 < 2 * b->n; i++)
		gw_heap_free(b->heap, t[i]);
	fake_gp_begin(&b->f);
	for (unsigned i = 0; i < b->n; i++)
		assert_true(desc_is_written(gw_heap_desc(b->heap, t[i]), i));
	fake_gp_end(&b->f);
	fake_drain(&b->f);
	assert_true(desc_is_written(gw_heap_desc(b->heap, t[2 * b->n - 1]), 2 * b->n - 1));
	gw_heap_free(b->heap, t[2 * b->n - 1]);
	free(t);
}

static void point_4_a_tables_descriptor_is_its_own_and_lives_as_long(void **state)
{
	(void)state;
	each_shape(point_4);
}

static void point_5(struct bench *b)
{
	void **t = take_blocks(b, 1);
	unsigned waits = b->n / 2;

	b->f.lose = true;
	gw_heap_defer(b->heap, t[waits]);
	for (unsigned i = 0; i < b->n; i++)
		if (i != waits)
			gw_heap_free(b->heap, t[i]);
	assert_tables(b, 0, 1, 1);
	assert_true(is_written(b, t[waits], waits));
	fake_gp(&b->f);
	assert_tables(b, 0, 0, 0);
	free(t);
}

static void point_5_an_undeferred_free_never_overtakes_a_deferral(void **state)
{
	(void)state;
	each_shape(point_5);
}

static void point_6(struct bench *like)
{
	struct bench b;
	void **t;

	bench_start(&b, like->table_bytes, like->n);
	t = take_blocks(&b, 1);
	gw_heap_defer(b.heap, t[0]);
	gw_heap_put(b.heap);
	assert_true(is_written(&b, t[0], 0));
	assert_true(b.f.reserve_bytes > 0);
	fake_gp_begin(&b.f);
	assert_true(is_written(&b, t[0], 0));
	fake_gp_end(&b.f);
	/* The last reference was the call's, so the heap went from there. */
	fake_env_done(&b.f);
	free(t);
}

static void point_6_the_owner_may_be_gone_when_the_callback_runs(void **state)
{
	(void)state;
	each_shape(point_6);
}

/* Blocks in each state: full, with free tables, all waiting, waiting twice over. */
static void point_7(struct bench *like)
{
	for (unsigned deferrals = 0; deferrals < 3; deferrals++)
		for (unsigned pinned = 0; pinned < 2; pinned++) {
			struct bench b;
			void **t;

			bench_start(&b, like->table_bytes, like->n);
			t = take_blocks(&b, 4);
			for (unsigned i = 0; deferrals > 0 && i < b.n; i++)
				gw_heap_defer(b.heap, t[i]);
			if (deferrals > 1) {
				fake_gp_begin(&b.f);
				gw_heap_defer(b.heap, t[2 * b.n - 1]);
			}
			gw_heap_free(b.heap, t[3 * b.n]);
			if (pinned)
				gw_heap_get(b.heap);
			gw_heap_put(b.heap);
			assert_true(!deferrals || b.f.reserve_bytes);
			if (pinned)
				gw_heap_put(b.heap);
			fake_drain(&b.f);
			fake_env_done(&b.f);
			free(t);
		}
}

static void point_7_teardown_returns_every_page_with_deferrals_in_flight_or_not(void **state)
{
	(void)state;
	each_shape(point_7);
}

/* As many as a block has are in it, no two overlap, and the last one of each word is right too. */
static void point_8(struct bench *b)
{
	void **t = take_blocks(b, 2);
	uintptr_t block_bytes = b->n * b->table_bytes;

	for (unsigned i = 0; i < 2 * b->n; i++) {
		unsigned block = i / b->n;

		assert_int_equal((uintptr_t)t[i] / block_bytes,
				 (uintptr_t)t[block * b->n] / block_bytes);
		assert_true(is_written(b, t[i], i));
	}
	assert_tables(b, 2 * b->n, 0, 2);
	for (unsigned i = 0; i < 2 * b->n; i++) {
		gw_heap_defer(b->heap, t[i]);
		fake_gp(&b->f);
		assert_tables(b, 2 * b->n - i - 1, 0, 2 - (i + 1) / b->n);
	}
	free(t);
}

static void point_8_1_to_256_tables_a_block(void **state)
{
	(void)state;
	each_shape(point_8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(point_1_the_deferring_path_allocates_nothing_and_cannot_fail),
		cmocka_unit_test(point_2_reuse_only_after_a_grace_period_that_began_after_unlink),
		cmocka_unit_test(point_2_only_what_was_recorded_is_released),
		cmocka_unit_test(point_3_a_waiting_table_reads_as_it_did_when_unlinked),
		cmocka_unit_test(point_4_a_tables_descriptor_is_its_own_and_lives_as_long),
		cmocka_unit_test(point_5_an_undeferred_free_never_overtakes_a_deferral),
		cmocka_unit_test(point_6_the_owner_may_be_gone_when_the_callback_runs),
		cmocka_unit_test(
			point_7_teardown_returns_every_page_with_deferrals_in_flight_or_not),
		cmocka_unit_test(point_8_1_to_256_tables_a_block),
	};

	return cmocka_run_group_tests_name("heap_points", tests, NULL, NULL);
}
