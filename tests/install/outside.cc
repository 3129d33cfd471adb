/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Everything that is compiled into its caller, from C++. Run for formats that have pages of 4 KiB.
 */
#include <urcu/urcu-memb.h> /* says whose <urcu/flavor.h> is */

#include <gracewalk/bare.h>
#include <gracewalk/gracewalk.h>
#include <gracewalk/urcu.h>
#include <urcu/flavor.h>
#include <vector>

static_assert(sizeof(gw_entry) == 8, "an entry has the size that it has in C");

/* Leaves and holes of [va, va + bytes). */
static std::vector<gw_leaf> list(const gw_pt *pt, uint64_t va, uint64_t bytes)
{
	std::vector<gw_leaf> all;
	gw_cursor c;
	gw_leaf leaf;

	if (!gw_cursor_start(&c, pt, va, bytes))
		while (gw_cursor_next(&c, &leaf) != GW_FOUND_END)
			all.push_back(leaf);
	gw_cursor_pause(&c);
	return all;
}

/* How many of two pages are mapped, one at a time and both at once; and by their entries. */
static bool count(gw_pt *pt, uint64_t va, unsigned mapped)
{
	const uint64_t vas[2] = {va, va + 4096};
	gw_leaf leaf[2];
	uint64_t out;
	unsigned alone = gw_translate(pt, vas[0], &out) + gw_translate(pt, vas[1], &out);
	const gw_entry *entry = gw_pte_map(pt, va);
	bool same = !entry || gw_fmt_is_leaf(gw_load_relaxed(entry), 0) == gw_walk(pt, va, leaf);

	if (entry)
		gw_pte_unmap(pt);
	return same && alone == mapped && gw_walk_many(pt, vas, 2, leaf) == mapped;
}

int main()
{
	const uint32_t attr = GW_FMT_ATTRS & (GW_READ | GW_WRITE | GW_EXEC | GW_USER);
	gw_env *env = gw_urcu_create(&urcu_memb_flavor);
	gw_opts opts = {};
	gw_pt *pt = nullptr;
	int status = 1;

	urcu_memb_register_thread();
	opts.env = env;
	if (env && !gw_create(&opts, &pt)) {
		bool right = !gw_map(pt, 0x5000, 0x2000, 0x90000, attr);

		urcu_memb_read_lock();
		right = right && count(pt, 0x5000, 2) && count(pt, 0x6000, 1) &&
			count(pt, 0x7000, 0);
		/* index64: a range has one value, and two pages are two leaves all the same. */
		right = right && list(pt, 0x4000, 0x4000).size() == 4;
		urcu_memb_read_unlock();
		status = !right;
		gw_destroy(pt);
	}
	if (env)
		gw_urcu_destroy(env);
	urcu_memb_unregister_thread();
	return status;
}
