/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Huge leaves: deposit and withdraw, collapse and split. */
#include "pgtable_parts.h"
#include <errno.h>

static void pgtable_trans_huge_deposit(struct pgtable *pgtable, uint64_t addr, void *table)
{
	pmd_offset(pgtable, addr)->deposited = table;
}

static void *pgtable_trans_huge_withdraw(struct pgtable *pgtable, uint64_t addr)
{
	struct pmd *pmd = pmd_offset(pgtable, addr);
	void *table = pmd->deposited;

	pmd->deposited = NULL;
	return table;
}

/* Puts a huge leaf in the place of a table, with a deposit: `fresh`, or the table itself. Under
 * pmd_lock. Return: the table, NULL if there is none. */
static void *install_huge(struct pgtable *pgtable, uint64_t addr, void *fresh)
{
	pmd_t *entry = &pmd_offset(pgtable, addr)->entry;
	uint64_t pmd = gw_load_relaxed(entry);
	void *table = (void *)(uintptr_t)pmd;
	struct table_desc *desc;

	if (!pmd_table(pmd))
		return NULL;
	desc = desc_of(pgtable, table);
	spin_lock(&desc->ptl);
	gw_store_release(entry, mk_huge_pmd(pgtable, addr));
	spin_unlock(&desc->ptl);
	if (!fresh)
		table_unlinked(pgtable->mm, table);
	pgtable_trans_huge_deposit(pgtable, addr, fresh ? fresh : table);
	return table;
}

int pgtable_collapse(struct pgtable *pgtable, uint64_t addr)
{
	bool trap = pgtable->options.deposit == LAB_DEPOSIT_UNLINKED;
	void *fresh = trap ? NULL : table_alloc(pgtable->mm), *table;
	spinlock_t *pml;

	if (!trap && !fresh)
		return -ENOMEM;
	pml = pmd_lock(pgtable, addr);
	table = install_huge(pgtable, addr, fresh);
	spin_unlock(pml);
	if (table && !trap)
		remove_one(pgtable, table);
	if (!table && fresh)
		table_free(pgtable->mm, fresh);
	return table ? 0 : -ENOENT;
}

int pgtable_split(struct pgtable *pgtable, uint64_t addr)
{
	spinlock_t *pml = pmd_lock(pgtable, addr);
	pmd_t *entry = &pmd_offset(pgtable, addr)->entry;
	pte_t *table;

	addr &= ~(span_bytes(pgtable) - 1);
	if (!pmd_huge(gw_load_relaxed(entry))) {
		spin_unlock(pml);
		return -ENOENT;
	}
	table = pgtable_trans_huge_withdraw(pgtable, addr);
	table_linked(pgtable->mm, table); /* its memory is written to from here on */
	for (unsigned i = 0; i < pgtable->entries; i++, addr = next_page(pgtable, addr))
		gw_store_relaxed(&table[i], mk_pte(pgtable, addr, all_parts(pgtable)));
	gw_store_relaxed(&desc_of(pgtable, table)->count, pgtable->entries);
	gw_store_release(entry, (uintptr_t)table);
	spin_unlock(pml);
	return 0;
}

bool zap_huge_pmd(struct pgtable *pgtable, uint64_t addr)
{
	spinlock_t *pml = pmd_lock(pgtable, addr);
	pmd_t *entry = &pmd_offset(pgtable, addr)->entry;
	void *table = NULL;

	if (pmd_huge(gw_load_relaxed(entry))) {
		gw_store_relaxed(entry, 0);
		table = pgtable_trans_huge_withdraw(pgtable, addr);
	}
	spin_unlock(pml);
	if (table)
		table_free(pgtable->mm, table);
	return table;
}
