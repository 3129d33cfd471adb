/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Short forms that the tests of the page table share. */
#include "bench.h"

void with_policy(enum gw_policy policy, void (*test)(struct fixture *x))
{
	struct gw_opts opts = {.policy = policy};
	struct fixture x;

	fix_start(&x, &opts);
	test(&x);
	fix_end(&x);
}

void each_policy(void (*test)(struct fixture *x))
{
	for (unsigned policy = 0; policy < POLICIES; policy++)
		with_policy((enum gw_policy)policy, test);
}

void with_small_blocks(enum gw_policy policy, void (*test)(struct fixture *x))
{
	struct gw_opts opts = {.policy = policy};
	struct fixture x;

	fix_start_heaps(&x, &opts, 1);
	test(&x);
	fix_end(&x);
}

void no_memory(struct fixture *x, bool none)
{
	x->relaxed = none;
	fake_fail(x->f, 0);
	fake_fail_all(x->f, none);
}

void map_ok(struct fixture *x, uint64_t va, uint64_t bytes)
{
	assert_int_equal(fix_map(x, va, bytes, TO(va), WRITABLE), 0);
}

void unmap_ok(struct fixture *x, uint64_t va, uint64_t bytes)
{
	assert_int_equal(fix_unmap(x, va, bytes), 0);
}

unsigned level_at(struct fixture *x, uint64_t va)
{
	unsigned level;
	gw_entry *entry = fix_entry(x, va, &level);

	assert_true(gw_fmt_is_leaf(gw_load_relaxed(entry), level));
	return level;
}
