/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The three ways to walk: pte_offset_map, fast GUP, counted tables. */
#include "pgtable_parts.h"

bool pte_fits(const struct pgtable *pgtable, uint64_t addr, uint64_t pte)
{
	return !pte || pte >> PTE_SHIFT == addr >> pgtable->leaf_lg2;
}

pte_t *pte_offset_map(struct pgtable *pgtable, struct lab_walker *walker, uint64_t addr)
{
	uint64_t pmd;

	lab_rcu_read_lock(walker);
	pmd = gw_load_dependent(&pmd_offset(pgtable, addr)->entry);
	if (pmd_table(pmd))
		return pte_offset(pgtable, pmd, addr);
	lab_rcu_read_unlock(walker);
	return NULL;
}

void pte_unmap(struct lab_walker *walker)
{
	lab_rcu_read_unlock(walker);
}

bool gup_walk(struct pgtable *pgtable, uint64_t addr, struct gup *gup)
{
	gup->pmd = gw_load_dependent(&pmd_offset(pgtable, addr)->entry);
	if (!pmd_table(gup->pmd))
		return false;
	gup->ptep = pte_offset(pgtable, gup->pmd, addr);
	gup->pte = gw_load_relaxed(gup->ptep);
	return gup->pte;
}

bool gup_recheck(struct pgtable *pgtable, uint64_t addr, const struct gup *gup)
{
	return gw_load_relaxed(&pmd_offset(pgtable, addr)->entry) == gup->pmd &&
	       gw_load_relaxed(gup->ptep) == gup->pte;
}

static bool present_rcu(struct pgtable *pgtable, struct lab_walker *walker, uint64_t addr)
{
	pte_t *ptep = pte_offset_map(pgtable, walker, addr);
	bool present = ptep && gw_load_relaxed(ptep);

	if (ptep)
		pte_unmap(walker);
	return present;
}

static bool present_irq(struct pgtable *pgtable, struct lab_walker *walker, uint64_t addr)
{
	struct gup gup;
	bool present;

	lab_irq_disable(walker);
	present = gup_walk(pgtable, addr, &gup) && gup_recheck(pgtable, addr, &gup);
	lab_irq_enable(walker);
	return present;
}

static bool present_counted(struct pgtable *pgtable, struct lab_walker *walker, uint64_t addr)
{
	pte_t *ptep = pte_try_get(pgtable, walker, addr);
	bool present = ptep && gw_load_relaxed(ptep);

	if (ptep)
		pte_put(pgtable, addr, ptep);
	return present;
}

bool pgtable_present(struct pgtable *pgtable, struct lab_walker *walker, enum lab_walk walk,
		     uint64_t addr)
{
	switch (walk) {
	case LAB_WALK_RCU:
		return present_rcu(pgtable, walker, addr);
	case LAB_WALK_IRQ:
		return present_irq(pgtable, walker, addr);
	default:
		return present_counted(pgtable, walker, addr);
	}
}
