/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * As many rcu_heads as tables, in an array beside the page.
 *
 * From: a remark in powerpc's thread of June 2023. It left the allocator as it was; so do we.
 *
 * States of a table: not cut, in use, deferred (queued on its own head), gone until its page went
 * back. A page's refcount counts the first three; at zero the page goes back.
 *
 * Invariant: a table's head is queued only while the table is deferred, so never twice. Costs a
 * head a table, deferred or not, and a callback a table.
 */
#include "pte_fragment.h"

struct table_head {
	struct gw_head rcu_head;
	struct ptdesc *pt; /* a kernel finds it by the head's address */
};

struct heads_ptdesc {
	struct ptdesc pt;
	struct table_head heads[];
};

static void pte_free_now(struct gw_head *head)
{
	struct ptdesc *pt = container_of(head, struct table_head, rcu_head)->pt;

	if (pte_fragment_put(pt))
		page_free(pt);
}

static void pte_free_defer(struct mm *mm, void *table)
{
	struct ptdesc *pt = virt_to_ptdesc(mm->lab, table);
	struct table_head *head =
		&container_of(pt, struct heads_ptdesc, pt)->heads[table_index(mm->lab, table)];

	head->pt = pt;
	call_rcu(mm->lab, &head->rcu_head, pte_free_now);
}

static size_t side_bytes(const struct lab *lab)
{
	return 16 * tables_per_page(lab);
}

const struct lab_scheme lab_head_per_table = {
	.name = "head-per-table",
	.text = "a head for each table, in an array beside the page",
	.tables_max = LAB_TABLES_PER_PAGE_MAX,
	.mm_bytes = sizeof(struct fragment_mm),
	.ptdesc_bytes = sizeof(struct heads_ptdesc),
	.slot_bytes = sizeof(struct table_head),
	.side_bytes = side_bytes,
	.mm_exit = pte_fragment_exit,
	.table_alloc = pte_fragment_alloc,
	.table_free = pte_fragment_free,
	.table_free_defer = pte_free_defer,
};
