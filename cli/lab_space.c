/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * A recorded program's pages in the lab's address space. */
#include "lab_space.h"
#include <errno.h>
#include <stdlib.h>

enum { PAGE_LG2 = 12, TOUCHED_MAX = 1 << 16 };

/* ---- The operations ---- */

static int map(void *ctx, uint64_t addr, uint64_t len, uint32_t prot)
{
	(void)prot;
	return pgtable_map(ctx, addr, len);
}

static int unmap(void *ctx, uint64_t addr, uint64_t len)
{
	pgtable_unmap(ctx, addr, len);
	return 0;
}

/* The lab's entries say present or not, and no more. */
static int protect(void *ctx, uint64_t addr, uint64_t len, uint32_t prot)
{
	(void)ctx;
	(void)addr;
	(void)len;
	(void)prot;
	return 0;
}

static int move(void *ctx, uint64_t from, uint64_t to, uint64_t len)
{
	return pgtable_move(ctx, from, to, len);
}

static int reclaim(void *ctx, uint64_t addr, uint64_t len)
{
	pgtable_reclaim(ctx, addr, len);
	return 0;
}

static int reserve(void *ctx, uint64_t addr, uint64_t len)
{
	return pgtable_reserve(ctx, addr, len);
}

const struct space_ops lab_space_ops = {
	.map = map,
	.unmap = unmap,
	.protect = protect,
	.move = move,
	.reclaim = reclaim,
	.reserve = reserve,
};

/* ---- Nothing ---- */

static int nothing(void *ctx, uint64_t addr, uint64_t len)
{
	(void)ctx;
	(void)addr;
	(void)len;
	return 0;
}

static int move_nothing(void *ctx, uint64_t from, uint64_t to, uint64_t len)
{
	(void)to;
	return nothing(ctx, from, len);
}

const struct space_ops no_space_ops = {
	.map = protect,
	.unmap = nothing,
	.protect = protect,
	.move = move_nothing,
	.reclaim = nothing,
	.reserve = nothing,
};

/* ---- The survey ---- */

/* Every second address is dropped when there are too many. */
static void thin_out(struct survey *survey)
{
	for (size_t i = 0; i < survey->n / 2; i++)
		survey->touched[i] = survey->touched[2 * i];
	survey->n /= 2;
	survey->step *= 2;
}

static int touch(struct survey *survey, uint64_t page)
{
	if (!survey->touched) {
		survey->touched = malloc(TOUCHED_MAX * sizeof(*survey->touched));
		survey->step = 1;
	}
	if (!survey->touched)
		return -ENOMEM;
	if (survey->n == TOUCHED_MAX)
		thin_out(survey);
	if (survey->seen++ % survey->step == 0)
		survey->touched[survey->n++] = page << PAGE_LG2;
	return present_set(&survey->present, page, 1);
}

static int survey_map(void *ctx, uint64_t addr, uint64_t len, uint32_t prot)
{
	struct survey *survey = ctx;
	bool any = false;
	uint64_t frame;
	int err = 0;

	(void)prot;
	for (uint64_t page = addr >> PAGE_LG2; !err && page < (addr + len) >> PAGE_LG2; page++) {
		if (present_get(&survey->present, page, &frame))
			continue;
		any = true;
		err = touch(survey, page);
	}
	survey->operations += any;
	return err ? err : pgtable_map(survey->pgtable, addr, len);
}

static void forget(struct survey *survey, uint64_t addr, uint64_t len)
{
	uint64_t page = addr >> PAGE_LG2, end = (addr + len) >> PAGE_LG2, frame;

	survey->operations += present_next(&survey->present, &page, end, &frame);
	present_remove(&survey->present, addr >> PAGE_LG2, end);
}

static int survey_unmap(void *ctx, uint64_t addr, uint64_t len)
{
	struct survey *survey = ctx;

	forget(survey, addr, len);
	return unmap(survey->pgtable, addr, len);
}

static int survey_move(void *ctx, uint64_t from, uint64_t to, uint64_t len)
{
	struct survey *survey = ctx;
	uint64_t page = from >> PAGE_LG2, end = (from + len) >> PAGE_LG2, frame;
	int err = 0;

	for (; !err && present_next(&survey->present, &page, end, &frame); page++)
		err = touch(survey, page - (from >> PAGE_LG2) + (to >> PAGE_LG2));
	forget(survey, from, len);
	return err ? err : move(survey->pgtable, from, to, len);
}

/* Counts what an operation on tables alone did. */
static int count_tables(struct survey *survey, uint64_t addr, uint64_t len,
			int (*operation)(void *ctx, uint64_t addr, uint64_t len))
{
	uint64_t before = lab_level(survey->lab).used;
	int err = operation(survey->pgtable, addr, len);

	survey->operations += lab_level(survey->lab).used != before;
	return err;
}

static int survey_reclaim(void *ctx, uint64_t addr, uint64_t len)
{
	return count_tables(ctx, addr, len, reclaim);
}

static int survey_reserve(void *ctx, uint64_t addr, uint64_t len)
{
	return count_tables(ctx, addr, len, reserve);
}

const struct space_ops survey_ops = {
	.map = survey_map,
	.unmap = survey_unmap,
	.protect = protect,
	.move = survey_move,
	.reclaim = survey_reclaim,
	.reserve = survey_reserve,
};

void survey_close(struct survey *survey)
{
	present_close(&survey->present);
	free(survey->touched);
}
