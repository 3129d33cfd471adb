/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Format: x86-64, 4 levels, 48-bit addresses. */
#ifndef GRACEWALK_FORMAT_X86_64_H
#define GRACEWALK_FORMAT_X86_64_H

#define GW_FMT_NAME "x86-64"

enum { X86_LEVELS = 4 };

#include <gracewalk/format/x86_common.h>

#endif
