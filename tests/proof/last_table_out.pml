/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The last table of a page queues the head for all: lab/schemes/last_table_out.c, with the
 * allocator it stands on, pte_fragment.c.
 *
 * A step here is one atomic operation there, or all that is done under page_table_lock, or to a
 * page that is one party's (page_alloc, page_free). Names are those of the C; a fragment is a
 * table, FRAGMENTS of them make a page, and `pte_frag` is the next table of the mm's page to be
 * cut, by number; 0 stands for none, as the first table of a page is never the next.
 *
 * One mm, with UPDATERS threads. In each round a thread takes a table and gives it back: as never
 * published, or deferred. The thread that ends last ends the mm. Where there is no page the round
 * is left out.
 */
#ifndef PAGES
#define PAGES 2
#define FRAGMENTS 2
#define READERS 1
#define UPDATERS 2
#define WORKERS 1
#define ROUNDS 2
#endif
#define TABLES (PAGES * FRAGMENTS)
#define PERIODS PAGES /* each page has a head */
#include "rcu.pml"

#define page_of(t) ((t) / FRAGMENTS)
#define NOTHING TABLES

/* struct ptdesc */
byte refcount[PAGES];
bool marked[PAGES]; /* `active`: somebody deferred */
bool head[PAGES]; /* is queued */

/* struct fragment_mm */
byte pte_frag;
byte users = UPDATERS;

/* Not in the C. */
bool taken[PAGES]; /* from the allocator of pages */
byte pages;        /* taken */
bool used[TABLES];
#ifdef GIVEN_OUT_AGAIN
byte again = NOTHING;
#endif

inline page_alloc(pt)
{
	atomic {
		pt = 0;
		do
		:: pt < PAGES && taken[pt] -> pt++
		:: else -> break
		od;
		if
		:: pt < PAGES -> taken[pt] = true; pages++
		:: else
		fi
	}
}

/* check_clean, and lab/check.c: no table is in use, nobody can stand in one. */
inline page_free(pt)
{
	atomic {
		assert(taken[pt]);
		assert(!marked[pt] && !refcount[pt]);
		assert(!head[pt]);
		for (i : 0 .. FRAGMENTS - 1) {
			assert(!used[(pt) * FRAGMENTS + i]);
			write((pt) * FRAGMENTS + i)
		}
		i = 0;
		taken[pt] = false;
		pages--
	}
}

/* pte_fragment_put, pte_frag_destroy: drops n counts. */
inline put(pt, n, last)
{
	atomic {
		assert(taken[pt] && refcount[pt] >= n);
		refcount[pt] = refcount[pt] - (n);
		last = !refcount[pt]
	}
}

inline last_out(pt)
{
	if
#ifndef NO_LOOK_AT_THE_MARK
	:: marked[pt] ->
	   marked[pt] = false;
	   call_rcu(pt)
#endif
	:: else -> page_free(pt)
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

/* cut */
inline cut(t)
{
	atomic {
		t = (pte_frag -> pte_frag : NOTHING);
		if
		:: t != NOTHING ->
		   pte_frag = ((t + 1) % FRAGMENTS -> t + 1 : 0)
		:: else
		fi
	}
}

/* pte_fragment_alloc; `t` is NOTHING where there is no page. */
inline pte_fragment_alloc(t)
{
	cut(t);
#ifdef GIVEN_OUT_AGAIN
	if
	:: atomic { again != NOTHING && t == NOTHING && refcount[page_of(again)] ->
		    refcount[page_of(again)]++; t = again; again = NOTHING }
	:: else
	fi;
#endif
	if
	:: t == NOTHING ->
	   page_alloc(pt);
	   if
	   :: pt < PAGES ->
	      refcount[pt] = 1;
	      atomic {
		if
		:: !pte_frag && FRAGMENTS > 1 ->
#ifdef COUNT_ONE_SHORT
		   refcount[pt] = FRAGMENTS - 1;
#else
		   refcount[pt] = FRAGMENTS;
#endif
		   pte_frag = pt * FRAGMENTS + 1
		:: else
		fi;
		t = pt * FRAGMENTS
	      }
	   :: else
	   fi;
	   pt = 0
	:: else
	fi
}

inline fragment_free(t)
{
	put(page_of(t), 1, last);
	if
	:: last -> last_out(page_of(t))
	:: else
	fi;
	last = false
}

inline pte_free_defer(t)
{
#if defined QUEUE_EACH
	call_rcu(page_of(t))
#elif defined MARK_LATE
	put(page_of(t), 1, last);
	marked[page_of(t)] = true;
	if
	:: last -> last_out(page_of(t))
	:: else
	fi;
	last = false
#else
	marked[page_of(t)] = true;
	fragment_free(t)
#endif
#ifdef GIVEN_OUT_AGAIN
	;
	again = t
#endif
}

/* destroy_context, by the last user. */
inline destroy_context()
{
	atomic { t = pte_frag; pte_frag = 0 }
	if
#ifndef REST_IS_FORGOTTEN
	:: t ->
	   put(page_of(t), FRAGMENTS - t % FRAGMENTS, last);
	   if
#ifdef KEEP_MARK
	   :: last -> page_free(page_of(t))
#else
	   :: last -> last_out(page_of(t))
#endif
	   :: else
	   fi
#endif
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
	byte i, pt;
	bool last;

end:	do
	:: atomic {
		if
		READY(0) READY(1) READY(2) READY(3)
		fi;
		head[pt] = false
	   }
#ifdef QUEUE_EACH
	   put(pt, 1, last);
	   if
	   :: last -> page_free(pt)
	   :: else
	   fi;
	   last = false;
#else
	   page_free(pt);
#endif
	   pt = 0
	od
}

active [UPDATERS] proctype updater()
{
	byte i, t, pt, round;
	bool last;

	do
	:: round < ROUNDS ->
	   round++;
	   pte_fragment_alloc(t);
	   if
	   :: t == NOTHING
	   :: else ->
	      d_step {
		assert(!used[t]);
		write(t);
		used[t] = true
	      }
	      if
	      :: used[t] = false; /* never published */
		 fragment_free(t)
	      :: atomic { used[t] = false; unlinked(t) }
		 pte_free_defer(t)
	      fi
	   fi;
	   t = 0
	:: else -> break
	od;
	atomic { users--; last = !users }
	if
	:: last -> destroy_context()
	:: else
	fi;
	d_step { last = false; t = 0 }
}

/* Where nothing moves any more and a page is not back, it was lost. */
active proctype everything_returned()
{
	!users && !pages
}
