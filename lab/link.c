/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Linking, finding and unlinking tables of the address space, counted ones too. */
#include "pgtable_parts.h"
#include <errno.h>

/* The read-side section keeps the table's memory, and so its place in `descs`, from being another's
 * between the look at the PMD and the second one under the lock. */
pte_t *pte_offset_map_lock(struct pgtable *pgtable, uint64_t addr, struct table_desc **desc)
{
	struct gw_env *env = lab_env(pgtable->options.lab);
	struct pmd *pmd = pmd_offset(pgtable, addr);

	for (;;) {
		uint64_t seen;

		env->read_lock(env);
		seen = gw_load_dependent(&pmd->entry);
		if (!pmd_table(seen)) {
			env->read_unlock(env);
			return NULL;
		}
		*desc = desc_of(pgtable, (void *)(uintptr_t)seen);
		spin_lock(&(*desc)->ptl);
		if (gw_load_relaxed(&pmd->entry) == seen) {
			env->read_unlock(env); /* the lock keeps it linked */
			return pte_offset(pgtable, seen, addr);
		}
		spin_unlock(&(*desc)->ptl);
		env->read_unlock(env);
	}
}

/* ---- Linking and unlinking tables ---- */

static void pmd_populate(struct pgtable *pgtable, uint64_t addr, void *table)
{
	uint64_t chunk = addr >> (pgtable->span_lg2 + CHUNK_LG2);

	table_linked(pgtable->mm, table);
	if (!gw_load_relaxed(&pgtable->chunks[chunk]))
		gw_store_relaxed(&pgtable->chunks[chunk], 1);
	/* Release: the table's entries come first. Pairs with the walkers' dependent loads. */
	gw_store_release(&pmd_offset(pgtable, addr)->entry, (uintptr_t)table);
}

int pte_alloc(struct pgtable *pgtable, uint64_t addr, unsigned count, void **linked)
{
	void *table = table_alloc(pgtable->mm);
	spinlock_t *pml;

	*linked = NULL;
	if (!table)
		return -ENOMEM;
	gw_store_relaxed(&desc_of(pgtable, table)->count, count);
	pml = pmd_lock(pgtable, addr);
	if (!gw_load_relaxed(&pmd_offset(pgtable, addr)->entry)) {
		pmd_populate(pgtable, addr, table);
		*linked = table;
	}
	spin_unlock(pml);
	if (!*linked)
		table_free(pgtable->mm, table); /* somebody was quicker */
	return 0;
}

static void *pmd_clear(struct pgtable *pgtable, uint64_t addr)
{
	pmd_t *entry = &pmd_offset(pgtable, addr)->entry;
	void *table = (void *)(uintptr_t)gw_load_relaxed(entry);

	gw_store_relaxed(entry, 0);
	return table;
}

void *unlink_table(struct pgtable *pgtable, uint64_t addr, bool only_empty)
{
	spinlock_t *pml = pmd_lock(pgtable, addr);
	uint64_t pmd = gw_load_relaxed(&pmd_offset(pgtable, addr)->entry);
	void *table = NULL;

	if (pmd_table(pmd)) {
		struct table_desc *desc = desc_of(pgtable, (void *)(uintptr_t)pmd);

		spin_lock(&desc->ptl);
		/* Acquire: the last user of a counted table has done with it. Pairs with
		 * count_put, which need not be ours. */
		if (!only_empty || !gw_load_acquire(&desc->count))
			table = pmd_clear(pgtable, addr);
		spin_unlock(&desc->ptl);
	}
	spin_unlock(pml);
	return table;
}

void remove_one(struct pgtable *pgtable, void *table)
{
	struct mmu_gather tlb;

	if (!table)
		return;
	tlb_gather_mmu(&tlb, pgtable->mm, pgtable->options.unmap);
	tlb_remove_table(&tlb, table);
	tlb_finish_mmu(&tlb);
}

void pgtable_retract(struct pgtable *pgtable, uint64_t addr)
{
	remove_one(pgtable, unlink_table(pgtable, addr, false));
}

/* ---- Counted tables ---- */

/* Adds a user unless there is neither user nor entry: then the table is on its way out. */
static bool count_get(struct table_desc *desc)
{
	uint32_t count = gw_load_relaxed(&desc->count);

	do {
		if (!count)
			return false;
	} while (!gw_cas_acq_rel(&desc->count, &count, count + 1));
	return true;
}

static void count_put(struct pgtable *pgtable, uint64_t addr, struct table_desc *desc)
{
	if (gw_fetch_sub_acq_rel(&desc->count, 1) == 1)
		remove_one(pgtable, unlink_table(pgtable, addr, true));
}

static pte_t *try_get(struct pgtable *pgtable, uint64_t addr)
{
	uint64_t pmd = gw_load_dependent(&pmd_offset(pgtable, addr)->entry);

	if (!pmd_table(pmd) || !count_get(desc_of(pgtable, (void *)(uintptr_t)pmd)))
		return NULL;
	return pte_offset(pgtable, pmd, addr);
}

pte_t *pte_try_get(struct pgtable *pgtable, struct lab_walker *walker, uint64_t addr)
{
	pte_t *ptep;

	lab_rcu_read_lock(walker);
	ptep = try_get(pgtable, addr);
	lab_rcu_read_unlock(walker);
	return ptep;
}

void pte_put(struct pgtable *pgtable, uint64_t addr, pte_t *ptep)
{
	count_put(pgtable, addr, desc_of(pgtable, table_of(pgtable, ptep)));
}

pte_t *table_lock(struct pgtable *pgtable, uint64_t addr, struct table_desc **desc)
{
	struct gw_env *env = lab_env(pgtable->options.lab);
	pte_t *ptep;

	if (!pgtable->options.counted)
		return pte_offset_map_lock(pgtable, addr, desc);
	env->read_lock(env);
	ptep = try_get(pgtable, addr);
	env->read_unlock(env);
	if (ptep) {
		*desc = desc_of(pgtable, table_of(pgtable, ptep));
		spin_lock(&(*desc)->ptl);
	}
	return ptep;
}

void table_unlock(struct pgtable *pgtable, uint64_t addr, struct table_desc *desc,
		  struct mmu_gather *tlb)
{
	bool empty = !gw_load_relaxed(&desc->count);
	void *table;

	spin_unlock(&desc->ptl);
	if (pgtable->options.counted) {
		count_put(pgtable, addr, desc);
	} else if (empty && !pgtable->options.keep_empty) {
		table = unlink_table(pgtable, addr, true);
		if (table)
			tlb_remove_table(tlb, table);
	}
}
