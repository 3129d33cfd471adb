/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Peer: a tree of arrays, 4 levels of 512, without locks, counts or read-side sections. The base
 * that others are held against: tables stay for ever, and one thread at a time may build them.
 *
 * raw_huge: the same with its tables in huge pages, so that they miss the TLB less.
 * raw_section: the same with a read-side section of liburcu's around its lookups: what safety costs
 * where the reader is concerned. */
#include "peer.h"
#include "urcu_section.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { LEVELS = 4, BITS = 9, ENTRIES = 1 << BITS, TOP_SHIFT = PEER_PAGE_LG2 + (LEVELS - 1) * BITS };

typedef _Atomic uint64_t entry;

enum { TABLE_BYTES = ENTRIES * sizeof(entry), CHUNK_BYTES = 32 << 20 };

/* Where tables come from: chunks that are never given back, and tables of maps that are gone. */
struct pool {
	bool huge;
	unsigned char *next, *end;
	entry *gone; /* each holds the next in its first entry */
};
static struct pool small_pages, huge_pages = {.huge = true};

struct raw {
	entry *root;
	struct pool *pool;
	uint64_t tables;
};

static unsigned index_at(uint64_t va, unsigned shift)
{
	return va >> shift & (ENTRIES - 1);
}

PEER_INLINE bool find(void *map, uint64_t va, uint64_t *out)
{
	const struct raw *raw = map;
	entry *table = raw->root;
	uint64_t e;

#pragma GCC unroll 4
	for (unsigned shift = TOP_SHIFT; shift > PEER_PAGE_LG2; shift -= BITS) {
		e = atomic_load_explicit(&table[index_at(va, shift)], memory_order_relaxed);
		if (!e)
			return false;
		table = (entry *)(uintptr_t)e;
	}
	e = atomic_load_explicit(&table[index_at(va, PEER_PAGE_LG2)], memory_order_relaxed);
	*out = (e & ~(uint64_t)(PEER_PAGE - 1)) | (va & (PEER_PAGE - 1));
	return e & 1;
}

/* ---- Tables ---- */

static void new_chunk(struct pool *pool)
{
	unsigned char *p = mmap(NULL, 2 * CHUNK_BYTES, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	bench_check(p != MAP_FAILED, "raw: no address space");
	pool->next = p + (-(uintptr_t)p & (CHUNK_BYTES - 1));
	pool->end = pool->next + CHUNK_BYTES;
	if (pool->huge)
		madvise(pool->next, CHUNK_BYTES, MADV_HUGEPAGE);
}

static entry *new_table(struct raw *raw)
{
	struct pool *pool = raw->pool;
	entry *table = pool->gone;

	raw->tables++;
	if (table) {
		pool->gone = (entry *)(uintptr_t)atomic_load_explicit(table, memory_order_relaxed);
		memset(table, 0, TABLE_BYTES);
		return table;
	}
	if (pool->next == pool->end)
		new_chunk(pool);
	table = (entry *)pool->next;
	pool->next += TABLE_BYTES;
	return table;
}

static entry *last_table(struct raw *raw, uint64_t va)
{
	entry *table = raw->root;

	for (unsigned shift = TOP_SHIFT; shift > PEER_PAGE_LG2; shift -= BITS) {
		entry *e = &table[index_at(va, shift)];

		if (!atomic_load_explicit(e, memory_order_relaxed))
			atomic_store_explicit(e, (uintptr_t)new_table(raw), memory_order_release);
		table = (entry *)(uintptr_t)atomic_load_explicit(e, memory_order_relaxed);
	}
	return table;
}

static void set(struct raw *raw, uint64_t va, uint64_t pages, uint64_t e, uint64_t step)
{
	while (pages) {
		entry *table = last_table(raw, va);
		unsigned i = index_at(va, PEER_PAGE_LG2);

		for (; i < ENTRIES && pages; i++, pages--, va += PEER_PAGE, e += step)
			atomic_store_explicit(&table[i], e, memory_order_relaxed);
	}
}

static void map(void *map, uint64_t va, uint64_t pages, uint64_t out)
{
	set(map, va, pages, out | 1, PEER_PAGE);
}

static void unmap(void *map, uint64_t va, uint64_t pages)
{
	set(map, va, pages, 0, 0);
}

/* ---- Its life ---- */

static void *create_from(struct pool *pool)
{
	struct raw *raw = malloc(sizeof(*raw));

	bench_check(raw, "raw: no memory");
	*raw = (struct raw){.pool = pool};
	raw->root = new_table(raw);
	return raw;
}

static void *create(const struct peer_opts *opts)
{
	(void)opts;
	return create_from(&small_pages);
}

static void *create_huge(const struct peer_opts *opts)
{
	(void)opts;
	return create_from(&huge_pages);
}

static void free_table(struct pool *pool, entry *table, unsigned shift)
{
	for (unsigned i = 0; shift > PEER_PAGE_LG2 && i < ENTRIES; i++) {
		uint64_t e = atomic_load_explicit(&table[i], memory_order_relaxed);

		if (e)
			free_table(pool, (entry *)(uintptr_t)e, shift - BITS);
	}
	atomic_store_explicit(table, (uintptr_t)pool->gone, memory_order_relaxed);
	pool->gone = table;
}

static void destroy(void *map)
{
	struct raw *raw = map;

	free_table(raw->pool, raw->root, TOP_SHIFT);
	free(raw);
}

static uint64_t bytes(void *map)
{
	const struct raw *raw = map;

	return raw->tables * TABLE_BYTES;
}

static bool find_one(void *map, uint64_t va, uint64_t *out)
{
	return find(map, va, out);
}

static uint64_t lookups(void *map, const struct peer_run *run)
{
	return peer_lookups(map, run, find, peer_no_section, peer_no_section);
}

static uint64_t lookups_in_sections(void *map, const struct peer_run *run)
{
	return peer_lookups(map, run, find, urcu_section_enter, urcu_section_leave);
}

#define RAW(name_, create_, lookups_, only_)                                                       \
	{                                                                                          \
		.name = name_, .bytes_a_page = 9, .create = create_, .destroy = destroy,           \
		.map = map, .unmap = unmap, .find = find_one, .lookups = lookups_, .bytes = bytes, \
		.lookups_only = only_,                                                             \
	}

const struct peer peer_raw = RAW("raw walk", create, lookups, false);
const struct peer peer_raw_huge = RAW("raw walk, huge pages", create_huge, lookups, false);
const struct peer peer_raw_section = RAW("raw walk in sections", create, lookups_in_sections, true);
