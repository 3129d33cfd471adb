/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * A file that appears whole or not at all. */
#ifndef GRACEWALK_CLI_WHOLE_FILE_H
#define GRACEWALK_CLI_WHOLE_FILE_H

#include <stddef.h>

/* Writes beside the path and renames, so that no reader meets half a file; what was there before
 * stays after any failure. Return: 0, -EISDIR, -ENOTSUP for what is no file, -ENOMEM, or what open,
 * write, rename said, negative. */
int whole_file_write(const char *path, const void *bytes, size_t size);

/* Whether that can work, for those who have long to go before they write: tries, and leaves nothing
 * behind. Return: as whole_file_write(). */
int whole_file_try(const char *path);

#endif
