/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Charts by gnuplot: a child between two files in memory, so that neither waits for the other. */
#include "gnuplot.h"
#include <errno.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static int fail(int err)
{
	if (err == -ENOENT)
		fprintf(stderr, "gracewalk: the charts need gnuplot, which is not there: apt-get "
				"install gnuplot-nox\n");
	else
		fprintf(stderr, "gracewalk: gnuplot: %s\n", strerror(-err));
	return err;
}

static int wait_for(pid_t child)
{
	int status;

	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return fail(-errno);
	if (!status)
		return 0;
	fprintf(stderr, "gracewalk: gnuplot failed\n");
	return -EIO;
}

/* Gnuplot with one option, from and to these. */
static int run(const char *option, int in, int out)
{
	char *words[] = {(char[]){"gnuplot"}, strdup(option), NULL};
	posix_spawn_file_actions_t files;
	pid_t child;
	int err;

	if (!words[1] || posix_spawn_file_actions_init(&files)) {
		free(words[1]);
		return fail(-ENOMEM);
	}
	err = posix_spawn_file_actions_adddup2(&files, in, STDIN_FILENO);
	if (!err)
		err = posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
	if (!err)
		err = posix_spawnp(&child, words[0], &files, NULL, words, environ);
	posix_spawn_file_actions_destroy(&files);
	free(words[1]);
	return err ? fail(-err) : wait_for(child);
}

/* All of a file in memory, as a string. */
static int read_all(int fd, char **text)
{
	struct stat file;
	size_t size, done = 0;

	if (fstat(fd, &file))
		return fail(-errno);
	size = (size_t)file.st_size;
	*text = malloc(size + 1);
	if (!*text)
		return fail(-ENOMEM);
	while (done < size) {
		ssize_t n = pread(fd, *text + done, size - done, (off_t)done);

		if (n <= 0) {
			free(*text);
			return fail(n ? -errno : -EIO);
		}
		done += (size_t)n;
	}
	(*text)[size] = 0;
	return 0;
}

int gnuplot_open(struct gnuplot *gnuplot)
{
	gnuplot->in = memfd_create("charts", MFD_CLOEXEC);
	gnuplot->out = memfd_create("charts", MFD_CLOEXEC);
	gnuplot->script = gnuplot->in < 0 ? NULL : fdopen(gnuplot->in, "w");
	if (gnuplot->script && gnuplot->out >= 0)
		return 0;
	if (gnuplot->script)
		fclose(gnuplot->script);
	else if (gnuplot->in >= 0)
		close(gnuplot->in);
	if (gnuplot->out >= 0)
		close(gnuplot->out);
	return fail(-ENOMEM);
}

/* With --default-settings it reads no file of its user's. */
int gnuplot_run(struct gnuplot *gnuplot, char **text)
{
	int err = 0;

	if (fflush(gnuplot->script) || lseek(gnuplot->in, 0, SEEK_SET))
		err = fail(-errno);
	if (!err)
		err = run("--default-settings", gnuplot->in, gnuplot->out);
	if (!err)
		err = read_all(gnuplot->out, text);
	fclose(gnuplot->script);
	close(gnuplot->out);
	return err;
}

int gnuplot_version(char version[80])
{
	struct gnuplot gnuplot;
	char *text;
	int err = gnuplot_open(&gnuplot);

	if (err)
		return err;
	err = run("--version", gnuplot.in, gnuplot.out);
	if (!err)
		err = read_all(gnuplot.out, &text);
	if (!err) {
		snprintf(version, 80, "%.*s", (int)strcspn(text, "\n"), text);
		free(text);
	}
	fclose(gnuplot.script);
	close(gnuplot.out);
	return err;
}
