/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Maps 3 pages in a format named by the build, and looks one up. */
#include <urcu/urcu-memb.h> /* says whose <urcu/flavor.h> is */

#include <gracewalk/gracewalk.h>
#include <gracewalk/urcu.h>
#include <stdio.h>
#include <urcu/flavor.h>

int main(void)
{
	struct gw_env *env = gw_urcu_create(&urcu_memb_flavor);
	const struct gw_opts opts = {.env = env};
	struct gw_pt *pt;
	uint64_t out = 0;

	urcu_memb_register_thread();
	if (!env || gw_create(&opts, &pt) || gw_map(pt, 0x5000, 0x3000, 0x90000, GW_READ))
		return 1;
	urcu_memb_read_lock();
	if (gw_translate(pt, 0x6789, &out))
		printf("%s: %#llx\n", gw_ops.name, (unsigned long long)out);
	urcu_memb_read_unlock();
	gw_destroy(pt);
	gw_urcu_destroy(env);
	urcu_memb_unregister_thread();
	return out != 0x91789;
}
