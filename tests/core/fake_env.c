/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * An environment for tests: one thread, and grace periods that pass when the test says so. */
#include "fake_env.h"
#include <gracewalk/errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { LOST = 0xdb, FREED = 0xdd, MAGIC = 0x6c0ffee, ALLOC_ALIGN = 16 };

/* Stands before each small allocation. */
struct prefix {
	_Alignas(ALLOC_ALIGN) size_t bytes;
	uint64_t magic;
};
_Static_assert(sizeof(struct prefix) % ALLOC_ALIGN == 0, "what follows a prefix is aligned");

static struct fake_env *fake_of(struct gw_env *env)
{
	return (struct fake_env *)((char *)env - offsetof(struct fake_env, env));
}

/* ---- Ranges that are out ---- */

static void range_add(struct fake_ranges *ranges, void *p, size_t bytes)
{
	if (ranges->n == ranges->room) {
		ranges->room = ranges->room ? 2 * ranges->room : 16;
		ranges->at = realloc(ranges->at, ranges->room * sizeof(*ranges->at));
		assert_non_null(ranges->at);
	}
	ranges->at[ranges->n++] = (struct fake_range){.p = p, .bytes = bytes};
}

static void range_remove(struct fake_ranges *ranges, void *p, size_t bytes)
{
	for (size_t i = ranges->n; i-- > 0;) {
		if (ranges->at[i].p != p)
			continue;
		assert_int_equal(ranges->at[i].bytes, bytes);
		ranges->at[i] = ranges->at[--ranges->n];
		return;
	}
	fail_msg("%p was not taken, or was given back before", p);
}

static bool overlap(const struct fake_range *range, const unsigned char *p, size_t bytes)
{
	return range->p < p + bytes && p < range->p + range->bytes;
}

/* ---- Memory ---- */

static bool fails(struct fake_env *f)
{
	bool yes;

	f->takes++;
	yes = f->fail_at && (f->fail_all ? f->takes >= f->fail_at : f->takes == f->fail_at);
	f->failures += yes;
	return yes;
}

static void *env_alloc(struct gw_env *env, size_t bytes)
{
	struct fake_env *f = fake_of(env);
	struct prefix *prefix;

	if (fails(f))
		return NULL;
	prefix = calloc(1, sizeof(*prefix) + bytes);
	assert_non_null(prefix);
	*prefix = (struct prefix){.bytes = bytes, .magic = MAGIC};
	f->alloc_bytes += bytes;
	return prefix + 1;
}

static void env_free(struct gw_env *env, void *p, size_t bytes)
{
	struct fake_env *f = fake_of(env);
	struct prefix *prefix = (struct prefix *)p - 1;

	assert_int_equal(prefix->magic, MAGIC);
	assert_int_equal(prefix->bytes, bytes);
	f->alloc_bytes -= bytes;
	memset(prefix, FREED, sizeof(*prefix) + bytes);
	free(prefix);
}

static void *env_reserve(struct gw_env *env, size_t bytes, size_t align)
{
	struct fake_env *f = fake_of(env);
	unsigned char *p, *aligned;

	assert_true(bytes && align && !(align & (align - 1)));
	if (fails(f))
		return NULL;
	p = mmap(NULL, bytes + align, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_true(p != MAP_FAILED);
	aligned = (unsigned char *)(((uintptr_t)p + align - 1) & ~(uintptr_t)(align - 1));
	f->reserve_bytes += bytes;
	range_add(&f->reserves, aligned, bytes);
	/* The whole mapping, for munmap, is kept in the entry that follows. */
	range_add(&f->reserves, p, bytes + align);
	return aligned;
}

static void env_unreserve(struct gw_env *env, void *p, size_t bytes)
{
	struct fake_env *f = fake_of(env);
	struct fake_ranges *ranges = &f->reserves;

	/* What is still backed in there goes with it. */
	for (size_t i = f->commits.n; i-- > 0;) {
		if (overlap(&f->commits.at[i], p, bytes)) {
			f->commit_bytes -= f->commits.at[i].bytes;
			f->commits.at[i] = f->commits.at[--f->commits.n];
		}
	}
	for (size_t i = 0; i < ranges->n; i += 2) {
		if (ranges->at[i].p != p)
			continue;
		assert_int_equal(ranges->at[i].bytes, bytes);
		munmap(ranges->at[i + 1].p, ranges->at[i + 1].bytes);
		memmove(&ranges->at[i], &ranges->at[i + 2],
			(ranges->n - i - 2) * sizeof(*ranges->at));
		ranges->n -= 2;
		f->reserve_bytes -= bytes;
		return;
	}
	fail_msg("%p was not reserved", p);
}

static int env_commit(struct gw_env *env, void *p, size_t bytes)
{
	struct fake_env *f = fake_of(env);

	if (fails(f))
		return -ENOMEM;
	for (size_t i = 0; i < f->commits.n; i++)
		assert_false(overlap(&f->commits.at[i], p, bytes));
	range_add(&f->commits, p, bytes);
	f->commit_bytes += bytes;
	return 0;
}

static void env_decommit(struct gw_env *env, void *p, size_t bytes)
{
	struct fake_env *f = fake_of(env);

	range_remove(&f->commits, p, bytes);
	f->commit_bytes -= bytes;
	if (f->lose)
		memset(p, LOST, bytes);
}

void fake_fail(struct fake_env *f, uint64_t n)
{
	f->fail_at = n ? f->takes + n : 0;
	f->fail_all = false;
}

void fake_fail_all(struct fake_env *f, bool on)
{
	f->fail_at = on ? f->takes + 1 : 0;
	f->fail_all = on;
}

/* ---- Grace periods ---- */

static void env_read_lock(struct gw_env *env)
{
	fake_of(env)->nesting++;
}

static void env_read_unlock(struct gw_env *env)
{
	assert_true(fake_of(env)->nesting > 0);
	fake_of(env)->nesting--;
}

/* A head's room: the next in the queue, and the head itself: a write by anybody else shows. */
static void append(struct gw_head **queue, struct gw_head *head)
{
	for (; *queue; queue = (struct gw_head **)&(*queue)->room[0])
		if (*queue == head)
			fail_msg("a head is queued twice");
	*queue = head;
}

static void env_defer(struct gw_env *env, struct gw_head *head, void (*fn)(struct gw_head *head))
{
	struct fake_env *f = fake_of(env);

	for (struct gw_head *h = f->gp_calls; h; h = h->room[0])
		if (h == head)
			fail_msg("a head is queued twice");
	append(&f->queue, head);
	head->room[0] = NULL;
	head->room[1] = head;
	head->fn = fn;
	f->defers++;
	fake_now(f);
}

static void turn_around(struct gw_head **queue)
{
	struct gw_head *head = *queue, *next;

	for (*queue = NULL; head; head = next) {
		next = head->room[0];
		head->room[0] = *queue;
		*queue = head;
	}
}

static void run(struct fake_env *f, struct gw_head **queue)
{
	assert_false(f->in_call);
	if (f->last_first)
		turn_around(queue);
	while (*queue) {
		struct gw_head *head = *queue;

		assert_ptr_equal(head->room[1], head);
		*queue = head->room[0];
		head->room[0] = head->room[1] = NULL;
		f->calls++;
		f->in_call = true;
		head->fn(head);
		f->in_call = false;
		assert_int_equal(f->nesting, 0);
	}
}

uint64_t fake_now(struct fake_env *f)
{
	return ++f->clock;
}

void fake_gp_begin(struct fake_env *f)
{
	assert_false(f->gp_running);
	f->gp_running = true;
	f->gp_start = fake_now(f);
	f->gp_calls = f->queue;
	f->queue = NULL;
}

void fake_gp_end(struct fake_env *f)
{
	assert_true(f->gp_running);
	assert_false(f->stalled);
	assert_int_equal(f->nesting, 0);
	f->gp_running = false;
	if (f->gp_start > f->covered)
		f->covered = f->gp_start;
	run(f, &f->gp_calls);
}

void fake_gp(struct fake_env *f)
{
	fake_gp_begin(f);
	fake_gp_end(f);
}

unsigned fake_drain(struct fake_env *f)
{
	unsigned n = 0;

	if (f->gp_running)
		fake_gp_end(f);
	for (; f->queue; n++)
		fake_gp(f);
	return n;
}

static void env_synchronize(struct gw_env *env)
{
	struct fake_env *f = fake_of(env);

	assert_int_equal(f->nesting, 0);
	assert_false(f->in_call);
	if (f->stalled)
		fail_msg("waits for a walker that stays");
	f->synchronizes++;
	if (f->sync_runs_calls && !f->gp_running)
		fake_gp(f);
	else
		f->covered = fake_now(f);
}

/* There is one thread: a lock that is held is never dropped. */
static void env_relax(struct gw_env *env, unsigned spins)
{
	(void)env;
	(void)spins;
	fail_msg("waits for a lock that the only thread holds");
}

/* ---- The environment's life ---- */

void fake_env_init(struct fake_env *f)
{
	*f = (struct fake_env){0};
	f->env = (struct gw_env){
		.alloc = env_alloc,
		.free = env_free,
		.reserve = env_reserve,
		.unreserve = env_unreserve,
		.commit = env_commit,
		.decommit = env_decommit,
		.read_lock = env_read_lock,
		.read_unlock = env_read_unlock,
		.defer = env_defer,
		.synchronize = env_synchronize,
		.relax = env_relax,
	};
}

void fake_env_done(struct fake_env *f)
{
	assert_false(f->gp_running);
	assert_null(f->queue);
	assert_int_equal(f->nesting, 0);
	assert_int_equal(f->alloc_bytes, 0);
	assert_int_equal(f->reserve_bytes, 0);
	assert_int_equal(f->commit_bytes, 0);
	free(f->reserves.at);
	free(f->commits.at);
}

/* ---- Numbers: splitmix64, whose sequence is fixed by its three constants ---- */

uint64_t fake_random(struct fake_random *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

uint64_t fake_below(struct fake_random *r, uint64_t limit)
{
	return fake_random(r) % limit;
}
