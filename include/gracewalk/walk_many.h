/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Many walks at once, whose cache misses overlap. Needs GW_FORMAT; see gracewalk.h. */
#ifndef GRACEWALK_WALK_MANY_H
#define GRACEWALK_WALK_MANY_H

#include <gracewalk/walk.h>

/* GROUP: walks that are under way together, about as many as a processor fetches cache lines for at
 * once. SPLIT: from this level up, walks are made one after the other, since tables there are few
 * and mostly cached; below it, one step each, with the next entry fetched ahead. Both by measuring:
 * bench/look.c. */
enum { GW_MANY_GROUP = 32, GW_MANY_SPLIT = GW_LEVELS / 2 };

/* Return: the next entry of a walk that is at this one; or NULL, where it ends, and *leaf is as
 * gw_walk leaves it. */
GW_WALK_INLINE const gw_entry *gw_many_step(const struct gw_pt *pt, const gw_entry *entry,
					    uint64_t va, unsigned level, struct gw_leaf *leaf)
{
	const gw_entry *table;
	/* Orders what gw_walk_load orders. */
	uint64_t e = gw_load_dependent(entry);

	if (gw_fmt_leads_on(e, level)) {
		table = (const gw_entry *)((uintptr_t)gw_fmt_leads_to(e, level) + pt->to_pointer);
		return &table[gw_index(va, level - 1)];
	}
	if (!gw_walk_leaf(e, va, level, leaf))
		*leaf = GW_NO_LEAF;
	return NULL;
}

/* The upper half of a walk. */
GW_WALK_INLINE const gw_entry *gw_many_start(const struct gw_pt *pt, uint64_t va,
					     struct gw_leaf *leaf)
{
	const gw_entry *entry = &pt->root[gw_index(va, gw_top(pt))];

	if (!gw_is_inside(pt, va)) {
		*leaf = GW_NO_LEAF;
		return NULL;
	}
#pragma GCC unroll 8
	for (unsigned level = GW_LEVELS - 1; level >= GW_MANY_SPLIT; level--)
		if (entry && level <= gw_top(pt))
			entry = gw_many_step(pt, entry, va, level, leaf);
	return entry;
}

/* At most GW_MANY_GROUP addresses. A prefetch of NULL does nothing. */
static inline unsigned gw_many_group(const struct gw_pt *pt, const uint64_t *va, unsigned n,
				     struct gw_leaf *leaf)
{
	const gw_entry *entry[GW_MANY_GROUP]; /* NULL: the walk has ended */
	const struct gw_pt p = *pt;           /* so that no store to *leaf can be one to it */
	unsigned found = 0;

	for (unsigned i = 0; i < n; i++) {
		entry[i] = gw_many_start(&p, va[i], &leaf[i]);
		__builtin_prefetch((const void *)entry[i]);
	}
#pragma GCC unroll 8
	for (unsigned level = GW_MANY_SPLIT - 1; level > 0; level--)
		for (unsigned i = 0; i < n; i++)
			if (entry[i] && level <= gw_top(&p)) {
				entry[i] = gw_many_step(&p, entry[i], va[i], level, &leaf[i]);
				__builtin_prefetch((const void *)entry[i]);
			}
	for (unsigned i = 0; i < n; i++) {
		if (entry[i])
			gw_many_step(&p, entry[i], va[i], 0, &leaf[i]);
		found += leaf[i].bytes != 0;
	}
	return found;
}

/* Looks up va[0] to va[n - 1] into leaf[0] to leaf[n - 1], each as gw_walk does, in no order.
 * Context: as gw_walk.
 * Return: how many are mapped; a leaf of 0 bytes says which are not. */
static inline unsigned gw_walk_many(const struct gw_pt *pt, const uint64_t *va, unsigned n,
				    struct gw_leaf *leaf)
{
	unsigned found = 0;

	for (unsigned group; n; n -= group, va += group, leaf += group) {
		group = n < GW_MANY_GROUP ? n : (unsigned)GW_MANY_GROUP;
		found += gw_many_group(pt, va, group, leaf);
	}
	return found;
}

#endif
