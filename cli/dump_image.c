/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * A file that holds physical memory. */
#include "dump_image.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int map_file(struct dump_image *image, int fd)
{
	struct stat stat;
	void *bytes;

	if (fstat(fd, &stat))
		return -errno;
	if (!S_ISREG(stat.st_mode))
		return -EINVAL;
	image->size = (uint64_t)stat.st_size;
	if (!image->size)
		return 0;
	bytes = mmap(NULL, image->size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (bytes == MAP_FAILED)
		return -errno;
	image->bytes = bytes;
	return 0;
}

int dump_image_open(struct dump_image *image, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err;

	*image = (struct dump_image){0};
	if (fd < 0)
		return -errno;
	err = map_file(image, fd);
	close(fd);
	return err;
}

void dump_image_close(struct dump_image *image)
{
	if (image->bytes)
		munmap(image->bytes, image->size);
}

static bool read_image(void *ctx, uint64_t address, uint64_t *entry)
{
	const struct dump_image *image = ctx;
	uint64_t offset = address - image->base;

	if (address < image->base || image->size < sizeof(*entry) ||
	    offset > image->size - sizeof(*entry))
		return false;
	memcpy(entry, image->bytes + offset, sizeof(*entry));
	if (image->swap)
		*entry = __builtin_bswap64(*entry);
	return true;
}

struct dump_memory dump_image_memory(struct dump_image *image)
{
	return (struct dump_memory){.read = read_image, .ctx = image};
}
