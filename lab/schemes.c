/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The schemes by name. */
#include "lab.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

extern const struct lab_scheme lab_head_per_page, lab_head_per_table, lab_side_struct,
	lab_biased_refcount, lab_last_table_out, lab_halves, lab_three_states;

static const struct lab_scheme *const schemes[] = {
	&lab_head_per_page,  &lab_head_per_table, &lab_side_struct,  &lab_biased_refcount,
	&lab_last_table_out, &lab_halves,         &lab_three_states, NULL,
};

const struct lab_scheme *lab_scheme_at(unsigned i)
{
	return schemes[i];
}

enum lab_invariant lab_scheme_breaks(const struct lab_scheme *scheme, unsigned switches,
				     unsigned tables_per_page)
{
	return scheme->breaks ? scheme->breaks(switches, tables_per_page) : 0;
}

static const struct lab_scheme *find(const char *name, size_t length)
{
	for (unsigned i = 0; schemes[i]; i++)
		if (strlen(schemes[i]->name) == length && !strncmp(schemes[i]->name, name, length))
			return schemes[i];
	return NULL;
}

/* Return: the switch's number, or LAB_SWITCHES. */
static unsigned find_switch(const struct lab_scheme *scheme, const char *name, size_t length)
{
	unsigned i = 0;

	while (i < LAB_SWITCHES &&
	       (!scheme->switch_[i].name || strlen(scheme->switch_[i].name) != length ||
		strncmp(scheme->switch_[i].name, name, length)))
		i++;
	return i;
}

int lab_scheme_parse(const char *word, const struct lab_scheme **scheme, unsigned *switches,
		     char why[160])
{
	size_t length = strcspn(word, ":");

	*switches = 0;
	*scheme = find(word, length);
	if (!*scheme) {
		snprintf(why, 160, "there is no scheme \"%.*s\"", (int)length, word);
		return -EINVAL;
	}
	for (word += length; *word; word += length) {
		unsigned i;

		word++;
		length = strcspn(word, ",");
		i = find_switch(*scheme, word, length);
		if (i == LAB_SWITCHES) {
			snprintf(why, 160, "the scheme %s has no switch \"%.*s\"", (*scheme)->name,
				 (int)length, word);
			return -EINVAL;
		}
		*switches |= 1u << i;
	}
	return 0;
}
