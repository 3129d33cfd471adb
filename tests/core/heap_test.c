/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The heap, function by function. */
#include "heap/block.h"
#include "heap_bench.h"
#include <gracewalk/errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

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

/* Of the blocks without memory the first is taken, so that few groups have records. */
static void test_the_first_vacant_block_is_taken(void **state)
{
	enum { BLOCKS = 3 * WORD_BITS };
	static const unsigned freed[] = {BLOCKS - 1, 2 * WORD_BITS, 5, 3, 70};
	static const unsigned taken[] = {3, 5, 70, 2 * WORD_BITS, BLOCKS - 1, BLOCKS};
	struct bench b;
	void **t;

	(void)state;
	bench_start(&b, 32, 1);
	t = take_blocks(&b, BLOCKS);
	for (unsigned i = 0; i < sizeof(freed) / sizeof(freed[0]); i++)
		gw_heap_free(b.heap, t[freed[i]]);
	for (unsigned i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
		assert_int_equal(block_of(b.heap, gw_heap_alloc(b.heap))->number, taken[i]);
	bench_end(&b);
	free(t);
}

/* The records of 64 blocks go with the last of these, and nothing is read of them after: what they
 * held is lost. */
static void test_records_go_with_their_blocks(void **state)
{
	enum { BLOCKS = 3 * WORD_BITS, N = 2, FIRST = WORD_BITS * N, END = 2 * WORD_BITS * N };
	struct bench b;
	void **t;

	(void)state;
	bench_start(&b, 32, N);
	b.f.lose = true;
	t = take_blocks(&b, BLOCKS);
	assert_int_equal(stats_of(&b).records, BLOCKS);
	for (unsigned i = FIRST; i < END - 1; i++)
		gw_heap_free(b.heap, t[i]);
	assert_int_equal(stats_of(&b).records, BLOCKS);
	gw_heap_defer(b.heap, t[END - 1]);
	fake_drain(&b.f);
	assert_int_equal(stats_of(&b).records, BLOCKS - WORD_BITS);
	assert_tables(&b, (BLOCKS - WORD_BITS) * N, 0, BLOCKS - WORD_BITS);
	fake_fail(&b.f, 2); /* memory for the records, and none for the block */
	assert_null(gw_heap_alloc(b.heap));
	assert_int_equal(stats_of(&b).records, BLOCKS - WORD_BITS);
	for (unsigned i = FIRST; i < END; i++)
		assert_non_null(t[i] = gw_heap_alloc(b.heap));
	assert_tables(&b, BLOCKS * N, 0, BLOCKS);
	for (unsigned i = 0; i < BLOCKS * N; i++)
		gw_heap_defer(b.heap, t[i]);
	fake_drain(&b.f);
	assert_int_equal(stats_of(&b).records, 0);
	assert_tables(&b, 0, 0, 0);
	bench_end(&b);
	free(t);
}

static void spare_start(struct bench *b, struct bench *like, unsigned blocks)
{
	struct gw_heap_opts opts;

	fake_env_init(&b->f);
	b->table_bytes = like->table_bytes;
	b->n = like->n;
	opts = opts_of(b);
	opts.spare_bytes = blocks * b->n * b->table_bytes;
	assert_int_equal(gw_heap_create(&opts, &b->heap), 0);
}

static void free_all(struct bench *b, void **t, unsigned blocks)
{
	for (unsigned i = 0; i < blocks * b->n; i++)
		gw_heap_free(b->heap, t[i]);
	free(t);
}

/* Two of three blocks stay, and are given out again without the environment; what nobody wants for
 * a whole grace period goes. */
static void spare_blocks_stay_for_a_while(struct bench *like)
{
	struct bench b;
	uint64_t takes;
	void **t;

	spare_start(&b, like, 2);
	free_all(&b, take_blocks(&b, 3), 3);
	assert_tables(&b, 0, 0, 2);
	assert_int_equal(stats_of(&b).spare_blocks, 2);
	takes = b.f.takes;
	free_all(&b, take_blocks(&b, 2), 2);
	assert_int_equal(b.f.takes, takes);
	fake_gp(&b.f);
	assert_tables(&b, 0, 0, 2); /* both were wanted since */
	t = take_blocks(&b, 1);
	fake_gp(&b.f);
	assert_tables(&b, b.n, 0, 1); /* the other was not */
	free_all(&b, t, 1);
	assert_tables(&b, 0, 0, 1);
	fake_gp(&b.f);
	fake_gp(&b.f);
	assert_tables(&b, 0, 0, 0);
	assert_int_equal(b.f.alloc_bytes, sizeof(struct gw_heap));
	assert_int_equal(fake_drain(&b.f), 0); /* and nothing is in flight any more */
	bench_end(&b);
}

static void test_spare_blocks_stay_for_a_while(void **state)
{
	(void)state;
	each_shape(spare_blocks_stay_for_a_while);
}

/* The end with spare blocks, which the caller's memory holds or the heap's own. */
static void spare_blocks_go_with_the_heap(struct bench *like)
{
	size_t bytes = 2 * like->n * like->table_bytes;
	struct bench b = {.table_bytes = like->table_bytes, .n = like->n};
	struct gw_heap_opts opts;
	void *base = aligned_alloc(bytes, bytes);

	assert_non_null(base);
	for (unsigned placed = 0; placed < 2; placed++) {
		fake_env_init(&b.f);
		opts = opts_of(&b);
		opts.base = placed ? base : NULL;
		opts.max_bytes = opts.spare_bytes = bytes;
		assert_int_equal(gw_heap_create(&opts, &b.heap), 0);
		free_all(&b, take_blocks(&b, 2), 2);
		assert_tables(&b, 0, 0, 2);
		bench_end(&b);
	}
	free(base);
}

static void test_spare_blocks_go_with_the_heap(void **state)
{
	(void)state;
	each_shape(spare_blocks_go_with_the_heap);
}

/* A table that came back clean is given out as it is, whatever the list has used it for; one that
 * was not is filled. Seen by a mark that breaks the promise. */
static void clean_tables_are_not_filled(struct bench *like)
{
	struct gw_heap_opts opts;
	struct bench b;
	unsigned last, marked = 0;
	void **t;

	spare_start(&b, like, 1);
	opts = opts_of(&b);
	opts.poison = 0;
	opts.spare_bytes = b.n * b.table_bytes;
	gw_heap_put(b.heap);
	assert_int_equal(gw_heap_create(&opts, &b.heap), 0);
	t = take_blocks(&b, 1);
	last = (unsigned)(b.table_bytes / 8 - 1);
	for (unsigned i = 0; i < b.n; i++) {
		for (unsigned j = 0; j <= last; j++)
			((uint64_t *)t[i])[j] = EMPTY;
		((uint64_t *)t[i])[last] = i;
		if (i % 2 == 0)
			gw_heap_clean(b.heap, t[i]);
		if (i % 3 == 0)
			gw_heap_defer(b.heap, t[i]);
		else
			gw_heap_free(b.heap, t[i]);
	}
	fake_gp(&b.f);
	fake_gp(&b.f);
	free(t);
	t = calloc(b.n, sizeof(*t));
	assert_non_null(t);
	for (unsigned i = 0; i < b.n; i++) {
		t[i] = gw_heap_alloc(b.heap);
		marked += ((uint64_t *)t[i])[last] != EMPTY;
		((uint64_t *)t[i])[last] = EMPTY;
		assert_true(filled_with(&b, t[i], EMPTY));
		((uint64_t *)t[i])[0] = 1;
	}
	assert_int_equal(marked, (b.n + 1) / 2);
	/* Once: what is given out is dirty until its user says otherwise. */
	free_all(&b, t, 1);
	t = take_blocks(&b, 1);
	free_all(&b, t, 1);
	t = calloc(b.n, sizeof(*t));
	assert_non_null(t);
	for (unsigned i = 0; i < b.n; i++) {
		t[i] = gw_heap_alloc(b.heap);
		assert_true(filled_with(&b, t[i], EMPTY));
	}
	free_all(&b, t, 1);
	bench_end(&b);
}

static void test_clean_tables_are_not_filled(void **state)
{
	(void)state;
	each_shape(clean_tables_are_not_filled);
}

enum { TOUCH_N = 4, TOUCH_BYTES = 64 << 10, TOUCH_PAGES = TOUCH_N * (TOUCH_BYTES >> 12) };

/* How many of the tables have memory. Pages have 4 KiB or more, and where the machine is emulated
 * not always as many as it says: so it is seen how many are told of. */
static unsigned count_touched(void *tables)
{
	unsigned char resident[TOUCH_PAGES];
	unsigned told = 0, touched = 0;

	memset(resident, 0xff, sizeof(resident));
	assert_int_equal(mincore(tables, TOUCH_N * TOUCH_BYTES, resident), 0);
	while (told < TOUCH_PAGES && resident[told] != 0xff)
		told++;
	assert_true(told >= TOUCH_N);
	for (unsigned i = 0; i < TOUCH_N; i++) {
		unsigned pages = 0;

		for (unsigned k = 0; k < told / TOUCH_N; k++)
			pages += resident[i * (told / TOUCH_N) + k] & 1;
		touched += pages > 0;
	}
	return touched;
}

/* Of a block fresh from the environment only the tables that were given out cost memory: the one
 * that would hold the list node does not, while there are no neighbours. */
static void test_tables_that_were_not_given_out_are_not_touched(void **state)
{
	struct bench b = {.table_bytes = TOUCH_BYTES, .n = TOUCH_N};
	struct gw_heap_opts opts;

	(void)state;
	fake_env_init(&b.f);
	opts = opts_of(&b);
	opts.empty = opts.poison = 0;
	opts.max_bytes = TOUCH_N * TOUCH_BYTES;
	assert_int_equal(gw_heap_create(&opts, &b.heap), 0);
	for (unsigned given = 1; given < TOUCH_N; given++) {
		uint64_t *t = gw_heap_alloc(b.heap);

		t[0] = 1;
		assert_int_equal(count_touched(b.heap->base), given);
	}
	bench_end(&b);
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

/* One head a heap: however many deferrals there are in a row, one call is in flight. */
static void a_heap_has_one_call_in_flight(struct bench *b)
{
	void **t = take_blocks(b, 2);

	for (unsigned i = 0; i < 2 * b->n; i++)
		gw_heap_defer(b->heap, t[i]);
	assert_int_equal(b->f.defers, 1);
	assert_tables(b, 0, 2 * b->n, 2);
	assert_int_equal(stats_of(b).waiting_peak, 2 * b->n);
	/* The call takes what had been there when it was queued: the first. */
	fake_gp(&b->f);
	assert_int_equal(stats_of(b).waiting, 2 * b->n - 1);
	assert_int_equal(b->f.defers, 2);
	fake_gp(&b->f);
	assert_tables(b, 0, 0, 0);
	assert_int_equal(b->f.defers, 2);
	assert_int_equal(stats_of(b).callbacks, 2);
	free(t);
}

static void test_a_heap_has_one_call_in_flight(void **state)
{
	(void)state;
	each_shape(a_heap_has_one_call_in_flight);
}

/* A grace period that somebody waits for: all that waited before is free after it, what the head is
 * in flight for too; nothing that came later is; and the head's call finds nothing to do. */
static void a_grace_period_serves_all_that_waited(struct bench *b)
{
	void **t = take_blocks(b, 3);
	struct gw_heap_taken taken;

	for (unsigned i = 0; i < 2 * b->n; i++)
		gw_heap_defer(b->heap, t[i]);
	taken = gw_heap_take_waiting(b->heap);
	for (unsigned i = 2 * b->n; i < 3 * b->n; i++)
		gw_heap_defer(b->heap, t[i]);
	assert_tables(b, 0, 3 * b->n, 3);
	b->f.env.synchronize(&b->f.env);
	gw_heap_release_taken(b->heap, taken);
	assert_tables(b, 0, b->n, 1);
	for (unsigned i = 2 * b->n; i < 3 * b->n; i++)
		assert_true(is_written(b, t[i], i));
	assert_int_equal(b->f.defers, 1);
	fake_gp(&b->f);
	assert_tables(b, 0, b->n, 1);
	assert_int_equal(b->f.defers, 2);
	fake_gp(&b->f);
	assert_tables(b, 0, 0, 0);
	assert_int_equal(b->f.defers, 2);
	taken = gw_heap_take_waiting(b->heap); /* nothing: the next deferral has to queue */
	gw_heap_release_taken(b->heap, taken);
	free(t);
	t = take_blocks(b, 1);
	for (unsigned i = 0; i < b->n; i++)
		gw_heap_defer(b->heap, t[i]);
	assert_int_equal(b->f.defers, 3);
	fake_drain(&b->f);
	assert_tables(b, 0, 0, 0);
	free(t);
}

static void test_a_grace_period_serves_all_that_waited(void **state)
{
	(void)state;
	each_shape(a_grace_period_serves_all_that_waited);
}

/* The head's call comes while somebody waits, gives up the stack, and a table of a block that is
 * taken is deferred after that: it is left for the next call, which the release has to ask for. */
static void what_comes_while_taken_is_not_lost(struct bench *b)
{
	void **t = take_blocks(b, 2);
	struct gw_heap_taken taken;

	gw_heap_defer(b->heap, t[0]);
	taken = gw_heap_take_waiting(b->heap);
	fake_gp(&b->f); /* finds nothing */
	assert_int_equal(stats_of(b).waiting, 1);
	for (unsigned i = 1; i < b->n; i++)
		gw_heap_defer(b->heap, t[i]);
	b->f.env.synchronize(&b->f.env);
	gw_heap_release_taken(b->heap, taken);
	assert_tables(b, b->n, b->n - 1, b->n > 1 ? 2 : 1);
	fake_drain(&b->f);
	assert_tables(b, b->n, 0, 1);
	for (unsigned i = b->n; i < 2 * b->n; i++)
		gw_heap_free(b->heap, t[i]);
	free(t);
}

static void test_what_comes_while_taken_is_not_lost(void **state)
{
	(void)state;
	each_shape(what_comes_while_taken_is_not_lost);
}

/* A retire hands all on together, so that one grace period serves them all. */
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
	assert_int_equal(b->f.defers, 1);
	fake_gp(&b->f);
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
	b->heap->spare = 1;
	assert_int_equal(gw_heap_check(b->heap), -EIO);
	b->heap->spare = 0;
	b->heap->nspare = 1;
	assert_int_equal(gw_heap_check(b->heap), -EIO);
	b->heap->nspare = 0;
	b->heap->vacant_from += 2; /* past a block without memory */
	assert_int_equal(gw_heap_check(b->heap), -EIO);
	b->heap->vacant_from -= 2;
	if (b->n > 1) {
		uint64_t *node = t[0];

		gw_heap_free(b->heap, t[0]);
		*node = ~*node; /* somebody writes into a free table */
		assert_int_equal(gw_heap_check(b->heap), -EIO);
		*node = ~*node;
		t[0] = gw_heap_alloc(b->heap);
	}
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
	good = (struct gw_heap_opts){.env = &f.env,
				     .table_bytes = 4096,
				     .tables_per_block = 16,
				     .base = base,
				     .phys = 0x10000,
				     .max_bytes = 2 * BLOCK};
	bad = good;
	bad.base = base + 4096;
	assert_refused(&f, &bad);
	bad = good;
	bad.phys = 0 - (uint64_t)good.max_bytes / 2; /* wraps around within the region */
	assert_refused(&f, &bad);
	bad = good;
	bad.phys = 0x10800; /* half a table: entries have other bits there */
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

/* Blocks are looked for by words of 64: the last may end one, or begin one. */
static void test_a_full_heap_is_full_whatever_its_size(void **state)
{
	(void)state;
	for (unsigned blocks = 63; blocks <= 65; blocks++) {
		struct bench b = {.table_bytes = 256, .n = 1};
		struct gw_heap_opts opts;
		void **t;

		fake_env_init(&b.f);
		opts = opts_of(&b);
		opts.max_bytes = blocks * b.table_bytes;
		assert_int_equal(gw_heap_create(&opts, &b.heap), 0);
		t = take_blocks(&b, blocks);
		assert_null(gw_heap_alloc(b.heap));
		assert_tables(&b, blocks, 0, blocks);
		gw_heap_free(b.heap, t[blocks - 1]);
		assert_ptr_equal(gw_heap_alloc(b.heap), t[blocks - 1]);
		assert_null(gw_heap_alloc(b.heap));
		bench_end(&b);
		free(t);
	}
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alloc_gives_aligned_tables_filled_with_empty),
		cmocka_unit_test(test_free_gives_back_whole_blocks),
		cmocka_unit_test(test_vacant_blocks_are_taken_again),
		cmocka_unit_test(test_the_first_vacant_block_is_taken),
		cmocka_unit_test(test_records_go_with_their_blocks),
		cmocka_unit_test(test_spare_blocks_stay_for_a_while),
		cmocka_unit_test(test_spare_blocks_go_with_the_heap),
		cmocka_unit_test(test_clean_tables_are_not_filled),
		cmocka_unit_test(test_tables_that_were_not_given_out_are_not_touched),
		cmocka_unit_test(test_free_tables_are_poisoned),
		cmocka_unit_test(test_a_heap_has_one_call_in_flight),
		cmocka_unit_test(test_a_grace_period_serves_all_that_waited),
		cmocka_unit_test(test_what_comes_while_taken_is_not_lost),
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
		cmocka_unit_test(test_a_full_heap_is_full_whatever_its_size),
		cmocka_unit_test(test_out_of_memory_in_create_leaves_nothing),
		cmocka_unit_test(test_out_of_memory_in_alloc_changes_nothing),
	};

	return cmocka_run_group_tests_name("heap", tests, NULL, NULL);
}
