/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * An address space over a scheme's tables: locks, walkers and updaters as a kernel has them. */
#ifndef GW_LAB_PGTABLE_H
#define GW_LAB_PGTABLE_H

#include "lab.h"

/* What the lab compares is the last level, so that only its tables are the scheme's: above them
 * lies one flat directory of PMD entries, made for all schemes alike and never freed.
 *
 *   pmd   0: none; a table's address: populated; odd: a huge leaf
 *   pte   0: none; else the page's number << 16, and a bit for each 4 KiB of the page that is
 * mapped
 *
 * A page number tells a walker that what it reads was written for the address it walks.
 *
 * Locks: pmd_lock, then the table's own; both are spinlocks. A table is linked under pmd_lock and
 * unlinked under both; its entries and their count change under its own.
 */
struct pgtable;
typedef gw_entry pmd_t, pte_t;

/* How the tables of an unmap are freed. */
enum lab_unmap {
	LAB_UNMAP_SINGLE, /* each table is deferred by the scheme (x86 with PT_RECLAIM) */
	LAB_UNMAP_BATCH,  /* tables are collected, one callback frees a page full of them */
	LAB_UNMAP_IPI,    /* each table waits for a rendezvous only ("semi RCU") */
};

/* Their names, NULL after the last: "single", "batch", "ipi". */
extern const char *const lab_unmap_names[];

/* What is put aside when a table becomes a huge leaf. */
enum lab_deposit {
	LAB_DEPOSIT_FRESH,    /* a table that no walker has seen; the old one is deferred */
	LAB_DEPOSIT_UNLINKED, /* the trap: the old one itself */
};

struct pgtable_options {
	struct lab *lab;
	uint64_t top;      /* addresses lie below it; at most 2^47 */
	size_t leaf_bytes; /* that an entry maps: 4 to 64 KiB */
	enum lab_unmap unmap;
	enum lab_deposit deposit;
	bool keep_empty; /* an empty table stays until pgtable_reclaim, as Linux has it */
	bool counted;    /* tables count their entries and users: pte_try_get (2021) */
};

/* Return: 0, -EINVAL (leaf_bytes or top is out of bounds), -ENOMEM. */
int pgtable_create(const struct pgtable_options *options, struct pgtable **pgtable);

/* Frees every table, as exit_mmap does, and puts the mm. No updater is left; walkers may be, but
 * for counted ones: they find nothing. Waits for a grace period before the directory itself goes.
 */
void pgtable_destroy(struct pgtable *pgtable);

/* Bytes that one table maps. */
uint64_t pgtable_span(const struct pgtable *pgtable);

/* The table of *addr, or the next one above: *addr becomes the first address that it maps, *present
 * how many of its entries are. No updater is at work. Return: false: none. */
bool pgtable_next_table(const struct pgtable *pgtable, uint64_t *addr, unsigned *present);

/* ---- Updaters. Addresses and lengths are multiples of 4 KiB; any thread; may allocate. ---- */

/* Makes pages present. Return: 0, -ENOMEM: some of them may be. */
int pgtable_map(struct pgtable *pgtable, uint64_t addr, uint64_t len);
/* Forgets them. A table left empty goes, unless empty ones are kept. */
void pgtable_unmap(struct pgtable *pgtable, uint64_t addr, uint64_t len);
/* Moves what is present to the same offsets elsewhere. Return: 0, -ENOMEM. */
int pgtable_move(struct pgtable *pgtable, uint64_t from, uint64_t to, uint64_t len);
/* Frees the empty tables whose whole span lies in the range. */
void pgtable_reclaim(struct pgtable *pgtable, uint64_t addr, uint64_t len);
/* Makes the tables of a range without making a page present; where tables are counted, which have
 * an entry or a user, nothing. Return: 0, -ENOMEM. */
int pgtable_reserve(struct pgtable *pgtable, uint64_t addr, uint64_t len);

/* These three not where tables are counted: a user's hold would not outlast them.
 *
 * retract_page_tables: throws a table away with what is in it; walkers may be reading it. */
void pgtable_retract(struct pgtable *pgtable, uint64_t addr);
/* A populated table becomes one huge leaf, with a deposit. Return: 0, -ENOENT: there is no table,
 * -ENOMEM. */
int pgtable_collapse(struct pgtable *pgtable, uint64_t addr);
/* The reverse, with the deposited table. Return: 0, -ENOENT: there is no huge leaf. */
int pgtable_split(struct pgtable *pgtable, uint64_t addr);

/* ---- Walkers ---- */

/* pte_offset_map, which may fail, and pte_unmap: an RCU read-side section around one table.
 * Return: the entry of addr, or NULL: no table there, the section is over. */
pte_t *pte_offset_map(struct pgtable *pgtable, struct lab_walker *walker, uint64_t addr);
void pte_unmap(struct lab_walker *walker);

/* Fast GUP: with interrupts off, the entry of addr, or NULL; then, once the page was taken, whether
 * neither PMD nor PTE has changed since. The caller turns interrupts off and on. */
struct gup {
	uint64_t pmd, pte;
	pte_t *ptep;
};
bool gup_walk(struct pgtable *pgtable, uint64_t addr, struct gup *gup);
bool gup_recheck(struct pgtable *pgtable, uint64_t addr, const struct gup *gup);

/* Counted tables: holds on to the table of addr, with no section left open; pte_put lets go, and
 * frees the table if that was the last of its entries and users. Only with `counted`. Return: the
 * entry of addr, or NULL: no table there. */
pte_t *pte_try_get(struct pgtable *pgtable, struct lab_walker *walker, uint64_t addr);
void pte_put(struct pgtable *pgtable, uint64_t addr, pte_t *ptep);

/* Whether an entry, a PTE's or a huge leaf's, was written for this address, or is none. */
bool pte_fits(const struct pgtable *pgtable, uint64_t addr, uint64_t pte);

/* Whether addr is mapped, by a walk of the given kind: what a throughput is measured with. */
enum lab_walk { LAB_WALK_RCU, LAB_WALK_IRQ, LAB_WALK_COUNTED };
bool pgtable_present(struct pgtable *pgtable, struct lab_walker *walker, enum lab_walk walk,
		     uint64_t addr);

#endif
