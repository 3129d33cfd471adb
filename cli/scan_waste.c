/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * What a process's page tables waste. */
#include "scan_waste.h"
#include <errno.h>
#include <stdlib.h>

static uint64_t less(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

static uint64_t least_of(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

int scan_bounds_order(const struct scan_bounds *a, const struct scan_bounds *b)
{
	if (a->least != b->least)
		return a->least < b->least ? 1 : -1;
	return (a->most < b->most) - (a->most > b->most);
}

/* Numbers of spans: [first, end). */
struct spans {
	uint64_t first, end;
};

/* Those that a mapping meets, and may have tables for: not under pages that are larger. */
static struct spans met(const struct scan_level *level, const struct scan_mapping *mapping)
{
	uint64_t first = mapping->start >> level->span_lg2;

	if (mapping->page_bytes >> level->span_lg2)
		return (struct spans){first, first};
	return (struct spans){first, ((mapping->end - 1) >> level->span_lg2) + 1};
}

/* Of these, those that lie in it. */
static struct spans within(const struct scan_level *level, const struct scan_mapping *mapping)
{
	struct spans spans = met(level, mapping);

	spans.first += mapping->start > spans.first << level->span_lg2;
	spans.end -= mapping->end < spans.end << level->span_lg2;
	return spans;
}

static uint64_t empty_bytes(const struct scan_level *level, struct spans spans)
{
	return scan_level_empty(level, spans.first, spans.end) * level->table_bytes;
}

/* The empty spans that meet any mapping, or any hidden one, each once. */
static uint64_t empty_all(const struct scan_process *process, const struct scan_tables *tables,
			  bool only_hidden)
{
	uint64_t bytes = 0;

	for (unsigned l = 0; l < tables->levels; l++) {
		const struct scan_level *level = &tables->level[l];
		uint64_t end = 0;

		for (size_t i = 0; i < process->n; i++) {
			struct spans spans = met(level, &process->mapping[i]);

			if (only_hidden && !process->mapping[i].hidden)
				continue;
			spans.first = spans.first < end ? end : spans.first;
			bytes += empty_bytes(level, spans);
			end = spans.end;
		}
	}
	return bytes;
}

/* What `some` of the empty spans, which are `empty` in all, hold of the waste ([S1], [S2]). */
static struct scan_bounds part(const struct scan_bounds *all, uint64_t some, uint64_t empty)
{
	return (struct scan_bounds){less(all->least, empty - some), least_of(all->most, some)};
}

static void the_whole(struct scan_waste *waste, const struct scan_process *process,
		      const struct scan_tables *tables)
{
	uint64_t huge = 0, anon = 0, block = 1ull << tables->level[0].span_lg2;
	uint64_t in_use;

	for (size_t i = 0; i < process->n; i++) {
		huge += process->mapping[i].huge_bytes;
		anon += process->mapping[i].anon_bytes;
	}
	waste->held = process->held;
	waste->aside = anon / block * tables->level[0].table_bytes;
	waste->hidden = empty_all(process, tables, true);
	for (unsigned l = 0; l < tables->levels; l++) {
		in_use = scan_level_below(&tables->level[l], UINT64_MAX);
		/* What a huge page spans was added as if it were pages: it needs no last table. */
		if (l == 0)
			in_use = less(in_use, huge / block);
		waste->needed += in_use * tables->level[l].table_bytes;
	}
	waste->all.most = less(waste->held, waste->needed + waste->aside);
	waste->all.least = less(waste->all.most, waste->hidden);
}

int scan_waste_open(struct scan_waste *waste, const struct scan_process *process,
		    const struct scan_tables *tables)
{
	uint64_t blocks = 0, empty = empty_all(process, tables, false);

	*waste = (struct scan_waste){.mapping = calloc(process->n, sizeof(*waste->mapping))};
	if (!waste->mapping)
		return -ENOMEM;
	the_whole(waste, process, tables);
	for (size_t i = 0; i < process->n; i++) {
		const struct scan_mapping *mapping = &process->mapping[i];
		uint64_t some = 0;

		for (unsigned l = 0; l < tables->levels; l++)
			some += empty_bytes(&tables->level[l], met(&tables->level[l], mapping));
		blocks += empty_bytes(&tables->level[0], within(&tables->level[0], mapping));
		waste->mapping[i] = part(&waste->all, some, empty);
	}
	waste->blocks = part(&waste->all, blocks, empty);
	return 0;
}

void scan_waste_close(struct scan_waste *waste)
{
	free(waste->mapping);
	*waste = (struct scan_waste){0};
}
