/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Runs a harness with threads, over and over: what the machine at hand makes of it.
 *
 * usage: harness [seconds] */
#include "run.h"
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static _Thread_local unsigned number;
static _Thread_local uint32_t chance;
static pthread_barrier_t start, stop;
static bool over; /* written while all threads are at a barrier */

unsigned model_self(void)
{
	return number;
}

void model_relax(void)
{
	sched_yield();
}

/* Mostly nothing; sometimes a moment; seldom long enough for others to do a whole call. */
void model_pause(void)
{
	chance = chance * 1664525 + 1013904223;
	if (chance >> 29)
		return;
	for (unsigned i = 0; i < (chance >> 24 & 31); i++)
		sched_yield();
}

void model_wrong(const char *what, const char *file, int line)
{
	printf("WRONG: %s:%d: %s\n", file, line, what);
	fflush(stdout);
	_Exit(1);
}

static void *run(void *n)
{
	number = (unsigned)(uintptr_t)n;
	chance = number * 0x9e3779b9;
	for (;;) {
		pthread_barrier_wait(&start);
		if (over)
			return NULL;
		model_pause();
		model.thread[number - 1]();
		pthread_barrier_wait(&stop);
	}
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	double end = now() + (argc > 1 ? atof(argv[1]) : 1);
	pthread_t thread[MODEL_THREADS];
	unsigned threads = 0;
	uint64_t runs = 0;

	while (threads < MODEL_THREADS - 1 && model.thread[threads])
		threads++;
	pthread_barrier_init(&start, NULL, threads + 1);
	pthread_barrier_init(&stop, NULL, threads + 1);
	for (uintptr_t i = 1; i <= threads; i++)
		pthread_create(&thread[i], NULL, run, (void *)i);
	for (; now() < end; runs++) {
		memset(__start_model_shared, 0,
		       (size_t)(__stop_model_shared - __start_model_shared));
		model.setup();
		pthread_barrier_wait(&start);
		pthread_barrier_wait(&stop);
		model.end();
	}
	over = true;
	pthread_barrier_wait(&start);
	for (unsigned i = 1; i <= threads; i++)
		pthread_join(thread[i], NULL);
	printf("%llu runs\n", (unsigned long long)runs);
	return 0;
}
