/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The heap: gives out tables of one size, takes them back now or after a grace period. */
#ifndef GRACEWALK_HEAP_H
#define GRACEWALK_HEAP_H

#include <gracewalk/env.h>
#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Tables live in blocks: naturally aligned runs of 1 to 256 tables. A table is
 *
 *   free     in its block, to be had
 *   used     given out
 *   waiting  unlinked by its owner, a grace period running
 *
 * A block with a free table is on the heap's list; with none, on no list; with all free, its
 * memory goes back to the environment, unless `spare_bytes` says otherwise. A heap has ONE
 * deferred-call head, however many of its tables wait, in however many blocks. docs/protocol.md has
 * the proof; src/heap/defer.c the code.
 */
struct gw_heap;

enum { GW_TABLES_PER_BLOCK_MAX = 256 };

struct gw_heap_opts {
	struct gw_env *env;
	size_t table_bytes;        /* a power of two, 8 bytes to 1 MiB */
	unsigned tables_per_block; /* a power of two, 1 to 256 */
	size_t desc_bytes; /* room for a descriptor beside each table, a multiple of 8 or 0 */
	uint64_t empty;    /* tables are given out with every 8-byte entry set to this */
	uint64_t poison;   /* not 0: a table that turns free is overwritten with this (for tests) */

	/* The region that all blocks lie in. `base` NULL: address space from the environment,
	 * and a table's physical address is its pointer. Otherwise memory of the caller's (say,
	 * a guest's), aligned to a block, that stands for the physical address `phys`, aligned
	 * to a table. Neither pointers nor physical addresses wrap around in it. */
	void *base;
	uint64_t phys;
	/* Most that all blocks can take; 0: 16 GiB (256 MiB on 32-bit), unless the library was
	 * built with another GW_HEAP_BYTES. */
	size_t max_bytes;
	/* Most that blocks that have turned all free may take until they go back to the
	 * environment: after two grace periods in which they were not wanted. 0: they go at once.
	 * Where tables come and go, this saves giving memory back and taking it again. */
	size_t spare_bytes;
};

struct gw_heap_stats {
	size_t table_bytes;
	unsigned tables_per_block;
	size_t record_bytes;          /* beside a block: its masks and descriptors */
	uint64_t used, waiting, free; /* tables, now */
	uint64_t blocks;              /* blocks held, now */
	uint64_t spare_blocks;        /* of these, all free */
	/* Blocks whose records have memory, now: where one of 64 neighbours is held, all. */
	uint64_t records;
	uint64_t blocks_peak;
	uint64_t used_peak;
	uint64_t waiting_peak;
	uint64_t blocks_taken, blocks_given_back; /* since creation */
	uint64_t allocs, frees, defers;           /* tables, since creation */
	uint64_t callbacks;                       /* deferred calls that ran */
};

/* Makes a heap with one reference, the caller's, in *heap.
 * Context: may allocate.
 * Return: 0, -EINVAL (an option is out of bounds, `base` or `phys` is misaligned), -ENOMEM. */
int gw_heap_create(const struct gw_heap_opts *opts, struct gw_heap **heap);

/* Takes another reference.
 * Context: any; the caller holds one already. */
void gw_heap_get(struct gw_heap *heap);

/* Drops a reference and returns at once. Each deferred call in flight holds one too: the last to
 * go gives back all blocks that are left, used tables and all.
 * Context: no lock of the heap held. */
void gw_heap_put(struct gw_heap *heap);

/* Gives out a table, filled with the empty entry; its descriptor holds garbage. NULL: no memory.
 * Context: any thread; takes the heap's lock for a short time; may enter the environment for
 * memory. */
void *gw_heap_alloc(struct gw_heap *heap);

/* The same for who writes every entry himself: the table holds garbage, unless *clean says that
 * every entry is empty already.
 * Context: as gw_heap_alloc. */
void *gw_heap_alloc_unfilled(struct gw_heap *heap, bool *clean);

/* Takes back a table that no walker can reach: never published, or a grace period has passed.
 * Context: as gw_heap_alloc. */
void gw_heap_free(struct gw_heap *heap, void *table);

/* Takes back a table that was unlinked a moment ago: it turns free after a grace period that
 * begins after this call, and its memory is not touched before. Allocates nothing, takes no
 * lock, cannot fail.
 * Context: any thread; with or without locks; inside or outside a read-side section. */
void gw_heap_defer(struct gw_heap *heap, void *table);

/* Says that every entry of a used table is `empty`, and will be until it is given out again: that
 * saves filling it. For a table that is about to be taken back, by whichever way.
 * Context: any; the table is the caller's. */
void gw_heap_clean(struct gw_heap *heap, void *table);

/* Several deferrals, with one atomic operation for neighbours in a block. Start with `{heap}`;
 * add each table; flush at the end: until then an added table is not deferred, and others' may
 * have to wait for it.
 * Context: as gw_heap_defer. */
struct gw_retire {
	struct gw_heap *heap;
	void *block;
	unsigned word;
	unsigned count;
	bool serve;      /* the heap's head is to be queued, at the end */
	uint64_t tables; /* bits of that word */
};
void gw_retire_add(struct gw_retire *retire, void *table);
void gw_retire_flush(struct gw_retire *retire);

/* A grace period that somebody waits for serves all that waits already: take it before, release it
 * after. What was taken must be released; meanwhile the caller holds a reference.
 * Context: take: any. Release: as gw_heap_alloc, no lock of a table held. */
struct gw_heap_taken {
	uint32_t first[2];
};
struct gw_heap_taken gw_heap_take_waiting(struct gw_heap *heap);
void gw_heap_release_taken(struct gw_heap *heap, struct gw_heap_taken taken);

/* The descriptor beside a table: desc_bytes of room that live as long as the table is not free.
 * Context: any. Found by arithmetic; no memory is read but the heap itself. */
void *gw_heap_desc(const struct gw_heap *heap, const void *table);

/* Whether a heap was made with this environment, size of table and of descriptor, and empty
 * entry.
 * Context: any. */
bool gw_heap_fits(const struct gw_heap *heap, const struct gw_heap_opts *opts);

/* Pointer minus physical address, the same for every table of the heap. */
uintptr_t gw_heap_to_pointer(const struct gw_heap *heap);

/* The physical address of the last table that the heap can ever give out.
 * Context: any. */
uint64_t gw_heap_last(const struct gw_heap *heap);

/* Bytes of tables that wait for a grace period.
 * Context: any; exact only when nothing runs beside it. */
size_t gw_heap_waiting_bytes(const struct gw_heap *heap);

/* Context: takes the heap's lock. Figures of one moment, except those that deferrals move. */
void gw_heap_stats(struct gw_heap *heap, struct gw_heap_stats *stats);

/* Recounts every block against its masks and the list.
 * Context: nothing else may use the heap meanwhile.
 * Return: 0, or -EIO when something does not add up. */
int gw_heap_check(struct gw_heap *heap);

#ifdef __cplusplus
}
#endif

#endif
