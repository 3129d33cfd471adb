/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * x86-64: wrong bits, see bent.c. */
static const struct bend bends[] = {
	{"write inverted", LEAVES, .flip = X86_RW},
	{"user inverted", LEAVES, .flip = X86_US},
	{"write and user exchanged", LEAVES, .one = X86_RW, .other = X86_US},
	{"execute-disable inverted", LEAVES, .flip = X86_XD},
	{"execute-disable at bit 62", LEAVES, .one = X86_XD, .other = 1ull << 62},
	{"accessed and dirty exchanged", LEAVES, .one = X86_A, .other = X86_D},
	{"dirty at bit 9", LEAVES, .one = X86_D, .other = 1 << X86_SOFT_SHIFT},
	{"page not present", PAGES, .flip = X86_P},
	{"large leaf at bit 8", LARGE, .one = X86_PS, .other = X86_G},
	{"large leaf not aligned", LARGE, .flip = 1 << 13},
	{"address bit 40", LEAVES, .flip = 1ull << 40},
	{"table not present", TABLES, .flip = X86_P},
	{"table without write", TABLES, .flip = X86_RW},
	{"table without user", TABLES, .flip = X86_US},
	{"table with execute-disable", TABLES, .flip = X86_XD},
	{"leaf bit inverted", LARGE | TABLES, .flip = X86_PS},
	{"table address bit 30", TABLES, .flip = 1 << 30},
	{"global inverted", LEAVES, .flip = X86_G, .not_seen = BOTH_WAYS},
	{"cache-disable inverted", LEAVES, .flip = X86_PCD, .not_seen = BOTH_WAYS},
	{"PAT bit in a page", PAGES, .flip = X86_PS, .not_seen = BOTH_WAYS | ONE_WAY},
};
