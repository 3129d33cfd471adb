/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The same mappings in other pieces: what collapse and split make of them, and cursors tell. */
#include "pieces.h"

enum { BLOCKS = 256 /* of one collapse; more are counted only */, PAUSE_ONE_OF = 64 };

static void start(struct gw_cursor *c, uint64_t va, uint64_t bytes)
{
	int err;

	test.env->read_lock(test.env);
	err = gw_cursor_start(c, test.pt, va, bytes);
	if (err)
		wrong_call("gw_cursor_start", va, bytes, 0, err);
}

/* ---- Collapse ---- */

/* What one leaf maps afterwards, and a table does before. */
struct block {
	uint64_t va, bytes;
	uint32_t attr; /* accessed and dirty if any of its leaves is */
	bool told;     /* to the MMU: that the table is gone */
};

static struct {
	int64_t tables;
	unsigned n;
	struct block at[BLOCKS];
} plan;

/* Of the largest leaf that could begin at va and ends at `last` or before; 0: none but pages. */
static unsigned largest(uint64_t va, uint64_t last)
{
	unsigned level = top_leaf_level();

	while (level && !(usable(level) && last - va >= gw_span(level) - 1 &&
			  expect_uniform(&test.expect, va, gw_span(level))))
		level--;
	return level;
}

/* Tables that begin with this leaf, up to those behind an entry of that level. */
static unsigned tables_from(const struct gw_leaf *leaf, unsigned level)
{
	unsigned n = 0;

	for (unsigned l = 1; l <= level; l++)
		n += gw_span(l) > leaf->bytes && !(leaf->va & (gw_span(l) - 1));
	return n;
}

/* Accessed and dirty of a run are those of all its entries, of which a walk tells one. */
static uint32_t attr_of(const struct gw_leaf *leaf)
{
	uint32_t attr = leaf->attr & ~(uint32_t)GW_CONTIGUOUS;
	unsigned level = 0;
	struct gw_leaf part;

	while (level < top_leaf_level() && gw_span(level + 1) <= leaf->bytes)
		level++;
	for (uint64_t at = 0; at < leaf->bytes; at += gw_span(level))
		if (walk(leaf->va + at, &part))
			attr |= part.attr & (GW_ACCESSED | GW_DIRTY);
	return attr;
}

/* What the MMU has recorded until now must be in the leaf, nothing more: that is known. */
static void plan_block(uint64_t va, unsigned level)
{
	struct block block = {.va = va, .bytes = gw_span(level)};
	unsigned tables = 0;
	struct gw_cursor c;
	struct gw_leaf leaf;

	start(&c, va, block.bytes);
	while (gw_cursor_next(&c, &leaf) == GW_FOUND_LEAF) {
		tables += tables_from(&leaf, level);
		block.attr |= attr_of(&leaf);
	}
	test.env->read_unlock(test.env);
	if (!tables)
		return;
	plan.tables += tables;
	expect_join(&test.expect, va, block.bytes, block.attr);
	if (plan.n < BLOCKS)
		plan.at[plan.n++] = block;
}

static void make_plan(const struct range *range)
{
	uint64_t va = range->va, last = last_of(range), rest;

	plan.n = 0;
	plan.tables = 0;
	while (expect_next(&test.expect, va, last, &va)) {
		unsigned level;

		if (round_down(va, gw_span(1)) >= range->va)
			va = round_down(va, gw_span(1));
		level = largest(va, last);
		if (level)
			plan_block(va, level);
		else
			level = 1;
		rest = gw_span(level) - (va & (gw_span(level) - 1));
		if (last - va < rest)
			break;
		va += rest;
	}
}

void collapse_told(const struct gw_range *range)
{
	for (unsigned i = 0; i < plan.n; i++) {
		struct block *block = &plan.at[i];
		uint64_t before = block->va - range->va;

		if (range->tables && before < range->bytes && range->bytes - before >= block->bytes)
			block->told = true;
	}
}

static void check_block(const struct block *block)
{
	struct gw_leaf leaf = {0};

	if (!walk(block->va, &leaf) || leaf.va != block->va || leaf.bytes != block->bytes)
		wrong_call("gw_collapse, leaf", block->va, block->bytes, (int64_t)block->bytes,
			   (int64_t)leaf.bytes);
	if (leaf.attr != block->attr)
		wrong_call("gw_collapse, attributes", block->va, block->bytes, block->attr,
			   leaf.attr);
	if (!block->told)
		wrong_call("gw_collapse, not invalidated", block->va, block->bytes, 0, 0);
}

void collapse_at(const struct range *range, uint32_t flags)
{
	int64_t n;

	make_plan(range);
	n = gw_collapse(test.pt, range->va, range->bytes, flags);
	arch_mapped();
	if (n < 0 || (!test.control && n != plan.tables))
		wrong_call("gw_collapse", range->va, range->bytes, plan.tables, n);
	for (unsigned i = 0; !test.control && i < plan.n; i++)
		check_block(&plan.at[i]);
	plan.n = 0;
	test.collapses += (unsigned)n;
}

/* ---- Split ---- */

static uint64_t table_bytes(void)
{
	struct gw_pt_stats stats;

	gw_stats(test.pt, &stats);
	return stats.table_bytes;
}

/* Of a leaf that was split: pieces of the next size, all of which have what the MMU had recorded.
 */
static void check_pieces(const struct gw_leaf *was, uint32_t attr)
{
	struct gw_cursor c;
	struct gw_leaf leaf;
	uint64_t va = was->va, bytes;
	unsigned level = 0;

	while (gw_span(level + 1) < was->bytes)
		level++;
	bytes = gw_span(level);
	start(&c, was->va, was->bytes);
	while (gw_cursor_next(&c, &leaf) == GW_FOUND_LEAF) {
		if (leaf.va != va || leaf.bytes != bytes)
			wrong_call("gw_split, piece", va, bytes, (int64_t)bytes,
				   (int64_t)leaf.bytes);
		if (leaf.out - was->out != va - was->va || leaf.attr != attr)
			wrong_call("gw_split, attributes", va, bytes, attr, leaf.attr);
		va += bytes;
	}
	test.env->read_unlock(test.env);
	if (va - was->va != was->bytes)
		wrong_call("gw_split, bytes", was->va, was->bytes, (int64_t)was->bytes,
			   (int64_t)(va - was->va));
}

void split_at(const struct range *range)
{
	uint64_t va = range->va + below(range->bytes), tables = table_bytes();
	int want = range->bytes > PAGE ? 0 : -ENOENT, err;
	struct gw_leaf leaf;
	uint32_t attr;

	walk(va, &leaf);
	attr = attr_of(&leaf);
	err = gw_split(test.pt, va);
	arch_mapped();
	if (err != want)
		wrong_call("gw_split", va, range->bytes, want, err);
	if (err)
		return;
	if (!test.control)
		check_pieces(&leaf, attr);
	test.splits++;
	test.paid += table_bytes() == tables;
}

/* ---- Looking at everything ---- */

/* Of a hole, or where a leaf should have ended. */
static void check_hole(const struct gw_leaf *hole, enum gw_found before)
{
	if (expect_any(&test.expect, hole->va, hole->bytes))
		wrong_call("gw_cursor_next, hole", hole->va, hole->bytes, 0, 0);
	if (before == GW_FOUND_HOLE)
		wrong_call("gw_cursor_next, two holes", hole->va, hole->bytes, 0, 0);
}

void survey(const struct range *range)
{
	enum gw_found found, before = GW_FOUND_LEAF;
	uint64_t va = range->va;
	const struct extent *x = NULL;
	struct gw_cursor c;
	struct gw_leaf leaf;

	start(&c, range->va, range->bytes);
	while ((found = gw_cursor_next(&c, &leaf)) != GW_FOUND_END) {
		if (leaf.va != va)
			wrong_call("gw_cursor_next", va, leaf.bytes, (int64_t)va, (int64_t)leaf.va);
		if (found == GW_FOUND_HOLE)
			check_hole(&leaf, before);
		else if (!x || va - x->va >= x->bytes)
			x = expect_find(&test.expect, va);
		if (found == GW_FOUND_LEAF)
			check_walk(va, x, true, &leaf);
		va += leaf.bytes;
		before = found;
		if (chance(PAUSE_ONE_OF)) {
			gw_cursor_pause(&c);
			test.env->read_unlock(test.env);
			test.env->read_lock(test.env);
		}
	}
	test.env->read_unlock(test.env);
	if (va - range->va != range->bytes)
		wrong_call("gw_cursor_next, bytes", range->va, range->bytes, (int64_t)range->bytes,
			   (int64_t)(va - range->va));
}
