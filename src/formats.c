/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The formats that this library was built with. */
#include <gracewalk/gracewalk.h>

extern const struct gw_format gw_x86_64_ops, gw_s390x_ops, gw_index64_ops;

static const struct gw_format *const formats[] = {&gw_x86_64_ops, &gw_s390x_ops, &gw_index64_ops};

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
