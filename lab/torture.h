/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The torture of a scheme: walkers against updaters at full speed, watched by the lab's check. */
#ifndef GW_LAB_TORTURE_H
#define GW_LAB_TORTURE_H

#include "pgtable.h"

/* A run goes in rounds, in one lab. In a round, updaters work on one to three address spaces while
 * walkers walk them; then the address spaces end, with walkers still in them, and every page has to
 * come back. Walkers stay in a section for nothing, microseconds or milliseconds, and read the
 * entries of the table they stand in again and again.
 *
 * The seed fixes the threads' choices, not how they interleave. */

enum torture_walk {
	TORTURE_RCU = LAB_WALK_RCU,
	TORTURE_IRQ = LAB_WALK_IRQ,
	TORTURE_COUNTED = LAB_WALK_COUNTED,
	TORTURE_MIXED, /* each walker RCU and interrupts off by turns */
};

enum { TORTURE_WALKERS_MAX = 16, TORTURE_UPDATERS_MAX = 64, TORTURE_STUCK_SECONDS = 30 };

struct torture_options {
	const struct lab_scheme *scheme;
	unsigned switches;
	const struct rcu_flavor_struct *flavour;
	size_t page_bytes;
	unsigned tables_per_page;
	size_t leaf_bytes; /* 0: page_bytes */
	enum lab_unmap unmap;
	enum lab_deposit deposit; /* without meaning where tables are counted: none collapses */
	enum torture_walk walk;
	unsigned walkers, updaters; /* 1 to TORTURE_..._MAX */
	double seconds;
	uint64_t seed;

	/* Called by the thread that met the first breach, and when nothing has moved for
	 * TORTURE_STUCK_SECONDS. Should end the process: a broken scheme may hang or crash a moment
	 * later. May be NULL: then the run goes on to the end of its round, if it can. */
	void (*on_breach)(const struct lab_breach *breach);
	void (*on_stuck)(void);
};

struct torture_result {
	struct lab_counters lab;
	struct lab_breach breach;
	uint64_t walks, found; /* and of these, those that found a table */
	uint64_t updates, rounds;
	double seconds;
};

/* Runs for the given time, and to the end of the round that it falls into.
 * Context: the calling thread is registered with the flavour.
 * Return: 0; -EIO: an invariant was broken; -EINVAL, with a sentence in `why`; -ENOMEM. */
int torture_run(const struct torture_options *options, struct torture_result *result,
		char why[160]);

#endif
