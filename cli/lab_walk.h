/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Threads that walk the lab's tables, and count their walks. */
#ifndef GRACEWALK_CLI_LAB_WALK_H
#define GRACEWALK_CLI_LAB_WALK_H

#include "pgtable.h"
#include <pthread.h>
#include <urcu/flavor.h>

enum { LAB_WALK_THREADS_MAX = 16 };

struct lab_walk_options {
	unsigned threads;
	struct lab *lab;
	struct pgtable *pgtable;
	enum lab_walk walk;
	const struct rcu_flavor_struct *flavour; /* the lab's */
	const uint64_t *addresses; /* the walks are at these, in random order; the caller's */
	size_t n;
};

struct lab_walks;

/* Returns when all threads walk. Return: 0, -ENOMEM, or what pthread_create said, negative. */
int lab_walks_start(const struct lab_walk_options *options, struct lab_walks **walks);

/* So far, of all threads together. */
struct lab_walks_count {
	uint64_t walks, ns; /* of processor time */
};
struct lab_walks_count lab_walks_count(const struct lab_walks *walks);

void lab_walks_stop(struct lab_walks *walks);

/* Processor time that a thread has had, ns. */
uint64_t lab_thread_ns(pthread_t thread);

#endif
