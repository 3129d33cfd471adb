/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * RISC-V: what the common program wants of it. It runs in supervisor mode and takes its own traps.
 * Sections are those of the RISC-V Instruction Set Manual, volume II, chapter "Supervisor-Level
 * ISA", where nothing else is said. */
#include "../conformance.h"

/* RAM begins at 2 GiB; -m has to cover the data. Below its middle QEMU leaves a device tree. */
#define GIB (1ull << 30)
#define RAM (2 * GIB)
#define WORD (RAM + 0x10000000)
#define PROBE_PAGE 0x100000000ull /* of unprivileged code */
#define HALF (1ull << (GW_VA_BITS - 1))
enum { UART = 0x10000000, UART_READY = 1 << 5, FINISHER = 0x100000, SFENCE_MAX = 64 };

extern char riscv_probe_page[];

/* The first fixed range is devices, among them the two above. */
const struct arch arch = {
	.memory = RAM + 0x1000000,
	.memory_bytes = 0x4000000,
	.data = RAM + GIB,
	.data_bytes = GIB,
	.fixed = {{0, GIB, 0, GW_READ | GW_WRITE},
		  {RAM, 2 * GIB, RAM, GW_READ | GW_WRITE | GW_EXEC},
		  {PROBE_PAGE, 4096, (uintptr_t)riscv_probe_page, GW_READ | GW_EXEC | GW_USER}},
	.fixed_n = 3,
	.areas = {{PROBE_PAGE + GIB, HALF - 1}, {-HALF, UINT64_MAX}},
	.areas_n = 2,
	.attrs_always = GW_READ,
	.attrs_try = GW_FMT_ATTRS,
	.run_bits = {1ull << 63, 1 << 10}, /* N: else one page; the PPN's lowest bit: reserved */
	.records = true,
	.no_rights = FAULT_RIGHTS,
	.outside = FAULT_ABSENT, /* "Addressing and Memory Protection": a page fault like others */
};

/* ---- The machine ---- */

static void put_32(uint64_t at, uint32_t value)
{
	*(volatile uint32_t *)at = value;
}

static volatile uint8_t *uart(unsigned port)
{
	return (volatile uint8_t *)(uintptr_t)(UART + port);
}

void arch_putc(char c)
{
	while (!(*uart(5) & UART_READY))
		;
	*uart(0) = (uint8_t)c;
}

/* sifive_test: 0x5555 ends QEMU with 0, 0x3333 with the number above it. */
void arch_exit(int status)
{
	for (;;)
		put_32(FINISHER, status ? (uint32_t)status << 16 | 0x3333 : 0x5555);
}

uint64_t arch_word(void)
{
	return *(volatile uint64_t *)WORD;
}

/* What was written is seen by the accesses that follow. That nothing was there may be remembered
 * too, and needs an SFENCE.VMA; QEMU's MMU remembers no such thing. It forgets everything with any
 * SFENCE.VMA, and one here would hide that arch_invalidate was not called. */
void arch_mapped(void)
{
	__asm__ volatile("fence rw, rw" : : : "memory");
}

/* Returns to t0. addiw has a sign, which lui makes up for. */
void arch_code(void *at, uint32_t value)
{
	volatile uint32_t *code = at;

	code[0] = 0x00000537 | ((value + 0x800) & 0xfffff000); /* lui a0 */
	code[1] = 0x0005051b | value << 20;                    /* addiw a0, a0 */
	code[2] = 0x00028067;                                  /* jr t0 */
	__asm__ volatile("fence.i" : : : "memory");
}

/* ---- Translation ---- */

static uint64_t root_table;

/* Sections "Supervisor Address Translation and Protection (satp) Register" and "Supervisor
 * Memory-Management Fence Instruction". */
static void forget_all(void)
{
	__asm__ volatile("sfence.vma" : : : "memory");
}

static void forget_page(uint64_t va)
{
	__asm__ volatile("sfence.vma %0" : : "r"(va) : "memory");
}

void arch_enable(uint64_t root)
{
	const uint64_t want = (GW_LEVELS + 5ull) << 60 | root >> 12; /* Sv39 is mode 8 */
	uint64_t is;

	root_table = root;
	__asm__ volatile("csrw satp, %1\n\t"
			 "csrr %0, satp"
			 : "=r"(is)
			 : "r"(want)
			 : "memory");
	forget_all();
	if (is != want)
		conformance_broke("satp", want, is, 0);
}

/* An address takes every leaf with it that maps there, of whatever size, global or not. Tables
 * above may have gone as well, and with rs2 = x0 what is remembered of them goes too. */
void arch_invalidate(const struct gw_range *range)
{
	uint64_t pages = range->bytes >> GW_PAGE_LG2;

	if (pages > SFENCE_MAX) {
		forget_all();
		return;
	}
	for (uint64_t i = 0; i < pages; i++)
		forget_page(range->va + (i << GW_PAGE_LG2));
}

/* ---- Rights ---- */

#define SPP (1ull << 8)  /* sstatus: whence a trap came, where sret goes */
#define SUM (1ull << 18) /* what is the user's is for the supervisor too, but not to execute */

static uint64_t sstatus(void)
{
	uint64_t value;

	__asm__ volatile("csrr %0, sstatus" : "=r"(value));
	return value;
}

/* Section "Supervisor Status (sstatus) Register". start.S sets SUM and MXR for half of all seeds.
 * MXR lets code be read: with GW_READ on every leaf that changes nothing. */
bool arch_allows(uint32_t attr, enum access access, bool user)
{
	static const uint32_t needs[] = {GW_READ, GW_WRITE, GW_EXEC};

	if (!(attr & needs[access]))
		return false;
	if (!user && attr & GW_USER)
		return access != ACCESS_EXEC && sstatus() & SUM;
	return user == !!(attr & GW_USER);
}

/* ---- Probes ---- */

enum {
	CAUSE_BREAKPOINT = 3, /* ends a probe that went well */
	CAUSE_EXEC_PAGE = 12,
	CAUSE_READ_PAGE = 13,
	CAUSE_WRITE_PAGE = 15,
};

/* As start.S has them. */
struct riscv_run {
	uint64_t pc, privilege, va, value;
};
struct riscv_trap {
	uint64_t cause, value, pc, status, a0;
};

void riscv_run(const struct riscv_run *run);
_Noreturn void riscv_broke(void);
extern char riscv_probe_read[], riscv_probe_write[], riscv_probe_exec[];
struct riscv_trap riscv_trap;
uint64_t riscv_resume;

void riscv_broke(void)
{
	conformance_broke("trap", riscv_trap.cause, riscv_trap.value, riscv_trap.pc);
}

static uint64_t code_for(enum access access, bool user)
{
	const char *const code[] = {riscv_probe_read, riscv_probe_write, riscv_probe_exec};

	return (uintptr_t)code[access] + (user ? PROBE_PAGE - (uintptr_t)riscv_probe_page : 0);
}

/* Section "Virtual Address Translation Process". Causes do not tell a page that is not there from
 * one that is and may not be used so. The entries do, read once more as the manual has them and
 * not by the library: bit 0 is V, bits 1 to 3 are R, W and X; W without R and bits 54 to 60 are
 * reserved, and so is bit 63, N, but for a page whose address ends with 1000. */
static enum fault page_fault(uint64_t va)
{
	const unsigned spare = 64 - GW_VA_BITS;
	uint64_t table = root_table;

	if ((uint64_t)((int64_t)(va << spare) >> spare) != va)
		return FAULT_ABSENT;
	for (unsigned level = GW_LEVELS; level-- > 0;) {
		uint64_t e;

		if (table - arch.memory >= arch.memory_bytes)
			return FAULT_OTHER;
		e = ((volatile uint64_t *)table)[va >> (12 + 9 * level) & 511];
		if (!(e & 1))
			return FAULT_ABSENT;
		if ((e & 6) == 4 || e >> 54 & 0x7f || (e >> 63 && (level || (e >> 10 & 15) != 8)))
			return FAULT_OTHER;
		if (e & 0xe)
			return FAULT_RIGHTS;
		table = (e >> 10 & 0xfffffffffff) << 12;
	}
	return FAULT_OTHER;
}

static void fault(struct probe *p, enum access access)
{
	p->fault = page_fault(p->va);
	p->fault_va = riscv_trap.value;
	p->fault_access = access;
	p->fault_user = !(riscv_trap.status & SPP);
}

/* Once the supervisor has read a user's page under SUM, QEMU 7.2 lets it execute the page, until
 * what is remembered of it is forgotten. Without SUM nothing is forgotten here. */
static void forget_right_to_execute(uint64_t va)
{
	if (sstatus() & SUM)
		forget_page(va);
}

void arch_probe(struct probe *p)
{
	const struct riscv_run run = {
		.pc = code_for(p->access, p->user),
		.privilege = p->user ? 0 : SPP,
		.va = p->va,
		.value = p->value,
	};

	if (!p->user && p->access == ACCESS_EXEC)
		forget_right_to_execute(p->va);
	riscv_run(&run);
	__asm__ volatile("" : : : "memory");
	p->detail = riscv_trap.cause;
	switch (riscv_trap.cause) {
	case CAUSE_BREAKPOINT:
		p->fault = FAULT_NONE;
		if (p->access != ACCESS_WRITE)
			p->value =
				p->access == ACCESS_EXEC ? (uint32_t)riscv_trap.a0 : riscv_trap.a0;
		break;
	case CAUSE_EXEC_PAGE:
		fault(p, ACCESS_EXEC);
		break;
	case CAUSE_READ_PAGE:
		fault(p, ACCESS_READ);
		break;
	case CAUSE_WRITE_PAGE:
		fault(p, ACCESS_WRITE);
		break;
	default:
		p->fault = FAULT_OTHER;
	}
}
