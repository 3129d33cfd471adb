/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Three states, current and next, the list node in a free table: the library's heap itself.
 *
 * From: a proposal of June 8, 2023 for a core helper. Gracewalk builds it: include/gracewalk/heap.h
 * says what it does, docs/protocol.md why it is right. Nothing is copied here: an mm is a heap, a
 * page is a block, and the lab stands behind the heap's environment.
 */
#include "page.h"
#include <gracewalk/heap.h>

struct heap_mm {
	struct mm mm;
	struct gw_heap *heap;
};

static struct gw_heap *heap_of(struct mm *mm)
{
	return container_of(mm, struct heap_mm, mm)->heap;
}

static int mm_init(struct mm *mm)
{
	struct lab *lab = mm->lab;
	const struct gw_heap_opts opts = {
		.env = &lab->env,
		.table_bytes = lab_table_bytes(lab),
		.tables_per_block = tables_per_page(lab),
		.max_bytes = lab->region_bytes,
	};
	struct gw_heap_stats stats;
	int err = gw_heap_create(&opts, &container_of(mm, struct heap_mm, mm)->heap);

	if (err)
		return err;
	gw_heap_stats(heap_of(mm), &stats);
	__atomic_store_n(&lab->side_bytes, stats.record_bytes, __ATOMIC_RELAXED);
	return 0;
}

static void mm_free(struct mm *mm)
{
	gw_heap_put(heap_of(mm));
}

static void *table_alloc_one(struct mm *mm)
{
	return gw_heap_alloc(heap_of(mm));
}

static void pte_free(struct mm *mm, void *table)
{
	gw_heap_free(heap_of(mm), table);
}

static void pte_free_defer(struct mm *mm, void *table)
{
	gw_heap_defer(heap_of(mm), table);
}

static size_t side_bytes(const struct lab *lab)
{
	return __atomic_load_n(&lab->side_bytes, __ATOMIC_RELAXED);
}

const struct lab_scheme lab_three_states = {
	.name = "three-states",
	.text = "free, used, waiting; current and next; Gracewalk's heap (proposed in 2023)",
	.tables_max = LAB_TABLES_PER_PAGE_MAX,
	.mm_bytes = sizeof(struct heap_mm),
	.ptdesc_bytes = sizeof(struct ptdesc),
	.side_bytes = side_bytes,
	.mm_init = mm_init,
	.mm_free = mm_free,
	.table_alloc = table_alloc_one,
	.table_free = pte_free,
	.table_free_defer = pte_free_defer,
};
