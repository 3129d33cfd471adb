/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Attributes of a leaf, the same names for every format. */
#ifndef GRACEWALK_FORMAT_ATTR_H
#define GRACEWALK_FORMAT_ATTR_H

#include <stdbool.h>
#include <stdint.h>

/* What a format cannot express is refused with -EOPNOTSUPP, and so is the lack of what it cannot
 * withhold: each format states both as GW_FMT_ATTRS and GW_FMT_ATTRS_MUST. */
enum {
	GW_READ = 1 << 0,
	GW_WRITE = 1 << 1,
	GW_EXEC = 1 << 2,
	GW_USER = 1 << 3,     /* also for unprivileged code */
	GW_GLOBAL = 1 << 4,   /* the same in every address space */
	GW_ACCESSED = 1 << 5, /* set by the MMU where the format says so */
	GW_DIRTY = 1 << 6,
	GW_UNCACHED = 1 << 7, /* memory type: strongly uncacheable; without it, write-back */
	/* A hint: where they fit, runs of leaves that the MMU may remember as one. */
	GW_CONTIGUOUS = 1 << 8,
	GW_SOFT_SHIFT = 16,
	GW_SOFT0 = 1 << 16, /* bits that the MMU ignores and the caller may use */
	GW_SOFT1 = 1 << 17,
	GW_SOFT2 = 1 << 18,
};

#endif
