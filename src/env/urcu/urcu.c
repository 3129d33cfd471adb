/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The environment for user space: mmap for memory, liburcu for grace periods. */
#include "mutant.h"
#include "tsan.h"
#include <gracewalk/atomic.h>
#include <gracewalk/urcu.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <urcu/arch.h>
#include <urcu/call-rcu.h>
#include <urcu/flavor.h>

#ifdef GW_TSAN
char gw_urcu_tsan_tag, gw_urcu_tsan_calls;
#endif

struct urcu_env {
	struct gw_env env;
	const struct rcu_flavor_struct *flavour;
	_Atomic uint64_t queued; /* deferred calls, since creation */
	_Atomic uint64_t grace_periods;
	_Atomic uint32_t ticking; /* the ticker's head is queued */
	struct rcu_head ticker;
};

static struct urcu_env *urcu_of(struct gw_env *env)
{
	return (struct urcu_env *)((char *)env - offsetof(struct urcu_env, env));
}

/* ---- Memory ---- */

static void *env_alloc(struct gw_env *env, size_t bytes)
{
	(void)env;
	return calloc(1, bytes);
}

static void env_free(struct gw_env *env, void *p, size_t bytes)
{
	(void)env;
	(void)bytes;
	free(p);
}

static size_t page_bytes(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

static uintptr_t round_up(uintptr_t x, size_t to)
{
	return (x + to - 1) & ~(uintptr_t)(to - 1);
}

/* Address space is taken in pieces of so much, the size of most blocks: the kernel puts one piece
 * below the other, so that what follows an aligned one is aligned too. */
enum { PIECE_BYTES = 64 << 10 };

static unsigned char *map(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static void unmap(unsigned char *p, size_t bytes)
{
	if (bytes)
		munmap(p, bytes);
}

static void *env_reserve(struct gw_env *env, size_t bytes, size_t align)
{
	unsigned char *p, *aligned;

	(void)env;
	bytes = round_up(bytes, PIECE_BYTES);
	p = map(bytes);
	if (!p || !((uintptr_t)p & (align - 1)))
		return p;
	unmap(p, bytes);
	p = map(bytes + align);
	if (!p)
		return NULL;
	aligned = (unsigned char *)round_up((uintptr_t)p, align);
	unmap(p, (size_t)(aligned - p));
	unmap(aligned + bytes, (size_t)(p + align - aligned));
	return aligned;
}

static void env_unreserve(struct gw_env *env, void *p, size_t bytes)
{
	(void)env;
	munmap(p, round_up(bytes, PIECE_BYTES));
}

static int env_commit(struct gw_env *env, void *p, size_t bytes)
{
	(void)env;
	(void)p;
	(void)bytes;
	return 0; /* the kernel does, at the first touch */
}

/* Whole pages only: the kernel rounds the length up, and would take memory of the neighbours
 * with it. */
static void env_decommit(struct gw_env *env, void *p, size_t bytes)
{
	uintptr_t first = round_up((uintptr_t)p, page_bytes());
	uintptr_t end = ((uintptr_t)p + bytes) & ~(uintptr_t)(page_bytes() - 1);

	(void)env;
	if (first < end)
		madvise((void *)first, end - first, MADV_DONTNEED);
}

/* ---- Grace periods ---- */

static void env_read_lock(struct gw_env *env)
{
	urcu_of(env)->flavour->read_lock();
}

static void env_read_unlock(struct gw_env *env)
{
	GW_TSAN_READ_END();
	urcu_of(env)->flavour->read_unlock();
}

/* liburcu does not count its grace periods. A call that is queued whenever there is something to
 * wait for, and never twice at once, counts those that followed one another. */
static void tick(struct rcu_head *head)
{
	struct urcu_env *urcu =
		(struct urcu_env *)((char *)head - offsetof(struct urcu_env, ticker));

	GW_TSAN_CALLED(head);
	gw_fetch_add_relaxed(&urcu->grace_periods, 1);
	gw_store_release(&urcu->ticking, false); /* pairs with the exchange in env_defer */
	GW_TSAN_RETURNED();
}

/* The heads that come here are gw_heads: liburcu's lies at the start of their room. */
static void call(struct rcu_head *rcu)
{
	struct gw_head *head = (struct gw_head *)rcu;
	void (*fn)(struct gw_head *);

	GW_TSAN_CALLED(head);
	GW_TSAN_GRACE_PERIOD();
	fn = head->fn;
	head->fn = NULL; /* for who wants to see that a head is not queued twice */
	fn(head);
	GW_TSAN_RETURNED();
}

static void env_defer(struct gw_env *env, struct gw_head *head, void (*fn)(struct gw_head *head))
{
	struct urcu_env *urcu = urcu_of(env);

	_Static_assert(sizeof(struct rcu_head) <= sizeof(head->room),
		       "a gw_head has room for an rcu_head");
	head->fn = fn;
	if (GW_MUTANT(skip_grace)) {
		fn(head);
		return;
	}
	/* Acquire: pairs with the store in tick(), after which the ticker's head may be queued
	 * again. */
	if (!gw_exchange_acquire(&urcu->ticking, true)) {
		GW_TSAN_QUEUE(&urcu->ticker);
		urcu->flavour->update_call_rcu(&urcu->ticker, tick);
	}
	GW_TSAN_QUEUE(head);
	urcu->flavour->update_call_rcu((struct rcu_head *)head, call);
	/* Only now: counted before it is queued, a call that another one makes could be missed by a
	 * drain that begins in between, whose barrier does not wait for it. */
	gw_fetch_add_relaxed(&urcu->queued, 1);
}

static void env_synchronize(struct gw_env *env)
{
	struct urcu_env *urcu = urcu_of(env);

	if (!GW_MUTANT(skip_grace))
		urcu->flavour->update_synchronize_rcu();
	GW_TSAN_GRACE_PERIOD();
	gw_fetch_add_relaxed(&urcu->grace_periods, 1);
}

/* ---- Patience ---- */

static void env_relax(struct gw_env *env, unsigned spins)
{
	enum { SPINS_BEFORE_YIELD = 100 };

	(void)env;
	if (spins > SPINS_BEFORE_YIELD)
		sched_yield();
	else
		caa_cpu_relax();
}

/* ---- The environment's life ---- */

struct gw_env *gw_urcu_create(const struct rcu_flavor_struct *flavour)
{
	struct urcu_env *urcu = calloc(1, sizeof(*urcu));

	if (!urcu)
		return NULL;
	urcu->flavour = flavour;
	urcu->env = (struct gw_env){
		.alloc = env_alloc,
		.free = env_free,
		.reserve = env_reserve,
		.unreserve = env_unreserve,
		.commit = env_commit,
		.decommit = env_decommit,
		.read_lock = env_read_lock,
		.read_unlock = env_read_unlock,
		.defer = env_defer,
		.synchronize = env_synchronize,
		.relax = env_relax,
	};
	return &urcu->env;
}

void gw_urcu_drain(struct gw_env *env)
{
	struct urcu_env *urcu = urcu_of(env);
	uint64_t queued;

	do {
		queued = gw_load_relaxed(&urcu->queued);
		urcu->flavour->barrier();
		GW_TSAN_BARRIER();
	} while (gw_load_relaxed(&urcu->queued) != queued);
}

void gw_urcu_destroy(struct gw_env *env)
{
	gw_urcu_drain(env);
	free(urcu_of(env));
}

uint64_t gw_urcu_grace_periods(const struct gw_env *env)
{
	return gw_load_relaxed(&urcu_of((struct gw_env *)(uintptr_t)env)->grace_periods);
}
