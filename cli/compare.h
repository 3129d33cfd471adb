/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The command `gracewalk compare`. */
#ifndef GRACEWALK_CLI_COMPARE_H
#define GRACEWALK_CLI_COMPARE_H

/* `compare TRACE... [options]`; argv[0] is the word "compare". Return: the command's exit status:
 * 0, 1 when a trace was bad or a scheme lost a page, 2 for wrong usage. */
int compare_main(int argc, const char **argv);

#endif
