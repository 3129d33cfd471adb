/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Fuzz target of memory images: whatever they hold, a dump comes to an end, tells of each address
 * once and in order, sums up what it told, and prints JSON that can be read.
 *
 * Input, little-endian: the format's number and flags, a byte each; how many tables to read, a
 * byte; the image's size, 3 bytes; its base / 512, 2 bytes; the root, 4 bytes; the range's ends, 8
 * bytes each; then entries: its place / 8, 2 bytes, and 8 bytes of value. Whatever does not hold
 * traps. */
#include "dump_image.h"
#include "dump_tell.h"
#include "input.h"

enum { HOLES = 1, LINEAR = 2, TABLES = 4, JSON = 8, SWAP = 16, RANGE = 32 };
enum { TABLES_MAX = 8, IMAGE_MAX = 1 << 18 };

/* ---- Input ---- */

/* In memory of just its size, so that a byte too many is noticed. */
static struct dump_image take_image(struct input *input, bool swap)
{
	struct dump_image image = {.size = take(input, 3) % IMAGE_MAX, .swap = swap};

	image.base = take(input, 2) * 512;
	image.bytes = calloc(1, image.size ? image.size : 1);
	hold(image.bytes);
	return image;
}

static void take_entries(struct input *input, struct dump_image *image)
{
	while (input->left) {
		uint64_t place = take(input, 2) * 8, value = take(input, 8);

		if (place + sizeof(value) <= image->size)
			memcpy(image->bytes + place, &value, sizeof(value));
	}
}

/* ---- What is told ---- */

struct told {
	const struct gw_format *format;
	const struct dump_rules *rules;
	struct dump_sink out;
	uint64_t next; /* the lowest address not told of yet */
	bool all;      /* the last address was told of */
	uint64_t runs, tables, bytes, count[DUMP_KINDS];
};

static uint64_t low(const struct gw_format *format, uint64_t va)
{
	return format->va_bits == 64 ? va : va & ((1ull << format->va_bits) - 1);
}

static void on_run(void *ctx, const struct dump_run *run)
{
	struct told *told = ctx;

	hold(run->kind < DUMP_KINDS && run->level < told->format->levels && run->count);
	hold(!told->all && run->first >= told->next && run->first <= run->last);
	/* A root that is not read is told of whatever the range. */
	hold(run->kind >= DUMP_OUTSIDE ||
	     (run->first <= told->rules->last && run->last >= told->rules->first));
	/* Addresses that the format has not are in no run; tables that are not read may span them.
	 */
	hold(run->kind >= DUMP_OUTSIDE ||
	     run->last - run->first ==
		     low(told->format, run->last) - low(told->format, run->first));
	/* With holes told of, there is nothing in between. */
	if (told->rules->holes && told->runs)
		hold(run->first == told->next);
	told->runs++;
	told->count[run->kind] += run->count;
	told->all = run->last >= told->format->canonical(low(told->format, UINT64_MAX));
	told->next = told->format->canonical(low(told->format, run->last + 1));
	if (run->kind == DUMP_LEAF)
		told->bytes += run->last - run->first + 1;
	told->out.run(told->out.ctx, run);
}

static void on_table(void *ctx, const struct dump_table *table)
{
	struct told *told = ctx;

	hold(table->level < told->format->levels && table->used <= table->entries);
	told->tables++;
	told->out.table(told->out.ctx, table);
}

static void sums_up(const struct told *told, const struct dump_summary *sum)
{
	uint64_t tables = 0, not_read = 0;

	for (unsigned level = 0; level < DUMP_LEVELS; level++)
		tables += sum->tables[level];
	hold(tables <= told->rules->most_tables);
	hold(!told->out.table || told->tables == tables);
	for (unsigned kind = DUMP_LEAF; kind < DUMP_KINDS; kind++)
		hold(told->count[kind] == sum->entries[kind]);
	for (unsigned kind = DUMP_OUTSIDE; kind < DUMP_KINDS; kind++)
		not_read += told->count[kind];
	hold(dump_incomplete(sum) == (not_read > 0));
	hold(told->bytes == sum->bytes);
}

/* ---- A dump ---- */

static void dump(struct told *told, struct dump_image *image, uint64_t root, struct dump_tell *tell)
{
	const struct dump_memory memory = dump_image_memory(image);
	struct dump_sink sink = dump_tell_sink(tell);
	cJSON *source = cJSON_CreateObject();
	struct dump_summary summary;

	told->out = sink;
	sink = (struct dump_sink){on_run, sink.table ? on_table : NULL, told};
	dump_tell_head(tell, "an image", source);
	cJSON_Delete(source);
	summary = dump_walk(told->format, &memory, root, told->rules, &sink);
	dump_tell_end(tell, &summary);
	sums_up(told, &summary);
}

static void read_back(const char *text, bool json)
{
	cJSON *all;

	hold(*text);
	if (!json)
		return;
	all = cJSON_Parse(text);
	hold(all && cJSON_GetObjectItem(all, "summary"));
	cJSON_Delete(all);
}

static const struct gw_format *take_format(struct input *input)
{
	unsigned formats = 0;

	while (gw_format_at(formats))
		formats++;
	return gw_format_at((unsigned)take(input, 1) % formats);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {data, size};
	const struct gw_format *format = take_format(&input);
	unsigned flags = (unsigned)take(&input, 1);
	struct dump_rules rules = {
		.holes = flags & HOLES,
		.linear = flags & LINEAR,
		.last = UINT64_MAX,
		.most_tables = take(&input, 1) % TABLES_MAX,
	};
	struct dump_image image = take_image(&input, flags & SWAP);
	uint64_t root = take(&input, 4);
	uint64_t first = take(&input, 8), last = take(&input, 8);
	struct told told = {.format = format, .rules = &rules};
	struct dump_tell tell = {.format = format, .json = flags & JSON, .tables = flags & TABLES};
	size_t length;
	char *text;

	if (flags & RANGE && first <= last)
		rules.first = first, rules.last = last;
	take_entries(&input, &image);
	tell.to = open_memstream(&text, &length);
	hold(tell.to);
	dump(&told, &image, root, &tell);
	hold(!fclose(tell.to));
	read_back(text, tell.json);
	free(text);
	free(image.bytes);
	return 0;
}
