/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Format: x86-64, 5 levels, 57-bit addresses (CR4.LA57 set). */
#ifndef GRACEWALK_FORMAT_X86_64_LA57_H
#define GRACEWALK_FORMAT_X86_64_LA57_H

#define GW_FMT_NAME "x86-64-la57"

enum { X86_LEVELS = 5 };

#include <gracewalk/format/x86_common.h>

#endif
