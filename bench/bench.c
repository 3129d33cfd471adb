/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * What the benchmarks share: rounds that alternate, medians with their spread, one report. */
#include "bench.h"
#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = BENCH_ROUNDS, WARM_UPS = 1 };

struct spread {
	double median, low, high;
};

static cJSON *report, *figures;
static const char *json_path;

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static struct spread spread_of_some(const double *values, unsigned n)
{
	double *sorted = malloc(n * sizeof(*sorted));
	struct spread s;

	bench_check(sorted, "no memory");
	memcpy(sorted, values, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), compare);
	s = (struct spread){sorted[n / 2], sorted[0], sorted[n - 1]};
	free(sorted);
	return s;
}

static struct spread spread_of(const double values[ROUNDS])
{
	return spread_of_some(values, ROUNDS);
}

/* ---- The report ---- */

/* The value of the first line of /proc/cpuinfo with that key. */
static void cpu_name(char *name, size_t bytes)
{
	FILE *f = fopen("/proc/cpuinfo", "re");
	char line[256];

	snprintf(name, bytes, "unknown");
	while (f && fgets(line, sizeof(line), f)) {
		char *value = strchr(line, ':');

		if (value && !strncmp(line, "model name", 10)) {
			snprintf(name, bytes, "%s", value + 2);
			name[strcspn(name, "\n")] = 0;
			break;
		}
	}
	if (f)
		fclose(f);
}

static void say(const char *key, const char *value)
{
	printf("%-10s%s\n", key, value);
	cJSON_AddStringToObject(report, key, value);
}

static void say_machine(void)
{
	char cpu[128], line[512];
	struct utsname os;

	uname(&os);
	cpu_name(cpu, sizeof(cpu));
	snprintf(line, sizeof(line), "%s, %ld CPUs, %s %s %s", cpu, sysconf(_SC_NPROCESSORS_ONLN),
		 os.sysname, os.release, os.machine);
	say("machine", line);
}

int bench_begin(const char *title, int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "--json")) {
		json_path = argv[2];
	} else if (argc != 1) {
		fprintf(stderr, "usage: %s [--json PATH]\n", argv[0]);
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	report = cJSON_CreateObject();
	say("benchmark", title);
	say_machine();
	say("compiler", BENCH_COMPILER);
	say("flags", BENCH_FLAGS);
	printf("%-10s%d, A B A B in one process; median [lowest, highest]\n\n", "rounds", ROUNDS);
	figures = cJSON_AddArrayToObject(report, "figures");
	return 0;
}

static void add_spread(cJSON *to, const char *key, struct spread s)
{
	cJSON *values = cJSON_AddObjectToObject(to, key);

	cJSON_AddNumberToObject(values, "median", s.median);
	cJSON_AddNumberToObject(values, "low", s.low);
	cJSON_AddNumberToObject(values, "high", s.high);
}

static cJSON *add_figure(const char *name)
{
	cJSON *figure = cJSON_CreateObject();

	cJSON_AddItemToArray(figures, figure);
	cJSON_AddStringToObject(figure, "name", name);
	return figure;
}

void bench_values(const char *name, const double values[BENCH_ROUNDS], const char *unit)
{
	cJSON *figure = add_figure(name);
	struct spread s = spread_of(values);

	printf("  %-76s%10.3f [%.3f, %.3f] %s\n", name, s.median, s.low, s.high, unit);
	cJSON_AddStringToObject(figure, "unit", unit);
	add_spread(figure, "values", s);
}

void bench_figure(const char *name, uint64_t value, const char *unit)
{
	cJSON *figure = add_figure(name);

	printf("  %-46s%12llu %s\n", name, (unsigned long long)value, unit);
	cJSON_AddNumberToObject(figure, "value", (double)value);
	cJSON_AddStringToObject(figure, "unit", unit);
}

bool bench_save(void)
{
	FILE *f = json_path ? fopen(json_path, "we") : NULL;
	char *text = f ? cJSON_Print(report) : NULL;
	bool ok = !json_path || (text && fprintf(f, "%s\n", text) > 0);

	if (f && fclose(f))
		ok = false;
	if (!ok)
		fprintf(stderr, "cannot write %s\n", json_path);
	free(text);
	return ok;
}

int bench_end(void)
{
	bool ok = bench_save();

	cJSON_Delete(report);
	return ok ? 0 : 1;
}

/* ---- Timing ---- */

double bench_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Nanoseconds a unit. */
static double time_of(const struct bench_work *work)
{
	double start = bench_now_ns();

	work->run(work->ctx);
	return (bench_now_ns() - start) / (double)work->units;
}

void bench_pair(const char *name, struct bench_work ours, struct bench_work base)
{
	double a[ROUNDS], b[ROUNDS], ratio[ROUNDS];
	cJSON *figure = add_figure(name);
	struct spread r;

	for (int i = -WARM_UPS; i < ROUNDS; i++) {
		double x = time_of(&ours), y = time_of(&base);

		if (i < 0)
			continue;
		a[i] = x;
		b[i] = y;
		ratio[i] = x / y;
	}
	r = spread_of(ratio);
	printf("  %-46s%9.2f ns%9.2f ns   ratio %6.3f [%.3f, %.3f]\n", name, spread_of(a).median,
	       spread_of(b).median, r.median, r.low, r.high);
	add_spread(figure, "ours_ns", spread_of(a));
	add_spread(figure, "base_ns", spread_of(b));
	add_spread(figure, "ratio", r);
}

static void nothing(void *ctx)
{
	(void)ctx;
}

void bench_one(const char *name, struct bench_work work)
{
	bench_one_with(name, nothing, work);
}

void bench_one_with(const char *name, void (*before)(void *ctx), struct bench_work work)
{
	cJSON *figure = add_figure(name);
	double a[ROUNDS];
	struct spread s;

	for (int i = -WARM_UPS; i < ROUNDS; i++) {
		double x;

		before(work.ctx);
		x = time_of(&work);
		if (i >= 0)
			a[i] = x;
	}
	s = spread_of(a);
	printf("  %-46s%9.2f ns [%.2f, %.2f]\n", name, s.median, s.low, s.high);
	add_spread(figure, "ours_ns", s);
}

/* ---- Several in turns ---- */

struct column {
	double value[ROUNDS];
};

/* What every row came to in every round: column `metric` of row `row` stands at
 * row * BENCH_METRICS + metric. */
static struct column *take_turns(const struct bench_row *row, unsigned rows, unsigned warm_ups,
				 unsigned rounds)
{
	struct column *columns = calloc((size_t)rows * BENCH_METRICS, sizeof(*columns));

	bench_check(columns, "no memory");
	for (int i = -(int)warm_ups; i < (int)rounds; i++)
		for (unsigned r = 0; r < rows; r++) {
			double value[BENCH_METRICS] = {0};

			if (row[r].skipped)
				continue;
			row[r].turn(row[r].ctx, value);
			for (unsigned m = 0; i >= 0 && m < BENCH_METRICS; m++)
				columns[r * BENCH_METRICS + m].value[i] = value[m];
		}
	return columns;
}

void bench_turns(const struct bench_row *row, unsigned rows, unsigned rounds)
{
	double nothing_told[BENCH_METRICS];

	for (unsigned i = 0; i < rounds; i++)
		for (unsigned r = 0; r < rows; r++)
			if (!row[r].skipped)
				row[r].turn(row[r].ctx, nothing_told);
}

static void say_skipped(cJSON *list, const struct bench_row *row)
{
	cJSON *entry = cJSON_CreateObject();

	cJSON_AddItemToArray(list, entry);
	cJSON_AddStringToObject(entry, "name", row->name);
	cJSON_AddStringToObject(entry, "skipped", row->skipped);
	printf("  %-34s skipped: %s\n", row->name, row->skipped);
}

static void say_row(cJSON *list, const char *name, const struct column *mine,
		    const struct column *base, unsigned rounds)
{
	struct spread s = spread_of_some(mine->value, rounds), r;
	cJSON *entry = cJSON_CreateObject();
	double ratio[ROUNDS];
	bool comparable = true;

	cJSON_AddItemToArray(list, entry);
	cJSON_AddStringToObject(entry, "name", name);
	add_spread(entry, "value", s);
	printf("  %-34s%12.4g [%.4g, %.4g]", name, s.median, s.low, s.high);
	for (unsigned i = 0; i < rounds; i++) {
		comparable &= base->value[i] > 0;
		ratio[i] = comparable ? mine->value[i] / base->value[i] : 0;
	}
	if (comparable) {
		r = spread_of_some(ratio, rounds);
		add_spread(entry, "ratio", r);
		printf("   ratio %.4g [%.4g, %.4g]", r.median, r.low, r.high);
	}
	printf("\n");
}

void bench_rows(const char *title, const struct bench_metric *metric, unsigned n,
		const struct bench_row *row, unsigned rows, unsigned warm_ups, unsigned rounds)
{
	struct column *columns = take_turns(row, rows, warm_ups, rounds);

	for (unsigned m = 0; m < n; m++) {
		cJSON *figure = add_figure(title), *list;

		printf("%s: %s, %s\n", title, metric[m].name, metric[m].unit);
		cJSON_AddStringToObject(figure, "metric", metric[m].name);
		cJSON_AddStringToObject(figure, "unit", metric[m].unit);
		list = cJSON_AddArrayToObject(figure, "rows");
		for (unsigned r = 0; r < rows; r++)
			if (row[r].skipped)
				say_skipped(list, &row[r]);
			else
				say_row(list, row[r].name, &columns[r * BENCH_METRICS + m],
					&columns[m], rounds);
		printf("\n");
	}
	free(columns);
}

/* A number that is not one is null in JSON. */
static cJSON *number_or_null(double value)
{
	return isnan(value) ? cJSON_CreateNull() : cJSON_CreateNumber(value);
}

static cJSON *array_of(const char *name)
{
	cJSON *list = cJSON_GetObjectItem(report, name);

	return list ? list : cJSON_AddArrayToObject(report, name);
}

void bench_series(const char *title, const char *name, const struct bench_column *column,
		  unsigned columns, unsigned n)
{
	cJSON *entry = cJSON_CreateObject(), *list;

	bench_check(n, "no samples");
	cJSON_AddItemToArray(array_of("series"), entry);
	cJSON_AddStringToObject(entry, "name", title);
	cJSON_AddStringToObject(entry, "row", name);
	list = cJSON_AddArrayToObject(entry, "columns");
	for (unsigned c = 0; c < columns; c++) {
		cJSON *to = cJSON_CreateObject();
		struct spread s = spread_of_some(column[c].value, n);

		printf("  %-34s%-28s%12.4g [%.4g, %.4g] %s\n", c ? "" : name, column[c].name,
		       s.median, s.low, s.high, column[c].unit);
		cJSON_AddItemToArray(list, to);
		cJSON_AddStringToObject(to, "name", column[c].name);
		cJSON_AddStringToObject(to, "unit", column[c].unit);
		add_spread(to, "spread", s);
		cJSON_AddItemToObject(to, "values",
				      cJSON_CreateDoubleArray(column[c].value, (int)n));
	}
}

void bench_table(const char *title, const char *const *column, unsigned columns,
		 const char *const *row, unsigned rows, const double *value)
{
	cJSON *table = cJSON_CreateObject(), *list;

	cJSON_AddItemToArray(array_of("tables"), table);
	cJSON_AddStringToObject(table, "name", title);
	cJSON_AddItemToObject(table, "columns", cJSON_CreateStringArray(column, (int)columns));
	list = cJSON_AddArrayToObject(table, "rows");
	printf("%s\n  %-44s", title, "");
	for (unsigned c = 0; c < columns; c++)
		printf(" %14s", column[c]);
	printf("\n");
	for (unsigned r = 0; r < rows; r++) {
		cJSON *entry = cJSON_CreateObject(), *values;

		cJSON_AddItemToArray(list, entry);
		cJSON_AddStringToObject(entry, "name", row[r]);
		values = cJSON_AddArrayToObject(entry, "values");
		printf("  %-44s", row[r]);
		for (unsigned c = 0; c < columns; c++) {
			double v = value[r * columns + c];

			cJSON_AddItemToArray(values, number_or_null(v));
			if (isnan(v))
				printf(" %14s", "-");
			else
				printf(" %14.5g", v);
		}
		printf("\n");
	}
	printf("\n");
}

void bench_check(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "wrong: %s\n", what);
	exit(1);
}

/* xorshift64*: Marsaglia's shifts, Vigna's multiplier. */
uint64_t bench_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dull;
}
