/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * What a scan found, in words or as JSON. */
#ifndef GRACEWALK_CLI_SCAN_TELL_H
#define GRACEWALK_CLI_SCAN_TELL_H

#include "scan_read.h"
#include <cjson/cJSON.h>

/* Why there is nothing to tell of a process, and what to do. `room`: for what is made up. */
const char *scan_tell_error(enum scan_error error, pid_t pid, char room[256]);

/* All of one process. */
void scan_tell(FILE *to, const struct scan *scan);
cJSON *scan_tell_json(const struct scan *scan);

/* Of one in a list. Ownership: this and the last are the caller's. */
cJSON *scan_tell_figures(const struct scan *scan);

/* In KiB: one figure, or "LEAST-MOST". */
enum { SCAN_BOUNDS_ROOM = 48 };
const char *scan_tell_bounds(char room[SCAN_BOUNDS_ROOM], const struct scan_bounds *bounds);

#endif
