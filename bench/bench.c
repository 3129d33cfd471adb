/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * What the benchmarks share: rounds that alternate, medians with their spread, one report. */
#include "bench.h"
#include <cjson/cJSON.h>
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

static struct spread spread_of(const double values[ROUNDS])
{
	double sorted[ROUNDS];

	memcpy(sorted, values, sizeof(sorted));
	qsort(sorted, ROUNDS, sizeof(*sorted), compare);
	return (struct spread){sorted[ROUNDS / 2], sorted[0], sorted[ROUNDS - 1]};
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

int bench_end(void)
{
	FILE *f = json_path ? fopen(json_path, "we") : NULL;
	char *text = f ? cJSON_Print(report) : NULL;
	bool ok = !json_path || (text && fprintf(f, "%s\n", text) > 0);

	if (f && fclose(f))
		ok = false;
	if (!ok)
		fprintf(stderr, "cannot write %s\n", json_path);
	free(text);
	cJSON_Delete(report);
	return ok ? 0 : 1;
}

/* ---- Timing ---- */

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Nanoseconds a unit. */
static double time_of(const struct bench_work *work)
{
	double start = now_ns();

	work->run(work->ctx);
	return (now_ns() - start) / (double)work->units;
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
