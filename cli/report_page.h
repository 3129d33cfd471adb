/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The page of a report: HTML that needs nothing but itself. */
#ifndef GRACEWALK_CLI_REPORT_PAGE_H
#define GRACEWALK_CLI_REPORT_PAGE_H

#include "report_chart.h"

struct page {
	const struct compare_options *options;
	const char *const *command; /* as it was typed, without its first word; NULL at the end */
	char gnuplot[80];           /* its version */
	cJSON *traces;              /* compare_json() of each */
};

/* One trace's part, with its figures as in `json`. */
void page_trace(FILE *to, const struct compare_told *told, const cJSON *json,
		const struct charts *charts, unsigned number);

/* All of it, with the parts of all traces. */
void page_write(FILE *to, const struct page *page, const char *parts);

#endif
