/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The lab's schemes, for the eye. */
#ifndef GRACEWALK_CLI_SCHEME_LIST_H
#define GRACEWALK_CLI_SCHEME_LIST_H

#include "lab.h"
#include <stdio.h>

/* NAME, or NAME:SWITCH,SWITCH... as lab_scheme_parse takes it. Return: `word`. */
const char *scheme_word(const struct lab_scheme *scheme, unsigned switches, char word[64]);

/* Every scheme: what it is, its switches, and what it breaks with which of them. */
void scheme_list(FILE *to);

#endif
