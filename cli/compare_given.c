/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * What a command line says of a comparison: sizes, schemes, when tables are freed. */
#include "compare_given.h"
#include "given.h"
#include "scheme_list.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SMALL = 4096, LARGE = 65536, TABLE_BYTES_MIN = 64 };

/* ---- Sizes ---- */

#define ARCH_NAMES "x86-64, s390, ppc64-hash, ppc64-radix, user"

static const struct arch {
	const char *name;
	size_t page_bytes, leaf_bytes;
	unsigned tables_per_page;
} archs[] = {
	{"x86-64", SMALL, SMALL, 1},      {"s390", SMALL, SMALL, 2},
	{"ppc64-hash", LARGE, LARGE, 16}, {"ppc64-radix", LARGE, LARGE, 256},
	{"user", LARGE, SMALL, 16},
};

static int apply_arch(const char *name, struct compare_options *o)
{
	for (size_t i = 0; i < sizeof(archs) / sizeof(archs[0]); i++) {
		if (strcmp(name, archs[i].name))
			continue;
		o->page_bytes = archs[i].page_bytes;
		o->leaf_bytes = archs[i].leaf_bytes;
		o->tables_per_page = archs[i].tables_per_page;
		return 0;
	}
	return given_wrong("there is no architecture \"%s\"; there are " ARCH_NAMES, name);
}

/* 4k, 4K or 4096: 0 if it is no size from 4 to 64 KiB. */
static size_t parse_size(const char *word)
{
	char *end;
	unsigned long size = strtoul(word, &end, 10);

	if (*end == 'k' || *end == 'K') {
		size = size <= LARGE ? size * 1024 : 0;
		end++;
	}
	return *end || size < SMALL || size > LARGE || size & (size - 1) ? 0 : size;
}

static int apply_size(const char *option, const char *word, size_t *bytes)
{
	*bytes = parse_size(word);
	if (!*bytes)
		return given_wrong("%s is 4k, 8k, 16k, 32k or 64k, not \"%s\"", option, word);
	return 0;
}

static int check_tables(const struct compare_options *o)
{
	unsigned n = o->tables_per_page;

	if (!n || n > LAB_TABLES_PER_PAGE_MAX || n & (n - 1))
		return given_wrong("--tables-per-page is a power of two from 1 to %d",
				   LAB_TABLES_PER_PAGE_MAX);
	if (o->page_bytes / n < TABLE_BYTES_MIN)
		return given_wrong(
			"%u tables in a page of %zu bytes are too small: at least %d bytes "
			"each",
			n, o->page_bytes, TABLE_BYTES_MIN);
	return 0;
}

/* A preset first, then what was said besides. */
static int apply_sizes(const struct compare_words *words, struct compare_options *o)
{
	int status = words->arch ? apply_arch(words->arch, o) : 0;

	if (!status && words->page_size) {
		status = apply_size("--page-size", words->page_size, &o->page_bytes);
		if (!words->arch)
			o->leaf_bytes = o->page_bytes;
	}
	if (!status && words->leaf_size)
		status = apply_size("--leaf-size", words->leaf_size, &o->leaf_bytes);
	if (words->tables_per_page)
		o->tables_per_page = (unsigned)words->tables_per_page;
	return status ? status : check_tables(o);
}

/* ---- Schemes ---- */

static const char *const default_list[] = {
	"head-per-page:own-page", "head-per-table",     "side-struct:queue-test,full-period",
	"biased-refcount",        "last-table-out",     "halves",
	"three-states",           "three-states/batch", "last-table-out/batch",
};

/* Return: whether the word names a way to unmap. */
static bool parse_unmap(const char *word, enum lab_unmap *unmap)
{
	for (*unmap = LAB_UNMAP_SINGLE; lab_unmap_names[*unmap]; ++*unmap)
		if (!strcmp(word, lab_unmap_names[*unmap]))
			return true;
	return false;
}

static bool is_there(const struct compare_options *o, const struct compare_entry *entry)
{
	for (unsigned i = 0; i < o->n; i++)
		if (!strcmp(o->entry[i].name, entry->name))
			return true;
	return false;
}

/* NAME[:SWITCH,...][/UNMAP]; `usual` is what is unmapped by where nothing is said. */
static int parse_entry(const char *word, enum lab_unmap usual, struct compare_entry *entry)
{
	char copy[64], sorted[64], why[160], *slash;

	*entry = (struct compare_entry){.unmap = usual};
	if (snprintf(copy, sizeof(copy), "%s", word) >= (int)sizeof(copy))
		return given_wrong("\"%.40s...\" is too long for a scheme", word);
	slash = strchr(copy, '/');
	if (slash) {
		*slash++ = 0;
		if (!parse_unmap(slash, &entry->unmap))
			return given_wrong("after \"%s/\" comes single, batch or ipi, not \"%s\"",
					   copy, slash);
	}
	if (lab_scheme_parse(copy, &entry->scheme, &entry->switches, why))
		return given_wrong("%s", why);
	snprintf(entry->name, sizeof(entry->name), "%s%s%s",
		 scheme_word(entry->scheme, entry->switches, sorted),
		 entry->unmap == LAB_UNMAP_SINGLE ? "" : "/",
		 entry->unmap == LAB_UNMAP_SINGLE ? "" : lab_unmap_names[entry->unmap]);
	return 0;
}

static int add_entry(struct compare_options *o, const char *word, enum lab_unmap usual)
{
	struct compare_entry entry;
	int status = parse_entry(word, usual, &entry);
	enum lab_invariant broken;

	if (status)
		return status;
	if (o->tables_per_page > entry.scheme->tables_max)
		return given_wrong("the scheme %s is for at most %u tables in a page, not %u",
				   entry.scheme->name, entry.scheme->tables_max,
				   o->tables_per_page);
	broken = lab_scheme_breaks(entry.scheme, entry.switches, o->tables_per_page);
	if (broken)
		return given_wrong(
			"%s breaks %s, with %u table(s) in a page: see gracewalk torture",
			entry.name, lab_invariant_name(broken), o->tables_per_page);
	if (is_there(o, &entry))
		return given_wrong("%s is there twice", entry.name);
	if (o->n == COMPARE_ENTRIES_MAX)
		return given_wrong("more than %d schemes at once", COMPARE_ENTRIES_MAX);
	o->entry[o->n++] = entry;
	return 0;
}

/* All that can do so many tables; with another --unmap than single some are the same. */
static int add_defaults(struct compare_options *o, enum lab_unmap usual)
{
	for (size_t i = 0; i < sizeof(default_list) / sizeof(default_list[0]); i++) {
		struct compare_entry entry;

		if (parse_entry(default_list[i], usual, &entry))
			return 2;
		if (o->tables_per_page <= entry.scheme->tables_max && !is_there(o, &entry))
			o->entry[o->n++] = entry;
	}
	return 0;
}

static int add_list(struct compare_options *o, char *list, enum lab_unmap usual)
{
	char *rest = NULL;
	int status = 0;

	for (char *word = strtok_r(list, " +\t\n", &rest); word && !status;
	     word = strtok_r(NULL, " +\t\n", &rest))
		status = add_entry(o, word, usual);
	if (!status && !o->n)
		return given_wrong("--schemes names none");
	return status;
}

static int apply_schemes(const struct compare_words *words, struct compare_options *o)
{
	enum lab_unmap usual = LAB_UNMAP_SINGLE;

	if (words->unmap && !parse_unmap(words->unmap, &usual))
		return given_wrong("--unmap is single, batch or ipi, not \"%s\"", words->unmap);
	return words->schemes ? add_list(o, words->schemes, usual) : add_defaults(o, usual);
}

/* ---- All of it ---- */

void compare_rows(struct compare_words *words, struct poptOption rows[COMPARE_ROWS])
{
	const struct poptOption all[COMPARE_ROWS] = {
		{"schemes", 's', POPT_ARG_STRING, &words->schemes, 0,
		 "which to compare (default: all sound ones, and two of them with batches)",
		 "LIST"},
		{"arch", 'a', POPT_ARG_STRING, &words->arch, 0, "sizes as on: " ARCH_NAMES, "NAME"},
		{"page-size", 0, POPT_ARG_STRING, &words->page_size, 0,
		 "of what tables are cut from: 4k (the default) to 64k", "SIZE"},
		{"tables-per-page", 0, POPT_ARG_INT, &words->tables_per_page, 0,
		 "1 to 256 (default: 2)", "N"},
		{"leaf-size", 0, POPT_ARG_STRING, &words->leaf_size, 0,
		 "what an entry maps: 4k to 64k (default: the page size)", "SIZE"},
		{"unmap", 'u', POPT_ARG_STRING, &words->unmap, 0,
		 "how unlinked tables are freed: single (by the scheme, the default), batch (a "
		 "callback for many), ipi (by a rendezvous; walkers have interrupts off)",
		 "WAY"},
		{"policy", 'p', POPT_ARG_STRING, &words->policy, 0,
		 "when tables are freed: exact (when empty, the default) or linux (the kernel's "
		 "rules)",
		 "POLICY"},
		POPT_TABLEEND,
	};

	memcpy(rows, all, sizeof(all));
}

int compare_given(const struct compare_words *words, struct compare_options *o)
{
	int status;

	*o = (struct compare_options){
		.page_bytes = SMALL,
		.leaf_bytes = SMALL,
		.tables_per_page = 2,
		.linux_rules = words->policy && !strcmp(words->policy, "linux"),
	};
	if (words->policy && strcmp(words->policy, "exact") && !o->linux_rules)
		return given_wrong("--policy is exact or linux");
	status = apply_sizes(words, o);
	return status ? status : apply_schemes(words, o);
}

void compare_words_free(struct compare_words *words)
{
	free(words->schemes);
	free(words->arch);
	free(words->page_size);
	free(words->leaf_size);
	free(words->unmap);
	free(words->policy);
}
