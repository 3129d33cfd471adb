/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The check: knows the tables from outside only, and which walkers could stand in each.
 *
 * When a table is unlinked, the sections that the walkers are in are written down beside it. When
 * its memory is reused - given out or linked again, or its page returned - none of these may still
 * be running: that is what a grace period means. So a scheme is caught at the reuse, whether or not
 * a walker was unlucky enough to notice. All is relaxed: the check must not order what the scheme
 * forgot to order.
 *
 * No false alarm: a walker says "inside" after its section began and "outside" before it ends. A
 * grace period, or a rendezvous of all processors, makes that word visible before it is over.
 */
#include "page.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

/* What is known of one table. */
struct slot {
	_Atomic uint32_t used;
	_Atomic uint32_t unlinked;            /* `inside` is of use */
	_Atomic uint64_t inside[LAB_WALKERS]; /* odd: the section each was in */
};

struct lab_check {
	struct slot *slots;
	size_t bytes;
};

int check_create(struct lab *lab)
{
	struct lab_check *check = lab->urcu->alloc(lab->urcu, sizeof(*check));

	if (!check)
		return -ENOMEM;
	lab->check = check;
	check->bytes =
		((size_t)lab->pages_max * lab->options.tables_per_page) * sizeof(struct slot);
	check->slots = lab->urcu->reserve(lab->urcu, check->bytes, 64);
	return check->slots ? 0 : -ENOMEM;
}

void check_destroy(struct lab *lab)
{
	if (lab->check->slots)
		lab->urcu->unreserve(lab->urcu, lab->check->slots, lab->check->bytes);
	lab->urcu->free(lab->urcu, lab->check, sizeof(*lab->check));
}

static struct slot *slot_of(struct lab *lab, const void *table)
{
	return &lab->check->slots[(size_t)((const unsigned char *)table - lab->arena) >>
				  lab->table_lg2];
}

/* The memory of a table is about to be used for something else. */
static void reuse(struct lab *lab, struct slot *slot, const char *how)
{
	size_t number = (size_t)(slot - lab->check->slots);

	if (!gw_load_relaxed(&slot->unlinked))
		return;
	for (unsigned i = 0; i < LAB_WALKERS; i++) {
		uint64_t then = gw_load_relaxed(&slot->inside[i]);

		if (then & 1 && gw_load_relaxed(&lab->walkers[i].section) == then)
			lab_break(
				lab, LAB_EARLY_REUSE,
				"table %zu of page %zu %s while walker %u is in the %s section it "
				"was in when the table was unlinked",
				number & (lab->options.tables_per_page - 1),
				number / lab->options.tables_per_page, how, i,
				gw_load_relaxed(&lab->walkers[i].irq_off) ? "interrupts-off"
									  : "RCU");
	}
	gw_store_relaxed(&slot->unlinked, 0);
}

static void two_owners(struct lab *lab, const struct slot *slot, const char *what)
{
	size_t number = (size_t)(slot - lab->check->slots);

	lab_break(lab, LAB_TWO_OWNERS, "table %zu of page %zu %s",
		  number & (lab->options.tables_per_page - 1),
		  number / lab->options.tables_per_page, what);
}

void check_alloc(struct lab *lab, void *table)
{
	struct slot *slot = slot_of(lab, table);

	if (atomic_exchange_explicit(&slot->used, 1, memory_order_relaxed))
		two_owners(lab, slot, "was given out while it was in use");
	reuse(lab, slot, "was given out");
}

void check_free(struct lab *lab, void *table)
{
	struct slot *slot = slot_of(lab, table);

	if (!atomic_exchange_explicit(&slot->used, 0, memory_order_relaxed))
		two_owners(lab, slot, "was freed while it was not in use");
}

void check_unlinked(struct lab *lab, void *table)
{
	struct slot *slot = slot_of(lab, table);

	if (gw_load_relaxed(&slot->unlinked))
		return; /* the first word counts: the grace period may have begun then */
	for (unsigned i = 0; i < LAB_WALKERS; i++)
		gw_store_relaxed(&slot->inside[i], gw_load_relaxed(&lab->walkers[i].section));
	gw_store_relaxed(&slot->unlinked, 1);
}

void check_linked(struct lab *lab, void *table)
{
	reuse(lab, slot_of(lab, table), "was linked again");
}

void check_page_back(struct lab *lab, uint32_t number)
{
	struct slot *slots = &lab->check->slots[(size_t)number * lab->options.tables_per_page];

	for (unsigned i = 0; i < lab->options.tables_per_page; i++) {
		if (gw_load_relaxed(&slots[i].used))
			two_owners(lab, &slots[i], "is in use while its page went back");
		reuse(lab, &slots[i], "went back with its page");
	}
}

/* ---- Breaches ---- */

static const struct {
	const char *name, *text;
} invariants[LAB_INVARIANTS] = {
	{"none", "nothing is broken"},
	{"queued-twice", "an rcu_head is in the queue once at most"},
	{"early-reuse",
	 "a table is reused only after a grace period that began after its unlinking"},
	{"foreign-entry", "a walker reads only what was written for the address it walks"},
	{"two-owners", "a table has one owner at a time"},
	{"dirty-page", "a page goes back with a clean descriptor"},
	{"lost-table", "every table that was freed comes back"},
};

const char *lab_invariant_name(enum lab_invariant invariant)
{
	return invariants[invariant].name;
}

const char *lab_invariant_text(enum lab_invariant invariant)
{
	return invariants[invariant].text;
}

void lab_break(struct lab *lab, enum lab_invariant invariant, const char *format, ...)
{
	va_list args;

	if (gw_fetch_add_relaxed(&lab->breaches, 1))
		return;
	lab->breach.invariant = invariant;
	lab->breach.seconds = (double)(lab_now() - lab->born) / 1e9;
	va_start(args, format);
	vsnprintf(lab->breach.text, sizeof(lab->breach.text), format, args);
	va_end(args);
	gw_store_release(&lab->breach_told, true); /* pairs with lab_breach */
	if (lab->options.on_breach)
		lab->options.on_breach(&lab->breach);
}

bool lab_broken(const struct lab *lab)
{
	return gw_load_relaxed(&lab->breaches);
}

/* Whoever was first may still be writing: it is waited for. */
struct lab_breach lab_breach(const struct lab *lab)
{
	struct lab_breach breach = {0};

	if (!lab_broken(lab))
		return breach;
	while (!gw_load_acquire(&lab->breach_told))
		sched_yield();
	breach = lab->breach;
	breach.more = gw_load_relaxed(&lab->breaches) - 1;
	return breach;
}
