/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Charts by gnuplot. No shell is between, and none of a trace's words may be in a script. */
#ifndef GRACEWALK_CLI_GNUPLOT_H
#define GRACEWALK_CLI_GNUPLOT_H

#include <stdio.h>

/* The version as gnuplot has it, up to its first 79 bytes. Return: 0; negative, with the reason and
 * what mends it on standard error. */
int gnuplot_version(char version[80]);

struct gnuplot {
	FILE *script; /* what is written here is run by gnuplot_run */
	int in, out;  /* files in memory */
};

/* Return: 0, or negative with the reason on standard error. */
int gnuplot_open(struct gnuplot *gnuplot);

/* Runs the script, and ends all. Return: 0, with what it printed in *text, the caller's to free;
 * negative, with the reason on standard error. */
int gnuplot_run(struct gnuplot *gnuplot, char **text);

#endif
