/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The gather: what one call has unlinked, invalidated in one go, released after a grace period. */
#include "table.h"

/* Leaves on their way to the release callback: runs, merged where they continue one another. */
struct batch {
	struct gw_head head;
	struct page_table *p;
	struct batch *next;
	unsigned n, room;
	struct gw_leaf run[];
};

enum { BATCH_RUNS = (4096 - sizeof(struct batch)) / sizeof(struct gw_leaf) };

void gw_gather_start(struct gather *g, struct page_table *p)
{
	g->p = p;
	g->policy = p->opts.policy;
	g->may_wait = true;
	g->no_release = !p->opts.release;
	g->only = NULL;
	g->tables = g->idle = g->waited = false;
	g->first = UINT64_MAX;
	g->last = 0;
	g->dead = g->killed = NULL;
	g->dead_level = 0;
	g->dead_bytes = 0;
	for (unsigned i = 0; i < GW_FMT_HEAPS; i++)
		g->spare[i] = NULL;
	g->batches = NULL;
	g->nfew = 0;
}

/* ---- The range to invalidate ---- */

void gw_gather_range(struct gather *g, uint64_t va, uint64_t bytes)
{
	if (va < g->first)
		g->first = va;
	if (va + bytes - 1 > g->last)
		g->last = va + bytes - 1;
}

/* A sweep may have been in both halves of an address space with a hole, or at both ends of one of
 * 64 bits: that is told as everything. */
void gw_gather_invalidate(struct gather *g)
{
	struct gw_range range = {
		.va = gw_fmt_canonical(g->first),
		.bytes = g->last - g->first + 1,
		.tables = g->tables,
	};

	if (g->first > g->last)
		return;
	if (!range.bytes || gw_fmt_canonical(g->last) - range.va != range.bytes - 1)
		range = (struct gw_range){.va = 0, .bytes = UINT64_MAX, .tables = g->tables};
	if (g->p->opts.invalidate)
		g->p->opts.invalidate(g->p->opts.ctx, &range);
	g->first = UINT64_MAX;
	g->last = 0;
	g->tables = false;
}

/* ---- Leaves ---- */

static void release_runs(struct page_table *p, const struct gw_leaf *run, unsigned n)
{
	GW_PROBE(leaves_release, p, run, n);
	for (unsigned i = 0; i < n; i++)
		p->opts.release(p->opts.ctx, &run[i]);
}

static size_t batch_bytes(const struct batch *batch)
{
	return sizeof(*batch) + batch->room * sizeof(batch->run[0]);
}

static void batch_release(struct batch *batch)
{
	struct page_table *p = batch->p;
	size_t bytes = batch_bytes(batch);

	release_runs(p, batch->run, batch->n);
	p->env->free(p->env, batch, bytes);
	gw_fetch_sub_relaxed(&p->batch_bytes, bytes);
}

static void batch_callback(struct gw_head *head)
{
	struct batch *batch = (struct batch *)head; /* its first member */
	struct page_table *p = batch->p;

	GW_PROBE(grace_end, p, head, GRACE_LEAVES);
	batch_release(batch);
	gw_pt_put(p);
}

/* Puts an empty batch in front of the others. Return: NULL: no memory. */
static struct batch *batch_add(struct gather *g, unsigned room)
{
	struct page_table *p = g->p;
	struct batch *batch = p->env->alloc(p->env, sizeof(*batch) + room * sizeof(batch->run[0]));

	if (!batch)
		return NULL;
	batch->p = p;
	batch->n = 0;
	batch->room = room;
	batch->next = g->batches;
	g->batches = batch;
	gw_fetch_add_relaxed(&p->batch_bytes, batch_bytes(batch));
	return batch;
}

static void release_batches(struct gather *g)
{
	while (g->batches) {
		struct batch *batch = g->batches;

		g->batches = batch->next;
		if (g->waited) {
			batch_release(batch);
		} else {
			gw_fetch_add_relaxed(&g->p->refs, 1);
			GW_PROBE(grace_begin, g->p, &batch->head, GRACE_LEAVES);
			g->p->env->defer(g->p->env, &batch->head, batch_callback);
		}
	}
}

/* For a grace period, which serves what waited before too. */
static void wait(struct gather *g)
{
	struct gw_heap_taken taken[GW_HEAPS_MAX];
	struct page_table *p = g->p;

	gw_gather_invalidate(g);
	if (GW_MUTANT(take_late))
		await_grace_period(p);
	for (unsigned i = 0; i < GW_FMT_HEAPS; i++)
		taken[i] = gw_heap_take_waiting(p->heap[i]);
	if (!GW_MUTANT(take_late))
		await_grace_period(p);
	for (unsigned i = 0; i < GW_FMT_HEAPS; i++)
		gw_heap_release_taken(p->heap[i], taken[i]);
}

/* Releases the few: they have no head to be deferred with, so a grace period must have passed,
 * or is waited for. */
static void release_few(struct gather *g)
{
	if (!g->nfew)
		return;
	if (!g->waited)
		wait(g);
	release_runs(g->p, g->few, g->nfew);
	g->nfew = 0;
}

/* Gives the few a head, where there is memory for it. */
static void defer_few(struct gather *g)
{
	struct batch *batch = g->nfew && !g->waited ? batch_add(g, g->nfew) : NULL;

	if (!batch)
		return;
	for (unsigned i = 0; i < g->nfew; i++)
		batch->run[i] = g->few[i];
	batch->n = g->nfew;
	g->nfew = 0;
}

unsigned gw_gather_room(struct gather *g, uint64_t want)
{
	struct batch *batch = g->batches;

	if (g->no_release)
		return UINT32_MAX;
	if (!g->waited && batch && batch->n < batch->room)
		return batch->room - batch->n;
	if (!g->waited && (batch || want > FEW - g->nfew)) {
		batch = batch_add(g, BATCH_RUNS);
		if (batch)
			return batch->room;
	}
	if (g->nfew == FEW)
		release_few(g);
	return FEW - g->nfew;
}

void gw_gather_leaf(struct gather *g, uint64_t va, uint64_t e, unsigned level)
{
	bool few = g->waited || !g->batches || g->batches->n == g->batches->room;
	struct gw_leaf *runs = few ? g->few : g->batches->run;
	unsigned *n = few ? &g->nfew : &g->batches->n;

	run_add(runs, n, va, e, level);
}

/* ---- Tables ---- */

void gw_gather_deposits(struct gather *g, gw_entry *ring, unsigned level)
{
	if (ring)
		gw_deposits_join(&g->spare[gw_fmt_heap(level - 1)], ring);
}

/* A dead table's entries are not cleared: they read as they did until the grace period is over. */
static void kill(struct gather *g, struct desc *desc)
{
	desc->dead = true;
	gw_gather_deposits(g, desc->deposits, desc->level);
	desc->next_dead = NULL;
	if (gw_load_relaxed(&desc->marks) & IDLE)
		gw_fetch_sub_relaxed(&g->p->idle, 1);
	g->dead_bytes += table_bytes(desc->level);
}

void gw_unlink_locked(struct gather *g, gw_entry *parent, unsigned level, unsigned index,
		      uint64_t to)
{
	gw_entry *table = child_of(g->p, gw_load_relaxed(&parent[index]), level);
	struct desc *desc = desc_of(g->p, table, level - 1);

	kill(g, desc);
	entry_exchange(&parent[index], to);
	count_add(desc_of(g->p, parent, level), -(uint32_t)is_empty(to, level));
	desc->next_dead = g->dead;
	desc->next_level = g->dead_level;
	table_unlock(desc);

	g->dead = table;
	g->dead_level = (uint8_t)(level - 1);
	g->tables = true;
	gw_gather_range(g, desc->va, gw_span(level));
}

/* The table is dead, so its entries are ours to read; an updater that got to a child before us
 * finishes there first, and what it did is gathered with the rest. */
static void kill_below(struct gather *g, gw_entry *table, unsigned level)
{
	uint32_t left = level ? gw_load_relaxed(&desc_of(g->p, table, level)->count) : 0;

	for (unsigned i = 0; left && i < entries(level); i++) {
		uint64_t e = gw_load_relaxed(&table[i]);
		gw_entry *child;
		struct desc *desc;

		left -= !is_empty(e, level);
		if (!gw_fmt_is_table(e, level))
			continue;
		child = child_of(g->p, e, level);
		desc = desc_of(g->p, child, level - 1);
		gw_lock_take(&desc->lock, g->p->env);
		kill(g, desc);
		table_unlock(desc);
		kill_below(g, child, level - 1);
	}
}

void gw_gather_kill(struct gather *g)
{
	gw_entry *table = g->dead;
	unsigned level = g->dead_level;

	while (table != g->killed) {
		struct desc *desc = desc_of(g->p, table, level);

		kill_below(g, table, level);
		table = desc->next_dead;
		level = desc->next_level;
	}
	g->killed = g->dead;
}

static void retire(struct gather *g, struct gw_retire *retires, gw_entry *table, unsigned level);

/* Sees to one entry of a dead table. Return: how many entries that was: those of a run go
 * together. */
static unsigned retire_entry(struct gather *g, struct gw_retire *retires, gw_entry *entry,
			     uint64_t va, unsigned level)
{
	uint64_t e = gw_load_relaxed(entry);

	if (gw_fmt_is_table(e, level)) {
		retire(g, retires, child_of(g->p, e, level), level - 1);
	} else if (!g->no_release && gw_fmt_is_leaf(e, level)) {
		gw_gather_room(g, 1);
		gw_gather_leaf(g, va, leaf_load(entry, level), level);
		return leaf_entries(e, level);
	}
	return 1;
}

/* Where to begin to look for the entries of a dead table that are not empty: not within a run. */
static unsigned first_entry(const struct desc *desc, unsigned level, uint32_t left)
{
	unsigned near = (unsigned)desc->near << near_shift(level);

	return left > FEW ? 0 : near & ~0u << gw_fmt_run_lg2(level);
}

/* Sees to the entries of a dead table that are not empty: there are `left`, since its count does
 * not change any more (T2). After a grace period they are emptied: then the table need not be
 * filled when it is given out. */
static void retire_entries(struct gather *g, struct gw_retire *retires, gw_entry *table,
			   unsigned level, uint32_t left)
{
	const struct desc *desc = desc_of(g->p, table, level);
	unsigned first = first_entry(desc, level, left);
	uint64_t va = desc->va;

	for (unsigned seen = 0, n; left && seen < entries(level); seen += n) {
		unsigned i = (first + seen) & (entries(level) - 1);

		n = 1;
		if (is_empty(gw_load_relaxed(&table[i]), level))
			continue;
		n = retire_entry(g, retires, &table[i], va + i * gw_span(level), level);
		left -= n;
		for (unsigned j = 0; g->waited && j < n; j++)
			gw_store_relaxed(&table[i + j], gw_fmt_empty(level));
	}
}

/* Leaves of a dead subtree are looked at only here, after the invalidation: until then the MMU
 * may have set accessed and dirty bits. A table is handed on after all below it, so it can be
 * read until then. */
static void retire(struct gather *g, struct gw_retire *retires, gw_entry *table, unsigned level)
{
	struct page_table *p = g->p;
	struct desc *desc = desc_of(p, table, level);
	uint32_t count = gw_load_relaxed(&desc->count);
	bool look = level > 0 || !g->no_release || (g->waited && count <= FEW);

	if (!desc->dead)
		gw_gather_deposits(g, desc->deposits, level);
	if (look)
		retire_entries(g, retires, table, level, count);
	if (!count || (look && g->waited))
		gw_heap_clean(heap_of(p, level), table);
	if (g->waited || GW_MUTANT(free_at_once))
		gw_heap_free(heap_of(p, level), table);
	else
		gw_retire_add(&retires[gw_fmt_heap(level)], table);
}

static void retire_tables(struct gather *g)
{
	struct gw_retire retires[GW_HEAPS_MAX];

	for (unsigned i = 0; i < GW_FMT_HEAPS; i++)
		retires[i] = (struct gw_retire){.heap = g->p->heap[i]};
	while (g->dead) {
		gw_entry *table = g->dead;
		unsigned level = g->dead_level;
		struct desc *desc = desc_of(g->p, table, level);

		g->dead = desc->next_dead;
		g->dead_level = desc->next_level;
		retire(g, retires, table, level);
	}
	for (unsigned i = 0; i < GW_FMT_HEAPS; i++)
		gw_retire_flush(&retires[i]);
}

/* ---- The end ---- */

static size_t waiting_bytes(const struct page_table *p)
{
	size_t bytes = gw_load_relaxed(&p->batch_bytes);

	for (unsigned i = 0; i < GW_FMT_HEAPS; i++)
		bytes += gw_heap_waiting_bytes(p->heap[i]);
	return bytes;
}

bool gw_over_limit(const struct page_table *p, size_t more)
{
	return waiting_bytes(p) + more > p->opts.deferred_limit;
}

/* Whether an updater that has come over the limit is to wait. */
static bool to_wait(const struct page_table *p, size_t more)
{
	return !p->opts.over_limit || p->opts.over_limit(p->opts.ctx, waiting_bytes(p) + more);
}

int gw_ask_limit(struct page_table *p)
{
	struct gather g;

	if (!gw_over_limit(p, 0))
		return 0;
	if (!to_wait(p, 0))
		return gw_over_limit(p, 0) ? -EBUSY : 0; /* it may have waited itself */
	gw_gather_start(&g, p);
	wait(&g);
	return 0;
}

/* No walker ever reached them. */
static void free_deposits(struct gather *g)
{
	for (unsigned i = 0; i < GW_FMT_HEAPS; i++)
		gw_deposits_free(g->p->heap[i], &g->spare[i]);
}

/* What was unlinked goes on its way to be free. */
static void hand_on(struct gather *g)
{
	if (g->may_wait && gw_over_limit(g->p, g->dead_bytes) && to_wait(g->p, g->dead_bytes)) {
		wait(g);
		g->waited = true;
	}
	retire_tables(g);
	defer_few(g);
	release_batches(g);
	release_few(g);
}

void gw_gather_finish(struct gather *g)
{
	if (!GW_MUTANT(skip_invalidate))
		gw_gather_invalidate(g);
	if (g->dead || g->batches || g->nfew)
		hand_on(g);
	free_deposits(g);
}

void gw_release_subtree(struct page_table *p, gw_entry *table)
{
	struct gather g;

	gw_gather_start(&g, p);
	g.waited = true;
	retire(&g, NULL, table, top_of(p));
	free_deposits(&g);
	release_few(&g);
}
