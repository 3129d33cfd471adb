/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The command `gracewalk standard-test`. */
#ifndef GRACEWALK_CLI_STANDARD_TEST_H
#define GRACEWALK_CLI_STANDARD_TEST_H

/* `standard-test [options]`; argv[0] is the word "standard-test". Return: the command's exit
 * status: 0, 1 when a call failed or memory was left over, 2 for wrong usage. */
int standard_test_main(int argc, const char **argv);

#endif
