/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * What a scan found, in words or as JSON. */
#include "scan_tell.h"
#include "scan_machine.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { WORST = 10, KIB_LG2 = 10, SIZE_ROOM = 24 };

const char *scan_tell_error(enum scan_error error, pid_t pid, char room[256])
{
	switch (error) {
	case SCAN_DONE:
		return "done";
	case SCAN_NO_PROCESS:
		snprintf(room, 256, "there is no process %d that you may see; ps -e lists them",
			 (int)pid);
		return room;
	case SCAN_NO_PROC:
		return "/proc is not mounted. As root: mount -t proc proc /proc";
	case SCAN_ENDED:
		snprintf(room, 256, "process %d has ended", (int)pid);
		return room;
	case SCAN_KERNEL:
		snprintf(room, 256,
			 "%d is a kernel thread: it has no address space of its own; "
			 "name a process that runs a program",
			 (int)pid);
		return room;
	case SCAN_DENIED:
		snprintf(room, 256,
			 "process %d may not be read: run gracewalk as the process's user, or as "
			 "root with CAP_SYS_PTRACE",
			 (int)pid);
		return room;
	case SCAN_NO_SMAPS:
		return "this kernel does not show page tables: it needs CONFIG_PROC_PAGE_MONITOR";
	case SCAN_NO_FORMAT:
		return "the page tables of this machine are not known to this build; "
		       "gracewalk --formats lists those that are";
	case SCAN_NO_MEMORY:
		return "out of memory";
	case SCAN_FAILED:
		break;
	}
	snprintf(room, 256, "process %d cannot be read: %s", (int)pid, strerror(errno));
	return room;
}

/* ---- Figures ---- */

const char *scan_tell_bounds(char room[SCAN_BOUNDS_ROOM], const struct scan_bounds *bounds)
{
	uint64_t least = bounds->least >> KIB_LG2, most = bounds->most >> KIB_LG2;

	if (least == most)
		snprintf(room, SCAN_BOUNDS_ROOM, "%" PRIu64, most);
	else
		snprintf(room, SCAN_BOUNDS_ROOM, "%" PRIu64 "-%" PRIu64, least, most);
	return room;
}

static uint64_t block_bytes(const struct scan *scan)
{
	return 1ull << scan->tables.level[0].span_lg2;
}

/* Bytes of a page or block. */
static const char *size(char room[SIZE_ROOM], uint64_t bytes)
{
	bool large = !(bytes & ((1 << 20) - 1));

	snprintf(room, SIZE_ROOM, "%" PRIu64 "%c", bytes >> (large ? 20 : KIB_LG2),
		 large ? 'M' : 'K');
	return room;
}

/* A mapping, by number. */
struct ranked {
	struct scan_bounds waste;
	size_t i;
};

static int by_waste(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;
	int order = scan_bounds_order(&x->waste, &y->waste);

	return order ? order : x->i < y->i ? -1 : 1;
}

/* The mappings that waste most, or can. Return: how many are in worst[]. */
static size_t find_worst(const struct scan *scan, struct ranked worst[WORST])
{
	size_t n = scan->process.n, used = 0;
	struct ranked *all = calloc(n, sizeof(*all));

	if (!all)
		return 0;
	for (size_t i = 0; i < n; i++)
		all[i] = (struct ranked){scan->waste.mapping[i], i};
	qsort(all, n, sizeof(*all), by_waste);
	for (; used < WORST && used < n && all[used].waste.most; used++)
		worst[used] = all[used];
	free(all);
	return used;
}

/* ---- Words ---- */

static void tell_line(FILE *to, const char *what, const char *figure, const char *more)
{
	fprintf(to, "  %-38s %15s kB%s\n", what, figure, more);
}

static void tell_kib(FILE *to, const char *what, uint64_t bytes)
{
	char room[SCAN_BOUNDS_ROOM];

	tell_line(to, what, scan_tell_bounds(room, &(struct scan_bounds){bytes, bytes}), "");
}

static void tell_worst(FILE *to, const struct scan *scan)
{
	struct ranked worst[WORST];
	size_t n = find_worst(scan, worst);

	if (!n)
		return;
	fprintf(to,
		"\nWhere the waste can be, in kB: VmPTE is one figure, so these are bounds\n"
		"  %10s %10s  mapping\n",
		"at least", "at most");
	for (size_t i = 0; i < n; i++) {
		const struct scan_mapping *mapping = &scan->process.mapping[worst[i].i];
		const struct scan_bounds *waste = &worst[i].waste;

		fprintf(to, "  %10" PRIu64 " %10" PRIu64 "  %012" PRIx64 "-%012" PRIx64 " %s %s\n",
			waste->least >> KIB_LG2, waste->most >> KIB_LG2, mapping->start,
			mapping->end, mapping->access,
			*mapping->name ? mapping->name : "(anonymous)");
	}
}

void scan_tell(FILE *to, const struct scan *scan)
{
	const struct scan_waste *waste = &scan->waste;
	char figure[SCAN_BOUNDS_ROOM], page[SIZE_ROOM], block[SIZE_ROOM], what[64];

	size(page, scan->page_bytes);
	size(block, block_bytes(scan));
	fprintf(to, "process %d, %s: page tables like %s, pages of %s\n", (int)scan->process.pid,
		scan->process.name, scan->format->name, page);
	tell_kib(to, "held by the kernel (VmPTE)", waste->held);
	snprintf(what, sizeof(what), "needed by %" PRIu64 " pages in use", scan->pages);
	tell_kib(to, what, waste->needed);
	if (waste->aside)
		tell_kib(to, "set aside for splitting huge pages", waste->aside);
	if (waste->hidden)
		tell_kib(to, "needed, at most, by device memory", waste->hidden);
	tell_line(to, "wasted", scan_tell_bounds(figure, &waste->all), "");
	snprintf(what, sizeof(what), "freed by discarding in units of %s", block);
	tell_line(to, what, scan_tell_bounds(figure, &waste->blocks),
		  scan_machine_reclaims() ? ""
					  : "; this kernel does not, Linux 6.14 on x86-64 does");
	if (scan->held_before != waste->held) {
		tell_kib(to, "held when the scan began", scan->held_before);
		fprintf(to,
			"  The process changed its tables meanwhile: the figures are less sure.\n");
	}
	tell_worst(to, scan);
}

/* ---- JSON: bytes, and addresses as text: a JSON number has 53 bits ---- */

static void add_bytes(cJSON *object, const char *name, uint64_t bytes)
{
	cJSON_AddNumberToObject(object, name, (double)bytes);
}

static void add_bounds(cJSON *object, const char *name, const struct scan_bounds *bounds)
{
	cJSON *pair = cJSON_AddObjectToObject(object, name);

	add_bytes(pair, "at_least", bounds->least);
	add_bytes(pair, "at_most", bounds->most);
}

static void add_address(cJSON *object, const char *name, uint64_t address)
{
	char text[32];

	snprintf(text, sizeof(text), "0x%" PRIx64, address);
	cJSON_AddStringToObject(object, name, text);
}

cJSON *scan_tell_figures(const struct scan *scan)
{
	const struct scan_waste *waste = &scan->waste;
	cJSON *all = cJSON_CreateObject();

	cJSON_AddNumberToObject(all, "pid", scan->process.pid);
	cJSON_AddStringToObject(all, "name", scan->process.name);
	add_bytes(all, "held_bytes", waste->held);
	add_bytes(all, "held_bytes_before", scan->held_before);
	add_bytes(all, "needed_bytes", waste->needed);
	add_bytes(all, "set_aside_bytes", waste->aside);
	add_bytes(all, "device_bytes_at_most", waste->hidden);
	add_bounds(all, "waste_bytes", &waste->all);
	add_bounds(all, "block_discard_bytes", &waste->blocks);
	return all;
}

cJSON *scan_tell_json(const struct scan *scan)
{
	cJSON *all = scan_tell_figures(scan), *list;
	struct ranked worst[WORST];
	size_t n = find_worst(scan, worst);

	cJSON_AddStringToObject(all, "format", scan->format->name);
	add_bytes(all, "page_bytes", scan->page_bytes);
	add_bytes(all, "block_bytes", block_bytes(scan));
	cJSON_AddBoolToObject(all, "kernel_frees_blocks", scan_machine_reclaims());
	cJSON_AddNumberToObject(all, "pages", (double)scan->pages);
	cJSON_AddStringToObject(all, "source", scan->by_reading ? "pagemap" : "PAGEMAP_SCAN");
	cJSON_AddNumberToObject(all, "mappings", (double)scan->process.n);
	list = cJSON_AddArrayToObject(all, "worst");
	for (size_t i = 0; i < n; i++) {
		const struct scan_mapping *mapping = &scan->process.mapping[worst[i].i];
		cJSON *one = cJSON_CreateObject();

		add_address(one, "start", mapping->start);
		add_address(one, "end", mapping->end);
		cJSON_AddStringToObject(one, "access", mapping->access);
		cJSON_AddStringToObject(one, "name", mapping->name);
		add_bounds(one, "waste_bytes", &worst[i].waste);
		cJSON_AddItemToArray(list, one);
	}
	return all;
}
