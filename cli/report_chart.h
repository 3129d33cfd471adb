/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The charts of a report, drawn by gnuplot: one trace's curves and its map.
 *
 * Their colours are those of a light page. report_chart_style() has the rules by which a page in
 * the dark shows them in others.
 */
#ifndef GRACEWALK_CLI_REPORT_CHART_H
#define GRACEWALK_CLI_REPORT_CHART_H

#include "compare_tell.h"

/* Slots of time, in each of which a curve has two points at most; half as many in a panel. */
enum { CHART_SLOTS = 300 };

/* The curves of all schemes and the map are drawn twice: with names beside them, and for a narrow
 * screen, with a scheme's number alone. A panel is one scheme's. */
enum { CHART_HELD, CHART_HELD_NARROW, CHART_MAP, CHART_MAP_NARROW, CHART_PANELS };

struct charts {
	char *text; /* what gnuplot printed */
	struct chart {
		unsigned width, height;
		const char *head, *body; /* parts of text: up to and after definitions not used */
	} chart[CHART_PANELS + COMPARE_ENTRIES_MAX];
	unsigned n;
	bool beyond[COMPARE_ENTRIES_MAX]; /* a scheme's peak lies above the scale */
	bool kernel_beyond;
};

/* Draws them. Return: 0; negative, with the reason on standard error. */
int charts_draw(const struct compare_told *told, struct charts *charts);
void charts_close(struct charts *charts);

/* Puts one into the page, with words for who cannot see it. */
void charts_put(FILE *page, const struct charts *charts, unsigned chart, const char *classes,
		const char *words);

/* The colours, as a style sheet. A scheme's number is an `i` with the class c0, c1 and so on. */
void report_chart_style(FILE *page);
enum { CHART_COLOURS = 8 };

/* How full the map shows the tables of a cell, from empty to full. */
enum { MAP_LEVELS = 5 };
extern const char *const map_level_names[MAP_LEVELS];

#endif
