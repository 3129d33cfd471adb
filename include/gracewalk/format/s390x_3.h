/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Format: s390x, 3 levels, 42-bit addresses: an address-space-control element with DT 01. */
#ifndef GRACEWALK_FORMAT_S390X_3_H
#define GRACEWALK_FORMAT_S390X_3_H

#define GW_FMT_NAME "s390x-3"

enum { S390_LEVELS = 3 };

#include <gracewalk/format/s390x_common.h>

#endif
