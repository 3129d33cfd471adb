/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * gw_remap: what is mapped moves to other addresses, with whole tables where both places allow. */
#include "table.h"

/* The destination is built first, as a tree of tables that nobody else can reach: the shadow. It
 * has every table that the move needs, so that nothing can fail once it has begun. Entries are
 * lifted out of their tables into the shadow, leaves and tables alike; then the old range is
 * invalidated, once; and then the shadow is merged into the page table.
 *
 * A table that was lifted is in nobody's way, but walkers and sweeps may still be inside it.
 * Between lifting and merging comes a grace period, for two reasons (T11 in docs/protocol.md):
 *
 *   walkers    would see what is mapped at the new address later, under the old one;
 *   sweeps     say by desc->va what to invalidate, which is the old address as long as one of them
 *              is inside, and the new one before the next comes in.
 *
 * The caller keeps updaters out of both ranges. Sweeps go on there: a shadow table may stay empty,
 * and a table that was there for the merge may be gone. */
struct remap {
	struct gather g;
	uint64_t delta;     /* the new address less the old one */
	unsigned max_level; /* entries up to here can move as they are */
	bool tables;        /* some were lifted */
	struct span to;     /* the destination */
	gw_entry *shadow;   /* its root */
};

/* Goes down to the entry at the start of the range that moves as it is, or is no table. Return: the
 * level of the table that holds it. */
static unsigned find(const struct remap *r, struct path *path, const struct cursor *at)
{
	return descend(r->g.p, path, at, 0, r->max_level + 1);
}

/* Whether an entry at the start of the range moves as it is: a run only by a multiple of its own
 * size. */
static bool moves(const struct remap *r, const struct cursor *at, uint64_t e, unsigned level)
{
	return level <= r->max_level && covers(at, level) &&
	       !(gw_fmt_is_leaf(e, level) && r->delta & (gw_leaf_bytes(e, level) - 1));
}

/* ---- The shadow ---- */

/* The shadow table of that level for an address, made where there is none; NULL: no memory. */
static gw_entry *shadow_table(struct remap *r, uint64_t va, unsigned stop)
{
	struct page_table *p = r->g.p;
	gw_entry *table = r->shadow;

	for (unsigned level = top_of(p); level > stop; level--) {
		gw_entry *entry = &table[gw_index(va, level)];

		if (is_empty(gw_load_relaxed(entry), level)) {
			gw_entry *child = table_alloc(p, level - 1, va);

			if (!child)
				return NULL;
			gw_store_relaxed(entry, link_to(p, child, level));
			count_add(desc_of(p, table, level), 1);
		}
		table = child_of(p, gw_load_relaxed(entry), level);
	}
	return table;
}

/* Which entries of a shadow table lie in the destination: for one page, one of each table. */
struct slots {
	unsigned first, last;
};

static struct slots slots_of(const struct remap *r, uint64_t va, unsigned level)
{
	uint64_t first = gw_low(r->to.first), last = gw_low(r->to.last);
	uint64_t end = va + (gw_span(level) << gw_fmt_index_bits(level)) - 1;

	return (struct slots){
		.first = first > va ? gw_index(first, level) : 0,
		.last = last < end ? gw_index(last, level) : entries(level) - 1,
	};
}

/* A leaf takes its deposit along. */
static void move_deposit(struct desc *from, struct desc *to, unsigned index, unsigned to_index)
{
	gw_entry *table = gw_deposit_take(from, index);

	if (table)
		gw_deposit_put(to, to_index, table);
}

/* Lifts one entry of a locked table into the shadow, as it is when it goes: hardware sets bits
 * until then. A table is not dead by that, and a sweep that is inside goes on. */
static void lift_entry(struct remap *r, gw_entry *entry, gw_entry *slot, unsigned level)
{
	uint64_t e = entry_clear(entry, level);

	gw_store_relaxed(slot, e);
	r->tables |= gw_fmt_is_table(e, level);
}

/* Goes through entries of a table from the start of the range on, up to one that does not move as
 * it is. Makes shadow tables for them; or lifts them, and then the table is locked. Return: 0, or
 * -ENOMEM. */
static int each_entry(struct remap *r, gw_entry *table, unsigned level, struct cursor *at,
		      bool lift)
{
	struct page_table *p = r->g.p;
	uint64_t first = 0, end = 0;
	struct desc *desc = NULL; /* of the shadow table that takes them */
	gw_entry *slots = NULL;
	uint32_t gone = 0;

	for (unsigned i = gw_index(at->va, level); at->left && i < entries(level); i++) {
		uint64_t to = gw_low(at->va + r->delta), e = gw_load_relaxed(&table[i]);

		if (!gw_index(to, level))
			slots = NULL;
		if (!is_empty(e, level)) {
			if (!moves(r, at, e, level))
				break;
			if (!slots) {
				slots = shadow_table(r, to, level);
				if (!slots)
					return -ENOMEM;
				desc = desc_of(p, slots, level);
			}
			if (lift) {
				lift_entry(r, &table[i], &slots[gw_index(to, level)], level);
				move_deposit(desc_of(p, table, level), desc, i,
					     gw_index(to, level));
				count_add(desc, 1);
				first = gone++ ? first : at->va;
				end = at->va + gw_span(level);
			}
		}
		advance(at, piece(at, level));
	}
	if (gone) {
		count_add(desc_of(p, table, level), -gone);
		gw_gather_range(&r->g, first, end - first);
	}
	return 0;
}

/* ---- Before anything moves: memory, and leaves that end where they have to ---- */

/* One table's worth. Both ends of the range were split, so that a leaf there that does not move as
 * it is begins at the start of it, and is too large for the distance. */
static int prepare_step(struct remap *r, struct cursor *at)
{
	struct gw_env *env = r->g.p->env;
	uint64_t left = at->left, e;
	struct path path;
	unsigned level;
	int err;

	env->read_lock(env);
	level = find(r, &path, at);
	e = gw_load_relaxed(&path.table[level][gw_index(at->va, level)]);
	err = each_entry(r, path.table[level], level, at, false);
	env->read_unlock(env);
	if (!err && at->left == left && gw_fmt_is_leaf(e, level))
		err = gw_split_at(&r->g, at->va + gw_leaf_bytes(e, level) / 2);
	return err;
}

static int prepare(struct remap *r, struct cursor at)
{
	int err = gw_split_ends(&r->g, &at);

	if (err)
		return err;
	r->shadow = table_alloc(r->g.p, top_of(r->g.p), root_va(r->g.p));
	if (!r->shadow)
		return -ENOMEM;
	while (at.left && !err)
		err = prepare_step(r, &at);
	if (err)
		gw_discard(r->g.p, r->shadow, top_of(r->g.p));
	return err;
}

/* ---- The move ---- */

static void lift(struct remap *r, struct cursor at)
{
	struct page_table *p = r->g.p;

	while (at.left) {
		uint64_t va = at.va;
		struct path path;
		unsigned level;

		p->env->read_lock(p->env);
		level = find(r, &path, &at);
		if (table_lock(p, desc_of(p, path.table[level], level))) {
			each_entry(r, path.table[level], level, &at, true); /* has room */
			gw_unlock_emptied(&r->g, &path, level, va);
		}
		p->env->read_unlock(p->env);
	}
}

/* Tells tables of the shadow where they are now, and frees those that sweeps have left empty. All
 * of them are ours alone. */
static void settle(struct remap *r, gw_entry *table, unsigned level, uint64_t va)
{
	struct slots slots = slots_of(r, va, level);
	struct page_table *p = r->g.p;
	struct desc *desc = desc_of(p, table, level);

	desc->va = va;
	if (gw_load_relaxed(&desc->marks) & IDLE)
		gw_fetch_sub_relaxed(&p->idle, 1);
	gw_store_relaxed(&desc->marks, 0);
	for (unsigned i = slots.first; level > 0 && i <= slots.last; i++) {
		uint64_t e = gw_load_relaxed(&table[i]);
		gw_entry *child;

		if (!gw_fmt_is_table(e, level))
			continue;
		child = child_of(p, e, level);
		settle(r, child, level - 1, va + i * gw_span(level));
		if (p->opts.policy == GW_POLICY_MANUAL ||
		    gw_load_relaxed(&desc_of(p, child, level - 1)->count))
			continue;
		gw_heap_free(heap_of(p, level - 1), (void *)child);
		gw_store_relaxed(&table[i], gw_fmt_empty(level));
		count_add(desc, -1u);
	}
}

/* Publishes entries of a shadow table in the table that is there for the same addresses, where that
 * has room. Return: false: there is no such table. */
static bool publish(struct remap *r, gw_entry *shadow, unsigned level)
{
	struct page_table *p = r->g.p;
	struct desc *from = desc_of(p, shadow, level), *desc;
	struct slots slots = slots_of(r, from->va, level);
	const struct cursor at = {.va = from->va};
	bool locked = false, there = true;
	uint32_t n = 0;
	struct path path;

	p->env->read_lock(p->env);
	while (there && !locked) {
		there = descend(p, &path, &at, level, 0) == level;
		locked = there && table_lock(p, desc_of(p, path.table[level], level));
	}
	for (unsigned i = slots.first; locked && i <= slots.last; i++) {
		uint64_t e = gw_load_relaxed(&shadow[i]);
		gw_entry *entry = &path.table[level][i];

		if (is_empty(e, level) || !is_empty(gw_load_relaxed(entry), level))
			continue;
		/* Release: all below was settled before. Pairs with gw_walk and descend. */
		gw_store_release(entry, e);
		gw_store_relaxed(&shadow[i], gw_fmt_empty(level));
		move_deposit(from, desc_of(p, path.table[level], level), i, i);
		n++;
	}
	if (locked) {
		desc = desc_of(p, path.table[level], level);
		count_add(desc, n);
		count_add(from, -n);
		table_unlock(desc);
	}
	p->env->read_unlock(p->env);
	return there;
}

/* Publishes a shadow table's entries, and goes into those that find a table there: the ends of the
 * range have neighbours. Frees it. Return: false: there is no table any more that it could be
 * merged with, and it can be published itself. */
static bool merge(struct remap *r, gw_entry *shadow, unsigned level)
{
	struct page_table *p = r->g.p;
	struct slots slots = slots_of(r, desc_of(p, shadow, level)->va, level);

	while (publish(r, shadow, level)) {
		bool rest = false;

		for (unsigned i = slots.first; i <= slots.last; i++) {
			uint64_t e = gw_load_relaxed(&shadow[i]);

			if (gw_fmt_is_table(e, level) && merge(r, child_of(p, e, level), level - 1))
				gw_store_relaxed(&shadow[i], gw_fmt_empty(level));
			else
				rest |= !is_empty(e, level);
		}
		if (!rest) {
			gw_heap_free(heap_of(p, level), (void *)shadow);
			return true;
		}
		/* An empty table stands where a larger leaf goes, or was there a moment ago. */
		gw_sweep(p, &r->to, true);
	}
	return false;
}

static void move(struct remap *r, struct cursor at)
{
	struct page_table *p = r->g.p;

	lift(r, at);
	r->g.tables |= r->tables;
	gw_gather_finish(&r->g);
	if (r->tables && !r->g.waited && !GW_MUTANT(remap_no_grace))
		await_grace_period(p);
	settle(r, r->shadow, top_of(p), root_va(p));
	merge(r, r->shadow, top_of(p));
}

/* ---- The call ---- */

static int check(const struct gw_pt *pt, uint64_t from, uint64_t bytes, uint64_t to)
{
	int err = range_check(pt, from, bytes);
	uint64_t a = gw_low(from), b = gw_low(to);

	if (!err)
		err = range_check(pt, to, bytes);
	if (!err && (a < b ? b - a : a - b) < bytes)
		err = -EINVAL;
	return err;
}

int gw_remap(struct gw_pt *pt, uint64_t from, uint64_t bytes, uint64_t to)
{
	struct page_table *p = page_table_of(pt);
	struct cursor at = {.va = gw_low(from), .left = bytes};
	struct remap r = {
		.delta = gw_low(to) - gw_low(from),
		.to = {.first = to, .last = to + (bytes - 1)},
	};
	int err = check(pt, from, bytes, to);
	uint64_t hole;

	if (!err && gw_find_hole(pt, to, bytes, bytes, gw_span(0), &hole))
		err = -EEXIST;
	if (!err)
		err = keep_limit(p);
	if (err)
		return err;
	while (r.max_level < top_of(p) && !(r.delta & (gw_span(r.max_level + 1) - 1)))
		r.max_level++;
	gw_gather_start(&r.g, p);
	err = prepare(&r, at);
	if (err)
		gw_gather_finish(&r.g);
	else
		move(&r, at);
	gw_care_for_idle(&r.g);
	return err;
}
