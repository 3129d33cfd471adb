/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Random operations against the model, from a seed: property_test [steps [seed]], or
 * GW_STEPS and GW_SEED. */
#include "bench.h"
#include "look.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	DEFAULT_STEPS = 10000,
	LARGE_STEPS = 2500, /* where a look at all tables takes longer */
	EPISODE = 250,
	SPACES = 2,
};

static uint64_t seed = 1;
static unsigned long steps;

/* A few hundred steps with one choice of options. Two page tables where heaps are shared. */
struct episode {
	struct fake_env f;
	struct fake_random r;
	struct gw_opts opts;
	struct fixture x[SPACES];
	unsigned spaces;
	bool tight; /* a small deferred_limit, so updaters sweep and wait by themselves */
};

static struct {
	uint64_t state;
	unsigned long step;
	bool running;
} at; /* for the message when something fails */

static uint64_t below(struct episode *e, uint64_t limit)
{
	return fake_below(&e->r, limit);
}

static bool one_in(struct episode *e, uint64_t n)
{
	return below(e, n) == 0;
}

/* ---- Choices ---- */

/* Large address spaces are looked at around places where something begins or ends. */
static uint64_t some_va(struct episode *e)
{
	const uint64_t bases[] = {0,
				  HALF - 2 * gw_span(2),
				  HALF,
				  END - 2 * gw_span(2),
				  gw_span(FIX_TOP) - gw_span(2),
				  gw_span(FIX_TOP)};
	unsigned level = (unsigned)below(e, 3);

	if (SMALL)
		return below(e, END / PAGE) * PAGE & ~(gw_span((unsigned)below(e, 3)) - 1);
	return bases[below(e, 6)] + below(e, 2) * gw_span(2) +
	       below(e, 4) * gw_span(1) * (level < 2) + below(e, 6) * PAGE * (level < 1);
}

/* The same, or another, that the page table is for. */
static uint64_t inside(const struct episode *e, uint64_t va)
{
	const uint64_t bytes = e->opts.bytes, from = gw_low(va) - e->opts.va;

	return bytes && from >= bytes ? e->opts.va + from % bytes : gw_low(va);
}

static uint64_t any_va(struct episode *e)
{
	return inside(e, some_va(e));
}

/* How much there can be from there on. */
static uint64_t room_from(const struct episode *e, uint64_t va)
{
	if (e->opts.bytes)
		return e->opts.va + e->opts.bytes - va;
	return (va < HALF ? HALF : END) - va;
}

/* Near something that is mapped, if anything is. */
static uint64_t near_va(struct episode *e, struct fixture *x)
{
	const struct extent *some;
	uint64_t va;

	if (!x->model.n || one_in(e, 4))
		return any_va(e);
	some = &x->model.at[below(e, x->model.n)];
	va = (one_in(e, 2) ? some->va : some->va + some->bytes) + below(e, 5) * PAGE - 2 * PAGE;
	if (one_in(e, 3))
		va = some->va + below(e, some->bytes / PAGE) * PAGE;
	return inside(e, va);
}

static uint64_t any_bytes(struct episode *e, uint64_t va)
{
	uint64_t room = room_from(e, va), bytes = PAGE;

	switch (below(e, 6)) {
	case 0:
		bytes = (1 + below(e, 8)) * PAGE;
		break;
	case 1:
		bytes = (1 + below(e, 3)) * gw_span(1);
		break;
	case 2:
		bytes = gw_span(1) - PAGE + below(e, 3) * PAGE;
		break;
	case 3:
		bytes = gw_span((unsigned)below(e, fix_leaf_level() + 1));
		break;
	case 4: /* to where an entry of some level ends */
		bytes = gw_span(1 + (unsigned)below(e, 2));
		bytes -= va & (bytes - 1);
		break;
	}
	return bytes < room ? bytes : room;
}

static uint32_t any_attr(struct episode *e)
{
	return GW_FMT_ATTRS_MUST | ((uint32_t)fake_random(&e->r) & GW_FMT_ATTRS);
}

/* Most often so that large leaves fit; where they do not, the range is kept short by the caller. */
static uint64_t any_out(struct episode *e, uint64_t va, uint64_t bytes)
{
	if (GW_FMT_ONE_VALUE)
		return below(e, 4);
	if (bytes <= 4 * gw_span(1) && one_in(e, 3))
		return OUT + below(e, 1000) * PAGE;
	return TO(va);
}

/* ---- Operations ---- */

static void do_map(struct episode *e, struct fixture *x)
{
	uint64_t va = one_in(e, 3) ? near_va(e, x) : any_va(e), bytes = any_bytes(e, va);
	const struct extent *next = extents_from(&x->model, va);

	/* Half of those that would find something there go into the gap before it. */
	if (next && next->va > va && next->va < va + bytes && one_in(e, 2))
		bytes = next->va - va;
	fix_map(x, va, bytes, any_out(e, va, bytes), any_attr(e) | (one_in(e, 3) ? GW_DEPOSIT : 0));
}

/* Pieces of which some continue one another, and some lie so that larger leaves fit. */
static void do_map_many(struct episode *e, struct fixture *x)
{
	uint64_t va = one_in(e, 3) ? near_va(e, x) : any_va(e), left = any_bytes(e, va), place = va;
	struct gw_piece piece[16];
	size_t n = 0;

	while (left && n < LENGTH(piece)) {
		uint64_t bytes = one_in(e, 3) ? any_bytes(e, place) : (1 + below(e, 3)) * PAGE;

		bytes = bytes < left ? bytes : left;
		piece[n].bytes = bytes;
		piece[n].out = n && one_in(e, 3)
				       ? gw_fmt_advance(piece[n - 1].out, piece[n - 1].bytes)
				       : any_out(e, place, bytes);
		left -= bytes;
		place += bytes;
		n++;
	}
	if (n > 1)
		fix_map_many(x, va, piece, n, any_attr(e));
}

static void do_unmap(struct episode *e, struct fixture *x)
{
	uint64_t va = near_va(e, x);

	fix_unmap(x, va, any_bytes(e, va));
}

static void do_protect(struct episode *e, struct fixture *x)
{
	uint64_t va = near_va(e, x);

	fix_protect(x, va, any_bytes(e, va), any_attr(e));
}

/* The range of a leaf of some level, or of several. */
static uint64_t leaf_range(struct episode *e, struct fixture *x, uint64_t *va)
{
	unsigned level;

	do {
		level = (unsigned)below(e, x->max_level + 1);
		*va = near_va(e, x) & ~(gw_span(level) - 1);
	} while (!gw_fmt_leaf_level(level) || inside(e, *va) != *va ||
		 room_from(e, *va) < gw_span(level));
	return gw_span(level);
}

static uint64_t leaf_out(struct episode *e, uint64_t va, uint64_t bytes)
{
	return any_out(e, va, PAGE) & ~(GW_FMT_ONE_VALUE ? 0 : bytes - 1);
}

static void do_collapse(struct episode *e, struct fixture *x)
{
	uint64_t va, bytes = leaf_range(e, x, &va);

	if (one_in(e, 3))
		bytes = any_bytes(e, va);
	fix_collapse(x, va, bytes, one_in(e, 2) ? GW_DEPOSIT : 0);
}

/* Parts of what is mapped made alike again, so that there is something to collapse. */
static void do_even(struct episode *e, struct fixture *x)
{
	uint64_t va, bytes = leaf_range(e, x, &va);

	if (bytes > gw_span(2) || fix_replace(x, va, bytes, leaf_out(e, va, bytes), PLAIN))
		return;
	for (unsigned i = 0; i < 3; i++)
		if (fix_split(x, va + below(e, bytes / PAGE) * PAGE))
			return;
}

static void do_replace(struct episode *e, struct fixture *x)
{
	uint64_t va, bytes = leaf_range(e, x, &va);

	fix_replace(x, va, bytes, leaf_out(e, va, bytes),
		    any_attr(e) | (one_in(e, 2) ? GW_DEPOSIT : 0));
}

/* What the format can take; 0: nothing. */
static uint32_t any_take(struct episode *e)
{
	const uint32_t all =
		GW_FMT_ATTRS & ~GW_FMT_ATTRS_MUST & (GW_ACCESSED | GW_DIRTY | GW_WRITE);
	uint32_t take = (uint32_t)fake_random(&e->r) & all;

	return take ? take : all;
}

static void do_harvest(struct episode *e, struct fixture *x)
{
	uint64_t va = near_va(e, x), bytes = any_bytes(e, va);
	uint32_t take = any_take(e);

	if (take)
		fix_harvest(x, va, bytes, take);
}

static void do_touch(struct episode *e, struct fixture *x)
{
	fix_touch(x, near_va(e, x), one_in(e, 2) ? GW_ACCESSED : GW_ACCESSED | GW_DIRTY);
}

/* Distances that whole tables can go, of each level, and any others. */
static void do_remap(struct episode *e, struct fixture *x)
{
	uint64_t from = near_va(e, x), bytes = any_bytes(e, from), to = any_va(e), apart;

	if (one_in(e, 2))
		to += from & (gw_span(1 + (unsigned)below(e, 2)) - 1);
	to = inside(e, to);
	apart = from < to ? to - from : from - to;
	if (bytes > apart)
		bytes = apart;
	if (bytes > room_from(e, to))
		bytes = room_from(e, to);
	/* What is to be split to fit the distance is kept short. */
	if (bytes / 1024 > (apart & -apart))
		bytes = (apart & -apart) * 1024;
	if (bytes)
		fix_remap(x, from, bytes, to);
}

static void do_reclaim(struct episode *e, struct fixture *x)
{
	uint64_t va = near_va(e, x);

	if (one_in(e, 2))
		fix_reclaim(x, 0, UINT64_MAX);
	else
		fix_reclaim(x, va, any_bytes(e, va));
}

static void do_set(struct episode *e, struct fixture *x)
{
	uint64_t va = near_va(e, x);
	unsigned level;

	fix_entry(x, va, &level);
	assert_int_equal(fix_set(x, va, one_in(e, 2), any_out(e, va, PAGE), any_attr(e)),
			 level == 0);
}

static void do_look(struct episode *e, struct fixture *x)
{
	uint64_t va = near_va(e, x);
	const struct extent *some = extents_from(&x->model, va);
	const gw_entry *entry = gw_pte_map(x->pt, gw_fmt_canonical(va));
	unsigned level;

	assert_ptr_equal(entry,
			 fix_entry(x, va, &level) && level == 0 ? fix_entry(x, va, &level) : NULL);
	if (!entry)
		return;
	assert_int_equal(gw_fmt_is_leaf(gw_load_relaxed((gw_entry *)(uintptr_t)entry), 0),
			 some && some->va <= va);
	gw_pte_unmap(x->pt);
}

static void do_look_along(struct episode *e, struct fixture *x)
{
	uint64_t va = near_va(e, x);
	uint64_t bytes = one_in(e, 3) ? room_from(e, va) : any_bytes(e, va);

	look_along(x, va, bytes, (unsigned)below(e, 3));
}

static void do_look_at_many(struct episode *e, struct fixture *x)
{
	unsigned n = (unsigned)below(e, LOOK_MANY);
	uint64_t va[LOOK_MANY];

	for (unsigned i = 0; i < n; i++)
		va[i] = gw_fmt_canonical(near_va(e, x)) + below(e, PAGE) +
			((uint64_t)one_in(e, 20) << (GW_VA_BITS & 63));
	look_at_many(x, va, n);
}

static void do_look_for_hole(struct episode *e, struct fixture *x)
{
	uint64_t va = one_in(e, 2) ? near_va(e, x) : any_va(e), bytes = any_bytes(e, va);

	look_for_hole(x, va, one_in(e, 2) ? bytes : room_from(e, va), any_bytes(e, va),
		      (uint64_t)PAGE << below(e, GW_VA_BITS - GW_PAGE_LG2));
}

static void do_hardware(struct episode *e, struct fixture *x)
{
	if (x->model.n)
		fix_record(x, x->model.at[below(e, x->model.n)].va,
			   (uint32_t)fake_random(&e->r) & (GW_ACCESSED | GW_DIRTY));
}

static void do_grace_period(struct episode *e)
{
	if (one_in(e, 10))
		fake_drain(&e->f);
	else if (e->f.gp_running)
		fake_gp_end(&e->f);
	else
		fake_gp_begin(&e->f);
}

static void do_one(struct episode *e, struct fixture *x)
{
	uint64_t kind = below(e, 100);

	if (kind < 20)
		do_map(e, x);
	else if (kind < 23)
		do_map_many(e, x);
	else if (kind < 26)
		do_remap(e, x);
	else if (kind < 43)
		do_unmap(e, x);
	else if (kind < 50)
		do_protect(e, x);
	else if (kind < 55)
		do_reclaim(e, x);
	else if (kind < 60)
		do_collapse(e, x);
	else if (kind < 65)
		fix_split(x, near_va(e, x));
	else if (kind < 69)
		do_replace(e, x);
	else if (kind < 72)
		do_even(e, x);
	else if (kind < 79)
		do_set(e, x);
	else if (kind < 81)
		do_look(e, x);
	else if (kind < 83)
		do_look_along(e, x);
	else if (kind < 85)
		do_look_at_many(e, x);
	else if (kind < 86)
		do_look_for_hole(e, x);
	else if (kind < 88)
		do_hardware(e, x);
	else if (kind < 90)
		do_touch(e, x);
	else if (kind < 93)
		do_harvest(e, x);
	else
		do_grace_period(e);
}

static void step(struct episode *e)
{
	struct fixture *x = &e->x[below(e, e->spaces)];
	bool faults = one_in(e, 8);

	x->relaxed = e->tight || faults;
	x->hurried = e->opts.over_limit && one_in(e, 2);
	if (faults && one_in(e, 3))
		fake_fail_all(&e->f, true);
	else if (faults)
		fake_fail(&e->f, 1 + below(e, one_in(e, 3) ? 60 : 6));
	do_one(e, x);
	fake_fail(&e->f, 0);
	fix_verify(x);
}

/* ---- Episodes ---- */

static void choose_heaps(struct episode *e)
{
	if (one_in(e, 3))
		return; /* the page table's own */
	e->spaces = SPACES;
	for (unsigned i = 0; i < GW_FMT_HEAPS; i++)
		e->opts.heap[i] = fix_heap(&e->f, i, 1u << below(e, 9));
}

/* Some pages of what a table of some level spans, from the start or not. */
static void choose_range(struct episode *e)
{
	unsigned level = (unsigned)below(e, GW_LEVELS);
	uint64_t span = gw_span(level) << gw_fmt_index_bits(level), skip;

	if (!GW_FMT_RANGES || one_in(e, 2))
		return;
	skip = one_in(e, 2) ? 0 : below(e, span / PAGE) * PAGE;
	e->opts.va = (some_va(e) & ~(span - 1)) + skip;
	e->opts.bytes = span - skip;
}

static void episode_start(struct episode *e, uint64_t state)
{
	*e = (struct episode){.r = {state}, .spaces = 1};
	fake_env_init(&e->f);
	e->f.lose = one_in(e, 2);
	e->f.sync_runs_calls = one_in(e, 2);
	e->f.last_first = one_in(e, 2);
	e->opts.policy = (enum gw_policy)below(e, 3);
	if (one_in(e, 4))
		e->opts.max_leaf = gw_span(fix_leaf_level() - (unsigned)below(e, 2));
	e->tight = one_in(e, 3);
	if (e->tight)
		e->opts.deferred_limit = 1 + below(e, 16) * (8u << gw_fmt_index_bits(0));
	if (e->tight && one_in(e, 2))
		e->opts.over_limit = fix_over_limit;
	choose_heaps(e);
	choose_range(e);
	for (unsigned i = 0; i < e->spaces; i++)
		(one_in(e, 3) ? fix_start_untold_on : fix_start_on)(&e->x[i], &e->f, &e->opts);
}

/* Every empty table goes, at every level, if the policy or gw_reclaim says so. */
static void episode_end(struct episode *e)
{
	for (unsigned i = 0; i < e->spaces; i++) {
		e->x[i].relaxed = true;
		if (e->opts.policy == GW_POLICY_MANUAL)
			fix_reclaim(&e->x[i], 0, UINT64_MAX);
		fix_assert_exact(&e->x[i]);
	}
	for (unsigned i = 0; i < e->spaces; i++)
		fix_end(&e->x[i]);
	for (unsigned i = 0; i < GW_FMT_HEAPS; i++)
		if (e->opts.heap[i])
			gw_heap_put(e->opts.heap[i]);
	fake_env_done(&e->f);
}

static void test_random_operations_against_the_model(void **state)
{
	struct fake_random seeds = {seed};

	(void)state;
	for (unsigned long done = 0; done < steps; done += EPISODE) {
		struct episode e;

		at.state = fake_random(&seeds);
		at.running = true;
		episode_start(&e, at.state);
		for (at.step = 0; at.step < EPISODE; at.step++)
			step(&e);
		episode_end(&e);
		at.running = false;
	}
}

static int tell_where(void **state)
{
	(void)state;
	if (at.running)
		print_error("seed %" PRIu64 ", an episode from %" PRIx64 ", its step %lu\n", seed,
			    at.state, at.step);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_random_operations_against_the_model, tell_where),
	};

	steps = gw_fmt_index_bits(0) > 9 ? LARGE_STEPS : DEFAULT_STEPS;
	if (getenv("GW_STEPS"))
		steps = strtoul(getenv("GW_STEPS"), NULL, 0);
	if (getenv("GW_SEED"))
		seed = strtoull(getenv("GW_SEED"), NULL, 0);
	if (argc > 1)
		steps = strtoul(argv[1], NULL, 0);
	if (argc > 2)
		seed = strtoull(argv[2], NULL, 0);
	printf("%s: %lu steps from seed %" PRIu64 "\n", GW_FMT_NAME, steps, seed);
	return cmocka_run_group_tests_name("property " GW_FMT_NAME, tests, NULL, NULL);
}
