/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * What a command line names; each says on standard error why there is no such thing. */
#ifndef GRACEWALK_CLI_GIVEN_H
#define GRACEWALK_CLI_GIVEN_H

#include "trace.h"
#include <gracewalk/gracewalk.h>

/* Says what is wrong with the command line. Return: the exit status, 2. */
int given_wrong(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* NULL: there is none of that name. */
const struct gw_format *given_format(const char *name);

/* NULL: it could not be read. */
struct trace *given_trace(const char *path);

/* A decimal, octal or hexadecimal number. */
bool given_number(const char *text, uint64_t *number);

#endif
