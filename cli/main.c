/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The command: one word says what to do, the rest is that part's. */
#include "compare.h"
#include "dump.h"
#include "record.h"
#include "replay.h"
#include "report.h"
#include "scan.h"
#include "standard_test.h"
#include "torture.h"
#include <gracewalk/gracewalk.h>
#include <stdio.h>
#include <string.h>

static const struct command {
	const char *name, *arguments, *text;
	int (*main)(int argc, const char **argv);
} commands[] = {
	{"record", "[-o FILE] -- PROGRAM...",
	 "run a program and write a trace of its address space", record_main},
	{"replay", "TRACE [--format F] [--walkers N] [--policy P] ...",
	 "rebuild a program's page tables while threads walk them", replay_main},
	{"compare", "TRACE... [--arch A] [--schemes LIST] [--policy P] ...",
	 "replay traces under every scheme for freeing tables that share a page", compare_main},
	{"report", "TRACE... [-o FILE] [--arch A] [--schemes LIST] [--policy P] ...",
	 "make a page with charts of what each scheme holds and wastes", report_main},
	{"dump", "TRACE [--at SECONDS] ... | --format F --image FILE --root ADDRESS ...",
	 "print what a page table maps, a program's or one in a memory image", dump_main},
	{"scan", "PID | --all [--watch [SECONDS]] ...",
	 "tell what the kernel's page tables of a live process waste", scan_main},
	{"standard-test", "[--size GIB] ...",
	 "touch much address space thinly, discard it by pages, compare with the kernel",
	 standard_test_main},
	{"torture", "[--scheme S] [--seconds N] ... | --minutes N ... | --list",
	 "free tables in every way while they are walked, until an invariant breaks", torture_main},
};

enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static void usage(FILE *to)
{
	fprintf(to, "Usage: gracewalk COMMAND [OPTIONS]\n\n"
		    "Page tables that can be freed while they are walked.\n\nCommands:\n");
	for (int i = 0; i < COMMANDS; i++)
		fprintf(to, "  %s %s\n      %s\n", commands[i].name, commands[i].arguments,
			commands[i].text);
	fprintf(to,
		"\n  --help       this text; gracewalk COMMAND --help tells more\n"
		"  --formats    the names that --format takes, one a line\n"
		"  --version    the version\n\n"
		"Exit status: 0 done; 1 failed, or an answer was wrong; 2 the command line was.\n");
}

int main(int argc, const char **argv)
{
	const char *word = argc > 1 ? argv[1] : NULL;

	if (!word) {
		usage(stderr);
		return 2;
	}
	if (!strcmp(word, "--help") || !strcmp(word, "-h") || !strcmp(word, "help")) {
		usage(stdout);
		return 0;
	}
	if (!strcmp(word, "--version")) {
		puts("gracewalk " GW_VERSION);
		return 0;
	}
	if (!strcmp(word, "--formats")) {
		for (unsigned i = 0; gw_format_at(i); i++)
			puts(gw_format_at(i)->name);
		return 0;
	}
	for (int i = 0; i < COMMANDS; i++)
		if (!strcmp(word, commands[i].name))
			return commands[i].main(argc - 1, argv + 1);
	fprintf(stderr, "gracewalk: there is no command \"%s\"; gracewalk --help lists them\n",
		word);
	return 2;
}
