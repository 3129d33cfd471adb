/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The page frames that a replay hands out, with what each holds: what walkers check answers
 * against. */
#ifndef GRACEWALK_CLI_FRAMES_H
#define GRACEWALK_CLI_FRAMES_H

#include <gracewalk/atomic.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

/* What became of a frame, in this order. Only the updater moves it on, but for the last step,
 * which is the release after the grace period. A word that reads the same before and after a
 * walk tells what the walk had to say. */
enum frame_state {
	FRAME_FREE,      /* no walk may give it: never mapped, or released */
	FRAME_MAPPING,   /* gw_map runs: a walk may give it or not */
	FRAME_MAPPED,    /* a walk must give it */
	FRAME_UNMAPPING, /* gw_unmap runs, or the grace period after it */
};

struct frames {
	_Atomic uint64_t *word; /* state, generation and page number of each frame */
	_Atomic uint64_t top;   /* frames below were handed out at least once */
	_Atomic uint64_t gaps;  /* counts up; odd: a call runs that may show any page absent */
	pthread_mutex_t lock;   /* of the two below: releases come from another thread */
	uint32_t *spare;        /* released ones */
	size_t nspare;
};

int frames_open(struct frames *frames);
void frames_close(struct frames *frames);

/* Hands out n frames that follow one another, the first aligned to n where n is a power of two.
 * Return: 0 with the first in *first, or -ENOMEM. */
int frames_take(struct frames *frames, uint64_t n, uint64_t *first);

/* Moves frames on: frame i holds page + i. */
void frames_set(struct frames *frames, uint64_t first, uint64_t n, uint64_t page,
		enum frame_state state);

/* Around a call that may show any page absent for a moment. Walkers who see the gap see the number
 * change: an entry is emptied with release order, and the number read after a fence. */
static inline void frames_gap_begin(struct frames *frames)
{
	gw_fetch_add_relaxed(&frames->gaps, 1);
}

static inline void frames_gap_end(struct frames *frames)
{
	gw_store_release(&frames->gaps, gw_load_relaxed(&frames->gaps) + 1);
}

/* The release: the frames may be handed out again. */
void frames_give_back(struct frames *frames, uint64_t first, uint64_t n);

enum { FRAME_PAGE_BITS = 52, FRAME_GENERATION_BITS = 10 };

static inline uint64_t frame_page(uint64_t word)
{
	return word & ((1ull << FRAME_PAGE_BITS) - 1);
}

static inline enum frame_state frame_state(uint64_t word)
{
	return (enum frame_state)(word >> (FRAME_PAGE_BITS + FRAME_GENERATION_BITS));
}

#endif
