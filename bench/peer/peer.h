/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * One map from addresses to what their pages map to, for benchmarks: the interface of all peers. */
#ifndef GW_BENCH_PEER_H
#define GW_BENCH_PEER_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>
#if defined(__x86_64__)
#include <x86intrin.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

#include "bench.h"

enum { PEER_PAGE_LG2 = 12, PEER_PAGE = 1 << PEER_PAGE_LG2 };

/* When tables that turned empty are retired, as enum gw_policy says it of Gracewalk's. Most others
 * do as they do. */
enum peer_tables { PEER_TABLES_LAZY, PEER_TABLES_EAGER, PEER_TABLES_STAY };

struct peer_opts {
	uint64_t base, pages; /* addresses lie in so many pages from base on */
	uint64_t mapped;      /* most pages that are mapped at a time */
	enum peer_tables tables;
	bool shared; /* many maps are made: they may share what can be shared */
};

/* Lookups to do and to time: each finds one page of a random cycle. */
struct peer_run {
	uint64_t base;
	const uint32_t *order; /* pages, counted from base, in the order of the cycle */
	uint64_t count;        /* of them, a power of two */
	uint64_t start, n; /* lookups start with order[start]; n is a multiple of PEER_SECTION */
	bool dependent;    /* each address is what the lookup before has found */
	bool each;         /* a read-side section for each lookup; else for PEER_SECTION */
	uint32_t *ticks;   /* not NULL: what each lookup took, its section included */
};

/* Lookups in a section that the caller holds: as many as a loop makes for one batch of work. */
enum { PEER_SECTION = 1024 };

/* What a structure that defers says of that. */
struct peer_account {
	uint64_t waiting, waiting_peak; /* bytes unlinked, a grace period running */
	uint64_t spare;                 /* bytes free, and kept for a while */
	uint64_t callbacks;             /* deferred calls that ran, since it was made */
};

/* A structure. Whatever goes wrong in it ends the program. */
struct peer {
	const char *name;
	unsigned bytes_a_page; /* about so many when dense: whether they fit is for others to say */
	bool one_value;        /* a range has one value and does not count up */
	bool policies;         /* peer_opts.tables matters */
	bool lookups_only;     /* its updates are another peer's */

	/* Context: both outside sections; no thread uses the map. `destroy` returns when the
	 * structure's own destruction would; what is deferred then, `settle` waits for. */
	void *(*create)(const struct peer_opts *opts);
	void (*destroy)(void *map);

	/* Maps [va, va + pages), of which nothing is mapped, to out and what follows; takes it out
	 * again. */
	void (*map)(void *map, uint64_t va, uint64_t pages, uint64_t out);
	void (*unmap)(void *map, uint64_t va, uint64_t pages);

	/* One lookup, in a section of its own. */
	bool (*find)(void *map, uint64_t va, uint64_t *out);
	/* peer_lookups with the peer's functions folded in. */
	uint64_t (*lookups)(void *map, const struct peer_run *run);

	/* Waits until all that was deferred has been done. NULL: nothing is ever deferred. */
	void (*settle)(void);
	/* Bytes held, by the structure's own account. NULL: it keeps none. */
	uint64_t (*bytes)(void *map);
	/* NULL: it has no such account. */
	void (*account)(void *map, struct peer_account *account);
	/* Of each thread before and after its calls, beyond urcu_memb_register_thread, which all
	 * threads have called. May be NULL. */
	void (*thread_register)(void);
	void (*thread_unregister)(void);
};

static inline void peer_settle(const struct peer *peer)
{
	if (peer->settle)
		peer->settle();
}

/* Those that the build did without, for lack of a package, are NULL. */
#define PEER_EXTERN extern __attribute__((weak)) const struct peer
PEER_EXTERN peer_raw, peer_raw_huge, peer_raw_section, peer_flat, peer_x86_64, peer_index64;
PEER_EXTERN peer_rculfhash, peer_judy, peer_rte_hash, peer_ordered;

/* ---- What every peer times. Part of the peer's own file, so that its lookup is part of the loop
 * as it would be in a program of its user's. ---- */

#define PEER_INLINE static inline __attribute__((always_inline, unused))

typedef bool peer_find(void *map, uint64_t va, uint64_t *out);
typedef void peer_section(void *map);

/* A clock for single lookups: the processor's where there is one. It waits for what comes before
 * and holds off what comes after. */
PEER_INLINE uint64_t peer_ticks(void)
{
#if defined(__x86_64__)
	uint64_t t;

	_mm_lfence();
	t = __rdtsc();
	_mm_lfence();
	return t;
#else
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
#endif
}

PEER_INLINE uint64_t peer_va(const struct peer_run *run, uint64_t i)
{
	return run->base + ((uint64_t)run->order[i & (run->count - 1)] << PEER_PAGE_LG2);
}

/* Return: the sum of what was found. */
PEER_INLINE uint64_t peer_independent(void *map, const struct peer_run *run, unsigned section,
				      peer_find *find, peer_section *enter, peer_section *leave)
{
	const struct peer_run r = *run;
	uint64_t sum = 0, out = 0;

	for (uint64_t i = r.start; i < r.start + r.n; i += section) {
		enter(map);
		for (unsigned k = 0; k < section; k++)
			if (find(map, peer_va(&r, i + k), &out))
				sum += out;
		leave(map);
	}
	return sum;
}

/* Return: the last answer. */
PEER_INLINE uint64_t peer_dependent(void *map, const struct peer_run *run, unsigned section,
				    peer_find *find, peer_section *enter, peer_section *leave)
{
	const uint64_t base = run->base, n = run->n;
	uint64_t va = peer_va(run, run->start), out = 0;
	bool found = true;

	for (uint64_t i = 0; i < n && found; i += section) {
		enter(map);
		for (unsigned k = 0; k < section && found; k++) {
			found = find(map, va, &out);
			va = base + out;
		}
		leave(map);
	}
	return out;
}

PEER_INLINE uint64_t peer_timed(void *map, const struct peer_run *run, peer_find *find,
				peer_section *enter, peer_section *leave)
{
	uint64_t sum = 0, out = 0;

	for (uint64_t i = 0; i < run->n; i++) {
		uint64_t va = peer_va(run, run->start + i), start = peer_ticks();

		enter(map);
		if (find(map, va, &out))
			sum += out;
		leave(map);
		run->ticks[i] = (uint32_t)(peer_ticks() - start);
	}
	return sum;
}

PEER_INLINE uint64_t peer_lookups(void *map, const struct peer_run *run, peer_find *find,
				  peer_section *enter, peer_section *leave)
{
	if (run->ticks)
		return peer_timed(map, run, find, enter, leave);
	if (run->dependent)
		return run->each ? peer_dependent(map, run, 1, find, enter, leave)
				 : peer_dependent(map, run, PEER_SECTION, find, enter, leave);
	return run->each ? peer_independent(map, run, 1, find, enter, leave)
			 : peer_independent(map, run, PEER_SECTION, find, enter, leave);
}

/* For peers whose readers announce nothing. */
PEER_INLINE void peer_no_section(void *map)
{
	(void)map;
}

#ifdef __cplusplus
}
#endif

#endif
