/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * RISC-V: wrong bits, see bent.c. */
static const struct bend bends[] = {
	{"R inverted", PAGES, .flip = RISCV_R},
	{"W inverted", LEAVES, .flip = RISCV_W},
	{"X inverted", PAGES, .flip = RISCV_X},
	{"W and X exchanged", LEAVES, .one = RISCV_W, .other = RISCV_X},
	{"U inverted", LEAVES, .flip = RISCV_U},
	{"U and G exchanged", LEAVES, .one = RISCV_U, .other = RISCV_G},
	{"A and D exchanged", LEAVES, .one = RISCV_A, .other = RISCV_D},
	{"D at bit 8", LEAVES, .one = RISCV_D, .other = 1 << RISCV_RSW_SHIFT},
	{"N inverted", LEAVES, .flip = RISCV_N},
	{"bit 54 in a leaf", LEAVES, .flip = 1ull << 54},
	{"bit 60 in a leaf", LEAVES, .flip = 1ull << 60},
	{"page not valid", PAGES, .flip = RISCV_V},
	{"page address not shifted", PAGES, .field = RISCV_PPN, .left = 2},
	{"large leaf not aligned", LARGE, .flip = 1 << 10},
	{"table not valid", TABLES, .flip = RISCV_V},
	{"table with X", TABLES, .flip = RISCV_X},
	{"table with U", TABLES, .flip = RISCV_U},
	{"table with A", TABLES, .flip = RISCV_A},
	{"table with D", TABLES, .flip = RISCV_D},
	{"table with PBMT", TABLES, .flip = 1ull << 61},
	{"table address not shifted", TABLES, .field = RISCV_PPN, .left = 2},
	{"G inverted", LEAVES, .flip = RISCV_G, .not_seen = BOTH_WAYS},
	{"PBMT 1 for 2", LEAVES, .one = 1ull << 61, .other = 1ull << 62, .not_seen = BOTH_WAYS},
	{"PBMT 3 for 2, 1 for 0", LEAVES, .flip = 1ull << 61, .not_seen = BOTH_WAYS | ONE_WAY},
};
