/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * What the files of the torture test share: options, what is mapped where, and who must see what.
 */
#ifndef TORTURE_H
#define TORTURE_H

/* WORDS
 *
 *   space     a page table under test, with the model of what it maps
 *   region    a row of cells in it, all alike
 *   cell      the unit that updaters map and unmap: a page, or a quarter of a larger leaf's span
 *   record    what one gw_map maps its cells to: the test's memory behind the mapping. Walkers read
 * it, and it is wiped and used again as soon as all of it was handed to `release` code      a
 * record's number, which is in every `out` word      what a cell's owner says of it: present or
 * not, which record, or what is changing just now owner     of a cell: the one updater that changes
 * it, so that all results are known
 */
#include "reader.h"
#include <gracewalk/gracewalk.h>
#include <gracewalk/urcu.h>
#include <stdio.h>

enum {
	PIECES = 64,          /* cells of one record at most: a bit each */
	RECORDS_EACH = 16384, /* an updater's */
	UPDATERS_MAX = 16,
	WALKERS_MAX = 16,
	REGIONS_MAX = 128,
	QUARANTINE_MAX = 4096, /* an updater's records of shared regions that a failed gw_map may
				  have shown */
	SPACES = 3,            /* two that live long, one that comes and goes */
	TRANSIENT = 2,
};

struct options {
	unsigned seconds, walkers, updaters;
	unsigned block; /* tables; 0: as the seed says */
	uint64_t seed, limit;
	enum gw_policy policy;
	const char *flavour_name;
	const struct rcu_flavor_struct *flavour;
	bool shared;
	bool untold; /* no release callback: who unmaps releases, after a grace period */
	bool scarce; /* memory runs out now and then */
};
extern struct options opts;

/* Prints what is wrong, with the seed, and ends the program with 1. */
_Noreturn void wrong(const char *format, ...) __attribute__((format(printf, 1, 2)));

struct rng {
	uint64_t state;
};

static inline uint64_t rng_next(struct rng *rng)
{
	rng->state ^= rng->state >> 12;
	rng->state ^= rng->state << 25;
	rng->state ^= rng->state >> 27;
	return rng->state * 0x2545f4914f6cdd1dull;
}

static inline unsigned rng_below(struct rng *rng, uint64_t n)
{
	return (unsigned)((rng_next(rng) >> 32) * n >> 32);
}

struct rng rng_make(uint64_t stream);

/* ---- Records ---- */

enum { MAGIC_LIVE = 0x11fe11fe, MAGIC_DEAD = 0xdeaddead };

/* The first five are plain on purpose: written before gw_map and after `release`, read by walkers
 * in between. If a guarantee (D, E) does not hold, that is a race, and ThreadSanitizer says so. */
struct record {
	uint32_t magic;
	uint16_t space, region;
	uint32_t first, n; /* cells */
	uint64_t gen;      /* of its updater, counting up */
	uint64_t bytes;
	bool quarantined;          /* a gw_map failed that may have shown it */
	_Atomic uint32_t next;     /* on its updater's list, as a code + 1 */
	_Atomic uint64_t released; /* cells, a bit each */
	_Atomic uint64_t left;     /* bytes that were not released */
};
extern struct record *records;

/* A copy of a record's name, as a walker saw it. */
struct seen {
	struct record *record;
	uint64_t gen;
	uint32_t cell;
};

/* ---- Words ---- */

/* PROTECTING: also for what changes neither mapping nor attributes. MAPPING of a cell that is
 * present: it is being replaced. */
enum change { STABLE, MAPPING, UNMAPPING, PROTECTING };

/* bits 0, 1: enum change; 2: present; 3 to 5: attributes; 6 to 8: attributes to come; 9 to 23: a
 * version; 24 to 63: the record's gen, which of an absent cell is the last it had. */
static inline uint64_t word_make(enum change change, bool present, unsigned attr,
				 unsigned next_attr, uint64_t version, uint64_t gen)
{
	return (uint64_t)change | (uint64_t)present << 2 | (uint64_t)attr << 3 |
	       (uint64_t)next_attr << 6 | (version & 0x7fff) << 9 | gen << 24;
}

static inline enum change word_change(uint64_t word)
{
	return word & 3;
}

static inline bool word_present(uint64_t word)
{
	return word >> 2 & 1;
}

static inline unsigned word_attr(uint64_t word)
{
	return word >> 3 & 7;
}

static inline unsigned word_next_attr(uint64_t word)
{
	return word >> 6 & 7;
}

static inline uint64_t word_version(uint64_t word)
{
	return word >> 9 & 0x7fff;
}

static inline uint64_t word_gen(uint64_t word)
{
	return word >> 24;
}

/* ---- Spaces ---- */

enum kind {
	STRIPED, /* cell i is updater (i mod updaters)'s: owners meet in every table, calls are for
		    one cell */
	OWN,     /* all cells are one updater's: calls are for ranges */
	SHARED,  /* anybody's; single cells and ranges; only what holds for all is checked */
};

struct region {
	enum kind kind;
	unsigned owner;
	uint64_t base, cell, stride;
	unsigned n, max_run;
	unsigned first;       /* its first cell's place in the space's arrays */
	_Atomic uint64_t seq; /* odd while its owner changes it: splits show to neighbours */
};

struct space {
	_Atomic(struct gw_pt *) pt;
	unsigned number;
	_Atomic bool closing; /* gw_destroy was called */
	_Atomic bool gone;    /* `destroyed` was */
	unsigned nregions, ncells;
	struct region region[REGIONS_MAX];
	_Atomic uint64_t *word;    /* a cell each */
	_Atomic uint32_t *tlb_tag; /* a cell each: changes when it is invalidated */
	_Atomic uint64_t invalidations;
};
extern struct space spaces[SPACES];

/* ---- Threads ---- */

struct thread {
	unsigned number;
	struct rng rng;
	_Atomic uint64_t count; /* walks, or updates */
	_Atomic uint64_t hits, errors, collapsed, without_memory;
};
extern struct thread walkers[WALKERS_MAX], updaters[UPDATERS_MAX];
extern _Atomic bool stop;

void *walker_main(void *thread);
void *updater_main(void *thread);
/* Unmaps all that the model says is mapped, in pieces, by one thread. */
void updater_clear(struct space *space);
/* Destroys a space that nobody updates any more. */
void updater_destroy(struct space *space);
/* The heaps that the space that comes and goes takes its tables from. */
void transient_init(struct gw_heap *const heap[GW_HEAPS_MAX]);

/* ---- model.c ---- */

void model_init(void);
void model_fini(void);
/* Makes its page table; the caller publishes it as `pt`. */
int space_create(struct space *space, struct gw_env *env, struct gw_heap *const heap[GW_HEAPS_MAX],
		 struct gw_pt **pt);
void space_destroy(struct space *space);
/* No record is out any more, but those in quarantine. */
void records_check(void);

uint32_t attr_flags(unsigned attr);
unsigned attr_number(uint32_t flags);
enum { ATTRS = 4 };

static inline uint64_t cell_va(const struct region *r, unsigned cell)
{
	return r->base + cell * r->stride;
}

uint64_t out_of(const struct region *r, const struct record *record, uint64_t va);
/* The record that an `out` names for that address of a region; ends the program if there is none.
 */
struct record *record_of(const struct space *space, const struct region *r, uint64_t va,
			 uint64_t out, const char *who);

struct record *record_get(struct thread *updater, const struct space *space, const struct region *r,
			  unsigned first, unsigned n, uint64_t gen);
/* Some of a record's memory is its updater's again; at the last of it, all. */
void record_release(struct record *record, unsigned cell, uint64_t bytes);
static inline unsigned record_updater(const struct record *record)
{
	return (unsigned)(record - records) / RECORDS_EACH;
}

/* Throws away the cached translations of a cell, as `invalidate` does. */
void tlb_forget(struct space *space, const struct region *r, unsigned cell);

/* A leaf that no updater maps, for a heap's free tables. */
uint64_t poison_of_heap(unsigned heap);

/* ---- env.c: liburcu's environment, with checks around it ---- */

struct gw_env *test_env_create(const struct rcu_flavor_struct *flavour);
void test_env_drain(struct gw_env *env);
/* Ends the program if not everything came back. */
void test_env_destroy(struct gw_env *env);
uint64_t test_env_grace_periods(struct gw_env *env);
/* From here on memory runs out now and then, for one call or for a while; or no more. */
void test_env_scarce(struct gw_env *env, bool scarce);
extern struct gw_env *test_env;

#endif
