/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The measure: which tables wait and which are merely held; how long until one is reused.
 *
 * A table waits from its free until a grace period that began after it is over, whatever the scheme
 * does meanwhile. The measure asks for such grace periods itself, one at a time, as the heap does:
 * those freed since the last one began are covered by the next.
 */
#include "page.h"
#include <errno.h>
#include <gracewalk/urcu.h>

/* Times fall into buckets of a 16th of a power of two. */
enum { FINE = 16, BUCKETS = 64 * FINE };

struct freed {
	uint64_t at;    /* ns; 0: not freed since it was last given out */
	uint64_t epoch; /* the grace period that covers it */
};

struct lab_measure {
	spinlock_t lock;
	struct freed *freed; /* of each table */
	size_t bytes;
	struct lab *lab;

	struct gw_head head;
	bool ticking;
	uint64_t epoch;         /* that tables freed now belong to */
	uint64_t next, current; /* tables of that epoch, and of the one before if it is running */

	uint64_t count, worst, bucket[BUCKETS];
};

int measure_create(struct lab *lab)
{
	struct lab_measure *m = lab->urcu->alloc(lab->urcu, sizeof(*m));

	if (!m)
		return -ENOMEM;
	lab->measure = m;
	m->lab = lab;
	m->epoch = 1;
	m->bytes = ((size_t)lab->pages_max * lab->options.tables_per_page) * sizeof(struct freed);
	m->freed = lab->urcu->reserve(lab->urcu, m->bytes, 64);
	return m->freed ? 0 : -ENOMEM;
}

void measure_destroy(struct lab *lab)
{
	struct lab_measure *m = lab->measure;

	gw_urcu_drain(lab->urcu); /* the head lies in it */
	if (m->freed)
		lab->urcu->unreserve(lab->urcu, m->freed, m->bytes);
	lab->urcu->free(lab->urcu, m, sizeof(*m));
}

/* The clock of the measure. */
static uint64_t clock_now(struct lab *lab)
{
	return lab_now() + gw_load_relaxed(&lab->skipped);
}

void lab_skip_time(struct lab *lab, uint64_t ns)
{
	gw_fetch_add_relaxed(&lab->skipped, ns);
}

static struct freed *freed_of(struct lab *lab, const void *table)
{
	return &lab->measure->freed[(size_t)((const unsigned char *)table - lab->arena) >>
				    lab->table_lg2];
}

static void tick(struct gw_head *head);

static void tick_start(struct lab_measure *m)
{
	m->ticking = true;
	m->current = m->next;
	m->next = 0;
	m->epoch++;
	m->lab->urcu->defer(m->lab->urcu, &m->head, tick);
}

static void tick(struct gw_head *head)
{
	struct lab_measure *m = container_of(head, struct lab_measure, head);

	spin_lock(&m->lock);
	m->ticking = false;
	m->current = 0;
	if (m->next)
		tick_start(m);
	spin_unlock(&m->lock);
}

void measure_freed(struct lab *lab, void *table)
{
	struct lab_measure *m = lab->measure;
	struct freed *freed = freed_of(lab, table);

	spin_lock(&m->lock);
	freed->at = clock_now(lab);
	freed->epoch = m->epoch;
	m->next++;
	if (!m->ticking)
		tick_start(m);
	spin_unlock(&m->lock);
}

static unsigned bucket_of(uint64_t ns)
{
	unsigned lg2 = 63 - (unsigned)__builtin_clzll(ns | FINE);

	return (lg2 - 3) * FINE + (unsigned)(ns >> (lg2 - 4) & (FINE - 1));
}

/* The middle of a bucket. */
static uint64_t bucket_ns(unsigned bucket)
{
	unsigned lg2 = bucket / FINE + 3;
	uint64_t width = 1ull << (lg2 - 4);

	return (1ull << lg2) + bucket % FINE * width + width / 2;
}

static void reused(struct lab_measure *m, struct freed *freed, uint64_t now)
{
	uint64_t ns = now - freed->at;

	if (!freed->at)
		return;
	if (freed->epoch == m->epoch)
		m->next--;
	else if (freed->epoch + 1 == m->epoch && m->ticking)
		m->current--;
	freed->at = 0;
	m->count++;
	m->bucket[bucket_of(ns)]++;
	if (ns > m->worst)
		m->worst = ns;
}

void measure_reused(struct lab *lab, void *table)
{
	struct lab_measure *m = lab->measure;

	spin_lock(&m->lock);
	reused(m, freed_of(lab, table), clock_now(lab));
	spin_unlock(&m->lock);
}

void measure_page_back(struct lab *lab, uint32_t number)
{
	struct lab_measure *m = lab->measure;
	uint64_t now = clock_now(lab);

	spin_lock(&m->lock);
	for (unsigned i = 0; i < lab->options.tables_per_page; i++)
		reused(m, &m->freed[(size_t)number * lab->options.tables_per_page + i], now);
	spin_unlock(&m->lock);
}

static uint64_t quantile(const struct lab_measure *m, double part)
{
	uint64_t before = 0, rank = (uint64_t)((double)m->count * part);

	for (unsigned i = 0; i < BUCKETS; i++) {
		before += m->bucket[i];
		if (before > rank)
			return bucket_ns(i) < m->worst ? bucket_ns(i) : m->worst;
	}
	return m->worst;
}

void measure_read(struct lab *lab, struct lab_counters *counters)
{
	struct lab_measure *m = lab->measure;

	spin_lock(&m->lock);
	counters->waiting = m->next + m->current;
	counters->reuse = (struct lab_reuse){
		.count = m->count,
		.median = quantile(m, 0.5),
		.p99 = quantile(m, 0.99),
		.worst = m->worst,
	};
	spin_unlock(&m->lock);
}

static uint64_t waiting_tables(struct lab_measure *m)
{
	uint64_t tables;

	if (!m)
		return 0;
	spin_lock(&m->lock);
	tables = m->next + m->current;
	spin_unlock(&m->lock);
	return tables;
}

/* What waits is read first: a page that goes back meanwhile must not look wasted. */
struct lab_level lab_level(struct lab *lab)
{
	uint64_t table_bytes = lab_table_bytes(lab), waiting = waiting_tables(lab->measure);
	uint64_t released = gw_load_relaxed(&lab->frees) + gw_load_relaxed(&lab->defers) +
			    gw_load_relaxed(&lab->removes);
	uint64_t used = gw_load_relaxed(&lab->allocs) - released;
	struct lab_level level = {
		.held = gw_load_relaxed(&lab->pages) * lab->options.page_bytes +
			gw_load_relaxed(&lab->batches) * 4096,
		.used = used * table_bytes,
		.waiting = waiting * table_bytes,
		.released = released,
	};

	if (lab->measure && level.held > level.used + level.waiting)
		level.wasted = level.held - level.used - level.waiting;
	return level;
}
