/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * A live process, read once. */
#ifndef GRACEWALK_CLI_SCAN_READ_H
#define GRACEWALK_CLI_SCAN_READ_H

#include "scan_waste.h"

struct scan {
	struct scan_process process;
	const struct gw_format *format;
	struct scan_tables tables;
	struct scan_waste waste;
	uint64_t pages;      /* with an entry */
	uint64_t page_bytes; /* of one */
	uint64_t
		held_before; /* VmPTE before the rest was read; another one: it changed meanwhile */
	bool by_reading;     /* the kernel has no PAGEMAP_SCAN */
};

/* Not a moment: the process runs on while it is read.
 * Ownership: the caller closes it, whatever was returned. */
enum scan_error scan_open(struct scan *scan, pid_t pid);
/* The same process once more, and never another that got its number. */
enum scan_error scan_again(struct scan *scan);
void scan_close(struct scan *scan);

#endif
