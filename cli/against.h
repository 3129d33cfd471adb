/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * A replay's table bytes held against the kernel's own, moment by moment. */
#ifndef GRACEWALK_CLI_AGAINST_H
#define GRACEWALK_CLI_AGAINST_H

#include "trace.h"

/* The kernel's figure was read at some moment of an interval. It is held against every figure
 * that the replay has over that interval, while a call that overlaps it was under way (a call
 * frees its tables one by one), and one event earlier (a fault is recorded before its table is
 * there): the nearest counts. docs/trace.md. */
enum { AGAINST_OPEN = 32, AGAINST_PAST = 8 };

struct against {
	struct against_open {
		uint64_t until, kernel, low, high;
	} open[AGAINST_OPEN];
	unsigned nopen;
	struct {
		uint64_t end, bytes; /* an event's end; what was held before it */
	} past[AGAINST_PAST];        /* the last events, the latest at npast % AGAINST_PAST - 1 */
	unsigned npast;
	uint64_t last_start; /* when the last event that changes anything began */
	double *error;       /* of each sample, relative to the kernel's figure */
	size_t samples, room;
	size_t outside;                    /* more than AGAINST_CLOSE off */
	uint64_t kernel_peak, kernel_last; /* bytes */
	uint64_t ours_peak, ours_last;     /* bytes, at the sampled moments */
};

#define AGAINST_CLOSE 0.03

/* Before an event is replayed; `bytes` is what is held below the root. Return: 0, or -ENOMEM. */
int against_event(struct against *against, const struct trace_event *event, uint64_t bytes);
/* After the last event. Sorts the errors: the median is in the middle, the worst at the end. */
int against_end(struct against *against, uint64_t bytes);
void against_close(struct against *against);

#endif
