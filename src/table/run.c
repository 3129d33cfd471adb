/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Runs: leaves of several entries side by side, changed as a whole or split. */
#include "table.h"

/* An MMU that remembers a run as one translation may record an access in any of its entries,
 * whichever page was meant: accessed and dirty of a run are those of all its entries together. So
 * they are collected from all entries before they are given to any that will stand alone. */

struct run {
	gw_entry *entry; /* the first of them */
	unsigned n, level;
	uint64_t va, out;
};

static struct run run_at(gw_entry *entry, uint64_t va, unsigned level)
{
	uint64_t e = gw_load_relaxed(entry);
	unsigned n = leaf_entries(e, level);

	return (struct run){
		.entry = entry - (gw_index(va, level) & (n - 1)),
		.n = n,
		.level = level,
		.va = va & ~(gw_leaf_bytes(e, level) - 1),
		.out = gw_fmt_out(e, level),
	};
}

/* What becomes of entry number i. */
static uint64_t changed(const struct run *run, struct change change, uint64_t e, unsigned i)
{
	return entry_at(run->out, changed_attr(change, e, run->level), run->level, i);
}

/* Gives each entry its new value in place. Return: whether any has changed; *used gets what was
 * recorded in them. */
static bool write_over(const struct run *run, struct change change, uint32_t *used)
{
	bool any = false;

	for (unsigned i = 0; i < run->n; i++) {
		uint64_t old = gw_load_relaxed(&run->entry[i]), to;

		do
			to = changed(run, change, old, i);
		while (old != to && !gw_cas_acq_rel(&run->entry[i], &old, to));
		any |= old != to;
		*used |= used_bits(old, run->level);
	}
	return any;
}

/* Nobody finds the old leaf or a new one while the old is invalidated. Return: the old one. */
static uint64_t break_and_make(struct gather *g, const struct run *run, struct change change)
{
	uint64_t e = leaf_clear(run->entry, run->level);

	gw_gather_range(g, run->va, run->n * gw_span(run->level));
	gw_gather_invalidate(g);
	for (unsigned i = 0; i < run->n; i++)
		gw_store_release(&run->entry[i], changed(run, change, e, i));
	return e;
}

/* Return: as write_over. */
static bool change_in_place(const struct run *run, struct change change, uint32_t *used)
{
	bool any = write_over(run, change, used);

	/* No entry is one of a run now, and none is recorded in for another any more. */
	if (!((change.keep | change.add) & GW_CONTIGUOUS)) {
		change.add |= *used & change.keep;
		write_over(run, change, used);
	}
	return any;
}

bool gw_run_change(struct gather *g, gw_entry *entry, uint64_t va, unsigned level,
		   struct change change, uint64_t *old)
{
	const struct run run = run_at(entry, va, level);
	uint64_t e = leaf_load(run.entry, level);
	uint32_t used = 0;

	if (gw_fmt_must_break(e, changed(&run, change, e, 0))) {
		*old = break_and_make(g, &run, change);
		return true;
	}
	if (!change_in_place(&run, change, &used))
		return false;
	gw_gather_range(g, run.va, run.n * gw_span(level));
	*old = add_used(e, used, level);
	return true;
}

void gw_run_split(struct gather *g, gw_entry *entry, uint64_t va, unsigned level)
{
	const struct change change = {.keep = ~(uint32_t)GW_CONTIGUOUS};
	const struct run run = run_at(entry, va, level);
	uint64_t e = gw_load_relaxed(run.entry);
	uint32_t used = 0;

	if (gw_fmt_must_break(e, changed(&run, change, e, 0)))
		break_and_make(g, &run, change);
	else
		change_in_place(&run, change, &used);
}
