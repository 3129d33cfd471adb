/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Error numbers, also where there is no C library. Functions return them negated. */
#ifndef GRACEWALK_ERRNO_H
#define GRACEWALK_ERRNO_H

#if __STDC_HOSTED__
#include <errno.h>
#else
enum {
	ENOENT = 2,
	EIO = 5,
	ENOMEM = 12,
	EBUSY = 16,
	EEXIST = 17,
	EINVAL = 22,
	ENOSPC = 28,
	ERANGE = 34,
	EOPNOTSUPP = 95,
};
#endif

#endif
