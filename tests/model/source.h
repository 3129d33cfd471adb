/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The library's sources as they are, in one translation unit: a checker takes one. Functions of
 * several files that share a name, each static in its own, are told apart here. */
#ifndef GRACEWALK_TESTS_MODEL_SOURCE_H
#define GRACEWALK_TESTS_MODEL_SOURCE_H

#include "heap/defer.c"
#define take heap_take
#define fill heap_fill
#include "heap/heap.c"
#undef take
#undef fill

/* The page table, for a harness that names a format. */
#ifdef GW_FORMAT
#include "table/build.c"
#include "table/create.c"
#include "table/deposit.c"
#include "table/gather.c"
#define step map_step
#include "table/map.c"
#undef step
#include "table/reclaim.c"
#include "table/run.c"
#include "table/split.c"
#include "table/unmap.c"
#endif

#endif
