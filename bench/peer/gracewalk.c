/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Peer: Gracewalk, compiled once for each format. All leaves are pages, so that n pages are n
 * entries as they are for the others. */
#include "peer.h"
#include "urcu_section.h"
#include <gracewalk/gracewalk.h>
#include <gracewalk/urcu.h>
#include <urcu/flavor.h>

/* One for all maps, for as long as the program runs; likewise the heaps of maps that share. */
static struct gw_env *env;
static struct gw_heap *shared_heap[GW_FMT_HEAPS];

PEER_INLINE bool find(void *map, uint64_t va, uint64_t *out)
{
	struct gw_pt here = *(const struct gw_pt *)map;

	here.to_pointer = 0; /* heaps without `base` */
	return gw_translate(&here, va, out);
}

static void map(void *map, uint64_t va, uint64_t pages, uint64_t out)
{
	bench_check(
		!gw_map(map, va, pages << PEER_PAGE_LG2, out, GW_FMT_ATTRS & (GW_READ | GW_WRITE)),
		"gracewalk: map");
}

static void unmap(void *map, uint64_t va, uint64_t pages)
{
	bench_check(!gw_unmap(map, va, pages << PEER_PAGE_LG2), "gracewalk: unmap");
}

static void make_shared_heaps(void)
{
	for (unsigned i = 0; i < GW_FMT_HEAPS && !shared_heap[i]; i++) {
		struct gw_heap_opts opts;

		bench_check(!gw_heap_defaults(i, &opts), "gracewalk: gw_heap_defaults");
		opts.env = env;
		bench_check(!gw_heap_create(&opts, &shared_heap[i]), "gracewalk: heap");
	}
}

static void *create(const struct peer_opts *opts)
{
	static const enum gw_policy policy[] = {
		[PEER_TABLES_LAZY] = GW_POLICY_LAZY,
		[PEER_TABLES_EAGER] = GW_POLICY_EAGER,
		[PEER_TABLES_STAY] = GW_POLICY_MANUAL,
	};
	struct gw_opts ours = {.policy = policy[opts->tables], .max_leaf = PEER_PAGE};
	struct gw_pt *pt;

	if (!env)
		env = gw_urcu_create(&urcu_memb_flavor);
	bench_check(env, "gracewalk: no memory");
	ours.env = env;
	if (GW_FMT_RANGES) {
		ours.va = opts->base;
		ours.bytes = opts->pages << PEER_PAGE_LG2;
	}
	if (opts->shared) {
		make_shared_heaps();
		for (unsigned i = 0; i < GW_FMT_HEAPS; i++)
			ours.heap[i] = shared_heap[i];
	}
	bench_check(!gw_create(&ours, &pt), "gracewalk: create");
	return pt;
}

static void destroy(void *map)
{
	gw_destroy(map);
}

static void settle(void)
{
	if (env)
		gw_urcu_drain(env);
}

/* Blocks and their records. */
static uint64_t bytes(void *map)
{
	struct gw_pt_stats stats;
	uint64_t sum;

	gw_stats(map, &stats);
	sum = stats.block_bytes;
	for (unsigned i = 0; i < stats.heaps; i++)
		sum += stats.heap[i].records * stats.heap[i].record_bytes;
	return sum;
}

static void account(void *map, struct peer_account *account)
{
	struct gw_pt_stats stats;

	gw_stats(map, &stats);
	*account = (struct peer_account){.waiting = stats.waiting_bytes};
	for (unsigned i = 0; i < stats.heaps; i++) {
		const struct gw_heap_stats *heap = &stats.heap[i];

		account->waiting_peak += heap->waiting_peak * heap->table_bytes;
		account->spare += heap->spare_blocks * heap->tables_per_block * heap->table_bytes;
		account->callbacks += heap->callbacks;
	}
}

static bool find_one(void *map, uint64_t va, uint64_t *out)
{
	bool found;

	urcu_memb_read_lock();
	found = find(map, va, out);
	urcu_memb_read_unlock();
	return found;
}

static uint64_t lookups(void *map, const struct peer_run *run)
{
	return peer_lookups(map, run, find, urcu_section_enter, urcu_section_leave);
}

#define PEER PEER_EXPAND(GW_FORMAT)
#define PEER_EXPAND(format) PEER_PASTE(format)
#define PEER_PASTE(format) peer_##format

const struct peer PEER = {
	.name = "gracewalk " GW_FMT_NAME,
	.bytes_a_page = 9,
	.one_value = GW_FMT_ONE_VALUE,
	.policies = true,
	.create = create,
	.destroy = destroy,
	.map = map,
	.unmap = unmap,
	.find = find_one,
	.lookups = lookups,
	.settle = settle,
	.bytes = bytes,
	.account = account,
};
