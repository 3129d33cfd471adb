/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Peer: JudyL, a word a page, under a reader-writer lock. A section holds the lock. */
#include "rwlock.h"
#include <Judy.h>
#include <stdlib.h>

struct judy {
	Pvoid_t array;
	pthread_rwlock_t lock;
};

static void enter(void *map)
{
	struct judy *judy = map;

	pthread_rwlock_rdlock(&judy->lock);
}

static void leave(void *map)
{
	struct judy *judy = map;

	pthread_rwlock_unlock(&judy->lock);
}

PEER_INLINE bool find(void *map, uint64_t va, uint64_t *out)
{
	const struct judy *judy = map;
	const Word_t *value = (const Word_t *)JudyLGet(judy->array, va >> PEER_PAGE_LG2, PJE0);

	if (!value)
		return false;
	*out = *value | (va & (PEER_PAGE - 1));
	return true;
}

static void map(void *map, uint64_t va, uint64_t pages, uint64_t out)
{
	struct judy *judy = map;
	Word_t page = va >> PEER_PAGE_LG2;

	pthread_rwlock_wrlock(&judy->lock);
	for (; pages; pages--, page++, out += PEER_PAGE) {
		PPvoid_t value = JudyLIns(&judy->array, page, PJE0);

		bench_check(value && value != PPJERR, "JudyL: no memory");
		*(Word_t *)value = out;
	}
	pthread_rwlock_unlock(&judy->lock);
}

static void unmap(void *map, uint64_t va, uint64_t pages)
{
	struct judy *judy = map;
	Word_t page = va >> PEER_PAGE_LG2;

	pthread_rwlock_wrlock(&judy->lock);
	for (; pages; pages--, page++)
		bench_check(JudyLDel(&judy->array, page, PJE0) == 1, "JudyL: not mapped");
	pthread_rwlock_unlock(&judy->lock);
}

static void *create(const struct peer_opts *opts)
{
	struct judy *judy = calloc(1, sizeof(*judy));

	(void)opts;
	bench_check(judy, "JudyL: no memory");
	rwlock_init(&judy->lock);
	return judy;
}

static void destroy(void *map)
{
	struct judy *judy = map;

	JudyLFreeArray(&judy->array, PJE0);
	pthread_rwlock_destroy(&judy->lock);
	free(judy);
}

static uint64_t bytes(void *map)
{
	const struct judy *judy = map;

	return JudyLMemUsed(judy->array);
}

static bool find_one(void *map, uint64_t va, uint64_t *out)
{
	bool found;

	enter(map);
	found = find(map, va, out);
	leave(map);
	return found;
}

static uint64_t lookups(void *map, const struct peer_run *run)
{
	return peer_lookups(map, run, find, enter, leave);
}

const struct peer peer_judy = {
	.name = "JudyL, rwlock",
	.bytes_a_page = 16,
	.create = create,
	.destroy = destroy,
	.map = map,
	.unmap = unmap,
	.find = find_one,
	.lookups = lookups,
	.bytes = bytes,
};
