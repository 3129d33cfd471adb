/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The environment for where there is no operating system: memory and CPUs of the caller's. */
#ifndef GRACEWALK_BARE_H
#define GRACEWALK_BARE_H

#include <gracewalk/atomic.h>
#include <gracewalk/env.h>
#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Freestanding: no libc, no allocation, C11 atomics only. A CPU is whatever runs one thing at a
 * time: a processor, or a thread that stands for one. Whoever is in a read-side section stays on
 * its CPU until the section ends; interrupt handlers of that CPU may walk, in sections of their
 * own, and call nothing else: locks spin.
 *
 * Nothing happens by itself: some CPU, any CPU, calls gw_bare_poll now and then, say on a timer
 * tick or when idle. CPUs need no coming online or going offline: one that is not in a read-side
 * section holds nothing up.
 *
 * All memory is there from the start, so a heap must be told how much of it to take: page tables
 * are created on heaps of the caller's, with max_bytes set. reserve() clears what it gives out, all
 * of it.
 *
 * Linking takes libgcc or its like, and nothing else; on aarch64 compile with -mno-outline-atomics,
 * without which libgcc asks for a C library. memcpy, memmove, memset and memcmp, which compilers
 * may call where C copies or clears a structure, are in the library, as weak symbols.
 */
enum { GW_BARE_CPUS_MAX = 64 };

struct gw_bare_opts {
	/* What to hand out. `space` is for tables and their records, `memory` for small things;
	 * `space` NULL: both come from `memory`. */
	void *memory;
	size_t memory_bytes;
	void *space;
	size_t space_bytes;

	unsigned cpus;                            /* 1 to GW_BARE_CPUS_MAX */
	unsigned (*cpu)(void *ctx);               /* the CPU that calls: 0 to cpus - 1 */
	void (*relax)(void *ctx, unsigned spins); /* as gw_env.relax; NULL: just spin */
	void *ctx;
};

/* Memory that is free, in the order of its addresses, neighbours joined. */
struct gw_bare_pool {
	GW_ATOMIC(uint32_t) lock;
	struct gw_bare_piece *first;
	size_t free_bytes;
};

/* Deferred calls, first in first out; the first word of a head's room links them. */
struct gw_bare_queue {
	struct gw_head *first, *last;
};

/* The caller gives room for one, and may look at `env` alone; the rest is src/env/bare's. It must
 * live until all heaps and page tables on it are gone and gw_bare_drain has returned. */
struct gw_bare {
	struct gw_env env;
	struct gw_bare_opts opts;
	struct gw_bare_pool memory, space;

	GW_ATOMIC(uint32_t) lock;                 /* of all below but `cpu` */
	bool running;                             /* a grace period */
	uint64_t waiting;                         /* bit i: CPU i's section `seen` still runs */
	uint64_t completed, wanted;               /* grace periods; waited for */
	unsigned callers;                         /* polls that run deferred calls at the moment */
	struct gw_bare_queue next, current, done; /* past no, the running, their grace period */
	uint64_t seen[GW_BARE_CPUS_MAX];

	struct gw_bare_cpu {
		GW_ATOMIC(uint64_t) state; /* its sections: how many ended, its depth in one */
		uint64_t pad[7];           /* two CPUs never write one cache line */
	} cpu[GW_BARE_CPUS_MAX];
};

/* Makes an environment, bare->env.
 * Context: any; `bare` and the memory are the environment's from here on.
 * Return: 0, or -EINVAL: no memory to hand out, no `cpu`, or too many CPUs. */
int gw_bare_init(struct gw_bare *bare, const struct gw_bare_opts *opts);

/* Moves grace periods on by a step, without waiting, and runs the deferred calls that are due:
 * they run here and nowhere else.
 * Context: any CPU, several at a time; outside read-side sections, no lock held, not from a
 * deferred call.
 * Return: whether a deferred call is still to run or under way. */
bool gw_bare_poll(struct gw_bare *bare);

/* Polls until every deferred call has run, those too that they deferred in turn.
 * Context: as gw_bare_poll; nothing may defer without end meanwhile. */
void gw_bare_drain(struct gw_bare *bare);

/* Bytes that nobody has allocated or reserved.
 * Context: any. */
size_t gw_bare_free_bytes(struct gw_bare *bare);

/* Grace periods that have ended since gw_bare_init.
 * Context: any. */
uint64_t gw_bare_grace_periods(struct gw_bare *bare);

#ifdef __cplusplus
}
#endif

#endif
