/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Every access to memory that the core makes, told one by one. */
#ifndef GW_BENCH_COUNTS_HOOKS_H
#define GW_BENCH_COUNTS_HOOKS_H

#include <stddef.h>

enum access {
	ACCESS_LOAD,
	ACCESS_STORE,
	ACCESS_RMW, /* one atomic read-modify-write: of what it does, the part that costs */
};

/* Called for each. `atomic`: through an operation of <gracewalk/atomic.h>. */
void count_access(const volatile void *at, size_t bytes, enum access what, int atomic);

#endif
