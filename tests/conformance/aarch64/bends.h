/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * AArch64: wrong bits, see bent.c. */
static const struct bend bends[] = {
	{"read-only inverted", LEAVES, .flip = A64_RO},
	{"EL0 inverted", LEAVES, .flip = A64_EL0},
	{"EL0 and read-only exchanged", LEAVES, .one = A64_EL0, .other = A64_RO},
	{"UXN inverted", LEAVES, .flip = A64_UXN},
	{"PXN inverted", LEAVES, .flip = A64_PXN},
	{"UXN and PXN exchanged", LEAVES, .one = A64_UXN, .other = A64_PXN},
	{"DBM at bit 55", LEAVES, .one = A64_DBM, .other = A64_WAS_DIRTY},
	{"access flag at bit 9", LEAVES, .one = A64_AF, .other = 1 << 9},
	{"access flag and nG exchanged", LEAVES, .one = A64_AF, .other = A64_NG},
	{"page of type 1", PAGES, .flip = 2},
	{"page of type 2", PAGES, .flip = 1},
	{"block and table exchanged", LARGE | TABLES, .flip = 2},
	{"address bit 40", LEAVES, .flip = 1ull << 40},
	{"table of type 2", TABLES, .flip = 1},
	{"table with APTable[0]", TABLES, .flip = 1ull << 61},
	{"table with APTable[1]", TABLES, .flip = 1ull << 62},
	{"table with UXNTable", TABLES, .flip = 1ull << 60},
	{"table with PXNTable", TABLES, .flip = 1ull << 59},
	{"table address bit 40", TABLES, .flip = 1ull << 40},
	{"nG inverted", LEAVES, .flip = A64_NG, .not_seen = BOTH_WAYS},
	{"memory type inverted", LEAVES, .flip = A64_DEVICE, .not_seen = BOTH_WAYS},
	{"contiguous inverted", LEAVES, .flip = A64_CONTIGUOUS, .not_seen = BOTH_WAYS},
	/* With TCR.DS these are bits of the address. */
	{"not shareable", LEAVES, .flip = 3ull << 8, .not_seen = A64_DS ? 0 : BOTH_WAYS | ONE_WAY},
};
