/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Two tables a page, each half allocated, pending removal, or neither.
 *
 * From: s390's 2 KiB page tables (arch/s390/mm/pgalloc.c, 2016 to 2024), with the deferral posted
 * June 29, 2023 and merged.
 *
 * States of a half, in four bits of the page's refcount: A, allocated; P, pending removal; never
 * both. Pages with one half allocated are on the mm's list, under its lock.
 *
 * Three ways to free a half. The ordinary one lists the page, and the half is given out again. A
 * removal by batch marks the half pending first, which keeps it from being given out, and takes the
 * mark off after the batch's grace period. The deferral marks the page "active" and never lists it
 * again, so that neither half is given out before the page went back; whoever takes the last of the
 * four bits away queues the head, if the page is marked. So the page needs to know whether it is on
 * the list.
 *
 * Invariant: a page goes back when its four bits are zero, and a half of a marked page, or a
 * pending one, is never given out.
 */
#include "page.h"
#include <string.h>

enum { A = 0x01, P = 0x10, ALL_A = 0x03 };

struct halves_mm {
	struct mm mm;
	struct cds_list_head pgtable_list; /* under page_table_lock (context.lock) */
};

static int mm_init(struct mm *mm)
{
	CDS_INIT_LIST_HEAD(&container_of(mm, struct halves_mm, mm)->pgtable_list);
	return 0;
}

static uint32_t atomic_xor_bits(struct ptdesc *pt, uint32_t bits)
{
	return gw_fetch_xor_acq_rel(&pt->refcount, bits) ^ bits;
}

static void unlist_page(struct ptdesc *pt)
{
	if (pt->listed)
		cds_list_del(&pt->lru);
	pt->listed = false;
}

/* A half of the list's first page. If that one's other half is pending, a new page is taken
 * rather than the list searched: removals go to its end. */
static void *half_of_listed(struct mm *mm)
{
	struct halves_mm *hm = container_of(mm, struct halves_mm, mm);
	void *table = NULL;

	spin_lock(&mm->page_table_lock);
	if (!cds_list_empty(&hm->pgtable_list)) {
		struct ptdesc *pt = cds_list_first_entry(&hm->pgtable_list, struct ptdesc, lru);
		uint32_t bits = gw_load_acquire(&pt->refcount);

		bits = (bits | bits >> 4) & ALL_A;
		if (bits != ALL_A) {
			unsigned half = bits & 1;

			table = table_in(pt, half);
			atomic_xor_bits(pt, A << half);
			unlist_page(pt);
		}
	}
	spin_unlock(&mm->page_table_lock);
	return table;
}

static void *page_table_alloc(struct mm *mm)
{
	struct halves_mm *hm = container_of(mm, struct halves_mm, mm);
	void *table = tables_per_page(mm->lab) == 2 ? half_of_listed(mm) : NULL;
	struct ptdesc *pt;

	if (table)
		return memset(table, 0, lab_table_bytes(mm->lab));
	pt = page_alloc(mm->lab);
	if (!pt)
		return NULL;
	gw_store_relaxed(&pt->refcount, A);
	if (tables_per_page(mm->lab) == 2) {
		spin_lock(&mm->page_table_lock);
		cds_list_add(&pt->lru, &hm->pgtable_list);
		pt->listed = true;
		spin_unlock(&mm->page_table_lock);
	}
	return table_in(pt, 0);
}

/* From allocated to pending, and the list made to fit: `at_end` for a half that stays pending. */
static void mark_pending(struct mm *mm, struct ptdesc *pt, unsigned half, bool at_end)
{
	struct cds_list_head *list = &container_of(mm, struct halves_mm, mm)->pgtable_list;

	spin_lock(&mm->page_table_lock);
	unlist_page(pt);
	if (atomic_xor_bits(pt, (A | P) << half) & ALL_A && !gw_load_relaxed(&pt->active)) {
		if (at_end)
			cds_list_add_tail(&pt->lru, list);
		else
			cds_list_add(&pt->lru, list);
		pt->listed = true;
	}
	spin_unlock(&mm->page_table_lock);
}

static void pte_free_now(struct gw_head *head)
{
	page_free(container_of(head, struct ptdesc, rcu_head));
}

/* From pending to free; the page with it, if that was the last of its bits. */
static void clear_pending(struct ptdesc *pt, unsigned half)
{
	if (atomic_xor_bits(pt, P << half))
		return;
	if (!gw_load_relaxed(&pt->active)) {
		page_free(pt);
		return;
	}
	gw_store_relaxed(&pt->active, 0);
	call_rcu(pt->lab, &pt->rcu_head, pte_free_now);
}

static void page_table_free(struct mm *mm, void *table)
{
	struct ptdesc *pt = virt_to_ptdesc(mm->lab, table);
	unsigned half = table_index(mm->lab, table);

	mark_pending(mm, pt, half, false);
	clear_pending(pt, half);
}

static void pte_free_defer(struct mm *mm, void *table)
{
	gw_store_relaxed(&virt_to_ptdesc(mm->lab, table)->active, 1);
	page_table_free(mm, table);
}

static void page_table_free_rcu(struct mm *mm, void *table)
{
	mark_pending(mm, virt_to_ptdesc(mm->lab, table), table_index(mm->lab, table), true);
}

static void tlb_remove_half(struct mm *mm, void *table)
{
	clear_pending(virt_to_ptdesc(mm->lab, table), table_index(mm->lab, table));
}

static size_t side_bytes(const struct lab *lab)
{
	(void)lab;
	return 16 + 4; /* the rcu_head and the refcount; the list node shares the head's place */
}

const struct lab_scheme lab_halves = {
	.name = "halves",
	.text = "two tables a page, each allocated, pending or neither (s390, 2016 to 2024)",
	.tables_max = 2,
	.mm_bytes = sizeof(struct halves_mm),
	.ptdesc_bytes = sizeof(struct ptdesc),
	.side_bytes = side_bytes,
	.mm_init = mm_init,
	.table_alloc = page_table_alloc,
	.table_free = page_table_free,
	.table_free_defer = pte_free_defer,
	.table_remove = page_table_free_rcu,
	.table_removed = tlb_remove_half,
};
