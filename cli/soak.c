/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * A soak: one random mix of torture after the other. */
#include "soak.h"
#include "soak_child.h"
#include "soak_mix.h"
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is added up, by the names that it has in the output of a mix: the page table defers tables,
 * the lab also has whole batches wait. */
static const struct {
	const char *name, *json, *sources[2];
} figures[] = {
	{"walks", "walks", {"walks"}},
	{"updates", "updates", {"updates"}},
	{"tables deferred", "tables_deferred", {"tables deferred", "tables removed"}},
	{"grace periods", "grace_periods", {"grace periods"}},
};

enum { FIGURES = sizeof(figures) / sizeof(figures[0]) };

struct counts {
	uint64_t of[FIGURES];
};

struct soak {
	const struct soak_options *options;
	struct mixes mixes;
	double begin;
	struct counts sum;
	uint64_t n; /* mixes that came to their end */
	double longest;
	char longest_name[MIX_TEXT];
	uint64_t peak_bytes;
	bool interrupted;
	char failure[64]; /* or empty */
	cJSON *json;      /* what will be printed, or NULL: text, as it comes */
	cJSON *list;      /* in it */
};

/* ---- What a mix says ---- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\n';
}

/* The number that follows the name in the text, set off by blanks. */
static bool find_figure(const char *text, const char *name, uint64_t *value)
{
	size_t length = strlen(name);

	for (const char *at = strstr(text, name); at; at = strstr(at + 1, name)) {
		const char *number = at + length + strspn(at + length, " ");

		if ((at > text && !is_blank(at[-1])) || !is_blank(at[length]))
			continue;
		if (*number >= '0' && *number <= '9') {
			*value = strtoull(number, NULL, 10);
			return true;
		}
	}
	return false;
}

static bool read_counts(const char *text, struct counts *counts)
{
	bool all = true;

	for (unsigned i = 0; i < FIGURES; i++) {
		bool found = false;

		counts->of[i] = 0;
		for (unsigned k = 0; k < 2 && figures[i].sources[k]; k++) {
			uint64_t value;

			if (find_figure(text, figures[i].sources[k], &value)) {
				counts->of[i] += value;
				found = true;
			}
		}
		all = all && found;
	}
	return all;
}

/* Why a mix failed; an empty text: it did not. */
static void judge(const struct child *child, bool counted, char why[64])
{
	*why = '\0';
	if (child->end == CHILD_HUNG)
		snprintf(why, 64, "hung: not at its end after %.0f s", child->seconds);
	else if (child->end == CHILD_KILLED)
		snprintf(why, 64, "signal %d, %s", child->code, strsignal(child->code));
	else if (child->end == CHILD_EXITED && child->code)
		snprintf(why, 64, "exit status %d", child->code);
	else if (child->end == CHILD_EXITED && !counted)
		snprintf(why, 64, "figures are missing");
}

/* ---- Telling ---- */

static void add_counts(cJSON *to, const struct counts *counts)
{
	for (unsigned i = 0; i < FIGURES; i++)
		cJSON_AddNumberToObject(to, figures[i].json, (double)counts->of[i]);
}

static void tell_mix(const struct soak *soak, const char *name, const struct child *child,
		     const struct counts *counts)
{
	double now = child_now() - soak->begin;
	const char *between = ":";

	if (soak->json) {
		cJSON *one = cJSON_CreateObject();

		cJSON_AddNumberToObject(one, "elapsed", now);
		cJSON_AddNumberToObject(one, "seconds", child->seconds);
		cJSON_AddStringToObject(one, "mix", name);
		add_counts(one, counts);
		cJSON_AddItemToArray(soak->list, one);
		return;
	}
	printf("%8.1f s  %s", now, name);
	for (unsigned i = 0; i < FIGURES; i++, between = ",")
		printf("%s %s %llu", between, figures[i].name, (unsigned long long)counts->of[i]);
	putchar('\n');
	fflush(stdout);
}

static void tell_failure(const struct soak *soak, const struct mix *mix, const char *output)
{
	char command[MIX_TEXT];

	mix_command(mix, command);
	if (soak->json) {
		cJSON *one = cJSON_AddObjectToObject(soak->json, "failure");

		cJSON_AddStringToObject(one, "why", soak->failure);
		cJSON_AddStringToObject(one, "command", command);
		cJSON_AddStringToObject(one, "output", output);
		return;
	}
	printf("%s", output);
	if (*output && output[strlen(output) - 1] != '\n')
		putchar('\n');
	printf("failed: %s\n  again                     %s\n", soak->failure, command);
}

static void tell_end_json(const struct soak *soak, double seconds)
{
	cJSON *all = soak->json;
	char *text;

	cJSON_AddNumberToObject(all, "seconds", seconds);
	cJSON_AddBoolToObject(all, "interrupted", soak->interrupted);
	cJSON_AddNumberToObject(all, "mixes", (double)soak->n);
	add_counts(all, &soak->sum);
	cJSON_AddNumberToObject(all, "failures", *soak->failure ? 1 : 0);
	if (!*soak->failure)
		cJSON_AddNullToObject(all, "failure");
	cJSON_AddNumberToObject(all, "longest_seconds", soak->longest);
	cJSON_AddStringToObject(all, "longest_mix", soak->longest_name);
	cJSON_AddNumberToObject(all, "peak_bytes", (double)soak->peak_bytes);
	text = cJSON_Print(all);
	puts(text);
	free(text);
	cJSON_Delete(all);
}

static void tell_end(const struct soak *soak, double seconds)
{
	printf("%s\n", *soak->failure      ? "a mix failed"
		       : soak->interrupted ? "interrupted; no mix failed"
					   : "no mix failed");
	printf("  %-25s %llu\n  %-25s %.1f\n  %-25s %llu\n", "seed",
	       (unsigned long long)soak->options->seed, "seconds", seconds, "mixes",
	       (unsigned long long)soak->n);
	for (unsigned i = 0; i < FIGURES; i++)
		printf("  %-25s %llu\n", figures[i].name, (unsigned long long)soak->sum.of[i]);
	printf("  %-25s %d\n  %-25s %.1f s%s%s\n  %-25s %.1f MiB\n", "failures",
	       *soak->failure ? 1 : 0, "longest mix", soak->longest, soak->n ? ": " : "",
	       soak->longest_name, "peak memory of a mix", (double)soak->peak_bytes / (1 << 20));
}

/* ---- Running ---- */

static void add_up(struct soak *soak, const char *name, const struct child *child,
		   const struct counts *counts)
{
	soak->n++;
	for (unsigned i = 0; i < FIGURES; i++)
		soak->sum.of[i] += counts->of[i];
	if (child->seconds > soak->longest) {
		soak->longest = child->seconds;
		snprintf(soak->longest_name, sizeof(soak->longest_name), "%s", name);
	}
}

/* Return: whether to go on. */
static bool run_mix(struct soak *soak)
{
	const struct soak_options *options = soak->options;
	struct mix mix;
	struct child child;
	struct counts counts;
	char name[MIX_TEXT];
	int err;

	mix_next(&soak->mixes, options->seconds, &mix);
	err = child_run(mix.argv, options->seconds + options->overtime, &child);
	if (err) {
		snprintf(soak->failure, sizeof(soak->failure), "%s", strerror(-err));
		tell_failure(soak, &mix, "");
		return false;
	}
	judge(&child, read_counts(child.output, &counts), soak->failure);
	if (child.peak_bytes > soak->peak_bytes)
		soak->peak_bytes = child.peak_bytes;
	soak->interrupted = child.end == CHILD_INTERRUPTED;
	if (*soak->failure) {
		tell_failure(soak, &mix, child.output);
	} else if (!soak->interrupted) {
		mix_name(&mix, name);
		add_up(soak, name, &child, &counts);
		tell_mix(soak, name, &child, &counts);
	}
	child_free(&child);
	return !*soak->failure && !soak->interrupted;
}

static void tell_begin(struct soak *soak)
{
	const struct soak_options *options = soak->options;

	if (!options->json) {
		printf("seed %llu, %u page-table formats, %u s each mix, for %g minutes\n",
		       (unsigned long long)options->seed, soak->mixes.nformats, options->seconds,
		       options->minutes);
		return;
	}
	soak->json = cJSON_CreateObject();
	cJSON_AddNumberToObject(soak->json, "seed", (double)options->seed);
	soak->list = cJSON_AddArrayToObject(soak->json, "list");
}

int soak(const struct soak_options *options)
{
	struct soak soak = {.options = options, .begin = child_now()};
	double seconds;
	char why[MIX_TEXT];

	if (!mixes_find(&soak.mixes, options->seed, why)) {
		fprintf(stderr, "gracewalk: %s\n", why);
		return 1;
	}
	unsetenv("GW_TORTURE_SECONDS"); /* of the test suite; here the time is ours */
	child_begin();
	tell_begin(&soak);
	while (run_mix(&soak) && child_now() - soak.begin < options->minutes * 60)
		;
	seconds = child_now() - soak.begin;
	if (soak.json)
		tell_end_json(&soak, seconds);
	else
		tell_end(&soak, seconds);
	return *soak.failure ? 1 : 0;
}
