/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The page frames that a replay hands out. */
#include "frames.h"
#include <errno.h>
#include <sys/mman.h>

/* Of the arrays, which cost memory only where they are touched: frames for 1 TiB of pages. */
enum { FRAMES_MAX = 1 << 28 };

static void *reserve(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

int frames_open(struct frames *frames)
{
	*frames = (struct frames){
		.word = reserve(FRAMES_MAX * sizeof(*frames->word)),
		.spare = reserve(FRAMES_MAX * sizeof(*frames->spare)),
	};
	pthread_mutex_init(&frames->lock, NULL);
	if (frames->word && frames->spare)
		return 0;
	frames_close(frames);
	return -ENOMEM;
}

void frames_close(struct frames *frames)
{
	if (frames->word)
		munmap(frames->word, FRAMES_MAX * sizeof(*frames->word));
	if (frames->spare)
		munmap(frames->spare, FRAMES_MAX * sizeof(*frames->spare));
	pthread_mutex_destroy(&frames->lock);
}

static bool take_spare(struct frames *frames, uint64_t *first)
{
	bool any;

	pthread_mutex_lock(&frames->lock);
	any = frames->nspare;
	if (any)
		*first = frames->spare[--frames->nspare];
	pthread_mutex_unlock(&frames->lock);
	return any;
}

int frames_take(struct frames *frames, uint64_t n, uint64_t *first)
{
	uint64_t top = gw_load_relaxed(&frames->top);

	if (n == 1 && take_spare(frames, first))
		return 0;
	if (!(n & (n - 1)))
		top = (top + n - 1) & ~(n - 1);
	if (n > FRAMES_MAX - top)
		return -ENOMEM;
	*first = top;
	gw_store_release(&frames->top, top + n);
	return 0;
}

void frames_set(struct frames *frames, uint64_t first, uint64_t n, uint64_t page,
		enum frame_state state)
{
	const uint64_t one = 1ull << FRAME_PAGE_BITS, mask = ((1ull << FRAME_GENERATION_BITS) - 1)
							     << FRAME_PAGE_BITS;

	for (uint64_t i = 0; i < n; i++) {
		uint64_t generation = gw_load_relaxed(&frames->word[first + i]) & mask;

		if (state == FRAME_MAPPING)
			generation = (generation + one) & mask;
		/* Release: pairs with the walkers' acquire; a walk that comes after sees what
		 * was done before. */
		gw_store_release(&frames->word[first + i],
				 (uint64_t)state << (FRAME_PAGE_BITS + FRAME_GENERATION_BITS) |
					 generation | (page + i));
	}
}

void frames_give_back(struct frames *frames, uint64_t first, uint64_t n)
{
	pthread_mutex_lock(&frames->lock);
	for (uint64_t i = 0; i < n; i++) {
		frames_set(frames, first + i, 1,
			   frame_page(gw_load_relaxed(&frames->word[first + i])), FRAME_FREE);
		frames->spare[frames->nspare++] = (uint32_t)(first + i);
	}
	pthread_mutex_unlock(&frames->lock);
}
