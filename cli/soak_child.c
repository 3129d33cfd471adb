/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * A program, run to its end or to the end of patience. */
#include "soak_child.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* What we wait for, blocked all the time, so that none is missed between two waits. */
static sigset_t awaited(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	return set;
}

void child_begin(void)
{
	sigset_t set = awaited();

	signal(SIGCHLD, SIG_DFL); /* if it was ignored children would leave no status */
	sigprocmask(SIG_BLOCK, &set, NULL);
}

double child_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* In a process group of its own: Ctrl-C is ours alone, and what it starts ends with it. Its output
 * goes to a file in memory, where it can neither fill up nor be held open by others. */
_Noreturn static void become(char *const *argv, int output)
{
	sigset_t set = awaited();

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	dup2(output, STDOUT_FILENO);
	dup2(output, STDERR_FILENO);
	execv(argv[0], argv);
	dprintf(STDERR_FILENO, "cannot run %s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

/* Waits for one of `awaited`. Return: the signal, or -1 when the time is over. */
static int await(double until)
{
	sigset_t set = awaited();
	double left = until - child_now();
	struct timespec most;
	int signal;

	if (left < 0)
		left = 0;
	most = (struct timespec){.tv_sec = (time_t)left,
				 .tv_nsec = (long)((left - (double)(time_t)left) * 1e9)};
	do
		signal = sigtimedwait(&set, NULL, &most);
	while (signal < 0 && errno == EINTR);
	return signal;
}

static void note_end(struct child *child, int status, const struct rusage *usage)
{
	child->peak_bytes = (uint64_t)usage->ru_maxrss * 1024;
	if (child->end != CHILD_EXITED)
		return;
	if (WIFSIGNALED(status)) {
		child->end = CHILD_KILLED;
		child->code = WTERMSIG(status);
	} else {
		child->code = WEXITSTATUS(status);
	}
}

static void supervise(pid_t pid, double until, struct child *child)
{
	struct rusage usage;
	int status, options = WNOHANG;

	while (wait4(pid, &status, options, &usage) != pid) {
		int signal = await(until);

		if (signal == SIGCHLD)
			continue;
		child->end = signal < 0 ? CHILD_HUNG : CHILD_INTERRUPTED;
		kill(-pid, signal < 0 ? SIGABRT : SIGKILL);
		options = 0;
	}
	note_end(child, status, &usage);
}

static char *contents(int file)
{
	off_t size = lseek(file, 0, SEEK_END);
	char *text = calloc(1, (size_t)size + 1);

	if (text && pread(file, text, (size_t)size, 0) < 0)
		*text = '\0';
	return text;
}

int child_run(char *const *argv, double seconds, struct child *child)
{
	double begin = child_now();
	int output = memfd_create("output", MFD_CLOEXEC);
	pid_t pid;

	*child = (struct child){.end = CHILD_EXITED};
	if (output < 0)
		return -errno;
	fflush(NULL);
	pid = fork();
	if (!pid)
		become(argv, output);
	if (pid < 0) {
		close(output);
		return -errno;
	}
	setpgid(pid, pid); /* as the child does: whoever comes first */
	supervise(pid, begin + seconds, child);
	child->seconds = child_now() - begin;
	child->output = contents(output);
	close(output);
	return child->output ? 0 : -ENOMEM;
}

void child_free(struct child *child)
{
	free(child->output);
}
