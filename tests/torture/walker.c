/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Walkers: translate without pause, one address, several or a range, and check every answer against
 * what owners say of their cells.
 */
#include "torture.h"
#include <sched.h>
#include <string.h>

enum { SECTION_MAX = 48, CELLS_MAX = 64, KEPT_MAX = 8, MANY_MAX = 8, TLB_SLOTS = 1024 };

/* A walker's TLB, by the rules of a real one: what it holds may be used until it is invalidated. */
struct slot {
	struct space *space;
	const struct region *region;
	struct seen seen;
	uint32_t tag;
};

/* What an owner says before a walk and after it. */
struct look {
	uint64_t word, seq;
};

struct question {
	struct space *space;
	const struct region *region;
	struct gw_pt *pt;
	unsigned cell;
	uint64_t va;
	struct look before, after;
};

struct walker {
	struct thread *thread;
	/* What this section has seen so far. */
	struct seen held[SECTION_MAX + MANY_MAX + CELLS_MAX];
	unsigned nheld;
	struct kept { /* entries that it looked at, and will once more at its end */
		struct question question;
		const gw_entry *entry;
	} kept[KEPT_MAX];
	unsigned nkept;
	struct slot tlb[TLB_SLOTS];
};

static struct look look(const struct question *q)
{
	return (struct look){
		.word = gw_load_acquire(&q->space->word[q->region->first + q->cell]),
		.seq = gw_load_acquire((_Atomic uint64_t *)(uintptr_t)&q->region->seq),
	};
}

_Noreturn static void wrong_answer(const struct question *q, const char *what, uint64_t gen)
{
	wrong("%s: va %#llx space %u region %u (kind %d) cell %u gen %llu; word before %#llx (gen "
	      "%llu), after %#llx "
	      "(gen %llu)",
	      what, (unsigned long long)q->va, q->space->number,
	      (unsigned)(q->region - q->space->region), q->region->kind, q->cell,
	      (unsigned long long)gen, (unsigned long long)q->before.word,
	      (unsigned long long)word_gen(q->before.word), (unsigned long long)q->after.word,
	      (unsigned long long)word_gen(q->after.word));
}

/* ---- Guarantees B and C ---- */

/* With break-before-make, gw_protect, gw_collapse and gw_split may take a leaf away for a moment,
 * gw_replace in every format of an MMU. */
static bool stays_present(uint64_t word)
{
	bool breaks =
		GW_FMT_BREAK_BEFORE_MAKE || (GW_FMT_HW_UPDATES && word_change(word) == MAPPING);

	return word_present(word) && word_change(word) != UNMAPPING &&
	       (word_change(word) == STABLE || !breaks);
}

/* While a cell that is present is mapped anew: its gen is still the one before. */
static bool being_replaced(uint64_t word)
{
	return word_present(word) && word_change(word) == MAPPING;
}

static void check_absent(const struct question *q)
{
	uint64_t before = q->before.word, after = q->after.word;

	if (!stays_present(before) || !stays_present(after) || word_gen(before) != word_gen(after))
		return;
	/* Likewise a split in the neighbourhood takes the larger leaf away. */
	if (GW_FMT_BREAK_BEFORE_MAKE && (q->before.seq != q->after.seq || q->before.seq & 1))
		return;
	wrong_answer(q, "a mapped page is not there", word_gen(before));
}

static void check_attr(const struct question *q, unsigned attr)
{
	uint64_t word = q->before.word;

	if (word != q->after.word || attr == word_attr(word) ||
	    (word_change(word) == PROTECTING && attr == word_next_attr(word)))
		return;
	if (word_change(word) == STABLE || word_change(word) == PROTECTING)
		wrong_answer(q, "other attributes than the page has", attr);
}

static void check_present(const struct question *q, uint64_t gen, unsigned attr)
{
	uint64_t before = q->before.word;
	bool was_absent = word_change(before) == STABLE && !word_present(before);

	if (gen < word_gen(before) + was_absent)
		wrong_answer(q, "stale: this was unmapped before the walk began", gen);
	if (gen > word_gen(q->after.word) && !being_replaced(q->after.word))
		wrong_answer(q, "nobody has mapped this yet", gen);
	check_attr(q, attr);
}

/* ---- Guarantee E ---- */

/* Whether a cell is unmapped as a whole or not at all: not so, of cells of many pages, where two
 * updaters share them, or where an unmap without memory has to release the first before it comes to
 * the last. */
static bool cells_are_whole(const struct record *record)
{
	const struct region *r = &spaces[record->space].region[record->region];

	return (r->kind != SHARED && !opts.scarce) || r->cell == gw_span(0);
}

static void check_held(const struct seen *seen, const char *what)
{
	const struct record *record = seen->record;

	if (record->magic != MAGIC_LIVE || record->gen != seen->gen ||
	    (gw_load_acquire(&seen->record->released) >> (seen->cell - record->first) & 1 &&
	     cells_are_whole(record)))
		wrong("%s: record %u gen %llu cell %u; now %#x gen %llu of space %u region %u "
		      "cells %u+%u, released %#llx",
		      what, (unsigned)(record - records), (unsigned long long)seen->gen, seen->cell,
		      record->magic, (unsigned long long)record->gen, record->space, record->region,
		      record->first, record->n,
		      (unsigned long long)gw_load_relaxed(&seen->record->released));
}

/* A table that this section reached is still a table of that place, linked or not. */
static void check_kept(const struct kept *kept)
{
	const struct question *q = &kept->question;
	uint64_t e = gw_load_dependent(kept->entry);

	if (gw_fmt_is_leaf(e, 0))
		record_of(q->space, q->region, q->va,
			  gw_fmt_advance(gw_fmt_out(e, 0), q->va & (gw_leaf_bytes(e, 0) - 1)),
			  "an entry that a read-side section holds");
	else if (e != gw_fmt_empty(0))
		wrong("an entry that a read-side section holds is %#llx: neither empty nor a leaf",
		      (unsigned long long)e);
}

static void section_end(struct walker *w)
{
	for (unsigned i = 0; i < w->nheld; i++)
		check_held(&w->held[i], "released while a read-side section may use it");
	for (unsigned i = 0; i < w->nkept; i++)
		check_kept(&w->kept[i]);
	w->nheld = w->nkept = 0;
	reader_unlock(opts.flavour);
	reader_quiescent(opts.flavour);
}

/* ---- One walk ---- */

/* The entry by way of the accessor, with what hardware does to it. Return: whether there is a leaf.
 */
static bool by_accessor(struct walker *w, const struct question *q, struct gw_leaf *leaf)
{
	const gw_entry *entry = gw_pte_map(q->pt, q->va);
	uint64_t e, used;
	bool is_leaf;

	if (!entry)
		return gw_walk(q->pt, q->va, leaf);
	e = gw_load_dependent(entry);
	is_leaf = gw_walk_leaf(e, q->va, 0, leaf);
	if (is_leaf) {
		used = gw_fmt_recorded(e, GW_ACCESSED | GW_DIRTY, 0);
		if (used != e)
			gw_cas_acq_rel((gw_entry *)(uintptr_t)entry, &e, used);
	}
	gw_pte_unmap(q->pt); /* the section around it goes on */
	if (w->nkept < KEPT_MAX)
		w->kept[w->nkept++] = (struct kept){.question = *q, .entry = entry};
	return is_leaf;
}

static struct seen check_leaf(struct question *q, const struct gw_leaf *leaf)
{
	uint64_t out = gw_fmt_advance(leaf->out, q->va - leaf->va);
	struct record *record = record_of(q->space, q->region, q->va, out, "walk");
	struct seen seen = {.record = record, .gen = record->gen, .cell = q->cell};

	fence();
	q->after = look(q);
	if (q->region->kind != SHARED)
		check_present(q, seen.gen, attr_number(leaf->attr));
	return seen;
}

static bool slot_valid(const struct slot *slot)
{
	const _Atomic uint32_t *tags = slot->space ? slot->space->tlb_tag : NULL;

	return tags && gw_load_acquire(&tags[slot->region->first + slot->seen.cell]) == slot->tag;
}

/* Half of the slots keep what they have until that is invalidated, however long it takes. */
static void tlb_fill(struct walker *w, const struct slot *with)
{
	unsigned i = rng_below(&w->thread->rng, TLB_SLOTS);

	if (i < TLB_SLOTS / 2 || !slot_valid(&w->tlb[i]))
		w->tlb[i] = *with;
}

static void choose_cell(struct question *q, struct rng *rng)
{
	q->region = &q->space->region[rng_below(rng, q->space->nregions)];
	q->cell = rng_below(rng, q->region->n);
	q->va = cell_va(q->region, q->cell) + (rng_next(rng) & (q->region->cell - 1));
}

/* What a walk has found, or not, which began after the question's words were read. */
static void check_answer(struct walker *w, struct question *q, bool found,
			 const struct gw_leaf *leaf, uint32_t tag)
{
	if (found) {
		struct seen seen = check_leaf(q, leaf);

		w->held[w->nheld++] = seen;
		/* gw_destroy invalidates while walkers may still come in by the root that they
		 * have: an MMU would have been given another root before. */
		if (!gw_load_acquire(&q->space->closing))
			tlb_fill(w, &(struct slot){q->space, q->region, seen, tag});
		return;
	}
	fence();
	q->after = look(q);
	if (q->region->kind != SHARED)
		check_absent(q);
}

static uint32_t tag_of(const struct question *q)
{
	return gw_load_acquire(&q->space->tlb_tag[q->region->first + q->cell]);
}

static void walk_once(struct walker *w, struct question *q)
{
	uint32_t tag = tag_of(q);
	struct gw_leaf leaf = {0};
	bool found;

	q->before = look(q);
	/* The accessor's own section would tell what the mutant keeps quiet. */
	if (GW_MUTANT(untold_reader) || rng_below(&w->thread->rng, 8))
		found = gw_walk(q->pt, q->va, &leaf);
	else
		found = by_accessor(w, q, &leaf);
	check_answer(w, q, found, &leaf, tag);
}

/* Addresses of one page table, looked up at once. */
static void walk_many(struct walker *w, const struct question *first)
{
	struct rng *rng = &w->thread->rng;
	unsigned n = 1 + rng_below(rng, MANY_MAX);
	struct question q[MANY_MAX];
	struct gw_leaf leaf[MANY_MAX];
	uint64_t va[MANY_MAX];
	uint32_t tag[MANY_MAX];

	for (unsigned i = 0; i < n; i++) {
		q[i] = *first;
		choose_cell(&q[i], rng);
		va[i] = q[i].va;
		tag[i] = tag_of(&q[i]);
		q[i].before = look(&q[i]);
	}
	gw_walk_many(first->pt, va, n, leaf);
	for (unsigned i = 0; i < n; i++)
		check_answer(w, &q[i], leaf[i].bytes, &leaf[i], tag[i]);
}

/* All cells of a region, by a cursor: what it tells was so since it was started. */
static void walk_along(struct walker *w, const struct question *first)
{
	const struct region *r = first->region;
	uint64_t bytes = (r->n - 1) * r->stride + r->cell;
	struct question q[CELLS_MAX];
	uint32_t tag[CELLS_MAX];
	struct gw_cursor cursor;
	struct gw_leaf leaf;
	unsigned cell = 0;

	for (unsigned i = 0; i < r->n; i++) {
		q[i] = *first;
		q[i].cell = i;
		q[i].va = cell_va(r, i) + (rng_next(&w->thread->rng) & (r->cell - 1));
		tag[i] = tag_of(&q[i]);
		q[i].before = look(&q[i]);
	}
	if (gw_cursor_start(&cursor, first->pt, r->base, bytes))
		wrong("a cursor does not start at %#llx", (unsigned long long)r->base);
	for (enum gw_found found; (found = gw_cursor_next(&cursor, &leaf)) != GW_FOUND_END;)
		for (; cell < r->n && q[cell].va - leaf.va < leaf.bytes; cell++)
			check_answer(w, &q[cell], found == GW_FOUND_LEAF, &leaf, tag[cell]);
	if (cell != r->n)
		wrong("a cursor passed over %#llx", (unsigned long long)q[cell].va);
}

/* A hit needs no walk. It is an error if what it gives was released: then nobody has invalidated it
 * before. */
static void hit_once(struct walker *w)
{
	const struct slot *slot = &w->tlb[rng_below(&w->thread->rng, TLB_SLOTS)];

	if (!slot_valid(slot))
		return;
	check_held(&slot->seen, "released, and the TLB still has it: not invalidated");
	w->held[w->nheld++] = slot->seen;
	gw_fetch_add_relaxed(&w->thread->hits, 1);
}

static bool ask(struct walker *w, struct question *q)
{
	struct rng *rng = &w->thread->rng;

	q->space = &spaces[opts.shared ? rng_below(rng, SPACES) : 0];
	q->pt = gw_load_acquire(&q->space->pt);
	if (!q->pt)
		return false;
	choose_cell(q, rng);
	return true;
}

static void section(struct walker *w)
{
	unsigned n = 1 + rng_below(&w->thread->rng, SECTION_MAX - 1);
	struct question last;

	reader_lock(opts.flavour);
	for (unsigned i = 0; i < n; i++) {
		struct question q;

		if (!rng_below(&w->thread->rng, 4))
			hit_once(w);
		else if (ask(w, &q))
			walk_once(w, &q);
	}
	if (!rng_below(&w->thread->rng, 4) && ask(w, &last))
		walk_many(w, &last);
	if (!rng_below(&w->thread->rng, 16) && ask(w, &last))
		walk_along(w, &last);
	if (!rng_below(&w->thread->rng, 64))
		sched_yield(); /* others run while this section holds what it saw */
	section_end(w);
	gw_store_relaxed(&w->thread->count, gw_load_relaxed(&w->thread->count) + n);
}

void *walker_main(void *thread)
{
	struct walker w = {.thread = thread};

	opts.flavour->register_thread();
	while (!gw_load_relaxed(&stop))
		section(&w);
	opts.flavour->unregister_thread();
	return NULL;
}
