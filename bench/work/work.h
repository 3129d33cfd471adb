/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * What the workloads over all peers share. Each workload is one function in one file. */
#ifndef GW_BENCH_WORK_H
#define GW_BENCH_WORK_H

#include "peer.h"
#include <stdatomic.h>
#include <stddef.h>

/* A structure to measure: a peer, in one of its modes. The first is the base. */
struct subject {
	const char *name;
	const struct peer *peer; /* NULL: not built, for lack of `package` */
	const char *package;
	const char *skipped; /* why it does not take part at all; or NULL */
	enum peer_tables tables;
};

enum { SUBJECTS_MAX = 16 };

/* Whom a workload is for. */
enum who {
	WHO_LOOKS_UP,
	WHO_UPDATES,
	WHO_UPDATES_EACH_WAY, /* once for each policy on tables that turned empty */
	WHO_GROWS,            /* the base and Gracewalk's formats, each once */
};

/* Those that take part, as the command line says. Return: how many. */
unsigned subjects(struct subject list[SUBJECTS_MAX], enum who who);

/* Where all addresses lie. The compiler is not to know. */
uint64_t work_base(void);

/* ---- A cycle through all pages, in every structure: page order[i] maps to where page
 * order[i + 1] lies. ---- */

struct ground {
	struct peer_run run; /* base, order, count */
	unsigned subjects;
	struct subject subject[SUBJECTS_MAX];
	void *map[SUBJECTS_MAX];
};

/* Pages behind those of the cycle, for an updater. */
enum { GROUND_SPARE = 1 << 18 };

/* Fills all structures, and looks up each page. Structures that have no room in memory, or take
 * too long, are marked skipped. */
struct ground *ground_make(uint64_t count);
void ground_free(struct ground *ground);
/* What peer_lookups is to return. */
uint64_t ground_answer(const struct peer_run *run);

/* ---- A thread that maps and unmaps aligned runs of `pages` at random places in the spare part,
 * as fast as it can. ---- */

void updater_begin(void);
void updater_end(void);
/* What its unmaps took, each: one after the other, while there is room. */
struct updater_log {
	uint32_t *ticks;
	uint64_t room;
	_Atomic uint64_t n;
};
/* Returns when the first run has been mapped and unmapped. `log`: or NULL; added to. */
void updater_start(const struct ground *ground, unsigned subject, uint64_t pages,
		   struct updater_log *log);
/* Return: pages mapped and unmapped since. */
uint64_t updater_stop(void);

/* ---- Processes: only before the program has a second thread ---- */

/* Leaves so many bytes, which may hold something before, at `result`. */
typedef void process_work(const void *ctx, void *result);
/* Does the work in a process of its own, registered, in which the peer, if any, has made and
 * destroyed one map. Ends the program where that process found something wrong. Return: false: it
 * was killed, for lack of memory say. */
bool process_run(const struct peer *peer, process_work *work, const void *ctx, void *result,
		 size_t bytes);
/* A line of /proc/self/status, in bytes: "VmRSS:". */
double process_bytes(const char *key);
/* What the kernel says that is held, after all that was deferred has been done and malloc has given
 * back what it keeps for later. */
double process_held(const struct peer *peer);

/* ---- Threads ---- */

void work_register(void);
void work_unregister(void);

/* ---- Time ---- */

/* A turn takes about so long. */
enum { TURN_NS = 30000000 };
/* Scales a number of units that took so long to what a turn takes: at least `least`. */
uint64_t work_scale(uint64_t units, double ns, uint64_t least);
/* Processor time of the whole process. */
double work_cpu_ns(void);
double work_ticks_per_ns(void);
/* Nanoseconds that so large a part of n operations took at most; moves them about. 0: of none. */
double work_quantile(uint32_t *ticks, size_t n, double part);

/* ---- Memory ---- */

/* Bytes that the kernel could still give. */
uint64_t work_memory_available(void);

/* ---- The workloads ---- */

void work_lookup(uint64_t pages);
void work_update(void);
void work_memory(void);
void work_churn(double seconds);
void work_life(void);
void work_modes(void);
void work_latency(uint64_t pages);
/* Among ever more pages, up to so many; with ever more threads; in ever more maps. */
void work_growth(uint64_t most);
void work_threads(void);
void work_many(void);

#endif
