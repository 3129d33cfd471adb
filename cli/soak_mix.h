/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The mixes of a soak: which there are, and one after the other at random. */
#ifndef GRACEWALK_CLI_SOAK_MIX_H
#define GRACEWALK_CLI_SOAK_MIX_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>

enum { MIX_FORMATS_MAX = 32, MIX_WORDS = 32, MIX_TEXT = PATH_MAX + 512 };

/* What mixes are made from. A mix is a process of its own: a torture program of the page table,
 * which is compiled once a format and called torture_FORMAT, or this command with a scheme. */
struct mixes {
	uint64_t state; /* of the choices */
	char self[PATH_MAX];
	char dir[PATH_MAX]; /* where the programs are */
	char formats[MIX_FORMATS_MAX][32];
	unsigned nformats;
};

/* A mix, as a command line. */
struct mix {
	char text[MIX_TEXT]; /* the words, a null byte after each */
	size_t used;
	char *argv[MIX_WORDS]; /* with NULL after the last */
	unsigned argc;
};

/* Finds the programs: in the directory that the environment has as GRACEWALK_LIBEXEC; without it,
 * in the build directory, if this command is from there, or where they were installed.
 * Return: how many there are. If none, `why` says where they were sought. */
unsigned mixes_find(struct mixes *mixes, uint64_t seed, char why[MIX_TEXT]);

/* The next mix: the same for the same seed and programs. */
void mix_next(struct mixes *mixes, unsigned seconds, struct mix *mix);

/* The mix in one line, without its directory, for the eye; and the command that runs it again.
 * Return: `line`. */
const char *mix_name(const struct mix *mix, char line[MIX_TEXT]);
const char *mix_command(const struct mix *mix, char line[MIX_TEXT]);

#endif
