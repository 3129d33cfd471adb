/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * A page table beside its model: each operation is done on both, and what is promised about it
 * checked. */
#include "fixture.h"
#include <stdlib.h>
#include <string.h>

unsigned fix_leaf_level(void)
{
	unsigned level = 0;

	while (level + 1 < GW_LEVELS && gw_fmt_leaf_level(level + 1))
		level++;
	return level;
}

/* What the model knows of attributes: GW_CONTIGUOUS is a hint, GW_DEPOSIT none. */
static uint32_t without_asks(uint32_t attr)
{
	return attr & ~(uint32_t)(GW_CONTIGUOUS | GW_DEPOSIT);
}

/* ---- Callbacks: guarantee H, and nothing after `destroyed` ---- */

static uint64_t range_last(const struct gw_range *range)
{
	return range->bytes == UINT64_MAX ? UINT64_MAX : gw_low(range->va) + (range->bytes - 1);
}

static void add_to_hull(struct fixture *x, uint64_t va, uint64_t last)
{
	if (x->hull.bytes && x->hull.va < va)
		va = x->hull.va;
	if (x->hull.bytes && extent_last(&x->hull) > last)
		last = extent_last(&x->hull);
	x->hull = (struct extent){.va = va, .bytes = last - va + (last - va < UINT64_MAX)};
}

/* What the operation under way has unmapped and this range covers is now invalidated. */
static void on_invalidate(void *ctx, const struct gw_range *range)
{
	struct fixture *x = ctx;
	uint64_t now = fake_now(x->f), va = gw_low(range->va), last = range_last(range);
	struct extents after = {0};

	assert_false(x->destroyed);
	assert_true(range->bytes > 0);
	if (x->f->in_call) { /* a sweep; an operation may be under way, and waiting */
		assert_true(range->tables);
		x->sweeps++;
		x->swept = *range;
		return;
	}
	x->invalidates++;
	x->last = *range;
	add_to_hull(x, va, last);
	if (x->during)
		x->during(x, range);
	for (size_t i = 0; i < x->awaiting.n; i++) {
		struct extent e = x->awaiting.at[i], part;
		uint64_t e_last = extent_last(&e);

		if ((e.stamp && e.stamp < x->call_began) || e.va > last || e_last < va) {
			extents_append(&after, e);
			continue;
		}
		part = extent_part(e, va, last);
		if (e.va < part.va)
			extents_append(&after, extent_part(e, e.va, part.va - 1));
		if (extent_last(&part) < e_last)
			extents_append(&after, extent_part(e, extent_last(&part) + 1, e_last));
		part.stamp = now;
		extents_append(&after, part);
	}
	extents_free(&x->awaiting);
	x->awaiting = after;
}

/* Takes the start of a run out of what awaits release. Return: how many bytes of it, at least one
 * page. */
static uint64_t take_awaited(struct fixture *x, const struct gw_leaf *run)
{
	for (size_t i = 0; i < x->awaiting.n; i++) {
		struct extent e = x->awaiting.at[i], part;
		uint64_t va = gw_low(run->va), last = extent_last(&e);

		if (va < e.va || va > last || e.attr != without_asks(run->attr) || !e.stamp ||
		    e.stamp >= x->f->covered)
			continue;
		part = extent_part(e, va, va + (run->bytes - 1));
		if (part.out != run->out)
			continue;
		x->awaiting.at[i] = x->awaiting.at[--x->awaiting.n];
		if (e.va < va)
			extents_append(&x->awaiting, extent_part(e, e.va, va - 1));
		if (extent_last(&part) < last)
			extents_append(&x->awaiting, extent_part(e, extent_last(&part) + 1, last));
		return part.bytes;
	}
	fail_msg("released before its grace period, or not unmapped: va %llx out %llx",
		 (unsigned long long)run->va, (unsigned long long)run->out);
	return 0;
}

static void on_release(void *ctx, const struct gw_leaf *run)
{
	struct fixture *x = ctx;
	struct gw_leaf rest = *run;

	assert_false(x->destroyed);
	assert_int_equal(x->f->nesting, 0);
	assert_true(run->bytes > 0);
	while (rest.bytes) {
		uint64_t bytes = take_awaited(x, &rest);

		x->released += bytes;
		rest.va += bytes;
		rest.bytes -= bytes;
		rest.out = gw_fmt_advance(rest.out, bytes);
	}
}

bool fix_over_limit(void *ctx, size_t waiting)
{
	struct fixture *x = ctx;

	assert_false(x->destroyed);
	assert_int_equal(x->f->nesting, 0);
	assert_false(x->f->in_call);
	assert_true(waiting > 0);
	x->asked++;
	return !x->hurried;
}

/* Whether a call may fail so, for want of memory or of time. */
static bool excused(const struct fixture *x, int err)
{
	return (x->relaxed && err == -ENOMEM) || (x->hurried && err == -EBUSY);
}

static void on_destroyed(void *ctx)
{
	struct fixture *x = ctx;

	assert_false(x->destroyed);
	assert_true(x->untold || !x->awaiting.n);
	x->destroyed = true;
}

/* ---- Life ---- */

struct gw_heap *fix_heap(struct fake_env *f, unsigned number, unsigned tables_per_block)
{
	struct gw_heap_opts opts;
	struct gw_heap *heap;

	assert_int_equal(gw_heap_defaults(number, &opts), 0);
	opts.env = &f->env;
	opts.poison = FIX_POISON;
	if (tables_per_block)
		opts.tables_per_block = tables_per_block;
	if (tables_per_block == 1)
		opts.spare_bytes = 0; /* so that each table asks for memory */
	assert_int_equal(gw_heap_create(&opts, &heap), 0);
	return heap;
}

static void start(struct fixture *x, struct fake_env *f, const struct gw_opts *with, bool untold)
{
	struct gw_opts opts = with ? *with : (struct gw_opts){.policy = GW_POLICY_LAZY};

	*x = (struct fixture){
		.f = f, .policy = opts.policy, .max_level = fix_leaf_level(), .untold = untold};
	while (opts.max_leaf && gw_span(x->max_level) > opts.max_leaf)
		x->max_level--;
	memcpy(x->heap, opts.heap, sizeof(x->heap));
	opts.env = &f->env;
	opts.invalidate = on_invalidate;
	opts.release = untold ? NULL : on_release;
	opts.destroyed = on_destroyed;
	opts.ctx = x;
	assert_int_equal(gw_create(&opts, &x->pt), 0);
	x->top = gw_top(x->pt);
	x->root_va = opts.va & ~((gw_span(x->top) << gw_fmt_index_bits(x->top)) - 1);
	if (x->max_level > x->top)
		x->max_level = x->top;
}

void fix_start_on(struct fixture *x, struct fake_env *f, const struct gw_opts *with)
{
	start(x, f, with, false);
}

void fix_start_untold_on(struct fixture *x, struct fake_env *f, const struct gw_opts *with)
{
	start(x, f, with, true);
}

static struct fake_env *new_env(void)
{
	struct fake_env *f = malloc(sizeof(*f));

	assert_non_null(f);
	fake_env_init(f);
	return f;
}

void fix_start(struct fixture *x, const struct gw_opts *with)
{
	fix_start_on(x, new_env(), with);
	x->owns_env = true;
}

void fix_start_heaps(struct fixture *x, const struct gw_opts *with, unsigned tables_per_block)
{
	struct fake_env *f = new_env();
	struct gw_opts opts = *with;

	for (unsigned i = 0; i < GW_FMT_HEAPS; i++)
		opts.heap[i] = fix_heap(f, i, tables_per_block);
	fix_start_on(x, f, &opts);
	x->owns_env = true;
}

/* From here to the next begin() nothing is unmapped: what else is invalidated does not count. */
static void end(struct fixture *x)
{
	x->call_began = UINT64_MAX;
}

/* The operation that begins now unmaps that. */
static void begin(struct fixture *x, struct extents *removed)
{
	x->call_began = fake_now(x->f);
	x->invalidates = 0;
	x->hull = (struct extent){0};
	if (x->untold)
		extents_free(&x->awaiting);
	for (size_t i = 0; removed && i < removed->n; i++)
		extents_append(&x->awaiting, removed->at[i]);
}

void fix_destroy(struct fixture *x)
{
	fix_verify(x);
	begin(x, &x->model);
	gw_destroy(x->pt);
	x->pt = NULL;
	end(x);
	assert_int_equal(x->invalidates, 1);
	assert_int_equal(x->last.bytes, UINT64_MAX);
	assert_true(x->last.tables);
	assert_false(x->destroyed);
}

/* A heap that was given to no other page table: all its tables have come back. */
static void end_heap(struct gw_heap *heap)
{
	struct gw_heap_stats stats;

	gw_heap_stats(heap, &stats);
	assert_int_equal(stats.used, 0);
	gw_heap_put(heap);
}

void fix_end(struct fixture *x)
{
	struct fake_env *f = x->f;

	if (x->pt)
		fix_destroy(x);
	fake_drain(f);
	assert_true(x->destroyed);
	extents_free(&x->model);
	extents_free(&x->awaiting);
	extents_free(&x->deposits);
	extents_free(&x->hinted);
	extents_free(&x->runs);
	for (unsigned i = 0; i < GW_HEAPS_MAX; i++)
		if (x->heap[i]) {
			assert_int_equal(gw_heap_check(x->heap[i]), 0);
			assert_int_equal(gw_heap_waiting_bytes(x->heap[i]), 0);
			if (x->owns_env)
				end_heap(x->heap[i]);
		}
	if (!x->owns_env)
		return;
	fake_env_done(f);
	free(f);
}

/* ---- Deposits ---- */

static gw_entry *below(struct fixture *x, uint64_t e, unsigned level)
{
	return (gw_entry *)(uintptr_t)(gw_fmt_table_address(e, level) + x->pt->to_pointer);
}

static bool leaf_at(struct fixture *x, uint64_t va, unsigned *level)
{
	uint64_t e = gw_load_relaxed(fix_entry(x, va, level));

	return gw_fmt_is_leaf(e, *level);
}

/* The leaf that maps va, a whole run; without bytes: none does. */
static struct extent whole_leaf_at(struct fixture *x, uint64_t va)
{
	unsigned level;
	uint64_t e = gw_load_relaxed(fix_entry(x, va, &level)), bytes;

	if (!gw_fmt_is_leaf(e, level))
		return (struct extent){0};
	bytes = gw_leaf_bytes(e, level);
	return (struct extent){.va = va & ~(bytes - 1), .bytes = bytes};
}

/* Notes that the larger leaves in a range have deposits now; of a run, each entry. */
static void deposited(struct fixture *x, uint64_t va, uint64_t bytes)
{
	for (uint64_t step; bytes; va += step, bytes -= step) {
		unsigned level;
		bool leaf = leaf_at(x, va, &level);

		step = gw_span(level) - (va & (gw_span(level) - 1));
		step = step < bytes ? step : bytes;
		if (leaf && level && step == gw_span(level) &&
		    !extents_overlap(&x->deposits, va, step))
			/* No two continue one another. */
			extents_add(&x->deposits, (struct extent){va, step, .out = 2 * va});
	}
}

/* Forgets the deposits of leaves that are gone. */
static void prune_deposits(struct fixture *x)
{
	struct extents left = {0};

	for (size_t i = 0; i < x->deposits.n; i++) {
		struct extent e = x->deposits.at[i];
		unsigned level;

		if (leaf_at(x, e.va, &level) && gw_span(level) == e.bytes)
			extents_append(&left, e);
	}
	extents_free(&x->deposits);
	x->deposits = left;
}

/* ---- Operations ---- */

static struct extent whole(const struct extents *list)
{
	const struct extent *last = &list->at[list->n - 1];

	return (struct extent){.va = list->at[0].va,
			       .bytes = last->va + last->bytes - list->at[0].va};
}

/* `changed` was changed: it was invalidated, in one call, with a range around it that ends where
 * something begins that was not. Break-before-make comes with calls of its own, for splits before,
 * and for leaves that cannot change in place. */
static void check_invalidate(struct fixture *x, const struct extents *changed)
{
	struct extent e;

	if (!changed->n) {
		assert_true(x->relaxed || GW_FMT_BREAK_BEFORE_MAKE ||
			    x->invalidates <= x->last.tables);
		return;
	}
	assert_true(x->invalidates >= 1);
	if (x->relaxed)
		return;
	assert_true(x->invalidates == 1 || GW_FMT_BREAK_BEFORE_MAKE);
	e = whole(changed);
	assert_true(x->hull.va <= e.va && extent_last(&x->hull) >= extent_last(&e));
	if (!x->last.tables && x->invalidates == 1) {
		assert_int_equal(x->hull.va, e.va);
		assert_int_equal(x->hull.bytes, e.bytes);
	}
}

int fix_map_many(struct fixture *x, uint64_t va, const struct gw_piece *piece, size_t n,
		 uint32_t attr)
{
	uint64_t released = x->released, bytes = 0;
	bool exists;
	int err;

	for (size_t i = 0; i < n; i++)
		bytes += piece[i].bytes;
	exists = extents_overlap(&x->model, va, bytes);
	begin(x, NULL);
	if (n == 1)
		err = gw_map(x->pt, gw_fmt_canonical(va), bytes, piece->out, attr);
	else
		err = gw_map_many(x->pt, gw_fmt_canonical(va), piece, n, attr);
	end(x);
	if (!excused(x, err))
		assert_int_equal(err, exists ? -EEXIST : 0);
	assert_true(released == x->released || x->f->sync_runs_calls);
	for (size_t i = 0, at = 0; !err && i < n; at += piece[i++].bytes)
		extents_add(&x->model, (struct extent){va + at, piece[i].bytes, piece[i].out,
						       without_asks(attr), 0});
	if (!err && attr & GW_CONTIGUOUS)
		extents_add(&x->hinted, (struct extent){.va = va, .bytes = bytes});
	prune_deposits(x);
	if (!err && attr & GW_DEPOSIT)
		deposited(x, va, bytes);
	return err;
}

int fix_map(struct fixture *x, uint64_t va, uint64_t bytes, uint64_t out, uint32_t attr)
{
	return fix_map_many(x, va, &(struct gw_piece){out, bytes}, 1, attr);
}

static void copy(struct extents *to, const struct extents *from)
{
	*to = (struct extents){.n = from->n, .room = from->n};
	to->at = malloc((from->n + 1) * sizeof(*to->at));
	assert_non_null(to->at);
	if (from->n)
		memcpy(to->at, from->at, from->n * sizeof(*to->at));
}

/* The unmap failed, before it changed anything (guarantee G). */
static void take_back(struct fixture *x, const struct extents *removed, struct extents *awaiting)
{
	struct extents swap = x->awaiting;

	for (size_t i = 0; i < removed->n; i++)
		extents_add(&x->model, removed->at[i]);
	x->awaiting = *awaiting;
	*awaiting = swap;
}

int fix_unmap(struct fixture *x, uint64_t va, uint64_t bytes)
{
	struct extents removed = {0}, awaiting;
	uint64_t released = x->released;
	int err;

	copy(&awaiting, &x->awaiting);
	extents_cut(&x->model, va, bytes, &removed);
	begin(x, &removed);
	err = gw_unmap(x->pt, gw_fmt_canonical(va), bytes);
	end(x);
	if (err) {
		assert_true(excused(x, err));
		assert_int_equal(x->released, released);
		take_back(x, &removed, &awaiting);
	} else {
		extents_cut(&x->hinted, va, bytes, NULL);
		check_invalidate(x, &removed);
		for (size_t i = 0; i < x->awaiting.n; i++)
			assert_true(x->awaiting.at[i].stamp > 0);
		if (removed.n && !x->relaxed)
			assert_false(extents_overlap(&x->model, gw_low(x->last.va), x->last.bytes));
	}
	prune_deposits(x);
	extents_free(&removed);
	extents_free(&awaiting);
	return err;
}

static void scan_all(struct fixture *x, struct extents *found);

/* Accessed and dirty stay, whatever the new rights. */
static bool reattr(struct extent *e, uint32_t attr)
{
	uint32_t old = e->attr;

	e->attr = without_asks(attr) | (old & (GW_ACCESSED | GW_DIRTY));
	return e->attr != old;
}

/* Runs in an extent that change though the leaf has these attributes: they are no runs any more, or
 * some of their entries do not have accessed or dirty yet. */
static void append_runs(struct extents *changed, const struct extents *runs, const struct extent *e,
			uint32_t attr)
{
	for (size_t i = 0; i < runs->n; i++)
		if (runs->at[i].va >= e->va && extent_last(&runs->at[i]) <= extent_last(e) &&
		    (!(attr & GW_CONTIGUOUS) ||
		     attr & (GW_ACCESSED | GW_DIRTY) & ~runs->at[i].attr))
			extents_append(changed, runs->at[i]);
}

int fix_protect(struct fixture *x, uint64_t va, uint64_t bytes, uint32_t attr)
{
	struct extents old = {0}, changed = {0}, found = {0};
	int err;

	scan_all(x, &found);
	extents_free(&found);
	extents_cut(&x->model, va, bytes, &old);
	begin(x, NULL);
	err = gw_protect(x->pt, gw_fmt_canonical(va), bytes, attr);
	if (err)
		assert_true(x->relaxed && err == -ENOMEM);
	for (size_t i = 0; i < old.n; i++) {
		struct extent e = old.at[i];

		if (!err && reattr(&e, attr))
			extents_append(&changed, e);
		else if (!err)
			append_runs(&changed, &x->runs, &e, attr);
		extents_add(&x->model, e);
	}
	if (!err && !(attr & GW_CONTIGUOUS))
		extents_cut(&x->hinted, va, bytes, NULL);
	if (!err)
		check_invalidate(x, &changed);
	prune_deposits(x);
	extents_free(&old);
	extents_free(&changed);
	return err;
}

/* ---- Larger leaves ---- */

struct collapse {
	struct extent range;
	uint64_t n;
	struct extents made;
};

/* What a table will be collapsed to: by recursion, where the library goes level by level. Return:
 * whether that is a leaf. */
static bool predict(struct fixture *x, const gw_entry *table, unsigned level, uint64_t va,
		    struct collapse *c, struct extent *leaf)
{
	bool all = true;

	*leaf = (struct extent){.va = va, .bytes = gw_span(level) << gw_fmt_index_bits(level)};
	for (unsigned i = 0; i < 1u << gw_fmt_index_bits(level); i++, va += gw_span(level)) {
		uint64_t e = gw_load_relaxed((gw_entry *)(uintptr_t)&table[i]);
		struct extent one = {.va = va, .bytes = gw_span(level)};
		bool is_leaf = gw_fmt_is_leaf(e, level);

		if (is_leaf) { /* alone, also if it is of a run */
			one.out = gw_ops.decode(e, level, va).out;
			one.attr = without_asks(gw_fmt_attr(e, level));
		} else if (gw_fmt_is_table(e, level)) {
			is_leaf = predict(x, below(x, e, level), level - 1, va, c, &one);
		}
		if (!i) {
			leaf->out = one.out;
			leaf->attr = one.attr;
		}
		all = all && is_leaf && one.out == gw_fmt_advance(leaf->out, i * gw_span(level)) &&
		      !((one.attr ^ leaf->attr) & ~(uint32_t)(GW_ACCESSED | GW_DIRTY));
		leaf->attr |= one.attr;
	}
	if (!all || level + 1 > x->max_level || !gw_fmt_leaf_level(level + 1) ||
	    !gw_fmt_aligned(leaf->out, level + 1) || leaf->va < c->range.va ||
	    extent_last(leaf) > extent_last(&c->range))
		return false;
	c->n++;
	extents_append(&c->made, *leaf);
	return true;
}

int64_t fix_collapse(struct fixture *x, uint64_t va, uint64_t bytes, uint32_t flags)
{
	struct collapse c = {.range = {.va = va, .bytes = bytes}};
	uint64_t released = x->released, synchronizes = x->f->synchronizes;
	struct extent root;
	int64_t n;

	predict(x, x->pt->root, x->top, x->root_va, &c, &root);
	begin(x, NULL);
	n = gw_collapse(x->pt, gw_fmt_canonical(va), bytes, flags);
	end(x);
	assert_true(released == x->released || x->f->sync_runs_calls);
	if (n < 0) {
		assert_true(excused(x, (int)n));
		assert_int_equal(x->invalidates, 0);
		extents_free(&c.made);
		return n;
	}
	assert_int_equal(n, c.n);
	assert_int_equal(x->invalidates > 0, n > 0);
	if (flags & GW_DEPOSIT && n)
		assert_true(x->f->synchronizes > synchronizes);
	for (size_t i = 0; i < c.made.n; i++) {
		extents_cut(&x->model, c.made.at[i].va, c.made.at[i].bytes, NULL);
		extents_add(&x->model, c.made.at[i]);
		extents_cut(&x->hinted, c.made.at[i].va, c.made.at[i].bytes, NULL);
	}
	prune_deposits(x);
	for (size_t i = 0; flags & GW_DEPOSIT && i < c.made.n; i++)
		deposited(x, c.made.at[i].va, c.made.at[i].bytes);
	extents_free(&c.made);
	return n;
}

int fix_split(struct fixture *x, uint64_t va)
{
	bool deposit = extents_overlap(&x->deposits, va & ~(uint64_t)(PAGE - 1), PAGE);
	struct extent before = whole_leaf_at(x, va), after;
	unsigned level, now;
	bool run;
	int err;

	leaf_at(x, va, &level);
	run = before.bytes > gw_span(level);
	begin(x, NULL);
	err = gw_split(x->pt, gw_fmt_canonical(va));
	if (before.bytes <= PAGE)
		assert_int_equal(err, -ENOENT);
	else
		assert_true(!err || (err == -ENOMEM && x->relaxed && !deposit && !run));
	assert_int_equal(x->invalidates, !err && GW_FMT_BREAK_BEFORE_MAKE);
	leaf_at(x, va, &now);
	after = whole_leaf_at(x, va);
	assert_int_equal(now, level - (!err && !run));
	assert_int_equal(after.bytes, err ? before.bytes : gw_span(now));
	if (run)
		extents_cut(&x->hinted, before.va, before.bytes, NULL);
	prune_deposits(x);
	return err;
}

int fix_replace(struct fixture *x, uint64_t va, uint64_t bytes, uint64_t out, uint32_t attr)
{
	struct extents removed = {0}, awaiting;
	int err;

	copy(&awaiting, &x->awaiting);
	extents_cut(&x->model, va, bytes, &removed);
	begin(x, &removed);
	err = gw_replace(x->pt, gw_fmt_canonical(va), bytes, out, attr);
	end(x);
	if (err) {
		assert_true(excused(x, err));
		take_back(x, &removed, &awaiting);
	} else {
		for (size_t i = 0; i < x->awaiting.n; i++)
			assert_true(x->awaiting.at[i].stamp > 0);
		extents_add(&x->model, (struct extent){va, bytes, out, without_asks(attr), 0});
		extents_cut(&x->hinted, va, bytes, NULL);
		prune_deposits(x); /* of a larger leaf around it */
		extents_cut(&x->deposits, va, bytes, NULL);
		if (attr & GW_DEPOSIT)
			deposited(x, va, bytes);
	}
	prune_deposits(x);
	extents_free(&removed);
	extents_free(&awaiting);
	return err;
}

/* ---- Accessed and dirty ---- */

struct harvested {
	struct fixture *x;
	uint32_t take;
	struct gw_leaf last;
	struct extents runs;
};

static void on_found(void *ctx, const struct gw_leaf *run)
{
	struct harvested *h = ctx;
	const struct gw_leaf *last = &h->last;

	assert_int_equal(h->x->f->nesting, 0);
	assert_true(run->bytes > 0 && run->attr & h->take);
	assert_true(!h->x->invalidates || GW_FMT_BREAK_BEFORE_MAKE);
	assert_false(run->va == last->va + last->bytes && run->attr == last->attr &&
		     run->out == gw_fmt_advance(last->out, last->bytes)); /* it would continue it */
	h->last = *run;
	extents_append(&h->runs, (struct extent){gw_low(run->va), run->bytes, run->out,
						 without_asks(run->attr), 0});
}

int fix_harvest(struct fixture *x, uint64_t va, uint64_t bytes, uint32_t take)
{
	struct extent first = whole_leaf_at(x, va), last = whole_leaf_at(x, va + (bytes - 1));
	struct extent range = {.va = first.bytes ? first.va : va};
	struct extents old = {0}, changed = {0};
	struct harvested h = {.x = x, .take = take};
	uint64_t takes = x->f->takes;
	int err;

	range.bytes = (last.bytes ? extent_last(&last) : va + (bytes - 1)) - range.va + 1;
	extents_cut(&x->model, range.va, range.bytes, &old);
	begin(x, NULL);
	err = gw_harvest(x->pt, gw_fmt_canonical(va), bytes, take, on_found, &h);
	assert_int_equal(err, 0);
	assert_int_equal(x->f->takes, takes); /* no memory is asked for */
	for (size_t i = 0; i < old.n; i++) {
		struct extent e = old.at[i];

		if (e.attr & take)
			extents_append(&changed, e);
		e.attr &= ~take;
		extents_add(&x->model, e);
	}
	assert_true(extents_equal(&h.runs, &changed));
	assert_true(changed.n || !x->invalidates);
	check_invalidate(x, &changed);
	extents_free(&h.runs);
	extents_free(&old);
	extents_free(&changed);
	return err;
}

bool fix_touch(struct fixture *x, uint64_t va, uint32_t set)
{
	struct extent leaf = whole_leaf_at(x, va);
	struct extents hit = {0};
	bool ok;

	if (leaf.bytes)
		extents_cut(&x->model, leaf.va, leaf.bytes, &hit);
	assert_true(hit.n <= 1);
	begin(x, NULL);
	ok = gw_touch(x->pt, gw_fmt_canonical(va), set);
	assert_int_equal(x->invalidates, 0);
	assert_int_equal(x->f->nesting, 0);
	assert_int_equal(ok, hit.n && (!(set & GW_DIRTY) || hit.at[0].attr & GW_WRITE));
	if (ok)
		hit.at[0].attr |= set & GW_FMT_ATTRS;
	if (hit.n)
		extents_add(&x->model, hit.at[0]);
	extents_free(&hit);
	return ok;
}

/* ---- Moving ---- */

/* What has left was invalidated in one call, and nothing around it where no table left with it.
 * Another may follow for empty tables that stood in the way. */
static void check_departed(struct fixture *x, const struct extents *moved)
{
	struct extent e;

	if (!moved->n || x->relaxed)
		return;
	e = whole(moved);
	assert_true(x->hull.va <= e.va && extent_last(&x->hull) >= extent_last(&e));
	assert_true(x->invalidates == 1 || x->last.tables || GW_FMT_BREAK_BEFORE_MAKE);
	if (x->invalidates == 1 && !x->last.tables)
		assert_int_equal(x->hull.bytes, e.bytes);
}

static void move_deposits(struct fixture *x, uint64_t from, uint64_t bytes, uint64_t to)
{
	struct extents left = {0};

	for (size_t i = 0; i < x->deposits.n; i++) {
		struct extent e = x->deposits.at[i];

		if (e.va >= from && extent_last(&e) <= from + (bytes - 1)) {
			e.va += to - from;
			e.out = 2 * e.va;
		}
		extents_add(&left, e);
	}
	extents_free(&x->deposits);
	x->deposits = left;
	prune_deposits(x); /* leaves that were split to be moved */
}

int fix_remap(struct fixture *x, uint64_t from, uint64_t bytes, uint64_t to)
{
	bool exists = extents_overlap(&x->model, to, bytes);
	struct extents moved = {0}, hinted = {0};
	int err;

	begin(x, NULL);
	err = gw_remap(x->pt, gw_fmt_canonical(from), bytes, gw_fmt_canonical(to));
	end(x);
	if (!excused(x, err))
		assert_int_equal(err, exists ? -EEXIST : 0);
	if (err)
		prune_deposits(x); /* some were split already */
	if (err)
		return err;
	extents_cut(&x->model, from, bytes, &moved);
	check_departed(x, &moved);
	for (size_t i = 0; i < moved.n; i++) {
		moved.at[i].va += to - from;
		extents_add(&x->model, moved.at[i]);
	}
	extents_cut(&x->hinted, from, bytes, &hinted);
	for (size_t i = 0; i < hinted.n; i++) {
		hinted.at[i].va += to - from;
		extents_add(&x->hinted, hinted.at[i]);
	}
	extents_free(&hinted);
	extents_free(&moved);
	move_deposits(x, from, bytes, to);
	return 0;
}

void fix_reclaim(struct fixture *x, uint64_t va, uint64_t bytes)
{
	begin(x, NULL);
	gw_reclaim(x->pt, gw_fmt_canonical(va), bytes);
	assert_true(x->invalidates <= 1);
	assert_true(!x->invalidates || x->last.tables);
}

bool fix_set(struct fixture *x, uint64_t va, bool leaf, uint64_t out, uint32_t attr)
{
	const struct extent *e = extents_from(&x->model, va);
	uint64_t entry = leaf ? gw_fmt_leaf(out, without_asks(attr), 0) : gw_fmt_empty(0), old;
	struct gw_pte pte;

	begin(x, NULL);
	if (!gw_pte_map_lock(x->pt, gw_fmt_canonical(va), &pte))
		return false;
	assert_int_equal(x->f->nesting, 1);
	old = gw_pte_set(x->pt, &pte, entry);
	assert_int_equal(gw_load_relaxed(pte.entry), entry);
	gw_pte_unlock(x->pt, &pte);
	assert_int_equal(x->f->nesting, 0);
	assert_int_equal(gw_fmt_is_leaf(old, 0), e && e->va <= va);
	if (e && e->va <= va)
		assert_int_equal(gw_fmt_out(old, 0), gw_fmt_advance(e->out, va - e->va));
	extents_cut(&x->model, va, PAGE, NULL);
	extents_cut(&x->hinted, va, PAGE, NULL);
	if (leaf)
		extents_add(&x->model, (struct extent){va, PAGE, out, without_asks(attr), 0});
	return true;
}

void fix_record(struct fixture *x, uint64_t va, uint32_t attr)
{
	struct extents hit = {0};
	unsigned level;
	gw_entry *entry = fix_entry(x, va, &level);
	uint64_t e = gw_load_relaxed(entry), bytes = gw_leaf_bytes(e, level), now;

	entry += (va | (bytes - 1)) / gw_span(level) - va / gw_span(level);
	now = gw_fmt_recorded(gw_load_relaxed(entry), attr, level);
	gw_store_relaxed(entry, now);
	extents_cut(&x->model, va & ~(bytes - 1), bytes, &hit);
	assert_int_equal(hit.n, 1);
	hit.at[0].attr |= without_asks(gw_fmt_attr(now, level));
	extents_add(&x->model, hit.at[0]);
	extents_free(&hit);
}

/* ---- Verification ---- */

/* The leaf that begins with an entry. Of a run every entry is there and says the same; accessed and
 * dirty are those of any; *common gets those of every one. */
static struct extent leaf_from(const gw_entry *entry, unsigned level, uint64_t va, uint32_t *common)
{
	uint64_t e = gw_load_relaxed((gw_entry *)(uintptr_t)entry);
	struct extent leaf = {va, gw_leaf_bytes(e, level), gw_fmt_out(e, level),
			      gw_fmt_attr(e, level), 0};
	const uint32_t used = GW_ACCESSED | GW_DIRTY;

	*common = leaf.attr;
	assert_int_equal(va & (leaf.bytes - 1), 0);
	for (unsigned i = 1; i < leaf.bytes / gw_span(level); i++) {
		uint64_t other = gw_load_relaxed((gw_entry *)(uintptr_t)&entry[i]);

		assert_true(gw_fmt_is_leaf(other, level));
		assert_int_equal(gw_fmt_out(other, level), leaf.out);
		assert_int_equal(gw_fmt_attr(other, level) & ~used, leaf.attr & ~used);
		assert_int_equal(other, gw_fmt_leaf(gw_fmt_advance(leaf.out, i * gw_span(level)),
						    gw_fmt_attr(other, level), level));
		leaf.attr |= gw_fmt_attr(other, level) & used;
		*common &= gw_fmt_attr(other, level);
	}
	return leaf;
}

/* Adds the leaf behind an entry to what was found. Return: how many entries it takes. */
static unsigned add_leaf(struct fixture *x, struct extents *found, const gw_entry *entry,
			 unsigned level, uint64_t va)
{
	const struct extent *hinted = extents_from(&x->hinted, va);
	uint32_t common;
	struct extent leaf = leaf_from(entry, level, va, &common);

	if (leaf.attr & GW_CONTIGUOUS) {
		assert_true(hinted && hinted->va <= leaf.va &&
			    extent_last(hinted) >= extent_last(&leaf));
		extents_append(&x->runs, (struct extent){va, leaf.bytes, leaf.out, common,
							 va + 1 /* each for itself */});
	}
	leaf.attr = without_asks(leaf.attr);
	extents_append(found, leaf);
	return (unsigned)(leaf.bytes / gw_span(level));
}

/* Every leaf in order, straight from the entries. */
static void scan(struct fixture *x, const gw_entry *table, unsigned level, uint64_t va,
		 struct extents *found)
{
	bool empty = true;

	for (unsigned i = 0, n; i < 1u << gw_fmt_index_bits(level);
	     i += n, va += n * gw_span(level)) {
		uint64_t e = gw_load_relaxed((gw_entry *)(uintptr_t)&table[i]);

		n = 1;
		if (e == gw_fmt_empty(level))
			continue;
		empty = false;
		assert_true(gw_fmt_is_table(e, level) != gw_fmt_is_leaf(e, level));
		if (gw_fmt_is_table(e, level)) {
			scan(x, below(x, e, level), level - 1, va, found);
			continue;
		}
		n = add_leaf(x, found, &table[i], level, va);
	}
	x->tables[level]++;
	x->empty_tables += empty && level < x->top;
}

/* All of it, and what it holds besides leaves, into the fixture. */
static void scan_all(struct fixture *x, struct extents *found)
{
	memset(x->tables, 0, sizeof(x->tables));
	x->empty_tables = 0;
	x->runs.n = 0;
	scan(x, x->pt->root, x->top, x->root_va, found);
}

void fix_assert_attr(const struct gw_leaf *leaf, uint32_t attr)
{
	uint32_t some = leaf->attr & GW_CONTIGUOUS ? GW_ACCESSED | GW_DIRTY : 0;

	assert_int_equal(without_asks(leaf->attr) | some, attr | some);
	assert_int_equal(without_asks(leaf->attr) & ~attr, 0);
}

static void verify_at(struct fixture *x, uint64_t va, const struct extent *e)
{
	bool mapped = e && e->va <= va && va <= extent_last(e);
	uint64_t canonical = gw_fmt_canonical(va), out = 0;
	struct gw_leaf leaf = {0};

	assert_int_equal(gw_walk(x->pt, canonical, &leaf), mapped);
	assert_int_equal(gw_translate(x->pt, canonical, &out), mapped);
	if (!mapped)
		return;
	assert_int_equal(out, gw_fmt_advance(e->out, va - e->va));
	fix_assert_attr(&leaf, e->attr);
	assert_true(leaf.va <= canonical && canonical - leaf.va < leaf.bytes);
}

static void verify_edges(struct fixture *x)
{
	for (size_t i = 0; i < x->model.n; i++) {
		uint64_t first = x->model.at[i].va, last = extent_last(&x->model.at[i]);

		if (first)
			verify_at(x, first - 1, extents_from(&x->model, first - 1));
		verify_at(x, first, &x->model.at[i]);
		verify_at(x, first + x->model.at[i].bytes / 2, &x->model.at[i]);
		verify_at(x, last, &x->model.at[i]);
		if (last < UINT64_MAX && gw_low(last + 1) == last + 1)
			verify_at(x, last + 1, extents_from(&x->model, last + 1));
	}
}

static void verify_every_page(struct fixture *x)
{
	size_t i = 0;

	for (uint64_t va = 0; gw_low(va) == va; va += PAGE) {
		while (i < x->model.n && extent_last(&x->model.at[i]) < va)
			i++;
		verify_at(x, va, i < x->model.n ? &x->model.at[i] : NULL);
	}
}

/* Each table is linked, or a deposit that the model knows. */
static void verify_used(struct fixture *x)
{
	struct gw_pt_stats stats;
	uint64_t used = 0, tables = x->deposits.n;

	gw_stats(x->pt, &stats);
	for (unsigned i = 0; i < stats.heaps; i++)
		used += stats.heap[i].used;
	for (unsigned level = 0; level <= FIX_TOP; level++)
		tables += x->tables[level];
	if (!x->heap[0])
		assert_int_equal(used, tables);
}

void fix_verify(struct fixture *x)
{
	struct extents found = {0};

	scan_all(x, &found);
	assert_true(extents_equal(&found, &x->model));
	extents_free(&found);
	if (SMALL)
		verify_every_page(x);
	else
		verify_edges(x);
	assert_int_equal(gw_check(x->pt), 0);
	verify_used(x);
	for (unsigned i = 0; i < GW_HEAPS_MAX; i++)
		if (x->heap[i])
			assert_int_equal(gw_heap_check(x->heap[i]), 0);
}

uint64_t fix_tables(struct fixture *x)
{
	uint64_t n = 0;

	fix_verify(x);
	for (unsigned level = 0; level < x->top; level++)
		n += x->tables[level];
	return n;
}

void fix_assert_exact(struct fixture *x)
{
	begin(x, NULL);
	fake_drain(x->f);
	fix_verify(x);
	assert_int_equal(x->empty_tables, 0);
}

gw_entry *fix_entry(struct fixture *x, uint64_t va, unsigned *level)
{
	gw_entry *table = (gw_entry *)(uintptr_t)x->pt->root;

	for (*level = x->top;; --*level) {
		gw_entry *entry = &table[gw_index(va, *level)];
		uint64_t e = gw_load_relaxed(entry);

		if (*level == 0 || !gw_fmt_is_table(e, *level))
			return entry;
		table = below(x, e, *level);
	}
}
