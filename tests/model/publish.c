/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Publication: a walker that finds a table sees it filled, and who finds a leaf sees what was
 * written to the page before it was mapped. */
#include "table.h"

static MODEL_SHARED struct {
	struct gw_pt *pt;
	struct gw_opts opts;
	unsigned content[3]; /* of each page: not atomic */
} shared;

/* A table that was in use before and holds another's entries, so that one that is not seen as it
 * was filled shows. */
static void setup(void)
{
	shared.pt = model_create(&shared.opts, 2);
	model_check(!model_map(shared.pt, 0) && !model_map(shared.pt, 1));
	model_check(!gw_unmap(shared.pt, page(0), page(2)));
	model_call_all();
}

static void map(void)
{
	shared.content[2] = 2;
	model_check(!model_map(shared.pt, 2));
}

static void walk(void)
{
	model_read_lock(&model_env);
	if (model_walk(shared.pt, 2))
		model_check(shared.content[2] == 2);
	model_check(!model_walk(shared.pt, 3));
	model_read_unlock(&model_env);
}

static void end(void)
{
	model_check(model_walk(shared.pt, 2));
	model_settled(shared.opts.heap[0], 2);
}

const struct model model = {
	.setup = setup,
	.thread = {map, walk},
	.end = end,
};
