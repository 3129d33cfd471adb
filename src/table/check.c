/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * gw_check and gw_stats: the whole structure counted again, and figures of one moment. */
#include "table.h"

/* Whether a table's deposits are those of leaves; counts them. */
static bool deposits_ok(const gw_entry *table, unsigned level, const struct desc *desc,
			uint64_t tables[GW_HEAPS_MAX])
{
	unsigned leaves = 0, n = level ? gw_deposit_count(desc) : 0;

	if (!n)
		return level || !desc->deposits;
	for (unsigned i = 0; i < entries(level); i++) {
		if (!gw_deposit_has(desc, i))
			continue;
		leaves++;
		if (!gw_fmt_is_leaf(gw_load_relaxed(&table[i]), level))
			return false;
	}
	tables[gw_fmt_heap(level - 1)] += n;
	return leaves == n;
}

/* Whether an entry begins a run, all of whose entries say the same but for what hardware records.
 */
static bool run_ok(gw_entry *table, unsigned level, unsigned index)
{
	uint64_t e = gw_load_relaxed(&table[index]);
	unsigned n = leaf_entries(e, level);
	uint32_t attr = gw_fmt_attr(e, level) & ~(uint32_t)USED;

	if (index & (n - 1))
		return false;
	for (unsigned i = 0; i < n; i++) {
		uint64_t other = gw_load_relaxed(&table[index + i]);

		if (!gw_fmt_is_leaf(other, level) ||
		    other != entry_at(gw_fmt_out(e, level), attr | used_bits(other, level), level,
				      i))
			return false;
	}
	return true;
}

/* Counts a table and all below it per heap. Return: whether each is what its descriptor says. */
static bool table_ok(const struct page_table *p, gw_entry *table, unsigned level, uint64_t va,
		     bool below_root, uint64_t tables[GW_HEAPS_MAX])
{
	struct desc *desc = desc_of(p, table, level);
	uint32_t count = 0, marks = gw_load_relaxed(&desc->marks);
	bool reachable = below_root && marks & BELOW; /* by a sweep */

	tables[gw_fmt_heap(level)]++;
	if (desc->dead || desc->level != level || desc->va != va || gw_load_relaxed(&desc->lock) ||
	    (level < top_of(p) && marks & IDLE && !below_root) ||
	    !deposits_ok(table, level, desc, tables))
		return false;
	for (unsigned i = 0, n; i < entries(level); i += n, va += n * gw_span(level)) {
		uint64_t e = gw_load_relaxed(&table[i]);

		n = 1;
		if (is_empty(e, level))
			continue;
		if (gw_fmt_is_table(e, level)) {
			if (!table_ok(p, child_of(p, e, level), level - 1, va, reachable, tables))
				return false;
		} else if (is_of_run(e, level)) {
			if (!run_ok(table, level, i))
				return false;
			n = leaf_entries(e, level);
		} else if (!gw_fmt_is_leaf(e, level)) {
			return false;
		}
		count += n;
	}
	return count == gw_load_relaxed(&desc->count);
}

int gw_check(struct gw_pt *pt)
{
	struct page_table *p = page_table_of(pt);
	uint64_t tables[GW_HEAPS_MAX] = {0};
	struct gw_heap_stats stats;

	if (!table_ok(p, root_of(p), top_of(p), root_va(p), true, tables))
		return -EIO;
	for (unsigned i = 0; i < GW_FMT_HEAPS; i++) {
		gw_heap_stats(p->heap[i], &stats);
		if (p->own_heap[i] && (gw_heap_check(p->heap[i]) || stats.used != tables[i]))
			return -EIO;
	}
	return 0;
}

void gw_stats(struct gw_pt *pt, struct gw_pt_stats *stats)
{
	struct page_table *p = page_table_of(pt);

	*stats = (struct gw_pt_stats){.heaps = GW_FMT_HEAPS, .idle = gw_load_relaxed(&p->idle)};
	for (unsigned i = 0; i < GW_FMT_HEAPS; i++) {
		struct gw_heap_stats *heap = &stats->heap[i];

		gw_heap_stats(p->heap[i], heap);
		stats->table_bytes += heap->used * heap->table_bytes;
		stats->table_bytes_peak += heap->used_peak * heap->table_bytes;
		stats->waiting_bytes += heap->waiting * heap->table_bytes;
		stats->block_bytes += heap->blocks * heap->table_bytes * heap->tables_per_block;
	}
}
