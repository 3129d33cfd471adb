/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * A format against an MMU: random mappings, looked at through the processor after every update. */
#include "choose.h"
#include "conformance.h"
#include "expect.h"
#include "pieces.h"
#include "say.h"
#include "trial.h"

enum {
	STEP = 16,     /* places of accesses are multiples of this */
	FIRST = 25,    /* updates before the MMU is turned on */
	UPDATES = 400, /* in all */
	AUDIT = 50,    /* updates from one look at everything to the next */
	POINTS = 40,
	TABLES = 1024, /* room in a heap */
	MUTATE_ONE_OF = 8,
};

static struct gw_bare bare;
static bool replacing; /* in gw_replace, for a control */

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

/* Any access; often one that is allowed, which most are not. */
static void look_at(uint64_t va)
{
	const struct extent *x = expect_find(&test.expect, va);
	unsigned tries = chance(2) ? 1 : 4;
	enum access access;
	bool user;

	do {
		access = (enum access)below(ACCESSES);
		user = below(2);
	} while (--tries && x && !arch_allows(x->attr, access, user));
	try(va, access, user);
}

static void look(const struct points *points)
{
	for (unsigned i = 0; i < points->n; i++)
		look_at(points->va[i]);
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
	if (!test.control && chance(2)) {
		struct range all = whole(&arch.areas[below(arch.areas_n)]);

		survey(&all);
	}
	if (gw_check(test.pt))
		wrong_call("gw_check", 0, 0, 0, -EIO);
}

/* ---- Changing ---- */

static void invalidate(void *ctx, const struct gw_range *range)
{
	struct gw_range part = *range;

	(void)ctx;
	collapse_told(range);
	if (test.control == CONTROL_STALE || (test.control == CONTROL_SWAP && replacing))
		return;
	if (test.control == CONTROL_SHORT)
		part.bytes -= PAGE;
	if (test.enabled && part.bytes)
		arch_invalidate(&part);
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
	gw_pte_set(test.pt, &pte, gw_fmt_leaf(out, attr & ~(uint32_t)GW_CONTIGUOUS, 0));
	gw_pte_unlock(test.pt, &pte);
	arch_invalidate(&page);
	arch_mapped();
	try_all(x->va);
}

/* The same with one of a run: by hand, since the library would split it. */
static void mutate_run(const struct extent *x)
{
	const struct gw_range page = {.va = x->va, .bytes = PAGE};
	struct gw_pte pte;
	uint64_t e;

	if (!gw_pte_map_lock(test.pt, x->va, &pte))
		return;
	e = gw_load_relaxed(pte.entry);
	if (gw_run_lg2(e, 0))
		gw_store_relaxed(pte.entry, e ^ arch.run_bits[below(LENGTH(arch.run_bits))]);
	gw_pte_unlock(test.pt, &pte);
	arch_invalidate(&page);
	arch_mapped();
	try_all(x->va);
}

static uint32_t choose_deposit(void)
{
	return chance(2) ? GW_DEPOSIT : 0;
}

static void map_with(const struct extent *x, uint32_t flags)
{
	bool taken = expect_any(&test.expect, x->va, x->bytes);
	int err = gw_map(test.pt, x->va, x->bytes, x->out, x->attr | flags);

	arch_mapped();
	if (err != (taken ? -EEXIST : 0))
		wrong_call("gw_map", x->va, x->bytes, taken ? -EEXIST : 0, err);
	if (taken)
		return;
	expect_map(&test.expect, x);
	if (test.enabled && test.control == CONTROL_RUN)
		mutate_run(x);
	else if (test.enabled && test.control >= CONTROL_RIGHTS && chance(MUTATE_ONE_OF))
		mutate(x);
}

/* A leaf of level 2 may turn out as all of a table, of smaller ones: more deposits than memory. */
static void map_at(const struct extent *x)
{
	map_with(x, x->bytes < gw_span(2) ? choose_deposit() : 0);
}

static void replace_with(const struct extent *x, uint32_t flags)
{
	int err;

	replacing = true;
	err = gw_replace(test.pt, x->va, x->bytes, x->out, x->attr | flags);
	replacing = false;
	arch_mapped();
	if (err)
		wrong_call("gw_replace", x->va, x->bytes, 0, err);
	expect_unmap(&test.expect, x->va, x->bytes);
	expect_map(&test.expect, x);
}

static void replace_at(const struct extent *x)
{
	replace_with(x, choose_deposit());
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

/* What a harvest has to tell, or has told: bytes that have an attribute, by its bit. */
struct harvest {
	uint64_t first, last; /* what was looked at: whole leaves at both ends */
	uint64_t bytes[32];
};

static void count(struct harvest *h, const struct gw_leaf *run, uint32_t take)
{
	for (unsigned bit = 0; run->attr & take && bit < LENGTH(h->bytes); bit++)
		h->bytes[bit] += run->attr >> bit & 1 ? run->bytes : 0;
	if (run->va < h->first)
		h->first = run->va;
	if (run->va + (run->bytes - 1) > h->last)
		h->last = run->va + (run->bytes - 1);
}

static void walk_to(uint64_t va, struct gw_leaf *leaf)
{
	test.env->read_lock(test.env);
	if (!gw_walk(test.pt, va, leaf))
		wrong_call("gw_walk", va, PAGE, 0, 0);
	test.env->read_unlock(test.env);
}

/* The leaf that maps va; of a run, what the MMU has recorded in any entry. */
static struct gw_leaf leaf_at(uint64_t va)
{
	struct gw_leaf leaf, entry;
	unsigned level = 0;

	walk_to(va, &leaf);
	if (!(leaf.attr & GW_CONTIGUOUS))
		return leaf;
	while (leaf.bytes != gw_span(level) << gw_fmt_run_lg2(level))
		level++;
	for (uint64_t i = 0; i < leaf.bytes; i += gw_span(level)) {
		walk_to(leaf.va + i, &entry);
		leaf.attr |= entry.attr;
	}
	return leaf;
}

/* By walks: what the MMU has made of the leaves in a range. */
static struct harvest count_range(const struct range *range, uint32_t take)
{
	struct harvest h = {.first = range->va, .last = last_of(range)};

	for (unsigned i = 0; i < test.expect.n; i++) {
		const struct extent *x = &test.expect.at[i];
		uint64_t x_last = x->va + (x->bytes - 1);
		uint64_t va = x->va > range->va ? x->va : range->va;
		struct gw_leaf leaf;

		for (; va >= x->va && va <= x_last && va <= last_of(range); va += leaf.bytes) {
			leaf = leaf_at(va);
			va = leaf.va;
			count(&h, &leaf, take);
		}
	}
	return h;
}

struct told {
	struct harvest h;
	uint32_t take;
};

static void on_found(void *ctx, const struct gw_leaf *run)
{
	struct told *told = ctx;

	count(&told->h, run, told->take);
}

/* Afterwards the MMU has to record again what it recorded before: `look` sees to that. */
static void harvest_at(const struct range *range)
{
	const uint32_t all = (GW_WRITE | recorded()) & GW_FMT_ATTRS & ~arch.attrs_always;
	struct told told = {.h = {.first = range->va, .last = last_of(range)}};
	struct harvest want;
	int err;

	told.take = (uint32_t)below(1ull << 32) & all;
	if (!told.take)
		return;
	want = count_range(range, told.take);
	err = gw_harvest(test.pt, range->va, range->bytes, told.take, on_found, &told);
	arch_mapped();
	if (err)
		wrong_call("gw_harvest", range->va, range->bytes, 0, err);
	for (unsigned bit = 0; !test.control && bit < LENGTH(want.bytes); bit++)
		if (want.bytes[bit] != told.h.bytes[bit])
			wrong_call("gw_harvest, bytes", range->va, range->bytes, 0, 0);
	expect_take(&test.expect, want.first, want.last - want.first + 1, told.take);
}

/* The same points before and after: what the MMU remembers from before is the danger. */
static void update_extent(const struct extent *x, void (*change_at)(const struct extent *x))
{
	struct range range = {x->va, x->bytes};
	struct points points;

	if (!in_areas(&range))
		return;
	points = choose_points(&range);
	look(&points);
	change_at(x);
	look(&points);
	points = choose_points(&range);
	look(&points);
}

static void update_map(void)
{
	struct extent x = choose_mapping();

	update_extent(&x, map_at);
}

static void update_replace(void)
{
	struct extent x = choose_replacement();

	update_extent(&x, replace_at);
}

static void update_range(void)
{
	struct range range = choose_range();
	struct points points = choose_points(&range);

	look(&points);
	switch (below(4)) {
	case 0:
		harvest_at(&range);
		break;
	case 1:
		protect_at(&range, choose_attr());
		break;
	default:
		unmap_at(&range);
	}
	look(&points);
	look(&points);
}

/* What one call would map by larger leaves, so that smaller ones are there at first. Now and then
 * the two do not go together. */
static struct range map_in_two(void)
{
	const uint32_t recorded = GW_ACCESSED | GW_DIRTY, differ = recorded & ~arch.attrs_always;
	struct extent x = choose_aligned(), next = x;
	struct range range = {x.va, x.bytes};

	if (!in_areas(&range))
		return choose_wide();
	unmap_at(&range);
	x.bytes = PAGE * (1 + below((x.bytes >> GW_PAGE_LG2) - 1));
	next.va += x.bytes;
	next.out += x.bytes;
	next.bytes -= x.bytes;
	next.attr = (x.attr & ~differ) | (choose_attr() & differ);
	if (chance(4))
		next.attr = choose_attr();
	if (range.bytes == gw_span(1) && chance(4))
		next.out += PAGE;
	map_with(&x, 0);
	map_with(&next, 0);
	return range;
}

static void update_collapse(void)
{
	struct range range = chance(2) ? choose_wide() : map_in_two();
	struct points points = choose_points(&range);

	look(&points);
	collapse_at(&range, choose_deposit());
	look(&points);
	look(&points);
}

static void update_split(void)
{
	struct range range = choose_larger();
	struct points points = choose_points(&range);

	look(&points);
	split_at(&range);
	look(&points);
	look(&points);
}

/* Empty tables go by themselves but under the third policy. */
static void reclaim(const struct area *area)
{
	gw_reclaim(test.pt, area->first, area->last - area->first + 1);
}

static void unmap_area(const struct area *area)
{
	struct range all = whole(area);

	unmap_at(&all);
	audit();
}

static void update_any(void)
{
	void (*const often[])(void) = {
		update_map,   update_map,      update_map,   update_map,
		update_range, update_range,    update_range, update_range,
		update_range, update_collapse, update_split, update_replace,
	};

	often[test.expect.n ? below(LENGTH(often)) : 0]();
}

static void update(void)
{
	test.updates++;
	if (expect_room(&test.expect))
		update_any();
	else
		unmap_area(&arch.areas[below(arch.areas_n)]);
	if (chance(16))
		reclaim(&arch.areas[below(arch.areas_n)]);
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

static enum gw_policy policy(void)
{
	static const enum gw_policy all[] = {GW_POLICY_EAGER, GW_POLICY_LAZY, GW_POLICY_MANUAL};

	return all[test.seed % LENGTH(all)];
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
	struct gw_opts opts = {
		.policy = policy(),
		.max_leaf = gw_span(largest_usable()),
		.invalidate = invalidate,
	};

	must("gw_bare_init", gw_bare_init(&bare, &memory));
	opts.env = test.env = &bare.env;
	for (unsigned i = 0; i < GW_FMT_HEAPS; i++) {
		struct gw_heap_opts heap;

		must("gw_heap_defaults", gw_heap_defaults(i, &heap));
		heap.env = test.env;
		heap.max_bytes = TABLES * heap.table_bytes;
		heap.poison = gw_fmt_leaf(arch.data, GW_FMT_ATTRS & ~GW_CONTIGUOUS, 0);
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

/* Just outside of where things are mapped; where an area ends with the format's addresses, those
 * are none. */
static void try_edges(void)
{
	for (unsigned i = 0; i < arch.areas_n; i++) {
		try_all(arch.areas[i].first - STEP);
		try_all(arch.areas[i].last + 1);
	}
}

/* A leaf of a level with some rights: every access, at both ends and where there is data. */
static void try_leaf(unsigned level, uint32_t attr)
{
	struct extent x = choose_leaf(level, attr);
	struct range range = {x.va, x.bytes};
	uint64_t pa = x.out > arch.data ? x.out : arch.data;

	if (expect_any(&test.expect, x.va, x.bytes))
		unmap_at(&range);
	map_at(&x);
	try_all(x.va);
	try_all(last_of(&range) & ~(uint64_t)(STEP - 1));
	try_all(x.va + (pa - x.out));
	unmap_at(&range);
	try_all(x.va + (pa - x.out));
}

/* Every set of rights at every level, as one entry and as a run, the other attributes at random.
 * The largest leaves are rare elsewhere: what their rights allow goes well here. */
static void try_every_leaf(void)
{
	const uint32_t used = arch.records ? 0 : arch.attrs_try & (GW_ACCESSED | GW_DIRTY);
	const uint32_t all = arch.attrs_try & (GW_READ | GW_WRITE | GW_EXEC | GW_USER);
	uint32_t rights = 0;

	do {
		uint32_t attr = choose_attr_with(all | GW_CONTIGUOUS, rights);

		for (unsigned level = 0; level <= top_leaf_level(); level++) {
			if (usable(level))
				try_leaf(level, attr);
			if (usable(level) && used & ~attr)
				try_leaf(level, attr | used);
			if (usable(level) && gw_fmt_run_lg2(level))
				try_leaf(level, attr | used | GW_CONTIGUOUS);
		}
		rights = (rights - all) & all; /* the next subset */
	} while (rights);
}

/* A leaf in the place of another; if it may be a larger one, its pieces by its deposit, and the
 * leaf again. */
static void try_pieces(void)
{
	const unsigned level = usable(1);
	struct extent other = choose_leaf(level, choose_attr_of_one());
	struct extent x = choose_leaf(level, choose_attr_of_one());
	struct range range = {x.va, x.bytes};

	other.va = x.va;
	replace_with(&other, 0);
	try_all(x.va);
	replace_with(&x, GW_DEPOSIT);
	try_all(x.va);
	split_at(&range);
	try_all(x.va);
	collapse_at(&range, GW_DEPOSIT);
	try_all(x.va);
	unmap_at(&range);
}

/* A run that tried nothing would go well too. */
static void check_reached(void)
{
	for (unsigned level = 0; level <= top_leaf_level(); level++)
		for (unsigned access = 0; usable(level) && access < ACCESSES; access++) {
			if (!test.reached[level][access])
				wrong_call("never reached", level, access, 0, 0);
			if (gw_fmt_run_lg2(level) && !test.reached_runs[level][access])
				wrong_call("never reached, a run", level, access, 0, 0);
		}
	if (largest_usable() && !(test.collapses && test.splits && test.paid))
		wrong_call("never collapsed, split, or split by a deposit", 0, 0, 0, 0);
	if (!largest_usable() && test.collapses + test.splits)
		wrong_call("collapsed or split without larger leaves", 0, 0, 0, 0);
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
	say(" updates, ");
	say_dec(test.collapses);
	say(" collapses, ");
	say_dec(test.splits);
	say(" splits, ");
	say_dec(test.paid);
	say(" by deposits, seed ");
	say_dec(test.seed);
	say("\n");
}

/* For monitor.py, which ends the machine: where the tables are, then nothing more. */
static _Noreturn void hold(void)
{
	say("hold:");
	say_field("root", (uintptr_t)test.pt->root - test.pt->to_pointer);
	say_field("memory", arch.memory);
	say_field("bytes", arch.memory_bytes);
	say("\n");
	if (arch.hold)
		arch.hold();
	for (;;)
		;
}

void conformance(void)
{
	uint64_t before;

	test.seed = (uint32_t)arch_word();
	test.control = arch_word() >> 32 & 0xff;
	test.hold = arch_word() >> 40 & 1;
	test.random = test.seed;
	make_page_table();
	before = tables();
	choose_bases();
	while (test.updates < UPDATES) {
		if (test.updates == FIRST) {
			enable();
			try_edges();
			try_every_leaf();
			try_pieces();
		}
		update();
		if (test.hold && test.updates == UPDATES / 2)
			hold();
	}
	for (unsigned i = 0; i < arch.areas_n; i++) {
		unmap_area(&arch.areas[i]);
		if (policy() == GW_POLICY_MANUAL)
			reclaim(&arch.areas[i]);
	}
	if (tables() != before)
		wrong_call("tables left", 0, 0, 0, 0);
	check_reached();
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
