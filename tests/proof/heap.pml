/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The heap's deferral: src/heap/defer.c, with the giving out and taking back of src/heap/heap.c.
 *
 * Names are those of the C; numbers and letters of steps, those of docs/protocol.md. A step here is
 * one atomic operation there, or all that is done under the heap's lock (gw_heap_alloc, put), or
 * in memory that is one party's (`current`, `next_queued` of a block in hands). A loop of compare
 * and exchange is one step: the one that succeeds. Spare blocks are left out (spare_bytes is 0).
 *
 * Each updater owns a reference, as a page table does. In each round it takes HOLD tables and gives
 * them back: as never published; deferred; or after a grace period of its own, which serves what
 * waits. Where no table can be had it waits for one; there must be enough for that.
 *
 * Tables are numbered through: BITS in a word, WORDS in a block.
 */
#ifndef BLOCKS
#define BLOCKS 2
#define WORDS 1
#define BITS 1
#define HOLD 1
#define READERS 1
#define UPDATERS 2
#define WORKERS 1
#define ROUNDS 1
#endif
#define PER_BLOCK (WORDS * BITS)
#define TABLES (BLOCKS * PER_BLOCK)
#if TABLES <= UPDATERS * (HOLD - 1)
#error updaters that hold some tables could wait for one another
#endif
#define PERIODS (1 + UPDATERS)
#define HEAD 0 /* the grace period of the head; the others are those of updaters */
#define MINE (_pid - READERS - WORKERS + 1)
#include "rcu.pml"

#define NONE (BLOCKS + 1)
#define block_of(t) ((t) / PER_BLOCK)
#define word_of(t) ((t) / BITS)
#define bit_of(t) (1 << (t) % BITS)
#define word(block, w) ((block) * WORDS + (w))
#define FULL ((1 << BITS) - 1)

/* struct block; words by number, whichever block they are of. */
bool held[BLOCKS]; /* has memory, and a record */
byte announced[BLOCKS];
byte pending[BLOCKS * WORDS];
byte current_words[BLOCKS];
byte current[BLOCKS * WORDS];
byte next_queued[BLOCKS];
byte free[BLOCKS * WORDS];

/* struct gw_heap */
byte refs = UPDATERS;
byte queued, taken;
bool head; /* is queued */

/* Not in the C: what must hold is told by these. */
bool used[TABLES];
bool chained[BLOCKS]; /* next_queued is taken: from the push to the release */
bool gone;

/* ---- heap.c ---- */

#define is_free(t) (free[word_of(t)] & bit_of(t))
#define HAD(n) || n < TABLES && (is_free(n % TABLES) || !held[block_of(n % TABLES)])
#define TRY(n) :: n < TABLES && is_free(n % TABLES) -> t = n

/* Any free table; where there is none, of the lowest block without memory. */
inline gw_heap_alloc(t)
{
	atomic {
		(false HAD(0) HAD(1) HAD(2) HAD(3) HAD(4) HAD(5) HAD(6) HAD(7));
		b = 0;
		do
		:: b < BLOCKS && held[b] -> b++
		:: else -> break
		od;
		i = 0;
		do
		:: i < BLOCKS * WORDS && !free[i] -> i++
		:: else -> break
		od;
		if
		:: i == BLOCKS * WORDS ->
		   held[b] = true;
		   announced[b] = 0;
		   for (i : 0 .. WORDS - 1) {
			pending[word(b, i)] = 0;
			free[word(b, i)] = FULL
		   }
		:: else
		fi;
		if
		TRY(0) TRY(1) TRY(2) TRY(3) TRY(4) TRY(5) TRY(6) TRY(7)
		fi;
		free[word_of(t)] = free[word_of(t)] & ~bit_of(t);
		assert(!used[t]);
		used[t] = true;
		b = 0;
		i = 0
	}
}

/* put, then block_give_back: `freed` are tables of block b. From here on their memory is the heap's
 * to write, and any of them may hold the list node. */
inline gw_block_release_()
{
	atomic {
		assert(held[b]);
		all = true;
		for (w : 0 .. WORDS - 1) {
			for (i : 0 .. BITS - 1) {
				if
				:: freed[w] & 1 << i ->
				   write(word(b, w) * BITS + i);
				   assert(used[word(b, w) * BITS + i]);
				   used[word(b, w) * BITS + i] = false
				:: else
				fi
			}
			free[word(b, w)] = free[word(b, w)] | freed[w];
			freed[w] = 0;
			assert(!(free[word(b, w)] & pending[word(b, w)])); /* H1 */
			all = all && free[word(b, w)] == FULL
		}
		if
		:: all -> /* off the list: D6 */
		   assert(!announced[b] && !chained[b]);
		   for (w : 0 .. WORDS - 1) {
			free[word(b, w)] = 0
		   }
		:: else
		fi;
		i = 0
	}
	if
	:: all -> held[b] = false
	:: else
	fi
}

inline gw_heap_free(t)
{
	b = block_of(t);
	freed[word_of(t) % WORDS] = bit_of(t);
	gw_block_release_()
}

inline gw_heap_get()
{
	atomic {
		assert(refs);
		refs++
	}
}

inline gw_heap_put()
{
	atomic {
		assert(refs);
		refs--;
		if
		:: !refs ->
		   assert(!queued && !taken && !head);
		   for (i : 0 .. BLOCKS - 1) {
			assert(!held[i])
		   }
		   i = 0;
		   gone = true
		:: else
		fi
	}
}

/* ---- defer.c ---- */

inline announce(b, w, first)
{
	atomic {
		assert(held[b]);
#ifdef ANNOUNCE_EACH
		first = true;
#else
		first = !announced[b];
#endif
		announced[b] = announced[b] | 1 << (w)
	}
}

inline push(b)
{
	atomic {
		assert(held[b] && !gone);
		assert(!chained[b]); /* D1 */
		chained[b] = true;
		next_queued[b] = (queued == NONE -> 0 : queued);
#if defined QUEUE_TWICE
		owed = true;
#elif defined QUEUE_INVERTED
		owed = queued != 0;
#else
		owed = owed || !queued;
#endif
		queued = b + 1
	}
}

/* Of the blocks from `at` on, which are the caller's. */
inline record()
{
	do
	:: at ->
	   atomic {
		b = at - 1;
		assert(held[b]);
#ifdef RECORD_ALL
		words = (1 << WORDS) - 1;
#else
		words = announced[b];
#endif
		current_words[b] = words;
		w = 0
	   }
	   do
	   :: atomic {
		w < WORDS ->
		current[word(b, w)] = (words >> w & 1 -> pending[word(b, w)] : 0);
		w++
	      }
	   :: atomic { w == WORDS -> at = next_queued[b]; b = 0; w = 0; words = 0; break }
	   od
	:: else -> break
	od
}

inline take(first)
{
	atomic {
		if
		:: queued == 0 || queued == NONE -> first = 0
		:: else -> first = queued; queued = NONE
		fi;
		at = first
	}
	record()
}

inline serve()
{
	do
	:: take(first);
	   if
	   :: first ->
#ifndef NO_REFERENCE
	      gw_heap_get();
#endif
	      atomic {
		assert(!taken); /* D1 */
		taken = first;
		first = 0
	      }
	      atomic {
		assert(!head); /* D1 */
		head = true;
		period_begin(HEAD)
	      }
	      break
	   :: else ->
#ifdef IDLE_BY_STORE
	      queued = 0;
	      break
#else
	      if
	      :: atomic { queued == NONE -> queued = 0 }
		 break
	      :: else
	      fi
#endif
	   fi
	od
}

/* Steps 1 to 3. */
inline defer_tables(t)
{
	atomic {
		b = block_of(t);
		assert(held[b] && !is_free(t));
#ifdef NODE_EARLY
		write(t);
#endif
		words = pending[word_of(t)];
		pending[word_of(t)] = pending[word_of(t)] | bit_of(t);
	}
	if
	:: words -> words = 0
	:: else ->
	   announce(b, word_of(t) % WORDS, first);
	   if
	   :: first -> first = 0; push(b)
	   :: else
	   fi
	fi;
	b = 0
}

/* Block b, in the caller's hands: steps a to e. */
inline release_block()
{
	atomic {
		words = current_words[b];
		for (w : 0 .. WORDS - 1) {
			freed[w] = current[word(b, w)]
		}
	}
	atomic {
		assert(held[b]);
		again = announced[b] & ~words;
		announced[b] = announced[b] & ~words;
#ifdef LEFT_IS_LOST
		again = 0;
#endif
		w = 0
	}
#ifdef FREE_FIRST
	gw_block_release_();
	for (w : 0 .. WORDS - 1) {
		freed[w] = current[word(b, w)]
	}
	w = 0;
#endif
	do
	:: w < WORDS && words >> w & 1 ->
	   atomic {
		assert(held[b]);
#ifdef FREE_ALL_PENDING
		freed[w] = pending[word(b, w)];
#endif
		pending[word(b, w)] = pending[word(b, w)] & ~freed[w];
		rest = pending[word(b, w)]
	   }
#ifndef NO_REARMING
	   if
	   :: rest ->
	      announce(b, w, rest);
	      again = again | rest
	   :: else
	   fi;
#endif
	   rest = 0;
	   w++
	:: w < WORDS && !(words >> w & 1) -> w++
	:: w == WORDS -> w = 0; words = 0; break
	od;
	if
	:: again -> again = 0; push(b)
	:: else
	fi;
#ifndef FREE_FIRST
	gw_block_release_()
#endif
}

inline release_blocks()
{
	do
	:: at ->
	   b = at - 1;
#ifdef NEXT_READ_LATE
	   chained[b] = false;
	   release_block();
	   at = next_queued[b];
#else
	   atomic {
		at = next_queued[b];
		chained[b] = false
	   }
	   release_block();
#endif
	   b = 0
	:: else -> break
	od
}

#define VARIABLES                                                                                  \
	byte b, i, w, words, first, at, rest, again, freed[WORDS];                                 \
	bool all, owed

active [READERS] proctype reader()
{
	READER(_pid)
}

/* callback() */
active [WORKERS] proctype worker()
{
	VARIABLES;

end:	do
	:: atomic { head && over(HEAD) -> head = false } /* R3 */
#ifdef TAKEN_STAYS
	   at = taken;
#else
	   atomic { at = taken; taken = 0 }
#endif
	   release_blocks();
	   assert(!owed);
#ifdef NO_SERVE
	   queued = 0;
#else
	   serve();
#endif
	   gw_heap_put()
	od
}

active [UPDATERS] proctype updater()
{
	VARIABLES;
	byte n, round, others, mine[HOLD];
	bool waited;

	do
	:: round < ROUNDS ->
	   round++;
	   for (n : 0 .. HOLD - 1) {
		gw_heap_alloc(mine[n])
	   }
	   if
	   :: waited = true /* never published: as if it had waited */
	   :: d_step {
		for (n : 0 .. HOLD - 1) {
			unlinked(mine[n])
		}
		n = 0
	      }
	      if
	      :: skip; /* gw_retire_add, gw_retire_flush */
		 for (n : 0 .. HOLD - 1) {
			defer_tables(mine[n])
		 }
	      :: waited = true; /* wait() of src/table/gather.c */
#ifdef TAKE_LATE
		 period_begin(MINE);
		 over(MINE);
#endif
		 atomic { others = taken; taken = 0; at = others }
		 record();
		 take(first);
#ifndef TAKE_LATE
		 period_begin(MINE);
		 over(MINE);
#endif
		 do
		 :: others -> atomic { at = others; others = 0 } release_blocks()
		 :: !others && first -> others = first; first = 0
		 :: else -> break
		 od
	      fi;
	      if
	      :: owed -> owed = false; serve()
	      :: else
	      fi
	   fi;
	   for (n : 0 .. HOLD - 1) {
		if
		:: waited -> gw_heap_free(mine[n])
		:: else
		fi;
		mine[n] = 0
	   }
	   n = 0;
	   waited = false
	:: else -> break
	od;
	gw_heap_put()
}

/* D7, D8: where nothing moves any more and the heap is not gone, something was lost. */
active proctype everything_returned()
{
	gone
}
