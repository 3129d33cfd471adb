/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The heap, function by function, and the eight points that a helper for deferred frees must keep. */
#include "fake_env.h"
#include "heap/block.h"
#include <gracewalk/atomic.h>
#include <gracewalk/errno.h>
#include <stdlib.h>
#include <string.h>

static const size_t table_sizes[] = {32, 256, 2048, 16384};
static const unsigned per_block[] = {1, 2, 4, 16, 64, 128, 256};

enum { SIZES = sizeof(table_sizes) / sizeof(table_sizes[0]) };
enum { SHAPES = sizeof(per_block) / sizeof(per_block[0]) };

#define EMPTY 0x1111222233334444u
#define POISON 0xbadbadbadbadbadbu

enum { DESC_BYTES = 24 };

/* A heap on an environment of its own. */
struct bench {
	struct fake_env f;
	struct gw_heap *heap;
	size_t table_bytes;
	unsigned n; /* tables in a block */
};

static struct gw_heap_opts opts_of(struct bench *b)
{
	return (struct gw_heap_opts){
		.env = &b->f.env,
		.table_bytes = b->table_bytes,
		.tables_per_block = b->n,
		.desc_bytes = DESC_BYTES,
		.empty = EMPTY,
		.poison = POISON,
	};
}

static void bench_start(struct bench *b, size_t table_bytes, unsigned n)
{
	struct gw_heap_opts opts;

	fake_env_init(&b->f);
	b->table_bytes = table_bytes;
	b->n = n;
	opts = opts_of(b);
	assert_int_equal(gw_heap_create(&opts, &b->heap), 0);
}

static void bench_end(struct bench *b)
{
	assert_int_equal(gw_heap_check(b->heap), 0);
	gw_heap_put(b->heap);
	fake_drain(&b->f);
	fake_env_done(&b->f);
}

/* Runs a test on heaps of each size of table and of block. */
static void each_shape(void (*test)(struct bench *b))
{
	for (unsigned s = 0; s < SIZES; s++)
		for (unsigned n = 0; n < SHAPES; n++) {
			struct bench b;

			bench_start(&b, table_sizes[s], per_block[n]);
			test(&b);
			bench_end(&b);
		}
}

static struct gw_heap_stats stats_of(struct bench *b)
{
	struct gw_heap_stats stats;

	gw_heap_stats(b->heap, &stats);
	return stats;
}

static void assert_tables(struct bench *b, uint64_t used, uint64_t waiting, uint64_t blocks)
{
	struct gw_heap_stats stats = stats_of(b);

	assert_int_equal(gw_heap_check(b->heap), 0);
	assert_int_equal(stats.used, used);
	assert_int_equal(stats.waiting, waiting);
	assert_int_equal(stats.blocks, blocks);
	assert_int_equal(stats.free, blocks * b->n - used - waiting);
	assert_int_equal(gw_heap_waiting_bytes(b->heap), waiting * b->table_bytes);
	assert_int_equal(b->f.commit_bytes, blocks * b->n * b->table_bytes);
}

static bool filled_with(struct bench *b, const void *table, uint64_t with)
{
	const uint64_t *entry = table;

	for (size_t i = 0; i < b->table_bytes / 8; i++)
		if (entry[i] != with)
			return false;
	return true;
}

/* What the owner of a table writes into it, different for each. */
static void write_table(struct bench *b, void *table, uint64_t tag)
{
	uint64_t *entry = table;

	for (size_t i = 0; i < b->table_bytes / 8; i++)
		entry[i] = tag * 1000003 + i;
}

static bool is_written(struct bench *b, const void *table, uint64_t tag)
{
	const uint64_t *entry = table;

	for (size_t i = 0; i < b->table_bytes / 8; i++)
		if (entry[i] != tag * 1000003 + i)
			return false;
	return true;
}

/* Tables enough for `blocks` blocks, each written with its number. */
static void **take_blocks(struct bench *b, unsigned blocks)
{
	void **t = calloc((size_t)blocks * b->n, sizeof(*t));

	assert_non_null(t);
	for (unsigned i = 0; i < blocks * b->n; i++) {
		t[i] = gw_heap_alloc(b->heap);
		assert_non_null(t[i]);
		write_table(b, t[i], i);
	}
	return t;
}

/* ---- Function by function ---- */

static void alloc_gives_aligned_tables_filled_with_empty(struct bench *b)
{
	void *t = gw_heap_alloc(b->heap);

	assert_non_null(t);
	assert_int_equal((uintptr_t)t % b->table_bytes, 0);
	assert_true(filled_with(b, t, EMPTY));
	write_table(b, t, 1);
	gw_heap_free(b->heap, t);
	t = gw_heap_alloc(b->heap);
	assert_true(filled_with(b, t, EMPTY));
	assert_tables(b, 1, 0, 1);
	gw_heap_free(b->heap, t);
	assert_tables(b, 0, 0, 0);
}

static void test_alloc_gives_aligned_tables_filled_with_empty(void **state)
{
	(void)state;
	each_shape(alloc_gives_aligned_tables_filled_with_empty);
}

/* A block goes back when its last table does, in whatever order they come. */
static void free_gives_back_whole_blocks(struct bench *b)
{
	void **t = take_blocks(b, 3);

	assert_tables(b, 3 * b->n, 0, 3);
	for (unsigned i = 0; i < b->n; i++)
		gw_heap_free(b->heap, t[2 * b->n - 1 - i]);
	assert_tables(b, 2 * b->n, 0, 2);
	for (unsigned i = 0; i < b->n; i++)
		gw_heap_free(b->heap, t[i]);
	assert_tables(b, b->n, 0, 1);
	for (unsigned i = 0; i < b->n; i++)
		assert_true(is_written(b, t[2 * b->n + i], 2 * b->n + i));
	for (unsigned i = 0; i < b->n; i++)
		gw_heap_free(b->heap, t[2 * b->n + i]);
	assert_tables(b, 0, 0, 0);
	assert_int_equal(stats_of(b).blocks_taken, 3);
	assert_int_equal(stats_of(b).blocks_given_back, 3);
	free(t);
}

static void test_free_gives_back_whole_blocks(void **state)
{
	(void)state;
	each_shape(free_gives_back_whole_blocks);
}

/* Blocks that went back are taken again before new ones, so the region does not grow. */
static void vacant_blocks_are_taken_again(struct bench *b)
{
	void **t = take_blocks(b, 2), **again;

	for (unsigned i = 0; i < 2 * b->n; i++)
		gw_heap_free(b->heap, t[i]);
	again = take_blocks(b, 2);
	assert_int_equal(b->heap->fresh, 2);
	for (unsigned i = 0; i < 2 * b->n; i++)
		gw_heap_free(b->heap, again[i]);
	free(t);
	free(again);
}

static void test_vacant_blocks_are_taken_again(void **state)
{
	(void)state;
	each_shape(vacant_blocks_are_taken_again);
}

static void free_tables_are_poisoned(struct bench *b)
{
	void **t = take_blocks(b, 1);

	gw_heap_free(b->heap, t[0]);
	/* The list node lies in the first free table; the second has nothing but poison. */
	if (b->n > 1) {
		gw_heap_free(b->heap, t[1]);
		assert_true(filled_with(b, t[1], POISON));
	}
	for (unsigned i = 2; i < b->n; i++)
		gw_heap_defer(b->heap, t[i]);
	fake_drain(&b->f);
	assert_tables(b, 0, 0, 0);
	for (unsigned i = 2; i < b->n; i++)
		assert_true(filled_with(b, t[i], POISON));
	free(t);
}

static void test_free_tables_are_poisoned(void **state)
{
	(void)state;
	each_shape(free_tables_are_poisoned);
}

/* One head a block: n deferrals in a row cost one call. */
static void a_block_has_one_call_in_flight(struct bench *b)
{
	void **t = take_blocks(b, 2);

	for (unsigned i = 0; i < 2 * b->n; i++)
		gw_heap_defer(b->heap, t[i]);
	assert_int_equal(b->f.defers, 2);
	assert_tables(b, 0, 2 * b->n, 2);
	assert_int_equal(stats_of(b).waiting_peak, 2 * b->n);
	/* The first call took what had been there when it was queued: the first of each word. */
	fake_drain(&b->f);
	assert_tables(b, 0, 0, 0);
	assert_int_equal(stats_of(b).callbacks, b->f.calls);
	assert_true(b->f.calls <= 4);
	free(t);
}

static void test_a_block_has_one_call_in_flight(void **state)
{
	(void)state;
	each_shape(a_block_has_one_call_in_flight);
}

/* A retire hands neighbours on together, so that one grace period serves them all. */
static void retire_takes_neighbours_together(struct bench *b)
{
	void **t = take_blocks(b, 3);
	struct gw_retire retire = {.heap = b->heap};

	for (unsigned i = 0; i < 3 * b->n; i++)
		gw_retire_add(&retire, t[i]);
	assert_true(stats_of(b).waiting < 3 * b->n);
	gw_retire_flush(&retire);
	gw_retire_flush(&retire);
	assert_tables(b, 0, 3 * b->n, 3);
	assert_int_equal(b->f.defers, 3);
	fake_gp(&b->f);
	if (b->n <= WORD_BITS)
		assert_tables(b, 0, 0, 0);
	fake_drain(&b->f);
	assert_tables(b, 0, 0, 0);
	free(t);
}

static void test_retire_takes_neighbours_together(void **state)
{
	(void)state;
	each_shape(retire_takes_neighbours_together);
}

static void flush_of_nothing_does_nothing(struct bench *b)
{
	struct gw_retire retire = {.heap = b->heap};

	gw_retire_flush(&retire);
	assert_int_equal(b->f.defers, 0);
	assert_tables(b, 0, 0, 0);
}

static void test_flush_of_nothing_does_nothing(void **state)
{
	(void)state;
	each_shape(flush_of_nothing_does_nothing);
}

static void figures_add_up(struct bench *b)
{
	void **t = take_blocks(b, 2);
	struct gw_heap_stats s;

	gw_heap_defer(b->heap, t[0]);
	gw_heap_free(b->heap, t[b->n]);
	s = stats_of(b);
	assert_int_equal(s.table_bytes, b->table_bytes);
	assert_int_equal(s.tables_per_block, b->n);
	assert_int_equal(s.allocs, 2 * b->n);
	assert_int_equal(s.frees, 1);
	assert_int_equal(s.defers, 1);
	assert_int_equal(s.used_peak, 2 * b->n);
	assert_int_equal(s.blocks_peak, 2);
	assert_int_equal(s.waiting_peak, 1);
	assert_int_equal(s.callbacks, 0);
	fake_gp(&b->f);
	assert_int_equal(stats_of(b).callbacks, 1);
	assert_int_equal(stats_of(b).waiting_peak, 1);
	for (unsigned i = 0; i < 2 * b->n; i++)
		if (i != 0 && i != b->n)
			gw_heap_free(b->heap, t[i]);
	assert_tables(b, 0, 0, 0);
	free(t);
}

static void test_figures_add_up(void **state)
{
	(void)state;
	each_shape(figures_add_up);
}

static void fits_compares_what_a_page_table_relies_on(struct bench *b)
{
	struct gw_heap_opts opts = opts_of(b), other;
	struct gw_env env;

	assert_true(gw_heap_fits(b->heap, &opts));
	other = opts;
	other.tables_per_block = 0; /* does not matter */
	assert_true(gw_heap_fits(b->heap, &other));
	other = opts;
	other.table_bytes *= 2;
	assert_false(gw_heap_fits(b->heap, &other));
	other = opts;
	other.desc_bytes += 8;
	assert_false(gw_heap_fits(b->heap, &other));
	other = opts;
	other.empty = 0;
	assert_false(gw_heap_fits(b->heap, &other));
	other = opts;
	other.env = &env;
	assert_false(gw_heap_fits(b->heap, &other));
}

static void test_fits_compares_what_a_page_table_relies_on(void **state)
{
	(void)state;
	each_shape(fits_compares_what_a_page_table_relies_on);
}

/* Bad accounts are found: the check is what other tests lean on. */
static void check_finds_what_does_not_add_up(struct bench *b)
{
	void **t = take_blocks(b, 1);
	struct block *block = block_of(b->heap, t[0]);

	if (b->n > 1) {
		block->nfree++;
		assert_int_equal(gw_heap_check(b->heap), -EIO);
		block->nfree--;
		block->free[0] |= 1;
		assert_int_equal(gw_heap_check(b->heap), -EIO);
		block->free[0] &= ~1ull;
	}
	gw_fetch_or_acq_rel(&block->pending[0], 1);
	assert_int_equal(gw_heap_check(b->heap), -EIO);
	gw_fetch_and_acq_rel(&block->pending[0], ~1ull);
	b->heap->list = 1;
	assert_int_equal(gw_heap_check(b->heap), -EIO);
	b->heap->list = 0;
	assert_int_equal(gw_heap_check(b->heap), 0);
	for (unsigned i = 0; i < b->n; i++)
		gw_heap_free(b->heap, t[i]);
	free(t);
}

static void test_check_finds_what_does_not_add_up(void **state)
{
	(void)state;
	each_shape(check_finds_what_does_not_add_up);
}

/* ---- Options ---- */

static void assert_refused(struct fake_env *f, const struct gw_heap_opts *opts)
{
	struct gw_heap *heap = NULL;
	uint64_t takes = f->takes;

	assert_int_equal(gw_heap_create(opts, &heap), -EINVAL);
	assert_null(heap);
	assert_int_equal(f->takes, takes);
}

static void test_bad_options_are_refused(void **state)
{
	static const size_t bad_bytes[] = {0, 4, 24, 4095, 2 << 20};
	static const unsigned bad_count[] = {0, 3, 255, 512};
	struct fake_env f;
	struct gw_heap_opts good, bad;

	(void)state;
	fake_env_init(&f);
	good = (struct gw_heap_opts){.env = &f.env, .table_bytes = 4096, .tables_per_block = 16};
	for (unsigned i = 0; i < sizeof(bad_bytes) / sizeof(bad_bytes[0]); i++) {
		bad = good;
		bad.table_bytes = bad_bytes[i];
		assert_refused(&f, &bad);
	}
	for (unsigned i = 0; i < sizeof(bad_count) / sizeof(bad_count[0]); i++) {
		bad = good;
		bad.tables_per_block = bad_count[i];
		assert_refused(&f, &bad);
	}
	bad = good;
	bad.desc_bytes = 12;
	assert_refused(&f, &bad);
	bad = good;
	bad.env = NULL;
	assert_refused(&f, &bad);
	fake_env_done(&f);
}

static void test_bad_regions_are_refused(void **state)
{
	enum { BLOCK = 65536 };
	unsigned char *base = aligned_alloc(BLOCK, 2 * BLOCK);
	struct gw_heap_opts good, bad;
	struct fake_env f;

	(void)state;
	assert_non_null(base);
	fake_env_init(&f);
	good = (struct gw_heap_opts){.env = &f.env, .table_bytes = 4096, .tables_per_block = 16,
				     .base = base, .phys = 0x10000, .max_bytes = 2 * BLOCK};
	bad = good;
	bad.base = base + 4096;
	assert_refused(&f, &bad);
	bad = good;
	bad.phys = 0x10800; /* tables would not be aligned for the MMU, and entries have other bits there */
	assert_refused(&f, &bad);
	bad = good;
	bad.max_bytes = BLOCK - 1;
	assert_refused(&f, &bad);
	bad = good;
	bad.max_bytes = 0; /* the default would reach beyond the caller's memory */
	assert_refused(&f, &bad);
	fake_env_done(&f);
	free(base);
}

/* ---- Memory: where it comes from, and when there is none ---- */

static void test_a_placed_heap_stays_in_its_region(void **state)
{
	enum { BLOCK = 65536, BLOCKS = 3, PHYS = 0x7000000 };
	unsigned char *base = aligned_alloc(BLOCK, BLOCKS * BLOCK);
	struct bench b = {.table_bytes = 4096, .n = 16};
	struct gw_heap_opts opts;
	void *t[BLOCKS * 16];

	(void)state;
	assert_non_null(base);
	fake_env_init(&b.f);
	opts = opts_of(&b);
	opts.base = base;
	opts.phys = PHYS;
	opts.max_bytes = BLOCKS * BLOCK + 4096; /* not a whole block: left unused */
	assert_int_equal(gw_heap_create(&opts, &b.heap), 0);
	assert_int_equal(gw_heap_to_pointer(b.heap), (uintptr_t)base - PHYS);
	for (unsigned i = 0; i < BLOCKS * 16; i++) {
		t[i] = gw_heap_alloc(b.heap);
		assert_true((unsigned char *)t[i] >= base);
		assert_true((unsigned char *)t[i] + 4096 <= base + BLOCKS * BLOCK);
		write_table(&b, t[i], i);
	}
	assert_null(gw_heap_alloc(b.heap));
	assert_tables(&b, BLOCKS * 16, 0, BLOCKS);
	gw_heap_defer(b.heap, t[7]);
	assert_null(gw_heap_alloc(b.heap));
	fake_gp(&b.f);
	assert_ptr_equal(gw_heap_alloc(b.heap), t[7]);
	gw_heap_defer(b.heap, t[20]);
	/* The end with tables used, free and waiting: what was committed is given back once. */
	gw_heap_free(b.heap, t[40]);
	bench_end(&b);
	free(base);
}

static void test_to_pointer_is_zero_where_the_environment_gave_the_region(void **state)
{
	struct bench b;

	(void)state;
	bench_start(&b, 4096, 16);
	assert_int_equal(gw_heap_to_pointer(b.heap), 0);
	bench_end(&b);
}

static void the_region_is_a_limit(struct bench *small)
{
	struct bench b = {.table_bytes = small->table_bytes, .n = small->n};
	struct gw_heap_opts opts;
	void **t;

	fake_env_init(&b.f);
	opts = opts_of(&b);
	opts.max_bytes = 2 * b.n * b.table_bytes;
	assert_int_equal(gw_heap_create(&opts, &b.heap), 0);
	t = take_blocks(&b, 2);
	assert_null(gw_heap_alloc(b.heap));
	assert_tables(&b, 2 * b.n, 0, 2);
	gw_heap_free(b.heap, t[0]);
	assert_ptr_equal(gw_heap_alloc(b.heap), t[0]);
	assert_null(gw_heap_alloc(b.heap));
	bench_end(&b);
	free(t);
}

static void test_the_region_is_a_limit(void **state)
{
	(void)state;
	each_shape(the_region_is_a_limit);
}

static void test_out_of_memory_in_create_leaves_nothing(void **state)
{
	struct gw_heap_opts opts = {.table_bytes = 4096, .tables_per_block = 16};
	unsigned char *base = aligned_alloc(65536, 65536);

	(void)state;
	assert_non_null(base);
	for (unsigned placed = 0; placed < 2; placed++) {
		unsigned points = placed ? 2 : 3;

		opts.base = placed ? base : NULL;
		opts.max_bytes = placed ? 65536 : 0;
		for (unsigned n = 1; n <= points + 1; n++) {
			struct gw_heap *heap = NULL;
			struct fake_env f;

			fake_env_init(&f);
			opts.env = &f.env;
			fake_fail(&f, n);
			assert_int_equal(gw_heap_create(&opts, &heap), n <= points ? -ENOMEM : 0);
			assert_int_equal(f.failures, n <= points);
			if (n <= points)
				assert_null(heap);
			else
				gw_heap_put(heap);
			fake_env_done(&f);
		}
	}
	free(base);
}

static void out_of_memory_in_alloc_changes_nothing(struct bench *b)
{
	void **t = take_blocks(b, 1);
	struct gw_heap_stats before = stats_of(b), after;

	fake_fail_all(&b->f, true);
	assert_null(gw_heap_alloc(b->heap));
	after = stats_of(b);
	assert_int_equal(after.allocs, before.allocs);
	assert_int_equal(after.used_peak, before.used_peak);
	assert_int_equal(after.blocks_taken, before.blocks_taken);
	assert_tables(b, b->n, 0, 1);
	/* A table that is free already needs no memory. */
	gw_heap_free(b->heap, t[0]);
	if (b->n > 1)
		assert_ptr_equal(gw_heap_alloc(b->heap), t[0]);
	fake_fail_all(&b->f, false);
	for (unsigned i = 1; i < b->n; i++)
		gw_heap_free(b->heap, t[i]);
	if (b->n > 1)
		gw_heap_free(b->heap, t[0]);
	assert_tables(b, 0, 0, 0);
	free(t);
}

static void test_out_of_memory_in_alloc_changes_nothing(void **state)
{
	(void)state;
	each_shape(out_of_memory_in_alloc_changes_nothing);
}

/* ---- The eight points ---- */

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

/* Table a is deferred before the grace period begins, z after: in the first block's first and last word. */
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

/* The descriptor is where the lock lives: each table's own, and unchanged until the table is free. */
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
		cmocka_unit_test(test_alloc_gives_aligned_tables_filled_with_empty),
		cmocka_unit_test(test_free_gives_back_whole_blocks),
		cmocka_unit_test(test_vacant_blocks_are_taken_again),
		cmocka_unit_test(test_free_tables_are_poisoned),
		cmocka_unit_test(test_a_block_has_one_call_in_flight),
		cmocka_unit_test(test_retire_takes_neighbours_together),
		cmocka_unit_test(test_flush_of_nothing_does_nothing),
		cmocka_unit_test(test_figures_add_up),
		cmocka_unit_test(test_fits_compares_what_a_page_table_relies_on),
		cmocka_unit_test(test_check_finds_what_does_not_add_up),
		cmocka_unit_test(test_bad_options_are_refused),
		cmocka_unit_test(test_bad_regions_are_refused),
		cmocka_unit_test(test_a_placed_heap_stays_in_its_region),
		cmocka_unit_test(test_to_pointer_is_zero_where_the_environment_gave_the_region),
		cmocka_unit_test(test_the_region_is_a_limit),
		cmocka_unit_test(test_out_of_memory_in_create_leaves_nothing),
		cmocka_unit_test(test_out_of_memory_in_alloc_changes_nothing),
		cmocka_unit_test(point_1_the_deferring_path_allocates_nothing_and_cannot_fail),
		cmocka_unit_test(point_2_reuse_only_after_a_grace_period_that_began_after_unlink),
		cmocka_unit_test(point_2_only_what_was_recorded_is_released),
		cmocka_unit_test(point_3_a_waiting_table_reads_as_it_did_when_unlinked),
		cmocka_unit_test(point_4_a_tables_descriptor_is_its_own_and_lives_as_long),
		cmocka_unit_test(point_5_an_undeferred_free_never_overtakes_a_deferral),
		cmocka_unit_test(point_6_the_owner_may_be_gone_when_the_callback_runs),
		cmocka_unit_test(point_7_teardown_returns_every_page_with_deferrals_in_flight_or_not),
		cmocka_unit_test(point_8_1_to_256_tables_a_block),
	};

	return cmocka_run_group_tests_name("heap", tests, NULL, NULL);
}
