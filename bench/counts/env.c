/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * An environment of one thread, in which a grace period is over when it is told to be. */
#include "env.h"
#include "bench.h"
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { LINE = 64 };

struct env_asked env_asked;

static struct gw_head *deferred; /* each holds the next in room[0] */

/* What is allocated begins with a line, so that what shares one is the same in each run. */
static void *env_alloc(struct gw_env *env, size_t bytes)
{
	size_t whole = (bytes + LINE - 1) & ~(size_t)(LINE - 1);
	void *p = aligned_alloc(LINE, whole);

	(void)env;
	return p ? memset(p, 0, whole) : NULL;
}

static void env_free(struct gw_env *env, void *p, size_t bytes)
{
	(void)env;
	(void)bytes;
	free(p);
}

static void *env_reserve(struct gw_env *env, size_t bytes, size_t align)
{
	unsigned char *p = mmap(NULL, bytes + align, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	(void)env;
	return p == MAP_FAILED ? NULL : p + (-(uintptr_t)p & (align - 1));
}

/* With the process. */
static void env_unreserve(struct gw_env *env, void *p, size_t bytes)
{
	(void)env;
	(void)p;
	(void)bytes;
}

static int env_commit(struct gw_env *env, void *p, size_t bytes)
{
	(void)env;
	(void)p;
	(void)bytes;
	env_asked.memory++;
	return 0;
}

static void env_decommit(struct gw_env *env, void *p, size_t bytes)
{
	(void)env;
	madvise(p, bytes, MADV_DONTNEED);
	env_asked.memory++;
}

static void env_read_lock(struct gw_env *env)
{
	(void)env;
	env_asked.sections++;
}

static void env_read_unlock(struct gw_env *env)
{
	(void)env;
}

static void env_defer(struct gw_env *env, struct gw_head *head, void (*fn)(struct gw_head *head))
{
	(void)env;
	head->fn = fn;
	head->room[0] = deferred;
	deferred = head;
	env_asked.deferred++;
}

static void env_synchronize(struct gw_env *env)
{
	(void)env;
	env_asked.waited++;
}

static void env_relax(struct gw_env *env, unsigned spins)
{
	(void)env;
	(void)spins;
	bench_check(false, "a lock is held, and there is one thread");
}

struct gw_env *counted_env(void)
{
	static struct gw_env env = {
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

	return &env;
}

unsigned grace_period(void)
{
	struct gw_head *head = deferred;
	unsigned n = 0;

	deferred = NULL;
	for (; head; n++) {
		struct gw_head *next = head->room[0];

		head->fn(head);
		head = next;
	}
	return n;
}
