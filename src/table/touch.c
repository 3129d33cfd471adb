/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * gw_touch: an access or a write recorded in a leaf, as an MMU does. */
#include "table.h"

static bool allows(uint64_t e, uint32_t set, unsigned level)
{
	return gw_fmt_is_leaf(e, level) && (!(set & GW_DIRTY) || gw_fmt_attr(e, level) & GW_WRITE);
}

/* In an entry of a locked table; an MMU may record something in it at the same time. */
static bool record(gw_entry *entry, uint32_t set, unsigned level)
{
	uint64_t e = gw_load_relaxed(entry);

	while (allows(e, set, level)) {
		uint64_t to = gw_fmt_recorded(e, set, level);

		if (to == e || gw_cas_acq_rel(entry, &e, to))
			return true;
	}
	return false;
}

/* The lock is what keeps a record from getting lost: a dead table's leaves are read once, at a time
 * when no MMU uses them any more, and what came later nobody would be told (T1). */
bool gw_touch(struct gw_pt *pt, uint64_t va, uint32_t set)
{
	struct page_table *p = page_table_of(pt);
	struct cursor at = {.va = gw_low(va)};
	bool again, done = false;

	if (!gw_is_inside(pt, va))
		return false;
	p->env->read_lock(p->env);
	do {
		struct path path;
		unsigned level = descend(p, &path, &at, 0, 0);
		gw_entry *entry = &path.table[level][gw_index(va, level)];
		struct desc *desc = desc_of(p, path.table[level], level);

		again = true;
		if (!table_lock(p, desc))
			continue; /* it was unlinked in between: look again */
		again = gw_fmt_is_table(gw_load_relaxed(entry), level); /* or split */
		if (!again)
			done = record(entry, set, level);
		table_unlock(desc);
	} while (again);
	p->env->read_unlock(p->env);
	return done;
}
