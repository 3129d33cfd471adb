/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * A program's page table as it was at one moment of its trace. */
#include "dump_live.h"
#include <gracewalk/urcu.h>
#include <string.h>
#include <urcu/urcu-memb.h>
#include <urcu/flavor.h>

/* Where to stop. */
struct stop {
	uint64_t events;
	double seconds;
	bool before_exit;
};

static struct stop stop_of(const struct dump_moment *moment)
{
	return (struct stop){
		.events = moment->by == DUMP_AT_EVENT ? moment->events : UINT64_MAX,
		.seconds = moment->by == DUMP_AT_SECONDS ? moment->seconds : 1e300,
		.before_exit = moment->by != DUMP_AT_EVENT,
	};
}

/* Replays into a new space. Return: 0 or a negative errno; in *most after how many events the most
 * pages were present. */
static int apply(struct dump_live *live, struct space *space, const struct stop *stop,
		 uint64_t *most)
{
	uint64_t pages = 0, began = 0;
	struct trace_event event;
	int err = 0;

	live->events = 0;
	trace_rewind(live->trace);
	while (!err && live->events < stop->events && trace_next(live->trace, &event)) {
		began = live->events ? began : event.time;
		if ((double)(event.time - began) / 1e9 > stop->seconds ||
		    (event.kind == TRACE_EXIT && stop->before_exit))
			break;
		err = space_apply(space, &event);
		live->events++;
		live->seconds = (double)(event.time - began) / 1e9;
		if (live->rebuild.present.count > pages) {
			pages = live->rebuild.present.count;
			*most = live->events;
		}
	}
	return err;
}

static int replay(struct dump_live *live, enum space_policy policy, const struct stop *stop,
		  uint64_t *most)
{
	struct space_options options;
	struct space *space;
	int err;

	space_options_init(&options, policy, trace_meta(live->trace));
	options.ops = rebuild_ops;
	options.ctx = &live->rebuild;
	err = space_create(&options, &space);
	if (err)
		return err;
	err = apply(live, space, stop, most);
	space_destroy(space);
	return err;
}

/* A page table on an environment of its own, filled. Tables that are only waiting to be reclaimed
 * are gone afterwards. */
static int fill(struct dump_live *live, const struct gw_format *format, enum space_policy policy,
		const struct stop *stop, uint64_t *most)
{
	const struct gw_opts opts = {.policy = policy == SPACE_LINUX ? GW_POLICY_MANUAL
								     : GW_POLICY_LAZY};
	struct gw_env *env = gw_urcu_create(&urcu_memb_flavor);
	int err;

	if (!env)
		return -ENOMEM;
	err = rebuild_open(&live->rebuild, format, env, &opts);
	if (err) {
		gw_urcu_destroy(env);
		return err;
	}
	live->rebuild.small_pages = policy == SPACE_LINUX;
	err = replay(live, policy, stop, most);
	if (err)
		dump_live_close(live);
	else
		gw_urcu_drain(env);
	return err;
}

int dump_live_open(struct dump_live *live, const struct gw_format *format, struct trace *trace,
		   enum space_policy policy, const struct dump_moment *moment)
{
	struct stop stop = stop_of(moment);
	uint64_t most = 0;
	int err;

	*live = (struct dump_live){.trace = trace};
	if (moment->by == DUMP_AT_EVENT && moment->events > trace_count(trace))
		return -EDOM;
	err = fill(live, format, policy, &stop, &most);
	if (err || moment->by != DUMP_AT_MOST || most == live->events)
		return err;
	dump_live_close(live);
	stop.events = most;
	return fill(live, format, policy, &stop, &most);
}

void dump_live_close(struct dump_live *live)
{
	rebuild_close(&live->rebuild);
	gw_urcu_destroy(live->rebuild.env);
}

/* ---- Memory ---- */

static bool read_live(void *ctx, uint64_t address, uint64_t *entry)
{
	const struct dump_live *live = ctx;

	*entry = gw_load_dependent(
		(const gw_entry *)((uintptr_t)address + live->rebuild.pt->to_pointer));
	return true;
}

struct dump_memory dump_live_memory(struct dump_live *live)
{
	return (struct dump_memory){.read = read_live, .ctx = live};
}

uint64_t dump_live_root(const struct dump_live *live)
{
	return (uintptr_t)live->rebuild.pt->root - live->rebuild.pt->to_pointer;
}
