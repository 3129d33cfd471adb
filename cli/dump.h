/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The command `gracewalk dump`. */
#ifndef GRACEWALK_CLI_DUMP_H
#define GRACEWALK_CLI_DUMP_H

/* `dump TRACE [options]` or `dump --image FILE [options]`; argv[0] is the word "dump". Return: the
 * command's exit status: 0, 1 when something could not be read, 2 for wrong usage. */
int dump_main(int argc, const char **argv);

#endif
