/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Formats: entries there and back, what is refused, limits. Entries by hand are in by_hand_test.c.
 */
#include "bench.h"
#include "formats.h"
#include <stdlib.h>

#define MAX_OUT (GW_OUT_BITS == 64 ? UINT64_MAX : (1ull << (GW_OUT_BITS & 63)) - 1)

/* ---- Shape ---- */

static void test_levels_follow_one_another(void **state)
{
	unsigned shift = GW_PAGE_LG2;

	(void)state;
	for (unsigned level = 0; level < GW_LEVELS; level++) {
		assert_int_equal(gw_fmt_shift(level), shift);
		assert_int_equal(gw_span(level), 1ull << shift);
		shift += gw_fmt_index_bits(level);
		assert_true(gw_fmt_heap(level) < GW_FMT_HEAPS);
		assert_true(GW_FMT_BLOCK_BYTES >= 8u << gw_fmt_index_bits(level));
	}
	assert_int_equal(shift, GW_VA_BITS);
	assert_true((unsigned)GW_FMT_HEAPS <= (unsigned)GW_HEAPS_MAX);
	assert_true(gw_fmt_leaf_level(0));
	assert_int_equal(GW_FMT_ATTRS_MUST & ~GW_FMT_ATTRS, 0);
}

/* A root may use only the start of a table. */
static void test_tables_of_one_heap_are_alike(void **state)
{
	(void)state;
	for (unsigned a = 0; a < GW_LEVELS; a++)
		for (unsigned b = 0; b < a; b++)
			if (gw_fmt_heap(a) == gw_fmt_heap(b)) {
				assert_true(gw_fmt_index_bits(a) == gw_fmt_index_bits(b) ||
					    (a == FIX_TOP &&
					     gw_fmt_index_bits(a) < gw_fmt_index_bits(b)));
				assert_int_equal(gw_fmt_empty(a), gw_fmt_empty(b));
			}
}

static void test_index_takes_an_address_apart(void **state)
{
	const uint64_t addresses[] = {0,    PAGE,       HALF - PAGE,
				      HALF, END - PAGE, 0x5555555555550000 & (END - 1)};

	(void)state;
	for (unsigned i = 0; i < LENGTH(addresses); i++) {
		uint64_t va = 0;

		for (unsigned level = 0; level < GW_LEVELS; level++)
			va |= (uint64_t)gw_index(addresses[i], level) << gw_fmt_shift(level);
		assert_int_equal(va, addresses[i]);
		assert_int_equal(gw_low(gw_fmt_canonical(addresses[i])), addresses[i]);
	}
}

/* A run lies in one table, and only levels with leaves have any. */
static void test_runs_lie_in_one_table(void **state)
{
	unsigned most = 0;

	(void)state;
	for (unsigned level = 0; level < GW_LEVELS; level++) {
		unsigned lg2 = gw_fmt_run_lg2(level);

		assert_true(lg2 <= gw_fmt_index_bits(level));
		assert_true(!lg2 || gw_fmt_leaf_level(level));
		most = lg2 > most ? lg2 : most;
	}
	assert_int_equal(!most, !(GW_FMT_ATTRS & GW_CONTIGUOUS));
}

/* ---- Entries there and back ---- */

/* How far the addresses of tables go; 0: all 64 bits. */
static uint64_t tables_end(void)
{
	unsigned bit = 63;

	while (gw_fmt_table_address(gw_fmt_table(1ull << bit, 1), 1) != 1ull << bit)
		bit--;
	return 1ull << bit << 1;
}

/* Each entry of a leaf: one, or as many as a run has. What it says of the leaf is the same; read
 * with its place, it says what its own part maps to. */
static void assert_leaf(uint64_t out, uint32_t attr, unsigned level)
{
	unsigned n = 1u << (attr & GW_CONTIGUOUS ? gw_fmt_run_lg2(level) : 0);

	for (unsigned i = 0; i < n; i++) {
		uint64_t own = gw_fmt_advance(out, i * gw_span(level));
		uint64_t e = gw_fmt_leaf(own, attr, level);
		struct gw_decoded decoded = gw_ops.decode(e, level, i * gw_span(level));

		assert_true(gw_fmt_is_leaf(e, level));
		assert_false(gw_fmt_is_table(e, level) || gw_fmt_leads_on(e, level));
		assert_true(e != gw_fmt_empty(level));
		assert_int_equal(gw_fmt_out(e, level), out);
		assert_int_equal(gw_fmt_attr(e, level), attr);
		assert_int_equal(1u << gw_run_lg2(e, level), n);
		assert_int_equal(decoded.kind, GW_ENTRY_LEAF);
		assert_int_equal(decoded.out, own);
		assert_int_equal(decoded.attr, attr);
		assert_int_equal(decoded.other, 0);
	}
}

static void leaves_with(uint32_t attr)
{
	for (unsigned level = 0; level < GW_LEVELS; level++) {
		unsigned run_lg2 = attr & GW_CONTIGUOUS ? gw_fmt_run_lg2(level) : 0;
		uint64_t mask = GW_FMT_ONE_VALUE ? ~0ull : ~((gw_span(level) << run_lg2) - 1);
		uint32_t possible = run_lg2 ? attr : attr & ~(uint32_t)GW_CONTIGUOUS;
		const uint64_t outs[] = {0, gw_span(level), MAX_OUT, 0x5555555555555555 & MAX_OUT,
					 0xaaaaaaaaaaaaaaaa & MAX_OUT};

		for (unsigned i = 0; gw_fmt_leaf_level(level) && i < LENGTH(outs); i++) {
			assert_true(gw_fmt_aligned(outs[i] & mask, level));
			assert_leaf(outs[i] & mask, possible, level);
			assert_int_equal(gw_fmt_leaf(outs[i] & mask, attr, level),
					 gw_fmt_leaf(outs[i] & mask, possible, level));
		}
	}
}

/* Every set of attributes that the format can express. */
static void test_leaves_there_and_back(void **state)
{
	const uint32_t may = GW_FMT_ATTRS & ~GW_FMT_ATTRS_MUST;
	uint32_t attr = 0;

	(void)state;
	do {
		leaves_with(attr | GW_FMT_ATTRS_MUST);
		attr = (attr - may) & may; /* the next subset of `may` */
	} while (attr);
}

static void test_tables_there_and_back(void **state)
{
	(void)state;
	for (unsigned level = 1; level < GW_LEVELS; level++) {
		uint64_t align = 8ull << gw_fmt_index_bits(level - 1);
		const uint64_t addresses[] = {align,           0x7ffffffff000,     0x555555555000,
					      0x1234567890000, 0x9a5a5a5a5a5a5000, ~0ull};

		for (unsigned i = 0; i < LENGTH(addresses); i++) {
			uint64_t address = addresses[i] & ~(align - 1) & (tables_end() - 1);
			uint64_t e = gw_fmt_table(address, level);

			assert_true(gw_fmt_is_table(e, level));
			assert_false(gw_fmt_is_leaf(e, level));
			assert_true(e != gw_fmt_empty(level));
			assert_int_equal(gw_fmt_table_address(e, level), address);
			assert_true(gw_fmt_leads_on(e, level));
			assert_int_equal(gw_fmt_leads_to(e, level), address);
		}
	}
}

static void test_empty_is_neither_table_nor_leaf(void **state)
{
	(void)state;
	for (unsigned level = 0; level < GW_LEVELS; level++) {
		uint64_t e = gw_fmt_empty(level);

		assert_false(gw_fmt_is_table(e, level) || gw_fmt_leads_on(e, level));
		assert_false(gw_fmt_is_leaf(e, level));
	}
}

/* What hardware records shows as accessed and dirty, and changes nothing else. */
static void test_what_hardware_records(void **state)
{
	const uint32_t used = GW_ACCESSED | GW_DIRTY;

	(void)state;
	for (unsigned level = 0; level < GW_LEVELS; level++) {
		uint64_t e = gw_fmt_leaf(0, WRITABLE, level), now = gw_fmt_recorded(e, used, level);

		if (!gw_fmt_leaf_level(level))
			continue;
		assert_int_equal(gw_fmt_recorded(e, ~used, level), e);
		assert_true(gw_fmt_is_leaf(now, level));
		assert_int_equal(gw_fmt_out(now, level), 0);
		assert_int_equal(gw_fmt_attr(e, level), WRITABLE);
		assert_int_equal(gw_fmt_attr(now, level),
				 WRITABLE | (GW_FMT_HW_UPDATES ? used : 0));
		assert_int_equal(gw_fmt_recorded(now, used, level), now);
		assert_false(gw_fmt_must_break(e, now));
	}
}

/* ---- What is refused ---- */

static void with_page_table(void (*test)(struct fixture *x))
{
	struct fixture x;

	fix_start(&x, NULL);
	test(&x);
	assert_int_equal(fix_tables(&x), 0);
	assert_int_equal(x.invalidates, 0);
	fix_end(&x);
}

static void refuses_attributes(struct fixture *x)
{
	for (unsigned bit = 0; bit < 32; bit++) {
		uint32_t attr = PLAIN ^ 1u << bit;
		bool ok = attr & 1u << bit ? (GW_FMT_ATTRS | GW_DEPOSIT) & 1u << bit : false;

		if (ok)
			continue;
		assert_int_equal(gw_map(x->pt, 0, PAGE, 0, attr), -EOPNOTSUPP);
		assert_int_equal(gw_protect(x->pt, 0, PAGE, attr), -EOPNOTSUPP);
	}
	assert_int_equal(gw_protect(x->pt, 0, PAGE, PLAIN | GW_DEPOSIT), -EOPNOTSUPP);
}

static void test_attributes_that_the_format_cannot_express_are_refused(void **state)
{
	(void)state;
	with_page_table(refuses_attributes);
}

static void assert_refused(struct fixture *x, uint64_t va, uint64_t bytes, int err)
{
	assert_int_equal(gw_map(x->pt, va, bytes, 0, PLAIN), err);
	assert_int_equal(gw_unmap(x->pt, va, bytes), err);
	assert_int_equal(gw_protect(x->pt, va, bytes, PLAIN), err);
}

static void refuses_ranges(struct fixture *x)
{
	uint64_t last = gw_fmt_canonical(END - PAGE);

	assert_refused(x, 0, 0, -EINVAL);
	assert_refused(x, 1, PAGE, -EINVAL);
	assert_refused(x, PAGE - 1, PAGE, -EINVAL);
	assert_refused(x, 0, PAGE - 1, -EINVAL);
	assert_refused(x, 0, PAGE + 8, -EINVAL);
	assert_refused(x, last, 2 * PAGE, -ERANGE);
	assert_refused(x, 2 * PAGE, -(uint64_t)PAGE, -ERANGE); /* wraps around */
	assert_refused(x, last, -(uint64_t)PAGE, -ERANGE);
	if (!END)
		return;
	assert_refused(x, PAGE, -(uint64_t)PAGE, -ERANGE);
	assert_refused(x, 0, END + PAGE, -ERANGE);
	assert_refused(x, END, PAGE, -ERANGE);
	assert_refused(x, END << 1, PAGE, -ERANGE);
}

static void test_ranges_outside_the_address_space_are_refused(void **state)
{
	(void)state;
	with_page_table(refuses_ranges);
}

/* Between the halves, where there is a hole. */
static void refuses_the_hole(struct fixture *x)
{
	struct gw_leaf leaf;

	if (gw_fmt_canonical(HALF) == HALF)
		return;
	assert_refused(x, HALF, PAGE, -ERANGE);
	assert_refused(x, HALF - PAGE, 2 * PAGE, -ERANGE);
	assert_refused(x, gw_fmt_canonical(HALF) - PAGE, PAGE, -ERANGE);
	assert_refused(x, gw_fmt_canonical(HALF) - PAGE, 2 * PAGE, -ERANGE);
	assert_refused(x, HALF - PAGE, gw_fmt_canonical(HALF) - HALF + 2 * PAGE, -ERANGE);
	assert_false(gw_walk(x->pt, HALF, &leaf));
	assert_null(gw_pte_map(x->pt, HALF));
}

static void test_the_hole_is_refused(void **state)
{
	(void)state;
	with_page_table(refuses_the_hole);
}

static void refuses_outs(struct fixture *x)
{
	uint64_t last = GW_FMT_ONE_VALUE ? MAX_OUT : MAX_OUT & ~(uint64_t)(PAGE - 1);

	if (!GW_FMT_ONE_VALUE) {
		assert_int_equal(gw_map(x->pt, 0, PAGE, 1, PLAIN), -EINVAL);
		assert_int_equal(gw_map(x->pt, 0, PAGE, PAGE / 2, PLAIN), -EINVAL);
		assert_int_equal(gw_map(x->pt, 0, 2 * PAGE, last, PLAIN), -ERANGE);
		assert_int_equal(gw_map(x->pt, 0, HALF, MAX_OUT - HALF + 1 + PAGE, PLAIN), -ERANGE);
	}
	if (GW_OUT_BITS < 64) {
		assert_int_equal(gw_map(x->pt, 0, PAGE, MAX_OUT + 1, PLAIN), -ERANGE);
		assert_int_equal(gw_map(x->pt, 0, PAGE, ~0ull << GW_PAGE_LG2, PLAIN), -ERANGE);
	}
}

static void test_outs_outside_the_width_are_refused(void **state)
{
	(void)state;
	with_page_table(refuses_outs);
}

/* The last page maps to the last address. */
static void test_the_highest_addresses(void **state)
{
	uint64_t last = GW_FMT_ONE_VALUE ? MAX_OUT : MAX_OUT & ~(uint64_t)(PAGE - 1), out;
	struct fixture x;

	(void)state;
	fix_start(&x, NULL);
	assert_int_equal(fix_map(&x, END - PAGE, PAGE, last, PLAIN), 0);
	assert_int_equal(fix_map(&x, HALF - PAGE, PAGE, 0, PLAIN), 0);
	fix_verify(&x);
	assert_true(gw_translate(x.pt, gw_fmt_canonical(END - 1), &out));
	assert_int_equal(out, MAX_OUT);
	fix_end(&x);
}

/* Walks of addresses that are none find nothing, though their low bits are those of one that is
 * mapped. */
static void test_walks_of_what_is_no_address(void **state)
{
	struct gw_leaf leaf;
	struct fixture x;

	(void)state;
	fix_start(&x, NULL);
	assert_int_equal(fix_map(&x, 0, PAGE, 0, PLAIN), 0);
	assert_int_equal(fix_map(&x, HALF, PAGE, 0, PLAIN), 0);
	assert_true(gw_walk(x.pt, 0, &leaf));
	if (END) { /* else every number is an address */
		assert_false(gw_walk(x.pt, END, &leaf));
		assert_false(gw_walk(x.pt, 1ull << 63, &leaf));
		assert_false(gw_walk(x.pt, gw_fmt_canonical(HALF) ^ 1ull << 63, &leaf));
		assert_null(gw_pte_map(x.pt, END));
	}
	assert_int_equal(x.f->nesting, 0);
	fix_end(&x);
}

/* ---- Where tables may lie ---- */

/* A page table on the caller's memory that stands for `phys` and on: 0, or the error; its heaps'
 * where no pointer goes as far. */
static int create_at(uint64_t phys, size_t bytes)
{
	unsigned char *memory = aligned_alloc(bytes, GW_FMT_HEAPS * bytes);
	struct gw_opts opts = {0};
	struct fake_env f;
	struct gw_pt *pt;
	int err = 0;

	assert_non_null(memory);
	fake_env_init(&f);
	opts.env = &f.env;
	for (unsigned h = 0; !err && h < GW_FMT_HEAPS; h++) {
		struct gw_heap_opts heap;

		gw_heap_defaults(h, &heap);
		heap.env = &f.env;
		heap.base = memory + h * bytes;
		heap.phys = phys + h * bytes;
		heap.max_bytes = bytes;
		err = gw_heap_create(&heap, &opts.heap[h]);
		assert_true(!err || heap.phys > UINTPTR_MAX - (bytes - 1));
	}
	if (!err)
		err = gw_create(&opts, &pt);
	if (!err) {
		assert_int_equal(gw_map(pt, 0, PAGE, 0, PLAIN), 0);
		assert_int_equal(gw_check(pt), 0);
		gw_destroy(pt);
	}
	fake_drain(&f);
	for (unsigned h = 0; h < GW_FMT_HEAPS && opts.heap[h]; h++)
		gw_heap_put(opts.heap[h]);
	fake_env_done(&f);
	free(memory);
	return err;
}

/* Tables were linked wherever they lay, and lost the bits that an entry has no room for. */
static void test_tables_outside_the_width_are_refused(void **state)
{
	const size_t bytes = 1 << 20;
	const uint64_t pointers_end = (uint64_t)UINTPTR_MAX + 1; /* 0: all 64 bits */
	const uint64_t end = pointers_end ? pointers_end : tables_end();

	(void)state;
	assert_int_equal(create_at(end - GW_FMT_HEAPS * bytes, bytes), 0);
	if (!end)
		return;
	assert_int_equal(create_at(end, bytes), -EINVAL);
	assert_int_equal(create_at(end - bytes / 2, bytes), -EINVAL);
	assert_int_equal(create_at(3 * end, bytes), -EINVAL);
}

/* ---- Names ---- */

#define ONE(format) +1

static void test_formats_are_found_by_name(void **state)
{
	const struct gw_format *found = gw_format_find(GW_FMT_NAME);
	unsigned n = 0;

	(void)state;
	assert_ptr_equal(found, &gw_ops);
	assert_null(gw_format_find("x86-65"));
	assert_null(gw_format_find(""));
	assert_null(gw_format_find(GW_FMT_NAME "x"));
	while (gw_format_at(n) && gw_format_at(n) != found)
		n++;
	assert_ptr_equal(gw_format_at(n), found);
	while (gw_format_at(n))
		n++;
	assert_int_equal(n, GW_FORMATS(ONE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_levels_follow_one_another),
		cmocka_unit_test(test_tables_of_one_heap_are_alike),
		cmocka_unit_test(test_index_takes_an_address_apart),
		cmocka_unit_test(test_runs_lie_in_one_table),
		cmocka_unit_test(test_leaves_there_and_back),
		cmocka_unit_test(test_tables_there_and_back),
		cmocka_unit_test(test_empty_is_neither_table_nor_leaf),
		cmocka_unit_test(test_what_hardware_records),
		cmocka_unit_test(test_attributes_that_the_format_cannot_express_are_refused),
		cmocka_unit_test(test_ranges_outside_the_address_space_are_refused),
		cmocka_unit_test(test_the_hole_is_refused),
		cmocka_unit_test(test_outs_outside_the_width_are_refused),
		cmocka_unit_test(test_the_highest_addresses),
		cmocka_unit_test(test_walks_of_what_is_no_address),
		cmocka_unit_test(test_tables_outside_the_width_are_refused),
		cmocka_unit_test(test_formats_are_found_by_name),
	};

	return cmocka_run_group_tests_name("format " GW_FMT_NAME, tests, NULL, NULL);
}
