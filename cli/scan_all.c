/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Every process, scanned one after the other. */
#include "scan_all.h"
#include "scan_tell.h"
#include <ctype.h>
#include <dirent.h>
#include <inttypes.h>
#include <stdlib.h>

enum { KIB_LG2 = 10 };

static enum scan_error keep(struct scan_all *all, struct scan *scan)
{
	if (all->n == all->room) {
		size_t room = all->room ? 2 * all->room : 64;
		struct scan *grown = realloc(all->scan, room * sizeof(*grown));

		if (!grown) {
			scan_close(scan);
			return SCAN_NO_MEMORY;
		}
		all->scan = grown;
		all->room = room;
	}
	scan_process_leave(&scan->process);
	all->scan[all->n++] = *scan;
	return SCAN_DONE;
}

/* Return: an error that concerns every process. */
static enum scan_error scan_one(struct scan_all *all, pid_t pid)
{
	struct scan scan;
	enum scan_error error = scan_open(&scan, pid);

	if (!error)
		return keep(all, &scan);
	switch (error) {
	case SCAN_NO_PROCESS:
	case SCAN_ENDED:
		all->ended++;
		error = SCAN_DONE;
		break;
	case SCAN_KERNEL:
		all->kernel++;
		error = SCAN_DONE;
		break;
	case SCAN_DENIED:
		all->denied++;
		all->denied_bytes += scan.process.held;
		error = SCAN_DONE;
		break;
	case SCAN_FAILED:
		all->failed++;
		error = SCAN_DONE;
		break;
	default:
		break;
	}
	scan_close(&scan);
	return error;
}

static int by_waste(const void *a, const void *b)
{
	const struct scan *x = a, *y = b;
	int order = scan_bounds_order(&x->waste.all, &y->waste.all);

	if (order)
		return order;
	if (x->waste.held != y->waste.held)
		return x->waste.held < y->waste.held ? 1 : -1;
	return x->process.pid > y->process.pid ? 1 : -1;
}

enum scan_error scan_all_open(struct scan_all *all)
{
	enum scan_error error = SCAN_DONE;
	const struct dirent *entry;
	DIR *proc = opendir("/proc");

	*all = (struct scan_all){0};
	if (!proc)
		return SCAN_NO_PROC;
	while (!error && (entry = readdir(proc)) != NULL)
		if (isdigit((unsigned char)entry->d_name[0]))
			error = scan_one(all, (pid_t)atoi(entry->d_name));
	closedir(proc);
	if (!error && !(all->n + all->denied + all->failed))
		error = SCAN_NO_PROC;
	if (all->n)
		qsort(all->scan, all->n, sizeof(*all->scan), by_waste);
	return error;
}

void scan_all_close(struct scan_all *all)
{
	for (size_t i = 0; i < all->n; i++)
		scan_close(&all->scan[i]);
	free(all->scan);
	*all = (struct scan_all){0};
}

static void tell_left_out(FILE *to, const struct scan_all *all, size_t lines)
{
	fprintf(to, "%zu processes", all->n);
	if (lines < all->n)
		fprintf(to, ", of which the first %zu", lines);
	fprintf(to, "; left out: %u kernel threads, %u that ended", all->kernel, all->ended);
	if (all->failed)
		fprintf(to, ", %u that could not be read", all->failed);
	if (all->denied)
		fprintf(to,
			", %u that may not be read (VmPTE %" PRIu64
			" kB): root with CAP_SYS_PTRACE may",
			all->denied, all->denied_bytes >> KIB_LG2);
	fprintf(to, "\n");
}

void scan_all_tell(FILE *to, const struct scan_all *all, size_t lines)
{
	char room[SCAN_BOUNDS_ROOM];

	fprintf(to, "%8s %10s %10s %10s %15s  name\n", "PID", "held, kB", "needed", "set aside",
		"wasted");
	for (size_t i = 0; i < all->n && i < lines; i++) {
		const struct scan *scan = &all->scan[i];
		const struct scan_waste *waste = &scan->waste;

		fprintf(to, "%8d %10" PRIu64 " %10" PRIu64 " %10" PRIu64 " %15s  %s\n",
			(int)scan->process.pid, waste->held >> KIB_LG2, waste->needed >> KIB_LG2,
			waste->aside >> KIB_LG2, scan_tell_bounds(room, &waste->all),
			scan->process.name);
	}
	tell_left_out(to, all, lines);
}

cJSON *scan_all_json(const struct scan_all *all)
{
	cJSON *object = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(object, "processes");

	for (size_t i = 0; i < all->n; i++)
		cJSON_AddItemToArray(list, scan_tell_figures(&all->scan[i]));
	cJSON_AddNumberToObject(object, "denied", all->denied);
	cJSON_AddNumberToObject(object, "denied_held_bytes", (double)all->denied_bytes);
	cJSON_AddNumberToObject(object, "kernel_threads", all->kernel);
	cJSON_AddNumberToObject(object, "ended", all->ended);
	cJSON_AddNumberToObject(object, "failed", all->failed);
	return object;
}
