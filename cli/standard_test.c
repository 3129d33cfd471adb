/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The command `gracewalk standard-test`: much address space, touched thinly, discarded by pages. */
#include "standard_test.h"
#include "flavour.h"
#include "progress.h"
#include "rebuild.h"
#include "scan_process.h"
#include "walkers.h"
#include <gracewalk/urcu.h>
#include <popt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <unistd.h>

/* The test that kernel developers have used since 2021: 50 GB of address space, one page touched
 * in each 2 MiB, then discarded. Discarded 4 KiB at a time, because that is how allocators do
 * it, and no kernel frees tables then. */
enum { PAGE = 4096, STRIDE = 2 << 20, MAX_GIB = 1024 };

struct options {
	char *format, *flavour; /* popt's copies; NULL: the default */
	int gib, walkers;
};

/* Bytes of tables and seconds, after each step. */
struct figures {
	uint64_t before, touched, discarded, released;
	double touching, discarding;
};

static double since(uint64_t start)
{
	return (double)(progress_now() - start) / 1e9;
}

/* ---- The kernel's side ---- */

/* VmPTE of this process, in bytes; 0 where the kernel does not tell. */
static uint64_t vmpte(void)
{
	struct scan_process process;
	uint64_t held;

	scan_process_open(&process, getpid());
	held = process.held;
	scan_process_close(&process);
	return held;
}

static int discard(unsigned char *p, size_t bytes)
{
	struct progress progress;
	int err = 0;

	progress_start(&progress, "the kernel discards");
	for (size_t at = 0; at < bytes && !err; at += PAGE) {
		err = madvise(p + at, PAGE, MADV_DONTNEED) ? -errno : 0;
		if (at % (1 << 26) == 0)
			progress_show(&progress, at, bytes);
	}
	progress_end(&progress);
	return err;
}

static int kernel_side(size_t bytes, struct figures *figures)
{
	uint64_t start;
	unsigned char *p;
	int err;

	figures->before = vmpte();
	p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		 -1, 0);
	if (p == MAP_FAILED)
		return -errno;
	madvise(p, bytes, MADV_NOHUGEPAGE);
	start = progress_now();
	for (size_t at = 0; at < bytes; at += STRIDE)
		p[at] = 1;
	figures->touching = since(start);
	figures->touched = vmpte();
	start = progress_now();
	err = discard(p, bytes);
	figures->discarding = since(start);
	figures->discarded = vmpte();
	munmap(p, bytes);
	figures->released = vmpte();
	return err;
}

/* ---- The same calls here ---- */

static int our_calls(struct rebuild *rebuild, const struct rcu_flavor_struct *flavour,
		     uint64_t bytes, struct figures *figures)
{
	const uint64_t base = 1ull << 37; /* within the lower half of 39 bits */
	struct progress progress;
	uint64_t start = progress_now();
	int err = 0;

	figures->before = rebuild_bytes(rebuild);
	for (uint64_t at = 0; at < bytes && !err; at += STRIDE)
		err = rebuild_ops.map(rebuild, base + at, PAGE, PROT_READ | PROT_WRITE);
	figures->touching = since(start);
	figures->touched = rebuild_bytes(rebuild);
	start = progress_now();
	progress_start(&progress, "gracewalk discards");
	for (uint64_t at = 0; at < bytes && !err; at += PAGE) {
		err = rebuild_ops.unmap(rebuild, base + at, PAGE);
		if (at % (1 << 20) == 0) {
			flavour->read_quiescent_state();
			progress_show(&progress, at, bytes);
		}
	}
	progress_end(&progress);
	figures->discarding = since(start);
	gw_urcu_drain(rebuild->env);
	figures->discarded = rebuild_bytes(rebuild);
	return err;
}

static void print_ours(const struct rebuild *rebuild, const struct figures *figures,
		       const struct walkers_result *walks)
{
	uint64_t taken = 0, back = 0;
	struct gw_pt_stats stats;

	rebuild->format->stats(rebuild->pt, &stats);
	for (unsigned i = 0; i < stats.heaps; i++) {
		const struct gw_heap_stats *heap = &stats.heap[i];

		taken += heap->allocs;
		back += heap->allocs - heap->used;
	}
	printf("  gracewalk, %-12s %10llu kB %14llu kB\n", rebuild->format->name,
	       (unsigned long long)(figures->touched >> 10),
	       (unsigned long long)(figures->discarded >> 10));
	printf("  tables built %llu, given back %llu; held now: %llu bytes, of which %llu below "
	       "the root\n",
	       (unsigned long long)taken, (unsigned long long)back,
	       (unsigned long long)stats.table_bytes, (unsigned long long)figures->discarded);
	printf("  gracewalk: %.2f s to map, %.2f s to unmap in pages\n", figures->touching,
	       figures->discarding);
	printf("  walks meanwhile: %llu, wrong answers %llu, stale answers %llu\n",
	       (unsigned long long)walks->walks,
	       (unsigned long long)(walks->wrong + rebuild->wrong),
	       (unsigned long long)walks->stale);
	if (walks->first[0])
		fprintf(stderr, "gracewalk: %s\n", walks->first);
}

static int our_side(const struct options *options, const struct gw_format *format,
		    struct gw_env *env, const struct rcu_flavor_struct *flavour)
{
	const struct gw_opts opts = {.policy = GW_POLICY_LAZY};
	struct walkers_result walks = {0};
	struct figures figures = {0};
	struct walkers *walkers;
	struct rebuild rebuild;
	int err = rebuild_open(&rebuild, format, env, &opts);

	if (err)
		return err;
	err = walkers_start((unsigned)options->walkers, format, rebuild.pt, &rebuild.frames,
			    flavour, &walkers);
	if (!err) {
		err = our_calls(&rebuild, flavour, (uint64_t)options->gib << 30, &figures);
		walkers_stop(walkers, &walks);
	}
	if (!err) {
		print_ours(&rebuild, &figures, &walks);
		err = format->check(rebuild.pt);
	}
	if (!err && (figures.discarded || walks.wrong || walks.stale || rebuild.wrong))
		err = -EIO;
	rebuild_close(&rebuild);
	return err;
}

static int both_sides(const struct options *options, const struct gw_format *format,
		      const struct rcu_flavor_struct *flavour)
{
	struct figures kernel = {0};
	struct utsname uts;
	struct gw_env *env;
	int err;

	uname(&uts);
	printf("standard test: %d GiB, one page touched in each 2 MiB, discarded 4 KiB at a time\n",
	       options->gib);
	printf("  bytes of page tables         touched      discarded\n");
	err = kernel_side((size_t)options->gib << 30, &kernel);
	if (err) {
		fprintf(stderr, "gracewalk: the kernel's side failed: %s; try a smaller --size\n",
			strerror(-err));
		return 1;
	}
	printf("  the kernel, VmPTE      %10llu kB %14llu kB   (Linux %s; without the test %llu "
	       "kB)\n",
	       (unsigned long long)(kernel.touched >> 10),
	       (unsigned long long)(kernel.discarded >> 10), uts.release,
	       (unsigned long long)(kernel.before >> 10));
	env = gw_urcu_create(flavour);
	err = env ? our_side(options, format, env, flavour) : -ENOMEM;
	if (env)
		gw_urcu_destroy(env);
	if (err)
		fprintf(stderr, "gracewalk: the standard test failed: %s\n", strerror(-err));
	return err ? 1 : 0;
}

int standard_test_main(int argc, const char **argv)
{
	struct options options = {.gib = 50, .walkers = 1};
	const struct poptOption table[] = {
		{"size", 's', POPT_ARG_INT | POPT_ARGFLAG_SHOW_DEFAULT, &options.gib, 0,
		 "address space to touch, in GiB", "GIB"},
		{"format", 'f', POPT_ARG_STRING, &options.format, 0,
		 "page-table format, one of those in gracewalk(1); default: x86-64", "FORMAT"},
		{"walkers", 'w', POPT_ARG_INT | POPT_ARGFLAG_SHOW_DEFAULT, &options.walkers, 0,
		 "threads that translate all the while", "N"},
		{"flavour", 'u', POPT_ARG_STRING, &options.flavour, 0,
		 "of liburcu: " FLAVOUR_NAMES " (default: memb)", "NAME"},
		POPT_AUTOHELP POPT_TABLEEND,
	};
	poptContext context = poptGetContext("gracewalk standard-test", argc, argv, table, 0);
	const struct rcu_flavor_struct *flavour;
	const struct gw_format *format;
	int status = 2, word = poptGetNextOpt(context);

	format = gw_format_find(options.format ? options.format : "x86-64");
	flavour = flavour_find(options.flavour ? options.flavour : "memb");
	if (word < -1)
		fprintf(stderr, "gracewalk: %s: %s\n", poptBadOption(context, 0),
			poptStrerror(word));
	else if (poptPeekArg(context))
		fprintf(stderr, "gracewalk: standard-test takes no \"%s\"\n", poptPeekArg(context));
	else if (!format || !flavour || options.gib < 1 || options.gib > MAX_GIB ||
		 options.walkers < 0 || options.walkers > 256)
		fprintf(stderr, "gracewalk: bad value; gracewalk standard-test --help lists what "
				"there is\n");
	else
		status = 0;
	if (!status) {
		flavour->register_thread();
		status = both_sides(&options, format, flavour);
		flavour->unregister_thread();
	}
	poptFreeContext(context);
	free(options.format);
	free(options.flavour);
	return status;
}
