/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Formats: powerpc64 radix, process-scoped, 52-bit addresses, pages of 4 or 64 KiB; leaves of 2 MiB
 * and 1 GiB too. Entries are big-endian in memory, whatever the byte order of the host. */
#ifndef GRACEWALK_FORMAT_PPC64_COMMON_H
#define GRACEWALK_FORMAT_PPC64_COMMON_H

/* Bits by the Power ISA, version 3.0B, Book III, section 5.7.10 "Radix Tree Translation" and its
 * figures "Page Directory Entry" and "Page Table Entry". IBM numbers bits from the left: its bit 0
 * is 1 << 63. Names and masks below are of the entry as a number; gw_fmt_* take and give what is
 * in memory.
 *
 * GW_UNCACHED is non-idempotent I/O: caching inhibited, guarded. There is no global bit: what is
 * the same for every process is in a quadrant of its own. Read cannot be withheld: leaves that may
 * only be executed exist in the architecture and not here. */
#include <gracewalk/format/attr.h>

enum {
	GW_LEVELS = 4,
	GW_PAGE_LG2 = PPC64_PAGE_LG2,
	GW_VA_BITS = 52,
	GW_OUT_BITS = 57, /* RPN: bits 7 to 51 */
	GW_FMT_HEAPS = PPC64_HEAPS,
	GW_FMT_BLOCK_BYTES = 65536,
	GW_FMT_HW_UPDATES = 1, /* section 5.7.12 "Reference and Change Recording" */
	/* Section 5.10.1 "Translation Table Updates": a valid entry is made invalid, and the
	 * translations that it gave are invalidated, before it is given another meaning. */
	GW_FMT_BREAK_BEFORE_MAKE = 1,
	GW_FMT_ONE_VALUE = 0,
	GW_FMT_SIGNED = 0,
	GW_FMT_ATTRS_MUST = GW_READ,
	GW_FMT_ATTRS = GW_READ | GW_WRITE | GW_EXEC | GW_USER | GW_ACCESSED | GW_DIRTY |
		       GW_UNCACHED | GW_SOFT0 | GW_SOFT1 | GW_SOFT2,
};

#include <gracewalk/format/mmu.h>

#define PPC64_V (1ull << 63)            /* bit 0: valid */
#define PPC64_L (1ull << 62)            /* bit 1: leaf */
#define PPC64_NLB 0x0fffffffffffff00ull /* PDE, bits 4 to 55: next level base */
#define PPC64_NLS 0x1full /* PDE, bits 59 to 63: next level size, its entries' binary logarithm */
#define PPC64_RPN 0x01fffffffffff000ull /* PTE, bits 7 to 51: real page number */
#define PPC64_SOFT_SHIFT 9              /* PTE, bits 52 to 54: left to software */
#define PPC64_R (1ull << 8)             /* PTE, bit 55: reference */
#define PPC64_C (1ull << 7)             /* PTE, bit 56: change */
#define PPC64_ATT_IO (2ull << 4)        /* PTE, bits 58 and 59: non-idempotent I/O */
#define PPC64_PRIVILEGED (1ull << 3)    /* PTE, EAA, bit 60: problem state may not access */
#define PPC64_READ (1ull << 2)          /* PTE, EAA, bit 61 */
#define PPC64_WRITE (1ull << 1)         /* PTE, EAA, bit 62: read and write */
#define PPC64_EXEC (1ull << 0)          /* PTE, EAA, bit 63 */

/* Between a number and eight bytes in memory, either way. */
static inline uint64_t gw_fmt_swap(uint64_t e)
{
	return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? e : __builtin_bswap64(e);
}

static inline unsigned gw_fmt_index_bits(unsigned level)
{
	return level == 0 ? PPC64_LAST_BITS : level == GW_LEVELS - 1 ? 13 : 9;
}

static inline unsigned gw_fmt_shift(unsigned level)
{
	return level ? 21 + 9 * (level - 1) : (unsigned)GW_PAGE_LG2;
}

/* By size: page tables (of 64 KiB pages: 256 bytes), tables of 4 KiB, the root of 64 KiB. */
static inline unsigned gw_fmt_heap(unsigned level)
{
	return level == GW_LEVELS - 1 ? PPC64_HEAPS - 1 : PPC64_HEAPS == 3 && level > 0;
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

static inline bool gw_fmt_is_table(uint64_t e, unsigned level)
{
	return (level > 0) & ((gw_fmt_swap(e) & (PPC64_V | PPC64_L)) == PPC64_V);
}

static inline bool gw_fmt_is_leaf(uint64_t e, unsigned level)
{
	return gw_fmt_leaf_level(level) &&
	       (gw_fmt_swap(e) & (PPC64_V | PPC64_L)) == (PPC64_V | PPC64_L);
}

static inline uint64_t gw_fmt_table(uint64_t address, unsigned level)
{
	return gw_fmt_swap(address | PPC64_V | gw_fmt_index_bits(level - 1));
}

static inline uint64_t gw_fmt_table_address(uint64_t e, unsigned level)
{
	(void)level;
	return gw_fmt_swap(e) & PPC64_NLB;
}

static inline uint64_t gw_fmt_attr_bits(uint32_t attr)
{
	return PPC64_READ | (attr & GW_WRITE ? PPC64_WRITE : 0) |
	       (attr & GW_EXEC ? PPC64_EXEC : 0) | (attr & GW_USER ? 0 : PPC64_PRIVILEGED) |
	       (attr & GW_ACCESSED ? PPC64_R : 0) | (attr & GW_DIRTY ? PPC64_C : 0) |
	       (attr & GW_UNCACHED ? PPC64_ATT_IO : 0) |
	       (uint64_t)(attr >> GW_SOFT_SHIFT & 7) << PPC64_SOFT_SHIFT;
}

static inline uint64_t gw_fmt_leaf(uint64_t out, uint32_t attr, unsigned level)
{
	(void)level;
	return gw_fmt_swap(out | gw_fmt_attr_bits(attr) | PPC64_V | PPC64_L);
}

static inline uint64_t gw_fmt_out(uint64_t e, unsigned level)
{
	return gw_fmt_swap(e) & PPC64_RPN & ~gw_fmt_offset_mask(level);
}

static inline uint32_t gw_fmt_attr(uint64_t e, unsigned level)
{
	const uint64_t pte = gw_fmt_swap(e);

	(void)level;
	return GW_READ | (pte & PPC64_WRITE ? GW_WRITE : 0) | (pte & PPC64_EXEC ? GW_EXEC : 0) |
	       (pte & PPC64_PRIVILEGED ? 0 : GW_USER) | (pte & PPC64_R ? GW_ACCESSED : 0) |
	       (pte & PPC64_C ? GW_DIRTY : 0) | (pte & PPC64_ATT_IO ? GW_UNCACHED : 0) |
	       (uint32_t)(pte >> PPC64_SOFT_SHIFT & 7) << GW_SOFT_SHIFT;
}

/* What the MMU makes of a leaf when it records an access or a write. */
static inline uint64_t gw_fmt_recorded(uint64_t e, uint32_t attr, unsigned level)
{
	(void)level;
	return e |
	       gw_fmt_swap((attr & GW_ACCESSED ? PPC64_R : 0) | (attr & GW_DIRTY ? PPC64_C : 0));
}

/* Section 5.10.1: reference and change, and what is left to software, may change in place. */
static inline bool gw_fmt_must_break(uint64_t from, uint64_t to)
{
	return gw_fmt_swap(from ^ to) & ~(PPC64_R | PPC64_C | 7ull << PPC64_SOFT_SHIFT);
}

#endif
