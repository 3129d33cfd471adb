/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Format: powerpc64 radix, pages of 4 KiB: leaves of 4 KiB, 2 MiB, 1 GiB. */
#ifndef GRACEWALK_FORMAT_PPC64_4K_H
#define GRACEWALK_FORMAT_PPC64_4K_H

#define GW_FMT_NAME "ppc64-4k"

enum { PPC64_PAGE_LG2 = 12, PPC64_LAST_BITS = 9, PPC64_HEAPS = 2 };

#include <gracewalk/format/ppc64_common.h>

#endif
