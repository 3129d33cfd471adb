/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * gw_cursor_start; the rest of the cursor is compiled into its caller: gracewalk/cursor.h. */
#include "table.h"

int gw_cursor_start(struct gw_cursor *c, const struct gw_pt *pt, uint64_t va, uint64_t bytes)
{
	int err = range_check(pt, va, bytes);

	*c = (struct gw_cursor){
		.va = gw_low(va),
		.left = err ? 0 : bytes,
		.to_pointer = pt->to_pointer,
		.top = gw_top(pt),
		.table = {pt->root},
	};
	return err;
}
