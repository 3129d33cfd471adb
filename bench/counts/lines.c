/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The lines of memory that two threads' operations write: a hash table of all of them. */
#include "lines.h"
#include "bench.h"
#include <stdlib.h>
#include <string.h>

enum { SLOTS = 1 << 19, LINE_LG2 = 6, WORDS_IN_LINE = 8 };

/* What was written of a line: by field and part. */
struct writes {
	uint8_t field, part;
	uint32_t n;
};

struct line {
	uintptr_t number; /* 0: none */
	uint64_t last;    /* operation that wrote it */
	uint8_t by;       /* a bit for each who */
	struct writes writes[PARTS * WORDS_IN_LINE];
};

static struct line *slots;
static uint32_t *used, n_used;
static uint64_t operation;

void lines_next_operation(void)
{
	operation++;
}

void lines_forget(void)
{
	if (!slots) {
		slots = calloc(SLOTS, sizeof(*slots));
		used = calloc(SLOTS, sizeof(*used));
		bench_check(slots && used, "no memory");
	}
	for (uint32_t i = 0; i < n_used; i++)
		memset(&slots[used[i]], 0, sizeof(*slots));
	n_used = 0;
}

static struct line *line_of(uintptr_t number)
{
	uint32_t i = (uint32_t)((number * 0x9e3779b97f4a7c15ull) >> 32) & (SLOTS - 1);

	while (slots[i].number && slots[i].number != number)
		i = (i + 1) & (SLOTS - 1);
	if (!slots[i].number) {
		bench_check(n_used < SLOTS / 2, "too many lines");
		slots[i].number = number;
		used[n_used++] = i;
	}
	return &slots[i];
}

static void add(struct line *line, unsigned field, enum part part)
{
	struct writes *w = line->writes, *end = w + PARTS * WORDS_IN_LINE;

	while (w < end && w->n && (w->field != field || w->part != part))
		w++;
	bench_check(w < end, "a line of too many fields");
	w->field = (uint8_t)field;
	w->part = (uint8_t)part;
	w->n++;
}

unsigned lines_write(uintptr_t at, unsigned field, enum who who, enum part part)
{
	struct line *line = line_of(at >> LINE_LG2);
	unsigned first = line->last != operation;

	line->last = operation;
	line->by |= (uint8_t)(1u << who);
	add(line, field, part);
	return first;
}

void lines_shared(uint64_t writes[PARTS][FIELDS_MAX])
{
	for (uint32_t i = 0; i < n_used; i++) {
		const struct line *line = &slots[used[i]];
		const struct writes *w = line->writes;

		if (line->by != (1u << WHOS) - 1)
			continue;
		for (; w < line->writes + PARTS * WORDS_IN_LINE && w->n; w++)
			writes[w->part][w->field] += w->n;
	}
}
