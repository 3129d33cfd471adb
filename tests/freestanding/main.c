/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * A program without a C library: each format's page tables on memory of its own. Exits with 0 when
 * all is well. */
#include "formats.h"
#include <gracewalk/bare.h>
#include <gracewalk/gracewalk.h>

enum { MEMORY = 16 << 20, FAILED_INIT = 20, FAILED_FIND = 21, FORMAT_STEP = 16 };

#define DECLARE(format) int gw_##format##_exercise(struct gw_bare *bare);
#define ADDRESS(format) gw_##format##_exercise,

GW_FORMATS(DECLARE)
int program(void);

static _Alignas(4096) char memory[MEMORY];
static struct gw_bare bare;

static unsigned the_only_cpu(void *ctx)
{
	(void)ctx;
	return 0;
}

/* Return: 0, or the format that failed, in steps of FORMAT_STEP, plus what of it did. */
int program(void)
{
	static int (*const exercise[])(struct gw_bare * bare) = {GW_FORMATS(ADDRESS)};
	const int formats = sizeof(exercise) / sizeof(exercise[0]);
	const struct gw_bare_opts opts = {
		.memory = memory,
		.memory_bytes = MEMORY,
		.cpus = 1,
		.cpu = the_only_cpu,
	};

	if (gw_bare_init(&bare, &opts))
		return FAILED_INIT;
	for (int i = 0; i < formats; i++) {
		const struct gw_format *format = gw_format_at((unsigned)i);
		int err = exercise[i](&bare);

		if (err)
			return (i + 1) * FORMAT_STEP + err;
		if (!format || gw_format_find(format->name) != format)
			return FAILED_FIND;
	}
	return gw_format_at((unsigned)formats) || gw_format_find("x86") ? FAILED_FIND : 0;
}

#if defined(__x86_64__) && defined(__linux__)
/* The kernel's calling convention: a stack aligned to 16 bytes, system call 60 is exit. */
__asm__(".globl _start\n"
	"_start:\n"
	"	xorl %ebp, %ebp\n"
	"	andq $-16, %rsp\n"
	"	call program\n"
	"	movl %eax, %edi\n"
	"	movl $60, %eax\n"
	"	syscall\n");
#else
void _start(void);

/* System call 93 or 1 is exit. The stack is aligned as the ABI wants it, and what a callee keeps in
 * its caller's frame falls on argc and argv, which nobody reads. */
static void leave(long status)
{
#if defined(__aarch64__)
	register long number __asm__("x8") = 93, first __asm__("x0") = status;

	__asm__ volatile("svc 0" : : "r"(number), "r"(first) : "memory");
#elif defined(__riscv)
	register long number __asm__("a7") = 93, first __asm__("a0") = status;

	__asm__ volatile("ecall" : : "r"(number), "r"(first) : "memory");
#elif defined(__s390x__)
	register long first __asm__("r2") = status;

	__asm__ volatile("svc 1" : : "r"(first) : "memory");
#elif defined(__powerpc64__)
	register long number __asm__("r0") = 1, first __asm__("r3") = status;

	__asm__ volatile("sc" : "+r"(number), "+r"(first) : : "memory");
#else
	(void)status; /* only linked, to see that nothing is missing */
#endif
}

void _start(void)
{
	for (;;)
		leave(program());
}
#endif
