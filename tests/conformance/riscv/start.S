/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * RISC-V: from machine mode to supervisor mode; probes, and the traps that end them. */

#define MSTATUS_MPP_S (1 << 11)
#define MSTATUS_FS_INITIAL (1 << 13)
#define MSTATUS_SUM_LG2 18 /* and MXR above it */
#define SSTATUS_SPP (1 << 8)
#define PMP_NAPOT_RWX 0x1f
#define CSR_MENVCFG 0x30a
#define MENVCFG_PBMTE (1 << 62)
#define MENVCFG_ADUE (1 << 61) /* A and D by hardware; QEMU 7.2 does so without being asked */
#define FINISHER 0x100000
#define WORD 0x90000000 /* as in arch.c: the seed */

/* QEMU's -bios none starts here, at the beginning of RAM, in machine mode. Everything that can be
 * delegated is: machine mode is not entered again. Its registers would be no help to the test,
 * since QEMU forgets all translations when mstatus.MPP, SUM or MXR changes. */
	.section .text.start, "ax", @progbits
	.globl start
start:
	la t0, machine_trapped
	csrw mtvec, t0
	li t0, -1
	csrw pmpaddr0, t0
	csrw medeleg, t0
	li t0, MENVCFG_PBMTE | MENVCFG_ADUE
	csrw CSR_MENVCFG, t0
	li t0, PMP_NAPOT_RWX
	csrw pmpcfg0, t0
	la t0, trapped
	csrw stvec, t0
	la t0, supervisor
	csrw mepc, t0

	/* MPP: to S. FS: floating point is there. SUM and MXR: bits 0 and 1 of the seed. */
	li t0, WORD
	ld t0, 0(t0)
	andi t0, t0, 3
	slli t0, t0, MSTATUS_SUM_LG2
	li t1, MSTATUS_MPP_S | MSTATUS_FS_INITIAL
	or t0, t0, t1
	csrw mstatus, t0
	mret

supervisor:
	la sp, stack_top
	call conformance
	unimp

/* Ends the run with 3: nothing can be said from here. */
	.balign 4
machine_trapped:
	li t0, FINISHER
	li t1, 3 << 16 | 0x3333
	sw t1, 0(t0)
	j machine_trapped

/* void riscv_run(const struct riscv_run *run): goes to the probe's code with sret, at the privilege
 * that run->privilege says; the trap that ends it comes back to `trapped`. */
	.macro callee_saved what
	\what ra, 0(sp)
	.set offset, 8
	.irp register, s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11
	\what \register, offset(sp)
	.set offset, offset + 8
	.endr
	.endm

	.text
	.globl riscv_run
riscv_run:
	addi sp, sp, -112
	callee_saved sd
	la t0, riscv_resume
	sd sp, 0(t0)
	ld t0, 0(a0)
	csrw sepc, t0
	li t0, SSTATUS_SPP
	csrc sstatus, t0
	ld t0, 8(a0)
	csrs sstatus, t0
	ld a1, 24(a0)
	ld a0, 16(a0)
	sret

/* Every trap. One that no probe caused finds nothing to resume. */
	.balign 4
trapped:
	la t0, riscv_trap
	csrr t1, scause
	sd t1, 0(t0)
	csrr t1, stval
	sd t1, 8(t0)
	csrr t1, sepc
	sd t1, 16(t0)
	csrr t1, sstatus
	sd t1, 24(t0)
	sd a0, 32(t0)
	la t0, riscv_resume
	ld t1, 0(t0)
	beqz t1, broken
	sd zero, 0(t0)
	mv sp, t1
	callee_saved ld
	addi sp, sp, 112
	ret
broken:
	la sp, trap_stack_top
	call riscv_broke

/* A page of its own, which unprivileged code finds mapped elsewhere too. a0: the address, a1: the
 * value to write; code that is called returns to t0. */
	.balign 4096
	.globl riscv_probe_read, riscv_probe_write, riscv_probe_exec, riscv_probe_page
riscv_probe_page:
riscv_probe_read:
	ld a0, 0(a0)
	ebreak
riscv_probe_write:
	sd a1, 0(a0)
	ebreak
riscv_probe_exec:
	lla t0, 1f
	jr a0
1:	ebreak
	.balign 4096

	.bss
	.balign 16
	.skip 65536
stack_top:
	.skip 4096
trap_stack_top:

	.section .note.GNU-stack, "", @progbits
