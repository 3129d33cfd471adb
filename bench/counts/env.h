/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * An environment of one thread, in which a grace period is over when it is told to be. */
#ifndef GW_BENCH_COUNTS_ENV_H
#define GW_BENCH_COUNTS_ENV_H

#include <gracewalk/env.h>

/* What the core has asked for, since the program began. */
struct env_asked {
	uint64_t sections, deferred, waited, memory; /* memory: commit and decommit */
};
extern struct env_asked env_asked;

struct gw_env *counted_env(void);
/* Calls what was deferred before. Return: how many. */
unsigned grace_period(void);

#endif
