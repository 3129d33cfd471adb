/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Words and numbers on the console. */
#include "say.h"
#include "conformance.h"

void say(const char *text)
{
	for (; *text; text++)
		arch_putc(*text);
}

static void digits(uint64_t n, unsigned base)
{
	char text[21], *at = text + sizeof(text) - 1;

	*at = 0;
	do {
		*--at = "0123456789abcdef"[n % base];
		n /= base;
	} while (n);
	say(at);
}

void say_dec(uint64_t n)
{
	digits(n, 10);
}

void say_hex(uint64_t n)
{
	say("0x");
	digits(n, 16);
}

void say_field(const char *name, uint64_t n)
{
	say(" ");
	say(name);
	say("=");
	say_hex(n);
}
