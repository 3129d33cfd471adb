/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * A struct beside each page: a mask of free tables, a mask of pending ones, one head.
 *
 * From: a sketch in the thread of June 2, 2023. It left open where the masks' lock and list are;
 * here both are the mm's, and a deferral in flight holds on to the mm.
 *
 * States of a table: free, in use (in neither mask), pending.
 *
 * Invariant it needs: a page with pending tables has its head queued, and what the callback
 * releases was pending when the head was queued. As sketched it keeps neither: the test that
 * decides who queues the head is the wrong way round, so that a page's first deferral waits for a
 * second; and the callback takes all that is pending by then, late comers with it, after less than
 * a grace period for these. Two switches repair it: "queue-test", the mask was empty before me;
 * "full-period", only what was recorded when the head was queued is released, and the head is
 * queued again for the rest.
 */
#include "page.h"
#include <string.h>

enum { QUEUE_TEST, FULL_PERIOD };
enum { WORDS = LAB_TABLES_PER_PAGE_MAX / 64 };

struct side_ptdesc {
	struct ptdesc pt;
	struct mm *mm;
	uint64_t free[WORDS], pending[WORDS];
	uint64_t covered[WORDS]; /* pending when the head was queued */
	unsigned nfree;
};

struct side_mm {
	struct mm mm;
	struct cds_list_head pages; /* with a free table, under page_table_lock */
};

static struct side_ptdesc *side_of(struct ptdesc *pt)
{
	return container_of(pt, struct side_ptdesc, pt);
}

static int mm_init(struct mm *mm)
{
	CDS_INIT_LIST_HEAD(&container_of(mm, struct side_mm, mm)->pages);
	return 0;
}

static void list_page(struct mm *mm, struct side_ptdesc *side)
{
	cds_list_add(&side->pt.lru, &container_of(mm, struct side_mm, mm)->pages);
	side->pt.listed = true;
}

static void unlist_page(struct side_ptdesc *side)
{
	if (side->pt.listed)
		cds_list_del(&side->pt.lru);
	side->pt.listed = false;
}

/* Takes a free table. Under the lock. */
static unsigned take(struct side_ptdesc *side)
{
	unsigned w = 0, bit;

	while (!side->free[w])
		w++;
	bit = (unsigned)__builtin_ctzll(side->free[w]);
	side->free[w] &= ~(1ull << bit);
	if (!--side->nfree)
		unlist_page(side);
	return w * 64 + bit;
}

static struct side_ptdesc *new_page(struct mm *mm)
{
	struct ptdesc *pt = page_alloc(mm->lab);
	struct side_ptdesc *side;

	if (!pt)
		return NULL;
	side = side_of(pt);
	side->mm = mm;
	side->nfree = tables_per_page(mm->lab);
	for (unsigned i = 0; i < side->nfree; i++)
		side->free[i / 64] |= 1ull << i % 64;
	return side;
}

static void *page_table_alloc(struct mm *mm)
{
	struct side_mm *sm = container_of(mm, struct side_mm, mm);
	struct side_ptdesc *side = NULL;
	unsigned index = 0;
	void *table;

	spin_lock(&mm->page_table_lock);
	if (!cds_list_empty(&sm->pages)) {
		side = side_of(cds_list_first_entry(&sm->pages, struct ptdesc, lru));
		index = take(side);
	}
	spin_unlock(&mm->page_table_lock);
	if (!side) {
		side = new_page(mm);
		if (!side)
			return NULL;
		spin_lock(&mm->page_table_lock);
		list_page(mm, side);
		index = take(side);
		spin_unlock(&mm->page_table_lock);
	}
	table = table_in(&side->pt, index);
	return memset(table, 0, lab_table_bytes(mm->lab));
}

/* Adds tables to the free mask. Under the lock. Return: whether the page is all free, and then off
 * the list. */
static bool release(struct mm *mm, struct side_ptdesc *side, const uint64_t tables[WORDS])
{
	for (unsigned w = 0; w < WORDS; w++) {
		side->free[w] |= tables[w];
		side->nfree += (unsigned)__builtin_popcountll(tables[w]);
	}
	if (side->nfree == tables_per_page(mm->lab)) {
		unlist_page(side);
		memset(side->free, 0, sizeof(side->free));
		return true;
	}
	if (!side->pt.listed)
		list_page(mm, side);
	return false;
}

static void page_table_free(struct mm *mm, void *table)
{
	struct side_ptdesc *side = side_of(virt_to_ptdesc(mm->lab, table));
	unsigned index = table_index(mm->lab, table);
	uint64_t tables[WORDS] = {0};
	bool all;

	tables[index / 64] = 1ull << index % 64;
	spin_lock(&mm->page_table_lock);
	all = release(mm, side, tables);
	spin_unlock(&mm->page_table_lock);
	if (all)
		page_free(&side->pt);
}

static bool any(const uint64_t mask[WORDS])
{
	uint64_t all = 0;

	for (unsigned w = 0; w < WORDS; w++)
		all |= mask[w];
	return all;
}

static void pte_free_now(struct gw_head *head)
{
	struct side_ptdesc *side = side_of(container_of(head, struct ptdesc, rcu_head));
	struct mm *mm = side->mm;
	bool full_period = switched(mm->lab, FULL_PERIOD), all, again = false;
	uint64_t tables[WORDS];

	spin_lock(&mm->page_table_lock);
	for (unsigned w = 0; w < WORDS; w++) {
		tables[w] = full_period ? side->covered[w] : side->pending[w];
		side->pending[w] &= ~tables[w];
		side->covered[w] = side->pending[w];
	}
	if (full_period)
		again = any(side->pending);
	all = release(mm, side, tables);
	spin_unlock(&mm->page_table_lock);
	if (again)
		call_rcu(mm->lab, &side->pt.rcu_head, pte_free_now);
	else
		mmdrop(mm);
	if (all)
		page_free(&side->pt);
}

static void pte_free_defer(struct mm *mm, void *table)
{
	struct side_ptdesc *side = side_of(virt_to_ptdesc(mm->lab, table));
	unsigned index = table_index(mm->lab, table);
	bool was_empty, queue;

	spin_lock(&mm->page_table_lock);
	was_empty = !any(side->pending);
	queue = switched(mm->lab, QUEUE_TEST) ? was_empty : !was_empty;
	side->pending[index / 64] |= 1ull << index % 64;
	if (queue)
		memcpy(side->covered, side->pending, sizeof(side->covered));
	spin_unlock(&mm->page_table_lock);
	if (queue) {
		mmgrab(mm);
		call_rcu(mm->lab, &side->pt.rcu_head, pte_free_now);
	}
}

static enum lab_invariant breaks(unsigned switches, unsigned tables)
{
	if (!(switches >> QUEUE_TEST & 1))
		return LAB_LOST_TABLE;
	/* One table is one page: none comes late. */
	return switches >> FULL_PERIOD & 1 || tables == 1 ? 0 : LAB_EARLY_REUSE;
}

static size_t side_bytes(const struct lab *lab)
{
	/* The head, a list node and two masks; three with the second repair. */
	return 32 + (2 + switched(lab, FULL_PERIOD)) * ((tables_per_page(lab) + 63) / 64) * 8;
}

const struct lab_scheme lab_side_struct = {
	.name = "side-struct",
	.text = "masks of free and pending tables beside the page (sketch of June 2, 2023)",
	.switch_ = {[QUEUE_TEST] = {"queue-test", "repair: queue when nothing was pending before"},
		    [FULL_PERIOD] = {"full-period", "repair: release only what was recorded"}},
	.tables_max = LAB_TABLES_PER_PAGE_MAX,
	.mm_bytes = sizeof(struct side_mm),
	.ptdesc_bytes = sizeof(struct side_ptdesc),
	.breaks = breaks,
	.side_bytes = side_bytes,
	.mm_init = mm_init,
	.table_alloc = page_table_alloc,
	.table_free = page_table_free,
	.table_free_defer = pte_free_defer,
};
