/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The walk: dependent loads, compiled into their caller. Needs GW_FORMAT; see gracewalk.h. */
#ifndef GRACEWALK_WALK_H
#define GRACEWALK_WALK_H

#ifndef GW_FORMAT_HEADER
#define GW_QUOTE(path) #path
#define GW_HEADER(path) GW_QUOTE(path)
/* clang-format off */
#define GW_FORMAT_HEADER GW_HEADER(gracewalk/format/GW_FORMAT.h)
/* clang-format on */
#endif
#include GW_FORMAT_HEADER

static inline uint64_t gw_span(unsigned level)
{
	return 1ull << gw_fmt_shift(level);
}

static inline unsigned gw_index(uint64_t va, unsigned level)
{
	return va >> gw_fmt_shift(level) & ((1u << gw_fmt_index_bits(level)) - 1);
}

/* How many entries of a level make a run, as a power of two; 0: there are no runs. A format that
 * has runs brings this function, and a macro of its name. */
#ifndef gw_fmt_run_lg2
static inline unsigned gw_fmt_run_lg2(unsigned level)
{
	(void)level;
	return 0;
}
#endif

/* Of an entry as the library writes them: whether it leads on to a table, and to which address. A
 * format brings both, and a macro of the first's name, where what the manual leaves open in such
 * entries, and the library always writes alike, makes them shorter than gw_fmt_is_table and
 * gw_fmt_table_address, which take any entry. */
#ifndef gw_fmt_leads_on
static inline bool gw_fmt_leads_on(uint64_t e, unsigned level)
{
	return gw_fmt_is_table(e, level);
}

static inline uint64_t gw_fmt_leads_to(uint64_t e, unsigned level)
{
	return gw_fmt_table_address(e, level);
}
#endif

/* How many entries a leaf takes, as a power of two: more than one in a run. */
static inline unsigned gw_run_lg2(uint64_t e, unsigned level)
{
	bool run = (unsigned)GW_FMT_ATTRS & GW_CONTIGUOUS && gw_fmt_attr(e, level) & GW_CONTIGUOUS;

	return run ? gw_fmt_run_lg2(level) : 0;
}

/* The bytes that a leaf maps. */
static inline uint64_t gw_leaf_bytes(uint64_t e, unsigned level)
{
	return gw_span(level) << gw_run_lg2(e, level);
}

/* The address without what canonical form adds. */
static inline uint64_t gw_low(uint64_t va)
{
	return GW_VA_BITS == 64 ? va : va & ((1ull << (GW_VA_BITS & 63)) - 1);
}

/* Whether va is in the form that the format asks for: the bits above GW_VA_BITS all zero, or all
 * equal to the highest one below. Adding that one's value first makes both one comparison. */
static inline bool gw_is_canonical(uint64_t va)
{
	const uint64_t top = 1ull << (GW_VA_BITS - 1);
	const uint64_t add = gw_fmt_canonical(top) == top ? 0 : top;

	return GW_VA_BITS == 64 || !((va + add) >> (GW_VA_BITS & 63));
}

/* Page tables of a format with this macro, whose addresses have no hole, may be for a range of them
 * alone: their root is at the level which that needs (gw_opts.va, .bytes). */
#ifndef GW_FMT_RANGES
#define GW_FMT_RANGES 0
#endif

static inline unsigned gw_top(const struct gw_pt *pt)
{
	return GW_FMT_RANGES ? pt->top : (unsigned)GW_LEVELS - 1;
}

/* Whether va is an address that the page table is for. */
static inline bool gw_is_inside(const struct gw_pt *pt, uint64_t va)
{
	return GW_FMT_RANGES ? va - pt->va < pt->bytes : gw_is_canonical(va);
}

/* A walk is part of its caller also where that walks in many places: in a function of its own it
 * would work out fields that nobody looks at. */
#define GW_WALK_INLINE static inline __attribute__((always_inline))

/* SUM keeps the compiler from taking a sum apart to add it up in another order. STRAIGHT tells it
 * which way to compile as the straight one; what formats ask has no branch of its own (&, not &&),
 * which would be foreseen for itself. */
#ifdef GW_C11_CHECKER
#define GW_WALK_SUM(sum) ((void)(sum))
#define GW_WALK_STRAIGHT(condition) (condition)
#else
#define GW_WALK_SUM(sum) __asm__("" : "+r"(sum))
#define GW_WALK_STRAIGHT(condition) __builtin_expect_with_probability(condition, 1, 1.0)
#endif

/* Reads the entry `offset` bytes from `table`, an address that the entry above held. The offset
 * does not depend on that entry, so it is there first: between two loads stands one masking. */
GW_WALK_INLINE uint64_t gw_walk_load(uintptr_t table, uintptr_t offset)
{
	GW_WALK_SUM(offset);
	/* Pairs with the releases that publish tables (build and split) and leaves (fill): the
	 * entry's target was filled before. */
	return gw_load_dependent((const gw_entry *)(table + offset));
}

/* A walk's last step, at the entry that does not lead on; the level is a constant there. It returns
 * whether the entry is a leaf, and then *answer, which is of who walks. */
typedef bool (*gw_walk_end)(uint64_t e, uint64_t va, unsigned level, void *answer);

/* One level of the way down. A loop would have one way out for all levels, and each turn would get
 * the constants of its level ready for it. Walks are expected to lead on: that is the straight
 * way. */
#define GW_WALK_LEVEL(level)                                                                  \
	do {                                                                                  \
		if ((level) >= GW_LEVELS)                                                     \
			break;                                                                \
		e = gw_walk_load(table, to_pointer + gw_index(va, level) * sizeof(gw_entry)); \
		if (!GW_WALK_STRAIGHT(gw_fmt_leads_on(e, level)))                             \
			return end(e, va, level, answer);                                     \
		table = (uintptr_t)gw_fmt_leads_to(e, level);                                 \
		to_pointer = pt->to_pointer;                                                  \
	} while (0)

GW_WALK_INLINE bool gw_walk_down(const struct gw_pt *pt, uint64_t va, gw_walk_end end, void *answer)
{
	uintptr_t table = (uintptr_t)pt->root, to_pointer = 0;
	uint64_t e;

	if (!gw_is_inside(pt, va))
		return false;
	switch (gw_top(pt)) {
	case 5:
		GW_WALK_LEVEL(5);
		__attribute__((fallthrough));
	case 4:
		GW_WALK_LEVEL(4);
		__attribute__((fallthrough));
	case 3:
		GW_WALK_LEVEL(3);
		__attribute__((fallthrough));
	case 2:
		GW_WALK_LEVEL(2);
		__attribute__((fallthrough));
	case 1:
		GW_WALK_LEVEL(1);
	}
	e = gw_walk_load(table, to_pointer + gw_index(va, 0) * sizeof(gw_entry));
	return end(e, va, 0, answer);
}

/* The end of gw_walk. */
GW_WALK_INLINE bool gw_walk_leaf(uint64_t e, uint64_t va, unsigned level, void *answer)
{
	struct gw_leaf *leaf = (struct gw_leaf *)answer;

	if (!gw_fmt_is_leaf(e, level))
		return false;
	leaf->va = va & ~(gw_leaf_bytes(e, level) - 1);
	leaf->out = gw_fmt_out(e, level);
	leaf->bytes = gw_leaf_bytes(e, level);
	leaf->attr = gw_fmt_attr(e, level);
	return true;
}

/* The end of gw_translate. */
GW_WALK_INLINE bool gw_walk_out(uint64_t e, uint64_t va, unsigned level, void *answer)
{
	uint64_t offset = va & (gw_leaf_bytes(e, level) - 1);

	if (!gw_fmt_is_leaf(e, level))
		return false;
	*(uint64_t *)answer = gw_fmt_advance(gw_fmt_out(e, level), offset);
	return true;
}

/* What a walk tells where there is no leaf. */
#ifdef __cplusplus
#define GW_NO_LEAF (gw_leaf{})
#else
#define GW_NO_LEAF ((struct gw_leaf){0})
#endif

/* Looks up va. Guarantees A to E.
 * Context: inside a read-side section; or no updater runs.
 * Return: whether a leaf maps it, and then the leaf in *leaf, else zeroes. Fields that the caller
 * does not look at cost nothing. */
GW_WALK_INLINE bool gw_walk(const struct gw_pt *pt, uint64_t va, struct gw_leaf *leaf)
{
	*leaf = GW_NO_LEAF;
	return gw_walk_down(pt, va, gw_walk_leaf, leaf);
}

/* Looks up what the byte at va maps to.
 * Context: as gw_walk. Return: whether a leaf maps it, and then that in *out. */
GW_WALK_INLINE bool gw_translate(const struct gw_pt *pt, uint64_t va, uint64_t *out)
{
	return gw_walk_down(pt, va, gw_walk_out, out);
}

#endif
