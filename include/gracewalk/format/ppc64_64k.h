/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Format: powerpc64 radix, pages of 64 KiB: leaves of 64 KiB, 2 MiB, 1 GiB. */
#ifndef GRACEWALK_FORMAT_PPC64_64K_H
#define GRACEWALK_FORMAT_PPC64_64K_H

#define GW_FMT_NAME "ppc64-64k"

enum { PPC64_PAGE_LG2 = 16, PPC64_LAST_BITS = 5, PPC64_HEAPS = 3 };

#include <gracewalk/format/ppc64_common.h>

#endif
