/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Included ahead of src/heap/defer.c: before each of its atomic operations another thread may get
 * its turn. */
#ifndef GRACEWALK_TESTS_HEAP_STEPS_H
#define GRACEWALK_TESTS_HEAP_STEPS_H

#include <gracewalk/atomic.h>

void heap_step(void);

#undef gw_load_acquire
#undef gw_store_release
#undef gw_exchange_acq_rel
#undef gw_cas_acq_rel
#undef gw_fetch_or_acq_rel
#undef gw_fetch_and_acq_rel
#define gw_load_acquire(p) (heap_step(), atomic_load(p))
#define gw_store_release(p, v) (heap_step(), atomic_store(p, v))
#define gw_exchange_acq_rel(p, v) (heap_step(), atomic_exchange(p, v))
#define gw_cas_acq_rel(p, old, v) (heap_step(), atomic_compare_exchange_strong(p, old, v))
#define gw_fetch_or_acq_rel(p, v) (heap_step(), atomic_fetch_or(p, v))
#define gw_fetch_and_acq_rel(p, v) (heap_step(), atomic_fetch_and(p, v))

#endif
