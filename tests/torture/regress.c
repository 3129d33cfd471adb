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

static void setup_with(enum gw_policy policy, bool told)
{
	struct gw_opts opts = {.env = &env, .policy = policy, .release = told ? release : NULL};

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

static void setup(void)
{
	setup_with(GW_POLICY_EAGER, true);
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

/* Whoever waits for a table's lock finds another table's worth of news behind it: another updater
 * holds the lock of its second page, and gets on when the first one waits. */
static void take_second_page(void)
{
	setup_with(GW_POLICY_EAGER, false);
	expect(!gw_map(pt, 0, 2 * PAGE, MINE, GW_READ), "map");
	expect(gw_pte_map_lock(pt, PAGE, &held), "no table");
}

static void unmap_second_page(void)
{
	gw_pte_set(pt, &held, 0);
	gw_pte_unlock(pt, &held);
}

static void unmap_table(void)
{
	gw_pte_unlock(pt, &held);
	expect(!gw_unmap(pt, 0, gw_span(1)), "unmap");
}

static void last_page_takes_its_table_along(void)
{
	struct gw_pt_stats stats;

	take_second_page();
	on_relax = unmap_second_page;
	expect(!gw_unmap(pt, 0, PAGE) && !on_relax, "unmap");
	gw_urcu_drain(inner);
	gw_stats(pt, &stats);
	expect(stats.table_bytes == PAGE, "an empty table stayed");
	teardown(0);
}

static void dead_tables_are_left_alone(void)
{
	struct gw_pte pte;

	take_second_page();
	on_relax = unmap_table;
	expect(!gw_touch(pt, 0, GW_ACCESSED) && !on_relax, "recorded in a dead table");
	teardown(0);
	take_second_page();
	on_relax = unmap_table;
	expect(!gw_pte_map_lock(pt, 0, &pte) && !on_relax, "an entry of a dead table");
	teardown(0);
}

/* ---- Two threads that meet in a few instructions: for a second of their time, or
 * GW_REGRESS_MILLISECONDS ---- */

static atomic_bool enough;

/* What the one thread does over and over while the other does its part. */
static void *over_and_over(void *once)
{
	urcu_memb_flavor.register_thread();
	while (!atomic_load(&enough))
		((void (*)(void))once)();
	urcu_memb_flavor.unregister_thread();
	return NULL;
}

static void beside(void (*other)(void), void (*mine)(void))
{
	const char *shorter = getenv("GW_REGRESS_MILLISECONDS");
	clock_t end = clock() + CLOCKS_PER_SEC / 1000 * (shorter ? atoi(shorter) : 1000);
	pthread_t thread;

	atomic_store(&enough, false);
	expect(!pthread_create(&thread, NULL, over_and_over, (void *)other), "no thread");
	while (clock() < end)
		for (unsigned i = 0; i < 1000; i++)
			mine();
	atomic_store(&enough, true);
	pthread_join(thread, NULL);
}

/* The table of that level for address 0: its first entry. */
static const gw_entry *table_of(unsigned level)
{
	const gw_entry *table = pt->root;

	for (unsigned at = GW_LEVELS - 1; at > level; at--)
		table = (const gw_entry *)(uintptr_t)(gw_fmt_table_address(table[0], at) +
						      pt->to_pointer);
	return table;
}

/* gw_touch, and an MMU that records a write in the same entry: that must never be lost. */
static gw_entry *entry;
static uint64_t clean;

static void touch(void)
{
	expect(gw_touch(pt, 0, GW_ACCESSED), "touch");
}

static void write_to_page(void)
{
	uint64_t e = gw_load_relaxed(entry);

	while (!gw_cas_acq_rel(entry, &e, gw_fmt_recorded(e, GW_DIRTY, 0)))
		;
	for (unsigned i = 0; i < 32; i++)
		e = gw_load_relaxed(entry);
	expect(gw_fmt_attr(e, 0) & GW_DIRTY, "a write was lost");
	gw_store_release(entry, clean);
}

static void touch_loses_no_write(void)
{
	setup();
	expect(!gw_map(pt, 0, PAGE, MINE, GW_READ | GW_WRITE), "map");
	entry = (gw_entry *)(uintptr_t)gw_pte_map(pt, 0);
	clean = gw_load_relaxed(entry);
	gw_pte_unmap(pt);
	beside(touch, write_to_page);
	teardown(PAGE);
}

/* An MMU that writes to a leaf once, which is unmapped, or split, at any moment: `release` tells of
 * each write. */
static uint64_t dirty, writes;
static _Atomic uint64_t told;

static void count_dirty(void *ctx, const struct gw_leaf *run)
{
	(void)ctx;
	told += run->attr / GW_DIRTY & 1;
}

static void write_once(void)
{
	uint64_t e = clean;

	writes += gw_cas_acq_rel(entry, &e, dirty);
}

static void map_and_unmap(void)
{
	expect(!gw_map(pt, 0, PAGE, MINE, GW_READ | GW_WRITE), "map");
	expect(!gw_unmap(pt, 0, PAGE), "unmap");
}

static void map_and_split(void)
{
	expect(!gw_map(pt, 0, gw_span(1), 0, GW_READ | GW_WRITE), "map");
	expect(!gw_split(pt, 0), "split");
	expect(!gw_unmap(pt, 0, gw_span(1)), "unmap");
}

static void no_write_is_lost(unsigned level, void (*update)(void))
{
	struct gw_opts opts = {.env = &env, .release = count_dirty};
	uint64_t out = level ? 0 : MINE;

	setup();
	gw_destroy(pt);
	expect(!gw_create(&opts, &pt), "create");
	expect(!gw_map(pt, gw_span(level), gw_span(level), gw_span(level), GW_READ), "map");
	entry = (gw_entry *)(uintptr_t)table_of(level);
	clean = gw_fmt_leaf(out, GW_READ | GW_WRITE, level);
	dirty = gw_fmt_recorded(clean, GW_DIRTY, level);
	writes = told = 0;
	beside(write_once, update);
	teardown(0);
	expect(writes && told == writes, "release was not told of a write");
}

/* Two updaters of different pages of one table: its count is both's. */
static void map_two(uint64_t va)
{
	expect(!gw_map(pt, va, 2 * PAGE, MINE, GW_READ), "map");
	expect(!gw_unmap(pt, va, 2 * PAGE), "unmap");
}

static void map_some(void)
{
	map_two(2 * PAGE);
}

static void map_others(void)
{
	map_two(4 * PAGE);
}

static void updaters_share_a_count(void)
{
	setup_with(GW_POLICY_MANUAL, false);
	beside(map_some, map_others);
	gw_urcu_drain(inner);
	expect(!gw_check(pt), "check");
	teardown(0);
}

/* A table that is being reclaimed gets its first page: it stays, or the page comes into another. */
static void reclaim_all(void)
{
	gw_reclaim(pt, 0, UINT64_MAX);
}

static void map_and_look(void)
{
	expect(!gw_map(pt, 0, PAGE, MINE, GW_READ), "map");
	expect(translate(0) == MINE, "a page went with its table");
	expect(!gw_unmap(pt, 0, PAGE), "unmap");
}

static void reclaim_leaves_what_comes(void)
{
	setup_with(GW_POLICY_MANUAL, false);
	beside(reclaim_all, map_and_look);
	teardown(0);
}

int main(void)
{
	urcu_memb_flavor.register_thread();
	pte_unlock_below_unlinked_parent();
	failed_map_takes_back_its_own();
	deposit_waits_for_walkers();
	last_page_takes_its_table_along();
	dead_tables_are_left_alone();
	touch_loses_no_write();
	no_write_is_lost(0, map_and_unmap);
	no_write_is_lost(1, map_and_split);
	updaters_share_a_count();
	reclaim_leaves_what_comes();
	urcu_memb_flavor.unregister_thread();
	return 0;
}
