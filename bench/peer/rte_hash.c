/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Peer: DPDK's rte_hash, readers without locks, RCU by quiescent states: a reader says when it
 * holds nothing (the end of a section here), and is offline when it does not look up. Of a fixed
 * size. */
#include "peer.h"
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_hash.h>
#include <rte_hash_crc.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <rte_rcu_qsbr.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

/* Threads are known by their lcore ids, which count from 0. */
enum { THREADS = 16 };

struct table {
	struct rte_hash *hash;
	struct rte_rcu_qsbr *qsbr;
	size_t before; /* bytes that DPDK's heap had given out before */
};

static size_t heap_bytes(void)
{
	struct rte_malloc_socket_stats stats;

	bench_check(!rte_malloc_get_socket_stats(0, &stats), "rte_hash: no figures");
	return stats.heap_allocsz_bytes;
}

/* EAL binds its caller to one processor: that is undone. */
static void start_eal(void)
{
	static bool started;
	/* EAL wants to write to its arguments. */
	static char arg[][16] = {"bench", "--no-huge", "--no-pci", "--no-shconf", "--no-telemetry",
				 "-m",    "8192",      "--lcores", "0@0",         "--log-level",
				 "error"};
	char *args[sizeof(arg) / sizeof(arg[0])];
	cpu_set_t set;

	if (started)
		return;
	started = true;
	for (unsigned i = 0; i < sizeof(args) / sizeof(args[0]); i++)
		args[i] = arg[i];
	sched_getaffinity(0, sizeof(set), &set);
	bench_check(rte_eal_init(sizeof(args) / sizeof(args[0]), args) >= 0, "rte_hash: EAL");
	sched_setaffinity(0, sizeof(set), &set);
}

static void enter(void *map)
{
	(void)map;
}

PEER_INLINE void leave(void *map)
{
	const struct table *t = map;

	rte_rcu_qsbr_quiescent(t->qsbr, rte_lcore_id());
}

PEER_INLINE bool find(void *map, uint64_t va, uint64_t *out)
{
	const struct table *t = map;
	uint64_t page = va >> PEER_PAGE_LG2;
	void *data;

	if (rte_hash_lookup_data(t->hash, &page, &data) < 0)
		return false;
	*out = (uintptr_t)data | (va & (PEER_PAGE - 1));
	return true;
}

static void map(void *map, uint64_t va, uint64_t pages, uint64_t out)
{
	const struct table *t = map;
	uint64_t page = va >> PEER_PAGE_LG2;

	for (; pages; pages--, page++, out += PEER_PAGE)
		bench_check(!rte_hash_add_key_data(t->hash, &page, (void *)(uintptr_t)out),
			    "rte_hash: no room");
}

static void unmap(void *map, uint64_t va, uint64_t pages)
{
	const struct table *t = map;
	uint64_t page = va >> PEER_PAGE_LG2;

	for (; pages; pages--, page++)
		bench_check(rte_hash_del_key(t->hash, &page) >= 0, "rte_hash: not mapped");
}

static void *create(const struct peer_opts *opts)
{
	static unsigned number;
	struct table *t = calloc(1, sizeof(*t));
	struct rte_hash_parameters p = {
		.key_len = sizeof(uint64_t),
		.hash_func = rte_hash_crc,
		.extra_flag = RTE_HASH_EXTRA_FLAGS_RW_CONCURRENCY_LF |
			      RTE_HASH_EXTRA_FLAGS_MULTI_WRITER_ADD |
			      RTE_HASH_EXTRA_FLAGS_EXT_TABLE,
	};
	struct rte_hash_rcu_config rcu = {.mode = RTE_HASH_QSBR_MODE_DQ};
	size_t size = rte_rcu_qsbr_get_memsize(THREADS);
	char name[RTE_HASH_NAMESIZE];

	start_eal();
	bench_check(t, "rte_hash: no memory");
	t->before = heap_bytes();
	/* A third more than are mapped: keys that wait take room as well. */
	p.entries = (uint32_t)(opts->mapped + opts->mapped / 3 + 64);
	snprintf(name, sizeof(name), "bench%u", number++);
	p.name = name;
	t->hash = rte_hash_create(&p);
	t->qsbr = rte_zmalloc(NULL, size, RTE_CACHE_LINE_SIZE);
	bench_check(t->hash && t->qsbr, "rte_hash: no memory");
	rte_rcu_qsbr_init(t->qsbr, THREADS);
	for (unsigned i = 0; i < THREADS; i++)
		rte_rcu_qsbr_thread_register(t->qsbr, i);
	rcu.v = t->qsbr;
	bench_check(!rte_hash_rcu_qsbr_add(t->hash, &rcu), "rte_hash: no queue");
	return t;
}

static void destroy(void *map)
{
	struct table *t = map;

	rte_hash_free(t->hash);
	rte_free(t->qsbr);
	free(t);
}

static uint64_t bytes(void *map)
{
	const struct table *t = map;

	return heap_bytes() - t->before;
}

/* Online for so many lookups, offline again: updates do not wait for a thread that does not read.
 */
static uint64_t lookups(void *map, const struct peer_run *run)
{
	const struct table *t = map;
	uint64_t sum;

	rte_rcu_qsbr_thread_online(t->qsbr, rte_lcore_id());
	sum = peer_lookups(map, run, find, enter, leave);
	rte_rcu_qsbr_thread_offline(t->qsbr, rte_lcore_id());
	return sum;
}

static bool find_one(void *map, uint64_t va, uint64_t *out)
{
	const struct table *t = map;
	bool found;

	rte_rcu_qsbr_thread_online(t->qsbr, rte_lcore_id());
	found = find(map, va, out);
	rte_rcu_qsbr_thread_offline(t->qsbr, rte_lcore_id());
	return found;
}

static void thread_register(void)
{
	start_eal();
	if (rte_lcore_id() == LCORE_ID_ANY)
		bench_check(!rte_thread_register(), "rte_hash: thread");
}

static void thread_unregister(void)
{
	rte_thread_unregister();
}

const struct peer peer_rte_hash = {
	.name = "rte_hash",
	.bytes_a_page = 40,
	.create = create,
	.destroy = destroy,
	.map = map,
	.unmap = unmap,
	.find = find_one,
	.lookups = lookups,
	.bytes = bytes,
	.thread_register = thread_register,
	.thread_unregister = thread_unregister,
};
