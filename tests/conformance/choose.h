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

/* The level of the largest leaves. */
unsigned top_leaf_level(void);
/* Whether the format has leaves of that level and the MMU knows them. */
bool usable(unsigned level);
bool in_areas(const struct range *range);

/* To be called once, before the others. */
void choose_bases(void);
uint32_t choose_attr(void);
/* Of the mask, these bits. */
uint32_t choose_attr_with(uint32_t mask, uint32_t bits);
/* One leaf that maps data, or some; a run, where `attr` asks for one and the level has any. */
struct extent choose_leaf(unsigned level, uint32_t attr);
/* What the library makes of leaves of one level and, if ragged, pages on both sides; or of pages
 * alone, where addresses do not match for more. */
struct extent choose_mapping(void);
/* Where something is mapped. */
struct range choose_range(void);

#endif
