/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Format: AArch64 stage 1, granule 4 KiB: leaves of 4 KiB, 2 MiB, 1 GiB. */
#ifndef GRACEWALK_FORMAT_AARCH64_4K_H
#define GRACEWALK_FORMAT_AARCH64_4K_H

#define GW_FMT_NAME "aarch64-4k"

enum { A64_GRANULE_LG2 = 12, A64_LEVELS = 4, A64_LEAF_LEVELS = 3, A64_BITS = 48 };

#include <gracewalk/format/aarch64_common.h>

#endif
