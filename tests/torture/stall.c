/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * A walker that stays in its read-side section, so that no grace period ends: what waits is
 * bounded, updaters are told and not held up, nothing is released, and all goes on when it leaves.
 */
#ifndef GW_FORMAT
#define GW_FORMAT x86_64
#endif
#include "reader.h"
#include <errno.h>
#include <gracewalk/gracewalk.h>
#include <gracewalk/urcu.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { PAGE = 4096, LIMIT = 64 << 10, TABLE = 4096, OUT = 1 << 30, STILL_MS = 100 };

static const struct rcu_flavor_struct *flavour;
static struct gw_pt *pt;
static atomic_bool inside, leave, left;
static atomic_ulong asked, released;

static void expect(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "WRONG: %s\n", what);
	exit(1);
}

static bool over_limit(void *ctx, size_t waiting)
{
	(void)ctx;
	expect(waiting > LIMIT, "asked below the limit");
	asked++;
	return false;
}

static void release(void *ctx, const struct gw_leaf *run)
{
	(void)ctx;
	expect(atomic_load(&leave), "released while a walker that might use it stays");
	atomic_fetch_add(&released, run->bytes);
}

/* What it has found stays mapped, as far as it can see: in its table, and by what that says. */
static void *stay(void *unused)
{
	const gw_entry *entry;
	uint64_t e;

	(void)unused;
	flavour->register_thread();
	entry = gw_pte_map(pt, 0);
	expect(entry, "nothing is mapped");
	e = gw_load_dependent(entry);
	atomic_store(&inside, true);
	while (!atomic_load(&leave)) {
		expect(gw_load_dependent(entry) == e, "a table was used again under a walker");
		usleep(1000);
	}
	gw_pte_unmap(pt);
	atomic_store(&left, true);
	flavour->unregister_thread();
	return NULL;
}

/* A table is built and unlinked. Return: bytes that will be released, or an error. */
static int come_and_go(unsigned i)
{
	uint64_t va = (i % 8 + 1) * gw_span(1);
	int err = gw_map(pt, va, PAGE, OUT, GW_READ);

	if (!err)
		err = gw_unmap(pt, va, gw_span(1));
	return err ? err : PAGE;
}

static uint64_t waiting_bytes(void)
{
	struct gw_pt_stats stats;

	gw_stats(pt, &stats);
	return stats.waiting_bytes;
}

/* Until updaters are refused. Return: bytes unmapped. */
static unsigned long until_refused(void)
{
	unsigned long bytes = 0;
	int did = 0;

	for (unsigned i = 0; did >= 0; i++) {
		expect(i < 10 * LIMIT / TABLE, "not refused far past the limit");
		did = come_and_go(i);
		bytes += did > 0 ? (unsigned)did : 0;
	}
	expect(did == -EBUSY, "refused for another reason");
	return bytes;
}

static void while_it_stays(void)
{
	uint64_t waiting = waiting_bytes();

	expect(atomic_load(&asked) > 0, "nobody was told");
	for (unsigned ms = 0; ms < STILL_MS; ms++) {
		expect(come_and_go(ms) == -EBUSY, "no longer refused, though nothing has changed");
		expect(gw_protect(pt, gw_span(2), PAGE, GW_READ | (ms & 1 ? GW_WRITE : 0)) == 0,
		       "protect adds nothing");
		usleep(1000);
	}
	expect(waiting_bytes() == waiting, "more waits");
	expect(waiting <= LIMIT + GW_LEVELS * TABLE, "more waits than the limit and a call");
	expect(!atomic_load(&left), "the walker has left");
}

static unsigned long until_it_is_over(void)
{
	for (unsigned ms = 0; ms < 10000; ms++) {
		int did = come_and_go(ms);

		if (did > 0)
			return (unsigned)did;
		expect(did == -EBUSY, "fails for another reason");
		reader_quiescent(flavour);
		usleep(1000);
	}
	expect(false, "refused for ever, though the walker has left");
	return 0;
}

static void walker_stays(const struct rcu_flavor_struct *of)
{
	struct gw_env *env = gw_urcu_create(of);
	struct gw_opts opts = {.env = env,
			       .policy = GW_POLICY_EAGER,
			       .deferred_limit = LIMIT,
			       .release = release,
			       .over_limit = over_limit};
	unsigned long bytes = PAGE;
	pthread_t walker;

	flavour = of;
	inside = leave = left = false;
	asked = released = 0;
	flavour->register_thread();
	expect(env && !gw_create(&opts, &pt), "create");
	expect(!gw_map(pt, 0, PAGE, OUT, GW_READ), "map");
	expect(!gw_map(pt, gw_span(2), PAGE, OUT, GW_READ), "map");
	expect(!pthread_create(&walker, NULL, stay, NULL), "no thread");
	while (!atomic_load(&inside))
		usleep(100);
	expect(!gw_unmap(pt, 0, gw_span(1)), "unmap");
	bytes += until_refused();
	while_it_stays();
	atomic_store(&leave, true);
	bytes += until_it_is_over();
	flavour->thread_offline();
	pthread_join(walker, NULL);
	flavour->thread_online();
	gw_urcu_drain(env);
	expect(waiting_bytes() == 0, "something waits for ever");
	expect(atomic_load(&released) == bytes, "not released exactly once");
	expect(!gw_check(pt), "check");
	gw_destroy(pt);
	gw_urcu_destroy(env);
	flavour->unregister_thread();
}

int main(void)
{
	walker_stays(&urcu_memb_flavor);
	walker_stays(&urcu_qsbr_flavor);
	walker_stays(&urcu_bp_flavor);
	return 0;
}
