/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Peer: an ordered map of ranges (std::map) under a reader-writer lock. A range costs one
 * operation, however long it is. A section holds the lock. */
#include "rwlock.h"
#include <iterator>
#include <map>

namespace
{

struct range {
	uint64_t end, out;
};

struct ordered {
	std::map<uint64_t, range> ranges; /* by their first address */
	pthread_rwlock_t lock;
};

ordered *of(void *map)
{
	return static_cast<ordered *>(map);
}

void enter(void *map)
{
	pthread_rwlock_rdlock(&of(map)->lock);
}

void leave(void *map)
{
	pthread_rwlock_unlock(&of(map)->lock);
}

PEER_INLINE bool find(void *map, uint64_t va, uint64_t *out)
{
	auto &ranges = of(map)->ranges;
	auto next = ranges.upper_bound(va);

	if (next == ranges.begin())
		return false;
	auto at = std::prev(next);
	if (va >= at->second.end)
		return false;
	*out = at->second.out + (va - at->first);
	return true;
}

void insert(void *map, uint64_t va, uint64_t pages, uint64_t out)
{
	pthread_rwlock_wrlock(&of(map)->lock);
	bool added = of(map)->ranges.emplace(va, range{va + pages * PEER_PAGE, out}).second;
	pthread_rwlock_unlock(&of(map)->lock);
	bench_check(added, "ordered map: mapped before");
}

/* Takes [va, end) out of the range that it lies in, and leaves what is before and behind. */
void remove(void *map, uint64_t va, uint64_t pages)
{
	auto &ranges = of(map)->ranges;
	uint64_t end = va + pages * PEER_PAGE;

	pthread_rwlock_wrlock(&of(map)->lock);
	auto next = ranges.upper_bound(va);
	bench_check(next != ranges.begin(), "ordered map: not mapped");
	auto at = std::prev(next);
	uint64_t start = at->first;
	range r = at->second;

	bench_check(end <= r.end, "ordered map: not mapped");
	if (start < va)
		at->second.end = va;
	else
		next = ranges.erase(at);
	if (end < r.end)
		ranges.emplace_hint(next, end, range{r.end, r.out + (end - start)});
	pthread_rwlock_unlock(&of(map)->lock);
}

void *create(const struct peer_opts *)
{
	auto *made = new ordered;

	rwlock_init(&made->lock);
	return made;
}

void destroy(void *map)
{
	pthread_rwlock_destroy(&of(map)->lock);
	delete of(map);
}

bool find_one(void *map, uint64_t va, uint64_t *out)
{
	enter(map);
	bool found = find(map, va, out);
	leave(map);
	return found;
}

uint64_t lookups(void *map, const struct peer_run *run)
{
	return peer_lookups(map, run, find, enter, leave);
}

struct peer make()
{
	struct peer p = {};

	p.name = "ordered map, rwlock";
	p.bytes_a_page = 64;
	p.create = create;
	p.destroy = destroy;
	p.map = insert;
	p.unmap = remove;
	p.find = find_one;
	p.lookups = lookups;
	return p;
}

} // namespace

extern const struct peer peer_ordered = make();
