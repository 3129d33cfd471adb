/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Format: AArch64 stage 1, granule 16 KiB, 52 bits by FEAT_LPA2: leaves of 16 KiB, 32 MiB and
 * 64 GiB. */
#ifndef GRACEWALK_FORMAT_AARCH64_16K_52_H
#define GRACEWALK_FORMAT_AARCH64_16K_52_H

#define GW_FMT_NAME "aarch64-16k-52"

enum { A64_GRANULE_LG2 = 14, A64_LEVELS = 4, A64_LEAF_LEVELS = 3, A64_BITS = 52 };

#include <gracewalk/format/aarch64_common.h>

#endif
