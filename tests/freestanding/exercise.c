/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * One format's page table on env/bare maps, walks, changes and unmaps. Compiled once a format. */
#include <gracewalk/bare.h>
#include <gracewalk/gracewalk.h>

#define exercise GW_NAME(exercise)

enum { PAGE = 1 << GW_PAGE_LG2, PAGES = 1000, HEAP_BYTES = 4 << 20 };
#define BASE 0x3f12340000ull
#define OUT 0x12340000ull

int exercise(struct gw_bare *bare);

static void add_bytes(void *ctx, const struct gw_leaf *run)
{
	*(uint64_t *)ctx += run->bytes;
}

/* Takes what can be taken: from all pages, or from none where the format has nothing. */
static bool harvests(struct gw_pt *pt)
{
	const uint32_t take = GW_FMT_ATTRS & (GW_ACCESSED | GW_DIRTY | GW_WRITE);
	uint64_t found = 0;
	int err = gw_harvest(pt, BASE, PAGES * PAGE, take, add_bytes, &found);

	return take ? !err && found == PAGES * PAGE : err == -EINVAL && !found;
}

static bool maps(const struct gw_pt *pt, uint64_t va, uint64_t want)
{
	uint64_t out;

	return gw_translate(pt, va, &out) && out == want;
}

/* Return: the number of the step that went wrong, or 0. */
static int steps(struct gw_env *env, struct gw_pt *pt)
{
	uint64_t out = gw_fmt_advance(OUT, 7 * PAGE), none;
	struct gw_pte pte;
	uint64_t leaf;
	bool ok;

	if (gw_map(pt, BASE, PAGES * PAGE, OUT, GW_FMT_ATTRS))
		return 1;
	env->read_lock(env);
	ok = maps(pt, BASE, OUT) && maps(pt, BASE + 7 * PAGE, out);
	env->read_unlock(env);
	if (!ok)
		return 2;
	if (!harvests(pt) || !gw_touch(pt, BASE, GW_ACCESSED))
		return 7;
	if (gw_protect(pt, BASE + PAGE, PAGE, GW_FMT_ATTRS_MUST) ||
	    !gw_pte_map_lock(pt, BASE, &pte))
		return 3;
	leaf = gw_pte_set(pt, &pte, gw_fmt_empty(0));
	gw_pte_unlock(pt, &pte);
	if (gw_fmt_out(leaf, 0) != OUT || gw_translate(pt, BASE, &none))
		return 4;
	if (gw_unmap(pt, BASE, PAGES * PAGE) || gw_translate(pt, BASE + 7 * PAGE, &none))
		return 5;
	gw_reclaim(pt, 0, UINT64_MAX);
	return gw_check(pt) ? 6 : 0;
}

/* Return: 0, or what went wrong. */
int exercise(struct gw_bare *bare)
{
	struct gw_opts opts = {.env = &bare->env};
	size_t before = gw_bare_free_bytes(bare);
	struct gw_pt *pt;
	int err;

	for (unsigned i = 0; i < GW_FMT_HEAPS; i++) {
		struct gw_heap_opts heap;

		if (gw_heap_defaults(i, &heap))
			return 10;
		heap.env = &bare->env;
		heap.max_bytes = HEAP_BYTES;
		if (gw_heap_create(&heap, &opts.heap[i]))
			return 11;
	}
	if (gw_create(&opts, &pt))
		return 12;
	err = steps(&bare->env, pt);
	gw_destroy(pt);
	gw_bare_drain(bare);
	for (unsigned i = 0; i < GW_FMT_HEAPS; i++)
		gw_heap_put(opts.heap[i]);
	if (!err && gw_bare_free_bytes(bare) != before)
		err = 13;
	return err;
}
