/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Unlinking tables under walkers and updaters: `descend`, `table_lock` of src/table/table.h, `step`
 * of map.c and of unmap.c (map_page and unmap_page are a part of these), gw_unlink_locked,
 * kill_below and `retire` of gather.c, unlink_upward and gw_unlink_if_empty of reclaim.c; the policy
 * is eager. Facts by number: docs/protocol.md.
 *
 * A step here is one load of an entry by who holds no lock; the taking of a lock with the look at
 * the dead mark; what is done under locks up to where one of them is dropped. The heap is what D3
 * says of it: a table that was deferred is to be had after its grace period. Tables have two
 * entries, leaves are pages. Where there is no table to be had a map is left out (-ENOMEM).
 *
 * In the beginning page 0 is mapped, or nothing. In each round an updater maps one of the first
 * ADDRESSES pages, or unmaps it, or unmaps all below an entry on its way, of any level above 0.
 * Others may map and unmap the same pages.
 */
#ifndef LEVELS
#define LEVELS 2
#define TABLES 4
#define ADDRESSES 2
#define READERS 1
#define UPDATERS 2
#define ROUNDS 1
#endif
#define PERIODS TABLES /* each deferred table waits for its own */
#include "rcu.pml"

#define TOP (LEVELS - 1)
#define ROOT 0
#define NOTHING TABLES

/* An entry: empty, a leaf, which says what page it is for, or a table. */
#define EMPTY 0
#define LEAF 1
#define TABLE 32
#define is_table(e) ((e) >= TABLE)
#define index(va, level) ((va) >> (level) & 1)
#define at(t, level) ((t) * 2 + index(va, level))
#define place_of(va, level) (TOP - (level) << 4 | (va) >> (level) + 1)

byte entry[TABLES * 2];

/* struct desc */
bool lock[TABLES];
bool dead[TABLES];
byte count[TABLES];
byte place[TABLES]; /* level and va */

/* The heap. */
#define FREE 0
#define USED 1
#define WAITING 2
byte state[TABLES];

/* Not in the C. */
byte mapped[ADDRESSES]; /* how often a page was mapped and not yet unmapped */
byte done;

/* ---- Tables ---- */

#define HAD(n) :: n < TABLES && n != ROOT && (state[n % TABLES] == FREE || \
	state[n % TABLES] == WAITING && over(n % TABLES)) -> t = n

/* A table that is empty but for entry `to`; gw_build makes one a level. */
inline build(t, level, to)
{
	atomic {
		if
		HAD(1) HAD(2) HAD(3) HAD(4) HAD(5) HAD(6) HAD(7)
		:: else -> t = NOTHING
		fi;
		if
		:: t != NOTHING ->
		   write(t);
		   state[t] = USED;
		   entry[t * 2] = EMPTY;
		   entry[t * 2 + 1] = EMPTY;
		   entry[at(t, level)] = to;
		   lock[t] = false;
		   dead[t] = false;
		   count[t] = 1;
		   place[t] = place_of(va, level)
		:: else
		fi
	}
}

inline discard()
{
	d_step {
		for (i : 0 .. TABLES - 1) {
			if
			:: new & 1 << i ->
			   write(i);
			   state[i] = FREE
			:: else
			fi
		}
		i = 0;
		new = 0
	}
}

inline table_lock(t, ok)
{
	atomic {
		!lock[t] -> lock[t] = true;
#ifdef IGNORE_DEAD
		ok = true
#else
		ok = !dead[t];
		lock[t] = !dead[t]
#endif
	}
}

/* ---- Finding the place of an update ---- */

/* Goes down to level 0, or to the first entry that is not a table, or to level `stop`. The table
 * of that entry is path[level]. */
inline descend(stop)
{
	level = TOP;
	t = ROOT;
	do
	:: atomic {
		path[level] = t;
		e = entry[at(t, level)];
		if
		:: level == stop || !is_table(e) -> break
		:: else -> t = e - TABLE; level--
		fi
	   }
	od;
	atomic { t = 0; e = 0 }
}

/* ---- gather.c ---- */

/* gw_unlink_locked, and count_add of the parent: `t`, which is locked, goes from its parent, which
 * is too. */
inline unlink_locked(parent, level)
{
	atomic {
		unlinked(t);
#ifndef DEAD_LATE
		dead[t] = true;
#endif
		entry[at(parent, level)] = EMPTY;
		count[parent]--;
		lock[t] = false;
		gathered = gathered | 1 << t
	}
#ifdef DEAD_LATE
	dead[t] = true
#endif
}

/* gw_gather_kill: a table of level 1 has tables below, which nobody can reach from the root. */
inline gather_kill()
{
#if LEVELS > 2 && !defined NO_KILL_BELOW
	for (j : 0 .. TABLES * 2 - 1) {
		if
		:: gathered & 1 << j / 2 && is_table(entry[j]) ->
		   atomic { !lock[entry[j] - TABLE] -> lock[entry[j] - TABLE] = true }
		   atomic {
			t = entry[j] - TABLE;
			unlinked(t);
			dead[t] = true;
			lock[t] = false;
			t = 0
		   }
		:: else
		fi
	}
	j = 0
#else
	skip
#endif
}

/* T2, T6: what is in a dead table does not change, so all in one step. Its leaves are unmapped by
 * this, and each table is deferred. */
inline retire()
{
	atomic {
		do
		:: gathered ->
		   for (j : 0 .. TABLES - 1) {
			if
			:: gathered & 1 << j ->
			   gathered = gathered & ~(1 << j);
			   assert(state[j] == USED);
			   assert(count[j] == (entry[j * 2] != EMPTY) + (entry[j * 2 + 1] != EMPTY));
			   for (i : j * 2 .. j * 2 + 1) {
				if
				:: is_table(entry[i]) ->
				   gathered = gathered | 1 << entry[i] - TABLE
				:: !is_table(entry[i]) && entry[i] != EMPTY ->
				   mapped[entry[i] - LEAF]--
				:: else
				fi
			   }
			   state[j] = WAITING;
			   period_begin(j)
			:: else
			fi
		   }
		:: else -> break
		od;
		i = 0;
		j = 0
	}
}

/* ---- reclaim.c ---- */

/* gw_unlink_if_empty: the child behind an entry of path[level], which is locked. */
inline unlink_if_empty(gone)
{
	gone = false;
	t = entry[at(path[level], level)];
	if
	:: is_table(t) ->
	   t = t - TABLE;
#ifdef COUNT_BEFORE_LOCK
	   gone = !count[t];
	   atomic { !lock[t] -> lock[t] = true }
#else
	   atomic { !lock[t] -> lock[t] = true; gone = !count[t] }
#endif
	   if
	   :: gone ->
	      assert(entry[t * 2] == EMPTY && entry[t * 2 + 1] == EMPTY); /* T6 */
	      unlink_locked(path[level], level)
	   :: else -> lock[t] = false
	   fi
	:: else
	fi;
	t = 0
}

/* gw_unlock_emptied, and unlink_upward. */
inline unlock_emptied()
{
	atomic {
		none = level < TOP && !count[path[level]];
		lock[path[level]] = false
	}
	do
	:: none && level < TOP ->
	   level++;
	   table_lock(path[level], none);
	   if
	   :: none ->
	      unlink_if_empty(none);
	      atomic {
		none = none && !count[path[level]];
#ifdef ONE_LEVEL_UP
		none = false;
#endif
		lock[path[level]] = false
	      }
	   :: else
	   fi
	:: else -> none = false; break
	od
}

/* ---- The calls ---- */

inline map()
{
	do
	:: section_begin(_pid);
	   descend(0);
#ifdef SECTION_ENDS_EARLY
	   section_end(_pid);
#endif
	   if
	   :: level ->
	      built = LEAF + va;
	      j = 0;
	      do
	      :: j < level && built ->
		 build(t, j, built);
		 atomic {
			built = (t == NOTHING -> 0 : TABLE + t);
			new = (t == NOTHING -> new : new | 1 << t);
			t = 0;
			j++
		 }
	      :: else -> j = 0; break
	      od
	   :: else -> built = LEAF + va
	   fi;
	   ok = true; /* it is over; with no memory too */
	   if
	   :: built ->
	      table_lock(path[level], ok);
	      if
	      :: ok ->
		 atomic {
			if
#ifdef GRAFT_UNSEEN
			:: entry[at(path[level], level)] == EMPTY || level ->
#else
			:: entry[at(path[level], level)] == EMPTY ->
#endif
			   entry[at(path[level], level)] = built;
#ifndef COUNT_ONE_SHORT
			   count[path[level]]++;
#endif
			   mapped[va]++;
			   new = 0
			:: else -> ok = !level /* -EEXIST, where it is a page */
			fi;
			lock[path[level]] = false
		 }
	      :: else
	      fi
	   :: else
	   fi;
	   discard();
	   section_end(_pid);
	   built = 0;
	   if
	   :: ok -> ok = false; break
	   :: else
	   fi
	od
}

/* The page, or what is behind the entry of level `whole` on its way. */
inline unmap()
{
	do
	:: section_begin(_pid);
	   descend(whole);
#ifdef SECTION_ENDS_EARLY
	   section_end(_pid);
#endif
	   table_lock(path[level], ok);
	   if
	   :: ok ->
	      e = entry[at(path[level], level)];
	      if
	      :: is_table(e) && level == whole ->
		 atomic { t = e - TABLE; !lock[t] -> lock[t] = true }
		 unlink_locked(path[level], level);
		 t = 0
	      :: is_table(e) && level != whole -> ok = false /* to be gone into */
	      :: !is_table(e) && e != EMPTY ->
		 atomic {
			entry[at(path[level], level)] = EMPTY;
			count[path[level]]--;
			mapped[e - LEAF]--
		 }
	      :: else
	      fi;
	      e = 0;
	      unlock_emptied()
	   :: else
	   fi;
	   section_end(_pid);
	   gather_kill();
	   if
	   :: ok -> ok = false; break
	   :: else
	   fi
	od;
	retire()
}

/* A walker: what it finds is for the address that it walks. */
proctype reader()
{
	byte i, va, level, t, e;

	do
	:: if
	   :: va = 0
	   :: va = ADDRESSES - 1
	   fi;
	   section_begin(_pid);
	   level = TOP;
	   t = ROOT;
	   do
	   :: d_step {
		assert(place[t] == place_of(va, level));
		e = entry[at(t, level)]
	      }
	      if
	      :: is_table(e) -> d_step { t = e - TABLE; level-- }
	      :: else -> break
	      fi
	   od;
	   assert(e == EMPTY || e == LEAF + va);
	   section_end(_pid);
	   d_step { e = 0; t = 0; level = 0; va = 0 }
	:: break
	od
}

proctype updater()
{
	byte i, j, va, whole, level, t, e, path[LEVELS], built, new, gathered, round;
	bool ok, none;

	do
	:: round < ROUNDS ->
	   round++;
	   if
	   :: va = 0
	   :: ADDRESSES > 1 -> va = 1
	   :: ADDRESSES > 2 -> va = 2
	   fi;
	   if
	   :: map()
	   :: if
	      :: whole = 0
	      :: whole = 1
	      :: TOP > 1 -> whole = 2
	      fi;
	      unmap()
	   fi;
	   atomic {
		for (i : 0 .. TOP) {
			path[i] = 0
		}
		i = 0;
		level = 0;
		whole = 0;
		va = 0
	   }
	:: else -> break
	od;
	done++
}

/* When all calls have returned: each page is mapped if it was mapped and not unmapped since; tables
 * that are used are linked, and hold something. */
active proctype afterwards()
{
	byte va, level, t, linked, n;

	done == UPDATERS;
	d_step {
		linked = 1 << ROOT;
		for (va : 0 .. ADDRESSES - 1) {
			level = TOP;
			t = ROOT;
			do
			:: is_table(entry[at(t, level)]) ->
			   t = entry[at(t, level)] - TABLE;
			   level--;
			   linked = linked | 1 << t;
			   assert(count[t] && !dead[t])
			:: else -> break
			od;
			assert(mapped[va] == (entry[at(t, level)] == LEAF + va))
		}
		for (n : 1 .. TABLES - 1) {
			assert(!lock[n] || state[n] != USED);
			assert((state[n] == USED) == (linked >> n & 1))
		}
	}
}

init
{
	byte i;

	atomic {
		if
		:: for (i : 0 .. TOP) {
			entry[i * 2] = (i < TOP -> TABLE + i + 1 : LEAF);
			count[i] = 1;
			place[i] = place_of(0, TOP - i);
			state[i] = USED
		   }
		   mapped[0] = 1
		:: skip
		fi;
		i = 0;
		do
		:: i < READERS -> run reader(); i++
		:: i >= READERS && i < READERS + UPDATERS -> run updater(); i++
		:: else -> break
		od;
		i = 0
	}
}
