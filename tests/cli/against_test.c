/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Holding a replay against the kernel's figures: which moments count for a sample. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "against.h"

enum { K = 1024, SECOND = 1000000000 };

static void event(struct against *against, uint64_t time, uint64_t before_kib)
{
	const struct trace_event fault = {.kind = TRACE_FAULT, .time = time};

	assert_int_equal(against_event(against, &fault, before_kib * K), 0);
}

static void sample(struct against *against, uint64_t time, uint64_t took, uint64_t kb,
		   uint64_t before_kib)
{
	const struct trace_event read = {
		.kind = TRACE_SAMPLE, .time = time, .took = took, .value = kb};

	assert_int_equal(against_event(against, &read, before_kib * K), 0);
}

/* One sample of 100 kB in a world that holds 96 kB before it and 96 kB ever after is 4 % off. */
static void a_difference_is_told(void **state)
{
	struct against against = {0};

	(void)state;
	event(&against, 10, 96);
	sample(&against, 20, 1, 100, 96);
	event(&against, 30, 96);
	assert_int_equal(against_end(&against, 96 * K), 0);
	assert_int_equal(against.samples, 1);
	assert_int_equal(against.outside, 1);
	assert_true(against.error[0] > 0.0399 && against.error[0] < 0.0401);
	against_close(&against);
}

static void an_event_while_the_sample_was_read_counts(void **state)
{
	struct against against = {0};

	(void)state;
	event(&against, 10, 96);
	sample(&against, 20, 10, 100, 96);
	event(&against, 25, 96); /* leaves 100 */
	event(&against, 40, 100);
	assert_int_equal(against_end(&against, 100 * K), 0);
	assert_int_equal(against.outside, 0);
	against_close(&against);
}

static void an_event_after_the_sample_does_not(void **state)
{
	struct against against = {0};

	(void)state;
	event(&against, 10, 96);
	sample(&against, 20, 1, 100, 96);
	event(&against, 25, 96); /* leaves 100, too late */
	event(&against, 40, 100);
	assert_int_equal(against_end(&against, 100 * K), 0);
	assert_int_equal(against.outside, 1);
	against_close(&against);
}

static void one_event_earlier_counts_but_not_two(void **state)
{
	struct against against = {0};

	(void)state;
	event(&against, 5, 100);
	event(&against, 10, 104); /* before it 104, after it 96 */
	sample(&against, 20, 1, 104, 96);
	sample(&against, 21, 1, 100, 96);
	assert_int_equal(against_end(&against, 96 * K), 0);
	assert_int_equal(against.samples, 2);
	assert_true(against.error[0] == 0); /* sorted: 104 was seen, and 100 lies between */
	assert_true(against.error[1] == 0);
	sample(&against, 2 * (uint64_t)SECOND, 1, 120, 96);
	assert_int_equal(against_end(&against, 96 * K), 0);
	assert_int_equal(against.outside, 1);
	against_close(&against);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_difference_is_told),
		cmocka_unit_test(an_event_while_the_sample_was_read_counts),
		cmocka_unit_test(an_event_after_the_sample_does_not),
		cmocka_unit_test(one_event_earlier_counts_but_not_two),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
