/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Format: index64, address to 63-bit value, for software that wants no hardware format. */
#ifndef GRACEWALK_FORMAT_INDEX64_H
#define GRACEWALK_FORMAT_INDEX64_H

/* Tables of 64 entries for pages, 512 bytes, and above them up to three levels of 1,024: as many as
 * the addresses need that a page table is for (gw_opts.va, .bytes). Up to 256 KiB take one table,
 * 256 MiB two levels, 256 GiB three. Leaves at every level. A range that is mapped has ONE value,
 * the same for each address in it (an allocator's span, a region's descriptor), whatever its size;
 * the MMU formats count their output addresses up instead.
 *
 *   entry   0                  nothing here
 *           value | 1 << 63    leaf
 *           anything else      the address of the next table
 *
 * So a walk tells a table by one comparison: it is above zero. Where tables lie in the upper half
 * of the address space, as in a kernel, a heap's `phys` gives them addresses below it.
 */
#include <gracewalk/format/attr.h>

#define GW_FMT_NAME "index64"
#define GW_FMT_RANGES 1

#define INDEX_LEAF (1ull << 63)

enum {
	GW_LEVELS = 4,
	GW_PAGE_LG2 = 12,
	GW_VA_BITS = 48,
	GW_OUT_BITS = 63,
	GW_FMT_HEAPS = 2,
	GW_FMT_BLOCK_BYTES = 65536,
	GW_FMT_HW_UPDATES = 0,
	GW_FMT_BREAK_BEFORE_MAKE = 0,
	GW_FMT_ONE_VALUE = 1,
	GW_FMT_ATTRS_MUST = 0,
	GW_FMT_ATTRS = 0,
};

static inline unsigned gw_fmt_index_bits(unsigned level)
{
	return level ? 10 : 6;
}

static inline unsigned gw_fmt_shift(unsigned level)
{
	return GW_PAGE_LG2 + (level ? 10 * level - 4 : 0);
}

static inline unsigned gw_fmt_heap(unsigned level)
{
	return level > 0;
}

static inline uint64_t gw_fmt_empty(unsigned level)
{
	(void)level;
	return 0;
}

static inline bool gw_fmt_leaf_level(unsigned level)
{
	(void)level;
	return true;
}

static inline bool gw_fmt_is_table(uint64_t e, unsigned level)
{
	return (level > 0) & ((int64_t)e > 0);
}

static inline bool gw_fmt_is_leaf(uint64_t e, unsigned level)
{
	(void)level;
	return e & INDEX_LEAF;
}

static inline uint64_t gw_fmt_table(uint64_t address, unsigned level)
{
	(void)level;
	return address & ~INDEX_LEAF;
}

static inline uint64_t gw_fmt_table_address(uint64_t e, unsigned level)
{
	(void)level;
	return e;
}

static inline uint64_t gw_fmt_attr_bits(uint32_t attr)
{
	(void)attr;
	return 0;
}

static inline uint64_t gw_fmt_leaf(uint64_t out, uint32_t attr, unsigned level)
{
	(void)attr;
	(void)level;
	return out | INDEX_LEAF;
}

static inline uint64_t gw_fmt_out(uint64_t e, unsigned level)
{
	(void)level;
	return e & ~INDEX_LEAF;
}

static inline uint32_t gw_fmt_attr(uint64_t e, unsigned level)
{
	(void)e;
	(void)level;
	return 0;
}

static inline uint64_t gw_fmt_recorded(uint64_t e, uint32_t attr, unsigned level)
{
	(void)attr;
	(void)level;
	return e;
}

static inline bool gw_fmt_must_break(uint64_t from, uint64_t to)
{
	(void)from;
	(void)to;
	return false;
}

static inline bool gw_fmt_aligned(uint64_t out, unsigned level)
{
	(void)out;
	(void)level;
	return true;
}

static inline uint64_t gw_fmt_advance(uint64_t out, uint64_t bytes)
{
	(void)bytes;
	return out;
}

static inline uint64_t gw_fmt_canonical(uint64_t low)
{
	return low;
}

#endif
