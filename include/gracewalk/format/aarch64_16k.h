/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Format: AArch64 stage 1, granule 16 KiB: leaves of 16 KiB and 32 MiB. */
#ifndef GRACEWALK_FORMAT_AARCH64_16K_H
#define GRACEWALK_FORMAT_AARCH64_16K_H

#define GW_FMT_NAME "aarch64-16k"

enum { A64_GRANULE_LG2 = 14, A64_LEVELS = 4, A64_LEAF_LEVELS = 2, A64_BITS = 48 };

#include <gracewalk/format/aarch64_common.h>

#endif
