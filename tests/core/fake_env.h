/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * An environment for tests: one thread, and grace periods that pass when the test says so. */
#ifndef GRACEWALK_TESTS_FAKE_ENV_H
#define GRACEWALK_TESTS_FAKE_ENV_H

#include <gracewalk/env.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct fake_range {
	unsigned char *p;
	size_t bytes;
};

struct fake_ranges {
	struct fake_range *at;
	size_t n, room;
};

/* Every call is checked, and a wrong one fails the test where it happens. */
struct fake_env {
	struct gw_env env;

	/* What was taken and not given back. */
	size_t alloc_bytes, reserve_bytes, commit_bytes;
	struct fake_ranges reserves, commits;
	bool lose; /* decommit scribbles over what it is given; else that keeps what it held */

	/* Allocations of all three kinds. The one that makes `takes` equal to `fail_at` fails; with
	 * `fail_all` that one and all later ones. */
	uint64_t takes, fail_at, failures;
	bool fail_all;

	/* Time moves with each event that matters. A thing done at time t has had its grace period
	 * when covered > t: a grace period that began after t has ended. */
	uint64_t clock, gp_start, covered;
	bool gp_running;
	struct gw_head *queue;    /* called after a grace period that is yet to begin */
	struct gw_head *gp_calls; /* called after the one that is running */
	uint64_t defers, calls, synchronizes;
	bool sync_runs_calls; /* a synchronize is a grace period for deferred calls too */
	bool last_first;      /* calls run in the opposite order: the interface promises none */
	bool in_call;
	bool stalled; /* a walker stays in its section: no grace period ends, and nobody may wait */
	unsigned nesting;
};

void fake_env_init(struct fake_env *f);
/* Fails the test unless all is given back and nothing is queued. */
void fake_env_done(struct fake_env *f);

/* The time now, later than all times before. */
uint64_t fake_now(struct fake_env *f);

/* A grace period, whole or as its two ends. The calls queued before it began run when it ends. */
void fake_gp_begin(struct fake_env *f);
void fake_gp_end(struct fake_env *f);
void fake_gp(struct fake_env *f);
/* Grace periods until nothing is queued. Return: how many. */
unsigned fake_drain(struct fake_env *f);

/* The n-th allocation from now fails, once; 0: none does. */
void fake_fail(struct fake_env *f, uint64_t n);
void fake_fail_all(struct fake_env *f, bool on);

/* A generator of numbers that are the same for the same seed, everywhere. */
struct fake_random {
	uint64_t state;
};
uint64_t fake_random(struct fake_random *r);
/* A number below `limit`, which is not 0. */
uint64_t fake_below(struct fake_random *r, uint64_t limit);

#endif
