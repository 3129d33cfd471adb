/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * What /proc tells of a process and its mappings. */
#include "scan_process.h"
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { KIB = 1024 };

/* Names are the process's to choose, and are printed on somebody else's terminal. */
static void make_printable(char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

/* ---- Opening ---- */

/* What a failed open or read of one of the process's files means. */
static enum scan_error error_of(int err)
{
	switch (err) {
	case ESRCH:
		return SCAN_ENDED;
	case EACCES:
	case EPERM:
		return SCAN_DENIED;
	case ENOMEM:
		return SCAN_NO_MEMORY;
	default:
		errno = err;
		return SCAN_FAILED;
	}
}

/* Return: a descriptor, or -1 with the reason in *error. */
static int open_file(const struct scan_process *process, const char *name, enum scan_error *error)
{
	int fd = openat(process->dir, name, O_RDONLY | O_CLOEXEC);

	*error = fd >= 0 ? SCAN_DONE : errno == ENOENT ? SCAN_NO_SMAPS : error_of(errno);
	/* The directory of a process that has ended is empty. */
	if (*error == SCAN_NO_SMAPS && faccessat(process->dir, "status", F_OK, 0))
		*error = SCAN_ENDED;
	return fd;
}

/* The same, to be read by lines: NULL with the reason in *error. */
static FILE *open_lines(const struct scan_process *process, const char *name,
			enum scan_error *error)
{
	int fd = open_file(process, name, error);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "r");

	if (fd >= 0 && !file) {
		*error = SCAN_NO_MEMORY;
		close(fd);
	}
	return file;
}

enum scan_error scan_process_open(struct scan_process *process, pid_t pid)
{
	char path[64];

	*process = (struct scan_process){.pid = pid};
	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	process->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (process->dir >= 0)
		return scan_process_status(process);
	if (errno != ENOENT)
		return error_of(errno);
	return access("/proc/self/status", F_OK) ? SCAN_NO_PROC : SCAN_NO_PROCESS;
}

void scan_process_forget(struct scan_process *process)
{
	for (size_t i = 0; i < process->n; i++)
		free(process->mapping[i].name);
	free(process->mapping);
	process->mapping = NULL;
	process->n = process->room = 0;
}

void scan_process_leave(struct scan_process *process)
{
	if (process->dir >= 0)
		close(process->dir);
	process->dir = -1;
}

void scan_process_close(struct scan_process *process)
{
	scan_process_forget(process);
	scan_process_leave(process);
}

enum scan_error scan_process_pagemap(const struct scan_process *process, int *fd)
{
	enum scan_error error;

	*fd = open_file(process, "pagemap", &error);
	return error;
}

/* ---- Status ---- */

struct status {
	bool has_held;
	char state; /* a letter */
	int kernel; /* 1: a kernel thread, 0: not, -1: the kernel does not tell, before Linux 6.10
		     */
};

static void read_status(struct scan_process *process, struct status *status, FILE *file)
{
	unsigned long long kib;
	char *line = NULL;
	size_t room = 0;

	while (getline(&line, &room, file) > 0) {
		if (sscanf(line, "VmPTE: %llu kB", &kib) == 1) {
			process->held = kib * KIB;
			status->has_held = true;
		} else if (!strncmp(line, "Name:\t", 6)) {
			line[strcspn(line, "\n")] = '\0';
			snprintf(process->name, sizeof(process->name), "%s", line + 6);
			make_printable(process->name);
		} else {
			sscanf(line, "State: %c", &status->state);
			sscanf(line, "Kthread: %d", &status->kernel);
		}
	}
	free(line);
}

enum scan_error scan_process_status(struct scan_process *process)
{
	struct status status = {.kernel = -1};
	enum scan_error error;
	FILE *file = open_lines(process, "status", &error);

	process->held = 0;
	if (!file)
		return error;
	read_status(process, &status, file);
	fclose(file);
	if (status.has_held)
		return SCAN_DONE;
	/* Without an address space: ended, ending, or the kernel's own. */
	return status.state && !strchr("ZX", status.state) && status.kernel ? SCAN_KERNEL
									    : SCAN_ENDED;
}

/* ---- Mappings ---- */

/* The first line of a mapping. Return: 0, or -ENOMEM. */
static int add_mapping(struct scan_process *process, char *line)
{
	struct scan_mapping mapping = {0};
	int name = 0;

	line[strcspn(line, "\n")] = '\0';
	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %*s %*s %*s %n", &mapping.start, &mapping.end,
		   mapping.access, &name) != 3 ||
	    !name || mapping.start >= mapping.end)
		return 0;
	/* The kernel's own page, at an address that no process has tables for. */
	if (!strcmp(line + name, "[vsyscall]"))
		return 0;
	if (process->n == process->room) {
		size_t room = process->room ? 2 * process->room : 64;
		struct scan_mapping *grown = realloc(process->mapping, room * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		process->mapping = grown;
		process->room = room;
	}
	mapping.name = strdup(line + name);
	if (!mapping.name)
		return -ENOMEM;
	make_printable(mapping.name);
	process->mapping[process->n++] = mapping;
	return 0;
}

/* Any other line. */
static void add_figure(struct scan_mapping *mapping, const char *line)
{
	char key[32];
	uint64_t bytes;

	if (!strncmp(line, "VmFlags:", 8)) {
		mapping->hidden = strstr(line, " pf ") != NULL;
		return;
	}
	if (sscanf(line, "%31[A-Za-z]: %" SCNu64 " kB", key, &bytes) != 2)
		return;
	bytes *= KIB;
	if (!strcmp(key, "KernelPageSize"))
		mapping->page_bytes = bytes;
	else if (!strcmp(key, "AnonHugePages"))
		mapping->anon_bytes = bytes;
	if (!strcmp(key, "AnonHugePages") || !strcmp(key, "ShmemPmdMapped") ||
	    !strcmp(key, "FilePmdMapped"))
		mapping->huge_bytes += bytes;
}

int scan_process_parse(struct scan_process *process, FILE *smaps)
{
	char *line = NULL;
	size_t room = 0, known = process->n;
	int err = 0;

	while (!err && getline(&line, &room, smaps) > 0) {
		if (isxdigit((unsigned char)*line) && !isupper((unsigned char)*line)) {
			known = process->n;
			err = add_mapping(process, line);
		} else if (process->n > known) {
			add_figure(&process->mapping[process->n - 1], line);
		}
	}
	free(line);
	return err;
}

enum scan_error scan_process_mappings(struct scan_process *process)
{
	enum scan_error error;
	FILE *file = open_lines(process, "smaps", &error);

	if (!file)
		return error;
	errno = 0;
	if (scan_process_parse(process, file))
		error = SCAN_NO_MEMORY;
	else if (ferror(file))
		error = error_of(errno);
	else if (!process->n)
		error = SCAN_ENDED;
	fclose(file);
	return error;
}
