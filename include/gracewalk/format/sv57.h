/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Format: RISC-V Sv57, 5 levels, 57-bit addresses. */
#ifndef GRACEWALK_FORMAT_SV57_H
#define GRACEWALK_FORMAT_SV57_H

#define GW_FMT_NAME "sv57"

enum { RISCV_LEVELS = 5 };

#include <gracewalk/format/riscv_common.h>

#endif
