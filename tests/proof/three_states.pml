/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Three states, with current and next, and a head a page: the proposal of June 8, 2023, in the form
 * of lab/schemes/side_struct.c with both its repairs. (What the library made of it, one head for all
 * blocks and no lock, is heap.pml.)
 *
 * `covered` is the proposal's current, `pending` without it next. A step here is all that is done
 * under page_table_lock, or one call of what is below the scheme (page_free, call_rcu, mmdrop).
 * Names are those of the C.
 *
 * One mm, with UPDATERS threads, of which each holds a reference. In each round a thread takes a
 * table and gives it back: as never published, or deferred. Where no table can be had it waits for
 * one.
 */
#ifndef PAGES
#define PAGES 2
#define PER_PAGE 2
#define READERS 1
#define UPDATERS 2
#define WORKERS 1
#define ROUNDS 2
#endif
#define TABLES (PAGES * PER_PAGE)
#define PERIODS PAGES /* each page has a head */
#include "rcu.pml"

#define page_of(t) ((t) / PER_PAGE)
#define bit_of(t) (1 << (t) % PER_PAGE)
#define FULL ((1 << PER_PAGE) - 1)

/* struct side_ptdesc */
byte free[PAGES];
byte pending[PAGES];
byte covered[PAGES];
bool head[PAGES]; /* is queued */

/* struct mm */
byte count = UPDATERS;

/* Not in the C. */
bool taken[PAGES]; /* from the allocator of pages */
byte pages;        /* taken */
bool used[TABLES];

#define is_free(t) (free[page_of(t)] & bit_of(t))
#define HAD(n) || n < TABLES && (is_free(n % TABLES) || !taken[page_of(n % TABLES)])
#define TRY(n) :: n < TABLES && is_free(n % TABLES) -> t = n

/* Any free table; where there is none, of a page from the allocator. In the C the lock is dropped
 * in between, so that two threads may bring a page each: that is left out. */
inline page_table_alloc(t)
{
	atomic {
		(false HAD(0) HAD(1) HAD(2) HAD(3) HAD(4) HAD(5) HAD(6) HAD(7));
		i = 0;
		do
		:: i < PAGES && !free[i] -> i++
		:: else -> break
		od;
		if
		:: i == PAGES ->
		   i = 0;
		   do
		   :: taken[i] -> i++
		   :: else -> break
		   od;
		   taken[i] = true;
		   pages++;
		   assert(!pending[i] && !head[i]);
		   covered[i] = 0;
		   free[i] = FULL
		:: else
		fi;
		if
		TRY(0) TRY(1) TRY(2) TRY(3) TRY(4) TRY(5) TRY(6) TRY(7)
		fi;
		free[page_of(t)] = free[page_of(t)] & ~bit_of(t);
		assert(!used[t]);
		used[t] = true;
		i = 0
	}
}

/* Under the lock. `freed` are tables of page pt. From here on the list node may lie in any. */
inline release(pt)
{
	assert(count && taken[pt]);
	for (i : 0 .. PER_PAGE - 1) {
		if
		:: freed & 1 << i ->
		   write((pt) * PER_PAGE + i);
		   assert(used[(pt) * PER_PAGE + i]);
		   used[(pt) * PER_PAGE + i] = false
		:: else
		fi
	}
	i = 0;
	free[pt] = free[pt] | freed;
	freed = 0;
	all = free[pt] == FULL;
	if
	:: all -> free[pt] = 0 /* off the list */
	:: else
	fi
}

inline page_free(pt)
{
	atomic {
		assert(taken[pt] && !pending[pt]);
		assert(!head[pt]);
		taken[pt] = false;
		pages--
	}
}

inline page_table_free(t)
{
	atomic {
		freed = bit_of(t);
		release(page_of(t))
	}
	if
	:: all -> all = false; page_free(page_of(t))
	:: else
	fi
}

inline call_rcu(pt)
{
	atomic {
		assert(!head[pt]);
		head[pt] = true;
		period_begin(pt)
	}
}

inline mmgrab()
{
	atomic {
		assert(count);
		count++
	}
}

inline mmdrop()
{
	atomic {
		assert(count);
		count--
	}
}

inline pte_free_defer(t)
{
	atomic {
#if defined QUEUE_EACH
		queue = true;
#elif defined QUEUE_INVERTED /* the lab's side-struct without "queue-test" */
		queue = pending[page_of(t)] != 0;
#else
		queue = !pending[page_of(t)];
#endif
#ifdef NODE_EARLY
		write(t);
#endif
		pending[page_of(t)] = pending[page_of(t)] | bit_of(t);
		if
		:: queue -> covered[page_of(t)] = pending[page_of(t)]
		:: else
		fi
	}
	if
	:: queue ->
	   queue = false;
#ifndef NO_REFERENCE
	   mmgrab();
#endif
	   call_rcu(page_of(t))
	:: else
	fi
}

active [READERS] proctype reader()
{
	READER(_pid)
}

#define READY(n) :: n < PAGES && head[n % PAGES] && over(n % PAGES) -> pt = n

/* pte_free_now, of whichever page is ready. */
active [WORKERS] proctype worker()
{
	byte i, pt, freed;
	bool all, again;

end:	do
	:: atomic {
		if
		READY(0) READY(1) READY(2) READY(3)
		fi;
		head[pt] = false
	   }
	   atomic {
#ifdef FREE_ALL_PENDING /* the lab's side-struct without "full-period" */
		freed = pending[pt];
#else
		freed = covered[pt];
#endif
#ifdef FREE_FIRST
	   }
	   atomic {
		release(pt);
		freed = covered[pt]
	   }
	   atomic {
#endif
		pending[pt] = pending[pt] & ~freed;
		covered[pt] = pending[pt];
#ifdef FREE_FIRST
		freed = 0;
#endif
#ifndef NO_REARMING
		again = pending[pt] != 0;
#endif
#ifndef FREE_FIRST
		release(pt)
#endif
	   }
	   if
	   :: again -> again = false; call_rcu(pt)
	   :: else ->
#ifndef NO_REFERENCE
	      mmdrop()
#endif
	   fi;
	   if
	   :: all -> all = false; page_free(pt)
	   :: else
	   fi;
	   pt = 0
	od
}

active [UPDATERS] proctype updater()
{
	byte i, t, freed, round;
	bool all, queue;

	do
	:: round < ROUNDS ->
	   round++;
	   page_table_alloc(t);
	   if
	   :: page_table_free(t) /* never published */
	   :: unlinked(t);
	      pte_free_defer(t)
	   fi;
	   t = 0
	:: else -> break
	od;
	mmdrop()
}

/* Where nothing moves any more and a page is not back, it was lost. */
active proctype everything_returned()
{
	!count && !pages
}
