/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The page tables of this machine. */
#ifndef GRACEWALK_CLI_SCAN_MACHINE_H
#define GRACEWALK_CLI_SCAN_MACHINE_H

#include <gracewalk/gracewalk.h>

/* The format of a process with no address at or above `top`, and how many of its levels VmPTE
 * counts. NULL: this build does not know it. */
const struct gw_format *scan_machine_format(uint64_t top, unsigned *levels);

/* Whether discarding the span of a last table in one call frees the table ([R2] of space.c). */
bool scan_machine_reclaims(void);

#endif
