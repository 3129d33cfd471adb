/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Formats: x86-64 with X86_LEVELS levels of 4 KiB tables; leaves of 4 KiB, 2 MiB and 1 GiB. */
#ifndef GRACEWALK_FORMAT_X86_COMMON_H
#define GRACEWALK_FORMAT_X86_COMMON_H

/* Bits by the Intel 64 and IA-32 Architectures Software Developer's Manual, volume 3A, section
 * 4.5 "4-level paging and 5-level paging": tables 4-14 (PML5E), 4-15 (PML4E), 4-16 to 4-17
 * (PDPTE), 4-18 to 4-19 (PDE), 4-20 (PTE). */
#include <gracewalk/format/attr.h>

enum {
	/* 4: PML5, 3: PML4, 2: page-directory-pointer table, 1: page directory, 0: page table */
	GW_LEVELS = X86_LEVELS,
	GW_PAGE_LG2 = 12,
	GW_VA_BITS = GW_PAGE_LG2 + 9 * X86_LEVELS,
	GW_OUT_BITS = 52, /* section 4.1.4: MAXPHYADDR is at most 52 */
	GW_FMT_HEAPS = 1,
	GW_FMT_BLOCK_BYTES = 65536,
	GW_FMT_HW_UPDATES =
		1, /* the processor sets accessed and dirty at any moment (section 4.8) */
	GW_FMT_BREAK_BEFORE_MAKE = 0,
	GW_FMT_ONE_VALUE = 0,
	GW_FMT_SIGNED = 1, /* section 3.3.7.1: canonical addresses */
	GW_FMT_ATTRS_MUST = GW_READ,
	GW_FMT_ATTRS = GW_READ | GW_WRITE | GW_EXEC | GW_USER | GW_GLOBAL | GW_ACCESSED | GW_DIRTY |
		       GW_UNCACHED | GW_SOFT0 | GW_SOFT1 | GW_SOFT2,
};

#include <gracewalk/format/mmu.h>

#define X86_P (1ull << 0)  /* present */
#define X86_RW (1ull << 1) /* writable */
#define X86_US (1ull << 2) /* user-mode may access */
#define X86_PWT \
	(1ull << 3) /* with PCD: the PAT's entry 3, UC at reset (section 4.9.2, table 12-11) */
#define X86_PCD (1ull << 4)
#define X86_A (1ull << 5)   /* accessed */
#define X86_D (1ull << 6)   /* dirty, in a leaf */
#define X86_PS (1ull << 7)  /* leaf, in a PDPTE or PDE; in a PTE this is the PAT bit */
#define X86_G (1ull << 8)   /* global, in a leaf */
#define X86_SOFT_SHIFT 9    /* bits 9 to 11 are ignored by the processor */
#define X86_XD (1ull << 63) /* execute-disable */
#define X86_ADDRESS 0x000ffffffffff000ull

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
	return level <= 2;
}

static inline bool gw_fmt_is_table(uint64_t e, unsigned level)
{
	/* P and not PS, by one test: taking P away from where it is not borrows from bit 1 on. */
	return level > 0 && !((e - X86_P) & (X86_P | X86_PS));
}

/* Above the page-directory-pointer table the bit is reserved: such an entry maps nothing. */
static inline bool gw_fmt_is_leaf(uint64_t e, unsigned level)
{
	if (!gw_fmt_leaf_level(level))
		return false;
	return level == 0 ? e & X86_P : (e & (X86_P | X86_PS)) == (X86_P | X86_PS);
}

/* Rights are the leaf's alone: a table entry allows everything. It is accessed from the start, so
 * that the processor never changes it. */
#define X86_TABLE (X86_P | X86_RW | X86_US | X86_A)

static inline uint64_t gw_fmt_table(uint64_t address, unsigned level)
{
	(void)level;
	return address | X86_TABLE;
}

/* So its low byte tells it from a leaf, which has PS, and its address is a difference. */
#define gw_fmt_leads_on gw_fmt_leads_on
static inline bool gw_fmt_leads_on(uint64_t e, unsigned level)
{
	return (level > 0) & ((e & 0xff) == X86_TABLE);
}

static inline uint64_t gw_fmt_leads_to(uint64_t e, unsigned level)
{
	(void)level;
	return e - X86_TABLE;
}

static inline uint64_t gw_fmt_table_address(uint64_t e, unsigned level)
{
	(void)level;
	return e & X86_ADDRESS;
}

static inline uint64_t gw_fmt_attr_bits(uint32_t attr)
{
	return (attr & GW_WRITE ? X86_RW : 0) | (attr & GW_EXEC ? 0 : X86_XD) |
	       (attr & GW_USER ? X86_US : 0) | (attr & GW_GLOBAL ? X86_G : 0) |
	       (attr & GW_ACCESSED ? X86_A : 0) | (attr & GW_DIRTY ? X86_D : 0) |
	       (attr & GW_UNCACHED ? X86_PCD | X86_PWT : 0) |
	       (uint64_t)(attr >> GW_SOFT_SHIFT & 7) << X86_SOFT_SHIFT;
}

static inline uint64_t gw_fmt_leaf(uint64_t out, uint32_t attr, unsigned level)
{
	return out | gw_fmt_attr_bits(attr) | X86_P | (level ? X86_PS : 0);
}

static inline uint64_t gw_fmt_out(uint64_t e, unsigned level)
{
	return e & X86_ADDRESS & ~gw_fmt_offset_mask(level);
}

static inline uint32_t gw_fmt_attr(uint64_t e, unsigned level)
{
	(void)level;
	return GW_READ | (e & X86_RW ? GW_WRITE : 0) | (e & X86_XD ? 0 : GW_EXEC) |
	       (e & X86_US ? GW_USER : 0) | (e & X86_G ? GW_GLOBAL : 0) |
	       (e & X86_A ? GW_ACCESSED : 0) | (e & X86_D ? GW_DIRTY : 0) |
	       (e & X86_PCD ? GW_UNCACHED : 0) |
	       (uint32_t)(e >> X86_SOFT_SHIFT & 7) << GW_SOFT_SHIFT;
}

/* What the processor makes of a leaf when it records an access or a write. */
static inline uint64_t gw_fmt_recorded(uint64_t e, uint32_t attr, unsigned level)
{
	(void)level;
	return e | (attr & GW_ACCESSED ? X86_A : 0) | (attr & GW_DIRTY ? X86_D : 0);
}

/* Section 4.10.4: a present entry may be changed, and is invalidated afterwards. */
static inline bool gw_fmt_must_break(uint64_t from, uint64_t to)
{
	(void)from;
	(void)to;
	return false;
}

#endif
