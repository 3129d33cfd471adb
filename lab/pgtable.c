/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * An address space's updaters and its life. */
#include "pgtable_parts.h"
#include <errno.h>
#include <stdlib.h>

uint64_t pgtable_span(const struct pgtable *pgtable)
{
	return span_bytes(pgtable);
}

/* ---- Updaters ---- */

/* The first address from addr on whose PMD is not none; `end`: there is none before it. */
static uint64_t next_present(const struct pgtable *pgtable, uint64_t addr, uint64_t end)
{
	while (addr < end) {
		uint64_t i = addr >> pgtable->span_lg2;

		if (!gw_load_relaxed(&pgtable->chunks[i >> CHUNK_LG2]))
			addr = ((i >> CHUNK_LG2) + 1) << (CHUNK_LG2 + pgtable->span_lg2);
		else if (!gw_load_relaxed(&pgtable->pmds[i].entry))
			addr = next_span(pgtable, addr);
		else
			return addr;
	}
	return end;
}

bool pgtable_next_table(const struct pgtable *pgtable, uint64_t *addr, unsigned *present)
{
	uint64_t top = pgtable->options.top, pmd;

	for (; (*addr = next_present(pgtable, *addr, top)) < top;
	     *addr = next_span(pgtable, *addr)) {
		*addr &= ~(span_bytes(pgtable) - 1);
		pmd = gw_load_relaxed(&pmd_offset(pgtable, *addr)->entry);
		if (!pmd_table(pmd))
			continue;
		*present = gw_load_relaxed(&desc_of(pgtable, (void *)(uintptr_t)pmd)->count);
		return true;
	}
	return false;
}

/* The entry of addr, locked, in a table that is made if there is none. A table that is counted
 * begins with its maker as its one user. */
static int table_lock_alloc(struct pgtable *pgtable, uint64_t addr, pte_t **ptep,
			    struct table_desc **desc)
{
	while (!(*ptep = table_lock(pgtable, addr, desc))) {
		uint64_t pmd = gw_load_relaxed(&pmd_offset(pgtable, addr)->entry);
		void *linked = NULL;

		if (pmd_huge(pmd))
			pgtable_split(pgtable, addr); /* -ENOENT: it is not huge any more */
		else if (pmd)
			sched_yield(); /* counted, and on its way out */
		else if (pte_alloc(pgtable, addr, pgtable->options.counted, &linked))
			return -ENOMEM;
		if (linked && pgtable->options.counted) {
			*desc = desc_of(pgtable, linked);
			spin_lock(&(*desc)->ptl);
			*ptep = pte_offset(pgtable, (uintptr_t)linked, addr);
			return 0;
		}
	}
	return 0;
}

static void set_pte(struct pgtable *pgtable, struct table_desc *desc, pte_t *ptep, uint64_t addr,
		    uint64_t parts)
{
	uint64_t old = gw_load_relaxed(ptep);

	if (!old && parts)
		gw_fetch_add_relaxed(&desc->count, 1);
	if (old && !parts)
		gw_fetch_sub_relaxed(&desc->count, 1);
	gw_store_release(ptep, parts ? mk_pte(pgtable, addr, parts) : 0);
}

/* Sets or clears the parts of the pages in [addr, end), which lie in one table. */
static void change_ptes(struct pgtable *pgtable, struct table_desc *desc, pte_t *ptep,
			uint64_t addr, uint64_t end, bool set)
{
	for (; addr < end; addr = next_page(pgtable, addr), ptep++) {
		uint64_t parts = gw_load_relaxed(ptep) & all_parts(pgtable);
		uint64_t change = parts_in(pgtable, addr, end);

		set_pte(pgtable, desc, ptep, addr, set ? parts | change : parts & ~change);
	}
}

int pgtable_map(struct pgtable *pgtable, uint64_t addr, uint64_t len)
{
	uint64_t end = addr + len, stop;
	struct table_desc *desc;
	struct mmu_gather tlb;
	pte_t *ptep;
	int err = 0;

	tlb_gather_mmu(&tlb, pgtable->mm, pgtable->options.unmap);
	for (; !err && addr < end; addr = stop) {
		stop = lower(end, next_span(pgtable, addr));
		err = table_lock_alloc(pgtable, addr, &ptep, &desc);
		if (!err) {
			change_ptes(pgtable, desc, ptep, addr, stop, true);
			table_unlock(pgtable, addr, desc, &tlb);
		}
	}
	tlb_finish_mmu(&tlb);
	return err;
}

static void unmap_span(struct pgtable *pgtable, struct mmu_gather *tlb, uint64_t addr, uint64_t end)
{
	struct table_desc *desc;
	pte_t *ptep;

	while (pmd_huge(gw_load_relaxed(&pmd_offset(pgtable, addr)->entry)))
		if (end - addr == span_bytes(pgtable))
			zap_huge_pmd(pgtable, addr);
		else
			pgtable_split(pgtable, addr);
	ptep = table_lock(pgtable, addr, &desc);
	if (!ptep)
		return;
	change_ptes(pgtable, desc, ptep, addr, end, false);
	table_unlock(pgtable, addr, desc, tlb);
}

void pgtable_unmap(struct pgtable *pgtable, uint64_t addr, uint64_t len)
{
	uint64_t end = addr + len, stop;
	struct mmu_gather tlb;

	tlb_gather_mmu(&tlb, pgtable->mm, pgtable->options.unmap);
	for (; (addr = next_present(pgtable, addr, end)) < end; addr = stop) {
		stop = lower(end, next_span(pgtable, addr));
		unmap_span(pgtable, &tlb, addr, stop);
	}
	tlb_finish_mmu(&tlb);
}

void pgtable_reclaim(struct pgtable *pgtable, uint64_t addr, uint64_t len)
{
	uint64_t end = (addr + len) >> pgtable->span_lg2 << pgtable->span_lg2;
	struct mmu_gather tlb;

	tlb_gather_mmu(&tlb, pgtable->mm, pgtable->options.unmap);
	addr = (addr + span_bytes(pgtable) - 1) & ~(span_bytes(pgtable) - 1);
	for (; (addr = next_present(pgtable, addr, end)) < end; addr = next_span(pgtable, addr)) {
		void *table = unlink_table(pgtable, addr, true);

		if (table)
			tlb_remove_table(&tlb, table);
	}
	tlb_finish_mmu(&tlb);
}

int pgtable_reserve(struct pgtable *pgtable, uint64_t addr, uint64_t len)
{
	uint64_t end = pgtable->options.counted ? addr : addr + len;
	void *linked;
	int err = 0;

	for (; !err && addr < end; addr = next_span(pgtable, addr))
		if (!gw_load_relaxed(&pmd_offset(pgtable, addr)->entry))
			err = pte_alloc(pgtable, addr, 0, &linked);
	return err;
}

/* The 4 KiB parts present in the page at addr. The table's lock holds off every way to free it; a
 * read-side section would not where tables are freed after an interrupt. */
static uint64_t parts_at(struct pgtable *pgtable, uint64_t addr)
{
	struct table_desc *desc;
	pte_t *ptep = pte_offset_map_lock(pgtable, addr, &desc);
	uint64_t parts;

	if (!ptep)
		return pmd_huge(gw_load_relaxed(&pmd_offset(pgtable, addr)->entry))
			       ? all_parts(pgtable)
			       : 0;
	parts = gw_load_relaxed(ptep) & all_parts(pgtable);
	spin_unlock(&desc->ptl);
	return parts;
}

int pgtable_move(struct pgtable *pgtable, uint64_t from, uint64_t to, uint64_t len)
{
	const uint64_t small = 1ull << SMALL_LG2;
	uint64_t at = from, end = from + len;
	int err = 0;

	for (; !err && (at = next_present(pgtable, at, end)) < end; at += small) {
		uint64_t part = parts_in(pgtable, at, at + small);

		if (parts_at(pgtable, at) & part)
			err = pgtable_map(pgtable, at - from + to, small);
	}
	if (!err)
		pgtable_unmap(pgtable, from, len);
	return err;
}

/* ---- The address space's life ---- */

static size_t chunks_of(const struct pgtable *pgtable)
{
	return (size_t)(pgtable->npmds >> CHUNK_LG2) + 1;
}

static int reserve(struct pgtable *pgtable)
{
	struct lab *lab = pgtable->options.lab;
	struct gw_env *env = lab->urcu;

	pgtable->leaf_lg2 = (unsigned)__builtin_ctzll(pgtable->options.leaf_bytes);
	pgtable->entries = (unsigned)(lab_table_bytes(lab) / sizeof(pte_t));
	pgtable->span_lg2 = pgtable->leaf_lg2 + (unsigned)__builtin_ctz(pgtable->entries);
	pgtable->npmds = (pgtable->options.top + span_bytes(pgtable) - 1) >> pgtable->span_lg2;
	pgtable->descs_bytes =
		((size_t)lab->pages_max * lab->options.tables_per_page) * sizeof(struct table_desc);
	pgtable->pmds = env->reserve(env, pgtable->npmds * sizeof(struct pmd), 64);
	pgtable->chunks = env->reserve(env, chunks_of(pgtable), 64);
	pgtable->descs = env->reserve(env, pgtable->descs_bytes, 64);
	return pgtable->pmds && pgtable->chunks && pgtable->descs ? 0 : -ENOMEM;
}

static void unreserve(struct pgtable *pgtable)
{
	struct gw_env *env = pgtable->options.lab->urcu;

	if (pgtable->pmds)
		env->unreserve(env, pgtable->pmds, pgtable->npmds * sizeof(struct pmd));
	if (pgtable->chunks)
		env->unreserve(env, (void *)pgtable->chunks, chunks_of(pgtable));
	if (pgtable->descs)
		env->unreserve(env, pgtable->descs, pgtable->descs_bytes);
	free(pgtable);
}

static bool options_ok(const struct pgtable_options *options)
{
	size_t leaf = options->leaf_bytes;

	return leaf >= 4096 && leaf <= 65536 && !(leaf & (leaf - 1)) && options->top &&
	       options->top <= 1ull << 47;
}

int pgtable_create(const struct pgtable_options *options, struct pgtable **out)
{
	struct pgtable *pgtable;

	if (!options_ok(options))
		return -EINVAL;
	pgtable = calloc(1, sizeof(*pgtable));
	if (!pgtable)
		return -ENOMEM;
	pgtable->options = *options;
	if (!reserve(pgtable))
		pgtable->mm = mm_alloc(options->lab);
	if (!pgtable->mm) {
		unreserve(pgtable);
		return -ENOMEM;
	}
	*out = pgtable;
	return 0;
}

void pgtable_destroy(struct pgtable *pgtable)
{
	struct gw_env *env = lab_env(pgtable->options.lab);
	uint64_t addr = 0, top = pgtable->npmds << pgtable->span_lg2;
	struct mmu_gather tlb;

	tlb_gather_mmu(&tlb, pgtable->mm, pgtable->options.unmap);
	for (; (addr = next_present(pgtable, addr, top)) < top; addr = next_span(pgtable, addr)) {
		if (!zap_huge_pmd(pgtable, addr))
			tlb_remove_table(&tlb, unlink_table(pgtable, addr, false));
	}
	tlb_finish_mmu(&tlb);
	mmput(pgtable->mm);
	env->synchronize(env);
	unreserve(pgtable);
}
