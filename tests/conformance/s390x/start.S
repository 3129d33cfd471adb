/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * s390x: from QEMU's start, in 64-bit mode with translation off, to C; probes, and the
 * interruptions that end them. */

/* The ABI's: what a function may write above its stack pointer. */
#define FRAME 160
#define SAVED 48     /* its place for r6 to r15 */
#define PROBED 0x200 /* in the first page, where nothing is assigned: r2 of a probe */

	.text
	.globl start
start:
	larl %r15, stack_top - FRAME
	brasl %r14, s390_setup
	brasl %r14, conformance
	j .

/* bool s390_run(const struct s390_run *run): goes to the probe's code with the status in run->psw;
 * the interruption that ends it comes back here. Whether it was the supervisor call. */
	.balign 8
	.globl s390_run
s390_run:
	stmg %r6, %r15, SAVED(%r15)
	stgrl %r15, resume
	lmg %r3, %r4, 16(%r2)
	lpswe 0(%r2)

	.balign 8
	.globl s390_called, s390_interrupted
s390_called:
	stg %r2, PROBED(%r0)
	lghi %r2, 1
	j 1f
s390_interrupted:
	lghi %r2, 0
1:	lgrl %r15, resume
	lmg %r6, %r15, SAVED(%r15)
	br %r14

/* All that runs with translation on, in a page of its own. r3: the address, r4: the value to write;
 * code that is called returns to r14. */
	.balign 4096
	.globl s390_probe_read, s390_probe_write, s390_probe_exec, s390_probe_page
s390_probe_page:
s390_probe_read:
	lg %r2, 0(%r3)
	svc 0
	.balign 8
s390_probe_write:
	stg %r4, 0(%r3)
	svc 0
	.balign 8
s390_probe_exec:
	larl %r14, 1f
	br %r3
1:	svc 0
	.balign 4096

	.bss
	.balign 16
resume:
	.skip 16
	.skip 65536
stack_top:

	.section .note.GNU-stack, "", @progbits
