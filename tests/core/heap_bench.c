/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Heaps of every shape for tests. */
#include "heap_bench.h"
#include <stdlib.h>

static const size_t table_sizes[] = {32, 256, 2048, 16384};
static const unsigned per_block[] = {1, 2, 4, 16, 64, 128, 256};

enum { SIZES = sizeof(table_sizes) / sizeof(table_sizes[0]) };
enum { SHAPES = sizeof(per_block) / sizeof(per_block[0]) };

struct gw_heap_opts opts_of(struct bench *b)
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

void bench_start(struct bench *b, size_t table_bytes, unsigned n)
{
	struct gw_heap_opts opts;

	fake_env_init(&b->f);
	b->table_bytes = table_bytes;
	b->n = n;
	opts = opts_of(b);
	assert_int_equal(gw_heap_create(&opts, &b->heap), 0);
}

void bench_end(struct bench *b)
{
	assert_int_equal(gw_heap_check(b->heap), 0);
	gw_heap_put(b->heap);
	fake_drain(&b->f);
	fake_env_done(&b->f);
}

void each_shape(void (*test)(struct bench *b))
{
	for (unsigned s = 0; s < SIZES; s++)
		for (unsigned n = 0; n < SHAPES; n++) {
			struct bench b;

			bench_start(&b, table_sizes[s], per_block[n]);
			test(&b);
			bench_end(&b);
		}
}

struct gw_heap_stats stats_of(struct bench *b)
{
	struct gw_heap_stats stats;

	gw_heap_stats(b->heap, &stats);
	return stats;
}

void assert_tables(struct bench *b, uint64_t used, uint64_t waiting, uint64_t blocks)
{
	struct gw_heap_stats stats = stats_of(b);

	assert_int_equal(gw_heap_check(b->heap), 0);
	assert_int_equal(stats.used, used);
	assert_int_equal(stats.waiting, waiting);
	assert_int_equal(stats.blocks, blocks);
	assert_int_equal(stats.free, blocks * b->n - used - waiting);
	assert_int_equal(gw_heap_waiting_bytes(b->heap), waiting * b->table_bytes);
	assert_int_equal(b->f.commit_bytes,
			 blocks * b->n * b->table_bytes + stats.records * stats.record_bytes);
}

bool filled_with(struct bench *b, const void *table, uint64_t with)
{
	const uint64_t *entry = table;

	for (size_t i = 0; i < b->table_bytes / 8; i++)
		if (entry[i] != with)
			return false;
	return true;
}

void write_table(struct bench *b, void *table, uint64_t tag)
{
	uint64_t *entry = table;

	for (size_t i = 0; i < b->table_bytes / 8; i++)
		entry[i] = tag * 1000003 + i;
}

bool is_written(struct bench *b, const void *table, uint64_t tag)
{
	const uint64_t *entry = table;

	for (size_t i = 0; i < b->table_bytes / 8; i++)
		if (entry[i] != tag * 1000003 + i)
			return false;
	return true;
}

void **take_blocks(struct bench *b, unsigned blocks)
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
