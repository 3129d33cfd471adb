/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * One format's functions in a struct, for those who choose a format as they run. */
#include "table.h"

static bool walk(const struct gw_pt *pt, uint64_t va, struct gw_leaf *leaf)
{
	return gw_walk(pt, va, leaf);
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
	.create = gw_create,
	.destroy = gw_destroy,
	.map = gw_map,
	.unmap = gw_unmap,
	.protect = gw_protect,
	.reclaim = gw_reclaim,
	.walk = walk,
	.stats = gw_stats,
	.check = gw_check,
};
