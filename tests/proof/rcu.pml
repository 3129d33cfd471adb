/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Read-side sections and grace periods, for all models.
 *
 * A grace period is the set of the sections that ran when it began; it is over when all of them
 * have ended (R1 of docs/protocol.md). It begins here in the moment it is asked for. One that
 * begins later waits for these sections too, so whatever may follow it may follow this one.
 *
 * found[t]: when table t was unlinked, these sections ran, and have not ended since. Their walkers
 * may stand in it. What must be so whenever its memory is written is asked by write(t).
 *
 * Who includes this defines TABLES, and PERIODS, the number of grace periods that run at a time.
 */
byte inside;
byte waits[PERIODS];
byte found[TABLES];

#define over(period) (!waits[period])

inline section_begin(who)
{
	inside = inside | 1 << (who)
}

inline section_end(who)
{
	atomic {
		inside = inside & ~(1 << (who));
		for (i : 0 .. PERIODS - 1) {
			waits[i] = waits[i] & inside
		}
		for (i : 0 .. TABLES - 1) {
			found[i] = found[i] & inside
		}
		i = 0
	}
}

inline period_begin(period)
{
#ifdef NO_GRACE_PERIOD
	waits[period] = 0
#else
	waits[period] = inside
#endif
}

inline unlinked(t)
{
	found[t] = inside
}

inline write(t)
{
	assert(!found[t])
}

/* Sections as often as it likes: it ends, since a deadlock is found only where all have stopped. */
#define READER(who)                                                                                \
	byte i;                                                                                    \
	do                                                                                         \
	:: section_begin(who);                                                                     \
	   section_end(who)                                                                        \
	:: break                                                                                   \
	od
