/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The address space from inside: its types, its entries, and what its files do for one another. */
#ifndef GW_LAB_PGTABLE_PARTS_H
#define GW_LAB_PGTABLE_PARTS_H

#include "gather.h"
#include "page.h"
#include "pgtable.h"

enum { SMALL_LG2 = 12, PMD_LOCKS = 64, CHUNK_LG2 = 12, PTE_SHIFT = 16 };

struct pmd {
	pmd_t entry;
	void *deposited; /* a table set aside for a huge leaf; under pmd_lock */
};

/* What a kernel keeps in a table's descriptor. */
struct table_desc {
	spinlock_t ptl;
	_Atomic uint32_t count; /* present entries; with `counted`, also users */
};

struct pgtable {
	struct pgtable_options options;
	struct mm *mm;
	unsigned leaf_lg2, span_lg2, entries;
	struct pmd *pmds;
	uint64_t npmds;
	_Atomic uint8_t *chunks;  /* whether a table was ever linked in 4096 neighbouring PMDs */
	struct table_desc *descs; /* of each table of the lab */
	size_t descs_bytes;
	spinlock_t pmd_locks[PMD_LOCKS];
};

/* ---- Addresses ---- */

static inline struct pmd *pmd_offset(const struct pgtable *pgtable, uint64_t addr)
{
	return &pgtable->pmds[addr >> pgtable->span_lg2];
}

static inline pte_t *pte_offset(const struct pgtable *pgtable, uint64_t pmd, uint64_t addr)
{
	pte_t *table = (pte_t *)(uintptr_t)pmd; /* NOLINT: entries hold addresses */

	return &table[addr >> pgtable->leaf_lg2 & (pgtable->entries - 1)];
}

static inline bool pmd_table(uint64_t pmd)
{
	return pmd && !(pmd & 1);
}

static inline bool pmd_huge(uint64_t pmd)
{
	return pmd & 1;
}

static inline uint64_t span_bytes(const struct pgtable *pgtable)
{
	return 1ull << pgtable->span_lg2;
}

/* The entry of a page of which the 4 KiB parts in `parts` are mapped. */
static inline uint64_t mk_pte(const struct pgtable *pgtable, uint64_t addr, uint64_t parts)
{
	return addr >> pgtable->leaf_lg2 << PTE_SHIFT | parts;
}

static inline uint64_t all_parts(const struct pgtable *pgtable)
{
	return (1ull << (1u << (pgtable->leaf_lg2 - SMALL_LG2))) - 1;
}

/* A huge leaf says the number of its first page; its bit 0 is set, as a PTE's may be. */
static inline uint64_t mk_huge_pmd(const struct pgtable *pgtable, uint64_t addr)
{
	return mk_pte(pgtable, addr & ~(span_bytes(pgtable) - 1), 1);
}

/* The 4 KiB parts of the page at addr that lie in [addr, end). */
static inline uint64_t parts_in(const struct pgtable *pgtable, uint64_t addr, uint64_t end)
{
	uint64_t page = addr >> pgtable->leaf_lg2 << pgtable->leaf_lg2;
	uint64_t last = page + (1ull << pgtable->leaf_lg2);
	unsigned first = (unsigned)((addr - page) >> SMALL_LG2);
	unsigned n = (unsigned)(((end < last ? end : last) - addr) >> SMALL_LG2);

	return ((1ull << n) - 1) << first;
}

static inline uint64_t next_page(const struct pgtable *pgtable, uint64_t addr)
{
	return ((addr >> pgtable->leaf_lg2) + 1) << pgtable->leaf_lg2;
}

static inline uint64_t next_span(const struct pgtable *pgtable, uint64_t addr)
{
	return ((addr >> pgtable->span_lg2) + 1) << pgtable->span_lg2;
}

static inline uint64_t lower(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* ---- Tables ---- */

static inline struct table_desc *desc_of(const struct pgtable *pgtable, const void *table)
{
	struct lab *lab = pgtable->options.lab;

	return &pgtable->descs[(size_t)((const unsigned char *)table - lab->arena) >>
			       lab->table_lg2];
}

static inline void *table_of(const struct pgtable *pgtable, const pte_t *ptep)
{
	return (void *)((uintptr_t)ptep & ~(lab_table_bytes(pgtable->options.lab) - 1));
}

static inline spinlock_t *pmd_lock(struct pgtable *pgtable, uint64_t addr)
{
	spinlock_t *lock = &pgtable->pmd_locks[(addr >> pgtable->span_lg2) % PMD_LOCKS];

	spin_lock(lock);
	return lock;
}

/* ---- link.c ---- */

/* pte_offset_map_lock: the entry of addr with its table locked and known to be linked, until
 * *desc's lock is let go; NULL: there is no table. */
pte_t *pte_offset_map_lock(struct pgtable *pgtable, uint64_t addr, struct table_desc **desc);

/* pte_alloc: sees to it that the PMD is not none. A new table starts with `count`.
 * Return: 0, with the table in *linked if it is ours, else NULL there; -ENOMEM. */
int pte_alloc(struct pgtable *pgtable, uint64_t addr, unsigned count, void **linked);

/* Unlinks the table of addr: always, or only when it is empty, which is known under both locks
 * only. The table is the caller's then. Return: NULL: it stays, or there is none. */
void *unlink_table(struct pgtable *pgtable, uint64_t addr, bool only_empty);

/* Gives one unlinked table back, in the way the address space has it; NULL: nothing. */
void remove_one(struct pgtable *pgtable, void *table);

/* The entry of addr with its table locked, and, where tables are counted, held on to; NULL: there
 * is no table. table_unlock lets go, and unlinks a table that is left empty. */
pte_t *table_lock(struct pgtable *pgtable, uint64_t addr, struct table_desc **desc);
void table_unlock(struct pgtable *pgtable, uint64_t addr, struct table_desc *desc,
		  struct mmu_gather *tlb);

/* ---- huge.c ---- */

/* zap_huge_pmd: forgets a huge leaf and frees its deposit. Return: whether there was one. */
bool zap_huge_pmd(struct pgtable *pgtable, uint64_t addr);

#endif
