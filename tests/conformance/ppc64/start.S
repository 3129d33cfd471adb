/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * powerpc64: from reset on; probes, and the interrupts that end them. Interrupts turn translation
 * off, and come where the Power ISA, Book III, section 6.5, "Interrupt Definitions" says. */

#define DAR 19
#define DSISR 18
#define DEC 22
#define SRR0 26
#define SRR1 27
#define AMR 29
#define IAMR 61
#define SPRG0 272

#define H_SET_MODE 0x31c
#define MODE_INTERRUPTS 4
#define LITTLE_ENDIAN 1

#define FRAME 208 /* room for 18 registers, and MSR, above the linkage area */
#define SAVED 32
#define SAVED_MSR (SAVED + 18 * 8)

/* An address, where r2 cannot be relied on: the image lies below 2 GiB. */
	.macro address register, symbol
	lis \register, \symbol@h
	ori \register, \register, \symbol@l
	.endm

/* r14 to r31 */
	.macro every instruction
	.set n, 14
	.rept 18
	\instruction n, SAVED + (n - 14) * 8(1)
	.set n, n + 1
	.endr
	.endm

	.macro vector at
	.org \at - 0x100
	mtspr SPRG0, 3
	li 3, \at
	b trapped
	.endm

/* Big-endian, whatever the compiler makes. */
	.macro big instruction
	.byte (\instruction) >> 24, (\instruction) >> 16 & 0xff
	.byte (\instruction) >> 8 & 0xff, (\instruction) & 0xff
	.endm

	.section .vectors, "ax"
	.globl ppc_reset
ppc_reset:
#ifdef __LITTLE_ENDIAN__
	big 0x7c6000a6 /* mfmsr 3 */
	big 0x60630001 /* ori 3, 3, 1 */
	big 0x7c7b03a6 /* mtsrr1 3 */
	big 0x38600140 /* li 3, 0x140 */
	big 0x7c7a03a6 /* mtsrr0 3 */
	big 0x4c000024 /* rfid */
	.org 0x140 - 0x100
#endif
	b start

	.irp at, 0x200, 0x300, 0x380, 0x400, 0x480, 0x500, 0x600, 0x700, 0x800
	vector \at
	.endr

/* Problem state has external interrupts on, and so the decrementer's: it starts over. */
	.org 0x900 - 0x100
	mtspr SPRG0, 3
	lis 3, 0x7fff
	mtspr DEC, 3
	mfspr 3, SPRG0
	rfid

	.irp at, 0xa00, 0xb00, 0xc00, 0xd00, 0xe00, 0xf00, 0xf20, 0xf40, 0xf60, 0xf80
	vector \at
	.endr
	.org 0x1000 - 0x100

	.text
start:
	mfmsr 3
	li 4, 1
	rldimi 3, 4, 63, 0 /* SF: QEMU starts in 32-bit mode */
	mtmsrd 3
	isync
	address 3, ppc_bss
	address 4, ppc_bss_end
	li 5, 0
1:	std 5, 0(3)
	addi 3, 3, 8
	cmpld 3, 4
	blt 1b
	address 1, stack_top - 32
	std 5, 0(1)
	address 2, .TOC.
	mtspr AMR, 5
	mtspr IAMR, 5
	lis 3, 0x7fff
	mtspr DEC, 3
#ifdef __LITTLE_ENDIAN__
	li 3, H_SET_MODE
	li 4, LITTLE_ENDIAN
	li 5, MODE_INTERRUPTS
	li 6, 0
	li 7, 0
	sc 1
#endif
	bl conformance
	trap

/* void ppc_run(const struct ppc_run *run): goes to the probe's code with rfid, in the state that
 * run->msr says; the interrupt that ends it comes back by `trapped`. */
	.globl ppc_run
ppc_run:
	mflr 0
	std 0, 16(1)
	mfcr 0
	std 0, 8(1)
	stdu 1, -FRAME(1)
	every std
	mfmsr 0
	std 0, SAVED_MSR(1)
	address 5, ppc_resume
	std 1, 0(5)
	ld 0, 0(3)
	mtspr SRR0, 0
	ld 0, 8(3)
	mtspr SRR1, 0
	ld 4, 24(3)
	ld 3, 16(3)
	rfid

/* r3: the vector; SPRG0: what was in r3. Returns from ppc_run, if that was where it came from. */
trapped:
	address 4, ppc_trap
	std 3, 0(4)
	mfspr 3, SRR0
	std 3, 8(4)
	mfspr 3, SRR1
	std 3, 16(4)
	mfspr 3, DAR
	std 3, 24(4)
	mfspr 3, DSISR
	std 3, 32(4)
	mfspr 3, SPRG0
	std 3, 40(4)
	address 2, .TOC.
	address 4, ppc_resume
	ld 1, 0(4)
	li 3, 0
	std 3, 0(4)
	cmpdi 1, 0
	beq 1f
	ld 0, SAVED_MSR(1)
	mtspr SRR1, 0
	every ld
	addi 1, 1, FRAME
	ld 0, 8(1)
	mtcr 0
	ld 0, 16(1)
	mtlr 0
	mtspr SRR0, 0
	rfid
1:	address 1, trap_stack_top - 32
	bl ppc_lost
	trap

/* Pages of their own, which problem state finds mapped elsewhere too. r3: the address, r4: the
 * value to write. */
	.balign 65536
	.globl ppc_probe_read, ppc_probe_write, ppc_probe_exec, ppc_probe_page
ppc_probe_page:
ppc_probe_read:
	ld 3, 0(3)
	sc
ppc_probe_write:
	std 4, 0(3)
	sc
ppc_probe_exec:
	mtctr 3
	bctrl
	sc
	.balign 65536

	.bss
	.balign 16
	.skip 65536
stack_top:
	.skip 4096
trap_stack_top:

	.section .note.GNU-stack, "", @progbits
