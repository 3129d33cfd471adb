/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * A file that appears whole or not at all. */
#include "whole_file.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int write_all(int fd, const unsigned char *bytes, size_t size)
{
	while (size) {
		ssize_t n = write(fd, bytes, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		bytes += n;
		size -= (size_t)n;
	}
	return 0;
}

/* A new file beside the path. Return: its descriptor, and its name, which is the caller's. */
static int open_beside(const char *path, char **name)
{
	int fd;

	if (asprintf(name, "%s.XXXXXX", path) < 0)
		return -ENOMEM;
	fd = mkstemp(*name);
	if (fd >= 0)
		return fd;
	fd = -errno;
	free(*name);
	return fd;
}

/* A device or a pipe would be replaced too. */
static int check_target(const char *path)
{
	struct stat there;

	if (stat(path, &there) || S_ISREG(there.st_mode))
		return 0;
	return S_ISDIR(there.st_mode) ? -EISDIR : -ENOTSUP;
}

int whole_file_write(const char *path, const void *bytes, size_t size)
{
	const mode_t mask = umask(0);
	int fd, err = check_target(path);
	char *name;

	umask(mask);
	if (err)
		return err;
	fd = open_beside(path, &name);
	if (fd < 0)
		return fd;
	err = write_all(fd, bytes, size);
	if (!err && fchmod(fd, 0666 & ~mask))
		err = -errno;
	if (close(fd) && !err)
		err = -errno;
	if (!err && rename(name, path))
		err = -errno;
	if (err)
		unlink(name);
	free(name);
	return err;
}

int whole_file_try(const char *path)
{
	int fd, err = check_target(path);
	char *name;

	if (err)
		return err;
	fd = open_beside(path, &name);
	if (fd < 0)
		return fd;
	close(fd);
	unlink(name);
	free(name);
	return 0;
}
