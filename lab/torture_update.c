/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The torture's updaters: they free tables in every way there is, and make new ones. */
#include "page.h"
#include "torture_parts.h"

enum { SMALL = 4096, PIECES = 8, SPREAD = 16, BURST_MOST_IPI = 16, LATE = 8, PATIENCE = 150 };

/* One address space of the round. */
static struct pgtable *any_space(struct torturer *me)
{
	struct pgtable *pgtable = NULL;

	while (!pgtable)
		pgtable = gw_load_relaxed(&me->torture->space[pick(me, SPACES)]);
	return pgtable;
}

/* A few 4 KiB pieces anywhere, which may reach into the next span. */
struct range {
	uint64_t addr, len;
};

static uint64_t lower(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static struct range pieces(struct torturer *me)
{
	const struct torture *torture = me->torture;
	uint64_t addr = span_address(torture, pick_span(me)) +
			pick(me, (unsigned)(torture->span_bytes / SMALL)) * (uint64_t)SMALL;
	uint64_t len = (1 + pick(me, PIECES)) * (uint64_t)SMALL;

	return (struct range){addr, lower(len, span_address(torture, torture->spans) - addr)};
}

/* One whole span, or up to four. */
static struct range whole(struct torturer *me)
{
	const struct torture *torture = me->torture;
	unsigned first = pick_span(me), n = pick(me, 2) ? 1 : 1 + pick(me, 4);

	if (n > torture->spans - first)
		n = torture->spans - first;
	return (struct range){span_address(torture, first), n * torture->span_bytes};
}

/* Memory that is short comes back with the next grace period. */
static void map(struct torturer *me, struct pgtable *pgtable, struct range range)
{
	if (pgtable_map(pgtable, range.addr, range.len))
		nap(me->torture, 1000);
}

/* ---- What an updater does ---- */

static void map_pieces(struct torturer *me)
{
	map(me, any_space(me), pieces(me));
}

/* A page in each of some neighbouring spans: tables that are next to each other in their pages. */
static void map_spread(struct torturer *me)
{
	const struct torture *torture = me->torture;
	struct pgtable *pgtable = any_space(me);
	unsigned first = pick_span(me), last = first + pick(me, SPREAD);

	for (unsigned span = first; span <= last && span < torture->spans; span++)
		map(me, pgtable, (struct range){span_address(torture, span), SMALL});
}

static void unmap_pieces(struct torturer *me)
{
	struct range range = pieces(me);

	pgtable_unmap(any_space(me), range.addr, range.len);
}

static void unmap_whole(struct torturer *me)
{
	struct range range = whole(me);

	pgtable_unmap(any_space(me), range.addr, range.len);
}

static void reserve_whole(struct torturer *me)
{
	struct range range = whole(me);

	if (pgtable_reserve(any_space(me), range.addr, range.len))
		nap(me->torture, 1000);
}

static void reclaim(struct torturer *me)
{
	struct torture *torture = me->torture;

	pgtable_reclaim(any_space(me), 0, span_address(torture, torture->spans));
}

static void move_pieces(struct torturer *me)
{
	struct range from = pieces(me), to = pieces(me);
	uint64_t len = lower(from.len, to.len);

	/* Overlapping ranges would forget what was just moved: no harm, no use. */
	pgtable_move(any_space(me), from.addr, to.addr, len);
}

static void retract(struct torturer *me)
{
	pgtable_retract(any_space(me), span_address(me->torture, pick_span(me)));
}

static void collapse(struct torturer *me)
{
	pgtable_collapse(any_space(me), span_address(me->torture, pick_span(me)));
}

static void split(struct torturer *me)
{
	pgtable_split(any_space(me), span_address(me->torture, pick_span(me)));
}

/* A deposit that is taken back at once, while walkers are still in what it replaced. */
static void collapse_and_split(struct torturer *me)
{
	struct pgtable *pgtable = any_space(me);
	uint64_t addr = span_address(me->torture, pick_span(me));

	if (!pgtable_collapse(pgtable, addr))
		pgtable_split(pgtable, addr);
}

/* About a grace period: callbacks and what comes late for them meet. */
static void pause_long(struct torturer *me)
{
	nap(me->torture, 200 + pick(me, 12000));
}

/* ---- Bursts: all tables of a page freed at nearly the same time by two updaters ---- */

/* Neighbouring spans, mapped one after the other, so that a page or two hold their tables. */
struct burst {
	unsigned space, first, n;
};

enum { BURST_POSTED = 1 };

/* A burst in a word, for whoever is first to take its second half: 0 is none. */
static uint64_t post(const struct burst *burst)
{
	return BURST_POSTED | (uint64_t)burst->space << 8 | (uint64_t)burst->first << 16 |
	       (uint64_t)burst->n << 32;
}

static struct burst posted(uint64_t word)
{
	return (struct burst){word >> 8 & 0xff, word >> 16 & 0xffff, (unsigned)(word >> 32)};
}

static void free_table(struct torturer *me, struct pgtable *pgtable, unsigned span)
{
	struct torture *torture = me->torture;

	if (torture->options.walk == TORTURE_COUNTED || span & 2)
		pgtable_unmap(pgtable, span_address(torture, span), torture->span_bytes);
	else
		pgtable_retract(pgtable, span_address(torture, span));
}

/* Every second table, from `from` on; sometimes with a pause, so that the rest comes late. */
static void free_half(struct torturer *me, const struct burst *burst, unsigned from)
{
	struct pgtable *pgtable = gw_load_relaxed(&me->torture->space[burst->space]);
	unsigned late = pick(me, LATE) ? burst->n : pick(me, burst->n);

	for (unsigned i = from; i < burst->n; i += 2) {
		if (i >= late) {
			pause_long(me);
			late = burst->n;
		}
		free_table(me, pgtable, burst->first + i);
	}
}

static unsigned burst_most(const struct torture *torture)
{
	unsigned n = torture->options.tables_per_page < 4 ? 4 : torture->options.tables_per_page;

	return torture->options.unmap == LAB_UNMAP_IPI && n > BURST_MOST_IPI ? BURST_MOST_IPI : n;
}

static struct burst burst_make(struct torturer *me)
{
	struct torture *torture = me->torture;
	struct burst burst = {.space = pick(me, SPACES), .n = burst_most(torture)};
	struct pgtable *pgtable;

	while (!(pgtable = gw_load_relaxed(&torture->space[burst.space])))
		burst.space = pick(me, SPACES);
	burst.first = pick(me, torture->spans - burst.n + 1);
	for (unsigned i = 0; i < burst.n; i++)
		map(me, pgtable, (struct range){span_address(torture, burst.first + i), SMALL});
	return burst;
}

/* Waits a moment for another updater to take the second half. Return: whether one did. */
static bool taken(struct torture *torture, uint64_t word)
{
	struct gw_env *env = torture_env(torture);

	for (unsigned spins = 0; spins < PATIENCE; spins++) {
		if (gw_load_relaxed(&torture->burst) != word)
			return true;
		env->relax(env, spins);
	}
	return !gw_cas_acq_rel(&torture->burst, &word, 0);
}

static void burst(struct torturer *me)
{
	struct torture *torture = me->torture;
	struct burst burst = burst_make(me);
	uint64_t word = post(&burst), none = 0;
	bool helped = gw_cas_acq_rel(&torture->burst, &none, word) && taken(torture, word);

	free_half(me, &burst, 0);
	if (!helped)
		free_half(me, &burst, 1);
}

static void help(struct torturer *me)
{
	struct torture *torture = me->torture;
	struct burst burst;
	uint64_t word = gw_load_relaxed(&torture->burst);

	if (!word || !gw_cas_acq_rel(&torture->burst, &word, 0))
		return;
	burst = posted(word);
	free_half(me, &burst, 1);
}

/* ---- An updater's life ---- */

typedef void update(struct torturer *me);

/* What is there twice is twice as likely. The last ones are not for counted tables. */
static update *const updates[] = {
	map_pieces, map_pieces, map_pieces,   map_pieces,         map_spread,
	map_spread, map_spread, unmap_pieces, unmap_whole,        unmap_whole,
	reclaim,    burst,      move_pieces,  reserve_whole,      retract,
	retract,    collapse,   split,        collapse_and_split,
};
enum { UPDATES = sizeof(updates) / sizeof(updates[0]), UPDATES_COUNTED = 14 };

static void update_once(struct torturer *me)
{
	unsigned n = me->torture->options.walk == TORTURE_COUNTED ? UPDATES_COUNTED : UPDATES;

	help(me);
	updates[pick(me, n)](me);
	if (!pick(me, 2000))
		pause_long(me);
	gw_store_relaxed(&me->done, gw_load_relaxed(&me->done) + 1);
	me->torture->options.flavour->read_quiescent_state();
}

void *torture_updater(void *torturer)
{
	struct torturer *me = torturer;
	struct torture *torture = me->torture;

	torture->options.flavour->register_thread();
	for (meet_all(torture); !gw_load_relaxed(&torture->stop); meet_all(torture)) {
		while (lab_now() < gw_load_relaxed(&torture->round_end) &&
		       !lab_broken(torture->lab))
			update_once(me);
		meet_all(torture);
	}
	torture->options.flavour->unregister_thread();
	return NULL;
}
