/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Processes and threads that come and go: fork() with a page table in use, as
 * include/gracewalk/urcu.h says; threads that end without a word, by the flavour that lets them. */
#ifndef GW_FORMAT
#define GW_FORMAT x86_64
#endif
#include "reader.h"
#include <gracewalk/gracewalk.h>
#include <gracewalk/urcu.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096, TABLES = 32, OUT = 1 << 30, SECONDS = 60, ROUNDS = 100 };

/* A program's own flavour comes with a header that declares these; but only one does. */
#define FORK_CALLS(flavour)                                     \
	void urcu_##flavour##_call_rcu_before_fork(void);       \
	void urcu_##flavour##_call_rcu_after_fork_parent(void); \
	void urcu_##flavour##_call_rcu_after_fork_child(void)
FORK_CALLS(memb);
FORK_CALLS(mb);
FORK_CALLS(qsbr);
FORK_CALLS(bp);
void urcu_bp_before_fork(void);
void urcu_bp_after_fork_parent(void);
void urcu_bp_after_fork_child(void);

struct flavour {
	const char *name;
	const struct rcu_flavor_struct *rcu;
	void (*before)(void), (*in_parent)(void), (*in_child)(void);
	bool registers_itself;
};

static void bp_before(void)
{
	urcu_bp_call_rcu_before_fork();
	urcu_bp_before_fork();
}

static void bp_in_parent(void)
{
	urcu_bp_after_fork_parent();
	urcu_bp_call_rcu_after_fork_parent();
}

static void bp_in_child(void)
{
	urcu_bp_after_fork_child();
	urcu_bp_call_rcu_after_fork_child();
}

static const struct flavour flavours[] = {
	{"memb", &urcu_memb_flavor, urcu_memb_call_rcu_before_fork,
	 urcu_memb_call_rcu_after_fork_parent, urcu_memb_call_rcu_after_fork_child, false},
	{"mb", &urcu_mb_flavor, urcu_mb_call_rcu_before_fork, urcu_mb_call_rcu_after_fork_parent,
	 urcu_mb_call_rcu_after_fork_child, false},
	{"qsbr", &urcu_qsbr_flavor, urcu_qsbr_call_rcu_before_fork,
	 urcu_qsbr_call_rcu_after_fork_parent, urcu_qsbr_call_rcu_after_fork_child, false},
	{"bp", &urcu_bp_flavor, bp_before, bp_in_parent, bp_in_child, true},
};

static const struct flavour *flavour;
static const char *who = "parent";
static struct gw_env *env;
static struct gw_pt *pt;
static atomic_ulong released;
static atomic_bool stop, stay_away, is_away, walks;

static void expect(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "WRONG: %s, %s: %s\n", flavour->name, who, what);
	_exit(1);
}

static void release(void *ctx, const struct gw_leaf *run)
{
	(void)ctx;
	atomic_fetch_add(&released, run->bytes);
}

/* Every table has a page, to begin with. */
static uint64_t va_of(unsigned table)
{
	return table * gw_span(1);
}

static uint64_t out_of(unsigned table)
{
	return OUT + (uint64_t)table * PAGE;
}

/* Return: what the table's page maps to; 0: nothing. */
static uint64_t walk(unsigned table)
{
	uint64_t out = 0;

	reader_lock(flavour->rcu);
	if (!gw_translate(pt, va_of(table), &out))
		out = 0;
	reader_unlock(flavour->rcu);
	return out;
}

static void map_one(unsigned table)
{
	expect(!gw_map(pt, va_of(table), PAGE, out_of(table), GW_READ), "map");
}

static void unmap_one(unsigned table)
{
	expect(!gw_unmap(pt, va_of(table), PAGE), "unmap");
}

static void create(void)
{
	struct gw_opts opts = {.policy = GW_POLICY_EAGER, .release = release};

	env = gw_urcu_create(flavour->rcu);
	opts.env = env;
	expect(env && !gw_create(&opts, &pt), "create");
	released = 0;
	stop = stay_away = is_away = walks = false;
	for (unsigned i = 0; i < TABLES; i++)
		map_one(i);
}

/* So many pages have been mapped in all. */
static void destroy(unsigned long pages)
{
	gw_urcu_drain(env);
	expect(!gw_check(pt), "check");
	gw_destroy(pt);
	gw_urcu_destroy(env);
	expect(released == pages * PAGE, "not released exactly once");
}

/* The lower half of the tables stays as it is. While a process is forked this thread is not
 * registered, unless the flavour can do without it. */
static void *walker(void *unused)
{
	(void)unused;
	flavour->rcu->register_thread();
	for (unsigned i = 0; !atomic_load(&stop); i++) {
		unsigned table = i % (TABLES / 2);

		expect(walk(table) == out_of(table), "a walker misses its page");
		atomic_store(&walks, true);
		reader_quiescent(flavour->rcu);
		if (!atomic_load(&stay_away) || flavour->registers_itself)
			continue;
		flavour->rcu->unregister_thread();
		atomic_store(&is_away, true);
		while (atomic_load(&stay_away))
			usleep(100);
		flavour->rcu->register_thread();
	}
	flavour->rcu->unregister_thread();
	return NULL;
}

static void join(pthread_t id)
{
	flavour->rcu->thread_offline();
	expect(!pthread_join(id, NULL), "join");
	flavour->rcu->thread_online();
}

/* Walks, updates, waits for grace periods with a walker beside, and destroys. What was on its way
 * when the process was forked is released here too. */
static void child(void)
{
	pthread_t id;

	who = "child";
	alarm(SECONDS); /* the parent's is not inherited */
	for (unsigned i = 0; i < TABLES; i++)
		expect(walk(i) == (i < TABLES / 2 ? out_of(i) : 0), "a walk after the fork");
	atomic_store(&stay_away, false);
	expect(!pthread_create(&id, NULL, walker, NULL), "no thread");
	for (unsigned i = TABLES / 2; i < TABLES; i++)
		map_one(i);
	env->synchronize(env);
	for (unsigned i = TABLES / 2; i < TABLES; i++)
		unmap_one(i);
	atomic_store(&stop, true);
	join(id);
	destroy(TABLES + TABLES / 2);
	_exit(0);
}

static void fork_in_use(void)
{
	int status = -1;
	pthread_t id;
	pid_t pid;

	flavour->rcu->register_thread();
	create();
	expect(!pthread_create(&id, NULL, walker, NULL), "no thread");
	while (!atomic_load(&walks))
		usleep(100);
	for (unsigned i = TABLES / 2; i < TABLES; i++)
		unmap_one(i); /* tables and leaves wait when the process is forked */
	atomic_store(&stay_away, true);
	while (!flavour->registers_itself && !atomic_load(&is_away))
		usleep(100);
	/* Calls that are deferred wait for this thread too. */
	flavour->rcu->thread_offline();
	flavour->before();
	pid = fork();
	expect(pid >= 0, "no process");
	if (!pid) {
		flavour->in_child();
		flavour->rcu->thread_online();
		child();
	}
	flavour->in_parent();
	atomic_store(&stay_away, false);
	expect(waitpid(pid, &status, 0) == pid, "waitpid");
	flavour->rcu->thread_online();
	expect(WIFEXITED(status) && !WEXITSTATUS(status), "the child failed");
	for (unsigned i = 0; i < TABLES; i++)
		expect(walk(i) == (i < TABLES / 2 ? out_of(i) : 0), "the child's doings show");
	map_one(TABLES - 1);
	atomic_store(&stop, true);
	join(id);
	destroy(TABLES + 1);
	flavour->rcu->unregister_thread();
}

/* Walks and updates, and ends: liburcu notices by itself, with bp. */
static void *passer_by(void *number)
{
	unsigned table = TABLES / 2 + *(unsigned *)number;

	expect(walk(0) == out_of(0), "a thread misses a page");
	unmap_one(table);
	map_one(table);
	return NULL;
}

static void threads_end_without_a_word(void)
{
	unsigned number[] = {0, 1, 2};
	pthread_t id[3];

	create();
	for (unsigned round = 0; round < ROUNDS; round++) {
		for (unsigned i = 0; i < 3; i++)
			expect(!pthread_create(&id[i], NULL, passer_by, &number[i]), "no thread");
		for (unsigned i = 0; i < 3; i++)
			join(id[i]);
		if (round % 10 == 0)
			env->synchronize(env);
	}
	destroy(TABLES + 3 * ROUNDS);
}

int main(void)
{
	alarm(SECONDS);
	for (unsigned i = 0; i < sizeof(flavours) / sizeof(flavours[0]); i++) {
		flavour = &flavours[i];
		fork_in_use();
		if (flavour->registers_itself)
			threads_end_without_a_word();
	}
	return 0;
}
