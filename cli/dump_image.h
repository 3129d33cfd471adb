/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * A file that holds physical memory. */
#ifndef GRACEWALK_CLI_DUMP_IMAGE_H
#define GRACEWALK_CLI_DUMP_IMAGE_H

#include "dump_walk.h"

struct dump_image {
	unsigned char *bytes;
	uint64_t size;
	uint64_t base; /* the physical address of the first byte */
	bool swap;     /* entries are in the other byte order */
};

/* Maps a file. Return: 0, or what open, fstat or mmap said, negative. */
int dump_image_open(struct dump_image *image, const char *path);
void dump_image_close(struct dump_image *image);
/* The image as memory; it must not move meanwhile. */
struct dump_memory dump_image_memory(struct dump_image *image);

#endif
