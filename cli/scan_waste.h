/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * What a process's page tables waste.
 *
 * The kernel tells one figure, the bytes of all tables (VmPTE), and where there are entries; not
 * where there are tables. So the waste of the whole is known, and for a part of it two bounds:
 *
 * [S1] A table is held only where its span meets a mapping: the kernel frees the others when
 *      mappings go away ([R1] of space.c). Empty tables are at most the empty spans that meet one.
 * [S2] What all other empty spans cannot hold of the waste, these do.
 */
#ifndef GRACEWALK_CLI_SCAN_WASTE_H
#define GRACEWALK_CLI_SCAN_WASTE_H

#include "scan_process.h"
#include "scan_tables.h"

/* In bytes of tables. Equal where the figure is known. */
struct scan_bounds {
	uint64_t least, most;
};

/* The order of lists: most waste first, by what is certain, then by what can be. Return: below, at
 * or above 0, as of qsort. */
int scan_bounds_order(const struct scan_bounds *a, const struct scan_bounds *b);

struct scan_waste {
	uint64_t held;   /* VmPTE */
	uint64_t needed; /* by entries */
	uint64_t aside;  /* the last tables kept for splitting huge pages */
	uint64_t hidden; /* at most needed by mappings whose pages are not shown */
	/* Held, and neither needed nor set aside. */
	struct scan_bounds all;
	/* Of it, what one discard of each whole span of a last table would free, where the kernel
	 * does that. */
	struct scan_bounds blocks;
	/* Of it, the tables whose span meets a mapping; one may meet two. */
	struct scan_bounds *mapping;
};

/* Return: 0, or -ENOMEM. Ownership: the caller closes it, whatever was returned. */
int scan_waste_open(struct scan_waste *waste, const struct scan_process *process,
		    const struct scan_tables *tables);
void scan_waste_close(struct scan_waste *waste);

#endif
