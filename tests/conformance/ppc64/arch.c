/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * powerpc64 radix: what the common program wants of it. Sections are those of the Power ISA,
 * version 3.0B, Book III; IBM numbers bits from the left. Calls of the hypervisor, which QEMU is:
 * Linux on Power Architecture Reference. */
#include "../conformance.h"

/* QEMU's -m has to cover the data. */
enum { WORD = 0xf000000, TLBIE_BYTES = 1 << 20, PID = 1 };
#define GIB (1ull << 30)
#define FIXED_BYTES (2 * GIB)
#define PROBE_PAGE 0x100000000ull /* of code in problem state */

extern char ppc_probe_page[];

/* AMR and IAMR are 0, section 5.7.12.2: the supervisor may use what is the user's. Nothing is
 * fetched from guarded storage, section 5.8.2, and whether QEMU sees that depends on what it
 * remembers of the page from reads. */
const struct arch arch = {
	.memory = 0x1000000,
	.memory_bytes = 0x8000000,
	.data = GIB,
	.data_bytes = GIB,
	.fixed = {{0, FIXED_BYTES, 0, GW_READ | GW_WRITE | GW_EXEC},
		  {PROBE_PAGE, 65536, (uintptr_t)ppc_probe_page, GW_READ | GW_EXEC | GW_USER}},
	.fixed_n = 2,
	.areas = {{PROBE_PAGE + GIB, (1ull << GW_VA_BITS) - 1}},
	.areas_n = 1,
	.attrs_always = GW_READ,
	.attrs_try = GW_FMT_ATTRS,
	.attrs_apart = GW_UNCACHED | GW_EXEC,
	.records = true,
	.no_rights = FAULT_RIGHTS,
	.outside = FAULT_OUTSIDE, /* sections 6.5.4 and 6.5.6: a segment interrupt */
};

bool arch_allows(uint32_t attr, enum access access, bool user)
{
	static const uint32_t needs[] = {GW_READ, GW_WRITE, GW_EXEC};

	return attr & needs[access] && (!user || attr & GW_USER);
}

/* ---- The machine ---- */

enum { H_PUT_TERM_CHAR = 0x58, H_REGISTER_PROC_TBL = 0x37c, H_RTAS = 0xf000 };
enum { RTAS_POWER_OFF = 0x2003, RTAS_OS_TERM = 0x201f, TERMINAL = 0x71000000 };

static int64_t hcall(uint64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	register uint64_t r3 __asm__("r3") = number;
	register uint64_t r4 __asm__("r4") = a;
	register uint64_t r5 __asm__("r5") = b;
	register uint64_t r6 __asm__("r6") = c;
	register uint64_t r7 __asm__("r7") = d;

	__asm__ volatile("sc 1"
			 : "+r"(r3), "+r"(r4), "+r"(r5), "+r"(r6), "+r"(r7)
			 :
			 : "r0", "r8", "r9", "r10", "r11", "r12", "ctr", "xer", "lr", "cr0", "cr1",
			   "cr5", "cr6", "cr7", "memory");
	return (int64_t)r3;
}

void arch_putc(char c)
{
	hcall(H_PUT_TERM_CHAR, TERMINAL, 1, (uint64_t)(uint8_t)c << 56, 0);
}

static uint32_t big(uint64_t n)
{
	return (uint32_t)gw_fmt_swap(n << (gw_fmt_swap(1) == 1 ? 0 : 32));
}

/* No status but 0 and, with QEMU's -action panic=exit-failure, 1. */
void arch_exit(int status)
{
	static const char why[] = "mismatch";
	/* token, number of arguments, of results, arguments, results */
	uint32_t off[] = {big(RTAS_POWER_OFF), big(2), big(1), 0, 0, 0};
	uint32_t term[] = {big(RTAS_OS_TERM), big(1), big(1), big((uintptr_t)why), 0};

	for (;;)
		hcall(H_RTAS, (uintptr_t)(status ? term : off), 0, 0, 0);
}

/* run.sh puts it there big-endian, as entries are. */
uint64_t arch_word(void)
{
	return gw_fmt_swap(*(volatile uint64_t *)WORD);
}

void arch_mapped(void)
{
	__asm__ volatile("ptesync" : : : "memory");
}

/* Instructions are words of the memory's byte order. */
void arch_code(void *at, uint32_t value)
{
	volatile uint32_t *code = at;

	code[0] = 0x38600000;                    /* li 3, 0 */
	code[1] = 0x64630000 | value >> 16;      /* oris 3, 3, high */
	code[2] = 0x60630000 | (value & 0xffff); /* ori 3, 3, low */
	code[3] = 0x4e800020;                    /* blr */
	__asm__ volatile("dcbst 0, %0; sync; icbi 0, %0; sync; isync" : : "r"(at) : "memory");
}

/* ---- Translation ---- */

/* tlbie, section 5.9.3.3. RB: the address, IS in bits 52 and 53, AP in bits 56 to 58. */
enum { IS_VA = 0, IS_PID = 1, IS_SHIFT = 10, AP_SHIFT = 5 };
enum { AP_4K = 0, AP_2M = 1, AP_1G = 2, AP_64K = 5 };

#define TLBIE(rb, ric)                                                   \
	__asm__ volatile("tlbie %0, %1, " #ric ", 1, 1"                  \
			 :                                               \
			 : "r"((uint64_t)(rb)), "r"((uint64_t)PID << 32) \
			 : "memory")

/* Of one size. */
static void tlbie_each(const struct gw_range *range, unsigned lg2, uint64_t actual_page)
{
	uint64_t span = 1ull << lg2, last = range->va + (range->bytes - 1);

	for (uint64_t va = range->va & ~(span - 1); va <= last; va += span)
		TLBIE(va | IS_VA << IS_SHIFT | actual_page << AP_SHIFT, 0);
}

/* A translation goes by the size that it was made with, which a range does not tell. Of code in a
 * larger page QEMU forgets the first 4 KiB alone, so these are done for pages of 64 KiB too. */
static void forget(const struct gw_range *range)
{
	tlbie_each(range, 12, AP_4K);
	if (GW_PAGE_LG2 == 16)
		tlbie_each(range, 16, AP_64K);
	tlbie_each(range, 21, AP_2M);
	tlbie_each(range, 30, AP_1G);
	if (range->tables)
		TLBIE(IS_PID << IS_SHIFT, 1);
}

void arch_invalidate(const struct gw_range *range)
{
	__asm__ volatile("ptesync" : : : "memory");
	if (range->bytes > TLBIE_BYTES)
		TLBIE(IS_PID << IS_SHIFT, 2);
	else
		forget(range);
	__asm__ volatile("eieio; tlbsync; ptesync" : : : "memory");
}

/* MSR, section 3.2.1, as numbers. */
#define MSR_SF (1ull << 63) /* 64-bit */
#define MSR_PR (1ull << 14) /* problem state */
#define MSR_ME (1ull << 12)
#define MSR_IR_DR (3ull << 4)
#define MSR_RI (1ull << 1)
#define MSR_LE (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 1ull : 0)
#define MSR_TRANSLATED (MSR_SF | MSR_ME | MSR_IR_DR | MSR_RI | MSR_LE)

enum { PROC_TBL_NEW = 3 << 3, PROC_TBL_RADIX = 1 << 2, PROC_TBL_TLBIE = 1 };

/* Process table entries, section 5.7.6.2: RTS, in bits 1, 2, 56 to 58, is 52 - 31 = 0b10101; RPDS
 * the root's size. */
#define PRTE_52_BITS (2ull << 61 | 5ull << 5)

void arch_enable(uint64_t root)
{
	static uint64_t process_table[512] __attribute__((aligned(4096)));
	int64_t err;

	process_table[2 * PID] =
		gw_fmt_swap(root | PRTE_52_BITS | gw_fmt_index_bits(GW_LEVELS - 1));
	__asm__ volatile("ptesync" : : : "memory");
	err = hcall(H_REGISTER_PROC_TBL, PROC_TBL_NEW | PROC_TBL_RADIX | PROC_TBL_TLBIE,
		    (uintptr_t)process_table, 0, 0);
	if (err)
		conformance_broke("H_REGISTER_PROC_TBL", (uint64_t)-err, 0, 0);
	__asm__ volatile("mtspr 48, %0; isync" : : "r"((uint64_t)PID));
	arch_invalidate(&(struct gw_range){.bytes = UINT64_MAX});
	__asm__ volatile("mtmsrd %0; isync" : : "r"(MSR_TRANSLATED) : "memory");
}

/* ---- Probes ---- */

/* Section 6.5. */
enum { DATA_STORAGE = 0x300, DATA_SEGMENT = 0x380, CODE_STORAGE = 0x400, CODE_SEGMENT = 0x480 };
enum { SYSTEM_CALL = 0xc00 };
/* DSISR, and SRR1 of code, sections 6.5.3 and 6.5.5: bit 33, no translation; bit 35, no execution,
 * or guarded; bit 36, not permitted; bit 38, a store. */
enum { NO_TRANSLATION = 1 << 30, NO_EXEC = 1 << 28, NO_RIGHT = 1 << 27, STORE = 1 << 25 };
enum { CAUSES = NO_TRANSLATION | NO_EXEC | NO_RIGHT };

/* As start.S has them. */
struct ppc_run {
	uint64_t pc, msr, va, value;
};
struct ppc_trap {
	uint64_t vector, srr0, srr1, dar, dsisr, r3;
};

void ppc_run(const struct ppc_run *run);
_Noreturn void ppc_lost(void);
extern char ppc_probe_read[], ppc_probe_write[], ppc_probe_exec[];
struct ppc_trap ppc_trap;
uint64_t ppc_resume; /* the stack of the probe that is under way, or 0 */

void ppc_lost(void)
{
	conformance_broke("trap", ppc_trap.vector, ppc_trap.srr0, ppc_trap.dar);
}

static uint64_t code_for(enum access access, bool user)
{
	const char *const code[] = {ppc_probe_read, ppc_probe_write, ppc_probe_exec};

	return (uintptr_t)code[access] + (user ? PROBE_PAGE - (uintptr_t)ppc_probe_page : 0);
}

static void storage_fault(struct probe *p, uint64_t va, uint64_t why, enum access access)
{
	uint64_t cause = why & CAUSES;

	p->fault = cause == NO_TRANSLATION          ? FAULT_ABSENT
		   : cause == NO_RIGHT              ? FAULT_RIGHTS
		   : access == ACCESS_EXEC && cause ? FAULT_RIGHTS
						    : FAULT_OTHER;
	p->fault_va = va;
	p->fault_access = access;
	p->fault_user = ppc_trap.srr1 & MSR_PR;
	p->detail = why;
}

void arch_probe(struct probe *p)
{
	const struct ppc_run run = {
		.pc = code_for(p->access, p->user),
		.msr = MSR_TRANSLATED | (p->user ? MSR_PR : 0),
		.va = p->va,
		.value = p->value,
	};

	ppc_run(&run);
	__asm__ volatile("" : : : "memory");
	switch (ppc_trap.vector) {
	case SYSTEM_CALL:
		p->fault = FAULT_NONE;
		p->value = p->access == ACCESS_WRITE ? p->value : ppc_trap.r3;
		break;
	case DATA_STORAGE:
		storage_fault(p, ppc_trap.dar, ppc_trap.dsisr,
			      ppc_trap.dsisr & STORE ? ACCESS_WRITE : ACCESS_READ);
		break;
	case CODE_STORAGE:
		storage_fault(p, ppc_trap.srr0, ppc_trap.srr1, ACCESS_EXEC);
		break;
	case DATA_SEGMENT:
	case CODE_SEGMENT:
		p->fault = FAULT_OUTSIDE;
		break;
	default: /* the wrong code was called, say */
		p->fault = FAULT_OTHER;
		p->detail = ppc_trap.vector;
	}
}
