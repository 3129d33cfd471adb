/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The page of a report. Its figures are those of compare_json(), which stand in it as data too. */
#include "report_page.h"
#include "html.h"
#include "report_css.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

enum { WORDS_MOST = 2000 }; /* bytes of a program's command line that are shown */

/* ---- Numbers ---- */

static double get(const cJSON *object, const char *name)
{
	const cJSON *item = cJSON_GetObjectItem(object, name);

	return item ? item->valuedouble : 0;
}

static const char *get_text(const cJSON *object, const char *name)
{
	const cJSON *item = cJSON_GetObjectItem(object, name);

	return item && item->valuestring ? item->valuestring : "";
}

/* With commas between thousands; with digits after the point only below a hundred. */
static void put_number(FILE *to, double number, unsigned digits)
{
	char text[400];
	size_t whole;

	snprintf(text, sizeof(text), "%.*f", number < 99.95 ? (int)digits : 0, number);
	whole = strcspn(text, ".");
	for (size_t i = 0; i < whole; i++)
		fprintf(to, "%s%c", i && (whole - i) % 3 == 0 ? "," : "", text[i]);
	fputs(text + whole, to);
}

static void put_kib(FILE *to, double bytes)
{
	put_number(to, bytes / 1024, 0);
	fputs(" KiB", to);
}

/* ---- Schemes ---- */

/* The number that it has in the charts. */
static void put_scheme_number(FILE *to, unsigned i)
{
	fprintf(to, "<i class=\"c%u\">%u</i>", i % CHART_COLOURS, i + 1);
}

static void page_schemes(FILE *to, const struct compare_options *o)
{
	fputs("<section aria-labelledby=\"schemes\">\n<h2 id=\"schemes\">Schemes</h2>\n"
	      "<ul class=\"schemes\">\n",
	      to);
	for (unsigned i = 0; i < o->n; i++) {
		fputs("<li>", to);
		put_scheme_number(to, i);
		fprintf(to, "<b>%s</b> ", o->entry[i].name);
		html_text(to, o->entry[i].scheme->text, SIZE_MAX);
		if (o->entry[i].unmap == LAB_UNMAP_BATCH)
			fputs("; a callback frees a batch of tables", to);
		if (o->entry[i].unmap == LAB_UNMAP_IPI)
			fputs("; freed after a rendezvous of all processors", to);
		fputs("</li>\n", to);
	}
	fputs("</ul>\n</section>\n", to);
}

static const struct {
	const char *word, *text;
} words[] = {
	{"held", "pages that hold tables, and batches of tables that are being freed"},
	{"in use", "tables that are linked, full or not"},
	{"waiting", "tables that were unlinked and whose grace period is not over: the backlog"},
	{"wasted", "held, but neither in use nor waiting"},
	{"reuse", "from a table's free until its memory is used again or its page is given back"},
	{"callbacks", "calls that were queued, and the grace periods that served them"},
	{"bytes a page", "what a kernel would keep beside each page, the rcu_head among it"},
	{"VmPTE", "the kernel's own count while the program was recorded, tables of the upper "
		  "levels too, of the sizes that it ran with"},
};

static void page_words(FILE *to)
{
	fputs("<section aria-labelledby=\"words\">\n<h2 id=\"words\">Words</h2>\n"
	      "<p>Only tables of the last level count, but in VmPTE. Memory was measured at the "
	      "recorded pace, with real grace periods, by one updater without walkers; a time in "
	      "which nothing happens and nothing waits was skipped, and counts as long as it "
	      "was.</p>\n<dl class=\"words\">\n",
	      to);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		fprintf(to, "<div><dt>%s</dt><dd>%s</dd></div>\n", words[i].word, words[i].text);
	fputs("</dl>\n</section>\n", to);
}

/* ---- A trace's facts ---- */

static void put_fact(FILE *to, const char *name, const char *text)
{
	fprintf(to, "<div><dt>%s</dt><dd>", name);
	html_text(to, *text ? text : "unknown", 200);
	fputs("</dd></div>\n", to);
}

static void put_fact_number(FILE *to, const char *name, double number, unsigned digits,
			    const char *unit)
{
	fprintf(to, "<div><dt>%s</dt><dd>", name);
	put_number(to, number, digits);
	fprintf(to, "%s</dd></div>\n", unit);
}

/* The program's command line, in which what runs from right to left stays by itself. */
static void put_program(FILE *to, const struct trace_meta *meta)
{
	size_t room = WORDS_MOST;

	fputs("<p class=\"program\"><code><bdi>", to);
	for (size_t i = 0; i < meta->argc && room; i++) {
		size_t length = strlen(meta->argv[i]) + 1;

		if (i)
			fputc(' ', to);
		html_text(to, meta->argv[i], room);
		room -= length < room ? length : room;
	}
	fputs("</bdi></code></p>\n", to);
}

static void put_facts(FILE *to, const struct compare_told *told, const cJSON *json)
{
	const struct trace_meta *meta = told->meta;

	put_program(to, meta);
	fputs("<dl class=\"facts\">\n", to);
	put_fact_number(to, "recorded", get(json, "seconds"), 2, " s");
	put_fact_number(to, "operations", get(json, "operations"), 0, "");
	put_fact(to, "kernel", meta->kernel);
	put_fact(to, "machine", meta->machine);
	put_fact(to, "huge pages", meta->thp);
	put_fact_number(to, "page size", (double)meta->page_size / 1024, 0, " KiB");
	if (meta->lost)
		put_fact_number(to, "events lost", (double)meta->lost, 0, ": not whole");
	if (get(json, "kernel_bytes_peak") > 0)
		put_fact_number(to, "VmPTE, peak", get(json, "kernel_bytes_peak") / 1024, 0,
				" KiB");
	fputs("</dl>\n", to);
}

/* ---- A trace's figures ---- */

static double mean_held(const cJSON *scheme)
{
	return get(cJSON_GetObjectItem(scheme, "memory"), "held_bytes_mean");
}

/* What is said of a chart to those who cannot see it. Only numbers and names of schemes. */
static void words_held(char *text, size_t size, const struct compare_told *told, const cJSON *json)
{
	const cJSON *schemes = cJSON_GetObjectItem(json, "schemes"), *scheme;
	const cJSON *least = schemes->child, *most = least;

	cJSON_ArrayForEach(scheme, schemes)
	{
		least = mean_held(scheme) < mean_held(least) ? scheme : least;
		most = mean_held(scheme) > mean_held(most) ? scheme : most;
	}
	snprintf(text, size,
		 "Line chart of the bytes of tables held over %.2f seconds, a line for each of %u "
		 "schemes%s. In the mean %s holds least, %.0f KiB, and %s most, %.0f KiB.",
		 told->outcome->seconds, told->options->n,
		 told->outcome->kernel.n ? " and one for the kernel's VmPTE" : "",
		 get_text(least, "name"), mean_held(least) / 1024, get_text(most, "name"),
		 mean_held(most) / 1024);
}

static void put_all_beyond(FILE *to, const cJSON *json, const struct charts *charts)
{
	const cJSON *scheme;
	unsigned i = 0;

	cJSON_ArrayForEach(scheme, cJSON_GetObjectItem(json, "schemes"))
	{
		if (!charts->beyond[i++])
			continue;
		fprintf(to, " Scheme %u leaves the chart, up to ", i);
		put_kib(to, get(cJSON_GetObjectItem(scheme, "memory"), "held_bytes_peak"));
		fputc('.', to);
	}
	if (charts->kernel_beyond) {
		fputs(" VmPTE leaves the chart, up to ", to);
		put_kib(to, get(json, "kernel_bytes_peak"));
		fputc('.', to);
	}
}

static void put_held(FILE *to, const struct compare_told *told, const cJSON *json,
		     const struct charts *charts)
{
	char text[600];

	words_held(text, sizeof(text), told, json);
	fputs("<figure>\n<figcaption><b>Held over time.</b> Last-level tables under each scheme, "
	      "by number; the area is what is in use (u)",
	      to);
	if (told->outcome->kernel.n)
		fputs(", the dots are the kernel&#39;s VmPTE (k)", to);
	fprintf(to, ". Of each %uth of the time the highest point and the last are drawn.",
		CHART_SLOTS);
	put_all_beyond(to, json, charts);
	fputs("</figcaption>\n", to);
	charts_put(to, charts, CHART_HELD, "wide", text);
	charts_put(to, charts, CHART_HELD_NARROW, "narrow", text);
	fputs("</figure>\n", to);
}

/* That a chart does not show the peak. */
static void put_beyond(FILE *to, const struct charts *charts, unsigned i, const cJSON *memory)
{
	if (!charts->beyond[i])
		return;
	fputs("<small>off the scale, up to ", to);
	put_kib(to, get(memory, "held_bytes_peak"));
	fputs("</small>", to);
}

static void put_panel(FILE *to, const struct compare_told *told, unsigned i, const cJSON *scheme,
		      const struct charts *charts)
{
	const cJSON *memory = cJSON_GetObjectItem(scheme, "memory");
	char text[600];

	snprintf(text, sizeof(text),
		 "Area chart for %s: of %.0f KiB held in the mean %.0f are in use, %.0f wait and "
		 "%.0f are wasted. Below it the backlog, at most %.0f KiB.",
		 told->options->entry[i].name, get(memory, "held_bytes_mean") / 1024,
		 get(memory, "in_use_bytes_mean") / 1024, get(memory, "waiting_bytes_mean") / 1024,
		 get(memory, "wasted_bytes_mean") / 1024, get(memory, "waiting_bytes_peak") / 1024);
	fputs("<div><h3>", to);
	put_scheme_number(to, i);
	fprintf(to, " %s", told->options->entry[i].name);
	put_beyond(to, charts, i, memory);
	fputs("</h3>\n", to);
	charts_put(to, charts, CHART_PANELS + i, "panel", text);
	fputs("</div>\n", to);
}

static void put_panels(FILE *to, const struct compare_told *told, const cJSON *json,
		       const struct charts *charts)
{
	const cJSON *schemes = cJSON_GetObjectItem(json, "schemes");

	fputs("<figure>\n<figcaption><b>What is held, and the backlog.</b> Above, from below: "
	      "<span class=\"key used\">in use</span>, <span class=\"key waiting\">waiting for a "
	      "grace period</span>, <span class=\"key wasted\">wasted</span>. Below, on a scale "
	      "of its own, what waits at most. The scales are the same for all "
	      "schemes.</figcaption>\n<div class=\"panels\">\n",
	      to);
	for (unsigned i = 0; i < told->options->n; i++)
		put_panel(to, told, i, cJSON_GetArrayItem(schemes, (int)i), charts);
	fputs("</div>\n</figure>\n", to);
}

/* ---- The map ---- */

/* Tables at most; and of the entries of all tables over time the part that is in use. */
static void measure_map(const struct map *map, double *tables, double *part)
{
	double present = 0, all = 0;

	*tables = 0;
	for (unsigned moment = 0; moment < MAP_MOMENTS; moment++) {
		double there = 0;

		for (unsigned row = 0; row < map->rows; row++) {
			there += (double)map->cell[row][moment].tables;
			present += (double)map->cell[row][moment].present;
		}
		*tables = fmax(*tables, there);
		all += there;
	}
	*part = all > 0 ? present / all / (double)map->entries : 0;
}

static void put_map(FILE *to, const struct compare_told *told, const struct charts *charts)
{
	const struct map *map = &told->outcome->map;
	double tables, part;
	char text[600];

	measure_map(map, &tables, &part);
	snprintf(text, sizeof(text),
		 "Map of the address space over time in %u rows of addresses. At most %.0f tables "
		 "at once; of their entries %.0f percent are in use in the mean.",
		 map->rows, tables, 100 * part);
	fputs("<figure>\n<figcaption><b>Where the tables lie.</b> Rows are addresses, upwards, "
	      "without those that no table ever mapped; a line is a gap of 1 GiB or more. ",
	      to);
	if (map->each > 1)
		fprintf(to, "A row has up to %.0f tables, and is shown while it has any. ",
			(double)map->each);
	fputs("At most ", to);
	put_number(to, tables, 0);
	fprintf(to,
		" tables of %.0f entries at once; in the mean %.*f&nbsp;%% of their entries "
		"are in use. Of a row: ",
		(double)map->entries, part < 0.1 ? 1 : 0, 100 * part);
	/* Only the kernel keeps a table that is empty. */
	for (unsigned i = !told->options->linux_rules; i < MAP_LEVELS; i++)
		fprintf(to, "<span class=\"key level%u\">%s</span>%s", i, map_level_names[i],
			i < MAP_LEVELS - 1 ? ", " : "");
	fputs(".</figcaption>\n", to);
	charts_put(to, charts, CHART_MAP, "wide", text);
	charts_put(to, charts, CHART_MAP_NARROW, "narrow", text);
	fputs("</figure>\n", to);
}

/* ---- The table of figures ---- */

/* A column: a member of "memory", or the sum of two. */
static const struct column {
	const char *name, *member, *second;
	double unit;
	unsigned digits;
} columns[] = {
	{"peak", "held_bytes_peak", NULL, 1024, 0},
	{"mean", "held_bytes_mean", NULL, 1024, 0},
	{"peak", "wasted_bytes_peak", NULL, 1024, 0},
	{"mean", "wasted_bytes_mean", NULL, 1024, 0},
	{"%", "wasted_part", NULL, 0.01, 1},
	{"peak", "waiting_bytes_peak", NULL, 1024, 0},
	{"mean", "waiting_bytes_mean", NULL, 1024, 1},
	{"median", "reuse_ms_median", NULL, 1, 1},
	{"99&nbsp;%", "reuse_ms_p99", NULL, 1, 1},
	{"worst", "reuse_ms_worst", NULL, 1, 1},
	{"built", "tables_built", NULL, 1, 0},
	{"freed", "tables_deferred", "tables_removed", 1, 0},
	{"callbacks", "callbacks", NULL, 1, 0},
	{"grace periods", "grace_periods", NULL, 1, 0},
	{"bytes a page", "side_bytes_a_page", NULL, 1, 0},
};

static const struct {
	const char *name;
	unsigned columns;
} groups[] = {{"held, KiB", 2}, {"wasted, KiB", 3}, {"waiting, KiB", 2},
	      {"reuse, ms", 3}, {"tables", 2},      {"cost", 3}};

enum {
	COLUMNS = sizeof(columns) / sizeof(columns[0]),
	GROUPS = sizeof(groups) / sizeof(groups[0]),
};

static void put_table_head(FILE *to)
{
	fputs("<colgroup></colgroup>", to);
	for (unsigned i = 0; i < GROUPS; i++)
		fprintf(to, "<colgroup span=\"%u\"></colgroup>", groups[i].columns);
	fputs("\n<thead>\n<tr><th rowspan=\"2\" scope=\"col\">scheme</th>", to);
	for (unsigned i = 0; i < GROUPS; i++)
		fprintf(to, "<th colspan=\"%u\" scope=\"colgroup\">%s</th>", groups[i].columns,
			groups[i].name);
	fputs("</tr>\n<tr>", to);
	for (unsigned i = 0; i < COLUMNS; i++)
		fprintf(to, "<th scope=\"col\">%s</th>", columns[i].name);
	fputs("</tr>\n</thead>\n", to);
}

static void put_table_row(FILE *to, unsigned i, const cJSON *scheme)
{
	const cJSON *memory = cJSON_GetObjectItem(scheme, "memory");

	fputs("<tr><th scope=\"row\">", to);
	put_scheme_number(to, i);
	fprintf(to, " %s</th>", get_text(scheme, "name"));
	for (unsigned column = 0; column < COLUMNS; column++) {
		const struct column *one = &columns[column];
		double number =
			get(memory, one->member) + (one->second ? get(memory, one->second) : 0);

		fputs("<td>", to);
		put_number(to, number / one->unit, one->digits);
		fputs("</td>", to);
	}
	fputs("</tr>\n", to);
}

static void put_table(FILE *to, const cJSON *json)
{
	const cJSON *scheme, *schemes = cJSON_GetObjectItem(json, "schemes");
	const cJSON *memory = cJSON_GetObjectItem(cJSON_GetArrayItem(schemes, 0), "memory");
	unsigned i = 0;

	fputs("<div class=\"scroll\" role=\"region\" aria-label=\"Figures\" tabindex=\"0\">\n"
	      "<table class=\"figures\">\n<caption><b>Figures.</b> In use are ",
	      to);
	put_kib(to, get(memory, "in_use_bytes_mean"));
	fputs(" in the mean, whatever the scheme.</caption>\n", to);
	put_table_head(to);
	fputs("<tbody>\n", to);
	cJSON_ArrayForEach(scheme, schemes)
	{
		put_table_row(to, i++, scheme);
	}
	fputs("</tbody>\n</table>\n</div>\n", to);
}

/* ---- What went wrong, and how to do it again ---- */

static void put_notes(FILE *to, const cJSON *json)
{
	const cJSON *scheme;
	double back = 0;

	cJSON_ArrayForEach(scheme, cJSON_GetObjectItem(json, "schemes"))
	{
		const char *failure = get_text(scheme, "failure");

		back = fmax(back, get(cJSON_GetObjectItem(scheme, "memory"), "seconds_held_back"));
		if (!*failure)
			continue;
		fputs("<p class=\"wrong\">Failed: ", to);
		html_text(to, failure, SIZE_MAX);
		fputs("</p>\n", to);
	}
	if (back > 0.001)
		fprintf(to,
			"<p class=\"note\">The replay was too slow for the recording; its clock "
			"was held back by "
			"up to %.0f&nbsp;ms.</p>\n",
			back * 1e3);
}

/* The comparison by itself, with nothing left to defaults. */
static void put_again(FILE *to, const struct compare_told *told)
{
	const struct compare_options *o = told->options;
	size_t room = o->n * (COMPARE_NAME + 1) + 1, used = 0;
	char *schemes = calloc(room, 1);

	for (unsigned i = 0; schemes && i < o->n; i++)
		used += (size_t)snprintf(schemes + used, room - used, "%s%s", i ? "+" : "",
					 o->entry[i].name);
	fprintf(to,
		"<p class=\"note\">These figures again, as far as grace periods repeat: <code "
		"class=\"again\">"
		"gracewalk compare --page-size %zu --tables-per-page %u --leaf-size %zu "
		"--policy %s \\\n    --schemes %s \\\n    --rounds 0 --json ",
		o->page_bytes, o->tables_per_page, o->leaf_bytes,
		o->linux_rules ? "linux" : "exact", schemes ? schemes : "");
	html_shell_word(to, told->path);
	fputs("</code></p>\n", to);
	free(schemes);
}

static const char *file_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

void page_trace(FILE *to, const struct compare_told *told, const cJSON *json,
		const struct charts *charts, unsigned number)
{
	fprintf(to, "<article aria-labelledby=\"trace%u\">\n<h2 id=\"trace%u\"><bdi>", number,
		number);
	html_text(to, file_name(told->path), 200);
	fputs("</bdi></h2>\n", to);
	put_facts(to, told, json);
	put_held(to, told, json, charts);
	put_table(to, json);
	put_notes(to, json);
	put_panels(to, told, json, charts);
	put_map(to, told, charts);
	put_again(to, told);
	fputs("</article>\n", to);
}

/* ---- The whole page ---- */

static void page_head(FILE *to, const struct page *page)
{
	fputs("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	      "<meta name=\"color-scheme\" content=\"light dark\">\n"
	      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src &#39;none&#39;; "
	      "style-src &#39;unsafe-inline&#39;\">\n<title>What page tables cost: ",
	      to);
	for (int i = 0; i < cJSON_GetArraySize(page->traces); i++) {
		fputs(i ? ", " : "", to);
		html_text(to, file_name(get_text(cJSON_GetArrayItem(page->traces, i), "trace")),
			  200);
	}
	fputs("</title>\n<style>\n", to);
	report_chart_style(to);
	fputs(REPORT_CSS, to);
	fputs("</style>\n</head>\n<body>\n", to);
}

static void page_lead(FILE *to, const struct page *page)
{
	const struct compare_options *o = page->options;
	int n = cJSON_GetArraySize(page->traces);

	fprintf(to,
		"<header>\n<h1>What page tables cost</h1>\n<p>%s%s, replayed under %u %s for "
		"freeing page tables that share a page: ",
		n == 1 ? "A recorded program" : "Recorded programs", "", o->n,
		o->n == 1 ? "scheme" : "schemes");
	fprintf(to, "pages of %zu&nbsp;KiB, %u %s of ", o->page_bytes / 1024, o->tables_per_page,
		o->tables_per_page == 1 ? "table" : "tables");
	put_number(to, (double)(o->page_bytes / o->tables_per_page), 0);
	fprintf(to,
		" bytes in each, an entry for %zu&nbsp;KiB. Tables are freed %s.</p>\n</header>\n",
		o->leaf_bytes / 1024,
		o->linux_rules ? "by the kernel&#39;s rules" : "when they are empty");
}

/* The part that each scheme wastes of each trace, with links: for more than one trace. */
static void page_overview(FILE *to, const struct page *page)
{
	const cJSON *trace, *scheme;
	unsigned number = 0;

	fputs("<section aria-labelledby=\"traces\">\n<h2 id=\"traces\">Traces</h2>\n"
	      "<div class=\"scroll\" role=\"region\" aria-label=\"Waste\" "
	      "tabindex=\"0\">\n<table>\n"
	      "<caption><b>Wasted, % of the mean held</b>, by the number of the "
	      "scheme.</caption>\n<thead>\n<tr><th scope=\"col\">trace</th>",
	      to);
	for (unsigned i = 0; i < page->options->n; i++) {
		fputs("<th scope=\"col\">", to);
		put_scheme_number(to, i);
		fputs("</th>", to);
	}
	fputs("</tr>\n</thead>\n<tbody>\n", to);
	cJSON_ArrayForEach(trace, page->traces)
	{
		fprintf(to, "<tr><th scope=\"row\"><a href=\"#trace%u\"><bdi>", number++);
		html_text(to, file_name(get_text(trace, "trace")), 200);
		fputs("</bdi></a></th>", to);
		cJSON_ArrayForEach(scheme, cJSON_GetObjectItem(trace, "schemes"))
		{
			fputs("<td>", to);
			put_number(to,
				   100 * get(cJSON_GetObjectItem(scheme, "memory"), "wasted_part"),
				   1);
			fputs("</td>", to);
		}
		fputs("</tr>\n", to);
	}
	fputs("</tbody>\n</table>\n</div>\n</section>\n", to);
}

static void page_foot(FILE *to, const struct page *page)
{
	struct utsname host;

	fputs("<footer>\n<h2 id=\"again\">This page again</h2>\n<p><code class=\"again\">gracewalk",
	      to);
	for (const char *const *word = page->command; *word; word++) {
		fputc(' ', to);
		html_shell_word(to, *word);
	}
	fprintf(to, "</code></p>\n<p>gracewalk %s, %s", GW_VERSION, page->gnuplot);
	if (!uname(&host)) {
		fputs(", on ", to);
		html_text(to, host.sysname, 65);
		fputc(' ', to);
		html_text(to, host.release, 65);
		fputc(' ', to);
		html_text(to, host.machine, 65);
	}
	fprintf(to, ", %.0f CPUs</p>\n</footer>\n",
		get(cJSON_GetArrayItem(page->traces, 0), "cpus"));
}

/* What `gracewalk compare --json` would print, for programs that read the page. */
static void page_data(FILE *to, const struct page *page)
{
	char *text = cJSON_PrintUnformatted(page->traces);

	fputs("<script type=\"application/json\" id=\"figures\">{\"traces\":", to);
	html_json(to, text ? text : "[]");
	fputs("}</script>\n", to);
	free(text);
}

void page_write(FILE *to, const struct page *page, const char *parts)
{
	page_head(to, page);
	page_lead(to, page);
	fputs("<main>\n", to);
	if (cJSON_GetArraySize(page->traces) > 1)
		page_overview(to, page);
	page_schemes(to, page->options);
	fputs(parts, to);
	page_words(to);
	fputs("</main>\n", to);
	page_foot(to, page);
	page_data(to, page);
	fputs("</body>\n</html>\n", to);
}
