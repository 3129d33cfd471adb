/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * gw_remap under walkers that stay inside the tables that move: what is mapped at one place must
 * not be seen by the address of another. usage: remap [--seconds N] */
#include "reader.h"
#include <gracewalk/gracewalk.h>
#include <gracewalk/urcu.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Pages go round: from the first place to the second as a whole table, to the third one by one. At
 * each place each maps for a while to what is mapped nowhere else. */
enum { PAGE = 1 << GW_PAGE_LG2, PLACES = 3, WALKERS = 2, READS = 10000 };
#define PAGES (1u << gw_fmt_index_bits(0))
#define ROVING (1ull << (GW_OUT_BITS - 2))
#define LOCAL(place) (ROVING + ((place) + 1) * gw_span(1))

static struct gw_env *env;
static struct gw_pt *pt;
static atomic_bool stop;
static atomic_ulong looks;

static uint64_t place_va(unsigned place)
{
	return place * gw_span(2) + (place == 2 ? PAGE : 0);
}

static void expect(bool ok, const char *what)
{
	if (ok)
		return;
	printf("WRONG: %s\n", what);
	exit(1);
}

static void check_entry(uint64_t e, unsigned place, unsigned page)
{
	uint64_t out = gw_fmt_out(e, 0) - page * PAGE;

	if (!gw_fmt_is_leaf(e, 0))
		return;
	expect(out == ROVING || out == LOCAL(place), "what is mapped elsewhere, at this address");
	atomic_fetch_add_explicit(&looks, 1, memory_order_relaxed);
}

static void *walker(void *arg)
{
	unsigned n = *(unsigned *)arg;

	urcu_memb_flavor.register_thread();
	for (; !atomic_load(&stop); n++) {
		unsigned place = n % PLACES, page = n / PLACES % PAGES;
		uint64_t va = place_va(place) + page * PAGE;
		const gw_entry *entry = gw_pte_map(pt, va);
		struct gw_leaf leaf;

		for (unsigned i = 0; entry && i < READS; i++)
			check_entry(gw_load_dependent((gw_entry *)(uintptr_t)entry), place, page);
		if (entry)
			gw_pte_unmap(pt);
		reader_lock(&urcu_memb_flavor);
		if (gw_walk(pt, va, &leaf) && leaf.bytes == PAGE)
			check_entry(gw_fmt_leaf(leaf.out, leaf.attr, 0), place, page);
		reader_unlock(&urcu_memb_flavor);
	}
	urcu_memb_flavor.unregister_thread();
	return NULL;
}

static void change(uint64_t va, unsigned page, uint64_t out)
{
	va += page * PAGE;
	expect(!gw_unmap(pt, va, PAGE) &&
		       !gw_map(pt, va, PAGE, out + page * PAGE, GW_FMT_ATTRS_MUST),
	       "a call failed");
}

static void go_round(void)
{
	for (unsigned place = 0; place < PLACES; place++) {
		uint64_t va = place_va(place), next = place_va((place + 1) % PLACES);

		for (unsigned page = 0; page < PAGES; page++)
			change(va, page, LOCAL(place));
		for (unsigned page = 0; page < PAGES; page++)
			change(va, page, ROVING);
		expect(!gw_remap(pt, va, gw_span(1), next), "gw_remap failed");
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
	double end = now() + (argc == 3 && !strcmp(argv[1], "--seconds") ? atof(argv[2]) : 1);
	unsigned from[WALKERS] = {0, 1};
	pthread_t thread[WALKERS];
	unsigned long rounds = 0;

	urcu_memb_flavor.register_thread();
	env = gw_urcu_create(&urcu_memb_flavor);
	expect(env && !gw_create(&(struct gw_opts){.env = env}, &pt), "no memory");
	for (unsigned page = 0; page < PAGES; page++)
		expect(!gw_map(pt, page * PAGE, PAGE, ROVING + page * PAGE, GW_FMT_ATTRS_MUST),
		       "gw_map failed");
	for (unsigned i = 0; i < WALKERS; i++)
		pthread_create(&thread[i], NULL, walker, &from[i]);
	for (; now() < end; rounds++)
		go_round();
	atomic_store(&stop, true);
	for (unsigned i = 0; i < WALKERS; i++)
		pthread_join(thread[i], NULL);
	gw_urcu_drain(env);
	expect(!gw_check(pt), "gw_check");
	expect(rounds && atomic_load(&looks), "nothing was seen");
	printf("%lu rounds, %lu looks\n", rounds, atomic_load(&looks));
	gw_destroy(pt);
	gw_urcu_destroy(env);
	urcu_memb_flavor.unregister_thread();
	return 0;
}
