/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * A free drops the page's count; the last one out queues the head, if anybody deferred.
 *
 * From: proposed in powerpc's thread of June 2023 and merged for it, with a mark on the page
 * ("active") that says somebody deferred. s390 took the mark over.
 *
 * States of a table: not cut, in use, gone until its page went back. The count is the number of the
 * first two. Once it is zero the page waits for one grace period, if it is marked, and goes back.
 *
 * Invariant: a page whose tables were deferred is marked from the first deferral until its count is
 * zero, and whoever finds it zero takes the mark off: the fragments that an mm never cut are
 * dropped at its end and can be the last. (CVE-2026-53109: they were dropped there without a look
 * at the mark, and pages went back to the allocator with it. The switch "keep-mark" brings that
 * back.) It is right only because a freed table of a live page is not given out again.
 */
#include "pte_fragment.h"

enum { KEEP_MARK };

static void pte_free_now(struct gw_head *head)
{
	page_free(container_of(head, struct ptdesc, rcu_head));
}

/* The count is zero: nobody else looks at the page. */
static void last_out(struct ptdesc *pt)
{
	if (!gw_load_relaxed(&pt->active)) {
		page_free(pt);
		return;
	}
	gw_store_relaxed(&pt->active, 0);
	call_rcu(pt->lab, &pt->rcu_head, pte_free_now);
}

static void fragment_free(struct mm *mm, void *table)
{
	struct ptdesc *pt = virt_to_ptdesc(mm->lab, table);

	if (pte_fragment_put(pt))
		last_out(pt);
}

static void pte_free_defer(struct mm *mm, void *table)
{
	/* The release in pte_fragment_put brings the mark along. */
	gw_store_relaxed(&virt_to_ptdesc(mm->lab, table)->active, 1);
	fragment_free(mm, table);
}

static void destroy_context(struct mm *mm)
{
	struct ptdesc *pt = pte_frag_destroy(mm);

	if (pt && switched(mm->lab, KEEP_MARK))
		page_free(pt);
	else if (pt)
		last_out(pt);
}

static enum lab_invariant breaks(unsigned switches, unsigned tables)
{
	return switches >> KEEP_MARK & 1 && tables > 1 ? LAB_DIRTY_PAGE : 0;
}

static size_t side_bytes(const struct lab *lab)
{
	(void)lab;
	return 16 + 4; /* the rcu_head and the count; the mark is a page flag */
}

const struct lab_scheme lab_last_table_out = {
	.name = "last-table-out",
	.text = "the last table of a page queues the head for all (merged for powerpc, 2023)",
	.switch_ = {[KEEP_MARK] = {"keep-mark", "fault: an mm's end leaves the mark on the page"}},
	.tables_max = LAB_TABLES_PER_PAGE_MAX,
	.mm_bytes = sizeof(struct fragment_mm),
	.ptdesc_bytes = sizeof(struct ptdesc),
	.breaks = breaks,
	.side_bytes = side_bytes,
	.mm_exit = destroy_context,
	.table_alloc = pte_fragment_alloc,
	.table_free = fragment_free,
	.table_free_defer = pte_free_defer,
};
