/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Freeing the tables of an unmap, three ways.
 *
 *   batch by RCU          table pointers fill a page; one callback frees them all. All walkers
 * safe. single table by IPI   when no page for a batch is to be had: every processor is
 * interrupted, then the table is freed at once. Safe for walkers with interrupts off, not for those
 * in an RCU section: mm/mmu_gather.c calls it "semi RCU". single table by RCU   the scheme defers
 * the table (x86 since 6.14). All walkers safe.
 */
#include "gather.h"
#include "page.h"
#include <stdlib.h>

/* A page of 4 KiB: the head of a kernel's batch takes 24 bytes, and leaves room for 509 pointers.
 */
enum { MAX_TABLE_BATCH = (4096 - 24) / 8 };

struct mmu_table_batch {
	struct gw_head rcu;
	struct mm *mm;
	unsigned nr;
	void *tables[MAX_TABLE_BATCH];
};

const char *const lab_unmap_names[] = {
	[LAB_UNMAP_SINGLE] = "single", [LAB_UNMAP_BATCH] = "batch", [LAB_UNMAP_IPI] = "ipi", NULL};

void tlb_gather_mmu(struct mmu_gather *tlb, struct mm *mm, enum lab_unmap unmap)
{
	*tlb = (struct mmu_gather){.mm = mm, .unmap = unmap};
}

static void tlb_remove_table_rcu(struct gw_head *head)
{
	struct mmu_table_batch *batch = container_of(head, struct mmu_table_batch, rcu);
	struct mm *mm = batch->mm;

	for (unsigned i = 0; i < batch->nr; i++)
		table_removed(mm, batch->tables[i]);
	gw_fetch_sub_relaxed(&mm->lab->batches, 1);
	free(batch);
	mmdrop(mm);
}

static void tlb_table_flush(struct mmu_gather *tlb)
{
	struct mmu_table_batch *batch = tlb->batch;

	tlb->batch = NULL;
	if (batch)
		call_rcu(tlb->mm->lab, &batch->rcu, tlb_remove_table_rcu);
}

static void tlb_remove_table_one(struct mmu_gather *tlb, void *table)
{
	table_remove(tlb->mm, table);
	lab_ipi_sync(tlb->mm->lab);
	table_removed(tlb->mm, table);
}

static bool batch_ready(struct mmu_gather *tlb)
{
	if (tlb->batch)
		return true;
	tlb->batch = malloc(sizeof(*tlb->batch));
	if (!tlb->batch)
		return false;
	mmgrab(tlb->mm);
	tlb->batch->rcu.fn = NULL;
	tlb->batch->mm = tlb->mm;
	tlb->batch->nr = 0;
	gw_fetch_add_relaxed(&tlb->mm->lab->batches, 1);
	return true;
}

void tlb_remove_table(struct mmu_gather *tlb, void *table)
{
	if (tlb->unmap == LAB_UNMAP_SINGLE) {
		table_free_defer(tlb->mm, table);
	} else if (tlb->unmap == LAB_UNMAP_IPI || !batch_ready(tlb)) {
		tlb_remove_table_one(tlb, table);
	} else {
		table_remove(tlb->mm, table);
		tlb->batch->tables[tlb->batch->nr++] = table;
		if (tlb->batch->nr == MAX_TABLE_BATCH)
			tlb_table_flush(tlb);
	}
}

void tlb_finish_mmu(struct mmu_gather *tlb)
{
	tlb_table_flush(tlb);
}
