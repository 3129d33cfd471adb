/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Format: RISC-V Sv48, 4 levels, 48-bit addresses. */
#ifndef GRACEWALK_FORMAT_SV48_H
#define GRACEWALK_FORMAT_SV48_H

#define GW_FMT_NAME "sv48"

enum { RISCV_LEVELS = 4 };

#include <gracewalk/format/riscv_common.h>

#endif
