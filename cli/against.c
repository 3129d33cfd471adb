/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * A replay's table bytes held against the kernel's own. */
#include "against.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* An event that began in a sample's interval may stand later than others that did not: so long a
 * sample waits. */
enum { KIB = 1024, PATIENCE = 100000000 };

static uint64_t nearest(const struct against_open *open)
{
	if (open->kernel < open->low)
		return open->low;
	return open->kernel > open->high ? open->high : open->kernel;
}

/* The oldest sample's interval is over. */
static int settle(struct against *against)
{
	const struct against_open *open = &against->open[0];
	uint64_t ours = nearest(open);
	double error;

	if (against->samples == against->room) {
		size_t room = against->room ? 2 * against->room : 256;
		double *grown = realloc(against->error, room * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		against->error = grown;
		against->room = room;
	}
	error = open->kernel ? (double)(ours > open->kernel ? ours - open->kernel
							    : open->kernel - ours) /
				       (double)open->kernel
			     : ours > 0;
	against->error[against->samples++] = error;
	against->outside += error > AGAINST_CLOSE;
	against->kernel_last = open->kernel;
	against->ours_last = ours;
	if (open->kernel > against->kernel_peak)
		against->kernel_peak = open->kernel;
	if (ours > against->ours_peak)
		against->ours_peak = ours;
	memmove(&against->open[0], &against->open[1], --against->nopen * sizeof(*open));
	return 0;
}

static void widen(struct against_open *open, uint64_t bytes)
{
	if (bytes < open->low)
		open->low = bytes;
	if (bytes > open->high)
		open->high = bytes;
}

static void open_sample(struct against *against, const struct trace_event *event, uint64_t bytes)
{
	struct against_open *open = &against->open[against->nopen++];

	*open = (struct against_open){
		.until = event->time + event->took,
		.kernel = event->value * KIB,
		.low = bytes,
		.high = bytes,
	};
	for (unsigned i = 0; i < AGAINST_PAST && i < against->npast; i++) {
		unsigned at = (against->npast - 1 - i) % AGAINST_PAST;

		if (i == 0 || against->past[at].end >= event->time)
			widen(open, against->past[at].bytes);
	}
}

int against_event(struct against *against, const struct trace_event *event, uint64_t bytes)
{
	int err = 0;

	/* `bytes` is what the event before this one left. */
	for (unsigned i = 0; i < against->nopen; i++)
		if (against->last_start <= against->open[i].until)
			widen(&against->open[i], bytes);
	while (!err && against->nopen &&
	       (against->open[0].until + PATIENCE < event->time || against->nopen == AGAINST_OPEN))
		err = settle(against);
	if (err)
		return err;
	if (event->kind == TRACE_SAMPLE) {
		open_sample(against, event, bytes);
		return 0;
	}
	against->past[against->npast % AGAINST_PAST].end = event->time + event->took;
	against->past[against->npast++ % AGAINST_PAST].bytes = bytes;
	against->last_start = event->time - event->lead;
	return 0;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int against_end(struct against *against, uint64_t bytes)
{
	const struct trace_event last = {.kind = TRACE_EXIT, .time = TRACE_MAX_TIME};
	int err = against_event(against, &last, bytes);

	while (!err && against->nopen)
		err = settle(against);
	if (!err && against->samples)
		qsort(against->error, against->samples, sizeof(*against->error), by_size);
	return err;
}

void against_close(struct against *against)
{
	free(against->error);
	*against = (struct against){0};
}
