/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * s390x: wrong bits, see bent.c. */
static const struct bend bends[] = {
	{"protection inverted", PAGES, .flip = S390_P},
	{"execution protection inverted", PAGES, .flip = S390_IEP},
	{"protections exchanged", PAGES, .one = S390_P, .other = S390_IEP},
	{"protection at bit 52", PAGES, .one = S390_P, .other = 1 << 11},
	{"page invalid", PAGES, .flip = S390_PTE_I},
	{"bit 52 in a page", PAGES, .flip = 1 << 11},
	{"address bit 40", PAGES, .flip = 1ull << 40},
	{"no page, by a segment's bit", EMPTY, .one = S390_PTE_I, .other = S390_I},
	{"segment invalid", TABLES, .flip = S390_I},
	{"segment protected", TABLES, .flip = S390_P},
	{"segment of a region's type", TABLES, .flip = 1 << S390_TT_SHIFT},
	{"region of another's type", UPPER, .flip = 1 << S390_TT_SHIFT},
	{"region with a quarter's length", UPPER, .flip = S390_TL},
	{"region invalid", UPPER, .flip = S390_I},
	{"table address bit 40", TABLES, .flip = 1ull << 40},
	{"table address bit 11", TABLES, .flip = 1 << 11},
	{"region protected", UPPER, .flip = S390_P, .not_seen = BOTH_WAYS | ONE_WAY},
	{"segment with format control", TABLES, .flip = S390_FC, .not_seen = BOTH_WAYS},
};
