/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * What the schemes stand on: pages and their descriptors, owners, deferred calls, spinlocks. */
#ifndef GW_LAB_PAGE_H
#define GW_LAB_PAGE_H

#include "lab.h"
#include <sched.h>
#include <urcu/list.h>

/* ---- Locks ---- */

/* Free when 0. Held for a short time; a holder that lost its processor is waited for politely. */
typedef _Atomic uint32_t spinlock_t;

static inline void spin_lock(spinlock_t *lock)
{
	while (gw_exchange_acquire(lock, 1))
		while (gw_load_relaxed(lock))
			sched_yield();
}

static inline void spin_unlock(spinlock_t *lock)
{
	gw_store_release(lock, 0);
}

/* ---- The lab ---- */

struct lab_walker {
	struct lab *lab;
	_Atomic uint64_t section; /* odd: inside one, of either kind */
	_Atomic uint32_t irq_off;
	_Atomic bool there;
	char pad[40]; /* a walker's words share a cache line with nobody's */
};

enum { LAB_WALKERS = 16 };

struct lab_check;
struct lab_measure;

struct lab {
	struct lab_options options;
	struct gw_env env;   /* what the schemes and walkers see; counts, then asks urcu */
	struct gw_env *urcu; /* the library's own environment */
	unsigned page_lg2, table_lg2;

	unsigned char *arena;   /* page i at arena + (i << page_lg2) */
	unsigned char *ptdescs; /* its descriptor at ptdescs + i * ptdesc_stride */
	size_t ptdesc_stride;
	uint32_t pages_max;

	spinlock_t page_lock;
	uint32_t page_free;  /* first page to be had + 1 */
	uint32_t page_fresh; /* pages from here on were never given out */

	_Atomic uint64_t pages, pages_peak, pages_taken;
	_Atomic uint64_t allocs, frees, defers, removes, calls, syncs, batches;
	_Atomic uint64_t regions; /* bits: parts of the arena that an mm has to itself */
	size_t region_bytes;      /* of each such part */
	size_t side_bytes;        /* of a page, where only the scheme can tell */

	struct lab_walker walkers[LAB_WALKERS];
	struct lab_check *check;     /* NULL: not asked for */
	struct lab_measure *measure; /* NULL: not asked for */

	uint64_t born;            /* ns */
	_Atomic uint64_t skipped; /* ns that the clock of the measure is ahead: lab_skip_time */
	_Atomic uint64_t breaches;
	_Atomic bool breach_told;
	struct lab_breach breach;
};

uint64_t lab_now(void); /* ns, monotonic */

/* ---- Pages ---- */

/* The descriptor of a page that holds tables. */
struct ptdesc {
	struct lab *lab;
	struct gw_head rcu_head;   /* the ONE; its fn is NULL unless it is queued */
	struct cds_list_head lru;  /* its place on an mm's list */
	_Atomic uint32_t refcount; /* counts tables, or whatever a scheme makes of it */
	_Atomic uint32_t active;   /* PG_active: somebody deferred a table of this page */
	bool listed;
};

static inline uint32_t page_number(const struct lab *lab, const void *p)
{
	return (uint32_t)((size_t)((const unsigned char *)p - lab->arena) >> lab->page_lg2);
}

static inline struct ptdesc *ptdesc_at(const struct lab *lab, uint32_t number)
{
	return (struct ptdesc *)(lab->ptdescs + number * lab->ptdesc_stride);
}

static inline struct ptdesc *virt_to_ptdesc(const struct lab *lab, const void *table)
{
	return ptdesc_at(lab, page_number(lab, table));
}

static inline uint32_t ptdesc_number(const struct ptdesc *pt)
{
	const struct lab *lab = pt->lab;

	return (uint32_t)((size_t)((const unsigned char *)pt - lab->ptdescs) / lab->ptdesc_stride);
}

static inline unsigned char *ptdesc_address(const struct ptdesc *pt)
{
	return pt->lab->arena + ((size_t)ptdesc_number(pt) << pt->lab->page_lg2);
}

static inline unsigned table_index(const struct lab *lab, const void *table)
{
	size_t offset = (size_t)((const unsigned char *)table - lab->arena);

	return (offset >> lab->table_lg2) & (lab->options.tables_per_page - 1);
}

static inline void *table_in(const struct ptdesc *pt, unsigned index)
{
	return ptdesc_address(pt) + ((size_t)index << pt->lab->table_lg2);
}

static inline unsigned tables_per_page(const struct lab *lab)
{
	return lab->options.tables_per_page;
}

static inline bool switched(const struct lab *lab, unsigned i)
{
	return lab->options.switches >> i & 1;
}

/* A page that reads as zeroes, its descriptor clean; NULL: no memory. */
struct ptdesc *page_alloc(struct lab *lab);
/* Gives a page back: its descriptor must be clean, none of its tables in use. */
void page_free(struct ptdesc *pt);

/* ---- Grace periods ---- */

/* Queues a head, which must not be queued. */
void call_rcu(struct lab *lab, struct gw_head *head, void (*fn)(struct gw_head *head));

#define container_of(p, type, member) ((type *)((char *)(p)-offsetof(type, member)))

/* ---- Owners ---- */

struct mm {
	struct lab *lab;
	_Atomic uint32_t count;     /* who holds on to it */
	spinlock_t page_table_lock; /* of the scheme's fields */
};

/* ---- The watchers' side: check.c, measure.c. Each call comes before the scheme's own. ---- */

int check_create(struct lab *lab);
void check_destroy(struct lab *lab);
void check_alloc(struct lab *lab, void *table);
void check_free(struct lab *lab, void *table);
void check_unlinked(struct lab *lab, void *table);
void check_linked(struct lab *lab, void *table);
void check_page_back(struct lab *lab, uint32_t number);

int measure_create(struct lab *lab);
void measure_destroy(struct lab *lab);
void measure_freed(struct lab *lab, void *table);
void measure_reused(struct lab *lab, void *table);
void measure_page_back(struct lab *lab, uint32_t number);
void measure_read(struct lab *lab, struct lab_counters *counters);

/* For schemes whose blocks are not of page_alloc: a page was taken, a page is back. */
void page_taken(struct lab *lab);
void page_back(struct lab *lab, uint32_t number);

#endif
