/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * What a harness is made of, and what the core needs from where it runs, in C11 atomics alone: so
 * that a stateless model checker takes both, with the library's own sources (source.h). */
#ifndef GRACEWALK_TESTS_MODEL_H
#define GRACEWALK_TESTS_MODEL_H

#include <gracewalk/atomic.h>
#include <gracewalk/env.h>
#include "mutant.h"
#include "run.h"

/* Places inside the walk, where there is no other. */
#ifndef GW_C11_CHECKER
#undef gw_load_dependent
#define gw_load_dependent(p) (model_pause(), atomic_load_explicit(p, memory_order_acquire))
#endif

enum { MODEL_ARENA = 8192 };

/* How a table that is free shows, to who has no detector of races: by poison, which looks like a
 * leaf, of nobody's. With poison no table is known to be clean; so not where it is not needed.
 * MODEL_PAGE is a page whose entry changes when its table turns free: the first, which holds the
 * list node then; but a node may read like the empty entry, so with poison the second. */
#ifdef MODEL_NATIVE
enum { MODEL_POISON = 0xbad003, MODEL_PAGE = 1 };
#else
enum { MODEL_POISON = 0, MODEL_PAGE = 0 };
#endif

/* ---- Orders that are weaker than the library's, one a build: -DMODEL_OR=memory_order_release ----
 */

#ifdef MODEL_OR
#undef gw_fetch_or_acq_rel
#define gw_fetch_or_acq_rel(p, v) atomic_fetch_or_explicit(p, v, MODEL_OR)
#endif
#ifdef MODEL_AND
#undef gw_fetch_and_acq_rel
#define gw_fetch_and_acq_rel(p, v) atomic_fetch_and_explicit(p, v, MODEL_AND)
#endif
#ifdef MODEL_CAS
#undef gw_cas_acq_rel
#define gw_cas_acq_rel(p, old, v) \
	atomic_compare_exchange_strong_explicit(p, old, v, MODEL_CAS, memory_order_relaxed)
#endif
#ifdef MODEL_LOAD
#undef gw_load_acquire
#define gw_load_acquire(p) atomic_load_explicit(p, MODEL_LOAD)
#endif
#ifdef MODEL_STORE
#undef gw_store_release
#define gw_store_release(p, v) atomic_store_explicit(p, v, MODEL_STORE)
#endif
#ifdef MODEL_LOCK
#undef gw_exchange_acquire
#define gw_exchange_acquire(p, v) atomic_exchange_explicit(p, v, MODEL_LOCK)
#endif
#ifdef MODEL_EXCHANGE
#undef gw_exchange_acq_rel
#define gw_exchange_acq_rel(p, v) atomic_exchange_explicit(p, v, MODEL_EXCHANGE)
#endif
#ifdef MODEL_DEPENDENT
#undef gw_load_dependent
#define gw_load_dependent(p) atomic_load_explicit(p, MODEL_DEPENDENT)
#endif
#ifdef MODEL_SEQ_CST
#undef gw_load_seq_cst
#undef gw_fetch_or_seq_cst
#undef gw_fetch_and_seq_cst
#define gw_load_seq_cst(p) atomic_load_explicit(p, memory_order_acquire)
#define gw_fetch_or_seq_cst(p, v) atomic_fetch_or_explicit(p, v, MODEL_SEQ_CST)
#define gw_fetch_and_seq_cst(p, v) atomic_fetch_and_explicit(p, v, MODEL_SEQ_CST)
#endif

/* ---- The environment ---- */

/* A grace period reads each thread's word by an operation that changes nothing, and a section
 * begins by one too. Of two such operations on one word the later has seen all that came before the
 * other: so either the grace period finds the section, and waits, or the section begins after it,
 * and sees what was unlinked before. No more than R1 and R2 of docs/protocol.md ask for. */
static MODEL_SHARED struct {
	_Atomic uint32_t section[MODEL_THREADS]; /* odd: in a section; grows by 2 a section */
	uint32_t nesting[MODEL_THREADS];         /* each its thread's own */
	_Atomic uintptr_t queue;                 /* heads to be called: the last one queued */
	_Atomic size_t used;                     /* of the arena */
	_Alignas(4096) unsigned char arena[MODEL_ARENA];
} model_state;

/* Memory is taken once and not given back: what is used again is used again by the heap. */
static void *model_take(size_t bytes, size_t align)
{
	size_t at, end = atomic_load_explicit(&model_state.used, memory_order_relaxed);

	do
		at = (end + align - 1) & ~(align - 1);
	while (!atomic_compare_exchange_strong_explicit(
		&model_state.used, &end, at + bytes, memory_order_relaxed, memory_order_relaxed));
	model_check(at + bytes <= MODEL_ARENA);
	return model_state.arena + at;
}

static void *model_alloc(struct gw_env *env, size_t bytes)
{
	(void)env;
	return model_take(bytes, 16);
}

static void *model_reserve(struct gw_env *env, size_t bytes, size_t align)
{
	(void)env;
	return model_take(bytes, align);
}

static void model_give_back(struct gw_env *env, void *p, size_t bytes)
{
	(void)env;
	(void)p;
	(void)bytes;
}

static int model_commit(struct gw_env *env, void *p, size_t bytes)
{
	(void)env;
	(void)p;
	(void)bytes;
	return 0;
}

static void model_read_lock(struct gw_env *env)
{
	unsigned self = model_self();

	(void)env;
	if (!model_state.nesting[self]++)
		atomic_fetch_add_explicit(&model_state.section[self], 1, memory_order_acq_rel);
}

static void model_read_unlock(struct gw_env *env)
{
	unsigned self = model_self();

	(void)env;
	if (!--model_state.nesting[self])
		atomic_fetch_add_explicit(&model_state.section[self], 1, memory_order_release);
}

static void model_synchronize(struct gw_env *env)
{
	(void)env;
	model_check(!model_state.nesting[model_self()]);
	for (unsigned i = 1; i < MODEL_THREADS && !GW_MUTANT(skip_grace); i++) {
		_Atomic uint32_t *section = &model_state.section[i];
		uint32_t was = atomic_fetch_add_explicit(section, 0, memory_order_acq_rel);

		while (was & 1 && atomic_load_explicit(section, memory_order_acquire) == was)
			model_relax();
	}
	model_pause();
}

/* A head's room: the next in the queue; and itself, while it is queued. */
static void model_defer(struct gw_env *env, struct gw_head *head, void (*fn)(struct gw_head *head))
{
	uintptr_t top = atomic_load_explicit(&model_state.queue, memory_order_relaxed);

	(void)env;
	model_check(!head->room[1]); /* queued twice */
	head->room[1] = head;
	head->fn = fn;
	do
		head->room[0] = (void *)top;
	while (!atomic_compare_exchange_strong_explicit(&model_state.queue, &top, (uintptr_t)head,
							memory_order_release,
							memory_order_relaxed));
	model_pause();
}

/* A grace period, and the calls that were queued before it. */
static void model_call(void)
{
	uintptr_t queue = atomic_exchange_explicit(&model_state.queue, 0, memory_order_acquire);

	model_synchronize(NULL);
	while (queue) {
		struct gw_head *head = (struct gw_head *)queue;

		queue = (uintptr_t)head->room[0];
		head->room[1] = NULL;
		head->fn(head);
	}
}

/* For the end: until nothing is queued. */
static void model_call_all(void)
{
	while (atomic_load_explicit(&model_state.queue, memory_order_relaxed))
		model_call();
}

static void model_patience(struct gw_env *env, unsigned spins)
{
	(void)env;
	(void)spins;
	model_relax();
}

static struct gw_env model_env = {
	.alloc = model_alloc,
	.free = model_give_back,
	.reserve = model_reserve,
	.unreserve = model_give_back,
	.commit = model_commit,
	.decommit = model_give_back,
	.read_lock = model_read_lock,
	.read_unlock = model_read_unlock,
	.defer = model_defer,
	.synchronize = model_synchronize,
	.relax = model_patience,
};

/* Waits until a thread has come to a place, without an order between what is before the two: that
 * has to come from the library. */
static inline void model_arrive(_Atomic uint32_t *place)
{
	atomic_fetch_add_explicit(place, 1, memory_order_relaxed);
}

static inline void model_await(_Atomic uint32_t *place)
{
	while (!atomic_load_explicit(place, memory_order_relaxed))
		model_relax();
}

#endif
