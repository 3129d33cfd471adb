/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The README's example: map, translate, unmap, and pages released after a grace period. */
#include <stdio.h>
#include <urcu/urcu-memb.h>
#include <urcu/flavor.h>
#define GW_FORMAT x86_64
#include <gracewalk/gracewalk.h>
#include <gracewalk/urcu.h>

static void release(void *ctx, const struct gw_leaf *run)
{
	(void)ctx;
	printf("released %#llx, %llu KiB\n", (unsigned long long)run->out,
	       (unsigned long long)run->bytes >> 10);
}

int main(void)
{
	urcu_memb_register_thread();
	struct gw_env *env = gw_urcu_create(&urcu_memb_flavor);
	const struct gw_opts opts = {.env = env, .release = release};
	struct gw_pt *pt;
	uint64_t out;

	if (!env || gw_create(&opts, &pt))
		return 1;
	/* 1 GiB and one page: a 1 GiB leaf and a 4 KiB leaf. */
	if (gw_map(pt, 0x40000000, 0x40001000, 0x80000000, GW_READ | GW_WRITE))
		return 1;

	urcu_memb_read_lock(); /* what any thread does, at any moment, without a lock */
	if (gw_translate(pt, 0x7fffffff, &out))
		printf("0x7fffffff is at %#llx\n", (unsigned long long)out);
	urcu_memb_read_unlock();

	gw_unmap(pt, 0x40000000, 0x40001000); /* tables and pages wait for walkers; we do not */
	gw_destroy(pt);
	gw_urcu_destroy(env); /* drains */
	urcu_memb_unregister_thread();
	return 0;
}
