/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Benchmark: Gracewalk and its peers on the same work, in turns. docs/performance.md says how to
 * read what it prints. */
#include "work.h"
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <urcu/urcu-memb.h>

enum { SIZES_MAX = 8 };

static struct {
	uint64_t pages[SIZES_MAX];
	unsigned sizes;
	double churn_seconds;
	uint64_t growth_max;
	const char *work, *peer;
	char *json;
} options = {.churn_seconds = 3, .growth_max = 1 << 26};

/* ---- Who takes part ---- */

static const struct subject all[] = {
	{"raw walk", &peer_raw, NULL, NULL, PEER_TABLES_STAY},
	{"raw walk, huge pages", &peer_raw_huge, NULL, NULL, PEER_TABLES_STAY},
	{"raw walk in sections", &peer_raw_section, NULL, NULL, PEER_TABLES_STAY},
	{"flat array", &peer_flat, NULL, NULL, PEER_TABLES_STAY},
	{"gracewalk x86-64", &peer_x86_64, NULL, NULL, PEER_TABLES_LAZY},
	{"gracewalk x86-64, eager", &peer_x86_64, NULL, NULL, PEER_TABLES_EAGER},
	{"gracewalk x86-64, tables stay", &peer_x86_64, NULL, NULL, PEER_TABLES_STAY},
	{"gracewalk index64", &peer_index64, NULL, NULL, PEER_TABLES_LAZY},
	{"gracewalk index64, eager", &peer_index64, NULL, NULL, PEER_TABLES_EAGER},
	{"gracewalk index64, tables stay", &peer_index64, NULL, NULL, PEER_TABLES_STAY},
	{"rculfhash", &peer_rculfhash, "liburcu-dev", NULL, PEER_TABLES_LAZY},
	{"rculfhash, buckets stay", &peer_rculfhash, "liburcu-dev", NULL, PEER_TABLES_STAY},
	{"JudyL, rwlock", &peer_judy, "libjudy-dev", NULL, PEER_TABLES_LAZY},
	{"rte_hash", &peer_rte_hash, "libdpdk-dev", NULL, PEER_TABLES_LAZY},
	{"ordered map, rwlock", &peer_ordered, "g++", NULL, PEER_TABLES_LAZY},
};
enum { ALL = sizeof(all) / sizeof(all[0]) };

/* The base is always there. */
static bool wanted(unsigned i)
{
	return i == 0 || !options.peer || strstr(all[i].name, options.peer);
}

static bool takes_part(unsigned i, enum who who)
{
	const struct peer *peer = all[i].peer;

	if (!wanted(i))
		return false;
	if (!peer)
		return all[i].tables == PEER_TABLES_LAZY && who != WHO_GROWS;
	if (who == WHO_GROWS && peer != &peer_raw && peer != &peer_x86_64 && peer != &peer_index64)
		return false;
	if (peer->lookups_only && who != WHO_LOOKS_UP)
		return false;
	return !peer->policies || all[i].tables == PEER_TABLES_LAZY || who == WHO_UPDATES_EACH_WAY;
}

unsigned subjects(struct subject list[SUBJECTS_MAX], enum who who)
{
	static char missing[ALL][64];
	unsigned n = 0;

	for (unsigned i = 0; i < ALL; i++) {
		if (!takes_part(i, who))
			continue;
		list[n] = all[i];
		if (!all[i].peer) {
			snprintf(missing[i], sizeof(missing[i]), "built without %s",
				 all[i].package);
			list[n].skipped = missing[i];
		}
		n++;
	}
	return n;
}

/* ---- What the workloads share ---- */

uint64_t work_base(void)
{
	static volatile uint64_t base = 0x100000000000;

	return base;
}

/* Threads are known to liburcu, and to what else a peer needs. */
static void for_peers(bool leave)
{
	for (unsigned i = 0; i < ALL; i++) {
		void (*hook)(void) = !all[i].peer || !wanted(i) ? NULL
				     : leave                    ? all[i].peer->thread_unregister
								: all[i].peer->thread_register;

		if (hook)
			hook();
	}
}

void work_register(void)
{
	urcu_memb_register_thread();
	for_peers(false);
}

void work_unregister(void)
{
	for_peers(true);
	urcu_memb_unregister_thread();
}

uint64_t work_scale(uint64_t units, double ns, uint64_t least)
{
	double scaled = (double)units * TURN_NS / (ns > 1 ? ns : 1);

	if (scaled > 1e8)
		return 100000000;
	return scaled > (double)least ? (uint64_t)scaled : least;
}

double work_cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

double work_ticks_per_ns(void)
{
	static double rate;
	double start = bench_now_ns(), now = start;
	uint64_t first = peer_ticks();

	while (rate == 0 && now - start < 2e7)
		now = bench_now_ns();
	if (rate == 0)
		rate = (double)(peer_ticks() - first) / (now - start);
	return rate;
}

/* ---- The workloads ---- */

static void lookup(void)
{
	updater_begin();
	for (unsigned i = 0; i < options.sizes; i++)
		work_lookup(options.pages[i]);
	updater_end();
}

static void latency(void)
{
	updater_begin();
	work_latency(options.pages[0]);
	updater_end();
}

static void churn(void)
{
	work_churn(options.churn_seconds);
}

static void growth(void)
{
	work_growth(options.growth_max);
}

/* First those with processes of their own, which are to be copies of one that has no threads. */
static const struct {
	const char *name;
	void (*run)(void);
	bool processes;
} works[] = {
	{"memory", work_memory, true}, {"churn", churn, true},           {"growth", growth, true},
	{"lookup", lookup, false},     {"update", work_update, false},   {"life", work_life, false},
	{"modes", work_modes, false},  {"threads", work_threads, false}, {"many", work_many, false},
	{"latency", latency, false},
};
enum { WORKS = sizeof(works) / sizeof(works[0]) };

/* ---- The command line ---- */

static int usage(const char *program)
{
	fprintf(stderr,
		"usage: %s [--pages N]... [--work NAME] [--peer NAME] [--json PATH]\n"
		"          [--churn-seconds S] [--growth-max N]\n"
		"  --pages  pages to look up among, a power of two from 1024 on; default 1 Mi, 64 "
		"Mi\n"
		"  --work   only one of:",
		program);
	for (unsigned i = 0; i < WORKS; i++)
		fprintf(stderr, " %s", works[i].name);
	fprintf(stderr,
		"\n"
		"  --peer   only structures whose names contain this, and the base\n"
		"  --churn-seconds  so long each structure churns; default 3\n"
		"  --growth-max     most pages to grow to, a power of two; default 64 Mi\n");
	return 2;
}

static bool parse_seconds(const char *text)
{
	char *end;

	options.churn_seconds = strtod(text, &end);
	return !*end && options.churn_seconds >= 0.1 && options.churn_seconds <= 3600;
}

/* Return: 0: not a power of two that makes sense. */
static uint64_t power_of_two(const char *text)
{
	char *end;
	uint64_t pages = strtoull(text, &end, 0);

	return *end || pages < 1024 || pages > 1ull << 31 || pages & (pages - 1) ? 0 : pages;
}

static bool parse_pages(const char *text)
{
	return options.sizes < SIZES_MAX &&
	       (options.pages[options.sizes++] = power_of_two(text)) != 0;
}

static bool parse_growth(const char *text)
{
	options.growth_max = power_of_two(text);
	return options.growth_max;
}

static bool parse(int argc, char **argv)
{
	static const struct option known[] = {{"pages", required_argument, NULL, 'n'},
					      {"work", required_argument, NULL, 'w'},
					      {"peer", required_argument, NULL, 'p'},
					      {"json", required_argument, NULL, 'j'},
					      {"churn-seconds", required_argument, NULL, 'c'},
					      {"growth-max", required_argument, NULL, 'g'},
					      {0}};

	for (int c; (c = getopt_long(argc, argv, "", known, NULL)) != -1;) {
		if (c == 'w')
			options.work = optarg;
		else if (c == 'p')
			options.peer = optarg;
		else if (c == 'j')
			options.json = optarg;
		else if (!(c == 'n' && parse_pages(optarg)) &&
			 !(c == 'c' && parse_seconds(optarg)) &&
			 !(c == 'g' && parse_growth(optarg)))
			return false;
	}
	if (!options.sizes) {
		options.pages[0] = 1 << 20;
		options.pages[1] = 1 << 26;
		options.sizes = 2;
	}
	return optind == argc;
}

int main(int argc, char **argv)
{
	char json[] = "--json", *rest[] = {argv[0], json, NULL, NULL};
	bool registered = false, known = false;

	if (!parse(argc, argv))
		return usage(argv[0]);
	rest[2] = options.json;
	bench_begin("Gracewalk and its peers", options.json ? 3 : 1, rest);
	for (unsigned i = 0; i < WORKS; i++) {
		if (options.work && strcmp(options.work, works[i].name))
			continue;
		known = true;
		if (!works[i].processes && !registered)
			work_register();
		registered |= !works[i].processes;
		printf("---- %s ----\n\n", works[i].name);
		works[i].run();
		bench_save();
	}
	if (registered)
		work_unregister();
	return known ? bench_end() : usage(argv[0]);
}
