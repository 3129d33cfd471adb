/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * env/bare on threads that stand for its CPUs; guarantees B to E, H, I, J. */
#include <gracewalk/bare.h>
#include <gracewalk/gracewalk.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <cmocka.h>

enum { CPUS = 5, UPDATERS = 2, WALKERS = 2, MEMORY = 1 << 20, SPACE = 64 << 20, HEAP = 8 << 20 };

static _Thread_local unsigned cpu_number;
static struct gw_bare bare;
static char *memory, *space;

static unsigned this_cpu(void *ctx)
{
	(void)ctx;
	return cpu_number;
}

static void relax(void *ctx, unsigned spins)
{
	(void)ctx;
	if (spins > 50)
		sched_yield();
}

static int setup(void **state)
{
	struct gw_bare_opts opts = {
		.memory_bytes = MEMORY,
		.space_bytes = SPACE,
		.cpus = CPUS,
		.cpu = this_cpu,
		.relax = relax,
	};

	(void)state;
	opts.memory = memory = malloc(MEMORY);
	opts.space = space = malloc(SPACE);
	return memory && space ? gw_bare_init(&bare, &opts) : -1;
}

static int teardown(void **state)
{
	(void)state;
	free(memory);
	free(space);
	return 0;
}

/* ---- Memory ---- */

static void options_are_checked(void **state)
{
	struct gw_bare_opts opts = {
		.memory = memory,
		.memory_bytes = MEMORY,
		.cpus = 1,
		.cpu = this_cpu,
	};
	struct gw_bare_opts bad = opts;

	(void)state;
	assert_int_equal(gw_bare_init(&bare, &opts), 0);
	bad.cpus = GW_BARE_CPUS_MAX + 1;
	assert_int_equal(gw_bare_init(&bare, &bad), -EINVAL);
	bad = opts;
	bad.cpu = NULL;
	assert_int_equal(gw_bare_init(&bare, &bad), -EINVAL);
	bad = opts;
	bad.memory_bytes = 20;
	assert_int_equal(gw_bare_init(&bare, &bad), -EINVAL);
}

struct piece {
	unsigned char *p;
	size_t bytes;
	bool small;
};

static void piece_take(struct piece *piece, unsigned number)
{
	size_t align = (size_t)1 << rand() % 16;
	struct gw_env *env = &bare.env;

	piece->small = rand() % 2;
	piece->bytes = (size_t)(1 + rand() % 5000);
	piece->p = piece->small ? env->alloc(env, piece->bytes)
				: env->reserve(env, piece->bytes, align);
	assert_non_null(piece->p);
	assert_false((uintptr_t)piece->p & (piece->small ? 15 : align - 1));
	for (size_t i = 0; i < piece->bytes; i++)
		assert_int_equal(piece->p[i], 0);
	for (size_t i = 0; i < piece->bytes; i++)
		piece->p[i] = (unsigned char)(number | 1);
}

static void piece_give(struct piece *piece, unsigned number)
{
	struct gw_env *env = &bare.env;

	for (size_t i = 0; i < piece->bytes; i++)
		assert_int_equal(piece->p[i], (unsigned char)(number | 1));
	if (piece->small)
		env->free(env, piece->p, piece->bytes);
	else
		env->unreserve(env, piece->p, piece->bytes);
	piece->p = NULL;
}

/* Pieces of any size and alignment do not overlap, are clear, and join again when given back. */
static void memory_joins_again(void **state)
{
	size_t before = gw_bare_free_bytes(&bare);
	struct piece pieces[100] = {0};
	void *all;

	(void)state;
	srand(1);
	for (unsigned i = 0; i < 20000; i++) {
		unsigned number = (unsigned)rand() % 100;

		if (pieces[number].p)
			piece_give(&pieces[number], number);
		else
			piece_take(&pieces[number], number);
	}
	for (unsigned i = 0; i < 100; i++)
		if (pieces[i].p)
			piece_give(&pieces[i], i);
	assert_int_equal(gw_bare_free_bytes(&bare), before);
	all = bare.env.alloc(&bare.env, MEMORY - 128);
	assert_non_null(all);
	assert_null(bare.env.alloc(&bare.env, 256));
	assert_null(bare.env.reserve(&bare.env, (size_t)2 * SPACE, 64));
	assert_null(bare.env.alloc(&bare.env, SIZE_MAX));
	bare.env.free(&bare.env, all, MEMORY - 128);
	assert_int_equal(gw_bare_free_bytes(&bare), before);
}

/* ---- Grace periods: one thread plays several CPUs ---- */

static unsigned calls;

static void count_call(struct gw_head *head)
{
	(void)head;
	calls++;
}

static void lock_on(unsigned cpu)
{
	cpu_number = cpu;
	bare.env.read_lock(&bare.env);
	cpu_number = 0;
}

static void unlock_on(unsigned cpu)
{
	cpu_number = cpu;
	bare.env.read_unlock(&bare.env);
	cpu_number = 0;
}

static unsigned polls(unsigned n)
{
	calls = 0;
	while (n--)
		gw_bare_poll(&bare);
	return calls;
}

static void section_holds_the_call(void **state)
{
	struct gw_head head;

	(void)state;
	lock_on(1);
	lock_on(1); /* they nest */
	bare.env.defer(&bare.env, &head, count_call);
	assert_int_equal(polls(5), 0);
	unlock_on(1);
	assert_int_equal(polls(5), 0);
	unlock_on(1);
	assert_int_equal(polls(5), 1);
	assert_int_equal(polls(5), 0);
	assert_false(gw_bare_poll(&bare));
}

/* A section that began after the grace period did is not waited for, though its CPU is never seen
 * outside one. */
static void later_section_does_not(void **state)
{
	struct gw_head head;

	(void)state;
	lock_on(1);
	lock_on(2);
	bare.env.defer(&bare.env, &head, count_call);
	assert_int_equal(polls(5), 0);
	unlock_on(1);
	lock_on(1);
	assert_int_equal(polls(5), 0);
	unlock_on(2);
	lock_on(2);
	assert_int_equal(polls(5), 1);
	unlock_on(1);
	unlock_on(2);
}

/* What is deferred while a grace period runs waits for the next one. */
static void later_call_waits_for_the_next(void **state)
{
	struct gw_head first, second;
	uint64_t before = gw_bare_grace_periods(&bare);

	(void)state;
	lock_on(1);
	bare.env.defer(&bare.env, &first, count_call);
	assert_int_equal(polls(1), 0);
	lock_on(2);
	bare.env.defer(&bare.env, &second, count_call);
	unlock_on(1);
	assert_int_equal(polls(5), 1);
	assert_int_equal(gw_bare_grace_periods(&bare), before + 1);
	unlock_on(2);
	assert_int_equal(polls(5), 1);
	assert_int_equal(gw_bare_grace_periods(&bare), before + 2);
}

static struct gw_head again_head;

static void call_again(struct gw_head *head)
{
	if (++calls < 3)
		bare.env.defer(&bare.env, head, call_again);
}

static void drain_follows_deferred_deferrals(void **state)
{
	(void)state;
	calls = 0;
	bare.env.defer(&bare.env, &again_head, call_again);
	gw_bare_drain(&bare);
	assert_int_equal(calls, 3);
}

static _Atomic bool in_section, leave_section, synchronized, too_soon;

static void *section_thread(void *arg)
{
	(void)arg;
	cpu_number = 1;
	bare.env.read_lock(&bare.env);
	gw_store_release(&in_section, true);
	while (!gw_load_acquire(&leave_section))
		sched_yield();
	gw_store_relaxed(&too_soon, gw_load_acquire(&synchronized));
	bare.env.read_unlock(&bare.env);
	return NULL;
}

static void *leave_thread(void *arg)
{
	struct timespec while_ = {.tv_nsec = 20000000};

	(void)arg;
	nanosleep(&while_, NULL);
	gw_store_release(&leave_section, true);
	return NULL;
}

/* Neither a section nor a grace period that began earlier lets synchronize() return too soon. */
static void synchronize_waits(void **state)
{
	pthread_t walker, clock;
	struct gw_head head;

	(void)state;
	gw_store_relaxed(&in_section, false);
	gw_store_relaxed(&leave_section, false);
	gw_store_relaxed(&synchronized, false);
	bare.env.synchronize(&bare.env);
	lock_on(2);
	bare.env.defer(&bare.env, &head, count_call);
	assert_int_equal(polls(1), 0);
	pthread_create(&walker, NULL, section_thread, NULL);
	while (!gw_load_acquire(&in_section))
		sched_yield();
	unlock_on(2);
	pthread_create(&clock, NULL, leave_thread, NULL);
	bare.env.synchronize(&bare.env);
	gw_store_release(&synchronized, true);
	pthread_join(walker, NULL);
	pthread_join(clock, NULL);
	assert_false(gw_load_relaxed(&too_soon));
	assert_int_equal(calls, 0);
	assert_int_equal(polls(1), 1);
}

/* ---- Page tables: walkers beside updaters ---- */

/* Each updater has addresses of its own, that share all tables but the lowest with the other's.
 * A page is mapped again only when its release was called; a walker that finds it mapped must not
 * find it released. */
enum { PAGES = 4096, PAGE_LG2 = GW_PAGE_LG2, MILLISECONDS = 400, WALKS_MIN = 1000 };
#define BASE 0x3f00000000ull
#define OUT 0x5a000000000ull
#define VALUE 0x5a5a5aull

static struct gw_pt *pt;
static _Atomic bool live[UPDATERS * PAGES];
static _Atomic uint64_t wrong, walked;
static _Atomic bool stop, destroyed;

static uint64_t page_va(uint64_t page)
{
	return BASE + (page << PAGE_LG2);
}

static bool counts_up(void)
{
	return gw_fmt_advance(0, 1) == 1;
}

static uint64_t page_out(uint64_t page)
{
	return counts_up() ? OUT + (page << PAGE_LG2) : VALUE;
}

static void release(void *ctx, const struct gw_leaf *run)
{
	uint64_t first = (run->va - BASE) >> PAGE_LG2;

	(void)ctx;
	for (uint64_t i = 0; i < run->bytes >> PAGE_LG2; i++)
		if (!atomic_exchange(&live[first + i], false))
			gw_fetch_add_relaxed(&wrong, 1);
}

static void was_destroyed(void *ctx)
{
	(void)ctx;
	gw_store_release(&destroyed, true);
}

/* Poison reads as a leaf to somewhere else at every level that has leaves. */
static uint64_t poison(unsigned heap)
{
	if (gw_fmt_is_leaf(0xdead0dead0081, 0) && gw_fmt_is_leaf(0xdead0dead0081, 1))
		return 0xdead0dead0081;
	return heap ? 0xdead0dead0400 : 0xdead0dead0000;
}

static void heaps_make(struct gw_heap *heap[GW_HEAPS_MAX])
{
	for (unsigned i = 0; i < GW_FMT_HEAPS; i++) {
		struct gw_heap_opts opts;

		assert_int_equal(gw_heap_defaults(i, &opts), 0);
		opts.env = &bare.env;
		opts.poison = poison(i);
		opts.max_bytes = HEAP;
		assert_int_equal(gw_heap_create(&opts, &heap[i]), 0);
	}
}

static void look(unsigned *seed)
{
	uint64_t page = (uint64_t)rand_r(seed) % (UPDATERS * PAGES), out;

	if (!gw_translate(pt, page_va(page), &out))
		return;
	gw_fetch_add_relaxed(&walked, 1);
	if (out != page_out(page) || !gw_load_acquire(&live[page]))
		gw_fetch_add_relaxed(&wrong, 1);
}

static void *walker(void *arg)
{
	unsigned seed;

	cpu_number = (unsigned)(uintptr_t)arg;
	seed = cpu_number;
	while (!gw_load_relaxed(&stop)) {
		bare.env.read_lock(&bare.env);
		for (unsigned i = 0; i < 50; i++)
			look(&seed);
		bare.env.read_unlock(&bare.env);
	}
	return NULL;
}

/* Pages from `first` on that are all free, at most `max`; they are live from here on. */
static uint64_t claim(uint64_t first, uint64_t end, uint64_t max)
{
	uint64_t n = 0;

	while (n < max && first + n < end && !gw_load_acquire(&live[first + n]))
		gw_store_relaxed(&live[first + n++], true);
	return n;
}

static void update(unsigned number, unsigned *seed)
{
	uint64_t start = (uint64_t)number * PAGES, end = start + PAGES;
	uint64_t first = start + (uint64_t)rand_r(seed) % PAGES;
	uint64_t max = rand_r(seed) % 8 ? (uint64_t)rand_r(seed) % 16 + 1 : PAGES, n;

	if (rand_r(seed) % 2) {
		n = claim(first, end, max);
		if (n &&
		    gw_map(pt, page_va(first), n << PAGE_LG2, page_out(first), GW_FMT_ATTRS_MUST))
			gw_fetch_add_relaxed(&wrong, 1);
	} else {
		n = end - first < max ? end - first : max;
		if (gw_unmap(pt, page_va(first), n << PAGE_LG2))
			gw_fetch_add_relaxed(&wrong, 1);
	}
}

static void *updater(void *arg)
{
	unsigned number = (unsigned)(uintptr_t)arg, seed = number + 100;

	cpu_number = 1 + WALKERS + number;
	while (!gw_load_relaxed(&stop)) {
		update(number, &seed);
		gw_bare_poll(&bare);
	}
	return NULL;
}

static void threads_run(void)
{
	struct timespec while_ = {.tv_nsec = MILLISECONDS * 1000000L};
	pthread_t thread[WALKERS + UPDATERS];
	unsigned n = 0;

	gw_store_relaxed(&stop, false);
	gw_store_relaxed(&walked, 0);
	for (uintptr_t i = 0; i < WALKERS; i++)
		assert_int_equal(pthread_create(&thread[n++], NULL, walker, (void *)(1 + i)), 0);
	for (uintptr_t i = 0; i < UPDATERS; i++)
		assert_int_equal(pthread_create(&thread[n++], NULL, updater, (void *)i), 0);
	/* On a slow machine that is not much of a while yet. */
	do
		nanosleep(&while_, NULL);
	while (gw_load_relaxed(&walked) <= WALKS_MIN);
	gw_store_relaxed(&stop, true);
	while (n)
		pthread_join(thread[--n], NULL);
}

static void beside_updaters(enum gw_policy policy, size_t limit)
{
	struct gw_opts opts = {
		.env = &bare.env,
		.policy = policy,
		.deferred_limit = limit,
		.release = release,
		.destroyed = was_destroyed,
	};
	size_t before = gw_bare_free_bytes(&bare);

	gw_store_relaxed(&wrong, 0);
	gw_store_relaxed(&destroyed, false);
	heaps_make(opts.heap);
	assert_int_equal(gw_create(&opts, &pt), 0);
	threads_run();
	gw_bare_drain(&bare);
	assert_int_equal(gw_check(pt), 0);
	gw_destroy(pt);
	gw_bare_drain(&bare);
	assert_true(gw_load_acquire(&destroyed));
	for (unsigned i = 0; i < UPDATERS * PAGES; i++)
		assert_false(gw_load_relaxed(&live[i]));
	for (unsigned i = 0; i < GW_FMT_HEAPS; i++) {
		assert_int_equal(gw_heap_check(opts.heap[i]), 0);
		gw_heap_put(opts.heap[i]);
	}
	assert_int_equal(gw_load_relaxed(&wrong), 0);
	assert_int_equal(gw_bare_free_bytes(&bare), before);
}

static void lazy_beside_walkers(void **state)
{
	(void)state;
	beside_updaters(GW_POLICY_LAZY, 0);
}

static void eager_beside_walkers(void **state)
{
	(void)state;
	beside_updaters(GW_POLICY_EAGER, 0);
}

/* Guarantee J: past the limit, updaters wait for grace periods themselves. */
static void eager_over_the_limit(void **state)
{
	uint64_t grace_periods = gw_bare_grace_periods(&bare);

	(void)state;
	beside_updaters(GW_POLICY_EAGER, 1);
	assert_true(gw_bare_grace_periods(&bare) > grace_periods);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(options_are_checked),
		TEST(memory_joins_again),
		TEST(section_holds_the_call),
		TEST(later_section_does_not),
		TEST(later_call_waits_for_the_next),
		TEST(drain_follows_deferred_deferrals),
		TEST(synchronize_waits),
		TEST(lazy_beside_walkers),
		TEST(eager_beside_walkers),
		TEST(eager_over_the_limit),
	};

	return cmocka_run_group_tests_name("bare", tests, NULL, NULL);
}
