/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * What should be mapped, in a plain array. */
#ifndef CONFORMANCE_EXPECT_H
#define CONFORMANCE_EXPECT_H

#include <stdbool.h>
#include <stdint.h>

struct extent {
	uint64_t va, bytes, out;
	uint32_t attr;
	bool untouched; /* no access went through it since its attributes were known */
};

enum { EXTENTS_MAX = 384 };

struct expect {
	unsigned n;
	struct extent at[EXTENTS_MAX];
};

/* The extent that maps the byte at va, or NULL. */
struct extent *expect_find(struct expect *expect, uint64_t va);
/* Whether any byte of [va, va + bytes) is mapped. */
bool expect_any(const struct expect *expect, uint64_t va, uint64_t bytes);
void expect_map(struct expect *expect, const struct extent *extent);
void expect_unmap(struct expect *expect, uint64_t va, uint64_t bytes);
/* Other rights; `kept`: bits that stay set where they are. */
void expect_protect(struct expect *expect, uint64_t va, uint64_t bytes, uint32_t attr,
		    uint32_t kept);
/* Attributes that are taken away. */
void expect_take(struct expect *expect, uint64_t va, uint64_t bytes, uint32_t take);
/* Whether one leaf could map [va, va + bytes), of that size: all of it continues, from a multiple
 * of the size on, with the same attributes but for accessed and dirty. */
bool expect_uniform(struct expect *expect, uint64_t va, uint64_t bytes);
/* One leaf now maps what was uniform: so must one extent, if it does not. `attr`: the leaf's, which
 * are known. */
void expect_join(struct expect *expect, uint64_t va, uint64_t bytes, uint32_t attr);
/* The first address from va to last that is mapped, in *found. Return: whether there is one. */
bool expect_next(const struct expect *expect, uint64_t va, uint64_t last, uint64_t *found);
/* Whether there is room for one more change of any kind. A collapse joins extents where they meet,
 * and may leave both ends of them. */
bool expect_room(const struct expect *expect);

#endif
