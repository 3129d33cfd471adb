/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * One access under the MMU, held against the library's walk and against what should be mapped. */
#ifndef CONFORMANCE_TRIAL_H
#define CONFORMANCE_TRIAL_H

#include "conformance.h"
#include "expect.h"

/* Deliberate faults, which must be caught by what the MMU does alone: the walk is not asked then.
 */
enum control {
	CONTROL_NONE,
	CONTROL_STALE,  /* nothing is ever invalidated */
	CONTROL_SHORT,  /* what is invalidated is a page short */
	CONTROL_SWAP,   /* what gw_replace replaces is not invalidated */
	CONTROL_RIGHTS, /* a page may be written, or not, contrary to what was asked for */
	CONTROL_PAGE,   /* a page maps to its neighbour */
	CONTROL_RUN,    /* an entry of a run is not marked as it should be */
};

struct test {
	struct gw_env *env;
	struct gw_pt *pt;
	struct expect expect;
	uint64_t random;
	uint32_t seed, control;
	bool hold;    /* the monitor shall look at the tables half way */
	bool enabled; /* the MMU translates by our tables */
	unsigned probes, faults, walks, updates;
	unsigned collapses, splits, paid; /* tables, leaves, of those with a deposit */
	/* Leaves of one entry, and runs, by accesses that went well. */
	unsigned reached[GW_LEVELS][ACCESSES], reached_runs[GW_LEVELS][ACCESSES];
};

extern struct test test;

/* A random number below n, which is not 0. */
uint64_t below(uint64_t n);
/* Whether [va, va + bytes) lies in data. */
bool in_data(uint64_t pa, uint64_t bytes);
/* What the MMU adds to an entry by itself. */
uint32_t recorded(void);

/* Walks to va, and once the MMU is on tries the access; ends the run where the two or what should
 * be mapped differ. Does nothing where an access would leave the data. */
void try(uint64_t va, enum access access, bool user);
/* What a walk to va, or a cursor, found there; ends the run where it should be something else. */
void check_walk(uint64_t va, const struct extent *x, bool found, const struct gw_leaf *leaf);
bool walk(uint64_t va, struct gw_leaf *leaf);
/* Every kind of access, by both kinds of code. */
void try_all(uint64_t va);
/* Ends the run: what the library should have returned. */
_Noreturn void wrong_call(const char *what, uint64_t va, uint64_t bytes, int64_t want, int64_t got);

#endif
