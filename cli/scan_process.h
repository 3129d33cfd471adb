/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * What /proc tells of a process and its mappings. */
#ifndef GRACEWALK_CLI_SCAN_PROCESS_H
#define GRACEWALK_CLI_SCAN_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

enum scan_error {
	SCAN_DONE,
	SCAN_NO_PROCESS,
	SCAN_NO_PROC,   /* /proc is not mounted */
	SCAN_ENDED,     /* while it was read, or it is a zombie */
	SCAN_KERNEL,    /* a kernel thread */
	SCAN_DENIED,    /* may not be read */
	SCAN_NO_SMAPS,  /* a kernel built without them */
	SCAN_NO_FORMAT, /* page tables that this build does not know */
	SCAN_NO_MEMORY,
	SCAN_FAILED, /* errno says why */
};

/* A range as mmap made it (the kernel's VMA). */
struct scan_mapping {
	uint64_t start, end;
	uint64_t page_bytes; /* of its pages, which is more in hugetlbfs */
	uint64_t huge_bytes; /* mapped by entries one level up, without a last table */
	uint64_t anon_bytes; /* of these, those that have one set aside */
	bool hidden;         /* pagemap shows none of its pages: device memory (VM_PFNMAP) */
	char access[5];
	char *name; /* may be empty; printable ASCII */
};

struct scan_process {
	pid_t pid;
	int dir; /* /proc/PID: stays with the process, whoever has its number later; or -1 */
	char name[64];
	uint64_t held; /* VmPTE, bytes */
	struct scan_mapping *mapping;
	size_t n, room;
};

/* Opens it and reads its status. Also after a failure, held is what VmPTE said, or 0.
 * Ownership: the caller closes it, whatever was returned. */
enum scan_error scan_process_open(struct scan_process *process, pid_t pid);
void scan_process_close(struct scan_process *process);

/* The mappings; the process stays open. */
void scan_process_forget(struct scan_process *process);

/* Lets the process go; what was read of it stays. */
void scan_process_leave(struct scan_process *process);

/* Reads name and held again. */
enum scan_error scan_process_status(struct scan_process *process);

/* Reads the mappings, by ascending addresses. */
enum scan_error scan_process_mappings(struct scan_process *process);

/* The same, from a file like smaps. Return: 0 or -ENOMEM. */
int scan_process_parse(struct scan_process *process, FILE *smaps);

/* Its pagemap. */
enum scan_error scan_process_pagemap(const struct scan_process *process, int *fd);

#endif
