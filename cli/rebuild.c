/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * A program's pages in a Gracewalk page table. */
#include "rebuild.h"
#include <gracewalk/urcu.h>
#include <sys/mman.h>

enum { LARGE_PAGES = 512 };

static void released(void *ctx, const struct gw_leaf *run)
{
	struct rebuild *rebuild = ctx;
	unsigned lg2 = rebuild->format->page_lg2;
	uint64_t n = run->bytes >> lg2;

	/* One value for a range means, here, for one page: see map_new. Runs of equal values
	 * cannot occur. */
	frames_give_back(&rebuild->frames, run->out >> lg2, n);
}

int rebuild_open(struct rebuild *rebuild, const struct gw_format *format, struct gw_env *env,
		 const struct gw_opts *opts)
{
	struct gw_opts all = *opts;
	int err;

	*rebuild = (struct rebuild){.format = format, .env = env};
	err = frames_open(&rebuild->frames);
	if (err)
		return err;
	all.env = env;
	all.release = released;
	all.ctx = rebuild;
	err = format->create(&all, &rebuild->pt);
	if (err)
		frames_close(&rebuild->frames);
	return err;
}

void rebuild_close(struct rebuild *rebuild)
{
	rebuild->format->destroy(rebuild->pt);
	gw_urcu_drain(rebuild->env);
	present_close(&rebuild->present);
	present_close(&rebuild->parts);
	frames_close(&rebuild->frames);
}

uint64_t rebuild_bytes(struct rebuild *rebuild)
{
	struct gw_pt_stats stats;

	rebuild->format->stats(rebuild->pt, &stats);
	return stats.table_bytes - stats.heap[stats.heaps - 1].table_bytes;
}

/* A page that may not be touched stays in its table, as the kernel keeps it; here it is
 * readable. */
static uint32_t attr_of(const struct rebuild *rebuild, uint32_t prot)
{
	uint32_t attr = GW_READ | GW_USER | (prot & PROT_WRITE ? GW_WRITE : 0) |
			(prot & PROT_EXEC ? GW_EXEC : 0);

	return (attr & rebuild->format->attrs) | rebuild->format->attrs_must;
}

/* What the updater just did must be what a walk sees. */
static void verify(struct rebuild *rebuild, uint64_t page, bool present)
{
	struct gw_leaf leaf;

	rebuild->env->read_lock(rebuild->env);
	rebuild->wrong += rebuild->format->walk(rebuild->pt, page << rebuild->format->page_lg2,
						&leaf) != present;
	rebuild->env->read_unlock(rebuild->env);
}

/* Frames for n pages in a row: in step with the pages where larger leaves are wanted, and out of
 * step where not. */
static int take_frames(struct rebuild *rebuild, uint64_t page, uint64_t n, uint64_t *first)
{
	uint64_t phase = rebuild->small_pages ? page + 1 : page;
	int err;

	if (n < LARGE_PAGES)
		return frames_take(&rebuild->frames, n, first);
	phase %= LARGE_PAGES;
	err = frames_take(&rebuild->frames, n + 2 * LARGE_PAGES, first);
	*first += (phase + LARGE_PAGES - *first % LARGE_PAGES) % LARGE_PAGES;
	return err;
}

static int map_new(struct rebuild *rebuild, uint64_t page, uint64_t n, uint32_t prot)
{
	unsigned lg2 = rebuild->format->page_lg2;
	uint64_t first;
	int err;

	if (rebuild->format->one_value)
		n = 1;
	err = take_frames(rebuild, page, n, &first);
	if (err)
		return err;
	frames_set(&rebuild->frames, first, n, page, FRAME_MAPPING);
	err = rebuild->format->map(rebuild->pt, page << lg2, n << lg2, first << lg2,
				   attr_of(rebuild, prot));
	if (err)
		return err;
	frames_set(&rebuild->frames, first, n, page, FRAME_MAPPED);
	for (uint64_t i = 0; i < n && !err; i++)
		err = present_set(&rebuild->present, page + i, first + i);
	rebuild->operations++;
	rebuild->pages += n;
	verify(rebuild, page + n - 1, true);
	return err ? err : (int)n;
}

static int protect(void *ctx, uint64_t addr, uint64_t len, uint32_t prot)
{
	struct rebuild *rebuild = ctx;
	int err;

	if (!rebuild->format->attrs)
		return 0;
	rebuild->operations++;
	frames_gap_begin(&rebuild->frames);
	err = rebuild->format->protect(rebuild->pt, addr, len, attr_of(rebuild, prot));
	frames_gap_end(&rebuild->frames);
	return err;
}

/* How many pages from there on are present, or are not, as the first. */
static uint64_t stretch(struct rebuild *rebuild, uint64_t page, uint64_t end, bool *present)
{
	uint64_t frame, at = page;

	*present = present_get(&rebuild->present, page, &frame);
	if (!*present)
		return present_next(&rebuild->present, &at, end, &frame) ? at - page : end - page;
	while (at < end && present_get(&rebuild->present, at, &frame))
		at++;
	return at - page;
}

static int map(void *ctx, uint64_t addr, uint64_t len, uint32_t prot)
{
	struct rebuild *rebuild = ctx;
	unsigned lg2 = rebuild->format->page_lg2;
	uint64_t page = addr >> lg2, end = (addr + len) >> lg2;
	int done = 0;

	while (page < end && done >= 0) {
		bool present;
		uint64_t n = stretch(rebuild, page, end, &present);

		if (present)
			done = protect(rebuild, page << lg2, n << lg2, prot);
		else
			done = map_new(rebuild, page, n < INT32_MAX ? n : INT32_MAX, prot);
		page += present ? n : (uint64_t)done;
	}
	return done < 0 ? done : 0;
}

static int unmap(void *ctx, uint64_t addr, uint64_t len)
{
	struct rebuild *rebuild = ctx;
	unsigned lg2 = rebuild->format->page_lg2;
	uint64_t page = addr >> lg2, end = (addr + len) >> lg2, first = page, frame;
	bool any = false;
	int err;

	for (; present_next(&rebuild->present, &page, end, &frame); page++) {
		if (!any)
			first = page;
		any = true;
		frames_set(&rebuild->frames, frame, 1, page, FRAME_UNMAPPING);
	}
	present_remove(&rebuild->present, addr >> lg2, end);
	rebuild->operations++;
	frames_gap_begin(&rebuild->frames);
	err = rebuild->format->unmap(rebuild->pt, addr, len);
	frames_gap_end(&rebuild->frames);
	if (any && !err)
		verify(rebuild, first, false);
	return err;
}

/* The pages go to new frames: a move of whole tables is not in the public interface yet. */
static int move(void *ctx, uint64_t from, uint64_t to, uint64_t len)
{
	struct rebuild *rebuild = ctx;
	unsigned lg2 = rebuild->format->page_lg2;
	uint64_t page = from >> lg2, end = (from + len) >> lg2, frame;

	for (; present_next(&rebuild->present, &page, end, &frame); page++) {
		uint64_t target = page - (from >> lg2) + (to >> lg2);
		int done = map_new(rebuild, target, 1, PROT_READ | PROT_WRITE);

		if (done < 0)
			return done;
	}
	return unmap(ctx, from, len);
}

static int reclaim(void *ctx, uint64_t addr, uint64_t len)
{
	struct rebuild *rebuild = ctx;

	rebuild->format->reclaim(rebuild->pt, addr, len);
	return 0;
}

/* A page that comes and goes leaves its tables, where none is freed by itself. */
static int reserve(void *ctx, uint64_t addr, uint64_t len)
{
	struct rebuild *rebuild = ctx;
	uint64_t page = addr >> rebuild->format->page_lg2, frame;
	int done;

	if (present_get(&rebuild->present, page, &frame))
		return 0;
	done = map_new(rebuild, page, 1, PROT_READ);
	return done < 0 ? done : unmap(ctx, addr, len);
}

const struct space_ops rebuild_page_ops = {
	.map = map,
	.unmap = unmap,
	.protect = protect,
	.move = move,
	.reclaim = reclaim,
	.reserve = reserve,
};
