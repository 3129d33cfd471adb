/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * A program's pages in a Gracewalk page table, through the public interface alone. */
#ifndef GRACEWALK_CLI_REBUILD_H
#define GRACEWALK_CLI_REBUILD_H

#include "frames.h"
#include "present.h"
#include "space.h"
#include <gracewalk/gracewalk.h>

struct rebuild {
	const struct gw_format *format;
	struct gw_env *env;
	struct gw_pt *pt;
	struct frames frames;
	struct present present;
	struct present parts; /* where the format's pages are larger than the trace's */
	bool small_pages;     /* no larger leaves, as a kernel without huge pages */
	uint64_t operations;  /* calls that changed the page table */
	uint64_t pages;       /* mapped, in all */
	uint64_t wrong; /* walks by the updater itself that did not see what it had just done */
};

/* Return: 0, -ENOMEM, or what gw_create said. */
int rebuild_open(struct rebuild *rebuild, const struct gw_format *format, struct gw_env *env,
		 const struct gw_opts *opts);

/* Destroys the page table and drains the environment. */
void rebuild_close(struct rebuild *rebuild);

/* For a space: these operations, with the rebuild as their context. */
extern const struct space_ops rebuild_ops;
/* The same for ranges of the format's whole pages. */
extern const struct space_ops rebuild_page_ops;

/* Bytes of tables below the root, as the kernel counts its own: VmPTE. */
uint64_t rebuild_bytes(struct rebuild *rebuild);

#endif
