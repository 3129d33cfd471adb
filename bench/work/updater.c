/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The updater beside a thread that looks up. */
#include "work.h"
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>

static pthread_t thread;
static sem_t go, done;
static struct {
	const struct peer *peer; /* NULL: end */
	void *map;
	uint64_t start, pages;
	struct updater_log *log; /* or NULL */
	_Atomic bool stop;
	_Atomic uint64_t updated;
} job;

static void unmap(uint64_t va)
{
	struct updater_log *log = job.log;
	uint64_t start = log ? peer_ticks() : 0, ticks, n;

	job.peer->unmap(job.map, va, job.pages);
	if (!log)
		return;
	ticks = peer_ticks() - start;
	n = atomic_load_explicit(&log->n, memory_order_relaxed);
	if (n == log->room)
		return;
	log->ticks[n] = ticks < UINT32_MAX ? (uint32_t)ticks : UINT32_MAX;
	atomic_store_explicit(&log->n, n + 1, memory_order_relaxed);
}

static void run(uint64_t *seed)
{
	const uint64_t places = GROUND_SPARE / job.pages;
	uint64_t updated = 0;

	while (!atomic_load_explicit(&job.stop, memory_order_relaxed)) {
		uint64_t place = bench_random(seed) % places;
		uint64_t va = job.start + ((place * job.pages) << PEER_PAGE_LG2);

		job.peer->map(job.map, va, job.pages, PEER_PAGE);
		unmap(va);
		updated += job.pages;
		atomic_store_explicit(&job.updated, updated, memory_order_release);
	}
}

static void *serve(void *arg)
{
	uint64_t seed = 2;

	(void)arg;
	work_register();
	for (sem_wait(&go); job.peer; sem_wait(&go)) {
		run(&seed);
		sem_post(&done);
	}
	work_unregister();
	return NULL;
}

void updater_begin(void)
{
	sem_init(&go, 0, 0);
	sem_init(&done, 0, 0);
	bench_check(!pthread_create(&thread, NULL, serve, NULL), "pthread_create");
}

void updater_end(void)
{
	job.peer = NULL;
	sem_post(&go);
	pthread_join(thread, NULL);
}

void updater_start(const struct ground *g, unsigned subject, uint64_t pages,
		   struct updater_log *log)
{
	job.peer = g->subject[subject].peer;
	job.map = g->map[subject];
	job.start = g->run.base + (g->run.count << PEER_PAGE_LG2);
	job.pages = pages;
	job.log = log;
	atomic_store(&job.stop, false);
	atomic_store(&job.updated, 0);
	sem_post(&go);
	while (!atomic_load_explicit(&job.updated, memory_order_acquire))
		sched_yield();
}

uint64_t updater_stop(void)
{
	atomic_store(&job.stop, true);
	sem_wait(&done);
	return atomic_load(&job.updated);
}
