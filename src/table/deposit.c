/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Deposits: tables kept for larger leaves, so that each can be split when there is no memory. */
#include "table.h"

/* The deposits of one table's leaves are a ring through their own memory: no walker can reach it.
 * The descriptor points to the last of the ring, which stays in place as others come and go, and so
 * holds the set of leaves that have one. One deposit is as good as another. (A table has fewer than
 * 64 times as many entries as the tables below it, so that the set fits.) */
struct deposit {
	struct deposit *next; /* of the last one: the first */
	uint64_t leaves[];    /* of the last one: a bit an entry */
};

static struct deposit *deposit_in(gw_entry *table)
{
	return (struct deposit *)(void *)table;
}

static gw_entry *table_of(struct deposit *deposit)
{
	return (gw_entry *)(void *)deposit;
}

static uint64_t bit(unsigned index)
{
	return 1ull << (index & 63);
}

static struct deposit *pop(gw_entry **ring)
{
	struct deposit *last = deposit_in(*ring), *first = last->next;

	last->next = first->next;
	first->next = first;
	if (first == last)
		*ring = NULL;
	return first;
}

bool gw_deposit_has(const struct desc *desc, unsigned index)
{
	return desc->deposits && deposit_in(desc->deposits)->leaves[index / 64] & bit(index);
}

void gw_deposit_put(struct desc *desc, unsigned index, gw_entry *table)
{
	struct deposit *deposit = deposit_in(table), *last = deposit_in(desc->deposits);

	if (!last) {
		for (unsigned i = 0; i < entries(desc->level); i += 64)
			deposit->leaves[i / 64] = 0;
		deposit->next = last = deposit;
		desc->deposits = table;
	} else {
		deposit->next = last->next;
		last->next = deposit;
	}
	last->leaves[index / 64] |= bit(index);
}

gw_entry *gw_deposit_take(struct desc *desc, unsigned index)
{
	if (!gw_deposit_has(desc, index))
		return NULL;
	deposit_in(desc->deposits)->leaves[index / 64] &= ~bit(index);
	return table_of(pop(&desc->deposits));
}

unsigned gw_deposit_count(const struct desc *desc)
{
	const struct deposit *last = deposit_in(desc->deposits), *deposit = last;
	unsigned n = 0;

	if (last)
		do
			n++;
		while ((deposit = deposit->next) != last);
	return n;
}

/* Two rings turn into one when the ends exchange what they point to. */
void gw_deposits_join(gw_entry **ring, gw_entry *other)
{
	if (*ring && other) {
		struct deposit *first = deposit_in(*ring)->next;

		deposit_in(*ring)->next = deposit_in(other)->next;
		deposit_in(other)->next = first;
	} else if (other) {
		*ring = other;
	}
}

void gw_deposits_free(struct gw_heap *heap, gw_entry **ring)
{
	while (*ring)
		gw_heap_free(heap, pop(ring));
}
