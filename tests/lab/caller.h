/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * liburcu with deferred calls that a test can hold back, and that do not nap. */
#ifndef GRACEWALK_TESTS_LAB_CALLER_H
#define GRACEWALK_TESTS_LAB_CALLER_H

#include <stdbool.h>
#include <stdint.h>
#include <urcu/flavor.h>

/* Grace periods are liburcu's own. Deferred calls run in a thread of the test's, in batches: it
 * takes all that is queued, waits for one grace period, runs them. (liburcu's thread naps 10 ms
 * before each batch, and nobody can tell when its grace periods begin.) The thread starts at the
 * first call. */
const struct rcu_flavor_struct *caller_flavour(void);

/* For each thread with read-side sections. */
void caller_register(void);
void caller_unregister(void);

/* No batch begins while it is held. */
void caller_hold(bool hold);

/* Batches whose grace period has begun; whose calls have all run. */
uint64_t caller_begun(void);
/* Waits until more than `batches` have begun, or have ended within `ms`.
 * Return: whether they have. */
void caller_wait_begun(uint64_t batches);
bool caller_wait_ended(uint64_t batches, unsigned ms);

/* Ends the thread, if there is one; nothing is queued any more. */
void caller_stop(void);

#endif
