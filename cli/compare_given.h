/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * What a command line says of a comparison: sizes, schemes, when tables are freed. */
#ifndef GRACEWALK_CLI_COMPARE_GIVEN_H
#define GRACEWALK_CLI_COMPARE_GIVEN_H

#include "compare_run.h"
#include <popt.h>

/* As the command line has it. Strings are popt's copies, or NULL. */
struct compare_words {
	char *schemes, *arch, *page_size, *leaf_size, *unmap, *policy;
	int tables_per_page;
};

enum { COMPARE_ROWS = 8 };

/* A table of options that fill such words, for popt to include. */
void compare_rows(struct compare_words *words, struct poptOption rows[COMPARE_ROWS]);

/* What they ask for, with no rounds and no walkers. Return: 0; 2, with the reason on standard
 * error. */
int compare_given(const struct compare_words *words, struct compare_options *options);
void compare_words_free(struct compare_words *words);

#endif
