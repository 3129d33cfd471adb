/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Page tables read entry by entry, of any format, out of memory that is not trusted. */
#ifndef GRACEWALK_CLI_DUMP_WALK_H
#define GRACEWALK_CLI_DUMP_WALK_H

#include <gracewalk/gracewalk.h>

enum { DUMP_LEVELS = 8 }; /* more than any format has */

/* What a run of entries is. From DUMP_OUTSIDE on: a table that cannot be read. */
enum dump_kind {
	DUMP_HOLE,
	DUMP_LEAF,
	DUMP_OTHER,   /* neither empty, nor a leaf, nor a table */
	DUMP_OUTSIDE, /* the memory ends before the table does */
	DUMP_MISALIGNED,
	DUMP_LOOP,  /* the table is on the way to itself */
	DUMP_LIMIT, /* one table too many */
	DUMP_KINDS,
};

/* Entries that follow one another and say the same. */
struct dump_run {
	enum dump_kind kind;
	unsigned level;       /* of the table that they are in */
	uint64_t first, last; /* addresses, in the form that the format asks for */
	uint64_t count;       /* of entries; of tables that cannot be read */
	/* Of the first: a leaf's output address, the entry itself of DUMP_OTHER, a table's
	 * address. */
	uint64_t out;
	bool linear;    /* leaves: those after the first run on from its output address */
	uint32_t attr;  /* leaves */
	uint64_t other; /* leaves: as in struct gw_decoded */
};

struct dump_table {
	unsigned level;
	uint64_t address, first, last;
	uint64_t used, entries;
};

/* Where tables are read. */
struct dump_memory {
	/* The 8 bytes at a physical address. Return: false: there are none. */
	bool (*read)(void *ctx, uint64_t address, uint64_t *entry);
	void *ctx;
};

/* Told of each run, in ascending order. `table` may be NULL; where it is not, runs end at the edges
 * of tables. */
struct dump_sink {
	void (*run)(void *ctx, const struct dump_run *run);
	void (*table)(void *ctx, const struct dump_table *table);
	void *ctx;
};

struct dump_rules {
	bool holes;           /* tell of them too */
	bool linear;          /* leaves that do not run on start a new run */
	uint64_t first, last; /* entries without a byte of these are left out */
	uint64_t most_tables; /* that are read */
	/* What the page table is for (gw_opts.va, .bytes), of a format that has `ranges`; both 0:
	 * for all addresses. */
	uint64_t for_first, for_last;
};

struct dump_summary {
	uint64_t leaves[DUMP_LEVELS], tables[DUMP_LEVELS];
	uint64_t entries[DUMP_KINDS];
	uint64_t bytes;       /* mapped */
	uint64_t table_bytes; /* of the tables that were read, by their entries */
};

/* Reads all that is below a root, no deeper than the format goes. */
struct dump_summary dump_walk(const struct gw_format *format, const struct dump_memory *memory,
			      uint64_t root, const struct dump_rules *rules,
			      const struct dump_sink *sink);

/* Whether some table could not be read. */
bool dump_incomplete(const struct dump_summary *summary);

#endif
