/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Where a program's tables lie in its address space, and how full they are, over time. */
#include "compare_map.h"
#include <errno.h>
#include <stdlib.h>

#define GAP_MIN (1ull << 30) /* bytes without a table that begin a new row */

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* The first addresses of the tables that map these, upwards, each once, into `first`.
 * Return: how many. */
static size_t spans_of(const uint64_t *address, size_t n, uint64_t span, uint64_t *first)
{
	size_t spans = 0;

	for (size_t i = 0; i < n; i++)
		first[i] = address[i] & ~(span - 1);
	qsort(first, n, sizeof(*first), by_size);
	for (size_t i = 0; i < n; i++)
		if (!spans || first[spans - 1] != first[i])
			first[spans++] = first[i];
	return spans;
}

/* So many tables a row, and a new row after a gap. Return: whether there was room. */
static bool cut(struct map *map, const uint64_t *spans, size_t n, size_t each, uint64_t gap)
{
	size_t in_row = 0;

	map->rows = 0;
	for (size_t i = 0; i < n; i++, in_row++) {
		bool after_gap = !i || spans[i] - spans[i - 1] > gap;

		if (!after_gap && in_row < each)
			continue;
		if (map->rows == MAP_ROWS)
			return false;
		map->row[map->rows++] = (struct map_row){spans[i], after_gap};
		in_row = 0;
	}
	return true;
}

int map_open(struct map *map, const uint64_t *address, size_t n, uint64_t span, size_t leaf_bytes)
{
	uint64_t *spans = malloc((n + 1) * sizeof(*spans)); /* none is some memory too */
	size_t tables, each;

	*map = (struct map){
		.span = span,
		.entries = span / leaf_bytes,
		.cell = calloc(MAP_ROWS, sizeof(*map->cell)),
	};
	if (!map->cell || !spans) {
		free(spans);
		return -ENOMEM;
	}
	tables = spans_of(address, n, span, spans);
	each = tables / MAP_ROWS + 1;
	/* Where gaps take too many rows, smaller ones do not count, and rows have more. */
	for (uint64_t gap = GAP_MIN; !cut(map, spans, tables, each, gap); gap *= 2)
		each += each / 8;
	map->each = each;
	free(spans);
	return 0;
}

void map_close(struct map *map)
{
	free(map->cell);
	*map = (struct map){0};
}

/* The row of an address; the lowest row has what lies below it too. */
static unsigned row_of(const struct map *map, uint64_t address)
{
	unsigned low = 0, high = map->rows;

	while (high - low > 1) {
		unsigned middle = low + (high - low) / 2;

		if (map->row[middle].first <= address)
			low = middle;
		else
			high = middle;
	}
	return low;
}

void map_take(struct map *map, const struct pgtable *pgtable, unsigned moment)
{
	unsigned present;

	for (uint64_t address = 0; pgtable_next_table(pgtable, &address, &present);
	     address += map->span) {
		struct map_cell *cell = &map->cell[row_of(map, address)][moment];

		cell->tables++;
		cell->present += present;
	}
}
