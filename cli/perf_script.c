/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The text of `perf script`, line by line: pairs the begin and end of system calls, tells the
 * recorded process from its children, and finds the moment at which each call took effect.
 *
 * That moment matters where threads race. munmap and madvise count from their begin: another
 * thread can be given the same addresses before this one has returned. The calls that make
 * mappings count from the kernel's own report of the mapping, which it writes under the lock
 * of the address space, and if there is none from their end.
 */
#include "perf_script.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define RECORD_ARGS 6

struct record_call {
	pid_t tid;
	const struct record_rule *rule;
	uint64_t begin, reported; /* times; reported is 0 without a report */
	uint64_t arg[RECORD_ARGS];
};

/* A line, split. */
struct record_line {
	pid_t pid, tid;
	uint64_t time;
	const char *text; /* from the event's name on */
};

struct record_rule {
	const char *name;
	unsigned int args;
	bool makes; /* makes or changes mappings, of which the kernel may write reports */
	/* Fill in an event from the call and its result; false when there is nothing to tell. */
	bool (*event)(struct record_script *s, const struct record_call *c, uint64_t result,
		      struct trace_event *e);
};

const char *const record_script_calls[] = {
	"mmap",          "munmap",  "mremap", "brk",        "mprotect",
	"pkey_mprotect", "madvise", "mlock",  "mlock2",     "mlockall",
	"munlockall",    "shmat",   "shmdt",  "exit_group", NULL,
};

static bool record_failed(uint64_t result)
{
	return result > UINT64_MAX - 4095;
}

static int record_reserve(void **at, size_t *room, size_t need, size_t size)
{
	const size_t wide = *room ? *room * 2 : 256;
	void *p;

	if (need <= *room)
		return 0;
	p = realloc(*at, wide * size);
	if (!p)
		return -ENOMEM;
	*at = p;
	*room = wide;
	return 0;
}

static int record_add(struct record_script *s, const struct trace_event *e)
{
	int err = record_reserve((void **)&s->events, &s->room, s->count + 1, sizeof(*e));

	if (!err)
		s->events[s->count++] = *e;
	return err;
}

static uint64_t record_round(const struct record_script *s, uint64_t len)
{
	return (len + s->page_size - 1) & ~(s->page_size - 1);
}

/* What most calls begin with: a range. */
static void record_range(const struct record_script *s, const struct record_call *c,
			 enum trace_kind kind, struct trace_event *e)
{
	e->kind = kind;
	e->addr = c->arg[0];
	e->len = record_round(s, c->arg[1]);
}

static bool record_mmap(struct record_script *s, const struct record_call *c, uint64_t result,
			struct trace_event *e)
{
	record_range(s, c, TRACE_MMAP, e);
	e->addr = result;
	e->prot = (uint32_t)c->arg[2];
	e->flags = (uint32_t)c->arg[3];
	e->file = !(e->flags & MAP_ANONYMOUS);
	return !record_failed(result);
}

static bool record_munmap(struct record_script *s, const struct record_call *c, uint64_t result,
			  struct trace_event *e)
{
	record_range(s, c, TRACE_MUNMAP, e);
	return !record_failed(result);
}

static bool record_mremap(struct record_script *s, const struct record_call *c, uint64_t result,
			  struct trace_event *e)
{
	record_range(s, c, TRACE_MREMAP, e);
	e->to = result;
	e->to_len = record_round(s, c->arg[2]);
	e->flags = (uint32_t)c->arg[3];
	return !record_failed(result);
}

static bool record_brk(struct record_script *s, const struct record_call *c, uint64_t result,
		       struct trace_event *e)
{
	(void)c;
	e->kind = TRACE_BRK;
	e->addr = record_round(s, result);
	return !record_failed(result);
}

static bool record_mprotect(struct record_script *s, const struct record_call *c, uint64_t result,
			    struct trace_event *e)
{
	record_range(s, c, TRACE_MPROTECT, e);
	e->prot = (uint32_t)c->arg[2];
	return !record_failed(result) && e->len;
}

/* ENOMEM says that a part of the range is not mapped; the rest was done all the same. */
static bool record_madvise(struct record_script *s, const struct record_call *c, uint64_t result,
			   struct trace_event *e)
{
	record_range(s, c, TRACE_MADVISE, e);
	e->flags = (uint32_t)c->arg[2];
	return (!record_failed(result) || result == (uint64_t)-ENOMEM) && e->len;
}

static bool record_mlock(struct record_script *s, const struct record_call *c, uint64_t result,
			 struct trace_event *e)
{
	const uint64_t offset = c->arg[0] & (s->page_size - 1);

	e->kind = TRACE_MLOCK;
	e->addr = c->arg[0] - offset;
	e->len = record_round(s, c->arg[1] + offset);
	e->flags = (uint32_t)c->arg[2];
	return !record_failed(result) && e->len;
}

static bool record_mlockall(struct record_script *s, const struct record_call *c, uint64_t result,
			    struct trace_event *e)
{
	(void)s;
	e->kind = TRACE_MLOCK;
	e->flags = (uint32_t)c->arg[0];
	return !record_failed(result);
}

/* The mapping itself came as the kernel's report. */
static bool record_shmat(struct record_script *s, const struct record_call *c, uint64_t result,
			 struct trace_event *e)
{
	(void)s, (void)c, (void)result, (void)e;
	return false;
}

static bool record_shmdt(struct record_script *s, const struct record_call *c, uint64_t result,
			 struct trace_event *e)
{
	for (size_t i = s->attached_count; i-- > 0;) {
		if (s->attached[i].addr != c->arg[0])
			continue;
		e->kind = TRACE_MUNMAP;
		e->addr = s->attached[i].addr;
		e->len = s->attached[i].len;
		s->attached[i] = s->attached[--s->attached_count];
		return !record_failed(result);
	}
	return false;
}

static const struct record_rule record_rules[] = {
	{"mmap", 4, true, record_mmap},
	{"munmap", 2, false, record_munmap},
	{"mremap", 4, true, record_mremap},
	{"brk", 1, true, record_brk},
	{"mprotect", 3, true, record_mprotect},
	{"pkey_mprotect", 3, true, record_mprotect},
	{"madvise", 3, false, record_madvise},
	{"mlock", 2, false, record_mlock},
	{"mlock2", 3, false, record_mlock},
	{"mlockall", 1, false, record_mlockall},
	{"munlockall", 0, false, record_mlockall},
	{"shmat", 1, false, record_shmat},
	{"shmdt", 1, false, record_shmdt},
};

static struct record_call *record_pending(struct record_script *s, pid_t tid)
{
	for (size_t i = 0; i < s->calls_count; i++)
		if (s->calls[i].tid == tid)
			return &s->calls[i];
	return NULL;
}

/* "name: 0x12, name: 0x34": the numbers in their order. */
static unsigned int record_numbers(const char *text, uint64_t *v, unsigned int max)
{
	unsigned int n = 0;

	while (n < max && (text = strstr(text, ": 0x")) != NULL) {
		v[n++] = strtoull(text + 4, NULL, 16);
		text += 4;
	}
	return n;
}

static const struct record_rule *record_rule_find(const char *text)
{
	const size_t len = strcspn(text, ":");

	for (size_t i = 0; i < sizeof(record_rules) / sizeof(*record_rules); i++) {
		const char *name = record_rules[i].name;

		if (strlen(name) == len && !strncmp(name, text, len))
			return &record_rules[i];
	}
	return NULL;
}

static int record_enter(struct record_script *s, const struct record_line *l, const char *name)
{
	const struct record_rule *rule = record_rule_find(name);
	struct record_call *c = record_pending(s, l->tid);
	uint64_t arg[RECORD_ARGS] = {0};

	if (!strncmp(name, "exit_group:", 11)) {
		if (record_numbers(name, arg, 1) == 1)
			s->status = arg[0] & 0xff;
		return 0;
	}
	if (!rule || record_numbers(name, arg, rule->args) < rule->args) {
		s->unread++;
		return 0;
	}
	if (!c) {
		int err = record_reserve((void **)&s->calls, &s->calls_room, s->calls_count + 1,
					 sizeof(*c));
		if (err)
			return err;
		c = &s->calls[s->calls_count++];
	}
	*c = (struct record_call){.tid = l->tid, .rule = rule, .begin = l->time};
	memcpy(c->arg, arg, sizeof(arg));
	return 0;
}

static int record_exit(struct record_script *s, const struct record_line *l, const char *name)
{
	struct record_call *found = record_pending(s, l->tid), c;
	const char *text = strchr(name, ':');
	struct trace_event e = {0};
	uint64_t result;

	if (!found)
		return 0; /* the call began before the recording did, or its begin was lost */
	c = *found;
	*found = s->calls[--s->calls_count];
	if (c.rule != record_rule_find(name))
		return 0;
	if (!text || record_numbers(text, &result, 1) != 1) {
		s->unread++;
		return 0;
	}
	if (!c.rule->event(s, &c, result, &e))
		return 0;
	e.time = !c.rule->makes ? c.begin : c.reported ? c.reported : l->time;
	e.lead = e.time - c.begin;
	e.took = l->time - e.time;
	return record_add(s, &e);
}

/* "PERF_RECORD_MMAP2 12/12: [0x7f00(0x1000) @ ...]: rw-p name" */
static bool record_report(const char *text, struct trace_event *e)
{
	const char *range = strstr(text, ": ["), *rest = strstr(text, "]: ");

	if (!range || !rest ||
	    sscanf(range, ": [0x%" SCNx64 "(0x%" SCNx64 ")", &e->addr, &e->len) != 2)
		return false;
	rest += 3;
	if (strlen(rest) < 5)
		return false;
	e->kind = TRACE_REGION;
	e->prot = (rest[0] == 'r' ? PROT_READ : 0) | (rest[1] == 'w' ? PROT_WRITE : 0) |
		  (rest[2] == 'x' ? PROT_EXEC : 0);
	e->flags = strstr(rest, "[stack]") ? TRACE_REGION_STACK : 0;
	e->file = rest[3] == 's' || !(e->flags || strstr(rest, "//anon") || strstr(rest, "[heap]"));
	return true;
}

/* A mapping: a system call's own, then it dates the call; or else one the kernel made. */
static int record_mapping(struct record_script *s, const struct record_line *l)
{
	struct record_call *c = record_pending(s, l->tid);
	struct trace_event e = {.time = l->time};
	int err;

	if (c && c->rule->makes) {
		c->reported = l->time;
		return 0;
	}
	if (!record_report(l->text, &e)) {
		s->unread++;
		return 0;
	}
	if (c && c->rule->event == record_shmat) {
		err = record_reserve((void **)&s->attached, &s->attached_room,
				     s->attached_count + 1, sizeof(e));
		if (err)
			return err;
		s->attached[s->attached_count++] = e;
	}
	return record_add(s, &e);
}

static int record_fault(struct record_script *s, const struct record_line *l)
{
	const char *text = strchr(l->text, ':');
	struct trace_event e = {.kind = TRACE_FAULT, .time = l->time};
	char *end;

	/* perf may mark the name with modifiers, as in page-faults:u: */
	while (text && text[1] && text[1] != ' ')
		text = strchr(text + 1, ':');
	e.addr = text ? strtoull(text + 1, &end, 16) & ~(s->page_size - 1) : 0;
	if (!text || end == text + 1) {
		s->unread++;
		return 0;
	}
	return record_add(s, &e);
}

static int record_exec(struct record_script *s, const struct record_line *l)
{
	const struct trace_event e = {.kind = TRACE_EXEC, .time = l->time};

	if (!s->pid)
		s->pid = l->pid;
	if (s->pid != l->pid)
		return 0;
	s->calls_count = 0; /* the other threads are gone, and so are their calls */
	s->attached_count = 0;
	return record_add(s, &e);
}

static void record_fork(struct record_script *s, const struct record_line *l)
{
	int child, parent;

	if (sscanf(l->text, "PERF_RECORD_FORK(%d:%*d):(%d:", &child, &parent) == 2 &&
	    parent == s->pid && child != s->pid)
		s->children++;
}

static bool record_split(const char *line, struct record_line *l)
{
	uint64_t sec, ns;
	int n = 0;

	if (sscanf(line, " %d/%d %" SCNu64 ".%9" SCNu64 ": %n", &l->pid, &l->tid, &sec, &ns, &n) <
		    4 ||
	    !n)
		return false;
	if (sec > TRACE_MAX_TIME / 1000000000)
		return false;
	l->time = sec * 1000000000 + ns;
	l->text = line + n;
	return true;
}

static bool record_starts(const char *text, const char *with)
{
	return !strncmp(text, with, strlen(with));
}

/* Lines of the recorded process, after the event's name told what they are. */
static int record_own_line(struct record_script *s, const struct record_line *l)
{
	if (record_starts(l->text, "page-faults:"))
		return record_fault(s, l);
	if (record_starts(l->text, "syscalls:sys_enter_"))
		return record_enter(s, l, l->text + strlen("syscalls:sys_enter_"));
	if (record_starts(l->text, "syscalls:sys_exit_"))
		return record_exit(s, l, l->text + strlen("syscalls:sys_exit_"));
	if (record_starts(l->text, "PERF_RECORD_MMAP"))
		return record_mapping(s, l);
	if (record_starts(l->text, "PERF_RECORD_EXIT"))
		s->gone = l->time;
	return 0;
}

int record_script_line(struct record_script *s, const char *line)
{
	struct record_line l;
	unsigned long long n;

	if (!record_split(line, &l))
		return 0;
	/* Losses are counted whoever was running when the kernel told of them. */
	if (sscanf(l.text, "PERF_RECORD_LOST lost %llu", &n) == 1 ||
	    sscanf(l.text, "PERF_RECORD_LOST_SAMPLES lost %llu", &n) == 1)
		s->lost += n;
	if (record_starts(l.text, "PERF_RECORD_COMM exec:"))
		return record_exec(s, &l);
	if (record_starts(l.text, "PERF_RECORD_FORK"))
		record_fork(s, &l);
	if (!s->pid)
		return 0;
	if (l.pid != s->pid) {
		s->others += record_starts(l.text, "page-faults:") ||
			     record_starts(l.text, "syscalls:sys_enter_");
		return 0;
	}
	s->last = l.time > s->last ? l.time : s->last;
	return record_own_line(s, &l);
}

int record_script_sample(struct record_script *s, uint64_t time, uint64_t took, uint64_t kb)
{
	const struct trace_event e = {
		.kind = TRACE_SAMPLE,
		.time = time,
		.took = took,
		.value = kb,
	};

	return record_add(s, &e);
}

struct record_key {
	uint64_t time;
	size_t index; /* keeps the order of perf among equal times */
};

static int record_compare(const void *a, const void *b)
{
	const struct record_key *x = a, *y = b;

	if (x->time != y->time)
		return x->time < y->time ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

static int record_sort(struct record_script *s)
{
	struct record_key *keys = malloc((s->count + 1) * sizeof(*keys));
	struct trace_event *sorted = malloc((s->count + 1) * sizeof(*sorted));

	if (!keys || !sorted) {
		free(keys);
		free(sorted);
		return -ENOMEM;
	}
	for (size_t i = 0; i < s->count; i++)
		keys[i] = (struct record_key){s->events[i].time, i};
	qsort(keys, s->count, sizeof(*keys), record_compare);
	for (size_t i = 0; i < s->count; i++)
		sorted[i] = s->events[keys[i].index];
	free(keys);
	free(s->events);
	s->events = sorted;
	s->room = s->count + 1;
	return 0;
}

int record_script_finish(struct record_script *s)
{
	const struct trace_event gone = {.kind = TRACE_EXIT, .time = s->gone};
	size_t first = 0;
	int err = record_sort(s);

	if (err)
		return err;
	while (first < s->count && s->events[first].kind != TRACE_EXEC)
		first++;
	if (first == s->count)
		return -ENODATA;
	memmove(s->events, s->events + first, (s->count - first) * sizeof(*s->events));
	s->count -= first;
	/* The end of one thread among others is followed by what the others do. */
	if (!s->gone || s->gone != s->last)
		return 0;
	while (s->events[s->count - 1].time > s->gone)
		s->count--;
	return record_add(s, &gone);
}

void record_script_begin(struct record_script *s, uint64_t page_size)
{
	*s = (struct record_script){.page_size = page_size, .status = TRACE_STATUS_UNKNOWN};
}

void record_script_end(struct record_script *s)
{
	free(s->events);
	free(s->calls);
	free(s->attached);
}
