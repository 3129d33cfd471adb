/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Page tables that can be freed while they are walked: the public interface. */
#ifndef GRACEWALK_GRACEWALK_H
#define GRACEWALK_GRACEWALK_H

/* WORDS
 *
 *   table        one node of the radix tree; the root is one
 *   entry        8 bytes of a table: empty, a leaf, or the address of the next table
 *   leaf         an entry that maps: a page, or at a higher level a larger piece; or a run
 *   run          entries side by side that are one leaf together: GW_CONTIGUOUS
 *   level        0 for the tables that hold page leaves, counting up to the root
 *   va, out      the address that is walked, and what it maps to (index64: a value)
 *   format       the bits of one MMU: include/gracewalk/format/
 *   walker       reads tables in a read-side section, takes no lock, writes nothing
 *   updater      changes entries, under the lock of the table that holds them
 *   invalidate   make the MMU forget: TLB and walk caches
 *   grace period over when every read-side section that ran when it began has ended
 *   retire       unlink, invalidate, grace period, release: always in this order
 *   idle         a table that is linked and empty
 *
 * GUARANTEES
 *
 * To walkers, in a read-side section of the environment's kind:
 *
 *   A  A walk takes no lock, writes nothing, and ends after at most one load a level.
 *   B  A walk sees each page as it was before or after an update of it, never a mix of the two.
 *      While gw_map runs, some pages of its range may be there and others not yet, in any order;
 *      likewise the others; of a run a walk may tell while some of its entries are not written
 *      yet, or emptied already. Formats with break-before-make may also show a page absent while
 *      a larger leaf or a run around it is split, collapsed to or replaced, and while gw_protect
 *      or gw_harvest changes what their architecture does not let change in a valid entry
 *      (gw_fmt_must_break): all of an entry on s390x, all but accessed, dirty and software bits on
 *      powerpc64, memory type, GW_GLOBAL and GW_CONTIGUOUS on AArch64. Every format of an MMU may,
 *      while gw_replace puts a leaf in a table's place. While gw_remap runs, a page is at its old
 *      place, then at neither, then at its new one. It is told to `invalidate` while it is at
 *      neither; and where tables move, no read-side section finds it at the one place and then at
 *      the other.
 *   C  A walk that begins after an update returned sees what it did, or something later.
 *      The walk of a cursor begins with gw_cursor_start, and again with each gw_cursor_pause, since
 *      it remembers tables: what it tells of a page was so at some moment from then on.
 *   D  A walk that sees a leaf sees all that its updater wrote before the call that mapped it.
 *   E  Until the read-side section ends, no table that a walk reached is reused or changes under
 *      it other than by updates of its entries, and nothing that a leaf pointed to is released.
 *
 * To updaters:
 *
 *   F  Updaters of one page act one after the other. Updaters whose ranges share no table hold
 *      no table lock in common. Any of them may run beside any walker; which calls exclude
 *      which:
 *
 *                            update  remap   reclaim walk    destroy
 *        update              table   range   table   -       caller
 *        remap               range   range   table   -       caller
 *        reclaim             table   table   table   -       caller
 *        walk                -       -       -       -       -
 *        find_hole           -       -       -       -       caller
 *
 *        update: map, unmap, protect, harvest, touch, collapse, split, replace; and what lies
 *        between gw_pte_map_lock and gw_pte_unlock.
 *        "table": only where both change entries of one table, for as long as that takes.
 *        "range": as "table", and the caller keeps them off one another's ranges (gw_remap has
 *        two); gw_pte_map_lock and gw_pte_set count as map and unmap, gw_map_many as map.
 *        "caller": they must not run at the same time; walkers may, until a grace period after
 *        gw_destroy began.
 *
 *   G  A call that fails leaves the page table as it was; gw_remap may have split leaves, which
 *      map the same. gw_unmap and gw_protect need memory only where a leaf without a deposit lies
 *      across the start or the end of the range, and fail before they changed anything.
 *      gw_collapse needs none.
 *   H  For what was unmapped: `invalidate` once a call, for the range that was in fact unmapped;
 *      then a grace period; then `release` for what leaves pointed to, and the tables turn free.
 *      What gw_remap moves is invalidated likewise, at its old place, and not released.
 *   I  A table whose last entry was removed is retired, at every level, whatever the size of the
 *      calls that emptied it. When is a policy: enum gw_policy. The root stays. Blocks of which
 *      all tables are free are kept for two grace periods at most, and no more than a heap's
 *      `spare_bytes` of them: 32 MiB unless the caller brings a heap that says otherwise.
 *   J  An updater that comes to more than `deferred_limit` bytes of tables and records of leaves
 *      that wait for grace periods, or of idle tables, waits for a grace period itself. A sweep
 *      cannot wait: while more than that waits it leaves tables idle. So at most twice the limit
 *      waits, and as much as the limit is idle. (Updaters and sweeps look before they add, so that
 *      several at once may pass the limit by what each adds. Deposits do not wait, and do not
 *      count.)
 *      Where `over_limit` tells updaters not to wait, what a call has unlinked is left to wait
 *      past the limit, and calls that could add to it fail from then on with -EBUSY, before they
 *      change anything, until grace periods have ended. So a walker that stays in its section
 *      costs no more than that much, and stops nobody who does not want to be stopped.
 *
 *   K  gw_collapse and gw_split change in what pieces a walk finds a page, and never what that maps
 *      to; accessed and dirty are not lost, whenever the MMU sets them.
 *   L  A leaf that has a deposit can be split once without memory. A table becomes a deposit like
 *      any other new table: when no walker can be in it.
 *
 * RUNS
 *
 * An MMU may remember a run as one translation, which is what it is for. gw_map with GW_CONTIGUOUS
 * makes one wherever gw_fmt_run_lg2 says how many leaves of a level make a run, that many lie in
 * the range, aligned together on both sides, and their entries are empty; elsewhere leaves are as
 * without. Walks and cursors tell of a run as of one leaf, and gw_harvest takes it as one. Nothing
 * else makes runs, and each call that changes a part of one splits it first, into leaves of one
 * entry that map the same; that needs no memory, and gw_split does just that. gw_protect leaves
 * runs that its range covers as runs if `attr` has GW_CONTIGUOUS, and splits them if not.
 * gw_replace takes the hint and makes no use of it. To gw_collapse, entries of a run are the leaves
 * that they would be alone; what it makes is no run. With GW_DEPOSIT each entry has its own.
 *
 * The MMU may record an access in any entry of a run. So accessed and dirty of a run are those of
 * all its entries: leaves that a run is split into have them, and `release` and `found` tell them.
 * A walk tells what the entry says that it has read, and gw_touch records in the one for va.
 *
 * FORMATS
 *
 * A source file that works with one format says which before the include:
 *
 *     #define GW_FORMAT x86_64
 *     #include <gracewalk/gracewalk.h>
 *
 * and then calls gw_map, which names gw_x86_64_map: every call is direct, and gw_walk is
 * compiled into the caller with all constants folded. Code that chooses a format as it runs
 * leaves GW_FORMAT out and goes through a struct gw_format: gw_format_find("x86-64").
 */
#include <gracewalk/atomic.h>
#include <gracewalk/env.h>
#include <gracewalk/errno.h>
#include <gracewalk/format/attr.h>
#include <gracewalk/heap.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a walk needs; the rest of a page table is the library's own. An MMU is given the root's
 * physical address, (uintptr_t)root - to_pointer. It never changes: a loop that walks may copy it
 * to a local variable, which spares each walk some loads. Where heaps have no `base`, entries hold
 * pointers as they are, and the copy may be given the constant 0 for to_pointer: that spares each
 * walk an addition a level. */
struct gw_pt {
	const gw_entry *root;
	uintptr_t to_pointer; /* a table's physical address plus this is its pointer */
	uint64_t va, bytes;   /* index64: where there can be anything at all */
	unsigned top;         /* the root's level */
};

/* A leaf, or leaves that continue one another. */
struct gw_leaf {
	uint64_t va;  /* of its first byte */
	uint64_t out; /* what that maps to */
	uint64_t bytes;
	uint32_t attr; /* GW_READ and so on, accessed and dirty as they were */
};

/* One piece of what gw_map_many maps to. */
struct gw_piece {
	uint64_t out, bytes;
};

/* What an `invalidate` is for. Every cached translation that overlaps the range goes, also one
 * that a larger leaf or a run gave before it was split. */
struct gw_range {
	uint64_t va, bytes;
	bool tables; /* tables were unlinked: walk caches too */
};

/* When a table that turned empty is unlinked (guarantee I). */
enum gw_policy {
	/* When a grace period has passed and it is still empty; at once where one call unmapped
	 * all that the table could hold. A page that is mapped and unmapped in a loop costs at
	 * most one table a grace period. */
	GW_POLICY_LAZY,
	GW_POLICY_EAGER,  /* at once */
	GW_POLICY_MANUAL, /* when gw_reclaim is called, and not before */
};

/* To gw_map, beside the attributes, gw_collapse and gw_replace: keep a table for each leaf larger
 * than a page, of a run for each entry, so that it can be split once, to leaves of the next size,
 * when there is no memory. */
enum { GW_DEPOSIT = 1 << 15 };

enum { GW_HEAPS_MAX = 3 };

struct gw_opts {
	struct gw_env *env;
	enum gw_policy policy;
	size_t deferred_limit; /* bytes; 0: 16 MiB */
	/* Bytes of the largest leaf that the MMU knows, of a run those of one entry; 0: as the
	 * format. */
	uint64_t max_leaf;

	/* The addresses that the page table is for, in whole pages: there are as many levels as
	 * these need, elsewhere nothing can be mapped, and walks find nothing. Both 0: all of the
	 * format's, as an MMU would have it; index64 alone takes another range. */
	uint64_t va, bytes;

	/* Heaps made by the caller, from gw_heap_defaults, for several page tables to share or
	 * to place tables in memory of the caller's choice. NULL: the page table makes its own. */
	struct gw_heap *heap[GW_HEAPS_MAX];

	/* Each may be NULL. None may call back into the page table, except to walk. `ctx` is
	 * theirs, and must live until `destroyed`.
	 *
	 * `invalidate`: before anything that was unmapped is released. Called by the updater, or
	 * by the environment where a lazy reclaim unlinks empty tables. A table's lock may be
	 * held (break-before-make). May wait, but not for an updater.
	 *
	 * `release`: after the grace period, from the environment's deferred calls or from an
	 * updater, with no lock held; the runs of one gw_unmap in any order. Not for leaves that
	 * a failed gw_map took back.
	 *
	 * `over_limit`: more than `deferred_limit` waits (guarantee J), namely `waiting` bytes, and
	 * an updater would now wait for a grace period, for as long as the slowest walker takes.
	 * Called by that updater, outside read-side sections, with no lock held; returns whether it
	 * is to wait. If not, a call that has changed nothing yet fails with -EBUSY, unless the
	 * limit is kept by then: so `over_limit` may itself wait for that, as long as it likes. A
	 * call that has changed something goes on. NULL: updaters wait. Without being asked they
	 * wait where there is no other way: gw_remap of tables, gw_collapse with GW_DEPOSIT, and
	 * where there is no memory to note what was unmapped.
	 *
	 * `destroyed`: the last call of all, after gw_destroy and its grace period. */
	void (*invalidate)(void *ctx, const struct gw_range *range);
	void (*release)(void *ctx, const struct gw_leaf *run);
	bool (*over_limit)(void *ctx, size_t waiting);
	void (*destroyed)(void *ctx);
	void *ctx;
};

struct gw_pt_stats {
	unsigned heaps;
	/* Shared heaps: of all their page tables together. */
	struct gw_heap_stats heap[GW_HEAPS_MAX];
	uint64_t table_bytes; /* used: linked, deposited, or about to be */
	uint64_t table_bytes_peak;
	uint64_t waiting_bytes; /* unlinked, a grace period running */
	uint64_t block_bytes;   /* held for tables in any state */
	uint64_t idle;          /* tables that turned empty and were not looked at since */
};

/* Room for an entry under its table's lock: gw_pte_map_lock. */
struct gw_pte {
	gw_entry *entry;
	void *table;
	uint64_t va;
};

/* What a cursor came to. */
enum gw_found {
	GW_FOUND_END, /* of the range */
	GW_FOUND_LEAF,
	GW_FOUND_HOLE,
};

enum { GW_LEVELS_MAX = 6 }; /* of any format */

/* A place in a range whose leaves and holes are told one by one, and the tables on the way to it:
 * gw_cursor_start. The fields are the library's own. */
struct gw_cursor {
	uint64_t va, left; /* what is yet to be told: where it begins, in low form; how much */
	uintptr_t to_pointer;
	unsigned depth; /* of the last table that is remembered; the root is table[0] */
	unsigned top;   /* the root's level */
	const gw_entry *table[GW_LEVELS_MAX];
};

/* Forgets the tables and keeps the place.
 * Context: any. To be called before the read-side section that the cursor was used in ends. */
static inline void gw_cursor_pause(struct gw_cursor *c)
{
	c->depth = 0;
}

/* What an entry says. */
enum gw_entry_kind {
	GW_ENTRY_EMPTY,
	GW_ENTRY_TABLE,
	GW_ENTRY_LEAF,
	GW_ENTRY_OTHER, /* none of these: nothing is mapped, but the entry holds something */
};

struct gw_decoded {
	enum gw_entry_kind kind;
	uint32_t attr;  /* of a leaf */
	uint64_t out;   /* a leaf: what the entry's first byte maps to; a table: its address */
	uint64_t other; /* bits that differ from those the library would have written */
};

/* The tables of one level. */
struct gw_shape {
	unsigned shift;      /* an entry spans 1 << shift bytes */
	unsigned index_bits; /* a table has 1 << index_bits entries */
};

struct gw_format {
	const char *name;
	unsigned levels, page_lg2, va_bits;
	uint32_t attrs, attrs_must; /* what the format can express; what it cannot withhold */
	bool one_value;             /* a range maps to one value, and does not count up */
	bool breaks;                /* break-before-make: see guarantee B */
	bool ranges;                /* a page table may be for a range alone: gw_opts.va, .bytes */
	int (*create)(const struct gw_opts *opts, struct gw_pt **pt);
	void (*destroy)(struct gw_pt *pt);
	int (*map)(struct gw_pt *pt, uint64_t va, uint64_t bytes, uint64_t out, uint32_t attr);
	int (*unmap)(struct gw_pt *pt, uint64_t va, uint64_t bytes);
	int (*protect)(struct gw_pt *pt, uint64_t va, uint64_t bytes, uint32_t attr);
	void (*reclaim)(struct gw_pt *pt, uint64_t va, uint64_t bytes);
	int64_t (*collapse)(struct gw_pt *pt, uint64_t va, uint64_t bytes, uint32_t flags);
	int (*split)(struct gw_pt *pt, uint64_t va);
	int (*replace)(struct gw_pt *pt, uint64_t va, uint64_t bytes, uint64_t out, uint32_t attr);
	bool (*walk)(const struct gw_pt *pt, uint64_t va, struct gw_leaf *leaf);
	void (*stats)(struct gw_pt *pt, struct gw_pt_stats *stats);
	int (*check)(struct gw_pt *pt);
	int (*map_many)(struct gw_pt *pt, uint64_t va, const struct gw_piece *piece, size_t n,
			uint32_t attr);
	int (*remap)(struct gw_pt *pt, uint64_t from, uint64_t bytes, uint64_t to);

	/* For those who read tables entry by entry, for instance out of a memory image. `entry` is
	 * a value as this machine loads it, and may be anything; `level` is below `levels`; `va` is
	 * an address that the entry is for, which says where in a run it is. `canonical` adds what
	 * the format asks for to an address of va_bits bits. Context: any. */
	struct gw_decoded (*decode)(uint64_t entry, unsigned level, uint64_t va);
	struct gw_shape (*shape)(unsigned level);
	uint64_t (*canonical)(uint64_t low);

	int (*harvest)(struct gw_pt *pt, uint64_t va, uint64_t bytes, uint32_t take,
		       void (*found)(void *ctx, const struct gw_leaf *run), void *ctx);
	bool (*touch)(struct gw_pt *pt, uint64_t va, uint32_t set);

	/* As gw_walk_many, gw_cursor_start and so on; gw_cursor_pause is for every format. */
	unsigned (*walk_many)(const struct gw_pt *pt, const uint64_t *va, unsigned n,
			      struct gw_leaf *leaf);
	int (*cursor_start)(struct gw_cursor *c, const struct gw_pt *pt, uint64_t va,
			    uint64_t bytes);
	enum gw_found (*cursor_next)(struct gw_cursor *c, struct gw_leaf *leaf);
	int (*find_hole)(struct gw_pt *pt, uint64_t va, uint64_t bytes, uint64_t size,
			 uint64_t align, uint64_t *hole);
};

/* The format of that name, or NULL; by number from 0, or NULL past the last.
 * Context: any. */
const struct gw_format *gw_format_find(const char *name);
const struct gw_format *gw_format_at(unsigned number);

#ifdef GW_FORMAT

#define GW_PASTE(format, name) gw_##format##_##name
#define GW_EXPAND(format, name) GW_PASTE(format, name)
#define GW_NAME(name) GW_EXPAND(GW_FORMAT, name)
#define gw_create GW_NAME(create)
#define gw_destroy GW_NAME(destroy)
#define gw_map GW_NAME(map)
#define gw_map_many GW_NAME(map_many)
#define gw_unmap GW_NAME(unmap)
#define gw_protect GW_NAME(protect)
#define gw_harvest GW_NAME(harvest)
#define gw_touch GW_NAME(touch)
#define gw_reclaim GW_NAME(reclaim)
#define gw_collapse GW_NAME(collapse)
#define gw_split GW_NAME(split)
#define gw_replace GW_NAME(replace)
#define gw_cursor_start GW_NAME(cursor_start)
#define gw_find_hole GW_NAME(find_hole)
#define gw_remap GW_NAME(remap)
#define gw_pte_map GW_NAME(pte_map)
#define gw_pte_unmap GW_NAME(pte_unmap)
#define gw_pte_map_lock GW_NAME(pte_map_lock)
#define gw_pte_set GW_NAME(pte_set)
#define gw_pte_unlock GW_NAME(pte_unlock)
#define gw_heap_defaults GW_NAME(heap_defaults)
#define gw_stats GW_NAME(stats)
#define gw_check GW_NAME(check)
#define gw_ops GW_NAME(ops)

/* Fills the options that a format's heap number `heap` must have; the caller adds the
 * environment and, at will, the rest.
 * Context: any.
 * Return: 0, or -EINVAL: the format has no such heap. */
int gw_heap_defaults(unsigned heap, struct gw_heap_opts *opts);

/* Makes an empty page table in *pt.
 * Context: may allocate.
 * Return: 0, -ENOMEM, or -EINVAL: no environment, or heaps that do not fit the format or one
 * another, or that lie where the format's entries cannot point to, or a range that is not one of
 * the format's. */
int gw_create(const struct gw_opts *opts, struct gw_pt **pt);

/* Destroys a page table with all that it maps; returns at once. Invalidates the whole range
 * first; walkers that are under way go on until their sections end; then leaves are released,
 * and tables go back to their heap. What waits for that is not counted for `deferred_limit`.
 * Context: as gw_map; no other updater of this page table is running or comes later. No MMU uses
 * the root any more, and walkers under way keep no answer in a cache of their own: what they
 * find after the invalidation nobody would tell them to forget. */
void gw_destroy(struct gw_pt *pt);

/* Maps [va, va + bytes) to [out, out + bytes), or to the one value `out` for index64, with the
 * largest leaves that fit. Nothing in the range may be mapped yet.
 * Context: takes table locks; may wait for a grace period, so outside read-side sections, with
 * no lock that a walker waits for.
 * Return: 0; -EINVAL: not in whole pages, or empty; -ERANGE: outside the format's addresses;
 * -EOPNOTSUPP: the format cannot express `attr`; -EEXIST: something is mapped there; -ENOMEM;
 * -EBUSY: `over_limit` said not to wait, unless it is one page whose table is there. On an error
 * what the call had mapped is taken back: walkers may have seen it, so let a grace period pass
 * before its pages are reused. (Where another updater unmapped a part of it first, that part was
 * released like anything else.) */
int gw_map(struct gw_pt *pt, uint64_t va, uint64_t bytes, uint64_t out, uint32_t attr);

/* The same for scattered pieces, mapped one after the other from va on: all of them or none. Those
 * that continue one another may share larger leaves.
 * Context, Return: as gw_map; -EINVAL also: a piece that is not in whole pages, or empty. */
int gw_map_many(struct gw_pt *pt, uint64_t va, const struct gw_piece *piece, size_t n,
		uint32_t attr);

/* Unmaps what is mapped in [va, va + bytes); holes do not matter. Larger leaves and runs across an
 * end are split.
 * Context: as gw_map.
 * Return: 0, -EINVAL, -ERANGE; -ENOMEM: no table to split a leaf with (where another updater put
 * that leaf there meanwhile, some of the range may be unmapped by then); -EBUSY: `over_limit` said
 * not to wait, unless it is one page of a table that stays, and there is no `release`. */
int gw_unmap(struct gw_pt *pt, uint64_t va, uint64_t bytes);

/* Gives what is mapped in [va, va + bytes) other rights, memory type and software bits; accessed
 * and dirty are added to, never taken. Holes stay holes. `invalidate` once, after the change; where
 * an entry may not change while it is valid, also between its old value and its new one, while it
 * is empty and its table's lock is held. Context, Return: as gw_unmap; and -EOPNOTSUPP; not
 * -EBUSY. */
int gw_protect(struct gw_pt *pt, uint64_t va, uint64_t bytes, uint32_t attr);

/* Takes attributes away from what is mapped in [va, va + bytes), and tells what had them. `take`:
 * any of GW_ACCESSED, GW_DIRTY and, to learn of writes where no MMU sets GW_DIRTY, GW_WRITE: a
 * write then faults, and the handler gives the right back by gw_protect. What an MMU records
 * meanwhile is never lost: it is told, or is there for the next call.
 *
 * `found` is called for leaves that had any of `take`, those that continue one another together,
 * with their attributes as they were, in order, with no lock held and outside of this call's
 * read-side sections: it may call what the caller may. A leaf across an end of the range is not
 * split: it is taken, and told, whole. What gw_unmap or another gw_harvest took first is told there
 * alone.
 *
 * `invalidate` once, at the end, after every `found`; where an entry may not change while it is
 * valid, as in gw_protect. Until then an MMU writes through what it remembers and records nothing.
 * So note the pages in `found`, and copy them when gw_harvest has returned: what was written until
 * then is in the copy, and what is written later the next call tells. A walker that writes through
 * a leaf it has found dirty, or writable, does so until its section ends: where there are such,
 * let a grace period pass before the copy.
 *
 * Context: as gw_map.
 * Return: 0; -EINVAL: not in whole pages, or empty, or `take` is, or has other attributes; -ERANGE;
 * -EOPNOTSUPP: the format does not have that attribute. */
int gw_harvest(struct gw_pt *pt, uint64_t va, uint64_t bytes, uint32_t take,
	       void (*found)(void *ctx, const struct gw_leaf *run), void *ctx);

/* Records in the leaf that maps va what an MMU does: `set` is GW_ACCESSED for an access,
 * GW_ACCESSED | GW_DIRTY for a write. For the handler of an MMU that faults instead (AArch64
 * without FEAT_HAFDBS, RISC-V without Svadu); and for a walker that writes: if the leaf it found
 * may be written but is not dirty, it calls gw_touch and walks again, until it finds one that is.
 * What it writes through that, in the same section, a gw_harvest or `release` tells of. Where the
 * format has no such attributes nothing is recorded.
 *
 * Invalidates nothing. An MMU that remembers the leaf as it was faults once more: then nothing is
 * left to record, and to make it forget is the handler's part.
 * Context: any; takes a table's lock for a moment, so it may wait for an updater, which an
 * `invalidate` under a table's lock has to mind. Never waits for a grace period.
 * Return: whether a leaf maps va and allows that, also if nothing was left to record. */
bool gw_touch(struct gw_pt *pt, uint64_t va, uint32_t set);

/* Moves what is mapped in [from, from + bytes) to [to, to + bytes): the same leaves, accessed and
 * dirty as they were, and holes. Where `from` and `to` are as far apart as an entry's span, or a
 * multiple of that, whole tables are moved, and what is below them is not touched. Leaves that do
 * not fit the distance, or lie across an end, are split. `invalidate` once, for what has left; if
 * tables were moved, then a grace period; then all of it appears at its new place. Empty tables
 * that a larger leaf finds in its way are retired whatever the policy. Deposits move with their
 * leaves.
 * Context: as gw_map; and no other updater of either range is running, but for gw_reclaim: the
 * caller sees to that.
 * Return: 0; -EINVAL: not in whole pages, or empty, or the ranges overlap; -ERANGE; -EEXIST:
 * something is mapped where it is to go; -ENOMEM; -EBUSY: as gw_map. On an error nothing has moved.
 */
int gw_remap(struct gw_pt *pt, uint64_t from, uint64_t bytes, uint64_t to);

/* Retires every empty table whose whole span lies in [va, va + bytes), whatever the policy; ends
 * that are outside the format's addresses are cut off. Cannot fail.
 * Context: as gw_map. */
void gw_reclaim(struct gw_pt *pt, uint64_t va, uint64_t bytes);

/* Replaces tables by larger leaves that map the same, wherever in [va, va + bytes) one leaf can
 * stand for a whole table: its entries are leaves that continue one another, with equal attributes
 * but for accessed and dirty, which the larger leaf has if any of them had. From the last level up,
 * so that leaves can grow by several steps. Entries of a run count one by one. Allocates nothing
 * and releases no leaf; the tables are retired. `flags`: 0, or GW_DEPOSIT: they are kept for the
 * new leaves instead, as soon as a grace period has passed, which the call then waits for.
 * Context: as gw_map.
 * Return: how many tables were replaced; -EINVAL: not in whole pages, empty, or other flags;
 * -ERANGE; -EBUSY: `over_limit` said not to wait. */
int64_t gw_collapse(struct gw_pt *pt, uint64_t va, uint64_t bytes, uint32_t flags);

/* Splits the leaf that maps va, if it is larger than a page, into smaller ones that map the same: a
 * run into its entries, also one of pages; else into a table of leaves of the next size. A run can
 * always be split, and so can a leaf with a deposit.
 * Context: as gw_map, but never waits for a grace period.
 * Return: 0; -ENOENT: no such leaf is there; -ERANGE; -ENOMEM. */
int gw_split(struct gw_pt *pt, uint64_t va);

/* Maps [va, va + bytes), the span of one leaf of one entry, to [out, out + bytes) whatever is
 * mapped there now: one leaf, a part of a larger one or of a run, a table with smaller ones, of
 * which some may be missing, or nothing. What was mapped there is retired. Allocates only for the
 * last case and to split a larger leaf.
 * Context: as gw_map.
 * Return: as gw_map, but for -EEXIST; -EINVAL also when no leaf has that size, or `va` or `out` is
 * not a multiple of it. */
int gw_replace(struct gw_pt *pt, uint64_t va, uint64_t bytes, uint64_t out, uint32_t attr);

/* Sets a cursor to the start of [va, va + bytes): gw_cursor_next then tells what is there, leaf by
 * leaf and hole by hole in ascending order, with one load for a neighbour instead of a walk. It may
 * be used in one read-side section, or in several with gw_cursor_pause at the end of each but the
 * last; it holds nothing, so that it may be left where it is at any time.
 * Context: as gw_walk, of which it is the beginning (guarantee C).
 * Return: 0; -EINVAL: not in whole pages, or empty; -ERANGE: outside the format's addresses. On an
 * error the cursor is at its end. */
int gw_cursor_start(struct gw_cursor *c, const struct gw_pt *pt, uint64_t va, uint64_t bytes);

/* Finds the first `size` bytes in [va, va + bytes) that nothing is mapped in and that begin at a
 * multiple of `align`, a power of two of at least a page. With updaters at work on the range the
 * answer is a hint: each page of it was free at some moment of the call. A gw_map of it may say
 * -EEXIST; the caller then looks again.
 * Context: any; takes no lock. Opens read-side sections, none longer than a look at one table.
 * Tables that are full of pages, or empty, are passed over whole.
 * Return: 0, and the address in *hole; -ENOSPC: there is none; -EINVAL: `bytes` or `size` not in
 * whole pages, or empty, or no such `align`; -ERANGE. */
int gw_find_hole(struct gw_pt *pt, uint64_t va, uint64_t bytes, uint64_t size, uint64_t align,
		 uint64_t *hole);

/* The entry of the page at va, for looking at; NULL: there is no table that would hold it
 * (nothing is mapped around, or a larger leaf is). Opens a read-side section that gw_pte_unmap
 * ends; on NULL none is open. What an entry maps, which may be of a run: gw_walk_leaf.
 * Context: any. */
const gw_entry *gw_pte_map(struct gw_pt *pt, uint64_t va);
void gw_pte_unmap(struct gw_pt *pt);

/* The same under the table's lock, for changing. No updater comes between; one that unmaps the
 * whole surroundings at this moment takes the lock afterwards, and gathers what was set here
 * with the rest. gw_pte_set exchanges the entry, keeps the table's count and returns what was
 * there; invalidating and waiting for a grace period before that is reused are the caller's
 * part. The value is a leaf of the format at level 0 (gw_fmt_leaf), without GW_CONTIGUOUS, or
 * gw_fmt_empty(0). A run around it is split first: with break-before-make, that invalidates.
 * Context: between map_lock and unlock a read-side section is open and a spinning lock is held:
 * be quick. */
bool gw_pte_map_lock(struct gw_pt *pt, uint64_t va, struct gw_pte *pte);
uint64_t gw_pte_set(struct gw_pt *pt, struct gw_pte *pte, uint64_t entry);
void gw_pte_unlock(struct gw_pt *pt, struct gw_pte *pte);

/* Figures of one moment.
 * Context: takes the heaps' locks for a short time. */
void gw_stats(struct gw_pt *pt, struct gw_pt_stats *stats);

/* Recounts the whole structure: every count, mark and level, and the heaps that are the page
 * table's own.
 * Context: no updater runs meanwhile, and no deferred call.
 * Return: 0, or -EIO. */
int gw_check(struct gw_pt *pt);

extern const struct gw_format gw_ops;

#endif /* GW_FORMAT */

#ifdef __cplusplus
}
#endif

#ifdef GW_FORMAT
#include <gracewalk/walk.h>
#include <gracewalk/walk_many.h>
#include <gracewalk/cursor.h>
#endif

#endif
