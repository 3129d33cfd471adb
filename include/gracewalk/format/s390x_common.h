/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Formats: s390x with S390_LEVELS levels; 2 KiB page tables, 16 KiB segment and region tables;
 * leaves of 4 KiB, 1 MiB, 2 GiB. */
#ifndef GRACEWALK_FORMAT_S390X_COMMON_H
#define GRACEWALK_FORMAT_S390X_COMMON_H

/* Bits by z/Architecture Principles of Operation (SA22-7832), chapter 3, "Dynamic Address
 * Translation": "Region-Table Entries", "Segment-Table Entries", "Page-Table Entries". IBM
 * numbers bits from the left: its bit 58 is 1 << 5. */
#include <gracewalk/format/attr.h>

enum {
	/* 4: region-first table, 3: region-second, 2: region-third, 1: segment, 0: page table */
	GW_LEVELS = S390_LEVELS,
	GW_PAGE_LG2 = 12,
	GW_VA_BITS = 12 + 8 + 11 * (S390_LEVELS - 1),
	GW_OUT_BITS = 64,
	GW_FMT_HEAPS = 2, /* 0: page tables, 1: the tables above */
	GW_FMT_BLOCK_BYTES = 65536,
	GW_FMT_HW_UPDATES = 0, /* reference and change are kept in storage keys, not in entries */
	/* "Modification of Translation Tables": an entry in use is made invalid and purged
	 * before it is given another meaning. */
	GW_FMT_BREAK_BEFORE_MAKE = 1,
	GW_FMT_ONE_VALUE = 0,
	GW_FMT_SIGNED = 0,
	GW_FMT_ATTRS_MUST = GW_READ | GW_USER, /* neither can be withheld by an entry */
	GW_FMT_ATTRS = GW_READ | GW_WRITE | GW_EXEC | GW_USER,
};

#include <gracewalk/format/mmu.h>

#define S390_PTE_I (1ull << 10) /* bit 53: page invalid */
#define S390_I (1ull << 5)      /* bit 58: region or segment invalid */
#define S390_FC (1ull << 10)    /* bit 53: format control, a leaf (segment, region-third) */
#define S390_P (1ull << 9)      /* bit 54: DAT protection, no stores */
#define S390_IEP (1ull << 8)    /* bit 55: instruction-execution protection */
/* Bits 60 and 61, table type: 0 segment, 1 region-third, 2 region-second, 3 region-first. */
#define S390_TT_SHIFT 2
#define S390_TL 3ull /* bits 62 and 63: table length, all of it */

static inline unsigned gw_fmt_index_bits(unsigned level)
{
	return level ? 11 : 8;
}

static inline unsigned gw_fmt_shift(unsigned level)
{
	return level ? 20 + 11 * (level - 1) : (unsigned)GW_PAGE_LG2;
}

static inline unsigned gw_fmt_heap(unsigned level)
{
	return level > 0;
}

static inline uint64_t gw_fmt_empty(unsigned level)
{
	return level ? S390_I : S390_PTE_I;
}

static inline bool gw_fmt_leaf_level(unsigned level)
{
	return level <= 2;
}

static inline bool gw_fmt_is_table(uint64_t e, unsigned level)
{
	return (level > 0) & !(e & (gw_fmt_leaf_level(level) ? S390_I | S390_FC : S390_I));
}

static inline bool gw_fmt_is_leaf(uint64_t e, unsigned level)
{
	if (level == 0)
		return !(e & S390_PTE_I);
	return gw_fmt_leaf_level(level) && (e & (S390_I | S390_FC)) == S390_FC;
}

static inline uint64_t gw_fmt_type(unsigned level)
{
	return level ? (uint64_t)(level - 1) << S390_TT_SHIFT : 0;
}

static inline uint64_t gw_fmt_table(uint64_t address, unsigned level)
{
	return address | gw_fmt_type(level) | (level > 1 ? S390_TL : 0);
}

/* A segment entry holds a page-table origin in bits 0 to 52, a region entry a table origin in
 * bits 0 to 51. */
static inline uint64_t gw_fmt_table_address(uint64_t e, unsigned level)
{
	return e & (level == 1 ? ~0x7ffull : ~0xfffull);
}

static inline uint64_t gw_fmt_attr_bits(uint32_t attr)
{
	return (attr & GW_WRITE ? 0 : S390_P) | (attr & GW_EXEC ? 0 : S390_IEP);
}

static inline uint64_t gw_fmt_leaf(uint64_t out, uint32_t attr, unsigned level)
{
	return out | gw_fmt_attr_bits(attr) | gw_fmt_type(level) | (level ? S390_FC : 0);
}

static inline uint64_t gw_fmt_out(uint64_t e, unsigned level)
{
	return e & ~gw_fmt_offset_mask(level);
}

static inline uint32_t gw_fmt_attr(uint64_t e, unsigned level)
{
	(void)level;
	return GW_READ | GW_USER | (e & S390_P ? 0 : GW_WRITE) | (e & S390_IEP ? 0 : GW_EXEC);
}

static inline uint64_t gw_fmt_recorded(uint64_t e, uint32_t attr, unsigned level)
{
	(void)attr;
	(void)level;
	return e;
}

/* "Modification of Translation Tables": no bit that means something here may change while the
 * entry is valid. */
static inline bool gw_fmt_must_break(uint64_t from, uint64_t to)
{
	return from != to;
}

#endif
