/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * What the tests of dumps share: a page table in memory of the test's own, and what a dump of it
 * told. Compiled once a format. */
#ifndef GRACEWALK_TESTS_DUMP_FIXTURE_H
#define GRACEWALK_TESTS_DUMP_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <gracewalk/gracewalk.h>
#include "dump_image.h"

enum {
	PAGE = 1 << GW_PAGE_LG2,
	TOP = GW_LEVELS - 1,
	HEAP = 2 << 20,
	BYTES = GW_FMT_HEAPS * HEAP,
	MOST_RUNS = 1 << 16,
};
#define PHYS (1ull << 32)
#define HALF (1ull << (GW_VA_BITS - 1))

struct fixture {
	struct gw_env *env;
	struct gw_pt *pt;
	struct gw_opts opts;
	unsigned char *memory; /* stands for PHYS and on */
};

/* What was told. */
struct told {
	struct dump_run run[MOST_RUNS];
	unsigned n, tables;
	uint64_t used;
	struct dump_summary sum;
};

void fix_start(struct fixture *x);
void fix_start_for(struct fixture *x, uint64_t va, uint64_t bytes);
void fix_end(struct fixture *x);
uint64_t fix_root(const struct fixture *x);
/* Three short ranges far apart. */
void fix_fill(struct fixture *x);

/* Holes, linear runs, all addresses. */
extern const struct dump_rules fix_everything;

struct told *fix_told(void);
/* By way of a file, which goes with its descriptor. */
void fix_dump_file(const void *bytes, size_t size, uint64_t root, const struct dump_rules *rules,
		   bool swap, struct told *told);
/* Where the page table is. */
void fix_dump_here(struct fixture *x, const struct dump_rules *rules, bool tables,
		   struct told *told);

/* The rest of a test's main. */
#define FIX_RUN(name, tests) \
	(fix_begin(),        \
	 fix_finish(cmocka_run_group_tests_name(name " " GW_FMT_NAME, tests, NULL, NULL)))
void fix_begin(void);
int fix_finish(int failed);

#endif
