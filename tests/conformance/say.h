/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Words and numbers on the console. */
#ifndef CONFORMANCE_SAY_H
#define CONFORMANCE_SAY_H

#include <stdint.h>

void say(const char *text);
void say_dec(uint64_t n);
void say_hex(uint64_t n);
/* " name=0x..." */
void say_field(const char *name, uint64_t n);

#endif
