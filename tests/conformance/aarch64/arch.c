/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * AArch64: what the common program wants of it. Sections and registers are those of the Arm
 * Architecture Reference Manual for A-profile (DDI 0487), chapter D8 and "AArch64 System Register
 * Descriptions"; as in the formats, with numbers only where issues agree on them.
 *
 * A64_RECORDS: whether the MMU is told to set the access flag and the dirty state.
 * A64_HIGH_RAM: 2 GiB of RAM above 48 bits, for the library's memory and for data; 0: none. */
#include "../conformance.h"

/* QEMU's virt has RAM from 1 GiB on, and -m has to cover the data. */
enum { UART = 0x9000000, WORD = 0x4f000000, TLBI_MAX = 64, TLBI_LG2 = 12 };
#define GIB (1ull << 30)
#define PROBE_PAGE 0x100000000ull /* of unprivileged code */
#define HALF (1ull << (GW_VA_BITS - 1))
/* Between the areas: as large as the largest leaf, so that none of those meets what is fixed. */
#define HOLE (A64_HIGH_RAM ? A64_HIGH_RAM >> 42 << 42 : HALF)
#define HOLE_BYTES (A64_HIGH_RAM ? 1ull << 42 : 0)
#define WIDE (GW_VA_BITS > 48)
#define TOUCHED (GW_ACCESSED | GW_DIRTY)

extern char a64_probe_page[];

/* The second fixed range is devices, among them the UART. Whether a page is global makes no
 * difference with one ASID. */
const struct arch arch = {
	.memory = A64_HIGH_RAM ? A64_HIGH_RAM : 0x50000000,
	.memory_bytes = 0x10000000,
	.data = A64_HIGH_RAM ? A64_HIGH_RAM + GIB : 2 * GIB,
	.data_bytes = GIB,
	.fixed = {{GIB, 2 * GIB, GIB, GW_READ | GW_WRITE | GW_EXEC | TOUCHED},
		  {0, GIB, 0, GW_READ | GW_WRITE | GW_UNCACHED | TOUCHED},
		  {PROBE_PAGE, 1 << GW_PAGE_LG2, (uintptr_t)a64_probe_page,
		   GW_READ | GW_EXEC | GW_USER | GW_ACCESSED},
		  {A64_HIGH_RAM, 2 * GIB, A64_HIGH_RAM, GW_READ | GW_WRITE | GW_EXEC | TOUCHED}},
	.fixed_n = A64_HIGH_RAM ? 4 : 3,
	.areas = {{PROBE_PAGE + GIB, HOLE - 1}, {HOLE + HOLE_BYTES, 2 * HALF - 1}},
	.areas_n = 2,
	.attrs_always = GW_READ,
	.attrs_try = GW_FMT_ATTRS,
	.records = A64_RECORDS,
	.no_rights = FAULT_RIGHTS,
	.outside = FAULT_ABSENT, /* section D8.2: a translation fault, of level 0 */
};

/* Section D8.4, with PSTATE.PAN clear: EL1 may read and write what is EL0's, and never execute it;
 * EL0 may nothing without AP[1]. A device page is executed by QEMU, which the manual leaves open.
 * Where the MMU does not record, an access that would have to be recorded faults. */
bool arch_allows(uint32_t attr, enum access access, bool user)
{
	if ((user && !(attr & GW_USER)) || (!A64_RECORDS && !(attr & GW_ACCESSED)))
		return false;
	switch (access) {
	case ACCESS_READ:
		return attr & GW_READ;
	case ACCESS_WRITE:
		return attr & GW_WRITE && (A64_RECORDS || attr & GW_DIRTY);
	default:
		return attr & GW_EXEC && !!(attr & GW_USER) == user;
	}
}

/* ---- The machine ---- */

/* PL011: the data register; bit 5 of the flags: no room. */
void arch_putc(char c)
{
	volatile uint32_t *uart = (void *)(uintptr_t)UART;

	while (uart[0x18 / 4] & 1 << 5)
		;
	uart[0] = (uint8_t)c;
}

/* Semihosting: SYS_EXIT, reason ADP_Stopped_ApplicationExit. */
void arch_exit(int status)
{
	const uint64_t block[2] = {0x20026, (uint64_t)status};
	register uint64_t call __asm__("x0") = 0x18;
	register const uint64_t *argument __asm__("x1") = block;

	for (;;)
		__asm__ volatile("hlt #0xf000" : "+r"(call) : "r"(argument) : "memory");
}

uint64_t arch_word(void)
{
	return *(volatile uint64_t *)WORD;
}

/* The walk sees the entries; and what was fetched ahead is forgotten. */
void arch_mapped(void)
{
	__asm__ volatile("dsb ishst; isb" : : : "memory");
}

/* Instructions come through a cache of their own: "Implication of caches for the application
 * programmer". */
void arch_code(void *at, uint32_t value)
{
	volatile uint32_t *code = at;

	code[0] = 0x52800000 | (value & 0xffff) << 5; /* movz w0, #low */
	code[1] = 0x72a00000 | (value >> 16) << 5;    /* movk w0, #high, lsl #16 */
	code[2] = 0xd61f0040;                         /* br x2 */
	__asm__ volatile("dc cvau, %0; dsb ish; ic iallu; dsb ish; isb" : : "r"(at) : "memory");
}

/* ---- Translation ---- */

/* TCR_EL1: the lower half, none of the upper (EPD1); walks are write-back and inner shareable; as
 * many bits of physical address as of virtual; HA and HD; DS. */
static uint64_t tcr(void)
{
	const uint64_t granule = GW_PAGE_LG2 == 12 ? 0 : GW_PAGE_LG2 == 14 ? 2 : 1;
	const uint64_t ips = WIDE ? 6 : 5, ha_hd = A64_RECORDS ? 3 : 0;

	return (64 - GW_VA_BITS) | 1 << 8 | 1 << 10 | 3 << 12 | granule << 14 | 1 << 23 |
	       ips << 32 | ha_hd << 39 | (uint64_t)A64_DS << 59;
}

/* Section D8.2, "Translation table base address register": bits 48 to 51 in bits 2 to 5. */
static uint64_t ttbr(uint64_t root)
{
	return (root & ((1ull << 48) - 1)) | root >> 48 << 2;
}

static void must_record(void)
{
	uint64_t features;

	__asm__("mrs %0, id_aa64mmfr1_el1" : "=r"(features));
	if (A64_RECORDS && (features & 15) < 2)
		conformance_broke("no FEAT_HAFDBS", features, 0, 0);
}

/* ID_AA64MMFR0_EL1 has FEAT_LPA2 by granule: TGran4 is 1, TGran16 is 2. FEAT_LVA and FEAT_LPA are
 * there: start.S has used them. */
static void must_be_wide(void)
{
	uint64_t features;

	__asm__("mrs %0, id_aa64mmfr0_el1" : "=r"(features));
	if (A64_DS && (GW_PAGE_LG2 == 12 ? (features >> 28 & 15) != 1 : (features >> 20 & 15) != 2))
		conformance_broke("no FEAT_LPA2", features, 0, 0);
}

/* The granule must not change under translation: it is off in between, and nothing is read or
 * written there. */
void arch_enable(uint64_t root)
{
	uint64_t on, off;

	must_record();
	must_be_wide();
	__asm__ volatile("mrs %0, sctlr_el1" : "=r"(on));
	off = on & ~1ull;
	__asm__ volatile("dsb sy; msr sctlr_el1, %0; isb;"
			 "msr tcr_el1, %1; msr ttbr0_el1, %2; isb;"
			 "tlbi vmalle1; dsb nsh; isb;"
			 "msr sctlr_el1, %3; isb"
			 :
			 : "r"(off), "r"(tcr()), "r"(ttbr(root)), "r"(on)
			 : "memory");
}

/* "TLB maintenance instructions": by address for any ASID and every level of the walk, or
 * everything. The entries must have been written before, and all of it is over before anything is
 * read.
 *
 * One address a page would do. QEMU 7.2 goes on executing code that it has translated in a page
 * larger than 4 KiB, unless it is at the very 4 KiB that are named; so all of them are. */
void arch_invalidate(const struct gw_range *range)
{
	uint64_t n = range->bytes >> TLBI_LG2;

	__asm__ volatile("dsb ishst" : : : "memory");
	if (range->bytes >> GW_PAGE_LG2 > TLBI_MAX)
		__asm__ volatile("tlbi vmalle1is" : : : "memory");
	else
		for (uint64_t i = 0, va = range->va >> TLBI_LG2; i < n; i++)
			__asm__ volatile("tlbi vaae1is, %0" : : "r"(va + i) : "memory");
	__asm__ volatile("dsb ish; isb" : : : "memory");
}

/* ---- Probes ---- */

/* Vectors of synchronous exceptions; ESR_EL1.EC; fault status codes without their level. */
enum { VECTOR_EL1 = 4, VECTOR_EL0 = 8 };
enum { EC_SVC = 0x15, EC_FETCH_EL0 = 0x20, EC_FETCH = 0x21, EC_DATA_EL0 = 0x24, EC_DATA = 0x25 };
enum { FSC_TRANSLATION = 1, FSC_ACCESS_FLAG, FSC_PERMISSION, FSC_TRANSLATION_ROOT = 0x2b };
enum { SPSR_EL0T = 0x3c0, SPSR_EL1H = 0x3c5 }; /* interrupts off, PAN clear */

/* As start.S has them. */
struct a64_run {
	uint64_t elr, spsr, va, value;
};
struct a64_trap {
	uint64_t vector, x0, esr, far, elr;
};

void a64_run(const struct a64_run *run);
_Noreturn void a64_broke(uint64_t vector);
extern char a64_probe_read[], a64_probe_write[], a64_probe_exec[];
struct a64_trap a64_trap;
uint32_t a64_probing;

void a64_broke(uint64_t vector)
{
	uint64_t esr, far, elr;

	__asm__ volatile("mrs %0, esr_el1; mrs %1, far_el1; mrs %2, elr_el1"
			 : "=r"(esr), "=r"(far), "=r"(elr));
	conformance_broke(vector == VECTOR_EL1 ? "exception" : "interrupt", esr, far, elr);
}

static uint64_t code_for(enum access access, bool user)
{
	const char *const code[] = {a64_probe_read, a64_probe_write, a64_probe_exec};

	return (uintptr_t)code[access] + (user ? PROBE_PAGE - (uintptr_t)a64_probe_page : 0);
}

/* Level -1 has a status of its own. */
static enum fault fault_of(unsigned status)
{
	if (status == FSC_TRANSLATION_ROOT)
		return A64_LEVELS > 4 ? FAULT_ABSENT : FAULT_OTHER;
	switch (status >> 2) {
	case FSC_TRANSLATION:
		return FAULT_ABSENT;
	case FSC_ACCESS_FLAG:
		return A64_RECORDS ? FAULT_OTHER : FAULT_RIGHTS;
	case FSC_PERMISSION:
		return FAULT_RIGHTS;
	default:
		return FAULT_OTHER;
	}
}

/* ESR_EL1, for instruction and data aborts: the status in bits 0 to 5, write in bit 6. */
static void abort(struct probe *p, unsigned class, uint64_t esr)
{
	p->fault = fault_of(esr & 63);
	p->fault_va = a64_trap.far;
	p->fault_user = class == EC_FETCH_EL0 || class == EC_DATA_EL0;
	p->fault_access = ACCESS_EXEC;
	if (class == EC_DATA || class == EC_DATA_EL0)
		p->fault_access = esr & 1 << 6 ? ACCESS_WRITE : ACCESS_READ;
}

void arch_probe(struct probe *p)
{
	const struct a64_run run = {
		.elr = code_for(p->access, p->user),
		.spsr = p->user ? SPSR_EL0T : SPSR_EL1H,
		.va = p->va,
		.value = p->value,
	};
	unsigned class;

	*(volatile uint32_t *)&a64_probing = true;
	a64_run(&run);
	*(volatile uint32_t *)&a64_probing = false;
	__asm__ volatile("" : : : "memory");
	class = a64_trap.esr >> 26 & 63;
	p->detail = a64_trap.esr;
	if (a64_trap.vector != (p->user ? VECTOR_EL0 : VECTOR_EL1))
		conformance_broke("vector", a64_trap.vector, a64_trap.esr, a64_trap.elr);
	switch (class) {
	case EC_SVC:
		p->fault = FAULT_NONE;
		p->value = p->access == ACCESS_WRITE ? p->value : a64_trap.x0;
		break;
	case EC_FETCH_EL0:
	case EC_FETCH:
	case EC_DATA_EL0:
	case EC_DATA:
		abort(p, class, a64_trap.esr);
		break;
	default: /* the wrong code was called, say */
		p->fault = FAULT_OTHER;
	}
}
