/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * What the core needs from where it runs: memory, grace periods, patience. The one seam. */
#ifndef GRACEWALK_ENV_H
#define GRACEWALK_ENV_H

#include <stddef.h>
#include <stdint.h>

/* Room for one deferred call. The environment owns `room` from defer() until it calls `fn`; from
 * then on the head may be used again, also from inside `fn`. */
struct gw_head {
	void *room[2]; /* an rcu_head, where the environment has such a thing */
	void (*fn)(struct gw_head *head);
};

/* One environment. Every function may be called from any thread that the environment knows, with
 * table locks held unless said otherwise.
 *
 * A read-side section is what walkers run in. A grace period is over when every read-side
 * section that was running when it began has ended.
 */
struct gw_env {
	/* Zeroed memory for small things, aligned for any type; NULL when there is none. */
	void *(*alloc)(struct gw_env *env, size_t bytes);
	void (*free)(struct gw_env *env, void *p, size_t bytes);

	/* Address space, `bytes` long, aligned to `align` (a power of two); NULL when there is
	 * none. It reads as zeroes and costs memory only where it was touched. */
	void *(*reserve)(struct gw_env *env, size_t bytes, size_t align);
	void (*unreserve)(struct gw_env *env, void *p, size_t bytes);
	/* Backs a part of such space with memory: 0 or -ENOMEM. `decommit` gives that memory
	 * back; what it held may be lost. Both may be called for space that the environment did
	 * not reserve. */
	int (*commit)(struct gw_env *env, void *p, size_t bytes);
	void (*decommit)(struct gw_env *env, void *p, size_t bytes);

	/* A read-side section of the calling thread. They nest. */
	void (*read_lock)(struct gw_env *env);
	void (*read_unlock)(struct gw_env *env);

	/* Calls fn(head) after a grace period that begins after this call, outside any read-side
	 * section, with no lock held, in a thread that may open read-side sections. Never fails,
	 * never calls `fn` before it returns. */
	void (*defer)(struct gw_env *env, struct gw_head *head, void (*fn)(struct gw_head *head));
	/* Waits for a grace period. Never called inside a read-side section, with a lock held,
	 * or from a deferred call. */
	void (*synchronize)(struct gw_env *env);

	/* Called over and over while a lock is held by another thread; `spins` counts the calls. */
	void (*relax)(struct gw_env *env, unsigned spins);
};

#endif
