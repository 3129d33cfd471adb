/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * A format with a wrong bit: the true one, whose entries are bent on their way into memory and bent
 * back on their way out, so that the library agrees with itself and the MMU alone can tell. In
 * place of the format's header: -DBENT, -DGW_FORMAT_HEADER="bent.h". */
#ifndef CONFORMANCE_BENT_H
#define CONFORMANCE_BENT_H

#include <stdint.h>

/* An entry as the true format has it, and as it is in memory. */
uint64_t bend(uint64_t e, unsigned level);
uint64_t unbend(uint64_t e, unsigned level);

#define gw_fmt_empty true_empty
#define gw_fmt_is_table true_is_table
#define gw_fmt_is_leaf true_is_leaf
#define gw_fmt_table true_table
#define gw_fmt_table_address true_table_address
#define gw_fmt_leaf true_leaf
#define gw_fmt_out true_out
#define gw_fmt_attr true_attr
#define gw_fmt_recorded true_recorded
#define BENT_QUOTE(path) #path
#define BENT_HEADER(path) BENT_QUOTE(path)
/* clang-format off */
#include BENT_HEADER(gracewalk/format/GW_FORMAT.h)
/* clang-format on */
#undef gw_fmt_empty
#undef gw_fmt_is_table
#undef gw_fmt_is_leaf
#undef gw_fmt_table
#undef gw_fmt_table_address
#undef gw_fmt_leaf
#undef gw_fmt_out
#undef gw_fmt_attr
#undef gw_fmt_recorded

static inline uint64_t gw_fmt_empty(unsigned level)
{
	return bend(true_empty(level), level);
}

static inline bool gw_fmt_is_table(uint64_t e, unsigned level)
{
	return true_is_table(unbend(e, level), level);
}

static inline bool gw_fmt_is_leaf(uint64_t e, unsigned level)
{
	return true_is_leaf(unbend(e, level), level);
}

static inline uint64_t gw_fmt_table(uint64_t address, unsigned level)
{
	return bend(true_table(address, level), level);
}

static inline uint64_t gw_fmt_table_address(uint64_t e, unsigned level)
{
	return true_table_address(unbend(e, level), level);
}

/* A true format's short ways are not for bent entries. */
static inline bool bent_leads_on(uint64_t e, unsigned level)
{
	return gw_fmt_is_table(e, level);
}

static inline uint64_t bent_leads_to(uint64_t e, unsigned level)
{
	return gw_fmt_table_address(e, level);
}

#undef gw_fmt_leads_on
#define gw_fmt_leads_on bent_leads_on
#define gw_fmt_leads_to bent_leads_to

static inline uint64_t gw_fmt_leaf(uint64_t out, uint32_t attr, unsigned level)
{
	return bend(true_leaf(out, attr, level), level);
}

static inline uint64_t gw_fmt_out(uint64_t e, unsigned level)
{
	return true_out(unbend(e, level), level);
}

static inline uint32_t gw_fmt_attr(uint64_t e, unsigned level)
{
	return true_attr(unbend(e, level), level);
}

static inline uint64_t gw_fmt_recorded(uint64_t e, uint32_t attr, unsigned level)
{
	return bend(true_recorded(unbend(e, level), attr, level), level);
}

#endif
