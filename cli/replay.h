/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The command `gracewalk replay`. */
#ifndef GRACEWALK_CLI_REPLAY_H
#define GRACEWALK_CLI_REPLAY_H

/* `replay TRACE [options]`; argv[0] is the word "replay". Return: the command's exit status: 0,
 * 1 when the trace or an answer was bad, 2 for wrong usage. */
int replay_main(int argc, const char **argv);

#endif
