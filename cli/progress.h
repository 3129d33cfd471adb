/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * A line on a terminal for what takes over a second; nothing where the output is no terminal. */
#ifndef GRACEWALK_CLI_PROGRESS_H
#define GRACEWALK_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
	const char *what;
	uint64_t start, shown; /* ns */
	bool terminal;
};

uint64_t progress_now(void); /* CLOCK_MONOTONIC, ns */
void progress_start(struct progress *progress, const char *what);
void progress_show(struct progress *progress, uint64_t done, uint64_t all);
void progress_end(struct progress *progress);

#endif
