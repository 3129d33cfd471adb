/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Short forms that the tests of the page table share. */
#ifndef GRACEWALK_TESTS_BENCH_H
#define GRACEWALK_TESTS_BENCH_H

#include "fixture.h"

#define S(level) gw_span(level)
#define HALF (1ull << (GW_VA_BITS - 1))
#define END (HALF << 1) /* 0: of 64-bit addresses */
/* Somewhere that every format can map to, aligned to every leaf; and where the tests map an address
 * to, which may have more bits. */
#define OUT (1ull << (GW_OUT_BITS - 2))
#define TO(va) (OUT + ((va) & (OUT - 1)))
#define LAST_TABLE (8u << gw_fmt_index_bits(0)) /* bytes of a table of level 0 */
#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

enum { POLICIES = GW_POLICY_MANUAL + 1 };

/* Runs a test on a page table of that policy, or on one of each. */
void with_policy(enum gw_policy policy, void (*test)(struct fixture *x));
void each_policy(void (*test)(struct fixture *x));
/* With blocks of one table, so that each asks for memory. */
void with_small_blocks(enum gw_policy policy, void (*test)(struct fixture *x));

/* From here on there is no memory; or there is again. */
void no_memory(struct fixture *x, bool none);

/* To TO(va), where the largest leaves fit. */
void map_ok(struct fixture *x, uint64_t va, uint64_t bytes);
void unmap_ok(struct fixture *x, uint64_t va, uint64_t bytes);

/* The level of the leaf that maps va. */
unsigned level_at(struct fixture *x, uint64_t va);

#endif
