/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * One format's functions in a struct, for those who choose a format as they run. */
#include "table.h"

static bool walk(const struct gw_pt *pt, uint64_t va, struct gw_leaf *leaf)
{
	return gw_walk(pt, va, leaf);
}

static unsigned walk_many(const struct gw_pt *pt, const uint64_t *va, unsigned n,
			  struct gw_leaf *leaf)
{
	return gw_walk_many(pt, va, n, leaf);
}

static enum gw_found cursor_next(struct gw_cursor *c, struct gw_leaf *leaf)
{
	return gw_cursor_next(c, leaf);
}

static struct gw_decoded decode_leaf(uint64_t e, unsigned level, uint64_t va)
{
	struct gw_decoded leaf = {
		.kind = GW_ENTRY_LEAF,
		.attr = gw_fmt_attr(e, level),
		.out = entry_out(e, level, gw_index(va, level)),
	};

	leaf.other = e ^ gw_fmt_leaf(leaf.out, leaf.attr, level);
	return leaf;
}

static struct gw_decoded decode(uint64_t e, unsigned level, uint64_t va)
{
	if (gw_fmt_is_table(e, level)) {
		uint64_t address = gw_fmt_table_address(e, level);

		return (struct gw_decoded){
			.kind = GW_ENTRY_TABLE,
			.out = address,
			.other = e ^ gw_fmt_table(address, level),
		};
	}
	/* A leaf on a level that has none means nothing to an MMU. */
	if (gw_fmt_leaf_level(level) && gw_fmt_is_leaf(e, level))
		return decode_leaf(e, level, va);
	return (struct gw_decoded){.kind = is_empty(e, level) ? GW_ENTRY_EMPTY : GW_ENTRY_OTHER};
}

static struct gw_shape shape(unsigned level)
{
	return (struct gw_shape){gw_fmt_shift(level), gw_fmt_index_bits(level)};
}

static uint64_t canonical(uint64_t low)
{
	return gw_fmt_canonical(low);
}

const struct gw_format gw_ops = {
	.name = GW_FMT_NAME,
	.levels = GW_LEVELS,
	.page_lg2 = GW_PAGE_LG2,
	.va_bits = GW_VA_BITS,
	.attrs = GW_FMT_ATTRS,
	.attrs_must = GW_FMT_ATTRS_MUST,
	.one_value = GW_FMT_ONE_VALUE,
	.breaks = GW_FMT_BREAK_BEFORE_MAKE,
	.ranges = GW_FMT_RANGES,
	.create = gw_create,
	.destroy = gw_destroy,
	.map = gw_map,
	.unmap = gw_unmap,
	.protect = gw_protect,
	.reclaim = gw_reclaim,
	.collapse = gw_collapse,
	.split = gw_split,
	.replace = gw_replace,
	.walk = walk,
	.stats = gw_stats,
	.check = gw_check,
	.map_many = gw_map_many,
	.remap = gw_remap,
	.decode = decode,
	.shape = shape,
	.canonical = canonical,
	.harvest = gw_harvest,
	.touch = gw_touch,
	.walk_many = walk_many,
	.cursor_start = gw_cursor_start,
	.cursor_next = cursor_next,
	.find_hole = gw_find_hole,
};
