/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Environment without an operating system: a first-fit pool, grace periods over CPUs' counters. */
#include "lock.h"
#include "mutant.h"
#include <gracewalk/bare.h>
#include <gracewalk/errno.h>

/* WHY A GRACE PERIOD IS ONE
 *
 *   walker                          grace period, for the heads in `next`
 *   W1  state: one deeper           G1  take the lock, and the heads that were deferred under it
 *   W2  full fence                  G2  full fence
 *   W3  walk                        G3  load each CPU's state into `seen`
 *   W4  state: one less deep        G4  load again, until the CPU was out of the section seen in G3
 *                                   G5  call the heads
 *
 *   B1  A section that G3 does not see sees all unlinking that came before the heads were deferred.
 *       The unlinking happens before G2 by the lock; of two full fences one is first. If it is W2,
 *       G3 sees W1; if it is G2, the loads of W3 see the unlinking.
 *   B2  A section that G3 sees has ended before G5. Its number is in `state` from W1 to W4, and any
 *       other number, or depth zero, was stored at W4 or later. All stores of `state` are releases
 *       and the loads of G3 and G4 acquire, so that the loads of W3 happen before G5.
 *   B3  A section that an interrupt handler opened between the load and the store of W1 on its own
 *       CPU has ended when the store comes. That may store a number for the second time: G4 then
 *       waits too long, never too short. Within W1 to W4 the handler goes one deeper, and fences
 *       for itself.
 */
enum { GRANULE = 64 };           /* of memory: its multiples only, and a piece's head fits */
#define DEPTH ((1ull << 16) - 1) /* of a CPU's state: sections it is in, one in the other */
#define SECTION (1ull << 16)     /* above that: outermost sections that ended, as a number */

#if defined(__SANITIZE_THREAD__) && !defined(__clang__)
/* ThreadSanitizer knows no fences. What it has to see, B2, is told by releases and acquires. */
#pragma GCC diagnostic ignored "-Wtsan"
#endif
#define gw_fence_seq_cst() atomic_thread_fence(memory_order_seq_cst)

struct gw_bare_piece {
	struct gw_bare_piece *next;
	size_t bytes;
};

static struct gw_bare *bare_of(struct gw_env *env)
{
	return (struct gw_bare *)((char *)env - offsetof(struct gw_bare, env));
}

/* ---- Memory ---- */

static size_t round_up(size_t bytes)
{
	return (bytes + GRANULE - 1) & ~(size_t)(GRANULE - 1);
}

static char *align_up(void *p, size_t align)
{
	return (char *)p + (-(uintptr_t)p & (align - 1));
}

static bool adjoin(const struct gw_bare_piece *low, const struct gw_bare_piece *high)
{
	return (const char *)low + low->bytes == (const char *)high;
}

/* Joins a piece with the one after it where they touch. */
static void join(struct gw_bare_piece *piece)
{
	if (piece->next && adjoin(piece, piece->next)) {
		piece->bytes += piece->next->bytes;
		piece->next = piece->next->next;
	}
}

/* Under the pool's lock. */
static void give(struct gw_bare_pool *pool, void *p, size_t bytes)
{
	struct gw_bare_piece *piece = p, *before = NULL, **at = &pool->first;

	for (; *at && (char *)*at < (char *)p; at = &(*at)->next)
		before = *at;
	*piece = (struct gw_bare_piece){.next = *at, .bytes = bytes};
	*at = piece;
	pool->free_bytes += bytes;
	join(piece);
	if (before)
		join(before);
}

/* Takes `bytes` at `p` out of the piece at `at`: what is left on either side stays free. */
static void cut(struct gw_bare_pool *pool, struct gw_bare_piece **at, char *p, size_t bytes)
{
	struct gw_bare_piece *piece = *at;
	char *start = (char *)piece, *end = start + piece->bytes;

	*at = piece->next;
	pool->free_bytes -= piece->bytes;
	if (p > start)
		give(pool, start, (size_t)(p - start));
	if (end > p + bytes)
		give(pool, p + bytes, (size_t)(end - p) - bytes);
}

/* The first piece that holds so much at that alignment; under the lock. NULL: none does. */
static void *take(struct gw_bare_pool *pool, size_t bytes, size_t align)
{
	for (struct gw_bare_piece **at = &pool->first; *at; at = &(*at)->next) {
		char *p = align_up(*at, align);
		size_t skip = (size_t)(p - (char *)*at);

		if (skip <= (*at)->bytes && (*at)->bytes - skip >= bytes) {
			cut(pool, at, p, bytes);
			return p;
		}
	}
	return NULL;
}

static void *pool_alloc(struct gw_bare *bare, struct gw_bare_pool *pool, size_t bytes, size_t align)
{
	uint64_t *p;

	bytes = round_up(bytes);
	if (!bytes)
		return NULL;
	gw_lock_take(&pool->lock, &bare->env);
	p = take(pool, bytes, align < GRANULE ? GRANULE : align);
	gw_lock_drop(&pool->lock);
	for (size_t i = 0; p && i < bytes / sizeof(*p); i++)
		p[i] = 0;
	return p;
}

static void pool_free(struct gw_bare *bare, struct gw_bare_pool *pool, void *p, size_t bytes)
{
	if (!p)
		return;
	gw_lock_take(&pool->lock, &bare->env);
	give(pool, p, round_up(bytes));
	gw_lock_drop(&pool->lock);
}

static struct gw_bare_pool *space_of(struct gw_bare *bare)
{
	return bare->opts.space ? &bare->space : &bare->memory;
}

static void *env_alloc(struct gw_env *env, size_t bytes)
{
	return pool_alloc(bare_of(env), &bare_of(env)->memory, bytes, GRANULE);
}

static void env_free(struct gw_env *env, void *p, size_t bytes)
{
	pool_free(bare_of(env), &bare_of(env)->memory, p, bytes);
}

static void *env_reserve(struct gw_env *env, size_t bytes, size_t align)
{
	return pool_alloc(bare_of(env), space_of(bare_of(env)), bytes, align);
}

static void env_unreserve(struct gw_env *env, void *p, size_t bytes)
{
	pool_free(bare_of(env), space_of(bare_of(env)), p, bytes);
}

static int env_commit(struct gw_env *env, void *p, size_t bytes)
{
	(void)env;
	(void)p;
	(void)bytes;
	return 0; /* the memory is there */
}

static void env_decommit(struct gw_env *env, void *p, size_t bytes)
{
	(void)env;
	(void)p;
	(void)bytes;
}

/* ---- Read-side sections ---- */

static _Atomic uint64_t *my_state(struct gw_env *env)
{
	struct gw_bare *bare = bare_of(env);

	return &bare->cpu[bare->opts.cpu(bare->opts.ctx)].state;
}

/* The fence pairs with the one in start(), B1. It is there for inner sections too: B3. */
static void env_read_lock(struct gw_env *env)
{
	_Atomic uint64_t *state = my_state(env);

	gw_store_release(state, gw_load_relaxed(state) + 1);
	gw_fence_seq_cst();
}

/* The release pairs with the acquires in start() and over(), B2. */
static void env_read_unlock(struct gw_env *env)
{
	_Atomic uint64_t *state = my_state(env);
	uint64_t less = gw_load_relaxed(state) - 1;

	gw_store_release(state, less & DEPTH ? less : less + SECTION);
}

/* ---- Grace periods ---- */

static void append(struct gw_bare_queue *to, struct gw_bare_queue *from)
{
	if (!from->first)
		return;
	if (to->first)
		to->last->room[0] = from->first;
	else
		to->first = from->first;
	to->last = from->last;
	from->first = NULL;
}

/* G1 to G3. */
static void start(struct gw_bare *bare)
{
	append(&bare->current, &bare->next);
	bare->running = true;
	bare->waiting = 0;
	gw_fence_seq_cst(); /* pairs with the one in env_read_lock, B1 */
	for (unsigned i = 0; i < bare->opts.cpus; i++) {
		bare->seen[i] = gw_load_acquire(&bare->cpu[i].state);
		if (bare->seen[i] & DEPTH)
			bare->waiting |= 1ull << i;
	}
}

/* G4. Return: whether no section that G3 saw is left. */
static bool over(struct gw_bare *bare)
{
	for (unsigned i = 0; i < bare->opts.cpus; i++) {
		/* Pairs with the release in env_read_unlock, B2. */
		uint64_t now = gw_load_acquire(&bare->cpu[i].state);

		if (!(now & DEPTH) || (now ^ bare->seen[i]) & ~DEPTH)
			bare->waiting &= ~(1ull << i);
	}
	return !bare->waiting;
}

/* One step, under the lock: starts a grace period if one is wanted, ends one that is over. */
static void advance(struct gw_bare *bare)
{
	if (!bare->running && (bare->next.first || bare->completed < bare->wanted))
		start(bare);
	if (bare->running && over(bare)) {
		bare->running = false;
		bare->completed++;
		append(&bare->done, &bare->current);
	}
}

static void env_defer(struct gw_env *env, struct gw_head *head, void (*fn)(struct gw_head *head))
{
	struct gw_bare *bare = bare_of(env);
	struct gw_bare_queue one = {head, head};

	head->fn = fn;
	head->room[0] = NULL;
	if (GW_MUTANT(skip_grace)) {
		fn(head);
		return;
	}
	gw_lock_take(&bare->lock, env);
	append(&bare->next, &one);
	gw_lock_drop(&bare->lock);
}

/* Does not run deferred calls: the caller may hold what they want. A grace period that runs already
 * does not count, since it may have begun before what the caller unlinked. */
static void env_synchronize(struct gw_env *env)
{
	struct gw_bare *bare = bare_of(env);
	uint64_t target;

	if (GW_MUTANT(skip_grace))
		return;
	gw_lock_take(&bare->lock, env);
	target = bare->completed + (bare->running ? 2 : 1);
	if (bare->wanted < target)
		bare->wanted = target;
	advance(bare);
	for (unsigned spins = 0; bare->completed < target; spins++) {
		gw_lock_drop(&bare->lock);
		env->relax(env, spins);
		gw_lock_take(&bare->lock, env);
		advance(bare);
	}
	gw_lock_drop(&bare->lock);
}

/* A head may be queued again, or be gone, as soon as it is called. */
static void run(struct gw_head *head)
{
	while (head) {
		struct gw_head *next = head->room[0];

		head->fn(head);
		head = next;
	}
}

bool gw_bare_poll(struct gw_bare *bare)
{
	struct gw_bare_queue due = {0};
	bool left;

	gw_lock_take(&bare->lock, &bare->env);
	advance(bare);
	append(&due, &bare->done);
	bare->callers++;
	gw_lock_drop(&bare->lock);
	run(due.first);
	gw_lock_take(&bare->lock, &bare->env);
	bare->callers--;
	left = bare->callers || bare->next.first || bare->current.first || bare->done.first;
	gw_lock_drop(&bare->lock);
	return left;
}

void gw_bare_drain(struct gw_bare *bare)
{
	for (unsigned spins = 0; gw_bare_poll(bare); spins++)
		bare->env.relax(&bare->env, spins);
}

/* ---- The environment's life ---- */

static void env_relax(struct gw_env *env, unsigned spins)
{
	struct gw_bare *bare = bare_of(env);

	if (bare->opts.relax)
		bare->opts.relax(bare->opts.ctx, spins);
}

/* Hands a region to a pool, without what its alignment leaves over; NULL: nothing. */
static void pool_init(struct gw_bare_pool *pool, void *region, size_t bytes)
{
	char *start, *end;

	gw_store_relaxed(&pool->lock, 0);
	pool->first = NULL;
	pool->free_bytes = 0;
	if (!region)
		return;
	start = align_up(region, GRANULE);
	end = (char *)region + bytes;
	if (start < end && end - start >= GRANULE)
		give(pool, start, (size_t)(end - start) & ~(size_t)(GRANULE - 1));
}

static void env_init(struct gw_env *env)
{
	env->alloc = env_alloc;
	env->free = env_free;
	env->reserve = env_reserve;
	env->unreserve = env_unreserve;
	env->commit = env_commit;
	env->decommit = env_decommit;
	env->read_lock = env_read_lock;
	env->read_unlock = env_read_unlock;
	env->defer = env_defer;
	env->synchronize = env_synchronize;
	env->relax = env_relax;
}

int gw_bare_init(struct gw_bare *bare, const struct gw_bare_opts *opts)
{
	if (!opts->cpu || !opts->cpus || opts->cpus > GW_BARE_CPUS_MAX)
		return -EINVAL;
	bare->opts = *opts;
	env_init(&bare->env);
	pool_init(&bare->memory, opts->memory, opts->memory_bytes);
	pool_init(&bare->space, opts->space, opts->space_bytes);
	gw_store_relaxed(&bare->lock, 0);
	bare->running = false;
	bare->waiting = bare->completed = bare->wanted = 0;
	bare->callers = 0;
	bare->next = bare->current = bare->done = (struct gw_bare_queue){0};
	for (unsigned i = 0; i < GW_BARE_CPUS_MAX; i++)
		gw_store_relaxed(&bare->cpu[i].state, 0);
	return bare->memory.first && space_of(bare)->first ? 0 : -EINVAL;
}

size_t gw_bare_free_bytes(struct gw_bare *bare)
{
	size_t bytes;

	gw_lock_take(&bare->memory.lock, &bare->env);
	gw_lock_take(&bare->space.lock, &bare->env);
	bytes = bare->memory.free_bytes + bare->space.free_bytes;
	gw_lock_drop(&bare->space.lock);
	gw_lock_drop(&bare->memory.lock);
	return bytes;
}

uint64_t gw_bare_grace_periods(struct gw_bare *bare)
{
	uint64_t completed;

	gw_lock_take(&bare->lock, &bare->env);
	completed = bare->completed;
	gw_lock_drop(&bare->lock);
	return completed;
}
