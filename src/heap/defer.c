/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Deferral: many tables, one head. Lock-free; C11 atomics only, so that a model checker takes it.
 *
 * The facts by number are proved in docs/protocol.md.
 *
 *   deferral of a table in word w          callback
 *   1  pending[w] |= table                 a  take a copy of current
 *   2  if the word was empty:              b  announced &= ~current_words
 *        announced |= w                    c  each word: pending[w] &= ~current[w];
 *   3  if nothing was announced:                announce what is left
 *        record current, queue the head    d  words announced meanwhile: as 3
 *                                          e  put the tables into free
 */
#include "block.h"
#include "mutant.h"

static void callback(struct gw_head *head);

/* Records what the coming grace period covers and queues the head. Only the party that turned
 * `announced` from zero, or the callback that leaves it non-zero, gets here: so the head is not
 * queued twice (D1). Words that are not announced are left alone: their deferral still has a
 * step to make on this block (D2). The acquire loads pair with the releases in defer_tables:
 * unlinking comes before the grace period (D3). */
static void queue(struct block *block)
{
	uint64_t words = gw_load_acquire(&block->announced);
	struct gw_env *env = block->heap->env;

	block->current_words = words;
	for (unsigned w = 0; w < WORDS; w++)
		block->current[w] = words >> w & 1 ? gw_load_acquire(&block->pending[w]) : 0;
	env->defer(env, &block->head, callback);
}

/* Makes word w the head's business. Return: whether the head has to be queued for it. The
 * acquire pairs with the release of a callback that emptied `announced` (b): it has read
 * `current` and will not again. */
static bool announce(struct block *block, unsigned w)
{
	bool idle = gw_fetch_or_acq_rel(&block->announced, 1ull << w) == 0;

	return idle || GW_MUTANT(queue_twice);
}

static void defer_tables(struct gw_heap *heap, struct block *block, unsigned w, uint64_t tables)
{
	/* Release: the stores that unlinked the tables come first. Acquire: an empty word was
	 * left so by a callback (c), whose reads of `current` come before the writes to it that
	 * may follow here. */
	if (gw_fetch_or_acq_rel(&block->pending[w], tables))
		return; /* whoever is responsible for the word will see the new bits */
	if (announce(block, w)) {
		gw_heap_get(heap);
		queue(block);
	}
}

static void callback(struct gw_head *head)
{
	struct block *block = (struct block *)((char *)head - offsetof(struct block, head));
	struct gw_heap *heap = block->heap;
	uint64_t words = block->current_words;
	uint64_t tables[WORDS];
	bool again;

	for (unsigned w = 0; w < WORDS; w++)
		tables[w] = block->current[w];

	/* From here on another deferral may queue the head, beside this call, if no other word is
	 * announced. Release: the copies above come first; pairs with announce(). */
	again = gw_fetch_and_acq_rel(&block->announced, ~words) & ~words;

	for (unsigned w = 0; w < WORDS; w++) {
		/* Until this operation the word is not empty, so nobody else announces it. Only
		 * what was recorded is taken: the rest has had no full grace period (D4). */
		if (words >> w & 1 &&
		    gw_fetch_and_acq_rel(&block->pending[w], ~tables[w]) & ~tables[w])
			again |= announce(block, w);
	}
	if (again) {
		gw_heap_get(heap);
		queue(block);
	}

	/* The last look at the block: a table leaves `pending` before it enters `free` (D5), and
	 * until it has, the block cannot be all free and go away (D6). */
	gw_block_release(heap, block, tables);
	gw_heap_put(heap);
}

/* The peak is for people: a lost race between two new peaks costs nothing. */
static void count_waiting(struct gw_heap *heap, unsigned n)
{
	uint64_t now = gw_fetch_add_relaxed(&heap->waiting, n) + n;

	gw_fetch_add_relaxed(&heap->defers, n);
	if (now > gw_load_relaxed(&heap->waiting_peak))
		gw_store_relaxed(&heap->waiting_peak, now);
}

void gw_retire_flush(struct gw_retire *retire)
{
	if (!retire->tables)
		return;
	count_waiting(retire->heap, retire->count);
	defer_tables(retire->heap, retire->block, retire->word, retire->tables);
	retire->tables = 0;
	retire->count = 0;
}

void gw_retire_add(struct gw_retire *retire, void *table)
{
	struct block *block = block_of(retire->heap, table);
	unsigned index = index_in_block(retire->heap, table), word = index / WORD_BITS;

	if (block != retire->block || word != retire->word)
		gw_retire_flush(retire);
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
