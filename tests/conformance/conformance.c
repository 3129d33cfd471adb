/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * A format against an MMU: random mappings, looked at through the processor after every update. */
#include "conformance.h"
#include "expect.h"
#include "say.h"
#include "trial.h"

enum {
	PAGE = 1 << GW_PAGE_LG2,
	STEP = 16,     /* places of accesses are multiples of this */
	FIRST = 25,    /* updates before the MMU is turned on */
	UPDATES = 400, /* in all */
	AUDIT = 50,    /* updates from one look at everything to the next */
	BASES = 8,
	POINTS = 40,
	RAGGED = 40,   /* pages before and after a larger leaf */
	SHIFTED = 700, /* pages that no larger leaf can map */
	TABLES = 1024, /* room in a heap */
	MUTATE_ONE_OF = 8,
};

struct range {
	uint64_t va, bytes;
};

static struct gw_bare bare;
static uint64_t bases[BASES];

/* ---- Choosing ---- */

static bool chance(unsigned of)
{
	return !below(of);
}

static uint64_t round_down(uint64_t x, uint64_t to)
{
	return x & ~(to - 1);
}

static unsigned top_leaf_level(void)
{
	unsigned level = GW_LEVELS - 1;

	while (!gw_fmt_leaf_level(level))
		level--;
	return level;
}

static uint64_t last_of(const struct range *range)
{
	return range->va + (range->bytes - 1);
}

static bool in_areas(const struct range *range)
{
	uint64_t last = last_of(range);

	for (unsigned i = 0; i < arch.areas_n; i++)
		if (range->va >= arch.areas[i].first && last <= arch.areas[i].last &&
		    range->va <= last)
			return true;
	return false;
}

/* Places that mappings gather around, so that they meet: both ends of each area, and others. Four
 * of the largest leaves find room after each. */
static void choose_bases(void)
{
	uint64_t span = gw_span(top_leaf_level());

	for (unsigned i = 0; i < BASES; i++) {
		const struct area *area = &arch.areas[i % arch.areas_n];
		uint64_t low = round_down(area->first + (span - 1), span);
		uint64_t high = round_down(area->last, span) - 3 * span;

		if (i < 2 * arch.areas_n)
			bases[i] = i < arch.areas_n ? low : high;
		else
			bases[i] = low + below((high - low) / span + 1) * span;
	}
}

static uint64_t choose_index(uint64_t n)
{
	const uint64_t often[] = {0, 1, 2, n - 2, n - 1, below(n)};

	return often[below(LENGTH(often))];
}

static uint64_t choose_va(unsigned level)
{
	unsigned top = top_leaf_level();
	uint64_t va = bases[below(BASES)] + below(level == top ? 4 : 2) * gw_span(top);

	for (unsigned l = level; l < top; l++)
		va += choose_index(gw_span(l + 1) / gw_span(l)) * gw_span(l);
	return va;
}

static uint32_t choose_attr(void)
{
	return arch.attrs_always | ((uint32_t)below(1ull << 32) & arch.attrs_try);
}

static unsigned choose_leaf_level(void)
{
	unsigned level;

	do
		level = (unsigned)below(GW_LEVELS);
	while (!gw_fmt_leaf_level(level));
	return level;
}

/* A mapping that the library makes of leaves of one level and, if ragged, pages on both sides; or
 * of pages alone, where addresses do not match for more. */
static struct extent choose_mapping(void)
{
	unsigned level = choose_leaf_level();
	uint64_t pa = arch.data + below(arch.data_bytes >> GW_PAGE_LG2) * PAGE, before;
	struct extent x = {
		.va = choose_va(level),
		.bytes = gw_span(level) * (1 + below(level ? 2 : 8)),
		.out = round_down(pa, gw_span(level)),
		.attr = choose_attr(),
		.untouched = true,
	};

	if (chance(8)) {
		x.bytes = (1 + below(SHIFTED)) * PAGE;
		x.out = in_data(pa, x.bytes) ? pa : arch.data;
	} else if (level && chance(2)) {
		before = below(RAGGED) * PAGE;
		if (before > x.out)
			before = 0;
		x.va -= before;
		x.out -= before;
		x.bytes += before + below(RAGGED) * PAGE;
	}
	return x;
}

/* A number of pages up to all in `bytes`, small ones as often as large ones. */
static uint64_t choose_bytes(uint64_t bytes)
{
	uint64_t pages = bytes >> GW_PAGE_LG2;
	unsigned bits = 0;

	while (pages >> bits)
		bits++;
	pages = 1 + below(1ull << below(bits + 1)) % pages;
	return pages << GW_PAGE_LG2;
}

/* What to unmap or protect: an extent, a part of it, or something around it. */
static struct range choose_range(void)
{
	const struct extent *x = &test.expect.at[below(test.expect.n)];
	struct range whole = {x->va, x->bytes}, range = whole;

	switch (below(5)) {
	case 0:
		range.bytes = choose_bytes(x->bytes);
		break;
	case 1:
		range.bytes = choose_bytes(x->bytes);
		range.va += x->bytes - range.bytes;
		break;
	case 2:
		range.va += below(x->bytes >> GW_PAGE_LG2) * PAGE;
		range.bytes = choose_bytes(x->bytes - (range.va - x->va));
		break;
	case 3:
		range.va -= below(RAGGED) * PAGE;
		range.bytes += below(2 * RAGGED) * PAGE;
		break;
	}
	return in_areas(&range) ? range : whole;
}

/* ---- Looking ---- */

struct points {
	unsigned n;
	uint64_t va[POINTS];
};

static void add_point(struct points *points, uint64_t va)
{
	if (points->n < POINTS)
		points->va[points->n++] = round_down(va, STEP);
}

/* A place in [first, last]; both ends often. */
static void add_inside(struct points *points, uint64_t first, uint64_t last)
{
	const uint64_t often[] = {first, last, first + below(last - first + 1)};

	add_point(points, often[below(LENGTH(often))]);
}

/* Where an extent maps data, accesses that succeed can be tried. */
static void add_data(struct points *points, const struct extent *x)
{
	uint64_t first = x->out > arch.data ? x->out : arch.data;
	uint64_t last = x->out + (x->bytes - 1), end = arch.data + (arch.data_bytes - 1);

	if (last > end)
		last = end;
	if (first > last)
		return;
	for (unsigned i = 0; i < 3; i++)
		add_inside(points, x->va + (first - x->out), x->va + (last - x->out));
}

/* Both ends of a range from either side, both ends of the largest leaves around it, some places in
 * it, and data in it. */
static struct points choose_points(const struct range *range)
{
	uint64_t last = last_of(range);
	struct points points = {.n = 0};

	add_point(&points, range->va);
	add_point(&points, last);
	add_point(&points, range->va - 1);
	add_point(&points, last + 1);
	for (unsigned i = 0; i < 3; i++)
		add_inside(&points, range->va, last);
	for (unsigned level = 1; level <= top_leaf_level(); level++) {
		add_point(&points, round_down(range->va, gw_span(level)));
		add_point(&points, last | (gw_span(level) - 1));
	}
	for (unsigned i = 0; i < test.expect.n; i++) {
		const struct extent *x = &test.expect.at[i];

		if (x->va <= last && range->va <= x->va + (x->bytes - 1))
			add_data(&points, x);
	}
	return points;
}

static void look(const struct points *points)
{
	for (unsigned i = 0; i < points->n; i++)
		try(points->va[i], (enum access)below(ACCESSES), below(2));
}

static void audit(void)
{
	for (unsigned i = 0; i < test.expect.n; i++) {
		const struct extent *x = &test.expect.at[i];
		struct points points = {.n = 0};

		add_point(&points, x->va);
		add_point(&points, x->va - 1);
		add_point(&points, x->va + (x->bytes - 1));
		add_point(&points, x->va + x->bytes);
		add_data(&points, x);
		look(&points);
	}
	if (gw_check(test.pt))
		wrong_call("gw_check", 0, 0, 0, -EIO);
}

/* ---- Changing ---- */

static void invalidate(void *ctx, const struct gw_range *range)
{
	(void)ctx;
	if (test.enabled && test.control != CONTROL_STALE)
		arch_invalidate(range);
}

/* Controls: changes a page's entry, and tells nobody but the MMU. */
static void mutate(const struct extent *x)
{
	const struct gw_range page = {.va = x->va, .bytes = PAGE};
	struct gw_pte pte;
	uint64_t out;
	uint32_t attr;

	if (!in_data(x->out ^ PAGE, PAGE) || !gw_pte_map_lock(test.pt, x->va, &pte))
		return;
	out = test.control == CONTROL_PAGE ? x->out ^ PAGE : x->out;
	attr = test.control == CONTROL_RIGHTS ? x->attr ^ GW_WRITE : x->attr;
	gw_pte_set(test.pt, &pte, gw_fmt_leaf(out, attr, 0));
	gw_pte_unlock(test.pt, &pte);
	arch_invalidate(&page);
	arch_mapped();
	try_all(x->va);
}

static void map_at(const struct extent *x)
{
	bool taken = expect_any(&test.expect, x->va, x->bytes);
	int err = gw_map(test.pt, x->va, x->bytes, x->out, x->attr);

	arch_mapped();
	if (err != (taken ? -EEXIST : 0))
		wrong_call("gw_map", x->va, x->bytes, taken ? -EEXIST : 0, err);
	if (taken)
		return;
	expect_map(&test.expect, x);
	if (test.enabled && test.control >= CONTROL_RIGHTS && chance(MUTATE_ONE_OF))
		mutate(x);
}

static void unmap_at(const struct range *range)
{
	int err = gw_unmap(test.pt, range->va, range->bytes);

	arch_mapped(); /* a leaf may have been split */
	if (err)
		wrong_call("gw_unmap", range->va, range->bytes, 0, err);
	expect_unmap(&test.expect, range->va, range->bytes);
}

static void protect_at(const struct range *range, uint32_t attr)
{
	int err = gw_protect(test.pt, range->va, range->bytes, attr);

	arch_mapped();
	if (err)
		wrong_call("gw_protect", range->va, range->bytes, 0, err);
	expect_protect(&test.expect, range->va, range->bytes, attr, GW_ACCESSED | GW_DIRTY);
}

/* The same points before and after: what the MMU remembers from before is the danger. */
static void update_map(void)
{
	struct extent x = choose_mapping();
	struct range range = {x.va, x.bytes};
	struct points points;

	if (!in_areas(&range))
		return;
	points = choose_points(&range);
	look(&points);
	map_at(&x);
	look(&points);
	points = choose_points(&range);
	look(&points);
}

static void update_range(void)
{
	struct range range = choose_range();
	struct points points = choose_points(&range);

	look(&points);
	if (chance(2))
		unmap_at(&range);
	else
		protect_at(&range, choose_attr());
	look(&points);
	look(&points);
}

static void unmap_area(const struct area *area)
{
	struct range all = {area->first, area->last - area->first + 1};

	unmap_at(&all);
	audit();
}

static void update(void)
{
	test.updates++;
	if (!expect_room(&test.expect))
		unmap_area(&arch.areas[below(arch.areas_n)]);
	else if (!test.expect.n || below(9) < 4)
		update_map();
	else
		update_range();
	gw_bare_poll(&bare);
	if (chance(4))
		gw_bare_drain(&bare);
	if (test.updates % AUDIT == 0)
		audit();
}

/* ---- From start to end ---- */

static unsigned the_only_cpu(void *ctx)
{
	(void)ctx;
	return 0;
}

static void must(const char *what, int err)
{
	if (err)
		conformance_broke(what, (uint64_t)-err, 0, 0);
}

/* Tables that turn free are filled with a leaf that nothing else maps: whoever still gets there
 * reads a wrong page. */
static void make_page_table(void)
{
	const struct gw_bare_opts memory = {
		.memory = (void *)(uintptr_t)arch.memory,
		.memory_bytes = arch.memory_bytes,
		.cpus = 1,
		.cpu = the_only_cpu,
	};
	struct gw_opts opts = {.policy = GW_POLICY_EAGER, .invalidate = invalidate};

	must("gw_bare_init", gw_bare_init(&bare, &memory));
	opts.env = test.env = &bare.env;
	for (unsigned i = 0; i < GW_FMT_HEAPS; i++) {
		struct gw_heap_opts heap;

		must("gw_heap_defaults", gw_heap_defaults(i, &heap));
		heap.env = test.env;
		heap.max_bytes = TABLES * heap.table_bytes;
		heap.poison = gw_fmt_leaf(arch.data, GW_FMT_ATTRS, 0);
		must("gw_heap_create", gw_heap_create(&heap, &opts.heap[i]));
	}
	must("gw_create", gw_create(&opts, &test.pt));
	for (unsigned i = 0; i < arch.fixed_n; i++) {
		const struct fixed *f = &arch.fixed[i];

		must("gw_map", gw_map(test.pt, f->va, f->bytes, f->out, f->attr));
	}
}

static uint64_t tables(void)
{
	struct gw_pt_stats stats;

	gw_bare_drain(&bare);
	gw_stats(test.pt, &stats);
	return stats.table_bytes;
}

static void enable(void)
{
	arch_mapped();
	arch_enable((uintptr_t)test.pt->root - test.pt->to_pointer);
	test.enabled = true;
	audit();
}

static void end_well(void)
{
	say("ok: ");
	say_dec(test.probes);
	say(" probes, ");
	say_dec(test.faults);
	say(" faults, ");
	say_dec(test.walks);
	say(" walks, ");
	say_dec(test.updates);
	say(" updates, seed ");
	say_dec(test.seed);
	say("\n");
}

void conformance(void)
{
	uint64_t before;

	test.seed = (uint32_t)arch_word();
	test.control = (uint32_t)(arch_word() >> 32);
	test.random = test.seed;
	make_page_table();
	before = tables();
	choose_bases();
	while (test.updates < UPDATES) {
		if (test.updates == FIRST)
			enable();
		update();
	}
	for (unsigned i = 0; i < arch.areas_n; i++)
		unmap_area(&arch.areas[i]);
	if (tables() != before)
		wrong_call("tables left", 0, 0, 0, 0);
	end_well();
	arch_exit(0);
}

void conformance_broke(const char *what, uint64_t a, uint64_t b, uint64_t c)
{
	say("broke: ");
	say(what);
	say_field("a", a);
	say_field("b", b);
	say_field("c", c);
	say_field("seed", test.seed);
	say("\n");
	arch_exit(2);
}
