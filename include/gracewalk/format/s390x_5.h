/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Format: s390x, 5 levels, 64-bit addresses: an address-space-control element with DT 11. */
#ifndef GRACEWALK_FORMAT_S390X_5_H
#define GRACEWALK_FORMAT_S390X_5_H

#define GW_FMT_NAME "s390x-5"

enum { S390_LEVELS = 5 };

#include <gracewalk/format/s390x_common.h>

#endif
