/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Formats: entries and indices worked out by hand from the manuals. */
#include "bench.h"
#include <string.h>

#define R GW_READ
#define RW (GW_READ | GW_WRITE)
#define RX (GW_READ | GW_EXEC)
#define RWX (GW_READ | GW_WRITE | GW_EXEC)
#define USED (GW_ACCESSED | GW_DIRTY)

struct leaf {
	uint64_t out;
	uint32_t attr;
	unsigned level;
	uint64_t entry;
};

struct table {
	uint64_t address;
	unsigned level;
	uint64_t entry;
};

struct index {
	unsigned level, index;
};

#if defined(X86_P)

/* SDM volume 3A, tables 4-14 to 4-20: P 0, R/W 1, U/S 2, PWT 3, PCD 4, A 5, D 6, PS 7, G 8, ignored
 * 9-11, XD 63. */
static const struct leaf leaves[] = {
	{0x1000, RW | GW_USER, 0, 0x8000000000001007},
	{0x1000, R, 0, 0x8000000000001001},
	{0xffffffffff000, RX, 0, 0x000ffffffffff001},
	{0x1000, RWX | USED, 0, 0x1063},
	{0x1000, RWX | GW_UNCACHED | GW_GLOBAL, 0, 0x111b},
	{0x1000, RWX | GW_SOFT0 | GW_SOFT2, 0, 0x1a03},
	{0x200000, RWX | GW_USER, 1, 0x200087},
	{0x40000000, RWX | GW_GLOBAL, 2, 0x40000183},
};
static const struct table tables[] = {
	{0x7654321000, 1, 0x7654321027},
	{0xffffffffff000, 3, 0xffffffffff027},
	{0x7654321000, GW_LEVELS - 1, 0x7654321027},
};
/* nines of bits: 1, 258 (1, of 4 levels), 141, 43, 120 */
static const uint64_t index_va = 1ull << 48 | 0x812345678000;
static const struct index indices[] = {
	{3, 258}, {2, 141}, {1, 43}, {0, 120}, {GW_LEVELS - 1, GW_LEVELS == 5 ? 1 : 258}};

static void odds_and_ends(void)
{
	assert_int_equal(gw_fmt_empty(0) | gw_fmt_empty(3), 0);
	assert_false(gw_fmt_leaf_level(3));
	/* A PTE's bit 7 is PAT: it makes no other kind of entry of it. */
	assert_true(gw_fmt_is_leaf(0x1083, 0));
	/* Bit 12 of a 2 MiB leaf is PAT, and no part of the address. */
	assert_int_equal(gw_fmt_out(0x201087, 1), 0x200000);
	if (GW_LEVELS == 4) {
		assert_int_equal(gw_fmt_canonical(0x7fffffffffff), 0x7fffffffffff);
		assert_int_equal(gw_fmt_canonical(0x800000000000), 0xffff800000000000);
	} else {
		assert_int_equal(gw_fmt_canonical(0xffffffffffffff), 0xffffffffffffff);
		assert_int_equal(gw_fmt_canonical(0x100000000000000), 0xff00000000000000);
	}
}

#elif defined(A64_AF)

/* DDI 0487, D8.3: type 0-1, AttrIndx 2-4, AP[1] 6, AP[2] 7, SH 8-9, AF 10, nG 11, DBM 51,
 * contiguous 52, PXN 53, UXN 54, software 55-58. Of 52 bits of an address, 48-51 are in 12-15 with
 * FEAT_LPA; with FEAT_LPA2 50-51 are in 8-9, and there is no SH. */
#define WIDE (GW_VA_BITS == 52)
#define BY_GRANULE(kib4, kib16, kib64) \
	(A64_GRANULE_LG2 == 12 ? (kib4) : A64_GRANULE_LG2 == 14 ? (kib16) : (kib64))
#define SH (WIDE ? BY_GRANULE(0ull, 0ull, 0x300ull) : 0x300ull)
static const struct leaf leaves[] = {
	/* Written by user code: AP[1], AF, nG; DBM, PXN, UXN. */
	{0x10000, RW | GW_USER | USED, 0, SH | 0x0068000000010c43},
	/* The kernel's code: AP[2], AF; UXN. */
	{0x40210000, RX | GW_GLOBAL | GW_ACCESSED, 0, SH | 0x0040000040210483},
	/* User code: AP[1], AP[2], nG; PXN. */
	{0x10000, RX | GW_USER, 0, SH | 0x00200000000108c3},
	/* A device: AttrIndx 1. */
	{0x9000000, RW | USED | GW_GLOBAL | GW_UNCACHED, 0, SH | 0x0068000009000407},
	/* May be written, and is clean: AP[2] with DBM. */
	{0x50000, RW | GW_ACCESSED | GW_GLOBAL, 0, SH | 0x0068000000050483},
	/* Was written, and may not be any more: bit 55. */
	{0, R | GW_DIRTY | GW_GLOBAL, 0, SH | 0x00e0000000000083},
	{0, R | GW_SOFT0 | GW_SOFT2 | GW_GLOBAL, 0, SH | 0x0560000000000083},
	/* The highest page of 48 bits, and blocks: bit 1 clear. */
	{0xffffffff0000, R | GW_GLOBAL, 0, SH | 0x0060ffffffff0083},
	{0x40000000, R | GW_GLOBAL, 1, SH | 0x0060000040000081},
	{0x200000, R | GW_GLOBAL, 1, SH | 0x0060000000200081},
	{0x40000000, R | GW_GLOBAL, 2, SH | 0x0060000040000081},
	{0x40000000000, R | GW_GLOBAL, 2, SH | 0x0060040000000081},
	{0x8000000000, R | GW_GLOBAL, 3, SH | 0x0060008000000081},
	{0x1000, R | GW_GLOBAL, 0, SH | 0x0060000000001083},
	/* Contiguous: 64 KiB to 2 MiB, 32 MiB to 16 GiB, 16 GiB. */
	{0x40000000, RW | GW_USER | USED | GW_CONTIGUOUS, 0, SH | 0x0078000040000c43},
	{0x400000000, R | GW_GLOBAL | GW_CONTIGUOUS, 1, SH | 0x0070000400000081},
	{0x400000000, R | GW_GLOBAL | GW_CONTIGUOUS, 2, SH | 0x0070000400000081},
};
static const struct table tables[] = {
	{0x12340000, 1, 0x12340003},
	{0xffffffff0000, 1, 0xffffffff0003},
	{0x12340000, GW_LEVELS - 1, 0x12340003},
};
/* From bit 47, 4 KiB: 9, 9, 9, 9 bits of index; 16 KiB: 1, 11, 11, 11; 64 KiB: 6, 13, 13; with 52
 * bits 4 more in the root, which is a level of its own with 4 KiB. */
static const uint64_t index_va = (WIDE ? 5ull << 48 : 0) | 0x812345670000;
static const struct index indices[] = {
	{0, BY_GRANULE(0x070, 0x59c, 0x0567)},
	{1, BY_GRANULE(0x02b, 0x1a2, 0x091a)},
	{2, BY_GRANULE(0x08d, 0x012, WIDE ? 0x160 : 0x20)},
	{BY_GRANULE(3, 3, 2), BY_GRANULE(0x102, WIDE ? 0x0b : 1, WIDE ? 0x160 : 0x20)},
	{GW_LEVELS - 1, WIDE ? BY_GRANULE(5, 0x0b, 0x160) : BY_GRANULE(0x102, 1, 0x20)},
};

static void assert_wide(uint64_t out, unsigned level, uint64_t lpa2, uint64_t lpa)
{
	const uint64_t e = BY_GRANULE(lpa2, lpa2, lpa);

	assert_int_equal(gw_fmt_leaf(out, R | GW_GLOBAL, level), e);
	assert_int_equal(gw_fmt_out(e, level), out);
	assert_int_equal(gw_fmt_attr(e, level), R | GW_GLOBAL);
}

/* Addresses over 48 bits: pages, a block as large as there is, which has no runs, tables. */
static void wide_addresses(void)
{
	const uint64_t block = BY_GRANULE(1ull << 39, 1ull << 36, 1ull << 42);
	const uint64_t table = BY_GRANULE(0x1000000010203, 0x1000000010203, 0x19003);
	const unsigned top = BY_GRANULE(3, 2, 2);

	assert_wide(0x8000000010000, 0, 0x0060000000010283, 0x0060000000018383);
	assert_wide(0x5000000010000, 0, 0x0061000000010183, 0x0060000000015383);
	assert_wide(0xfffffffff0000, 0, 0x0063ffffffff0383, 0x0060fffffffff383);
	assert_wide(0xa000000000000 | block, top, 0x0062000000000281 | block,
		    0x006000000000a381 | block);
	assert_int_equal(gw_fmt_leaf(block, R | GW_GLOBAL | GW_CONTIGUOUS, top),
			 SH | 0x0060000000000081 | block);
	assert_int_equal(gw_fmt_table(0x9000000010000, 1), table);
	assert_int_equal(gw_fmt_table_address(table, 1), 0x9000000010000);
}

/* Table "Permitted properties of caching a translation in a TLB when Effective value of Contiguous
 * bit is 1": how many entries. */
static void runs(void)
{
	const uint64_t page = 1 << A64_GRANULE_LG2, e = SH | 0x0070000040000083;

	assert_int_equal(1 << gw_fmt_run_lg2(0), BY_GRANULE(16, 128, 32));
	assert_int_equal(1 << gw_fmt_run_lg2(1), BY_GRANULE(16, 32, 32));
	assert_int_equal(1 << gw_fmt_run_lg2(2), BY_GRANULE(16, 1, 1));
	for (unsigned level = 3; level < GW_LEVELS; level++)
		assert_int_equal(1 << gw_fmt_run_lg2(level), 1);
	/* Each entry has an address of its own, and says where the run begins. */
	assert_int_equal(gw_fmt_leaf(0x40000000 + 5 * page, R | GW_GLOBAL | GW_CONTIGUOUS, 0),
			 e + 5 * page);
	assert_int_equal(gw_fmt_out(e + 5 * page, 0), 0x40000000);
	assert_true(gw_fmt_must_break(e, e & ~(1ull << 52)));
}

static void odds_and_ends(void)
{
	if (WIDE)
		wide_addresses();
	runs();
	assert_int_equal(gw_fmt_leaf_level(2), WIDE || A64_GRANULE_LG2 == 12);
	assert_int_equal(gw_fmt_leaf_level(3), WIDE && A64_GRANULE_LG2 == 12);
	assert_false(gw_fmt_leaf_level(4));
	assert_int_equal(1 << gw_fmt_index_bits(GW_LEVELS - 1),
			 WIDE ? BY_GRANULE(16, 32, 1024) : BY_GRANULE(512, 2, 64));
	/* In the last level, bit 1 clear is reserved; above, it is a block. */
	assert_false(gw_fmt_is_leaf(0x10001, 0));
	assert_true(gw_fmt_is_leaf(0x40000001, 1));
	assert_false(gw_fmt_is_leaf(0x40000001, 4));
	/* A page is written: AP[2] goes, DBM stays. */
	assert_int_equal(gw_fmt_recorded(0x0068000000050383, USED, 0), 0x0068000000050703);
	assert_int_equal(gw_fmt_recorded(0x0060000000050383, USED, 0), 0x0060000000050783);
	/* Rights change in place; the memory type, and whether it is global, do not. */
	assert_false(gw_fmt_must_break(0x0068000000050783, 0x0060000000050783));
	assert_true(gw_fmt_must_break(0x0068000000050783, 0x0068000000050787));
	assert_true(gw_fmt_must_break(0x0068000000050f83, 0x0068000000050783));
}

#elif defined(RISCV_V)

/* "Sv39 page table entry": V 0, R 1, W 2, X 3, U 4, G 5, A 6, D 7, RSW 8-9, PPN 10-53, PBMT 61-62,
 * N 63.
 */
static const struct leaf leaves[] = {
	{0x1000, RW | GW_USER, 0, 0x417},
	{0x80000000, RWX | GW_GLOBAL | USED, 0, 0x200000ef},
	{0x80200000, RX, 1, 0x2008000b},
	{0xfffffffffff000, R, 0, 0x003ffffffffffc03},
	{0x10000000, RW | GW_UNCACHED, 0, 0x4000000004000007},
	{0, R | GW_SOFT0 | GW_SOFT1, 0, 0x303},
	{0x40000000, R, 2, 0x10000003},
	/* Svnapot: N, and the PPN ends with 1000. */
	{0x80010000, RW | GW_USER | GW_CONTIGUOUS, 0, 0x8000000020006017},
	/* As large as the root's entries: 1 GiB, 512 GiB, 256 TiB. */
	{1ull << (12 + 9 * (GW_LEVELS - 1)), R, GW_LEVELS - 1,
	 1ull << (10 + 9 * (GW_LEVELS - 1)) | 3},
};
static const struct table tables[] = {
	{0x87654000, 1, 0x21d95001},
	{0xfffffffffff000, 2, 0x003ffffffffffc01},
	{0x87654000, GW_LEVELS - 1, 0x21d95001},
};
/* nines of bits, from bit 12 on: 120, 43, 141 */
static const uint64_t index_va = 0x2345678000;
static const struct index indices[] = {{2, 141}, {1, 43}, {0, 120}};

static void odds_and_ends(void)
{
	const uint64_t top = 1ull << (GW_LEVELS == 3 ? 38 : GW_LEVELS == 4 ? 47 : 56);

	assert_int_equal(gw_fmt_canonical(top - 1), top - 1);
	assert_int_equal(gw_fmt_canonical(top), 0 - top);
	/* W without R is reserved; X alone is a leaf that cannot be read. */
	assert_false(gw_fmt_is_leaf(0x5, 0) || gw_fmt_is_table(0x5, 1) || gw_fmt_is_leaf(0x5, 1));
	assert_true(gw_fmt_is_leaf(0x9, 0));
	assert_int_equal(gw_fmt_attr(0x9, 0), GW_EXEC);
	assert_false(GW_FMT_ATTRS & GW_SOFT2);
	/* 16 pages, whose entries are alike; no other level has runs. */
	assert_int_equal(gw_fmt_run_lg2(0), 4);
	assert_int_equal(gw_fmt_leaf(0x8001f000, R | GW_CONTIGUOUS, 0), 0x8000000020006003);
	assert_int_equal(gw_fmt_leaf(0x80000000, R | GW_CONTIGUOUS, 1), 0x20000003);
	/* An encoding that is reserved does not go unseen. */
	assert_int_equal(gw_ops.decode(0x8000000020006403, 0, 0).other, 0x400);
	assert_int_equal(gw_ops.decode(0x8000000020000003, 1, 0).other, 1ull << 63);
}

#elif defined(S390_FC)

/* SA22-7832, chapter 3. From the left: 53 invalid (page) or format control, 54 DAT protection, 55
 * execution protection, 58 invalid (segment, region), 60-61 table type, 62-63 table length. */
static const struct leaf leaves[] = {
	{0x1000, RWX | GW_USER, 0, 0x1000},
	{0x1000, RX | GW_USER, 0, 0x1200},
	{0x1000, R | GW_USER, 0, 0x1300},
	{0xfffffffffffff000, RW | GW_USER, 0, 0xfffffffffffff100},
	{0x300000, RWX | GW_USER, 1, 0x300400},
	{0x300000, R | GW_USER, 1, 0x300700},
	{0x80000000, RWX | GW_USER, 2, 0x80000404},
	{0x80000000, RX | GW_USER, 2, 0x80000604},
};
static const struct table tables[] = {
	/* The page-table origin has one bit more than other origins. */
	{0x12345800, 1, 0x12345800},
	{0x12344000, 2, 0x12344007},
	{0x12344000, 3, 0x1234400b},
	{0x12344000, 4, 0x1234400f},
};
/* elevens of bits and 8: 0x7fe, 0x401, 0x234, 0x7ff, 0x56; as many as there are levels */
static const uint64_t index_va =
	(0x7feull << 53 | 0x401ull << 42 | 0x234ull << 31 | 0x7ffull << 20 | 0x56000) & (END - 1);
static const struct index indices[] = {{0, 0x56},
				       {1, 0x7ff},
				       {2, 0x234},
				       {GW_LEVELS - 1, GW_LEVELS == 3   ? 0x234
						       : GW_LEVELS == 4 ? 0x401
									: 0x7fe}};

static void odds_and_ends(void)
{
	assert_int_equal(gw_fmt_empty(0), 0x400);
	assert_int_equal(gw_fmt_empty(1), 0x20);
	assert_int_equal(gw_fmt_empty(GW_LEVELS - 1), 0x20);
	assert_false(gw_fmt_leaf_level(3));
	assert_true(gw_fmt_must_break(0x1000, 0x1200));
}

#elif defined(PPC64_V)

/* Power ISA 3.0B, figures "Page Directory Entry" and "Page Table Entry", as numbers: V 0, L 1, RPN
 * 7-51, software 52-54, R 55, C 56, ATT 58-59, EAA 60-63; NLB 4-55, NLS 59-63, from the left. */
static const struct leaf leaves[] = {
	{0x10000, RW | GW_USER | USED, 0, 0xc000000000010186},
	{0x10000, R | GW_SOFT0 | GW_SOFT2, 0, 0xc000000000010a0c},
	{0x6000000000000, RW | GW_UNCACHED, 0, 0xc00600000000002e},
	{0x1ffffffffff0000, R, 0, 0xc1ffffffffff000c},
	{0x200000, RX, 1, 0xc00000000020000d},
	{0x40000000, R | GW_USER, 2, 0xc000000040000004},
};
/* The size of the next table: 5 or 9 bits of index. */
static const struct table tables[] = {
	{0x12346000, 1, 0x8000000012346000 + PPC64_LAST_BITS},
	{0x12346000, 2, 0x8000000012346009},
	{0xffffffffffff000, 3, 0x8ffffffffffff009},
};
/* 13, 9, 9 bits, and 5 or 9 */
static const uint64_t index_va = 0x1ffeull << 39 | 0x101ull << 30 | 0x0feull << 21 | 0x110000;
static const struct index indices[] = {
	{3, 0x1ffe}, {2, 0x101}, {1, 0xfe}, {0, PPC64_PAGE_LG2 == 16 ? 0x11 : 0x110}};

static void odds_and_ends(void)
{
	static const unsigned char bytes[8] = {0xc0, 0, 0, 0, 0, 1, 1, 0x86};
	uint64_t e = gw_fmt_leaf(0x10000, RW | GW_USER | USED, 0);

	/* In memory, the byte with V and L comes first. */
	assert_memory_equal(&e, bytes, sizeof(bytes));
	assert_int_equal(gw_fmt_table_address(gw_fmt_table(0x12345600, 1), 1), 0x12345600);
	assert_false(gw_fmt_leaf_level(3));
	/* What is recorded changes in place, rights do not. */
	assert_false(
		gw_fmt_must_break(gw_fmt_leaf(0, R, 0), gw_fmt_leaf(0, R | USED | GW_SOFT1, 0)));
	assert_true(gw_fmt_must_break(gw_fmt_leaf(0, R, 0), gw_fmt_leaf(0, RW, 0)));
}

#else

static const struct leaf leaves[] = {
	{5, 0, 0, 0x8000000000000005},
	{0, 0, 5, 0x8000000000000000},
	{0x7fffffffffffffff, 0, 3, UINT64_MAX},
};
static const struct table tables[] = {{0x7f0000000200, 1, 0x7f0000000200}};
/* Three tens of bits and six: 1023, 1, 2, 63. */
static const uint64_t index_va = 1023ull << 38 | 1ull << 28 | 2 << 18 | 63 << 12;
static const struct index indices[] = {{3, 1023}, {2, 1}, {1, 2}, {0, 63}};

static void odds_and_ends(void)
{
	assert_int_equal(gw_fmt_empty(0), 0);
	assert_int_equal(gw_fmt_advance(7, 1 << 20), 7);
}

#endif

/* What an entry is as a number of the manual's. */
static uint64_t number(uint64_t e)
{
#ifdef PPC64_V
	return gw_fmt_swap(e);
#else
	return e;
#endif
}

static void test_leaves_by_hand(void **state)
{
	(void)state;
	for (unsigned i = 0; i < LENGTH(leaves); i++) {
		const struct leaf *leaf = &leaves[i];
		uint64_t e;

		if (leaf->level > FIX_TOP || !gw_fmt_leaf_level(leaf->level) ||
		    !gw_fmt_aligned(leaf->out, leaf->level))
			continue; /* not in this one of the family */
		e = gw_fmt_leaf(leaf->out, leaf->attr, leaf->level);

		assert_int_equal(number(e), leaf->entry);
		assert_true(gw_fmt_is_leaf(e, leaf->level));
		assert_int_equal(gw_fmt_out(e, leaf->level), leaf->out);
		assert_int_equal(gw_fmt_attr(e, leaf->level), leaf->attr);
	}
}

static void test_tables_by_hand(void **state)
{
	(void)state;
	for (unsigned i = 0; i < LENGTH(tables); i++) {
		const struct table *table = &tables[i];
		uint64_t e;

		if (table->level > FIX_TOP)
			continue;
		e = gw_fmt_table(table->address, table->level);

		assert_int_equal(number(e), table->entry);
		assert_true(gw_fmt_is_table(e, table->level));
		assert_int_equal(gw_fmt_table_address(e, table->level), table->address);
	}
}

static void test_indices_by_hand(void **state)
{
	(void)state;
	for (unsigned i = 0; i < LENGTH(indices); i++)
		assert_int_equal(gw_index(index_va, indices[i].level), indices[i].index);
}

static void test_odds_and_ends(void **state)
{
	(void)state;
	odds_and_ends();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_leaves_by_hand),
		cmocka_unit_test(test_tables_by_hand),
		cmocka_unit_test(test_indices_by_hand),
		cmocka_unit_test(test_odds_and_ends),
	};

	return cmocka_run_group_tests_name("by hand " GW_FMT_NAME, tests, NULL, NULL);
}
