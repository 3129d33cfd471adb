/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Deferral under interruption: between any two atomic operations of src/heap/defer.c other threads
 * do something whole, and may be interrupted likewise. Facts D1 to D8 of docs/protocol.md. */
#include "fake_env.h"
#include "heap_steps.h"
#include <gracewalk/heap.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	TABLE_BYTES = 64,
	PER_BLOCK = 128, /* two words of tables */
	BLOCKS = 2,
	SLOTS = 8,
	DEPTH_MAX = 3, /* threads in each other's way */
	ACTIONS = 24,  /* a sequence */
};
#define POISON 0xbadbadbadbadbadbu
#define OTHERS 0x0ccaull

static unsigned long sequences = 4000;
static uint64_t seed = 1;

enum state { NONE, USED, WAITING };

/* A table of the test's, with its own number written into it. */
struct slot {
	enum state state;
	uint64_t *table;
	uint64_t unlinked; /* when, if it waits */
};

static struct {
	struct fake_env f;
	struct fake_random r;
	struct gw_heap *heap;
	struct slot slot[SLOTS];
	uint64_t *others[BLOCKS * PER_BLOCK]; /* in use for as long as the sequence lasts */
	unsigned nothers;
	unsigned depth;
	uint64_t sequence;
} w;

static uint64_t number(const struct slot *slot)
{
	return 0x5107ull << 16 | (uint64_t)(slot - w.slot);
}

/* A table that waits reads as it did, until a grace period has passed that began after it was
 * unlinked (D3, D4). */
static void look(void)
{
	for (struct slot *slot = w.slot; slot < w.slot + SLOTS; slot++) {
		if (slot->state == NONE || slot->table[0] == number(slot))
			continue;
		if (slot->state == USED || w.f.covered <= slot->unlinked)
			fail_msg("sequence %" PRIu64 ": table %td turned free too early",
				 w.sequence, slot - w.slot);
		slot->state = NONE;
	}
}

static struct slot *any(enum state state)
{
	unsigned first = (unsigned)fake_below(&w.r, SLOTS);

	for (unsigned i = 0; i < SLOTS; i++)
		if (w.slot[(first + i) % SLOTS].state == state)
			return &w.slot[(first + i) % SLOTS];
	return NULL;
}

static void hold(struct slot *slot, uint64_t *table)
{
	for (unsigned i = 0; i < SLOTS; i++)
		if (w.slot[i].state != NONE && w.slot[i].table == table)
			fail_msg("sequence %" PRIu64 ": table %u is given out twice", w.sequence,
				 i);
	table[0] = number(slot);
	*slot = (struct slot){.state = USED, .table = table};
}

static void unlink_table(struct gw_retire *retire, struct slot *slot)
{
	slot->state = WAITING;
	slot->unlinked = fake_now(&w.f);
	gw_retire_add(retire, slot->table);
}

static void defer_some(void)
{
	struct gw_retire retire = {.heap = w.heap};
	struct slot *slot;

	for (uint64_t n = 1 + fake_below(&w.r, 3); n && (slot = any(USED)); n--)
		unlink_table(&retire, slot);
	gw_retire_flush(&retire);
}

static void alloc_one(void)
{
	struct slot *slot = any(NONE);
	uint64_t *table = slot ? gw_heap_alloc(w.heap) : NULL;

	/* What was freed at this moment is seen before it is written to. */
	look();
	if (table)
		hold(slot, table);
}

/* The worker for deferred calls is one thread. */
static void grace_period(void)
{
	if (w.f.in_call)
		return;
	if (w.f.gp_running)
		fake_gp_end(&w.f);
	else
		fake_gp_begin(&w.f);
}

static void act(void);

static void wait_for_grace_period(void)
{
	struct gw_heap_taken taken = gw_heap_take_waiting(w.heap);
	uint64_t began = fake_now(&w.f);

	act();
	if (began > w.f.covered)
		w.f.covered = began;
	gw_heap_release_taken(w.heap, taken);
}

static void act(void)
{
	if (++w.depth <= DEPTH_MAX) {
		switch (fake_below(&w.r, 8)) {
		case 0:
		case 1:
		case 2:
			defer_some();
			break;
		case 3:
			alloc_one();
			break;
		case 4:
			wait_for_grace_period();
			break;
		default:
			grace_period();
			break;
		}
		look();
	}
	w.depth--;
}

void heap_step(void)
{
	look();
	if (fake_below(&w.r, 4) == 0)
		act();
}

/* Two tables of each word of both blocks; all others are in use, or else free. */
static void start(void)
{
	const struct gw_heap_opts opts = {
		.env = &w.f.env,
		.table_bytes = TABLE_BYTES,
		.tables_per_block = PER_BLOCK,
		.poison = POISON,
	};
	bool others_free;

	w.nothers = 0;
	w.depth = DEPTH_MAX; /* nothing in between yet */
	fake_env_init(&w.f);
	w.f.lose = true;
	assert_int_equal(gw_heap_create(&opts, &w.heap), 0);
	others_free = fake_below(&w.r, 2);
	for (unsigned i = 0, n = 0; i < BLOCKS * PER_BLOCK; i++) {
		uint64_t *table = gw_heap_alloc(w.heap);

		assert_non_null(table);
		if (i % 64 < 2) {
			hold(&w.slot[n++], table);
		} else {
			table[0] = OTHERS;
			w.others[w.nothers++] = table;
		}
	}
	while (others_free && w.nothers)
		gw_heap_free(w.heap, w.others[--w.nothers]);
	w.depth = 0;
}

static void end(void)
{
	w.depth = DEPTH_MAX;
	if (w.f.gp_running)
		fake_gp_end(&w.f);
	fake_drain(&w.f);
	look();
	for (unsigned i = 0; i < SLOTS; i++) {
		if (w.slot[i].state == WAITING)
			fail_msg("sequence %" PRIu64 ": table %u was lost", w.sequence, i);
		if (w.slot[i].state == USED)
			gw_heap_free(w.heap, w.slot[i].table);
		w.slot[i].state = NONE;
	}
	while (w.nothers) {
		assert_int_equal(w.others[--w.nothers][0], OTHERS);
		gw_heap_free(w.heap, w.others[w.nothers]);
	}
	assert_int_equal(gw_heap_waiting_bytes(w.heap), 0);
	assert_int_equal(gw_heap_check(w.heap), 0);
	assert_int_equal(w.f.commit_bytes, 0);
	gw_heap_put(w.heap);
	fake_drain(&w.f);
	fake_env_done(&w.f);
}

static void test_a_deferral_may_be_interrupted_anywhere(void **state)
{
	(void)state;
	for (w.sequence = seed; w.sequence < seed + sequences; w.sequence++) {
		w.r.state = w.sequence;
		start();
		for (unsigned i = 0; i < ACTIONS; i++)
			act();
		end();
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_deferral_may_be_interrupted_anywhere),
	};

	if (argc > 1)
		sequences = strtoul(argv[1], NULL, 0);
	if (argc > 2)
		seed = strtoull(argv[2], NULL, 0);
	printf("heap: %lu sequences from %" PRIu64 "\n", sequences, seed);
	return cmocka_run_group_tests_name("heap_steps", tests, NULL, NULL);
}
