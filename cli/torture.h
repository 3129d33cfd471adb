/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The command `gracewalk torture`. */
#ifndef GRACEWALK_CLI_TORTURE_H
#define GRACEWALK_CLI_TORTURE_H

/* `torture [options]`; argv[0] is the word "torture". Return: the command's exit status: 0, 1 when
 * an invariant was broken, 2 for wrong usage. */
int torture_main(int argc, const char **argv);

#endif
