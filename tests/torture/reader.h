/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Read-side sections of the test's own threads, with what ThreadSanitizer has to be told of them.
 */
#ifndef TORTURE_READER_H
#define TORTURE_READER_H

#include "env/urcu/tsan.h"
#include "mutant.h"
#include <stdatomic.h>
#include <stdbool.h>
#include <urcu/flavor.h>

extern const struct rcu_flavor_struct urcu_memb_flavor, urcu_mb_flavor, urcu_qsbr_flavor,
	urcu_bp_flavor;

static inline void reader_lock(const struct rcu_flavor_struct *flavour)
{
	flavour->read_lock();
}

/* Ahead of whatever ends a section. */
static inline void reader_end(void)
{
	if (!GW_MUTANT(untold_reader))
		GW_TSAN_READ_END();
}

static inline void reader_unlock(const struct rcu_flavor_struct *flavour)
{
	reader_end();
	flavour->read_unlock();
}

/* Ends a section where the flavour is qsbr; nothing where it is not. */
static inline void reader_quiescent(const struct rcu_flavor_struct *flavour)
{
	reader_end();
	flavour->read_quiescent_state();
}

static inline void reader_offline(const struct rcu_flavor_struct *flavour)
{
	reader_end();
	flavour->thread_offline();
}

/* Orders the loads of a walk before the loads that follow, and the stores of a cell's word before
 * the update that follows. ThreadSanitizer knows no fences: there walks load with acquire, and
 * words are exchanged. */
static inline void fence(void)
{
#ifndef GW_TSAN
	atomic_thread_fence(memory_order_seq_cst);
#endif
}

#endif
