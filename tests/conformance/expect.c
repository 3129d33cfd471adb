/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * What should be mapped, in a plain array. Ends are kept by their last byte, since the last page of
 * an address space may be mapped. */
#include "expect.h"
#include <stddef.h>

static uint64_t last_of(uint64_t va, uint64_t bytes)
{
	return va + (bytes - 1);
}

static bool overlaps(const struct extent *x, uint64_t va, uint64_t bytes)
{
	return va <= last_of(x->va, x->bytes) && x->va <= last_of(va, bytes);
}

struct extent *expect_find(struct expect *expect, uint64_t va)
{
	for (unsigned i = 0; i < expect->n; i++)
		if (overlaps(&expect->at[i], va, 1))
			return &expect->at[i];
	return NULL;
}

bool expect_any(const struct expect *expect, uint64_t va, uint64_t bytes)
{
	for (unsigned i = 0; i < expect->n; i++)
		if (overlaps(&expect->at[i], va, bytes))
			return true;
	return false;
}

void expect_map(struct expect *expect, const struct extent *extent)
{
	expect->at[expect->n++] = *extent;
}

/* The part of an extent from one address to another. */
static struct extent part(const struct extent *x, uint64_t first, uint64_t last)
{
	struct extent piece = *x;

	piece.va = first;
	piece.bytes = last - first + 1;
	piece.out += first - x->va;
	return piece;
}

/* Takes [first, last] out of one extent that overlaps it; what is left stays, what goes is
 * returned. */
static struct extent carve(struct expect *expect, struct extent *x, uint64_t first, uint64_t last)
{
	struct extent old = *x;
	uint64_t old_last = last_of(old.va, old.bytes);

	*x = expect->at[--expect->n];
	if (old.va < first)
		expect->at[expect->n++] = part(&old, old.va, first - 1);
	if (old_last > last)
		expect->at[expect->n++] = part(&old, last + 1, old_last);
	return part(&old, old.va > first ? old.va : first, old_last < last ? old_last : last);
}

void expect_unmap(struct expect *expect, uint64_t va, uint64_t bytes)
{
	for (unsigned i = expect->n; i-- > 0;)
		if (overlaps(&expect->at[i], va, bytes))
			carve(expect, &expect->at[i], va, last_of(va, bytes));
}

/* Adds attributes to a range, and of what it has keeps `kept`. */
static void change(struct expect *expect, uint64_t va, uint64_t bytes, uint32_t add, uint32_t kept)
{
	static struct extent changed[EXTENTS_MAX];
	unsigned n = 0;

	for (unsigned i = expect->n; i-- > 0;)
		if (overlaps(&expect->at[i], va, bytes))
			changed[n++] = carve(expect, &expect->at[i], va, last_of(va, bytes));
	while (n--) {
		changed[n].attr = add | (changed[n].attr & kept);
		expect_map(expect, &changed[n]);
	}
}

void expect_protect(struct expect *expect, uint64_t va, uint64_t bytes, uint32_t attr,
		    uint32_t kept)
{
	change(expect, va, bytes, attr, kept);
}

void expect_take(struct expect *expect, uint64_t va, uint64_t bytes, uint32_t take)
{
	change(expect, va, bytes, 0, ~take);
}

bool expect_room(const struct expect *expect)
{
	return expect->n + 3 <= EXTENTS_MAX;
}
