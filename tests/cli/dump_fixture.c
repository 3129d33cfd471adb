/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * What the tests of dumps share. */
#include "dump_fixture.h"
#include <gracewalk/urcu.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <urcu/urcu-memb.h>
#include <urcu/flavor.h>

void fix_start(struct fixture *x)
{
	fix_start_for(x, 0, 0);
}

void fix_start_for(struct fixture *x, uint64_t va, uint64_t bytes)
{
	x->env = gw_urcu_create(&urcu_memb_flavor);
	x->memory = aligned_alloc(HEAP, BYTES);
	assert_non_null(x->memory);
	memset(x->memory, 0, BYTES);
	x->opts = (struct gw_opts){.env = x->env, .va = va, .bytes = bytes};
	for (unsigned i = 0; i < GW_FMT_HEAPS; i++) {
		struct gw_heap_opts heap;

		gw_heap_defaults(i, &heap);
		heap.env = x->env;
		heap.base = x->memory + i * HEAP;
		heap.phys = PHYS + i * HEAP;
		heap.max_bytes = HEAP;
		assert_int_equal(gw_heap_create(&heap, &x->opts.heap[i]), 0);
	}
	assert_int_equal(gw_create(&x->opts, &x->pt), 0);
}

void fix_end(struct fixture *x)
{
	gw_destroy(x->pt);
	gw_urcu_drain(x->env);
	for (unsigned i = 0; i < GW_FMT_HEAPS; i++)
		gw_heap_put(x->opts.heap[i]);
	gw_urcu_destroy(x->env);
	free(x->memory);
}

uint64_t fix_root(const struct fixture *x)
{
	return (uintptr_t)x->pt->root - x->pt->to_pointer;
}

void fix_fill(struct fixture *x)
{
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(
			gw_map(x->pt, i * (HALF / 4) + PAGE, 9 * PAGE, 0, GW_FMT_ATTRS_MUST), 0);
}

/* ---- Telling ---- */

static void on_run(void *ctx, const struct dump_run *run)
{
	struct told *told = ctx;

	assert_true(told->n < MOST_RUNS);
	assert_true(run->count > 0 && run->level < GW_LEVELS && run->first <= run->last);
	if (told->n)
		assert_true(told->run[told->n - 1].last < run->first);
	told->run[told->n++] = *run;
}

static void on_table(void *ctx, const struct dump_table *table)
{
	struct told *told = ctx;

	told->tables++;
	told->used += table->used;
}

const struct dump_rules fix_everything = {
	.holes = true, .linear = true, .last = UINT64_MAX, .most_tables = 1000};

static void dump(const struct dump_memory *memory, uint64_t root, const struct dump_rules *rules,
		 bool tables, struct told *told)
{
	const struct dump_sink sink = {on_run, tables ? on_table : NULL, told};

	told->n = told->tables = 0;
	told->used = 0;
	told->sum = dump_walk(&gw_ops, memory, root, rules, &sink);
}

void fix_dump_file(const void *bytes, size_t size, uint64_t root, const struct dump_rules *rules,
		   bool swap, struct told *told)
{
	int fd = memfd_create("image", MFD_CLOEXEC);
	struct dump_image image;
	struct dump_memory memory = dump_image_memory(&image);
	char path[64];

	assert_int_equal(write(fd, bytes, size), size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	assert_int_equal(dump_image_open(&image, path), 0);
	image.base = PHYS;
	image.swap = swap;
	dump(&memory, root, rules, false, told);
	dump_image_close(&image);
	close(fd);
}

static bool read_live(void *ctx, uint64_t address, uint64_t *e)
{
	const struct fixture *x = ctx;

	assert_true(address >= PHYS && address - PHYS <= BYTES - 8);
	*e = gw_load_relaxed((const gw_entry *)((uintptr_t)address + x->pt->to_pointer));
	return true;
}

void fix_dump_here(struct fixture *x, const struct dump_rules *rules, bool tables,
		   struct told *told)
{
	const struct dump_memory memory = {read_live, x};

	dump(&memory, fix_root(x), rules, tables, told);
}

struct told *fix_told(void)
{
	struct told *told = calloc(1, sizeof(*told));

	assert_non_null(told);
	return told;
}

void fix_begin(void)
{
	urcu_memb_register_thread();
}

int fix_finish(int failed)
{
	urcu_memb_unregister_thread();
	return failed;
}
