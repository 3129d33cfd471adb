/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Threads that translate addresses without a lock while a page table changes, and check each
 * answer. */
#ifndef GRACEWALK_CLI_WALKERS_H
#define GRACEWALK_CLI_WALKERS_H

#include "frames.h"
#include <gracewalk/gracewalk.h>
#include <urcu/flavor.h>

struct walkers;

struct walkers_result {
	uint64_t walks, found;
	uint64_t wrong;  /* another page's frame, or a mapped page that was not found */
	uint64_t stale;  /* a frame that was released */
	char first[160]; /* the first bad answer in words; empty: none */
};

/* Starts n threads on a page table. Return: 0, -ENOMEM, or what pthread_create said, negative. */
int walkers_start(unsigned n, const struct gw_format *format, const struct gw_pt *pt,
		  struct frames *frames, const struct rcu_flavor_struct *flavour,
		  struct walkers **out);

/* Stops them and adds up what they saw. */
void walkers_stop(struct walkers *walkers, struct walkers_result *result);

#endif
