/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Accessors to single page entries that may fail: the table can be gone. */
#include "table.h"

/* The last-level table of an address in path->table[0]; false: none. Inside a read-side section. */
static bool find(const struct page_table *p, uint64_t va, struct path *path)
{
	struct cursor at = {.va = gw_low(va)};

	return gw_is_inside(&p->pt, va) && descend(p, path, &at, 0, 0) == 0;
}

const gw_entry *gw_pte_map(struct gw_pt *pt, uint64_t va)
{
	struct page_table *p = page_table_of(pt);
	struct path path;

	p->env->read_lock(p->env);
	if (find(p, va, &path))
		return &path.table[0][gw_index(va, 0)];
	p->env->read_unlock(p->env);
	return NULL;
}

void gw_pte_unmap(struct gw_pt *pt)
{
	struct page_table *p = page_table_of(pt);

	p->env->read_unlock(p->env);
}

bool gw_pte_map_lock(struct gw_pt *pt, uint64_t va, struct gw_pte *pte)
{
	struct page_table *p = page_table_of(pt);
	struct path path;

	p->env->read_lock(p->env);
	while (find(p, va, &path)) {
		if (!table_lock(p, desc_of(p, path.table[0], 0)))
			continue; /* it was unlinked in between: look again */
		pte->entry = &path.table[0][gw_index(va, 0)];
		pte->table = (void *)path.table[0];
		pte->va = va;
		return true;
	}
	p->env->read_unlock(p->env);
	return false;
}

/* One entry of a run is not changed alone. */
static void leave_run(struct page_table *p, struct gw_pte *pte)
{
	struct gather g;

	gw_gather_start(&g, p);
	gw_run_split(&g, pte->entry, gw_low(pte->va), 0);
}

uint64_t gw_pte_set(struct gw_pt *pt, struct gw_pte *pte, uint64_t entry)
{
	struct page_table *p = page_table_of(pt);
	uint64_t old = gw_load_relaxed(pte->entry);

	if (is_of_run(old, 0))
		leave_run(p, pte);
	/* Release: what a new leaf maps was written before (guarantee D). */
	old = gw_exchange_acq_rel(pte->entry, entry);
	count_add(desc_of(p, pte->table, 0), !is_empty(entry, 0) - (uint32_t)!is_empty(old, 0));
	return old;
}

void gw_pte_unlock(struct gw_pt *pt, struct gw_pte *pte)
{
	struct page_table *p = page_table_of(pt);
	struct gather g;
	struct path path;

	gw_gather_start(&g, p);
	/* The table itself stays while its lock is held, but a parent may have been unlinked
	 * with all below it: then whoever did that is about to gather this table too, and
	 * another may stand in its place. */
	if (find(p, pte->va, &path) && path.table[0] == (gw_entry *)pte->table)
		gw_unlock_emptied(&g, &path, 0, gw_low(pte->va));
	else
		table_unlock(desc_of(p, pte->table, 0));
	p->env->read_unlock(p->env);
	g.may_wait = false; /* the caller may be in a read-side section of its own */
	gw_gather_finish(&g);
	gw_care_for_idle(&g);
}
