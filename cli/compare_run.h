/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * One trace under many schemes: what each costs in memory and in time.
 *
 * Memory is measured at the recorded pace (compare_pace.h), by one updater without walkers, in a
 * lab that measures. Time is measured as fast as the updater goes, while threads walk, in a lab
 * that does nothing but work; there the pace is no program's, so that memory means nothing. It is
 * processor time, each thread's own, so that what else runs on the machine matters less.
 */
#ifndef GRACEWALK_CLI_COMPARE_RUN_H
#define GRACEWALK_CLI_COMPARE_RUN_H

#include "compare_map.h"
#include "compare_pace.h"
#include "pgtable.h"
#include "trace.h"

enum { COMPARE_ENTRIES_MAX = 32, COMPARE_ROUNDS_MAX = 1000, COMPARE_NAME = 80 };

/* A scheme to compare, and how it frees what is unmapped. */
struct compare_entry {
	const struct lab_scheme *scheme;
	unsigned switches;
	enum lab_unmap unmap;
	char name[COMPARE_NAME]; /* as it is asked for */
};

struct compare_options {
	size_t page_bytes, leaf_bytes;
	unsigned tables_per_page;
	bool linux_rules; /* tables are freed when Linux does it, not when they are empty */
	unsigned walkers; /* threads, at most LAB_WALK_THREADS_MAX */
	unsigned rounds;  /* of the second measurement; 0: it is left out */
	bool map;         /* draw one */
	unsigned n;
	struct compare_entry entry[COMPARE_ENTRIES_MAX];
};

struct compare_round {
	unsigned passes;
	double wall, seconds; /* for the whole trace, decoding and all; processor time of it */
	double ns;            /* of the updater's processor time, an operation, no decoding */
	double walks;         /* in a second of a walker's processor time */
};

struct compare_result {
	struct pace_result memory;
	struct lab_counters end; /* of that run, after all is freed */
	struct compare_round *rounds;
	char failure[340]; /* empty: every page came back */
};

struct compare_outcome {
	uint64_t operations; /* that changed something */
	double seconds;      /* from the first event to the last */
	double *decoding;    /* processor seconds for the trace without operations, each round */
	struct pace_curve kernel; /* VmPTE, as held; without samples in the trace, none */
	struct map map;           /* which tables there are is the same under every scheme */
	struct compare_result result[COMPARE_ENTRIES_MAX];
};

/* Does it all. A scheme that fails by losing pages says so in its result.
 * Return: 0, or -ENOMEM, -EINVAL, what space_apply said; with a sentence in `why`. */
int compare_run(const struct compare_options *options, struct trace *trace,
		struct compare_outcome *outcome, char why[300]);

/* Also after a failure. */
void compare_close(const struct compare_options *options, struct compare_outcome *outcome);

#endif
