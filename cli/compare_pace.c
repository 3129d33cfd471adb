/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * A replay at the recorded pace, and what the tables cost meanwhile. */
#include "compare_pace.h"
#include "progress.h"
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	SAMPLE_NS = 1000000, /* between two samples in a wait, at most */
	LONG_NS = 20000000,  /* a gap that it pays to cut short */
	LATE_NS = 20000000,  /* by which an event may come late and be caught up with */
	NAP_NS = 200000,     /* what is shorter is not slept through: a sleep ends late */
};

struct pace {
	struct lab *lab;
	uint64_t first;
	uint64_t behind;        /* trace time is the wall's less this */
	uint64_t due;           /* the time of the event that is waited for, or was last */
	uint64_t at;            /* trace time of the last sample */
	struct lab_level level; /* and what it found */
	struct pace_result result;

	/* The thread that waits until what was released before it began has turned. */
	pthread_t settler;
	bool settling;
	_Atomic bool settler_done;
	uint64_t asked, settled; /* lab_level.released when it began; when the last one did */
};

/* ---- The curve ---- */

enum { ROOM = 4 }; /* points for each slot: two, and as many again as time may run past the end */

int pace_curve_open(struct pace_curve *curve, double duration, size_t slots)
{
	*curve = (struct pace_curve){
		.point = malloc(ROOM * slots * sizeof(*curve->point)),
		.slots = slots,
		.duration = duration,
	};
	return curve->point ? 0 : -ENOMEM;
}

void pace_curve_close(struct pace_curve *curve)
{
	free(curve->point);
}

static void peak(uint64_t *peak, uint64_t now)
{
	if (now > *peak)
		*peak = now;
}

static uint64_t slot_of(const struct pace_curve *curve, const struct pace_point *point)
{
	double slots = (double)curve->slots;

	return curve->duration > 0 ? (uint64_t)(point->seconds / curve->duration * slots) : 0;
}

void pace_curve_add(struct pace_curve *curve, const struct pace_point *point)
{
	struct pace_point *top = &curve->point[curve->top];
	uint64_t waiting;

	if (!curve->n ||
	    (curve->n + 2 <= ROOM * curve->slots && slot_of(curve, top) != slot_of(curve, point))) {
		curve->top = curve->n++;
		curve->point[curve->top] = *point;
		return;
	}
	waiting = top->waiting;
	peak(&waiting, point->waiting);
	if (point->level.held > top->level.held)
		*top = *point;
	top->waiting = waiting;
	top[1] = *point;
	curve->n = curve->top + 1 + (memcmp(top, point, sizeof(*top)) != 0);
}

/* ---- Samples ---- */

/* The clock; a replay that cannot keep pace, on a slow or busy machine, holds it back. */
static uint64_t pace_now(struct pace *pace)
{
	uint64_t now = progress_now() - pace->behind, latest = pace->due + LATE_NS;

	if (now <= latest)
		return now;
	pace->behind += now - latest;
	pace->result.held_back += (double)(now - latest) / 1e9;
	return latest;
}

/* The level of the last sample has lasted until now. */
static void add_up(struct pace *pace, uint64_t now)
{
	double seconds = (double)(now - pace->at) / 1e9;
	struct pace_result *result = &pace->result;

	result->held_mean += (double)pace->level.held * seconds;
	result->used_mean += (double)pace->level.used * seconds;
	result->waiting_mean += (double)pace->level.waiting * seconds;
	result->wasted_mean += (double)pace->level.wasted * seconds;
	pace->at = now;
}

void pace_sample(struct pace *pace)
{
	uint64_t now = pace_now(pace);
	struct pace_point point = {.seconds = (double)(now - pace->first) / 1e9};

	add_up(pace, now);
	pace->level = point.level = lab_level(pace->lab);
	point.waiting = point.level.waiting;
	peak(&pace->result.held_peak, pace->level.held);
	peak(&pace->result.waiting_peak, pace->level.waiting);
	peak(&pace->result.wasted_peak, pace->level.wasted);
	pace->result.samples++;
	pace_curve_add(&pace->result.curve, &point);
}

/* ---- Gaps ---- */

static void *settle(void *arg)
{
	struct pace *pace = arg;

	lab_barrier(pace->lab);
	gw_store_release(&pace->settler_done, true); /* pairs with the acquire in reap */
	return NULL;
}

static void reap(struct pace *pace, bool wait)
{
	if (!pace->settling || (!wait && !gw_load_acquire(&pace->settler_done)))
		return;
	pthread_join(pace->settler, NULL);
	pace->settling = false;
	pace->settled = pace->asked;
}

/* Without a thread the gap is waited through, which is right too. */
static void ask(struct pace *pace)
{
	if (pace->settling)
		return;
	pace->asked = pace->level.released;
	gw_store_relaxed(&pace->settler_done, false);
	pace->settling = !pthread_create(&pace->settler, NULL, settle, pace);
}

static bool nothing_waits(struct pace *pace)
{
	reap(pace, false);
	return pace->settled == pace->level.released;
}

static void skip(struct pace *pace, uint64_t ns)
{
	pace_sample(pace);
	pace->behind -= ns;
	pace->result.skipped += (double)ns / 1e9;
	lab_skip_time(pace->lab, ns);
	pace_sample(pace);
}

static void nap(struct pace *pace, uint64_t ns)
{
	struct timespec time = {.tv_nsec = SAMPLE_NS};

	if (ns < NAP_NS) {
		sched_yield();
		return;
	}
	if (ns - NAP_NS / 2 < SAMPLE_NS)
		time.tv_nsec = (long)(ns - NAP_NS / 2);
	nanosleep(&time, NULL);
	pace_sample(pace);
}

void pace_wait(struct pace *pace, uint64_t time)
{
	uint64_t now;

	pace->due = time;
	now = pace_now(pace);
	for (; now < time; now = pace_now(pace)) {
		if (nothing_waits(pace)) {
			skip(pace, time - now);
			return;
		}
		if (time - now > LONG_NS)
			ask(pace);
		nap(pace, time - now);
	}
}

/* ---- The clock's life ---- */

int pace_start(struct lab *lab, uint64_t first, uint64_t last, struct pace **out)
{
	struct pace *pace = calloc(1, sizeof(*pace));

	if (!pace)
		return -ENOMEM;
	if (pace_curve_open(&pace->result.curve, (double)(last - first) / 1e9, PACE_POINTS)) {
		free(pace);
		return -ENOMEM;
	}
	pace->lab = lab;
	pace->first = pace->at = pace->due = first;
	pace->behind = progress_now() - first;
	*out = pace;
	return 0;
}

void pace_stop(struct pace *pace, struct pace_result *result)
{
	add_up(pace, pace_now(pace));
	reap(pace, true);
	*result = pace->result;
	result->seconds = (double)(pace->at - pace->first) / 1e9;
	if (result->seconds > 0) {
		result->held_mean /= result->seconds;
		result->used_mean /= result->seconds;
		result->waiting_mean /= result->seconds;
		result->wasted_mean /= result->seconds;
	}
	free(pace);
}
