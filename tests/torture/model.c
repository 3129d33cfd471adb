/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The model: spaces, their regions, records, and what the library calls back. */
#include "torture.h"
#include <stdlib.h>

struct record *records;
struct space spaces[SPACES];

/* ---- What `out` and attributes say ---- */

/* No record's: what poisoned entries name, and no map does. */
static uint64_t poison_code(void)
{
	return (uint64_t)opts.updaters * RECORDS_EACH;
}

/* The largest leaves for which there is room; and the bits of `out` below the code: the address
 * within the region, for all that one call may map. Formats whose leaves have one value, whatever
 * their size, have none. */
static unsigned largest_leaf, low_bits;

static unsigned low_bits_for(unsigned level)
{
	unsigned pages = gw_fmt_shift(0) + (unsigned)__builtin_ctz(PIECES),
		 leaves = gw_fmt_shift(level) + 2;

	if (!gw_fmt_advance(0, 1))
		return 0;
	return pages > leaves ? pages : leaves;
}

static uint64_t run_bytes(unsigned level)
{
	return gw_span(level) << gw_fmt_run_lg2(level);
}

/* Room for each updater's four such leaves, and for their codes. */
static bool has_room(unsigned level)
{
	unsigned code_bits = 64 - (unsigned)__builtin_clzll(poison_code());

	return gw_fmt_leaf_level(level) && low_bits_for(level) + code_bits <= GW_OUT_BITS &&
	       6 * gw_span(level) + run_bytes(level) <= (1ull << (GW_VA_BITS - 1)) / opts.updaters;
}

static void choose_leaf(void)
{
	largest_leaf = GW_LEVELS - 1;
	while (largest_leaf && !has_room(largest_leaf))
		largest_leaf--;
	low_bits = low_bits_for(largest_leaf);
}

uint64_t out_of(const struct region *r, const struct record *record, uint64_t va)
{
	uint64_t code = (uint64_t)(record - records);

	return code << low_bits | ((va - r->base) & ((1ull << low_bits) - 1));
}

uint64_t poison_of_heap(unsigned heap)
{
	unsigned level = largest_leaf;

	/* Where only roots come from a heap, any poison will do: they have no leaves. */
	while (level && gw_fmt_heap(level) != heap)
		level--;
	return gw_fmt_leaf(poison_code() << low_bits, GW_FMT_ATTRS_MUST, level);
}

uint32_t attr_flags(unsigned attr)
{
	uint32_t flags = GW_READ | (attr & 1 ? GW_WRITE : 0) | (attr & 2 ? GW_EXEC : 0);

	return (flags & GW_FMT_ATTRS) | GW_FMT_ATTRS_MUST;
}

unsigned attr_number(uint32_t flags)
{
	return (flags & GW_WRITE ? 1 : 0) | (flags & GW_EXEC ? 2 : 0);
}

/* ---- Records ---- */

/* An updater's records: those that others gave back, those that it took from there, those that were
 * never used. */
static struct pool {
	_Atomic uint32_t returned;
	uint32_t free, fresh;
} pools[UPDATERS_MAX];

static struct record *record_pop(unsigned updater)
{
	struct pool *pool = &pools[updater];
	struct record *record;

	if (!pool->free)
		pool->free = gw_exchange_acquire(&pool->returned, 0);
	if (pool->free) {
		record = &records[pool->free - 1];
		pool->free = gw_load_relaxed(&record->next);
		return record;
	}
	return pool->fresh < RECORDS_EACH ? &records[updater * RECORDS_EACH + pool->fresh++] : NULL;
}

struct record *record_get(struct thread *updater, const struct space *space, const struct region *r,
			  unsigned first, unsigned n, uint64_t gen)
{
	struct record *record;

	/* All are out: they come back as grace periods end. */
	while (!(record = record_pop(updater->number)))
		test_env->synchronize(test_env);
	record->magic = MAGIC_LIVE;
	record->space = (uint16_t)space->number;
	record->region = (uint16_t)(r - space->region);
	record->first = first;
	record->n = n;
	record->gen = gen;
	record->bytes = n * r->cell;
	gw_store_relaxed(&record->released, 0);
	gw_store_relaxed(&record->left, record->bytes);
	return record;
}

static void record_put(struct record *record)
{
	struct pool *pool = &pools[record_updater(record)];
	uint32_t head = gw_load_relaxed(&pool->returned);

	record->magic = MAGIC_DEAD;
	record->n = 0;
	do
		gw_store_relaxed(&record->next, head);
	while (!gw_cas_acq_rel(&pool->returned, &head, (uint32_t)(record - records) + 1));
}

void record_release(struct record *record, unsigned cell, uint64_t bytes)
{
	uint64_t left;

	gw_fetch_or_acq_rel(&record->released, 1ull << (cell - record->first));
	left = gw_fetch_sub_acq_rel(&record->left, bytes);
	if (left < bytes)
		wrong("released twice: region %u cell %u gen %llu", record->region, cell,
		      (unsigned long long)record->gen);
	if (left == bytes)
		record_put(record);
}

void records_check(void)
{
	for (unsigned u = 0; u < UPDATERS_MAX; u++) {
		for (unsigned i = 0; i < pools[u].fresh; i++) {
			const struct record *record = &records[u * RECORDS_EACH + i];

			if (record->magic == MAGIC_LIVE && !record->quarantined)
				wrong("never released: space %u region %u cells %u+%u gen %llu, "
				      "%llu of %llu bytes",
				      record->space, record->region, record->first, record->n,
				      (unsigned long long)record->gen,
				      (unsigned long long)record->left,
				      (unsigned long long)record->bytes);
		}
	}
}

struct record *record_of(const struct space *space, const struct region *r, uint64_t va,
			 uint64_t out, const char *who)
{
	uint64_t code = out >> low_bits;
	unsigned cell = (unsigned)((va - r->base) / r->stride);
	struct record *record = &records[code];

	if (code == poison_code())
		wrong("%s: a released table was read (poison) at %#llx", who,
		      (unsigned long long)va);
	if (code > poison_code() || out != out_of(r, record, va))
		wrong("%s: %#llx maps to %#llx, which nobody mapped there", who,
		      (unsigned long long)va, (unsigned long long)out);
	if (record->magic != MAGIC_LIVE)
		wrong("%s: %#llx (region %u cell %u) maps to memory that was released", who,
		      (unsigned long long)va, (unsigned)(r - space->region), cell);
	if (record->space != space->number || record->region != r - space->region ||
	    cell - record->first >= record->n)
		wrong("%s: %#llx (space %u region %u cell %u) maps to a record of space %u region "
		      "%u cells %u+%u",
		      who, (unsigned long long)va, space->number, (unsigned)(r - space->region),
		      cell, record->space, record->region, record->first, record->n);
	return record;
}

/* ---- What the library calls back ---- */

void tlb_forget(struct space *space, const struct region *r, unsigned cell)
{
	atomic_fetch_add(&space->tlb_tag[r->first + cell], 1);
}

static void invalidate_region(struct space *space, const struct region *r, uint64_t va,
			      uint64_t last)
{
	uint64_t end = cell_va(r, r->n - 1) + (r->cell - 1);
	uint64_t first, final;

	if (last < r->base || va > end)
		return;
	first = va <= r->base ? 0 : (va - r->base) / r->stride;
	if (va > cell_va(r, (unsigned)first) + (r->cell - 1))
		first++;
	final = last >= end ? r->n - 1 : (last - r->base) / r->stride;
	for (; first <= final; first++)
		tlb_forget(space, r, (unsigned)first);
}

static void invalidate(void *ctx, const struct gw_range *range)
{
	struct space *space = ctx;

	gw_fetch_add_relaxed(&space->invalidations, 1);
	for (unsigned i = 0; i < space->nregions; i++)
		invalidate_region(space, &space->region[i], range->va,
				  range->va + (range->bytes - 1));
}

static const struct region *region_at(const struct space *space, uint64_t va)
{
	for (unsigned i = 0; i < space->nregions; i++) {
		const struct region *r = &space->region[i];

		if (va >= r->base && va - r->base <= (r->n - 1) * r->stride + (r->cell - 1))
			return r;
	}
	wrong("release: %#llx was never mapped by anybody", (unsigned long long)va);
}

/* What is released must not be mapped. Its owner said so before it unmapped. */
static void check_unmapped(struct space *space, const struct region *r, unsigned cell,
			   const struct record *record)
{
	uint64_t word = gw_load_acquire(&space->word[r->first + cell]);

	if (r->kind == SHARED || gw_load_acquire(&space->closing))
		return;
	if (word_gen(word) < record->gen ||
	    (word_gen(word) == record->gen && word_change(word) == STABLE && word_present(word)))
		wrong("released while mapped: region %u cell %u gen %llu",
		      (unsigned)(r - space->region), cell, (unsigned long long)record->gen);
}

static void release(void *ctx, const struct gw_leaf *run)
{
	struct space *space = ctx;
	const struct region *r = region_at(space, run->va);
	uint64_t va = run->va, left = run->bytes;

	while (left) {
		unsigned cell = (unsigned)((va - r->base) / r->stride);
		uint64_t rest = r->cell - (va - cell_va(r, cell)),
			 bytes = left < rest ? left : rest;
		struct record *record =
			record_of(space, r, va, gw_fmt_advance(run->out, va - run->va), "release");

		check_unmapped(space, r, cell, record);
		record_release(record, cell, bytes);
		va += bytes;
		left -= bytes;
	}
}

static void destroyed(void *ctx)
{
	struct space *space = ctx;

	if (!gw_load_acquire(&space->closing))
		wrong("destroyed, and nobody asked for it");
	gw_store_release(&space->gone, true);
}

/* ---- Spaces ---- */

int space_create(struct space *space, struct gw_env *env, struct gw_heap *const heap[GW_HEAPS_MAX],
		 struct gw_pt **pt)
{
	struct gw_opts gw = {
		.env = env,
		.policy = opts.policy,
		.deferred_limit = opts.limit,
		.invalidate = invalidate,
		.release = opts.untold ? NULL : release,
		.destroyed = destroyed,
		.ctx = space,
	};

	for (unsigned i = 0; i < GW_FMT_HEAPS; i++)
		gw.heap[i] = heap[i];
	gw_store_relaxed(&space->closing, false);
	gw_store_relaxed(&space->gone, false);
	return gw_create(&gw, pt);
}

void space_destroy(struct space *space)
{
	struct gw_pt *pt = gw_load_relaxed(&space->pt);

	gw_store_release(&space->closing, true);
	gw_store_release(&space->pt, NULL);
	gw_destroy(pt);
}

/* ---- Regions, one behind the other from address 0 up ---- */

struct layout {
	struct space *space;
	uint64_t at;
};

static uint64_t align_up(uint64_t x, uint64_t to)
{
	return (x + to - 1) & ~(to - 1);
}

static struct region *region_add(struct space *space, enum kind kind, uint64_t base, uint64_t cell,
				 uint64_t stride, unsigned n)
{
	struct region *r = &space->region[space->nregions++];

	if (space->nregions > REGIONS_MAX)
		wrong("too many regions: fewer updaters");
	*r = (struct region){
		.kind = kind, .base = base, .cell = cell, .stride = stride, .n = n, .max_run = 1};
	r->first = space->ncells;
	space->ncells += n;
	return r;
}

/* In the lower half, at the next multiple of `align`, less `back`. The gap keeps runs of two
 * regions apart. */
static struct region *region_next(struct layout *layout, enum kind kind, uint64_t align,
				  uint64_t back, uint64_t cell, uint64_t stride, unsigned n)
{
	uint64_t base = align_up(layout->at + gw_span(0) + back, align) - back;

	layout->at = base + n * stride;
	if (layout->at > 1ull << (GW_VA_BITS - 1))
		wrong("the format has no room for the test's regions: fewer updaters");
	return region_add(layout->space, kind, base, cell, stride, n);
}

/* Pages in two neighbouring tables, a few in each, so that both turn empty often. */
static struct region *add_dense(struct layout *layout, enum kind kind, unsigned n)
{
	uint64_t back = gw_fmt_index_bits(0) >= 4 ? n / 2 * gw_span(0) : 0;

	return region_next(layout, kind, gw_span(back ? 1 : 2), back, gw_span(0), gw_span(0), n);
}

static void add_striped(struct layout *layout)
{
	unsigned half = 1u << gw_fmt_index_bits(GW_LEVELS - 1) >> 1; /* of the root's entries */
	unsigned n = half > 8 ? 8 : 2;

	add_dense(layout, STRIPED, 16);
	add_dense(layout, STRIPED, 2);
	for (unsigned level = 1; level < GW_LEVELS - 1; level++)
		region_next(layout, STRIPED, gw_span(level), 0, gw_span(0), gw_span(level), 8);
	/* In the upper half: there addresses may be the negative ones. */
	region_add(layout->space, STRIPED, gw_fmt_canonical(1ull << (GW_VA_BITS - 1)), gw_span(0),
		   gw_span(GW_LEVELS - 1), n < half ? n : half);
}

static void add_huge(struct layout *layout, enum kind kind, unsigned level, unsigned owner)
{
	struct region *r = region_next(layout, kind, run_bytes(level), 0, gw_span(level) / 4,
				       gw_span(level) / 4, 16);

	r->owner = owner;
	r->max_run = r->n;
}

static void add_own(struct layout *layout, unsigned owner)
{
	struct region *r = add_dense(layout, OWN, 64);

	r->owner = owner;
	r->max_run = r->n;
	for (unsigned level = 1; level <= largest_leaf; level++)
		add_huge(layout, OWN, level, owner);
}

static void add_shared(struct layout *layout)
{
	add_dense(layout, SHARED, PIECES)->max_run = PIECES;
	region_next(layout, SHARED, gw_span(1), 0, gw_span(0), gw_span(1), 8);
	if (largest_leaf)
		add_huge(layout, SHARED, 1, 0);
}

static void add_transient(struct layout *layout)
{
	region_next(layout, OWN, gw_span(1), 0, gw_span(0), gw_span(1), 8);
	region_next(layout, OWN, gw_span(2), 0, gw_span(0), gw_span(2), 4);
}

void model_init(void)
{
	choose_leaf();
	records = calloc(UPDATERS_MAX * RECORDS_EACH, sizeof(*records));
	for (unsigned i = 0; i < SPACES; i++) {
		struct layout layout = {.space = &spaces[i]};

		spaces[i].number = i;
		if (i == TRANSIENT) {
			add_transient(&layout);
		} else {
			add_striped(&layout);
			add_shared(&layout);
			for (unsigned u = 0; u < opts.updaters; u++)
				add_own(&layout, u);
		}
		spaces[i].word = calloc(spaces[i].ncells, sizeof(*spaces[i].word));
		spaces[i].tlb_tag = calloc(spaces[i].ncells, sizeof(*spaces[i].tlb_tag));
		if (!records || !spaces[i].word || !spaces[i].tlb_tag)
			wrong("the test is out of memory");
	}
}

void model_fini(void)
{
	for (unsigned i = 0; i < SPACES; i++) {
		free((void *)spaces[i].word);
		free((void *)spaces[i].tlb_tag);
	}
	free(records);
}
