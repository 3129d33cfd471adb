/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * A lab with an mm, tables that carry a mark, and readers that stand where they are told to. */
#ifndef GRACEWALK_TESTS_LAB_FIXTURE_H
#define GRACEWALK_TESTS_LAB_FIXTURE_H

#include "lab.h"
#include "caller.h"
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* ---- What is tested: every scheme, with every choice of switches, at every size ---- */

struct combo {
	const struct lab_scheme *scheme;
	unsigned switches;
	size_t page_bytes;
	unsigned tables; /* room in a page */
};

void combo_each(void (*visit)(const struct combo *combo));
/* What it breaks; 0: it is sound. */
enum lab_invariant combo_breaks(const struct combo *combo);
/* NAME:SWITCH,SWITCH BYTES/TABLES */
void combo_print(const struct combo *combo, char text[120]);

/* ---- A reader: a thread that enters a section, stays, and leaves, as it is told ---- */

enum reader_order { READER_ENTER, READER_LEAVE, READER_IRQ_OFF, READER_IRQ_ON, READER_QUIT };

struct reader {
	pthread_t thread;
	struct lab *lab;
	sem_t told, done;
	enum reader_order order;
	bool there, inside;
};

/* Returns when it was done. Starts the thread if need be. */
void reader_tell(struct reader *reader, struct lab *lab, enum reader_order order);

/* ---- The fixture ---- */

enum { FIX_TABLES = 3 * LAB_TABLES_PER_PAGE_MAX + 1, FIX_READERS = 2 };

struct fixture {
	struct combo combo;
	struct lab *lab;
	struct mm *mm;     /* NULL: was ended */
	unsigned in_page;  /* tables that share a page */
	size_t bytes;      /* of a table */
	unsigned mms, max; /* mms at a time, pages in all */
	void (*on_breach)(const struct lab_breach *breach);
	unsigned watch;                          /* besides LAB_CHECK */
	const struct rcu_flavor_struct *flavour; /* NULL: caller_flavour() */

	void *table[FIX_TABLES]; /* each filled with fix_mark of its number */
	unsigned n;
	struct reader reader[FIX_READERS];
};

/* `x` holds what is asked for: combo, mms, max; on_breach, watch and flavour may be 0. */
void fix_start(struct fixture *x);
/* Ends the readers' sections, the mm, and the lab. Return: what was broken, 0: nothing. */
enum lab_invariant fix_stop(struct fixture *x);

/* Runs a test on every sound combination, in a lab of `max` pages for `mms` mms. Every page must be
 * back at its end. fix_tell_where is the teardown of each such test.
 * Return: the number of combinations. */
unsigned fix_each(unsigned max, unsigned mms, void (*run)(struct fixture *x));
/* The same for schemes by name, as `like` but for the scheme. NULL after the last word. */
void fix_on(const char *const *words, struct fixture like, void (*run)(struct fixture *x));
int fix_tell_where(void **state);

void fix_enter(struct fixture *x, unsigned reader);
void fix_leave(struct fixture *x, unsigned reader);

/* Allocates `n` more tables, looks for zeroes, and marks them. */
void fix_take(struct fixture *x, unsigned n);
/* Tables from `from` to `to` still carry their marks. */
void fix_expect(const struct fixture *x, unsigned from, unsigned to);
void fix_end_mm(struct fixture *x);

enum fix_way { FIX_FREE, FIX_DEFER, FIX_MIXED, FIX_REMOVE };

/* Gives a table back in this way; mixed: tables of odd numbers are freed at once, others deferred.
 * And all tables from `from` on. */
void fix_give(struct fixture *x, unsigned i, enum fix_way way);
void fix_give_from(struct fixture *x, unsigned from, enum fix_way way);

unsigned char fix_mark(unsigned i);
bool fix_filled(const void *table, size_t bytes, unsigned char byte);

uint64_t fix_pages(const struct fixture *x);
uint64_t fix_calls(const struct fixture *x);
/* Pages that `n` tables take. */
uint64_t fix_pages_for(const struct fixture *x, unsigned n);
bool fix_same_page(const struct fixture *x, const void *a, const void *b);

#endif
