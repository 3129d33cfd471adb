/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Deferral: two threads give back tables of one block that a reader may hold, while deferred calls
 * run and a table is given out and deferred again. None is used again too early, none is lost, the
 * head is never queued twice. */
#include "model.h"
#include "source.h"

/* With 1 each has a block of its own, so that two blocks meet on the stack. */
#ifndef TABLES_PER_BLOCK
#define TABLES_PER_BLOCK 2
#endif

enum { TABLES = 2, TABLE_BYTES = 16, OWN = 0x10, FOREIGN = 0x99 };

static MODEL_SHARED struct {
	struct gw_heap *heap;
	_Atomic uintptr_t link[TABLES];
	_Atomic uint32_t unlinked;
} shared;

static _Atomic uint64_t *entry_of(uintptr_t table)
{
	return (_Atomic uint64_t *)table;
}

static void setup(void)
{
	const struct gw_heap_opts opts = {
		.env = &model_env,
		.table_bytes = TABLE_BYTES,
		.tables_per_block = TABLES_PER_BLOCK,
		.poison = MODEL_POISON,
		.max_bytes = TABLES * TABLE_BYTES,
	};

	model_check(!gw_heap_create(&opts, &shared.heap));
	for (unsigned i = 0; i < TABLES; i++) {
		void *table = gw_heap_alloc(shared.heap);

		model_check(table);
		gw_store_relaxed(entry_of((uintptr_t)table), OWN + i);
		gw_store_relaxed(&shared.link[i], (uintptr_t)table);
	}
}

static void retire(unsigned i)
{
	uintptr_t table = gw_load_relaxed(&shared.link[i]);

	gw_store_relaxed(&shared.link[i], 0);
	gw_heap_defer(shared.heap, (void *)table);
	model_arrive(&shared.unlinked);
}

static void retire_first(void)
{
	retire(0);
}

static void retire_second(void)
{
	retire(1);
}

static void read_both(void)
{
	uintptr_t table[TABLES];

	model_read_lock(&model_env);
	for (unsigned i = 0; i < TABLES; i++)
		table[i] = gw_load_dependent(&shared.link[i]);
	for (unsigned i = 0; i < TABLES; i++) {
		model_pause();
		model_check(!table[i] || gw_load_relaxed(entry_of(table[i])) == OWN + i);
	}
	model_read_unlock(&model_env);
}

static void call_and_reuse(void)
{
	void *table;

	model_await(&shared.unlinked);
	model_call();
	table = gw_heap_alloc(shared.heap);
	if (!table)
		return;
	gw_store_relaxed(entry_of((uintptr_t)table), FOREIGN);
	gw_heap_defer(shared.heap, table);
}

static void end(void)
{
	struct gw_heap_stats stats;
	void *first, *second;

	model_call_all();
	gw_heap_stats(shared.heap, &stats);
	model_check(!stats.used && !stats.waiting && !stats.blocks);
	model_check(!gw_heap_check(shared.heap));
	first = gw_heap_alloc(shared.heap);
	second = gw_heap_alloc(shared.heap);
	model_check(first && second && first != second);
}

const struct model model = {
	.setup = setup,
	.thread = {retire_first, retire_second, read_both, call_and_reuse},
	.end = end,
};
