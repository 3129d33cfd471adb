/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * A page table beside its model: each operation is done on both, and what is promised about it
 * checked. */
#ifndef GRACEWALK_TESTS_FIXTURE_H
#define GRACEWALK_TESTS_FIXTURE_H

#include "extents.h"
#include "fake_env.h"
#include <gracewalk/gracewalk.h>

enum {
	PAGE = 1 << GW_PAGE_LG2,
	PLAIN = GW_FMT_ATTRS_MUST, /* the least a leaf can have */
	WRITABLE = GW_FMT_ATTRS_MUST | (GW_FMT_ATTRS & GW_WRITE),
	FIX_TOP = GW_LEVELS - 1,
	SMALL = GW_VA_BITS <= 24, /* every page can be looked at after each step */
};
#define FIX_POISON 0xfeedfacefeedface

/* All addresses of this interface are in low form. The model's attributes are without
 * GW_CONTIGUOUS, which is a hint: it has a list of its own, of where a leaf may be a run. */
struct fixture {
	struct fake_env *f;
	bool owns_env; /* and the heaps that were given */
	struct gw_pt *pt;
	struct gw_heap *heap[GW_HEAPS_MAX]; /* given to the page table; NULL: it has its own */
	enum gw_policy policy;
	bool untold;        /* has no release callback */
	unsigned max_level; /* of leaves */
	unsigned top;       /* the root's level */
	uint64_t root_va;

	struct extents model;    /* what is mapped */
	struct extents hinted;   /* mapped with GW_CONTIGUOUS, and that not taken back since */
	struct extents awaiting; /* what was unmapped, not released yet; in no order, may overlap */
	struct extents deposits; /* leaves that have one */
	uint64_t call_began;     /* the stamp of the operation under way */

	unsigned invalidates; /* during the last operation */
	struct gw_range last;
	struct extent hull; /* all of them together; without bytes: none */
	void (*during)(struct fixture *x,
		       const struct gw_range *range); /* NULL, or called in each */
	unsigned sweeps;       /* invalidations by deferred calls, since creation */
	struct gw_range swept; /* by the last of them */
	uint64_t released;     /* bytes, since creation */
	bool destroyed;
	bool relaxed; /* memory may run out: how often is invalidated is left open */
	bool hurried; /* fix_over_limit says not to wait, so that calls may fail with -EBUSY */
	unsigned asked;

	/* What the last scan found. */
	struct extents runs; /* their attributes: what every entry has */
	uint64_t tables[GW_LEVELS], empty_tables;
};

/* The highest level that can have leaves; a number below GW_LEVELS. */
unsigned fix_leaf_level(void);

/* `opts` NULL, or policy, limit and heaps. */
void fix_start(struct fixture *x, const struct gw_opts *opts);
/* The same with heaps made for it, of so many tables a block; 0: as the format has them. */
void fix_start_heaps(struct fixture *x, const struct gw_opts *opts, unsigned tables_per_block);
/* As fix_start, on an environment that is there already; fix_end leaves it alone. */
void fix_start_on(struct fixture *x, struct fake_env *f, const struct gw_opts *opts);
/* The same without a release callback: what was unmapped counts as released when the next operation
 * begins. */
void fix_start_untold_on(struct fixture *x, struct fake_env *f, const struct gw_opts *opts);
/* Destroys the page table, and lets no grace period pass. */
void fix_destroy(struct fixture *x);
/* Destroys the page table, unless fix_destroy has, and checks that everything is released, and
 * given back, in the right order. */
void fix_end(struct fixture *x);

/* For opts.over_limit. */
bool fix_over_limit(void *ctx, size_t waiting);

/* Makes a heap of the format with poison on, for opts.heap. */
struct gw_heap *fix_heap(struct fake_env *f, unsigned number, unsigned tables_per_block);

/* Each does the same to the model if it succeeds, and checks the result against it. */
int fix_map(struct fixture *x, uint64_t va, uint64_t bytes, uint64_t out, uint32_t attr);
int fix_map_many(struct fixture *x, uint64_t va, const struct gw_piece *piece, size_t n,
		 uint32_t attr);
int fix_unmap(struct fixture *x, uint64_t va, uint64_t bytes);
int fix_protect(struct fixture *x, uint64_t va, uint64_t bytes, uint32_t attr);
int64_t fix_collapse(struct fixture *x, uint64_t va, uint64_t bytes, uint32_t flags);
int fix_split(struct fixture *x, uint64_t va);
int fix_replace(struct fixture *x, uint64_t va, uint64_t bytes, uint64_t out, uint32_t attr);
/* Leaves across an end of the range count whole. */
int fix_harvest(struct fixture *x, uint64_t va, uint64_t bytes, uint32_t take);
bool fix_touch(struct fixture *x, uint64_t va, uint32_t set);
int fix_remap(struct fixture *x, uint64_t from, uint64_t bytes, uint64_t to);
void fix_reclaim(struct fixture *x, uint64_t va, uint64_t bytes);
/* Sets a page's entry, to a leaf or to empty. Return: false: there is no table for it. */
bool fix_set(struct fixture *x, uint64_t va, bool leaf, uint64_t out, uint32_t attr);

/* What an MMU does behind everybody's back: it records GW_ACCESSED, GW_DIRTY or both in the leaf
 * that maps va; of a run, in the last entry. */
void fix_record(struct fixture *x, uint64_t va, uint32_t attr);

/* What is told of a leaf against the model's attributes. Of a run, an entry alone was looked at. */
void fix_assert_attr(const struct gw_leaf *leaf, uint32_t attr);
/* The page table against the model: every leaf, the walks, the structure. */
void fix_verify(struct fixture *x);
/* All tables but the root; after a scan. */
uint64_t fix_tables(struct fixture *x);
/* All grace periods, then: no table is empty. */
void fix_assert_exact(struct fixture *x);

/* The entry that a walk to va ends at. */
gw_entry *fix_entry(struct fixture *x, uint64_t va, unsigned *level);

#endif
