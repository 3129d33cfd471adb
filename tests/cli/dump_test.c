/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Dumps: what the library built, read back out of an image of its memory. Compiled once a format.
 */
#include "dump_fixture.h"
#include <gracewalk/urcu.h>
#include <stdlib.h>
#include <string.h>

enum { PAGES = 2048 };

static void assert_same(const struct told *a, const struct told *b)
{
	assert_int_equal(a->n, b->n);
	assert_memory_equal(&a->sum, &b->sum, sizeof(a->sum));
	for (unsigned i = 0; i < a->n; i++)
		assert_memory_equal(&a->run[i], &b->run[i], sizeof(a->run[i]));
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

/* Of the 64, those that differ from the one before; with GW_CONTIGUOUS, a run where there are any.
 */
static unsigned map_each(struct fixture *x, unsigned level, uint64_t *va, struct dump_run *want)
{
	uint32_t attr, last = ~0u;
	unsigned n = 0;

	for (unsigned i = 0; attr_at(i, &attr); i++, last = attr) {
		unsigned run_lg2 = attr & GW_CONTIGUOUS ? gw_fmt_run_lg2(level) : 0;
		uint64_t bytes = gw_span(level) << run_lg2, out = (n + 1) * bytes;

		if (i && attr == last)
			continue;
		*va = (*va + bytes - 1) & ~(bytes - 1);
		assert_int_equal(gw_map(x->pt, *va, bytes, out, attr), 0);
		want[n++] = (struct dump_run){
			.kind = DUMP_LEAF,
			.level = level,
			.first = *va,
			.last = *va + bytes - 1,
			.count = 1ull << run_lg2,
			.out = out,
			.linear = true,
			.attr = run_lg2 ? attr : attr & ~(uint32_t)GW_CONTIGUOUS,
		};
		*va += 2 * bytes;
	}
	return n;
}

static void test_every_leaf_size_and_attribute(void **state)
{
	struct dump_rules rules = fix_everything;
	struct told *told = fix_told();
	static struct dump_run want[64 * GW_LEVELS];
	struct fixture x;
	uint64_t va = 0;
	unsigned n = 0;

	(void)state;
	fix_start(&x);
	for (unsigned level = 0; level < GW_LEVELS; level++)
		if (gw_fmt_leaf_level(level))
			n += map_each(&x, level, &va, &want[n]);
	assert_true(va <= HALF);
	rules.holes = false;
	fix_dump_file(x.memory, BYTES, fix_root(&x), &rules, false, told);
	assert_int_equal(told->n, n);
	for (unsigned i = 0; i < n; i++)
		assert_memory_equal(&told->run[i], &want[i], sizeof(want[i]));
	assert_false(dump_incomplete(&told->sum));
	fix_end(&x);
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

	fix_dump_here(x, &fix_everything, false, told);
	assert_same(told, file);
	fix_dump_here(x, &fix_everything, true, told);
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
	struct told *told = fix_told(), *here = fix_told();

	(void)state;
	for (unsigned seed = 1; seed <= 4; seed++) {
		static struct page model[PAGES];
		struct fixture x;

		srand(seed);
		memset(model, 0, sizeof(model));
		fix_start(&x);
		for (int i = 1; i <= 150; i++) {
			step(&x, model);
			if (i % 15)
				continue;
			gw_urcu_drain(x.env); /* so that no table is empty */
			fix_dump_file(x.memory, BYTES, fix_root(&x), &fix_everything, false, told);
			verify(&x, model, told);
			verify_tables(&x, told, here);
		}
		fix_end(&x);
	}
	free(told);
	free(here);
}

/* ---- What is asked for ---- */

/* The entries that a range touches; holes end where it ends. */
static void test_ranges(void **state)
{
	struct dump_rules rules = fix_everything;
	struct told *told = fix_told();
	struct fixture x;

	(void)state;
	fix_start(&x);
	fix_fill(&x);
	rules.first = 5 * PAGE + 1;
	rules.last = 7 * PAGE;
	fix_dump_here(&x, &rules, false, told);
	assert_int_equal(told->n, 1);
	assert_int_equal(told->run[0].first, 5 * PAGE);
	assert_int_equal(told->run[0].last, 8 * PAGE - 1);
	assert_int_equal(told->sum.bytes, 3 * PAGE);
	rules.first = 9 * PAGE;
	rules.last = 12 * PAGE + 7;
	fix_dump_here(&x, &rules, false, told);
	assert_int_equal(told->n, 2);
	assert_int_equal(told->run[1].kind, DUMP_HOLE);
	assert_int_equal(told->run[1].first, 10 * PAGE);
	assert_int_equal(told->run[1].last, 12 * PAGE + 7);
	fix_end(&x);
	free(told);
}

static void test_a_page_table_for_a_range(void **state)
{
	struct told *told = fix_told();

	(void)state;
	for (unsigned level = 0; GW_FMT_RANGES && level < GW_LEVELS - 1; level++) {
		uint64_t va = gw_span(GW_LEVELS - 1) + PAGE;
		uint64_t bytes = (gw_span(level) << gw_fmt_index_bits(level)) - PAGE;
		struct dump_rules rules = {.last = UINT64_MAX,
					   .most_tables = 1000,
					   .for_first = va,
					   .for_last = va + bytes - 1};
		struct fixture x;

		fix_start_for(&x, va, bytes);
		assert_int_equal(gw_map(x.pt, va + bytes - PAGE, PAGE, 7, 0), 0);
		fix_dump_here(&x, &rules, false, told);
		assert_int_equal(told->n, 1);
		assert_int_equal(told->run[0].first, va + bytes - PAGE);
		assert_int_equal(told->run[0].last, va + bytes - 1);
		assert_int_equal(told->run[0].level, 0);
		assert_int_equal(told->sum.tables[level], 1);
		assert_int_equal(told->sum.tables[level + 1], 0);
		fix_end(&x);
	}
	free(told);
}

/* Leaves that do not run on are one range unless `linear` parts them. */
static void test_scattered_leaves(void **state)
{
	struct dump_rules rules = fix_everything;
	struct told *told = fix_told();
	struct fixture x;

	(void)state;
	fix_start(&x);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(gw_map(x.pt, i * PAGE, PAGE, (8 - i) * PAGE, GW_FMT_ATTRS_MUST),
				 0);
	fix_dump_here(&x, &rules, false, told);
	assert_int_equal(told->n, gw_fmt_canonical(HALF) == HALF ? 5 : 6);
	rules.linear = rules.holes = false;
	fix_dump_here(&x, &rules, false, told);
	assert_int_equal(told->n, 1);
	assert_int_equal(told->run[0].count, 4);
	assert_false(told->run[0].linear);
	fix_end(&x);
	free(told);
}

static void test_the_other_byte_order(void **state)
{
	struct told *told = fix_told(), *here = fix_told();
	struct fixture x;

	(void)state;
	fix_start(&x);
	fix_fill(&x);
	fix_dump_here(&x, &fix_everything, false, here);
	for (size_t i = 0; i < BYTES / 8; i++) {
		uint64_t *e = (uint64_t *)(void *)x.memory + i;

		*e = __builtin_bswap64(*e);
	}
	fix_dump_file(x.memory, BYTES, fix_root(&x), &fix_everything, true, told);
	assert_same(told, here);
	for (size_t i = 0; i < BYTES / 8; i++) {
		uint64_t *e = (uint64_t *)(void *)x.memory + i;

		*e = __builtin_bswap64(*e);
	}
	fix_end(&x);
	free(told);
	free(here);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_leaf_size_and_attribute),
		cmocka_unit_test(test_random_mappings),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_a_page_table_for_a_range),
		cmocka_unit_test(test_scattered_leaves),
		cmocka_unit_test(test_the_other_byte_order),
	};

	return FIX_RUN("dump", tests);
}
