/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Format for tests: 4 levels of 8 entries, with all that a format can be difficult about. */
#ifndef GRACEWALK_TESTS_FORMAT_TINY8_H
#define GRACEWALK_TESTS_FORMAT_TINY8_H

/* Two heaps, empty entries that are not 0 and differ by level, a hole in the middle of the address
 * space, break before make, accessed and dirty bits that "hardware" sets. The entries of a run have
 * an address each.
 *
 *   bit 0   an entry in use       bits 2 to 5   write, user, accessed, dirty, in a leaf
 *   bit 1   a leaf                bit 6 and up of a table, 12 and up of a leaf: the address
 *                                 bit 8         one of a run, in a leaf
 */
#include <gracewalk/format/attr.h>

#define GW_FMT_NAME "tiny8"

enum {
	GW_LEVELS = 4,
	GW_PAGE_LG2 = 12,
	GW_VA_BITS = 24,
	GW_OUT_BITS = 36,
	GW_FMT_HEAPS = 2,
	GW_FMT_BLOCK_BYTES = 512, /* 8 tables */
	GW_FMT_HW_UPDATES = 1,
	GW_FMT_BREAK_BEFORE_MAKE = 1,
	GW_FMT_ONE_VALUE = 0,
	GW_FMT_SIGNED = 1,
	GW_FMT_ATTRS_MUST = GW_READ | GW_EXEC,
	GW_FMT_ATTRS =
		GW_READ | GW_WRITE | GW_EXEC | GW_USER | GW_ACCESSED | GW_DIRTY | GW_CONTIGUOUS,
};

#include <gracewalk/format/mmu.h>

#define TINY8_USED 1ull
#define TINY8_LEAF 2ull
#define TINY8_WRITE 4ull
#define TINY8_USER 8ull
#define TINY8_A 16ull
#define TINY8_D 32ull
#define TINY8_RUN 256ull

static inline unsigned gw_fmt_index_bits(unsigned level)
{
	(void)level;
	return 3;
}

static inline unsigned gw_fmt_shift(unsigned level)
{
	return GW_PAGE_LG2 + 3 * level;
}

static inline unsigned gw_fmt_heap(unsigned level)
{
	return level > 0;
}

static inline uint64_t gw_fmt_empty(unsigned level)
{
	return level ? 0x40 : 0x80;
}

static inline bool gw_fmt_leaf_level(unsigned level)
{
	return level <= 2;
}

#define gw_fmt_run_lg2 gw_fmt_run_lg2
static inline unsigned gw_fmt_run_lg2(unsigned level)
{
	return gw_fmt_leaf_level(level) ? 2 - level : 0;
}

static inline bool gw_fmt_is_table(uint64_t e, unsigned level)
{
	return level > 0 && (e & (TINY8_USED | TINY8_LEAF)) == TINY8_USED;
}

static inline bool gw_fmt_is_leaf(uint64_t e, unsigned level)
{
	(void)level;
	return (e & (TINY8_USED | TINY8_LEAF)) == (TINY8_USED | TINY8_LEAF);
}

static inline uint64_t gw_fmt_table(uint64_t address, unsigned level)
{
	(void)level;
	return address | TINY8_USED;
}

static inline uint64_t gw_fmt_table_address(uint64_t e, unsigned level)
{
	(void)level;
	return e & ~0x3full;
}

static inline uint64_t gw_fmt_leaf(uint64_t out, uint32_t attr, unsigned level)
{
	return out | (attr & GW_CONTIGUOUS && gw_fmt_run_lg2(level) ? TINY8_RUN : 0) | TINY8_USED |
	       TINY8_LEAF | (attr & GW_WRITE ? TINY8_WRITE : 0) |
	       (attr & GW_USER ? TINY8_USER : 0) | (attr & GW_ACCESSED ? TINY8_A : 0) |
	       (attr & GW_DIRTY ? TINY8_D : 0);
}

static inline uint64_t gw_fmt_out(uint64_t e, unsigned level)
{
	unsigned run_lg2 = e & TINY8_RUN ? gw_fmt_run_lg2(level) : 0;

	return e & ~((1ull << (gw_fmt_shift(level) + run_lg2)) - 1);
}

static inline uint32_t gw_fmt_attr(uint64_t e, unsigned level)
{
	(void)level;
	return GW_READ | GW_EXEC | (e & TINY8_WRITE ? GW_WRITE : 0) |
	       (e & TINY8_USER ? GW_USER : 0) | (e & TINY8_A ? GW_ACCESSED : 0) |
	       (e & TINY8_D ? GW_DIRTY : 0) | (e & TINY8_RUN ? GW_CONTIGUOUS : 0);
}

static inline uint64_t gw_fmt_recorded(uint64_t e, uint32_t attr, unsigned level)
{
	(void)level;
	return e | (attr & GW_ACCESSED ? TINY8_A : 0) | (attr & GW_DIRTY ? TINY8_D : 0);
}

/* Whether users may access, and whether an entry is of a run, cannot change in place. */
static inline bool gw_fmt_must_break(uint64_t from, uint64_t to)
{
	return (from ^ to) & (TINY8_USER | TINY8_RUN);
}

#endif
