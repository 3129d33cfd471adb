/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Small known cases of C11's orders, for who checks the others: what C11 forbids must not be seen,
 * and what it allows must be. SHAPE chooses the case; STORE, LOAD and CHANGE are orders. */
#include "run.h"
#include <stdatomic.h>

#ifndef STORE
#define STORE memory_order_release
#endif
#ifndef LOAD
#define LOAD memory_order_acquire
#endif
#ifndef CHANGE
#define CHANGE memory_order_relaxed
#endif

static MODEL_SHARED struct {
	_Atomic uint32_t x, y;
	unsigned plain, seen[2];
} shared;

#define store(p, v, order) atomic_store_explicit(p, v, order)
#define load(p, order) atomic_load_explicit(p, order)

static inline void nothing(void)
{
}

/* Message passing: who finds the flag finds what was written before. */
static inline void pass(void)
{
	store(&shared.x, 1, memory_order_relaxed);
	store(&shared.y, 1, STORE);
}

static inline void receive(void)
{
	if (load(&shared.y, LOAD))
		model_check(load(&shared.x, memory_order_relaxed));
}

/* The same for what is not atomic, written before or after. */
static inline void pass_plain(void)
{
#ifndef AFTER
	shared.plain = 1;
#endif
	store(&shared.y, 1, STORE);
#ifdef AFTER
	shared.plain = 1;
#endif
}

static inline void receive_plain(void)
{
	if (load(&shared.y, LOAD))
		model_check(shared.plain);
}

/* Passed on: by an operation that reads and writes, of any order; by a store it is not. */
static inline void pass_on(void)
{
	if (load(&shared.y, memory_order_relaxed) != 1)
		return;
#ifdef BY_STORE
	store(&shared.y, 2, CHANGE);
#else
	atomic_fetch_add_explicit(&shared.y, 1, CHANGE);
#endif
}

static inline void receive_second(void)
{
	if (load(&shared.y, LOAD) == 2)
		model_check(load(&shared.x, memory_order_relaxed));
}

/* Store buffering: of two who write and then look at the other's, one sees. */
static inline void look_first(void)
{
	store(&shared.x, 1, STORE);
	shared.seen[0] = load(&shared.y, LOAD);
}

static inline void look_second(void)
{
	store(&shared.y, 1, STORE);
	shared.seen[1] = load(&shared.x, LOAD);
}

static inline void one_saw(void)
{
	model_check(shared.seen[0] || shared.seen[1]);
}

/* Coherence: one place never goes back. */
static inline void count(void)
{
	store(&shared.x, 1, memory_order_relaxed);
	store(&shared.x, 2, memory_order_relaxed);
}

static inline void follow(void)
{
	uint32_t first = load(&shared.x, memory_order_relaxed);

	model_check(load(&shared.x, memory_order_relaxed) >= first);
}

/* Causality: what is known to who passes is known to who receives. */
static inline void tell(void)
{
	store(&shared.x, 1, memory_order_relaxed);
}

static inline void tell_on(void)
{
	if (load(&shared.x, LOAD))
		store(&shared.y, 1, STORE);
}

#define MESSAGE                                                             \
	{                                                                   \
		.setup = nothing, .thread = {pass, receive}, .end = nothing \
	}
#define PLAIN                                                                           \
	{                                                                               \
		.setup = nothing, .thread = {pass_plain, receive_plain}, .end = nothing \
	}
#define CHAIN                                                                               \
	{                                                                                   \
		.setup = nothing, .thread = {pass, pass_on, receive_second}, .end = nothing \
	}
#define BUFFER                                                                        \
	{                                                                             \
		.setup = nothing, .thread = {look_first, look_second}, .end = one_saw \
	}
#define COHERENT                                                            \
	{                                                                   \
		.setup = nothing, .thread = {count, follow}, .end = nothing \
	}
#define CAUSAL                                                                       \
	{                                                                            \
		.setup = nothing, .thread = {tell, tell_on, receive}, .end = nothing \
	}

const struct model model = SHAPE;
