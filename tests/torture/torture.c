/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Torture: walkers and updaters at full speed, and not one wrong answer. docs/testing.md says what
 * it shows. */
#include "torture.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { STUCK_SECONDS = 20, TICKS_PER_SECOND = 10 };

struct options opts = {.seconds = 3, .walkers = 2, .updaters = 3, .flavour_name = "memb"};
struct thread walkers[WALKERS_MAX], updaters[UPDATERS_MAX];
_Atomic bool stop;

static const char *const policies[] = {"lazy", "eager", "manual"};

/* ---- The end that should not be ---- */

void wrong(const char *format, ...)
{
	static _Atomic bool said;
	va_list args;

	while (gw_exchange_acq_rel(&said, true))
		pause(); /* one report, the first; the process ends with it */
	va_start(args, format);
	fprintf(stderr, "WRONG: ");
	vfprintf(stderr, format, args);
	fprintf(stderr,
		"\n  torture %s --seed %llu --walkers %u --updaters %u --flavour %s --policy %s "
		"--limit %llu --block %u%s%s%s\n",
		GW_FMT_NAME, (unsigned long long)opts.seed, opts.walkers, opts.updaters,
		opts.flavour_name, policies[opts.policy], (unsigned long long)opts.limit,
		opts.block, opts.shared ? " --shared" : "", opts.untold ? " --untold" : "",
		opts.scarce ? " --scarce" : "");
	va_end(args);
	_exit(1);
}

static void on_fault(int signal)
{
	static const char text[] = "WRONG: walked into released memory\n";

	(void)signal;
	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		_exit(2);
	_exit(1);
}

/* ---- Options ---- */

struct rng rng_make(uint64_t stream)
{
	struct rng rng = {.state = (opts.seed + 1) * 0x9e3779b97f4a7c15ull ^
				   stream * 0xbf58476d1ce4e5b9ull};

	if (!rng.state)
		rng.state = 1;
	for (unsigned i = 0; i < 8; i++)
		rng_next(&rng);
	return rng;
}

static const struct {
	const char *name;
	const struct rcu_flavor_struct *flavour;
} flavours[] = {
	{"memb", &urcu_memb_flavor},
	{"qsbr", &urcu_qsbr_flavor},
	{"mb", &urcu_mb_flavor},
	{"bp", &urcu_bp_flavor},
};

static bool set_flavour(const char *name)
{
	for (unsigned i = 0; i < sizeof(flavours) / sizeof(flavours[0]); i++) {
		if (!strcmp(name, flavours[i].name)) {
			opts.flavour = flavours[i].flavour;
			opts.flavour_name = name;
		}
	}
	return !strcmp(name, opts.flavour_name);
}

static bool set_policy(const char *name)
{
	for (unsigned i = 0; i < sizeof(policies) / sizeof(policies[0]); i++) {
		if (!strcmp(name, policies[i])) {
			opts.policy = (enum gw_policy)i;
			return true;
		}
	}
	return false;
}

static bool set_count(const char *text, unsigned max, unsigned *count)
{
	*count = (unsigned)strtoul(text, NULL, 0);
	return *count >= 1 && *count <= max;
}

static bool set_option(const char *name, const char *value)
{
	if (!strcmp(name, "--seconds"))
		return set_count(value, 1u << 30, &opts.seconds);
	if (!strcmp(name, "--walkers"))
		return set_count(value, WALKERS_MAX, &opts.walkers);
	if (!strcmp(name, "--updaters"))
		return set_count(value, UPDATERS_MAX, &opts.updaters);
	if (!strcmp(name, "--block"))
		return set_count(value, GW_TABLES_PER_BLOCK_MAX, &opts.block);
	if (!strcmp(name, "--seed"))
		opts.seed = strtoull(value, NULL, 0);
	else if (!strcmp(name, "--limit"))
		opts.limit = strtoull(value, NULL, 0);
	else if (!strcmp(name, "--flavour"))
		return set_flavour(value);
	else if (!strcmp(name, "--policy"))
		return set_policy(value);
	else
		return false;
	return true;
}

static void usage(void)
{
	fprintf(stderr, "usage: torture [--seconds N] [--seed S] [--walkers N] [--updaters N]\n"
			"               [--flavour memb|qsbr|mb|bp] [--policy lazy|eager|manual] "
			"[--limit BYTES]\n"
			"               [--block TABLES] [--shared] [--untold] [--scarce]\n");
	exit(2);
}

static void read_options(int argc, char **argv)
{
	const char *seconds = getenv("GW_TORTURE_SECONDS");
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	opts.seed = ((uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec) % 1000000007;
	set_flavour("memb");
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--shared"))
			opts.shared = true;
		else if (!strcmp(argv[i], "--untold"))
			opts.untold = true;
		else if (!strcmp(argv[i], "--scarce"))
			opts.scarce = true;
		else if (i + 1 == argc || !set_option(argv[i], argv[i + 1]))
			usage();
		else
			i++;
	}
	if (seconds && !set_count(seconds, 1u << 30, &opts.seconds))
		usage();
}

/* ---- Heaps: poisoned, with blocks of a size that the seed chooses ---- */

static void heaps_create(struct gw_heap *heap[GW_HEAPS_MAX])
{
	struct rng rng = rng_make(99);

	for (unsigned i = 0; i < GW_FMT_HEAPS; i++) {
		struct gw_heap_opts ho;

		gw_heap_defaults(i, &ho);
		ho.env = test_env;
		ho.poison = poison_of_heap(i);
		if (opts.block)
			ho.tables_per_block = opts.block;
		else if (opts.scarce || rng_below(&rng, 2))
			ho.tables_per_block = 1u << rng_below(&rng, opts.scarce ? 3 : 9);
		if (opts.scarce)
			ho.spare_bytes = 0; /* so that memory is asked for */
		if (gw_heap_create(&ho, &heap[i]))
			wrong("heap_create: no memory");
	}
}

/* Tables that were given back. */
struct freed {
	uint64_t at_once, deferred;
};

static void heaps_check(struct gw_heap *const heap[GW_HEAPS_MAX], uint64_t used[GW_HEAPS_MAX],
			struct freed *freed)
{
	for (unsigned i = 0; i < GW_FMT_HEAPS; i++) {
		struct gw_heap_stats s;

		gw_heap_stats(heap[i], &s);
		if (gw_heap_check(heap[i]) || s.waiting ||
		    s.allocs - s.frees - s.defers != s.used ||
		    s.blocks_taken - s.blocks_given_back != s.blocks ||
		    s.used + s.waiting + s.free != s.blocks * s.tables_per_block)
			wrong("heap %u: its figures do not add up", i);
		used[i] = s.used;
		freed->at_once += s.frees;
		freed->deferred += s.defers;
	}
}

static void heaps_put(struct gw_heap *const heap[GW_HEAPS_MAX])
{
	for (unsigned i = 0; i < GW_FMT_HEAPS; i++)
		gw_heap_put(heap[i]);
}

/* ---- Threads, and who watches them ---- */

static uint64_t total(const struct thread *threads, unsigned n, size_t member)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < n; i++)
		sum += gw_load_relaxed((_Atomic uint64_t *)((uintptr_t)&threads[i] + member));
	return sum;
}

static void watch_one(const struct thread *thread, const char *who, uint64_t *last, unsigned *still)
{
	uint64_t count = gw_load_relaxed((_Atomic uint64_t *)(uintptr_t)&thread->count);

	*still = count == *last ? *still + 1 : 0;
	*last = count;
	if (*still > STUCK_SECONDS * TICKS_PER_SECOND)
		wrong("no progress for %d s: %s %u", STUCK_SECONDS, who, thread->number);
}

static void watch(void)
{
	uint64_t last[WALKERS_MAX + UPDATERS_MAX] = {0};
	unsigned still[WALKERS_MAX + UPDATERS_MAX] = {0};

	for (unsigned tick = 0; tick < opts.seconds * TICKS_PER_SECOND; tick++) {
		usleep(1000000 / TICKS_PER_SECOND);
		for (unsigned i = 0; i < opts.walkers; i++)
			watch_one(&walkers[i], "walker", &last[i], &still[i]);
		for (unsigned i = 0; i < opts.updaters; i++)
			watch_one(&updaters[i], "updater", &last[WALKERS_MAX + i],
				  &still[WALKERS_MAX + i]);
	}
}

/* The end may hang too: then the alarm says so. */
static void on_alarm(int signal)
{
	static const char text[] = "WRONG: no progress at the end\n";

	(void)signal;
	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		_exit(2);
	_exit(1);
}

static void run_threads(void)
{
	pthread_t id[WALKERS_MAX + UPDATERS_MAX];
	unsigned n = 0;

	for (unsigned i = 0; i < opts.walkers; i++) {
		walkers[i] = (struct thread){.number = i, .rng = rng_make(1000 + i)};
		pthread_create(&id[n++], NULL, walker_main, &walkers[i]);
	}
	for (unsigned i = 0; i < opts.updaters; i++) {
		updaters[i] = (struct thread){.number = i, .rng = rng_make(2000 + i)};
		pthread_create(&id[n++], NULL, updater_main, &updaters[i]);
	}
	reader_offline(opts.flavour);
	test_env_scarce(test_env, opts.scarce);
	watch();
	test_env_scarce(test_env, false);
	gw_store_relaxed(&stop, true);
	alarm(4 * STUCK_SECONDS);
	while (n > 0)
		pthread_join(id[--n], NULL);
	opts.flavour->thread_online();
}

/* ---- The end that should be ---- */

static void check_space(struct space *space)
{
	if (gw_check(gw_load_relaxed(&space->pt)))
		wrong("check: the structure of space %u does not add up", space->number);
}

static uint64_t sum(const uint64_t used[GW_HEAPS_MAX])
{
	uint64_t tables = 0;

	for (unsigned i = 0; i < GW_HEAPS_MAX; i++)
		tables += used[i];
	return tables;
}

/* Guarantee I, and manual reclaim: with nothing mapped there is no table but the root. */
static void check_no_tables(struct space *space, struct gw_heap *const heap[GW_HEAPS_MAX])
{
	uint64_t used[GW_HEAPS_MAX] = {0};
	struct freed ignored = {0};

	updater_clear(space);
	test_env_drain(test_env);
	if (opts.policy == GW_POLICY_MANUAL) {
		gw_reclaim(gw_load_relaxed(&space->pt), 0, UINT64_MAX);
		test_env_drain(test_env);
	}
	check_space(space);
	heaps_check(heap, used, &ignored);
	if (!opts.shared && sum(used) != 1)
		wrong("%llu tables are left of an empty page table", (unsigned long long)sum(used));
}

static void finish(struct gw_heap *const heap[GW_HEAPS_MAX], struct freed *freed)
{
	uint64_t used[GW_HEAPS_MAX] = {0};

	if (gw_load_relaxed(&spaces[TRANSIENT].pt))
		updater_destroy(&spaces[TRANSIENT]);
	test_env_drain(test_env);
	check_space(&spaces[0]);
	if (opts.shared)
		check_space(&spaces[1]);
	if (!opts.shared || opts.seed & 1)
		check_no_tables(&spaces[0], heap);
	updater_destroy(&spaces[0]);
	if (opts.shared)
		updater_destroy(&spaces[1]);
	test_env_drain(test_env);
	heaps_check(heap, used, freed);
	if (sum(used))
		wrong("tables are left of page tables that are gone");
	records_check();
	if (!spaces[0].gone || (opts.shared && !(spaces[1].gone && spaces[TRANSIENT].gone)))
		wrong("destroyed was not called");
}

/* The last line, for the eye and for `gracewalk torture --minutes`: names, and a number after each.
 */
static void print_summary(const struct freed *freed)
{
	uint64_t without_memory =
		total(updaters, opts.updaters, offsetof(struct thread, without_memory));
	const struct {
		const char *name;
		uint64_t value;
	} figures[] = {
		{"walks", total(walkers, opts.walkers, offsetof(struct thread, count))},
		{"hits", total(walkers, opts.walkers, offsetof(struct thread, hits))},
		{"updates", total(updaters, opts.updaters, offsetof(struct thread, count))},
		{"refused", total(updaters, opts.updaters, offsetof(struct thread, errors))},
		{"without memory", without_memory},
		{"invalidations", spaces[0].invalidations + spaces[1].invalidations},
		{"tables freed at once", freed->at_once},
		{"tables deferred", freed->deferred},
		{"collapsed", total(updaters, opts.updaters, offsetof(struct thread, collapsed))},
		{"grace periods", test_env_grace_periods(test_env)},
		{"wrong answers", 0},
	};
	const char *between = "";

	if (opts.scarce && !without_memory)
		wrong("no call was without memory");
	printf("torture %s %s %s%s seed %llu: ", GW_FMT_NAME, opts.flavour_name,
	       policies[opts.policy], opts.shared ? " shared" : "", (unsigned long long)opts.seed);
	for (unsigned i = 0; i < sizeof(figures) / sizeof(figures[0]); i++, between = ", ")
		printf("%s%s %llu", between, figures[i].name, (unsigned long long)figures[i].value);
	putchar('\n');
}

int main(int argc, char **argv)
{
	struct gw_heap *heap[GW_HEAPS_MAX] = {NULL};
	struct freed freed = {0};

	read_options(argc, argv);
	signal(SIGSEGV, on_fault);
	signal(SIGBUS, on_fault);
	signal(SIGALRM, on_alarm);
	opts.flavour->register_thread();
	test_env = test_env_create(opts.flavour);
	if (!test_env)
		wrong("env: no memory");
	model_init();
	heaps_create(heap);
	transient_init(heap);
	for (unsigned i = 0; i < (opts.shared ? 2 : 1); i++) {
		struct gw_pt *pt;

		if (space_create(&spaces[i], test_env, heap, &pt))
			wrong("create: no memory");
		gw_store_release(&spaces[i].pt, pt);
	}
	run_threads();
	finish(heap, &freed);
	heaps_put(heap);
	print_summary(&freed);
	test_env_destroy(test_env);
	opts.flavour->unregister_thread();
	model_fini();
	return 0;
}
