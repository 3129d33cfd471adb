/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Threads that walk and check. */
#include "walkers.h"
#include <stdio.h>
#include <stdlib.h>

enum { WALKS_A_SECTION = 1000 };

struct walker {
	pthread_t thread;
	struct walkers *all;
	uint64_t seed;
	struct walkers_result result;
};

struct walkers {
	const struct gw_format *format;
	const struct gw_pt *pt;
	struct frames *frames;
	const struct rcu_flavor_struct *flavour;
	_Atomic bool stop;
	unsigned n;
	struct walker walker[];
};

/* xorshift64: cheap, and good enough to pick pages with. */
static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static void note(struct walker *walker, const char *what, uint64_t va, uint64_t frame)
{
	if (!walker->result.first[0])
		snprintf(walker->result.first, sizeof(walker->result.first),
			 "%s: address 0x%llx, frame 0x%llx", what, (unsigned long long)va,
			 (unsigned long long)frame);
}

/* An answer: the frame must hold that page, and cannot have been released since the section
 * began. */
static void check_found(struct walker *walker, uint64_t va, uint64_t frame)
{
	struct frames *frames = walker->all->frames;
	uint64_t word;

	walker->result.found++;
	if (frame >= gw_load_acquire(&frames->top)) {
		walker->result.wrong++;
		note(walker, "a frame that was never handed out", va, frame);
		return;
	}
	word = gw_load_acquire(&frames->word[frame]);
	if (frame_state(word) == FRAME_FREE) {
		walker->result.stale++;
		note(walker, "a frame that was released", va, frame);
	} else if (frame_page(word) != va >> walker->all->format->page_lg2) {
		walker->result.wrong++;
		note(walker, "another page's frame", va, frame);
	}
}

static void walk_once(struct walker *walker, uint64_t top)
{
	struct walkers *all = walker->all;
	uint64_t frame = next_random(&walker->seed) % top;
	uint64_t gaps = gw_load_acquire(&all->frames->gaps);
	uint64_t before = gw_load_acquire(&all->frames->word[frame]);
	unsigned page_lg2 = all->format->page_lg2;
	uint64_t va = frame_page(before) << page_lg2;
	struct gw_leaf leaf;

	walker->result.walks++;
	if (all->format->walk(all->pt, va, &leaf)) {
		uint64_t out = all->format->one_value ? leaf.out : leaf.out + (va - leaf.va);

		check_found(walker, va, out >> page_lg2);
		return;
	}
	/* The walk's loads come before this one; pairs with the updater's store ahead of its
	 * unmap. */
	atomic_thread_fence(memory_order_acquire);
	if (all->format->breaks && (gaps & 1 || gaps != gw_load_relaxed(&all->frames->gaps)))
		return;
	if (frame_state(before) == FRAME_MAPPED &&
	    before == gw_load_relaxed(&all->frames->word[frame])) {
		walker->result.wrong++;
		note(walker, "a mapped page was not found", va, frame);
	}
}

static void *walk(void *arg)
{
	struct walker *walker = arg;
	struct walkers *all = walker->all;

	all->flavour->register_thread();
	while (!gw_load_relaxed(&all->stop)) {
		uint64_t top = gw_load_acquire(&all->frames->top);

		all->flavour->read_lock();
		for (int i = 0; top && i < WALKS_A_SECTION; i++)
			walk_once(walker, top);
		all->flavour->read_unlock();
		all->flavour->read_quiescent_state(); /* does something with qsbr only */
	}
	all->flavour->unregister_thread();
	return NULL;
}

int walkers_start(unsigned n, const struct gw_format *format, const struct gw_pt *pt,
		  struct frames *frames, const struct rcu_flavor_struct *flavour,
		  struct walkers **out)
{
	struct walkers *all = calloc(1, sizeof(*all) + n * sizeof(all->walker[0]));

	if (!all)
		return -ENOMEM;
	*all = (struct walkers){.format = format, .pt = pt, .frames = frames, .flavour = flavour};
	for (; all->n < n; all->n++) {
		struct walker *walker = &all->walker[all->n];
		int err;

		walker->all = all;
		walker->seed = 0x9e3779b97f4a7c15u * (all->n + 1);
		err = pthread_create(&walker->thread, NULL, walk, walker);
		if (err) {
			struct walkers_result ignored;

			walkers_stop(all, &ignored);
			return -err;
		}
	}
	*out = all;
	return 0;
}

void walkers_stop(struct walkers *all, struct walkers_result *result)
{
	*result = (struct walkers_result){0};
	gw_store_relaxed(&all->stop, true);
	for (unsigned i = 0; i < all->n; i++) {
		struct walkers_result *one = &all->walker[i].result;

		pthread_join(all->walker[i].thread, NULL);
		result->walks += one->walks;
		result->found += one->found;
		result->wrong += one->wrong;
		result->stale += one->stale;
		if (!result->first[0])
			snprintf(result->first, sizeof(result->first), "%s", one->first);
	}
	free(all);
}
