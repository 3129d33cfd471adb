/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The core's lock: one word, so that every table has its own. */
#ifndef GW_LOCK_H
#define GW_LOCK_H

#include <gracewalk/atomic.h>
#include <gracewalk/env.h>

/* Free when 0. Held for a short time only; its holder may be descheduled, so waiters ask the
 * environment for patience. Holding it does not hold off a grace period. */
typedef _Atomic uint32_t gw_lock;

static inline void gw_lock_take(gw_lock *lock, struct gw_env *env)
{
	unsigned spins = 0;

	/* The acquire pairs with the release in gw_lock_drop. */
	while (gw_exchange_acquire(lock, 1))
		while (gw_load_relaxed(lock))
			env->relax(env, spins++);
}

static inline void gw_lock_drop(gw_lock *lock)
{
	gw_store_release(lock, 0);
}

#endif
