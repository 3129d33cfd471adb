/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Writes a synthetic trace in which few tables pin many pages of tables.
 *
 *	adversarial -o FILE [--keep K] [--tables N] [--rounds R]
 *
 * Where several tables share a page or a larger block, memory goes back to the system only when
 * all that share it are free. This trace is made against that: it builds N lowest tables one
 * after another, so that neighbours share, and frees all but each K-th, so that with K tables or
 * more to a block each block keeps one. Then it does the same again at fresh addresses, which
 * tells whether the holes are used before new blocks are taken, R times in all.
 *
 * A round:
 *	- mmap of N times 2 MiB, aligned;
 *	- one touch in each 2 MiB, upwards, 300 ns apart: N tables;
 *	- 100 ms of nothing, so that grace periods pass;
 *	- munmap of the 2 MiB of each table but the K-th, the 2K-th and so on, 1 us each. Nothing
 *	  else is mapped in a 2 MiB, so the kernel's rules free the same tables as the exact ones;
 *	- 100 ms of nothing.
 * What was kept stays to the end, so that N / K tables are added in each round. Then an exit.
 *
 * No program ran and no kernel: the trace has no samples of VmPTE, and its command line begins
 * with "synthetic". The times are made up, near to what the calls take on hardware of today.
 */
#include "trace.h"
#include <popt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE UINT64_C(4096)
#define BLOCK (UINT64_C(512) * PAGE) /* the span of one lowest table */
#define GIB (UINT64_C(1) << 30)      /* the span of the table above it */
#define ADDRESS_BITS 47
#define BASE (UINT64_C(0x10000000000)) /* 1 TiB: the first round's mapping */
#define MAX_TABLES (1 << 20)
#define MAX_ROUNDS 16 /* with MAX_TABLES still below 1 << ADDRESS_BITS */

/* Nanoseconds. */
#define TOUCH UINT64_C(300)
#define CALL UINT64_C(1000)
#define PAUSE UINT64_C(100000000)

struct options {
	char *output; /* popt's copy */
	int keep, tables, rounds;
};

struct script {
	const struct options *options;
	struct trace_writer *writer;
	uint64_t now;
};

/* One event, so many nanoseconds after the one before. */
static int add(struct script *script, struct trace_event event, uint64_t after)
{
	script->now += after;
	event.time = script->now;
	return trace_writer_add(script->writer, &event);
}

static int map(struct script *script, uint64_t addr, uint64_t len)
{
	const struct trace_event event = {.kind = TRACE_MMAP,
					  .prot = PROT_READ | PROT_WRITE,
					  .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
					  .lead = CALL,
					  .addr = addr,
					  .len = len};

	return add(script, event, PAUSE);
}

static int touch_all(struct script *script, uint64_t addr)
{
	int err = 0;

	for (int i = 0; !err && i < script->options->tables; i++, addr += BLOCK)
		err = add(script, (struct trace_event){.kind = TRACE_FAULT, .addr = addr}, TOUCH);
	return err;
}

/* Unmap all but each keep-th; the first waits until the touches are long past. */
static int free_most(struct script *script, uint64_t addr)
{
	struct trace_event gone = {.kind = TRACE_MUNMAP, .took = CALL / 2, .len = BLOCK};
	uint64_t after = PAUSE;
	int err = 0;

	for (int i = 1; !err && i <= script->options->tables; i++, addr += BLOCK) {
		if (i % script->options->keep == 0)
			continue;
		gone.addr = addr;
		err = add(script, gone, after);
		after = CALL;
	}
	return err;
}

static int write_events(struct script *script)
{
	const uint64_t len = (uint64_t)script->options->tables * BLOCK;
	const uint64_t step = (len + GIB) / GIB * GIB; /* at least 2 MiB lie between two rounds */
	uint64_t addr = BASE;
	int err = add(script, (struct trace_event){.kind = TRACE_EXEC}, PAUSE);

	for (int round = 0; !err && round < script->options->rounds; round++, addr += step) {
		err = map(script, addr, len);
		if (!err)
			err = touch_all(script, addr);
		if (!err)
			err = free_most(script, addr);
	}
	return err ? err : add(script, (struct trace_event){.kind = TRACE_EXIT}, PAUSE);
}

static int write_trace(const struct options *options)
{
	char synthetic[] = "synthetic", name[] = "adversarial", keep[32], tables[32], rounds[32];
	char kernel[] = "6.18.0-synthetic", machine[] = "x86_64", thp[] = "never";
	char *argv[] = {synthetic, name, keep, tables, rounds};
	const struct trace_meta meta = {.argv = argv,
					.argc = sizeof(argv) / sizeof(*argv),
					.kernel = kernel,
					.machine = machine,
					.thp = thp,
					.page_size = PAGE,
					.address_bits = ADDRESS_BITS};
	struct script script = {.options = options};
	int err;

	snprintf(keep, sizeof(keep), "--keep=%d", options->keep);
	snprintf(tables, sizeof(tables), "--tables=%d", options->tables);
	snprintf(rounds, sizeof(rounds), "--rounds=%d", options->rounds);
	err = trace_writer_create(&meta, &script.writer);
	if (err)
		return err;
	err = write_events(&script);
	if (!err)
		err = trace_writer_save(script.writer, options->output, NULL);
	trace_writer_destroy(script.writer);
	return err;
}

/* ---- The command line ---- */

static const char *wrong(const struct options *options)
{
	if (!options->output)
		return "name the trace to write: -o FILE";
	if (options->keep < 1)
		return "--keep is a number from 1 up; 1 frees nothing";
	if (options->tables < 1 || options->tables > MAX_TABLES)
		return "--tables is a number from 1 to 1048576";
	if (options->rounds < 1 || options->rounds > MAX_ROUNDS)
		return "--rounds is a number from 1 to 16";
	return NULL;
}

static int run(const struct options *options)
{
	const char *text = wrong(options);
	int err;

	if (text) {
		fprintf(stderr, "adversarial: %s\n", text);
		return 2;
	}
	err = write_trace(options);
	if (err)
		fprintf(stderr, "adversarial: %s: %s\n", options->output, strerror(-err));
	return err ? 1 : 0;
}

int main(int argc, const char **argv)
{
	struct options options = {.keep = 256, .tables = 8192, .rounds = 4};
	const struct poptOption table[] = {
		{"output", 'o', POPT_ARG_STRING, &options.output, 0, "the trace to write", "FILE"},
		{"keep", 'k', POPT_ARG_INT | POPT_ARGFLAG_SHOW_DEFAULT, &options.keep, 0,
		 "keep each K-th table", "K"},
		{"tables", 'n', POPT_ARG_INT | POPT_ARGFLAG_SHOW_DEFAULT, &options.tables, 0,
		 "tables built in a round", "N"},
		{"rounds", 'r', POPT_ARG_INT | POPT_ARGFLAG_SHOW_DEFAULT, &options.rounds, 0,
		 "how often", "R"},
		POPT_AUTOHELP POPT_TABLEEND,
	};
	poptContext context = poptGetContext("adversarial", argc, argv, table, 0);
	int word = poptGetNextOpt(context), status = 2;

	if (word < -1)
		fprintf(stderr, "adversarial: %s: %s\n", poptBadOption(context, 0),
			poptStrerror(word));
	else if (poptPeekArg(context))
		fprintf(stderr, "adversarial: what is \"%s\"?\n", poptPeekArg(context));
	else
		status = run(&options);
	poptFreeContext(context);
	free(options.output);
	return status;
}
