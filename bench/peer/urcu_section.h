/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * liburcu's read-side section, memb flavour, compiled into its caller. */
#ifndef GW_BENCH_URCU_SECTION_H
#define GW_BENCH_URCU_SECTION_H

#define _LGPL_SOURCE
#include "peer.h"
#include <urcu/urcu-memb.h>

PEER_INLINE void urcu_section_enter(void *map)
{
	(void)map;
	urcu_memb_read_lock();
}

PEER_INLINE void urcu_section_leave(void *map)
{
	(void)map;
	urcu_memb_read_unlock();
}

#endif
