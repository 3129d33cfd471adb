/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Naive: each deferred free queues the page's one rcu_head. And a page for each table, where that
 * is right.
 *
 * From: powerpc, "mm: free retracted page table by RCU", first posting, May 2023. s390 gave each
 * 2 KiB table a page of its own in 2024; other architectures always had one.
 *
 * States of a table: not cut, in use, deferred (queued on the head), gone until its page went back.
 * A page's refcount counts the tables not cut, in use or deferred; at zero the page goes back.
 *
 * Invariant it needs: at most one table of a page is deferred at a time. Nothing keeps that but
 * luck, unless a page has one table: the second deferral within a grace period queues a head that
 * is queued. With "own-page" each table has a page to itself, and the rest of the page is wasted.
 */
#include "pte_fragment.h"

enum { OWN_PAGE };

static void pte_free_now(struct gw_head *head)
{
	struct ptdesc *pt = container_of(head, struct ptdesc, rcu_head);

	if (pte_fragment_put(pt))
		page_free(pt);
}

static void pte_free_defer(struct mm *mm, void *table)
{
	call_rcu(mm->lab, &virt_to_ptdesc(mm->lab, table)->rcu_head, pte_free_now);
}

/* A page for this table alone. */
static void *page_table_alloc(struct mm *mm)
{
	struct ptdesc *pt = page_alloc(mm->lab);

	if (!pt)
		return NULL;
	gw_store_relaxed(&pt->refcount, 1);
	return table_in(pt, 0);
}

static void *pte_alloc_one(struct mm *mm)
{
	return switched(mm->lab, OWN_PAGE) ? page_table_alloc(mm) : pte_fragment_alloc(mm);
}

static enum lab_invariant breaks(unsigned switches, unsigned tables)
{
	return switches >> OWN_PAGE & 1 || tables == 1 ? 0 : LAB_QUEUED_TWICE;
}

static size_t side_bytes(const struct lab *lab)
{
	(void)lab;
	return 16; /* the rcu_head */
}

const struct lab_scheme lab_head_per_page = {
	.name = "head-per-page",
	.text = "each deferral queues the page's one head (first powerpc posting, 2023)",
	.switch_ = {[OWN_PAGE] = {"own-page", "a page for each table, its rest unused"}},
	.tables_max = LAB_TABLES_PER_PAGE_MAX,
	.mm_bytes = sizeof(struct fragment_mm),
	.ptdesc_bytes = sizeof(struct ptdesc),
	.breaks = breaks,
	.side_bytes = side_bytes,
	.mm_exit = pte_fragment_exit,
	.table_alloc = pte_alloc_one,
	.table_free = pte_fragment_free,
	.table_free_defer = pte_free_defer,
};
