/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The model of a page table: a sorted list of what is mapped to what. */
#ifndef GRACEWALK_TESTS_EXTENTS_H
#define GRACEWALK_TESTS_EXTENTS_H

#include <gracewalk/gracewalk.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Addresses in low form. Ends are looked at as the last byte: the end of an address space of 64
 * bits is no number. */
struct extent {
	uint64_t va, bytes, out;
	uint32_t attr;
	uint64_t stamp; /* when it was last invalidated; 0: not yet, or does not matter */
};

struct extents {
	struct extent *at;
	size_t n, room;
};

static inline uint64_t extent_last(const struct extent *e)
{
	return e->va + (e->bytes - 1);
}

/* Adds to the end, and merges with the last where the two continue one another. */
void extents_append(struct extents *list, struct extent e);
/* Adds in its place. Nothing overlaps it. */
void extents_add(struct extents *list, struct extent e);
/* Takes out what lies in a range; `removed` NULL, or gets that appended. */
void extents_cut(struct extents *list, uint64_t va, uint64_t bytes, struct extents *removed);
/* The first that ends at va or behind it, or NULL. */
const struct extent *extents_from(const struct extents *list, uint64_t va);
bool extents_overlap(const struct extents *list, uint64_t va, uint64_t bytes);
bool extents_equal(const struct extents *a, const struct extents *b);
/* The part of an extent that lies in a range, both ends included, which overlaps it. */
struct extent extent_part(struct extent e, uint64_t first, uint64_t last);
void extents_free(struct extents *list);

#endif
