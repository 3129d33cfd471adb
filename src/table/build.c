/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Tables that nobody else can reach yet: built whole, then published with one store. */
#include "table.h"

int gw_out_check(uint64_t out, uint64_t bytes)
{
	uint64_t max = GW_OUT_BITS == 64 ? UINT64_MAX : (1ull << (GW_OUT_BITS & 63)) - 1;
	uint64_t last = gw_fmt_advance(out, bytes - 1);

	if (!bytes || bytes & (gw_span(0) - 1) || !gw_fmt_aligned(out, 0))
		return -EINVAL;
	return out > max || last > max || last < out ? -ERANGE : 0;
}

int gw_mapping_check(const struct gw_pt *pt, uint64_t va, uint64_t bytes, uint64_t out,
		     uint32_t attr)
{
	int err = range_check(pt, va, bytes);

	if (!err)
		err = gw_out_check(out, bytes);
	return err ? err : attr_check(attr & ~(uint32_t)GW_DEPOSIT);
}

void gw_mapping_next(struct mapping *m)
{
	m->out = m->next->out;
	m->stretch = 0;
	do
		m->stretch += (m->next++)->bytes;
	while (m->next != m->end && m->next->out == gw_fmt_advance(m->out, m->stretch));
}

unsigned gw_leaf_level(const struct mapping *m)
{
	unsigned level = m->stretch < gw_span(1) ? 0 : m->max_level;

	while (level && !leaf_fits(m, level))
		level--;
	return level;
}

bool gw_deposit_new(struct page_table *p, gw_entry *table, unsigned level, unsigned index,
		    unsigned n)
{
	for (; n; n--, index++) {
		gw_entry *deposit = gw_heap_alloc(heap_of(p, level - 1));

		if (!deposit)
			return false;
		gw_deposit_put(desc_of(p, table, level), index, deposit);
	}
	return true;
}

/* Fills entries with the leaves that can follow one another. Return: how many. */
static unsigned build_leaves(gw_entry *entry, unsigned level, struct mapping *m)
{
	uint64_t out = m->out;
	uint32_t attr;
	unsigned n = leaves_alike(m, level, &attr);

	for (unsigned i = 0; i < n; i++) {
		gw_store_relaxed(&entry[i], gw_fmt_leaf(out, attr, level));
		out = gw_fmt_advance(out, gw_span(level));
	}
	mapping_advance(m, n * gw_span(level));
	return n;
}

/* Empties the entries of a table on both sides of those that are filled. */
static void empty_rest(gw_entry *table, unsigned level, unsigned first, unsigned end)
{
	for (unsigned i = 0; i < first; i++)
		gw_store_relaxed(&table[i], gw_fmt_empty(level));
	for (unsigned i = end; i < entries(level); i++)
		gw_store_relaxed(&table[i], gw_fmt_empty(level));
}

gw_entry *gw_build(struct page_table *p, unsigned level, struct mapping *m)
{
	unsigned first = gw_index(m->at.va, level), i = first;
	bool clean, ok = true;
	gw_entry *table = gw_heap_alloc_unfilled(heap_of(p, level), &clean);

	if (!table)
		return NULL;
	table_init(p, table, level, m->at.va);
	while (ok && m->at.left && i < entries(level)) {
		if (leaf_fits(m, level)) {
			unsigned n = build_leaves(&table[i], level, m);

			ok = !wants_deposits(m, level) || gw_deposit_new(p, table, level, i, n);
			i += n;
		} else {
			gw_entry *child = gw_build(p, level - 1, m);

			ok = child;
			if (ok)
				gw_store_relaxed(&table[i++], link_to(p, child, level));
		}
	}
	if (!clean)
		empty_rest(table, level, first, i);
	count_add(desc_of(p, table, level), i - first);
	if (ok)
		return table;
	gw_discard(p, table, level); /* no memory */
	return NULL;
}

void gw_discard(struct page_table *p, gw_entry *table, unsigned level)
{
	for (unsigned i = 0; level > 0 && i < entries(level); i++) {
		uint64_t e = gw_load_relaxed(&table[i]);

		if (gw_fmt_is_table(e, level))
			gw_discard(p, child_of(p, e, level), level - 1);
	}
	if (level)
		gw_deposits_free(heap_of(p, level - 1), &desc_of(p, table, level)->deposits);
	gw_heap_free(heap_of(p, level), (void *)table);
}
