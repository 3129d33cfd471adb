/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The formats that this library was built with. */
#include "formats.h"
#include <gracewalk/gracewalk.h>

#define DECLARE(format) extern const struct gw_format gw_##format##_ops;
#define ADDRESS(format) &gw_##format##_ops,

GW_FORMATS(DECLARE)

static const struct gw_format *const formats[] = {GW_FORMATS(ADDRESS)};

enum { FORMATS = sizeof(formats) / sizeof(formats[0]) };

const struct gw_format *gw_format_at(unsigned number)
{
	return number < FORMATS ? formats[number] : NULL;
}

const struct gw_format *gw_format_find(const char *name)
{
	for (unsigned i = 0; i < FORMATS; i++) {
		const char *a = formats[i]->name, *b = name;

		while (*a && *a == *b)
			a++, b++;
		if (*a == *b)
			return formats[i];
	}
	return NULL;
}
