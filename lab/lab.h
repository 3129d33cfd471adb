/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The lab: every scheme for freeing page tables that share a page, behind one interface. */
#ifndef GW_LAB_H
#define GW_LAB_H

#include <gracewalk/atomic.h>
#include <gracewalk/env.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Words. The lab speaks as kernel developers do, so that they know each scheme at sight:
 *
 *   page       what the page allocator gives out: 4 to 64 KiB; it holds 1 to 256 tables
 *   ptdesc     the descriptor of a page that holds tables; it has ONE rcu_head
 *   mm         an owner of tables: an address space
 *   scheme     gives out the tables of an mm and takes them back: lab/schemes, one file each
 *   unlinked   no walk that begins now can reach the table
 *   waiting    freed by its mm, its grace period not over
 *   wasted     held, but neither in use nor waiting
 *
 * A lab is one scheme at one size of page and table, with real grace periods (liburcu's), a page
 * allocator, counters, and a check that knows nothing of the scheme (lab/check.c).
 */
struct lab;
struct mm;

/* ---- What can break ---- */

enum lab_invariant {
	LAB_QUEUED_TWICE = 1, /* an rcu_head is queued while it is queued */
	LAB_EARLY_REUSE,      /* a table is reused while a walker may stand in it */
	LAB_FOREIGN_ENTRY,    /* a walker read what was never written for its address */
	LAB_TWO_OWNERS,       /* a table in use is given out, freed or its page returned */
	LAB_DIRTY_PAGE,       /* a page is returned with its descriptor's state still set */
	LAB_LOST_TABLE,       /* all is freed and all calls ran, but a page did not come back */
	LAB_INVARIANTS
};

/* "queued-twice" and the like; and a sentence that says what should hold. */
const char *lab_invariant_name(enum lab_invariant invariant);
const char *lab_invariant_text(enum lab_invariant invariant);

struct lab_breach {
	enum lab_invariant invariant; /* 0: none */
	double seconds;               /* since the lab was made */
	char text[240];               /* what happened, where */
	uint64_t more;                /* breaches after the first */
};

/* ---- Schemes ---- */

enum { LAB_SWITCHES = 3, LAB_TABLES_PER_PAGE_MAX = 256 };

struct lab_switch {
	const char *name, *text;
};

/* A scheme. `switches` of a lab are bits: bit i is the scheme's switch i. Each operation may be
 * called from any thread; table_free_defer never fails and allocates nothing. */
struct lab_scheme {
	const char *name;
	const char *text; /* one line */
	struct lab_switch switch_[LAB_SWITCHES];
	unsigned tables_max; /* most tables in a page that it can do */
	size_t mm_bytes;     /* of its own struct, which begins with a struct mm */
	size_t ptdesc_bytes; /* of its own struct, which begins with a struct ptdesc */
	size_t slot_bytes;   /* and of what follows it for each table of the page */

	/* What it breaks with these switches at this number of tables in a page; 0: sound. NULL:
	 * always sound. */
	enum lab_invariant (*breaks)(unsigned switches, unsigned tables_per_page);
	/* Bytes that a kernel would keep beside such a page for it, the rcu_head among them. */
	size_t (*side_bytes)(const struct lab *lab);

	int (*mm_init)(struct mm *mm); /* of its own fields, zeroed; 0, -ENOMEM. May be NULL */
	/* The mm's end: all tables were freed, deferred or removed before; of the removed ones some
	 * may come back by table_removed later. Does not wait. May be NULL. */
	void (*mm_exit)(struct mm *mm);
	/* Later, when nobody holds on to the mm any more. May be NULL. */
	void (*mm_free)(struct mm *mm);

	/* A table that reads as zeroes, or NULL: no memory. */
	void *(*table_alloc)(struct mm *mm);
	/* Takes back a table that no walker can reach. */
	void (*table_free)(struct mm *mm, void *table);
	/* Takes back a table that was unlinked a moment ago. */
	void (*table_free_defer)(struct mm *mm, void *table);
	/* The two halves of a removal whose grace period a batch waits for: before it, which may
	 * be NULL, and after it, where NULL stands for table_free. */
	void (*table_remove)(struct mm *mm, void *table);
	void (*table_removed)(struct mm *mm, void *table);
};

/* All schemes, in the order of the record; NULL after the last. */
const struct lab_scheme *lab_scheme_at(unsigned i);

/* scheme->breaks, where there is one. */
enum lab_invariant lab_scheme_breaks(const struct lab_scheme *scheme, unsigned switches,
				     unsigned tables_per_page);

/* A scheme as it is asked for: NAME or NAME:SWITCH,SWITCH...
 * Return: 0; -EINVAL, with a sentence in `why`. */
int lab_scheme_parse(const char *word, const struct lab_scheme **scheme, unsigned *switches,
		     char why[160]);

/* ---- A lab ---- */

struct rcu_flavor_struct;

enum {
	LAB_CHECK = 1,   /* look for broken invariants: slower, orders nothing */
	LAB_MEASURE = 2, /* tell waiting from wasted, time from free to reuse; one updater */
};

struct lab_options {
	const struct lab_scheme *scheme;
	unsigned switches;
	const struct rcu_flavor_struct *flavour;
	size_t page_bytes; /* 4, 8, 16, 32 or 64 KiB */
	unsigned tables_per_page;
	uint64_t max_bytes; /* that all pages can take; 0: 16 GiB */
	unsigned mms_max; /* how many of them max_bytes is parted among, where each has its part; 0:
			     16 */
	unsigned watch;   /* LAB_CHECK, LAB_MEASURE */
	/* Called at the first breach, by the thread that met it, which may end the process: what a
	 * broken scheme does next nobody knows. May be NULL. */
	void (*on_breach)(const struct lab_breach *breach);
};

/* Return: 0, -EINVAL (with a sentence in `why`), -ENOMEM. */
int lab_create(const struct lab_options *options, struct lab **lab, char why[160]);

/* Waits until all deferred calls have run. All mms were put before, and every page must be back.
 * Return: 0, or -EIO: an invariant was broken, now or before (lab_breach). */
int lab_settle(struct lab *lab);

/* Settles, then frees the lab. */
void lab_destroy(struct lab *lab);

/* Waits until all deferred calls have run. */
void lab_barrier(struct lab *lab);

struct gw_env *lab_env(struct lab *lab); /* grace periods, for threads of the lab */
size_t lab_table_bytes(const struct lab *lab);
bool lab_watches(const struct lab *lab, unsigned what);

struct lab_counters {
	uint64_t pages, pages_peak; /* held, now and at most */
	uint64_t pages_taken;       /* since creation */
	uint64_t tables;            /* in use, now */
	uint64_t waiting;           /* tables, now; LAB_MEASURE */
	uint64_t allocs, frees, defers, removes;
	uint64_t calls; /* rcu_heads queued: callbacks */
	uint64_t grace_periods;
	uint64_t syncs;   /* rendezvous of all processors: IPIs to all */
	uint64_t batches; /* of tables removed, collecting or waiting, now: 4 KiB each */
	size_t page_bytes, table_bytes;
	size_t side_bytes; /* a page, that the scheme keeps beside it, the rcu_head too */
	struct lab_reuse { /* LAB_MEASURE: from free to reuse or the page's return, ns */
		uint64_t count, median, p99, worst;
	} reuse;
};
void lab_counters(struct lab *lab, struct lab_counters *counters);

/* What the tables cost at this moment, cheap enough to be asked for at every step. In bytes;
 * waiting and wasted are told with LAB_MEASURE only. */
struct lab_level {
	uint64_t held, used, waiting, wasted;
	uint64_t released; /* tables freed, deferred or removed, since creation */
};
struct lab_level lab_level(struct lab *lab);

/* Says that so much time has passed in which nothing happened: a time from free to reuse has it in
 * it. */
void lab_skip_time(struct lab *lab, uint64_t ns);

/* ---- The one interface ---- */

/* Makes and ends an owner. mmput returns at once: who still needs the mm has grabbed it, as the
 * scheme's deferred calls do.
 * Return: NULL: no memory. */
struct mm *mm_alloc(struct lab *lab);
void mmput(struct mm *mm);
void mmgrab(struct mm *mm);
void mmdrop(struct mm *mm);
struct lab *mm_lab(const struct mm *mm);

/* The scheme's operations, watched: see struct lab_scheme. */
void *table_alloc(struct mm *mm);
void table_free(struct mm *mm, void *table);
void table_free_defer(struct mm *mm, void *table);
void table_remove(struct mm *mm, void *table);
void table_removed(struct mm *mm, void *table);

/* Says that a table, still its mm's, was unlinked just now: what follows is its grace period. The
 * three ways to give it back say so by themselves. */
void table_unlinked(struct mm *mm, void *table);
/* Says that a table is about to be linked: a walk that begins now can reach it. */
void table_linked(struct mm *mm, void *table);

/* ---- Walkers, as the check knows them ---- */

struct lab_walker; /* one thread that walks */

/* Return: NULL when there are 16 already. */
struct lab_walker *lab_walker_add(struct lab *lab);
void lab_walker_remove(struct lab_walker *walker);

/* An RCU read-side section, and one with interrupts off, which holds off grace periods and
 * rendezvous both. They do not nest. */
void lab_rcu_read_lock(struct lab_walker *walker);
void lab_rcu_read_unlock(struct lab_walker *walker);
void lab_irq_disable(struct lab_walker *walker);
void lab_irq_enable(struct lab_walker *walker);

/* Interrupts every processor and waits until each has taken it: each walker that had its
 * interrupts off has been outside such a section. Says nothing of RCU readers. */
void lab_ipi_sync(struct lab *lab);

/* ---- Breaches ---- */

struct lab_breach lab_breach(const struct lab *lab);
bool lab_broken(const struct lab *lab);

/* Reports one; the first is kept. */
void lab_break(struct lab *lab, enum lab_invariant invariant, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
