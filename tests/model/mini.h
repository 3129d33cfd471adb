/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Format for model checkers: MINI_LEVELS levels of 2 entries, the least that has tables at all. */
#ifndef GRACEWALK_TESTS_MODEL_MINI_H
#define GRACEWALK_TESTS_MODEL_MINI_H

/*   bit 0   an entry in use
 *   bit 1   a leaf            bit 4 and up of a table, 12 and up of a leaf: the address */
#include <gracewalk/format/attr.h>

#define GW_FMT_NAME "mini"

#ifndef MINI_LEVELS
#define MINI_LEVELS 2
#endif

enum {
	GW_LEVELS = MINI_LEVELS,
	GW_PAGE_LG2 = 12,
	GW_VA_BITS = GW_PAGE_LG2 + MINI_LEVELS,
	GW_OUT_BITS = 40,
	GW_FMT_HEAPS = 1,
	GW_FMT_BLOCK_BYTES = 32, /* 2 tables */
	GW_FMT_HW_UPDATES = 0,
	GW_FMT_BREAK_BEFORE_MAKE = 0,
	GW_FMT_ONE_VALUE = 0,
	GW_FMT_SIGNED = 0,
	GW_FMT_ATTRS_MUST = GW_READ,
	GW_FMT_ATTRS = GW_READ,
};

#include <gracewalk/format/mmu.h>

#define MINI_USED 1ull
#define MINI_LEAF 2ull

static inline unsigned gw_fmt_index_bits(unsigned level)
{
	(void)level;
	return 1;
}

static inline unsigned gw_fmt_shift(unsigned level)
{
	return GW_PAGE_LG2 + level;
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
	return level == 0;
}

static inline bool gw_fmt_is_table(uint64_t e, unsigned level)
{
	return level > 0 && (e & (MINI_USED | MINI_LEAF)) == MINI_USED;
}

static inline bool gw_fmt_is_leaf(uint64_t e, unsigned level)
{
	(void)level;
	return (e & (MINI_USED | MINI_LEAF)) == (MINI_USED | MINI_LEAF);
}

static inline uint64_t gw_fmt_table(uint64_t address, unsigned level)
{
	(void)level;
	return address | MINI_USED;
}

static inline uint64_t gw_fmt_table_address(uint64_t e, unsigned level)
{
	(void)level;
	return e & ~0xfull;
}

static inline uint64_t gw_fmt_leaf(uint64_t out, uint32_t attr, unsigned level)
{
	(void)attr;
	return (out & ~gw_fmt_offset_mask(level)) | MINI_USED | MINI_LEAF;
}

static inline uint64_t gw_fmt_out(uint64_t e, unsigned level)
{
	return e & ~gw_fmt_offset_mask(level);
}

static inline uint32_t gw_fmt_attr(uint64_t e, unsigned level)
{
	(void)e;
	(void)level;
	return GW_READ;
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
