/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The tables that the entries of a process need, level by level.
 *
 * A span is what one table translates, numbered from address 0 in its own size. It is occupied
 * while any entry lies in it, and its table is then needed; the table of any other span is empty,
 * if there is one. */
#ifndef GRACEWALK_CLI_SCAN_TABLES_H
#define GRACEWALK_CLI_SCAN_TABLES_H

#include <gracewalk/gracewalk.h>
#include <stddef.h>
#include <stdint.h>

/* VmPTE counts at most so many levels (PTE, PMD, PUD), and never the root. */
enum { SCAN_LEVELS = 3 };

/* Occupied spans that follow one another. */
struct scan_run {
	uint64_t first, last; /* numbers */
	uint64_t before;      /* occupied spans below the first */
};

struct scan_level {
	unsigned leaf_lg2, span_lg2; /* bytes of an entry, of a table */
	uint64_t table_bytes;
	struct scan_run *run;
	size_t n, room;
};

struct scan_tables {
	unsigned levels; /* that count; 0 is that of the last tables */
	struct scan_level level[SCAN_LEVELS];
};

/* The lowest so many levels of a format. */
void scan_tables_open(struct scan_tables *tables, const struct gw_format *format, unsigned levels);
void scan_tables_close(struct scan_tables *tables);

/* The level of a leaf of so many bytes: the highest whose entries are no larger. */
unsigned scan_tables_leaf_level(const struct scan_tables *tables, uint64_t bytes);

/* There are entries all over [start, end), at that level. Called by ascending addresses.
 * Return: 0 or -ENOMEM. */
int scan_tables_add(struct scan_tables *tables, uint64_t start, uint64_t end, unsigned leaf_level);

/* The spans below `number` that are occupied. */
uint64_t scan_level_below(const struct scan_level *level, uint64_t number);

/* The spans in [first, end) that are not. */
uint64_t scan_level_empty(const struct scan_level *level, uint64_t first, uint64_t end);

#endif
