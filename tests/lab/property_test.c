/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Random operations on every sound scheme against a model, from a seed:
 * property_test [steps [seed]], or GW_SEED. The steps are those of each combination. */
#include "fake_env.h"
#include "fixture.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEFAULT_STEPS = 2000, PHASE = 200 };
enum { OWNERS = 3, MMS = 8, PAGES = 4096 * MMS, TABLES = 400 };

static uint64_t seed = 1;
static unsigned long steps = DEFAULT_STEPS;

/* What its owner filled a table with must stay while it is used or in a batch; and while it waits,
 * as long as a reader is in the section it was in at the deferral. */
struct entry {
	void *table;
	struct mm *mm;
	unsigned char mark;
	unsigned readers; /* bits: whom it waits for */
};

struct entries {
	struct entry *at;
	unsigned n, room;
};

static struct model {
	struct fixture *x;
	struct fake_random r;
	struct mm *mm[OWNERS]; /* NULL: none now */
	struct entries used, batch, waiting;
	uint64_t state;
	unsigned long step;
} m;

static uint64_t below(uint64_t limit)
{
	return fake_below(&m.r, limit);
}

static void put(struct entries *to, struct entry entry)
{
	if (to->n == to->room) {
		to->room = to->room ? 2 * to->room : 64;
		to->at = realloc(to->at, to->room * sizeof(*to->at));
		assert_non_null(to->at);
	}
	to->at[to->n++] = entry;
}

static struct entry take(struct entries *from, unsigned i)
{
	struct entry entry = from->at[i];

	from->at[i] = from->at[--from->n];
	return entry;
}

static void expect(const struct entry *entry)
{
	assert_true(fix_filled(entry->table, m.x->bytes, entry->mark));
}

static void expect_all(const struct entries *entries)
{
	for (unsigned i = 0; i < entries->n; i++)
		expect(&entries->at[i]);
}

static void expect_not_among(const struct entries *entries, const void *table)
{
	for (unsigned i = 0; i < entries->n; i++)
		assert_ptr_not_equal(entries->at[i].table, table);
}

static unsigned readers_inside(void)
{
	return m.x->reader[0].inside | m.x->reader[1].inside << 1;
}

/* ---- Operations ---- */

static void do_alloc(void)
{
	struct mm *mm = m.mm[below(OWNERS)];
	struct entry entry = {.mm = mm, .mark = (unsigned char)(1 + below(255))};

	if (!mm || m.used.n == TABLES)
		return;
	entry.table = table_alloc(mm);
	assert_non_null(entry.table);
	assert_true(fix_filled(entry.table, m.x->bytes, 0));
	expect_not_among(&m.used, entry.table);
	expect_not_among(&m.batch, entry.table);
	expect_not_among(&m.waiting, entry.table);
	memset(entry.table, entry.mark, m.x->bytes);
	put(&m.used, entry);
}

static void do_free(struct entry entry)
{
	table_free(entry.mm, entry.table);
}

static void do_defer(struct entry entry)
{
	table_free_defer(entry.mm, entry.table);
	entry.readers = readers_inside();
	if (entry.readers)
		put(&m.waiting, entry);
}

static void do_remove(struct entry entry)
{
	mmgrab(entry.mm);
	table_remove(entry.mm, entry.table);
	put(&m.batch, entry);
}

static void give_back(unsigned i)
{
	static void (*const ways[])(struct entry entry) = {do_free, do_defer, do_defer, do_remove};
	struct entry entry = take(&m.used, i);

	expect(&entry);
	ways[below(4)](entry);
}

static void do_give_back(void)
{
	if (m.used.n)
		give_back((unsigned)below(m.used.n));
}

/* Ends a batch: some of it, or all. */
static void end_batch(unsigned left)
{
	struct gw_env *env = lab_env(m.x->lab);

	if (readers_inside())
		return;
	env->synchronize(env);
	while (m.batch.n > left) {
		struct entry entry = take(&m.batch, (unsigned)below(m.batch.n));

		expect(&entry);
		table_removed(entry.mm, entry.table);
		mmdrop(entry.mm);
	}
}

static void do_batch(void)
{
	end_batch((unsigned)below(m.batch.n + 1));
}

static void do_barrier(void)
{
	if (!readers_inside())
		lab_barrier(m.x->lab);
}

static void reader_leaves(unsigned reader)
{
	expect_all(&m.waiting);
	for (unsigned i = m.waiting.n; i--;) {
		m.waiting.at[i].readers &= ~(1u << reader);
		if (!m.waiting.at[i].readers)
			take(&m.waiting, i);
	}
	fix_leave(m.x, reader);
}

static void do_reader(void)
{
	unsigned reader = (unsigned)below(FIX_READERS);

	if (m.x->reader[reader].inside)
		reader_leaves(reader);
	else
		fix_enter(m.x, reader);
}

static void end_owner(unsigned owner)
{
	struct mm *mm = m.mm[owner];

	for (unsigned i = m.used.n; i--;)
		if (m.used.at[i].mm == mm)
			give_back(i);
	if (mm)
		mmput(mm);
	m.mm[owner] = NULL;
}

/* Where deferred calls still hold on to the places of mms that ended, there may be none now. */
static void do_owner(void)
{
	unsigned owner = (unsigned)below(OWNERS);

	if (!m.mm[owner])
		m.mm[owner] = mm_alloc(m.x->lab);
	else if (!below(4))
		end_owner(owner);
}

static void do_look(void)
{
	if (m.used.n)
		expect(&m.used.at[below(m.used.n)]);
	if (m.waiting.n)
		expect(&m.waiting.at[below(m.waiting.n)]);
}

/* Phases of growth and of decline take turns. */
static void step(void)
{
	uint64_t kind = below(100), allocs = m.step / PHASE % 2 ? 25 : 55;

	if (kind < allocs)
		do_alloc();
	else if (kind < 80)
		do_give_back();
	else if (kind < 83)
		do_batch();
	else if (kind < 85)
		do_barrier();
	else if (kind < 91)
		do_reader();
	else if (kind < 94)
		do_owner();
	else
		do_look();
}

/* ---- Runs ---- */

static void model_end(void)
{
	for (unsigned i = 0; i < FIX_READERS; i++)
		if (m.x->reader[i].inside)
			reader_leaves(i);
	expect_all(&m.used);
	for (unsigned i = 0; i < OWNERS; i++)
		end_owner(i);
	end_batch(0);
	lab_barrier(m.x->lab);
	assert_int_equal(fix_pages(m.x), 0);
	m.x->mm = NULL;
	free(m.used.at);
	free(m.batch.at);
	free(m.waiting.at);
}

static struct fake_random states;

static void run(struct fixture *x)
{
	uint64_t state = fake_random(&states);

	m = (struct model){.x = x, .r = {state}, .state = state, .mm = {x->mm}};
	for (m.step = 0; m.step < steps; m.step++)
		step();
	model_end();
}

static void test_random_operations_against_the_model(void **state)
{
	(void)state;
	states.state = seed;
	fix_each(PAGES, MMS, run);
}

static int tell_where(void **state)
{
	if (m.step < steps)
		print_error("seed %" PRIu64 ", a run from %" PRIx64 ", its step %lu\n", seed,
			    m.state, m.step);
	return fix_tell_where(state);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_random_operations_against_the_model, tell_where),
	};
	int failed;

	if (getenv("GW_SEED"))
		seed = strtoull(getenv("GW_SEED"), NULL, 0);
	if (argc > 1)
		steps = strtoul(argv[1], NULL, 0);
	if (argc > 2)
		seed = strtoull(argv[2], NULL, 0);
	printf("%lu steps of each combination from seed %" PRIu64 "\n", steps, seed);
	caller_register();
	failed = cmocka_run_group_tests_name("lab property", tests, NULL, NULL);
	caller_stop();
	caller_unregister();
	return failed;
}
