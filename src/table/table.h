/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * What the files of a page table share: types, a table's lock, stepping through ranges. Compiled
 * once a format. */
#ifndef GW_TABLE_TABLE_H
#define GW_TABLE_TABLE_H

#include "heap/block.h"
#include "lock.h"
#include "mutant.h"
#include "probe.h"
#include <gracewalk/gracewalk.h>

/* Every format has its own of these too. */
#define gw_pt_put GW_NAME(pt_put_)
#define gw_deposit_has GW_NAME(deposit_has_)
#define gw_deposit_put GW_NAME(deposit_put_)
#define gw_deposit_take GW_NAME(deposit_take_)
#define gw_deposit_count GW_NAME(deposit_count_)
#define gw_deposit_new GW_NAME(deposit_new_)
#define gw_deposits_join GW_NAME(deposits_join_)
#define gw_deposits_free GW_NAME(deposits_free_)
#define gw_gather_start GW_NAME(gather_start_)
#define gw_gather_room GW_NAME(gather_room_)
#define gw_gather_leaf GW_NAME(gather_leaf_)
#define gw_gather_range GW_NAME(gather_range_)
#define gw_gather_deposits GW_NAME(gather_deposits_)
#define gw_over_limit GW_NAME(over_limit_)
#define gw_ask_limit GW_NAME(ask_limit_)
#define gw_unlink_locked GW_NAME(unlink_locked_)
#define gw_gather_kill GW_NAME(gather_kill_)
#define gw_gather_invalidate GW_NAME(gather_invalidate_)
#define gw_gather_finish GW_NAME(gather_finish_)
#define gw_release_subtree GW_NAME(release_subtree_)
#define gw_unlink_if_empty GW_NAME(unlink_if_empty_)
#define gw_unlock_emptied GW_NAME(unlock_emptied_)
#define gw_sweep GW_NAME(sweep_)
#define gw_care_for_idle GW_NAME(care_for_idle_)
#define gw_run_change GW_NAME(run_change_)
#define gw_run_split GW_NAME(run_split_)
#define gw_split_at GW_NAME(split_at_)
#define gw_split_ends GW_NAME(split_ends_)
#define gw_unmap_range GW_NAME(unmap_range_)
#define gw_mapping_check GW_NAME(mapping_check_)
#define gw_out_check GW_NAME(out_check_)
#define gw_mapping_next GW_NAME(mapping_next_)
#define gw_leaf_level GW_NAME(leaf_level_)
#define gw_build GW_NAME(build_)
#define gw_discard GW_NAME(discard_)

enum { TOP = GW_LEVELS - 1 };
_Static_assert((unsigned)TOP < GW_LEVELS_MAX, "a cursor remembers the tables of each level");

/* A table's descriptor, beside its block. Lock order: parent before child, and two at a time
 * only to link or unlink the child. The lock of a table covers its entries, `count`, `dead`,
 * `deposits` and the mark IDLE. */
struct desc {
	gw_lock lock;
	_Atomic uint32_t count; /* of entries that are not empty; without the lock a hint only */
	_Atomic uint32_t marks;
	uint8_t level;
	uint8_t next_level; /* of next_dead */
	bool dead;          /* unlinked; set once, and then the table's entries are only read */
	uint8_t near;       /* where entries were filled first, in 256ths of a table: a hint */
	/* Low form, of the first entry. Aligned where 32-bit ABIs do not: descriptors are
	 * multiples of 8 bytes. */
	_Alignas(8) uint64_t va;
	union {
		/* Of a table that is not dead: tables kept for leaves in it; see deposit.c. */
		gw_entry *deposits;
		/* Of a dead one, for its gather: the next that was unlinked on its own. */
		gw_entry *next_dead;
	};
};

enum {
	IDLE = 1,  /* turned empty, and the sweep has not looked since */
	BELOW = 2, /* some table below this one is marked IDLE, or was */
};

struct batch;

/* The library's part of a page table. */
struct page_table {
	struct gw_pt pt;
	struct gw_env *env;
	struct gw_opts opts;
	struct gw_heap *heap[GW_HEAPS_MAX];
	bool own_heap[GW_HEAPS_MAX];
	unsigned max_level;           /* of leaves */
	_Atomic uint64_t refs;        /* the caller; a sweep in flight; each batch in flight */
	_Atomic uint64_t idle;        /* tables marked IDLE */
	_Atomic uint64_t batch_bytes; /* of leaves that wait to be released */
	_Atomic uint32_t sweeping;    /* sweep_head is queued */
	_Atomic uint32_t dying;       /* gw_destroy has begun */
	struct gw_head sweep_head;
	struct gw_head destroy_head;
	const char *format; /* its name: read by debuggers alone */
};

static inline struct page_table *page_table_of(const struct gw_pt *pt)
{
	return (struct page_table *)((uintptr_t)pt - offsetof(struct page_table, pt));
}

void gw_pt_put(struct page_table *p);

/* Waits for a grace period: outside locks and read-side sections. */
static inline void await_grace_period(struct page_table *p)
{
	GW_PROBE(wait_begin, p);
	p->env->synchronize(p->env);
	GW_PROBE(wait_end, p);
}

/* ---- Tables ---- */

/* The root's level. */
static inline unsigned top_of(const struct page_table *p)
{
	return gw_top(&p->pt);
}

static inline gw_entry *root_of(const struct page_table *p)
{
	return (gw_entry *)(uintptr_t)p->pt.root;
}

static inline unsigned entries(unsigned level)
{
	return 1u << gw_fmt_index_bits(level);
}

static inline struct gw_heap *heap_of(const struct page_table *p, unsigned level)
{
	return p->heap[gw_fmt_heap(level)];
}

static inline size_t table_bytes(unsigned level)
{
	return (size_t)8 << gw_fmt_index_bits(level);
}

static inline struct desc *desc_of(const struct page_table *p, const gw_entry *table,
				   unsigned level)
{
	return desc_of_table(heap_of(p, level), (const void *)table, sizeof(struct desc));
}

static inline gw_entry *child_of(const struct page_table *p, uint64_t e, unsigned level)
{
	return (gw_entry *)(uintptr_t)(gw_fmt_leads_to(e, level) + p->pt.to_pointer);
}

static inline uint64_t link_to(const struct page_table *p, const gw_entry *child, unsigned level)
{
	return gw_fmt_table((uintptr_t)child - p->pt.to_pointer, level);
}

/* From an index to desc.near. */
static inline unsigned near_shift(unsigned level)
{
	return gw_fmt_index_bits(level) > 8 ? gw_fmt_index_bits(level) - 8 : 0;
}

static inline void table_init(struct page_table *p, gw_entry *table, unsigned level, uint64_t va)
{
	struct desc *desc = desc_of(p, table, level);

	gw_store_relaxed(&desc->lock, 0);
	gw_store_relaxed(&desc->count, 0);
	gw_store_relaxed(&desc->marks, 0);
	desc->level = (uint8_t)level;
	desc->dead = false;
	desc->near = (uint8_t)(gw_index(va, level) >> near_shift(level));
	desc->va = va & ~((gw_span(level) << gw_fmt_index_bits(level)) - 1);
	desc->deposits = NULL;
	GW_PROBE(table_init, p, table, level, desc->va);
}

static inline gw_entry *table_alloc(struct page_table *p, unsigned level, uint64_t va)
{
	gw_entry *table = gw_heap_alloc(heap_of(p, level));

	if (table)
		table_init(p, table, level, va);
	return table;
}

/* Where the root's first entry lies. */
static inline uint64_t root_va(const struct page_table *p)
{
	return desc_of(p, root_of(p), top_of(p))->va;
}

/* Takes the lock of a table that was reached by a walk inside the caller's read-side section.
 * Return: false, without the lock, when the table is dead: the caller starts again from the root.
 * What is done to a table that is not dead is not lost (T1). */
static inline bool table_lock(struct page_table *p, struct desc *desc)
{
	gw_lock_take(&desc->lock, p->env);
	if (!desc->dead || GW_MUTANT(ignore_dead))
		return true;
	gw_lock_drop(&desc->lock);
	return false;
}

static inline void table_unlock(struct desc *desc)
{
	gw_lock_drop(&desc->lock);
}

/* Under the lock: plain arithmetic, atomic only for those who look without it. */
static inline void count_add(struct desc *desc, uint32_t n)
{
	gw_store_relaxed(&desc->count, gw_load_relaxed(&desc->count) + n);
}

/* Changes an entry under its table's lock: an exchange, since hardware may set bits in it at any
 * moment. Release: what a leaf maps was written before, a table filled. Pairs with gw_walk. */
static inline uint64_t entry_exchange(gw_entry *e, uint64_t to)
{
	if (GW_FMT_HW_UPDATES)
		return gw_exchange_acq_rel(e, to);
	uint64_t old = gw_load_relaxed(e);
	gw_store_release(e, to);
	return old;
}

static inline uint64_t entry_clear(gw_entry *e, unsigned level)
{
	return entry_exchange(e, gw_fmt_empty(level));
}

static inline bool is_empty(uint64_t e, unsigned level)
{
	return e == gw_fmt_empty(level);
}

/* ---- Leaves of one entry, or of a run ---- */

enum { USED = GW_ACCESSED | GW_DIRTY };

/* What hardware has recorded in an entry. */
static inline uint32_t used_bits(uint64_t e, unsigned level)
{
	return gw_fmt_attr(e, level) & USED;
}

static inline bool is_of_run(uint64_t e, unsigned level)
{
	return gw_fmt_is_leaf(e, level) && gw_run_lg2(e, level);
}

static inline unsigned leaf_entries(uint64_t e, unsigned level)
{
	return 1u << gw_run_lg2(e, level);
}

/* What an entry itself maps, whose leaf may be a run. */
static inline uint64_t entry_out(uint64_t e, unsigned level, unsigned index)
{
	unsigned i = index & (leaf_entries(e, level) - 1);

	return gw_fmt_advance(gw_fmt_out(e, level), i * gw_span(level));
}

/* The entry number i of a leaf that begins with `out`. */
static inline uint64_t entry_at(uint64_t out, uint32_t attr, unsigned level, unsigned i)
{
	return gw_fmt_leaf(gw_fmt_advance(out, i * gw_span(level)), attr, level);
}

/* A leaf with what was recorded in others that it stands for. */
static inline uint64_t add_used(uint64_t leaf, uint32_t used, unsigned level)
{
	return gw_fmt_leaf(gw_fmt_out(leaf, level), gw_fmt_attr(leaf, level) | used, level);
}

/* The leaf that begins with this entry: accessed and dirty if any of its entries is. */
static inline uint64_t leaf_load(gw_entry *entry, unsigned level)
{
	uint64_t e = gw_load_relaxed(entry);

	for (unsigned i = 1; i < leaf_entries(e, level); i++)
		e = add_used(e, used_bits(gw_load_relaxed(&entry[i]), level), level);
	return e;
}

/* Empties the entries of a leaf. Return: as leaf_load. */
static inline uint64_t leaf_clear(gw_entry *entry, unsigned level)
{
	uint64_t e = entry_clear(entry, level);

	for (unsigned i = 1; i < leaf_entries(e, level); i++)
		e = add_used(e, used_bits(entry_clear(&entry[i], level), level), level);
	return e;
}

/* ---- Ranges: low form, as a start and what is left: the end of the address space is no special
 * case ---- */

struct cursor {
	uint64_t va, left;
};

static inline void advance(struct cursor *at, uint64_t bytes)
{
	at->va += bytes;
	at->left -= bytes;
}

/* The part of the range that lies in the piece of so many bytes, a power of two, that it starts
 * in. */
static inline uint64_t piece_of(const struct cursor *at, uint64_t bytes)
{
	bytes -= at->va & (bytes - 1);
	return bytes < at->left ? bytes : at->left;
}

/* The part that lies in the entry of that level. */
static inline uint64_t piece(const struct cursor *at, unsigned level)
{
	return piece_of(at, gw_span(level));
}

/* Whether the range covers the whole entry that it starts in. */
static inline bool covers(const struct cursor *at, unsigned level)
{
	return !(at->va & (gw_span(level) - 1)) && at->left >= gw_span(level);
}

/* Whether the range covers the whole leaf that its start lies in: all of a run. */
static inline bool covers_leaf(const struct cursor *at, uint64_t e, unsigned level)
{
	uint64_t bytes = gw_leaf_bytes(e, level);

	return !(at->va & (bytes - 1)) && at->left >= bytes;
}

/* How many entries there are from the start of the range to its end or the table's. */
static inline unsigned entries_left(const struct cursor *at, unsigned level)
{
	uint64_t n = at->left >> gw_fmt_shift(level);
	unsigned room = entries(level) - gw_index(at->va, level);

	return n < room ? (unsigned)n : room;
}

/* Checks a range of the caller's for the format: 0, -EINVAL or -ERANGE. */
static inline int addresses_check(uint64_t va, uint64_t bytes)
{
	uint64_t last = va + bytes - 1;

	if (!bytes || ((va | bytes) & (gw_span(0) - 1)))
		return -EINVAL;
	if (last < va || gw_fmt_canonical(gw_low(va)) != va ||
	    gw_fmt_canonical(gw_low(last)) != last || gw_low(last) - gw_low(va) != bytes - 1)
		return -ERANGE;
	return 0;
}

/* And for the page table. */
static inline int range_check(const struct gw_pt *pt, uint64_t va, uint64_t bytes)
{
	int err = addresses_check(va, bytes);

	if (!err && GW_FMT_RANGES &&
	    (!gw_is_inside(pt, va) || !gw_is_inside(pt, va + (bytes - 1))))
		err = -ERANGE;
	return err;
}

static inline int attr_check(uint32_t attr)
{
	bool ok = !(attr & ~(uint32_t)GW_FMT_ATTRS) &&
		  (attr & GW_FMT_ATTRS_MUST) == GW_FMT_ATTRS_MUST;

	return ok ? 0 : -EOPNOTSUPP;
}

/* ---- Finding the place of an update: inside a read-side section, without locks ---- */

/* The tables from the root down to the one of an address. */
struct path {
	gw_entry *table[GW_LEVELS];
};

/* Goes down to level `stop`, or to the first entry on the way that is not a table, or to the first
 * below level `whole` that the range covers whole. Return: the level of the table that holds that
 * entry. */
static inline unsigned descend(const struct page_table *p, struct path *path,
			       const struct cursor *at, unsigned stop, unsigned whole)
{
	gw_entry *table = root_of(p);

	/* Unrolled, so that each level's shift and masks are constants. */
#pragma GCC unroll 8
	for (unsigned level = TOP; level; level--) {
		uint64_t e;

		if (level > top_of(p))
			continue;
		path->table[level] = table;
		if (level == stop)
			return level;
		e = gw_load_dependent(&table[gw_index(at->va, level)]);
		if (!gw_fmt_leads_on(e, level) || (level < whole && covers(at, level)))
			return level;
		table = child_of(p, e, level);
	}
	path->table[0] = table;
	return 0;
}

/* ---- deposit.c: tables kept for the leaves of a locked table ---- */

/* Whether the leaf behind that entry has one. */
bool gw_deposit_has(const struct desc *desc, unsigned index);
/* Keeps a table for a leaf that has none; no walker can reach it. */
void gw_deposit_put(struct desc *desc, unsigned index, gw_entry *table);
/* Takes back a leaf's, a ring of one; NULL: it has none. Table and descriptor hold garbage. */
gw_entry *gw_deposit_take(struct desc *desc, unsigned index);
unsigned gw_deposit_count(const struct desc *desc);
/* Adds the deposits of one ring to another; both may be empty. */
void gw_deposits_join(gw_entry **ring, gw_entry *other);
void gw_deposits_free(struct gw_heap *heap, gw_entry **ring);

/* ---- Leaves that continue one another, to tell the caller ---- */

/* Adds a leaf that begins with that entry, to the last ones where it continues them: else there
 * must be room for one more. */
static inline void run_add(struct gw_leaf *runs, unsigned *n, uint64_t va, uint64_t e,
			   unsigned level)
{
	const struct gw_leaf leaf = {
		.va = gw_fmt_canonical(va),
		.out = gw_fmt_out(e, level),
		.bytes = gw_leaf_bytes(e, level),
		.attr = gw_fmt_attr(e, level),
	};
	struct gw_leaf *last = *n ? &runs[*n - 1] : NULL;

	if (last && last->va + last->bytes == leaf.va && last->attr == leaf.attr &&
	    gw_fmt_advance(last->out, last->bytes) == leaf.out)
		last->bytes += leaf.bytes;
	else
		runs[(*n)++] = leaf;
}

/* ---- gather.c: what one call has unlinked ---- */

enum { FEW = 8 };

struct gather {
	struct page_table *p;
	enum gw_policy policy;
	bool may_wait;        /* for a grace period; else what was unlinked is only deferred */
	bool no_release;      /* leaves go without the release callback */
	struct mapping *only; /* what to unmap, and nothing else that is there; NULL: all */
	bool tables;          /* tables were unlinked, in the range below */
	bool idle;            /* tables were marked IDLE */
	bool waited;          /* a grace period has passed since the last thing was unlinked */
	uint64_t first, last; /* low form: what to invalidate; first > last: nothing */
	gw_entry *dead;       /* tables unlinked on their own; their descriptors link them */
	uint8_t dead_level;
	gw_entry *killed;              /* from here on, all below is dead too */
	size_t dead_bytes;             /* of all dead tables */
	gw_entry *spare[GW_HEAPS_MAX]; /* deposits whose leaves are gone: a ring a heap */
	struct batch *batches;         /* of leaves; the first is being filled */
	struct gw_leaf few[FEW]; /* where leaves go when they are few, or there is no memory */
	unsigned nfew;
};

void gw_gather_start(struct gather *g, struct page_table *p);
/* Makes room for leaves, `want` if it can. Outside locks and read-side sections; may wait.
 * Return: how many calls of gw_gather_leaf cannot fail now, at least one. */
unsigned gw_gather_room(struct gather *g, uint64_t want);
/* Not when no_release is set. Of a run: its first entry, for all of them. */
void gw_gather_leaf(struct gather *g, uint64_t va, uint64_t e, unsigned level);
/* Adds to what is to be invalidated. */
void gw_gather_range(struct gather *g, uint64_t va, uint64_t bytes);
/* Adds deposits that came off a table of that level, as a ring; NULL: none. */
void gw_gather_deposits(struct gather *g, gw_entry *ring, unsigned level);
/* Unlinks the table behind an entry, and leaves `to` there, empty or a leaf; both tables are
 * locked, and the child's lock is dropped. What is below it goes with it, in gw_gather_kill. */
void gw_unlink_locked(struct gather *g, gw_entry *parent, unsigned level, unsigned index,
		      uint64_t to);
/* Marks all tables below those unlinked dead, so that no updater changes them any more. Outside
 * locks. */
void gw_gather_kill(struct gather *g);
/* Invalidates what was gathered so far. */
void gw_gather_invalidate(struct gather *g);
/* Whether what is deferred already and so many bytes more pass the limit (guarantee J). */
bool gw_over_limit(const struct page_table *p, size_t more);
/* The rest of keep_limit. */
int gw_ask_limit(struct page_table *p);
/* For calls that may add to what is deferred, before they change anything. Outside locks and
 * read-side sections; may wait. Return: 0, or -EBUSY where `over_limit` says not to. */
static inline int keep_limit(struct page_table *p)
{
	return p->opts.over_limit ? gw_ask_limit(p) : 0;
}
/* Retires what was gathered: guarantee H. Outside locks and read-side sections. */
void gw_gather_finish(struct gather *g);
/* Releases a subtree that no walker can reach any more: leaves to their callback, tables to
 * their heap. */
void gw_release_subtree(struct page_table *p, gw_entry *table);

/* ---- reclaim.c ---- */

/* Addresses in canonical form, both ends included. */
struct span {
	uint64_t first, last;
};

/* Unlinks the child behind an entry of a locked table if there is one and it is empty. */
bool gw_unlink_if_empty(struct gather *g, gw_entry *parent, unsigned level, unsigned index);
/* Drops a table's lock. If the table has turned empty, does what the policy says: unlinks it and
 * parents that turn empty by that, or marks it for the sweep. */
void gw_unlock_emptied(struct gather *g, const struct path *path, unsigned level, uint64_t va);
/* Retires empty tables: those whose span lies in the range; range NULL: those that are marked
 * IDLE, anywhere. Outside locks and read-side sections. */
void gw_sweep(struct page_table *p, const struct span *range, bool may_wait);
/* After gw_gather_finish: sees to tables that the call left idle. They are swept after a grace
 * period, or at once where they have become many (guarantee J). */
void gw_care_for_idle(const struct gather *g);

/* ---- run.c ---- */

/* Of what a leaf has it keeps these, and gets those. */
struct change {
	uint32_t keep, add;
};

static inline uint32_t changed_attr(struct change change, uint64_t e, unsigned level)
{
	return (gw_fmt_attr(e, level) & change.keep) | change.add;
}

/* Changes the run of a locked table that the entry for va is of, and adds it to what is to be
 * invalidated; left without GW_CONTIGUOUS, it is a run no more. Return: whether there was anything
 * to change, and then the run as it was in *old. */
bool gw_run_change(struct gather *g, gw_entry *entry, uint64_t va, unsigned level,
		   struct change change, uint64_t *old);
/* If the entry for va is of a run, makes leaves of one entry of all of them, which map the same.
 * Where the format lets them stand side by side, nothing is invalidated. */
void gw_run_split(struct gather *g, gw_entry *entry, uint64_t va, unsigned level);

/* ---- split.c ---- */

/* Makes leaves end at va, or at both ends of a range, runs included: 0, or -ENOMEM. Outside locks
 * and read-side sections. */
int gw_split_at(struct gather *g, uint64_t va);
int gw_split_ends(struct gather *g, const struct cursor *at);

/* ---- unmap.c ---- */

/* Unmaps a range whose ends no leaf lies across. Return: 0, or -ENOMEM when another updater has
 * put one there. */
int gw_unmap_range(struct gather *g, struct cursor at);

/* ---- build.c ---- */

/* What a range is to be mapped to: pieces, one after the other. */
struct mapping {
	struct cursor at;
	uint64_t out;     /* of the start of the range */
	uint64_t stretch; /* so many bytes from there on count up, in one piece or in several */
	const struct gw_piece *next, *end; /* pieces that come after those */
	uint32_t attr;                     /* and GW_DEPOSIT */
	unsigned max_level;                /* of its leaves, as the page table's options say */
};

/* Checks a mapping of the caller's, or what it maps to: 0, or an error of gw_map's. */
int gw_mapping_check(const struct gw_pt *pt, uint64_t va, uint64_t bytes, uint64_t out, uint32_t attr);
int gw_out_check(uint64_t out, uint64_t bytes);

/* Takes the next piece for the stretch, and those behind it that continue it. */
void gw_mapping_next(struct mapping *m);
static inline void mapping_advance(struct mapping *m, uint64_t bytes)
{
	advance(&m->at, bytes);
	for (; bytes >= m->stretch && m->next != m->end; gw_mapping_next(m))
		bytes -= m->stretch;
	m->out = gw_fmt_advance(m->out, bytes);
	m->stretch -= bytes;
}

/* Whether a leaf of that level can stand at the start of a mapping. */
static inline bool leaf_fits(const struct mapping *m, unsigned level)
{
	return gw_fmt_leaf_level(level) && level <= m->max_level && covers(&m->at, level) &&
	       m->stretch >= gw_span(level) && gw_fmt_aligned(m->out, level);
}

/* Then: how many can follow one another, up to the end of the table and of the stretch. */
static inline unsigned leaves_in_stretch(const struct mapping *m, unsigned level)
{
	struct cursor at = m->at;

	if (m->stretch < at.left)
		at.left = m->stretch;
	return entries_left(&at, level);
}

/* And of those, how many have the same attributes, in *attr: a run, where one is asked for and
 * fits; or leaves of one entry, up to where a run could start. */
static inline unsigned leaves_alike(const struct mapping *m, unsigned level, uint32_t *attr)
{
	unsigned n = leaves_in_stretch(m, level), run = 1, to_run;

	*attr = m->attr;
	if (!(m->attr & GW_FMT_ATTRS & GW_CONTIGUOUS))
		return n;
	run <<= gw_fmt_run_lg2(level);
	to_run = run - (gw_index(m->at.va, level) & (run - 1));
	if (run > 1 && n >= run && !((m->at.va | m->out) & (run * gw_span(level) - 1)))
		return run;
	*attr &= ~(uint32_t)GW_CONTIGUOUS;
	return n < to_run ? n : to_run;
}

static inline bool wants_deposits(const struct mapping *m, unsigned level)
{
	return level && m->attr & GW_DEPOSIT;
}

/* The level of the largest leaf that fits at the start of a mapping. */
unsigned gw_leaf_level(const struct mapping *m);
/* Makes deposits for `n` leaves of a table that is locked or that nobody else can reach. Return:
 * false: no memory, and some leaves have theirs. */
bool gw_deposit_new(struct page_table *p, gw_entry *table, unsigned level, unsigned index,
		    unsigned n);
/* Builds a table that no walker can reach, with the part of the mapping that falls into it, and
 * advances the mapping; NULL: no memory. */
gw_entry *gw_build(struct page_table *p, unsigned level, struct mapping *m);
/* Frees a table that no walker can reach, and all below it. */
void gw_discard(struct page_table *p, gw_entry *table, unsigned level);

#endif
