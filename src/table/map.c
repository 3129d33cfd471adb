/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * gw_map, gw_map_many: fills entries of tables that are there, and grafts tables where none is. */
#include "table.h"

/* Tables are grafted for at most one entry of this level at a time, or one leaf where that is
 * larger, so that no read-side section grows with the size of the call. */
enum { GRAFT_LEVEL = 2, TABLE_IN_THE_WAY = 1 };

/* One gw_map under way. Where a table stands in the place of a larger leaf, and is not empty,
 * leaves are smaller for that stretch. */
struct map {
	struct mapping m;
	uint64_t max_level_left; /* the stretch, as what is left of the range at its end */
	uint64_t reclaimed_left; /* where empty tables were last retired, likewise; 0: nowhere */
};

static void publish(gw_entry *entry, uint64_t e)
{
	if (GW_MUTANT(relaxed_publish))
		gw_store_relaxed(entry, e);
	else
		gw_store_release(entry, e);
}

static bool all_empty(gw_entry *entry, unsigned n, unsigned level)
{
	while (n && is_empty(gw_load_relaxed(&entry[n - 1]), level))
		n--;
	return !n;
}

/* Fills `n` entries with leaves, up to one that is not empty. Return: how many. */
static unsigned fill_leaves(gw_entry *entry, unsigned level, unsigned n, uint32_t attr,
			    const struct mapping *m)
{
	uint64_t out = m->out;
	unsigned i = 0;

	for (; i < n && is_empty(gw_load_relaxed(&entry[i]), level); i++) {
		/* Release: what the leaf maps was written before (guarantee D). Pairs with
		 * gw_walk. */
		publish(&entry[i], gw_fmt_leaf(out, attr, level));
		out = gw_fmt_advance(out, gw_span(level));
	}
	return i;
}

/* Fills entries of a table that is there with leaves, of which the first fits, up to the table's
 * end: a larger leaf can start only there. No entry of a run is written before all are seen to be
 * empty: a walk that finds one tells of them all. */
static int fill(struct page_table *p, gw_entry *table, unsigned level, struct mapping *m)
{
	struct desc *desc = desc_of(p, table, level);
	unsigned first = gw_index(m->at.va, level), i = first, n, done;
	uint32_t attr;
	int err = 0;

	if (!table_lock(p, desc))
		return 0;
	do {
		n = leaves_alike(m, level, &attr);
		if (attr & GW_CONTIGUOUS && !all_empty(&table[i], n, level)) {
			attr &= ~(uint32_t)GW_CONTIGUOUS;
			n = 1;
		}
		done = fill_leaves(&table[i], level, n, attr, m);
		if (wants_deposits(m, level) && !gw_deposit_new(p, table, level, i, done))
			err = -ENOMEM;
		i += done;
		mapping_advance(m, done * gw_span(level));
	} while (!err && done == n && m->at.left && i < entries(level) && leaf_fits(m, level));
	if (!err && done < n) {
		if (!gw_fmt_is_table(gw_load_relaxed(&table[i]), level))
			err = -EEXIST;
		else if (i == first)
			err = TABLE_IN_THE_WAY;
	}
	count_add(desc, i - first);
	table_unlock(desc);
	return err;
}

/* Builds what belongs below an empty entry and publishes it there. `want`: the level of the
 * first leaf. */
static int graft(struct page_table *p, gw_entry *table, unsigned level, unsigned want,
		 struct mapping *m)
{
	struct desc *desc = desc_of(p, table, level);
	unsigned index = gw_index(m->at.va, level);
	uint64_t bytes = piece(&m->at, level < GRAFT_LEVEL ? level : GRAFT_LEVEL), leaf;
	struct mapping part = *m;
	bool done = false;
	gw_entry *child;
	uint32_t attr;

	leaf = leaves_alike(m, want, &attr) * gw_span(want);
	if (!(attr & GW_CONTIGUOUS))
		leaf = gw_span(want);
	if (bytes < leaf)
		bytes = leaf;
	part.at.left = bytes;
	child = gw_build(p, level - 1, &part);
	if (!child)
		return -ENOMEM;
	if (table_lock(p, desc)) {
		done = is_empty(gw_load_relaxed(&table[index]), level);
		if (done) {
			/* Release: the table was filled before. Pairs with gw_walk and descend. */
			publish(&table[index], link_to(p, child, level));
			count_add(desc, 1);
		}
		table_unlock(desc);
	}
	if (done) {
		part.at.left = m->at.left - bytes;
		*m = part;
	} else {
		gw_discard(p, child, level - 1); /* somebody was faster */
	}
	return 0;
}

/* One table's worth. Return: an error, TABLE_IN_THE_WAY, or 0: with or without progress, go on. */
static int step(struct page_table *p, struct mapping *m, unsigned *level)
{
	unsigned want = gw_leaf_level(m);
	struct path path;
	int err = 0;

	p->env->read_lock(p->env);
	*level = descend(p, &path, &m->at, want, 0);
	if (*level == want) {
		err = fill(p, path.table[want], want, m);
	} else {
		gw_entry *table = path.table[*level];
		uint64_t e = gw_load_relaxed(&table[gw_index(m->at.va, *level)]);

		if (is_empty(e, *level))
			err = graft(p, table, *level, want, m);
		else if (!gw_fmt_is_table(e, *level))
			err = -EEXIST;
	}
	p->env->read_unlock(p->env);
	return err;
}

/* A table stands where a leaf of that level belongs. If it is empty, or turns so when empty
 * tables below it go, it is retired; if not, smaller leaves have to do. */
static void make_way(struct page_table *p, struct map *map, unsigned level)
{
	uint64_t va = gw_fmt_canonical(map->m.at.va);
	struct span place = {.first = va, .last = va + (gw_span(level) - 1)};

	if (map->reclaimed_left == map->m.at.left || p->opts.policy == GW_POLICY_MANUAL) {
		map->m.max_level = level - 1;
		map->max_level_left = map->m.at.left - gw_span(level);
		return;
	}
	map->reclaimed_left = map->m.at.left;
	gw_sweep(p, &place, true);
}

/* Unmaps what a call that failed had mapped, and only that: others may have unmapped some of it
 * meanwhile, and mapped something of theirs. Leaves were chosen to lie within the range, so none
 * has to be split. */
static void take_back(struct page_table *p, struct mapping *mapped)
{
	struct gather g;

	gw_gather_start(&g, p);
	g.no_release = true;
	g.only = mapped;
	if (g.policy == GW_POLICY_LAZY)
		g.policy = GW_POLICY_EAGER;
	gw_unmap_range(&g, mapped->at);
	gw_gather_finish(&g);
}

static int map_all(struct page_table *p, const struct mapping *m)
{
	struct map map = {.m = *m};
	int err = keep_limit(p);

	while (!err && map.m.at.left) {
		unsigned level;

		if (map.m.at.left <= map.max_level_left)
			map.m.max_level = p->max_level;
		err = step(p, &map.m, &level);
		if (err == TABLE_IN_THE_WAY) {
			make_way(p, &map, level);
			err = 0;
		}
	}
	if (err && map.m.at.left < m->at.left) {
		struct mapping mapped = *m;

		mapped.at.left -= map.m.at.left;
		take_back(p, &mapped);
	}
	return err;
}

/* The most frequent calls, straight through: one page, into its table or with a new one. Return:
 * false, with nothing done, where it takes more than that. */
static bool map_page(struct page_table *p, struct mapping *m)
{
	const uint32_t attr = m->attr & ~(uint32_t)(GW_CONTIGUOUS | GW_DEPOSIT);
	bool done = false;
	struct path path;
	gw_entry *entry;
	unsigned level;

	p->env->read_lock(p->env);
	level = descend(p, &path, &m->at, 0, 0);
	entry = &path.table[level][gw_index(m->at.va, level)];
	if (level) {
		done = !p->opts.over_limit && is_empty(gw_load_relaxed(entry), level) &&
		       !graft(p, path.table[level], level, 0, m) && !m->at.left;
	} else if (table_lock(p, desc_of(p, path.table[0], 0))) {
		done = is_empty(gw_load_relaxed(entry), 0);
		if (done) {
			publish(entry, gw_fmt_leaf(m->out, attr, 0));
			count_add(desc_of(p, path.table[0], 0), 1);
		}
		table_unlock(desc_of(p, path.table[0], 0));
	}
	p->env->read_unlock(p->env);
	return done;
}

/* Part of gw_map, also where a probe follows it. */
static inline __attribute__((always_inline)) int try_map(struct page_table *p, uint64_t va,
							 uint64_t bytes, uint64_t out,
							 uint32_t attr)
{
	int err = gw_mapping_check(&p->pt, va, bytes, out, attr);
	struct mapping m;

	if (err)
		return err;
	m = (struct mapping){.at = {.va = gw_low(va), .left = bytes},
			     .out = out,
			     .stretch = bytes,
			     .attr = attr,
			     .max_level = p->max_level};
	return bytes == gw_span(0) && map_page(p, &m) ? 0 : map_all(p, &m);
}

int gw_map(struct gw_pt *pt, uint64_t va, uint64_t bytes, uint64_t out, uint32_t attr)
{
	int err;

	GW_PROBE(map, pt, va, bytes, out, attr);
	err = try_map(page_table_of(pt), va, bytes, out, attr);
	GW_PROBE(map_done, pt, err);
	return err;
}

static int try_map_many(struct page_table *p, uint64_t va, const struct gw_piece *piece, size_t n,
			uint32_t attr)
{
	struct mapping m = {.at = {.va = gw_low(va)},
			    .next = piece,
			    .end = piece + n,
			    .attr = attr,
			    .max_level = p->max_level};
	int err = n ? 0 : -EINVAL;

	for (size_t i = 0; i < n && !err; i++) {
		err = gw_out_check(piece[i].out, piece[i].bytes);
		m.at.left += piece[i].bytes;
		if (m.at.left < piece[i].bytes)
			err = -ERANGE;
	}
	if (!err)
		err = range_check(&p->pt, va, m.at.left);
	if (!err)
		err = attr_check(attr & ~(uint32_t)GW_DEPOSIT);
	if (err)
		return err;
	mapping_advance(&m, 0); /* to the first piece */
	return map_all(p, &m);
}

int gw_map_many(struct gw_pt *pt, uint64_t va, const struct gw_piece *piece, size_t n,
		uint32_t attr)
{
	int err;

	GW_PROBE(map_many, pt, va, piece, n, attr);
	err = try_map_many(page_table_of(pt), va, piece, n, attr);
	GW_PROBE(map_done, pt, err);
	return err;
}
