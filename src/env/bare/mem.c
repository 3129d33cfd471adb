/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * What GCC and clang ask of every environment, also of a freestanding one: where C copies or clears
 * a structure, they may call these. GCC's manual, "Language Standards Supported by GCC". Weak:
 * whoever has better ones keeps them. */
#include <stddef.h>

#define WEAK __attribute__((weak))

WEAK void *memcpy(void *to, const void *from, size_t bytes);
WEAK void *memset(void *to, int with, size_t bytes);
WEAK void *memmove(void *to, const void *from, size_t bytes);
WEAK int memcmp(const void *a, const void *b, size_t bytes);

void *memcpy(void *to, const void *from, size_t bytes)
{
	return memmove(to, from, bytes);
}

void *memset(void *to, int with, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		((unsigned char *)to)[i] = (unsigned char)with;
	return to;
}

void *memmove(void *to, const void *from, size_t bytes)
{
	const unsigned char *in = from;
	unsigned char *out = to;

	if (out < in)
		for (size_t i = 0; i < bytes; i++)
			out[i] = in[i];
	else
		while (bytes--)
			out[bytes] = in[bytes];
	return to;
}

int memcmp(const void *a, const void *b, size_t bytes)
{
	const unsigned char *x = a, *y = b;

	for (; bytes; bytes--, x++, y++)
		if (*x != *y)
			return *x < *y ? -1 : 1;
	return 0;
}
