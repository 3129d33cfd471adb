/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Formats: RISC-V Sv39, Sv48 and Sv57: RISCV_LEVELS levels of 4 KiB tables, leaves at every level
 * (4 KiB, 2 MiB, 1 GiB, 512 GiB, 256 TiB). */
#ifndef GRACEWALK_FORMAT_RISCV_COMMON_H
#define GRACEWALK_FORMAT_RISCV_COMMON_H

/* Bits by the RISC-V Instruction Set Manual, volume II, chapter "Supervisor-Level ISA", sections
 * "Sv39", "Sv48" and "Sv57" (figures "Sv39 page table entry" and so on), and the extensions
 * "Svnapot" (bit 63), "Svpbmt" (bits 61 and 62) and "Svadu" (A and D set by hardware).
 *
 * GW_READ cannot be withheld: leaves that may only be executed exist, those that may be written
 * and not read are reserved. GW_UNCACHED needs Svpbmt, and GW_CONTIGUOUS Svnapot; without the
 * extension its bits are reserved, and the caller leaves it out. Without Svadu, an access to a leaf
 * whose A is clear, and a write to one whose D is clear, fault: gw_touch sets them. */
#include <gracewalk/format/attr.h>

enum {
	GW_LEVELS = RISCV_LEVELS,
	GW_PAGE_LG2 = 12,
	GW_VA_BITS = GW_PAGE_LG2 + 9 * RISCV_LEVELS,
	GW_OUT_BITS = 56, /* 44 bits of PPN and 12 of offset, whatever the levels */
	GW_FMT_HEAPS = 1,
	GW_FMT_BLOCK_BYTES = 65536,
	GW_FMT_HW_UPDATES = 1,
	GW_FMT_BREAK_BEFORE_MAKE = 0,
	GW_FMT_ONE_VALUE = 0,
	GW_FMT_SIGNED = 1, /* "Sv39": bits 63 to 39 must equal bit 38 */
	GW_FMT_ATTRS_MUST = GW_READ,
	GW_FMT_ATTRS = GW_READ | GW_WRITE | GW_EXEC | GW_USER | GW_GLOBAL | GW_ACCESSED | GW_DIRTY |
		       GW_UNCACHED | GW_CONTIGUOUS | GW_SOFT0 | GW_SOFT1,
};

#include <gracewalk/format/mmu.h>

#define RISCV_V (1ull << 0) /* valid */
#define RISCV_R (1ull << 1) /* R, W and X all clear: the next table */
#define RISCV_W (1ull << 2)
#define RISCV_X (1ull << 3)
#define RISCV_U (1ull << 4)        /* user mode may access, and supervisor mode may not execute */
#define RISCV_G (1ull << 5)        /* global */
#define RISCV_A (1ull << 6)        /* accessed */
#define RISCV_D (1ull << 7)        /* dirty */
#define RISCV_RSW_SHIFT 8          /* bits 8 and 9 are left to software */
#define RISCV_PBMT_IO (2ull << 61) /* table "Encodings for PBMT field": non-cacheable, ordered */
#define RISCV_N (1ull << 63)       /* one of a run */
#define RISCV_64K (1ull << 13)     /* of a run, bits 0 to 3 of the PPN are 8: 64 KiB */
#define RISCV_PPN 0x003ffffffffffc00ull /* bits 10 to 53: the address, shifted right by 2 */

static inline unsigned gw_fmt_index_bits(unsigned level)
{
	(void)level;
	return 9;
}

static inline unsigned gw_fmt_shift(unsigned level)
{
	return GW_PAGE_LG2 + 9 * level;
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
	(void)level;
	return true;
}

/* "Svnapot", table "Page table entry encodings when pte.N=1". */
#define gw_fmt_run_lg2 gw_fmt_run_lg2
static inline unsigned gw_fmt_run_lg2(unsigned level)
{
	return level ? 0 : 4;
}

static inline bool gw_fmt_is_table(uint64_t e, unsigned level)
{
	return level > 0 && (e & (RISCV_V | RISCV_R | RISCV_W | RISCV_X)) == RISCV_V;
}

/* W without R is reserved. */
static inline bool gw_fmt_is_leaf(uint64_t e, unsigned level)
{
	(void)level;
	return e & RISCV_V && (e & RISCV_R || (e & (RISCV_W | RISCV_X)) == RISCV_X);
}

/* In an entry that leads to a table, A, D, U and PBMT are reserved, and G would be for all below.
 */
static inline uint64_t gw_fmt_table(uint64_t address, unsigned level)
{
	(void)level;
	return address >> 2 | RISCV_V;
}

static inline uint64_t gw_fmt_table_address(uint64_t e, unsigned level)
{
	(void)level;
	return (e & RISCV_PPN) << 2;
}

/* No bit but the address and V is set, and hardware sets none. So the low byte tells such an entry,
 * and its address is a difference. */
#define gw_fmt_leads_on gw_fmt_leads_on
static inline bool gw_fmt_leads_on(uint64_t e, unsigned level)
{
	return (level > 0) & ((e & 0xff) == RISCV_V);
}

static inline uint64_t gw_fmt_leads_to(uint64_t e, unsigned level)
{
	(void)level;
	return (e - RISCV_V) << 2;
}

static inline uint64_t gw_fmt_attr_bits(uint32_t attr)
{
	return (attr & GW_READ ? RISCV_R : 0) | (attr & GW_WRITE ? RISCV_W : 0) |
	       (attr & GW_EXEC ? RISCV_X : 0) | (attr & GW_USER ? RISCV_U : 0) |
	       (attr & GW_GLOBAL ? RISCV_G : 0) | (attr & GW_ACCESSED ? RISCV_A : 0) |
	       (attr & GW_DIRTY ? RISCV_D : 0) | (attr & GW_UNCACHED ? RISCV_PBMT_IO : 0) |
	       (uint64_t)(attr >> GW_SOFT_SHIFT & 3) << RISCV_RSW_SHIFT;
}

/* The entries of a run are all alike. */
static inline uint64_t gw_fmt_leaf(uint64_t out, uint32_t attr, unsigned level)
{
	if (!level && attr & GW_CONTIGUOUS)
		return (out & ~0xffffull) >> 2 | gw_fmt_attr_bits(attr) | RISCV_V | RISCV_N |
		       RISCV_64K;
	return out >> 2 | gw_fmt_attr_bits(attr) | RISCV_V;
}

static inline uint64_t gw_fmt_out(uint64_t e, unsigned level)
{
	unsigned run_lg2 = e & RISCV_N ? gw_fmt_run_lg2(level) : 0;

	return (e & RISCV_PPN) << 2 & ~((1ull << (gw_fmt_shift(level) + run_lg2)) - 1);
}

static inline uint32_t gw_fmt_attr(uint64_t e, unsigned level)
{
	return (e & RISCV_R ? GW_READ : 0) | (e & RISCV_W ? GW_WRITE : 0) |
	       (e & RISCV_X ? GW_EXEC : 0) | (e & RISCV_U ? GW_USER : 0) |
	       (e & RISCV_G ? GW_GLOBAL : 0) | (e & RISCV_A ? GW_ACCESSED : 0) |
	       (e & RISCV_D ? GW_DIRTY : 0) | (e & RISCV_PBMT_IO ? GW_UNCACHED : 0) |
	       (!level && e & RISCV_N ? GW_CONTIGUOUS : 0) |
	       (uint32_t)(e >> RISCV_RSW_SHIFT & 3) << GW_SOFT_SHIFT;
}

static inline uint64_t gw_fmt_recorded(uint64_t e, uint32_t attr, unsigned level)
{
	(void)level;
	return e | (attr & GW_ACCESSED ? RISCV_A : 0) | (attr & GW_DIRTY ? RISCV_D : 0);
}

/* "Supervisor Memory-Management Fence Instruction": the old or the new entry is used until the
 * fence, also where a leaf turns into a table. "Svnapot" has entries of a run emptied first unless
 * old and new may stand side by side: they may, since they map the same. */
static inline bool gw_fmt_must_break(uint64_t from, uint64_t to)
{
	(void)from;
	(void)to;
	return false;
}

#endif
