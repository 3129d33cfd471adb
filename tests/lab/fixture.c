/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * A lab with an mm, tables that carry a mark, and readers that stand where they are told to. */
#include "fixture.h"
#include <stdio.h>
#include <string.h>

/* ---- Combinations ---- */

static const size_t page_sizes[] = {4096, 65536};
static const unsigned table_counts[] = {1, 2, 4, 16, 256};

enum { PAGE_SIZES = 2, TABLE_COUNTS = 5 };

static void each_size(struct combo c, void (*visit)(const struct combo *combo))
{
	for (unsigned i = 0; i < PAGE_SIZES * TABLE_COUNTS; i++) {
		c.page_bytes = page_sizes[i / TABLE_COUNTS];
		c.tables = table_counts[i % TABLE_COUNTS];
		if (c.tables <= c.scheme->tables_max)
			visit(&c);
	}
}

static unsigned switches_of(const struct lab_scheme *scheme)
{
	unsigned all = 0;

	for (unsigned i = 0; i < LAB_SWITCHES; i++)
		all |= (unsigned)!!scheme->switch_[i].name << i;
	return all;
}

void combo_each(void (*visit)(const struct combo *combo))
{
	const struct lab_scheme *scheme;

	for (unsigned i = 0; (scheme = lab_scheme_at(i)); i++)
		for (unsigned s = 0; s <= switches_of(scheme); s++)
			each_size((struct combo){.scheme = scheme, .switches = s}, visit);
}

enum lab_invariant combo_breaks(const struct combo *c)
{
	return lab_scheme_breaks(c->scheme, c->switches, c->tables);
}

void combo_print(const struct combo *c, char text[120])
{
	const char *before = ":";
	int n = snprintf(text, 120, "%s", c->scheme->name);

	for (unsigned i = 0; i < LAB_SWITCHES; i++) {
		if (!(c->switches >> i & 1))
			continue;
		n += snprintf(text + n, 120 - (size_t)n, "%s%s", before,
			      c->scheme->switch_[i].name);
		before = ",";
	}
	snprintf(text + n, 120 - (size_t)n, " %zu/%u", c->page_bytes, c->tables);
}

/* ---- Readers ---- */

static void obey(struct lab_walker *walker, enum reader_order order)
{
	static void (*const does[])(struct lab_walker *) = {
		[READER_ENTER] = lab_rcu_read_lock,
		[READER_LEAVE] = lab_rcu_read_unlock,
		[READER_IRQ_OFF] = lab_irq_disable,
		[READER_IRQ_ON] = lab_irq_enable,
	};

	does[order](walker);
}

static void wait_for(sem_t *sem)
{
	while (sem_wait(sem))
		;
}

static void *reader_main(void *arg)
{
	struct reader *reader = arg;
	struct lab_walker *walker = lab_walker_add(reader->lab);

	caller_register();
	for (wait_for(&reader->told); reader->order != READER_QUIT; wait_for(&reader->told)) {
		obey(walker, reader->order);
		sem_post(&reader->done);
	}
	caller_unregister();
	lab_walker_remove(walker);
	return arg;
}

static void reader_start(struct reader *reader, struct lab *lab)
{
	reader->lab = lab;
	sem_init(&reader->told, 0, 0);
	sem_init(&reader->done, 0, 0);
	reader->there = !pthread_create(&reader->thread, NULL, reader_main, reader);
	assert_true(reader->there);
}

void reader_tell(struct reader *reader, struct lab *lab, enum reader_order order)
{
	if (!reader->there)
		reader_start(reader, lab);
	reader->order = order;
	sem_post(&reader->told);
	wait_for(&reader->done);
	reader->inside = order == READER_ENTER || order == READER_IRQ_OFF;
}

static void reader_stop(struct reader *reader)
{
	if (!reader->there)
		return;
	if (reader->inside)
		reader_tell(reader, reader->lab, READER_LEAVE);
	reader->order = READER_QUIT;
	sem_post(&reader->told);
	pthread_join(reader->thread, NULL);
	sem_destroy(&reader->told);
	sem_destroy(&reader->done);
	reader->there = false;
}

/* ---- The fixture ---- */

/* Of the tables of a page, those that are ever in use: with this switch one. */
static unsigned in_page(const struct combo *c)
{
	bool own_page = !strcmp(c->scheme->name, "head-per-page") && c->switches;

	return own_page ? 1 : c->tables;
}

void fix_start(struct fixture *x)
{
	const struct lab_options options = {
		.scheme = x->combo.scheme,
		.switches = x->combo.switches,
		.flavour = x->flavour ? x->flavour : caller_flavour(),
		.page_bytes = x->combo.page_bytes,
		.tables_per_page = x->combo.tables,
		.max_bytes = (uint64_t)x->max * x->combo.page_bytes,
		.mms_max = x->mms,
		.watch = LAB_CHECK | x->watch,
		.on_breach = x->on_breach,
	};
	char why[160];

	assert_int_equal(lab_create(&options, &x->lab, why), 0);
	x->bytes = lab_table_bytes(x->lab);
	x->in_page = in_page(&x->combo);
	x->n = 0;
	x->mm = mm_alloc(x->lab);
	assert_non_null(x->mm);
}

void fix_end_mm(struct fixture *x)
{
	mmput(x->mm);
	x->mm = NULL;
}

enum lab_invariant fix_stop(struct fixture *x)
{
	enum lab_invariant broken;

	for (unsigned i = 0; i < FIX_READERS; i++)
		reader_stop(&x->reader[i]);
	if (x->mm)
		fix_end_mm(x);
	lab_settle(x->lab);
	broken = lab_breach(x->lab).invariant;
	lab_destroy(x->lab);
	return broken;
}

static struct {
	struct fixture x;
	unsigned max, mms, count;
	void (*run)(struct fixture *x);
	bool running;
} at;

static void run_in(const struct fixture *like)
{
	at.x = *like;
	at.running = true;
	fix_start(&at.x);
	at.run(&at.x);
	assert_string_equal(lab_breach(at.x.lab).text, "");
	assert_int_equal(fix_stop(&at.x), 0);
	at.running = false;
	at.count++;
}

static void run_one(const struct combo *combo)
{
	if (!combo_breaks(combo))
		run_in(&(struct fixture){.combo = *combo, .max = at.max, .mms = at.mms});
}

unsigned fix_each(unsigned max, unsigned mms, void (*run)(struct fixture *x))
{
	at.max = max;
	at.mms = mms;
	at.run = run;
	at.count = 0;
	combo_each(run_one);
	return at.count;
}

void fix_on(const char *const *words, struct fixture like, void (*run)(struct fixture *x))
{
	char why[160];

	at.run = run;
	for (; *words; words++) {
		struct combo *c = &like.combo;

		assert_int_equal(lab_scheme_parse(*words, &c->scheme, &c->switches, why), 0);
		run_in(&like);
	}
}

/* After a failure nobody may be left who holds up the grace periods of the tests that follow. The
 * lab itself is not taken apart: in what state it is nobody knows. */
int fix_tell_where(void **state)
{
	char text[120];

	(void)state;
	if (!at.running)
		return 0;
	combo_print(&at.x.combo, text);
	print_error("failed with %s; breach: \"%s\"\n", text, lab_breach(at.x.lab).text);
	caller_hold(false);
	for (unsigned i = 0; i < FIX_READERS; i++)
		reader_stop(&at.x.reader[i]);
	at.running = false;
	return 0;
}

void fix_enter(struct fixture *x, unsigned reader)
{
	reader_tell(&x->reader[reader], x->lab, READER_ENTER);
}

void fix_leave(struct fixture *x, unsigned reader)
{
	reader_tell(&x->reader[reader], x->lab, READER_LEAVE);
}

unsigned char fix_mark(unsigned i)
{
	return (unsigned char)(1 + i % 255);
}

bool fix_filled(const void *table, size_t bytes, unsigned char byte)
{
	const unsigned char *p = table;

	return *p == byte && !memcmp(p, p + 1, bytes - 1);
}

void fix_take(struct fixture *x, unsigned n)
{
	for (; n; n--, x->n++) {
		void *table = table_alloc(x->mm);

		assert_non_null(table);
		assert_true(fix_filled(table, x->bytes, 0));
		memset(table, fix_mark(x->n), x->bytes);
		x->table[x->n] = table;
	}
}

void fix_expect(const struct fixture *x, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++)
		assert_true(fix_filled(x->table[i], x->bytes, fix_mark(i)));
}

void fix_give(struct fixture *x, unsigned i, enum fix_way way)
{
	if (way == FIX_FREE || (way == FIX_MIXED && i % 2))
		table_free(x->mm, x->table[i]);
	else if (way == FIX_REMOVE)
		table_remove(x->mm, x->table[i]);
	else
		table_free_defer(x->mm, x->table[i]);
}

void fix_give_from(struct fixture *x, unsigned from, enum fix_way way)
{
	for (unsigned i = from; i < x->n; i++)
		fix_give(x, i, way);
}

static struct lab_counters counters_of(const struct fixture *x)
{
	struct lab_counters counters;

	lab_counters(x->lab, &counters);
	return counters;
}

uint64_t fix_pages(const struct fixture *x)
{
	return counters_of(x).pages;
}

uint64_t fix_calls(const struct fixture *x)
{
	return counters_of(x).calls;
}

uint64_t fix_pages_for(const struct fixture *x, unsigned n)
{
	return (n + x->in_page - 1) / x->in_page;
}

/* Pages are aligned to their size. */
bool fix_same_page(const struct fixture *x, const void *a, const void *b)
{
	return !(((uintptr_t)a ^ (uintptr_t)b) & ~(uintptr_t)(x->combo.page_bytes - 1));
}
