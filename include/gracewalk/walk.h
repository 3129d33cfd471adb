/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The walk: a chain of dependent loads, compiled into its caller. Needs GW_FORMAT; see gracewalk.h. */
#ifndef GRACEWALK_WALK_H
#define GRACEWALK_WALK_H

#ifndef GW_FORMAT_HEADER
#define GW_QUOTE(path) #path
#define GW_HEADER(path) GW_QUOTE(path)
#define GW_FORMAT_HEADER GW_HEADER(gracewalk/format/GW_FORMAT.h)
#endif
#include GW_FORMAT_HEADER

static inline uint64_t gw_span(unsigned level)
{
	return 1ull << gw_fmt_shift(level);
}

static inline unsigned gw_index(uint64_t va, unsigned level)
{
	return va >> gw_fmt_shift(level) & ((1u << gw_fmt_index_bits(level)) - 1);
}

/* The address without what canonical form adds. */
static inline uint64_t gw_low(uint64_t va)
{
	return GW_VA_BITS == 64 ? va : va & ((1ull << (GW_VA_BITS & 63)) - 1);
}

/* Looks up va. Return: whether a leaf maps it, and then the leaf in *leaf; fields that the caller does not
 * look at cost nothing. Guarantees A to E.
 * Context: inside a read-side section; or no updater runs. */
static inline bool gw_walk(const struct gw_pt *pt, uint64_t va, struct gw_leaf *leaf)
{
	const gw_entry *table = pt->root;

	if (gw_fmt_canonical(gw_low(va)) != va)
		return false;
#pragma GCC unroll 8
	for (unsigned level = GW_LEVELS - 1; level < GW_LEVELS; level--) {
		/* Pairs with the releases that publish tables (build and split) and leaves (fill): the
		 * entry's target was filled before. */
		uint64_t e = gw_load_dependent(&table[gw_index(va, level)]);

		if (level > 0 && gw_fmt_is_table(e, level)) {
			table = (const gw_entry *)(uintptr_t)(gw_fmt_table_address(e, level) + pt->to_pointer);
			continue;
		}
		if (!gw_fmt_is_leaf(e, level))
			return false;
		leaf->va = va & ~(gw_span(level) - 1);
		leaf->out = gw_fmt_out(e, level);
		leaf->bytes = gw_span(level);
		leaf->attr = gw_fmt_attr(e, level);
		return true;
	}
	return false; /* not reached: level 0 has no tables below it */
}

/* Looks up what the byte at va maps to. Return, Context: as gw_walk. */
static inline bool gw_translate(const struct gw_pt *pt, uint64_t va, uint64_t *out)
{
	struct gw_leaf leaf;

	if (!gw_walk(pt, va, &leaf))
		return false;
	*out = gw_fmt_advance(leaf.out, va - leaf.va);
	return true;
}

#endif
