/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Deferrals are large increments of the page's count of tables; only the first queues the head.
 *
 * From: powerpc, second posting, June 6, 2023; never merged.
 *
 * States of a table: not cut, in use, deferred, gone until its page went back. The count is the
 * number of tables not cut or in use, plus DEFERRED for each deferral that no callback has folded
 * yet.
 *
 * Invariant: the head is queued, or its callback runs, exactly while the count is at least
 * DEFERRED. The deferral that lifts it there queues the head. The callback folds all large
 * increments but one into that one and queues again, if more than one are there: they may have come
 * late, and one more grace period covers them all. Else it takes the one away; with the count then
 * at zero the page goes back. Neither gives out a table of the page: that waits for the whole page.
 */
#include "pte_fragment.h"

enum { DEFERRED = 0x10000 }; /* beyond any number of tables in a page */

static void pte_free_now(struct gw_head *head)
{
	struct ptdesc *pt = container_of(head, struct ptdesc, rcu_head);
	uint32_t old = gw_load_acquire(&pt->refcount), now;

	/* Once the last large increment is away another deferral may queue the head, and others may
	 * give the page back: the operation that takes it is this call's last look, unless it left
	 * zero. Acquire and release as in pte_fragment_put. */
	do {
		now = old - (old / DEFERRED - 1) * DEFERRED;
		if (old < 2 * DEFERRED)
			now = old - DEFERRED;
	} while (!gw_cas_acq_rel(&pt->refcount, &old, now));
	if (now >= DEFERRED)
		call_rcu(pt->lab, head, pte_free_now);
	else if (!now)
		page_free(pt);
}

static void pte_free_defer(struct mm *mm, void *table)
{
	struct ptdesc *pt = virt_to_ptdesc(mm->lab, table);

	if (gw_fetch_add_acq_rel(&pt->refcount, DEFERRED - 1) < DEFERRED)
		call_rcu(mm->lab, &pt->rcu_head, pte_free_now);
}

static size_t side_bytes(const struct lab *lab)
{
	(void)lab;
	return 16 + 4; /* the rcu_head and the count */
}

const struct lab_scheme lab_biased_refcount = {
	.name = "biased-refcount",
	.text = "deferrals as large increments of the page's count (second posting, 2023)",
	.tables_max = LAB_TABLES_PER_PAGE_MAX,
	.mm_bytes = sizeof(struct fragment_mm),
	.ptdesc_bytes = sizeof(struct ptdesc),
	.side_bytes = side_bytes,
	.mm_exit = pte_fragment_exit,
	.table_alloc = pte_fragment_alloc,
	.table_free = pte_fragment_free,
	.table_free_defer = pte_free_defer,
};
