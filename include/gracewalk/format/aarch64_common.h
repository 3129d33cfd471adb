/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Formats: AArch64 stage 1 of EL1&0, addresses of the lower half (TTBR0) with A64_BITS bits, 48 or
 * 52, on both sides; granules of 4, 16 and 64 KiB. */
#ifndef GRACEWALK_FORMAT_AARCH64_COMMON_H
#define GRACEWALK_FORMAT_AARCH64_COMMON_H

/* Bits by the Arm Architecture Reference Manual for A-profile (DDI 0487), section D8.3 "Translation
 * table descriptor formats" (VMSAv8-64 table, block and page descriptors) and D8.4 "Memory access
 * control"; which levels have blocks: D8.2 "Translation process", the tables of each granule. Later
 * sections have other numbers in other issues, so here they have titles. Arm counts levels from
 * the root on: its level 3 is our level 0, its level -1 our level 4.
 *
 * 52 bits need FEAT_LVA and FEAT_LPA with 64 KiB, FEAT_LPA2 and TCR.DS with 4 and 16 KiB; TCR.IPS
 * says 52, and TTBR0 takes bits 48 to 51 of the root's address in its bits 2 to 5. With TCR.DS a
 * leaf has no field for shareability: TCR.SH0 stands for all, and is to say inner shareable.
 *
 * What the caller sets up: MAIR with normal write-back memory as attribute 0 and a device type as
 * attribute 1 (GW_UNCACHED). With FEAT_HAFDBS and TCR.HA and HD, the MMU sets the access flag, and
 * makes a leaf that may be written but is clean (AP[2] and DBM set) dirty (AP[2] clear). Without
 * them, both fault, and the caller maps with GW_ACCESSED and GW_DIRTY or adds them by gw_touch.
 *
 * GW_EXEC is for the side that the page is for: with GW_USER, EL0 may execute it (UXN clear) and
 * EL1 not (PXN set); without, EL1 may (PXN clear) and EL0 not (UXN set). */
#include <gracewalk/format/attr.h>

enum {
	GW_LEVELS = A64_LEVELS,
	GW_PAGE_LG2 = A64_GRANULE_LG2,
	GW_VA_BITS = A64_BITS,
	GW_OUT_BITS = A64_BITS,
	/* Most roots leave most of their table unused: 16 and 64 KiB have 2 and 64 entries there;
	 * with 52 bits 4, 16 and 64 KiB have 16, 32 and 1,024. */
	GW_FMT_HEAPS = 1,
	GW_FMT_BLOCK_BYTES = A64_GRANULE_LG2 == 12 ? 65536 : 262144,
	GW_FMT_HW_UPDATES = 1, /* section D8.5 "Hardware updates to the translation tables" */
	/* "Using break-before-make when updating translation table entries" */
	GW_FMT_BREAK_BEFORE_MAKE = 1,
	GW_FMT_ONE_VALUE = 0,
	GW_FMT_SIGNED = 0,
	GW_FMT_ATTRS_MUST = GW_READ,
	GW_FMT_ATTRS = GW_READ | GW_WRITE | GW_EXEC | GW_USER | GW_GLOBAL | GW_ACCESSED | GW_DIRTY |
		       GW_UNCACHED | GW_CONTIGUOUS | GW_SOFT0 | GW_SOFT1 | GW_SOFT2,
	/* Where an entry has an address: bits below A64_PLACED in their own places, those above
	 * from A64_HIGH_SHIFT on. So 64 KiB has bits 48 to 51 in 12 to 15, the others 50 and 51 in
	 * 8, 9. */
	A64_DS = A64_BITS > 48 && A64_GRANULE_LG2 < 16,
	A64_PLACED = A64_DS ? 50 : 48,
	A64_HIGH_SHIFT = A64_DS ? 8 : 12,
};

#include <gracewalk/format/mmu.h>

#define A64_TYPE 3ull          /* bits 1 and 0 */
#define A64_BLOCK 1ull         /* a leaf above the last level; reserved in the last */
#define A64_TABLE 3ull         /* a table; in the last level a page */
#define A64_INDEX (7ull << 2)  /* AttrIndx */
#define A64_DEVICE (1ull << 2) /* AttrIndx 1 */
#define A64_EL0 (1ull << 6)    /* AP[1]: EL0 may access */
#define A64_RO (1ull << 7)     /* AP[2]: read-only; with DBM: clean */
#define A64_ISH (3ull << 8)    /* SH: inner shareable */
#define A64_AF (1ull << 10)    /* access flag */
#define A64_NG (1ull << 11)    /* not global */
#define A64_DBM (1ull << 51)   /* dirty bit modifier: may be written */
#define A64_CONTIGUOUS (1ull << 52)
#define A64_PXN (1ull << 53) /* EL1 may not execute */
#define A64_UXN (1ull << 54) /* EL0 may not execute */
/* Bits 55 to 58 are left to software: the first says that a page which may not be written any more
 * is dirty. */
#define A64_WAS_DIRTY (1ull << 55)
#define A64_SOFT_SHIFT 56
#define A64_ADDRESS ((1ull << A64_PLACED) - (1ull << A64_GRANULE_LG2))
#define A64_HIGH ((1ull << ((unsigned)A64_BITS - A64_PLACED)) - 1)

static inline unsigned gw_fmt_shift(unsigned level)
{
	return A64_GRANULE_LG2 + (A64_GRANULE_LG2 - 3) * level;
}

/* A granule holds one table; the root has what is left of the bits. */
static inline unsigned gw_fmt_index_bits(unsigned level)
{
	return level == A64_LEVELS - 1 ? GW_VA_BITS - gw_fmt_shift(level) : A64_GRANULE_LG2 - 3;
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
	return level < A64_LEAF_LEVELS;
}

/* Section "The Contiguous bit", with a table of the number of entries: none for blocks that only
 * 52 bits have. */
#define gw_fmt_run_lg2 gw_fmt_run_lg2
static inline unsigned gw_fmt_run_lg2(unsigned level)
{
	if (level >= (A64_GRANULE_LG2 == 12 ? 3 : 2))
		return 0;
	return A64_GRANULE_LG2 == 12 ? 4 : A64_GRANULE_LG2 == 14 && !level ? 7 : 5;
}

static inline uint64_t gw_fmt_contiguous(unsigned level)
{
	return gw_fmt_run_lg2(level) ? A64_CONTIGUOUS : 0;
}

static inline bool gw_fmt_is_table(uint64_t e, unsigned level)
{
	return level > 0 && (e & A64_TYPE) == A64_TABLE;
}

static inline bool gw_fmt_is_leaf(uint64_t e, unsigned level)
{
	return gw_fmt_leaf_level(level) && (e & A64_TYPE) == (level ? A64_BLOCK : A64_TABLE);
}

static inline uint64_t a64_address_bits(uint64_t address)
{
	if (!A64_HIGH)
		return address;
	return (address & A64_ADDRESS) | address >> A64_PLACED << A64_HIGH_SHIFT;
}

static inline uint64_t a64_address(uint64_t e)
{
	return (e & A64_ADDRESS) | (e >> A64_HIGH_SHIFT & A64_HIGH) << A64_PLACED;
}

static inline uint64_t gw_fmt_table(uint64_t address, unsigned level)
{
	(void)level;
	return a64_address_bits(address) | A64_TABLE;
}

static inline uint64_t gw_fmt_table_address(uint64_t e, unsigned level)
{
	(void)level;
	return a64_address(e);
}

/* No bit but the address and the type is set, and hardware sets none (FEAT_HAFT would bit 10, where
 * TCR2_EL1 turns it on). So the low byte tells such an entry. */
#define gw_fmt_leads_on gw_fmt_leads_on
static inline bool gw_fmt_leads_on(uint64_t e, unsigned level)
{
	return (level > 0) & ((e & 0xff) == A64_TABLE);
}

static inline uint64_t gw_fmt_leads_to(uint64_t e, unsigned level)
{
	(void)level;
	return A64_HIGH ? a64_address(e) : e - A64_TABLE;
}

static inline uint64_t gw_fmt_write_bits(uint32_t attr)
{
	if (attr & GW_WRITE)
		return A64_DBM | (attr & GW_DIRTY ? 0 : A64_RO);
	return A64_RO | (attr & GW_DIRTY ? A64_WAS_DIRTY : 0);
}

static inline uint64_t gw_fmt_exec_bits(uint32_t attr)
{
	if (!(attr & GW_EXEC))
		return A64_UXN | A64_PXN;
	return attr & GW_USER ? A64_PXN : A64_UXN;
}

static inline uint64_t gw_fmt_attr_bits(uint32_t attr)
{
	return gw_fmt_write_bits(attr) | gw_fmt_exec_bits(attr) | (A64_DS ? 0 : A64_ISH) |
	       (attr & GW_USER ? A64_EL0 : 0) | (attr & GW_GLOBAL ? 0 : A64_NG) |
	       (attr & GW_ACCESSED ? A64_AF : 0) | (attr & GW_UNCACHED ? A64_DEVICE : 0) |
	       (uint64_t)(attr >> GW_SOFT_SHIFT & 7) << A64_SOFT_SHIFT;
}

static inline uint64_t gw_fmt_leaf(uint64_t out, uint32_t attr, unsigned level)
{
	return a64_address_bits(out) | gw_fmt_attr_bits(attr) | (level ? A64_BLOCK : A64_TABLE) |
	       (attr & GW_CONTIGUOUS ? gw_fmt_contiguous(level) : 0);
}

static inline uint64_t gw_fmt_out(uint64_t e, unsigned level)
{
	unsigned run_lg2 = e & A64_CONTIGUOUS ? gw_fmt_run_lg2(level) : 0;

	return a64_address(e) & ~((1ull << (gw_fmt_shift(level) + run_lg2)) - 1);
}

static inline uint32_t gw_fmt_attr(uint64_t e, unsigned level)
{
	return GW_READ | (e & A64_DBM ? GW_WRITE : 0) |
	       (!(e & A64_RO) || e & A64_WAS_DIRTY ? GW_DIRTY : 0) |
	       (e & (e & A64_EL0 ? A64_UXN : A64_PXN) ? 0 : GW_EXEC) | (e & A64_EL0 ? GW_USER : 0) |
	       (e & A64_NG ? 0 : GW_GLOBAL) | (e & A64_AF ? GW_ACCESSED : 0) |
	       (e & A64_INDEX ? GW_UNCACHED : 0) |
	       (e & gw_fmt_contiguous(level) ? GW_CONTIGUOUS : 0) |
	       (uint32_t)(e >> A64_SOFT_SHIFT & 7) << GW_SOFT_SHIFT;
}

/* What the MMU makes of a leaf when it records an access or a write; a write only where it is
 * allowed. */
static inline uint64_t gw_fmt_recorded(uint64_t e, uint32_t attr, unsigned level)
{
	(void)level;
	if (attr & GW_DIRTY && e & A64_DBM)
		e &= ~A64_RO;
	return e | (attr & GW_ACCESSED ? A64_AF : 0);
}

/* "Using break-before-make": rights, the access flag and DBM may change in a live entry; the memory
 * type, whether the entry is global, and the Contiguous bit, not. */
static inline bool gw_fmt_must_break(uint64_t from, uint64_t to)
{
	return (from ^ to) & (A64_INDEX | A64_NG | A64_CONTIGUOUS);
}

#endif
