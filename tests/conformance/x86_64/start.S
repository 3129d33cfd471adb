/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * x86-64: from the PVH entry to long mode; probes, and the traps that end them. */

/* The boot protocol: xen/include/public/arch-x86/hvm/start_info.h; the note "Xen" of type 18 holds
 * the entry, where the processor arrives in 32-bit protected mode, paging off. */
	.section .note.pvh, "a", @note
	.long 4, 4, 18
	.asciz "Xen"
	.long start32

#define CR4_PAE (1 << 5)
#define CR4_PGE (1 << 7)
#define CR4_LA57 (1 << 12)
#define CR4_SMEP (1 << 20)
#define CR4_SMAP (1 << 21)
#define CR0_PG_WP_PE (1 << 31 | 1 << 16 | 1)
#define MSR_EFER 0xc0000080
#define EFER_NXE_LME (1 << 11 | 1 << 8)

#define KERNEL_CODE 0x08
#define TSS 0x28

	.text
	.code32
	.globl start32
start32:
	cld
	lgdt gdt_pointer
	mov $(CR4_PAE | CR4_PGE | CR4_SMEP | CR4_SMAP | X86_LA57 * CR4_LA57), %eax
	mov %eax, %cr4
#if X86_LA57
	mov $boot_pml5, %eax
#else
	mov $boot_pml4, %eax
#endif
	mov %eax, %cr3
	mov $MSR_EFER, %ecx
	mov $EFER_NXE_LME, %eax
	xor %edx, %edx
	wrmsr
	mov $CR0_PG_WP_PE, %eax
	mov %eax, %cr0
	ljmp $KERNEL_CODE, $start64

	.code64
start64:
	xor %eax, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	lea stack_top(%rip), %rsp
	call x86_setup
	mov $TSS, %eax
	ltr %ax
	lidt idt_pointer(%rip)
	call conformance
	ud2

/* void x86_run(const struct x86_run *run): goes to the probe's code with iretq, at the privilege
 * that run->cs says; the trap that ends it comes back to x86_trapped. */
	.globl x86_run
x86_run:
	push %rbx
	push %rbp
	push %r12
	push %r13
	push %r14
	push %r15
	mov %rsp, x86_resume(%rip)
	push 16(%rdi)
	lea trap_stack_top(%rip), %rax
	push %rax
	push $2
	push 8(%rdi)
	push 0(%rdi)
	mov 32(%rdi), %rsi
	mov 24(%rdi), %rdi
	iretq

/* Every trap: which, its error code (0 where there is none), what the probe had in rax, where. */
trapped:
	mov %rax, x86_trap+16(%rip)
	pop %rax
	mov %rax, x86_trap(%rip)
	pop %rax
	mov %rax, x86_trap+8(%rip)
	pop %rax
	mov %rax, x86_trap+24(%rip)
	mov x86_resume(%rip), %rsp
	test %rsp, %rsp
	jz unexpected
	movq $0, x86_resume(%rip)
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbp
	pop %rbx
	ret

unexpected:
	lea trap_stack_top(%rip), %rsp
	call x86_unexpected

/* 33 entries of 16 bytes: exceptions, and the call that ends a probe which went well. Some
 * exceptions come with an error code (SDM volume 3A, table 6-1). */
	.balign 16
	.globl x86_vectors
x86_vectors:
	.set vector, 0
	.rept 33
	.balign 16
	.if vector != 8 && (vector < 10 || vector > 14) && vector != 17 && vector != 21
	push $0
	.endif
	push $vector
	jmp trapped
	.set vector, vector + 1
	.endr

/* A page of its own, which unprivileged code finds mapped elsewhere too. rdi: the address, rsi: the
 * value to write; code that is called returns to rdx. */
	.balign 4096
	.globl x86_probe_read, x86_probe_write, x86_probe_exec, x86_probe_page
x86_probe_page:
x86_probe_read:
	mov (%rdi), %rax
	int $0x80
x86_probe_write:
	mov %rsi, (%rdi)
	int $0x80
x86_probe_exec:
	lea 1f(%rip), %rdx
	jmp *%rdi
1:	int $0x80
	.balign 4096

	.data
	.balign 16
	.globl x86_gdt
x86_gdt:
	.quad 0
	.quad 0x00af9b000000ffff /* 0x08: code, 64-bit */
	.quad 0x00cf93000000ffff /* 0x10: data */
	.quad 0x00cff3000000ffff /* 0x18: data, user */
	.quad 0x00affb000000ffff /* 0x20: code, 64-bit, user */
	.quad 0, 0               /* 0x28: task state, by x86_setup */
gdt_end:
gdt_pointer:
	.word gdt_end - x86_gdt - 1
	.quad x86_gdt
idt_pointer:
	.word 129 * 16 - 1
	.quad x86_idt

/* Until arch_enable: the first 4 GiB at their own addresses, by leaves of 1 GiB. */
	.balign 4096
boot_pml5:
	.quad boot_pml4 + 7
	.fill 511, 8, 0
boot_pml4:
	.quad boot_pdpt + 7
	.fill 511, 8, 0
boot_pdpt:
	.quad 0x00000083, 0x40000083, 0x80000083, 0xc0000083
	.fill 508, 8, 0

	.bss
	.balign 16
	.skip 65536
stack_top:
	.skip 4096
	.globl trap_stack_top
trap_stack_top:

	.section .note.GNU-stack, "", @progbits
