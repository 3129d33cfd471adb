/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The command `gracewalk scan`: what the page tables of a live process waste. */
#ifndef GRACEWALK_CLI_SCAN_H
#define GRACEWALK_CLI_SCAN_H

/* Return: the exit status. */
int scan_main(int argc, const char **argv);

#endif
