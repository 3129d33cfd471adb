/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * A program's pages where the format's are larger: a large page is mapped while any part of it is.
 */
#include "rebuild.h"
#include <sys/mman.h>

/* A part: the smallest page that a trace can have. */
enum { PART_LG2 = 12 };

static uint64_t large_page(const struct rebuild *rebuild)
{
	return 1ull << rebuild->format->page_lg2;
}

static uint64_t down(const struct rebuild *rebuild, uint64_t addr)
{
	return addr & ~(large_page(rebuild) - 1);
}

static uint64_t up(const struct rebuild *rebuild, uint64_t addr)
{
	return down(rebuild, addr + large_page(rebuild) - 1);
}

static bool needs_parts(const struct rebuild *rebuild)
{
	return rebuild->format->page_lg2 > PART_LG2;
}

/* Whether any part of a large page is present. */
static bool any_part(struct rebuild *rebuild, uint64_t addr)
{
	uint64_t part = down(rebuild, addr) >> PART_LG2, frame;

	return present_next(&rebuild->parts, &part,
			    (down(rebuild, addr) + large_page(rebuild)) >> PART_LG2, &frame);
}

static int map(void *ctx, uint64_t addr, uint64_t len, uint32_t prot)
{
	struct rebuild *rebuild = ctx;
	int err = 0;

	if (!needs_parts(rebuild))
		return rebuild_page_ops.map(ctx, addr, len, prot);
	for (uint64_t at = addr; at < addr + len && !err; at += 1ull << PART_LG2)
		err = present_set(&rebuild->parts, at >> PART_LG2, 0);
	if (err)
		return err;
	len = up(rebuild, addr + len) - down(rebuild, addr);
	return rebuild_page_ops.map(ctx, down(rebuild, addr), len, prot);
}

static int protect(void *ctx, uint64_t addr, uint64_t len, uint32_t prot)
{
	uint64_t start = down(ctx, addr);

	return rebuild_page_ops.protect(ctx, start, up(ctx, addr + len) - start, prot);
}

static int unmap(void *ctx, uint64_t addr, uint64_t len)
{
	struct rebuild *rebuild = ctx;
	uint64_t start = down(rebuild, addr), end = up(rebuild, addr + len);

	if (needs_parts(rebuild)) {
		present_remove(&rebuild->parts, addr >> PART_LG2, (addr + len) >> PART_LG2);
		if (any_part(rebuild, start))
			start += large_page(rebuild);
		if (end > start && any_part(rebuild, end - 1))
			end -= large_page(rebuild);
	}
	return end > start ? rebuild_page_ops.unmap(ctx, start, end - start) : 0;
}

static int move(void *ctx, uint64_t from, uint64_t to, uint64_t len)
{
	struct rebuild *rebuild = ctx;
	uint64_t part = from >> PART_LG2, end = (from + len) >> PART_LG2, frame;

	if (!needs_parts(rebuild))
		return rebuild_page_ops.move(ctx, from, to, len);
	for (; present_next(&rebuild->parts, &part, end, &frame); part++) {
		int err = map(ctx, to + ((part << PART_LG2) - from), 1ull << PART_LG2,
			      PROT_READ | PROT_WRITE);

		if (err)
			return err;
	}
	return unmap(ctx, from, len);
}

static int reclaim(void *ctx, uint64_t addr, uint64_t len)
{
	return rebuild_page_ops.reclaim(ctx, addr, len);
}

static int reserve(void *ctx, uint64_t addr, uint64_t len)
{
	uint64_t start = down(ctx, addr);

	return rebuild_page_ops.reserve(ctx, start, up(ctx, addr + len) - start);
}

const struct space_ops rebuild_ops = {
	.map = map,
	.unmap = unmap,
	.protect = protect,
	.move = move,
	.reclaim = reclaim,
	.reserve = reserve,
};
