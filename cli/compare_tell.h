/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * What a comparison found: as tables, as JSON, as points to plot. */
#ifndef GRACEWALK_CLI_COMPARE_TELL_H
#define GRACEWALK_CLI_COMPARE_TELL_H

#include "compare_run.h"
#include <cjson/cJSON.h>
#include <stdio.h>

/* One trace and what was found with it. */
struct compare_told {
	const char *path;
	const struct trace_meta *meta;
	const struct compare_options *options;
	const struct compare_outcome *outcome;
};

/* VmPTE at its highest, in bytes; 0 without samples. */
double compare_kernel_peak(const struct compare_told *told);

void compare_print(const struct compare_told *told);

/* Return: the caller's; NULL: no memory. */
cJSON *compare_json(const struct compare_told *told);

/* A table of comma-separated values: its first line, and the points of one trace. */
void compare_samples_head(FILE *file);
void compare_samples(FILE *file, const struct compare_told *told);

#endif
