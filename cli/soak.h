/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * A soak: one random mix of torture after the other. */
#ifndef GRACEWALK_CLI_SOAK_H
#define GRACEWALK_CLI_SOAK_H

#include <stdbool.h>
#include <stdint.h>

struct soak_options {
	double minutes;    /* and to the end of the mix that they end in */
	unsigned seconds;  /* of each mix */
	unsigned overtime; /* seconds more, and a mix hangs */
	uint64_t seed;     /* all choices follow from it */
	bool json;
};

/* Runs until the time is over, a mix fails, or SIGINT or SIGTERM comes; tells all on standard
 * output.
 * Return: the exit status, 0 or 1. */
int soak(const struct soak_options *options);

#endif
