/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * gw_replace: one leaf in the place of whatever is mapped in its span. */
#include "table.h"

/* Whether an MMU may hold the old translation when it meets the new one. Where the size of a leaf
 * changes together with what it maps to, none of them allows that: for instance the Intel SDM,
 * volume 3, "Optional Invalidation" and "Terminology and Translation"; software may. */
static bool must_break(uint64_t old, unsigned level)
{
	return GW_FMT_BREAK_BEFORE_MAKE || (GW_FMT_HW_UPDATES && gw_fmt_is_table(old, level));
}

/* Puts the mapping's leaf into an entry of a locked table, and gathers what was there: there is
 * room for a leaf. Return: 0, or -ENOMEM: nothing to deposit. */
static int replace_entry(struct gather *g, gw_entry *table, unsigned level, const struct mapping *m)
{
	struct page_table *p = g->p;
	struct desc *desc = desc_of(p, table, level);
	unsigned index = gw_index(m->at.va, level);
	uint64_t e = gw_load_relaxed(&table[index]),
		 leaf = gw_fmt_leaf(m->out, m->attr & ~(uint32_t)GW_CONTIGUOUS, level),
		 to = must_break(e, level) ? gw_fmt_empty(level) : leaf;

	if (!(m->attr & GW_DEPOSIT))
		gw_gather_deposits(g, gw_deposit_take(desc, index), level);
	else if (level && !gw_deposit_has(desc, index) &&
		 !gw_deposit_new(p, table, level, index, 1))
		return -ENOMEM;
	if (gw_fmt_is_table(e, level)) {
		gw_lock_take(&desc_of(p, child_of(p, e, level), level - 1)->lock, p->env);
		gw_unlink_locked(g, table, level, index, to);
	} else {
		e = entry_exchange(&table[index], to);
		count_add(desc, (uint32_t)is_empty(e, level) - is_empty(to, level));
		if (!is_empty(e, level))
			gw_gather_range(g, m->at.va, gw_span(level));
		if (!is_empty(e, level) && !g->no_release)
			gw_gather_leaf(g, m->at.va, e, level);
	}
	if (is_empty(to, level)) {
		gw_gather_invalidate(g);
		gw_store_release(&table[index], leaf);
		count_add(desc, 1);
	}
	return 0;
}

/* What a step met. */
enum {
	AGAIN = 1,
	ACROSS, /* a larger leaf, or a run */
	NOTHING /* no table that holds the entry */
};

/* Return: 0: done; one of these; -ENOMEM. */
static int step(struct gather *g, unsigned level, const struct mapping *m)
{
	struct page_table *p = g->p;
	int err = AGAIN;
	struct path path;
	unsigned found;

	gw_gather_room(g, 1);
	p->env->read_lock(p->env);
	found = descend(p, &path, &m->at, level, 0);
	if (found > level) {
		uint64_t e = gw_load_relaxed(&path.table[found][gw_index(m->at.va, found)]);

		err = gw_fmt_is_leaf(e, found) ? ACROSS : NOTHING;
	} else if (table_lock(p, desc_of(p, path.table[found], found))) {
		uint64_t e = gw_load_relaxed(&path.table[found][gw_index(m->at.va, found)]);

		err = is_of_run(e, found) ? ACROSS : replace_entry(g, path.table[found], found, m);
		table_unlock(desc_of(p, path.table[found], found));
	}
	p->env->read_unlock(p->env);
	gw_gather_kill(g);
	return err;
}

/* The MMU may remember the larger leaf, or the run, that has just been split in place: as in
 * must_break, it may not meet the new one. */
static void forget_larger(struct gather *g, const struct cursor *at)
{
	if (!GW_FMT_HW_UPDATES || GW_FMT_BREAK_BEFORE_MAKE)
		return;
	gw_gather_range(g, at->va, at->left);
	gw_gather_invalidate(g);
}

int gw_replace(struct gw_pt *pt, uint64_t va, uint64_t bytes, uint64_t out, uint32_t attr)
{
	struct page_table *p = page_table_of(pt);
	struct mapping m = {.at = {.va = gw_low(va), .left = bytes},
			    .out = out,
			    .stretch = bytes,
			    .attr = attr,
			    .max_level = p->max_level};
	unsigned level = gw_leaf_level(&m);
	int err = gw_mapping_check(pt, va, bytes, out, attr);
	struct gather g;

	if (!err && bytes != gw_span(level))
		err = -EINVAL;
	if (!err)
		err = keep_limit(p);
	if (err)
		return err;
	gw_gather_start(&g, p);
	do {
		err = step(&g, level, &m);
		if (err == ACROSS) {
			err = gw_split_ends(&g, &m.at);
			err = err ? err : AGAIN;
			forget_larger(&g, &m.at);
		} else if (err == NOTHING) {
			err = gw_map(pt, va, bytes, out, attr);
			err = err == -EEXIST ? AGAIN : err; /* another updater was faster */
		}
	} while (err == AGAIN);
	gw_gather_finish(&g);
	return err;
}
