/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * For harnesses with a page table: one of the smallest format, in a heap with room for few tables,
 * so that the next one that is asked for is the one that was just released. */
#ifndef GRACEWALK_TESTS_MODEL_TABLE_H
#define GRACEWALK_TESTS_MODEL_TABLE_H

#define GW_FORMAT mini
#define GW_FORMAT_HEADER "mini.h"
#include "model.h"
#include "source.h"

static inline uint64_t page(unsigned n)
{
	return (uint64_t)n << GW_PAGE_LG2;
}

/* What page n maps to: no two the same. */
static inline uint64_t out_of(unsigned n)
{
	return page(0x100 + n);
}

/* The rest of *opts is the caller's. */
static inline struct gw_pt *model_create(struct gw_opts *opts, unsigned tables)
{
	struct gw_heap_opts heap;
	struct gw_pt *pt = NULL;

	gw_heap_defaults(0, &heap);
	heap.env = opts->env = &model_env;
	heap.max_bytes = tables * heap.table_bytes;
	heap.spare_bytes = 0;
	heap.poison = MODEL_POISON;
	model_check(!gw_heap_create(&heap, &opts->heap[0]));
	model_check(!gw_create(opts, &pt));
	return pt;
}

static inline int model_map(struct gw_pt *pt, unsigned n)
{
	return gw_map(pt, page(n), page(1), out_of(n), GW_READ);
}

/* Inside a read-side section. Return: whether page n is mapped, and then to what is its own. */
static inline bool model_walk(const struct gw_pt *pt, unsigned n)
{
	struct gw_leaf leaf;
	bool found = gw_walk(pt, page(n), &leaf);

	model_check(!found || leaf.out == out_of(n));
	return found;
}

/* With nothing queued any more: so many tables are in use, and none waits. */
static inline void model_settled(struct gw_heap *heap, unsigned used)
{
	struct gw_heap_stats stats;

	gw_heap_stats(heap, &stats);
	model_check(stats.used == used && !stats.waiting);
	model_check(!gw_heap_check(heap));
}

#endif
