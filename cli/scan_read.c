/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * A live process, read once. */
#include "scan_read.h"
#include "scan_machine.h"
#include "scan_pages.h"
#include <errno.h>
#include <unistd.h>

struct adding {
	struct scan_tables *tables;
	unsigned leaf_level;
};

static int add(void *ctx, uint64_t start, uint64_t end)
{
	const struct adding *adding = ctx;

	return scan_tables_add(adding->tables, start, end, adding->leaf_level);
}

static enum scan_error read_pages(struct scan *scan)
{
	struct scan_pages pages = {.page_bytes = scan->page_bytes};
	enum scan_error error = scan_process_pagemap(&scan->process, &pages.fd);
	int err = 0;

	if (error)
		return error;
	for (size_t i = 0; i < scan->process.n && !err; i++) {
		const struct scan_mapping *mapping = &scan->process.mapping[i];
		struct adding adding = {&scan->tables,
					scan_tables_leaf_level(&scan->tables, mapping->page_bytes)};

		if (!mapping->hidden)
			err = scan_pages(&pages, mapping->start, mapping->end, add, &adding);
	}
	close(pages.fd);
	scan->pages = pages.count;
	scan->by_reading = pages.by_reading;
	switch (err) {
	case 0:
		return SCAN_DONE;
	case -ENOMEM:
		return SCAN_NO_MEMORY;
	case -ESRCH:
		return SCAN_ENDED;
	default:
		errno = -err;
		return SCAN_FAILED;
	}
}

static void forget(struct scan *scan)
{
	scan_waste_close(&scan->waste);
	scan_tables_close(&scan->tables);
	scan_process_forget(&scan->process);
}

static enum scan_error read_all(struct scan *scan)
{
	struct scan_process *process = &scan->process;
	enum scan_error error = scan_process_mappings(process);
	unsigned levels = 0;

	scan->held_before = process->held;
	if (error)
		return error;
	scan->format = scan_machine_format(process->mapping[process->n - 1].end, &levels);
	if (!scan->format)
		return SCAN_NO_FORMAT;
	scan_tables_open(&scan->tables, scan->format, levels);
	error = read_pages(scan);
	if (!error)
		error = scan_process_status(process);
	if (!error && scan_waste_open(&scan->waste, process, &scan->tables))
		error = SCAN_NO_MEMORY;
	return error;
}

enum scan_error scan_open(struct scan *scan, pid_t pid)
{
	enum scan_error error;

	*scan = (struct scan){.page_bytes = (uint64_t)sysconf(_SC_PAGESIZE)};
	error = scan_process_open(&scan->process, pid);
	return error ? error : read_all(scan);
}

enum scan_error scan_again(struct scan *scan)
{
	enum scan_error error;

	forget(scan);
	error = scan_process_status(&scan->process);
	return error ? error : read_all(scan);
}

void scan_close(struct scan *scan)
{
	forget(scan);
	scan_process_close(&scan->process);
}
