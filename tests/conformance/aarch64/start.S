/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * AArch64: from the entry, at EL1 or EL2 with translation off, to EL1 with it on; probes, and the
 * exceptions that end them. Registers are those of the Arm Architecture Reference Manual for
 * A-profile (DDI 0487), "AArch64 System Register Descriptions". */

#define EL2 (2 << 2)
#define HCR_RW (1 << 31)
#define SPSR_EL1H_MASKED 0x3c5
/* Attribute 0: normal memory, write-back; 1: device, nGnRE. */
#define MAIR 0x04ff
/* 52 bits in granules of 64 KiB, walks write-back and inner shareable, nothing in the upper half,
 * physical addresses of 52 bits. */
#define TCR_BOOT (12 | 1 << 8 | 1 << 10 | 3 << 12 | 1 << 14 | 1 << 23 | 6 << 32)
/* Bits that are one, of which SPAN leaves PSTATE.PAN alone; the stack's alignment; I, C, M. */
#define SCTLR (0x30d00800 | 1 << 12 | 3 << 3 | 1 << 2 | 1)
/* Blocks: the access flag; inner shareable; EL0 kept out; attribute 0, or 1 and no code. */
#define BOOT_NORMAL (1 << 10 | 3 << 8 | 1)
#define BOOT_DEVICE (3 << 53 | 1 << 10 | 1 << 2 | 1)

	.text
	.globl start
start:
	mrs x0, CurrentEL
	cmp x0, #EL2
	b.ne start_el1
	mov x0, #HCR_RW
	msr hcr_el2, x0
	mov x0, #SPSR_EL1H_MASKED
	msr spsr_el2, x0
	adr x0, start_el1
	msr elr_el2, x0
	eret

start_el1:
	msr spsel, #1
	adrp x0, stack_top
	mov sp, x0
	adr x0, vectors
	msr vbar_el1, x0
	ldr x0, =MAIR
	msr mair_el1, x0
	ldr x0, =TCR_BOOT
	msr tcr_el1, x0
	adrp x0, boot_table
	msr ttbr0_el1, x0
	ic iallu
	tlbi vmalle1
	dsb nsh
	isb
	ldr x0, =SCTLR
	msr sctlr_el1, x0
	isb
	bl conformance
1:	b 1b

/* void a64_run(const struct a64_run *run): goes to the probe's code at the exception level that
 * run->spsr says; the exception that ends it comes back to trapped, on this stack. */
	.globl a64_run
a64_run:
	stp x29, x30, [sp, #-96]!
	stp x19, x20, [sp, #16]
	stp x21, x22, [sp, #32]
	stp x23, x24, [sp, #48]
	stp x25, x26, [sp, #64]
	stp x27, x28, [sp, #80]
	ldp x2, x3, [x0]
	msr elr_el1, x2
	msr spsr_el1, x3
	ldp x0, x1, [x0, #16]
	eret

/* Every exception: its vector in x10, and what the probe had in x0. */
trapped:
	adrp x9, a64_trap
	add x9, x9, :lo12:a64_trap
	stp x10, x0, [x9]
	mrs x10, esr_el1
	mrs x11, far_el1
	stp x10, x11, [x9, #16]
	mrs x10, elr_el1
	str x10, [x9, #32]
	ldp x19, x20, [sp, #16]
	ldp x21, x22, [sp, #32]
	ldp x23, x24, [sp, #48]
	ldp x25, x26, [sp, #64]
	ldp x27, x28, [sp, #80]
	ldp x29, x30, [sp], #96
	ret

/* "Exception vectors": 16 entries of 128 bytes. An exception of the program's own loses its
 * registers, and arch_probe's caller never sees it: a64_broke ends the run. */
	.balign 2048
vectors:
	.set vector, 0
	.rept 16
	.balign 128
	mov x10, #vector
	adrp x9, a64_probing
	ldr w9, [x9, :lo12:a64_probing]
	cbnz w9, trapped
	mov x0, x10
	b a64_broke
	.set vector, vector + 1
	.endr

/* A page of its own, of any granule, which unprivileged code finds mapped elsewhere too. x0: the
 * address, x1: the value to write; code that is called returns to x2. */
	.balign 65536
	.globl a64_probe_page, a64_probe_read, a64_probe_write, a64_probe_exec
a64_probe_page:
a64_probe_read:
	ldr x0, [x0]
	svc #0
a64_probe_write:
	str x1, [x0]
	svc #0
a64_probe_exec:
	adr x2, 1f
	br x0
1:	svc #0
	.balign 65536

/* Until arch_enable: the devices in the first GiB, 2 GiB of RAM, and 4 TiB around A64_HIGH_RAM, at
 * their own addresses. */
	.data
	.balign 65536
boot_low:
	.quad BOOT_DEVICE, BOOT_DEVICE + (1 << 29)
	.quad BOOT_NORMAL + (2 << 29), BOOT_NORMAL + (3 << 29)
	.quad BOOT_NORMAL + (4 << 29), BOOT_NORMAL + (5 << 29)
	.fill 8186, 8, 0
boot_table:
	.quad boot_low + 3
#if A64_HIGH_RAM
	.org boot_table + 8 * (A64_HIGH_RAM >> 42)
	.quad BOOT_NORMAL + ((A64_HIGH_RAM >> 42 << 42) & 0xffffffffffff) + (A64_HIGH_RAM >> 48 << 12)
#endif
	.org boot_table + 8 * 1024

	.bss
	.balign 4096
	.skip 65536
stack_top:

	.section .note.GNU-stack, "", @progbits
