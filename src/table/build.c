/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Tables that nobody else can reach yet: built whole, then published with one store. */
#include "table.h"

static bool leaf_fits(const struct mapping *m, unsigned level)
{
	return gw_fmt_leaf_level(level) && covers(&m->at, level) && gw_fmt_aligned(m->out, level);
}

unsigned gw_leaf_level(const struct mapping *m, unsigned level)
{
	while (level && !leaf_fits(m, level))
		level--;
	return level;
}

void gw_mapping_advance(struct mapping *m, uint64_t bytes)
{
	advance(&m->at, bytes);
	m->out = gw_fmt_advance(m->out, bytes);
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
	gw_heap_free(heap_of(p, level), (void *)table);
}
