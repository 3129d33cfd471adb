/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The command `gracewalk dump`: what a page table maps, from a trace or from a memory image. */
#include "dump.h"
#include "dump_image.h"
#include "dump_live.h"
#include "dump_tell.h"
#include "given.h"
#include <inttypes.h>
#include <popt.h>
#include <stdlib.h>
#include <string.h>
#include <urcu/urcu-memb.h>

enum { MOST_TABLES = 1 << 18 };

/* As the command line has it. Strings are popt's copies, or NULL. */
struct words {
	char *format, *policy, *at, *at_event, *image, *root, *image_base, *range, *max_tables,
		*whole;
	const char *path;
	int swap, tables, holes, linear, json;
};

/* What it means. */
struct dump {
	const struct words *words;
	const struct gw_format *format;
	enum space_policy policy;
	struct dump_moment moment;
	struct dump_rules rules;
	struct dump_image image;
	uint64_t root;
	struct dump_tell tell;
};

/* ---- Both sources ---- */

static void add_address(cJSON *source, const char *name, uint64_t address)
{
	char text[32];

	snprintf(text, sizeof(text), "0x%" PRIx64, address);
	cJSON_AddStringToObject(source, name, text);
}

/* Takes `source` over. Return: the exit status. */
static int tell_all(struct dump *dump, const char *words, cJSON *source,
		    const struct dump_memory *memory, uint64_t root)
{
	const struct dump_sink sink = dump_tell_sink(&dump->tell);
	struct dump_summary summary;

	cJSON_AddStringToObject(source, "format", dump->format->name);
	add_address(source, "root", root);
	dump_tell_head(&dump->tell, words, source);
	cJSON_Delete(source);
	summary = dump_walk(dump->format, memory, root, &dump->rules, &sink);
	dump_tell_end(&dump->tell, &summary);
	return dump_incomplete(&summary);
}

static int dump_image(struct dump *dump)
{
	struct dump_memory memory = dump_image_memory(&dump->image);
	const struct words *words = dump->words;
	uint64_t base = dump->image.base;
	bool swap = dump->image.swap;
	int err = dump_image_open(&dump->image, words->image), status;
	cJSON *source;
	char line[512];

	if (err) {
		fprintf(stderr, "gracewalk: %s: %s\n", words->image, strerror(-err));
		return 1;
	}
	dump->image.base = base;
	dump->image.swap = swap;
	source = cJSON_CreateObject();
	cJSON_AddStringToObject(source, "image", words->image);
	add_address(source, "image_base", base);
	snprintf(line, sizeof(line), "%s: %s, root 0x%" PRIx64 ", image from 0x%" PRIx64 " on",
		 words->image, dump->format->name, dump->root, base);
	status = tell_all(dump, line, source, &memory, dump->root);
	dump_image_close(&dump->image);
	return status;
}

static int tell_live(struct dump *dump, struct dump_live *live)
{
	struct dump_memory memory = dump_live_memory(live);
	const char *policy = dump->policy == SPACE_LINUX ? "linux" : "exact";
	uint64_t all = trace_count(live->trace);
	cJSON *source = cJSON_CreateObject();
	char line[512];
	int status;

	cJSON_AddStringToObject(source, "trace", dump->words->path);
	cJSON_AddStringToObject(source, "policy", policy);
	cJSON_AddNumberToObject(source, "event", (double)live->events);
	cJSON_AddNumberToObject(source, "events", (double)all);
	cJSON_AddNumberToObject(source, "seconds", live->seconds);
	snprintf(line, sizeof(line),
		 "%s: %s, policy %s, after event %" PRIu64 " of %" PRIu64 ", at %.6f s",
		 dump->words->path, dump->format->name, policy, live->events, all, live->seconds);
	live->rebuild.env->read_lock(live->rebuild.env);
	status = tell_all(dump, line, source, &memory, dump_live_root(live));
	live->rebuild.env->read_unlock(live->rebuild.env);
	return status;
}

static int dump_trace(struct dump *dump)
{
	struct trace *trace = given_trace(dump->words->path);
	struct dump_live live;
	int err, status = 1;

	if (!trace)
		return 1;
	urcu_memb_register_thread();
	err = dump_live_open(&live, dump->format, trace, dump->policy, &dump->moment);
	if (!err) {
		status = tell_live(dump, &live);
		dump_live_close(&live);
	} else if (err == -EDOM) {
		fprintf(stderr, "gracewalk: the trace has %" PRIu64 " events\n",
			trace_count(trace));
		status = 2;
	} else if (err == -ERANGE) {
		fprintf(stderr, "gracewalk: the program has addresses beyond the %u bits of %s\n",
			dump->format->va_bits, dump->format->name);
	} else {
		fprintf(stderr, "gracewalk: the replay failed: %s\n", strerror(-err));
	}
	urcu_memb_unregister_thread();
	trace_close(trace);
	return status;
}

/* ---- The command line ---- */

/* Options that do not go together, or are not there. */
static const char *check_words(const struct words *words)
{
	if (!words->image && !words->path)
		return "name a trace: gracewalk dump TRACE, or an image: gracewalk dump --format F "
		       "--image FILE --root ADDRESS";
	if (words->image && words->path)
		return "a trace or an image, not both";
	if (words->image && (!words->format || !words->root))
		return "an image needs --format and --root";
	if (words->image && (words->policy || words->at || words->at_event))
		return "--policy, --at and --at-event are for a trace";
	if (!words->image && (words->root || words->image_base || words->swap || words->whole))
		return "--root, --for, --image-base and --swap are for an --image";
	if (words->at && words->at_event)
		return "--at or --at-event, not both";
	if (words->policy && strcmp(words->policy, "exact") && strcmp(words->policy, "linux"))
		return "--policy is exact or linux";
	return NULL;
}

static bool read_seconds(const char *text, double *seconds)
{
	char *end;

	*seconds = strtod(text, &end);
	return end != text && !*end && *seconds >= 0;
}

static bool read_range(char *text, uint64_t *first, uint64_t *last)
{
	char *dash = strchr(text, '-');

	if (!dash)
		return false;
	*dash = '\0';
	return given_number(text, first) && given_number(dash + 1, last) && *first <= *last;
}

/* Numbers. Return: what is wrong with one, or NULL. */
static const char *read_words(struct dump *dump, const struct words *words)
{
	struct dump_rules *rules = &dump->rules;

	if (words->at && !read_seconds(words->at, &dump->moment.seconds))
		return "--at is a number of seconds";
	if (words->at_event && !given_number(words->at_event, &dump->moment.events))
		return "--at-event is a number of events";
	if (words->root && !given_number(words->root, &dump->root))
		return "--root is an address";
	if (words->image_base && !given_number(words->image_base, &dump->image.base))
		return "--image-base is an address";
	if (words->whole && (!read_range(words->whole, &rules->for_first, &rules->for_last) ||
			     rules->for_first == rules->for_last))
		return "--for is FIRST-LAST, two addresses";
	if (words->range && !read_range(words->range, &rules->first, &rules->last))
		return "--range is FIRST-LAST, two addresses";
	if (words->max_tables && !given_number(words->max_tables, &rules->most_tables))
		return "--max-tables is a number";
	return NULL;
}

/* Return: 0, or the exit status. */
static int understand(struct dump *dump, const struct words *words)
{
	const char *wrong = check_words(words);

	*dump = (struct dump){
		.words = words,
		.policy = words->policy && !strcmp(words->policy, "linux") ? SPACE_LINUX
									   : SPACE_EXACT,
		.moment.by = words->at         ? DUMP_AT_SECONDS
			     : words->at_event ? DUMP_AT_EVENT
					       : DUMP_AT_MOST,
		.rules = {.holes = words->holes,
			  .linear = words->linear,
			  .last = UINT64_MAX,
			  .most_tables = MOST_TABLES},
		.image.swap = words->swap,
		.tell = {.to = stdout, .json = words->json, .tables = words->tables},
	};
	if (!wrong)
		wrong = read_words(dump, words);
	if (wrong) {
		fprintf(stderr, "gracewalk: %s\n", wrong);
		return 2;
	}
	dump->format = given_format(words->format ? words->format : "x86-64");
	dump->tell.format = dump->format;
	if (dump->format && words->whole && !dump->format->ranges) {
		fprintf(stderr, "gracewalk: --for: page tables of %s are for all addresses\n",
			dump->format->name);
		return 2;
	}
	return dump->format ? 0 : 2;
}

static int dump_words(const struct words *words)
{
	struct dump dump;
	int status = understand(&dump, words);

	if (status)
		return status;
	return words->image ? dump_image(&dump) : dump_trace(&dump);
}

static void forget(struct words *words)
{
	char *const all[] = {words->format,     words->policy, words->at,         words->at_event,
			     words->image,      words->root,   words->image_base, words->range,
			     words->max_tables, words->whole};

	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		free(all[i]);
}

int dump_main(int argc, const char **argv)
{
	struct words words = {0};
	const struct poptOption table[] = {
		{"format", 'f', POPT_ARG_STRING, &words.format, 0,
		 "page-table format, one of those in gracewalk(1); default, for a trace: x86-64",
		 "FORMAT"},
		{"policy", 'p', POPT_ARG_STRING, &words.policy, 0,
		 "when tables are freed: exact (the default) or linux", "POLICY"},
		{"at", 's', POPT_ARG_STRING, &words.at, 0,
		 "replay so much of the program's time; default: to the most pages", "SECONDS"},
		{"at-event", 'e', POPT_ARG_STRING, &words.at_event, 0, "replay so many events",
		 "N"},
		{"image", 'i', POPT_ARG_STRING, &words.image, 0, "a file of physical memory",
		 "FILE"},
		{"root", 'r', POPT_ARG_STRING, &words.root, 0,
		 "the root table's physical address in the image", "ADDRESS"},
		{"for", 0, POPT_ARG_STRING, &words.whole, 0,
		 "the page table is for these addresses alone (index64)", "FIRST-LAST"},
		{"image-base", 'b', POPT_ARG_STRING, &words.image_base, 0,
		 "physical address of the image's first byte; default: 0", "ADDRESS"},
		{"swap", 0, POPT_ARG_NONE, &words.swap, 0,
		 "entries in the image are in the other byte order", NULL},
		{"max-tables", 'm', POPT_ARG_STRING, &words.max_tables, 0,
		 "tables to read at most; default: 262144", "N"},
		{"range", 'a', POPT_ARG_STRING, &words.range, 0, "only what lies there",
		 "FIRST-LAST"},
		{"tables", 't', POPT_ARG_NONE, &words.tables, 0, "also a line for each table",
		 NULL},
		{"holes", 'o', POPT_ARG_NONE, &words.holes, 0, "also a line for each hole", NULL},
		{"linear", 'l', POPT_ARG_NONE, &words.linear, 0,
		 "a new line where output addresses do not run on", NULL},
		{"json", 'j', POPT_ARG_NONE, &words.json, 0, "print JSON", NULL},
		POPT_AUTOHELP POPT_TABLEEND,
	};
	poptContext context = poptGetContext("gracewalk dump", argc, argv, table, 0);
	int status = 2, word = poptGetNextOpt(context);

	words.path = poptGetArg(context);
	if (word < -1)
		fprintf(stderr, "gracewalk: %s: %s\n", poptBadOption(context, 0),
			poptStrerror(word));
	else if (poptPeekArg(context))
		fprintf(stderr, "gracewalk: one trace at a time; what is \"%s\"?\n",
			poptPeekArg(context));
	else
		status = dump_words(&words);
	poptFreeContext(context);
	forget(&words);
	return status;
}
