/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Threads that walk the lab's tables. */
#include "lab_walk.h"
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>

enum { WALKS_AT_ONCE = 64, CACHE_LINE = 64 };

struct walk_thread {
	pthread_t thread;
	struct lab_walks *all;
	struct lab_walker *walker;
	uint64_t seed;
	_Atomic uint64_t done, present; /* the second only so that the walk has a result */
	char pad[CACHE_LINE];
};

struct lab_walks {
	struct lab_walk_options options;
	_Atomic bool stop;
	unsigned n; /* threads started */
	struct walk_thread thread[LAB_WALK_THREADS_MAX];
};

/* xorshift64 */
static uint64_t any(struct walk_thread *thread)
{
	thread->seed ^= thread->seed << 13;
	thread->seed ^= thread->seed >> 7;
	thread->seed ^= thread->seed << 17;
	return thread->seed;
}

static void some_walks(struct walk_thread *thread)
{
	const struct lab_walk_options *o = &thread->all->options;
	uint64_t present = gw_load_relaxed(&thread->present);

	for (unsigned i = 0; i < WALKS_AT_ONCE; i++) {
		uint64_t addr = o->n ? o->addresses[any(thread) % o->n] : 0;

		present += pgtable_present(o->pgtable, thread->walker, o->walk, addr);
	}
	gw_store_relaxed(&thread->present, present);
	gw_store_relaxed(&thread->done, gw_load_relaxed(&thread->done) + WALKS_AT_ONCE);
}

static void *walk(void *arg)
{
	struct walk_thread *thread = arg;
	const struct rcu_flavor_struct *flavour = thread->all->options.flavour;

	flavour->register_thread();
	while (!gw_load_relaxed(&thread->all->stop))
		some_walks(thread);
	flavour->unregister_thread();
	return NULL;
}

static int start_one(struct lab_walks *walks)
{
	struct walk_thread *thread = &walks->thread[walks->n];
	int err;

	thread->all = walks;
	thread->seed = 0x9e3779b97f4a7c15u * (walks->n + 1);
	thread->walker = lab_walker_add(walks->options.lab);
	if (!thread->walker)
		return -ENOMEM;
	err = pthread_create(&thread->thread, NULL, walk, thread);
	if (err)
		lab_walker_remove(thread->walker);
	else
		walks->n++;
	return -err;
}

int lab_walks_start(const struct lab_walk_options *options, struct lab_walks **out)
{
	struct lab_walks *walks = calloc(1, sizeof(*walks));
	int err = 0;

	if (!walks)
		return -ENOMEM;
	walks->options = *options;
	while (!err && walks->n < options->threads)
		err = start_one(walks);
	if (err) {
		lab_walks_stop(walks);
		return err;
	}
	for (unsigned i = 0; i < walks->n; i++)
		while (!gw_load_relaxed(&walks->thread[i].done))
			sched_yield();
	*out = walks;
	return 0;
}

uint64_t lab_thread_ns(pthread_t thread)
{
	struct timespec time = {0};
	clockid_t clock;

	if (!pthread_getcpuclockid(thread, &clock))
		clock_gettime(clock, &time);
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

struct lab_walks_count lab_walks_count(const struct lab_walks *walks)
{
	struct lab_walks_count count = {0};

	for (unsigned i = 0; i < walks->n; i++) {
		count.walks += gw_load_relaxed(&walks->thread[i].done);
		count.ns += lab_thread_ns(walks->thread[i].thread);
	}
	return count;
}

void lab_walks_stop(struct lab_walks *walks)
{
	gw_store_relaxed(&walks->stop, true);
	for (unsigned i = 0; i < walks->n; i++) {
		pthread_join(walks->thread[i].thread, NULL);
		lab_walker_remove(walks->thread[i].walker);
	}
	free(walks);
}
