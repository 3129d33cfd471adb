/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * A progress line on a terminal. */
#include "progress.h"
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { SECOND = 1000000000, BETWEEN = 200000000 };

uint64_t progress_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec;
}

void progress_start(struct progress *progress, const char *what)
{
	*progress = (struct progress){
		.what = what, .start = progress_now(), .terminal = isatty(STDERR_FILENO)};
}

void progress_show(struct progress *progress, uint64_t done, uint64_t all)
{
	uint64_t now;

	if (!progress->terminal)
		return;
	now = progress_now();
	if (now - progress->start < SECOND || now - progress->shown < BETWEEN)
		return;
	progress->shown = now;
	fprintf(stderr, "\r%s: %llu %% ", progress->what,
		(unsigned long long)(all ? done * 100 / all : 100));
}

void progress_end(struct progress *progress)
{
	if (progress->shown)
		fprintf(stderr, "\r\033[K");
}
