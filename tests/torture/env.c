/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The environment under test, wrapped: watches deferred heads, counts memory, keeps what was given
 * back readable. */
#include "torture.h"
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

/* A deferred call on its way. The table of them is what tells a head that is queued while it is
 * queued. */
struct call {
	struct gw_head *head;
	void (*fn)(struct gw_head *head);
	struct call *next;
};

enum { BUCKETS = 1024 };

struct bucket {
	pthread_mutex_t lock;
	struct call *calls;
};

struct wrapper {
	struct gw_env env;
	struct gw_env *inner;
	_Atomic int64_t allocated, reserved, committed, heads;
	_Atomic uint64_t commits; /* calls */
	_Atomic bool scarce;
	_Atomic uint64_t asked; /* while memory was scarce */
	struct bucket bucket[BUCKETS];
};

struct gw_env *test_env;

static struct wrapper *wrapper_of(struct gw_env *env)
{
	return (struct wrapper *)((char *)env - offsetof(struct wrapper, env));
}

/* ---- Memory ---- */

static bool one_in(uint64_t n, uint64_t number)
{
	struct rng rng = rng_make(number);

	return rng_below(&rng, n) == 0;
}

/* One call in sixteen is refused; and of the stretches of 64 calls one in eight, whole. */
static bool runs_out(struct wrapper *w)
{
	enum { ONE_IN = 16, STRETCH_LG2 = 6, STRETCH_IN = 8 };
	uint64_t n;

	if (!gw_load_relaxed(&w->scarce))
		return false;
	n = gw_fetch_add_relaxed(&w->asked, 1);
	return one_in(ONE_IN, n) || one_in(STRETCH_IN, ~(n >> STRETCH_LG2));
}

void test_env_scarce(struct gw_env *env, bool scarce)
{
	gw_store_relaxed(&wrapper_of(env)->scarce, scarce);
}

static void *env_alloc(struct gw_env *env, size_t bytes)
{
	struct wrapper *w = wrapper_of(env);
	void *p = runs_out(w) ? NULL : w->inner->alloc(w->inner, bytes);

	if (p)
		gw_fetch_add_relaxed(&w->allocated, (int64_t)bytes);
	return p;
}

static void env_free(struct gw_env *env, void *p, size_t bytes)
{
	struct wrapper *w = wrapper_of(env);

	gw_fetch_sub_relaxed(&w->allocated, (int64_t)bytes);
	w->inner->free(w->inner, p, bytes);
}

static void *env_reserve(struct gw_env *env, size_t bytes, size_t align)
{
	struct wrapper *w = wrapper_of(env);
	void *p = runs_out(w) ? NULL : w->inner->reserve(w->inner, bytes, align);

	if (p)
		gw_fetch_add_relaxed(&w->reserved, (int64_t)bytes);
	return p;
}

static void env_unreserve(struct gw_env *env, void *p, size_t bytes)
{
	struct wrapper *w = wrapper_of(env);

	gw_fetch_sub_relaxed(&w->reserved, (int64_t)bytes);
	w->inner->unreserve(w->inner, p, bytes);
}

/* An updater that needs a table has found its place before and locks it afterwards. Now and then
 * others get ahead of it here, and the place is gone: what the dead mark is for. */
static void linger(struct wrapper *w)
{
	enum { ONE_IN = 8 };

	if (gw_fetch_add_relaxed(&w->commits, 1) % ONE_IN == 0)
		sched_yield();
}

static int env_commit(struct gw_env *env, void *p, size_t bytes)
{
	struct wrapper *w = wrapper_of(env);

	(void)p;
	linger(w);
	if (runs_out(w))
		return -ENOMEM;
	gw_fetch_add_relaxed(&w->committed, (int64_t)bytes);
	return 0;
}

/* The memory stays, so that a walker that is in there reads poison and not zeroes. */
static void env_decommit(struct gw_env *env, void *p, size_t bytes)
{
	struct wrapper *w = wrapper_of(env);

	(void)p;
	gw_fetch_sub_relaxed(&w->committed, (int64_t)bytes);
}

/* ---- Grace periods ---- */

static void env_read_lock(struct gw_env *env)
{
	struct wrapper *w = wrapper_of(env);

	w->inner->read_lock(w->inner);
}

static void env_read_unlock(struct gw_env *env)
{
	struct wrapper *w = wrapper_of(env);

	w->inner->read_unlock(w->inner);
}

static struct bucket *bucket_of(struct wrapper *w, const struct gw_head *head)
{
	return &w->bucket[((uintptr_t)head >> 4 ^ (uintptr_t)head >> 14) % BUCKETS];
}

static void call_add(struct wrapper *w, struct call *call)
{
	struct bucket *bucket = bucket_of(w, call->head);

	pthread_mutex_lock(&bucket->lock);
	for (const struct call *c = bucket->calls; c; c = c->next)
		if (c->head == call->head)
			wrong("head queued twice: %p", (void *)call->head);
	call->next = bucket->calls;
	bucket->calls = call;
	pthread_mutex_unlock(&bucket->lock);
}

static struct call *call_take(struct wrapper *w, struct gw_head *head)
{
	struct bucket *bucket = bucket_of(w, head);
	struct call **at = &bucket->calls, *call;

	pthread_mutex_lock(&bucket->lock);
	while (*at && (*at)->head != head)
		at = &(*at)->next;
	call = *at;
	if (call)
		*at = call->next;
	pthread_mutex_unlock(&bucket->lock);
	return call;
}

static void called(struct gw_head *head)
{
	struct wrapper *w = wrapper_of(test_env);
	struct call *call = call_take(w, head);
	void (*fn)(struct gw_head * head);

	if (!call)
		wrong("deferred call of a head that is not queued: %p", (void *)head);
	fn = call->fn;
	free(call);
	fn(head);
	gw_fetch_sub_relaxed(&w->heads, 1);
}

static void env_defer(struct gw_env *env, struct gw_head *head, void (*fn)(struct gw_head *head))
{
	struct wrapper *w = wrapper_of(env);
	struct call *call = malloc(sizeof(*call));

	if (!call)
		wrong("the test is out of memory");
	*call = (struct call){.head = head, .fn = fn};
	call_add(w, call);
	gw_fetch_add_relaxed(&w->heads, 1);
	w->inner->defer(w->inner, head, called);
}

static void env_synchronize(struct gw_env *env)
{
	struct wrapper *w = wrapper_of(env);

	w->inner->synchronize(w->inner);
}

static void env_relax(struct gw_env *env, unsigned spins)
{
	struct wrapper *w = wrapper_of(env);

	w->inner->relax(w->inner, spins);
}

/* ---- Its life ---- */

struct gw_env *test_env_create(const struct rcu_flavor_struct *flavour)
{
	struct wrapper *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->inner = gw_urcu_create(flavour);
	if (!w->inner) {
		free(w);
		return NULL;
	}
	for (unsigned i = 0; i < BUCKETS; i++)
		pthread_mutex_init(&w->bucket[i].lock, NULL);
	w->env = (struct gw_env){
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
	return &w->env;
}

void test_env_drain(struct gw_env *env)
{
	gw_urcu_drain(wrapper_of(env)->inner);
}

void test_env_destroy(struct gw_env *env)
{
	struct wrapper *w = wrapper_of(env);

	gw_urcu_destroy(w->inner);
	if (w->allocated || w->reserved || w->committed || w->heads)
		wrong("not given back: %lld bytes allocated, %lld reserved, %lld committed; %lld "
		      "heads",
		      (long long)w->allocated, (long long)w->reserved, (long long)w->committed,
		      (long long)w->heads);
	for (unsigned i = 0; i < BUCKETS; i++)
		pthread_mutex_destroy(&w->bucket[i].lock);
	free(w);
}

uint64_t test_env_grace_periods(struct gw_env *env)
{
	return gw_urcu_grace_periods(wrapper_of(env)->inner);
}
