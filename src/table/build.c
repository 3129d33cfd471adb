/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Tables that nobody else can reach yet: built whole, then published with one store. */
#include "table.h"

int gw_mapping_check(uint64_t va, uint64_t bytes, uint64_t out, uint32_t attr)
{
	uint64_t max = GW_OUT_BITS == 64 ? UINT64_MAX : (1ull << (GW_OUT_BITS & 63)) - 1;
	int err = range_check(va, bytes);

	if (err)
		return err;
	if (!gw_fmt_aligned(out, 0))
		return -EINVAL;
	if (out > max || gw_fmt_advance(out, bytes - 1) > max ||
	    gw_fmt_advance(out, bytes - 1) < out)
		return -ERANGE;
	return attr_check(attr & ~(uint32_t)GW_DEPOSIT);
}

static bool leaf_fits(const struct mapping *m, unsigned level)
{
	return gw_fmt_leaf_level(level) && level <= m->max_level && covers(&m->at, level) &&
	       gw_fmt_aligned(m->out, level);
}

unsigned gw_leaf_level(const struct mapping *m)
{
	unsigned level = m->max_level;

	while (level && !leaf_fits(m, level))
		level--;
	return level;
}

void gw_mapping_advance(struct mapping *m, uint64_t bytes)
{
	advance(&m->at, bytes);
	m->out = gw_fmt_advance(m->out, bytes);
}

bool gw_deposit_new(struct page_table *p, gw_entry *table, unsigned level, unsigned index,
		    const struct mapping *m)
{
	gw_entry *deposit;

	if (!level || !(m->attr & GW_DEPOSIT))
		return true;
	deposit = gw_heap_alloc(heap_of(p, level - 1));
	if (!deposit)
		return false;
	gw_deposit_put(desc_of(p, table, level), index, deposit);
	return true;
}

gw_entry *gw_build(struct page_table *p, unsigned level, struct mapping m)
{
	gw_entry *table = table_alloc(p, level, m.at.va);
	uint32_t count = 0;

	if (!table)
		return NULL;
	for (unsigned i = gw_index(m.at.va, level); m.at.left && i < entries(level); i++, count++) {
		uint64_t bytes = piece(&m.at, level);

		if (leaf_fits(&m, level)) {
			if (!gw_deposit_new(p, table, level, i, &m))
				goto no_memory;
			gw_store_relaxed(&table[i], gw_fmt_leaf(m.out, m.attr, level));
		} else {
			gw_entry *child = gw_build(p, level - 1, m);

			if (!child)
				goto no_memory;
			gw_store_relaxed(&table[i], link_to(p, child, level));
		}
		gw_mapping_advance(&m, bytes);
	}
	count_add(desc_of(p, table, level), count);
	return table;

no_memory:
	gw_discard(p, table, level);
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
