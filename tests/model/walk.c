/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * A walk against unmap, retire and reuse: the table that the walker may be in is unlinked, goes
 * through its grace period, and is given out again for other pages. The walker sees what was mapped
 * for its address, or nothing. */
#include "table.h"

static MODEL_SHARED struct {
	struct gw_pt *pt;
	struct gw_opts opts;
	_Atomic uint32_t unmapped;
} shared;

static void setup(void)
{
	shared.pt = model_create(&shared.opts, 2); /* the root and one more */
	model_check(!model_map(shared.pt, 0) && !model_map(shared.pt, 1));
}

static void walk(void)
{
	model_read_lock(&model_env);
	model_walk(shared.pt, MODEL_PAGE);
	model_read_unlock(&model_env);
}

static void unmap(void)
{
	model_check(!gw_unmap(shared.pt, page(0), page(2)));
	model_arrive(&shared.unmapped);
}

/* There is memory for the map only once the table is free. */
static void call_and_map(void)
{
	int err;

	model_await(&shared.unmapped);
	model_call();
	err = model_map(shared.pt, 2);
	model_check(!err || err == -ENOMEM);
}

static void end(void)
{
	model_call_all();
	model_settled(shared.opts.heap[0], 1 + model_walk(shared.pt, 2));
	model_check(!model_walk(shared.pt, 0) && !model_walk(shared.pt, 1));
}

const struct model model = {
	.setup = setup,
	.thread = {walk, unmap, call_and_map},
	.end = end,
};
