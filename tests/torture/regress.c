/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Races that torture found, made to happen every time: the other updater acts from inside the
 * environment, at the moment that matters. */
#ifndef GW_FORMAT
#define GW_FORMAT x86_64
#endif
#include "reader.h"
#include <gracewalk/gracewalk.h>
#include <gracewalk/urcu.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { PAGE = 4096, MINE = 1 << 20, THEIRS = 1 << 21, IN_THE_WAY = 1 << 22 };

static struct gw_env env, *inner;
static struct gw_pt *pt;
static void (*on_relax)(void), (*on_read_unlock)(void);
static uint64_t released;

static void expect(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "WRONG: %s\n", what);
	exit(1);
}

/* Calls a hook once. */
static void fire(void (**hook)(void))
{
	void (*fn)(void) = *hook;

	if (!fn)
		return;
	*hook = NULL;
	fn();
}

static void relax(struct gw_env *e, unsigned spins)
{
	(void)e;
	fire(&on_relax);
	inner->relax(inner, spins);
}

static void read_lock(struct gw_env *e)
{
	(void)e;
	inner->read_lock(inner);
}

static void read_unlock(struct gw_env *e)
{
	(void)e;
	inner->read_unlock(inner);
	fire(&on_read_unlock);
}

static void defer(struct gw_env *e, struct gw_head *head, void (*fn)(struct gw_head *head))
{
	(void)e;
	inner->defer(inner, head, fn);
}

static void synchronize(struct gw_env *e)
{
	(void)e;
	inner->synchronize(inner);
}

static void release(void *ctx, const struct gw_leaf *run)
{
	(void)ctx;
	released += run->bytes;
}

static void setup(void)
{
	struct gw_opts opts = {.env = &env, .policy = GW_POLICY_EAGER, .release = release};

	inner = gw_urcu_create(&urcu_memb_flavor);
	expect(inner, "no memory");
	env = *inner; /* its memory functions do not look at the environment */
	env.relax = relax;
	env.read_lock = read_lock;
	env.read_unlock = read_unlock;
	env.defer = defer;
	env.synchronize = synchronize;
	released = 0;
	expect(!gw_create(&opts, &pt), "create");
}

static void teardown(uint64_t bytes)
{
	gw_urcu_drain(inner);
	expect(!gw_check(pt), "check");
	gw_destroy(pt);
	gw_urcu_drain(inner);
	expect(released == bytes, "not released exactly once");
	gw_urcu_destroy(inner);
}

static uint64_t translate(uint64_t va)
{
	uint64_t out = 0;

	inner->read_lock(inner);
	if (!gw_translate(pt, va, &out))
		out = 0;
	inner->read_unlock(inner);
	return out;
}

/* gw_pte_unlock looked for its table once more, from the root. Where a parent had been unlinked
 * meanwhile it found none, or another, and dropped a lock that it did not hold. */
static struct gw_pte held;

static void unlock_held(void)
{
	gw_pte_unlock(pt, &held);
}

static void pte_unlock_below_unlinked_parent(void)
{
	setup();
	expect(!gw_map(pt, 0, PAGE, MINE, GW_READ), "map");
	expect(gw_pte_map_lock(pt, 0, &held), "pte_map_lock");
	on_relax =
		unlock_held; /* when the parent is unlinked, and the table's lock is waited for */
	expect(!gw_unmap(pt, 0, gw_span(2)), "unmap");
	expect(!on_relax && !translate(0), "still mapped");
	expect(!gw_map(pt, 0, PAGE, THEIRS, GW_READ) && translate(0) == THEIRS, "map again");
	teardown(2 * PAGE);
}

/* A gw_map that failed took back all of its range, also what another updater had mapped there after
 * it had unmapped some: that was gone, and never released. */
static void remap_second_page(void)
{
	expect(!gw_unmap(pt, PAGE, PAGE), "unmap by another");
	expect(!gw_map(pt, PAGE, PAGE, THEIRS, GW_READ), "map by another");
}

static void failed_map_takes_back_its_own(void)
{
	setup();
	expect(!gw_map(pt, 2 * PAGE, PAGE, IN_THE_WAY, GW_READ), "map");
	on_read_unlock = remap_second_page; /* two pages are mapped, the third is in the way */
	expect(gw_map(pt, 0, 3 * PAGE, MINE, GW_READ) == -EEXIST && !on_read_unlock, "EEXIST");
	expect(!translate(0), "not taken back");
	expect(translate(PAGE) == THEIRS, "another's page was taken back");
	expect(translate(2 * PAGE) == IN_THE_WAY, "what was in the way is gone");
	teardown(3 * PAGE);
}

/* A walker is in a table while that is collapsed and deposited, and stays for a while: what it sees
 * is what was there. */
static atomic_bool inside;

static void *stay_in_table(void *unused)
{
	const gw_entry *entry;
	uint64_t e;

	(void)unused;
	urcu_memb_flavor.register_thread();
	entry = gw_pte_map(pt, 0);
	expect(entry, "no table");
	e = gw_load_dependent(entry);
	atomic_store(&inside, true);
	for (unsigned i = 0; i < 50; i++) {
		expect(gw_load_dependent(entry) == e, "a table was deposited under a walker");
		usleep(1000);
	}
	gw_pte_unmap(pt);
	urcu_memb_flavor.unregister_thread();
	return NULL;
}

static void deposit_waits_for_walkers(void)
{
	uint64_t huge = gw_span(1);
	pthread_t walker;

	setup();
	expect(!gw_map(pt, 0, huge, huge, GW_READ), "map");
	expect(!gw_split(pt, 0), "split");
	expect(!pthread_create(&walker, NULL, stay_in_table, NULL), "no thread");
	while (!atomic_load(&inside))
		usleep(100);
	expect(gw_collapse(pt, 0, huge, GW_DEPOSIT) == 1, "collapse");
	pthread_join(walker, NULL);
	expect(!gw_split(pt, 0) && translate(0) == huge, "split again");
	teardown(huge);
}

/* gw_touch in one thread, and an MMU in another that records a write in the same entry: that must
 * never be lost. */
static atomic_bool touched_enough;

static void *touch_over_and_over(void *unused)
{
	(void)unused;
	urcu_memb_flavor.register_thread();
	while (!atomic_load(&touched_enough))
		expect(gw_touch(pt, 0, GW_ACCESSED), "touch");
	urcu_memb_flavor.unregister_thread();
	return NULL;
}

static void touch_loses_no_write(void)
{
	gw_entry *entry;
	pthread_t toucher;
	uint64_t clean;

	setup();
	expect(!gw_map(pt, 0, PAGE, MINE, GW_READ | GW_WRITE), "map");
	entry = (gw_entry *)(uintptr_t)gw_pte_map(pt, 0);
	clean = gw_load_relaxed(entry);
	gw_pte_unmap(pt);
	expect(!pthread_create(&toucher, NULL, touch_over_and_over, NULL), "no thread");
	for (clock_t end = clock() + CLOCKS_PER_SEC; clock() < end;) {
		for (unsigned i = 0; i < 1000; i++) {
			uint64_t e = gw_load_relaxed(entry);

			while (!gw_cas_acq_rel(entry, &e, gw_fmt_recorded(e, GW_DIRTY, 0)))
				;
			for (unsigned j = 0; j < 32; j++)
				e = gw_load_relaxed(entry);
			expect(gw_fmt_attr(e, 0) & GW_DIRTY, "a write was lost");
			gw_store_release(entry, clean);
		}
	}
	atomic_store(&touched_enough, true);
	pthread_join(toucher, NULL);
	teardown(PAGE);
}

int main(void)
{
	urcu_memb_flavor.register_thread();
	pte_unlock_below_unlinked_parent();
	failed_map_takes_back_its_own();
	deposit_waits_for_walkers();
	touch_loses_no_write();
	urcu_memb_flavor.unregister_thread();
	return 0;
}
