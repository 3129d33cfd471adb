/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The tables that the entries of a process need. */
#include "scan_tables.h"
#include <errno.h>
#include <stdlib.h>

enum { ENTRY_BYTES = 8 };

void scan_tables_open(struct scan_tables *tables, const struct gw_format *format, unsigned levels)
{
	*tables = (struct scan_tables){.levels = levels};
	for (unsigned l = 0; l < tables->levels; l++) {
		struct gw_shape shape = format->shape(l);

		tables->level[l] = (struct scan_level){
			.leaf_lg2 = shape.shift,
			.span_lg2 = shape.shift + shape.index_bits,
			.table_bytes = (uint64_t)ENTRY_BYTES << shape.index_bits,
		};
	}
}

void scan_tables_close(struct scan_tables *tables)
{
	for (unsigned l = 0; l < tables->levels; l++)
		free(tables->level[l].run);
	*tables = (struct scan_tables){0};
}

unsigned scan_tables_leaf_level(const struct scan_tables *tables, uint64_t bytes)
{
	unsigned l = 0;

	while (l < tables->levels && bytes >> tables->level[l].span_lg2)
		l++;
	return l;
}

static int level_add(struct scan_level *level, uint64_t first, uint64_t last)
{
	struct scan_run *run = level->n ? &level->run[level->n - 1] : NULL;
	uint64_t before = run ? run->before + run->last - run->first + 1 : 0;

	if (run && first <= run->last + 1) {
		run->last = last > run->last ? last : run->last;
		return 0;
	}
	if (level->n == level->room) {
		size_t room = level->room ? 2 * level->room : 64;

		run = realloc(level->run, room * sizeof(*run));
		if (!run)
			return -ENOMEM;
		level->run = run;
		level->room = room;
	}
	level->run[level->n++] = (struct scan_run){first, last, before};
	return 0;
}

int scan_tables_add(struct scan_tables *tables, uint64_t start, uint64_t end, unsigned leaf_level)
{
	int err = 0;

	for (unsigned l = leaf_level; l < tables->levels && !err; l++) {
		unsigned lg2 = tables->level[l].span_lg2;

		err = level_add(&tables->level[l], start >> lg2, (end - 1) >> lg2);
	}
	return err;
}

uint64_t scan_level_below(const struct scan_level *level, uint64_t number)
{
	size_t low = 0,
	       high = level->n; /* runs below low begin below the number, from high on not */
	const struct scan_run *run;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (level->run[middle].first < number)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low)
		return 0;
	run = &level->run[low - 1];
	return run->before + (number > run->last ? run->last + 1 : number) - run->first;
}

uint64_t scan_level_empty(const struct scan_level *level, uint64_t first, uint64_t end)
{
	if (first >= end)
		return 0;
	return end - first - (scan_level_below(level, end) - scan_level_below(level, first));
}
