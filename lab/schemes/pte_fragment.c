/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * powerpc's page-table fragments. */
#include "pte_fragment.h"

static struct fragment_mm *fragments(struct mm *mm)
{
	return container_of(mm, struct fragment_mm, mm);
}

/* get_pte_from_cache: the next fragment of the mm's page. */
static void *cut(struct mm *mm)
{
	struct fragment_mm *fm = fragments(mm);
	unsigned char *table;

	spin_lock(&mm->page_table_lock);
	table = fm->pte_frag;
	if (table) {
		fm->pte_frag = table + lab_table_bytes(mm->lab);
		if (table_index(mm->lab, fm->pte_frag) == 0)
			fm->pte_frag = NULL; /* that was the page's last */
	}
	spin_unlock(&mm->page_table_lock);
	return table;
}

/* __alloc_for_ptecache: the first fragment of a new page. Who finds that another thread put a page
 * there meanwhile keeps its own page for this one table. */
static void *cut_new_page(struct mm *mm)
{
	struct fragment_mm *fm = fragments(mm);
	struct ptdesc *pt = page_alloc(mm->lab);

	if (!pt)
		return NULL;
	gw_store_relaxed(&pt->refcount, 1);
	if (tables_per_page(mm->lab) == 1)
		return table_in(pt, 0);
	spin_lock(&mm->page_table_lock);
	if (!fm->pte_frag) {
		gw_store_relaxed(&pt->refcount, tables_per_page(mm->lab));
		fm->pte_frag = table_in(pt, 1);
	}
	spin_unlock(&mm->page_table_lock);
	return table_in(pt, 0);
}

void *pte_fragment_alloc(struct mm *mm)
{
	void *table = cut(mm);

	return table ? table : cut_new_page(mm);
}

/* Release: what was done to the fragment comes before the page's return; acquire: so does what was
 * done to all others. */
bool pte_fragment_put(struct ptdesc *pt)
{
	return gw_fetch_sub_acq_rel(&pt->refcount, 1) == 1;
}

struct ptdesc *pte_frag_destroy(struct mm *mm)
{
	void *rest = fragments(mm)->pte_frag;
	struct ptdesc *pt;
	uint32_t uncut;

	if (!rest)
		return NULL;
	fragments(mm)->pte_frag = NULL;
	pt = virt_to_ptdesc(mm->lab, rest);
	uncut = tables_per_page(mm->lab) - table_index(mm->lab, rest);
	return gw_fetch_sub_acq_rel(&pt->refcount, uncut) == uncut ? pt : NULL;
}

void pte_fragment_exit(struct mm *mm)
{
	struct ptdesc *pt = pte_frag_destroy(mm);

	if (pt)
		page_free(pt);
}

void pte_fragment_free(struct mm *mm, void *table)
{
	struct ptdesc *pt = virt_to_ptdesc(mm->lab, table);

	if (pte_fragment_put(pt))
		page_free(pt);
}
