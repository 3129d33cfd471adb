/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Two updaters: one maps a page into a subtree that the other unlinks as a whole. The page is
 * gathered with the rest, and released once; or the one who maps begins again, and it is mapped. */
#define MINI_LEVELS 3
#include "table.h"

static MODEL_SHARED struct {
	struct gw_pt *pt;
	struct gw_opts opts;
	unsigned released[2];
} shared;

/* From deferred calls, in the end. */
static void release(void *ctx, const struct gw_leaf *run)
{
	unsigned n = (unsigned)(run->va >> GW_PAGE_LG2);

	(void)ctx;
	for (uint64_t left = run->bytes; left; left -= page(1), n++) {
		model_check(n < 2);
		shared.released[n]++;
	}
}

static void setup(void)
{
	shared.opts.release = release;
	shared.pt = model_create(&shared.opts, 6);
	model_check(!model_map(shared.pt, 0));
}

static void unmap(void)
{
	model_check(!gw_unmap(shared.pt, page(0), page(4)));
}

static void map(void)
{
	model_check(!model_map(shared.pt, 1));
}

static void end(void)
{
	bool mapped = model_walk(shared.pt, 1);

	model_call_all();
	model_check(!model_walk(shared.pt, 0));
	model_check(shared.released[0] == 1 && shared.released[1] + mapped == 1);
	model_settled(shared.opts.heap[0], mapped ? 3 : 1);
}

const struct model model = {
	.setup = setup,
	.thread = {unmap, map},
	.end = end,
};
