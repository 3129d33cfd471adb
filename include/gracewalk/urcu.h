/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The environment for user space: liburcu's grace periods, in any of its flavours. */
#ifndef GRACEWALK_URCU_H
#define GRACEWALK_URCU_H

#include <gracewalk/env.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rcu_flavor_struct;

/* THREADS
 *
 * A thread that was registered with memb, mb or qsbr is unregistered before it ends. Else liburcu
 * goes on looking for it, in memory that the next thread may have by then, and no grace period
 * ends. With bp a thread needs neither: it is registered by its first read-side section, and
 * unregistered as it ends.
 *
 * FORK
 *
 * A child has a copy of every page table whose tables are in private memory, and goes its own way
 * with it, if its parent forks like this. (Of tables that were placed in shared memory only one of
 * the two may go on to use them.)
 *
 *  - No other thread is in a call that changes a page table, or is between gw_pte_map_lock and
 *    gw_pte_unlock: the child would wait for its locks for ever. The forking thread is outside
 *    read-side sections.
 *  - With memb, mb and qsbr no other thread is registered: liburcu would look for it in the child,
 *    where it is not. With bp others may be, and may be walking.
 *  - The forking thread calls, of its flavour, as for any program that uses call_rcu() and forks:
 *
 *        memb    urcu_memb_call_rcu_before_fork();
 *                in the parent   urcu_memb_call_rcu_after_fork_parent();
 *                in the child    urcu_memb_call_rcu_after_fork_child();
 *        mb      likewise
 *        qsbr    likewise, offline (urcu_qsbr_thread_offline()) until after these calls
 *        bp      urcu_bp_call_rcu_before_fork(), then urcu_bp_before_fork();
 *                in either process the other way round: urcu_bp_after_fork_parent() or _child(),
 *                then urcu_bp_call_rcu_after_fork_parent() or _child().
 *
 * What is deferred at that moment is called in both processes: each has a copy to release. A child
 * that only goes on to exec needs none of this, and calls nothing of Gracewalk.
 */

/* Makes an environment on a flavour: urcu_memb_flavor, urcu_qsbr_flavor, urcu_mb_flavor,
 * urcu_bp_flavor and so on, as liburcu's headers declare them and as cds_lfht_new_flavor() takes
 * them. (A flavour's own header is included before <urcu/flavor.h>, which then has its name.) Every
 * thread that calls into Gracewalk, walkers and updaters, is registered with that flavour (bp
 * registers by itself). With qsbr a call that changes a page table may wait, and is then a
 * quiescent state of its thread; one that fails with -EBUSY is none, so that a thread which tries
 * again and again has to go through one in between.
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

#ifdef __cplusplus
}
#endif

#endif
