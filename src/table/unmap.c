/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * gw_unmap: empties entries, and unlinks whole tables where the range covers all that they could
 * hold. */
#include "table.h"

/* Whether a leaf at the start of the range is to go. Ranges are unmapped from start to end, and
 * what is to go is followed along. */
static bool wanted(const struct gather *g, const struct cursor *at, uint64_t e, unsigned level)
{
	if (!g->only)
		return true;
	mapping_advance(g->only, at->va - g->only->at.va);
	return covers_leaf(at, e, level) && g->only->stretch >= gw_leaf_bytes(e, level) &&
	       gw_fmt_out(e, level) == g->only->out;
}

/* Whether tables that the range covers go as they are, and what is below with them. */
static bool whole_tables(const struct gather *g)
{
	return g->policy != GW_POLICY_MANUAL && !g->only;
}

/* Of the n entries of a leaf. */
static void gather_deposits(struct gather *g, struct desc *desc, unsigned index, unsigned n)
{
	for (unsigned i = index; desc->level && i < index + n; i++)
		gw_gather_deposits(g, gw_deposit_take(desc, i), desc->level);
}

/* Empties pages that follow one another, up to n and the first of them at least, of which nobody is
 * told: by stores, since bits that hardware sets just before are lost on nobody. Return: how many.
 */
static int clear_pages(gw_entry *entry, unsigned n)
{
	unsigned i = 0;
	uint64_t e;

	do {
		gw_store_release(&entry[i], gw_fmt_empty(0));
		if (++i == n)
			break;
		e = gw_load_relaxed(&entry[i]);
	} while (gw_fmt_is_leaf(e, 0) && leaf_entries(e, 0) == 1);
	return (int)i;
}

/* Empties one entry of a locked table, at the start of the range, or a run of them. Return: how
 * many when a leaf went, 0 when there was nothing to do or a table went; -1 when the entry has to
 * be gone into, or split. */
static int clear_entry(struct gather *g, gw_entry *table, unsigned level, unsigned i,
		       const struct cursor *at)
{
	uint64_t e = gw_load_relaxed(&table[i]);

	if (gw_fmt_is_table(e, level)) {
		if (!whole_tables(g) || !covers(at, level))
			return -1;
		gw_lock_take(&desc_of(g->p, child_of(g->p, e, level), level - 1)->lock, g->p->env);
		gw_unlink_locked(g, table, level, i, gw_fmt_empty(level));
	} else if (gw_fmt_is_leaf(e, level) && wanted(g, at, e, level)) {
		if (!covers_leaf(at, e, level))
			return -1;
		if (!level && g->no_release && !g->only && leaf_entries(e, 0) == 1)
			return clear_pages(&table[i], entries_left(at, 0));
		e = leaf_clear(&table[i], level);
		gather_deposits(g, desc_of(g->p, table, level), i, leaf_entries(e, level));
		if (!g->no_release)
			gw_gather_leaf(g, at->va, e, level);
		return (int)leaf_entries(e, level);
	}
	return 0;
}

/* Empties entries of a locked table from the start of the range on, until one returns -1 or
 * `room` leaves are gathered. The range to invalidate is from the first leaf to the end of the
 * last. */
static void clear(struct gather *g, gw_entry *table, unsigned level, struct cursor *at,
		  unsigned room)
{
	uint64_t first = 0, end = 0;
	uint32_t leaves = 0, count = 0;

	for (unsigned i = gw_index(at->va, level);
	     at->left && i < entries(level) && leaves < room;) {
		int gone = clear_entry(g, table, level, i, at);
		uint64_t bytes = gone > 0 ? (unsigned)gone * gw_span(level) : piece(at, level);

		if (gone < 0)
			break;
		if (gone) {
			first = leaves++ ? first : at->va;
			end = at->va + bytes;
			count += (unsigned)gone;
		}
		i += gone ? (unsigned)gone : 1;
		advance(at, bytes);
	}
	if (!leaves)
		return;
	count_add(desc_of(g->p, table, level), -count);
	gw_gather_range(g, first, end - first);
}

/* One table's worth. Return: whether to go on, which is not so at a leaf that lies across an end
 * of the range. */
static bool step(struct gather *g, struct cursor *at)
{
	struct page_table *p = g->p;
	unsigned room = gw_gather_room(g, at->left / gw_span(0)), level;
	struct cursor before = *at;
	bool across = false;
	struct path path;

	p->env->read_lock(p->env);
	level = descend(p, &path, at, 0, whole_tables(g) ? GW_LEVELS : 0);
	if (table_lock(p, desc_of(p, path.table[level], level))) {
		uint64_t e = gw_load_relaxed(&path.table[level][gw_index(at->va, level)]);

		across = gw_fmt_is_leaf(e, level) && !covers_leaf(at, e, level) &&
			 wanted(g, at, e, level);
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

	/* Ends that had to be were split; another updater may have put a leaf across one since. */
	while (at.left && !err)
		if (!step(g, &at))
			err = gw_split_ends(g, &at);
	return err;
}

/* Whether a page can go from a table without the table turning empty, or mattering if it does. */
static bool stays(const struct page_table *p, struct desc *desc)
{
	return p->opts.policy == GW_POLICY_MANUAL || gw_load_relaxed(&desc->count) > 1;
}

/* The most frequent calls, straight through: one page, of which nobody is told. Return: false, with
 * nothing done, where it takes more than to write an entry and to see to the table. */
static bool unmap_page(struct page_table *p, uint64_t va)
{
	const struct gw_range page = {.va = va, .bytes = gw_span(0)};
	const struct cursor at = {.va = gw_low(va), .left = gw_span(0)};
	bool done = false, last = false;
	struct desc *desc;
	struct gather g;
	struct path path;

	p->env->read_lock(p->env);
	desc = descend(p, &path, &at, 0, 0) ? NULL : desc_of(p, path.table[0], 0);
	if (desc && !stays(p, desc)) {
		last = true;
		gw_gather_start(&g, p);
	}
	if (desc && !(last && p->opts.over_limit) && table_lock(p, desc)) {
		gw_entry *entry = &path.table[0][gw_index(at.va, 0)];
		uint64_t e = gw_load_relaxed(entry);

		done = gw_fmt_is_leaf(e, 0) && leaf_entries(e, 0) == 1 && (last || stays(p, desc));
		if (done)
			count_add(desc, -(uint32_t)clear_pages(entry, 1));
		if (done && last)
			gw_unlock_emptied(&g, &path, 0, at.va);
		else
			table_unlock(desc);
	}
	p->env->read_unlock(p->env);
	if (!done)
		return false;
	if (last) {
		gw_gather_range(&g, at.va, at.left);
		gw_gather_finish(&g);
		gw_care_for_idle(&g);
	} else if (p->opts.invalidate && !GW_MUTANT(skip_invalidate)) {
		p->opts.invalidate(p->opts.ctx, &page);
	}
	return true;
}

/* Part of gw_unmap, also where a probe follows it. */
static inline __attribute__((always_inline)) int try_unmap(struct page_table *p, uint64_t va,
							   uint64_t bytes)
{
	struct cursor at = {.va = gw_low(va), .left = bytes};
	int err = range_check(&p->pt, va, bytes);
	struct gather g;

	if (err || (bytes == gw_span(0) && !p->opts.release && unmap_page(p, va)))
		return err;
	err = keep_limit(p);
	if (err)
		return err;
	gw_gather_start(&g, p);
	/* A range within one table of pages is emptied in one step: a leaf across an end is met
	 * there, before anything has changed (guarantee G). */
	if (at.left > piece(&at, 1))
		err = gw_split_ends(&g, &at);
	if (!err)
		err = gw_unmap_range(&g, at);
	gw_gather_finish(&g);
	gw_care_for_idle(&g);
	return err;
}

int gw_unmap(struct gw_pt *pt, uint64_t va, uint64_t bytes)
{
	int err;

	GW_PROBE(unmap, pt, va, bytes);
	err = try_unmap(page_table_of(pt), va, bytes);
	GW_PROBE(unmap_done, pt, err);
	return err;
}
