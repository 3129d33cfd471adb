/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Every process, scanned one after the other. */
#ifndef GRACEWALK_CLI_SCAN_ALL_H
#define GRACEWALK_CLI_SCAN_ALL_H

#include "scan_read.h"
#include <cjson/cJSON.h>

struct scan_all {
	struct scan
		*scan; /* most waste first: by what is certain, by what can be, by what is held */
	size_t n, room;
	unsigned denied, kernel, ended, failed; /* those left out */
	uint64_t denied_bytes;                  /* VmPTE of those that may not be read */
};

/* Ownership: the caller closes it, whatever was returned. */
enum scan_error scan_all_open(struct scan_all *all);
void scan_all_close(struct scan_all *all);

/* At most so many lines of processes. */
void scan_all_tell(FILE *to, const struct scan_all *all, size_t lines);
cJSON *scan_all_json(const struct scan_all *all);

#endif
