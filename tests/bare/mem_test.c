/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * What compilers call in a program without a libc, held against the libc of this one. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#define memcpy own_memcpy
#define memset own_memset
#define memmove own_memmove
#define memcmp own_memcmp
#include "../../src/env/bare/mem.c"
#undef memcpy
#undef memset
#undef memmove
#undef memcmp

enum { ROOM = 24 };

static void fill(unsigned char room[ROOM])
{
	for (unsigned i = 0; i < ROOM; i++)
		room[i] = (unsigned char)(i * 7 + 1);
}

/* From every place to every place, over itself too, and not a byte around it. */
static void test_memory_is_moved(void **state)
{
	unsigned char a[ROOM], b[ROOM];

	(void)state;
	for (size_t n = 0; n <= ROOM; n++)
		for (size_t from = 0; from + n <= ROOM; from++)
			for (size_t to = 0; to + n <= ROOM; to++) {
				fill(a);
				fill(b);
				assert_ptr_equal(own_memmove(a + to, a + from, n), a + to);
				memmove(b + to, b + from, n);
				assert_memory_equal(a, b, ROOM);
			}
	fill(a);
	assert_ptr_equal(own_memcpy(b + 3, a, ROOM - 4), b + 3);
	assert_memory_equal(b + 3, a, ROOM - 4);
}

static void test_memory_is_set(void **state)
{
	unsigned char a[ROOM], b[ROOM];

	(void)state;
	fill(a);
	fill(b);
	assert_ptr_equal(own_memset(a + 5, 0x1fe, 9), a + 5);
	memset(b + 5, 0xfe, 9);
	assert_memory_equal(a, b, ROOM);
}

static void test_bytes_are_compared_without_a_sign(void **state)
{
	(void)state;
	assert_int_equal(own_memcmp("ab", "ab", 2), 0);
	assert_int_equal(own_memcmp("ab", "ac", 1), 0);
	assert_int_equal(own_memcmp("ab", "ac", 0), 0);
	assert_true(own_memcmp("ab", "ac", 2) < 0);
	assert_true(own_memcmp("b\1", "a\2", 2) > 0);
	assert_true(own_memcmp("\x7f", "\x80", 1) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory_is_moved),
		cmocka_unit_test(test_memory_is_set),
		cmocka_unit_test(test_bytes_are_compared_without_a_sign),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
