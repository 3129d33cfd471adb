/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Looking at many pages at once, against the model: cursors, many walks, holes. */
#ifndef GRACEWALK_TESTS_LOOK_H
#define GRACEWALK_TESTS_LOOK_H

#include "fixture.h"

/* Goes over a range with a cursor that is paused after each `pause` reports; 0: never. */
void look_along(struct fixture *x, uint64_t va, uint64_t bytes, unsigned pause);
/* Looks up addresses, which may be any, together and one by one. */
enum { LOOK_MANY = 100 };
void look_at_many(struct fixture *x, const uint64_t *va, unsigned n);
/* Looks for a hole. Return: as gw_find_hole. */
int look_for_hole(struct fixture *x, uint64_t va, uint64_t bytes, uint64_t size, uint64_t align);

#endif
