/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The command `gracewalk compare`: a recorded program's tables under every scheme. */
#include "compare.h"
#include "compare_given.h"
#include "compare_tell.h"
#include "given.h"
#include "lab_walk.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* As the command line has it. */
struct words {
	struct compare_words compare;
	char *samples; /* popt's copy, or NULL */
	int walkers, rounds, json;
};

/* ---- The command line ---- */

static int apply_words(const struct words *words, struct compare_options *o)
{
	int status;

	if (words->walkers < 0 || words->walkers > LAB_WALK_THREADS_MAX)
		return given_wrong("--walkers is a number from 0 to %d", LAB_WALK_THREADS_MAX);
	if (words->rounds < 0 || words->rounds > COMPARE_ROUNDS_MAX)
		return given_wrong("--rounds is a number from 0 to %d", COMPARE_ROUNDS_MAX);
	status = compare_given(&words->compare, o);
	o->walkers = (unsigned)words->walkers;
	o->rounds = (unsigned)words->rounds;
	return status;
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
		return given_wrong("%s: %s", poptBadOption(context, 0), poptStrerror(word));
	paths = poptGetArgs(context);
	if (!paths)
		return given_wrong("name a trace: gracewalk compare TRACE...; gracewalk record "
				   "makes one");
	status = apply_words(words, &options);
	return status ? status : compare_all(words, &options, paths);
}

int compare_main(int argc, const char **argv)
{
	struct words words = {.walkers = 1, .rounds = 5};
	struct poptOption rows[COMPARE_ROWS];
	const struct poptOption table[] = {
		{NULL, 0, POPT_ARG_INCLUDE_TABLE, rows, 0, "What is compared:", NULL},
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
	poptContext context;
	int status;

	compare_rows(&words.compare, rows);
	context = poptGetContext("gracewalk compare", argc, argv, table, 0);
	poptSetOtherOptionHelp(context, "[OPTIONS] TRACE...");
	status = run(context, &words);
	poptFreeContext(context);
	compare_words_free(&words.compare);
	free(words.samples);
	return status;
}
