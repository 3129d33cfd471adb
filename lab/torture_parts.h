/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * What the parts of the torture share: the run, its threads, chance. */
#ifndef GW_LAB_TORTURE_PARTS_H
#define GW_LAB_TORTURE_PARTS_H

#include "torture.h"
#include <pthread.h>
#include <urcu/flavor.h>

enum { SPACES = 3 };

struct torture;

struct torturer {
	struct torture *torture;
	pthread_t thread;
	unsigned number;
	uint64_t chance;              /* state of its random numbers */
	_Atomic uint64_t done, found; /* walks or updates; walks that found a table */
	struct lab_walker *walker;
	pthread_mutex_t walking; /* held around a walk, or it is in a section */
};

struct torture {
	struct torture_options options;
	struct lab *lab;
	unsigned spans, entries; /* of an address space; of a table */
	uint64_t span_bytes, chance;

	_Atomic(struct pgtable *) space[SPACES]; /* NULL: not there */
	_Atomic uint32_t hot;   /* first of a few spans that all threads like, this round */
	_Atomic uint32_t slow;  /* walks of a thousand that take milliseconds, this round */
	_Atomic uint64_t burst; /* tables that two updaters shall free together: see post() */
	_Atomic uint64_t round_end, rounds;
	_Atomic bool stop;
	pthread_barrier_t meet; /* of the updaters and the one who opens and closes rounds */

	struct torturer walkers[TORTURE_WALKERS_MAX], updaters[TORTURE_UPDATERS_MAX];
};

uint64_t torture_random(uint64_t *state);

/* 0 to n - 1. */
static inline unsigned pick(struct torturer *me, unsigned n)
{
	return (unsigned)(torture_random(&me->chance) % n);
}

/* A span: of the round's few every other time. */
unsigned pick_span(struct torturer *me);

static inline uint64_t span_address(const struct torture *torture, unsigned span)
{
	return span * torture->span_bytes;
}

static inline struct gw_env *torture_env(const struct torture *torture)
{
	return lab_env(torture->lab);
}

/* Sleeps, outside all sections. */
void nap(const struct torture *torture, unsigned us);

/* Waits for all updaters and for the one who opens and closes rounds. */
void meet_all(struct torture *torture);

void *torture_walker(void *torturer);
void *torture_updater(void *torturer);

#endif
