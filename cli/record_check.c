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

bool record_is_program(const char *name)
{
	const char *path = getenv("PATH");
	char file[4096];

	if (strchr(name, '/'))
		return !access(name, X_OK);
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
	if (record_is_program("perf"))
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
	fprintf(stderr,
		"gracewalk record: perf may not see page faults in the kernel "
		"(kernel.perf_event_paranoid is %d). As root: "
		"sysctl kernel.perf_event_paranoid=1, or run gracewalk as root\n",
		level);
	return false;
}

static bool record_reads(const char *path)
{
	return !access(path, R_OK);
}

static bool record_is_mounted(void)
{
	FILE *file = fopen("/proc/self/mounts", "re");
	char line[1024];
	bool found = false;

	while (file && !found && fgets(line, sizeof(line), file))
		found = strstr(line, " " RECORD_TRACEFS " ");
	if (file)
		fclose(file);
	return found;
}

/* Its files belong to the group of the mount, and their mode does not follow the mount's. */
static bool record_open_tracefs(bool mounted)
{
	fprintf(stderr,
		"gracewalk record: the tracing file system is not %s. As root: "
		"mount %s,gid=%u,mode=750 " RECORD_TRACEFS "\n",
		mounted ? "open to you" : "mounted, or not open to you",
		mounted ? "-o remount" : "-t tracefs none -o rw", (unsigned int)getegid());
	return false;
}

static bool record_mount_tracefs(void)
{
	if (geteuid())
		return record_open_tracefs(record_is_mounted());
	if (mount("none", RECORD_TRACEFS, "tracefs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL)) {
		fprintf(stderr,
			"gracewalk record: cannot mount the tracing file system: %s. "
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
		return record_open_tracefs(true);
	fprintf(stderr, "gracewalk record: this kernel has no tracepoints for system calls; it "
			"needs CONFIG_FTRACE_SYSCALLS\n");
	return false;
}

bool record_allowed(void)
{
	return record_has_perf() && record_may_count() && record_has_tracepoints();
}
