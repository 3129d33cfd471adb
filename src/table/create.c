/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * A page table's life: made, referenced by what is in flight, destroyed, gone. */
#include "table.h"

enum { DEFAULT_DEFERRED_LIMIT = 16 << 20, DEFAULT_SPARE_BYTES = 32 << 20 };

/* The lowest level whose tables come from that heap. All such tables are alike, but that a root may
 * use only the start of one. */
static unsigned level_of_heap(unsigned heap)
{
	unsigned level = 0;

	while (gw_fmt_heap(level) != heap)
		level++;
	return level;
}

int gw_heap_defaults(unsigned heap, struct gw_heap_opts *opts)
{
	unsigned level;

	if (heap >= GW_FMT_HEAPS)
		return -EINVAL;
	level = level_of_heap(heap);
	*opts = (struct gw_heap_opts){
		.table_bytes = table_bytes(level),
		.tables_per_block = (unsigned)(GW_FMT_BLOCK_BYTES / table_bytes(level)),
		.desc_bytes = sizeof(struct desc),
		.empty = gw_fmt_empty(level),
		.spare_bytes = DEFAULT_SPARE_BYTES,
	};
	return 0;
}

static int heap_init(struct page_table *p, unsigned i)
{
	struct gw_heap_opts opts;

	gw_heap_defaults(i, &opts);
	opts.env = p->env;
	if (!p->opts.heap[i]) {
		p->own_heap[i] = true;
		return gw_heap_create(&opts, &p->heap[i]);
	}
	if (!gw_heap_fits(p->opts.heap[i], &opts))
		return -EINVAL;
	p->heap[i] = p->opts.heap[i];
	gw_heap_get(p->heap[i]);
	return 0;
}

/* Whether an entry can hold the address of each of a heap's tables. Entries take as many bits of a
 * root's address as of any other's. */
static bool reachable(const struct gw_heap *heap, unsigned level_of_tables)
{
	unsigned level = level_of_tables < TOP ? level_of_tables + 1 : TOP;
	uint64_t last = gw_heap_last(heap);

	return gw_fmt_table_address(gw_fmt_table(last, level), level) == last;
}

/* The level of the lowest table that can hold all of a range. */
static unsigned level_for(uint64_t va, uint64_t bytes)
{
	unsigned level = 0;

	while (level < TOP && (va ^ (va + bytes - 1)) >> gw_fmt_shift(level + 1))
		level++;
	return level;
}

/* The addresses that the page table is for, as options say that are in order. */
static void set_range(struct gw_pt *pt, const struct gw_opts *opts)
{
	pt->top = TOP;
	if (!GW_FMT_RANGES)
		return;
	pt->va = opts->va;
	pt->bytes = opts->bytes ? opts->bytes : gw_low(UINT64_MAX) + 1;
	pt->top = level_for(pt->va, pt->bytes);
}

/* The level of the largest leaf that the options allow below a root of that level. */
static unsigned max_level(uint64_t max_leaf, unsigned level)
{
	while (max_leaf && gw_span(level) > max_leaf)
		level--;
	return level;
}

static int init(struct page_table *p)
{
	gw_entry *root;

	for (unsigned i = 0; i < GW_FMT_HEAPS; i++) {
		int err = heap_init(p, i);

		if (err)
			return err;
		if (gw_heap_to_pointer(p->heap[i]) != gw_heap_to_pointer(p->heap[0]) ||
		    !reachable(p->heap[i], level_of_heap(i)))
			return -EINVAL;
	}
	p->pt.to_pointer = gw_heap_to_pointer(p->heap[0]);
	root = table_alloc(p, top_of(p), gw_low(p->pt.va));
	p->pt.root = root;
	return root ? 0 : -ENOMEM;
}

static void page_table_free(struct page_table *p)
{
	for (unsigned i = 0; i < GW_FMT_HEAPS; i++)
		if (p->heap[i])
			gw_heap_put(p->heap[i]);
	p->env->free(p->env, p, sizeof(*p));
}

/* Of a page table: all addresses, or such as the format has. */
static bool range_ok(const struct gw_opts *opts)
{
	if (!opts->va && !opts->bytes)
		return true;
	return GW_FMT_RANGES && !addresses_check(opts->va, opts->bytes);
}

int gw_create(const struct gw_opts *opts, struct gw_pt **pt)
{
	struct page_table *p;
	int err;

	if (!opts->env || opts->policy > GW_POLICY_MANUAL ||
	    (opts->max_leaf && opts->max_leaf < gw_span(0)) || !range_ok(opts))
		return -EINVAL;
	p = opts->env->alloc(opts->env, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->env = opts->env;
	p->opts = *opts;
	if (!p->opts.deferred_limit)
		p->opts.deferred_limit = DEFAULT_DEFERRED_LIMIT;
	set_range(&p->pt, opts);
	p->max_level = max_level(opts->max_leaf, p->pt.top);
	p->format = GW_FMT_NAME;
	gw_store_relaxed(&p->refs, 1);
	err = init(p);
	if (err) {
		page_table_free(p);
		return err;
	}
	*pt = &p->pt;
	return 0;
}

/* No walker is left. A heap of our own takes its tables with it; a shared one is given each. */
static void destroy_callback(struct gw_head *head)
{
	struct page_table *p =
		(struct page_table *)((char *)head - offsetof(struct page_table, destroy_head));
	bool shared = false;

	GW_PROBE(grace_end, p, head, GRACE_DESTROY);
	for (unsigned i = 0; i < GW_FMT_HEAPS; i++)
		shared |= !p->own_heap[i];
	if (shared || p->opts.release)
		gw_release_subtree(p, root_of(p));
	gw_pt_put(p);
}

void gw_destroy(struct gw_pt *pt)
{
	const struct gw_range everything = {.va = 0, .bytes = UINT64_MAX, .tables = true};
	struct page_table *p = page_table_of(pt);

	gw_store_release(&p->dying, 1u); /* a sweep in flight leaves off (T5) */
	if (p->opts.invalidate)
		p->opts.invalidate(p->opts.ctx, &everything);
	GW_PROBE(grace_begin, p, &p->destroy_head, GRACE_DESTROY);
	p->env->defer(p->env, &p->destroy_head, destroy_callback);
}

void gw_pt_put(struct page_table *p)
{
	void (*destroyed)(void *ctx) = p->opts.destroyed;
	void *ctx = p->opts.ctx;

	/* Acquire and release: what was done under any reference comes before the end. */
	if (gw_fetch_sub_acq_rel(&p->refs, 1) != 1)
		return;
	page_table_free(p);
	if (destroyed)
		destroyed(ctx);
}
