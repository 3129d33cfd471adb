/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * A replay at the recorded pace, and what the tables cost meanwhile.
 *
 * Words. The clock of a replay shows trace time. While something waits for a grace period it runs
 * as the wall's does, since grace periods are real; when nothing waits, nothing can change before
 * the next event, and the clock is set to that event's time at once. A skipped gap counts as long
 * as it was.
 */
#ifndef GRACEWALK_CLI_COMPARE_PACE_H
#define GRACEWALK_CLI_COMPARE_PACE_H

#include "lab.h"

enum { PACE_POINTS = 2000 };

struct pace_point {
	double seconds; /* of trace time, since the first event */
	struct lab_level level;
	uint64_t waiting; /* at most, of all points that this one stands for */
};

/* A curve, thinned: of each slot of time the point with the most held, and the last one. */
struct pace_curve {
	struct pace_point *point;
	size_t n, slots;
	size_t top;      /* of the last slot the point with the most held */
	double duration; /* seconds, that the slots are spread over */
};

/* Return: 0, -ENOMEM. */
int pace_curve_open(struct pace_curve *curve, double duration, size_t slots);
void pace_curve_add(struct pace_curve *curve, const struct pace_point *point);
void pace_curve_close(struct pace_curve *curve);

/* In bytes. The means are over trace time. */
struct pace_result {
	double held_mean, used_mean, waiting_mean, wasted_mean;
	uint64_t held_peak, waiting_peak, wasted_peak;
	double seconds; /* of trace time, of which these were skipped: */
	double skipped;
	double held_back; /* seconds that the clock was stopped, as the replay was too slow */
	uint64_t samples;
	struct pace_curve curve;
};

struct pace;

/* Starts the clock at `first`, the time of the first event; `last` is the last one's.
 * Return: 0, -ENOMEM. */
int pace_start(struct lab *lab, uint64_t first, uint64_t last, struct pace **pace);

/* Returns when the clock has reached an event's time. */
void pace_wait(struct pace *pace, uint64_t time);

/* Notes what the tables cost now: after each event. */
void pace_sample(struct pace *pace);

/* Stops the clock; the curve is the caller's then. */
void pace_stop(struct pace *pace, struct pace_result *result);

#endif
