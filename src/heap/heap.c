/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The heap: its life, its blocks, its list, giving out tables and taking them back. */
#include "block.h"
#include "probe.h"
#include <gracewalk/errno.h>

enum { META_ALIGN = 64 };

/* What all blocks of a heap can take unless the caller says. Address space, not memory; but there
 * are places where that costs too, and a build may choose. */
#ifndef GW_HEAP_BYTES
#define GW_HEAP_BYTES ((size_t)(sizeof(size_t) == 4 ? 256 : 16 << 10) << 20)
#endif

/* ---- The list of blocks with a free table: invariant H2. All under the heap's lock. ---- */

static list_node make_node(uint32_t next, uint32_t prev)
{
	return next | (list_node)prev << 32;
}

static uint32_t next_of(list_node node)
{
	return (uint32_t)node;
}

static uint32_t prev_of(list_node node)
{
	return (uint32_t)(node >> 32);
}

static list_node *node_of(struct gw_heap *heap, uint32_t number)
{
	return table_at(heap, number, block_at(heap, number)->node);
}

/* `at`: a block's number + 1; 0: none. */
static void set_next(struct gw_heap *heap, uint32_t at, uint32_t next)
{
	if (at)
		*node_of(heap, at - 1) = make_node(next, prev_of(*node_of(heap, at - 1)));
	else
		heap->list = next;
}

static void set_prev(struct gw_heap *heap, uint32_t at, uint32_t prev)
{
	if (at)
		*node_of(heap, at - 1) = make_node(next_of(*node_of(heap, at - 1)), prev);
}

/* A clean table that holds its empty entry where the node is to be is not touched: memory that
 * never was costs nothing. */
static void list_add(struct gw_heap *heap, struct block *block)
{
	const list_node first = make_node(heap->list, 0);

	if (!clean_of(heap, block)[block->node] || first != heap->empty)
		*node_of(heap, block->number) = first;
	set_prev(heap, heap->list, block->number + 1);
	heap->list = block->number + 1;
}

/* The node's memory is left as it was if the table is clean. */
static void list_remove(struct gw_heap *heap, struct block *block)
{
	list_node *gone = node_of(heap, block->number);

	set_next(heap, prev_of(*gone), next_of(*gone));
	set_prev(heap, next_of(*gone), prev_of(*gone));
	if (*gone != heap->empty)
		*gone = heap->empty;
}

/* ---- Memory of blocks and of their records. All under the heap's lock. ---- */

static size_t bytes_of_block(const struct gw_heap *heap)
{
	return (size_t)1 << heap->block_lg2;
}

static uint64_t *held_word(struct gw_heap *heap, uint32_t number)
{
	return number < WORD_BITS ? &heap->held_first : &heap->held[number / WORD_BITS];
}

static bool is_held(struct gw_heap *heap, uint32_t number)
{
	return *held_word(heap, number) >> number % WORD_BITS & 1;
}

/* The block with the lowest number that has no memory: so that few groups have some. Bits past the
 * last block are never set. */
static uint32_t lowest_vacant(struct gw_heap *heap)
{
	uint32_t number = heap->vacant_from & ~(uint32_t)(WORD_BITS - 1);

	while (number < heap->nblocks && !~*held_word(heap, number))
		number += WORD_BITS;
	if (number < heap->nblocks)
		number += (unsigned)__builtin_ctzll(~*held_word(heap, number));
	heap->vacant_from = number;
	return number;
}

/* The records of a block's group: how many there are room for, and the first. */
static uint32_t group_records(const struct gw_heap *heap, uint32_t number)
{
	uint32_t left = heap->nblocks - number / WORD_BITS * WORD_BITS;

	return left < WORD_BITS ? left : WORD_BITS;
}

static struct block *group_of(const struct gw_heap *heap, uint32_t number)
{
	return block_at(heap, number / WORD_BITS * WORD_BITS);
}

static int records_commit(struct gw_heap *heap, uint32_t number)
{
	uint32_t n = group_records(heap, number);

	if (*held_word(heap, number))
		return 0;
	if (heap->env->commit(heap->env, group_of(heap, number), n * heap->stride))
		return -ENOMEM;
	heap->stats.records += n;
	return 0;
}

/* Nobody touches the record of a block without memory (D6). */
static void records_decommit(struct gw_heap *heap, uint32_t number)
{
	uint32_t n = group_records(heap, number);

	if (*held_word(heap, number))
		return;
	heap->env->decommit(heap->env, group_of(heap, number), n * heap->stride);
	heap->stats.records -= n;
}

static int block_commit(struct gw_heap *heap, uint32_t number)
{
	int err = records_commit(heap, number);

	if (err)
		return err;
	if (heap->env->commit(heap->env, table_at(heap, number, 0), bytes_of_block(heap))) {
		records_decommit(heap, number);
		return -ENOMEM;
	}
	*held_word(heap, number) |= 1ull << number % WORD_BITS;
	return 0;
}

/* ---- Blocks: taken from the environment, given back to it ---- */

static void all_free(struct block *block, unsigned tables)
{
	for (unsigned w = 0; w < WORDS; w++) {
		unsigned first = w * WORD_BITS;

		if (tables >= first + WORD_BITS)
			block->free[w] = ~0ull;
		else
			block->free[w] = tables > first ? (1ull << (tables - first)) - 1 : 0;
	}
	block->nfree = tables;
}

/* The record of a block that was taken: its memory may have gone and come since it was used. */
static void record_init(struct gw_heap *heap, uint32_t number, bool zeroed)
{
	struct block *block = block_at(heap, number);

	block->number = number;
	gw_store_relaxed(&block->announced, 0);
	for (unsigned w = 0; w < WORDS; w++)
		gw_store_relaxed(&block->pending[w], 0);
	all_free(block, heap->tables_per_block);
	for (unsigned i = 0; i < heap->tables_per_block; i++)
		clean_of(heap, block)[i] = zeroed;
}

/* A block fresh from the environment; NULL: none to be had. */
static struct block *block_new(struct gw_heap *heap)
{
	uint32_t number = lowest_vacant(heap);
	bool zeroed = number == heap->fresh && heap->owns_region && !heap->empty;

	if (number == heap->nblocks || block_commit(heap, number))
		return NULL;
	if (number == heap->fresh)
		heap->fresh++;
	record_init(heap, number, zeroed);
	if (++heap->stats.blocks > heap->stats.blocks_peak)
		heap->stats.blocks_peak = heap->stats.blocks;
	heap->stats.blocks_taken++;
	return block_at(heap, number);
}

static struct block *spare_take(struct gw_heap *heap)
{
	struct block *block = block_at(heap, heap->spare - 1);

	heap->spare = block->next_free;
	if (--heap->nspare < heap->spare_low)
		heap->spare_low = heap->nspare;
	return block;
}

/* A block with memory and all tables free, on the list; NULL: none to be had. */
static struct block *block_take(struct gw_heap *heap)
{
	struct block *block = heap->spare ? spare_take(heap) : block_new(heap);

	if (block) {
		block->node = 0;
		list_add(heap, block);
	}
	return block;
}

/* Gives back the memory of a block that is on no list and has no table used or waiting. Until that
 * is noted the block is ours alone, so the environment is called without the lock. */
static void block_give_back(struct gw_heap *heap, struct block *block)
{
	uint32_t number = block->number;

	heap->env->decommit(heap->env, table_at(heap, number, 0), bytes_of_block(heap));
	gw_lock_take(&heap->lock, heap->env);
	*held_word(heap, number) &= ~(1ull << number % WORD_BITS);
	records_decommit(heap, number);
	if (number < heap->vacant_from)
		heap->vacant_from = number;
	heap->stats.blocks--;
	heap->stats.blocks_given_back++;
	gw_lock_drop(&heap->lock);
}

/* ---- Spare blocks: all free, and not given back yet ---- */

static void trim_callback(struct gw_head *head);

static void trim_later(struct gw_heap *heap)
{
	GW_PROBE(grace_begin, heap, &heap->trim_head, GRACE_TRIM);
	heap->env->defer(heap->env, &heap->trim_head, trim_callback);
}

/* What was spare all the time since the last look goes back. What was wanted in between may stay,
 * and is looked at again after the next grace period: so when nothing comes and goes any more, no
 * block is spare after two. */
static void trim_callback(struct gw_head *head)
{
	struct gw_heap *heap =
		(struct gw_heap *)((char *)head - offsetof(struct gw_heap, trim_head));
	uint32_t first = 0;
	bool again;

	GW_PROBE(grace_end, heap, head, GRACE_TRIM);
	gw_lock_take(&heap->lock, heap->env);
	heap->spare_going = heap->spare_low;
	for (uint32_t n = heap->spare_going; n; n--) {
		struct block *block = spare_take(heap);

		block->next_free = first;
		first = block->number + 1;
	}
	heap->spare_low = heap->nspare;
	gw_lock_drop(&heap->lock);

	while (first) {
		struct block *block = block_at(heap, first - 1);

		first = block->next_free;
		block_give_back(heap, block);
	}
	gw_lock_take(&heap->lock, heap->env);
	heap->spare_going = 0;
	again = heap->trimming = heap->nspare;
	gw_lock_drop(&heap->lock);
	if (again)
		trim_later(heap);
	else
		gw_heap_put(heap);
}

/* What becomes of a block that has turned all free, and is off the list: first under the lock, then
 * without. */
enum fate { STAYS, KEPT, KEPT_TO_TRIM, GOES };

static enum fate fate_of(struct gw_heap *heap, struct block *block)
{
	if (heap->nspare + heap->spare_going >= heap->spare_max)
		return GOES;
	block->next_free = heap->spare;
	heap->spare = block->number + 1;
	heap->nspare++;
	if (heap->trimming)
		return KEPT;
	heap->trimming = true;
	return KEPT_TO_TRIM;
}

static void meet(enum fate fate, struct gw_heap *heap, struct block *block)
{
	if (fate == GOES) {
		block_give_back(heap, block);
	} else if (fate == KEPT_TO_TRIM) {
		gw_heap_get(heap);
		trim_later(heap);
	}
}

/* ---- Tables ---- */

/* Of a mask that has one. */
static unsigned any_bit(const uint64_t mask[WORDS])
{
	unsigned w = 0;

	while (!mask[w])
		w++;
	return w * WORD_BITS + (unsigned)__builtin_ctzll(mask[w]);
}

static void fill(const struct gw_heap *heap, void *table, uint64_t with)
{
	size_t n = (size_t)1 << (heap->table_lg2 - 3), i = 0;
	uint64_t *entry = table;

	for (; i + 8 <= n; i += 8)
		for (unsigned j = 0; j < 8; j++)
			entry[i + j] = with;
	for (; i < n; i++)
		entry[i] = with;
}

/* Takes a free table out of a listed block. The one that holds the list node goes last. */
static void *take(struct gw_heap *heap, struct block *block, bool *clean)
{
	unsigned index = block->node;

	if (block->nfree == 1) {
		list_remove(heap, block);
	} else {
		uint64_t mask[WORDS];

		for (unsigned w = 0; w < WORDS; w++)
			mask[w] = block->free[w];
		mask[index / WORD_BITS] &= ~(1ull << index % WORD_BITS);
		index = any_bit(mask);
	}
	block->free[index / WORD_BITS] &= ~(1ull << index % WORD_BITS);
	block->nfree--;
	*clean = clean_of(heap, block)[index];
	clean_of(heap, block)[index] = false;
	return table_at(heap, block->number, index);
}

static uint64_t waiting(const struct gw_heap *heap)
{
	uint64_t released = gw_load_acquire(&heap->released);

	return gw_load_relaxed(&heap->defers) - released;
}

static uint64_t used(const struct gw_heap *heap)
{
	return heap->stats.allocs - heap->stats.frees - gw_load_relaxed(&heap->defers);
}

void *gw_heap_alloc_unfilled(struct gw_heap *heap, bool *clean)
{
	struct block *block;
	void *table = NULL;

	gw_lock_take(&heap->lock, heap->env);
	block = heap->list ? block_at(heap, heap->list - 1) : block_take(heap);
	if (block) {
		table = take(heap, block, clean);
		heap->stats.allocs++;
		if (used(heap) > heap->stats.used_peak)
			heap->stats.used_peak = used(heap);
	}
	gw_lock_drop(&heap->lock);
	GW_PROBE(heap_alloc, heap, table);
	return table;
}

void *gw_heap_alloc(struct gw_heap *heap)
{
	bool clean;
	void *table = gw_heap_alloc_unfilled(heap, &clean);

	if (table && !clean)
		fill(heap, table, heap->empty);
	return table;
}

void gw_heap_clean(struct gw_heap *heap, void *table)
{
	clean_of(heap, block_of(heap, table))[index_in_block(heap, table)] = !heap->poison;
}

/* Adds tables to a block's free set, under the lock. The list node is written only now: every
 * table in the set is past its grace period. */
static enum fate put(struct gw_heap *heap, struct block *block, const uint64_t tables[WORDS])
{
	bool listed = block->nfree;

	for (unsigned w = 0; w < WORDS; w++) {
		block->free[w] |= tables[w];
		for (uint64_t rest = tables[w]; rest; rest &= rest - 1)
			block->nfree++;
	}
	if (!listed) {
		block->node = any_bit(block->free);
		list_add(heap, block);
	}
	if (block->nfree < heap->tables_per_block)
		return STAYS;
	list_remove(heap, block);
	return fate_of(heap, block);
}

static void poison(struct gw_heap *heap, struct block *block, const uint64_t tables[WORDS])
{
	for (unsigned i = 0; heap->poison && i < heap->tables_per_block; i++)
		if (tables[i / WORD_BITS] >> i % WORD_BITS & 1)
			fill(heap, table_at(heap, block->number, i), heap->poison);
}

void gw_block_release_(struct gw_heap *heap, struct block *block, const uint64_t tables[WORDS])
{
	uint32_t before, n;
	enum fate fate;

	poison(heap, block, tables);
	gw_lock_take(&heap->lock, heap->env);
	before = block->nfree;
	fate = put(heap, block, tables);
	n = block->nfree - before;
	gw_store_relaxed(&heap->released, gw_load_relaxed(&heap->released) + n);
	gw_lock_drop(&heap->lock);
	GW_PROBE(heap_release, heap, block, n);
	meet(fate, heap, block);
}

void gw_heap_free(struct gw_heap *heap, void *table)
{
	struct block *block = block_of(heap, table);
	unsigned index = index_in_block(heap, table);
	uint64_t tables[WORDS] = {0};
	enum fate fate;

	GW_PROBE(heap_free, heap, table);
	tables[index / WORD_BITS] = 1ull << index % WORD_BITS;
	poison(heap, block, tables);
	gw_lock_take(&heap->lock, heap->env);
	heap->stats.frees++;
	fate = put(heap, block, tables);
	gw_lock_drop(&heap->lock);
	meet(fate, heap, block);
}

void *gw_heap_desc(const struct gw_heap *heap, const void *table)
{
	return desc_of_table(heap, table, heap->desc_bytes);
}

/* ---- The heap's life ---- */

static bool power_of_two(uint64_t x)
{
	return x && !(x & (x - 1));
}

/* Of the caller's region: room for a block, and no end of numbers within it. */
static bool region_ok(const struct gw_heap_opts *opts, size_t block_bytes)
{
	return opts->max_bytes >= block_bytes && !(opts->phys & (opts->table_bytes - 1)) &&
	       opts->phys <= UINTPTR_MAX - (opts->max_bytes - 1) &&
	       (uintptr_t)opts->base <= UINTPTR_MAX - (opts->max_bytes - 1);
}

static bool opts_ok(const struct gw_heap_opts *opts)
{
	size_t block_bytes = opts->table_bytes * opts->tables_per_block;

	return opts->env && power_of_two(opts->table_bytes) &&
	       opts->table_bytes >= sizeof(list_node) && opts->table_bytes <= 1 << 20 &&
	       power_of_two(opts->tables_per_block) &&
	       opts->tables_per_block <= GW_TABLES_PER_BLOCK_MAX && opts->desc_bytes % 8 == 0 &&
	       !((uintptr_t)opts->base & (block_bytes - 1)) &&
	       (!opts->base || region_ok(opts, block_bytes));
}

static uint32_t block_count(const struct gw_heap_opts *opts, unsigned block_lg2)
{
	size_t blocks = (opts->max_bytes ? opts->max_bytes : GW_HEAP_BYTES) >> block_lg2;

	/* Numbers can be counted past the last, by a group. */
	if (blocks > UINT32_MAX - WORD_BITS)
		return UINT32_MAX - WORD_BITS;
	return blocks ? (uint32_t)blocks : 1;
}

/* Beside the region: the blocks' records, then their bits. */
static size_t meta_bytes(const struct gw_heap *heap)
{
	size_t words = (heap->nblocks + WORD_BITS - 1) / WORD_BITS;

	return heap->nblocks * heap->stride + words * sizeof(*heap->held);
}

/* Address space for the tables, unless the caller brought it, and for what stands beside them. */
static int reserve(struct gw_heap *heap, const struct gw_heap_opts *opts)
{
	struct gw_env *env = heap->env;

	heap->base = opts->base;
	if (!opts->base) {
		heap->base = env->reserve(env, heap->nblocks * bytes_of_block(heap),
					  bytes_of_block(heap));
		if (!heap->base)
			return -ENOMEM;
		heap->owns_region = true;
	}
	heap->blocks = env->reserve(env, meta_bytes(heap), META_ALIGN);
	if (heap->blocks) {
		heap->held = (uint64_t *)(void *)block_at(heap, heap->nblocks);
		return 0;
	}
	if (heap->owns_region)
		env->unreserve(env, heap->base, heap->nblocks * bytes_of_block(heap));
	return -ENOMEM;
}

int gw_heap_create(const struct gw_heap_opts *opts, struct gw_heap **out)
{
	struct gw_env *env = opts->env;
	struct gw_heap *heap;
	int err;

	if (!opts_ok(opts))
		return -EINVAL;
	heap = env->alloc(env, sizeof(*heap));
	if (!heap)
		return -ENOMEM;
	heap->env = env;
	heap->table_lg2 = (unsigned)__builtin_ctzll(opts->table_bytes);
	heap->tables_per_block = opts->tables_per_block;
	heap->block_lg2 = heap->table_lg2 + (unsigned)__builtin_ctzll(opts->tables_per_block);
	heap->desc_bytes = opts->desc_bytes;
	heap->stride = (sizeof(struct block) + opts->tables_per_block * (opts->desc_bytes + 1) +
			META_ALIGN - 1) &
		       ~(size_t)(META_ALIGN - 1);
	heap->empty = opts->empty;
	heap->poison = opts->poison;
	heap->nblocks = block_count(opts, heap->block_lg2);
	heap->spare_max = (uint32_t)(opts->spare_bytes >> heap->block_lg2);
	heap->stats.table_bytes = opts->table_bytes;
	heap->stats.tables_per_block = opts->tables_per_block;
	heap->stats.record_bytes = heap->stride;
	gw_store_relaxed(&heap->refs, 1);
	err = reserve(heap, opts);
	if (err) {
		env->free(env, heap, sizeof(*heap));
		return err;
	}
	heap->to_pointer = opts->base ? (uintptr_t)heap->base - (uintptr_t)opts->phys : 0;
	*out = heap;
	return 0;
}

void gw_heap_get(struct gw_heap *heap)
{
	gw_fetch_add_relaxed(&heap->refs, 1);
}

void gw_heap_put(struct gw_heap *heap)
{
	struct gw_env *env = heap->env;

	/* Acquire and release: whatever was done under any reference comes before the end. */
	if (gw_fetch_sub_acq_rel(&heap->refs, 1) != 1)
		return;
	for (uint32_t i = 0; !heap->owns_region && i < heap->fresh; i++)
		if (is_held(heap, i))
			env->decommit(env, table_at(heap, i, 0), bytes_of_block(heap));
	if (heap->owns_region)
		env->unreserve(env, heap->base, heap->nblocks * bytes_of_block(heap));
	env->unreserve(env, heap->blocks, meta_bytes(heap));
	env->free(env, heap, sizeof(*heap));
}

/* ---- Figures ---- */

bool gw_heap_fits(const struct gw_heap *heap, const struct gw_heap_opts *opts)
{
	return heap->env == opts->env && (size_t)1 << heap->table_lg2 == opts->table_bytes &&
	       heap->desc_bytes == opts->desc_bytes && heap->empty == opts->empty;
}

uintptr_t gw_heap_to_pointer(const struct gw_heap *heap)
{
	return heap->to_pointer;
}

uint64_t gw_heap_last(const struct gw_heap *heap)
{
	const void *last = table_at(heap, heap->nblocks - 1, heap->tables_per_block - 1);

	return (uintptr_t)last - heap->to_pointer;
}

size_t gw_heap_waiting_bytes(const struct gw_heap *heap)
{
	return (size_t)waiting(heap) << heap->table_lg2;
}

void gw_heap_stats(struct gw_heap *heap, struct gw_heap_stats *stats)
{
	gw_lock_take(&heap->lock, heap->env);
	*stats = heap->stats;
	stats->used = used(heap);
	stats->waiting = waiting(heap);
	stats->waiting_peak = gw_load_relaxed(&heap->waiting_peak);
	stats->defers = gw_load_relaxed(&heap->defers);
	stats->spare_blocks = heap->nspare;
	stats->callbacks = gw_load_relaxed(&heap->callbacks);
	stats->free = stats->blocks * heap->tables_per_block - stats->used - stats->waiting;
	gw_lock_drop(&heap->lock);
}

/* One block's record: H1 holds, the counts fit. Adds its free tables to *nfree and its waiting
 * to *waiting. */
static bool block_ok(const struct gw_heap *heap, const struct block *block, uint64_t *nfree,
		     uint64_t *waiting)
{
	uint32_t count = 0;

	for (unsigned i = 0; i < heap->tables_per_block; i++) {
		bool is_free = block->free[i / WORD_BITS] >> i % WORD_BITS & 1;
		bool waits = gw_load_relaxed(&block->pending[i / WORD_BITS]) >> i % WORD_BITS & 1;

		if (is_free && waits)
			return false;
		count += is_free;
		*waiting += waits;
	}
	*nfree += count;
	return count == block->nfree;
}

/* H2: as many blocks are spare as there should be, and all free. */
static bool spare_ok(const struct gw_heap *heap)
{
	uint32_t n = 0, at = heap->spare;

	for (; at && n < heap->nspare; n++) {
		if (block_at(heap, at - 1)->nfree != heap->tables_per_block)
			return false;
		at = block_at(heap, at - 1)->next_free;
	}
	return !at && n == heap->nspare && heap->spare_low <= n && (!n || heap->trimming);
}

/* H2: exactly the blocks with a free table and one that is not are listed. */
static bool list_ok(struct gw_heap *heap, uint64_t listed)
{
	uint32_t prev = 0, at = heap->list;

	for (; at && listed; listed--) {
		const list_node node = *node_of(heap, at - 1);

		if (!block_at(heap, at - 1)->nfree || prev_of(node) != prev)
			return false;
		prev = at;
		at = next_of(node);
	}
	return !at && !listed;
}

/* What is noted of blocks with memory: as many as there are, all below vacant_from, and their
 * groups have records. */
static bool held_ok(struct gw_heap *heap)
{
	uint64_t held = 0, records = 0;

	for (uint32_t i = 0; i < heap->fresh; i += WORD_BITS) {
		uint64_t word = *held_word(heap, i);

		records += word ? group_records(heap, i) : 0;
		for (; word; word &= word - 1)
			held++;
	}
	for (uint32_t i = 0; i < heap->vacant_from; i++)
		if (!is_held(heap, i))
			return false;
	return held == heap->stats.blocks && records == heap->stats.records;
}

int gw_heap_check(struct gw_heap *heap)
{
	uint64_t nfree = 0, waiting = 0, listed = 0, spare = 0;
	struct gw_heap_stats stats;

	gw_heap_stats(heap, &stats);
	for (uint32_t i = 0; i < heap->fresh; i++) {
		struct block *block = block_at(heap, i);

		if (!is_held(heap, i))
			continue;
		if (!block_ok(heap, block, &nfree, &waiting))
			return -EIO;
		spare += block->nfree == heap->tables_per_block;
		listed += block->nfree && block->nfree < heap->tables_per_block;
	}
	if (!held_ok(heap) || spare != stats.spare_blocks || nfree != stats.free ||
	    waiting != stats.waiting || !list_ok(heap, listed) || !spare_ok(heap))
		return -EIO;
	return 0;
}
