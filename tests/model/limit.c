/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The limit: an updater waits for a grace period by himself, and takes all that waits in the heap;
 * meanwhile another, of another page table on that heap, defers a table that a walker may be in. */
#include "table.h"

static MODEL_SHARED struct {
	struct gw_pt *pt, *other;
	struct gw_opts opts, other_opts;
} shared;

static void setup(void)
{
	shared.opts.deferred_limit = 1;
	shared.pt = model_create(&shared.opts, 4);
	shared.other_opts.env = &model_env;
	shared.other_opts.heap[0] = shared.opts.heap[0];
	model_check(!gw_create(&shared.other_opts, &shared.other));
	model_check(!model_map(shared.pt, 0) && !model_map(shared.other, MODEL_PAGE));
}

static void unmap_and_wait(void)
{
	model_check(!gw_unmap(shared.pt, page(0), page(2)));
}

static void unmap_other(void)
{
	model_check(!gw_unmap(shared.other, page(0), page(2)));
}

static void walk_other(void)
{
	model_read_lock(&model_env);
	model_walk(shared.other, MODEL_PAGE);
	model_read_unlock(&model_env);
}

static void end(void)
{
	model_call_all();
	model_check(!model_walk(shared.pt, 0) && !model_walk(shared.other, MODEL_PAGE));
	model_settled(shared.opts.heap[0], 2);
}

const struct model model = {
	.setup = setup,
	.thread = {unmap_and_wait, unmap_other, walk_other, model_call},
	.end = end,
};
