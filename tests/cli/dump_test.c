/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Dumps: what the library built, in memory of the test's own, read back out of an image of it; and
 * images that are damaged. Compiled once a format. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <gracewalk/gracewalk.h>
#include <gracewalk/urcu.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <urcu/urcu-memb.h>
#include <urcu/flavor.h>
#include "dump_image.h"

enum {
	PAGE = 1 << GW_PAGE_LG2,
	TOP = GW_LEVELS - 1,
	HEAP = 2 << 20,
	BYTES = GW_FMT_HEAPS * HEAP,
	PAGES = 2048,
	MOST_RUNS = 1 << 16,
};
#define PHYS (1ull << 32)
#define HALF (1ull << (GW_VA_BITS - 1))

struct fixture {
	struct gw_env *env;
	struct gw_pt *pt;
	struct gw_opts opts;
	unsigned char *memory; /* stands for PHYS and on */
};

/* What was told. */
struct told {
	struct dump_run run[MOST_RUNS];
	unsigned n, tables;
	uint64_t used;
	struct dump_summary sum;
};

static void start(struct fixture *x)
{
	x->env = gw_urcu_create(&urcu_memb_flavor);
	x->memory = aligned_alloc(HEAP, BYTES);
	assert_non_null(x->memory);
	memset(x->memory, 0, BYTES);
	x->opts = (struct gw_opts){.env = x->env};
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

static void end(struct fixture *x)
{
	gw_destroy(x->pt);
	gw_urcu_drain(x->env);
	for (unsigned i = 0; i < GW_FMT_HEAPS; i++)
		gw_heap_put(x->opts.heap[i]);
	gw_urcu_destroy(x->env);
	free(x->memory);
}

static uint64_t root_of(const struct fixture *x)
{
	return (uintptr_t)x->pt->root - x->pt->to_pointer;
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

static const struct dump_rules everything = {
	.holes = true, .linear = true, .last = UINT64_MAX, .most_tables = 1000};

static void dump(const struct dump_memory *memory, uint64_t root, const struct dump_rules *rules,
		 bool tables, struct told *told)
{
	const struct dump_sink sink = {on_run, tables ? on_table : NULL, told};

	told->n = told->tables = 0;
	told->used = 0;
	told->sum = dump_walk(&gw_ops, memory, root, rules, &sink);
}

/* By way of a file, which goes with its descriptor. */
static void dump_file(const void *bytes, size_t size, uint64_t root, const struct dump_rules *rules,
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

static void dump_here(struct fixture *x, const struct dump_rules *rules, bool tables,
		      struct told *told)
{
	const struct dump_memory memory = {read_live, x};

	dump(&memory, root_of(x), rules, tables, told);
}

static void assert_same(const struct told *a, const struct told *b)
{
	assert_int_equal(a->n, b->n);
	assert_memory_equal(&a->sum, &b->sum, sizeof(a->sum));
	for (unsigned i = 0; i < a->n; i++)
		assert_memory_equal(&a->run[i], &b->run[i], sizeof(a->run[i]));
}

static struct told *told_new(void)
{
	struct told *told = calloc(1, sizeof(*told));

	assert_non_null(told);
	return told;
}

/* ---- Every size, every attribute ---- */

/* Each attribute alone beside those that must be, then all but each. Return: false: past the
 * last. */
static bool attr_at(unsigned i, uint32_t *attr)
{
	uint32_t bit = 1u << i % 32;

	*attr = i < 32 ? GW_FMT_ATTRS_MUST | (bit & GW_FMT_ATTRS)
		       : GW_FMT_ATTRS & ~(bit & ~(uint32_t)GW_FMT_ATTRS_MUST);
	return i < 64;
}

/* Of the 64, those that differ from the one before. */
static unsigned map_each(struct fixture *x, unsigned level, uint64_t *va, struct dump_run *want)
{
	uint32_t attr, last = ~0u;
	unsigned n = 0;

	*va = (*va + gw_span(level) - 1) & ~(gw_span(level) - 1);
	for (unsigned i = 0; attr_at(i, &attr); i++, last = attr) {
		uint64_t out = (n + 1) * gw_span(level);

		if (i && attr == last)
			continue;
		assert_int_equal(gw_map(x->pt, *va, gw_span(level), out, attr), 0);
		want[n++] = (struct dump_run){
			.kind = DUMP_LEAF,
			.level = level,
			.first = *va,
			.last = *va + gw_span(level) - 1,
			.count = 1,
			.out = out,
			.linear = true,
			.attr = attr,
		};
		*va += 2 * gw_span(level);
	}
	return n;
}

static void test_every_leaf_size_and_attribute(void **state)
{
	struct dump_rules rules = everything;
	struct told *told = told_new();
	static struct dump_run want[64 * GW_LEVELS];
	struct fixture x;
	uint64_t va = 0;
	unsigned n = 0;

	(void)state;
	start(&x);
	for (unsigned level = 0; level < GW_LEVELS; level++)
		if (gw_fmt_leaf_level(level))
			n += map_each(&x, level, &va, &want[n]);
	assert_true(va <= HALF);
	rules.holes = false;
	dump_file(x.memory, BYTES, root_of(&x), &rules, false, told);
	assert_int_equal(told->n, n);
	for (unsigned i = 0; i < n; i++)
		assert_memory_equal(&told->run[i], &want[i], sizeof(want[i]));
	assert_false(dump_incomplete(&told->sum));
	end(&x);
	free(told);
}

/* ---- Random mappings against an array ---- */

struct page {
	bool mapped;
	uint32_t attr;
	uint64_t out;
};

/* The pages are half at the start of the address space, half at its end. */
static uint64_t low_of(unsigned page)
{
	uint64_t from_end = (uint64_t)(PAGES - page) << GW_PAGE_LG2;

	return page < PAGES / 2 ? (uint64_t)page << GW_PAGE_LG2 : gw_low(0 - from_end);
}

static uint64_t out_of(uint64_t first, unsigned i)
{
	return gw_fmt_advance(first, (uint64_t)i << GW_PAGE_LG2);
}

static uint32_t any_attr(void)
{
	uint32_t some = (uint32_t)rand() % 4 == 0 ? GW_WRITE : GW_WRITE | GW_SOFT1;

	return (some & GW_FMT_ATTRS) | GW_FMT_ATTRS_MUST;
}

static void map_some(struct fixture *x, struct page *model, unsigned page, unsigned n)
{
	/* Often in step with the address, so that larger leaves fit. */
	uint64_t first = (uint64_t)(rand() % 3 ? page : (unsigned)rand() % PAGES) << GW_PAGE_LG2;
	uint32_t attr = any_attr();

	for (unsigned i = 0; i < n; i++)
		if (model[page + i].mapped)
			n = i;
	if (!n)
		return;
	assert_int_equal(gw_map(x->pt, gw_fmt_canonical(low_of(page)), (uint64_t)n << GW_PAGE_LG2,
				first, attr),
			 0);
	for (unsigned i = 0; i < n; i++)
		model[page + i] = (struct page){true, attr, out_of(first, i)};
}

static void change_some(struct fixture *x, struct page *model, unsigned page, unsigned n)
{
	uint64_t va = gw_fmt_canonical(low_of(page)), bytes = (uint64_t)n << GW_PAGE_LG2;
	bool unmap = rand() % 2;
	uint32_t attr = any_attr();

	assert_int_equal(unmap ? gw_unmap(x->pt, va, bytes) : gw_protect(x->pt, va, bytes, attr),
			 0);
	for (unsigned i = page; i < page + n; i++) {
		model[i].mapped &= !unmap;
		model[i].attr = attr;
	}
}

static void step(struct fixture *x, struct page *model)
{
	unsigned page = (unsigned)rand() % PAGES,
		 n = 1 + (unsigned)rand() % (rand() % 4 ? 30 : 900);
	unsigned limit = (page < PAGES / 2 ? PAGES / 2 : PAGES) - page;

	if (n > limit)
		n = limit;
	if (rand() % 5 < 3)
		map_some(x, model, page, n);
	else
		change_some(x, model, page, n);
}

/* The model's page there; NULL: beyond the model. */
static const struct page *page_at(const struct page *model, uint64_t va)
{
	uint64_t low = gw_low(va) >> GW_PAGE_LG2, last = low_of(PAGES - 1) >> GW_PAGE_LG2;

	if (low < PAGES / 2)
		return &model[low];
	return last - low < PAGES / 2 ? &model[PAGES - 1 - (last - low)] : NULL;
}

static uint64_t check_leaves(struct fixture *x, const struct page *model,
			     const struct dump_run *run)
{
	uint64_t n = (run->last - run->first + 1) >> GW_PAGE_LG2;

	assert_int_equal(run->count, n * PAGE / gw_span(run->level));
	assert_true(run->linear);
	assert_int_equal(run->other, 0);
	for (uint64_t i = 0; i < n; i++) {
		uint64_t va = run->first + i * PAGE;
		const struct page *page = page_at(model, va);
		struct gw_leaf leaf;

		assert_non_null(page);
		assert_true(page->mapped);
		assert_int_equal(page->attr, run->attr);
		assert_int_equal(page->out, out_of(run->out, (unsigned)i));
		assert_true(gw_walk(x->pt, va, &leaf));
		assert_int_equal(leaf.bytes, gw_span(run->level));
	}
	return n;
}

/* Two runs could have been one. */
static bool splits(const struct dump_run *a, const struct dump_run *b)
{
	if (a->kind != b->kind || a->last + 1 != b->first)
		return false;
	return a->kind == DUMP_HOLE || (a->level == b->level && a->attr == b->attr &&
					gw_fmt_advance(a->out, b->first - a->first) == b->out);
}

static void verify(struct fixture *x, const struct page *model, const struct told *told)
{
	uint64_t n = 0, mapped = 0, next = 0;

	for (unsigned i = 0; i < told->n; i++) {
		const struct dump_run *run = &told->run[i];

		assert_true(run->first == next ||
			    (next == HALF && run->first == gw_fmt_canonical(HALF)));
		next = run->last + 1;
		if (i)
			assert_false(splits(run - 1, run));
		assert_true(run->kind == DUMP_LEAF || run->kind == DUMP_HOLE);
		if (run->kind == DUMP_LEAF)
			n += check_leaves(x, model, run);
	}
	assert_int_equal(next - 1, gw_fmt_canonical(low_of(PAGES - 1)) + (PAGE - 1));
	for (unsigned i = 0; i < PAGES; i++)
		mapped += model[i].mapped;
	assert_int_equal(n, mapped);
	assert_int_equal(told->sum.bytes, mapped * PAGE);
}

/* By the library's own count; and reading where the tables are is the same as reading a file. */
static void verify_tables(struct fixture *x, const struct told *file, struct told *told)
{
	uint64_t tables = 0;
	struct gw_pt_stats stats;

	dump_here(x, &everything, false, told);
	assert_same(told, file);
	dump_here(x, &everything, true, told);
	gw_stats(x->pt, &stats);
	for (unsigned i = 0; i < stats.heaps; i++)
		tables += stats.heap[i].used;
	assert_int_equal(told->tables, tables);
	for (unsigned level = 0; level < GW_LEVELS; level++)
		tables += told->sum.leaves[level];
	assert_int_equal(told->used, tables - 1); /* each but the root has an entry */
}

static void test_random_mappings(void **state)
{
	struct told *told = told_new(), *here = told_new();

	(void)state;
	for (unsigned seed = 1; seed <= 4; seed++) {
		static struct page model[PAGES];
		struct fixture x;

		srand(seed);
		memset(model, 0, sizeof(model));
		start(&x);
		for (int i = 1; i <= 150; i++) {
			step(&x, model);
			if (i % 15)
				continue;
			gw_urcu_drain(x.env); /* so that no table is empty */
			dump_file(x.memory, BYTES, root_of(&x), &everything, false, told);
			verify(&x, model, told);
			verify_tables(&x, told, here);
		}
		end(&x);
	}
	free(told);
	free(here);
}

/* ---- What is asked for ---- */

static void fill(struct fixture *x)
{
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(
			gw_map(x->pt, i * (HALF / 4) + PAGE, 9 * PAGE, 0, GW_FMT_ATTRS_MUST), 0);
}

/* The entries that a range touches; holes end where it ends. */
static void test_ranges(void **state)
{
	struct dump_rules rules = everything;
	struct told *told = told_new();
	struct fixture x;

	(void)state;
	start(&x);
	fill(&x);
	rules.first = 5 * PAGE + 1;
	rules.last = 7 * PAGE;
	dump_here(&x, &rules, false, told);
	assert_int_equal(told->n, 1);
	assert_int_equal(told->run[0].first, 5 * PAGE);
	assert_int_equal(told->run[0].last, 8 * PAGE - 1);
	assert_int_equal(told->sum.bytes, 3 * PAGE);
	rules.first = 9 * PAGE;
	rules.last = 12 * PAGE + 7;
	dump_here(&x, &rules, false, told);
	assert_int_equal(told->n, 2);
	assert_int_equal(told->run[1].kind, DUMP_HOLE);
	assert_int_equal(told->run[1].first, 10 * PAGE);
	assert_int_equal(told->run[1].last, 12 * PAGE + 7);
	end(&x);
	free(told);
}

/* Leaves that do not run on are one range unless `linear` parts them. */
static void test_scattered_leaves(void **state)
{
	struct dump_rules rules = everything;
	struct told *told = told_new();
	struct fixture x;

	(void)state;
	start(&x);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(gw_map(x.pt, i * PAGE, PAGE, (8 - i) * PAGE, GW_FMT_ATTRS_MUST),
				 0);
	dump_here(&x, &rules, false, told);
	assert_int_equal(told->n, gw_fmt_canonical(HALF) == HALF ? 5 : 6);
	rules.linear = rules.holes = false;
	dump_here(&x, &rules, false, told);
	assert_int_equal(told->n, 1);
	assert_int_equal(told->run[0].count, 4);
	assert_false(told->run[0].linear);
	end(&x);
	free(told);
}

static void test_the_other_byte_order(void **state)
{
	struct told *told = told_new(), *here = told_new();
	struct fixture x;

	(void)state;
	start(&x);
	fill(&x);
	dump_here(&x, &everything, false, here);
	for (size_t i = 0; i < BYTES / 8; i++) {
		uint64_t *e = (uint64_t *)(void *)x.memory + i;

		*e = __builtin_bswap64(*e);
	}
	dump_file(x.memory, BYTES, root_of(&x), &everything, true, told);
	assert_same(told, here);
	for (size_t i = 0; i < BYTES / 8; i++) {
		uint64_t *e = (uint64_t *)(void *)x.memory + i;

		*e = __builtin_bswap64(*e);
	}
	end(&x);
	free(told);
	free(here);
}

/* ---- Damage: on a copy of the memory ---- */

static unsigned char *copy_of(struct fixture *x)
{
	unsigned char *copy = malloc(BYTES);

	assert_non_null(copy);
	start(x);
	fill(x);
	return memcpy(copy, x->memory, BYTES);
}

static void put(unsigned char *copy, const struct fixture *x, const void *entry, uint64_t value)
{
	memcpy(copy + ((const unsigned char *)entry - x->memory), &value, sizeof(value));
}

/* Counted once, and nothing else is wrong. */
static void assert_only(const struct told *told, enum dump_kind kind, uint64_t out)
{
	assert_true(dump_incomplete(&told->sum) == (kind >= DUMP_OUTSIDE));
	assert_int_equal(told->sum.entries[kind], 1);
	for (unsigned i = 0; i < told->n; i++)
		if (told->run[i].kind != DUMP_HOLE && told->run[i].kind != DUMP_LEAF) {
			assert_int_equal(told->run[i].kind, kind);
			assert_int_equal(told->run[i].out, out);
			assert_int_equal(told->run[i].count, 1);
		}
}

static void test_entries_that_cannot_be(void **state)
{
	struct told *told = told_new();
	struct fixture x;
	unsigned char *copy = copy_of(&x);
	const gw_entry *e = gw_pte_map(x.pt, 3 * PAGE), *root = x.pt->root;
	uint64_t stray = gw_fmt_empty(0) ^ 0x1000, last = *(const uint64_t *)(const void *)root;
	uint64_t far = PHYS + BYTES + (1 << 20);

	(void)state;
	assert_non_null(e);
	put(copy, &x, e, stray);
	gw_pte_unmap(x.pt);
	dump_file(copy, BYTES, root_of(&x), &everything, false, told);
	assert_only(told, DUMP_OTHER, stray);
	memcpy(copy, x.memory, BYTES);

	put(copy, &x, root, gw_fmt_table(root_of(&x), TOP));
	dump_file(copy, BYTES, root_of(&x), &everything, false, told);
	assert_only(told, DUMP_LOOP, root_of(&x));
	put(copy, &x, root, gw_fmt_table(far, TOP));
	dump_file(copy, BYTES, root_of(&x), &everything, false, told);
	assert_only(told, DUMP_OUTSIDE, far);
	if (gw_fmt_table_address(gw_fmt_table(PHYS + 256, TOP), TOP) == PHYS + 256) {
		put(copy, &x, root, gw_fmt_table(PHYS + 256, TOP));
		dump_file(copy, BYTES, root_of(&x), &everything, false, told);
		assert_only(told, DUMP_MISALIGNED, PHYS + 256);
	}
	put(copy, &x, root, last);
	dump_file(copy, BYTES, root_of(&x), &everything, false, told);
	assert_false(dump_incomplete(&told->sum));
	free(copy);
	end(&x);
	free(told);
}

static void test_roots_that_cannot_be(void **state)
{
	const uint64_t roots[] = {
		0, PHYS - 4096, PHYS + BYTES, 1ull << 63, UINT64_MAX - 4095, PHYS + 4, UINT64_MAX};
	struct told *told = told_new();
	struct fixture x;
	unsigned char *copy = copy_of(&x);

	(void)state;
	for (unsigned i = 0; i < sizeof(roots) / sizeof(roots[0]); i++) {
		dump_file(copy, BYTES, roots[i], &everything, false, told);
		assert_int_equal(told->n, 1);
		assert_int_equal(told->run[0].kind,
				 roots[i] % 4096 ? DUMP_MISALIGNED : DUMP_OUTSIDE);
		assert_int_equal(told->run[0].out, roots[i]);
		assert_int_equal(told->sum.table_bytes, 0);
	}
	free(copy);
	end(&x);
	free(told);
}

static void test_files_cut_short(void **state)
{
	struct told *told = told_new();
	struct fixture x;
	unsigned char *copy = copy_of(&x);
	uint64_t root = root_of(&x) - PHYS;

	(void)state;
	srand(2);
	dump_file(copy, 0, root_of(&x), &everything, false, told);
	assert_true(told->sum.entries[DUMP_OUTSIDE] == 1);
	dump_file(copy, root + 9, root_of(&x), &everything, false, told);
	assert_int_equal(told->run[told->n - 1].kind, DUMP_OUTSIDE);
	assert_int_equal(told->run[told->n - 1].last, gw_fmt_canonical(2 * HALF - 1));
	for (unsigned i = 0; i < 50; i++) {
		size_t size = (size_t)rand() % (i % 2 ? 65536 : BYTES);

		dump_file(copy, size, root_of(&x), &everything, false, told);
		if (size <= root)
			assert_true(dump_incomplete(&told->sum));
	}
	free(copy);
	end(&x);
	free(told);
}

/* Bytes at random, few or all of them: whatever comes out comes in order, and to an end. */
static void test_random_bytes(void **state)
{
	struct dump_rules rules = everything;
	struct told *told = told_new();
	struct fixture x;
	unsigned char *copy = copy_of(&x);

	(void)state;
	srand(3);
	rules.most_tables = 16;
	for (unsigned round = 0; round < 30; round++) {
		bool all = round % 3 == 0;

		memcpy(copy, x.memory, BYTES);
		for (size_t i = 0; i < (all ? BYTES : 20000); i++)
			copy[all ? i : (size_t)rand() % BYTES] = (unsigned char)(rand() >> 7);
		dump_file(copy, BYTES, root_of(&x), &rules, round % 2, told);
	}
	free(copy);
	end(&x);
	free(told);
}

/* Every entry leads to some table of the image: without the limit this would go on for years. */
static void test_tables_without_end(void **state)
{
	struct dump_rules rules = everything;
	struct told *told = told_new();
	struct fixture x;
	unsigned char *copy = copy_of(&x);
	uint64_t tables = 0;

	(void)state;
	rules.most_tables = 25;
	for (size_t i = 0; i < BYTES / 8; i++) {
		uint64_t e = gw_fmt_table(PHYS + i % 16 * 65536, 1);

		memcpy(copy + i * 8, &e, sizeof(e));
	}
	dump_file(copy, BYTES, PHYS, &rules, false, told);
	for (unsigned level = 0; level < GW_LEVELS; level++)
		tables += told->sum.tables[level];
	assert_int_equal(tables, 25);
	assert_true(told->sum.entries[DUMP_LIMIT] > 0);
	assert_true(told->sum.entries[DUMP_LOOP] > 0);
	free(copy);
	end(&x);
	free(told);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_leaf_size_and_attribute),
		cmocka_unit_test(test_random_mappings),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_scattered_leaves),
		cmocka_unit_test(test_the_other_byte_order),
		cmocka_unit_test(test_entries_that_cannot_be),
		cmocka_unit_test(test_roots_that_cannot_be),
		cmocka_unit_test(test_files_cut_short),
		cmocka_unit_test(test_random_bytes),
		cmocka_unit_test(test_tables_without_end),
	};
	int failed;

	urcu_memb_register_thread();
	failed = cmocka_run_group_tests_name("dump " GW_FMT_NAME, tests, NULL, NULL);
	urcu_memb_unregister_thread();
	return failed;
}
