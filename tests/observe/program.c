/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * A program for others to look into: it says itself what they have to find. */
#include <inttypes.h>
#include <stdio.h>
#include <urcu/urcu-memb.h>
/* What the first one chose. */
#include <urcu/flavor.h>
#define GW_FORMAT x86_64
#include <gracewalk/gracewalk.h>
#include <gracewalk/urcu.h>

enum { CALLS = 40, WAIT_AT_MOST = 16384 };
#define AT 0x7f0000000000ull
#define FAR_DOWN 0x40000000ull

static unsigned runs;

static void release(void *ctx, const struct gw_leaf *run)
{
	(void)ctx;
	(void)run;
	runs++;
}

/* The debugger stops here: everything is as it was printed. */
static __attribute__((noinline)) void look_now(struct gw_pt *pt)
{
	__asm__ volatile("" : : "r"(pt) : "memory");
}

/* A page table with leaves of each size, rights of several kinds, runs that end and go on. */
static int fill(struct gw_pt *pt)
{
	const struct gw_piece pieces[] = {{0x5000, 0x1000}, {0x9000, 0x2000}};
	const uint32_t rw = GW_READ | GW_WRITE;

	return gw_map(pt, FAR_DOWN, 0x40201000, 0x80000000, rw) ||
	       gw_map(pt, AT, 0x5000, 0x1234000, GW_READ | GW_EXEC | GW_USER) ||
	       gw_map(pt, AT + 0x5000, 0x1000, 0x1239000, GW_READ | GW_USER) ||
	       gw_map_many(pt, AT + 0x10000, pieces, 2, rw | GW_DIRTY) ||
	       gw_map(pt, UINT64_MAX - 0xfff, 0x1000, 0x7000, rw | GW_UNCACHED | GW_SOFT1);
}

/* Pages and tables come and go, two tables a turn: that is what may wait, so the first are
 * deferred. Four at once are too many: their updater waits. Every third turn a call fails. */
static int churn(struct gw_pt *pt)
{
	for (unsigned i = 0; i < CALLS; i++) {
		uint64_t va = AT + ((uint64_t)(i + 1) << 30);

		if (gw_map(pt, va, 0x201000, 0x40000000, GW_READ) ||
		    (i % 3 == 0 && gw_map(pt, va, 0x1000, 0, GW_READ) != -EEXIST) ||
		    gw_unmap(pt, va, i % 2 ? 0x201000 : 0x200000) ||
		    (i % 2 == 0 && gw_unmap(pt, va + 0x200000, 0x1000)))
			return 1;
	}
	return gw_map(pt, AT - (1ull << 30), 0x1000, 0, GW_READ) ||
	       gw_map(pt, AT - (2ull << 30), 0x1000, 0, GW_READ) ||
	       gw_unmap(pt, AT - (2ull << 30), 2ull << 30);
}

/* All leaves, one by one: address, bytes, what it maps to, attributes. */
static void print_leaves(const struct gw_pt *pt)
{
	const uint64_t half = 1ull << 47;

	for (unsigned i = 0; i < 2; i++) {
		struct gw_cursor c;
		struct gw_leaf leaf;
		enum gw_found found;

		gw_cursor_start(&c, pt, i ? -half : 0, half);
		while ((found = gw_cursor_next(&c, &leaf)) != GW_FOUND_END)
			if (found == GW_FOUND_LEAF)
				printf("leaf %#" PRIx64 " %#" PRIx64 " %#" PRIx64 " %#x\n", leaf.va,
				       leaf.bytes, leaf.out, leaf.attr);
	}
}

static void print_stats(struct gw_pt *pt)
{
	struct gw_pt_stats s;
	const struct gw_heap_stats *h = &s.heap[0];

	gw_stats(pt, &s);
	printf("stats table_bytes %zu tables_per_block %u record_bytes %zu used %" PRIu64
	       " waiting %" PRIu64 " free %" PRIu64 " blocks %" PRIu64 " spare_blocks %" PRIu64
	       " records %" PRIu64 " blocks_peak %" PRIu64 " used_peak %" PRIu64
	       " waiting_peak %" PRIu64 " blocks_taken %" PRIu64 " blocks_given_back %" PRIu64
	       " allocs %" PRIu64 " frees %" PRIu64 " defers %" PRIu64 " callbacks %" PRIu64
	       " idle %" PRIu64 "\n",
	       h->table_bytes, h->tables_per_block, h->record_bytes, h->used, h->waiting, h->free,
	       h->blocks, h->spare_blocks, h->records, h->blocks_peak, h->used_peak,
	       h->waiting_peak, h->blocks_taken, h->blocks_given_back, h->allocs, h->frees,
	       h->defers, h->callbacks, s.idle);
}

int main(void)
{
	struct gw_heap_opts small = {0};
	struct gw_heap *heap;
	struct gw_env *env;
	struct gw_pt *pt;
	int err;

	setvbuf(stdout, NULL, _IOLBF, 0);
	urcu_memb_register_thread();
	env = gw_urcu_create(&urcu_memb_flavor);
	/* A small one, so that a core is: GDB writes all of a reservation. */
	gw_heap_defaults(0, &small);
	small.env = env;
	small.max_bytes = 1 << 20;
	if (!env || gw_heap_create(&small, &heap))
		return 1;
	const struct gw_opts opts = {
		.env = env,
		.heap = {heap},
		.policy = GW_POLICY_EAGER,
		.release = release,
		.deferred_limit = WAIT_AT_MOST,
		.max_leaf = 1 << 30,
	};

	if (gw_create(&opts, &pt))
		return 1;
	gw_heap_put(heap);
	err = fill(pt) || churn(pt);
	/* Nothing is in flight then, nor what that put there. */
	for (unsigned i = 0; i < 5; i++)
		urcu_memb_barrier();
	printf("calls map %u map_many 1 unmap %u failed %u runs %u\n", 6 + CALLS + (CALLS + 2) / 3,
	       1 + CALLS + CALLS / 2, (CALLS + 2) / 3, runs);
	print_leaves(pt);
	print_stats(pt);
	look_now(pt);
	gw_destroy(pt);
	gw_urcu_destroy(env);
	urcu_memb_unregister_thread();
	return err;
}
