/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The mixes of a soak: which there are, and one after the other at random. */
#include "soak_mix.h"
#include "scheme_list.h"
#include <gracewalk/gracewalk.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { THREADS_MAX = 16, BLOCK_LG2_MAX = 8, LAB_ONE_IN = 8 };

static const char *const flavours[] = {"memb", "mb", "qsbr", "bp"};

/* ---- Programs ---- */

/* Notes the format if it has a program. */
static void find_format(struct mixes *mixes, const char *name)
{
	char path[PATH_MAX + 64], *format = mixes->formats[mixes->nformats];

	snprintf(format, sizeof(mixes->formats[0]), "%s", name);
	for (char *c = format; *c; c++)
		if (*c == '-')
			*c = '_'; /* as GW_FORMAT has it */
	snprintf(path, sizeof(path), "%s/torture_%s", mixes->dir, format);
	if (mixes->nformats < MIX_FORMATS_MAX - 1 && !access(path, X_OK))
		mixes->nformats++;
}

static unsigned find_in(struct mixes *mixes, const char *dir)
{
	const struct gw_format *format;

	snprintf(mixes->dir, sizeof(mixes->dir), "%s", dir);
	find_format(mixes, "small"); /* the torture's own */
	for (unsigned i = 0; (format = gw_format_at(i)); i++)
		find_format(mixes, format->name);
	return mixes->nformats;
}

unsigned mixes_find(struct mixes *mixes, uint64_t seed, char why[MIX_TEXT])
{
	const char *given = getenv("GRACEWALK_LIBEXEC");
	char built[PATH_MAX + 32];
	ssize_t length;

	*mixes = (struct mixes){.state = seed};
	length = readlink("/proc/self/exe", mixes->self, sizeof(mixes->self) - 1);
	mixes->self[length > 0 ? length : 0] = '\0';
	snprintf(built, sizeof(built), "%s", mixes->self);
	*(strrchr(built, '/') ? strrchr(built, '/') : built) = '\0';
	strcat(built, "/" GW_TORTURE_BUILT);
	if (given ? find_in(mixes, given) : find_in(mixes, built) || find_in(mixes, GW_LIBEXEC))
		return mixes->nformats;
	snprintf(why, MIX_TEXT,
		 "there are no torture programs (torture_small, torture_x86_64, ...) in %s: build "
		 "them by \"ninja torture_programs\" in the build directory, or let "
		 "GRACEWALK_LIBEXEC name the directory that has them",
		 given ? given : GW_LIBEXEC);
	return 0;
}

/* ---- Choices ---- */

/* A number below n (splitmix64). */
static unsigned below(struct mixes *mixes, unsigned n)
{
	uint64_t x = mixes->state += 0x9e3779b97f4a7c15ull;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	x ^= x >> 31;
	return (unsigned)((x >> 32) * n >> 32);
}

/* From 1 to THREADS_MAX, few more often than many. */
static unsigned threads(struct mixes *mixes)
{
	return 1 + below(mixes, 1 + below(mixes, THREADS_MAX));
}

static void add_word(struct mix *mix, const char *word)
{
	size_t bytes = strlen(word) + 1;

	mix->argv[mix->argc++] = memcpy(mix->text + mix->used, word, bytes);
	mix->used += bytes;
}

static void add(struct mix *mix, const char *name, const char *value)
{
	add_word(mix, name);
	add_word(mix, value);
}

static void add_number(struct mix *mix, const char *name, unsigned value)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", value);
	add(mix, name, text);
}

/* What the torture of the page table and the lab's both take. */
static void add_common(struct mixes *mixes, unsigned seconds, struct mix *mix)
{
	add_number(mix, "--seconds", seconds);
	add_number(mix, "--seed", below(mixes, UINT32_MAX));
	add_number(mix, "--walkers", threads(mixes));
	add_number(mix, "--updaters", threads(mixes));
	add(mix, "--flavour", flavours[below(mixes, 4)]);
}

static void page_table_mix(struct mixes *mixes, unsigned seconds, struct mix *mix)
{
	static const char *const policies[] = {"lazy", "eager", "manual"};
	static const char *const limits[] = {"0", "4096", "65536", "1048576"};
	char path[PATH_MAX + 64];

	snprintf(path, sizeof(path), "%s/torture_%s", mixes->dir,
		 mixes->formats[below(mixes, mixes->nformats)]);
	add_word(mix, path);
	add_common(mixes, seconds, mix);
	add(mix, "--policy", policies[below(mixes, 3)]);
	add(mix, "--limit", limits[below(mixes, 4)]);
	if (below(mixes, 2))
		add_word(mix, "--shared");
	if (below(mixes, 2))
		add_word(mix, "--untold");
	/* In large blocks memory would hardly be asked for. Where no size is given the program's
	 * seed chooses. */
	if (below(mixes, 2))
		add_word(mix, "--scarce");
	else if (below(mixes, 2))
		add_number(mix, "--block", 1u << below(mixes, BLOCK_LG2_MAX + 1));
}

/* ---- The lab ---- */

static unsigned scheme_count(void)
{
	unsigned n = 0;

	while (lab_scheme_at(n))
		n++;
	return n;
}

/* Any switches with which the scheme is sound at this number of tables in a page. */
static unsigned sound_switches(struct mixes *mixes, const struct lab_scheme *scheme,
			       unsigned tables)
{
	unsigned n = 0, switches;

	while (n < LAB_SWITCHES && scheme->switch_[n].name)
		n++;
	do
		switches = below(mixes, 1u << n);
	while (lab_scheme_breaks(scheme, switches, tables));
	return switches;
}

static void lab_mix(struct mixes *mixes, unsigned seconds, struct mix *mix)
{
	/* A way to free, and the walkers that it is safe for. */
	static const char *const ways[][2] = {
		{"single", "mixed"},   {"batch", "mixed"},   {"ipi", "irq"},
		{"single", "counted"}, {"batch", "counted"},
	};
	static const char *const sizes[] = {"4k", "8k", "16k", "32k", "64k"};
	const struct lab_scheme *scheme = lab_scheme_at(below(mixes, scheme_count()));
	const char *const *way = ways[below(mixes, sizeof(ways) / sizeof(ways[0]))];
	unsigned tables = 1u << below(mixes, (unsigned)__builtin_ctz(scheme->tables_max) + 1);
	char word[64];

	add(mix, mixes->self, "torture");
	add(mix, "--scheme", scheme_word(scheme, sound_switches(mixes, scheme, tables), word));
	add_common(mixes, seconds, mix);
	add_number(mix, "--tables-per-page", tables);
	add(mix, "--page-size", sizes[below(mixes, 5)]);
	add(mix, "--unmap", way[0]);
	add(mix, "--walk", way[1]);
}

/* ---- Mixes ---- */

void mix_next(struct mixes *mixes, unsigned seconds, struct mix *mix)
{
	mix->used = mix->argc = 0;
	if (below(mixes, LAB_ONE_IN))
		page_table_mix(mixes, seconds, mix);
	else
		lab_mix(mixes, seconds, mix);
	mix->argv[mix->argc] = NULL;
}

static const char *join(const char *first, const struct mix *mix, char line[MIX_TEXT])
{
	size_t length = (size_t)snprintf(line, MIX_TEXT, "%s", first);

	for (unsigned i = 1; i < mix->argc; i++)
		length += (size_t)snprintf(line + length, MIX_TEXT - length, " %s", mix->argv[i]);
	return line;
}

const char *mix_name(const struct mix *mix, char line[MIX_TEXT])
{
	const char *slash = strrchr(mix->argv[0], '/');

	return join(slash ? slash + 1 : mix->argv[0], mix, line);
}

const char *mix_command(const struct mix *mix, char line[MIX_TEXT])
{
	return join(mix->argv[0], mix, line);
}
