/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Atomic operations that carry their memory order in their name. C11 atomics and nothing else; in
 * C++ the same of <atomic>, whose types have the same layout. */
#ifndef GRACEWALK_ATOMIC_H
#define GRACEWALK_ATOMIC_H

#include <stdint.h>
#ifdef __cplusplus
#include <atomic>
#define GW_ATOMIC(type) std::atomic<type>
/* As C++23's own <stdatomic.h>; the functions are found by their argument. */
using std::memory_order_acq_rel;
using std::memory_order_acquire;
using std::memory_order_relaxed;
using std::memory_order_release;
using std::memory_order_seq_cst;
#else
#include <stdatomic.h>
#define GW_ATOMIC(type) _Atomic(type)
#endif

/* An entry of a table. Hardware and walkers read it at any moment. */
typedef GW_ATOMIC(uint64_t) gw_entry;

/* A load whose result is the address of the next load: a walk's step from one table to the next.
 * The dependence orders the two on every processor that Linux runs on, so that no fence is
 * needed. C11 can say this only as "acquire" (compilers promote consume to it), which costs a
 * fence on weakly ordered processors: there the load is relaxed and the dependence does the
 * work. Checkers that know C11 alone get the acquire. */
#if defined(__SANITIZE_THREAD__) || defined(GW_C11_CHECKER)
#define gw_load_dependent(p) atomic_load_explicit(p, memory_order_acquire)
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define gw_load_dependent(p) atomic_load_explicit(p, memory_order_acquire)
#endif
#endif
#ifndef gw_load_dependent
#define gw_load_dependent(p) atomic_load_explicit(p, memory_order_relaxed)
#endif

#define gw_load_relaxed(p) atomic_load_explicit(p, memory_order_relaxed)
#define gw_load_acquire(p) atomic_load_explicit(p, memory_order_acquire)
#define gw_load_seq_cst(p) atomic_load_explicit(p, memory_order_seq_cst)

#define gw_store_relaxed(p, v) atomic_store_explicit(p, v, memory_order_relaxed)
#define gw_store_release(p, v) atomic_store_explicit(p, v, memory_order_release)

#define gw_exchange_acquire(p, v) atomic_exchange_explicit(p, v, memory_order_acquire)
#define gw_exchange_acq_rel(p, v) atomic_exchange_explicit(p, v, memory_order_acq_rel)
#define gw_cas_acq_rel(p, old, v)                                                \
	atomic_compare_exchange_strong_explicit(p, old, v, memory_order_acq_rel, \
						memory_order_acquire)

#define gw_fetch_add_relaxed(p, v) atomic_fetch_add_explicit(p, v, memory_order_relaxed)
#define gw_fetch_sub_relaxed(p, v) atomic_fetch_sub_explicit(p, v, memory_order_relaxed)
#define gw_fetch_add_acq_rel(p, v) atomic_fetch_add_explicit(p, v, memory_order_acq_rel)
#define gw_fetch_sub_acq_rel(p, v) atomic_fetch_sub_explicit(p, v, memory_order_acq_rel)
#define gw_fetch_or_acq_rel(p, v) atomic_fetch_or_explicit(p, v, memory_order_acq_rel)
#define gw_fetch_and_acq_rel(p, v) atomic_fetch_and_explicit(p, v, memory_order_acq_rel)
#define gw_fetch_xor_acq_rel(p, v) atomic_fetch_xor_explicit(p, v, memory_order_acq_rel)
#define gw_fetch_or_seq_cst(p, v) atomic_fetch_or_explicit(p, v, memory_order_seq_cst)
#define gw_fetch_and_seq_cst(p, v) atomic_fetch_and_explicit(p, v, memory_order_seq_cst)

#endif
