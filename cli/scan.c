/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The command `gracewalk scan`: what the page tables of a live process waste. */
#include "scan.h"
#include "scan_all.h"
#include "scan_tell.h"
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <popt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define CLEAR "\033[H\033[2J"

enum { SECONDS_DEFAULT = 2, SECONDS_MAX = 86400, NANO = 1000000000 };

struct options {
	pid_t pid;      /* 0: all */
	double seconds; /* between two looks */
	bool watch, json, terminal;
};

/* ---- One look ---- */

static void print_json(const struct options *options, cJSON *object)
{
	/* Watched: an object a line. */
	char *text = options->watch ? cJSON_PrintUnformatted(object) : cJSON_Print(object);

	puts(text ? text : "null");
	free(text);
	cJSON_Delete(object);
}

static void begin_look(const struct options *options)
{
	if (options->watch && !options->json)
		fputs(options->terminal ? CLEAR : "", stdout);
}

static void end_look(const struct options *options)
{
	/* Looks that follow one another on paper. */
	if (options->watch && !options->json && !options->terminal)
		puts("");
}

/* Lines of a list that leave the last ones of the terminal to its end. */
static size_t lines_to_print(const struct options *options)
{
	enum { HEAD_AND_END = 4 };
	struct winsize size;

	if (!options->watch || !options->terminal || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) ||
	    size.ws_row <= HEAD_AND_END)
		return SIZE_MAX;
	return size.ws_row - HEAD_AND_END;
}

static void print_one(const struct options *options, const struct scan *scan)
{
	begin_look(options);
	if (options->json)
		print_json(options, scan_tell_json(scan));
	else
		scan_tell(stdout, scan);
	end_look(options);
}

static void print_all(const struct options *options, const struct scan_all *all)
{
	begin_look(options);
	if (options->json)
		print_json(options, scan_all_json(all));
	else
		scan_all_tell(stdout, all, lines_to_print(options));
	end_look(options);
}

/* ---- Looks ---- */

static sigset_t interrupts(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	return set;
}

/* Until the next look. Return: false: there is none. */
static bool pause_between(const struct options *options)
{
	struct timespec time = {
		.tv_sec = (time_t)options->seconds,
		.tv_nsec = (long)((options->seconds - (double)(time_t)options->seconds) * NANO),
	};
	sigset_t set = interrupts();

	if (!options->watch || fflush(stdout) || ferror(stdout))
		return false;
	/* Cut short by a stop and a continuation: a look too early does no harm. */
	return sigtimedwait(&set, NULL, &time) < 0;
}

static enum scan_error look_at_one(const struct options *options)
{
	struct scan scan;
	enum scan_error error = scan_open(&scan, options->pid);
	bool seen = !error;

	while (!error) {
		print_one(options, &scan);
		if (!pause_between(options))
			break;
		error = scan_again(&scan);
	}
	scan_close(&scan);
	if (error == SCAN_ENDED && seen) {
		fprintf(stderr, "gracewalk: process %d has ended\n", (int)options->pid);
		return SCAN_DONE;
	}
	return error;
}

static enum scan_error look_at_all(const struct options *options)
{
	enum scan_error error;
	struct scan_all all;
	bool again;

	do {
		error = scan_all_open(&all);
		if (!error)
			print_all(options, &all);
		scan_all_close(&all);
		again = !error && pause_between(options);
	} while (again);
	return error;
}

static int scan(struct options *options)
{
	sigset_t set = interrupts();
	enum scan_error error;
	char room[256];

	options->terminal = isatty(STDOUT_FILENO);
	if (options->watch)
		sigprocmask(SIG_BLOCK, &set, NULL);
	error = options->pid ? look_at_one(options) : look_at_all(options);
	if (error)
		fprintf(stderr, "gracewalk: %s\n", scan_tell_error(error, options->pid, room));
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "gracewalk: cannot write: %s\n", strerror(errno));
		return 1;
	}
	return error ? 1 : 0;
}

/* ---- The command line ---- */

static bool read_pid(const char *text, pid_t *pid)
{
	char *end;
	long number;

	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	number = strtol(text, &end, 10);
	*pid = (pid_t)number;
	return !errno && !*end && number > 0 && number <= INT_MAX;
}

static bool read_seconds(const char *text, double *seconds)
{
	char *end;

	*seconds = strtod(text, &end);
	return end != text && !*end && *seconds >= 0.01 && *seconds <= SECONDS_MAX;
}

/* Return: what is wrong, or NULL. */
static const char *understand(struct options *options, bool all, const char *seconds,
			      const char *pid)
{
	/* `scan --watch 4711`: the number is the process's, which must be there. */
	if (!all && !pid && seconds) {
		pid = seconds;
		seconds = NULL;
	}
	if (seconds && !read_seconds(seconds, &options->seconds))
		return "--watch takes seconds, from 0.01 to 86400";
	if (all && pid)
		return "a process or --all, not both";
	if (!all && !pid)
		return "name a process: gracewalk scan PID, or gracewalk scan --all";
	if (pid && !read_pid(pid, &options->pid))
		return "a process is named by its number, as ps shows it";
	return NULL;
}

int scan_main(int argc, const char **argv)
{
	enum { WATCH = 'w' };
	struct options options = {.seconds = SECONDS_DEFAULT};
	char *seconds = NULL;
	int all = 0, json = 0, status = 2, word;
	const struct poptOption table[] = {
		{"all", 'a', POPT_ARG_NONE, &all, 0,
		 "a line for each process that may be read, most waste first", NULL},
		{"watch", 'w', POPT_ARG_STRING | POPT_ARGFLAG_OPTIONAL, &seconds, WATCH,
		 "look again and again; default: every 2 seconds", "SECONDS"},
		{"json", 'j', POPT_ARG_NONE, &json, 0, "print JSON; watched, an object a line",
		 NULL},
		POPT_AUTOHELP POPT_TABLEEND,
	};
	poptContext context = poptGetContext("gracewalk scan", argc, argv, table, 0);
	const char *pid, *wrong;

	poptSetOtherOptionHelp(context, "[OPTION...] PID | --all");
	while ((word = poptGetNextOpt(context)) == WATCH)
		options.watch = true;
	pid = poptGetArg(context);
	options.json = json;
	wrong = understand(&options, all, seconds, pid);
	if (word < -1)
		fprintf(stderr, "gracewalk: %s: %s\n", poptBadOption(context, 0),
			poptStrerror(word));
	else if (poptPeekArg(context))
		fprintf(stderr, "gracewalk: one process at a time; what is \"%s\"?\n",
			poptPeekArg(context));
	else if (wrong)
		fprintf(stderr, "gracewalk: %s\n", wrong);
	else
		status = scan(&options);
	poptFreeContext(context);
	free(seconds);
	return status;
}
