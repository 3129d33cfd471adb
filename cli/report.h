/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The command `gracewalk report`. */
#ifndef GRACEWALK_CLI_REPORT_H
#define GRACEWALK_CLI_REPORT_H

/* `report [options] TRACE...`; argv[0] is the word "report". Return: the command's exit status: 0,
 * 1 when there is no page, or one that tells of a scheme that lost pages, 2 for wrong usage. */
int report_main(int argc, const char **argv);

#endif
