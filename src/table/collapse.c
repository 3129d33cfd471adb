/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * gw_collapse: one larger leaf in the place of a table whose leaves continue one another. */
#include "table.h"

enum {
	COLLAPSES = 32, /* tables that are replaced together, for one invalidation */
	MAY_DIFFER = USED | GW_CONTIGUOUS,
};

/* The leaf that maps what a table of that level maps, accessed and dirty if any of its leaves is;
 * entries of runs count as the leaves that they would be alone. Return: false: there is none. */
static bool leaf_for(const gw_entry *table, unsigned level, uint64_t *leaf)
{
	uint64_t e = gw_load_relaxed(&table[0]), out = gw_fmt_out(e, level), next = out;
	uint32_t attr = gw_fmt_attr(e, level) & ~(uint32_t)MAY_DIFFER, used = 0;

	if (!gw_fmt_aligned(out, level + 1))
		return false;
	for (unsigned i = 0; i < entries(level); i++, next = gw_fmt_advance(next, gw_span(level))) {
		e = gw_load_relaxed(&table[i]);
		if (!gw_fmt_is_leaf(e, level) || entry_out(e, level, i) != next ||
		    (gw_fmt_attr(e, level) ^ attr) & ~(uint32_t)MAY_DIFFER)
			return false;
		used |= used_bits(e, level);
	}
	*leaf = gw_fmt_leaf(out, attr | used, level + 1);
	return true;
}

/* Unlinks the table behind an entry of a locked one if a leaf can stand for it. Hardware may set
 * accessed and dirty bits in it until the invalidation, so that the leaf which stands there until
 * then, if the format lets one, is not the last word. */
static bool unlink_uniform(struct gather *g, gw_entry *parent, unsigned level, unsigned index)
{
	uint64_t e = gw_load_relaxed(&parent[index]), leaf;
	gw_entry *table;
	struct desc *desc;

	if (!gw_fmt_is_table(e, level))
		return false;
	table = child_of(g->p, e, level);
	desc = desc_of(g->p, table, level - 1);
	if (gw_load_relaxed(&desc->count) != entries(level - 1))
		return false; /* a hint, but it changes under us in one way or the other */
	gw_lock_take(&desc->lock, g->p->env);
	if (!leaf_for(table, level - 1, &leaf)) {
		table_unlock(desc);
		return false;
	}
	gw_unlink_locked(g, parent, level, index,
			 GW_FMT_BREAK_BEFORE_MAKE ? gw_fmt_empty(level) : leaf);
	return true;
}

/* After the invalidation: puts the leaf in the place of the dead table, or adds what hardware
 * recorded in the table too late for the leaf that is there. */
static void make(struct page_table *p, gw_entry *parent, unsigned level, gw_entry *table)
{
	gw_entry *entry = &parent[gw_index(desc_of(p, table, level - 1)->va, level)];
	uint64_t leaf, e = gw_load_relaxed(entry), to;

	leaf_for(table, level - 1, &leaf);
	if (GW_FMT_BREAK_BEFORE_MAKE) {
		gw_store_release(entry, leaf);
		count_add(desc_of(p, parent, level), 1);
		return;
	}
	do
		to = add_used(e, used_bits(leaf, level), level);
	while (e != to && !gw_cas_acq_rel(entry, &e, to));
}

/* Collapses tables behind entries of a locked one, from the start of the range on. Return: how
 * many. */
static unsigned collapse_some(struct gather *g, gw_entry *parent, unsigned level, struct cursor *at)
{
	gw_entry *before = g->dead, *table;
	unsigned n = 0;

	for (unsigned i = gw_index(at->va, level); at->left && i < entries(level) && n < COLLAPSES;
	     i++) {
		n += covers(at, level) && unlink_uniform(g, parent, level, i);
		advance(at, piece(at, level));
	}
	if (!n)
		return 0;
	gw_gather_invalidate(g);
	for (table = g->dead; table != before; table = desc_of(g->p, table, level - 1)->next_dead)
		make(g->p, parent, level, table);
	return n;
}

/* One table's worth, of a table of that level if there is one. */
static unsigned step(struct gather *g, unsigned level, struct cursor *at)
{
	struct page_table *p = g->p;
	unsigned found, n = 0;
	struct path path;

	p->env->read_lock(p->env);
	found = descend(p, &path, at, level, 0);
	if (found > level) {
		advance(at, piece(at, found));
	} else if (table_lock(p, desc_of(p, path.table[level], level))) {
		n = collapse_some(g, path.table[level], level, at);
		table_unlock(desc_of(p, path.table[level], level));
	}
	p->env->read_unlock(p->env);
	return n;
}

/* ---- The tables become deposits ---- */

/* Keeps a table for the leaf that took its place, if that is still there. */
static bool keep(struct page_table *p, gw_entry *table, unsigned level, uint64_t va)
{
	struct cursor at = {.va = va};
	struct path path;
	bool kept = false;

	p->env->read_lock(p->env);
	if (descend(p, &path, &at, level, 0) == level) {
		struct desc *desc = desc_of(p, path.table[level], level);
		unsigned index = gw_index(va, level);

		if (table_lock(p, desc)) {
			kept = gw_fmt_is_leaf(gw_load_relaxed(&path.table[level][index]), level) &&
			       !gw_deposit_has(desc, index);
			if (kept)
				gw_deposit_put(desc, index, table);
			table_unlock(desc);
		}
	}
	p->env->read_unlock(p->env);
	return kept;
}

/* What is handed out by a split must have had its grace period, like any table. */
static void deposit_dead(struct gather *g)
{
	struct page_table *p = g->p;

	if (g->dead && !GW_MUTANT(deposit_early))
		await_grace_period(p);
	while (g->dead) {
		gw_entry *table = g->dead;
		unsigned level = g->dead_level;
		struct desc *desc = desc_of(p, table, level);

		g->dead = desc->next_dead;
		g->dead_level = desc->next_level;
		if (!keep(p, table, level + 1, desc->va))
			gw_heap_free(heap_of(p, level), table);
	}
}

/* ---- The call ---- */

static void start(struct gather *g, struct page_table *p)
{
	gw_gather_start(g, p);
	g->no_release = true; /* what was mapped still is */
}

static void finish(struct gather *g, uint32_t flags)
{
	if (flags & GW_DEPOSIT)
		deposit_dead(g);
	gw_gather_finish(g);
}

int64_t gw_collapse(struct gw_pt *pt, uint64_t va, uint64_t bytes, uint32_t flags)
{
	struct page_table *p = page_table_of(pt);
	int err = flags & ~(uint32_t)GW_DEPOSIT ? -EINVAL : range_check(pt, va, bytes);
	struct gather g;
	int64_t n = 0;

	if (!err)
		err = keep_limit(p);
	if (err)
		return err;
	start(&g, p);
	for (unsigned level = 1; level <= p->max_level; level++) {
		struct cursor at = {.va = gw_low(va), .left = bytes};

		while (gw_fmt_leaf_level(level) && at.left) {
			n += step(&g, level, &at);
			if (gw_over_limit(g.p, g.dead_bytes)) {
				finish(&g, flags);
				start(&g, p);
			}
		}
	}
	finish(&g, flags);
	return n;
}
