/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The command `gracewalk torture`: a scheme under walkers and updaters, until an invariant breaks
 * or the time is up; with --minutes a soak (soak.h). */
#include "../lab/torture.h"
#include "flavour.h"
#include "scheme_list.h"
#include "soak.h"
#include "torture.h"
#include <cjson/cJSON.h>
#include <errno.h>
#include <popt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *const page_words[] = {"4k", "8k", "16k", "32k", "64k", NULL};
static const char *const walk_words[] = {[TORTURE_RCU] = "rcu",
					 [TORTURE_IRQ] = "irq",
					 [TORTURE_COUNTED] = "counted",
					 [TORTURE_MIXED] = "mixed",
					 NULL};
static const char *const deposit_words[] = {
	[LAB_DEPOSIT_FRESH] = "fresh", [LAB_DEPOSIT_UNLINKED] = "unlinked", NULL};

/* Options that are words: popt's copies, or the defaults. */
enum { SCHEME, PAGE, UNMAP, WALK, DEPOSIT, FLAVOUR, WORDS };

/* What popt tells of the options that were given: ONE_SCHEME for all that a soak does not take. */
enum { ONE_SCHEME = 1, SECONDS, MINUTES, OVERTIME };

struct options {
	char *words[WORDS];
	int tables_per_page, walkers, updaters, json, list, overtime;
	long long seed; /* negative: by the clock */
	double seconds, minutes;
	unsigned given;                 /* a bit each of the above */
	struct torture_options torture; /* what it all means */
};

/* The breach's handler gets no argument: a process runs one torture. */
static const struct options *running;

/* ---- Telling ---- */

static const char *repeat(const struct options *options, char line[512])
{
	char *const *words = options->words;

	snprintf(line, 512,
		 "gracewalk torture --scheme %s --page-size %s --tables-per-page %d --unmap %s "
		 "--walk %s --deposit %s --walkers %d --updaters %d --flavour %s --seed %llu "
		 "--seconds %g",
		 words[SCHEME], words[PAGE], options->tables_per_page, words[UNMAP], words[WALK],
		 words[DEPOSIT], options->walkers, options->updaters, words[FLAVOUR],
		 (unsigned long long)options->torture.seed, options->seconds);
	return line;
}

static cJSON *settings(const struct options *options)
{
	static const char *const names[WORDS] = {"scheme", "page_size", "unmap",
						 "walk",   "deposit",   "flavour"};
	cJSON *all = cJSON_CreateObject();
	char line[512];

	for (int i = 0; i < WORDS; i++)
		cJSON_AddStringToObject(all, names[i], options->words[i]);
	cJSON_AddNumberToObject(all, "tables_per_page", options->tables_per_page);
	cJSON_AddNumberToObject(all, "walkers", options->walkers);
	cJSON_AddNumberToObject(all, "updaters", options->updaters);
	cJSON_AddNumberToObject(all, "seed", (double)options->torture.seed);
	cJSON_AddStringToObject(all, "command", repeat(options, line));
	return all;
}

static void add_breach(cJSON *all, const struct lab_breach *breach)
{
	cJSON *one = cJSON_AddObjectToObject(all, "breach");

	cJSON_AddStringToObject(one, "invariant", lab_invariant_name(breach->invariant));
	cJSON_AddStringToObject(one, "text", lab_invariant_text(breach->invariant));
	cJSON_AddNumberToObject(one, "seconds", breach->seconds);
	cJSON_AddStringToObject(one, "where", breach->text);
}

static void print_json(cJSON *all)
{
	char *text = cJSON_Print(all);

	puts(text);
	free(text);
	cJSON_Delete(all);
}

static void print_settings(const struct options *options)
{
	char *const *words = options->words;

	printf("  scheme                    %s, %s\n"
	       "  page                      %s, %d tables\n"
	       "  unmap, walk, deposit      %s, %s, %s\n"
	       "  threads                   %d walkers, %d updaters\n"
	       "  seed                      %llu\n",
	       words[SCHEME], words[FLAVOUR], words[PAGE], options->tables_per_page, words[UNMAP],
	       words[WALK], words[DEPOSIT], options->walkers, options->updaters,
	       (unsigned long long)options->torture.seed);
}

static void print_breach(const struct options *options, const struct lab_breach *breach)
{
	char line[512];

	printf("broken: %s: %s\n", lab_invariant_name(breach->invariant),
	       lab_invariant_text(breach->invariant));
	printf("  when                      after %.3f s\n", breach->seconds);
	printf("  where                     %s\n", breach->text);
	print_settings(options);
	printf("  again                     %s\n", repeat(options, line));
}

/* A broken scheme may crash before it comes to an orderly end. */
_Noreturn static void leave(void)
{
	fflush(stdout);
	_exit(1);
}

static void on_breach(const struct lab_breach *breach)
{
	if (running->json) {
		cJSON *all = settings(running);

		add_breach(all, breach);
		print_json(all);
	} else {
		print_breach(running, breach);
	}
	leave();
}

static void on_stuck(void)
{
	char line[512];

	fprintf(stderr, "gracewalk: stuck: for %d seconds no call and no round came to its end\n",
		TORTURE_STUCK_SECONDS);
	fprintf(stderr, "  again                     %s\n", repeat(running, line));
	leave();
}

/* What is told of a sound run, once, for both forms of output. */
struct figure {
	const char *name, *text;
	double value;
};

static void print_figures(const struct options *options, const struct figure *figures)
{
	print_settings(options);
	for (; figures->name; figures++)
		printf("  %-25s %.*f\n", figures->text, strcmp(figures->name, "seconds") ? 0 : 1,
		       figures->value);
	printf("no invariant was broken\n");
}

static void print_figures_json(const struct options *options, const struct figure *figures)
{
	cJSON *all = settings(options);

	for (; figures->name; figures++)
		cJSON_AddNumberToObject(all, figures->name, figures->value);
	cJSON_AddNullToObject(all, "breach");
	print_json(all);
}

static void tell(const struct options *options, const struct torture_result *result)
{
	const struct lab_counters *lab = &result->lab;
	const struct figure figures[] = {
		{"seconds", "seconds", result->seconds},
		{"rounds", "rounds", (double)result->rounds},
		{"walks", "walks", (double)result->walks},
		{"found", "walks that found a table", (double)result->found},
		{"updates", "updates", (double)result->updates},
		{"tables_allocated", "tables allocated", (double)lab->allocs},
		{"tables_deferred", "tables deferred", (double)lab->defers},
		{"tables_removed", "tables removed", (double)lab->removes},
		{"tables_freed", "tables freed at once", (double)lab->frees},
		{"pages_taken", "pages taken", (double)lab->pages_taken},
		{"pages_peak", "pages at most", (double)lab->pages_peak},
		{"callbacks", "callbacks", (double)lab->calls},
		{"grace_periods", "grace periods", (double)lab->grace_periods},
		{"syncs", "interrupts of all", (double)lab->syncs},
		{NULL, NULL, 0},
	};

	if (options->json)
		print_figures_json(options, figures);
	else
		print_figures(options, figures);
}

/* ---- The command line ---- */

/* The number of a word; -1: it is none of these. */
static int number_of(const char *const *words, const char *word)
{
	for (int i = 0; words[i]; i++)
		if (!strcmp(words[i], word))
			return i;
	return -1;
}

static const char *understand_words(struct options *options)
{
	struct torture_options *torture = &options->torture;
	int page = number_of(page_words, options->words[PAGE]),
	    unmap = number_of(lab_unmap_names, options->words[UNMAP]),
	    walk = number_of(walk_words, options->words[WALK]),
	    deposit = number_of(deposit_words, options->words[DEPOSIT]);

	torture->flavour = flavour_find(options->words[FLAVOUR]);
	if (page < 0)
		return "--page-size is 4k, 8k, 16k, 32k or 64k";
	if (unmap < 0)
		return "--unmap is single, batch or ipi";
	if (walk < 0)
		return "--walk is rcu, irq, counted or mixed";
	if (deposit < 0)
		return "--deposit is fresh or unlinked";
	if (!torture->flavour)
		return "--flavour is " FLAVOUR_NAMES;
	torture->page_bytes = (size_t)4096 << page;
	torture->unmap = (enum lab_unmap)unmap;
	torture->walk = (enum torture_walk)walk;
	torture->deposit = (enum lab_deposit)deposit;
	return NULL;
}

static uint64_t seed_of(const struct options *options)
{
	return options->seed < 0 ? (uint64_t)time(NULL) ^ (uint64_t)getpid() << 24
				 : (uint64_t)options->seed;
}

static const char *understand_numbers(struct options *options)
{
	struct torture_options *torture = &options->torture;

	if (!(options->seconds > 0 && options->seconds <= 86400))
		return "--seconds is a number from 0 to 86400, and more than 0";
	if (options->tables_per_page < 1 || options->tables_per_page > LAB_TABLES_PER_PAGE_MAX)
		return "--tables-per-page is 1, 2, 4, 8, 16, 32, 64, 128 or 256";
	if (options->walkers < 1 || options->walkers > TORTURE_WALKERS_MAX)
		return "--walkers is a number from 1 to 16";
	if (options->updaters < 1 || options->updaters > TORTURE_UPDATERS_MAX)
		return "--updaters is a number from 1 to 64";
	if (torture->walk == TORTURE_COUNTED && torture->deposit == LAB_DEPOSIT_UNLINKED)
		return "counted tables are never collapsed: take --deposit unlinked with another "
		       "--walk";
	torture->seconds = options->seconds;
	torture->tables_per_page = (unsigned)options->tables_per_page;
	torture->walkers = (unsigned)options->walkers;
	torture->updaters = (unsigned)options->updaters;
	torture->seed = seed_of(options);
	return NULL;
}

/* Return: the exit status, 0 when all is clear. */
static int understand(struct options *options)
{
	struct torture_options *torture = &options->torture;
	const char *wrong;
	char why[160];

	if (lab_scheme_parse(options->words[SCHEME], &torture->scheme, &torture->switches, why)) {
		fprintf(stderr, "gracewalk: %s; gracewalk torture --list shows all\n", why);
		return 2;
	}
	wrong = understand_words(options);
	if (!wrong)
		wrong = understand_numbers(options);
	if (wrong)
		fprintf(stderr, "gracewalk: %s\n", wrong);
	return wrong ? 2 : 0;
}

static int run(struct options *options)
{
	struct torture_options *torture = &options->torture;
	struct torture_result result;
	char why[160];
	int err;

	running = options;
	torture->on_breach = on_breach;
	torture->on_stuck = on_stuck;
	torture->flavour->register_thread();
	err = torture_run(torture, &result, why);
	torture->flavour->unregister_thread();
	if (!err)
		tell(options, &result);
	else
		fprintf(stderr, "gracewalk: %s\n", why);
	return !err ? 0 : err == -EINVAL ? 2 : 1;
}

/* ---- A soak ---- */

enum { SOAK_SECONDS = 3, SOAK_SECONDS_MAX = 3600 };

static const char *check_soak(const struct options *options)
{
	if (!(options->given & 1u << MINUTES))
		return "--overtime is for --minutes";
	if (options->given & 1u << ONE_SCHEME)
		return "--minutes chooses the mixes by the seed: with it go --seconds, --overtime, "
		       "--seed and --json";
	if (!(options->minutes > 0 && options->minutes <= 100000))
		return "--minutes is a number from 0 to 100000, and more than 0";
	if (!(options->seconds >= 1 && options->seconds <= SOAK_SECONDS_MAX) ||
	    options->seconds != (unsigned)options->seconds)
		return "with --minutes, --seconds is a whole number from 1 to 3600: the length of "
		       "each mix";
	if (options->overtime < 1)
		return "--overtime is a number of seconds, 1 or more";
	return NULL;
}

/* Return: the exit status. */
static int run_soak(struct options *options)
{
	struct soak_options all = {
		.minutes = options->minutes, .seed = seed_of(options), .json = options->json};
	const char *wrong;

	if (!(options->given & 1u << SECONDS))
		options->seconds = SOAK_SECONDS;
	wrong = check_soak(options);
	if (wrong) {
		fprintf(stderr, "gracewalk: %s\n", wrong);
		return 2;
	}
	all.seconds = (unsigned)options->seconds;
	all.overtime = (unsigned)options->overtime;
	return soak(&all);
}

/* ---- Which of the two ---- */

/* What the command line did not say. Return: whether there was memory for it. */
static bool defaults(struct options *options)
{
	static const char *const words[WORDS] = {"three-states", "4k",    "single",
						 "mixed",        "fresh", "memb"};
	bool all = true;

	for (int i = 0; i < WORDS; i++) {
		if (!options->words[i])
			options->words[i] = strdup(words[i]);
		all = all && options->words[i];
	}
	return all;
}

/* Return: the exit status. */
static int parsed(poptContext context, int word, struct options *options)
{
	int status;

	if (word < -1) {
		fprintf(stderr, "gracewalk: %s: %s\n", poptBadOption(context, 0),
			poptStrerror(word));
		return 2;
	}
	if (poptPeekArg(context)) {
		fprintf(stderr,
			"gracewalk: torture takes no \"%s\"; a scheme is named by "
			"--scheme\n",
			poptPeekArg(context));
		return 2;
	}
	if (options->given & (1u << MINUTES | 1u << OVERTIME))
		return run_soak(options);
	if (options->list) {
		scheme_list(stdout);
		return 0;
	}
	if (!defaults(options)) {
		fprintf(stderr, "gracewalk: no memory\n");
		return 1;
	}
	status = understand(options);
	return status ? status : run(options);
}

int torture_main(int argc, const char **argv)
{
	struct options options = {.seconds = 10,
				  .overtime = 120,
				  .tables_per_page = 16,
				  .walkers = 3,
				  .updaters = 2,
				  .seed = -1};
	const struct poptOption table[] = {
		{"scheme", 'S', POPT_ARG_STRING, &options.words[SCHEME], ONE_SCHEME,
		 "how tables that share a page are freed (default: three-states)",
		 "NAME[:SWITCH,...]"},
		{"list", 'l', POPT_ARG_NONE, &options.list, ONE_SCHEME,
		 "show the schemes, their switches and what they break", NULL},
		{"page-size", 'g', POPT_ARG_STRING, &options.words[PAGE], ONE_SCHEME,
		 "4k (the default), 8k, 16k, 32k or 64k", "SIZE"},
		{"tables-per-page", 't', POPT_ARG_INT | POPT_ARGFLAG_SHOW_DEFAULT,
		 &options.tables_per_page, ONE_SCHEME, "1, 2, 4 and so on to 256", "N"},
		{"unmap", 'm', POPT_ARG_STRING, &options.words[UNMAP], ONE_SCHEME,
		 "how an unmap frees tables: single (each deferred, the default), batch (one "
		 "callback for many), ipi (after an interrupt of all processors)",
		 "HOW"},
		{"walk", 'k', POPT_ARG_STRING, &options.words[WALK], ONE_SCHEME,
		 "what keeps a walker's table: rcu, irq (interrupts off), mixed (both by turns, "
		 "the default), counted (a count in each table)",
		 "KIND"},
		{"deposit", 'd', POPT_ARG_STRING, &options.words[DEPOSIT], ONE_SCHEME,
		 "what is set aside under a huge leaf: fresh (a new table, the default), unlinked "
		 "(the trap: the old one)",
		 "WHAT"},
		{"walkers", 'w', POPT_ARG_INT | POPT_ARGFLAG_SHOW_DEFAULT, &options.walkers,
		 ONE_SCHEME, "threads that walk, 1 to 16", "N"},
		{"updaters", 'n', POPT_ARG_INT | POPT_ARGFLAG_SHOW_DEFAULT, &options.updaters,
		 ONE_SCHEME, "threads that map and free, 1 to 64", "N"},
		{"flavour", 'u', POPT_ARG_STRING, &options.words[FLAVOUR], ONE_SCHEME,
		 "of liburcu: " FLAVOUR_NAMES " (default: memb)", "NAME"},
		{"seconds", 's', POPT_ARG_DOUBLE | POPT_ARGFLAG_SHOW_DEFAULT, &options.seconds,
		 SECONDS, "time to run; with --minutes that of each mix, 3 unless given",
		 "SECONDS"},
		{"seed", 'e', POPT_ARG_LONGLONG, &options.seed, 0,
		 "of the threads' choices; how they interleave it does not fix (default: by the "
		 "clock)",
		 "SEED"},
		{"minutes", 'M', POPT_ARG_DOUBLE, &options.minutes, MINUTES,
		 "run one random mix after the other for so long: the page table in every format "
		 "with a torture program, and sound schemes; all follows from the seed",
		 "MINUTES"},
		{"overtime", 'o', POPT_ARG_INT | POPT_ARGFLAG_SHOW_DEFAULT, &options.overtime,
		 OVERTIME,
		 "with --minutes: seconds that a mix may take beyond its time, before it hangs",
		 "SECONDS"},
		{"json", 'j', POPT_ARG_NONE, &options.json, 0, "print JSON", NULL},
		POPT_AUTOHELP POPT_TABLEEND,
	};
	poptContext context = poptGetContext("gracewalk torture", argc, argv, table, 0);
	int word, status;

	while ((word = poptGetNextOpt(context)) > 0)
		options.given |= 1u << word;
	status = parsed(context, word, &options);
	poptFreeContext(context);
	for (int i = 0; i < WORDS; i++)
		free(options.words[i]);
	return status;
}
