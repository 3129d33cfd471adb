/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Other attributes for a leaf that stays: in place, or by break and make where the format asks. */
#ifndef GW_TABLE_CHANGE_H
#define GW_TABLE_CHANGE_H

#include "table.h"

/* Leaves that are broken together, for one invalidation. */
enum { BREAKS = 32 };

/* A leaf of one entry, which turns into no run. */
static inline uint64_t changed(struct change change, uint64_t e, unsigned level)
{
	uint32_t attr = changed_attr(change, e, level) & ~(uint32_t)GW_CONTIGUOUS;

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

/* To be called before the table's lock is dropped. */
static inline void make_broken(struct gather *g, struct broken *broken)
{
	if (broken->n)
		gw_gather_invalidate(g);
	for (unsigned i = 0; i < broken->n; i++)
		gw_store_release(broken->at[i].entry, broken->at[i].to);
	broken->n = 0;
}

/* Changes the leaf of a locked table that va lies in, at that entry, and adds it to what is to be
 * invalidated. The lock is held until what was broken is made, so that other updaters never see the
 * gap. Return: whether there was anything to change, and then what the entry was in *old. */
static inline bool change_leaf(struct gather *g, struct broken *broken, gw_entry *entry,
			       uint64_t va, unsigned level, struct change change, uint64_t *old)
{
	uint64_t e = gw_load_relaxed(entry), to;

	if (gw_run_lg2(e, level))
		return gw_run_change(g, entry, va, level, change, old);
	/* Compare and exchange: hardware may set bits between the load and the store. */
	for (;;) {
		to = changed(change, e, level);
		if (e == to)
			return false;
		if (gw_fmt_must_break(e, to)) {
			e = entry_clear(entry, level);
			broken->at[broken->n].entry = entry;
			broken->at[broken->n++].to = changed(change, e, level);
			break;
		}
		if (GW_MUTANT(change_by_store)) {
			g->p->env->relax(g->p->env, UINT32_MAX); /* let others run here, too */
			gw_store_relaxed(entry, to);
			break;
		}
		if (gw_cas_acq_rel(entry, &e, to))
			break;
	}
	*old = e;
	gw_gather_range(g, va & ~(gw_span(level) - 1), gw_span(level));
	if (broken->n == BREAKS)
		make_broken(g, broken);
	return true;
}

#endif
