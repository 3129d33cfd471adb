/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Which pages of a replayed program are present, and in which frame: the updater's own plain
 * record. */
#ifndef GRACEWALK_CLI_PRESENT_H
#define GRACEWALK_CLI_PRESENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Pages by number, in blocks of 512 sorted by address. */
struct present {
	struct present_block **block;
	size_t n, room;
	uint64_t count; /* pages present */
	size_t last;    /* where the last look-up ended: the next is often there too */
};

/* Return: 0, or -ENOMEM and nothing changed. */
int present_set(struct present *present, uint64_t page, uint64_t frame);
bool present_get(struct present *present, uint64_t page, uint64_t *frame);
/* The first present page in [*page, end). Return: false: none. */
bool present_next(struct present *present, uint64_t *page, uint64_t end, uint64_t *frame);
void present_remove(struct present *present, uint64_t page, uint64_t end);
void present_close(struct present *present);

#endif
