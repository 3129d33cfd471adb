/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * gw_find_hole: where something could be mapped. */
#include "table.h"

struct search {
	struct cursor at; /* what is yet to be looked at */
	uint64_t size, align;
	uint64_t free; /* bytes before it that are, from an aligned address on */
};

static bool is_over(const struct search *s)
{
	return s->free >= s->size || s->at.left < s->size - s->free;
}

/* Goes on at the next address where the hole could begin. */
static void begin_again(struct search *s)
{
	uint64_t bytes = -s->at.va & (s->align - 1);

	advance(&s->at, bytes < s->at.left ? bytes : s->at.left);
	s->free = 0;
}

/* Goes on behind an entry or a table, which spans `mask` and one more byte: up to 64 bits. */
static void pass(struct search *s, uint64_t mask, bool is_free)
{
	uint64_t rest = mask - (s->at.va & mask);
	uint64_t bytes = rest < s->at.left ? rest + 1 : s->at.left;

	advance(&s->at, bytes);
	s->free += bytes;
	if (!is_free)
		begin_again(s);
}

/* Entries of one table, up to one that has to be gone into. Counts are read without the lock: hints
 * (T6), as the answer is one. */
static void look(struct search *s, struct page_table *p, gw_entry *table, unsigned level)
{
	uint32_t count = gw_load_relaxed(&desc_of(p, table, level)->count);
	uint64_t mask = (gw_span(level) << gw_fmt_index_bits(level)) - 1;
	uint64_t base = s->at.va & ~mask;

	if (!count || (level == 0 && count == entries(level))) {
		pass(s, mask, !count);
		return;
	}
	while (!is_over(s) && (s->at.va & ~mask) == base) {
		uint64_t e = gw_load_relaxed(&table[gw_index(s->at.va, level)]);

		if (gw_fmt_is_table(e, level))
			return;
		pass(s, gw_span(level) - 1, is_empty(e, level));
	}
}

static bool is_size(uint64_t bytes)
{
	return bytes && !(bytes & (gw_span(0) - 1));
}

int gw_find_hole(struct gw_pt *pt, uint64_t va, uint64_t bytes, uint64_t size, uint64_t align,
		 uint64_t *hole)
{
	struct search s = {.at = {.va = gw_low(va), .left = bytes}, .size = size, .align = align};
	struct page_table *p = page_table_of(pt);
	int err = range_check(pt, va, bytes);
	struct path path;

	if (!is_size(size) || !is_size(align) || align & (align - 1))
		return -EINVAL;
	if (err)
		return err;
	begin_again(&s);
	while (!is_over(&s)) {
		unsigned level;

		p->env->read_lock(p->env);
		level = descend(p, &path, &s.at, 0, 0);
		look(&s, p, path.table[level], level);
		p->env->read_unlock(p->env);
	}
	if (s.free < size)
		return -ENOSPC;
	*hole = gw_fmt_canonical(s.at.va - s.free);
	return 0;
}
