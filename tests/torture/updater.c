/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Updaters: map, unmap, protect, replace, collapse, split and reclaim at random. On cells of their
 * own they know every result. */
#include "torture.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A row of cells that one call is for. */
struct run {
	struct thread *updater;
	struct space *space;
	struct gw_pt *pt;
	struct region *region;
	unsigned first, n;
};

static uint64_t gens[UPDATERS_MAX];
static unsigned quarantined[UPDATERS_MAX];

static uint64_t run_va(const struct run *run)
{
	return cell_va(run->region, run->first);
}

static uint64_t run_bytes(const struct run *run)
{
	return (run->n - 1) * run->region->stride + run->region->cell;
}

_Noreturn static void wrong_result(const struct run *run, const char *call, int err)
{
	wrong("%s of space %u region %u (kind %d) cells %u+%u at %#llx: %s", call,
	      run->space->number, (unsigned)(run->region - run->space->region), run->region->kind,
	      run->first, run->n, (unsigned long long)run_va(run),
	      err > 0 ? "should have failed"
	      : err   ? strerror(-err)
		      : "no error");
}

/* ---- Words ---- */

static _Atomic uint64_t *word_of(const struct run *run, unsigned i)
{
	return &run->space->word[run->region->first + run->first + i];
}

static bool present(const struct run *run, unsigned i)
{
	return word_present(gw_load_relaxed(word_of(run, i)));
}

static unsigned count_present(const struct run *run)
{
	unsigned count = 0;

	for (unsigned i = 0; i < run->n; i++)
		count += present(run, i);
	return count;
}

static void word_set(const struct run *run, unsigned i, enum change change, bool is_present,
		     unsigned attr, unsigned next_attr, uint64_t gen)
{
	_Atomic uint64_t *word = word_of(run, i);
	uint64_t version = word_version(gw_load_relaxed(word)) + 1;

	gw_exchange_acq_rel(word, word_make(change, is_present, attr, next_attr, version, gen));
}

static void announce_cells(const struct run *run, enum change change, bool of_present,
			   unsigned next_attr, uint64_t gen)
{
	for (unsigned i = 0; i < run->n; i++) {
		uint64_t word = gw_load_relaxed(word_of(run, i));

		if (word_present(word) == of_present)
			word_set(run, i, change, of_present, word_attr(word), next_attr,
				 of_present ? word_gen(word) : gen);
	}
}

/* Says what is about to change, of the cells that are present or those that are not. */
static void announce(const struct run *run, enum change change, bool of_present, unsigned next_attr,
		     uint64_t gen)
{
	gw_fetch_add_relaxed(&run->region->seq, 1);
	announce_cells(run, change, of_present, next_attr, gen);
	fence();
}

/* Says that it has changed as announced, attributes too: the call returned. */
static void settle(const struct run *run, bool is_present)
{
	for (unsigned i = 0; i < run->n; i++) {
		uint64_t word = gw_load_relaxed(word_of(run, i));

		if (word_change(word) != STABLE)
			word_set(run, i, STABLE, is_present, word_next_attr(word), 0,
				 word_gen(word));
	}
	atomic_fetch_add_explicit(&run->region->seq, 1, memory_order_release);
}

/* Says that nothing has changed: the call failed. */
static void settle_unchanged(const struct run *run)
{
	for (unsigned i = 0; i < run->n; i++) {
		uint64_t word = gw_load_relaxed(word_of(run, i));

		if (word_change(word) != STABLE)
			word_set(run, i, STABLE, word_present(word), word_attr(word), 0,
				 word_gen(word));
	}
	atomic_fetch_add_explicit(&run->region->seq, 1, memory_order_release);
}

/* Whether a call failed because the environment had no memory for it. */
static bool no_memory(const struct run *run, int err)
{
	if (err != -ENOMEM || !opts.scarce)
		return false;
	gw_fetch_add_relaxed(&run->updater->without_memory, 1);
	return true;
}

/* What each cell maps to and its attributes stay; the page may be absent where the format breaks.
 */
static void announce_same(const struct run *run)
{
	gw_fetch_add_relaxed(&run->region->seq, 1);
	for (unsigned i = 0; i < run->n; i++) {
		uint64_t word = gw_load_relaxed(word_of(run, i));

		if (word_present(word))
			word_set(run, i, PROTECTING, true, word_attr(word), word_attr(word),
				 word_gen(word));
	}
	fence();
}

/* ---- What the caller has to release by itself: after a grace period ---- */

struct later {
	struct gw_head head;
	struct record *record;
	unsigned cell, n;
	uint64_t bytes; /* each */
};

static void later_callback(struct gw_head *head)
{
	struct later *later = (struct later *)head;

	for (unsigned i = 0; i < later->n; i++)
		record_release(later->record, later->cell + i, later->bytes);
	free(later);
}

static void release_later(struct record *record, unsigned cell, unsigned n, uint64_t bytes)
{
	struct later *later = malloc(sizeof(*later));

	if (!later)
		wrong("the test is out of memory");
	*later = (struct later){.record = record, .cell = cell, .n = n, .bytes = bytes};
	test_env->defer(test_env, &later->head, later_callback);
}

/* Without a release callback: what cells are mapped to before they are unmapped, and their release
 * after they were. Nobody else changes them. */
static void note(const struct run *run, struct record *was[PIECES])
{
	for (unsigned i = 0; i < run->n; i++) {
		uint64_t va = cell_va(run->region, run->first + i);
		struct gw_leaf leaf;

		was[i] = NULL;
		if (!opts.untold || !present(run, i))
			continue;
		test_env->read_lock(test_env);
		if (!gw_walk(run->pt, va, &leaf))
			wrong_result(run, "walk of what is mapped", 1);
		test_env->read_unlock(test_env);
		was[i] = record_of(run->space, run->region, va,
				   gw_fmt_advance(leaf.out, va - leaf.va), "walk");
	}
}

static void release_noted(const struct run *run, struct record *const was[PIECES])
{
	for (unsigned i = 0; i < run->n; i++)
		if (was[i])
			release_later(was[i], run->first + i, 1, run->region->cell);
}

/* Asks for runs half of the time: which leaves are of one is nobody's concern. */
static uint32_t hint(const struct run *run)
{
	return rng_below(&run->updater->rng, 2) ? GW_FMT_ATTRS & GW_CONTIGUOUS : 0;
}

/* ---- Cells of one owner: every result is known ---- */

static struct record *record_for(const struct run *run)
{
	return record_get(run->updater, run->space, run->region, run->first, run->n,
			  ++gens[run->updater->number]);
}

static uint32_t deposit(struct thread *updater)
{
	return rng_below(&updater->rng, 2) ? GW_DEPOSIT : 0;
}

static void own_map(const struct run *run)
{
	unsigned attr = rng_below(&run->updater->rng, ATTRS), in_the_way = count_present(run);
	struct record *record = record_for(run);
	int err;

	attr = attr_number(attr_flags(attr));
	announce(run, MAPPING, false, attr, record->gen);
	err = gw_map(run->pt, run_va(run), run_bytes(run), out_of(run->region, record, run_va(run)),
		     attr_flags(attr) | deposit(run->updater) | hint(run));
	if (!no_memory(run, err) && err != (in_the_way ? -EEXIST : 0))
		wrong_result(run, "map", err ? err : 1);
	settle(run, !err);
	if (err) {
		gw_fetch_add_relaxed(&run->updater->errors, 1);
		release_later(record, run->first, run->n, run->region->cell);
	}
}

static void own_unmap(const struct run *run)
{
	struct record *was[PIECES];
	int err;

	note(run, was);
	announce(run, UNMAPPING, true, 0, 0);
	err = gw_unmap(run->pt, run_va(run), run_bytes(run));
	if (no_memory(run, err)) {
		settle_unchanged(run);
		return;
	}
	if (err)
		wrong_result(run, "unmap", err);
	settle(run, false);
	release_noted(run, was);
}

static void own_protect(const struct run *run)
{
	unsigned attr = attr_number(attr_flags(rng_below(&run->updater->rng, ATTRS)));
	int err;

	announce(run, PROTECTING, true, attr, 0);
	err = gw_protect(run->pt, run_va(run), run_bytes(run), attr_flags(attr) | hint(run));
	if (no_memory(run, err)) {
		settle_unchanged(run);
		return;
	}
	if (err)
		wrong_result(run, "protect", err);
	settle(run, true);
}

/* Whether the run is the span of one leaf. */
static bool is_leaf_span(const struct run *run)
{
	for (unsigned level = 0; level < GW_LEVELS; level++)
		if (gw_fmt_leaf_level(level) && run_bytes(run) == gw_span(level) &&
		    !(run_va(run) & (gw_span(level) - 1)))
			return true;
	return false;
}

/* The cells that are present are announced as mapped anew: until the end each may be found as it
 * was or as it will be. */
static void own_replace(const struct run *run)
{
	unsigned attr = attr_number(attr_flags(rng_below(&run->updater->rng, ATTRS)));
	struct record *record = record_for(run), *was[PIECES];
	int err;

	note(run, was);
	announce_cells(run, MAPPING, false, attr, record->gen);
	announce(run, MAPPING, true, attr, 0);
	err = gw_replace(run->pt, run_va(run), run_bytes(run),
			 out_of(run->region, record, run_va(run)),
			 attr_flags(attr) | deposit(run->updater) | hint(run));
	if (no_memory(run, err)) {
		settle_unchanged(run);
		release_later(record, run->first, run->n, run->region->cell);
		return;
	}
	if (err)
		wrong_result(run, "replace", err);
	for (unsigned i = 0; i < run->n; i++)
		word_set(run, i, MAPPING, true, attr, attr, record->gen);
	settle(run, true);
	release_noted(run, was);
}

/* To smaller leaves, and back to larger ones. Neither changes what anybody may see. */
static void reshape(const struct run *run)
{
	struct thread *updater = run->updater;
	int64_t n;
	int err;

	for (unsigned i = 1 + rng_below(&updater->rng, 3); i; i--) {
		err = gw_split(run->pt, run_va(run) + rng_below(&updater->rng, run_bytes(run)));
		if (err && err != -ENOENT && !no_memory(run, err))
			wrong_result(run, "split", err);
	}
	n = gw_collapse(run->pt, run_va(run), run_bytes(run), deposit(updater));
	if (n < 0)
		wrong_result(run, "collapse", (int)n);
	gw_fetch_add_relaxed(&updater->collapsed, (uint64_t)n);
}

static void on_found(void *ctx, const struct gw_leaf *run)
{
	(void)ctx;
	if (!(run->attr & (GW_ACCESSED | GW_DIRTY)))
		wrong("harvest tells of %#llx, which was not used", (unsigned long long)run->va);
}

/* Takes what walkers have recorded, of anybody's cells: nothing else changes. */
static void harvest(const struct run *run)
{
	uint32_t take = GW_FMT_ATTRS & (GW_ACCESSED | GW_DIRTY);
	int err = take ? gw_harvest(run->pt, run_va(run), run_bytes(run), take, on_found, NULL) : 0;

	if (err)
		wrong_result(run, "harvest", err);
}

static void own_reshape(const struct run *run)
{
	announce_same(run);
	reshape(run);
	settle(run, true);
}

/* ---- Single entries, by the accessor ---- */

static uint64_t set_entry(const struct run *run, struct gw_pte *pte, struct record *record,
			  unsigned attr)
{
	uint64_t e = gw_fmt_empty(0);

	if (record)
		e = gw_fmt_leaf(out_of(run->region, record, run_va(run)), attr_flags(attr), 0);
	return gw_pte_set(run->pt, pte, e);
}

static struct record *record_of_entry(const struct run *run, uint64_t e)
{
	return record_of(run->space, run->region, run_va(run), gw_fmt_out(e, 0), "pte_set");
}

/* Takes the page out, as gw_unmap would; invalidation and release are the caller's part. */
static void retire_entry(const struct run *run, uint64_t e)
{
	tlb_forget(run->space, run->region, run->first);
	release_later(record_of_entry(run, e), run->first, 1, run->region->cell);
}

/* A page of one's own in a striped region, where no larger leaf can be. */
static void own_toggle(const struct run *run)
{
	unsigned attr = attr_number(attr_flags(rng_below(&run->updater->rng, ATTRS)));
	bool was_present = present(run, 0);
	struct record *record = was_present ? NULL : record_for(run);
	struct gw_pte pte;
	uint64_t old;

	announce(run, was_present ? UNMAPPING : MAPPING, was_present, attr,
		 record ? record->gen : 0);
	if (!gw_pte_map_lock(run->pt, run_va(run), &pte)) {
		if (was_present)
			wrong_result(run, "pte_map_lock: the table is gone", 0);
		settle(run, false);
		record_release(record, run->first, run->region->cell);
		return;
	}
	old = set_entry(run, &pte, record, attr);
	gw_pte_unlock(run->pt, &pte);
	if (gw_fmt_is_leaf(old, 0) != was_present)
		wrong_result(run, "pte_set: another entry than was mapped", 0);
	settle(run, !was_present);
	if (was_present)
		retire_entry(run, old);
}

/* ---- Anybody's cells: only what holds whoever else is there ---- */

static void shared_map(const struct run *run)
{
	bool one_leaf = run->n == 1 && run->region->cell == gw_span(0);
	unsigned number = run->updater->number;
	struct record *record;
	int err;

	if (!one_leaf && quarantined[number] == QUARANTINE_MAX)
		return;
	record = record_for(run);
	err = gw_map(run->pt, run_va(run), run_bytes(run), out_of(run->region, record, run_va(run)),
		     attr_flags(0) | hint(run));
	if (!err)
		return;
	if (err != -EEXIST && !no_memory(run, err))
		wrong_result(run, "map", err);
	gw_fetch_add_relaxed(&run->updater->errors, 1);
	if (one_leaf) {
		record_release(record, run->first, run->region->cell); /* nobody has seen it */
	} else {
		record->quarantined =
			true; /* others may have unmapped some of it, and it is released later */
		quarantined[number]++;
	}
}

static void shared_toggle(const struct run *run)
{
	struct gw_pte pte;
	uint64_t old = gw_fmt_empty(0);

	if (run->region->cell != gw_span(0) || !gw_pte_map_lock(run->pt, run_va(run), &pte))
		return;
	if (gw_fmt_is_leaf(gw_load_relaxed(pte.entry), 0))
		old = set_entry(run, &pte, NULL, 0);
	gw_pte_unlock(run->pt, &pte);
	if (gw_fmt_is_leaf(old, 0))
		retire_entry(run, old);
}

static void shared_step(struct run *run)
{
	struct rng *rng = &run->updater->rng;
	unsigned dice = rng_below(rng, 20);
	int err = 0;

	if (dice > 15) {
		reshape(run);
	} else if (dice < 7) {
		run->n = rng_below(rng, 4) ? 1 : run->n;
		shared_map(run);
	} else if (dice < 12) {
		err = gw_unmap(run->pt, run_va(run), run_bytes(run));
	} else if (dice < 14) {
		err = gw_protect(run->pt, run_va(run), run_bytes(run),
				 attr_flags(dice & 1) | hint(run));
	} else {
		shared_toggle(run);
	}
	if (err && !no_memory(run, err))
		wrong_result(run, "unmap or protect", err);
}

/* ---- Choosing ---- */

static void reclaim(const struct run *run)
{
	struct rng *rng = &run->updater->rng;
	unsigned level = 1 + rng_below(rng, GW_LEVELS - 1);
	uint64_t span = gw_span(level), va = gw_low(run_va(run)) & ~(span - 1);

	gw_reclaim(run->pt, gw_fmt_canonical(va), rng_below(rng, 8) ? span : UINT64_MAX);
}

static void own_step(struct run *run)
{
	unsigned dice = rng_below(&run->updater->rng, 24), in_the_way = count_present(run);

	if (dice >= 20)
		own_reshape(run);
	else if (dice >= 16 && is_leaf_span(run))
		own_replace(run);
	else if (run->region->kind == STRIPED && run->region->cell == gw_span(0) && dice < 4)
		own_toggle(run);
	else if (!in_the_way || dice < 5)
		own_map(run);
	else if (dice < 8)
		own_protect(run);
	else
		own_unmap(run);
}

static bool mine(const struct thread *updater, const struct region *r)
{
	return r->kind != OWN || r->owner == updater->number;
}

static void choose(struct run *run)
{
	struct rng *rng = &run->updater->rng;
	struct region *r;

	do
		r = &run->space->region[rng_below(rng, run->space->nregions)];
	while (!mine(run->updater, r));
	run->region = r;
	if (r->kind == STRIPED) {
		run->n = 1;
		do
			run->first = rng_below(rng, r->n);
		while (run->first % opts.updaters != run->updater->number && r->n >= opts.updaters);
		return;
	}
	run->first = rng_below(rng, 3) ? rng_below(rng, r->n) : 0;
	run->n =
		1 + rng_below(rng, r->n - run->first < r->max_run ? r->n - run->first : r->max_run);
	if (r->n - run->first <= r->max_run && !rng_below(rng, 3))
		run->n = r->n - run->first; /* to the end: whole tables and whole larger leaves */
}

static void update(struct thread *updater)
{
	struct space *space = &spaces[opts.shared ? rng_below(&updater->rng, TRANSIENT) : 0];
	struct run run = {.updater = updater, .space = space, .pt = gw_load_relaxed(&space->pt)};

	choose(&run);
	if (run.region->kind == STRIPED && run.first % opts.updaters != updater->number)
		return; /* fewer cells than updaters, and none of them ours */
	if (!rng_below(&updater->rng, opts.policy == GW_POLICY_MANUAL ? 8 : 32))
		reclaim(&run);
	else if (!rng_below(&updater->rng, 16))
		harvest(&run);
	else if (run.region->kind == SHARED && opts.untold)
		reshape(&run); /* who could say what somebody else's unmap took? */
	else if (run.region->kind == SHARED)
		shared_step(&run);
	else
		own_step(&run);
	gw_store_relaxed(&updater->count, gw_load_relaxed(&updater->count) + 1);
}

/* ---- The space that comes and goes, while it is walked ---- */

static struct gw_heap *transient_heap[GW_HEAPS_MAX];

void transient_init(struct gw_heap *const heap[GW_HEAPS_MAX])
{
	memcpy(transient_heap, heap, sizeof(transient_heap));
	gw_store_relaxed(&spaces[TRANSIENT].gone, true);
}

static void transient_map(struct thread *updater, struct gw_pt *pt)
{
	struct space *space = &spaces[TRANSIENT];

	for (unsigned i = 0; i < space->nregions; i++) {
		struct run run = {.updater = updater,
				  .space = space,
				  .pt = pt,
				  .region = &space->region[i],
				  .n = 1};

		for (run.first = 0; run.first < run.region->n; run.first++) {
			word_set(&run, 0, STABLE, false, 0, 0,
				 word_gen(gw_load_relaxed(word_of(&run, 0))));
			own_map(&run);
		}
	}
}

void updater_destroy(struct space *space)
{
	struct run run = {
		.updater = &updaters[0], .space = space, .pt = gw_load_relaxed(&space->pt), .n = 1};
	struct record **was = calloc(space->ncells, sizeof(*was)), **next = was;

	if (!was)
		wrong("the test is out of memory");
	for (unsigned i = 0; i < space->nregions; i++) {
		run.region = &space->region[i];
		for (run.first = 0; run.first < run.region->n; run.first++)
			note(&run, next++);
	}
	space_destroy(space);
	next = was;
	for (unsigned i = 0; i < space->nregions; i++) {
		run.region = &space->region[i];
		for (run.first = 0; run.first < run.region->n; run.first++)
			release_noted(&run, next++);
	}
	free(was);
}

/* Makes it, or destroys it with all that it maps. What it maps does not change in between. */
static void transient_step(struct thread *updater)
{
	struct space *space = &spaces[TRANSIENT];

	if (gw_load_relaxed(&space->pt)) {
		updater_destroy(space);
	} else if (gw_load_acquire(&space->gone)) {
		struct gw_pt *pt;
		int err = space_create(space, test_env, transient_heap, &pt);

		if (err && opts.scarce) {
			gw_store_relaxed(&space->gone, true); /* the next time */
			return;
		}
		if (err)
			wrong("create: no memory");
		transient_map(updater, pt);
		gw_store_release(&space->pt, pt);
	}
}

void *updater_main(void *thread)
{
	struct thread *updater = thread;

	opts.flavour->register_thread();
	while (!gw_load_relaxed(&stop)) {
		if (opts.shared && updater->number == 0 && !rng_below(&updater->rng, 64))
			transient_step(updater);
		update(updater);
		reader_quiescent(opts.flavour);
	}
	opts.flavour->unregister_thread();
	return NULL;
}

void updater_clear(struct space *space)
{
	for (unsigned i = 0; i < space->nregions; i++) {
		struct run run = {.updater = &updaters[0],
				  .space = space,
				  .pt = gw_load_relaxed(&space->pt),
				  .region = &space->region[i]};

		for (run.first = 0; run.first < run.region->n; run.first += run.n) {
			run.n = run.region->max_run == 1 || rng_below(&updaters[0].rng, 2) ? 1 : 3;
			if (run.n > run.region->n - run.first)
				run.n = 1;
			own_unmap(&run);
		}
	}
}
