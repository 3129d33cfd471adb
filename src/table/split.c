/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Splitting a leaf into a table of smaller ones that map the same. */
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

/* Puts a table in the place of a leaf, under the lock. Return: false: it is no leaf any more.
 * The last store releases the table's entries to walkers; pairs with gw_walk. */
static bool replace(struct gather *g, gw_entry *entry, unsigned level, gw_entry *child)
{
	struct page_table *p = g->p;
	uint64_t e = gw_load_relaxed(entry), va = desc_of(p, child, level - 1)->va;

	if (!gw_fmt_is_leaf(e, level))
		return false;
	if (GW_FMT_BREAK_BEFORE_MAKE) {
		fill_from(child, level - 1, entry_clear(entry, level));
		gw_gather_range(g, va, gw_span(level));
		gw_gather_invalidate(g);
		gw_store_release(entry, link_to(p, child, level));
		return true;
	}
	/* Hardware may set accessed and dirty until the exchange: then copy again. */
	do
		fill_from(child, level - 1, e);
	while (!gw_cas_acq_rel(entry, &e, link_to(p, child, level)));
	return true;
}

/* Splits the leaf at va once, if one lies across it. Return: 1 to go on, 0 when nothing is left
 * to do, -ENOMEM. */
static int split_once(struct gather *g, uint64_t va)
{
	struct page_table *p = g->p;
	struct cursor at = {.va = va};
	struct path path;
	unsigned level = descend(p, &path, &at, 0, false);
	gw_entry *entry = &path.table[level][gw_index(va, level)], *child;
	struct desc *desc = desc_of(p, path.table[level], level);
	bool done = false;

	if (!gw_fmt_is_leaf(gw_load_relaxed(entry), level) || !(va & (gw_span(level) - 1)))
		return 0;
	child = table_alloc(p, level - 1, va);
	if (!child)
		return -ENOMEM;
	count_add(desc_of(p, child, level - 1), entries(level - 1));
	if (table_lock(p, desc)) {
		done = replace(g, entry, level, child);
		table_unlock(desc);
	}
	if (!done)
		gw_heap_free(heap_of(p, level - 1), (void *)child);
	return 1;
}

int gw_split_at(struct gather *g, uint64_t va)
{
	struct gw_env *env = g->p->env;
	int more = 1;

	if (gw_low(va) != va)
		return 0; /* the end of the address space */
	while (more > 0) {
		env->read_lock(env);
		more = split_once(g, va);
		env->read_unlock(env);
	}
	return more;
}

int gw_split_ends(struct gather *g, const struct cursor *at)
{
	int err = gw_split_at(g, at->va);

	return err ? err : gw_split_at(g, at->va + at->left);
}
