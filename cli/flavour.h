/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * liburcu's flavours by name. */
#ifndef GRACEWALK_CLI_FLAVOUR_H
#define GRACEWALK_CLI_FLAVOUR_H

#include <urcu/flavor.h>

#define FLAVOUR_NAMES "memb, mb, qsbr or bp"

/* NULL: there is no such flavour. */
const struct rcu_flavor_struct *flavour_find(const char *name);

#endif
