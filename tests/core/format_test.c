/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Formats: entries there and back, what is refused, limits, and a few entries by hand from the
 * manuals. */
#include "bench.h"

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
	assert_true(gw_fmt_leaf_level(0));
	assert_int_equal(GW_FMT_ATTRS_MUST & ~GW_FMT_ATTRS, 0);
}

static void test_tables_of_one_heap_are_alike(void **state)
{
	(void)state;
	for (unsigned a = 0; a < GW_LEVELS; a++)
		for (unsigned b = 0; b < a; b++)
			if (gw_fmt_heap(a) == gw_fmt_heap(b)) {
				assert_int_equal(gw_fmt_index_bits(a), gw_fmt_index_bits(b));
				assert_int_equal(gw_fmt_empty(a), gw_fmt_empty(b));
			}
}

static void test_index_takes_an_address_apart(void **state)
{
	const uint64_t addresses[] = {0,    PAGE,       HALF - PAGE,
				      HALF, END - PAGE, 0x5555555555555000 & (END - 1)};

	(void)state;
	for (unsigned i = 0; i < LENGTH(addresses); i++) {
		uint64_t va = 0;

		for (unsigned level = 0; level < GW_LEVELS; level++)
			va |= (uint64_t)gw_index(addresses[i], level) << gw_fmt_shift(level);
		assert_int_equal(va, addresses[i]);
		assert_int_equal(gw_low(gw_fmt_canonical(addresses[i])), addresses[i]);
	}
}

/* ---- Entries there and back ---- */

static void assert_leaf(uint64_t out, uint32_t attr, unsigned level)
{
	uint64_t e = gw_fmt_leaf(out, attr, level);

	assert_true(gw_fmt_is_leaf(e, level));
	assert_false(gw_fmt_is_table(e, level));
	assert_true(e != gw_fmt_empty(level));
	assert_int_equal(gw_fmt_out(e, level), out);
	assert_int_equal(gw_fmt_attr(e, level), attr);
}

static void leaves_with(uint32_t attr)
{
	for (unsigned level = 0; level < GW_LEVELS; level++) {
		uint64_t mask = GW_FMT_ONE_VALUE ? ~0ull : ~(gw_span(level) - 1);
		const uint64_t outs[] = {0, gw_span(level), MAX_OUT, 0x5555555555555555 & MAX_OUT,
					 0xaaaaaaaaaaaaaaaa & MAX_OUT};

		for (unsigned i = 0; gw_fmt_leaf_level(level) && i < LENGTH(outs); i++) {
			assert_true(gw_fmt_aligned(outs[i] & mask, level));
			assert_leaf(outs[i] & mask, attr, level);
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
		const uint64_t addresses[] = {align, 0x7ffffffff000, 0x555555555000,
					      0x1234567890000};

		for (unsigned i = 0; i < LENGTH(addresses); i++) {
			uint64_t address = addresses[i] & ~(align - 1);
			uint64_t e = gw_fmt_table(address, level);

			assert_true(gw_fmt_is_table(e, level));
			assert_false(gw_fmt_is_leaf(e, level));
			assert_true(e != gw_fmt_empty(level));
			assert_int_equal(gw_fmt_table_address(e, level), address);
		}
	}
}

static void test_empty_is_neither_table_nor_leaf(void **state)
{
	(void)state;
	for (unsigned level = 0; level < GW_LEVELS; level++) {
		assert_false(gw_fmt_is_table(gw_fmt_empty(level), level));
		assert_false(gw_fmt_is_leaf(gw_fmt_empty(level), level));
	}
}

/* What hardware sets shows as accessed and dirty, and changes nothing else. */
static void test_hardware_bits_are_accessed_and_dirty(void **state)
{
	(void)state;
	for (unsigned level = 0; level < GW_LEVELS; level++) {
		uint64_t e = gw_fmt_leaf(0, PLAIN, level);

		if (!gw_fmt_leaf_level(level))
			continue;
		assert_int_equal(!!gw_fmt_hw_bits(level), GW_FMT_HW_UPDATES);
		assert_int_equal(e & gw_fmt_hw_bits(level), 0);
		e |= gw_fmt_hw_bits(level);
		assert_true(gw_fmt_is_leaf(e, level));
		assert_int_equal(gw_fmt_out(e, level), 0);
		assert_int_equal(gw_fmt_attr(e, level) & ~(GW_ACCESSED | GW_DIRTY), PLAIN);
		assert_int_equal(gw_fmt_attr(e, level) & (GW_ACCESSED | GW_DIRTY),
				 GW_FMT_HW_UPDATES ? GW_ACCESSED | GW_DIRTY : 0);
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
		bool ok = attr & 1u << bit ? GW_FMT_ATTRS & 1u << bit : false;

		if (ok)
			continue;
		assert_int_equal(gw_map(x->pt, 0, PAGE, 0, attr), -EOPNOTSUPP);
		assert_int_equal(gw_protect(x->pt, 0, PAGE, attr), -EOPNOTSUPP);
	}
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
	assert_refused(x, PAGE, -(uint64_t)PAGE, -ERANGE);
	assert_refused(x, 2 * PAGE, -(uint64_t)PAGE, -ERANGE); /* wraps around */
	assert_refused(x, last, -(uint64_t)PAGE, -ERANGE);
	assert_refused(x, 0, END + PAGE, -ERANGE);
	if (END && gw_fmt_canonical(0) == 0) {
		assert_refused(x, END, PAGE, -ERANGE);
		assert_refused(x, END << 1, PAGE, -ERANGE);
	}
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
	assert_false(gw_walk(x.pt, END, &leaf));
	assert_false(gw_walk(x.pt, 1ull << 63, &leaf));
	assert_false(gw_walk(x.pt, gw_fmt_canonical(HALF) ^ 1ull << 63, &leaf));
	assert_null(gw_pte_map(x.pt, END));
	assert_int_equal(x.f->nesting, 0);
	fix_end(&x);
}

/* ---- By hand, from the manuals ---- */

#if defined(X86_P)

/* SDM volume 3A, tables 4-15 to 4-20: P 0, R/W 1, U/S 2, PWT 3, PCD 4, A 5, D 6, PS 7, G 8, ignored
 * 9-11, XD 63. */
static void test_entries_by_hand(void **state)
{
	const uint32_t rwx = GW_READ | GW_WRITE | GW_EXEC;

	(void)state;
	assert_int_equal(gw_fmt_leaf(0x1000, GW_READ | GW_WRITE | GW_USER, 0), 0x8000000000001007);
	assert_int_equal(gw_fmt_leaf(0x1000, GW_READ, 0), 0x8000000000001001);
	assert_int_equal(gw_fmt_leaf(0xffffffffff000, GW_READ | GW_EXEC, 0), 0x000ffffffffff001);
	assert_int_equal(gw_fmt_leaf(0x1000, rwx | GW_ACCESSED | GW_DIRTY, 0), 0x1063);
	assert_int_equal(gw_fmt_leaf(0x1000, rwx | GW_UNCACHED | GW_GLOBAL, 0), 0x111b);
	assert_int_equal(gw_fmt_leaf(0x1000, rwx | GW_SOFT0 | GW_SOFT2, 0), 0x1a03);
	assert_int_equal(gw_fmt_leaf(0x200000, rwx | GW_USER, 1), 0x200087);
	assert_int_equal(gw_fmt_leaf(0x40000000, rwx | GW_GLOBAL, 2), 0x40000183);
	assert_int_equal(gw_fmt_table(0x7654321000, 1), 0x7654321007);
	assert_int_equal(gw_fmt_table(0x7654321000, 3), 0x7654321007);
	assert_int_equal(gw_fmt_empty(0) | gw_fmt_empty(3), 0);
	assert_false(gw_fmt_leaf_level(3));
	assert_int_equal(gw_fmt_canonical(0x7fffffffffff), 0x7fffffffffff);
	assert_int_equal(gw_fmt_canonical(0x800000000000), 0xffff800000000000);
	/* A PTE's bit 7 is PAT: it makes no other kind of entry of it. */
	assert_true(gw_fmt_is_leaf(0x1083, 0));
	/* Bit 12 of a 2 MiB leaf is PAT, and no part of the address. */
	assert_int_equal(gw_fmt_out(0x201087, 1), 0x200000);
}

static void test_indices_by_hand(void **state)
{
	const uint64_t va = 0xffff812345678000; /* 258, 141, 43, 120 in nines of bits */

	(void)state;
	assert_int_equal(gw_index(va, 3), 258);
	assert_int_equal(gw_index(va, 2), 141);
	assert_int_equal(gw_index(va, 1), 43);
	assert_int_equal(gw_index(va, 0), 120);
}

#elif defined(S390_FC)

/* SA22-7832, chapter 3. From the left: 53 invalid (page) or format control, 54 DAT protection, 55
 * execution protection, 58 invalid (segment, region), 60-61 table type, 62-63 table length. */
static void test_entries_by_hand(void **state)
{
	const uint32_t rx = GW_READ | GW_USER | GW_EXEC, rwx = rx | GW_WRITE;

	(void)state;
	assert_int_equal(gw_fmt_empty(0), 0x400);
	assert_int_equal(gw_fmt_empty(1), 0x20);
	assert_int_equal(gw_fmt_empty(3), 0x20);
	assert_int_equal(gw_fmt_leaf(0x1000, rwx, 0), 0x1000);
	assert_int_equal(gw_fmt_leaf(0x1000, rx, 0), 0x1200);
	assert_int_equal(gw_fmt_leaf(0x1000, GW_READ | GW_USER, 0), 0x1300);
	assert_int_equal(gw_fmt_leaf(0xfffffffffffff000, GW_READ | GW_USER | GW_WRITE, 0),
			 0xfffffffffffff100);
	assert_int_equal(gw_fmt_leaf(0x300000, rwx, 1), 0x300400);
	assert_int_equal(gw_fmt_leaf(0x300000, GW_READ | GW_USER, 1), 0x300700);
	assert_int_equal(gw_fmt_leaf(0x80000000, rwx, 2), 0x80000404);
	assert_int_equal(gw_fmt_leaf(0x80000000, rx, 2), 0x80000604);
	assert_int_equal(gw_fmt_table(0x12345800, 1), 0x12345800);
	assert_int_equal(gw_fmt_table(0x12344000, 2), 0x12344007);
	assert_int_equal(gw_fmt_table(0x12344000, 3), 0x1234400b);
	assert_false(gw_fmt_leaf_level(3));
	/* The page-table origin has one bit more than other origins. */
	assert_int_equal(gw_fmt_table_address(0x12345800, 1), 0x12345800);
}

static void test_indices_by_hand(void **state)
{
	/* 11 + 11 + 11 + 8 bits: 0x401, 0x234, 0x7ff, 0x56 */
	const uint64_t va = 0x401ull << 42 | 0x234ull << 31 | 0x7ffull << 20 | 0x56000;

	(void)state;
	assert_int_equal(gw_index(va, 3), 0x401);
	assert_int_equal(gw_index(va, 2), 0x234);
	assert_int_equal(gw_index(va, 1), 0x7ff);
	assert_int_equal(gw_index(va, 0), 0x56);
}

#else

static void test_entries_by_hand(void **state)
{
	(void)state;
	assert_int_equal(gw_fmt_leaf(5, 0, 0), 11);
	assert_int_equal(gw_fmt_leaf(0, 0, 5), 1);
	assert_int_equal(gw_fmt_leaf(0x7fffffffffffffff, 0, 3), UINT64_MAX);
	assert_int_equal(gw_fmt_table(0x7f0000000200, 1), 0x7f0000000200);
	assert_int_equal(gw_fmt_empty(0), 0);
	assert_int_equal(gw_fmt_advance(7, 1 << 20), 7);
}

static void test_indices_by_hand(void **state)
{
	/* sixes of bits: 63, 1, 2, 3, 4, 5 */
	const uint64_t va = 63ull << 42 | 1ull << 36 | 2ull << 30 | 3 << 24 | 4 << 18 | 5 << 12;

	(void)state;
	assert_int_equal(gw_index(va, 5), 63);
	assert_int_equal(gw_index(va, 4), 1);
	assert_int_equal(gw_index(va, 3), 2);
	assert_int_equal(gw_index(va, 2), 3);
	assert_int_equal(gw_index(va, 1), 4);
	assert_int_equal(gw_index(va, 0), 5);
}

#endif

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
	assert_int_equal(n, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_levels_follow_one_another),
		cmocka_unit_test(test_tables_of_one_heap_are_alike),
		cmocka_unit_test(test_index_takes_an_address_apart),
		cmocka_unit_test(test_leaves_there_and_back),
		cmocka_unit_test(test_tables_there_and_back),
		cmocka_unit_test(test_empty_is_neither_table_nor_leaf),
		cmocka_unit_test(test_hardware_bits_are_accessed_and_dirty),
		cmocka_unit_test(test_attributes_that_the_format_cannot_express_are_refused),
		cmocka_unit_test(test_ranges_outside_the_address_space_are_refused),
		cmocka_unit_test(test_the_hole_is_refused),
		cmocka_unit_test(test_outs_outside_the_width_are_refused),
		cmocka_unit_test(test_the_highest_addresses),
		cmocka_unit_test(test_walks_of_what_is_no_address),
		cmocka_unit_test(test_entries_by_hand),
		cmocka_unit_test(test_indices_by_hand),
		cmocka_unit_test(test_formats_are_found_by_name),
	};

	return cmocka_run_group_tests_name("format " GW_FMT_NAME, tests, NULL, NULL);
}
