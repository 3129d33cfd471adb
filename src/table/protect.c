/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * gw_protect: other attributes for what is mapped. */
#include "table.h"

/* Leaves that are broken together, for one invalidation. */
enum { BREAKS = 32 };

/* Accessed and dirty are never taken away here, whoever set them. */
static uint64_t with_attr(uint64_t e, uint32_t attr, unsigned level)
{
	attr |= gw_fmt_attr(e, level) & (GW_ACCESSED | GW_DIRTY);
	return gw_fmt_leaf(gw_fmt_out(e, level), attr, level);
}

/* Leaves that could not change in place: their entries are empty now, and turn to the new ones when
 * the MMU has forgotten the old. */
struct broken {
	unsigned n;
	struct {
		gw_entry *entry;
		uint64_t to;
	} at[BREAKS];
};

static void make(struct gather *g, struct broken *broken)
{
	if (broken->n)
		gw_gather_invalidate(g);
	for (unsigned i = 0; i < broken->n; i++)
		gw_store_release(broken->at[i].entry, broken->at[i].to);
	broken->n = 0;
}

/* Changes a leaf, or breaks it: there must be room for it. Return: whether there was anything to
 * change. */
static bool change(gw_entry *entry, uint32_t attr, unsigned level, struct broken *broken)
{
	uint64_t old = gw_load_relaxed(entry);

	/* Compare and exchange: hardware may set bits between the load and the store. */
	while (old != with_attr(old, attr, level)) {
		if (gw_fmt_must_break(old, with_attr(old, attr, level))) {
			old = entry_clear(entry, level);
			broken->at[broken->n].entry = entry;
			broken->at[broken->n++].to = with_attr(old, attr, level);
			return true;
		}
		if (gw_cas_acq_rel(entry, &old, with_attr(old, attr, level)))
			return true;
	}
	return false;
}

/* Leaves of a locked table, from the start of the range on; stops at what has to be gone into or
 * split. The lock is held over break and make, so that other updaters never see the gap. */
static void change_leaves(struct gather *g, gw_entry *table, unsigned level, struct cursor *at,
			  uint32_t attr)
{
	struct broken broken = {.n = 0};

	for (unsigned i = gw_index(at->va, level); at->left && i < entries(level); i++) {
		uint64_t e = gw_load_relaxed(&table[i]);

		if (gw_fmt_is_table(e, level) || (gw_fmt_is_leaf(e, level) && !covers(at, level)))
			break;
		if (gw_fmt_is_leaf(e, level) && change(&table[i], attr, level, &broken))
			gw_gather_range(g, at->va, gw_span(level));
		if (broken.n == BREAKS)
			make(g, &broken);
		advance(at, piece(at, level));
	}
	make(g, &broken);
}

static void step(struct gather *g, struct cursor *at, uint32_t attr)
{
	struct page_table *p = g->p;
	struct path path;
	unsigned level;

	p->env->read_lock(p->env);
	level = descend(p, &path, at, 0, false);
	if (table_lock(p, desc_of(p, path.table[level], level))) {
		change_leaves(g, path.table[level], level, at, attr);
		table_unlock(desc_of(p, path.table[level], level));
	}
	p->env->read_unlock(p->env);
}

int gw_protect(struct gw_pt *pt, uint64_t va, uint64_t bytes, uint32_t attr)
{
	struct cursor at = {.va = gw_low(va), .left = bytes};
	int err = range_check(va, bytes);
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
