/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * What to map, and where; what to unmap or protect: random, with the awkward cases often. */
#ifndef CONFORMANCE_CHOOSE_H
#define CONFORMANCE_CHOOSE_H

#include "trial.h"

enum { PAGE = 1 << GW_PAGE_LG2 };

struct range {
	uint64_t va, bytes;
};

static inline uint64_t last_of(const struct range *range)
{
	return range->va + (range->bytes - 1);
}

static inline uint64_t round_down(uint64_t x, uint64_t to)
{
	return x & ~(to - 1);
}

/* Once in so many times. */
static inline bool chance(unsigned of)
{
	return !below(of);
}

static inline struct range whole(const struct area *area)
{
	return (struct range){area->first, area->last - area->first + 1};
}

/* The level of the format's largest leaves. */
unsigned top_leaf_level(void);
/* Whether the format has leaves of that level and the MMU knows them. */
bool usable(unsigned level);
/* The level of the largest of those. */
unsigned largest_usable(void);
bool in_areas(const struct range *range);

/* To be called once, before the others. */
void choose_bases(void);
uint32_t choose_attr(void);
/* Of the mask, these bits. */
uint32_t choose_attr_with(uint32_t mask, uint32_t bits);
/* Of a leaf that is no run. */
uint32_t choose_attr_of_one(void);
/* One leaf that maps data, or some; a run, where `attr` asks for one and the level has any. */
struct extent choose_leaf(unsigned level, uint32_t attr);
/* What the library makes of leaves of one level and, if ragged, pages on both sides; or of pages
 * alone, where addresses do not match for more. */
struct extent choose_mapping(void);
/* What maps as much as a table of leaves, aligned like it. */
struct extent choose_aligned(void);
/* Where something is mapped. */
struct range choose_range(void);
/* The same in whole larger leaves, or what would be. */
struct range choose_wide(void);
/* A leaf that is mapped; larger than a page, if that is not hard to find. */
struct range choose_larger(void);
/* One leaf, most often where something is mapped. */
struct extent choose_replacement(void);

#endif
