/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * What to map, and where; what to unmap or protect: random, with the awkward cases often. */
#include "choose.h"

enum {
	BASES = 8,
	RAGGED = 40,   /* pages before and after a larger leaf */
	SHIFTED = 700, /* pages that no larger leaf can map */
};

static uint64_t bases[BASES];

unsigned top_leaf_level(void)
{
	unsigned level = GW_LEVELS - 1;

	while (!gw_fmt_leaf_level(level))
		level--;
	return level;
}

bool usable(unsigned level)
{
	return gw_fmt_leaf_level(level) && (!arch.known_leaf || arch.known_leaf(level));
}

unsigned largest_usable(void)
{
	unsigned level = top_leaf_level();

	while (!usable(level))
		level--;
	return level;
}

bool in_areas(const struct range *range)
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
void choose_bases(void)
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
	uint64_t va = bases[below(BASES)] + below(level == top || chance(4) ? 4 : 2) * gw_span(top);

	for (unsigned l = level; l < top; l++)
		va += choose_index(gw_span(l + 1) / gw_span(l)) * gw_span(l);
	return va;
}

uint32_t choose_attr_with(uint32_t mask, uint32_t bits)
{
	uint32_t attr;

	do {
		attr = (uint32_t)below(1ull << 32) & arch.attrs_try & ~mask;
		attr |= arch.attrs_always | bits;
	} while (arch.attrs_apart && !(arch.attrs_apart & ~attr));
	return attr;
}

uint32_t choose_attr(void)
{
	return choose_attr_with(0, 0);
}

static unsigned choose_leaf_level(void)
{
	unsigned level;

	do
		level = (unsigned)below(GW_LEVELS);
	while (!usable(level));
	return level;
}

static uint64_t choose_data(void)
{
	return arch.data + below(arch.data_bytes >> GW_PAGE_LG2) * PAGE;
}

uint32_t choose_attr_of_one(void)
{
	return choose_attr_with(GW_CONTIGUOUS, 0);
}

/* Of one entry, or of a run. */
struct extent choose_leaf(unsigned level, uint32_t attr)
{
	uint64_t bytes = gw_span(level) << (attr & GW_CONTIGUOUS ? gw_fmt_run_lg2(level) : 0);
	struct range range = {.bytes = bytes};

	do
		range.va = round_down(choose_va(level) + (bytes - 1), bytes);
	while (!in_areas(&range));
	return (struct extent){
		.va = range.va,
		.bytes = bytes,
		.out = round_down(choose_data(), bytes),
		.attr = attr,
		.untouched = true,
	};
}

/* Pages on both sides of leaves that are larger. */
static void make_ragged(struct extent *x)
{
	uint64_t before = below(RAGGED) * PAGE;

	if (before > x->out)
		before = 0;
	x->va -= before;
	x->out -= before;
	x->bytes += before + below(RAGGED) * PAGE;
}

struct extent choose_mapping(void)
{
	unsigned level = choose_leaf_level();
	struct extent x = choose_leaf(level, choose_attr());

	x.bytes *= 1 + below(level ? 2 : 8);
	if (chance(8)) {
		x.bytes = (1 + below(SHIFTED)) * PAGE;
		x.out = choose_data();
		if (!in_data(x.out, x.bytes))
			x.out = arch.data;
	} else if (level && chance(2)) {
		make_ragged(&x);
	}
	return x;
}

struct extent choose_aligned(void)
{
	unsigned level = 1;

	while (level < top_leaf_level() && usable(level + 1) && chance(2))
		level++;
	return choose_leaf(level, choose_attr_of_one());
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

/* What to unmap or protect: an extent, a part of it, something around it, or all that a table
 * can map. */
struct range choose_range(void)
{
	const struct extent *x = &test.expect.at[below(test.expect.n)];
	struct range whole = {x->va, x->bytes}, range = whole;

	switch (below(6)) {
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
	case 4:
		range.bytes = gw_span(1 + (unsigned)below(GW_LEVELS - 1));
		range.va = round_down(x->va + below(x->bytes), range.bytes);
		break;
	}
	return in_areas(&range) ? range : whole;
}

struct range choose_wide(void)
{
	struct range range = choose_range(), wide;
	uint64_t span = gw_span(1 + (unsigned)below(top_leaf_level()));

	wide.va = round_down(range.va, span);
	wide.bytes = (last_of(&range) | (span - 1)) - wide.va + 1;
	return in_areas(&wide) ? wide : range;
}

static uint64_t choose_mapped(void)
{
	const struct extent *x = &test.expect.at[below(test.expect.n)];

	return x->va + below(x->bytes);
}

struct range choose_larger(void)
{
	struct gw_leaf leaf = {.bytes = 0};

	for (unsigned tries = 8; tries && leaf.bytes <= PAGE; tries--)
		walk(choose_mapped(), &leaf);
	return (struct range){leaf.va, leaf.bytes};
}

struct extent choose_replacement(void)
{
	struct extent x = choose_leaf(choose_leaf_level(), choose_attr_of_one());

	if (!chance(4))
		x.va = round_down(choose_mapped(), x.bytes);
	return x;
}
