/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Reading VmPTE of the program that perf started.
 */
#include "record.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

uint64_t record_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* The parent of a process, from the field after the name, which may hold anything but its end. */
static pid_t record_parent(const char *pid)
{
	char path[64], line[512];
	const char *name_end;
	ssize_t n;
	int fd, parent = -1;

	snprintf(path, sizeof(path), "/proc/%.20s/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = read(fd, line, sizeof(line) - 1);
	close(fd);
	if (n <= 0)
		return -1;
	line[n] = '\0';
	name_end = strrchr(line, ')');
	if (name_end)
		sscanf(name_end, ") %*c %d", &parent);
	return parent;
}

static pid_t record_child_of(pid_t perf)
{
	DIR *dir = opendir("/proc");
	const struct dirent *entry;
	pid_t found = 0;

	if (!dir)
		return 0;
	while (!found && (entry = readdir(dir)) != NULL) {
		const char *name = entry->d_name;

		if (isdigit((unsigned char)name[0]) && record_parent(name) == perf)
			found = atoi(name);
	}
	closedir(dir);
	return found;
}

/* An open status file stays with its process: a number used again does not deceive it. */
static bool record_sampler_find(struct record_sampler *s)
{
	char path[64];

	if (s->fd >= 0)
		return true;
	if (!s->pid)
		s->pid = record_child_of(s->perf);
	if (!s->pid)
		return false;
	snprintf(path, sizeof(path), "/proc/%d/status", s->pid);
	s->fd = open(path, O_RDONLY | O_CLOEXEC);
	return s->fd >= 0;
}

static int record_sampler_keep(struct record_sampler *s, struct record_sample sample)
{
	if (s->count == s->room) {
		const size_t room = s->room ? s->room * 2 : 256;
		struct record_sample *at = realloc(s->at, room * sizeof(*at));

		if (!at)
			return -ENOMEM;
		s->at = at;
		s->room = room;
	}
	s->at[s->count++] = sample;
	return 0;
}

int record_sampler_take(struct record_sampler *s)
{
	struct record_sample sample;
	char text[4096];
	const char *line;
	ssize_t n;

	if (!record_sampler_find(s))
		return 0;
	sample.time = record_now();
	n = pread(s->fd, text, sizeof(text) - 1, 0);
	sample.took = record_now() - sample.time;
	if (n <= 0)
		return 0;
	text[n] = '\0';
	line = strstr(text, "\nVmPTE:");
	if (!line)
		return 0; /* it has ended */
	sample.kb = strtoull(line + strlen("\nVmPTE:"), NULL, 10);
	return record_sampler_keep(s, sample);
}

void record_sampler_end(struct record_sampler *s)
{
	if (s->fd >= 0)
		close(s->fd);
	free(s->at);
}
