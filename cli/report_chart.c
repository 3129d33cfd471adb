/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The charts of a report. All that goes into gnuplot's script is numbers, and names of schemes. */
#include "report_chart.h"
#include "gnuplot.h"
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Colours ---- */

/* Told apart by the colour-blind too, those of the schemes by hue and by lightness; those of areas
 * and of the map by lightness alone. The dashes of lines do it once more. */
static const struct colour {
	const char *name, *light, *dark;
} colours[] = {
	{"c0", "#0b5cad", "#5ab4f0"},     {"c1", "#c24f00", "#ff8f4a"},
	{"c2", "#007d5c", "#3fd0a4"},     {"c3", "#b5548f", "#f0a3cf"},
	{"c4", "#8a6500", "#f0c64a"},     {"c5", "#4f2d9c", "#b79cf5"},
	{"c6", "#0a7ea4", "#9bdcff"},     {"c7", "#7a4a2b", "#d9a680"},
	{"used", "#56779a", "#6d93bb"},   {"waiting", "#d07f00", "#f2b64f"},
	{"wasted", "#f6d9cf", "#5c3a33"}, {"kernel", "#111111", "#f5f5f5"},
	{"quiet", "#59616b", "#a0a9b3"},  {"axis", "#8a8a8a", "#7d7d7d"},
	{"grid", "#e4e4e4", "#33373c"},   {"in-use", "#e3e8ee", "#2a323b"},
	{"level0", "#d9480f", "#ff7a3d"}, {"level1", "#b9d3ec", "#1f3d5c"},
	{"level2", "#7fb2dd", "#33709f"}, {"level3", "#2f77b4", "#76b4e3"},
	{"level4", "#0b315f", "#dcecfa"},
};

const char *const map_level_names[MAP_LEVELS] = {"none: kept empty", "under 1/8", "1/8 to 1/2",
						 "1/2 to 7/8", "7/8 and more"};

static const char *colour(const char *name)
{
	size_t i = 0;

	while (strcmp(colours[i].name, name))
		i++;
	return colours[i].light;
}

static const char *scheme_colour(unsigned i)
{
	return colours[i % CHART_COLOURS].light;
}

static const char *level_colour(unsigned level)
{
	char name[] = "level0";

	name[5] += (char)level;
	return colour(name);
}

/* Gnuplot writes a colour in two ways, for lines and areas and for text. */
static void style_rule(FILE *page, const char *property, const struct colour *colour)
{
	unsigned rgb = (unsigned)strtoul(colour->light + 1, NULL, 16);
	unsigned r = rgb >> 16, g = rgb >> 8 & 255, b = rgb & 255;

	fprintf(page,
		"svg [%s=\"rgb(%3u, %3u, %3u)\"], svg [%s=\"rgb(%u,%u,%u)\"] { %s: var(--%s); }\n",
		property, r, g, b, property, r, g, b, property, colour->name);
}

void report_chart_style(FILE *page)
{
	size_t n = sizeof(colours) / sizeof(colours[0]);

	fputs(":root {\n", page);
	for (size_t i = 0; i < n; i++)
		fprintf(page, "--%s: %s;\n", colours[i].name, colours[i].light);
	fputs("}\n@media screen and (prefers-color-scheme: dark) {\n:root {\n", page);
	for (size_t i = 0; i < n; i++)
		fprintf(page, "--%s: %s;\n", colours[i].name, colours[i].dark);
	fputs("}\n}\n", page);
	for (size_t i = 0; i < n; i++) {
		style_rule(page, "stroke", &colours[i]);
		style_rule(page, "fill", &colours[i]);
	}
	for (unsigned i = 0; i < CHART_COLOURS; i++)
		fprintf(page, "i.c%u { color: var(--c%u); }\n", i, i);
}

/* ---- Axes ---- */

struct drawing {
	const struct compare_told *told;
	FILE *script;
	struct charts *charts;
	double unit, top; /* bytes of the unit, and units at the top of the scale */
	double wait_unit, wait_top;
};

/* In pixels, where a chart leaves room around its axes. */
struct frame {
	unsigned width, height, left, right, above, below;
};

static void begin(struct drawing *d, const struct frame *frame)
{
	struct chart *chart = &d->charts->chart[d->charts->n];

	chart->width = frame->width;
	chart->height = frame->height;
	fprintf(d->script,
		"reset\nset terminal svg size %u,%u font 'sans-serif,12' noenhanced\n"
		"set output\nset border 1 lc rgb '%s'\n"
		"set tics out nomirror scale 0.4 tc rgb '%s'\n"
		"set ytics scale 0\nset grid ytics lt 1 lw 1 lc rgb '%s'\nunset key\n",
		frame->width, frame->height, colour("axis"), colour("quiet"), colour("grid"));
	d->charts->n++;
}

static void place(struct drawing *d, const struct frame *frame)
{
	fprintf(d->script,
		"set lmargin at screen %f\nset rmargin at screen %f\nset tmargin at screen %f\n"
		"set bmargin at screen %f\n",
		(double)frame->left / frame->width, 1 - (double)frame->right / frame->width,
		1 - (double)frame->above / frame->height, (double)frame->below / frame->height);
}

static double frame_inner(const struct frame *frame)
{
	return (double)(frame->height - frame->above - frame->below);
}

/* 1, 2 or 5 times a power of ten, so that there are at most n steps. */
static double step_of(double top, unsigned n)
{
	double step = pow(10, floor(log10(top / n)));

	if (step * n < top)
		step *= 2;
	if (step * n < top)
		step *= 2.5;
	if (step * n < top)
		step *= 2;
	return step;
}

static void time_axis(struct drawing *d, unsigned steps, bool named)
{
	double seconds = d->told->outcome->seconds;

	/* A trace of one moment has an axis too. */
	if (seconds <= 0)
		seconds = 1;
	fprintf(d->script, "set xrange [0:%.9g]\nset xtics %.9g\n", seconds,
		step_of(seconds, steps));
	if (named)
		fprintf(d->script, "set xlabel 'seconds' offset 0,0.4 tc rgb '%s'\n",
			colour("quiet"));
	else
		fprintf(d->script, "set format x ''\n");
}

static const char *unit_name(double unit)
{
	return unit > 1024 ? "MiB" : "KiB";
}

static double unit_of(double bytes)
{
	return bytes >= 10 * 1048576.0 ? 1048576 : 1024;
}

static void bytes_axis(struct drawing *d, double unit, double top, unsigned steps, const char *what)
{
	fprintf(d->script,
		"set yrange [0:%.9g]\nset ytics %.9g\n"
		"set label 99 '%s %s' at graph 0, graph 1 left offset 0,0.7 tc rgb '%s'\n",
		top, step_of(top, steps), unit_name(unit), what, colour("quiet"));
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The highest peak, the kernel's too, that is no more than a few times the schemes' median: what
 * lies above it would press the others flat, and runs out of the chart instead. */
static double usual_peak(const struct compare_told *told)
{
	enum { FEW = 3 };
	double peak[COMPARE_ENTRIES_MAX], most, kernel = compare_kernel_peak(told);
	unsigned n = told->options->n, i = n - 1;

	for (unsigned k = 0; k < n; k++)
		peak[k] = (double)told->outcome->result[k].memory.held_peak;
	qsort(peak, n, sizeof(*peak), by_size);
	most = FEW * peak[(n - 1) / 2];
	while (peak[i] > most)
		i--;
	return kernel > most ? peak[i] : fmax(peak[i], kernel);
}

/* What all charts of the trace have in common, so that they can be held against one another. */
static void scale(struct drawing *d)
{
	double most = fmax(1024, usual_peak(d->told)), waiting = 1024;

	for (unsigned i = 0; i < d->told->options->n; i++) {
		const struct pace_result *memory = &d->told->outcome->result[i].memory;

		waiting = fmax(waiting, (double)memory->waiting_peak);
		d->charts->beyond[i] = (double)memory->held_peak > most;
	}
	d->charts->kernel_beyond = compare_kernel_peak(d->told) > most;
	d->unit = unit_of(most);
	d->top = 1.04 * most / d->unit;
	d->wait_unit = unit_of(waiting);
	d->wait_top = 1.04 * waiting / d->wait_unit;
}

/* ---- Curves ---- */

/* What is drawn of a point, from the axis up. */
struct levels {
	double used, waiting, wasted; /* each with those before it */
	double held, backlog;
};

static struct levels levels_of(const struct drawing *d, const struct pace_point *point)
{
	const struct lab_level *level = &point->level;
	struct levels levels = {
		.used = (double)level->used / d->unit,
		.waiting = (double)(level->used + level->waiting) / d->unit,
		.held = (double)level->held / d->unit,
		.backlog = (double)point->waiting / d->wait_unit,
	};

	levels.wasted = fmax(levels.held, levels.waiting);
	return levels;
}

static void put_levels(struct drawing *d, double seconds, const struct levels *levels)
{
	fprintf(d->script, "%.6g %.5g %.5g %.5g %.5g %.5g\n", seconds, levels->used,
		levels->waiting, levels->wasted, levels->held, levels->backlog);
}

/* A block of data: in steps, so that lines and areas over it are single shapes. */
static void put_steps(struct drawing *d, const char *name, unsigned number,
		      const struct pace_curve *curve)
{
	struct levels before = {0}, now;

	fprintf(d->script, "$%s%u << END\n", name, number);
	for (size_t i = 0; i < curve->n; i++, before = now) {
		now = levels_of(d, &curve->point[i]);
		if (i && !memcmp(&now, &before, sizeof(now)))
			continue;
		if (i)
			put_levels(d, curve->point[i].seconds, &before);
		put_levels(d, curve->point[i].seconds, &now);
	}
	put_levels(d, curve->duration, &before);
	fprintf(d->script, "END\n");
}

/* Return: 0, -ENOMEM. */
static int curve_data(struct drawing *d, const char *name, unsigned number,
		      const struct pace_curve *curve, size_t slots)
{
	struct pace_curve thin;
	int err = pace_curve_open(&thin, curve->duration, slots);

	if (err)
		return err;
	for (size_t i = 0; i < curve->n; i++)
		pace_curve_add(&thin, &curve->point[i]);
	put_steps(d, name, number, &thin);
	pace_curve_close(&thin);
	return 0;
}

static int curves_data(struct drawing *d, const char *name, size_t slots)
{
	const struct compare_outcome *outcome = d->told->outcome;
	int err = 0;

	for (unsigned i = 0; !err && i < d->told->options->n; i++)
		err = curve_data(d, name, i, &outcome->result[i].memory.curve, slots);
	if (!err && outcome->kernel.n)
		err = curve_data(d, name, COMPARE_ENTRIES_MAX, &outcome->kernel, slots);
	return err;
}

/* ---- Labels at the ends of curves ---- */

struct end {
	double value, at; /* of the scale: where the curve ends, where its label stands */
	char text[COMPARE_NAME + 8];
	const char *colour;
};

static int by_value(const void *a, const void *b)
{
	const struct end *x = a, *y = b;

	return (x->value > y->value) - (x->value < y->value);
}

/* Moves labels apart: upwards, then all that would lie above the top down again. */
static void part_ends(struct end *end, unsigned n, double apart)
{
	double top = 1;

	if (n > 1 && apart > 1.0 / (n - 1))
		apart = 1.0 / (n - 1);
	qsort(end, n, sizeof(*end), by_value);
	for (unsigned i = 0; i < n; i++)
		end[i].at = i && end[i - 1].at + apart > end[i].value ? end[i - 1].at + apart
								      : end[i].value;
	for (unsigned i = n; i-- > 0; top = end[i].at - apart)
		if (end[i].at > top)
			end[i].at = top;
}

static void add_end(struct drawing *d, struct end *end, const struct pace_curve *curve, bool in_use)
{
	const struct lab_level *level = &curve->point[curve->n - 1].level;

	end->value = fmin(1, (double)(in_use ? level->used : level->held) / d->unit / d->top);
}

static unsigned find_ends(struct drawing *d, struct end *end, bool names)
{
	const struct compare_options *o = d->told->options;
	const struct compare_outcome *outcome = d->told->outcome;
	unsigned n = 0;

	for (; n < o->n; n++) {
		add_end(d, &end[n], &outcome->result[n].memory.curve, false);
		end[n].colour = scheme_colour(n);
		snprintf(end[n].text, sizeof(end[n].text), names ? "%u %s" : "%u", n + 1,
			 o->entry[n].name);
	}
	add_end(d, &end[n], &outcome->result[0].memory.curve, true);
	end[n].colour = colour("quiet");
	snprintf(end[n++].text, sizeof(end->text), names ? "in use" : "u");
	if (outcome->kernel.n) {
		add_end(d, &end[n], &outcome->kernel, false);
		end[n].colour = colour("kernel");
		snprintf(end[n++].text, sizeof(end->text), names ? "kernel, VmPTE" : "k");
	}
	return n;
}

/* Labels to the right of a frame, each with a line to what it is for. */
static void put_ends(struct drawing *d, const struct frame *frame, struct end *end, unsigned n)
{
	double inner = (double)(frame->width - frame->left - frame->right);

	part_ends(end, n, 15 / frame_inner(frame));
	for (unsigned i = 0; i < n; i++)
		fprintf(d->script,
			"set label %u '%s' at graph %f, graph %f left tc rgb '%s'\n"
			"set arrow %u from graph 1, graph %f to graph %f, graph %f nohead lw 0.7 "
			"lc "
			"rgb '%s'\n",
			i + 1, end[i].text, 1 + 18 / inner, end[i].at, end[i].colour, i + 1,
			end[i].value, 1 + 15 / inner, end[i].at, end[i].colour);
}

static void label_ends(struct drawing *d, const struct frame *frame, bool names)
{
	struct end end[COMPARE_ENTRIES_MAX + 2];

	put_ends(d, frame, end, find_ends(d, end, names));
}

/* ---- All schemes at once ---- */

static const struct frame held_frame = {1000, 424, 46, 270, 26, 46};
static const struct frame held_narrow = {380, 326, 40, 40, 26, 46};

static void draw_held(struct drawing *d, const struct frame *frame, bool names)
{
	const struct compare_options *o = d->told->options;

	begin(d, frame);
	place(d, frame);
	time_axis(d, names ? 10 : 5, true);
	bytes_axis(d, d->unit, d->top, names ? 6 : 5, "held");
	label_ends(d, frame, names);
	fprintf(d->script,
		"plot $all0 using 1:2 with filledcurves y1=0 fs solid noborder lc rgb '%s'",
		colour("in-use"));
	for (unsigned i = 0; i < o->n; i++)
		fprintf(d->script, ", $all%u using 1:5 with lines lw 1.8 dt %u lc rgb '%s'", i,
			i % 5 + 1, scheme_colour(i));
	if (d->told->outcome->kernel.n)
		fprintf(d->script, ", $all%d using 1:5 with lines lw 2.6 dt 3 lc rgb '%s'",
			COMPARE_ENTRIES_MAX, colour("kernel"));
	fprintf(d->script, "\n");
}

/* ---- One scheme a panel ---- */

static const struct frame upper_frame = {330, 292, 44, 10, 24, 144};
static const struct frame lower_frame = {330, 292, 44, 10, 180, 50};

static void draw_panel(struct drawing *d, unsigned i)
{
	begin(d, &upper_frame);
	fprintf(d->script, "set multiplot\n");
	place(d, &upper_frame);
	time_axis(d, 5, false);
	bytes_axis(d, d->unit, d->top, 4, "held");
	fprintf(d->script,
		"plot $one%u using 1:4 with filledcurves y1=0 fs solid noborder lc rgb '%s', "
		"'' using 1:3 with filledcurves y1=0 fs solid noborder lc rgb '%s', "
		"'' using 1:2 with filledcurves y1=0 fs solid noborder lc rgb '%s', "
		"'' using 1:4 with lines lw 0.8 lc rgb '%s'\n",
		i, colour("wasted"), colour("waiting"), colour("used"), colour("axis"));
	place(d, &lower_frame);
	time_axis(d, 5, true);
	fprintf(d->script, "set format x '%%h'\n");
	bytes_axis(d, d->wait_unit, d->wait_top, 3, "waiting");
	fprintf(d->script,
		"plot $one%u using 1:6 with filledcurves y1=0 fs solid noborder lc rgb '%s'\n"
		"unset multiplot\n",
		i, colour("waiting"));
}

/* ---- The map ---- */

static unsigned level_of(const struct map *map, const struct map_cell *cell)
{
	uint64_t room = cell->tables * map->entries;

	if (!cell->present)
		return 0;
	if (cell->present * 8 < room)
		return 1;
	if (cell->present * 2 < room)
		return 2;
	return cell->present * 8 < room * 7 ? 3 : 4;
}

/* The boxes of one level: where a row stays at it they are one. */
static void map_boxes(struct drawing *d, unsigned level)
{
	const struct map *map = &d->told->outcome->map;
	double moment = d->told->outcome->seconds / MAP_MOMENTS;

	fprintf(d->script, "$level%u << END\n", level);
	for (unsigned row = 0; row < map->rows; row++) {
		unsigned from = 0;

		for (unsigned i = 0; i <= MAP_MOMENTS; i++) {
			const struct map_cell *cell = &map->cell[row][i];

			if (i < MAP_MOMENTS && cell->tables && level_of(map, cell) == level)
				continue;
			if (i > from)
				fprintf(d->script, "%.6g %u %.6g\n", (from + i) * moment / 2, row,
					(i - from) * moment / 2);
			from = i + 1;
		}
	}
	/* Gnuplot takes no empty block; this box cannot be seen. */
	fprintf(d->script, "-9 -9 0\nEND\n");
}

/* Gaps, and the addresses of the rows above them, as many as there is room for. */
static void map_labels(struct drawing *d, const struct frame *frame)
{
	const struct map *map = &d->told->outcome->map;
	unsigned most = (unsigned)(frame_inner(frame) / 16), gaps = 0, n = 0;
	struct end end[MAP_ROWS];

	for (unsigned row = 0; row < map->rows; row++) {
		if (!map->row[row].gap)
			continue;
		if (row)
			fprintf(d->script,
				"set arrow %u from graph 0, first %f to graph 1, first %f nohead "
				"front lw 0.7 lc rgb '%s'\n",
				MAP_ROWS + row, row - 0.5, row - 0.5, colour("axis"));
		if (gaps++ >= most)
			continue;
		end[n].value = (row + 0.5) / map->rows;
		end[n].colour = colour("quiet");
		snprintf(end[n++].text, sizeof(end->text), "0x%" PRIx64, map->row[row].first);
	}
	put_ends(d, frame, end, n);
}

static struct frame map_frame(const struct map *map, bool names)
{
	unsigned rows = map->rows < 12 ? 12 : map->rows > 60 ? 60 : map->rows;

	if (names)
		return (struct frame){1000, 72 + 5 * rows, 46, 270, 26, 46};
	return (struct frame){380, 72 + 5 * rows, 10, 128, 26, 46};
}

static void draw_map(struct drawing *d, bool names)
{
	const struct map *map = &d->told->outcome->map;
	const struct frame frame = map_frame(map, names);

	begin(d, &frame);
	place(d, &frame);
	time_axis(d, names ? 10 : 4, true);
	fprintf(d->script,
		"unset ytics\nset yrange [-0.5:%u.5]\nset label 99 'addresses, upwards' at "
		"graph 0, graph 1 left offset 0,0.7 tc rgb '%s'\n",
		map->rows ? map->rows - 1 : 0, colour("quiet"));
	map_labels(d, &frame);
	for (unsigned level = 0; level < MAP_LEVELS; level++)
		fprintf(d->script,
			"%s$level%u using 1:2:3:(0.5) with boxxyerror fs solid noborder lc rgb "
			"'%s'",
			level ? ", " : "plot ", level, level_colour(level));
	fprintf(d->script, "\n");
}

/* ---- All of them ---- */

static int draw_all(struct drawing *d)
{
	int err = curves_data(d, "all", CHART_SLOTS);

	if (!err)
		err = curves_data(d, "one", CHART_SLOTS / 2);
	if (err)
		return err;
	for (unsigned level = 0; level < MAP_LEVELS; level++)
		map_boxes(d, level);
	draw_held(d, &held_frame, true);
	draw_held(d, &held_narrow, false);
	draw_map(d, true);
	draw_map(d, false);
	for (unsigned i = 0; i < d->told->options->n; i++)
		draw_panel(d, i);
	fprintf(d->script, "set output\n");
	return ferror(d->script) ? -ENOMEM : 0;
}

/* Finds each chart in what gnuplot printed, less the document around it and its definitions. */
static bool take_apart(struct charts *charts)
{
	char *rest = charts->text;

	for (unsigned i = 0; i < charts->n; i++) {
		char *head = strstr(rest, "<g id="), *end = head ? strstr(head, "</svg>") : NULL;
		char *defs = head ? strstr(head, "<defs>") : NULL;
		char *body = defs ? strstr(defs, "</defs>") : NULL;

		if (!end || !body || body > end)
			return false;
		*defs = *end = 0;
		charts->chart[i].head = head;
		charts->chart[i].body = body + strlen("</defs>");
		rest = end + 1;
	}
	return true;
}

int charts_draw(const struct compare_told *told, struct charts *charts)
{
	struct drawing d = {.told = told, .charts = charts};
	struct gnuplot gnuplot;
	int err = gnuplot_open(&gnuplot), drawn;

	*charts = (struct charts){0};
	if (err)
		return err;
	d.script = gnuplot.script;
	scale(&d);
	drawn = draw_all(&d);
	err = gnuplot_run(&gnuplot, &charts->text);
	if (err || (!drawn && take_apart(charts)))
		return err;
	charts_close(charts);
	fprintf(stderr, "gracewalk: %s\n",
		drawn ? "there is not enough memory" : "gnuplot drew no charts");
	return -EIO;
}

void charts_close(struct charts *charts)
{
	free(charts->text);
	charts->text = NULL;
}

/* Bytes of a name that begins here, which gnuplot has made up; 0: none does. */
static size_t made_up(const char *part)
{
	static const char *const names[][2] = {{" id=\"", "\""}, {"<title>", "</title>"}};
	size_t bytes = 0;

	for (unsigned i = 0; i < 2; i++) {
		size_t length = strlen(names[i][0]);

		if (!strncmp(part, names[i][0], length)) {
			const char *end = strstr(part + length, names[i][1]);

			bytes = end ? (size_t)(end - part) + strlen(names[i][1]) : length;
		}
	}
	return bytes;
}

/* Without such names: they are alike in all charts of the page. */
static void put_part(FILE *page, const char *part)
{
	while (*part) {
		size_t name = made_up(part);

		if (!name)
			fputc(*part, page);
		part += name ? name : 1;
	}
}

void charts_put(FILE *page, const struct charts *charts, unsigned chart, const char *classes,
		const char *words)
{
	const struct chart *one = &charts->chart[chart];

	fprintf(page,
		"<svg class=\"%s\" viewBox=\"0 0 %u %u\" width=\"%u\" height=\"%u\" role=\"img\" "
		"aria-label=\"%s\">\n",
		classes, one->width, one->height, one->width, one->height, words);
	put_part(page, one->head);
	put_part(page, one->body);
	fputs("</svg>\n", page);
}
