/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * gw_harvest: accessed, dirty or the right to write, taken from a range and told. */
#include "change.h"

enum {
	TAKEABLE = GW_ACCESSED | GW_DIRTY | GW_WRITE,
	RUNS = 32, /* told together, without a lock */
	GROUP = 8, /* entries that are looked at together */
};

struct harvest {
	struct gather g;
	struct cursor at;
	uint32_t take;
	uint64_t bits, quiet; /* of a page's entry: see differing */
	void (*found)(void *ctx, const struct gw_leaf *run);
	void *ctx;
	unsigned n;
	struct gw_leaf run[RUNS];
};

/* The bits of a page's entry that change when an attribute of `take` goes, whatever else the page
 * has. One that has none of `take` may differ in them from another that has none (AArch64 says
 * "dirty" in one of two bits); one that has some differs from a page with no attribute at all. */
static uint64_t differing(uint32_t take)
{
	const uint32_t all = TAKEABLE & GW_FMT_ATTRS;
	uint64_t bits = 0;
	uint32_t attr = 0;

	do {
		bits |= gw_fmt_leaf(0, GW_FMT_ATTRS_MUST | attr, 0) ^
			gw_fmt_leaf(0, GW_FMT_ATTRS_MUST | (attr & ~take), 0);
		attr = (attr - all) & all; /* the next subset */
	} while (attr);
	return bits;
}

/* Whether there is something to take from a leaf, or, of a page or a run, perhaps. */
static bool has_some(const struct harvest *h, uint64_t e, unsigned level)
{
	if (leaf_entries(e, level) > 1)
		return true;
	return level ? gw_fmt_attr(e, level) & h->take : (e ^ h->quiet) & h->bits;
}

/* Of the range, in the table of pages whose entry i is next. */
static unsigned pages_left(const struct harvest *h, unsigned i)
{
	uint64_t left = h->at.left / gw_span(0), room = entries(0) - i;

	return (unsigned)(left < room ? left : room);
}

/* Passes pages by, a group at a time, while none of a group looks as if there were something to
 * take: this is what most of a call is. Return: how many, of at most `n`. */
static unsigned quiet_pages(const struct harvest *h, gw_entry *page, unsigned n)
{
	const uint64_t quiet = h->quiet;
	unsigned i;

	for (i = 0; i + GROUP <= n; i += GROUP) {
		uint64_t differ = 0;

#pragma GCC unroll 8
		for (unsigned j = 0; j < GROUP; j++)
			differ |= gw_load_relaxed(&page[i + j]) ^ quiet;
		if (differ & h->bits)
			break;
	}
	return i;
}

/* From the leaf behind an entry of a locked table, at the start of the range. Return: how many
 * entries it takes. */
static unsigned take_leaf(struct harvest *h, struct broken *broken, gw_entry *entry, uint64_t e,
			  unsigned level)
{
	const struct change change = {.keep = ~h->take};
	uint64_t va = h->at.va, first = va & ~(gw_leaf_bytes(e, level) - 1);
	unsigned n = leaf_entries(e, level);

	if (has_some(h, e, level) && change_leaf(&h->g, broken, entry, va, level, change, &e))
		run_add(h->run, &h->n, first, e, level);
	return n;
}

/* Leaves of a locked table, from the start of the range on, as many as there is room to tell of;
 * stops at what has to be gone into. */
static void take_leaves(struct harvest *h, gw_entry *table, unsigned level)
{
	struct broken broken = {.n = 0};
	unsigned i = gw_index(h->at.va, level);

	while (h->at.left && i < entries(level) && h->n < RUNS) {
		uint64_t e = gw_load_relaxed(&table[i]);
		unsigned n = 1;

		if (gw_fmt_is_table(e, level))
			break;
		if (gw_fmt_is_leaf(e, level))
			n = take_leaf(h, &broken, &table[i], e, level);
		advance(&h->at, piece_of(&h->at, n * gw_span(level)));
		i = (i | (n - 1)) + 1; /* the range may begin in the middle of a run */
		if (level == 0 && i % GROUP == 0) {
			n = quiet_pages(h, &table[i], pages_left(h, i));
			advance(&h->at, n * gw_span(0));
			i += n;
		}
	}
	make_broken(&h->g, &broken);
}

/* Tells of all runs but the last, which may go on in the next table. */
static void tell(struct harvest *h)
{
	if (h->n < 2)
		return;
	for (unsigned i = 0; i < h->n - 1; i++)
		h->found(h->ctx, &h->run[i]);
	h->run[0] = h->run[h->n - 1];
	h->n = 1;
}

static void step(struct harvest *h)
{
	struct page_table *p = h->g.p;
	struct path path;
	unsigned level;

	p->env->read_lock(p->env);
	level = descend(p, &path, &h->at, 0, 0);
	if (table_lock(p, desc_of(p, path.table[level], level))) {
		take_leaves(h, path.table[level], level);
		table_unlock(desc_of(p, path.table[level], level));
	}
	p->env->read_unlock(p->env);
	tell(h);
}

int gw_harvest(struct gw_pt *pt, uint64_t va, uint64_t bytes, uint32_t take,
	       void (*found)(void *ctx, const struct gw_leaf *run), void *ctx)
{
	int err = range_check(pt, va, bytes);
	struct harvest h;

	if (!take || take & ~(uint32_t)TAKEABLE)
		err = -EINVAL;
	if (!err && take & (~(uint32_t)GW_FMT_ATTRS | GW_FMT_ATTRS_MUST))
		err = -EOPNOTSUPP;
	if (err)
		return err;
	gw_gather_start(&h.g, page_table_of(pt));
	h.at = (struct cursor){.va = gw_low(va), .left = bytes};
	h.take = take;
	h.bits = differing(take);
	h.quiet = gw_fmt_leaf(0, GW_FMT_ATTRS_MUST, 0);
	h.found = found;
	h.ctx = ctx;
	h.n = 0;
	while (h.at.left)
		step(&h);
	if (h.n)
		found(ctx, &h.run[0]);
	gw_gather_finish(&h.g);
	return 0;
}
