/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Looking at many pages at once, against the model. */
#include "look.h"
#include <string.h>

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static void assert_same(const struct gw_leaf *a, const struct gw_leaf *b)
{
	assert_int_equal(a->va, b->va);
	assert_int_equal(a->out, b->out);
	assert_int_equal(a->bytes, b->bytes);
	assert_int_equal(a->attr, b->attr);
}

/* ---- Cursors ---- */

/* Return: how much of the range the leaf takes up. */
static uint64_t check_leaf(struct fixture *x, const struct gw_leaf *leaf, uint64_t va)
{
	const struct extent *e = extents_from(&x->model, va);
	struct gw_leaf want;

	assert_true(e && e->va <= va);
	assert_true(gw_walk(x->pt, gw_fmt_canonical(va), &want));
	assert_same(leaf, &want);
	assert_int_equal(gw_fmt_advance(leaf->out, va - gw_low(leaf->va)),
			 gw_fmt_advance(e->out, va - e->va));
	fix_assert_attr(leaf, e->attr);
	return leaf->bytes - (va - gw_low(leaf->va));
}

/* It is the largest that lies in what is left of the range. */
static uint64_t check_hole(struct fixture *x, const struct gw_leaf *hole, uint64_t va,
			   uint64_t left)
{
	const struct extent *e = extents_from(&x->model, va);
	struct gw_leaf want = {.va = gw_fmt_canonical(va), .bytes = left};

	assert_true(!e || e->va > va);
	if (e)
		want.bytes = least(left, e->va - va);
	assert_same(hole, &want);
	return want.bytes;
}

void look_along(struct fixture *x, uint64_t va, uint64_t bytes, unsigned pause)
{
	const struct gw_leaf nothing = {0};
	struct gw_leaf leaf;
	struct gw_cursor c;
	enum gw_found found;
	unsigned n = 0;

	assert_int_equal(gw_cursor_start(&c, x->pt, gw_fmt_canonical(va), bytes), 0);
	memset(&leaf, 0xff, sizeof(leaf));
	while ((found = gw_cursor_next(&c, &leaf)) != GW_FOUND_END) {
		uint64_t told = found == GW_FOUND_LEAF ? check_leaf(x, &leaf, va)
						       : check_hole(x, &leaf, va, bytes);

		told = least(told, bytes);
		va += told;
		bytes -= told;
		if (pause && ++n % pause == 0)
			gw_cursor_pause(&c);
		memset(&leaf, 0xff, sizeof(leaf));
	}
	assert_int_equal(bytes, 0);
	assert_same(&leaf, &nothing);
	assert_int_equal(gw_cursor_next(&c, &leaf), GW_FOUND_END);
}

/* ---- Many walks ---- */

void look_at_many(struct fixture *x, const uint64_t *va, unsigned n)
{
	struct gw_leaf leaf[LOOK_MANY + 1], one, filler;
	unsigned found = 0;

	assert_true(n <= LOOK_MANY);
	memset(&filler, 0xff, sizeof(filler));
	for (unsigned i = 0; i <= n; i++)
		leaf[i] = filler;
	for (unsigned i = 0; i < n; i++)
		found += gw_walk(x->pt, va[i], &one);
	assert_int_equal(gw_walk_many(x->pt, va, n, leaf), found);
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(gw_walk(x->pt, va[i], &one), leaf[i].bytes > 0);
		assert_same(&leaf[i], &one);
	}
	assert_same(&leaf[n], &filler);
}

/* ---- Holes ---- */

/* How far into a range the first hole begins; `bytes`: there is none. */
static uint64_t first_hole(const struct fixture *x, uint64_t va, uint64_t bytes, uint64_t size,
			   uint64_t align)
{
	uint64_t in = -va & (align - 1);

	while (in < bytes && bytes - in >= size) {
		const struct extent *e = extents_from(&x->model, va + in);
		uint64_t last;

		if (!e || (e->va > va + in && e->va - (va + in) >= size))
			return in;
		last = extent_last(e) - va;
		if (last >= bytes)
			break;
		in = last + 1;
		in += -(va + in) & (align - 1);
	}
	return bytes;
}

int look_for_hole(struct fixture *x, uint64_t va, uint64_t bytes, uint64_t size, uint64_t align)
{
	uint64_t in = first_hole(x, va, bytes, size, align), hole = 1;
	int err = gw_find_hole(x->pt, gw_fmt_canonical(va), bytes, size, align, &hole);

	assert_int_equal(x->f->nesting, 0);
	assert_int_equal(err, in < bytes ? 0 : -ENOSPC);
	assert_int_equal(hole, in < bytes ? gw_fmt_canonical(va + in) : 1);
	return err;
}
