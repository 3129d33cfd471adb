/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The command `gracewalk record`: run a program under perf and keep a trace of it.
 */
#ifndef GRACEWALK_CLI_RECORD_H
#define GRACEWALK_CLI_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "perf_script.h"

/**
 * record_main() - `record [-o FILE] [-m SIZE] [-i MS] -- PROGRAM...`
 * @argv: argv[0] is the word "record".
 *
 * Return: the command's exit status: 0 when a trace was written, 1 when not, 2 for wrong usage.
 */
int record_main(int argc, const char **argv);

/** record_allowed() - Check perf, its permissions and tracefs; says on stderr what is missing. */
bool record_allowed(void);

/** record_is_program() - Whether the shell would find a program of this name to execute. */
bool record_is_program(const char *name);

/* VmPTE of the program, read again and again while it runs. */
struct record_sampler {
	pid_t perf, pid; /* pid: perf's child, 0 until it is found */
	int fd;          /* its /proc status, -1 while closed */
	struct record_sample {
		uint64_t time, took, kb;
	} * at;
	size_t count, room;
};

uint64_t record_now(void);

/** record_sampler_take() - Find the program if need be and read once. Return: 0, -ENOMEM. */
int record_sampler_take(struct record_sampler *sampler);

void record_sampler_end(struct record_sampler *sampler);

#endif
