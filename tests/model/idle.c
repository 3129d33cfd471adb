/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The lazy policy: two tables turn empty, one of them while the sweep for the other is on its way.
 * Neither is overlooked (T4). */
#include "table.h"

static MODEL_SHARED struct {
	struct gw_pt *pt;
	struct gw_opts opts;
} shared;

static void setup(void)
{
	shared.pt = model_create(&shared.opts, 4);
	model_check(!model_map(shared.pt, 0) && !model_map(shared.pt, 2));
	/* The first has turned empty; its sweep is queued. */
	model_check(!gw_unmap(shared.pt, page(0), page(1)));
}

static void unmap(void)
{
	model_check(!gw_unmap(shared.pt, page(2), page(1)));
}

static void end(void)
{
	model_call_all();
	model_settled(shared.opts.heap[0], 1);
}

const struct model model = {
	.setup = setup,
	.thread = {unmap, model_call},
	.end = end,
};
