/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Blocks and the heap that owns them: the types that heap.c and defer.c share. */
#ifndef GW_HEAP_BLOCK_H
#define GW_HEAP_BLOCK_H

#include "lock.h"
#include <gracewalk/heap.h>
#include <stdbool.h>

/* A block's record stands beside its memory, in an array of the heap: from a table's address to
 * its block, and to its descriptor, is arithmetic. Sets of tables are masks of up to four words.
 * Which blocks have memory is noted apart from the records: those of 64 blocks, a group, have
 * memory while one of these blocks has.
 *
 *   free       past their grace period, to be had          under the heap's lock
 *   pending    waiting: current and next together          atomic
 *   current    what the running grace period covers        whoever took the block off the stack
 *   next       deferred since: pending & ~current          not stored
 *   used       everything else                             not stored
 *
 * Invariants:
 *
 *   H1  free & pending == 0, always.
 *   H2  A block is on the heap's list exactly if it has a free table and one that is not. If all
 *       are free it is a spare, or has no memory.
 *   H3  A non-empty word of pending has exactly one party responsible for it: the deferral that
 *       found it empty, until that has announced it; then whoever pushes, holds or releases the
 *       block.
 */
enum { WORD_BITS = 64, WORDS = GW_TABLES_PER_BLOCK_MAX / WORD_BITS };

struct block {
	_Atomic uint64_t announced; /* words of pending; not 0: on the stack, or taken off it */
	_Atomic uint64_t pending[WORDS];
	uint64_t current_words;  /* announced, as it was when the block was taken */
	uint64_t current[WORDS]; /* pending, as it was when the block was taken */
	uint32_t number;
	uint32_t next_queued; /* on the stack, or among those taken with it: the next + 1 */

	uint64_t free[WORDS];
	uint32_t nfree;
	uint32_t node;      /* the free table whose memory holds the list node */
	uint32_t next_free; /* while all tables are: the next spare block + 1 */
	/* desc_bytes a table, aligned on 32-bit machines too; then a byte a table, which is its
	 * user's while it is not free: whether it is `empty` all over. */
	_Alignas(8) uint64_t descs[];
};

/* The stack's top while somebody sees to it and nothing is on it; 0: nobody does. */
#define QUEUED_NONE UINT32_MAX

/* The list node, in the memory of a free table in the place of an entry, and written and read as
 * one: the next block's number + 1, in the upper half that of the one before; 0 for none. */
typedef uint64_t list_node;

struct gw_heap {
	struct gw_env *env;
	unsigned char *base;   /* of the region; block i at base + (i << block_lg2) */
	unsigned char *blocks; /* their records; record i at blocks + i * stride */
	size_t stride;
	unsigned table_lg2, block_lg2;
	unsigned tables_per_block;
	size_t desc_bytes;
	uint64_t empty, poison;
	uintptr_t to_pointer;
	bool owns_region;
	uint32_t nblocks;   /* that the region has room for */
	uint32_t spare_max; /* blocks */

	_Atomic uint64_t refs;   /* the owner, each page table, the head in flight */
	_Atomic uint64_t defers; /* tables; moved by deferrals, which take no lock */
	_Atomic uint64_t waiting_peak;
	_Atomic uint64_t released; /* tables that were deferred and are free again */
	_Atomic uint64_t callbacks;

	struct gw_head head;     /* the ONE */
	_Atomic uint32_t queued; /* stack of blocks that have something to defer: the top + 1 */
	_Atomic uint32_t taken;  /* the blocks that the head is in flight for: the first + 1 */

	gw_lock lock;  /* of all below, and of free, nfree, node and next_free of each block */
	uint32_t list; /* first block with a free table + 1 */
	/* Blocks with memory: a bit each, a word a group. The first word is here, so that a small
	 * heap needs no page for them; the others' array has a place for it all the same. */
	uint64_t held_first;
	uint64_t *held;
	uint32_t vacant_from; /* all blocks below have memory */
	uint32_t spare;       /* first block that is all free and has memory + 1 */
	uint32_t nspare;
	uint32_t spare_going; /* more, on their way back to the environment */
	uint32_t spare_low;   /* the fewest since they were trimmed last */
	bool trimming;        /* trim_head is queued */
	struct gw_head trim_head;
	uint32_t fresh; /* blocks from here on were never used */
	struct gw_heap_stats stats;
};

static inline struct block *block_at(const struct gw_heap *heap, uint32_t number)
{
	return (struct block *)(heap->blocks + number * heap->stride);
}

/* Offset of a table in its heap's region, from which all else follows. */
static inline size_t table_offset(const struct gw_heap *heap, const void *table)
{
	return (size_t)((const unsigned char *)table - heap->base);
}

static inline struct block *block_of(const struct gw_heap *heap, const void *table)
{
	return block_at(heap, (uint32_t)(table_offset(heap, table) >> heap->block_lg2));
}

static inline unsigned index_in_block(const struct gw_heap *heap, const void *table)
{
	return (table_offset(heap, table) >> heap->table_lg2) & (heap->tables_per_block - 1);
}

/* gw_heap_desc, for who knows the size of a descriptor when it is compiled. */
static inline void *desc_of_table(const struct gw_heap *heap, const void *table, size_t desc_bytes)
{
	return (char *)block_of(heap, table)->descs + index_in_block(heap, table) * desc_bytes;
}

static inline uint8_t *clean_of(const struct gw_heap *heap, struct block *block)
{
	return (uint8_t *)block->descs + heap->tables_per_block * heap->desc_bytes;
}

static inline void *table_at(const struct gw_heap *heap, uint32_t number, unsigned index)
{
	return heap->base + ((size_t)number << heap->block_lg2) +
	       ((size_t)index << heap->table_lg2);
}

/* heap.c: puts tables of a block that have had their grace period into its free set. The block
 * may be gone when this returns. */
void gw_block_release_(struct gw_heap *heap, struct block *block, const uint64_t tables[WORDS]);

#endif
