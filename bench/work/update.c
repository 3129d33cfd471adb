/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Workload: a range is mapped and unmapped, over and over. Gracewalk comes with each policy: tables
 * that stay, that go when they have been empty for a grace period, that go at once.
 *
 * Alone in the map, a page brings a table of each level with it. With a neighbour that stays in the
 * next 2 MiB, it brings the last one only. */
#include "work.h"
#include <stdio.h>

static const struct {
	uint64_t pages;
	bool neighbour;
} ranges[] = {{1, false}, {1, true}, {16, false}, {16, true}, {512, false}, {1 << 18, false}};

/* The first page of the next 2 MiB. */
enum { NEIGHBOUR = 512 };

struct seat {
	const struct subject *subject;
	void *map;
	uint64_t pages, times;
	bool neighbour;
};

static uint64_t some_out(void)
{
	return 0x123456789000;
}

static uint64_t page_out(const struct seat *seat, uint64_t page)
{
	return some_out() + (seat->subject->peer->one_value ? 0 : page << PEER_PAGE_LG2);
}

static void expect(const struct seat *seat, uint64_t page, bool mapped)
{
	const struct peer *peer = seat->subject->peer;
	uint64_t out = 0, want = page_out(seat, page);
	bool found = peer->find(seat->map, work_base() + (page << PEER_PAGE_LG2), &out);

	bench_check(found == mapped && (!mapped || out == want), peer->name);
}

static void check(const struct seat *seat)
{
	const struct peer *peer = seat->subject->peer;

	peer->map(seat->map, work_base(), seat->pages, some_out());
	expect(seat, 0, true);
	expect(seat, seat->pages - 1, true);
	expect(seat, seat->pages, false);
	peer->unmap(seat->map, work_base(), seat->pages);
	expect(seat, 0, false);
	expect(seat, seat->pages - 1, false);
	if (seat->neighbour)
		expect(seat, NEIGHBOUR, true);
}

static double update(const struct seat *seat)
{
	const struct peer *peer = seat->subject->peer;
	double start = bench_now_ns();

	for (uint64_t i = 0; i < seat->times; i++) {
		peer->map(seat->map, work_base(), seat->pages, some_out());
		peer->unmap(seat->map, work_base(), seat->pages);
	}
	return bench_now_ns() - start;
}

/* What was deferred is done outside the updater's time, and inside the process's. */
static void turn(void *ctx, double value[BENCH_METRICS])
{
	const struct seat *seat = ctx;
	double pages = (double)(seat->times * seat->pages), cpu = work_cpu_ns();

	value[0] = update(seat) / pages;
	peer_settle(seat->subject->peer);
	value[1] = (work_cpu_ns() - cpu) / pages;
	check(seat);
	peer_settle(seat->subject->peer);
}

static void open_seat(struct seat *seat, const struct subject *subject, uint64_t pages,
		      bool neighbour)
{
	const struct peer_opts opts = {
		.base = work_base(),
		.pages = neighbour ? NEIGHBOUR + 1 : pages + 1,
		.mapped = pages + 1,
		.tables = subject->tables,
	};

	*seat = (struct seat){
		.subject = subject, .pages = pages, .times = 1, .neighbour = neighbour};
	seat->map = subject->peer->create(&opts);
	if (neighbour)
		subject->peer->map(seat->map, work_base() + ((uint64_t)NEIGHBOUR << PEER_PAGE_LG2),
				   1, page_out(seat, NEIGHBOUR));
	check(seat);
	for (unsigned i = 0; i < 3; i++)
		seat->times = work_scale(seat->times, update(seat), 1);
	peer_settle(seat->subject->peer);
}

static void measure(uint64_t pages, bool neighbour)
{
	static const struct bench_metric metrics[] = {
		{"a page mapped and unmapped, the updater's time", "ns"},
		{"a page mapped and unmapped, all processor time", "ns"}};
	struct subject list[SUBJECTS_MAX];
	struct bench_row rows[SUBJECTS_MAX];
	struct seat seats[SUBJECTS_MAX];
	unsigned n = subjects(list, WHO_UPDATES_EACH_WAY);
	char title[64];

	for (unsigned i = 0; i < n; i++) {
		rows[i] = (struct bench_row){list[i].name, list[i].skipped, turn, &seats[i]};
		if (!list[i].skipped)
			open_seat(&seats[i], &list[i], pages, neighbour);
	}
	snprintf(title, sizeof(title), "map and unmap, n = %llu%s", (unsigned long long)pages,
		 neighbour ? ", a neighbour stays" : "");
	bench_rows(title, metrics, 2, rows, n, 1, BENCH_ROUNDS);
	for (unsigned i = 0; i < n; i++)
		if (!list[i].skipped) {
			list[i].peer->destroy(seats[i].map);
			peer_settle(list[i].peer);
		}
}

void work_update(void)
{
	for (unsigned i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		measure(ranges[i].pages, ranges[i].neighbour);
}
