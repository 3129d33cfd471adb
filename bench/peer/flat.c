/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Peer: one array over all addresses: a single load, and memory for every page there could be. */
#include "peer.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>

struct flat {
	_Atomic uint64_t *entry;
	uint64_t base, pages;
};

PEER_INLINE bool find(void *map, uint64_t va, uint64_t *out)
{
	const struct flat *flat = map;
	uint64_t page = (va - flat->base) >> PEER_PAGE_LG2, e;

	if (page >= flat->pages)
		return false;
	e = atomic_load_explicit(&flat->entry[page], memory_order_relaxed);
	*out = (e & ~(uint64_t)(PEER_PAGE - 1)) | (va & (PEER_PAGE - 1));
	return e & 1;
}

static void set(const struct flat *flat, uint64_t va, uint64_t pages, uint64_t e, uint64_t step)
{
	_Atomic uint64_t *entry = &flat->entry[(va - flat->base) >> PEER_PAGE_LG2];

	for (uint64_t i = 0; i < pages; i++, e += step)
		atomic_store_explicit(&entry[i], e, memory_order_relaxed);
}

static void map(void *map, uint64_t va, uint64_t pages, uint64_t out)
{
	set(map, va, pages, out | 1, PEER_PAGE);
}

static void unmap(void *map, uint64_t va, uint64_t pages)
{
	set(map, va, pages, 0, 0);
}

static void *create(const struct peer_opts *opts)
{
	struct flat *flat = malloc(sizeof(*flat));

	bench_check(flat, "flat array: no memory");
	*flat = (struct flat){.base = opts->base, .pages = opts->pages};
	flat->entry = mmap(NULL, flat->pages * sizeof(*flat->entry), PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	bench_check((void *)flat->entry != MAP_FAILED, "flat array: no address space");
	return flat;
}

static void destroy(void *map)
{
	struct flat *flat = map;

	munmap((void *)flat->entry, flat->pages * sizeof(*flat->entry));
	free(flat);
}

static bool find_one(void *map, uint64_t va, uint64_t *out)
{
	return find(map, va, out);
}

static uint64_t lookups(void *map, const struct peer_run *run)
{
	return peer_lookups(map, run, find, peer_no_section, peer_no_section);
}

const struct peer peer_flat = {
	.name = "flat array",
	.bytes_a_page = 8,
	.create = create,
	.destroy = destroy,
	.map = map,
	.unmap = unmap,
	.find = find_one,
	.lookups = lookups,
};
