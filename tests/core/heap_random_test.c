/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Random sequences on a heap against a trivial model: heap_random_test [steps [seed]], GW_SEED. */
#include "fake_env.h"
#include "heap/block.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEFAULT_STEPS = 3000, DESC_WORDS = 3, MOST_BYTES = 1 << 19, MOST_BATCH = 100 };

#define EMPTY 0x2222u
#define POISON 0xbadbadbadbadbadbu

static uint64_t seed = 1;
static unsigned long steps = DEFAULT_STEPS;

/* A table that was given out and is not known to be free. */
struct held {
	uint64_t *p;
	uint64_t *copy;       /* of the table when it was deferred; NULL: it is used */
	uint64_t tag;         /* of what is written into it and its descriptor */
	uint64_t deferred_at; /* a time of the environment's */
	unsigned ended;       /* grace periods that ended before */
};

struct world {
	struct fake_env f;
	struct fake_random r;
	struct gw_heap *heap;
	size_t table_bytes;
	unsigned per_block, most;
	struct held *held;
	unsigned n;
	uint64_t tags;
	unsigned ended; /* grace periods */
};

static uint64_t below(struct world *w, uint64_t limit)
{
	return fake_below(&w->r, limit);
}

static void write_held(struct world *w, struct held *h)
{
	uint64_t *desc = gw_heap_desc(w->heap, h->p);

	for (size_t i = 0; i < w->table_bytes / 8; i++)
		h->p[i] = h->tag + i;
	for (unsigned i = 0; i < DESC_WORDS; i++)
		desc[i] = ~h->tag - i;
}

static void assert_held(struct world *w, const struct held *h)
{
	const uint64_t *desc = gw_heap_desc(w->heap, h->p);

	for (unsigned i = 0; i < DESC_WORDS; i++)
		assert_int_equal(desc[i], ~h->tag - i);
	if (h->copy)
		assert_memory_equal(h->p, h->copy, w->table_bytes);
	else
		assert_true(h->p[0] == h->tag &&
			    h->p[w->table_bytes / 8 - 1] == h->tag + w->table_bytes / 8 - 1);
}

static bool is_pending(struct world *w, const struct held *h)
{
	struct block *block = block_of(w->heap, h->p);
	unsigned index = index_in_block(w->heap, h->p);

	return gw_load_relaxed(&block->pending[index / WORD_BITS]) >> index % WORD_BITS & 1;
}

static void drop(struct world *w, unsigned i)
{
	free(w->held[i].copy);
	w->held[i] = w->held[--w->n];
}

/* ---- Operations ---- */

static void do_alloc(struct world *w)
{
	struct held h = {.tag = ++w->tags << 32};

	if (w->n == w->most)
		return;
	if (below(w, 16) == 0)
		fake_fail_all(&w->f, true);
	h.p = gw_heap_alloc(w->heap);
	assert_true(h.p || w->f.fail_all);
	fake_fail_all(&w->f, false);
	if (!h.p)
		return;
	/* Neither used nor waiting: the model would have it. */
	for (unsigned i = 0; i < w->n; i++)
		assert_ptr_not_equal(h.p, w->held[i].p);
	for (size_t i = 0; i < w->table_bytes / 8; i++)
		assert_int_equal(h.p[i], EMPTY);
	write_held(w, &h);
	w->held[w->n++] = h;
}

/* A table that is used, or NULL. */
static struct held *any_used(struct world *w)
{
	unsigned first = w->n ? (unsigned)below(w, w->n) : 0;

	for (unsigned i = 0; i < w->n; i++)
		if (!w->held[(first + i) % w->n].copy)
			return &w->held[(first + i) % w->n];
	return NULL;
}

static void do_free(struct world *w)
{
	struct held *h = any_used(w);

	if (!h)
		return;
	gw_heap_free(w->heap, h->p);
	drop(w, (unsigned)(h - w->held));
}

static void note_deferred(struct world *w, struct held *h)
{
	h->copy = malloc(w->table_bytes);
	assert_non_null(h->copy);
	memcpy(h->copy, h->p, w->table_bytes);
	h->deferred_at = fake_now(&w->f);
	h->ended = w->ended;
}

static void do_defer(struct world *w)
{
	struct held *h = any_used(w);

	if (!h)
		return;
	note_deferred(w, h);
	gw_heap_defer(w->heap, h->p);
}

static void do_retire(struct world *w)
{
	struct gw_retire retire = {.heap = w->heap};

	for (uint64_t n = below(w, MOST_BATCH); n; n--) {
		struct held *h = any_used(w);

		if (!h)
			break;
		note_deferred(w, h);
		gw_retire_add(&retire, h->p);
	}
	gw_retire_flush(&retire);
}

static void do_grace_period(struct world *w)
{
	if (!w->f.gp_running) {
		fake_gp_begin(&w->f);
		return;
	}
	fake_gp_end(&w->f);
	w->ended++;
}

/* ---- Verification ---- */

/* Not free before a grace period that began after the deferral has ended; free when two whole ones
 * have. */
static void settle(struct world *w)
{
	for (unsigned i = 0; i < w->n;) {
		struct held *h = &w->held[i];

		if (h->copy && !is_pending(w, h)) {
			assert_true(w->f.covered > h->deferred_at);
			drop(w, i);
			continue;
		}
		/* One may have been running, and the head queued for the next already. */
		assert_true(!h->copy || w->ended < h->ended + 3);
		assert_held(w, h);
		i++;
	}
}

static uint64_t blocks_held(struct world *w)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < w->n; i++) {
		bool seen = false;

		for (unsigned j = 0; j < i && !seen; j++)
			seen = block_of(w->heap, w->held[i].p) == block_of(w->heap, w->held[j].p);
		n += !seen;
	}
	return n;
}

static void verify(struct world *w, bool blocks)
{
	struct gw_heap_stats stats;
	uint64_t waiting = 0;

	settle(w);
	for (unsigned i = 0; i < w->n; i++)
		waiting += w->held[i].copy != NULL;
	assert_int_equal(gw_heap_check(w->heap), 0);
	gw_heap_stats(w->heap, &stats);
	assert_int_equal(stats.used, w->n - waiting);
	assert_int_equal(stats.waiting, waiting);
	assert_int_equal(w->f.commit_bytes, stats.blocks * w->per_block * w->table_bytes +
						    stats.records * stats.record_bytes);
	if (blocks)
		assert_int_equal(stats.blocks, blocks_held(w));
}

/* ---- Episodes ---- */

static void step(struct world *w, bool fill)
{
	uint64_t kind = below(w, 100);

	if (kind < (fill ? 60u : 25u))
		do_alloc(w);
	else if (kind < 65)
		do_free(w);
	else if (kind < 85)
		do_defer(w);
	else if (kind < 88)
		do_retire(w);
	else
		do_grace_period(w);
}

static void world_start(struct world *w, size_t table_bytes, unsigned per_block)
{
	struct gw_heap_opts opts = {
		.table_bytes = table_bytes,
		.tables_per_block = per_block,
		.desc_bytes = DESC_WORDS * 8,
		.empty = EMPTY,
		.poison = POISON,
	};

	*w = (struct world){.r = {seed * 1000 + per_block + table_bytes},
			    .table_bytes = table_bytes,
			    .per_block = per_block};
	fake_env_init(&w->f);
	opts.env = &w->f.env;
	assert_int_equal(gw_heap_create(&opts, &w->heap), 0);
	w->most = 3 * per_block + 3;
	if (w->most > MOST_BYTES / table_bytes)
		w->most = (unsigned)(MOST_BYTES / table_bytes);
	w->held = calloc(w->most, sizeof(*w->held));
	assert_non_null(w->held);
}

/* With tables used and waiting, and deferrals in flight. */
static void world_end(struct world *w)
{
	if (w->f.gp_running)
		fake_gp_end(&w->f);
	gw_heap_put(w->heap);
	fake_drain(&w->f);
	fake_env_done(&w->f);
	while (w->n)
		drop(w, w->n - 1);
	free(w->held);
}

static void random_sequence(size_t table_bytes, unsigned per_block)
{
	struct world w;

	world_start(&w, table_bytes, per_block);
	for (unsigned long i = 0; i < steps; i++) {
		step(&w, i / 256 % 2 == 0);
		verify(&w, i % 16 == 0);
	}
	world_end(&w);
}

static void test_random_sequences_against_the_model(void **state)
{
	static const size_t sizes[] = {8, 32, 256, 2048};
	static const unsigned per_block[] = {1, 2, 4, 16, 64, 128, 256};

	(void)state;
	for (unsigned s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++)
		for (unsigned n = 0; n < sizeof(per_block) / sizeof(per_block[0]); n++)
			random_sequence(sizes[s], per_block[n]);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_sequences_against_the_model),
	};

	if (getenv("GW_SEED"))
		seed = strtoull(getenv("GW_SEED"), NULL, 0);
	if (argc > 1)
		steps = strtoul(argv[1], NULL, 0);
	if (argc > 2)
		seed = strtoull(argv[2], NULL, 0);
	printf("heap: %lu steps of each shape from seed %" PRIu64 "\n", steps, seed);
	return cmocka_run_group_tests_name("heap_random", tests, NULL, NULL);
}
