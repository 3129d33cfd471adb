/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The torture's rounds: address spaces that begin and end, threads, a watchdog. */
#include "torture.h"
#include "page.h"
#include "torture_parts.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	SPANS_LEAST = 64,
	HOT_SPANS = 8,
	/* Those of the last rounds may still be waiting for their calls. */
	MMS_MAX = 8,
	ROUND_LEAST_MS = 40,
	ROUND_MORE_MS = 160,
	WATCH_MS = 20,
};

static const uint64_t lab_bytes = 512u << 20, ms = 1000000;

/* ---- Chance ---- */

/* xorshift64*, whose state is not 0. */
uint64_t torture_random(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	*state = x;
	return (x * 0x2545f4914f6cdd1d) >> 33;
}

static uint64_t seeded(uint64_t seed)
{
	uint64_t state = seed * 0x9e3779b97f4a7c15 | 1;

	for (int i = 0; i < 8; i++)
		torture_random(&state);
	return state;
}

unsigned pick_span(struct torturer *me)
{
	const struct torture *torture = me->torture;

	if (pick(me, 2))
		return pick(me, torture->spans);
	return (gw_load_relaxed(&torture->hot) + pick(me, HOT_SPANS)) % torture->spans;
}

void nap(const struct torture *torture, unsigned us)
{
	torture->options.flavour->thread_offline();
	usleep(us);
	torture->options.flavour->thread_online();
}

/* ---- Rounds ---- */

static unsigned chance(struct torture *torture, unsigned n)
{
	return (unsigned)(torture_random(&torture->chance) % n);
}

static int space_create(struct torture *torture, struct pgtable **pgtable)
{
	const struct pgtable_options options = {
		.lab = torture->lab,
		.top = span_address(torture, torture->spans),
		.leaf_bytes = torture->options.leaf_bytes,
		.unmap = torture->options.unmap,
		.deposit = torture->options.deposit,
		.keep_empty = chance(torture, 2),
		.counted = torture->options.walk == TORTURE_COUNTED,
	};
	int err = pgtable_create(&options, pgtable);

	if (err != -ENOMEM)
		return err;
	lab_barrier(torture->lab); /* earlier ones may not be gone yet */
	return pgtable_create(&options, pgtable);
}

/* At least the first. */
static int spaces_open(struct torture *torture)
{
	unsigned n = 1 + chance(torture, SPACES);

	for (unsigned i = 0; i < n; i++) {
		struct pgtable *pgtable;
		int err = space_create(torture, &pgtable);

		if (err)
			return err;
		gw_store_release(&torture->space[i], pgtable); /* pairs with walkers' loads */
	}
	return 0;
}

/* Those walkers that no section keeps inside have left the address space. */
static void walkers_wait(struct torture *torture)
{
	for (unsigned i = 0; i < torture->options.walkers; i++) {
		pthread_mutex_lock(&torture->walkers[i].walking);
		pthread_mutex_unlock(&torture->walkers[i].walking);
	}
}

/* Walkers that are inside in a section stay there: the end waits for them. */
static void space_close(struct torture *torture, unsigned i)
{
	struct pgtable *pgtable = gw_load_relaxed(&torture->space[i]);

	if (!pgtable)
		return;
	if (chance(torture, 2)) /* new walkers come in while the tables go */
		pgtable_unmap(pgtable, 0, span_address(torture, torture->spans));
	gw_store_release(&torture->space[i], NULL);
	walkers_wait(torture);
	pgtable_destroy(pgtable);
}

static void spaces_close(struct torture *torture)
{
	for (unsigned i = 0; i < SPACES; i++)
		space_close(torture, i);
}

/* qsbr: who waits holds up no grace period. */
void meet_all(struct torture *torture)
{
	torture->options.flavour->thread_offline();
	pthread_barrier_wait(&torture->meet);
	torture->options.flavour->thread_online();
}

static int play_round(struct torture *torture)
{
	static const unsigned slow[] = {0, 2, 10, 50}; /* of a thousand walks */
	int err = spaces_open(torture);

	if (!err) {
		gw_store_relaxed(&torture->hot, chance(torture, torture->spans));
		gw_store_relaxed(&torture->slow, slow[chance(torture, 4)]);
		gw_store_relaxed(&torture->round_end,
				 lab_now() +
					 (ROUND_LEAST_MS + chance(torture, ROUND_MORE_MS)) * ms);
		meet_all(torture);
		meet_all(torture);
	}
	spaces_close(torture);
	gw_fetch_add_relaxed(&torture->rounds, 1);
	return err;
}

/* The end of a round meets the calls of the one before, unless that was settled. */
static int play(struct torture *torture)
{
	uint64_t end = torture->lab->born + (uint64_t)(torture->options.seconds * 1e9);
	int err = 0;

	do {
		err = play_round(torture);
		if (!err && chance(torture, 2))
			err = lab_settle(torture->lab);
	} while (!err && lab_now() < end);
	return err ? err : lab_settle(torture->lab);
}

/* ---- The watchdog ---- */

static uint64_t sum_done(const struct torturer *torturers, unsigned n)
{
	uint64_t sum = 0;

	while (n--)
		sum += gw_load_relaxed(&torturers[n].done);
	return sum;
}

/* Walkers go on by themselves; updates and rounds need locks and grace periods. */
static void *watchdog(void *arg)
{
	struct torture *torture = arg;
	uint64_t last = 0, moved = lab_now();

	while (!gw_load_relaxed(&torture->stop)) {
		uint64_t now = gw_load_relaxed(&torture->rounds) +
			       sum_done(torture->updaters, torture->options.updaters);

		if (now != last)
			moved = lab_now();
		last = now;
		if (lab_now() - moved > TORTURE_STUCK_SECONDS * 1000 * ms &&
		    torture->options.on_stuck)
			torture->options.on_stuck();
		usleep(WATCH_MS * 1000);
	}
	return NULL;
}

/* ---- Threads ---- */

static void thread_start(pthread_t *thread, void *(*run)(void *arg), void *arg)
{
	if (pthread_create(thread, NULL, run, arg)) {
		perror("a thread"); /* half a torture is none */
		abort();
	}
}

static void torturer_start(struct torture *torture, struct torturer *torturer, unsigned n,
			   void *(*run)(void *torturer))
{
	torturer->torture = torture;
	torturer->number = n;
	torturer->chance = torture_random(&torture->chance) | 1;
	thread_start(&torturer->thread, run, torturer);
}

static void threads_start(struct torture *torture)
{
	for (unsigned i = 0; i < torture->options.walkers; i++) {
		struct torturer *walker = &torture->walkers[i];

		pthread_mutex_init(&walker->walking, NULL);
		walker->walker = lab_walker_add(torture->lab);
		torturer_start(torture, walker, i, torture_walker);
	}
	for (unsigned i = 0; i < torture->options.updaters; i++)
		torturer_start(torture, &torture->updaters[i], i, torture_updater);
}

/* The updaters wait for the next round's beginning. */
static void threads_stop(struct torture *torture)
{
	gw_store_relaxed(&torture->stop, true);
	meet_all(torture);
	torture->options.flavour->thread_offline();
	for (unsigned i = 0; i < torture->options.updaters; i++)
		pthread_join(torture->updaters[i].thread, NULL);
	for (unsigned i = 0; i < torture->options.walkers; i++) {
		pthread_join(torture->walkers[i].thread, NULL);
		lab_walker_remove(torture->walkers[i].walker);
		pthread_mutex_destroy(&torture->walkers[i].walking);
	}
	torture->options.flavour->thread_online();
}

/* ---- A run ---- */

static int check(const struct torture_options *options, char why[160])
{
	const char *wrong = NULL;

	if (!options->walkers || options->walkers > TORTURE_WALKERS_MAX)
		wrong = "there are 1 to 16 walkers";
	else if (!options->updaters || options->updaters > TORTURE_UPDATERS_MAX)
		wrong = "there are 1 to 64 updaters";
	if (wrong)
		snprintf(why, 160, "%s", wrong);
	return wrong ? -EINVAL : 0;
}

static int lab_make(struct torture *torture, char why[160])
{
	const struct torture_options *options = &torture->options;
	const struct lab_options lab = {
		.scheme = options->scheme,
		.switches = options->switches,
		.flavour = options->flavour,
		.page_bytes = options->page_bytes,
		.tables_per_page = options->tables_per_page,
		.max_bytes = lab_bytes,
		.mms_max = MMS_MAX,
		.watch = LAB_CHECK,
		.on_breach = options->on_breach,
	};
	int err = check(options, why);

	return err ? err : lab_create(&lab, &torture->lab, why);
}

static void sizes(struct torture *torture)
{
	struct torture_options *options = &torture->options;

	if (!options->leaf_bytes)
		options->leaf_bytes = options->page_bytes;
	torture->entries = (unsigned)(lab_table_bytes(torture->lab) / sizeof(pte_t));
	torture->span_bytes = torture->entries * options->leaf_bytes;
	torture->spans = SPANS_LEAST;
	if (torture->spans < options->tables_per_page)
		torture->spans = options->tables_per_page;
}

static void tell(struct torture *torture, struct torture_result *result)
{
	const struct torture_options *options = &torture->options;

	*result = (struct torture_result){
		.breach = lab_breach(torture->lab),
		.walks = sum_done(torture->walkers, options->walkers),
		.updates = sum_done(torture->updaters, options->updaters),
		.rounds = gw_load_relaxed(&torture->rounds),
		.seconds = (double)(lab_now() - torture->lab->born) / 1e9,
	};
	for (unsigned i = 0; i < options->walkers; i++)
		result->found += gw_load_relaxed(&torture->walkers[i].found);
	lab_counters(torture->lab, &result->lab);
}

int torture_run(const struct torture_options *options, struct torture_result *result, char why[160])
{
	struct torture *torture = calloc(1, sizeof(*torture));
	pthread_t dog;
	int err;

	snprintf(why, 160, "there is not enough memory");
	if (!torture)
		return -ENOMEM;
	torture->options = *options;
	torture->chance = seeded(options->seed);
	err = lab_make(torture, why);
	if (err) {
		free(torture);
		return err;
	}
	sizes(torture);
	pthread_barrier_init(&torture->meet, NULL, options->updaters + 1);
	threads_start(torture);
	thread_start(&dog, watchdog, torture);
	err = play(torture);
	threads_stop(torture);
	pthread_join(dog, NULL);
	tell(torture, result);
	pthread_barrier_destroy(&torture->meet);
	lab_destroy(torture->lab);
	free(torture);
	return err;
}
