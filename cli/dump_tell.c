/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * A page table in words, or as JSON, while it is read: a list can be longer than memory. */
#include "dump_tell.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	uint32_t bit;
	char letter; /* 0: a word of its own */
	const char *word;
} attrs[] = {
	{GW_READ, 'r', "read"},   {GW_WRITE, 'w', "write"},     {GW_EXEC, 'x', "execute"},
	{GW_USER, 'u', "user"},   {GW_GLOBAL, 'g', "global"},   {GW_ACCESSED, 'a', "accessed"},
	{GW_DIRTY, 'd', "dirty"}, {GW_UNCACHED, 0, "uncached"}, {GW_SOFT0, 0, "soft0"},
	{GW_SOFT1, 0, "soft1"},   {GW_SOFT2, 0, "soft2"},       {GW_CONTIGUOUS, 0, "contiguous"},
};

/* What is told of each kind: a word for programs, a sentence's end for people. */
static const struct {
	const char *word, *text;
} kinds[DUMP_KINDS] = {
	[DUMP_HOLE] = {"hole", "hole"},
	[DUMP_LEAF] = {"leaf", "leaves"},
	[DUMP_OTHER] = {"other", "neither empty, nor leaf, nor table"},
	[DUMP_OUTSIDE] = {"outside", "outside the image"},
	[DUMP_MISALIGNED] = {"misaligned", "not aligned"},
	[DUMP_LOOP] = {"loop", "on the way to itself"},
	[DUMP_LIMIT] = {"limit", "not read: the limit of --max-tables is reached"},
};

enum { ATTRS = sizeof(attrs) / sizeof(attrs[0]), SIZE_ROOM = 24 };

/* Bytes in the largest unit that leaves no remainder; 0 stands for all 64 bits. */
static const char *size(char room[SIZE_ROOM], uint64_t bytes)
{
	unsigned unit = 0;

	if (!bytes)
		return "16E";
	while (unit < 6 && !(bytes & 1023)) {
		bytes >>= 10;
		unit++;
	}
	snprintf(room, SIZE_ROOM, "%" PRIu64 "%c", bytes, "BKMGTPE"[unit]);
	return room;
}

static uint64_t leaf_bytes(const struct dump_tell *t, unsigned level)
{
	return 1ull << t->format->shape(level).shift;
}

/* ---- JSON: an object a line ---- */

/* As text: a JSON number has 53 bits. */
static void add_hex(cJSON *object, const char *name, uint64_t number)
{
	char text[32];

	snprintf(text, sizeof(text), "0x%" PRIx64, number);
	cJSON_AddStringToObject(object, name, text);
}

static void put(struct dump_tell *t, cJSON *object)
{
	char *text = cJSON_PrintUnformatted(object);

	fprintf(t->to, "%s\n%s", t->began ? "," : "", text ? text : "null");
	t->began = true;
	free(text);
	cJSON_Delete(object);
}

static cJSON *object_of(const char *kind, uint64_t first, uint64_t last, unsigned level)
{
	cJSON *object = cJSON_CreateObject();

	cJSON_AddStringToObject(object, "kind", kind);
	add_hex(object, "first", first);
	add_hex(object, "last", last);
	cJSON_AddNumberToObject(object, "level", level);
	return object;
}

static void add_leaf(const struct dump_tell *t, cJSON *object, const struct dump_run *run)
{
	cJSON *list = cJSON_AddArrayToObject(object, "attr");

	for (unsigned i = 0; i < ATTRS; i++)
		if (run->attr & attrs[i].bit)
			cJSON_AddItemToArray(list, cJSON_CreateString(attrs[i].word));
	cJSON_AddNumberToObject(object, "leaf_bytes", (double)leaf_bytes(t, run->level));
	cJSON_AddNumberToObject(object, "count", (double)run->count);
	cJSON_AddBoolToObject(object, "linear", run->linear);
	add_hex(object, "out", run->out);
	if (run->other)
		add_hex(object, "other_bits", run->other);
}

static void run_json(struct dump_tell *t, const struct dump_run *run)
{
	cJSON *object = object_of(kinds[run->kind].word, run->first, run->last, run->level);

	if (run->kind == DUMP_LEAF) {
		add_leaf(t, object, run);
	} else if (run->kind == DUMP_OTHER) {
		cJSON_AddNumberToObject(object, "count", (double)run->count);
		add_hex(object, "entry", run->out);
	} else if (run->kind != DUMP_HOLE) {
		cJSON_AddNumberToObject(object, "count", (double)run->count);
		add_hex(object, "table", run->out);
	}
	put(t, object);
}

static void table_json(struct dump_tell *t, const struct dump_table *table)
{
	cJSON *object = object_of("table", table->first, table->last, table->level);

	add_hex(object, "table", table->address);
	cJSON_AddNumberToObject(object, "used", (double)table->used);
	cJSON_AddNumberToObject(object, "entries", (double)table->entries);
	put(t, object);
}

static void summary_json(struct dump_tell *t, const struct dump_summary *sum)
{
	cJSON *all = cJSON_CreateObject(), *levels = cJSON_AddArrayToObject(all, "levels");
	char *text;

	for (unsigned level = 0; level < t->format->levels; level++) {
		cJSON *one = cJSON_CreateObject();

		cJSON_AddNumberToObject(one, "level", level);
		cJSON_AddNumberToObject(one, "tables", (double)sum->tables[level]);
		cJSON_AddNumberToObject(one, "leaves", (double)sum->leaves[level]);
		cJSON_AddNumberToObject(one, "leaf_bytes", (double)leaf_bytes(t, level));
		cJSON_AddItemToArray(levels, one);
	}
	cJSON_AddNumberToObject(all, "bytes_mapped", (double)sum->bytes);
	cJSON_AddNumberToObject(all, "bytes_of_tables", (double)sum->table_bytes);
	for (unsigned kind = DUMP_OTHER; kind < DUMP_KINDS; kind++)
		cJSON_AddNumberToObject(all, kinds[kind].word, (double)sum->entries[kind]);
	text = cJSON_PrintUnformatted(all);
	fprintf(t->to, "\n],\n\"summary\":%s}\n", text ? text : "null");
	free(text);
	cJSON_Delete(all);
}

/* ---- Words ---- */

static void print_attr(const struct dump_tell *t, uint32_t attr)
{
	if (!t->format->attrs)
		return;
	fprintf(t->to, "  ");
	for (unsigned i = 0; i < ATTRS; i++)
		if (attrs[i].letter)
			putc(attr & attrs[i].bit ? attrs[i].letter : '-', t->to);
	for (unsigned i = 0; i < ATTRS; i++)
		if (!attrs[i].letter && attr & attrs[i].bit)
			fprintf(t->to, " %s", attrs[i].word);
}

static void print_leaves(const struct dump_tell *t, const struct dump_run *run)
{
	char room[SIZE_ROOM];

	fprintf(t->to, "%6" PRIu64 " x %-4s level %u", run->count,
		size(room, leaf_bytes(t, run->level)), run->level);
	print_attr(t, run->attr);
	if (run->linear)
		fprintf(t->to, "  %s 0x%" PRIx64, t->format->one_value ? "=" : "->", run->out);
	else
		fprintf(t->to, "  -> scattered");
	if (run->other)
		fprintf(t->to, "  other bits 0x%" PRIx64, run->other);
}

static void print_span(const struct dump_tell *t, uint64_t first, uint64_t last)
{
	char room[SIZE_ROOM];

	fprintf(t->to, "0x%016" PRIx64 "-0x%016" PRIx64 " %7s  ", first, last,
		size(room, last - first + 1));
}

static void run_words(const struct dump_tell *t, const struct dump_run *run)
{
	const char *text = kinds[run->kind].text;

	print_span(t, run->first, run->last);
	if (run->kind == DUMP_LEAF) {
		print_leaves(t, run);
	} else if (run->kind == DUMP_HOLE) {
		fprintf(t->to, "%s", text);
	} else {
		fprintf(t->to, "%s 0x%" PRIx64, run->kind == DUMP_OTHER ? "entry" : "table at",
			run->out);
		if (run->count > 1)
			fprintf(t->to, " and %" PRIu64 " more", run->count - 1);
		fprintf(t->to, ": %s", text);
	}
	putc('\n', t->to);
}

static void table_words(const struct dump_tell *t, const struct dump_table *table)
{
	print_span(t, table->first, table->last);
	fprintf(t->to, "table of level %u at 0x%" PRIx64 ", %" PRIu64 " of %" PRIu64 " in use\n",
		table->level, table->address, table->used, table->entries);
}

static void summary_words(const struct dump_tell *t, const struct dump_summary *sum)
{
	char room[SIZE_ROOM];

	fprintf(t->to, "\n%5s %12s %12s  %s\n", "level", "tables", "leaves", "of");
	for (unsigned level = t->format->levels; level-- > 0;)
		fprintf(t->to, "%5u %12" PRIu64 " %12" PRIu64 "  %s\n", level, sum->tables[level],
			sum->leaves[level], size(room, leaf_bytes(t, level)));
	fprintf(t->to, "%s mapped", sum->bytes ? size(room, sum->bytes) : "nothing");
	fprintf(t->to, ", %s of tables\n", sum->table_bytes ? size(room, sum->table_bytes) : "0B");
	for (unsigned kind = DUMP_OTHER; kind < DUMP_KINDS; kind++)
		if (sum->entries[kind])
			fprintf(t->to, "%" PRIu64 " %s: %s\n", sum->entries[kind],
				kind == DUMP_OTHER ? "entries" : "tables", kinds[kind].text);
}

/* ---- Either ---- */

static void tell_run(void *ctx, const struct dump_run *run)
{
	struct dump_tell *t = ctx;

	if (t->json)
		run_json(t, run);
	else
		run_words(t, run);
}

static void tell_table(void *ctx, const struct dump_table *table)
{
	struct dump_tell *t = ctx;

	if (t->json)
		table_json(t, table);
	else
		table_words(t, table);
}

struct dump_sink dump_tell_sink(struct dump_tell *t)
{
	return (struct dump_sink){
		.run = tell_run,
		.table = t->tables ? tell_table : NULL,
		.ctx = t,
	};
}

void dump_tell_head(struct dump_tell *t, const char *words, const cJSON *source)
{
	char *text;

	if (!t->json) {
		fprintf(t->to, "%s\n\n", words);
		return;
	}
	text = cJSON_PrintUnformatted(source);
	fprintf(t->to, "{\"source\":%s,\n\"ranges\":[", text ? text : "null");
	free(text);
}

void dump_tell_end(struct dump_tell *t, const struct dump_summary *summary)
{
	if (t->json)
		summary_json(t, summary);
	else
		summary_words(t, summary);
}
