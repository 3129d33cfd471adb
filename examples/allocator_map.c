/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * An allocator's map from addresses to spans: which span, and which object in it, an address
 * belongs to. Any thread asks for any address, also one that is none of ours, and takes no lock.
 *
 * A span is a run of pages cut into objects of one size. It is mapped to its descriptor by index64,
 * whose ranges have one value each. When its last object is freed it is unmapped, and its pages and
 * its descriptor are given back by `release`, when no thread can be looking at them any more.
 *
 * Threads allocate, look up and free objects of 16 bytes to 256 KiB and check each; wrong calls of
 * deallocate() are told; in the end the map holds nothing but its root.
 *
 * usage: allocator_map [SECONDS]
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/queue.h>
#include <time.h>
#include <urcu/urcu-memb.h>
#include <urcu/flavor.h>
#define GW_FORMAT index64
#include <gracewalk/gracewalk.h>
#include <gracewalk/urcu.h>

enum {
	PAGE = 4096,
	SPAN = 64 << 10,     /* bytes of a span of small objects */
	SMALLEST_LG2 = 4,    /* sizes of small objects are powers of two, */
	SMALL = 11,          /* so many of them */
	LARGEST = 256 << 10, /* that the test asks for */
	OBJECTS_MAX = SPAN >> SMALLEST_LG2,
	THREADS = 4,
	SLOTS = 4096 /* objects of the test that may be there at a time */
};

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "allocator_map: %s\n", what);
	exit(1);
}

/* ---- Spans ---- */

struct span {
	struct bin *bin;
	unsigned char *base;
	size_t bytes, object_bytes;
	unsigned objects;
	LIST_ENTRY(span) link;
	unsigned used; /* objects that are allocated, and which */
	uint64_t taken[OBJECTS_MAX / 64];
	atomic_size_t mapped; /* bytes that were not released yet */
};

/* Objects of one size. Its lock covers the list and, of its spans, `link`, `used` and `taken`. It
 * is taken inside read-side sections; so it must not be held where a grace period may be waited
 * for, as in gw_map and gw_unmap. */
static struct bin {
	pthread_mutex_t lock;
	LIST_HEAD(, span) partial; /* spans with an object to be had */
} bins[SMALL + 1];                 /* the last is for large objects, one to a span */

static struct gw_env *env;
static struct gw_pt *pt;
static atomic_uint spans;

static struct span *span_create(struct bin *bin, size_t size)
{
	bool small = bin < &bins[SMALL];
	struct span *span = calloc(1, sizeof(*span));

	if (!span)
		return NULL;
	span->bin = bin;
	span->bytes = small ? SPAN : (size + PAGE - 1) & ~(size_t)(PAGE - 1);
	span->object_bytes = small ? (size_t)1 << (bin - bins + SMALLEST_LG2) : span->bytes;
	span->objects = (unsigned)(span->bytes / span->object_bytes);
	atomic_init(&span->mapped, span->bytes);
	span->base =
		mmap(NULL, span->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (span->base == MAP_FAILED)
		goto no_memory;
	if (gw_map(pt, (uintptr_t)span->base, span->bytes, (uintptr_t)span, 0))
		goto not_mapped;
	atomic_fetch_add(&spans, 1);
	return span;

not_mapped:
	/* A part of it may have been there for a moment, for others to find. */
	urcu_memb_synchronize_rcu();
	munmap(span->base, span->bytes);
no_memory:
	free(span);
	return NULL;
}

/* Unmapped, and a grace period has passed. A span may be told in several runs. */
static void release(void *ctx, const struct gw_leaf *run)
{
	struct span *span = (struct span *)(uintptr_t)run->out;

	(void)ctx;
	if (atomic_fetch_sub(&span->mapped, run->bytes) > run->bytes)
		return;
	munmap(span->base, span->bytes);
	free(span);
	atomic_fetch_sub(&spans, 1);
}

/* In a read-side section, to the end of which the span is there. NULL: the address is not ours. */
static struct span *span_of(const void *p)
{
	struct gw_leaf leaf;

	return gw_walk(pt, (uintptr_t)p, &leaf) ? (struct span *)(uintptr_t)leaf.out : NULL;
}

static void *span_take(struct span *span)
{
	unsigned word = 0, bit;

	while (!~span->taken[word])
		word++;
	bit = (unsigned)__builtin_ctzll(~span->taken[word]);
	span->taken[word] |= 1ull << bit;
	if (++span->used == span->objects)
		LIST_REMOVE(span, link);
	return span->base + (word * 64 + bit) * span->object_bytes;
}

/* Return: 0; -EINVAL: not the start of an object; -EALREADY: that is free. */
static int span_give(struct span *span, const void *p)
{
	size_t offset = (size_t)((const unsigned char *)p - span->base);
	size_t object = offset / span->object_bytes;
	uint64_t bit = 1ull << object % 64;

	if (offset % span->object_bytes)
		return -EINVAL;
	if (!(span->taken[object / 64] & bit))
		return -EALREADY;
	span->taken[object / 64] &= ~bit;
	if (span->used-- == span->objects)
		LIST_INSERT_HEAD(&span->bin->partial, span, link);
	if (!span->used)
		LIST_REMOVE(span, link);
	return 0;
}

/* ---- The allocator ---- */

static struct bin *bin_of(size_t size)
{
	unsigned i = 0;

	while (i < SMALL && (size_t)1 << (i + SMALLEST_LG2) < size)
		i++;
	return &bins[i];
}

/* Return: the object, or NULL: no memory. Context: outside read-side sections. */
static void *allocate(size_t size)
{
	struct bin *bin = bin_of(size);
	struct span *span;
	void *p;

	if (size > PTRDIFF_MAX)
		return NULL;
	pthread_mutex_lock(&bin->lock);
	span = LIST_FIRST(&bin->partial);
	if (!span) {
		pthread_mutex_unlock(&bin->lock);
		span = span_create(bin, size);
		if (!span)
			return NULL;
		pthread_mutex_lock(&bin->lock);
		LIST_INSERT_HEAD(&bin->partial, span, link);
	}
	p = span_take(span);
	pthread_mutex_unlock(&bin->lock);
	return p;
}

/* Return: 0; -EFAULT: not ours; -EINVAL, -EALREADY: see span_give.
 * Context: outside read-side sections. */
static int deallocate(const void *p)
{
	struct span *span, *empty = NULL;
	int err = -EFAULT;

	urcu_memb_read_lock();
	span = span_of(p);
	if (span) {
		pthread_mutex_lock(&span->bin->lock);
		err = span_give(span, p);
		if (!err && !span->used)
			empty = span; /* on no list: nobody but us will unmap it */
		pthread_mutex_unlock(&span->bin->lock);
	}
	urcu_memb_read_unlock();
	if (empty)
		gw_unmap(pt, (uintptr_t)empty->base, empty->bytes); /* whole leaves: cannot fail */
	return err;
}

/* The object, allocated or free, that has the byte at p. Return: its start, or NULL: not ours. */
static void *object_of(const void *p, size_t *bytes)
{
	unsigned char *start = NULL;
	struct span *span;

	urcu_memb_read_lock();
	span = span_of(p);
	if (span) {
		size_t offset = (size_t)((const unsigned char *)p - span->base);

		*bytes = span->object_bytes;
		start = span->base + offset - offset % span->object_bytes;
	}
	urcu_memb_read_unlock();
	return start;
}

/* ---- The test ---- */

/* At the start of each object of the test; its last word is the address of its first. */
struct object {
	size_t size;
};

static _Atomic(struct object *) slots[SLOTS];
static atomic_bool stop;
static atomic_uint_fast64_t operations, wrong;

static uint64_t random_next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state >> 16;
}

static uint64_t *last_word(struct object *object)
{
	return (uint64_t *)(void *)object + object->size / sizeof(uint64_t) - 1;
}

static struct object *object_create(uint64_t *random)
{
	/* Of all sizes; the smaller, the more. */
	unsigned lg2 = random_next(random) % (1 + random_next(random) % 15);
	size_t size = (size_t)2 * sizeof(uint64_t) << lg2;
	struct object *object;

	size += random_next(random) % size;
	size = size < LARGEST ? size & ~(sizeof(uint64_t) - 1) : LARGEST;
	object = allocate(size);
	if (!object)
		fail("no memory for an object");
	object->size = size;
	*last_word(object) = (uintptr_t)object;
	return object;
}

/* An object that is ours alone: any address within leads to it. */
static void object_destroy(struct object *object, uint64_t *random)
{
	size_t bytes = 0;
	unsigned char *inside = (unsigned char *)object + random_next(random) % object->size;
	bool right = *last_word(object) == (uintptr_t)object &&
		     object_of(inside, &bytes) == object && bytes >= object->size;

	if (!right || deallocate(object))
		atomic_fetch_add(&wrong, 1);
}

/* One that others may free as we look: it is there, or something else is, or nothing. */
static void look(const struct object *object)
{
	const unsigned char *start, *byte = (const unsigned char *)object;
	size_t bytes = 0;

	if (!object)
		return;
	start = object_of(++byte, &bytes);
	if (start && (start > byte || start + bytes <= byte))
		atomic_fetch_add(&wrong, 1);
}

static void *work(void *number)
{
	uint64_t random = (uintptr_t)number + 1, n = 0;

	urcu_memb_register_thread();
	for (; !atomic_load_explicit(&stop, memory_order_relaxed); n++) {
		_Atomic(struct object *) *slot = &slots[random_next(&random) % SLOTS];
		struct object *object = atomic_exchange(slot, NULL);

		if (!object)
			object = atomic_exchange(slot, object_create(&random));
		if (object)
			object_destroy(object, &random);
		for (unsigned i = 0; i < 16; i++)
			look(atomic_load(&slots[random_next(&random) % SLOTS]));
	}
	atomic_fetch_add(&operations, n);
	urcu_memb_unregister_thread();
	return NULL;
}

/* What a program should not do, and is told. */
static void misuse(void)
{
	char *one = allocate(24), *two = allocate(24), *large = allocate(LARGEST);
	int local;

	if (!one || !two || !large)
		fail("no memory for an object");
	if (deallocate(&local) != -EFAULT || deallocate(NULL) != -EFAULT ||
	    deallocate(one + 8) != -EINVAL || deallocate(large + PAGE) != -EINVAL)
		fail("an address that is not an object was freed");
	if (deallocate(one) || deallocate(one) != -EALREADY)
		fail("an object was freed twice");
	if (deallocate(two) || deallocate(two) != -EFAULT)
		fail("an object was freed in a span that is gone");
	if (deallocate(large))
		fail("cannot free a large object");
}

static void run(double seconds)
{
	const struct timespec pause = {(time_t)seconds,
				       (long)((seconds - (double)(time_t)seconds) * 1e9)};
	pthread_t thread[THREADS];
	struct gw_pt_stats stats;
	uint64_t random = THREADS + 1;

	for (uintptr_t i = 0; i < THREADS; i++)
		if (pthread_create(&thread[i], NULL, work, (void *)i))
			fail("cannot create a thread");
	nanosleep(&pause, NULL);
	atomic_store(&stop, true);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	gw_stats(pt, &stats);
	printf("%.2f M objects/s allocated or freed, with 16 lookups each; %u spans, tables "
	       "%" PRIu64 " KiB\n",
	       (double)atomic_load(&operations) / seconds / 1e6, atomic_load(&spans),
	       stats.table_bytes >> 10);
	for (unsigned i = 0; i < SLOTS; i++)
		if (atomic_load(&slots[i]))
			object_destroy(atomic_load(&slots[i]), &random);
}

int main(int argc, char **argv)
{
	double seconds = argc > 1 ? strtod(argv[1], NULL) : 1;
	struct gw_opts opts = {.release = release};
	struct gw_pt_stats stats;
	uint64_t root_bytes;

	if (argc > 2 || !(seconds > 0))
		fail("usage: allocator_map [SECONDS]");
	for (unsigned i = 0; i <= SMALL; i++)
		pthread_mutex_init(&bins[i].lock, NULL);
	urcu_memb_register_thread();
	opts.env = env = gw_urcu_create(&urcu_memb_flavor);
	if (!env || gw_create(&opts, &pt))
		fail("no memory for a page table");
	gw_stats(pt, &stats);
	root_bytes = stats.table_bytes;

	misuse();
	run(seconds);
	gw_urcu_drain(env);
	gw_stats(pt, &stats);
	printf("all freed: %u spans, tables %" PRIu64 " bytes; %" PRIu64 " wrong\n",
	       atomic_load(&spans), stats.table_bytes, atomic_load(&wrong));
	if (atomic_load(&spans) || stats.table_bytes != root_bytes)
		atomic_fetch_add(&wrong, 1);

	gw_destroy(pt);
	gw_urcu_destroy(env);
	urcu_memb_unregister_thread();
	return atomic_load(&wrong) != 0;
}
