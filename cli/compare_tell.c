/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * What a comparison found: as tables, as JSON, as points to plot. */
#include "compare_tell.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static double kib(double bytes)
{
	return bytes / 1024;
}

static double ms(uint64_t ns)
{
	return (double)ns / 1e6;
}

static const char *policy_name(const struct compare_options *options)
{
	return options->linux_rules ? "linux" : "exact";
}

static unsigned long cpus(void)
{
	return (unsigned long)sysconf(_SC_NPROCESSORS_ONLN);
}

/* Of the memory held, what was neither in use nor waiting, over the program's life. */
static double wasted_part(const struct compare_result *result)
{
	const struct pace_result *memory = &result->memory;

	return memory->held_mean > 0 ? memory->wasted_mean / memory->held_mean : 0;
}

double compare_kernel_peak(const struct compare_told *told)
{
	const struct pace_curve *kernel = &told->outcome->kernel;
	uint64_t peak = 0;

	for (size_t i = 0; i < kernel->n; i++)
		if (kernel->point[i].level.held > peak)
			peak = kernel->point[i].level.held;
	return (double)peak;
}

/* ---- Spreads ---- */

struct spread {
	double median, min, max;
};

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static struct spread spread_of(double *values, unsigned n)
{
	qsort(values, n, sizeof(*values), by_size);
	return (struct spread){
		.median = n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2,
		.min = values[0],
		.max = values[n - 1],
	};
}

static double updater_ns(const struct compare_round *round)
{
	return round->ns;
}

static double million_walks(const struct compare_round *round)
{
	return round->walks / 1e6;
}

static struct spread spread_rounds(const struct compare_told *told, unsigned entry,
				   double (*value)(const struct compare_round *round))
{
	double values[COMPARE_ROUNDS_MAX];

	for (unsigned i = 0; i < told->options->rounds; i++)
		values[i] = value(&told->outcome->result[entry].rounds[i]);
	return spread_of(values, told->options->rounds);
}

/* What decoding takes for each operation, ns. */
static struct spread spread_decoding(const struct compare_told *told)
{
	double values[COMPARE_ROUNDS_MAX];

	for (unsigned i = 0; i < told->options->rounds; i++)
		values[i] = told->outcome->operations ? told->outcome->decoding[i] * 1e9 /
								(double)told->outcome->operations
						      : 0;
	return spread_of(values, told->options->rounds);
}

/* ---- A grid of columns that are as wide as they must be ---- */

enum { COLUMNS_MAX = 15, HEAD_ROWS = 2, CELL = COMPARE_NAME };

struct grid {
	unsigned columns, rows;
	char cell[HEAD_ROWS + COMPARE_ENTRIES_MAX][COLUMNS_MAX][CELL];
};

static void grid_heads(struct grid *grid, const char *const (*head)[HEAD_ROWS], size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (unsigned row = 0; row < HEAD_ROWS; row++)
			snprintf(grid->cell[row][i], CELL, "%s", head[i][row]);
	grid->columns = (unsigned)n;
	grid->rows = HEAD_ROWS;
}

static int grid_width(const struct grid *grid, unsigned column)
{
	size_t width = 0;

	for (unsigned row = 0; row < grid->rows; row++)
		if (strlen(grid->cell[row][column]) > width)
			width = strlen(grid->cell[row][column]);
	return (int)width;
}

static void grid_print(const struct grid *grid)
{
	for (unsigned row = 0; row < grid->rows; row++) {
		unsigned last = grid->columns - 1;

		while (last && !grid->cell[row][last][0])
			last--;
		printf("%-*s", grid_width(grid, 0), grid->cell[row][0]);
		for (unsigned column = 1; column <= last; column++)
			printf("  %*s", grid_width(grid, column), grid->cell[row][column]);
		printf("\n");
	}
}

/* With as many digits after the point, but with none where the number has three before it. */
static void grid_numbers(struct grid *grid, const char *name, const double *numbers,
			 const unsigned *digits)
{
	snprintf(grid->cell[grid->rows][0], CELL, "%s", name);
	for (unsigned i = 1; i < grid->columns; i++)
		snprintf(grid->cell[grid->rows][i], CELL, "%.*f",
			 numbers[i - 1] < 99.95 ? (int)digits[i - 1] : 0, numbers[i - 1]);
	grid->rows++;
}

/* ---- Tables ---- */

static void memory_head(struct grid *grid)
{
	static const char *const head[][HEAD_ROWS] = {
		{"", "scheme"}, {"held", "peak"},    {"", "mean"},        {"wasted", "peak"},
		{"", "mean"},   {"", "%"},           {"reuse", "median"}, {"", "p99"},
		{"", "worst"},  {"tables", "built"}, {"", "freed"},       {"call-", "backs"},
		{"", "GPs"},    {"bytes", "a page"},
	};

	grid_heads(grid, head, sizeof(head) / sizeof(head[0]));
}

static void memory_row(struct grid *grid, const char *name, const struct compare_result *result)
{
	static const unsigned digits[] = {0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0, 0};
	const struct pace_result *memory = &result->memory;
	const struct lab_counters *end = &result->end;
	const double numbers[] = {
		kib((double)memory->held_peak),
		kib(memory->held_mean),
		kib((double)memory->wasted_peak),
		kib(memory->wasted_mean),
		100 * wasted_part(result),
		ms(end->reuse.median),
		ms(end->reuse.p99),
		ms(end->reuse.worst),
		(double)end->allocs,
		(double)(end->defers + end->removes),
		(double)end->calls,
		(double)end->grace_periods,
		(double)end->side_bytes,
	};

	grid_numbers(grid, name, numbers, digits);
}

/* The kernel's own figure; and whether the replay kept pace. */
static void print_notes(const struct compare_told *told)
{
	double back = 0;

	for (unsigned i = 0; i < told->options->n; i++)
		if (told->outcome->result[i].memory.held_back > back)
			back = told->outcome->result[i].memory.held_back;
	if (told->outcome->kernel.n)
		printf("The kernel's VmPTE at its peak, tables of the upper levels too: %.0f "
		       "KiB.\n",
		       kib(compare_kernel_peak(told)));
	if (back > 0.001)
		printf("The replay was too slow for the recording; its clock was held back by up "
		       "to %.0f ms.\n",
		       back * 1e3);
}

static void print_memory(const struct compare_told *told)
{
	const struct compare_options *options = told->options;
	struct grid grid = {0};

	printf("\nMemory, at the recorded pace: %.2f s of the program's life, no walkers. "
	       "KiB; reuse in ms.\n",
	       told->outcome->seconds);
	memory_head(&grid);
	for (unsigned i = 0; i < options->n; i++)
		memory_row(&grid, options->entry[i].name, &told->outcome->result[i]);
	grid_print(&grid);
	print_notes(told);
}

static void speed_head(struct grid *grid)
{
	static const char *const head[][HEAD_ROWS] = {
		{"", "scheme"},    {"updater", "ns"}, {"", "min"}, {"", "max"},
		{"walker", "M/s"}, {"", "min"},       {"", "max"},
	};

	grid_heads(grid, head, sizeof(head) / sizeof(head[0]));
}

static void print_speed(const struct compare_told *told)
{
	static const unsigned digits[] = {1, 1, 1, 2, 2, 2};
	const struct compare_options *options = told->options;
	struct spread decoding = spread_decoding(told);
	struct grid grid = {0};

	printf("\nSpeed, as fast as it goes: medians of %u round(s), %u walker(s), %.0f "
	       "operations. In processor time:\nthe updater's ns an operation, without the %.1f "
	       "ns (%.1f to %.1f) that decoding the trace takes;\na walker's million walks a "
	       "second.\n",
	       options->rounds, options->walkers, (double)told->outcome->operations,
	       decoding.median, decoding.min, decoding.max);
	speed_head(&grid);
	for (unsigned i = 0; i < options->n; i++) {
		struct spread ns = spread_rounds(told, i, updater_ns);
		struct spread walks = spread_rounds(told, i, million_walks);
		const double numbers[] = {ns.median,    ns.min,    ns.max,
					  walks.median, walks.min, walks.max};

		grid_numbers(&grid, options->entry[i].name, numbers, digits);
	}
	grid_print(&grid);
}

static void print_words(const struct trace_meta *meta)
{
	size_t room = 60;

	for (size_t i = 0; i < meta->argc && room; i++) {
		int n = printf(" %.*s", (int)room, meta->argv[i]);

		room = n > 0 && (size_t)n < room ? room - (size_t)n : 0;
	}
}

void compare_print(const struct compare_told *told)
{
	const struct compare_options *o = told->options;

	printf("%s:", told->path);
	print_words(told->meta);
	printf("\npages of %.0f KiB, %u table(s) of %zu bytes in each, an entry for %.0f KiB; "
	       "policy %s; %lu CPUs\n",
	       kib((double)o->page_bytes), o->tables_per_page, o->page_bytes / o->tables_per_page,
	       kib((double)o->leaf_bytes), policy_name(o), cpus());
	print_memory(told);
	if (o->rounds)
		print_speed(told);
}

/* ---- JSON ---- */

struct named {
	const char *name;
	double number;
};

static cJSON *add_object(cJSON *to, const char *name, const struct named *members, size_t n)
{
	cJSON *object = name ? cJSON_AddObjectToObject(to, name) : cJSON_CreateObject();

	for (size_t i = 0; i < n; i++)
		cJSON_AddNumberToObject(object, members[i].name, members[i].number);
	return object;
}

static void add_memory(cJSON *to, const struct compare_result *result)
{
	const struct pace_result *memory = &result->memory;
	const struct lab_counters *end = &result->end;
	const struct named members[] = {
		{"seconds", memory->seconds},
		{"seconds_skipped", memory->skipped},
		{"seconds_held_back", memory->held_back},
		{"samples", (double)memory->samples},
		{"held_bytes_peak", (double)memory->held_peak},
		{"held_bytes_mean", memory->held_mean},
		{"in_use_bytes_mean", memory->used_mean},
		{"waiting_bytes_peak", (double)memory->waiting_peak},
		{"waiting_bytes_mean", memory->waiting_mean},
		{"wasted_bytes_peak", (double)memory->wasted_peak},
		{"wasted_bytes_mean", memory->wasted_mean},
		{"wasted_part", wasted_part(result)},
		{"pages_peak", (double)end->pages_peak},
		{"pages_taken", (double)end->pages_taken},
		{"pages_after", (double)end->pages},
		{"tables_built", (double)end->allocs},
		{"tables_freed_at_once", (double)end->frees},
		{"tables_deferred", (double)end->defers},
		{"tables_removed", (double)end->removes},
		{"callbacks", (double)end->calls},
		{"grace_periods", (double)end->grace_periods},
		{"ipis", (double)end->syncs},
		{"side_bytes_a_page", (double)end->side_bytes},
		{"reuses", (double)end->reuse.count},
		{"reuse_ms_median", ms(end->reuse.median)},
		{"reuse_ms_p99", ms(end->reuse.p99)},
		{"reuse_ms_worst", ms(end->reuse.worst)},
	};

	add_object(to, "memory", members, sizeof(members) / sizeof(members[0]));
}

static void add_spread(cJSON *to, const char *name, struct spread spread)
{
	const struct named members[] = {
		{"median", spread.median}, {"min", spread.min}, {"max", spread.max}};

	add_object(to, name, members, 3);
}

static void add_speed(cJSON *to, const struct compare_told *told, unsigned entry)
{
	cJSON *speed = cJSON_AddObjectToObject(to, "speed"), *rounds;

	add_spread(speed, "updater_ns", spread_rounds(told, entry, updater_ns));
	add_spread(speed, "million_walks_a_second", spread_rounds(told, entry, million_walks));
	rounds = cJSON_AddArrayToObject(speed, "rounds");
	for (unsigned i = 0; i < told->options->rounds; i++) {
		const struct compare_round *round = &told->outcome->result[entry].rounds[i];
		const struct named members[] = {
			{"passes", round->passes},
			{"wall_seconds_a_pass", round->wall},
			{"updater_seconds_a_pass", round->seconds},
			{"decoding_seconds_a_pass", told->outcome->decoding[i]},
			{"updater_ns", round->ns},
			{"walks_a_second", round->walks},
		};

		cJSON_AddItemToArray(rounds, add_object(NULL, NULL, members,
							sizeof(members) / sizeof(members[0])));
	}
}

static cJSON *entry_json(const struct compare_told *told, unsigned i)
{
	const struct compare_entry *entry = &told->options->entry[i];
	const struct compare_result *result = &told->outcome->result[i];
	cJSON *one = cJSON_CreateObject();

	cJSON_AddStringToObject(one, "name", entry->name);
	cJSON_AddStringToObject(one, "scheme", entry->scheme->name);
	cJSON_AddStringToObject(one, "unmap", lab_unmap_names[entry->unmap]);
	add_memory(one, result);
	if (told->options->rounds)
		add_speed(one, told, i);
	if (result->failure[0])
		cJSON_AddStringToObject(one, "failure", result->failure);
	return one;
}

cJSON *compare_json(const struct compare_told *told)
{
	const struct compare_options *o = told->options;
	const struct named members[] = {
		{"seconds", told->outcome->seconds},
		{"operations", (double)told->outcome->operations},
		{"page_bytes", (double)o->page_bytes},
		{"tables_per_page", o->tables_per_page},
		{"leaf_bytes", (double)o->leaf_bytes},
		{"rounds", o->rounds},
		{"walkers", o->walkers},
		{"cpus", (double)cpus()},
		{"kernel_bytes_peak", compare_kernel_peak(told)},
	};
	cJSON *all = add_object(NULL, NULL, members, sizeof(members) / sizeof(members[0]));
	cJSON *words, *entries;

	cJSON_AddStringToObject(all, "trace", told->path);
	cJSON_AddStringToObject(all, "policy", policy_name(o));
	words = cJSON_AddArrayToObject(all, "program");
	for (size_t i = 0; i < told->meta->argc; i++)
		cJSON_AddItemToArray(words, cJSON_CreateString(told->meta->argv[i]));
	entries = cJSON_AddArrayToObject(all, "schemes");
	for (unsigned i = 0; i < o->n; i++)
		cJSON_AddItemToArray(entries, entry_json(told, i));
	return all;
}

/* ---- Points ---- */

void compare_samples_head(FILE *file)
{
	fprintf(file, "trace,scheme,seconds,held,in_use,waiting,wasted\n");
}

/* A field as it is, or in quotes where it has what would end it. */
static void csv_field(FILE *file, const char *text)
{
	bool quotes = text[strcspn(text, ",\"\n")];

	if (quotes)
		fputc('"', file);
	for (; *text; text++) {
		if (*text == '"')
			fputc('"', file);
		fputc(*text, file);
	}
	fputs(quotes ? "\"," : ",", file);
}

static void csv_curve(FILE *file, const char *trace, const char *name,
		      const struct pace_curve *curve)
{
	for (size_t i = 0; i < curve->n; i++) {
		const struct lab_level *level = &curve->point[i].level;

		csv_field(file, trace);
		csv_field(file, name);
		fprintf(file, "%.6f,%llu,%llu,%llu,%llu\n", curve->point[i].seconds,
			(unsigned long long)level->held, (unsigned long long)level->used,
			(unsigned long long)level->waiting, (unsigned long long)level->wasted);
	}
}

void compare_samples(FILE *file, const struct compare_told *told)
{
	for (unsigned i = 0; i < told->options->n; i++)
		csv_curve(file, told->path, told->options->entry[i].name,
			  &told->outcome->result[i].memory.curve);
	csv_curve(file, told->path, "kernel VmPTE", &told->outcome->kernel);
}
