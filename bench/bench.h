/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * What the benchmarks share: rounds that alternate, medians with their spread, one report. */
#ifndef GW_BENCH_BENCH_H
#define GW_BENCH_BENCH_H

#include <stdbool.h>
#include <stdint.h>

/* One thing to time. `run` does its work `units` times over (a unit is a walk, a page, a table). */
struct bench_work {
	void (*run)(void *ctx);
	void *ctx;
	uint64_t units;
};

/* Starts the report: prints the machine, the compiler and its flags, and how to read the rest.
 * `--json PATH` writes the figures there too. Return: 0, or 2 for arguments that nobody knows. */
int bench_begin(const char *title, int argc, char **argv);

/* Times `ours` and `base` in turns, A B A B, and prints nanoseconds a unit of each and their ratio:
 * the median of the rounds, and the lowest and highest. */
void bench_pair(const char *name, struct bench_work ours, struct bench_work base);

/* Times one thing alone; the second, with `before` called ahead of each round, outside the time. */
void bench_one(const char *name, struct bench_work work);
void bench_one_with(const char *name, void (*before)(void *ctx), struct bench_work work);

/* Prints what was measured in rounds of the caller's own: median, lowest, highest. */
enum { BENCH_ROUNDS = 11 };
void bench_values(const char *name, const double values[BENCH_ROUNDS], const char *unit);

/* One of several to be compared: a turn does the work once and says what each metric came to. */
enum { BENCH_METRICS = 6 };
struct bench_row {
	const char *name;
	const char *skipped; /* why; or NULL */
	void (*turn)(void *ctx, double value[BENCH_METRICS]);
	void *ctx;
};
struct bench_metric {
	const char *name, *unit;
};

/* Gives each row its turn, round after round (at most BENCH_ROUNDS, after `warm_ups` that do not
 * count), and prints a table for each of the `n` metrics: what each row came to and its ratio to
 * the first, which is not skipped, in the same round; medians, lowest, highest. */
void bench_rows(const char *title, const struct bench_metric *metric, unsigned n,
		const struct bench_row *row, unsigned rows, unsigned warm_ups, unsigned rounds);

/* Gives each row its turn, round after round, and prints nothing: for what rows collect over all of
 * their turns. */
void bench_turns(const struct bench_row *row, unsigned rows, unsigned rounds);

/* Prints the median, the lowest and the highest of each column of `n` samples; the report has all
 * of them. */
struct bench_column {
	const char *name, *unit;
	const double *value;
};
void bench_series(const char *title, const char *name, const struct bench_column *column,
		  unsigned columns, unsigned n);

/* Prints plain numbers, row after row; NAN: there is none. */
void bench_table(const char *title, const char *const *column, unsigned columns,
		 const char *const *row, unsigned rows, const double *value);

/* Nanoseconds on a clock that never goes back. */
double bench_now_ns(void);

/* Prints a figure that is not a time. */
void bench_figure(const char *name, uint64_t value, const char *unit);

/* Writes what there is of the report by now, for a program that takes long.
 * Return: whether that could be done, or nobody asked for it. */
bool bench_save(void);

/* Ends the report. Return: the program's exit code; timings never make it fail. */
int bench_end(void);

/* Ends the program with a message where `ok` is false: a benchmark of wrong answers is none. */
void bench_check(bool ok, const char *what);

/* A number from a fixed sequence, the same in each run. */
uint64_t bench_random(uint64_t *state);

#endif
