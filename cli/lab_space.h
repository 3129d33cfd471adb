/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * A recorded program's pages in the lab's address space. */
#ifndef GRACEWALK_CLI_LAB_SPACE_H
#define GRACEWALK_CLI_LAB_SPACE_H

#include "pgtable.h"
#include "present.h"
#include "space.h"

/* For a space: these operations on a struct pgtable, which is their context. */
extern const struct space_ops lab_space_ops;

/* Operations that do nothing, without a context: what is left is the cost of the trace itself. */
extern const struct space_ops no_space_ops;

/* What a trace comes to, found by carrying it out once. */
struct survey {
	struct lab *lab; /* of pgtable */
	struct pgtable *pgtable;
	struct present present;
	uint64_t operations; /* calls that changed a page or freed or made a table */
	uint64_t *touched;   /* addresses of pages that were mapped at some time: all, or every */
	size_t n, room;      /* step-th of them, so that they are not too many */
	uint64_t step, seen;
};

/* As lab_space_ops, with a struct survey as their context. */
extern const struct space_ops survey_ops;

void survey_close(struct survey *survey);

#endif
