/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Workload: thin use that moves about. One page in each 2 MiB of 64 GiB can be mapped; MAPPED of
 * them are, and over and over a random one of these is unmapped and a random other one mapped. Each
 * structure in a process of its own; what it holds is looked at every 20 ms. */
#include "work.h"
#include <stdio.h>
#include <stdlib.h>

enum { PLACES = 1 << 15, MAPPED = 4096, STEP = 512, SAMPLE_NS = 20000000, AT_A_TIME = 32 };
enum { SECONDS, RSS, BYTES, WAITING, SPARE, CALLBACKS, COLUMNS };

struct sample {
	double value[COLUMNS];
};

/* What the process tells; the samples come after it. */
struct told {
	double ns;       /* a page unmapped and another mapped */
	double before;   /* bytes held before the map was made */
	double rss_peak; /* beyond that */
	double waiting_peak;
	double held, bytes; /* afterwards, when all have been unmapped */
	uint64_t samples;
};

struct seat {
	const struct subject *subject;
	double seconds;
	unsigned room; /* for samples */
	struct told *told;
};

static struct sample *samples_of(struct told *told)
{
	return (struct sample *)(told + 1);
}

static size_t told_bytes(unsigned room)
{
	return sizeof(struct told) + room * sizeof(struct sample);
}

/* ---- In the child ---- */

struct churn {
	const struct peer *peer;
	void *map;
	uint64_t seed;
	uint32_t place[MAPPED]; /* that are mapped, in no order */
	bool taken[PLACES];
};

static uint64_t offset_of(uint32_t place)
{
	return (uint64_t)place * STEP << PEER_PAGE_LG2;
}

static void map_at_random(struct churn *c, unsigned i)
{
	uint32_t place;

	do
		place = (uint32_t)(bench_random(&c->seed) % PLACES);
	while (c->taken[place]);
	c->taken[place] = true;
	c->place[i] = place;
	c->peer->map(c->map, work_base() + offset_of(place), 1, offset_of(place));
}

static void unmap(struct churn *c, unsigned i)
{
	c->peer->unmap(c->map, work_base() + offset_of(c->place[i]), 1);
	c->taken[c->place[i]] = false;
}

static void check(const struct churn *c, uint32_t place)
{
	uint64_t out = 0;
	bool found = c->peer->find(c->map, work_base() + offset_of(place), &out);

	bench_check(found == c->taken[place] && (!found || out == offset_of(place)), c->peer->name);
}

static void move_some(struct churn *c)
{
	for (unsigned k = 0; k < AT_A_TIME; k++) {
		unsigned i = bench_random(&c->seed) % MAPPED;
		uint32_t left = c->place[i];

		unmap(c, i);
		map_at_random(c, i);
		if (k == 0) {
			check(c, left);
			check(c, c->place[i]);
		}
	}
}

static struct sample look(const struct churn *c, double seconds)
{
	struct peer_account account = {0};

	if (c->peer->account)
		c->peer->account(c->map, &account);
	return (struct sample){{
		[SECONDS] = seconds,
		[RSS] = process_bytes("RssAnon:") + process_bytes("RssShmem:"),
		[BYTES] = c->peer->bytes ? (double)c->peer->bytes(c->map) : 0,
		[WAITING] = (double)account.waiting,
		[SPARE] = (double)account.spare,
		[CALLBACKS] = (double)account.callbacks,
	}};
}

/* Looks are not part of the time that a page takes. */
static double churn_and_look(struct churn *c, const struct seat *seat, struct told *told)
{
	double start = bench_now_ns(), now = start, next = start, looking = 0;
	uint64_t moved = 0;

	while (now < start + seat->seconds * 1e9) {
		if (now >= next && told->samples < seat->room) {
			samples_of(told)[told->samples++] = look(c, (now - start) / 1e9);
			looking += bench_now_ns() - now;
			next = now + SAMPLE_NS;
		}
		move_some(c);
		moved += AT_A_TIME;
		now = bench_now_ns();
	}
	return (now - start - looking) / (double)moved;
}

static void work(const void *ctx, void *result)
{
	const struct seat *seat = ctx;
	const struct peer *peer = seat->subject->peer;
	const struct peer_opts opts = {.base = work_base(),
				       .pages = (uint64_t)PLACES * STEP,
				       .mapped = MAPPED,
				       .tables = seat->subject->tables};
	struct churn *c = calloc(1, sizeof(*c));
	struct told *told = result;
	struct peer_account account = {0};
	double peak;

	bench_check(c, "no memory");
	for (unsigned i = 0; i < seat->room; i++)
		samples_of(told)[i] = (struct sample){{1}}; /* so that their memory is there */
	told->before = process_held(peer);
	peak = process_bytes("VmRSS:");
	*c = (struct churn){.peer = peer, .map = peer->create(&opts), .seed = 3};
	for (unsigned i = 0; i < MAPPED; i++)
		map_at_random(c, i);
	told->ns = churn_and_look(c, seat, told);
	for (uint32_t place = 0; place < PLACES; place++)
		check(c, place);
	for (unsigned i = 0; i < MAPPED; i++)
		unmap(c, i);
	for (uint32_t place = 0; place < PLACES; place++)
		check(c, place);
	told->rss_peak = process_bytes("VmHWM:") - peak;
	if (peer->account)
		peer->account(c->map, &account);
	told->waiting_peak = (double)account.waiting_peak;
	told->held = process_held(peer) - told->before;
	told->bytes = peer->bytes ? (double)peer->bytes(c->map) : 0;
	for (unsigned i = 0; i < told->samples; i++)
		samples_of(told)[i].value[RSS] -= told->before;
}

/* ---- In the parent ---- */

static void turn(void *ctx, double value[BENCH_METRICS])
{
	struct seat *seat = ctx;
	struct told *told = seat->told;

	bench_check(process_run(seat->subject->peer, work, seat, told, told_bytes(seat->room)),
		    seat->subject->name);
	value[0] = told->ns;
	value[1] = told->rss_peak / 1024;
	value[2] = told->waiting_peak / 1024;
	value[3] = told->held / 1024;
	value[4] = told->bytes / 1024;
}

static void tell_series(const char *title, const struct seat *seat)
{
	static const struct {
		const char *name, *unit;
		double scale;
	} columns[COLUMNS] = {
		[SECONDS] = {"time", "s", 1},
		[RSS] = {"held, by the kernel", "KiB", 1024},
		[BYTES] = {"held, by its account", "KiB", 1024},
		[WAITING] = {"waiting", "KiB", 1024},
		[SPARE] = {"spare", "KiB", 1024},
		[CALLBACKS] = {"callbacks so far", "number", 1},
	};
	const struct peer *peer = seat->subject->peer;
	unsigned n = peer->account ? COLUMNS : peer->bytes ? BYTES + 1 : RSS + 1;
	unsigned samples = (unsigned)seat->told->samples;
	double *values = malloc(COLUMNS * samples * sizeof(*values));
	struct bench_column column[COLUMNS];

	bench_check(values, "no memory");
	for (unsigned c = 0; c < n; c++) {
		double *value = &values[c * samples];

		for (unsigned i = 0; i < samples; i++)
			value[i] = samples_of(seat->told)[i].value[c] / columns[c].scale;
		column[c] = (struct bench_column){columns[c].name, columns[c].unit, value};
	}
	bench_series(title, seat->subject->name, column, n, samples);
	free(values);
}

void work_churn(double seconds)
{
	static const struct bench_metric metrics[] = {
		{"a page unmapped and another mapped", "ns"},
		{"held at most, by the kernel", "KiB"},
		{"waiting at most, by its account (0: keeps none)", "KiB"},
		{"held when all have been unmapped", "KiB"},
		{"that, by its own account (0: keeps none)", "KiB"}};
	struct subject list[SUBJECTS_MAX];
	struct bench_row rows[SUBJECTS_MAX];
	struct seat seats[SUBJECTS_MAX];
	unsigned n = subjects(list, WHO_UPDATES_EACH_WAY);
	unsigned room = (unsigned)(seconds * 1e9 / SAMPLE_NS) + 2;
	char title[64];

	for (unsigned i = 0; i < n; i++) {
		seats[i] = (struct seat){&list[i], seconds, room, calloc(1, told_bytes(room))};
		bench_check(seats[i].told, "no memory");
		rows[i] = (struct bench_row){list[i].name, list[i].skipped, turn, &seats[i]};
	}
	snprintf(title, sizeof(title), "sparse churn, %g s", seconds);
	bench_rows(title, metrics, 5, rows, n, 0, 1);
	printf("%s: every %d ms\n", title, SAMPLE_NS / 1000000);
	for (unsigned i = 0; i < n; i++) {
		if (!list[i].skipped)
			tell_series(title, &seats[i]);
		free(seats[i].told);
	}
	printf("\n");
}
