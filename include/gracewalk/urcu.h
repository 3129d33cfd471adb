/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The environment for user space: liburcu's grace periods, in any of its flavours. */
#ifndef GRACEWALK_URCU_H
#define GRACEWALK_URCU_H

#include <gracewalk/env.h>

struct rcu_flavor_struct;

/* Makes an environment on a flavour: urcu_memb_flavor, urcu_qsbr_flavor, urcu_mb_flavor,
 * urcu_bp_flavor and so on, as liburcu's headers declare them and as cds_lfht_new_flavor() takes
 * them. Every thread that calls into Gracewalk, walkers and updaters, is registered with that
 * flavour (bp registers by itself). With qsbr a call that changes a page table may wait, and is
 * then a quiescent state of its thread; one that fails with -EBUSY is none, so that a thread which
 * tries again and again has to go through one in between.
 * Context: may allocate.
 * Return: the environment, or NULL: no memory. */
struct gw_env *gw_urcu_create(const struct rcu_flavor_struct *flavour);

/* Waits until every deferred call has run, those too that they deferred in turn.
 * Context: as gw_env.synchronize; nothing may defer without end meanwhile. */
void gw_urcu_drain(struct gw_env *env);

/* Drains, then frees the environment. All heaps and page tables on it were destroyed before.
 * Context: as gw_urcu_drain. */
void gw_urcu_destroy(struct gw_env *env);

/* Grace periods waited for since creation, one after another: those that served deferred calls,
 * however many, and those that an updater waited for.
 * Context: any. */
uint64_t gw_urcu_grace_periods(const struct gw_env *env);

#endif
