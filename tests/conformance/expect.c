/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * What should be mapped, in a plain array. Ends are kept by their last byte, since the last page of
 * an address space may be mapped. */
#include "expect.h"
#include <gracewalk/format/attr.h>
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

bool expect_uniform(struct expect *expect, uint64_t va, uint64_t bytes)
{
	const struct extent *first = expect_find(expect, va), *x = first;
	uint64_t out, last = last_of(va, bytes);

	if (!x)
		return false;
	out = x->out + (va - x->va);
	if ((va | out) & (bytes - 1))
		return false;
	while (x && last_of(x->va, x->bytes) < last) {
		x = expect_find(expect, x->va + x->bytes);
		if (x &&
		    (x->out != out + (x->va - va) ||
		     (x->attr ^ first->attr) & ~(uint32_t)(GW_ACCESSED | GW_DIRTY | GW_CONTIGUOUS)))
			return false;
	}
	return x;
}

void expect_join(struct expect *expect, uint64_t va, uint64_t bytes, uint32_t attr)
{
	const struct extent *x = expect_find(expect, va);
	uint64_t last = last_of(va, bytes);
	struct extent joined;

	if (last_of(x->va, x->bytes) >= last)
		return;
	joined = part(x, va, last);
	joined.attr = attr;
	joined.untouched = true;
	expect_unmap(expect, va, bytes);
	expect_map(expect, &joined);
}

bool expect_next(const struct expect *expect, uint64_t va, uint64_t last, uint64_t *found)
{
	bool any = false;

	for (unsigned i = 0; i < expect->n; i++) {
		const struct extent *x = &expect->at[i];
		uint64_t first = x->va > va ? x->va : va;

		if (!overlaps(x, va, last - va + 1) || (any && first >= *found))
			continue;
		*found = first;
		any = true;
	}
	return any;
}

bool expect_room(const struct expect *expect)
{
	return 2 * expect->n + 8 <= EXTENTS_MAX;
}
