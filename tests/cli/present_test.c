/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The record of present pages, against a plain array. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include "present.h"

enum { PAGES = 4096, STEPS = 20000 };

static void matches(struct present *present, const uint32_t *model)
{
	uint64_t at = 0, count = 0, frame;

	for (uint64_t page = 0; page < PAGES; page++) {
		bool there = present_get(present, page, &frame);

		assert_int_equal(there, model[page] != 0);
		if (!there)
			continue;
		assert_int_equal(frame, model[page]);
		assert_true(present_next(present, &at, PAGES, &frame));
		assert_int_equal(at, page);
		assert_int_equal(frame, model[page]);
		at++;
		count++;
	}
	assert_int_equal(present->count, count);
	assert_false(present_next(present, &at, PAGES, &frame));
}

static void random_steps_match_an_array(void **state)
{
	static uint32_t model[PAGES];
	struct present present = {0};

	(void)state;
	srand(1);
	for (int step = 0; step < STEPS; step++) {
		uint64_t page = (uint64_t)rand() % PAGES,
			 n = 1 + (uint64_t)rand() % (step % 7 ? 40 : PAGES - page);

		if (rand() % 3) {
			model[page] = (uint32_t)rand() % 1000 + 1;
			assert_int_equal(present_set(&present, page, model[page]), 0);
		} else {
			if (n > PAGES - page)
				n = PAGES - page;
			present_remove(&present, page, page + n);
			memset(&model[page], 0, n * sizeof(model[0]));
		}
		if (step % 100 == 0)
			matches(&present, model);
	}
	present_close(&present);
}

static void far_pages_keep_apart(void **state)
{
	struct present present = {0};
	uint64_t at = 0, frame;

	(void)state;
	assert_int_equal(present_set(&present, 1ull << 35, 7), 0);
	assert_int_equal(present_set(&present, 5, 8), 0);
	assert_true(present_next(&present, &at, UINT64_MAX, &frame));
	assert_int_equal(at, 5);
	at++;
	assert_true(present_next(&present, &at, UINT64_MAX, &frame));
	assert_int_equal(at, 1ull << 35);
	present_remove(&present, 0, 1ull << 36);
	at = 0;
	assert_false(present_next(&present, &at, UINT64_MAX, &frame));
	present_close(&present);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_steps_match_an_array),
		cmocka_unit_test(far_pages_keep_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
