/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * gw_protect: other attributes for what is mapped. */
#include "change.h"

/* Leaves of a locked table, from the start of the range on; stops at what has to be gone into or
 * split. Accessed and dirty are never taken away here, whoever set them. */
static void change_leaves(struct gather *g, gw_entry *table, unsigned level, struct cursor *at,
			  uint32_t attr)
{
	const struct change change = {.keep = GW_ACCESSED | GW_DIRTY, .add = attr};
	struct broken broken = {.n = 0};

	for (unsigned i = gw_index(at->va, level), n; at->left && i < entries(level); i += n) {
		uint64_t e = gw_load_relaxed(&table[i]), old;

		if (gw_fmt_is_table(e, level) ||
		    (gw_fmt_is_leaf(e, level) && !covers_leaf(at, e, level)))
			break;
		n = 1;
		if (gw_fmt_is_leaf(e, level)) {
			n = leaf_entries(e, level);
			change_leaf(g, &broken, &table[i], at->va, level, change, &old);
		}
		advance(at, piece_of(at, n * gw_span(level)));
	}
	make_broken(g, &broken);
}

static void step(struct gather *g, struct cursor *at, uint32_t attr)
{
	struct page_table *p = g->p;
	struct path path;
	unsigned level;

	p->env->read_lock(p->env);
	level = descend(p, &path, at, 0, 0);
	if (table_lock(p, desc_of(p, path.table[level], level))) {
		change_leaves(g, path.table[level], level, at, attr);
		table_unlock(desc_of(p, path.table[level], level));
	}
	p->env->read_unlock(p->env);
}

int gw_protect(struct gw_pt *pt, uint64_t va, uint64_t bytes, uint32_t attr)
{
	struct cursor at = {.va = gw_low(va), .left = bytes};
	int err = range_check(pt, va, bytes);
	struct gather g;

	if (!err)
		err = attr_check(attr);
	if (err)
		return err;
	gw_gather_start(&g, page_table_of(pt));
	err = gw_split_ends(&g, &at);
	while (!err && at.left) {
		uint64_t left = at.left;

		step(&g, &at, attr);
		/* No progress: another updater was there, with a leaf across an end perhaps. */
		if (at.left == left)
			err = gw_split_ends(&g, &at);
	}
	gw_gather_finish(&g);
	return err;
}
