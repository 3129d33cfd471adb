/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The reader-writer lock of peers that have no concurrency of their own. */
#ifndef GW_BENCH_RWLOCK_H
#define GW_BENCH_RWLOCK_H

#include "peer.h"
#include <pthread.h>

/* Prefers writers: else a reader that comes back at once would keep them out for good. */
PEER_INLINE void rwlock_init(pthread_rwlock_t *lock)
{
	pthread_rwlockattr_t attr;

	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	bench_check(!pthread_rwlock_init(lock, &attr), "pthread_rwlock_init");
	pthread_rwlockattr_destroy(&attr);
}

#endif
