/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Where a program's tables lie in its address space, and how full they are, over time.
 *
 * Rows are ranges of addresses, upwards, that leave no address out; what no table ever mapped lies
 * at the end of the row below it. A row begins with the span of a table, and has as many of the
 * tables that ever were as the others, unless a gap cut it short.
 */
#ifndef GRACEWALK_CLI_COMPARE_MAP_H
#define GRACEWALK_CLI_COMPARE_MAP_H

#include "pgtable.h"

enum { MAP_ROWS = 96, MAP_MOMENTS = 240 };

struct map_row {
	uint64_t first; /* address */
	bool gap;       /* nothing lies right below it */
};

struct map_cell {
	uint64_t tables, present; /* present: their entries that are in use */
};

struct map {
	uint64_t span;    /* bytes that a table maps */
	uint64_t entries; /* of a table */
	uint64_t each;    /* places of tables in a row, at most */
	unsigned rows;
	struct map_row row[MAP_ROWS];
	struct map_cell (*cell)[MAP_MOMENTS]; /* of each row */
};

/* Chooses the rows by n addresses of pages that the program has at some time.
 * Return: 0, -ENOMEM. */
int map_open(struct map *map, const uint64_t *address, size_t n, uint64_t span, size_t leaf_bytes);
void map_close(struct map *map);

/* Notes the tables that there are at the moment of that number. */
void map_take(struct map *map, const struct pgtable *pgtable, unsigned moment);

#endif
