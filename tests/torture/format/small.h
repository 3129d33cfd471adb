/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Format for tests: six levels of 4 or 8 entries, so that tables come and go at every level all the
 * time. */
#ifndef TORTURE_FORMAT_SMALL_H
#define TORTURE_FORMAT_SMALL_H

/* An entry is an address, and bit 0: used, bit 1: leaf, bits 2 and 3: may write, may execute; bit
 * 4: one of a run, whose entries are all alike. Two heaps: page tables of 32 bytes, the rest of 64.
 */
#include <gracewalk/format/attr.h>

#define GW_FMT_NAME "small"

enum {
	GW_LEVELS = 6,
	GW_PAGE_LG2 = 12,
	GW_VA_BITS = 29,
	GW_OUT_BITS = 56,
	GW_FMT_HEAPS = 2,
	GW_FMT_BLOCK_BYTES = 8192, /* 256 and 128 tables */
	GW_FMT_HW_UPDATES = 0,
	GW_FMT_BREAK_BEFORE_MAKE = 0,
	GW_FMT_ONE_VALUE = 0,
	GW_FMT_SIGNED = 0,
	GW_FMT_ATTRS_MUST = GW_READ,
	GW_FMT_ATTRS = GW_READ | GW_WRITE | GW_EXEC | GW_CONTIGUOUS,
};

#include <gracewalk/format/mmu.h>

static inline unsigned gw_fmt_index_bits(unsigned level)
{
	return level ? 3 : 2;
}

static inline unsigned gw_fmt_shift(unsigned level)
{
	return level ? GW_PAGE_LG2 + 2 + 3 * (level - 1) : GW_PAGE_LG2;
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
	return level <= 3;
}

#define gw_fmt_run_lg2 gw_fmt_run_lg2
static inline unsigned gw_fmt_run_lg2(unsigned level)
{
	return !gw_fmt_leaf_level(level) ? 0 : level ? 2 : 1;
}

static inline bool gw_fmt_is_table(uint64_t e, unsigned level)
{
	return level > 0 && (e & 3) == 1;
}

static inline bool gw_fmt_is_leaf(uint64_t e, unsigned level)
{
	(void)level;
	return (e & 3) == 3;
}

static inline uint64_t gw_fmt_table(uint64_t address, unsigned level)
{
	(void)level;
	return address | 1;
}

static inline uint64_t gw_fmt_table_address(uint64_t e, unsigned level)
{
	(void)level;
	return e & ~1ull;
}

static inline uint64_t gw_fmt_attr_bits(uint32_t attr)
{
	return (attr & GW_WRITE ? 4 : 0) | (attr & GW_EXEC ? 8 : 0);
}

static inline uint64_t gw_fmt_leaf(uint64_t out, uint32_t attr, unsigned level)
{
	uint64_t run = attr & GW_CONTIGUOUS && gw_fmt_run_lg2(level) ? 16 : 0;

	out &= ~((1ull << (gw_fmt_shift(level) + (run ? gw_fmt_run_lg2(level) : 0))) - 1);
	return out | run | gw_fmt_attr_bits(attr) | 3;
}

static inline uint64_t gw_fmt_out(uint64_t e, unsigned level)
{
	unsigned run_lg2 = e & 16 ? gw_fmt_run_lg2(level) : 0;

	return e & ~((1ull << (gw_fmt_shift(level) + run_lg2)) - 1);
}

static inline uint32_t gw_fmt_attr(uint64_t e, unsigned level)
{
	(void)level;
	return GW_READ | (e & 4 ? GW_WRITE : 0) | (e & 8 ? GW_EXEC : 0) |
	       (e & 16 ? GW_CONTIGUOUS : 0);
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

#endif
