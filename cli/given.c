/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * What a command line names. */
#include "given.h"
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

int given_wrong(const char *format, ...)
{
	va_list arguments;

	fprintf(stderr, "gracewalk: ");
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fprintf(stderr, "\n");
	return 2;
}

const struct gw_format *given_format(const char *name)
{
	const struct gw_format *format = gw_format_find(name);

	if (format)
		return format;
	fprintf(stderr, "gracewalk: there is no format \"%s\"; there are", name);
	for (unsigned i = 0; gw_format_at(i); i++)
		fprintf(stderr, " %s", gw_format_at(i)->name);
	fprintf(stderr, "\n");
	return NULL;
}

struct trace *given_trace(const char *path)
{
	struct trace_error error;
	struct trace *trace;
	char line[512];

	if (!trace_open(path, &trace, &error))
		return trace;
	trace_error_print(&error, path, line, sizeof(line));
	fprintf(stderr, "gracewalk: %s\n", line);
	return NULL;
}

bool given_number(const char *text, uint64_t *number)
{
	char *end;

	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	*number = strtoull(text, &end, 0);
	return !errno && !*end;
}
