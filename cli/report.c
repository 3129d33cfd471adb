/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The command `gracewalk report`: a page out of recorded traces. */
#include "report.h"
#include "compare_given.h"
#include "given.h"
#include "gnuplot.h"
#include "report_page.h"
#include "whole_file.h"
#include <stdlib.h>
#include <string.h>

struct report {
	struct compare_options options;
	const char **paths;
	char *output; /* popt's copy, or the default's */
	struct page page;
	FILE *parts; /* of the page, a trace each; a string in memory */
	char *parts_text;
	size_t parts_size;
	unsigned done;
};

static int no_memory(void)
{
	fprintf(stderr, "gracewalk: there is not enough memory\n");
	return 1;
}

/* ---- Before ---- */

static int check_output(const char *output)
{
	int err = whole_file_try(output);

	if (err)
		fprintf(stderr, "gracewalk: %s: %s\n", output, strerror(-err));
	return err ? 1 : 0;
}

/* What can be known to be wrong is said before minutes are spent. */
static int check_all(struct report *report)
{
	for (const char **path = report->paths; *path; path++) {
		struct trace *trace = given_trace(*path);

		if (!trace)
			return 1;
		trace_close(trace);
	}
	return check_output(report->output) || gnuplot_version(report->page.gnuplot);
}

/* ---- A trace ---- */

/* Return: the exit status: 1 without a part, or with one that tells of a failure; a part that
 * there is counts as done. */
static int add_part(struct report *report, const struct compare_told *told)
{
	cJSON *json = compare_json(told);
	struct charts charts;
	int status = 0;

	if (!json)
		return no_memory();
	cJSON_AddItemToArray(report->page.traces, json);
	if (charts_draw(told, &charts))
		return 1;
	page_trace(report->parts, told, json, &charts, report->done++);
	charts_close(&charts);
	for (unsigned i = 0; i < told->options->n; i++) {
		if (!told->outcome->result[i].failure[0])
			continue;
		fprintf(stderr, "gracewalk: %s\n", told->outcome->result[i].failure);
		status = 1;
	}
	return status;
}

static int report_trace(struct report *report, const char *path)
{
	struct trace *trace = given_trace(path);
	struct compare_outcome outcome;
	char why[300];
	int status = 1;

	if (!trace)
		return 1;
	if (compare_run(&report->options, trace, &outcome, why)) {
		fprintf(stderr, "gracewalk: %s: %s\n", path, why);
	} else {
		const struct compare_told told = {path, trace_meta(trace), &report->options,
						  &outcome};

		status = add_part(report, &told);
	}
	compare_close(&report->options, &outcome);
	trace_close(trace);
	return status;
}

/* ---- The page ---- */

static int save(struct report *report)
{
	char *text = NULL;
	size_t size;
	FILE *page = open_memstream(&text, &size);
	int err;

	if (!page)
		return no_memory();
	page_write(page, &report->page, report->parts_text);
	err = ferror(page);
	if (fclose(page) || err) {
		free(text);
		return no_memory();
	}
	err = whole_file_write(report->output, text, size);
	free(text);
	if (err)
		fprintf(stderr, "gracewalk: %s: %s\n", report->output, strerror(-err));
	else
		printf("%s: %.1f MiB\n", report->output, (double)size / 1048576);
	return err ? 1 : 0;
}

static int make(struct report *report)
{
	int status = 0, lost;
	unsigned n = 0;

	report->page.traces = cJSON_CreateArray();
	report->parts = open_memstream(&report->parts_text, &report->parts_size);
	if (!report->page.traces || !report->parts)
		return no_memory();
	/* Without a trace's part there is no page. */
	for (; report->paths[n] && report->done == n; n++)
		status |= report_trace(report, report->paths[n]);
	lost = ferror(report->parts);
	if (fclose(report->parts) || lost)
		return no_memory();
	return report->done == n ? status | save(report) : 1;
}

/* ---- The command line ---- */

static void help(poptContext context)
{
	poptPrintHelp(context, stdout, 0);
	fputs("\nMakes one page of HTML, which needs nothing but itself: for each trace the bytes "
	      "of tables over time\nunder each scheme and as the kernel counted them, what is "
	      "wasted, what waits for grace periods, where\nthe tables lie in the address space, "
	      "and the figures of gracewalk compare, which tells more. Memory is\nmeasured at the "
	      "recorded pace. The charts are gnuplot's.\n",
	      stdout);
}

static int run(poptContext context, const struct compare_words *words, struct report *report)
{
	int word = poptGetNextOpt(context), status;

	if (word == 'h') {
		help(context);
		return 0;
	}
	if (word < -1)
		return given_wrong("%s: %s", poptBadOption(context, 0), poptStrerror(word));
	report->paths = poptGetArgs(context);
	if (!report->paths)
		return given_wrong("name a trace: gracewalk report TRACE...; gracewalk record "
				   "makes one");
	if (!report->output)
		report->output = strdup("gracewalk.html");
	if (!report->output)
		return no_memory();
	status = compare_given(words, &report->options);
	report->options.map = true;
	if (!status)
		status = check_all(report) ? 1 : make(report);
	return status;
}

int report_main(int argc, const char **argv)
{
	struct report report = {.page = {.options = &report.options, .command = argv}};
	struct compare_words words = {0};
	struct poptOption rows[COMPARE_ROWS];
	const struct poptOption table[] = {
		{"output", 'o', POPT_ARG_STRING, &report.output, 0,
		 "the page (default: gracewalk.html)", "FILE"},
		{"help", '?', POPT_ARG_NONE, NULL, 'h', "this text", NULL},
		{NULL, 0, POPT_ARG_INCLUDE_TABLE, rows, 0, "What is compared:", NULL},
		POPT_TABLEEND,
	};
	poptContext context;
	int status;

	compare_rows(&words, rows);
	context = poptGetContext("gracewalk report", argc, argv, table, 0);
	poptSetOtherOptionHelp(context, "[OPTIONS] TRACE...");
	status = run(context, &words, &report);
	poptFreeContext(context);
	compare_words_free(&words);
	free(report.output);
	free(report.parts_text);
	cJSON_Delete(report.page.traces);
	return status;
}
