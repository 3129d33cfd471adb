/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The tables that one unmap has unlinked, on their way back: mmu_gather. */
#ifndef GW_LAB_GATHER_H
#define GW_LAB_GATHER_H

#include "pgtable.h"

struct mmu_table_batch;

struct mmu_gather {
	struct mm *mm;
	enum lab_unmap unmap;
	struct mmu_table_batch *batch;
};

void tlb_gather_mmu(struct mmu_gather *tlb, struct mm *mm, enum lab_unmap unmap);

/* Takes a table that was unlinked and is in no TLB any more. Context: no spinlock held. */
void tlb_remove_table(struct mmu_gather *tlb, void *table);

/* Hands on what is still collected. */
void tlb_finish_mmu(struct mmu_gather *tlb);

#endif
