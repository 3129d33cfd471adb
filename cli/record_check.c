/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * What recording needs of the machine, and what to do where it is missing.
 */
#include "record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#define RECORD_TRACEFS "/sys/kernel/tracing"
#define RECORD_PARANOID "/proc/sys/kernel/perf_event_paranoid"

static bool record_in_path(const char *name)
{
	const char *path = getenv("PATH");
	char file[4096];

	for (const char *at = path ? path : "/usr/bin:/bin"; *at; at += *at == ':') {
		const size_t len = strcspn(at, ":");

		snprintf(file, sizeof(file), "%.*s/%s", (int)len, at, name);
		if (!access(file, X_OK))
			return true;
		at += len;
	}
	return false;
}

static bool record_has_perf(void)
{
	if (record_in_path("perf"))
		return true;
	fprintf(stderr, "gracewalk record: perf is not installed. On Debian: "
		"apt-get install linux-perf; on Fedora: dnf install perf; "
		"on Ubuntu: apt-get install linux-tools-generic\n");
	return false;
}

/* Over 1, faults taken inside the kernel (read into a fresh buffer, exec) would be missing. */
static bool record_may_count(void)
{
	FILE *file = fopen(RECORD_PARANOID, "re");
	int level = 2;

	if (!file) {
		fprintf(stderr, "gracewalk record: this kernel was built without perf events "
			"(there is no " RECORD_PARANOID ")\n");
		return false;
	}
	if (fscanf(file, "%d", &level) != 1)
		level = 2;
	fclose(file);
	if (level <= 1 || !geteuid())
		return true;
	fprintf(stderr, "gracewalk record: perf may not see page faults in the kernel "
		"(kernel.perf_event_paranoid is %d). As root: "
		"sysctl kernel.perf_event_paranoid=1, or run gracewalk as root\n", level);
	return false;
}

static bool record_reads(const char *path)
{
	return !access(path, R_OK);
}

static bool record_mount_tracefs(void)
{
	if (geteuid()) {
		fprintf(stderr, "gracewalk record: the tracing file system is not mounted, or not "
			"open to you. As root: mount -t tracefs none " RECORD_TRACEFS
			" && mount -o remount,mode=755 " RECORD_TRACEFS "\n");
		return false;
	}
	if (mount("none", RECORD_TRACEFS, "tracefs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL)) {
		fprintf(stderr, "gracewalk record: cannot mount the tracing file system: %s. "
			"In a container, mount it outside and pass " RECORD_TRACEFS " in\n",
			strerror(errno));
		return false;
	}
	fprintf(stderr, "gracewalk record: mounted tracefs on " RECORD_TRACEFS "\n");
	return true;
}

static bool record_has_tracepoints(void)
{
	static const char call[] = "/events/syscalls/sys_enter_mmap/id";
	char path[128];

	snprintf(path, sizeof(path), "/sys/kernel/debug/tracing%s", call);
	if (record_reads(path))
		return true;
	snprintf(path, sizeof(path), RECORD_TRACEFS "%s", call);
	if (record_reads(path))
		return true;
	if (access(RECORD_TRACEFS "/events", X_OK) && !record_mount_tracefs())
		return false;
	if (record_reads(path))
		return true;
	if (!access(RECORD_TRACEFS "/events/syscalls", F_OK))
		fprintf(stderr, "gracewalk record: the tracepoints are not open to you. As root: "
			"mount -o remount,mode=755 " RECORD_TRACEFS "\n");
	else
		fprintf(stderr, "gracewalk record: this kernel has no tracepoints for system "
			"calls; it needs CONFIG_FTRACE_SYSCALLS\n");
	return false;
}

bool record_allowed(void)
{
	return record_has_perf() && record_may_count() && record_has_tracepoints();
}
