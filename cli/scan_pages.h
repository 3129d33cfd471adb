/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Where a process has entries in its page table, as /proc/PID/pagemap tells. */
#ifndef GRACEWALK_CLI_SCAN_PAGES_H
#define GRACEWALK_CLI_SCAN_PAGES_H

#include <stdbool.h>
#include <stdint.h>

struct scan_pages {
	int fd; /* of the pagemap */
	uint64_t page_bytes;
	bool by_reading; /* the kernel has no PAGEMAP_SCAN: set by the first that fails */
	uint64_t count;  /* pages found so far */
};

/*
 * scan_pages() - Tell each stretch of [start, end) whose pages all have an entry that is not empty:
 * present, swapped, migrating, or marked by the kernel. Stretches ascend; they may touch.
 *
 * Return: 0, what `found` returned, or a negative errno. A process that has ended has no entries.
 */
int scan_pages(struct scan_pages *pages, uint64_t start, uint64_t end,
	       int (*found)(void *ctx, uint64_t start, uint64_t end), void *ctx);

#endif
