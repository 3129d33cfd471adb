/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The model of a page table: a sorted list of what is mapped to what. */
#include "extents.h"
#include <stdlib.h>
#include <string.h>

static void make_room(struct extents *list)
{
	if (list->n < list->room)
		return;
	list->room = list->room ? 2 * list->room : 64;
	list->at = realloc(list->at, list->room * sizeof(*list->at));
	if (!list->at)
		abort();
}

static bool continues(const struct extent *a, const struct extent *b)
{
	return extent_last(a) == b->va - 1 && b->va && gw_fmt_advance(a->out, a->bytes) == b->out &&
	       a->attr == b->attr && a->stamp == b->stamp;
}

void extents_append(struct extents *list, struct extent e)
{
	if (list->n && continues(&list->at[list->n - 1], &e)) {
		list->at[list->n - 1].bytes += e.bytes;
		return;
	}
	make_room(list);
	list->at[list->n++] = e;
}

static void merge(struct extents *list, size_t i)
{
	if (i + 1 >= list->n || !continues(&list->at[i], &list->at[i + 1]))
		return;
	list->at[i].bytes += list->at[i + 1].bytes;
	memmove(&list->at[i + 1], &list->at[i + 2], (list->n - i - 2) * sizeof(*list->at));
	list->n--;
}

void extents_add(struct extents *list, struct extent e)
{
	size_t i = list->n;

	make_room(list);
	while (i && list->at[i - 1].va > e.va)
		i--;
	memmove(&list->at[i + 1], &list->at[i], (list->n - i) * sizeof(*list->at));
	list->at[i] = e;
	list->n++;
	merge(list, i);
	if (i)
		merge(list, i - 1);
}

struct extent extent_part(struct extent e, uint64_t first, uint64_t last)
{
	if (first < e.va)
		first = e.va;
	if (last > extent_last(&e))
		last = extent_last(&e);
	e.out = gw_fmt_advance(e.out, first - e.va);
	e.va = first;
	e.bytes = last - first + 1;
	return e;
}

void extents_cut(struct extents *list, uint64_t va, uint64_t bytes, struct extents *removed)
{
	struct extents kept = {0};
	uint64_t last = va + (bytes - 1);

	for (size_t i = 0; i < list->n; i++) {
		struct extent e = list->at[i];

		if (e.va > last || extent_last(&e) < va) {
			extents_append(&kept, e);
			continue;
		}
		if (removed)
			extents_append(removed, extent_part(e, va, last));
		if (e.va < va)
			extents_append(&kept, extent_part(e, e.va, va - 1));
		if (extent_last(&e) > last)
			extents_append(&kept, extent_part(e, last + 1, extent_last(&e)));
	}
	free(list->at);
	*list = kept;
}

const struct extent *extents_from(const struct extents *list, uint64_t va)
{
	for (size_t i = 0; i < list->n; i++)
		if (extent_last(&list->at[i]) >= va)
			return &list->at[i];
	return NULL;
}

bool extents_overlap(const struct extents *list, uint64_t va, uint64_t bytes)
{
	const struct extent *e = extents_from(list, va);

	return e && e->va <= va + (bytes - 1);
}

bool extents_equal(const struct extents *a, const struct extents *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++) {
		const struct extent *x = &a->at[i], *y = &b->at[i];

		if (x->va != y->va || x->bytes != y->bytes || x->out != y->out ||
		    x->attr != y->attr)
			return false;
	}
	return true;
}

void extents_free(struct extents *list)
{
	free(list->at);
	*list = (struct extents){0};
}
