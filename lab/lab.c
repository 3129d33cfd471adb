/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * A lab's life, its pages, its deferred calls, and the watched interface to the scheme. */
#include "page.h"
#include <errno.h>
#include <gracewalk/urcu.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { POISON = 0x6b }; /* every byte of a page that was returned, where there is a check */

uint64_t lab_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- Pages ---- */

void page_taken(struct lab *lab)
{
	uint64_t now = gw_fetch_add_relaxed(&lab->pages, 1) + 1;

	gw_fetch_add_relaxed(&lab->pages_taken, 1);
	if (now > gw_load_relaxed(&lab->pages_peak))
		gw_store_relaxed(&lab->pages_peak, now); /* a lost race costs a figure, no more */
}

void page_back(struct lab *lab, uint32_t number)
{
	if (lab->check)
		check_page_back(lab, number);
	if (lab->measure)
		measure_page_back(lab, number);
	gw_fetch_sub_relaxed(&lab->pages, 1);
}

/* The link of free pages lies in the descriptor's refcount, which is of no other use then. */
struct ptdesc *page_alloc(struct lab *lab)
{
	struct ptdesc *pt = NULL;

	spin_lock(&lab->page_lock);
	if (lab->page_free) {
		pt = ptdesc_at(lab, lab->page_free - 1);
		lab->page_free = gw_load_relaxed(&pt->refcount);
	} else if (lab->page_fresh < lab->pages_max) {
		pt = ptdesc_at(lab, lab->page_fresh++);
	}
	spin_unlock(&lab->page_lock);
	if (!pt)
		return NULL;
	pt->lab = lab;
	gw_store_relaxed(&pt->refcount, 0);
	memset(ptdesc_address(pt), 0, (size_t)1 << lab->page_lg2);
	page_taken(lab);
	return pt;
}

static void check_clean(const struct ptdesc *pt)
{
	const char *what = NULL;

	if (gw_load_relaxed(&pt->active))
		what = "its mark \"somebody deferred\" is set";
	else if (gw_load_relaxed(&pt->refcount))
		what = "its count of tables is not zero";
	else if (pt->listed)
		what = "it is on its mm's list";
	else if (__atomic_load_n(&pt->rcu_head.fn, __ATOMIC_RELAXED))
		what = "its rcu_head is queued";
	if (what)
		lab_break(pt->lab, LAB_DIRTY_PAGE, "page %u went back while %s", ptdesc_number(pt),
			  what);
}

void page_free(struct ptdesc *pt)
{
	uint32_t number = ptdesc_number(pt);
	struct lab *lab = pt->lab;

	check_clean(pt);
	page_back(lab, number);
	if (lab->check) /* a walker that is still here shall notice */
		memset(ptdesc_address(pt), POISON, (size_t)1 << lab->page_lg2);
	gw_store_relaxed(&pt->active, 0);
	spin_lock(&lab->page_lock);
	gw_store_relaxed(&pt->refcount, lab->page_free);
	lab->page_free = number + 1;
	spin_unlock(&lab->page_lock);
}

/* ---- Grace periods ---- */

static struct lab *lab_of(struct gw_env *env)
{
	return container_of(env, struct lab, env);
}

/* A second queueing would tie liburcu's queue into a knot: it is reported, and not done. */
static void env_defer(struct gw_env *env, struct gw_head *head, void (*fn)(struct gw_head *head))
{
	struct lab *lab = lab_of(env);

	if (__atomic_exchange_n(&head->fn, fn, __ATOMIC_RELAXED)) {
		lab_break(lab, LAB_QUEUED_TWICE, "the rcu_head at %p is in the queue already",
			  (void *)head);
		return;
	}
	gw_fetch_add_relaxed(&lab->calls, 1);
	lab->urcu->defer(lab->urcu, head, fn);
}

void call_rcu(struct lab *lab, struct gw_head *head, void (*fn)(struct gw_head *head))
{
	env_defer(&lab->env, head, fn);
}

static void *env_alloc(struct gw_env *env, size_t bytes)
{
	return lab_of(env)->urcu->alloc(lab_of(env)->urcu, bytes);
}

static void env_free(struct gw_env *env, void *p, size_t bytes)
{
	lab_of(env)->urcu->free(lab_of(env)->urcu, p, bytes);
}

static bool in_arena(const struct lab *lab, const void *p)
{
	size_t offset = (size_t)((const unsigned char *)p - lab->arena);

	return offset < (size_t)lab->pages_max << lab->page_lg2;
}

/* Address space that is aligned as pages are is a part of the arena, so that the watchers know the
 * tables in it. All other is the library's affair. */
static void *env_reserve(struct gw_env *env, size_t bytes, size_t align)
{
	struct lab *lab = lab_of(env);
	uint64_t taken = gw_load_relaxed(&lab->regions);
	unsigned char *p;
	unsigned region;

	if (align < lab->options.page_bytes)
		return lab->urcu->reserve(lab->urcu, bytes, align);
	do {
		region = ~taken ? (unsigned)__builtin_ctzll(~taken) : lab->options.mms_max;
		if (region >= lab->options.mms_max || bytes > lab->region_bytes)
			return NULL;
	} while (!gw_cas_acq_rel(&lab->regions, &taken, taken | 1ull << region));
	p = lab->arena + region * lab->region_bytes;
	lab->urcu->decommit(lab->urcu, p, bytes); /* an mm before may have left something there */
	return p;
}

static void env_unreserve(struct gw_env *env, void *p, size_t bytes)
{
	struct lab *lab = lab_of(env);
	size_t offset = (size_t)((unsigned char *)p - lab->arena);

	if (in_arena(lab, p))
		gw_fetch_and_acq_rel(&lab->regions, ~(1ull << offset / lab->region_bytes));
	else
		lab->urcu->unreserve(lab->urcu, p, bytes);
}

/* A heap's block is a page of the lab; it costs what any page does. Its records are not. */
static int env_commit(struct gw_env *env, void *p, size_t bytes)
{
	struct lab *lab = lab_of(env);

	if (!in_arena(lab, p))
		return lab->urcu->commit(lab->urcu, p, bytes);
	page_taken(lab);
	return 0;
}

static void env_decommit(struct gw_env *env, void *p, size_t bytes)
{
	struct lab *lab = lab_of(env);

	if (!in_arena(lab, p)) {
		lab->urcu->decommit(lab->urcu, p, bytes);
		return;
	}
	page_back(lab, page_number(lab, p));
	if (lab->check)
		memset(p, POISON, bytes);
}

static void env_read_lock(struct gw_env *env)
{
	lab_of(env)->urcu->read_lock(lab_of(env)->urcu);
}

static void env_read_unlock(struct gw_env *env)
{
	lab_of(env)->urcu->read_unlock(lab_of(env)->urcu);
}

static void env_synchronize(struct gw_env *env)
{
	lab_of(env)->urcu->synchronize(lab_of(env)->urcu);
}

static void env_relax(struct gw_env *env, unsigned spins)
{
	lab_of(env)->urcu->relax(lab_of(env)->urcu, spins);
}

void lab_barrier(struct lab *lab)
{
	gw_urcu_drain(lab->urcu);
}

/* ---- The watched interface ---- */

void *table_alloc(struct mm *mm)
{
	struct lab *lab = mm->lab;
	void *table = lab->options.scheme->table_alloc(mm);

	if (!table)
		return NULL;
	gw_fetch_add_relaxed(&lab->allocs, 1);
	if (lab->check)
		check_alloc(lab, table);
	if (lab->measure)
		measure_reused(lab, table);
	return table;
}

void table_free(struct mm *mm, void *table)
{
	struct lab *lab = mm->lab;

	gw_fetch_add_relaxed(&lab->frees, 1);
	if (lab->check)
		check_free(lab, table);
	lab->options.scheme->table_free(mm, table);
}

void table_free_defer(struct mm *mm, void *table)
{
	struct lab *lab = mm->lab;

	gw_fetch_add_relaxed(&lab->defers, 1);
	table_unlinked(mm, table);
	if (lab->check)
		check_free(lab, table);
	if (lab->measure)
		measure_freed(lab, table);
	lab->options.scheme->table_free_defer(mm, table);
}

void table_remove(struct mm *mm, void *table)
{
	struct lab *lab = mm->lab;

	gw_fetch_add_relaxed(&lab->removes, 1);
	table_unlinked(mm, table);
	if (lab->measure)
		measure_freed(lab, table);
	if (lab->options.scheme->table_remove)
		lab->options.scheme->table_remove(mm, table);
}

void table_removed(struct mm *mm, void *table)
{
	struct lab *lab = mm->lab;

	if (lab->check)
		check_free(lab, table);
	if (lab->options.scheme->table_removed)
		lab->options.scheme->table_removed(mm, table);
	else
		lab->options.scheme->table_free(mm, table);
}

void table_unlinked(struct mm *mm, void *table)
{
	if (mm->lab->check)
		check_unlinked(mm->lab, table);
}

void table_linked(struct mm *mm, void *table)
{
	if (mm->lab->check)
		check_linked(mm->lab, table);
}

/* ---- Owners ---- */

struct mm *mm_alloc(struct lab *lab)
{
	const struct lab_scheme *scheme = lab->options.scheme;
	struct mm *mm = calloc(1, scheme->mm_bytes);

	if (!mm)
		return NULL;
	mm->lab = lab;
	gw_store_relaxed(&mm->count, 1);
	if (!scheme->mm_init || !scheme->mm_init(mm))
		return mm;
	free(mm);
	return NULL;
}

void mmgrab(struct mm *mm)
{
	gw_fetch_add_relaxed(&mm->count, 1);
}

void mmdrop(struct mm *mm)
{
	/* Acquire and release: what any holder did comes before the end. */
	if (gw_fetch_sub_acq_rel(&mm->count, 1) != 1)
		return;
	if (mm->lab->options.scheme->mm_free)
		mm->lab->options.scheme->mm_free(mm);
	free(mm);
}

void mmput(struct mm *mm)
{
	if (mm->lab->options.scheme->mm_exit)
		mm->lab->options.scheme->mm_exit(mm);
	mmdrop(mm);
}

struct lab *mm_lab(const struct mm *mm)
{
	return mm->lab;
}

/* ---- The lab's life ---- */

static bool power_of_two(uint64_t x)
{
	return x && !(x & (x - 1));
}

static int options_check(struct lab_options *o, char why[160])
{
	unsigned most = o->scheme->tables_max;

	if (!o->max_bytes)
		o->max_bytes = (uint64_t)16 << 30;
	if (!o->mms_max)
		o->mms_max = 16;
	if (!power_of_two(o->page_bytes) || o->page_bytes < 4096 || o->page_bytes > 65536) {
		snprintf(why, 160, "a page is 4, 8, 16, 32 or 64 KiB, not %zu bytes",
			 o->page_bytes);
		return -EINVAL;
	}
	if (!power_of_two(o->tables_per_page) || o->tables_per_page > LAB_TABLES_PER_PAGE_MAX) {
		snprintf(why, 160, "a page holds 1, 2, 4, 8, 16, 32, 64, 128 or 256 tables, not %u",
			 o->tables_per_page);
		return -EINVAL;
	}
	if (o->tables_per_page > most) {
		snprintf(why, 160, "the scheme %s is for at most %u tables in a page, not %u",
			 o->scheme->name, most, o->tables_per_page);
		return -EINVAL;
	}
	if (o->mms_max > 64 || o->max_bytes / o->mms_max < o->page_bytes || o->max_bytes >> 44) {
		snprintf(why, 160, "at most 64 mms with a page each and 16 TiB in all");
		return -EINVAL;
	}
	return 0;
}

static int reserve(struct lab *lab)
{
	const struct lab_options *o = &lab->options;
	struct gw_env *urcu = lab->urcu;

	lab->page_lg2 = (unsigned)__builtin_ctzll(o->page_bytes);
	lab->table_lg2 = lab->page_lg2 - (unsigned)__builtin_ctz(o->tables_per_page);
	lab->pages_max = (uint32_t)(o->max_bytes >> lab->page_lg2);
	lab->region_bytes = (size_t)(lab->pages_max / o->mms_max) << lab->page_lg2;
	lab->ptdesc_stride =
		(o->scheme->ptdesc_bytes + o->tables_per_page * o->scheme->slot_bytes + 63) &
		~(size_t)63;
	lab->arena = urcu->reserve(urcu, (size_t)lab->pages_max << lab->page_lg2, o->page_bytes);
	lab->ptdescs = urcu->reserve(urcu, lab->pages_max * lab->ptdesc_stride, 64);
	return lab->arena && lab->ptdescs ? 0 : -ENOMEM;
}

static void unreserve(struct lab *lab)
{
	if (lab->arena)
		lab->urcu->unreserve(lab->urcu, lab->arena,
				     (size_t)lab->pages_max << lab->page_lg2);
	if (lab->ptdescs)
		lab->urcu->unreserve(lab->urcu, lab->ptdescs, lab->pages_max * lab->ptdesc_stride);
}

static void dismantle(struct lab *lab)
{
	if (lab->check)
		check_destroy(lab);
	if (lab->measure)
		measure_destroy(lab);
	unreserve(lab);
	gw_urcu_destroy(lab->urcu);
	free(lab);
}

int lab_create(const struct lab_options *options, struct lab **out, char why[160])
{
	struct lab *lab = calloc(1, sizeof(*lab));
	int err;

	snprintf(why, 160, "there is not enough memory");
	if (!lab)
		return -ENOMEM;
	lab->options = *options;
	lab->born = lab_now();
	err = options_check(&lab->options, why);
	if (!err)
		lab->urcu = gw_urcu_create(options->flavour);
	if (err || !lab->urcu) {
		free(lab);
		return err ? err : -ENOMEM;
	}
	lab->env = (struct gw_env){
		.alloc = env_alloc,
		.free = env_free,
		.reserve = env_reserve,
		.unreserve = env_unreserve,
		.commit = env_commit,
		.decommit = env_decommit,
		.read_lock = env_read_lock,
		.read_unlock = env_read_unlock,
		.defer = env_defer,
		.synchronize = env_synchronize,
		.relax = env_relax,
	};
	err = reserve(lab);
	if (!err && options->watch & LAB_CHECK)
		err = check_create(lab);
	if (!err && options->watch & LAB_MEASURE)
		err = measure_create(lab);
	if (err) {
		dismantle(lab);
		return err;
	}
	*out = lab;
	return 0;
}

int lab_settle(struct lab *lab)
{
	uint64_t pages;

	lab_barrier(lab);
	pages = gw_load_relaxed(&lab->pages);
	if (pages)
		lab_break(lab, LAB_LOST_TABLE,
			  "%llu page(s) still held after every table was freed, every mm ended "
			  "and every call ran",
			  (unsigned long long)pages);
	return lab_broken(lab) ? -EIO : 0;
}

void lab_destroy(struct lab *lab)
{
	lab_settle(lab);
	dismantle(lab);
}

struct gw_env *lab_env(struct lab *lab)
{
	return &lab->env;
}

size_t lab_table_bytes(const struct lab *lab)
{
	return (size_t)1 << lab->table_lg2;
}

bool lab_watches(const struct lab *lab, unsigned what)
{
	return lab->options.watch & what;
}

void lab_counters(struct lab *lab, struct lab_counters *counters)
{
	*counters = (struct lab_counters){
		.pages = gw_load_relaxed(&lab->pages),
		.pages_peak = gw_load_relaxed(&lab->pages_peak),
		.pages_taken = gw_load_relaxed(&lab->pages_taken),
		.allocs = gw_load_relaxed(&lab->allocs),
		.frees = gw_load_relaxed(&lab->frees),
		.defers = gw_load_relaxed(&lab->defers),
		.removes = gw_load_relaxed(&lab->removes),
		.calls = gw_load_relaxed(&lab->calls),
		.grace_periods = gw_urcu_grace_periods(lab->urcu),
		.syncs = gw_load_relaxed(&lab->syncs),
		.batches = gw_load_relaxed(&lab->batches),
		.page_bytes = lab->options.page_bytes,
		.table_bytes = (size_t)1 << lab->table_lg2,
		.side_bytes = lab->options.scheme->side_bytes(lab),
	};
	counters->tables =
		counters->allocs - counters->frees - counters->defers - counters->removes;
	if (lab->measure)
		measure_read(lab, counters);
}
