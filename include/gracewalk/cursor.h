/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The cursor: a walk that goes on from where the last one ended. Needs GW_FORMAT; see gracewalk.h.
 */
#ifndef GRACEWALK_CURSOR_H
#define GRACEWALK_CURSOR_H

#include <gracewalk/walk.h>

static inline unsigned gw_cursor_level(const struct gw_cursor *c)
{
	return (GW_FMT_RANGES ? c->top : (unsigned)GW_LEVELS - 1) - c->depth;
}

/* Goes down from the last table that is remembered. Return: the entry at the cursor's place that is
 * no table; its own table is then the last. */
static inline uint64_t gw_cursor_entry(struct gw_cursor *c)
{
	for (unsigned level = gw_cursor_level(c);; level--) {
		uintptr_t table = (uintptr_t)c->table[c->depth];
		uint64_t e = gw_walk_load(table, gw_index(c->va, level) * sizeof(gw_entry));

		if (!gw_fmt_leads_on(e, level))
			return e;
		table = (uintptr_t)gw_fmt_leads_to(e, level) + c->to_pointer;
		c->table[++c->depth] = (const gw_entry *)table;
	}
}

/* Moves on to the end of a piece that an entry of this level is a part of, and whose size is a
 * power of two; and up out of the tables that end there. */
GW_WALK_INLINE void gw_cursor_pass(struct gw_cursor *c, uint64_t piece, unsigned level)
{
	uint64_t rest = piece - (c->va & (piece - 1));

	if (rest > c->left)
		rest = c->left;
	c->va += rest;
	c->left -= rest;
	while (c->depth && !(c->va & (gw_span(++level) - 1)))
		c->depth--;
}

/* The entry at the cursor's place. Return: whether it is a leaf. */
GW_WALK_INLINE bool gw_cursor_leaf(const struct gw_cursor *c, uint64_t e, unsigned level,
				   struct gw_leaf *leaf)
{
	return gw_walk_leaf(e, gw_fmt_canonical(c->va), level, leaf);
}

/* gw_cursor_next for any level, and over holes. */
static inline enum gw_found gw_cursor_search(struct gw_cursor *c, struct gw_leaf *leaf)
{
	uint64_t from = c->va;

	while (c->left) {
		uint64_t e = gw_cursor_entry(c);
		unsigned level = gw_cursor_level(c);

		if (!gw_cursor_leaf(c, e, level, leaf)) {
			gw_cursor_pass(c, gw_span(level), level);
		} else if (c->va == from) {
			gw_cursor_pass(c, leaf->bytes, level);
			return GW_FOUND_LEAF;
		} else {
			break; /* the hole ends here */
		}
	}
	*leaf = GW_NO_LEAF;
	if (c->va == from)
		return GW_FOUND_END;
	leaf->va = gw_fmt_canonical(from);
	leaf->bytes = c->va - from;
	return GW_FOUND_HOLE;
}

/* Tells the next leaf or hole of the range in *leaf. A leaf is told whole, also where it lies
 * across an end of the range (or, put there by an updater since, across what was told before). A
 * hole has neither `out` nor attributes, and is what is not mapped from here to the next leaf, or
 * to the end of the range: it costs a load for each empty entry in it, at whatever level that is.
 *
 * Context: inside a read-side section; or no updater runs.
 * Return: what was found; at GW_FOUND_END *leaf is zeroes. */
GW_WALK_INLINE enum gw_found gw_cursor_next(struct gw_cursor *c, struct gw_leaf *leaf)
{
	enum gw_found found;
	struct gw_leaf other; /* so that fields of *leaf that nobody looks at cost nothing */

	/* A page beside a page, which is most of what there is: all constants are folded. */
	if (c->left && gw_cursor_level(c) == 0) {
		uintptr_t table = (uintptr_t)c->table[c->depth];
		uint64_t e = gw_walk_load(table, gw_index(c->va, 0) * sizeof(gw_entry));

		if (gw_cursor_leaf(c, e, 0, leaf)) {
			gw_cursor_pass(c, leaf->bytes, 0);
			return GW_FOUND_LEAF;
		}
	}
	found = gw_cursor_search(c, &other);
	*leaf = other;
	return found;
}

#endif
