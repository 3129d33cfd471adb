/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Format: AArch64 stage 1, granule 64 KiB: leaves of 64 KiB and 512 MiB. */
#ifndef GRACEWALK_FORMAT_AARCH64_64K_H
#define GRACEWALK_FORMAT_AARCH64_64K_H

#define GW_FMT_NAME "aarch64-64k"

enum { A64_GRANULE_LG2 = 16, A64_LEVELS = 3, A64_LEAF_LEVELS = 2, A64_BITS = 48 };

#include <gracewalk/format/aarch64_common.h>

#endif
