/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * One trace under many schemes: the survey, then memory, then speed. */
#include "compare_run.h"
#include "flavour.h"
#include "lab_space.h"
#include "lab_walk.h"
#include "progress.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ENOUGH_NS = 50000000 }; /* a round repeats a trace until so much time has passed */

struct compare {
	const struct compare_options *options;
	const struct rcu_flavor_struct *flavour;
	struct trace *trace;
	uint64_t first, last; /* times of events */
	struct survey survey;
	struct compare_outcome *out;
	char *why; /* of 300 bytes */
	struct progress progress;
	uint64_t steps_done, steps;
};

static void step_done(struct compare *c)
{
	progress_show(&c->progress, ++c->steps_done, c->steps);
}

/* ---- A lab with an address space ---- */

struct scene {
	struct lab *lab;
	struct pgtable *pgtable;
};

static int scene_lab(struct compare *c, const struct compare_entry *entry, unsigned watch,
		     struct lab **lab)
{
	const struct lab_options options = {
		.scheme = entry->scheme,
		.switches = entry->switches,
		.flavour = c->flavour,
		.page_bytes = c->options->page_bytes,
		.tables_per_page = c->options->tables_per_page,
		.watch = watch,
	};
	char why[160];
	int err = lab_create(&options, lab, why);

	if (err)
		snprintf(c->why, 300, "%s: %s", entry->name, why);
	return err;
}

static int scene_open(struct compare *c, const struct compare_entry *entry, unsigned watch,
		      struct scene *scene)
{
	struct pgtable_options options = {
		.top = 1ull << trace_meta(c->trace)->address_bits,
		.leaf_bytes = c->options->leaf_bytes,
		.unmap = entry->unmap,
		.keep_empty = c->options->linux_rules,
	};
	int err = scene_lab(c, entry, watch, &scene->lab);

	if (err)
		return err;
	options.lab = scene->lab;
	err = pgtable_create(&options, &scene->pgtable);
	if (err) {
		snprintf(c->why, 300, "%s: %s", entry->name,
			 err == -EINVAL ? "the trace's addresses do not fit below 2^47"
					: "there is not enough memory");
		lab_destroy(scene->lab);
	}
	return err;
}

/* Frees everything; what does not come back is a failure of the scheme. */
static void scene_close(struct scene *scene, const struct compare_entry *entry,
			struct compare_result *result)
{
	pgtable_destroy(scene->pgtable);
	if (lab_settle(scene->lab) && result && !result->failure[0])
		snprintf(result->failure, sizeof(result->failure), "%s: %s", entry->name,
			 lab_breach(scene->lab).text);
	if (result && lab_watches(scene->lab, LAB_MEASURE))
		lab_counters(scene->lab, &result->end);
	lab_destroy(scene->lab);
}

/* ---- A pass through the trace ---- */

struct pass {
	const struct space_ops *ops;
	void *ctx;
	struct pace *pace; /* NULL: as fast as possible */
	struct map *map;   /* to be drawn, of the pgtable ctx; or NULL */
	unsigned moment;   /* its next */
	uint64_t wall, ns; /* receive the time it took, and the processor time of that */
};

/* The moments of the map that have passed before an event: each in the middle of its part. */
static void draw(const struct compare *c, struct pass *pass, uint64_t time)
{
	double part = (double)(c->last - c->first) / MAP_MOMENTS;

	for (; pass->moment < MAP_MOMENTS; pass->moment++) {
		if ((double)(time - c->first) < (pass->moment + 0.5) * part)
			return;
		map_take(pass->map, pass->ctx, pass->moment);
	}
}

static int step(const struct compare *c, struct pass *pass, struct space *space,
		const struct trace_event *event)
{
	int err;

	if (pass->map)
		draw(c, pass, event->time);
	if (!pass->pace)
		return space_apply(space, event);
	if (event->kind == TRACE_SAMPLE)
		return 0;
	pace_wait(pass->pace, event->time);
	/* The end is not the program's life any more. */
	if (event->kind == TRACE_EXIT)
		return 0;
	err = space_apply(space, event);
	pace_sample(pass->pace);
	return err;
}

static int pass_events(struct compare *c, struct pass *pass, struct space *space)
{
	const struct trace_event exit = {.kind = TRACE_EXIT, .time = c->last};
	struct trace_event event = exit;
	int err = 0;

	trace_rewind(c->trace);
	while (!err && trace_next(c->trace, &event))
		err = step(c, pass, space, &event);
	if (!err && event.kind != TRACE_EXIT)
		err = step(c, pass, space, &exit);
	return err;
}

static int run_pass(struct compare *c, struct pass *pass)
{
	struct space_options options;
	uint64_t wall, start;
	struct space *space;
	int err;

	space_options_init(&options, c->options->linux_rules ? SPACE_LINUX : SPACE_EXACT,
			   trace_meta(c->trace));
	options.ops = *pass->ops;
	options.ctx = pass->ctx;
	err = space_create(&options, &space);
	if (!err) {
		wall = progress_now();
		start = lab_thread_ns(pthread_self());
		err = pass_events(c, pass, space);
		pass->ns = lab_thread_ns(pthread_self()) - start;
		pass->wall = progress_now() - wall;
		space_destroy(space);
	}
	if (err)
		snprintf(c->why, 300, "the trace could not be carried out: %s", strerror(-err));
	return err;
}

/* ---- The survey ---- */

static void scan(struct compare *c, struct trace_event *event)
{
	trace_rewind(c->trace);
	c->first = UINT64_MAX;
	while (trace_next(c->trace, event)) {
		if (c->first == UINT64_MAX)
			c->first = event->time;
		c->last = event->time;
	}
	if (c->first == UINT64_MAX)
		c->first = 0;
	c->out->seconds = (double)(c->last - c->first) / 1e9;
}

static int scan_kernel(struct compare *c)
{
	struct trace_event event;
	int err = pace_curve_open(&c->out->kernel, c->out->seconds, PACE_POINTS);

	trace_rewind(c->trace);
	while (!err && trace_next(c->trace, &event)) {
		struct pace_point point = {.seconds = (double)(event.time - c->first) / 1e9,
					   .level.held = event.value * 1024};

		if (event.kind == TRACE_SAMPLE)
			pace_curve_add(&c->out->kernel, &point);
	}
	return err;
}

static int survey(struct compare *c)
{
	const struct compare_entry *entry = &c->options->entry[0];
	struct pass pass = {.ops = &survey_ops, .ctx = &c->survey};
	struct trace_event event;
	struct scene scene;
	int err;

	scan(c, &event);
	err = scan_kernel(c);
	if (!err)
		err = scene_open(c, entry, 0, &scene);
	if (err)
		return err;
	c->survey.lab = scene.lab;
	c->survey.pgtable = scene.pgtable;
	err = run_pass(c, &pass);
	scene_close(&scene, entry, NULL);
	c->out->operations = c->survey.operations;
	return err;
}

/* ---- The map ---- */

static int draw_map(struct compare *c)
{
	const struct compare_entry *entry = &c->options->entry[0];
	struct pass pass = {.ops = &lab_space_ops, .map = &c->out->map};
	struct scene scene;
	int err = scene_open(c, entry, 0, &scene);

	if (err)
		return err;
	pass.ctx = scene.pgtable;
	err = map_open(&c->out->map, c->survey.touched, c->survey.n, pgtable_span(scene.pgtable),
		       c->options->leaf_bytes);
	if (!err)
		err = run_pass(c, &pass);
	scene_close(&scene, entry, NULL);
	return err;
}

/* ---- Memory ---- */

static int measure_memory(struct compare *c, unsigned i)
{
	const struct compare_entry *entry = &c->options->entry[i];
	struct compare_result *result = &c->out->result[i];
	struct pass pass = {.ops = &lab_space_ops};
	struct scene scene;
	int err = scene_open(c, entry, LAB_MEASURE, &scene);

	if (err)
		return err;
	pass.ctx = scene.pgtable;
	err = pace_start(scene.lab, c->first, c->last, &pass.pace);
	if (!err) {
		err = run_pass(c, &pass);
		pace_stop(pass.pace, &result->memory);
	}
	scene_close(&scene, entry, result);
	/* The lab knows the peak inside an event too. */
	if (result->memory.held_peak < result->end.pages_peak * result->end.page_bytes)
		result->memory.held_peak = result->end.pages_peak * result->end.page_bytes;
	return err;
}

/* ---- Speed ---- */

/* Passes until the time is worth its measurement. */
static int timed(struct compare *c, struct pass *pass, struct compare_round *round)
{
	uint64_t wall = 0, ns = 0;
	int err;

	do {
		err = run_pass(c, pass);
		wall += pass->wall;
		ns += pass->ns;
		round->passes++;
	} while (!err && ns < ENOUGH_NS);
	round->wall = (double)wall / 1e9 / round->passes;
	round->seconds = (double)ns / 1e9 / round->passes;
	return err;
}

static int time_decoding(struct compare *c, unsigned number)
{
	struct pass pass = {.ops = &no_space_ops};
	struct compare_round round = {0};
	int err = timed(c, &pass, &round);

	c->out->decoding[number] = round.seconds;
	return err;
}

static int time_walked(struct compare *c, const struct compare_entry *entry, struct scene *scene,
		       struct compare_round *round)
{
	const struct lab_walk_options options = {
		.threads = c->options->walkers,
		.lab = scene->lab,
		.pgtable = scene->pgtable,
		.walk = entry->unmap == LAB_UNMAP_IPI ? LAB_WALK_IRQ : LAB_WALK_RCU,
		.flavour = c->flavour,
		.addresses = c->survey.touched,
		.n = c->survey.n,
	};
	struct pass pass = {.ops = &lab_space_ops, .ctx = scene->pgtable};
	struct lab_walks_count before, after;
	struct lab_walks *walks;
	int err = lab_walks_start(&options, &walks);

	if (err)
		return err;
	before = lab_walks_count(walks);
	err = timed(c, &pass, round);
	after = lab_walks_count(walks);
	if (after.ns > before.ns)
		round->walks =
			(double)(after.walks - before.walks) * 1e9 / (double)(after.ns - before.ns);
	lab_walks_stop(walks);
	return err;
}

/* The first pass is not timed: it pays for the first touch of all memory, which is the host's
 * affair. */
static int measure_speed(struct compare *c, unsigned i, unsigned number)
{
	const struct compare_entry *entry = &c->options->entry[i];
	struct compare_round *round = &c->out->result[i].rounds[number];
	struct pass warm = {.ops = &lab_space_ops};
	struct scene scene;
	int err = scene_open(c, entry, 0, &scene);

	if (err)
		return err;
	warm.ctx = scene.pgtable;
	err = run_pass(c, &warm);
	lab_barrier(scene.lab);
	if (!err)
		err = time_walked(c, entry, &scene, round);
	if (c->out->operations)
		round->ns = (round->seconds - c->out->decoding[number]) * 1e9 /
			    (double)c->out->operations;
	scene_close(&scene, entry, &c->out->result[i]);
	return err;
}

static int one_round(struct compare *c, unsigned number)
{
	int err = time_decoding(c, number);

	for (unsigned i = 0; !err && i < c->options->n; i++) {
		err = measure_speed(c, i, number);
		step_done(c);
	}
	return err;
}

/* ---- All of it ---- */

static int prepare(struct compare *c)
{
	unsigned rounds = c->options->rounds + 1; /* none is some memory too */

	c->out->decoding = calloc(rounds, sizeof(*c->out->decoding));
	if (!c->out->decoding)
		return -ENOMEM;
	for (unsigned i = 0; i < c->options->n; i++) {
		struct compare_result *result = &c->out->result[i];

		result->rounds = calloc(rounds, sizeof(*result->rounds));
		if (!result->rounds)
			return -ENOMEM;
	}
	return survey(c);
}

static int measure_all(struct compare *c)
{
	int err = prepare(c);

	if (!err && c->options->map)
		err = draw_map(c);
	for (unsigned i = 0; !err && i < c->options->n; i++) {
		err = measure_memory(c, i);
		step_done(c);
	}
	for (unsigned number = 0; !err && number < c->options->rounds; number++)
		err = one_round(c, number);
	return err;
}

int compare_run(const struct compare_options *options, struct trace *trace,
		struct compare_outcome *outcome, char why[300])
{
	struct compare c = {
		.options = options,
		.flavour = flavour_find("memb"),
		.trace = trace,
		.out = outcome,
		.why = why,
		.steps = (uint64_t)options->n * (options->rounds + 1),
	};
	int err;

	*outcome = (struct compare_outcome){0};
	snprintf(why, 300, "there is not enough memory");
	progress_start(&c.progress, "compare");
	c.flavour->register_thread();
	err = measure_all(&c);
	c.flavour->unregister_thread();
	progress_end(&c.progress);
	survey_close(&c.survey);
	return err;
}

void compare_close(const struct compare_options *options, struct compare_outcome *outcome)
{
	for (unsigned i = 0; i < options->n; i++) {
		pace_curve_close(&outcome->result[i].memory.curve);
		free(outcome->result[i].rounds);
	}
	pace_curve_close(&outcome->kernel);
	map_close(&outcome->map);
	free(outcome->decoding);
}
