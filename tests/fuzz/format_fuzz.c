/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Fuzz target of one format: entries of any bits are taken apart and put together again; calls with
 * any arguments are made, and every answer is held against the list of the calls themselves.
 *
 * Input: an entry, an output address, attributes and a level; then calls, 26 bytes each. Whatever
 * does not hold traps. */
#include "input.h"
#include <gracewalk/bare.h>
#include <gracewalk/gracewalk.h>

/* Heaps are small, so that a call that wants everything soon has it: -ENOMEM. */
enum { MEMORY = 16 << 20, HEAP_BYTES = 4 * GW_FMT_BLOCK_BYTES, CALLS_MAX = 16 };

/* ---- Entries ---- */

static bool same_leaf(uint64_t a, uint64_t b, unsigned level)
{
	return gw_fmt_is_leaf(b, level) && gw_fmt_out(a, level) == gw_fmt_out(b, level) &&
	       gw_fmt_attr(a, level) == gw_fmt_attr(b, level);
}

static void any_entry(uint64_t entry, unsigned level)
{
	bool table = gw_fmt_is_table(entry, level), leaf = gw_fmt_is_leaf(entry, level);
	uint64_t empty = gw_fmt_empty(level);

	hold(!(table && leaf));
	hold(!table || level > 0);
	hold(!leaf || gw_fmt_leaf_level(level));
	hold(!gw_fmt_is_table(empty, level) && !gw_fmt_is_leaf(empty, level));
	if (table) {
		uint64_t address = gw_fmt_table_address(entry, level);

		hold(gw_fmt_table_address(gw_fmt_table(address, level), level) == address);
	}
	if (leaf) {
		uint32_t attr = gw_fmt_attr(entry, level);
		uint64_t out = gw_fmt_out(entry, level);

		hold(!(attr & ~(uint32_t)GW_FMT_ATTRS));
		hold(gw_fmt_aligned(out, level));
		hold(same_leaf(entry, gw_fmt_leaf(out, attr, level), level));
	}
}

static uint32_t allowed(uint32_t attr)
{
	return (attr & GW_FMT_ATTRS) | GW_FMT_ATTRS_MUST;
}

/* Of a run: one entry, which maps `out`. */
static void any_leaf(uint64_t out, uint32_t attr, unsigned level)
{
	uint64_t entry, bytes;
	unsigned run_lg2 = attr & GW_FMT_ATTRS & GW_CONTIGUOUS ? gw_fmt_run_lg2(level) : 0;

	attr = allowed(attr);
	attr = run_lg2 ? attr : attr & ~(uint32_t)GW_CONTIGUOUS;
	out &= GW_OUT_BITS == 64 ? ~0ull : (1ull << (GW_OUT_BITS & 63)) - 1;
	if (!gw_fmt_leaf_level(level) || !gw_fmt_aligned(out, level))
		return;
	entry = gw_fmt_leaf(out, attr, level);
	hold(gw_fmt_is_leaf(entry, level) && !gw_fmt_is_table(entry, level));
	hold(gw_fmt_attr(entry, level) == attr);
	bytes = gw_leaf_bytes(entry, level);
	hold(bytes == gw_span(level) << run_lg2);
	hold(gw_fmt_out(entry, level) == (run_lg2 ? out & ~(bytes - 1) : out));
	hold(!gw_ops.decode(entry, level, out).other);
}

/* ---- Calls ---- */

enum kind { MAP, UNMAP, PROTECT, RECLAIM, HARVEST, TOUCH, KINDS };

struct call {
	enum kind kind;
	uint64_t va, bytes, out;
	uint32_t attr;
	int result;
};

static unsigned the_only_cpu(void *ctx)
{
	(void)ctx;
	return 0;
}

/* Most addresses near one another, so that calls meet; lengths from a page to everything. */
static struct call take_call(struct input *input)
{
	uint64_t page = 1ull << GW_PAGE_LG2, how = take(input, 1);
	struct call call = {.kind = (enum kind)(how % KINDS)};
	unsigned shift = (unsigned)(take(input, 1) % 52);

	call.va = take(input, 8);
	call.bytes = take(input, 4) << shift;
	call.out = take(input, 8);
	call.attr = (uint32_t)take(input, 4);
	if (how & 0x80) /* tame */
		call = (struct call){
			.kind = call.kind,
			.va = gw_fmt_canonical(gw_low(call.va % (1ull << 32) * page)),
			.bytes = (call.bytes % 4096 + 1) * page,
			.out = GW_FMT_ONE_VALUE ? call.out >> 1 : call.out % (1ull << 20) * page,
			.attr = allowed(call.attr),
		};
	return call;
}

/* Each run has something that was to be taken, and lies where the format has addresses. */
static void on_found(void *ctx, const struct gw_leaf *run)
{
	struct call *call = ctx;

	hold(run->bytes && run->attr & call->attr);
	hold(gw_is_canonical(run->va) && gw_is_canonical(run->va + (run->bytes - 1)));
}

static void make_call(struct gw_pt *pt, struct call *call)
{
	switch (call->kind) {
	case MAP:
		call->result = gw_map(pt, call->va, call->bytes, call->out, call->attr);
		break;
	case UNMAP:
		call->result = gw_unmap(pt, call->va, call->bytes);
		break;
	case PROTECT:
		call->result = gw_protect(pt, call->va, call->bytes, call->attr);
		break;
	case HARVEST:
		call->attr &= call->attr & 1 ? UINT32_MAX : GW_ACCESSED | GW_DIRTY | GW_WRITE;
		call->result = gw_harvest(pt, call->va, call->bytes, call->attr, on_found, call);
		break;
	case TOUCH:
		call->result = gw_touch(pt, call->va, call->attr) - 1;
		break;
	default:
		gw_reclaim(pt, call->va, call->bytes);
	}
}

/* What the calls so far make of an address, the last one first. */
static bool expected(const struct call *calls, unsigned n, uint64_t va, uint64_t *out)
{
	while (n--) {
		const struct call *call = &calls[n];
		uint64_t offset = va - call->va;

		if (call->result || call->kind > UNMAP || offset >= call->bytes)
			continue;
		*out = gw_fmt_advance(call->out, offset);
		return call->kind == MAP;
	}
	return false;
}

static void look(const struct gw_pt *pt, const struct call *calls, unsigned n, uint64_t va)
{
	uint64_t want = 0, got = 0;
	bool there = gw_is_canonical(va) && expected(calls, n, va, &want);

	hold(gw_translate(pt, va, &got) == there);
	hold(!there || got == want);
}

static void look_around(const struct gw_pt *pt, const struct call *calls, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		const struct call *call = &calls[i];

		look(pt, calls, n, call->va);
		look(pt, calls, n, call->va - 1);
		look(pt, calls, n, call->va + call->bytes / 2);
		look(pt, calls, n, call->va + call->bytes - 1);
		look(pt, calls, n, call->va + call->bytes);
	}
}

static void any_calls(struct gw_pt *pt, struct input *input)
{
	struct call calls[CALLS_MAX];
	unsigned n = 0;

	while (n < CALLS_MAX && input->left) {
		calls[n] = take_call(input);
		make_call(pt, &calls[n]);
		n++;
		look_around(pt, calls, n);
	}
	hold(!gw_check(pt));
}

static void page_table(struct gw_bare *bare, struct input *input)
{
	struct gw_opts opts = {.env = &bare->env};
	size_t before = gw_bare_free_bytes(bare);
	struct gw_pt *pt;

	for (unsigned i = 0; i < GW_FMT_HEAPS; i++) {
		struct gw_heap_opts heap;

		hold(!gw_heap_defaults(i, &heap));
		heap.env = &bare->env;
		heap.max_bytes = HEAP_BYTES;
		hold(!gw_heap_create(&heap, &opts.heap[i]));
	}
	hold(!gw_create(&opts, &pt));
	any_calls(pt, input);
	gw_destroy(pt);
	gw_bare_drain(bare);
	for (unsigned i = 0; i < GW_FMT_HEAPS; i++)
		gw_heap_put(opts.heap[i]);
	hold(gw_bare_free_bytes(bare) == before);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static _Alignas(65536) char memory[MEMORY];
	static struct gw_bare bare;
	const struct gw_bare_opts opts = {
		.memory = memory, .memory_bytes = MEMORY, .cpus = 1, .cpu = the_only_cpu};
	struct input input = {data, size};
	uint64_t entry = take(&input, 8), out = take(&input, 8);
	uint32_t attr = (uint32_t)take(&input, 4);
	unsigned level = (unsigned)take(&input, 1) % GW_LEVELS;

	any_entry(entry, level);
	any_leaf(out, attr, level);
	any_leaf(out >> gw_fmt_shift(level) << gw_fmt_shift(level), attr, level);
	if (input.left) {
		if (!bare.opts.memory)
			hold(!gw_bare_init(&bare, &opts));
		page_table(&bare, &input);
	}
	return 0;
}
