/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * No write goes unnoticed: MMUs, played by threads, or walkers write to pages; gw_harvest and
 * `release` tell which were written; what was told is copied; in the end the copy is the original.
 *
 * usage: dirty mmu|fault|walker [in-found|no-grace] [--seconds N]
 *   mmu     the MMU records writes by itself
 *   fault   it faults, and the handler records them: by gw_touch, or where the format has no dirty
 *           bit by giving back the right to write
 *   walker  walkers in software, which record by gw_touch, and have a read-side section for a TLB
 * Faults of the caller's, which must be noticed: to copy already in `found`; not to wait for
 * walkers before the copy. */
#include "reader.h"
#include <gracewalk/gracewalk.h>
#include <gracewalk/urcu.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	PAGE = 1 << GW_PAGE_LG2,
	PAGES_MAX = 512,
	WRITERS = 2,
	PLACES = 16,    /* pages that are accessed: few, so that all meet there */
	ACCESSES = 300, /* of a writer in a round */
	RECORDS = GW_FMT_ATTRS & (GW_ACCESSED | GW_DIRTY),
	TAKE = RECORDS ? RECORDS : GW_WRITE,
	FRESH = GW_FMT_ATTRS_MUST | (RECORDS ? GW_WRITE : 0), /* as mapped: not written yet */
	WRITTEN = GW_WRITE | (GW_FMT_ATTRS & GW_DIRTY),       /* what it takes to write */
};

/* One leaf of level 1, or the pages that it is split into, at an address and an output that is a
 * multiple of its size. */
#define BASE (gw_span(2))
#define OUT (gw_span(1))

enum how { MMU, FAULT, WALKER };

/* An MMU. `state` is odd during an access, which is at one with what was invalidated before. */
struct mmu {
	pthread_t thread;
	_Atomic uint64_t state;
	uint64_t forgot, seed, value;
	bool remembers[PAGES_MAX]; /* that the page may be written, and is dirty */
};

static enum how how;
static bool in_found, no_grace;
static struct gw_env env, *inner;
static struct gw_pt *pt;
static struct mmu mmus[WRITERS];
static pthread_barrier_t round_begins;
static _Atomic uint64_t forget;    /* counts invalidations */
static _Atomic unsigned busy;      /* writers and updaters in this round */
static _Atomic bool stop, updates; /* in this round */
static _Atomic uint64_t page[PAGES_MAX];
static uint64_t copy[PAGES_MAX];
static _Atomic bool told[PAGES_MAX];
static _Atomic uint64_t writes, tells;

static unsigned pages(void)
{
	return (unsigned)(gw_span(1) / PAGE);
}

static void expect(bool ok, const char *what)
{
	if (ok)
		return;
	printf("WRONG: %s failed\n", what);
	exit(1);
}

static uint64_t below(uint64_t *seed, uint64_t n)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return (*seed >> 20) % n;
}

/* ---- The environment: liburcu's, with deferred calls that run when the test says so. Its worker
 * sleeps between rounds of its own, which would be all that a round of ours takes ---- */

static _Atomic(struct gw_head *) deferred;

static void read_lock(struct gw_env *e)
{
	(void)e;
	inner->read_lock(inner);
}

static void read_unlock(struct gw_env *e)
{
	(void)e;
	inner->read_unlock(inner);
}

static void synchronize(struct gw_env *e)
{
	(void)e;
	inner->synchronize(inner);
}

static void defer(struct gw_env *e, struct gw_head *head, void (*fn)(struct gw_head *head))
{
	struct gw_head *next = atomic_load(&deferred);

	(void)e;
	head->fn = fn;
	do
		head->room[0] = next;
	while (!atomic_compare_exchange_weak(&deferred, &next, head));
}

static void run_deferred(void)
{
	struct gw_head *head;

	while ((head = atomic_exchange(&deferred, NULL))) {
		inner->synchronize(inner);
		while (head) {
			struct gw_head *next = head->room[0];

			head->fn(head);
			head = next;
		}
	}
}

static void make_env(void)
{
	inner = gw_urcu_create(&urcu_memb_flavor);
	expect(inner, "gw_urcu_create");
	env = *inner; /* its memory functions do not look at the environment */
	env.read_lock = read_lock;
	env.read_unlock = read_unlock;
	env.synchronize = synchronize;
	env.defer = defer;
}

/* ---- The MMU ---- */

/* Every access that was under way is over, every later one has forgotten. */
static void invalidate(void *ctx, const struct gw_range *range)
{
	(void)ctx;
	(void)range;
	atomic_fetch_add(&forget, 1);
	for (unsigned i = 0; how != WALKER && i < WRITERS; i++) {
		uint64_t state = atomic_load(&mmus[i].state);

		while (state % 2 && atomic_load(&mmus[i].state) == state)
			sched_yield();
	}
}

static gw_entry *find(uint64_t va, unsigned *level)
{
	gw_entry *table = (gw_entry *)(uintptr_t)pt->root;

	for (*level = GW_LEVELS - 1;; --*level) {
		gw_entry *entry = &table[gw_index(va, *level)];
		uint64_t e = gw_load_dependent(entry);

		if (!gw_fmt_is_table(e, *level))
			return entry;
		table = (gw_entry *)(uintptr_t)(gw_fmt_table_address(e, *level) + pt->to_pointer);
	}
}

/* Records `set` where the leaf allows it. Return: whether it did. */
static bool record(gw_entry *entry, unsigned level, uint32_t set)
{
	uint64_t e = gw_load_relaxed(entry);

	while (gw_fmt_is_leaf(e, level) && (gw_fmt_attr(e, level) & GW_WRITE || !(set & GW_DIRTY)))
		if (gw_cas_acq_rel(entry, &e, gw_fmt_recorded(e, set, level)))
			return true;
	return false;
}

static void write_page(struct mmu *mmu, unsigned i)
{
	gw_store_release(&page[i], mmu->value += WRITERS); /* pairs with check_marks */
	gw_fetch_add_relaxed(&writes, 1);
}

/* One access by the MMU. Return: false: a fault. */
static bool access_page(struct mmu *mmu, unsigned i, bool write)
{
	unsigned level;
	gw_entry *entry;
	uint64_t e;

	if (mmu->forgot != atomic_load(&forget)) {
		mmu->forgot = atomic_load(&forget);
		memset(mmu->remembers, 0, sizeof(mmu->remembers));
	}
	if (!mmu->remembers[i]) {
		entry = find(BASE + i * PAGE, &level);
		if (how == MMU && !record(entry, level, write ? RECORDS : RECORDS & GW_ACCESSED))
			return false;
		e = gw_load_relaxed(entry);
		if (!gw_fmt_is_leaf(e, level))
			return false;
		if (!write)
			return true;
		if (WRITTEN & ~gw_fmt_attr(e, level))
			return false;
		mmu->remembers[i] = true;
	}
	if (write)
		write_page(mmu, i);
	return true;
}

static void handle_fault(unsigned i, bool write)
{
	uint64_t va = BASE + i * PAGE;

	if (RECORDS)
		gw_touch(pt, va, write ? GW_ACCESSED | GW_DIRTY : GW_ACCESSED);
	else if (write)
		expect(!gw_protect(pt, va, PAGE, FRESH | GW_WRITE), "gw_protect");
}

/* Where nothing is mapped at the moment the access is given up. */
static void access_by_mmu(struct mmu *mmu, unsigned i, bool write)
{
	for (unsigned tries = 0; tries < 3; tries++) {
		bool ok;

		atomic_fetch_add(&mmu->state, 1);
		ok = access_page(mmu, i, write);
		atomic_fetch_add(&mmu->state, 1);
		if (ok || how == MMU)
			return;
		handle_fault(i, write);
	}
}

/* ---- Walkers ---- */

static void access_by_walker(struct mmu *mmu, unsigned i, bool write)
{
	uint64_t va = BASE + i * PAGE;
	struct gw_leaf leaf;
	bool ok;

	env.read_lock(&env);
	do
		ok = gw_walk(pt, va, &leaf);
	while (ok && WRITTEN & ~leaf.attr && gw_touch(pt, va, GW_ACCESSED | GW_DIRTY));
	if (below(&mmu->seed, 64) == 0)
		sched_yield();
	if (ok && write && !(WRITTEN & ~leaf.attr))
		write_page(mmu, i);
	env.read_unlock(&env);
}

static void *writer(void *arg)
{
	struct mmu *mmu = arg;

	urcu_memb_flavor.register_thread();
	for (;;) {
		pthread_barrier_wait(&round_begins);
		if (stop)
			break;
		for (unsigned n = 0; n < ACCESSES; n++) {
			unsigned i = (unsigned)below(&mmu->seed, PLACES) * (pages() / PLACES);
			bool write = below(&mmu->seed, 2);

			(how == WALKER ? access_by_walker : access_by_mmu)(mmu, i, write);
			if (below(&mmu->seed, 32) == 0)
				sched_yield(); /* where processors are few, nothing else would meet
						*/
		}
		atomic_fetch_sub(&busy, 1);
	}
	urcu_memb_flavor.unregister_thread();
	return NULL;
}

/* ---- Updaters ---- */

/* To where no larger leaf fits, unless it is all. */
static void map_again(uint64_t first, uint64_t n)
{
	uint64_t va = BASE + first * PAGE;

	expect(!gw_unmap(pt, va, n * PAGE), "gw_unmap");
	expect(!gw_map(pt, va, n * PAGE, OUT + first * PAGE, FRESH), "gw_map");
}

/* Unmaps and maps again, and splits the large leaf by changing the rights of a part. */
static void *updater(void *arg)
{
	uint64_t seed = 88172645463325252ull;

	(void)arg;
	urcu_memb_flavor.register_thread();
	for (;;) {
		uint64_t first, n;

		pthread_barrier_wait(&round_begins);
		if (stop)
			break;
		if (!updates) {
			atomic_fetch_sub(&busy, 1);
			continue;
		}
		first = below(&seed, pages());
		n = 1 + below(&seed, pages() - first);
		if (below(&seed, 3) == 0)
			map_again(0, pages());
		else if (!RECORDS || below(&seed, 2))
			map_again(first, n);
		else
			expect(!gw_protect(pt, BASE + first * PAGE, n * PAGE,
					   FRESH | (below(&seed, 2) ? GW_EXEC : 0)),
			       "gw_protect");
		run_deferred();
		atomic_fetch_sub(&busy, 1);
	}
	urcu_memb_flavor.unregister_thread();
	return NULL;
}

/* ---- Who wants to know ---- */

static void copy_told(void)
{
	for (unsigned i = 0; i < pages(); i++)
		if (atomic_exchange(&told[i], false))
			copy[i] = gw_load_relaxed(&page[i]);
}

static void tell(const struct gw_leaf *run)
{
	uint64_t first = (run->out - OUT) / PAGE;

	if ((run->attr & WRITTEN) != WRITTEN && !(run->attr & GW_FMT_ATTRS & GW_DIRTY))
		return;
	for (uint64_t i = 0; i < run->bytes / PAGE; i++)
		told[first + i] = true;
	gw_fetch_add_relaxed(&tells, run->bytes / PAGE);
}

static void found(void *ctx, const struct gw_leaf *run)
{
	(void)ctx;
	tell(run);
	if (in_found) {
		copy_told();
		sched_yield();
	}
}

static void release(void *ctx, const struct gw_leaf *run)
{
	(void)ctx;
	tell(run);
}

static void harvest_and_copy(void)
{
	expect(!gw_harvest(pt, BASE, pages() * PAGE, TAKE, found, NULL), "gw_harvest");
	if (how == WALKER && !no_grace)
		env.synchronize(&env);
	copy_told();
}

/* While nothing is unmapped: a page that was written since it was copied bears the mark for the
 * next harvest. */
static void check_marks(void)
{
	for (unsigned i = 0; i < pages(); i += pages() / PLACES) {
		bool written = atomic_load(&page[i]) != copy[i];
		struct gw_leaf leaf;

		env.read_lock(&env);
		if (gw_walk(pt, BASE + i * PAGE, &leaf) && written && WRITTEN & ~leaf.attr) {
			printf("WRONG: page %u was written, and nothing says so\n", i);
			exit(1);
		}
		env.read_unlock(&env);
	}
}

/* Nobody writes any more. */
static void compare(uint64_t round)
{
	run_deferred();
	harvest_and_copy();
	for (unsigned i = 0; i < pages(); i++) {
		if (copy[i] == page[i])
			continue;
		printf("WRONG: round %llu: nobody was told of the last write to page %u\n",
		       (unsigned long long)round, i);
		exit(1);
	}
}

static uint64_t rounds(unsigned seconds)
{
	time_t end = time(NULL) + (time_t)seconds;
	uint64_t round = 0;

	while (time(NULL) < end) {
		busy = WRITERS + 1;
		updates = round % 2;
		pthread_barrier_wait(&round_begins);
		while (busy) {
			harvest_and_copy();
			if (!updates)
				check_marks();
		}
		compare(round++);
	}
	return round;
}

static void start(pthread_t *thread, void *(*fn)(void *), void *arg)
{
	expect(!pthread_create(thread, NULL, fn, arg), "pthread_create");
}

static bool take_argument(const char *word)
{
	if (!strcmp(word, "mmu") && RECORDS)
		how = MMU;
	else if (!strcmp(word, "fault"))
		how = FAULT;
	else if (!strcmp(word, "walker") && RECORDS)
		how = WALKER;
	else if (!strcmp(word, "in-found"))
		in_found = true;
	else if (!strcmp(word, "no-grace"))
		no_grace = true;
	else
		return false;
	return true;
}

int main(int argc, char **argv)
{
	struct gw_opts opts = {.env = &env, .invalidate = invalidate, .release = release};
	const char *longer = getenv("GW_TORTURE_SECONDS");
	unsigned seconds = longer ? (unsigned)atoi(longer) : 3;
	pthread_t other;
	uint64_t done;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--seconds") && i + 1 < argc)
			seconds = (unsigned)atoi(argv[++i]);
		else if (!take_argument(argv[i]))
			return 2;
	}
	urcu_memb_flavor.register_thread();
	make_env();
	expect(!gw_create(&opts, &pt), "gw_create");
	expect(!gw_map(pt, BASE, pages() * PAGE, OUT, FRESH), "gw_map");
	pthread_barrier_init(&round_begins, NULL, WRITERS + 2);
	start(&other, updater, NULL);
	for (unsigned i = 0; i < WRITERS; i++) {
		mmus[i].seed = 0x9e3779b97f4a7c15ull * (i + 1);
		mmus[i].value = i;
		start(&mmus[i].thread, writer, &mmus[i]);
	}
	done = rounds(seconds);
	stop = true;
	pthread_barrier_wait(&round_begins);
	pthread_join(other, NULL);
	for (unsigned i = 0; i < WRITERS; i++)
		pthread_join(mmus[i].thread, NULL);
	gw_destroy(pt);
	run_deferred();
	gw_urcu_destroy(inner);
	urcu_memb_flavor.unregister_thread();
	printf("%s: %llu rounds, %llu writes, %llu pages told\n", GW_FMT_NAME,
	       (unsigned long long)done, (unsigned long long)writes, (unsigned long long)tells);
	return !done || !writes || !tells;
}
