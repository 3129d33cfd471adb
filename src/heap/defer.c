/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Deferral: many tables, many blocks, one head. Lock-free; C11 atomics only, so that a model
 * checker takes it.
 *
 * The facts by number are proved in docs/protocol.md.
 *
 *   deferral of a table in word w          release of a block, after the grace period
 *   1  pending[w] |= table                 a  take a copy of current
 *   2  if the word was empty:              b  announced &= ~current_words
 *        announced |= w                    c  each word: pending[w] &= ~current[w];
 *   3  if nothing was announced:                announce what is left
 *        push the block                    d  words announced meanwhile: as 3
 *   4  if nobody saw to the stack: serve   e  put the tables into free
 *
 *   take                                   serve
 *   5  take all blocks off the stack       7  take; something: hand it to the head, queue that
 *   6  in each, record current             8  nothing: the stack is nobody's, unless it has grown
 */
#include "block.h"
#include "mutant.h"
#include "probe.h"

static void callback(struct gw_head *head);

/* Makes word w the stack's business. Return: whether the block has to be pushed for it. The
 * acquire pairs with the release of whoever emptied `announced` (b): it has read `current` and
 * will not again. */
static bool announce(struct block *block, unsigned w)
{
	return gw_fetch_or_acq_rel(&block->announced, 1ull << w) == 0;
}

/* Only the party that turned `announced` from zero, or left it non-zero in step b, gets here: so a
 * block is not pushed twice (D1). Return: whether the caller has to serve the stack. */
static bool push(struct gw_heap *heap, struct block *block)
{
	uint32_t top = gw_load_relaxed(&heap->queued);

	/* Release: the next one, and all up to step 2. Pairs with take(). */
	do
		block->next_queued = top == QUEUED_NONE ? 0 : top;
	while (!gw_cas_acq_rel(&heap->queued, &top, block->number + 1));
	return top == 0 || GW_MUTANT(queue_twice);
}

/* Records what the coming grace period covers, of blocks that are the caller's. Words that are not
 * announced are left alone: their deferral still has a step to make on the block (D2). The acquire
 * loads pair with the releases in defer_tables: unlinking comes before the grace period (D3). */
static void record(struct gw_heap *heap, uint32_t at)
{
	while (at) {
		struct block *block = block_at(heap, at - 1);
		uint64_t words = gw_load_acquire(&block->announced);

		block->current_words = words;
		for (unsigned w = 0; w < WORDS; w++)
			block->current[w] =
				words >> w & 1 ? gw_load_acquire(&block->pending[w]) : 0;
		at = block->next_queued;
	}
}

/* Takes the blocks off the stack. Return: the first + 1. The acquire pairs with push(). */
static uint32_t take(struct gw_heap *heap)
{
	uint32_t first = gw_load_relaxed(&heap->queued);

	do
		if (first == 0 || first == QUEUED_NONE)
			return 0;
	while (!gw_cas_acq_rel(&heap->queued, &first, QUEUED_NONE));
	record(heap, first);
	return first;
}

/* Sees to the stack, for who has that duty: the push that found it nobody's, and the callback. So
 * the head is not queued twice (D1). */
static void serve(struct gw_heap *heap)
{
	for (;;) {
		uint32_t none = QUEUED_NONE, first = take(heap);

		if (first) {
			gw_heap_get(heap);
			gw_store_release(&heap->taken, first);
			GW_PROBE(grace_begin, heap, &heap->head, GRACE_TABLES);
			heap->env->defer(heap->env, &heap->head, callback);
			return;
		}
		if (gw_cas_acq_rel(&heap->queued, &none, 0))
			return;
	}
}

/* Return: whether the caller has to serve. */
static bool defer_tables(struct gw_heap *heap, struct block *block, unsigned w, uint64_t tables)
{
	/* Release: the stores that unlinked the tables come first. Acquire: an empty word was
	 * left so by a release (c), whose reads of `current` come before the writes to it that
	 * may follow here. */
	if (gw_fetch_or_acq_rel(&block->pending[w], tables))
		return false; /* whoever is responsible for the word will see the new bits */
	return announce(block, w) && push(heap, block);
}

/* Return: whether the caller has to serve. */
static bool release_block(struct gw_heap *heap, struct block *block)
{
	uint64_t words = block->current_words;
	uint64_t tables[WORDS];
	bool again, owed = false;

	for (unsigned w = 0; w < WORDS; w++)
		tables[w] = block->current[w];

	/* From here on another deferral may push the block, beside this, if no other word is
	 * announced. Release: the copies above come first; pairs with announce(). */
	again = gw_fetch_and_acq_rel(&block->announced, ~words) & ~words;

	for (unsigned w = 0; w < WORDS; w++) {
		/* Until this operation the word is not empty, so nobody else announces it. Only
		 * what was recorded is taken: the rest has had no full grace period (D4). */
		if (words >> w & 1 &&
		    gw_fetch_and_acq_rel(&block->pending[w], ~tables[w]) & ~tables[w])
			again |= announce(block, w);
	}
	if (again)
		owed = push(heap, block);

	/* The last look at the block: a table leaves `pending` before it enters `free` (D5), and
	 * until it has, the block cannot be all free and go away (D6). */
	gw_block_release_(heap, block, tables);
	return owed;
}

static bool release_blocks(struct gw_heap *heap, uint32_t at)
{
	bool owed = false;

	while (at) {
		struct block *block = block_at(heap, at - 1);

		at = block->next_queued; /* before the block may be pushed again */
		owed |= release_block(heap, block);
	}
	return owed;
}

static void callback(struct gw_head *head)
{
	struct gw_heap *heap = (struct gw_heap *)((char *)head - offsetof(struct gw_heap, head));

	GW_PROBE(grace_end, heap, head, GRACE_TABLES);
	gw_fetch_add_relaxed(&heap->callbacks, 1);
	/* Nothing, where somebody who waited for a grace period was faster. */
	release_blocks(heap, gw_exchange_acq_rel(&heap->taken, 0));
	serve(heap);
	gw_heap_put(heap);
}

struct gw_heap_taken gw_heap_take_waiting(struct gw_heap *heap)
{
	struct gw_heap_taken taken;

	/* Recorded again: more may wait there by now, and the grace period is yet to come. */
	taken.first[0] = gw_exchange_acq_rel(&heap->taken, 0);
	record(heap, taken.first[0]);
	taken.first[1] = take(heap);
	return taken;
}

void gw_heap_release_taken(struct gw_heap *heap, struct gw_heap_taken taken)
{
	bool owed = release_blocks(heap, taken.first[0]);

	if (release_blocks(heap, taken.first[1]) || owed)
		serve(heap);
}

/* The peak is for people: a lost race between two new peaks costs nothing. */
static void count_waiting(struct gw_heap *heap, unsigned n)
{
	uint64_t released = gw_load_acquire(&heap->released);
	uint64_t now = gw_fetch_add_relaxed(&heap->defers, n) + n - released;

	if (now > gw_load_relaxed(&heap->waiting_peak))
		gw_store_relaxed(&heap->waiting_peak, now);
	GW_PROBE(heap_waiting, heap, now);
}

/* Defers the tables of one word. */
static void flush_word(struct gw_retire *retire)
{
	if (!retire->tables)
		return;
	count_waiting(retire->heap, retire->count);
	retire->serve |= defer_tables(retire->heap, retire->block, retire->word, retire->tables);
	retire->tables = 0;
	retire->count = 0;
}

void gw_retire_flush(struct gw_retire *retire)
{
	flush_word(retire);
	/* Only now, so that one grace period serves all that was added. */
	if (retire->serve)
		serve(retire->heap);
	retire->serve = false;
}

void gw_retire_add(struct gw_retire *retire, void *table)
{
	struct block *block = block_of(retire->heap, table);
	unsigned index = index_in_block(retire->heap, table), word = index / WORD_BITS;

	GW_PROBE(heap_defer, retire->heap, table);
	if (block != retire->block || word != retire->word)
		flush_word(retire);
	retire->block = block;
	retire->word = word;
	retire->tables |= 1ull << index % WORD_BITS;
	retire->count++;
}

void gw_heap_defer(struct gw_heap *heap, void *table)
{
	struct gw_retire retire = {.heap = heap};

	gw_retire_add(&retire, table);
	gw_retire_flush(&retire);
}
