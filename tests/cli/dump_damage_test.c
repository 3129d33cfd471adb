/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Dumps of images that are damaged: each is told as it is, and comes to an end. Compiled once a
 * format. */
#include "dump_fixture.h"
#include <stdlib.h>
#include <string.h>

/* A copy of a page table's memory, to damage. */
static unsigned char *copy_of(struct fixture *x)
{
	unsigned char *copy = malloc(BYTES);

	assert_non_null(copy);
	fix_start(x);
	fix_fill(x);
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
	struct told *told = fix_told();
	struct fixture x;
	unsigned char *copy = copy_of(&x);
	const gw_entry *e = gw_pte_map(x.pt, 3 * PAGE), *root = x.pt->root;
	uint64_t stray = gw_fmt_empty(0) ^ 0x1000, last = *(const uint64_t *)(const void *)root;
	uint64_t far = PHYS + BYTES + (1 << 20);

	(void)state;
	assert_non_null(e);
	put(copy, &x, e, stray);
	gw_pte_unmap(x.pt);
	fix_dump_file(copy, BYTES, fix_root(&x), &fix_everything, false, told);
	assert_only(told, DUMP_OTHER, stray);
	memcpy(copy, x.memory, BYTES);

	put(copy, &x, root, gw_fmt_table(fix_root(&x), TOP));
	fix_dump_file(copy, BYTES, fix_root(&x), &fix_everything, false, told);
	assert_only(told, DUMP_LOOP, fix_root(&x));
	put(copy, &x, root, gw_fmt_table(far, TOP));
	fix_dump_file(copy, BYTES, fix_root(&x), &fix_everything, false, told);
	assert_only(told, DUMP_OUTSIDE, far);
	if (gw_fmt_table_address(gw_fmt_table(PHYS + 256, TOP), TOP) == PHYS + 256) {
		put(copy, &x, root, gw_fmt_table(PHYS + 256, TOP));
		fix_dump_file(copy, BYTES, fix_root(&x), &fix_everything, false, told);
		assert_only(told, DUMP_MISALIGNED, PHYS + 256);
	}
	put(copy, &x, root, last);
	fix_dump_file(copy, BYTES, fix_root(&x), &fix_everything, false, told);
	assert_false(dump_incomplete(&told->sum));
	free(copy);
	fix_end(&x);
	free(told);
}

static void test_roots_that_cannot_be(void **state)
{
	const uint64_t roots[] = {
		0, PHYS - 4096, PHYS + BYTES, 1ull << 63, UINT64_MAX - 4095, PHYS + 4, UINT64_MAX};
	struct told *told = fix_told();
	struct fixture x;
	unsigned char *copy = copy_of(&x);

	(void)state;
	for (unsigned i = 0; i < sizeof(roots) / sizeof(roots[0]); i++) {
		fix_dump_file(copy, BYTES, roots[i], &fix_everything, false, told);
		assert_int_equal(told->n, 1);
		assert_int_equal(told->run[0].kind,
				 roots[i] % 4096 ? DUMP_MISALIGNED : DUMP_OUTSIDE);
		assert_int_equal(told->run[0].out, roots[i]);
		assert_int_equal(told->sum.table_bytes, 0);
	}
	free(copy);
	fix_end(&x);
	free(told);
}

static void test_files_cut_short(void **state)
{
	struct told *told = fix_told();
	struct fixture x;
	unsigned char *copy = copy_of(&x);
	uint64_t root = fix_root(&x) - PHYS;

	(void)state;
	srand(2);
	fix_dump_file(copy, 0, fix_root(&x), &fix_everything, false, told);
	assert_true(told->sum.entries[DUMP_OUTSIDE] == 1);
	fix_dump_file(copy, root + 9, fix_root(&x), &fix_everything, false, told);
	assert_int_equal(told->run[told->n - 1].kind, DUMP_OUTSIDE);
	assert_int_equal(told->run[told->n - 1].last, gw_fmt_canonical(2 * HALF - 1));
	for (unsigned i = 0; i < 50; i++) {
		size_t size = (size_t)rand() % (i % 2 ? 65536 : BYTES);

		fix_dump_file(copy, size, fix_root(&x), &fix_everything, false, told);
		if (size <= root)
			assert_true(dump_incomplete(&told->sum));
	}
	free(copy);
	fix_end(&x);
	free(told);
}

/* Bytes at random, few or all of them: whatever comes out comes in order, and to an end. */
static void test_random_bytes(void **state)
{
	struct dump_rules rules = fix_everything;
	struct told *told = fix_told();
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
		fix_dump_file(copy, BYTES, fix_root(&x), &rules, round % 2, told);
	}
	free(copy);
	fix_end(&x);
	free(told);
}

/* Every entry leads to some table of the image: without the limit this would go on for years. */
static void test_tables_without_end(void **state)
{
	struct dump_rules rules = fix_everything;
	struct told *told = fix_told();
	struct fixture x;
	unsigned char *copy = copy_of(&x);
	uint64_t tables = 0;

	(void)state;
	rules.most_tables = 25;
	for (size_t i = 0; i < BYTES / 8; i++) {
		uint64_t e = gw_fmt_table(PHYS + i % 16 * 65536, 1);

		memcpy(copy + i * 8, &e, sizeof(e));
	}
	fix_dump_file(copy, BYTES, PHYS, &rules, false, told);
	for (unsigned level = 0; level < GW_LEVELS; level++)
		tables += told->sum.tables[level];
	assert_int_equal(tables, 25);
	assert_true(told->sum.entries[DUMP_LIMIT] > 0);
	assert_true(told->sum.entries[DUMP_LOOP] > 0);
	free(copy);
	fix_end(&x);
	free(told);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_entries_that_cannot_be),
		cmocka_unit_test(test_roots_that_cannot_be),
		cmocka_unit_test(test_files_cut_short),
		cmocka_unit_test(test_random_bytes),
		cmocka_unit_test(test_tables_without_end),
	};

	return FIX_RUN("damaged dump", tests);
}
