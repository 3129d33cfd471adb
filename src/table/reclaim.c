/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Empty tables: when they are noticed, and how they are unlinked. Guarantee I. */
#include "table.h"

/* The lazy policy in short. A table that turns empty is marked IDLE, and its parents up to the
 * root BELOW; a sweep is queued. After a grace period the sweep follows the marks down and
 * unlinks what is still empty. So a table is freed and built again at most once a grace period,
 * however often its last page comes and goes.
 *
 * No empty table is lost (T4). Who marks sets IDLE, then looks at BELOW in each parent; who
 * sweeps clears BELOW, then looks at IDLE. All four are sequentially consistent, so at least one
 * sees the other: either the sweep finds the table, or the marker finds BELOW cleared, sets it
 * again, and queues another sweep.
 */

bool gw_unlink_if_empty(struct gather *g, gw_entry *parent, unsigned level, unsigned index)
{
	uint64_t e = gw_load_relaxed(&parent[index]);
	struct desc *desc;

	if (!gw_fmt_is_table(e, level))
		return false;
	desc = desc_of(g->p, child_of(g->p, e, level), level - 1);
	gw_lock_take(&desc->lock, g->p->env);
	/* Only what is true under both locks counts: a count read before them may be stale. */
	if (gw_load_relaxed(&desc->count)) {
		if (gw_fetch_and_seq_cst(&desc->marks, ~(uint32_t)IDLE) & IDLE)
			gw_fetch_sub_relaxed(&g->p->idle, 1);
		table_unlock(desc);
		return false;
	}
	gw_unlink_locked(g, parent, level, index, gw_fmt_empty(level));
	return true;
}

/* Under the table's lock. Return: whether its parents have to be marked too. */
static bool mark_idle(struct page_table *p, struct desc *desc)
{
	if (gw_load_relaxed(&desc->marks) & IDLE)
		return false; /* who set it does the rest */
	gw_fetch_or_seq_cst(&desc->marks, (uint32_t)IDLE);
	gw_fetch_add_relaxed(&p->idle, 1);
	return true;
}

static void mark_parents(struct page_table *p, const struct path *path, unsigned level)
{
	while (++level <= top_of(p)) {
		struct desc *above = desc_of(p, path->table[level], level);

		if (!(gw_load_seq_cst(&above->marks) & BELOW))
			gw_fetch_or_seq_cst(&above->marks, (uint32_t)BELOW);
	}
}

static void unlink_upward(struct gather *g, const struct path *path, unsigned level, uint64_t va)
{
	for (bool empty = true; empty && ++level <= top_of(g->p);) {
		struct desc *above = desc_of(g->p, path->table[level], level);

		if (!table_lock(g->p, above))
			return;
		empty = gw_unlink_if_empty(g, path->table[level], level, gw_index(va, level)) &&
			!gw_load_relaxed(&above->count);
		table_unlock(above);
	}
}

void gw_unlock_emptied(struct gather *g, const struct path *path, unsigned level, uint64_t va)
{
	struct desc *desc = desc_of(g->p, path->table[level], level);
	bool empty = level < top_of(g->p) && !gw_load_relaxed(&desc->count);
	bool mark = empty && g->policy == GW_POLICY_LAZY && mark_idle(g->p, desc);

	table_unlock(desc);
	if (mark) {
		mark_parents(g->p, path, level);
		g->idle = true;
	}
	if (empty && g->policy == GW_POLICY_EAGER)
		unlink_upward(g, path, level, va);
}

/* ---- The sweep ---- */

static bool inside(const struct span *range, uint64_t va, unsigned level)
{
	return !range || (va >= range->first && va + (gw_span(level) - 1) <= range->last);
}

static bool overlaps(const struct span *range, uint64_t va, unsigned level)
{
	return !range || (va <= range->last && va + (gw_span(level) - 1) >= range->first);
}

/* Whether the sweep has to go into a table, for what is below it. */
static bool enter(const struct span *range, struct desc *desc)
{
	if (!desc->level)
		return false;
	return range || (gw_load_seq_cst(&desc->marks) & BELOW &&
			 gw_fetch_and_seq_cst(&desc->marks, ~(uint32_t)BELOW) & BELOW);
}

static void sweep_below(struct gather *g, gw_entry *table, unsigned level, const struct span *range)
{
	struct desc *desc = desc_of(g->p, table, level);

	for (unsigned i = 0; i < entries(level); i++) {
		uint64_t e = gw_load_dependent(&table[i]);
		uint64_t va = gw_fmt_canonical(desc->va + i * gw_span(level));
		struct desc *below;

		if (!gw_fmt_is_table(e, level) || !overlaps(range, va, level))
			continue;
		below = desc_of(g->p, child_of(g->p, e, level), level - 1);
		if (enter(range, below))
			sweep_below(g, child_of(g->p, e, level), level - 1, range);
		if (!inside(range, va, level) ||
		    (gw_load_relaxed(&below->count) && !(gw_load_seq_cst(&below->marks) & IDLE)))
			continue;
		if (table_lock(g->p, desc)) {
			gw_unlink_if_empty(g, table, level, i);
			table_unlock(desc);
		}
	}
}

void gw_sweep(struct page_table *p, const struct span *range, bool may_wait)
{
	struct gather g;

	gw_gather_start(&g, p);
	g.may_wait = may_wait;
	p->env->read_lock(p->env);
	/* Dying: gw_destroy has begun, and waits for sections that found it otherwise (T5). The
	 * root cannot tell: once it is torn down, it may be a table of the next page table on
	 * its heap. */
	if (!gw_load_acquire(&p->dying) && enter(range, desc_of(p, root_of(p), top_of(p))))
		sweep_below(&g, root_of(p), top_of(p), range);
	p->env->read_unlock(p->env);
	gw_gather_finish(&g);
}

static void sweep_callback(struct gw_head *head);

static void sweep_later(struct page_table *p)
{
	if (gw_exchange_acq_rel(&p->sweeping, true))
		return;
	gw_fetch_add_relaxed(&p->refs, 1);
	GW_PROBE(grace_begin, p, &p->sweep_head, GRACE_SWEEP);
	p->env->defer(p->env, &p->sweep_head, sweep_callback);
}

static void sweep_callback(struct gw_head *head)
{
	struct page_table *p =
		(struct page_table *)((char *)head - offsetof(struct page_table, sweep_head));

	GW_PROBE(grace_end, p, head, GRACE_SWEEP);
	/* First: whoever marks a table from here on queues another sweep. An exchange, and not a
	 * store, so that what was marked before the last sweep_later is seen. Pairs with it. */
	gw_exchange_acq_rel(&p->sweeping, false);
	/* This cannot wait for a grace period, but its tables can, where they are. */
	if (gw_over_limit(p, 0) && !gw_load_acquire(&p->dying))
		sweep_later(p);
	else
		gw_sweep(p, NULL, false);
	gw_pt_put(p);
}

void gw_care_for_idle(const struct gather *g)
{
	struct page_table *p = g->p;
	uint64_t bytes;

	if (!g->idle)
		return;
	bytes = gw_load_relaxed(&p->idle) * table_bytes(0);
	if (g->may_wait && bytes > p->opts.deferred_limit)
		gw_sweep(p, NULL, true);
	else
		sweep_later(p);
}

void gw_reclaim(struct gw_pt *pt, uint64_t va, uint64_t bytes)
{
	/* UINT64_MAX from 0 on is everything, though it is a byte short of that. */
	struct span range = {.first = va,
			     .last = bytes >= UINT64_MAX - va ? UINT64_MAX : va + bytes - 1};

	if (bytes)
		gw_sweep(page_table_of(pt), &range, true);
}
