/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The lab's schemes, for the eye. */
#include "scheme_list.h"
#include <string.h>

enum { WORD = 64 };

const char *scheme_word(const struct lab_scheme *scheme, unsigned switches, char word[WORD])
{
	const char *between = ":";

	snprintf(word, WORD, "%s", scheme->name);
	for (unsigned i = 0; i < LAB_SWITCHES; i++) {
		size_t length = strlen(word);

		if (!(switches >> i & 1))
			continue;
		snprintf(word + length, WORD - length, "%s%s", between, scheme->switch_[i].name);
		between = ",";
	}
	return word;
}

static unsigned switch_count(const struct lab_scheme *scheme)
{
	unsigned n = 0;

	while (n < LAB_SWITCHES && scheme->switch_[n].name)
		n++;
	return n;
}

/* The least number of tables in a page at which something breaks; 0: sound. */
static unsigned breaks_from(const struct lab_scheme *scheme, unsigned switches,
			    enum lab_invariant *invariant)
{
	for (unsigned tables = 1; tables <= scheme->tables_max; tables *= 2) {
		*invariant = lab_scheme_breaks(scheme, switches, tables);
		if (*invariant)
			return tables;
	}
	return 0;
}

static void print_soundness(FILE *to, const struct lab_scheme *scheme, unsigned switches)
{
	enum lab_invariant invariant;
	unsigned tables = breaks_from(scheme, switches, &invariant);
	char word[WORD];

	fprintf(to, "    %-36s ", scheme_word(scheme, switches, word));
	if (tables)
		fprintf(to, "breaks %s with %u table%s a page or more\n",
			lab_invariant_name(invariant), tables, tables == 1 ? "" : "s");
	else
		fprintf(to, "sound\n");
}

static void print_scheme(FILE *to, const struct lab_scheme *scheme)
{
	unsigned n = switch_count(scheme);

	fprintf(to, "%s\n    %s\n    at most %u tables a page\n", scheme->name, scheme->text,
		scheme->tables_max);
	for (unsigned i = 0; i < n; i++)
		fprintf(to, "    switch %-29s %s\n", scheme->switch_[i].name,
			scheme->switch_[i].text);
	for (unsigned switches = 0; switches < 1u << n; switches++)
		print_soundness(to, scheme, switches);
}

void scheme_list(FILE *to)
{
	for (unsigned i = 0; lab_scheme_at(i); i++)
		print_scheme(to, lab_scheme_at(i));
}
