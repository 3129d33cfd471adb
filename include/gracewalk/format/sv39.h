/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Format: RISC-V Sv39, 3 levels, 39-bit addresses. */
#ifndef GRACEWALK_FORMAT_SV39_H
#define GRACEWALK_FORMAT_SV39_H

#define GW_FMT_NAME "sv39"

enum { RISCV_LEVELS = 3 };

#include <gracewalk/format/riscv_common.h>

#endif
