/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * x86-64: what the common program wants of it. Sections and tables are those of the Intel 64 and
 * IA-32 Architectures Software Developer's Manual, volume 3A. */
#include "../conformance.h"

/* QEMU's -m has to cover the data. The word lies where no firmware writes. */
enum { WORD = 0xf000000, INVLPG_MAX = 2048 };
#define GIB (1ull << 30)
#define FIXED_BYTES (2 * GIB)
#define PROBE_PAGE 0x100000000ull /* of unprivileged code */
/* Data at X86_DATA: within what is fixed, or high, so that most bits of an address matter. */
#ifdef X86_DATA
#define DATA_HIGH 1
#define HOLE X86_DATA
#else
#define DATA_HIGH 0
#define X86_DATA GIB
#define HOLE PROBE_PAGE
#endif
#define HALF (1ull << (GW_VA_BITS - 1))

extern char x86_probe_page[];

/* CR0.WP, CR4.SMEP and SMAP are set: the supervisor is bound by rights too, and kept out of what is
 * the user's. So GW_USER is for one side alone, section 4.6.1. */
const struct arch arch = {
	.memory = 0x1000000,
	.memory_bytes = 0x4000000,
	.data = X86_DATA,
	.data_bytes = GIB,
	.fixed = {{0, FIXED_BYTES, 0, GW_READ | GW_WRITE | GW_EXEC},
		  {PROBE_PAGE, 4096, (uintptr_t)x86_probe_page, GW_READ | GW_EXEC | GW_USER},
		  {X86_DATA, GIB, X86_DATA, GW_READ | GW_WRITE}},
	.fixed_n = 2 + DATA_HIGH,
	.areas = {{-HALF, UINT64_MAX}, {HOLE + GIB, HALF - 1}, {PROBE_PAGE + GIB, HOLE - 1}},
	.areas_n = 2 + DATA_HIGH,
	.attrs_always = GW_READ,
	.attrs_try = GW_FMT_ATTRS,
	.records = true,
	.no_rights = FAULT_RIGHTS,
	.outside = FAULT_OUTSIDE, /* section 3.3.7.1: a general protection fault */
};

bool arch_allows(uint32_t attr, enum access access, bool user)
{
	static const uint32_t needs[] = {GW_READ, GW_WRITE, GW_EXEC};

	return attr & needs[access] && !!(attr & GW_USER) == user;
}

/* ---- The machine ---- */

static void outb(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

void arch_putc(char c)
{
	outb(0x3f8, (uint8_t)c);
}

/* isa-debug-exit makes 2n + 1 of it, so that 0 cannot be: run.sh takes 33 for 0. */
void arch_exit(int status)
{
	for (;;)
		outb(0xf4, (uint8_t)(status ? status : 16));
}

uint64_t arch_word(void)
{
	return *(volatile uint64_t *)WORD;
}

void arch_mapped(void)
{
}

void arch_code(void *at, uint32_t value)
{
	volatile uint8_t *code = at;

	*code++ = 0xb8; /* mov $value, %eax */
	for (unsigned i = 0; i < 4; i++)
		*code++ = (uint8_t)(value >> 8 * i);
	*code++ = 0xff; /* jmp *%rdx */
	*code = 0xe2;
}

/* ---- Translation ---- */

static void set_cr3(uint64_t root)
{
	__asm__ volatile("mov %0, %%cr3" : : "r"(root) : "memory");
}

static uint64_t cr4(void)
{
	uint64_t value;

	__asm__ volatile("mov %%cr4, %0" : "=r"(value));
	return value;
}

static void set_cr4(uint64_t value)
{
	__asm__ volatile("mov %0, %%cr4" : : "r"(value) : "memory");
}

void arch_enable(uint64_t root)
{
	set_cr3(root);
}

/* Section 4.10.4.1: INVLPG also drops translations that a larger leaf gave, global ones, and all
 * that is remembered of tables; a change of CR4.PGE drops everything. */
void arch_invalidate(const struct gw_range *range)
{
	uint64_t pages = range->bytes >> GW_PAGE_LG2, pge = 1 << 7;

	if (pages > INVLPG_MAX) {
		set_cr4(cr4() & ~pge);
		set_cr4(cr4() | pge);
		return;
	}
	for (uint64_t i = 0; i < pages; i++)
		__asm__ volatile("invlpg (%0)" : : "r"(range->va + (i << GW_PAGE_LG2)) : "memory");
}

/* ---- Probes ---- */

enum { TRAP_GENERAL = 13, TRAP_PAGE = 14, TRAP_DONE = 32, VECTORS = 33 };
enum { ERROR_PRESENT = 1, ERROR_WRITE = 2, ERROR_USER = 4, ERROR_RESERVED = 8, ERROR_FETCH = 16 };
enum { KERNEL_CODE = 0x08, KERNEL_DATA = 0x10, USER_DATA = 0x1b, USER_CODE = 0x23, TSS = 0x28 };

/* As start.S has them. */
struct x86_run {
	uint64_t rip, cs, ss, va, value;
};
struct x86_trap {
	uint64_t vector, error, rax, rip;
};
struct gate {
	uint16_t offset_0, selector, type, offset_16;
	uint32_t offset_32, zero;
};

void x86_setup(void);
_Noreturn void x86_unexpected(void);
void x86_run(const struct x86_run *run);
extern char x86_vectors[VECTORS][16], x86_probe_read[], x86_probe_write[], x86_probe_exec[],
	trap_stack_top[];
extern uint64_t x86_gdt[];
struct x86_trap x86_trap;
uint64_t x86_resume; /* 0: no probe is under way */
struct gate x86_idt[129];
static uint32_t tss[26];

static void set_gate(unsigned vector, const char *handler, unsigned privilege)
{
	uint64_t offset = (uintptr_t)handler;

	x86_idt[vector] = (struct gate){
		.offset_0 = (uint16_t)offset,
		.selector = KERNEL_CODE,
		.type = (uint16_t)(0x8e00 | privilege << 13), /* present, interrupt gate */
		.offset_16 = (uint16_t)(offset >> 16),
		.offset_32 = (uint32_t)(offset >> 32),
	};
}

/* Traps from unprivileged code take their stack from the task state (section 7.7). */
void x86_setup(void)
{
	uint64_t base = (uintptr_t)tss, stack = (uintptr_t)trap_stack_top;

	for (unsigned i = 0; i < 32; i++)
		set_gate(i, x86_vectors[i], 0);
	set_gate(0x80, x86_vectors[TRAP_DONE], 3);
	tss[1] = (uint32_t)stack;
	tss[2] = (uint32_t)(stack >> 32);
	x86_gdt[TSS / 8] = (sizeof(tss) - 1) | (base & 0xffffff) << 16 | 0x89ull << 40 |
			   (base >> 24 & 0xff) << 56;
	x86_gdt[TSS / 8 + 1] = base >> 32;
}

static uint64_t code_for(enum access access, bool user)
{
	const char *const code[] = {x86_probe_read, x86_probe_write, x86_probe_exec};

	return (uintptr_t)code[access] + (user ? PROBE_PAGE - (uintptr_t)x86_probe_page : 0);
}

/* Section 4.7 "Page-Fault Exceptions": the error code. */
static void page_fault(struct probe *p, uint64_t error)
{
	__asm__ volatile("mov %%cr2, %0" : "=r"(p->fault_va));
	p->fault = error & ERROR_PRESENT ? FAULT_RIGHTS : FAULT_ABSENT;
	if (error & ERROR_RESERVED)
		p->fault = FAULT_OTHER;
	p->fault_access = error & ERROR_FETCH   ? ACCESS_EXEC
			  : error & ERROR_WRITE ? ACCESS_WRITE
						: ACCESS_READ;
	p->fault_user = error & ERROR_USER;
}

void x86_unexpected(void)
{
	conformance_broke("trap", x86_trap.vector, x86_trap.error, x86_trap.rip);
}

void arch_probe(struct probe *p)
{
	const struct x86_run run = {
		.rip = code_for(p->access, p->user),
		.cs = p->user ? USER_CODE : KERNEL_CODE,
		.ss = p->user ? USER_DATA : KERNEL_DATA,
		.va = p->va,
		.value = p->value,
	};

	x86_run(&run);
	__asm__ volatile("" : : : "memory");
	p->detail = x86_trap.error;
	switch (x86_trap.vector) {
	case TRAP_DONE:
		p->fault = FAULT_NONE;
		p->value = p->access == ACCESS_WRITE ? p->value : x86_trap.rax;
		break;
	case TRAP_PAGE:
		page_fault(p, x86_trap.error);
		break;
	case TRAP_GENERAL:
		p->fault = FAULT_OUTSIDE;
		break;
	default: /* the wrong code was called, say */
		p->fault = FAULT_OTHER;
		p->detail = x86_trap.vector;
	}
}
