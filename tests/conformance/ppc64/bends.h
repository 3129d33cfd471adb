/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * powerpc64 radix: wrong bits, see bent.c. */
#define AS_NUMBER(e) gw_fmt_swap(e)

static const struct bend bends[] = {
	{"write inverted", LEAVES, .flip = PPC64_WRITE},
	{"execute inverted", LEAVES, .flip = PPC64_EXEC},
	{"write and execute exchanged", LEAVES, .one = PPC64_WRITE, .other = PPC64_EXEC},
	{"read lost", LEAVES, .flip = PPC64_READ},
	{"privilege inverted", LEAVES, .flip = PPC64_PRIVILEGED},
	{"reference and change exchanged", LEAVES, .one = PPC64_R, .other = PPC64_C},
	{"change at bit 54", LEAVES, .one = PPC64_C, .other = 1 << PPC64_SOFT_SHIFT},
	{"page not valid", PAGES, .flip = PPC64_V},
	{"page without leaf bit", PAGES, .flip = PPC64_L},
	{"large leaf at bit 2", LARGE, .one = PPC64_L, .other = PPC64_L >> 1},
	{"address bit 40", LEAVES, .flip = 1ull << 40},
	{"table not valid", TABLES, .flip = PPC64_V},
	{"leaf bit inverted", LARGE | TABLES, .flip = PPC64_L},
	{"table size one less or more", TABLES, .flip = 1},
	{"table size 0", TABLES, .flip = PPC64_LAST_BITS},
	{"table address bit 40", TABLES, .flip = 1ull << 40},
	{"attributes 3 for 2, 1 for 0", LEAVES, .flip = 1 << 4, .not_seen = BOTH_WAYS | ONE_WAY},
};
