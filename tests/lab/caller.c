/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * liburcu with deferred calls that a test can hold back, and that do not nap. */
#include <urcu.h> /* ahead of caller.h: it gives liburcu's flavour its name */
#include "caller.h"
#include <pthread.h>
#include <stddef.h>
#include <time.h>

static struct {
	pthread_mutex_t lock;
	pthread_cond_t news;
	pthread_t thread;
	bool there, stop, hold;
	struct rcu_head *first, **last;
	uint64_t queued, ran;  /* calls */
	uint64_t begun, ended; /* batches */
} caller = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.news = PTHREAD_COND_INITIALIZER,
	.last = &caller.first,
};

/* The queue's link lies where liburcu's does. */
static struct rcu_head *next_of(struct rcu_head *head)
{
	return (struct rcu_head *)head->next.next;
}

/* The calls are run without the lock, which they may take themselves to queue more. */
static void run_batch(struct rcu_head *head)
{
	uint64_t ran = 0;

	pthread_mutex_unlock(&caller.lock);
	rcu_flavor.update_synchronize_rcu();
	for (struct rcu_head *next; head; head = next, ran++) {
		next = next_of(head);
		head->func(head);
	}
	pthread_mutex_lock(&caller.lock);
	caller.ran += ran;
}

static void *caller_main(void *arg)
{
	caller_register();
	pthread_mutex_lock(&caller.lock);
	while (!caller.stop || caller.first) {
		struct rcu_head *batch = caller.first;

		if (!batch || caller.hold) {
			pthread_cond_wait(&caller.news, &caller.lock);
			continue;
		}
		caller.first = NULL;
		caller.last = &caller.first;
		caller.begun++;
		pthread_cond_broadcast(&caller.news);
		run_batch(batch);
		caller.ended++;
		pthread_cond_broadcast(&caller.news);
	}
	pthread_mutex_unlock(&caller.lock);
	caller_unregister();
	return arg;
}

static void caller_call(struct rcu_head *head, void (*fn)(struct rcu_head *head))
{
	head->next.next = NULL;
	head->func = fn;
	pthread_mutex_lock(&caller.lock);
	if (!caller.there)
		caller.there = !pthread_create(&caller.thread, NULL, caller_main, NULL);
	*caller.last = head;
	caller.last = (struct rcu_head **)&head->next.next;
	caller.queued++;
	pthread_cond_broadcast(&caller.news);
	pthread_mutex_unlock(&caller.lock);
}

static void caller_barrier(void)
{
	uint64_t queued;

	pthread_mutex_lock(&caller.lock);
	queued = caller.queued;
	while (caller.ran < queued)
		pthread_cond_wait(&caller.news, &caller.lock);
	pthread_mutex_unlock(&caller.lock);
}

const struct rcu_flavor_struct *caller_flavour(void)
{
	static struct rcu_flavor_struct flavour;

	flavour = rcu_flavor;
	flavour.update_call_rcu = caller_call;
	flavour.barrier = caller_barrier;
	return &flavour;
}

void caller_register(void)
{
	rcu_register_thread();
}

void caller_unregister(void)
{
	rcu_unregister_thread();
}

void caller_hold(bool hold)
{
	pthread_mutex_lock(&caller.lock);
	caller.hold = hold;
	pthread_cond_broadcast(&caller.news);
	pthread_mutex_unlock(&caller.lock);
}

uint64_t caller_begun(void)
{
	uint64_t begun;

	pthread_mutex_lock(&caller.lock);
	begun = caller.begun;
	pthread_mutex_unlock(&caller.lock);
	return begun;
}

void caller_wait_begun(uint64_t batches)
{
	pthread_mutex_lock(&caller.lock);
	while (caller.begun <= batches)
		pthread_cond_wait(&caller.news, &caller.lock);
	pthread_mutex_unlock(&caller.lock);
}

bool caller_wait_ended(uint64_t batches, unsigned ms)
{
	struct timespec until;
	bool ended;
	int err = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	until.tv_sec += ms / 1000 + until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&caller.lock);
	while (caller.ended <= batches && !err)
		err = pthread_cond_timedwait(&caller.news, &caller.lock, &until);
	ended = caller.ended > batches;
	pthread_mutex_unlock(&caller.lock);
	return ended;
}

void caller_stop(void)
{
	if (!caller.there)
		return;
	pthread_mutex_lock(&caller.lock);
	caller.stop = true;
	pthread_cond_broadcast(&caller.news);
	pthread_mutex_unlock(&caller.lock);
	pthread_join(caller.thread, NULL);
	caller.there = caller.stop = false;
}
