/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Page tables read entry by entry. */
#include "dump_walk.h"

/* Tables are aligned to their size where that is less. (s390x: tables of 16 KiB need no more.) */
enum { MOST_ALIGN = 4096 };

struct walk {
	const struct gw_format *format;
	const struct dump_memory *memory;
	const struct dump_rules *rules;
	const struct dump_sink *sink;
	struct dump_summary sum;
	struct dump_run run;        /* not told yet; count 0: there is none */
	uint64_t read;              /* tables */
	uint64_t path[DUMP_LEVELS]; /* the tables above, by level */
};

/* ---- Runs ---- */

static void tell(struct walk *w)
{
	if (w->run.count && (w->run.kind != DUMP_HOLE || w->rules->holes))
		w->sink->run(w->sink->ctx, &w->run);
	w->run.count = 0;
}

static bool runs_on(const struct walk *w, const struct dump_run *next)
{
	uint64_t step = w->format->one_value ? 0 : next->first - w->run.first;

	return next->out == w->run.out + step;
}

static bool joins(const struct walk *w, const struct dump_run *next)
{
	const struct dump_run *run = &w->run;

	if (!run->count || run->kind != next->kind || run->last + 1 != next->first)
		return false;
	if (run->kind == DUMP_HOLE)
		return true;
	return run->level == next->level && run->attr == next->attr && run->other == next->other &&
	       (run->kind != DUMP_LEAF || !w->rules->linear || runs_on(w, next));
}

static void add(struct walk *w, const struct dump_run *next)
{
	w->sum.entries[next->kind]++;
	if (!joins(w, next)) {
		tell(w);
		w->run = *next;
		w->run.count = 1;
		w->run.linear = true;
		return;
	}
	w->run.linear &= runs_on(w, next);
	w->run.last = next->last;
	w->run.count++;
}

static void add_leaf(struct walk *w, struct dump_run *next, const struct gw_decoded *leaf)
{
	next->kind = DUMP_LEAF;
	next->out = leaf->out;
	next->attr = leaf->attr;
	next->other = leaf->other;
	w->sum.leaves[next->level]++;
	w->sum.bytes += next->last - next->first + 1;
	add(w, next);
}

static void add_hole(struct walk *w, struct dump_run *next)
{
	next->kind = DUMP_HOLE;
	if (next->first < w->rules->first)
		next->first = w->rules->first;
	if (next->last > w->rules->last)
		next->last = w->rules->last;
	add(w, next);
}

/* ---- Tables ---- */

static uint64_t entries(const struct walk *w, unsigned level)
{
	return 1ull << w->format->shape(level).index_bits;
}

/* Some entries of a level, from an address in low form on. */
static struct dump_run span(const struct walk *w, unsigned level, uint64_t va, uint64_t n)
{
	uint64_t bytes = n << w->format->shape(level).shift;

	return (struct dump_run){
		.level = level,
		.first = w->format->canonical(va),
		.last = w->format->canonical(va + bytes - 1),
	};
}

static bool wanted(const struct walk *w, const struct dump_run *span)
{
	return span->first <= w->rules->last && span->last >= w->rules->first;
}

static bool read_entry(const struct walk *w, uint64_t table, uint64_t index, uint64_t *e)
{
	return w->memory->read(w->memory->ctx, table + index * sizeof(*e), e);
}

static uint64_t used(const struct walk *w, uint64_t table, unsigned level)
{
	uint64_t n = 0, e;

	for (uint64_t i = 0; i < entries(w, level) && read_entry(w, table, i, &e); i++)
		n += w->format->decode(e, level, 0).kind != GW_ENTRY_EMPTY;
	return n;
}

static void tell_table(struct walk *w, uint64_t table, unsigned level, uint64_t va)
{
	const struct dump_run all = span(w, level, va, entries(w, level));
	const struct dump_table told = {
		.level = level,
		.address = table,
		.first = all.first,
		.last = all.last,
		.used = used(w, table, level),
		.entries = entries(w, level),
	};

	tell(w);
	w->sink->table(w->sink->ctx, &told);
}

/* Whether a table may be entered; if not, why. */
static bool may_read(const struct walk *w, uint64_t table, unsigned level, enum dump_kind *why)
{
	uint64_t align = entries(w, level) * 8, e;

	for (unsigned above = level + 1; above < w->format->levels; above++)
		if (w->path[above] == table) {
			*why = DUMP_LOOP;
			return false;
		}
	*why = DUMP_MISALIGNED;
	if (table & ((align < MOST_ALIGN ? align : MOST_ALIGN) - 1))
		return false;
	*why = DUMP_OUTSIDE;
	if (!read_entry(w, table, 0, &e))
		return false;
	*why = DUMP_LIMIT;
	return w->read < w->rules->most_tables;
}

static void read_table(struct walk *w, uint64_t table, unsigned level, uint64_t va);

/* A table, or why it is not read. */
static void add_table(struct walk *w, struct dump_run *next, uint64_t table, unsigned level,
		      uint64_t va)
{
	if (may_read(w, table, level, &next->kind)) {
		read_table(w, table, level, va);
		return;
	}
	next->out = table;
	add(w, next);
}

static void add_entry(struct walk *w, struct dump_run *next, uint64_t e, uint64_t va)
{
	const struct gw_decoded decoded = w->format->decode(e, next->level, va);

	switch (decoded.kind) {
	case GW_ENTRY_TABLE:
		add_table(w, next, decoded.out, next->level - 1, va);
		break;
	case GW_ENTRY_LEAF:
		add_leaf(w, next, &decoded);
		break;
	case GW_ENTRY_OTHER:
		next->kind = DUMP_OTHER;
		next->out = e;
		add(w, next);
		break;
	default:
		add_hole(w, next);
	}
}

/* Recursive, a level down each time. */
static void read_table(struct walk *w, uint64_t table, unsigned level, uint64_t va)
{
	uint64_t n = entries(w, level), e;

	w->path[level] = table;
	w->read++;
	w->sum.tables[level]++;
	w->sum.table_bytes += n * sizeof(e);
	if (w->sink->table)
		tell_table(w, table, level, va);
	for (uint64_t i = 0; i < n; i++) {
		uint64_t at = va + (i << w->format->shape(level).shift);
		struct dump_run next = span(w, level, at, 1);

		if (!wanted(w, &next))
			continue;
		if (read_entry(w, table, i, &e)) {
			add_entry(w, &next, e, at);
			continue;
		}
		next = span(w, level, at, n - i); /* what is left of a table that is cut off */
		next.kind = DUMP_OUTSIDE;
		next.out = table;
		add(w, &next);
		return;
	}
}

/* Of a page table for a range: of the lowest table that can hold all of it. */
static unsigned root_level(const struct gw_format *format, const struct dump_rules *rules)
{
	uint64_t differ = rules->for_first ^ rules->for_last;
	unsigned level = format->levels - 1;

	while (differ && level && !(differ >> format->shape(level).shift))
		level--;
	return level;
}

struct dump_summary dump_walk(const struct gw_format *format, const struct dump_memory *memory,
			      uint64_t root, const struct dump_rules *rules,
			      const struct dump_sink *sink)
{
	struct walk w = {.format = format, .memory = memory, .rules = rules, .sink = sink};
	unsigned top = root_level(format, rules);
	uint64_t n = entries(&w, top), size = n << format->shape(top).shift;
	uint64_t va = rules->for_first & ~(size - 1);
	struct dump_run all = span(&w, top, va, n);

	add_table(&w, &all, root, top, va);
	tell(&w);
	return w.sum;
}

bool dump_incomplete(const struct dump_summary *summary)
{
	uint64_t n = 0;

	for (unsigned kind = DUMP_OUTSIDE; kind < DUMP_KINDS; kind++)
		n += summary->entries[kind];
	return n > 0;
}
