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

/* Prints a figure that is not a time. */
void bench_figure(const char *name, uint64_t value, const char *unit);

/* Ends the report. Return: the program's exit code; timings never make it fail. */
int bench_end(void);

/* Ends the program with a message where `ok` is false: a benchmark of wrong answers is none. */
void bench_check(bool ok, const char *what);

/* A number from a fixed sequence, the same in each run. */
uint64_t bench_random(uint64_t *state);

#endif
