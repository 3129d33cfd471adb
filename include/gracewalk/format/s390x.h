/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Format: s390x, 4 levels, 53-bit addresses: an address-space-control element with DT 10. */
#ifndef GRACEWALK_FORMAT_S390X_H
#define GRACEWALK_FORMAT_S390X_H

#define GW_FMT_NAME "s390x"

enum { S390_LEVELS = 4 };

#include <gracewalk/format/s390x_common.h>

#endif
