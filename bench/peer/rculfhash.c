/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Peer: liburcu's lock-free hash table; a node a page. */
#include "urcu_section.h"
#include <stdlib.h>
#include <urcu/rculfhash.h>

struct node {
	struct cds_lfht_node link;
	uint64_t page, out;
	struct rcu_head rcu;
};

/* A multiplication and two folds: neighbouring pages come far apart. */
PEER_INLINE unsigned long hash(uint64_t page)
{
	uint64_t h = page * 0x9e3779b97f4a7c15ull;

	return h ^ h >> 32;
}

static int match(struct cds_lfht_node *link, const void *page)
{
	return caa_container_of(link, struct node, link)->page == *(const uint64_t *)page;
}

PEER_INLINE struct node *node_of(struct cds_lfht *ht, uint64_t page)
{
	struct cds_lfht_iter iter;
	struct cds_lfht_node *link;

	cds_lfht_lookup(ht, hash(page), match, &page, &iter);
	link = cds_lfht_iter_get_node(&iter);
	return link ? caa_container_of(link, struct node, link) : NULL;
}

PEER_INLINE bool find(void *map, uint64_t va, uint64_t *out)
{
	const struct node *node = node_of(map, va >> PEER_PAGE_LG2);

	if (!node)
		return false;
	*out = node->out | (va & (PEER_PAGE - 1));
	return true;
}

static void map(void *map, uint64_t va, uint64_t pages, uint64_t out)
{
	uint64_t page = va >> PEER_PAGE_LG2;

	for (; pages; pages--, page++, out += PEER_PAGE) {
		struct node *node = malloc(sizeof(*node));
		bool added;

		bench_check(node, "rculfhash: no memory");
		cds_lfht_node_init(&node->link);
		node->page = page;
		node->out = out;
		urcu_memb_read_lock();
		added = cds_lfht_add_unique(map, hash(page), match, &page, &node->link) ==
			&node->link;
		urcu_memb_read_unlock();
		bench_check(added, "rculfhash: mapped before");
	}
}

static void free_node(struct rcu_head *rcu)
{
	free(caa_container_of(rcu, struct node, rcu));
}

static void unmap(void *map, uint64_t va, uint64_t pages)
{
	uint64_t page = va >> PEER_PAGE_LG2;

	for (; pages; pages--, page++) {
		struct node *node;

		urcu_memb_read_lock();
		node = node_of(map, page);
		bench_check(node && !cds_lfht_del(map, &node->link), "rculfhash: not mapped");
		urcu_memb_call_rcu(&node->rcu, free_node);
		urcu_memb_read_unlock();
	}
}

/* As many buckets as there will be pages: left to itself a table grows only when it has eight nodes
 * a bucket. They stay; or they shrink with the pages, down to one, and grow again. */
static void *create(const struct peer_opts *opts)
{
	unsigned long buckets = 1;
	struct cds_lfht *ht;

	int flags =
		opts->tables == PEER_TABLES_STAY ? 0 : CDS_LFHT_AUTO_RESIZE | CDS_LFHT_ACCOUNTING;

	while (buckets < opts->mapped)
		buckets *= 2;
	ht = cds_lfht_new_flavor(buckets, 1, 0, flags, &urcu_memb_flavor, NULL);
	bench_check(ht, "rculfhash: no memory");
	return ht;
}

static void destroy(void *map)
{
	struct cds_lfht_iter iter;
	struct node *node;

	urcu_memb_read_lock();
	cds_lfht_for_each_entry(map, &iter, node, link)
	{
		bench_check(!cds_lfht_del(map, &node->link), "rculfhash: not there");
		urcu_memb_call_rcu(&node->rcu, free_node);
	}
	urcu_memb_read_unlock();
	bench_check(!cds_lfht_destroy(map, NULL), "rculfhash: not empty");
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

const struct peer peer_rculfhash = {
	.name = "rculfhash",
	.bytes_a_page = 80,
	.policies = true,
	.create = create,
	.destroy = destroy,
	.map = map,
	.unmap = unmap,
	.find = find_one,
	.lookups = lookups,
	.settle = urcu_memb_barrier,
};
