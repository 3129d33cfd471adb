/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * A page table in words, or as JSON, while it is read. */
#ifndef GRACEWALK_CLI_DUMP_TELL_H
#define GRACEWALK_CLI_DUMP_TELL_H

#include "dump_walk.h"
#include <cjson/cJSON.h>
#include <stdio.h>

struct dump_tell {
	FILE *to;
	const struct gw_format *format;
	bool json, tables;
	bool began; /* the first object of the JSON's list is out */
};

/* Where the tables come from: in words, or the first members of the JSON; `source` stays the
 * caller's. */
void dump_tell_head(struct dump_tell *tell, const char *words, const cJSON *source);
struct dump_sink dump_tell_sink(struct dump_tell *tell);
void dump_tell_end(struct dump_tell *tell, const struct dump_summary *summary);

#endif
