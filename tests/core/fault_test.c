/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Every allocation of a fixed sequence fails once, and once with all that follow. */
#include "bench.h"
#include "look.h"

enum kind {
	STOP,
	MAP,
	RUNS,
	MANY,
	DEPOSIT,
	UNMAP,
	PROTECT,
	HARVEST,
	TOUCH,
	REMAP,
	RECLAIM,
	SET,
	CLEAR,
	COLLAPSE,
	SPLIT,
	REPLACE,
	LOOK,
	GRACE
};

struct op {
	enum kind kind;
	uint64_t va, bytes;
	bool exists; /* the map, or the move, finds something there */
	uint64_t to; /* of a move */
};

/* Whatever needs memory is here: grafts of each depth, splits at both ends, batches of leaves,
 * shadows of moves; and whatever could be thought to. */
static struct op op_at(unsigned i)
{
	const struct op sequence[] = {
		{MAP, 0, PAGE, false, 0},
		{MAP, S(1) - 2 * PAGE, S(1) + 4 * PAGE, false, 0},
		{MAP, S(2), 2 * S(2), false, 0},
		{MAP, 3 * S(2) + PAGE, S(2) - PAGE, false, 0},
		{MAP, HALF, S(2) + S(1) + PAGE, false, 0},
		{MAP, S(2) - S(1) - PAGE, 2 * S(1), true, 0},
		{UNMAP, HALF + PAGE, S(1), false, 0},
		{PROTECT, S(2) + PAGE, S(2) + S(1), false, 0},
		{GRACE, 0, 0, false, 0},
		{UNMAP, S(2) + 3 * PAGE, S(2) - 6 * PAGE, false, 0},
		{MAP, S(2) + 3 * PAGE, PAGE, false, 0},
		{CLEAR, 0, 0, false, 0},
		{MAP, HALF - PAGE, PAGE, false, 0},
		{UNMAP, 2 * S(2), S(2) - PAGE, false, 0},
		{RECLAIM, 0, UINT64_MAX, false, 0},
		{MAP, HALF + S(1) + PAGE, PAGE, true, 0},
		{UNMAP, 0, HALF, false, 0},
		{GRACE, 0, 0, false, 0},
		{PROTECT, HALF, S(1), false, 0},
		{UNMAP, HALF + S(1) + 2 * PAGE, PAGE, false, 0},
		{MAP, 0, S(1) - PAGE, false, 0},
		{DEPOSIT, HALF + 4 * S(2), 3 * S(1), false, 0},
		{SPLIT, HALF + 4 * S(2) + PAGE, 0, false, 0},
		{REPLACE, HALF + 4 * S(2), PAGE, false, 0},
		{SPLIT, HALF + 4 * S(2), 0, false, 0},
		{UNMAP, HALF + 4 * S(2) + S(1) + PAGE, PAGE, false, 0},
		{REPLACE, HALF + 4 * S(2) + S(1), S(1), false, 0},
		{REPLACE, HALF + 5 * S(2), PAGE, false, 0},
		{COLLAPSE, HALF + 4 * S(2), 3 * S(1), false, 0},
		{UNMAP, HALF + 4 * S(2) + PAGE, 2 * S(1), false, 0},
		{MANY, HALF + 8 * S(2) - PAGE, S(1), false, 0},
		{LOOK, HALF + 8 * S(2) - PAGE, S(2), false, 0},
		{TOUCH, HALF + 8 * S(2), 0, false, 0},
		{SET, HALF + 8 * S(2) - PAGE, 0, false, 0},
		{HARVEST, HALF + 8 * S(2) - PAGE, S(1) + PAGE, false, 0},
		{MANY, HALF + 8 * S(2) - 2 * PAGE, S(1), true, 0},
		{REMAP, HALF + 8 * S(2) - PAGE, S(1), false, HALF + 10 * S(2) + PAGE},
		{RUNS, HALF + 12 * S(2), 2 * S(2), false, 0},
		{UNMAP, HALF + 12 * S(2) + S(1) + PAGE, PAGE, false, 0},
		{PROTECT, HALF + 12 * S(2) + 3 * PAGE, S(2), false, 0},
		{REMAP, HALF + 12 * S(2), S(2), true, HALF + 10 * S(2)},
		{REMAP, HALF + 12 * S(2), S(2), false, HALF + 16 * S(2)},
		{REMAP, HALF + 16 * S(2) + PAGE, S(1), false, HALF + 12 * S(2) - S(1)},
		{GRACE, 0, 0, false, 0},
		{COLLAPSE, HALF + 10 * S(2), 8 * S(2), false, 0},
		{RECLAIM, HALF + 12 * S(2), 2 * S(2), false, 0},
		{UNMAP, HALF + 13 * S(2) + PAGE, S(2), false, 0},
	};

	return i < LENGTH(sequence) ? sequence[i] : (struct op){.kind = STOP};
}

/* A page, what continues it and is as large as the operation says, and two pages from elsewhere. */
static int map_pieces(struct fixture *x, const struct op *op)
{
	const uint64_t there = OUT + 8 * S(1), second = gw_fmt_advance(TO(op->va), PAGE);
	const struct gw_piece piece[] = {
		{TO(op->va), PAGE}, {second, op->bytes}, {there, PAGE}, {there + 4 * PAGE, PAGE}};

	return fix_map_many(x, op->va, piece, LENGTH(piece), WRITABLE);
}

static void look(struct fixture *x, const struct op *op)
{
	const uint64_t va[] = {gw_fmt_canonical(op->va), gw_fmt_canonical(op->va + op->bytes)};

	look_along(x, op->va, op->bytes, 1);
	look_at_many(x, va, LENGTH(va));
	look_for_hole(x, op->va, op->bytes, PAGE, PAGE);
	if (gw_pte_map(x->pt, va[0]))
		gw_pte_unmap(x->pt);
}

static int run_op(struct fixture *x, const struct op *op)
{
	const uint32_t used = GW_FMT_ATTRS & (GW_ACCESSED | GW_DIRTY);
	int err;

	switch (op->kind) {
	case MAP:
		return fix_map(x, op->va, op->bytes, TO(op->va), WRITABLE);
	case RUNS:
		return fix_map(x, op->va, op->bytes, TO(op->va),
			       WRITABLE | (GW_FMT_ATTRS & GW_CONTIGUOUS));
	case MANY:
		return map_pieces(x, op);
	case HARVEST:
		return used ? fix_harvest(x, op->va, op->bytes, used) : 0;
	case TOUCH:
		assert_true(fix_touch(x, op->va, GW_ACCESSED));
		return 0;
	case REMAP:
		return fix_remap(x, op->va, op->bytes, op->to);
	case LOOK:
		look(x, op);
		return 0;
	case SET:
		assert_true(fix_set(x, op->va, true, OUT, WRITABLE));
		return 0;
	case DEPOSIT:
		return fix_map(x, op->va, op->bytes, TO(op->va), WRITABLE | GW_DEPOSIT);
	case COLLAPSE:
		assert_true(fix_collapse(x, op->va, op->bytes, GW_DEPOSIT) >= 0);
		return 0;
	case SPLIT:
		err = fix_split(x, op->va);
		return err == -ENOENT ? 0 : err; /* a page */
	case REPLACE:
		return fix_replace(x, op->va, op->bytes, TO(op->va), WRITABLE | GW_DEPOSIT);
	case UNMAP:
		return fix_unmap(x, op->va, op->bytes);
	case PROTECT:
		return fix_protect(x, op->va, op->bytes, PLAIN);
	case RECLAIM:
		fix_reclaim(x, op->va, op->bytes);
		return 0;
	case CLEAR:
		assert_true(fix_set(x, op->va, false, 0, 0));
		return 0;
	case GRACE:
		fake_gp(x->f);
		return 0;
	case STOP:
		break;
	}
	return 0;
}

/* After a failure all is mapped as before, and no table that was made for the call is left. Then
 * the same works. */
static void after_failure(struct fixture *x, const struct op *op)
{
	fix_verify(x);
	fake_fail(x->f, 0);
	if (x->policy != GW_POLICY_MANUAL)
		fix_assert_exact(x);
	assert_int_equal(run_op(x, op), op->exists ? -EEXIST : 0);
}

/* n 0: nothing fails. With `all`, memory comes back only for the second try of each call. Return:
 * whether an allocation failed. */
static bool run_sequence(const struct gw_opts *opts, bool given, uint64_t n, bool all)
{
	struct fixture x;
	struct op op;
	bool failed;

	if (given)
		fix_start_heaps(&x, opts, 1); /* so that each table asks for memory */
	else
		fix_start(&x, opts);
	x.relaxed = true;
	fake_fail(x.f, n);
	x.f->fail_all = all;
	for (unsigned i = 0; op = op_at(i), op.kind != STOP; i++) {
		int err = run_op(&x, &op);

		if (err == -ENOMEM)
			after_failure(&x, &op);
		else
			assert_int_equal(err, op.exists ? -EEXIST : 0);
		if (err == -ENOMEM && all)
			fake_fail_all(x.f, true);
		if (x.f->failures || !n) /* up to there it is as it was with n - 1 */
			fix_verify(&x);
	}
	failed = x.f->failures > 0;
	if (!all)
		fake_fail(x.f, 0);
	fix_end(&x); /* with `all`, without memory */
	return failed;
}

static void each_allocation(enum gw_policy policy, bool all)
{
	const size_t limits[] = {0, 1};

	for (unsigned l = 0; l < LENGTH(limits); l++)
		for (unsigned given = 0; given < 2; given++) {
			struct gw_opts opts = {.policy = policy, .deferred_limit = limits[l]};
			uint64_t n = 1;

			if (given && limits[l] == all)
				continue; /* so many tables ask that one way has to do */
			run_sequence(&opts, given, 0, false);
			while (run_sequence(&opts, given, n, all))
				n++;
			assert_true(n > (given ? 20 : 1));
		}
}

static void test_each_allocation_fails_once_lazy(void **state)
{
	(void)state;
	each_allocation(GW_POLICY_LAZY, false);
}

static void test_each_allocation_fails_once_eager(void **state)
{
	(void)state;
	each_allocation(GW_POLICY_EAGER, false);
}

static void test_each_allocation_fails_once_manual(void **state)
{
	(void)state;
	each_allocation(GW_POLICY_MANUAL, false);
}

static void test_from_each_allocation_on_all_fail_lazy(void **state)
{
	(void)state;
	each_allocation(GW_POLICY_LAZY, true);
}

static void test_from_each_allocation_on_all_fail_eager(void **state)
{
	(void)state;
	each_allocation(GW_POLICY_EAGER, true);
}

static void test_from_each_allocation_on_all_fail_manual(void **state)
{
	(void)state;
	each_allocation(GW_POLICY_MANUAL, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_allocation_fails_once_lazy),
		cmocka_unit_test(test_each_allocation_fails_once_eager),
		cmocka_unit_test(test_each_allocation_fails_once_manual),
		cmocka_unit_test(test_from_each_allocation_on_all_fail_lazy),
		cmocka_unit_test(test_from_each_allocation_on_all_fail_eager),
		cmocka_unit_test(test_from_each_allocation_on_all_fail_manual),
	};

	return cmocka_run_group_tests_name("fault " GW_FMT_NAME, tests, NULL, NULL);
}
