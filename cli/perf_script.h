/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Reading the text of `perf script` into the events of one process.
 */
#ifndef GRACEWALK_CLI_PERF_SCRIPT_H
#define GRACEWALK_CLI_PERF_SCRIPT_H

#include <sys/types.h>

#include "trace.h"

/* The fields to ask perf script for; record_script_line() reads lines of exactly these. */
#define RECORD_SCRIPT_FIELDS "pid,tid,time,event,addr,trace"

/* The system calls to record, a NULL at the end. */
extern const char *const record_script_calls[];

struct record_call;

/* A recording while its text is read. Zeroed to begin; page_size must be set. */
struct record_script {
	uint64_t page_size;
	pid_t pid;                  /* of the recorded program: the first that perf executed */
	struct trace_event *events; /* in no strict order until record_script_finish() */
	size_t count, room;
	uint64_t lost, others, children;
	uint64_t unread;           /* lines of a known kind that made no sense */
	uint32_t status;           /* what exit_group was given; TRACE_STATUS_UNKNOWN */
	uint64_t last, gone;       /* time of the last line; of the last thread's end */
	struct record_call *calls; /* system calls that have begun and not ended */
	size_t calls_count, calls_room;
	struct trace_event *attached; /* what shmat mapped, since shmdt does not tell the size */
	size_t attached_count, attached_room;
};

void record_script_begin(struct record_script *script, uint64_t page_size);

/**
 * record_script_line() - Read one line; lines of no interest do nothing.
 *
 * Return: 0, -ENOMEM.
 */
int record_script_line(struct record_script *script, const char *line);

/** record_script_sample() - Add a sample of VmPTE. Return: 0, -ENOMEM. */
int record_script_sample(struct record_script *script, uint64_t time, uint64_t took, uint64_t kb);

/**
 * record_script_finish() - Sort the events by time, drop what came before the first exec, and
 * add the exit if it was seen.
 *
 * Return: 0, -ENOMEM, -ENODATA when the program was never executed.
 */
int record_script_finish(struct record_script *script);

void record_script_end(struct record_script *script);

#endif
