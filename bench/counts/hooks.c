/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The core is compiled as for ThreadSanitizer, which puts a call before each access to memory and
 * in the place of each atomic operation. These are the functions it calls: they do the access, and
 * tell of it. */
#include "hooks.h"
#include <stdbool.h>
#include <stdint.h>

/* No header of the compiler's declares them. */
#pragma GCC diagnostic ignored "-Wmissing-prototypes"

void __tsan_init(void)
{
}

void __tsan_func_entry(void *pc)
{
	(void)pc;
}

void __tsan_func_exit(void)
{
}

#define PLAIN(bytes)                                         \
	void __tsan_read##bytes(void *p)                     \
	{                                                    \
		count_access(p, bytes, ACCESS_LOAD, false);  \
	}                                                    \
	void __tsan_write##bytes(void *p)                    \
	{                                                    \
		count_access(p, bytes, ACCESS_STORE, false); \
	}                                                    \
	void __tsan_unaligned_read##bytes(void *p)           \
	{                                                    \
		count_access(p, bytes, ACCESS_LOAD, false);  \
	}                                                    \
	void __tsan_unaligned_write##bytes(void *p)          \
	{                                                    \
		count_access(p, bytes, ACCESS_STORE, false); \
	}

PLAIN(1)
PLAIN(2)
PLAIN(4)
PLAIN(8)
PLAIN(16)

void __tsan_read_range(void *p, unsigned long bytes)
{
	count_access(p, bytes, ACCESS_LOAD, false);
}

void __tsan_write_range(void *p, unsigned long bytes)
{
	count_access(p, bytes, ACCESS_STORE, false);
}

/* There is one thread: the strongest order does for all. */
#define RMW(type, bits, name)                                                  \
	type __tsan_atomic##bits##_##name(volatile type *p, type v, int order) \
	{                                                                      \
		(void)order;                                                   \
		count_access(p, sizeof(type), ACCESS_RMW, true);               \
		return __atomic_##name(p, v, __ATOMIC_SEQ_CST);                \
	}

#define ATOMIC(type, bits)                                                                     \
	type __tsan_atomic##bits##_load(const volatile type *p, int order)                     \
	{                                                                                      \
		(void)order;                                                                   \
		count_access(p, sizeof(type), ACCESS_LOAD, true);                              \
		return __atomic_load_n(p, __ATOMIC_SEQ_CST);                                   \
	}                                                                                      \
	void __tsan_atomic##bits##_store(volatile type *p, type v, int order)                  \
	{                                                                                      \
		(void)order;                                                                   \
		count_access(p, sizeof(type), ACCESS_STORE, true);                             \
		__atomic_store_n(p, v, __ATOMIC_SEQ_CST);                                      \
	}                                                                                      \
	type __tsan_atomic##bits##_exchange(volatile type *p, type v, int order)               \
	{                                                                                      \
		(void)order;                                                                   \
		count_access(p, sizeof(type), ACCESS_RMW, true);                               \
		return __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST);                            \
	}                                                                                      \
	int __tsan_atomic##bits##_compare_exchange_strong(volatile type *p, type *old, type v, \
							  int order, int failed)               \
	{                                                                                      \
		(void)order;                                                                   \
		(void)failed;                                                                  \
		count_access(p, sizeof(type), ACCESS_RMW, true);                               \
		return __atomic_compare_exchange_n(p, old, v, false, __ATOMIC_SEQ_CST,         \
						   __ATOMIC_SEQ_CST);                          \
	}                                                                                      \
	/* What clang calls instead. */                                                        \
	type __tsan_atomic##bits##_compare_exchange_val(volatile type *p, type old, type v,    \
							int order, int failed)                 \
	{                                                                                      \
		__tsan_atomic##bits##_compare_exchange_strong(p, &old, v, order, failed);      \
		return old;                                                                    \
	}                                                                                      \
	RMW(type, bits, fetch_add)                                                             \
	RMW(type, bits, fetch_sub)                                                             \
	RMW(type, bits, fetch_and)                                                             \
	RMW(type, bits, fetch_or)                                                              \
	RMW(type, bits, fetch_xor)

ATOMIC(uint8_t, 8)
ATOMIC(uint32_t, 32)
ATOMIC(uint64_t, 64)
