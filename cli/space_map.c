/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The two sorted arrays of an address space. Arrays, since searches outnumber changes by far.
 */
#include "space_map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Room for more elements; an array that grows by doubling is copied rarely. */
static int space_grow(void **at, size_t *room, size_t need, size_t size)
{
	size_t wide = *room ? *room * 2 : 64;
	void *p;

	if (need <= *room)
		return 0;
	p = realloc(*at, wide * size);
	if (!p)
		return -ENOMEM;
	*at = p;
	*room = wide;
	return 0;
}

size_t space_vmas_find(const struct space_vmas *v, uint64_t addr)
{
	size_t low = 0, high = v->count;

	while (low < high) {
		const size_t mid = low + (high - low) / 2;

		if (v->at[mid].end > addr)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

static int space_vmas_open(struct space_vmas *v, size_t i)
{
	int err = space_grow((void **)&v->at, &v->room, v->count + 1, sizeof(*v->at));

	if (err)
		return err;
	memmove(v->at + i + 1, v->at + i, (v->count - i) * sizeof(*v->at));
	v->count++;
	return 0;
}

static void space_vmas_close(struct space_vmas *v, size_t first, size_t end)
{
	if (first == end)
		return;
	memmove(v->at + first, v->at + end, (v->count - end) * sizeof(*v->at));
	v->count -= end - first;
}

int space_vmas_cut(struct space_vmas *v, uint64_t addr)
{
	const size_t i = space_vmas_find(v, addr);
	int err;

	if (i == v->count || v->at[i].start >= addr)
		return 0;
	err = space_vmas_open(v, i);
	if (err)
		return err;
	v->at[i] = v->at[i + 1];
	v->at[i].end = addr;
	v->at[i + 1].start = addr;
	return 0;
}

int space_vmas_remove(struct space_vmas *v, uint64_t start, uint64_t end)
{
	size_t first, last;
	int err = space_vmas_cut(v, start);

	if (!err)
		err = space_vmas_cut(v, end);
	if (err)
		return err;
	first = space_vmas_find(v, start);
	for (last = first; last < v->count && v->at[last].start < end; last++)
		;
	space_vmas_close(v, first, last);
	return 0;
}

static bool space_vmas_alike(const struct space_vma *a, const struct space_vma *b)
{
	return a->end == b->start && a->prot == b->prot && a->traits == b->traits &&
	       a->origin == b->origin;
}

void space_vmas_join(struct space_vmas *v, uint64_t start, uint64_t end)
{
	size_t i = space_vmas_find(v, start ? start - 1 : 0);

	while (i + 1 < v->count && v->at[i].start <= end) {
		if (space_vmas_alike(&v->at[i], &v->at[i + 1])) {
			v->at[i + 1].start = v->at[i].start;
			space_vmas_close(v, i, i + 1);
		} else {
			i++;
		}
	}
}

int space_vmas_insert(struct space_vmas *v, struct space_vma vma)
{
	const size_t i = space_vmas_find(v, vma.start);
	int err = space_vmas_open(v, i);

	if (err)
		return err;
	v->at[i] = vma;
	space_vmas_join(v, vma.start, vma.end);
	return 0;
}

size_t space_blocks_find(const struct space_blocks *b, uint64_t block)
{
	size_t low = 0, high = b->count;

	while (low < high) {
		const size_t mid = low + (high - low) / 2;

		if (b->at[mid] >> 1 >= block)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

bool space_blocks_has(const struct space_blocks *b, uint64_t block)
{
	const size_t i = space_blocks_find(b, block);

	return i < b->count && b->at[i] >> 1 == block;
}

int space_blocks_add(struct space_blocks *b, uint64_t block, bool huge)
{
	const size_t i = space_blocks_find(b, block);
	int err;

	if (i < b->count && b->at[i] >> 1 == block)
		return 0;
	if (b->count == SPACE_MAX_BLOCKS)
		return -E2BIG;
	err = space_grow((void **)&b->at, &b->room, b->count + 1, sizeof(*b->at));
	if (err)
		return err;
	memmove(b->at + i + 1, b->at + i, (b->count - i) * sizeof(*b->at));
	b->at[i] = block << 1 | huge;
	b->count++;
	return 0;
}

void space_blocks_remove(struct space_blocks *b, uint64_t first, uint64_t end)
{
	const size_t i = space_blocks_find(b, first), j = space_blocks_find(b, end);

	if (i >= j)
		return;
	memmove(b->at + i, b->at + j, (b->count - j) * sizeof(*b->at));
	b->count -= j - i;
}
