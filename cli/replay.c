/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The command `gracewalk replay`: a recorded program's tables, rebuilt while threads walk them. */
#include "replay.h"
#include "against.h"
#include "flavour.h"
#include "given.h"
#include "progress.h"
#include "rebuild.h"
#include "walkers.h"
#include <cjson/cJSON.h>
#include <gracewalk/urcu.h>
#include <inttypes.h>
#include <popt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct options {
	char *format, *flavour, *policy; /* popt's copies, or NULL until the defaults are put in */
	const char *path;
	int walkers, json;
	double seconds;
};

/* All that one replay found. */
struct outcome {
	struct gw_pt_stats at_end,
		after; /* with the program's last pages there; when all is gone */
	struct against against;
	struct walkers_result walks;
	struct space_stats space;
	uint64_t passes, operations, pages, wrong, grace_periods;
	double seconds;
};

struct replay {
	const struct options *options;
	const struct gw_format *format;
	const struct rcu_flavor_struct *flavour;
	struct gw_env *env;
	struct trace *trace;
	struct rebuild rebuild;
	struct outcome out;
};

static bool linux_rules(const struct replay *replay)
{
	return !strcmp(replay->options->policy, "linux");
}

/* ---- Replaying ---- */

static int apply(struct replay *replay, struct space *space, const struct trace_event *event,
		 bool first_pass)
{
	int err = 0;

	if (first_pass)
		err = against_event(&replay->out.against, event, rebuild_bytes(&replay->rebuild));
	if (!err && event->kind == TRACE_EXIT && first_pass)
		replay->format->stats(replay->rebuild.pt, &replay->out.at_end);
	return err ? err : space_apply(space, event);
}

/* The whole trace once. What it leaves mapped, where the trace has no exit, goes at the end. */
static int pass(struct replay *replay)
{
	bool first = !replay->out.passes, exited = false;
	const struct trace_meta *meta = trace_meta(replay->trace);
	struct space_options options;
	struct trace_event event;
	struct progress progress;
	struct space *space;
	uint64_t done = 0;
	int err;

	space_options_init(&options, linux_rules(replay) ? SPACE_LINUX : SPACE_EXACT, meta);
	options.ops = rebuild_ops;
	options.ctx = &replay->rebuild;
	err = space_create(&options, &space);
	if (err)
		return err;
	progress_start(&progress, "replay");
	trace_rewind(replay->trace);
	while (!err && trace_next(replay->trace, &event)) {
		err = apply(replay, space, &event, first);
		exited = event.kind == TRACE_EXIT;
		replay->flavour
			->read_quiescent_state(); /* qsbr: the updater is a thread like any other */
		progress_show(&progress, ++done, trace_count(replay->trace));
	}
	progress_end(&progress);
	replay->out.space = space_stats(space);
	event = (struct trace_event){.kind = TRACE_EXIT, .time = TRACE_MAX_TIME};
	if (!err && !exited)
		err = apply(replay, space, &event, first);
	if (!err && first)
		err = against_end(&replay->out.against, rebuild_bytes(&replay->rebuild));
	space_destroy(space);
	replay->out.passes++;
	return err;
}

/* Passes until the time is up, then everything that waits is waited for. */
static int passes(struct replay *replay)
{
	uint64_t start = progress_now();
	struct gw_pt_stats *after = &replay->out.after;
	int err;

	do {
		err = pass(replay);
		replay->out.seconds = (double)(progress_now() - start) / 1e9;
	} while (!err && replay->out.seconds < replay->options->seconds);
	if (err)
		return err;
	/* What no policy freed by itself is asked for: the program is gone. */
	if (linux_rules(replay))
		replay->format->reclaim(replay->rebuild.pt, 0, UINT64_MAX);
	gw_urcu_drain(replay->env);
	replay->format->stats(replay->rebuild.pt, after);
	replay->out.operations = replay->rebuild.operations;
	replay->out.pages = replay->rebuild.pages;
	replay->out.wrong = replay->rebuild.wrong;
	replay->out.grace_periods = gw_urcu_grace_periods(replay->env);
	return replay->format->check(replay->rebuild.pt);
}

static int run(struct replay *replay)
{
	const struct gw_opts opts = {.policy = linux_rules(replay) ? GW_POLICY_MANUAL
								   : GW_POLICY_LAZY};
	struct walkers *walkers;
	int err = rebuild_open(&replay->rebuild, replay->format, replay->env, &opts);

	if (err)
		return err;
	replay->rebuild.small_pages = linux_rules(replay);
	err = walkers_start((unsigned)replay->options->walkers, replay->format, replay->rebuild.pt,
			    &replay->rebuild.frames, replay->flavour, &walkers);
	if (!err) {
		err = passes(replay);
		walkers_stop(walkers, &replay->out.walks);
	}
	rebuild_close(&replay->rebuild);
	return err;
}

/* ---- Telling ---- */

/* What is told, once, for both forms of output. */
static cJSON *report(const struct replay *replay)
{
	const struct outcome *out = &replay->out;
	const struct against *against = &out->against;
	cJSON *all = cJSON_CreateObject(), *heaps = cJSON_AddArrayToObject(all, "heaps");
	double callbacks = 0, retired = 0, taken = 0, back = 0, root = 0;

	for (unsigned i = 0; i < out->after.heaps; i++) {
		const struct gw_heap_stats *heap = &out->after.heap[i];
		cJSON *one = cJSON_CreateObject();

		root = (double)heap->table_bytes; /* the last heap's */
		callbacks += (double)heap->callbacks;
		retired += (double)(heap->defers + heap->frees);
		taken += (double)(heap->allocs * heap->table_bytes);
		back += (double)((heap->allocs - heap->used) * heap->table_bytes);
		cJSON_AddNumberToObject(one, "table_bytes", (double)heap->table_bytes);
		cJSON_AddNumberToObject(one, "tables_per_block", heap->tables_per_block);
		cJSON_AddNumberToObject(one, "tables_at_end", (double)out->at_end.heap[i].used);
		cJSON_AddNumberToObject(one, "tables_peak", (double)heap->used_peak);
		cJSON_AddNumberToObject(one, "waiting_peak", (double)heap->waiting_peak);
		cJSON_AddNumberToObject(one, "tables_built", (double)heap->allocs);
		cJSON_AddNumberToObject(one, "tables_reclaimed",
					(double)(heap->defers + heap->frees));
		cJSON_AddNumberToObject(one, "blocks_peak", (double)heap->blocks_peak);
		cJSON_AddItemToArray(heaps, one);
	}
	cJSON_AddStringToObject(all, "format", replay->format->name);
	cJSON_AddStringToObject(all, "policy", replay->options->policy);
	cJSON_AddStringToObject(all, "flavour", replay->options->flavour);
	cJSON_AddNumberToObject(all, "events", (double)trace_count(replay->trace));
	cJSON_AddNumberToObject(all, "passes", (double)out->passes);
	cJSON_AddNumberToObject(all, "seconds", out->seconds);
	cJSON_AddNumberToObject(all, "operations", (double)out->operations);
	cJSON_AddNumberToObject(all, "pages_mapped", (double)out->pages);
	cJSON_AddNumberToObject(all, "bytes_peak", (double)out->after.table_bytes_peak);
	cJSON_AddNumberToObject(all, "bytes_at_end", (double)out->at_end.table_bytes);
	cJSON_AddNumberToObject(all, "bytes_after", (double)out->after.table_bytes);
	cJSON_AddNumberToObject(all, "bytes_root", root);
	cJSON_AddNumberToObject(all, "bytes_waiting_at_end", (double)out->at_end.waiting_bytes);
	cJSON_AddNumberToObject(all, "bytes_taken", taken);
	cJSON_AddNumberToObject(all, "bytes_given_back", back);
	cJSON_AddNumberToObject(all, "tables_reclaimed", retired);
	cJSON_AddNumberToObject(all, "grace_periods", (double)out->grace_periods);
	cJSON_AddNumberToObject(all, "callbacks", callbacks);
	cJSON_AddNumberToObject(all, "walkers", replay->options->walkers);
	cJSON_AddNumberToObject(all, "walks", (double)out->walks.walks);
	cJSON_AddNumberToObject(all, "walks_per_second", (double)out->walks.walks / out->seconds);
	cJSON_AddNumberToObject(all, "wrong_answers", (double)(out->walks.wrong + out->wrong));
	cJSON_AddNumberToObject(all, "stale_answers", (double)out->walks.stale);
	cJSON_AddNumberToObject(all, "stray_faults", (double)out->space.strays);
	cJSON_AddNumberToObject(all, "kernel_samples", (double)against->samples);
	cJSON_AddNumberToObject(all, "kernel_bytes_peak", (double)against->kernel_peak);
	cJSON_AddNumberToObject(all, "kernel_bytes_last", (double)against->kernel_last);
	cJSON_AddNumberToObject(all, "bytes_peak_sampled", (double)against->ours_peak);
	cJSON_AddNumberToObject(all, "bytes_last_sampled", (double)against->ours_last);
	if (against->samples) {
		cJSON_AddNumberToObject(all, "kernel_error_median",
					against->error[against->samples / 2]);
		cJSON_AddNumberToObject(all, "kernel_error_worst",
					against->error[against->samples - 1]);
		cJSON_AddNumberToObject(all, "kernel_samples_outside_3_percent",
					(double)against->outside);
	}
	return all;
}

static double get(const cJSON *report, const char *name)
{
	const cJSON *item = cJSON_GetObjectItem(report, name);

	return item ? item->valuedouble : 0;
}

static double kib(const cJSON *report, const char *name)
{
	return get(report, name) / 1024;
}

static void print_tables(const cJSON *report)
{
	const cJSON *heap;

	cJSON_ArrayForEach(heap, cJSON_GetObjectItem(report, "heaps")) printf(
		"  tables of %6.0f bytes     peak %8.0f   at the end %8.0f   reclaimed %8.0f   "
		"(%.0f a block)\n",
		get(heap, "table_bytes"), get(heap, "tables_peak"), get(heap, "tables_at_end"),
		get(heap, "tables_reclaimed"), get(heap, "tables_per_block"));
	printf("  bytes in tables           peak %8.0f K at the end %8.0f K after exit %7.0f K "
	       "(root %.0f K)\n",
	       kib(report, "bytes_peak"), kib(report, "bytes_at_end"), kib(report, "bytes_after"),
	       kib(report, "bytes_root"));
	printf("  bytes waiting             at the end %.0f K; taken %.0f K, given back %.0f K\n",
	       kib(report, "bytes_waiting_at_end"), kib(report, "bytes_taken"),
	       kib(report, "bytes_given_back"));
}

static void print_kernel(const cJSON *report)
{
	if (!get(report, "kernel_samples")) {
		printf("  the kernel's VmPTE        the trace has no sample of it\n");
		return;
	}
	printf("  the kernel's VmPTE        peak %8.0f K at the end %8.0f K   (%.0f samples)\n",
	       kib(report, "kernel_bytes_peak"), kib(report, "kernel_bytes_last"),
	       get(report, "kernel_samples"));
	printf("  here, same moments        peak %8.0f K at the end %8.0f K   (below the root)\n",
	       kib(report, "bytes_peak_sampled"), kib(report, "bytes_last_sampled"));
	if (!strcmp(cJSON_GetObjectItem(report, "policy")->valuestring, "linux"))
		printf("  off the kernel's by       median %.2f %%, worst %.2f %%; %.0f of %.0f "
		       "samples more than 3 %%\n",
		       100 * get(report, "kernel_error_median"),
		       100 * get(report, "kernel_error_worst"),
		       get(report, "kernel_samples_outside_3_percent"),
		       get(report, "kernel_samples"));
}

static void print_report(const struct replay *replay, const cJSON *report)
{
	printf("%s: %s, policy %s, urcu-%s\n", replay->options->path, replay->format->name,
	       replay->options->policy, replay->options->flavour);
	print_tables(report);
	print_kernel(report);
	printf("  updates                   %.0f calls, %.0f pages mapped, in %.0f passes of %.0f "
	       "events, %.2f s\n",
	       get(report, "operations"), get(report, "pages_mapped"), get(report, "passes"),
	       get(report, "events"), get(report, "seconds"));
	printf("  grace periods             %.0f, with %.0f callbacks\n",
	       get(report, "grace_periods"), get(report, "callbacks"));
	printf("  walks                     %.0f by %.0f threads, %.1f million a second\n",
	       get(report, "walks"), get(report, "walkers"), get(report, "walks_per_second") / 1e6);
	printf("  wrong answers             %.0f\n  stale answers             %.0f\n",
	       get(report, "wrong_answers"), get(report, "stale_answers"));
}

/* Return: the exit status. Memory that is not given back is as bad as a wrong answer. */
static int tell(const struct replay *replay)
{
	cJSON *all = report(replay);
	bool sound = !get(all, "wrong_answers") && !get(all, "stale_answers") &&
		     get(all, "bytes_after") == get(all, "bytes_root");

	if (replay->options->json) {
		char *text = cJSON_Print(all);

		puts(text);
		free(text);
	} else {
		print_report(replay, all);
	}
	if (replay->out.walks.first[0])
		fprintf(stderr, "gracewalk: %s\n", replay->out.walks.first);
	if (get(all, "bytes_after") != get(all, "bytes_root"))
		fprintf(stderr, "gracewalk: tables were left over after the program's exit\n");
	cJSON_Delete(all);
	return sound ? 0 : 1;
}

/* ---- The command line ---- */

static int open_all(struct replay *replay)
{
	const struct options *options = replay->options;

	replay->format = given_format(options->format);
	replay->flavour = flavour_find(options->flavour);
	if (!replay->format)
		return 2;
	if (!replay->flavour) {
		fprintf(stderr, "gracewalk: there is no flavour \"%s\"; take " FLAVOUR_NAMES "\n",
			options->flavour);
		return 2;
	}
	replay->trace = given_trace(options->path);
	if (!replay->trace)
		return 1;
	replay->env = gw_urcu_create(replay->flavour);
	if (replay->env)
		return 0;
	fprintf(stderr, "gracewalk: no memory\n");
	return 1;
}

static int replay_trace(const struct options *options)
{
	struct replay replay = {.options = options};
	int status = open_all(&replay);

	if (!status) {
		int err;

		replay.flavour->register_thread();
		err = run(&replay);
		if (err == -ERANGE)
			fprintf(stderr,
				"gracewalk: the replay failed: the program has addresses beyond "
				"the %u bits of %s\n",
				replay.format->va_bits, replay.format->name);
		else if (err)
			fprintf(stderr, "gracewalk: the replay failed: %s\n", strerror(-err));
		status = err ? 1 : tell(&replay);
		against_close(&replay.out.against);
		gw_urcu_destroy(replay.env);
		replay.flavour->unregister_thread();
	}
	if (replay.trace)
		trace_close(replay.trace);
	return status;
}

static int check(const struct options *options)
{
	const char *wrong = NULL;

	if (!options->path)
		wrong = "name a trace: gracewalk replay TRACE; gracewalk record makes one";
	else if (strcmp(options->policy, "exact") && strcmp(options->policy, "linux"))
		wrong = "--policy is exact or linux";
	else if (options->walkers < 0 || options->walkers > 256)
		wrong = "--walkers is a number from 0 to 256";
	else if (!(options->seconds >= 0 && options->seconds <= 86400))
		wrong = "--seconds is a number from 0 to 86400";
	if (wrong)
		fprintf(stderr, "gracewalk: %s\n", wrong);
	return wrong ? 2 : 0;
}

/* What the command line did not say. Return: whether there was memory for it. */
static bool defaults(struct options *options)
{
	if (!options->format)
		options->format = strdup("x86-64");
	if (!options->flavour)
		options->flavour = strdup("memb");
	if (!options->policy)
		options->policy = strdup("exact");
	return options->format && options->flavour && options->policy;
}

int replay_main(int argc, const char **argv)
{
	struct options options = {.walkers = 2, .seconds = 1};
	const struct poptOption table[] = {
		{"format", 'f', POPT_ARG_STRING, &options.format, 0,
		 "page-table format, one of those in gracewalk(1); default: x86-64", "FORMAT"},
		{"walkers", 'w', POPT_ARG_INT | POPT_ARGFLAG_SHOW_DEFAULT, &options.walkers, 0,
		 "threads that translate all the while", "N"},
		{"flavour", 'u', POPT_ARG_STRING, &options.flavour, 0,
		 "of liburcu: " FLAVOUR_NAMES " (default: memb)", "NAME"},
		{"policy", 'p', POPT_ARG_STRING, &options.policy, 0,
		 "when tables are freed: exact (when empty, the default) or linux (the kernel's "
		 "rules)",
		 "POLICY"},
		{"seconds", 's', POPT_ARG_DOUBLE | POPT_ARGFLAG_SHOW_DEFAULT, &options.seconds, 0,
		 "replay again until so much time has passed", "SECONDS"},
		{"json", 'j', POPT_ARG_NONE, &options.json, 0, "print JSON", NULL},
		POPT_AUTOHELP POPT_TABLEEND,
	};
	poptContext context = poptGetContext("gracewalk replay", argc, argv, table, 0);
	int status, word;

	poptSetOtherOptionHelp(context, "[OPTIONS] TRACE");
	word = poptGetNextOpt(context);
	options.path = poptGetArg(context);
	if (word < -1) {
		fprintf(stderr, "gracewalk: %s: %s\n", poptBadOption(context, 0),
			poptStrerror(word));
		status = 2;
	} else if (poptPeekArg(context)) {
		fprintf(stderr, "gracewalk: one trace at a time; what is \"%s\"?\n",
			poptPeekArg(context));
		status = 2;
	} else if (!defaults(&options)) {
		fprintf(stderr, "gracewalk: no memory\n");
		status = 1;
	} else {
		status = check(&options);
	}
	if (!status)
		status = replay_trace(&options);
	poptFreeContext(context);
	free(options.format);
	free(options.flavour);
	free(options.policy);
	return status;
}
