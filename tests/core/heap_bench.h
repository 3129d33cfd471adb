/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Heaps of every shape for tests. */
#ifndef GRACEWALK_TESTS_HEAP_BENCH_H
#define GRACEWALK_TESTS_HEAP_BENCH_H

#include "fake_env.h"
#include <gracewalk/heap.h>

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

struct gw_heap_opts opts_of(struct bench *b);
void bench_start(struct bench *b, size_t table_bytes, unsigned n);
void bench_end(struct bench *b);
/* Runs a test on heaps of each size of table and of block. */
void each_shape(void (*test)(struct bench *b));

struct gw_heap_stats stats_of(struct bench *b);
/* The heap is sound, and has that many tables and blocks. */
void assert_tables(struct bench *b, uint64_t used, uint64_t waiting, uint64_t blocks);

bool filled_with(struct bench *b, const void *table, uint64_t with);
/* What the owner of a table writes into it, different for each. */
void write_table(struct bench *b, void *table, uint64_t tag);
bool is_written(struct bench *b, const void *table, uint64_t tag);
/* Tables enough for `blocks` blocks, each written with its number. The array is the caller's to
 * free. */
void **take_blocks(struct bench *b, unsigned blocks);

#endif
