/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Format for tests: 5 levels of 4 entries, so that deep trees are cheap to reach and to compare. */
#ifndef GRACEWALK_TESTS_FORMAT_TINY_H
#define GRACEWALK_TESTS_FORMAT_TINY_H

/* The entries of a run are all alike.
 *
 *   bit 0   an entry in use        bit 2 to 4   write, execute, one of a run, in a leaf
 *   bit 1   a leaf                 bit 5 and up of a table, 12 and up of a leaf: the address */
#include <gracewalk/format/attr.h>

#define GW_FMT_NAME "tiny"

enum {
	GW_LEVELS = 5,
	GW_PAGE_LG2 = 12,
	GW_VA_BITS = 22,
	GW_OUT_BITS = 40,
	GW_FMT_HEAPS = 1,
	GW_FMT_BLOCK_BYTES = 128, /* 4 tables */
	GW_FMT_HW_UPDATES = 0,
	GW_FMT_BREAK_BEFORE_MAKE = 0,
	GW_FMT_ONE_VALUE = 0,
	GW_FMT_SIGNED = 0,
	GW_FMT_ATTRS_MUST = GW_READ,
	GW_FMT_ATTRS = GW_READ | GW_WRITE | GW_EXEC | GW_CONTIGUOUS,
};

#include <gracewalk/format/mmu.h>

#define GW_FMT_RANGES 1
#define TINY_USED 1ull
#define TINY_LEAF 2ull
#define TINY_WRITE 4ull
#define TINY_EXEC 8ull
#define TINY_RUN 16ull

static inline unsigned gw_fmt_index_bits(unsigned level)
{
	(void)level;
	return 2;
}

static inline unsigned gw_fmt_shift(unsigned level)
{
	return GW_PAGE_LG2 + 2 * level;
}

static inline unsigned gw_fmt_heap(unsigned level)
{
	(void)level;
	return 0;
}

static inline uint64_t gw_fmt_empty(unsigned level)
{
	(void)level;
	return 0;
}

static inline bool gw_fmt_leaf_level(unsigned level)
{
	return level <= 2;
}

#define gw_fmt_run_lg2 gw_fmt_run_lg2
static inline unsigned gw_fmt_run_lg2(unsigned level)
{
	return gw_fmt_leaf_level(level);
}

static inline bool gw_fmt_is_table(uint64_t e, unsigned level)
{
	return level > 0 && (e & (TINY_USED | TINY_LEAF)) == TINY_USED;
}

static inline bool gw_fmt_is_leaf(uint64_t e, unsigned level)
{
	(void)level;
	return (e & (TINY_USED | TINY_LEAF)) == (TINY_USED | TINY_LEAF);
}

static inline uint64_t gw_fmt_table(uint64_t address, unsigned level)
{
	(void)level;
	return address | TINY_USED;
}

static inline uint64_t gw_fmt_table_address(uint64_t e, unsigned level)
{
	(void)level;
	return e & ~0x1full;
}

static inline uint64_t gw_fmt_leaf(uint64_t out, uint32_t attr, unsigned level)
{
	uint64_t run = attr & GW_CONTIGUOUS && gw_fmt_run_lg2(level) ? TINY_RUN : 0;

	out &= ~((1ull << (gw_fmt_shift(level) + (run ? gw_fmt_run_lg2(level) : 0))) - 1);
	return out | run | TINY_USED | TINY_LEAF | (attr & GW_WRITE ? TINY_WRITE : 0) |
	       (attr & GW_EXEC ? TINY_EXEC : 0);
}

static inline uint64_t gw_fmt_out(uint64_t e, unsigned level)
{
	unsigned run_lg2 = e & TINY_RUN ? gw_fmt_run_lg2(level) : 0;

	return e & ~((1ull << (gw_fmt_shift(level) + run_lg2)) - 1);
}

static inline uint32_t gw_fmt_attr(uint64_t e, unsigned level)
{
	(void)level;
	return GW_READ | (e & TINY_WRITE ? GW_WRITE : 0) | (e & TINY_EXEC ? GW_EXEC : 0) |
	       (e & TINY_RUN ? GW_CONTIGUOUS : 0);
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
