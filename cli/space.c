/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Turning the events of a trace into page-table operations, by the kernel's own rules.
 *
 * The kernel frees page tables in three places, and SPACE_LINUX follows each:
 *
 * [R1] When mappings go away (munmap, a MAP_FIXED over them, mremap, a smaller brk, exec, exit).
 *      A table of any level goes if its whole span lies between the end of the mapping below the
 *      hole (the floor) and the start of the mapping above it (the ceiling). All of that range
 *      is without mappings, hence without pages, so "every empty table inside" names the same
 *      tables that the kernel finds level by level.
 * [R2] When one MADV_DONTNEED covers a whole block inside one mapping: the block's lowest table
 *      only, since Linux 6.14 on x86-64. Never a table above it.
 * [R3] When a huge page goes away as a whole, so does the table that was set aside for it.
 *
 * In every other case, page by page MADV_DONTNEED above all, an empty table stays.
 */
#include "space.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "space_map.h"

/* Advice newer than some C libraries' headers. */
enum space_advice {
	SPACE_POPULATE_READ = 22,
	SPACE_POPULATE_WRITE = 23,
	SPACE_DONTNEED_LOCKED = 24,
	SPACE_GUARD_INSTALL = 102,
	SPACE_GUARD_REMOVE = 103,
};

#define SPACE_REMAP_DONTUNMAP 4u
#define SPACE_LOCK_ONFAULT 1u     /* mlock2 */
#define SPACE_LOCK_ALL_CURRENT 1u /* mlockall */
#define SPACE_LOCK_ALL_FUTURE 2u
#define SPACE_LOCK_ALL_ONFAULT 4u
#define SPACE_ARGUMENT_GAP (128u << 10) /* exec leaves so much stack below the arguments */

struct space {
	struct space_options o;
	struct space_vmas vmas;
	struct space_blocks blocks;
	struct space_stats stats;
	uint64_t block;   /* bytes of a block */
	uint64_t origins; /* given to mappings of files so far */
	uint64_t brk;     /* end of the heap; 0 until the program asked for it */
	bool lock_future; /* mlockall: what will be mapped is present at once */
};

void space_options_init(struct space_options *o, enum space_policy policy,
			const struct trace_meta *meta)
{
	unsigned int major = 0, minor = 0;
	const bool version = sscanf(meta->kernel, "%u.%u", &major, &minor) == 2;

	memset(o, 0, sizeof(*o));
	o->policy = policy;
	o->page_size = meta->page_size;
	o->top = UINT64_C(1) << meta->address_bits;
	o->dontneed_reclaims = version && (major > 6 || (major == 6 && minor >= 14)) &&
			       !strcmp(meta->machine, "x86_64");
	o->thp = !strcmp(meta->thp, "always")    ? SPACE_THP_ALWAYS
		 : !strcmp(meta->thp, "madvise") ? SPACE_THP_MADVISE
						 : SPACE_THP_NEVER;
}

int space_create(const struct space_options *o, struct space **out)
{
	struct space *s;

	if (o->page_size < 4096 || o->page_size > 65536 || (o->page_size & (o->page_size - 1)) ||
	    !o->top || o->top > UINT64_C(1) << 57 || o->top % (o->page_size / 8 * o->page_size))
		return -EINVAL;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->o = *o;
	s->block = o->page_size / 8 * o->page_size; /* a table is a page of 8-byte entries */
	*out = s;
	return 0;
}

void space_destroy(struct space *s)
{
	if (!s)
		return;
	free(s->vmas.at);
	free(s->blocks.at);
	free(s);
}

static uint64_t space_min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t space_max(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* A huge page cut by the edge of an operation becomes small pages under its spare table. */
static void space_split(struct space *s, uint64_t addr)
{
	size_t i;

	if (addr % s->block == 0)
		return;
	i = space_blocks_find(&s->blocks, addr / s->block);
	if (i < s->blocks.count && s->blocks.at[i] >> 1 == addr / s->block)
		s->blocks.at[i] &= ~UINT64_C(1);
}

/* Free the tables wholly in [start, end). */
static int space_reclaim(struct space *s, uint64_t start, uint64_t end)
{
	space_blocks_remove(&s->blocks, (start + s->block - 1) / s->block, end / s->block);
	if (s->o.policy != SPACE_LINUX)
		return 0;
	return s->o.ops.reclaim(s->o.ctx, start, end - start);
}

/* [R1], after the mappings of [start, end) were taken out. */
static int space_reclaim_hole(struct space *s, uint64_t start)
{
	const size_t i = space_vmas_find(&s->vmas, start);
	const uint64_t floor = i ? s->vmas.at[i - 1].end : 0;
	const uint64_t ceiling = i < s->vmas.count ? s->vmas.at[i].start : s->o.top;

	return space_reclaim(s, floor, ceiling);
}

/* Forget the pages of [start, end), mapping by mapping, so that no void is walked. */
static int space_drop(struct space *s, uint64_t start, uint64_t end)
{
	int err = 0;

	for (size_t i = space_vmas_find(&s->vmas, start);
	     !err && i < s->vmas.count && s->vmas.at[i].start < end; i++) {
		const uint64_t low = space_max(start, s->vmas.at[i].start);

		err = s->o.ops.unmap(s->o.ctx, low, space_min(end, s->vmas.at[i].end) - low);
	}
	return err;
}

static bool space_is_free(const struct space *s, uint64_t start, uint64_t end)
{
	const size_t i = space_vmas_find(&s->vmas, start);

	return i == s->vmas.count || s->vmas.at[i].start >= end;
}

static int space_unmap(struct space *s, uint64_t start, uint64_t end)
{
	int err;

	if (space_is_free(s, start, end))
		return 0;
	space_split(s, start);
	space_split(s, end);
	err = space_drop(s, start, end);
	if (!err)
		err = space_vmas_remove(&s->vmas, start, end);
	return err ? err : space_reclaim_hole(s, start);
}

/* Whether a fault at addr brings a huge page: the block is in the mapping and has no table. */
static bool space_is_huge(const struct space *s, const struct space_vma *vma, uint64_t addr)
{
	const uint64_t start = addr - addr % s->block;
	const bool asked = s->o.thp == SPACE_THP_ALWAYS ||
			   (s->o.thp == SPACE_THP_MADVISE && vma->traits & SPACE_HUGE);

	return asked && vma->traits & SPACE_ANON && !(vma->traits & SPACE_NOHUGE) &&
	       start >= vma->start && start + s->block <= vma->end &&
	       !space_blocks_has(&s->blocks, addr / s->block);
}

/* Make [start, end) present, which lies in one block and in one mapping. */
static int space_touch(struct space *s, const struct space_vma *vma, uint64_t start, uint64_t end)
{
	const bool huge = space_is_huge(s, vma, start);
	const uint32_t prot = vma->prot;
	int err = space_blocks_add(&s->blocks, start / s->block, huge);

	if (err)
		return err;
	if (huge) {
		s->stats.huge++;
		start -= start % s->block;
		end = start + s->block;
	}
	return s->o.ops.map(s->o.ctx, start, end - start, prot);
}

/* Pages that come without a fault: MAP_POPULATE, mlock, MADV_POPULATE. */
static int space_populate(struct space *s, uint64_t start, uint64_t end)
{
	int err = 0;

	for (size_t i = space_vmas_find(&s->vmas, start);
	     !err && i < s->vmas.count && s->vmas.at[i].start < end; i++) {
		const struct space_vma *vma = &s->vmas.at[i];
		const uint64_t stop = space_min(end, vma->end);
		uint64_t at = space_max(start, vma->start), next;

		for (; !err && vma->prot && at < stop; at = next) {
			next = space_min(stop, at - at % s->block + s->block);
			err = space_touch(s, vma, at, next);
		}
	}
	return err;
}

static int space_insert(struct space *s, uint64_t start, uint64_t end, uint32_t prot,
			uint32_t traits)
{
	const struct space_vma vma = {
		start, end, prot, traits, traits & SPACE_ANON ? 0 : ++s->origins,
	};

	return space_vmas_insert(&s->vmas, vma);
}

/* A new mapping, where a trace that lost events may still have an old one. */
static int space_replace(struct space *s, uint64_t start, uint64_t end, uint32_t prot,
			 uint32_t traits)
{
	int err = space_unmap(s, start, end);

	return err ? err : space_insert(s, start, end, prot, traits);
}

/* [R1] for everything: the program has ended or became another. */
static int space_clear(struct space *s, const struct trace_event *e)
{
	int err = space_drop(s, 0, s->o.top);

	(void)e;
	if (err)
		return err;
	s->vmas.count = 0;
	s->brk = 0;
	s->lock_future = false;
	return space_reclaim(s, 0, s->o.top);
}

/*
 * A mapping that the kernel made by itself. It is reported as it is after joining, so that for
 * memory without a file it may contain what was there before, with its pages.
 */
static int space_region(struct space *s, const struct trace_event *e)
{
	const uint64_t end = e->addr + e->len;
	const bool stack = e->flags & TRACE_REGION_STACK;
	const bool fresh = space_is_free(s, e->addr, end);
	const uint32_t traits = (e->file ? 0 : SPACE_ANON) | (stack ? SPACE_STACK : 0);
	int err =
		e->file ? space_unmap(s, e->addr, end) : space_vmas_remove(&s->vmas, e->addr, end);

	if (!err)
		err = space_insert(s, e->addr, end, e->prot, traits);
	/* exec wrote the arguments before there was anything to fault on. */
	if (!err && stack && fresh && e->len > SPACE_ARGUMENT_GAP)
		err = space_populate(s, e->addr + SPACE_ARGUMENT_GAP, end);
	return err;
}

/* A touch below the stack makes it grow; the kernel's report of that comes after the fault. */
static int space_grow_stack(struct space *s, size_t i, uint64_t addr)
{
	if (i == s->vmas.count || !(s->vmas.at[i].traits & SPACE_STACK))
		return -ENOENT;
	s->vmas.at[i].start = addr;
	return 0;
}

static int space_fault(struct space *s, const struct trace_event *e)
{
	const size_t i = space_vmas_find(&s->vmas, e->addr);

	if ((i == s->vmas.count || s->vmas.at[i].start > e->addr) &&
	    space_grow_stack(s, i, e->addr)) {
		s->stats.strays++;
		return 0;
	}
	if (!s->vmas.at[i].prot) {
		s->stats.strays++;
		return 0;
	}
	s->stats.faults++;
	return space_touch(s, &s->vmas.at[i], e->addr, e->addr + s->o.page_size);
}

static uint32_t space_mmap_traits(const struct trace_event *e)
{
	const bool private = (e->flags & MAP_TYPE) == MAP_PRIVATE;
	uint32_t traits = !e->file && private && !(e->flags & MAP_HUGETLB) ? SPACE_ANON : 0;

	if (e->flags & MAP_GROWSDOWN)
		traits |= SPACE_STACK;
	if (e->flags & MAP_STACK) /* since Linux 6.7 stacks of threads get no huge pages */
		traits |= SPACE_NOHUGE;
	return traits;
}

static int space_mmap(struct space *s, const struct trace_event *e)
{
	const uint64_t end = e->addr + e->len;
	const bool present = s->lock_future || e->flags & MAP_LOCKED ||
			     (e->flags & (MAP_POPULATE | MAP_NONBLOCK)) == MAP_POPULATE;
	int err = space_replace(s, e->addr, end, e->prot, space_mmap_traits(e));

	return err || !present ? err : space_populate(s, e->addr, end);
}

static int space_munmap(struct space *s, const struct trace_event *e)
{
	return space_unmap(s, e->addr, e->addr + e->len);
}

/* The first call only asks where the heap begins. */
static int space_brk(struct space *s, const struct trace_event *e)
{
	const uint64_t old = s->brk ? s->brk : e->addr;
	int err;

	s->brk = e->addr;
	if (e->addr < old)
		return space_unmap(s, e->addr, old);
	if (e->addr == old)
		return 0;
	err = space_replace(s, old, e->addr, PROT_READ | PROT_WRITE, SPACE_ANON);
	return err || !s->lock_future ? err : space_populate(s, old, e->addr);
}

/* Cut the mappings at both ends of a range, so that all of it can be changed. */
static int space_isolate(struct space *s, uint64_t start, uint64_t end)
{
	int err = space_vmas_cut(&s->vmas, start);

	space_split(s, start);
	space_split(s, end);
	return err ? err : space_vmas_cut(&s->vmas, end);
}

static int space_mprotect(struct space *s, const struct trace_event *e)
{
	const uint32_t prot = e->prot & (PROT_READ | PROT_WRITE | PROT_EXEC);
	const uint64_t end = e->addr + e->len;
	int err = space_isolate(s, e->addr, end);

	for (size_t i = space_vmas_find(&s->vmas, e->addr);
	     !err && i < s->vmas.count && s->vmas.at[i].start < end; i++) {
		struct space_vma *vma = &s->vmas.at[i];

		if (vma->prot == prot)
			continue;
		vma->prot = prot;
		err = s->o.ops.protect(s->o.ctx, vma->start, vma->end - vma->start, prot);
	}
	space_vmas_join(&s->vmas, e->addr, end);
	return err;
}

/* [R2] and [R3], in a part of one mapping. Block by block, for no table above may go. */
static int space_reclaim_blocks(struct space *s, uint64_t start, uint64_t end)
{
	const uint64_t stop = end / s->block;
	size_t i = space_blocks_find(&s->blocks, (start + s->block - 1) / s->block);
	int err = 0;

	while (!err && i < s->blocks.count && s->blocks.at[i] >> 1 < stop) {
		const uint64_t at = (s->blocks.at[i] >> 1) * s->block;

		if (s->o.dontneed_reclaims || s->blocks.at[i] & 1)
			err = space_reclaim(s, at, at + s->block);
		else
			i++;
	}
	return err;
}

static int space_dontneed(struct space *s, uint64_t start, uint64_t end)
{
	int err;

	space_split(s, start);
	space_split(s, end);
	err = space_drop(s, start, end);
	for (size_t i = space_vmas_find(&s->vmas, start);
	     !err && i < s->vmas.count && s->vmas.at[i].start < end; i++)
		err = space_reclaim_blocks(s, space_max(start, s->vmas.at[i].start),
					   space_min(end, s->vmas.at[i].end));
	return err;
}

/* A guard is an entry without access, for which the kernel makes the tables. */
static int space_guard(struct space *s, uint64_t start, uint64_t end)
{
	int err = space_drop(s, start, end);
	uint64_t next;

	for (uint64_t at = start; !err && at < end; at = next) {
		next = space_min(end, at - at % s->block + s->block);
		err = space_blocks_add(&s->blocks, at / s->block, false);
		if (!err)
			err = s->o.ops.map(s->o.ctx, at, next - at, PROT_NONE);
	}
	return err;
}

static int space_advise_huge(struct space *s, uint64_t start, uint64_t end, uint32_t trait)
{
	int err = space_isolate(s, start, end);

	if (err)
		return err;
	for (size_t i = space_vmas_find(&s->vmas, start);
	     i < s->vmas.count && s->vmas.at[i].start < end; i++) {
		s->vmas.at[i].traits &= ~(uint32_t)(SPACE_HUGE | SPACE_NOHUGE);
		s->vmas.at[i].traits |= trait;
	}
	space_vmas_join(&s->vmas, start, end);
	return 0;
}

/* MADV_FREE is not here: its pages stay until memory is short, and their tables with them. */
static int space_madvise(struct space *s, const struct trace_event *e)
{
	const uint64_t end = e->addr + e->len;

	switch (e->flags) {
	case MADV_DONTNEED:
	case SPACE_DONTNEED_LOCKED:
		return space_dontneed(s, e->addr, end);
	case MADV_REMOVE:
	case SPACE_GUARD_REMOVE:
		return space_drop(s, e->addr, end);
	case SPACE_GUARD_INSTALL:
		return space_guard(s, e->addr, end);
	case MADV_HUGEPAGE:
		return space_advise_huge(s, e->addr, end, SPACE_HUGE);
	case MADV_NOHUGEPAGE:
		return space_advise_huge(s, e->addr, end, SPACE_NOHUGE);
	case SPACE_POPULATE_READ:
	case SPACE_POPULATE_WRITE:
		return space_populate(s, e->addr, end);
	default:
		return 0;
	}
}

static int space_mlock(struct space *s, const struct trace_event *e)
{
	if (e->len)
		return e->flags & SPACE_LOCK_ONFAULT ? 0
						     : space_populate(s, e->addr, e->addr + e->len);
	s->lock_future = e->flags & SPACE_LOCK_ALL_FUTURE && !(e->flags & SPACE_LOCK_ALL_ONFAULT);
	if (!(e->flags & SPACE_LOCK_ALL_CURRENT) || e->flags & SPACE_LOCK_ALL_ONFAULT)
		return 0;
	return space_populate(s, 0, s->o.top);
}

/* The same mappings at to; the last is stretched to the new length. */
static int space_copy_mappings(struct space *s, const struct trace_event *e, uint64_t len)
{
	const uint64_t end = e->addr + (len ? len : 1);
	uint64_t at = e->addr;
	int err = 0;

	while (!err && at < end) {
		const size_t i = space_vmas_find(&s->vmas, at);
		struct space_vma vma;

		if (i == s->vmas.count || s->vmas.at[i].start >= end)
			break;
		vma = s->vmas.at[i];
		at = vma.end;
		vma.start = space_max(vma.start, e->addr) - e->addr + e->to;
		vma.end = at < end ? at - e->addr + e->to : e->to + e->to_len;
		vma.origin = vma.origin ? ++s->origins : 0;
		err = space_vmas_insert(&s->vmas, vma);
	}
	return err;
}

/* A table that the kernel makes without a page in it. */
static int space_reserve(struct space *s, uint64_t addr, bool huge)
{
	int err = space_blocks_add(&s->blocks, addr / s->block, huge);

	if (err || s->o.policy != SPACE_LINUX || !s->o.ops.reserve)
		return err;
	return s->o.ops.reserve(s->o.ctx, addr, s->o.page_size);
}

/*
 * The kernel moves a whole table where source and target are aligned and the target has none;
 * elsewhere it moves the entries, and the table they came from stays until [R1] finds it.
 */
static int space_move_block(struct space *s, uint64_t block, uint64_t low, uint64_t high,
			    const struct trace_event *e)
{
	const uint64_t to = low - e->addr + e->to;
	const uint64_t last = high - s->o.page_size - e->addr + e->to;
	const bool whole = high - low == s->block && to % s->block == 0 &&
			   !space_blocks_has(&s->blocks, to / s->block);
	const size_t i = space_blocks_find(&s->blocks, block);
	int err = space_reserve(s, to, whole && s->blocks.at[i] & 1);

	if (!err)
		err = space_reserve(s, last, false);
	return err || !whole ? err : space_reclaim(s, low, high);
}

static int space_move_blocks(struct space *s, const struct trace_event *e, uint64_t len)
{
	const uint64_t end = e->addr + len;
	uint64_t block = e->addr / s->block;
	int err = 0;

	while (!err) {
		const size_t i = space_blocks_find(&s->blocks, block);

		if (i == s->blocks.count)
			break;
		block = s->blocks.at[i] >> 1;
		if (block * s->block >= end)
			break;
		err = space_move_block(s, block, space_max(e->addr, block * s->block),
				       space_min(end, (block + 1) * s->block), e);
		block++;
	}
	return err;
}

static int space_move(struct space *s, const struct trace_event *e, uint64_t len)
{
	const uint64_t end = e->addr + len;
	int err = space_unmap(s, e->to, e->to + e->to_len);

	if (!err)
		err = space_copy_mappings(s, e, len);
	if (err || !len)
		return err;
	space_split(s, e->addr);
	space_split(s, end);
	err = s->o.ops.move(s->o.ctx, e->addr, e->to, len);
	if (!err)
		err = space_move_blocks(s, e, len);
	if (err || e->flags & SPACE_REMAP_DONTUNMAP)
		return err;
	err = space_vmas_remove(&s->vmas, e->addr, end);
	return err ? err : space_reclaim_hole(s, e->addr);
}

static int space_stretch(struct space *s, const struct trace_event *e)
{
	const uint64_t end = e->addr + e->len;
	const size_t i = space_vmas_find(&s->vmas, end - 1);
	struct space_vma vma;
	int err;

	if (i == s->vmas.count || s->vmas.at[i].start >= end)
		return 0;
	vma = s->vmas.at[i];
	vma.start = end;
	vma.end = e->addr + e->to_len;
	err = space_unmap(s, vma.start, vma.end);
	return err ? err : space_vmas_insert(&s->vmas, vma);
}

static int space_mremap(struct space *s, const struct trace_event *e)
{
	const uint64_t len = space_min(e->len, e->to_len);
	int err = 0;

	if (e->to_len < e->len)
		err = space_unmap(s, e->addr + e->to_len, e->addr + e->len);
	if (err)
		return err;
	if (e->to != e->addr)
		return space_move(s, e, len);
	return e->to_len > e->len && e->len ? space_stretch(s, e) : 0;
}

static int space_nothing(struct space *s, const struct trace_event *e)
{
	(void)s;
	(void)e;
	return 0;
}

int space_apply(struct space *s, const struct trace_event *event)
{
	static int (*const apply[TRACE_KINDS])(struct space *, const struct trace_event *) = {
		[TRACE_EXEC] = space_clear,      [TRACE_REGION] = space_region,
		[TRACE_FAULT] = space_fault,     [TRACE_MMAP] = space_mmap,
		[TRACE_MUNMAP] = space_munmap,   [TRACE_MREMAP] = space_mremap,
		[TRACE_BRK] = space_brk,         [TRACE_MPROTECT] = space_mprotect,
		[TRACE_MADVISE] = space_madvise, [TRACE_MLOCK] = space_mlock,
		[TRACE_EXIT] = space_clear,      [TRACE_SAMPLE] = space_nothing,
	};
	const int err = apply[event->kind](s, event);

	s->stats.mappings_peak = space_max(s->stats.mappings_peak, s->vmas.count);
	return err;
}

struct space_stats space_stats(const struct space *s)
{
	struct space_stats stats = s->stats;

	stats.mappings = s->vmas.count;
	stats.blocks = s->blocks.count;
	return stats;
}

bool space_mapping(const struct space *s, uint64_t addr, uint64_t *start, uint64_t *end,
		   uint32_t *prot)
{
	const size_t i = space_vmas_find(&s->vmas, addr);

	if (i == s->vmas.count)
		return false;
	*start = s->vmas.at[i].start;
	*end = s->vmas.at[i].end;
	*prot = s->vmas.at[i].prot;
	return true;
}
