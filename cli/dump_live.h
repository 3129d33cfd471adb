/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * A program's page table as it was at one moment of its trace. */
#ifndef GRACEWALK_CLI_DUMP_LIVE_H
#define GRACEWALK_CLI_DUMP_LIVE_H

#include "dump_walk.h"
#include "rebuild.h"

struct dump_moment {
	/* The first moment with the most pages present; the last before a time is over; after so
	 * many events. The first two leave the program's exit out. */
	enum { DUMP_AT_MOST, DUMP_AT_SECONDS, DUMP_AT_EVENT } by;
	double seconds; /* from the first event on */
	uint64_t events;
};

struct dump_live {
	struct trace *trace;
	struct rebuild rebuild;
	uint64_t events; /* replayed */
	double seconds;  /* when the last of them was */
};

/* Replays a trace up to a moment. The calling thread is one of urcu-memb's.
 * Return: 0, -EDOM: the trace does not have so many events, or a negative errno. */
int dump_live_open(struct dump_live *live, const struct gw_format *format, struct trace *trace,
		   enum space_policy policy, const struct dump_moment *moment);
void dump_live_close(struct dump_live *live);

/* The page table's memory and root. Inside a read-side section, or while no updater runs. */
struct dump_memory dump_live_memory(struct dump_live *live);
uint64_t dump_live_root(const struct dump_live *live);

#endif
