/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The command `gracewalk compare`: a recorded program's tables under every scheme. */
#include "compare.h"
#include "compare_run.h"
#include "compare_tell.h"
#include "given.h"
#include "lab_walk.h"
#include "scheme_list.h"
#include <errno.h>
#include <popt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* As the command line has it. Strings are popt's copies, or NULL. */
struct words {
	char *schemes, *arch, *page_size, *leaf_size, *unmap, *policy, *samples;
	int tables_per_page, walkers, rounds, json;
};

enum { SMALL = 4096, LARGE = 65536, TABLE_BYTES_MIN = 64 };

static int refuse(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Says what is wrong with the command line. Return: the exit status. */
static int refuse(const char *format, ...)
{
	va_list arguments;

	fprintf(stderr, "gracewalk: ");
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fprintf(stderr, "\n");
	return 2;
}

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
	return refuse("there is no architecture \"%s\"; there are " ARCH_NAMES, name);
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
		return refuse("%s is 4k, 8k, 16k, 32k or 64k, not \"%s\"", option, word);
	return 0;
}

static int check_tables(const struct compare_options *o)
{
	unsigned n = o->tables_per_page;

	if (!n || n > LAB_TABLES_PER_PAGE_MAX || n & (n - 1))
		return refuse("--tables-per-page is a power of two from 1 to %d",
			      LAB_TABLES_PER_PAGE_MAX);
	if (o->page_bytes / n < TABLE_BYTES_MIN)
		return refuse("%u tables in a page of %zu bytes are too small: at least %d bytes "
			      "each",
			      n, o->page_bytes, TABLE_BYTES_MIN);
	return 0;
}

/* A preset first, then what was said besides. */
static int apply_sizes(const struct words *words, struct compare_options *o)
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
		return refuse("\"%.40s...\" is too long for a scheme", word);
	slash = strchr(copy, '/');
	if (slash) {
		*slash++ = 0;
		if (!parse_unmap(slash, &entry->unmap))
			return refuse("after \"%s/\" comes single, batch or ipi, not \"%s\"", copy,
				      slash);
	}
	if (lab_scheme_parse(copy, &entry->scheme, &entry->switches, why))
		return refuse("%s", why);
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
		return refuse("the scheme %s is for at most %u tables in a page, not %u",
			      entry.scheme->name, entry.scheme->tables_max, o->tables_per_page);
	broken = lab_scheme_breaks(entry.scheme, entry.switches, o->tables_per_page);
	if (broken)
		return refuse("%s breaks %s, with %u table(s) in a page: see gracewalk torture",
			      entry.name, lab_invariant_name(broken), o->tables_per_page);
	if (is_there(o, &entry))
		return refuse("%s is there twice", entry.name);
	if (o->n == COMPARE_ENTRIES_MAX)
		return refuse("more than %d schemes at once", COMPARE_ENTRIES_MAX);
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
		return refuse("--schemes names none");
	return status;
}

static int apply_schemes(const struct words *words, struct compare_options *o)
{
	enum lab_unmap usual = LAB_UNMAP_SINGLE;

	if (words->unmap && !parse_unmap(words->unmap, &usual))
		return refuse("--unmap is single, batch or ipi, not \"%s\"", words->unmap);
	return words->schemes ? add_list(o, words->schemes, usual) : add_defaults(o, usual);
}

/* ---- The rest of the command line ---- */

static int apply_words(const struct words *words, struct compare_options *o)
{
	int status;

	*o = (struct compare_options){
		.page_bytes = SMALL,
		.leaf_bytes = SMALL,
		.tables_per_page = 2,
		.linux_rules = words->policy && !strcmp(words->policy, "linux"),
		.walkers = (unsigned)words->walkers,
		.rounds = (unsigned)words->rounds,
	};
	if (words->policy && strcmp(words->policy, "exact") && !o->linux_rules)
		return refuse("--policy is exact or linux");
	if (words->walkers < 0 || words->walkers > LAB_WALK_THREADS_MAX)
		return refuse("--walkers is a number from 0 to %d", LAB_WALK_THREADS_MAX);
	if (words->rounds < 0 || words->rounds > COMPARE_ROUNDS_MAX)
		return refuse("--rounds is a number from 0 to %d", COMPARE_ROUNDS_MAX);
	status = apply_sizes(words, o);
	return status ? status : apply_schemes(words, o);
}

static void help(poptContext context)
{
	poptPrintHelp(context, stdout, 0);
	fputs("\nA scheme is NAME[:SWITCH,...], with /single, /batch or /ipi for another --unmap; "
	      "spaces or + part them.\n"
	      "\nMemory is measured at the recorded pace, by one updater without walkers; where "
	      "nothing waits for a grace\nperiod, the time to the next event is skipped and counts "
	      "as long as it was. Only tables of the last level count.\n"
	      "  held      pages, and the batches of tables being freed: peak, and mean over the "
	      "program's life\n"
	      "  wasted    held, but neither in use nor waiting for a grace period; % of the mean "
	      "held\n"
	      "  reuse     from a table's free until its memory is used again or its page is "
	      "back\n"
	      "  tables    built; freed after a grace period\n"
	      "  callbacks, GPs (grace periods): how many; bytes a page: kept beside each page, "
	      "the rcu_head among them\n"
	      "\nSpeed is measured as fast as the trace can be replayed, while walkers look up "
	      "pages that it touches.\n"
	      "  updater   ns of its processor time, an operation that changed something; the time "
	      "to decode the\n            trace is taken off\n"
	      "  walker    million walks in a second of its processor time\n",
	      stdout);
}

/* ---- Comparing ---- */

struct output {
	FILE *samples;
	cJSON *traces; /* NULL: tables are printed */
	unsigned told;
};

static void tell(struct output *output, const struct compare_told *told)
{
	if (output->samples)
		compare_samples(output->samples, told);
	if (output->traces) {
		cJSON_AddItemToArray(output->traces, compare_json(told));
	} else {
		if (output->told++)
			printf("\n");
		compare_print(told);
	}
}

/* Return: the exit status. */
static int tell_failures(const struct compare_told *told)
{
	int status = 0;

	for (unsigned i = 0; i < told->options->n; i++) {
		if (!told->outcome->result[i].failure[0])
			continue;
		fprintf(stderr, "gracewalk: %s\n", told->outcome->result[i].failure);
		status = 1;
	}
	return status;
}

static int compare_trace(const struct compare_options *options, const char *path,
			 struct output *output)
{
	struct compare_outcome outcome;
	struct trace *trace = given_trace(path);
	char why[300];
	int status = 1;

	if (!trace)
		return 1;
	if (compare_run(options, trace, &outcome, why)) {
		fprintf(stderr, "gracewalk: %s: %s\n", path, why);
	} else {
		const struct compare_told told = {path, trace_meta(trace), options, &outcome};

		tell(output, &told);
		status = tell_failures(&told);
	}
	compare_close(options, &outcome);
	trace_close(trace);
	return status;
}

static int compare_traces(const struct compare_options *options, const char **paths,
			  struct output *output)
{
	int status = 0;

	if (output->samples)
		compare_samples_head(output->samples);
	for (; *paths; paths++)
		status |= compare_trace(options, *paths, output);
	return status;
}

static int print_json(cJSON *traces)
{
	cJSON *all = cJSON_CreateObject();
	char *text;

	cJSON_AddItemToObject(all, "traces", traces);
	text = cJSON_Print(all);
	cJSON_Delete(all);
	if (!text) {
		fprintf(stderr, "gracewalk: there is not enough memory\n");
		return 1;
	}
	puts(text);
	free(text);
	return 0;
}

static int close_samples(FILE *file, const char *path)
{
	int lost = ferror(file);

	if (!fclose(file) && !lost)
		return 0;
	fprintf(stderr, "gracewalk: %s: could not be written\n", path);
	return 1;
}

static int compare_all(const struct words *words, const struct compare_options *options,
		       const char **paths)
{
	struct output output = {0};
	int status;

	if (words->samples) {
		output.samples = fopen(words->samples, "w");
		if (!output.samples) {
			fprintf(stderr, "gracewalk: %s: %s\n", words->samples, strerror(errno));
			return 1;
		}
	}
	if (words->json)
		output.traces = cJSON_CreateArray();
	status = compare_traces(options, paths, &output);
	if (output.traces)
		status |= print_json(output.traces);
	if (output.samples)
		status |= close_samples(output.samples, words->samples);
	return status;
}

static void words_free(struct words *words)
{
	free(words->schemes);
	free(words->arch);
	free(words->page_size);
	free(words->leaf_size);
	free(words->unmap);
	free(words->policy);
	free(words->samples);
}

static int run(poptContext context, const struct words *words)
{
	struct compare_options options;
	int word = poptGetNextOpt(context), status;
	const char **paths;

	if (word == 'h') {
		help(context);
		return 0;
	}
	if (word < -1)
		return refuse("%s: %s", poptBadOption(context, 0), poptStrerror(word));
	paths = poptGetArgs(context);
	if (!paths)
		return refuse("name a trace: gracewalk compare TRACE...; gracewalk record makes "
			      "one");
	status = apply_words(words, &options);
	return status ? status : compare_all(words, &options, paths);
}

int compare_main(int argc, const char **argv)
{
	struct words words = {.walkers = 1, .rounds = 5};
	const struct poptOption table[] = {
		{"schemes", 's', POPT_ARG_STRING, &words.schemes, 0,
		 "which to compare (default: all sound ones, and two of them with batches)",
		 "LIST"},
		{"arch", 'a', POPT_ARG_STRING, &words.arch, 0, "sizes as on: " ARCH_NAMES, "NAME"},
		{"page-size", 0, POPT_ARG_STRING, &words.page_size, 0,
		 "of what tables are cut from: 4k (the default) to 64k", "SIZE"},
		{"tables-per-page", 0, POPT_ARG_INT, &words.tables_per_page, 0,
		 "1 to 256 (default: 2)", "N"},
		{"leaf-size", 0, POPT_ARG_STRING, &words.leaf_size, 0,
		 "what an entry maps: 4k to 64k (default: the page size)", "SIZE"},
		{"unmap", 'u', POPT_ARG_STRING, &words.unmap, 0,
		 "how unlinked tables are freed: single (by the scheme, the default), batch (a "
		 "callback for many), ipi (by a rendezvous; walkers have interrupts off)",
		 "WAY"},
		{"policy", 'p', POPT_ARG_STRING, &words.policy, 0,
		 "when tables are freed: exact (when empty, the default) or linux (the kernel's "
		 "rules)",
		 "POLICY"},
		{"walkers", 'w', POPT_ARG_INT | POPT_ARGFLAG_SHOW_DEFAULT, &words.walkers, 0,
		 "threads that walk while speed is measured", "N"},
		{"rounds", 'r', POPT_ARG_INT | POPT_ARGFLAG_SHOW_DEFAULT, &words.rounds, 0,
		 "of measuring speed, schemes in turn; 0: memory only", "N"},
		{"samples", 'o', POPT_ARG_STRING, &words.samples, 0,
		 "write what is held over time, as comma-separated values", "FILE"},
		{"json", 'j', POPT_ARG_NONE, &words.json, 0, "print JSON", NULL},
		{"help", '?', POPT_ARG_NONE, NULL, 'h', "this text", NULL},
		POPT_TABLEEND,
	};
	poptContext context = poptGetContext("gracewalk compare", argc, argv, table, 0);
	int status;

	poptSetOtherOptionHelp(context, "[OPTIONS] TRACE...");
	status = run(context, &words);
	poptFreeContext(context);
	words_free(&words);
	return status;
}
