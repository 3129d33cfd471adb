/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Which pages of a replayed program are present. */
#include "present.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_PAGES = 512 };

struct present_block {
	uint64_t number; /* page / BLOCK_PAGES */
	unsigned count;
	uint32_t frame[BLOCK_PAGES]; /* frame + 1; 0: not present */
};

/* The first block whose number is at least that one, or n. */
static size_t lower_bound(struct present *present, uint64_t number)
{
	size_t low = 0, high = present->n;

	if (present->last < high && present->block[present->last]->number == number)
		return present->last;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (present->block[middle]->number < number)
			low = middle + 1;
		else
			high = middle;
	}
	present->last = low;
	return low;
}

static struct present_block *find(struct present *present, uint64_t page)
{
	size_t i = lower_bound(present, page / BLOCK_PAGES);

	return i < present->n && present->block[i]->number == page / BLOCK_PAGES ? present->block[i]
										 : NULL;
}

static struct present_block *insert(struct present *present, uint64_t number)
{
	size_t i = lower_bound(present, number);
	struct present_block *block;

	if (present->n == present->room) {
		size_t room = present->room ? 2 * present->room : 64;
		struct present_block **grown = realloc(present->block, room * sizeof(*grown));

		if (!grown)
			return NULL;
		present->block = grown;
		present->room = room;
	}
	block = calloc(1, sizeof(*block));
	if (!block)
		return NULL;
	block->number = number;
	memmove(&present->block[i + 1], &present->block[i],
		(present->n - i) * sizeof(*present->block));
	present->block[i] = block;
	present->n++;
	return block;
}

int present_set(struct present *present, uint64_t page, uint64_t frame)
{
	struct present_block *block = find(present, page);
	bool new;

	if (!block)
		block = insert(present, page / BLOCK_PAGES);
	if (!block)
		return -ENOMEM;
	new = !block->frame[page % BLOCK_PAGES];
	block->count += new;
	present->count += new;
	block->frame[page % BLOCK_PAGES] = (uint32_t)frame + 1;
	return 0;
}

bool present_get(struct present *present, uint64_t page, uint64_t *frame)
{
	struct present_block *block = find(present, page);

	if (!block || !block->frame[page % BLOCK_PAGES])
		return false;
	*frame = block->frame[page % BLOCK_PAGES] - 1;
	return true;
}

bool present_next(struct present *present, uint64_t *page, uint64_t end, uint64_t *frame)
{
	for (size_t i = lower_bound(present, *page / BLOCK_PAGES); i < present->n; i++) {
		struct present_block *block = present->block[i];
		uint64_t first = block->number * BLOCK_PAGES;

		if (*page < first)
			*page = first;
		for (; *page < end && *page < first + BLOCK_PAGES; ++*page)
			if (block->frame[*page - first]) {
				*frame = block->frame[*page - first] - 1;
				return true;
			}
		if (*page >= end)
			return false;
	}
	return false;
}

/* Blocks that turn empty go; the others close up in one pass. */
void present_remove(struct present *present, uint64_t page, uint64_t end)
{
	size_t from = lower_bound(present, page / BLOCK_PAGES), to = from, i = from;

	for (; i < present->n && present->block[i]->number * BLOCK_PAGES < end; i++) {
		struct present_block *block = present->block[i];
		uint64_t first = block->number * BLOCK_PAGES;

		for (uint64_t at = page > first ? page : first;
		     at < end && at < first + BLOCK_PAGES; at++) {
			bool there = block->frame[at - first];

			block->count -= there;
			present->count -= there;
			block->frame[at - first] = 0;
		}
		if (block->count)
			present->block[to++] = block;
		else
			free(block);
	}
	if (to == i)
		return;
	memmove(&present->block[to], &present->block[i],
		(present->n - i) * sizeof(*present->block));
	present->n -= i - to;
	present->last = 0;
}

void present_close(struct present *present)
{
	for (size_t i = 0; i < present->n; i++)
		free(present->block[i]);
	free(present->block);
	*present = (struct present){0};
}
