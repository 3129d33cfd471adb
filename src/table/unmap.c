/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * gw_unmap: empties entries, and unlinks whole tables where the range covers all that they could hold. */
#include "table.h"

/* Empties entries of a locked table from the start of the range on; stops at what has to be gone into, or
 * split, or when `room` leaves are gathered. */
static void clear(struct gather *g, gw_entry *table, unsigned level, struct cursor *at, unsigned room)
{
	struct desc *desc = desc_of(g->p, table, level);

	for (unsigned i = gw_index(at->va, level); at->left && i < entries(level) && room; i++) {
		uint64_t e = gw_load_relaxed(&table[i]);

		if (gw_fmt_is_table(e, level)) {
			if (g->policy == GW_POLICY_MANUAL || !covers(at, level))
				return;
			gw_lock_take(&desc_of(g->p, child_of(g->p, e, level), level - 1)->lock, g->p->env);
			gw_unlink_locked(g, table, level, i);
		} else if (gw_fmt_is_leaf(e, level)) {
			if (!covers(at, level))
				return;
			e = entry_clear(&table[i], level);
			count_add(desc, -1u);
			gw_gather_leaf(g, at->va, e, level);
			gw_gather_range(g, at->va, gw_span(level));
			room--;
		}
		advance(at, piece(at, level));
	}
}

/* One table's worth. Return: whether to go on, which is not so at a leaf that lies across an end of the range. */
static bool step(struct gather *g, struct cursor *at)
{
	struct page_table *p = g->p;
	unsigned room = gw_gather_room(g), level;
	struct cursor before = *at;
	bool across = false;
	struct path path;

	p->env->read_lock(p->env);
	level = descend(p, &path, at, 0, g->policy != GW_POLICY_MANUAL);
	if (table_lock(p, desc_of(p, path.table[level], level))) {
		uint64_t e = gw_load_relaxed(&path.table[level][gw_index(at->va, level)]);

		across = gw_fmt_is_leaf(e, level) && !covers(at, level);
		clear(g, path.table[level], level, at, room);
		gw_unlock_emptied(g, &path, level, before.va);
	}
	p->env->read_unlock(p->env);
	gw_gather_kill(g);
	return !across;
}

int gw_unmap_range(struct gather *g, struct cursor at)
{
	int err = 0;

	/* Both ends were split; another updater may have put a leaf across one since. */
	while (at.left && !err)
		if (!step(g, &at))
			err = gw_split_ends(g, &at);
	return err;
}

int gw_unmap(struct gw_pt *pt, uint64_t va, uint64_t bytes)
{
	struct cursor at = {.va = gw_low(va), .left = bytes};
	int err = range_check(va, bytes);
	struct gather g;

	if (err)
		return err;
	gw_gather_start(&g, page_table_of(pt));
	err = gw_split_ends(&g, &at);
	if (!err)
		err = gw_unmap_range(&g, at);
	gw_gather_finish(&g);
	return err;
}
