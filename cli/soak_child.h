/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * A program, run to its end or to the end of patience. */
#ifndef GRACEWALK_CLI_SOAK_CHILD_H
#define GRACEWALK_CLI_SOAK_CHILD_H

#include <stdint.h>

enum child_end {
	CHILD_EXITED,      /* code: its exit status, 127 where it could not be run */
	CHILD_KILLED,      /* code: the signal */
	CHILD_HUNG,        /* it took too long, and was ended by SIGABRT: a core tells where */
	CHILD_INTERRUPTED, /* SIGINT or SIGTERM came for us, and it was ended */
};

struct child {
	enum child_end end;
	int code;
	double seconds;
	uint64_t peak_bytes; /* resident */
	char *output;        /* standard output and error, until child_free */
};

/* From here on SIGINT and SIGTERM wait until child_run sees them. */
void child_begin(void);

/* Runs argv, with the path of a program in front and NULL at the end, for so many seconds at most.
 * Return: 0, or -errno, and there is no child. */
int child_run(char *const *argv, double seconds, struct child *child);

void child_free(struct child *child);

/* Seconds on a clock that nobody sets. */
double child_now(void);

#endif
