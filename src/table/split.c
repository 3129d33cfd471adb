/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Splitting a leaf into smaller ones that map the same: those of a table, or a run's entries. */
#include "table.h"

static void fill_from(gw_entry *table, unsigned level, uint64_t e)
{
	uint64_t out = gw_fmt_out(e, level + 1);
	uint32_t attr = gw_fmt_attr(e, level + 1);

	for (unsigned i = 0; i < entries(level); i++) {
		gw_store_relaxed(&table[i], gw_fmt_leaf(out, attr, level));
		out = gw_fmt_advance(out, gw_span(level));
	}
}

/* Puts a table in the place of a leaf, under the lock. The last store releases the table's entries
 * to walkers; pairs with gw_walk. */
static void replace(struct gather *g, gw_entry *entry, unsigned level, gw_entry *child)
{
	struct page_table *p = g->p;
	struct desc *desc = desc_of(p, child, level - 1);
	uint64_t e = gw_load_relaxed(entry);

	count_add(desc, entries(level - 1));
	if (GW_FMT_BREAK_BEFORE_MAKE) {
		fill_from(child, level - 1, entry_clear(entry, level));
		gw_gather_range(g, desc->va, gw_span(level));
		gw_gather_invalidate(g);
		gw_store_release(entry, link_to(p, child, level));
		return;
	}
	/* Hardware may set accessed and dirty until the exchange: then copy again. */
	do
		fill_from(child, level - 1, e);
	while (!gw_cas_acq_rel(entry, &e, link_to(p, child, level)));
}

/* Splits a leaf of a locked table: a run into its entries; another into a table, which is its
 * deposit if it has one. Return: 1, or -ENOMEM. */
static int split_entry(struct gather *g, gw_entry *table, unsigned level, uint64_t va)
{
	struct page_table *p = g->p;
	unsigned index = gw_index(va, level);
	gw_entry *child;

	if (gw_run_lg2(gw_load_relaxed(&table[index]), level)) {
		gw_run_split(g, &table[index], va, level);
		return 1;
	}
	child = gw_deposit_take(desc_of(p, table, level), index);
	if (child)
		table_init(p, child, level - 1, va);
	else
		child = table_alloc(p, level - 1, va);
	if (!child)
		return -ENOMEM;
	replace(g, &table[index], level, child);
	return 1;
}

/* Whether the leaf that maps va has to be split: `across` it, or whatever its start. */
static bool to_split(uint64_t e, unsigned level, uint64_t va, bool across)
{
	uint64_t bytes;

	if (!gw_fmt_is_leaf(e, level))
		return false;
	bytes = gw_leaf_bytes(e, level);
	return bytes > gw_span(0) && (!across || va & (bytes - 1));
}

/* Splits the leaf at va once, if it is there and to be split. Return: 1: done; 0: there was nothing
 * to do; -ENOMEM. */
static int split_once(struct gather *g, uint64_t va, bool across)
{
	struct page_table *p = g->p;
	struct cursor at = {.va = va};
	int done = 0;

	p->env->read_lock(p->env);
	for (;;) {
		struct path path;
		unsigned level = descend(p, &path, &at, 0, 0);
		gw_entry *entry = &path.table[level][gw_index(va, level)];
		struct desc *desc = desc_of(p, path.table[level], level);

		if (!to_split(gw_load_relaxed(entry), level, va, across))
			break;
		if (!table_lock(p, desc))
			continue;
		if (to_split(gw_load_relaxed(entry), level, va, across))
			done = split_entry(g, path.table[level], level, va);
		table_unlock(desc);
		if (done)
			break;
	}
	p->env->read_unlock(p->env);
	return done;
}

int gw_split_at(struct gather *g, uint64_t va)
{
	int more = 1;

	if (gw_low(va) != va)
		return 0; /* the end of the address space; as at that of a root, nothing lies across
			   */
	while (more > 0)
		more = split_once(g, va, true);
	return more;
}

int gw_split_ends(struct gather *g, const struct cursor *at)
{
	int err = gw_split_at(g, at->va);

	return err ? err : gw_split_at(g, at->va + at->left);
}

int gw_split(struct gw_pt *pt, uint64_t va)
{
	struct gather g;
	int done;

	if (!gw_is_inside(pt, va))
		return -ERANGE;
	gw_gather_start(&g, page_table_of(pt));
	done = split_once(&g, gw_low(va), false);
	gw_gather_finish(&g);
	if (!done)
		return -ENOENT;
	return done < 0 ? done : 0;
}
