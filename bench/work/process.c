/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Work in a process of its own: what the kernel says of its memory is then the structure's, and
 * what one leaves behind is nobody else's. */
#include "work.h"
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

double process_bytes(const char *key)
{
	FILE *f = fopen("/proc/self/status", "re");
	unsigned long kilobytes = 0;
	char line[128];

	bench_check(f, "/proc/self/status");
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, key, strlen(key)))
			kilobytes = strtoul(line + strlen(key), NULL, 10);
	fclose(f);
	return (double)kilobytes * 1024;
}

double process_held(const struct peer *peer)
{
	peer_settle(peer);
	malloc_trim(0);
	return process_bytes("RssAnon:") + process_bytes("RssShmem:");
}

static bool send(int to, const char *result, size_t bytes)
{
	ssize_t n = 1;

	for (; bytes && n > 0; result += n, bytes -= (size_t)n)
		n = write(to, result, bytes);
	return n > 0;
}

static bool receive(int from, char *result, size_t bytes)
{
	ssize_t n = 1;

	for (; bytes && n > 0; result += n, bytes -= (size_t)n)
		n = read(from, result, bytes);
	return n > 0;
}

bool process_run(const struct peer *peer, process_work *work, const void *ctx, void *result,
		 size_t bytes)
{
	int pipe_[2], status;
	pid_t child;
	bool ok;

	bench_check(!pipe(pipe_), "pipe");
	fflush(stdout);
	child = fork();
	bench_check(child >= 0, "fork");
	if (!child) {
		close(pipe_[0]);
		work_register();
		/* So that what a first map brings along for good is there before. */
		if (peer)
			peer->destroy(peer->create(&(struct peer_opts){.pages = 1, .mapped = 1}));
		work(ctx, result);
		_exit(!send(pipe_[1], result, bytes));
	}
	close(pipe_[1]);
	ok = receive(pipe_[0], result, bytes);
	close(pipe_[0]);
	bench_check(waitpid(child, &status, 0) == child, "waitpid");
	/* It has said what was wrong. */
	bench_check(!WIFEXITED(status) || !WEXITSTATUS(status), "in a process of its own");
	return !status && ok;
}
